"""WordPiece: BERT's tokens, words where they are common and pieces of words where they are rare.

A text is normalised and cut into words; a word is cut, from the left, into the longest pieces that
the vocabulary holds. A piece that continues a word begins with ``##``: ``unhappy`` may become
``un ##happy``. Schuster and Nakajima 2012, "Japanese and Korean Voice Search"; Devlin et al. 2019,
"BERT", section 3. What is done to the text before that is in ``normalization``.

Ids are those of the ``tokenizers`` library.
"""

from collections import Counter
from collections.abc import Container, Iterable, Mapping, Sequence
from pathlib import Path

from minitransformer.normalization import normalize_text, split_words
from minitransformer.pair_merging import Pair, learn_merges
from minitransformer.tokenizers import SPECIAL_TOKENS, split_at_special, tokens_of

CONTINUES = "##"  # how a piece begins that is not the first of its word
LONGEST_WORD = 100  # characters; a longer word is [UNK]


def wordpiece(word: str, vocab: Container[str], unknown: str = "[UNK]") -> list[str]:
    """Cut a word into pieces: from the left, always the longest piece that the vocabulary holds.

    ``wordpiece("unhappy", {"un", "##h", "##happy"})`` is ``["un", "##happy"]``. If no piece fits
    somewhere, or the word has more than 100 characters, the whole word is ``["[UNK]"]``.

    Args:
        word: one word, not empty.
        vocab: a dict from token to id, or a set of tokens.
        unknown: what stands for a word that cannot be written.

    Returns:
        The pieces; all but the first begin with ``##``.
    """
    if len(word) > LONGEST_WORD:
        return [unknown]
    pieces = []
    start = 0
    while start < len(word):
        prefix = CONTINUES if start else ""
        for end in range(len(word), start, -1):
            if prefix + word[start:end] in vocab:
                break
        else:
            return [unknown]
        pieces.append(prefix + word[start:end])
        start = end
    return pieces


def train_wordpiece(
    texts: str | Iterable[str],
    vocab_size: int,
    lower: bool = True,
    strip: bool | None = None,
    min_count: int = 1,
) -> dict[str, int]:
    """Make a vocabulary from texts: special tokens, characters, then the pieces merged from pairs.

    The most frequent pair of neighbouring pieces is merged first, as in the ``tokenizers``
    library's ``WordPieceTrainer``. (Schuster and Nakajima merge the pair that raises the likelihood
    of the text most, ``count(ab) / (count(a) count(b))``; Google's trainer was never published.)
    Where pairs are equally frequent the library goes by ids that change from run to run; ours are
    fixed: characters and then ``##`` characters, each in the order of their code points.

    Args:
        texts: one text or several.
        vocab_size: tokens in all; fewer if the pairs run out.
        lower, strip: as for :func:`normalize_text`.
        min_count: pairs that occur less often are not merged.

    Returns:
        Token to id; ``[PAD]`` is 0, ``[UNK]`` is 1, and so on.
    """
    texts = [texts] if isinstance(texts, str) else texts
    normalized = (normalize_text(text, lower, strip) for text in texts)
    words = Counter(word for text in normalized for word in split_words(text))
    spelled = {
        (word[0], *(CONTINUES + character for character in word[1:])): count
        for word, count in words.items()
    }
    first = sorted({character for word in words for character in word})
    later = sorted({symbol for word in spelled for symbol in word[1:]})
    symbols = [*SPECIAL_TOKENS, *first, *later]
    if vocab_size < len(symbols):
        raise ValueError(
            f"vocab_size is {vocab_size}, but the special tokens and the characters of the texts "
            f"already make {len(symbols)}; ask for at least that many"
        )
    merges = learn_merges(spelled, symbols, vocab_size, min_count, _join)
    tokens = dict.fromkeys([*symbols, *map(_join, merges)])
    return {token: index for index, token in enumerate(tokens)}


def _join(pair: Pair) -> str:
    return pair[0] + pair[1].removeprefix(CONTINUES)


def join_pieces(tokens: Sequence[str]) -> str:
    """Pieces to text: a piece with ``##`` continues the word before it, if there is one."""
    words = [
        token.removeprefix(CONTINUES) if place and token.startswith(CONTINUES) else f" {token}"
        for place, token in enumerate(tokens)
    ]
    return "".join(words).removeprefix(" ")


