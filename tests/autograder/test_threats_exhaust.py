"""Exhausting the machine: one exercise ends, the next submission is unharmed.

That the other exercises of the same submission keep their points stands in test_threats_class.
"""

import json
import os
import resource
import shutil
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from threats import CALLS, CHAPTER, RIGHT

from autograder import exercises
from autograder.course import Course
from autograder.grading import TOTAL_LIMITS, Grader
from autograder.sample import answered, solutions
from autograder.sandbox import Limits, watch
from autograder.submission import Cell, Submission, lay, plain

DEF = "def softmax(scores, dim=-1):\n"
SECONDS = 1.0
ROOT = Path(__file__).parents[2]
LOOPS = {
    "in Python": DEF + "    while True: pass",
    "in C": DEF + "    return sum(iter(int, 1))",
    "in a regular expression": "import re\n" + DEF + "    return re.match('(a+)+$', 'a' * 60 + 'b')",
    "in torch": "import torch\n" + DEF + "    while True: torch.ones(300, 300) @ torch.ones(300, 300)",
    "that swallows what stops it": DEF
    + "    while True:\n        try:\n            while True: pass\n        except BaseException: pass",
    "that ignores signals": "import signal\nfor n in range(1, 32):\n    try: signal.signal(n, signal.SIG_IGN)\n    except OSError: pass\n"
    + DEF + "    while True: pass",
    "asleep": "import time\n" + DEF + "    time.sleep(1000)",
    "stopped": "import os, signal, time\n" + DEF
    + "    os.kill(os.getpid(), signal.SIGSTOP)\n    time.sleep(1000)",
    "in many threads": """
import threading, time
def burn():
    while True: pass
def softmax(scores, dim=-1):
    for _ in range(20): threading.Thread(target=burn, daemon=True).start()
    time.sleep(1000)
""",
    "while it is thrown away": "class Slow:\n    def __del__(self):\n        while True: pass\n"
    + DEF + "    Slow()\n    return scores",
    "in what it hands back": """
class Endless(dict):
    def __class__(self): pass
    def items(self):
        while True: pass
    def __iter__(self):
        while True: yield 1
    def __repr__(self):
        while True: pass
def softmax(scores, dim=-1): return {Endless().__repr__, 1} and set([type("E", (), {"__repr__": Endless.__repr__, "__hash__": lambda s: 1})() for _ in range(2)])
""",
    "after it answered": "import atexit\n" + DEF + "    while True: pass",
}  # fmt: skip


@pytest.mark.parametrize("source", LOOPS.values(), ids=LOOPS)
def test_what_never_ends_is_stopped_at_its_limit(grade, source):
    start = time.monotonic()
    result = grade(source, seconds=SECONDS)
    assert (result.score, result.status) == (0, "timeout"), result.message
    assert time.monotonic() - start < 20 * SECONDS
    assert "time limit" in result.message


def test_threads_share_one_exercises_processor_time(grade):
    burn = """
import threading, time
stop = []
def burn():
    while not stop: sum(range(1000))
def softmax(scores, dim=-1):
    for _ in range(60): threading.Thread(target=burn, daemon=True).start()
    time.sleep(1000)
"""
    assert grade(burn, seconds=1.0).status == "timeout"


HUNGRY = {
    "one large piece": DEF + "    return bytearray(200 * 2**30)",
    "piece by piece": DEF + "    kept = []\n    while True: kept.append(bytearray(2**26))",
    "in torch": "import torch\n" + DEF + "    return torch.ones(2**36)",
    "that keeps trying": DEF
    + "    kept = []\n    while len(kept) < 999:\n        try: kept.append(bytearray(2**26))\n        except MemoryError: kept.append(0)",
    "mapped": "import mmap\n" + DEF + "    return [mmap.mmap(-1, 2**32) for _ in range(9)]",
    "a large answer": "import torch\n" + DEF + "    return torch.zeros(2**26)",
    "a deep answer": DEF + "    x = []\n    for _ in range(10**5): x = [x]\n    return x",
    "a long answer": DEF + "    return ['x' * 10**6] * 10**3",
    "a huge number": DEF + "    return 7 ** 10**6",
    "a recursion": DEF + "    return softmax(scores, dim)",
    "a recursion without a limit": "import sys\nsys.setrecursionlimit(10**9)\nimport functools\n" + DEF
    + "    f = lambda: None\n    for _ in range(10**6): f = functools.partial(f)\n    return repr(f)",
    "the stack in C": "import ctypes\n" + DEF
    + "    loop = ctypes.CFUNCTYPE(None)(lambda: loop())\n    loop()",
}  # fmt: skip


