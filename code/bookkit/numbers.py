"""Every number that prose quotes comes out of a cell of its section, or carries a citation.

A section runs from one `##` heading to the next; what stands before the first is one, too. Its
cells' sources and outputs (of a figure, the alt text; of HTML, what a reader sees) show numbers.

Checked: decimals (0.24), integers of two or more digits (64, 208,193), numbers with an exponent
(1e-5) and percentages (23.8 %, 24 percent). A decimal equals a shown number if that has at least
as many decimals and rounds to it: 0.24 comes of 0.2379, but 0.2400 not of 0.24. An integer equals
itself only. A percentage equals a shown percentage, or a hundred times a shown number, rounded.

Not checked: formulas, code, addresses, the text of links to other sites, a sentence that links to
doi.org or arxiv.org, versions (Python 3.11, 2.13.0), places (section 3.2, equation 5, page 214),
dates, years where they read as years ('in 2017', '(2017)'), integers below ten, and the minutes
that a page or an exercise takes ('Reading: 25 minutes', 'Difficulty 1 of 3 · 10 minutes').
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from nbformat import NotebookNode

from bookkit.pages import TAG, Block, Fault, Page, output_texts, parse

NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>(?<![\w)\]])[-−+])?"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?![\d,])|\d[\d_]*)(?P<fraction>\.\d*)?"
    r"(?P<exponent>[eE][-−+]?\d+)?(?P<percent>\s?%|\s?per ?cent\b)?"
)
CITATION = re.compile(r"https?://(?:www\.)?(?:dx\.)?(?:doi\.org|arxiv\.org)/")
SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’)]*\s+")
ABBREVIATION = re.compile(r"\b(?:al|e\.g|i\.e|cf|vs|Eq|Eqs|Fig|Figs|Sec|No|pp|approx)\.$")
UNSEEN_HTML = re.compile(r"<(script|style)\b.*?</\1\s*>|<!--.*?-->", re.DOTALL)
MARK = "\ufffc"  # stands for a formula, a piece of code, a link: whatever is not prose

VERSION = re.compile(
    r"(?:\b(?:Python|PyTorch|[Tt]orch|NumPy|[Mm]atplotlib|Jupyter Book|CUDA|Sphinx|IPython"
    r"|CC BY|[Vv]ersions?|GPT|release)[\s-]|\bv)$"
)
PLACE = re.compile(
    r"(?:\b(?:[Ss]ections?|[Ss]ec\.|[Cc]hapters?|[Ee]quations?|[Ee]qs?\.|[Ff]igures?|[Ff]igs?\."
    r"|[Tt]ables?|[Pp]ages?|pp?\.|[Aa]ppendix|[Aa]lgorithms?|[Ll]emma|[Tt]heorem)\s|§\s?)$"
)
TAKES = re.compile(r"\b(?:Reading|Difficulty|Run time)\b[^.]*$")
MINUTES = re.compile(r"\s?min(?:utes?)?\b")
DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
YEAR_BEFORE = re.compile(
    r"(?:\b(?:[Ii]n|[Ss]ince|[Uu]ntil|[Bb]efore|[Aa]fter|[Ff]rom|[Bb]y|early|late|mid|around"
    r"|January|February|March|April|May|June|July|August|September|October|November|December)\s"
    r"|[(\[]|^|[;,]\s)$"
)
YEAR_AFTER = re.compile(
    r"\s*(?:[.,;:!?)\]]|$)|\s(?:and|the|a|an|by|to|that|it|they|paper|was|is)\b"
)


def _value(match: re.Match) -> Decimal:
    digits = match["digits"].replace(",", "").replace("_", "")
    exponent = (match["exponent"] or "").replace("−", "-")
    sign = "-" if match["sign"] in ("-", "−") else ""
    return Decimal(sign + digits + (match["fraction"] or "").rstrip(".") + exponent)


def seen_texts(cell: NotebookNode) -> list[str]:
    """List what a reader sees of a code cell: its source and outputs, HTML without its tags."""
    texts = [cell.source]
    for text in output_texts(cell):
        if text.lstrip().startswith("<"):
            text = TAG.sub(" ", UNSEEN_HTML.sub(" ", text))
        texts.append(text)
    return texts


def shown_numbers(cells: list[NotebookNode]) -> list[tuple[Decimal, bool]]:
    """Collect every number that code cells show, each with whether it is a percentage.

    1 and 1.00 are two of them, for they have not the same digits to quote.
    """
    matches = [m for cell in cells for text in seen_texts(cell) for m in NUMBER.finditer(text)]
    numbers = [(_value(match), bool(match["percent"])) for match in matches]
    return list({(str(value), percent): (value, percent) for value, percent in numbers}.values())


def agrees(quoted: Decimal, percent: bool, shown: Decimal, shown_percent: bool = False) -> bool:
    """Tell whether `quoted` is `shown`, rounded to the digits that are quoted."""
    if percent and not shown_percent:
        shown = shown.scaleb(2)
    elif shown_percent and not percent:
        return False
    digits = quoted.as_tuple().exponent
    if digits == 0 and not percent:
        return shown == quoted
    return shown.as_tuple().exponent <= digits and abs(shown - quoted) <= Decimal(5).scaleb(
        digits - 1
    )


def is_shown(quoted: Decimal, percent: bool, shown: list[tuple[Decimal, bool]]) -> bool:
    """Tell whether one of the shown numbers is the quoted one."""
    return any(agrees(quoted, percent, *candidate) for candidate in shown)


def sentences(block: Block) -> Iterator[tuple[str, bool]]:
    """Yield the sentences of a block, each with whether it cites a paper."""
    pieces, urls = [], []
    for run in block.runs:
        outside = "://" in run.url
        if outside:
            urls.append((sum(map(len, pieces)), run.url))
        pieces.append(run.text if run.kind == "text" and not outside else MARK)
    text, start = "".join(pieces), 0
    ends = [m.end() for m in SENTENCE_END.finditer(text)] if block.kind != "row" else []
    for end in [*ends, len(text)]:
        if ABBREVIATION.search(text[start:end].rstrip()):
            continue
        cited = any(start <= at < end and CITATION.match(url) for at, url in urls)
        yield text[start:end], cited
        start = end


def _is_exempt(text: str, match: re.Match) -> bool:
    """Tell versions, places, dates and years from numbers that something measured."""
    before, after = text[: match.start()], text[match.end() :]
    if VERSION.search(before) or PLACE.search(before) or re.match(r"\.\d", after):
        return True
    if any(d.start() <= match.start() < d.end() for d in DATE.finditer(text)):
        return True
    if TAKES.search(before) and MINUTES.match(after):
        return True
    plain = re.fullmatch(r"(19[4-9]|20[0-3])\d\.?", match[0])
    return bool(plain and YEAR_BEFORE.search(before) and YEAR_AFTER.match(text, match.start() + 4))


def quoted_numbers(text: str) -> Iterator[tuple[str, Decimal, bool]]:
    """Yield the numbers of a sentence that must agree: as written, value, is it a percentage."""
    for match in NUMBER.finditer(text):
        digits = re.sub(r"\D", "", match["digits"])
        decimal = len(match["fraction"] or "") > 1
        counts = decimal or match["percent"] or match["exponent"] or int(digits) >= 10
        if counts and not _is_exempt(text, match):
            written = match[0].rstrip(".") if not decimal else match[0]
            yield written.strip(), _value(match), bool(match["percent"])


def sections(page: Page) -> Iterator[tuple[list[Block], list[NotebookNode]]]:
    """Yield the prose and the code cells from each `##` heading to the next."""
    blocks, cells = [], []
    for cell in page.cells:
        if cell.cell_type == "code":
            cells.append(cell)
            continue
        for block in parse(cell.source, cell.get("id", "no id")):
            if block.kind == "heading" and block.level == 2:
                yield blocks, cells
                blocks, cells = [], []
            if block.kind != "code":
                blocks.append(block)
    yield blocks, cells


def section_quotes(blocks: list[Block]) -> Iterator[tuple[str, str, Decimal, bool]]:
    """Yield the numbers that blocks quote: cell, as written, value, is it a percentage."""
    for block in blocks:
        for sentence, cited in sentences(block):
            for quote in [] if cited else quoted_numbers(sentence):
                yield (block.cell, *quote)


def check_numbers(page: Page) -> list[Fault]:
    """Find numbers in the prose of a notebook that no code cell of their section shows."""
    faults = []
    for blocks, cells in sections(page):
        shown = shown_numbers(cells)
        for cell, written, value, percent in section_quotes(blocks):
            if is_shown(value, percent, shown):
                continue
            nearest = min((n for n, _ in shown), key=lambda n, v=value: abs(n - v), default=None)
            hint = f" The nearest is {nearest}." if shown else ""
            message = (
                f"the prose says {written}, and no code cell of its section (from one ## heading "
                f"to the next) has or prints that number.{hint} Quote an output, print it, or "
                "cite a paper (doi.org, arxiv.org) in the same sentence."
            )
            faults.append(page.fault(cell, message))
    return faults
