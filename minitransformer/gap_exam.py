"""Hidden words of the small world, and how well anybody can name them who sees this much.

    unigram          only how frequent each word is
    bigram           the token before the gap
    one way          everything before the gap, the best possible
    exact            everything, the best possible

An exam is drawn once and given to many models. :class:`OneWayReader` is a network of the kind that
reads step by step, to be measured beside a BERT.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minitransformer.data import World, exact
from minitransformer.data.packed import pair_segments
from minitransformer.generation import evaluation_mode
from minitransformer.losses import cross_entropy, masked_lm_loss
from minitransformer.masking import mask_tokens
from minitransformer.tokenizers import special_and_words
from minitransformer.training.devices import device_of


@dataclass(frozen=True)
class GapExam:
    """Pairs of sentences with hidden words, and what can be known of them.

    Args:
        ids, seen, segments: ``(pairs, seq)``: the true tokens, what a model reads, the segments.
        is_next: bool ``(pairs,)``, whether the second sentence follows the first.
        gaps: bool ``(pairs, seq)``, where [MASK] stands.
        known: mean losses in nats: at the gaps those of "unigram", "bigram", "one way" and
            "exact"; on the pairs "pairs", the best possible.
        bayes: the share of pairs that the best possible reader gets right.
    """

    ids: Tensor
    seen: Tensor
    segments: Tensor
    is_next: Tensor
    gaps: Tensor
    known: dict[str, float]
    bayes: float

    def grade(self, model: nn.Module) -> dict[str, float]:
        """What a model makes of it.

        Args:
            model: called ``(ids, segments) -> (words' logits, pairs' logits)``; the second may be
                None. Of the pairs' classes 0 is "is next".

        Returns:
            "words", the mean loss at the gaps; and "pairs", that of the pairs, and "right", the
            share of pairs that it gets right.
        """
        words, pairs, device = [], [], device_of(model)
        parts = zip(*(t.split(250) for t in (self.seen, self.segments, self.gaps)), strict=True)
        with evaluation_mode(model):
            for ids, segments, gaps in parts:
                logits, answers = model(ids.to(device), segments.to(device))
                words.append(logits.cpu()[gaps].float())
                pairs += [] if answers is None else [answers.cpu().float()]
            found = {"words": cross_entropy(torch.cat(words), self.ids[self.gaps]).item()}
            if pairs:
                classes, answers = (~self.is_next).long(), torch.cat(pairs)
                found["pairs"] = cross_entropy(answers, classes).item()
                found["right"] = (answers.argmax(dim=-1) == classes).double().mean().item()
        return found

    def closed(self, loss: float) -> float:
        """The share of the way from unigram to exact that a loss at the gaps has gone."""
        return (self.known["unigram"] - loss) / (self.known["unigram"] - self.known["exact"])


def draw_exam(world: World, pairs: int = 2000, seed: int = 0) -> GapExam:
    """Draw an exam.

    Args:
        world: the small world.
        pairs: how many; each has about two gaps.
        seed: 0 is held out: no run of this package trains on it.
    """
    drawn, vocab, process = world.draw("pairs", pairs, seed), world.vocab, world.process("pairs")
    special, _ = special_and_words(vocab)
    seen = hide_words(drawn.ids, vocab, seed)
    gaps = seen == vocab["[MASK]"]
    channel, chosen = channels(vocab)
    counts = torch.from_numpy(process.unigram(excluded=frozenset(special)))
    table = bigram_table(world)
    before = seen.roll(1, dims=1)[gaps]  # no gap stands first: that is [CLS]
    chances = {"unigram": counts.expand(int(gaps.sum()), -1), "bigram": table[before]}
    for name, both_ways in (("one way", False), ("exact", True)):
        posterior = exact.token_posterior(process, seen, channel, chosen, both_ways)
        chances[name] = posterior[gaps]
    true = drawn.ids[gaps][:, None]
    known = {name: -chance.gather(1, true).log().mean().item() for name, chance in chances.items()}
    is_next = drawn.labels.bool()
    follows = exact.label_posterior(process, seen, "next", channel)
    known["pairs"] = -torch.where(is_next, follows, 1 - follows).log().mean().item()
    bayes = ((follows > 0.5) == is_next).double().mean().item()
    return GapExam(drawn.ids, seen, pair_segments(drawn.ids, vocab), is_next, gaps, known, bayes)


def hide_words(ids: Tensor, vocab: dict[str, int], seed: int) -> Tensor:
    """The texts with words hidden as BERT hides them, the same for the same seed."""
    special, words = special_and_words(vocab)
    generator = torch.Generator().manual_seed(seed)
    return mask_tokens(ids, vocab["[MASK]"], special, words, generator)[0]


def channels(vocab: dict[str, int]) -> tuple[Tensor, Tensor]:
    """How :func:`hide_words` shows a token: any one, and one that it has chosen.

    Each ``(vocab, vocab)``; see ``data.exact.corruption_channel``.
    """
    special, words = special_and_words(vocab)
    rates = {"mask_id": vocab["[MASK]"], "random_ids": words, "never": special}
    channel = exact.corruption_channel(len(vocab), **rates)
    return channel, exact.corruption_channel(len(vocab), **rates, rate=1.0)


def bigram_table(world: World, pairs: int = 20_000, seed: int = 1, more: float = 0.01) -> Tensor:
    """How often each word follows each token as it is seen: float64 ``(vocab, vocab)``.

    Counted in corrupted texts, so there is a row for a [MASK] before the word.

    Args:
        more: is added to every count, so that nothing is impossible.
    """
    drawn, vocab = world.draw("pairs", pairs, seed), world.vocab
    _, words = special_and_words(vocab)
    seen = hide_words(drawn.ids, vocab, seed)
    before, word = seen[:, :-1].flatten(), drawn.ids[:, 1:].flatten()
    asked = torch.isin(word, torch.tensor(words))
    places = before[asked] * len(vocab) + word[asked]
    counts = torch.bincount(places, minlength=len(vocab) ** 2).view(len(vocab), -1).double()
    counts[:, words] += more
    return counts / counts.sum(dim=1, keepdim=True)


class OneWayReader(nn.Module):
    """A GRU that reads from left to right and names a hidden word when it comes to it.

    Args:
        vocab_size: the number of tokens.
        d_model: the size of its vectors and of its memory.

    Source: Cho et al., Learning Phrase Representations using RNN Encoder-Decoder (2014).
    """

    def __init__(self, vocab_size: int, d_model: int = 128):
        super().__init__()
        self.token = nn.Embedding(vocab_size, d_model)
        self.memory = nn.GRU(d_model, d_model, batch_first=True)
        self.read = nn.Linear(d_model, vocab_size)

    def forward(self, ids: Tensor, segments: Tensor | None = None) -> tuple[Tensor, None]:
        """``(logits, None)``: the logits ``(batch, seq, vocab)`` at i depend on the tokens to i."""
        hidden, _ = self.memory(self.token(ids))
        return self.read(hidden), None

    def loss(self, ids: Tensor, labels: Tensor, **others: Tensor) -> Tensor:
        """The mean loss of the hidden words; what else is in a batch is not looked at."""
        return masked_lm_loss(self(ids)[0], labels)
