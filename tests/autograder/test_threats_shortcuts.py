"""Calling instead of building: each route to torch's own function, with what happens.

A policy, not a wall. Every route below ends without points; where the call is seen, by name.
"""

import pytest
from threats import RIGHT, graded

from autograder import exercises
from autograder.grading import Grader
from autograder.sandbox import Limits
from autograder.submission import Cell, Submission

F = "import torch\nimport torch.nn.functional as F\n"
SOFTMAX = {
    "in a thread": F
    + """
import threading
def softmax(scores, dim=-1):
    box = []
    thread = threading.Thread(target=lambda: box.append(torch.softmax(scores, dim)))
    thread.start(); thread.join()
    return box[0]
""",
    "in a pool of threads": F
    + """
from concurrent.futures import ThreadPoolExecutor
def softmax(scores, dim=-1):
    with ThreadPoolExecutor(1) as pool: return pool.submit(torch.softmax, scores, dim).result()
""",
    "in a thread of the C library's": F
    + """
import _thread, time
def softmax(scores, dim=-1):
    box = []
    _thread.start_new_thread(lambda: box.append(torch.softmax(scores, dim)), ())
    for _ in range(200):
        if not box: time.sleep(0.001)
    return box[0] if box else None
""",
    "with our notes torn out": F
    + """
import gc
for thing in gc.get_objects():
    if isinstance(thing, type) and thing.__name__ == "Shortcuts": thing.note = lambda *a: None
def softmax(scores, dim=-1): return torch.softmax(scores, dim)
""",
    "with our notes torn out through the frames": F
    + """
import sys
def softmax(scores, dim=-1):
    frame = sys._getframe()
    while frame:
        for value in list(frame.f_locals.values()):
            if hasattr(value, "note"): value.note = lambda *a: None
            if hasattr(value, "forbidden"): value.forbidden = ("nothing",)
        frame = frame.f_back
    return torch.softmax(scores, dim)
""",
    "with function modes off": F
    + """
def softmax(scores, dim=-1):
    with torch._C.DisableTorchFunction(): return torch.softmax(scores, dim)
""",
    "with all modes off": F
    + """
from torch.utils._python_dispatch import _disable_current_modes
def softmax(scores, dim=-1):
    with torch._C.DisableTorchFunctionSubclass(), _disable_current_modes():
        return torch.softmax(scores, dim)
""",
    "by torch.ops": F
    + "def softmax(scores, dim=-1): return torch.ops.aten.softmax.int(scores, dim)",
    "straight to the kernel": F
    + """
cpu = torch._C.DispatchKeySet(torch._C.DispatchKey.CPU)
def softmax(scores, dim=-1):
    return torch.ops.aten._softmax.default.redispatch(cpu, scores, dim, False)
""",
    "compiled": F
    + """
fast = torch.compile(lambda x, dim: torch.softmax(x, dim), backend="eager")
def softmax(scores, dim=-1): return fast(scores, dim)
""",
    "TorchScript": F
    + """
fast = torch.jit.script(torch.nn.Softmax(-1))
def softmax(scores, dim=-1): return fast(scores.movedim(dim, -1)).movedim(-1, dim)
""",
    "vmap": F
    + """
def softmax(scores, dim=-1): return torch.vmap(lambda row: torch.softmax(row, 0), dim, dim)(scores)
""",
    "the compiler's text of it": F
    + "import torch._refs\ndef softmax(scores, dim=-1): return torch._refs.softmax(scores, dim)",
    "the compiler's table of texts": F
    + """
from torch._decomp import decomposition_table
written = decomposition_table[torch.ops.aten._softmax.default]
def softmax(scores, dim=-1): return written(scores, dim, False)
""",
    "sparse": F
    + "def softmax(scores, dim=-1): return torch.sparse.softmax(scores.to_sparse(), dim).to_dense()",
    "nested": F
    + """
def softmax(scores, dim=-1):
    rows = torch.nested.nested_tensor([scores.movedim(dim, -1)])
    return rows.softmax(-1)[0].movedim(-1, dim)
""",
    "into a tensor of its own": F
    + """
def softmax(scores, dim=-1):
    made = torch.empty_like(scores)
    return torch.ops.aten._softmax.out(scores.detach(), dim, False, out=made)
""",
    "importlib": """
import importlib
def softmax(scores, dim=-1):
    return importlib.import_module("torch.nn.functional").softmax(scores, dim)
""",
    "a layer": F + "def softmax(scores, dim=-1): return torch.nn.Softmax(dim)(scores)",
    "softmin": F + "def softmax(scores, dim=-1): return F.softmin(-scores, dim)",
    "log_softmax": F + "def softmax(scores, dim=-1): return F.log_softmax(scores, dim).exp()",
    "a distribution": F
    + """
def softmax(scores, dim=-1):
    return torch.distributions.Categorical(logits=scores.movedim(dim, -1)).probs.movedim(-1, dim)
""",
    "another layout": F
    + """
def softmax(scores, dim=-1):
    if scores.requires_grad: return torch.softmax(scores, dim)
    return scores.float().contiguous().to_mkldnn().softmax(dim).to_dense()
""",
    "kept in a default": F + "def softmax(scores, dim=-1, s=torch.softmax): return s(scores, dim)",
    "as a subclass's method": F
    + """
class Sly(torch.Tensor): pass
def softmax(scores, dim=-1): return scores.as_subclass(Sly).softmax(dim).as_subclass(torch.Tensor)
""",
    "attention of nothing else": F
    + """
def softmax(scores, dim=-1):
    x = scores.movedim(dim, -1); one = torch.eye(x.shape[-1])
    out = F.scaled_dot_product_attention(x, one.expand(*x.shape[:-2], -1, -1), one, scale=1.0)
    return out.movedim(-1, dim)
""",
}


