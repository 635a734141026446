"""Chapter 6, first part: bags of words, what they can know at best, logistic regression."""

from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.exercises import _ch06_mistakes_words as m
from autograder.spec import Case, Draw, Exercise, Misconception
from minitransformer import baselines

Inputs = dict[str, Any]


# bag_of_words


def _texts(draw: Draw, vocab_size: int, pad_id: int = 0) -> Tensor:
    """Few words, so that some come twice; padded at the end to several lengths."""
    batch, seq = draw.sizes(2, 3, 9)
    ids = draw.integers(0, vocab_size, batch, seq + 3)
    ids = torch.where(ids == pad_id, (pad_id + 1) % vocab_size, ids)
    lengths = draw.integers(1, seq + 3, batch, 1)
    ids[:, 1:2] = torch.where(lengths > 1, ids[:, :1], ids[:, 1:2])  # a word that comes twice
    return torch.where(torch.arange(seq + 3) < lengths, ids, pad_id)


def _bags(draw: Draw) -> Inputs:
    vocab_size = draw.size(5, 9)
    return {"ids": _texts(draw, vocab_size), "vocab_size": vocab_size}


def _bags_with_other_pad(draw: Draw) -> Inputs:
    vocab_size = draw.size(6, 9)
    pad_id = draw.size(1, vocab_size - 2)
    ids = _texts(draw, vocab_size, pad_id)
    ids[:, 0] = 0
    return {"ids": ids, "vocab_size": vocab_size, "pad_id": pad_id}


def _rare_words(draw: Draw) -> Inputs:
    vocab_size = draw.size(40, 60)
    return {"ids": _texts(draw, 5), "vocab_size": vocab_size}


