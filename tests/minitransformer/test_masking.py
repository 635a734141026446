"""Packing and corruption by hand, and their draws against the shares that are promised."""

import math
from collections import Counter

import pytest
import torch

from minitransformer.data.exact import corruption_channel
from minitransformer.masking import (
    choose_positions,
    corrupt,
    mask_prompt,
    mask_tokens,
    next_sentence_pairs,
    pack_pair,
    truncate_pair,
    wrong_word_share,
)

VOCAB = {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}
SPECIAL = tuple(VOCAB.values())


def seeded(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_pair_is_packed_with_its_special_tokens():
    ids, segments, real = pack_pair([7, 8], [9, 7, 5], VOCAB, 11)
    assert ids.tolist() == [2, 7, 8, 3, 9, 7, 5, 3, 0, 0, 0]
    assert segments.tolist() == [0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0]
    assert real.tolist() == [True] * 8 + [False] * 3
    assert (ids.dtype, segments.dtype, real.dtype) == (torch.int64, torch.int64, torch.bool)


def test_a_single_sentence_has_one_separator_and_one_segment():
    ids, segments, real = pack_pair([7, 8], None, VOCAB, 5)
    assert ids.tolist() == [2, 7, 8, 3, 0]
    assert segments.tolist() == [0] * 5 and real.sum() == 4


def test_an_empty_second_sentence_still_has_its_separator():
    assert pack_pair([7], [], VOCAB, 4)[0].tolist() == [2, 7, 3, 3]


def test_a_pair_fits_to_the_last_place_and_no_further():
    assert pack_pair([7, 8], [9, 7, 5], VOCAB, 8)[2].all()
    with pytest.raises(ValueError, match="are 8 tokens, and the row has room for 7; .*truncate"):
        pack_pair([7, 8], [9, 7, 5], VOCAB, 7)


@pytest.mark.parametrize(
    ("lengths", "room", "kept"),
    [((5, 3), 8, (5, 3)), ((7, 2), 5, (3, 2)), ((2, 7), 5, (2, 3)), ((7, 6), 5, (3, 2)),
     ((3, 0), 2, (2, 0)), ((0, 3), 2, (0, 2)), ((5, 5), 0, (0, 0))],
)  # fmt: skip
def test_the_longer_sentence_is_cut_first(lengths, room, kept):
    first, second = (list(range(length)) for length in lengths)
    cut = truncate_pair(first, second, room)
    assert cut == (first[: kept[0]], second[: kept[1]])


def test_each_chosen_token_has_the_fate_of_its_lot():
    ids = torch.tensor([[10, 11, 12, 13, 14, 15, 16]])
    chosen = torch.tensor([[True, True, True, True, True, False, False]])
    lot = torch.tensor([[0.0, 0.79, 0.8, 0.89, 0.9, 0.1, 0.85]])
    corrupted, labels = corrupt(ids, chosen, lot, ids + 20, mask_id=4)
    assert corrupted.tolist() == [[4, 4, 32, 33, 14, 15, 16]]
    assert labels.tolist() == [[10, 11, 12, 13, 14, -100, -100]]


def test_the_shares_can_be_set():
    ids, chosen = torch.tensor([10, 11, 12]), torch.ones(3, dtype=torch.bool)
    lot = torch.tensor([0.2, 0.4, 0.6])
    corrupted, _ = corrupt(ids, chosen, lot, ids + 20, 4, mask_share=0.3, random_share=0.2)
    assert corrupted.tolist() == [4, 31, 12]


def test_the_share_of_wrong_words_is_what_the_corruption_channel_says():
    words = range(5, 12)
    channel = corruption_channel(12, 4, words, 0.3, range(5), 0.6, 0.25)
    visible = channel[7, 5:]
    by_channel = float(1 - visible[2] / visible.sum())
    assert math.isclose(wrong_word_share(0.3, 0.6, 0.25, 7), by_channel)


def test_of_one_word_none_can_be_wrong_and_hidden_words_are_not_asked():
    assert wrong_word_share(0.15, 0.8, 0.1, 1) == 0
    with pytest.raises(ValueError, match="no word is visible"):
        wrong_word_share(1.0, 1.0, 0.0, 9)


def test_special_tokens_are_never_chosen():
    ids = torch.arange(7).repeat(300, 1)
    chosen = choose_positions(ids, SPECIAL, 1.0, seeded())
    assert not chosen[:, :5].any() and chosen[:, 5:].all()


def within(count, trials, share):
    """Within five standard deviations: a false alarm in less than 1 of 10^6."""
    return abs(count - trials * share) <= 5 * math.sqrt(trials * share * (1 - share))


def test_fifteen_percent_are_chosen_each_on_its_own():
    chosen = choose_positions(torch.full((3000, 20), 7), SPECIAL, generator=seeded(1))
    assert within(int(chosen.sum()), 60_000, 0.15)
    per_row = chosen.sum(1).bincount(minlength=21)
    for count in range(8):  # binomial, so rows differ in how many are chosen
        share = math.comb(20, count) * 0.15**count * 0.85 ** (20 - count)
        assert within(int(per_row[count]), 3000, share), count


def test_chosen_tokens_are_masked_replaced_or_kept_in_the_promised_shares():
    ids = torch.full((200, 300), 7)
    corrupted, labels = mask_tokens(ids, 4, SPECIAL, range(5, 12), seeded(2), rate=0.5)
    asked = labels != -100
    n = int(asked.sum())
    assert within(n, 60_000, 0.5)
    seen = corrupted[asked].bincount(minlength=12)
    assert seen[:4].sum() == 0 and within(int(seen[4]), n, 0.8)
    for token in range(5, 12):  # a replacement may draw the true token, 7
        share = 0.1 / 7 + (0.1 if token == 7 else 0)
        assert within(int(seen[token]), n, share), token
    assert torch.equal(corrupted[~asked], ids[~asked]) and torch.equal(labels[asked], ids[asked])


def test_the_corruption_is_the_channel_that_the_exact_figures_assume():
    pool = [5, 6, 8, 10]  # neither all words nor a run of ids
    channel = corruption_channel(11, 4, pool, never=SPECIAL)
    ids = torch.arange(11).expand(20_000, -1)
    corrupted, _ = mask_tokens(ids, 4, SPECIAL, pool, seeded(3))
    for token in range(11):
        seen = corrupted[:, token].bincount(minlength=11)
        for other in range(11):
            share = float(channel[token, other])
            assert within(int(seen[other]), 20_000, share), (token, other)


def test_replacements_do_not_depend_on_the_lot_or_the_choice():
    # with every token replaced, the replacements must still be even
    ids = torch.full((70_000,), 7)
    corrupted, _ = mask_tokens(ids, 4, SPECIAL, range(5, 12), seeded(4), 1.0, 0.0, 1.0)
    assert all(within(int(n), 70_000, 1 / 7) for n in corrupted.bincount(minlength=12)[5:])


def test_the_ids_are_left_alone_and_one_seed_gives_one_corruption():
    ids = torch.randint(5, 12, (7, 50), generator=seeded())
    before = ids.clone()
    first, again, other = (mask_tokens(ids, 4, SPECIAL, [5, 6], seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(ids, before)
    assert all(map(torch.equal, first, again)) and not torch.equal(first[0], other[0])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"random_ids": []}, "random_ids is empty"),
        ({"rate": 1.5}, "rate must be a share from 0 to 1, got 1.5"),
        ({"mask_share": -0.1}, "mask_share must be a share"),
        ({"mask_share": 0.7, "random_share": 0.4}, r"mask_share \+ random_share .* got 1.1"),
    ],
)
def test_impossible_corruptions_are_refused(options, message):
    call = {"mask_id": 4, "special_ids": SPECIAL, "random_ids": [5, 6], **options}
    with pytest.raises(ValueError, match=message):
        mask_tokens(torch.tensor([[5, 6]]), **call)


