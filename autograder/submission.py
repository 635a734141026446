"""An untrusted notebook, read with care and laid into the trusted release.

Only text is taken from a submission: the sources of its solution cells, found by `grade_id`, and
of the learner's extra code cells, in their order. Everything else (given cells, checks, points,
flags, metadata, outputs) comes from the release. What was odd is repaired and said, or the
submission is refused.
"""

import json
import os
import re
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import SubmissionError
from autograder.spec import Chapter

MAX_BYTES = 20 * 2**20
"""Of a file. The course's own notebooks with all their outputs have half a megabyte; JSON that was
written to fill the memory takes thirty times its size there."""

MAX_CELLS = 2000
MAX_SOURCE = 200_000
MAX_CODE = 2 * 2**20
"""Characters of one cell, and of all cells together."""

_SAFELY = sum(getattr(os, flag, 0) for flag in ("O_NOFOLLOW", "O_NONBLOCK"))
"""Opens no link, and waits for nobody: the file may have been exchanged since it was looked at."""


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


def fetch(path: Path) -> bytes | None:
    """What is in an untrusted notebook file; None when there is nothing.

    Raises:
        SubmissionError: it is no regular file of its folder, too large, or cannot be read.
    """
    try:
        _regular(path.lstat(), path)
        with open(path, "rb", opener=lambda name, mode: os.open(name, mode | _SAFELY)) as file:
            found = _regular(os.fstat(file.fileno()), path)
            if found.st_size > MAX_BYTES:
                size, limit = found.st_size // 2**20, MAX_BYTES // 2**20
                raise SubmissionError(
                    f"the file has {size} MB, more than {limit}; clear all outputs, submit again"
                )
            return file.read(MAX_BYTES)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise SubmissionError(f"the file cannot be read ({error.strerror})") from error


def _regular(found: os.stat_result, path: Path) -> os.stat_result:
    if not stat.S_ISREG(found.st_mode) or path.parent.is_symlink():
        raise SubmissionError("there is no regular notebook file here")
    return found


def read(content: bytes) -> list[dict[str, Any]]:
    """The cells of an untrusted notebook, as {"type", "source", "grade_id", "id"}.

    Raises:
        SubmissionError: it is cut off, not JSON, or not a notebook of version 4.
    """
    try:
        notebook = json.loads(content)  # in any of Unicode's encodings
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
    return [plain(cell) for cell in notebook["cells"] if isinstance(cell, dict)]


def _shown(value: Any) -> str:
    return str(value)[:20] if isinstance(value, int | float) else "nothing readable"


def plain(cell: dict[str, Any]) -> dict[str, Any]:
    """What is taken from an untrusted cell: type, source, whether that was too long, ids."""
    source = cell.get("source", "")
    if isinstance(source, list):
        source = "".join(part for part in source if isinstance(part, str))
    too_long = isinstance(source, str) and len(source) > MAX_SOURCE
    if not isinstance(source, str) or too_long:
        source = ""
    metadata = cell.get("metadata")
    grading = metadata.get("nbgrader") if isinstance(metadata, dict) else None
    grade_id = grading.get("grade_id") if isinstance(grading, dict) else None
    return {
        "type": cell.get("cell_type"),
        "source": source.replace("\r\n", "\n"),
        "too_long": too_long,
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

    Raises:
        SubmissionError: there are more cells, or more code, than anybody would write.
    """
    if len(cells) > MAX_CELLS:
        raise SubmissionError(
            f"the notebook has more than {MAX_CELLS} cells; remove what is left over"
        )
    if sum(len(cell["source"]) for cell in cells if cell["type"] == "code") > MAX_CODE:
        raise SubmissionError(
            f"the notebook has more than {MAX_CODE // 2**20} MB of code; keep data out of its cells"
        )
    ids = {exercise.id for exercise in chapter.exercises}
    ours = [plain(cell) for cell in release]
    answers, extras, notes = _sorted_out(cells, ours, release, ids)
    ordered = list(extras.get(-1, []))
    missing = {}
    for index, cell in enumerate(ours):
        name = cell["grade_id"]
        if name in ids:
            source = answers.get(name)
            if source is None:
                missing[name] = "the cell is not in the notebook"
            else:
                ordered.append(Cell(name, source, "solution", index))
                if source.strip() == cell["source"].strip():
                    missing[name] = "not attempted yet"
        elif cell["type"] == "code" and _replayed(release[index]):
            ordered.append(Cell(f"given {index}", cell["source"], "given", index))
        ordered += extras.get(index, [])
    missing = {
        name: why
        for name, why in missing.items()
        if not _defined(name, extras)
        if name in answers or not _defined(name, {0: _merged(answers)})
    }
    return Submission(student, chapter.name, tuple(ordered), missing, "; ".join(notes))


def _sorted_out(
    cells: list[dict[str, Any]],
    ours: list[dict[str, Any]],
    release: list[dict[str, Any]],
    ids: set[str],
) -> tuple[dict[str, str], dict[int, list[Cell]], list[str]]:
    """Answers by exercise, extra cells by the release's cell that they follow, and notes."""
    by_grade = {cell["grade_id"]: index for index, cell in enumerate(ours) if cell["grade_id"]}
    by_id = {cell["id"]: index for index, cell in enumerate(ours) if cell["id"]}
    by_source = {c["source"]: index for index, c in enumerate(ours) if not c["grade_id"]}
    answers: dict[str, str] = {}
    extras: dict[int, list[Cell]] = {}
    notes: list[str] = []
    at = -1
    for number, cell in enumerate(cells):
        place = by_grade.get(cell["grade_id"], by_id.get(cell["id"], by_source.get(cell["source"])))
        at = at if place is None else place
        if cell["type"] != "code":
            continue
        if cell["too_long"]:
            notes.append(f"cell {number + 1} is too long to run and was left out")
        name = ours[place]["grade_id"] if place is not None else None
        if name in ids and name not in answers:
            answers[name] = cell["source"]
            continue
        if name in ids:
            notes.append(f"{name} stands there twice; the later one counts")
        elif place is not None and _unchanged(cell, ours[place], release[place]):
            continue
        extras.setdefault(at, []).append(Cell(f"cell {number + 1}", cell["source"], "extra", at))
    return answers, extras, notes


def _merged(answers: dict[str, str]) -> list[Cell]:
    """The answers as extra cells: one may hold what stood in another before they were merged."""
    return [Cell(name, source, "extra") for name, source in answers.items()]


def _defined(name: str, extras: dict[int, list[Cell]]) -> bool:
    """Whether an extra cell binds the name: an answer that was written in another cell counts.

    Line by line, and each from its start: what is searched here was written by anybody.
    """
    word = re.compile(rf"\b{re.escape(name)}\b")
    binds = re.compile(rf"((def|class)\s+{word.pattern}|{word.pattern}\s*(:[^=]+)?=[^=])")
    return any(
        binds.match(line.lstrip()) or word.search(line.partition("import")[2])
        for cells in extras.values()
        for cell in cells
        if name in cell.source
        for line in cell.source.splitlines()
        if name in line
    )


def _replayed(cell: dict[str, Any]) -> bool:
    """Whether a grade runs this cell of the release as it is."""
    metadata = cell.get("metadata", {})
    return "nbgrader" not in metadata and not {"demonstration", "hint"} & set(
        metadata.get("tags", [])
    )


def _unchanged(cell: dict[str, Any], ours: dict[str, Any], release: dict[str, Any]) -> bool:
    """Ours as released, or a cell that a grade never replays: nothing of the learner's to run."""
    return cell["source"].strip() == ours["source"].strip() or not _replayed(release)
