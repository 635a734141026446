"""Chapter 1, first part: from text to token ids and back."""

from typing import Any

import torch

from autograder import probes
from autograder.exercises import _ch01_mistakes as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception
from minitransformer import tokenizers

Values = dict[str, Any]

PEOPLE = ("mia", "leo", "nora", "omar", "ada", "squatch")
WORDS = (
    "eats", "likes", "pizza", "soup", "cake", "bread", "cat", "dog", "horse", "park", "forest",
    "the", "in", "at", "noon", "oven", "sees", "chases", "red", "green", "camera", "library",
)  # fmt: skip
UNSEEN = ("dragon", "violin", "comet", "zebra")
SPECIALS = tokenizers.SPECIAL_TOKENS


def _words(draw: Draw, count: int) -> list[str]:
    """Different words, in no order."""
    return draw.random.sample(PEOPLE + WORDS, count)


# tokenize


def _plain_text(draw: Draw) -> Values:
    words = [draw.choice((w, w.title(), w.upper())) for w in _words(draw, draw.size(4, 7))]
    words[0] = words[0].title()
    gaps = [draw.choice((" ", "  ", "\t", "\n")) for _ in words]
    return {"text": "".join(word + gap for word, gap in zip(words, gaps, strict=True))}


def _punctuated(draw: Draw) -> Values:
    a, b, c, d = _words(draw, 4)
    return {"text": f"{a}, {b}: {c} ({d}){draw.choice('.!?')}"}


def _runs(draw: Draw) -> Values:
    a, b = _words(draw, 2)
    return {"text": f"{a}{draw.choice(('...', '?!', '!!'))} {b}{draw.choice((').', '...', '!?'))}"}


def _odd_words(draw: Draw) -> Values:
    words = ["café", "über", f"{draw.size(2, 900)}", f"row_{draw.size(1, 9)}", *_words(draw, 2)]
    words = [word.title() for word in words]
    draw.random.shuffle(words)
    return {"text": " ".join(words)}


def _inner_signs(draw: Draw) -> Values:
    a, b, c = _words(draw, 3)
    return {"text": f"{a}'s {b}-{c}"}


def _rare_signs(draw: Draw) -> Values:
    a, b, c, d = _words(draw, 4)
    first, second = draw.random.sample("—€→“…«", 2)
    return {"text": f"{first}{a} {b}{second} 5% #{c} {d}/{a}"}


def _edge_texts(draw: Draw) -> Values:
    return {
        "tokens of an empty text": {"text": ""},
        "tokens of three spaces": {"text": "   "},
        "tokens of one letter": {"text": draw.choice("ABCDE")},
        "tokens of one sign": {"text": draw.choice(".,;!")},
    }


