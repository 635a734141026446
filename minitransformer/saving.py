"""A model in a folder: all that is needed to use it again.

    config.json         the sizes of the model, its tokenizer, and notes
    model.safetensors   the weights, with the same config inside

Each file comes to stand under its name in one move, and each names the other's content, so a
folder that was written halfway, or mixed from two, is recognised. Nothing is pickled: loading
runs none of what the files hold.
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import nn

from minitransformer.bert import BertForPreTraining
from minitransformer.bpe import BPETokenizer
from minitransformer.config import ModelConfig, config_from_dict
from minitransformer.gpt import GPT
from minitransformer.lora import LoRALinear
from minitransformer.parts import Parts
from minitransformer.seq2seq import Seq2Seq
from minitransformer.tokenizers import CharTokenizer, WordTokenizer
from minitransformer.training.checkpoint import load_tensors, load_weights, save_tensors
from minitransformer.wordpiece import WordPieceTokenizer

FORMAT = "minitransformer model 1"
CONFIG, WEIGHTS = "config.json", "model.safetensors"


@dataclass
class SavedModel:
    """What a folder holds.

    Args:
        model: a GPT, a BertForPreTraining or a Seq2Seq, in evaluation mode, on the CPU.
        tokenizer: for its text; None where none was saved.
        target_tokenizer: for what a Seq2Seq writes; None where it is the same.
        notes: whatever else was saved with it, as JSON values.
    """

    model: nn.Module
    tokenizer: Any = None
    target_tokenizer: Any = None
    notes: dict[str, Any] = field(default_factory=dict)


def save_model(
    folder: str | os.PathLike[str],
    model: nn.Module,
    tokenizer: Any = None,
    target_tokenizer: Any = None,
    notes: dict[str, Any] | None = None,
) -> None:
    """Write a model so that :func:`load_model` needs nothing else.

    Args:
        folder: made where it is missing; a model in it is replaced.
        model: a GPT, a BertForPreTraining or a Seq2Seq.
        tokenizer: a CharTokenizer, WordTokenizer, WordPieceTokenizer or BPETokenizer.
        target_tokenizer: the same, for the language that a Seq2Seq writes.
        notes: anything else worth keeping, as JSON values.

    Raises:
        TypeError: the model or a tokenizer is of another class.
        ValueError: the model has LoRA layers, or weights of several number types.
    """
    kinds = _model_classes()
    if type(model) not in kinds.values():
        raise TypeError(
            f"model must be a {', '.join(each.__name__ for each in kinds.values())}, got "
            f"{type(model).__name__}; save the tensors of others with safetensors"
        )
    _check_merged(model)
    config = {
        "format": FORMAT,
        "model": model.config.to_dict(),
        "tokenizer": _describe(tokenizer),
        "target_tokenizer": _describe(target_tokenizer),
        "notes": notes or {},
    }
    text = json.dumps(config, ensure_ascii=False, indent=1) + "\n"
    folder, tensors = Path(folder), model.state_dict()
    _check_dtype(tensors, "the model")
    save_tensors(folder / WEIGHTS, tensors, {"config": json.loads(text)})
    beside = folder / f"{CONFIG}.{os.getpid()}.part"
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, folder / CONFIG)
    finally:
        beside.unlink(missing_ok=True)


def load_model(folder: str | os.PathLike[str], parts: Parts | None = None) -> SavedModel:
    """Read what :func:`save_model` wrote.

    Args:
        folder: the folder.
        parts: what to build the model from; see ``parts.Parts``.

    Raises:
        FileNotFoundError: there is no such folder, or one of its two files is missing.
        ValueError: a file is damaged, foreign, or belongs to another model.
    """
    folder = Path(folder)
    config = read_config(folder)
    tensors, inside = load_tensors(_file(folder, WEIGHTS))
    if inside.get("config") != config:
        raise ValueError(
            f"{CONFIG} and {WEIGHTS} in {folder} were not saved together; take both files from "
            "one saved model, or save it again"
        )
    dtype = _check_dtype(tensors, str(folder / WEIGHTS))
    sizes = config_from_dict(config["model"])
    with torch.random.fork_rng(devices=[]):  # the first weights are drawn, and replaced at once
        model = new_model(sizes, parts)
    model = model.to(dtype)
    load_weights(model, tensors, str(folder / WEIGHTS))
    tokenizers = (_make(config[name]) for name in ("tokenizer", "target_tokenizer"))
    return SavedModel(model.eval(), *tokenizers, config["notes"])


def new_model(config: ModelConfig, parts: Parts | None = None) -> nn.Module:
    """The model that a configuration describes, with its first weights from torch's generator."""
    return _model_classes()[config.kind](config, parts)


