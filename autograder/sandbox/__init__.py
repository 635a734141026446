"""Where learner code runs: another process than the judge's. It runs code and never scores.

The judge opens a `Session` for a submission, hands it the notebook's cells, then asks for one
observation after the other. A warm process imports torch once; from it comes a server for each
judge, and from the server a worker for each session. `walls.confine` puts these around a worker
before the learner's first line:

- another process: the judge's memory, specifications, expected values and secret are not in it,
  nor the packages of the course; a `minitransformer` without the chapter's references stands in;
- no environment, arguments or open files that tell anything; no input, no output;
- no privileges, and none to be gained: capabilities dropped (but root's, outside a user namespace,
  to read what another user owns, as far as Landlock lets it), no_new_privs;
- Landlock: Python's libraries and the system's, with fonts and time zones, can be read and a
  scratch folder written, and nothing else;
- a system-call filter: no sockets, programs, new processes, tracing, shared memory, mounts;
  no signals to others, no locks that others see, no modes, owners, times or attributes of files
  changed, and none emptied that Landlock, in its older versions, would let be emptied;
- limits: memory, file size, open files and waiting signals by the kernel; time, threads and the
  scratch folder, with files that have no name any more, by the judge's eye (`watch`), which ends
  the worker and every process that came out of it; where the machine's memory runs out, the
  kernel ends a worker first;
- where the system allows: user, pid, mount, network, ipc and uts namespaces. Only these hide the
  numbers of other processes (and with a number, its priority and cores) and the machine's name,
  keep the scratch folder in memory, make all else read-only for the kernel as well, and stand
  behind the filter and Landlock should one of them have a hole.

Not covered: whether a file exists, how large and how old it is, whose, and where a link leads can
be asked of any path; facts of the machine (kernel, processors, clock) can be read, and by its load
and caches, and the time at which a library's file was last read, two submissions that are graded
on it could signal to each other; each worker has a memory limit of its own, and all together have
none; the judge looks some twenty times a second, and for that moment a worker may have thousands
of threads; a GPU, whose driver wants more than Landlock, the filter and a limit on memory allow
(`Limits.device`; `grade` asks for --unsafe); holes in the kernel; torch's own functions, which are
a policy (`bounds`).
Each line has its tests in `test_threats_walls` and `test_threats_exhaust`, run with and without
namespaces. Without the base walls (not Linux, or older than 5.13) `grade` refuses;
`autograder doctor` tells.
"""

from typing import Any

__all__ = ["Limits", "Server", "Session"]


def __getattr__(name: str) -> Any:
    """The judge's end, loaded on first use: the walls are put up before torch is imported."""
    if name in __all__:
        from autograder.sandbox import host

        return getattr(host, name)
    raise AttributeError(f"the sandbox has no {name!r}; it has {', '.join(__all__)}")
