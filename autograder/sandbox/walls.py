"""All walls in their order: put around a worker before it runs a line of a learner's, and told.

The base needs no privilege and must stand for a class to be graded; namespaces come on top.
"""

import contextlib
import os
import resource
import sys
from dataclasses import dataclass
from typing import Any

from autograder.errors import SandboxError
from autograder.sandbox import kernel, landlock, namespaces, seccomp
from autograder.sandbox.namespaces import Namespaces

CPU_LIMITS = 30
"""A whole session may take this many times the limit of one exercise in processor time."""

OPEN_FILES = 256

WAITING_SIGNALS = 64
"""More would be taken from what the user may have waiting, in all processes together."""

NO_DUMP = 1
"""A limit of 0 still lets the system pipe a crashed process's memory into a program; 1 does not."""

ENDED_FIRST = "1000"
"""Where memory runs out: the worker, and never the judge."""


@dataclass(frozen=True)
class Wall:
    """One wall, and whether it stands on this system.

    Args:
        name: what it stops, in a line.
        base: whether no class is graded without it.
        stands: whether this system has it.
    """

    name: str
    base: bool
    stands: bool


def standing() -> tuple[Wall, ...]:
    """Every wall, as a session on this system would have it."""
    spaces = namespaces.available()
    on_top = (Wall(f"{kind} namespace", False, kind in spaces) for kind in namespaces.KINDS)
    return (*base(), *on_top)


def base() -> tuple[Wall, ...]:
    """Those without which no class is graded; found out without a new process."""
    linux = sys.platform == "linux"
    return (
        Wall("another process than the judge's, without its files and environment", True, True),
        Wall("the references of the chapter taken out", True, True),
        Wall("limits on time, memory, files and threads", True, linux),
        Wall("no privileges, and none to be gained (no_new_privs)", True, linux),
        Wall(
            "only Python's libraries read, only a scratch folder written (Landlock)",
            True, landlock.version() > 0,
        ),
        Wall(
            "no sockets, programs, processes or signals to others (system-call filter)",
            True, seccomp.version() > 0,
        ),
    )  # fmt: skip


def require(known: tuple[Wall, ...] | None = None) -> None:
    """Every base wall stands.

    Args:
        known: from `standing` or `base`, where it was asked before.

    Raises:
        SandboxError: one does not; says which, and what to do.
    """
    missing = [wall.name for wall in known or base() if wall.base and not wall.stands]
    if missing:
        raise SandboxError(
            f"a class is not graded without these walls, which this system lacks: "
            f"{'; '.join(missing)}. Grade on Linux 5.13 or later (on macOS and Windows in a Linux "
            f"container or virtual machine), or take the risk with --unsafe: then submissions can "
            f"read and change your files. Your own work can be checked here all the same"
        )


def confine(job: dict[str, Any], channel: int, spaces: Namespaces) -> None:
    """Put up every wall that this system has, for good. The order matters.

    Args:
        job: "scratch" and "limits", as `host.Server.open` sends them.
        channel: the one descriptor that stays open.
        spaces: what the server entered.

    Raises:
        OSError: a wall could not be put up; nothing of the learner's may run.
    """
    scratch, limits = job["scratch"], job["limits"]
    linux = sys.platform == "linux"
    if linux:
        kernel.prctl(kernel.SET_PDEATHSIG, kernel.SIGKILL)
        _offer_to_be_ended()
        spaces.settle(scratch, limits["scratch"])
    os.chdir(scratch)
    _forget_descriptors(channel)
    _limit_all(limits)
    if linux:
        kernel.keep_capabilities(_kept_capabilities(spaces))
        kernel.prctl(kernel.SET_NO_NEW_PRIVS, 1)
    if limits["device"] != "cpu":
        return
    if landlock.version():
        landlock.confine(scratch, job["hidden"])
    if seccomp.version():
        seccomp.confine()


def _forget_descriptors(channel: int) -> None:
    silent = os.open(os.devnull, os.O_RDWR)
    for descriptor in (0, 1, 2):
        os.dup2(silent, descriptor)
    os.closerange(3, channel)
    os.closerange(channel + 1, 2**16)


def _offer_to_be_ended() -> None:
    with (
        contextlib.suppress(OSError),  # a container may not have it
        open("/proc/self/oom_score_adj", "w", encoding="ascii") as file,
    ):
        file.write(ENDED_FIRST)


def _limit_all(limits: dict[str, Any]) -> None:
    if limits["device"] == "cpu":  # a GPU's driver maps more than there is
        _limit(resource.RLIMIT_AS, _address_space() + limits["memory"])
    _limit(resource.RLIMIT_FSIZE, limits["file_size"])
    _limit(resource.RLIMIT_CPU, int(CPU_LIMITS * limits["seconds"]) + 1)
    _limit(resource.RLIMIT_CORE, NO_DUMP)
    _limit(resource.RLIMIT_NOFILE, OPEN_FILES)
    if sys.platform == "linux":
        _limit(resource.RLIMIT_SIGPENDING, WAITING_SIGNALS)


def _limit(kind: int, value: int) -> None:
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    try:
        resource.setrlimit(kind, (value, value))
    except (ValueError, OSError):  # macOS knows no limit on address space
        if sys.platform == "linux":
            raise


def _address_space() -> int:
    try:
        with open("/proc/self/statm", encoding="ascii") as file:
            return int(file.read().split()[0]) * resource.getpagesize()
    except OSError:
        return 2**36


def _kept_capabilities(spaces: Namespaces) -> int:
    """None; but root outside a user namespace may need one to reach another user's Python."""
    if os.geteuid() or "user" in spaces.kinds:
        return 0
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        held = next(int(line.split()[1], 16) for line in file if line.startswith("CapPrm:"))
    return held & 1 << kernel.READ_ANY_FILE
