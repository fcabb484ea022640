"""What the instructor reads after grading: a table, a picture of the class, the answers to read."""

import csv
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from bookkit.grading.course import Graded
from bookkit.handins.collect import Refused

TO_READ = ["student", "question", "answer", "most", "points", "comment"]


def safe(text: str) -> str:
    """Return text that a spreadsheet does not run as a formula."""
    return "'" + text if text[:1] in ("=", "+", "-", "@", "\t", "\r") else text


def problems(graded: Graded) -> dict[str, list]:
    """Return the parts of each problem, in order."""
    found: dict[str, list] = {}
    for part in graded.parts:
        found.setdefault(part.problem, []).append(part)
    return found


def write_rows(path: Path, rows: Iterable[list[str]]) -> None:
    """Write a table that spreadsheets open with the right letters."""
    with path.open("w", newline="", encoding="utf-8-sig") as file:
        csv.writer(file).writerows(rows)


def write_grades(path: Path, class_: list[Graded]) -> None:
    """Write one row for each student: points of each problem, total, what to know."""
    names = list(problems(class_[0]))
    rows = [["student", *names, "total", "most", "file", "notes"]]
    for one in class_:
        points = [_sum(parts) for parts in problems(one).values()]
        unread = sum(part.points is None for part in one.parts)
        notes = [*one.notes, *(["an answer is still to be read"] if unread else [])]
        total = [f"{one.points():g}", f"{one.most():g}"]
        rows.append([safe(one.student), *points, *total, safe(one.file), "; ".join(notes)])
    write_rows(path, rows)


def write_refused(path: Path, refused: list[Refused]) -> None:
    """Write who could not be graded, and why; no file if there is nobody."""
    path.unlink(missing_ok=True)
    if refused:
        rows = [[safe(bad.student), safe(bad.file), safe(bad.reason)] for bad in refused]
        write_rows(path, [["student", "file", "reason"], *rows])


def _sum(parts: list) -> str:
    """Return a problem's points, or nothing while a part of it is unread."""
    known = [part.points for part in parts if part.points is not None]
    return f"{sum(known):g}" if len(known) == len(parts) else ""


def write_to_read(path: Path, class_: list[Graded]) -> None:
    """Write the answers that a person reads, with the points given so far."""
    rows = [TO_READ]
    for one in class_:
        for part in one.parts:
            if part.answer:
                points = "" if part.points is None else f"{part.points:g}"
                given = [one.student, part.cell, part.answer]
                rows.append([*map(safe, given), f"{part.most:g}", points, safe(part.message)])
    write_rows(path, rows)


def read_points(path: Path) -> dict[tuple[str, str], tuple[str, float, str]]:
    """Read the points that a person filled in, by student and question.

    Returns:
        The answer that was read, its points and the comment. Rows without points are left out.

    Raises:
        ValueError: if a row's points are no number between 0 and the most, with the row.
    """
    found = {}
    with path.open(newline="", encoding="utf-8-sig") as file:
        table = csv.DictReader(file)
        if missing := set(TO_READ) - set(table.fieldnames or []):
            raise ValueError(f"{path} lacks the columns {sorted(missing)}. Keep its first line.")
        for number, row in enumerate(table, start=2):
            if not (row["points"] or "").strip():
                continue
            try:
                points = float(row["points"].replace(",", "."))
                fits = 0 <= points <= float(row["most"])
            except ValueError:
                fits = False
            if not fits:
                raise ValueError(
                    f"{path}, row {number} ({row['student']}): points are {row['points']!r}; "
                    f"expected a number from 0 to {row['most']}."
                )
            key = row["student"].removeprefix("'"), row["question"]
            found[key] = row["answer"].removeprefix("'"), points, row["comment"].removeprefix("'")
    return found


def struggles(class_: list[Graded]) -> list[tuple[str, float, str, int]]:
    """Return for each test its share of the points, its most frequent message, and how often."""
    table = []
    for parts in zip(*(one.parts for one in class_), strict=True):
        if all(part.points is not None for part in parts):  # not before all answers are read
            share = sum(part.points for part in parts) / sum(part.most for part in parts)
            said = Counter(part.message for part in parts if part.points == 0 and part.message)
            table.append((parts[0].cell, share, *(said.most_common(1) or [("", 0)])[0]))
    return table


def write_summary(folder: Path, name: str, class_: list[Graded]) -> None:
    """Draw the share of the points of each test, and write down the most frequent messages."""
    from glassbox import figures

    table = struggles(class_)
    rows = [["test", "share of points", "most frequent message", "students"]]
    rows += [[cell, f"{share:.2f}", safe(said), str(count)] for cell, share, said, count in table]
    write_rows(folder / "summary.csv", rows)
    worst = min(table, key=lambda row: row[1])
    title = f"{name}, {len(class_)} students\nHardest: {worst[0]}, {worst[1]:.0%} of its points"
    with figures.style.style():
        fig, ax = figures.canvas(title, height=1.1 + 0.25 * len(table), width=6.5)
        shares = [share for _, share, _, _ in table]
        ax.barh(range(len(table)), shares, color=figures.QUERY, height=0.7)
        for at, share in enumerate(shares):
            ax.text(share + 0.01, at, f"{share:.0%}", va="center", fontsize=8)
        ax.set_yticks(range(len(table)), [row[0] for row in table], fontsize=8)
        ax.invert_yaxis()
        ax.set_xlim(0, 1.1)
        ax.margins(y=0.01)
        ax.set_xlabel("share of the points")
        fig.savefig(folder / "summary.png", dpi=150, facecolor="white")
