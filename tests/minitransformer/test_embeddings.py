"""Tables, word2vec and positions against cases by hand, PyTorch, and invariances."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from minitransformer.embeddings import (
    EmbeddingLayer,
    LearnedPositions,
    TokenEmbedding,
    cosine_similarity_matrix,
    count_skip_gram_pairs,
    lookup,
    negative_sampling_loss,
    noise_distribution,
    one_hot,
    sample_negatives,
    sinusoidal_positions,
    skip_gram_pairs,
)

SHAPES = st.sampled_from([(), (3,), (2, 5), (2, 3, 5)])


def draw(seed):
    return torch.Generator().manual_seed(seed)


@given(SHAPES, st.integers(0, 2**31))
def test_one_hot_agrees_with_pytorch(shape, seed):
    ids = torch.randint(7, shape, generator=draw(seed))
    rows = one_hot(ids, 7)
    assert rows.dtype == torch.float32
    assert torch.equal(rows, F.one_hot(ids, 7).float())


@given(SHAPES, st.integers(0, 2**31))
def test_lookup_equals_one_hot_times_table_and_pytorch_in_value_and_gradient(shape, seed):
    ids = torch.randint(7, shape, generator=draw(seed))
    tables = [torch.randn(7, 11, generator=draw(seed)).requires_grad_() for _ in range(3)]
    found = [lookup(ids, tables[0]), one_hot(ids, 7) @ tables[1], F.embedding(ids, tables[2])]
    pull = torch.randn(*shape, 11, generator=draw(seed + 1))
    for result in found:
        (result * pull).sum().backward()
    for result, table in zip(found[1:], tables[1:], strict=True):
        torch.testing.assert_close(found[0], result)
        torch.testing.assert_close(tables[0].grad, table.grad)


def test_lookup_takes_int32_and_uint8_ids_as_places_not_as_a_mask():
    table = torch.eye(3)
    for dtype in (torch.int32, torch.uint8):
        assert torch.equal(lookup(torch.tensor([1, 1, 0], dtype=dtype), table), table[[1, 1, 0]])


@pytest.mark.parametrize(
    "reader", [lambda ids: one_hot(ids, 5), lambda ids: lookup(ids, torch.eye(5))]
)
def test_ids_that_cannot_be_are_refused_with_the_reason(reader):
    for ids, message in (
        (torch.tensor([2, 5]), r"0\.\.4 .*got 2\.\.5"),
        (torch.tensor([-1]), "-1"),
    ):
        with pytest.raises(ValueError, match=message):
            reader(ids)
    for ids in (torch.tensor([1.0]), torch.tensor([True])):
        with pytest.raises(TypeError, match=r"integers, got torch\.(float32|bool); .*long"):
            reader(ids)
    assert reader(torch.zeros(2, 0, dtype=torch.int64)).shape == (2, 0, 5)


def test_cosines_by_hand():
    vectors = torch.tensor([[3.0, 4.0], [-6.0, -8.0], [4.0, 3.0], [0.0, 0.0]])
    expected = [[1, -1, 0.96, 0], [-1, 1, -0.96, 0], [0.96, -0.96, 1, 0], [0, 0, 0, 0]]
    torch.testing.assert_close(cosine_similarity_matrix(vectors), torch.tensor(expected))


@given(st.integers(0, 2**31))
def test_cosines_agree_with_pytorch_and_do_not_see_lengths(seed):
    vectors = torch.randn(7, 5, generator=draw(seed), dtype=torch.float64)
    lengths = torch.rand(7, 1, generator=draw(seed), dtype=torch.float64) + 0.1
    expected = F.cosine_similarity(vectors[:, None], vectors[None], dim=-1)
    torch.testing.assert_close(cosine_similarity_matrix(vectors * lengths), expected)


def test_one_vector_is_not_a_table():
    with pytest.raises(ValueError, match=r"\(n, d_model\), got \(5,\)"):
        cosine_similarity_matrix(torch.ones(5))


def test_pairs_by_hand():
    assert skip_gram_pairs([7, 8, 9], window=1) == [(7, 8), (8, 7), (8, 9), (9, 8)]
    assert skip_gram_pairs(torch.tensor([7, 8, 9]), window=5) == (
        [(7, 8), (7, 9), (8, 7), (8, 9), (9, 7), (9, 8)]
    )
    assert skip_gram_pairs([7], window=2) == skip_gram_pairs([], window=2) == []


def test_a_word_that_occurs_twice_is_its_own_neighbour():
    assert skip_gram_pairs([5, 5], window=1) == [(5, 5), (5, 5)]


@given(st.lists(st.integers(0, 9), max_size=9), st.integers(1, 10))
def test_pairs_are_all_places_within_the_window(ids, window):
    places = itertools.product(range(len(ids)), repeat=2)
    expected = [(ids[i], ids[j]) for i, j in places if 1 <= abs(i - j) <= window]
    assert skip_gram_pairs(ids, window) == expected
    if ids:
        assert count_skip_gram_pairs(len(ids), window) == len(expected)


def test_a_window_below_one_is_refused():
    for function in (skip_gram_pairs, count_skip_gram_pairs):
        with pytest.raises(ValueError, match="at least 1"):
            function([1] if function is skip_gram_pairs else 1, 0)


def test_noise_by_hand():
    # 16^0.75 = 8 and 81^0.75 = 27
    noise = noise_distribution(torch.tensor([16, 0, 81, 1]))
    torch.testing.assert_close(noise, torch.tensor([8, 0, 27, 1]) / 36)
    torch.testing.assert_close(
        noise_distribution(torch.tensor([1.0, 3.0]), power=1), torch.tensor([0.25, 0.75])
    )


@pytest.mark.parametrize("counts", [[0, 0], [1, -1], [[1, 2]]])
def test_counts_that_cannot_be_are_refused(counts):
    with pytest.raises(ValueError, match="counts must be one row"):
        noise_distribution(torch.tensor(counts))


def test_draws_follow_the_probabilities_and_the_seed():
    probabilities = torch.tensor([0.5, 0.0, 0.3, 0.2])
    ids = sample_negatives(probabilities, (100, 200), draw(0))
    assert ids.shape == (100, 200) and ids.dtype == torch.int64
    shares = ids.flatten().bincount(minlength=4) / ids.numel()
    # 20,000 draws: a share is off by 0.018 (5 standard deviations) once in a million runs
    torch.testing.assert_close(shares, probabilities, atol=0.018, rtol=0)
    assert shares[1] == 0
    assert torch.equal(ids, sample_negatives(probabilities, (100, 200), draw(0)))
    assert not torch.equal(ids, sample_negatives(probabilities, (100, 200), draw(1)))


def test_the_loss_by_hand():
    # batch of 2; sigma(0) = 1/2, sigma(log 3) = 3/4
    center = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    context = torch.tensor([[math.log(3), 9.0], [9.0, 0.0]])
    negatives = torch.tensor([[[0.0, 5.0], [-math.log(3), 5.0]], [[5.0, 0.0], [5.0, 0.0]]])
    first = math.log(3 / 4) + math.log(1 / 2) + math.log(3 / 4)
    second = 3 * math.log(1 / 2)
    expected = -(first + second) / 2
    assert negative_sampling_loss(center, context, negatives).item() == pytest.approx(expected)


@given(st.integers(0, 2**31))
def test_the_loss_agrees_with_binary_cross_entropy(seed):
    center, context = torch.randn(2, 3, 5, generator=draw(seed)).unbind()
    negatives = torch.randn(3, 7, 5, generator=draw(seed + 1))
    others = torch.cat([context.unsqueeze(1), negatives], dim=1)  # (3, 8, 5)
    scores = torch.einsum("bd,bkd->bk", center, others)
    labels = torch.zeros(3, 8)
    labels[:, 0] = 1
    expected = F.binary_cross_entropy_with_logits(scores, labels, reduction="sum") / 3
    torch.testing.assert_close(negative_sampling_loss(center, context, negatives), expected)


def test_huge_scores_stay_finite():
    one = torch.ones(1, 1)
    loss = negative_sampling_loss(one * 1e4, -one, one.unsqueeze(1))
    assert loss.item() == 2e4


def test_shapes_that_do_not_fit_are_refused_by_name():
    center = torch.zeros(3, 5)
    wrong = [(center, torch.zeros(2, 5), torch.zeros(3, 7, 5))]
    wrong += [(center, center, torch.zeros(3, 7, 4)), (center, center, torch.zeros(3, 5))]
    wrong += [(center[0], center[0], center), (center[0], center[0], torch.zeros(5, 7))]
    for parts in wrong:
        with pytest.raises(ValueError, match="center, context and negatives must have"):
            negative_sampling_loss(*parts)


def test_sinusoids_by_hand():
    expected = [[0, 1, 0, 1], [math.sin(1), math.cos(1), math.sin(0.01), math.cos(0.01)]]
    torch.testing.assert_close(sinusoidal_positions(2, 4), torch.tensor(expected))


@given(st.integers(1, 60), st.integers(1, 30))
def test_sinusoids_agree_with_the_formula_entry_by_entry(seq, half):
    d_model = 2 * half
    expected = [
        [
            (math.sin, math.cos)[column % 2](place / 10000 ** ((column - column % 2) / d_model))
            for column in range(d_model)
        ]
        for place in range(seq)
    ]
    torch.testing.assert_close(
        sinusoidal_positions(seq, d_model), torch.tensor(expected), atol=1e-5, rtol=0
    )


def test_the_product_of_two_positions_depends_on_their_distance_only():
    table = sinusoidal_positions(40, 10).double()
    near = (table[3] @ table[10], table[23] @ table[30])
    torch.testing.assert_close(*near, atol=1e-5, rtol=0)


def test_odd_sizes_are_refused():
    with pytest.raises(ValueError, match="even .*got 5"):
        sinusoidal_positions(3, 5)


def test_token_vectors_are_rows_times_the_root_of_the_size():
    layer = TokenEmbedding(11, 9)
    ids = torch.tensor([[3, 7], [0, 3]])
    torch.testing.assert_close(layer(ids), layer.weight[ids] * 3)
    assert list(layer.state_dict()) == ["weight"]


def test_entries_start_with_the_promised_spread():
    torch.manual_seed(0)
    layer = EmbeddingLayer(500, 64, max_seq=300, num_segments=200)
    assert layer.token.weight.std().item() == pytest.approx(1 / 8, rel=0.02)
    assert layer.position.weight.std().item() == pytest.approx(0.02, rel=0.02)
    assert layer.segment.std().item() == pytest.approx(0.02, rel=0.02)


def test_positions_are_added_along_the_sentence():
    layer, x = LearnedPositions(7, 5), torch.randn(2, 3, 5, generator=draw(0))
    added = layer(x) - x
    for sentence in added:
        torch.testing.assert_close(sentence, layer.weight[:3], atol=1e-6, rtol=0)


def test_a_sentence_longer_than_the_table_is_refused():
    with pytest.raises(ValueError, match="8 tokens, but there are only 7 positions"):
        LearnedPositions(7, 5)(torch.zeros(2, 8, 5))


def test_the_layer_is_the_sum_of_its_three_parts():
    layer = EmbeddingLayer(11, 4, max_seq=5, num_segments=3)
    ids, segments = torch.tensor([[3, 7, 1], [0, 3, 3]]), torch.tensor([[0, 1, 1], [0, 0, 2]])
    names = {name: tuple(part.shape) for name, part in layer.named_parameters()}
    assert names == {"token.weight": (11, 4), "position.weight": (5, 4), "segment": (3, 4)}
    for i, j in itertools.product(range(2), range(3)):
        expected = (
            2 * layer.token.weight[ids[i, j]]
            + layer.position.weight[j]
            + layer.segment[segments[i, j]]
        )
        torch.testing.assert_close(layer(ids, segments)[i, j], expected)
    torch.testing.assert_close(layer(ids), layer(ids, torch.zeros_like(ids)))


def test_the_same_bag_of_words_differs_only_by_its_positions():
    layer = EmbeddingLayer(11, 4, max_seq=5)
    ids, turned = torch.tensor([[3, 7, 1]]), torch.tensor([[1, 7, 3]])
    torch.testing.assert_close(layer.token(ids).sum(dim=1), layer.token(turned).sum(dim=1))
    assert not torch.allclose(layer(ids)[:, 0], layer(turned)[:, 2])


def test_segments_beyond_the_table_are_refused():
    layer = EmbeddingLayer(11, 4, max_seq=5)
    with pytest.raises(ValueError, match=r"0\.\.1"):
        layer(torch.tensor([[1, 2]]), torch.tensor([[0, 2]]))
