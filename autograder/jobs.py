"""One submission, from its file to everything that is written about it.

Runs in a judge process, on this machine or another; what it hands back is plain text and records,
which the one writer (`grade`) puts where they belong.
"""

import functools
import json
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch

from autograder import exercises
from autograder.autograded import autograded_notebook, autograded_path, final_cells
from autograder.errors import AutograderError, SubmissionError
from autograder.feedback import feedback_path, feedback_text
from autograder.grading import Grader
from autograder.results import SubmissionResult
from autograder.sandbox import Limits, Server
from autograder.store import fingerprint
from autograder.submission import Submission, fetch, lay, read

GPU_SECONDS = 60.0


@dataclass(frozen=True)
class Job:
    """One submission to grade.

    Args:
        student, assignment: from the folders' names.
        path: the notebook file; it may be missing or broken.
        release: the trusted release notebook's file.
        secret: what hidden inputs are drawn from.
        device: where probes run: "cpu", or "cuda", which takes longer to begin.
        known: the fingerprint of the stored result, if there is one.
        carried: what is in the files, for a machine that does not have them.
    """

    student: str
    assignment: str
    path: Path
    release: Path
    secret: str
    device: str = "cpu"
    known: str = ""
    carried: "Carried | None" = None


@dataclass(frozen=True)
class Carried:
    """What is in a job's files.

    Args:
        release: the release notebook's text.
        content: the submitted notebook's bytes; None when nothing was submitted.
        refusal: why it cannot be read, if it cannot.
    """

    release: str
    content: bytes | None = None
    refusal: str = ""


@dataclass(frozen=True)
class Graded:
    """A result, with the cells that were run, for the notebook that a person looks at.

    There is no result where the stored one still holds.
    """

    result: SubmissionResult | None
    submission: Submission | None


@dataclass(frozen=True)
class Finished:
    """A result with its pages: path, relative to the output folder, to text.

    There is no result where the stored one still holds.
    """

    job: Job
    result: SubmissionResult | None
    pages: dict[str, str] = field(default_factory=dict)


def finish(job: Job, server: Server) -> Finished:
    """Grade a submission, and make the learner's page and formgrader's notebook of it."""
    job = job if job.carried else carry(job)
    return _with_pages(job, grade_one(job, server))


def lost(job: Job) -> Finished:
    """What stands for a submission at which one judge after the other was ended."""
    grader = Grader(job.assignment, job.secret, Server())  # which is never started
    words = "the process that graded it was killed each time, perhaps for want of memory"
    return _with_pages(carry(job), Graded(grader.same(job.student, "crashed", words), None))


def _with_pages(job: Job, one: Graded) -> Finished:
    result, release = one.result, release_notebook(job.carried.release)
    if result is None:
        return Finished(replace(job, carried=None), None)
    notebook = autograded_notebook(result, release, final_cells(one.submission, release))
    pages = {
        str(feedback_path(result.student, result.assignment)): feedback_text(
            result, exercises.load(result.assignment)
        ),
        str(autograded_path(result.student, result.assignment)): notebook,
    }
    return Finished(replace(job, carried=None), result, pages)


def grade_one(job: Job, server: Server) -> Graded:
    """Read, lay into the release, run, judge. Whatever goes wrong here costs this job alone."""
    grader = Grader(job.assignment, job.secret, server, limits(job.device))
    sheet = job.carried or carry(job).carried
    if sheet.refusal:
        return Graded(grader.same(job.student, "refused", sheet.refusal), None)
    if sheet.content is None:
        return Graded(grader.same(job.student, "missing", "nothing was submitted"), None)
    submission = None
    try:
        cells, release = read(sheet.content), release_notebook(sheet.release)["cells"]
        submission = lay(job.student, exercises.load(job.assignment), cells, release)
        mark = fingerprint(submission, sheet.release, job.secret, job.device)
        if mark == job.known:
            return Graded(None, submission)
        return Graded(replace(grader.grade(submission), fingerprint=mark), submission)
    except SubmissionError as error:
        return Graded(grader.same(job.student, "refused", str(error)), None)
    except AutograderError:
        raise  # the course or the sandbox itself: no submission can be graded
    except Exception as error:
        server.close()
        words = (
            f"the grader itself failed on this notebook ({type(error).__name__}); please report it"
        )
        return Graded(grader.same(job.student, "crashed", words), submission)


def limits(device: str) -> Limits:
    """What a worker may use; a GPU takes seconds to begin.

    Raises:
        AutograderError: there is no such device here.
    """
    if device == "cpu":
        return Limits()
    if not torch.cuda.is_available():
        raise AutograderError("there is no CUDA device here; grade with --device cpu")
    return Limits(device=device, seconds=GPU_SECONDS)


def carry(job: Job) -> Job:
    """The job, with what is in its files; for a machine that does not have them."""
    release = release_text(job.release)
    try:
        return replace(job, carried=Carried(release, fetch(job.path)))
    except SubmissionError as error:
        return replace(job, carried=Carried(release, refusal=str(error)))


@functools.lru_cache
def release_text(path: Path) -> str:
    """A trusted release notebook's file.

    Raises:
        AutograderError: it has not been built.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise AutograderError(f"there is no release {path.name}; run: make notebooks") from error


@functools.lru_cache(maxsize=32)
def release_notebook(text: str) -> dict[str, Any]:
    """A trusted release notebook, from its text."""
    notebook: dict[str, Any] = json.loads(text)
    return notebook


def release_cells(path: Path) -> list[dict[str, Any]]:
    """The cells of a trusted release notebook; raises as `release_text`."""
    cells: list[dict[str, Any]] = release_notebook(release_text(path))["cells"]
    return cells
