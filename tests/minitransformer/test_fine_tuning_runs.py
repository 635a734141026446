"""The runs of chapter 6: parts of one's own are used, and nothing else is moved."""

import pytest
import torch

from minitransformer.baselines import logistic_step
from minitransformer.bert import Bert
from minitransformer.config import BertConfig
from minitransformer.data import World
from minitransformer.data.packed import packed_questions, packed_reviews
from minitransformer.fine_tuning import BertForClassification
from minitransformer.heads import SpanHead, best_span, freeze, mean_pooling, span_loss
from minitransformer.training import fine_tuning_runs as runs

WORLD = World()


def bert():
    torch.manual_seed(0)
    sizes = {"num_layers": 1, "num_heads": 2, "d_model": 8, "max_seq": 48}
    return Bert(BertConfig(vocab_size=len(WORLD.vocab), **sizes))


def test_fine_tuning_moves_what_is_not_frozen_and_lowers_the_loss():
    model = BertForClassification(freeze(bert()), 2)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    history = runs.fine_tune(model, packed_reviews(WORLD, 20, seed=1), steps=3)
    moved = {name for name, weight in model.named_parameters() if not weight.equal(before[name])}
    assert len(history.losses) == 3 and moved == {"head.dense.weight", "head.dense.bias"}


def test_the_accuracy_of_a_model_is_the_share_of_right_classes():
    class Always(torch.nn.Module):
        def forward(self, ids):
            return torch.tensor([[0.0, 1.0]]).expand(len(ids), 2)

    table = packed_reviews(WORLD, 700, seed=1)
    share = table["labels"].double().mean().item()
    assert runs.class_accuracy(Always(), table) == pytest.approx(share)


def test_text_vectors_do_not_depend_on_the_padding_and_can_be_learned_from():
    model, ids = bert(), packed_reviews(WORLD, 5, seed=1)["ids"]
    wider = torch.nn.functional.pad(ids, (0, 4))
    vectors = runs.text_vectors(model, ids, mean_pooling)
    torch.testing.assert_close(vectors, runs.text_vectors(model, wider, mean_pooling))
    (vectors @ torch.ones(8, requires_grad=True)).sum().backward()


def test_a_logistic_regression_finds_what_one_line_can_part():
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(400, 3, generator=generator) * torch.tensor([1.0, 50.0, 0.1]) + 3
    labels = (features[:, 2] > 3).long()
    known, asked = (features[:300], labels[:300]), (features[300:], labels[300:])
    assert runs.logistic_accuracy(logistic_step, known, asked) > 0.95


def test_a_reader_is_made_of_the_parts_it_is_given():
    calls = []

    def loss(*arguments):
        calls.append("loss")
        return span_loss(*arguments)

    def search(*arguments):
        calls.append("search")
        return best_span(*arguments)

    table = packed_questions(WORLD, 12, seed=1)
    reader = runs.SpanReader(bert(), SpanHead, loss, search)
    runs.fine_tune(reader, table, steps=2, batch_size=5)
    first, last = reader.answer(table["ids"], table["segments"], max_length=3)
    assert calls == ["loss", "loss", "search"]
    assert (first <= last).all() and (last - first < 3).all()
    assert table["segments"][torch.arange(12), first].all()
