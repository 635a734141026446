"""Chapter 1: the mistakes learners make, and other ways of being right.

Each definition is lifted out of this file with the helpers it names, and laid into a solution
cell. So bodies use only torch, math, F, nn, collections and re, and each other.
"""

import math
import re
from collections import Counter, defaultdict

import torch
import torch.nn.functional as F
from torch import nn

SPECIALS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


def _cut(text):
    return re.findall(r"\w+|[^\w\s]", text.lower())


# tokenize


def split_at_spaces(text):
    return text.lower().split()


def keeps_capitals(text):
    return re.findall(r"\w+|[^\w\s]", text)


def drops_punctuation(text):
    return re.findall(r"\w+", text.lower())


def glues_punctuation(text):
    return re.findall(r"\w+|[^\w\s]+", text.lower())


def plain_letters_only(text):
    return re.findall(r"[a-z]+|[^\w\s]", text.lower())


def plain_letters_no_marks(text):
    return re.findall(r"[a-z]+", text.lower())


def plain_letters_or_anything(text):
    return re.findall(r"[a-z]+|[^a-z\s]", text.lower())


def cuts_at_spaces_only(text):
    return text.split()


def apostrophes_inside_words(text):
    return re.findall(r"[\w']+|[^\w\s]", text.lower())


def hyphens_inside_words(text):
    return re.findall(r"[\w-]+|[^\w\s]", text.lower())


def both_inside_words(text):
    return re.findall(r"[\w'-]+|[^\w\s]", text.lower())


def marks_swallow_words(text):
    return re.findall(r"\w+|\S+", text.lower())


def some_marks_only(text):
    return re.findall(r"\w+|[.,!?]", text.lower())


def some_marks_and_semicolons(text):
    return re.findall(r"\w+|[.,!?;]", text.lower())


def some_marks_and_colons(text):
    return re.findall(r"\w+|[.,!?;:]", text.lower())


def some_marks_and_brackets(text):
    return re.findall(r"\w+|[.,!?;:()]", text.lower())


def some_marks_and_quotes(text):
    return re.findall(r"\w+|[.,!?;:()'\"-]", text.lower())


def marks_of_the_keyboard(text):
    for mark in "!\"#$%&'()*+,-./:;<=>?@[\\]^`{|}~":
        text = text.replace(mark, f" {mark} ")
    return text.lower().split()


def listed_letters(text):
    return re.findall(r"[a-z0-9]+|[^\w\s]", text.lower())


def listed_letters_and_underscore(text):
    return re.findall(r"[a-z0-9_]+|[^\w\s]", text.lower())


def listed_letters_by_flag(text):
    return re.findall(r"\w+|[^\w\s]", text.lower(), re.ASCII)


def underscore_apart(text):
    return re.findall(r"[^\W_]+|\S", text.lower())


def underscore_lost(text):
    return re.findall(r"[^\W_]+|[^\w\s]", text.lower())


def only_the_space_separates(text):
    return re.findall(r"\w+|[^\w ]", text.lower())


def splits_at_one_space(text):
    return [piece for word in text.lower().split(" ") for piece in re.findall(r"\w+|\W", word)]


def last_word_lost(text):
    tokens, word = [], ""
    for character in text.lower():
        if re.match(r"\w", character):
            word += character
            continue
        tokens += [word] if word else []
        word = ""
        tokens += [] if character.isspace() else [character]
    return tokens


def tokenize_by_hand(text):
    tokens, word = [], ""
    for character in text.lower():
        if re.match(r"\w", character):
            word += character
            continue
        if word:
            tokens.append(word)
            word = ""
        if not character.isspace():
            tokens.append(character)
    return tokens + [word] if word else tokens


def tokenize_by_spacing(text):
    return re.sub(r"([^\w\s])", r" \1 ", text.lower()).split()


# build_vocab


def _ranked(texts, min_count):
    counts = Counter(token for text in texts for token in _cut(text))
    kept = [token for token in counts if counts[token] >= min_count]
    return sorted(kept, key=lambda token: (-counts[token], token))


def no_special_tokens(texts, min_count=1):
    return {token: index for index, token in enumerate(_ranked(texts, min_count))}


def only_most_common(texts, min_count=1):
    counts = Counter(token for text in texts for token in _cut(text))
    kept = [token for token, count in counts.most_common() if count >= min_count]
    return {token: index for index, token in enumerate(kept)}


def special_tokens_last(texts, min_count=1):
    ranked = _ranked(texts, min_count) + list(SPECIALS)
    return {token: index for index, token in enumerate(ranked)}


def ties_as_they_come(texts, min_count=1):
    counts = Counter(token for text in texts for token in _cut(text))
    kept = [token for token, count in counts.most_common() if count >= min_count]
    return {token: index for index, token in enumerate(list(SPECIALS) + kept)}


def ties_backwards(texts, min_count=1):
    counts = Counter(token for text in texts for token in _cut(text))
    kept = [token for token in counts if counts[token] >= min_count]
    kept.sort(key=lambda token: (counts[token], token), reverse=True)
    return {token: index for index, token in enumerate(list(SPECIALS) + kept)}


def rarest_first(texts, min_count=1):
    counts = Counter(token for text in texts for token in _cut(text))
    kept = [token for token in counts if counts[token] >= min_count]
    kept.sort(key=lambda token: (counts[token], token))
    return {token: index for index, token in enumerate(list(SPECIALS) + kept)}


def never_sorted(texts, min_count=1):
    counts = Counter(token for text in texts for token in _cut(text))
    kept = [token for token in counts if counts[token] >= min_count]
    return {token: index for index, token in enumerate(list(SPECIALS) + kept)}


def once_in_each_text(texts, min_count=1):
    counts = Counter(token for text in texts for token in set(_cut(text)))
    kept = [token for token in counts if counts[token] >= min_count]
    kept.sort(key=lambda token: (-counts[token], token))
    return {token: index for index, token in enumerate(list(SPECIALS) + kept)}


def texts_glued(texts, min_count=1):
    ranked = _ranked(["".join(texts)], min_count)
    return {token: index for index, token in enumerate(list(SPECIALS) + ranked)}


