"""Tables, pages and the picture: what an instructor and a student read."""

import csv
import re

import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from bookkit.grading import report
from bookkit.grading.course import Graded, Part
from bookkit.grading.feedback import write_feedback
from bookkit.handins.collect import Refused


def graded(student="Ada", answer="Because.", points=None, message="too wide", notes=()):
    """A student with two tests of one problem and an answer to read."""
    parts = [
        Part("mask-window", "mask", 2.0, 0.0, message),
        Part("mask-causal", "mask", 1.0, 1.0),
        Part("why-answer", "why", 4.0, points, "well said" if points else "", answer),
    ]
    cells = [
        new_markdown_cell("# Problem set 1: Masks"),
        new_markdown_cell("## Problem 1: A <mask>", metadata={"nbgrader": {"grade_id": "mask"}}),
        new_code_cell("a < b", metadata={"nbgrader": {"grade_id": "mask-answer"}}),
        new_code_cell("SECRET = 1", metadata={"nbgrader": {"grade_id": "mask-window"}}),
    ]
    return Graded(student, "masks", parts, new_notebook(cells=cells), notes, f"{student}.ipynb")


def rows(path):
    with path.open(newline="", encoding="utf-8-sig") as file:
        return list(csv.DictReader(file))


def test_grades_have_points_by_problem_and_leave_the_unread_open(tmp_path):
    report.write_grades(tmp_path / "g.csv", [graded(notes=("two files",)), graded("Bo", points=3)])
    ada, bo = rows(tmp_path / "g.csv")
    assert (ada["mask"], ada["why"], ada["total"], ada["most"]) == ("1", "", "1", "7")
    assert ada["notes"] == "two files; an answer is still to be read"
    assert (bo["why"], bo["total"], bo["notes"]) == ("3", "4", "")


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1"])
def test_no_cell_of_a_table_is_a_formula(tmp_path, text):
    report.write_grades(tmp_path / "g.csv", [graded(text)])
    report.write_to_read(tmp_path / "r.csv", [graded(answer=text)])
    report.write_refused(tmp_path / "f.csv", [Refused(text, text, text)])
    assert rows(tmp_path / "g.csv")[0]["student"] == "'" + text
    assert rows(tmp_path / "r.csv")[0]["answer"] == "'" + text
    assert set(rows(tmp_path / "f.csv")[0].values()) == {"'" + text}


def test_nobody_refused_leaves_no_file_of_an_earlier_run(tmp_path):
    path = tmp_path / "refused.csv"
    report.write_refused(path, [Refused("Ada", "a.pdf", "no notebook")])
    assert rows(path)[0]["reason"] == "no notebook"
    report.write_refused(path, [])
    assert not path.exists()


def fill(path, **cells):
    """Fill in cells of the first row, as a spreadsheet would."""
    table = rows(path)
    table[0] |= cells
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, report.TO_READ)
        writer.writeheader()
        writer.writerows(table)


@pytest.mark.parametrize(("written", "points"), [("2", 2.0), ("2.5", 2.5), ("2,5", 2.5), ("0", 0)])
def test_points_filled_in_are_read_back(tmp_path, written, points):
    path = tmp_path / "to-read.csv"
    report.write_to_read(path, [graded(answer="=a\nb"), graded("Bo")])
    fill(path, points=written, comment="good")
    assert report.read_points(path) == {("Ada", "why-answer"): ("=a\nb", points, "good")}


@pytest.mark.parametrize("written", ["5", "-1", "two", "nan", "inf"])
def test_points_that_cannot_be_are_refused_with_their_row(tmp_path, written):
    path = tmp_path / "to-read.csv"
    report.write_to_read(path, [graded()])
    fill(path, points=written)
    with pytest.raises(ValueError, match=rf"row 2 \(Ada\): points are '{written}'; expected"):
        report.read_points(path)


def test_a_table_without_its_first_line_is_refused(tmp_path):
    path = tmp_path / "to-read.csv"
    path.write_text("Ada,why,4\n")
    with pytest.raises(ValueError, match="Keep its first line"):
        report.read_points(path)


def test_the_most_frequent_message_of_a_test_is_counted():
    class_ = [graded(message=text) for text in ("too wide", "inverted", "too wide")]
    assert report.struggles(class_)[0] == ("mask-window", 0.0, "too wide", 2)
    assert report.struggles(class_)[1] == ("mask-causal", 1.0, "", 0)


def test_the_summary_is_drawn(tmp_path):
    report.write_summary(tmp_path, "masks", [graded()])
    assert (tmp_path / "summary.png").read_bytes().startswith(b"\x89PNG")
    assert [row["share of points"] for row in rows(tmp_path / "summary.csv")] == ["0.00", "1.00"]


def test_a_page_stands_alone_and_shows_no_tests(tmp_path):
    write_feedback(tmp_path / "a.html", graded("<b>Ada</b>", message='See "Masks" <script>'))
    page = (tmp_path / "a.html").read_text(encoding="utf-8")
    assert "SECRET" not in page
    assert not re.search(r"<script|src=|https?://", page)
    assert "&lt;b&gt;Ada&lt;/b&gt;" in page and "A &lt;mask&gt;" in page and "a &lt; b" in page
    assert "1 of 7 points" in page and "Not read yet, of 4 points" in page
    assert '<html lang="en">' in page and 'name="viewport"' in page
