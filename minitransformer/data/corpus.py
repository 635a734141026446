"""Several processes over one vocabulary: texts as ids, drawn fast, with classes and labels."""

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from minitransformer.data.automaton import END, Automaton
from minitransformer.data.process import Process
from minitransformer.data.records import TOKEN_CLASSES, Draw
from minitransformer.tokenizers import SPECIAL_TOKENS, pad_batch


class Corpus:
    """Named processes that share a vocabulary.

    Args:
        builders: name to a function that builds the automaton, called once, when first needed.
        words: every word that the processes write; the vocabulary is the special tokens, then
            these in alphabetical order.
        labels: name to the mark that is the label, for processes that have one.
        doubles: the words of two senses.
    """

    def __init__(
        self,
        builders: Mapping[str, Callable[[], Automaton]],
        words: Iterable[str],
        labels: Mapping[str, str],
        doubles: Collection[str],
    ):
        ordered = [*SPECIAL_TOKENS, *sorted(set(words) - set(SPECIAL_TOKENS))]
        self.vocab = {word: index for index, word in enumerate(ordered)}
        self._builders, self._labels, self._doubles = builders, labels, doubles
        self._processes: dict[str, Process] = {}

    def process(self, kind: str) -> Process:
        """One of the processes, over the vocabulary of all."""
        if kind not in self._builders:
            raise ValueError(f"no process {kind!r}; there are {', '.join(self._builders)}")
        if kind not in self._processes:
            self._processes[kind] = Process(self._builders[kind](), self.vocab)
        return self._processes[kind]

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Texts to ids ``(batch, seq)``, cut at blanks, filled up with 0.

        Special tokens may be written out: ``"[CLS] mia waits . [SEP]"``. An unknown word is an
        error, for the world has none.
        """
        if isinstance(texts, str):
            raise TypeError("texts must be a list of strings, got one string; write [text]")
        unknown = {word for text in texts for word in text.split()} - self.vocab.keys()
        if unknown:
            raise ValueError(
                f"the world has no {', '.join(map(repr, sorted(unknown)))}; write words and stops "
                "in small letters, parted by blanks"
            )
        return pad_batch([[self.vocab[word] for word in text.split()] for text in texts])

    def decode(self, ids: Iterable[int] | Tensor) -> str:
        """One row of ids to a text; ``[PAD]`` is left out."""
        words = list(self.vocab)
        return " ".join(words[index] for index in map(int, ids) if index)

    def draw(self, kind: str, n: int, seed: int, length: int | None = None) -> Draw:
        """``n`` texts of one kind; the same seed gives the same texts on every machine.

        Args:
            kind: the name of a process.
            length: cut every text at this many tokens; needed for a process without end.
        """
        process = self.process(kind)
        ids, states = process.sample(n, seed, length)
        labels = np.zeros(n, dtype=np.int64)
        if kind in self._labels:
            last = np.count_nonzero(states != END, axis=1) - 1
            labels += process.marked(self._labels[kind])[states[np.arange(n), last]]
        classes = self._classes(process, ids, states)
        return Draw(torch.from_numpy(ids), torch.from_numpy(classes), torch.from_numpy(labels))

    def _classes(self, process: Process, ids: np.ndarray, states: np.ndarray) -> np.ndarray:
        doubles = [self.vocab[word] for word in self._doubles if word in self.vocab]
        classes = np.where(np.isin(ids, doubles), TOKEN_CLASSES.index("two-sense"), 0)
        for mark in ("agreement", "pronoun"):
            classes[process.marked(mark)[states]] = TOKEN_CLASSES.index(mark)
        return classes
