"""Continuing texts with and without a cache, in batches and alone; the probability of texts."""

import copy
import math

import pytest
import torch
from lively import ids_of, lively_bert, lively_gpt, lively_translator, ragged, sources
from torch import nn

from minitransformer.beams import beam_decode, beam_generate
from minitransformer.generation import (
    evaluation_mode,
    fill_mask,
    generate,
    greedy_decode,
    perplexity,
    perplexity_of,
    text_log_probability,
)
from minitransformer.sampling import draw
from minitransformer.seq2seq import shift_right


@pytest.fixture(scope="module")
def gpt():
    return lively_gpt()


@pytest.fixture(scope="module")
def translator():
    return lively_translator()


@pytest.fixture(scope="module")
def bert():
    return lively_bert()


def by_hand(model, ids, steps):
    """Greedy, from nothing but the model's forward pass in evaluation mode."""
    text = ids
    model.eval()
    for _ in range(steps):
        window = text[:, -model.config.max_seq :]
        text = torch.cat([text, model(window)[:, -1].argmax(-1, keepdim=True)], dim=1)
    model.train()
    return text


def test_greedy_takes_the_best_token_of_each_forward_pass(gpt):
    ids = ids_of(3, 5)
    found = generate(gpt, ids, 7, temperature=0)
    assert torch.equal(found, by_hand(gpt, ids, 7))
    assert len({tuple(row) for row in found[:, 5:].tolist()}) == 3, "the rows should differ"


@pytest.mark.parametrize("dtype", [torch.float64, torch.float32])
@pytest.mark.parametrize("steps", [8, 21], ids=["within the context", "beyond it"])
@pytest.mark.parametrize("temperature", [0, 0.8])
@pytest.mark.parametrize("padded", [False, True])
def test_a_cache_changes_no_token(gpt, dtype, steps, temperature, padded):
    _, ids, real = ragged()
    texts = [
        generate(
            copy.deepcopy(gpt).to(dtype), ids, steps, temperature, top_k=7, top_p=0.9,
            real=real if padded else None, use_cache=use_cache,
            generator=torch.Generator().manual_seed(3),
        )
        for use_cache in (True, False)
    ]  # fmt: skip
    assert texts[0].shape == (3, 5 + steps)
    assert torch.equal(*texts)


def test_with_a_cache_each_token_is_read_once(gpt, monkeypatch):
    lengths = []
    hidden = gpt.hidden

    def counting(ids, real=None, cache=None):
        lengths.append(ids.shape[1])
        return hidden(ids, real, cache)

    monkeypatch.setattr(gpt, "hidden", counting)
    generate(gpt, ids_of(2, 5), 4, temperature=0)
    generate(gpt, ids_of(2, 5), 4, temperature=0, use_cache=False)
    assert lengths == [5, 1, 1, 1, 5, 6, 7, 8]


@pytest.mark.parametrize("use_cache", [True, False])
@pytest.mark.parametrize("steps", [7, 17], ids=["within the context", "beyond it"])
def test_a_row_of_a_left_padded_batch_goes_on_as_it_would_alone(gpt, use_cache, steps):
    alone, batch, real = ragged()
    found = generate(gpt, batch, steps, temperature=0, real=real, use_cache=use_cache)
    for row, text in enumerate(alone):
        assert torch.equal(found[row, 5:], generate(gpt, text, steps, temperature=0)[0, -steps:])


def test_with_rotary_positions_rows_and_caches_agree_too():
    rotary = lively_gpt(positions="rotary", d_model=18, num_heads=3)
    alone, batch, real = ragged()
    cached, fresh = (
        generate(rotary, batch, 15, temperature=0, real=real, use_cache=use_cache)
        for use_cache in (True, False)
    )
    assert torch.equal(cached, fresh)
    for row, text in enumerate(alone):
        assert torch.equal(cached[row, 5:], generate(rotary, text, 15, temperature=0)[0, -15:])


