"""Beam search against the list of all texts, against greedy, and with a cache that moves."""

import itertools
import math

import pytest
import torch
from lively import ids_of, lively_gpt, lively_translator, ragged, sources

from minitransformer.beams import beam_decode, beam_generate, beam_search, simple_beam_search
from minitransformer.generation import (
    evaluation_mode,
    generate,
    greedy_decode,
    text_log_probability,
)

INF = math.inf


def every_text(tokens, end_id, longest):
    """All texts that have their end token, and all of the full length that have none yet."""
    for length in range(1, longest + 1):
        for text in itertools.product(tokens, repeat=length):
            ended = text[-1] == end_id
            if end_id not in text[:-1] and (ended or length == longest):
                yield list(text)


def ranking(log_probabilities, longest, penalty, fill):
    """Scores and texts, best first, from the definition; texts filled up to one length."""
    scored = [
        (log_probability / len(text) ** penalty, [*text, *[fill] * (longest - len(text))])
        for text, log_probability in log_probabilities.items()
    ]
    return sorted(scored, reverse=True)


@pytest.fixture(scope="module")
def translator():
    return lively_translator(target_vocab_size=6)  # [PAD] 1 [START] [END] 4 5


@pytest.fixture(scope="module")
def all_translations(translator):
    """For each of three sources, every target of at most four tokens: text -> log-probability."""
    translator.eval()
    found = []
    for row in range(3):
        scores = {}
        for text in every_text((1, 3, 4, 5), 3, 4):
            logits = translator(sources()[row : row + 1], torch.tensor([[2, *text[:-1]]]))[0]
            steps = logits.log_softmax(-1).gather(-1, torch.tensor(text)[:, None])
            scores[tuple(text)] = steps.sum().item()
        found.append(scores)
    translator.train()
    return found


@pytest.fixture(scope="module")
def gpt():
    return lively_gpt()


@pytest.mark.parametrize("penalty", [0.0, 0.7, 2.0])
@pytest.mark.parametrize("use_cache", [True, False])
def test_a_wide_beam_finds_the_ranking_of_all_translations(
    translator, all_translations, penalty, use_cache
):
    found, scores = beam_decode(translator, sources()[:3], 256, 4, penalty, use_cache)
    for row, log_probabilities in enumerate(all_translations):
        expected = ranking(log_probabilities, 4, penalty, fill=0)
        count = len(expected)
        assert count == 1 + 3 + 9 + 4 * 27  # ended after 1, 2, 3 tokens, or four tokens long
        known = torch.tensor([score for score, _ in expected], dtype=torch.float64)
        torch.testing.assert_close(scores[row, :count], known)
        assert found[row, :count].tolist() == [text for _, text in expected]
        assert (scores[row, count:] == -INF).all()


@pytest.mark.parametrize("penalty", [0.0, 1.0])
@pytest.mark.parametrize("use_cache", [True, False])
def test_a_wide_beam_finds_the_ranking_of_all_continuations(penalty, use_cache):
    small = lively_gpt(vocab_size=4)
    alone, batch, real = ragged()
    found, scores = beam_generate(
        small, batch % 4, 64, 3, stop_id=1, length_penalty=penalty, real=real, use_cache=use_cache
    )
    for row, text in enumerate(alone):
        given = text_log_probability(small, text % 4).item()
        log_probabilities = {
            tuple(new): text_log_probability(
                small, torch.cat([text % 4, torch.tensor([new])], dim=1)
            ).item()
            - given
            for new in every_text(range(4), 1, 3)
        }
        expected = ranking(log_probabilities, 3, penalty, fill=1)
        known = torch.tensor([score for score, _ in expected], dtype=torch.float64)
        torch.testing.assert_close(scores[row, : len(expected)], known)
        assert found[row, : len(expected)].tolist() == [new for _, new in expected]


@pytest.mark.parametrize("use_cache", [True, False])
def test_a_beam_of_one_is_greedy(translator, gpt, use_cache):
    found, _ = beam_decode(translator, sources(), 1, use_cache=use_cache)
    assert torch.equal(found[:, 0], greedy_decode(translator, sources()))
    ids = ids_of(3, 5)
    found, _ = beam_generate(gpt, ids, 1, 7, stop_id=8, use_cache=use_cache)
    greedy = generate(gpt, ids, 7, temperature=0, stop_id=8)
    assert torch.equal(found[:, 0], greedy[:, 5:])


