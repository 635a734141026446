"""The system-call filter, played as the kernel plays it, for both architectures."""

import pytest

from autograder.sandbox import seccomp, syscalls


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
    assert answer("kill", 43, 9) == answer("kill", 2**32 - 1, 9) == seccomp.EPERM
    assert answer("fcntl", 0, 3) == answer("ioctl", 0, 0x5401) == seccomp.ALLOW
    assert answer("fcntl", 0, 6) == answer("fcntl", 0, 37) == seccomp.EPERM  # locks
    assert answer("fcntl", 0, 8) == answer("ioctl", 0, 0x5412) == seccomp.EPERM
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
