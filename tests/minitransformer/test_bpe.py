"""Byte-level BPE: cases by hand, and the `tokenizers` library as the oracle."""

import json
import random
from collections import Counter
from itertools import accumulate, pairwise

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from unicode_strings import every_character, random_strings

from minitransformer.bpe import (
    ENDOFTEXT,
    BPETokenizer,
    apply_merges,
    byte_alphabet,
    decode_bpe,
    encode_bpe,
    pre_tokenize,
    spell,
    train_bpe,
)
from minitransformer.pair_merging import count_pairs, learn_merges, merge_pair

LOW = {tuple("low"): 5, tuple("lower"): 2, tuple("newest"): 6, tuple("widest"): 3}
ENGLISH = "It's the cat that sat on the mat.  The cats sat there; there the rats sat, too.\n" * 3
STRINGS = random_strings(10_000)


def library(model: models.BPE) -> Tokenizer:
    tokenizer = Tokenizer(model)
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    return tokenizer


def library_trained(texts: list[str], vocab_size: int, min_count: int = 0, **options) -> Tokenizer:
    tokenizer = library(models.BPE())
    trainer = trainers.BpeTrainer(
        vocab_size=vocab_size,
        min_frequency=min_count,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
        **options,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def library_merges(*arguments, **options) -> list[tuple[str, str]]:
    state = json.loads(library_trained(*arguments, **options).to_str())
    return [(first, second) for first, second in state["model"]["merges"]]


def plain_training(words, symbols, vocab_size):
    """The definition, step by step: count all pairs, merge the best everywhere."""
    symbols, merges = list(symbols), []
    while len(symbols) < vocab_size:
        counts = Counter(p for word, n in words.items() for p in pairwise(word) for _ in range(n))
        if not counts:
            break
        ids = {symbol: index for index, symbol in enumerate(symbols)}
        best = min(counts, key=lambda pair: (-counts[pair], ids[pair[0]], ids[pair[1]]))
        merges.append(best)
        symbols.append("".join(best))
        words = {merge_pair(word, best): count for word, count in words.items()}
    return merges


@pytest.fixture(scope="module")
def tokenizer() -> BPETokenizer:
    return BPETokenizer.train([ENGLISH, *STRINGS[:700]], 2003)


@pytest.fixture(scope="module")
def oracle(tokenizer, tmp_path_factory) -> Tokenizer:
    folder = tmp_path_factory.mktemp("bpe")
    tokenizer.save(folder)
    return library(models.BPE.from_file(f"{folder}/vocab.json", f"{folder}/merges.txt"))


# The pieces


def test_the_alphabet_has_a_printable_character_for_every_byte():
    alphabet = byte_alphabet()
    assert sorted(alphabet) == list(range(256))
    assert set(alphabet.values()) == set(pre_tokenizers.ByteLevel.alphabet())
    assert all(character.isprintable() and character != " " for character in alphabet.values())


def test_the_alphabet_shows_printable_bytes_as_themselves_and_a_space_as_g_with_a_dot():
    alphabet = byte_alphabet()
    assert (alphabet[ord("a")], alphabet[0xE9], alphabet[0x20], alphabet[0x0A]) == tuple("aéĠĊ")
    assert (alphabet[0x00], alphabet[0xAD]) == ("\u0100", "\u0143")


def test_the_alphabet_is_in_the_order_of_code_points():
    assert list(byte_alphabet().values()) == sorted(byte_alphabet().values())


def test_words_take_one_space_along_and_contractions_stand_alone():
    assert pre_tokenize("It's  2 cats") == ["It", "'s", " ", " 2", " cats"]
    assert pre_tokenize("a1b,, \n c\n") == ["a", "1", "b", ",,", " \n", " c", "\n"]
    assert pre_tokenize("they'LL'll") == ["they", "'", "LL", "'ll"]
    assert pre_tokenize("") == []


def test_every_character_is_cut_as_the_library_cuts_it():
    # after a letter, a number and a sign: it joins the one that it is, or none if it is a space
    cut = pre_tokenizers.ByteLevel(add_prefix_space=False).pre_tokenize_str
    for characters in every_character():
        text = "".join(before + one for one in characters for before in "é²¡")
        ends = list(accumulate(map(len, pre_tokenize(text))))
        assert ends == [end for _, (_, end) in cut(text)]


@given(st.text())
def test_the_words_joined_are_the_text(text):
    assert "".join(pre_tokenize(text)) == text


def test_a_word_is_spelled_in_bytes():
    assert spell(" é", byte_alphabet()) == ("Ġ", "Ã", "©")


def test_pairs_are_counted_with_the_frequency_of_their_words():
    assert count_pairs({("l", "o", "w"): 5, ("l", "o"): 2}) == {("l", "o"): 7, ("o", "w"): 5}
    assert count_pairs({("a", "a", "a"): 3, ("a",): 7}) == {("a", "a"): 6}


def test_a_pair_is_merged_from_left_to_right_wherever_it_stands():
    assert merge_pair(("a", "a", "a"), ("a", "a")) == ("aa", "a")
    assert merge_pair(tuple("banana"), ("a", "n")) == ("b", "an", "an", "a")
    assert merge_pair(("ab", "c", "a"), ("a", "b")) == ("ab", "c", "a")
    assert merge_pair((), ("a", "b")) == ()


def test_a_pair_can_become_any_token():
    assert merge_pair(["un", "##a", "##b"], ("##a", "##b"), "##ab") == ("un", "##ab")


def test_the_example_of_the_paper_merges_est_first():
    # e-s 9, s-t 9, (es)-t 9: of equal counts the lower ids win, and e comes before s
    symbols = sorted(set("lowernewestwidest"))
    merges = learn_merges(LOW, symbols, len(symbols) + 4)
    assert merges == [("e", "s"), ("es", "t"), ("l", "o"), ("lo", "w")]


def test_of_equally_frequent_pairs_the_one_with_the_lower_ids_is_merged():
    words = {("c", "a"): 2, ("a", "d"): 2, ("a", "b"): 2}
    assert learn_merges(words, "dcba", 7) == [("c", "a"), ("a", "d"), ("a", "b")]


def test_training_ends_when_no_pair_is_left_or_frequent_enough():
    assert learn_merges({tuple("ab"): 1}, "ab", 99) == [("a", "b")]
    assert learn_merges({tuple("ab"): 4, tuple("cd"): 3}, "abcd", 99, min_count=4) == [("a", "b")]
    assert learn_merges({}, "ab", 99) == []


@given(
    st.dictionaries(st.text("abc", min_size=1, max_size=12), st.integers(1, 5), max_size=12),
    st.integers(3, 40),
)
def test_the_fast_training_is_the_definition(words, vocab_size):
    words = {tuple(word): count for word, count in words.items()}
    assert learn_merges(words, "abc", vocab_size) == plain_training(words, "abc", vocab_size)


# Training against the library


@pytest.mark.parametrize("seed", range(20))
def test_training_finds_the_merges_of_the_library(seed):
    generator = random.Random(seed)
    letters = generator.choice(["ab", "aé", "abc ", "etaoin shrdlu ", "ab中\n "])
    lengths = [generator.randint(0, 300) for _ in range(7)]
    texts = ["".join(generator.choices(letters, k=length)) for length in lengths]
    for vocab_size in (256, 257, 300, 1000):
        assert train_bpe(texts, vocab_size) == library_merges(texts, vocab_size)


def test_training_on_all_of_unicode_finds_the_merges_of_the_library():
    texts = STRINGS[:2000]
    merges = train_bpe(texts, 3001)
    assert len(merges) == 2745 and merges == library_merges(texts, 3001)


@pytest.mark.parametrize("min_count", [2, 3, 7])
def test_rare_pairs_are_left_out_as_in_the_library(min_count):
    texts = [ENGLISH, *STRINGS[:100]]
    assert train_bpe(texts, 1500, min_count) == library_merges(texts, 1500, min_count)


def test_a_place_in_the_vocabulary_goes_to_the_special_token():
    ours = BPETokenizer.train(ENGLISH, 277)
    theirs = library_merges([ENGLISH], 277, special_tokens=[ENDOFTEXT])
    assert len(ours) == 277 and ours.merges == theirs
    assert ours.vocab[ENDOFTEXT] == 276 and ours.vocab["!"] == 0 and ours.vocab["Ġ"] == 220


def test_no_pair_reaches_from_one_text_into_the_next():
    assert train_bpe(["ab", "ab"], 257) == [("a", "b")]
    assert ("b", "a") not in train_bpe(["ab", "ab"], 300)


def test_the_special_token_parts_the_text_and_is_not_learned():
    text = f"ab{ENDOFTEXT}ab{ENDOFTEXT}"
    assert BPETokenizer.train(text, 300).merges == [("a", "b")]


def test_a_vocabulary_smaller_than_the_bytes_is_refused():
    with pytest.raises(ValueError, match="at least 256.*got 255"):
        train_bpe("ab", 255)
    with pytest.raises(ValueError, match="at least 257.*got 256"):
        BPETokenizer.train("ab", 256)


# Encoding and decoding


def test_the_pair_learned_first_is_merged_first():
    ranks = {("b", "c"): 0, ("a", "b"): 1, ("a", "bc"): 2}
    assert apply_merges("abcab", ranks) == ("abc", "ab")
    assert apply_merges("xyz", ranks) == ("x", "y", "z")
    assert apply_merges("", ranks) == ()


def test_ten_thousand_strings_get_the_ids_of_the_library_and_come_back(tokenizer, oracle):
    theirs = oracle.encode_batch(STRINGS)
    for text, expected in zip(STRINGS, theirs, strict=True):
        ids = tokenizer.encode(text)
        assert ids == expected.ids
        assert tokenizer.decode(ids) == text


@given(st.text())
def test_any_text_comes_back(tokenizer, text):
    assert tokenizer.decode(tokenizer.encode(text)) == text


@given(st.lists(st.integers(0, 2002), max_size=12))
def test_any_ids_are_decoded_as_by_the_library(tokenizer, oracle, ids):
    assert tokenizer.decode(ids) == oracle.decode(ids, skip_special_tokens=False)


def test_the_class_and_the_function_encode_alike(tokenizer):
    for text in [ENGLISH, ENGLISH, *STRINGS[:50]]:
        assert tokenizer.encode(text) == encode_bpe(text, tokenizer.vocab, tokenizer.ranks)


def test_the_words_that_are_kept_do_not_grow_without_end(tokenizer):
    tokenizer._known.update({str(number): () for number in range(100_001)})
    assert tokenizer.encode("7") != [] and len(tokenizer._known) == 1


def test_a_cut_character_is_shown_as_the_replacement_character():
    assert decode_bpe(["a", "Ã"]) == "a\ufffd" and decode_bpe(["Ã", "©"]) == "é"


def test_the_empty_text_has_no_tokens(tokenizer):
    assert tokenizer.encode("") == [] and tokenizer.decode([]) == ""


def test_decoding_takes_a_tensor(tokenizer):
    assert tokenizer.decode(torch.tensor(tokenizer.encode("the cat"))) == "the cat"


def test_the_special_token_is_read_only_when_that_is_allowed(tokenizer, oracle):
    end = tokenizer.vocab[ENDOFTEXT]
    assert end not in tokenizer.encode(f"a{ENDOFTEXT}b")
    assert tokenizer.encode(f"{ENDOFTEXT}b ", allow_special=True) == [end, *tokenizer.encode("b ")]
    with_special = Tokenizer.from_str(oracle.to_str())
    with_special.add_special_tokens([ENDOFTEXT])
    texts = [ENDOFTEXT.join(pair) for pair in pairwise(STRINGS[:300])]
    for text in texts:
        ids = tokenizer.encode(text, allow_special=True)
        assert ids == with_special.encode(text).ids and tokenizer.decode(ids) == text


def test_special_tokens_come_back_whatever_they_are_written_in():
    tokenizer = BPETokenizer.train("aab", 300, special_tokens=("<é>", "<é>>", "<end of turn>"))
    text = "a<é>>b<é><end of turn>"
    ids = tokenizer.encode(text, allow_special=True)
    assert len(ids) == 5 and tokenizer.decode(ids) == text


# Files


def test_the_library_files_are_read_too(tmp_path):
    theirs = library_trained([ENGLISH, *STRINGS[:50]], 700, special_tokens=[ENDOFTEXT])
    theirs.model.save(str(tmp_path))
    ours = BPETokenizer.load(tmp_path)
    assert ours.vocab == theirs.get_vocab() and ours.special_tokens == [ENDOFTEXT]
    for text in STRINGS[100:200]:  # the trained library reads special tokens wherever they stand
        assert ours.encode(text, allow_special=True) == theirs.encode(text).ids


def test_saving_and_loading_changes_nothing(tokenizer, tmp_path):
    tokenizer.save(tmp_path / "new")
    loaded = BPETokenizer.load(tmp_path / "new")
    assert (loaded.vocab, loaded.merges) == (tokenizer.vocab, tokenizer.merges)


@pytest.mark.parametrize(
    ("vocab", "merges", "message"),
    [
        ("{", "", "no byte-level BPE vocabulary"),
        ("[]", "", "no byte-level BPE vocabulary"),
        ('{"a": 0}', "", "lacks 255 of the 256 tokens"),
        (None, "a b c\n", "no byte-level BPE vocabulary"),
        (None, "a b\n", "lacks 1 of the 257 tokens.*'ab'"),
    ],
)
def test_broken_files_are_named(tmp_path, vocab, merges, message):
    BPETokenizer.train("", 257).save(tmp_path)
    if vocab is not None:
        (tmp_path / "vocab.json").write_text(vocab, encoding="utf-8")
    (tmp_path / "merges.txt").write_text(merges, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        BPETokenizer.load(tmp_path)


def test_two_tokens_with_one_id_are_refused():
    vocab = {character: 0 for character in byte_alphabet().values()}
    with pytest.raises(ValueError, match="same id"):
        BPETokenizer(vocab, [])


# Bad input


@pytest.mark.parametrize("text", ["ab\ud83dc", "\udfff"])
def test_a_lone_surrogate_is_refused(tokenizer, text):
    for call in (tokenizer.encode, pre_tokenize, lambda text: train_bpe(text, 300)):
        with pytest.raises(ValueError, match=r"lone surrogate U\+D[8F].* at [02], .*valid Unicode"):
            call(text)


@pytest.mark.parametrize("wrong", [2003, -1, 1.5])
def test_decoding_names_an_id_that_does_not_exist(tokenizer, wrong):
    with pytest.raises(ValueError, match=f"id {wrong} .* 2003 tokens.* up to 2002"):
        tokenizer.decode([5, wrong])


def test_something_else_than_a_text_is_refused(tokenizer):
    with pytest.raises(TypeError, match="one string, got bytes"):
        tokenizer.encode(b"ab")
