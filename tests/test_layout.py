"""The layout of the repository: who may import whom, and what would break quietly."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

import glassbox
from bookkit.pages import ROOT, notebooks

CODE = ROOT / "code"
COURSE_MAY_IMPORT = {
    *("glassbox", "torch", "numpy", "matplotlib", "jaxtyping", "tqdm", "safetensors", "pooch"),
    *("requests",),  # pooch downloads with it; its errors are told apart
    *("huggingface_hub",),  # only where a model is fetched by its name on the hub
}
DEFINITION = ast.FunctionDef | ast.ClassDef
SOURCES = sorted(path for path in CODE.rglob("*.py"))
COURSE = [path for path in SOURCES if path.is_relative_to(CODE / "glassbox")]
CHAPTERS = notebooks()


def imported(source):
    """Return the names of the packages that a piece of Python imports, wherever it does."""
    packages = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            packages.add(node.module.split(".")[0])
    return packages


def strangers(source, allowed):
    """Return the imports that are neither allowed nor of the standard library.

    IPython is there wherever a notebook runs, so a function may import it; a module may not.
    """
    top = "\n".join(ast.unparse(n) for n in ast.parse(source).body if not isinstance(n, DEFINITION))
    found = imported(source) - allowed - sys.stdlib_module_names
    return found if "IPython" in imported(top) else found - {"IPython"}


def cell_sources(page):
    """Return the code of a notebook without the commands of IPython."""
    return "\n".join(
        re.sub(r"^(\s*)[%!].*", r"\1pass", c.source, flags=re.M) for c in page.code_cells
    )


def name(path):
    return path.relative_to(ROOT).as_posix()


def run_python(statement):
    command = [sys.executable, "-c", statement]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=1800)


def test_code_is_a_source_root_and_no_package():
    assert not (CODE / "__init__.py").exists(), "code/__init__.py hides the library's module 'code'"


def test_import_code_gives_the_module_of_the_standard_library():
    result = run_python("import code; code.InteractiveConsole; print(code.__file__)")
    assert result.returncode == 0, result.stderr
    assert not Path(result.stdout.strip()).is_relative_to(ROOT / "code")


def test_there_is_something_to_check():
    assert COURSE and CHAPTERS and len(SOURCES) > len(COURSE)


@pytest.mark.parametrize("path", COURSE, ids=name)
def test_course_package_imports_little(path):
    found = strangers(path.read_text(encoding="utf-8"), COURSE_MAY_IMPORT)
    assert not found, f"{name(path)} imports {found}, which Colab lacks or readers do not need."


@pytest.mark.parametrize("page", CHAPTERS, ids=lambda page: page.name)
def test_chapters_import_what_readers_have(page):
    found = strangers(cell_sources(page), COURSE_MAY_IMPORT)
    assert not found, f"{page.name} imports {found}: only the course package is installed there."


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("import bookkit", {"bookkit"}),
        ("def f():\n    from bookkit.pages import Page", {"bookkit"}),
        ("import IPython", {"IPython"}),
        ("def show():\n    from IPython.display import display", set()),
        ("import pandas.io as io, os", {"pandas"}),
        (
            "from . import masks\nimport math\nimport torch.nn as nn\nfrom glassbox import gpt",
            set(),
        ),
    ],
)
def test_planted_import_is_found(source, found):
    assert strangers(source, COURSE_MAY_IMPORT) == found


def loaded_by(modules, package, folder):
    """Import modules in a fresh Python that starts in `folder`; tell whether it has a package."""
    names = ", ".join(["sys", *modules])
    statement = f"import {names}; print({package!r} in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", statement], cwd=folder, capture_output=True, text=True, timeout=1800
    )
    assert result.returncode == 0, result.stderr
    return result.stdout.strip() == "True"


def module(path):
    parts = path.relative_to(CODE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@pytest.mark.parametrize(
    ("package", "fix"),
    [
        ("matplotlib", "import it inside the function that draws"),
        ("torch._dynamo", "only torch.compile and optimizers need it, when they are called"),
        ("pooch", "import it inside the function that downloads"),
    ],
)
def test_what_takes_long_to_import_is_imported_when_it_is_needed(package, fix):
    modules = [module(path) for path in COURSE if path.stem != "__main__"]
    assert {"glassbox", "glassbox.figures", "glassbox.cli"} <= set(modules)
    assert not loaded_by(modules, package, ROOT), fix


def test_planted_import_of_matplotlib_is_found(tmp_path):
    (tmp_path / "eager.py").write_text("import matplotlib\n")
    (tmp_path / "lazy.py").write_text("def draw():\n    import matplotlib\n")
    assert loaded_by(["lazy", "eager"], "matplotlib", tmp_path)
    assert not loaded_by(["lazy"], "matplotlib", tmp_path)


def loose_pins(requirements):
    """Return the lines of a requirements file that do not name one exact version."""
    lines = (line.partition("#")[0].strip() for line in requirements.splitlines())
    exact = re.compile(r"[A-Za-z0-9._-]+(\[[\w,-]+\])?==\d[\w.]*(\s*;.*)?")
    return [line for line in lines if line and not exact.fullmatch(line)]


def test_environment_is_pinned_exactly():
    loose = loose_pins((ROOT / "requirements.txt").read_text(encoding="utf-8"))
    assert not loose, f"requirements.txt does not pin {', '.join(loose)} to one version."


@pytest.mark.parametrize("line", ["torch", "torch>=2.4", "torch~=2.4", "torch==2.*", "-r x.txt"])
def test_planted_loose_pin_is_found(line):
    assert loose_pins(f"# a comment\ntorch==2.13.0  # why\n{line}\n") == [line]


@pytest.mark.parametrize("path", SOURCES, ids=name)
def test_files_can_be_read_in_one_sitting(path):
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines <= 250, f"{name(path)} has {lines} lines. One idea a file, at most 250 lines."


FLOOR = re.compile(r"^ +floor (\d)  (.+(?:\n {13}\S.*)*)$", re.M)


def floors():
    """Return the floor of every module, as the package's own docstring draws them."""
    return {
        room: int(number)
        for number, rooms in FLOOR.findall(glassbox.__doc__)
        for room in rooms.split()
    }


