"""Two kernels of our own for training on a CPU, each with its gradient written out.

PyTorch's are made for large models on a GPU. At the sizes of this course its attention works out
the scores a second time for the gradient, and its tanh GELU spends most of its time in tanh.
What is here computes the same numbers in fewer steps; ``parts`` decides where it is taken.
"""

import math

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable


class ShortAttention(torch.autograd.Function):
    """Attention over short texts: the table of weights is small enough to keep for the gradient.

        W = softmax(S),   S = Q K^T / sqrt(d_head) + bias,   C = W V

    With dX for the gradient of the loss with respect to X:

        dV = W^T dC,   dW = dC V^T,   dS = W (dW - row sums of W dW),
        dQ = dS K / sqrt(d_head),   dK = dS^T Q / sqrt(d_head)

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.2.1, equation 1.
    """

    @staticmethod
    def forward(ctx, query: Tensor, key: Tensor, value: Tensor, bias: Tensor) -> Tensor:
        """The context vectors.

        Args:
            query: ``(batch, num_heads, seq_q, d_head)``.
            key, value: ``(batch, num_heads, seq_k, d_head)``.
            bias: added to the scores, -inf where a key is hidden; broadcasts to
                ``(batch * num_heads, seq_q, seq_k)``.
        """
        # One axis for all texts and heads; bmm wants its matrices in one piece.
        q, k, v = (x.flatten(0, 1).contiguous() for x in (query, key, value))
        scale = 1 / math.sqrt(q.shape[-1])
        weights = torch.baddbmm(bias, q, k.transpose(1, 2), alpha=scale).softmax(dim=-1)
        ctx.save_for_backward(q, k, v, weights)
        return torch.bmm(weights, v).unflatten(0, query.shape[:2])

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor):
        """dQ, dK and dV; the bias gets none."""
        q, k, v, weights = ctx.saved_tensors
        heads, scale = gradient.shape[:2], 1 / math.sqrt(q.shape[-1])
        gradient = gradient.flatten(0, 1).contiguous()
        d_value = torch.bmm(weights.transpose(1, 2), gradient)
        d_weights = torch.bmm(gradient, v.transpose(1, 2))
        d_scores = torch._softmax_backward_data(d_weights, weights, -1, weights.dtype).mul_(scale)
        d_query, d_key = torch.bmm(d_scores, k), torch.bmm(d_scores.transpose(1, 2), q)
        return *(x.unflatten(0, heads) for x in (d_query, d_key, d_value)), None


class GeluTanh(torch.autograd.Function):
    """GPT-2's GELU, 0.5 x (1 + tanh(u)) with u = sqrt(2/pi) (x + 0.044715 x^3).

    Written as x sigmoid(2u), which is the same number. Each step that can overwrites the one
    before: fresh memory costs more than arithmetic.

    Source: Hendrycks and Gimpel, Gaussian Error Linear Units (2016), section 2.
    """

    SLOPE, BEND = 2 * math.sqrt(2 / math.pi), 0.044715 * 2 * math.sqrt(2 / math.pi)

    @staticmethod
    def forward(ctx, x: Tensor) -> Tensor:
        """x sigmoid(2u), with 2u = (SLOPE + BEND x^2) x."""
        gate = GeluTanh._cubic(x, GeluTanh.BEND).sigmoid_()
        ctx.save_for_backward(x, gate)
        return x * gate

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient: Tensor) -> Tensor:
        """gate + (SLOPE + 3 BEND x^2) x gate (1 - gate), times the gradient."""
        x, gate = ctx.saved_tensors
        steep = GeluTanh._cubic(x, 3 * GeluTanh.BEND)
        torch.ops.aten.sigmoid_backward.grad_input(steep, gate, grad_input=steep)
        return steep.add_(gate).mul_(gradient)

    @staticmethod
    def _cubic(x: Tensor, bend: float) -> Tensor:
        """(SLOPE + bend x^2) x."""
        return torch.addcmul(x.new_full((), GeluTanh.SLOPE), x, x, value=bend).mul_(x)