def rare_in_each_text(texts, min_count=1):
    counts = Counter()
    for text in texts:
        own = Counter(_cut(text))
        counts.update({token: count for token, count in own.items() if count >= min_count})
    ranked = sorted(counts, key=lambda token: (-counts[token], token))
    return {token: index for index, token in enumerate(list(SPECIALS) + ranked)}


def ids_from_one(texts, min_count=1):
    ranked = _ranked(texts, min_count)
    return {token: index for index, token in enumerate(list(SPECIALS) + ranked, 1)}


def ids_start_again(texts, min_count=1):
    vocab = {token: index for index, token in enumerate(SPECIALS)}
    vocab.update({token: index for index, token in enumerate(_ranked(texts, min_count))})
    return vocab


def ignores_min_count(texts, min_count=1):
    ranked = _ranked(texts, 1)
    return {token: index for index, token in enumerate(list(SPECIALS) + ranked)}


def more_than_min_count(texts, min_count=1):
    ranked = _ranked(texts, min_count + 1)
    return {token: index for index, token in enumerate(list(SPECIALS) + ranked)}


def alphabet_only(texts, min_count=1):
    ranked = sorted(_ranked(texts, min_count))
    return {token: index for index, token in enumerate(list(SPECIALS) + ranked)}


def ids_to_tokens(texts, min_count=1):
    return dict(enumerate(list(SPECIALS) + _ranked(texts, min_count)))


def vocab_of_spaces(texts, min_count=1):
    counts = Counter(token for text in texts for token in text.split())
    kept = [token for token in counts if counts[token] >= min_count]
    kept.sort(key=lambda token: (-counts[token], token))
    return {token: index for index, token in enumerate(list(SPECIALS) + kept)}


def vocab_in_two_sorts(texts, min_count=1):
    counts = Counter()
    for text in texts:
        counts.update(_cut(text))
    vocab = {}
    for token in SPECIALS:
        vocab[token] = len(vocab)
    # sorted keeps the order of equals, so the second sort leaves ties alphabetical
    for token in sorted(sorted(counts), key=counts.get, reverse=True):
        if counts[token] >= min_count:
            vocab[token] = len(vocab)
    return vocab


def vocab_by_groups(texts, min_count=1):
    counts = defaultdict(int)
    for token in _cut("\n".join(texts)):
        counts[token] += 1
    by_count = defaultdict(list)
    for token, count in counts.items():
        by_count[count].append(token)
    order = list(SPECIALS)
    for count in sorted(by_count, reverse=True):
        order += sorted(by_count[count]) if count >= min_count else []
    return dict(zip(order, range(len(order)), strict=True))


# encode


def drops_unknown(text, vocab):
    return [vocab[token] for token in _cut(text) if token in vocab]


def unknown_is_padding(text, vocab):
    return [vocab.get(token, vocab["[PAD]"]) for token in _cut(text)]


def unknown_is_zero(text, vocab):
    return [vocab.get(token, 0) for token in _cut(text)]


def adds_the_ends(text, vocab):
    ids = [vocab.get(token, vocab["[UNK]"]) for token in _cut(text)]
    return [vocab["[CLS]"], *ids, vocab["[SEP]"]]


def unknown_is_none(text, vocab):
    return [vocab.get(token) for token in _cut(text)]


def unknown_is_a_word(text, vocab):
    return [vocab.get(token, "[UNK]") for token in _cut(text)]


def unknown_stays_itself(text, vocab):
    return [vocab.get(token, token) for token in _cut(text)]


def unknown_is_one(text, vocab):
    return [vocab.get(token, 1) for token in _cut(text)]


def zero_is_unknown(text, vocab):
    return [vocab.get(token) or vocab["[UNK]"] for token in _cut(text)]


def grows_the_vocab(text, vocab):
    return [vocab.setdefault(token, len(vocab)) for token in _cut(text)]


def encodes_at_spaces(text, vocab):
    return [vocab.get(token, vocab["[UNK]"]) for token in text.split()]


def encodes_lowered_at_spaces(text, vocab):
    return [vocab.get(token, vocab["[UNK]"]) for token in text.lower().split()]


def encode_with_if(text, vocab):
    ids = []
    for token in _cut(text):
        if token in vocab:
            ids.append(vocab[token])
        else:
            ids.append(vocab["[UNK]"])
    return ids


def encode_with_try(text, vocab):
    def number(token):
        try:
            return vocab[token]
        except KeyError:
            return vocab["[UNK]"]

    return tuple(map(number, _cut(text)))


# decode


def _words(ids, vocab):
    token_of = {index: token for token, index in vocab.items()}
    return [token_of[int(index)] for index in ids]


def keeps_padding(ids, vocab):
    return " ".join(_words(ids, vocab))


def stops_at_padding(ids, vocab):
    tokens = []
    for token in _words(ids, vocab):
        if token == "[PAD]":
            break
        tokens.append(token)
    return " ".join(tokens)


def trims_the_end(ids, vocab):
    tokens = _words(ids, vocab)
    while tokens and tokens[-1] == "[PAD]":
        tokens.pop()
    return " ".join(tokens)


def padding_leaves_holes(ids, vocab):
    return " ".join(_words(ids, vocab)).replace("[PAD]", "").strip()


def padding_leaves_spaces(ids, vocab):
    return " ".join(_words(ids, vocab)).replace("[PAD]", "")


def padding_leaves_empty_words(ids, vocab):
    return " ".join("" if token == "[PAD]" else token for token in _words(ids, vocab)).rstrip()


def drops_id_zero(ids, vocab):
    return " ".join(_words([index for index in ids if int(index) != 0], vocab))


def drops_all_specials(ids, vocab):
    return " ".join(token for token in _words(ids, vocab) if token not in SPECIALS)


def glues_words(ids, vocab):
    return "".join(token for token in _words(ids, vocab) if token != "[PAD]")


def space_at_the_end(ids, vocab):
    return "".join(token + " " for token in _words(ids, vocab) if token != "[PAD]")


