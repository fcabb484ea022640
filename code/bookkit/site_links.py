"""Links of the built book: every one inside it resolves, and Colab opens the right notebook."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from bookkit.links import tags_of


@dataclass(frozen=True)
class BuiltPage:
    """Where a page links to, where it can be linked to, and the classes of each element."""

    links: tuple[str, ...]
    anchors: frozenset[str]
    classes: tuple[frozenset[str], ...]


@lru_cache(maxsize=256)
def _read(path: Path, modified: int) -> BuiltPage:
    """Parse a page once for each time it was written."""
    links, anchors, classes = [], set(), []
    for tag, attributes in tags_of(path.read_text(encoding="utf-8")):
        for name, value in attributes:
            if name in ("href", "src") and value:
                links.append(value)
            elif value and (name == "id" or (tag == "a" and name == "name")):
                anchors.add(value)
            elif value and name == "class":
                classes.append(frozenset(value.split()))
    return BuiltPage(tuple(links), frozenset(anchors), tuple(classes))


def read_page(path: Path) -> BuiltPage:
    """Return the links, anchors and classes of a page."""
    return _read(path, path.stat().st_mtime_ns)


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