def test_drawn_with_a_seed_of_its_own_a_padded_row_goes_on_as_it_would_alone(gpt):
    alone, batch, real = ragged()

    def seeded(seeds):
        generators = [torch.Generator().manual_seed(seed) for seed in seeds]

        def next_token(logits):
            rows = zip(logits.softmax(-1), generators, strict=True)
            return torch.cat([draw(row[None], generator) for row, generator in rows])

        return next_token

    found = generate(gpt, batch, 9, real=real, next_token=seeded([5, 6, 7]))
    for row, text in enumerate(alone):
        single = generate(gpt, text, 9, next_token=seeded([5 + row]))
        assert torch.equal(found[row, 5:], single[0, -9:])


def test_a_text_longer_than_the_context_is_read_from_its_last_tokens(gpt):
    ids = ids_of(2, 17)
    found = generate(gpt, ids, 5, temperature=0)
    assert torch.equal(found, by_hand(gpt, ids, 5))
    assert torch.equal(found[:, :17], ids)


def test_draws_follow_the_exact_distribution_of_texts(gpt):
    # 4000 continuations of two tokens, against the product of the two conditionals
    ids = ids_of(1, 3)
    generator = torch.Generator().manual_seed(8)
    found = generate(gpt, ids.expand(4000, -1), 2, temperature=1.7, generator=generator)
    gpt.eval()
    first = (gpt(ids)[0, -1] / 1.7).softmax(-1)  # (vocab,)
    longer = torch.cat([ids.expand(11, -1), torch.arange(11)[:, None]], dim=1)
    both = first[:, None] * (gpt(longer)[:, -1] / 1.7).softmax(-1)
    gpt.train()
    counts = (found[:, 3] * 11 + found[:, 4]).bincount(minlength=121).double()
    expected = 4000 * both.detach().flatten()
    common = expected > 5
    chi_square = ((counts - expected)[common] ** 2 / expected[common]).sum()
    degrees = int(common.sum())
    assert degrees > 20 and chi_square < degrees + 5 * math.sqrt(2 * degrees)


def test_the_same_seed_writes_the_same_text(gpt):
    def text(seed):
        return generate(gpt, ids_of(2, 3), 9, generator=torch.Generator().manual_seed(seed))

    assert torch.equal(text(1), text(1))
    assert not torch.equal(text(1), text(2))


def test_settings_reach_the_draw(gpt):
    wide = generate(gpt, ids_of(2, 3), 9, generator=torch.Generator().manual_seed(1))
    greedy = generate(gpt, ids_of(2, 3), 9, temperature=0)
    assert not torch.equal(wide, greedy)
    for settings in ({"top_k": 1}, {"top_p": 1e-6}, {"temperature": 1e-6}):
        found = generate(gpt, ids_of(2, 3), 9, **settings)
        assert torch.equal(found, greedy)


def test_a_row_that_stops_is_filled_up_while_others_go_on(gpt):
    script = iter([[4, 1, 2], [5, 4, 2], [6, 7, 2], [8, 9, 4], [3, 3, 3]])
    found = generate(
        gpt, ids_of(3, 2), 9, stop_id=4, next_token=lambda _: torch.tensor(next(script))
    )
    assert found[:, 2:].tolist() == [[4, 4, 4, 4], [1, 4, 4, 4], [2, 2, 2, 4]]


def test_without_a_stop_every_token_is_written(gpt):
    found = generate(gpt, ids_of(3, 2), 5, next_token=lambda logits: torch.full((3,), 4))
    assert found[:, 2:].tolist() == [[4] * 5] * 3


