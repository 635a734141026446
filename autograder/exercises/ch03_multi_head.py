"""Chapter 3: the transformer block.

The exercises stand in the `_ch03_…` files beside this one, part by part; the wrong
implementations and the alternatives in `_ch03_mistakes_…`.
"""

from autograder.exercises._ch03_blocks import encoder, encoder_block, residual
from autograder.exercises._ch03_dropout import dropout
from autograder.exercises._ch03_heads import merge_heads, multi_head_attention, split_heads
from autograder.exercises._ch03_layers import encoder_parameters, feed_forward, gelu, layer_norm
from autograder.exercises._ch03_quizzes import QUIZZES
from autograder.spec import Chapter

CHAPTER = Chapter(
    "03_multi_head",
    "The transformer block",
    (
        split_heads,
        merge_heads,
        multi_head_attention,
        layer_norm,
        gelu,
        feed_forward,
        dropout,
        residual,
        encoder_block,
        encoder,
        encoder_parameters,
    ),
    QUIZZES,
)
