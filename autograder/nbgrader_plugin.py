"""Our steps in nbgrader's pipelines; named in `nbgrader_config.py`, run by nbgrader's commands.

Imports nothing of ours that scores until a notebook is judged: nbgrader loads this file for each
of its commands.
"""

import json
from typing import Any

import nbformat
from nbformat import NotebookNode
from nbgrader.preprocessors import NbGraderPreprocessor

STUB = "# YOUR CODE HERE\nraise NotImplementedError()"
"""What nbgrader's ClearSolutions leaves where a solution stood."""

NOTES = "autograder"
"""The key under which the build keeps its notes in a notebook's and a cell's metadata."""

RELEASED_NOTES = ("chapter", "spec")
"""Those of the notebook's notes that learners get; the others are the build's own."""


class StartFromBug(NbGraderPreprocessor):
    """In a find-the-bug exercise, puts the faulty lines where ClearSolutions left its stub.

    The build stores the faulty lines in the cell's metadata, so that neither the instructor's
    notebook nor nbgrader's stored cells show them twice. Must come right after ClearSolutions:
    later steps store the cell and compute its checksum.
    """

    def preprocess_cell(
        self, cell: NotebookNode, resources: dict[str, Any], cell_index: int
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Replaces the stub; a cell without faulty lines passes unchanged."""
        notes = cell.metadata.pop(NOTES, None)
        if notes is not None:
            cell.source = replace_stub(cell.source, notes["starts_from"])
        return cell, resources


class ForgetBuildNotes(NbGraderPreprocessor):
    """Drops what the build noted for itself, such as the hash of the last execution."""

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Keeps the chapter's name and the version of its specification."""
        notes = nb.metadata.get(NOTES, {})
        nb.metadata[NOTES] = {key: notes[key] for key in RELEASED_NOTES if key in notes}
        return nb, resources


class Judge(NbGraderPreprocessor):
    """Takes the place of nbgrader's Execute in `nbgrader autograde`.

    nbgrader would run the learner's cells in a kernel that can also write the scores. Here the
    cells go to a worker and the judge scores. What goes on from here is the release with the
    learner's source in it, and nothing else of the learner's; under each check cell stands the
    score as its result, where nbgrader's SaveAutoGrades looks for it.
    """

    def preprocess(
        self, nb: NotebookNode, resources: dict[str, Any]
    ) -> tuple[NotebookNode, dict[str, Any]]:
        """Judges the notebook and makes a trusted one in its place."""
        from autograder.nbgrader_judge import judged

        names = resources["nbgrader"]
        own = json.loads(nbformat.writes(nb))
        result, shown = judged(own, names["student"], names["assignment"])
        records = {f"{record.exercise}_check": record for record in result.exercises}
        trusted = nbformat.from_dict(shown)
        for cell in trusted.cells:
            record = records.get(cell.metadata.get("nbgrader", {}).get("grade_id"))
            if record is not None:
                score = {"text/plain": f"{record.score:g}"}
                cell.outputs.insert(0, nbformat.v4.new_output("execute_result", data=score))
        return trusted, resources


def replace_stub(source: str, faulty: str) -> str:
    """The cell's source with the stub replaced by the faulty lines, at the stub's indent.

    Raises:
        ValueError: the source does not hold exactly one stub.
    """
    lines = source.split("\n")
    marker, *rest = STUB.split("\n")
    found = [index for index, line in enumerate(lines) if line.strip() == marker]
    if len(found) != 1:
        raise ValueError(
            f"a find-the-bug cell holds {len(found)} stubs, expected exactly one; "
            f"give it one BEGIN SOLUTION block"
        )
    start = found[0]
    indent = lines[start][: -len(marker)]
    body = [indent + line if line else "" for line in faulty.split("\n")]
    lines[start : start + 1 + len(rest)] = body
    return "\n".join(lines)
