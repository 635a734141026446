"""What a measurement hands back, and how two sides are timed fairly."""

import gc
import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Row:
    """One line of the table.

    Args:
        what: the thing measured.
        figure: the result, a ratio where there are two sides.
        details: the numbers behind it.
    """

    what: str
    figure: str
    details: str


def in_turns(
    sides: Mapping[str, Callable[[], object]], rounds: int = 7, each: int = 10
) -> dict[str, list[float]]:
    """Seconds a call, side by side: in every round each side runs ``each`` times in a row.

    A machine that slows down or speeds up does so for all sides alike.
    """
    seconds: dict[str, list[float]] = {name: [] for name in sides}
    for side in sides.values():
        for _ in range(3):
            side()
    gc.disable()
    try:
        for _ in range(rounds):
            for name, side in sides.items():
                begin = time.perf_counter()
                for _ in range(each):
                    side()
                seconds[name].append((time.perf_counter() - begin) / each)
            gc.collect()
    finally:
        gc.enable()
    return seconds


def ratio(slow: list[float], fast: list[float]) -> float:
    """The median over the rounds of how many times faster the second side is."""
    return statistics.median(a / b for a, b in zip(slow, fast, strict=True))
