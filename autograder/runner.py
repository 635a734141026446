"""Runs one probe on one function, the same way in the worker, in the notebook and in the judge.

What comes out is an observation: named values, or the exception that was raised. Torch's global
state (seed, default dtype, grad mode) is set before each run and put back after it, so that a
learner who changed it loses nothing. Nothing here compares or scores.
"""

import contextlib
import functools
import traceback
import warnings
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode

from autograder import probes

MESSAGE_LIMIT = 500


def observe(
    namespace: Mapping[str, Any],
    name: str,
    probe: str,
    inputs: dict[str, Any],
    forbidden: tuple[str, ...] = (),
    alone: bool = False,
    device: str = "cpu",
) -> dict[str, Any]:
    """Run a probe on `namespace[name]`.

    Args:
        namespace: where the learner's cells were run.
        name: the exercise's id.
        probe: the name of a function of `autograder.probes`.
        inputs: what the probe takes.
        forbidden: functions of torch that would do the exercise; see `Shortcuts`.
        alone: True in a worker, where nothing else runs: nothing need be put back, and `Bounds`
            keeps torch's functions away.
        device: where the inputs are put, and what is made without a device.

    Returns:
        {"values": {…}} or {"error": {"type", "message", "line", "cell"}}; and "shortcut", the
        name of a forbidden function, when one was called.
    """
    if name not in namespace:
        error = {"type": "NameError", "message": f"{name} is not defined", "line": 0, "cell": ""}
        return {"error": error}
    shortcuts = Shortcuts(() if alone else forbidden)
    with contextlib.nullcontext() if alone else kept_state():
        clean()
        try:
            target = namespace[name]
            with on(device), shortcuts.watched():
                if device != "cpu":
                    target, inputs = placed(target, device), moved(inputs, device)
                seen: dict[str, Any] = {"values": getattr(probes, probe)(target, inputs)}
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            seen = {"error": describe(error)}
    if shortcuts.called:
        seen["shortcut"] = shortcuts.called[0]
    return seen


def warm_up(alone: bool = False) -> None:
    """Use once what torch loads on its first use: autograd, draws and, unless alone, its modes.

    The modes bring the whole compiler along, about a second; a worker has no use for them.
    """
    layer = {"layer": lambda x: torch.nn.Linear(2, 2)(x).softmax(-1) + torch.rand(2)}
    inputs = {"arguments": {"x": torch.zeros(2, 2)}, "cotangent_seed": 0}
    observe(layer, "layer", "gradients", inputs, ("softmax",), alone)


def describe(error: BaseException) -> dict[str, Any]:
    """An exception as plain data: type, message, and the innermost line in a notebook cell."""
    line, cell = 0, ""
    for frame in traceback.extract_tb(error.__traceback__):
        if frame.filename.startswith("<cell ") or "ipykernel" in frame.filename:
            line, cell = frame.lineno or 0, frame.filename
    if isinstance(error, SyntaxError):
        line, cell = error.lineno or 0, error.filename or ""
    try:
        message = str(error)
    except BaseException:
        message = "(its message could not be read)"
    return {
        "type": type(error).__name__[:80],
        "message": message[:MESSAGE_LIMIT].encode("utf-8", "replace").decode(),
        "line": line,
        "cell": cell[:80],
    }


