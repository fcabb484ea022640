"""Code cells in the book: an anchor for each, and figures with alt text in two themes."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util import logging

logger = logging.getLogger(__name__)

SETUP_PROMPT = "Setup: the same cell in every notebook"


def prepare_notebook(app: Sphinx, doctree: nodes.document) -> None:
    """Give the code cells of a notebook their ids, and its figures their alt text and themes."""
    path = Path(app.env.doc2path(app.env.docname))
    if path.suffix != ".ipynb":
        return
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    for container in doctree.findall(nodes.container):
        if container.get("nb_element") != "cell_code":
            continue
        cell = cells[container["cell_index"]]
        _anchor(doctree, container, cell["id"])
        if "setup" in cell["metadata"].get("tags", []):
            container["prompt_show"] = container["prompt_hide"] = SETUP_PROMPT
        _prepare_figures(app, container, cell)


def _anchor(doctree: nodes.document, container: nodes.container, cell: str) -> None:
    """Make `page.html#cell` jump to the cell."""
    headings = {name for section in doctree.findall(nodes.section) for name in section["ids"]}
    if cell in headings:
        logger.warning(
            "cell id %r is also the anchor of a heading of this page: rename the cell",
            cell,
            location=container,
        )
    container["ids"].append(cell)


def _prepare_figures(app: Sphinx, container: nodes.container, cell: dict[str, Any]) -> None:
    """Match the images of a cell with its stored outputs, in order."""
    outputs = [
        output
        for output in cell["outputs"]
        if any("image/" in kind for kind in output.get("data", {}))
    ]
    bundles = [
        bundle
        for bundle in container.findall(nodes.container)
        if bundle.get("nb_element") == "mime_bundle" and list(bundle.findall(nodes.image))
    ]
    for bundle, output in zip(bundles, outputs, strict=True):
        image = next(bundle.findall(nodes.image))
        alt = "".join(output["data"].get("text/plain", "")).strip()
        if not alt or alt.startswith("<"):
            logger.warning(
                "figure of cell %r has no alt text: end the cell with figures.show(fig, alt='…')",
                cell["id"],
                location=container,
            )
        image["alt"] = alt
        image["classes"] += ["figure-image", "no-scaled-link"]
        dark = output.get("metadata", {}).get("glassbox", {}).get("dark")
        if dark:
            _add_dark_image(app, image, base64.b64decode(dark))


def _add_dark_image(app: Sphinx, image: nodes.image, png: bytes) -> None:
    """Put a second image behind the first; the theme shows the one that fits."""
    folder = Path(app.env.mystnb_config.output_folder)  # where myst-nb writes the light ones
    name = f"{hashlib.sha256(png).hexdigest()}.png"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_bytes(png)
    dark = image.deepcopy()
    dark["uri"] = f"{image['uri'].rsplit('/', 1)[0]}/{name}"
    dark["classes"].append("only-dark")
    image["classes"].append("only-light")
    image.parent.append(dark)
