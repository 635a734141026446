"""One set of marks on every device: the tolerances have room for its rounding, and a GPU agrees."""

import contextlib

import pytest
import torch
from typer.testing import CliRunner

from autograder import cli, exercises, judge, probes, runner
from autograder.compare import differences
from autograder.errors import AutograderError
from autograder.jobs import limits
from autograder.sandbox import codec

NO_GPU = pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no CUDA device here")
ALL = [
    (name, exercise.id) for name in exercises.names() for exercise in exercises.load(name).exercises
]
ROUNDED = 0.25
"""float32 may be off by this part of the tolerance: the rest is for other orders of the sums."""


@contextlib.contextmanager
def default_dtype(dtype):
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def cast(value, old, new):
    """Every float tensor of one dtype in another, wherever it stands."""
    if isinstance(value, torch.Tensor):
        return value.to(new) if value.dtype == old else value
    if isinstance(value, dict):
        return {key: cast(item, old, new) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(cast(item, old, new) for item in value)
    return value


@pytest.mark.parametrize(("chapter", "name"), ALL, ids=[name for _, name in ALL])
def test_rounding_in_float32_stays_far_inside_the_tolerance(chapter, name):
    exercise = exercises.load(chapter).exercise(name)
    compared = 0
    for trial in judge.trials(chapter, name, "rounding"):
        if not _deterministic(trial.case):
            continue
        wide = cast(codec.normal(trial.inputs), torch.float32, torch.float64)
        with default_dtype(torch.float64):
            seen = codec.normal(trial.case.probe(exercise.reference, wide))
        exact = cast(seen, torch.float64, torch.float32)
        found = differences(exact, trial.expected, trial.case.tolerance * ROUNDED)
        assert found is None or found.kind != "value", (trial.case.name, found)
        compared += 1
    if not compared:
        pytest.skip("all of its cases draw, or judge shapes alone")


OWN_NUMBERS = (probes.draws, probes.initial)
"""Probes that draw numbers of their own, which differ from one dtype to the other."""


def _deterministic(case):
    return case.values and case.probe not in OWN_NUMBERS


def test_without_a_gpu_cuda_is_refused_and_never_done_on_the_cpu(monkeypatch, tmp_path):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(AutograderError, match="no CUDA device here"):
        limits("cuda")
    (tmp_path / "ada").mkdir()
    done = CliRunner().invoke(cli.app, ["grade", str(tmp_path), "--device", "cuda", "--unsafe"])
    assert "no CUDA device here" in str(done.exception)


def test_a_gpu_is_not_used_for_a_class_unless_told_that_no_wall_stands_around_it(tmp_path):
    (tmp_path / "ada").mkdir()
    done = CliRunner().invoke(cli.app, ["grade", str(tmp_path), "--device", "cuda"])
    assert "--unsafe" in str(done.exception)


def test_inputs_are_moved_and_modules_are_made_where_the_probe_runs():
    """With the device that every machine has besides the CPU: one that holds no numbers."""
    nested = {"x": torch.ones(2), "more": [torch.ones(3), ("a", 1)]}
    there = runner.moved(nested, "meta")
    assert there["x"].is_meta and there["more"][0].is_meta and there["more"][1] == ("a", 1)
    assert runner.placed(torch.nn.Linear, "meta")(2, 3).weight.is_meta
    assert runner.placed(len, "meta") is len


@NO_GPU
@pytest.mark.gpu
@pytest.mark.parametrize(("chapter", "name"), ALL, ids=[name for _, name in ALL])
def test_a_gpu_gives_the_same_marks(chapter, name):
    exercise = exercises.load(chapter).exercise(name)
    wrong = [way for misconception in exercise.misconceptions for way in misconception.ways]
    for target in (exercise.reference, *exercise.alternatives, *wrong):
        space = {name: target}
        judged = []
        for device in ("cpu", "cuda"):

            def look(asked, trial, space=space, device=device):
                fresh = codec.normal(trial.inputs)
                probe = trial.case.probe.__name__
                return codec.normal(runner.observe(space, asked.id, probe, fresh, device=device))

            judged.append(judge.examine(exercise, chapter, judge.VISIBLE, look))
        cpu, cuda = judged
        assert cuda.share == cpu.share, target.__name__
        assert cuda.misconception == cpu.misconception, target.__name__
