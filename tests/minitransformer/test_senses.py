"""Words of two senses: drawn half and half, and parted only by vectors that differ."""

import pytest
import torch

from minitransformer.data import World
from minitransformer.senses import cluster_accuracy, draw_senses, two_clusters

WORLD = World()


@pytest.mark.parametrize("word", WORLD.two_sense_words)
def test_examples_are_half_of_each_sense_and_the_word_stands_at_its_place(word):
    seen = draw_senses(WORLD, word, 60)
    assert seen.names == WORLD.two_sense_words[word]
    assert seen.senses.tolist().count(0) == seen.senses.tolist().count(1) == 30
    assert (seen.ids[torch.arange(60), seen.places] == WORLD.vocab[word]).all()


def test_the_sense_is_the_one_that_the_sentence_has():
    seen = draw_senses(WORLD, "bat", 100)
    for ids, place, sense in zip(seen.ids, seen.places, seen.senses, strict=True):
        words = [list(WORLD.vocab)[index] for index in ids]
        before = " ".join(words[max(0, place - 2) : place])
        if before in ("feeds his", "feeds her"):
            assert seen.names[sense] == "animal"
        if before in ("paints his", "paints her", "with his", "with her"):
            assert seen.names[sense] == "tool"


def test_a_word_of_one_sense_is_refused_with_those_that_have_two():
    with pytest.raises(ValueError, match="'pizza' has no two senses here; .* bank, bat, mouse"):
        draw_senses(WORLD, "pizza")


def test_two_clouds_are_parted_whatever_their_order():
    torch.manual_seed(0)
    senses = torch.tensor([0, 1, 1, 0, 1, 0, 0, 1, 1, 1])
    vectors = torch.randn(10, 5) * 0.1 + 3.0 * senses[:, None]
    assert cluster_accuracy(two_clusters(vectors), senses) == 1


def test_vectors_that_are_all_the_same_leave_half_of_the_words_in_the_wrong_group():
    senses = torch.tensor([0, 1, 0, 1])
    assert cluster_accuracy(two_clusters(torch.ones(4, 3)), senses) == 0.5


def test_the_groups_have_no_names_so_the_better_way_to_name_them_counts():
    assert cluster_accuracy(torch.tensor([1, 1, 0, 1]), torch.tensor([0, 0, 1, 1])) == 0.75
