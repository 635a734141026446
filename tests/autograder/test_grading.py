"""Attacks and honest oddities, each run for real in the sandbox on the softmax exercise."""

import os
import socket
import textwrap
import time
from pathlib import Path

import pytest
from threats import CHAPTER, RIGHT

from autograder import exercises
from autograder.errors import CodecError
from autograder.grading import Grader
from autograder.jobs import Job, grade_one
from autograder.replay import cell_reply, observation
from autograder.sandbox import landlock
from autograder.submission import Cell, Submission


def test_the_solution_gets_everything(grade):
    result = grade(RIGHT)
    assert (result.score, result.status) == (result.max_score, "correct")


def test_two_grades_under_one_secret_are_the_same(grade):
    wrong = RIGHT.replace("dim=dim, keepdim=True)\n", "dim=0, keepdim=True)\n")
    assert grade(wrong) == grade(wrong)


FORGERIES = {
    "an object that equals everything": """
class Same:
    def __eq__(self, other): return True
    def __ne__(self, other): return False
    def __getattr__(self, name): return self
    def __call__(self, *a, **k): return self
def softmax(scores, dim=-1): return Same()
""",
    "a tensor subclass that says yes": """
import torch
class Sly(torch.Tensor):
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return True
def softmax(scores, dim=-1): return torch.zeros_like(scores).as_subclass(Sly)
""",
    "patched comparisons": """
import torch, builtins, numpy
torch.allclose = torch.equal = lambda *a, **k: True
torch.testing.assert_close = numpy.testing.assert_allclose = lambda *a, **k: None
builtins.abs = lambda x: 0
def softmax(scores, dim=-1): return scores
""",
    "a patched autograder": """
import sys, types, autograder
autograder.check = lambda *a: print("passed")
for name in ("autograder.judge", "autograder.compare", "autograder.grading", "autograder.probes"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].differences = lambda *a, **k: None
def softmax(scores, dim=-1): return scores
""",
    "our probes patched through the garbage collector": """
import gc, sys
def everything():  # what the warm process froze is not in gc.get_objects, but can be reached
    frame, waiting, known = sys._getframe(), [], set()
    while frame:
        waiting.append(frame.f_globals)
        frame = frame.f_back
    while waiting:
        one = waiting.pop()
        if id(one) not in known:
            known.add(id(one))
            yield one
            waiting += gc.get_referents(one)
def softmax(scores, dim=-1): return scores
for thing in everything():
    if isinstance(thing, dict) and thing.get("__name__") == "autograder.probes":
        for name in ("call", "untouched", "gradients"):
            thing[name] = lambda target, inputs: {"result": "patched", "values": True}
        break
""",
    "leaving with success": """
import os
def softmax(scores, dim=-1): os._exit(0)
""",
    "sys.exit": """
import sys
def softmax(scores, dim=-1): sys.exit(0)
""",
    "leaving while the cell runs": "import os\nos._exit(0)\n",
    "raising a pass": """
class Passed(BaseException): pass
def softmax(scores, dim=-1): raise Passed("all properties hold")
""",
    "answers written to every open descriptor": """
import os, json
def softmax(scores, dim=-1):
    for fd in range(3, 64):
        try: os.write(fd, b'{"values": {"result": true}}')
        except OSError: pass
    return scores
""",
    "a well-formed frame ahead of ours": """
import os, struct, json
def softmax(scores, dim=-1):
    header = json.dumps({"t": "dict", "v": [["values", {"t": "dict", "v": [["result", 1]]}]]}).encode()
    for fd in range(3, 64):
        try: os.write(fd, struct.pack(">II", len(header), 0) + header)
        except OSError: pass
    return scores
""",
    "expected values looked for in frames": """
import sys
def softmax(scores, dim=-1):
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()):
            if isinstance(value, dict) and "expected" in value: return value["expected"]
        frame = frame.f_back
    return scores
""",
    "a table of the visible answers": """
import torch
def softmax(scores, dim=-1): return TABLE.get(tuple(scores.shape), scores)
TABLE = {}
""",
}


@pytest.mark.parametrize("source", FORGERIES.values(), ids=FORGERIES)
def test_a_forged_pass_gains_nothing(grade, source):
    result = grade(source)
    assert result.score == 0
    assert result.status in ("wrong", "crashed", "refused")


def test_the_probes_above_are_really_patched(grade):
    """Otherwise the case above would prove nothing: what the judge sees is what they hand back."""
    patched = FORGERIES["our probes patched through the garbage collector"]
    assert "got a str" in grade(patched).visible[0].explanation