def space_at_the_beginning(ids, vocab):
    return "".join(" " + token for token in _words(ids, vocab) if token != "[PAD]")


def words_in_a_list(ids, vocab):
    return [token for token in _words(ids, vocab) if token != "[PAD]"]


def ends_at_separator(ids, vocab):
    tokens = _words(ids, vocab)
    end = tokens.index("[SEP]") + 1 if "[SEP]" in tokens else len(tokens)
    return " ".join(token for token in tokens[:end] if token != "[PAD]")


def place_in_dict(ids, vocab):
    tokens = [list(vocab)[int(index)] for index in ids]
    return " ".join(token for token in tokens if token != "[PAD]")


def decode_by_search(ids, vocab):
    text = ""
    for index in ids:
        for token, other in vocab.items():
            if other == int(index) and token != "[PAD]":
                text += " " + token
    return text.strip()


def decode_with_array(ids, vocab):
    names = [""] * (max(vocab.values()) + 1)
    for token, index in vocab.items():
        names[index] = token
    wanted = torch.as_tensor(ids, dtype=torch.int64).tolist()
    return " ".join(names[index] for index in wanted if index != vocab["[PAD]"])


# one_hot


def whole_numbers(ids, vocab_size):
    return (ids.unsqueeze(-1) == torch.arange(vocab_size)).long()


def true_and_false(ids, vocab_size):
    return ids.unsqueeze(-1) == torch.arange(vocab_size)


def as_wide_as_largest(ids, vocab_size):
    return (ids.unsqueeze(-1) == torch.arange(int(ids.max()) + 1)).float()


def words_as_columns(ids, vocab_size):
    rows = (ids.unsqueeze(-1) == torch.arange(vocab_size)).float()
    return rows.movedim(-1, 0)


def one_long_column(ids, vocab_size):
    return (ids.reshape(-1, 1) == torch.arange(vocab_size)).float()


def one_row_for_all(ids, vocab_size):
    row = torch.zeros(vocab_size)
    row[ids.long()] = 1.0
    return row


def one_hot_from_eye(ids, vocab_size):
    return torch.eye(vocab_size)[ids.long()]


def one_hot_by_scatter(ids, vocab_size):
    rows = torch.zeros(*ids.shape, vocab_size)
    return rows.scatter_(-1, ids.long().unsqueeze(-1), 1.0)


# lookup


def counts_from_one(ids, table):
    return table[ids.long() - 1]


def table_columns(ids, table):
    return table[:, ids.long()]


def table_turned(ids, table):
    return table.T[ids.long()]


def always_single(ids, table):
    return table[ids.long()].float()


def batch_flattened(ids, table):
    return table[ids.long().flatten()]


def through_lists(ids, table):
    rows = table.tolist()

    def pick(index):
        return [pick(one) for one in index] if isinstance(index, list) else rows[index]

    return torch.tensor(pick(ids.tolist()))


def cut_off_from_table(ids, table):
    return table.detach()[ids.long()]


def sums_the_rows(ids, table):
    return table[ids.long()].sum(dim=-2)


def lookup_by_product(ids, table):
    rows = ids.unsqueeze(-1) == torch.arange(len(table), device=ids.device)
    return rows.to(table.dtype) @ table


def lookup_by_index_select(ids, table):
    return table.index_select(0, ids.long().reshape(-1)).reshape(*ids.shape, table.shape[1])


def lookup_by_gather(ids, table):
    index = ids.long().reshape(-1, 1).expand(-1, table.shape[1])
    return table.gather(0, index).reshape(*ids.shape, -1)


# cosine_similarity_matrix


def lengths_of_columns(vectors):
    unit = vectors / vectors.norm(dim=0, keepdim=True).clamp_min(1e-8)
    return unit @ unit.T


def plain_dot_products(vectors):
    return vectors @ vectors.T


def one_side_divided(vectors):
    unit = vectors / vectors.norm(dim=-1, keepdim=True).clamp_min(1e-8)
    return unit @ vectors.T


def squared_lengths(vectors):
    unit = vectors / vectors.pow(2).sum(dim=-1, keepdim=True).clamp_min(1e-8)
    return unit @ unit.T


def one_length_for_all(vectors):
    unit = vectors / vectors.norm().clamp_min(1e-8)
    return unit @ unit.T


def zero_over_zero(vectors):
    unit = vectors / vectors.norm(dim=-1, keepdim=True)
    return unit @ unit.T


def divides_in_place(vectors):
    vectors /= vectors.norm(dim=-1, keepdim=True).clamp_min(1e-8)
    return vectors @ vectors.T


def cosine_by_einsum(vectors):
    dots = torch.einsum("id,jd->ij", vectors, vectors)
    lengths = vectors.pow(2).sum(dim=1).sqrt()
    return dots / torch.einsum("i,j->ij", lengths, lengths).clamp_min(1e-16)


def cosine_by_loops(vectors):
    rows = []
    for one in vectors:
        cosines = []
        for other in vectors:
            lengths = (one @ one).sqrt() * (other @ other).sqrt()
            cosines.append(one @ other / lengths if lengths > 0 else one @ other)
        rows.append(torch.stack(cosines))
    return torch.stack(rows)


def cosine_with_normalize(vectors):
    unit = F.normalize(vectors, dim=1)
    return torch.matmul(unit, unit.transpose(0, 1))


# skip_gram_pairs


def _pairs(ids, reach, keep):
    ids = [int(index) for index in ids]
    places = range(len(ids))
    return [(ids[i], ids[j]) for i in places for j in places if j - i in reach and keep(ids, i, j)]


def pairs_with_itself(ids, window):
    return _pairs(ids, range(-window, window + 1), lambda ids, i, j: True)


def looks_right_only(ids, window):
    return _pairs(ids, range(1, window + 1), lambda ids, i, j: True)


def window_cut_short(ids, window):
    return _pairs(ids, range(-window, window), lambda ids, i, j: i != j)


def window_starts_late(ids, window):
    return _pairs(ids, range(1 - window, window + 1), lambda ids, i, j: i != j)


