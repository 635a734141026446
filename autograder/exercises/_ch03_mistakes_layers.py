"""Chapter 3's mistakes inside a layer: norm, GELU, feed-forward, dropout, and counting.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import math

import torch
from torch import Tensor, nn


def _centered(x: Tensor) -> Tensor:
    return x - x.mean(dim=-1, keepdim=True)


def _variance(x: Tensor) -> Tensor:
    return _centered(x).square().mean(dim=-1, keepdim=True)


def _gelu(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))


# layer_norm


def norm_eps_outside_root(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    return gamma * _centered(x) / (_variance(x).sqrt() + eps) + beta


def norm_without_eps(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    return gamma * _centered(x) / _variance(x).sqrt() + beta


def norm_with_fixed_eps(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    return gamma * _centered(x) / (_variance(x) + 1e-5).sqrt() + beta


def norm_unbiased(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    return gamma * _centered(x) / (x.var(dim=-1, keepdim=True) + eps).sqrt() + beta


def norm_unbiased_std(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    return gamma * _centered(x) / (x.std(dim=-1, keepdim=True) + eps) + beta


def norm_without_root(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    return gamma * _centered(x) / (_variance(x) + eps) + beta


def norm_not_centered(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    return gamma * x / (_variance(x) + eps).sqrt() + beta


def norm_by_mean_square(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    return gamma * x / (x.square().mean(dim=-1, keepdim=True) + eps).sqrt() + beta


def norm_over_words(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    centered = x - x.mean(dim=-2, keepdim=True)
    variance = centered.square().mean(dim=-2, keepdim=True)
    return gamma * centered / (variance + eps).sqrt() + beta


def norm_over_batch(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    centered = x - x.mean(dim=0, keepdim=True)
    variance = centered.square().mean(dim=0, keepdim=True)
    return gamma * centered / (variance + eps).sqrt() + beta


def norm_over_axis_1(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    centered = x - x.mean(dim=1, keepdim=True)
    variance = centered.square().mean(dim=1, keepdim=True)
    return gamma * centered / (variance + eps).sqrt() + beta


def norm_over_everything(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    centered = x - x.mean()
    return gamma * centered / (centered.square().mean() + eps).sqrt() + beta


def norm_over_sentences(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    centered = x - x.mean(dim=(-2, -1), keepdim=True)
    variance = centered.square().mean(dim=(-2, -1), keepdim=True)
    return gamma * centered / (variance + eps).sqrt() + beta


def norm_without_keepdim(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    variance = x.var(dim=-1, correction=0)
    return gamma * (x - x.mean(dim=-1)) / (variance + eps).sqrt() + beta


def norm_with_mean_without_keepdim(
    x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5
) -> Tensor:
    return gamma * (x - x.mean(dim=-1)) / (_variance(x) + eps).sqrt() + beta


def norm_with_variance_without_keepdim(
    x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5
) -> Tensor:
    variance = x.var(dim=-1, correction=0)
    return gamma * _centered(x) / (variance + eps).sqrt() + beta


def norm_by_sum(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    centered = _centered(x)
    total = centered.square().sum(dim=-1, keepdim=True)
    return gamma * centered / (total + eps).sqrt() + beta


def norm_with_variance_not_centered(
    x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5
) -> Tensor:
    square = x.square().mean(dim=-1, keepdim=True)
    return gamma * _centered(x) / (square + eps).sqrt() + beta


def norm_without_gamma(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    return _centered(x) / (_variance(x) + eps).sqrt() + beta


def norm_without_beta(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    return gamma * _centered(x) / (_variance(x) + eps).sqrt()


def norm_without_gamma_and_beta(
    x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5
) -> Tensor:
    return _centered(x) / (_variance(x) + eps).sqrt()


def norm_gamma_and_beta_exchanged(
    x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5
) -> Tensor:
    return beta * _centered(x) / (_variance(x) + eps).sqrt() + gamma


def norm_gamma_over_the_sum(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    return gamma * (_centered(x) / (_variance(x) + eps).sqrt() + beta)


def norm_in_place(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    x -= x.mean(dim=-1, keepdim=True)
    return gamma * x / (x.square().mean(dim=-1, keepdim=True) + eps).sqrt() + beta


def norm_detached(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    mean, variance = x.mean(dim=-1, keepdim=True).detach(), _variance(x).detach()
    return gamma * (x - mean) / (variance + eps).sqrt() + beta


def norm_by_var(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    variance, mean = torch.var_mean(x, dim=-1, correction=0, keepdim=True)
    return (x - mean) * torch.rsqrt(variance + eps) * gamma + beta


def norm_vector_by_vector(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    rows = []
    for row in x.reshape(-1, x.shape[-1]):
        away = row - row.sum() / len(row)
        rows.append(away / ((away @ away) / len(row) + eps) ** 0.5)
    return torch.stack(rows).reshape(x.shape) * gamma + beta


# gelu


def gelu_is_relu(x: Tensor) -> Tensor:
    return x.clamp(min=0)


def gelu_by_tanh(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3)))


def gelu_by_scaled_sigmoid(x: Tensor) -> Tensor:
    return x * torch.sigmoid(1.702 * x)


def gelu_by_sigmoid(x: Tensor) -> Tensor:
    return x * torch.sigmoid(x)


def gelu_sigmoid_alone(x: Tensor) -> Tensor:
    return torch.sigmoid(x)


def gelu_without_x(x: Tensor) -> Tensor:
    return 0.5 * (1 + torch.erf(x / math.sqrt(2)))


def gelu_without_root_two(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.erf(x))


def gelu_without_half(x: Tensor) -> Tensor:
    return x * (1 + torch.erf(x / math.sqrt(2)))


def gelu_without_one(x: Tensor) -> Tensor:
    return 0.5 * x * torch.erf(x / math.sqrt(2))


def gelu_by_density(x: Tensor) -> Tensor:
    return x * torch.exp(-x.square() / 2) / math.sqrt(2 * math.pi)


def gelu_times_root_two(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.erf(x * math.sqrt(2)))


def gelu_over_two(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + torch.erf(x / 2))


def gelu_without_brackets(x: Tensor) -> Tensor:
    return 0.5 * x * 1 + torch.erf(x / math.sqrt(2))


def gelu_by_math(x: Tensor) -> Tensor:
    return 0.5 * x * (1 + math.erf(x / math.sqrt(2)))


def gelu_in_place(x: Tensor) -> Tensor:
    x *= 0.5 * (1 + torch.erf(x / math.sqrt(2)))
    return x


def gelu_by_ndtr(x: Tensor) -> Tensor:
    return x * torch.special.ndtr(x)


def gelu_by_erfc(x: Tensor) -> Tensor:
    return x * torch.erfc(-x * 0.5**0.5) / 2


def gelu_by_distribution(x: Tensor) -> Tensor:
    return x * torch.distributions.Normal(x.new_tensor(0.0), x.new_tensor(1.0)).cdf(x)


# FeedForward


class _Between(nn.Module):
    def __init__(self, d_model: int, d_ff: int, activation: str = "gelu"):
        super().__init__()
        self.inner = nn.Linear(d_model, d_ff)
        self.outer = nn.Linear(d_ff, d_model)
        self.activation = activation

    def bend(self, x: Tensor) -> Tensor:
        return x.clamp(min=0) if self.activation == "relu" else _gelu(x)


class ForwardWithoutActivation(_Between):
    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.inner(x))


class ForwardAlwaysGelu(_Between):
    def forward(self, x: Tensor) -> Tensor:
        return self.outer(_gelu(self.inner(x)))


class ForwardAlwaysRelu(_Between):
    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.inner(x).clamp(min=0))


class ForwardExchanged(_Between):
    def forward(self, x: Tensor) -> Tensor:
        inner = self.inner(x)
        return self.outer(_gelu(inner) if self.activation == "relu" else inner.clamp(min=0))


class ForwardBentTwice(_Between):
    def forward(self, x: Tensor) -> Tensor:
        return self.bend(self.outer(self.bend(self.inner(x))))


class ForwardBentAtTheEnd(_Between):
    def forward(self, x: Tensor) -> Tensor:
        return self.bend(self.outer(self.inner(x)))


class ForwardBentFirst(_Between):
    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.inner(self.bend(x)))


class ForwardWithResidual(_Between):
    def forward(self, x: Tensor) -> Tensor:
        return x + self.outer(self.bend(self.inner(x)))


class ForwardWithoutBias(_Between):
    def __init__(self, d_model: int, d_ff: int, activation: str = "gelu"):
        super().__init__(d_model, d_ff, activation)
        self.inner = nn.Linear(d_model, d_ff, bias=False)
        self.outer = nn.Linear(d_ff, d_model, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.bend(self.inner(x)))


class ForwardAlwaysFourTimes(_Between):
    def __init__(self, d_model: int, d_ff: int, activation: str = "gelu"):
        super().__init__(d_model, 4 * d_model, activation)

    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.bend(self.inner(x)))


class _Whole(_Between):
    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.bend(self.inner(x)))


class ForwardSizesExchanged(_Whole):
    def __init__(self, d_model: int, d_ff: int, activation: str = "gelu"):
        super().__init__(d_ff, d_model, activation)


class ForwardSizesTwice(_Whole):
    def __init__(self, d_model: int, d_ff: int, activation: str = "gelu"):
        super().__init__(d_model, d_ff, activation)
        self.outer = nn.Linear(d_model, d_ff)


class ForwardNoWider(_Whole):
    def __init__(self, d_model: int, d_ff: int, activation: str = "gelu"):
        super().__init__(d_model, d_model, activation)


class ForwardWithoutOuter(_Between):
    def forward(self, x: Tensor) -> Tensor:
        hidden = self.inner(x)
        return torch.relu(hidden) if self.activation == "relu" else _gelu(hidden)


class ForwardCallsTheWord(_Between):
    def forward(self, x: Tensor) -> Tensor:
        return self.outer(self.activation(self.inner(x)))


class ForwardCallsTheWordForGelu(_Between):
    def forward(self, x: Tensor) -> Tensor:
        hidden = self.inner(x)
        return self.outer(
            hidden.clamp(min=0) if self.activation == "relu" else self.activation(hidden)
        )


class ForwardByMatrices(_Between):
    def forward(self, x: Tensor) -> Tensor:
        hidden = x @ self.inner.weight.T + self.inner.bias
        hidden = torch.relu(hidden) if self.activation == "relu" else _gelu(hidden)
        return hidden @ self.outer.weight.T + self.outer.bias


class ForwardWordByWord(nn.Module):
    def __init__(self, d_model: int, d_ff: int, activation: str = "gelu"):
        super().__init__()
        self.outer = nn.Linear(d_ff, d_model)
        self.inner = nn.Linear(d_model, d_ff)
        self.bend = torch.relu if activation == "relu" else _gelu

    def forward(self, x: Tensor) -> Tensor:
        words = [self.outer(self.bend(self.inner(x[:, place]))) for place in range(x.shape[1])]
        return torch.stack(words, dim=1)


# dropout


def _kept(x: Tensor, rate: float, generator: torch.Generator | None) -> Tensor:
    return torch.rand(x.shape, generator=generator, device=x.device) >= rate


def drop_without_scaling(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    return x * _kept(x, rate, generator) if training else x


def drop_scaled_down(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    return x * _kept(x, rate, generator) * (1 - rate) if training else x


def drop_scaled_by_rate(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if not training or rate == 0:
        return x
    return x * _kept(x, rate, generator) / rate


def drop_scaled_in_eval(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    return x * _kept(x, rate, generator) if training else x * (1 - rate)


def drop_scaled_up_in_eval(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    return x * _kept(x, rate, generator) / (1 - rate) if training else x / (1 - rate)


def drop_in_eval_too(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    return x * _kept(x, rate, generator) / (1 - rate)


def drop_in_eval_only(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    return x if training else x * _kept(x, rate, generator) / (1 - rate)


def drop_nothing(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    return x.clone()


def drop_what_should_stay(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    return x * ~_kept(x, rate, generator) / (1 - rate) if training else x


def drop_as_a_share_to_keep(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if not training or rate == 0:
        return x
    return x * ~_kept(x, rate, generator) / rate


def drop_whole_rows(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if not training:
        return x
    return x * _kept(x[..., :1], rate, generator) / (1 - rate)


def drop_whole_columns(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if not training:
        return x
    return x * _kept(x[:1], rate, generator) / (1 - rate)


def drop_without_generator(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    return x * _kept(x, rate, None) / (1 - rate) if training else x


def drop_with_fixed_seed(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if not training:
        return x
    return x * _kept(x, rate, torch.Generator().manual_seed(0)) / (1 - rate)


def drop_begins_again(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if not training:
        return x
    again = torch.Generator().manual_seed(generator.initial_seed() if generator else 0)
    return x * _kept(x, rate, again) / (1 - rate)


def drop_begins_again_without_generator(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if not training:
        return x
    generator = generator or torch.Generator().manual_seed(0)
    return x * _kept(x, rate, generator) / (1 - rate)


def drop_alike_in_all_sentences(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if not training:
        return x
    places = torch.rand(x.shape[-2:], generator=generator)
    return x * (places >= rate) / (1 - rate)


def drop_an_exact_share(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if not training:
        return x
    order = torch.randperm(x.numel(), generator=generator).reshape(x.shape)
    return x * (order >= int(rate * x.numel())) / (1 - rate)


def drop_by_bell_curve(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if not training or rate == 0:
        return x
    return x * (torch.randn(x.shape, generator=generator) >= rate) / (1 - rate)


def drop_in_place(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if not training or rate == 0:
        return x
    with torch.no_grad():
        gone = ~_kept(x, rate, generator)
        x[gone] = 0
    return x / (1 - rate) * ~gone


def drop_in_place_openly(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if not training or rate == 0:
        return x
    gone = ~_kept(x, rate, generator)
    x[gone] = 0
    return x / (1 - rate)


def drop_always_half(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if not training or rate == 0:
        return x
    return x * _kept(x, 0.5, generator) * 2


def drop_by_bernoulli(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if not training:
        return x
    keep = torch.full(x.shape, 1 - rate, dtype=x.dtype)
    return x * torch.bernoulli(keep, generator=generator) / keep


def drop_by_filling(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    share = rate if training else 0.0
    gone = torch.rand(x.shape, generator=generator) < share
    return x.masked_fill(gone, 0.0) / (1 - share)


def drop_by_choosing(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    if training and rate > 0:
        draws = torch.rand(x.numel(), generator=generator, dtype=torch.float64).view(x.shape)
        return torch.where(draws < 1 - rate, x * (1 / (1 - rate)), torch.zeros_like(x))
    return x


# encoder_parameters


def count_times_heads(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    attention = num_heads * 4 * (d_model**2 + d_model)
    return num_layers * (attention + 2 * d_model * d_ff + d_ff + d_model + 4 * d_model)


def count_three_times_heads(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    attention = (3 * num_heads + 1) * (d_model**2 + d_model)
    return num_layers * (attention + 2 * d_model * d_ff + d_ff + d_model + 4 * d_model)


def count_one_head(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    d_head = d_model // num_heads
    attention = 3 * (d_model * d_head + d_head) + d_model**2 + d_model
    return num_layers * (attention + 2 * d_model * d_ff + d_ff + d_model + 4 * d_model)


def count_four_small_layers(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    attention = 4 * (d_model**2 + d_model) // num_heads
    return num_layers * (attention + 2 * d_model * d_ff + d_ff + d_model + 4 * d_model)


def count_without_biases(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    return num_layers * (4 * d_model**2 + 2 * d_model * d_ff + 4 * d_model)


def count_matrices_alone(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    return num_layers * (4 * d_model**2 + 2 * d_model * d_ff)


def count_without_norms(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    attention = 4 * (d_model**2 + d_model)
    return num_layers * (attention + 2 * d_model * d_ff + d_ff + d_model)


def count_without_attention_biases(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    return num_layers * (4 * d_model**2 + 2 * d_model * d_ff + d_ff + d_model + 4 * d_model)


def count_without_forward_biases(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    return num_layers * (4 * (d_model**2 + d_model) + 2 * d_model * d_ff + 4 * d_model)


def count_two_wide_biases(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    return num_layers * (4 * (d_model**2 + d_model) + 2 * (d_model * d_ff + d_ff) + 4 * d_model)


def count_two_narrow_biases(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    return num_layers * (4 * (d_model**2 + d_model) + 2 * (d_model * d_ff + d_model) + 4 * d_model)


def count_without_inner_bias(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    return num_layers * (4 * d_model**2 + 2 * d_model * d_ff + 9 * d_model)


def count_four_times_as_wide(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    return num_layers * (12 * d_model**2 + 13 * d_model)


def count_one_bias_of_d_model_less(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    return num_layers * (4 * d_model**2 + 2 * d_model * d_ff + d_ff + 8 * d_model)


def count_norms_once(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    block = 4 * (d_model**2 + d_model) + 2 * d_model * d_ff + d_ff + d_model
    return num_layers * block + 4 * d_model


def count_one_norm(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    attention = 4 * (d_model**2 + d_model)
    return num_layers * (attention + 2 * d_model * d_ff + d_ff + d_model + 2 * d_model)


def count_norms_without_shift(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    attention = 4 * (d_model**2 + d_model)
    return num_layers * (attention + 2 * d_model * d_ff + d_ff + 3 * d_model)


def count_without_output(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    attention = 3 * (d_model**2 + d_model)
    return num_layers * (attention + 2 * d_model * d_ff + d_ff + d_model + 4 * d_model)


def count_one_block(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    attention = 4 * (d_model**2 + d_model)
    return attention + 2 * d_model * d_ff + d_ff + d_model + 4 * d_model


def count_one_forward_layer(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    attention = 4 * (d_model**2 + d_model)
    return num_layers * (attention + d_model * d_ff + d_ff + 4 * d_model)


def count_with_a_last_norm(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    attention = 4 * (d_model**2 + d_model)
    block = attention + 2 * d_model * d_ff + d_ff + d_model + 4 * d_model
    return num_layers * block + 2 * d_model


def count_factored(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    return num_layers * (d_model * (4 * d_model + 2 * d_ff + 9) + d_ff)


def count_by_shapes(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    wide, tall = (d_ff, d_model), (d_model, d_ff)
    square, vector = (d_model, d_model), (d_model,)
    shapes = [square, vector] * 4 + [wide, (d_ff,), tall, vector] + [vector] * 4
    return sum(math.prod(shape) for shape in shapes) * num_layers
