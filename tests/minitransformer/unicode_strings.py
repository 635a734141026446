"""Random strings from all corners of Unicode, and every character once, for the tokenizers."""

import random
from collections.abc import Iterator

BLOCKS = [
    range(0x20, 0x7F),  # ASCII
    range(0x00, 0x110),  # controls and Latin-1
    range(0x300, 0x370),  # combining marks
    range(0x370, 0x530),  # Greek, Cyrillic
    range(0x590, 0x780),  # right to left: Hebrew, Arabic, Syriac
    range(0x900, 0xE00),  # India: marks before, above and below
    range(0x1100, 0x1200),  # Hangul in parts
    range(0x1E00, 0x2000),  # letters with one and two accents
    range(0x2000, 0x2100),  # spaces, signs, invisible format characters
    range(0x3000, 0x3100),  # Japanese
    range(0x4E00, 0x4E80),  # Chinese
    range(0xAC00, 0xAC80),  # Hangul in syllables
    range(0xE000, 0xE010),  # private use
    range(0xFE00, 0x10000),  # presentation forms, variation selectors, noncharacters
    range(0x10D00, 0x11100),  # newer scripts
    range(0x16E00, 0x17000),
    range(0x1D150, 0x1D250),  # musical signs that NFD takes apart
    range(0x1F1E6, 0x1F200),  # flags
    range(0x1F300, 0x1F700),  # emoji
    range(0xE0000, 0xE0200),  # tags and unassigned code points
]
SNIPPETS = (
    "'s 't 're 've 'LL ' \u200d \U0001f469\u200d\U0001f469\u200d\U0001f467 \U0001f44d\U0001f3fd"
    " e\u0301 \u0323\u0307 \u302a\u302e \ufdfa \u0130 \u03a3 \u039f\u0394\u039f\u03a3 \u1e9e \u0149"
    " ## [UNK] [MASK] <|endoftext|> the ing 2\u00bd \u0663 \u2177"
).split(" ")
SPACES = [
    *" \t\n\r\v\f\x1c\x1d\x85\xa0\u1680\u180e\u2003\u2028\u2029\u202f\u3000\u200b\ufeff",
    "  ",
]


def random_string(generator: random.Random) -> str:
    """Up to a dozen runs of characters, each run from one corner; now and then any code point."""
    parts = []
    for _ in range(generator.randint(0, 12)):
        kind = generator.random()
        if kind < 0.1:
            code = generator.randrange(0x110000 - 0x800)
            parts.append(chr(code if code < 0xD800 else code + 0x800))
        elif kind < 0.25:
            parts.extend(generator.choices(SPACES, k=generator.randint(1, 3)))
        elif kind < 0.4:
            parts.extend(generator.choices(SNIPPETS, k=generator.randint(1, 3)))
        else:
            block = generator.choice(BLOCKS)
            parts.extend(chr(generator.choice(block)) for _ in range(generator.randint(1, 6)))
    return "".join(parts)


def random_strings(count: int, seed: int = 0) -> list[str]:
    generator = random.Random(seed)
    return [random_string(generator) for _ in range(count)]


def every_character(planes: tuple[int, ...] = (0, 1, 2, 3, 14)) -> Iterator[list[str]]:
    """All characters of the planes, 4,096 at a time, without the surrogates.

    Planes 4 to 13 are empty and planes 15 and 16 private; ask for them to be thorough.
    """
    for plane in planes:
        for start in range(plane << 16, (plane + 1) << 16, 4096):
            if not 0xD800 <= start < 0xE000:
                codes = (code for code in range(start, start + 4096))
                yield [chr(code) for code in codes if not 0xD800 <= code < 0xE000]
