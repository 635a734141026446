"""Chapter 2: which words should look at which.

The exercises stand in the `_ch02_…` files beside this one, part by part; the wrong
implementations and the alternatives in `_ch02_mistakes`.
"""

from autograder.exercises._ch02_heads import contextual_similarity, self_attention
from autograder.exercises._ch02_masks import causal_mask, masked_softmax, padding_mask
from autograder.exercises._ch02_quizzes import QUIZZES
from autograder.exercises._ch02_scores import score_variance, similarity_scores
from autograder.exercises._ch02_softmax import cross_entropy, softmax
from autograder.exercises._ch02_weights import attention_weights, scaled_dot_product_attention
from autograder.spec import Chapter

CHAPTER = Chapter(
    "02_attention",
    "Which words should look at which",
    (
        softmax,
        cross_entropy,
        score_variance,
        similarity_scores,
        padding_mask,
        causal_mask,
        masked_softmax,
        attention_weights,
        scaled_dot_product_attention,
        self_attention,
        contextual_similarity,
    ),
    QUIZZES,
)
