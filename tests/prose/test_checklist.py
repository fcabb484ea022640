"""The page with the checklist: its commands are run, and what they print is compared."""

import os
import re
import subprocess
import sys

import pytest

from bookkit.pages import ROOT
from glassbox.invariants import INVARIANTS

PAGE = (ROOT / "chapters/checklist.md").read_text(encoding="utf-8")
FILES = re.findall(r"file\n?\s`(\w+\.py)`[^`]*```python\n(.*?)```", PAGE, re.S)
OUTPUTS = re.findall(r"```text\n(.*?)```", PAGE, re.S)
COMMANDS = re.findall(r"```bash\npython -m glassbox check (\w+_model:.*)\n```", PAGE)
SHOWN = list(zip([*COMMANDS, COMMANDS[-1]], (False, False, True), OUTPUTS, strict=True))
"""Each command, whether the model is mended first, and what the page shows."""


def printed(command, mended, folder):
    """Write the files of the page into a folder, run the command there, return what it prints."""
    for name, source in FILES:
        text = source.replace("mask=earlier", "mask=~earlier") if mended else source
        (folder / name).write_text(text, encoding="utf-8")
    words = [sys.executable, "-m", "glassbox", "check", *command.split()]
    offline = os.environ | {"HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        words, cwd=folder, env=offline, capture_output=True, text=True, timeout=1800
    )


def test_the_page_has_files_and_commands():
    assert [name for name, _ in FILES] == ["hub_model.py", "plain_model.py"]
    assert len(COMMANDS) == 2 and "mask=~earlier" in PAGE and "mask=earlier" in PAGE


@pytest.mark.parametrize(("command", "mended", "output"), SHOWN)
def test_a_command_of_the_page_prints_what_the_page_shows(command, mended, output, tmp_path):
    done = printed(command, mended, tmp_path)
    assert done.stdout == output, done.stderr[-2000:]
    fails = "plain_model" in command and not mended
    assert done.returncode == int(fails)


def test_the_list_names_every_invariant_once():
    listed = PAGE.split("## The list")[1].split("Each probe is a function")[0]
    named = [name for name in re.findall(r"`(\w+)`", listed) if name in INVARIANTS]
    assert sorted(named) == sorted(INVARIANTS)