def test_your_own_choice_sees_the_scores_of_the_last_place(gpt):
    seen = []

    def least_probable(logits):
        seen.append(logits.clone())
        return logits.argmin(dim=-1)

    ids = ids_of(2, 3)
    found = generate(gpt, ids, 2, next_token=least_probable)
    gpt.eval()
    torch.testing.assert_close(seen[0].clone(), gpt(ids)[:, -1].detach())
    torch.testing.assert_close(seen[1].clone(), gpt(found[:, :4])[:, -1].detach())
    gpt.train()
    assert torch.equal(found[:, 3], seen[0].argmin(-1))


def test_the_model_is_left_as_it_was_found(gpt):
    gpt.decoder.blocks[1].eval()
    before = [module.training for module in gpt.modules()]
    generate(gpt, ids_of(2, 3), 2)
    text_log_probability(gpt, ids_of(2, 3))

    def fails(logits):
        assert not any(module.training for module in gpt.modules())
        raise KeyError("a mistake in somebody's code")

    with pytest.raises(KeyError):
        generate(gpt, ids_of(2, 3), 2, next_token=fails)
    after = [module.training for module in gpt.modules()]
    gpt.train()
    assert after == before and set(before) == {True, False}


def test_what_was_written_can_be_learned_from(gpt):
    found = generate(gpt, ids_of(2, 3), 4)
    assert not text_log_probability(gpt, found).is_inference()
    gpt.loss(found[:, :-1], found[:, 1:]).backward()
    assert gpt.token.weight.grad.abs().sum() > 0
    gpt.zero_grad()


def test_nothing_to_add_gives_the_beginning_back(gpt):
    assert torch.equal(generate(gpt, ids_of(2, 3), 0), ids_of(2, 3))


LEFT = torch.tensor([[False, True, True], [True, True, True]])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"max_new_tokens": -1}, "at least 0, got -1"),
        ({"real": LEFT.flip(1)}, "on the left of every row"),
        ({"real": LEFT[:, [0, 1, 0]]}, "on the left of every row"),
        ({"real": torch.tensor([[True, False, True], [True, True, True]])}, "on the left"),
        ({"real": LEFT & torch.tensor([[True], [False]])}, "on the left"),
        ({"real": LEFT[:, 1:]}, r"shape \(2, 3\), got torch.bool \(2, 2\)"),
        ({"real": LEFT.long()}, r"must be bool .* got torch.int64"),
        ({"next_token": lambda logits: logits.argmax()}, r"one id a row, shape \(2,\), got \(\)"),
        ({"temperature": -1}, "temperature must be more than 0"),
    ],
)
def test_a_wrong_request_is_refused_with_the_reason(gpt, options, message):
    with pytest.raises(ValueError, match=message):
        generate(gpt, ids_of(2, 3), **{"max_new_tokens": 2, **options})


def test_an_empty_beginning_is_refused(gpt):
    with pytest.raises(ValueError, match="the text is empty"):
        generate(gpt, torch.zeros(2, 0, dtype=torch.int64), 3)


class Table(nn.Module):
    """A language model that is a table: the next token depends on the last one only."""

    def __init__(self, probabilities):
        super().__init__()
        self.probabilities = torch.tensor(probabilities, dtype=torch.float64)

    def forward(self, ids, real=None):
        return self.probabilities[ids].log() + 3.0  # logits are scores up to a constant


WEATHER = Table([[0.5, 0.25, 0.25], [0.125, 0.75, 0.125], [0.2, 0.3, 0.5]])


def test_the_probability_of_a_text_is_the_product_of_its_conditionals():
    ids = torch.tensor([[0, 1, 1, 2], [2, 0, 0, 0]])
    # P(1|0) P(1|1) P(2|1) = 1/4 3/4 1/8 and P(0|2) P(0|0) P(0|0) = 1/5 1/2 1/2
    expected = torch.tensor([3 / 128, 1 / 20], dtype=torch.float64)
    torch.testing.assert_close(text_log_probability(WEATHER, ids).exp(), expected)


