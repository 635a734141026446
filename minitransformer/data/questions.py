"""Questions about short passages, each answered by a span of the passage.

A passage tells one to three facts: who did what, where, when. Within a passage (and within a
collection of documents) no two facts share who and what, so every question has one answer.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from minitransformer.data.grammar import CATEGORIES
from minitransformer.data.records import Document, Question

VERBS = {
    "saw see": "the {animal}",
    "fed feed": "the {colour} {animal}",
    "bought buy": "the {colour} {tool}",
    "lost lose": "the {tool}",
    "cooked cook": "the {taste} {food}",
    "ate eat": "the {food}",
}
"""Verb, past and plain, to what may follow it."""

PLACES = ("in the {nature}", "at the {building}", "near the {container}")

ASK = {
    "who": "who {past} {what} ?",
    "what": "what did {who} {plain} {when} ?",
    "where": "where did {who} {plain} {what} ?",
    "when": "when did {who} {plain} {what} ?",
}
"""Question word to the question; the answer is the part of the fact of that name."""


@dataclass(frozen=True)
class Fact:
    """Who did what, where, when; each part is a span of its sentence."""

    who: str
    past: str
    plain: str
    what: str
    where: str
    when: str

    @property
    def sentence(self) -> str:
        return f"{self.who} {self.past} {self.what} {self.where} {self.when} ."

    @property
    def parts(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in self.__dataclass_fields__}


def draw_fact(rng: random.Random, categories: Mapping[str, str] = CATEGORIES) -> Fact:
    """One fact, its parts drawn independently."""
    past, plain = (verb := rng.choice(list(VERBS))).split()
    return Fact(
        who=_fill("{person}", rng, categories),
        past=past,
        plain=plain,
        what=_fill(VERBS[verb], rng, categories),
        where=_fill(rng.choice(PLACES), rng, categories),
        when=_fill("at {time}", rng, categories),
    )


def draw_questions(n: int, seed: int, longest: int = 3) -> list[Question]:
    """``n`` passages of one to ``longest`` facts, with one question each."""
    rng, found = random.Random(seed), []
    while len(found) < n:
        facts = [draw_fact(rng) for _ in range(rng.randint(1, longest))]
        if _all_distinct(facts):
            found.append(_ask(rng.choice(list(ASK)), rng.choice(facts), facts))
    return found


def draw_documents(n: int, seed: int, facts_each: int = 2) -> list[Document]:
    """``n`` passages no two of which share who and what, each with its questions of where and when.

    Raises ValueError when so many different facts do not exist.
    """
    most = sum(1 for _ in _all_keys()) // 2
    if n * facts_each > most:
        raise ValueError(
            f"{n} documents need {n * facts_each} different facts, and {most} is the most that "
            f"is drawn; ask for at most {most // facts_each} documents"
        )
    rng, known, found = random.Random(seed), set(), []
    while len(found) < n:
        facts: list[Fact] = []
        while len(facts) < facts_each:
            fact = draw_fact(rng)
            if (fact.who, fact.past, fact.what) not in known:
                known.add((fact.who, fact.past, fact.what))
                facts.append(fact)
        questions = tuple(_ask(kind, fact, facts) for fact in facts for kind in ("where", "when"))
        found.append(Document(questions[0].passage, questions))
    return found


def words() -> set[str]:
    """Every word of passages and questions."""
    texts = [*VERBS, *VERBS.values(), *PLACES, *ASK.values(), "at . ?"]
    fixed = {word for text in texts for word in text.split() if "{" not in word}
    used = ("person", "animal", "colour", "tool", "taste", "food", "nature", "building")
    return fixed | {
        word for name in (*used, "container", "time") for word in CATEGORIES[name].split()
    }


def _ask(kind: str, fact: Fact, facts: list[Fact]) -> Question:
    passage = " ".join(other.sentence for other in facts)
    answer = fact.parts[kind]
    before = " ".join(other.sentence for other in facts[: facts.index(fact)]).split()
    inside = {"who": "", "what": f"{fact.who} {fact.past}"}
    inside["where"] = f"{inside['what']} {fact.what}"
    inside["when"] = f"{inside['where']} {fact.where}"
    start = len(before) + len(inside[kind].split())
    end = start + len(answer.split()) - 1
    return Question(passage, ASK[kind].format(**fact.parts), answer, start, end, kind)


def _all_distinct(facts: list[Fact]) -> bool:
    """Whether each of who, what and when tells the facts apart: then every question is clear."""
    return all(
        len({fact.parts[name] for fact in facts}) == len(facts) for name in ("who", "what", "when")
    )


def _all_keys() -> Iterator[tuple]:
    """Every (who, verb, what) there is."""
    for verb, what in VERBS.items():
        for who in CATEGORIES["person"].split():
            for text in _fillings(what):
                yield who, verb, text


def _fillings(text: str) -> Iterator[str]:
    if "{" not in text:
        yield text
        return
    name = text[text.index("{") + 1 : text.index("}")]
    for word in CATEGORIES[name].split():
        yield from _fillings(text.replace(f"{{{name}}}", word, 1))


def _fill(text: str, rng: random.Random, categories: Mapping[str, str]) -> str:
    """Put a random word into every place of a pattern."""
    return " ".join(
        rng.choice(categories[word.strip("{}")].split()) if word.startswith("{") else word
        for word in text.split()
    )
