"""Namespaces: on top of the base walls, where the system allows them.

A server, fresh from the warm process, enters what it can: a user namespace (an ordinary user
needs one for all the others), mounts, network, ipc, host name, and process ids, of which it is
number 1. Each worker gets process ids and mounts of its own below that, with a scratch folder of
limited size in memory and everything else read-only. Nothing here is needed for a grade to be
safe: what only namespaces stop is listed in this package's first docstring.

What can be entered is found out in a child process, so that a half-allowed attempt harms nothing.
"""

import contextlib
import os
import signal
import sys

from autograder.sandbox import kernel
from autograder.sandbox.warm import SWITCH

KINDS = {
    "user": kernel.NEW_USER,
    "mount": kernel.NEW_MOUNTS,
    "network": kernel.NEW_NET,
    "ipc": kernel.NEW_IPC,
    "uts": kernel.NEW_UTS,
    "pid": kernel.NEW_PID,
}
NO_SUID, NO_DEV, NO_EXEC, RECURSIVE, PRIVATE = 2, 4, 8, 0x4000, 0x40000
MOUNT_SETATTR, AT_RECURSIVE, READ_ONLY = 442, 0x8000, 1
SCRATCH_FILES = 4096
MACHINE = b"sandbox"


def available() -> tuple[str, ...]:
    """The kinds of namespace that this process may enter; tried in a child process."""
    if sys.platform != "linux" or os.environ.get(SWITCH) == "off":
        return ()
    found = _tried(tuple(KINDS))
    if "user" not in found:  # root may still be allowed the others
        found = _tried(tuple(kind for kind in KINDS if kind != "user"))
    return found


def _tried(wanted: tuple[str, ...]) -> tuple[str, ...]:
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        with contextlib.suppress(BaseException):
            os.write(writing, ",".join(_entered(wanted)).encode())
        os._exit(0)
    os.close(writing)
    with open(reading, encoding="ascii") as answer:
        found = answer.read()
    os.waitpid(child, 0)
    return tuple(filter(None, found.split(",")))


def _entered(wanted: tuple[str, ...]) -> list[str]:
    """Enter them one after the other; those that could be."""
    found = []
    for kind in wanted:
        with contextlib.suppress(OSError):
            _enter(kind)
            found.append(kind)
    return found


def _enter(kind: str) -> None:
    owner, group = os.getuid(), os.getgid()
    kernel.unshare(KINDS[kind])
    if kind == "user":  # the same name inside, and nobody else's
        for file, text in (("setgroups", "deny"), ("uid_map", owner), ("gid_map", group)):
            line = text if isinstance(text, str) else f"{text} {text} 1"
            with open(f"/proc/self/{file}", "w", encoding="ascii") as settings:
                settings.write(line)
        os.stat(os.__file__)  # root without its powers may not reach an other user's Python
    elif kind == "mount":
        kernel.mount("none", "/", "", RECURSIVE | PRIVATE)
    elif kind == "uts":
        kernel.libc().sethostname(MACHINE, len(MACHINE))
    elif kind == "pid" and _forked():
        raise OSError("workers cannot have process numbers of their own")


def _forked() -> int:
    """Status of a first process in the new process numbers that makes numbers below its own."""
    child = os.fork()
    if child:
        return os.waitpid(child, 0)[1]
    with contextlib.suppress(BaseException):
        with open("/proc/self/ns/pid", "rb") as own:
            kernel.unshare(kernel.NEW_PID)
            kernel.join(own.fileno(), kernel.NEW_PID)
        os._exit(0)
    os._exit(1)


class Namespaces:
    """What a server entered, and what its workers enter below it.

    Args:
        wanted: kinds, from `available`.
    """

    def __init__(self, wanted: tuple[str, ...]) -> None:
        self.kinds = wanted

    def enter(self) -> None:
        """The server's part. Comes back in process 1 of the new ids.

        From here on it ends with the process that started it.

        Raises:
            OSError: what was available is not any more.
        """
        for kind in self.kinds:
            if kind != "pid":
                _enter(kind)
        if sys.platform == "linux":  # a new user namespace would have undone it
            kernel.prctl(kernel.SET_PDEATHSIG, signal.SIGKILL)
        if "pid" in self.kinds:
            kernel.unshare(kernel.NEW_PID)
            child = os.fork()
            if child:
                os.waitpid(child, 0)
                os._exit(0)
            kernel.prctl(kernel.SET_PDEATHSIG, signal.SIGKILL)
        if "mount" in self.kinds:
            _new_proc()

    def fork(self) -> int:
        """`os.fork`, the child being process 1 of ids of its own where that is possible."""
        if "pid" not in self.kinds:
            return os.fork()
        with open("/proc/self/ns/pid", "rb") as own:
            kernel.unshare(kernel.NEW_PID)
            child = os.fork()
            if child:
                kernel.join(own.fileno(), kernel.NEW_PID)
        return child

    def settle(self, scratch: str, size: int) -> None:
        """The worker's part: everything read-only but a scratch folder of `size` bytes, in memory.

        Raises:
            OSError: the system refused what it allowed before.
        """
        if "mount" not in self.kinds:
            return
        kernel.unshare(kernel.NEW_MOUNTS)
        _new_proc()
        attributes = b"".join(n.to_bytes(8, "little") for n in (READ_ONLY, 0, 0, 0))
        kernel.call(MOUNT_SETATTR, -100, b"/", AT_RECURSIVE, attributes, len(attributes))
        limits = f"size={size},nr_inodes={SCRATCH_FILES},mode=700"
        kernel.mount("scratch", scratch, "tmpfs", NO_SUID | NO_DEV | NO_EXEC, limits)

    def end_all(self) -> bool:
        """Kill every process below this one; False where only process 1 could."""
        if "pid" not in self.kinds:
            return False
        with contextlib.suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
        with contextlib.suppress(ChildProcessError):
            while True:
                os.waitpid(-1, 0)
        return True


def _new_proc() -> None:
    """/proc as the new process numbers tell it; a container may not allow it: then Landlock does.

    The file wall opens a worker's own folder in /proc only, by its number in whichever is mounted.
    """
    with contextlib.suppress(OSError):
        kernel.mount("proc", "/proc", "proc", NO_SUID | NO_DEV | NO_EXEC)