def _padding_anywhere(draw: Draw) -> Inputs:
    """Two batches of one shape, with padding in front of the words and between them."""
    batch, seq, vocab_size = draw.size(2, 4), draw.size(6, 9), draw.size(5, 9)
    batches = {}
    for name in ("in front", "between words"):
        ids = draw.integers(1, vocab_size, batch, seq)
        ids[:, 0 if name == "in front" else seq // 2] = 0
        batches[f"padding {name}"] = {"ids": ids, "vocab_size": vocab_size}
    return batches


bag_of_words = Exercise(
    id="bag_of_words",
    title="count the words",
    reference=baselines.bag_of_words,
    cases=(
        Case("each word is counted, padding is not", _bags),
        Case("words that no text has get a column too", _rare_words),
        Case(
            "one text alone",
            lambda draw: {"ids": _texts(draw, 6)[:1], "vocab_size": 6},
        ),
        Case("the id of padding can be another number", _bags_with_other_pad),
        Case("padding counts nowhere, wherever it stands", _padding_anywhere, probes.several),
        Case("the ids are left as they were", _bags_with_other_pad, probes.untouched, guard=True),
    ),
    hints=(
        "Start from a table of zeros, one row a text and one column a word of the vocabulary. "
        "Every real token adds 1 in one place of it.",
        "F.one_hot(ids, vocab_size) has a row of zeros and a single one for every token. Which "
        "axis has to be summed, and what has to happen to the padding first?",
        "Multiply the one-hot rows by (ids != pad_id).unsqueeze(-1), which makes those of the "
        "padding zero, sum over dim=1, and turn the counts into float.",
    ),
    misconceptions=(
        Misconception(
            m.bag_of_zeros_and_ones,
            "It looks as if the bag only says whether a word occurs. Count: a word that occurs "
            "twice gets 2.",
        ),
        Misconception(
            m.bag_with_padding,
            "It looks as if padding is counted as a word. Leave out the places where the id is "
            "pad_id.",
        ),
        Misconception(
            m.bag_up_to_the_first_padding,
            "It looks as if a text is cut where its first padding stands, or by its number of "
            "words. Padding may also stand in front: go through all places, and skip the padding.",
            also=(m.bag_of_the_first_ones,),
        ),
        Misconception(
            m.bag_always_without_zero,
            "It looks as if the id 0 is always taken for padding. Compare with pad_id.",
        ),
        Misconception(
            m.bag_of_shares,
            "It looks as if the counts are divided by the length of the text. Counts are asked "
            "for, as they are.",
            also=(m.bag_of_shares_of_seq,),
        ),
        Misconception(
            m.bag_of_the_whole_batch,
            "It looks as if all texts share one bag. Each text has its own: sum over its places "
            "(dim=1), and not over the batch.",
        ),
        Misconception(
            m.bag_of_places,
            "It looks as if the sum runs over the texts (dim=0). Sum over the places of a text, "
            "dim=1.",
        ),
        Misconception(
            m.bag_words_by_texts,
            "It looks as if rows and columns are exchanged. One row a text: (batch, vocab).",
        ),
        Misconception(
            m.bag_of_integers,
            "The counts are right, but they are integers. Logistic regression multiplies them by "
            "weights, so make them float with .float().",
        ),
        Misconception(
            m.bag_without_the_column_of_padding,
            "It looks as if the column of the padding is cut out, so that later columns no longer "
            "have the number of their word. Keep it, full of zeros.",
            also=(m.bag_without_its_first_column,),
        ),
        Misconception(
            m.bag_up_to_the_largest_id,
            "It looks as if the bag ends at the largest id that occurs. Every word of the "
            "vocabulary has a column, also one that no text has: say vocab_size.",
            also=(m.bag_up_to_each_largest_id,),
        ),
        Misconception(
            m.bag_of_ones,
            "It looks as if the sum runs over the words of the vocabulary (the last axis), so that "
            "each token is counted by itself. Sum over the places of a text, dim=1.",
            also=(m.bag_of_ones_with_padding,),
        ),
    ),
    alternatives=(m.bag_text_by_text, m.bag_by_bincount),
    points=1,
    minutes=8,
    difficulty=1,
)


# best_possible_accuracy


def _probabilities(draw: Draw) -> Inputs:
    views, classes = draw.size(4, 9), 2
    shares = draw.uniform(views, classes, low=0.05) * draw.uniform(views, 1, low=0.2, high=3)
    return {"shares": shares / shares.sum()}


def _counts(draw: Draw) -> Inputs:
    counts = draw.integers(0, 30, draw.size(4, 9), 2)
    counts[:, 0] += counts[:, 0] == counts[:, 1]
    return {"shares": counts.float()}


def _more_classes(draw: Draw) -> Inputs:
    """In the first view all classes are equally frequent: one of them is the answer."""
    views, classes = draw.sizes(2, 3, 8)
    counts = draw.integers(1, 40, views, classes)
    counts[0] = draw.size(20, 40)
    return {"shares": counts.float()}


def _clear_views(draw: Draw) -> Inputs:
    """Every view comes with one class only: nobody need be wrong."""
    views = draw.size(5, 9)
    right = torch.arange(views) % 2
    shares = torch.zeros(views, 2)
    shares[torch.arange(views), right] = draw.uniform(views, low=1, high=5)
    return {"shares": shares}


best_possible_accuracy = Exercise(
    id="best_possible_accuracy",
    title="what nobody can beat",
    reference=baselines.best_possible_accuracy,
    cases=(
        Case("probabilities of two classes", _probabilities, trials=3),
        Case("counts of two classes", _counts),
        Case("three classes and more", _more_classes),
        Case("where each view has one class, it is 1", _clear_views, guard=True),
    ),
    hints=(
        "Take one row, one bag. Whoever sees it must give it one answer. Which answer is right "
        "most often, and how often?",
        "The row 3, 1: answer the first class and be right 3 times out of 4. So a row contributes "
        "its largest entry; all rows together, the sum of these.",
        "shares.amax(dim=1) is the largest entry of each row. Sum them, divide by shares.sum(), "
        "and make the result a float.",
    ),
    misconceptions=(
        Misconception(
            m.best_of_each_view_alike,
            "It looks as if each row counts the same. Frequent bags count more: add up the largest "
            "entries first, and divide once, by the sum of all.",
            also=(m.best_of_each_view_alike_by_softmax,),
        ),
        Misconception(
            m.best_by_one_answer_for_all,
            "It looks as if all rows get the same answer, the class that is more frequent overall. "
            "Each row may have its own answer: take the largest entry row by row.",
        ),
        Misconception(
            m.best_by_drawing_answers,
            "It looks as if the answer of a row is drawn with the shares of the row. Drawing is "
            "right less often than always giving the more frequent class.",
        ),
        Misconception(
            m.best_over_the_views,
            "It looks as if the largest entry of each column is taken. What is seen is the row, "
            "and for each row one class is chosen: dim=1.",
        ),
        Misconception(
            m.best_without_division,
            "It looks as if this is a sum of counts. An accuracy is a share: divide by the sum of "
            "all entries.",
        ),
        Misconception(
            m.best_divided_by_views,
            "It looks as if the sum is divided by the number of rows. What can be right or wrong "
            "is a text: divide by the sum of all entries.",
        ),
        Misconception(
            m.best_in_percent,
            "It looks as if this is a percentage. Return the share itself, from 0 to 1.",
        ),
        Misconception(
            m.best_of_two_classes,
            "It looks as if only the first two classes can be an answer. There may be more: take "
            "the largest entry of the whole row.",
            also=(m.best_of_two_classes_alone,),
        ),
        Misconception(
            m.best_of_all_that_tie,
            "It looks as if all classes count that are equally frequent in a row. A row gets one "
            "answer, and only one class is right with it: shares.amax(dim=1).",
        ),
        Misconception(
            m.best_as_errors,
            "It looks as if this is the share of mistakes. The accuracy is 1 minus it.",
        ),
        Misconception(
            m.best_of_the_last_class,
            "It looks as if the answer is always the last class. Each row gets the class that is "
            "largest in it.",
        ),
    ),
    alternatives=(m.best_view_by_view, m.best_by_choosing),
    points=2,
    minutes=8,
    difficulty=2,
    kind="predict",
)


# logistic_step


def _regression(draw: Draw, double: bool = False) -> Inputs:
    n, width = draw.sizes(2, 4, 9)
    features, weight = draw.normal(n, width), draw.normal(width)
    labels = draw.integers(0, 2, n)
    labels[:2] = torch.tensor([0, 1])
    bias = draw.uniform(1, low=0.5, high=2.0)[0]
    if double:
        features, weight, bias = features.double(), weight.double(), bias.double()
    return {
        "features": features,
        "labels": labels,
        "weight": weight,
        "bias": bias,
        "learning_rate": draw.choice((0.3, 0.6, 2.5)),
    }


def _from_zero(draw: Draw) -> Inputs:
    inputs = _regression(draw)
    return {**inputs, "weight": torch.zeros_like(inputs["weight"]), "bias": torch.tensor(0.0)}


def _one_text(draw: Draw) -> Inputs:
    inputs = _regression(draw)
    return {**inputs, "features": inputs["features"][:1], "labels": inputs["labels"][:1]}


def _square_features(draw: Draw) -> Inputs:
    inputs, size = _regression(draw), draw.size(4, 8)
    labels = torch.arange(size) % 3 == 0
    return {**inputs, "features": draw.normal(size, size), "labels": labels.long(),
            "weight": draw.normal(size)}  # fmt: skip


def _step(make: Any) -> Any:
    return lambda draw: {"arguments": make(draw), "names": ["weight", "bias"]}


logistic_step = Exercise(
    id="logistic_step",
    title="learn from a batch of texts",
    reference=baselines.logistic_step,
    cases=(
        Case("one step from anywhere", _step(_regression), probes.named, trials=3),
        Case("the first step, from zero", _step(_from_zero), probes.named),
        Case("as many texts as features", _step(_square_features), probes.named),
        Case("a single text", _step(_one_text), probes.named),
        Case("in float64", _step(lambda draw: _regression(draw, double=True)), probes.named),
        Case("weight and bias are left as they were", _regression, probes.untouched, guard=True),
    ),
    hints=(
        "Four lines: the logits, the probabilities, the errors p - y (one a text), and from these "
        "the two gradients.",
        "The gradient of the bias is the mean error. That of weight j is the mean of error times "
        "feature j: features.T @ error adds this up over the texts, for all j at once.",
        "error = (features @ weight + bias).sigmoid() - labels; then weight - learning_rate * "
        "features.T @ error / len(labels), and bias - learning_rate * error.mean().",
    ),
    misconceptions=(
        Misconception(
            m.step_uphill,
            "It looks as if the step goes up the slope: the loss grows. Subtract the gradient, "
            "with the error p - y (and not y - p).",
        ),
        Misconception(
            m.step_of_a_sum,
            "It looks as if the errors are added and not averaged. Divide by the number of texts, "
            "for the weights and for the bias.",
            also=(m.step_of_a_sum_of_weights, m.step_of_a_sum_for_bias),
        ),
        Misconception(
            m.step_without_sigmoid,
            "It looks as if the sigmoid is missing. The error compares a probability with the "
            "label: sigmoid(X w + b) - y.",
        ),
        Misconception(
            m.step_with_softmax,
            "It looks as if a softmax runs over the texts. Each text has a probability of its own: "
            "the sigmoid of its logit.",
        ),
        Misconception(
            m.step_of_squared_error,
            "It looks as if the error is multiplied by p (1 - p) as well. That is the gradient of "
            "the squared error; in that of the cross-entropy these factors cancel.",
            also=(m.step_of_squared_error_doubled,),
        ),
        Misconception(
            m.step_without_bias,
            "It looks as if the bias does not move. Subtract learning_rate times the mean error.",
        ),
        Misconception(
            m.step_blind_to_bias,
            "It looks as if the logits lack the bias: features @ weight + bias.",
        ),
        Misconception(
            m.step_with_moved_weights,
            "It looks as if the bias is moved by errors of the weights that have moved already. "
            "Both gradients belong to the old weight and bias.",
        ),
        Misconception(
            m.step_without_rate,
            "It looks as if the learning rate is not used. Multiply both gradients by it.",
        ),
        Misconception(
            m.step_returns_gradients,
            "It looks as if the gradients are returned. Return the weight and the bias after the "
            "step.",
        ),
        Misconception(
            m.step_divided_by_features,
            "It looks as if you divide by the number of features. The mean runs over the texts: "
            "len(labels).",
            also=(m.step_all_divided_by_features,),
        ),
        Misconception(
            m.step_with_errors_along_features,
            "It looks as if the errors are lined up with the features. There is one error a text, "
            "and a text is a row: features.T @ error adds up over the rows.",
            also=(m.step_with_features_as_they_lie,),
        ),
        Misconception(
            m.step_of_decided_answers,
            "It looks as if p is rounded to 0 or 1 before the error. Then a text that is right by "
            "a hair teaches nothing: keep the probability as it is.",
            also=(m.step_of_decided_answers_with_ties, m.step_of_decided_answers_in_float32),
        ),
        Misconception(
            m.step_with_turned_sigmoid,
            "It looks as if the sigmoid falls where it should rise: it is 1 / (1 + e^-z), with a "
            "minus.",
        ),
        Misconception(
            m.step_squeezed,
            "It looks as if squeeze() takes away the axis of a single text. features stays (n, "
            "num_features), with n = 1 too.",
        ),
        Misconception(
            m.step_in_place,
            "It looks as if weight or bias itself is changed (-= works in place). They belong to "
            "the caller: return new tensors.",
        ),
    ),
    alternatives=(m.step_by_autograd, m.step_text_by_text),
    points=2,
    minutes=12,
    difficulty=2,
)
