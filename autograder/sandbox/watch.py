"""What one worker may use, and the judge's eye on it where the kernel's own limits do not reach.

The kernel limits a process's address space and the size of a file for everybody; it counts
processes for each user and not for root, and it counts neither a folder's size nor the threads of
one process. So the judge looks itself, several times a second, for as long as it waits. While it
looks into the folder the worker stands still: nothing is moved about behind its eye.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass

from autograder.errors import WorkerCrashed, WorkerTimeout

PERIOD = 0.05
"""Seconds between two looks at time and threads."""

FOLDER_PERIOD = 0.25
"""Seconds between two looks at the scratch folder, which take longer."""

MAX_ENTRIES = 4096
"""Files and folders in the scratch folder."""

STANDSTILL = 0.01
"""Seconds to wait, at most, for a worker that was told to stand still."""

THREADS_COUNT = 1.5
"""Processor seconds for each second of the clock: one thread's work, and a little help."""

TICKS = os.sysconf("SC_CLK_TCK") if hasattr(os, "sysconf") else 100


@dataclass(frozen=True)
class Limits:
    """What one worker may use.

    Args:
        seconds: wall-clock seconds for one cell, and for one exercise in all its trials; the
            processor may work `THREADS_COUNT` times as long, in all threads together.
        memory: bytes of address space on top of what its server has.
        file_size: bytes of any file it writes.
        scratch: bytes of its scratch folder, all files together.
        threads: how many at a time.
        device: where probes run. A GPU's driver wants more than the walls allow, so with "cuda"
            Landlock, the system-call filter and the limit on memory are left out.
    """

    seconds: float = 10.0
    memory: int = 2 * 2**30
    file_size: int = 64 * 2**20
    scratch: int = 128 * 2**20
    threads: int = 128
    device: str = "cpu"


class Watch:
    """An eye on one worker.

    Args:
        pid: its process number here.
        scratch: its folder.
        limits: what it may use.
    """

    def __init__(self, pid: int, scratch: str, limits: Limits) -> None:
        self.pid, self.scratch, self.limits = pid, scratch, limits
        self._begun = self._allowed = 0.0
        self._next = 0.0
        self._next_folder = time.monotonic() + FOLDER_PERIOD

    def begin(self, seconds: float) -> None:
        """Count processor time from here on, for a wait of so many seconds."""
        self._begun = self._used()[0]
        self._allowed = THREADS_COUNT * seconds

    def cost(self) -> float:
        """What was used since `begin`, as seconds of one exercise's limit."""
        return max(self._used()[0] - self._begun, 0.0) / THREADS_COUNT

    def look(self) -> None:
        """Look, if it is time to.

        Raises:
            WorkerTimeout: its threads worked for longer than allowed.
            WorkerCrashed: it has too many threads or files, or half ended: its first thread, by
                which it is watched.
        """
        now = time.monotonic()
        if now < self._next:
            return
        self._next = now + PERIOD
        seconds, threads = self._used()
        if threads > 1 and _status(self.pid)[0] == "Z":
            raise WorkerCrashed("the worker ended")
        if seconds - self._begun > self._allowed:
            raise WorkerTimeout("the worker was stopped at its limit of processor time")
        if threads > self.limits.threads:
            raise WorkerCrashed(f"the worker was stopped: it had {threads} threads")
        if now >= self._next_folder:
            self._next_folder = now + FOLDER_PERIOD
            with _standing_still(self.pid):
                room = self.limits.scratch - self._nameless()
                fits = room >= 0 and _small(self.scratch, room)
            if not fits:
                raise WorkerCrashed("the worker was stopped: it filled its folder")

    def _nameless(self) -> int:
        """Bytes of files that no folder names any more; of one only mapped, what it may hold."""
        sizes: dict[int, int] = {}
        inside = f" {os.path.realpath(self.scratch)}/"
        with contextlib.suppress(OSError):  # it has ended, or is another user's in its own folder
            with open(f"/proc/{self.pid}/maps", encoding="utf-8", errors="replace") as file:
                for line in file:
                    if line.endswith(" (deleted)\n") and inside in line:
                        sizes[int(line.split()[4])] = self.limits.file_size
            for number in os.listdir(f"/proc/{self.pid}/fd"):
                with contextlib.suppress(FileNotFoundError):
                    seen = os.stat(f"/proc/{self.pid}/fd/{number}")
                    if seen.st_nlink == 0:
                        sizes[seen.st_ino] = 512 * seen.st_blocks
        return sum(sizes.values())

    def _used(self) -> tuple[float, int]:
        """Processor seconds and number of threads; zeros when it has ended."""
        fields = _status(self.pid)
        return (int(fields[11]) + int(fields[12])) / TICKS, int(fields[17])


def _status(pid: int) -> list[str]:
    """What the system says of a process, from its state on; zeros when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as file:
            return file.read().rpartition(")")[2].split()
    except OSError:
        return ["0"] * 20


@contextlib.contextmanager
def _standing_still(pid: int) -> Iterator[None]:
    """Stop a process for a moment, all its threads."""
    with contextlib.suppress(OSError):  # it has ended
        os.kill(pid, signal.SIGSTOP)
    end = time.monotonic() + STANDSTILL
    while time.monotonic() < end and _status(pid)[0] not in "TZ0":
        time.sleep(STANDSTILL / 20)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGCONT)


def _small(folder: str, size: int) -> bool:
    """Whether all files below a folder are together no larger than `size`, and not too many."""
    waiting, entries = [folder], 0
    while waiting:
        try:
            with os.scandir(waiting.pop()) as found:
                for entry in found:
                    entries += 1
                    size -= 512 * entry.stat(follow_symlinks=False).st_blocks
                    if size < 0 or entries > MAX_ENTRIES:
                        return False
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
        except FileNotFoundError:
            continue
        except OSError:  # closed to us, or deeper than a path can be
            return False
    return True


def remove(folder: str) -> None:
    """Delete a scratch folder, whatever was made of it."""
    with contextlib.suppress(RecursionError):  # folders in folders in folders
        shutil.rmtree(folder, ignore_errors=True)
    if os.path.exists(folder):
        for command in (["chmod", "-R", "u+rwX", folder], ["rm", "-rf", folder]):
            subprocess.run(command, check=False, stderr=subprocess.DEVNULL)
