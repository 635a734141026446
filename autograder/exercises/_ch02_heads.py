"""Chapter 2, fifth part: a head that learns, and what it does to a word."""

import torch
from torch import Tensor

from autograder import probes
from autograder.exercises import _ch02_mistakes as m
from autograder.exercises._ch02_inputs import (
    NAMES,
    Inputs,
    hides,
    key_mask,
    same,
    sums_to_one,
    with_gradients,
)
from autograder.spec import Case, Draw, Exercise, Misconception
from minitransformer import attention

# SelfAttention


def _head(draw: Draw, mask: str = "", same_size: bool = False, gradients: bool = False) -> Inputs:
    batch, seq, d_model, d_head = draw.sizes(4, 3, 9)
    d_head = d_model if same_size else d_head
    names = ("query", "key", "value")
    weights = {f"{name}.weight": draw.normal(d_head, d_model, scale=0.5) for name in names}
    arguments = {"x": draw.normal(batch, seq, d_model)}
    if mask == "padding":
        arguments["mask"] = key_mask(draw, batch, seq)
    if mask == "causal":
        arguments["mask"] = torch.ones(seq, seq, dtype=torch.bool).tril()
    inputs: Inputs = {
        "sizes": {"d_model": d_model, "d_head": d_head},
        "weights": weights,
        "arguments": arguments,
        "names": NAMES,
    }
    return inputs | {"cotangent_seed": draw.seed(), "train": True} if gradients else inputs


def _head_sizes(draw: Draw) -> Inputs:
    d_model, d_head = draw.sizes(2, 3, 9)
    return {"sizes": {"d_model": d_model, "d_head": d_head}}


self_attention = Exercise(
    id="SelfAttention",
    title="a head that learns what to look for",
    reference=attention.SelfAttention,
    cases=(
        Case("every token looks at every token", _head, probes.module, holds=sums_to_one),
        Case(
            "as many numbers out as in",
            lambda draw: _head(draw, same_size=True),
            probes.module,
        ),
        Case("padding is hidden", lambda draw: _head(draw, "padding"), probes.module, holds=hides),
        Case(
            "the future is hidden", lambda draw: _head(draw, "causal"), probes.module, holds=hides
        ),
        Case(
            "gradients reach the inputs and all three matrices",
            lambda draw: _head(draw, "padding", gradients=True),
            probes.module,
            tolerance=3,
        ),
        Case("three weight matrices and nothing else", _head_sizes, probes.parameters, guard=True),
    ),
    hints=(
        "__init__ makes three linear layers and stores them as self.query, self.key and "
        "self.value. forward sends x through each and attends.",
        "Each layer maps d_model numbers to d_head numbers, without bias: "
        "nn.Linear(d_model, d_head, bias=False).",
        "In forward, hand self.query(x), self.key(x), self.value(x) and the mask to your "
        "scaled_dot_product_attention, and return what it returns.",
    ),
    misconceptions=(
        Misconception(
            m.HeadWithBias,
            "It looks as if the layers have a bias. Attention projects with plain matrices: "
            "bias=False.",
        ),
        Misconception(
            m.HeadOfModelSize,
            "It looks as if the layers make vectors of d_model numbers. Each leads from d_model "
            "to d_head: nn.Linear(d_model, d_head, bias=False).",
        ),
        Misconception(
            m.HeadSizesExchanged,
            "It looks as if the sizes of the layers are exchanged. nn.Linear takes the size that "
            "comes in first: nn.Linear(d_model, d_head, bias=False).",
        ),
        Misconception(
            m.HeadOfOneLayer,
            "It looks as if self.query, self.key and self.value are one and the same layer. Make "
            "three: each learns matrices of its own.",
        ),
        Misconception(
            m.HeadKeyFromQuery,
            "It looks as if the keys come from self.query as well. Then every word fits itself "
            "best; the keys need a matrix of their own, self.key.",
        ),
        Misconception(
            m.HeadKeyAndValueSwapped,
            "It looks as if keys and values are exchanged. The order is self.query(x), "
            "self.key(x), self.value(x).",
        ),
        Misconception(
            m.HeadQueryAndKeySwapped,
            "It looks as if queries and keys are exchanged. The order is self.query(x), "
            "self.key(x), self.value(x).",
        ),
        Misconception(
            m.HeadValueNotProjected,
            "It looks as if x itself is mixed. What a word hands over is self.value(x).",
            also=(m.HeadWithoutProjections,),
        ),
        Misconception(
            m.HeadMaskIgnored,
            "It looks as if forward does not use its mask. Hand it on to "
            "scaled_dot_product_attention.",
        ),
        Misconception(
            m.HeadScaledByModelSize,
            "It looks as if the scores are divided by √d_model. d_k is the length of a query, "
            "and that is d_head.",
        ),
        Misconception(
            m.HeadScaledTwice,
            "It looks as if the scores are scaled twice. scaled_dot_product_attention divides "
            "by √d_k already.",
            also=(m.HeadScaledTwiceByModelSize,),
        ),
        Misconception(
            m.HeadNotScaled,
            "It looks as if the division by √d_k is missing. scaled_dot_product_attention has it.",
        ),
        Misconception(
            m.HeadWithoutWeights,
            "It looks as if forward returns the context vectors alone. Return the pair context, "
            "weights.",
        ),
    ),
    alternatives=(m.HeadInAnotherOrder, m.HeadWithOneProduct),
    stands_on=("scaled_dot_product_attention",),
    forbidden=("scaled_dot_product", "multi_head_attention"),
    points=3,
    minutes=15,
    difficulty=3,
)


