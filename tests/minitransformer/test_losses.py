"""Losses against cases by hand, PyTorch, and extremes."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from minitransformer.losses import (
    cross_entropy,
    label_smoothing_loss,
    masked_lm_loss,
    next_token_loss,
    pretraining_loss,
    smoothed_probability,
    two_objective_loss,
)


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


def random_logits(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator, dtype=torch.float64) * 3


def random_ids(*shape, vocab=7, seed=1):
    return torch.randint(vocab, shape, generator=torch.Generator().manual_seed(seed))


def assert_same_value_and_gradient(ours, theirs, logits):
    """Compares two losses, both called with the logits."""
    one, other = logits.clone().requires_grad_(), logits.clone().requires_grad_()
    loss, expected = ours(one), theirs(other)
    torch.testing.assert_close(loss, expected)
    loss.backward()
    expected.backward()
    torch.testing.assert_close(one.grad, other.grad)


def test_the_next_token_loss_shifts_once():
    # place 0 is sure of 2, place 1 of 1: right for the text 0 2 1, whatever place 2 says
    logits = torch.full((1, 3, 3), -50.0)
    logits[0, 0, 2] = logits[0, 1, 1] = logits[0, 2, 0] = 50.0
    assert next_token_loss(logits, torch.tensor([[0, 2, 1]])).item() == 0.0
    assert next_token_loss(logits, torch.tensor([[2, 1, 0]])).item() == pytest.approx(100.0)


def test_the_next_token_loss_agrees_with_pytorch_on_shifted_pairs():
    ids = random_ids(3, 5)
    assert_same_value_and_gradient(
        lambda logits: next_token_loss(logits, ids),
        lambda logits: F.cross_entropy(logits[:, :-1].reshape(-1, 7), ids[:, 1:].reshape(-1)),
        random_logits(3, 5, 7),
    )


def test_the_next_token_loss_leaves_out_what_is_not_to_be_learned():
    labels = random_ids(3, 5)
    labels[0, :3] = labels[2, 4] = -100
    assert_same_value_and_gradient(
        lambda logits: next_token_loss(logits, labels),
        lambda logits: F.cross_entropy(logits[:, :-1].reshape(-1, 7), labels[:, 1:].reshape(-1)),
        random_logits(3, 5, 7),
    )


def test_a_next_token_loss_over_nothing_is_refused():
    with pytest.raises(ValueError, match="at least one position"):
        next_token_loss(torch.zeros(2, 1, 7), torch.zeros(2, 1, dtype=torch.int64))
    with pytest.raises(ValueError, match=r"\(2, 4, 7\) and \(2, 5\); shift neither"):
        next_token_loss(torch.zeros(2, 4, 7), random_ids(2, 5))


def test_the_masked_loss_is_the_mean_over_chosen_places_only():
    labels = random_ids(3, 5)
    labels[:, 1:4] = -100
    assert_same_value_and_gradient(
        lambda logits: masked_lm_loss(logits, labels),
        lambda logits: F.cross_entropy(logits.reshape(-1, 7), labels.reshape(-1)),
        random_logits(3, 5, 7),
    )


def test_the_masked_loss_of_nothing_chosen_is_0_and_teaches_nothing():
    logits = random_logits(2, 3, 7)
    logits[0, 0, 0] = math.inf
    logits.requires_grad_()
    loss = masked_lm_loss(logits, torch.full((2, 3), -100))
    assert loss.item() == 0.0
    loss.backward()
    assert torch.equal(logits.grad, torch.zeros(2, 3, 7, dtype=torch.float64))


def test_a_masked_loss_with_labels_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"need labels of shape \(2, 3\) .* got \(2, 4\)"):
        masked_lm_loss(torch.zeros(2, 3, 7), torch.full((2, 4), -100))


def test_the_loss_of_pretraining_adds_the_words_and_the_pairs():
    mlm_logits, nsp_logits = random_logits(3, 5, 7), random_logits(3, 2)
    labels = random_ids(3, 5)
    labels[:, 2:] = -100
    words = F.cross_entropy(mlm_logits.flatten(0, 1), labels.flatten())
    pairs = F.cross_entropy(nsp_logits, torch.tensor([1, 0, 1]))
    loss = pretraining_loss(mlm_logits, labels, nsp_logits, torch.tensor([False, True, False]))
    assert loss.item() == pytest.approx((words + pairs).item())
    with pytest.raises(TypeError, match="must be bool .* got torch.int64"):
        pretraining_loss(mlm_logits, labels, nsp_logits, torch.tensor([0, 1, 0]))


@pytest.mark.parametrize("smoothing", [0.0, 0.1, 0.7, 1.0])
@pytest.mark.parametrize("pad_id", [None, 0])
def test_label_smoothing_agrees_with_pytorch(smoothing, pad_id):
    targets = random_ids(3, 5, vocab=4)
    assert (targets == 0).any()
    assert_same_value_and_gradient(
        lambda logits: label_smoothing_loss(logits, targets, smoothing, pad_id),
        lambda logits: F.cross_entropy(
            logits.reshape(-1, 7),
            targets.reshape(-1),
            label_smoothing=smoothing,
            ignore_index=-100 if pad_id is None else pad_id,
        ),
        random_logits(3, 5, 7),
    )


def test_label_smoothing_by_hand():
    # probabilities 1/4 3/4, right is 1, s = 0.2: q = 0.1 0.9
    loss = label_smoothing_loss(torch.tensor([[1.0, 3.0]]).log(), torch.tensor([1]), 0.2)
    assert loss.item() == pytest.approx(0.1 * math.log(4) + 0.9 * math.log(4 / 3))


def test_label_smoothing_survives_huge_logits():
    # log-probabilities 0 and -1e4; q = 0.95 0.05
    loss = label_smoothing_loss(torch.tensor([[1e4, 0.0]]), torch.tensor([0]), 0.1)
    assert loss.item() == pytest.approx(500.0)


def test_impossible_smoothing_and_pure_padding_are_refused():
    with pytest.raises(ValueError, match="a share from 0 to 1, got 1.5"):
        label_smoothing_loss(torch.zeros(2, 7), random_ids(2), 1.5)
    with pytest.raises(ValueError, match="at least one position"):
        label_smoothing_loss(torch.zeros(2, 7), torch.zeros(2, dtype=torch.int64), pad_id=0)


def test_two_objectives_add_up_by_weight():
    task, language = torch.tensor(3.0, requires_grad=True), torch.tensor(5.0, requires_grad=True)
    assert two_objective_loss(task, language).item() == 5.5
    loss = two_objective_loss(task, language, 0.25)
    assert loss.item() == 4.25
    loss.backward()
    assert (task.grad, language.grad) == (1.0, 0.25)
    with pytest.raises(ValueError, match="at least 0, got -1"):
        two_objective_loss(task, language, -1)


@pytest.mark.parametrize(("vocab", "smoothing"), [(3, 0.2), (7, 0.5), (5, 0.0), (2, 1.0)])
def test_the_smoothed_loss_is_least_at_the_smoothed_probability(vocab, smoothing):
    def loss_at(right):
        others = (1 - right) / (vocab - 1)
        logits = torch.full((1, vocab), others, dtype=torch.float64)
        logits[0, 1] = right
        return label_smoothing_loss(logits.log().clamp(min=-1e6), torch.tensor([1]), smoothing)

    best = smoothed_probability(vocab, smoothing)
    for other in (best - 0.01, best + 0.01):
        if 0 < other < 1:
            assert loss_at(other) > loss_at(best)
    assert best == pytest.approx(1 - smoothing * (vocab - 1) / vocab)
