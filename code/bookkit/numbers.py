"""Every number that prose quotes comes out of a cell on its page, or carries a citation.

Checked: decimals (0.24), integers of three or more digits (208,193 or 208193), numbers with an
exponent (1e-5) and percentages (23.8 %, 24 percent). One equals a number of the page if rounding
that number to the digits quoted gives it; a percentage also equals a hundredth of itself.

Not checked: formulas, code, addresses, the text of links to other sites, a sentence that links to
doi.org or arxiv.org, versions (Python 3.11, 2.13.0), places (section 3.2, equation 5, page 214),
dates, and years where they read as years ('in 2017', '(2017)').
"""

import re
from collections.abc import Iterator
from decimal import Decimal

from bookkit.pages import Block, Fault, Page, output_texts

NUMBER = re.compile(
    r"(?<![\w.])(?P<sign>(?<![\w)\]])[-−+])?"
    r"(?P<digits>\d{1,3}(?:,\d{3})+(?![\d,])|\d[\d_]*)(?P<fraction>\.\d*)?"
    r"(?P<exponent>[eE][-−+]?\d+)?(?P<percent>\s?%|\s?per ?cent\b)?"
)
CITATION = re.compile(r"https?://(?:www\.)?(?:dx\.)?(?:doi\.org|arxiv\.org)/")
SENTENCE_END = re.compile(r"(?<=[.!?])[\"”’)]*\s+")
ABBREVIATION = re.compile(r"\b(?:al|e\.g|i\.e|cf|vs|Eq|Eqs|Fig|Figs|Sec|No|pp|approx)\.$")
MARK = "\ufffc"  # stands for a formula, a piece of code, a link: whatever is not prose

VERSION = re.compile(
    r"(?:\b(?:Python|PyTorch|[Tt]orch|NumPy|[Mm]atplotlib|Jupyter Book|CUDA|Sphinx|IPython"
    r"|CC BY|[Vv]ersions?|GPT|release)[\s-]|\bv)$"
)
PLACE = re.compile(
    r"(?:\b(?:[Ss]ections?|[Ss]ec\.|[Cc]hapters?|[Ee]quations?|[Ee]qs?\.|[Ff]igures?|[Ff]igs?\."
    r"|[Tt]ables?|[Pp]ages?|pp?\.|[Aa]ppendix|[Aa]lgorithms?|[Ll]emma|[Tt]heorem)\s|§\s?)$"
)
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


def page_numbers(page: Page) -> set[Decimal]:
    """Collect every number in the page's code cells and in their outputs."""
    texts = [t for cell in page.code_cells for t in (cell.source, *output_texts(cell))]
    matches = (match for text in texts for match in NUMBER.finditer(text))
    return {_value(match) for match in matches}


def agrees(quoted: Decimal, percent: bool, shown: Decimal) -> bool:
    """Tell whether rounding `shown` to the digits of `quoted` can give `quoted`."""
    half = Decimal(5).scaleb(quoted.as_tuple().exponent - 1)
    values = [shown, 100 * shown] if percent else [shown]
    return any(abs(value - quoted) <= half for value in values)


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
    plain = re.fullmatch(r"(19[4-9]|20[0-3])\d\.?", match[0])
    return bool(plain and YEAR_BEFORE.search(before) and YEAR_AFTER.match(text, match.start() + 4))


def quoted_numbers(text: str) -> Iterator[tuple[str, Decimal, bool]]:
    """Yield the numbers of a sentence that must agree: as written, value, is it a percentage."""
    for match in NUMBER.finditer(text):
        digits = re.sub(r"\D", "", match["digits"])
        decimal = len(match["fraction"] or "") > 1
        counts = decimal or match["percent"] or match["exponent"] or len(digits) >= 3
        if counts and not _is_exempt(text, match):
            written = match[0].rstrip(".") if not decimal else match[0]
            yield written.strip(), _value(match), bool(match["percent"])


def check_numbers(page: Page) -> list[Fault]:
    """Find numbers in the prose of a notebook that no cell of it shows."""
    shown = page_numbers(page)
    faults = []
    for block in page.blocks:
        for sentence, cited in [] if block.kind == "code" else sentences(block):
            for written, value, percent in [] if cited else quoted_numbers(sentence):
                if not any(agrees(value, percent, candidate) for candidate in shown):
                    nearest = min(shown, key=lambda c, v=value: abs(c - v), default=None)
                    hint = f" The nearest is {nearest}." if shown else ""
                    message = (
                        f"the prose says {written}, and no output or code cell of the page shows "
                        f"that number.{hint} Quote an output, print it, or cite a paper (doi.org, "
                        "arxiv.org) in the same sentence."
                    )
                    faults.append(page.fault(block.cell, message))
    return faults
