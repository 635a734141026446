"""Results as they come, one file a submission, so that a run can be killed at any moment.

A stored result counts again when nothing that it depends on changed: it carries the fingerprint of
all of that. It is written after the submission's pages, each file whole or not at all; so a result
that is here has its pages, and what was under way when a run ended is simply graded again.
"""

import functools
import hashlib
import json
from pathlib import Path

import torch
from filelock import FileLock, Timeout

import autograder
import minitransformer
from autograder import exercises
from autograder.errors import AutograderError
from autograder.inert import safe_name, write_atomically
from autograder.results import SubmissionResult, from_json, to_json
from autograder.submission import Submission

PATIENCE = 3.0
"""Seconds to wait for the lock: a run that was just killed still holds it for a moment."""


class Store:
    """The results in one output folder; one run at a time may use it.

    Args:
        out: the output folder.
    """

    def __init__(self, out: Path) -> None:
        self.out = out
        self.folder = out / "results"
        self._lock = FileLock(out / ".grading.lock")

    def __enter__(self) -> "Store":
        self.out.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire(timeout=PATIENCE)
        except Timeout:
            raise AutograderError(
                f"another run is grading into {self.out}; wait until it has ended, or give this "
                f"one a folder of its own with --out"
            ) from None
        return self

    def __exit__(self, *exception: object) -> None:
        self._lock.release()

    def known(self, student: str, assignment: str) -> SubmissionResult | None:
        """The stored result; None when there is none that can be read."""
        try:
            return from_json(self._file(student, assignment).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None

    def keep(self, result: SubmissionResult) -> None:
        """Store a result.

        Raises:
            OSError: it cannot be written; what was stored before is as it was.
        """
        write_atomically(self._file(result.student, result.assignment), to_json(result) + "\n")

    def _file(self, student: str, assignment: str) -> Path:
        return self.folder / safe_name(assignment) / f"{safe_name(student)}.json"


def fingerprint(submission: Submission, release: str, secret: str, device: str = "cpu") -> str:
    """A hash of everything that the result of a submission depends on.

    Args:
        submission: the cells to run.
        release: the text of the trusted release notebook.
        secret: what hidden inputs are drawn from; it cannot be told from the hash.
        device: where probes ran.
    """
    parts = (
        json.dumps([submission.student, submission.assignment, submission.note]),
        json.dumps([[c.id, c.source, c.kind, c.after] for c in submission.cells]),
        json.dumps(submission.missing, sort_keys=True),
        release,
        hashlib.sha256(secret.encode()).hexdigest(),
        exercises.load(submission.assignment).version,
        engine(),
        device,
    )
    digest = hashlib.sha256()
    for part in parts:
        text = part.encode("utf-8", "surrogatepass")
        digest.update(f"{len(text)}:".encode() + text)
    return digest.hexdigest()


@functools.cache
def engine() -> str:
    """A hash of the code that grades, of the course's package, and of torch's version."""
    digest = hashlib.sha256(torch.__version__.encode())
    specifications = Path(str(exercises.__file__)).parent
    for package in (autograder, minitransformer):
        root = Path(str(package.__file__)).parent
        for path in sorted(root.rglob("*")):
            if path.suffix in (".py", ".j2", ".css", ".js") and specifications not in path.parents:
                digest.update(path.relative_to(root).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()
