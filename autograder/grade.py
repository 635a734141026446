"""Grades a folder of submissions and writes everything an instructor reads.

The steps, in this order: find the submissions; grade each, its feedback page, formgrader's notebook
and its stored result written as it comes; then `grades.csv`, the class report and nbgrader's
gradebook. All writing is done here, by one process.
"""

import contextlib
import dataclasses
import errno
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autograder import exercises, references, scheduling
from autograder.autograded import autograded_path
from autograder.course import Course
from autograder.errors import AutograderError, CourseError
from autograder.feedback import feedback_path
from autograder.gradebook import fill_gradebook, import_nbgrader, write_grades_csv
from autograder.inert import write_atomically
from autograder.jobs import Finished, Job, carry, finish, lost
from autograder.report import class_report
from autograder.results import SubmissionResult
from autograder.sample import write_class
from autograder.sandbox.warm import Warm
from autograder.store import Store

SECRET_VARIABLE = "AUTOGRADER_SECRET"
DEFAULT_SECRET = "self-paced"
SAMPLE_MARK = "sample-class.txt"
COURSE_ID = "minitransformer"


@dataclass(frozen=True)
class Written:
    """Where the results of a run are."""

    results: tuple[SubmissionResult, ...]
    grades: Path
    report: Path
    gradebook: Path


def secret_of(course: Course) -> tuple[str, bool]:
    """What hidden inputs are drawn from, and whether the instructor set it.

    The environment variable AUTOGRADER_SECRET comes first, then the file `.course/secret`, then
    the default that everybody knows.
    """
    file = course.runtime / "secret"
    if os.environ.get(SECRET_VARIABLE):
        return os.environ[SECRET_VARIABLE], True
    if file.exists():
        return file.read_text(encoding="utf-8").strip(), True
    return DEFAULT_SECRET, False


def begin_sample(course: Course, out: Path) -> Path:
    """Write the sample class into `out/submitted`; its folder.

    Raises:
        CourseError: results or submissions of a real class are there; nothing is touched.
    """
    mark, submitted = out / SAMPLE_MARK, out / "submitted"
    real = (out / "gradebook.db").exists() or (submitted.is_dir() and any(submitted.iterdir()))
    if real and not mark.exists():
        raise CourseError(
            f"{out} holds a class that is not the sample's; grade it with "
            f"make grade SUBMITTED=folder, or give the sample another place with --out"
        )
    out.mkdir(parents=True, exist_ok=True)
    mark.write_text("All results beside this file are the sample class's.\n", encoding="utf-8")
    write_class(course, submitted)
    return submitted


def forget_sample(out: Path) -> None:
    """Take the sample class's results away, so that they do not mix with a real class's."""
    mark = out / SAMPLE_MARK
    if mark.exists():
        for name in ("submitted", "autograded", "feedback", "results"):
            shutil.rmtree(out / name, ignore_errors=True)
        (out / "gradebook.db").unlink(missing_ok=True)
        mark.unlink()


def find_jobs(
    course: Course, submitted: Path, assignment: str | None, device: str = "cpu"
) -> list[Job]:
    """One job for each submission in `submitted/<student>/<chapter>/<chapter>.ipynb`.

    With `assignment`, a student who handed in nothing for it is a job too: a row of missing
    exercises.

    Raises:
        CourseError: there is no student folder with a chapter of this course.
    """
    secret, _ = secret_of(course)
    wanted = (assignment,) if assignment else exercises.names()
    for name in wanted:
        exercises.load(name)
    jobs = []
    students = sorted(
        f for f in submitted.iterdir() if f.is_dir() and not f.is_symlink() and f.name[0] != "."
    )
    for student in students:
        for name in wanted:
            folder = student / name
            closed = not os.access(student, os.X_OK)  # refused, and so told
            if assignment or os.path.isdir(folder) or os.path.islink(folder) or closed:
                path = folder / f"{name}.ipynb"
                jobs.append(Job(student.name, name, path, course.release(name), secret, device))
    if not jobs:
        layout = "<student>/<chapter>/<chapter>.ipynb"
        raise CourseError(
            f"there are no submissions in {submitted}; expected {layout}, "
            f"with the chapters {', '.join(wanted)}"
        )
    return jobs


