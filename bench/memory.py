"""How much memory a process and all that came out of it hold, read from /proc."""

import contextlib
import os
import time
from pathlib import Path

PERIOD = 0.25


class Memory:
    """The most that was held at any look; pages that processes share are counted once."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._next = 0.0

    def look(self, *_: object) -> None:
        """Look, if it is time to."""
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + PERIOD
            self.peak = max(self.peak, sum(map(held, family(os.getpid()))) / 2**20)


def family(pid: int) -> list[int]:
    """A process and all that came out of it."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parent = int(stat.read_text(errors="replace").rpartition(")")[2].split()[1])
            children.setdefault(parent, []).append(int(stat.parent.name))
    found = [pid]
    for one in found:
        found += children.get(one, [])
    return found


def held(pid: int) -> int:
    """KiB of a process's memory, what it shares with others divided among them."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1])
    return 0