tokenize = Exercise(
    id="tokenize",
    title="cut a text into tokens",
    reference=tokenizers.tokenize,
    cases=(
        Case("words are lower case, and white space separates them", _plain_text),
        Case("punctuation marks are tokens of their own", _punctuated),
        Case("three dots are three tokens", _runs),
        Case("digits, accents and underscores belong to words", _odd_words),
        Case("apostrophes and hyphens stand alone", _inner_signs),
        Case("signs that nobody would list are tokens too", _rare_signs),
        Case("empty and very short texts", _edge_texts, probe=probes.several),
    ),
    hints=(
        "There are two kinds of tokens: a run of word characters, or one single character that is "
        "neither a word character nor white space. Lower-case the text first.",
        "re.findall(pattern, text) returns every match, left to right, and skips what no match "
        "covers. In a pattern, \\w is a word character, \\s is white space and | means or.",
        "The first half of the pattern is \\w+ (one or more word characters). The second half is "
        "one character from the set [^\\w\\s], where ^ means none of these. Join them with |.",
    ),
    misconceptions=(
        Misconception(
            m.split_at_spaces,
            "It looks as if the text is cut at white space only, so marks stick to the words. "
            "Let a pattern find the words and the marks.",
            also=(m.cuts_at_spaces_only,),
        ),
        Misconception(
            m.keeps_capitals,
            "It looks as if capitals are kept. Lower-case the text before you cut it: Pizza and "
            "pizza are one word.",
        ),
        Misconception(
            m.drops_punctuation,
            "It looks as if punctuation is thrown away. Each mark is a token too: add a second "
            "half to the pattern.",
        ),
        Misconception(
            m.glues_punctuation,
            "It looks as if neighbouring marks become one token. Only words may be longer than "
            "one character: no + behind the set of marks.",
        ),
        Misconception(
            m.plain_letters_only,
            "It looks as if only the letters a to z count as words. \\w also knows digits, "
            "underscores and the letters of other alphabets.",
            also=(m.plain_letters_no_marks, m.plain_letters_or_anything),
        ),
        Misconception(
            m.listed_letters,
            "It looks as if words are made of listed characters, such as a to z and 0 to 9. The "
            "letters of other languages and the underscore belong too: \\w knows them all.",
            also=(m.listed_letters_and_underscore, m.listed_letters_by_flag),
        ),
        Misconception(
            m.underscore_apart,
            "It looks as if an underscore is not part of its word. Here it is, as \\w has it; "
            "isalnum() and lists of punctuation know better, and are wrong here.",
            also=(m.underscore_lost,),
        ),
        Misconception(
            m.only_the_space_separates,
            "It looks as if only the space separates, so tabs and new lines become tokens or stick "
            "to words. \\s is any white space.",
            also=(m.splits_at_one_space,),
        ),
        Misconception(
            m.last_word_lost,
            "It looks as if the word at the very end is lost, because nothing comes after it. When "
            "the loop is over, a word may still be waiting to be added.",
        ),
        Misconception(
            m.apostrophes_inside_words,
            "It looks as if an apostrophe or a hyphen stays inside its word. Here it is a token of "
            "its own, like every other mark.",
            also=(m.hyphens_inside_words, m.both_inside_words),
        ),
        Misconception(
            m.marks_swallow_words,
            "It looks as if a mark takes along whatever is glued to it, letters too: \\S+ does so. "
            "A mark is one single character that is neither \\w nor \\s.",
        ),
        Misconception(
            m.some_marks_only,
            "It looks as if only some marks are kept. Do not list them: every character that is "
            "neither a word character nor white space is a token, [^\\w\\s].",
            also=(
                m.some_marks_and_semicolons,
                m.some_marks_and_colons,
                m.some_marks_and_brackets,
                m.some_marks_and_quotes,
                m.marks_of_the_keyboard,
            ),
        ),
    ),
    alternatives=(m.tokenize_by_hand, m.tokenize_by_spacing),
    points=1,
    minutes=8,
    difficulty=1,
)


# build_vocab


def _counted(draw: Draw) -> list[str]:
    """Texts in which each word has its own count, and the frequent words come last in a to z."""
    words = sorted(_words(draw, draw.size(4, 6)), reverse=True)
    tokens = [word for place, word in enumerate(words) for _ in range(len(words) - place)]
    draw.random.shuffle(tokens)
    cut = draw.size(2, len(tokens) - 2)
    return [" ".join(tokens[:cut]), " ".join(tokens[cut:])]


def _tied(draw: Draw) -> Values:
    words = sorted(_words(draw, draw.size(4, 7)), reverse=True)
    return {"texts": [" ".join(words), " ".join(words[: draw.size(1, 3)])]}


def _spoken(draw: Draw) -> Values:
    a, b, c = _words(draw, 3)
    return {"texts": [f"{a.title()} {b}, {c}.", f"{b.upper()} {a}!", f"{c} {c}, {c}."]}


