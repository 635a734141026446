"""What the world hands out: small frozen records, one kind a task."""

from dataclasses import dataclass

from torch import Tensor

TOKEN_CLASSES = ("other", "pronoun", "agreement", "two-sense")
"""Kinds of tokens that are reported apart; their places here are the numbers in ``classes``.

A pronoun stands for an earlier word; an agreement token is a verb form that an earlier word
decides (sleeps or sleep); a two-sense word stands in two categories (bat). A pronoun is a pronoun
even where it agrees (he or she).
"""


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


@dataclass(frozen=True)
class Story:
    """Two or three sentences that belong together.

    Args:
        text: the whole story, tokens joined by spaces; each sentence ends in a full stop.
        sentences: the same, one string a sentence.
        classes: for each token one of :data:`TOKEN_CLASSES`.
    """

    text: str
    sentences: tuple[str, ...]
    classes: tuple[str, ...]


@dataclass(frozen=True)
class Pair:
    """Two sentences; ``is_next`` says whether the second really followed the first."""

    first: str
    second: str
    is_next: bool


@dataclass(frozen=True)
class Review:
    """What someone says about the food; the label is 1 for praise and 0 for a complaint."""

    text: str
    label: int


@dataclass(frozen=True)
class Draw:
    """Many texts at once, as ids, for training and for exact figures.

    Args:
        ids: int64 ``(batch, seq)``, filled up with ``[PAD]`` (0).
        classes: int64 ``(batch, seq)``, for each token its place in :data:`TOKEN_CLASSES`.
        labels: int64 ``(batch,)``: is_next of pairs, praise of reviews, 0 elsewhere.
    """

    ids: Tensor
    classes: Tensor
    labels: Tensor


@dataclass(frozen=True)
class Question:
    """A passage, a question about it, and the span that answers it.

    Args:
        passage: one or several sentences, tokens joined by spaces.
        question: the question, ended by "?".
        answer: the words of the answer, as they stand in the passage.
        start: the position of the answer's first token in the passage.
        end: the position of its last token (so a one-word answer has ``start == end``).
        kind: ``"who"``, ``"what"``, ``"where"`` or ``"when"``.
    """

    passage: str
    question: str
    answer: str
    start: int
    end: int
    kind: str


@dataclass(frozen=True)
class Document:
    """A short passage, and the questions that it alone answers in its collection."""

    text: str
    questions: tuple[Question, ...]


@dataclass(frozen=True)
class Command:
    """An instruction and its one right answer, both ended by a full stop."""

    instruction: str
    answer: str
    kind: str


@dataclass(frozen=True)
class Translation:
    """A sentence and its translation.

    Args:
        source: the English sentence.
        target: the same in the second language; a function of the source.
        alignment: for each token of the target, the position of the source token it renders.
    """

    source: str
    target: str
    alignment: tuple[int, ...]
