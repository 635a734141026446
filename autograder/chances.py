"""Exact tests of what is drawn at random, with a false alarm nobody will ever see.

For the specifications of random functions: whether a count of independent draws is too far from
what its probability lets expect.
"""

import math

FALSE_ALARM = 1e-6 / 500
"""For one test. A grade makes fewer than 500, so all together stay below one in a million."""


def improbable(count: int, n: int, p: float) -> bool:
    """Whether `count` of `n` independent draws is too far from what probability p lets expect."""
    if p <= 0 or p >= 1:
        return count != (0 if p <= 0 else n)
    places = range(count, n + 1) if count > n * p else range(count + 1)
    constant = math.lgamma(n + 1)
    tail = math.fsum(
        math.exp(
            constant
            - math.lgamma(k + 1)
            - math.lgamma(n - k + 1)
            + k * math.log(p)
            + (n - k) * math.log1p(-p)
        )
        for k in places
    )
    return 2 * tail < FALSE_ALARM
