"""The order of the book lives in _toc.yml alone; it lists what exists, and all of it."""

from pathlib import Path

import yaml

from bookkit.pages import ROOT, Fault, notebooks


def listed_chapters(root: Path = ROOT) -> list[str]:
    """List the files that _toc.yml names, in the order of the book."""

    def walk(node):
        if isinstance(node, dict):
            yield from (str(node[key]) for key in ("root", "file") if key in node)
            node = list(node.values())
        if isinstance(node, list):
            for child in node:
                yield from walk(child)

    toc = yaml.safe_load((root / "_toc.yml").read_text(encoding="utf-8"))
    return list(walk(toc))


def check_toc(root: Path = ROOT) -> list[Fault]:
    """Require that _toc.yml lists only pages that exist, and every notebook."""
    listed, faults = listed_chapters(root), []
    for name in listed:
        if not any((root / f"{name}{end}").is_file() for end in ("", ".ipynb", ".md")):
            faults.append(Fault("_toc.yml", name, "there is no such page. Write it or unlist it."))
    for page in notebooks(root):
        if page.name.removesuffix(".ipynb") not in listed and page.name not in listed:
            faults.append(Fault("_toc.yml", page.name, "the notebook is not listed. Add it."))
    return faults
