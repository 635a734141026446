"""What goes on top of a pre-trained model, to put it to work on a task.

A head is small: one linear layer, for a class of the whole text, or for the first and the last
word of an answer inside it. Here too: pooling many vectors into one, comparing texts by them, and
freezing what shall stay as it was. Whole models with these heads are in ``fine_tuning``.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minitransformer.checks import check_ids, check_real


class ClassificationHead(nn.Module):
    """Scores for the classes of a whole text.

        logits = W dropout(c) + b

    Args:
        d_model: the size of the vectors.
        num_classes: how many classes there are.
        dropout: the share of c's numbers set to 0 in training.

    The layer is ``dense``, drawn from N(0, 0.02^2), with b = 0.
    Source: Devlin et al., BERT (2019), section 4.1; the bias and dropout are in its code.
    """

    def __init__(self, d_model: int, num_classes: int, dropout: float = 0.1):
        super().__init__()
        if num_classes < 2:
            raise ValueError(f"num_classes must be at least 2, got {num_classes}")
        if not 0 <= dropout < 1:
            raise ValueError(f"dropout must be in [0, 1), got {dropout}")
        self.dense = nn.Linear(d_model, num_classes)
        self.dropout = dropout
        nn.init.normal_(self.dense.weight, std=0.02)
        nn.init.zeros_(self.dense.bias)

    def forward(self, pooled: Tensor) -> Tensor:
        """One vector a text, ``(batch, d_model)``, to logits ``(batch, num_classes)``."""
        return self.dense(F.dropout(pooled, self.dropout, self.training))


class SpanHead(nn.Module):
    """How well each token fits as the first of the answer, and as the last.

        start_i = s . h_i + b_s,   end_i = e . h_i + b_e,   -inf where no answer may lie

    Args:
        d_model: the size of the vectors.

    The layer is ``dense``, with the rows s and e, drawn from N(0, 0.02^2).
    Source: Devlin et al., BERT (2019), section 4.2; the biases are in its code. We also rule out
    the question and the padding.
    """

    def __init__(self, d_model: int):
        super().__init__()
        self.dense = nn.Linear(d_model, 2)
        nn.init.normal_(self.dense.weight, std=0.02)
        nn.init.zeros_(self.dense.bias)

    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Score every place.

        Args:
            hidden: contextual vectors ``(batch, seq, d_model)``.
            allowed: bool ``(batch, seq)``, True where an answer may lie; see
                :func:`passage_mask`. Left out, it may lie anywhere.

        Returns:
            ``(start_logits, end_logits)``, ``(batch, seq)`` each.
        """
        logits = self.dense(hidden)  # (batch, seq, 2)
        if allowed is not None:
            _check_allowed(allowed, hidden)
            logits = logits.masked_fill(~allowed.unsqueeze(-1), -math.inf)
        start, end = logits.unbind(dim=-1)
        return start, end


def passage_mask(ids: Tensor, segments: Tensor, pad_id: int = 0, sep_id: int = 3) -> Tensor:
    """Where an answer may lie: in the passage, which comes second, after the question.

    Args:
        ids: token ids ``(batch, seq)``: ``[CLS] question [SEP] passage [SEP]`` and padding.
        segments: segment ids ``(batch, seq)``; 1 in the passage.
        pad_id, sep_id: the ids of ``[PAD]`` and ``[SEP]``.

    Returns:
        A bool tensor ``(batch, seq)``, True at the words of the passage.
    """
    return (segments == 1) & (ids != pad_id) & (ids != sep_id)


def span_loss(
    start_logits: Tensor,
    end_logits: Tensor,
    starts: Tensor,
    ends: Tensor,
    cross_entropy: Callable[[Tensor, Tensor], Tensor] | None = None,
) -> Tensor:
    """The mean of two cross-entropies: one for where the answer starts, one for where it ends.

        loss = (-log softmax(start)_s - log softmax(end)_e) / 2, then the mean over the batch

    Args:
        start_logits, end_logits: ``(batch, seq)``; -inf where no answer may lie.
        starts, ends: the places of the answer's first and last token, integers ``(batch,)``.
        cross_entropy: ``(logits (n, seq), targets (n,)) -> scalar``; PyTorch's if left out.

    Raises:
        ValueError: a right answer lies where none may, so that the loss would be infinite.

    Source: Devlin et al., BERT (2019), section 4.2.
    """
    mean = cross_entropy or F.cross_entropy
    starts, ends = _places(start_logits, starts, "starts"), _places(end_logits, ends, "ends")
    for name, logits, places in (("start", start_logits, starts), ("end", end_logits, ends)):
        right = logits.gather(1, places.unsqueeze(1)).squeeze(1)  # (batch,)
        if (right == -math.inf).any():
            row = int((right == -math.inf).nonzero()[0])
            raise ValueError(
                f"the answer of text {row} has its {name} at {int(places[row])}, where no answer "
                "may lie; count places from the front of ids, [CLS] included, and allow them"
            )
    return (mean(start_logits, starts) + mean(end_logits, ends)) / 2


