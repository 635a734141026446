"""The learning rate worked by hand and against PyTorch's schedulers; clipping against PyTorch's."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minitransformer.training.schedule import clip_gradients, learning_rate_at


def rates(steps, **settings):
    return [learning_rate_at(step, steps, 8.0, **settings) for step in range(steps + 2)]


def test_the_rate_climbs_in_equal_steps_and_reaches_the_peak():
    assert rates(6, warmup=4, shape="constant") == [2, 4, 6, 8, 8, 8, 8, 8]


def test_the_linear_descent_worked_by_hand():
    assert rates(6, warmup=2, final=4.0, shape="linear") == [4, 8, 8, 7, 6, 5, 4, 4]


def test_the_cosine_descent_worked_by_hand():
    # cos 0, 60, 90, 120 and 180 degrees are 1, 1/2, 0, -1/2 and -1
    found = [learning_rate_at(step, 12, 10.0, 0, 2.0, "cosine") for step in (0, 4, 6, 8, 12, 99)]
    assert found == pytest.approx([10, 8, 6, 4, 2, 2])


def from_scheduler(make, steps):
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=8.0)
    scheduler, found = make(optimizer), []
    for _ in range(steps):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


def test_cosine_is_pytorchs_cosine_annealing():
    schedulers = torch.optim.lr_scheduler
    expected = from_scheduler(lambda o: schedulers.CosineAnnealingLR(o, 13, eta_min=0.5), 13)
    assert rates(13, final=0.5, shape="cosine")[:13] == pytest.approx(expected, rel=1e-9)


def test_warmup_and_linear_descent_are_pytorchs():
    schedulers = torch.optim.lr_scheduler
    climb = from_scheduler(lambda o: schedulers.LinearLR(o, 1 / 5, 1.0, total_iters=4), 5)
    fall = from_scheduler(lambda o: schedulers.LinearLR(o, 1.0, 0.25, total_iters=7), 7)
    found = rates(12, warmup=5, final=2.0, shape="linear")
    assert found[:12] == pytest.approx(climb + fall, rel=1e-9)


@given(
    st.integers(0, 40),
    st.integers(1, 30),
    st.integers(0, 35),
    st.sampled_from(["cosine", "linear", "constant"]),
)
def test_no_rate_is_above_the_peak_or_below_zero(step, steps, warmup, shape):
    assert 0 <= learning_rate_at(step, steps, 3.0, warmup, 0.0, shape) <= 3.0


def test_an_unknown_shape_is_refused():
    with pytest.raises(ValueError, match="shape must be cosine, linear or constant, got 'step'"):
        learning_rate_at(0, 5, 1.0, shape="step")


def draw_gradients(scale):
    generator = torch.Generator().manual_seed(0)
    shapes = [(3, 5), (7,), (2, 3, 2)]
    return [scale * torch.randn(s, generator=generator, dtype=torch.float64) for s in shapes]


@pytest.mark.parametrize("scale", [0.01, 1.0, 100.0])
def test_clipping_is_pytorchs(scale):
    gradients = draw_gradients(scale)
    parameters = [torch.nn.Parameter(torch.zeros_like(gradient)) for gradient in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient.clone()
    torch.nn.utils.clip_grad_norm_(parameters, 1.5)
    for parameter, found in zip(parameters, clip_gradients(gradients, 1.5), strict=True):
        # PyTorch divides by the norm plus 1e-6
        torch.testing.assert_close(found, parameter.grad, rtol=1e-6, atol=0)


def test_clipping_never_makes_gradients_longer():
    gradients = draw_gradients(0.001)
    for before, after in zip(gradients, clip_gradients(gradients, 50.0), strict=True):
        assert torch.equal(before, after)


def test_what_is_clipped_has_the_longest_norm_allowed():
    clipped = clip_gradients(draw_gradients(10.0), 0.25)
    assert float(sum((each**2).sum() for each in clipped).sqrt()) == pytest.approx(0.25)


def test_gradients_of_zero_stay_zero():
    assert torch.equal(clip_gradients([torch.zeros(3)], 1.0)[0], torch.zeros(3))


def test_clipping_leaves_its_arguments_alone_and_takes_a_generator():
    gradients = draw_gradients(10.0)
    before = [gradient.clone() for gradient in gradients]
    assert len(clip_gradients((gradient for gradient in gradients), 1.0)) == 3
    for gradient, old in zip(gradients, before, strict=True):
        assert torch.equal(gradient, old)


@pytest.mark.parametrize("norm", [0.0, -1.0, float("nan")])
def test_a_norm_that_is_not_positive_is_refused(norm):
    with pytest.raises(ValueError, match="max_norm must be positive, got"):
        clip_gradients([torch.ones(2)], norm)