def test_input_and_ast_transformers_gain_nothing(grade):
    shell = """
class Everything:
    def visit(self, node): return node
ip = get_ipython()
ip.input_transformers_cleanup.append(lambda lines: ["pass"])
ip.ast_transformers.append(Everything())
ip.showtraceback = lambda *a, **k: None
"""
    assert grade("def softmax(scores, dim=-1): return scores", before=[shell]).score == 0


REFERENCES = {
    "import": "from minitransformer.attention import softmax",
    "attribute": "import minitransformer.attention as a\nsoftmax = a.softmax",
    "getattr": "import minitransformer\nsoftmax = getattr(minitransformer.attention, 'softmax')",
    "importlib": "import importlib\nsoftmax = importlib.import_module('minitransformer.attention').softmax",
    "star": "from minitransformer.attention import *",
    "use": "from autograder import use\nsoftmax = use('softmax')",
    "fallback": "try:\n    from minitransformer import softmax\nexcept ImportError:\n    pass",
    "the judge's specification": (
        "from autograder import exercises\n"
        "softmax = exercises.load('02_attention').exercise('softmax').reference"
    ),
    "left in memory": (
        "import gc\n"
        "for f in gc.get_objects():\n"
        "    if getattr(f, '__name__', '') == 'softmax' and 'minitransformer' in str(getattr(f, '__module__', '')):\n"
        "        softmax = f\n"
    ),
}


WALLS = {
    "the reference's source": "PATH = '{root}/minitransformer/attention.py'\nopen(PATH).read()",
    "the course's secret": "open('{secret}').read()",
    "a folder of submissions": "import os\nos.listdir('{root}')",
    "writing outside": "open('{root}/grades.csv', 'w')",
    "another process's environment": "open('/proc/{pid}/environ').read()",
    "another process's memory": "open('/proc/{pid}/mem', 'rb').read(1)",
    "a program": "import subprocess\nsubprocess.run(['/bin/true'], check=True)",
    "the network": "import socket\nsocket.create_connection(('127.0.0.1', {port}), timeout=1)",
    "a signal to the judge": "import os\nos.kill({pid}, 0)",
}


@pytest.mark.skipif(landlock.version() < 6, reason="this kernel has no Landlock 6")
@pytest.mark.parametrize("attempt", WALLS.values(), ids=WALLS)
def test_what_is_outside_the_wall_cannot_be_reached(grade, tmp_path, attempt):
    root, secret = Path(__file__).parents[2], tmp_path / "secret"
    secret.write_text("hunter2")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        reach = attempt.format(root=root, secret=secret, pid=os.getpid(), port=port)
        tried = "try:\n" + textwrap.indent(reach, "    ") + "\nexcept OSError: blocked = True\n"
        result = grade(f"blocked = False\n{tried}{RIGHT}\nif not blocked: del softmax")
    assert result.status == "correct"


@pytest.mark.parametrize("source", REFERENCES.values(), ids=REFERENCES)
def test_calling_the_reference_gains_nothing(grade, source):
    result = grade(source)
    assert result.score == 0


def test_calling_the_reference_is_refused_by_name(grade):
    result = grade(REFERENCES["import"])
    assert result.status == "refused"
    assert "the course's own softmax" in result.message


SHORTCUTS = {
    "torch.softmax": "import torch\ndef softmax(scores, dim=-1): return torch.softmax(scores, dim)",
    "functional": "import torch.nn.functional as G\ndef softmax(scores, dim=-1): return G.softmax(scores, dim)",
    "method": "def softmax(scores, dim=-1): return scores.softmax(dim)",
    "module": "import torch\ndef softmax(scores, dim=-1): return torch.nn.Softmax(dim)(scores)",
    "getattr": "import torch\ndef softmax(scores, dim=-1): return getattr(torch, 'soft' + 'max')(scores, dim)",
    "operator": "import torch\ndef softmax(scores, dim=-1): return torch.ops.aten._softmax(scores, dim, False)",
    "alias": "from torch import softmax as s\ndef softmax(scores, dim=-1): return s(scores, dim)",
}


@pytest.mark.parametrize("source", SHORTCUTS.values(), ids=SHORTCUTS)
def test_torchs_own_function_is_refused_by_name(grade, source):
    result = grade(source)
    assert (result.score, result.status) == (0, "refused")
    assert "softmax" in result.message


def test_an_endless_loop_is_a_timeout(grade):
    result = grade("def softmax(scores, dim=-1):\n    while True: pass", seconds=1.0)
    assert (result.score, result.status) == (0, "timeout")


def test_a_loop_that_swallows_interrupts_is_a_timeout(grade):
    loop = "while True:\n    try:\n        while True: pass\n    except BaseException: pass"
    result = grade(loop, seconds=1.0)
    assert result.status == "timeout"


