"""Byte-level byte-pair encoding: from text to GPT-2's kind of tokens and back.

A text is cut into words, a word is spelled in bytes, and pairs of neighbours are merged in the
order in which training found them. Any text can be written, and comes back exactly. Radford et al.
2019, "Language Models are Unsupervised Multitask Learners", section 2.2. How the merges are found
is in ``pair_merging``.

Tokens are strings over :func:`byte_alphabet`, so ``"Ġthe"`` is " the". Ids, merges and files are
those of the ``tokenizers`` library.
"""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path

from minitransformer.pair_merging import Pair, learn_merges, merge_pair
from minitransformer.pair_merging import count_pairs as count_pairs  # for who looks for it here
from minitransformer.tokenizers import check_text, split_at_special, tokens_of
from minitransformer.unicode_classes import compile_pattern

ENDOFTEXT = "<|endoftext|>"
PATTERN = (
    r"'s|'t|'re|'ve|'m|'ll|'d| ?[{LETTERS}]+| ?[{NUMBERS}]+| ?[^{WHITE_SPACE}{LETTERS}{NUMBERS}]+"
    r"|[{WHITE_SPACE}]+(?![^{WHITE_SPACE}])|[{WHITE_SPACE}]+"
)


def byte_alphabet() -> dict[int, str]:
    """One printable character for each of the 256 bytes.

    The bytes that print as themselves in Latin-1 (``!`` to ``~``, ``¡`` to ``¬``, ``®`` to ``ÿ``)
    stand for themselves; the other 68, from low to high, get the characters from U+0100 on. So a
    space is written ``Ġ`` and a line feed ``Ċ``.

    Returns:
        A dict from byte to character, in the order of GPT-2's ids 0 to 255, which is the order of
        the characters' code points.
    """
    printable = [*range(ord("!"), ord("~") + 1), *range(0xA1, 0xAC + 1), *range(0xAE, 0xFF + 1)]
    alphabet = {byte: chr(byte) for byte in printable}
    others = [byte for byte in range(256) if byte not in alphabet]
    return alphabet | {byte: chr(256 + place) for place, byte in enumerate(others)}


def pre_tokenize(text: str) -> list[str]:
    """Cut a text into the words inside which pairs may merge.

    A word is an English contraction's ending, a run of letters, a run of numbers or a run of other
    signs, each with one space before it if there is one, or a run of white space:
    ``"It's  2 cats"`` becomes ``["It", "'s", " ", " 2", " cats"]``. Nothing is lost: joined, the
    words are the text.

    Source: the pattern in GPT-2's ``encoder.py``, 2019, with ``\\p{L}`` and ``\\p{N}`` as in
    Unicode 16.
    """
    return compile_pattern(PATTERN).findall(check_text(text))


def spell(word: str, alphabet: Mapping[int, str]) -> tuple[str, ...]:
    """A word's bytes in UTF-8, written in :func:`byte_alphabet`: ``" é"`` is ``Ġ Ã ©``."""
    return tuple(alphabet[byte] for byte in word.encode("utf-8"))


def train_bpe(text: str | Iterable[str], vocab_size: int, min_count: int = 1) -> list[Pair]:
    """Learn byte-level merges from a text.

    Args:
        text: one text, or several; no pair reaches from one into the next.
        vocab_size: how many tokens the merges and the 256 bytes make together; fewer if the text
            has not enough pairs.
        min_count: pairs that occur less often are not merged.

    Returns:
        The merges, in order: pairs of tokens such as ``("Ġ", "t")``. They are those of the
        ``tokenizers`` library's ``BpeTrainer`` with ``ByteLevel`` and its whole alphabet.
    """
    alphabet = byte_alphabet()
    if vocab_size < len(alphabet):
        raise ValueError(
            f"vocab_size must be at least {len(alphabet)}, one token a byte, got {vocab_size}; "
            "every further token is one merge"
        )
    texts = [text] if isinstance(text, str) else text
    frequencies = Counter(word for one in texts for word in pre_tokenize(one))
    words = {spell(word, alphabet): count for word, count in frequencies.items()}
    return learn_merges(words, list(alphabet.values()), vocab_size, min_count)


def apply_merges(word: Sequence[str], ranks: Mapping[Pair, int]) -> tuple[str, ...]:
    """Merge the pairs in a word as training did: always the pair that was learned first.

    Args:
        word: the symbols of a word, see :func:`spell`.
        ranks: the place of each pair in the list of merges.

    Returns:
        The tokens of the word.
    """
    tokens = tuple(word)
    while len(tokens) > 1:
        pair = min(pairwise(tokens), key=lambda pair: ranks.get(pair, len(ranks)))
        if pair not in ranks:
            break
        tokens = merge_pair(tokens, pair)
    return tokens


def encode_bpe(
    text: str,
    vocab: Mapping[str, int],
    ranks: Mapping[Pair, int],
    known: dict[str, tuple[str, ...]] | None = None,
) -> list[int]:
    """Text to ids: cut into words, spell each in bytes, merge, look up.

    Args:
        text: any string without lone surrogates.
        vocab: token to id; holds every character of the alphabet and every merged token.
        ranks: the place of each pair in the list of merges.
        known: the tokens of words met before; new words are added. It saves time, no more.

    Returns:
        The ids; none for the empty text.
    """
    known = {} if known is None else known
    alphabet = byte_alphabet()
    ids = []
    for word in pre_tokenize(text):
        if word not in known:
            known[word] = apply_merges(spell(word, alphabet), ranks)
        ids += [vocab[token] for token in known[word]]
    return ids


