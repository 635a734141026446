"""One set of marks on every device: the tolerances have room for its rounding, and a GPU agrees."""

import contextlib
from types import SimpleNamespace

import far
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


def marked(chapter, name, target, device):
    """What the judge says of a function that is observed on a device."""

    def look(asked, trial):
        fresh, probe = codec.normal(trial.inputs), trial.case.probe.__name__
        return codec.normal(runner.observe({name: target}, asked.id, probe, fresh, device=device))

    return judge.examine(exercises.load(chapter).exercise(name), chapter, judge.VISIBLE, look)


@pytest.mark.far
@pytest.mark.parametrize(("chapter", "name"), ALL, ids=[name for _, name in ALL])
def test_on_another_device_right_is_right(chapter, name):
    """No GPU needed: on a device that refuses what a GPU does; see `far`."""
    exercise = exercises.load(chapter).exercise(name)
    for target in (exercise.reference, *exercise.alternatives):
        with far.away():
            judgement = marked(chapter, name, target, far.DEVICE)
        assert judgement.share == 1, (target.__name__, judgement)


@pytest.mark.far
def test_on_another_device_wrong_is_wrong_in_the_same_way():
    for chapter, name in ALL[::14]:
        for misconception in exercises.load(chapter).exercise(name).misconceptions:
            target = misconception.ways[0]
            with far.away():
                judgement = marked(chapter, name, target, far.DEVICE)
            expected = marked(chapter, name, target, "cpu")
            assert judgement.share == expected.share, target.__name__
            assert judgement.misconception == expected.misconception, target.__name__


@pytest.mark.far
def test_what_is_drawn_on_another_device_are_the_numbers_of_the_cpu():
    draws = {
        "new": lambda: torch.rand(3),
        "with a generator": lambda: torch.randn(3, generator=torch.Generator().manual_seed(5)),
        "in place": lambda: torch.zeros(4).uniform_(),
        "from probabilities": lambda: torch.multinomial(torch.ones(5), 2),
        "dropped": lambda: torch.nn.functional.dropout(torch.ones(9)),
        "weights": lambda: torch.nn.Linear(2, 3).weight.detach(),
        "a number of its own": lambda: torch.randperm(6),
    }
    for name, draw in draws.items():
        torch.manual_seed(3)
        expected = draw()
        with far.away(), runner.on(far.DEVICE):
            torch.manual_seed(3)
            found = draw()
            assert found.device == torch.device(far.DEVICE), name
            assert found.tolist() == expected.tolist(), name
            assert torch.rand(2, device="cpu").device.type == "cpu"


def test_a_generator_of_the_device_itself_draws_there():
    """No such generator can be made without the device, so that a stand-in has its place."""

    def operator(*arguments, **options):
        return arguments, options

    operator.tags = [torch.Tag.nondeterministic_seeded]
    options = {"generator": SimpleNamespace(device=torch.device("cuda")), "device": "cuda"}
    found = runner.CpuDraws().__torch_dispatch__(operator, (), ([3],), options)
    assert found == (([3],), options)


@pytest.mark.far
def test_the_other_device_refuses_what_a_gpu_refuses():
    with far.away():
        there, here = torch.ones(2, 3, device=far.DEVICE), torch.ones(2, 3)
        with pytest.raises(RuntimeError, match="same device"):
            there + here
        with pytest.raises(RuntimeError, match="same device"):
            here[torch.zeros(1, dtype=torch.long, device=far.DEVICE)]
        with pytest.raises(RuntimeError, match="for generator"):
            torch.rand(2, generator=torch.Generator(), device=far.DEVICE)
        with pytest.raises(TypeError, match="numpy"):
            there.numpy()
        assert (there * torch.tensor(2.0)).cpu().tolist() == (2 * here).tolist()
        assert there[torch.tensor([0])].device == there.device


@NO_GPU
@pytest.mark.gpu
@pytest.mark.parametrize(("chapter", "name"), ALL, ids=[name for _, name in ALL])
def test_a_gpu_gives_the_same_marks(chapter, name):
    exercise = exercises.load(chapter).exercise(name)
    wrong = [way for misconception in exercise.misconceptions for way in misconception.ways]
    for target in (exercise.reference, *exercise.alternatives, *wrong):
        cpu, cuda = (marked(chapter, name, target, device) for device in ("cpu", "cuda"))
        assert cuda.share == cpu.share, target.__name__
        assert cuda.misconception == cpu.misconception, target.__name__
