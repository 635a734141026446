"""Low-rank changes: what they compute, what they leave alone, and how they are merged."""

import copy

import pytest
import torch
from torch import nn

from minitransformer import lora
from minitransformer.bert import Bert
from minitransformer.blocks import count_parameters
from minitransformer.config import BertConfig, GPTConfig
from minitransformer.fine_tuning import BertForClassification
from minitransformer.gpt import GPT
from minitransformer.multi_head import MultiHeadAttention

IDS = torch.tensor([[2, 5, 6, 3, 7], [2, 5, 3, 0, 0]])


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


def scramble(model, seed=0):
    """Random weights everywhere, A and B of LoRA included; the norms' scales around 1."""
    generator = noise(seed)
    for name, weight in model.named_parameters():
        weight.data = torch.randn(weight.shape, generator=generator, dtype=torch.float64) / 3
        if name.endswith("gamma"):
            weight.data += 1
    return model


def bert():
    sizes = dict(vocab_size=17, max_seq=7, d_model=6, num_heads=2, num_layers=3, d_ff=10)
    return scramble(Bert(BertConfig(**sizes)).double())


def gpt():
    sizes = dict(vocab_size=17, max_seq=7, d_model=6, num_heads=2, num_layers=3, d_ff=10)
    return scramble(GPT(GPTConfig(**sizes)).double())


def linear(d_in=5, d_out=7):
    return scramble(nn.Linear(d_in, d_out).double())


def test_the_layer_computes_the_formula():
    layer = scramble(lora.LoRALinear(linear(), rank=3, alpha=2.0), seed=1)
    x = torch.randn(2, 11, 5, generator=noise(), dtype=torch.float64)
    weight = layer.layer.weight + 2.0 / 3 * torch.einsum("or,ri->oi", layer.B, layer.A)
    expected = torch.einsum("...i,oi->...o", x, weight) + layer.layer.bias
    torch.testing.assert_close(layer(x), expected)
    torch.testing.assert_close(layer.weight, weight)


def test_at_first_nothing_changes_to_the_last_bit():
    plain = linear()
    x = torch.randn(3, 5, generator=noise(), dtype=torch.float64)
    before = plain(x)
    layer = lora.LoRALinear(plain, rank=2, alpha=8.0, generator=noise())
    assert torch.equal(layer(x), before)
    assert layer.A.abs().min() > 0 and not layer.B.any()


def test_a_is_drawn_with_variance_one_over_d_in_from_the_generator():
    layers = [lora.LoRALinear(nn.Linear(400, 300), 100, 1.0, noise(3)) for _ in range(2)]
    assert torch.equal(layers[0].A, layers[1].A)
    assert abs(layers[0].A.var() * 400 - 1) < 0.03


def test_attention_sees_the_change_in_its_layers():
    attention = lora.add_lora(scramble(MultiHeadAttention(6, 2).double()), 2, 4.0)
    scramble(attention, seed=1)
    x = torch.randn(2, 5, 6, generator=noise(), dtype=torch.float64)
    changed, _ = attention(x)
    attention.value.B.data.zero_()
    assert not torch.allclose(attention(x)[0], changed)


@pytest.mark.parametrize("make", [bert, gpt])
@pytest.mark.parametrize("targets", [("query", "value"), ("key", "output", "inner", "outer")])
def test_merging_gives_the_same_outputs_and_the_first_structure(make, targets):
    model = make()
    names = list(model.state_dict())
    original = model.hidden(IDS)[0]
    lora.add_lora(model, 2, 3.0, targets, noise())
    torch.testing.assert_close(model.hidden(IDS)[0], original, rtol=0, atol=1e-12)
    for seed, weight in enumerate(model.parameters()):
        if weight.requires_grad:
            weight.data = torch.randn(weight.shape, generator=noise(seed), dtype=torch.float64)
    changed = model.hidden(IDS)[0]
    assert not torch.allclose(changed, original)
    lora.merge_lora(model)
    torch.testing.assert_close(model.hidden(IDS)[0], changed, rtol=1e-12, atol=1e-12)
    assert list(model.state_dict()) == names


def test_only_the_low_rank_matrices_learn():
    model = lora.add_lora(bert(), 2, 4.0)
    learning = {name for name, weight in model.named_parameters() if weight.requires_grad}
    assert learning == {
        f"encoder.blocks.{block}.attention.{name}.{part}"
        for block in range(3)
        for name in ("query", "value")
        for part in "AB"
    }


def test_the_count_is_rank_times_both_sides():
    whole = count_parameters(bert())
    model = lora.add_lora(bert(), 2, 4.0, ("query", "inner"))
    assert lora.count_trainable(model) == 3 * (2 * (6 + 6) + 2 * (6 + 10))
    assert count_parameters(model) == whole + lora.count_trainable(model)
    assert lora.count_trainable(bert()) == whole


