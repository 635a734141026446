"""Presets: valid, as published, and overridden field by field."""

from dataclasses import FrozenInstanceError, fields, replace

import pytest
import torch

from minitransformer.blocks import count_parameters
from minitransformer.data import World
from minitransformer.data.translation import draw_translations
from minitransformer.presets import DEFAULTS, PRESETS, Preset, find_preset
from minitransformer.saving import new_model
from minitransformer.training.loop import TrainingConfig


def parameters(name):
    preset = PRESETS[name]
    with torch.device("meta"):
        return count_parameters(new_model(preset.model(vocab_size=preset.vocab_size)))


@pytest.mark.parametrize("name", PRESETS)
def test_every_preset_makes_a_model_and_a_training_of_its_own_numbers(name):
    preset = find_preset(name)
    model, training = preset.model(vocab_size=7), preset.training()
    assert (model.kind, model.vocab_size) == (preset.kind, 7)
    for field in fields(Preset):
        for made in (model, training):
            if hasattr(made, field.name) and field.name not in ("vocab_size", "d_ff", "kind"):
                assert getattr(made, field.name) == getattr(preset, field.name), field.name
    assert model.attention_dropout == preset.dropout


def test_every_setting_of_a_training_can_be_preset():
    assert {field.name for field in fields(TrainingConfig)} <= {f.name for f in fields(Preset)}


@pytest.mark.parametrize(("name", "published"), [("gpt2", 124_439_808), ("bert-base", 110_106_428)])
def test_published_models_have_their_published_number_of_parameters(name, published):
    assert parameters(name) == published


def test_the_small_gpt_is_no_larger_than_the_one_to_beat():
    assert parameters("shakespeare-cpu") <= parameters("nanogpt-cpu") <= 810_000
    ours, theirs = PRESETS["shakespeare-cpu"], PRESETS["nanogpt-cpu"]
    for name in ("num_layers", "num_heads", "d_model", "max_seq", "tokenizer"):
        assert getattr(ours, name) == getattr(theirs, name)


def test_the_published_recipe_is_as_published():
    recipe = PRESETS["nanogpt-cpu"]
    assert (recipe.batch_size, recipe.steps, recipe.warmup) == (12, 2000, 100)
    assert (recipe.optimizer, recipe.learning_rate, recipe.shape) == ("adamw", 1e-3, "cosine")
    assert recipe.final * recipe.learning_rate == pytest.approx(1e-4)
    assert (recipe.betas, recipe.weight_decay, recipe.clip_norm) == ((0.9, 0.99), 0.1, 1.0)
    assert recipe.dropout == 0


def test_half_of_gpt2_differs_from_it_in_depth_alone():
    halved = replace(PRESETS["gpt2-6-layers"], about="", num_layers=12)
    assert halved == replace(PRESETS["gpt2"], about="")


def test_the_contexts_of_the_world_hold_its_texts():
    pairs = World().draw("pairs", 5000, seed=1).ids
    assert pairs.shape[1] <= PRESETS["world-bert"].max_seq
    longest = max(
        len(text.split()) + 1
        for each in draw_translations(2000, seed=1)
        for text in (each.source, each.target)
    )
    assert longest <= PRESETS["world-translation"].max_seq


def test_every_kind_of_model_has_a_default_of_its_kind():
    assert {kind: PRESETS[name].kind for kind, name in DEFAULTS.items()} == {
        kind: kind for kind in ("gpt", "bert", "seq2seq")
    }


def test_a_preset_cannot_be_changed_in_place():
    with pytest.raises(FrozenInstanceError):
        PRESETS["gpt2"].steps = 1


def test_an_unknown_name_is_refused_with_those_that_there_are():
    with pytest.raises(ValueError, match="no preset 'gpt-2', only shakespeare-cpu, nanogpt-cpu"):
        find_preset("gpt-2")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"kind": "rnn"}, "kind must be one of bert, gpt, seq2seq, got 'rnn'"),
        ({"tokenizer": "letters"}, "tokenizer must be one of characters, .*, got 'letters'"),
        ({"batch_size": 0}, "batch_size must be at least 1, got 0"),
        ({"vocab_size": -1}, "vocab_size must be at least 1, got -1"),
    ],
)
def test_impossible_settings_are_refused(change, said):
    with pytest.raises(ValueError, match=said):
        replace(PRESETS["gpt2"], **change)
