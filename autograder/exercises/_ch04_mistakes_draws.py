"""Chapter 4's mistakes with draws and corruption, and other right ways to write the functions.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, random and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import random

import torch

# next_sentence_pairs


def _coin(generator, share=0.5):
    return bool(torch.rand(1, generator=generator) < share)


def _one_of(sentences, generator):
    return sentences[int(torch.randint(len(sentences), (1,), generator=generator))]


def _others(documents, number):
    return [s for k, document in enumerate(documents) if k != number for s in document]


def _paired(documents, generator, coin=_coin, others=_others):
    """The right way, with places to go wrong."""
    pairs = []
    for number, document in enumerate(documents):
        pool = others(documents, number)
        for first, second in zip(document, document[1:], strict=False):
            if coin(generator):
                pairs.append((first, second, True))
            else:
                pairs.append((first, _one_of(pool, generator), False))
    return pairs


def pairs_all_true(documents, generator=None):
    return _paired(documents, generator, lambda generator: True)


def pairs_all_random(documents, generator=None):
    return _paired(documents, generator, lambda generator: False)


def pairs_from_own_document(documents, generator=None):
    every = [sentence for document in documents for sentence in document]
    return _paired(documents, generator, others=lambda documents, number: every)


def pairs_but_not_the_next(documents, generator=None):
    every = [sentence for document in documents for sentence in document]
    pairs = []
    for document in documents:
        for first, second in zip(document, document[1:], strict=False):
            if _coin(generator):
                pairs.append((first, second, True))
                continue
            other = _one_of(every, generator)
            while other == second:
                other = _one_of(every, generator)
            pairs.append((first, other, False))
    return pairs


def pairs_labels_inverted(documents, generator=None):
    return [(first, second, not true) for first, second, true in _paired(documents, generator)]


def pairs_in_turn(documents, generator=None):
    turns = [0]

    def turn(generator):
        turns[0] += 1
        return turns[0] % 2 == 1

    return _paired(documents, generator, turn)


def pairs_coin_a_document(documents, generator=None):
    pairs = []
    for number, document in enumerate(documents):
        pool = _others(documents, number)
        for place, (first, second) in enumerate(zip(document, document[1:], strict=False)):
            true = place % 2 == number % 2
            pairs.append(
                (first, second, True) if true else (first, _one_of(pool, generator), False)
            )
    return pairs


def pairs_exactly_half(documents, generator=None):
    count = sum(len(document) - 1 for document in documents)
    true = iter((torch.randperm(count, generator=generator) < count // 2).tolist())
    return _paired(documents, generator, lambda generator: next(true))


def pairs_without_replacement(documents, generator=None):
    pairs, used = [], set()
    for number, document in enumerate(documents):
        pool = _others(documents, number)
        for first, second in zip(document, document[1:], strict=False):
            if _coin(generator):
                pairs.append((first, second, True))
                continue
            left = [sentence for sentence in pool if sentence not in used] or pool
            drawn = _one_of(left, generator)
            used.add(drawn)
            pairs.append((first, drawn, False))
    return pairs


def pairs_across_documents(documents, generator=None):
    every = [sentence for document in documents for sentence in document]
    own = [number for number, document in enumerate(documents) for _ in document]
    pairs = []
    for place in range(len(every) - 1):
        if _coin(generator):
            pairs.append((every[place], every[place + 1], True))
        else:
            pool = _others(documents, own[place])
            pairs.append((every[place], _one_of(pool, generator), False))
    return pairs


def pairs_with_the_last(documents, generator=None):
    pairs = []
    for number, document in enumerate(documents):
        pool = _others(documents, number)
        for place, first in enumerate(document):
            if place + 1 < len(document) and _coin(generator):
                pairs.append((first, document[place + 1], True))
            else:
                pairs.append((first, _one_of(pool, generator), False))
    return pairs


def pairs_without_overlap(documents, generator=None):
    pairs = []
    for number, document in enumerate(documents):
        pool = _others(documents, number)
        for place in range(0, len(document) - 1, 2):
            if _coin(generator):
                pairs.append((document[place], document[place + 1], True))
            else:
                pairs.append((document[place], _one_of(pool, generator), False))
    return pairs


def pairs_both_random(documents, generator=None):
    pairs = []
    for number, document in enumerate(documents):
        pool = _others(documents, number)
        for first, second in zip(document, document[1:], strict=False):
            if _coin(generator):
                pairs.append((first, second, True))
            else:
                pairs.append((_one_of(document, generator), _one_of(pool, generator), False))
    return pairs


def pairs_from_next_document(documents, generator=None):
    def after(documents, number):
        return documents[(number + 1) % len(documents)]

    return _paired(documents, generator, others=after)


def pairs_without_generator(documents, generator=None):
    return _paired(documents, None)


def pairs_by_python_random(documents, generator=None):
    pairs = []
    for number, document in enumerate(documents):
        pool = _others(documents, number)
        for first, second in zip(document, document[1:], strict=False):
            if random.random() < 0.5:
                pairs.append((first, second, True))
            else:
                pairs.append((first, random.choice(pool), False))
    return pairs


def pairs_with_fixed_seed(documents, generator=None):
    return _paired(documents, torch.Generator().manual_seed(0))


def _but_first(documents, number):
    return [s for k, document in enumerate(documents) if k != number for s in document[1:]]


def _but_last(documents, number):
    return [s for k, document in enumerate(documents) if k != number for s in document[:-1]]


def pairs_never_a_first_sentence(documents, generator=None):
    return _paired(documents, generator, others=_but_first)


def pairs_drawn_from_1(documents, generator=None):
    return _paired(documents, generator, others=lambda d, number: _others(d, number)[1:])


def pairs_never_a_last_sentence(documents, generator=None):
    return _paired(documents, generator, others=_but_last)


def pairs_drawn_to_n_minus_2(documents, generator=None):
    return _paired(documents, generator, others=lambda d, number: _others(d, number)[:-1])


def pairs_one_random_sentence(documents, generator=None):
    def drawn_once(documents, number):
        return [_one_of(_others(documents, number), generator)]

    return _paired(documents, generator, others=drawn_once)


def pairs_with_the_first_of_the_others(documents, generator=None):
    return _paired(documents, generator, others=lambda d, number: _others(d, number)[:1])


def pairs_two_a_sentence(documents, generator=None):
    pairs = []
    for number, document in enumerate(documents):
        pool = _others(documents, number)
        for first, second in zip(document, document[1:], strict=False):
            pairs.append((first, second, True))
            pairs.append((first, _one_of(pool, generator), False))
    return pairs


def _from_places(documents, generator, places):
    pairs = []
    for number, document in enumerate(documents):
        pool = _others(documents, number)
        for place in places(document):
            if _coin(generator):
                pairs.append((document[place], document[place + 1], True))
            else:
                pairs.append((document[place], _one_of(pool, generator), False))
    return pairs


def pairs_not_from_the_first(documents, generator=None):
    return _from_places(documents, generator, lambda document: range(1, len(document) - 1))


def pairs_stop_too_soon(documents, generator=None):
    return _from_places(documents, generator, lambda document: range(len(document) - 2))


def pairs_beyond_the_end(documents, generator=None):
    return _from_places(documents, generator, lambda document: range(len(document)))


def pairs_place_of_the_own_document(documents, generator=None):
    pairs = []
    for number, document in enumerate(documents):
        rest = [other for k, other in enumerate(documents) if k != number]
        for place in range(len(document) - 1):
            if _coin(generator):
                pairs.append((document[place], document[place + 1], True))
            else:
                drawn = int(torch.randint(len(document), (1,), generator=generator))
                pairs.append((document[place], _one_of(rest, generator)[drawn], False))
    return pairs


def pairs_document_first(documents, generator=None):
    pairs = []
    for number, document in enumerate(documents):
        rest = [other for k, other in enumerate(documents) if k != number]
        for place in range(len(document) - 1):
            if _coin(generator):
                pairs.append((document[place], document[place + 1], True))
            else:
                other = _one_of(rest, generator)
                pairs.append((document[place], _one_of(other, generator), False))
    return pairs


def pairs_draw_again(documents, generator=None):
    pairs = []
    every = [(number, s) for number, document in enumerate(documents) for s in document]
    for number, document in enumerate(documents):
        for place in range(1, len(document)):
            if _coin(generator):
                pairs.append([document[place - 1], document[place], True])
                continue
            found, sentence = _one_of(every, generator)
            while found == number:
                found, sentence = _one_of(every, generator)
            pairs.append([document[place - 1], sentence, False])
    return pairs


def pairs_coins_at_once(documents, generator=None):
    true = [
        (document[place], document[place + 1], number)
        for number, document in enumerate(documents)
        for place in range(len(document) - 1)
    ]
    coins = torch.randint(2, (len(true),), generator=generator).bool().tolist()
    return [
        (a, b, True) if heads else (a, _one_of(_others(documents, number), generator), False)
        for (a, b, number), heads in zip(true, coins, strict=True)
    ]


# choose_positions


def _special(ids, special_ids):
    return torch.isin(ids, torch.tensor(list(special_ids)))


def choose_among_all(ids, special_ids, rate=0.15, generator=None):
    return torch.rand(ids.shape, generator=generator) < rate


def choose_all_but_the_first_kind(ids, special_ids, rate=0.15, generator=None):
    return (torch.rand(ids.shape, generator=generator) < rate) & (ids != list(special_ids)[0])


def choose_all_but_padding(ids, special_ids, rate=0.15, generator=None):
    return (torch.rand(ids.shape, generator=generator) < rate) & (ids != 0)


def choose_always_15(ids, special_ids, rate=0.15, generator=None):
    return (torch.rand(ids.shape, generator=generator) < 0.15) & ~_special(ids, special_ids)


def choose_the_rest(ids, special_ids, rate=0.15, generator=None):
    return (torch.rand(ids.shape, generator=generator) > rate) & ~_special(ids, special_ids)


def choose_whole_rows(ids, special_ids, rate=0.15, generator=None):
    lot = torch.rand(*ids.shape[:-1], 1, generator=generator).expand(ids.shape)
    return (lot < rate) & ~_special(ids, special_ids)


def choose_whole_columns(ids, special_ids, rate=0.15, generator=None):
    lot = torch.rand(ids.shape[-1], generator=generator).expand(ids.shape)
    return (lot < rate) & ~_special(ids, special_ids)


def choose_a_share_of_each_row(ids, special_ids, rate=0.15, generator=None):
    rows = ids.reshape(-1, ids.shape[-1])
    lot = torch.rand(rows.shape, generator=generator)
    lot = lot.masked_fill(_special(rows, special_ids), 2.0)
    count = int((lot[0] < 2).sum() * rate + 0.5)
    chosen = torch.zeros(rows.shape, dtype=torch.bool)
    chosen.scatter_(1, lot.argsort(dim=1)[:, :count], True)
    return chosen.reshape(ids.shape)


def choose_a_share_of_all(ids, special_ids, rate=0.15, generator=None):
    places = (~_special(ids, special_ids)).flatten().nonzero().flatten()
    order = torch.randperm(len(places), generator=generator)
    chosen = torch.zeros(ids.numel(), dtype=torch.bool)
    chosen[places[order[: round(len(places) * rate)]]] = True
    return chosen.reshape(ids.shape)


def choose_above_the_special(ids, special_ids, rate=0.15, generator=None):
    return (torch.rand(ids.shape, generator=generator) < rate) & (ids > max(special_ids))


def choose_above_4(ids, special_ids, rate=0.15, generator=None):
    return (torch.rand(ids.shape, generator=generator) < rate) & (ids > 4)


def choose_at_least_one(ids, special_ids, rate=0.15, generator=None):
    ordinary = ~_special(ids, special_ids)
    lot = torch.rand(ids.shape, generator=generator)
    chosen = (lot < rate) & ordinary
    none = ~chosen.any(dim=-1, keepdim=True)
    return chosen | none & (lot == lot.masked_fill(~ordinary, 2).amin(-1, keepdim=True))


def choose_only_special(ids, special_ids, rate=0.15, generator=None):
    return (torch.rand(ids.shape, generator=generator) < rate) & _special(ids, special_ids)


def choose_without_generator(ids, special_ids, rate=0.15, generator=None):
    return (torch.rand(ids.shape) < rate) & ~_special(ids, special_ids)


def choose_with_fixed_seed(ids, special_ids, rate=0.15, generator=None):
    lot = torch.rand(ids.shape, generator=torch.Generator().manual_seed(0))
    return (lot < rate) & ~_special(ids, special_ids)


def choose_by_bell_curve(ids, special_ids, rate=0.15, generator=None):
    return (torch.randn(ids.shape, generator=generator) < rate) & ~_special(ids, special_ids)


def choose_as_numbers(ids, special_ids, rate=0.15, generator=None):
    drawn = torch.rand(ids.shape, generator=generator) < rate
    return drawn.long() * (~_special(ids, special_ids)).long()


def choose_by_bernoulli(ids, special_ids, rate=0.15, generator=None):
    chance = torch.full(ids.shape, rate).masked_fill(_special(ids, special_ids), 0.0)
    return torch.bernoulli(chance, generator=generator).bool()


def choose_token_by_token(ids, special_ids, rate=0.15, generator=None):
    never = {int(index) for index in special_ids}
    drawn = [
        bool(torch.rand(1, generator=generator) < rate) and index not in never
        for index in ids.flatten().tolist()
    ]
    return torch.tensor(drawn).reshape(ids.shape)


def choose_by_filling(ids, special_ids, rate=0.15, generator=None):
    lot = torch.rand(ids.shape, generator=generator)
    for index in special_ids:
        lot = lot.masked_fill(ids == index, 2.0)
    return lot < rate


# corrupt


def _parts(chosen, lot, mask_share, random_share):
    masked = chosen & (lot < mask_share)
    return masked, chosen & ~masked & (lot < mask_share + random_share)


def _change(ids, masked, replaced, replacements, mask_id):
    return torch.where(replaced, replacements, ids.masked_fill(masked, mask_id))


def corrupt_always_mask(ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1):
    return ids.masked_fill(chosen, mask_id), ids.masked_fill(~chosen, -100)


def corrupt_never_keeps(ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1):
    masked, _ = _parts(chosen, lot, mask_share, random_share)
    changed = _change(ids, masked, chosen & ~masked, replacements, mask_id)
    return changed, ids.masked_fill(~chosen, -100)


def corrupt_random_and_kept_exchanged(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    masked, replaced = _parts(chosen, lot, mask_share, random_share)
    changed = _change(ids, masked, chosen & ~masked & ~replaced, replacements, mask_id)
    return changed, ids.masked_fill(~chosen, -100)


def corrupt_random_at_the_end(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    masked = chosen & (lot < mask_share)
    replaced = chosen & (lot >= 1 - random_share) & ~masked
    changed = _change(ids, masked, replaced, replacements, mask_id)
    return changed, ids.masked_fill(~chosen, -100)


def corrupt_loses_the_masks(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    masked, replaced = _parts(chosen, lot, mask_share, random_share)
    changed = torch.where(masked, mask_id, ids)
    changed = torch.where(replaced, replacements, ids)
    return changed, ids.masked_fill(~chosen, -100)


def corrupt_loses_the_replacements(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    masked, replaced = _parts(chosen, lot, mask_share, random_share)
    changed = torch.where(replaced, replacements, ids)
    changed = torch.where(masked, mask_id, ids)
    return changed, ids.masked_fill(~chosen, -100)


def corrupt_overwrites_the_masks(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    changed = torch.where(chosen & (lot < mask_share), mask_id, ids)
    changed = torch.where(chosen & (lot < mask_share + random_share), replacements, changed)
    return changed, ids.masked_fill(~chosen, -100)


def corrupt_replaces_first(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    replaced = chosen & (lot < random_share)
    masked = chosen & ~replaced & (lot < mask_share + random_share)
    changed = _change(ids, masked, replaced, replacements, mask_id)
    return changed, ids.masked_fill(~chosen, -100)


def corrupt_replaces_below_the_share(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    changed = torch.where(chosen & (lot < mask_share), mask_id, ids)
    changed = torch.where(chosen & (lot < random_share), replacements, changed)
    return changed, ids.masked_fill(~chosen, -100)


def corrupt_compares_with_the_share(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    masked = chosen & (lot < mask_share)
    replaced = chosen & (lot >= mask_share) & (lot < random_share)
    changed = _change(ids, masked, replaced, replacements, mask_id)
    return changed, ids.masked_fill(~chosen, -100)


def corrupt_masks_on_the_edge(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    masked = chosen & (lot <= mask_share)
    replaced = chosen & ~masked & (lot < mask_share + random_share)
    changed = _change(ids, masked, replaced, replacements, mask_id)
    return changed, ids.masked_fill(~chosen, -100)


def corrupt_leaves_the_edge(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    masked, replaced = _parts(chosen, lot, mask_share, random_share)
    changed = _change(ids, masked, replaced & (lot > mask_share), replacements, mask_id)
    return changed, ids.masked_fill(~chosen, -100)


def corrupt_everything(ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1):
    masked, replaced = _parts(torch.ones_like(chosen), lot, mask_share, random_share)
    changed = _change(ids, masked, replaced, replacements, mask_id)
    return changed, ids.masked_fill(~chosen, -100)


def corrupt_masks_everything(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    masked, _ = _parts(torch.ones_like(chosen), lot, mask_share, random_share)
    _, replaced = _parts(chosen, lot, mask_share, random_share)
    changed = _change(ids, masked, replaced, replacements, mask_id)
    return changed, ids.masked_fill(~chosen, -100)


def corrupt_replaces_everything(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    masked, _ = _parts(chosen, lot, mask_share, random_share)
    _, replaced = _parts(torch.ones_like(chosen), lot, mask_share, random_share)
    changed = _change(ids, masked, replaced, replacements, mask_id)
    return changed, ids.masked_fill(~chosen, -100)


def _corrupted(ids, chosen, lot, replacements, mask_id, mask_share, random_share):
    masked, replaced = _parts(chosen, lot, mask_share, random_share)
    return _change(ids, masked, replaced, replacements, mask_id)


def corrupt_labels_everywhere(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    return _corrupted(ids, chosen, lot, replacements, mask_id, mask_share, random_share), ids


def corrupt_labels_zero(ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1):
    changed = _corrupted(ids, chosen, lot, replacements, mask_id, mask_share, random_share)
    return changed, ids.masked_fill(~chosen, 0)


def corrupt_labels_minus_one(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    changed = _corrupted(ids, chosen, lot, replacements, mask_id, mask_share, random_share)
    return changed, ids.masked_fill(~chosen, -1)


def corrupt_labels_corrupted(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    changed = _corrupted(ids, chosen, lot, replacements, mask_id, mask_share, random_share)
    return changed, changed.masked_fill(~chosen, -100)


def corrupt_labels_at_masks_only(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    masked, replaced = _parts(chosen, lot, mask_share, random_share)
    changed = _change(ids, masked, replaced, replacements, mask_id)
    return changed, ids.masked_fill(~masked, -100)


def corrupt_labels_where_changed(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    masked, replaced = _parts(chosen, lot, mask_share, random_share)
    changed = _change(ids, masked, replaced, replacements, mask_id)
    return changed, ids.masked_fill(~(masked | replaced), -100)


def corrupt_labels_inverted(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    changed = _corrupted(ids, chosen, lot, replacements, mask_id, mask_share, random_share)
    return changed, ids.masked_fill(chosen, -100)


def corrupt_shares_fixed(ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1):
    changed = _corrupted(ids, chosen, lot, replacements, mask_id, 0.8, 0.1)
    return changed, ids.masked_fill(~chosen, -100)


def corrupt_without_labels(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    return _corrupted(ids, chosen, lot, replacements, mask_id, mask_share, random_share)


def corrupt_results_exchanged(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    changed = _corrupted(ids, chosen, lot, replacements, mask_id, mask_share, random_share)
    return ids.masked_fill(~chosen, -100), changed


def corrupt_in_place_before_the_labels(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    masked, replaced = _parts(chosen, lot, mask_share, random_share)
    ids[masked] = mask_id
    ids[replaced] = replacements[replaced]
    return ids, ids.masked_fill(~chosen, -100)


def corrupt_labels_in_place(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    masked, replaced = _parts(chosen, lot, mask_share, random_share)
    changed = _change(ids, masked, replaced, replacements, mask_id)
    ids[~chosen] = -100
    return changed, ids


def corrupt_in_place(ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1):
    masked, replaced = _parts(chosen, lot, mask_share, random_share)
    labels = ids.masked_fill(~chosen, -100)
    ids[masked] = mask_id
    ids[replaced] = replacements[replaced]
    return ids, labels


def corrupt_on_a_clone(ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1):
    masked, replaced = _parts(chosen, lot, mask_share, random_share)
    corrupted, labels = ids.clone(), torch.full_like(ids, -100)
    labels[chosen] = ids[chosen]
    corrupted[masked] = mask_id
    corrupted[replaced] = replacements[replaced]
    return corrupted, labels


def corrupt_token_by_token(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    corrupted, labels = [], []
    rows = (ids.flatten(), chosen.flatten(), lot.flatten(), replacements.flatten())
    for index, asked, fate, other in zip(*(row.tolist() for row in rows), strict=True):
        labels.append(index if asked else -100)
        if not asked or fate >= mask_share + random_share:
            corrupted.append(index)
        else:
            corrupted.append(mask_id if fate < mask_share else other)
    return torch.tensor(corrupted).view(ids.shape), torch.tensor(labels).view(ids.shape)


def corrupt_by_arithmetic(
    ids, chosen, lot, replacements, mask_id, mask_share=0.8, random_share=0.1
):
    masked, replaced = (part.long() for part in _parts(chosen, lot, mask_share, random_share))
    kept = 1 - masked - replaced
    asked = chosen.long()
    return kept * ids + masked * mask_id + replaced * replacements, asked * ids - 100 * (1 - asked)


# wrong_word_share


def share_of_all_words(rate, mask_share, random_share, num_words):
    return rate * random_share * (1 - 1 / num_words)


def share_without_luck(rate, mask_share, random_share, num_words):
    return rate * random_share / (1 - rate * mask_share)


def share_of_all_words_without_luck(rate, mask_share, random_share, num_words):
    return rate * random_share


def share_of_the_chosen(rate, mask_share, random_share, num_words):
    return random_share * (1 - 1 / num_words) / (1 - mask_share)


def share_of_the_chosen_without_luck(rate, mask_share, random_share, num_words):
    return random_share / (1 - mask_share)


def share_with_all_masked(rate, mask_share, random_share, num_words):
    return rate * random_share * (1 - 1 / num_words) / (1 - mask_share)


def share_with_all_masked_without_luck(rate, mask_share, random_share, num_words):
    return rate * random_share / (1 - mask_share)


def share_without_rate(rate, mask_share, random_share, num_words):
    return random_share * (1 - 1 / num_words) / (1 - rate * mask_share)


def share_without_rate_and_luck(rate, mask_share, random_share, num_words):
    return random_share / (1 - rate * mask_share)


def share_of_random_words(rate, mask_share, random_share, num_words):
    return random_share * (1 - 1 / num_words)


def share_with_too_much_luck(rate, mask_share, random_share, num_words):
    return rate * random_share * (1 - 1 / (num_words - 1)) / (1 - rate * mask_share)


def share_of_lucky_words(rate, mask_share, random_share, num_words):
    return rate * random_share / num_words / (1 - rate * mask_share)


def share_of_changed_and_kept(rate, mask_share, random_share, num_words):
    return rate * (1 - mask_share) / (1 - rate * mask_share)


def share_with_the_kept(rate, mask_share, random_share, num_words):
    kept = 1 - mask_share - random_share
    return rate * (random_share * (1 - 1 / num_words) + kept) / (1 - rate * mask_share)


def share_visible_is_not_chosen(rate, mask_share, random_share, num_words):
    return rate * random_share * (1 - 1 / num_words) / (1 - rate)


def share_visible_is_not_chosen_without_luck(rate, mask_share, random_share, num_words):
    return rate * random_share / (1 - rate)


def share_of_right_words_without_luck(rate, mask_share, random_share, num_words):
    return 1 - rate * random_share / (1 - rate * mask_share)


def share_of_right_words(rate, mask_share, random_share, num_words):
    return 1 - rate * random_share * (1 - 1 / num_words) / (1 - rate * mask_share)


def share_by_counting(rate, mask_share, random_share, num_words):
    untouched, chosen = 1 - rate, rate
    kept = chosen * (1 - mask_share - random_share)
    drawn = chosen * random_share
    lucky = drawn / num_words
    return 1 - (untouched + kept + lucky) / (untouched + kept + drawn)


def share_by_table(rate, mask_share, random_share, num_words):
    seen = torch.full((num_words,), rate * random_share / num_words, dtype=torch.float64)
    seen[0] += 1 - rate + rate * (1 - mask_share - random_share)
    return float(seen[1:].sum() / seen.sum())