def best_span(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """The best answer that an answer can be: one that does not end before it starts.

        argmax over s <= e < s + max_length of start_s + end_e

    The best start and the best end taken each alone need not be a pair of this kind. Of several
    equally good spans, the one that starts first is taken, and of those the shortest.

    Args:
        start_logits, end_logits: ``(..., seq)``.
        max_length: the most tokens that an answer may have; any number if left out.

    Returns:
        ``(start, end)``, integers ``(...)``; the end belongs to the answer.

    Source: Devlin et al., BERT (2019), section 4.2.
    """
    seq = start_logits.shape[-1]
    max_length = seq if max_length is None else max_length
    if max_length < 1:
        raise ValueError(f"max_length must be at least 1 token, got {max_length}")
    scores = start_logits.unsqueeze(-1) + end_logits.unsqueeze(-2)  # (..., start, end)
    square = torch.ones(seq, seq, dtype=torch.bool, device=scores.device)
    legal = square.triu() & square.tril(max_length - 1)  # start <= end < start + max_length
    scores = scores.masked_fill(~legal, -math.inf).flatten(-2)
    if (scores.amax(dim=-1) == -math.inf).any():
        raise ValueError(
            "no legal span has a finite score; allow an answer to lie somewhere in every text"
        )
    best = scores.argmax(dim=-1)
    return best // seq, best % seq


def mean_pooling(hidden: Tensor, real: Tensor) -> Tensor:
    """One vector for a text: the mean of its tokens' vectors, padding left out.

        pooled = sum over real i of h_i / number of real i

    Args:
        hidden: ``(batch, seq, d_model)``.
        real: bool ``(batch, seq)``, False where padding stands; each text has a real token.

    Returns:
        ``(batch, d_model)``.

    Source: Reimers and Gurevych, Sentence-BERT (2019), section 3.
    """
    check_real(real, hidden.shape[:2])
    counts = real.sum(dim=1, keepdim=True)  # (batch, 1)
    if not counts.all():
        raise ValueError(
            f"text {int((counts == 0).nonzero()[0, 0])} of the batch has no real token, and the "
            "mean of nothing is not defined; leave empty texts out"
        )
    return hidden.masked_fill(~real.unsqueeze(-1), 0).sum(dim=1) / counts


def normalize(vectors: Tensor) -> Tensor:
    """Each vector ``(..., d_model)`` at length 1, so that a dot product is a cosine.

    A vector of zeros stays as it is (lengths below 1e-8 are taken as 1e-8).
    """
    return vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-8)


def freeze(module: nn.Module) -> nn.Module:
    """Leave a module's weights as they are: no gradient, so that no training step moves them.

    Dropout inside it goes on in training; ``module.eval()`` stops that too. Returns the same
    module; ``module.requires_grad_(True)`` undoes it.
    """
    return module.requires_grad_(False)


def freeze_layers(model: nn.Module, num_layers: int) -> nn.Module:
    """Freeze a model's embeddings and its first ``num_layers`` blocks, counted from the input.

    What early layers learn serves most tasks; the late ones are trained.

    Args:
        model: a ``Bert`` or a ``GPT`` (whose head shares its weights with the embeddings, and
            is frozen with them).
        num_layers: from 0 (the embeddings only) to the number of blocks.

    Returns:
        The same model.

    Source: Howard and Ruder, Universal Language Model Fine-tuning (2018), section 3.3.
    """
    below = [
        part for name, part in model.named_children() if name in ("embeddings", "token", "position")
    ]
    if not below:
        raise TypeError(
            f"model must be a Bert or a GPT, got {type(model).__name__}; of a model with a head "
            "pass the part below the head, such as model.bert"
        )
    stack = model.encoder if hasattr(model, "encoder") else model.decoder
    if not 0 <= num_layers <= len(stack.blocks):
        raise ValueError(
            f"num_layers must lie in 0..{len(stack.blocks)} (the model's blocks), got {num_layers}"
        )
    for module in (*below, *stack.blocks[:num_layers]):
        freeze(module)
    return model


def _places(logits: Tensor, places: Tensor, name: str) -> Tensor:
    """One place a text, in int64."""
    batch, seq = logits.shape
    check_ids(places, seq, name, "count places from the front of ids, [CLS] included")
    if places.shape != (batch,):
        raise ValueError(
            f"{name} must have one place a text, shape ({batch},), got {tuple(places.shape)}"
        )
    return places.long()


def _check_allowed(allowed: Tensor, hidden: Tensor) -> None:
    if allowed.dtype != torch.bool or allowed.shape != hidden.shape[:2]:
        raise ValueError(
            f"allowed must be bool with one entry a token, shape {tuple(hidden.shape[:2])}, got "
            f"{allowed.dtype} {tuple(allowed.shape)}; passage_mask makes it"
        )
    if not allowed.any(dim=1).all():
        row = int((~allowed.any(dim=1)).nonzero()[0])
        raise ValueError(f"allowed leaves text {row} no place for an answer; give it a passage")
