"""What the parity tests share: random sizes, random weights, and how far two results are apart."""

import os
import random

import pytest
import torch

os.environ.setdefault("HF_HUB_OFFLINE", "1")  # before the first import of transformers

SEEDS = range(24)
DTYPES = [torch.float64, torch.float32]
BARS = {torch.float64: 1e-10, torch.float32: 1e-5}


@pytest.fixture(autouse=True)
def quiet():
    """No advice and no progress bars from transformers, and no network."""
    from transformers.utils import logging

    before = logging.get_verbosity()
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    yield
    logging.set_verbosity(before)
    logging.enable_progress_bar()


class Draw:
    """Everything random in one configuration, from one seed."""

    def __init__(self, seed: int, dtype: torch.dtype):
        self.choose = random.Random(seed)
        self.generator, self.dtype = torch.Generator().manual_seed(seed), dtype
        pick = self.choose.choice
        # At least 6 in all: a norm over two numbers leaves their signs, and gradients of noise.
        self.num_heads, self.d_head = pick([(1, 7), (2, 3), (2, 5), (3, 2), (3, 7), (5, 2), (5, 3)])
        self.d_model = self.num_heads * self.d_head
        self.num_layers, self.d_ff = pick([1, 2, 3]), pick([5, 11, 13, 16])
        self.vocab, self.batch = pick([13, 17, 19]), pick([1, 2, 3, 5])
        self.seq = pick([3, 5, 7, 8])
        self.max_seq = self.seq + pick([0, 1, 3])
        self.padding = ("left", "right", "none")[seed % 3]
        self.attention = ("eager", "sdpa")[seed // 3 % 2]

    def sizes(self) -> dict:
        """Ours, but for activation and norm."""
        return {
            "vocab_size": self.vocab,
            "max_seq": self.max_seq,
            "d_model": self.d_model,
            "num_heads": self.num_heads,
            "num_layers": self.num_layers,
            "d_ff": self.d_ff,
        }

    def normal(self, *shape: int) -> torch.Tensor:
        return torch.randn(shape, generator=self.generator, dtype=self.dtype)

    def ids(self, *shape: int, size: int | None = None) -> torch.Tensor:
        return torch.randint(size or self.vocab, shape, generator=self.generator)

    def real(self) -> torch.Tensor:
        """Which tokens are real: some on the left or on the right of each row are not."""
        lengths = torch.randint(1, self.seq + 1, (self.batch, 1), generator=self.generator)
        lengths[0] = max(2, lengths[0])  # somewhere, one token follows another
        real = torch.arange(self.seq) < lengths
        if self.padding == "none":
            return torch.ones_like(real)
        return real.flip(1) if self.padding == "left" else real

    @torch.no_grad()
    def fill(self, model: torch.nn.Module) -> None:
        """Every weight anew, those that start as 0 or 1 as well; activations stay near 1."""
        for name, parameter in model.to(self.dtype).named_parameters():
            values = self.normal(*parameter.shape)
            if parameter.dim() > 1:
                values = values / self.d_model**0.5
            elif name.endswith("weight"):  # the scale of a norm
                values = 1 + 0.3 * values
            parameter.copy_(values)


def distance(found: torch.Tensor, expected: torch.Tensor) -> float:
    """The largest difference, relative to the largest expected value."""
    assert found.shape == expected.shape and found.dtype == expected.dtype
    return ((found - expected).abs().max() / expected.abs().max()).item()


def furthest(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> float:
    """The same over tensors by name, each against the largest value of all."""
    assert found.keys() == expected.keys()
    largest = max(tensor.abs().max().item() for tensor in expected.values())
    for name in expected:
        assert found[name].shape == expected[name].shape, name
    return max((found[n] - expected[n]).abs().max().item() for n in expected) / largest


def gradients(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """By name; a parameter that got none has zeros."""
    return {
        name: torch.zeros_like(p) if p.grad is None else p.grad.clone()
        for name, p in model.named_parameters()
    }
