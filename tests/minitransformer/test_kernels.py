"""The kernel of our own against PyTorch's and small steps, and where it is taken."""

import pytest
import torch
import torch.nn.functional as F

from minitransformer.kernels import GeluTanh
from minitransformer.parts import fused_gelu


def numbers(dtype=torch.float64) -> torch.Tensor:
    """From where the GELU is flat to where it is x."""
    return torch.linspace(-30, 30, 301, dtype=dtype).requires_grad_()


@pytest.fixture
def taken(monkeypatch):
    """How often the kernel of our own ran."""
    runs = []
    apply = GeluTanh.apply
    monkeypatch.setattr(GeluTanh, "apply", lambda x: runs.append(1) or apply(x))
    return runs


def test_the_gelu_and_its_gradient_are_pytorchs(taken):
    x = numbers()
    mine, theirs = fused_gelu(x, tanh=True), F.gelu(x, approximate="tanh")
    assert taken == [1]
    torch.testing.assert_close(mine, theirs)
    one, other = (torch.autograd.grad(y.sum(), x)[0] for y in (mine, theirs))
    torch.testing.assert_close(one, other)


def test_its_gradient_is_that_of_small_steps():
    x = torch.randn(40, generator=torch.Generator().manual_seed(5), dtype=torch.float64)
    assert torch.autograd.gradcheck(GeluTanh.apply, x.requires_grad_())


def test_the_exact_gelu_and_low_precision_are_left_to_pytorch(taken):
    fused_gelu(numbers(), tanh=False)
    fused_gelu(numbers(torch.bfloat16), tanh=True)
    with torch.autocast("cpu", torch.bfloat16):
        fused_gelu(numbers(torch.float32), tanh=True)
    assert taken == []
