"""Forging a pass, and reading what is hidden: nothing is gained. More stands in test_grading."""

import pytest
import torch
from threats import RIGHT, WRONG

from autograder.judge import VISIBLE, trials

CHANGED = """
import sys, types
def ours():
    frame = sys._getframe()
    while frame:
        for one in list(frame.f_globals.values()):
            if isinstance(one, types.ModuleType): yield from list(vars(one).values())
            yield one
        frame = frame.f_back
for thing in ours():
    if isinstance(thing, types.FunctionType) and (thing.__module__ or "").startswith("autograder"):
        if thing.__name__ == "{name}":
            thing.__code__ = (lambda *a, **k: {answer}).__code__
"""
"""Up the frames: the garbage collector does not show what the warm process froze."""

FORGERIES = {
    "modules of its own": """
import os, sys
for name in ("torch", "numpy", "sitecustomize", "usercustomize", "conftest", "autograder", "json"):
    open(name + ".py", "w").write("allclose = equal = lambda *a, **k: True")
sys.path.insert(0, os.getcwd())
import importlib
for name in ("json", "numpy", "sitecustomize"):
    sys.modules.pop(name, None)
    importlib.import_module(name)
""",
    "an observation of its own": CHANGED.format(
        name="observe", answer="{'values': {'result': True}}"
    ),
    "a frame of its own": CHANGED.format(
        name="encode", answer="b'\\x00\\x00\\x00\\x02\\x00\\x00\\x00\\x00{}'"
    ),
    "an exception described as a pass": CHANGED.format(
        name="describe", answer="{'type': 'correct', 'message': '', 'line': 0, 'cell': ''}"
    ),
    "every function of ours": CHANGED.replace('thing.__name__ == "{name}"', "True").format(
        answer='{"correct": True}'
    ),
    "probes of its own": CHANGED.format(
        name="observe", answer="{'values': {'result': k or a[3], 'values': True}}"
    )
    + """
for thing in ours():
    if isinstance(thing, types.ModuleType) and thing.__name__ == "autograder.probes":
        for name in dir(thing): setattr(thing, name, lambda *a: {"result": True, "values": True})
""",
    "comparisons and operators of its own": """
import builtins, math, numpy, operator, torch
torch.Tensor.__eq__ = torch.Tensor.eq = torch.Tensor.equal = lambda *a: True
torch.Tensor.sub = torch.Tensor.__sub__ = lambda a, b: a * 0
numpy.testing.assert_array_equal = numpy.array_equal = numpy.allclose = lambda *a, **k: True
builtins.isinstance = builtins.type = builtins.all = lambda *a: True
operator.eq = math.isclose = lambda *a, **k: True
""",
    "a showtraceback that is silent": """
import sys, traceback
sys.excepthook = traceback.print_exc = lambda *a: None
get_ipython().showtraceback = get_ipython().run_cell = lambda *a, **k: None
""",
    "answers ahead of the questions": """
import os, stat, struct, json
frame = json.dumps({"t": "dict", "v": [["values", {"t": "dict", "v": [["result", True]]}]]}).encode()
for number in range(3, 64):
    try:
        if stat.S_ISSOCK(os.fstat(number).st_mode):
            os.write(number, (struct.pack(">II", len(frame), 0) + frame) * 50)
    except OSError: pass
""",
}


@pytest.mark.parametrize("before", FORGERIES.values(), ids=FORGERIES)
def test_what_is_changed_in_the_worker_is_no_evidence(grade, before):
    result = grade(WRONG, before=[before])
    assert result.score == 0
    assert result.status in ("wrong", "crashed")
    assert grade(RIGHT).status == "correct"


def test_the_changes_above_are_really_made(grade):
    """Otherwise they would prove nothing: what the judge sees is what was forged."""
    forged = CHANGED.format(name="observe", answer="{'values': {'result': 'forged'}}")
    explained = [case.explanation for case in grade(RIGHT, before=[forged]).visible]
    assert "got a str" in explained[0]


