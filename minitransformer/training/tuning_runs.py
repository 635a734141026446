"""Short runs in which a pre-trained model is put to work, with the learner's own parts.

Two things are tuned here: a GPT that names the class of a text while it stays a language model,
and an encoder that finds passages. (The assistant is in ``assistant_runs``.) What is left out is
the reference, looked up when a run starts. Runs are seeded and leave torch's global random state
alone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minitransformer.bert import Bert
from minitransformer.config import BertConfig
from minitransformer.data import World
from minitransformer.fine_tuning import contrastive_loss, last_vector
from minitransformer.generation import evaluation_mode
from minitransformer.heads import mean_pooling
from minitransformer.losses import cross_entropy, next_token_loss, two_objective_loss
from minitransformer.tokenizers import pad_batch
from minitransformer.training.batches import table_rows
from minitransformer.training.loop import TrainingConfig, train


@dataclass(frozen=True)
class TunedReader:
    """What came out of :func:`tune_reader`.

    Args:
        losses: of every step, both objectives together.
        accuracy: the share of held-out reviews whose class it names.
        review_loss, story_loss: its loss as a language model, in nats a token, on held-out
            reviews and on held-out stories.
    """

    losses: list[float]
    accuracy: float
    review_loss: float
    story_loss: float


class _Reader(nn.Module):
    def __init__(self, gpt: nn.Module, weight: float, last, combine):
        super().__init__()
        self.gpt, self.weight = gpt, weight
        self.last, self.combine = last or last_vector, combine or two_objective_loss
        with torch.random.fork_rng(devices=[]):  # draws that are replaced at once
            self.head = nn.Linear(gpt.config.d_model, 2)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def read(self, ids: Tensor) -> tuple[Tensor, Tensor]:
        """Logits of the classes ``(batch, 2)``, and the language model's loss."""
        hidden, _ = self.gpt.hidden(ids)
        real = ids != 0
        language = next_token_loss(self.gpt.scores(hidden), ids.masked_fill(~real, -100))
        return self.head(self.last(hidden, real)), language

    def loss(self, ids: Tensor, labels: Tensor) -> Tensor:
        logits, language = self.read(ids)
        return self.combine(cross_entropy(logits, labels), language, self.weight)


def tune_reader(
    gpt: nn.Module,
    weight: float,
    steps: int = 100,
    last: Callable[[Tensor, Tensor], Tensor] | None = None,
    combine: Callable[[Tensor, Tensor, float], Tensor] | None = None,
    seed: int = 0,
) -> TunedReader:
    """Teach a GPT to tell praise from complaint in the world's reviews.

    Args:
        gpt: with the world's vocabulary; changed in place.
        weight: lambda, how much the language counts.
        steps: batches of 32 reviews.
        last, combine: ``last_vector`` and ``two_objective_loss`` if left out.
    """
    world = World()
    reader = _Reader(gpt, weight, last, combine)
    drawn, held_out = (
        world.draw("reviews", 32 * max(1, steps), seed + 1),
        world.draw("reviews", 2000, 0),
    )
    table = {"ids": drawn.ids, "labels": drawn.labels}
    config = TrainingConfig(steps=steps, learning_rate=1e-3, muon_learning_rate=5e-3, seed=seed)
    history = train(reader, table_rows(table, 32, seed), config)
    with evaluation_mode(reader):
        logits, review_loss = reader.read(held_out.ids)
    right = (logits.argmax(dim=1) == held_out.labels).double().mean()
    return TunedReader(history.losses, float(right), float(review_loss), story_loss(gpt))


def story_loss(gpt: nn.Module) -> float:
    """How well a GPT writes stories: its loss on 200 that were held out, in nats a token."""
    stories = World().draw("rows", 200, 0, 64).ids
    with evaluation_mode(gpt):
        return float(next_token_loss(gpt(stories), stories))


class _Finder(nn.Module):
    def __init__(self, bert: nn.Module, pool):
        super().__init__()
        self.bert, self.pool = bert, pool or mean_pooling

    def forward(self, ids: Tensor) -> Tensor:
        return self.pool(self.bert.hidden(ids)[0], ids != 0)

    def loss(self, ids: Tensor, others: Tensor) -> Tensor:
        return contrastive_loss(self(ids), self(others))


def tune_finder(
    pairs: Sequence[tuple[str, str]],
    steps: int,
    batch: int = 64,
    pool: Callable[[Tensor, Tensor], Tensor] | None = None,
    seed: int = 0,
) -> tuple[Callable[[list[str]], Tensor], list[float]]:
    """Train a small encoder to give a question and the passage that answers it one direction.

    Args:
        pairs: ``(question, passage)``. They are taken in their order, ``batch`` at a time; within
            a batch each passage must answer its own question alone.
        steps: how many batches; the pairs begin again when they are used up.
        pool: ``mean_pooling`` if left out.

    Returns:
        ``(encode, losses)``: the encoder, ``list of n texts -> (n, d_model)``, as
        ``retrieval.embed_passages`` takes it; and the loss of every step.
    """
    if not 1 <= batch <= len(pairs):
        raise ValueError(
            f"batch must lie in 1..{len(pairs)} (the pairs), got {batch}; pass more pairs, or take "
            "smaller batches"
        )
    vocab = World().vocab
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sizes = dict(vocab_size=len(vocab), max_seq=48, d_model=64, num_heads=4, num_layers=1)
        finder = _Finder(Bert(BertConfig(**sizes)), pool)
    table = {
        "ids": pad_batch([_packed(question, vocab) for question, _ in pairs]),
        "others": pad_batch([_packed(passage, vocab) for _, passage in pairs]),
    }
    full = len(pairs) // batch

    def batches(step: int) -> dict[str, Tensor]:
        first = step % full * batch
        return {name: rows[first : first + batch] for name, rows in table.items()}

    config = TrainingConfig(steps=steps, muon_learning_rate=0.02, seed=seed)
    history = train(finder, batches, config)
    return encoder_of(finder.bert, pool), history.losses


def encoder_of(
    bert: nn.Module, pool: Callable[[Tensor, Tensor], Tensor] | None = None
) -> Callable[[list[str]], Tensor]:
    """A Bert with the world's vocabulary as a function from texts to pooled vectors."""
    vocab, finder = World().vocab, _Finder(bert, pool).eval()
    return lambda texts: finder(pad_batch([_packed(text, vocab) for text in texts]))


def _packed(text: str, vocab: dict[str, int]) -> list[int]:
    return [vocab[word] for word in f"[CLS] {text} [SEP]".split()]