def decode_bpe(tokens: Iterable[str], special_tokens: Sequence[str] = ()) -> str:
    """Tokens to text: the bytes of all tokens in a row, read as UTF-8.

    A special token stands for its own text. Bytes that are no UTF-8, as when a list is cut inside
    a character, come out as ``"\ufffd"``.
    """
    byte_of = {character: byte for byte, character in byte_alphabet().items()}
    data = bytearray()
    for token in tokens:
        special = token in special_tokens
        data += token.encode("utf-8") if special else bytes(map(byte_of.__getitem__, token))
    return data.decode("utf-8", errors="replace")


class BPETokenizer:
    """The functions above, bound to one vocabulary and its merges.

    Args:
        vocab: token to id: the 256 characters of :func:`byte_alphabet`, the merged tokens, and
            besides them the special tokens, which no text is cut into unless that is asked for.
        merges: pairs of tokens, in the order they were learned.
    """

    def __init__(self, vocab: Mapping[str, int], merges: Sequence[Pair]):
        self.vocab = dict(vocab)
        self.merges = [(first, second) for first, second in merges]
        self.ranks = {pair: rank for rank, pair in enumerate(self.merges)}
        made = {*byte_alphabet().values(), *map("".join, self.merges)}
        missing = sorted(made - self.vocab.keys())
        if missing:
            raise ValueError(
                f"vocab lacks {len(missing)} of the {len(made)} tokens that bytes and merges make, "
                f"one is {missing[0]!r}; take both from one training with the whole byte alphabet"
            )
        self.special_tokens = [token for token in self.vocab if token not in made]
        self._token_of = {index: token for token, index in self.vocab.items()}
        if len(self._token_of) < len(self.vocab):
            raise ValueError("two tokens of vocab have the same id; every token needs its own")
        self._known: dict[str, tuple[str, ...]] = {}

    @classmethod
    def train(
        cls,
        text: str | Iterable[str],
        vocab_size: int,
        special_tokens: Sequence[str] = (ENDOFTEXT,),
        min_count: int = 1,
    ) -> "BPETokenizer":
        """A tokenizer of at most ``vocab_size`` tokens, see :func:`train_bpe`.

        The special tokens come last, as in GPT-2. Where they occur in the text they part it, and
        nothing is learned from their letters.
        """
        smallest = 256 + len(special_tokens)
        if vocab_size < smallest:
            raise ValueError(
                f"vocab_size must be at least {smallest}, for 256 bytes and the special tokens, "
                f"got {vocab_size}; every further token is one merge"
            )
        texts = [text] if isinstance(text, str) else text
        parts = (part for one in texts for part in split_at_special(one, special_tokens))
        plain = (part for part in parts if part not in special_tokens)
        merges = train_bpe(plain, vocab_size - len(special_tokens), min_count)
        tokens = [*byte_alphabet().values(), *map("".join, merges), *special_tokens]
        return cls({token: index for index, token in enumerate(dict.fromkeys(tokens))}, merges)

    def __len__(self) -> int:
        return len(self.vocab)

    def encode(self, text: str, allow_special: bool = False) -> list[int]:
        """Text to ids, see :func:`encode_bpe`.

        Args:
            text: any string without lone surrogates.
            allow_special: True reads ``<|endoftext|>`` in the text as that token. By default it is
                spelled like other text, so that no text from outside can end a document.
        """
        if len(self._known) > 100_000:
            self._known.clear()
        ids = []
        for part in split_at_special(text, self.special_tokens) if allow_special else [text]:
            if allow_special and part in self.special_tokens:
                ids.append(self.vocab[part])
            else:
                ids += encode_bpe(part, self.vocab, self.ranks, self._known)
        return ids

    def decode(self, ids: Iterable[int]) -> str:
        """Ids, a list or a one-dimensional tensor, to text, see :func:`decode_bpe`."""
        return decode_bpe(tokens_of(ids, self._token_of), self.special_tokens)

    def save(self, folder: str | Path) -> None:
        """Write ``vocab.json`` and ``merges.txt``, as GPT-2's files are laid out."""
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        vocab = json.dumps(self.vocab, ensure_ascii=False)
        merges = "".join(f"{first} {second}\n" for first, second in self.merges)
        (folder / "vocab.json").write_text(vocab, encoding="utf-8")
        (folder / "merges.txt").write_text(f"#version: 0.2\n{merges}", encoding="utf-8")

    @classmethod
    def load(cls, folder: str | Path) -> "BPETokenizer":
        """Read what :meth:`save`, the ``tokenizers`` library or GPT-2's release wrote."""
        folder = Path(folder)
        try:
            vocab = json.loads((folder / "vocab.json").read_text(encoding="utf-8"))
            lines = (folder / "merges.txt").read_text(encoding="utf-8").split("\n")
            lines = [line for line in lines if line and not line.startswith("#version")]
            return cls(vocab, [tuple(line.split(" ")) for line in lines])
        except (ValueError, TypeError, AttributeError) as error:
            raise ValueError(
                f"vocab.json and merges.txt in {folder} are no byte-level BPE vocabulary: {error}; "
                "take both files from one training"
            ) from error
