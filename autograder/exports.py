"""The marks as they stand in nbgrader's gradebook, a person's corrections included, as CSV."""

import csv
import io
from pathlib import Path

from autograder.inert import csv_cell, write_atomically

HEADER = ("student", "assignment", "score", "max_score", "needs_manual_grade")


def export_marks(db_url: str, path: Path) -> int:
    """One row for each submission, sorted.

    Args:
        db_url: nbgrader's gradebook.
        path: the file to write, whole or not at all.

    Returns:
        How many rows there are.
    """
    from nbgrader.api import Gradebook  # takes a second to import

    with Gradebook(db_url) as gradebook:
        rows = sorted(
            (
                csv_cell(submission.student.id),
                csv_cell(assignment.name),
                f"{submission.score:g}",
                f"{submission.max_score:g}",
                "yes" if submission.needs_manual_grade else "no",
            )
            for assignment in gradebook.assignments
            for submission in assignment.submissions
        )
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER, *rows])
    write_atomically(path, text.getvalue())
    return len(rows)