@pytest.mark.parametrize("source", HUNGRY.values(), ids=HUNGRY)
def test_what_takes_all_memory_costs_only_itself(grade, source):
    result = grade(source, memory=2**28, seconds=3.0)
    assert result.score == 0
    assert result.status in ("wrong", "crashed", "timeout"), result.message
    assert grade(RIGHT).status == "correct"


BOMBS = {
    "of processes": "import os\n" + DEF + "    while True:\n        try: os.fork()\n        except OSError: break\n",
    "of threads": "import threading, time\n" + DEF
    + "    while True: threading.Thread(target=time.sleep, args=(99,), daemon=True).start()\n",
    "of small threads": "import threading, time\nthreading.stack_size(32768)\n" + DEF
    + "    while True: threading.Thread(target=time.sleep, args=(99,), daemon=True).start()\n",
    "of files": "import os\n" + DEF + "    for n in range(10**9): open(str(n), 'w').close()",
    "of folders": "import os\n" + DEF + "    while True:\n        os.mkdir('d')\n        os.chdir('d')",
    "of links": "import os\n" + DEF + "    for n in range(10**9): os.symlink('x' * 4000, str(n))",
    "of open files": "import os\n" + DEF + "    kept = [open('x', 'w') for n in range(10**6)]",
    "of bytes in one file": DEF + "    with open('x', 'wb') as f:\n        while True: f.write(bytes(2**22))",
    "of bytes in many files": DEF
    + "    for n in range(10**6):\n        with open(str(n), 'wb') as f: f.write(bytes(2**25))",
    "of pipes": "import os\n" + DEF + "    kept = [os.pipe() for n in range(10**6)]",
    "of semaphores": "import ctypes\n" + CALLS + DEF + "    for n in range(10**6): call(64, 0, 9, 0o1600)",
}  # fmt: skip


@pytest.mark.parametrize("source", BOMBS.values(), ids=BOMBS)
def test_a_bomb_costs_only_itself_and_leaves_nothing(grade, source):
    result = grade(source, seconds=3.0)
    assert result.score == 0
    assert result.status in ("wrong", "crashed", "timeout"), result.message
    assert grade(RIGHT).status == "correct"


FLOOD = """
import os, signal
signal.pthread_sigmask(signal.SIG_BLOCK, {40})
for n in range(5000): os.kill(os.getpid(), 40)
"""


def test_signals_that_wait_do_not_use_up_what_a_user_may_have_waiting(server):
    """With the base walls alone they count for all processes of the user: `timer_create` failed."""
    job = {"cells": [{"id": "x", "source": FLOOD}], "package": {}, "replace": {}}
    with server.open(job) as session:
        assert session.receive(30)["error"] is None
        status = Path(f"/proc/{session._watch.pid}/status").read_text(errors="replace")
    waiting = next(line for line in status.splitlines() if line.startswith("SigQ:"))
    assert int(waiting.split()[1].split("/")[0]) < 1000


def test_where_memory_runs_out_the_system_ends_a_worker_first(server):
    with server.open({"cells": [], "package": {}, "replace": {}}) as session:
        assert Path(f"/proc/{session._watch.pid}/oom_score_adj").read_text() == "1000\n"
    assert Path("/proc/self/oom_score_adj").read_text() != "1000\n"


@pytest.mark.skipif(resource.getrlimit(resource.RLIMIT_CORE)[1] == 0, reason="0 is all there is")
def test_a_crash_calls_no_program_that_keeps_memory(grade):
    """Not even one that the system pipes it to, for which a limit of 0 is none; see core(5)."""
    ask = "import resource\nif resource.getrlimit(resource.RLIMIT_CORE) != (1, 1): del softmax\n"
    assert grade(RIGHT + ask).status == "correct"


ENDS = {
    "its first thread alone": "import threading, time\n" + CALLS + DEF
    + "    threading.Thread(target=time.sleep, args=(99,)).start()\n    call(60, 0)",
    "a segfault": "import ctypes\n" + DEF + "    ctypes.string_at(0)",
    "abort": "import os\n" + DEF + "    os.abort()",
    "leaving": "import os\n" + DEF + "    os._exit(0)",
    "a closed connection": "import os\n" + DEF + "    os.closerange(0, 4096)",
    "a connection full of rubbish": "import os\n" + DEF
    + "    for n in range(3, 99):\n        try: os.write(n, b'rubbish!' * 9)\n        except OSError: pass",
}  # fmt: skip


