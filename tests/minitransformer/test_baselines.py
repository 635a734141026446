"""Bags of words, logistic regression, the best possible, k-means: by hand and by other means."""

import pytest
import torch
import torch.nn.functional as F

from minitransformer.baselines import bag_of_words, best_possible_accuracy, logistic_step
from minitransformer.clustering import k_means
from minitransformer.data import World
from minitransformer.data.views import bag, best_accuracy, label_shares, text


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


def test_a_bag_counts_words_in_the_default_dtype():
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        counts = bag_of_words(torch.tensor([[2, 2, 0]]), 3)
    finally:
        torch.set_default_dtype(before)
    assert counts.dtype == torch.float64 and counts.tolist() == [[0, 0, 2]]


def test_a_bag_counts_words_and_not_padding():
    ids = torch.tensor([[3, 1, 3, 0], [2, 0, 0, 0]])
    assert bag_of_words(ids, 5).tolist() == [[0, 1, 0, 2, 0], [0, 0, 1, 0, 0]]
    assert bag_of_words(ids, 5, pad_id=3).tolist() == [[1, 1, 0, 0, 0], [3, 0, 1, 0, 0]]


def test_a_bag_does_not_see_the_order():
    ids = torch.randint(1, 7, (5, 11), generator=noise())
    mixed = ids[:, torch.randperm(11, generator=noise(1))]
    assert torch.equal(bag_of_words(ids, 7), bag_of_words(mixed, 7))


def test_a_word_outside_the_vocabulary_is_refused():
    with pytest.raises(ValueError, match=r"ids must lie in 0\.\.4, got 1 to 5"):
        bag_of_words(torch.tensor([[1, 5]]), 5)


def test_the_best_possible_accuracy_by_hand():
    assert best_possible_accuracy(torch.tensor([[3, 1], [0, 2], [2, 2]])) == pytest.approx(0.7)
    with pytest.raises(ValueError, match=r"must be \(views, classes\)"):
        best_possible_accuracy(torch.zeros(3, 2))


@pytest.mark.parametrize("add", [bag, text])
def test_the_best_possible_accuracy_of_the_worlds_reviews_is_the_exact_one(add):
    automaton = World().process("reviews").automaton
    shares = torch.tensor(list(label_shares(automaton, "praise", add).values()))
    assert best_possible_accuracy(shares.double()) == pytest.approx(
        best_accuracy(automaton, "praise", add), abs=1e-6
    )


def test_a_logistic_step_is_a_step_of_gradient_descent_on_the_cross_entropy():
    features = torch.randn(7, 3, generator=noise(), dtype=torch.float64)
    labels = torch.tensor([0, 1, 1, 0, 1, 0, 1])
    weight = torch.randn(3, generator=noise(1), dtype=torch.float64).requires_grad_()
    bias = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    loss = F.binary_cross_entropy_with_logits(features @ weight + bias, labels.double())
    loss.backward()
    with torch.no_grad():
        moved = logistic_step(features, labels, weight, bias, 0.5)
        torch.testing.assert_close(moved[0], weight - 0.5 * weight.grad)
        torch.testing.assert_close(moved[1], bias - 0.5 * bias.grad)


def test_k_means_finds_groups_that_lie_apart():
    middles = torch.tensor([[0.0, 9.0], [9.0, 0.0], [-9.0, -9.0]])
    vectors = (middles.unsqueeze(1) + torch.randn(3, 5, 2, generator=noise())).flatten(0, 1)
    centroids, clusters = k_means(vectors, vectors[[0, 5, 10]])
    assert clusters.tolist() == [0] * 5 + [1] * 5 + [2] * 5
    torch.testing.assert_close(centroids, vectors.view(3, 5, 2).mean(dim=1))


def test_k_means_by_hand_for_one_step():
    vectors = torch.tensor([[0.0], [1.0], [2.0], [9.0]])
    centroids, clusters = k_means(vectors, torch.tensor([[0.0], [2.0]]), steps=1)
    assert centroids.tolist() == [[0.5], [5.5]] and clusters.tolist() == [0, 0, 0, 1]


def test_a_centre_without_vectors_stays_where_it_is():
    start = torch.tensor([[0.0], [50.0]])
    centroids, clusters = k_means(torch.tensor([[0.0], [2.0]]), start, steps=3)
    assert centroids.tolist() == [[1.0], [50.0]] and clusters.tolist() == [0, 0]
    assert start.tolist() == [[0.0], [50.0]]
    with pytest.raises(ValueError, match="of one width and not empty"):
        k_means(torch.zeros(3, 2), torch.zeros(2, 3))
