"""The loop: against a plain loop of PyTorch's own parts, broken off and gone on, and its seam."""

import math
import random
from dataclasses import replace

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from minitransformer.config import BertConfig, GPTConfig
from minitransformer.gpt import GPT
from minitransformer.heads import freeze_layers
from minitransformer.training.batches import text_loss, text_windows
from minitransformer.training.devices import Team
from minitransformer.training.loop import TrainingConfig, train
from minitransformer.training.schedule import clip_gradients, learning_rate_at

TEXT = torch.arange(200) * 7 % 11
BATCHES = text_windows(TEXT[:150], batch_size=3, seq=5, seed=2)
EVALUATE = text_loss(TEXT[150:], seq=5)
CONFIG = TrainingConfig(
    steps=7, warmup=2, learning_rate=0.02, muon_learning_rate=0.02, seed=3, evaluate_every=3
)


def make_model(dropout=0.0, seed=0):
    sizes = {"vocab_size": 11, "max_seq": 5, "d_model": 6, "num_heads": 3, "num_layers": 2}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPT(GPTConfig(**sizes, dropout=dropout, attention_dropout=dropout))


def weights(model):
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


class Killed(BaseException):
    """As sudden as a signal: no code between here and the test catches it."""


def breaking_at(stop):
    def batches(step):
        if step == stop:
            raise Killed
        return BATCHES(step)

    return batches


