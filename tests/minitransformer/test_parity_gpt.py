"""GPT against Hugging Face's GPT2LMHeadModel: same weights, same inputs, same numbers."""

import copy

import pytest
import torch
import torch.nn.functional as F
from parity import BARS, DTYPES, SEEDS, Draw, distance, furthest, gradients, quiet
from transformers import GPT2Config, GPT2LMHeadModel

from minitransformer.config import GPTConfig
from minitransformer.interop import from_hugging_face, to_hugging_face
from minitransformer.parts import readable_parts

quiet = quiet
ACTIVATIONS = {"gelu_new": "gelu_tanh", "gelu": "gelu", "relu": "relu"}


def both(draw, parts=None):
    """Their model with random weights, and ours with the same."""
    activation = draw.choose.choice([*ACTIVATIONS, "gelu_new"])
    config = GPTConfig(**draw.sizes(), activation=ACTIVATIONS[activation])
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=draw.vocab,
            n_positions=draw.max_seq,
            n_embd=draw.d_model,
            n_head=draw.num_heads,
            n_layer=draw.num_layers,
            n_inner=draw.d_ff,
            activation_function=activation,
            attn_implementation=draw.attention,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    draw.fill(theirs)
    return theirs.eval(), from_hugging_face(theirs.state_dict(), config, parts)


def their_inputs(real):
    """A position counts the real tokens before it; theirs must be told so."""
    places = (real.cumsum(dim=1) - 1).clamp(min=0)
    return {"attention_mask": real.long(), "position_ids": places}


def our_gradients(model):
    """Gradients are laid out as weights are, so they are renamed in the same way."""
    carrier = copy.deepcopy(model)
    carrier.load_state_dict(gradients(model))
    return to_hugging_face(carrier)


def assert_same_gradients(ours, theirs, bar):
    expected = gradients(theirs)
    found = our_gradients(ours)
    assert furthest({name: found[name] for name in expected}, expected) <= bar
    for model in (ours, theirs):
        model.zero_grad()


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_logits_and_gradients_are_theirs_with_and_without_padding(seed, dtype):
    draw = Draw(seed, dtype)
    theirs, ours = both(draw)
    ids, real = draw.ids(draw.batch, draw.seq), draw.real()
    if draw.padding == "none":
        expected, found = theirs(ids).logits, ours(ids)
    else:
        expected, found = theirs(ids, **their_inputs(real)).logits, ours(ids, real)
    assert distance(found[real], expected[real]) <= BARS[dtype]
    pull = draw.normal(*expected.shape) * real.unsqueeze(-1)
    (expected * pull)[real].sum().backward()
    (found * pull)[real].sum().backward()
    assert_same_gradients(ours, theirs, BARS[dtype])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("seed", SEEDS)
def test_the_loss_and_its_gradients_are_theirs(seed, dtype):
    draw = Draw(seed, dtype)
    theirs, ours = both(draw)
    ids, real = draw.ids(draw.batch, draw.seq), draw.real()
    targets = ids[:, 1:].masked_fill(~(real[:, 1:] & real[:, :-1]), -100)
    if dtype == torch.float32:
        labels = F.pad(targets, (1, 0), value=-100)  # theirs are shifted inside
        expected = theirs(ids, **their_inputs(real), labels=labels).loss
    else:  # their own loss rounds the logits to float32
        logits = theirs(ids, **their_inputs(real)).logits[:, :-1]
        expected = F.cross_entropy(logits.flatten(0, 1), targets.flatten())
    found = ours.loss(ids[:, :-1], targets, real[:, :-1])
    assert distance(found, expected) <= BARS[dtype]
    expected.backward()
    found.backward()
    assert_same_gradients(ours, theirs, BARS[dtype])


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("seed", SEEDS)
@torch.no_grad()
def test_a_cache_gives_their_logits_and_those_without_one(seed, dtype):
    draw = Draw(seed, dtype)
    theirs, ours = both(draw)
    ids, real = draw.ids(draw.batch, draw.seq), draw.real()
    told, padded = their_inputs(real), draw.padding != "none"
    first = draw.choose.randint(1, draw.seq - 1)
    second = draw.choose.randint(first, draw.seq - 1)
    ends = sorted({first, second, *range(second + 1, draw.seq + 1)})  # two pieces, then singly
    past, cache, start, found, expected = None, ours.new_cache(), 0, [], []
    for end in ends:
        piece, seen = ids[:, start:end], real[:, :end] if padded else None
        found.append(ours(piece, seen, cache))
        answer = theirs(
            piece,
            attention_mask=told["attention_mask"][:, :end],
            position_ids=told["position_ids"][:, start:end],
            past_key_values=past,
            use_cache=True,
        )
        past, start = answer.past_key_values, end
        expected.append(answer.logits)
        assert [len(layer) for layer in cache] == [end] * draw.num_layers
    found, expected = torch.cat(found, dim=1)[real], torch.cat(expected, dim=1)[real]
    assert distance(found, expected) <= BARS[dtype]
    assert distance(found, ours(ids, real if padded else None)[real]) <= BARS[dtype]


@pytest.mark.parametrize("seed", SEEDS)
def test_the_readable_path_gives_their_numbers_too(seed):
    draw = Draw(seed, torch.float64)
    theirs, ours = both(draw, readable_parts())
    ids, real = draw.ids(draw.batch, draw.seq), draw.real()
    expected, found = theirs(ids, **their_inputs(real)).logits, ours(ids, real)
    assert distance(found[real], expected[real]) <= 1e-10
    pull = draw.normal(*expected.shape)
    (expected * pull)[real].sum().backward()
    (found * pull)[real].sum().backward()
    assert_same_gradients(ours, theirs, 1e-10)
