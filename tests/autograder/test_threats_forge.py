"""Forging a pass, and reading what is hidden: nothing is gained. More stands in test_grading."""

import pytest
import torch
from threats import RIGHT, WRONG

from autograder.judge import VISIBLE, trials

CHANGED = """
import gc, types
for thing in gc.get_objects():
    if isinstance(thing, types.FunctionType) and (thing.__module__ or "").startswith("autograder"):
        if thing.__name__ == "{name}":
            thing.__code__ = (lambda *a, **k: {answer}).__code__
"""
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
    "every function of ours": """
import gc, types
for thing in gc.get_objects():
    if isinstance(thing, types.FunctionType) and "autograder" in (thing.__module__ or ""):
        try: thing.__code__ = (lambda *a, **k: {"correct": True}).__code__
        except ValueError: pass
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