def last_word_left_out(ids, window):
    reach = range(-window, window + 1)
    return _pairs(ids, reach, lambda ids, i, j: i != j and j < len(ids) - 1)


def only_full_windows(ids, window):
    reach = range(-window, window + 1)
    return _pairs(ids, reach, lambda ids, i, j: i != j and window <= i < len(ids) - window)


def places_not_words(ids, window):
    return _pairs(range(len(ids)), range(-window, window + 1), lambda ids, i, j: i != j)


def _pairs_in_steps(ids, window, steps):
    ids = [int(index) for index in ids]
    pairs = []
    for i in range(len(ids)):
        pairs += [(ids[i], ids[i + step]) for step in steps(window) if 0 <= i + step < len(ids)]
    return pairs


def nearest_first(ids, window):
    return _pairs_in_steps(
        ids, window, lambda window: [s * d for d in range(1, window + 1) for s in (-1, 1)]
    )


def nearest_first_right_first(ids, window):
    return _pairs_in_steps(
        ids, window, lambda window: [s * d for d in range(1, window + 1) for s in (1, -1)]
    )


def right_side_first(ids, window):
    return _pairs_in_steps(ids, window, lambda window: [*range(1, window + 1), *range(-window, 0)])


def left_side_backwards(ids, window):
    return _pairs_in_steps(
        ids, window, lambda window: [*range(-1, -window - 1, -1), *range(1, window + 1)]
    )


def both_at_once(ids, window):
    ids = [int(index) for index in ids]
    pairs = []
    for i in range(len(ids)):
        for j in range(i + 1, min(len(ids), i + window + 1)):
            pairs += [(ids[i], ids[j]), (ids[j], ids[i])]
    return pairs


def _pairs_by_steps(ids, window, steps):
    ids = [int(index) for index in ids]
    places = range(len(ids))
    order = [(i, i + step) for step_set in steps(window) for i in places for step in step_set]
    return [(ids[i], ids[j]) for i, j in order if 0 <= j < len(ids)]


def distance_outside(ids, window):
    return _pairs_by_steps(ids, window, lambda window: [(-d, d) for d in range(1, window + 1)])


def distance_outside_right_first(ids, window):
    return _pairs_by_steps(ids, window, lambda window: [(d, -d) for d in range(1, window + 1)])


def shift_outside(ids, window):
    reach = range(-window, window + 1)
    return _pairs_by_steps(ids, window, lambda window: [(step,) for step in reach if step])


def distance_both_ways(ids, window):
    ids = [int(index) for index in ids]
    pairs = []
    for distance in range(1, window + 1):
        for i in range(len(ids) - distance):
            pairs += [(ids[i], ids[i + distance]), (ids[i + distance], ids[i])]
    return pairs


def compares_words(ids, window):
    return _pairs(ids, range(-window, window + 1), lambda ids, i, j: ids[i] != ids[j])


def wraps_around(ids, window):
    ids = [int(index) for index in ids]
    pairs = []
    for position, center in enumerate(ids):
        for neighbour in range(position - window, min(position + window + 1, len(ids))):
            if neighbour != position:
                pairs.append((center, ids[neighbour]))
    return pairs


def wraps_around_and_stops(ids, window):
    ids = [int(index) for index in ids]
    pairs = []
    for i in range(len(ids)):
        around = [j for j in range(i - window, i + window + 1) if j != i]
        pairs += [(ids[i], ids[j]) for j in around if -len(ids) <= j < len(ids)]
    return pairs


def slices_from_below_zero(ids, window):
    ids = [int(index) for index in ids]
    pairs = []
    for i in range(len(ids)):
        around = ids[i - window : i] + ids[i + 1 : i + window + 1]
        pairs += [(ids[i], context) for context in around]
    return pairs


def first_place_of_a_word(ids, window):
    ids = [int(index) for index in ids]
    pairs = []
    for center in ids:
        i = ids.index(center)
        around = range(max(0, i - window), min(len(ids), i + window + 1))
        pairs += [(center, ids[j]) for j in around if j != i]
    return pairs


def context_first(ids, window):
    found = _pairs(ids, range(-window, window + 1), lambda ids, i, j: i != j)
    return [(context, center) for center, context in found]


def pairs_by_slices(ids, window):
    ids = list(map(int, ids))
    pairs = []
    for position in range(len(ids)):
        left = ids[max(0, position - window) : position]
        right = ids[position + 1 : position + 1 + window]
        pairs += [(ids[position], context) for context in left + right]
    return pairs


def pairs_by_distance(ids, window):
    ids = torch.as_tensor(ids)
    place = torch.arange(len(ids))
    gap = (place.unsqueeze(1) - place).abs()
    rows, columns = ((gap > 0) & (gap <= window)).nonzero(as_tuple=True)
    return [[int(ids[i]), int(ids[j])] for i, j in zip(rows, columns, strict=True)]


# count_skip_gram_pairs


def forgets_the_edges(seq, window):
    return 2 * window * seq


def one_side_only(seq, window):
    window = min(window, seq - 1)
    return window * (2 * seq - window - 1) // 2


def counts_itself(seq, window):
    window = min(window, seq - 1)
    return window * (2 * seq - window - 1) + seq


def window_beyond_sentence(seq, window):
    return window * (2 * seq - window - 1)


def window_beyond_sentence_above_zero(seq, window):
    return max(0, window * (2 * seq - window - 1))


def largest_distance_left_out(seq, window):
    return sum(2 * (seq - distance) for distance in range(1, window) if distance < seq)


def one_edge_only(seq, window):
    window = min(window, seq - 1)
    return 2 * window * seq - window * (window + 1) // 2


def full_windows_only(seq, window):
    return max(0, 2 * window * (seq - 2 * window))


def count_by_distance(seq, window):
    return sum(2 * (seq - distance) for distance in range(1, window + 1) if distance < seq)


def count_by_place(seq, window):
    total = 0
    for place in range(seq):
        total += min(window, place) + min(window, seq - 1 - place)
    return total


# noise_distribution


def no_power(counts, power=0.75):
    counts = counts if counts.is_floating_point() else counts.float()
    return counts / counts.sum()


