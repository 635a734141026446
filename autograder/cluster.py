"""Spreads work over a Dask cluster instead of this machine's cores; everything else is the same.

    dask scheduler                                        on one machine
    dask worker tcp://… --nthreads 1                      on others, a process for each core
    dask worker tcp://… --nthreads 1 --resources GPU=1    where there is a GPU

A job carries its notebook, so workers need no shared disk; they need the same version of the
course, and the walls. Each worker process keeps a warm process of its own. What a lost worker was
doing is done by another, which is Dask's own work. Results are written here, by one process.
"""

import functools
import itertools
import os
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeVar

import torch
from distributed import Client, Future, KilledWorker, as_completed

from autograder.errors import AutograderError, SandboxError
from autograder.sandbox import Server, walls
from autograder.store import engine

Item = TypeVar("Item")
Result = TypeVar("Result")

UNSAFE = "AUTOGRADER_UNSAFE"
"""Set in a worker's environment, it works without the base walls."""

AHEAD = 3
"""Jobs that wait at the scheduler for each that runs: enough that no worker is ever idle."""

CONNECT_SECONDS = 15


def spread(
    work: Callable[[Item, Server], Result],
    items: Iterable[Item],
    address: str,
    resources: dict[str, float] | None = None,
) -> Iterator[Result]:
    """`work(item, server)` for every item, on the cluster, in any order.

    Args:
        work: a function of a module; it is given the warm server of its worker.
        items: what to work on; taken as they are needed.
        address: of the scheduler, such as "tcp://10.0.0.1:8786".
        resources: what a worker must have, such as {"GPU": 1}.

    Raises:
        AutograderError: there is no scheduler, or a worker is not fit, or too many were lost.
    """
    task = functools.partial(_work, work, engine())
    with _client(address) as client:
        waiting = iter(items)

        def some(count: int) -> list[Future]:
            found = itertools.islice(waiting, count)
            return [client.submit(task, item, pure=False, resources=resources) for item in found]

        running = as_completed(some(AHEAD * _threads(client, resources)), loop=client.loop)
        for future in running:
            try:
                yield future.result()
            except KilledWorker as error:
                raise AutograderError(
                    f"every worker that was given one of the jobs was lost: {error}"
                ) from error
            running.update(some(1))


def _client(address: str) -> Client:
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except (OSError, ValueError) as error:
        raise AutograderError(
            f"no Dask scheduler answers at {address}; start one with: dask scheduler"
        ) from error


def _threads(client: Client, resources: dict[str, float] | None) -> int:
    """How many jobs the workers that have these resources can run at a time.

    Raises:
        AutograderError: there are none; jobs would wait for ever.
    """
    needed = resources or {}
    found = [
        worker["nthreads"]
        for worker in client.scheduler_info(n_workers=-1)["workers"].values()
        if all(worker["resources"].get(name, 0) >= count for name, count in needed.items())
    ]
    if not found:
        wanted = "".join(f" --resources {name}={count:g}" for name, count in needed.items())
        raise AutograderError(
            f"no worker at {client.scheduler.address} can take these jobs; start one with: "
            f"dask worker {client.scheduler.address} --nthreads 1{wanted}"
        )
    return sum(found)


_one_at_a_time = threading.Lock()


def _work(work: Callable[[Any, Server], Result], version: str, item: Any) -> Result:
    """On a worker: in its warm process, which serves one job at a time."""
    with _one_at_a_time:
        if version != engine():
            raise AutograderError(
                "a worker has another version of the course or of torch than this machine; "
                "install the same commit and the versions of constraints.txt there"
            )
        return work(item, _server())


@functools.cache
def _server() -> Server:
    if not os.environ.get(UNSAFE):
        try:
            walls.require(walls.base())
        except SandboxError as error:
            raise SandboxError(f"on a worker: {error}") from None
    torch.set_num_threads(1)
    return Server()
