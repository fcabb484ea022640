"""Every name in code font exists.

An inline-code span resolves if it is listed in allowed_names.txt, stands word for word in a cell
or an output of the page, is a shell command or a path that exists, or is Python whose every name,
attribute and keyword is known: to the notebook, glassbox, torch, the builtins or the standard
library.
"""

import ast
import difflib
import re
from collections.abc import Iterator
from pathlib import Path

from bookkit.namespace import Namespace, import_module, known_attribute
from bookkit.pages import Block, Fault, Page

ALLOWED_FILE = Path(__file__).with_name("allowed_names.txt")
OPERATORS = re.compile(r"[-+*/@%=<>!&|^~.,:;()\[\]{}#$_\\]+")
SHELL = re.compile(r"[%!]?\s*(make|python3?|pip|git)\b(?:\s+\S.*)?")
PATH = re.compile(
    r"\.{0,2}[\w./*-]*(?:/[\w.*-]*|\.(?:ipynb|md|py|txt|yml|toml|cff|json|css|js|bib))"
)


def allowed_names(path: Path = ALLOWED_FILE) -> dict[str, str]:
    """Read the spans that resolve by decree: 'name  # why', one a line."""
    allowed = {}
    for line in path.read_text(encoding="utf-8").splitlines():
        name, _, why = line.partition("  # ")
        if name.strip() and not line.startswith("#"):
            allowed[name.strip()] = why.strip()
    return allowed


def spans(page: Page) -> Iterator[tuple[Block, str]]:
    """Yield every inline-code span of the page with the block it stands in."""
    for block in page.blocks:
        for run in block.runs if block.kind != "code" else ():
            if run.kind == "code":
                yield block, run.text.strip()


def readings(span: str) -> Iterator[ast.AST]:
    """Yield the ways to read a span as Python: as it is, as a slice, as a header of a block."""
    forms = [span, span.replace("…", "...")]
    if span.startswith((".", "[")):
        forms.append("_" + span)
    if ":" in span:
        forms += [f"_[{span}]", f"{span} ..."]
    if re.match(r"(def|class) \w", span):
        forms.append(f"{span}: ...")
    if "->" in span:
        forms.append(f"def {span.removeprefix('def ').rstrip(':')}: ...")
    forms.append(f"_({span})")
    for form in forms:
        try:
            yield ast.parse(form)
        except (SyntaxError, ValueError):
            continue


