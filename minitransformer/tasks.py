"""What a model is trained and judged on: from data to batches, by kind of model.

    data                  gpt                  bert                       seq2seq
    a text file           windows of the text  windows with gaps          (lines: source TAB target)
    a data set's name     the same
    "world"               stories              pairs of sentences, gaps   sentences, translations
    "world-texts"         stories              texts of all kinds, gaps   sentences, translations
    "world-questions"     stories              questions, spans           sentences, translations

Of a file the first 90 % are for training, the last 10 % for validation. Of the small world the
held-out texts are drawn with a seed of their own.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from minitransformer.data import World
from minitransformer.data.files import split
from minitransformer.data.packed import packed_questions, packed_texts, pair_segments
from minitransformer.data.translation import draw_translations, source_words, target_words
from minitransformer.fine_tuning import BertForQuestionAnswering
from minitransformer.masking import mask_tokens
from minitransformer.sources import Source
from minitransformer.tokenizers import (
    SPECIAL_TOKENS,
    WordTokenizer,
    check_special,
    pad_batch,
    special_and_words,
)
from minitransformer.training.batches import (
    step_generator,
    table_loss,
    table_rows,
    text_loss,
    text_windows,
)
from minitransformer.training.loop import Batches

HELD_OUT = 0
"""The seed of the world's held-out texts; a run with seed s trains on texts drawn with s + 1."""

MOST_ROWS = 60_000
"""How many texts of the world a run draws at most; after them it begins again."""


@dataclass(frozen=True)
class Task:
    """What a run needs from its data.

    Args:
        tokenizer, target_tokenizer: of the text; of what an encoder-decoder writes.
        batches: ``(batch_size, seed, steps)`` to the batch of each step.
        evaluate: a model's loss on the held-out part.
        sizes: what the data decides of the model's configuration.
        start_id: the token that begins a text without a prompt; None where there is none.
        trainee: what is trained in the model's place, where it is not the model itself: the model
            with a head on top. The model is what is kept.
    """

    tokenizer: Any
    batches: Callable[[int, int, int], Batches]
    evaluate: Callable[[nn.Module], float]
    target_tokenizer: Any = None
    sizes: dict[str, int] = field(default_factory=dict)
    start_id: int | None = None
    trainee: Callable[[nn.Module], nn.Module] | None = None


def make_task(
    kind: str, source: Source, max_seq: int, tokenizer: Any = None, target_tokenizer: Any = None
) -> Task:
    """The task of one kind of model on some data.

    Args:
        kind: ``"gpt"``, ``"bert"`` or ``"seq2seq"``.
        source: the data.
        max_seq: the context of the model.
        tokenizer: of the text, from :func:`make_tokenizer` or a saved model.
        target_tokenizer: of a saved encoder-decoder; made from the data if left out.

    Raises:
        ValueError: the data are too short, or the tokenizer lacks words of the small world.
    """
    if source.text is None:
        if kind == "seq2seq":
            _check_words(tokenizer, _word_list(source_words()), source)
            _check_words(target_tokenizer, _word_list(target_words()), source)
        else:
            _check_words(tokenizer, World(), source)
    if kind == "seq2seq":
        return _translation_task(source, tokenizer, target_tokenizer)
    if kind == "bert" and source.name == "world-questions":
        return _questions_task(tokenizer)
    if kind == "bert":
        return _gaps_task(source, max_seq, tokenizer)
    if source.text is None:
        return _story_task(max_seq, tokenizer)
    return _text_task(source.text, max_seq, tokenizer)


def _check_words(tokenizer: Any, known: Any, source: Source) -> None:
    """The small world's words have the numbers that its texts are drawn in."""
    if tokenizer is not None and not known.vocab.items() <= tokenizer.vocab.items():
        raise ValueError(
            f"the model's vocabulary of {len(tokenizer)} tokens lacks words of {source.name}, or "
            f"numbers them otherwise ({len(known.vocab)} words); use a model that was trained on "
            "the small world, or a text: --data FILE"
        )


