"""WordPiece: cases by hand, and the `tokenizers` library as the oracle."""

import random
import unicodedata

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers
from tokenizers.processors import BertProcessing
from unicode_strings import every_character, random_strings

from minitransformer.normalization import (
    clean_text,
    lower_case,
    normalize_text,
    space_ideographs,
    split_words,
    strip_accents,
)
from minitransformer.tokenizers import SPECIAL_TOKENS
from minitransformer.wordpiece import WordPieceTokenizer, train_wordpiece, wordpiece

ENGLISH = "The unhappy cat happily unpacked; the happiest cats pack unhappily.\n"
STRINGS = random_strings(10_000, seed=1)
PIECES = {"un", "una", "##a", "##aff", "##able", "##b", "able"}
CASES = [(True, None), (True, False), (False, None), (False, True)]


def library(vocab: dict[str, int], lower: bool = True, strip: bool | None = None) -> Tokenizer:
    tokenizer = Tokenizer(models.WordPiece(vocab, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=lower, strip_accents=strip)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.decoder = decoders.WordPiece(cleanup=False)
    return tokenizer


def library_vocab(texts, vocab_size, first_ids, min_count=0):
    # the library numbers "##" characters in an order that changes; special tokens fix it
    tokenizer = library({})
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocab_size,
        min_frequency=min_count,
        special_tokens=first_ids,
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer.get_vocab()


@pytest.fixture(scope="module")
def tokenizer() -> WordPieceTokenizer:
    return WordPieceTokenizer(train_wordpiece([ENGLISH, *STRINGS[:3000]], 20_001, lower=False))


@pytest.fixture
def small() -> WordPieceTokenizer:
    tokens = [*SPECIAL_TOKENS, "un", "##happy", "cat", "##s", "."]
    return WordPieceTokenizer({token: index for index, token in enumerate(tokens)})


# Normalising


def test_control_characters_vanish_and_white_space_becomes_spaces():
    assert clean_text("a\x00b\ufffdc\u200bd\x1ce\te\r\nf\u00a0g\u3000h") == "abcde e  f g h"


def test_unassigned_code_points_are_kept():
    assert clean_text("a\u0378b") == "a\u0378b"


def test_chinese_characters_stand_alone():
    assert space_ideographs("ab中文cd") == "ab 中  文 cd"
    assert space_ideographs("ひらカタ한글") == "ひらカタ한글"


def test_accents_come_off():
    assert strip_accents("Señor Müller, Éa\u0301 \u1e69") == "Senor Muller, Ea s"
    assert strip_accents("한") == "\u1112\u1161\u11ab"


def test_a_final_sigma_is_like_every_other():
    assert lower_case("ΟΔΟΣ ÀĲ") == "οδοσ àĳ"


def test_accents_come_off_by_default_only_when_letters_become_small():
    assert normalize_text("É") == "e"
    assert normalize_text("É", strip=False) == "é"
    assert normalize_text("É", lower=False) == "É"
    assert normalize_text("É", lower=False, strip=True) == "E"


def test_punctuation_and_ascii_signs_are_words_of_their_own():
    assert split_words("it's $5+2, «so»  x…") == (
        ["it", "'", "s", "$", "5", "+", "2", ",", "«", "so", "»", "x", "…"]
    )
    assert split_words(" ") == []


@pytest.mark.parametrize(("lower", "strip"), [(True, None), (False, None)])
def test_every_character_is_normalised_and_cut_as_by_the_library(lower, strip):
    theirs = library({}, lower, strip)
    for characters in every_character():
        text = "".join(f"a{one}b " for one in characters)
        normalized = normalize_text(text, lower, strip)
        assert normalized == theirs.normalizer.normalize_str(text)
        words = [word for word, _ in theirs.pre_tokenizer.pre_tokenize_str(normalized)]
        assert split_words(normalized) == words


def test_white_space_that_was_not_cleaned_parts_words_as_in_the_library():
    cut = pre_tokenizers.BertPreTokenizer().pre_tokenize_str
    text = "".join(f"a{chr(code)}b" for code in range(0x3100))
    assert split_words(text) == [word for word, _ in cut(text)]


@pytest.mark.parametrize("seed", range(3))
def test_marks_that_are_not_stripped_stand_in_the_order_of_the_library(seed):
    generator = random.Random(seed)
    marks = [chr(code) for code in range(0x20000) if unicodedata.combining(chr(code))]
    marks += [chr(code) for code in range(0x20000) if unicodedata.decomposition(chr(code))][::7]
    theirs = library({}).normalizer
    for _ in range(3000):
        text = "".join(generator.choices(marks, k=generator.randint(2, 7)))
        assert normalize_text(text) == theirs.normalize_str(text)


# Cutting words


def test_the_longest_piece_is_taken_from_the_left():
    assert wordpiece("unaffable", PIECES - {"una"}) == ["un", "##aff", "##able"]


def test_no_step_is_taken_back():
    # "una" is longer than "un", and then "##ffable" has no piece
    assert wordpiece("unaffable", PIECES) == ["[UNK]"]


def test_a_piece_inside_a_word_is_not_a_beginning():
    assert wordpiece("able", PIECES) == ["able"]
    assert wordpiece("unable", PIECES - {"una"}) == ["un", "##able"]
    assert wordpiece("affable", PIECES) == ["[UNK]"]


def test_a_word_of_more_than_a_hundred_characters_is_unknown():
    assert wordpiece("a" * 100, {"a", "##a"}) == ["a", *["##a"] * 99]
    assert wordpiece("a" * 101, {"a", "##a"}, unknown="?") == ["?"]


def test_the_empty_word_has_no_pieces():
    assert wordpiece("", PIECES) == []


@pytest.mark.parametrize(("lower", "strip"), CASES)
def test_ten_thousand_strings_get_the_ids_of_the_library(tokenizer, lower, strip):
    ours = WordPieceTokenizer(tokenizer.vocab, lower, strip)
    theirs = library(tokenizer.vocab, lower, strip)
    long = ["a" * 100, "a" * 101, "é" * 100, "é" * 101, "\u0301" * 101 + "a"]
    ids = [ours.encode(text) for text in [*STRINGS, *long]]
    assert ids == [encoding.ids for encoding in theirs.encode_batch([*STRINGS, *long])]
    assert sum(one.count(1) for one in ids) < 0.2 * sum(map(len, ids))  # few are [UNK]


@given(st.text())
def test_any_text_gets_the_ids_of_the_library(tokenizer, text):
    assert tokenizer.encode(text) == library(tokenizer.vocab).encode(text).ids


# The tokenizer


def test_words_become_pieces_and_ids(small):
    assert small.tokenize("Unhappy cats. Dogs") == ["un", "##happy", "cat", "##s", ".", "[UNK]"]
    assert small.encode("Unhappy cats. Dogs") == [5, 6, 7, 8, 9, 1] and len(small) == 10


def test_the_empty_text_has_no_tokens(small):
    assert small.encode("") == [] and small.decode([]) == ""


def test_special_tokens_are_read_only_when_that_is_allowed(tokenizer, small):
    assert small.encode("[MASK] cat") == [1, 1, 1, 7]
    assert small.encode("un[MASK]cat [mask]", allow_special=True) == [5, 4, 7, 1, 1, 1]
    theirs = library(tokenizer.vocab)
    theirs.add_special_tokens(list(SPECIAL_TOKENS))
    for text in STRINGS[:300]:
        text = text.replace("a", "[MASK]").replace(" ", "[SEP]")
        assert tokenizer.encode(text, allow_special=True) == theirs.encode(text).ids


def test_a_pair_is_packed_with_segments(small):
    assert small.encode_pair("cat", "cats.") == ([2, 7, 3, 7, 8, 9, 3], [0, 0, 0, 1, 1, 1, 1])
    assert small.encode_pair("cat") == ([2, 7, 3], [0, 0, 0])
    assert small.encode_pair("", "") == ([2, 3, 3], [0, 0, 1])
    assert small.encode_pair("[MASK]", allow_special=True) == ([2, 4, 3], [0, 0, 0])


def test_pairs_are_those_of_the_library(tokenizer):
    theirs = library(tokenizer.vocab)
    theirs.post_processor = BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    for first, second in zip(STRINGS[:100], STRINGS[100:200], strict=True):
        expected = theirs.encode(first, second)
        assert tokenizer.encode_pair(first, second) == (expected.ids, expected.type_ids)


def test_decoding_joins_pieces_and_drops_padding(small):
    assert small.decode([2, 5, 6, 7, 8, 3, 0, 0]) == "[CLS] unhappy cats [SEP]"
    assert small.decode([2, 5, 6, 1, 3, 0], skip_special=True) == "unhappy"
    assert small.decode(torch.tensor([6, 8, 7])) == "##happys cat"


def test_decoding_is_that_of_the_library(tokenizer):
    theirs = library(tokenizer.vocab)
    for text in STRINGS[:500]:
        ids = tokenizer.encode(text)
        assert tokenizer.decode(ids) == theirs.decode(ids, skip_special_tokens=False)


# Training


def test_training_begins_with_special_tokens_and_characters_then_merges():
    # "##a ##b" occurs three times, then "a ##ab" and "c ##ab" twice and once
    vocab = train_wordpiece(["aab aab", "CAB"], 13)
    assert list(vocab) == [*SPECIAL_TOKENS, "a", "b", "c", "##a", "##b", "##ab", "aab", "cab"]
    assert list(vocab.values()) == list(range(13))


@pytest.mark.parametrize("min_count", [1, 2, 7])
def test_training_finds_the_vocabulary_of_the_library(min_count):
    for texts in ([ENGLISH] * 3, STRINGS[:300], ["", "a"]):
        ours = train_wordpiece(texts, 5003, min_count=min_count)
        words = {word for text in texts for word in split_words(normalize_text(text))}
        first_ids = [*SPECIAL_TOKENS, *sorted(set("".join(words)))]
        first_ids += [f"##{one}" for one in sorted({one for word in words for one in word[1:]})]
        assert ours == library_vocab(texts, 5003, first_ids, min_count)


def test_training_stops_at_the_size_asked_for():
    assert len(train_wordpiece(ENGLISH, 50)) == 50


def test_training_normalises_as_the_tokenizer_will():
    assert "É" in WordPieceTokenizer.train("É", 6, lower=False).vocab
    assert WordPieceTokenizer.train("É", 6, lower=False).encode("É é") == [5, 1]
    assert WordPieceTokenizer.train("É", 6, strip=False).encode("É e") == [5, 1]


def test_a_vocabulary_smaller_than_the_alphabet_is_refused():
    with pytest.raises(ValueError, match="vocab_size is 7, .* already make 8"):
        train_wordpiece("ab", 7)


# Files


def test_saving_and_loading_changes_nothing(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "new")
    assert WordPieceTokenizer.load(tmp_path / "new").vocab == tokenizer.vocab
    assert models.WordPiece.read_file(str(tmp_path / "new" / "vocab.txt")) == tokenizer.vocab


def test_the_library_files_are_read_too(tokenizer, tmp_path):
    library(tokenizer.vocab).model.save(str(tmp_path))
    loaded = WordPieceTokenizer.load(tmp_path, lower=False, strip=True)
    assert (loaded.vocab, loaded.lower, loaded.strip) == (tokenizer.vocab, False, True)


def test_ids_with_gaps_cannot_be_saved(tmp_path):
    with pytest.raises(ValueError, match="without gaps"):
        WordPieceTokenizer({"[UNK]": 0, "a": 2}).save(tmp_path)


def test_a_file_with_a_token_twice_is_refused(tmp_path):
    (tmp_path / "vocab.txt").write_text("[UNK]\na\na\n")
    with pytest.raises(ValueError, match="3 lines but 2 different tokens"):
        WordPieceTokenizer.load(tmp_path)


# Bad input


def test_a_lone_surrogate_is_refused(small):
    for call in (small.encode, small.encode_pair, normalize_text):
        with pytest.raises(ValueError, match=r"lone surrogate U\+DC80 at 1, .*valid Unicode"):
            call("a\udc80")


def test_something_else_than_a_text_is_refused(small):
    with pytest.raises(TypeError, match="one string, got list"):
        small.encode(["a"])


@pytest.mark.parametrize("wrong", [10, -1, 0.5])
def test_decoding_names_an_id_that_does_not_exist(small, wrong):
    with pytest.raises(ValueError, match=f"id {wrong} .* 10 tokens.* up to 9"):
        small.decode([5, wrong])


def test_a_vocabulary_without_what_is_needed_is_refused():
    with pytest.raises(ValueError, match=r"no '\[UNK\]'"):
        WordPieceTokenizer({"a": 0})
    with pytest.raises(ValueError, match="same id"):
        WordPieceTokenizer({"a": 0, "[UNK]": 0})
    with pytest.raises(ValueError, match=r"no '\[CLS\]' or no '\[SEP\]'"):
        WordPieceTokenizer({"[UNK]": 0}).encode_pair("a")


@pytest.mark.parametrize("token", ["", "\n", "a\r", "a\nb"])
def test_a_token_that_no_line_can_hold_is_not_saved(tmp_path, token):
    tokenizer = WordPieceTokenizer({"[UNK]": 0, token: 1, "b": 2})
    with pytest.raises(ValueError, match="is empty or has a line end in it, .*leave it out"):
        tokenizer.save(tmp_path / "new")
    assert not (tmp_path / "new").exists()
