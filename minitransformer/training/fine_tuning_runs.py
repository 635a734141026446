"""Putting a pre-trained BERT to work: the runs of chapter 6, with the learner's own parts.

Features for a logistic regression, short fine-tuning runs, and a reader that answers questions by
a span, made of a head, a loss and a search that are arguments.
"""

import dataclasses
from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from minitransformer.generation import evaluation_mode
from minitransformer.heads import passage_mask
from minitransformer.presets import PRESETS
from minitransformer.training.batches import table_rows
from minitransformer.training.loop import History, train

Table = Mapping[str, Tensor]
ROWS = 500
"""How many texts are read at a time where nothing is trained."""


def fine_tune(
    model: nn.Module, table: Table, steps: int, batch_size: int = 32, seed: int = 0
) -> History:
    """Train a model with a head a little further, in place.

    Args:
        model: has ``loss(**batch)``; frozen weights stay as they are.
        table: column to tensor, as ``model.loss`` takes them; smaller ones than a batch are
            used whole in every step.
        steps: how many batches.
        seed: of the order and of dropout.
    """
    settings = dataclasses.replace(PRESETS["world-bert"], steps=steps, seed=seed, evaluate_every=0)
    rows = min(batch_size, len(table["ids"]))
    return train(model, table_rows(dict(table), rows, seed), settings.training())


def class_accuracy(model: nn.Module, table: Table) -> float:
    """The share of texts whose class a model names rightly; it reads ``ids``, in evaluation mode.

    Args:
        model: ``ids (batch, seq)`` to logits ``(batch, num_classes)``.
        table: with ``ids`` and ``labels``.
    """
    with evaluation_mode(model):
        said = torch.cat([model(ids).argmax(dim=-1) for ids in table["ids"].split(ROWS)])
    return float((said == table["labels"]).double().mean())


def text_vectors(bert: nn.Module, ids: Tensor, pool: Callable[[Tensor, Tensor], Tensor]) -> Tensor:
    """One vector a text from a BERT as it is, ``(batch, d_model)``.

    Args:
        bert: a ``Bert``.
        ids: ``(batch, seq)``.
        pool: ``(hidden (batch, seq, d_model), real (batch, seq)) -> (batch, d_model)``.
    """
    parts = ids.split(ROWS)
    with evaluation_mode(bert):
        found = [pool(bert.hidden(part)[0], part != bert.config.pad_id) for part in parts]
    return torch.cat([vectors.clone() for vectors in found])


def logistic_accuracy(
    step: Callable[..., tuple[Tensor, Tensor]],
    known: tuple[Tensor, Tensor],
    asked: tuple[Tensor, Tensor],
    steps: int = 200,
    learning_rate: float = 1.0,
) -> float:
    """Fit a logistic regression by many steps, and measure it on texts it has not seen.

    The features are shifted, turned and stretched first, so that on the known texts each has mean
    0 and variance 1 and no two go together: then a few steps are enough. This changes nothing of
    what a logistic regression can tell.

    Args:
        step: ``(features, labels, weight, bias, learning_rate) -> (weight, bias)``.
        known: features ``(n, num_features)`` and labels ``(n,)`` to learn from.
        asked: the same, to measure on.
    """
    features, labels = known
    mean = features.mean(dim=0)
    values, directions = torch.linalg.eigh((features - mean).double().T.cov())
    kept = values > 1e-6 * values.amax()
    turn = (directions[:, kept] / values[kept].sqrt()).to(features)
    inputs = (features - mean) @ turn
    weight, bias = torch.zeros(inputs.shape[1]), torch.tensor(0.0)
    for _ in range(steps):
        weight, bias = step(inputs, labels, weight, bias, learning_rate)
    said = ((asked[0] - mean) @ turn @ weight + bias) > 0
    return float((said == asked[1]).double().mean())


class SpanReader(nn.Module):
    """A BERT that answers a question by a span of the passage beside it, from parts of your own.

    Args:
        bert: a ``Bert``.
        head: the class ``SpanHead``.
        loss: ``(start_logits, end_logits, starts, ends) -> scalar``.
        search: ``(start_logits, end_logits, max_length) -> (start, end)``.
    """

    def __init__(self, bert: nn.Module, head: Callable[..., nn.Module], loss, search):
        super().__init__()
        self.bert, self.span_loss, self.search = bert, loss, search
        self.head = head(bert.config.d_model)

    def forward(self, ids: Tensor, segments: Tensor) -> tuple[Tensor, Tensor]:
        """Start and end logits, ``(batch, seq)`` each; -inf outside the passage."""
        hidden, _ = self.bert.hidden(ids, segments)
        return self.head(hidden, passage_mask(ids, segments, self.bert.config.pad_id))

    def loss(self, ids: Tensor, segments: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
        """The loss of the right places, counted in ``ids``."""
        return self.span_loss(*self(ids, segments), starts, ends)

    def answer(self, ids: Tensor, segments: Tensor, max_length: int = 4) -> tuple[Tensor, Tensor]:
        """The first and the last place of each answer, ``(batch,)``, in evaluation mode."""
        with evaluation_mode(self):
            parts = zip(ids.split(ROWS), segments.split(ROWS), strict=True)
            found = [self.search(*self(*part), max_length) for part in parts]
        first, last = (torch.cat(places) for places in zip(*found, strict=True))
        return first, last
