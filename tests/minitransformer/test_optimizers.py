"""AdamW, Newton-Schulz and Muon against PyTorch's own, against SVD, and against plain formulas."""

import pytest
import torch

from minitransformer.config import GPTConfig, Seq2SeqConfig
from minitransformer.gpt import GPT
from minitransformer.seq2seq import Seq2Seq
from minitransformer.training.loop import TrainingConfig
from minitransformer.training.optimizers import Muon, adamw_step, make_optimizers, newton_schulz


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=dtype)


@pytest.mark.parametrize("weight_decay", [0.0, 0.3])
def test_adamw_step_moves_as_pytorch_does(weight_decay):
    settings = {"betas": (0.8, 0.95), "eps": 1e-3, "weight_decay": weight_decay}
    theirs = torch.nn.Parameter(draw(3, 5))
    optimizer = torch.optim.AdamW([theirs], lr=0.1, **settings)
    ours, mean, square = theirs.detach().clone(), torch.zeros(3, 5), torch.zeros(3, 5)
    for step in range(1, 8):
        gradient = draw(3, 5, seed=step)
        theirs.grad = gradient.clone()
        optimizer.step()
        ours, mean, square = adamw_step(ours, gradient, mean, square, step, 0.1, **settings)
        torch.testing.assert_close(ours, theirs.detach(), rtol=1e-12, atol=1e-12)


def test_adamw_step_leaves_its_arguments_alone():
    given = [draw(3, 5, seed=seed) for seed in range(3)] + [draw(3, 5).abs()]
    before = [tensor.clone() for tensor in given]
    adamw_step(*given, step=2, learning_rate=0.1)
    for tensor, old in zip(given, before, strict=True):
        assert torch.equal(tensor, old)


def test_adamw_step_counts_from_one():
    with pytest.raises(ValueError, match="step counts from 1, got 0"):
        adamw_step(*[torch.ones(2)] * 4, step=0, learning_rate=0.1)


