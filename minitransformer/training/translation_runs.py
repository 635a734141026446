"""A short run that trains a translator with the learner's own parts.

The model is the package's encoder-decoder, made from the parts that are handed over; shift and
loss are arguments. Seeded, and on the CPU or on the device that MINITRANSFORMER_DEVICE names; the
trained model comes back to the CPU. It learns from sentences of the small world, and none of the
held-out ones is among them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minitransformer.config import Seq2SeqConfig
from minitransformer.data.records import Translation
from minitransformer.data.world import World
from minitransformer.losses import label_smoothing_loss
from minitransformer.parts import Parts, readable_parts
from minitransformer.seq2seq import Seq2Seq, shift_right
from minitransformer.tokenizers import WordTokenizer, pad_batch
from minitransformer.training.batches import table_rows
from minitransformer.training.loop import TrainingConfig, train


@dataclass(frozen=True)
class TrainedTranslator:
    """What came out of :func:`train_translator`.

    Args:
        model: the trained model, in evaluation mode.
        tokenizer, target_tokenizer: of the two languages.
        losses: the loss of every step.
        held_out: sentences that it has not seen, with their translations.
    """

    model: Seq2Seq
    tokenizer: WordTokenizer
    target_tokenizer: WordTokenizer
    losses: list[float]
    held_out: list[Translation]

    def source(self, texts: Sequence[str]) -> Tensor:
        """English sentences as ids ``(batch, seq_k)``, filled up with padding."""
        return pad_batch([self.tokenizer.encode(text) for text in texts])

    def targets(self, texts: Sequence[str]) -> Tensor:
        """Translations as ids ``(batch, seq)``, each with its end token, filled up with padding."""
        return encode_targets(self.target_tokenizer, texts, self.model.config.end_id)

    def words(self, ids: Tensor) -> list[list[str]]:
        """What was written, ``(batch, seq)``, as words: up to the end token, without it."""
        config, rows = self.model.config, []
        for row in ids.tolist():
            row = row[: row.index(config.end_id)] if config.end_id in row else row
            kept = [index for index in row if index != config.pad_id]
            rows.append(self.target_tokenizer.decode(kept).split())
        return rows


class _Lesson(nn.Module):
    """A model with the loss that it learns by."""

    def __init__(self, model: nn.Module, shift: Callable, loss: Callable, smoothing: float):
        super().__init__()
        self.model, self.shift, self.measure = model, shift, loss
        self.smoothing = smoothing

    def loss(self, source: Tensor, targets: Tensor) -> Tensor:
        """The mean over all words of the targets."""
        config = self.model.config
        logits = self.model(source, self.shift(targets, config.start_id))
        return self.measure(logits, targets, self.smoothing, config.pad_id)


def train_translator(
    parts: Parts | None = None,
    shift: Callable[[Tensor, int], Tensor] | None = None,
    loss: Callable[[Tensor, Tensor, float, int], Tensor] | None = None,
    steps: int = 500,
    seed: int = 0,
    d_model: int = 96,
    num_heads: int = 4,
    batch: int = 64,
    smoothing: float = 0.1,
    held_out: int = 2000,
) -> TrainedTranslator:
    """Train an encoder-decoder of one block each on sentences of the small world.

    Args:
        parts: what to build the model from, e.g. the learner's own blocks and masks; the
            written-out formulas if left out.
        shift: makes what the decoder reads from the targets; the reference is ``shift_right``.
        loss: ``(logits, targets, smoothing, pad_id)``; the reference is ``label_smoothing_loss``.
        steps: how many batches.
        seed: of the first weights and of the sentences.
        d_model, num_heads: sizes; d_ff is 4 d_model.
        batch: sentences in a batch.
        smoothing: the share of belief spread over all words.
        held_out: how many sentences to keep apart.

    Returns:
        The trained model, with what is needed to use it.
    """
    world = World()
    tokenizer, target_tokenizer = world.tokenizer(), world.translation_tokenizer()
    apart = world.translations(held_out, seed=0)
    known = {each.source for each in apart}
    drawn = world.translations(batch * (steps + 20), seed + 1)
    learned = [each for each in drawn if each.source not in known]
    config = Seq2SeqConfig(
        vocab_size=len(tokenizer),
        target_vocab_size=len(target_tokenizer),
        max_seq=24,
        d_model=d_model,
        num_heads=num_heads,
        num_layers=1,
        start_id=target_tokenizer.vocab["[CLS]"],
        end_id=target_tokenizer.vocab["[SEP]"],
        activation="gelu",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = Seq2Seq(config, parts or readable_parts())
    table = {
        "source": pad_batch([tokenizer.encode(each.source) for each in learned]),
        "targets": encode_targets(
            target_tokenizer, [each.target for each in learned], config.end_id
        ),
    }
    lesson = _Lesson(model, shift or shift_right, loss or label_smoothing_loss, smoothing)
    settings = TrainingConfig(
        steps=steps, seed=seed, muon_learning_rate=0.02, evaluate_every=0, warmup=20
    )
    history = train(lesson, table_rows(table, batch, seed), settings)
    return TrainedTranslator(model.eval(), tokenizer, target_tokenizer, history.losses, apart)


def encode_targets(tokenizer: WordTokenizer, texts: Sequence[str], end_id: int) -> Tensor:
    """Texts as ids ``(batch, seq)``, each with its end token, filled up with padding."""
    return pad_batch([[*tokenizer.encode(text), end_id] for text in texts])
