"""Training runs: what they learn, what they must not be able to learn, and the learner's parts."""

from dataclasses import replace

import pytest
import torch

from minitransformer import training
from minitransformer.answer_finder import AnswerFinder
from minitransformer.attention import SelfAttention
from minitransformer.data import World
from minitransformer.embeddings import (
    EmbeddingLayer,
    cosine_similarity_matrix,
    negative_sampling_loss,
    skip_gram_pairs,
)
from minitransformer.losses import cross_entropy
from minitransformer.tokenizers import WordTokenizer
from minitransformer.training import short_runs, train_attention_head, train_word_vectors

OPENING = "the pizza came out of the oven and it"


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.fixture(scope="module")
def records(world):
    return world.pronoun_sentences(1500, seed=1)


@pytest.fixture(scope="module")
def head(records):
    return train_attention_head(records, seed=16)


@pytest.fixture(scope="module")
def word_data(world):
    texts = world.sentences(3000, seed=0)
    tokenizer = WordTokenizer.from_texts(texts)
    sentences = [tokenizer.encode(text) for text in texts]
    pairs = [pair for ids in sentences for pair in skip_gram_pairs(ids, 2)]
    counts = torch.tensor([i for ids in sentences for i in ids]).bincount(minlength=len(tokenizer))
    return tokenizer, pairs, counts


@pytest.fixture(scope="module")
def word_vectors(word_data):
    tokenizer, pairs, counts = word_data
    return train_word_vectors(pairs, len(tokenizer), 16, counts, steps=1000)


def test_words_of_one_category_end_up_together(world, word_data, word_vectors):
    tokenizer, (vectors, losses) = word_data[0], word_vectors
    assert vectors.shape == (len(tokenizer), 16) and not vectors.requires_grad
    assert len(losses) == 1000 and sum(losses[-50:]) / 50 < 0.5 * losses[0]
    category = {
        word: name
        for name, words in world.words_by_category.items()
        for word in words
        if word not in world.two_sense_words
    }
    similar = cosine_similarity_matrix(vectors).fill_diagonal_(-2)
    ids = torch.tensor([tokenizer.vocab[word] for word in category])
    nearest = ids[similar[ids][:, ids].argmax(dim=1)]
    kinds = [category[tokenizer.decode([index])] for index in nearest.tolist()]
    agree = sum(a == b for a, b in zip(kinds, category.values(), strict=True))
    assert agree / len(category) > 0.95


def test_the_vector_of_a_word_with_two_senses_lies_between_them(world, word_data, word_vectors):
    tokenizer, similar = word_data[0], cosine_similarity_matrix(word_vectors[0])
    for word, senses in world.two_sense_words.items():
        closeness = {}
        for name, words in world.words_by_category.items():
            others = [tokenizer.vocab[w] for w in words if w not in world.two_sense_words]
            closeness[name] = similar[tokenizer.vocab[word], others].mean().item()
        assert set(sorted(closeness, key=closeness.get)[-2:]) == set(senses)


def test_word_vectors_are_trained_with_the_loss_that_is_passed(word_data):
    tokenizer, pairs, counts = word_data
    seen = []

    def mine(center, context, negatives):
        seen.append((center.shape, context.shape, negatives.shape))
        return negative_sampling_loss(center, context, negatives)

    train_word_vectors(pairs, len(tokenizer), 5, counts, loss=mine, steps=3, batch=7, negatives=2)
    assert seen == [((7, 5), (7, 5), (7, 2, 5))] * 3


def test_word_vectors_depend_on_the_seed_alone(word_data):
    tokenizer, pairs, counts = word_data
    state, runs = torch.get_rng_state(), []
    for seed, noise in ((0, 1), (0, 2), (1, 1)):
        torch.manual_seed(noise)
        runs.append(train_word_vectors(pairs, len(tokenizer), 5, counts, steps=3, seed=seed)[0])
    torch.set_rng_state(state)
    train_word_vectors(pairs, len(tokenizer), 5, counts, steps=3)
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])


