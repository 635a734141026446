"""The judge's end of the sandbox: start the warm server, open sessions, ask, and stop in time."""

import contextlib
import dataclasses
import os
import select
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from autograder.errors import SandboxError, WorkerCrashed, WorkerTimeout
from autograder.sandbox import codec

FORKS = sys.platform == "linux"
START_SECONDS = 120.0
REPLY = struct.Struct(">i")
SINGLE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    )
}


@dataclass(frozen=True)
class Limits:
    """What one worker may use.

    Args:
        seconds: wall-clock seconds for one cell or one probe.
        memory: bytes of address space on top of what the warm process has.
        file_size: bytes of any file it writes.
    """

    seconds: float = 10.0
    memory: int = 4 * 2**30
    file_size: int = 64 * 2**20


class Server:
    """A warm process that has imported torch, and forks a worker for each session.

    One session at a time: closing it ends every process that came out of it. Use it as a context
    manager. Where `fork` is unsafe (not Linux) every session starts a process
    of its own: slower, otherwise the same.
    """

    def __init__(self) -> None:
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
        settings = {"scratch": scratch, "limits": dataclasses.asdict(limits)}
        session.send({**job, **settings})
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
                        str(Path(__file__).with_name("server.py")),
                        str(theirs.fileno()),
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


class Session:
    """One worker: cells run, then one observation after the other.

    Every wait has a limit. After `WorkerTimeout` or `WorkerCrashed` the session is over.
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
        self.limits = limits

    def __enter__(self) -> "Session":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

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
            WorkerCrashed: the worker ended.
            CodecError: it sent something else (from `codec`).
        """
        deadline = time.monotonic() + seconds
        header, arrays = codec.lengths(_read(self._connection, codec.PREFIX.size, deadline))
        body = _read(self._connection, header + arrays, deadline)
        return codec.decode(body[:header], body[header:])

    def ask(self, message: Any, seconds: float) -> Any:
        """Send a message and return the answer; raises as `receive` does."""
        self.send(message)
        return self.receive(seconds)

    def close(self) -> None:
        """Kill the worker and remove its scratch folder."""
        self._connection.close()
        self._server.kill(self._pid)
        try:
            shutil.rmtree(self._scratch, ignore_errors=True)
        except RecursionError:  # folders in folders in folders: rm does not recurse
            subprocess.run(["rm", "-rf", self._scratch], check=False)


def _read(connection: socket.socket, size: int, deadline: float) -> bytes:
    parts: list[bytes] = []
    while size:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([connection], [], [], left)[0]:
            raise WorkerTimeout("the worker was stopped at its time limit")
        try:
            part = connection.recv(min(size, 2**20))
        except OSError as error:
            raise WorkerCrashed("the worker ended") from error
        if not part:
            raise WorkerCrashed("the worker ended")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)
