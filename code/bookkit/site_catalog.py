"""What the pages for instructors show of the catalog: its tables, and plans of a course."""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from docutils import nodes

from bookkit.catalog import Catalog, Chapter, ProblemSet, Task, catalog_files, load_catalog
from bookkit.site_directives import BookDirective

PAGE = "exercises.html"
"""The page that shows all of the catalog."""
COUNTED = ("Minutes", "Exercises", "Attacks")
"""The last column of a table of numbers: the style sheet puts them under each other."""


class CatalogDirective(BookDirective):
    """A directive that shows part of the catalog, and rebuilds its page when a notebook changes."""

    def load(self) -> Catalog:
        """Read the catalog, and report its faults."""
        root = Path(self.env.srcdir)
        for path in [root / "_toc.yml", *catalog_files(root)]:
            self.env.note_dependency(str(path))
        catalog = load_catalog(root)
        for fault in catalog.faults:
            self.fault(str(fault))
        return catalog

    def link(self, task: Task) -> nodes.reference:
        """Return the title of an exercise or a problem as a link to its place in the book."""
        title = self.markdown(f"{task.label}: {task.title}")
        anchor = nodes.make_id("".join(node.astext() for node in title))
        if task.problem_set:
            title.append(nodes.Text(f" (set {task.problem_set})"))
            return _link(title, f"{PAGE}#set-{task.problem_set}")
        return _link(title, f"{task.chapter}.html#{anchor}")


class CatalogTables(CatalogDirective):
    """One part of the catalog: `exercises` (all of it), `chapters` or `sets`."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Return the tables of the part that is asked for."""
        catalog, part = self.load(), self.arguments[0]
        if part == "chapters":
            return [_chapters_table(catalog)]
        if part == "sets":
            return [_sets_table(catalog)]
        if part != "exercises":
            raise self.error(f"the catalog has the parts exercises, chapters and sets, not {part}")
        chapters = [self._chapter(catalog, chapter) for chapter in catalog.chapters]
        return [*chapters, *(self._set(catalog, chosen) for chosen in catalog.sets)]

    def _chapter(self, catalog: Catalog, chapter: Chapter) -> nodes.section:
        """Return a chapter's objectives, each followed by what tests it."""
        section = _section(f"in-{chapter.stem}", f"{chapter.number}. {chapter.title}")
        rows, tasks = [], []
        for number, text in chapter.objectives.items():
            words = nodes.strong("", "", *self.markdown(f"{chapter.number}.{number} {text}"))
            rows.append(row([[words]], wide=3))
            for task in catalog.testing(chapter.stem, number):
                name = [self.link(task), nodes.Text(" "), nodes.literal("", task.name)]
                rows.append(row([name, task.difficulty, task.minutes]))
                tasks.append(task)
        rows.append(row([_counted(set(tasks)), "", _minutes(set(tasks))]))
        section += table(("Exercise or problem", "Level", "Minutes"), rows)
        return section

    def _set(self, catalog: Catalog, chosen: ProblemSet) -> nodes.section:
        """Return the problems of a set, each with the objectives that it tests."""
        title = f"Problem set {chosen.number}: {chosen.title}"
        section = _section(f"set-{chosen.name}", title)
        chapters = {chapter.stem: chapter.number for chapter in catalog.chapters}
        rows = []
        for task in chosen.problems:
            tests = " and ".join(f"{chapters[task.chapter]}.{n}" for n in task.objectives)
            name = [
                *self.markdown(f"{task.label}: {task.title}"),
                *(nodes.Text(" "), nodes.literal("", task.name)),
                nodes.Text(", by hand; tests " if task.by_hand else ", tests "),
                _link(tests, f"{PAGE}#in-{task.chapter}"),
            ]
            rows.append(row([name, task.points, task.difficulty, task.minutes]))
        rows.append(row(["All problems", chosen.points, "", chosen.minutes]))
        section += table(("Problem", "Points", "Level", "Minutes"), rows)
        return section


class Syllabus(CatalogDirective):
    """A plan of a course, written as a list of sessions; links and minutes are filled in."""

    has_content = True

    def run(self) -> list[nodes.Node]:
        """Return a table with a row for each session."""
        sessions, catalog = yaml.safe_load("\n".join(self.content)) or [], self.load()
        faults = list(syllabus_faults(sessions, catalog))
        for fault in faults:
            self.fault(fault)
        rows = [] if faults else [self._session(session, catalog) for session in sessions]
        return [table(("Session", "Before it, read", "In class"), rows)]

    def _session(self, session: dict[str, Any], catalog: Catalog) -> nodes.row:
        """Return the row of a session: its chapters, its exercises, and the set that is due."""
        name = self.markdown(str(session["session"]))
        for chosen in (group for group in catalog.sets if group.name == session.get("due")):
            link = _link(f"set {chosen.name}", f"{PAGE}#set-{chosen.name}")
            name += [nodes.Text(". Due: "), link, nodes.Text(f", {chosen.minutes}\u00a0min")]
        read = [chapter for chapter in catalog.chapters if chapter.stem in session.get("read", [])]
        before = _joined([_link(f"{c.number}\u00a0{c.title}", f"{c.stem}.html") for c in read])
        links, tasks = [], []
        for chapter in catalog.chapters:
            for task in (t for t in chapter.exercises if t.name in session.get("class", [])):
                label = f"{chapter.number}.{task.label.split()[-1]}"
                links.append(_link(label, self.link(task)["refuri"]))
                tasks.append(task)
        during = _joined(links)
        if tasks:
            during.append(nodes.Text(f": {_minutes(tasks)}\u00a0min"))
        if read:
            before.append(nodes.Text(f": {sum(chapter.reading for chapter in read)}\u00a0min"))
        if "also" in session:
            during += [nodes.Text(". " if during else ""), *self.markdown(str(session["also"]))]
        return row([name, before, during])


