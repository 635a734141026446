"""A submission's cells in a worker: opened when needed, and again after a crash.

What comes back from a worker is held to a schema here; what breaks it, takes too long or ends the
process costs one cell or one exercise, never the submission.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autograder.errors import CodecError, WorkerCrashed, WorkerTimeout
from autograder.judge import Trial
from autograder.sandbox import Limits, Server, Session
from autograder.spec import Exercise
from autograder.submission import Cell

STOPPED = {
    WorkerTimeout: ("timeout", "stopped at the time limit"),
    WorkerCrashed: ("crashed", "the process that ran it ended"),
    CodecError: ("crashed", "what it handed back could not be read"),
}
MAX_BROKEN_CELLS = 3
REPLAY_LIMITS = 3
"""All cells together may take this many times the limit of one."""

LONGEST = 500
ERROR = {"type": str, "message": str, "line": int, "cell": str}


@dataclass
class Worker:
    """The cells of one submission, and observations of what they define.

    Args:
        server: forks the workers.
        cells: what to run, in order.
        package: the sources that can be imported as the course's package.
        replaced: exercise id → module of the reference that stands in for it.
        limits: `limits.seconds` is what one exercise may take in all its trials.
        stopped: cell id → (status, words) for cells that had to be stopped; they are left out.
        errors: cell id → what its last run raised.
    """

    server: Server
    cells: tuple[Cell, ...]
    package: Mapping[str, str]
    replaced: Mapping[str, str]
    limits: Limits
    stopped: dict[str, tuple[str, str]] = field(default_factory=dict)
    errors: dict[str, dict[str, Any]] = field(default_factory=dict)
    session: Session | None = None
    _spent: dict[str, float] = field(default_factory=dict)

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """End the worker; the next `look` opens a fresh one."""
        if self.session is not None:
            self.session.close()
        self.session = None

    def look(self, exercise: Exercise, trial: Trial) -> dict[str, Any]:
        """One observation; the worker is closed when it times out or dies.

        Raises:
            WorkerTimeout, WorkerCrashed, CodecError: as `STOPPED` words them.
        """
        request = {
            "name": exercise.id,
            "probe": trial.case.probe.__name__,
            "inputs": trial.inputs,
            "forbidden": exercise.forbidden,
        }
        while self.session is None:
            self._replay()
        left = self.limits.seconds - self._spent.get(exercise.id, 0.0)
        start = time.monotonic()
        try:
            return observation(self.session.ask(request, left))
        except tuple(STOPPED):
            self.close()
            raise
        finally:
            spent = max(time.monotonic() - start, cost(self.session))
            self._spent[exercise.id] = self._spent.get(exercise.id, 0.0) + spent

    def _replay(self) -> None:
        broken = len(self.stopped) >= MAX_BROKEN_CELLS
        cells = [
            c for c in self.cells if c.id not in self.stopped and not (broken and c.kind == "extra")
        ]
        job = {
            "cells": [{"id": cell.id, "source": cell.source} for cell in cells],
            "package": self.package,
            "replace": self.replaced,
        }
        self.session = self.server.open(job, self.limits)
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
