"""Links of the built book: every one inside it resolves, and Colab opens the right notebook."""

from functools import lru_cache
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class _Anchors(HTMLParser):
    """Collect where a page links to, and where it can be linked to."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note the links and ids of an element."""
        for name, value in attrs:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif value and (name == "id" or (tag == "a" and name == "name")):
                self.anchors.add(value)


@lru_cache(maxsize=256)
def _read(path: Path, modified: float) -> _Anchors:
    """Parse a page once for each time it was written."""
    parser = _Anchors()
    parser.feed(path.read_text(encoding="utf-8"))
    return parser


def read_page(path: Path) -> _Anchors:
    """Return the links and anchors of a page."""
    return _read(path, path.stat().st_mtime)


def link_faults(page: Path) -> list[str]:
    """Report links of a page to files or anchors of the book that do not exist."""
    faults = []
    for link in sorted(set(read_page(page).links)):
        parts = urlsplit(link)
        if parts.scheme or parts.netloc:
            continue
        target = page.parent / unquote(parts.path) if parts.path else page
        if not target.is_file():
            faults.append(f"links to {link}: there is no such file")
            continue
        anchor = unquote(parts.fragment) if target.suffix == ".html" else ""
        if anchor and anchor not in read_page(target).anchors:
            faults.append(f"links to {link}: that page has no such anchor")
    return faults


def colab_faults(page: Path, notebook: str, repository: dict[str, str]) -> list[str]:
    """Report a page whose button does not open its notebook of this repository in Colab."""
    owner_and_name = urlsplit(repository["url"]).path.strip("/")
    branch = repository["branch"]
    wanted = f"https://colab.research.google.com/github/{owner_and_name}/blob/{branch}/{notebook}"
    links = [link for link in read_page(page).links if "colab.research.google.com" in link]
    return [] if wanted in links else [f"its Colab button is {links}, expected {wanted}"]
