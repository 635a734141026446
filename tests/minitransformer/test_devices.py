"""Every part gives on a GPU what it gives on the CPU, and leaves it there."""

import far
import pytest
import torch

import minitransformer as package
from minitransformer.beams import beam_decode, beam_generate
from minitransformer.generation import fill_mask, generate, greedy_decode, text_log_probability


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
    return {
        "one_hot": package.one_hot(ids, 11),
        "lookup": package.lookup(ids, table),
        "cosine_similarity_matrix": package.cosine_similarity_matrix(table),
        "noise_distribution": package.noise_distribution(ids[1]),
        "sample_negatives": package.sample_negatives(sure, (2, 3)),
        "negative_sampling_loss": package.negative_sampling_loss(x[:, 0], x[:, 1], x),
        "EmbeddingLayer": embedding(ids),
        "softmax": package.softmax(x),
        "padding_mask": mask,
        "context": context,
        "weights": weights,
        "cross_entropy": package.cross_entropy(x, ids.clamp(max=4)),
        "contextual_similarity": package.contextual_similarity(x[0], x[1], 0, 2),
    }


def models():
    """A GPT, a BERT and an encoder-decoder with weights that say something."""
    sizes = {"max_seq": 9, "d_model": 8, "num_heads": 2, "num_layers": 2}
    made = [
        package.GPT(package.GPTConfig(vocab_size=13, **sizes)),
        package.BertForPreTraining(package.BertConfig(vocab_size=13, **sizes)),
        package.Seq2Seq(package.Seq2SeqConfig(vocab_size=13, target_vocab_size=11, **sizes)),
    ]
    generator = torch.Generator().manual_seed(0)
    for model in made:
        for parameter in model.parameters():
            parameter.data = torch.randn(parameter.shape, generator=generator)
    return made


def written(device):
    """What models write there, by name."""
    gpt, bert, seq2seq = (model.to(device) for model in models())
    ids = torch.tensor([[0, 0, 7, 3], [5, 5, 10, 8]], device=device)
    real = ids != 0
    return {
        "greedy": generate(gpt, ids, 4, temperature=0, real=real),
        "without a cache": generate(gpt, ids, 4, temperature=0, real=real, use_cache=False),
        "one choice": generate(gpt, ids, 4, top_k=1, top_p=0.5, real=real),
        "beams": beam_generate(gpt, ids, 3, 4, stop_id=2, real=real)[0],
        "log-probability": text_log_probability(gpt, ids, real),
        "gaps": fill_mask(bert, ids, mask_id=10)[0],
        "translated": greedy_decode(seq2seq, ids.flip(1)),
        "translated with beams": beam_decode(seq2seq, ids.flip(1), 3)[0],
    }


def astray(make, device):
    """The names of what is made on a device, and does not stay or is not what the CPU makes."""
    expected, there = make("cpu"), torch.device(device).type
    return [
        name
        for name, got in make(device).items()
        if got.device.type != there
        or not torch.allclose(got.cpu(), expected[name], rtol=1e-5, atol=1e-6)
    ]


def parts(device):
    """What the public parts give there."""
    return outputs(*inputs(device))


EVERYTHING = pytest.mark.parametrize("make", [parts, written])


@pytest.mark.far
@EVERYTHING
def test_another_device_agrees_with_the_cpu_and_results_stay_there(make):
    """No GPU needed: on a device that refuses what a GPU does; see `far`."""
    with far.away():
        assert astray(make, far.DEVICE) == []


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@EVERYTHING
def test_a_gpu_agrees_with_the_cpu_and_results_stay_there(make):
    assert astray(make, "cuda") == []


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
