"""Commands and their answers: small tasks in words, each with exactly one right answer.

There are far more commands than anyone trains on, so a test on unseen ones is a fair test of
whether the task was learnt and not the list.
"""

import random
from collections.abc import Callable

from minitransformer.data.grammar import CATEGORIES
from minitransformer.data.records import Command

KINDS_OF_THINGS = ("animal", "food", "tool", "building", "container", "colour", "time")
"""Categories that can be asked for. Words of two senses are left out: they have two answers."""

PLURALS = {"cat": "cats", "dog": "dogs", "horse": "horses", "rabbit": "rabbits", "bird": "birds"}
TIMES = {"two": 2, "three": 3, "four": 4}


def _name(rng: random.Random) -> tuple[str, str]:
    kinds = rng.sample(KINDS_OF_THINGS, 3)
    things = [rng.choice(_clear(kind)) for kind in kinds]
    asked = rng.randrange(3)
    return f"name the {kinds[asked]} : {' '.join(things)}", things[asked]


def _reverse(rng: random.Random) -> tuple[str, str]:
    things = rng.sample(clear_words(), rng.randint(2, 4))
    return f"say backwards : {' '.join(things)}", " ".join(reversed(things))


def _repeat(rng: random.Random) -> tuple[str, str]:
    times, thing = rng.choice(list(TIMES)), rng.choice(clear_words())
    return f"say {times} times : {thing}", " ".join([thing] * TIMES[times])


def _first_or_last(rng: random.Random) -> tuple[str, str]:
    things = rng.sample(clear_words(), rng.randint(2, 4))
    which = rng.choice(("first", "last"))
    return f"say the {which} word : {' '.join(things)}", things[0 if which == "first" else -1]


def _plural(rng: random.Random) -> tuple[str, str]:
    colour, animal = rng.choice(_clear("colour")), rng.choice(list(PLURALS))
    return (
        f"say it for many : the {colour} {animal} sleeps",
        f"the {colour} {PLURALS[animal]} sleep",
    )


def _who(rng: random.Random) -> tuple[str, str]:
    person, food = rng.choice(CATEGORIES["person"].split()), rng.choice(_clear("food"))
    asked = rng.choice(("who", "what"))
    return f"tell {asked} : {person} eats the {food}", person if asked == "who" else food


COMMANDS: dict[str, Callable[[random.Random], tuple[str, str]]] = {
    "name": _name,
    "reverse": _reverse,
    "repeat": _repeat,
    "first or last": _first_or_last,
    "plural": _plural,
    "who or what": _who,
}
"""Kind of command to the function that draws an instruction and its answer."""


def draw_commands(n: int, seed: int) -> list[Command]:
    """``n`` commands of all kinds; an instruction may come twice, with the same answer."""
    rng, found = random.Random(seed), []
    for _ in range(n):
        kind = rng.choice(list(COMMANDS))
        instruction, answer = COMMANDS[kind](rng)
        found.append(Command(f"{instruction} .", f"{answer} .", kind))
    return found


def words() -> set[str]:
    """Every word of commands and answers."""
    fixed = "name the : say backwards times first last word it for many sleeps sleep tell who what"
    listed = {*fixed.split(), *TIMES, *PLURALS, *PLURALS.values(), *KINDS_OF_THINGS, "eats", "."}
    return listed | set(clear_words()) | set(CATEGORIES["person"].split())


def _clear(category: str) -> list[str]:
    """The words of a category that have no second sense."""
    every = [word for text in CATEGORIES.values() for word in text.split()]
    return [word for word in CATEGORIES[category].split() if every.count(word) == 1]


def clear_words() -> list[str]:
    """The words of all these categories that have no second sense."""
    return [word for kind in KINDS_OF_THINGS for word in _clear(kind)]
