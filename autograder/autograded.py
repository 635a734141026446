"""The notebook that formgrader opens for manual grading: trusted text, the learner's source.

Text and checks are the release's own; from the learner comes source code only, shown as code;
outputs are made here from the result. Made of plain dicts: nbformat would check each cell as it
is made, which takes longer than the grading.
"""

import html
import json
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath
from typing import Any

from autograder.inert import flat, flat_line, safe_name
from autograder.results import ExerciseResult, SubmissionResult
from autograder.submission import Submission

LONGEST_SOURCE = 100_000


def autograded_path(student: str, assignment: str) -> PurePosixPath:
    """Where formgrader looks for it, relative to the output folder."""
    return PurePosixPath("autograded", safe_name(student), assignment, f"{assignment}.ipynb")


def autograded_notebook(
    result: SubmissionResult, release: Mapping[str, Any], cells: Sequence[Any]
) -> str:
    """The notebook's text. Attachments, metadata, ids and outputs of `cells` are never read.

    Args:
        result: the verdicts, shown under the check cells.
        release: the trusted release notebook.
        cells: the cells to show, in order: the release's, with the learner's source in the
            solution cells and the learner's extra cells between them; see `final_cells`.
    """
    waiting = {_grade_id(cell): cell for cell in release["cells"] if _grade_id(cell)}
    texts = {_source(c): c for c in release["cells"] if c["cell_type"] == "markdown"}
    records = {f"{record.exercise}_check": record for record in result.exercises}
    shown = [_code(f"# A note from the grader: {flat(result.note)}")] if result.note else []
    for cell in cells:
        trusted = waiting.pop(_grade_id(cell), None) or texts.get(_source(cell))
        shown.append(_shown(cell, trusted, records))
    for position, cell in enumerate(shown):
        cell["id"] = f"cell-{position}"
    notebook = {
        "cells": shown,
        "metadata": release["metadata"],
        "nbformat": 4,
        "nbformat_minor": 5,
    }
    return json.dumps(notebook, ensure_ascii=False, sort_keys=True) + "\n"


def final_cells(submission: Submission | None, release: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The release's cells with the learner's answers in them and extra cells between."""
    answers = submission.solutions if submission else {}
    extras: dict[int, list[dict[str, Any]]] = {}
    for cell in submission.cells if submission else ():
        if cell.kind == "extra":
            extras.setdefault(cell.after, []).append({"source": cell.source})
    cells = extras.get(-1, [])
    for index, cell in enumerate(release["cells"]):
        cells.append({**cell, "source": answers.get(_grade_id(cell), cell["source"])})
        cells += extras.get(index, [])
    return cells


def _shown(cell: Any, trusted: Any | None, records: Mapping[str, ExerciseResult]) -> dict[str, Any]:
    """A new cell: the release's (its answer filled in), or the learner's extra one as code."""
    if trusted is None:
        return _code(_plain(_source(cell)))
    metadata = trusted["metadata"]
    if trusted["cell_type"] != "code":
        return {"cell_type": "markdown", "metadata": metadata, "source": _source(trusted)}
    answered = metadata.get("nbgrader", {}).get("solution", False)
    record = records.get(_grade_id(trusted))
    outputs = [verdict(record)] if record else []
    source = _plain(_source(cell)) if answered else _source(trusted)
    return _code(source, metadata, outputs)


def _code(
    source: str, metadata: Mapping[str, Any] | None = None, outputs: Sequence[Any] = ()
) -> dict[str, Any]:
    return {
        "cell_type": "code",
        "execution_count": None,
        "metadata": metadata or {},
        "outputs": list(outputs),
        "source": source,
    }


def _grade_id(cell: Any) -> str:
    """The cell's `grade_id`, or an empty text where there is no sound one."""
    try:
        found = cell["metadata"]["nbgrader"]["grade_id"]
    except (KeyError, TypeError):
        return ""
    return found if isinstance(found, str) else ""


def _source(cell: Any) -> str:
    """The cell's source as text, cut where it would stall the page, free of lone surrogates."""
    source = cell.get("source", "")
    text = "".join(map(str, source)) if isinstance(source, list) else str(source)
    if len(text) > LONGEST_SOURCE:
        text = text[:LONGEST_SOURCE] + "\n# … the rest of this cell is too long to show"
    return text.encode("utf-8", "replace").decode()


def _plain(source: str) -> str:
    """The learner's code with nothing in it that makes it look like other code."""
    return "\n".join(flat_line(line.expandtabs(4)) for line in source.split("\n"))


def verdict(record: ExerciseResult) -> dict[str, Any]:
    """The output of a check cell: the verdict as plain text and as escaped HTML.

    In `pre`, because there MathJax does not look for formulas, which may hold links to scripts.
    """
    head = f"{record.status}: {record.score:g} of {record.max_score:g} points"
    lines = [f"{'✓' if case.passed else '✗'} {flat(case.name, 200)}" for case in record.cases]
    rest = "\n".join([flat(record.message), *lines])
    rich = f"<b>{html.escape(head)}</b>\n{html.escape(rest)}"
    data = {
        "text/plain": f"{head}\n{rest}",
        "text/html": f'<pre style="white-space: pre-wrap">{rich}</pre>',
    }
    return {"output_type": "display_data", "data": data, "metadata": {}}
