"""Attention against cases by hand, PyTorch's own, and invariances."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from minitransformer import attention as room
from minitransformer.attention import (
    SelfAttention,
    attention_weights,
    causal_mask,
    contextual_similarity,
    masked_softmax,
    padding_mask,
    scaled_dot_product_attention,
    score_variance,
    similarity_scores,
    softmax,
)

SEEDS = st.integers(0, 2**31)


def normal(seed, *shape, dtype=torch.float64):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


def test_softmax_by_hand():
    weights = softmax(torch.tensor([0.0, math.log(2), math.log(5)]))
    torch.testing.assert_close(weights, torch.tensor([1 / 8, 2 / 8, 5 / 8]))


@given(SEEDS, st.sampled_from([0, 1, 2, -1, -2, -3]))
def test_softmax_agrees_with_pytorch_along_every_axis(seed, dim):
    scores = normal(seed, 2, 3, 5) * 10
    torch.testing.assert_close(softmax(scores, dim), F.softmax(scores, dim))


def test_softmax_survives_scores_of_a_million_and_minus_infinity():
    assert softmax(torch.tensor([1e6, 1e6, -math.inf])).tolist() == [0.5, 0.5, 0.0]
    assert softmax(torch.tensor([-1e6, -1e6])).tolist() == [0.5, 0.5]


def test_softmax_leaves_its_input_alone():
    scores = torch.tensor([[1.0, 2.0]])
    softmax(scores)
    assert scores.tolist() == [[1.0, 2.0]]


def test_scores_by_hand():
    query = torch.tensor([[1.0, 0, 2, 0]])
    key = torch.tensor([[1.0, 1, 1, 1], [0, 5, 0, 5], [4, 0, -1, 0]])
    assert similarity_scores(query, key).tolist() == [[1.5, 0.0, 1.0]]


@given(st.sampled_from([2, 16, 128]))
def test_scores_of_random_vectors_have_variance_one_at_every_size(d_k):
    scores = similarity_scores(normal(1, 300, d_k), normal(2, 300, d_k))
    assert scores.var().item() == pytest.approx(1, abs=0.1)
    raw = scores * math.sqrt(d_k)
    assert raw.var().item() == pytest.approx(score_variance(d_k), rel=0.1)
    assert (raw / 3).var().item() == pytest.approx(score_variance(d_k, 3), rel=0.1)


def test_queries_and_keys_of_different_sizes_are_refused():
    with pytest.raises(ValueError, match="same last size d_k, got 4 and 5"):
        similarity_scores(torch.zeros(2, 4), torch.zeros(3, 5))


def test_the_padding_mask_shows_the_real_tokens_to_all_queries():
    mask = padding_mask(torch.tensor([[7, 2, 0], [5, 0, 0]]))
    assert mask.dtype == torch.bool
    assert mask.tolist() == [[[True, True, False]], [[True, False, False]]]
    assert padding_mask(torch.tensor([[7, 2, 0]]), pad_id=2).tolist() == [[[True, False, True]]]


def test_ids_without_a_batch_are_refused():
    with pytest.raises(ValueError, match=r"got \(3,\); .*unsqueeze"):
        padding_mask(torch.tensor([7, 2, 0]))


def test_the_causal_mask_shows_the_past_and_the_present():
    mask = causal_mask(3)
    assert mask.dtype == torch.bool
    assert mask.int().tolist() == [[1, 0, 0], [1, 1, 0], [1, 1, 1]]


@given(SEEDS)
def test_attention_agrees_with_pytorch_with_and_without_a_mask(seed):
    query, key, value = normal(seed, 2, 3, 5), normal(seed + 1, 2, 7, 5), normal(seed + 2, 2, 7, 11)
    mask = normal(seed + 3, 2, 3, 7) > 0
    mask[..., 4] = True  # no query without a key
    for allowed in (None, mask):
        context, weights = scaled_dot_product_attention(query, key, value, allowed)
        expected = F.scaled_dot_product_attention(query, key, value, attn_mask=allowed)
        torch.testing.assert_close(context, expected)
        torch.testing.assert_close(weights.sum(dim=-1), torch.ones(2, 3, dtype=torch.float64))
        torch.testing.assert_close(weights, attention_weights(query, key, allowed))
    assert (weights[~mask] == 0).all()


@given(SEEDS)
def test_what_stands_at_a_masked_key_does_not_matter(seed):
    ids = torch.tensor([[4, 9, 0, 0, 0], [3, 8, 6, 0, 0]])
    mask = padding_mask(ids)
    query, key, value = (normal(seed + i, 2, 5, 3) for i in range(3))
    elsewhere = (ids == 0).unsqueeze(-1) * 1e3
    context, weights = scaled_dot_product_attention(query, key, value, mask)
    changed = scaled_dot_product_attention(query, key + elsewhere, value - elsewhere, mask)
    torch.testing.assert_close(changed, (context, weights), rtol=0, atol=0)


@given(SEEDS)
def test_the_order_of_the_keys_does_not_matter(seed):
    query, key, value = (normal(seed + i, 7, 5) for i in range(3))
    order = torch.randperm(7, generator=torch.Generator().manual_seed(seed))
    torch.testing.assert_close(
        scaled_dot_product_attention(query, key[order], value[order])[0],
        scaled_dot_product_attention(query, key, value)[0],
    )


def test_masked_softmax_by_hand():
    scores = torch.log(torch.tensor([[1.0, 3.0, 96.0]]))
    weights = masked_softmax(scores, torch.tensor([[True, True, False]]))
    torch.testing.assert_close(weights, torch.tensor([[0.25, 0.75, 0.0]]))


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (torch.ones(2, 3), TypeError, r"got torch.float32; .*mask.bool\(\)"),
        (torch.ones(3, 2, dtype=torch.bool), ValueError, r"\(3, 2\) does not broadcast"),
        (torch.ones(5, 2, 3, dtype=torch.bool), ValueError, r"\(5, 2, 3\) does not broadcast"),
        (torch.eye(2, 3, dtype=torch.bool)[:, [0, 2, 2]], ValueError, "every key from at least"),
    ],
)
def test_wrong_masks_are_refused_with_the_reason(mask, error, message):
    with pytest.raises(error, match=message):
        attention_weights(torch.zeros(2, 5), torch.zeros(3, 5), mask)


def test_each_key_needs_a_value():
    with pytest.raises(ValueError, match="3 keys and 2 values"):
        scaled_dot_product_attention(torch.zeros(2, 5), torch.zeros(3, 5), torch.zeros(2, 5))


def test_the_layer_agrees_with_multihead_attention_of_one_head():
    d_model, x = 5, normal(0, 2, 7, 5)
    ours = SelfAttention(d_model, d_model).double()
    theirs = nn.MultiheadAttention(d_model, 1, bias=False, batch_first=True).double()
    with torch.no_grad():
        theirs.in_proj_weight.copy_(
            torch.cat([ours.query.weight, ours.key.weight, ours.value.weight])
        )
        theirs.out_proj.weight.copy_(torch.eye(d_model))
    mask = causal_mask(7)
    expected = theirs(x, x, x, attn_mask=~mask)
    torch.testing.assert_close(ours(x, mask), expected)


def test_the_layer_has_three_matrices_without_bias():
    shapes = {name: tuple(p.shape) for name, p in SelfAttention(5, 3).named_parameters()}
    assert shapes == {"query.weight": (3, 5), "key.weight": (3, 5), "value.weight": (3, 5)}


def test_a_future_word_leaves_past_contexts_unchanged():
    head, x = SelfAttention(5, 3).double(), normal(0, 2, 7, 5)
    later = x.clone()
    later[:, 4:] += 10
    before, after = head(x, causal_mask(7))[0], head(later, causal_mask(7))[0]
    torch.testing.assert_close(before[:, :4], after[:, :4], rtol=0, atol=0)
    assert not torch.allclose(before[:, 4:], after[:, 4:])


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float32, torch.float64])
def test_the_dtype_is_kept(dtype):
    head, x = SelfAttention(5, 3).to(dtype), torch.ones(1, 2, 5, dtype=dtype)
    context, weights = head(x, causal_mask(2))
    assert context.dtype == weights.dtype == dtype


def test_each_function_calls_the_one_below_it(monkeypatch):
    x, mask = normal(0, 1, 3, 5), causal_mask(3)
    ours = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float64).expand(1, 3, 3)
    monkeypatch.setattr(room, "softmax", lambda scores, dim=-1: ours)
    for allowed in (None, mask):
        assert room.scaled_dot_product_attention(x, x, x, allowed)[1] is ours
    monkeypatch.setattr(room, "scaled_dot_product_attention", lambda *inputs: ("mine", inputs))
    assert SelfAttention(5, 3).double()(x)[0] == "mine"


def test_a_word_is_like_itself_and_less_so_in_other_company():
    sentence, other = normal(0, 3, 5), normal(1, 4, 5)
    other[2] = sentence[1]  # the same word
    assert contextual_similarity(sentence, sentence, 1, 1).item() == pytest.approx(1)
    contexts = [F.scaled_dot_product_attention(s, s, s) for s in (sentence, other)]
    expected = F.cosine_similarity(contexts[0][1], contexts[1][2], dim=0)
    torch.testing.assert_close(contextual_similarity(sentence, other, 1, 2), expected)
    assert expected < 0.999