def test_training_moves_the_change_and_nothing_else_and_makes_the_loss_smaller():
    model = BertForClassification(lora.add_lora(bert(), 2, 4.0, generator=noise()), 3, dropout=0)
    before = copy.deepcopy(model.state_dict())
    optimizer = torch.optim.Adam([w for w in model.parameters() if w.requires_grad], lr=0.05)
    losses = []
    for _ in range(30):
        loss = model.loss(ids=torch.tensor([[5, 6, 7], [9, 3, 4]]), labels=torch.tensor([0, 2]))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    moved = {name for name, value in model.state_dict().items() if not value.equal(before[name])}
    assert {name.rsplit(".", 1)[1] for name in moved if not name.startswith("head")} == {"A", "B"}
    assert "head.dense.weight" in moved  # made after the freezing, so it learns in full
    assert losses[-1] < 0.1 * losses[0]


def test_the_learned_matrices_alone_bring_the_model_back():
    trained = lora.add_lora(bert(), 2, 4.0)
    for seed, weight in enumerate(w for w in trained.parameters() if w.requires_grad):
        weight.data = torch.randn(weight.shape, generator=noise(seed), dtype=torch.float64)
    weights = lora.lora_weights(trained)
    assert sum(weight.numel() for weight in weights.values()) == lora.count_trainable(trained)
    fresh = lora.add_lora(bert(), 2, 4.0)
    assert fresh.load_state_dict(weights, strict=False).unexpected_keys == []
    assert torch.equal(fresh.hidden(IDS)[0], trained.hidden(IDS)[0])


def test_the_layer_below_is_frozen_by_itself():
    layer = lora.LoRALinear(nn.Linear(5, 7), 2, 1.0)
    assert [name for name, w in layer.named_parameters() if w.requires_grad] == ["A", "B"]


def test_a_layer_without_bias_stays_without():
    layer = lora.LoRALinear(nn.Linear(5, 7, bias=False), 2, 1.0)
    assert layer.bias is None and layer(torch.ones(3, 5)).shape == (3, 7)


def test_what_cannot_work_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match=r"rank must lie in 1\.\.5 .*\(7, 5\)\), got 6"):
        lora.LoRALinear(nn.Linear(5, 7), 6, 1.0)
    with pytest.raises(ValueError, match=r"rank must lie in 1\.\.5 .* got 0"):
        lora.LoRALinear(nn.Linear(5, 7), 0, 1.0)
    with pytest.raises(ValueError, match="alpha must be positive and finite, got 0"):
        lora.LoRALinear(nn.Linear(5, 7), 1, 0.0)
    with pytest.raises(
        ValueError, match="no linear layer named queries; its layers are dense, inner"
    ):
        lora.add_lora(bert(), 2, 1.0, ("query", "queries"))
    with pytest.raises(TypeError, match=r"write \('query',\)"):
        lora.add_lora(bert(), 2, 1.0, "query")
    with pytest.raises(ValueError, match="no LoRA layer to merge"):
        lora.merge_lora(bert())


def test_a_refused_target_leaves_the_model_as_it_was():
    model = bert()
    with pytest.raises(ValueError):
        lora.add_lora(model, 2, 1.0, ("query", "queries"))
    assert all(weight.requires_grad for weight in model.parameters())


def test_a_second_change_on_the_same_layers_is_refused():
    model = lora.add_lora(bert(), 2, 1.0)
    with pytest.raises(ValueError, match="no linear layer named query, value"):
        lora.add_lora(model, 2, 1.0)


def test_the_merged_weight_by_hand_and_without_touching_what_came_in():
    weight, A, B = torch.eye(2), torch.tensor([[1.0, 2.0]]), torch.tensor([[3.0], [0.0]])
    merged = lora.merged_weight(weight, A, B, alpha=2.0)
    assert merged.tolist() == [[7.0, 12.0], [0.0, 1.0]]
    assert torch.equal(weight, torch.eye(2))


def test_the_memory_of_training_is_what_adamw_holds():
    layer = linear().float()
    frozen = sum(weight.numel() for weight in linear().parameters())
    model = nn.ModuleList([layer, linear().float().requires_grad_(False)])
    optimizer = torch.optim.AdamW([w for w in model.parameters() if w.requires_grad])
    layer(torch.ones(3, 5)).sum().backward()
    optimizer.step()
    held = [*model.parameters(), *(w.grad for w in layer.parameters())]
    for state in optimizer.state.values():
        held += [each for each in state.values() if each.dim()]
    expected = sum(each.numel() * each.element_size() for each in held)
    assert lora.training_memory(2 * frozen, frozen) == expected
    assert lora.training_memory(7, 7, bytes_per_number=2) == 2 * 4 * 7


def test_your_own_layer_can_be_put_in_place_of_this_one():
    class Mine(lora.LoRALinear):
        pass

    model = lora.add_lora(gpt(), rank=2, alpha=2, layer=Mine)
    assert isinstance(model.decoder.blocks[0].attention.query, Mine)
