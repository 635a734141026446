"""Chapter 4, first part: words cut into pieces, and two sentences packed into one row."""

from typing import Any

from autograder import probes
from autograder.exercises import _ch04_mistakes_texts as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import masking, wordpiece

Inputs = dict[str, Any]
SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


# wordpiece


def _letters(draw: Draw, count: int) -> list[str]:
    return draw.random.sample("abcdefghijklmnopqrstuvwxyz", count)


def _vocab(draw: Draw, pieces: list[str]) -> dict[str, int]:
    """The pieces in no order, among the special tokens."""
    tokens = [*SPECIALS, *dict.fromkeys(pieces)]
    draw.random.shuffle(tokens)
    return {token: index for index, token in enumerate(tokens)}


def _all_ways(draw: Draw) -> Inputs:
    """From the left abc ##de, from the right ab ##cde, shortest first a ##b ##c ##d ##e."""
    a, b, c, d, e = _letters(draw, 5)
    pieces = [a, a + b, a + b + c, *(f"##{x}" for x in (b, c, d, e, b + c, d + e, c + d + e))]
    return {"word": a + b + c + d + e, "vocab": _vocab(draw, pieces)}


def _in_the_vocabulary(draw: Draw) -> Inputs:
    a, b, c, d = _letters(draw, 4)
    pieces = [a, a + b, a + b + c, a + b + c + d, f"##{b}", f"##{c}{d}", f"##{d}"]
    return {"word": a + b + c + d, "vocab": _vocab(draw, pieces)}


def _plain_and_continued(draw: Draw) -> Inputs:
    """Words of their own are no pieces: cd stands in the vocabulary, and ##cd does not."""
    a, b, c, d = _letters(draw, 4)
    pieces = [a + b, c + d, c, d, f"##{c}", f"##{d}"]
    return {"word": a + b + c + d, "vocab": _vocab(draw, pieces)}


def _continued_at_the_start(draw: Draw) -> Inputs:
    """##ab cannot begin a word."""
    a, b, c, d = _letters(draw, 4)
    pieces = [a, f"##{a}{b}", f"##{b}", f"##{a}", f"##{c}{d}", c + d]
    return {"word": a + b + c + d, "vocab": _vocab(draw, pieces)}


def _unwritable(draw: Draw) -> Inputs:
    """One letter that no piece holds: in the middle, at the end, at the start."""
    a, b, c, d, x = _letters(draw, 5)
    vocab = _vocab(draw, [a + b, a, f"##{b}", f"##{c}", f"##{c}{d}", f"##{d}"])
    return {
        "pieces, a strange letter in the middle": {"word": a + b + x + c + d, "vocab": vocab},
        "pieces, a strange letter at the end": {"word": a + b + c + x, "vocab": vocab},
        "pieces, a strange letter at the start": {"word": x + b + c, "vocab": vocab},
    }


def _dead_end(draw: Draw) -> Inputs:
    """ab ##cd would do, but abc is longer, and then nothing fits."""
    a, b, c, d = _letters(draw, 4)
    return {"word": a + b + c + d, "vocab": _vocab(draw, [a + b, a + b + c, f"##{c}{d}"])}


def _short(draw: Draw) -> Inputs:
    a, b, c, x = _letters(draw, 4)
    vocab = _vocab(draw, [a, b, a + b, f"##{b}", f"##{c}"])
    return {
        "pieces of one letter": {"word": a, "vocab": vocab},
        "pieces of one unknown letter": {"word": x, "vocab": vocab},
        "pieces of two letters": {"word": a + c, "vocab": vocab},
        "pieces of a word that repeats": {"word": a + b + b + b, "vocab": vocab},
    }


