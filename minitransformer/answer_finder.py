"""A small model around one attention head: it finds the word that *it*, or *where*, stands for.

Used by the training runs of the attention chapter. The embedding and the head are arguments, so
that a learner's own can take their places.
"""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from minitransformer.attention import SelfAttention
from minitransformer.embeddings import EmbeddingLayer


class AnswerFinder(nn.Module):
    """One attention head that finds the word an asking word stands for.

    The asking word is *it* ("the pizza came out of the oven and it tasted good"), or a question
    word ("mia saw the cat in the park at noon . where ?"). Three steps:

    1. Embed the tokens, and let the asking word take up the words that follow it: add their mean
       to its vector. (The query of *it* is made from the vector at *it*; without this step it
       could not depend on "tasted good". In a deeper model, an earlier layer does this.)
    2. One head of self-attention. A word may look only at words *before* the asking word, so
       that the answer has to be found in the sentence and cannot be guessed from its ending.
    3. A linear classifier reads the context vector at the asking word and names a word of the
       vocabulary.

    The model is told only the answer, never where to look.

    Args:
        vocab_size, d_model, d_head, max_seq: the sizes of the parts.
        embedding: called as ``embedding(vocab_size, d_model, max_seq)``, ids to vectors.
        attention: called as ``attention(d_model, d_head)``; a module that maps
            ``(x, mask)`` to ``(context, weights)``.

    Left out, these are the references ``EmbeddingLayer`` and ``SelfAttention``.
    """

    def __init__(
        self,
        vocab_size: int,
        d_model: int,
        d_head: int,
        max_seq: int = 16,
        embedding: Callable[..., nn.Module] | None = None,
        attention: Callable[..., nn.Module] | None = None,
    ):
        super().__init__()
        self.embedding = (embedding or EmbeddingLayer)(vocab_size, d_model, max_seq)
        self.attention = (attention or SelfAttention)(d_model, d_head)
        self.classifier = nn.Linear(d_head, vocab_size)

    def forward(
        self, ids: Tensor, asking: Tensor, hidden: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Name the answers.

        Args:
            ids: ``(batch, seq)``, padded with 0.
            asking: ``(batch,)``, the position of each sentence's asking word; not the first.
            hidden: bool ``(batch, seq)``, words that may not be looked at (in training).

        Returns:
            ``(logits, weights)`` with shapes ``(batch, vocab)`` and ``(batch, seq, seq)``.
        """
        batch, seq = ids.shape
        position = torch.arange(seq, device=ids.device)
        asks = position == asking.unsqueeze(1)  # (batch, seq)
        visible = position < asking.unsqueeze(1)
        if hidden is not None:
            shown = visible & ~hidden
            visible = torch.where(shown.any(dim=1, keepdim=True), shown, visible)  # never none
        after = (position > asking.unsqueeze(1)) & (ids != 0)

        x = self.embedding(ids)  # (batch, seq, d_model)
        total = (x * after.unsqueeze(-1)).sum(dim=1, keepdim=True)  # (batch, 1, d_model)
        mean_after = total / after.sum(dim=1).clamp_min(1).view(batch, 1, 1)
        x = x + mean_after * asks.unsqueeze(-1)

        context, weights = self.attention(x, visible.unsqueeze(1))
        return self.classifier(context[asks]), weights
