"""From a GPT that continues stories to an assistant: lessons, tuning, and asking it.

Every part that the course has the learner write is an argument; what is left out is the
reference, looked up when a run starts. Runs are seeded and leave torch's global random state
alone.
"""

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minitransformer.data.commands import TIMES, clear_words, draw_commands
from minitransformer.data.questions import Question, draw_documents, draw_questions
from minitransformer.data.records import Command
from minitransformer.generation import generate
from minitransformer.losses import next_token_loss
from minitransformer.masking import mask_prompt
from minitransformer.tokenizers import pad_batch
from minitransformer.training.batches import table_rows
from minitransformer.training.loop import History, TrainingConfig, train


@dataclass(frozen=True)
class Lessons:
    """What an assistant is tuned on, and what it is asked afterwards.

    Args:
        learned: commands with their answers, to be tuned on.
        unseen: other commands, of each kind a fifth of all that were drawn or ten, whichever is
            more (but not more than half); none is among the learned.
    """

    learned: list[Command]
    unseen: list[Command]


def command_lessons(n: int = 20_000, seed: int = 0) -> Lessons:
    """Draw commands, and hold some of the different instructions of each kind back."""
    return _split(draw_commands(n, seed + 1))


def new_command_lessons(n: int = 8000, seed: int = 0) -> Lessons:
    """A command that is none of the world's: *say the last word three times : dog pizza .*"""
    rng, found, words = random.Random(seed + 1), [], clear_words()
    for _ in range(n):
        things, times = rng.sample(words, rng.randint(2, 4)), rng.choice(list(TIMES))
        instruction = f"say the last word {times} times : {' '.join(things)} ."
        answer = " ".join([things[-1]] * TIMES[times])
        found.append(Command(instruction, f"{answer} .", "last, repeated"))
    return _split(found)


def _split(commands: list[Command]) -> Lessons:
    held_back: set[str] = set()
    for kind in sorted({command.kind for command in commands}):
        different = sorted({c.instruction for c in commands if c.kind == kind})
        random.Random(0).shuffle(different)
        count = min(max(len(different) // 5, 10), len(different) // 2)
        held_back.update(different[:count])
    unseen = {c.instruction: c for c in commands if c.instruction in held_back}
    learned = [c for c in commands if c.instruction not in held_back]
    return Lessons(learned, list(unseen.values()))


def reading_lessons(n: int, seed: int, shelf: Sequence[str] = ()) -> list[Question]:
    """Questions about single sentences, none of which stands on the shelf."""
    known = set(shelf)
    return [q for q in draw_questions(n, seed + 1, longest=1) if q.passage not in known]


def shelf_of_facts(n: int, seed: int = 0) -> tuple[list[str], list[Question]]:
    """``n`` sentences, each telling one fact, and for each two questions that it alone answers."""
    documents = draw_documents(n, seed, facts_each=1)
    return [d.text for d in documents], [q for d in documents for q in d.questions]


def finding_lessons(rounds: int, batch: int, seed: int = 0) -> list[tuple[str, str]]:
    """``(question, passage)``, ``batch`` of them a round, no two of a round about one fact."""
    rng, pairs = random.Random(seed), []
    for number in range(rounds):
        for document in draw_documents(batch, seed + 1 + number, facts_each=1):
            pairs.append((rng.choice(document.questions).question, document.text))
    return pairs


def tune_assistant(
    model: nn.Module,
    lessons: Sequence[Sequence[tuple[str, str]]],
    vocab: Mapping[str, int],
    steps: int,
    mask: Callable[[Tensor, Tensor, int], Tensor] | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    batch: int = 32,
    optimizer: str = "muon",
    learning_rate: float = 3e-3,
    muon_learning_rate: float = 0.02,
    weight_decay: float = 0.1,
    seed: int = 0,
) -> History:
    """Tune a GPT on conversations, in place; only their answers are learned.

    Args:
        model: a GPT whose weights of today may be frozen in part.
        lessons: lists of ``(prompt, whole conversation)``, texts of the same template, the first
            the beginning of the second. Batches are taken from the lists in turn.
        vocab: token to id, every token of the texts.
        steps: how many batches.
        mask: from ids ``(batch, seq)``, prompt lengths ``(batch,)`` and the id of padding to
            labels; ``mask_prompt`` if left out.
        loss: from logits and labels, which it shifts; ``next_token_loss`` if left out.
        batch, optimizer, learning_rate, muon_learning_rate, weight_decay, seed: as in
            ``TrainingConfig``.
    """
    tables = [_table(each, vocab, mask or mask_prompt) for each in lessons]
    sources = [table_rows(table, batch, seed + place) for place, table in enumerate(tables)]

    def batches(step: int) -> dict[str, Tensor]:
        turn, place = divmod(step, len(sources))
        return sources[place](turn)

    config = TrainingConfig(
        steps=steps,
        optimizer=optimizer,
        learning_rate=learning_rate,
        muon_learning_rate=muon_learning_rate,
        weight_decay=weight_decay,
        seed=seed,
    )
    return train(_Tuned(model, loss or next_token_loss), batches, config)


class _Tuned(nn.Module):
    def __init__(self, model: nn.Module, of: Callable[[Tensor, Tensor], Tensor]):
        super().__init__()
        self.model, self.of = model, of

    def loss(self, ids: Tensor, labels: Tensor) -> Tensor:
        return self.of(self.model(ids), labels)


def _table(
    lessons: Sequence[tuple[str, str]], vocab: Mapping[str, int], mask: Callable[..., Tensor]
) -> dict[str, Tensor]:
    ids = pad_batch([_ids(whole, vocab) for _, whole in lessons])
    lengths = torch.tensor([len(_ids(prompt, vocab)) for prompt, _ in lessons])
    return {"ids": ids, "labels": mask(ids, lengths, vocab["[PAD]"])}


def ask(
    model: nn.Module,
    prompts: Sequence[str],
    vocab: Mapping[str, int],
    end: str = "[END]",
    max_new_tokens: int = 12,
) -> list[str]:
    """What a GPT says to each prompt: the likeliest token, again and again, until ``end``."""
    token_of = {index: token for token, index in vocab.items()}
    rows = [_ids(prompt, vocab) for prompt in prompts]
    said = [""] * len(rows)
    for length in sorted({len(row) for row in rows}):
        here = [place for place, row in enumerate(rows) if len(row) == length]
        first = torch.tensor([rows[place] for place in here])
        room = min(max_new_tokens, model.config.max_seq - length)
        texts = generate(model, first, room, temperature=0, stop_id=vocab[end])
        for place, text in zip(here, texts[:, length:].tolist(), strict=True):
            words = [token_of[index] for index in text]
            said[place] = " ".join(words[: words.index(end)] if end in words else words)
    return said


def _ids(text: str, vocab: Mapping[str, int]) -> list[int]:
    return [vocab[token] for token in text.split()]


def bytes_in_training(model: nn.Module) -> int:
    """The bytes that PyTorch holds for a GPT after one step of AdamW, activations left out.

    Weights, the gradients of those that are trained, and AdamW's two running means of each; the
    step changes nothing (its learning rate is 0).
    """
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=0.0)
    model(torch.zeros(1, model.config.max_seq, dtype=torch.int64)).square().mean().backward()
    optimizer.step()
    held = [*model.parameters(), *(w.grad for w in trained if w.grad is not None)]
    for weight in trained:
        moments = optimizer.state.get(weight, {}).values()
        held += [each for each in moments if each.shape == weight.shape]
    optimizer.zero_grad()
    return sum(each.numel() * each.element_size() for each in held)