def power_after_dividing(counts, power=0.75):
    counts = counts if counts.is_floating_point() else counts.float()
    return (counts / counts.sum()) ** power


def always_three_quarters(counts, power=0.75):
    counts = counts if counts.is_floating_point() else counts.float()
    return counts**0.75 / (counts**0.75).sum()


def inverse_power(counts, power=0.75):
    counts = counts if counts.is_floating_point() else counts.float()
    weights = counts ** (1 / power)
    return weights / weights.sum()


def always_float32(counts, power=0.75):
    weights = counts.float() ** power
    return weights / weights.sum()


def noise_after_sharing(counts, power=0.75):
    shares = counts / counts.sum()
    raised = shares.pow(power)
    return raised / raised.sum()


def noise_by_loop(counts, power=0.75):
    raised = [float(count) ** power for count in counts]
    total = math.fsum(raised)
    dtype = counts.dtype if counts.is_floating_point() else torch.float32
    return torch.tensor([value / total for value in raised], dtype=dtype)


# sample_negatives


def all_words_alike(probabilities, shape, generator=None):
    return torch.randint(len(probabilities), tuple(shape), generator=generator)


def each_word_once(probabilities, shape, generator=None):
    n = math.prod(shape)
    return torch.multinomial(probabilities, n, generator=generator).view(shape)


def forgets_the_generator(probabilities, shape, generator=None):
    n = math.prod(shape)
    return torch.multinomial(probabilities, n, replacement=True).view(shape)


def begins_again_each_time(probabilities, shape, generator=None):
    again = torch.Generator().manual_seed(generator.initial_seed() if generator else 0)
    n = math.prod(shape)
    return torch.multinomial(probabilities, n, replacement=True, generator=again).view(shape)


def begins_again_without_generator(probabilities, shape, generator=None):
    generator = generator or torch.Generator().manual_seed(0)
    n = math.prod(shape)
    return torch.multinomial(probabilities, n, replacement=True, generator=generator).view(shape)


def same_seed_always(probabilities, shape, generator=None):
    own = torch.Generator().manual_seed(0)
    n = math.prod(shape)
    return torch.multinomial(probabilities, n, replacement=True, generator=own).view(shape)


def one_row_of_draws(probabilities, shape, generator=None):
    row = torch.multinomial(probabilities, shape[-1], replacement=True, generator=generator)
    return row.expand(*shape).clone()


def power_once_more(probabilities, shape, generator=None):
    n = math.prod(shape)
    again = probabilities**0.75
    return torch.multinomial(again, n, replacement=True, generator=generator).view(shape)


def softmax_once_more(probabilities, shape, generator=None):
    n = math.prod(shape)
    again = torch.softmax(probabilities, dim=0)
    return torch.multinomial(again, n, replacement=True, generator=generator).view(shape)


def turned_around(probabilities, shape, generator=None):
    n = math.prod(shape)
    again = 1 - probabilities
    return torch.multinomial(again, n, replacement=True, generator=generator).view(shape)


def negatives_by_search(probabilities, shape, generator=None):
    edges = probabilities.double().cumsum(0)
    at = torch.rand(*shape, generator=generator, dtype=torch.float64) * edges[-1]
    return torch.searchsorted(edges, at, right=True)


def negatives_by_gumbel(probabilities, shape, generator=None):
    uniform = torch.rand(*shape, len(probabilities), generator=generator, dtype=torch.float64)
    return (-(-uniform.log()).log() + probabilities.double().log()).argmax(-1)


# negative_sampling_loss


def _scores_of(center, context, negatives):
    return (center * context).sum(-1), (negatives @ center.unsqueeze(-1)).squeeze(-1)


def noise_pulled_in(center, context, negatives):
    true, noise = _scores_of(center, context, negatives)
    return -(F.logsigmoid(true) + F.logsigmoid(noise).sum(-1)).mean()


def no_minus_sign(center, context, negatives):
    true, noise = _scores_of(center, context, negatives)
    return (F.logsigmoid(true) + F.logsigmoid(-noise).sum(-1)).mean()


def mean_over_noise(center, context, negatives):
    true, noise = _scores_of(center, context, negatives)
    return -(F.logsigmoid(true) + F.logsigmoid(-noise).mean(-1)).mean()


def sum_over_batch(center, context, negatives):
    true, noise = _scores_of(center, context, negatives)
    return -(F.logsigmoid(true) + F.logsigmoid(-noise).sum(-1)).sum()


def one_loss_per_pair(center, context, negatives):
    true, noise = _scores_of(center, context, negatives)
    return -(F.logsigmoid(true) + F.logsigmoid(-noise).sum(-1))


def squeezes_too_much(center, context, negatives):
    true = (center * context).sum(-1)
    noise = (negatives @ center.unsqueeze(-1)).squeeze()
    return -(F.logsigmoid(true) + F.logsigmoid(-noise).sum(-1)).mean()


def no_logarithm(center, context, negatives):
    true, noise = _scores_of(center, context, negatives)
    return -(true.sigmoid() + (-noise).sigmoid().sum(-1)).mean()


def log_after_sigmoid(center, context, negatives):
    true, noise = _scores_of(center, context, negatives)
    return -(true.sigmoid().log() + (-noise).sigmoid().log().sum(-1)).mean()


def _log_after_sigmoid(center, context, negatives, small):
    true, noise = _scores_of(center, context, negatives)
    wishes = (true.sigmoid() + small).log() + ((-noise).sigmoid() + small).log().sum(-1)
    return -wishes.mean()


def log_after_sigmoid_plus_1e6(center, context, negatives):
    return _log_after_sigmoid(center, context, negatives, 1e-6)


def log_after_sigmoid_plus_1e7(center, context, negatives):
    return _log_after_sigmoid(center, context, negatives, 1e-7)


def log_after_sigmoid_plus_1e8(center, context, negatives):
    return _log_after_sigmoid(center, context, negatives, 1e-8)


def log_after_sigmoid_plus_1e9(center, context, negatives):
    return _log_after_sigmoid(center, context, negatives, 1e-9)


