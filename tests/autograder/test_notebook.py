"""What a learner sees in the notebook: checks, hints, quizzes, progress, what `use` hands out."""

import contextlib
import importlib
import linecache
import sys

import pytest
import torch

from autograder import exercises, notebook
from autograder.course import Course

PRELUDE = "import math\nimport torch\nfrom torch import nn\n"
SOFTMAX = """
def softmax(scores, dim=-1):
    e = shifted(scores, dim).exp()
    return e / e.sum(dim=dim, keepdim=True)

def shifted(scores, dim):
    return scores - scores.amax(dim=dim, keepdim=True)
"""
FIRST_AXIS = SOFTMAX.replace("shifted(scores, dim).exp()", "shifted(scores, 0).exp()").replace(
    "e.sum(dim=dim", "e.sum(dim=0"
)
STUB = "def softmax(scores, dim=-1):\n    raise NotImplementedError()\n"
SCORES = """
def similarity_scores(query, key):
    return query @ key.transpose(-2, -1) / math.sqrt(query.shape[-1])
"""
WEIGHTS = """
def attention_weights(query, key, mask=None):
    scores = similarity_scores(query, key)
    if mask is not None:
        scores = scores.masked_fill(~mask, -math.inf)
    return softmax(scores)
"""


@pytest.fixture(autouse=True)
def fresh(monkeypatch, tmp_path):
    for name in ("_right", "_hints_shown"):
        monkeypatch.setattr(notebook, name, {})
    for name in ("_seen_right", "_told", "_said"):
        monkeypatch.setattr(notebook, name, set())
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def kernel():
    """Runs cells in one namespace, as a kernel does."""
    space = {"__name__": "__main__"}

    def run(*cells):
        for number, source in enumerate((PRELUDE, *cells)):
            name = f"<cell {number}-{len(space)}>"
            linecache.cache[name] = (len(source), None, source.splitlines(keepends=True), name)
            exec(compile(source, name, "exec"), space)
        return space

    return run


def test_a_right_function_is_told_so(kernel, capsys):
    notebook.check(kernel(SOFTMAX)["softmax"])
    assert "softmax: right" in capsys.readouterr().out


def test_a_wrong_answer_names_the_property_the_values_and_the_mistake(kernel, capsys):
    notebook.check(kernel(FIRST_AXIS)["softmax"])
    shown = capsys.readouterr().out
    assert "softmax: not yet" in shown
    assert "each row sums to 1: no." in shown
    assert "expected" in shown and "got" in shown
    assert "It looks as if" in shown


PAIR = """
class MultiHeadAttention(nn.Module):
    def __init__(self, d_model, num_heads):
        super().__init__()
        self.num_heads = num_heads
        self.query, self.key = nn.Linear(d_model, d_model), nn.Linear(d_model, d_model)
        self.value, self.output = nn.Linear(d_model, d_model), nn.Linear(d_model, d_model)

    def forward(self, x, mask=None):
        mask = None if mask is None else mask.unsqueeze(-3)
        layers = (self.query, self.key, self.value)
        split = (split_heads(of(x), self.num_heads) for of in layers)
        context = scaled_dot_product_attention(*split, mask)
        return self.output(merge_heads(context))
"""


def test_a_mistake_that_only_raises_is_named_by_its_errors_own_words(kernel, capsys):
    given = "from minitransformer import merge_heads, scaled_dot_product_attention, split_heads\n"
    notebook.check(kernel(given, PAIR)["MultiHeadAttention"])
    assert "Take it apart: context, weights =" in capsys.readouterr().out
    other = PAIR.replace("merge_heads(context)", "merge_heads(context.nothing)")
    notebook.check(kernel(given, other)["MultiHeadAttention"])
    shown = capsys.readouterr().out
    assert "AttributeError" in shown and "It looks as if" not in shown


def test_the_stub_is_not_yet_and_no_traceback(kernel, capsys):
    notebook.check(kernel(STUB)["softmax"])
    assert "not yet. Replace the NotImplementedError" in capsys.readouterr().out


