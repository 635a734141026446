"""The corpus: a small world that is generated, with exact probabilities.

world        the front door: draws of every kind, and the processes behind them
records      what the world hands out
grammar      words and single sentences, as tables
stories      stories and sentence pairs, as tables
reviews      praise and complaint
questions    passages with questions; documents for a search
commands     instructions with answers
translation  a second language
patterns     from patterns with memory to a process
automaton    the process, for reading
combine      larger processes from smaller ones
process      the process as arrays: fast draws, unigram and bigram
corpus       several processes over one vocabulary
exact        what can be known: of texts, of next and hidden tokens, of labels
forward_backward    the one routine behind it
views        what can be known from a bag of words
packed       the world's texts as a BERT reads them
files        real text from a local file
registry     public data sets: downloaded, proven, kept
letter       a short text to write like
"""

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
from minitransformer.data.world import World

__all__ = [
    "TOKEN_CLASSES",
    "Command",
    "Document",
    "Draw",
    "Pair",
    "PronounSentence",
    "Question",
    "QuestionSentence",
    "Review",
    "SenseSentence",
    "Sentence",
    "Story",
    "Translation",
    "World",
]
