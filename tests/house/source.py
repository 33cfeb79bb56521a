"""An add-on as its source tells it: rooms, classes, methods, calls and context keys, by ``ast`` alone."""

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

NOT_PRODUCT = {"tests", "migrations"}  # folders of an add-on whose code isn't part of what is installed
UPSTREAM = ("# EXTENDS", "# OVERRIDE")  # begins the first line of a method that Odoo or OCA has too


@dataclass(frozen=True)
class Method:
    """One definition of a method of a model."""

    model: str
    name: str
    path: Path
    line: int
    first_comment: str  # the comment that begins its body, if one does

    @property
    def is_upstream(self) -> bool:
        return self.first_comment.startswith(UPSTREAM)


@dataclass
class File:
    """A Python file of an add-on."""

    path: Path
    text: str = field(repr=False)

    @cached_property
    def tree(self) -> ast.Module:
        return ast.parse(self.text)

    @cached_property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    @property
    def methods(self) -> Iterator[Method]:
        for node in self.tree.body:
            model = isinstance(node, ast.ClassDef) and _get_model(node)
            for item in node.body if model else ():
                if isinstance(item, ast.FunctionDef):
                    comment = self._get_comment(item)
                    yield Method(model, item.name, self.path, item.lineno, comment)

    def _get_comment(self, function: ast.FunctionDef) -> str:
        """The comment on the first line of a body; a docstring may come before it."""
        first = function.body[0]
        before = self.lines[function.lineno : first.lineno - 1]
        after = self.lines[first.end_lineno : first.end_lineno + 1] if _is_docstring(first) else []
        comments = [line.strip() for line in [*before, *after] if line.strip().startswith("#")]
        return comments[0] if comments else ""

    @property
    def calls(self) -> Iterator[tuple[str, int]]:
        """Names of what is called on something, with their lines."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                yield node.func.attr, node.lineno

    @property
    def relative_imports(self) -> Iterator[tuple[int, str, int]]:
        """Level, module and line of each relative import; ``from .. import x`` counts as one of ``..x``."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.ImportFrom) and node.level:
                for module in [node.module] if node.module else [alias.name for alias in node.names]:
                    yield node.level, module, node.lineno

    @property
    def context_keys(self) -> Iterator[tuple[str, int]]:
        """Keys of an environment's context that are read or set, with their lines."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr == "with_context":
                    yield from ((word.arg, word.value.lineno) for word in node.keywords if word.arg)
                elif node.func.attr in ("get", "pop") and _is_context(node.func.value):
                    yield from _get_texts(node.args[:1])
            elif isinstance(node, ast.Subscript) and _is_context(node.value):
                yield from _get_texts([node.slice])
            elif isinstance(node, ast.Compare) and any(map(_is_context, node.comparators)):
                yield from _get_texts([node.left])

    @property
    def dispatches(self) -> Iterator[int]:
        """Lines on which a method is looked up by a name that is put together."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "getattr":
                if len(node.args) > 1 and isinstance(node.args[1], ast.JoinedStr | ast.BinOp):
                    yield node.lineno


@dataclass
class XmlFile:
    """A view, template or data file of an add-on."""

    path: Path
    text: str = field(repr=False)

    @property
    def context_keys(self) -> Iterator[tuple[str, int]]:
        """Keys of a context that are read or set, with their lines."""
        for found in re.finditer(r"\b(?:context|ctx)\.get\('(\w+)'|\bcontext=\"\{([^\"]*)\}\"", self.text):
            line = self.text.count("\n", 0, found.start()) + 1
            keys = [found[1]] if found[1] else re.findall(r"'(\w+)'\s*:", found[2])
            yield from ((key, line) for key in keys)


@dataclass
class Addon:
    """An add-on: its files, and the rooms of its ``models/`` in the order of floors."""

    root: Path

    @property
    def name(self) -> str:
        return self.root.name

    @cached_property
    def files(self) -> list[File]:
        paths = sorted(self.root.rglob("*.py"))
        return [
            File(path, path.read_text()) for path in paths if not NOT_PRODUCT & {*path.relative_to(self.root).parts}
        ]

    @cached_property
    def xml_files(self) -> list[XmlFile]:
        return [XmlFile(path, path.read_text()) for path in sorted(self.root.rglob("*.xml"))]

    @cached_property
    def rooms(self) -> list[str]:
        """The rooms in the order of floors: the table of contents of ``models/__init__.py``."""
        tree = ast.parse((self.root / "models" / "__init__.py").read_text())
        return [alias.name for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names]

    def get_room(self, path: Path) -> str | None:
        """The room a file lies in; nothing for one outside ``models/``."""
        parts = path.relative_to(self.root).parts
        return parts[1] if parts[0] == "models" and len(parts) > 2 else None

    @cached_property
    def methods(self) -> list[Method]:
        return [method for file in self.files for method in file.methods]


def _get_model(node: ast.ClassDef) -> str | None:
    """The model a class defines or extends; nothing for a plain class."""
    values = {
        target.id: statement.value
        for statement in node.body
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, ast.Name)
    }
    for name in ("_name", "_inherit"):
        value = values.get(name)
        if isinstance(value, ast.List | ast.Tuple) and len(value.elts) == 1:
            value = value.elts[0]
        if isinstance(value, ast.Constant):
            return value.value
    return None


def _is_docstring(statement: ast.stmt) -> bool:
    return isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)


def _is_context(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "context"


def _get_texts(nodes: list[ast.expr]) -> Iterator[tuple[str, int]]:
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value, node.lineno
