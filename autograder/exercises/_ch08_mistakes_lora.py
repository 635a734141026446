"""Chapter 8's mistakes and alternatives, fourth part: changes of low rank.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

# training_memory


def memory_of_the_weights(total: int, trained: int, bytes_per_number: int = 4) -> int:
    return bytes_per_number * total


def memory_without_gradients(total: int, trained: int, bytes_per_number: int = 4) -> int:
    return bytes_per_number * (total + 2 * trained)


def memory_without_adamw(total: int, trained: int, bytes_per_number: int = 4) -> int:
    return bytes_per_number * (total + trained)


def memory_of_everything_trained(total: int, trained: int, bytes_per_number: int = 4) -> int:
    return bytes_per_number * 4 * total


def memory_without_the_frozen(total: int, trained: int, bytes_per_number: int = 4) -> int:
    return bytes_per_number * 4 * trained


def memory_of_the_trained_counted_twice(total: int, trained: int, bytes_per_number: int = 4) -> int:
    return bytes_per_number * (total + 4 * trained)


def memory_in_numbers(total: int, trained: int, bytes_per_number: int = 4) -> int:
    return total + 3 * trained


def memory_always_four_bytes(total: int, trained: int, bytes_per_number: int = 4) -> int:
    return 4 * (total + 3 * trained)


def memory_beside_the_weights(total: int, trained: int, bytes_per_number: int = 4) -> int:
    return bytes_per_number * 3 * trained


def memory_with_gradients_of_the_frozen(total: int, trained: int, bytes_per_number: int = 4) -> int:
    return bytes_per_number * (2 * total + 2 * trained)


def memory_with_means_of_the_frozen(total: int, trained: int, bytes_per_number: int = 4) -> int:
    return bytes_per_number * (3 * total + trained)


def memory_with_frozen_and_trained_exchanged(
    total: int, trained: int, bytes_per_number: int = 4
) -> int:
    return bytes_per_number * (trained + 4 * (total - trained))


def memory_part_by_part(total: int, trained: int, bytes_per_number: int = 4) -> int:
    weights, gradients = total, trained
    first_moments = second_moments = trained
    return bytes_per_number * sum([weights, gradients, first_moments, second_moments])


def memory_frozen_and_trained(total: int, trained: int, bytes_per_number: int = 4) -> int:
    frozen = total - trained
    return frozen * bytes_per_number + trained * 4 * bytes_per_number


# LoRALinear


class _LoRA(nn.Module):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__()
        d_out, d_in = layer.weight.shape
        self.layer = layer.requires_grad_(False)
        self.alpha, self.rank = alpha, rank
        self.scale = alpha / rank
        self.A = nn.Parameter(torch.randn(rank, d_in, generator=generator) / math.sqrt(d_in))
        self.B = nn.Parameter(torch.zeros(d_out, rank))

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + self.scale * (x @ self.A.T @ self.B.T)


class LoRABothDrawn(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha, generator)
        self.B = nn.Parameter(torch.randn(self.B.shape, generator=generator))


class LoRABothZero(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha, generator)
        self.A = nn.Parameter(torch.zeros_like(self.A))


class LoRAStartsAtTheOtherEnd(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha, generator)
        self.A = nn.Parameter(torch.zeros_like(self.A))
        self.B = nn.Parameter(torch.randn(self.B.shape, generator=generator))


class LoRANamesExchanged(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha, generator)
        self.A, self.B = self.B, self.A

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + self.scale * (x @ self.B.T @ self.A.T)


class LoRAStoredTransposed(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha, generator)
        self.A = nn.Parameter(self.A.detach().T.contiguous())
        self.B = nn.Parameter(self.B.detach().T.contiguous())

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + self.scale * (x @ self.A @ self.B)


class LoRAWithoutScale(_LoRA):
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + x @ self.A.T @ self.B.T


class LoRAScaledByAlpha(_LoRA):
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + self.alpha * (x @ self.A.T @ self.B.T)


class LoRAScaledByRankOverAlpha(_LoRA):
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + self.rank / self.alpha * (x @ self.A.T @ self.B.T)


class LoRADividedByRank(_LoRA):
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + (x @ self.A.T @ self.B.T) / self.rank


class LoRAScaledByRoot(_LoRA):
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + self.alpha / math.sqrt(self.rank) * (x @ self.A.T @ self.B.T)


class LoRABaseScaledToo(_LoRA):
    def forward(self, x: Tensor) -> Tensor:
        return self.scale * (self.layer(x) + x @ self.A.T @ self.B.T)


class LoRABaseTrained(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha, generator)
        self.layer.requires_grad_(True)


class LoRABiasTrained(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha, generator)
        if layer.bias is not None:
            layer.bias.requires_grad_(True)


class LoRABaseCutOff(_LoRA):
    def forward(self, x: Tensor) -> Tensor:
        with torch.no_grad():
            base = self.layer(x)
        return base + self.scale * (x @ self.A.T @ self.B.T)


class LoRAWithoutBase(_LoRA):
    def forward(self, x: Tensor) -> Tensor:
        return self.scale * (x @ self.A.T @ self.B.T)


class LoRABiasForgotten(_LoRA):
    def forward(self, x: Tensor) -> Tensor:
        return x @ self.layer.weight.T + self.scale * (x @ self.A.T @ self.B.T)


class LoRAWithALarge(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha, generator)
        self.A = nn.Parameter(self.A.detach() * math.sqrt(layer.in_features))


class LoRAWithASmall(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha, generator)
        self.A = nn.Parameter(self.A.detach() / math.sqrt(layer.in_features))


class LoRAWithASizedByRank(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha, generator)
        self.A = nn.Parameter(self.A.detach() * math.sqrt(layer.in_features / rank))


class LoRAWithASizedByOutputs(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha, generator)
        self.A = nn.Parameter(self.A.detach() * math.sqrt(layer.in_features / layer.out_features))


class LoRAWithAOfOneSign(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha, generator)
        drawn = torch.rand(self.A.shape, generator=generator)
        self.A = nn.Parameter(drawn / math.sqrt(layer.in_features))


class LoRAWithoutItsGenerator(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha)


class LoRAWithASeedOfItsOwn(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha, torch.Generator().manual_seed(0))


class LoRARemembersItsChange(_LoRA):
    def forward(self, x: Tensor) -> Tensor:
        if not hasattr(self, "change"):
            self.change = self.scale * (self.B @ self.A)
        return self.layer(x) + x @ self.change.T


class LoRAWithoutItsLayer(_LoRA):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__(layer, rank, alpha, generator)
        del self.layer
        self.numbers = [layer.weight, layer.bias]

    def forward(self, x: Tensor) -> Tensor:
        return F.linear(x, *self.numbers) + self.scale * (x @ self.A.T @ self.B.T)


class LoRAScaledByProduct(_LoRA):
    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x) + self.alpha * self.rank * (x @ self.A.T @ self.B.T)


class LoRAByOneWeight(nn.Module):
    def __init__(self, layer: nn.Linear, rank: int, alpha: float, generator=None):
        super().__init__()
        d_out, d_in = layer.weight.shape
        for parameter in layer.parameters():
            parameter.requires_grad = False
        self.layer, self.factor = layer, alpha / rank
        self.B = nn.Parameter(torch.zeros(d_out, rank, dtype=layer.weight.dtype))
        first = torch.empty(rank, d_in, dtype=layer.weight.dtype)
        self.A = nn.Parameter(first.normal_(std=d_in**-0.5, generator=generator))

    def forward(self, x: Tensor) -> Tensor:
        weight = self.layer.weight + self.factor * (self.B @ self.A)
        return F.linear(x, weight, self.layer.bias)


class LoRAByEinsum(nn.Module):
    def __init__(self, layer, rank, alpha, generator=None):
        super().__init__()
        self.layer = layer
        self.layer.weight.requires_grad_(False)
        if self.layer.bias is not None:
            self.layer.bias.requires_grad_(False)
        self.alpha = alpha
        self.A = nn.Parameter(torch.empty(rank, layer.in_features))
        nn.init.kaiming_uniform_(self.A, a=5**0.5, generator=generator)
        self.B = nn.Parameter(torch.zeros(layer.out_features, rank))

    def forward(self, x: Tensor) -> Tensor:
        narrow = torch.einsum("...i,ri->...r", x, self.A)
        change = torch.einsum("...r,or->...o", narrow, self.B)
        return self.layer(x) + change * self.alpha / self.A.shape[0]


# merged_weight


def merged_without_scale(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return weight + B @ A


def merged_by_alpha(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return weight + alpha * (B @ A)


def merged_divided_by_size(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return weight + alpha / A.shape[1] * (B @ A)


def merged_divided_by_d_out(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return weight + alpha / len(B) * (B @ A)


def merged_scaled_twice(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    scale = alpha / len(A)
    return weight + scale * (scale * B @ A)


def merged_added_twice(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    change = alpha / len(A) * (B @ A)
    return weight + change + change


def merged_change_alone(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return alpha / len(A) * (B @ A)


def merged_subtracted(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return weight - alpha / len(A) * (B @ A)


def merged_all_scaled(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return alpha / len(A) * (weight + B @ A)


def merged_transposed(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return weight + alpha / len(A) * (A.T @ B.T)


def merged_in_place(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    weight += alpha / len(A) * (B @ A)
    return weight


def merged_by_rank_over_alpha(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return weight + len(A) / alpha * (B @ A)


def merged_divided_by_rank_alone(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return weight + (B @ A) / len(A)


def merged_by_alpha_times_rank(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return weight + alpha * len(A) * (B @ A)


def merged_multiplied(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return weight * (alpha / len(A) * (B @ A))


def merged_weight_alone(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return weight.clone()


def merged_by_einsum(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return weight + torch.einsum("or,ri->oi", B, A) * (alpha / B.shape[1])


def merged_rank_by_rank(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    result = weight.clone()
    for row, column in zip(A, B.T, strict=True):
        result = result + alpha / A.shape[0] * torch.outer(column, row)
    return result


def merged_by_addmm(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    return torch.addmm(weight, B, A, alpha=alpha / len(A))
