"""The few calls to the Linux kernel that Python has no name for, through ctypes.

Only the walls of this package come in here. Everything raises `OSError` with the kernel's reason;
nothing is decided here.
"""

import ctypes
import functools
import os
import struct
import sys

SET_PDEATHSIG, SET_NO_NEW_PRIVS, SET_CHILD_SUBREAPER, SET_SECCOMP = 1, 38, 36, 22
SIGKILL = 9
NEW_MOUNTS, NEW_UTS, NEW_IPC, NEW_USER, NEW_PID, NEW_NET = (
    0x00020000, 0x04000000, 0x08000000, 0x10000000, 0x20000000, 0x40000000,
)  # fmt: skip
CAPABILITY_VERSION = 0x20080522
READ_ANY_FILE = 2
"""The number of the capability CAP_DAC_READ_SEARCH."""


@functools.cache
def libc() -> ctypes.CDLL:
    """The C library of this process; on anything but Linux there is nothing to call."""
    if sys.platform != "linux":
        raise OSError("this needs Linux")
    return ctypes.CDLL(None, use_errno=True)


def call(number: int, *arguments: int | bytes | None) -> int:
    """One system call by number.

    Raises:
        OSError: the kernel refused.
    """
    plain = [ctypes.c_long(a) if isinstance(a, int) else ctypes.c_char_p(a) for a in arguments]
    result: int = libc().syscall(ctypes.c_long(number), *plain)
    return _checked(result, f"system call {number}")


def prctl(option: int, value: int, more: int = 0) -> int:
    """A setting of this process.

    Raises:
        OSError: the kernel refused.
    """
    arguments = [ctypes.c_ulong(number) for number in (value, more, 0, 0)]
    return _checked(libc().prctl(option, *arguments), f"prctl {option}")


def unshare(flags: int) -> None:
    """Leave namespaces for new ones. (`os.unshare` is there from Python 3.12 on only.)

    Raises:
        OSError: the system does not allow it.
    """
    _checked(libc().unshare(flags), "unshare")


def join(descriptor: int, kind: int) -> None:
    """Enter the namespace that an open descriptor stands for.

    Raises:
        OSError: the system does not allow it.
    """
    _checked(libc().setns(descriptor, kind), "setns")


def mount(source: str, target: str, kind: str, flags: int = 0, data: str = "") -> None:
    """Mount something in this process's mount namespace.

    Raises:
        OSError: the system does not allow it.
    """
    texts = [text.encode() for text in (source, target, kind)]
    done = libc().mount(*texts, ctypes.c_ulong(flags), data.encode() or None)
    _checked(done, f"mount {kind or flags} at {target}")


def keep_capabilities(kept: int) -> None:
    """Give up every capability but those in the mask; root is nobody special afterwards.

    Raises:
        OSError: the kernel refused.
    """
    sets = b"".join(struct.pack("III", half, half, 0) for half in (kept & 0xFFFFFFFF, kept >> 32))
    header = struct.pack("Ii", CAPABILITY_VERSION, 0)
    _checked(libc().capset(header, sets), "capset")


def _checked(result: int, what: str) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result
