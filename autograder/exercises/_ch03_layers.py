"""Chapter 3, second part: what a word goes through alone, and how many numbers that takes."""

from typing import Any

import torch

from autograder import probes
from autograder.exercises import _ch03_mistakes_layers as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import blocks, stacks

Inputs = dict[str, Any]


def _with_gradients(arguments: Inputs, draw: Draw) -> Inputs:
    return {"arguments": arguments, "cotangent_seed": draw.seed()}


# layer_norm


def _plain(draw: Draw) -> Inputs:
    batch, seq, d_model = draw.sizes(3, 3, 8)
    x = draw.normal(batch, seq, d_model, scale=3) + draw.normal(batch, seq, 1, scale=5)
    return {"x": x, "gamma": torch.ones(d_model), "beta": torch.zeros(d_model)}


def _learned(draw: Draw) -> Inputs:
    inputs = _plain(draw)
    d_model = inputs["x"].shape[-1]
    return {**inputs, "gamma": draw.normal(d_model), "beta": draw.normal(d_model)}


def _large_eps(draw: Draw) -> Inputs:
    inputs = _learned(draw)
    eps = float(draw.uniform(1, low=0.3, high=2.0))
    return {**inputs, "x": inputs["x"] / 3, "eps": round(eps, 3)}


def _equal_numbers(draw: Draw) -> Inputs:
    inputs = _learned(draw)
    level = draw.integers(-4, 5, *inputs["x"].shape[:2], 1).float()
    return {**inputs, "x": level.expand_as(inputs["x"]).contiguous()}


def _one_vector(draw: Draw) -> Inputs:
    inputs = _learned(draw)
    return {**inputs, "x": inputs["x"][0, 0].contiguous()}


def _cube(draw: Draw) -> Inputs:
    size = draw.size(3, 6)
    x = draw.normal(size, size, size, size, scale=2).double()
    return {"x": x, "gamma": draw.normal(size).double(), "beta": draw.normal(size).double()}


