"""Sizes and inputs that cannot work: the error names value, expectation and remedy."""

import dataclasses
import json
import re

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_models import BERT_SIZES, GPT_SIZES, IDS, MODELS, ROTARY, SEQ2SEQ_SIZES, made

from minitransformer.blocks import EncoderBlock, FeedForward, Residual
from minitransformer.config import (
    BertConfig,
    GPTConfig,
    ModelConfig,
    Seq2SeqConfig,
    config_from_dict,
)
from minitransformer.multi_head import CrossAttention, MultiHeadAttention, split_heads
from minitransformer.parts import Parts, readable_parts

SIZES = {"vocab_size": 13, "max_seq": 7, "d_model": 6, "num_heads": 3, "num_layers": 2}
EVERY = [GPT_SIZES, ROTARY, BERT_SIZES, SEQ2SEQ_SIZES]
KINDS = pytest.mark.parametrize(
    "config", [GPT_SIZES, BERT_SIZES, SEQ2SEQ_SIZES], ids=lambda c: c.kind
)


def read(model, ids):
    """An encoder-decoder reads a source; the target is a good one."""
    return model(ids, IDS) if "source_token.weight" in model.state_dict() else model(ids)


# Configurations


def test_what_is_left_out_has_the_published_value():
    gpt, bert, seq2seq = GPTConfig(**SIZES), BertConfig(**SIZES), Seq2SeqConfig(**SIZES)
    assert [c.d_ff for c in (gpt, bert, seq2seq)] == [24, 24, 24]
    assert [c.norm for c in (gpt, bert, seq2seq)] == ["pre", "post", "post"]
    assert [c.activation for c in (gpt, bert, seq2seq)] == ["gelu_tanh", "gelu", "relu"]
    assert [c.norm_eps for c in (gpt, bert, seq2seq)] == [1e-5, 1e-12, 1e-5]
    assert seq2seq.target_vocab_size == 13 and gpt.positions == "learned"


@pytest.mark.parametrize("config", EVERY, ids=lambda c: c.kind)
def test_a_configuration_comes_back_from_json(config):
    assert config_from_dict(json.loads(json.dumps(config.to_dict()))) == config


def test_a_configuration_cannot_be_changed():
    with pytest.raises(dataclasses.FrozenInstanceError):
        GPT_SIZES.d_model = 9


@pytest.mark.parametrize("name", [*SIZES, "d_ff"])
@pytest.mark.parametrize(
    "value, error, told",
    [
        (0, ValueError, "at least 1, got 0"),
        (-3, ValueError, "at least 1, got -3"),
        (2.0, TypeError, "an integer, got 2.0"),
        (True, TypeError, "an integer, got True"),
        ("6", TypeError, "an integer, got '6'"),
    ],
)
def test_a_size_is_a_positive_integer(name, value, error, told):
    with pytest.raises(error, match=f"{name} of BertConfig must be {told}"):
        BertConfig(**{**SIZES, name: value})


@pytest.mark.parametrize(
    "name, value, error, told",
    [
        ("num_heads", 4, ValueError, "d_model must be a multiple of num_heads, got 6 and 4; each"),
        ("dropout", 1.0, ValueError, r"in \[0, 1\), got 1.0"),
        ("dropout", -0.1, ValueError, r"in \[0, 1\), got -0.1"),
        ("dropout", "a", TypeError, "a number, got 'a'"),
        ("attention_dropout", float("nan"), ValueError, r"in \[0, 1\), got nan"),
        ("norm_eps", 0.0, ValueError, "positive and finite, got 0.0"),
        ("norm_eps", float("inf"), ValueError, "positive and finite, got inf"),
        ("norm_eps", None, TypeError, "a number, got None"),
        ("activation", "swish", ValueError, "one of gelu, gelu_tanh, relu, got 'swish'"),
        ("norm", "both", ValueError, "one of pre, post, got 'both'"),
    ],
)
def test_an_option_that_cannot_work_is_refused(name, value, error, told):
    named = "" if name == "num_heads" else f"{name} must be "
    with pytest.raises(error, match=named + told):
        ModelConfig(**{**SIZES, name: value})


