"""BERT: reads in both directions, and is taught by hiding words and by joining sentences.

Token, position and segment vectors, a stack of encoder blocks, and two heads: one names the
hidden words (masked language model), one says whether the second sentence follows the first
(next-sentence prediction). With the same weights the logits are those of Hugging Face's
``BertForPreTraining``.
"""

import torch
from torch import Tensor, nn

from minitransformer.blocks import make_norm
from minitransformer.checks import (
    check_batch,
    check_device,
    check_ids,
    check_real,
    check_some_real,
    check_targets,
    check_tensor,
)
from minitransformer.config import BertConfig
from minitransformer.parts import Parts
from minitransformer.stacks import Encoder


class BertEmbeddings(nn.Module):
    """What goes in: token + position + segment, normalised.

        x_i = LayerNorm(E[ids_i] + P[i] + S[segments_i])

    Args:
        config: the sizes.
        parts: what to build it from.

    The parts are ``token``, ``position``, ``segment`` and ``norm``.
    Source: Devlin et al., BERT (2019), figure 2; the norm and dropout are in its code.
    """

    def __init__(self, config: BertConfig, parts: Parts | None = None):
        super().__init__()
        self.config = config
        self.token = nn.Embedding(config.vocab_size, config.d_model, config.pad_id)
        self.position = nn.Embedding(config.max_seq, config.d_model)
        self.segment = nn.Embedding(config.num_segments, config.d_model)
        self.norm = make_norm(config.d_model, config.norm_eps, parts or Parts())

    def forward(self, ids: Tensor, segments: Tensor | None = None) -> Tensor:
        """Ids and segment ids ``(batch, seq)`` (all 0 if left out) to ``(batch, seq, d_model)``."""
        check_batch(ids)
        check_ids(ids, self.config.vocab_size)
        check_device(ids, self.token.weight)
        seq = ids.shape[1]
        if seq > self.config.max_seq:
            raise ValueError(
                f"the sequence has {seq} tokens, but the context is {self.config.max_seq}; "
                "cut it, or make the model with a larger max_seq"
            )
        if segments is None:
            segments = torch.zeros_like(ids)
        check_tensor(segments, "segments")
        if segments.shape != ids.shape:
            raise ValueError(
                f"segments must have one entry a token, shape {tuple(ids.shape)}, got "
                f"{tuple(segments.shape)}"
            )
        check_ids(segments, self.config.num_segments, "segments")
        places = torch.arange(seq, device=ids.device)
        x = self.token(ids) + self.position(places) + self.segment(segments)
        return nn.functional.dropout(self.norm(x), self.config.dropout, self.training)


class Pooler(nn.Module):
    """One vector for the whole input: the first token's, bent once more.

        pooled = tanh(W h_[CLS] + b)

    Source: Devlin et al. (2019), in the code; the paper calls it the aggregate representation.
    """

    def __init__(self, d_model: int):
        super().__init__()
        self.dense = nn.Linear(d_model, d_model)

    def forward(self, hidden: Tensor) -> Tensor:
        """``(batch, seq, d_model)`` to ``(batch, d_model)``."""
        return self.dense(hidden[:, 0]).tanh()