def _long(draw: Draw) -> Inputs:
    """A word of twelve letters and more, whole and in two long pieces."""
    letters = _letters(draw, 26)
    word, middle = "".join(letters), draw.size(12, 14)
    first, second = word[:middle], word[middle:]
    short = [letters[0], word[:2], *(f"##{letter}" for letter in letters[1:])]
    return {
        "pieces of a long word": {"word": word, "vocab": _vocab(draw, [word, first, *short])},
        "long pieces": {"word": word, "vocab": _vocab(draw, [first, f"##{second}", *short])},
    }


def _other_name(draw: Draw) -> Inputs:
    a, b, c, x = _letters(draw, 4)
    pieces = {a + b, f"##{c}", f"##{b}"}
    return {"word": a + b + c + x, "vocab": pieces, "unknown": draw.choice(("<unk>", "?", "[unk]"))}


wordpiece_exercise = Exercise(
    id="wordpiece",
    title="cut a word into known pieces",
    reference=wordpiece.wordpiece,
    cases=(
        Case("a word of the vocabulary stays whole", _in_the_vocabulary, guard=True),
        Case("from the left, always the longest piece", _all_ways),
        Case("a piece that goes on is looked up with ##", _plain_and_continued),
        Case("a piece with ## does not begin a word", _continued_at_the_start),
        Case(
            "where nothing fits, the whole word is unknown", _unwritable, probes.several, guard=True
        ),
        Case("greedy: what has been taken stays taken", _dead_end, guard=True),
        Case("very short words, and letters that repeat", _short, probes.several),
        Case("words and pieces of any length", _long, probes.several),
        Case("the unknown token may have another name", _other_name, guard=True),
        Case("the vocabulary is left as it was", _all_ways, probes.untouched, guard=True),
    ),
    hints=(
        "Keep in mind where the next piece starts. There, try the whole rest of the word first, "
        "then the rest without its last letter, and so on.",
        'A loop "while start < len(word)" and in it a loop over end from len(word) down to '
        'start + 1. What you look up is word[start:end], with "##" before it when start is not 0.',
        "When a piece is in vocab: append it, set start = end, and break. When the inner loop ends "
        "without a find, return [unknown]. (for … else runs its else exactly then.)",
    ),
    misconceptions=(
        Misconception(
            m.pieces_shortest_first,
            "It looks as if the shortest piece is taken. Try the longest first: let end run from "
            "len(word) downwards.",
        ),
        Misconception(
            m.pieces_looked_up_without_marks,
            "It looks as if pieces that go on are looked up without ##. When start is not 0, the "
            'vocabulary holds them as "##" + word[start:end].',
            also=(m.pieces_looked_up_without_and_marked,),
        ),
        Misconception(
            m.pieces_lose_their_marks,
            "It looks as if ## is used to look up, and then lost. The piece in the result is the "
            "one in the vocabulary, with its ##.",
        ),
        Misconception(
            m.pieces_marked_from_the_start,
            "It looks as if the first piece may begin with ##. Only pieces that go on do.",
            also=(m.pieces_either_way_at_the_start,),
        ),
        Misconception(
            m.pieces_with_unknown_letters,
            "It looks as if one strange letter becomes [UNK] and the rest is cut on. In WordPiece "
            "the whole word is unknown: return [unknown] at once.",
        ),
        Misconception(
            m.pieces_then_unknown,
            "It looks as if [UNK] is put behind the pieces found so far. The whole word is "
            "unknown: throw them away and return [unknown].",
        ),
        Misconception(
            m.pieces_without_the_rest,
            "It looks as if the rest of the word is dropped where nothing fits. The whole word is "
            "unknown: return [unknown].",
            also=(m.pieces_without_strange_letters,),
        ),
        Misconception(
            m.pieces_from_the_right,
            "It looks as if the word is cut from its end. Begin at the left.",
        ),
        Misconception(
            m.pieces_with_a_way_back,
            "It looks as if another cut is tried when the longest piece leads nowhere. WordPiece "
            "is greedy: it never takes a piece back.",
        ),
        Misconception(
            m.pieces_always_unk,
            "It looks as if the text [UNK] is written into the function. Return the parameter "
            "unknown.",
        ),
        Misconception(
            m.pieces_never_the_last_letter,
            "It looks as if the last letter is never part of a piece. A slice stops before its "
            "end, so end must reach len(word).",
        ),
        Misconception(
            m.pieces_never_one_letter,
            "It looks as if a single letter is never tried as a piece. The shortest piece is "
            "word[start : start + 1].",
        ),
        Misconception(
            m.pieces_unknown_as_text,
            "It looks as if the unknown token is returned as a text. The result is a list in "
            "every case: [unknown].",
        ),
        Misconception(
            m.pieces_skip_a_letter,
            "It looks as if a letter is lost behind each piece. A slice stops before its end, so "
            "the next piece starts at end itself.",
        ),
    ),
    alternatives=(m.pieces_by_shrinking, m.pieces_by_recursion, m.pieces_by_longest_prefix),
    points=3,
    minutes=15,
    difficulty=3,
)


