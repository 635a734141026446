"""The world's texts packed as a BERT reads them: rows of ids between [CLS] and [SEP].

Each maker returns a table for the training loop: column to tensor, one row a text. The same seed
gives the same rows.
"""

import torch
from torch import Tensor

from minitransformer.data.world import World

Table = dict[str, Tensor]


def packed_reviews(world: World, n: int, seed: int) -> Table:
    """``[CLS] review [SEP]``.

    Returns:
        ``ids (n, seq)`` and ``labels (n,)``, 1 for praise.
    """
    drawn = world.draw("reviews", n, seed)
    vocab, lengths = world.vocab, (drawn.ids != 0).sum(dim=1)
    ids = torch.nn.functional.pad(drawn.ids, (1, 1))
    ids[:, 0] = vocab["[CLS]"]
    ids[torch.arange(n), lengths + 1] = vocab["[SEP]"]
    return {"ids": ids, "labels": drawn.labels}


def packed_questions(world: World, n: int, seed: int) -> Table:
    """``[CLS] question [SEP] passage [SEP]``, the passage in segment 1.

    Returns:
        ``ids`` and ``segments (n, seq)``, and the places ``starts`` and ``ends (n,)`` of the
        answer's first and last token, counted in ``ids``.
    """
    asked = world.questions(n, seed)
    texts = [f"[CLS] {each.question} [SEP] {each.passage} [SEP]" for each in asked]
    before = torch.tensor([len(each.question.split()) + 2 for each in asked])
    ids = world.encode(texts)
    return {
        "ids": ids,
        "segments": pair_segments(ids, world.vocab),
        "starts": before + torch.tensor([each.start for each in asked]),
        "ends": before + torch.tensor([each.end for each in asked]),
    }


def packed_texts(world: World, n: int, seed: int) -> Table:
    """All kinds of text by turns: a pair of sentences, a review, a question with its passage.

    Returns:
        ``ids`` and ``segments (n, seq)``.
    """
    each = -(-n // 3)
    pairs = world.draw("pairs", each, seed).ids
    reviews = packed_reviews(world, each, seed)["ids"]
    questions = packed_questions(world, each, seed)["ids"]
    longest = max(rows.shape[1] for rows in (pairs, reviews, questions))
    padded = [
        torch.nn.functional.pad(rows, (0, longest - rows.shape[1]))
        for rows in (pairs, reviews, questions)
    ]
    ids = torch.stack(padded, dim=1).flatten(0, 1)[:n]
    return {"ids": ids, "segments": pair_segments(ids, world.vocab)}


def pair_segments(ids: Tensor, vocab: dict[str, int]) -> Tensor:
    """1 from behind the first [SEP] to the last one, 0 elsewhere: the segments of packed pairs."""
    ends = ids == vocab["[SEP]"]
    return ((ends.cumsum(dim=1) - ends.long() > 0) & (ids != vocab["[PAD]"])).long()
