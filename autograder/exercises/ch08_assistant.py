"""Chapter 8: from model to assistant.

The exercises stand in the `_ch08_…` files beside this one, part by part; the wrong
implementations and the alternatives in `_ch08_mistakes_…`.
"""

from autograder.exercises._ch08_chat import chat_template, mask_prompt
from autograder.exercises._ch08_lora import lora_linear, merged_weight, training_memory
from autograder.exercises._ch08_quizzes import QUIZZES
from autograder.exercises._ch08_retrieval import (
    build_prompt,
    embed_passages,
    recall_at_k,
    search,
)
from autograder.exercises._ch08_tuning import last_vector, two_objective_loss
from autograder.spec import Chapter

CHAPTER = Chapter(
    "08_assistant",
    "From model to assistant",
    (
        last_vector,
        two_objective_loss,
        chat_template,
        mask_prompt,
        embed_passages,
        search,
        recall_at_k,
        build_prompt,
        training_memory,
        lora_linear,
        merged_weight,
    ),
    QUIZZES,
)