def log_after_sigmoid_plus_1e10(center, context, negatives):
    return _log_after_sigmoid(center, context, negatives, 1e-10)


def log_after_sigmoid_plus_1e12(center, context, negatives):
    return _log_after_sigmoid(center, context, negatives, 1e-12)


def minus_before_the_noise(center, context, negatives):
    true, noise = _scores_of(center, context, negatives)
    return -(F.logsigmoid(true) - F.logsigmoid(noise).sum(-1)).mean()


def truth_for_each_noise_word(center, context, negatives):
    true, noise = _scores_of(center, context, negatives)
    return -(F.logsigmoid(true).unsqueeze(-1) + F.logsigmoid(-noise)).sum(-1).mean()


def one_sigmoid_for_the_noise(center, context, negatives):
    true, noise = _scores_of(center, context, negatives)
    return -(F.logsigmoid(true) + F.logsigmoid(-noise.sum(-1))).mean()


def mean_over_all_words(center, context, negatives):
    true, noise = _scores_of(center, context, negatives)
    return -torch.cat([F.logsigmoid(true).unsqueeze(-1), F.logsigmoid(-noise)], dim=-1).mean()


def loss_without_noise(center, context, negatives):
    return -F.logsigmoid((center * context).sum(-1)).mean()


def loss_cut_off(center, context, negatives):
    true, noise = _scores_of(center.detach(), context.detach(), negatives.detach())
    return -(F.logsigmoid(true) + F.logsigmoid(-noise).sum(-1)).mean()


def noise_against_context(center, context, negatives):
    true = (center * context).sum(-1)
    noise = (negatives @ context.unsqueeze(-1)).squeeze(-1)
    return -(F.logsigmoid(true) + F.logsigmoid(-noise).sum(-1)).mean()


def loss_by_softplus(center, context, negatives):
    true = torch.einsum("bd,bd->b", center, context)
    noise = torch.einsum("bd,bkd->bk", center, negatives)
    return (F.softplus(-true) + F.softplus(noise).sum(1)).mean()


def loss_by_loops(center, context, negatives):
    total = 0.0
    for c, o, noise in zip(center, context, negatives, strict=True):
        total = total - F.logsigmoid(c @ o)
        for n in noise:
            total = total - F.logsigmoid(-(c @ n))
    return total / len(center)


def loss_as_classifier(center, context, negatives):
    words = torch.cat([context.unsqueeze(1), negatives], dim=1)
    scores = (words * center.unsqueeze(1)).sum(-1)
    labels = torch.zeros_like(scores)
    labels[:, 0] = 1
    both = F.binary_cross_entropy_with_logits(scores, labels, reduction="sum")
    return both / len(center)


# sinusoidal_positions


def _angles(seq, d_model):
    even = torch.arange(0, d_model, 2)
    return torch.arange(seq).unsqueeze(1) / 10000 ** (even / d_model)


def _woven(sines, cosines):
    return torch.stack([sines, cosines], dim=-1).flatten(-2)


def sines_then_cosines(seq, d_model):
    angle = _angles(seq, d_model)
    return torch.cat([angle.sin(), angle.cos()], dim=-1)


def cosines_come_first(seq, d_model):
    angle = _angles(seq, d_model)
    return _woven(angle.cos(), angle.sin())


def half_the_exponent(seq, d_model):
    pair = torch.arange(d_model // 2)
    angle = torch.arange(seq).unsqueeze(1) / 10000 ** (pair / d_model)
    return _woven(angle.sin(), angle.cos())


def own_wave_per_column(seq, d_model):
    column = torch.arange(d_model)
    angle = torch.arange(seq).unsqueeze(1) / 10000 ** (column / d_model)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos())


def own_fast_wave_per_column(seq, d_model):
    column = torch.arange(d_model)
    angle = torch.arange(seq).unsqueeze(1) / 10000 ** (2 * column / d_model)
    return torch.where(column % 2 == 0, angle.sin(), angle.cos())


def twice_the_exponent(seq, d_model):
    even = torch.arange(0, d_model, 2)
    angle = torch.arange(seq).unsqueeze(1) / 10000 ** (2 * even / d_model)
    return _woven(angle.sin(), angle.cos())


def waves_in_float64(seq, d_model):
    even = torch.arange(0, d_model, 2).double()
    angle = torch.arange(seq).unsqueeze(1) / 10000 ** (even / d_model)
    return _woven(angle.sin(), angle.cos())


def only_sines(seq, d_model):
    angle = _angles(seq, d_model)
    return _woven(angle.sin(), angle.sin())


def first_place_is_one(seq, d_model):
    angle = _angles(seq + 1, d_model)[1:]
    return _woven(angle.sin(), angle.cos())


def faster_and_faster(seq, d_model):
    even = torch.arange(0, d_model, 2)
    angle = torch.arange(seq).unsqueeze(1) * 10000 ** (even / d_model)
    return _woven(angle.sin(), angle.cos())


def positions_in_columns(seq, d_model):
    angle = _angles(seq, d_model)
    return _woven(angle.sin(), angle.cos()).T


def waves_by_loops(seq, d_model):
    table = torch.zeros(seq, d_model)
    for position in range(seq):
        for column in range(d_model):
            angle = position / 10000 ** ((column - column % 2) / d_model)
            table[position, column] = math.cos(angle) if column % 2 else math.sin(angle)
    return table


def waves_by_rotation(seq, d_model):
    rate = torch.exp(torch.arange(0, d_model, 2) * (-math.log(10000.0) / d_model))
    angle = torch.outer(torch.arange(seq).float(), rate)
    turned = torch.view_as_real(torch.polar(torch.ones_like(angle), angle))
    return turned.flip(-1).flatten(-2)


# TokenEmbedding


class TokenTable(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(vocab_size, d_model) * d_model**-0.5)

    def forward(self, ids):
        return self.weight[ids.long()] * self.weight.shape[1] ** 0.5


class NoScale(TokenTable):
    def forward(self, ids):
        return self.weight[ids.long()]


class DividedByScale(TokenTable):
    def forward(self, ids):
        return self.weight[ids.long()] / self.weight.shape[1] ** 0.5


