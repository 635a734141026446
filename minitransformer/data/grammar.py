"""The tables of the small world: its words, and the sentences they stand in.

A pattern is written as it reads. ``{food}`` is a place for any word of that category, each
equally likely. ``*`` after a word marks the answer, ``^`` before a word marks the word that asks
for it: in ``the {food}* was in the {container} and ^it tasted {taste}`` the pronoun asks, and the
food answers. A larger world is made by adding rows here; nothing else needs to change.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from minitransformer.data.automaton import END, START, Arc, Automaton, State

CATEGORIES = {
    "person": "squatch mia leo nora omar ada",
    "animal": "cat dog horse rabbit bird bat mouse",
    "food": "pizza cake soup bread pie rice orange",
    "tool": "hammer rope camera lamp bat mouse",
    "building": "school shop library bank",
    "nature": "park forest meadow bank",
    "container": "oven pan pot bowl fridge basket",
    "colour": "red green blue yellow orange",
    "taste": "good sweet fresh delicious",
    "condition": "hot cold heavy empty",
    "time": "noon night dawn midnight",
}
"""Category to its words. A word in two categories has two senses (bat, mouse, bank, orange)."""

PLAIN = {
    "{person} eats {food}": 3,
    "{person} likes the {food}": 2,
    "{person} cooks the {food} in the {container}": 2,
    "the {animal} eats the {food}": 1,
    "{person} sees the {animal} in the {nature}": 3,
    "{person} sees the {animal}": 1,
    "the {animal} chases the {animal}": 2,
    "{person} sees {person} at the {building}": 2,
    "{person} walks to the {building} at {time}": 2,
    "{person} likes the {colour} {tool}": 2,
    "the {container} is {condition}": 1,
    "the {food} is {taste}": 2,
}
"""Everyday sentences, each with its weight."""

SENSES = {
    "{person} feeds the {animal}*": 2,
    "the {animal}* sleeps in the {nature}": 2,
    "{person} drops the {tool}*": 2,
    "{person} buys the {tool}* at the {building}": 2,
    "{person} works at the {building}*": 2,
    "{person} camps near the {nature}*": 2,
    "{person} bakes the {food}*": 2,
    "the {tool} is {colour}*": 2,
}
"""Sentences in which the words around the marked place tell its sense."""

PRONOUN_OPENINGS = {
    "the {food} came out of the {container}": 2,
    "{person} took the {food} out of the {container}": 1,
    "the {container} held the {food}": 2,
    "{person} filled the {container} with the {food}": 1,
}
PRONOUN_ENDINGS = {
    "food": {"and ^it tasted {taste}": 1, "and ^it was {taste}": 1},
    "container": {"and ^it felt {condition}": 1, "and ^it was {condition}": 1},
}
"""What *it* stands for, to the endings that say so. Hot, cold, heavy and empty are said of
containers only, tastes of foods only: in this world a pronoun is never in doubt."""

QUESTION_SCENE = "{person} saw the {animal} in the {nature} at {time}"
QUESTIONS = {"who": "person", "what": "animal", "where": "nature", "when": "time"}
"""The question word, to the category of its answer in the scene."""

KIND_WEIGHTS = {"plain": 5, "sense": 3, "pronoun": 3, "question": 1}
"""How often the world speaks in each way."""


@dataclass(frozen=True)
class Pattern:
    """One kind of sentence, with its weight among all patterns of a grammar."""

    kind: str
    text: str
    weight: float


def patterns() -> Iterator[Pattern]:
    """Every pattern of the small world, the weights of each kind scaled to its share."""
    tables = {"plain": PLAIN, "sense": SENSES, "pronoun": _pronouns(), "question": _questions()}
    for kind, table in tables.items():
        total = sum(table.values())
        for text, weight in table.items():
            yield Pattern(kind, text, KIND_WEIGHTS[kind] * weight / total)


def _pronouns() -> dict[str, float]:
    """Every opening with every ending; the ending decides which noun is the answer."""
    return {
        f"{opening.replace(f'{{{noun}}}', f'{{{noun}}}*')} {ending}": opening_weight * weight
        for opening, opening_weight in PRONOUN_OPENINGS.items()
        for noun, endings in PRONOUN_ENDINGS.items()
        for ending, weight in endings.items()
    }


def _questions() -> dict[str, float]:
    """The scene, then a question word; the answer is marked in the scene."""
    return {
        f"{QUESTION_SCENE.replace(f'{{{noun}}}', f'{{{noun}}}*')} . ^{question} ?": 1
        for question, noun in QUESTIONS.items()
    }


def build_automaton(grammar: list[Pattern], categories: Mapping[str, str]) -> Automaton:
    """Compile patterns into states and arcs: one chain of states per pattern.

    Args:
        grammar: the patterns; their weights need not sum to 1.
        categories: category to its words, separated by spaces.
    """
    total = sum(pattern.weight for pattern in grammar)
    if total <= 0:
        raise ValueError("a grammar needs at least one pattern with a positive weight")
    states, arcs = [State("start", {}), State("end", {})], []
    for number, pattern in enumerate(grammar):
        source, probability = START, pattern.weight / total
        for place, word in enumerate(pattern.text.split()):
            states.append(_state(f"{pattern.kind} {number}, word {place}", word, categories))
            arcs.append(Arc(source, len(states) - 1, probability))
            source, probability = len(states) - 1, 1.0
        arcs.append(Arc(source, END, 1.0))
    return Automaton(states, arcs)


def _state(name: str, word: str, categories: Mapping[str, str]) -> State:
    marks = {"asking"} if word.startswith("^") else set()
    marks |= {"answer"} if word.endswith("*") else set()
    word = word.removeprefix("^").removesuffix("*")
    if not word.startswith("{"):
        return State(name, {word: 1.0}, "", frozenset(marks))
    category = word.strip("{}")
    if category not in categories:
        raise ValueError(f"{name}: no category {category!r}; there are {', '.join(categories)}")
    words = categories[category].split()
    return State(name, {word: 1 / len(words) for word in words}, category, frozenset(marks))