def test_options_of_one_kind_are_checked():
    with pytest.raises(ValueError, match=r"pad_id must lie in 0..12 .*got 13"):
        BertConfig(**SIZES, pad_id=13)
    with pytest.raises(ValueError, match="pad_id of BertConfig must be at least 0, got -1"):
        BertConfig(**SIZES, pad_id=-1)
    for name in ("pad_id", "start_id", "end_id"):
        with pytest.raises(ValueError, match=rf"{name} must lie in 0..4 .*target's.*got 5"):
            Seq2SeqConfig(**SIZES, target_vocab_size=5, **{name: 5})
    assert Seq2SeqConfig(**SIZES, start_id=0, end_id=1, pad_id=2).start_id == 0
    with pytest.raises(ValueError, match="positions must be one of learned, rotary, got 'alibi'"):
        GPTConfig(**SIZES, positions="alibi")
    with pytest.raises(ValueError, match="must be even, got 6 / 2"):
        GPTConfig(**{**SIZES, "num_heads": 2}, positions="rotary")


@pytest.mark.parametrize(
    "values, told",
    [
        ({}, "kind must be one of bert, gpt, seq2seq, got None"),
        ({"kind": "t5"}, "kind must be .* got 't5'"),
        ({"kind": ["gpt"]}, r"kind must be .* got \['gpt'\]"),
        ({"kind": "gpt"}, "not the sizes of a gpt: .*missing"),
        ({"kind": "gpt", **SIZES, "wings": 2}, "not the sizes of a gpt: .*wings"),
        ([1], r"must be a dict of sizes, got \[1\]"),
    ],
)
def test_a_foreign_configuration_is_refused(values, told):
    with pytest.raises(ValueError, match=told):
        config_from_dict(values)


@given(d_model=st.integers(1, 40), num_heads=st.integers(1, 10))
def test_heads_divide_the_model_or_it_is_not_made(d_model, num_heads):
    sizes = {**SIZES, "d_model": d_model, "num_heads": num_heads}
    if d_model % num_heads == 0:
        assert GPTConfig(**sizes).d_model == d_model
        return
    told = f"got {d_model} and {num_heads}; each head gets d_model / num_heads"
    with pytest.raises(ValueError, match=told):
        GPTConfig(**sizes)
    with pytest.raises(ValueError, match=told):
        MultiHeadAttention(d_model, num_heads)
    with pytest.raises(ValueError, match=told):
        split_heads(torch.zeros(2, 3, d_model), num_heads)


def test_heads_that_look_at_a_memory_share_its_vectors_evenly_too():
    with pytest.raises(ValueError, match="multiple of num_heads, got 6 and 4; each head"):
        CrossAttention(6, 4)


def test_rotation_needs_heads_of_an_even_size():
    with pytest.raises(ValueError, match="must be even, got 9 / 3"):
        MultiHeadAttention(9, 3, rotary=True)


def test_a_layer_refuses_an_activation_or_a_norm_that_there_is_not():
    for make in (FeedForward, lambda d, f, name: EncoderBlock(d, 3, f, activation=name)):
        with pytest.raises(ValueError, match="activation must be one of gelu, .*got 'swish'"):
            make(6, 5, "swish")
    for make in (
        lambda name: Residual(6, norm=name),
        lambda name: EncoderBlock(6, 3, 5, norm=name),
    ):
        with pytest.raises(ValueError, match="norm must be one of pre, post, got 'both'"):
            make("both")


def test_there_is_at_least_one_head():
    for wrong in (0, -3):
        with pytest.raises(ValueError, match=rf"multiple of num_heads, got 6 and {wrong}; each"):
            MultiHeadAttention(6, wrong)


# Ids


@pytest.mark.parametrize("config", EVERY, ids=lambda c: c.kind)
@given(batch=st.integers(1, 3), seq=st.integers(1, 7), seed=st.integers(0, 99))
def test_any_batch_that_fits_gives_logits_of_its_shape(config, batch, seq, seed):
    ids = torch.randint(11, (batch, seq), generator=torch.Generator().manual_seed(seed))
    ids[:, 0].clamp_(min=1)  # padding alone is refused
    model = MODELS[config.kind](config)
    found = model(ids, ids) if config.kind == "seq2seq" else model(ids)
    found = found[0] if isinstance(found, tuple) else found
    assert found.shape == (batch, seq, 11 if config.kind == "seq2seq" else 13)
    assert torch.isfinite(found).all()