def grade(
    course: Course,
    jobs: list[Job],
    out: Path,
    processes: int | None,
    done: Callable[[SubmissionResult], None],
    scheduler: str | None = None,
    warm: Warm | None = None,
) -> Written:
    """Grade the jobs and write the results to `out`; those that stand there already stay.

    Args:
        processes: judge processes; all cores by default.
        done: told each result as it comes.
        scheduler: the address of a Dask scheduler, whose workers then take the place of processes.
        warm: has begun to import already; see `scheduling.spread`.

    Raises:
        AutograderError: another run is grading into `out`, or it cannot be written there.
    """
    with _told(out), Store(out) as store:
        found = []
        waiting = [_remembered(job, store) for job in jobs]
        for name in {job.assignment for job in jobs}:  # once, before the judges are forked
            references.package(name)
        for one in _spread(waiting, processes, scheduler, warm):
            found.append(_kept(one, store))
            done(found[-1])
        return _summed_up(course, found, out)


def _spread(
    jobs: list[Job], processes: int | None, scheduler: str | None, warm: Warm | None
) -> Iterator[Finished]:
    if scheduler is None:
        return scheduling.spread(finish, jobs, processes, warm, import_nbgrader, lost)
    from autograder import cluster  # takes a second to import

    resources = {"GPU": 1.0} if any(job.device == "cuda" for job in jobs) else None
    return cluster.spread(finish, map(carry, jobs), scheduler, resources)


def _remembered(job: Job, store: Store) -> Job:
    """The job, with the fingerprint of its stored result if the pages are there as well."""
    result = store.known(job.student, job.assignment)
    name = (job.student, job.assignment)
    pages = [store.out / autograded_path(*name), store.out / feedback_path(*name)]
    if result and all(page.exists() for page in pages):
        return dataclasses.replace(job, known=result.fingerprint)
    return job


def _kept(one: Finished, store: Store) -> SubmissionResult:
    """Write the pages and then the result; the stored one where that still holds."""
    if one.result is None:
        stored = store.known(one.job.student, one.job.assignment)
        if stored is None:
            raise AutograderError(f"the results in {store.folder} were changed during the run")
        return stored
    for path, text in one.pages.items():
        write_atomically(store.out / path, text)
    store.keep(one.result)
    return one.result


def _summed_up(course: Course, found: list[SubmissionResult], out: Path) -> Written:
    """What is written about all of them."""
    results = tuple(sorted(found, key=lambda result: (result.student, result.assignment)))
    names = sorted({result.assignment for result in results})
    chapters = [exercises.load(name) for name in names]
    import_nbgrader()
    import nbformat

    releases = {name: nbformat.read(course.release(name), as_version=4) for name in names}
    written = Written(results, out / "grades.csv", out / "report.html", out / "gradebook.db")
    write_grades_csv(results, chapters, written.grades)
    class_report(results, chapters, written.report)
    fill_gradebook(
        results, chapters, f"sqlite:///{written.gradebook.resolve()}", releases, COURSE_ID
    )
    return written


@contextlib.contextmanager
def _told(out: Path) -> Iterator[None]:
    """What keeps us from writing, told in words."""
    again = "what is there so far is kept: {}, and run the same command again"
    try:
        yield
    except Exception as error:
        full = getattr(error, "errno", None) in (errno.ENOSPC, errno.EDQUOT)
        if full or "database or disk is full" in str(error):
            room = again.format("make room")
            raise AutograderError(f"there is no room left to write to {out}; {room}") from error
        if isinstance(error, OSError) and error.filename:
            words = f"{error.filename2 or error.filename} cannot be written ({error.strerror})"
            raise AutograderError(f"{words}; {again.format('mend that')}") from error
        if said := getattr(error, "orig", None):  # the database's own words
            words = f"the gradebook {out / 'gradebook.db'} cannot be written ({said})"
            raise AutograderError(f"{words}; {again.format('mend that')}") from error
        raise