def test_a_memory_bomb_costs_only_itself(grade):
    bomb = "def softmax(scores, dim=-1):\n    return bytearray(200 * 2**30)"
    assert grade(bomb).status in ("wrong", "crashed")
    assert grade(RIGHT).status == "correct"


def test_a_hung_extra_cell_costs_nobody_anything(grade):
    result = grade(RIGHT, before=["while True: pass"], seconds=1.0)
    assert result.status == "correct"


def test_what_a_learner_is_told_does_not_repeat_what_their_code_said(grade):
    tell = "def softmax(scores, dim=-1):\n    raise type('E' + str(scores.sum().item()), (Exception,), {})(str(scores))"
    result = grade(tell)
    assert "an exception of its own" in result.message
    assert "tensor" not in result.message


def test_values_are_shown_for_visible_inputs_only(grade):
    wrong = "def softmax(scores, dim=-1): return scores"
    one, other = grade(wrong, secret="one"), grade(wrong, secret="other")
    assert one == other
    assert any("expected" in case.explanation for case in one.visible)


def test_hidden_inputs_do_not_reach_what_is_shown_through_the_learners_memory(grade):
    keeper = """
import torch
seen = []
def softmax(scores, dim=-1):
    seen.append(float(scores.flatten()[0]))
    return torch.full_like(scores, sum(seen))
"""
    one, other = grade(keeper, secret="one"), grade(keeper, secret="other")
    assert one.visible == other.visible
    assert one.message == other.message


def test_the_environment_is_empty_and_the_command_line_tells_nothing(grade, monkeypatch):
    monkeypatch.setenv("AUTOGRADER_SECRET", "hunter2")
    look = """
import os, sys
leaked = "hunter2" in str(dict(os.environ)) or sys.argv != [""]
for name in ("environ", "cmdline"):
    try: leaked = leaked or bool(open("/proc/self/" + name).read())
    except OSError: pass
def softmax(scores, dim=-1):
    return None if leaked else right(scores, dim)
""" + RIGHT.replace("def softmax", "def right")
    assert grade(look).status == "correct"


HONEST = {
    "prints to stderr and warns": "import sys, warnings\nprint('progress 10%', file=sys.stderr)\nwarnings.warn('old')\n",
    "a changed default dtype": "import torch\ntorch.set_default_dtype(torch.float64)\n",
    "a changed seed": "import torch, random\ntorch.manual_seed(1)\nrandom.seed(1)\n",
    "gradients switched off": "import torch\ntorch.set_grad_enabled(False)\n",
    "another thread count": "import torch\ntorch.set_num_threads(3)\n",
    "warnings as errors": "import warnings\nwarnings.simplefilter('error')\n",
    "a plot": "%matplotlib inline\nimport matplotlib.pyplot as plt\nplt.plot([1, 2])\nplt.show()\n",
    "magics and shell lines": "%timeit 1\n!ls\n%time x = 1\nx?\n",
    "a broken cell": "this is not python\n",
    "input() left in": "name = input('who?')\n",
    "a broken definition first": "def softmax(scores, dim=-1): return scores\n",
    "output flood": "print('x' * 10_000_000)\n",
    "an early exit": "import sys\nsys.exit(0)\n",
}


@pytest.mark.parametrize("cell", HONEST.values(), ids=HONEST)
def test_honest_oddities_in_other_cells_keep_full_marks(grade, cell):
    assert grade(RIGHT, before=[cell]).status == "correct"


def test_a_correct_function_after_a_broken_one_gets_full_marks(grade):
    assert grade("def softmax(scores, dim=-1): return 0", after=[RIGHT]).status == "correct"


def test_prints_inside_the_function_keep_full_marks(grade):
    noisy = RIGHT.replace("    exponentials =", "    print(scores)\n    exponentials =", 1)
    assert grade(noisy).status == "correct"


def test_a_helper_in_an_extra_cell_and_a_cell_magic_work(grade):
    helper = "%%time\ndef shifted(x, dim):\n    return x - x.amax(dim=dim, keepdim=True)\n"
    source = "def softmax(scores, dim=-1):\n    e = shifted(scores, dim).exp()\n    return e / e.sum(dim=dim, keepdim=True)"
    assert grade(source, before=[helper]).status == "correct"


def test_a_changed_default_dtype_changes_no_verdict(grade):
    makes_tensors = RIGHT.replace(
        "    return exp", "    exponentials = exponentials + torch.zeros(1)\n    return exp"
    )
    assert (
        grade(makes_tensors, before=["import torch\ntorch.set_default_dtype(torch.float64)"]).status
        == "correct"
    )


