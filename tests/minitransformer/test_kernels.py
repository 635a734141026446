"""The kernels of our own against PyTorch's and small steps, and when they are taken."""

import math

import pytest
import torch
import torch.nn.functional as F

from minitransformer import parts
from minitransformer.kernels import GeluTanh, ShortAttention
from minitransformer.parts import CAUSAL, fused_attention, fused_gelu

BATCH, HEADS, SEQ, MEMORY, D_HEAD = 2, 3, 5, 7, 4


def vectors(*shape: int, seed: int, dtype=torch.float64) -> torch.Tensor:
    """Random vectors that want a gradient."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(shape, generator=generator, dtype=dtype).requires_grad_()


def inputs(seq_k: int = SEQ, d_value: int = D_HEAD, dtype=torch.float64):
    """Queries, keys and values."""
    query = vectors(BATCH, HEADS, SEQ, D_HEAD, seed=0, dtype=dtype)
    key = vectors(BATCH, HEADS, seq_k, D_HEAD, seed=1, dtype=dtype)
    return query, key, vectors(BATCH, HEADS, seq_k, d_value, seed=2, dtype=dtype)


def some(*shape: int) -> torch.Tensor:
    """A random mask that leaves each query a key."""
    mask = torch.rand(shape, generator=torch.Generator().manual_seed(3)) < 0.5
    return mask | (torch.arange(shape[-1]) == 1)


@pytest.fixture
def taken(monkeypatch):
    """How often the kernel of our own ran."""
    runs = []
    apply = ShortAttention.apply
    monkeypatch.setattr(ShortAttention, "apply", lambda *given: runs.append(1) or apply(*given))
    return runs


MASKS = {
    "none": (SEQ, lambda: None),
    "causal": (SEQ, lambda: CAUSAL),
    "of all texts": (SEQ, lambda: some(SEQ, SEQ)),
    "of keys alone": (SEQ, lambda: some(SEQ)),
    "of each text": (SEQ, lambda: some(BATCH, 1, 1, SEQ)),
    "of each text and query": (SEQ, lambda: some(BATCH, 1, SEQ, SEQ)),
    "of each head": (SEQ, lambda: some(1, HEADS, SEQ, SEQ)),
    "of a memory": (MEMORY, lambda: some(BATCH, 1, 1, MEMORY)),
    "of no memory": (MEMORY, lambda: None),
}


@pytest.mark.parametrize("case", MASKS)
@pytest.mark.parametrize("d_value", [D_HEAD, 6])
def test_short_attention_and_its_gradients_are_pytorchs(taken, case, d_value):
    seq_k, make = MASKS[case]
    mask, given = make(), inputs(seq_k, d_value)
    mine = fused_attention(*given, mask)[0]
    assert taken == [1]
    causal = torch.ones(SEQ, SEQ, dtype=torch.bool).tril()
    mask = causal if mask is CAUSAL else None if mask is None else torch.atleast_2d(mask)
    theirs = F.scaled_dot_product_attention(*given, mask)
    torch.testing.assert_close(mine, theirs)
    gradient = torch.randn(mine.shape, generator=torch.Generator().manual_seed(4)).double()
    torch.testing.assert_close(
        torch.autograd.grad(mine, given, gradient), torch.autograd.grad(theirs, given, gradient)
    )


def test_the_gradients_are_those_of_small_steps():
    bias = torch.where(some(SEQ, MEMORY), 0.0, -math.inf).double()
    assert torch.autograd.gradcheck(lambda *qkv: ShortAttention.apply(*qkv, bias), inputs(MEMORY))
    assert torch.autograd.gradcheck(GeluTanh.apply, vectors(40, seed=5))


def test_heads_that_lie_side_by_side_in_memory_are_read_right():
    packed = vectors(BATCH, SEQ, 3, HEADS, D_HEAD, seed=6)
    query, key, value = packed.permute(2, 0, 3, 1, 4).unbind()
    mine = fused_attention(query, key, value, CAUSAL)[0]
    theirs = F.scaled_dot_product_attention(query, key, value, is_causal=True)
    torch.testing.assert_close(mine, theirs)
    one, other = (torch.autograd.grad(y.square().sum(), packed)[0] for y in (mine, theirs))
    torch.testing.assert_close(one, other)


def test_one_weight_in_training_is_enough_for_a_gradient(taken):
    query, key, value = (x.detach() for x in inputs())
    value.requires_grad_()
    fused_attention(query, key, value)[0].sum().backward()
    assert taken == [1]
    # Every query's weights sum to 1, so all the values' gradients sum to the number of queries.
    torch.testing.assert_close(value.grad.sum(dim=2)[0, 0], torch.full((D_HEAD,), 5.0).double())


def test_where_it_brings_nothing_pytorchs_kernel_is_taken(taken):
    query, key, value = inputs()
    with torch.no_grad():
        fused_attention(query, key, value)
    fused_attention(*(x.detach() for x in (query, key, value)))
    fused_attention(query, key[:1], value[:1])  # one memory for all
    fused_attention(query[0], key[0], value[0])
    fused_attention(query, key, value, None, 0.5)
    fused_attention(*inputs(dtype=torch.bfloat16))
    fused_attention(*inputs(seq_k=parts.SHORT + 1))
    with torch.autocast("cpu", torch.bfloat16):
        fused_attention(*inputs(dtype=torch.float32))
    assert taken == []
    fused_attention(*inputs(seq_k=parts.SHORT))
    assert taken == [1]


def test_a_query_that_may_see_nothing_gets_zeros_as_from_pytorch(taken):
    mask = some(BATCH, 1, SEQ, SEQ)
    mask[1, 0, 2] = False
    context = fused_attention(*inputs(), mask)[0]
    assert taken == []
    assert (context[1, :, 2] == 0).all()
    assert context.isfinite().all()


def test_the_fast_gelu_is_pytorchs_tanh_gelu_with_its_gradient():
    x = torch.linspace(-30, 30, 301, dtype=torch.float64, requires_grad=True)
    fast, slow = fused_gelu(x, tanh=True), F.gelu(x, approximate="tanh")
    torch.testing.assert_close(fast, slow)
    mine, theirs = (torch.autograd.grad(y.sum(), x)[0] for y in (fast, slow))
    torch.testing.assert_close(mine, theirs)
