"""Texts made into exercises for a model: packed, corrupted, paired, or with the prompt left out.

BERT learns by filling gaps and by telling whether two sentences belong together; an assistant
learns from answers only. Where something is random, the draw is kept apart from what is done with
it. Labels are -100 where nothing is to be learned. Imports nothing from the package.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import TypeVar

import torch
from torch import Tensor

Sentence = TypeVar("Sentence")


def pack_pair(
    first: Sequence[int],
    second: Sequence[int] | None,
    vocab: Mapping[str, int],
    max_seq: int,
) -> tuple[Tensor, Tensor, Tensor]:
    """Put one or two sentences into one row, as BERT reads them.

        ids       [CLS] first [SEP] second [SEP] [PAD] ...
        segments    0   0 ...   0   1 ...    1     0
        real        1   1 ...   1   1 ...    1     0

    Args:
        first: token ids of the first sentence.
        second: those of the second; None for a single sentence, ``[CLS] first [SEP]``.
        vocab: token to id, with ``[CLS]``, ``[SEP]`` and ``[PAD]``.
        max_seq: the length of the row.

    Returns:
        ``(ids, segments, real)``, each ``(max_seq,)``: int64, int64 and bool.

    Raises:
        ValueError: the pair is too long; see :func:`truncate_pair`.

    Source: Devlin et al., BERT (2019), section 3, input representations.
    """
    ids = [vocab["[CLS]"], *first, vocab["[SEP]"]]
    segments = [0] * len(ids)
    if second is not None:
        ids += [*second, vocab["[SEP]"]]
        segments += [1] * (len(second) + 1)
    padding = max_seq - len(ids)
    if padding < 0:
        raise ValueError(
            f"the sentences and their special tokens are {len(ids)} tokens, and the row has room "
            f"for {max_seq}; shorten them with truncate_pair, or make max_seq larger"
        )
    real = torch.arange(max_seq) < len(ids)
    ids, segments = ids + [vocab["[PAD]"]] * padding, segments + [0] * padding
    return torch.tensor(ids), torch.tensor(segments), real


def truncate_pair(
    first: Sequence[int], second: Sequence[int], max_tokens: int
) -> tuple[Sequence[int], Sequence[int]]:
    """Cut tokens off the end of the longer sentence until both together fit.

    Args:
        first, second: token ids.
        max_tokens: what both together may have; for a row of max_seq that is max_seq - 3.

    Returns:
        The beginnings of both.

    Source: Devlin et al. (2019), in the code. There each token is cut off the front or the end at
    random; here always off the end.
    """
    half = max_tokens // 2
    keep_second = min(len(second), max(half, max_tokens - len(first)))
    keep_first = min(len(first), max_tokens - keep_second)
    return first[:keep_first], second[:keep_second]


def choose_positions(
    ids: Tensor,
    special_ids: Collection[int],
    rate: float = 0.15,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw which tokens the model will be asked about.

    Each token is chosen with probability ``rate``, on its own; special tokens never are.

    Args:
        ids: token ids, any shape.
        special_ids: what is never chosen, such as [CLS], [SEP] and [PAD].
        rate: the share that is chosen.
        generator: the source of randomness.

    Returns:
        bool, the shape of ``ids``.
    """
    special = torch.isin(ids, torch.tensor(list(special_ids), dtype=ids.dtype, device=ids.device))
    lot = torch.rand(ids.shape, generator=generator, device=ids.device)
    return (lot < rate) & ~special


def corrupt(
    ids: Tensor,
    chosen: Tensor,
    lot: Tensor,
    replacements: Tensor,
    mask_id: int,
    mask_share: float = 0.8,
    random_share: float = 0.1,
) -> tuple[Tensor, Tensor]:
    """Hide the chosen tokens, each in the way that its lot says; nothing here is random.

        lot in [0, 0.8)    ->  [MASK]
        lot in [0.8, 0.9)  ->  the replacement
        lot in [0.9, 1)    ->  the token itself

    Args:
        ids: token ids, any shape.
        chosen: bool, the tokens to be asked about.
        lot: numbers from 0 to 1.
        replacements: token ids.
        mask_id: the id of ``[MASK]``.
        mask_share, random_share: the two shares, 0.8 and 0.1 above.

        All tensors have the shape of ``ids``.

    Returns:
        ``(corrupted, labels)``: what the model reads, and the true ids where it is asked, -100
        elsewhere. A token that was kept is asked about like the others.
    """
    masked = chosen & (lot < mask_share)
    replaced = chosen & (lot >= mask_share) & (lot < mask_share + random_share)
    corrupted = ids.masked_fill(masked, mask_id)
    corrupted = torch.where(replaced, replacements.to(ids.dtype), corrupted)
    return corrupted, ids.masked_fill(~chosen, -100)


def wrong_word_share(rate: float, mask_share: float, random_share: float, num_words: int) -> float:
    """How often a visible word of a corrupted text is not the true one.

        P(wrong | not [MASK]) = rate random_share (1 - 1 / num_words) / (1 - rate mask_share)

    Args:
        rate: the share of the words that are chosen.
        mask_share, random_share: the shares of these that become [MASK], or a random word.
        num_words: how many words a random one is drawn from, the true one among them.

    Returns:
        A probability, for ordinary words; special tokens are never chosen.
    """
    if rate * mask_share >= 1:
        raise ValueError("no word is visible: rate and mask_share are 1; lower one of them")
    wrong = rate * random_share * (1 - 1 / num_words)
    return wrong / (1 - rate * mask_share)


