"""Chapter 8, fourth part: tuning with few numbers."""

from typing import Any

from autograder import probes
from autograder.exercises import _ch08_mistakes_lora as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import lora

Inputs = dict[str, Any]


# training_memory


def _some_trained(draw: Draw) -> Inputs:
    total = draw.size(60, 300)
    return {"total": total, "trained": draw.size(5, total // 3)}


def _all_trained(draw: Draw) -> Inputs:
    total = draw.size(60, 300)
    return {"total": total, "trained": total}


def _half_precision(draw: Draw) -> Inputs:
    return {**_some_trained(draw), "bytes_per_number": draw.choice([2, 8])}


def _none_trained(draw: Draw) -> Inputs:
    return {"total": draw.size(60, 300), "trained": 0}


training_memory = Exercise(
    id="training_memory",
    title="what training costs",
    reference=lora.training_memory,
    cases=(
        Case("some of the numbers are trained", _some_trained),
        Case("all are trained", _all_trained),
        Case("none is trained", _none_trained),
        Case("numbers of another size", _half_precision),
    ),
    hints=(
        "Go through what AdamW needs for one number that is trained: the number itself, its "
        "gradient, and what else? And for one that is frozen?",
        "AdamW remembers two running means for each number it trains: of the gradient and of its "
        "square. A frozen number has neither gradient nor memory.",
        "Four numbers are kept for each that is trained, one for each that is frozen: "
        "4 * trained + (total - trained), times the bytes.",
    ),
    misconceptions=(
        Misconception(
            m.memory_of_the_weights,
            "This counts the weights alone. Each number that is trained has three more beside it: "
            "its gradient and AdamW's two running means.",
        ),
        Misconception(
            m.memory_without_gradients,
            "One number is missing for each that is trained: its gradient, or one of AdamW's two "
            "running means. With the weight itself that makes four.",
        ),
        Misconception(
            m.memory_without_adamw,
            "It looks as if AdamW remembers nothing. It keeps two running means for each number "
            "that it trains, of the gradient and of its square.",
        ),
        Misconception(
            m.memory_of_everything_trained,
            "It looks as if frozen numbers are counted like trained ones. They have no gradient "
            "and no running means; that is what freezing saves.",
        ),
        Misconception(
            m.memory_without_the_frozen,
            "It looks as if frozen numbers take no room. They are not trained, and still the model "
            "computes with them.",
        ),
        Misconception(
            m.memory_of_the_trained_counted_twice,
            "It looks as if a trained number is counted twice: total has it already. Three more "
            "come to it, not four.",
        ),
        Misconception(
            m.memory_in_numbers,
            "This is how many numbers are kept. Each takes bytes_per_number bytes.",
            also=(m.memory_always_four_bytes,),
        ),
        Misconception(
            m.memory_beside_the_weights,
            "The weights themselves are missing: every number of the model takes room, whether "
            "it is trained or not.",
        ),
        Misconception(
            m.memory_with_gradients_of_the_frozen,
            "It looks as if frozen numbers keep a part of what trained ones keep. They have "
            "neither a gradient nor running means.",
            also=(m.memory_with_means_of_the_frozen,),
        ),
        Misconception(
            m.memory_with_frozen_and_trained_exchanged,
            "It looks as if frozen and trained numbers change places. Four are kept for each "
            "number that is trained, one for each that is frozen.",
        ),
    ),
    alternatives=(m.memory_part_by_part, m.memory_frozen_and_trained),
    points=1,
    minutes=5,
    difficulty=2,
    kind="predict",
)


# LoRALinear


def _layer(draw: Draw, bias: bool = True, gradients: bool = False, axes: int = 3) -> Inputs:
    rank, *others = draw.sizes(3, 2, 5)
    d_in, d_out = (size + 4 for size in others)
    shape = (3, 4, d_in)[3 - axes :]
    layer = {"weight": draw.normal(d_out, d_in, scale=0.5)}
    if bias:
        layer["bias"] = draw.normal(d_out)
    inputs: Inputs = {
        "layer": layer,
        "sizes": {"rank": rank, "alpha": float(rank * draw.choice([3, 5]) + 1)},
        "weights": {"A": draw.normal(rank, d_in), "B": draw.normal(d_out, rank)},
        "x": draw.normal(*shape),
    }
    return inputs | {"cotangent_seed": draw.seed()} if gradients else inputs


def _starts_as_it_was(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    change = observed["change of the output"]
    if change > 1e-4:
        text = f"Before anything is learned, the output has changed by {change:.3g}."
        return Failure(text, "changed at the start")
    if observed["largest number of B"] > 0:
        return Failure("B should start at 0, and A with random numbers.", "other end")
    if not observed["B can learn"]:
        return Failure("The first gradient of B is 0, so nothing can ever move.", "stuck")
    return None


def _wide(draw: Draw) -> Inputs:
    """A layer with so many inputs that the largest of A's numbers tells their spread."""
    d_in, d_out = draw.size(240, 300), draw.size(4, 6)
    return {
        "layer": {"weight": draw.normal(d_out, d_in, scale=0.5)},
        "sizes": {"rank": 3, "alpha": 6.0},
        "weights": {},
        "x": draw.normal(3, d_in),
    }


def _drawn(draw: Draw) -> Inputs:
    inputs = _layer(draw)
    first, second = draw.sizes(2, 1, 999)
    return {**inputs, "seed": first, "other_seed": second}


def _is_of_that_size(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    """Of 720 or more normal numbers one beyond 6.5 sigma comes once in 10 million times."""
    spread = inputs["layer"]["weight"].shape[1] ** -0.5
    largest = observed["largest number of A"] / spread
    if largest > 6.5:
        return Failure("A starts too large; its numbers should be about 1 / √d_in.", "large")
    if largest < 0.9:
        return Failure("A starts too small; its numbers should be about 1 / √d_in.", "small")
    if observed["smallest number of A"] >= 0:
        return Failure("No number of A is negative; torch.randn draws both signs.", "one sign")
    return None


lora_linear = Exercise(
    id="LoRALinear",
    title="a small change beside a frozen layer",
    reference=lora.LoRALinear,
    cases=(
        Case("the frozen layer plus its change", _layer, probes.low_rank),
        Case("a layer without bias", lambda draw: _layer(draw, bias=False), probes.low_rank),
        Case("a table of vectors", lambda draw: _layer(draw, axes=2), probes.low_rank),
        Case(
            "at first it computes what the layer computes",
            _layer,
            probes.low_rank_start,
            holds=_starts_as_it_was,
            values=False,
        ),
        Case(
            "A starts with numbers of about 1 / √d_in",
            _wide,
            probes.low_rank_start,
            holds=_is_of_that_size,
            values=False,
        ),
        Case("a generator decides what A is", _drawn, probes.low_rank_draws),
        Case(
            "A and B are trained, the layer is kept and frozen", _layer, probes.low_rank_parameters
        ),
        Case(
            "gradients reach x, A and B",
            lambda draw: _layer(draw, gradients=True),
            probes.low_rank,
            tolerance=5,
        ),
    ),
    hints=(
        "__init__ freezes the layer and makes two parameters. forward adds two things: what the "
        "layer gives, and what x gives on its way through A and then B.",
        "layer.requires_grad_(False) freezes. nn.Parameter(torch.randn(rank, d_in, "
        "generator=generator) / math.sqrt(d_in)) is A, nn.Parameter(torch.zeros(d_out, rank)) is "
        "B. x has its features in the last axis, so x @ A.T makes them rank numbers.",
        "forward: self.layer(x) + self.alpha / self.rank * (x @ self.A.T @ self.B.T).",
    ),
    misconceptions=(
        Misconception(
            m.LoRABothDrawn,
            "It looks as if both matrices start at random. Then the model has already changed "
            "before it has learned anything; start B at 0.",
        ),
        Misconception(
            m.LoRABothZero,
            "It looks as if both matrices start at 0. Then the gradient of each is 0 as well, and "
            "nothing ever moves; start A with random numbers.",
        ),
        Misconception(
            m.LoRAStartsAtTheOtherEnd,
            "It looks as if A starts at 0 and B at random. That would learn too; in the paper and "
            "in every library it is A that is random, and B that is 0.",
        ),
        Misconception(
            m.LoRANamesExchanged,
            "It looks as if the names A and B are exchanged. x goes through A first: A is (rank, "
            "d_in), B is (d_out, rank).",
        ),
        Misconception(
            m.LoRAStoredTransposed,
            "It looks as if A and B are stored the other way round. Store A as (rank, d_in) and B "
            "as (d_out, rank), as torch stores its weights; the .T comes in forward.",
        ),
        Misconception(
            m.LoRAWithoutScale,
            "It looks as if the factor alpha / rank is missing from the change.",
        ),
        Misconception(
            m.LoRAScaledByAlpha,
            "It looks as if the change is multiplied by another factor than alpha / rank.",
            also=(
                m.LoRAScaledByRankOverAlpha,
                m.LoRADividedByRank,
                m.LoRAScaledByRoot,
                m.LoRAScaledByProduct,
            ),
        ),
        Misconception(
            m.LoRABaseScaledToo,
            "It looks as if the layer's own output is scaled as well. alpha / rank belongs to the "
            "change alone.",
        ),
        Misconception(
            m.LoRABaseTrained,
            "It looks as if the layer itself is trained, too. Freeze it: "
            "layer.requires_grad_(False), weight and bias.",
            also=(m.LoRABiasTrained,),
        ),
        Misconception(
            m.LoRABaseCutOff,
            "It looks as if no gradient passes through the frozen layer (torch.no_grad or detach, "
            "perhaps). Its weights rest, but layers below it still learn through it.",
        ),
        Misconception(
            m.LoRAWithoutBase,
            "It looks as if only the change comes out. Add what the frozen layer gives.",
        ),
        Misconception(
            m.LoRABiasForgotten,
            "It looks as if the bias of the layer is lost. Call self.layer(x), which has it.",
        ),
        Misconception(
            m.LoRAWithALarge,
            "It looks as if A starts too large. Divide what torch.randn gives by √d_in, "
            "math.sqrt(layer.in_features).",
            also=(m.LoRAWithASizedByRank, m.LoRAWithASizedByOutputs),
        ),
        Misconception(
            m.LoRAWithASmall,
            "It looks as if A starts too small. Divide what torch.randn gives by √d_in once, by "
            "math.sqrt(layer.in_features).",
        ),
        Misconception(
            m.LoRAWithAOfOneSign,
            "It looks as if A has positive numbers only, as torch.rand draws them. torch.randn, "
            "with an n, draws both signs.",
        ),
        Misconception(
            m.LoRAWithoutItsGenerator,
            "It looks as if the generator is not used. Hand it on: torch.randn(rank, d_in, "
            "generator=generator).",
            also=(m.LoRAWithASeedOfItsOwn,),
        ),
        Misconception(
            m.LoRARemembersItsChange,
            "It looks as if the change is computed once and kept. A and B learn, so that the "
            "product of the two is another one in every call.",
        ),
        Misconception(
            m.LoRAWithoutItsLayer,
            "It looks as if the layer is not kept: only its numbers are. Keep it as self.layer, "
            "frozen, so that the module still knows what belongs to it.",
        ),
    ),
    alternatives=(m.LoRAByOneWeight, m.LoRAByEinsum),
    points=4,
    minutes=18,
    difficulty=4,
)


# merged_weight


def _change(draw: Draw, square: bool = False) -> Inputs:
    rank, *others = draw.sizes(3, 2, 5)
    d_in, d_out = (size + 4 for size in others)
    d_out = d_in if square else d_out
    return {
        "weight": draw.normal(d_out, d_in),
        "A": draw.normal(rank, d_in),
        "B": draw.normal(d_out, rank),
        "alpha": float(rank * draw.choice([3, 5]) + 1),
    }


def _with_nothing_learned(draw: Draw) -> Inputs:
    inputs = _change(draw, square=True)
    return {**inputs, "B": inputs["B"] * 0}


def _in_float64(draw: Draw) -> Inputs:
    inputs = _change(draw, square=True)
    return {name: v if name == "alpha" else v.double() for name, v in inputs.items()}


merged_weight = Exercise(
    id="merged_weight",
    title="the change moves in",
    reference=lora.merged_weight,
    cases=(
        Case("one matrix that does both", _change),
        Case("a square weight, in float64", _in_float64),
        Case("where B is 0 nothing changes", _with_nothing_learned, guard=True),
        Case("the matrices are left as they were", _change, probes.untouched, guard=True),
    ),
    hints=(
        "Which product of A and B has the shape of the weight, (d_out, d_in)?",
        "B @ A. It gets the same factor as in the layer, alpha / rank, and the rank can be read "
        "off a shape.",
        "weight + alpha / A.shape[0] * (B @ A).",
    ),
    misconceptions=(
        Misconception(
            m.merged_without_scale,
            "It looks as if the factor alpha / rank is forgotten. The layer had it, so the merged "
            "weight must have it.",
        ),
        Misconception(
            m.merged_by_alpha,
            "It looks as if the change is multiplied by alpha and not divided by the rank.",
        ),
        Misconception(
            m.merged_divided_by_size,
            "It looks as if alpha is divided by another size. The rank is the number of rows of A: "
            "A.shape[0].",
            also=(m.merged_divided_by_d_out,),
        ),
        Misconception(
            m.merged_scaled_twice,
            "It looks as if the factor alpha / rank is used twice. Once is enough.",
        ),
        Misconception(
            m.merged_added_twice,
            "It looks as if the change is added twice.",
        ),
        Misconception(
            m.merged_change_alone,
            "It looks as if the frozen weight is missing. The change is added to it.",
        ),
        Misconception(
            m.merged_subtracted,
            "It looks as if the change is taken away. Merging adds it.",
        ),
        Misconception(
            m.merged_all_scaled,
            "It looks as if the frozen weight is scaled, too. alpha / rank belongs to the change.",
        ),
        Misconception(
            m.merged_transposed,
            "It looks as if the product is A.T @ B.T, which is (d_in, d_out). The weight is "
            "(d_out, d_in): B @ A.",
        ),
        Misconception(
            m.merged_in_place,
            "It looks as if the frozen weight itself is changed. Run twice, it would be changed "
            "twice; make a new tensor with +.",
        ),
        Misconception(
            m.merged_by_rank_over_alpha,
            "It looks as if the change is multiplied by another factor than alpha / rank.",
            also=(
                m.merged_divided_by_rank_alone,
                m.merged_by_alpha_times_rank,
            ),
        ),
        Misconception(
            m.merged_multiplied,
            "It looks as if weight and change are multiplied. The change is added to the weight.",
        ),
        Misconception(
            m.merged_weight_alone,
            "It looks as if the weight comes back without the change. Add alpha / rank times B "
            "@ A.",
        ),
    ),
    alternatives=(m.merged_by_einsum, m.merged_rank_by_rank, m.merged_by_addmm),
    points=2,
    minutes=6,
    difficulty=2,
)
