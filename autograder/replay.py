"""A submission's cells in a worker: opened when needed, and again after a crash.

What comes back from a worker is held to a schema here; what breaks it, takes too long or ends the
process costs one cell or one exercise, never the submission.

After a crash all cells run again in a fresh worker, without those that had to be stopped. A copy
of the worker from before the crash would need a process that the learner's code has already run in
and that may still fork: the system-call filter is there to rule out just that.
"""

import functools
import hashlib
import math
import time
from dataclasses import dataclass, field
from typing import Any

from autograder import exercises, references
from autograder.errors import CodecError, NotebookTimeout, WorkerCrashed, WorkerTimeout
from autograder.judge import Judgement, judge, trials
from autograder.sandbox import Limits, Server, Session, codec
from autograder.spec import Exercise
from autograder.submission import Cell

STOPPED = {
    WorkerTimeout: ("timeout", "stopped at the time limit"),
    NotebookTimeout: ("timeout", "not run: the notebook as a whole took too long before its turn"),
    WorkerCrashed: ("crashed", "the process that ran it ended"),
    CodecError: ("crashed", "what it handed back could not be read"),
}
MAX_BROKEN_CELLS = 3
REPLAY_LIMITS = 3
"""All cells together may take this many times the limit of one."""

SHORT = 0.05
"""Seconds of the clock within which no threads can have used up much of the processor."""

LONGEST = 500
ERROR = {"type": str, "message": str, "line": int, "cell": str}
MOST_KNOWN = 20_000


@dataclass
class Worker:
    """The cells of one submission, and observations of what they define.

    Args:
        server: forks the workers.
        chapter: its name.
        cells: what to run, in order.
        replaced: ids of exercises that references stand in for.
        limits: `limits.seconds` is what one exercise may take in all its trials.
        until: when the time of the whole notebook is over, by the monotonic clock.
        stopped: cell id → (status, words) for cells that had to be stopped; they are left out.
        errors: cell id → what its last run raised.
    """

    server: Server
    chapter: str
    cells: tuple[Cell, ...]
    replaced: tuple[str, ...]
    limits: Limits
    until: float = math.inf
    stopped: dict[str, tuple[str, str]] = field(default_factory=dict)
    errors: dict[str, dict[str, Any]] = field(default_factory=dict)
    session: Session | None = None
    _spent: dict[tuple[str, str], float] = field(default_factory=dict)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker; the next `judged` opens a fresh one."""
        if self.session is not None:
            self.session.close()
        self.session = None

    def open(self) -> None:
        """Run the cells, as often as it takes until those that can be run have been."""
        while self.session is None:
            self._in_time()
            self._replay()

    def judged(self, exercise: Exercise, secret: str) -> Judgement:
        """The verdict on one exercise; the worker is closed when it times out or dies.

        Raises:
            WorkerTimeout, WorkerCrashed, CodecError: as `STOPPED` words them.
        """
        self._in_time()
        self.open()
        asked = requests(self.chapter, exercise.id, secret)
        spent = self._spent.get((exercise.id, secret), 0.0)
        start = time.monotonic()
        try:
            frames = self.session.exchange(*asked, self.limits.seconds - spent)
            return scored(exercise, self.chapter, secret, frames)
        except tuple(STOPPED):
            self.close()
            raise
        finally:
            took = time.monotonic() - start
            spent += max(took, cost(self.session)) if took > SHORT else took
            self._spent[exercise.id, secret] = spent

    def _in_time(self) -> None:
        if time.monotonic() > self.until:
            raise NotebookTimeout("the whole notebook's time is over")

    def seconds(self, exercise_id: str) -> float:
        """How long an exercise has taken, in all its trials."""
        return sum(spent for (name, _), spent in self._spent.items() if name == exercise_id)

    def _replay(self) -> None:
        broken = len(self.stopped) >= MAX_BROKEN_CELLS
        cells = [
            c for c in self.cells if c.id not in self.stopped and not (broken and c.kind == "extra")
        ]
        seen = references.package(self.chapter)
        own = references.package(self.chapter, frozenset(self.replaced))
        job = {
            "cells": [{"id": cell.id, "source": cell.source} for cell in cells],
            "package": {name: text for name, text in own.items() if seen[name] != text},
            "replace": references.places(self.chapter, self.replaced),
        }
        given = tuple(cell.source for cell in self.cells if cell.kind == "given")
        needed = {*references.imported(given), *references.late(tuple(c.source for c in cells))}
        self.session = self.server.open(job, self.limits, seen, needed)
        left = REPLAY_LIMITS * self.limits.seconds
        slow = []
        for cell in cells:
            start = time.monotonic()
            try:
                error = cell_reply(self.session.receive(min(self.limits.seconds, left)), cell.id)
            except tuple(STOPPED) as stop:
                used_up = [cell] if left > self.limits.seconds else [*slow, cell]
                self.stopped.update({c.id: STOPPED[type(stop)] for c in used_up})
                self.close()
                return
            took = time.monotonic() - start
            left -= took
            slow += [cell] if took > self.limits.seconds / 10 else []
            if error:
                self.errors[cell.id] = error


@functools.lru_cache(maxsize=4096)
def requests(chapter: str, exercise_id: str, secret: str) -> tuple[bytes, int]:
    """All trials of an exercise as frames, the same for every submission, and how many they are."""
    drawn = trials(chapter, exercise_id, secret)
    forbidden = exercises.load(chapter).exercise(exercise_id).forbidden
    frames = [
        codec.encode(
            {
                "name": exercise_id,
                "probe": trial.case.probe.__name__,
                "inputs": trial.inputs,
                "forbidden": forbidden,
            }
        )
        for trial in drawn
    ]
    return b"".join(frames), len(frames)


_known: dict[tuple[str, ...], Judgement] = {}


def scored(exercise: Exercise, chapter: str, secret: str, frames: list[bytes]) -> Judgement:
    """The verdict on a worker's answers. What was judged before, byte for byte, is known.

    Raises:
        CodecError: an answer is not an observation.
    """
    digest = hashlib.sha256(b"".join(frames)).hexdigest()  # a frame says its own length
    key = (chapter, exercise.id, secret, digest)
    if key not in _known:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        seen = [observation(codec.message(frame)) for frame in frames]
        _known[key] = judge(exercise, chapter, secret, seen)
    return _known[key]


def cost(session: Session | None) -> float:
    """What the last wait cost by the processor's clock; nothing where the session is over."""
    return session.cost() if session is not None else 0.0


