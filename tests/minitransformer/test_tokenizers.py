"""Text to ids and back: cases worked by hand, and round trips."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from minitransformer import tokenizers
from minitransformer.tokenizers import (
    CharTokenizer,
    WordTokenizer,
    build_vocab,
    character_vocab,
    check_text,
    decode,
    encode,
    split_at_special,
    tokenize,
)

TEXTS = ["Squatch eats pizza.", "Mia eats cake, Leo eats cake."]


def test_words_are_lower_case_and_punctuation_stands_alone():
    assert tokenize("It's Mia's 2nd cake...") == (
        ["it", "'", "s", "mia", "'", "s", "2nd", "cake", ".", ".", "."]
    )


def test_white_space_of_any_kind_separates_and_vanishes():
    assert tokenize(" a\tb\n\u00a0c ") == ["a", "b", "c"]
    assert tokenize("") == []


def test_letters_beyond_english_are_letters():
    assert tokenize("Señor Müller läuft") == ["señor", "müller", "läuft"]


@given(st.text())
def test_tokens_hold_all_the_characters_but_white_space(text):
    assert "".join(tokenize(text)) == "".join(text.lower().split())


def test_special_tokens_come_first_then_frequent_words_then_the_alphabet():
    # eats 3; "." and cake 2; ",", leo, mia, pizza and squatch 1
    assert list(build_vocab(TEXTS)) == (
        ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
        + ["eats", ".", "cake", ",", "leo", "mia", "pizza", "squatch"]
    )


def test_ids_count_from_zero_without_gaps():
    assert list(build_vocab(TEXTS).values()) == list(range(13))


def test_rare_words_are_left_out():
    assert list(build_vocab(TEXTS, min_count=2))[5:] == ["eats", ".", "cake"]


def test_the_order_of_the_texts_does_not_matter():
    assert build_vocab(TEXTS) == build_vocab(TEXTS[::-1])


def test_one_string_instead_of_a_list_is_refused():
    with pytest.raises(TypeError, match=r"write \[text\]"):
        build_vocab("Mia eats")
    with pytest.raises(ValueError, match="at least 1, got 0"):
        build_vocab(TEXTS, min_count=0)
    with pytest.raises(TypeError, match="one string, got list"):
        tokenize(TEXTS)


def test_unknown_words_are_encoded_as_unk():
    vocab = build_vocab(TEXTS)
    assert encode("Mia eats soup.", vocab) == [10, 5, 1, 6]


def test_a_vocabulary_without_unk_is_refused():
    with pytest.raises(ValueError, match=r"no '\[UNK\]'"):
        encode("mia", {"mia": 0})


def test_decoding_joins_with_single_spaces_and_drops_padding():
    assert decode([2, 10, 5, 0, 7, 3, 0, 0], build_vocab(TEXTS)) == "[CLS] mia eats cake [SEP]"


def test_decoding_takes_a_tensor():
    assert decode(torch.tensor([10, 5]), build_vocab(TEXTS)) == "mia eats"


@pytest.mark.parametrize("wrong", [13, -1])
def test_decoding_names_an_id_that_does_not_exist(wrong):
    with pytest.raises(ValueError, match=f"id {wrong} .*from 0 to 12"):
        decode([5, wrong], build_vocab(TEXTS))


@given(st.lists(st.text(), min_size=1, max_size=5))
def test_known_text_survives_the_round_trip_up_to_case_and_spaces(texts):
    vocab = build_vocab(texts)
    for text in texts:
        assert decode(encode(text, vocab), vocab) == " ".join(tokenize(text))


def test_a_batch_is_padded_to_its_longest_text():
    tokenizer = WordTokenizer.from_texts(TEXTS)
    batch = tokenizer.encode_batch(["mia", "mia eats cake"])
    assert batch.tolist() == [[10, 0, 0], [10, 5, 7]] and batch.dtype == torch.int64


def test_an_empty_batch_has_no_rows_and_no_columns():
    assert WordTokenizer.from_texts(TEXTS).encode_batch([]).shape == (0, 0)


def test_the_class_calls_the_functions(monkeypatch):
    tokenizer = WordTokenizer.from_texts(TEXTS)
    monkeypatch.setattr(tokenizers, "encode", lambda text, vocab: ["mine", len(vocab)])
    monkeypatch.setattr(tokenizers, "decode", lambda ids, vocab: "mine too")
    assert tokenizer.encode("mia") == ["mine", 13] and tokenizer.decode([1]) == "mine too"
    assert len(tokenizer) == 13


# Characters, and what all tokenizers share


def test_characters_are_numbered_by_code_point():
    assert character_vocab("cab\n") == {"\n": 0, "a": 1, "b": 2, "c": 3}
    assert character_vocab("") == {}


@given(st.text())
def test_every_text_comes_back_character_by_character(text):
    tokenizer = CharTokenizer.from_text(text)
    ids = tokenizer.encode(text)
    assert len(ids) == len(text) and tokenizer.decode(ids) == text
    assert len(tokenizer) == len(set(text))


def test_characters_are_decoded_from_a_tensor():
    assert CharTokenizer.from_text("abc").decode(torch.tensor([2, 0, 1])) == "cab"


def test_a_character_outside_the_vocabulary_is_named():
    with pytest.raises(ValueError, match="character 'x' is not in the vocabulary of 3"):
        CharTokenizer.from_text("abc").encode("abx")


@pytest.mark.parametrize("wrong", [3, -1, 0.5])
def test_an_id_outside_the_vocabulary_is_named(wrong):
    with pytest.raises(ValueError, match=f"id {wrong} .* 3 tokens.* up to 2"):
        CharTokenizer.from_text("abc").decode([0, wrong])


@pytest.mark.parametrize("vocab", [{"ab": 0}, {"": 0}, {"a": 0, "b": 0}])
def test_a_vocabulary_that_is_not_of_characters_is_refused(vocab):
    with pytest.raises(ValueError, match="every key of vocab must be one character"):
        CharTokenizer(vocab)


def test_characters_are_saved_and_loaded(tmp_path):
    tokenizer = CharTokenizer.from_text("aé\u2028\n😀")
    tokenizer.save(tmp_path / "new")
    assert CharTokenizer.load(tmp_path / "new").vocab == tokenizer.vocab


def test_half_a_character_is_refused():
    for call in (character_vocab, CharTokenizer.from_text("ab").encode, check_text):
        with pytest.raises(ValueError, match=r"lone surrogate U\+D83D at 2, .*valid Unicode"):
            call("ab\ud83d")
    assert check_text("😀") == "😀"


def test_a_text_is_parted_at_its_special_tokens():
    assert split_at_special("a[SEP]b[SEP][CLS]", ["[CLS]", "[SEP]"]) == (
        ["a", "[SEP]", "b", "[SEP]", "[CLS]"]
    )
    assert split_at_special("<<>", ["<", "<<"]) == ["<<", ">"]
    assert split_at_special("a.c", ["."]) == ["a", ".", "c"]
    assert split_at_special("a", []) == ["a"] and split_at_special("", []) == []