def _specials_first(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    vocab = observed["result"]
    if [vocab.get(token) for token in SPECIALS] != list(range(len(SPECIALS))):
        return Failure("The special tokens need the ids 0 to 4, in their order.", "specials")
    return None


def _edge_corpora(draw: Draw) -> Values:
    a, b = _words(draw, 2)
    return {
        "vocabulary of no texts": {"texts": []},
        "vocabulary of an empty text": {"texts": [""]},
        "vocabulary of one word": {"texts": [a]},
        "vocabulary when every word is too rare": {"texts": [f"{a} {b}"], "min_count": 2},
    }


build_vocab = Exercise(
    id="build_vocab",
    title="number the words",
    reference=tokenizers.build_vocab,
    cases=(
        Case(
            "the special tokens have the ids 0 to 4",
            lambda draw: {"texts": _counted(draw)},
            holds=_specials_first,
        ),
        Case("frequent words come first", lambda draw: {"texts": _counted(draw)}),
        Case("words with equal counts stand in alphabetical order", _tied),
        Case(
            "words that occur min_count times stay, rarer words go",
            lambda draw: {"texts": _counted(draw), "min_count": draw.size(2, 4)},
        ),
        Case("capitals and marks are handled by tokenize", _spoken),
        Case("empty and very small corpora", _edge_corpora, probe=probes.several),
        Case("the texts are left as they were", _tied, probe=probes.untouched, guard=True),
    ),
    hints=(
        "Three steps: count every token of every text, sort the tokens that occur often enough, "
        "and number the special tokens followed by the sorted ones.",
        "collections.Counter counts. sorted takes a key, and a key may be a pair: the first entry "
        "decides, the second breaks ties.",
        "As the key use (-counts[token], token): the minus puts large counts first. Then "
        "enumerate the list [*SPECIAL_TOKENS, *frequent] and fill a dict from token to number.",
    ),
    misconceptions=(
        Misconception(
            m.no_special_tokens,
            "It looks as if the special tokens are missing. Number them first, then the words.",
            also=(m.only_most_common,),
        ),
        Misconception(
            m.special_tokens_last,
            "It looks as if the special tokens come after the words. Put them first, so that "
            "[PAD] is 0 in every vocabulary.",
        ),
        Misconception(
            m.ties_as_they_come,
            "It looks as if words with equal counts stay in the order in which they occur. Break "
            "ties by the alphabet, so that shuffled texts give the same vocabulary.",
        ),
        Misconception(
            m.ties_backwards,
            "It looks as if words with equal counts stand in reverse alphabetical order. "
            "reverse=True turns the ties around too: sort by minus the count instead.",
        ),
        Misconception(
            m.rarest_first,
            "It looks as if the rarest words come first. sorted goes from small to large, so sort "
            "by minus the count.",
        ),
        Misconception(
            m.never_sorted,
            "It looks as if the words stay in the order in which they first occur. Sort them: the "
            "most frequent first, and by the alphabet among equals.",
        ),
        Misconception(
            m.once_in_each_text,
            "It looks as if a word counts once in each text, however often it stands there. Count "
            "every token: set() loses the repeats.",
        ),
        Misconception(
            m.texts_glued,
            "It looks as if the texts are joined without a space, so the last word of one and the "
            "first of the next become one word. Cut each text by itself.",
        ),
        Misconception(
            m.rare_in_each_text,
            "It looks as if each text is asked for min_count by itself. Count the tokens of all "
            "texts together, and leave out the rare ones after that.",
        ),
        Misconception(
            m.ids_from_one,
            "It looks as if the ids begin at 1. The first, that of [PAD], is 0.",
        ),
        Misconception(
            m.ids_start_again,
            "It looks as if the words are numbered from 0 again, so they share ids with the "
            "special tokens. Number both as one list.",
        ),
        Misconception(
            m.ignores_min_count,
            "It looks as if min_count is not used. Leave out the words that occur less often.",
        ),
        Misconception(
            m.more_than_min_count,
            "It looks as if a word must occur more than min_count times. At least min_count is "
            "enough: compare with >=.",
        ),
        Misconception(
            m.alphabet_only,
            "It looks as if the words are sorted by the alphabet alone. The count decides first, "
            "the alphabet only among equals.",
        ),
        Misconception(
            m.ids_to_tokens,
            "It looks as if the dict goes from id to token. It is asked for words, so the token "
            "is the key and the id the value.",
        ),
        Misconception(
            m.vocab_of_spaces,
            "It looks as if the texts are cut with split(). Cut them with tokenize, or Pizza, "
            "pizza and pizza. become three words.",
        ),
    ),
    alternatives=(m.vocab_in_two_sorts, m.vocab_by_groups),
    stands_on=("tokenize",),
    points=2,
    minutes=12,
    difficulty=2,
)


# encode and decode


def _vocab(draw: Draw) -> dict[str, int]:
    return {token: index for index, token in enumerate((*SPECIALS, ".", *_words(draw, 8)))}


def _shuffled_vocab(draw: Draw) -> dict[str, int]:
    """Ids in no order; a plain word has the id 0, another the id 1."""
    words = _words(draw, 8)
    rest = [*words[2:], *SPECIALS, "."]
    draw.random.shuffle(rest)
    numbered = [*words[:2], *rest]
    vocab = {token: index for index, token in enumerate(numbered)}
    return {token: vocab[token] for token in reversed(numbered)}


def _some_words(draw: Draw, vocab: dict[str, int], count: int) -> list[str]:
    return draw.random.sample([token for token in vocab if token.isalpha()], count)


def _known(draw: Draw) -> Values:
    vocab = _vocab(draw)
    words = _some_words(draw, vocab, draw.size(3, 6))
    return {"text": " ".join([*words, words[0]]), "vocab": vocab}


def _unknown_in(draw: Draw, vocab: dict[str, int]) -> Values:
    """Words that the vocabulary has, two that it lacks, and the word with the id 0, if any."""
    words = [*_some_words(draw, vocab, draw.size(2, 4)), *draw.random.sample(UNSEEN, 2)]
    words += [token for token, index in vocab.items() if index == 0 and token.isalpha()]
    draw.random.shuffle(words)
    return {"text": " ".join(words), "vocab": vocab}


def _said_aloud(draw: Draw) -> Values:
    vocab = _vocab(draw)
    a, b, c = _some_words(draw, vocab, 3)
    return {"text": f"{a.title()} {b} {c.upper()}.", "vocab": vocab}


def _edge_encodings(draw: Draw) -> Values:
    vocab = _vocab(draw)
    (word,) = _some_words(draw, vocab, 1)
    return {
        "ids of an empty text": {"text": "", "vocab": vocab},
        "ids of one word": {"text": word, "vocab": vocab},
        "ids of one unknown word": {"text": draw.choice(UNSEEN), "vocab": vocab},
    }


encode = Exercise(
    id="encode",
    title="from text to ids",
    reference=tokenizers.encode,
    cases=(
        Case("each known word becomes its id", _known),
        Case("an unknown word becomes [UNK]", lambda draw: _unknown_in(draw, _vocab(draw))),
        Case(
            "the id of [UNK] comes from the vocabulary",
            lambda draw: _unknown_in(draw, _shuffled_vocab(draw)),
        ),
        Case("capitals and marks are handled by tokenize", _said_aloud),
        Case("empty and very short texts", _edge_encodings, probe=probes.several),
        Case(
            "the vocabulary is left as it was",
            lambda draw: _unknown_in(draw, _vocab(draw)),
            probe=probes.untouched,
            guard=True,
        ),
    ),
    hints=(
        "Cut the text with your tokenize, then look up each token. What should happen to a token "
        "that the vocabulary does not have?",
        "A dict has a method that takes a key and a value for when the key is missing. That value "
        'is the id of "[UNK]", which is in the vocabulary as well.',
        'For one token it is vocab.get(token, vocab["[UNK]"]). Do that for every token of the '
        "text, in a list.",
    ),
    misconceptions=(
        Misconception(
            m.drops_unknown,
            "It looks as if unknown words are left out. Write the id of [UNK] in their place, so "
            "that the sentence keeps its length.",
        ),
        Misconception(
            m.unknown_is_padding,
            "It looks as if an unknown word becomes [PAD]. Padding means that nothing stands "
            "here; an unknown word is [UNK].",
            also=(m.unknown_is_zero,),
        ),
        Misconception(
            m.adds_the_ends,
            "It looks as if [CLS] and [SEP] are put around the text. Not here: one id for each "
            "token, and nothing more.",
        ),
        Misconception(
            m.unknown_is_none,
            "It looks as if an unknown word becomes None. Give get a second value, the id of "
            "[UNK], for when the token is missing.",
        ),
        Misconception(
            m.unknown_is_a_word,
            "It looks as if a piece of text stands among the ids where a word is unknown. Write "
            "the id of [UNK], a number.",
            also=(m.unknown_stays_itself,),
        ),
        Misconception(
            m.unknown_is_one,
            "It looks as if the number 1 is written for unknown words. Look the id of [UNK] up in "
            "the vocabulary; it need not be 1.",
        ),
        Misconception(
            m.zero_is_unknown,
            "It looks as if the word with the id 0 is taken for an unknown one: 0 counts as False. "
            "Ask whether the token is in the vocabulary, not whether its id is true.",
        ),
        Misconception(
            m.grows_the_vocab,
            "It looks as if unknown words are added to the vocabulary. It is fixed once it is "
            "built: read it with get, which adds nothing.",
        ),
        Misconception(
            m.encodes_at_spaces,
            "It looks as if the text is cut with split(). Cut it with tokenize, as the vocabulary "
            "was.",
            also=(m.encodes_lowered_at_spaces,),
        ),
    ),
    alternatives=(m.encode_with_if, m.encode_with_try),
    stands_on=("tokenize",),
    points=1,
    minutes=6,
    difficulty=1,
)


def _ids_of(vocab: dict[str, int], *tokens: str) -> list[int]:
    return [vocab[token] for token in tokens]


def _plain_ids(draw: Draw) -> Values:
    vocab = _vocab(draw)
    return {"ids": _ids_of(vocab, *_some_words(draw, vocab, draw.size(3, 6)), "."), "vocab": vocab}


def _padded_ids(draw: Draw) -> Values:
    vocab = _vocab(draw)
    words = _some_words(draw, vocab, draw.size(2, 5))
    return {"ids": _ids_of(vocab, *words, *["[PAD]"] * draw.size(1, 3)), "vocab": vocab}


def _padding_between(draw: Draw) -> Values:
    vocab = _vocab(draw)
    a, b, c = _some_words(draw, vocab, 3)
    gap = ["[PAD]"] * draw.size(1, 3)
    return {"ids": _ids_of(vocab, "[PAD]", a, *gap, b, c, "[PAD]", "."), "vocab": vocab}


def _marked_ids(draw: Draw) -> Values:
    vocab = _vocab(draw)
    a, b, c = _some_words(draw, vocab, 3)
    tokens = ("[CLS]", a, "[UNK]", b, "[SEP]", "[MASK]", c, "[SEP]")
    return {"ids": _ids_of(vocab, *tokens), "vocab": vocab}


def _shuffled_ids(draw: Draw) -> Values:
    vocab = _shuffled_vocab(draw)
    first = next(token for token, index in vocab.items() if index == 0)
    return {"ids": _ids_of(vocab, first, ".", first, "[PAD]"), "vocab": vocab}


def _tensor_ids(draw: Draw) -> Values:
    inputs = _plain_ids(draw)
    return {"ids": torch.tensor(inputs["ids"]), "vocab": inputs["vocab"]}


def _edge_ids(draw: Draw) -> Values:
    vocab = _vocab(draw)
    (word,) = _some_words(draw, vocab, 1)
    return {
        "text of no ids": {"ids": [], "vocab": vocab},
        "text of nothing but padding": {"ids": [0, 0], "vocab": vocab},
        "text of one id": {"ids": [vocab[word]], "vocab": vocab},
    }


decode = Exercise(
    id="decode",
    title="from ids back to text",
    reference=tokenizers.decode,
    cases=(
        Case("each id becomes its word, with single spaces between", _plain_ids),
        Case("[PAD] is left out", _padded_ids),
        Case("[PAD] is left out wherever it stands", _padding_between),
        Case("the other special tokens stay visible", _marked_ids),
        Case("the numbers count, not the order in which the vocabulary lists them", _shuffled_ids),
        Case("the ids may come as a tensor", _tensor_ids),
        Case("no ids, one id, nothing but padding", _edge_ids, probe=probes.several),
        Case("the inputs are left as they were", _padded_ids, probe=probes.untouched, guard=True),
    ),
    hints=(
        "The vocabulary goes from token to id. You need the other way round.",
        "Turn the dict around: {index: token for token, index in vocab.items()}. An id from a "
        "tensor becomes a plain number with int(...).",
        'Collect token_of[int(index)] for every id, leave out those that are "[PAD]", and join '
        'the rest: " ".join(tokens).',
    ),
    misconceptions=(
        Misconception(
            m.keeps_padding,
            "It looks as if [PAD] is written into the text. It only fills up space: leave it out.",
        ),
        Misconception(
            m.stops_at_padding,
            "It looks as if reading stops at the first [PAD]. Words may follow it: leave out each "
            "[PAD], and read on.",
        ),
        Misconception(
            m.trims_the_end,
            "It looks as if [PAD] is left out at the end only. Leave it out wherever it stands.",
        ),
        Misconception(
            m.padding_leaves_holes,
            "It looks as if spaces are left where a [PAD] stood. Leave the token out before the "
            "words are joined.",
            also=(m.padding_leaves_spaces, m.padding_leaves_empty_words),
        ),
        Misconception(
            m.drops_id_zero,
            "It looks as if the id 0 is left out. Ask whether the token is [PAD]; its id need not "
            "be 0.",
        ),
        Misconception(
            m.drops_all_specials,
            "It looks as if all special tokens are left out. Only [PAD] is; the others tell "
            "something about the text.",
        ),
        Misconception(
            m.glues_words,
            "It looks as if the words are joined without a space. Put the space before .join.",
        ),
        Misconception(
            m.space_at_the_end,
            "It looks as if a space stands at the end or at the beginning. join writes its space "
            "between the words only.",
            also=(m.space_at_the_beginning,),
        ),
        Misconception(
            m.words_in_a_list,
            "It looks as if a list of words comes back. Make one text of it, with a space between "
            'any two words: " ".join(...).',
        ),
        Misconception(
            m.ends_at_separator,
            "It looks as if reading ends at [SEP]. More may follow, such as a second sentence.",
        ),
        Misconception(
            m.place_in_dict,
            "It looks as if the id is taken as a place in the list of tokens. Turn the dict "
            "around, and look the id up.",
        ),
    ),
    alternatives=(m.decode_by_search, m.decode_with_array),
    points=1,
    minutes=6,
    difficulty=1,
)
