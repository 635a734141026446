"""Temperature, top-k and top-p against cases worked by hand; draws against their distribution."""

import math

import pytest
import torch

from minitransformer.sampling import (
    apply_temperature,
    draw,
    next_token_distribution,
    top_k_filter,
    top_p_filter,
)

INF = math.inf
FIFTHS = torch.tensor([[0.1, 0.4, 0.2, 0.3], [0.7, 0.1, 0.15, 0.05]], dtype=torch.float64)


def kept(filtered):
    return (filtered > -INF).tolist()


def test_temperature_raises_probabilities_to_the_power_one_over_t():
    # T = 1/2 squares them: 1/16, 9/16 -> 1/10, 9/10; T = 2 takes roots: 1/2, sqrt(3)/2
    logits = torch.log(torch.tensor([1.0, 3.0]))
    sharp, flat = (apply_temperature(logits, t).softmax(-1) for t in (0.5, 2.0))
    torch.testing.assert_close(sharp, torch.tensor([0.1, 0.9]))
    torch.testing.assert_close(flat, torch.tensor([1.0, 3**0.5]) / (1 + 3**0.5))


@pytest.mark.parametrize("temperature", [0, -1.0, math.nan])
def test_a_temperature_that_is_not_positive_is_refused(temperature):
    with pytest.raises(ValueError, match=r"more than 0, got .*argmax"):
        apply_temperature(torch.zeros(3), temperature)


def test_top_k_keeps_the_k_largest_of_each_row_unchanged():
    filtered = top_k_filter(FIFTHS.log(), 2)
    assert kept(filtered) == [[False, True, False, True], [True, False, True, False]]
    assert torch.equal(filtered[filtered > -INF], FIFTHS.log()[filtered > -INF])


def test_top_k_keeps_tokens_equal_to_the_kth():
    assert kept(top_k_filter(torch.tensor([1.0, 2.0, 1.0, 0.0]), 2)) == [True, True, True, False]


def test_top_k_larger_than_the_vocabulary_keeps_everything():
    assert torch.equal(top_k_filter(FIFTHS.log(), 5), FIFTHS.log())


def test_top_p_keeps_the_token_that_crosses_the_threshold():
    # row 0 in order: 0.4, 0.3 | 0.2, 0.1: with 0.6 the second crosses. Row 1: 0.7 is enough.
    filtered = top_p_filter(FIFTHS.log(), 0.6)
    assert kept(filtered) == [[False, True, False, True], [True, False, False, False]]
    assert torch.equal(filtered[filtered > -INF], FIFTHS.log()[filtered > -INF])


def test_top_p_stops_where_the_sum_is_exactly_p():
    logits = torch.tensor([0.5, 0.25, 0.125, 0.125]).log()
    assert kept(top_p_filter(logits, 0.75)) == [True, True, False, False]


@pytest.mark.parametrize("p", [1e-9, 0.3])
def test_top_p_never_drops_the_most_probable_token(p):
    assert kept(top_p_filter(FIFTHS.log(), p)) == [
        [False, True, False, False],
        [True, False, False, False],
    ]


def test_top_p_of_one_keeps_even_what_rounding_would_lose():
    logits = torch.tensor([0.0, -30.0, -60.0])  # probabilities 1, 1e-13, 1e-26 in float32
    assert kept(top_p_filter(logits, 1.0)) == [True, True, True]


def test_filters_leave_their_input_alone():
    logits = FIFTHS.log()
    before = logits.clone()
    top_k_filter(logits, 1), top_p_filter(logits, 0.2), next_token_distribution(logits, 0.0)
    assert torch.equal(logits, before)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: top_k_filter(torch.zeros(3), 0), "k must be at least 1, got 0"),
        (lambda: top_p_filter(torch.zeros(3), 0.0), "p must be more than 0 and at most 1, got 0"),
        (lambda: top_p_filter(torch.zeros(3), 1.5), "got 1.5"),
    ],
)
def test_impossible_settings_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_the_distribution_is_tempered_then_cut_by_k_then_by_p():
    # T = 1/2 squares 1 4 2 3 to 1 16 4 9; k = 3 leaves 16 9 4, of 29; p = 0.8 leaves 16 and 9,
    # since 25/29 = 0.86. With p before T, 4 3 2 would be needed to reach 0.8.
    found = next_token_distribution(FIFTHS[:1].log(), temperature=0.5, top_k=3, top_p=0.8)
    torch.testing.assert_close(found, torch.tensor([[0.0, 16, 0, 9]], dtype=torch.float64) / 25)


def test_p_is_measured_among_the_k_that_are_left():
    # k = 2 leaves 4/7 and 3/7: 4/7 > 0.55 is enough. Of all tokens 0.4 would not be.
    found = next_token_distribution(FIFTHS[:1].log(), top_k=2, top_p=0.55)
    assert found.tolist() == [[0.0, 1.0, 0.0, 0.0]]


def test_without_settings_the_distribution_is_the_softmax():
    torch.testing.assert_close(next_token_distribution(FIFTHS.log()), FIFTHS)


def test_temperature_0_puts_everything_on_the_most_probable_token():
    assert next_token_distribution(FIFTHS.log(), 0).tolist() == [[0, 1, 0, 0], [1, 0, 0, 0]]


def test_draws_follow_their_distribution():
    generator = torch.Generator().manual_seed(5)
    draws = draw(FIFTHS[:1].expand(20_000, -1), generator)
    assert draws.shape == (20_000,) and draws.dtype == torch.int64
    shares = draws.bincount(minlength=4) / 20_000
    # five standard deviations of a share are at most 5 sqrt(0.25 / 20000) = 0.018
    assert (shares - FIFTHS[0]).abs().max() < 0.018


def test_what_has_probability_0_is_never_drawn_and_rows_are_apart():
    rows = torch.tensor([[0.0, 0.0, 1.0], [0.5, 0.5, 0.0]]).repeat(500, 1)
    draws = draw(rows, torch.Generator().manual_seed(2)).view(500, 2)
    assert (draws[:, 0] == 2).all() and set(draws[:, 1].tolist()) == {0, 1}


def test_one_seed_gives_one_sequence_of_draws():
    first, again, other = (
        draw(FIFTHS.repeat(50, 1), torch.Generator().manual_seed(seed)).tolist()
        for seed in (3, 3, 4)
    )
    assert first == again != other