def _normal(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    mean, square = observed["result"].mean(-1), observed["result"].square().mean(-1)
    if mean.abs().max() > 1e-3:
        return Failure(f"A vector has mean {mean.flatten()[mean.abs().argmax()]:.3g}.", "mean")
    variance = square - mean.square()
    off = (variance - 1).abs()
    if off.max() > 1e-2:
        return Failure(f"A vector has variance {variance.flatten()[off.argmax()]:.3g}.", "variance")
    return None


def _finite(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    if not observed["result"].isfinite().all():
        return Failure("A vector of equal numbers gives 0 / 0, which is not a number.", "nan")
    return None


layer_norm = Exercise(
    id="layer_norm",
    title="bring each vector to one size",
    reference=blocks.layer_norm,
    cases=(
        Case("each vector has mean 0 and variance 1", _plain, holds=_normal),
        Case("gamma scales and beta shifts", _learned),
        Case("eps is added to the variance, under the root", _large_eps),
        Case("a vector of equal numbers becomes beta", _equal_numbers, holds=_finite),
        Case("one vector alone", _one_vector),
        Case("four axes of one size, in float64", _cube),
        Case(
            "gradients flow to x, gamma and beta",
            lambda draw: _with_gradients(_learned(draw), draw),
            probes.gradients,
            tolerance=3,
        ),
        Case("the vectors are left as they were", _learned, probes.untouched, guard=True),
    ),
    hints=(
        "First take the mean away from each vector, then divide by its standard deviation. Both "
        "belong to one vector: which axis holds its numbers?",
        "mean and variance run over dim=-1, with keepdim=True so that they line up with x. The "
        "variance is the mean of the squared distances, so it divides by d_model.",
        "centered = x - x.mean(dim=-1, keepdim=True); variance = centered.square().mean(dim=-1, "
        "keepdim=True); then gamma * centered / (variance + eps).sqrt() + beta.",
    ),
    misconceptions=(
        Misconception(
            m.norm_eps_outside_root,
            "It looks as if eps is added after the root. It belongs inside: (variance + "
            "eps).sqrt().",
        ),
        Misconception(
            m.norm_unbiased,
            "It looks as if the variance divides by d_model - 1, as x.var does by itself. Here it "
            "is the plain mean of the squares: divide by d_model.",
            also=(m.norm_unbiased_std,),
        ),
        Misconception(
            m.norm_without_eps,
            "It looks as if eps is missing. Without it, a vector of equal numbers is divided by 0.",
        ),
        Misconception(
            m.norm_with_fixed_eps,
            "It looks as if eps is always 0.00001. Use the parameter eps.",
        ),
        Misconception(
            m.norm_without_root,
            "It looks as if the root is missing. Divide by the root of the variance.",
        ),
        Misconception(
            m.norm_not_centered,
            "It looks as if the mean is not taken away. Divide x - mean, not x.",
            also=(m.norm_by_mean_square,),
        ),
        Misconception(
            m.norm_over_words,
            "It looks as if mean and variance run over the words or the batch, so that words "
            "depend on each other. They run over the numbers of one vector: dim=-1.",
            also=(m.norm_over_batch, m.norm_over_axis_1),
        ),
        Misconception(
            m.norm_over_everything,
            "It looks as if there is one mean for many vectors. Each vector has its own: dim=-1, "
            "keepdim=True.",
            also=(m.norm_over_sentences,),
        ),
        Misconception(
            m.norm_without_keepdim,
            "It looks as if keepdim=True is missing, so that one word's mean or variance meets "
            "other words. Write x.mean(dim=-1, keepdim=True), and the variance likewise.",
            also=(m.norm_with_mean_without_keepdim, m.norm_with_variance_without_keepdim),
        ),
        Misconception(
            m.norm_by_sum,
            "It looks as if the squares are added up and not averaged. The variance is their mean: "
            "divide the sum by d_model.",
        ),
        Misconception(
            m.norm_with_variance_not_centered,
            "It looks as if the variance is made of the squares of x itself. Square the distances "
            "from the mean, x - mean.",
        ),
        Misconception(
            m.norm_without_gamma,
            "It looks as if gamma is not used. Multiply by it before beta is added.",
        ),
        Misconception(
            m.norm_without_beta,
            "It looks as if beta is not used. Add it at the end.",
        ),
        Misconception(
            m.norm_without_gamma_and_beta,
            "It looks as if gamma and beta are not used. The last step multiplies by the one and "
            "adds the other.",
        ),
        Misconception(
            m.norm_gamma_and_beta_exchanged,
            "It looks as if gamma and beta are exchanged. gamma scales, beta shifts.",
        ),
        Misconception(
            m.norm_gamma_over_the_sum,
            "It looks as if beta is added before gamma multiplies. First scale, then shift.",
        ),
        Misconception(
            m.norm_in_place,
            "It looks as if x itself is changed (-= works in place). Make a new tensor: x - mean.",
        ),
    ),
    alternatives=(m.norm_by_var, m.norm_vector_by_vector),
    forbidden=("layer_norm", "batch_norm", "group_norm", "instance_norm"),
    points=2,
    minutes=12,
    difficulty=2,
)


# gelu


def _numbers(draw: Draw) -> Inputs:
    return {"x": draw.normal(*draw.sizes(2, 3, 9), scale=1.5)}


def _fine(draw: Draw) -> Inputs:
    return {"x": draw.uniform(*draw.sizes(2, 5, 9), low=-4.0, high=4.0).double()}


def _far_out(draw: Draw) -> Inputs:
    size = draw.uniform(draw.size(5, 9), low=8.0, high=60.0)
    return {"x": torch.cat([size, -size])}


gelu = Exercise(
    id="gelu",
    title="a bend without a corner",
    reference=blocks.gelu,
    cases=(
        Case("the formula, on numbers near 0", _numbers),
        Case("the exact formula, in float64", _fine),
        Case("far to the right it is x, far to the left 0", _far_out),
        Case(
            "gradients flow back",
            lambda draw: _with_gradients(_numbers(draw), draw),
            probes.gradients,
        ),
        Case("the numbers are left as they were", _numbers, probes.untouched, guard=True),
    ),
    hints=(
        "Φ(x) is the share of a bell curve that lies left of x. Torch knows it in another guise, "
        "the error function.",
        "Φ(x) is half of (1 + erf(x / √2)), and torch.erf works on whole tensors.",
        "Multiply: 0.5 * x * (1 + torch.erf(x / math.sqrt(2))).",
    ),
    misconceptions=(
        Misconception(
            m.gelu_is_relu,
            "It looks as if this is ReLU, with its corner at 0. Multiply x by Φ(x).",
        ),
        Misconception(
            m.gelu_by_tanh,
            "It looks as if this is the approximation by tanh that GPT-2 uses, close but not the "
            "formula. Use torch.erf.",
        ),
        Misconception(
            m.gelu_by_scaled_sigmoid,
            "It looks as if Φ is approximated by a sigmoid of 1.702 x, which is a little off. Use "
            "torch.erf.",
        ),
        Misconception(
            m.gelu_by_sigmoid,
            "It looks as if x is multiplied by a sigmoid. That is another activation (SiLU); here "
            "it is Φ(x), by torch.erf.",
            also=(m.gelu_sigmoid_alone,),
        ),
        Misconception(
            m.gelu_without_x,
            "It looks as if this is Φ(x) alone. Multiply it by x.",
        ),
        Misconception(
            m.gelu_without_root_two,
            "It looks as if √2 has gone astray. Inside erf, x is divided by √2.",
            also=(m.gelu_times_root_two, m.gelu_over_two),
        ),
        Misconception(
            m.gelu_without_half,
            "It looks as if the half is missing. (1 + erf) runs from 0 to 2, and Φ from 0 to 1.",
        ),
        Misconception(
            m.gelu_without_one,
            "It looks as if the 1 is missing. erf runs from -1 to 1; (1 + erf) / 2 runs from 0 "
            "to 1.",
        ),
        Misconception(
            m.gelu_without_brackets,
            "It looks as if brackets are missing, so that erf is added at the end. x is multiplied "
            "by the whole sum: (1 + torch.erf(…)).",
        ),
        Misconception(
            m.gelu_by_math,
            "It looks as if math.erf gets a tensor. It works on one number; torch.erf works on "
            "every number of a tensor.",
        ),
        Misconception(
            m.gelu_by_density,
            "It looks as if the height of the bell curve is used. Φ is the area to the left of x: "
            "torch.erf gives it.",
        ),
        Misconception(
            m.gelu_in_place,
            "It looks as if x itself is changed (*= works in place). Return a new tensor.",
        ),
    ),
    alternatives=(m.gelu_by_ndtr, m.gelu_by_erfc, m.gelu_by_distribution),
    forbidden=("gelu",),
    points=1,
    minutes=6,
    difficulty=1,
)


# FeedForward


def _forward(draw: Draw, activation: str = "", same: bool = False) -> Inputs:
    batch, seq, d_model, d_ff = draw.sizes(4, 3, 9)
    d_ff = d_model if same else d_ff
    sizes: Inputs = {"d_model": d_model, "d_ff": d_ff}
    return {
        "sizes": sizes | ({"activation": activation} if activation else {}),
        "weights": {
            "inner.weight": draw.normal(d_ff, d_model, scale=0.6),
            "inner.bias": draw.normal(d_ff, scale=0.6),
            "outer.weight": draw.normal(d_model, d_ff),
            "outer.bias": draw.normal(d_model),
        },
        "arguments": {"x": draw.normal(batch, seq, d_model)},
    }


def _words_in_another_order(draw: Draw) -> Inputs:
    """Sentences of the same words, forwards and backwards."""
    inputs = _forward(draw, "gelu")
    x = inputs["arguments"]["x"][:1]
    return {**inputs, "arguments": {"x": torch.cat([x, x.flip(1)])}}


def _each_alone(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    first, second = observed["output"]
    if not torch.allclose(first, second.flip(0), 1e-4, 1e-5):
        return Failure("A word's vector depends on the words around it.", "neighbours")
    return None


def _forward_sizes(draw: Draw) -> Inputs:
    return {"sizes": dict(zip(("d_model", "d_ff"), draw.sizes(2, 3, 30), strict=True))}


feed_forward = Exercise(
    id="FeedForward",
    title="each word thinks by itself",
    reference=blocks.FeedForward,
    cases=(
        Case("wider, GELU, and back", lambda draw: _forward(draw, "gelu"), probes.module),
        Case("with ReLU, when that is asked for", lambda d: _forward(d, "relu"), probes.module),
        Case("GELU when nothing is said", _forward, probes.module),
        Case("no wider than the vectors", lambda d: _forward(d, "relu", same=True), probes.module),
        Case("each word alone", _words_in_another_order, probes.module, holds=_each_alone),
        Case(
            "gradients reach the inputs and both layers",
            lambda draw: _forward(draw, "gelu") | {"cotangent_seed": draw.seed(), "train": True},
            probes.module,
            tolerance=3,
        ),
        Case("two layers with bias", _forward_sizes, probes.parameters, guard=True),
        Case("the vectors are left as they were", _forward, probes.module_untouched, guard=True),
    ),
    hints=(
        "Two linear layers with one activation between them. Keep in __init__ which activation it "
        "is.",
        "self.inner takes d_model numbers to d_ff, self.outer takes them back. A linear layer "
        "works on the last axis, so every word is on its own already.",
        "In forward: hidden = self.inner(x); then gelu(hidden), or hidden.clamp(min=0) where the "
        'activation is "relu"; then self.outer.',
    ),
    misconceptions=(
        Misconception(
            m.ForwardWithoutActivation,
            "It looks as if the activation is missing. Without a bend, two linear layers are no "
            "more than one: put it between inner and outer.",
        ),
        Misconception(
            m.ForwardAlwaysGelu,
            "It looks as if GELU is always taken. Where activation is relu, negative numbers "
            "become 0.",
        ),
        Misconception(
            m.ForwardAlwaysRelu,
            "It looks as if ReLU is always taken. Where activation is gelu, call your gelu.",
        ),
        Misconception(
            m.ForwardExchanged,
            "It looks as if the two activations are exchanged.",
        ),
        Misconception(
            m.ForwardBentTwice,
            "It looks as if the result is bent once more at the end. The activation stands between "
            "the layers only: a vector must be able to go down as well as up.",
        ),
        Misconception(
            m.ForwardBentAtTheEnd,
            "It looks as if the activation comes after both layers. It belongs between them.",
        ),
        Misconception(
            m.ForwardBentFirst,
            "It looks as if the activation comes before both layers. It belongs between them.",
        ),
        Misconception(
            m.ForwardWithResidual,
            "It looks as if x is added. The residual comes later, around this layer.",
        ),
        Misconception(
            m.ForwardWithoutBias,
            "It looks as if the layers have no bias. Here both have one: leave bias=False away.",
        ),
        Misconception(
            m.ForwardAlwaysFourTimes,
            "It looks as if the inner size is always 4 d_model. Use the parameter d_ff.",
        ),
        Misconception(
            m.ForwardSizesExchanged,
            "It looks as if the layers have other sizes. self.inner is nn.Linear(d_model, d_ff), "
            "and self.outer leads back: nn.Linear(d_ff, d_model).",
            also=(m.ForwardSizesTwice, m.ForwardNoWider),
        ),
        Misconception(
            m.ForwardWithoutOuter,
            "It looks as if the second layer is not used. What has been bent goes through "
            "self.outer, back to d_model numbers.",
        ),
        Misconception(
            m.ForwardCallsTheWord,
            "It looks as if the word in activation is called like a function. Ask which it is: "
            'hidden.clamp(min=0) for "relu", else gelu(hidden).',
            also=(m.ForwardCallsTheWordForGelu,),
        ),
    ),
    alternatives=(m.ForwardByMatrices, m.ForwardWordByWord),
    stands_on=("gelu",),
    points=2,
    minutes=8,
    difficulty=2,
)


# encoder_parameters


def _sizes(draw: Draw) -> Inputs:
    num_heads, d_head, num_layers = draw.sizes(3, 2, 9)
    d_ff = draw.size(20, 90)
    return {
        "d_model": num_heads * d_head,
        "num_heads": num_heads,
        "d_ff": d_ff,
        "num_layers": num_layers,
    }


def _other_heads(draw: Draw) -> Inputs:
    d_head, num_layers = draw.sizes(2, 2, 7)
    sizes = {"d_model": 12 * d_head, "num_heads": 1, "d_ff": draw.size(20, 90)}
    sizes["num_layers"] = num_layers
    return {f"with {heads} heads": {**sizes, "num_heads": heads} for heads in (2, 3, 12)}


def _more_layers(draw: Draw) -> Inputs:
    sizes = _sizes(draw)
    return {f"{layers} layers": {**sizes, "num_layers": layers} for layers in (1, 2, 24)}


encoder_parameters = Exercise(
    id="encoder_parameters",
    title="how many numbers does it learn?",
    reference=stacks.encoder_parameters,
    cases=(
        Case("all weights, biases, scales and shifts", _sizes, trials=3),
        Case("more or fewer heads", _other_heads, probes.several),
        Case("one layer, two layers, many", _more_layers, probes.several),
        Case(
            "the encoder of BERT",
            lambda draw: {"d_model": 768, "num_heads": 12, "d_ff": 3072, "num_layers": 12},
            trials=1,
            guard=True,
        ),
    ),
    hints=(
        "Go through one block from bottom to top and write down every layer with the shape of its "
        "weight and of its bias. Do more heads make any of these larger?",
        "A linear layer from a to b numbers learns a * b + b. There are four of them in attention "
        "and two in the feed-forward part; and each of two norms has gamma and beta.",
        "One block: 4 * (d_model**2 + d_model) for attention, d_model * d_ff + d_ff and "
        "d_ff * d_model + d_model for the feed-forward part, 4 * d_model for two norms. Then times "
        "num_layers.",
    ),
    misconceptions=(
        Misconception(
            m.count_times_heads,
            "It looks as if every head brings layers of full size. The heads share the four "
            "layers, d_model by d_model: however many heads, the count is the same.",
            also=(m.count_three_times_heads,),
        ),
        Misconception(
            m.count_one_head,
            "It looks as if one head is counted. All heads together fill layers of d_model by "
            "d_model.",
            also=(m.count_four_small_layers,),
        ),
        Misconception(
            m.count_without_biases,
            "It looks as if biases are missing. A linear layer from a to b learns a * b + b.",
            also=(m.count_matrices_alone,),
        ),
        Misconception(
            m.count_without_norms,
            "4 * d_model numbers a block are missing: either both layer norms, each with gamma and "
            "beta, or the biases of attention's four layers.",
            also=(m.count_without_attention_biases,),
        ),
        Misconception(
            m.count_one_norm,
            "It looks as if half of the layer norms is missing. There are two in a block, each "
            "with gamma and beta.",
            also=(m.count_norms_without_shift,),
        ),
        Misconception(
            m.count_norms_once,
            "It looks as if the layer norms are counted once. Every block has two of its own: "
            "multiply by num_layers at the end.",
        ),
        Misconception(
            m.count_without_forward_biases,
            "It looks as if the biases of the feed-forward part are missing or of the wrong size. "
            "inner has d_ff of them, outer d_model.",
            also=(
                m.count_two_wide_biases,
                m.count_two_narrow_biases,
                m.count_without_inner_bias,
            ),
        ),
        Misconception(
            m.count_four_times_as_wide,
            "It looks as if the inner size is always 4 d_model. Use the parameter d_ff.",
        ),
        Misconception(
            m.count_one_bias_of_d_model_less,
            "d_model numbers a block are missing: one bias has been forgotten, that of self.output "
            "in attention or of self.outer in the feed-forward part.",
        ),
        Misconception(
            m.count_without_output,
            "It looks as if W_O is missing. Attention has four layers: query, key, value, output.",
        ),
        Misconception(
            m.count_one_forward_layer,
            "It looks as if half of the feed-forward part is missing. It has two layers, there and "
            "back.",
        ),
        Misconception(
            m.count_one_block,
            "It looks as if one block is counted. Multiply by num_layers.",
        ),
        Misconception(
            m.count_with_a_last_norm,
            "It looks as if a norm on top is counted. Post-norm blocks, as here, need none.",
        ),
    ),
    alternatives=(m.count_factored, m.count_by_shapes),
    points=1,
    minutes=10,
    difficulty=2,
    kind="predict",
)
