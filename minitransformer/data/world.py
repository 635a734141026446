"""The small world: sentences about people, animals, foods and places, as many as you like.

Squatch eats pizza. Mia sees the cat in the park. The world is generated, so no file is needed,
and it is a finite-state process, so the probability of every sentence is known exactly: the line
that no model can beat. The tables are in ``grammar``, the arithmetic in ``automaton``.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from minitransformer.data.automaton import State
from minitransformer.data.grammar import CATEGORIES, Pattern, build_automaton, patterns
from minitransformer.tokenizers import tokenize

END_OF_TEXT = "[SEP]"
"""Stands for "the text is over" in next-token distributions."""


@dataclass(frozen=True)
class Sentence:
    """One sentence and what the world knows about it.

    Args:
        text: the sentence, tokens joined by spaces.
        tokens: its words.
        categories: for each token its category (``"food"``), or ``""`` for a fixed word.
    """

    text: str
    tokens: tuple[str, ...]
    categories: tuple[str, ...]


@dataclass(frozen=True)
class PronounSentence(Sentence):
    """A sentence in which *it* stands for one of two nouns, and only the ending says which.

    Args:
        pronoun: the position of *it*.
        referent: the position of the noun that *it* stands for.
    """

    pronoun: int
    referent: int


@dataclass(frozen=True)
class QuestionSentence(Sentence):
    """A scene, then *who*, *what*, *where* or *when*.

    Args:
        question: the position of the question word.
        answer: the position of the word that answers it.
    """

    question: int
    answer: int


@dataclass(frozen=True)
class SenseSentence(Sentence):
    """A sentence with a word of two senses, whose neighbours tell which is meant.

    Args:
        position: the position of the word.
        word: the word.
        sense: the category in which it is used here.
    """

    position: int
    word: str
    sense: str


class World:
    """A source of sentences whose exact probabilities are known.

    Args:
        grammar: the patterns of the sentences; the small world's own if left out.
        categories: category to its words, separated by spaces.

    The same seed gives the same sentences on every machine.
    """

    def __init__(
        self,
        grammar: Sequence[Pattern] | None = None,
        categories: Mapping[str, str] = CATEGORIES,
    ):
        self.grammar = list(patterns() if grammar is None else grammar)
        self.automaton = build_automaton(self.grammar, categories)
        self.words_by_category = {name: tuple(words.split()) for name, words in categories.items()}
        emitted = (word for state in self.automaton.states for word in state.emissions)
        self.words = tuple(sorted(set(emitted)))
        self._categories = categories

    @property
    def two_sense_words(self) -> dict[str, tuple[str, ...]]:
        """Each word that stands in more than one category, with these categories."""
        senses: dict[str, tuple[str, ...]] = {}
        for category, words in self.words_by_category.items():
            for word in words:
                senses[word] = (*senses.get(word, ()), category)
        return {word: found for word, found in sorted(senses.items()) if len(found) > 1}

    def sentences(self, n: int, seed: int) -> list[str]:
        """``n`` sentences of every kind, as text, drawn independently."""
        rng = random.Random(seed)
        return [" ".join(self.automaton.sample(rng)[0]) for _ in range(n)]

    def pronoun_sentences(self, n: int, seed: int) -> list[PronounSentence]:
        """``n`` sentences with a pronoun to resolve: "... and it tasted good"."""

        def record(facts: tuple, states: list[State]) -> PronounSentence:
            return PronounSentence(*facts, _marked(states, "asking"), _marked(states, "answer"))

        return self._records("pronoun", n, seed, record)

    def question_sentences(self, n: int, seed: int) -> list[QuestionSentence]:
        """``n`` scenes with a question: "mia saw the cat in the park at noon . where ?"."""

        def record(facts: tuple, states: list[State]) -> QuestionSentence:
            return QuestionSentence(*facts, _marked(states, "asking"), _marked(states, "answer"))

        return self._records("question", n, seed, record)

    def two_sense_sentences(self, n: int, seed: int) -> list[SenseSentence]:
        """``n`` sentences with a two-sense word in a place where its sense is clear."""
        ambiguous = self.two_sense_words

        def record(facts: tuple, states: list[State]) -> SenseSentence | None:
            position = _marked(states, "answer")
            word = facts[1][position]
            if word not in ambiguous:
                return None  # drawn again
            return SenseSentence(*facts, position, word, states[position].category)

        return self._records("sense", n, seed, record)

    def log_probability(self, text: str) -> float:
        """The exact log-probability (natural logarithm) of a whole sentence.

        A sentence the world never says has -inf. The mean of the negative over many sentences,
        divided by their tokens, is the lowest loss a language model can reach.
        """
        return self.automaton.log_probability(tokenize(text))

    def next_token_distribution(self, prefix_tokens: Sequence[str]) -> dict[str, float]:
        """The exact probability of every token that can follow a prefix.

        Args:
            prefix_tokens: the first tokens of a sentence; ``[]`` asks for the first word.

        Returns:
            Token to probability, summing to 1; ``"[SEP]"`` stands for the end of the text.
            Tokens that cannot follow are left out.
        """
        if isinstance(prefix_tokens, str):
            raise TypeError("prefix_tokens must be a list of tokens; write tokenize(text)")
        return self.automaton.next_token_distribution(prefix_tokens, END_OF_TEXT)

    def _records(self, kind: str, n: int, seed: int, record: Callable) -> list:
        """Draw from the patterns of one kind until ``n`` draws have made a record."""
        grammar = [pattern for pattern in self.grammar if pattern.kind == kind]
        if not grammar:
            raise ValueError(f"this world has no sentences of the kind {kind!r}")
        automaton = build_automaton(grammar, self._categories)
        rng, found = random.Random(seed), []
        while len(found) < n:
            tokens, states = automaton.sample(rng)
            facts = (" ".join(tokens), tuple(tokens), tuple(state.category for state in states))
            made = record(facts, states)
            if made is not None:
                found.append(made)
        return found


def _marked(states: list[State], mark: str) -> int:
    return next(place for place, state in enumerate(states) if mark in state.marks)
