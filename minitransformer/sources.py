"""Where texts come from, and how they are cut into tokens.

A source is a text file, a data set of the registry, or the small world, which is generated.
"""

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

from minitransformer.bpe import BPETokenizer
from minitransformer.data import World
from minitransformer.data.files import read_text, split
from minitransformer.data.registry import DATA_SETS, load_text
from minitransformer.data.translation import source_words, target_words
from minitransformer.tokenizers import CharTokenizer, WordTokenizer
from minitransformer.wordpiece import WordPieceTokenizer

WORLDS = ("world", "world-texts", "world-questions")
"""The small world. A BERT reads pairs of its sentences, texts of all kinds, or questions."""


class Source(NamedTuple):
    """Where the data comes from: ``text`` is None for the small world; ``sha256`` is of it all."""

    name: str
    text: str | None
    sha256: str


def open_source(data: str) -> Source:
    """Read what ``data`` names: a file, a data set of the registry, or the small world.

    Raises:
        ValueError: it is none of them.
        ConnectionError: a data set that is not in the cache, and no internet.
    """
    if data in WORLDS:
        words = " ".join([*World().vocab, *sorted(source_words()), *sorted(target_words())])
        return Source(data, None, hashlib.sha256(words.encode()).hexdigest())
    if Path(data).exists():
        text = read_text(data)
    elif data in DATA_SETS:
        text = load_text(data)
    else:
        raise ValueError(
            f"there is no file {data!r} (looked for from {Path.cwd()}), and no data set of that "
            f"name, only {', '.join([*WORLDS[:1], *DATA_SETS, *WORLDS[1:]])}; check the name"
        )
    return Source(str(data), text, hashlib.sha256(text.encode()).hexdigest())


def make_tokenizer(kind: str, source: Source, vocab_size: int) -> Any:
    """A tokenizer for a text.

    Args:
        kind: ``"characters"`` (all that occur in the text), or ``"words"``, ``"wordpiece"``,
            ``"bpe"`` (learned from the training part). The world has words of its own.
        source: the text.
        vocab_size: the most tokens that a learned vocabulary may have.
    """
    if source.text is None:
        return World().tokenizer()
    if kind == "characters":
        return CharTokenizer.from_text(source.text)
    learned = split(source.text)[0]
    if kind == "words":
        return WordTokenizer.from_texts([learned])
    return {"wordpiece": WordPieceTokenizer, "bpe": BPETokenizer}[kind].train(learned, vocab_size)
