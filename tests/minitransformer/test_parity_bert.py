"""BERT against Hugging Face's BertForPreTraining: same weights, same inputs, same numbers."""

import copy

import pytest
import torch
from parity import BARS, DTYPES, SEEDS, Draw, distance, furthest, gradients, quiet
from transformers import BertConfig as TheirConfig
from transformers import BertForPreTraining as TheirBert

from minitransformer.config import BertConfig
from minitransformer.interop import from_hugging_face, to_hugging_face
from minitransformer.parts import readable_parts

quiet = quiet
ACTIVATIONS = {"gelu": "gelu", "gelu_new": "gelu_tanh", "relu": "relu"}


def both(draw, parts=None):
    """Their model with random weights, and ours with the same."""
    pick = draw.choose.choice
    activation, num_segments, pad_id = pick([*ACTIVATIONS, "gelu"]), pick([2, 3]), pick([0, 5])
    # An epsilon of 1e-12 is lost beside a variance near 1; a large one would be seen.
    eps = pick([1e-12, 1e-5, 1e-2])
    config = BertConfig(
        **draw.sizes(),
        activation=ACTIVATIONS[activation],
        num_segments=num_segments,
        pad_id=pad_id,
        norm_eps=eps,
    )
    theirs = TheirBert(
        TheirConfig(
            vocab_size=draw.vocab,
            max_position_embeddings=draw.max_seq,
            hidden_size=draw.d_model,
            num_attention_heads=draw.num_heads,
            num_hidden_layers=draw.num_layers,
            intermediate_size=draw.d_ff,
            hidden_act=activation,
            type_vocab_size=num_segments,
            pad_token_id=pad_id,
            layer_norm_eps=eps,
            attn_implementation=draw.attention,
        )
    )
    draw.fill(theirs)
    return theirs.eval(), from_hugging_face(theirs.state_dict(), config, parts)


def inputs(draw, ours):
    """Ids with padding, segments, which tokens are real, hidden words, and pairs."""
    pad_id, num_segments = ours.config.pad_id, ours.config.num_segments
    real = draw.real()
    ids = draw.ids(draw.batch, draw.seq)
    ids = ids.masked_fill(ids == pad_id, 1).masked_fill(~real, pad_id)
    segments = draw.ids(draw.batch, draw.seq, size=num_segments)
    labels = draw.ids(draw.batch, draw.seq)
    labels = labels.masked_fill(~real | (draw.normal(*labels.shape) > 0), -100)
    labels[0][real[0]] = 7  # at least one; a padding id among the labels is an id like any other
    return ids, segments, real, labels, draw.ids(draw.batch, size=2).bool()


def assert_same_gradients(ours, theirs, bar):
    carrier = copy.deepcopy(ours)
    carrier.load_state_dict(gradients(ours))  # laid out as weights are, so renamed in the same way
    expected, found = gradients(theirs), to_hugging_face(carrier)
    assert furthest({name: found[name] for name in expected}, expected) <= bar
    for model in (ours, theirs):
        model.zero_grad()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_logits_and_gradients_are_theirs_with_padding_and_segments(seed, dtype):
    draw = Draw(seed, dtype)
    theirs, ours = both(draw)
    ids, segments, real, _, _ = inputs(draw, ours)
    answer = theirs(ids, attention_mask=real.long(), token_type_ids=segments)
    words, pairs = ours(ids, segments, real)
    assert distance(words, answer.prediction_logits) <= BARS[dtype]
    assert distance(pairs, answer.seq_relationship_logits) <= BARS[dtype]
    pull, tug = draw.normal(*words.shape), draw.normal(*pairs.shape)
    ((words * pull).sum() + (pairs * tug).sum()).backward()
    expected = (answer.prediction_logits * pull).sum() + (
        answer.seq_relationship_logits * tug
    ).sum()
    expected.backward()
    assert_same_gradients(ours, theirs, BARS[dtype])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_joint_loss_and_its_gradients_are_theirs(seed, dtype):
    draw = Draw(seed, dtype)
    theirs, ours = both(draw)
    ids, segments, real, labels, is_next = inputs(draw, ours)
    expected = theirs(
        ids,
        attention_mask=real.long(),
        token_type_ids=segments,
        labels=labels,
        next_sentence_label=(~is_next).long(),  # 0 says that the second follows the first
    ).loss
    found = ours.loss(ids, labels, segments, is_next, real)
    assert distance(found, expected) <= BARS[dtype]
    expected.backward()
    found.backward()
    assert_same_gradients(ours, theirs, BARS[dtype])


@pytest.mark.parametrize("seed", SEEDS)
@torch.no_grad()
def test_left_out_the_mask_is_where_padding_stands_and_the_segments_are_the_first(seed):
    draw = Draw(seed, torch.float64)
    theirs, ours = both(draw)
    ids, _, real, _, _ = inputs(draw, ours)
    answer = theirs(ids, attention_mask=real.long())
    words, pairs = ours(ids)
    assert distance(words, answer.prediction_logits) <= 1e-10
    assert distance(pairs, answer.seq_relationship_logits) <= 1e-10


@pytest.mark.parametrize("seed", SEEDS)
@torch.no_grad()
def test_the_encoder_alone_gives_their_vectors_and_their_pooled_vector(seed):
    draw = Draw(seed, torch.float64)
    theirs, ours = both(draw)
    ids, segments, real, _, _ = inputs(draw, ours)
    answer = theirs.bert(ids, attention_mask=real.long(), token_type_ids=segments)
    hidden, pooled = ours.bert(ids, segments, real)
    assert distance(hidden, answer.last_hidden_state) <= 1e-10
    assert distance(pooled, answer.pooler_output) <= 1e-10


@pytest.mark.parametrize("seed", SEEDS)
def test_the_readable_path_gives_their_numbers_too(seed):
    draw = Draw(seed, torch.float64)
    theirs, ours = both(draw, readable_parts())
    ids, segments, real, labels, is_next = inputs(draw, ours)
    answer = theirs(
        ids,
        attention_mask=real.long(),
        token_type_ids=segments,
        labels=labels,
        next_sentence_label=(~is_next).long(),
    )
    assert distance(ours(ids, segments, real)[0], answer.prediction_logits) <= 1e-10
    answer.loss.backward()
    ours.loss(ids, labels, segments, is_next, real).backward()
    assert_same_gradients(ours, theirs, 1e-10)


def test_the_attention_weights_are_theirs():
    draw = Draw(3, torch.float64)
    draw.attention = "eager"  # which keeps them
    theirs, ours = both(draw, readable_parts())
    ids, segments, real, _, _ = inputs(draw, ours)
    asked = {"attention_mask": real.long(), "token_type_ids": segments}
    answer = theirs(ids, **asked, output_attentions=True)
    _, found = ours.bert.hidden(ids, segments, real)
    assert len(found) == len(answer.attentions) == draw.num_layers
    for weights, expected in zip(found, answer.attentions, strict=True):
        assert distance(weights, expected) <= 1e-10
