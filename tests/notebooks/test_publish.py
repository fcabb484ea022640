"""`make publish-to` stamps one address everywhere, and a stray one is found."""

import json
import os
import shutil
import subprocess
import sys

import nbformat
import pytest
from sample_notebook import good_notebook, replace, write_book

from bookkit.pages import ROOT
from bookkit.publish import current_repository, publish_to, stray_addresses, tracked_files
from bookkit.setup_cell import REPOSITORY

# Spelled in two parts: `publish-to` stamps this file as well, and these are examples.
PROJECT = "-".join(("glass", "box", "transformer"))
OLD = f"old-owner/{PROJECT}"
NEW = f"new-owner/{PROJECT}"


def test_no_stray_address_in_the_repository():
    faults = stray_addresses(ROOT)
    assert not faults, "\n".join(map(str, faults))


def test_setup_cell_names_the_repository_of_the_configuration():
    assert current_repository(ROOT) == REPOSITORY


def test_files_that_must_be_stamped_are_seen():
    seen = {path.relative_to(ROOT).as_posix() for path in tracked_files(ROOT)}
    needed = {"_config.yml", "README.md", "CITATION.cff", "code/bookkit/setup_cell.py"}
    assert needed <= seen
    assert not [path for path in seen if path.startswith((".venv/", "_build/", ".git/"))]


@pytest.fixture(params=["git", "no git"])
def book(request, tmp_path):
    """Return the folder of a small book that is published at OLD."""
    notebook = good_notebook()
    replace(notebook, "setup", REPOSITORY, OLD)
    write_book(tmp_path, notebook)
    url = f"https://github.com/{OLD}"
    config = f"html:\n  x: 1\nrepository:\n  url: {url}  # the one setting\n"
    (tmp_path / "_config.yml").write_text(config)
    readme = f"{url}.git\ncd {PROJECT}\n<https://old-owner.github.io/{PROJECT}/x.html>\r\n"
    (tmp_path / "README.md").write_bytes(readme.encode())
    (tmp_path / "near.txt").write_text(f"very-{OLD} {OLD}-2 {OLD}. \n")
    (tmp_path / "picture.png").write_bytes(b"\x89PNG\xff" + OLD.encode())
    for folder in (".venv", "_build"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.txt").write_text(OLD)
    if request.param == "git":
        subprocess.run(["git", "init", "-q", str(tmp_path)], check=True)
        (tmp_path / ".gitignore").write_text(".venv/\n")
    return tmp_path


def contents(root):
    files = [p for p in root.rglob("*") if p.is_file() and ".git" not in p.parts]
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in files}


def test_address_is_stamped_everywhere_and_nothing_else_changes(book):
    before = contents(book)
    changed = {path.relative_to(book).as_posix() for path in publish_to(NEW, book)}
    assert changed == {"_config.yml", "README.md", "near.txt", "chapters/sample.ipynb"}
    after = contents(book)
    assert current_repository(book) == NEW
    for path in before.keys() - {"near.txt"} - {"picture.png", ".venv/x.txt", "_build/x.txt"}:
        assert after[path] == before[path].replace(b"old-owner", b"new-owner"), path
    assert after["near.txt"].decode() == f"very-{OLD} {OLD}-2 {NEW}. \n"
    for path in ("picture.png", ".venv/x.txt", "_build/x.txt"):
        assert after[path] == before[path]
    assert json.loads(after["chapters/sample.ipynb"])["cells"][1]["source"]


def test_stamping_twice_changes_nothing(book):
    publish_to(NEW, book)
    before = contents(book)
    assert publish_to(NEW, book) == []
    assert contents(book) == before


def test_stamping_back_restores_every_byte(book):
    before = contents(book)
    publish_to("another/name-of-it", book)
    assert current_repository(book) == "another/name-of-it"
    assert b"cd name-of-it\n" in contents(book)["README.md"]
    publish_to(OLD, book)
    assert contents(book) == before


@pytest.mark.parametrize(
    "wrong",
    [
        "",
        "owner",
        "owner/",
        "/name",
        "https://github.com/owner/name",
        "owner/name/more",
        "own er/name",
        "own_er/name",
        "-owner/name",
        "owner-/name",
        "own--er/name",
        "owner/.name",
        "o" * 40 + "/name",
        "owner/name\n",
    ],
)
def test_wrong_argument_is_refused(wrong, book):
    before = contents(book)
    with pytest.raises(ValueError, match="Give owner/name"):
        publish_to(wrong, book)
    assert contents(book) == before


@pytest.mark.parametrize(
    "stray",
    [
        f"https://github.com/other/{PROJECT}",
        f"https://colab.research.google.com/github/other/{PROJECT}/blob/main/x.ipynb",
        f"git@github.com/{PROJECT[:0]}other/{PROJECT}.git",
        f"https://other.github.io/{PROJECT}/",
        f"https://raw.githubusercontent.com/other/{PROJECT}/main/x",
        "_".join(("your", "name")) + "/glass",
    ],
)
def test_planted_stray_is_named(stray, book):
    assert not stray_addresses(book)
    (book / "CITATION.cff").write_text(f"title: x\nurl: {stray}\n")
    (fault,) = stray_addresses(book)
    assert (fault.page, fault.cell) == ("CITATION.cff", "line 2")
    assert OLD in fault.message


@pytest.mark.parametrize("name", ["attention-course", PROJECT])
@pytest.mark.parametrize("form", ["https://github.com/bob/{}", "https://bob.github.io/{}/x.html"])
def test_stray_is_named_after_the_repository_was_renamed(form, name, book):
    publish_to("jane/attention-course", book)
    assert not stray_addresses(book)
    (book / "CITATION.cff").write_text(form.format(name) + "\n")
    (fault,) = stray_addresses(book)
    assert "jane/attention-course" in fault.message
    (book / "CITATION.cff").write_text(form.format(f"{name}-2") + "\n")
    assert not stray_addresses(book)


def test_stray_in_a_setup_cell_is_found(book):
    path = book / "chapters" / "sample.ipynb"
    notebook = nbformat.v4.reads_json(path.read_text())
    replace(notebook, "setup", OLD, "_".join(("your", "name")) + f"/{PROJECT}")
    path.write_text(nbformat.v4.writes_json(notebook))
    assert {fault.page for fault in stray_addresses(book)} == {"chapters/sample.ipynb"}


def test_configuration_without_an_address_is_an_error(book):
    (book / "_config.yml").write_text("title: x\n")
    with pytest.raises(ValueError, match=r"repository\.url"):
        current_repository(book)


def test_command_works_from_any_folder(book, tmp_path_factory):
    """Run the command on a copy of the package, so that it finds the copy's root."""
    source = ROOT / "code" / "bookkit"
    shutil.copytree(source, book / "code" / "bookkit", ignore=shutil.ignore_patterns("__pycache__"))
    environment = {**os.environ, "PYTHONPATH": str(book / "code"), "PYTHONDONTWRITEBYTECODE": "1"}

    def run(*arguments):
        command = [sys.executable, "-m", "bookkit", *arguments]
        folder = tmp_path_factory.mktemp("elsewhere")
        return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)

    result = run("publish-to", NEW)
    assert result.returncode == 0, result.stderr
    assert "chapters/sample.ipynb" in result.stdout
    assert "Nothing to change" in run("publish-to", NEW).stdout
    wrong = run("publish-to", "owner")
    assert wrong.returncode == 1 and "jane/attention-course" in wrong.stderr
    assert "owner/name" in run("--help").stdout + run("publish-to", "--help").stdout
