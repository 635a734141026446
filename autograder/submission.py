"""An untrusted notebook, read with care and laid into the trusted release.

Only text is taken from a submission: the sources of its solution cells, found by `grade_id`, and
of the learner's extra code cells, in their order. Everything else (given cells, checks, points,
flags, metadata, outputs) comes from the release. What was odd is repaired and said, or the
submission is refused.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import SubmissionError
from autograder.spec import Chapter

MAX_BYTES = 50 * 2**20
MAX_CELLS = 2000
MAX_SOURCE = 200_000


@dataclass(frozen=True)
class Cell:
    """One code cell to run.

    Args:
        id: the exercise's id for a solution, else the cell's place, for messages.
        source: code.
        kind: "given" (ours), "solution" or "extra" (the learner's).
        after: index in the release of the cell it stands at or after.
    """

    id: str
    source: str
    kind: str
    after: int = -1


@dataclass(frozen=True)
class Submission:
    """A notebook, ready to be graded.

    Args:
        student, assignment: from the folders' names.
        cells: given, solution and extra cells in the order in which they run.
        missing: ids of exercises that were not attempted, with the reason.
        note: what was repaired.
    """

    student: str
    assignment: str
    cells: tuple[Cell, ...]
    missing: dict[str, str]
    note: str = ""

    @property
    def solutions(self) -> dict[str, str]:
        """Sources of the solution cells by exercise."""
        return {cell.id: cell.source for cell in self.cells if cell.kind == "solution"}


def read(path: Path) -> list[dict[str, Any]]:
    """The cells of an untrusted notebook file, as {"type", "source", "grade_id", "id"}.

    Raises:
        SubmissionError: the file is too large, cut off, not JSON, or not a notebook of version 4.
    """
    if path.is_symlink() or not path.is_file():
        raise SubmissionError("there is no regular notebook file here")
    size = path.stat().st_size
    if size > MAX_BYTES:
        limit = MAX_BYTES // 2**20
        raise SubmissionError(
            f"the file has {size // 2**20} MB, more than {limit}; clear all outputs, submit again"
        )
    try:
        notebook = json.loads(path.read_bytes().decode("utf-8-sig"))
    except (ValueError, RecursionError) as error:
        raise SubmissionError(
            "the file is cut off or not JSON; save the notebook and submit again"
        ) from error
    version = notebook.get("nbformat") if isinstance(notebook, dict) else None
    if version != 4 or not isinstance(notebook.get("cells"), list):
        raise SubmissionError(
            f"this is not a notebook of format 4 (it says {_shown(version)}); "
            "open and save it in JupyterLab"
        )
    if len(notebook["cells"]) > MAX_CELLS:
        raise SubmissionError(f"the notebook has more than {MAX_CELLS} cells")
    return [plain(cell) for cell in notebook["cells"] if isinstance(cell, dict)]


def _shown(value: Any) -> str:
    return str(value)[:20] if isinstance(value, int | float) else "nothing readable"


def plain(cell: dict[str, Any]) -> dict[str, Any]:
    """What is taken from an untrusted cell: type, source, grade_id, id."""
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    if not isinstance(source, str) or len(source) > MAX_SOURCE:
        source = ""
    metadata = cell.get("metadata")
    grading = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = grading.get("grade_id") if isinstance(grading, dict) else None
    return {
        "type": cell.get("cell_type"),
        "source": source,
        "grade_id": grade_id if isinstance(grade_id, str) else None,
        "id": cell.get("id") if isinstance(cell.get("id"), str) else None,
    }


def lay(
    student: str, chapter: Chapter, cells: list[dict[str, Any]], release: list[dict[str, Any]]
) -> Submission:
    """Lay the learner's cells into the release.

    Args:
        cells: from `read`.
        release: the cells of the trusted release notebook (nbformat dicts).

    A second cell with the same `grade_id` counts as an extra cell at its place, so the definition
    that came last in the learner's notebook wins, as it did there. A given cell that the learner
    changed runs as ours first, then as theirs.
    """
    known = {index: plain(cell) for index, cell in enumerate(release)}
    ids = {exercise.id for exercise in chapter.exercises}
    by_grade = {cell["grade_id"]: index for index, cell in known.items() if cell["grade_id"]}
    by_id = {cell["id"]: index for index, cell in known.items() if cell["id"]}
    by_source = {cell["source"]: index for index, cell in known.items() if not cell["grade_id"]}
    answers: dict[str, str] = {}
    extras: dict[int, list[Cell]] = {}
    notes: list[str] = []
    at = -1
    for number, cell in enumerate(cells):
        grade_id = cell["grade_id"]
        place = by_grade.get(grade_id, by_id.get(cell["id"], by_source.get(cell["source"])))
        at = place if place is not None else at
        if grade_id in ids and cell["type"] == "code":
            if grade_id not in answers:
                answers[grade_id] = cell["source"]
                continue
            notes.append(f"{grade_id} stands there twice; the later one counts")
        elif cell["type"] != "code" or (
            place is not None and _unchanged(cell, known[place], release[place])
        ):
            continue
        extras.setdefault(at, []).append(Cell(f"cell {number + 1}", cell["source"], "extra", at))
    missing = {i: "the cell is not in the notebook" for i in ids if i not in answers}
    ordered = list(extras.get(-1, []))
    for index, cell in known.items():
        if cell["type"] == "code" and cell["grade_id"] in ids:
            source = answers.get(cell["grade_id"], cell["source"])
            if source.strip() == cell["source"].strip():
                missing.setdefault(cell["grade_id"], "not attempted yet")
            ordered.append(Cell(cell["grade_id"], source, "solution", index))
        elif cell["type"] == "code" and _replayed(release[index], cell):
            ordered.append(Cell(f"given {index}", cell["source"], "given", index))
        ordered += extras.get(index, [])
    elsewhere = _defined(ordered)
    missing = {name: why for name, why in missing.items() if name not in elsewhere}
    return Submission(student, chapter.name, tuple(ordered), missing, "; ".join(notes))


def _defined(cells: list[Cell]) -> set[str]:
    """Names that extra cells define: an answer that was written in another cell counts."""
    text = "\n".join(cell.source for cell in cells if cell.kind == "extra")
    words = text.replace("(", " ").replace(":", " ").split()
    return {name for word, name in zip(words, words[1:], strict=False) if word in ("def", "class")}


def _replayed(cell: dict[str, Any], plain: dict[str, Any]) -> bool:
    tags = cell.get("metadata", {}).get("tags", [])
    return not plain["grade_id"] and not {"demonstration", "hint"} & set(tags)


def _unchanged(cell: dict[str, Any], ours: dict[str, Any], release: dict[str, Any]) -> bool:
    """Ours as released, or a cell that a grade never replays: nothing of the learner's to run."""
    return cell["source"].strip() == ours["source"].strip() or not _replayed(release, ours)
