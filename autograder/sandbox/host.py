"""The judge's hold on its server: opens sessions, and ends what came out of them."""

import contextlib
import dataclasses
import os
import select
import signal
import socket
import struct
import tempfile
import threading
import time
from collections.abc import Iterable, Mapping
from typing import Any

from autograder.errors import SandboxError
from autograder.sandbox import codec
from autograder.sandbox.session import START_SECONDS, Session, introduced, read
from autograder.sandbox.warm import FORKS, PATIENCE, Warm, course, hung_up
from autograder.sandbox.watch import Limits, remove

REPLY = struct.Struct(">i")
PAUSES = (0.0, 0.2, 1.0, None)
"""Seconds to wait before a worker is asked for again; then it is given up."""


class Server:
    """A process out of the warm one, which forks a worker for each session.

    One session at a time: closing it ends every process that came out of it. It holds the course's
    package as one chapter may see it; for another chapter's it starts anew, so that no worker finds
    in its memory what only another may see. Use it as a context manager. Where `fork` is unsafe
    (not Linux) every session starts a process of its own: slower, otherwise the same.

    Args:
        namespaces: False stays with the base walls, as AUTOGRADER_NAMESPACES=off does.
        warm: where it comes from, which others may share; one of its own by default.
    """

    def __init__(self, namespaces: bool = True, warm: Warm | None = None) -> None:
        self._namespaces = namespaces
        self._warm, self._shared = warm, warm is not None
        self._lock = threading.Lock()
        self._control: socket.socket | None = None
        self._pid: int | None = None
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
            imports: dotted names, in it or in a library, that the server imports first.

        Raises:
            SandboxError: the server could not be started.
        """
        for pause in PAUSES:
            try:
                return self._opened(job, limits or Limits(), package or {}, set(imports))
            except (OSError, SandboxError):  # it has just ended, or something is short
                if pause is None:
                    raise
                time.sleep(pause)
        raise AssertionError  # the last pause is None

    def _opened(
        self, job: dict[str, Any], limits: Limits, package: Mapping[str, str], imports: set[str]
    ) -> "Session":
        """One try; nothing is left of it if it fails."""
        with contextlib.ExitStack() as undo:
            ours, theirs = socket.socketpair()
            undo.callback(ours.close)
            if FORKS:
                ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
            with self._lock, theirs:
                if not FORKS or self._package not in (None, package):
                    self._stop()
                pid = self._forked(theirs, package, imports)
                scratch = tempfile.mkdtemp(dir=self._warm.folder)
            undo.callback(remove, scratch)
            session = Session(ours, scratch, limits, lambda: self.kill(pid))
            undo.callback(session.close)
            settings = {
                "scratch": scratch,
                "limits": dataclasses.asdict(limits),
                "hidden": course(),
            }
            session.begin({**job, **settings})
            undo.pop_all()
        return session

    def _forked(self, theirs: socket.socket, package: Mapping[str, str], imports: set[str]) -> int:
        """A worker that serves this connection: its number, as the server knows it."""
        control = self._started()
        try:
            if FORKS and self._pid is None:
                self._pid = introduced(control)
            self._bring(control, package, imports)
            socket.send_fds(control, [b"f"], [theirs.fileno()])
            reply = read(control, REPLY.size, time.monotonic() + START_SECONDS)
        except (OSError, SandboxError) as error:
            self._stop()
            raise SandboxError(f"the warm worker did not answer: {error}") from error
        pid: int = REPLY.unpack(reply)[0]
        return pid

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

    def close(self) -> None:
        """Stop the server, and the warm process unless others share it."""
        with self._lock:
            self._stop()
            if self._warm is not None and not self._shared:
                self._warm.close()
                self._warm = None

    def _stop(self) -> None:
        if self._control is not None:
            self._control.close()
        if not FORKS and self._warm is not None:
            self._warm.close()
        if self._pid is not None:
            _end(self._pid)
        self._control = self._pid = None
        self._package, self._imported = None, set()

    def _started(self) -> socket.socket:
        if self._control is None or hung_up(self._control):
            self._stop()
            try:
                self._warm = self._warm or Warm(self._namespaces)
                self._control = self._warm.server()
            except OSError:  # the warm process is gone
                if self._warm is not None and not self._shared:
                    self._warm.close()
                self._warm, self._shared = Warm(self._namespaces), False
                self._control = self._warm.server()
            if FORKS:
                self._control.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        return self._control


def _end(pid: int) -> None:
    """Wait for a process that is about to end, and kill it if it does not."""
    with contextlib.suppress(ProcessLookupError):
        handle = os.pidfd_open(pid)
        try:
            poll = select.poll()
            poll.register(handle, select.POLLIN)
            if not poll.poll(PATIENCE * 1000):
                signal.pidfd_send_signal(handle, signal.SIGKILL)
        finally:
            os.close(handle)
