"""The border to Hugging Face: the same model under their names, in both directions.

    model = load_hugging_face(folder)     # config.json and model.safetensors, as theirs are saved
    save_hugging_face(model, folder)      # a folder that their from_pretrained reads

A GPT is their ``GPT2LMHeadModel``, a BertForPreTraining their ``BertForPreTraining``. The numbers
stay as they are, bit for bit; only names and layouts change. What our models cannot be (another
activation, cross-attention, untied heads) is refused and never dropped. Their package is not
needed here. Sizes are translated in ``interop_config``, names in ``interop_names``.
"""

import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from minitransformer.bert import BertForPreTraining
from minitransformer.config import BertConfig, GPTConfig
from minitransformer.gpt import GPT
from minitransformer.interop_config import config_from_hugging_face, config_to_hugging_face
from minitransformer.interop_names import BUFFERS, TIED, places, turned
from minitransformer.parts import Parts


def from_hugging_face(
    state_dict: Mapping[str, Tensor],
    config: Mapping[str, Any] | GPTConfig | BertConfig,
    parts: Parts | None = None,
) -> GPT | BertForPreTraining:
    """Our model with their weights.

    Args:
        state_dict: tensors by their names, as from ``GPT2LMHeadModel`` or ``BertForPreTraining``;
            the older spellings (no ``transformer.`` in front, ``LayerNorm.gamma``) are read too.
        config: their ``config.json`` as a dict, or our sizes.
        parts: what to build the model from; see ``parts.Parts``.

    Returns:
        A model on the device and in the dtype of the weights, which are copied; in evaluation
        mode, as theirs is when loaded.

    Raises:
        TypeError: an option of a wrong type.
        ValueError: an option of theirs that we do not have, or tensors that are missing,
            unexpected, of a wrong shape, of several dtypes, or not tied.
    """
    if not isinstance(config, GPTConfig | BertConfig):
        config = config_from_hugging_face(config)
    given = _present_names(state_dict, config)
    with torch.device("meta"):  # shapes without numbers
        expected = to_hugging_face(_make(config, None))
    _check_tensors(given, expected)
    weights: dict[str, Tensor] = {}
    for place in places(config):
        tensor = turned(given[place.theirs], place)
        weights.update(zip(place.ours, tensor.chunk(len(place.ours)), strict=True))
    some = next(iter(weights.values()))
    with torch.random.fork_rng(devices=[]):  # initial weights are drawn, and then thrown away
        model = _make(config, parts)
    _check_names(model, set(weights))
    model.to(device=some.device, dtype=some.dtype).load_state_dict(weights)
    return model.eval()


def to_hugging_face(model: GPT | BertForPreTraining) -> dict[str, Tensor]:
    """Our weights as the state dict of their model, tied tensors under both names.

    Args:
        model: a GPT or a BertForPreTraining.

    Returns:
        Copies of the weights, by their names, in the order of their state dict's layers.

    Raises:
        TypeError: another kind of model.
        ValueError: one that theirs cannot be (a post-norm GPT, a pre-norm BERT), or one whose own
            parts have other weights.
    """
    config_to_hugging_face(_config(model))  # refuses what theirs cannot be
    _check_names(model, {name for place in places(model.config) for name in place.ours})
    state, result = model.state_dict(), {}
    for place in places(model.config):
        side_by_side = torch.cat([state[name] for name in place.ours])
        result[place.theirs] = turned(side_by_side, place).contiguous()
    result.update({second: result[first] for second, first in TIED.items() if first in result})
    return result