def read_config(folder: str | os.PathLike[str]) -> dict[str, Any]:
    """The ``config.json`` of a saved model, checked; the weights are not read.

    Raises: as for :func:`load_model`.
    """
    path = _file(Path(folder), CONFIG)
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # neither JSON nor UTF-8
        raise ValueError(f"{path} is damaged ({error}); copy it again, or save anew") from error
    if not isinstance(config, dict) or config.get("format") != FORMAT:
        _refuse(path, config if isinstance(config, dict) else {})
    try:
        config_from_dict(config["model"])
        for name in ("tokenizer", "target_tokenizer"):
            _make(config[name])
        config["notes"].items()
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        reason = f"{error} is missing" if isinstance(error, KeyError) else error
        raise ValueError(
            f"{path} does not describe a model ({reason}); copy it again, or save the model anew"
        ) from error
    return config


def _check_merged(model: nn.Module) -> None:
    """No layer is in two parts: the sizes in a configuration could not say so."""
    for name, layer in model.named_modules():
        if isinstance(layer, LoRALinear):
            raise ValueError(
                f"a model with LoRA layers (such as {name}) cannot be saved; add their changes in "
                "with lora.merge_lora, or save lora.lora_weights(model) alone with safetensors"
            )


def _check_dtype(tensors: dict[str, torch.Tensor], owner: str) -> torch.dtype:
    """The one floating-point dtype of all weights."""
    dtypes = {tensor.dtype for tensor in tensors.values()}
    if len(dtypes) == 1 and next(iter(dtypes)).is_floating_point:
        return dtypes.pop()
    raise ValueError(
        f"{owner} must have weights of one floating-point dtype, got "
        f"{', '.join(sorted(map(str, dtypes))) or 'none'}; convert a model with .float(), or copy "
        "the file again"
    )


def _refuse(path: Path, config: dict[str, Any]) -> None:
    if "model_type" in config or "architectures" in config:
        raise ValueError(
            f"{path} was written by Hugging Face's transformers (model_type "
            f"{config.get('model_type')!r}); read the folder with "
            "minitransformer.interop.load_hugging_face, and save it with save_model"
        )
    raise ValueError(
        f"{path} was not written by minitransformer: its format is {config.get('format')!r}, "
        f"expected {FORMAT!r}; name the folder of a model that was saved by this version"
    )


def _file(folder: Path, name: str) -> Path:
    path = folder / name
    if path.is_file():
        return path
    if not folder.is_dir():
        raise FileNotFoundError(f"there is no folder {folder}; name one that a model was saved in")
    other = CONFIG if name == WEIGHTS else WEIGHTS
    if (folder / other).is_file():
        raise FileNotFoundError(
            f"{path} is missing, though {other} is there: the folder was written or copied "
            "halfway; copy it again, or save the model anew"
        )
    raise FileNotFoundError(
        f"there is no saved model in {folder}: {CONFIG} and {WEIGHTS} are missing; "
        "a run that has not finished goes on when its train command is given again"
    )


def _model_classes() -> dict[str, type[nn.Module]]:
    return {"gpt": GPT, "bert": BertForPreTraining, "seq2seq": Seq2Seq}


def _describe(tokenizer: Any) -> dict[str, Any] | None:
    """A tokenizer as JSON values, with its kind."""
    if tokenizer is None:
        return None
    for kind, (cls, names, _) in _tokenizers().items():
        if type(tokenizer) is cls:
            return {"kind": kind} | {name: getattr(tokenizer, name) for name in names}
    known = ", ".join(cls.__name__ for cls, _, _ in _tokenizers().values())
    raise TypeError(f"a tokenizer must be a {known}, got {type(tokenizer).__name__}")


def _make(values: dict[str, Any] | None) -> Any:
    """The tokenizer that :func:`_describe` described."""
    if values is None:
        return None
    known = _tokenizers()
    if values["kind"] not in known:
        raise ValueError(f"tokenizer must be one of {', '.join(known)}, got {values['kind']!r}")
    vocab = values["vocab"]
    if not all(type(index) is int for index in vocab.values()):
        raise ValueError("every token of a vocabulary must have a whole number")
    _, names, make = known[values["kind"]]
    return make(*(values[name] for name in names))


def _tokenizers() -> dict[str, tuple[type, tuple[str, ...], Callable[..., Any]]]:
    """Kind to class, to what describes one, and to what makes one from that."""
    return {
        "characters": (CharTokenizer, ("vocab",), CharTokenizer),
        "words": (WordTokenizer, ("vocab",), WordTokenizer),
        "wordpiece": (WordPieceTokenizer, ("vocab", "lower", "strip"), WordPieceTokenizer),
        "bpe": (BPETokenizer, ("vocab", "merges"), BPETokenizer),
    }
