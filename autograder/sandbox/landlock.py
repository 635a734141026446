"""The file wall: a worker reads Python and its libraries, writes its scratch folder, no more.

Landlock (Linux 5.13 and later) needs no privilege and cannot be taken off again. The course's
folder, the home folder, other learners' files, other processes' /proc and executing any program
are outside the wall; where the kernel is new enough, so are TCP connections and signals to
processes outside the worker. A few ctypes lines, because the interface is three system calls and
the bindings on the package index bring no more.

The course itself stays closed where it was installed among those libraries, or beside a virtual
environment of its own.
"""

import functools
import os
import stat
import struct
import sys
from collections.abc import Iterable
from pathlib import Path

from autograder.sandbox import kernel

CREATE, ADD, RESTRICT = 444, 445, 446
WRITE_FILE, READ_FILE, READ_DIR, TRUNCATE = 1 << 1, 1 << 2, 1 << 3, 1 << 14
OF_FILES = 1 | WRITE_FILE | READ_FILE | TRUNCATE | 1 << 15
RIGHTS = (0, 13, 14, 15, 15, 16, 16)
"""How many kinds of file access version 0, 1, 2 … of Landlock handles."""
READABLE = (
    "/usr/lib", "/usr/lib64", "/usr/share", "/usr/local/lib", "/usr/local/share/fonts",
    "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime", "/etc/fonts",
    "/dev/null", "/dev/zero", "/dev/urandom", "/proc/cpuinfo", "/proc/meminfo",
    "/sys/devices/system/cpu",
)  # fmt: skip
"""Not all of /usr: nbgrader's exchange, with what others handed in, is at home in /usr/local."""
OWN = ("stat", "statm", "status")
"""Of a worker's own folder in /proc: not its descriptors, environment, arguments, memory."""

COURSE = Path(__file__).resolve().parents[2]
"""The folder around the package: site-packages, or the course itself."""


def version() -> int:
    """The kernel's Landlock version; 0 where there is none."""
    try:
        return kernel.call(CREATE, None, 0, 1)
    except OSError:
        return 0


def confine(scratch: str, hidden: Iterable[str] = ()) -> None:
    """Put the wall around this process, for good; no_new_privs must be set.

    Args:
        scratch: the one folder that may be written.
        hidden: folders that stay closed though they may stand among Python's libraries.

    Raises:
        OSError: the kernel has no Landlock, or refused.
    """
    known = kernel.call(CREATE, None, 0, 1)
    handled = (1 << RIGHTS[min(known, len(RIGHTS) - 1)]) - 1
    network = 0b11 if known >= 4 else 0
    scoped = 0b11 if known >= 6 else 0
    size = {1: 8, 2: 8, 3: 8, 4: 16, 5: 16}.get(known, 24)
    rules = kernel.call(CREATE, struct.pack("QQQ", handled, network, scoped)[:size], size, 0)
    read = (READ_FILE | READ_DIR) & handled
    own = os.readlink("/proc/self")  # not getpid: /proc may number processes otherwise
    _allow(rules, [f"/proc/{own}/{name}" for name in OWN], read)
    shown, listed = places(tuple(hidden))
    _allow(rules, shown, read)
    _allow(rules, listed, READ_DIR)
    _allow(rules, ["/dev/null"], (READ_FILE | WRITE_FILE) & handled)
    _allow(rules, [scratch], handled & ~1)
    kernel.call(RESTRICT, rules, 0)
    os.close(rules)


@functools.cache
def places(hidden: tuple[str, ...]) -> tuple[list[Path], list[Path]]:
    """What may be read, and what may only be listed; the warm process finds it out once."""
    closed = [*course_files(), *(Path(folder).resolve() for folder in hidden)]
    shown, listed = [], []
    for place in _libraries():
        if place.exists():
            below, names = without(place, closed)
            shown += below
            listed += names
    return shown, listed


def course_files() -> list[Path]:
    """What a worker may not read though it may stand among Python's libraries."""
    if (COURSE / "solutions").is_dir():
        return [COURSE]
    return [COURSE / "minitransformer", COURSE / "autograder"]


def _libraries() -> Iterable[Path]:
    """Not the folders around them: a class and its virtual environment may share one."""
    own = (
        f"{prefix}/{lib}" for prefix in (sys.prefix, sys.base_prefix) for lib in ("lib", "lib64")
    )
    return {Path(place).resolve() for place in (*READABLE, *own)}


def without(place: Path, hidden: Iterable[Path]) -> tuple[list[Path], list[Path]]:
    """A folder without some that lie in it: what may be read, and what may only be listed.

    A rule of Landlock opens all that is below; so every folder on the way down to a hidden one
    is opened child by child.
    """
    inside = [path for path in hidden if path != place and path.is_relative_to(place)]
    if place in hidden:
        return [], []
    if not inside:
        return [place], []
    shown, listed = [], [place]
    for child in place.iterdir():
        if child.is_symlink():
            continue  # its target has a rule of its own, or none
        below, names = without(child, inside)
        shown += below
        listed += names
    return shown, listed


def _allow(rules: int, paths: Iterable[str | Path], rights: int) -> None:
    for path in paths:
        try:
            descriptor = os.open(path, os.O_PATH | os.O_CLOEXEC)
        except OSError:
            continue  # not on this system: nothing to allow
        is_folder = stat.S_ISDIR(os.fstat(descriptor).st_mode)
        allowed = rights if is_folder else rights & OF_FILES
        kernel.call(ADD, rules, 1, struct.pack("=Qi", allowed, descriptor), 0)
        os.close(descriptor)
