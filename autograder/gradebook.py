"""Marks for scripts (`grades.csv`) and for nbgrader (its gradebook).

Everything is made from the frozen records of `autograder.results`. nbgrader's pages escape
little, so what enters its gradebook is a number, one of our own sentences, or a safe name.
"""

import csv
import io
import os
import sys
import sysconfig
from collections.abc import Iterable, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from autograder.inert import csv_cell, safe_name, write_atomically
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
    import_nbgrader()
    from autograder import gradebook_rows

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


def import_nbgrader() -> None:
    """Import what fills a gradebook, which takes a second; another time it takes none.

    It would take two: jsonschema builds a parser of internationalized addresses, if it finds
    rfc3987_syntax, and nbformat, which brings it, never asks for one.
    """
    missing = sys.modules.setdefault("rfc3987_syntax", None)  # type: ignore[arg-type]
    from autograder import gradebook_rows  # noqa: F401

    if missing is None:
        del sys.modules["rfc3987_syntax"]


@contextmanager
def _gradebook(db_url: str, course_id: str):
    """nbgrader's gradebook, locked for writing; committed whole or rolled back."""
    from nbgrader.api import Gradebook
    from sqlalchemy import make_url, text

    from autograder import gradebook_rows

    sqlite = db_url.startswith("sqlite:")
    if sqlite and (file := make_url(db_url).database) and not Path(file).exists():
        gradebook_rows.create(Path(file).absolute())
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
