"""Being fair: what honest learners do otherwise keeps full marks. More stands in test_grading."""

import re
from pathlib import Path

import pytest
from threats import CHAPTER, RIGHT

from autograder import exercises
from autograder.course import Course
from autograder.grading import Grader
from autograder.sample import solutions
from autograder.sandbox import Limits
from autograder.submission import Cell, Submission

ROOT = Path(__file__).parents[2]
HEAD = "def softmax(scores, dim=-1):\n"
FORMULAS = {
    "through logarithms": "    return (scores - scores.logsumexp(dim, keepdim=True)).exp()",
    "in double precision": (
        "    e = (scores.double() - scores.double().amax(dim, keepdim=True)).exp()\n"
        "    return (e / e.sum(dim, keepdim=True)).to(scores.dtype)"
    ),
    "multiplied by what is one over": (
        "    e = torch.exp(scores - torch.max(scores, dim, keepdim=True).values)\n"
        "    return e * e.sum(dim, keepdim=True).reciprocal()"
    ),
    "row by row": (
        "    rows = scores.movedim(dim, -1)\n    flat = rows.reshape(-1, rows.shape[-1])\n"
        "    made = [(row - row.max()).exp() / (row - row.max()).exp().sum() for row in flat]\n"
        "    return torch.stack(made).reshape(rows.shape).movedim(-1, dim)"
    ),
}
AROUND = {
    "a progress bar": "from tqdm import tqdm\nfor _ in tqdm(range(1000)): pass\n",
    "a progress bar of one's own": (
        "import sys\nfor n in range(99): sys.stderr.write(f'\\r{n} %'); sys.stderr.flush()\n"
    ),
    "warnings, logs and a traceback": (
        "import logging, traceback, warnings\nlogging.warning('slow')\nwarnings.warn('old')\n"
        "try: 1 / 0\nexcept ZeroDivisionError: traceback.print_exc()\n"
    ),
    "many figures": (
        "import matplotlib.pyplot as plt\n"
        "for n in range(25):\n    plt.figure()\n    plt.plot([n])\nplt.show()\nplt.savefig('x.png')\n"
    ),
    "random numbers of every kind": (
        "import random, numpy, torch\nrandom.seed(3)\nnumpy.random.seed(3)\ntorch.manual_seed(3)\n"
        "torch.use_deterministic_algorithms(True)\nnumpy.seterr(all='raise')\n"
    ),
    "another device and print options": (
        "import torch\ntorch.set_default_device('meta')\ntorch.set_printoptions(precision=1)\n"
    ),
    "inference mode left on": "import torch\ntorch.inference_mode().__enter__()\n",
    "anomaly detection": "import torch\ntorch.autograd.set_detect_anomaly(True)\n",
    "names of ours used for something else": "inputs = values = check = name = probe = cell = 1\n",
    "a helper of the function's name": "def shifted(x): return x\nsoftmax_old = shifted\n",
}


@pytest.mark.parametrize("body", FORMULAS.values(), ids=FORMULAS)
def test_another_correct_formula_keeps_full_marks(grade, body):
    result = grade(f"import torch\n{HEAD}{body}\n")
    assert result.status == "correct", result.message


@pytest.mark.parametrize("cell", AROUND.values(), ids=AROUND)
def test_what_stands_around_a_right_function_costs_nothing(grade, cell):
    result = grade(RIGHT, before=[cell])
    assert result.status == "correct", result.message


def test_parameters_in_another_order_and_waiting_for_input_cost_nothing_else(server):
    """One exercise waits for a person, another declares its layers the other way round."""
    course, chapter = Course.find(ROOT), exercises.load(CHAPTER)
    right = solutions(course, CHAPTER)
    layer = re.compile(r"self\.\w+ = nn\.Linear.*")
    layers = layer.findall(right["SelfAttention"])
    turned = layer.sub(lambda found: layers.pop(), right["SelfAttention"])
    assert not layers and turned != right["SelfAttention"]
    asks = "def causal_mask(*arguments): return input('how long? ')\n"
    answers = {**right, "SelfAttention": turned, "causal_mask": asks}
    cells = [Cell("given", "import math\nimport torch\nfrom torch import Tensor, nn\n", "given")]
    cells += [Cell(name, text, "solution") for name, text in answers.items()]
    grader = Grader(CHAPTER, "a secret", server, Limits(seconds=30))
    results = grader.grade(Submission("ada", CHAPTER, tuple(cells), {})).exercises
    assert {e.id for e in chapter.exercises} == {one.exercise for one in results}
    found = {one.exercise: one for one in results}
    waits = found.pop("causal_mask")
    assert waits.status == "wrong" and "EOFError" in waits.message
    assert "remove it" in waits.visible[0].explanation
    assert {name: one.message for name, one in found.items() if one.status != "correct"} == {}


STARTS_A_PROCESS = {
    "a program": "import subprocess\nsubprocess.run(['pip', 'list'])",
    "a process": "import multiprocessing\nmultiprocessing.Process(target=print).start()",
    "a pool": "import multiprocessing\nmultiprocessing.Pool(2)",
    "an executor": (
        "from concurrent.futures import ProcessPoolExecutor\n"
        "ProcessPoolExecutor(2).submit(abs, 1).result()"
    ),
    "a data loader": "import torch\nlist(torch.utils.data.DataLoader(range(9), num_workers=2))",
}


@pytest.mark.parametrize("source", STARTS_A_PROCESS.values(), ids=STARTS_A_PROCESS)
def test_who_starts_a_process_is_told_that_there_are_none_and_what_to_do(server, source):
    job = {"cells": [{"id": "x", "source": source}], "package": {}, "replace": {}}
    with server.open(job) as session:
        error = session.receive(30)["error"]
    assert error["type"] == "PermissionError"
    assert "starts no other process" in error["message"] and "num_workers=0" in error["message"]
