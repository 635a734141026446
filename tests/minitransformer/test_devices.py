"""Every part gives on a GPU what it gives on the CPU, and leaves it there."""

import pytest
import torch

import minitransformer as package


def inputs(device):
    """The same tensors and layers on any device."""
    generator = torch.Generator().manual_seed(0)
    layers = [package.EmbeddingLayer(11, 5, 7), package.SelfAttention(5, 4)]
    for layer in layers:
        for parameter in layer.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)
    return (
        torch.randn(2, 3, 5, generator=generator).to(device),
        torch.tensor([[3, 7, 0], [1, 2, 9]]).to(device),
        torch.randn(11, 5, generator=generator).to(device),
        package.causal_mask(3).to(device),
        *(layer.to(device) for layer in layers),
    )


def outputs(x, ids, table, causal, embedding, head):
    """What each public part makes of them, by name."""
    mask = package.padding_mask(ids) & causal
    context, weights = head(x, mask)
    sure = package.one_hot(ids[0, 0], 11)
    draw = torch.Generator(x.device).manual_seed(0)
    return {
        "one_hot": package.one_hot(ids, 11),
        "lookup": package.lookup(ids, table),
        "cosine_similarity_matrix": package.cosine_similarity_matrix(table),
        "noise_distribution": package.noise_distribution(ids[1]),
        "sample_negatives": package.sample_negatives(sure, (2, 3), draw),
        "negative_sampling_loss": package.negative_sampling_loss(x[:, 0], x[:, 1], x),
        "EmbeddingLayer": embedding(ids),
        "softmax": package.softmax(x),
        "padding_mask": mask,
        "context": context,
        "weights": weights,
        "cross_entropy": package.cross_entropy(x, ids.clamp(max=4)),
        "contextual_similarity": package.contextual_similarity(x[0], x[1], 0, 2),
    }


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_cpu_and_gpu_agree_and_results_stay_on_their_device():
    expected, found = outputs(*inputs("cpu")), outputs(*inputs("cuda"))
    for name, got in found.items():
        assert got.device.type == "cuda", name
        torch.testing.assert_close(got.cpu(), expected[name], msg=lambda m, n=name: f"{n}: {m}")


def test_every_tensor_is_made_on_the_device_of_the_inputs():
    """No GPU needed: with another default device, one made without a device would not fit."""
    given = inputs("cpu")
    expected = outputs(*given)
    with torch.device("meta"):
        found = outputs(*given)
    for name, got in found.items():
        torch.testing.assert_close(got, expected[name], msg=lambda m, n=name: f"{n}: {m}")


def test_every_public_name_can_be_imported():
    assert [name for name in package.__all__ if not hasattr(package, name)] == []
