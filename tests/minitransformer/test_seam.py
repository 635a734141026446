"""The seam: what stands in a field of Parts is what the model runs."""

import dataclasses

import pytest
import torch
import torch.nn.functional as F
from test_models import BERT_SIZES, GPT_SIZES, IDS, SEQ2SEQ_SIZES, loss, made, outputs
from torch import nn

from minitransformer import attention as reference
from minitransformer.blocks import DecoderBlock, EncoderBlock, FeedForward, LayerNorm, layer_norm
from minitransformer.multi_head import MultiHeadAttention
from minitransformer.parts import Parts, readable_parts
from minitransformer.seq2seq import target_mask

CONFIGS = [GPT_SIZES, BERT_SIZES, SEQ2SEQ_SIZES]
EVERY = pytest.mark.parametrize("config", CONFIGS, ids=lambda config: config.kind)


class Spy:
    """Does what a function does, and counts how often."""

    def __init__(self, function):
        self.function, self.calls = function, 0

    def __call__(self, *args, **kwargs):
        self.calls += 1
        return self.function(*args, **kwargs)


FUNCTIONS = {
    "scaled_dot_product_attention": reference.scaled_dot_product_attention,
    "layer_norm": layer_norm,
    "gelu": F.gelu,
    "causal_mask": reference.causal_mask,
    "padding_mask": reference.padding_mask,
    "target_mask": target_mask,
    "cross_entropy": F.cross_entropy,
}
MODULES = {
    "MultiHeadAttention": MultiHeadAttention,
    "LayerNorm": LayerNorm,
    "FeedForward": FeedForward,
    "EncoderBlock": EncoderBlock,
    "DecoderBlock": DecoderBlock,
}
# How often a forward pass (two layers), and the loss after it, call each: by the formulas.
CALLS = {
    "gpt": {
        "scaled_dot_product_attention": 2,
        "layer_norm": 5,
        "gelu": 2,
        "causal_mask": 1,
        "padding_mask": 0,
        "target_mask": 0,
    },
    "bert": {
        "scaled_dot_product_attention": 2,
        "layer_norm": 1 + 4 + 1,
        "gelu": 2 + 1,
        "causal_mask": 0,
        "padding_mask": 1,
        "target_mask": 0,
    },
    "seq2seq": {
        "scaled_dot_product_attention": 2 + 4,
        "layer_norm": 4 + 6,
        "gelu": 4,
        "causal_mask": 0,
        "padding_mask": 1,
        "target_mask": 1,
    },
}
# How many of each a model is built with.
BUILT = {
    "gpt": {"MultiHeadAttention": 2, "LayerNorm": 5, "FeedForward": 2, "EncoderBlock": 2},
    "bert": {"MultiHeadAttention": 2, "LayerNorm": 6, "FeedForward": 2, "EncoderBlock": 2},
    "seq2seq": {
        "MultiHeadAttention": 6,
        "LayerNorm": 10,
        "FeedForward": 4,
        "EncoderBlock": 2,
        "DecoderBlock": 2,
    },
}


def test_every_part_is_tested_here():
    assert {field.name for field in dataclasses.fields(Parts)} == {*FUNCTIONS, *MODULES}


@EVERY
@pytest.mark.parametrize("name", [name for name in FUNCTIONS if name != "cross_entropy"])
def test_a_function_of_ones_own_is_called_wherever_its_formula_stands(config, name):
    config = dataclasses.replace(config, activation="gelu")
    spy = Spy(FUNCTIONS[name])
    model = made(config, Parts(**{name: spy}))
    found = outputs(model)
    assert spy.calls == CALLS[config.kind][name]
    torch.testing.assert_close(found, outputs(made(config)))


@EVERY
def test_a_cross_entropy_of_ones_own_gives_the_loss(config):
    spy = Spy(lambda logits, targets: logits.sum() * 0 + 3)
    assert loss(made(config, Parts(cross_entropy=spy))).item() == 3 * spy.calls
    assert spy.calls == (2 if config.kind == "bert" else 1)  # words and pairs


