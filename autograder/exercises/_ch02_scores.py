"""Chapter 2, second part: how well a query fits a key."""

import math

from autograder import probes
from autograder.exercises import _ch02_mistakes as m
from autograder.exercises._ch02_inputs import (
    Inputs,
    cube_of_queries_and_keys,
    heads_of_queries_and_keys,
    long_vectors,
    queries_and_keys,
    with_gradients,
)
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import attention

# score_variance


def _famous_divisors(draw: Draw) -> Inputs:
    d_k = draw.size(5, 200)
    calls = {"the square root of d_k": math.sqrt(d_k), "d_k": float(d_k)}
    return {f"divided by {name}": {"d_k": d_k, "divisor": c} for name, c in calls.items()}


score_variance = Exercise(
    id="score_variance",
    title="how far do dot products spread?",
    reference=attention.score_variance,
    cases=(
        Case("not divided at all", lambda draw: {"d_k": draw.size(5, 500)}, trials=3, guard=True),
        Case(
            "divided by a number",
            lambda draw: {"d_k": draw.size(5, 500), "divisor": float(draw.size(2, 9))},
        ),
        Case(
            "divided by the square root of d_k, and by d_k",
            _famous_divisors,
            probes.several,
        ),
    ),
    hints=(
        "The dot product is a sum of d_k independent products. What is the variance of one of "
        "them, and what happens to variances when independent terms are added?",
        "Each product q_i · k_i has mean 0 and variance 1 · 1 = 1, so the undivided dot product "
        "has variance d_k. Now divide every dot product by a number c: variance is a mean of "
        "squares.",
        "Dividing by c divides every square by c · c, and so the variance as well.",
    ),
    misconceptions=(
        Misconception(
            m.variance_as_standard_deviation,
            "This is the standard deviation. The variance is its square.",
        ),
        Misconception(
            m.variance_divisor_not_squared,
            "It looks as if the variance is divided by the divisor itself. Variance is a mean of "
            "squares: dividing the values by c divides it by c squared.",
        ),
        Misconception(
            m.variance_divisor_ignored,
            "It looks as if the divisor is not used. A smaller dot product spreads less.",
        ),
        Misconception(
            m.variance_of_equal_terms,
            "It looks as if all d_k products move together. They are independent: their "
            "variances add up, which makes d_k and not its square.",
        ),
    ),
    alternatives=(m.variance_term_by_term, m.variance_from_deviation),
    points=1,
    minutes=5,
    difficulty=2,
    kind="predict",
)


# similarity_scores


def _cube_of_heads(draw: Draw) -> Inputs:
    size = draw.size(3, 5)
    return {name: draw.normal(size, size, size, size) for name in ("query", "key")}


def _one_number_each(draw: Draw) -> Inputs:
    seq_k = draw.size(3, 9)
    return {"query": draw.normal(1, 1) + 2, "key": draw.normal(seq_k, 1)}


def _spread(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    got, wanted = observed["result"].std(), expected["result"].std()
    if not 0.5 < got / wanted < 2:
        text = f"The scores spread by {got:.3g} (standard deviation), expected {wanted:.3g}."
        return Failure(text, "spread")
    return None


similarity_scores = Exercise(
    id="similarity_scores",
    title="how well does each query fit each key?",
    reference=attention.similarity_scores,
    cases=(
        Case("every query meets every key", queries_and_keys),
        Case("batches and heads, in float64", heads_of_queries_and_keys),
        Case("a batch in which all sizes are the same", cube_of_queries_and_keys),
        Case("heads in which all sizes are the same", _cube_of_heads),
        Case("long vectors give no larger scores", long_vectors, holds=_spread),
        Case("one query, and vectors of a single number", _one_number_each),
        Case(
            "gradients flow back to query and key",
            lambda draw: with_gradients(queries_and_keys(draw), draw),
            probes.gradients,
        ),
        Case("query and key are left as they were", queries_and_keys, probes.untouched, guard=True),
    ),
    hints=(
        "One matrix product gives all dot products at once; for that the keys have to be "
        "transposed. Then divide.",
        "Only the last two axes of key change places: key.transpose(-2, -1) works with and "
        "without a batch in front, key.T does not.",
        "d_k is the length of a query vector, query.shape[-1]. Divide query @ (transposed key) "
        "by its square root, math.sqrt(d_k).",
    ),
    misconceptions=(
        Misconception(
            m.scores_not_scaled,
            "It looks as if the division by √d_k is missing. Without it long vectors give huge "
            "scores, and the softmax picks one key and ignores the rest.",
            also=(
                m.scores_of_reversed_keys_not_scaled,
                m.scores_of_first_axes_not_scaled,
                m.scores_of_last_axes_of_three_not_scaled,
            ),
        ),
        Misconception(
            m.scores_divided_by_d_k,
            "It looks as if you divide by d_k. Divide by its square root: that is what brings "
            "the variance back to 1.",
        ),
        Misconception(
            m.scores_multiplied,
            "It looks as if you multiply by √d_k. Divide by it: long vectors give larger dot "
            "products, and that is to be undone.",
        ),
        Misconception(
            m.scores_scaled_by_length_of_sentence,
            "It looks as if you divide by the root of another axis: the number of keys, of "
            "queries, of heads. d_k is the length of a vector, the last axis: query.shape[-1].",
            also=(
                m.scores_scaled_by_number_of_queries,
                m.scores_scaled_by_first_axis_of_query,
                m.scores_scaled_by_first_axis_of_key,
                m.scores_scaled_by_axis_1,
            ),
        ),
        Misconception(
            m.scores_with_all_axes_reversed,
            "It looks as if key.T turned round all axes, the batch included. Exchange only the "
            "last two: key.transpose(-2, -1).",
        ),
        Misconception(
            m.scores_exchange_first_axes,
            "It looks as if the axes to exchange are counted from the front, as in transpose(0, "
            "1). With a batch in front these are other axes; count from the end: "
            "key.transpose(-2, -1).",
            also=(m.scores_exchange_axes_1_and_2,),
        ),
        Misconception(
            m.scores_keys_by_queries,
            "It looks as if rows and columns are exchanged. Row i belongs to query i: the "
            "product starts with query.",
        ),
        Misconception(
            m.scores_as_cosines,
            "It looks as if these are cosines. Attention uses the plain dot product, so that a "
            "vector can be loud or quiet, and divides by √d_k.",
        ),
        Misconception(
            m.scores_after_softmax,
            "It looks as if there is a softmax already. Here we want the raw scores; the "
            "softmax comes in a later step.",
        ),
        Misconception(
            m.scores_in_place,
            "It looks as if query or key itself is changed (by /=, perhaps). They belong to the "
            "caller: divide the product instead.",
            also=(
                m.scores_in_place_of_key,
                m.scores_in_place_of_both,
            ),
        ),
    ),
    alternatives=(m.scores_by_einsum, m.scores_by_products),
    forbidden=("scaled_dot_product",),
    points=2,
    minutes=10,
    difficulty=2,
)
