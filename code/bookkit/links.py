"""Links, headings, pictures and citations of a page lead where they say."""

import re
from functools import cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bookkit.pages import Fault, Page

PUNCTUATION = re.compile(r"[^\w\u4e00-\u9fff\- ]")
ARXIV = re.compile(r"(?:arxiv\.org/(?:abs|pdf|html)/|10\.48550/arxiv\.)(\d{4}\.\d{4,5})", re.I)
DOI = re.compile(r"(?:doi\.org/)(10\.\d{4,9}/\S+)", re.I)
BIB_FIELD = re.compile(r"^\s*(doi|eprint|url)\s*=\s*[{\"]+([^}\"]+)", re.I | re.M)
LABEL = re.compile(r"^\(([\w.:-]+)\)=\s*$", re.MULTILINE)


def slug(title: str) -> str:
    """Make the anchor of a heading as GitHub and MyST do."""
    return PUNCTUATION.sub("", title.lower().replace(" ", "-"))


@cache
def page_at(path: Path, root: Path) -> Page:
    """Parse a page once, however many links lead to it."""
    return Page(path, root)


def anchors(page: Page) -> set[str]:
    """List what a link can follow a page's name with: slugs of headings, labels, HTML ids."""
    found: set[str] = set()
    for block in page.blocks:
        if block.kind == "heading":
            name, number = slug(block.text), 1
            while name in found:
                name, number = f"{slug(block.text)}-{number}", number + 1
            found.add(name)
        for run in block.runs:
            if run.kind == "html":
                found |= {value for tag in tags_of(run.text) for k, value in tag[1] if k == "id"}
    return found if page.is_notebook else found | set(LABEL.findall(page.source))


def tags_of(html: str) -> list[tuple[str, list[tuple[str, str | None]]]]:
    """Return the tags of a piece of HTML with their attributes."""
    found = []
    parser = HTMLParser()
    parser.handle_starttag = lambda tag, attributes: found.append((tag, attributes))
    parser.feed(html)
    return found


def targets(page: Page) -> list[tuple[str, str]]:
    """List the links of a page as (cell, address), those in HTML and to pictures included."""
    found = []
    for block in page.blocks:
        found += [(block.cell, url) for url, _ in block.links]
        for run in block.runs:
            if run.kind == "image":
                found.append((block.cell, run.url))
            elif run.kind == "html":
                for _, attributes in tags_of(run.text):
                    found += [(block.cell, v) for k, v in attributes if k in ("href", "src") and v]
    return found


def link_fault(page: Page, address: str) -> str | None:
    """Say why a relative link leads nowhere, or None."""
    parts = urlsplit(address)
    if parts.scheme or parts.netloc or address.startswith("/"):
        return "starts at the root of a disk. Write a relative link." if address[0] == "/" else None
    if parts.path.endswith(".html"):
        return "leads to a built page. Link to the .ipynb or .md file."
    file = (page.path.parent / unquote(parts.path)).resolve() if parts.path else page.path
    if not file.exists():
        return f"leads to no file. There is no {parts.path} beside this page."
    if parts.fragment and file.suffix in (".md", ".ipynb"):
        known = anchors(page_at(file, page.root)) if parts.path else anchors(page)
        if unquote(parts.fragment) not in known:
            shown = ", ".join(sorted(known)) or "none"
            return f"leads to no heading of {file.name}. Its anchors: {shown}."
    return None


def check_links(page: Page) -> list[Fault]:
    """Find relative links and anchors that lead nowhere."""
    faults = []
    for cell, address in targets(page):
        problem = link_fault(page, address)
        if problem:
            faults.append(page.fault(cell, f"the link {address} {problem}"))
    return faults


def check_images(page: Page) -> list[Fault]:
    """Find pictures without alt text."""
    faults = []
    for block in page.blocks:
        for run in block.runs:
            bare = [run.url] if run.kind == "image" and not run.text.strip() else []
            if run.kind == "html":
                tags = [dict(attributes) for tag, attributes in tags_of(run.text) if tag == "img"]
                bare += [tag.get("src", "?") for tag in tags if "alt" not in tag]
            faults += [
                page.fault(block.cell, f"the image {source} has no alt text. Say what it shows.")
                for source in bare
            ]
    return faults


def check_headings(page: Page) -> list[Fault]:
    """Require one H1, first; no skipped level; and a slug of its own for each heading."""
    faults, level, seen = [], 0, set()
    for block in (b for b in page.blocks if b.kind == "heading"):
        title = block.text
        if block.level == 1 and level:
            faults.append(page.fault(block.cell, f"'{title}' is a second H1. Use ##."))
        elif block.level > level + 1:
            message = f"'{title}' skips from level {level} to level {block.level}."
            faults.append(page.fault(block.cell, message))
        if slug(title) in seen:
            message = f"a second heading '{title}': links to #{slug(title)} reach the first only."
            faults.append(page.fault(block.cell, message))
        seen.add(slug(title))
        level = block.level
    if not level:
        faults.append(page.fault("title", "there is no heading. Start with one '# Title'."))
    return faults


def paper(address: str) -> str | None:
    """Name the paper behind an address: 'arxiv:1706.03762' or 'doi:10.1162/…'; None if neither."""
    if match := ARXIV.search(address):
        return f"arxiv:{match[1]}"
    if match := DOI.search(address):
        return f"doi:{unquote(match[1]).lower().rstrip('/.')}"
    return None


def bibliography(path: Path) -> set[str]:
    """List the papers that a .bib file has entries for."""
    papers = set()
    for kind, value in BIB_FIELD.findall(path.read_text(encoding="utf-8")):
        value = value.strip()
        if kind.lower() == "doi":
            value = f"https://doi.org/{value.removeprefix('https://doi.org/')}"
        elif kind.lower() == "eprint":
            value = f"https://arxiv.org/abs/{value.removeprefix('arXiv:')}"
        papers.add(paper(value))
    return papers - {None}


def check_citations(page: Page, bib: Path | None = None) -> list[Fault]:
    """Require an entry in the bibliography for every paper that a page links to."""
    bib = bib or page.root / "chapters" / "references.bib"
    known = bibliography(bib) if bib.exists() else set()
    faults = []
    for block in page.blocks:
        for address, label in block.links:
            cited = paper(address)
            if cited and cited not in known:
                message = f"{label or address} ({cited}) has no entry in {bib.name}. Add one."
                faults.append(page.fault(block.cell, message))
    return faults