def room(path):
    return path.relative_to(CODE / "glassbox").parts[0].removesuffix(".py")


def uphill(source, own, house):
    """Return the rooms that a piece of Python imports from a floor above its own."""
    rooms = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.module == "glassbox":
            rooms |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("glassbox."):
            rooms.add(node.module.split(".")[1])
        elif isinstance(node, ast.Import):
            names = (alias.name.split(".") for alias in node.names)
            rooms |= {parts[1] for parts in names if parts[0] == "glassbox" and len(parts) > 1}
    return {other for other in rooms if house[other] > house[own]}


def test_the_docstring_draws_every_room_of_the_house():
    assert set(floors()) == {room(path) for path in COURSE} - {"__init__"}


@pytest.mark.parametrize("path", COURSE, ids=name)
def test_imports_run_downward(path):
    if room(path) != "__init__":
        assert not uphill(path.read_text(encoding="utf-8"), room(path), floors())


@pytest.mark.parametrize(
    "line",
    [
        "from glassbox.gpt import GPT",
        "from glassbox import gpt",
        "import glassbox.gpt",
        "def f():\n    from glassbox.gpt import GPT",
    ],
)
def test_planted_import_from_above_is_found(line):
    assert uphill(line, "masks", {"gpt": 4, "masks": 1}) == {"gpt"}


def functions(source):
    """Return each function's name, its lines of code and its number of positional arguments."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef):
            body = node.body[1:] if ast.get_docstring(node) else node.body
            lines = body[-1].end_lineno - body[0].lineno + 1 if body else 0
            positional = [a.arg for a in node.args.args if a.arg not in ("self", "cls")]
            yield node.name, lines, len(positional)


@pytest.mark.parametrize("path", COURSE, ids=name)
def test_functions_fit_on_a_screen(path):
    for function, lines, arguments in functions(path.read_text(encoding="utf-8")):
        assert lines <= 40, f"{function} in {name(path)} has {lines} lines of code"
        assert arguments <= 6, f"{function} in {name(path)} has {arguments} positional arguments"


def test_planted_long_function_is_measured():
    source = 'def f(a, b, *, c):\n    """Say."""\n' + "    a = b\n" * 41
    assert list(functions(source)) == [("f", 41, 2)]
