"""Fine-tuning with few numbers: low-rank changes beside frozen weights (LoRA).

A large weight matrix stays as it is, and a product of two thin ones is learned beside it. After
training the product is added in, and the model is as fast and as large as before.
"""

import math
from collections.abc import Callable, Collection

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class LoRALinear(nn.Module):
    """A linear layer whose weight changes by a matrix of low rank only.

        y = x (W + (alpha / rank) B A)^T + b

    with W ``(d_out, d_in)`` and b frozen, A ``(rank, d_in)`` and B ``(d_out, rank)`` learned. B
    starts at 0, so at first the layer computes what it did before.

    Args:
        layer: the linear layer to build on; its weight and bias are frozen.
        rank: the rank of the change, from 1 to the smaller side of W.
        alpha: how strongly the change counts; with alpha = rank the factor is 1.
        generator: the source of randomness for A, drawn from N(0, 1 / d_in).

    ``weight`` and ``bias`` read as those of a linear layer do, the change included.

    Source: Hu et al., LoRA (2021), section 4.1. We leave out their dropout before A, which no
    single weight could express.
    """

    def __init__(
        self,
        layer: nn.Linear,
        rank: int,
        alpha: float,
        generator: torch.Generator | None = None,
    ):
        super().__init__()
        d_out, d_in = layer.weight.shape
        if not 1 <= rank <= min(d_out, d_in):
            raise ValueError(
                f"rank must lie in 1..{min(d_out, d_in)} (the smaller side of a weight of shape "
                f"{(d_out, d_in)}), got {rank}"
            )
        if not (alpha > 0 and math.isfinite(alpha)):
            raise ValueError(f"alpha must be positive and finite, got {alpha}")
        self.layer, self.alpha = layer.requires_grad_(False), alpha
        self.scale = alpha / rank
        self.A = nn.Parameter(layer.weight.new_empty(rank, d_in))
        self.B = nn.Parameter(layer.weight.new_zeros(d_out, rank))
        nn.init.normal_(self.A, std=d_in**-0.5, generator=generator)

    @property
    def weight(self) -> Tensor:
        """The weight that acts, W + (alpha / rank) B A, ``(d_out, d_in)``."""
        return merged_weight(self.layer.weight, self.A, self.B, self.alpha)

    @property
    def bias(self) -> Tensor | None:
        """The layer's bias b ``(d_out,)``, or None."""
        return self.layer.bias

    def forward(self, x: Tensor) -> Tensor:
        """``(..., d_in)`` to ``(..., d_out)``, through the narrow middle of size rank."""
        return self.layer(x) + self.scale * F.linear(F.linear(x, self.A), self.B)


def merged_weight(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    """One matrix that does what a frozen one and its low-rank change do together.

        W + (alpha / rank) B A

    Args:
        weight: W ``(d_out, d_in)``.
        A: ``(rank, d_in)``.
        B: ``(d_out, rank)``.
        alpha: how strongly the change counts.

    Returns:
        ``(d_out, d_in)``, a new tensor.

    Source: Hu et al., LoRA (2021), section 4.1.
    """
    return weight + alpha / len(A) * (B @ A)


def training_memory(total: int, trained: int, bytes_per_number: int = 4) -> int:
    """The bytes that a model takes while AdamW trains it; activations are left out.

        bytes_per_number (total + 3 trained)

    Every number of the model is kept. Each that is trained has three more beside it: its
    gradient, and AdamW's running means of the gradient and of its square.

    Args:
        total: how many numbers the model has, frozen and trained.
        trained: how many of them are trained.
        bytes_per_number: 4 for float32.

    Source: Rajbhandari et al., ZeRO (2020), section 3.1, who count mixed precision: 16 bytes a
    number there too.
    """
    return bytes_per_number * (total + 3 * trained)


def add_lora(
    model: nn.Module,
    rank: int,
    alpha: float,
    targets: Collection[str] = ("query", "value"),
    generator: torch.Generator | None = None,
    layer: Callable[..., nn.Module] | None = None,
) -> nn.Module:
    """Freeze a model, and give its linear layers of these names a change that can be learned.

    A head that shall be trained in full beside it is left alone by passing only the part below
    the head, such as ``model.bert``.

    Args:
        model: changed in place.
        rank, alpha: see :class:`LoRALinear`.
        targets: the names that layers have in their modules; the paper's choice if left out.
        generator: the source of randomness.
        layer: your own :class:`LoRALinear`; this one if left out.

    Returns:
        The same model, in which only the matrices A and B have gradients.

    Source: Hu et al., LoRA (2021), section 4.2; the choice of query and value: section 7.1.
    """
    if isinstance(targets, str):
        raise TypeError(f"targets must be several names, got one string; write ({targets!r},)")
    found = [
        (parent, name, linear)
        for parent in model.modules()
        for name, linear in parent.named_children()
        if name in targets and isinstance(linear, nn.Linear)
    ]
    missing = set(targets) - {name for _, name, _ in found}
    if missing or not found:
        raise ValueError(
            f"the model has no linear layer named {', '.join(sorted(missing)) or 'by targets'}; "
            f"its layers are {', '.join(_linear_names(model)) or 'none'}"
        )
    model.requires_grad_(False)
    make = LoRALinear if layer is None else layer
    for parent, name, linear in found:
        setattr(parent, name, make(linear, rank, alpha, generator))
    return model


def merge_lora(model: nn.Module) -> nn.Module:
    """Add each learned change into its weight: the same outputs, no layer more than at first.

    Args:
        model: changed in place. What was frozen stays frozen.

    Returns:
        The same model, with ordinary linear layers again.

    Source: Hu et al., LoRA (2021), section 4.1, "No Additional Inference Latency".
    """
    found = [
        (parent, name, layer)
        for parent in model.modules()
        for name, layer in parent.named_children()
        if isinstance(layer, LoRALinear)
    ]
    if not found:
        raise ValueError("the model has no LoRA layer to merge; add_lora makes them")
    with torch.no_grad():
        for parent, name, low_rank in found:
            low_rank.layer.weight.copy_(low_rank.weight)
            setattr(parent, name, low_rank.layer)
    return model


def lora_weights(model: nn.Module) -> dict[str, Tensor]:
    """The learned matrices alone, by name: all that must be stored of a fine-tuned model.

    Into the same model after ``add_lora`` they go back with
    ``model.load_state_dict(weights, strict=False)``.
    """
    return {
        f"{name}.{part}": getattr(layer, part).detach()
        for name, layer in model.named_modules()
        if isinstance(layer, LoRALinear)
        for part in ("A", "B")
    }


def count_trainable(model: nn.Module) -> int:
    """How many numbers have a gradient; rank (d_in + d_out) for each LoRA layer."""
    return sum(weight.numel() for weight in model.parameters() if weight.requires_grad)


def _linear_names(model: nn.Module) -> list[str]:
    """The last names of a model's linear layers."""
    found = {
        name.rpartition(".")[2]
        for name, layer in model.named_modules()
        if isinstance(layer, nn.Linear)
    }
    return sorted(found)
