"""How good are a model's answers? Shares of right ones, and BLEU for translations.

Losses are for training; these are for people. All are floats from 0 to 1, 1 for perfect. Imports
nothing from the package.
"""

import math
from collections import Counter
from collections.abc import Hashable, Sequence

import torch.nn.functional as F
from torch import Tensor


def accuracy(predictions: Tensor, targets: Tensor, ignored: int = -100) -> float:
    """The share of predictions that are right.

    Args:
        predictions: class numbers or token ids, any shape.
        targets: the right ones, the same shape.
        ignored: targets that do not count.
    """
    if predictions.shape != targets.shape:
        raise ValueError(
            f"predictions {tuple(predictions.shape)} and targets {tuple(targets.shape)} must "
            "have the same shape; logits become predictions with .argmax(dim=-1)"
        )
    counted = targets != ignored
    if not counted.any():
        raise ValueError("the accuracy over no targets is not defined; pass at least one")
    return float((predictions == targets)[counted].double().mean())


def sequence_accuracy(predictions: Tensor, targets: Tensor, pad_id: int = 0) -> float:
    """The share of sequences in which every token is right, the length included.

    Args:
        predictions: token ids ``(batch, seq)``, filled up with ``pad_id``.
        targets: token ids ``(batch, seq)``, filled up with ``pad_id``; may be of another width.
        pad_id: the id of ``[PAD]``.
    """
    if predictions.dim() != 2 or len(predictions) != len(targets) or len(targets) == 0:
        raise ValueError(
            f"predictions and targets must be (batch, seq) of the same batch, at least one row, "
            f"got {tuple(predictions.shape)} and {tuple(targets.shape)}"
        )
    width = max(predictions.shape[1], targets.shape[1])
    predictions, targets = (
        F.pad(ids, (0, width - ids.shape[1]), value=pad_id) for ids in (predictions, targets)
    )
    return float((predictions == targets).all(dim=1).double().mean())


def exact_match(answers: Sequence[str], references: Sequence[str]) -> float:
    """The share of answers equal to their reference, upper case and white space aside.

    Args:
        answers, references: texts, one reference an answer.

    Source: Rajpurkar et al., SQuAD (2016), section 6.1. There punctuation and articles are left
    aside as well.
    """
    if isinstance(answers, str) or isinstance(references, str):
        raise TypeError("answers and references must be lists of texts; write [text]")
    if len(answers) != len(references) or not answers:
        raise ValueError(
            f"each answer needs one reference, and there must be at least one, "
            f"got {len(answers)} answers and {len(references)} references"
        )
    pairs = zip(answers, references, strict=True)
    same = [one.lower().split() == other.lower().split() for one, other in pairs]
    return sum(same) / len(same)


def bleu(
    candidates: Sequence[Sequence[Hashable]],
    references: Sequence[Sequence[Sequence[Hashable]]],
    max_order: int = 4,
) -> float:
    """BLEU of a whole corpus: how many runs of words a translation shares with its references.

        BLEU = BP exp(1/N sum_{n=1..N} log p_n),   BP = min(1, exp(1 - r / c))

    p_n is the share of the candidates' n-grams that occur in a reference, each counted at most as
    often as one reference has it. c is the length of all candidates; r that of the references,
    for each candidate the one nearest in length (the shorter of two). The sums run over the
    corpus before anything is divided.

    Args:
        candidates: translations, each a list of tokens.
        references: for each candidate a *list* of right translations, at least one.
        max_order: N, the longest run of words.

    Returns:
        0 to 1; 0 where no n-gram of some order is shared (no smoothing).

    Source: Papineni et al., BLEU: a Method for Automatic Evaluation of Machine Translation
    (2002), section 2.3.
    """
    _check_corpus(candidates, references)
    matched, counted = [0] * max_order, [0] * max_order
    length = reference_length = 0
    for candidate, rights in zip(candidates, references, strict=True):
        length += len(candidate)
        nearest = min(rights, key=lambda right: (abs(len(right) - len(candidate)), len(right)))
        reference_length += len(nearest)
        for order in range(1, max_order + 1):
            found = count_ngrams(candidate, order)
            allowed = Counter()
            for right in rights:
                allowed |= count_ngrams(right, order)  # the larger of both counts
            matched[order - 1] += (found & allowed).total()
            counted[order - 1] += found.total()
    if 0 in matched:
        return 0.0
    mean = sum(math.log(m / n) for m, n in zip(matched, counted, strict=True)) / max_order
    return math.exp(mean + min(0.0, 1 - reference_length / length))


def count_ngrams(tokens: Sequence[Hashable], order: int) -> Counter:
    """How often each run of ``order`` tokens occurs."""
    return Counter(tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1))


def _check_corpus(candidates: Sequence, references: Sequence) -> None:
    if len(candidates) != len(references) or len(candidates) == 0:
        raise ValueError(
            f"each candidate needs its references, and there must be at least one, "
            f"got {len(candidates)} candidates and {len(references)} lists of references"
        )
    if any(isinstance(candidate, str) for candidate in candidates):
        raise TypeError("a candidate must be a list of tokens, got one string; write text.split()")
    for rights in references:
        if len(rights) == 0 or not all(isinstance(right, list | tuple) for right in rights):
            raise TypeError(
                "each candidate needs a list of references, and each reference must be a list of "
                f"tokens, got {rights!r}; one reference becomes a list with [reference]"
            )
