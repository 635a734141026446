"""Probes made for BERT: draws as sets of places, and a model whose gaps can be filled."""

import torch

from autograder import probes


def test_lists_of_any_length_are_handed_back_as_sets_of_places_and_items():
    def pairs(words, generator):
        return [(word, torch.rand(1, generator=generator).item() < 2) for word in words]

    inputs = {"arguments": {"words": ["a", "b"]}, "seed": 1, "other_seed": 2}
    seen = probes.draws_in_places(pairs, inputs)
    assert seen["draws"] == frozenset({(0, "a", True), (1, "b", True)})
    assert probes.draws_in_places(lambda *_: None, inputs)["draws"] is None


def test_a_gap_looks_at_its_place_its_segment_and_the_whole_row():
    def logits(model, ids, mask_id, segments):
        return ids, model(ids, segments)[0]

    def ask(ids, segments):
        arguments = {"ids": torch.tensor([ids]), "mask_id": 1, "segments": torch.tensor([segments])}
        inputs = {"vocab": 12, "seed": 3, "arguments": arguments}
        return probes.with_gap_model(logits, inputs)["probabilities"][0]

    one = ask([1, 1, 7], [0, 0, 0])
    assert not torch.allclose(one[0], one[1])
    assert not torch.allclose(one[0], ask([1, 1, 7], [1, 0, 0])[0])
    assert not torch.allclose(one[0], ask([1, 1, 8], [0, 0, 0])[0])


def test_ids_that_are_filled_in_place_are_handed_back_changed():
    def in_place(model, ids, mask_id):
        ids[ids == mask_id] = 9
        return ids, ids

    inputs = {"vocab": 12, "seed": 3, "arguments": {"ids": torch.tensor([[1, 5]]), "mask_id": 1}}
    seen = probes.with_gap_model(in_place, inputs | {"untouched": True})
    assert seen["ids after the call"].tolist() == [[9, 5]]
