"""What the guide for instructors says can be done as it says it."""

import re

import pytest
import torch
import yaml

from bookkit.catalog import PROBLEM, PROBLEM_LINE, load_catalog
from bookkit.pages import ROOT, Page
from bookkit.site_catalog import syllabus_faults
from glassbox.exercises import engine

CATALOG = load_catalog()
GUIDE = (ROOT / "chapters/teaching.md").read_text(encoding="utf-8")
SYLLABI = re.findall(r"```\{syllabus\}\n(.*?)```", GUIDE, re.S)
EXAMPLE = GUIDE.split("## Write a new problem")[1]
STATEMENT = re.search(r"```markdown\n(.*?)```", EXAMPLE, re.S)[1]
RIGHT, TESTS, WRONG = re.findall(r"```python\n(.*?)```", EXAMPLE, re.S)


@pytest.mark.parametrize("number", range(3))
def test_a_syllabus_can_be_taught_in_its_order(number):
    sessions = yaml.safe_load(SYLLABI[number])
    assert len(sessions) > 5 and not list(syllabus_faults(sessions, CATALOG))


def test_every_make_target_exists():
    targets = set(re.findall(r"^([\w-]+):", (ROOT / "Makefile").read_text(), re.M))
    named = set(re.findall(r"(?:^|`|&& )make ([\w-]+)", GUIDE, re.M))
    assert {"assignments", "grade", "test-assignments"} <= named <= targets


def test_every_source_that_is_named_exists():
    paths = set(re.findall(r"`((?:assignments/(?:source|answers|nb)|requirements)[^`\s]*)`", GUIDE))
    missing = {path for path in paths if "received" not in path and not (ROOT / path).exists()}
    assert len(paths) > 4 and not missing


def outcome(answer, tests=TESTS):
    """Run the tests of the example on an answer, and return what they say, or nothing."""
    space = {"torch": torch, "compare": engine.compare, "draw": engine.draw}
    exec(answer, space)
    try:
        exec(tests, space)
    except engine.Wrong as wrong:
        return str(wrong)
    return ""


def test_the_example_accepts_right_answers_and_names_the_mistake_of_the_wrong_one():
    assert outcome(RIGHT) == ""
    assert outcome("def received(weights):\n    return sum(weights.double().unbind(-2))") == ""
    assert re.search(r"^# says: (.*)", WRONG, re.M)[1] in outcome(WRONG)


@pytest.mark.parametrize("kept", ["visible", "hidden"])
def test_each_half_of_the_example_tests_refuses_the_wrong_answer(kept):
    visible, hidden = TESTS.split("### BEGIN HIDDEN TESTS\n")
    assert hidden.rstrip().endswith("### END HIDDEN TESTS")
    sentence = visible.split("weights =")[0]
    assert outcome(WRONG, visible if kept == "visible" else sentence + hidden)


def test_the_example_is_written_in_the_form_that_is_read():
    heading, line = (part for part in STATEMENT.splitlines()[:3] if part)
    said = PROBLEM_LINE.fullmatch(line)
    (chapter,) = (each for each in CATALOG.chapters if each.title == said[4])
    assert PROBLEM.fullmatch(heading) and int(said[5]) in chapter.objectives


def test_the_section_that_the_example_points_to_exists():
    title, section = re.search(r'See "([^"]+)", section "([^"]+)"', TESTS).groups()
    (chapter,) = (each for each in CATALOG.chapters if each.title == title)
    page = Page(ROOT / f"chapters/{chapter.stem}.ipynb")
    assert section in [block.text for block in page.blocks if block.level == 2]