@pytest.mark.parametrize("penalty", [0.0, 0.7, 2.0])
@pytest.mark.parametrize("num_beams", [1, 3, 256])
def test_the_simple_search_of_one_text_finds_what_the_search_of_many_does(
    translator, num_beams, penalty
):
    found, scores = beam_decode(translator, sources()[:2], num_beams, 4, penalty)
    for row, source in enumerate(sources()[:2]):
        with evaluation_mode(translator):
            memory, mask = translator.encode(source[None])

        def next_log_probabilities(ids, memory=memory, mask=mask):
            logits, _ = translator.decode(torch.tensor([ids]), memory, mask)
            step = logits[0, -1].log_softmax(dim=-1)
            step[[0, 2]] = -INF  # padding and the start token are never written
            return step

        with evaluation_mode(translator):
            simple = simple_beam_search(next_log_probabilities, num_beams, 4, 2, 3, penalty)
        known = [(ids, score) for ids, score in simple if score > -INF]
        count = int((scores[row] > -INF).sum())
        assert [ids + [0] * (4 - len(ids)) for ids, _ in known] == [
            ids + [0] * (4 - len(ids)) for ids in found[row, :count].tolist()
        ]
        known_scores = torch.tensor([score for _, score in known], dtype=scores.dtype)
        torch.testing.assert_close(known_scores, scores[row, :count])


@pytest.mark.parametrize("penalty", [0.0, 1.0])
def test_the_cache_moves_with_the_texts(penalty):
    translator = lively_translator()
    results = [
        beam_decode(translator, sources(), 3, length_penalty=penalty, use_cache=use_cache)
        for use_cache in (True, False)
    ]
    for cached, fresh in zip(*results, strict=True):
        torch.testing.assert_close(cached, fresh)
    moved = results[0][0]
    assert (moved[:, 0, 0] == moved[:, 1, 0]).any(), "some beams should share a beginning"


def table(rows):
    """Next-token log-probabilities from a table: last token -> {token: probability}."""

    def next_log_probabilities(ids):
        out = torch.full((len(ids), 5), -INF)
        for row, last in enumerate(ids[:, -1].tolist()):
            for token, probability in rows.get(last, {4: 1.0}).items():
                out[row, token] = math.log(probability)
        return out

    return next_log_probabilities


# 0 begins. 1 looks better than 2 (0.6 against 0.4), but is left in doubt; after 2 comes 4, surely.
GARDEN_PATH = table({0: {1: 0.6, 2: 0.4}, 1: {3: 0.45, 4: 0.55}, 2: {4: 1.0}, 3: {4: 1.0}})
BEGIN = torch.zeros(1, 1, dtype=torch.int64)


def test_a_beam_of_two_escapes_the_garden_path():
    found, scores = beam_search(GARDEN_PATH, BEGIN, 2, 5, end_id=4)
    assert found.tolist() == [[[2, 4], [1, 4]]]
    assert scores[0].exp().tolist() == pytest.approx([0.4, 0.33])
    greedy, scores = beam_search(GARDEN_PATH, BEGIN, 1, 5, end_id=4)
    assert greedy.tolist() == [[[1, 4]]] and scores.exp().item() == pytest.approx(0.33)


def test_a_length_penalty_favours_the_longer_text():
    # 2 4 has log 0.4 over 2 tokens, -0.458 each; 1 3 4 has log 0.27 over 3, -0.436 each
    for penalty, best, score in (
        (0.0, [2, 4, 4], math.log(0.4)),
        (1.0, [1, 3, 4], math.log(0.27) / 3),
    ):
        found, scores = beam_search(GARDEN_PATH, BEGIN, 3, 5, 4, length_penalty=penalty)
        assert found[0, 0].tolist() == best
        assert scores[0, 0].item() == pytest.approx(score)


def test_ended_texts_are_filled_up_and_cost_nothing_more():
    found, scores = beam_search(GARDEN_PATH, BEGIN, 3, 5, end_id=4, pad_id=0)
    assert found[0].tolist() == [[2, 4, 0], [1, 4, 0], [1, 3, 4]]
    assert scores[0].exp().tolist() == pytest.approx([0.4, 0.33, 0.27])


