"""Judge processes: each item is worked on once, whoever is killed meanwhile."""

import functools
import os
import signal
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from autograder import scheduling
from autograder.errors import AutograderError
from autograder.sandbox.warm import Warm

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="work is forked from this process")


@pytest.fixture(scope="module")
def spread():
    """`scheduling.spread` with one warm process for all tests."""
    with Warm() as warm:
        yield functools.partial(scheduling.spread, warm=warm)


def twice(item, server):
    return 2 * item


def by_whom(item, server):
    time.sleep(0.3)
    return os.getpid()


@pytest.mark.parametrize("items", [2, 3, 4])
def test_no_judge_has_two_items_while_another_has_none(spread, items):
    """The last ones are handed out singly, to whoever is free."""
    judges = Counter(spread(by_whom, list(range(items)), 2))
    assert len(judges) == 2 and max(judges.values()) <= (items + 1) // 2


def killed_once(item, server):
    """The first that comes to item 3 is killed."""
    number, folder = item
    mark = Path(folder, "killed")
    if number == 3 and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number


def killed(item, server):
    if item in (3, 4):
        os.kill(os.getpid(), signal.SIGKILL)
    return item


def fails(item, server):
    raise AutograderError(f"item {item}")


def whose(item, server):
    return os.getpid()


def test_every_item_is_worked_on_once(spread):
    assert sorted(spread(twice, range(50), 3)) == [2 * n for n in range(50)]


def test_what_a_killed_judge_was_at_is_given_to_another(spread, tmp_path):
    items = [(number, str(tmp_path)) for number in range(9)]
    assert sorted(spread(killed_once, items, 2)) == list(range(9))


def test_an_item_that_kills_each_judge_costs_only_itself(spread):
    found = spread(killed, range(9), 2, lost=lambda item: -item)
    assert sorted(found) == [-4, -3, 0, 1, 2, 5, 6, 7, 8]
    with pytest.raises(AutograderError, match="3.*ended from outside"):
        list(spread(killed, (2, 3), 2))


def test_an_error_of_the_work_is_raised_here(spread):
    with pytest.raises(AutograderError, match="item 1"):
        list(spread(fails, (1, 1), 2))


def test_no_judge_is_left_when_nobody_wants_the_rest(spread):
    results = spread(whose, range(9), 2)
    pid = next(results)
    results.close()
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)