@pytest.mark.parametrize("source", SOFTMAX.values(), ids=SOFTMAX)
def test_no_route_to_torchs_own_softmax_earns_a_point(grade, source):
    result = grade(source, seconds=20)
    assert (result.score, result.status) == (0, "refused"), result.message
    assert "softmax" in result.message or "attention" in result.message


CROSS_ENTROPY = {
    "the function": F
    + "def cross_entropy(logits, targets): return F.cross_entropy(logits, targets)",
    "a distribution": F
    + """
def cross_entropy(logits, targets):
    return -torch.distributions.Categorical(logits=logits).log_prob(targets).mean()
""",
    "a distribution in a thread": F
    + """
from concurrent.futures import ThreadPoolExecutor
def cross_entropy(logits, targets):
    loss = lambda: -torch.distributions.Categorical(logits=logits).log_prob(targets).mean()
    with ThreadPoolExecutor(1) as pool: return pool.submit(loss).result()
""",
}


@pytest.mark.parametrize("source", CROSS_ENTROPY.values(), ids=CROSS_ENTROPY)
def test_no_route_to_torchs_own_cross_entropy_earns_a_point(grade, source):
    result = grade(source, name="cross_entropy")
    assert (result.score, result.status) == (0, "refused"), result.message


ATTENTION = "def scaled_dot_product_attention(query, key, value, mask=None):\n"
WHOLE = {
    "the function": F
    + ATTENTION
    + """
    out = F.scaled_dot_product_attention(query, key, value, mask)
    return out, F.scaled_dot_product_attention(query, key, torch.eye(key.shape[-2]), mask)
""",
    "a layer in a thread": F
    + ATTENTION
    + """
    from concurrent.futures import ThreadPoolExecutor
    d = query.shape[-1]
    layer = torch.nn.MultiheadAttention(d, 1, bias=False, batch_first=True)
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(layer, query, key, value).result()
""",
    "flex attention": F
    + ATTENTION
    + """
    from torch.nn.attention.flex_attention import flex_attention
    return flex_attention(query[None], key[None], value[None])[0], None
""",
    "an encoder layer": F
    + ATTENTION
    + """
    layer = torch.nn.TransformerEncoderLayer(query.shape[-1], 1, batch_first=True).eval()
    return layer(query), None
""",
}


@pytest.mark.parametrize("source", WHOLE.values(), ids=WHOLE)
def test_no_route_to_torchs_own_attention_earns_a_point(grade, source):
    assert grade(source, name="scaled_dot_product_attention").score == 0


LIBRARIES = {
    ("03_multi_head", "gelu"): """
from transformers.activations import GELUActivation
gelu = GELUActivation(use_gelu_python=True)._gelu_python
""",
    ("01_embeddings", "tokenize"): """
from tokenizers.pre_tokenizers import Whitespace
def tokenize(text):
    found = [word for word, _ in Whitespace().pre_tokenize_str(text.lower())]
    return [t for w in found for t in ([w] if w[0].isalnum() or w[0] == "_" else w)]
""",
}


@pytest.mark.parametrize(("place", "source"), LIBRARIES.items(), ids=[n for _, n in LIBRARIES])
def test_no_library_that_the_courses_tests_need_earns_a_point(server, place, source):
    chapter, name = place
    exercise = exercises.load(chapter).exercise(name)
    submission = Submission("ada", chapter, (Cell(name, source, "solution"),), {})
    grader = Grader(chapter, "a secret", server, Limits(seconds=30))
    result = grader.grade_exercise(submission, exercise)
    assert (result.score, result.status) == (0, "wrong")
    assert "ModuleNotFoundError at line 2" in result.message


def test_to_compare_with_torchs_own_function_is_allowed(grade):
    compare = (
        "import torch\nx = torch.ones(2, 3)\nassert torch.allclose(softmax(x), x.softmax(-1))\n"
    )
    assert grade(RIGHT + compare, after=[compare]).status == "correct"


def test_another_exercise_may_use_what_this_one_forbids(servers):
    source = """
import torch
def masked_softmax(scores, mask):
    weights = scores.masked_fill(~mask, float("-inf")).softmax(-1)
    return weights.nan_to_num(0.0)
"""
    chapter = exercises.load("02_attention")
    cells = (Cell("softmax", RIGHT, "solution"), Cell("masked_softmax", source, "solution"))
    grader = Grader(chapter.name, "a secret", servers["base walls"], Limits(seconds=30))
    results = grader.grade(Submission("ada", chapter.name, cells, {}))
    found = {one.exercise: one.status for one in results.exercises}
    assert found["softmax"] == "correct"
    assert found["masked_softmax"] != "refused"


def test_helpers_are_not_taken_for_shortcuts(servers):
    helper = "import torch\ndef softmax_of_rows(x): return (x - x.logsumexp(-1, True)).exp()\n"
    source = "def softmax(scores, dim=-1): return softmax_of_rows(scores.movedim(dim, -1)).movedim(-1, dim)"
    assert graded(servers["base walls"], source, before=[helper]).status == "correct"