def load_hugging_face(folder: str | Path, parts: Parts | None = None) -> GPT | BertForPreTraining:
    """The model in a folder with ``config.json`` and ``model.safetensors``.

    Args:
        folder: as written by their ``save_pretrained``, or by :func:`save_hugging_face`.
        parts: what to build the model from; see ``parts.Parts``.

    Raises:
        FileNotFoundError: a file is missing.
        TypeError, ValueError: a file is damaged, or see :func:`from_hugging_face`.
    """
    settings_file, weights_file = _file(folder, "config.json"), _file(folder, "model.safetensors")
    try:
        settings = json.loads(settings_file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{settings_file} is not JSON ({error}); fetch it again") from error
    config = config_from_hugging_face(settings)
    try:
        weights = load_file(weights_file)
    except SafetensorError as error:
        raise ValueError(f"{weights_file} is damaged ({error}); fetch it again") from error
    return from_hugging_face(weights, config, parts)


def save_hugging_face(model: GPT | BertForPreTraining, folder: str | Path) -> None:
    """Write a model as their ``from_pretrained`` reads it.

    Args:
        model: a GPT or a BertForPreTraining.
        folder: made where it is missing; ``config.json`` and ``model.safetensors`` in it are
            replaced. The tokenizer is not written.
    """
    weights = {name: t for name, t in to_hugging_face(model).items() if name not in TIED}
    dtype = str(next(iter(weights.values())).dtype).removeprefix("torch.")
    settings = {**config_to_hugging_face(model.config), "dtype": dtype}
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    text = json.dumps(settings, indent=2, sort_keys=True) + "\n"
    (folder / "config.json").write_text(text, encoding="utf-8")


def _make(config: GPTConfig | BertConfig, parts: Parts | None) -> GPT | BertForPreTraining:
    return (GPT if isinstance(config, GPTConfig) else BertForPreTraining)(config, parts)


def _config(model: Any) -> GPTConfig | BertConfig:
    if not isinstance(model, GPT | BertForPreTraining):
        raise TypeError(
            f"only a GPT or a BertForPreTraining has a Hugging Face layout here, got "
            f"{type(model).__name__}; wrap a Bert in a BertForPreTraining"
        )
    return model.config


def _file(folder: str | Path, name: str) -> Path:
    path = Path(folder) / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing; a folder needs config.json and model.safetensors in one piece. "
            "Pickled (.bin) or divided weights become that where transformers is installed: "
            "model.save_pretrained(folder, max_shard_size='100GB')"
        )
    return path


def _present_names(
    state_dict: Mapping[str, Tensor], config: GPTConfig | BertConfig
) -> dict[str, Tensor]:
    """The names that are written today, without buffers; tied tensors once, checked."""
    given = {name: t for name, t in state_dict.items() if not BUFFERS.search(name)}
    if isinstance(config, BertConfig):
        spelling = {".gamma": ".weight", ".beta": ".bias"}
        given = {re.sub(r"\.(gamma|beta)$", lambda m: spelling[m[0]], n): given[n] for n in given}
    elif not any(name.startswith("transformer.") for name in given):
        given = {n if n in TIED else f"transformer.{n}": tensor for n, tensor in given.items()}
    for second, first in TIED.items():
        if second in given and first in given:
            if not torch.equal(given[second], given[first]):
                raise ValueError(
                    f"{second} must equal {first} (tied), but the two differ; our head uses the "
                    "token table, so an untied model has no place for its own"
                )
            del given[second]
    return given


def _check_tensors(given: dict[str, Tensor], expected: dict[str, Tensor]) -> None:
    names = set(expected) - set(TIED)
    _check_none("missing", names - set(given), "load the model with its heads, whole")
    _check_none("not expected", set(given) - names, "it belongs to another kind of model")
    for name in sorted(names):
        if given[name].shape != expected[name].shape:
            raise ValueError(
                f"{name} must have shape {tuple(expected[name].shape)} by the configuration, got "
                f"{tuple(given[name].shape)}; use the config.json that was saved with the weights"
            )
    dtypes = {given[name].dtype for name in names}
    if len(dtypes) > 1 or not next(iter(dtypes)).is_floating_point:
        raise ValueError(
            "the weights must have one floating-point dtype, got "
            f"{', '.join(sorted(map(str, dtypes)))}; convert them, for instance with .float()"
        )


def _check_names(model: GPT | BertForPreTraining, names: set[str]) -> None:
    own = set(model.state_dict())
    remedy = "own parts must name their weights as the package's do"
    _check_none("missing in the model", names - own, remedy)
    _check_none("not expected in the model", own - names, remedy)


def _check_none(what: str, names: set[str], remedy: str) -> None:
    if names:
        listed = ", ".join(sorted(names)[:3]) + (", ..." if len(names) > 3 else "")
        raise ValueError(f"{len(names)} tensors are {what}: {listed}; {remedy}")
