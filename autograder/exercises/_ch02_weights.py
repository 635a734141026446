"""Chapter 2, fourth part: attention, from the weights to the context vectors."""

import torch
from torch import Tensor

from autograder import probes
from autograder.exercises import _ch02_mistakes as m
from autograder.exercises._ch02_inputs import (
    NAMES,
    Inputs,
    hides,
    long_vectors,
    masked_queries_and_keys,
    padded_heads,
    padded_sentences,
    queries_and_keys,
    same,
    sums_to_one,
    with_gradients,
)
from autograder.spec import Case, Draw, Exercise, Misconception
from minitransformer import attention

# attention_weights


def _causal_attention(draw: Draw) -> Inputs:
    batch, seq, d_k = draw.sizes(3, 3, 8)
    mask = torch.ones(seq, seq, dtype=torch.bool).tril()
    return {
        "query": draw.normal(batch, seq, d_k),
        "key": draw.normal(batch, seq, d_k),
        "mask": mask,
    }


attention_weights = Exercise(
    id="attention_weights",
    title="how much does each word look at each?",
    reference=attention.attention_weights,
    cases=(
        Case("without a mask every key gets its share", queries_and_keys, holds=sums_to_one),
        Case("long vectors keep the attention soft", long_vectors),
        Case("padding gets weight 0, in every head, in float64", padded_heads, holds=hides),
        Case("padding gets weight 0, in every sentence", padded_sentences, holds=hides),
        Case("no weight on the future", _causal_attention, holds=hides),
        Case(
            "gradients flow back to query and key",
            lambda draw: with_gradients(masked_queries_and_keys(draw), draw),
            probes.gradients,
        ),
        Case(
            "the inputs are left as they were",
            masked_queries_and_keys,
            probes.untouched,
            guard=True,
        ),
    ),
    hints=(
        "You have both halves: similarity_scores makes the scores, softmax or masked_softmax "
        "turns them into weights.",
        "mask may be None, and then there is nothing to hide: use the plain softmax in that case.",
        "scores = similarity_scores(query, key); then if mask is None return softmax over the "
        "keys (dim=-1), else masked_softmax. The scaling is already in the scores.",
    ),
    misconceptions=(
        Misconception(
            m.weights_not_scaled,
            "It looks as if the division by √d_k is missing. similarity_scores has it.",
        ),
        Misconception(
            m.weights_divided_by_d_k,
            "It looks as if the scores are divided by √d_k twice. similarity_scores has scaled "
            "them already.",
        ),
        Misconception(
            m.weights_without_softmax,
            "It looks as if these are the scores, before any softmax. Weights are positive, and "
            "each row sums to 1.",
            also=(m.weights_scores_alone,),
        ),
        Misconception(
            m.weights_over_queries,
            "It looks as if the softmax runs over the queries (dim=-2). Each query must spread "
            "its attention over the keys.",
        ),
        Misconception(
            m.weights_keys_by_queries,
            "It looks as if query and key are exchanged. Row i belongs to query i: "
            "similarity_scores(query, key), in this order.",
        ),
        Misconception(
            m.weights_mask_ignored,
            "It looks as if the mask is not used. Hand it on to masked_softmax.",
        ),
        Misconception(
            m.weights_mask_inverted,
            "It looks as if the mask is read the wrong way round. True means: may be attended to.",
        ),
        Misconception(
            m.weights_mask_multiplied,
            "It looks as if the scores are multiplied by the mask. A score of 0 is not hidden: "
            "exp(0) is 1. Hidden keys need minus infinity, which masked_softmax gives them.",
        ),
        Misconception(
            m.weights_mask_after_softmax,
            "It looks as if the mask comes after the softmax, so the hidden keys have taken "
            "their part and the rows no longer sum to 1. Hand the scores and the mask to "
            "masked_softmax.",
            also=(m.weights_mask_after_by_infinity,),
        ),
        Misconception(
            m.weights_mask_with_another_axis,
            "It looks as if the mask is given one axis more. It fits the scores as it comes: hand "
            "it on unchanged.",
            also=(m.weights_mask_with_another_axis_in_front,),
        ),
        Misconception(
            m.weights_and_scores,
            "It looks as if weights and scores are both returned. Return the weights alone.",
        ),
    ),
    alternatives=(m.weights_query_by_query, m.weights_by_einsum),
    stands_on=("similarity_scores", "softmax", "masked_softmax"),
    forbidden=("scaled_dot_product", "multi_head_attention"),
    points=2,
    minutes=8,
    difficulty=2,
)


# scaled_dot_product_attention


def _value_for(draw: Draw, key: Tensor, size: int = 11) -> Tensor:
    return draw.normal(*key.shape[:-1], size).to(key.dtype)


def _plain_attention(draw: Draw) -> Inputs:
    inputs = queries_and_keys(draw)
    return {**inputs, "value": _value_for(draw, inputs["key"])}


def _one_query(draw: Draw) -> Inputs:
    inputs = _plain_attention(draw)
    return {**inputs, "query": inputs["query"][:1]}


def _attention_over_heads(draw: Draw) -> Inputs:
    inputs = padded_heads(draw)
    mask = inputs.pop("mask")
    return {**inputs, "value": _value_for(draw, inputs["key"]), "mask": mask}