def mask_tokens(
    ids: Tensor,
    mask_id: int,
    special_ids: Collection[int],
    random_ids: Collection[int],
    generator: torch.Generator | None = None,
    rate: float = 0.15,
    mask_share: float = 0.8,
    random_share: float = 0.1,
) -> tuple[Tensor, Tensor]:
    """Corrupt a batch for the masked language model: 15 % are chosen, of them 80-10-10.

    A chosen token becomes ``[MASK]`` (80 %), or a token drawn evenly from ``random_ids`` (10 %; it
    may draw the true one), or stays what it is (10 %), so that a visible word may be wrong and
    the model cannot trust what it sees.

    Args:
        ids: token ids, any shape.
        mask_id: the id of ``[MASK]``.
        special_ids: what is never chosen, such as [CLS], [SEP] and [PAD].
        random_ids: what a random replacement is drawn from, usually the ordinary words.
        generator: the source of randomness; the same seed gives the same corruption.
        rate, mask_share, random_share: the shares.

    Returns:
        ``(corrupted, labels)``, the shape of ``ids``; see :func:`corrupt`. ``ids`` is unchanged.

    Source: Devlin et al., BERT (2019), section 3.1, task 1. There a fixed number of tokens is
    chosen per text; here each on its own, as most implementations do, and as
    ``data.exact.corruption_channel`` has it.
    """
    for name, share in (
        ("rate", rate),
        ("mask_share", mask_share),
        ("random_share", random_share),
        ("mask_share + random_share", mask_share + random_share),
    ):
        if not 0 <= share <= 1:
            raise ValueError(f"{name} must be a share from 0 to 1, got {share}")
    pool = torch.tensor(list(random_ids), dtype=ids.dtype, device=ids.device)
    if len(pool) == 0:
        raise ValueError("random_ids is empty; give the ids that a replacement is drawn from")
    chosen = choose_positions(ids, special_ids, rate, generator)
    lot = torch.rand(ids.shape, generator=generator, device=ids.device)
    drawn = torch.randint(len(pool), ids.shape, generator=generator, device=ids.device)
    return corrupt(ids, chosen, lot, pool[drawn], mask_id, mask_share, random_share)


def next_sentence_pairs(
    documents: Sequence[Sequence[Sentence]], generator: torch.Generator | None = None
) -> list[tuple[Sentence, Sentence, bool]]:
    """Pairs of sentences, half of which follow each other.

    Each sentence that has a next one makes a pair: with probability 1/2 with that one (True),
    else with a sentence drawn evenly from all other documents (False).

    Args:
        documents: each a list of sentences; a sentence can be anything (a text, or its ids).
        generator: the source of randomness.

    Returns:
        ``(first, second, is_next)`` in the order of the documents.

    Source: Devlin et al., BERT (2019), section 3.1, task 2; the other document is in its code,
    which draws the document first, and then the place.
    """
    sentences = [sentence for document in documents for sentence in document]
    starts, length = [], []  # of the document that each pair comes from
    seconds = []  # the place of the true second sentence
    before = 0
    for document in documents:
        for place in range(1, len(document)):
            starts.append(before)
            length.append(len(document))
            seconds.append(before + place)
        before += len(document)
    others = len(sentences) - torch.tensor(length, dtype=torch.int64)
    if (others == 0).any():
        raise ValueError(
            "all sentences stand in one document, so that no other can be drawn from; "
            "pass at least two documents"
        )
    is_next = torch.rand(len(seconds), generator=generator) < 0.5
    lot = torch.rand(len(seconds), generator=generator, dtype=torch.float64)
    drawn = (lot * others).long()  # a place among all sentences but the document's own
    drawn += (drawn >= torch.tensor(starts)) * torch.tensor(length, dtype=torch.int64)
    places = torch.where(is_next, torch.tensor(seconds, dtype=torch.int64), drawn).tolist()
    return [
        (sentences[second - 1], sentences[place], follows)
        for second, place, follows in zip(seconds, places, is_next.tolist(), strict=True)
    ]


def mask_prompt(ids: Tensor, prompt_length: Tensor | int, pad_id: int | None = None) -> Tensor:
    """Labels for tuning on answers: what the user said is read, but not learned.

        [USER] what is red ? [BOT] the rose . [END]  ->  -100 -100 ... -100 the rose . [END]

    The labels stand where the ids stand; ``losses.next_token_loss`` shifts them.

    Args:
        ids: token ids ``(batch, seq)``, prompt and answer in a row.
        prompt_length: how many tokens the prompt of each row has, ``(batch,)`` or one for all.
        pad_id: padding on the right, which is not learned either.

    Returns:
        Labels ``(batch, seq)``, -100 on the prompt and on padding.

    Source: Ouyang et al., Training language models to follow instructions (2022), appendix C.
    """
    if isinstance(prompt_length, int):
        prompt_length = torch.full((len(ids),), prompt_length)
    places = torch.arange(ids.shape[1], device=ids.device)
    silent = places < prompt_length.to(ids.device)[:, None]  # (batch, seq)
    if pad_id is not None:
        silent = silent | (ids == pad_id)
    return ids.masked_fill(silent, -100)