def test_the_probabilities_of_all_texts_sum_to_1(gpt):
    texts = torch.cartesian_prod(torch.tensor([6]), torch.arange(11), torch.arange(11))
    assert text_log_probability(gpt, texts).exp().sum().item() == pytest.approx(1, abs=1e-12)


@pytest.mark.parametrize("side", ["left", "right"])
def test_padding_costs_nothing_on_either_side(gpt, side):
    alone, batch, real = ragged()
    if side == "right":
        batch, real = batch.flip(1), real.flip(1)
        alone = [text.flip(1) for text in alone]
    expected = torch.cat([text_log_probability(gpt, text) for text in alone])
    torch.testing.assert_close(text_log_probability(gpt, batch, real), expected)
    # 4 + 1 + 2 tokens are predicted
    torch.testing.assert_close(perplexity(gpt, batch, real), (-expected.sum() / 7).exp())


def test_padding_costs_nothing_even_where_the_model_calls_it_impossible():
    never_0 = Table([[0.0, 0.5, 0.5], [0.0, 0.75, 0.25], [0.0, 0.25, 0.75]])
    ids = torch.tensor([[1, 2, 0, 0], [1, 1, 1, 2]])
    found = text_log_probability(never_0, ids, ids > 0)  # 1/4, and 3/4 3/4 1/4
    expected = torch.tensor([1 / 4, 9 / 64], dtype=torch.float64)
    torch.testing.assert_close(found.exp(), expected)


def test_perplexity_is_the_geometric_mean_of_one_over_the_probability():
    ids = torch.tensor([[0, 1, 1, 2], [2, 0, 0, 0]])
    assert perplexity(WEATHER, ids).item() == pytest.approx((128 / 3 * 20) ** (1 / 6))


def test_the_perplexity_of_a_model_that_knows_nothing_is_the_vocabulary():
    assert perplexity(Table([[1.0] * 7] * 7), ids_of(3, 5, vocab=7)).item() == pytest.approx(7)


def test_the_perplexity_of_equally_likely_tokens_is_their_number_however_many_there_are():
    for count in (1, 3, 500):
        assert perplexity_of(-count * math.log(7), count) == pytest.approx(7)
    with pytest.raises(ValueError, match="count must be at least 1, got 0"):
        perplexity_of(0.0, 0)


def test_the_perplexity_of_a_model_is_that_of_its_log_probability(gpt):
    ids = ids_of(1, 5)
    total = float(text_log_probability(gpt, ids))
    assert float(perplexity(gpt, ids)) == pytest.approx(perplexity_of(total, 4))


