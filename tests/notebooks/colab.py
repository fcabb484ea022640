"""Colab's way: a notebook alone in an empty folder installs the package and runs to its end.

The environment holds torch, numpy, matplotlib, ipykernel and a few more, as Colab does, and nothing
of this project. It is made once for each worker, at .venv/colab-…, out of the files that are
installed here (hard links: seconds and no disk space). torch runs there as on a processor without
vector instructions, and every output must still be the stored one.

What the setup cell installs comes from this working tree: git's `insteadOf` turns the address on
GitHub into a repository on this disk, and pip finds the packages that it needs on the way in the
environment's wheels.
"""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bookkit.notebooks import CELL_TIMEOUT
from bookkit.outputs import picture_faults, text_faults
from bookkit.pages import ROOT
from bookkit.setup_cell import REPOSITORY

ADDRESS = "example-owner/glass-box-transformer"
PRESENT = ("torch", "numpy", "matplotlib", "tqdm", "safetensors", "requests", "ipykernel", "pip")
FETCHED = ("hatchling", "jaxtyping", "pooch")  # what builds the package, and what it depends on
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "main")
ENVIRONMENT = ROOT / ".venv" / f"colab-{WORKER}"
PYTHON = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin") / "python"
WHEELS = ENVIRONMENT / "wheels"


def closure(names):
    """Return the installed distributions that `names` need, themselves included."""
    found, waiting = {}, [canonicalize_name(name) for name in names]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found[name] = importlib.metadata.distribution(name)
        for line in found[name].requires or []:
            requirement = Requirement(line)
            if requirement.marker is None or requirement.marker.evaluate({"extra": ""}):
                waiting.append(canonicalize_name(requirement.name))
    return found


def site_packages():
    command = [str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return Path(subprocess.check_output(command, text=True).strip())


def link(source, target):
    """Give a file a second name; copy it if the disk cannot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def make_environment(distributions):
    """Make the bare environment anew."""
    shutil.rmtree(ENVIRONMENT, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", ENVIRONMENT], check=True)
    site = site_packages()
    for distribution in distributions.values():
        for file in distribution.files or []:
            source = Path(distribution.locate_file(file))
            if ".." not in file.parts and source.is_file():
                link(source, site / file)
    fetch = [sys.executable, "-m", "pip", "download", "-q", "--disable-pip-version-check"]
    subprocess.run([*fetch, "-d", WHEELS, *FETCHED], check=True)


def installed(site):
    return {path.name.partition("-")[0].lower(): path for path in site.glob("*.dist-info")}


def uninstall():
    """Take everything out of the environment that a setup cell put there."""
    extra = set(installed(site_packages())) - {name.replace("-", "_") for name in closure(PRESENT)}
    if extra:
        command = [PYTHON, "-m", "pip", "uninstall", "-q", "-y", *sorted(extra)]
        subprocess.run(command, check=True)
    assert "glassbox" not in installed(site_packages())
    probe = "import importlib.util as u; print(u.find_spec('glassbox'), u.find_spec('jaxtyping'))"
    found = subprocess.check_output([PYTHON, "-c", probe], text=True, cwd=PYTHON.parent)
    assert found.split() == ["None", "None"]


def make_repository(folder):
    """Make a git repository of the package as it lies in the working tree."""
    litter = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist")
    shutil.copytree(ROOT / "code", folder / "code", ignore=litter)
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    git = ["git", "-C", str(folder), *identity, "-c", "commit.gpgsign=false"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A", "-f"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "The working tree"], check=True)


def stamped(source, address):
    assert f'REPOSITORY = "{REPOSITORY}"' in source
    return source.replace(f'REPOSITORY = "{REPOSITORY}"', f'REPOSITORY = "{address}"')


def add_kernel(name, python, folder):
    """Describe a kernel of another environment to Jupyter."""
    described = folder / "kernels" / name / "kernel.json"
    described.parent.mkdir(parents=True)
    command = [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    described.write_text(json.dumps({"argv": command, "display_name": name, "language": "python"}))


def run_notebook(notebook, folder, repository):
    """Run a notebook in a kernel of the bare environment, in a folder of its own."""
    work = folder / "empty"
    work.mkdir()
    add_kernel("bare", PYTHON, folder)
    resources = {"metadata": {"path": str(work)}}
    client = NotebookClient(notebook, kernel_name="bare", timeout=CELL_TIMEOUT, resources=resources)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_", "GIT_"))}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("JUPYTER_PATH", str(folder))
        client.execute(
            env={
                **kept,
                "OMP_NUM_THREADS": "1",
                "ATEN_CPU_CAPABILITY": "default",  # another processor than this one
                "PIP_NO_INDEX": "1",
                "PIP_FIND_LINKS": WHEELS.as_uri(),  # pip would split a path at a space
                "PIP_CONFIG_FILE": os.devnull,
                "PIP_DISABLE_PIP_VERSION_CHECK": "1",
                "GIT_CONFIG_COUNT": "1",
                "GIT_CONFIG_KEY_0": f"url.{repository.as_uri()}.insteadOf",
                "GIT_CONFIG_VALUE_0": f"https://github.com/{ADDRESS}",
                "GIT_ALLOW_PROTOCOL": "file",  # nothing is asked of the network
            }
        )


def fingerprint(site):
    """Describe the installation of torch: its record, and when each file of it changed."""
    record = installed(site)["torch"] / "RECORD"
    names = re.findall(r"^(torch/[^,]+\.(?:py|so|dll|dylib)),", record.read_text(), re.MULTILINE)
    times = [(site / name).stat().st_mtime_ns for name in names]
    return record.read_bytes(), record.stat().st_mtime_ns, names, times


def notebook_of(*sources):
    cells = [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    return nbformat.v4.new_notebook(cells=cells)


def run_chapter(page, folder, repository):
    """Run a chapter, and return each output that is not the stored one."""
    notebook = nbformat.v4.reads_json(page.source)
    setup = next(cell for cell in notebook.cells if cell.get("id") == "setup")
    setup.source = stamped(setup.source, ADDRESS)
    run_notebook(notebook, folder, repository)
    fresh = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [
        fault
        for old, new in zip(page.code_cells, fresh, strict=True)
        if old.id != "setup"  # it may say here what it installed
        for fault in text_faults(old, new) + picture_faults(old, new)
    ]