@EVERY
@pytest.mark.parametrize("name", list(MODULES))
def test_a_module_of_ones_own_is_built_wherever_it_belongs(config, name):
    spy = Spy(MODULES[name])
    made(config, Parts(**{name: spy}))
    assert spy.calls == BUILT[config.kind].get(name, 0)


@EVERY
@pytest.mark.parametrize("name", ["scaled_dot_product_attention", "layer_norm"])
def test_what_a_function_of_ones_own_returns_is_what_counts(config, name):
    """A wrong one gives other logits: the model does not compute its own beside it."""
    wrong = {
        "scaled_dot_product_attention": lambda query, key, value, mask=None: (value[..., :1, :]
            .expand_as(query), None),
        "layer_norm": lambda x, gamma, beta, eps: x,
    }[name]  # fmt: skip
    found = outputs(made(config, Parts(**{name: wrong})))
    assert torch.isfinite(found).all()
    assert not torch.allclose(found, outputs(made(config)))


class TheirAttention(nn.Module):
    """Multi-head attention as a learner may write it, head by head."""

    def __init__(self, d_model, num_heads):
        super().__init__()
        self.num_heads = num_heads
        for name in ("query", "key", "value", "output"):
            setattr(self, name, nn.Linear(d_model, d_model))

    def forward(self, x, mask=None, memory=None):
        memory = x if memory is None else memory
        query, key, value = self.query(x), self.key(memory), self.value(memory)
        size = query.shape[-1] // self.num_heads
        found = [
            reference.scaled_dot_product_attention(
                *(part[..., head * size : (head + 1) * size] for part in (query, key, value)), mask
            )
            for head in range(self.num_heads)
        ]
        context = torch.cat([context for context, _ in found], dim=-1)
        return self.output(context), torch.stack([weights for _, weights in found], dim=1)


class TheirNorm(nn.Module):
    """A layer norm by another route: standard deviation instead of variance."""

    def __init__(self, d_model, eps):
        super().__init__()
        self.gamma, self.beta = (
            nn.Parameter(torch.ones(d_model)),
            nn.Parameter(torch.zeros(d_model)),
        )
        self.eps = eps

    def forward(self, x):
        spread = (x.var(dim=-1, unbiased=False, keepdim=True) + self.eps).sqrt()
        return self.gamma * (x - x.mean(dim=-1, keepdim=True)) / spread + self.beta


class TheirFeedForward(nn.Module):
    """Two layers with a ReLU."""

    def __init__(self, d_model, d_ff):
        super().__init__()
        self.inner, self.outer = nn.Linear(d_model, d_ff), nn.Linear(d_ff, d_model)

    def forward(self, x):
        return self.outer(torch.clamp(self.inner(x), min=0))


class TheirBlock(nn.Module):
    """A post-norm encoder block under the package's names."""

    def __init__(self, d_model, num_heads, d_ff):
        super().__init__()
        self.attention = TheirAttention(d_model, num_heads)
        self.feed_forward = TheirFeedForward(d_model, d_ff)
        self.around_attention = nn.ModuleDict({"norm": TheirNorm(d_model, 1e-12)})
        self.around_feed_forward = nn.ModuleDict({"norm": TheirNorm(d_model, 1e-12)})

    def forward(self, x, mask=None):
        change, weights = self.attention(x, mask)
        x = self.around_attention["norm"](x + change)
        return self.around_feed_forward["norm"](x + self.feed_forward(x)), weights


