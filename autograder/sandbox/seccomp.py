"""The system-call filter: what a worker may ask the kernel for, checked by the kernel itself.

A program of the kernel's small packet-filter language, made here by hand and put in place with
one `prctl`. No binding: the one on the package index wants a C library that pip cannot bring, and
it hides the program, which here is a list of (code, jump, jump, value) that the tests run on both
architectures. It needs no privilege, holds for every thread, and cannot be taken off again.

What is not in `syscalls.ALLOWED` is refused: sockets of any kind, exec, new processes, ptrace and
reading other processes' memory, shared memory and messages, mounts and namespaces, io_uring, bpf,
keyrings, perf, userfaultfd, file handles. Signals reach only the process itself. `clone3` is
answered "no such call", so that the C library makes threads with `clone`, whose flags can be seen.
"""

import ctypes
import os
import platform
import struct
import sys
from collections.abc import Sequence

from autograder.sandbox import kernel
from autograder.sandbox.syscalls import ALLOWED, ARCHITECTURES, CHECKED, numbers

LOAD, EQUAL, GREATER, AT_LEAST, ANY_BIT, ANSWER = 0x20, 0x15, 0x25, 0x35, 0x45, 0x06
ALLOW, KILL, ERRNO = 0x7FFF0000, 0x80000000, 0x00050000
EPERM, ENOSYS = ERRNO | 1, ERRNO | 38
NUMBER, ARCHITECTURE, ARGUMENTS = 0, 4, 16
"""Where the kernel puts the call's number, the architecture and the six arguments."""

X32 = 0x40000000
"""Numbers from here on belong to x86's third set of calls, which nothing of ours uses."""

NEWER = 424
"""From here on numbers are the same everywhere, and programs expect that a call may be missing."""

THREAD, SAME_FILES = 0x00010000, 0x00000400
NAMESPACES = 0x7E020080
"""Flags of `clone`: a thread of this process, with its open files; any new namespace."""

WRITING, BOTH, EMPTIED = 1, 2, 0x200
"""Flags of `open`: writing, both reading and writing, neither of them set when only reading."""

Instruction = tuple[int, int, int, int]


def version() -> int:
    """1 where this kernel filters system calls and we know its architecture, else 0."""
    if sys.platform != "linux" or platform.machine() not in ARCHITECTURES:
        return 0
    try:
        kernel.prctl(kernel.SET_SECCOMP, 2)  # no program: "bad address" where filters are known
    except OSError as error:
        return int(error.errno == 14)
    return 0


def confine() -> None:
    """Put the filter around this process, for good; no_new_privs must be set.

    Raises:
        OSError: the kernel refused.
    """
    code = program(platform.machine(), os.getpid())
    raw = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *one) for one in code))
    head = struct.pack("HxxxxxxQ", len(code), ctypes.addressof(raw))
    address = ctypes.create_string_buffer(head)
    kernel.prctl(kernel.SET_SECCOMP, 2, ctypes.addressof(address))


def program(machine: str, process: int) -> list[Instruction]:
    """The filter for one architecture.

    Args:
        machine: as `platform.machine()` says it.
        process: the worker's process id, as it sees it itself.
    """
    _, architecture = ARCHITECTURES[machine]
    code = [
        (LOAD, 0, 0, ARCHITECTURE),
        (EQUAL, 1, 0, architecture),
        (ANSWER, 0, 0, KILL),
        (LOAD, 0, 0, NUMBER),
        (AT_LEAST, 0, 1, X32),
        (ANSWER, 0, 0, KILL),
    ]
    for first, last in ranges(numbers(ALLOWED, machine).values()):
        code += [(AT_LEAST, 0, 2, first), (GREATER, 1, 0, last), (ANSWER, 0, 0, ALLOW)]
    asked = checks(process)
    for name, number in numbers(CHECKED, machine).items():
        code += [(EQUAL, 0, len(asked[name]), number), *asked[name]]
    return [*code, (AT_LEAST, 0, 1, NEWER), (ANSWER, 0, 0, ENOSYS), (ANSWER, 0, 0, EPERM)]


def ranges(wanted: Sequence[int]) -> list[tuple[int, int]]:
    """Whole numbers as (first, last) of each unbroken row."""
    found: list[tuple[int, int]] = []
    for number in sorted(wanted):
        if found and found[-1][1] == number - 1:
            found[-1] = (found[-1][0], number)
        else:
            found.append((number, number))
    return found


def checks(process: int) -> dict[str, list[Instruction]]:
    """What is asked of the arguments of the calls in `syscalls.CHECKED`."""
    return {
        "open": _opened(1),
        "openat": _opened(2),
        "kill": _one_of(0, (process,)),
        "tgkill": _one_of(0, (process,)),
        "prlimit64": _one_of(0, (0, process)),
        "sched_setaffinity": _one_of(0, (0, process)),
        "clone": _thread(),
        # the name of a thread, and of a piece of memory
        "prctl": _one_of(0, (15, 16, 0x53564D41)),
        # copies and flags; not the signals that a file can send to other processes, nor locks,
        # which others see on files that all can read
        "fcntl": _one_of(1, (0, 1, 2, 3, 4, 1030, 1032)),
        # is it a terminal, and how large; blocking or not; kept over exec or not
        "ioctl": _one_of(1, (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)),
    }


def _one_of(argument: int, values: tuple[int, ...]) -> list[Instruction]:
    """Allow when the low half of an argument (the kernel reads no more of these) is a value."""
    tests = [(EQUAL, len(values) - place, 0, v) for place, v in enumerate(values)]
    load = (LOAD, 0, 0, ARGUMENTS + 8 * argument)
    return [load, *tests, (ANSWER, 0, 0, EPERM), (ANSWER, 0, 0, ALLOW)]


def _opened(argument: int) -> list[Instruction]:
    """Allow what Landlock asks a right for, in every version of it.

    A file opened for neither reading nor writing passes it, and older ones let a file be emptied
    that is opened only for reading.
    """
    return [
        (LOAD, 0, 0, ARGUMENTS + 8 * argument),
        (ANY_BIT, 2, 0, WRITING),
        (ANY_BIT, 3, 0, BOTH),
        (ANY_BIT, 1, 2, EMPTIED),
        (ANY_BIT, 0, 1, BOTH),
        (ANSWER, 0, 0, EPERM),
        (ANSWER, 0, 0, ALLOW),
    ]


def _thread() -> list[Instruction]:
    """Allow a thread of this process, in its namespaces and with its table of open files.

    The judge counts what is written to files that have no name any more by that table.
    """
    return [
        (LOAD, 0, 0, ARGUMENTS),
        (ANY_BIT, 2, 0, NAMESPACES),
        (ANY_BIT, 0, 1, THREAD),
        (ANY_BIT, 1, 0, SAME_FILES),
        (ANSWER, 0, 0, EPERM),
        (ANSWER, 0, 0, ALLOW),
    ]
