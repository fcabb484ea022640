"""What the book's extension makes of a notebook, and the faults that it reports while building."""

import base64
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
PNG = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAQAAAC1HAwCAAAAC0lEQVR42mNk+M8AAAQGAQEAGw0uAAAAAElFTkSuQmCC"
DARK_PNG = base64.b64encode(base64.b64decode(PNG) + b"dark").decode()

TITLE = """# A chapter

The promise.

| Objective | Tested by |
| --- | --- |
| 1. Add | Exercise 1 |

**Know first:** nothing. **Reading:** 1 minute.
"""
PROSE = """## Taken heading

> **Predict.** What comes?

> **Watch out.** It bites.

> **Unknown.** A plain quotation.

> A quotation without bold words.

**Verdict: false.** Because.

**Verdict: true only when it rains.** Because of $x$.

Prose with **Verdict: true.** in its middle.

### Exercise 1: Add

*Difficulty 2 of 3 · 5 minutes · objective 1*

Add.
"""
QUESTIONS = [
    {"id": "Q001", "page": "chapter", "cell": "sound-figure", "question": "Why `x` and $x$?"},
    {"id": "Q002", "page": "chapter", "cell": "no-such-cell", "question": "Where?"},
    {"id": "E001", "page": "chapter", "cell": "exempt", "claim": "It is.", "verdict": False},
    {"id": "E002", "page": "chapter", "cell": "exempt", "claim": "So.", "verdict": "maybe"},
]


def markdown(name: str, source: str) -> dict:
    return {"cell_type": "markdown", "id": name, "metadata": {}, "source": source}


def code(name: str, alt: str | None = None, **metadata) -> dict:
    """A code cell; with alt text, one that shows a figure."""
    data = {"image/png": PNG, "text/plain": alt}
    shown = {"glassbox": {"dark": DARK_PNG}, "image/png": {"width": 40, "height": 30}}
    figure = {"output_type": "display_data", "data": data, "metadata": shown}
    return {
        "cell_type": "code",
        "id": name,
        "metadata": metadata,
        "execution_count": 1,
        "outputs": [] if alt is None else [figure],
        "source": "x = 1",
    }


def write_book(folder: Path) -> None:
    """Write a book of three pages with the project's own settings."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text(encoding="utf-8"))
    for missing in ("bibtex_bibfiles", "logo"):
        config.pop(missing)
    config["html"].pop("favicon")
    config["sphinx"]["config"].pop("bibtex_reference_style")
    config["sphinx"]["config"]["html_static_path"] = []
    for files in ("html_css_files", "html_js_files"):
        config["sphinx"]["config"].pop(files)
    config["sphinx"]["local_extensions"] = {"bookkit.extension": str(ROOT / "code")}
    toc = {"format": "jb-book", "root": "chapter"}
    toc["chapters"] = [{"file": "questions"}, {"file": "execution"}]
    cells = [
        markdown("title", TITLE),
        code("setup", tags=["setup", "hide-cell"]),
        code("sound-figure", "One dot, white."),
        code("mute-figure", "<Figure size 640x480 with 1 Axes>"),
        code("taken-heading"),
        code("exempt", exempt="it prints the time", tags=["nbval-ignore-output"]),
        markdown("prose", PROSE),
    ]
    kernel = {"kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"}}
    notebook = {"cells": cells, "metadata": kernel, "nbformat": 4, "nbformat_minor": 5}
    questions = [{"answer": "Because.", **each} for each in QUESTIONS]
    files = {
        "_config.yml": yaml.safe_dump(config),
        "_toc.yml": yaml.safe_dump(toc),
        "chapter.ipynb": json.dumps(notebook),
        "questions.md": "# Questions\n\n```{questions}\n```\n",
        "questions.yml": yaml.safe_dump(questions),
        "execution.md": "# Execution\n\n```{execution}\n```\n",
        "execution.json": json.dumps({"notebooks": {}}),
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> tuple[Path, str]:
    """Build the book once; return its pages' folder and what the build complained of."""
    folder = tmp_path_factory.mktemp("book")
    write_book(folder)
    build = "from jupyter_book.cli.main import main; main()"
    run = subprocess.run(
        [sys.executable, "-c", build, "build", ".", "-n", "--keep-going"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "NO_COLOR": "1"},
    )
    return folder / "_build" / "html", run.stdout + run.stderr


