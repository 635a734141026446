"""What the commands do: train, evaluate, generate, info. The options are in ``__main__``.

Results go to standard output; progress and remarks go to standard error.
"""

import dataclasses
import math
import os
import platform
import sys
from argparse import Namespace
from pathlib import Path
from typing import Any

import torch

from minitransformer.blocks import count_parameters
from minitransformer.config import ModelConfig, config_from_dict
from minitransformer.presets import (
    DEFAULTS,
    LEARNED,
    LEARNED_VOCAB_SIZE,
    PRESETS,
    Preset,
    find_preset,
)
from minitransformer.prompts import PromptError, check_seed, write
from minitransformer.runs import CHECKPOINT, execute, prepare
from minitransformer.sampling import next_token_distribution
from minitransformer.saving import SavedModel, load_model, new_model, read_config
from minitransformer.sources import open_source
from minitransformer.tasks import make_task
from minitransformer.training.devices import training_device
from minitransformer.world_scores import pair_scores, story_scores, translation_scores


class UsageError(Exception):
    """The command line asks for something that cannot be."""


def train_command(options: Namespace) -> int:
    """Train a model, from the start or from where it was stopped."""
    preset = chosen_preset(options)
    try:
        preset.training()
        preset.model(vocab_size=preset.vocab_size)
    except (ValueError, TypeError) as error:
        raise UsageError(str(error)) from None
    if preset.data is None:
        raise UsageError(f"a {preset.kind} needs a text to learn from: --data FILE, or world")
    if options.out == "":
        raise UsageError("--out is empty; name a folder")
    folder = None if options.out is None else Path(options.out)
    run = prepare(preset, folder)
    first = int(os.environ.get("RANK", "0")) == 0
    remark = _remark if first and not options.quiet else _nothing
    if run.finished and folder is not None:
        remark(f"{folder} holds this run, finished: there is nothing left to train")
    else:
        remark(_describe(run.model.config))
        if folder is None:
            remark("nothing will be kept; name a folder with --out to keep log and model")
        elif run.done:
            remark(f"going on after step {run.done}, from {folder / CHECKPOINT}")
    bar = first and not options.quiet and sys.stderr.isatty()

    def report(record: dict[str, Any]) -> None:
        if "validation_loss" in record and not bar:
            remark(
                f"step {record['step']} of {preset.steps}: loss {record['loss']:.4f}, "
                f"validation loss {record['validation_loss']:.4f}, {record['seconds']:.1f} s"
            )

    history = execute(run, progress=bar, report=report)
    return _conclude(preset, folder, history, first)


def _conclude(preset: Preset, folder: Path | None, history, first: bool) -> int:
    """Print what came out of a run; the exit code."""
    last = history.evaluations[-1][1] if history.evaluations else None
    if first:
        results = {"steps": len(history.losses), "seconds": f"{history.seconds:.1f}"}
        if history.losses:
            results["training loss"] = f"{history.losses[-1]:.4f}"
        if last is not None:
            results["validation loss"] = f"{last:.4f}"
        if folder is not None:
            results["saved in"] = folder
        _print_results(results)
    if preset.target_loss is None or history.reached:
        return 0
    if first:
        said = "no step was trained"
        if last is not None:
            said = f"the validation loss is {last:.4f} after {len(history.losses)} steps"
        _remark(
            f"minitransformer: the target was not reached: {said}, the target "
            f"{preset.target_loss:g}; train for more steps"
        )
    return 1


def chosen_preset(options: Namespace) -> Preset:
    """The preset that was named, or the default of its kind, with the options in its place."""
    kind = getattr(options, "kind", None)  # info has none
    try:
        world = kind == "gpt" and getattr(options, "data", None) == "world"
        preset = find_preset(options.preset or ("world-gpt" if world else DEFAULTS.get(kind)))
        if kind is not None and preset.kind != kind:
            same = ", ".join(name for name, each in PRESETS.items() if each.kind == kind)
            raise ValueError(
                f"the preset {options.preset} is a {preset.kind}, not a {kind}; "
                f"presets of a {kind}: {same}"
            )
        given = {
            field.name: getattr(options, field.name)
            for field in dataclasses.fields(Preset)
            if getattr(options, field.name, None) is not None and field.name != "kind"
        }
        if given.get("tokenizer") in LEARNED and preset.tokenizer not in LEARNED:
            given.setdefault("vocab_size", LEARNED_VOCAB_SIZE)
        if given.get("clip_norm") == 0:
            given["clip_norm"] = None
        if "betas" in given:
            given["betas"] = tuple(given["betas"])
        return dataclasses.replace(preset, **given)
    except (ValueError, TypeError) as error:
        raise UsageError(str(error)) from None