@pytest.mark.parametrize("source", ENDS.values(), ids=ENDS)
def test_a_worker_that_ends_is_a_crash(grade, source):
    result = grade(source)
    assert (result.score, result.status) == (0, "crashed"), result.message
    assert grade(RIGHT).status == "correct"


def test_a_signal_to_itself_earns_nothing(grade):
    """As process 1 of its namespace a worker does not even die of it."""
    result = grade("import os\n" + DEF + "    os.kill(os.getpid(), 9)")
    assert result.score == 0 and result.status in ("wrong", "crashed")


def test_a_flood_of_output_goes_nowhere_and_costs_nothing(grade):
    flood = "import sys\nfor _ in range(200): print('x' * 10**6); sys.stderr.write('y' * 10**6)\n"
    assert grade(RIGHT, before=[flood]).status == "correct"


def test_a_file_over_the_limit_ends_in_an_error_not_in_a_full_disk(grade):
    large = """
big = 0
try:
    with open("x", "wb") as file:
        for _ in range(100): big += file.write(bytes(2**20))
except OSError: pass
if big > 70 * 2**20: raise ValueError(big)
"""
    result = grade(large + RIGHT, file_size=64 * 2**20)
    assert result.status in ("correct", "crashed")


NAMELESS = """
import os, time
def nameless(n):
    file = open(str(n), "w+b", buffering=0)
    os.unlink(str(n))
    file.write(bytes(2**22))
    return file
"""
HIDDEN = {
    "open": "kept = [nameless(n) for n in range(16)]",
    "mapped": """
import ctypes
libc, kept = ctypes.CDLL(None), []
libc.mmap.restype = ctypes.c_void_p
for n in range(16):
    with nameless(n) as file:
        kept.append(libc.mmap(None, ctypes.c_size_t(4096), 1, 1, file.fileno(), ctypes.c_long(0)))
""",
}


@pytest.mark.parametrize("fill", HIDDEN.values(), ids=HIDDEN)
def test_files_without_a_name_count_as_well(grade, fill):
    """A folder does not show them; in memory (with namespaces) the folder is full."""
    body = textwrap.indent(f"{fill}\ntime.sleep(0.5)", "    ")
    hidden = f"{NAMELESS}{RIGHT}right = softmax\n{DEF}{body}\n    return right(scores, dim)\n"
    result = grade(hidden, file_size=2**22, scratch=2**24)
    assert (result.score, result.status in ("wrong", "crashed")) == (0, True), result.message


def test_a_file_without_a_name_is_no_fault(grade):
    few = "import tempfile, time\nkept = tempfile.TemporaryFile()\nkept.write(bytes(2**20))\n"
    assert grade(f"{few}time.sleep(1)\n{RIGHT}").status == "correct"


def test_the_folder_is_looked_at_while_the_worker_stands_still(servers, monkeypatch):
    """One that moves things about behind the judge's eye could hide them from it."""
    states, small = [], watch._small

    def seen(*arguments):
        states.append(Path(f"/proc/{session._watch.pid}/stat").read_text().rpartition(")")[2][1])
        return small(*arguments)

    monkeypatch.setattr(watch, "_small", seen)
    busy = "import time\nend = time.monotonic() + 1\nwhile time.monotonic() < end: pass\n"
    job = {"cells": [{"id": "x", "source": busy}], "package": {}, "replace": {}}
    with servers["base walls"].open(job) as session:
        assert session.receive(30)["error"] is None
    assert len(states) > 1 and set(states) == {"T"}


def test_nothing_is_left_when_a_session_is_over(grade, server):
    make = """
import os
os.mkdir("closed"); open("closed/file", "w").write("x" * 1000)
os.umask(0o777); os.mkdir("shut")
os.symlink("/", "root")
import threading, time
threading.Thread(target=time.sleep, args=(99,)).start()
"""
    assert grade(RIGHT).status == "correct"
    before = _children()
    assert grade(RIGHT, before=[make]).status == "correct"
    assert list(Path(server._warm.folder).iterdir()) == []
    assert _children() == before


ALONE = """
import sys, time
from autograder.sandbox import Server
server = Server(namespaces=sys.argv[1] == "on")
loop = {"id": "x", "source": "while True: pass"}
session = server.open({"cells": [loop], "package": {}, "replace": {}})
print(session._watch.pid, server._pid, server._warm.process.pid, session._scratch, flush=True)
session.receive(1000)
"""


