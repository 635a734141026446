"""Chapter 3, last part: residual, block, stack."""

from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.chances import improbable
from autograder.compare import difference
from autograder.exercises import _ch03_mistakes_blocks as m
from autograder.exercises._ch03_dropout import badly_dropped
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import blocks, stacks

Inputs = dict[str, Any]


def _of_another_kind(observed: Observed, expected: Observed) -> Failure | None:
    """A wrong kind or shape; where numbers are drawn, they differ first and would hide it."""
    for name, value in expected.items():
        found = difference(value, observed[name], name=name)
        if found and found.kind != "value":
            return Failure(found.text, found.kind)
    return None


def _with_gradients(make: Any) -> Any:
    return lambda draw: make(draw) | {"cotangent_seed": draw.seed()}


# Residual

_CALLS = {"enter": ["x"], "leave": ["x", "change"]}


def _around(draw: Draw, norm: str = "", rate: float = 0.0) -> Inputs:
    batch, seq, few = draw.sizes(3, 3, 9)
    d_model = few + 7  # a vector of three numbers may have next to no variance
    return {
        "sizes": {"d_model": d_model, "rate": rate} | ({"norm": norm} if norm else {}),
        "weights": {"norm.gamma": draw.normal(d_model), "norm.beta": draw.normal(d_model)},
        "arguments": {
            "x": draw.normal(batch, seq, d_model, scale=2) + 1,
            "change": draw.normal(batch, seq, d_model),
        },
        "calls": _CALLS,
    }


def _nothing_said(draw: Draw) -> Inputs:
    """In training, where a dropout that nobody asked for would show."""
    inputs = _around(draw)
    return {**inputs, "sizes": {"d_model": inputs["sizes"]["d_model"]}, "train": True}


def _in_training(draw: Draw, norm: str) -> Inputs:
    """A table large enough to count; before a norm, one value that is dropped or not."""
    rows, d_model = draw.size(45, 55), draw.size(60, 70)
    x, change = draw.normal(rows, d_model), draw.uniform(rows, d_model, low=0.5, high=2.0)
    if norm == "post":
        x, change = torch.zeros(rows, d_model), torch.full((rows, d_model), 2.0)
    return {
        "sizes": {"d_model": d_model, "rate": draw.choice((0.3, 0.65)), "norm": norm},
        "weights": {"norm.gamma": torch.ones(d_model), "norm.beta": torch.zeros(d_model)},
        "arguments": {"x": x, "change": change},
        "calls": _CALLS,
        "train": True,
    }


