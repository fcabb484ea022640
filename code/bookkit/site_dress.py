"""Plain Markdown in, designed blocks out: callouts, verdicts, exercises and objectives.

The notebooks use no markup that only the book knows. What a paragraph is, is read off its first
bold words, so that the same cell is readable in Colab, JupyterLab and on GitHub.
"""

import re

from docutils import nodes
from sphinx.application import Sphinx

CALLOUTS = {"Predict", "Claim", "Note", "Watch out", "Analogy"}
VERDICT = re.compile(r"Verdict: (.+?)\.?$")
EXERCISE = re.compile(r"Exercise( \d+)?: ")
NUMBER = re.compile(r"(\d+)\.\s+")
DIFFICULTY = re.compile(r"Difficulty (\d) of (\d)")


def dress_page(app: Sphinx, doctree: nodes.document) -> None:
    """Mark everything on a page that has a dress of its own."""
    for quote in list(doctree.findall(nodes.block_quote)):
        _dress_quote(quote)
    for paragraph in list(doctree.findall(nodes.paragraph)):
        _dress_verdict(paragraph)
        _dress_difficulty(paragraph)
    for section in doctree.findall(nodes.section):
        title = section.next_node(nodes.title)
        if title is not None and EXERCISE.match(title.astext()):
            section["classes"].append("exercise")
    for table in list(doctree.findall(nodes.table)):
        _dress_objectives(table)


def slug(words: str) -> str:
    """Return words as the name of a CSS class.

    Example:
        >>> slug("true only when")
        'true-only-when'
    """
    return re.sub(r"[^a-z]+", "-", words.lower()).strip("-")


def _parts(paragraph: nodes.Element) -> list[nodes.Node]:
    """Return the children of a paragraph without the empty texts that the parser leaves."""
    return [child for child in paragraph.children if child.astext()]


def _first_bold(paragraph: nodes.Element) -> nodes.strong | None:
    """Return the bold words that open a paragraph, if any do."""
    parts = _parts(paragraph) if isinstance(paragraph, nodes.paragraph) else []
    return parts[0] if parts and isinstance(parts[0], nodes.strong) else None


def _dress_quote(quote: nodes.block_quote) -> None:
    """A blockquote that opens with `**Predict.**` or the like is a callout."""
    bold = _first_bold(quote.children[0]) if quote.children else None
    name = bold.astext().rstrip(".:") if bold is not None else ""
    if name in CALLOUTS:
        quote["classes"] += ["callout", f"callout-{slug(name)}"]
        bold["classes"].append("callout-title")


def _dress_verdict(paragraph: nodes.paragraph) -> None:
    """A paragraph that opens with `**Verdict: false.**` is a verdict."""
    bold = _first_bold(paragraph)
    verdict = VERDICT.match(bold.astext()) if bold is not None else None
    if verdict:
        kind = slug(verdict[1])
        kind = "true-only-when" if kind.startswith("true-") else kind
        paragraph["classes"] += ["verdict", f"verdict-{kind}"]
        bold["classes"].append("verdict-title")


def _dress_difficulty(paragraph: nodes.paragraph) -> None:
    """`*Difficulty 1 of 3 · 5 minutes · objective 2*` becomes a row of labels."""
    text = paragraph.astext()
    found = DIFFICULTY.match(text)
    if not found or len(_parts(paragraph)) != 1:
        return
    paragraph.children.clear()
    paragraph["classes"].append("exercise-facts")
    for number, fact in enumerate(text.split(" · ")):
        if number:
            paragraph += nodes.Text(" ")
        classes = ["fact"] if number else ["fact", f"difficulty-{found[1]}-of-{found[2]}"]
        paragraph += nodes.inline("", fact, classes=classes)


def _dress_objectives(table: nodes.table) -> None:
    """A table whose first heading is `Objective`, with the facts below it, becomes a card."""
    heading = table.next_node(nodes.entry)
    if heading is None or not heading.astext().startswith("Objective"):
        return
    parent, place = table.parent, table.parent.index(table)
    facts = parent[place + 1] if place + 1 < len(parent) else None
    card = nodes.container(classes=["objectives"])
    parent[place] = card
    card += table
    if facts is not None and _first_bold(facts) is not None:
        parent.remove(facts)
        facts["classes"].append("objectives-facts")
        card += facts
    for text in list(table.findall(nodes.Text)):
        number = NUMBER.match(text)
        if number:
            mark = nodes.inline("", number[1], classes=["objective-number"])
            text.parent.replace(text, [mark, nodes.Text(text[number.end() :])])