def moved(value: Any, device: str) -> Any:
    """Inputs with all their tensors on a device."""
    if isinstance(value, torch.Tensor):
        return value.to(device)
    if isinstance(value, dict):
        return {name: moved(item, device) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(moved(item, device) for item in value)
    return value


def placed(target: Any, device: str) -> Any:
    """A class whose modules are on a device, however they were made; anything else as it is."""
    if not isinstance(target, type) or not issubclass(target, torch.nn.Module):
        return target
    return lambda *sizes, **options: target(*sizes, **options).to(device)


@contextlib.contextmanager
def on(device: str) -> Iterator[None]:
    """What is made without a device is made on this one, and draws are those of the CPU."""
    if device == "cpu":
        yield
        return
    with torch.device(device), CpuDraws():
        yield


class CpuDraws(TorchDispatchMode):
    """Every draw is made on the CPU and brought to where it belongs: a GPU's would be others."""

    def __torch_dispatch__(
        self, operator: Any, types: Any, arguments: Any = (), options: Any = None
    ) -> Any:
        options = options or {}
        draws = torch.Tag.nondeterministic_seeded in operator.tags
        generator = options.get("generator")
        theirs = generator is not None and generator.device.type != "cpu"
        # Fused attention might drop weights; a learner's generator of a GPU draws on it.
        if not draws or theirs or "attention" in str(operator):
            return operator(*arguments, **options)
        tensors = [item for item in arguments if isinstance(item, torch.Tensor)]
        device = options.get("device") or (tensors[0].device if tensors else "cpu")
        here = {**options, "device": "cpu"} if "device" in options else options
        found = operator(*moved(arguments, "cpu"), **moved(here, "cpu"))
        if operator._schema.is_mutable:
            return arguments[0].copy_(found)
        return moved(found, device)


def clean() -> None:
    """Torch's defaults, whatever the learner set; no warnings."""
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)  # a check's tensors are tiny: several threads only wait
    torch.set_default_dtype(torch.float32)
    if torch.get_default_device().type != "cpu":  # one that is set slows every call down
        torch.set_default_device(None)
    torch.set_grad_enabled(True)
    torch.default_generator.manual_seed(0)  # torch.manual_seed writes three stack traces
    if torch.cuda.is_initialized():
        torch.cuda.manual_seed_all(0)


@contextlib.contextmanager
def kept_state() -> Iterator[None]:
    """Whatever the learner set of torch and of warnings is put back afterwards."""
    dtype, grad, random = torch.get_default_dtype(), torch.is_grad_enabled(), torch.get_rng_state()
    device, threads = torch.get_default_device(), torch.get_num_threads()
    try:
        with warnings.catch_warnings():
            yield
    finally:
        torch.set_num_threads(threads)
        torch.set_default_dtype(dtype)
        if torch.get_default_device() != device:
            torch.set_default_device(device)
        torch.set_grad_enabled(grad)
        torch.set_rng_state(random)


def bare(name: str) -> str:
    """What people call an operator: "aten::_softmax.out" is "softmax"."""
    return name.split("::")[-1].split(".")[0].strip("_").removeprefix("native_")


@functools.lru_cache(maxsize=2**14)
def _forbidden(name: str, forbidden: tuple[str, ...]) -> str:
    """What people call this operator, if it is out of bounds."""
    plain = bare(name)
    return plain if plain.startswith(forbidden) else ""


class Shortcuts:
    """Notes every call of a forbidden torch function, at two levels.

    A function counts when its bare name starts with a forbidden one: "softmax" covers
    `torch.softmax`, `F.softmax`, `Tensor.softmax`, `nn.Softmax` (function mode) and the operator
    `aten::_softmax` behind them all (dispatch mode). This is a policy, not a wall.

    Args:
        forbidden: bare names, such as "scaled_dot_product_attention".
    """

    def __init__(self, forbidden: tuple[str, ...]) -> None:
        self.forbidden = forbidden
        self.called: list[str] = []

    def note(self, name: str) -> None:
        """Remember the call if it is forbidden."""
        found = _forbidden(name, self.forbidden)
        if found:
            self.called.append(found)

    @contextlib.contextmanager
    def watched(self) -> Iterator[None]:
        """Inside, calls are noted; free where nothing is forbidden."""
        if not self.forbidden:
            yield
            return
        with _Functions(self), _Operators(self):
            yield


class _Functions(TorchFunctionMode):
    def __init__(self, shortcuts: Shortcuts) -> None:
        super().__init__()
        self.shortcuts = shortcuts

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.shortcuts.note(getattr(func, "__name__", ""))
        return func(*args, **(kwargs or {}))


class _Operators(TorchDispatchMode):
    def __init__(self, shortcuts: Shortcuts) -> None:
        super().__init__()
        self.shortcuts = shortcuts

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        self.shortcuts.note(func.name())
        return func(*args, **(kwargs or {}))