def test_no_pairs_are_refused():
    with pytest.raises(ValueError, match="no pairs to learn from"):
        train_word_vectors([], 5, 3, torch.ones(5))


def test_the_head_answers_for_pairs_of_nouns_it_never_saw(head, records):
    assert head.accuracy >= 0.95
    assert head.weight_on_answer >= 0.8
    held = {short_runs._nouns(record) for record in head.held_out}
    assert 0.2 < len(head.held_out) / len(records) < 0.3
    kept = [record for record in records if record not in head.held_out]
    assert held and not held & {short_runs._nouns(record) for record in kept}


def test_sentences_that_are_held_out_are_never_trained_on(records):
    seen = []

    class Watched(EmbeddingLayer):
        def forward(self, ids, segments=None):
            if torch.is_grad_enabled():
                seen.extend(ids.tolist())
            return super().forward(ids, segments)

    head = train_attention_head(records, embedding=Watched, steps=30)
    trained = {head.tokenizer.decode(ids) for ids in seen}
    assert len(trained) > 500
    assert not trained & {record.text for record in head.held_out}


def test_the_reported_measurements_can_be_read_off_the_sentences(head):
    right, weight = 0, 0.0
    for record in head.held_out:
        name, weights = head.attend(record)
        right += name == record.tokens[record.referent]
        weight += weights[record.pronoun, record.referent].item()
    assert right / len(head.held_out) == pytest.approx(head.accuracy)
    assert weight / len(head.held_out) == pytest.approx(head.weight_on_answer, abs=1e-4)


@pytest.mark.parametrize(
    ("ending", "answer"),
    [("tasted good", 1), ("was sweet", 1), ("was hot", 6), ("felt heavy", 6)],
)
def test_it_looks_at_the_pizza_or_at_the_oven_as_the_ending_says(head, ending, answer):
    example = next(r for r in head.held_out if r.text.startswith(OPENING))
    tokens = (*OPENING.split(), *ending.split())
    record = replace(example, text=" ".join(tokens), tokens=tokens, pronoun=8, referent=answer)
    name, weights = head.attend(record)
    assert name == tokens[answer]
    assert weights[8, answer] > 0.9


def test_it_looks_at_a_noun_for_what_it_is_and_not_for_where_it_stands(head):
    weights = {}
    for record in head.held_out:
        key = record.categories[record.referent], record.referent
        weights.setdefault(key, []).append(head.attend(record)[1][record.pronoun, record.referent])
    assert len(weights) >= 6  # food and container, each in several places
    assert all(torch.stack(found).mean() > 0.8 for found in weights.values())


def test_an_untrained_head_knows_nothing(records):
    fresh = train_attention_head(records, seed=16, steps=0)
    assert fresh.accuracy < 0.3 and fresh.weight_on_answer < 0.3 and fresh.losses == []


def test_a_head_that_looks_everywhere_can_only_guess_between_the_two_nouns(records):
    class Everywhere(SelfAttention):
        def forward(self, x, mask=None):
            weights = mask.expand(len(x), x.shape[1], x.shape[1]).to(x.dtype)
            weights = weights / weights.sum(dim=-1, keepdim=True)
            return weights @ self.value(x), weights

    blind = train_attention_head(records, attention=Everywhere)
    assert 0.3 < blind.accuracy < 0.65


def test_questions_are_answered_by_the_same_model(world):
    head = train_attention_head(world.question_sentences(2000, seed=1))
    assert head.accuracy >= 0.95 and head.weight_on_answer >= 0.8
    for record in head.held_out[:50]:
        assert head.attend(record)[0] == record.tokens[record.answer]


def test_the_head_is_made_of_the_parts_that_are_passed(records):
    class MyEmbedding(EmbeddingLayer):
        pass

    class MyAttention(SelfAttention):
        pass

    losses = []

    def my_loss(logits, targets):
        losses.append(cross_entropy(logits, targets).item())
        return cross_entropy(logits, targets)

    head = train_attention_head(
        records[:200], embedding=MyEmbedding, attention=MyAttention, loss=my_loss, steps=3
    )
    assert type(head.model.embedding) is MyEmbedding
    assert type(head.model.attention) is MyAttention
    assert head.losses == losses and len(losses) == 3