def cell_reply(seen: Any, cell: str) -> dict[str, Any] | None:
    """What a cell raised, or None.

    Raises:
        CodecError: it is not the reply of this cell.
    """
    if not isinstance(seen, dict) or set(seen) != {"cell", "error"} or seen["cell"] != cell:
        raise CodecError("the worker's answer is not that of the cell that was due")
    return None if seen["error"] is None else _error(seen["error"])


def observation(seen: Any) -> dict[str, Any]:
    """The observation, in exactly the form that the judge reads.

    Raises:
        CodecError: it is not one.
    """
    if not isinstance(seen, dict) or len({"values", "error"} & set(seen)) != 1:
        raise CodecError("the worker's answer is not an observation")
    shortcut = seen.get("shortcut", "")
    if set(seen) - {"values", "error", "shortcut"} or not isinstance(shortcut, str):
        raise CodecError("the worker's answer is not an observation")
    plain: dict[str, Any] = {}
    if shortcut:
        plain["shortcut"] = shortcut[:80] if shortcut.isidentifier() else "function"
    if "error" in seen:
        return {**plain, "error": _error(seen["error"])}
    values = seen["values"]
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in values):
        raise CodecError("the worker's values are not named")
    return {**plain, "values": values}


def _error(error: Any) -> dict[str, Any]:
    if not isinstance(error, dict) or not all(
        isinstance(error.get(k), t) for k, t in ERROR.items()
    ):
        raise CodecError("the worker's error is not described")
    return {k: error[k][:LONGEST] if t is str else error[k] for k, t in ERROR.items()}