def test_what_torch_does_not_implement_is_no_untouched_stub(kernel, capsys):
    body = "    return (scores > 0) & torch.zeros_like(scores)\n"
    notebook.check(kernel(f"def softmax(scores, dim=-1):\n{body}")["softmax"])
    shown = capsys.readouterr().out
    assert "not implemented for 'Float'" in shown and "Replace the" not in shown


def test_a_shape_error_is_told_in_words_with_the_learners_line(kernel, capsys):
    notebook.check(
        kernel("def softmax(scores, dim=-1):\n    return scores @ torch.zeros(99, 98)\n")["softmax"]
    )
    shown = capsys.readouterr().out
    assert "raised RuntimeError" in shown and "(line 2)" in shown
    assert "Traceback" not in shown and "autograder" not in shown


@pytest.mark.parametrize(
    "result", ["None", "object()", "[1, 2]", "'text'", "scores[0]", "scores.tolist()"]
)
def test_any_odd_result_is_told_in_words(kernel, capsys, result):
    notebook.check(kernel(f"def softmax(scores, dim=-1):\n    return {result}\n")["softmax"])
    shown = capsys.readouterr().out
    assert "not yet" in shown and "xpected" in shown


def test_calling_torchs_own_function_is_told(kernel, capsys):
    notebook.check(
        kernel("def softmax(scores, dim=-1):\n    return torch.softmax(scores, dim)\n")["softmax"]
    )
    assert "torch's own softmax" in capsys.readouterr().out


def test_a_check_leaves_the_learners_torch_as_it_was(kernel, capsys):
    torch.manual_seed(5)
    before = torch.get_rng_state(), torch.get_num_threads(), torch.get_default_dtype()
    notebook.check(kernel(SOFTMAX)["softmax"])
    after = torch.get_rng_state(), torch.get_num_threads(), torch.get_default_dtype()
    assert torch.equal(after[0], before[0])
    assert after[1:] == before[1:]


def test_what_is_no_exercise_is_told(capsys):
    for thing, words in ((len, "'len' is not an exercise"), ([1], "a list is not an exercise")):
        notebook.check(thing)
        assert words in capsys.readouterr().out.lower()
    notebook.check("softmax")
    assert "without quotes: check(softmax)" in capsys.readouterr().out


def test_an_endless_loop_is_stopped_and_told(kernel, capsys, monkeypatch):
    monkeypatch.setattr(notebook, "CHECK_SECONDS", 0.3)
    notebook.check(kernel("def softmax(scores, dim=-1):\n    while True: pass\n")["softmax"])
    assert "a loop that never ends" in capsys.readouterr().out


@pytest.mark.parametrize(
    "result",
    ["10 ** 400", "scores + 10 ** 400", "'\\ud800'", "float('nan')", "bytearray(10 ** 15)"],
)
def test_a_value_that_cannot_be_compared_is_told_in_words(kernel, capsys, result):
    for source in (f"return {result}", f"raise ValueError(str({result}))"):
        notebook.check(kernel(f"def softmax(scores, dim=-1):\n    {source}\n")["softmax"])
        assert "not yet" in capsys.readouterr().out


def test_a_lambda_is_found_by_its_name_in_the_notebook(capsys, monkeypatch):
    reference = exercises.chapter_of("softmax").exercise("softmax").reference
    mine = lambda scores, dim=-1: reference(scores, dim)  # noqa: E731
    monkeypatch.setattr(sys.modules["__main__"], "softmax", mine, raising=False)
    notebook.check(mine)
    assert "softmax: right" in capsys.readouterr().out


def test_under_nbgraders_validate_a_wrong_answer_raises(kernel, monkeypatch):
    monkeypatch.setenv("NBGRADER_EXECUTION", "validate")
    with pytest.raises(AssertionError, match="not right yet"):
        notebook.check(kernel(FIRST_AXIS)["softmax"])


