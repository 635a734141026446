"""Chapter 4's mistakes with pieces, rows and pairs, and other right ways to write the functions.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import torch

# wordpiece


def _cut(word, vocab, unknown="[UNK]", ends=None, find=None, keep=None):
    """The right way, with places to go wrong."""
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1) if ends is None else ends(word, start):
            prefix = "##" if start else ""
            asked = prefix + word[start:end] if find is None else find(word[start:end], start)
            if asked in vocab:
                break
        else:
            return [unknown]
        pieces.append(asked if keep is None else keep(word[start:end], start))
        start = end
    return pieces


def pieces_shortest_first(word, vocab, unknown="[UNK]"):
    return _cut(word, vocab, unknown, lambda text, start: range(start + 1, len(text) + 1))


def pieces_looked_up_without_marks(word, vocab, unknown="[UNK]"):
    return _cut(word, vocab, unknown, find=lambda piece, start: piece)


def pieces_looked_up_without_and_marked(word, vocab, unknown="[UNK]"):
    def marked(piece, start):
        return f"##{piece}" if start else piece

    return _cut(word, vocab, unknown, find=lambda piece, start: piece, keep=marked)


def pieces_lose_their_marks(word, vocab, unknown="[UNK]"):
    return _cut(word, vocab, unknown, keep=lambda piece, start: piece)


def pieces_marked_from_the_start(word, vocab, unknown="[UNK]"):
    return _cut(word, vocab, unknown, find=lambda piece, start: f"##{piece}")


def pieces_either_way_at_the_start(word, vocab, unknown="[UNK]"):
    def asked(piece, start):
        return piece if not start and piece in vocab else f"##{piece}"

    return _cut(word, vocab, unknown, find=asked)


def pieces_with_unknown_letters(word, vocab, unknown="[UNK]"):
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocab:
                break
        else:
            piece, end = unknown, start + 1
        pieces.append(piece)
        start = end
    return pieces


def pieces_then_unknown(word, vocab, unknown="[UNK]"):
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocab:
                break
        else:
            return [*pieces, unknown]
        pieces.append(piece)
        start = end
    return pieces


def pieces_without_the_rest(word, vocab, unknown="[UNK]"):
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocab:
                break
        else:
            return pieces
        pieces.append(piece)
        start = end
    return pieces


def pieces_without_strange_letters(word, vocab, unknown="[UNK]"):
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocab:
                pieces.append(piece)
                break
        else:
            end = start + 1
        start = end
    return pieces


def pieces_from_the_right(word, vocab, unknown="[UNK]"):
    pieces, end = [], len(word)
    while end > 0:
        for start in range(end):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocab:
                break
        else:
            return [unknown]
        pieces.insert(0, piece)
        end = start
    return pieces


def _any_cut(word, vocab, start):
    if start == len(word):
        return []
    for end in range(len(word), start, -1):
        piece = ("##" if start else "") + word[start:end]
        rest = _any_cut(word, vocab, end) if piece in vocab else None
        if rest is not None:
            return [piece, *rest]
    return None


def pieces_with_a_way_back(word, vocab, unknown="[UNK]"):
    found = _any_cut(word, vocab, 0)
    return [unknown] if found is None else found


def pieces_always_unk(word, vocab, unknown="[UNK]"):
    return _cut(word, vocab, "[UNK]")


def pieces_never_the_last_letter(word, vocab, unknown="[UNK]"):
    return _cut(word, vocab, unknown, lambda text, start: range(len(text) - 1, start, -1))


def pieces_never_one_letter(word, vocab, unknown="[UNK]"):
    return _cut(word, vocab, unknown, lambda text, start: range(len(text), start + 1, -1))


def pieces_unknown_as_text(word, vocab, unknown="[UNK]"):
    pieces = _cut(word, vocab, unknown)
    return unknown if pieces == [unknown] else pieces


def pieces_skip_a_letter(word, vocab, unknown="[UNK]"):
    pieces, start = [], 0
    while start < len(word):
        for end in range(len(word), start, -1):
            piece = ("##" if start else "") + word[start:end]
            if piece in vocab:
                break
        else:
            return [unknown]
        pieces.append(piece)
        start = end + 1
    return pieces


def pieces_by_shrinking(word, vocab, unknown="[UNK]"):
    pieces, rest, prefix = [], word, ""
    while rest:
        size = len(rest)
        while size > 0 and prefix + rest[:size] not in vocab:
            size -= 1
        if size == 0:
            return [unknown]
        pieces.append(prefix + rest[:size])
        rest, prefix = rest[size:], "##"
    return pieces


def pieces_by_recursion(word, vocab, unknown="[UNK]"):
    def rest(text, prefix):
        if not text:
            return []
        fits = [n for n in range(len(text), 0, -1) if prefix + text[:n] in vocab]
        if not fits:
            return None
        after = rest(text[fits[0] :], "##")
        return None if after is None else [prefix + text[: fits[0]], *after]

    found = rest(word, "")
    return [unknown] if found is None else found


def pieces_by_longest_prefix(word, vocab, unknown="[UNK]"):
    pieces, left = [], word
    while left:
        mark = "##" if pieces else ""
        fitting = [token for token in vocab if token and (mark + left).startswith(token)]
        fitting = [token for token in fitting if len(token) > len(mark)]
        if not fitting:
            return [unknown]
        pieces.append(max(fitting, key=len))
        left = left[len(pieces[-1]) - len(mark) :]
    return pieces


# pack_pair


def _packed(first, second, vocab, max_seq, segments=None, ids=None, real=None):
    row = [vocab["[CLS]"], *first, vocab["[SEP]"]]
    kinds = [0] * len(row)
    if second is not None:
        row += [*second, vocab["[SEP]"]]
        kinds += [1] * (len(second) + 1)
    row = row if ids is None else ids
    kinds = kinds if segments is None else segments
    padding = max_seq - len(row)
    found = torch.arange(max_seq) < len(row)
    return (
        torch.tensor(row + [vocab["[PAD]"]] * padding),
        torch.tensor(kinds + [0] * (max_seq - len(kinds))),
        found if real is None else real,
    )


def _kinds(first, second):
    return [0] * (len(first) + 2) + ([] if second is None else [1] * (len(second) + 1))


def pack_first_separator_in_segment_1(first, second, vocab, max_seq):
    kinds = _kinds(first, second)
    if second is not None:
        kinds[len(first) + 1] = 1
    return _packed(first, second, vocab, max_seq, kinds)


def pack_last_separator_in_segment_0(first, second, vocab, max_seq):
    kinds = _kinds(first, second)
    kinds[-1] = 0
    return _packed(first, second, vocab, max_seq, kinds)


def pack_padding_in_segment_1(first, second, vocab, max_seq):
    kinds = _kinds(first, second)
    return _packed(first, second, vocab, max_seq, kinds + [1] * (max_seq - len(kinds)))


def pack_segments_from_1(first, second, vocab, max_seq):
    ids, segments, real = _packed(first, second, vocab, max_seq)
    return ids, torch.where(real, segments + 1, 0), real


def pack_without_cls(first, second, vocab, max_seq):
    row = [*first, vocab["[SEP]"]]
    kinds = _kinds(first, second)[1:]
    if second is not None:
        row += [*second, vocab["[SEP]"]]
    return _packed(first, second, vocab, max_seq, kinds, row)


def pack_without_last_separator(first, second, vocab, max_seq):
    if second is None:
        return _packed(first, second, vocab, max_seq)
    row = [vocab["[CLS]"], *first, vocab["[SEP]"], *second]
    return _packed(first, second, vocab, max_seq, _kinds(first, second)[:-1], row)


def pack_cls_twice(first, second, vocab, max_seq):
    if second is None:
        return _packed(first, second, vocab, max_seq)
    second = [vocab["[CLS]"], *second]
    ids, segments, real = _packed(first, second, vocab, max(max_seq, len(first) + len(second) + 3))
    return ids, segments, real


def _with_cls_twice(first, second, vocab, segment):
    row, kinds = [vocab["[CLS]"], *first, vocab["[SEP]"]], [0] * (len(first) + 2)
    if second is not None:
        row += [vocab["[CLS]"], *second, vocab["[SEP]"]]
        kinds += [segment] + [1] * (len(second) + 1)
    return row, kinds


def _filled_up(row, kinds, vocab, max_seq):
    padding = max_seq - len(row)
    ids = torch.tensor(row + [vocab["[PAD]"]] * padding)
    return ids, torch.tensor(kinds + [0] * padding)


def pack_cls_twice_in_segment_0(first, second, vocab, max_seq):
    row, kinds = _with_cls_twice(first, second, vocab, 0)
    real = torch.tensor([True] * len(row) + [False] * (max_seq - len(row)))
    return *_filled_up(row, kinds, vocab, max_seq), real


def pack_cls_twice_and_compared(first, second, vocab, max_seq):
    row, kinds = _with_cls_twice(first, second, vocab, 1)
    return *_filled_up(row, kinds, vocab, max_seq), torch.arange(max_seq) < len(row)


def pack_cls_twice_in_segment_0_and_compared(first, second, vocab, max_seq):
    row, kinds = _with_cls_twice(first, second, vocab, 0)
    return *_filled_up(row, kinds, vocab, max_seq), torch.arange(max_seq) < len(row)


def pack_cls_twice_into_full(first, second, vocab, max_seq):
    row, kinds = _with_cls_twice(first, second, vocab, 1)
    ids, segments = torch.full((max_seq,), vocab["[PAD]"]), torch.zeros(max_seq, dtype=torch.long)
    ids[: len(row)], segments[: len(row)] = torch.tensor(row), torch.tensor(kinds)
    return ids, segments, torch.arange(max_seq) < len(row)


def pack_without_first_separator(first, second, vocab, max_seq):
    if second is None:
        return _packed(first, second, vocab, max_seq)
    row = [vocab["[CLS]"], *first, *second, vocab["[SEP]"]]
    kinds = [0] * (len(first) + 1) + [1] * (len(second) + 1)
    return _packed(first, second, vocab, max_seq, kinds, row)


def pack_all_in_segment_0(first, second, vocab, max_seq):
    ids, segments, real = _packed(first, second, vocab, max_seq)
    return ids, torch.zeros_like(segments), real


def pack_into_lists(first, second, vocab, max_seq):
    return tuple(part.tolist() for part in _packed(first, second, vocab, max_seq))


def pack_without_real(first, second, vocab, max_seq):
    return _packed(first, second, vocab, max_seq)[:2]


def pack_without_padding(first, second, vocab, max_seq):
    ids, segments, real = _packed(first, second, vocab, max_seq)
    return ids[real], segments[real], real[real]


def pack_real_where_not_0(first, second, vocab, max_seq):
    ids, segments, _ = _packed(first, second, vocab, max_seq)
    return ids, segments, ids != 0


def pack_in_another_order(first, second, vocab, max_seq):
    ids, segments, real = _packed(first, second, vocab, max_seq)
    return ids, real, segments


def pack_needs_a_second(first, second, vocab, max_seq):
    return _packed(first, [*second], vocab, max_seq)


def pack_single_as_pair(first, second, vocab, max_seq):
    return _packed(first, second or [], vocab, max_seq)


def pack_real_inverted(first, second, vocab, max_seq):
    ids, segments, real = _packed(first, second, vocab, max_seq)
    return ids, segments, ~real


def pack_real_as_numbers(first, second, vocab, max_seq):
    ids, segments, real = _packed(first, second, vocab, max_seq)
    return ids, segments, real.long()


def pack_specials_not_real(first, second, vocab, max_seq):
    ids, segments, real = _packed(first, second, vocab, max_seq)
    special = (ids == vocab["[CLS]"]) | (ids == vocab["[SEP]"])
    return ids, segments, real & ~special


def pack_padded_with_zeros(first, second, vocab, max_seq):
    ids, segments, real = _packed(first, second, vocab, max_seq)
    return ids.masked_fill(~real, 0), segments, real


def pack_padding_first(first, second, vocab, max_seq):
    ids, segments, real = _packed(first, second, vocab, max_seq)
    padding = int((~real).sum())
    return ids.roll(padding), segments.roll(padding), real.roll(padding)


def pack_into_full_tensors(first, second, vocab, max_seq):
    ids = torch.full((max_seq,), vocab["[PAD]"])
    segments = torch.zeros(max_seq, dtype=torch.int64)
    row = torch.tensor([vocab["[CLS]"], *first, vocab["[SEP]"]])
    if second is not None:
        end = len(row) + len(second) + 1
        segments[len(row) : end] = 1
        row = torch.cat([row, torch.tensor([*second, vocab["[SEP]"]])])
    ids[: len(row)] = row
    real = torch.zeros(max_seq, dtype=torch.bool)
    real[: len(row)] = True
    return ids, segments, real


def pack_place_by_place(first, second, vocab, max_seq):
    rows = [(vocab["[CLS]"], 0)] + [(index, 0) for index in first] + [(vocab["[SEP]"], 0)]
    if second is not None:
        rows += [(index, 1) for index in second] + [(vocab["[SEP]"], 1)]
    real = [True] * len(rows)
    while len(rows) < max_seq:
        rows.append((vocab["[PAD]"], 0))
        real.append(False)
    ids, segments = zip(*rows, strict=True)
    return [torch.tensor(ids), torch.tensor(segments), torch.tensor(real)]