def _change_dropped(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    found = difference(expected["enter"], observed["enter"], name="enter")
    if found:
        return Failure(found.text, "enter")
    x, change = inputs["arguments"].values()
    out, rate = observed["leave"], inputs["sizes"]["rate"]
    failure = badly_dropped(change, out - x, rate)
    if failure is None:
        return None
    if torch.allclose(out, x + change, atol=1e-5):
        return Failure("In training, nothing is dropped.", "nothing dropped")
    if badly_dropped(x + change, out, rate) is None:
        return Failure("The whole sum is dropped, not the change alone.", "sum dropped")
    if badly_dropped(x, out - change, rate) is None:
        return Failure("x is dropped, and the change is not.", "old dropped")
    return failure


def _change_dropped_before_norm(
    observed: Observed, expected: Observed, inputs: Inputs
) -> Failure | None:
    """With x = 0 and a change of equal numbers, what was kept is above the mean of its row."""
    out, rate = observed["leave"], inputs["sizes"]["rate"]
    kept = out > 0
    if improbable(int(kept.sum()), kept.numel(), 1 - rate):
        share = kept.float().mean()
        return Failure(f"{share:.2f} of the change is kept, and should be {1 - rate:.2f}.", "share")
    total = kept * 2.0 / (1 - rate)
    centered = total - total.mean(-1, keepdim=True)
    norm = centered / (centered.square().mean(-1, keepdim=True) + 1e-5).sqrt()
    if not torch.allclose(out, norm, atol=1e-3):
        return Failure("This is not the norm of x plus what was kept of the change.", "other")
    return None


residual = Exercise(
    id="Residual",
    title="keep what came in",
    reference=blocks.Residual,
    cases=(
        Case("post: the sum is normalised", lambda draw: _around(draw, "post"), probes.methods),
        Case("pre: what enters is normalised", lambda draw: _around(draw, "pre"), probes.methods),
        Case("post and no dropout when nothing is said", _nothing_said, probes.methods),
        Case(
            "outside training nothing is dropped",
            lambda draw: _around(draw, draw.choice(("post", "pre")), rate=0.6),
            probes.methods,
        ),
        Case(
            "in training part of the change is dropped",
            lambda draw: _in_training(draw, "pre"),
            probes.methods,
            holds=_change_dropped,
            values=False,
        ),
        Case(
            "in training the norm comes after the dropout",
            lambda draw: _in_training(draw, "post"),
            probes.methods,
            holds=_change_dropped_before_norm,
            values=False,
        ),
        Case(
            "post: gradients flow along both ways",
            _with_gradients(lambda draw: _around(draw, "post")),
            probes.methods,
            tolerance=3,
        ),
        Case(
            "pre: gradients flow along both ways",
            _with_gradients(lambda draw: _around(draw, "pre")),
            probes.methods,
            tolerance=3,
        ),
        Case(
            "its parameters are norm.gamma and norm.beta",
            lambda draw: {"sizes": {"d_model": draw.size(3, 20)}},
            probes.parameters,
            guard=True,
        ),
        Case(
            "x and change are left as they were",
            lambda draw: _around(draw, draw.choice(("post", "pre"))),
            probes.methods_untouched,
            guard=True,
        ),
    ),
    hints=(
        "Read the two formulas from the inside out. In which of them is x normalised before the "
        "sublayer, and in which the sum after it?",
        "enter is what the sublayer reads: x itself for post, self.norm(x) for pre. leave makes "
        "the sum, and for post sends it through self.norm.",
        "In leave: change = dropout(change, self.rate, self.training); then x + change for pre, "
        "and self.norm(x + change) for post.",
    ),
    misconceptions=(
        Misconception(
            m.AroundExchanged,
            "It looks as if post and pre are exchanged. post normalises the sum, after the "
            "sublayer; pre normalises what the sublayer reads.",
        ),
        Misconception(
            m.AroundAlwaysPost,
            'It looks as if the norm always comes after the sum. When norm is "pre", it comes '
            "before the sublayer.",
        ),
        Misconception(
            m.AroundAlwaysPre,
            'It looks as if the norm always comes before the sublayer. When norm is "post", it '
            "comes after the sum.",
        ),
        Misconception(
            m.AroundPreByDefault,
            "It looks as if pre is what is taken when nothing is said. Here it is post, as in "
            "2017.",
        ),
        Misconception(
            m.AroundWithoutSum,
            "It looks as if x is not added, so there is no residual. leave adds x and the change.",
        ),
        Misconception(
            m.AroundNormTwice,
            "It looks as if there is a norm before the sublayer and after the sum as well. It is "
            "one or the other.",
            also=(m.AroundNormTwiceInPost, m.AroundNormAlwaysTwice),
        ),
        Misconception(
            m.AroundNeverNormed,
            "It looks as if the norm is missing in one of the two kinds. post: in leave, around "
            "the sum. pre: in enter.",
            also=(m.AroundNeverNormedBefore,),
        ),
        Misconception(
            m.AroundAddsTheNormed,
            "It looks as if the normalised x is added. In pre-norm x itself is: the way around the "
            "sublayer has nothing on it.",
        ),
        Misconception(
            m.AroundNormsTheChange,
            "It looks as if only one of the two summands is normalised. In post-norm the sum is: "
            "self.norm(x + change).",
            also=(m.AroundNormsTheOld,),
        ),
        Misconception(
            m.AroundDropsTheSum,
            "It looks as if dropout falls on x as well. Drop parts of the change only, before it "
            "is added.",
            also=(m.AroundDropsTheNormed, m.AroundDropsTheOld),
        ),
        Misconception(
            m.AroundWithoutDropout,
            "It looks as if nothing of the change is dropped in training. Send it through dropout "
            "with self.rate and self.training.",
        ),
        Misconception(
            m.AroundDropsByDefault,
            "It looks as if something is dropped in training when nothing is said. The rate is 0.0 "
            "unless another is handed over.",
        ),
        Misconception(
            m.AroundDropsWhatEnters,
            "It looks as if dropout falls on what enter gives as well. Only leave drops something, "
            "and of the change alone.",
        ),
        Misconception(
            m.AroundAlwaysDrops,
            "It looks as if dropout is at work outside training as well. Hand it self.training.",
        ),
        Misconception(
            m.AroundWithTorchsNorm,
            "It looks as if self.norm is nn.LayerNorm. Take this chapter's own LayerNorm, whose "
            "parameters are gamma and beta.",
        ),
        Misconception(
            m.AroundWordForLayer,
            "It looks as if self.norm is to be both the layer and the word. Keep the word under "
            'another name: self.pre = norm == "pre".',
        ),
        Misconception(
            m.AroundInPlace,
            "It looks as if x itself is changed (+= works in place). Make a new tensor: x + "
            "change.",
        ),
    ),
    alternatives=(m.AroundByTorch, m.AroundWithAQuestionEach),
    stands_on=("layer_norm", "dropout"),
    points=2,
    minutes=12,
    difficulty=3,
)


# EncoderBlock


def _block_weights(draw: Draw, d_model: int, d_ff: int, before: str = "") -> dict[str, Tensor]:
    shapes = {f"attention.{name}": (d_model, d_model) for name in ("query", "key", "value")}
    shapes |= {"attention.output": (d_model, d_model)}
    shapes |= {"feed_forward.inner": (d_ff, d_model), "feed_forward.outer": (d_model, d_ff)}
    weights = {}
    for name, shape in shapes.items():
        weights[f"{before}{name}.weight"] = draw.normal(*shape, scale=0.5)
        weights[f"{before}{name}.bias"] = draw.normal(shape[0], scale=0.5)
    for name in ("around_attention", "around_feed_forward"):
        weights[f"{before}{name}.norm.gamma"] = draw.normal(d_model, scale=0.3) + 1
        weights[f"{before}{name}.norm.beta"] = draw.normal(d_model, scale=0.5)
    return weights


def _mask(draw: Draw, kind: str, batch: int, seq: int) -> Inputs:
    if kind == "padding":
        return {"mask": torch.arange(seq) < draw.integers(1, seq, batch, 1, 1)}
    if kind == "causal":
        return {"mask": torch.ones(seq, seq, dtype=torch.bool).tril()}
    return {}


def _block(draw: Draw, norm: str = "post", mask: str = "", rate: float = 0.0) -> Inputs:
    batch, seq, num_heads, d_ff = draw.sizes(4, 2, 7)
    d_model = num_heads * draw.size(2, 3)
    return {
        "sizes": {"d_model": d_model, "num_heads": num_heads, "d_ff": d_ff},
        "options": {"dropout": rate, "norm": norm},
        "weights": _block_weights(draw, d_model, d_ff),
        "arguments": {"x": draw.normal(batch, seq, d_model)} | _mask(draw, mask, batch, seq),
        "names": ["x", "weights"],
    }


def _without_options(draw: Draw) -> Inputs:
    """In training, where a dropout that nobody asked for would show."""
    return _block(draw) | {"options": {}, "train": True}


def _block_in_training(draw: Draw) -> Inputs:
    """Attention always says 1, the feed-forward layer 4: what is dropped can be read off."""
    inputs = _block(draw, "pre", rate=draw.choice((0.3, 0.65)))
    weights = inputs["weights"]
    for name, says in (("attention.output", 1.0), ("feed_forward.outer", 4.0)):
        weights[f"{name}.weight"] = torch.zeros_like(weights[f"{name}.weight"])
        weights[f"{name}.bias"] = torch.full_like(weights[f"{name}.bias"], says)
    d_model = inputs["sizes"]["d_model"]
    x = draw.normal(40, 3000 // 40 // d_model + 1, d_model)
    return {**inputs, "arguments": {"x": x}, "train": True}


def _both_changes_dropped(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    other = _of_another_kind(observed, expected)
    if other:
        return other
    found = difference(expected["weights"], observed["weights"], 5, "weights")
    if found:
        return Failure(found.text, "weights")
    rate = inputs["options"]["dropout"]
    added = (observed["x"] - inputs["arguments"]["x"]) * (1 - rate)
    sums = {0: (False, False), 1: (True, False), 4: (False, True), 5: (True, True)}
    near = torch.stack([(added - value).abs() < 1e-3 for value in sums])
    if not near.any(0).all():
        change = observed["x"] - inputs["arguments"]["x"]
        bare = (change - 5).abs().max() < 1e-3
        one = torch.minimum((change - 4).abs(), (change - 4 - 1 / (1 - rate)).abs()).max() < 1e-3
        few = len(change.mul(1e3).round().unique()) < 20  # however x differs from place to place
        other = "other sums" if few else "mixture"
        code = "nothing dropped" if bare else "one dropped" if one else other
        return Failure("The changes are not dropped and scaled as they should be.", code)
    for place, name in enumerate(("attention", "the feed-forward layer")):
        kept = sum(int(near[i].sum()) for i, both in enumerate(sums.values()) if both[place])
        if improbable(kept, added.numel(), 1 - rate):
            share = kept / added.numel()
            text = f"{share:.2f} of what {name} adds is kept, and should be {1 - rate:.2f}."
            return Failure(text, f"{name} {share:.0f}")
    return None


def _block_sizes(draw: Draw) -> Inputs:
    num_heads, d_head, d_ff = draw.sizes(3, 2, 9)
    return {"sizes": {"d_model": num_heads * d_head, "num_heads": num_heads, "d_ff": d_ff}}


encoder_block = Exercise(
    id="EncoderBlock",
    title="look around, then think",
    reference=blocks.EncoderBlock,
    cases=(
        Case("post-norm: both layers, each with its residual", _block, probes.module, tolerance=5),
        Case(
            "pre-norm: both layers, each with its residual",
            lambda d: _block(d, "pre"),
            probes.module,
            tolerance=5,
        ),
        Case(
            "post-norm and no dropout when nothing is said",
            _without_options,
            probes.module,
            tolerance=5,
        ),
        Case(
            "padding is hidden",
            lambda draw: _block(draw, "post", "padding"),
            probes.module,
            tolerance=5,
        ),
        Case(
            "the future is hidden",
            lambda draw: _block(draw, "pre", "causal"),
            probes.module,
            tolerance=5,
        ),
        Case(
            "outside training nothing is dropped",
            lambda draw: _block(draw, draw.choice(("post", "pre")), rate=0.6),
            probes.module,
            tolerance=5,
        ),
        Case(
            "in training parts of both changes are dropped",
            _block_in_training,
            probes.module,
            holds=_both_changes_dropped,
            values=False,
        ),
        Case(
            "gradients reach the inputs and every parameter",
            _with_gradients(lambda draw: _block(draw, draw.choice(("post", "pre")), "padding")),
            probes.module,
            tolerance=10,
        ),
        Case("attention, feed-forward, two norms", _block_sizes, probes.parameters, guard=True),
        Case(
            "inputs and mask are left as they were",
            lambda draw: _block(draw, "post", "padding"),
            probes.module_untouched,
            guard=True,
        ),
    ),
    hints=(
        "Two times the same three steps: what the sublayer reads (enter), the sublayer, the sum "
        "(leave). First with attention, then with the feed-forward layer.",
        "Four parts in __init__: MultiHeadAttention(d_model, num_heads), FeedForward(d_model, "
        "d_ff), and two Residual(d_model, dropout, norm). In forward the result of the first leave "
        "is the x of the second enter.",
        "change, weights = self.attention(self.around_attention.enter(x), mask); x = "
        "self.around_attention.leave(x, change); then the same with self.feed_forward and "
        "self.around_feed_forward; return x, weights.",
    ),
    misconceptions=(
        Misconception(
            m.BlockWithoutFeedForward,
            "It looks as if the feed-forward layer is missing. It comes after the attention, with "
            "a residual of its own.",
        ),
        Misconception(
            m.BlockThinksFirst,
            "It looks as if the feed-forward layer comes first. First attention, then "
            "feed-forward.",
        ),
        Misconception(
            m.BlockWithoutSecondResidual,
            "It looks as if a residual is missing: after each sublayer, leave adds its change to "
            "what came in.",
            also=(m.BlockWithoutFirstResidual, m.BlockWithoutResiduals),
        ),
        Misconception(
            m.BlockWithOneResidual,
            "It looks as if both sublayers share one residual, and so one norm. Each has its own: "
            "around_attention and around_feed_forward.",
            also=(m.BlockWithOneResidualOfTwoNames,),
        ),
        Misconception(
            m.BlockResidualsExchanged,
            "It looks as if the two residuals are mixed up. Around the attention enter and leave "
            "belong to around_attention, around the feed-forward layer to around_feed_forward.",
            also=(m.BlockEntersTheOther, m.BlockLeavesTheOther),
        ),
        Misconception(
            m.BlockPairNotUnpacked,
            "It looks as if the pair that self.attention returns is not taken apart. Write change, "
            "weights = self.attention(…).",
            also=(m.BlockPairNotUnpackedForTorch, m.BlockPairForWeights),
        ),
        Misconception(
            m.BlockNormForRate,
            "It looks as if Residual gets norm where the dropout rate belongs. Its arguments stand "
            "in this order: Residual(d_model, dropout, norm).",
            also=(m.BlockNormForRateOfTorch,),
        ),
        Misconception(
            m.BlockForwardOfOtherSize,
            "It looks as if the feed-forward layer has other sizes. Make it by "
            "FeedForward(d_model, d_ff).",
            also=(m.BlockForwardFourTimes,),
        ),
        Misconception(
            m.BlockThinksOfTheChange,
            "It looks as if the feed-forward layer reads attention's change alone. What it reads "
            "is made of the sum: enter(x), where x is what the first leave gave.",
        ),
        Misconception(
            m.BlockLeaveExchanged,
            "It looks as if leave gets its arguments the wrong way round, so that dropout falls on "
            "x. Call leave(x, change).",
        ),
        Misconception(
            m.BlockForgetsToEnter,
            "It looks as if a sublayer reads x itself. Both read what enter gives, which in "
            "pre-norm is normalised.",
            also=(m.BlockForgetsToEnterFirst, m.BlockForgetsToEnterSecond),
        ),
        Misconception(
            m.BlockAddsTheEntered,
            "It looks as if the normalised x is kept in pre-norm. Only the sublayer reads what "
            "enter gives; leave gets x itself.",
            also=(m.BlockAddsTheEnteredFirst, m.BlockAddsTheEnteredSecond),
        ),
        Misconception(
            m.BlockSideBySide,
            "It looks as if the feed-forward layer does not read what attention has made. The "
            "second part starts from the result of the first.",
        ),
        Misconception(
            m.BlockAddsTheOldInput,
            "It looks as if the second sum goes back to the block's input. It adds to the result "
            "of the first part.",
        ),
        Misconception(
            m.BlockMaskIgnored,
            "It looks as if the mask is not used. Hand it on to self.attention.",
        ),
        Misconception(
            m.BlockAlwaysPost,
            "It looks as if norm is not handed on. Both residuals need it: Residual(d_model, "
            "dropout, norm).",
            also=(m.BlockAlwaysPre, m.BlockNormForAttentionOnly),
        ),
        Misconception(
            m.BlockPreByDefault,
            "It looks as if pre is what is taken when nothing is said. Here it is post, as in "
            "2017.",
        ),
        Misconception(
            m.BlockDropsByDefault,
            "It looks as if something is dropped in training when nothing is said. The rate is 0.0 "
            "unless another is handed over.",
        ),
        Misconception(
            m.BlockDropsTwice,
            "It looks as if there is one dropout too many. Each residual drops parts of its change "
            "in leave, and nothing else does.",
            also=(m.BlockDropsWhatIsRead,),
        ),
        Misconception(
            m.BlockWithRelu,
            "It looks as if the feed-forward layer bends with ReLU. In a block it is GELU, which "
            "FeedForward takes by itself.",
        ),
        Misconception(
            m.BlockWithoutDropout,
            "It looks as if dropout is not handed on. Both residuals need it: Residual(d_model, "
            "dropout, norm).",
            also=(m.BlockDropsAfterAttentionOnly,),
        ),
        Misconception(
            m.BlockWithoutWeights,
            "It looks as if forward returns the vectors alone. Return the pair x, weights.",
        ),
    ),
    alternatives=(m.BlockOnItsOwn, m.BlockByHelper),
    stands_on=("MultiHeadAttention", "FeedForward", "Residual"),
    forbidden=("transformer_encoder", "multi_head_attention"),
    points=3,
    minutes=15,
    difficulty=3,
)


# Encoder


def _stack(draw: Draw, norm: str = "post", layers: int = 0, mask: str = "") -> Inputs:
    batch, seq, num_heads, d_ff = draw.sizes(4, 2, 6)
    d_model = num_heads * 2
    layers = layers or draw.size(2, 4)
    weights = {}
    for layer in range(layers):
        weights |= _block_weights(draw, d_model, d_ff, f"blocks.{layer}.")
    if norm == "pre":
        weights["norm.gamma"] = draw.normal(d_model, scale=0.3) + 1
        weights["norm.beta"] = draw.normal(d_model, scale=0.5)
    return {
        "config": _config(d_model, num_heads, layers, d_ff, norm),
        "weights": weights,
        "arguments": {"x": draw.normal(batch, seq, d_model)} | _mask(draw, mask, batch, seq),
        "names": ["x", "weights"],
    }


def _config(d_model: int, num_heads: int, num_layers: int, d_ff: int, norm: str) -> Inputs:
    return {
        "vocab_size": 50,
        "max_seq": 20,
        "d_model": d_model,
        "num_heads": num_heads,
        "num_layers": num_layers,
        "d_ff": d_ff,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "activation": "gelu",
        "norm": norm,
        "norm_eps": 1e-5,
    }


def _stack_sizes(draw: Draw, norm: str) -> Inputs:
    num_heads, d_head, layers = draw.sizes(3, 2, 5)
    return {"config": _config(num_heads * d_head, num_heads, layers, draw.size(6, 12), norm)}


def _stack_in_training(draw: Draw) -> Inputs:
    """One block that reads twos, attends to a 2 everywhere, and thinks nothing."""
    d_model = 2 * draw.size(30, 35)
    weights = _block_weights(draw, d_model, 3, "blocks.0.")
    weights = {name: torch.zeros_like(value) for name, value in weights.items()}
    weights["blocks.0.attention.output.bias"] += 2
    weights["blocks.0.around_attention.norm.gamma"] += 1
    weights["blocks.0.around_feed_forward.norm.gamma"] += 1
    return {
        "config": _config(d_model, 2, 1, 3, "post") | {"dropout": draw.choice((0.3, 0.65))},
        "weights": weights,
        "arguments": {"x": torch.full((7, 6, d_model), 2.0)},
        "names": ["x", "weights"],
        "train": True,
    }


def _some_dropped(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    """What was kept lies above the mean of its vector, and so above 0 after the norm."""
    other = _of_another_kind(observed, expected)
    if other:
        return other
    kept, share = observed["x"] > 0, 1 - inputs["config"]["dropout"]
    if improbable(int(kept.sum()), kept.numel(), share):
        found = kept.float().mean()
        text = f"{found:.2f} of what the attention adds is kept, and should be {share:.2f}."
        return Failure(text, f"share {found:.1f}")
    return None


encoder = Exercise(
    id="Encoder",
    title="blocks on top of each other",
    reference=stacks.Encoder,
    cases=(
        Case("post-norm: each block reads what the one below wrote", _stack, probes.module),
        Case(
            "pre-norm: with one last norm on top",
            lambda draw: _stack(draw, "pre"),
            probes.module,
        ),
        Case(
            "one block, asked twice",
            lambda draw: _stack(draw, layers=1) | {"twice": True},
            probes.module,
        ),
        Case(
            "padding is hidden in every block",
            lambda draw: _stack(draw, "post", 3, "padding"),
            probes.module,
        ),
        Case(
            "the future is hidden in every block",
            lambda draw: _stack(draw, "pre", 2, "causal"),
            probes.module,
        ),
        Case(
            "in training config.dropout is at work",
            _stack_in_training,
            probes.module,
            holds=_some_dropped,
            values=False,
        ),
        Case(
            "gradients reach every block",
            _with_gradients(lambda draw: _stack(draw, "pre", 2)),
            probes.module,
            tolerance=20,
        ),
        Case(
            "post-norm: parameters of every block and no more",
            lambda draw: _stack_sizes(draw, "post"),
            probes.parameters,
            guard=True,
        ),
        Case(
            "pre-norm: parameters of every block and of the last norm",
            lambda draw: _stack_sizes(draw, "pre"),
            probes.parameters,
            guard=True,
        ),
        Case(
            "inputs and mask are left as they were",
            lambda draw: _stack(draw, "post", 1, "padding"),
            probes.module_untouched,
            guard=True,
        ),
    ),
    hints=(
        "Make the blocks in a loop, and go through them in a loop. What comes out of one goes into "
        "the next.",
        "self.blocks = nn.ModuleList(…) holds them, so that torch finds their parameters. "
        'self.norm is LayerNorm(config.d_model) when config.norm is "pre", else nn.Identity().',
        "for block in self.blocks: x, seen = block(x, mask), and append seen to a list of weights. "
        "Return self.norm(x), weights.",
    ),
    misconceptions=(
        Misconception(
            m.StackOfOneBlock,
            "It looks as if there is one block, several times over ([block] * n). Make a new one "
            "for each layer.",
        ),
        Misconception(
            m.StackInAPlainList,
            "It looks as if the blocks are in a plain list, where torch finds no parameters. Use "
            "nn.ModuleList.",
        ),
        Misconception(
            m.StackWithoutLastNorm,
            "It looks as if the last norm is missing. Pre-norm sums are never normalised by their "
            "own block, so the stack ends with a LayerNorm.",
            also=(m.StackWithUnusedLastNorm,),
        ),
        Misconception(
            m.StackAlwaysLastNorm,
            "It looks as if there is a last norm in post-norm as well. Its blocks have normalised "
            "already: use nn.Identity() there.",
        ),
        Misconception(
            m.StackLastNormExchanged,
            "It looks as if the last norm stands in post-norm and not in pre-norm. It is the other "
            "way round.",
        ),
        Misconception(
            m.StackNormsEachBlock,
            "It looks as if the last norm comes after every block. It comes once, at the end.",
        ),
        Misconception(
            m.StackAlwaysPost,
            "It looks as if config.norm is not handed on to the blocks.",
        ),
        Misconception(
            m.StackWithoutDropout,
            "It looks as if config.dropout is not handed on to the blocks.",
        ),
        Misconception(
            m.StackDropsTheInput,
            "It looks as if dropout falls on what the stack reads as well. Only the blocks drop "
            "something, and of their changes alone.",
        ),
        Misconception(
            m.StackKeepsOldWeights,
            "It looks as if weights of earlier calls are still in the list. Start a new list in "
            "forward, each time.",
        ),
        Misconception(
            m.StackOfWeightsInOneTensor,
            "It looks as if the weights of all blocks are put into one tensor. Return a list, one "
            "item a block.",
        ),
        Misconception(
            m.StackMaskForFirstBlock,
            "It looks as if the mask does not reach every block. Call block(x, mask) each time.",
            also=(m.StackMaskIgnored,),
        ),
        Misconception(
            m.StackSideBySide,
            "It looks as if every block reads the input. Each reads what the one below wrote: "
            "x, seen = block(x, mask).",
        ),
        Misconception(
            m.StackPairNotUnpacked,
            "It looks as if the pair that a block returns is not taken apart. Write x, seen = "
            "block(x, mask).",
            also=(
                m.StackPairNotUnpackedAndKept,
                m.StackPairForWeights,
                m.StackPairForWeightsAlone,
            ),
        ),
        Misconception(
            m.StackJoinsWeights,
            "It looks as if += or extend takes each block's weights apart, sentence by sentence. "
            "weights.append(seen) keeps them whole, one item a block.",
        ),
        Misconception(
            m.StackReturnsInTheLoop,
            "It looks as if return stands inside the loop, so that only the first block works. "
            "Move it out of the loop.",
        ),
        Misconception(
            m.StackKeepsVectors,
            "It looks as if the list holds the vectors of each block. It is to hold the weights: "
            "x, seen = block(x, mask), then weights.append(seen).",
        ),
        Misconception(
            m.StackLastWeightsOnly,
            "It looks as if only one block's weights are returned. Return a list with the weights "
            "of every block.",
        ),
        Misconception(
            m.StackWithoutWeights,
            "It looks as if forward returns the vectors alone. Return the pair x, weights.",
        ),
    ),
    alternatives=(m.StackInASequence, m.StackByRecursion),
    stands_on=("layer_norm", "EncoderBlock"),
    forbidden=("transformer_encoder", "multi_head_attention"),
    points=2,
    minutes=12,
    difficulty=3,
)