@KINDS
def test_ids_outside_the_vocabulary_are_refused(config):
    model = made(config)
    for wrong, told in ((13, "got 1..13"), (-1, "got -1..10")):
        ids = IDS.masked_fill(IDS == 9, wrong)
        with pytest.raises(ValueError, match=rf"must lie in 0..12, {told}; use the vocabulary"):
            read(model, ids)
    for wrong in (IDS.float(), IDS.bool()):
        with pytest.raises(TypeError, match=rf"must be integers, got {wrong.dtype}; convert"):
            read(model, wrong)


@KINDS
def test_ids_that_no_table_can_look_up_are_refused(config):
    model = made(config)
    for small in (torch.uint8, torch.int16):
        with pytest.raises(TypeError, match=rf"must be int64 or int32, got {small}; convert with"):
            read(model, IDS.to(small))
    for wrong, kind in ((IDS.tolist(), "list"), (IDS.numpy(), "ndarray")):
        with pytest.raises(TypeError, match=rf"must be a tensor, got a {kind}; .*torch.tensor"):
            read(model, wrong)


def test_what_32_bits_hold_counts_as_ids_and_as_targets():
    short = IDS.int()
    for config in (GPT_SIZES, BERT_SIZES, SEQ2SEQ_SIZES):
        model = made(config).eval()
        assert torch.equal(model.loss(short, short), model.loss(IDS, IDS))


@KINDS
def test_an_empty_text_one_without_a_batch_and_one_too_long_are_refused(config):
    model = made(config)
    with pytest.raises(ValueError, match=r"the text is empty .*\(3, 0\).*begin it with"):
        read(model, IDS[:, :0])
    with pytest.raises(ValueError, match=r"shape \(batch, seq\), got \(5,\); .*unsqueeze"):
        read(model, IDS[0])
    with pytest.raises(ValueError, match="has 8 tokens, but the context is 7; cut it"):
        read(model, torch.ones(3, 8, dtype=torch.long))


def test_a_text_that_outgrows_the_context_in_a_cache_is_refused():
    model = made(GPT_SIZES)
    cache = model.new_cache()
    model(IDS, cache=cache)
    with pytest.raises(ValueError, match="the sequence has 8 tokens, but the context is 7"):
        model(IDS[:, :3], cache=cache)


def test_a_cache_of_other_texts_or_of_another_model_is_refused():
    gpt, seq2seq = made(GPT_SIZES), made(SEQ2SEQ_SIZES)
    cache = gpt.new_cache()
    gpt(IDS, cache=cache)
    with pytest.raises(ValueError, match="the cache holds 3 texts, got 2; .*new_cache"):
        gpt(IDS[:2, :1], cache=cache)
    memory, mask = seq2seq.encode(IDS)
    cache = seq2seq.new_cache()
    seq2seq.decode(IDS[:, :1], memory, mask, cache)
    with pytest.raises(ValueError, match="the cache holds 3 texts, got 2; .*new_cache"):
        seq2seq.decode(IDS[:2, :1], memory[:2], mask[:2], cache)
    for wrong in ([], cache[:1]):
        layers = rf"the cache has {len(wrong)} layers, the model 2; .*new_cache"
        with pytest.raises(ValueError, match=layers):
            gpt(IDS, cache=wrong)
        with pytest.raises(ValueError, match=layers):
            seq2seq.decode(IDS[:, :1], memory, mask, wrong)


def test_the_target_of_an_encoder_decoder_is_checked_as_the_source_is():
    model = made(SEQ2SEQ_SIZES)
    last = IDS.clone()
    last[1, -1] = 12  # only ever a target, never read
    with pytest.raises(ValueError, match=r"targets must lie in 0..10, got \d..12"):
        model.loss(IDS.clamp(max=10), last.clamp(max=12))
    with pytest.raises(ValueError, match=r"target must lie in 0..10, got 1..12"):
        model(IDS, IDS.masked_fill(IDS == 10, 12))
    with pytest.raises(ValueError, match="the target has 8 tokens, but the context is 7"):
        model(IDS, torch.ones(3, 8, dtype=torch.long))
    with pytest.raises(
        ValueError, match="each source needs one target, got 3 sources and 1 targets"
    ):
        model(IDS, IDS[:1])


