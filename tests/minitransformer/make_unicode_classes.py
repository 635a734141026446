"""Write minitransformer/unicode_classes.py by asking the `tokenizers` library.

    python tests/minitransformer/make_unicode_classes.py

Everything above the line "Generated from here on" in that module is written by hand and kept.
Run it on the oldest supported Python (Unicode 14): the newer capitals are those it lacks.
"""

import unicodedata
from collections.abc import Callable, Iterable
from pathlib import Path
from textwrap import wrap

from tokenizers import normalizers, pre_tokenizers

TARGET = Path(__file__).parents[2] / "minitransformer" / "unicode_classes.py"
CHARACTERS = [chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000]
OFF = dict(clean_text=False, handle_chinese_chars=False, strip_accents=False, lowercase=False)
CLEAN, SPACE, STRIP, LOWER = (
    normalizers.BertNormalizer(**{**OFF, step: True}).normalize_str
    for step in ("clean_text", "handle_chinese_chars", "strip_accents", "lowercase")
)
BYTE_LEVEL = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str
BERT = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
NFD = normalizers.NFD().normalize_str


def joins(neighbour: str) -> Callable[[str], bool]:
    """Whether a character and its neighbour are one word to GPT-2's pattern."""
    return lambda character: len(BYTE_LEVEL(neighbour + character)) == 1


def is_active(character: str) -> bool:
    """Whether canonical decomposition replaces the character or moves it among its neighbours."""
    low, high = "\u0334", "\u0345"  # the marks of the lowest and the highest combining class
    return (
        NFD(character) != character
        or not NFD(character + low).endswith(low)
        or not NFD(high + character).startswith(high)
    )


def is_inert(character: str) -> bool:
    """Whether decomposition leaves the character alone and always will: old, and not active."""
    return unicodedata.ucd_3_2_0.category(character) != "Cn" and not is_active(character)


def ranges(chosen: Iterable[str], bridge: Callable[[str], bool] = lambda _: False) -> str:
    """Characters to ranges such as ``41-5A 61-7A AA``; gaps of bridge characters are closed."""
    out: list[list[int]] = []
    for code in map(ord, chosen):
        if out and all(bridge(chr(between)) for between in range(out[-1][1] + 1, code)):
            out[-1][1] = code
        else:
            out.append([code, code])
    return " ".join(f"{a:X}-{b:X}" if a < b else f"{a:X}" for a, b in out)


def select(rule: Callable[[str], bool]) -> list[str]:
    return [character for character in CHARACTERS if rule(character)]


def constant(name: str, comment: str, value: str) -> str:
    lines = [f'    "{line} "' for line in wrap(value, 93, break_on_hyphens=False)]
    lines[-1] = lines[-1].removesuffix(' "') + '"'
    return "\n".join([f"# {comment}", f"{name} = (", *lines, ")"])


def tables() -> Iterable[str]:
    capitals = select(lambda c: LOWER(c) != c.lower())
    yield constant(
        "LETTERS", "General category L in Unicode 16: `\\p{L}` of GPT-2's pattern.",
        ranges(select(joins("é"))),
    )  # fmt: skip
    yield constant(
        "NUMBERS", "General category N in Unicode 16: `\\p{N}` of GPT-2's pattern.",
        ranges(select(joins("²"))),
    )  # fmt: skip
    yield constant(
        "PUNCTUATION", "ASCII signs, and general category P in Unicode 8: BERT splits them off.",
        ranges(select(lambda c: [w for w, _ in BERT(f"a{c}b")] == ["a", c, "b"])),
    )  # fmt: skip
    yield constant(
        "MARKS", "Nonspacing marks (Mn) in Unicode 8: stripped together with the accents.",
        ranges(select(lambda c: STRIP(c) == "")),
    )  # fmt: skip
    yield constant(
        "DROPPED", "Control, format and private-use characters in Unicode 8, and U+FFFD.",
        ranges(select(lambda c: CLEAN(f"a{c}b") == "ab")),
    )  # fmt: skip
    yield constant(
        "DECOMPOSING",
        "Decomposed or reordered by NFD in Unicode 9, with old neighbours that NFD leaves alone.",
        ranges(select(is_active), bridge=is_inert),
    )
    yield constant(
        "IDEOGRAPHS", "BERT sets spaces around them.", ranges(select(lambda c: SPACE(c) != c))
    )
    yield constant(
        "NEWER_CAPITALS", "Capital and small letter, in pairs, that came after Unicode 14.",
        " ".join(f"{ord(c):X}:{ord(LOWER(c)):X}" for c in capitals),
    )  # fmt: skip


if __name__ == "__main__":
    head = TARGET.read_text(encoding="utf-8").partition("# Generated from here on")[0]
    text = f"{head}# Generated from here on; see the module's docstring.\n\n" + "\n\n".join(
        tables()
    )
    TARGET.write_text(text + "\n", encoding="utf-8")