# contextual_similarity


def _two_sentences(draw: Draw, same_word: bool = True, seq: tuple[int, int] = (0, 0)) -> Inputs:
    seq_a, seq_b = seq if all(seq) else draw.sizes(2, 4, 9)
    d_model = draw.size(5, 9)
    place_a, place_b = draw.sizes(2, 0, min(seq_a, seq_b) - 1)
    a = draw.normal(seq_a, d_model, scale=0.8)  # a word looks at its neighbours, not only at itself
    b = draw.normal(seq_b, d_model, scale=0.8)
    if same_word:
        b[place_b] = a[place_a]
    return {"sentence_a": a, "sentence_b": b, "position_a": place_a, "position_b": place_b}


def _either_way_round(draw: Draw) -> Inputs:
    one = _two_sentences(draw)
    other = dict(zip(one, [list(one.values())[i] for i in (1, 0, 3, 2)], strict=True))
    return {"a and b": one, "b and a": other}


def _sentences_in_float64(draw: Draw) -> Inputs:
    seq = draw.size(4, 8)
    inputs = _two_sentences(draw, seq=(seq, seq))
    return {name: v.double() if isinstance(v, Tensor) else v for name, v in inputs.items()}


contextual_similarity = Exercise(
    id="contextual_similarity",
    title="one word, two contexts",
    reference=attention.contextual_similarity,
    cases=(
        Case("the same word among other neighbours", _two_sentences),
        Case("two different words", lambda draw: _two_sentences(draw, same_word=False)),
        Case("sentences of one length, in float64", _sentences_in_float64),
        Case("the same either way round", _either_way_round, probes.several, holds=same),
        Case(
            "gradients flow back to both sentences",
            lambda draw: with_gradients(_two_sentences(draw), draw),
            probes.gradients,
        ),
        Case("the sentences are left as they were", _two_sentences, probes.untouched, guard=True),
    ),
    hints=(
        "Let each sentence attend to itself, on its own: here query, key and value are all the "
        "same tensor. Then compare two of the resulting vectors.",
        "Keep only the context from what scaled_dot_product_attention returns, and take row "
        "position_a of the one sentence, row position_b of the other.",
        "The cosine of vectors a and b is their dot product divided by a.norm() * b.norm(). "
        "a and b are rows of the two contexts, not of the sentences.",
    ),
    misconceptions=(
        Misconception(
            m.similarity_of_static_vectors,
            "It looks as if the static vectors are compared, before any attention. Compare the "
            "context vectors.",
        ),
        Misconception(
            m.similarity_of_weights,
            "It looks as if the weights are compared. scaled_dot_product_attention returns "
            "context, weights in this order; compare rows of the context.",
        ),
        Misconception(
            m.similarity_without_lengths,
            "It looks as if this is the dot product. For the cosine, divide by the lengths of "
            "both vectors.",
            also=(m.similarity_divided_by_root,),
        ),
        Misconception(
            m.similarity_without_brackets,
            "It looks as if the product of the two lengths lacks its brackets, so it is divided by "
            "one length and multiplied by the other: a @ b / (a.norm() * b.norm()).",
        ),
        Misconception(
            m.similarity_cut_off,
            "The number is right, but it is cut off from the sentences (by item(), detach or "
            "no_grad). Return the tensor as it was computed.",
        ),
        Misconception(
            m.similarity_of_whole_sentences,
            "It looks as if whole sentences are averaged. Compare one word of each: the context "
            "vectors at position_a and position_b.",
        ),
        Misconception(
            m.similarity_at_one_position,
            "It looks as if both words are read at position_a. In the second sentence the word "
            "stands at position_b.",
        ),
        Misconception(
            m.similarity_positions_swapped,
            "It looks as if the positions are exchanged. In the first sentence the word stands "
            "at position_a, in the second at position_b.",
        ),
        Misconception(
            m.similarity_across_sentences,
            "It looks as if one sentence attends to the other. Each word looks around in its own "
            "sentence: query, key and value are the same tensor.",
        ),
    ),
    alternatives=(m.similarity_by_torch, m.similarity_of_the_two_words_alone),
    stands_on=("scaled_dot_product_attention",),
    forbidden=("scaled_dot_product", "multi_head_attention"),
    points=2,
    minutes=10,
    difficulty=3,
)
