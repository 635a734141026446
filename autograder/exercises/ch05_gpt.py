"""Chapter 5: writing the next word.

The exercises stand in the `_ch05_…` files beside this one, part by part; the wrong
implementations and the alternatives in `_ch05_mistakes_…`.
"""

from autograder.exercises._ch05_bpe import apply_merges, count_pairs, learn_merges, merge_pair
from autograder.exercises._ch05_model import (
    GPT,
    next_token_loss,
    perplexity_of,
    read_on,
    text_log_probability,
)
from autograder.exercises._ch05_quizzes import QUIZZES
from autograder.exercises._ch05_sampling import generate, next_token_distribution, top_p_filter
from autograder.exercises._ch05_training import adamw_step, clip_gradients, learning_rate_at
from autograder.spec import Chapter

CHAPTER = Chapter(
    "05_gpt",
    "Writing the next word",
    (
        count_pairs,
        merge_pair,
        learn_merges,
        apply_merges,
        GPT,
        next_token_loss,
        adamw_step,
        clip_gradients,
        learning_rate_at,
        text_log_probability,
        perplexity_of,
        top_p_filter,
        next_token_distribution,
        generate,
        read_on,
    ),
    QUIZZES,
)