HANDED_BACK = {
    "an ndarray subclass": """
import numpy
class Same(numpy.ndarray):
    def __eq__(self, other): return numpy.ones(self.shape, bool)
    def __array_ufunc__(self, *a, **k): return True
    def copy(self): return self
def softmax(scores, dim=-1): return numpy.zeros(scores.shape, "float32").view(Same)
""",
    "an object that says it is a tensor": """
import torch
class Same:
    __class__ = torch.Tensor
    dtype, layout, shape = torch.float32, torch.strided, torch.Size([3, 4])
    device = torch.device("cpu")
    def __getattr__(self, name): return lambda *a, **k: self
    def __eq__(self, other): return True
def softmax(scores, dim=-1): return Same()
""",
    "a float that equals everything": """
class Same(float):
    def __eq__(self, other): return True
    def __sub__(self, other): return 0.0
    def __hash__(self): return 0
def softmax(scores, dim=-1): return Same("nan")
""",
    "a generator": "def softmax(scores, dim=-1):\n    yield scores",
    "a coroutine": "async def softmax(scores, dim=-1): return scores",
    "a dictionary with everything in it": """
class Same(dict):
    def __contains__(self, key): return True
    def __missing__(self, key): return True
    def items(self): return [("result", True)] * 9
def softmax(scores, dim=-1): return Same()
""",
    "values that are not numbers": ("def softmax(scores, dim=-1): return scores * float('nan')"),
    "values without an end": "def softmax(scores, dim=-1): return scores + float('inf')",
    "a number of another kind": "def softmax(scores, dim=-1): return scores.to(complex) * 1j",
    "a tensor of no memory": "def softmax(scores, dim=-1): return scores[:0]",
    "a tensor on no device": "def softmax(scores, dim=-1): return scores.to('meta')",
    "a sparse tensor": "def softmax(scores, dim=-1): return scores.to_sparse()",
    "the function itself": "def softmax(scores, dim=-1): return softmax",
    "itself in a list": "def softmax(scores, dim=-1):\n    x = []\n    x.append(x)\n    return x",
    "an exception that raises when it is read": """
class Lazy(Exception):
    def __str__(self): raise self
    __repr__ = __str__
    args = property(__str__)
def softmax(scores, dim=-1): raise Lazy
""",
    "an exception of a type without a name": """
class Meta(type):
    __name__ = property(lambda self: 1 / 0)
class Lazy(Exception, metaclass=Meta): pass
def softmax(scores, dim=-1): raise Lazy
""",
    "an exception that means to go on": "def softmax(scores, dim=-1): raise StopIteration(scores)",
    "an interrupt": "def softmax(scores, dim=-1): raise KeyboardInterrupt",
}


@pytest.mark.parametrize("source", HANDED_BACK.values(), ids=HANDED_BACK)
def test_nothing_but_the_right_values_is_a_pass(grade, source):
    result = grade(source)
    assert result.score == 0
    assert result.status in ("wrong", "crashed") and result.message


AFTERWARDS = {
    "when the process ends": """
import atexit, gc, weakref, sys
class Late:
    def __del__(self): tell()
kept = Late()
atexit.register(lambda: tell())
weakref.finalize(kept, lambda: tell())
gc.callbacks.append(lambda *a: tell())
""",
    "from a thread that goes on": """
import threading, time
def later():
    while True:
        time.sleep(0.001)
        tell()
threading.Thread(target=later, daemon=True).start()
""",
    "at a signal": """
import signal
for number in (signal.SIGALRM, signal.SIGVTALRM, signal.SIGPROF):
    signal.signal(number, lambda *a: tell())
signal.setitimer(signal.ITIMER_REAL, 0.005, 0.005)
signal.setitimer(signal.ITIMER_VIRTUAL, 0.005, 0.005)
""",
    "at every call": """
import sys, threading
sys.setprofile(lambda *a: tell())
threading.setprofile(lambda *a: tell())
""",
    "at every audited event": "import sys\nsys.addaudithook(lambda *a: tell())\n",
}
TELL = """
import os, struct
FRAME = b'{"t": "dict", "v": [["values", {"t": "dict", "v": [["result", true]]}]]}'
def tell():
    for number in range(3, 9):
        try: os.write(number, struct.pack(">II", len(FRAME), 0) + FRAME)
        except OSError: pass
"""


