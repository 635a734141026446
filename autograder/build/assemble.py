"""Lays the source's cells and the specification's exercises out as the instructor's notebook.

Around each solution cell stand a header, a check cell and a hint cell, all made here from the
specification. Ids and metadata depend on the source and the specification alone.
"""

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import nbformat
from nbformat import NotebookNode

from autograder.build.source import SourceCell
from autograder.spec import Chapter, Exercise

SCHEMA_VERSION = 3
"""nbgrader's version of a cell's metadata."""

KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
LANGUAGE = {
    "file_extension": ".py",
    "mimetype": "text/x-python",
    "name": "python",
    "pygments_lexer": "ipython3",
}
"""No interpreter version: the same bytes whichever built it."""

_KINDS = {"build": "", "find the bug": "Find the bug: ", "predict": "Predict before you run: "}


@dataclass
class Draft:
    """A notebook without outputs, and where each cell's text stands in the source.

    Args:
        notebook: nbformat 4.5.
        lines: cell id → line of the source.
    """

    notebook: NotebookNode
    lines: dict[str, int] = field(default_factory=dict)


def assemble(cells: list[SourceCell], chapter: Chapter) -> Draft:
    """The instructor's notebook of one chapter, not executed."""
    notebook = nbformat.v4.new_notebook()
    notebook.metadata = nbformat.from_dict(
        {
            "autograder": {"chapter": chapter.name, "spec": chapter.version},
            "kernelspec": dict(KERNEL),
            "language_info": dict(LANGUAGE),
        }
    )
    draft = Draft(notebook)
    occurrences: Counter[str] = Counter()
    for cell in cells:
        if cell.exercise is None:
            _add(draft, cell, _digest_id(chapter.name, cell, occurrences), _tags(cell.tags))
            continue
        exercise = chapter.exercise(cell.exercise)
        for part, name, metadata in _around(exercise, cell):
            _add(draft, part, name, metadata)
    return draft


def header(exercise: Exercise) -> str:
    """What stands above an exercise: its title, how hard, how long, how many points."""
    dots = "●" * exercise.difficulty + "○" * (5 - exercise.difficulty)
    points = "1 point" if exercise.points == 1 else f"{exercise.points} points"
    title = exercise.title[:1].upper() + exercise.title[1:]
    return (
        f"### {_KINDS[exercise.kind]}{title}\n\n"
        f"Exercise `{exercise.id}` · difficulty {dots} ({exercise.difficulty} of 5) · "
        f"about {exercise.minutes} minutes · {points}"
    )


def _around(exercise: Exercise, cell: SourceCell) -> list[tuple[SourceCell, str, dict[str, Any]]]:
    """Header, solution, check and hint, each with its id and metadata."""
    name = exercise.id
    solution = _nbgrader(name, solution=True) | _tags(cell.tags)
    if cell.faulty is not None:
        solution["autograder"] = {"starts_from": cell.faulty}
    hint = f'# hint({name})  # stuck? remove the first "#", run; again for the next hint'
    return [
        (SourceCell("markdown", header(exercise), cell.line), f"{name}_header", {}),
        (cell, name, solution),
        (
            SourceCell("code", f"check({name})", cell.line),
            f"{name}_check",
            _nbgrader(f"{name}_check", grade=True, locked=True, points=exercise.points),
        ),
        (SourceCell("code", hint, cell.line), f"{name}_hint", _tags(("hint",))),
    ]


def _nbgrader(grade_id: str, **flags: Any) -> dict[str, Any]:
    given = {"grade": False, "locked": False, "solution": False, "task": False} | flags
    return {"nbgrader": {"grade_id": grade_id, "schema_version": SCHEMA_VERSION} | given}


def _tags(tags: tuple[str, ...]) -> dict[str, Any]:
    return {"tags": list(tags)} if tags else {}


def _add(draft: Draft, cell: SourceCell, name: str, metadata: dict[str, Any]) -> None:
    new = nbformat.v4.new_code_cell if cell.kind == "code" else nbformat.v4.new_markdown_cell
    draft.notebook.cells.append(new(cell.text, id=name, metadata=metadata))
    draft.lines[name] = cell.line


def _digest_id(chapter: str, cell: SourceCell, occurrences: Counter[str]) -> str:
    """An id that stays with a cell's text; equal texts are told apart by their order."""
    text = f"{chapter}\n{cell.kind}\n{cell.text}"
    occurrences[text] += 1
    return hashlib.sha256(f"{text}\n{occurrences[text]}".encode()).hexdigest()[:12]