@KINDS
def test_a_model_without_numbers_gives_shapes(config):
    """On the meta device there are no values to look at."""
    model, ids = made(config).to("meta"), IDS.to("meta")
    found = model(ids, ids) if config.kind == "seq2seq" else model(ids)
    found = found[0] if isinstance(found, tuple) else found
    assert found.shape[:2] == IDS.shape and found.is_meta


@KINDS
def test_ids_on_another_device_than_the_model_are_refused(config):
    told = r"one device, got meta and cpu; move the ids with .to\('cpu'\)"
    with pytest.raises(ValueError, match=told):
        read(made(config), IDS.to("meta"))


# Vectors


@pytest.mark.parametrize("parts", [Parts, readable_parts], ids=["fused", "readable"])
def test_attention_refuses_vectors_of_a_wrong_shape_or_type(parts):
    x, several = torch.zeros(2, 5, 6), MultiHeadAttention(6, 3, parts=parts())
    for layer in (several, CrossAttention(6, 3), EncoderBlock(6, 3, 5, parts=parts())):
        memory = (x,) if isinstance(layer, CrossAttention) else ()
        for shape in ((2, 5, 7), (5, 6), (2, 0, 6)):
            told = rf"x must have .* \(batch, seq, 6\) with .*got {re.escape(str(shape))}; .*unsq"
            with pytest.raises(ValueError, match=told):
                layer(torch.zeros(shape), *memory)
        with pytest.raises(TypeError, match="x must be floating point, got torch.int64; ids"):
            layer(x.long(), *memory)
        with pytest.raises(TypeError, match="x must be a tensor, got a list"):
            layer(x.tolist(), *memory)
    for layer in (several, CrossAttention(6, 3)):
        with pytest.raises(ValueError, match=r"memory must have .*, 6\) .*got \(2, 4, 7\)"):
            layer(x, memory=torch.zeros(2, 4, 7))
        with pytest.raises(ValueError, match="its own memory, .*got 2 texts and 3 memories"):
            layer(x, memory=torch.zeros(3, 4, 6))


# Masks, segments, targets


def test_a_text_of_a_bert_that_is_called_padding_alone_is_refused():
    real = torch.ones_like(IDS, dtype=torch.bool)
    real[1] = False
    for parts in (Parts(), readable_parts()):
        model = MODELS["bert"](BERT_SIZES, parts)
        with pytest.raises(ValueError, match="all of text 1 is padding, .*leave empty"):
            model(IDS, real=real)


@pytest.mark.parametrize("config", [GPT_SIZES, BERT_SIZES], ids=lambda c: c.kind)
def test_a_map_of_real_tokens_is_bool_and_has_the_shape_of_the_ids(config):
    model = made(config)
    with pytest.raises(TypeError, match=r"real must be bool .*got torch.int64; .*\.bool\(\)"):
        model(IDS, real=torch.ones_like(IDS))
    with pytest.raises(ValueError, match=r"one entry a token, shape \(3, 5\), got \(3, 4\)"):
        model(IDS, real=torch.ones(3, 4, dtype=torch.bool))
    with pytest.raises(TypeError, match="real must be a tensor, got a list; .*torch.tensor"):
        model(IDS, real=[[True] * 5] * 3)


@pytest.mark.parametrize("parts", [Parts, readable_parts], ids=["fused", "readable"])
@pytest.mark.parametrize(
    "make", [MultiHeadAttention, lambda *a, parts: EncoderBlock(*a, 5, parts=parts)]
)
def test_a_mask_that_is_not_bool_or_does_not_fit_is_refused(parts, make):
    layer, x = make(6, 3, parts=parts()), torch.zeros(2, 5, 6)
    for wrong in (torch.ones(5, 5), torch.ones(5, 5).long()):
        with pytest.raises(TypeError, match=rf"mask must be bool .*got {wrong.dtype}; .*\.bool"):
            layer(x, wrong)
    with pytest.raises(TypeError, match="mask must be a tensor, got a list; .*torch.tensor"):
        layer(x, [[True] * 5] * 5)
    for shape in [(5, 4), (3, 1, 5), (4, 5), (7, 2, 3, 5, 5)]:
        with pytest.raises(ValueError, match=r"does not broadcast to the scores \(2, 3, 5, 5\)"):
            layer(x, torch.ones(shape, dtype=torch.bool))
    for shape in [(5,), (5, 5), (1, 5), (2, 1, 5), (2, 5, 5), (2, 3, 5, 5), (2, 1, 1, 5)]:
        assert layer(x, torch.ones(shape, dtype=torch.bool))[0].shape == (2, 5, 6)


