"""The package as a worker may see it: `minitransformer` without what the chapter asks for.

The reference of an exercise must not be in the worker, neither as an object nor as source. So the
sources are read here, every function and class that is the reference of an exercise of this
chapter or a later one is cut out of them. Modules on which nothing stands but later chapters'
modules are left out whole: what helps there may do a part of what is asked for here. The rest is
sent along with the job.
"""

import ast
import contextlib
import functools
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import minitransformer
from autograder import exercises
from autograder.spec import Chapter

WORD = re.compile(r"\w+")
IMPORT = re.compile(
    r"^ *(?:from|import) +(minitransformer[\w.]*)(?: +import +(\([^)]*\)|.*))?", re.M
)

STUB = '''
"""What a grading run has in place of the course's `autograder`: names that do nothing."""

def check(*arguments, **options): pass
hint = quiz = progress = check

def use(thing):
    if not isinstance(thing, str):
        return thing
    import importlib, sys
    for name in PLACES.get(thing, ()):
        return getattr(importlib.import_module(name), thing)
    raise NameError(f"there is no reference for {thing!r} in a grading run")

PLACES = %r
'''


def place(reference: Callable[..., Any]) -> tuple[str, str]:
    """(module, name) of a reference."""
    return reference.__module__, reference.__qualname__


@functools.lru_cache(maxsize=256)
def package(chapter_name: str, keep: frozenset[str] = frozenset()) -> dict[str, str]:
    """Module name → source, for a worker that grades this chapter.

    Args:
        chapter_name: references of this chapter and of later ones are cut out.
        keep: ids of this chapter's exercises whose references stay, and what those stand on.
    """
    chapter = exercises.load(chapter_name)
    kept = keep | {below for name in keep for below in foundations(chapter, name)}
    cut = {
        place(exercise.reference)
        for name in exercises.names()
        if name >= chapter_name
        for exercise in exercises.load(name).exercises
        if not (name == chapter_name and exercise.id in kept)
    }
    earlier = {
        exercise.id: [exercise.reference.__module__]
        for name in exercises.names()
        if name < chapter_name
        for exercise in exercises.load(name).exercises
    }
    ahead = _ahead(chapter_name)
    left = {name: text for name, text in _stripped(frozenset(cut)).items() if name not in ahead}
    return {**left, "autograder": STUB % earlier}


@functools.lru_cache
def _ahead(chapter_name: str) -> frozenset[str]:
    """Modules that only later chapters' modules import, or only such modules themselves."""
    homes = {
        place(exercise.reference)[0]: name
        for name in reversed(exercises.names())  # the first chapter that has one there
        for exercise in exercises.load(name).exercises
    }
    later = {module for module, name in homes.items() if name > chapter_name}
    found: set[str] = set()
    while True:
        more = {
            module
            for module, users in _users().items()
            if users and users <= later | found and module not in {*homes, *found}
        }
        if not more:
            return frozenset(found)
        found |= more


@functools.lru_cache
def _users() -> dict[str, set[str]]:
    """Each module of the package: those that import something of it, at any place."""
    users: dict[str, set[str]] = {module: set() for module in _modules()}
    for user, text in _modules().items():
        for source, names in IMPORT.findall(text):
            for used in (source, *(f"{source}.{name}" for name in WORD.findall(names))):
                if used in users:
                    users[used].add(user)
    return users


def places(chapter_name: str, names: tuple[str, ...]) -> dict[str, str]:
    """Exercise id → module of its reference."""
    chapter = exercises.load(chapter_name)
    return {name: chapter.exercise(name).reference.__module__ for name in names}


LATE = {
    "matplotlib": "matplotlib.pyplot",
    "torch.optim": "torch._dynamo",
    "import optim": "torch._dynamo",
    "torch.compile": "torch._dynamo",
}
"""Words in a cell → what takes long to import there, and that few graded cells need."""


def late(cells: tuple[str, ...]) -> tuple[str, ...]:
    """What these cells seem to need of `LATE`, for the warm process to import once for all."""
    return tuple({name for word, name in LATE.items() if any(word in cell for cell in cells)})


@functools.lru_cache(maxsize=256)
def imported(given: tuple[str, ...]) -> tuple[str, ...]:
    """What a chapter's given cells import of the course: "minitransformer.attention", say.

    A warm process imports it once for all its workers; what is missed here costs a little time.
    """
    found = set()
    for source in given:
        with contextlib.suppress(SyntaxError):  # a cell with magic commands
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, ast.Import):
                    found |= {alias.name for alias in node.names}
                elif isinstance(node, ast.ImportFrom) and node.module:
                    found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return tuple(sorted(name for name in found if name.split(".")[0] == "minitransformer"))


def foundations(chapter: Chapter, exercise_id: str) -> tuple[str, ...]:
    """All exercises below this one in its chapter, nearest first."""
    found: list[str] = []
    waiting = list(chapter.exercise(exercise_id).stands_on)
    while waiting:
        name = waiting.pop(0)
        if name not in found:
            found.append(name)
            waiting += chapter.exercise(name).stands_on
    return tuple(found)


@functools.lru_cache
def _stripped(cut: frozenset[tuple[str, str]]) -> dict[str, str]:
    names = {name for _, name in cut}
    return {
        module: _without(
            module,
            frozenset(name for place_, name in cut if place_ == module),
            frozenset(names.intersection(WORD.findall(text))),
        )
        for module, text in _modules().items()
    }


@functools.lru_cache
def _modules() -> dict[str, str]:
    """Each module of the package: its source."""
    root = Path(minitransformer.__file__).parent
    found = {}
    for path in sorted(root.rglob("*.py")):
        parts = path.relative_to(root.parent).with_suffix("").parts
        module = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        found[module] = path.read_text(encoding="utf-8")
    return found


@functools.lru_cache(maxsize=4096)
def _without(module: str, own: frozenset[str], mentioned: frozenset[str]) -> str:
    """A module's source without some of its own functions and classes, and some of its imports.

    What is cut leaves empty lines, or a `pass`; the rest stays as it was written.
    """
    text = _modules()[module]
    if not mentioned:
        return text
    tree, lines = ast.parse(text), text.split("\n")
    gone: dict[ast.stmt, str | None]
    gone = {node: "pass" for node in tree.body if getattr(node, "name", None) in own}
    for kept in set(tree.body) - set(gone):
        for node in ast.walk(kept):
            if isinstance(node, ast.ImportFrom | ast.Assign):
                gone[node] = _rest(node, mentioned)
    for node, rest in gone.items():
        first = min(part.lineno for part in (node, *getattr(node, "decorator_list", []))) - 1
        count = (node.end_lineno or node.lineno) - first
        if rest is not None:
            lines[first : first + count] = [" " * node.col_offset + rest] + [""] * (count - 1)
    return "\n".join(lines)


def _rest(node: ast.ImportFrom | ast.Assign, cut: frozenset[str]) -> str | None:
    """What is left of an import, or of `__all__`, when these names are cut; None for all of it."""
    if isinstance(node, ast.Assign):
        exports = isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__"
        return "pass" if exports else None
    ours = node.level or (node.module or "").split(".")[0] == "minitransformer"
    if not ours or not cut.intersection(alias.name for alias in node.names):
        return None
    node.names = [alias for alias in node.names if alias.name not in cut]
    return ast.unparse(node) if node.names else "pass"
