"""Spreads work over this machine's cores; knows nothing of what the work is.

Each core has a judge process with a server of its own; all servers come out of one warm process.
Results come back in any order, each as soon as it is there.
"""

import functools
import multiprocessing
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from autograder.sandbox import Server, kernel
from autograder.sandbox.warm import FORKS, Warm

Item = TypeVar("Item")
Result = TypeVar("Result")


def spread(
    work: Callable[[Item, Server], Result],
    items: Sequence[Item],
    processes: int | None = None,
    warm: Warm | None = None,
    meanwhile: Callable[[], None] = lambda: None,
) -> Iterator[Result]:
    """`work(item, server)` for every item, on several cores, in any order.

    Args:
        work: a function of a module; it is given the server of its process.
        items: what to work on.
        processes: how many; as many as there are cores by default.
        warm: has begun to import already; one of its own by default.
        meanwhile: done here while the other processes begin.
    """
    if warm is None:
        with Warm() as warm:
            yield from spread(work, items, processes, warm, meanwhile)
        return
    count = min(processes or os.cpu_count() or 1, len(items))
    if count <= 1:
        torch.set_num_threads(1)
        with Server(warm=warm) as server:
            for item in items:
                yield work(item, server)
        return
    # fork is quick and safe here: nothing but this thread exists yet
    context = multiprocessing.get_context("fork" if FORKS else "spawn")
    shared = (os.getpid(), warm if FORKS else None)
    with context.Pool(count, initializer=_begin, initargs=shared) as pool:
        results = pool.imap_unordered(functools.partial(_work, work), items)
        meanwhile()
        yield from results


_server: Server | None = None


def _begin(parent: int, warm: Warm | None) -> None:
    """A judge process starts. It ends with the one that started it, even if that is killed."""
    global _server
    if sys.platform == "linux":
        kernel.prctl(kernel.SET_PDEATHSIG, kernel.SIGKILL)
        if os.getppid() != parent:
            os._exit(1)
    torch.set_num_threads(1)
    _server = Server(warm=warm)


def _work(work: Callable[[Item, Server], Result], item: Item) -> Result:
    if _server is None:
        raise RuntimeError("a judge process was used before it began")
    return work(item, _server)