def _attention_of_one_size(draw: Draw) -> Inputs:
    inputs = padded_sentences(draw)
    mask = inputs.pop("mask")
    value = _value_for(draw, inputs["key"], inputs["key"].shape[-1])
    return {**inputs, "value": value, "mask": mask}


def _masked_attention(draw: Draw) -> Inputs:
    inputs = masked_queries_and_keys(draw)
    mask = inputs.pop("mask")
    return {**inputs, "value": _value_for(draw, inputs["key"]), "mask": mask}


def _hidden_word_changed(draw: Draw) -> Inputs:
    seq_q, seq_k, d_k = draw.sizes(3, 3, 9)
    query, key = draw.normal(seq_q, d_k), draw.normal(seq_k, d_k)
    inputs = {"query": query, "key": key, "value": _value_for(draw, key)}
    inputs["mask"] = (torch.arange(seq_k) < seq_k - 1).expand(seq_q, seq_k).clone()
    last = torch.zeros(seq_k, 1)
    last[-1] = 1
    other = {**inputs, "key": key + last * draw.normal(d_k)}
    other["value"] = inputs["value"] + last * draw.normal(11)
    return {"the sentence": inputs, "another hidden word": other}


scaled_dot_product_attention = Exercise(
    id="scaled_dot_product_attention",
    title="attention, whole",
    reference=attention.scaled_dot_product_attention,
    cases=(
        Case(
            "each context vector is a weighted mean of the values",
            lambda draw: {"arguments": _plain_attention(draw), "names": NAMES},
            probes.named,
            holds=sums_to_one,
        ),
        Case(
            "a single query",
            lambda draw: {"arguments": _one_query(draw), "names": NAMES},
            probes.named,
        ),
        Case(
            "batches and heads with padding, in float64",
            lambda draw: {"arguments": _attention_over_heads(draw), "names": NAMES},
            probes.named,
            holds=hides,
        ),
        Case(
            "a batch in which all sizes are the same, with padding",
            lambda draw: {"arguments": _attention_of_one_size(draw), "names": NAMES},
            probes.named,
            holds=hides,
        ),
        Case(
            "a hidden word changes nothing, whatever it says",
            _hidden_word_changed,
            probes.several,
            holds=same,
        ),
        Case(
            "gradients flow back to query, key and value",
            lambda draw: with_gradients(_masked_attention(draw), draw),
            probes.gradients,
        ),
        Case("the inputs are left as they were", _masked_attention, probes.untouched, guard=True),
    ),
    hints=(
        "The weights are there: attention_weights(query, key, mask). What is left is to mix the "
        "values with them.",
        "A weighted mean of rows is a matrix product. The weights are (seq_q, seq_k) and the "
        "values (seq_k, d_v): which product gives (seq_q, d_v)?",
        "Multiply weights @ value, and return two things in this order: the context vectors, "
        "then the weights.",
    ),
    misconceptions=(
        Misconception(
            m.attention_without_weights,
            "It looks as if you return the context vectors alone. Return the pair context, "
            "weights: we want to look at the weights.",
        ),
        Misconception(
            m.attention_weights_first,
            "It looks as if the two results are in the other order. First the context, then the "
            "weights.",
        ),
        Misconception(
            m.attention_mask_ignored,
            "It looks as if the mask is not used. Hand it on to attention_weights.",
        ),
        Misconception(
            m.attention_returns_scores,
            "It looks as if the scores are returned beside the context. Return the weights, with "
            "which the values were mixed.",
            also=(m.attention_returns_weights_without_mask,),
        ),
        Misconception(
            m.attention_mask_with_another_axis,
            "It looks as if the mask is given one axis more. It fits the scores as it comes: hand "
            "it on unchanged.",
        ),
        Misconception(
            m.attention_mask_inverted,
            "It looks as if the mask is read the wrong way round. True means: may be attended to.",
        ),
        Misconception(
            m.attention_mask_after_softmax,
            "It looks as if the mask comes after the softmax, so the rows no longer sum to 1. "
            "Hand it on to attention_weights, which hides the scores first.",
        ),
        Misconception(
            m.attention_mixes_keys,
            "It looks as if the keys are mixed. Keys are only there to be found; what a word "
            "hands over is its value.",
        ),
        Misconception(
            m.attention_weights_transposed,
            "It looks as if the weights are transposed before they meet the values. Row i of the "
            "weights belongs to query i: weights @ value.",
        ),
        Misconception(
            m.attention_not_scaled,
            "It looks as if the division by √d_k is missing. attention_weights has it.",
        ),
        Misconception(
            m.attention_without_softmax,
            "It looks as if the values are mixed with raw scores. The softmax is missing; "
            "attention_weights has it.",
            also=(m.attention_by_scores_alone,),
        ),
        Misconception(
            m.attention_over_queries,
            "It looks as if the softmax runs over the queries (dim=-2). Each query must spread "
            "its attention over the keys.",
        ),
        Misconception(
            m.attention_keys_by_queries,
            "It looks as if query and key are exchanged. Row i of the weights belongs to query "
            "i: attention_weights(query, key, mask), in this order.",
        ),
    ),
    alternatives=(m.attention_by_einsum, m.attention_word_by_word),
    stands_on=("attention_weights",),
    forbidden=("scaled_dot_product", "multi_head_attention"),
    points=3,
    minutes=10,
    difficulty=2,
)