def test_the_loop_is_the_plain_loop_of_pytorchs_own_parts():
    config = replace(CONFIG, optimizer="adamw", shape="linear", final=0.25, clip_norm=0.3)
    model, plain = make_model().double(), make_model().double()
    found = train(model, BATCHES, config)
    matrices = [parameter for parameter in plain.parameters() if parameter.dim() >= 2]
    vectors = [parameter for parameter in plain.parameters() if parameter.dim() < 2]
    groups = [{"params": matrices, "weight_decay": 0.1}, {"params": vectors, "weight_decay": 0}]
    optimizer = torch.optim.AdamW(groups, lr=0.02, betas=(0.9, 0.99))
    shares = [0.5, 1, 1, 0.85, 0.7, 0.55, 0.4]  # two steps up, then from 1 to 1/4 in five
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: [*shares, 0][step])
    losses = []
    for step in range(7):
        batch = BATCHES(step)
        optimizer.zero_grad()
        loss = F.cross_entropy(plain(batch["ids"]).flatten(0, 1), batch["targets"].flatten())
        loss.backward()
        torch.nn.utils.clip_grad_norm_(plain.parameters(), 0.3)
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
    assert found.losses == pytest.approx(losses, rel=1e-6)
    torch.testing.assert_close(weights(model), weights(plain), rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
@pytest.mark.parametrize("every", [1, 2])
def test_a_run_broken_off_at_any_step_goes_on_to_the_same_losses(tmp_path, optimizer, every):
    config = replace(CONFIG, optimizer=optimizer, checkpoint_every=every)
    unbroken = make_model(dropout=0.3)
    expected = train(unbroken, BATCHES, config, EVALUATE)
    for stop in range(config.steps):
        path = tmp_path / f"{stop}.safetensors"
        with pytest.raises(Killed):
            train(make_model(dropout=0.3), breaking_at(stop), config, EVALUATE, checkpoint=path)
        assert path.exists() == (stop >= every)
        model, asked = make_model(dropout=0.3, seed=int(path.exists())), []

        def batches(step, asked=asked):
            asked.append(step)
            return BATCHES(step)

        found = train(model, batches, config, EVALUATE, checkpoint=path)
        assert asked[0] == stop // every * every
        assert found.losses == expected.losses
        assert found.evaluations == expected.evaluations
        assert torch.equal(weights(model), weights(unbroken))


def test_a_finished_run_is_not_trained_again(tmp_path):
    path, model = tmp_path / "run.safetensors", make_model()
    first = train(model, BATCHES, CONFIG, EVALUATE, checkpoint=path)
    again = make_model(seed=5)
    second = train(again, breaking_at(0), CONFIG, EVALUATE, checkpoint=path)
    assert second.losses == first.losses and second.evaluations == first.evaluations
    assert torch.equal(weights(again), weights(model))


def test_it_stops_at_the_first_evaluation_that_reaches_the_target():
    full = train(make_model(), BATCHES, replace(CONFIG, evaluate_every=2), EVALUATE)
    assert [step for step, _ in full.evaluations] == [2, 4, 6, 7] and not full.reached
    target = full.evaluations[1][1]
    assert full.evaluations[0][1] > target
    stopped = train(
        make_model(), BATCHES, replace(CONFIG, evaluate_every=2, target_loss=target), EVALUATE
    )
    assert stopped.reached and stopped.evaluations == full.evaluations[:2]
    assert stopped.losses == full.losses[:4]


def test_a_lower_target_goes_on_from_where_the_first_was_reached(tmp_path):
    path, config = tmp_path / "run.safetensors", replace(CONFIG, evaluate_every=2)
    full = train(make_model(), BATCHES, config, EVALUATE)
    easy = replace(config, target_loss=full.evaluations[0][1])
    assert train(make_model(), BATCHES, easy, EVALUATE, checkpoint=path).reached
    found = train(make_model(), BATCHES, config, EVALUATE, checkpoint=path)
    assert found.losses == full.losses and found.evaluations == full.evaluations
    assert not found.reached


def test_the_last_step_is_evaluated_logged_and_kept(tmp_path):
    path, records = tmp_path / "run.safetensors", []
    config = replace(CONFIG, steps=13, evaluate_every=4)
    found = train(make_model(), BATCHES, config, EVALUATE, records.append, path)
    assert path.exists() and found.seconds > 0
    assert [record["step"] for record in records] == [4, 8, 10, 12, 13]
    assert [record["loss"] for record in records] == [found.losses[i] for i in (3, 7, 9, 11, 12)]
    validation = [(r["step"], r["validation_loss"]) for r in records if "validation_loss" in r]
    assert validation == found.evaluations


def test_the_evaluation_sees_no_dropout_and_keeps_no_gradients():
    seen = []

    def evaluate(model):
        seen.append((model.training, torch.is_grad_enabled()))
        return EVALUATE(model)

    model = make_model(dropout=0.5)
    found = train(model, BATCHES, CONFIG, evaluate)
    assert set(seen) == {(False, False)}
    assert found.evaluations[-1][1] == EVALUATE(model.eval())


@pytest.mark.parametrize("training", [True, False])
def test_the_model_keeps_its_mode_even_when_the_run_fails(training):
    model = make_model().train(training)
    train(model, BATCHES, replace(CONFIG, steps=1))
    assert model.training == training
    with pytest.raises(Killed):
        train(model, breaking_at(1), CONFIG)
    assert model.training == training


def test_a_loss_that_is_no_number_ends_the_run_with_the_step_and_a_remedy(tmp_path):
    model, path = make_model(), tmp_path / "run.safetensors"

    def batches(step):
        if step == 4:
            model.token.weight.data.fill_(math.nan)
        return BATCHES(step)

    with pytest.raises(FloatingPointError, match="loss of step 4 is nan; lower the learning rate"):
        train(model, batches, CONFIG, EVALUATE, checkpoint=path)
    assert not path.exists()


def test_your_own_schedule_sets_the_rate_of_every_step():
    expected = train(make_model(), BATCHES, CONFIG)
    asked = []

    def schedule(*arguments):
        asked.append(arguments)
        return learning_rate_at(*arguments)

    assert train(make_model(), BATCHES, CONFIG, schedule=schedule).losses == expected.losses
    assert asked == [(step, 7, 1.0, 2, 0.0, "linear") for step in range(7)]
    still = make_model()
    train(still, BATCHES, CONFIG, schedule=lambda *arguments: 0.0)
    assert torch.equal(weights(still), weights(make_model()))


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_your_own_clipping_decides_what_the_optimizers_see(optimizer):
    config = replace(CONFIG, optimizer=optimizer, weight_decay=0.0, clip_norm=0.05)
    expected = train(make_model(), BATCHES, config)
    own = train(make_model(), BATCHES, config, clip=clip_gradients)
    assert own.losses == pytest.approx(expected.losses, rel=1e-4)
    still = make_model()
    train(still, BATCHES, config, clip=lambda gradients, norm: [0 * each for each in gradients])
    assert torch.equal(weights(still), weights(make_model()))


def test_without_a_limit_nothing_is_clipped():
    def never(gradients, norm):
        raise AssertionError("called")

    free = replace(CONFIG, clip_norm=None)
    huge = train(make_model(), BATCHES, replace(CONFIG, clip_norm=1e9))
    assert train(make_model(), BATCHES, free, clip=never).losses == huge.losses


def test_the_global_random_states_are_left_as_they_were():
    model = make_model(dropout=0.5)
    before = torch.get_rng_state(), random.getstate(), np.random.get_state()[1].tolist()
    train(model, BATCHES, CONFIG, EVALUATE)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert random.getstate() == before[1]
    assert np.random.get_state()[1].tolist() == before[2]


def test_dropout_depends_on_the_seed_and_not_on_the_global_state():
    def losses(seed, state):
        model = make_model(dropout=0.5)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(state)
            return train(model, BATCHES, replace(CONFIG, seed=seed)).losses

    assert losses(3, state=1) == losses(3, state=2) != losses(4, state=1)


@pytest.mark.parametrize("optimizer", ["muon", "adamw"])
def test_mixed_precision_trains_and_keeps_the_weights_in_float32(optimizer):
    config = replace(CONFIG, steps=60, precision="bfloat16", optimizer=optimizer, evaluate_every=0)
    model = make_model()
    before = EVALUATE(model)
    mixed = train(model, BATCHES, config, EVALUATE)
    exact = train(make_model(), BATCHES, replace(config, precision="float32"), EVALUATE)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert mixed.evaluations[-1][1] < 0.5 * before
    assert mixed.losses[0] == pytest.approx(exact.losses[0], rel=0.01)
    assert mixed.losses != exact.losses


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"steps": 8}, "steps = 7, this one has 8"),
        ({"seed": 4}, "seed = 3, this one has 4"),
        ({"optimizer": "adamw"}, "optimizer = 'muon', this one has 'adamw'"),
        ({"betas": (0.9, 0.95)}, r"betas = \[0.9, 0.99\], this one has \[0.9, 0.95\]"),
    ],
)
def test_a_checkpoint_of_another_run_is_refused(tmp_path, change, said):
    path = tmp_path / "run.safetensors"
    train(make_model(), BATCHES, CONFIG, checkpoint=path)
    with pytest.raises(ValueError, match=f"{said}; use the same settings"):
        train(make_model(), BATCHES, replace(CONFIG, **change), checkpoint=path)


