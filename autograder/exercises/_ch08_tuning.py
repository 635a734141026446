"""Chapter 8, first part: a GPT that learns a task and goes on learning the language."""

from typing import Any

import torch

from autograder import probes
from autograder.exercises import _ch08_mistakes_tuning as m
from autograder.spec import Case, Draw, Exercise, Misconception
from minitransformer import fine_tuning, losses

Inputs = dict[str, Any]


# last_vector


def _texts(draw: Draw, batch: int = 0, padding: str = "right") -> Inputs:
    rows, seq, d_model = draw.sizes(3, 4, 9)
    rows = batch or rows
    lengths = draw.integers(2, seq, rows, 1)
    lengths[0] = 2  # one text far shorter than the row
    place = torch.arange(seq)
    real = place < lengths if padding == "right" else place >= seq - lengths
    if padding == "none":
        real = torch.ones(rows, seq, dtype=torch.bool)
    return {"hidden": draw.normal(rows, seq, d_model), "real": real}


def _in_float64(draw: Draw) -> Inputs:
    inputs = _texts(draw)
    return {**inputs, "hidden": inputs["hidden"].double()}


def _square(draw: Draw) -> Inputs:
    size = draw.size(4, 7)
    real = torch.arange(size) < draw.integers(2, size, size, 1)
    return {"hidden": draw.normal(size, size, size), "real": real}


last_vector = Exercise(
    id="last_vector",
    title="the vector that has read everything",
    reference=fine_tuning.last_vector,
    cases=(
        Case("texts of different lengths, padded behind", _texts),
        Case("texts padded in front", lambda draw: _texts(draw, padding="left")),
        Case("padding behind, in float64", lambda draw: _in_float64(draw)),
        Case("nothing is padding", lambda draw: _texts(draw, padding="none")),
        Case("a single text", lambda draw: _texts(draw, batch=1)),
        Case("as many texts as tokens as numbers", _square),
        Case(
            "gradients flow back to the last tokens alone",
            lambda draw: {"arguments": _texts(draw), "cotangent_seed": draw.seed()},
            probes.gradients,
        ),
        Case("what is made anew lies where the inputs lie", _texts, probes.beside, guard=True),
        Case("the inputs are left as they were", _texts, probes.untouched, guard=True),
    ),
    hints=(
        "Work out for each text at which place its last real token stands. Then pick from each "
        "row the vector at that place.",
        "Number the places with torch.arange(seq), put 0 where there is padding, and take the "
        "largest number of each row.",
        "places = torch.arange(seq, device=real.device).masked_fill(~real, 0).amax(dim=1), and "
        "then hidden[torch.arange(batch, device=real.device), places].",
    ),
    misconceptions=(
        Misconception(
            m.last_of_the_row,
            "It looks as if the last column is taken. In a short text that is padding; take the "
            "last place where real is True.",
            also=(m.last_of_the_row_padding_zeroed,),
        ),
        Misconception(
            m.first_of_the_row,
            "It looks as if the first token is taken, as BERT does with [CLS]. A GPT's first token "
            "has seen nothing but itself; take the last real one.",
            also=(m.last_first_real,),
        ),
        Misconception(
            m.last_on_another_device,
            "It looks as if a new tensor is made without saying where. It then lies on the CPU "
            "even where the inputs lie on a GPU: torch.arange(…, device=real.device).",
            also=(m.last_numbered_on_another_device,),
        ),
        Misconception(
            m.last_as_mean,
            "It looks as if the vectors of the text are averaged. Only the last token has seen "
            "the whole text; take its vector alone.",
            also=(m.last_as_mean_of_all,),
        ),
        Misconception(
            m.last_by_count,
            "It looks as if the place is the number of real tokens minus 1. That holds when the "
            "padding stands behind; with padding in front it points into the text. Take the "
            "largest place where real is True.",
        ),
        Misconception(
            m.last_by_count_without_minus_one,
            "It looks as if the place is the number of real tokens. Places are counted from 0, so "
            "that is one too far: the last of three tokens has place 2.",
        ),
        Misconception(
            m.last_but_one,
            "It looks as if the token before the last is taken. It has not seen the last word.",
        ),
        Misconception(
            m.last_of_the_longest,
            "It looks as if one place is used for all texts, that of the longest. Each row has its "
            "own last token: amax(dim=1).",
        ),
        Misconception(
            m.last_with_an_axis_left,
            "It looks as if the axis of the tokens is still there, with size 1. The result is "
            "(batch, d_model): squeeze(1) removes it.",
        ),
        Misconception(
            m.last_of_all_pairs,
            "It looks as if hidden[:, places] is taken: every text at the places of all texts. "
            "Say which row each place belongs to: hidden[torch.arange(batch), places].",
        ),
        Misconception(
            m.last_as_sum,
            "It looks as if the vectors of the text are added up, or pooled in another way. "
            "Only the last token has seen the whole text; take its vector alone.",
            also=(m.last_as_largest,),
        ),
        Misconception(
            m.last_as_place,
            "It looks as if the places come back. They say where to look; pick the vectors "
            "there: hidden[torch.arange(batch), places].",
        ),
        Misconception(
            m.last_of_the_batch,
            "It looks as if one vector is taken for the whole batch. Each text has a last token "
            "of its own.",
        ),
        Misconception(
            m.last_cut_off,
            "It looks as if the vector is cut off from the model (detach, .data or "
            "torch.no_grad). Without gradients the model cannot be tuned.",
        ),
    ),
    alternatives=(m.last_by_loop, m.last_by_flip, m.last_by_gather),
    points=2,
    minutes=10,
    difficulty=2,
)