@pytest.fixture(scope="module")
def chapter(built) -> str:
    """The HTML of the notebook's page."""
    return (built[0] / "chapter.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "complaint",
    [
        "figure of cell 'mute-figure' has no alt text",
        "cell id 'taken-heading' is also the anchor of a heading",
        "Q002 names 'no-such-cell', no cell of chapter",
        "E002 has the verdict 'maybe', unknown",
        "execution.json has no run of chapter: run `make notebooks`",
    ],
)
def test_the_build_warns_of_a_fault_and_names_its_file(complaint, built):
    (line,) = [line for line in built[1].splitlines() if complaint in line]
    assert "WARNING" in line
    assert re.search(r"(chapter\.ipynb|questions\.md|execution\.md)", line)


def test_the_build_warns_of_nothing_else(built):
    warnings = [line for line in built[1].splitlines() if "WARNING" in line]
    assert len(warnings) == 5, warnings


@pytest.mark.parametrize("cell", ["setup", "sound-figure", "exempt"])
def test_each_code_cell_has_its_id(cell, chapter):
    assert re.search(rf'<div class="cell [^"]*" id="{cell}">', chapter)


def test_a_figure_has_its_alt_text_and_an_image_for_each_theme(chapter, built):
    images = re.findall(r'<img alt="One dot, white\."[^>]*>', chapter)
    assert ["only-light" in image for image in images] == [True, False]
    assert ["only-dark" in image for image in images] == [False, True]
    files = [built[0] / re.search(r'src="([^"]+)"', image)[1] for image in images]
    assert [file.read_bytes() for file in files] == list(map(base64.b64decode, (PNG, DARK_PNG)))


@pytest.mark.parametrize(
    "dressed",
    [
        '<blockquote class="callout callout-predict">',
        '<blockquote class="callout callout-watch-out">',
        '<p class="verdict verdict-false">',
        '<p class="verdict verdict-true-only-when">',
        '<section class="exercise" id="exercise-1-add">',
        '<span class="fact difficulty-2-of-3">Difficulty 2 of 3</span>',
        '<span class="fact">5 minutes</span>',
        '<div class="objectives docutils container">',
        '<span class="objective-number">1</span>',
        '<p class="objectives-facts">',
    ],
)
def test_plain_markdown_is_dressed(dressed, chapter):
    assert chapter.count(dressed) == 1


def test_other_quotations_stay_plain(chapter):
    assert len(re.findall(r"<blockquote>", chapter)) == 2
    assert chapter.count('class="verdict ') == 2


def test_questions_link_to_their_cells(built):
    page = (built[0] / "questions.html").read_text(encoding="utf-8")
    assert 'href="chapter.html#sound-figure"' in page
    assert 'id="q001"' in page
    assert r"\(x\)" in page
    assert '<span class="badge badge-false">false</span>' in page


def test_the_execution_page_counts_cells_and_gives_reasons(built):
    page = (built[0] / "execution.html").read_text(encoding="utf-8")
    row = page[page.index('<a class="reference internal" href="chapter.html"') :]
    cells = re.findall(r"<td><p>([^<]*)</p></td>", row)
    assert cells[:4] == ["under 1 s", "5", "4", "1"]
    assert "it prints the time" in page


def test_pages_ask_for_nothing_outside_and_load_no_thebe(chapter, built):
    scripts = re.findall(r"<(?:script|link)[^>]+(?:src|href)=\"([^\"]+)\"", chapter)
    assert not [script for script in scripts if script.startswith(("http", "//"))]
    assert "THEBE_JS_URL" not in chapter
    assert (built[0] / "_static" / "mathjax" / "tex-chtml.js").is_file()
