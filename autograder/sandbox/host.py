"""The judge's hold on the warm process: starts it, opens sessions, ends what came out of it."""

import contextlib
import dataclasses
import functools
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from autograder.course import Course
from autograder.errors import CourseError, SandboxError
from autograder.sandbox import codec
from autograder.sandbox.namespaces import SWITCH
from autograder.sandbox.session import FORKS, START_SECONDS, Session, read
from autograder.sandbox.watch import Limits

REPLY = struct.Struct(">i")
START = (
    "import sys; sys.path.append(sys.argv[1]); from autograder.sandbox import server; "
    "server.start(int(sys.argv[2]), sys.argv[3], tuple(sys.argv[4:]))"
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

    One session at a time: closing it ends every process that came out of it. It holds the course's
    package as one chapter may see it; for another chapter's it starts anew, so that no worker finds
    in its memory what only another may see. Use it as a context manager. Where `fork` is unsafe
    (not Linux) every session starts a process of its own: slower, otherwise the same.

    Args:
        namespaces: False stays with the base walls, as AUTOGRADER_NAMESPACES=off does.
    """

    def __init__(self, namespaces: bool = True) -> None:
        self._namespaces = namespaces and os.environ.get(SWITCH) != "off"
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._package: Mapping[str, str] | None = None
        self._imported: set[str] = set()

    def __enter__(self) -> "Server":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def open(
        self,
        job: dict[str, Any],
        limits: Limits | None = None,
        package: Mapping[str, str] | None = None,
        imports: Iterable[str] = (),
    ) -> "Session":
        """A new worker that holds `job`; see `worker` for what a job is.

        Args:
            package: module → source; the same for all sessions of a chapter.
            imports: dotted names, in it or in a library, that the warm process imports first.

        Raises:
            SandboxError: the server could not be started.
        """
        limits = limits or Limits()
        ours, theirs = socket.socketpair()
        if FORKS:
            ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        scratch = tempfile.mkdtemp(prefix="autograder-")
        with self._lock, theirs:
            if not FORKS or self._package not in (None, package or {}):
                self._stop()
            control = self._started()
            try:
                self._bring(control, package or {}, set(imports))
                socket.send_fds(control, [b"f"], [theirs.fileno()])
                pid = REPLY.unpack(read(control, REPLY.size, time.monotonic() + START_SECONDS))[0]
            except (OSError, SandboxError) as error:
                self._stop()
                raise SandboxError(f"the warm worker did not answer: {error}") from error
        session = Session(ours, scratch, limits, lambda: self.kill(pid))
        settings = {
            "scratch": scratch,
            "limits": dataclasses.asdict(limits),
            "hidden": _course(),
        }
        session.begin({**job, **settings})
        return session

    def _bring(self, control: socket.socket, package: Mapping[str, str], imports: set[str]) -> None:
        """Hand the package over, once, and what to import of it, once."""
        missing = sorted(imports - self._imported)
        if self._package != package or missing:
            sources = {} if self._package == package else dict(package)
            order = codec.encode({"sources": sources, "imports": missing})
            control.sendall(b"p" + order)
            self._package = package
            self._imported |= set(missing)

    def kill(self, pid: int) -> None:
        """End a worker and every process that came out of it."""
        with self._lock, contextlib.suppress(OSError, SandboxError):
            if not FORKS:
                self._stop()
            elif self._control is not None:
                self._control.sendall(b"k" + REPLY.pack(pid))
                read(self._control, REPLY.size, time.monotonic() + START_SECONDS)

    def start(self) -> None:
        """Have the warm process import while something else is done."""
        with self._lock:
            self._started()

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
        self._package, self._imported = None, set()

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
                        *_course(),
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
