"""Forward-backward over a batch of texts: the one routine behind every exact figure.

The forward pass keeps, at every position, the probability of each state given the tokens before;
the backward pass the probability of the tokens after, given the state. What a state is likely to
*show* comes in as a table, so the same pass reads clean and corrupted texts. For ``exact`` alone.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from minitransformer.data.automaton import END, START
from minitransformer.data.process import Process

PAD_ID = 0
BATCH = 256  # texts read at once; bounds the memory


@dataclass(frozen=True)
class Step:
    """The states that can write the t-th token, and the arcs into them from the states before."""

    states: Tensor  # (here,) indices into the process
    source: Tensor  # (arcs,) places in the step before
    target: Tensor  # (arcs,) places in this step
    probability: Tensor  # (arcs, 1)


def reachable_steps(process: Process, seq: int) -> list[Step]:
    """Only what can be reached in t steps is worked on at step t: most states, most of the time,
    are out of reach."""
    source, target = torch.from_numpy(process.source), torch.from_numpy(process.target)
    probability = torch.from_numpy(process.probability)
    count = len(process.ending)
    place = torch.full((count,), -1)
    place[START] = 0
    steps = []
    for _ in range(seq):
        arcs = (place[source] >= 0) & (target != END)
        states = target[arcs].unique()
        here = torch.full((count,), -1)
        here[states] = torch.arange(len(states))
        steps.append(Step(states, place[source[arcs]], here[target[arcs]], probability[arcs, None]))
        place = here
    return steps


@dataclass(frozen=True)
class Beliefs:
    """What forward-backward knows of one batch; lists run over positions, ``(here, batch)``.

    ``before[t]``: P(state t | tokens before t). ``after[t]``: P(tokens after t, end | state t) up
    to a factor for each text. ``seen[t]``: P(token t as seen | state t).
    """

    steps: list[Step]
    before: list[Tensor]
    seen: list[Tensor]
    after: list[Tensor]
    log_probability: Tensor  # (batch,)


def forward_backward(
    process: Process, ids: Tensor, observation: Tensor, steps: list[Step], backward: bool = True
) -> Beliefs:
    """Read a batch of texts ``(batch, seq)`` from both sides.

    ``observation (states, vocab)`` is P(seen token | state). Beliefs are scaled to sum to 1 at
    every position, and the logarithms of the scales add up to the log-probability, so nothing
    underflows. Source: Rabiner, A Tutorial on Hidden Markov Models (1989), sections III.A and V.A.
    """
    lengths = (ids != PAD_ID).sum(1)
    ending = torch.from_numpy(process.ending)
    log_probability = torch.zeros(len(ids), dtype=torch.float64)
    belief = torch.ones(1, len(ids), dtype=torch.float64)  # sure to be at START
    before, seen = [], []
    over = torch.where(lengths == 0, ending[START], 0.0)  # P(the text ends here)
    for t, step in enumerate(steps):
        moved = step.probability * belief[step.source]
        predicted = moved.new_zeros(len(step.states), len(ids)).index_add_(0, step.target, moved)
        likelihood = observation[step.states][:, ids[:, t]]
        belief = predicted * likelihood
        scale = torch.where(t < lengths, belief.sum(0), 1.0)
        log_probability += scale.log()
        belief = belief / scale.clamp(min=1e-300)
        over = torch.where(lengths == t + 1, ending[step.states] @ belief, over)
        before.append(predicted)
        seen.append(likelihood)
    log_probability += over.log()
    after = _backward(ending, lengths, steps, seen) if backward else []
    return Beliefs(steps, before, seen, after, log_probability)


def _backward(
    ending: Tensor, lengths: Tensor, steps: list[Step], seen: list[Tensor]
) -> list[Tensor]:
    after: list[Tensor] = []
    for t in reversed(range(len(steps))):
        stops = ending[steps[t].states][:, None]
        goes_on = torch.zeros(len(steps[t].states), len(lengths), dtype=torch.float64)
        if after:
            onward = steps[t + 1]
            moved = onward.probability * (seen[t + 1] * after[-1])[onward.target]
            goes_on.index_add_(0, onward.source, moved)
        here = torch.where(lengths == t + 1, stops, goes_on)
        after.append(here / here.sum(0).clamp(min=1e-300))
    return after[::-1]


def batches(process: Process, ids: Tensor, channel: Tensor | None) -> Iterator[tuple]:
    """Cut the texts into batches; for each the slice, its ids, the observation and the steps."""
    ids = torch.as_tensor(ids)
    if ids.dim() != 2 or ids.is_floating_point():
        raise ValueError(
            f"ids must be integers (batch, seq), got {ids.dtype} {tuple(ids.shape)}; "
            "for one text pass ids[None]"
        )
    emission = torch.from_numpy(process.emission)
    if ids.numel() and not 0 <= int(ids.min()) <= int(ids.max()) < emission.shape[1]:
        raise ValueError(
            f"ids must lie in 0..{emission.shape[1] - 1}, "
            f"got {int(ids.min())}..{int(ids.max())}; use the vocabulary of this process"
        )
    observation = emission if channel is None else emission @ channel
    steps = reachable_steps(process, ids.shape[1])
    for start in range(0, len(ids), BATCH):
        part = slice(start, start + BATCH)
        yield part, ids[part], observation, steps