def test_input_left_in_a_function_is_told_in_plain_words(grade):
    result = grade("def softmax(scores, dim=-1): return input('which? ')")
    assert "EOFError" in result.message
    assert "remove it" in result.visible[0].explanation


def test_an_exception_is_told_with_type_and_line(grade):
    result = grade("def softmax(scores, dim=-1):\n    x = 1\n    return scroes")
    assert result.status == "wrong"
    assert "NameError at line 3 of the cell" in result.message


STRANGE = {
    "a fork that answers too": "import os\nos.fork()\n" + RIGHT,
    "a fork inside the function": RIGHT.replace(
        "    exp", "    __import__('os').fork()\n    exp", 1
    ),
    "folders in folders in folders": (
        "import os\nfor i in range(3000):\n    os.mkdir('d')\n    os.chdir('d')\n" + RIGHT
    ),
    "a huge number": "def softmax(scores, dim=-1): return 10 ** 400",
    "threads left behind": (
        "import threading, time\n"
        "for i in range(20): threading.Thread(target=time.sleep, args=(99,), daemon=True).start()\n"
        + RIGHT
    ),
}


@pytest.mark.parametrize("source", STRANGE.values(), ids=STRANGE)
def test_a_strange_submission_gets_a_result_and_the_next_one_is_unharmed(grade, source):
    assert grade(source).status in ("correct", "wrong", "crashed")
    assert grade(RIGHT).status == "correct"


def test_a_process_that_detached_itself_does_not_outlive_the_session(grade):
    mark = f"sleeper-{os.getpid()}-{time.monotonic_ns()}"
    detach = f"""
import os, time, ctypes
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        ctypes.CDLL(None).prctl(15, b"{mark[:15]}", 0, 0, 0)
        time.sleep(60)
    os._exit(0)
"""
    grade(RIGHT, before=[detach])
    names = [
        path.read_text().strip() for path in Path("/proc").glob("[0-9]*/comm") if path.exists()
    ]
    assert mark[:15] not in names


def test_waiting_just_below_the_limit_each_time_is_a_timeout_in_all(grade):
    slow = RIGHT.replace("    exp", "    __import__('time').sleep(0.4)\n    exp", 1)
    start = time.monotonic()
    assert grade(slow, seconds=0.6).status == "timeout"
    assert time.monotonic() - start < 10


def test_many_slow_extra_cells_are_left_out_and_told_by_the_clock_only(grade):
    start = time.monotonic()
    assert (
        grade(RIGHT, before=["import time\ntime.sleep(0.5)"] * 12, seconds=0.8).status == "correct"
    )
    assert time.monotonic() - start < 30


def test_hidden_inputs_of_one_exercise_do_not_reach_what_is_shown_of_another(server):
    keeper = RIGHT.replace("    exp", "    seen.append(float(scores.flatten()[0]))\n    exp", 1)
    teller = "def cross_entropy(logits, targets): raise ValueError(str(seen))"
    cells = (
        Cell("cell 1", "seen = []", "extra"),
        Cell("softmax", keeper, "solution"),
        Cell("cross_entropy", teller, "solution"),
    )
    missing = {e.id: "no" for e in exercises.load(CHAPTER).exercises} | {}
    for name in ("softmax", "cross_entropy"):
        missing.pop(name)
    one, other = (
        Grader(CHAPTER, secret, server).grade(Submission("ada", CHAPTER, cells, missing))
        for secret in ("one", "other")
    )
    assert one == other


@pytest.mark.parametrize(
    "frame",
    [
        None,
        {},
        {"cell": "x", "error": None},
        {"values": {}, "error": None},
        {"values": {1: 2}},
        {"values": {}, "shortcut": [1, "<script>"]},
        {"error": {"type": "E"}},
        {"values": {}, "more": 1},
    ],
)
def test_a_frame_that_is_no_observation_is_refused(frame):
    with pytest.raises(CodecError):
        observation(frame)


@pytest.mark.parametrize(
    "frame", [{"cell": "softmax"}, {"cell": "x", "error": None}, {"values": {}}]
)
def test_a_frame_that_is_not_the_cells_reply_is_refused(frame):
    with pytest.raises(CodecError):
        cell_reply(frame, "softmax")


def test_a_fault_of_the_grader_costs_one_submission_and_is_told(server, tmp_path, monkeypatch):
    release = tmp_path / "release.ipynb"
    release.write_text('{"nbformat": 4, "cells": []}')
    monkeypatch.setattr(Grader, "grade", lambda *a: 1 / 0)
    graded = grade_one(Job("ada", CHAPTER, release, release, "s"), server)
    assert {e.status for e in graded.result.exercises} == {"crashed"}
    assert "please report" in graded.result.note