# pack_pair


def _packing_vocab(draw: Draw) -> dict[str, int]:
    """The special tokens anywhere among the ids; [PAD] is not 0 as a rule."""
    places = draw.random.sample(range(60), 5)
    return dict(zip(SPECIALS, places, strict=True))


def _words(draw: Draw, count: int) -> list[int]:
    return [draw.size(60, 99) for _ in range(count)]


def _pair(draw: Draw, room: int = -1) -> Inputs:
    first, second = draw.sizes(2, 2, 6)
    room = draw.size(2, 5) if room < 0 else room
    return {
        "first": _words(draw, first),
        "second": _words(draw, second),
        "vocab": _packing_vocab(draw),
        "max_seq": first + second + 3 + room,
    }


def _single(draw: Draw) -> Inputs:
    inputs = _pair(draw)
    return {**inputs, "second": None}


def _uneven(draw: Draw) -> Inputs:
    inputs = _pair(draw)
    short, long = _words(draw, 1), _words(draw, draw.size(6, 9))
    first, second = draw.choice(((short, long), (long, short)))
    return {**inputs, "first": first, "second": second, "max_seq": 16}


def _packed(make: Any) -> Any:
    return lambda draw: {"arguments": make(draw), "names": ["ids", "segments", "real"]}


def _segments_at_the_separators(
    observed: Observed, expected: Observed, inputs: Inputs
) -> Failure | None:
    arguments = inputs["arguments"]
    end = len(arguments["first"]) + 1
    if observed["segments"][end] != 0:
        return Failure("The first [SEP] closes the first sentence: its segment is 0.", "separator")
    return None