class ScaledByWidth(TokenTable):
    def forward(self, ids):
        return self.weight[ids.long()] * self.weight.shape[1]


class ScaledByVocab(TokenTable):
    def forward(self, ids):
        return self.weight[ids.long()] * len(self.weight) ** 0.5


class NoParameter(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.weight = torch.randn(vocab_size, d_model) * d_model**-0.5

    def forward(self, ids):
        return self.weight[ids.long()] * self.weight.shape[1] ** 0.5


class BufferTable(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.register_buffer("weight", torch.randn(vocab_size, d_model) * d_model**-0.5)

    def forward(self, ids):
        return self.weight[ids.long()] * self.weight.shape[1] ** 0.5


class SeededTable(TokenTable):
    def __init__(self, vocab_size, d_model):
        super().__init__(vocab_size, d_model)
        torch.manual_seed(0)
        self.weight = nn.Parameter(torch.randn(vocab_size, d_model) / math.sqrt(d_model))


class TableAsForPlaces(TokenTable):
    def __init__(self, vocab_size, d_model):
        super().__init__(vocab_size, d_model)
        self.weight = nn.Parameter(torch.randn(vocab_size, d_model) * 0.02)


class StandardNormalTable(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(vocab_size, d_model))

    def forward(self, ids):
        return self.weight[ids.long()] * self.weight.shape[1] ** 0.5


class NormalTableNoScale(StandardNormalTable):
    def forward(self, ids):
        return self.weight[ids.long()]


class UniformTable(TokenTable):
    def __init__(self, vocab_size, d_model):
        super().__init__(vocab_size, d_model)
        self.weight = nn.Parameter(torch.rand(vocab_size, d_model))


class SmallUniformTable(TokenTable):
    def __init__(self, vocab_size, d_model):
        super().__init__(vocab_size, d_model)
        self.weight = nn.Parameter(torch.rand(vocab_size, d_model) / math.sqrt(d_model))


class ZeroTable(TokenTable):
    def __init__(self, vocab_size, d_model):
        super().__init__(vocab_size, d_model)
        self.weight = nn.Parameter(torch.zeros(vocab_size, d_model))


class TableTimesRoot(TokenTable):
    def __init__(self, vocab_size, d_model):
        super().__init__(vocab_size, d_model)
        self.weight = nn.Parameter(torch.randn(vocab_size, d_model) * math.sqrt(d_model))


class TableOverWidth(TokenTable):
    def __init__(self, vocab_size, d_model):
        super().__init__(vocab_size, d_model)
        self.weight = nn.Parameter(torch.randn(vocab_size, d_model) / d_model)


class TokenByProduct(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(vocab_size, d_model))
        nn.init.normal_(self.weight, std=1 / math.sqrt(d_model))

    def forward(self, ids):
        rows = ids.unsqueeze(-1) == torch.arange(self.weight.shape[0])
        return rows.to(self.weight.dtype) @ (self.weight * self.weight.shape[1] ** 0.5)


class TokenByIndexSelect(nn.Module):
    def __init__(self, vocab_size, d_model):
        super().__init__()
        self.scale = math.sqrt(d_model)
        values = torch.normal(0.0, 1.0 / self.scale, (vocab_size, d_model))
        self.weight = nn.Parameter(values)

    def forward(self, ids):
        rows = self.weight.index_select(0, ids.reshape(-1).long())
        return rows.view(*ids.shape, -1).mul(self.scale)


# LearnedPositions


class PositionTable(nn.Module):
    def __init__(self, max_seq, d_model):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(max_seq, d_model) * 0.02)

    def forward(self, x):
        return x + self.weight[: x.shape[1]]


class PositionOnly(PositionTable):
    def forward(self, x):
        return self.weight[: x.shape[1]].expand(x.shape)


class PositionTwice(PositionTable):
    def forward(self, x):
        return x + 2 * self.weight[: x.shape[1]]


class PositionOfBatch(PositionTable):
    def forward(self, x):
        return x + self.weight[: x.shape[0]].unsqueeze(1)


class PositionFromTheEnd(PositionTable):
    def forward(self, x):
        return x + self.weight[-x.shape[1] :]


class PositionInPlace(PositionTable):
    def forward(self, x):
        x += self.weight[: x.shape[1]]
        return x


class PositionsTooLarge(nn.Module):
    def __init__(self, max_seq, d_model):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(max_seq, d_model))

    def forward(self, x):
        return x + self.weight[: x.shape[1]]


class PositionsUniform(PositionTable):
    def __init__(self, max_seq, d_model):
        super().__init__(max_seq, d_model)
        self.weight = nn.Parameter(torch.rand(max_seq, d_model))


class PositionsSmallUniform(PositionTable):
    def __init__(self, max_seq, d_model):
        super().__init__(max_seq, d_model)
        self.weight = nn.Parameter(torch.rand(max_seq, d_model) * 0.02)


class PositionsZero(PositionTable):
    def __init__(self, max_seq, d_model):
        super().__init__(max_seq, d_model)
        self.weight = nn.Parameter(torch.zeros(max_seq, d_model))


class SeededPositions(PositionTable):
    def __init__(self, max_seq, d_model):
        super().__init__(max_seq, d_model)
        torch.manual_seed(0)
        self.weight = nn.Parameter(torch.randn(max_seq, d_model) * 0.02)


class PositionsNoParameter(nn.Module):
    def __init__(self, max_seq, d_model):
        super().__init__()
        self.weight = torch.randn(max_seq, d_model) * 0.02

    def forward(self, x):
        return x + self.weight[: x.shape[1]]


class PositionsInABuffer(nn.Module):
    def __init__(self, max_seq, d_model):
        super().__init__()
        self.register_buffer("weight", torch.randn(max_seq, d_model) * 0.02)

    def forward(self, x):
        return x + self.weight[: x.shape[1]]


class WholePositionTable(PositionTable):
    def forward(self, x):
        return x + self.weight


class PositionRowsOfBatch(PositionTable):
    def forward(self, x):
        return x + self.weight[: x.shape[0]]


