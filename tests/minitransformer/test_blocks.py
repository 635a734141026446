"""What models are stacked from: heads, caches, norms, activations, dropout, residuals."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from minitransformer.attention import scaled_dot_product_attention
from minitransformer.blocks import (
    EncoderBlock,
    FeedForward,
    LayerNorm,
    Residual,
    count_parameters,
    dropout,
    gelu,
    layer_norm,
)
from minitransformer.config import GPTConfig, ModelConfig
from minitransformer.multi_head import (
    CrossAttention,
    KVCache,
    MultiHeadAttention,
    merge_heads,
    rotate,
    split_heads,
)
from minitransformer.parts import Parts, readable_parts
from minitransformer.stacks import Encoder, encoder_parameters

SEEDS = st.integers(0, 2**31)
SIZES = st.sampled_from([1, 2, 3, 5, 7])


def normal(seed, *shape):
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


# Heads


def test_a_head_gets_neighbouring_numbers_and_comes_before_the_tokens():
    x = torch.arange(12).view(1, 2, 6)
    assert split_heads(x, 3).tolist() == [
        [[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]]],
    ]


@given(SEEDS, SIZES, SIZES, SIZES, SIZES)
def test_merging_heads_undoes_splitting_them(seed, batch, seq, num_heads, d_head):
    x = normal(seed, batch, seq, num_heads * d_head)
    heads = split_heads(x, num_heads)
    assert heads.shape == (batch, num_heads, seq, d_head)
    assert torch.equal(merge_heads(heads), x)


@given(SEEDS, SIZES, SIZES, SIZES, SIZES, SIZES)
def test_multi_head_attention_is_an_attention_in_each_head(seed, batch, seq, seq_k, heads, d_head):
    d_model = heads * d_head
    layer = MultiHeadAttention(d_model, heads, parts=readable_parts()).double()
    for parameter in layer.parameters():
        parameter.data = normal(seed, *parameter.shape)
    x, memory = normal(seed + 1, batch, seq, d_model), normal(seed + 2, batch, seq_k, d_model)
    mask = normal(seed + 3, batch, seq, seq_k) > 0
    mask[..., 0] = True
    found, weights = layer(x, mask, memory=memory)
    contexts = []
    for head in range(heads):
        own = slice(head * d_head, (head + 1) * d_head)
        parts = ((layer.query, x), (layer.key, memory), (layer.value, memory))
        query, key, value = (F.linear(of, p.weight[own], p.bias[own]) for p, of in parts)
        context, expected = scaled_dot_product_attention(query, key, value, mask)
        contexts.append(context)
        torch.testing.assert_close(weights[:, head], expected)
    torch.testing.assert_close(found, layer.output(torch.cat(contexts, dim=-1)))


@given(SEEDS)
def test_in_self_attention_the_memory_is_the_text_itself(seed):
    layer = MultiHeadAttention(6, 3, bias=False).double()
    x = normal(seed, 2, 5, 6)
    torch.testing.assert_close(layer(x)[0], layer(x, memory=x)[0])
    assert [name for name, _ in layer.named_parameters() if "bias" in name] == []


def test_a_cache_keeps_what_was_read_and_its_length():
    cache, first, second = KVCache(), normal(0, 2, 3, 4, 5), normal(1, 2, 3, 1, 5)
    assert len(cache) == 0
    cache.append(first, -first)
    key, value = cache.append(second, -second)
    assert len(cache) == 5
    assert torch.equal(key, torch.cat([first, second], dim=2)) and torch.equal(value, -key)
    cache.reorder(torch.tensor([1, 1, 0]))
    assert torch.equal(cache.key, key[[1, 1, 0]]) and torch.equal(cache.value, value[[1, 1, 0]])


def test_an_empty_cache_can_be_reordered():
    cache = KVCache()
    cache.reorder(torch.tensor([0]))
    assert len(cache) == 0


# Rotary positions


def test_rotation_by_hand():
    """With d_head = 2 there is one angle, one radian a token."""
    x = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 2.0]], dtype=torch.float64).view(1, 1, 3, 2)
    cos, sin = math.cos, math.sin
    expected = [[1, 0], [cos(1), sin(1)], [-2 * sin(2), 2 * cos(2)]]
    torch.testing.assert_close(rotate(x)[0, 0], torch.tensor(expected, dtype=torch.float64))
    later = rotate(x[:, :, 2:], past=2)
    torch.testing.assert_close(later[0, 0, 0], rotate(x)[0, 0, 2])


def test_later_pairs_turn_more_slowly():
    x = torch.tensor([1.0, 0.0] * 3, dtype=torch.float64).view(1, 1, 1, 6)
    turned = rotate(x, past=1).flatten()
    angles = torch.atan2(turned[1::2], turned[::2])
    expected = torch.tensor([1, 10000 ** (-1 / 3), 10000 ** (-2 / 3)], dtype=torch.float64)
    torch.testing.assert_close(angles, expected)


@given(SEEDS, st.integers(0, 50), st.integers(0, 50), st.integers(0, 50))
def test_a_rotated_dot_product_depends_on_the_distance_only(seed, one, other, moved):
    query, key = normal(seed, 1, 1, 1, 6), normal(seed + 1, 1, 1, 1, 6)
    here = (rotate(query, one) * rotate(key, other)).sum()
    there = (rotate(query, one + moved) * rotate(key, other + moved)).sum()
    torch.testing.assert_close(here, there)
    torch.testing.assert_close(rotate(query, one).norm(), query.norm())


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float32, torch.float64], ids=str)
def test_rotation_keeps_shape_and_dtype(dtype):
    found = rotate(normal(0, 2, 3, 5, 4).to(dtype), past=7)
    assert found.shape == (2, 3, 5, 4) and found.dtype == dtype


# Norms, activations, dropout


@given(SEEDS, SIZES, SIZES, st.sampled_from([1e-12, 1e-5, 0.5]))
def test_layer_norm_is_pytorchs(seed, seq, d_model, eps):
    x, gamma, beta = normal(seed, 2, seq, d_model), normal(seed, d_model), normal(seed + 1, d_model)
    expected = F.layer_norm(x, (d_model,), gamma, beta, eps)
    torch.testing.assert_close(layer_norm(x, gamma, beta, eps), expected)


def test_layer_norm_by_hand():
    # mean 3, variance (4 + 0 + 4) / 3 = 8/3, and 8/3 + 4/3 = 4
    x, one = torch.tensor([1.0, 3.0, 5.0]), torch.ones(3)
    assert layer_norm(x, 2 * one, one, 4 / 3).tolist() == pytest.approx([-1.0, 1.0, 3.0])


def test_layer_norm_of_large_and_of_equal_numbers_is_finite():
    x = torch.tensor([[1e18, -1e18, 0.0], [5.0, 5.0, 5.0]])
    found = layer_norm(x, torch.ones(3), torch.zeros(3))
    torch.testing.assert_close(found[0], torch.tensor([1.5**0.5, -(1.5**0.5), 0.0]))
    assert found[1].tolist() == [0.0, 0.0, 0.0]


def test_the_layer_norm_module_starts_neutral_and_uses_its_epsilon():
    x = normal(0, 2, 5)
    for parts in (None, readable_parts()):
        layer = LayerNorm(5, 0.5, parts).double()
        torch.testing.assert_close(layer(x), F.layer_norm(x, (5,), eps=0.5))


def test_gelu_is_pytorchs_and_calm_at_the_ends():
    x = torch.cat([normal(0, 97) * 5, torch.tensor([-1e6, 0.0, 1e6], dtype=torch.float64)])
    torch.testing.assert_close(gelu(x), F.gelu(x))
    assert gelu(x)[-3:].tolist() == [0.0, 0.0, 1e6]


@pytest.mark.parametrize(
    "activation, expected",
    [
        ("relu", F.relu),
        ("gelu", F.gelu),
        ("gelu_tanh", lambda x: F.gelu(x, approximate="tanh")),
    ],
)
@pytest.mark.parametrize("parts", [None, readable_parts], ids=["fused", "readable"])
def test_a_feed_forward_layer_bends_between_two_linear_ones(activation, expected, parts):
    layer = FeedForward(3, 7, activation, parts and parts()).double()
    x = normal(0, 2, 5, 3)
    torch.testing.assert_close(layer(x), layer.outer(expected(layer.inner(x))))
    assert layer.inner.weight.shape == (7, 3) and layer.outer.weight.shape == (3, 7)


@given(SEEDS, st.sampled_from([0.1, 0.5, 0.9]))
def test_dropout_sets_a_share_to_0_and_scales_the_rest(seed, rate):
    x = normal(seed, 1000).abs() + 1
    found = dropout(x, rate, True, torch.Generator().manual_seed(seed))
    gone = found == 0
    # 6 standard deviations of a share of 1000
    assert abs(gone.double().mean().item() - rate) < 6 * (rate * (1 - rate) / 1000) ** 0.5
    torch.testing.assert_close(found[~gone], x[~gone] / (1 - rate))
    again = dropout(x, rate, True, torch.Generator().manual_seed(seed))
    assert torch.equal(found, again)


def test_dropout_does_nothing_without_training_or_at_rate_0():
    x = normal(0, 5)
    assert torch.equal(dropout(x, 0.9, False), x) and torch.equal(dropout(x, 0, True), x)
    for rate in (-0.1, 1, 1.5):
        with pytest.raises(ValueError, match=rf"rate must be in \[0, 1\), got {rate}"):
            dropout(x, rate, True)


@pytest.mark.parametrize("norm", ["pre", "post"])
def test_the_residual_sum_is_normalised_after_or_the_sublayer_before(norm):
    around = Residual(5, 0.0, norm, 1e-5, Parts()).double()
    around.norm.gamma.data, around.norm.beta.data = normal(1, 5), normal(2, 5)
    x, normalize = normal(0, 2, 3, 5), around.norm
    found = around.leave(x, around.enter(x).sin())  # any sublayer
    expected = x + normalize(x).sin() if norm == "pre" else normalize(x + x.sin())
    torch.testing.assert_close(found, expected)


def test_the_residual_drops_parts_of_the_change_in_training_only():
    around = Residual(5, 0.5, "pre", 1e-5, Parts())
    x, change = torch.zeros(2, 3, 5), torch.ones(2, 3, 5)
    assert torch.equal(around.eval().leave(x, change), change)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert set(around.train().leave(x, change).unique().tolist()) == {0.0, 2.0}


def test_only_a_pre_norm_stack_has_a_norm_on_top():
    sizes = {"vocab_size": 3, "max_seq": 2, "d_model": 6, "num_heads": 2, "num_layers": 3}
    x = normal(0, 2, 5, 6)
    for norm in ("pre", "post"):
        stack = Encoder(ModelConfig(**sizes, norm=norm)).double()
        assert len(stack.blocks) == 3 and isinstance(stack.norm, nn.Identity) == (norm == "post")
        found = stack(x)[0]
        for y in (found, stack.norm(stack.blocks[2](stack.blocks[1](stack.blocks[0](x)[0])[0])[0])):
            torch.testing.assert_close(y, found)
            torch.testing.assert_close(y.mean(-1), torch.zeros(2, 5).double(), atol=1e-6, rtol=0)


@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("own", [False, True])
def test_a_stack_asked_for_some_tokens_gives_what_it_gives_for_all_there(norm, own):
    class Own(nn.Module):  # a block that knows nothing of such a question
        def __init__(self, d_model, num_heads, d_ff):
            super().__init__()
            self.layer = nn.Linear(d_model, d_model)

        def forward(self, x, mask):
            return x + self.layer(x), None

    torch.manual_seed(0)
    config = GPTConfig(vocab_size=5, max_seq=7, d_model=6, num_heads=2, num_layers=3, norm=norm)
    stack = Encoder(config, Parts(EncoderBlock=Own) if own else None).double()
    x, needed = torch.randn(2, 7, 6).double(), torch.rand(2, 7) < 0.4
    assert 0 < needed.sum() < 14
    torch.testing.assert_close(stack(x, needed=needed)[0], stack(x)[0][needed])


def test_layers_made_by_themselves_keep_their_weights():
    x = normal(0, 2, 5, 6)
    config = ModelConfig(vocab_size=3, max_seq=7, d_model=6, num_heads=3, num_layers=2)
    layers = MultiHeadAttention(6, 3), EncoderBlock(6, 3, 5), Encoder(config)
    attention, block, stack = (layer.double()(x)[1] for layer in layers)
    for weights in (attention, block, *stack):
        torch.testing.assert_close(weights.sum(-1), torch.ones(2, 3, 5, dtype=torch.float64))


@pytest.mark.parametrize("sizes", [(4, 2, 8, 1), (6, 3, 7, 2), (6, 1, 7, 2), (10, 5, 3, 3)])
def test_the_parameters_of_an_encoder_can_be_told_before_it_is_built(sizes):
    d_model, num_heads, d_ff, num_layers = sizes
    built = Encoder(
        ModelConfig(
            vocab_size=3,
            max_seq=2,
            d_model=d_model,
            num_heads=num_heads,
            d_ff=d_ff,
            num_layers=num_layers,
        )
    )
    assert encoder_parameters(*sizes) == count_parameters(built)


def test_the_encoder_of_bert_base_has_85_million_parameters():
    assert encoder_parameters(768, 12, 3072, 12) == 85_054_464  # BERT-base, without embeddings


def test_cross_attention_is_multi_head_attention_with_a_memory():
    torch.manual_seed(0)
    whole, bare = MultiHeadAttention(6, 3), CrossAttention(6, 3)
    bare.load_state_dict(whole.state_dict())
    x, memory = torch.randn(2, 5, 6), torch.randn(2, 7, 6)
    for mask in (None, (torch.arange(7) < torch.tensor([4, 7]).view(2, 1, 1))):
        for one, other in zip(bare(x, memory, mask), whole(x, mask, memory=memory), strict=True):
            torch.testing.assert_close(one, other)
