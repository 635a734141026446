"""Cross-entropy against a case by hand, PyTorch, and extremes."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from minitransformer.losses import cross_entropy


def test_a_case_by_hand():
    # probabilities 1/4, 3/4 and 2/3, 1/3; the right classes have 3/4 and 2/3
    logits = torch.log(torch.tensor([[1.0, 3.0], [2.0, 1.0]]))
    expected = (math.log(4 / 3) + math.log(3 / 2)) / 2
    assert cross_entropy(logits, torch.tensor([1, 0])).item() == pytest.approx(expected)


@given(st.integers(0, 2**31), st.sampled_from([(), (3,), (2, 5), (1, 2, 3)]))
def test_it_agrees_with_pytorch_in_value_and_gradient(seed, shape):
    generator = torch.Generator().manual_seed(seed)
    logits = torch.randn(*shape, 7, generator=generator, dtype=torch.float64) * 9
    targets = torch.randint(7, shape, generator=generator)
    ours, theirs = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    loss = cross_entropy(ours, targets)
    expected = F.cross_entropy(theirs.reshape(-1, 7), targets.reshape(-1))
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(ours.grad, theirs.grad)


def test_huge_logits_neither_overflow_nor_vanish():
    logits = torch.tensor([[1e4, 0.0, -1e4]])
    losses = [cross_entropy(logits, torch.tensor([target])).item() for target in range(3)]
    assert losses == [0.0, 1e4, 2e4]


def test_equal_logits_cost_log_vocab():
    logits, targets = torch.full((2, 3, 11), 5.0), torch.zeros(2, 3, dtype=torch.int32)
    assert cross_entropy(logits, targets).item() == pytest.approx(math.log(11))


def test_the_dtype_of_the_logits_is_kept():
    logits = torch.zeros(3, 5, dtype=torch.float16)
    assert cross_entropy(logits, torch.tensor([0, 1, 2])).dtype == torch.float16


@pytest.mark.parametrize(
    ("targets", "error", "message"),
    [
        (torch.tensor([0.0, 1.0]), TypeError, "integer class numbers, got torch.float32"),
        (torch.tensor([True, False]), TypeError, "torch.bool"),
        (torch.tensor([0, 1, 2]), ValueError, r"targets of shape \(2,\)"),
        (torch.tensor([0, 5]), ValueError, r"0\.\.4 .* got 0\.\.5"),
        (torch.tensor([0, -100]), ValueError, r"got -100\.\.0"),
    ],
)
def test_wrong_targets_are_refused_with_the_reason(targets, error, message):
    with pytest.raises(error, match=message):
        cross_entropy(torch.zeros(2, 5), targets)


def test_the_mean_over_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one position"):
        cross_entropy(torch.zeros(0, 5), torch.zeros(0, dtype=torch.int64))
