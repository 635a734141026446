"""From text to token ids and back.

A model reads numbers. This room holds the two plain ways there, by words and by characters: cut a
text into tokens, number the tokens once and for all in a vocabulary, and translate between the
two. What is larger than a character and smaller than a word is in ``bpe`` and ``wordpiece``.
Imports nothing from the package.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor

SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def tokenize(text: str) -> list[str]:
    """Cut a text into lower-case words and single punctuation marks.

    A word is a run of letters, digits and underscores (``\\w+``); every other character that is
    not white space stands alone: ``"Mia eats, Leo cooks."`` becomes
    ``["mia", "eats", ",", "leo", "cooks", "."]``.

    Args:
        text: any string; the empty string has no tokens.

    Returns:
        The tokens, in reading order.
    """
    if not isinstance(text, str):
        raise TypeError(
            f"text must be one string, got {type(text).__name__}; "
            "for several texts call tokenize on each"
        )
    return re.findall(r"\w+|[^\w\s]", text.lower())


def build_vocab(texts: Sequence[str], min_count: int = 1) -> dict[str, int]:
    """Number every token that occurs in the texts.

    The special tokens come first (``[PAD]`` is 0, ``[UNK]`` is 1, ...), then the tokens from the
    most to the least frequent; tokens with equal counts stand in alphabetical order, so the same
    texts always give the same vocabulary.

    Args:
        texts: a list of strings.
        min_count: tokens that occur less often are left out (they are read as ``[UNK]``).

    Returns:
        A dict from token to id; the ids are 0, 1, ..., ``len(vocab) - 1``.
    """
    if isinstance(texts, str):
        raise TypeError("texts must be a list of strings, got one string; write [text]")
    if min_count < 1:
        raise ValueError(f"min_count must be at least 1, got {min_count}")
    counts = Counter(token for text in texts for token in tokenize(text))
    frequent = [token for token, count in counts.items() if count >= min_count]
    frequent.sort(key=lambda token: (-counts[token], token))
    return {token: index for index, token in enumerate([*SPECIAL_TOKENS, *frequent])}


def encode(text: str, vocab: dict[str, int]) -> list[int]:
    """Translate a text into token ids; a token that the vocabulary lacks becomes ``[UNK]``.

    Args:
        text: any string, cut by :func:`tokenize`.
        vocab: token to id, as :func:`build_vocab` makes it.

    Returns:
        One id per token.
    """
    if "[UNK]" not in vocab:
        raise ValueError("vocab has no '[UNK]' for unknown words; make it with build_vocab")
    return [vocab.get(token, vocab["[UNK]"]) for token in tokenize(text)]


def decode(ids: Iterable[int], vocab: dict[str, int]) -> str:
    """Translate token ids back into a text.

    The tokens are joined with single spaces and ``[PAD]`` is dropped, so upper case and the
    original spacing do not come back, and an unknown word stays ``[UNK]``.

    Args:
        ids: token ids, a list or a one-dimensional tensor.
        vocab: token to id, as :func:`build_vocab` makes it.

    Returns:
        The text.
    """
    token_of = {index: token for token, index in vocab.items()}
    tokens = []
    for index in map(int, ids):
        if index not in token_of:
            raise ValueError(
                f"id {index} is not in the vocabulary, whose ids run from 0 to {len(vocab) - 1}; "
                "decode with the vocabulary that encoded the text"
            )
        if token_of[index] != "[PAD]":
            tokens.append(token_of[index])
    return " ".join(tokens)


def pad_batch(sequences: Sequence[Sequence[int]], pad_id: int = 0) -> Tensor:
    """Lay sequences of different lengths into one rectangle, filled up with ``pad_id``.

    Args:
        sequences: ``batch`` lists of ids.
        pad_id: the id of ``[PAD]``.

    Returns:
        An int64 tensor ``(batch, seq)``, where ``seq`` is the length of the longest sequence.
    """
    seq = max((len(ids) for ids in sequences), default=0)
    rows = [[*ids, *[pad_id] * (seq - len(ids))] for ids in sequences]
    return torch.tensor(rows, dtype=torch.int64).view(len(rows), seq)


class WordTokenizer:
    """The four functions above, bound to one vocabulary.

    Args:
        vocab: token to id, as :func:`build_vocab` makes it.
    """

    def __init__(self, vocab: dict[str, int]):
        self.vocab = dict(vocab)

    @classmethod
    def from_texts(cls, texts: Sequence[str], min_count: int = 1) -> "WordTokenizer":
        """A tokenizer whose vocabulary is built from the texts."""
        return cls(build_vocab(texts, min_count))

    def __len__(self) -> int:
        return len(self.vocab)

    def encode(self, text: str) -> list[int]:
        """Text to ids, see :func:`encode`."""
        return encode(text, self.vocab)

    def decode(self, ids: Iterable[int]) -> str:
        """Ids to text, see :func:`decode`."""
        return decode(ids, self.vocab)

    def encode_batch(self, texts: Sequence[str]) -> Tensor:
        """Texts to one padded tensor of ids ``(batch, seq)``, see :func:`pad_batch`."""
        return pad_batch([self.encode(text) for text in texts], self.vocab["[PAD]"])


def special_and_words(vocab: Mapping[str, int]) -> tuple[list[int], list[int]]:
    """The ids of the special tokens, ``[PAD]`` first, and the ids of all other tokens."""
    special = [vocab[token] for token in SPECIAL_TOKENS]
    return special, [index for index in vocab.values() if index not in special]


def check_text(text: str) -> str:
    """The text itself, if it is one string that can be written in UTF-8.

    A lone surrogate, as a broken escape like ``"\\ud83d"`` leaves behind, is half a character: it
    is refused with a ValueError, and anything but a string with a TypeError.
    """
    if not isinstance(text, str):
        raise TypeError(f"text must be one string, got {type(text).__name__}; encode texts singly")
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ValueError(
            f"text has the lone surrogate U+{ord(text[error.start]):04X} at {error.start}, but has "
            "to be valid Unicode; read it with the right encoding, or drop what is broken: "
            "text.encode('utf-8', 'ignore').decode('utf-8')"
        ) from None
    return text


def check_special(vocab: Mapping[str, int], needed: Iterable[str], owner: str) -> None:
    """A vocabulary has the special tokens that ``owner`` cannot do without."""
    needed = list(needed)
    if not set(needed) <= vocab.keys():
        raise ValueError(
            f"{owner} needs {', '.join(needed)} in its vocabulary, and this one of {len(vocab)} "
            "tokens lacks them; choose the tokenizer words or wordpiece"
        )


def split_at_special(text: str, special_tokens: Iterable[str]) -> list[str]:
    """Part a text at its special tokens: ``"a[SEP]b"`` becomes ``["a", "[SEP]", "b"]``.

    Of two special tokens that begin at one place, the longer is taken. No part is empty.
    """
    longest_first = sorted(special_tokens, key=len, reverse=True)
    if not longest_first:
        return [text] if text else []
    pattern = "|".join(map(re.escape, longest_first))
    return [part for part in re.split(f"({pattern})", check_text(text)) if part]


def tokens_of(ids: Iterable[int], token_of: Mapping[int, str]) -> list[str]:
    """Look up ids, whole numbers in a list or a one-dimensional tensor, in a dict of tokens."""
    tokens = []
    for given in ids:
        index = int(given)
        if index != given or index not in token_of:
            raise ValueError(
                f"id {given} is not in the vocabulary of {len(token_of)} tokens; ids are whole "
                f"numbers up to {max(token_of, default=-1)}; decode with the tokenizer that encoded"
            )
        tokens.append(token_of[index])
    return tokens


def character_vocab(text: str) -> dict[str, int]:
    """Number the characters of a text by code point: ``"cab"`` gives ``{"a": 0, "b": 1, "c": 2}``.

    There are no special tokens, as in character-level language models (Karpathy 2015, char-rnn).
    """
    return {character: index for index, character in enumerate(sorted(set(check_text(text))))}


class CharTokenizer:
    """One token a character; ``vocab`` is character to id, see :func:`character_vocab`."""

    def __init__(self, vocab: Mapping[str, int]):
        self.vocab = dict(vocab)
        self._token_of = {index: character for character, index in self.vocab.items()}
        if any(len(token) != 1 for token in vocab) or len(self._token_of) < len(vocab):
            raise ValueError(
                f"every key of vocab must be one character with an id of its own, got "
                f"{str(self.vocab)[:60]}; make it with character_vocab"
            )

    @classmethod
    def from_text(cls, text: str) -> "CharTokenizer":
        """A tokenizer for the characters of the text."""
        return cls(character_vocab(text))

    def __len__(self) -> int:
        return len(self.vocab)

    def encode(self, text: str) -> list[int]:
        """One id a character; a character that the vocabulary lacks is a ValueError."""
        try:
            return [self.vocab[character] for character in check_text(text)]
        except KeyError as error:
            raise ValueError(
                f"character {error.args[0]!r} is not in the vocabulary of {len(self.vocab)}; "
                "build that from a text that has them all, or leave the character out"
            ) from None

    def decode(self, ids: Iterable[int]) -> str:
        """The characters in a row."""
        return "".join(tokens_of(ids, self._token_of))

    def save(self, folder: str | Path) -> None:
        """Write ``characters.json``: character to id."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "characters.json").write_text(json.dumps(self.vocab), encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> "CharTokenizer":
        """Read what :meth:`save` wrote."""
        return cls(json.loads((Path(folder) / "characters.json").read_text(encoding="utf-8")))
