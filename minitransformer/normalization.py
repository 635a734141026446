"""What BERT does to a text before it cuts words into pieces.

Control characters go, white space becomes plain spaces, Chinese characters get spaces around them,
accents and capitals go if the model is "uncased"; then white space and punctuation part the words.
The same as the ``tokenizers`` library's ``BertNormalizer`` and ``BertPreTokenizer``, for every
character. In two places it, and so we, differ from BERT's first code (Devlin et al. 2018,
``tokenization.py``): code points that Unicode had not assigned are kept, and the ideographs U+2B820
to U+2B91F get no spaces.
"""

import unicodedata

from minitransformer.tokenizers import check_text
from minitransformer.unicode_classes import NEWER_CAPITALS, compile_pattern

_SMALL_LETTERS = {
    int(capital, 16): int(small, 16)
    for capital, small in (pair.split(":") for pair in NEWER_CAPITALS.split())
}


def clean_text(text: str) -> str:
    """Drop control characters and U+FFFD; make every kind of white space a plain space."""
    kept = compile_pattern("[{DROPPED}]").sub("", text)
    return compile_pattern("[{WHITE_SPACE}]").sub(" ", kept)


def space_ideographs(text: str) -> str:
    """Set a space before and after every Chinese character, so that each is a word."""
    return compile_pattern("[{IDEOGRAPHS}]").sub(r" \g<0> ", text)


def strip_accents(text: str) -> str:
    """Take characters apart (NFD) and drop the marks that stand on them: ``é`` becomes ``e``."""
    # Only what the library's older Unicode knows is taken apart, run by run.
    known = compile_pattern("[{DECOMPOSING}]+")
    apart = known.sub(lambda run: unicodedata.normalize("NFD", run[0]), text)
    return compile_pattern("[{MARKS}]").sub("", apart)


def lower_case(text: str) -> str:
    """Small letters, one character at a time.

    Unlike ``str.lower``, which writes ``ς`` at the end of a Greek word, it writes ``σ`` everywhere.
    """
    return "σ".join(part.lower() for part in text.translate(_SMALL_LETTERS).split("Σ"))


def normalize_text(text: str, lower: bool = True, strip: bool | None = None) -> str:
    """What BERT does to a text before it is cut.

    Args:
        text: any string without lone surrogates.
        lower: whether to write small letters ("uncased").
        strip: whether to strip accents; by default if letters are made small.
    """
    text = space_ideographs(clean_text(check_text(text)))
    if lower if strip is None else strip:
        text = strip_accents(text)
    return lower_case(text) if lower else text


def split_words(text: str) -> list[str]:
    """Cut a normalised text at white space, and every punctuation mark off as a word of its own."""
    return compile_pattern("[{PUNCTUATION}]|[^{PUNCTUATION}{WHITE_SPACE}]+").findall(text)