def test_a_model_with_nothing_but_its_forward_pass_writes_and_is_measured_too(gpt):
    class Own(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.config = [gpt], gpt.config

        def forward(self, ids):
            return self.inner[0](ids)

    ids, was = ids_of(2, 4), gpt.training
    gpt.eval()
    assert torch.equal(generate(Own(), ids, 15, 0), generate(gpt, ids, 15, 0))
    assert torch.equal(text_log_probability(Own(), ids), text_log_probability(gpt, ids))
    gpt.train(was)


def test_the_perplexity_of_single_tokens_is_refused(gpt):
    with pytest.raises(ValueError, match=r"no token is predicted in texts of shape \(2, 1\)"):
        perplexity(gpt, ids_of(2, 1))


def test_text_probabilities_ignore_dropout(gpt):
    ids = ids_of(3, 7)
    assert torch.equal(text_log_probability(gpt, ids), text_log_probability(gpt, ids))


def greedy_by_hand(model, source, steps):
    """One source, from nothing but the full forward pass."""
    config, text = model.config, []
    model.eval()
    while len(text) < steps and config.end_id not in text:
        target = torch.tensor([[config.start_id, *text]])
        scores = model(source, target)[0, -1].tolist()
        scores[config.pad_id] = scores[config.start_id] = -math.inf
        text.append(scores.index(max(scores)))
    model.train()
    return text


@pytest.mark.parametrize("use_cache", [True, False])
def test_greedy_decoding_takes_the_best_token_of_each_forward_pass(translator, use_cache):
    source = sources()
    found = greedy_decode(translator, source, use_cache=use_cache).tolist()
    expected = [greedy_by_hand(translator, row[row != 0][None], 13) for row in source]
    width = max(map(len, expected))
    assert found == [row + [0] * (width - len(row)) for row in expected]
    assert len({len(row) for row in expected}) > 1, "some should end before others"


def test_a_target_that_has_ended_stays_ended(translator, monkeypatch):
    script = iter([[4, 3], [3, 5], [6, 7], [7, 3]])  # what the best token is, ended or not

    def scripted(target, memory, memory_mask, cache=None):
        return torch.eye(11)[torch.tensor(next(script))].unsqueeze(1), []

    monkeypatch.setattr(translator, "decode", scripted)
    found = greedy_decode(translator, sources()[:2], 4, use_cache=False)
    assert found.tolist() == [[4, 3], [3, 0]]


def test_decoding_stops_where_it_is_told_to(translator):
    full, cut = greedy_decode(translator, sources()), greedy_decode(translator, sources(), 2)
    assert torch.equal(full[:, :2], cut)


def test_the_decoded_targets_can_be_learned(translator):
    targets = greedy_decode(translator, sources())
    assert not targets.is_inference()
    logits = translator(sources(), shift_right(targets, translator.config.start_id))
    assert logits.shape[:2] == targets.shape
    translator.loss(sources(), targets).backward()
    translator.zero_grad()


def test_padding_and_start_are_never_written(translator):
    generator = torch.Generator().manual_seed(4)
    loud = copy.deepcopy(translator)
    with torch.no_grad():  # makes padding and start the best answers everywhere
        loud.target_token.weight[[0, 2]] = 50 * torch.randn(2, 14, generator=generator).double()
    found = greedy_decode(loud, sources(), 7)
    assert not (found == 2).any()
    ended = (found == 3).cumsum(1) > 0
    assert not (found == 0)[~ended].any()


@pytest.mark.parametrize("limit", [0, 14])
def test_a_target_beyond_the_context_is_refused(translator, limit):
    with pytest.raises(ValueError, match=rf"1\.\.13 \(the context\), got {limit}"):
        greedy_decode(translator, sources(), limit)


def test_a_gap_is_filled_with_the_most_probable_token(bert):
    ids = ids_of(3, 5, low=5)
    ids[0, 1] = ids[2, 0] = ids[2, 3] = 4
    segments, real = (
        ids_of(3, 5, vocab=2),
        torch.tensor([[True] * 5, [True] * 5, [True] * 4 + [False]]),
    )
    filled, probabilities = fill_mask(bert, ids, 4, segments, real)
    bert.eval()
    expected = bert(ids, segments, real)[0].detach().softmax(-1)
    bert.train()
    gaps = [(0, 1), (2, 0), (2, 3)]
    torch.testing.assert_close(probabilities, torch.stack([expected[gap] for gap in gaps]))
    for row, place in gaps:
        ids[row, place] = expected[row, place].argmax()
    assert torch.equal(filled, ids)


def test_filling_leaves_the_ids_alone_and_refuses_a_text_without_gaps(bert):
    ids = torch.tensor([[5, 4, 6]])
    fill_mask(bert, ids, 4)
    assert ids.tolist() == [[5, 4, 6]]
    with pytest.raises(ValueError, match="no gap to fill: no id is 9"):
        fill_mask(bert, ids, 9)


def test_nothing_is_chosen_from_scores_that_are_no_numbers(gpt, translator, bert):
    told = r"scores are NaN \(not a number\), in torch.float\d\d; its weights are damaged or"
    broken = [copy.deepcopy(model) for model in (gpt, translator, bert)]
    for model in broken:
        torch.nn.init.constant_(next(model.parameters()), math.nan)
    gpt, translator, bert = broken
    for write in (
        lambda: generate(gpt, ids_of(1, 2), 3, temperature=0),
        lambda: generate(gpt, ids_of(1, 2), 3),
        lambda: beam_generate(gpt, ids_of(1, 2), 2, 2, stop_id=1),
        lambda: greedy_decode(translator, sources()),
        lambda: beam_decode(translator, sources(), 2),
        lambda: text_log_probability(gpt, ids_of(1, 2)),
        lambda: fill_mask(bert, ids_of(1, 2), int(ids_of(1, 2)[0, 0])),
    ):
        with pytest.raises(ValueError, match=told):
            write()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_model_of_16_bits_hands_out_scores_with_more_digits(gpt, dtype):
    """Divided by a small temperature, 16 bits overflow; in a sum they are too coarse."""
    small, ids = copy.deepcopy(gpt).to(dtype), ids_of(1, 3)
    cold = generate(small, ids, 4, temperature=1e-20, generator=torch.Generator().manual_seed(0))
    assert torch.equal(cold, generate(small, ids, 4, temperature=0))
    with evaluation_mode(small):
        log_probabilities = small(ids).double().log_softmax(dim=-1)
    expected = sum(log_probabilities[0, place, ids[0, place + 1]] for place in range(2))
    assert text_log_probability(small, ids).double() == pytest.approx(expected.item(), abs=1e-5)


def test_what_is_no_batch_of_ids_is_refused_wherever_a_text_is_read(gpt, bert):
    for read in (
        lambda ids: perplexity(gpt, ids),
        lambda ids: text_log_probability(gpt, ids),
        lambda ids: fill_mask(bert, ids, 1),
        lambda ids: generate(gpt, ids, 2),
    ):
        with pytest.raises(TypeError, match="ids must be a tensor, got a list"):
            read([[1, 2]])
        with pytest.raises(ValueError, match=r"ids must have shape \(batch, seq\), got \(2,\)"):
            read(torch.tensor([1, 2]))
    with pytest.raises(TypeError, match="real must be a tensor, got a list"):
        generate(gpt, ids_of(1, 2), 2, real=[[True, True]])


@pytest.mark.parametrize("stop_id", [-1, 99])
def test_a_stop_that_no_token_is_is_refused(gpt, stop_id):
    with pytest.raises(ValueError, match=rf"stop_id must lie in 0..\d+ .*, got {stop_id}; "):
        generate(gpt, ids_of(1, 2), 3, stop_id=stop_id)


@pytest.mark.parametrize("count", [1.5, "3", None])
def test_the_number_of_new_tokens_is_a_whole_number(gpt, translator, count):
    with pytest.raises(TypeError, match="max_new_tokens must be a whole number, got "):
        generate(gpt, ids_of(1, 2), count)
    if count is not None:
        with pytest.raises(TypeError, match="max_new_tokens must be a whole number, got "):
            greedy_decode(translator, sources(), count)


@pytest.mark.parametrize(
    "choice, got", [(lambda _: [1], "a list"), (lambda _: torch.tensor([1.5]), "torch.float32")]
)
def test_your_own_choice_gives_ids(gpt, choice, got):
    with pytest.raises(TypeError, match=f"next_token must give .* got {got}"):
        generate(gpt, ids_of(1, 2), 3, next_token=choice)


@pytest.mark.parametrize("measure", [perplexity, text_log_probability])
def test_a_map_of_real_tokens_is_checked_where_a_text_is_measured(gpt, measure):
    ids = ids_of(1, 3)
    with pytest.raises(TypeError, match="real must be bool .*, got torch.float32"):
        measure(gpt, ids, torch.ones(1, 3))
    with pytest.raises(ValueError, match=r"real must have one entry a token, shape \(1, 3\)"):
        measure(gpt, ids, torch.ones(1, 2, dtype=torch.bool))
