"""`nbgrader autograde` through our judge: one notebook in, one result out."""

import atexit
import functools
import os
from typing import Any

from autograder import exercises
from autograder.course import Course
from autograder.grade import secret_of
from autograder.grading import Grader
from autograder.jobs import release_cells
from autograder.results import SubmissionResult
from autograder.sandbox import Server, walls
from autograder.submission import lay, plain

UNSAFE = "AUTOGRADER_UNSAFE"
"""Set in the environment, nbgrader's autograde goes on without the base walls."""


def judged(notebook: dict[str, Any], student: str, assignment: str) -> SubmissionResult:
    """The result of a notebook that nbgrader has read and sanitised.

    Raises:
        CourseError: this folder is no course, or has no such chapter.
        SandboxError: a base wall is missing, and AUTOGRADER_UNSAFE does not say that this is known.
    """
    course = Course.find()
    secret, _ = secret_of(course)
    cells = [plain(cell) for cell in notebook["cells"]]
    release = release_cells(course.release(assignment))
    submission = lay(student, exercises.load(assignment), cells, release)
    return Grader(assignment, secret, _server()).grade(submission)


@functools.lru_cache
def _server() -> Server:
    if not os.environ.get(UNSAFE):
        walls.require()
    server = Server()
    atexit.register(server.close)
    return server
