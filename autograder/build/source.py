"""Reads a chapter's percent source into checked cells; knows nothing of notebooks' JSON.

Whatever is wrong in the source is said here, with file and line, before anything is generated.
"""

import ast
import re
from dataclasses import dataclass
from pathlib import Path

import jupytext
from IPython.core.inputtransformer2 import TransformerManager

from autograder.errors import BuildError
from autograder.spec import Chapter

MARKER = re.compile(r"^# ?%%(?!%)")
BEGIN_SOLUTION, END_SOLUTION = "### BEGIN SOLUTION", "### END SOLUTION"
BEGIN_BUG, END_BUG = "### BEGIN BUG", "### END BUG"

_DELIMITER = re.compile(r"\b(begin|end)\W*(solution|bug)\b", re.IGNORECASE)
_JUPYTEXT_OWN = {"lines_to_next_cell", "lines_to_end_of_cell_marker"}
_TAG = re.compile(r"demonstration|raises-exception|nbval-[a-z-]+")


@dataclass(frozen=True)
class SourceCell:
    """One cell of the source.

    Args:
        kind: "markdown" or "code".
        text: what the instructor's notebook shows; for an exercise, with its solution.
        line: where its text begins in the source file, counted from 1.
        tags: sorted.
        exercise: the id of the exercise it solves, or None.
        faulty: in a find-the-bug exercise, the lines learners get in place of the solution, at
            no indent.
    """

    kind: str
    text: str
    line: int
    tags: tuple[str, ...] = ()
    exercise: str | None = None
    faulty: str | None = None


