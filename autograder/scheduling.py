"""Spreads work over this machine's cores; knows nothing of what the work is.

Each core has a judge process with a server of its own; all servers come out of one warm process.
Results come back in any order, each as soon as it is there. A judge that is killed, by a person or
for want of memory, is replaced, and what it was at is given to another.
"""

import contextlib
import multiprocessing
import os
import signal
import sys
import traceback
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

import torch

from autograder.errors import AutograderError
from autograder.sandbox import Server, kernel
from autograder.sandbox.warm import FORKS, PATIENCE, Warm

Item = TypeVar("Item")
Result = TypeVar("Result")

AHEAD = 2
"""Items that a judge is given at a time: it need not wait until its result is written. The last
ones are given singly, so that no judge is idle while another has two."""

TRIES = 2
"""Judges that may be lost over one item."""


def _fail(item: object) -> Any:
    raise AutograderError(f"the process that worked on {item} was ended from outside {TRIES} times")


def spread(
    work: Callable[[Item, Server], Result],
    items: Sequence[Item],
    processes: int | None = None,
    warm: Warm | None = None,
    meanwhile: Callable[[], None] = lambda: None,
    lost: Callable[[Item], Result] = _fail,
) -> Iterator[Result]:
    """`work(item, server)` for every item, on several cores, in any order.

    Args:
        work: a function of a module; it is given the server of its process.
        items: what to work on.
        processes: how many; as many as there are cores by default.
        warm: has begun to import already; one of its own by default.
        meanwhile: done here while the other processes begin.
        lost: the result of an item at which one judge after the other was ended.

    Raises:
        Whatever `work` raises.
    """
    if warm is None:
        with Warm() as warm:
            yield from spread(work, items, processes, warm, meanwhile, lost)
        return
    count = min(processes or os.cpu_count() or 1, len(items))
    if count <= 1:
        torch.set_num_threads(1)
        with Server(warm=warm) as server:
            for item in items:
                yield work(item, server)
        return
    yield from _spread(work, items, count, warm, meanwhile, lost)


def _spread(
    work: Callable[[Item, Server], Result],
    items: Sequence[Item],
    count: int,
    warm: Warm,
    meanwhile: Callable[[], None],
    lost: Callable[[Item], Result],
) -> Iterator[Result]:
    judges: dict[Connection, _Judge] = {}
    waiting = deque(range(len(items)))
    losses: Counter[int] = Counter()

    def give(judge: _Judge) -> None:
        while waiting and len(judge.given) < (AHEAD if len(waiting) > count else 1):
            judge.given.append(waiting.popleft())
            with contextlib.suppress(OSError):  # it has just ended; `wait` will tell
                judge.connection.send(items[judge.given[-1]])

    def begin() -> None:
        while waiting and len(judges) < count:
            judge = _Judge(work, warm)
            judges[judge.connection] = judge
            give(judge)

    try:
        begin()
        meanwhile()
        while any(judge.given for judge in judges.values()):
            for ready in wait(list(judges)):
                judge = judges[ready]
                try:
                    result, error = judge.connection.recv()
                except (EOFError, OSError):  # killed
                    judges.pop(ready).end()
                    at = judge.given.popleft()
                    waiting.extendleft(reversed(judge.given))
                    losses[at] += 1
                    if losses[at] == TRIES:
                        yield lost(items[at])
                    else:
                        waiting.append(at)
                    begin()
                    continue
                if error is not None:
                    raise error
                judge.given.popleft()
                give(judge)
                yield result
        for connection in judges:
            with contextlib.suppress(OSError):
                connection.send(None)
        for judge in judges.values():
            judge.process.join(PATIENCE)
    finally:
        for judge in judges.values():
            judge.end()


class _Judge:
    """A judge process.

    Args of `__init__`: the work, and where its server comes from.

    `given` are the numbers of the items that it has not answered; it is at the first of them.
    """

    def __init__(self, work: Callable[[Any, Server], Any], warm: Warm) -> None:
        # fork is quick and safe here: nothing but this thread exists
        context = multiprocessing.get_context("fork" if FORKS else "spawn")
        self.given: deque[int] = deque()
        self.connection, theirs = context.Pipe()
        shared = (theirs, work, os.getpid(), warm if FORKS else None)
        self.process = context.Process(target=_serve, args=shared, daemon=True)
        self.process.start()
        theirs.close()

    def end(self) -> None:
        """It is not there any more."""
        self.connection.close()
        self.process.kill()
        self.process.join()


def _serve(
    orders: Connection, work: Callable[[Any, Server], Any], parent: int, warm: Warm | None
) -> None:
    """A judge's life. It ends with the one that started it, even if that is killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the one that started it
    if sys.platform == "linux":
        kernel.prctl(kernel.SET_PDEATHSIG, kernel.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    torch.set_num_threads(1)
    with Server(warm=warm) as server, contextlib.suppress(EOFError):
        for item in iter(orders.recv, None):
            try:
                answer = (work(item, server), None)
            except Exception as error:
                error.add_note(traceback.format_exc())
                answer = (None, error)
            orders.send(answer)
