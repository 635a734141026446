"""Models for a task: a pre-trained BERT or GPT below, a small head on top, and a loss.

Each takes the model that is to be put to work (trained further in place, unless frozen), and has
``loss(**batch)``, which is all that the training loop asks of a model.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from minitransformer.checks import check_classes
from minitransformer.heads import (
    ClassificationHead,
    SpanHead,
    best_span,
    mean_pooling,
    normalize,
    passage_mask,
    span_loss,
)
from minitransformer.losses import two_objective_loss


class BertForClassification(nn.Module):
    """Names the class of a text, or of a pair of texts.

    Args:
        bert: the encoder, a ``Bert``; ``BertForPreTraining`` has it as ``.bert``.
        num_classes: how many classes there are.
        dropout: before the head.

    The parts are ``bert`` and ``head``, which reads the pooled vector of ``[CLS]``.
    Source: Devlin et al., BERT (2019), section 4.1.
    """

    def __init__(self, bert: nn.Module, num_classes: int, dropout: float = 0.1):
        super().__init__()
        self.config, self.parts, self.bert = bert.config, bert.parts, bert
        self.head = beside(ClassificationHead(bert.config.d_model, num_classes, dropout), bert)

    def forward(
        self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None
    ) -> Tensor:
        """Logits ``(batch, num_classes)``; the arguments are those of ``Bert.forward``."""
        _, pooled = self.bert(ids, segments, real)
        return self.head(pooled)

    def loss(
        self,
        ids: Tensor,
        labels: Tensor,
        segments: Tensor | None = None,
        real: Tensor | None = None,
    ) -> Tensor:
        """The mean cross-entropy of the right classes, integers ``labels (batch,)``."""
        logits = self(ids, segments, real)
        return self.parts.cross_entropy(logits, check_classes(labels, logits))


class BertForQuestionAnswering(nn.Module):
    """Finds the answer to a question as a span of the passage beside it.

    Reads ``[CLS] question [SEP] passage [SEP]``, the passage in segment 1.

    Args:
        bert: the encoder, a ``Bert``.
        sep_id: the id of ``[SEP]``, which is no answer.

    The parts are ``bert`` and ``head``.
    Source: Devlin et al., BERT (2019), section 4.2.
    """

    def __init__(self, bert: nn.Module, sep_id: int = 3):
        super().__init__()
        self.config, self.parts, self.bert = bert.config, bert.parts, bert
        self.sep_id = sep_id
        self.head = beside(SpanHead(bert.config.d_model), bert)

    def forward(
        self, ids: Tensor, segments: Tensor, real: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """``(start_logits, end_logits)``, ``(batch, seq)`` each; -inf outside the passage."""
        hidden, _ = self.bert.hidden(ids, segments, real)
        allowed = passage_mask(ids, segments, self.config.pad_id, self.sep_id)
        return self.head(hidden, allowed if real is None else allowed & real)

    def loss(
        self,
        ids: Tensor,
        segments: Tensor,
        starts: Tensor,
        ends: Tensor,
        real: Tensor | None = None,
    ) -> Tensor:
        """The loss of the right places ``starts`` and ``ends (batch,)``, counted in ``ids``."""
        start_logits, end_logits = self(ids, segments, real)
        return span_loss(start_logits, end_logits, starts, ends, self.parts.cross_entropy)

    @torch.no_grad()
    def answer(
        self,
        ids: Tensor,
        segments: Tensor,
        real: Tensor | None = None,
        max_length: int | None = None,
    ) -> tuple[Tensor, Tensor]:
        """The best legal spans, ``(start, end)``, integers ``(batch,)``; both ends belong to it.

        As it is in training, dropout included; call ``eval()`` first.
        """
        return best_span(*self(ids, segments, real), max_length)


class SentenceEncoder(nn.Module):
    """One vector of length 1 a text: texts that mean the same point the same way.

        v = m / |m|,   m = mean of the contextual vectors of the text's tokens

    Args:
        bert: the encoder, a ``Bert``.
        temperature: of the loss; see :func:`contrastive_loss`.

    Source: Reimers and Gurevych, Sentence-BERT (2019), section 3; trained as in Gao et al.,
    SimCSE (2021).
    """

    def __init__(self, bert: nn.Module, temperature: float = 0.05):
        super().__init__()
        self.config, self.bert, self.temperature = bert.config, bert, temperature

    def forward(
        self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None
    ) -> Tensor:
        """Unit vectors ``(batch, d_model)``; the cosine of two texts is ``v @ w``."""
        hidden, _ = self.bert.hidden(ids, segments, real)
        return normalize(mean_pooling(hidden, ids != self.config.pad_id if real is None else real))

    def loss(self, ids: Tensor, others: Tensor) -> Tensor:
        """Learn from pairs: row i of ``ids`` means the same as row i of ``others``.

        Both ``(batch, seq)``, each padded to a length of its own.
        """
        return contrastive_loss(self(ids), self(others), self.temperature)


class GPTForClassification(nn.Module):
    """Names the class of a text with a GPT, and goes on being a language model meanwhile.

        loss = loss_task + lm_weight * loss_lm

    Args:
        gpt: the model below, a ``GPT``.
        num_classes: how many classes there are.
        lm_weight: lambda, how much the second objective counts.
        dropout: before the head.

    The parts are ``gpt`` and ``head``, which reads the vector of the last token, the only one
    that has seen the whole text. Source: Radford et al., Improving Language Understanding by
    Generative Pre-Training (2018), section 3.2, equations 3 to 5, where lambda is 0.5.
    """

    def __init__(
        self, gpt: nn.Module, num_classes: int, lm_weight: float = 0.5, dropout: float = 0.1
    ):
        super().__init__()
        if not lm_weight >= 0:
            raise ValueError(f"lm_weight must be at least 0, got {lm_weight}")
        self.config, self.parts, self.gpt = gpt.config, gpt.parts, gpt
        self.lm_weight = lm_weight
        self.head = beside(ClassificationHead(gpt.config.d_model, num_classes, dropout), gpt)

    def forward(self, ids: Tensor, real: Tensor | None = None) -> Tensor:
        """Logits ``(batch, num_classes)``; padding, where ``real`` is False, on either side."""
        hidden, _ = self.gpt.hidden(ids, real)
        return self.head(last_vector(hidden, real))

    def loss(self, ids: Tensor, labels: Tensor, real: Tensor | None = None) -> Tensor:
        """Both objectives on one batch.

        Args:
            ids: ``(batch, seq)``.
            labels: the right classes, integers ``(batch,)``.
            real: bool ``(batch, seq)``, False where padding stands.
        """
        hidden, _ = self.gpt.hidden(ids, real)
        logits = self.head(last_vector(hidden, real))
        task = self.parts.cross_entropy(logits, check_classes(labels, logits))
        real = torch.ones_like(ids, dtype=torch.bool) if real is None else real
        told = real[:, 1:] & real[:, :-1]  # a token that is there, after one that is there
        if self.lm_weight == 0 or not told.any():
            return task
        targets, before = ids[:, 1:], hidden[:, :-1]
        language = self.parts.cross_entropy(self.gpt.scores(before[told]), targets[told].long())
        return two_objective_loss(task, language, self.lm_weight)


def last_vector(hidden: Tensor, real: Tensor | None = None) -> Tensor:
    """The vector of each text's last real token: ``(batch, seq, d_model)`` to ``(batch, d_model)``.

    Args:
        hidden: the contextual vectors.
        real: bool ``(batch, seq)``, False where padding stands; left out, nothing is padding.
    """
    if real is None:
        return hidden[:, -1]
    places = torch.arange(real.shape[1], device=real.device)
    last = places.masked_fill(~real, 0).amax(dim=1)  # (batch,)
    return hidden[torch.arange(len(hidden), device=hidden.device), last]


def beside(head: nn.Module, model: nn.Module) -> nn.Module:
    """The head on the device and in the number type of the model below it."""
    return head.to(next(model.parameters()))


def contrastive_loss(vectors: Tensor, others: Tensor, temperature: float = 0.05) -> Tensor:
    """Learn to find, among all texts of the batch, the one that means the same.

        loss = mean_i of -log softmax_j(cos(a_i, b_j) / temperature)_i

    Args:
        vectors, others: a and b, ``(batch, d_model)``; row i of both mean the same, and all other
            rows of ``others`` serve as wrong answers.
        temperature: the smaller, the more the nearest wrong answers count.

    Source: Gao et al., SimCSE (2021), equation 1.
    """
    if vectors.shape != others.shape:
        raise ValueError(
            f"each text needs one that means the same, got vectors {tuple(vectors.shape)} and "
            f"{tuple(others.shape)}"
        )
    if not temperature > 0:
        raise ValueError(f"temperature must be positive, got {temperature}")
    scores = normalize(vectors) @ normalize(others).T / temperature  # (batch, batch)
    return F.cross_entropy(scores, torch.arange(len(scores), device=scores.device))
