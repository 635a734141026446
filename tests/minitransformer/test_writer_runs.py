"""The bare training loop: it learns, every part of it can be one's own, and it is repeatable."""

import pytest
import torch

from minitransformer.config import GPTConfig
from minitransformer.data.letter import LETTER
from minitransformer.gpt import GPT
from minitransformer.losses import next_token_loss
from minitransformer.parts import readable_parts
from minitransformer.training import adamw_step, clip_gradients, learning_rate_at
from minitransformer.training.writer_runs import mean_loss, train_writer


def small_gpt():
    torch.manual_seed(0)
    sizes = {"vocab_size": 7, "max_seq": 9, "d_model": 14, "num_heads": 2, "num_layers": 1}
    return GPT(GPTConfig(**sizes), readable_parts())


def counting_rows(n=30):
    """0 1 2 3 ... round and round, from anywhere: the next token is certain."""
    return (torch.arange(n).unsqueeze(1) + torch.arange(9)) % 7


def test_it_learns_what_can_be_learned_and_measures_it_as_it_goes():
    model = small_gpt()
    run = train_writer(model, counting_rows(), 60, counting_rows(5), peak=0.02)
    assert [step for step, _ in run.evaluations] == [0, 25, 50, 60]
    assert run.evaluations[0][1] > 1.8 and run.evaluations[-1][1] < 0.1
    assert run.evaluations[-1][1] == pytest.approx(mean_loss(model, counting_rows(5)))
    assert len(run.losses) == len(run.rates) == len(run.norms) == 60
    assert not model.training


def test_two_runs_with_one_seed_are_the_same_and_the_global_state_is_left_alone():
    torch.manual_seed(4)
    before = torch.get_rng_state()
    runs = []
    for seed in (1, 1, 2):
        model = small_gpt()
        torch.set_rng_state(before)
        runs.append(train_writer(model, counting_rows(), 4, seed=seed).losses)
        assert torch.equal(torch.get_rng_state(), before)
    assert runs[0] == runs[1] != runs[2]


def test_every_part_that_is_handed_over_is_used():
    called = []

    def watched(name, part):
        def use(*arguments):
            called.append(name)
            return part(*arguments)

        return use

    model = small_gpt()
    run = train_writer(
        model, counting_rows(), 3, loss=watched("loss", next_token_loss),
        update=watched("update", adamw_step), clip=watched("clip", clip_gradients),
        rate=watched("rate", learning_rate_at), warmup=2, peak=0.5,
    )  # fmt: skip
    count = len(list(model.parameters()))
    assert [called.count(name) for name in ("loss", "clip", "rate", "update")] == [
        3,
        3,
        3,
        3 * count,
    ]
    assert run.rates == [0.25, 0.5, 0.5]


def test_vectors_are_not_decayed():
    decays = []

    def update(weight, gradient, mean, square, step, rate, betas, eps, decay):
        decays.append((weight.dim(), decay))
        return weight, mean, square

    train_writer(small_gpt(), counting_rows(), 1, update=update, weight_decay=0.3)
    assert set(decays) == {(1, 0.0), (2, 0.3)}


def test_the_letter_is_a_text_of_plain_letters_and_line_ends():
    assert LETTER.isascii() and LETTER.startswith("Dear Mia,") and "_" not in LETTER
    assert 300 < len(LETTER.split()) < 600