@pytest.mark.parametrize("way", AFTERWARDS.values(), ids=AFTERWARDS)
def test_what_is_said_out_of_turn_is_no_evidence_and_harms_nobody(grade, way):
    result = grade(WRONG, before=[TELL + way], seconds=5.0)
    assert result.score == 0
    assert result.status in ("wrong", "crashed", "timeout")
    assert grade(RIGHT).status == "correct"


def by_heart(*otherwise):
    """A softmax that is right on the visible inputs, and does something else on all others."""
    known = set()
    for trial in trials("02_attention", "softmax", VISIBLE):
        for value in (*trial.inputs.values(), *trial.inputs.get("arguments", {}).values()):
            if isinstance(value, torch.Tensor):
                known.add(str(value.tolist()))
    lines = "".join(f"        {line}\n" for line in otherwise)
    test = f"    if str(scores.tolist()) not in KNOWN:\n{lines}    exp"
    return f"KNOWN = {sorted(known)}\n" + RIGHT.replace("    exp", test, 1)


def test_knowing_the_visible_inputs_by_heart_gains_nothing(grade):
    learned = by_heart("return scores")
    result = grade(learned)
    assert all(case.passed for case in result.visible if not case.guard)
    assert result.score == 0


SEARCHES = {
    "objects": """
import gc
found = [o for o in gc.get_objects() if isinstance(o, (dict, tuple, list))
         and any(isinstance(x, str) and ("a sec" + "ret") in x for x in
                 (o.values() if isinstance(o, dict) else o))]
""",
    "frames": """
import sys
found, frame = [], sys._getframe()
while frame:
    found += [n for n in frame.f_locals if n in ("expected", "secret", "solution", "trial")]
    frame = frame.f_back
""",
    "source lines": """
import linecache
found = [n for n in linecache.cache if "exercises" in n or "judge" in n]
""",
    "modules": """
import sys
found = [n for n in sys.modules if n.startswith(("autograder.", "minitransformer."))]
""",
    "names of what was loaded": """
import gc, types
found = [o for o in gc.get_objects() if isinstance(o, types.FunctionType) and
         (o.__module__ or "").startswith(("autograder.exercises", "autograder.judge",
          "autograder.compare", "autograder.grading", "minitransformer"))]
""",
    "neighbours": "import glob\nfound = glob.glob('/tmp/**/*.ipynb', recursive=True)\n",
    "the judge's connection": """
import os
found = []
for number in range(3, 4096):
    try: found.append(os.readlink("/proc/self/fd/%d" % number))
    except OSError: pass
found = [n for n in found if not n.startswith("socket:")]
""",
}


@pytest.mark.parametrize("search", SEARCHES.values(), ids=SEARCHES)
def test_nothing_to_be_found_in_the_worker(grade, search):
    told = f"{search}\n{RIGHT}\nif found: raise ValueError(str(found)[:300])\n"
    inside = RIGHT.replace(
        "    exp", f"{_indented(search)}\n    if found: return scores\n    exp", 1
    )
    result = grade(told)
    assert result.status == "correct" and "raised" not in result.message
    assert grade(told + inside).status == "correct"


def _indented(text):
    return "\n".join("    " + line for line in text.splitlines())


def test_what_only_hidden_inputs_made_it_do_is_not_told(grade):
    teller = by_heart(
        "if int(float(scores.detach().abs().sum()) * 1000) % 2: raise KeyError(str(scores))",
        "raise IndexError(str(scores))",
    )
    told = {grade(teller, secret=str(number)).message for number in range(6)}
    assert len(told) == 1 and not {"KeyError", "IndexError"} & set(told.pop().split())