def evaluate_command(options: Namespace) -> int:
    """A saved model's loss on held-out data, beside what can be known."""
    saved = _load(options.folder)
    if saved.tokenizer is None:
        raise ValueError("the model was saved without a tokenizer; save it with one")
    data = options.data or saved.notes.get("data")
    if not isinstance(data, str):
        raise UsageError(f"{options.folder} does not say what it was trained on; name it: --data")
    config, source = saved.model.config, open_source(data)
    known = (saved.tokenizer, saved.target_tokenizer or saved.tokenizer)
    task = make_task(config.kind, source, config.max_seq, *known)
    if task.trainee is not None:
        raise UsageError(f"the head that learned from {data} was not kept; name other data: --data")
    with torch.inference_mode():
        loss = task.evaluate(saved.model)
    results = {"validation loss": f"{loss:.4f}", "perplexity": f"{math.exp(loss):.4f}"}
    if source.text is None:
        scores = {
            "gpt": lambda: story_scores(saved.model),
            "bert": lambda: pair_scores(saved.model),
            "seq2seq": lambda: translation_scores(saved.model, *known),
        }[config.kind]()
        results |= {name: f"{value:.4f}" for name, value in scores.items()}
    _print_results(results)
    return 0


def generate_command(options: Namespace) -> int:
    """Text from a saved model: a GPT goes on, a BERT fills gaps, an encoder-decoder translates."""
    saved = _load(options.folder)
    settings = {
        "max_new_tokens": options.max_new_tokens,
        "temperature": 0.0 if options.greedy else options.temperature,
        "top_k": options.top_k,
        "top_p": options.top_p,
        "seed": options.seed,
    }
    _check_settings(settings)
    try:
        print(write(saved, options.prompt or "", **settings))
    except PromptError as error:
        raise UsageError(str(error)) from None
    return 0


def _check_settings(settings: dict[str, Any]) -> None:
    """Settings that no model could write with are wrong usage; found out on two made-up tokens."""
    how = {name: settings[name] for name in ("temperature", "top_k", "top_p")}
    try:
        check_seed(settings["seed"])
        next_token_distribution(torch.zeros(1, 2), **how)
    except ValueError as error:
        raise UsageError(str(error)) from None
    if settings["max_new_tokens"] < 0:
        raise UsageError(f"max_new_tokens must be at least 0, got {settings['max_new_tokens']}")


def info_command(options: Namespace) -> int:
    """Sizes, parameters and memory of a model; versions and device of this machine."""
    if options.folder is None and options.preset is None:
        _print_results(
            {
                "python": platform.python_version(),
                "torch": torch.__version__,
                "device": training_device(),
                "threads": torch.get_num_threads(),
            }
        )
        print("\npresets")
        _print_results({f"  {name}": preset.about for name, preset in PRESETS.items()})
        return 0
    if options.folder is not None:
        saved = read_config(options.folder)
        config, optimizer = config_from_dict(saved["model"]), "adamw"
        tokenizer = (saved["tokenizer"] or {}).get("kind", "none")
    else:
        preset = chosen_preset(options)
        config, optimizer = preset.model(vocab_size=preset.vocab_size), preset.optimizer
        tokenizer = preset.tokenizer
    _print_results(_sizes(config, tokenizer, optimizer))
    return 0


def _sizes(config: ModelConfig, tokenizer: str, optimizer: str) -> dict[str, Any]:
    with torch.device("meta"):
        parameters = count_parameters(new_model(config))
    return {
        "kind": config.kind,
        "layers": config.num_layers,
        "heads": config.num_heads,
        "width": config.d_model,
        "inner width": config.d_ff,
        "context": config.max_seq,
        "vocabulary": f"{config.vocab_size:,} ({tokenizer})",
        "parameters": f"{parameters:,}",
        "memory": f"{_memory(4 * parameters)} for the weights",
        "in training": f"{_memory(16 * parameters)} at most, and what the batch needs",
    }


def _describe(config: ModelConfig) -> str:
    with torch.device("meta"):
        parameters = count_parameters(new_model(config))
    return (
        f"{config.kind}: {parameters:,} parameters, {config.num_layers} layers, "
        f"{config.num_heads} heads, width {config.d_model}, context {config.max_seq}, "
        f"vocabulary {config.vocab_size:,}; on {training_device()}"
    )


def _load(folder: str) -> SavedModel:
    saved = load_model(folder)
    saved.model.to(training_device())
    return saved


def _memory(size: int) -> str:
    return f"{size / 2**30:.1f} GiB" if size >= 2**30 else f"{size / 2**20:.1f} MiB"


def _print_results(results: dict[str, Any]) -> None:
    width = max(map(len, results))
    for name, value in results.items():
        print(f"{name:<{width}}  {value}")


def _remark(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _nothing(text: str) -> None:
    pass