@pytest.mark.parametrize("switch", ["on", "off"])
def test_a_judge_that_is_killed_leaves_no_process(switch):
    judge = subprocess.Popen([sys.executable, "-c", ALONE, switch], stdout=subprocess.PIPE,
                             text=True, cwd=ROOT)  # fmt: skip
    *processes, scratch = judge.stdout.readline().split()
    judge.kill()
    judge.wait()
    judge.stdout.close()
    end = time.monotonic() + 10
    while any(Path(f"/proc/{pid}").exists() for pid in processes):
        assert time.monotonic() < end, "the worker, its server or the warm process lives on"
        time.sleep(0.05)
    shutil.rmtree(scratch, ignore_errors=True)


IMPORTING = """
import sys, time
from autograder.sandbox.warm import Warm
warm = Warm(namespaces=sys.argv[1] == "on")
print(warm.process.pid, flush=True)
time.sleep(1000)
"""


@pytest.mark.parametrize("switch", ["on", "off"])
def test_a_judge_that_is_killed_while_its_warm_process_imports_leaves_none(switch):
    judge = subprocess.Popen([sys.executable, "-c", IMPORTING, switch], stdout=subprocess.PIPE,
                             text=True, cwd=ROOT)  # fmt: skip
    server = Path("/proc") / judge.stdout.readline().strip()
    time.sleep(0.5)
    family = [server, *(p for p in Path("/proc").glob("[0-9]*") if _parent(p) == int(server.name))]
    judge.kill()
    judge.wait()
    judge.stdout.close()
    end = time.monotonic() + 10
    while any(one.exists() for one in family):
        assert time.monotonic() < end, "the warm process lives on"
        time.sleep(0.05)


def _parent(process):
    try:
        return int((process / "stat").read_text(errors="replace").rpartition(")")[2].split()[1])
    except OSError:
        return None


def _children():
    """How many processes came out of this one, in all."""
    parents = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text(errors="replace").rpartition(")")[2].split()
        except OSError:
            continue
        parents[int(stat.parent.name)] = int(fields[1])

    def ours(pid):
        return pid == os.getpid() or (pid in parents and ours(parents[pid]))

    return sum(ours(pid) for pid in parents)


def test_a_whole_notebook_has_a_limit_too_and_keeps_what_it_earned_before(server):
    """Each exercise ends its worker just below its limit, and each new one runs slow cells first."""
    seconds = 0.4
    names = [exercise.id for exercise in exercises.load(CHAPTER).exercises]
    ends = "import os, time\ndef {}(*a, **k):\n    time.sleep({})\n    os._exit(0)\n"
    cells = [Cell(f"slow {n}", f"import time; time.sleep({0.8 * seconds})", "extra") for n in "ab"]
    cells += [Cell(name, ends.format(name, 0.8 * seconds), "solution") for name in names[1:]]
    cells.append(Cell(names[0], RIGHT, "solution"))
    grader = Grader(CHAPTER, "a secret", server, Limits(seconds=seconds))
    start = time.monotonic()
    result = grader.grade(Submission("eve", CHAPTER, tuple(cells), {}))
    assert time.monotonic() - start < (TOTAL_LIMITS + 8) * seconds
    found = {one.exercise: one for one in result.exercises}
    assert found[names[0]].status == "correct"
    assert found[names[-1]].status == "timeout" and "as a whole" in found[names[-1]].message


TRAINS = """
import torch

model = torch.nn.Linear(8, 8)
optimizer = torch.optim.AdamW(model.parameters())
while True:
    loss = model(torch.randn(4, 8)).square().mean()
    loss.backward()
    optimizer.step()
"""


def test_a_training_loop_in_a_graded_cell_is_held_to_its_limit_and_reported(server):
    """Chapter 5, whose own training runs are not graded: one was written into an answer's cell."""
    course = Course.find(Path(__file__).parent)
    right = solutions(course, "05_gpt")
    release = json.loads(course.release("05_gpt").read_text(encoding="utf-8"))
    answers = right | {"clip_gradients": right["clip_gradients"] + TRAINS}
    cells = [plain(cell) for cell in answered(release, answers)["cells"]]
    submission = lay("eve", exercises.load("05_gpt"), cells, release["cells"])
    result = Grader("05_gpt", "a secret", server, Limits(seconds=6)).grade(submission)
    statuses = {one.exercise: one.status for one in result.exercises}
    assert statuses.pop("clip_gradients") == "timeout"
    assert set(statuses.values()) == {"correct"}