DOCUMENTS = [["a0", "a1", "a2"], ["b0"], ["c0", "c1"], []]


def test_each_sentence_with_a_next_one_makes_a_pair():
    pairs = next_sentence_pairs(DOCUMENTS, seeded())
    assert [first for first, _, _ in pairs] == ["a0", "a1", "c0"]
    follower = {"a0": "a1", "a1": "a2", "c0": "c1"}
    for first, second, is_next in pairs:
        assert (second == follower[first]) is is_next
        assert is_next or second[0] != first[0], "the other sentence is of another document"


def test_half_follow_and_the_others_are_drawn_evenly_from_other_documents():
    generator = seeded(6)
    draws = Counter(pair for _ in range(4000) for pair in next_sentence_pairs(DOCUMENTS, generator))
    expected = {}
    for first, follower, others in (
        ("a0", "a1", ["b0", "c0", "c1"]),
        ("a1", "a2", ["b0", "c0", "c1"]),
        ("c0", "c1", ["a0", "a1", "a2", "b0"]),
    ):
        expected[first, follower, True] = 0.5
        expected |= {(first, other, False): 0.5 / len(others) for other in others}
    assert set(draws) == set(expected)
    for pair, share in expected.items():
        assert within(draws[pair], 4000, share), pair


def test_sentences_may_be_lists_of_ids():
    pairs = next_sentence_pairs([[[5, 6], [7]], [[8], [9, 5]]], seeded())
    assert {tuple(first) for first, _, _ in pairs} == {(5, 6), (8,)}


def test_one_document_has_no_other_to_draw_from():
    with pytest.raises(ValueError, match="at least two documents"):
        next_sentence_pairs([["a0", "a1"]])
    assert next_sentence_pairs([]) == next_sentence_pairs([["a0"]]) == []


def test_prompts_and_padding_are_left_out_of_the_labels():
    ids = torch.tensor([[5, 6, 7, 8, 9], [5, 6, 7, 0, 0], [5, 0, 7, 8, 9]])
    assert mask_prompt(ids, torch.tensor([3, 1, 0]), pad_id=0).tolist() == [
        [-100, -100, -100, 8, 9],
        [-100, 6, 7, -100, -100],
        [5, -100, 7, 8, 9],
    ]
    assert mask_prompt(ids, 2)[1].tolist() == [-100, -100, 7, 0, 0]
    assert ids[0].tolist() == [5, 6, 7, 8, 9]