def test_what_has_no_end_is_cut():
    endless = table({0: {0: 1.0}})
    found, scores = beam_search(endless, BEGIN, 2, 3, end_id=4)
    assert found[0, 0].tolist() == [0, 0, 0]
    assert scores.tolist() == [[0.0, -INF]], "there is only one text"


def test_every_beginning_has_a_beam_of_its_own():
    both = torch.tensor([[3, 0], [0, 2]])
    found, scores = beam_search(GARDEN_PATH, both, 2, 5, end_id=4)
    assert found[0, 0].tolist() == [2, 4] and found[1, 0].tolist() == [4, 4]
    assert scores[:, 0].exp().tolist() == pytest.approx([0.4, 1.0])


def test_beams_leave_the_model_in_training_and_their_texts_can_be_learned(gpt):
    found, scores = beam_generate(gpt, ids_of(2, 3), 2, 3, stop_id=8)
    assert all(module.training for module in gpt.modules())
    assert not found.is_inference() and not scores.is_inference()


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: beam_search(GARDEN_PATH, BEGIN, 0, 5, 4), "num_beams must be at least 1, got 0"),
        (lambda: beam_search(GARDEN_PATH, BEGIN, 2, 0, 4), "max_new_tokens must be at least 1"),
        (
            lambda: beam_generate(lively_gpt(), ids_of(2, 5), 2, 10, stop_id=8),
            r"5 tokens and 10 new ones do not fit into the context of 13; .* at most 9",
        ),
        (lambda: beam_decode(lively_translator(), sources(), 2, 14), r"1\.\.13 .* got 14"),
    ],
)
def test_a_wrong_request_is_refused_with_the_reason(wrong, message):
    with pytest.raises(ValueError, match=message):
        wrong()


def test_a_text_may_fill_the_context_to_the_last_place(gpt):
    found, _ = beam_generate(gpt, ids_of(2, 5), 2, 9, stop_id=8)
    assert found.shape[:2] == (2, 2)


@pytest.mark.parametrize("penalty", [math.inf, -math.inf, math.nan])
def test_a_length_penalty_is_finite(gpt, penalty):
    with pytest.raises(ValueError, match=f"length_penalty must be finite, got {penalty}; 0"):
        beam_generate(gpt, ids_of(1, 2), 2, 2, stop_id=3, length_penalty=penalty)


def test_beams_ask_for_left_padding_and_for_a_token_that_ends_a_text(gpt):
    ids = torch.ones(2, 3, dtype=torch.long)
    right = torch.tensor([[True, True, False], [True, True, True]])
    for real, error, told in (
        (right, ValueError, "padding must stand on the left"),
        (right[:, :2], ValueError, "one entry a token"),
        (right.tolist(), TypeError, "real must be a tensor, got a list"),
    ):
        with pytest.raises(error, match=told):
            beam_generate(gpt, ids, 2, 2, stop_id=3, real=real)
    vocab = gpt.config.vocab_size
    for wrong in (vocab, -1):
        with pytest.raises(ValueError, match=rf"stop_id must lie in 0..{vocab - 1} .*got {wrong}"):
            beam_generate(gpt, ids, 2, 2, stop_id=wrong)


def test_the_sizes_of_a_search_are_whole_numbers_from_1_on(gpt):
    with pytest.raises(TypeError, match="num_beams must be a whole number, got 2.5"):
        beam_generate(gpt, ids_of(1, 2), 2.5, 2, stop_id=3)
    for sizes, told in (((0, 3), "num_beams must be at least 1"), ((2, 0), "max_new_tokens must")):
        with pytest.raises(ValueError, match=told):
            simple_beam_search(lambda ids: torch.zeros(5), *sizes, start_id=1, end_id=2)


def test_a_score_has_all_the_digits_of_its_log_probabilities():
    steps = torch.tensor([[0.1, 0.2, 0.7]], dtype=torch.float64).log()
    start = torch.zeros(1, 1, dtype=torch.long)
    texts, scores = beam_search(
        lambda texts: steps.expand(len(texts), -1), start, 2, 3, 0, length_penalty=0.6
    )
    assert texts[0, 0].tolist() == [2, 2, 2]
    assert float(scores[0, 0]) == pytest.approx(3 * math.log(0.7) / 3**0.6, rel=1e-14)