def test_a_function_right_on_top_of_a_wrong_one_is_right_and_told(kernel, capsys):
    space = kernel(FIRST_AXIS, SCORES, WEIGHTS)
    notebook.check(space["attention_weights"])
    shown = capsys.readouterr().out
    assert "attention_weights: right" in shown
    assert "softmax in place of yours" in shown
    assert space["softmax"](torch.zeros(2, 4)).sum(-1).tolist() != [1, 1]  # theirs is back


def test_hints_tell_more_each_time_and_then_stay(capsys):
    hints = exercises.chapter_of("softmax").exercise("softmax").hints
    for expected in (*hints, hints[-1]):
        notebook.hint("softmax")
        assert expected[:40] in capsys.readouterr().out


def test_every_quiz_question_shows_and_answers_every_choice(capsys):
    for name in exercises.names():
        for question in exercises.load(name).quizzes:
            notebook.quiz(question.id)
            assert question.choices[-1].text in capsys.readouterr().out
            assert sum(choice.right for choice in question.choices) == 1
            for letter, choice in zip("abcdefgh", question.choices, strict=False):
                notebook.quiz(question.id, letter)
                shown = capsys.readouterr().out
                assert choice.why in shown and ("is right" in shown) == choice.right


def test_a_quiz_says_which_answers_and_questions_there_are(capsys):
    question = exercises.load("02_attention").quizzes[0].id
    notebook.quiz(question, "z")
    assert "one of a, b" in capsys.readouterr().out


def test_a_question_that_is_none_is_told_with_those_of_this_chapter_alone(
    capsys, monkeypatch, tmp_path
):
    (tmp_path / "02_attention").mkdir()
    monkeypatch.chdir(tmp_path / "02_attention")
    notebook.quiz("nope")
    shown = capsys.readouterr().out
    assert "no question 'nope'" in shown and len(shown.splitlines()) <= 2
    here, elsewhere = (exercises.load(name).quizzes for name in ("02_attention", "03_multi_head"))
    assert all(question.id in shown for question in here)
    assert not any(question.id in shown for question in elsewhere)


def test_a_question_that_is_none_is_told_where_no_chapter_is_known(capsys):
    notebook.quiz("nope", "a")
    shown = capsys.readouterr().out
    assert "no question 'nope'" in shown and len(shown.splitlines()) <= 2
    assert not any(q.id in shown for n in exercises.names() for q in exercises.load(n).quizzes)


def test_a_hint_for_what_is_no_exercise_is_told(capsys):
    notebook.hint("nope")
    assert "'nope' is not an exercise" in capsys.readouterr().out


def test_use_hands_out_the_learners_function_only_when_it_is_right(kernel, capsys):
    right, wrong = kernel(SOFTMAX)["softmax"], kernel(FIRST_AXIS)["softmax"]
    assert notebook.use(right) is right
    assert "Using your softmax" in capsys.readouterr().out
    assert notebook.use(wrong) is exercises.chapter_of("softmax").exercise("softmax").reference
    assert "reference softmax" in capsys.readouterr().out


def test_use_says_the_same_thing_once_in_a_cell(kernel, capsys, monkeypatch):
    monkeypatch.setattr(notebook, "get_ipython", object)
    right = kernel(SOFTMAX)["softmax"]
    said = []
    for _ in range(2):  # two cells
        for _ in range(3):
            notebook.use(right)
        said.append(capsys.readouterr().out)
        notebook._said.clear()
    assert said == ["Using your softmax.\n"] * 2


def test_use_waits_for_what_a_function_stands_on(kernel, capsys):
    space = kernel(STUB, SCORES, WEIGHTS)
    reference = exercises.chapter_of("softmax").exercise("attention_weights").reference
    assert notebook.use(space["attention_weights"]) is reference
    assert "waiting for your softmax" in capsys.readouterr().out


