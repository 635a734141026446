"""Exact tests: what happens by chance passes, what does not is seen."""

import math

import pytest

from autograder.chances import FALSE_ALARM, improbable


def test_what_cannot_happen_is_improbable_and_what_must_is_not():
    assert improbable(1, 100, 0.0) and not improbable(0, 100, 0.0)
    assert improbable(99, 100, 1.0) and not improbable(100, 100, 1.0)


@pytest.mark.parametrize("n, p", [(30, 0.5), (100, 0.2), (7, 0.9)])
def test_all_that_is_called_improbable_is_rarer_than_the_false_alarm(n, p):
    chances = [math.comb(n, k) * p**k * (1 - p) ** (n - k) for k in range(n + 1)]
    assert sum(chance for k, chance in enumerate(chances) if improbable(k, n, p)) <= FALSE_ALARM


def test_a_wrong_probability_is_seen_with_enough_draws():
    assert improbable(3000 * 2 // 10, 3000, 0.3) and improbable(3000 * 4 // 10, 3000, 0.3)
    assert not improbable(3000 * 3 // 10, 3000, 0.3)
