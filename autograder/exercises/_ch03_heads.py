"""Chapter 3, first part: several heads side by side."""

from typing import Any

import torch

from autograder import probes
from autograder.exercises import _ch03_mistakes_heads as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import multi_head

Inputs = dict[str, Any]


# split_heads


def _to_split(draw: Draw, num_heads: int = 0, d_head: int = 0) -> Inputs:
    batch, seq, heads, size = draw.sizes(4, 2, 7)
    num_heads, d_head = num_heads or heads, d_head or size
    return {"x": draw.normal(batch, seq, num_heads * d_head), "num_heads": num_heads}


def _as_many_words_as_heads(draw: Draw) -> Inputs:
    batch, seq, d_head = draw.sizes(3, 2, 6)
    return {"x": draw.normal(batch, seq, seq * d_head).double(), "num_heads": seq}


split_heads = Exercise(
    id="split_heads",
    title="cut the vectors into heads",
    reference=multi_head.split_heads,
    cases=(
        Case("each head gets neighbouring numbers of every word", _to_split),
        Case("one head gets everything", lambda draw: _to_split(draw, num_heads=1), guard=True),
        Case("heads of one number each", lambda draw: _to_split(draw, d_head=1)),
        Case("as many words as heads, in float64", _as_many_words_as_heads),
        Case(
            "gradients flow back",
            lambda draw: {"arguments": _to_split(draw), "cotangent_seed": draw.seed()},
            probes.gradients,
        ),
        Case("the vectors are left as they were", _to_split, probes.untouched, guard=True),
    ),
    hints=(
        "Two steps. First each vector is cut: its last axis becomes two axes. Then the axes are "
        "put in the right order.",
        "After the cut the shape is (batch, seq, num_heads, d_head). Which two of these axes have "
        "to change places?",
        "x.view(batch, seq, num_heads, d_model // num_heads), and then .transpose(1, 2).",
    ),
    misconceptions=(
        Misconception(
            m.split_by_plain_reshape,
            "It looks as if one reshape does it all. The shape is right and the numbers are not: "
            "each head gets some of the words whole. Cut the last axis first, then transpose.",
        ),
        Misconception(
            m.split_without_transpose,
            "It looks as if the heads still stand behind the words. Let the axes 1 and 2 change "
            "places with transpose(1, 2).",
        ),
        Misconception(
            m.split_interleaved,
            "It looks as if the numbers are dealt out like cards, one to each head in turn. A head "
            "gets neighbours: cut the last axis into num_heads, d_head, in this order.",
        ),
        Misconception(
            m.split_into_heads_of_that_size,
            "It looks as if num_heads is taken for the size of a head. There are num_heads heads, "
            "each of d_model // num_heads numbers.",
            also=(m.split_the_sentence,),
        ),
        Misconception(
            m.split_heads_before_batch,
            "It looks as if the heads stand in the wrong place. The order is (batch, num_heads, "
            "seq, d_head): right after the batch, before the words.",
            also=(m.split_heads_last, m.split_words_first, m.split_sizes_first),
        ),
        Misconception(
            m.split_by_reshape_then_transpose,
            "It looks as if the heads come before the words already when the vectors are cut. Cut "
            "the last axis where it stands, into (batch, seq, num_heads, d_head); then transpose.",
        ),
        Misconception(
            m.split_by_transpose_then_reshape,
            "It looks as if axes change places before the cut. First cut the last axis into "
            "num_heads, d_head; then let the axes 1 and 2 change places.",
        ),
        Misconception(
            m.split_ready_for_the_scores,
            "It looks as if the last two axes are exchanged as well. The order is (batch, "
            "num_heads, seq, d_head); the scores transpose the keys by themselves.",
        ),
    ),
    alternatives=(m.split_by_chunks, m.split_by_slices, m.split_by_unflatten),
    points=1,
    minutes=8,
    difficulty=2,
)


# merge_heads


def _to_merge(draw: Draw, num_heads: int = 0, seq: int = 0) -> Inputs:
    batch, heads, words, d_head = draw.sizes(4, 2, 7)
    return {"x": draw.normal(batch, num_heads or heads, seq or words, d_head)}


def _in_float64(draw: Draw) -> Inputs:
    return {"x": _to_merge(draw)["x"].double()}


def _last_word_changed(draw: Draw) -> Inputs:
    x = _to_merge(draw)["x"]
    other = x.clone()
    other[:, :, -1] += draw.normal(*x.shape[:2], x.shape[3])
    return {"the sentence": {"x": x}, "with another last word": {"x": other}}


