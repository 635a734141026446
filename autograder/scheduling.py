"""Spreads submissions over this machine's cores; knows nothing of what grading is made of.

Each core has a judge process with a warm server of its own. Results come back in any order, each
as soon as it is there.
"""

import functools
import json
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch

from autograder import exercises
from autograder.errors import AutograderError, SubmissionError
from autograder.grading import Grader
from autograder.results import SubmissionResult
from autograder.sandbox import Server
from autograder.submission import Submission, lay, read

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Job:
    """One submission to grade.

    Args:
        student, assignment: from the folders' names.
        path: the notebook file; it may be missing or broken.
        release: the trusted release notebook's file.
        secret: what hidden inputs are drawn from.
    """

    student: str
    assignment: str
    path: Path
    release: Path
    secret: str


@dataclass(frozen=True)
class Graded:
    """A result, with the cells that were run, for the notebook that a person looks at."""

    result: SubmissionResult
    submission: Submission | None


def grade_all(jobs: Sequence[Job], processes: int | None = None) -> Iterator[Graded]:
    """Grade every job; one result each, whatever is in it, in any order.

    Args:
        jobs: what to grade.
        processes: judge processes; as many as there are cores by default.
    """
    return spread(grade_one, jobs, processes)


def spread(
    work: Callable[[Item, Server], Result], items: Sequence[Item], processes: int | None = None
) -> Iterator[Result]:
    """`work(item, server)` for every item, on several cores, in any order.

    Args:
        work: a function of a module; it is given the warm server of its process.
        items: what to work on.
        processes: how many; as many as there are cores by default.
    """
    count = min(processes or os.cpu_count() or 1, len(items))
    if count <= 1:
        torch.set_num_threads(1)
        with Server() as server:
            for item in items:
                yield work(item, server)
        return
    # fork is quick and safe here: nothing but this thread exists yet
    context = multiprocessing.get_context("fork" if sys.platform == "linux" else "spawn")
    with context.Pool(count, initializer=_begin) as pool:
        yield from pool.imap_unordered(functools.partial(_work, work), items)


def grade_one(job: Job, server: Server) -> Graded:
    """Read, lay into the release, run, judge. Whatever goes wrong here costs this job alone."""
    grader = Grader(job.assignment, job.secret, server)
    if not job.path.exists():
        return Graded(grader.same(job.student, "missing", "nothing was submitted"), None)
    submission = None
    try:
        cells = read(job.path)
        release = release_cells(job.release)
        submission = lay(job.student, exercises.load(job.assignment), cells, release)
        return Graded(grader.grade(submission), submission)
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


@functools.lru_cache
def release_cells(path: Path) -> list[dict[str, Any]]:
    """The cells of a trusted release notebook.

    Raises:
        AutograderError: it has not been built.
    """
    try:
        cells: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    except OSError as error:
        raise AutograderError(f"there is no release {path.name}; run: make notebooks") from error
    return cells


_server: Server | None = None


def _begin() -> None:
    global _server
    torch.set_num_threads(1)
    _server = Server()


def _work(work: Callable[[Item, Server], Result], item: Item) -> Result:
    if _server is None:
        raise RuntimeError("a judge process was used before it began")
    return work(item, _server)
