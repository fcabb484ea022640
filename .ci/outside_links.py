"""Follow the links that lead outside, and every DOI; fail when one leads nowhere.

A DOI is looked up in the registry, because publishers refuse programs at their own doors. A link
fails if the answer is 'no such page', or if twice there is no answer at all: no such server, no
connection, a wrong certificate, a timeout. A refusal (401, 403, 429) or an overload tells nothing
about the page, and passes.
"""

import json
import re
import sys
import urllib.error
import urllib.request
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FILES = ("*.md", "CITATION.cff", "LICENSE-TEXT", "chapters/*.md", "chapters/*.ipynb")
LINK = re.compile(r"https?://[^\s<>\"'`){}\]\\]+")
DOI = re.compile(r"^\s*doi\s*=\s*[{\"](.+?)[}\"],?\s*$", re.MULTILINE)
NOT_FOR_US = ("localhost", "127.0.0.1", "proxy.example", "your_name", "download.pytorch.org/whl")
GONE = (404, 410)


def collect(root: Path) -> list[str]:
    """Return every outside link of the project, each once, DOIs as links to doi.org."""
    found = set()
    for pattern in FILES:
        for file in root.glob(pattern):
            for link in LINK.findall(text_of(file)):
                found.add(link.rstrip(".,;:*"))
    for doi in DOI.findall((root / "chapters/references.bib").read_text(encoding="utf-8")):
        found.add(f"https://doi.org/{doi}")
    return sorted(link for link in found if not any(word in link for word in NOT_FOR_US))


def text_of(file: Path) -> str:
    """Return a page's text; of a notebook, what its cells say and not what they print."""
    text = file.read_text(encoding="utf-8")
    if file.suffix != ".ipynb":
        return text
    return "\n".join("".join(cell["source"]) for cell in json.loads(text)["cells"])


def fault(link: str) -> str | None:
    """Return what is wrong with a link, or None."""
    address = link.replace("https://doi.org/", "https://doi.org/api/handles/")
    request = urllib.request.Request(address, headers={"User-Agent": "glass-box link check"})
    try:
        with urllib.request.urlopen(request, timeout=30):
            return None
    except urllib.error.HTTPError as error:
        return f"HTTP {error.code}" if error.code in GONE else None
    except OSError as error:
        return f"unreachable: {error}"


def main(links: Iterable[str]) -> int:
    """Print each link that leads nowhere; return 1 if there is one."""
    bad = 0
    for link in links:
        # Twice, because a network may fail for a moment.
        problem = fault(link) and fault(link)
        if problem:
            bad += 1
            print(f"{link}: {problem}", flush=True)
    print(f"{bad} outside links lead nowhere.")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(collect(ROOT)))
