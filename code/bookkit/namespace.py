"""What a name can mean on a page: the notebook's own names, glassbox, torch and Python."""

import ast
import builtins
import importlib
import inspect
import pkgutil
import re
import sys
import types
from functools import cache

import torch

from bookkit.pages import Page, output_texts

IMPORTABLE = {"glassbox", "torch", "numpy", "matplotlib", "jaxtyping", *sys.stdlib_module_names}
UNSAFE = {"antigravity", "this", "idlelib"}  # importing these does something
TORCH_HOMES = (torch, torch.nn.functional, torch.nn, torch.Tensor)
SIGNATURE = re.compile(  # softmax(input, dim, *, dtype=None) -> Tensor
    r"^\s*(?:\.\. function:: )?[\w.]+\(((?:[^()]|\([^()]*\))*)\)\s*->", re.MULTILINE
)
PLAIN_TYPES = (torch.Tensor, torch.nn.Module, str, list, dict, tuple, int, float)
ROOTS = {
    "torch": "torch",
    "nn": "torch.nn",
    "F": "torch.nn.functional",
    "np": "numpy",
    "plt": "matplotlib.pyplot",
    "glassbox": "glassbox",
}


@cache
def import_module(name: str) -> types.ModuleType | None:
    """Import a module of a package that a page may name; None if there is no such module."""
    if name.split(".")[0] not in IMPORTABLE - UNSAFE:
        return None
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


@cache
def glassbox_modules() -> tuple[types.ModuleType, ...]:
    """All modules of the course package."""
    package = importlib.import_module("glassbox")
    found = pkgutil.walk_packages(package.__path__, "glassbox.")
    return (package, *(importlib.import_module(info.name) for info in found))