class WordPieceTokenizer:
    """The functions above, bound to one vocabulary.

    Args:
        vocab: token to id, with ``[UNK]``; :meth:`encode_pair` needs ``[CLS]`` and ``[SEP]`` too.
        lower, strip: as for :func:`normalize_text`.
    """

    def __init__(self, vocab: Mapping[str, int], lower: bool = True, strip: bool | None = None):
        if "[UNK]" not in vocab:
            raise ValueError("vocab has no '[UNK]' for unknown words; make it with train_wordpiece")
        self.vocab = dict(vocab)
        self.lower, self.strip = lower, strip
        self.special_tokens = [token for token in SPECIAL_TOKENS if token in vocab]
        self._token_of = {index: token for token, index in self.vocab.items()}
        if len(self._token_of) < len(self.vocab):
            raise ValueError("two tokens of vocab have the same id; every token needs its own")

    @classmethod
    def train(cls, texts: str | Iterable[str], vocab_size: int, **options) -> "WordPieceTokenizer":
        """A tokenizer for the texts; the options are those of :func:`train_wordpiece`."""
        vocab = train_wordpiece(texts, vocab_size, **options)
        return cls(vocab, options.get("lower", True), options.get("strip"))

    def __len__(self) -> int:
        return len(self.vocab)

    def tokenize(self, text: str, allow_special: bool = False) -> list[str]:
        """Text to pieces.

        Args:
            text: any string without lone surrogates.
            allow_special: True reads ``[MASK]`` and the other special tokens in the text as such;
                by default they are cut like other text.
        """
        tokens = []
        for part in split_at_special(text, self.special_tokens) if allow_special else [text]:
            if allow_special and part in self.special_tokens:
                tokens.append(part)
                continue
            for word in split_words(normalize_text(part, self.lower, self.strip)):
                tokens.extend(wordpiece(word, self.vocab))
        return tokens

    def encode(self, text: str, allow_special: bool = False) -> list[int]:
        """Text to ids, nothing set around them, see :meth:`tokenize`."""
        return [self.vocab[token] for token in self.tokenize(text, allow_special)]

    def encode_pair(
        self, first: str, second: str | None = None, allow_special: bool = False
    ) -> tuple[list[int], list[int]]:
        """``[CLS] first [SEP]``, or ``[CLS] first [SEP] second [SEP]``.

        Returns:
            The ids, and the segment of each: 0 up to the first ``[SEP]``, then 1.
        """
        if not {"[CLS]", "[SEP]"} <= self.vocab.keys():
            raise ValueError("vocab has no '[CLS]' or no '[SEP]'; make it with train_wordpiece")
        end = self.vocab["[SEP]"]
        ids = [self.vocab["[CLS]"], *self.encode(first, allow_special), end]
        segments = [0] * len(ids)
        if second is not None:
            ids += [*self.encode(second, allow_special), end]
            segments += [1] * (len(ids) - len(segments))
        return ids, segments

    def decode(self, ids: Iterable[int], skip_special: bool = False) -> str:
        """Ids to text: pieces joined to words, single spaces between words.

        Case, accents and the original spacing do not come back. ``[PAD]`` is dropped, and with
        ``skip_special`` every special token.
        """
        dropped = self.special_tokens if skip_special else ["[PAD]"]
        tokens = [token for token in tokens_of(ids, self._token_of) if token not in dropped]
        return join_pieces(tokens)

    def save(self, folder: str | Path) -> None:
        """Write ``vocab.txt``, one token a line in the order of the ids, as BERT's release does."""
        if sorted(self.vocab.values()) != list(range(len(self.vocab))):
            raise ValueError(
                f"the ids of the {len(self.vocab)} tokens are not 0, 1, 2, ..., so the lines of a "
                "file cannot say them; number the tokens without gaps"
            )
        broken = [token for token in self.vocab if not token or "\n" in token or "\r" in token]
        if broken:
            raise ValueError(
                f"the token {broken[0]!r} is empty or has a line end in it, so that no line of a "
                "file can hold it; no text has it: leave it out of the vocabulary"
            )
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        lines = sorted(self.vocab, key=self.vocab.__getitem__)
        (folder / "vocab.txt").write_text("\n".join(lines) + "\n", encoding="utf-8", newline="\n")

    @classmethod
    def load(
        cls, folder: str | Path, lower: bool = True, strip: bool | None = None
    ) -> "WordPieceTokenizer":
        """Read a folder's ``vocab.txt``; it does not say how texts are normalised."""
        lines = (Path(folder) / "vocab.txt").read_text(encoding="utf-8").rstrip("\n").split("\n")
        vocab = {token: index for index, token in enumerate(lines)}
        if len(vocab) < len(lines):
            raise ValueError(
                f"vocab.txt in {folder} has {len(lines)} lines but {len(vocab)} different tokens; "
                "every token must stand there once"
            )
        return cls(vocab, lower, strip)