pack_pair = Exercise(
    id="pack_pair",
    title="two sentences in one row",
    reference=masking.pack_pair,
    cases=(
        Case(
            "[CLS] first [SEP] second [SEP], then padding",
            _packed(_pair),
            probes.named,
            holds=_segments_at_the_separators,
        ),
        Case("a row without padding", _packed(lambda draw: _pair(draw, 0)), probes.named),
        Case("a single sentence", _packed(_single), probes.named),
        Case("a long sentence beside a short one", _packed(_uneven), probes.named),
        Case(
            "one sentence or two: nothing is raised",
            lambda draw: {"two sentences": _pair(draw), "one sentence": _single(draw)},
            probes.errors,
            guard=True,
        ),
        Case("the sentences are left as they were", _pair, probes.untouched, guard=True),
    ),
    hints=(
        "Build the list of ids first, without padding. Its length tells you how much padding is "
        "missing, and what is real.",
        '[vocab["[CLS]"], *first, vocab["[SEP]"]] is the first part; all of it is segment 0. The '
        "second part is the second sentence and its own [SEP]; all of it is segment 1.",
        "With padding = max_seq - len(ids): ids get the id of [PAD] that often, segments get 0, "
        "and real is True len(ids) times, then False. Turn all three into tensors; "
        "torch.arange(max_seq) < length is a short way to the last.",
    ),
    misconceptions=(
        Misconception(
            m.pack_first_separator_in_segment_1,
            "It looks as if the first [SEP] is in segment 1. It closes the first sentence and "
            "belongs to segment 0.",
        ),
        Misconception(
            m.pack_last_separator_in_segment_0,
            "It looks as if the last [SEP] is in segment 0. It closes the second sentence and "
            "belongs to segment 1.",
        ),
        Misconception(
            m.pack_padding_in_segment_1,
            "It looks as if the padding is in segment 1. Segment 1 ends with the last [SEP]; "
            "padding has 0.",
        ),
        Misconception(
            m.pack_segments_from_1,
            "It looks as if the segments are counted from 1. They are 0 and 1.",
        ),
        Misconception(
            m.pack_without_cls,
            "It looks as if [CLS] is missing. Every row begins with it; its vector will speak for "
            "the whole row.",
        ),
        Misconception(
            m.pack_without_last_separator,
            "It looks as if the second sentence has no [SEP]. Both are closed by one.",
        ),
        Misconception(
            m.pack_cls_twice,
            "It looks as if the second sentence begins with a [CLS] as well. There is one a row.",
            also=(
                m.pack_cls_twice_in_segment_0,
                m.pack_cls_twice_and_compared,
                m.pack_cls_twice_in_segment_0_and_compared,
                m.pack_cls_twice_into_full,
            ),
        ),
        Misconception(
            m.pack_without_first_separator,
            "It looks as if no [SEP] stands between the sentences. Both are closed by one.",
        ),
        Misconception(
            m.pack_all_in_segment_0,
            "It looks as if every token is in segment 0. From the second sentence on, with its "
            "[SEP], it is 1.",
        ),
        Misconception(
            m.pack_into_lists,
            "It looks as if lists are returned. Make a tensor of each: torch.tensor(…).",
        ),
        Misconception(
            m.pack_without_real,
            "It looks as if two things are returned. The third is real: where does a token stand, "
            "and where padding?",
        ),
        Misconception(
            m.pack_in_another_order,
            "It looks as if the results come in another order. They are the ids, the segments and "
            "what is real.",
        ),
        Misconception(
            m.pack_without_padding,
            "It looks as if the row ends with its last token. Fill it up to max_seq with [PAD]; "
            "rows of one length can be stacked into a batch.",
        ),
        Misconception(
            m.pack_needs_a_second,
            "A single sentence cannot be packed: then second is None, which has no length and no "
            "items. Ask for that first, with “if second is not None”.",
        ),
        Misconception(
            m.pack_single_as_pair,
            "It looks as if a single sentence gets a second [SEP]. When second is None, the row "
            "is [CLS] first [SEP].",
        ),
        Misconception(
            m.pack_real_inverted,
            "It looks as if real is True at the padding. It is True where a token stands.",
        ),
        Misconception(
            m.pack_real_where_not_0,
            "It looks as if real is False where the id is 0. The vocabulary says which id is "
            "[PAD], and it need not be 0.",
        ),
        Misconception(
            m.pack_real_as_numbers,
            "It looks as if real holds 1 and 0. It is a mask, of True and False: make the list of "
            "these, or compare.",
        ),
        Misconception(
            m.pack_specials_not_real,
            "It looks as if [CLS] and [SEP] count as padding. They are real tokens; only [PAD] is "
            "not.",
        ),
        Misconception(
            m.pack_padded_with_zeros,
            "It looks as if the ids are padded with the number 0. Look the id of [PAD] up in the "
            "vocabulary.",
        ),
        Misconception(
            m.pack_padding_first,
            "It looks as if the padding stands in front. It comes last.",
        ),
    ),
    alternatives=(m.pack_into_full_tensors, m.pack_place_by_place),
    points=2,
    minutes=12,
    difficulty=2,
)