def test_a_run_whose_checkpoint_is_refused_leaves_the_group_of_processes(tmp_path, monkeypatch):
    path, left = tmp_path / "run.safetensors", []
    train(make_model(), BATCHES, CONFIG, checkpoint=path)
    monkeypatch.setattr(Team, "close", lambda team: left.append(team))
    with pytest.raises(ValueError, match="belongs to a run with seed"):
        train(make_model(), BATCHES, replace(CONFIG, seed=9), checkpoint=path)
    assert len(left) == 1


def test_a_checkpoint_of_a_run_that_froze_other_weights_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    train(freeze_layers(make_model(), 1), BATCHES, CONFIG, checkpoint=path)
    model = make_model(seed=1)
    before = weights(model)
    with pytest.raises(ValueError, match="did not train .*token.weight.*; freeze"):
        train(model, BATCHES, CONFIG, checkpoint=path)
    assert torch.equal(weights(model), before)


def test_a_checkpoint_of_another_model_is_refused(tmp_path):
    path = tmp_path / "run.safetensors"
    train(make_model(), BATCHES, CONFIG, checkpoint=path)
    sizes = {"vocab_size": 11, "max_seq": 5, "d_model": 9, "num_heads": 3, "num_layers": 2}
    with pytest.raises(ValueError, match=r"shape \(11, 6\), the model needs \(11, 9\)"):
        train(GPT(GPTConfig(**sizes)), BATCHES, CONFIG, checkpoint=path)


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"steps": -1}, "steps must not be negative, got -1"),
        ({"optimizer": "sgd"}, "optimizer must be muon or adamw, got 'sgd'"),
        ({"precision": "float16"}, "precision must be float32 or bfloat16, got 'float16'"),
        ({"shape": "step"}, "shape must be cosine or linear or constant, got 'step'"),
        ({"warmup": -1}, "warmup must not be negative, got -1"),
        ({"learning_rate": math.nan}, "learning_rate must not be negative, got nan"),
        ({"clip_norm": 0.0}, "clip_norm must be positive, or None for none, got 0.0"),
        ({"steps": 2.5}, "steps must be a whole number, got 2.5"),
        ({"checkpoint_every": 2.5}, "checkpoint_every must be a whole number, got 2.5"),
        ({"seed": "3"}, "seed must be a whole number, got '3'"),
        ({"seed": 10**13}, "seed must lie in -10.12 .. 10.12, got 10000000000000; take a smaller"),
        ({"evaluate_every": -3}, "evaluate_every must not be negative, got -3"),
        ({"checkpoint_every": -3}, "checkpoint_every must not be negative, got -3"),
        ({"learning_rate": math.inf}, "learning_rate must be finite, got inf"),
        ({"weight_decay": "a"}, "weight_decay must be a number, got 'a'"),
        ({"muon_momentum": 1.0}, r"muon_momentum must lie in \[0, 1\), got 1.0"),
        ({"betas": (0.9, 1.0)}, r"betas must be two numbers in \[0, 1\), got \(0.9, 1.0\)"),
        ({"betas": (math.nan, 0.9)}, r"betas must be two numbers in .*nan"),
        ({"betas": (0.9,)}, r"betas must be two numbers in \[0, 1\), got \(0.9,\)"),
        ({"target_loss": math.nan}, "target_loss must be finite, or None for none, got nan"),
        ({"target_loss": math.inf}, "target_loss must be finite, or None for none, got inf"),
    ],
)
def test_impossible_settings_are_refused(settings, said):
    with pytest.raises((ValueError, TypeError), match=said):
        TrainingConfig(**{"steps": 1} | settings)


def test_no_steps_leave_the_model_as_it_was():
    model = make_model()
    assert train(model, BATCHES, replace(CONFIG, steps=0), EVALUATE).losses == []
    assert torch.equal(weights(model), weights(make_model()))


def test_a_bert_trains_on_rows_with_gaps():
    from minitransformer.bert import BertForPreTraining

    sizes = {"vocab_size": 11, "max_seq": 5, "d_model": 6, "num_heads": 3, "num_layers": 2}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = BertForPreTraining(BertConfig(**sizes))
    ids = torch.tensor([[1, 5, 7], [1, 6, 8]])
    labels = torch.tensor([[-100, 5, -100], [-100, -100, 8]])
    batch = {"ids": ids, "labels": labels, "is_next": torch.tensor([True, False])}
    found = train(model, lambda step: batch, replace(CONFIG, steps=40))
    assert found.losses[-1] < 0.4 * found.losses[0]