def read(path: Path, chapter: Chapter) -> list[SourceCell]:
    """The cells of a chapter's source.

    Raises:
        BuildError: the source cannot be read or does not fit the chapter's exercises; names file
            and line.
    """
    text = path.read_text(encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    lines = [n for n, line in enumerate(text.splitlines(), 1) if MARKER.match(line)]
    if len(lines) != len(notebook.cells):
        first = lines[0] if lines else 1
        raise BuildError(
            f"{path}:{first}: {len(notebook.cells)} cells but {len(lines)} lines that start with "
            f"'# %%'; start the file with such a line and write none inside a string"
        )
    cells = [
        _cell(cell, f"{path}", line + 1) for cell, line in zip(notebook.cells, lines, strict=True)
    ]
    _check_exercises(cells, path, chapter)
    return cells


def _cell(cell: dict, path: str, line: int) -> SourceCell:
    metadata = {key: value for key, value in cell["metadata"].items() if key not in _JUPYTEXT_OWN}
    exercise = metadata.pop("exercise", None)
    tags = tuple(sorted(metadata.pop("tags", ())))
    if metadata:
        raise BuildError(
            f"{path}:{line - 1}: a cell has {', '.join(map(repr, sorted(metadata)))}; "
            f'it may have exercise="id" and tags=[...]'
        )
    for tag in tags:
        if not _TAG.fullmatch(tag):
            raise BuildError(
                f"{path}:{line - 1}: unknown tag {tag!r}; known are demonstration, "
                f"raises-exception and nbval's own"
            )
    text = cell["source"]
    if cell["cell_type"] != "code":
        if exercise is not None:
            raise BuildError(f"{path}:{line - 1}: exercise {exercise!r} must be a code cell")
        return SourceCell("markdown", text, line, tags)
    if exercise is None:
        _no_delimiters(text, path, line)
        _parse(text, path, line)
        return SourceCell("code", text, line, tags)
    text, faulty = _split_bug(text, path, line)
    _check_solution(text, exercise, path, line)
    return SourceCell("code", text, line, tags, exercise, faulty)


def _split_bug(text: str, path: str, line: int) -> tuple[str, str | None]:
    """The text without its BUG block, and the block's lines without comment signs or indent."""
    lines = text.split("\n")
    begins = [n for n, row in enumerate(lines) if row.strip() == BEGIN_BUG]
    ends = [n for n, row in enumerate(lines) if row.strip() == END_BUG]
    if not begins and not ends:
        return text, None
    if len(begins) != 1 or len(ends) != 1 or begins[0] >= ends[0]:
        at = line + (begins or ends)[0]
        raise BuildError(f"{path}:{at}: write one {BEGIN_BUG!r} and after it one {END_BUG!r}")
    begin, end = begins[0], ends[0]
    indent = lines[begin][: -len(BEGIN_BUG)]
    faulty = []
    for number, row in enumerate(lines[begin + 1 : end], begin + 1):
        body = row.removeprefix(indent)
        if not body.startswith("#"):
            raise BuildError(
                f"{path}:{line + number}: a line of a BUG block starts with '#', at the block's "
                f"indent; got {row.strip()!r}"
            )
        faulty.append(body[1:].removeprefix(" "))
    if not any(faulty):
        raise BuildError(f"{path}:{line + begin}: the BUG block is empty")
    kept = "\n".join(lines[:begin] + lines[end + 1 :]).rstrip("\n")
    return kept, "\n".join(faulty)


def _check_solution(text: str, exercise: str, path: str, line: int) -> None:
    """One exercise's cell: balanced delimiters, Python, and the name it promises."""
    opened: int | None = None
    regions = 0
    for number, row in enumerate(text.split("\n"), line):
        mark = row.strip()
        if mark == BEGIN_SOLUTION:
            if opened is not None:
                raise BuildError(f"{path}:{number}: {mark!r} inside the one of line {opened}")
            opened, regions = number, regions + 1
        elif mark == END_SOLUTION:
            if opened is None:
                raise BuildError(f"{path}:{number}: {mark!r} without {BEGIN_SOLUTION!r}")
            opened = None
        elif _DELIMITER.search(row):
            raise BuildError(
                f"{path}:{number}: {mark!r} is not quite a delimiter; write {BEGIN_SOLUTION!r} "
                f"or {END_SOLUTION!r}"
            )
    if opened is not None:
        raise BuildError(f"{path}:{opened}: {BEGIN_SOLUTION!r} without {END_SOLUTION!r}")
    if not regions:
        raise BuildError(f"{path}:{line}: exercise {exercise!r} has no {BEGIN_SOLUTION!r}")
    _parse(text, path, line)


def _check_exercises(cells: list[SourceCell], path: Path, chapter: Chapter) -> None:
    """Each exercise of the specification has its one cell, in the same order, and no other."""
    specified = {exercise.id: exercise for exercise in chapter.exercises}
    seen: dict[str, int] = {}
    for cell in cells:
        if cell.exercise is None:
            continue
        if cell.exercise not in specified:
            raise BuildError(
                f"{path}:{cell.line - 1}: chapter {chapter.name} specifies no exercise "
                f"{cell.exercise!r}; it specifies {', '.join(specified)}"
            )
        if cell.exercise in seen:
            raise BuildError(
                f"{path}:{cell.line - 1}: exercise {cell.exercise!r} has a second cell; "
                f"the first is at line {seen[cell.exercise]}"
            )
        seen[cell.exercise] = cell.line - 1
        if cell.exercise not in _defined(cell.text):
            raise BuildError(
                f"{path}:{cell.line}: the cell of exercise {cell.exercise!r} does not define it"
            )
        wanted = specified[cell.exercise].kind == "find the bug"
        if wanted != (cell.faulty is not None):
            raise BuildError(
                f"{path}:{cell.line - 1}: exercise {cell.exercise!r} is of kind "
                f"{specified[cell.exercise].kind!r} and {'has no' if wanted else 'has a'} BUG block"
            )
    missing = [name for name in specified if name not in seen]
    if missing:
        raise BuildError(
            f"{path}:1: no cell for exercise {', '.join(map(repr, missing))}; "
            f'write one that starts with: # %% exercise="{missing[0]}"'
        )
    if list(seen) != list(specified):
        raise BuildError(
            f"{path}:1: the exercises stand in the order {', '.join(seen)}, "
            f"but the specification has {', '.join(specified)}"
        )


def _defined(text: str) -> set[str]:
    """Names of the functions, classes and variables at the cell's top level."""
    names = set()
    for node in ast.parse(TransformerManager().transform_cell(text)).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            names.add(node.name)
        elif isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _no_delimiters(text: str, path: str, line: int) -> None:
    for number, row in enumerate(text.split("\n"), line):
        if _DELIMITER.search(row):
            raise BuildError(
                f"{path}:{number}: {row.strip()!r} outside an exercise; only a cell with "
                f'exercise="id" has a solution'
            )


def _parse(text: str, path: str, line: int) -> ast.Module:
    try:
        return ast.parse(TransformerManager().transform_cell(text))
    except SyntaxError as error:
        at = line + (error.lineno or 1) - 1
        raise BuildError(f"{path}:{at}: {error.msg}") from error