def test_the_run_depends_on_the_seed_alone_and_leaves_the_global_one(records):
    torch.manual_seed(5)
    before = torch.get_rng_state()
    first = train_attention_head(records[:200], steps=3)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(6)
    assert train_attention_head(records[:200], steps=3).losses == first.losses
    assert train_attention_head(records[:200], steps=3, seed=1).losses != first.losses


def test_the_answer_does_not_reach_the_classifier_past_the_attention():
    torch.manual_seed(0)
    model = AnswerFinder(11, 8, 8).eval()
    ids = torch.tensor([[5, 6, 7, 8, 9, 0]])
    other = torch.tensor([[5, 6, 7, 8, 10, 0]])  # another ending
    asking = torch.tensor([3])
    frozen = torch.tensor([[[0.2, 0.5, 0.3, 0, 0, 0]]]).expand(1, 6, 6)

    class Frozen(torch.nn.Module):
        def forward(self, x, mask=None):
            return frozen @ x, frozen

    live = model(ids, asking)[0], model(other, asking)[0]
    assert not torch.allclose(*live)  # the ending decides where to look ...
    model.attention = Frozen()
    assert torch.equal(model(ids, asking)[0], model(other, asking)[0])  # ... and nothing else


def test_words_from_the_asking_one_on_and_hidden_words_get_no_weight():
    model = AnswerFinder(11, 8, 8)
    ids = torch.tensor([[5, 6, 7, 8, 9], [5, 6, 7, 0, 0]])
    asking = torch.tensor([3, 1])
    weights = model(ids, asking)[1]
    assert torch.equal(weights[0] > 0, torch.tensor([1, 1, 1, 0, 0]).bool().expand(5, 5))
    assert torch.equal(weights[1] > 0, torch.tensor([1, 0, 0, 0, 0]).bool().expand(5, 5))
    hidden = torch.tensor([[1, 0, 1, 0, 0], [1, 1, 1, 1, 1]]).bool()
    weights = model(ids, asking, hidden)[1]
    assert torch.equal(weights[0] > 0, torch.tensor([0, 1, 0, 0, 0]).bool().expand(5, 5))
    assert torch.equal(weights[1] > 0, torch.tensor([1, 0, 0, 0, 0]).bool().expand(5, 5))


def test_padding_changes_nothing():
    model = AnswerFinder(11, 8, 8)
    ids, asking = torch.tensor([[5, 6, 7, 8, 9]]), torch.tensor([3])
    padded = torch.tensor([[5, 6, 7, 8, 9, 0, 0]])
    torch.testing.assert_close(model(ids, asking)[0], model(padded, asking)[0])


def test_records_that_ask_nothing_and_too_few_records_are_refused(world, records):
    with pytest.raises(TypeError, match="got SenseSentence; draw them with"):
        train_attention_head(world.two_sense_sentences(100, seed=0))
    with pytest.raises(ValueError, match="only 1 combinations"):
        train_attention_head(records[:1])


def test_a_gpu_that_is_not_there_is_told(monkeypatch):
    monkeypatch.setenv("MINITRANSFORMER_DEVICE", "cuda")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(RuntimeError, match="unset it to use the CPU"):
        training.training_device()


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_word_vectors_trained_on_a_gpu_are_those_of_the_cpu(monkeypatch):
    pairs, counts = [(0, 1), (1, 2), (2, 0)], torch.ones(3)
    on_cpu, _ = training.train_word_vectors(pairs, 3, 5, counts, steps=20)
    monkeypatch.setenv("MINITRANSFORMER_DEVICE", "cuda")
    on_gpu, _ = training.train_word_vectors(pairs, 3, 5, counts, steps=20)
    torch.testing.assert_close(on_gpu, on_cpu, rtol=1e-4, atol=1e-5)