def _text_task(text: str, max_seq: int, tokenizer: Any) -> Task:
    """Windows of a text, and the token after each place."""
    train, held_out = (torch.tensor(tokenizer.encode(part)) for part in split(text))

    def batches(batch_size: int, seed: int, steps: int) -> Batches:
        return text_windows(train, batch_size, max_seq, seed)

    evaluate = text_loss(held_out, max_seq, _rows_at_a_time(max_seq))
    sizes = {"vocab_size": len(tokenizer)}
    return Task(tokenizer, batches, evaluate, sizes=sizes, start_id=_line_end(tokenizer))


def _story_task(max_seq: int, tokenizer: Any) -> Task:
    """Rows of the small world's stories."""
    world = World()

    def table(n: int, seed: int) -> dict[str, Tensor]:
        ids = world.draw("rows", n, seed, max_seq + 1).ids
        return {"ids": ids[:, :-1], "targets": ids[:, 1:]}

    def batches(batch_size: int, seed: int, steps: int) -> Batches:
        rows = min(MOST_ROWS, batch_size * max(1, steps))
        return table_rows(table(max(rows, batch_size), seed + 1), batch_size, seed)

    evaluate = table_loss(table(-(-20_000 // max_seq), HELD_OUT), _rows_at_a_time(max_seq))
    sizes = {"vocab_size": len(tokenizer)}
    return Task(tokenizer, batches, evaluate, sizes=sizes, start_id=tokenizer.vocab["[SEP]"])


def _gaps_task(source: Source, max_seq: int, tokenizer: Any) -> Task:
    """Texts with gaps to fill; from the world also whether two sentences belong together."""
    vocab = tokenizer.vocab
    check_special(vocab, SPECIAL_TOKENS, "a BERT")
    special, ordinary = special_and_words(vocab)

    def change(rows: dict[str, Tensor], generator: torch.Generator) -> dict[str, Tensor]:
        for _ in range(1000):  # a small batch may come out without a gap; then once more
            ids, labels = mask_tokens(rows["ids"], vocab["[MASK]"], special, ordinary, generator)
            if (labels != -100).any():
                return rows | {"ids": ids, "labels": labels}
        raise ValueError("the texts have no words that could be hidden; use another text")

    def batches(batch_size: int, seed: int, steps: int) -> Batches:
        rows = max(batch_size, min(MOST_ROWS, batch_size * steps))
        table = drawn(rows, seed + 1, vocab) if source.text is None else train
        return table_rows(table, batch_size, seed, change)

    drawn = _text_rows if source.name == "world-texts" else _pair_rows
    if source.text is None:
        held_out = drawn(10_000, HELD_OUT, vocab)
    else:
        train, held_out = (_window_rows(part, max_seq, tokenizer) for part in split(source.text))
    asked = change(held_out, step_generator(HELD_OUT, 0))
    asked.pop("is_next", None)  # the loss of the hidden words alone, each counted once
    evaluate = table_loss(asked, _rows_at_a_time(asked["ids"].shape[1]), weigh="labels")
    sizes = {"vocab_size": len(vocab), "pad_id": special[0]}
    return Task(tokenizer, batches, evaluate, sizes=sizes)


def _pair_rows(n: int, seed: int, vocab: dict[str, int]) -> dict[str, Tensor]:
    """``[CLS] A [SEP] B [SEP]`` from the small world."""
    drawn = World().draw("pairs", n, seed)
    segments, is_next = pair_segments(drawn.ids, vocab), drawn.labels.bool()
    return {"ids": drawn.ids, "segments": segments, "is_next": is_next}


def _text_rows(n: int, seed: int, vocab: dict[str, int]) -> dict[str, Tensor]:
    """Pairs, reviews, and questions with their passages, from the small world."""
    return packed_texts(World(), n, seed)


def _questions_task(tokenizer: Any) -> Task:
    """Questions of the small world, answered by spans; the head is not kept."""
    world = World()

    def batches(batch_size: int, seed: int, steps: int) -> Batches:
        table = packed_questions(
            world, max(batch_size, min(MOST_ROWS, batch_size * steps)), seed + 1
        )
        many = (table["ids"] == world.vocab["."]).sum(dim=1) > 1  # one fact alone is too easy
        return table_rows({name: column[many] for name, column in table.items()}, batch_size, seed)

    evaluate = table_loss(packed_questions(world, 1000, HELD_OUT))
    sizes = {"vocab_size": len(tokenizer), "pad_id": tokenizer.vocab["[PAD]"]}
    return Task(
        tokenizer,
        batches,
        evaluate,
        sizes=sizes,
        trainee=lambda m: BertForQuestionAnswering(m.bert),
    )


def _window_rows(text: str, max_seq: int, tokenizer: Any) -> dict[str, Tensor]:
    """``[CLS] window [SEP]`` over a text; what is left after the last whole window is dropped."""
    ids, room = torch.tensor(tokenizer.encode(text)), max_seq - 2
    if room < 1:
        raise ValueError(
            f"a row of {max_seq} tokens has no room for a text between [CLS] and [SEP]; use a "
            "context of at least 3"
        )
    if len(ids) < room:
        raise ValueError(
            f"a row of {max_seq} tokens holds {room} of the text, and a part of it has only "
            f"{len(ids)}; use a longer text, or a shorter context"
        )
    windows = ids[: len(ids) // room * room].view(-1, room)
    first, last = (
        torch.full((len(windows), 1), tokenizer.vocab[token]) for token in ("[CLS]", "[SEP]")
    )
    return {"ids": torch.cat([first, windows, last], dim=1)}


def _translation_task(source: Source, tokenizer: Any, target_tokenizer: Any) -> Task:
    """Sentences and their translations."""
    if source.text is None:
        held_out = [(each.source, each.target) for each in draw_translations(2000, HELD_OUT)]
        tokenizer = tokenizer or _word_list(source_words())
        target_tokenizer = target_tokenizer or _word_list(target_words())
    else:
        learned, held_out = split(_read_pairs(source))
        tokenizer = tokenizer or WordTokenizer.from_texts([first for first, _ in learned])
        target_tokenizer = target_tokenizer or WordTokenizer.from_texts([b for _, b in learned])
    check_special(target_tokenizer.vocab, ("[CLS]", "[SEP]"), "an encoder-decoder's target")
    end, known = target_tokenizer.vocab["[SEP]"], {first for first, _ in held_out}

    def table(pairs: list[tuple[str, str]]) -> dict[str, Tensor]:
        targets = [[*target_tokenizer.encode(second), end] for _, second in pairs]
        sources = [tokenizer.encode(first) for first, _ in pairs]
        return {"source": pad_batch(sources), "targets": pad_batch(targets)}

    def batches(batch_size: int, seed: int, steps: int) -> Batches:
        if source.text is not None:
            return table_rows(table(learned), batch_size, seed)
        drawn = draw_translations(min(MOST_ROWS, batch_size * (steps + 10)), seed + 1)
        pairs = [(each.source, each.target) for each in drawn if each.source not in known]
        return table_rows(table(pairs), batch_size, seed)

    evaluate = table_loss(table(held_out), weigh="targets", ignored=0)
    sizes = {
        "vocab_size": len(tokenizer),
        "target_vocab_size": len(target_tokenizer),
        "start_id": target_tokenizer.vocab["[CLS]"],
        "end_id": end,
    }
    return Task(tokenizer, batches, evaluate, target_tokenizer, sizes)


def _read_pairs(source: Source) -> list[tuple[str, str]]:
    pairs = []
    for number, line in enumerate(source.text.split("\n"), start=1):
        first, _, second = (part.strip() for part in line.partition("\t"))
        if line.strip() and not (first and second):
            raise ValueError(
                f"line {number} of {source.name} must be source, a tab, and target, got "
                f"{line[:60]!r}; write one pair a line"
            )
        if first:
            pairs.append((first, second))
    return pairs


def _word_list(words: set[str]) -> WordTokenizer:
    tokens = [*SPECIAL_TOKENS, *sorted(words)]
    return WordTokenizer({token: index for index, token in enumerate(tokens)})


def _line_end(tokenizer: Any) -> int | None:
    """The id of a line end, which begins a text nobody has begun; None where there is no such."""
    try:
        ids = tokenizer.encode("\n")
    except ValueError:  # a character that the text did not have
        return None
    return ids[0] if len(ids) == 1 else None


def _rows_at_a_time(seq: int) -> int:
    """How many rows to score at once: about 2,000 tokens, which stay in a CPU's cache."""
    return max(1, 2048 // seq)