@cache
def parameters(function) -> frozenset[str]:
    """Names of a function's arguments; for torch's C functions, from the first line of the doc."""
    try:
        return frozenset(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        signatures = SIGNATURE.findall(function.__doc__ or "")
        return frozenset(re.findall(r"\b([a-z_]\w*)\b(?=\s*(?:[=,:)]|$))", ", ".join(signatures)))


@cache
def instance_attributes(cls: type) -> frozenset[str]:
    """Attributes that instances get: annotated ones, and those assigned to self in the source."""
    names = set()
    for base in cls.__mro__:
        names |= set(getattr(base, "__annotations__", {}))
        try:
            source = inspect.getsource(base)
        except (OSError, TypeError):
            continue
        names |= set(re.findall(r"\bself\.([A-Za-z_]\w*)\b[^=\n]*=(?!=)", source))
        names |= set(re.findall(r"register_(?:buffer|parameter)\(\s*[\"'](\w+)", source))
    return frozenset(names)


@cache
def glassbox_names() -> dict[str, object]:
    """Public names of the course package, and of its functions' arguments (those mean None)."""
    names: dict[str, object] = {}
    for module in glassbox_modules():
        names[module.__name__.rpartition(".")[2]] = module
        for name, value in vars(module).items():
            if name.startswith("_"):
                continue
            own = getattr(value, "__module__", "").startswith("glassbox")
            if own or not hasattr(value, "__module__"):
                names[name] = value
            if own and callable(value):
                for parameter in parameters(value):
                    names.setdefault(parameter, None)
    return names


def known_attribute(owner, name: str) -> tuple[bool, object]:
    """Look up an attribute of a module, class or other object, without running properties."""
    if isinstance(owner, types.ModuleType):
        if hasattr(owner, name):
            return True, getattr(owner, name)
        module = import_module(f"{owner.__name__}.{name}")
        return module is not None, module
    try:
        value = inspect.getattr_static(owner, name)
        return True, value if callable(value) else None
    except AttributeError:
        return isinstance(owner, type) and name in instance_attributes(owner), None


class Namespace:
    """The names that mean something on one page."""

    def __init__(self, page: Page, allowed: set[str] = frozenset()):
        """Read the code cells of `page`; `allowed` names resolve to nothing in particular."""
        self.own, self.attributes, self.keywords = set(allowed), set(), set()
        self.objects: dict[str, object] = {}
        self.signatures: dict[str, frozenset[str]] = {}
        self.strings: set[str] = set()
        self.texts: list[str] = []
        for cell in page.code_cells:
            self.read(cell.source)
            pictures = [o for o in cell.outputs if "image/png" in o.get("data", {})]
            if not pictures:
                self.texts += output_texts(cell)
        self.solutions: dict[str, list[str]] = {}
        for block in page.blocks:
            if block.kind == "code" and block.info.startswith("python"):
                self.solutions.setdefault(block.cell, []).append(block.runs[0].text)

    def within(self, cell: str) -> "Namespace":
        """Return the names as seen from one Markdown cell: its own solution's names as well."""
        if cell not in self.solutions:
            return self
        inner = Namespace.__new__(Namespace)
        inner.__dict__ = {
            k: v.copy() if hasattr(v, "copy") else v for k, v in self.__dict__.items()
        }
        for source in self.solutions[cell]:
            inner.read(source)
        return inner

    def read(self, source: str) -> None:
        """Take up every name of one code cell."""
        self.texts.append(source)
        lines = [re.sub(r"^(\s*)[%!].*", r"\1pass", line) for line in source.split("\n")]
        try:
            tree = ast.parse("\n".join(lines))
        except SyntaxError:
            return
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                self.own.add(node.id)
            elif isinstance(node, ast.Attribute):
                self.attributes.add(node.attr)
            elif isinstance(node, ast.arg):
                self.own.add(node.arg)
            elif isinstance(node, ast.keyword) and node.arg:
                self.keywords.add(node.arg)
            elif isinstance(node, ast.FunctionDef | ast.ClassDef):
                self.own.add(node.name)
                self.attributes.add(node.name)
                self.take_signature(node)
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                self.strings.add(node.value)
            elif isinstance(node, ast.Import | ast.ImportFrom):
                self.take_import(node)
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "split":
                text = getattr(node.func.value, "value", "")
                self.strings |= set(text.split()) if isinstance(text, str) else set()

    def take_signature(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        """Remember the arguments of a function, or of a class's constructor."""
        function = node
        if isinstance(node, ast.ClassDef):
            methods = [n for n in node.body if isinstance(n, ast.FunctionDef)]
            function = next((n for n in methods if n.name == "__init__"), None)
        if function and not function.args.kwarg:
            arguments = [n.arg for n in ast.walk(function.args) if isinstance(n, ast.arg)]
            self.signatures[node.name] = frozenset(arguments)

    def take_import(self, node: ast.Import | ast.ImportFrom) -> None:
        """Remember what an import binds."""
        for alias in node.names:
            name = alias.asname or alias.name
            if isinstance(node, ast.ImportFrom):
                value = known_attribute(import_module(node.module or ""), alias.name)[1]
            else:
                value = import_module(alias.name if alias.asname else alias.name.split(".")[0])
                name = name if alias.asname else name.split(".")[0]
            self.objects[name] = value
            self.own.add(name)

    def shows(self, span: str) -> bool:
        """Tell whether the page shows the span word for word: a label, a cell, an output."""
        bare = span.strip("'\"")
        if bare in self.strings:
            return True
        edge = rf"(?<!\w){re.escape(span)}(?!\w)"
        return any(re.search(edge, text) for text in self.texts)

    def lookup(self, name: str) -> tuple[bool, object]:
        """Tell whether a bare name is known, and the object it stands for if that is certain."""
        if self.objects.get(name) is not None:
            return True, self.objects[name]
        if name in self.own or name in self.strings:
            return True, None
        if name in ROOTS:
            return True, import_module(ROOTS[name])
        if hasattr(builtins, name):
            return True, getattr(builtins, name)
        if name in glassbox_names():
            return True, glassbox_names()[name]
        for home in TORCH_HOMES:
            if hasattr(home, name):
                return True, known_attribute(home, name)[1]
        if name in sys.stdlib_module_names - UNSAFE:
            return True, import_module(name)
        # An argument of a function that the page uses; a single letter is too likely to be one.
        return name in self.attributes or (len(name) > 1 and self.keyword(None, name)), None

    def attribute(self, owner, name: str) -> tuple[bool, object]:
        """Tell whether `owner` has the attribute; of an unknown owner, whether anything has."""
        if owner is not None:
            return known_attribute(owner, name)
        if name in self.attributes or any(hasattr(home, name) for home in PLAIN_TYPES):
            return True, None
        candidates = [*glassbox_names().values(), *self.used((torch.nn,))]
        classes = [c for c in candidates if isinstance(c, type)]
        return any(known_attribute(cls, name)[0] for cls in classes), None

    def used(self, homes=TORCH_HOMES) -> list[object]:
        """List what the page uses of torch, by name."""
        names = self.own | self.attributes
        return [getattr(home, n) for home in homes for n in sorted(names & set(dir(home)))]

    def keyword(self, function, name: str) -> bool:
        """Tell whether a function takes the argument; of none given, any that the page uses."""
        if isinstance(function, frozenset):  # the arguments of a function of the page
            return name in function
        if callable(function) and parameters(function):
            return name in parameters(function) or "kwargs" in parameters(function)
        if name in self.keywords or name in glassbox_names():
            return True
        return any(callable(f) and name in parameters(f) for f in self.used())

    def all(self) -> list[str]:
        """List the names to guess from when one is misspelled."""
        return sorted(self.own | self.attributes | set(glassbox_names()) | set(dir(torch)))
