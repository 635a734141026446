"""The stacks against torch.nn.TransformerEncoder and TransformerDecoder, weights copied over."""

import math

import pytest
import torch
from parity import BARS, DTYPES, SEEDS, Draw, distance, furthest, gradients
from torch import nn

from minitransformer.config import ModelConfig, Seq2SeqConfig
from minitransformer.parts import Parts, readable_parts
from minitransformer.seq2seq import Seq2Seq
from minitransformer.stacks import Decoder, Encoder

CROSS = {"around_feed_forward": "norm3", "around_cross_attention": "norm2"}
PLAIN = {"around_feed_forward": "norm2"}


def both(draw, norm, ours_made, layer_made, stack_made, parts):
    """PyTorch's stack with random weights, and ours with the same."""
    activation, eps = draw.choose.choice(["relu", "gelu"]), draw.choose.choice([1e-5, 1e-2])
    config = ModelConfig(**draw.sizes(), activation=activation, norm=norm, norm_eps=eps)
    layer = layer_made(
        draw.d_model,
        draw.num_heads,
        draw.d_ff,
        dropout=0.0,
        activation=activation,
        layer_norm_eps=eps,
        batch_first=True,
        norm_first=norm == "pre",
    )
    top = nn.LayerNorm(draw.d_model, eps) if norm == "pre" else None
    plain = {"enable_nested_tensor": False} if stack_made is nn.TransformerEncoder else {}
    theirs = stack_made(layer, draw.num_layers, norm=top, **plain)
    draw.fill(theirs)
    ours = ours_made(config, parts).to(draw.dtype)
    ours.load_state_dict(renamed(theirs.state_dict(), ours_made is Decoder))
    return theirs, ours


def renamed(state, crossed):
    """Weights, or gradients, of PyTorch's stack under our names."""
    norms = {"around_attention": "norm1", **(CROSS if crossed else PLAIN)}
    attentions = {"attention": "self_attn"}
    if crossed:
        attentions["cross_attention"] = "multihead_attn"
    result = {}
    for name, tensor in state.items():
        if name.startswith("norm."):
            result["norm." + leaf(name)] = tensor
            continue
        layer, rest = name.removeprefix("layers.").split(".", 1)
        before = f"blocks.{layer}."
        for ours, theirs in attentions.items():
            if rest.startswith(f"{theirs}.in_proj_"):
                kind = rest.rpartition("_")[2]
                for part, piece in zip(("query", "key", "value"), tensor.chunk(3), strict=True):
                    result[f"{before}{ours}.{part}.{kind}"] = piece
            elif rest.startswith(f"{theirs}.out_proj."):
                result[f"{before}{ours}.output.{rest.rpartition('.')[2]}"] = tensor
        for ours, theirs in {"inner": "linear1", "outer": "linear2"}.items():
            if rest.startswith(f"{theirs}."):
                result[f"{before}feed_forward.{ours}.{rest.rpartition('.')[2]}"] = tensor
        for ours, theirs in norms.items():
            if rest.startswith(f"{theirs}."):
                result[f"{before}{ours}.norm.{leaf(rest)}"] = tensor
    return result


def leaf(name):
    return {"weight": "gamma", "bias": "beta"}[name.rpartition(".")[2]]


def assert_same(found, expected, ours, theirs, draw, bar, crossed):
    """The outputs, and the gradients of a random direction."""
    assert distance(found, expected) <= bar
    pull = draw.normal(*expected.shape)
    (found * pull).sum().backward()
    (expected * pull).sum().backward()
    wanted = renamed(gradients(theirs), crossed)
    assert furthest(gradients(ours), wanted) <= bar


PATHS = pytest.mark.parametrize("parts", [Parts, readable_parts], ids=["fused", "readable"])