@pytest.mark.parametrize("shape", [(3, 7), (7, 3), (5, 5), (1, 4)])
def test_newton_schulz_bends_the_singular_values_and_keeps_the_directions(shape):
    matrix = draw(*shape)
    u, s, v = torch.linalg.svd(matrix, full_matrices=False)
    values = s / matrix.norm()
    for _ in range(5):
        values = 3.4445 * values - 4.7750 * values**3 + 2.0315 * values**5
    expected = u @ values.diag() @ v
    torch.testing.assert_close(newton_schulz(matrix), expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("shape", [(8, 32), (32, 8), (11, 23)])
def test_newton_schulz_ends_near_one(shape):
    for seed in range(10):
        values = torch.linalg.svdvals(newton_schulz(100 * draw(*shape, seed=seed)))
        assert 0.65 < values.min() and values.max() < 1.25


def test_newton_schulz_takes_each_matrix_of_a_batch_alone():
    batch = draw(2, 3, 5, 7)
    expected = torch.stack([newton_schulz(one) for one in batch.flatten(0, 1)]).view(2, 3, 5, 7)
    torch.testing.assert_close(newton_schulz(batch), expected, rtol=1e-12, atol=1e-12)


def test_newton_schulz_of_zero_is_zero():
    assert torch.equal(newton_schulz(torch.zeros(3, 5)), torch.zeros(3, 5))


def muon_by_hand(weight, gradients, lr, weight_decay, momentum):
    """One matrix, one line a formula, nothing shared with the class."""
    buffer = torch.zeros_like(weight)
    for gradient in gradients:
        buffer = momentum * buffer + (1 - momentum) * gradient
        x = (1 - momentum) * gradient + momentum * buffer
        x = x / x.norm()
        for _ in range(5):
            x = 3.4445 * x - 4.7750 * (x @ x.T) @ x + 2.0315 * (x @ x.T) @ (x @ x.T) @ x
        size = 0.2 * max(weight.shape) ** 0.5
        weight = weight - lr * weight_decay * weight - lr * size * x
    return weight


def after_steps(optimizer_class, shapes, steps, **settings):
    weights = [torch.nn.Parameter(draw(*shape, seed=i).float()) for i, shape in enumerate(shapes)]
    optimizer = optimizer_class(weights, **settings)
    for step in range(steps):
        for place, weight in enumerate(weights):
            weight.grad = draw(*weight.shape, seed=100 + 10 * step + place).float()
        optimizer.step()
    return [weight.detach() for weight in weights]


SHAPES = [(5, 7), (7, 3), (5, 7), (4, 4)]
SETTINGS = {"lr": 0.05, "weight_decay": 0.2, "momentum": 0.9}


def test_muon_moves_each_matrix_as_the_formula_says():
    found = after_steps(Muon, SHAPES, steps=4, **SETTINGS)
    for place, (shape, weight) in enumerate(zip(SHAPES, found, strict=True)):
        gradients = [draw(*shape, seed=100 + 10 * step + place).float() for step in range(4)]
        expected = muon_by_hand(draw(*shape, seed=place).float(), gradients, **SETTINGS)
        torch.testing.assert_close(weight, expected, rtol=1e-5, atol=1e-6)


def test_muon_moves_as_pytorch_does_as_far_as_bfloat16_can_tell():
    shapes = [(16, 40), (40, 16), (24, 24)]
    ours = after_steps(Muon, shapes, steps=5, **SETTINGS)
    theirs = after_steps(torch.optim.Muon, shapes, 5, **SETTINGS, adjust_lr_fn="match_rms_adamw")
    for place, shape in enumerate(shapes):
        start = draw(*shape, seed=place).float()
        moved = (theirs[place] - start).norm()
        assert (ours[place] - theirs[place]).norm() < 0.02 * moved


def test_muon_leaves_a_matrix_without_gradient_alone():
    moved, still = (torch.nn.Parameter(draw(3, 5, seed=seed).float()) for seed in (1, 2))
    before = still.detach().clone()
    moved.grad = torch.ones(3, 5)
    Muon([moved, still]).step()
    assert torch.equal(still, before)


def test_muon_refuses_what_is_no_matrix():
    with pytest.raises(ValueError, match=r"matrices only, got a parameter of shape \(5,\)"):
        Muon([torch.nn.Parameter(torch.ones(5))])


SIZES = {"vocab_size": 11, "max_seq": 7, "d_model": 6, "num_heads": 2, "num_layers": 2}


def names_moved_by(optimizer, model):
    name_of = {id(parameter): name for name, parameter in model.named_parameters()}
    return [name_of[id(p)] for group in optimizer.param_groups for p in group["params"]]


@pytest.mark.parametrize("kind", ["muon", "adamw"])
@pytest.mark.parametrize("model", [GPT(GPTConfig(**SIZES)), Seq2Seq(Seq2SeqConfig(**SIZES))])
def test_every_parameter_has_one_optimizer(model, kind):
    optimizers = make_optimizers(model, TrainingConfig(steps=1, optimizer=kind))
    assert len(optimizers) == (2 if kind == "muon" else 1)
    moved = [name for optimizer in optimizers for name in names_moved_by(optimizer, model)]
    assert sorted(moved) == sorted(name for name, _ in model.named_parameters())


def test_muon_has_the_matrices_inside_blocks_and_adamw_all_else():
    model = GPT(GPTConfig(**SIZES))
    adamw, muon = make_optimizers(model, TrainingConfig(steps=1))
    named = dict(model.named_parameters())
    for name in names_moved_by(muon, model):
        assert "blocks." in name and named[name].dim() == 2
    for name in names_moved_by(adamw, model):
        assert "blocks." not in name or named[name].dim() == 1
    assert {"token.weight", "position.weight"} <= set(names_moved_by(adamw, model))


def test_vectors_are_not_pulled_towards_zero():
    config = TrainingConfig(steps=1, optimizer="adamw", weight_decay=0.3)
    (adamw,) = make_optimizers(GPT(GPTConfig(**SIZES)), config)
    for group in adamw.param_groups:
        for parameter in group["params"]:
            assert group["weight_decay"] == (0.3 if parameter.dim() >= 2 else 0.0)


def test_frozen_parameters_are_left_out():
    model = GPT(GPTConfig(**SIZES))
    model.decoder.requires_grad_(False)
    optimizers = make_optimizers(model, TrainingConfig(steps=1))
    assert [names_moved_by(each, model) for each in optimizers] == [
        ["token.weight", "position.weight"]
    ]
