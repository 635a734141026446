"""A device that is not the CPU, for machines that have none: what a GPU would refuse, it refuses.

    with far.away():
        torch.ones(2, device=far.DEVICE) + torch.ones(2)  # RuntimeError: on different devices

Its tensors hold their numbers on the CPU, and say that they are elsewhere. Operations must find all
their tensors there, a CPU's generator draws nothing there, its own draws are others than the
CPU's, and numpy cannot read it. The device's name is that of one that torch knows and never has.
"""

import contextlib

import pytest
import torch
from torch.utils import backend_registration
from torch.utils._mode_utils import no_dispatch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_flatten, tree_map_only

DEVICE = "far:0"
INDEXING = (torch.ops.aten.index, torch.ops.aten.index_put, torch.ops.aten.index_put_)


class Far(torch.Tensor):
    """A tensor there; its numbers are in `near`."""

    @staticmethod
    def __new__(cls, near):
        return torch.Tensor._make_wrapper_subclass(
            cls,
            near.shape,
            strides=near.stride(),
            storage_offset=near.storage_offset(),
            dtype=near.dtype,
            device=DEVICE,
        )

    def __init__(self, near):
        self.near = near

    __torch_function__ = torch._C._disabled_torch_function_impl

    @classmethod
    def __torch_dispatch__(cls, function, types, arguments=(), options=None):
        return _run(function, arguments, options or {}, torch.Generator().manual_seed(1))

    def numpy(self, **options):
        raise TypeError(f"can't convert {DEVICE} device type tensor to numpy")

    def __array__(self, dtype=None, copy=None):
        return self.numpy()

    def tolist(self):
        return self.near.tolist()

    def __format__(self, how):
        return format(self.near, how)

    def __repr__(self, **options):
        return f"Far({self.near})"


Far.__name__ = "Tensor"  # in messages it reads as any other


class _Away(TorchDispatchMode):
    """Sees every operation, those that make tensors of nothing included."""

    def __init__(self):
        super().__init__()
        self.draws = torch.Generator().manual_seed(1)

    def __torch_dispatch__(self, function, types, arguments=(), options=None):
        return _run(function, arguments, options or {}, self.draws)


class _Backend(getattr(backend_registration, "_DummyBackendModule", object)):
    """What torch asks of a device that it does not know."""

    def get_amp_supported_dtype(self):
        return [torch.bfloat16]

    def get_rng_state(self, device=None):
        return torch.empty(0)

    def set_rng_state(self, state, device=None):
        pass


_libraries = []


def register():
    """Teach torch the device; at once, since autograd counts the devices when it first runs.

    From then on it has a thread for this one, and a judge that is forked could not use it: so the
    tests that need the device are run by themselves, with `pytest -m far`.
    """
    teach = getattr(backend_registration, "_setup_privateuseone_for_python_backend", None)
    if teach is not None:  # not in every torch that the course supports
        teach("far", _Backend())
        library = torch.library.Library("aten", "IMPL")
        library.impl("_local_scalar_dense", lambda tensor: tensor.near.item(), "PrivateUse1")
        _libraries.append(library)  # as long as it is kept


@contextlib.contextmanager
def away():
    """In here the device exists."""
    if not _libraries:
        pytest.skip("this torch cannot be taught a device in Python")
    before = torch._C._only_lift_cpu_tensors(), torch.inference_mode
    torch._C._set_only_lift_cpu_tensors(True)
    torch.inference_mode = torch.no_grad  # which a tensor of our own cannot be in
    try:
        with _Away():
            yield
    finally:
        torch.inference_mode = before[1]
        torch._C._set_only_lift_cpu_tensors(before[0])


def _run(function, arguments, options, draws):
    tensors = [t for t in tree_flatten((arguments, options))[0] if isinstance(t, torch.Tensor)]
    there = [isinstance(t, Far) for t in tensors]
    wanted = options.get("device")
    far = any(there) if wanted is None else torch.device(wanted) == torch.device(DEVICE)
    if any(there) and function.overloadpacket in INDEXING:  # a GPU takes indices from the CPU
        there[1:] = [True] * (len(there) - 1) if there[0] else there[1:]
    copies = function.overloadpacket in (torch.ops.aten.copy_, torch.ops.aten._to_copy)
    mixed = any(x.dim() and not t for t, x in zip(there, tensors, strict=True))
    if mixed and any(there) and not copies:  # a number may be anywhere
        raise RuntimeError(f"Expected all tensors to be on the same device: {function}")
    if not far and not any(there):
        return function(*arguments, **options)
    near = {**options, **({"device": "cpu"} if wanted is not None else {})}
    inside, near = tree_map_only(Far, lambda t: t.near, (arguments, near))
    if torch.Tag.nondeterministic_seeded in function.tags:
        found = _drawn(function, inside, near, draws)
    else:
        found = function(*inside, **near)
    if torch.Tag.inplace_view in function.tags:  # changes the tensor's shape, and no number
        with no_dispatch():
            return function(*arguments, **options)
    if function._schema.is_mutable and len(function._schema.returns) == 1:
        return options.get("out", arguments[0])
    return tree_map_only(torch.Tensor, Far, found) if far else found


def _drawn(function, arguments, options, draws):
    """A draw there: by its own generator, whose numbers are others than the CPU's."""
    if options.get("generator") is not None:
        raise RuntimeError(f"Expected a '{DEVICE}' device type for generator but found 'cpu'")
    before = torch.get_rng_state()
    torch.set_rng_state(draws.get_state())
    try:
        return function(*arguments, **options)
    finally:
        draws.set_state(torch.get_rng_state())
        torch.set_rng_state(before)
