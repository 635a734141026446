"""Marks for scripts (`grades.csv`) and for nbgrader (its gradebook, its autograded notebooks).

Everything is made from the frozen records of `autograder.results`. nbgrader's pages escape
little, so what enters its gradebook is a number, one of our own sentences, or a safe name.
"""

import csv
import html
import io
import os
import sysconfig
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nbformat

from autograder.inert import csv_cell, flat, safe_name, write_atomically
from autograder.results import ExerciseResult, SubmissionResult
from autograder.spec import Chapter

HEADER = ("student", "assignment", "exercise", "score", "max_score", "status", "message")
SIGNS = {
    "correct": "✓",
    "partial": "½",
    "wrong": "✗",
    "missing": "–",
    "timeout": "T",
    "crashed": "!",
    "refused": "R",
}
LONGEST_SOURCE = 100_000


def complete(result: SubmissionResult, chapter: Chapter | None) -> tuple[ExerciseResult, ...]:
    """Exactly one record for each exercise of the chapter, in its order.

    An exercise without a record is `missing` with 0 points; a record of an exercise that the
    chapter no longer has is left out. Without a chapter the records stand as they are.
    """
    if chapter is None:
        return result.exercises
    known = {record.exercise: record for record in result.exercises}
    lost = "no result was recorded; grade this submission again"
    return tuple(
        known.get(exercise.id)
        or ExerciseResult(exercise.id, 0.0, float(exercise.points), "missing", lost)
        for exercise in chapter.exercises
    )


def latest(results: Iterable[SubmissionResult]) -> list[SubmissionResult]:
    """One result a submission, the last one given, sorted by student and assignment."""
    found = {(result.student, result.assignment): result for result in results}
    return [found[key] for key in sorted(found)]


def write_grades_csv(
    results: Iterable[SubmissionResult], chapters: Iterable[Chapter], path: str | os.PathLike
) -> None:
    """Write `grades.csv`: one row per submission and exercise, always, sorted.

    Args:
        results: one a submission; of several for the same one the last counts.
        chapters: those that were graded.
        path: written whole or not at all.

    Raises:
        OSError: the file cannot be written.
    """
    known = {chapter.name: chapter for chapter in chapters}
    rows = sorted(
        _row(result, record)
        for result in latest(results)
        for record in complete(result, known.get(result.assignment))
    )
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(HEADER)
    writer.writerows(rows)
    write_atomically(path, text.getvalue())


def _row(result: SubmissionResult, record: ExerciseResult) -> tuple[str, ...]:
    names = (csv_cell(result.student), csv_cell(result.assignment), record.exercise)
    marks = (f"{record.score:g}", f"{record.max_score:g}")
    return (*names, *marks, record.status, csv_cell(record.message))


def fill_gradebook(
    results: Iterable[SubmissionResult],
    chapters: Iterable[Chapter],
    db_url: str,
    releases: Mapping[str, Any] | None = None,
    course_id: str = "default_course",
) -> None:
    """Bring nbgrader's gradebook up to these results, in one transaction.

    Every automatic score of a submission given here is replaced. What a person entered (manual
    scores, extra credit, comments) stays, and nbgrader is told to have it looked at again.

    Args:
        results: one a submission; of several for the same one the last counts.
        chapters: those that were graded; a result of any other assignment is left out.
        db_url: as in nbgrader's configuration, such as "sqlite:////course/gradebook.db".
        releases: release notebooks by chapter name, whose cells nbgrader restores from.
        course_id: nbgrader's `CourseDirectory.course_id`.

    Raises:
        sqlalchemy.exc.SQLAlchemyError: the database cannot be opened or written; it is as before.
    """
    from autograder import gradebook_rows  # nbgrader takes a second to import

    latest_results = latest(results)
    with _gradebook(db_url, course_id) as gradebook:
        for chapter in chapters:
            of_chapter = {
                safe_name(result.student): complete(result, chapter)
                for result in latest_results
                if result.assignment == chapter.name
            }
            if of_chapter:
                release = (releases or {}).get(chapter.name)
                gradebook_rows.fill(gradebook, chapter, of_chapter, release)


@contextmanager
def _gradebook(db_url: str, course_id: str):
    """nbgrader's gradebook, locked for writing; committed whole or rolled back."""
    from nbgrader.api import Gradebook
    from sqlalchemy import make_url, text

    sqlite = db_url.startswith("sqlite:")
    if sqlite and (file := make_url(db_url).database):
        Path(file).absolute().parent.mkdir(parents=True, exist_ok=True)
    with _commands_in_path():
        gradebook = Gradebook(db_url, course_id)
    with gradebook:
        if sqlite:  # read and write as one step, and wait for formgrader or a second grader
            gradebook.db.execute(text("PRAGMA busy_timeout = 60000"))
            gradebook.db.execute(text("BEGIN IMMEDIATE"))
        try:
            yield gradebook
            gradebook.db.commit()
        except BaseException:
            gradebook.db.rollback()
            raise


@contextmanager
def _commands_in_path():
    """nbgrader calls `alembic` by name: it stands beside our Python, perhaps not in PATH."""
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([sysconfig.get_path("scripts"), before])
    try:
        yield
    finally:
        os.environ["PATH"] = before


def write_autograded(
    result: SubmissionResult,
    release: Mapping[str, Any],
    cells: Sequence[Any],
    path: str | os.PathLike,
) -> None:
    """Write the notebook that formgrader opens for manual grading.

    Text and checks are the release's own; from the learner comes source code only, shown as
    code; outputs are the ones made here from the result. Attachments, metadata, ids and outputs
    of `cells` are never read.

    Args:
        result: the verdicts, shown under the check cells.
        release: the trusted release notebook.
        cells: the cells to show, in order: the release's, with the learner's source in the
            solution cells and the learner's extra cells between them.
        path: `<autograded>/<safe_name(student)>/<chapter>/<chapter>.ipynb`; written whole or not
            at all.
    """
    release = nbformat.from_dict(release)
    waiting = {_grade_id(cell): cell for cell in release.cells if _grade_id(cell)}
    texts = {cell.source: cell for cell in release.cells if cell.cell_type == "markdown"}
    records = {f"{record.exercise}_check": record for record in result.exercises}
    shown = []
    if result.note:
        shown.append(nbformat.v4.new_code_cell(f"# A note from the grader: {flat(result.note)}"))
    for cell in cells:
        trusted = waiting.pop(_grade_id(cell), None) or texts.get(_source(cell))
        shown.append(_shown(cell, trusted, records))
    for position, cell in enumerate(shown):
        cell.id = f"cell-{position}"
    notebook = nbformat.v4.new_notebook(cells=shown, metadata=release.metadata)
    write_atomically(path, nbformat.writes(notebook, version=nbformat.NO_CONVERT) + "\n")


def _shown(cell: Any, trusted: Any | None, records: Mapping[str, ExerciseResult]) -> Any:
    """A new cell: the release's (its answer filled in), or the learner's extra one as code."""
    if trusted is None:
        return nbformat.v4.new_code_cell(_source(cell))
    if trusted.cell_type != "code":
        return nbformat.v4.new_markdown_cell(trusted.source, metadata=trusted.metadata)
    answered = trusted.metadata.get("nbgrader", {}).get("solution", False)
    source = _source(cell) if answered else trusted.source
    record = records.get(_grade_id(trusted))
    outputs = [verdict(record)] if record else []
    return nbformat.v4.new_code_cell(source, metadata=trusted.metadata, outputs=outputs)


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


def verdict(record: ExerciseResult) -> Any:
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
    return nbformat.v4.new_output("display_data", data)
