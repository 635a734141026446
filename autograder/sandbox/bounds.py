"""Takes torch's own functions away while an exercise that is to build them is observed.

In a notebook `runner.Shortcuts` sees a call through torch's modes, which belong to one thread and
can be switched off. Here the functions themselves are replaced, and the operators underneath
Python: plain calls, aliases, `getattr`, `torch.ops`, `torch.compile`, TorchScript, other threads
and layers written in C++ all end in the same exception. Before and after, they work as ever: a
learner may compare with them.

A policy, not a wall: it runs in the worker, and who rewrites our own code there can undo it.
"""

import bisect
import contextlib
import functools
import importlib
import inspect
import itertools
import sys
import types
import warnings
from typing import Any, NoReturn

import torch
import torch.overrides
from torch import nn

from autograder.runner import bare

KEYS = ("BackendSelect", "CPU")
"""Every tensor's way leads through the first; `redispatch` could go straight to the second."""

COMPUTE = ("CPU", "CUDA", "CompositeImplicitAutograd", "CompositeExplicitAutograd")

IN_PYTHON: dict[str, tuple[Any, ...]] = {
    "multi_head_attention": (nn.functional.multi_head_attention_forward,),
    "cross_entropy": (torch.distributions.Categorical.log_prob,),
}
"""What is made of allowed operators and does the exercise all the same."""

WRITTEN_AGAIN = ("torch._refs", "torch._refs.nn.functional", "torch._decomp.decompositions")
"""Modules in which torch has its operators a second time, in Python: the compiler's texts."""

NOT_IMPORTED = ("torch.nn.attention.flex_attention",)
"""Modules that write an exercise's function anew, and that nothing else here needs."""


@functools.cache
def operators() -> list[tuple[str, str]]:
    """Each of torch's operators that computes something here: (bare name, name), sorted."""
    names = torch._C._dispatch_get_all_op_names()
    runs = torch._C._dispatch_has_kernel_for_dispatch_key
    return sorted(
        (bare(name), name)
        for name in names
        if name.startswith("aten::") and "backward" not in name
        if any(runs(name, key) for key in COMPUTE)
    )


@functools.cache
def functions() -> list[tuple[str, types.FunctionType]]:
    """Torch's functions that are written in Python, by their bare names."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch looks at its own deprecated names
        overridable = torch.overrides.get_overridable_functions().values()
    named = {one for group in overridable for one in group if isinstance(one, types.FunctionType)}
    named |= _written_again()
    found = [(bare(one.__name__), one) for one in named if not one.__closure__]  # no room for ours
    return sorted(
        found + [(name, one) for name, group in IN_PYTHON.items() for one in group],
        key=lambda pair: pair[0],
    )


def _written_again() -> set[types.FunctionType]:
    """What is under the decorators of torch's operators in Python."""
    found = set()
    for name in WRITTEN_AGAIN:
        with contextlib.suppress(ImportError):  # not in this version of torch
            for one in vars(importlib.import_module(name)).values():
                inner = inspect.unwrap(one) if isinstance(one, types.FunctionType) else None
                if isinstance(inner, types.FunctionType) and "backward" not in inner.__name__:
                    found.add(inner)
    return found


def starting_with(prefix: str) -> dict[str, str]:
    """Name → bare name of the operators whose bare name starts so."""
    first = bisect.bisect_left(operators(), (prefix,))
    rest = itertools.islice(operators(), first, None)
    found = itertools.takewhile(lambda pair: pair[0].startswith(prefix), rest)
    return {name: plain for plain, name in found}


class Bounds:
    """What is out of bounds now.

    Args of `forbid`: as for `runner.Shortcuts`; the calls that were tried stand in `called`.
    """

    def __init__(self) -> None:
        self.called: list[str] = []
        self._forbidden: tuple[str, ...] = ()
        self._held: list[Any] = []
        self._replaced: list[tuple[types.FunctionType, types.CodeType]] = []
        for name in NOT_IMPORTED:
            sys.modules[name] = None  # type: ignore[assignment]

    def forbid(self, forbidden: tuple[str, ...]) -> None:
        """From now on these functions are out of bounds, and no others."""
        self.called.clear()
        if forbidden == self._forbidden:
            return
        self._held.clear()  # torch puts its own operators back
        while self._replaced:
            function, code = self._replaced.pop()
            function.__code__ = code
        self._forbidden = forbidden
        if forbidden:
            if "torch._dynamo" in sys.modules:  # what was compiled is run as it was written
                torch.compiler.set_stance("force_eager")
            self._remove_operators()
            self._remove_functions()

    def _remove_operators(self) -> None:
        wanted = {n: b for prefix in self._forbidden for n, b in starting_with(prefix).items()}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # torch warns of every kernel that is replaced
            for key in KEYS:
                library = torch._C._dispatch_library("IMPL", "aten", key, __file__, 0)
                for name, plain in wanted.items():
                    library.impl(name.removeprefix("aten::"), key, self._refusal(plain))
                self._held.append(library)

    def _remove_functions(self) -> None:
        for name, function in functions():
            if name.startswith(self._forbidden):
                self._replaced.append((function, function.__code__))
                hook = f"_out_of_bounds_{name}"
                function.__globals__[hook] = self._refusal(name)
                function.__code__ = _calls_a_hook.__code__.replace(co_names=(hook,))

    def _refusal(self, name: str) -> Any:
        def refuse(*arguments: Any, **options: Any) -> NoReturn:
            self.called.append(name)
            raise RuntimeError(f"{name} is what this exercise is to build")

        return refuse


def _calls_a_hook(*arguments: Any, **options: Any) -> Any:
    return _hook()  # type: ignore[name-defined]  # noqa: F821


def warm_up() -> None:
    """Do once what is slow or warns on its first use."""
    bounds = Bounds()
    bounds.forbid(("softmax",))
    bounds.forbid(())
