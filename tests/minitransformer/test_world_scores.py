"""A model that knows the exact figures closes the whole gap; one that counts closes none."""

from types import SimpleNamespace

import pytest
import torch
from torch import nn

from minitransformer.bert import BertForPreTraining
from minitransformer.config import BertConfig
from minitransformer.data import World, exact
from minitransformer.data.translation import draw_translations
from minitransformer.sources import open_source
from minitransformer.tasks import make_task
from minitransformer.tokenizers import SPECIAL_TOKENS
from minitransformer.world_scores import (
    closed,
    pair_scores,
    question_scores,
    story_limits,
    story_scores,
    translation_scores,
)


@pytest.fixture(scope="module")
def world():
    return World()


class Oracle(nn.Module):
    """Answers with given logits instead of weights."""

    def __init__(self, answer, max_seq=7):
        super().__init__()
        self.config = SimpleNamespace(max_seq=max_seq, pad_id=0, start_id=2, end_id=3)
        self.unused = nn.Parameter(torch.zeros(1))
        self.answer = answer

    def forward(self, *arguments):
        return self.answer(*arguments)


def test_the_share_closed_worked_by_hand():
    simple, model, best = (torch.tensor(row) for row in ([4.0, 2], [1.0, 3], [1.0, 1]))
    assert closed(simple, model, best) == 0.5
    assert closed(simple, simple, best) == 0 and closed(simple, best, best) == 1


def test_the_least_loss_of_a_row_is_minus_its_exact_log_probability(world):
    ids = world.draw("rows", 3, seed=5, length=9).ids
    simple, best = story_limits(ids)
    beginnings = exact.next_token_distribution(world.process("rows"), ids, end_id=3)
    chances = beginnings[:, :9].gather(2, ids.unsqueeze(-1)).squeeze(-1)
    assert simple.shape == best.shape == (3, 8)
    torch.testing.assert_close(best.sum(1), -chances[:, 1:].log().sum(1))
    assert simple.sum() > best.sum()


def test_a_gpt_that_knows_the_process_closes_all_and_one_that_counts_closes_nothing(world):
    def knows(ids):
        return exact.next_token_distribution(world.process("rows"), ids, end_id=3)[:, 1:].log()

    table = torch.from_numpy(world.process("stories").bigram(end_id=3)).log()
    best = story_scores(Oracle(knows), tokens=1500)
    counts = story_scores(Oracle(lambda ids: table[ids]), tokens=1500)
    names = [name for name in best if name.startswith("closed")]
    assert names[0] == "closed" and len(names) > 2
    for name in names:
        assert best[name] == pytest.approx(1, abs=1e-5)
        assert counts[name] == pytest.approx(0, abs=1e-5)
    assert best["model"] == pytest.approx(best["exact"], rel=1e-6)
    assert counts["model"] == pytest.approx(counts["bigram"], rel=1e-6)


def test_a_bert_that_knows_the_posteriors_closes_all_and_is_as_right_as_bayes(world):
    vocab, process = world.vocab, world.process("pairs")
    special = [vocab[token] for token in SPECIAL_TOKENS]
    words = [index for index in vocab.values() if index not in special]
    rates = {"mask_id": vocab["[MASK]"], "random_ids": words, "never": special}
    channel = exact.corruption_channel(len(vocab), **rates)
    chosen = exact.corruption_channel(len(vocab), **rates, rate=1.0)
    unigram = torch.from_numpy(process.unigram(excluded=frozenset(special))).log()

    def knows(ids, segments):
        assert torch.equal(segments[ids == 0], torch.zeros((ids == 0).sum(), dtype=torch.int64))
        ends = [(row == 3).nonzero().flatten().tolist() for row in ids]
        for row, (first, second) in zip(segments.tolist(), ends, strict=True):
            assert sum(row) == second - first and row[first + 1] == row[second] == 1
        hidden = (ids == vocab["[MASK]"]).any()
        read, logits = (channel, None) if hidden else (None, torch.zeros(1))
        if hidden:
            logits = exact.token_posterior(process, ids, channel, chosen).log()
        follows = exact.label_posterior(process, ids, "next", read)
        return logits, torch.stack([follows, 1 - follows], dim=1).log()

    def counts(ids, segments):
        return unigram.expand(*ids.shape, -1), torch.tensor([0.0, 1.0]).expand(len(ids), 2)

    best, simple = pair_scores(Oracle(knows), 300), pair_scores(Oracle(counts), 300)
    names = [name for name in best if name.startswith("closed")]
    assert len(names) == 4
    for name in names:
        assert best[name] == pytest.approx(1, abs=1e-5)
        assert simple[name] == pytest.approx(0, abs=1e-5)
    follow = float(world.draw("pairs", 300, 0).labels.float().mean())
    for how in ("clean", "masked"):
        assert simple[f"pairs right, {how}"] == pytest.approx(1 - follow)
        assert best[f"pairs right, {how}"] == best[f"pairs right, {how}, Bayes"] > 0.85


def test_asking_questions_leaves_model_and_random_state_alone_and_repeats_itself(world):
    sizes = dict(max_seq=48, d_model=12, num_heads=3, num_layers=1)
    model = BertForPreTraining(BertConfig(vocab_size=len(world.vocab), **sizes))
    before = [weight.clone() for weight in model.parameters()]
    state = torch.random.get_rng_state()
    first = question_scores(model, 100)
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(weight.requires_grad for weight in model.parameters())
    assert all(map(torch.equal, model.parameters(), before))
    torch.manual_seed(5)
    assert question_scores(model, 100) == first


def test_a_translator_is_right_where_it_says_exactly_the_translation(monkeypatch, world):
    task = make_task("seq2seq", open_source("world"), 32)
    asked = draw_translations(10, 0)
    said = [[*task.target_tokenizer.encode(each.target), 3, 0] for each in asked]
    said[4] = [*said[4][1:], 0]
    longest = max(map(len, said))
    answer = torch.tensor([row + [0] * (longest - len(row)) for row in said])
    monkeypatch.setattr("minitransformer.world_scores.greedy_decode", lambda *arguments: answer)
    found = translation_scores(Oracle(None), task.tokenizer, task.target_tokenizer, 10)
    assert found == {"translated without a fault": 0.9}