class Bert(nn.Module):
    """The encoder without heads: what is pre-trained once, and used for many tasks.

    Args:
        config: the sizes.
        parts: what to build it from; see ``parts.Parts``.

    The parts are ``embeddings``, ``encoder`` and ``pooler``.
    """

    def __init__(self, config: BertConfig, parts: Parts | None = None):
        super().__init__()
        self.config, self.parts = config, parts or Parts()
        self.embeddings = BertEmbeddings(config, self.parts)
        self.encoder = Encoder(config, self.parts)
        self.pooler = Pooler(config.d_model)
        initialize(self)

    def forward(
        self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Read a batch.

        Args:
            ids: token ids ``(batch, seq)``.
            segments: segment ids ``(batch, seq)``; all 0 if left out.
            real: bool ``(batch, seq)``, False where padding stands; left out, padding is where
                the id is ``pad_id``.

        Returns:
            ``(hidden, pooled)``: ``(batch, seq, d_model)`` and ``(batch, d_model)``.
        """
        hidden, _ = self.hidden(ids, segments, real)
        return hidden, self.pooler(hidden)

    def hidden(
        self,
        ids: Tensor,
        segments: Tensor | None = None,
        real: Tensor | None = None,
        needed: Tensor | None = None,
    ) -> tuple[Tensor, list[Tensor | None]]:
        """The contextual vectors ``(batch, seq, d_model)``, and the attention weights.

        With ``needed``, bool ``(batch, seq)``: only the vectors of these n tokens, (n, d_model).
        """
        x = self.embeddings(ids, segments)
        if real is None:
            check_some_real(ids != self.config.pad_id)
            mask = self.parts.mask_padding(ids, self.config.pad_id)  # (batch, 1, seq)
        else:
            check_real(real, ids.shape)
            check_some_real(real)
            mask = real.unsqueeze(1)
        return self.encoder(x, mask, needed=needed)


class MlmHead(nn.Module):
    """Names the word that should stand at a place, by comparing with every token's vector.

        logits = LayerNorm(gelu(W h + b)) E^T + c

    with E the token embeddings of the encoder (tied), and a bias c per token.

    Args:
        config: the sizes.
        parts: what to build it from.

    Source: Devlin et al. (2019), section 3.1, task 1; the transform is in its code.
    """

    def __init__(self, config: BertConfig, parts: Parts | None = None):
        super().__init__()
        self.parts, self.activation = parts or Parts(), config.activation
        self.dense = nn.Linear(config.d_model, config.d_model)
        self.norm = make_norm(config.d_model, config.norm_eps, self.parts)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))

    def forward(self, hidden: Tensor, table: Tensor) -> Tensor:
        """Vectors ``(..., d_model)``, and the token table ``(vocab, d_model)``, to logits."""
        transformed = self.norm(self.parts.activate(self.dense(hidden), self.activation))
        return nn.functional.linear(transformed, table, self.bias)


class NspHead(nn.Module):
    """Says whether the second sentence follows the first: logits for (is next, is not next).

    Source: Devlin et al. (2019), section 3.1, task 2. Class 0 is "is next", as in its code.
    """

    def __init__(self, d_model: int):
        super().__init__()
        self.dense = nn.Linear(d_model, 2)

    def forward(self, pooled: Tensor) -> Tensor:
        """``(batch, d_model)`` to ``(batch, 2)``."""
        return self.dense(pooled)


class BertForPreTraining(nn.Module):
    """BERT with its two heads.

    Args:
        config: the sizes.
        parts: what to build it from; see ``parts.Parts``.

    The parts are ``bert``, ``mlm`` and ``nsp``.
    """

    def __init__(self, config: BertConfig, parts: Parts | None = None):
        super().__init__()
        self.config, self.parts = config, parts or Parts()
        self.bert = Bert(config, self.parts)
        self.mlm = MlmHead(config, self.parts)
        self.nsp = NspHead(config.d_model)
        initialize(self)

    def forward(
        self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """``(mlm_logits, nsp_logits)``: ``(batch, seq, vocab)`` and ``(batch, 2)``."""
        hidden, pooled = self.bert(ids, segments, real)
        return self.mlm(hidden, self.bert.embeddings.token.weight), self.nsp(pooled)

    def loss(
        self,
        ids: Tensor,
        labels: Tensor,
        segments: Tensor | None = None,
        is_next: Tensor | None = None,
        real: Tensor | None = None,
    ) -> Tensor:
        """The joint loss: mean cross-entropy of the hidden words, plus that of the pairs.

        The last feed-forward layer and the vocabulary are spent only where there is something to
        name (and on [CLS]); elsewhere their work would be thrown away.

        Args:
            ids: corrupted token ids ``(batch, seq)``.
            labels: the true ids where a word was chosen, -100 elsewhere.
            segments: segment ids ``(batch, seq)``.
            is_next: bool ``(batch,)``; left out, only the words count.
            real: see :meth:`Bert.forward`.
        """
        check_targets(labels, ids.shape, self.config.vocab_size, "labels")
        chosen = labels != -100
        first = torch.zeros_like(chosen)
        first[:, 0] = is_next is not None  # [CLS], for the pairs
        needed = chosen | first
        hidden, _ = self.bert.hidden(ids, segments, real, needed)  # (needed, d_model)
        table = self.bert.embeddings.token.weight
        logits = self.mlm(hidden[chosen[needed]], table)  # (chosen, vocab)
        # Where no word was chosen there is nothing to learn: 0, with gradients of 0.
        learned = labels[chosen].long()
        loss = self.parts.cross_entropy(logits, learned) if len(logits) else logits.sum()
        if is_next is None:
            return loss
        check_tensor(is_next, "is_next")
        if is_next.dtype != torch.bool or is_next.shape != ids.shape[:1]:
            raise ValueError(
                f"is_next must be bool (batch,), here {tuple(ids.shape[:1])}, got "
                f"{is_next.dtype} {tuple(is_next.shape)}; True says that the second follows"
            )
        pooled = self.bert.pooler(hidden[first[needed]].unsqueeze(1))
        return loss + self.parts.cross_entropy(self.nsp(pooled), (~is_next).long())


def initialize(model: nn.Module) -> None:
    """Draw the weights as BERT does: N(0, 0.02^2), biases 0, the vector of ``[PAD]`` 0."""
    for module in model.modules():
        if isinstance(module, nn.Linear | nn.Embedding):
            nn.init.normal_(module.weight, std=0.02)
            if getattr(module, "bias", None) is not None:
                nn.init.zeros_(module.bias)
        if isinstance(module, nn.Embedding) and module.padding_idx is not None:
            nn.init.zeros_(module.weight[module.padding_idx].detach())
