"""Where a message of a test points: a section of the published book."""

import re
from functools import cache
from pathlib import Path

from docutils.nodes import make_id
from markupsafe import Markup, escape

from bookkit.pages import ROOT, notebooks
from bookkit.publish import PLACEHOLDER_OWNER, current_repository

POINTER = re.compile(r'"([^"]+)", section "([^"]+)"')


@cache
def sections(root: Path = ROOT) -> dict[tuple[str, str], str]:
    """Return where each section of a chapter stands in the built book.

    Args:
        root: the folder of the project.

    Returns:
        `chapters/masks.html#padding` for the titles of a chapter and a section, and so on.
    """
    found = {}
    for page in notebooks(root):
        title, *others = [b.text.strip() for b in page.blocks if b.kind == "heading"]
        for section in others:
            found[title, section] = f"chapters/{page.path.stem}.html#{make_id(section)}"
    return found


def with_links(words: str, repository: str | None = None) -> Markup:
    """Turn each pointer of a message into a link, if the book has a published address.

    Args:
        words: what a test said, as plain text.
        repository: owner/name of the published book; the one in `_config.yml` if None.

    Returns:
        HTML, with all that was in `words` escaped.
    """
    owner, name = (repository or current_repository()).split("/")
    html, end = Markup(), 0
    for pointer in POINTER.finditer(words):
        place = sections().get(pointer.groups())
        if place and owner != PLACEHOLDER_OWNER:
            address = f"https://{owner}.github.io/{name}/{place}"
            html += escape(words[end : pointer.start()])
            html += Markup('<a href="{}">{}</a>').format(address, pointer[0])
            end = pointer.end()
    return html + escape(words[end:])
