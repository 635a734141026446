"""How near a model comes to what can be known: its figures beside the small world's exact ones.

All are taken on the same held-out texts, at least 20,000 scored tokens or 10,000 pairs. "closed"
is the share of the way from a simple count to the exact figure, 1 at the best possible.
"""

import copy
from collections.abc import Iterator

import torch
from torch import Tensor, nn

from minitransformer.data import World, exact
from minitransformer.data.packed import packed_questions, pair_segments
from minitransformer.data.process import Process
from minitransformer.data.records import TOKEN_CLASSES
from minitransformer.data.translation import draw_translations
from minitransformer.gap_exam import channels, hide_words
from minitransformer.generation import evaluation_mode, greedy_decode
from minitransformer.heads import SpanHead, best_span, freeze, span_loss
from minitransformer.tokenizers import pad_batch, special_and_words
from minitransformer.training.devices import device_of
from minitransformer.training.fine_tuning_runs import SpanReader, fine_tune

HELD_OUT = 0
"""The seed of the held-out texts, the same as in ``tasks``."""


def closed(simple: Tensor, model: Tensor, best: Tensor) -> float:
    """The share of the way from a simple loss to the best one, from losses token by token."""
    return float((simple.sum() - model.sum()) / (simple.sum() - best.sum()))


def story_scores(model: nn.Module, tokens: int = 20_000) -> dict[str, float]:
    """A GPT beside bigram counts and the exact next-token distribution.

    Args:
        model: trained on the world's stories.
        tokens: how many to score, at least.

    Returns:
        Mean losses in nats a token, and the share closed, in all and by class of token.
    """
    world, seq = World(), model.config.max_seq
    rows = world.draw("rows", -(-tokens // seq), HELD_OUT, seq + 1)
    ids, targets, classes = rows.ids[:, :-1], rows.ids[:, 1:], rows.classes[:, 1:]
    simple, best = story_limits(rows.ids)
    device = device_of(model)
    with evaluation_mode(model):
        found = [_losses(model(part.to(device)).cpu(), t) for part, t in _parts(ids, targets)]
    model_loss = torch.cat(found).double()
    return _beside("bigram", simple, model_loss, best, classes)


def story_limits(ids: Tensor) -> tuple[Tensor, Tensor]:
    """What is lost at each token of rows of stories: by bigram counts, and at the very least.

    Args:
        ids: rows of the world's stories ``(batch, seq)``, as ``World().draw("rows", ...)`` gives
            them.

    Returns:
        ``(bigram, exact)``: losses in nats ``(batch, seq - 1)``, of the tokens after the first.
    """
    world = World()
    end, process = world.vocab["[SEP]"], world.process("rows")
    table = torch.from_numpy(world.process("stories").bigram(end_id=end))
    best = torch.cat([_story_best(process, part, end) for part in ids.split(64)])
    return -table[ids[:, :-1], ids[:, 1:]].log(), best


def _story_best(process: Process, ids: Tensor, end: int) -> Tensor:
    chances = exact.next_token_distribution(process, ids, end_id=end)[:, 1:-1]
    return -chances.gather(2, ids[:, 1:, None]).squeeze(-1).log()


def pair_scores(model: nn.Module, pairs: int = 20_000) -> dict[str, float]:
    """A BERT beside word counts and the exact posterior at [MASK], and beside Bayes on pairs.

    Args:
        model: trained on the world's pairs.
        pairs: how many to score.

    Returns:
        Mean losses in nats at [MASK], the share closed, in all and by class of token; and the
        accuracy on pairs, as they are (clean) and with hidden words (masked), with Bayes's.
    """
    world = World()
    vocab, process = world.vocab, world.process("pairs")
    drawn = world.draw("pairs", pairs, HELD_OUT)
    seen, is_next = hide_words(drawn.ids, vocab, HELD_OUT), drawn.labels.bool()
    gaps = seen == vocab["[MASK]"]
    simple, best = _gap_limits(process, seen, drawn.ids[gaps], vocab)
    segments = pair_segments(drawn.ids, vocab)
    model_loss, masked, clean = _read_pairs(model, drawn.ids, seen, gaps, segments)
    scores = _beside("unigram", simple, model_loss, best, drawn.classes[gaps])
    channel, _ = channels(vocab)
    for name, said, texts, read in (
        ("clean", clean, drawn.ids, None),
        ("masked", masked, seen, channel),
    ):
        bayes = exact.label_posterior(process, texts, "next", read) > 0.5
        scores[f"pairs right, {name}"] = _share(said == is_next)
        scores[f"pairs right, {name}, Bayes"] = _share(bayes == is_next)
    return scores


def _gap_limits(
    process: Process, seen: Tensor, true: Tensor, vocab: dict[str, int]
) -> tuple[Tensor, Tensor]:
    """What is lost at each [MASK] of pairs: by word counts, and at the very least."""
    special, _ = special_and_words(vocab)
    counts = torch.from_numpy(process.unigram(excluded=frozenset(special)))
    channel, chosen = channels(vocab)
    posteriors = [
        exact.token_posterior(process, part, channel, chosen)[part == vocab["[MASK]"]]
        for part in seen.split(500)
    ]
    best = torch.cat(posteriors).gather(1, true[:, None]).squeeze(1)
    return -counts[true].log(), -best.log()


def _read_pairs(
    model: nn.Module, ids: Tensor, seen: Tensor, gaps: Tensor, segments: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """A BERT's loss at each gap, and whether it says "is next", of pairs with gaps and without."""
    losses, masked, clean, device = [], [], [], device_of(model)
    with evaluation_mode(model):
        for true, shown, here, kinds in _parts(ids, seen, gaps, segments):
            logits, said = (found.cpu() for found in model(shown.to(device), kinds.to(device)))
            losses.append(_losses(logits[here], true[here]))
            masked.append(said.argmax(dim=1) == 0)
            clean.append(model(true.to(device), kinds.to(device))[1].argmax(dim=1).cpu() == 0)
    return torch.cat(losses).double(), torch.cat(masked), torch.cat(clean)


def translation_scores(model: nn.Module, tokenizer, target_tokenizer, n: int = 2000) -> dict:
    """The share of held-out sentences that an encoder-decoder translates without a fault."""
    asked = draw_translations(n, HELD_OUT)
    config, right, device = model.config, 0, device_of(model)
    for first in range(0, n, 250):
        part = asked[first : first + 250]
        source = pad_batch([tokenizer.encode(each.source) for each in part]).to(device)
        for ids, each in zip(greedy_decode(model, source).tolist(), part, strict=True):
            written = [index for index in ids if index not in (config.pad_id, config.end_id)]
            right += target_tokenizer.decode(written) == each.target
    return {"translated without a fault": right / n}


def question_scores(model: nn.Module, n: int = 1000) -> dict[str, float]:
    """How many questions a BERT's vectors answer: a new span head on it, the BERT itself frozen.

    Args:
        model: a ``BertForPreTraining``, trained on the world's questions; it stays as it is.
        n: how many to ask.
    """
    world = World()
    asked = packed_questions(world, n, HELD_OUT)
    bert = freeze(copy.deepcopy(model.bert).cpu())
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(HELD_OUT)  # of the head's first weights
        reader = SpanReader(bert, SpanHead, span_loss, best_span)
    fine_tune(reader, packed_questions(world, 4800, HELD_OUT + 1), steps=100)
    first, last = reader.answer(asked["ids"], asked["segments"])
    right = (first == asked["starts"]) & (last == asked["ends"])
    return {"exact match": _share(right)}


def _beside(
    name: str, simple: Tensor, model: Tensor, best: Tensor, classes: Tensor
) -> dict[str, float]:
    """Mean losses of a simple count, of a model and of the best there is, and the share closed."""
    scores = {name: float(simple.mean()), "model": float(model.mean()), "exact": float(best.mean())}
    scores["closed"] = closed(simple, model, best)
    for number, kind in enumerate(TOKEN_CLASSES[1:], start=1):
        here = classes == number
        if here.any():
            scores[f"closed, {kind}"] = closed(simple[here], model[here], best[here])
    return scores


def _share(right: Tensor) -> float:
    return float(right.double().mean())


def _losses(logits: Tensor, targets: Tensor) -> Tensor:
    """The loss of each token, ``targets``'s shape."""
    chances = logits.float().log_softmax(dim=-1)
    return -chances.gather(-1, targets.unsqueeze(-1)).squeeze(-1)


def _parts(*tensors: Tensor) -> Iterator[tuple[Tensor, ...]]:
    return zip(*(tensor.split(128) for tensor in tensors), strict=True)