@EVERY
@pytest.mark.parametrize(
    "theirs",
    [
        {"MultiHeadAttention": TheirAttention},
        {"LayerNorm": TheirNorm},
        {"FeedForward": TheirFeedForward},
        {"MultiHeadAttention": TheirAttention, "LayerNorm": TheirNorm},
    ],
    ids=" and ".join,
)
def test_modules_as_a_learner_writes_them_drive_the_real_model(config, theirs):
    config = dataclasses.replace(config, activation="relu")
    model, real = made(config, Parts(**theirs)), made(config)
    model.load_state_dict(real.state_dict())
    assert sum(isinstance(m, tuple(theirs.values())) for m in model.modules()) >= 2
    torch.testing.assert_close(outputs(model), outputs(real))
    torch.testing.assert_close(loss(model), loss(real))


def test_a_block_as_a_learner_writes_it_drives_a_bert():
    config = dataclasses.replace(BERT_SIZES, activation="relu")
    model, real = made(config, Parts(EncoderBlock=TheirBlock)), made(config)
    model.load_state_dict(real.state_dict())
    torch.testing.assert_close(outputs(model), outputs(real))


@EVERY
def test_an_attention_of_ones_own_trains_a_model_that_drops_attention_weights(config):
    config = dataclasses.replace(config, attention_dropout=0.4)
    spy = Spy(reference.scaled_dot_product_attention)
    model = made(config, Parts(scaled_dot_product_attention=spy)).train()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert not torch.allclose(outputs(model), outputs(model))
        loss(model).backward()
    assert spy.calls == 3 * CALLS[config.kind]["scaled_dot_product_attention"]


def test_dropped_attention_weights_are_0_and_the_others_larger():
    layer = MultiHeadAttention(6, 2, dropout=0.5, parts=readable_parts())
    x = torch.randn(3, 5, 6, generator=torch.Generator().manual_seed(0))
    kept = layer.eval()(x)[1]
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        dropped = layer.train()(x)[1]
    gone = dropped == 0
    assert 0.3 < gone.float().mean() < 0.7
    torch.testing.assert_close(dropped[~gone], 2 * kept[~gone])


def test_the_fused_attention_drops_weights_in_training_only():
    layer = MultiHeadAttention(6, 2, dropout=0.5, parts=Parts())
    x = torch.randn(3, 5, 6, generator=torch.Generator().manual_seed(0))
    plain = layer.eval()(x)[0]
    torch.testing.assert_close(layer(x)[0], plain)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert not torch.allclose(layer.train()(x)[0], plain)
        mean = torch.stack([layer(x)[0] for _ in range(500)]).mean(dim=0)
    torch.testing.assert_close(mean, plain, rtol=0, atol=0.05)  # the others are larger


def test_an_attention_without_weights_cannot_have_them_dropped():
    parts = Parts(scaled_dot_product_attention=lambda q, k, v, mask=None: (v, None))
    model = made(dataclasses.replace(GPT_SIZES, attention_dropout=0.1), parts)
    assert model(IDS).shape == (3, 5, 13)
    with pytest.raises(ValueError, match="attention_dropout is 0.1, .*returns no weights.*=0"):
        model.train()(IDS)


def test_readable_parts_give_attention_weights_that_can_be_looked_at():
    model = made(GPT_SIZES, readable_parts())
    _, weights = model.hidden(IDS)
    assert [w.shape for w in weights] == [(3, 3, 5, 5)] * 2  # heads, then query and key
    for layer in weights:
        torch.testing.assert_close(layer.sum(dim=-1), torch.ones(3, 3, 5, dtype=torch.float64))
        assert not layer.triu(1).any()
    assert made(GPT_SIZES).hidden(IDS)[1] == [None, None]
    model = made(SEQ2SEQ_SIZES, readable_parts())
    memory, mask = model.encode(IDS)
    _, weights = model.decode(IDS[:, :2], memory, mask)
    assert [w.shape for w in weights] == [(3, 3, 2, 5)] * 2  # of the cross-attention


def test_a_part_that_cannot_be_called_is_refused():
    with pytest.raises(TypeError, match="the part gelu must be callable, got 3"):
        Parts(gelu=3)
