"""The system-call filter, played as the kernel plays it, for both architectures."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from autograder.sandbox import landlock, seccomp, syscalls

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("machine", sorted(syscalls.ARCHITECTURES))
def test_the_filter_answers_alike_on_both_architectures(machine):
    code = seccomp.program(machine, 42)
    number = syscalls.numbers(syscalls.ALLOWED + "," + syscalls.CHECKED, machine)
    ours = syscalls.ARCHITECTURES[machine][1]

    def answer(name, *arguments, architecture=ours):
        return played(code, number.get(name, name), architecture, arguments)

    assert answer("read") == answer("futex") == answer("exit_group") == seccomp.ALLOW
    assert answer("read", architecture=0x40000003) == seccomp.KILL
    assert answer(435) == seccomp.ENOSYS and answer(200_000) == seccomp.ENOSYS
    assert answer(seccomp.X32 + 1) == seccomp.KILL
    assert answer("clone", 0x3D0F00) == seccomp.ALLOW  # as pthread_create asks
    assert answer("clone", 0x1200011) == answer("clone", 17) == seccomp.EPERM  # as fork asks
    assert answer("clone", 0x10010000) == seccomp.EPERM  # a thread in a namespace of its own
    assert answer("kill", 42, 9) == answer("tgkill", 42, 43, 6) == seccomp.ALLOW
    assert answer("clone", 0x10900) == seccomp.EPERM  # a table of open files of its own
    assert answer("kill", 43, 9) == answer("kill", 2**32 - 1, 9) == seccomp.EPERM
    assert answer("fcntl", 0, 3) == answer("ioctl", 0, 0x5401) == seccomp.ALLOW
    assert answer("fcntl", 0, 6) == answer("fcntl", 0, 37) == seccomp.EPERM  # locks
    assert answer("fcntl", 0, 8) == answer("ioctl", 0, 0x5412) == seccomp.EPERM
    for flags in (0, 0x80000, 1, 0x241, 2, 0x242):  # reading; writing, over what is there or not
        assert answer("openat", -100, 0, flags) == seccomp.ALLOW
    for flags in (0x200, 3, 0x203, 0x80200):  # emptied when read; neither read nor written
        assert answer("openat", -100, 0, flags) == seccomp.EPERM
    assert answer(437) == seccomp.ENOSYS  # openat2, whose flags cannot be seen
    every = {n for n in range(500) if played(code, n, ours, (0,) * 6) == seccomp.ALLOW}
    assert every <= set(number.values())


def played(code, number, architecture, arguments):
    """The kernel's small machine, as far as the filter needs it."""
    words = {0: number, 4: architecture, **{16 + 8 * i: a for i, a in enumerate(arguments)}}
    place, value = 0, 0
    while True:
        operation, yes, no, k = code[place]
        place += 1
        if operation == seccomp.ANSWER:
            return k
        if operation == seccomp.LOAD:
            value = words.get(k, 0) & 0xFFFFFFFF
            continue
        holds = {
            seccomp.EQUAL: value == k, seccomp.GREATER: value > k,
            seccomp.AT_LEAST: value >= k, seccomp.ANY_BIT: bool(value & k),
        }[operation]  # fmt: skip
        place += yes if holds else no


EMPTY_IT = """
import os, sys
from autograder.sandbox import kernel, landlock, seccomp
real, known, scratch, others, readable = kernel.call, *sys.argv[1:]
def call(number, *arguments):
    asked = number == landlock.CREATE and arguments[0] is None
    return int(known) if asked else real(number, *arguments)
kernel.call = call
kernel.keep_capabilities(0)
kernel.prctl(kernel.SET_NO_NEW_PRIVS, 1)
landlock.READABLE += (readable,)
landlock.confine(scratch)
seccomp.confine()
for name in (others, readable):
    for mode in (os.O_RDONLY, os.O_WRONLY, os.O_RDWR, 3):
        try: os.open(name, mode | os.O_TRUNC)
        except OSError: pass
open(scratch + "/mine", "w").write("mine")
"""


@pytest.mark.skipif(not (landlock.version() and seccomp.version()), reason="a wall is missing")
@pytest.mark.parametrize("known", [1, 2, 3])
def test_no_file_is_emptied_where_landlock_does_not_know_of_it(tmp_path, known):
    """Linux 6.1 and older: `open` for neither reading nor writing passed, and emptied any file."""
    scratch, others, readable = (tmp_path / name for name in ("scratch", "others", "readable"))
    scratch.mkdir()
    for file in (others, readable):
        file.write_text("points")
    command = [sys.executable, "-c", EMPTY_IT, str(known), scratch, others, readable]
    subprocess.run(command, check=True, cwd=ROOT, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert (others.read_text(), readable.read_text()) == ("points", "points")
    assert (scratch / "mine").read_text() == "mine"