@PATHS
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_encoder_is_theirs(seed, dtype, norm, parts):
    draw = Draw(seed, dtype)
    made = Encoder, nn.TransformerEncoderLayer, nn.TransformerEncoder, parts()
    theirs, ours = both(draw, norm, *made)
    x, real = draw.normal(draw.batch, draw.seq, draw.d_model), draw.real()
    past = torch.ones(draw.seq, draw.seq, dtype=torch.bool).tril()
    # Theirs say True where nothing may be seen. A causal row needs a first token that is real.
    if draw.choose.random() < 0.5 and draw.padding != "left":
        expected = theirs(x, mask=~past, src_key_padding_mask=~real)
        found, _ = ours(x, real.unsqueeze(1) & past)
    else:
        expected = theirs(x, src_key_padding_mask=~real)
        found, _ = ours(x, real.unsqueeze(1))
    assert_same(found, expected, ours, theirs, draw, BARS[dtype], crossed=False)


@PATHS
@pytest.mark.parametrize("norm", ["pre", "post"])
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_decoder_is_theirs(seed, dtype, norm, parts):
    draw = Draw(seed, dtype)
    made = Decoder, nn.TransformerDecoderLayer, nn.TransformerDecoder, parts()
    theirs, ours = both(draw, norm, *made)
    memory, memory_real = draw.normal(draw.batch, draw.seq, draw.d_model), draw.real()
    seq, draw.padding = draw.seq + 2, "right"  # target and source differ in length
    x = draw.normal(draw.batch, seq, draw.d_model)
    real = torch.ones(draw.batch, seq, dtype=torch.bool)
    real[:, : draw.seq] = draw.real()
    past = torch.ones(seq, seq, dtype=torch.bool).tril()
    expected = theirs(
        x,
        memory,
        tgt_mask=~past,
        tgt_key_padding_mask=~real,
        memory_key_padding_mask=~memory_real,
    )
    found, _ = ours(x, memory, real.unsqueeze(1) & past, memory_real.unsqueeze(1))
    assert_same(found, expected, ours, theirs, draw, BARS[dtype], crossed=True)


def their_positions(seq, d_model):
    """sin and cos of pos / 10000^(2i / d_model), in turns, number by number."""
    rows = [
        [
            (math.sin, math.cos)[column % 2](place / 10000 ** (column // 2 * 2 / d_model))
            for column in range(d_model)
        ]
        for place in range(seq)
    ]
    return torch.tensor(rows)


@pytest.mark.parametrize("seed", SEEDS)
@torch.no_grad()
def test_the_whole_encoder_decoder_is_their_stacks_between_tables(seed):
    draw = Draw(seed, torch.float32)
    made, options = nn.TransformerEncoderLayer, {"enable_nested_tensor": False}
    sizes = {"dim_feedforward": draw.d_ff, "dropout": 0.0, "batch_first": True}
    d_model = draw.d_model + draw.d_model % 2 * draw.num_heads  # even: sines come in pairs
    layer = made(d_model, draw.num_heads, **sizes)
    encoder = nn.TransformerEncoder(layer, draw.num_layers, **options)
    layer = nn.TransformerDecoderLayer(d_model, draw.num_heads, **sizes)
    decoder = nn.TransformerDecoder(layer, draw.num_layers)
    config = Seq2SeqConfig(**{**draw.sizes(), "d_model": d_model}, target_vocab_size=11)
    ours = Seq2Seq(config)
    for model in (encoder, decoder, ours):
        draw.fill(model)
    ours.encoder.load_state_dict(renamed(encoder.state_dict(), crossed=False))
    ours.decoder.load_state_dict(renamed(decoder.state_dict(), crossed=True))
    real, seq = draw.real(), draw.seq
    source = (draw.ids(draw.batch, seq, size=draw.vocab - 1) + 1).masked_fill(~real, 0)
    target = draw.ids(draw.batch, seq, size=10) + 1
    enters = [
        model.weight[ids] * d_model**0.5 + their_positions(seq, d_model)
        for model, ids in ((ours.source_token, source), (ours.target_token, target))
    ]
    memory = encoder(enters[0], src_key_padding_mask=~real)
    past = torch.ones(seq, seq, dtype=torch.bool).tril()
    hidden = decoder(enters[1], memory, tgt_mask=~past, memory_key_padding_mask=~real)
    expected = hidden @ ours.target_token.weight.T
    assert distance(ours(source, target), expected) <= 1e-5
