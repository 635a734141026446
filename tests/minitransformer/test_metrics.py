"""Shares counted by hand, and BLEU worked by hand (the first cases are those of its paper)."""

import math

import pytest
import torch

from minitransformer.metrics import accuracy, bleu, exact_match, sequence_accuracy


def test_accuracy_counts_right_answers_among_those_that_count():
    predictions = torch.tensor([[1, 2, 3], [4, 5, 6]])
    targets = torch.tensor([[1, 0, -100], [4, 5, 0]])
    assert accuracy(predictions, targets) == 3 / 5
    assert accuracy(predictions, targets, ignored=0) == 3 / 4


def test_a_sequence_is_right_only_if_every_token_is():
    targets = torch.tensor([[4, 5, 3, 0], [4, 3, 0, 0], [6, 5, 4, 3], [6, 3, 0, 0], [7, 3, 0, 0]])
    predictions = targets.clone()
    predictions[1, 0] = 9
    predictions[3, 2] = 8  # goes on where it should have ended
    assert sequence_accuracy(predictions, targets) == 3 / 5


def test_widths_may_differ_and_what_lies_beyond_is_padding():
    short, long = torch.tensor([[4, 3], [5, 3]]), torch.tensor([[4, 3, 0, 0], [5, 3, 0, 6]])
    assert sequence_accuracy(short, long) == sequence_accuracy(long, short) == 1 / 2
    nines = long.masked_fill(long == 0, 9)
    assert sequence_accuracy(short, nines, pad_id=9) == 1 / 2


def test_answers_match_up_to_case_and_white_space():
    answers = ["In the  Park", "at noon", "the park.", ""]
    assert exact_match(answers, ["in the park ", "at night", "the park", "x"]) == 1 / 4


def split(*texts):
    return [text.split() for text in texts]


CATS = split("the cat is on the mat", "there is a cat on the mat")


def test_counts_are_clipped_at_what_one_reference_has():
    # Papineni's example 2: seven times "the", of which two count; 7 tokens against 7
    candidate = split("the the the the the the the")
    assert bleu(candidate, [CATS], max_order=1) == pytest.approx(2 / 7)


def test_both_references_count_but_not_their_sum():
    # "the": 2 in the first reference, 1 in the second; "a", "there": 1 and 0
    candidate = split("the the the a there is on")
    assert bleu(candidate, [CATS], max_order=1) == pytest.approx(6 / 7)


def test_a_short_translation_pays_the_brevity_penalty():
    # 1-grams 4/4, 2-grams 2/3 (cat sat, the mat); c = 4, r = 6: exp(1 - 6/4) sqrt(2/3)
    found = bleu(split("cat sat the mat"), [split("the cat sat on the mat")], max_order=2)
    assert found == pytest.approx(math.exp(-0.5) * math.sqrt(2 / 3))


def test_a_long_translation_pays_in_precision_only():
    # 6 of 8 words, 5 of 7 pairs
    found = bleu(split("the cat sat on the mat at noon"), [split("the cat sat on the mat")], 2)
    assert found == pytest.approx(math.sqrt(6 / 8 * 5 / 7))


def test_the_reference_nearest_in_length_counts_and_of_two_the_shorter():
    candidate = split("a b c d e")
    apart = [split("a b c d e f", "a b")]  # nearest: 6 tokens
    assert bleu(candidate, apart, 1) == pytest.approx(math.exp(1 - 6 / 5))
    tie = [split("a b c d e f", "a b c e")]  # 6 and 4 are equally near: 4, no penalty
    assert bleu(candidate, tie, 1) == 1.0


def test_the_corpus_is_summed_before_anything_is_divided():
    # words 3/3 + 1/3 = 4/6, pairs 2/2 + 0/2 = 2/4; the mean of two scores would be another
    candidates, references = split("a b c", "a x y"), [split("a b c"), split("a b c")]
    assert bleu(candidates, references, 2) == pytest.approx(math.sqrt(4 / 6 * 2 / 4))


def test_all_four_orders_by_hand():
    # against "the small cat sat on the mat": words 6/7, pairs 4/6, threes 2/5, fours 1/4
    found = bleu(split("the cat sat on the mat now"), [split("the small cat sat on the mat")])
    assert found == pytest.approx((6 / 7 * 4 / 6 * 3 / 5 * 2 / 4) ** (1 / 4))


def test_a_perfect_translation_has_1_and_none_shared_has_0():
    text = split("the cat sat on the mat")
    assert bleu(text, [text]) == 1.0
    assert bleu(text, [split("a dog ran in a wood")]) == 0.0
    assert bleu(split("the cat"), [split("the cat")]) == 0.0, "it has no run of four words"


def test_tokens_may_be_ids():
    assert bleu([[5, 6, 7]], [[[5, 6, 8]]], 1) == pytest.approx(2 / 3)


ONE = torch.tensor([1])


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda: accuracy(torch.zeros(2, 3), ONE), ValueError, r"\(2, 3\) .* \(1,\) must.*argmax"),
        (lambda: accuracy(ONE, ONE, ignored=1), ValueError, "over no targets"),
        (lambda: sequence_accuracy(ONE, ONE), ValueError, r"must be \(batch, seq\)"),
        (lambda: sequence_accuracy(ONE[None], ONE.expand(2, 1)), ValueError, "same batch"),
        (lambda: sequence_accuracy(ONE[:0, None], ONE[:0, None]), ValueError, "one row"),
        (lambda: exact_match("yes", ["yes"]), TypeError, "lists of texts"),
        (lambda: exact_match(["a"], ["a", "b"]), ValueError, "got 1 answers and 2 references"),
        (lambda: exact_match([], []), ValueError, "at least one"),
        (lambda: bleu(["a b"], [split("a b")]), TypeError, "text.split"),
        (lambda: bleu(split("a b"), split("a b")), TypeError, r"\[reference\]"),
        (lambda: bleu(split("a b"), [[]]), TypeError, "needs a list of references"),
        (lambda: bleu(split("a", "b"), [split("a")]), ValueError, "got 2 candidates and 1"),
        (lambda: bleu([], []), ValueError, "at least one"),
    ],
)
def test_what_cannot_be_counted_is_refused_with_the_reason(wrong, error, message):
    with pytest.raises(error, match=message):
        wrong()