class Unresolved(ast.NodeVisitor):
    """Collect what a piece of Python names that nothing defines."""

    def __init__(self, names: Namespace):
        """Look names up in `names`."""
        self.names, self.missing, self.bound = names, [], {"_"}
        self.known: dict[int, object] = {}  # what each called expression stands for

    def resolve(self, node: ast.AST):
        """Return the object that a dotted name stands for; None if it is known but has no value."""
        if isinstance(node, ast.Name):
            if node.id in self.bound:
                return None
            known, value = self.names.lookup(node.id)
            if not known:
                self.missing.append(node.id)
            return value
        if isinstance(node, ast.Attribute):
            owner = self.resolve(node.value)
            known, value = self.names.attribute(owner, node.attr)
            if not known and not self.missing:
                self.missing.append(ast.unparse(node))
            return value
        self.visit(node)
        called = isinstance(node, ast.Call) and self.known.get(id(node.func))
        return called if isinstance(called, type) else None  # a class stands for its instance

    def visit_Name(self, node):
        self.resolve(node)

    visit_Attribute = visit_Name

    def visit_Call(self, node):
        function = self.known[id(node.func)] = self.resolve(node.func)
        if isinstance(node.func, ast.Name) and node.func.id in self.names.signatures:
            function = self.names.signatures[node.func.id]
        for argument in node.args:
            self.visit(argument)
        for keyword in node.keywords:
            if keyword.arg and not self.names.keyword(function, keyword.arg):
                self.missing.append(f"{keyword.arg}=")
            self.visit(keyword.value)

    def visit_Assign(self, node):
        for target in node.targets:
            is_keyword = isinstance(target, ast.Name) and self.names.keyword(None, target.id)
            if not is_keyword:
                self.visit(target)
        self.visit(node.value)

    def visit_Import(self, node):
        for alias in node.names:
            if import_module(alias.name) is None:
                self.missing.append(alias.name)

    def visit_ImportFrom(self, node):
        module = import_module(node.module or "")
        for alias in node.names:
            if module is None or not known_attribute(module, alias.name)[0]:
                self.missing.append(f"{node.module}.{alias.name}")

    def visit_FunctionDef(self, node):
        self.resolve(ast.Name(node.name))
        self.bound |= {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        self.generic_visit(node)

    def visit_ClassDef(self, node):
        self.resolve(ast.Name(node.name))
        self.generic_visit(node)

    def visit_Lambda(self, node):
        self.bound |= {a.arg for a in ast.walk(node.args) if isinstance(a, ast.arg)}
        self.generic_visit(node)

    def visit_comprehension(self, node):
        self.bound |= {n.id for n in ast.walk(node.target) if isinstance(n, ast.Name)}
        self.generic_visit(node)

    visit_For = visit_comprehension

    def generic_visit(self, node):
        """Visit comprehensions before what they compute, so that their variables are bound."""
        for generator in getattr(node, "generators", []):
            self.visit(generator)
        super().generic_visit(node)


def unresolved_names(span: str, names: Namespace) -> list[str] | None:
    """Return what the span names and nothing defines; None if it is not Python."""
    first = None
    for tree in readings(span):
        visitor = Unresolved(names)
        visitor.visit(tree)
        if not visitor.missing:
            return []
        first = first or visitor.missing
    return first


def shell_fault(span: str, root: Path) -> str | None:
    """Check a shell command as far as the repository can: the targets of make must exist."""
    words = span.split()
    makefile = root / "Makefile"
    if words[0] == "make" and len(words) > 1 and makefile.exists():
        targets = re.findall(r"^([\w-]+):", makefile.read_text(encoding="utf-8"), re.MULTILINE)
        wrong = [w for w in words[1:] if "=" not in w and w not in targets]
        if wrong:
            return f"the Makefile has no target {wrong[0]}"
    return None


def path_exists(span: str, page: Page) -> bool:
    """Tell whether a path (wildcards allowed) exists beside the page or in the repository."""
    relative = span.strip("/") or "."
    folders = (page.path.parent, page.root)
    return any(next(iter(folder.glob(relative)), None) is not None for folder in folders)


def span_fault(span: str, page: Page, names: Namespace) -> str | None:
    """Say what is wrong with one span of code, or None."""
    if names.shows(span) or OPERATORS.fullmatch(span) or re.match(r"\w+://", span):
        return None
    if (SHELL.fullmatch(span) and len(span.split()) > 1) or span == "make":
        return shell_fault(span.lstrip("%! "), page.root)
    missing = unresolved_names(span, names)
    if missing == []:
        return None
    if PATH.fullmatch(span):
        return None if path_exists(span, page) else "there is no such file in the repository"
    if missing is None:
        return "it is no Python, no path, and no cell of the page shows it"
    close = difflib.get_close_matches(missing[0].split(".")[-1].rstrip("="), names.all(), 1)
    hint = f"; did you mean {close[0]}?" if close else ""
    return f"nothing defines {', '.join(missing)}{hint}"


def check_names(page: Page, allowed: dict[str, str] | None = None) -> list[Fault]:
    """Find code spans in the prose of a notebook that name what does not exist."""
    allowed = allowed_names() if allowed is None else allowed
    names, faults = Namespace(page, set(allowed)), []
    for block, span in spans(page):
        problem = None if span in allowed else span_fault(span, page, names.within(block.cell))
        if problem:
            message = (
                f"`{span}`: {problem}. Use a name of the page, glassbox, torch or Python; a name "
                "that readers need all the same goes into code/bookkit/allowed_names.txt."
            )
            faults.append(page.fault(block.cell, message))
    return faults
