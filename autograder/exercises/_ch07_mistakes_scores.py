"""Chapter 7's mistakes with scores of translations, and other right ways to count them.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import math
from collections import Counter
from collections.abc import Sequence

import torch
from torch import Tensor

# sequence_accuracy


def _wide(ids: Tensor, width: int, pad_id: int) -> Tensor:
    room = ids.new_full((len(ids), width - ids.shape[1]), pad_id)
    return torch.cat([ids, room], dim=1)


def _both(predictions: Tensor, targets: Tensor, pad_id: int) -> tuple[Tensor, Tensor]:
    width = max(predictions.shape[1], targets.shape[1])
    return _wide(predictions, width, pad_id), _wide(targets, width, pad_id)


def sequences_token_by_token(predictions: Tensor, targets: Tensor, pad_id: int = 0) -> float:
    one, other = _both(predictions, targets, pad_id)
    return float((one == other).double().mean())


def sequences_word_by_word(predictions: Tensor, targets: Tensor, pad_id: int = 0) -> float:
    one, other = _both(predictions, targets, pad_id)
    return float((one == other)[other != pad_id].double().mean())


def sequences_with_any_word_right(predictions: Tensor, targets: Tensor, pad_id: int = 0) -> float:
    one, other = _both(predictions, targets, pad_id)
    return float((one == other).any(dim=1).double().mean())


def sequences_cut_to_the_shorter(predictions: Tensor, targets: Tensor, pad_id: int = 0) -> float:
    width = min(predictions.shape[1], targets.shape[1])
    return float((predictions[:, :width] == targets[:, :width]).all(dim=1).double().mean())


def sequences_without_what_follows(predictions: Tensor, targets: Tensor, pad_id: int = 0) -> float:
    one, other = _both(predictions, targets, pad_id)
    return float(((one == other) | (other == pad_id)).all(dim=1).double().mean())


def sequences_filled_with_0(predictions: Tensor, targets: Tensor, pad_id: int = 0) -> float:
    one, other = _both(predictions, targets, 0)
    return float((one == other).all(dim=1).double().mean())


def sequences_counted(predictions: Tensor, targets: Tensor, pad_id: int = 0) -> float:
    one, other = _both(predictions, targets, pad_id)
    return float((one == other).all(dim=1).sum())


def sequences_all_or_nothing(predictions: Tensor, targets: Tensor, pad_id: int = 0) -> float:
    one, other = _both(predictions, targets, pad_id)
    return float((one == other).all())


def sequences_down_the_columns(predictions: Tensor, targets: Tensor, pad_id: int = 0) -> float:
    one, other = _both(predictions, targets, pad_id)
    return float((one == other).all(dim=0).double().mean())


def sequences_as_lists(predictions: Tensor, targets: Tensor, pad_id: int = 0) -> float:
    def trimmed(row: list[int]) -> list[int]:
        while row and row[-1] == pad_id:
            row = row[:-1]
        return row

    pairs = zip(predictions.tolist(), targets.tolist(), strict=True)
    return sum(trimmed(one) == trimmed(other) for one, other in pairs) / len(targets)


def sequences_by_faults(predictions: Tensor, targets: Tensor, pad_id: int = 0) -> float:
    one, other = _both(predictions, targets, pad_id)
    faults = (one != other).sum(dim=1)
    return int((faults == 0).sum()) / len(faults)


# bleu

Words = Sequence[str]


def _runs(tokens: Words, order: int) -> Counter:
    return Counter(tuple(tokens[i : i + order]) for i in range(len(tokens) - order + 1))


def _allowed(rights: Sequence[Words], order: int) -> Counter:
    allowed: Counter = Counter()
    for right in rights:
        allowed |= _runs(right, order)
    return allowed


def _precisions(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int
) -> list[float]:
    found = []
    for order in range(1, max_order + 1):
        matched = counted = 0
        for candidate, rights in zip(candidates, references, strict=True):
            runs = _runs(candidate, order)
            matched += (runs & _allowed(rights, order)).total()
            counted += runs.total()
        found.append(matched / max(1, counted))
    return found


def _lengths(candidates: Sequence[Words], references: Sequence[Sequence[Words]]) -> tuple[int, int]:
    c = sum(len(candidate) for candidate in candidates)
    r = 0
    for candidate, rights in zip(candidates, references, strict=True):
        distances = [(abs(len(right) - len(candidate)), len(right)) for right in rights]
        r += min(distances)[1]
    return c, r


def _geometric(precisions: list[float]) -> float:
    if min(precisions) == 0:
        return 0.0
    return math.exp(sum(math.log(p) for p in precisions) / len(precisions))


def _penalty(c: int, r: int) -> float:
    return 1.0 if c > r else math.exp(1 - r / c)


def bleu_without_clipping(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    found = []
    for order in range(1, max_order + 1):
        matched = counted = 0
        for candidate, rights in zip(candidates, references, strict=True):
            runs, allowed = _runs(candidate, order), _allowed(rights, order)
            matched += sum(count for run, count in runs.items() if run in allowed)
            counted += runs.total()
        found.append(matched / max(1, counted))
    return _penalty(*_lengths(candidates, references)) * _geometric(found)


def bleu_of_kinds(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    found = []
    for order in range(1, max_order + 1):
        matched = counted = 0
        for candidate, rights in zip(candidates, references, strict=True):
            runs, allowed = set(_runs(candidate, order)), set(_allowed(rights, order))
            matched += len(runs & allowed)
            counted += len(runs)
        found.append(matched / max(1, counted))
    return _penalty(*_lengths(candidates, references)) * _geometric(found)


def bleu_without_penalty(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    return _geometric(_precisions(candidates, references, max_order))


def bleu_with_penalty_for_the_long(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    c, r = _lengths(candidates, references)
    return _penalty(r, c) * _geometric(_precisions(candidates, references, max_order))


def bleu_with_reward_for_the_long(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    c, r = _lengths(candidates, references)
    return math.exp(1 - r / c) * _geometric(_precisions(candidates, references, max_order))


def bleu_with_penalty_turned_over(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    c, r = _lengths(candidates, references)
    mean = _geometric(_precisions(candidates, references, max_order))
    return min(1.0, math.exp(1 - c / r)) * mean


def bleu_with_plain_ratio(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    c, r = _lengths(candidates, references)
    return min(1.0, c / r) * _geometric(_precisions(candidates, references, max_order))


def bleu_by_arithmetic_mean(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    precisions = _precisions(candidates, references, max_order)
    return _penalty(*_lengths(candidates, references)) * sum(precisions) / max_order


def bleu_by_product(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    precisions = _precisions(candidates, references, max_order)
    return _penalty(*_lengths(candidates, references)) * math.prod(precisions)


def bleu_of_the_longest_runs(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    longest = _precisions(candidates, references, max_order)[-1]
    return _penalty(*_lengths(candidates, references)) * longest


def bleu_of_single_words(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    single = _precisions(candidates, references, max_order)[0]
    return _penalty(*_lengths(candidates, references)) * single


def bleu_sentence_by_sentence(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    scores = []
    for candidate, rights in zip(candidates, references, strict=True):
        mean = _geometric(_precisions([candidate], [rights], max_order))
        scores.append(_penalty(*_lengths([candidate], [rights])) * mean)
    return sum(scores) / len(scores)


def bleu_with_a_mean_of_shares(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    pairs = list(zip(candidates, references, strict=True))
    each = [_precisions([candidate], [rights], max_order) for candidate, rights in pairs]
    shares = [sum(column) / len(column) for column in zip(*each, strict=True)]
    return _penalty(*_lengths(candidates, references)) * _geometric(shares)


def bleu_divided_by_the_reference(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    found = []
    for order in range(1, max_order + 1):
        matched = counted = 0
        for candidate, rights in zip(candidates, references, strict=True):
            matched += (_runs(candidate, order) & _allowed(rights, order)).total()
            counted += _runs(rights[0], order).total()
        found.append(matched / max(1, counted))
    return _penalty(*_lengths(candidates, references)) * _geometric(found)


def bleu_with_references_added_up(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    found = []
    for order in range(1, max_order + 1):
        matched = counted = 0
        for candidate, rights in zip(candidates, references, strict=True):
            allowed: Counter = Counter()
            for right in rights:
                allowed += _runs(right, order)
            runs = _runs(candidate, order)
            matched += (runs & allowed).total()
            counted += runs.total()
        found.append(matched / max(1, counted))
    return _penalty(*_lengths(candidates, references)) * _geometric(found)


def bleu_with_the_first_reference(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    first = [rights[:1] for rights in references]
    mean = _geometric(_precisions(candidates, first, max_order))
    return _penalty(*_lengths(candidates, first)) * mean


def bleu_with_the_first_length(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    c, r = sum(map(len, candidates)), sum(len(rights[0]) for rights in references)
    return _penalty(c, r) * _geometric(_precisions(candidates, references, max_order))


def bleu_with_the_longest_length(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    c, r = sum(map(len, candidates)), sum(max(map(len, rights)) for rights in references)
    return _penalty(c, r) * _geometric(_precisions(candidates, references, max_order))


def bleu_with_the_shortest_length(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    c, r = sum(map(len, candidates)), sum(min(map(len, rights)) for rights in references)
    return _penalty(c, r) * _geometric(_precisions(candidates, references, max_order))


def bleu_with_the_longer_of_two(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    c, r = sum(map(len, candidates)), 0
    for candidate, rights in zip(candidates, references, strict=True):
        r -= min((abs(len(right) - len(candidate)), -len(right)) for right in rights)[1]
    return _penalty(c, r) * _geometric(_precisions(candidates, references, max_order))


def bleu_with_the_first_of_two(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    c, r = sum(map(len, candidates)), 0
    for candidate, rights in zip(candidates, references, strict=True):
        r += len(min(rights, key=lambda right: abs(len(right) - len(candidate))))
    return _penalty(c, r) * _geometric(_precisions(candidates, references, max_order))


def bleu_divides_before_it_looks(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    found = []
    for order in range(1, max_order + 1):
        matched = counted = 0
        for candidate, rights in zip(candidates, references, strict=True):
            runs = _runs(candidate, order)
            matched += (runs & _allowed(rights, order)).total()
            counted += runs.total()
        found.append(matched / counted)
    return _penalty(*_lengths(candidates, references)) * _geometric(found)


def bleu_with_a_small_number(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    found = [max(p, 1e-9) for p in _precisions(candidates, references, max_order)]
    return _penalty(*_lengths(candidates, references)) * _geometric(found)


def bleu_with_a_tiny_number(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    found = [p + 1e-12 for p in _precisions(candidates, references, max_order)]
    return _penalty(*_lengths(candidates, references)) * _geometric(found)


def bleu_leaving_out_zeros(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    precisions = [p for p in _precisions(candidates, references, max_order) if p > 0]
    return _penalty(*_lengths(candidates, references)) * _geometric(precisions or [0.0])


def bleu_always_to_four(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    c, r = _lengths(candidates, references)
    return _penalty(c, r) * _geometric(_precisions(candidates, references, 4))


def bleu_in_per_cent(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    c, r = _lengths(candidates, references)
    return 100 * _penalty(c, r) * _geometric(_precisions(candidates, references, max_order))


def bleu_by_powers(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    c, r = _lengths(candidates, references)
    product = math.prod(_precisions(candidates, references, max_order)) ** (1 / max_order)
    return product * min(1.0, math.exp(1 - r / c))


def bleu_counting_by_hand(
    candidates: Sequence[Words], references: Sequence[Sequence[Words]], max_order: int = 4
) -> float:
    logarithms, c, r = 0.0, 0, 0
    for order in range(1, max_order + 1):
        matched = counted = 0
        for candidate, rights in zip(candidates, references, strict=True):
            runs: dict[tuple[str, ...], int] = {}
            for start in range(len(candidate) - order + 1):
                run = tuple(candidate[start : start + order])
                runs[run] = runs.get(run, 0) + 1
            for run, count in runs.items():
                most = 0
                for right in rights:
                    places = range(len(right) - order + 1)
                    most = max(most, sum(tuple(right[i : i + order]) == run for i in places))
                matched += min(count, most)
                counted += count
        if matched == 0:
            return 0.0
        logarithms += math.log(matched / counted) / max_order
    for candidate, rights in zip(candidates, references, strict=True):
        c += len(candidate)
        r += len(sorted(rights, key=lambda t: (abs(len(t) - len(candidate)), len(t)))[0])
    return math.exp(logarithms + (0.0 if c >= r else 1 - r / c))