def _earlier_words_stay(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    one, other = observed.values()
    if not torch.equal(one[:, :-1], other[:, :-1]):
        return Failure("Another last word changes the vectors of earlier words.", "mixed words")
    return None


merge_heads = Exercise(
    id="merge_heads",
    title="words that leak into each other",
    reference=multi_head.merge_heads,
    cases=(
        Case("the pieces of each word come back together", _to_merge),
        Case(
            "a word gets pieces of itself only",
            _last_word_changed,
            probes.several,
            holds=_earlier_words_stay,
        ),
        Case("one head", lambda draw: _to_merge(draw, num_heads=1)),
        Case("a sentence of one word", lambda draw: _to_merge(draw, seq=1)),
        Case("the order of the pieces, in float64", _in_float64),
        Case(
            "gradients flow back",
            lambda draw: {"arguments": _to_merge(draw), "cotangent_seed": draw.seed()},
            probes.gradients,
        ),
        Case("the pieces are left as they were", _to_merge, probes.untouched, guard=True),
    ),
    hints=(
        "Follow one number on paper, from the table with two words in the text above. reshape "
        "reads all numbers in order, as in a book, and never looks at what the axes mean.",
        "Before the reshape, the two axes that are to become one must stand side by side at the "
        "end: num_heads and d_head.",
        "x.transpose(1, 2) gives (batch, seq, num_heads, d_head); the reshape comes after it. (Use "
        "reshape: view refuses a transposed tensor.)",
    ),
    misconceptions=(
        Misconception(
            m.merged_by_plain_reshape,
            "The words leak into each other: a row is filled with one head's pieces of several "
            "words, where it should hold every head's piece of one. Follow the 6 in the table "
            "above: in which order does reshape read the axes, and which must it read last?",
        ),
        Misconception(
            m.merged_after_wrong_transpose,
            "It looks as if the wrong axes change places. It is heads and words that have to: the "
            "axes 1 and 2.",
            also=(m.merged_after_exchanging_heads_and_sizes,),
        ),
        Misconception(
            m.merged_by_view,
            "It looks as if view comes after transpose. It cannot lay out numbers that no longer "
            "lie in their order: take reshape, which copies them.",
        ),
        Misconception(
            m.merged_below_each_other,
            "It looks as if the pieces of a word go below each other, as if they were more words. "
            "They go side by side: (batch, seq, num_heads * d_head).",
            also=(m.merged_with_tokens_in_one_row,),
        ),
        Misconception(
            m.merged_interleaved,
            "It looks as if the heads' numbers are shuffled together like cards. The heads stand "
            "side by side: after the transpose the last two axes are num_heads, d_head.",
        ),
        Misconception(
            m.merged_by_sum,
            "It looks as if the heads are added up or averaged. They are put side by side, so that "
            "nothing is lost.",
            also=(m.merged_by_mean,),
        ),
        Misconception(
            m.transposed_and_not_merged,
            "It looks as if the last step is missing. After the transpose, reshape to (batch, seq, "
            "num_heads * d_head).",
        ),
    ),
    alternatives=(m.merged_by_cat, m.merged_by_flatten, m.merged_into_an_empty_table),
    points=1,
    minutes=8,
    difficulty=2,
    kind="find the bug",
)


# MultiHeadAttention

_LAYERS = ("query", "key", "value", "output")


def _heads(
    draw: Draw,
    mask: str = "",
    gradients: bool = False,
    num_heads: int = 0,
    as_many_heads_as_words: bool = False,
) -> Inputs:
    batch, seq, heads, d_head = draw.sizes(4, 2, 6)
    num_heads = seq if as_many_heads_as_words else num_heads or heads
    batch = num_heads if mask == "own" else batch
    d_model = num_heads * d_head
    weights = {f"{name}.weight": draw.normal(d_model, d_model, scale=0.5) for name in _LAYERS}
    weights |= {f"{name}.bias": draw.normal(d_model) for name in _LAYERS}
    arguments = {"x": draw.normal(batch, seq, d_model)}
    if mask == "padding":
        lengths = draw.integers(1, seq, batch, 1, 1)
        arguments["mask"] = torch.arange(seq) < lengths
    if mask == "causal":
        arguments["mask"] = torch.ones(seq, seq, dtype=torch.bool).tril()
    if mask == "own":
        arguments["mask"] = (draw.uniform(batch, seq, seq) < 0.5) | torch.eye(seq).bool()
        arguments["mask"][0, 0, 1] = False
    inputs: Inputs = {
        "sizes": {"d_model": d_model, "num_heads": num_heads},
        "weights": weights,
        "arguments": arguments,
        "names": ["context", "weights"],
    }
    return inputs | {"cotangent_seed": draw.seed(), "train": True} if gradients else inputs


def _sums_to_one(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    if (observed["weights"].sum(-1) - 1).abs().max() > 1e-4:
        return Failure("Each row of the weights should sum to 1.", "sums")
    return None


def _hides(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    weights, mask = observed["weights"], inputs["arguments"]["mask"]
    hidden = weights[~mask.unsqueeze(-3).expand_as(weights)]
    if hidden.abs().max() > 0:
        return Failure(f"A hidden key has weight {hidden.abs().max():.3g}, not 0.", "leak")
    return None


def _head_sizes(draw: Draw) -> Inputs:
    num_heads, d_head = draw.sizes(2, 2, 6)
    return {"sizes": {"d_model": num_heads * d_head, "num_heads": num_heads}}


multi_head_attention = Exercise(
    id="MultiHeadAttention",
    title="several heads look at once",
    reference=multi_head.MultiHeadAttention,
    cases=(
        Case(
            "every head has weights of its own",
            _heads,
            probes.module,
            holds=_sums_to_one,
            tolerance=3,
        ),
        Case("one head", lambda draw: _heads(draw, num_heads=1), probes.module, tolerance=3),
        Case(
            "padding is hidden from every head",
            lambda draw: _heads(draw, "padding"),
            probes.module,
            holds=_hides,
            tolerance=3,
        ),
        Case(
            "the future is hidden from every head",
            lambda draw: _heads(draw, "causal"),
            probes.module,
            holds=_hides,
            tolerance=3,
        ),
        Case(
            "each sentence has its own mask, the same for all its heads",
            lambda draw: _heads(draw, "own"),
            probes.module,
            holds=_hides,
            tolerance=3,
        ),
        Case(
            "the future is hidden, with as many heads as words",
            lambda draw: _heads(draw, "causal", as_many_heads_as_words=True),
            probes.module,
            holds=_hides,
            tolerance=3,
        ),
        Case(
            "gradients reach the inputs and all four layers",
            lambda draw: _heads(draw, "padding", gradients=True),
            probes.module,
            tolerance=3,
        ),
        Case("four layers with bias, and nothing else", _head_sizes, probes.parameters, guard=True),
        Case(
            "inputs and mask are left as they were",
            lambda draw: _heads(draw, "padding"),
            probes.module_untouched,
            guard=True,
        ),
    ),
    hints=(
        "It is chapter 2's SelfAttention with two things more: the vectors are cut into heads "
        "before the attention and put together after it, and one more layer comes last.",
        "Four layers nn.Linear(d_model, d_model): self.query, self.key, self.value, self.output. "
        "In forward, project, then split each into heads. Attention works on (batch, num_heads, "
        "seq, d_head) as it is; a mask needs one axis more, mask.unsqueeze(-3).",
        "context, weights = scaled_dot_product_attention(query, key, value, mask) with all three "
        "split by split_heads(…, self.num_heads); return self.output(merge_heads(context)), "
        "weights.",
    ),
    misconceptions=(
        Misconception(
            m.HeadsWithoutOutput,
            "It looks as if W_O is missing. After merging, send the vectors through self.output, "
            "which lets the heads' findings mix.",
            also=(m.HeadsWithoutOutputLayer,),
        ),
        Misconception(
            m.HeadsOutputBeforeMerge,
            "It looks as if self.output comes before merge_heads, where each piece is on its own. "
            "Merge first; then self.output mixes what the heads have found.",
        ),
        Misconception(
            m.HeadsNotMerged,
            "It looks as if the heads are not merged. Put their pieces side by side again with "
            "merge_heads, and send the result through self.output.",
        ),
        Misconception(
            m.HeadsPairNotUnpacked,
            "It looks as if the pair that scaled_dot_product_attention returns is taken for the "
            "context. Take it apart: context, weights = scaled_dot_product_attention(…).",
            also=(m.HeadsPairNotUnpackedToTranspose,),
        ),
        Misconception(
            m.HeadsPairReturnedWrongly,
            "It looks as if context and weights are exchanged. scaled_dot_product_attention gives "
            "the context first and the weights second, and so does forward.",
            also=(m.HeadsPairTakenApartWrongly,),
        ),
        Misconception(
            m.HeadsWithResidual,
            "It looks as if x is added. The residual comes later, around this layer.",
        ),
        Misconception(
            m.HeadsSmallLayers,
            "It looks as if query, key and value make vectors of d_head numbers. Each is "
            "nn.Linear(d_model, d_model), for all heads at once; split_heads cuts them.",
        ),
        Misconception(
            m.HeadsOfThatSize,
            "It looks as if split_heads is told the size of a head. Its second argument is how "
            "many heads there are: self.num_heads.",
        ),
        Misconception(
            m.HeadsNotSplit,
            "It looks as if there is one large head. Split queries, keys and values with "
            "split_heads before the attention.",
        ),
        Misconception(
            m.HeadsSplitByReshape,
            "It looks as if the heads are cut out by a plain reshape, which mixes the words. Call "
            "your split_heads.",
            also=(m.HeadsSplitAndMergedByReshape,),
        ),
        Misconception(
            m.HeadsMergedByReshape,
            "It looks as if the heads are merged without a transpose, which mixes the words. Call "
            "your merge_heads.",
        ),
        Misconception(
            m.HeadsScaledByModelSize,
            "It looks as if the scores are divided by √d_model. Inside a head the vectors have "
            "d_head numbers, and scaled_dot_product_attention divides by the root of that.",
        ),
        Misconception(
            m.HeadsScaledTwice,
            "It looks as if the scores are scaled twice. scaled_dot_product_attention divides by "
            "√d_head already.",
        ),
        Misconception(
            m.HeadsMaskIgnored,
            "It looks as if the mask is not used. Hand it on to scaled_dot_product_attention.",
        ),
        Misconception(
            m.HeadsMaskWithoutAxis,
            "It looks as if the mask has no axis for the heads, so that a sentence's mask falls on "
            "a head. Put one in where there is a mask: mask.unsqueeze(-3).",
            also=(m.HeadsMaskWithoutAxisRefused,),
        ),
        Misconception(
            m.HeadsMaskAxisSecond,
            "It looks as if the mask's new axis stands in the wrong place for some masks. A mask "
            "has two axes or three, so count from the right: mask.unsqueeze(-3) fits both.",
            also=(
                m.HeadsMaskAxisSecondRefused,
                m.HeadsMaskAxisLastButOne,
                m.HeadsMaskAxisLastButOneRefused,
            ),
        ),
        Misconception(
            m.HeadsMaskNeverNone,
            "It looks as if the mask gets its axis even when it is None. Do that only where there "
            "is one: if mask is not None.",
        ),
        Misconception(
            m.HeadsWeightsAveraged,
            "It looks as if the weights of the heads are averaged or added up. Return them head by "
            "head: (batch, num_heads, seq, seq).",
            also=(m.HeadsWeightsSummed,),
        ),
        Misconception(
            m.HeadsWithoutWeights,
            "It looks as if forward returns the context alone. Return the pair context, weights.",
        ),
        Misconception(
            m.HeadsWithoutBias,
            "It looks as if layers have no bias. Here all four have one, as in BERT and GPT: leave "
            "bias=False away.",
            also=(m.HeadsWithoutOutputBias,),
        ),
        Misconception(
            m.HeadsKeyFromQuery,
            "It looks as if queries, keys or values do not come from their own layer. Use "
            "self.query(x), self.key(x) and self.value(x).",
            also=(
                m.HeadsValueFromKey,
                m.HeadsValueFromQuery,
                m.HeadsQueryFromKey,
                m.HeadsAllFromQuery,
                m.HeadsQueryAsItIs,
                m.HeadsKeyAsItIs,
                m.HeadsValueAsItIs,
                m.HeadsWithoutProjections,
            ),
        ),
        Misconception(
            m.HeadsKeyAndQueryExchanged,
            "It looks as if queries, keys and values are exchanged. The order is "
            "scaled_dot_product_attention(query, key, value, mask).",
            also=(m.HeadsKeyAndValueExchanged, m.HeadsValueFirst),
        ),
    ),
    alternatives=(m.HeadsOneByOne, m.HeadsByEinsum),
    stands_on=("split_heads", "merge_heads"),
    forbidden=("scaled_dot_product", "multi_head_attention"),
    points=3,
    minutes=20,
    difficulty=3,
)
