"""A second language, and the exact translation into it.

The language is made up. Its verb comes last, an adjective follows its noun, a place word follows
its place, and articles and adjectives agree with their noun: nouns that end in -a and in -o are of
two genders, and -n marks more than one, on verbs too:

    the red cats see the big dog in the park .
    tan miran velan to baku gorto parka lu sen .   (in spirit: the cats red the dog big park in see)

Every English sentence has exactly one translation, so accuracy can be counted without a judge.
"""

import random
from collections.abc import Iterator

from minitransformer.data.records import Translation

NAMES = "squatch mia leo nora omar ada"

NOUNS = {
    "cat cats": "mira",
    "dog dogs": "bako",
    "horse horses": "tura",
    "rabbit rabbits": "lipo",
    "bird birds": "fena",
    "cake cakes": "doro",
    "pizza pizzas": "pisa",
    "hammer hammers": "kupo",
    "lamp lamps": "luma",
    "rope ropes": "nodo",
}
"""One and many, to the noun; its last letter is its gender, and many adds -n."""

PLACES = {"park": "parka", "forest": "silvo", "school": "skola", "shop": "vendo"}
ADJECTIVES = {"red": "vel", "green": "zil", "big": "gor", "small": "mik", "old": "sen"}
"""Adjective to its stem, which takes the noun's ending."""

VERBS = {
    "sees see": "sevi",
    "likes like": "amu",
    "finds find": "tovi",
    "takes take": "preni",
    "draws draw": "desu",
}
"""For one and for many, to the verb; many adds -n."""

PREPOSITIONS = {"in": "lu", "near": "pe", "behind": "ro"}
ARTICLE = "t"
"""The stem of *the*; it takes the noun's ending."""

_Words = list[tuple[str, int]]  # target words, each with the place of the source word it renders


def draw_translations(n: int, seed: int) -> list[Translation]:
    """``n`` sentences drawn evenly from the patterns, with their translations."""
    rng = random.Random(seed)
    return [translate(_draw_sentence(rng)) for _ in range(n)]


def translate(source: str) -> Translation:
    """Translate one English sentence of the kind that ``draw_translations`` draws.

    Raises ValueError for a word that is out of place or unknown.
    """
    tokens = source.split()
    if not tokens or tokens[-1] != ".":
        raise ValueError(f"a sentence must end with ' .', got {source!r}")
    subject, at = _noun_phrase(tokens, 0)
    verb = (_verb(tokens[at], source), at)
    thing, at = _noun_phrase(tokens, at + 1)
    place: _Words = []
    if tokens[at] in PREPOSITIONS:
        where, after = _noun_phrase(tokens, at + 1)
        place, at = [*where, (PREPOSITIONS[tokens[at]], at)], after
    if at != len(tokens) - 1:
        raise ValueError(f"{tokens[at]!r} is out of place in {source!r}")
    words = [*subject, *place, *thing, verb, (".", at)]
    target, alignment = zip(*words, strict=True)
    return Translation(source, " ".join(target), alignment)


def _noun_phrase(tokens: list[str], at: int) -> tuple[_Words, int]:
    """Translate a name, or *the*, perhaps an adjective, and a noun; also where it ends."""
    if tokens[at] in NAMES.split():
        return [(tokens[at], at)], at + 1
    if tokens[at] != "the":
        raise ValueError(f"expected a name or 'the' at {tokens[at]!r} in {' '.join(tokens)!r}")
    adjective = tokens[at + 1] in ADJECTIVES
    noun_at = at + 1 + adjective
    noun = _noun(tokens[noun_at], " ".join(tokens))
    ending = noun[-2:] if noun.endswith("n") else noun[-1]
    words = [(ARTICLE + ending, at), (noun, noun_at)]
    if adjective:
        words.append((ADJECTIVES[tokens[at + 1]] + ending, at + 1))
    return words, noun_at + 1


def _noun(word: str, source: str) -> str:
    if word in PLACES:
        return PLACES[word]
    for forms, noun in NOUNS.items():
        if word in forms.split():
            return noun + "n" * (word == forms.split()[1])
    raise ValueError(f"no noun {word!r} (in {source!r}); the nouns are {', '.join(NOUNS)}")


def _verb(word: str, source: str) -> str:
    for forms, verb in VERBS.items():
        if word in forms.split():
            return verb + "n" * (word == forms.split()[1])
    raise ValueError(f"no verb {word!r} (in {source!r}); the verbs are {', '.join(VERBS)}")


def _draw_sentence(rng: random.Random) -> str:
    many = rng.random() < 0.5
    if many or rng.random() < 0.5:
        subject = _draw_thing(rng, many)
    else:
        subject = rng.choice(NAMES.split())
    verb = rng.choice(list(VERBS)).split()[many]
    words = [subject, verb, _draw_thing(rng, rng.random() < 0.5)]
    if rng.random() < 0.5:
        words.append(f"{rng.choice(list(PREPOSITIONS))} the {rng.choice(list(PLACES))}")
    return " ".join([*words, "."])


def _draw_thing(rng: random.Random, many: bool) -> str:
    adjective = f"{rng.choice(list(ADJECTIVES))} " if rng.random() < 0.5 else ""
    return f"the {adjective}{rng.choice(list(NOUNS)).split()[many]}"


def source_words() -> set[str]:
    """Every word of the English side."""
    tables = (NOUNS, PLACES, ADJECTIVES, VERBS, PREPOSITIONS)
    listed = {word for table in tables for forms in table for word in forms.split()}
    return listed | {"the", ".", *NAMES.split()}


def target_words() -> set[str]:
    """Every word of the second language."""
    return {".", *NAMES.split(), *PREPOSITIONS.values(), *_inflected()}


def _inflected() -> Iterator[str]:
    for stem in (*NOUNS.values(), *VERBS.values()):
        yield from (stem, f"{stem}n")
    yield from PLACES.values()
    for stem in (ARTICLE, *ADJECTIVES.values()):
        yield from (f"{stem}{ending}" for ending in ("a", "o", "an", "on"))