def test_segments_have_the_shape_of_the_ids_and_stay_in_their_range():
    model = made(BERT_SIZES)
    with pytest.raises(ValueError, match=r"segments must lie in 0..1, got 1..10"):
        model(IDS, IDS)
    with pytest.raises(ValueError, match=r"segments must have one .* shape \(3, 5\), got \(1, 5\)"):
        model(IDS, torch.zeros(1, 5, dtype=torch.long))
    with pytest.raises(TypeError, match="segments must be a tensor, got a list"):
        model(IDS, [[0] * 5] * 3)


@pytest.mark.parametrize("config, name", [(GPT_SIZES, "targets"), (BERT_SIZES, "labels")])
def test_targets_are_ids_or_minus_100_one_a_token(config, name):
    model = made(config)
    with pytest.raises(ValueError, match=rf"{name} must have .* shape \(3, 5\), got \(3, 4\)"):
        model.loss(IDS, IDS[:, :4])
    for wrong in (13, -1):
        with pytest.raises(ValueError, match=rf"{name} must lie in 0..12, got"):
            model.loss(IDS, IDS.masked_fill(IDS == 9, wrong))
    with pytest.raises(TypeError, match=f"{name} must be integers, got torch.float32"):
        model.loss(IDS, IDS.float())


def test_whether_pairs_follow_is_bool_one_a_row():
    model = made(BERT_SIZES)
    for wrong in (torch.tensor([1, 0, 1]), torch.tensor([True])):
        with pytest.raises(ValueError, match=r"is_next must be bool \(batch,\), here \(3,\), got"):
            model.loss(IDS, IDS, is_next=wrong)
    with pytest.raises(TypeError, match="is_next must be a tensor, got a list"):
        model.loss(IDS, IDS, is_next=[True, False, True])


def test_where_nothing_is_to_be_learned_the_loss_is_0_with_gradients_of_0():
    gpt, bert, translator = made(GPT_SIZES), made(BERT_SIZES), made(SEQ2SEQ_SIZES)
    nothing = torch.full_like(IDS, -100)
    for model, batch in (
        (gpt, (IDS, nothing)),
        (bert, (IDS, nothing)),
        (translator, (IDS, torch.zeros_like(IDS))),
        (translator, (IDS, torch.zeros_like(IDS), 0.1)),
    ):
        loss = model.loss(*batch)
        loss.backward()
        assert loss == 0
        assert all(p.grad is None or not p.grad.any() for p in model.parameters())


def test_label_smoothing_is_a_share():
    for wrong in (-0.1, 1.5, float("nan")):
        with pytest.raises(ValueError, match=f"smoothing must be a share .*got {wrong}"):
            made(SEQ2SEQ_SIZES).loss(IDS, IDS.clamp(max=10), smoothing=wrong)


@pytest.mark.parametrize("config", [BERT_SIZES, SEQ2SEQ_SIZES], ids=lambda c: c.kind)
@pytest.mark.parametrize("parts", [Parts(), readable_parts()], ids=["fused", "readable"])
def test_a_text_whose_ids_are_padding_alone_is_refused(config, parts):
    ids = IDS.clone()
    ids[1] = config.pad_id
    with pytest.raises(ValueError, match="text 1 .* padding, .*leave empty texts out"):
        read(MODELS[config.kind](config, parts), ids)


def test_the_targets_of_an_encoder_decoder_are_a_batch():
    with pytest.raises(ValueError, match=r"must have shape \(batch, seq\), got \(3,\)"):
        made(SEQ2SEQ_SIZES).loss(IDS[:1], torch.tensor([4, 5, 3]))


def test_an_encoder_decoder_of_odd_width_is_refused_before_it_draws_a_weight():
    with pytest.raises(ValueError, match="d_model of an encoder-decoder must be even.* got 5"):
        Seq2SeqConfig(**{**SIZES, "d_model": 5, "num_heads": 1})
