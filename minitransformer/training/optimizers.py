"""How weights move: AdamW, written out and from PyTorch, and Muon.

AdamW scales each number's step by the size of its own past gradients. Muon looks at a weight
matrix as a whole: it keeps the directions of the gradient's momentum and makes them all equally
long, so that rare directions are learned as fast as common ones.
"""

from collections.abc import Callable, Iterable

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from minitransformer.stacks import Decoder, Encoder

NEWTON_SCHULZ = (3.4445, -4.7750, 2.0315)
"""a, b, c of the iteration: chosen by Jordan for speed near 0, not for convergence at 1."""


def adamw_step(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> tuple[Tensor, Tensor, Tensor]:
    """One update of AdamW.

        m <- b1 m + (1 - b1) g,   v <- b2 v + (1 - b2) g^2
        w <- w - lr (wd w + m / (1 - b1^t) / (sqrt(v / (1 - b2^t)) + eps))

    Args:
        parameter, gradient: w and g, any shape.
        mean, square: m and v, the same shape; zeros before the first step.
        step: t, counted from 1.
        learning_rate, betas, eps, weight_decay: lr, (b1, b2), eps, wd.

    Returns:
        ``(parameter, mean, square)`` after the step; the arguments are left as they were.

    Source: Loshchilov and Hutter, Decoupled Weight Decay Regularization (2019), algorithm 2.
    """
    if step < 1:
        raise ValueError(f"step counts from 1, got {step}")
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    square = betas[1] * square + (1 - betas[1]) * gradient**2
    unbiased_mean = mean / (1 - betas[0] ** step)
    unbiased_square = square / (1 - betas[1] ** step)
    change = weight_decay * parameter + unbiased_mean / (unbiased_square.sqrt() + eps)
    return parameter - learning_rate * change, mean, square


def newton_schulz(matrices: Tensor, steps: int = 5, eps: float = 1e-7) -> Tensor:
    """Make all singular values of a matrix about 1, and leave its directions as they are.

        G = U S V^T  ->  about U V^T,   by  X <- a X + (b A + c A^2) X,  A = X X^T

    repeated from X = G / |G|. Singular values end between about 0.7 and 1.2; that is near enough.

    Args:
        matrices: ``(..., rows, columns)``, float32.
        steps: how many rounds.
        eps: the least norm to divide by.

    Source: Jordan et al., Muon: An optimizer for hidden layers in neural networks (2024).
    """
    a, b, c = NEWTON_SCHULZ
    tall = matrices.shape[-2] > matrices.shape[-1]
    x = matrices.mT if tall else matrices
    x = x.reshape(-1, *x.shape[-2:])  # (matrices, rows, columns)
    x = x / x.norm(dim=(-2, -1), keepdim=True).clamp(min=eps)
    for _ in range(steps):
        gram = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(gram, gram, gram, beta=b, alpha=c), x, beta=a)
    return (x.mT if tall else x).reshape(matrices.shape)


class Muon(Optimizer):
    """Momentum, orthogonalised: the optimiser for the weight matrices between the blocks' vectors.

        B <- mu B + (1 - mu) G,   U = newton_schulz((1 - mu) G + mu B)
        W <- W - lr wd W - lr 0.2 sqrt(max(rows, columns)) U

    The factor gives the step the size of an AdamW step, so that one learning rate serves both.
    Matrices of one shape are orthogonalised together.

    Args:
        params: matrices only; embeddings, heads and vectors belong to AdamW.
        lr, weight_decay, momentum: lr, wd, mu.

    Source: Jordan et al. (2024); the factor: Liu et al., Muon is Scalable for LLM Training
    (2025), section 2.2. ``torch.optim.Muon`` computes in bfloat16; this one in float32, which on
    a CPU is faster and exact.
    """

    def __init__(
        self,
        params: Iterable[Tensor],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
    ):
        super().__init__(params, {"lr": lr, "weight_decay": weight_decay, "momentum": momentum})
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.dim() != 2:
                    raise ValueError(
                        f"Muon moves matrices only, got a parameter of shape {tuple(weight.shape)};"
                        " leave it to AdamW"
                    )

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Move every matrix that has a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            by_shape: dict[torch.Size, list[Tensor]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    by_shape.setdefault(weight.shape, []).append(weight)
            for weights in by_shape.values():
                self._move(weights, group)
        return loss

    def _move(self, weights: list[Tensor], group: dict) -> None:
        """One step for matrices of one shape."""
        for weight in weights:
            if "momentum_buffer" not in self.state[weight]:  # named as in torch.optim.Muon
                self.state[weight]["momentum_buffer"] = torch.zeros_like(weight)
        ahead = []
        for weight in weights:
            momentum = self.state[weight]["momentum_buffer"]
            momentum.lerp_(weight.grad, 1 - group["momentum"])
            ahead.append(weight.grad.lerp(momentum, group["momentum"]))
        scale = 0.2 * max(weights[0].shape) ** 0.5
        for weight, update in zip(weights, newton_schulz(torch.stack(ahead)), strict=True):
            weight.mul_(1 - group["lr"] * group["weight_decay"])
            weight.add_(update, alpha=-group["lr"] * scale)


def make_optimizers(model: nn.Module, config) -> list[Optimizer]:
    """The optimisers of a run: Muon for the matrices inside blocks, AdamW for all else.

    Args:
        model: any; its blocks are found in its stacks (``stacks.Encoder``, ``stacks.Decoder``).
        config: a ``TrainingConfig``.
    """
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    hidden = _hidden_matrices(model) if config.optimizer == "muon" else []
    inside = {id(parameter) for parameter in hidden}
    others = [parameter for parameter in trained if id(parameter) not in inside]
    groups = [
        {
            "params": [weight for weight in others if weight.dim() >= 2],
            "weight_decay": config.weight_decay,
        },
        {"params": [vector for vector in others if vector.dim() < 2], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    optimizers: list[Optimizer] = []
    if groups:
        adamw = torch.optim.AdamW(groups, config.learning_rate, config.betas, fused=True)
        optimizers.append(adamw)
    if hidden:
        optimizers.append(_muon(hidden, config))
    return optimizers


def _hidden_matrices(model: nn.Module) -> list[Tensor]:
    stacks = [module for module in model.modules() if isinstance(module, Encoder | Decoder)]
    found = [parameter for stack in stacks for parameter in stack.blocks.parameters()]
    return [matrix for matrix in found if matrix.dim() == 2 and matrix.requires_grad]


def _muon(matrices: list[Tensor], config) -> Optimizer:
    """PyTorch's Muon on a GPU; on a CPU ours, where bfloat16 is slow."""
    if matrices[0].device.type == "cuda":
        return torch.optim.Muon(
            matrices,
            lr=config.muon_learning_rate,
            weight_decay=config.weight_decay,
            momentum=config.muon_momentum,
            adjust_lr_fn="match_rms_adamw",
        )
    return Muon(matrices, config.muon_learning_rate, config.weight_decay, config.muon_momentum)
