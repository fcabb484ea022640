"""An environment like Colab's, in which a setup cell has installed the package: a Jupyter kernel.

The environment holds torch, numpy, matplotlib, ipykernel and a few more, as Colab does, and nothing
else of this project. It is made at .venv/colab out of the files that are installed here (hard
links: seconds and no disk space). Its kernel runs torch as on a processor without vector
instructions, so that nbval, which runs the chapters in it, compares with another machine.

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
import tempfile
from collections.abc import Iterable
from pathlib import Path

import nbformat
from nbclient import NotebookClient
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from bookkit.pages import ROOT
from bookkit.setup_cell import REPOSITORY, SETUP_CELL

KERNEL = "like-colab"
INSTALL_TIMEOUT = 900  # seconds: a busy machine with a cold disk has taken over a minute
ADDRESS = "example-owner/glass-box-transformer"
PRESENT = ("torch", "numpy", "matplotlib", "tqdm", "safetensors", "requests", "ipykernel", "pip")
FETCHED = ("hatchling", "jaxtyping", "pooch")  # what builds the package, and what it depends on
ENVIRONMENT = ROOT / ".venv" / "colab"
PYTHON = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin") / "python"
WHEELS = ENVIRONMENT / "wheels"
STAMP = ENVIRONMENT / "made-from.txt"


def prepare() -> None:
    """Make the environment if it is missing or out of date, and install the package as Colab does.

    Raises:
        RuntimeError: if the setup cell left the package out, or touched the installed torch.
    """
    make_environment()
    uninstall()
    before = fingerprint()
    run_cells(stamped(SETUP_CELL, ADDRESS))
    if "glassbox" not in installed():
        raise RuntimeError("The setup cell ran, and glassbox is not installed.")
    if fingerprint() != before:
        raise RuntimeError("The setup cell touched the installed torch; Colab's must stay.")


def make_environment() -> None:
    """Make the bare environment and describe its kernel, unless it is there and up to date."""
    distributions = closure(PRESENT)
    wanted = "\n".join(f"{name}=={d.version}" for name, d in sorted(distributions.items()))
    wanted = f"{sys.version}\n{PYTHON}\n{wanted}\n"
    describe_kernel()
    if STAMP.exists() and STAMP.read_text() == wanted:
        return
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
    STAMP.write_text(wanted)


def closure(names: Iterable[str]) -> dict[str, importlib.metadata.Distribution]:
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


def site_packages() -> Path:
    """Return the folder in which the environment keeps its packages."""
    command = [str(PYTHON), "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]
    return Path(subprocess.check_output(command, text=True).strip())


def link(source: Path, target: Path) -> None:
    """Give a file a second name; copy it if the disk cannot."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copy2(source, target)


def describe_kernel() -> None:
    """Tell Jupyter of the environment's kernel: one thread, no vector instructions."""
    folder = Path(sys.prefix) / "share" / "jupyter" / "kernels" / KERNEL
    folder.mkdir(parents=True, exist_ok=True)
    kernel = {
        "argv": [str(PYTHON), "-m", "ipykernel_launcher", "-f", "{connection_file}"],
        "display_name": KERNEL,
        "language": "python",
        "env": {"OMP_NUM_THREADS": "1", "ATEN_CPU_CAPABILITY": "default", "PYTHONPATH": ""},
    }
    (folder / "kernel.json").write_text(json.dumps(kernel, indent=1))


def installed() -> dict[str, Path]:
    """Return the metadata of each package in the environment, by name."""
    found = site_packages().glob("*.dist-info")
    return {path.name.partition("-")[0].lower(): path for path in found}


def uninstall() -> None:
    """Take everything out of the environment that a setup cell put there."""
    extra = set(installed()) - {name.replace("-", "_") for name in closure(PRESENT)}
    if extra:
        command = [PYTHON, "-m", "pip", "uninstall", "-q", "-y", *sorted(extra)]
        subprocess.run(command, check=True)
    probe = "import importlib.util as u; print(u.find_spec('glassbox'), u.find_spec('jaxtyping'))"
    found = subprocess.check_output([PYTHON, "-c", probe], text=True, cwd=PYTHON.parent)
    if found.split() != ["None", "None"]:
        raise RuntimeError(f"{ENVIRONMENT} still finds {found.strip()}. Delete the folder.")


def make_repository(folder: Path) -> None:
    """Make a git repository of the package as it lies in the working tree."""
    litter = shutil.ignore_patterns("__pycache__", "*.egg-info", "build", "dist")
    shutil.copytree(ROOT / "code", folder / "code", ignore=litter)
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.org"]
    git = ["git", "-C", str(folder), *identity, "-c", "commit.gpgsign=false"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "add", "-A", "-f"], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "The working tree"], check=True)


def stamped(source: str, address: str) -> str:
    """Put the address of a published repository into a setup cell."""
    assert f'REPOSITORY = "{REPOSITORY}"' in source
    return source.replace(f'REPOSITORY = "{REPOSITORY}"', f'REPOSITORY = "{address}"')


def run_cells(*sources: str) -> None:
    """Run cells in the environment's kernel, in an empty folder, without asking the network."""
    cells = [nbformat.v4.new_code_cell(source, id=f"c{i}") for i, source in enumerate(sources)]
    notebook = nbformat.v4.new_notebook(cells=cells)
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "PIP_", "GIT_"))}
    with tempfile.TemporaryDirectory() as folder:
        repository, work = Path(folder) / "repository", Path(folder) / "empty"
        make_repository(repository)
        work.mkdir()
        resources = {"metadata": {"path": str(work)}}
        client = NotebookClient(
            notebook,
            kernel_name=KERNEL,
            timeout=INSTALL_TIMEOUT,
            startup_timeout=INSTALL_TIMEOUT,
            resources=resources,
        )
        client.execute(
            env={
                **kept,
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


def fingerprint() -> tuple[object, ...]:
    """Describe the installation of torch: its record, and when each file of it changed."""
    site, record = site_packages(), installed()["torch"] / "RECORD"
    names = re.findall(r"^(torch/[^,]+\.(?:py|so|dll|dylib)),", record.read_text(), re.MULTILINE)
    assert len(names) > 1000
    times = [(site / name).stat().st_mtime_ns for name in names]
    return record.read_bytes(), record.stat().st_mtime_ns, names, times
