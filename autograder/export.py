"""What a learner has built, as an importable package: `work/mytransformer/`.

A passing check hands the function over, with its helpers and imports. The sources are kept in one
JSON file, and the modules are written from it, laid out as in `minitransformer`. What is not
there yet is taken from the reference.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autograder import exercises
from autograder.inert import write_atomically
from autograder.sources import collect
from autograder.spec import Exercise

PACKAGE = "mytransformer"
STORE = ".pieces.json"
HEADER = '''"""{module}: built by you.

Written by a passing check in your notebooks; change a function there, check it, and it is
written again. Edits made here are lost.
"""
'''


def export(work: Path, exercise: Exercise, thing: Any, namespace: Mapping[str, Any]) -> Path:
    """Put a function that passed its check into the package.

    Args:
        work: the learner's folder.
        exercise: what it is.
        thing: the learner's function or class.
        namespace: the globals it was defined in.

    Returns:
        The module's file.

    Raises:
        ValueError: the function's source cannot be found.
    """
    piece = collect(thing, namespace, stop=frozenset(_modules()) - {exercise.id})
    folder = work / PACKAGE
    folder.mkdir(parents=True, exist_ok=True)
    store = folder / STORE
    pieces = json.loads(store.read_text(encoding="utf-8")) if store.exists() else {}
    pieces[exercise.id] = {"source": piece.source, "imports": piece.imports, "uses": piece.uses}
    write_atomically(store, json.dumps(pieces, indent=1, sort_keys=True))
    for module in sorted({_modules()[name] for name in pieces if name in _modules()}):
        write_atomically(folder / f"{module}.py", _module(module, pieces))
    write_atomically(folder / "__init__.py", _init(pieces))
    return folder / f"{_modules()[exercise.id]}.py"


def _init(pieces: dict[str, Any]) -> str:
    docstring = '"""A transformer, built by you, function by function."""'
    places = _modules()
    lines = [f"from {PACKAGE}.{places[name]} import {name}" for name in places if name in pieces]
    return "\n".join([docstring, "", *lines, ""])


def _modules() -> dict[str, str]:
    """Exercise id → module of the package, as in `minitransformer`, in the order of the course."""
    return {
        exercise.id: exercise.reference.__module__.removeprefix("minitransformer.").replace(
            ".", "_"
        )
        for name in exercises.names()
        for exercise in exercises.load(name).exercises
    }


def _module(module: str, pieces: dict[str, Any]) -> str:
    places = _modules()
    here = [name for name, place in places.items() if place == module and name in pieces]
    imports: set[str] = set()
    for name in here:
        imports.update(pieces[name]["imports"])
        for used in pieces[name]["uses"]:
            if used not in pieces:
                imports.add(f"from minitransformer.{places[used]} import {used}")
            elif places[used] != module:
                imports.add(f"from {PACKAGE}.{places[used]} import {used}")
    parts = [
        HEADER.format(module=module),
        "\n".join(sorted(imports)),
        *(pieces[n]["source"] for n in here),
    ]
    return "\n\n".join(part.strip("\n") + "\n" for part in parts if part)
