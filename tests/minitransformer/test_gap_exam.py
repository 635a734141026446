"""The exam of hidden words: its lines in order, and grades worked out another way."""

import math

import pytest
import torch

from minitransformer.data import World
from minitransformer.gap_exam import OneWayReader, bigram_table, draw_exam

WORLD = World()


@pytest.fixture(scope="module")
def exam():
    return draw_exam(WORLD, pairs=300)


class Even(torch.nn.Module):
    """Finds every word as likely as the others, and every pair as likely to belong together."""

    def forward(self, ids, segments=None):
        return torch.zeros(*ids.shape, len(WORLD.vocab)), torch.zeros(len(ids), 2)


class Knows(torch.nn.Module):
    """Has seen the answers."""

    def __init__(self, exam):
        super().__init__()
        self.ids, self.is_next, self.at = exam.ids, exam.is_next, 0

    def forward(self, ids, segments=None):
        part = slice(self.at, self.at + len(ids))
        self.at += len(ids)
        words = 60.0 * torch.nn.functional.one_hot(self.ids[part], len(WORLD.vocab))
        follows = self.is_next[part].float()
        return words, 60.0 * torch.stack([follows, 1 - follows], dim=1)


def test_who_sees_more_knows_more(exam):
    assert exam.known["exact"] < exam.known["one way"] < exam.known["bigram"]
    assert exam.known["bigram"] < exam.known["unigram"] < math.log(len(WORLD.vocab))
    assert 0 < exam.known["pairs"] < math.log(2) and 0.5 < exam.bayes < 1


def test_the_unigram_line_is_0_per_cent_of_the_way_and_the_exact_one_all_of_it(exam):
    assert exam.closed(exam.known["unigram"]) == 0 and exam.closed(exam.known["exact"]) == 1


def test_a_reader_without_an_idea_is_as_good_as_dice_and_coins(exam):
    grades = exam.grade(Even())
    assert grades["words"] == pytest.approx(math.log(len(WORLD.vocab)), abs=1e-5)
    assert grades["pairs"] == pytest.approx(math.log(2), abs=1e-5)


def test_a_reader_who_has_seen_the_answers_gets_everything_right(exam):
    grades = exam.grade(Knows(exam))
    assert grades["words"] < 1e-6 and grades["pairs"] < 1e-6 and grades["right"] == 1


def test_gaps_stand_where_the_text_has_masks_and_nowhere_else(exam):
    assert exam.gaps.any() and (exam.seen[exam.gaps] == WORLD.vocab["[MASK]"]).all()
    assert not (exam.seen[~exam.gaps] == WORLD.vocab["[MASK]"]).any()


def test_rows_of_the_bigram_table_are_distributions_over_words():
    table = bigram_table(WORLD, pairs=500)
    assert torch.allclose(table.sum(dim=1), torch.ones(len(table), dtype=torch.float64))
    assert (table[:, :5] == 0).all()
    of_cooks = table[WORLD.vocab["cooks"]]
    assert of_cooks.argmax().item() in (WORLD.vocab["his"], WORLD.vocab["her"])


def test_the_gru_knows_nothing_of_what_comes_later():
    torch.manual_seed(0)
    reader, ids = OneWayReader(11, 8), torch.tensor([[1, 2, 3, 4, 5]])
    other = torch.tensor([[1, 2, 3, 9, 10]])
    with torch.no_grad():
        one, two = reader(ids)[0], reader(other)[0]
    assert torch.equal(one[:, :3], two[:, :3]) and not torch.allclose(one[:, 3:], two[:, 3:])


def test_the_gru_learns_from_the_hidden_words_alone():
    torch.manual_seed(0)
    reader, ids = OneWayReader(11, 8), torch.tensor([[1, 2, 4, 3]])
    labels = torch.tensor([[-100, -100, 7, -100]])
    wanted = -reader(ids)[0][0, 2].log_softmax(dim=-1)[7]
    found = reader.loss(ids, labels, segments=torch.zeros_like(ids), is_next=torch.tensor([True]))
    assert torch.allclose(found, wanted)


def test_the_gru_is_graded_without_an_answer_for_the_pairs(exam):
    torch.manual_seed(0)
    assert set(exam.grade(OneWayReader(len(WORLD.vocab), 8))) == {"words"}
