"""The small world: sentences about people, animals, foods and places, as many as you like.

Squatch eats pizza. Mia sees the cat in the park. The world is generated, so no file is needed,
and its texts come from finite-state processes, so every probability is known exactly (``exact``):
the line that no model can beat. The tables are in ``grammar``, ``stories`` and ``reviews``.
"""

import random
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property

from torch import Tensor

from minitransformer.data import commands, questions, translation
from minitransformer.data.automaton import State
from minitransformer.data.combine import endless
from minitransformer.data.corpus import Corpus
from minitransformer.data.grammar import CATEGORIES, Pattern, build_automaton, patterns
from minitransformer.data.process import Process
from minitransformer.data.records import (
    TOKEN_CLASSES,
    Command,
    Document,
    Draw,
    Pair,
    PronounSentence,
    Question,
    QuestionSentence,
    Review,
    SenseSentence,
    Sentence,
    Story,
    Translation,
)
from minitransformer.data.reviews import review_automaton
from minitransformer.data.stories import pair_automaton, story_automaton
from minitransformer.tokenizers import SPECIAL_TOKENS, WordTokenizer, tokenize

__all__ = ["PronounSentence", "QuestionSentence", "SenseSentence", "Sentence", "World"]

END_OF_TEXT = "[SEP]"
"""Stands for "the text is over" in next-token distributions, and parts the texts of a row."""

LABELS = {"pairs": "next", "reviews": "praise"}
"""The mark that is the label, for each process that has one."""


class World:
    """A source of texts whose exact probabilities are known; one seed, one text, everywhere.

    Args:
        grammar: the patterns of the single sentences; the small world's own if left out.
        categories: category to its words, separated by spaces.
    """

    def __init__(
        self,
        grammar: Sequence[Pattern] | None = None,
        categories: Mapping[str, str] = CATEGORIES,
    ):
        self.grammar = list(patterns() if grammar is None else grammar)
        self.automaton = build_automaton(self.grammar, categories)
        self.words_by_category = {name: tuple(words.split()) for name, words in categories.items()}
        self.words = tuple(sorted({w for state in self.automaton.states for w in state.emissions}))
        self._categories = categories

    @property
    def two_sense_words(self) -> dict[str, tuple[str, ...]]:
        """Each word that stands in more than one category, with these categories."""
        senses: dict[str, tuple[str, ...]] = {}
        for category, words in self.words_by_category.items():
            for word in words:
                senses[word] = (*senses.get(word, ()), category)
        return {word: found for word, found in sorted(senses.items()) if len(found) > 1}

    @cached_property
    def corpus(self) -> Corpus:
        """The processes of this world over one vocabulary; ``exact`` reads with them."""
        builders = {
            "sentences": lambda: self.automaton,
            "stories": story_automaton,
            "rows": lambda: endless(story_automaton(), END_OF_TEXT),
            "pairs": pair_automaton,
            "reviews": review_automaton,
        }
        automata = [builders[name]() for name in ("sentences", "stories", "pairs", "reviews")]
        words = {word for one in automata for state in one.states for word in state.emissions}
        words |= questions.words() | commands.words() | translation.source_words()
        return Corpus(builders, words, LABELS, list(self.two_sense_words))

    @property
    def vocab(self) -> dict[str, int]:
        """Token to id: the special tokens, then every English word in alphabetical order."""
        return self.corpus.vocab

    def tokenizer(self) -> WordTokenizer:
        """A word tokenizer with the world's English vocabulary."""
        return WordTokenizer(self.vocab)

    def translation_tokenizer(self) -> WordTokenizer:
        """A word tokenizer for the second language: the special tokens, then its words."""
        words = [*SPECIAL_TOKENS, *sorted(translation.target_words())]
        return WordTokenizer({word: index for index, word in enumerate(words)})

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Texts to ids ``(batch, seq)``; special tokens may be written out, see ``Corpus``."""
        return self.corpus.encode(texts)

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """One row of ids to a text; ``[PAD]`` is left out."""
        return self.corpus.decode(ids)

    def process(self, kind: str) -> Process:
        """The process that writes one kind of text, for the functions of ``exact``.

        Args:
            kind: ``"sentences"``, ``"stories"``, ``"rows"`` (stories without end, [SEP] before
                each: what a language model trains on), ``"pairs"`` ([CLS] A [SEP] B [SEP]; the
                label is the mark ``"next"``) or ``"reviews"`` (the label is ``"praise"``).
        """
        return self.corpus.process(kind)

    def draw(self, kind: str, n: int, seed: int, length: int | None = None) -> Draw:
        """``n`` texts of one kind as ids, with classes and labels: fast, for training.

        Args:
            kind: as for :meth:`process`.
            length: cut every text at this many tokens; needed for ``"rows"``, which do not end.
        """
        return self.corpus.draw(kind, n, seed, length)

    def stories(self, n: int, seed: int) -> list[str]:
        """``n`` stories as texts: "mia walks to the shop at noon . there she buys ..."."""
        return [story.text for story in self.story_records(n, seed)]

    def story_records(self, n: int, seed: int) -> list[Story]:
        """The same stories, with their sentences and the class of each token."""
        drawn, found = self.draw("stories", n, seed), []
        for ids, classes in zip(drawn.ids, drawn.classes, strict=True):
            text = self.decode(ids)
            sentences = tuple(f"{part.strip()} ." for part in text.split(".") if part.strip())
            names = tuple(TOKEN_CLASSES[index] for index in classes[ids > 0])
            found.append(Story(text, sentences, names))
        return found

    def pairs(self, n: int, seed: int) -> list[Pair]:
        """``n`` pairs of sentences, about half of them the first two of a story.

        In the others the second sentence is drawn on its own; now and then it fits all the same.
        """
        drawn, found = self.draw("pairs", n, seed), []
        for ids, label in zip(drawn.ids, drawn.labels, strict=True):
            first, second, _ = self.decode(ids).removeprefix("[CLS] ").split("[SEP]")
            found.append(Pair(first.strip(), second.strip(), bool(label)))
        return found

    def reviews(self, n: int, seed: int) -> list[Review]:
        """``n`` reviews with their labels, a few of which are wrong."""
        drawn = self.draw("reviews", n, seed)
        return list(map(Review, map(self.decode, drawn.ids), drawn.labels.tolist()))

    def questions(self, n: int, seed: int) -> list[Question]:
        """``n`` questions about passages of one to three sentences; the answer is a span."""
        return questions.draw_questions(n, seed)

    def documents(self, n: int, seed: int) -> list[Document]:
        """``n`` passages for a search, with questions that only one of them answers."""
        return questions.draw_documents(n, seed)

    def commands(self, n: int, seed: int) -> list[Command]:
        """``n`` instructions with their one right answer."""
        return commands.draw_commands(n, seed)

    def translations(self, n: int, seed: int) -> list[Translation]:
        """``n`` sentences with their translation into the second language."""
        return translation.draw_translations(n, seed)

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

        -inf for what the world never says. The negative, averaged over the tokens of many
        sentences, is the lowest loss that a language model can reach.
        """
        return self.automaton.log_probability(tokenize(text))

    def next_token_distribution(self, prefix_tokens: Sequence[str]) -> dict[str, float]:
        """The exact probability of every token that can follow a prefix.

        Args:
            prefix_tokens: the first tokens of a sentence; ``[]`` asks for the first word.

        Returns:
            Token to probability, summing to 1; ``"[SEP]"`` stands for the end of the text.
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
