"""One worker, as the judge sees it: ask, wait with an eye on it, stop in time."""

import select
import socket
import struct
import sys
import time
from collections.abc import Callable
from typing import Any

from autograder.errors import WorkerCrashed, WorkerTimeout
from autograder.sandbox import codec
from autograder.sandbox.watch import PERIOD, Limits, Watch, remove

FORKS = sys.platform == "linux"
START_SECONDS = 120.0
CREDENTIALS = struct.Struct("3i")


class Session:
    """One worker: cells run, then one observation after the other.

    Every wait has a limit, and while it lasts the worker is watched. After `WorkerTimeout` or
    `WorkerCrashed` the session is over.

    Args:
        connection: to the worker.
        scratch: its folder, which goes with the session.
        limits: what it may use.
        end: kills it and whatever came out of it.
    """

    def __init__(
        self,
        connection: socket.socket,
        scratch: str,
        limits: Limits,
        end: Callable[[], None],
    ) -> None:
        self._end = end
        self._connection = connection
        self._scratch = scratch
        self._watch: Watch | None = None
        self.limits = limits

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def begin(self, job: Any) -> None:
        """Hear from the worker, and hand it the job."""
        deadline = time.monotonic() + START_SECONDS
        if FORKS:
            self._watch = Watch(_introduced(self._connection), self._scratch, self.limits)
        else:
            self._read(1, deadline)
        self.send(job)

    def send(self, message: Any) -> None:
        """One message to the worker.

        Raises:
            WorkerCrashed: it is gone.
        """
        try:
            self._connection.settimeout(self.limits.seconds)
            self._connection.sendall(codec.encode(message))
        except OSError as error:
            raise WorkerCrashed("the worker ended") from error

    def receive(self, seconds: float) -> Any:
        """The worker's next message.

        Args:
            seconds: how long to wait for it.

        Raises:
            WorkerTimeout: none within the limit.
            WorkerCrashed: the worker ended, or took more than it may.
            CodecError: it sent something else (from `codec`).
        """
        deadline = time.monotonic() + seconds
        if self._watch is not None:
            self._watch.begin(seconds)
        header, arrays = codec.lengths(self._read(codec.PREFIX.size, deadline))
        body = self._read(header + arrays, deadline)
        return codec.decode(body[:header], body[header:])

    def ask(self, message: Any, seconds: float) -> Any:
        """Send a message and return the answer; raises as `receive` does."""
        self.send(message)
        return self.receive(seconds)

    def cost(self) -> float:
        """Seconds that the last wait costs by the processor's clock; 0 where that is not seen."""
        return self._watch.cost() if self._watch is not None else 0.0

    def close(self) -> None:
        """Kill the worker and remove its scratch folder."""
        self._connection.close()
        self._end()
        remove(self._scratch)

    def _read(self, size: int, deadline: float) -> bytes:
        return read(self._connection, size, deadline, self._watch)


def _introduced(connection: socket.socket) -> int:
    """The worker's process number as this process sees it, from its first byte.

    Raises:
        WorkerCrashed: it did not come to that.
    """
    connection.settimeout(START_SECONDS)
    size = socket.CMSG_SPACE(CREDENTIALS.size)
    _, extra, _, _ = connection.recvmsg(1, size)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
    for level, kind, data in extra:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
            pid: int = CREDENTIALS.unpack(data)[0]
            return pid
    raise WorkerCrashed("the worker ended before it began")


def read(
    connection: socket.socket, size: int, deadline: float, watch: Watch | None = None
) -> bytes:
    """So many bytes, by then.

    Raises:
        WorkerTimeout: they are not there, or the watch says stop.
        WorkerCrashed: the other end is gone, or the watch says so.
    """
    parts: list[bytes] = []
    while size:
        left = deadline - time.monotonic()
        if left <= 0:
            raise WorkerTimeout("the worker was stopped at its time limit")
        if watch is not None:
            watch.look()
            left = min(left, PERIOD)
        if not select.select([connection], [], [], left)[0]:
            continue
        try:
            part = connection.recv(min(size, 2**20))
        except OSError as error:
            raise WorkerCrashed("the worker ended") from error
        if not part:
            raise WorkerCrashed("the worker ended")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