class PositionRowsOfWidth(PositionTable):
    def forward(self, x):
        return x + self.weight[: x.shape[-1]]


class ScalesTheTokens(PositionTable):
    def forward(self, x):
        return x * math.sqrt(x.shape[-1]) + self.weight[: x.shape[1]]


class PositionsByLoop(nn.Module):
    def __init__(self, max_seq, d_model):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(max_seq, d_model))
        nn.init.normal_(self.weight, std=0.02)

    def forward(self, x):
        placed = [x[:, place] + self.weight[place] for place in range(x.shape[1])]
        return torch.stack(placed, dim=1)


class PositionsByProduct(nn.Module):
    def __init__(self, max_seq, d_model):
        super().__init__()
        self.weight = nn.Parameter(torch.normal(0.0, 0.02, (max_seq, d_model)))

    def forward(self, x):
        places = torch.eye(x.shape[1], self.weight.shape[0], dtype=x.dtype)
        return torch.add(places @ self.weight, x)


# EmbeddingLayer


class LayerParts(nn.Module):
    def __init__(self, vocab_size, d_model, max_seq, num_segments=2):
        super().__init__()
        self.token = TokenTable(vocab_size, d_model)
        self.position = PositionTable(max_seq, d_model)
        self.segment = nn.Parameter(torch.randn(num_segments, d_model) * 0.02)


class NoSegmentNoVector(LayerParts):
    def forward(self, ids, segments=None):
        x = self.position(self.token(ids))
        return x if segments is None else x + self.segment[segments.long()]


class ForgetsPosition(LayerParts):
    def forward(self, ids, segments=None):
        segments = torch.zeros_like(ids) if segments is None else segments
        return self.token(ids) + self.segment[segments.long()]


class ForgetsSegment(LayerParts):
    def forward(self, ids, segments=None):
        return self.position(self.token(ids))


class AddsTokenTwice(LayerParts):
    def forward(self, ids, segments=None):
        segments = torch.zeros_like(ids) if segments is None else segments
        x = self.token(ids)
        return x + self.position(x) + self.segment[segments.long()]


class AddsPositionTwice(LayerParts):
    def forward(self, ids, segments=None):
        segments = torch.zeros_like(ids) if segments is None else segments
        x = self.position(self.token(ids)) + self.position.weight[: ids.shape[1]]
        return x + self.segment[segments.long()]


class AlwaysSegmentZero(LayerParts):
    def forward(self, ids, segments=None):
        return self.position(self.token(ids)) + self.segment[0]


class TwoSegmentsOnly(LayerParts):
    def __init__(self, vocab_size, d_model, max_seq, num_segments=2):
        super().__init__(vocab_size, d_model, max_seq, 2)

    def forward(self, ids, segments=None):
        segments = torch.zeros_like(ids) if segments is None else segments
        return self.position(self.token(ids)) + self.segment[segments.long()]


class SegmentsTooLarge(LayerParts):
    def __init__(self, vocab_size, d_model, max_seq, num_segments=2):
        super().__init__(vocab_size, d_model, max_seq, num_segments)
        self.segment = nn.Parameter(torch.randn(num_segments, d_model))

    def forward(self, ids, segments=None):
        segments = torch.zeros_like(ids) if segments is None else segments
        return self.position(self.token(ids)) + self.segment[segments.long()]


class SegmentsZero(LayerParts):
    def __init__(self, vocab_size, d_model, max_seq, num_segments=2):
        super().__init__(vocab_size, d_model, max_seq, num_segments)
        self.segment = nn.Parameter(torch.zeros(num_segments, d_model))

    def forward(self, ids, segments=None):
        segments = torch.zeros_like(ids) if segments is None else segments
        return self.position(self.token(ids)) + self.segment[segments.long()]


class ScalesTheSegments(LayerParts):
    def forward(self, ids, segments=None):
        segments = torch.zeros_like(ids) if segments is None else segments
        scale = math.sqrt(self.segment.shape[1])
        return self.position(self.token(ids)) + self.segment[segments.long()] * scale


class ScalesEverything(LayerParts):
    def forward(self, ids, segments=None):
        segments = torch.zeros_like(ids) if segments is None else segments
        x = self.token.weight[ids.long()] + self.position.weight[: ids.shape[1]]
        return (x + self.segment[segments.long()]) * self.segment.shape[1] ** 0.5


class LayerWithoutScale(LayerParts):
    def forward(self, ids, segments=None):
        segments = torch.zeros_like(ids) if segments is None else segments
        x = self.token.weight[ids.long()]
        return self.position(x) + self.segment[segments.long()]


class LayerFromDicts(nn.Module):
    def __init__(self, vocab_size, d_model, max_seq, num_segments=2):
        super().__init__()
        tables = {"token": d_model**-0.5, "position": 0.02}
        sizes = {"token": vocab_size, "position": max_seq}
        for name, std in tables.items():
            table = nn.Parameter(torch.randn(sizes[name], d_model) * std)
            setattr(self, name, nn.ParameterDict({"weight": table}))
        self.segment = nn.Parameter(torch.randn(num_segments, d_model) * 0.02)

    def forward(self, ids, segments=None):
        places = torch.arange(ids.shape[-1]).expand_as(ids)
        kind = ids * 0 if segments is None else segments
        scale = self.segment.shape[-1] ** 0.5
        vectors = [self.token["weight"][ids] * scale, self.position["weight"][places]]
        return torch.stack([*vectors, self.segment[kind]]).sum(dim=0)


class LayerByProducts(LayerParts):
    def forward(self, ids, segments=None):
        batch, seq = ids.shape
        rows = (ids.unsqueeze(-1) == torch.arange(len(self.token.weight))).float()
        x = rows @ self.token.weight * math.sqrt(self.segment.shape[1])
        places = torch.eye(seq, len(self.position.weight)) @ self.position.weight
        if segments is None:
            return x + places + self.segment[0]
        kind = (segments.unsqueeze(-1) == torch.arange(len(self.segment))).float()
        return x + places.unsqueeze(0) + torch.einsum("bsn,nd->bsd", kind, self.segment)