def syllabus_faults(sessions: list[dict[str, Any]], catalog: Catalog) -> Iterator[str]:
    """Yield what a plan names that does not exist, and what comes before what it needs."""
    chapters = {chapter.stem: chapter for chapter in catalog.chapters}
    exercises = {task.name: task for chapter in catalog.chapters for task in chapter.exercises}
    sets = {chosen.name: chosen for chosen in catalog.sets}
    done: set[str] = set()
    for session in sessions:
        where = f"syllabus, session {session.get('session')!r}"
        for key in sorted(set(session) - {"session", "read", "class", "due", "also"}):
            yield f"{where}: there is no key {key!r}; use session, read, class, due, also"
        stems = session.get("read", [])
        done |= set(stems)
        for stem in stems:
            if stem not in chapters:
                yield f"{where}: there is no chapter {stem!r}"
            for need in chapters[stem].needs if stem in chapters else ():
                if need not in done:
                    yield f"{where}: {stem!r} needs {need!r}, which was not read"
        for name in session.get("class", []):
            if name not in exercises:
                yield f"{where}: there is no exercise {name!r}"
            elif exercises[name].chapter not in done:
                yield f"{where}: {name!r} is of {exercises[name].chapter!r}, which was not read"
        if (due := session.get("due")) and due not in sets:
            yield f"{where}: there is no problem set {due!r}"
        for stem in sorted({task.chapter for task in sets[due].problems} if due in sets else ()):
            if stem not in done:
                yield f"{where}: set {due!r} is on {stem!r}, which was not read"


def _chapters_table(catalog: Catalog) -> nodes.table:
    """Return what each chapter needs and takes."""
    numbers = {chapter.stem: chapter.number for chapter in catalog.chapters}
    rows = []
    for chapter in catalog.chapters:
        name = [
            _link(f"{chapter.number} {chapter.title}", f"{chapter.stem}.html"),
            nodes.Text(f". Runs in {chapter.running}."),
        ]
        needs = ", ".join(str(n) for n in sorted(numbers[stem] for stem in chapter.needs))
        exercises = _link(_minutes(chapter.exercises), f"{PAGE}#in-{chapter.stem}")
        rows.append(row([name, needs or "–", chapter.reading, [exercises]]))
    reading = sum(chapter.reading for chapter in catalog.chapters)
    exercises = sum(_minutes(chapter.exercises) for chapter in catalog.chapters)
    rows.append(row(["All chapters", "", reading, exercises]))
    return table(("Chapter", "Needs", "Reading", "Exercises"), rows)


def _sets_table(catalog: Catalog) -> nodes.table:
    """Return what each problem set is about, and what it takes."""
    rows = []
    for chosen in catalog.sets:
        stems = {problem.chapter for problem in chosen.problems}
        after = [str(chapter.number) for chapter in catalog.chapters if chapter.stem in stems]
        title = f"{chosen.number} {chosen.title}"
        name = [
            *(_link(title, f"{PAGE}#set-{chosen.name}"), nodes.Text(" ")),
            *(nodes.literal("", chosen.name), nodes.Text(f", {len(chosen.problems)} problems")),
        ]
        rows.append(row([name, ", ".join(after), chosen.points, chosen.minutes]))
    totals = [sum(getattr(chosen, key) for chosen in catalog.sets) for key in ("points", "minutes")]
    rows.append(row(["All sets", "", *totals]))
    return table(("Set", "After chapters", "Points", "Minutes"), rows)


def _minutes(tasks: Iterable[Task]) -> int:
    """Return the minutes of some tasks together."""
    return sum(task.minutes for task in tasks)


def _counted(tasks: Iterable[Task]) -> str:
    """Return how many exercises and problems there are, in words."""
    kinds = [("problem" if task.problem_set else "exercise") for task in tasks]
    counts = {kind: kinds.count(kind) for kind in ("exercise", "problem")}
    return " and ".join(f"{n} {kind}{'s' * (n > 1)}" for kind, n in counts.items() if n)


def _link(content: object, address: str) -> nodes.reference:
    """Return a link whose content is a text, a number or a list of nodes."""
    inside = content if isinstance(content, list) else [nodes.Text(str(content))]
    return nodes.reference("", "", *inside, internal=True, refuri=address)


def _joined(links: list[nodes.reference]) -> list[nodes.Node]:
    """Return links with commas between them."""
    pairs = [(nodes.Text(", "), link) for link in links]
    return [node for pair in pairs for node in pair][1:]


def row(contents: list[Any], wide: int = 1) -> nodes.row:
    """Return a table's row of texts, numbers and lists of nodes, the first `wide` columns wide."""
    row = nodes.row()
    for content in contents:
        inside = content if isinstance(content, list) else [nodes.Text(str(content))]
        row += nodes.entry("", nodes.paragraph("", "", *inside))
    if wide > 1:
        row[0]["morecols"] = wide - 1
    return row


def table(headings: tuple[str, ...], rows: list[nodes.row]) -> nodes.table:
    """Return a table; of numbers, and with their sums in its last row, if it counts anything."""
    group = nodes.tgroup("", *(nodes.colspec() for _ in headings), cols=len(headings))
    group += nodes.thead("", row(list(headings)))
    group += nodes.tbody("", *rows)
    return nodes.table("", group, classes=["execution"] if headings[-1] in COUNTED else [])


def _section(name: str, title: str) -> nodes.section:
    """Return an empty section that the page's own contents list shows."""
    return nodes.section("", nodes.title("", title), ids=[name], names=[name])
