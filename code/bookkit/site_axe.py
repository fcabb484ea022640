"""What axe-core finds on a built page that is open in Chromium: its serious and critical faults.

How legible a text is follows from its color and size and from what lies behind it. axe needs
seconds for all the texts of a long page, so of those that agree in all this, it gets three.
"""

from pathlib import Path
from typing import Any

import axe_playwright_python
from playwright.sync_api import Page

AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
COLOR_RULES = ["color-contrast", "link-in-text-block"]
"""The rules of axe-core that depend on colors."""
WIDTH_RULES = ["scrollable-region-focusable", "target-size"]
"""The rules of axe-core that depend on how wide the window is."""
MARK_NEW_KINDS = """known => {
    const stacks = new Map([[null, ""]]);
    const behind = (part) => {
        if (!stacks.has(part)) {
            const style = getComputedStyle(part);
            const own = `${style.backgroundColor} ${style.backgroundImage} ${style.opacity}`;
            const around = behind(part.parentElement);
            stacks.set(part, own === "rgba(0, 0, 0, 0) none 1" ? around : `${around}, ${own}`);
        }
        return stacks.get(part);
    };
    const kind = (part) => {
        const style = getComputedStyle(part), around = part.parentElement;
        const text = [style.color, style.fontSize, style.fontWeight, style.textShadow];
        const link = [around.localName, around.className, getComputedStyle(around).color,
            style.textDecorationLine, style.borderBottom];
        return [...text, ...(part.localName === "a" ? link : []), behind(part)].join("; ");
    };
    const words = /[\\p{L}\\p{N}].*[\\p{L}\\p{N}]/u;  // axe passes over signs and single letters
    const before = new Set(known), found = new Map();
    for (const part of document.body.querySelectorAll(":not(mjx-container *)")) {
        part.removeAttribute("data-new-kind");
        const own = [...part.childNodes].map((child) => child.nodeType === 3 ? child.data : "");
        const holdsText = words.test(part.localName === "a" ? part.textContent : own.join("")) ||
            part.matches("input, select, textarea");
        if (!holdsText || !part.checkVisibility()) continue;
        const name = kind(part), times = found.get(name) ?? 0;
        if (before.has(name) || times === 3) continue;
        found.set(name, times + 1);
        part.setAttribute("data-new-kind", "");
    }
    return [...found.keys()];
}"""
"""Marks up to three texts of each kind that is not known, and returns these kinds."""


def accessibility_faults(page: Page, rules: list[str] | None = None) -> list[str]:
    """Report what fails the rules of axe-core that do not depend on colors: all of them, or a few.

    The tokens of code lose their colors first: to these rules they are text, and they are many.

    Args:
        page: the open page.
        rules: the names of the rules; all that do not depend on colors if None.
    """
    page.evaluate(
        """() => document.querySelectorAll(".highlight span:not([id])").forEach(
            (token) => token.replaceWith(...token.childNodes))"""
    )
    colors = {rule: {"enabled": False} for rule in COLOR_RULES}
    chosen = {"rules": colors} if rules is None else _only(rules)
    return _faults(_run(page, {}, chosen))


def color_faults(page: Page, kinds: set[str] | None = None) -> list[str]:
    """Report text that is hard to read, and links that only their color tells from the text.

    Args:
        page: the open page.
        kinds: the kinds of text that were looked at before; this page's are added.
    """
    kinds = set() if kinds is None else kinds
    new = page.evaluate(MARK_NEW_KINDS, sorted(kinds))
    if not new:
        return []
    kinds.update(new)
    found = _run(page, {"include": ["[data-new-kind]"]}, _only(COLOR_RULES))
    # Text in exactly the color of its background: axe is not sure that it is a fault.
    unsure = [node for rule in found["incomplete"] for node in rule["nodes"]]
    unseen = [
        f"text in the color of its background: {node['html'][:160]}"
        for node in unsure
        if any("equalRatio" in str(test["data"]) for test in node["any"])
    ]
    return unseen[:1] + _faults(found)


def _run(page: Page, context: dict[str, Any], options: dict[str, Any]) -> dict[str, Any]:
    """Run axe-core, formulas left out."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE)
    # With `preload`, axe would fetch the style sheets, which a page from file:// may not.
    always = {"preload": False, "resultTypes": ["violations", "incomplete"]}
    return page.evaluate(
        """async ([context, options]) => {
            const {violations, incomplete} = await axe.run(context, options);
            return {violations, incomplete};
        }""",
        [context | {"exclude": ["mjx-container > *"]}, always | options],
    )


def _only(rules: list[str]) -> dict[str, Any]:
    """Choose rules by name."""
    return {"runOnly": {"type": "rule", "values": rules}}


def _faults(found: dict[str, Any]) -> list[str]:
    """Describe each rule that is broken, with the first place."""
    return [
        f"axe {rule['id']}: {rule['help']}: {rule['nodes'][0]['html'][:160]}"
        f" ({len(rule['nodes'])} in all)"
        for rule in found["violations"]
        if rule["impact"] in ("serious", "critical")
    ]
