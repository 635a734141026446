"""One worker, as the judge sees it: ask, wait with an eye on it, stop in time."""

import contextlib
import select
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

from autograder.errors import CodecError, SandboxError, WorkerCrashed, WorkerTimeout
from autograder.sandbox import codec
from autograder.sandbox.warm import FORKS
from autograder.sandbox.watch import PERIOD, Limits, Watch, remove

START_SECONDS = 120.0
CREDENTIALS = struct.Struct("3i")
MAX_ANSWERS = 128 * 2**20
"""Bytes of all answers that are waited for at a time; the judge holds them in memory."""

MAX_HEADERS = 3 * 2**20
"""Those of them that are no array's: the judge looks at each thing they name, many times. The
largest honest answers have 0.7 million."""


class Session:
    """One worker: cells run, then one set of observations after the other.

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
        self._received = bytearray()
        self.limits = limits

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def begin(self, job: Any) -> None:
        """Hear from the worker, hand it the job, and wait until it is behind its walls.

        Raises:
            SandboxError: it did not come to that, which is no fault of a submission.
        """
        try:
            if FORKS:
                self._watch = Watch(introduced(self._connection), self._scratch, self.limits)
            else:
                read(self._connection, 1, time.monotonic() + START_SECONDS)
            self._move(codec.encode(job), 0, START_SECONDS)
            read(self._connection, 1, time.monotonic() + START_SECONDS)
        except SandboxError as error:
            raise SandboxError(f"the worker did not get ready: {error}") from error

    def receive(self, seconds: float) -> Any:
        """The worker's next message.

        Args:
            seconds: how long to wait for it.

        Raises:
            WorkerTimeout: none within the limit.
            WorkerCrashed: the worker ended, or took more than it may.
            CodecError: it sent something else (from `codec`), or too much.
        """
        return codec.message(self._move(b"", 1, seconds)[0])

    def exchange(self, requests: bytes, count: int, seconds: float) -> list[bytes]:
        """Send requests, and wait for as many answers: whole frames, not yet looked into.

        Args:
            requests: frames, one behind the other.
            count: how many they are.
            seconds: how long all of it may take.

        Raises:
            As `receive`.
        """
        if self._received:
            raise CodecError("the worker sent what it was not asked for")
        return self._move(requests, count, seconds)

    def cost(self) -> float:
        """Seconds that the last wait costs by the processor's clock; 0 where that is not seen."""
        return self._watch.cost() if self._watch is not None else 0.0

    def close(self) -> None:
        """Kill the worker and remove its scratch folder."""
        self._connection.close()
        self._end()
        remove(self._scratch)

    def _move(self, outgoing: bytes, count: int, seconds: float) -> list[bytes]:
        """Send and receive at the same time: neither end waits while the other's buffer is full."""
        deadline = time.monotonic() + seconds
        if self._watch is not None:
            self._watch.begin(seconds)
        frames: list[bytes] = []
        total = headers = 0
        unsent = memoryview(outgoing)
        while True:
            while len(frames) < count and (frame := codec.whole(self._received)) is not None:
                frames.append(frame)
                total += len(frame)
                headers += codec.lengths(frame[: codec.PREFIX.size])[0]
            if total > MAX_ANSWERS or headers > MAX_HEADERS:
                raise CodecError(f"answers of {total} bytes are over the size limit")
            if len(frames) == count and not unsent:
                return frames
            events = (select.POLLOUT if unsent else 0) | (len(frames) < count and select.POLLIN)
            ready = wait(self._connection, events, deadline, self._watch)
            try:
                if ready & select.POLLOUT and unsent:
                    unsent = unsent[self._connection.send(unsent[: 2**20]) :]
                if ready & ~select.POLLOUT:
                    self._received += _some(self._connection, 2**20)
            except OSError as error:
                raise WorkerCrashed("the worker ended") from error


def introduced(connection: socket.socket) -> int:
    """The other end's process number as this process sees it, from its first byte.

    Raises:
        WorkerCrashed: it did not come to that.
    """
    connection.settimeout(START_SECONDS)
    size = socket.CMSG_SPACE(CREDENTIALS.size)
    with contextlib.suppress(OSError):
        _, extra, _, _ = connection.recvmsg(1, size)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 0)
        for level, kind, data in extra:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                pid: int = CREDENTIALS.unpack(data)[0]
                return pid
    raise WorkerCrashed("the process ended before it began")


def wait(
    connection: socket.socket, events: int, deadline: float, watch: Watch | None = None
) -> int:
    """Until something can be received or sent, or the other end is gone: as `select.poll` says it.

    Raises:
        WorkerTimeout: nothing until the deadline, or the watch says stop.
        WorkerCrashed: the watch says so.
    """
    poll = select.poll()
    poll.register(connection, events)
    while True:
        left = deadline - time.monotonic()
        if left <= 0:
            raise WorkerTimeout("the worker was stopped at its time limit")
        if watch is not None:
            watch.look()
            left = min(left, PERIOD)
        ready = poll.poll(left * 1000)
        if ready:
            return ready[0][1]


def read(connection: socket.socket, size: int, deadline: float) -> bytes:
    """So many bytes, by then.

    Raises:
        WorkerTimeout: they are not there.
        WorkerCrashed: the other end is gone.
    """
    received = bytearray()
    while len(received) < size:
        wait(connection, select.POLLIN, deadline)
        received += _some(connection, size - len(received))
    return bytes(received)


def _some(connection: socket.socket, size: int) -> bytes:
    """What has come, up to so many bytes.

    Raises:
        WorkerCrashed: the other end is gone.
    """
    try:
        part = connection.recv(size)
    except OSError as error:
        raise WorkerCrashed("the worker ended") from error
    if not part:
        raise WorkerCrashed("the worker ended")
    return part
