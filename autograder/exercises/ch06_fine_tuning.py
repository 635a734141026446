"""Chapter 6: putting BERT to work.

The exercises stand in the `_ch06_…` files beside this one, part by part; the wrong
implementations and the alternatives in `_ch06_mistakes_…`.
"""

from autograder.exercises._ch06_answers import best_span, span_head, span_loss
from autograder.exercises._ch06_heads import (
    bert_for_classification,
    classification_head,
    freeze_layers,
)
from autograder.exercises._ch06_quizzes import QUIZZES
from autograder.exercises._ch06_sentences import k_means, mean_pooling
from autograder.exercises._ch06_words import bag_of_words, best_possible_accuracy, logistic_step
from autograder.spec import Chapter

CHAPTER = Chapter(
    "06_fine_tuning",
    "Putting BERT to work",
    (
        bag_of_words,
        best_possible_accuracy,
        logistic_step,
        mean_pooling,
        classification_head,
        bert_for_classification,
        freeze_layers,
        k_means,
        span_head,
        span_loss,
        best_span,
    ),
    QUIZZES,
)
