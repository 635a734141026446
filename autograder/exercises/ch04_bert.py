"""Chapter 4: reading in both directions.

The exercises stand in the `_ch04_…` files beside this one, part by part; the wrong
implementations and the alternatives in `_ch04_mistakes_…`.
"""

from autograder.exercises._ch04_corruption import choose_positions, corrupt, wrong_word_share
from autograder.exercises._ch04_losses import masked_lm_loss, pretraining_loss
from autograder.exercises._ch04_model import bert_embeddings, fill_mask, mlm_head, pooler
from autograder.exercises._ch04_pairs import next_sentence_pairs
from autograder.exercises._ch04_quizzes import QUIZZES
from autograder.exercises._ch04_tokens import pack_pair, wordpiece_exercise
from autograder.spec import Chapter

CHAPTER = Chapter(
    "04_bert",
    "Reading in both directions",
    (
        wordpiece_exercise,
        pack_pair,
        next_sentence_pairs,
        choose_positions,
        corrupt,
        wrong_word_share,
        masked_lm_loss,
        bert_embeddings,
        pooler,
        mlm_head,
        pretraining_loss,
        fill_mask,
    ),
    QUIZZES,
)
