"""The world's texts as a BERT reads them."""

import torch

from minitransformer.data import World
from minitransformer.data.packed import packed_questions, packed_reviews, packed_texts

WORLD = World()


def test_reviews_stand_between_cls_and_sep():
    table = packed_reviews(WORLD, 20, seed=3)
    for ids, review, label in zip(
        table["ids"], WORLD.reviews(20, seed=3), table["labels"], strict=True
    ):
        assert WORLD.decode(ids) == f"[CLS] {review.text} [SEP]" and label == review.label


def test_the_answers_of_questions_lie_in_the_second_segment():
    table = packed_questions(WORLD, 20, seed=3)
    for row, asked in enumerate(WORLD.questions(20, seed=3)):
        ids = table["ids"][row]
        first, last = int(table["starts"][row]), int(table["ends"][row])
        assert WORLD.decode(ids) == f"[CLS] {asked.question} [SEP] {asked.passage} [SEP]"
        assert WORLD.decode(ids[first : last + 1]) == asked.answer
        assert table["segments"][row, first : last + 1].all()
        assert not table["segments"][row, : len(asked.question.split()) + 2].any()


def test_texts_of_all_kinds_come_by_turns():
    table = packed_texts(WORLD, 10, seed=3)
    texts = [WORLD.decode(ids) for ids in table["ids"]]
    assert len(texts) == 10 and all("?" in text for text in texts[2::3])
    assert all(" says " in text for text in texts[1::3])
    assert torch.equal(table["ids"], packed_texts(WORLD, 10, seed=3)["ids"])
    ends = table["ids"] == WORLD.vocab["[SEP]"]
    assert ends.sum(dim=1).tolist() == [2, 1, 2, 2, 1, 2, 2, 1, 2, 2]