@pytest.fixture
def work(tmp_path, monkeypatch):
    """A learner's work folder, with the kernel inside it."""
    (tmp_path / "nbgrader_config.py").touch()
    (tmp_path / "solutions").mkdir()
    folder = Course(tmp_path).work / "02_attention"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    monkeypatch.delenv("AUTOGRADER_COURSE", raising=False)
    with contextlib.ExitStack() as stack:
        stack.callback(
            lambda: [sys.modules.pop(n) for n in list(sys.modules) if n.startswith("mytransformer")]
        )
        stack.callback(
            lambda: sys.path.__setitem__(
                slice(None), [p for p in sys.path if str(tmp_path) not in p]
            )
        )
        yield folder.parent


def test_a_passing_check_exports_the_function_with_its_helpers(kernel, work, capsys):
    notebook.check(kernel(SOFTMAX)["softmax"])
    assert "work/mytransformer/attention.py" in capsys.readouterr().out
    sys.path.insert(0, str(work))
    mine = importlib.import_module("mytransformer.attention")
    assert torch.allclose(mine.softmax(torch.ones(2, 4)), torch.full((2, 4), 0.25))


def test_the_first_right_answer_says_what_saving_is_for_and_the_next_ones_where(
    kernel, work, capsys
):
    space = kernel(SOFTMAX, SCORES)
    notebook.check(space["softmax"])
    assert "Later chapters take it from there" in capsys.readouterr().out
    notebook.check(space["similarity_scores"])
    shown = capsys.readouterr().out
    assert "Saved to" in shown and "Later chapters" not in shown
    notebook.progress()
    assert "work/mytransformer" in capsys.readouterr().out


def test_outside_the_work_folder_it_is_said_once_that_nothing_is_saved(kernel, capsys):
    space = kernel(SOFTMAX, SCORES)
    notebook.check(space["softmax"])
    shown = capsys.readouterr().out
    assert "Not saved" in shown and "autograder lab" in shown
    notebook.check(space["similarity_scores"])
    assert "aved" not in capsys.readouterr().out
    notebook.progress()
    assert "Nothing is saved" in capsys.readouterr().out


def test_the_instructors_notebooks_say_nothing_of_saving(kernel, work, capsys, monkeypatch):
    folder = work.parent / "solutions" / "02_attention"
    folder.mkdir()
    monkeypatch.chdir(folder)
    notebook.check(kernel(SOFTMAX)["softmax"])
    notebook.progress()
    assert "aved" not in capsys.readouterr().out


def test_what_an_exported_function_stands_on_comes_from_the_package_or_the_reference(
    kernel, work, capsys
):
    space = kernel(FIRST_AXIS, SCORES, WEIGHTS)
    notebook.check(space["attention_weights"])
    text = (work / "mytransformer" / "attention.py").read_text()
    assert "from minitransformer.attention import similarity_scores" in text
    notebook.check(space["similarity_scores"])
    notebook.check(kernel(SOFTMAX)["softmax"])
    text = (work / "mytransformer" / "attention.py").read_text()
    assert "minitransformer" not in text
    sys.path.insert(0, str(work))
    weights = importlib.import_module("mytransformer.attention").attention_weights
    assert weights(torch.zeros(2, 3), torch.zeros(5, 3)).sum(-1).tolist() == pytest.approx([1, 1])


def test_use_by_name_prefers_the_exported_function(kernel, work, capsys):
    assert notebook.use("softmax") is exercises.chapter_of("softmax").exercise("softmax").reference
    notebook.check(kernel(SOFTMAX)["softmax"])
    assert notebook.use("softmax").__module__ == "mytransformer.attention"


def test_progress_remembers_across_sessions(kernel, work, capsys, monkeypatch):
    notebook.check(kernel(SOFTMAX)["softmax"])
    monkeypatch.setattr(notebook, "_seen_right", set())
    capsys.readouterr()
    notebook.progress()
    shown = capsys.readouterr().out
    assert "✓ softmax" in shown and "○ attention_weights" in shown
