"""Chapter 7's mistakes with greedy writing and beam search, and other right ways.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

# greedy_decode


def _start(model: Any, source: Tensor) -> tuple[Tensor, Tensor]:
    text = torch.full((len(source), 1), model.config.start_id)
    return text, torch.zeros(len(source), dtype=torch.bool)


def greedy_writes_on(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text, ended = _start(model, source)
    for _ in range(max_new_tokens):
        new = model.decode(text, memory, memory_mask)[0][:, -1].argmax(dim=-1)
        text = torch.cat([text, new[:, None]], dim=1)
        ended = ended | (new == model.config.end_id)
        if ended.all():
            break
    return text[:, 1:]


def greedy_ignores_the_end(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text, _ = _start(model, source)
    for _ in range(max_new_tokens):
        new = model.decode(text, memory, memory_mask)[0][:, -1].argmax(dim=-1)
        text = torch.cat([text, new[:, None]], dim=1)
    return text[:, 1:]


def greedy_never_stops(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text, ended = _start(model, source)
    for _ in range(max_new_tokens):
        new = model.decode(text, memory, memory_mask)[0][:, -1].argmax(dim=-1)
        text = torch.cat([text, new.masked_fill(ended, model.config.pad_id)[:, None]], dim=1)
        ended = ended | (new == model.config.end_id)
    return text[:, 1:]


def greedy_stops_with_the_first(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text, _ = _start(model, source)
    for _ in range(max_new_tokens):
        new = model.decode(text, memory, memory_mask)[0][:, -1].argmax(dim=-1)
        text = torch.cat([text, new[:, None]], dim=1)
        if (new == model.config.end_id).any():
            break
    return text[:, 1:]


def greedy_stops_when_all_end_together(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text, _ = _start(model, source)
    for _ in range(max_new_tokens):
        new = model.decode(text, memory, memory_mask)[0][:, -1].argmax(dim=-1)
        text = torch.cat([text, new[:, None]], dim=1)
        if (new == model.config.end_id).all():
            break
    return text[:, 1:]


def greedy_without_end(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text, ended = _start(model, source)
    for _ in range(max_new_tokens):
        new = model.decode(text, memory, memory_mask)[0][:, -1].argmax(dim=-1)
        ended = ended | (new == model.config.end_id)
        text = torch.cat([text, new.masked_fill(ended, model.config.pad_id)[:, None]], dim=1)
        if ended.all():
            break
    return text[:, 1:]


def greedy_without_end_or_its_place(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text, ended = _start(model, source)
    for _ in range(max_new_tokens):
        new = model.decode(text, memory, memory_mask)[0][:, -1].argmax(dim=-1)
        ended = ended | (new == model.config.end_id)
        if ended.all():
            break
        text = torch.cat([text, new.masked_fill(ended, model.config.pad_id)[:, None]], dim=1)
    return text[:, 1:]


def greedy_fills_with_end(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text, ended = _start(model, source)
    for _ in range(max_new_tokens):
        new = model.decode(text, memory, memory_mask)[0][:, -1].argmax(dim=-1)
        text = torch.cat([text, new.masked_fill(ended, model.config.end_id)[:, None]], dim=1)
        ended = ended | (new == model.config.end_id)
        if ended.all():
            break
    return text[:, 1:]


def greedy_with_start(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text, ended = _start(model, source)
    for _ in range(max_new_tokens):
        new = model.decode(text, memory, memory_mask)[0][:, -1].argmax(dim=-1)
        text = torch.cat([text, new.masked_fill(ended, model.config.pad_id)[:, None]], dim=1)
        ended = ended | (new == model.config.end_id)
        if ended.all():
            break
    return text


def greedy_reads_the_last_word_alone(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text, ended = _start(model, source)
    for _ in range(max_new_tokens):
        new = model.decode(text[:, -1:], memory, memory_mask)[0][:, -1].argmax(dim=-1)
        text = torch.cat([text, new.masked_fill(ended, model.config.pad_id)[:, None]], dim=1)
        ended = ended | (new == model.config.end_id)
        if ended.all():
            break
    return text[:, 1:]


def greedy_takes_the_first_place(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text, ended = _start(model, source)
    for _ in range(max_new_tokens):
        new = model.decode(text, memory, memory_mask)[0][:, 0].argmax(dim=-1)
        text = torch.cat([text, new.masked_fill(ended, model.config.pad_id)[:, None]], dim=1)
        ended = ended | (new == model.config.end_id)
        if ended.all():
            break
    return text[:, 1:]


def greedy_fills_with_zero(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text, ended = _start(model, source)
    for _ in range(max_new_tokens):
        new = model.decode(text, memory, memory_mask)[0][:, -1].argmax(dim=-1) * ~ended
        text = torch.cat([text, new[:, None]], dim=1)
        ended = ended | (new == model.config.end_id)
        if ended.all():
            break
    return text[:, 1:]


def greedy_with_known_ids(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text = torch.ones(len(source), 1, dtype=torch.long)
    ended = torch.zeros(len(source), dtype=torch.bool)
    for _ in range(max_new_tokens):
        new = model.decode(text, memory, memory_mask)[0][:, -1].argmax(dim=-1) * ~ended
        text = torch.cat([text, new[:, None]], dim=1)
        ended = ended | (new == 2)
        if ended.all():
            break
    return text[:, 1:]


def greedy_starts_with_padding(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text, ended = _start(model, source)
    text = torch.full_like(text, model.config.pad_id)
    for _ in range(max_new_tokens):
        new = model.decode(text, memory, memory_mask)[0][:, -1].argmax(dim=-1)
        text = torch.cat([text, new.masked_fill(ended, model.config.pad_id)[:, None]], dim=1)
        ended = ended | (new == model.config.end_id)
        if ended.all():
            break
    return text[:, 1:]


def greedy_starts_with_end(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    memory, memory_mask = model.encode(source)
    text, ended = _start(model, source)
    text = torch.full_like(text, model.config.end_id)
    for _ in range(max_new_tokens):
        new = model.decode(text, memory, memory_mask)[0][:, -1].argmax(dim=-1)
        text = torch.cat([text, new.masked_fill(ended, model.config.pad_id)[:, None]], dim=1)
        ended = ended | (new == model.config.end_id)
        if ended.all():
            break
    return text[:, 1:]


def greedy_one_by_one(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    config, rows = model.config, []
    for sentence in source:
        memory, memory_mask = model.encode(sentence[None])
        ids = [config.start_id]
        while len(ids) <= max_new_tokens and ids[-1] != config.end_id:
            logits, _ = model.decode(torch.tensor([ids]), memory, memory_mask)
            ids.append(int(logits[0, -1].argmax()))
        rows.append(ids[1:])
    width = max(len(ids) for ids in rows)
    return torch.tensor([ids + [config.pad_id] * (width - len(ids)) for ids in rows])


def greedy_into_a_table(model: Any, source: Tensor, max_new_tokens: int) -> Tensor:
    config = model.config
    memory, memory_mask = model.encode(source)
    text = torch.full((len(source), max_new_tokens + 1), config.pad_id)
    text[:, 0] = config.start_id
    going, written = torch.ones(len(source), dtype=torch.bool), 0
    while written < max_new_tokens and bool(going.any()):
        logits, _ = model.decode(text[:, : written + 1], memory, memory_mask)
        best = logits[:, written].max(dim=-1).indices
        written += 1
        text[going, written] = best[going]
        going = going & (best != config.end_id)
    return text[:, 1 : written + 1]


# simple_beam_search

Next = Callable[[list[int]], Tensor]
Found = list[tuple[list[int], float]]


def _ranked(candidates: Found, penalty: float) -> Found:
    return sorted(candidates, key=lambda text: text[1] / len(text[0]) ** penalty, reverse=True)


def _grown(next_log_probabilities: Next, start_id: int, ids: list[int], total: float) -> Found:
    step = next_log_probabilities([start_id, *ids]).tolist()
    return [([*ids, token], total + step[token]) for token in range(len(step))]


def _scored(beam: Found, penalty: float) -> Found:
    return [(ids, total / len(ids) ** penalty) for ids, total in beam]


def beam_that_grows_ended_texts(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    beam: Found = [([], 0.0)]
    for _ in range(max_new_tokens):
        candidates: Found = []
        for ids, total in beam:
            candidates += _grown(next_log_probabilities, start_id, ids, total)
        beam = _ranked(candidates, length_penalty)[:num_beams]
        if all(ids[-1] == end_id for ids, _ in beam):
            break
    return _scored(beam, length_penalty)


def beam_that_never_stops(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    beam: Found = [([], 0.0)]
    for _ in range(max_new_tokens):
        candidates: Found = []
        for ids, total in beam:
            candidates += _grown(next_log_probabilities, start_id, ids, total)
        beam = _ranked(candidates, length_penalty)[:num_beams]
    return _scored(beam, length_penalty)


def beam_without_length(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    beam: Found = [([], 0.0)]
    for _ in range(max_new_tokens):
        candidates: Found = []
        for ids, total in beam:
            if ids and ids[-1] == end_id:
                candidates.append((ids, total))
            else:
                candidates += _grown(next_log_probabilities, start_id, ids, total)
        beam = _ranked(candidates, 0.0)[:num_beams]
        if all(ids[-1] == end_id for ids, _ in beam):
            break
    return beam


def beam_with_length_at_the_end(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    beam = beam_without_length(next_log_probabilities, num_beams, max_new_tokens, start_id, end_id)
    return _scored(_ranked(beam, length_penalty), length_penalty)


def beam_with_length_in_the_score_alone(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    beam = beam_without_length(next_log_probabilities, num_beams, max_new_tokens, start_id, end_id)
    return _scored(beam, length_penalty)


def beam_always_by_length(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    return beam_by_heap(next_log_probabilities, num_beams, max_new_tokens, start_id, end_id, 1.0)


def beam_times_the_penalty(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    def score(text: tuple[list[int], float]) -> float:
        return text[1] / max(1e-9, length_penalty * len(text[0]))

    beam: Found = [([], 0.0)]
    for _ in range(max_new_tokens):
        candidates: Found = []
        for ids, total in beam:
            if ids and ids[-1] == end_id:
                candidates.append((ids, total))
            else:
                candidates += _grown(next_log_probabilities, start_id, ids, total)
        beam = sorted(candidates, key=score, reverse=True)[:num_beams]
        if all(ids[-1] == end_id for ids, _ in beam):
            break
    return [(ids, score((ids, total))) for ids, total in beam]


def beam_with_another_length(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    def score(text: tuple[list[int], float]) -> float:
        return text[1] / ((5 + len(text[0])) / 6) ** length_penalty

    beam: Found = [([], 0.0)]
    for _ in range(max_new_tokens):
        candidates: Found = []
        for ids, total in beam:
            if ids and ids[-1] == end_id:
                candidates.append((ids, total))
            else:
                candidates += _grown(next_log_probabilities, start_id, ids, total)
        beam = sorted(candidates, key=score, reverse=True)[:num_beams]
        if all(ids[-1] == end_id for ids, _ in beam):
            break
    return [(ids, score((ids, total))) for ids, total in beam]


def beam_with_topk_of_each(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    def score(text: tuple[list[int], float]) -> float:
        return text[1] / len(text[0]) ** length_penalty

    beam: Found = [([], 0.0)]
    for _ in range(max_new_tokens):
        candidates = [text for text in beam if text[0][-1:] == [end_id]]
        for ids, total in beam:
            if ids[-1:] != [end_id]:
                best = next_log_probabilities([start_id, *ids]).topk(num_beams)
                pairs = zip(best.indices.tolist(), best.values.tolist(), strict=True)
                candidates += [([*ids, word], total + value) for word, value in pairs]
        beam = sorted(candidates, key=score, reverse=True)[:num_beams]
        if all(ids[-1] == end_id for ids, _ in beam):
            break
    return [(ids, score((ids, total))) for ids, total in beam]


def beam_counts_the_start(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    def score(text: tuple[list[int], float]) -> float:
        return text[1] / (len(text[0]) + 1) ** length_penalty

    beam: Found = [([], 0.0)]
    for _ in range(max_new_tokens):
        candidates: Found = []
        for ids, total in beam:
            if ids and ids[-1] == end_id:
                candidates.append((ids, total))
            else:
                candidates += _grown(next_log_probabilities, start_id, ids, total)
        beam = sorted(candidates, key=score, reverse=True)[:num_beams]
        if all(ids[-1] == end_id for ids, _ in beam):
            break
    return [(ids, score((ids, total))) for ids, total in beam]


def beam_each_for_itself(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    beam = _ranked(_grown(next_log_probabilities, start_id, [], 0.0), length_penalty)[:num_beams]
    for _ in range(max_new_tokens - 1):
        if all(ids[-1] == end_id for ids, _ in beam):
            break
        after: Found = []
        for ids, total in beam:
            if ids[-1] == end_id:
                after.append((ids, total))
            else:
                grown = _grown(next_log_probabilities, start_id, ids, total)
                after.append(_ranked(grown, length_penalty)[0])
        beam = _ranked(after, length_penalty)
    return _scored(beam, length_penalty)


def beam_of_one(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    return beam_by_heap(next_log_probabilities, 1, max_new_tokens, start_id, end_id, length_penalty)


def beam_by_multiplying(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    def score(text: tuple[list[int], float]) -> float:
        ids, probability = text
        logarithm = math.log(probability) if probability > 0 else -math.inf
        return logarithm / len(ids) ** length_penalty

    beam: Found = [([], 1.0)]
    for _ in range(max_new_tokens):
        candidates: Found = []
        for ids, probability in beam:
            if ids and ids[-1] == end_id:
                candidates.append((ids, probability))
                continue
            step = next_log_probabilities([start_id, *ids]).exp().tolist()
            candidates += [([*ids, token], probability * step[token]) for token in range(len(step))]
        beam = sorted(candidates, key=score, reverse=True)[:num_beams]
        if all(ids[-1] == end_id for ids, _ in beam):
            break
    return [(text[0], score(text)) for text in beam]


def beam_by_multiplying_floats(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    def score(text: tuple[list[int], Tensor]) -> float:
        ids, probability = text
        return float(probability.log()) / len(ids) ** length_penalty

    beam: list[tuple[list[int], Tensor]] = [([], torch.tensor(1.0))]
    for _ in range(max_new_tokens):
        candidates: list[tuple[list[int], Tensor]] = []
        for ids, probability in beam:
            if ids and ids[-1] == end_id:
                candidates.append((ids, probability))
                continue
            step = next_log_probabilities([start_id, *ids]).float().exp() * probability
            candidates += [([*ids, token], step[token]) for token in range(len(step))]
        beam = sorted(candidates, key=score, reverse=True)[:num_beams]
        if all(ids[-1] == end_id for ids, _ in beam):
            break
    return [(text[0], score(text)) for text in beam]


def beam_stops_with_the_first(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    beam: Found = [([], 0.0)]
    for _ in range(max_new_tokens):
        candidates: Found = []
        for ids, total in beam:
            candidates += _grown(next_log_probabilities, start_id, ids, total)
        beam = _ranked(candidates, length_penalty)[:num_beams]
        if any(ids[-1] == end_id for ids, _ in beam):
            break
    return _scored(beam, length_penalty)


def beam_stops_when_the_best_ends(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    beam: Found = [([], 0.0)]
    for _ in range(max_new_tokens):
        candidates: Found = []
        for ids, total in beam:
            if ids and ids[-1] == end_id:
                candidates.append((ids, total))
            else:
                candidates += _grown(next_log_probabilities, start_id, ids, total)
        beam = _ranked(candidates, length_penalty)[:num_beams]
        if beam[0][0][-1] == end_id:
            break
    return _scored(beam, length_penalty)


def beam_loses_ended_texts(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    beam: Found = [([], 0.0)]
    for _ in range(max_new_tokens):
        candidates: Found = []
        for ids, total in beam:
            if not ids or ids[-1] != end_id:
                candidates += _grown(next_log_probabilities, start_id, ids, total)
        beam = _ranked(candidates, length_penalty)[:num_beams]
        if all(ids[-1] == end_id for ids, _ in beam):
            break
    return _scored(beam, length_penalty)


def beam_with_start(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    found = beam_by_heap(
        next_log_probabilities, num_beams, max_new_tokens, start_id, end_id, length_penalty
    )
    return [([start_id, *ids], score) for ids, score in found]


def beam_with_start_counted(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    def score(text: tuple[list[int], float]) -> float:
        return text[1] / len(text[0]) ** length_penalty

    beam: Found = [([start_id], 0.0)]
    for _ in range(max_new_tokens):
        candidates: Found = []
        for ids, total in beam:
            if ids[-1] == end_id:
                candidates.append((ids, total))
                continue
            step = next_log_probabilities(ids).tolist()
            candidates += [([*ids, token], total + step[token]) for token in range(len(step))]
        beam = sorted(candidates, key=score, reverse=True)[:num_beams]
        if all(ids[-1] == end_id for ids, _ in beam):
            break
    return [(ids, score((ids, total))) for ids, total in beam]


def beam_moves_ended_texts_out(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    going: Found = [([], 0.0)]
    ended: Found = []
    for _ in range(max_new_tokens):
        candidates: Found = []
        for ids, total in going:
            candidates += _grown(next_log_probabilities, start_id, ids, total)
        kept = _ranked(candidates, length_penalty)[:num_beams]
        ended += [text for text in kept if text[0][-1] == end_id]
        going = [text for text in kept if text[0][-1] != end_id]
        if not going:
            break
    return _scored(_ranked(ended + going, length_penalty)[:num_beams], length_penalty)


def beam_moves_ended_texts_out_until_full(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    going: Found = [([], 0.0)]
    ended: Found = []
    for _ in range(max_new_tokens):
        candidates: Found = []
        for ids, total in going:
            candidates += _grown(next_log_probabilities, start_id, ids, total)
        kept = _ranked(candidates, length_penalty)[:num_beams]
        ended += [text for text in kept if text[0][-1] == end_id]
        going = [text for text in kept if text[0][-1] != end_id]
        if not going or len(ended) >= num_beams:
            break
    return _scored(_ranked(ended + going, length_penalty)[:num_beams], length_penalty)


def beam_with_totals(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    found = beam_by_heap(
        next_log_probabilities, num_beams, max_new_tokens, start_id, end_id, length_penalty
    )
    return [(ids, score * len(ids) ** length_penalty) for ids, score in found]


def beam_gives_the_best_alone(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> tuple[list[int], float]:
    return beam_by_heap(
        next_log_probabilities, num_beams, max_new_tokens, start_id, end_id, length_penalty
    )[0]


def beam_worst_first(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    beam: Found = [([], 0.0)]
    for _ in range(max_new_tokens):
        candidates: Found = []
        for ids, total in beam:
            if ids and ids[-1] == end_id:
                candidates.append((ids, total))
            else:
                candidates += _grown(next_log_probabilities, start_id, ids, total)
        beam = _ranked(candidates, length_penalty)[-num_beams:]
        if all(ids[-1] == end_id for ids, _ in beam):
            break
    return _scored(beam, length_penalty)


def beam_by_heap(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    going: Found = [([], 0.0)]
    ended: Found = []
    for length in range(1, max_new_tokens + 1):
        if not going:
            break
        candidates = [(total / len(ids) ** length_penalty, ids, total) for ids, total in ended]
        for ids, total in going:
            for longer, sum_of_logs in _grown(next_log_probabilities, start_id, ids, total):
                candidates.append((sum_of_logs / length**length_penalty, longer, sum_of_logs))
        candidates.sort(key=lambda candidate: -candidate[0])
        kept = candidates[:num_beams]
        ended = [(ids, total) for _, ids, total in kept if ids[-1] == end_id]
        going = [(ids, total) for _, ids, total in kept if ids[-1] != end_id]
    return _scored(_ranked(ended + going, length_penalty), length_penalty)


def beam_with_topk(
    next_log_probabilities: Next,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> Found:
    texts: list[list[int]] = [[]]
    totals: list[float] = [0.0]
    for _ in range(max_new_tokens):
        longer, sums = [], []
        for ids, total in zip(texts, totals, strict=True):
            if end_id in ids:
                longer.append(ids)
                sums.append(total)
                continue
            step = next_log_probabilities([start_id, *ids])
            best = step.topk(min(num_beams, len(step)))
            for token, value in zip(best.indices.tolist(), best.values.tolist(), strict=True):
                longer.append([*ids, token])
                sums.append(total + value)
        scores = torch.tensor(
            [s / len(ids) ** length_penalty for ids, s in zip(longer, sums, strict=True)],
            dtype=torch.float64,
        )
        chosen = scores.topk(min(num_beams, len(longer))).indices.tolist()
        texts, totals = [longer[i] for i in chosen], [sums[i] for i in chosen]
        if all(end_id in ids for ids in texts):
            break
    pairs = zip(texts, totals, strict=True)
    return [(ids, total / len(ids) ** length_penalty) for ids, total in pairs]
