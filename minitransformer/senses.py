"""Words of two senses: where they stand, and whether vectors tell the senses apart.

A bat flies, and a bat hits balls. One vector a word cannot tell which; a vector that depends on the
sentence can. The small world knows the sense of each word that it writes, so it can be counted how
many land in the right group, when the groups are found without being told.
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from minitransformer.data import World


@dataclass(frozen=True)
class SenseExamples:
    """One word in many sentences, half of them with each of its senses.

    Args:
        word: the word.
        names: its two senses.
        ids: packed pairs of sentences ``(n, seq)``.
        places: where the word stands ``(n,)``.
        senses: 0 or 1 ``(n,)``, a place in ``names``.
    """

    word: str
    names: tuple[str, str]
    ids: Tensor
    places: Tensor
    senses: Tensor


def draw_senses(world: World, word: str, n: int = 200, seed: int = 0) -> SenseExamples:
    """Pairs of sentences with a two-sense word, ``n`` in all.

    Args:
        world: the small world.
        word: one of ``world.two_sense_words``.
        seed: 0 is held out.
    """
    if word not in world.two_sense_words:
        known = ", ".join(world.two_sense_words)
        raise ValueError(f"{word!r} has no two senses here; words that have: {known}")
    names = world.two_sense_words[word]
    process = world.process("pairs")
    ids, states = process.sample(40 * n, seed)
    # "animal/animals": a place for one or for many; the sense is the first of the two
    categories = np.array([state.category.split("/")[0] for state in process.automaton.states])
    rows, places = np.nonzero(ids == world.vocab[word])
    found = categories[states[rows, places]]
    kept = np.concatenate([np.nonzero(found == name)[0][: n // 2] for name in names])
    if len(kept) < n // 2 * 2:
        raise ValueError(
            f"only {len(kept)} of {n} sentences with {word!r} were drawn; ask for less"
        )
    senses = torch.from_numpy((found[kept] == names[1]).astype(np.int64))
    rows, places = torch.from_numpy(rows[kept]), torch.from_numpy(places[kept])
    return SenseExamples(word, names, torch.from_numpy(ids)[rows], places, senses)


def two_clusters(vectors: Tensor, rounds: int = 50) -> Tensor:
    """Part vectors ``(n, d_model)`` into two groups, 0 and 1 ``(n,)``, without being told which.

    2-means: each vector joins the nearer of two means, and the means move, until nothing changes.
    It starts from the two halves along the direction in which the vectors spread most, so nothing
    is random. Vectors that are all the same stay in one group.

    Source: Lloyd, Least Squares Quantization in PCM (1982).
    """
    centered = (vectors - vectors.mean(dim=0)).double()
    if centered.abs().max() < 1e-9:
        return torch.zeros(len(vectors), dtype=torch.int64)
    direction = torch.linalg.svd(centered, full_matrices=False).Vh[0]
    group = (centered @ direction > 0).long()
    for _ in range(rounds):
        means = torch.stack([centered[group == number].mean(dim=0) for number in (0, 1)])
        moved = torch.cdist(centered, means).argmin(dim=1)
        if torch.equal(moved, group) or len(moved.unique()) < 2:
            break
        group = moved
    return group


def cluster_accuracy(groups: Tensor, senses: Tensor) -> float:
    """The share of words in the right group, with the better of the two ways to name the groups."""
    share = (groups == senses).double().mean().item()
    return max(share, 1 - share)
