"""Heads, the models they make of BERT and GPT, pooling, spans and freezing."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st

from minitransformer import heads
from minitransformer.bert import Bert
from minitransformer.config import BertConfig, GPTConfig
from minitransformer.fine_tuning import (
    BertForClassification,
    BertForQuestionAnswering,
    GPTForClassification,
    SentenceEncoder,
    contrastive_loss,
    last_vector,
)
from minitransformer.gpt import GPT

INF = math.inf


def noise(seed=0):
    return torch.Generator().manual_seed(seed)


def wide(model, seed=0):
    """Larger weights than a fresh model has, so that differences show; in float64."""
    for weight in model.double().parameters():
        weight.data = torch.randn(weight.shape, generator=noise(seed), dtype=torch.float64) / 3
    return model.eval()


def bert(num_layers=2, **options):
    sizes = dict(vocab_size=17, max_seq=11, d_model=6, num_heads=2, d_ff=10)
    return wide(Bert(BertConfig(num_layers=num_layers, **sizes, **options)))


def gpt(num_layers=2, **options):
    sizes = dict(vocab_size=17, max_seq=11, d_model=8, num_heads=2, d_ff=10)
    return wide(GPT(GPTConfig(num_layers=num_layers, **sizes, **options)), seed=1)


# [CLS] question [SEP] passage [SEP], and padding in the second text.
IDS = torch.tensor([[2, 5, 6, 3, 7, 8, 9, 3], [2, 5, 3, 7, 8, 3, 0, 0]])
SEGMENTS = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 1], [0, 0, 0, 1, 1, 1, 0, 0]])
PASSAGE = torch.tensor([[0, 0, 0, 0, 1, 1, 1, 0], [0, 0, 0, 1, 1, 0, 0, 0]]).bool()


def test_a_classification_head_is_one_linear_layer_where_nothing_is_trained():
    head = heads.ClassificationHead(5, 3, dropout=0.5).eval()
    pooled = torch.randn(7, 5, generator=noise())
    expected = torch.stack([head.dense.weight @ vector + head.dense.bias for vector in pooled])
    torch.testing.assert_close(head(pooled), expected)


def test_a_classification_head_drops_its_share_in_training_only():
    head = heads.ClassificationHead(500, 500, dropout=0.25)
    head.dense.weight.data = torch.eye(500)
    ones = torch.ones(20, 500)
    with torch.random.fork_rng():  # dropout draws from the global generator
        torch.manual_seed(0)
        kept = head.train()(ones)
    dropped = kept == 0
    assert abs(dropped.double().mean() - 0.25) < 0.02
    torch.testing.assert_close(kept[~dropped], torch.tensor(1 / 0.75).expand_as(kept[~dropped]))
    assert torch.equal(head.eval()(ones), ones)


def test_classes_are_read_from_the_pooled_vector_of_the_first_token():
    model = wide(BertForClassification(bert(), 3))
    hidden, _ = model.bert.hidden(IDS, SEGMENTS)
    pooled = torch.tanh(
        hidden[:, 0] @ model.bert.pooler.dense.weight.T + model.bert.pooler.dense.bias
    )
    expected = pooled @ model.head.dense.weight.T + model.head.dense.bias
    torch.testing.assert_close(model(IDS, SEGMENTS), expected)


def test_the_classification_loss_is_the_mean_surprise_at_the_right_classes():
    model = wide(BertForClassification(bert(), 3))
    logits = model(IDS, SEGMENTS)
    by_hand = -(logits[0].softmax(0)[2].log() + logits[1].softmax(0)[0].log()) / 2
    loss = model.loss(ids=IDS, labels=torch.tensor([2, 0]), segments=SEGMENTS)
    torch.testing.assert_close(loss, by_hand)


@pytest.mark.parametrize("make", [BertForClassification, GPTForClassification])
def test_a_head_has_the_number_type_of_the_model_below(make):
    below = (bert if make is BertForClassification else gpt)()
    assert make(below, 3).head.dense.weight.dtype == torch.float64
    assert make(below.float(), 3)(IDS).dtype == torch.float32


def test_padding_changes_no_class_span_or_sentence_vector():
    more = F.pad(IDS, (0, 3))
    pads = F.pad(SEGMENTS, (0, 3))
    classes = wide(BertForClassification(bert(), 3))
    torch.testing.assert_close(classes(more, pads), classes(IDS, SEGMENTS))
    spans = wide(BertForQuestionAnswering(bert()))
    for long, short in zip(spans(more, pads), spans(IDS, SEGMENTS), strict=True):
        torch.testing.assert_close(long[:, :8], short)
        assert (long[:, 8:] == -INF).all()
    sentences = SentenceEncoder(bert())
    torch.testing.assert_close(sentences(more), sentences(IDS))


def test_only_words_of_the_passage_can_be_an_answer():
    assert torch.equal(heads.passage_mask(IDS, SEGMENTS), PASSAGE)
    start, end = wide(BertForQuestionAnswering(bert()))(IDS, SEGMENTS)
    for logits in (start, end):
        assert torch.equal(logits.isfinite(), PASSAGE)


def test_start_and_end_are_the_two_rows_of_the_span_head():
    head = wide(heads.SpanHead(5))
    hidden = torch.randn(2, 7, 5, generator=noise(), dtype=torch.float64)
    start, end = head(hidden)
    torch.testing.assert_close(start, hidden @ head.dense.weight[0] + head.dense.bias[0])
    torch.testing.assert_close(end, hidden @ head.dense.weight[1] + head.dense.bias[1])


def test_the_span_loss_is_the_mean_of_both_ends():
    start = torch.tensor([[0.0, 1.0, -INF], [2.0, 0.5, 0.0]])
    end = torch.tensor([[0.3, 0.0, -INF], [0.0, 0.0, 3.0]])
    by_hand = 0.0
    for row, (s, e) in enumerate([(1, 1), (0, 2)]):
        by_hand -= start[row].softmax(0)[s].log() + end[row].softmax(0)[e].log()
    loss = heads.span_loss(start, end, torch.tensor([1, 0]), torch.tensor([1, 2]))
    torch.testing.assert_close(loss, by_hand / 4)


def test_the_gradient_of_the_span_loss_is_finite_although_places_are_ruled_out():
    model = wide(BertForQuestionAnswering(bert()))
    model.loss(
        ids=IDS, segments=SEGMENTS, starts=torch.tensor([4, 3]), ends=torch.tensor([6, 4])
    ).backward()
    assert all(w.grad.isfinite().all() for n, w in model.named_parameters() if "pooler" not in n)
    assert model.head.dense.weight.grad.abs().sum() > 0


def test_an_answer_outside_the_passage_is_refused_with_its_place():
    model = wide(BertForQuestionAnswering(bert()))
    with pytest.raises(ValueError, match="answer of text 1 has its end at 6"):
        model.loss(IDS, SEGMENTS, starts=torch.tensor([4, 3]), ends=torch.tensor([4, 6]))


def brute_force(start, end, max_length):
    """All legal spans, one after the other; the first of the best."""
    spans = itertools.product(range(len(start)), repeat=2)
    legal = [(s, e) for s, e in spans if s <= e and e - s < max_length]
    return max(legal, key=lambda span: start[span[0]] + end[span[1]])


NUMBERS = st.lists(st.integers(-4, 4), min_size=7, max_size=7)


@given(NUMBERS, NUMBERS, st.integers(1, 9))
def test_the_best_span_is_the_best_of_all_that_do_not_end_before_they_start(start, end, most):
    expected = brute_force(start, end, most)
    found = heads.best_span(torch.tensor(start).float(), torch.tensor(end).float(), most)
    assert tuple(map(int, found)) == expected


def test_the_best_start_and_the_best_end_alone_would_be_no_span():
    start, end = torch.tensor([0.0, 1.0, 5.0]), torch.tensor([4.0, 0.0, 1.0])
    assert tuple(map(int, heads.best_span(start, end))) == (2, 2)
    assert tuple(
        map(int, heads.best_span(torch.tensor([3.0, 0, 0]), torch.tensor([0, 1, 3.0]), 2))
    ) == (0, 1)


def test_spans_of_a_batch_are_found_row_by_row():
    start, end = torch.randn(2, 3, 5, 7, generator=noise()).unbind()
    first, last = heads.best_span(start, end, 3)
    assert first.shape == last.shape == (3, 5)
    for row in itertools.product(range(3), range(5)):
        expected = brute_force(start[row].tolist(), end[row].tolist(), 3)
        assert (first[row], last[row]) == expected


def test_answers_are_the_best_legal_spans_of_the_passage():
    model = wide(BertForQuestionAnswering(bert()), seed=9)
    start, end = model(IDS, SEGMENTS)
    found = {}
    for most in (1, 2, None):
        found[most] = torch.stack(model.answer(IDS, SEGMENTS, max_length=most), dim=1).tolist()
        expected = [brute_force(start[row], end[row], most or 8) for row in range(2)]
        assert found[most] == [list(span) for span in expected]
    assert found[1] != found[None]
    for row, (s, e) in enumerate(found[None]):
        assert PASSAGE[row, s : e + 1].all()


def test_mean_pooling_is_the_mean_of_the_real_tokens_by_hand():
    hidden = torch.randn(2, 5, 3, generator=noise())
    real = torch.tensor([[1, 1, 1, 1, 1], [0, 1, 1, 0, 0]]).bool()
    hidden[1, 3] = math.nan  # padding may hold anything
    pooled = heads.mean_pooling(hidden, real)
    torch.testing.assert_close(pooled[0], sum(hidden[0]) / 5)
    torch.testing.assert_close(pooled[1], (hidden[1, 1] + hidden[1, 2]) / 2)


def test_mean_pooling_refuses_an_empty_text_and_a_mask_that_does_not_fit():
    hidden = torch.zeros(2, 5, 3)
    with pytest.raises(ValueError, match="text 1 of the batch has no real token"):
        heads.mean_pooling(hidden, torch.tensor([[True] * 5, [False] * 5]))
    with pytest.raises(ValueError, match=r"shape \(2, 5\), got \(5, 2\)"):
        heads.mean_pooling(hidden, torch.ones(5, 2, dtype=torch.bool))
    with pytest.raises(TypeError, match="real must be bool"):
        heads.mean_pooling(hidden, torch.ones(2, 5))


def test_sentence_vectors_have_length_one_and_point_along_the_mean():
    model = SentenceEncoder(bert())
    vectors = model(IDS)
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(2, dtype=torch.float64))
    mean = model.bert.hidden(IDS)[0][1, :6].mean(dim=0)
    torch.testing.assert_close(vectors[1], mean / mean.norm())


def test_normalizing_leaves_zeros_as_they_are():
    assert torch.equal(heads.normalize(torch.zeros(2, 3)), torch.zeros(2, 3))
    torch.testing.assert_close(heads.normalize(torch.tensor([3.0, 4.0])), torch.tensor([0.6, 0.8]))


def test_the_contrastive_loss_asks_each_text_for_its_own_partner():
    a, b = torch.randn(2, 3, 5, generator=noise(), dtype=torch.float64).unbind()
    by_hand = 0.0
    for i in range(3):
        cosines = torch.stack([F.cosine_similarity(a[i], b[j], dim=0) for j in range(3)])
        by_hand -= (cosines / 0.1).softmax(0)[i].log() / 3
    torch.testing.assert_close(contrastive_loss(a, b, temperature=0.1), by_hand)
    model = SentenceEncoder(bert(), temperature=0.1)
    others = IDS.flip(0)[:, :6]
    expected = contrastive_loss(model(IDS), model(others), 0.1)
    torch.testing.assert_close(model.loss(ids=IDS, others=others), expected)


def test_a_gpt_names_the_class_from_its_last_real_token_on_either_side_of_padding():
    model = wide(GPTForClassification(gpt(), 3))
    text = torch.tensor([[5, 6, 7]])
    alone = model(text)
    hidden, _ = model.gpt.hidden(text)
    torch.testing.assert_close(alone, model.head(hidden[:, 2]))
    for padded in ([5, 6, 7, 0, 0], [0, 0, 5, 6, 7]):
        ids = torch.tensor([padded])
        torch.testing.assert_close(model(ids, ids != 0), alone)


def test_last_vector_finds_the_last_real_place():
    hidden = torch.arange(30.0).view(2, 5, 3)
    real = torch.tensor([[0, 1, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()
    assert torch.equal(last_vector(hidden, real), torch.stack([hidden[0, 2], hidden[1, 4]]))


def test_a_gpt_learns_the_class_and_the_next_words_by_weight():
    model = wide(GPTForClassification(gpt(), 3, lm_weight=0.3))
    ids = torch.tensor([[5, 6, 7, 8, 0], [9, 5, 0, 0, 0]])
    labels, real = torch.tensor([2, 1]), ids != 0
    task = F.cross_entropy(model(ids, real), labels)
    rows = [F.log_softmax(model.gpt(row[None]), -1)[0] for row in (ids[0, :4], ids[1, :2])]
    told = [rows[0][0, 6], rows[0][1, 7], rows[0][2, 8], rows[1][0, 5]]  # the next words, by hand
    loss = model.loss(ids=ids, labels=labels, real=real)
    torch.testing.assert_close(loss, task - 0.3 * sum(told) / 4)
    model.lm_weight = 0.0
    torch.testing.assert_close(model.loss(ids, labels, real), task)


def test_a_text_of_one_token_has_no_next_word_to_learn():
    model = wide(GPTForClassification(gpt(), 3))
    assert model.loss(torch.tensor([[5]]), torch.tensor([1])).isfinite()


def test_freezing_stops_gradients_and_can_be_undone():
    layer = heads.freeze(torch.nn.Linear(3, 2))
    assert not any(weight.requires_grad for weight in layer.parameters())
    layer.requires_grad_(True)(torch.ones(1, 3)).sum().backward()
    assert layer.weight.grad is not None


@pytest.mark.parametrize("num_layers", [0, 1, 3])
def test_freezing_layers_leaves_the_late_ones_to_learn(num_layers):
    model = BertForClassification(bert(num_layers=3), 2)
    heads.freeze_layers(model.bert, num_layers)
    before = {name: weight.clone() for name, weight in model.named_parameters()}
    model.loss(IDS, torch.tensor([0, 1]), SEGMENTS).backward()
    torch.optim.SGD(model.parameters(), lr=1.0).step()
    moved = {name for name, weight in model.named_parameters() if not weight.equal(before[name])}
    blocks = {int(name.split(".")[3]) for name in moved if ".blocks." in name}
    assert blocks == set(range(num_layers, 3))
    assert not any("embeddings" in name for name in moved)
    assert {"head.dense.weight", "bert.pooler.dense.weight"} <= moved


@pytest.mark.parametrize("positions", ["learned", "rotary"])
def test_freezing_the_layers_of_a_gpt_freezes_its_tables_and_first_blocks(positions):
    model = heads.freeze_layers(gpt(num_layers=3, positions=positions), 1)
    learning = {name.rsplit(".", 3)[0] for name, w in model.named_parameters() if w.requires_grad}
    assert not any(name.startswith(("token", "position", "decoder.blocks.0")) for name in learning)
    assert any(name.startswith("decoder.blocks.1") for name in learning)


def test_what_cannot_work_is_refused_with_the_remedy():
    with pytest.raises(ValueError, match="num_classes must be at least 2, got 1"):
        heads.ClassificationHead(5, 1)
    with pytest.raises(ValueError, match="dropout must be in"):
        heads.ClassificationHead(5, 2, dropout=1.0)
    with pytest.raises(ValueError, match=r"num_layers must lie in 0\.\.2"):
        heads.freeze_layers(bert(), 3)
    with pytest.raises(TypeError, match="Bert or a GPT, got BertForClassification; .* model.bert"):
        heads.freeze_layers(BertForClassification(bert(), 2), 1)
    with pytest.raises(ValueError, match="max_length must be at least 1 token, got 0"):
        heads.best_span(torch.zeros(3), torch.zeros(3), 0)
    with pytest.raises(ValueError, match="no legal span has a finite score"):
        heads.best_span(torch.full((2, 3), -INF), torch.zeros(2, 3))
    with pytest.raises(
        ValueError, match=r"allowed must be bool .* \(2, 7\), got torch.bool \(7, 2\)"
    ):
        heads.SpanHead(5)(torch.zeros(2, 7, 5), torch.ones(7, 2).bool())
    with pytest.raises(ValueError, match="allowed leaves text 0 no place"):
        heads.SpanHead(5)(torch.zeros(1, 7, 5), torch.zeros(1, 7).bool())
    with pytest.raises(ValueError, match=r"\(2, 3\) and \(3, 3\)"):
        contrastive_loss(torch.ones(2, 3), torch.ones(3, 3))
    with pytest.raises(ValueError, match="temperature must be positive, got 0"):
        contrastive_loss(torch.ones(2, 3), torch.ones(2, 3), temperature=0)
    with pytest.raises(ValueError, match="lm_weight must be at least 0, got -1"):
        GPTForClassification(gpt(), 2, lm_weight=-1)


def test_the_right_classes_are_whole_numbers_one_a_text_among_those_of_the_head():
    for model in (BertForClassification(bert(), 3), GPTForClassification(gpt(), 3)):
        right = torch.tensor([2, 0])
        model.eval()
        assert model.loss(IDS, right.int()) == model.loss(IDS, right)
        for wrong, error, told in (
            (
                [3, 0],
                ValueError,
                r"labels must lie in 0\.\.2, got 0\.\.3; number the classes from 0",
            ),
            ([-1, 0], ValueError, r"labels must lie in 0\.\.2, got -1\.\.0"),
            ([1.0, 0.0], TypeError, "labels must be integers, got torch.float32"),
            ([1], ValueError, r"one class a text, shape \(2,\), got \(1,\)"),
        ):
            with pytest.raises(error, match=told):
                model.loss(IDS, torch.tensor(wrong))


def test_the_places_of_answers_are_whole_numbers_one_a_text_inside_it():
    scores, right = torch.zeros(2, 5), torch.tensor([1, 4])
    assert heads.span_loss(scores, scores, right.int(), right) == pytest.approx(math.log(5))
    for wrong, error, told in (
        ([5, 1], ValueError, r"must lie in 0\.\.4, got 1\.\.5; count places from the front of ids"),
        ([-1, 1], ValueError, r"must lie in 0\.\.4, got -1\.\.1"),
        ([1.0, 2.0], TypeError, "must be integers, got torch.float32"),
        ([1], ValueError, r"must have one place a text, shape \(2,\), got \(1,\)"),
    ):
        with pytest.raises(error, match=f"starts {told}"):
            heads.span_loss(scores, scores, torch.tensor(wrong), right)
        with pytest.raises(error, match=f"ends {told}"):
            heads.span_loss(scores, scores, right, torch.tensor(wrong))