# two_objective_loss


def _losses(draw: Draw, weight: float | None = None) -> Inputs:
    task, language = draw.uniform(2, low=0.3, high=3.0).double()
    inputs: Inputs = {"task": task.clone(), "language": language.clone() + 1}
    return inputs if weight is None else {**inputs, "weight": weight}


def _some_weight(draw: Draw) -> Inputs:
    return _losses(draw, draw.size(11, 19) / 10)


def _none_or_all(draw: Draw) -> Inputs:
    return {f"λ = {weight:g}": _losses(draw, weight) for weight in (0.0, 1.0)}


def _in_float32(draw: Draw) -> Inputs:
    inputs = _losses(draw, draw.size(1, 4) / 10)
    return {name: v.float() if isinstance(v, torch.Tensor) else v for name, v in inputs.items()}


two_objective_loss = Exercise(
    id="two_objective_loss",
    title="two things to learn at once",
    reference=losses.two_objective_loss,
    cases=(
        Case("a λ larger than 1", _some_weight),
        Case("λ is one half where nothing is said", _losses),
        Case("λ of 0 and of 1", _none_or_all, probes.several),
        Case("a small λ, in float32", _in_float32),
        Case(
            "gradients flow back to both losses",
            lambda draw: {"arguments": _some_weight(draw), "cotangent_seed": draw.seed()},
            probes.gradients,
        ),
        Case("the losses are left as they were", _some_weight, probes.untouched, guard=True),
    ),
    hints=(
        "Which of the two losses may λ switch off? Read the formula aloud, term by term.",
        "The task counts in full, whatever λ is. The language counts λ times.",
        "One line: the task plus weight times the language. No division, no .item().",
    ),
    misconceptions=(
        Misconception(
            m.objectives_weight_on_task,
            "It looks as if λ stands on the task. λ says how much the language counts; the task "
            "counts in full.",
        ),
        Misconception(
            m.objectives_halved,
            "It looks as if the two losses are averaged. They are added: task + λ · language.",
            also=(m.objectives_weighted_mean,),
        ),
        Misconception(
            m.objectives_shared,
            "It looks as if what λ gives to one loss is taken from the other, with 1 - λ. The task "
            "keeps its full weight here.",
            also=(m.objectives_shared_the_other_way,),
        ),
        Misconception(
            m.objectives_without_weight,
            "It looks as if λ is not used. The language loss is multiplied by weight.",
        ),
        Misconception(
            m.objectives_always_half,
            "It looks as if λ is always 0.5. That is only its default; use weight.",
        ),
        Misconception(
            m.objectives_weight_on_both,
            "It looks as if λ multiplies both losses. It belongs to the language alone.",
        ),
        Misconception(
            m.objectives_task_alone,
            "It looks as if the language loss is missing. Then nothing asks the model to write "
            "such texts; add λ times the language.",
        ),
        Misconception(
            m.objectives_language_detached,
            "It looks as if the language loss is cut off from the model, by .item(), float or "
            ".detach(). Its value is there, and no gradient reaches the weights; keep the tensor.",
            also=(m.objectives_language_as_number,),
        ),
        Misconception(
            m.objectives_as_numbers,
            "It looks as if both losses are cut off from the model, by .item(), float or "
            ".detach(). The sum is right, and no gradient reaches the weights; keep the "
            "tensors.",
            also=(m.objectives_detached,),
        ),
        Misconception(
            m.objectives_task_detached,
            "It looks as if the task's loss is cut off from the model. Its value is there, and "
            "nothing of the task is learned; keep the tensor.",
        ),
        Misconception(
            m.objectives_subtracted,
            "It looks as if the language loss is taken away. Then the model is rewarded for bad "
            "language; add it.",
        ),
        Misconception(
            m.objectives_multiplied,
            "It looks as if the losses are multiplied. They are added: task + λ · language.",
        ),
        Misconception(
            m.objectives_language_alone,
            "It looks as if the task's loss is missing. The sum has both: task + λ · language.",
        ),
        Misconception(
            m.objectives_in_place,
            "It looks as if the task's loss itself is changed (+= or add_). Make a new tensor: "
            "task + weight * language.",
        ),
        Misconception(
            m.objectives_one_minus_weight,
            "It looks as if the language counts 1 - λ times. It counts λ times.",
        ),
    ),
    alternatives=(m.objectives_by_dot, m.objectives_by_add),
    points=1,
    minutes=4,
    difficulty=1,
)
