"""Source text of live functions and classes, with the helpers and imports they use.

The export into `mytransformer` and the tests of the tests need the same thing: take a function
out of where it stands so that it runs elsewhere. Works for files and for notebook cells alike.
"""

import ast
import builtins
import functools
import linecache
import re
import symtable
import textwrap
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Piece:
    """A function or class as text.

    Args:
        name: its name.
        source: its definition, with its helpers' definitions before it.
        imports: import lines and simple constants that it needs.
        uses: names of other exercises that it calls.
    """

    name: str
    source: str
    imports: tuple[str, ...]
    uses: tuple[str, ...] = ()


def source_of(thing: Callable[..., Any]) -> str:
    """The definition's text, dedented.

    Raises:
        ValueError: its source is not to be found (typed into a plain Python prompt, say).
    """
    code = _code(thing)
    text = "".join(linecache.getlines(code.co_filename)) if code else ""
    try:
        nodes = _definitions(text)
    except SyntaxError as error:
        raise ValueError(f"the source of {thing.__name__} cannot be read: {error}") from error
    for node in nodes:
        first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
        inside = code is not None and first <= code.co_firstlineno <= (node.end_lineno or 0)
        if inside and node.name == thing.__name__:
            return textwrap.dedent("\n".join(text.splitlines()[first - 1 : node.end_lineno]))
    raise ValueError(f"the source of {thing.__name__} is not to be found; define it in a cell")


@functools.lru_cache(maxsize=256)
def _definitions(text: str) -> tuple[ast.FunctionDef | ast.ClassDef, ...]:
    wanted = (ast.FunctionDef, ast.ClassDef)
    return tuple(node for node in ast.walk(ast.parse(text)) if isinstance(node, wanted))


def _code(thing: Any) -> types.CodeType | None:
    if isinstance(thing, type):
        methods = [m for m in vars(thing).values() if isinstance(m, types.FunctionType)]
        codes = sorted((m.__code__ for m in methods), key=lambda code: code.co_firstlineno)
        return codes[0] if codes else None
    return getattr(thing, "__code__", None)


def collect(
    thing: Callable[..., Any], namespace: Mapping[str, Any], stop: frozenset[str] = frozenset()
) -> Piece:
    """A definition with everything it needs from where it stands.

    Args:
        thing: the function or class.
        namespace: the globals it was defined in.
        stop: names that are not taken along (other exercises): they are listed in `uses`.
    """
    imports: list[str] = []
    sources: list[str] = []
    uses: list[str] = []
    done: set[str] = set()

    def take(item: Callable[..., Any]) -> None:
        done.add(item.__name__)
        source = source_of(item)
        for name in _free_names(source):
            if name in done or name not in namespace or hasattr(builtins, name):
                continue
            value = namespace[name]
            if name in stop:
                done.add(name)
                uses.append(name)
            elif _is_own(value, item):
                take(value)
            else:
                done.add(name)
                imports.extend(filter(None, [_import_line(name, value)]))
        sources.append(source)

    take(thing)
    return Piece(
        thing.__name__, "\n\n\n".join(sources), tuple(sorted(imports)), tuple(sorted(uses))
    )


def renamed(source: str, old: str, new: str) -> str:
    """The text with one name replaced, as a whole word."""
    return re.sub(rf"\b{re.escape(old)}\b", new, source)


def _free_names(source: str) -> list[str]:
    """Names that a definition takes from its globals: not its parameters, not its locals."""
    outer = symtable.symtable(source, "<definition>", "exec")
    found: list[str] = []
    tables = [outer]
    while tables:
        table = tables.pop(0)
        tables += table.get_children()
        for symbol in table.get_symbols():
            local = table.get_type() == "module" and symbol.is_assigned()
            if symbol.is_global() and symbol.is_referenced() and not local:
                found.append(symbol.get_name())
            elif table.get_type() == "module" and symbol.is_referenced() and not local:
                found.append(symbol.get_name())
    return list(dict.fromkeys(found))


def _is_own(value: Any, item: Callable[..., Any]) -> bool:
    kinds = (types.FunctionType, type)
    return isinstance(value, kinds) and value.__module__ == item.__module__


def _import_line(name: str, value: Any) -> str | None:
    if isinstance(value, types.ModuleType):
        if "." not in value.__name__:
            return f"import {value.__name__}" + (f" as {name}" if name != value.__name__ else "")
        parent, leaf = value.__name__.rsplit(".", 1)
        return f"from {parent} import {leaf}" + (f" as {name}" if name != leaf else "")
    if isinstance(value, str | int | float | bool | None | tuple):
        return f"{name} = {value!r}"
    if name in getattr(value, "__module__", "") or not hasattr(value, "__module__"):
        return None
    if value.__module__ == "__main__" or not hasattr(value, "__qualname__"):
        return None
    original = value.__qualname__
    return f"from {value.__module__} import {original}" + (
        f" as {name}" if name != original else ""
    )
