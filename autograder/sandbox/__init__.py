"""Where learner code runs: another process than the judge's. It runs code and never scores.

The judge opens a `Session` for a submission, hands it the notebook's cells, then asks for one
observation after the other. Behind it a warm server has imported torch once and forks a worker
for each session. What stands between worker and machine today:

- another process: the judge's memory, specifications, expected values and secret are not in it;
- the packages `autograder` and `minitransformer` of the course are taken out of the worker; a
  `minitransformer` without the references of the chapter stands in their place;
- an empty environment, an own scratch folder as working directory, no standard input or output;
- Landlock, where the kernel has it: only Python and its libraries can be read, only the scratch
  folder written, no program executed, no TCP connection made, no outside process signalled;
- limits on memory, file size, processor time and open files, and a wall-clock limit held by the
  judge, which ends the worker and every process that came out of it.

What is not covered yet: forks, sockets other than TCP, and all of the Landlock line where the
kernel has none. `autograder doctor` tells. Grade strangers' work in a container until the
system-call filter stands.
"""

from autograder.sandbox.session import Limits, Server, Session

__all__ = ["Limits", "Server", "Session"]
