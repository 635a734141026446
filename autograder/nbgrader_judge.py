"""`nbgrader autograde` through our judge: one notebook in, one result and our own notebook out."""

import atexit
import functools
import json
import os
from typing import Any

from autograder import exercises
from autograder.autograded import autograded_notebook, final_cells
from autograder.course import Course
from autograder.errors import SubmissionError
from autograder.grade import secret_of
from autograder.grading import Grader
from autograder.jobs import release_notebook, release_text
from autograder.results import SubmissionResult
from autograder.sandbox import Server, walls
from autograder.submission import Submission, fetch, lay, plain

UNSAFE = "AUTOGRADER_UNSAFE"
"""Set in the environment, nbgrader's autograde goes on without the base walls."""


def judged(
    notebook: dict[str, Any], student: str, assignment: str
) -> tuple[SubmissionResult, dict[str, Any]]:
    """The result of a notebook that nbgrader has read, and the trusted notebook that shows it.

    nbgrader follows a symbolic link, which may lead to the work of somebody else, and keeps the
    learner's text, which formgrader plays as HTML: the one is refused, the other replaced.

    Raises:
        CourseError: this folder is no course, or has no such chapter.
        SandboxError: a base wall is missing, and AUTOGRADER_UNSAFE does not say that this is known.
    """
    course = Course.find()
    secret, _ = secret_of(course)
    release = release_notebook(release_text(course.release(assignment)))
    grader = Grader(assignment, secret, _server())
    submission: Submission | None = None
    try:
        fetch(course.runtime / "submitted" / student / assignment / f"{assignment}.ipynb")
        cells = [plain(cell) for cell in notebook["cells"]]
        submission = lay(student, exercises.load(assignment), cells, release["cells"])
        result = grader.grade(submission)
    except SubmissionError as error:
        result = grader.same(student, "refused", str(error))
    return result, json.loads(
        autograded_notebook(result, release, final_cells(submission, release))
    )


@functools.lru_cache
def _server() -> Server:
    if not os.environ.get(UNSAFE):
        walls.require()
    server = Server()
    atexit.register(server.close)
    return server
