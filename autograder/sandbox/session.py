"""The judge's end of the sandbox: start the warm server, open sessions, ask, and stop in time."""

import contextlib
import dataclasses
import functools
import os
import select
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from autograder.course import Course
from autograder.errors import CourseError, SandboxError, WorkerCrashed, WorkerTimeout
from autograder.sandbox import codec
from autograder.sandbox.namespaces import SWITCH
from autograder.sandbox.watch import PERIOD, Limits, Watch, remove

FORKS = sys.platform == "linux"
START_SECONDS = 120.0
REPLY = struct.Struct(">i")
CREDENTIALS = struct.Struct("3i")
START = (
    "import sys; sys.path.append(sys.argv[1]); from autograder.sandbox import server; "
    "server.start(int(sys.argv[2]), sys.argv[3])"
)
"""The warm process's first lines: -I keeps folder and environment out of `sys.path`."""

SINGLE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    )
}


class Server:
    """A warm process that has imported torch, and forks a worker for each session.

    One session at a time: closing it ends every process that came out of it. Use it as a context
    manager. Where `fork` is unsafe (not Linux) every session starts a process
    of its own: slower, otherwise the same.

    Args:
        namespaces: False stays with the base walls, as AUTOGRADER_NAMESPACES=off does.
    """

    def __init__(self, namespaces: bool = True) -> None:
        self._namespaces = namespaces and os.environ.get(SWITCH) != "off"
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def open(self, job: dict[str, Any], limits: Limits | None = None) -> "Session":
        """A new worker that holds `job`; see `worker.serve` for what a job is.

        Raises:
            SandboxError: the server could not be started.
        """
        limits = limits or Limits()
        ours, theirs = socket.socketpair()
        if FORKS:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        scratch = tempfile.mkdtemp(prefix="autograder-")
        with self._lock, theirs:
            if not FORKS:
                self._stop()
            control = self._started()
            try:
                socket.send_fds(control, [b"f"], [theirs.fileno()])
                pid = REPLY.unpack(_read(control, REPLY.size, time.monotonic() + START_SECONDS))[0]
            except (OSError, SandboxError) as error:
                self._stop()
                raise SandboxError(f"the warm worker did not answer: {error}") from error
        session = Session(self, pid, ours, scratch, limits)
        settings = {
            "scratch": scratch,
            "limits": dataclasses.asdict(limits),
            "hidden": _course(),
        }
        session.begin({**job, **settings})
        return session

    def kill(self, pid: int) -> None:
        """End a worker and every process that came out of it."""
        with self._lock, contextlib.suppress(OSError, SandboxError):
            if not FORKS:
                self._stop()
            elif self._control is not None:
                self._control.sendall(b"k" + REPLY.pack(pid))
                _read(self._control, REPLY.size, time.monotonic() + START_SECONDS)

    def close(self) -> None:
        """Stop the warm process."""
        with self._lock:
            self._stop()

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if self._process is not None:
            if FORKS:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    self._process.wait(timeout=5)
            self._process.kill()
            self._process.wait()
        self._process = self._control = None

    def _started(self) -> socket.socket:
        if self._control is None or self._process is None or self._process.poll() is not None:
            ours, theirs = socket.socketpair()
            with theirs:
                self._process = subprocess.Popen(
                    [
                        sys.executable,
                        "-I",
                        "-c",
                        START,
                        str(Path(__file__).parents[2]),
                        str(theirs.fileno()),
                        "on" if self._namespaces else "off",
                    ],
                    pass_fds=[theirs.fileno()],
                    env={
                        "PATH": os.defpath,
                        "MPLBACKEND": "Agg",
                        "HOME": tempfile.gettempdir(),
                        **SINGLE_THREAD,
                    },
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    cwd=tempfile.gettempdir(),
                )
            self._control = ours
        return self._control


@functools.lru_cache
def _course() -> list[str]:
    """The course's folder, for the case that it lies among Python's libraries."""
    try:
        return [str(Course.find().root)]
    except CourseError:
        return []


class Session:
    """One worker: cells run, then one observation after the other.

    Every wait has a limit, and while it lasts the worker is watched. After `WorkerTimeout` or
    `WorkerCrashed` the session is over.
    """

    def __init__(
        self,
        server: Server,
        pid: int,
        connection: socket.socket,
        scratch: str,
        limits: Limits,
    ) -> None:
        self._server = server
        self._pid = pid
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
        self._server.kill(self._pid)
        remove(self._scratch)

    def _read(self, size: int, deadline: float) -> bytes:
        return _read(self._connection, size, deadline, self._watch)


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


def _read(
    connection: socket.socket, size: int, deadline: float, watch: Watch | None = None
) -> bytes:
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
