"""Search, recall, prompts, and the plain counting of words."""

import math

import pytest
import torch
import torch.nn.functional as F

from minitransformer import retrieval
from minitransformer.retrieval import Retriever, TfIdf

PASSAGES = [
    "The pizza came out of the oven.",
    "Mia cooks soup in the kitchen.",
    "The dog sleeps in the garden.",
    "Leo bakes bread in the oven, and more bread.",
    "The garden has apples.",
]


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


def test_search_finds_the_nearest_directions_best_first():
    queries = torch.randn(3, 5, generator=noise())
    passages = torch.randn(7, 5, generator=noise(1)) * torch.arange(1.0, 8).unsqueeze(1)
    places, scores = retrieval.search(queries, passages, 4)
    for row in range(3):
        cosines = [F.cosine_similarity(queries[row], p, dim=0).item() for p in passages]
        by_hand = sorted(range(7), key=lambda place: -cosines[place])[:4]
        assert places[row].tolist() == by_hand
        assert scores[row].tolist() == pytest.approx(
            [cosines[place] for place in by_hand], abs=1e-6
        )


def test_one_query_is_searched_as_one_of_many():
    queries, passages = torch.randn(3, 5, generator=noise()), torch.randn(7, 5, generator=noise(1))
    many, _ = retrieval.search(queries, passages, 2)
    places, scores = retrieval.search(queries[1], passages, 2)
    assert places.shape == scores.shape == (2,)
    assert torch.equal(places, many[1])


def test_length_does_not_matter_but_direction_does():
    passages = torch.tensor([[100.0, 90.0], [0.1, 0.0], [-1.0, 0.0]])
    places, scores = retrieval.search(torch.tensor([2.0, 0.0]), passages, 3)
    assert places.tolist() == [1, 0, 2]
    assert scores.tolist() == pytest.approx([1.0, 100 / math.hypot(100, 90), -1.0])


@pytest.mark.parametrize("size", [3, 5, 64, 257])
def test_equal_passages_stand_in_their_order(size):
    passage = torch.randn(size, generator=noise(), dtype=torch.float64)
    passages = torch.stack([passage * factor for factor in (1, 3, 1 / 7, 1, 1, 11, 1)] * 3)
    places, _ = retrieval.search(torch.randn(size, generator=noise(1)), passages, 21)
    assert places.tolist() == list(range(21))


def test_a_vector_of_zeros_is_like_nothing():
    passages = torch.tensor([[-1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    places, scores = retrieval.search(torch.tensor([1.0, 0.0]), passages, 3)
    assert places.tolist() == [2, 1, 0] and scores.tolist() == [1.0, 0.0, -1.0]
    assert retrieval.search(torch.zeros(2), passages, 2)[0].tolist() == [0, 1]


def test_recall_counts_the_queries_whose_passage_is_among_the_first_k():
    places = torch.tensor([[4, 2, 0], [1, 3, 2], [0, 1, 2], [3, 4, 1], [2, 0, 4]])
    right = torch.tensor([4, 2, 1, 0, 2])  # first, third, second, nowhere, first
    assert [retrieval.recall_at_k(places, right, k) for k in (1, 2, 3)] == [0.4, 0.6, 0.8]


def test_passages_are_embedded_in_order_whatever_the_batch():
    asked = []

    def encode(texts):
        asked.append(len(texts))
        return torch.tensor([[len(text), text.count("e")] for text in texts]).float()

    whole = retrieval.embed_passages(encode, PASSAGES)
    assert whole.tolist() == [[len(text), text.count("e")] for text in PASSAGES]
    assert torch.equal(retrieval.embed_passages(encode, PASSAGES, batch_size=2), whole)
    assert asked == [5, 2, 2, 1]


def test_embedding_keeps_no_gradients():
    layer = torch.nn.Linear(1, 3)
    vectors = retrieval.embed_passages(lambda texts: layer(torch.ones(len(texts), 1)), ["a", "b"])
    assert not vectors.requires_grad


def test_a_prompt_holds_the_passages_then_the_question():
    prompt = retrieval.build_prompt("who bakes ?", ["Leo bakes.", "Mia cooks."])
    assert prompt == "Leo bakes.\nMia cooks.\nQuestion: who bakes ?\nAnswer:"


def test_braces_in_a_question_or_passage_are_only_text():
    prompt = retrieval.build_prompt(
        "{passages}", ["{question} {0}"], "Q {question} | P {passages} {{}}"
    )
    assert prompt == "Q {passages} | P {question} {0} {}"


@pytest.mark.parametrize(
    "template", ["{question}", "{passages}", "{question} {passages} {x}", "{}"]
)
def test_a_template_without_its_two_fields_is_refused(template):
    with pytest.raises(ValueError, match="must have {passages} and {question} and no other"):
        retrieval.build_prompt("q", ["p"], template)


def test_tf_idf_by_hand():
    count = TfIdf(["the cat", "the dog", "the cat and the cat"])
    assert list(count.places) == ["and", "cat", "dog", "the"]
    once, twice, always = 1 + math.log(4 / 2), 1 + math.log(4 / 3), 1.0
    vectors = count(["the cat and The CAT", "bird", "dog"])
    expected = [[once, 2 * twice, 0, 2 * always], [0, 0, 0, 0], [0, 0, once, 0]]
    torch.testing.assert_close(vectors, torch.tensor(expected, dtype=torch.float64))


def test_a_retriever_finds_by_rare_words_and_writes_the_prompt():
    shelf = Retriever(TfIdf(PASSAGES), PASSAGES, batch_size=2)
    assert len(shelf) == 5
    assert shelf.find("who bakes bread ?") == [PASSAGES[3]]
    assert shelf.find("in the garden", k=2) == [PASSAGES[2], PASSAGES[4]]
    prompt = shelf.prompt("in the garden", 2, "{question}: {passages}")
    assert prompt == f"in the garden: {PASSAGES[2]}\n{PASSAGES[4]}"


def test_what_cannot_work_is_refused_with_the_remedy():
    passages = torch.ones(3, 2)
    for k in (0, 4):
        with pytest.raises(ValueError, match=rf"k must lie in 1\.\.3 \(the passages\), got {k}"):
            retrieval.search(torch.ones(2), passages, k)
    with pytest.raises(ValueError, match=r"one size, got \(5,\) and \(3, 2\)"):
        retrieval.search(torch.ones(5), passages, 1)
    with pytest.raises(ValueError, match=r"k must lie in 1\.\.2 \(what was found\), got 3"):
        retrieval.recall_at_k(torch.ones(3, 2), torch.ones(3), 3)
    with pytest.raises(ValueError, match=r"got \(3, 2\) and \(2,\)"):
        retrieval.recall_at_k(torch.ones(3, 2), torch.ones(2), 1)
    with pytest.raises(ValueError, match="no passages to embed"):
        retrieval.embed_passages(len, [])
    with pytest.raises(ValueError, match="batch_size must be at least 1, got 0"):
        retrieval.embed_passages(len, ["a"], 0)
    with pytest.raises(ValueError, match=r"\(3, d\) in all, got \(1, 2\)"):
        retrieval.embed_passages(lambda texts: torch.ones(1, 2), ["a", "b", "c"])
    with pytest.raises(ValueError, match="no words to count"):
        TfIdf(["", " "])
    for function in (TfIdf, lambda text: retrieval.embed_passages(len, text)):
        with pytest.raises(TypeError, match=r"write \[text\]"):
            function("one string")
    with pytest.raises(TypeError, match=r"write \[text\]"):
        retrieval.build_prompt("q", "one string")
