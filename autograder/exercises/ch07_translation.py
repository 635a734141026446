"""Chapter 7: encoder meets decoder.

The exercises stand in the `_ch07_…` files beside this one, part by part; the wrong
implementations and the alternatives in `_ch07_mistakes_…`.
"""

from autograder.exercises._ch07_blocks import cross_attention, decoder_block, seq2seq_model
from autograder.exercises._ch07_quizzes import QUIZZES
from autograder.exercises._ch07_scores import bleu, sequence_accuracy
from autograder.exercises._ch07_search import greedy_decode, simple_beam_search
from autograder.exercises._ch07_targets import (
    label_smoothing_loss,
    shift_right,
    smoothed_probability,
    target_mask,
)
from autograder.spec import Chapter

CHAPTER = Chapter(
    "07_translation",
    "Encoder meets decoder",
    (
        cross_attention,
        decoder_block,
        shift_right,
        target_mask,
        seq2seq_model,
        smoothed_probability,
        label_smoothing_loss,
        greedy_decode,
        simple_beam_search,
        sequence_accuracy,
        bleu,
    ),
    QUIZZES,
)
