"""What a run leaves on disk: a model to use, and a checkpoint to go on from.

A model is a folder with ``config.json`` (sizes, and the tokenizer's vocabulary) and
``model.safetensors``. A checkpoint is one file that holds weights, optimiser state and history;
it is written beside the old one and then takes its place, so a run killed at any moment leaves a
whole one. Nothing is pickled: loading a file runs none of its content.
"""

import json
import os
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.optim import Optimizer

FORMAT = "minitransformer checkpoint 1"


def save_tensors(path: Path, tensors: dict[str, Tensor], notes: dict[str, Any]) -> None:
    """Write named tensors and JSON notes to one file, whole or not at all.

    Raises:
        OSError: it cannot be written, as when the disk is full; an earlier file stays as it is.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    flat = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    try:
        beside.touch()  # takes the permissions that files get here; safetensors makes its own
        mode = beside.stat().st_mode
        save_file(flat, beside, {"format": FORMAT, "notes": json.dumps(notes)})
        beside.chmod(mode)
        with open(beside, "rb") as file:
            os.fsync(file.fileno())
        os.replace(beside, path)
    except SafetensorError as error:
        raise OSError(
            f"{path} cannot be written ({error}); make room on its disk, and repeat the command"
        ) from error
    finally:
        beside.unlink(missing_ok=True)


def load_tensors(path: Path) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Read what :func:`save_tensors` wrote.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: the file is cut off, damaged, or something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"there is no checkpoint at {path}; check the path")
    with open(path, "rb"):  # may it be read? safetensors would call it missing
        pass
    try:
        with safe_open(path, "pt") as file:
            notes = file.metadata() or {}
        tensors = load_file(path)
    except (SafetensorError, OSError, ValueError) as error:
        raise ValueError(
            f"{path} is damaged or not a safetensors file ({error}); "
            "copy it again, or train the model anew"
        ) from error
    if notes.get("format") != FORMAT:
        raise ValueError(
            f"{path} was not written by minitransformer: its format is "
            f"{notes.get('format')!r}, expected {FORMAT!r}; weights from Hugging Face are read "
            "with minitransformer.interop"
        )
    try:
        return tensors, dict(json.loads(notes["notes"]))
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(
            f"the notes inside {path} are damaged ({error!r}); copy it again, or train the model "
            "anew"
        ) from error


def load_weights(model: nn.Module, tensors: dict[str, Tensor], source: str) -> None:
    """Give a model its weights.

    Raises:
        ValueError: a tensor is missing, is too many, or has another shape than the model's.
    """
    own = model.state_dict()
    for name, tensor in own.items():
        if name not in tensors:
            raise ValueError(f"{source} has no tensor {name!r}; it belongs to another model")
        if tensors[name].shape != tensor.shape:
            raise ValueError(
                f"tensor {name!r} of {source} has shape {tuple(tensors[name].shape)}, the model "
                f"needs {tuple(tensor.shape)}; use the configuration it was saved with"
            )
    surplus = sorted(set(tensors) - set(own))
    if surplus:
        raise ValueError(f"{source} has tensors that the model lacks: {', '.join(surplus[:5])}")
    model.load_state_dict(tensors)


def pack_optimizers(optimizers: list[Optimizer]) -> tuple[dict[str, Tensor], list[Any]]:
    """The state of optimisers as named tensors, and the rest as JSON values."""
    tensors, rest = {}, []
    for number, optimizer in enumerate(optimizers):
        state = optimizer.state_dict()
        plain: dict[str, dict[str, Any]] = {}
        for index, entries in state["state"].items():
            for name, value in entries.items():
                if isinstance(value, Tensor):
                    tensors[f"optimizer.{number}.{index}.{name}"] = value
                else:
                    plain.setdefault(str(index), {})[name] = value
        rest.append(plain)
    return tensors, rest


def unpack_optimizers(
    optimizers: list[Optimizer], tensors: dict[str, Tensor], rest: list[Any]
) -> None:
    """Give freshly made optimisers the state that :func:`pack_optimizers` took."""
    for number, optimizer in enumerate(optimizers):
        state = optimizer.state_dict()
        state["state"] = {int(index): dict(plain) for index, plain in rest[number].items()}
        prefix = f"optimizer.{number}."
        for key, tensor in tensors.items():
            if key.startswith(prefix):
                index, name = key.removeprefix(prefix).split(".", 1)
                state["state"].setdefault(int(index), {})[name] = tensor
        optimizer.load_state_dict(state)
