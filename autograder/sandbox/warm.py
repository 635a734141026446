"""The judge's hold on the process that imports once for all. `server` is what runs in it.

Imports nothing that takes time, so that the warm process can import while the judge does.
"""

import atexit
import contextlib
import functools
import os
import select
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from autograder.course import Course
from autograder.errors import CourseError
from autograder.sandbox.watch import remove

FORKS = sys.platform == "linux"
"""Whether a process that has imported torch may fork."""

SWITCH = "AUTOGRADER_NAMESPACES"
"""Set to "off" in the environment, this keeps grading to the base walls."""

START = (
    "import gc, sys; gc.disable(); sys.path.append(sys.argv[1]); "
    "from autograder.sandbox import server; "
    "server.start(int(sys.argv[2]), sys.argv[3], tuple(sys.argv[4:]))"
)
"""The warm process's first lines: -I keeps folder and environment out of `sys.path`; an import
makes no garbage worth a search, and is a fifth quicker without."""

SINGLE_THREAD = {
    name: "1"
    for name in (
        "OMP_NUM_THREADS",
        "MKL_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "NUMEXPR_NUM_THREADS",
    )
}
PATIENCE = 5.0
"""Seconds that a process may take to end by itself."""

FOLDER = "autograder-run-"
"""How the name of a run's folder begins, where all folders for temporary files are."""

SETTLED = 60.0
"""Seconds after which a run has surely locked the folder that it made."""


class Warm:
    """A process that imports torch, and then forks a server for each judge that asks.

    It begins to import at once, and is asked through a socket that forked judges share. Use it as
    a context manager; where nobody does, it ends with the interpreter. Where `fork` is unsafe (not
    Linux) each server is a process of its own.

    Args:
        namespaces: False stays with the base walls, as AUTOGRADER_NAMESPACES=off does.

    `folder` is where workers' scratch folders are made; it goes when this is closed.
    """

    def __init__(self, namespaces: bool = True) -> None:
        self._namespaces = namespaces and os.environ.get(SWITCH) != "off"
        self._owner = os.getpid()
        self.folder, self._lock = _own_folder()
        atexit.register(self.close)
        self.process: subprocess.Popen[bytes] | None = None
        self._orders: socket.socket | None = None
        if FORKS:
            self._orders, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            with theirs:
                self._start(theirs)

    def __enter__(self) -> "Warm":
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def server(self) -> socket.socket:
        """A connection to a new server.

        Raises:
            OSError: the process is gone.
        """
        ours, theirs = socket.socketpair()
        with theirs:
            if self._orders is None:
                self._start(theirs)
                return ours
            try:
                socket.send_fds(self._orders, [b"s"], [theirs.fileno()])
            except OSError:
                ours.close()
                raise
        return ours

    def close(self) -> None:
        """Stop the process, and with it its servers and their workers."""
        if self._orders is not None:
            self._orders.close()
        if os.getpid() != self._owner:  # a forked judge: the process is not its own
            return
        atexit.unregister(self.close)
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None
        if self._lock is not None:
            remove(self.folder)
            os.close(self._lock)
            self._lock = None

    def _start(self, theirs: socket.socket) -> None:
        arguments = [
            str(Path(__file__).parents[2]),
            str(theirs.fileno()),
            "on" if self._namespaces else "off",
            *course(),
        ]
        home = {"PATH": os.defpath, "MPLBACKEND": "Agg", "HOME": tempfile.gettempdir()}
        self.process = subprocess.Popen(
            [sys.executable, "-I", "-c", START, *arguments],
            pass_fds=[theirs.fileno()],
            env={**home, **SINGLE_THREAD},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            cwd=tempfile.gettempdir(),
            process_group=0,  # Ctrl-C is for the judge, with which it ends
        )


def _own_folder() -> tuple[str, int | None]:
    """A new folder and the lock on it, which a judge that is forked holds as well.

    What a run that was killed has left there is taken away: nobody holds its lock.
    """
    import fcntl  # not on Windows, where nothing is graded

    for old in Path(tempfile.gettempdir()).glob(f"{FOLDER}*"):
        with contextlib.suppress(OSError):
            there = old.lstat()
            if there.st_uid != os.getuid() or time.time() - there.st_mtime < SETTLED:
                continue
            lock = os.open(old, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                remove(str(old))
            finally:
                os.close(lock)
    folder = tempfile.mkdtemp(prefix=FOLDER)
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    fcntl.flock(lock, fcntl.LOCK_EX)
    return folder, lock


@functools.lru_cache
def course() -> list[str]:
    """The course's folder, for the case that it lies among Python's libraries."""
    try:
        return [str(Course.find().root)]
    except CourseError:
        return []


def hung_up(connection: socket.socket) -> bool:
    """Whether the other end is gone."""
    poll = select.poll()
    poll.register(connection, 0)
    return bool(poll.poll(0))
