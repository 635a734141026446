"""The short runs of the last chapter: their lessons, their arguments, and what comes out."""

from collections import Counter

import pytest
import torch

from minitransformer.bert import Bert
from minitransformer.chat import CHAT_TOKENS, chat_template, grow_vocabulary
from minitransformer.config import BertConfig, GPTConfig
from minitransformer.data import World
from minitransformer.gpt import GPT
from minitransformer.lora import training_memory
from minitransformer.losses import next_token_loss, two_objective_loss
from minitransformer.masking import mask_prompt
from minitransformer.retrieval import embed_passages, recall_at_k, search
from minitransformer.training import assistant_runs as runs
from minitransformer.training.tuning_runs import encoder_of, tune_finder, tune_reader


def small():
    torch.manual_seed(0)
    sizes = dict(max_seq=64, d_model=32, num_heads=2, num_layers=1)
    return GPT(GPTConfig(vocab_size=len(World().vocab), **sizes))


def lesson(instruction, answer):
    asked = [{"role": "user", "content": instruction}]
    said = [{"role": "assistant", "content": answer}]
    return chat_template(asked, True), chat_template(asked + said)


def test_no_unseen_command_is_among_the_learned_and_every_kind_is_among_both():
    for lessons in (runs.command_lessons(3000), runs.new_command_lessons(500)):
        learned = {command.instruction for command in lessons.learned}
        unseen = [command.instruction for command in lessons.unseen]
        assert not learned & set(unseen) and len(set(unseen)) == len(unseen)
        assert {c.kind for c in lessons.learned} == {c.kind for c in lessons.unseen}
        assert min(Counter(c.kind for c in lessons.unseen).values()) >= 10


def test_the_new_command_repeats_the_last_word():
    command = runs.new_command_lessons(10).learned[0]
    words = command.instruction.split()
    assert set(command.answer.split()) == {words[-2], "."}


def test_a_question_of_the_shelf_is_answered_by_one_passage_and_learned_by_nobody():
    shelf, questions = runs.shelf_of_facts(40)
    assert len(set(shelf)) == 40 and len(questions) == 80
    for number, question in enumerate(questions):
        assert question.passage == shelf[number // 2] and question.answer in question.passage
    read = {question.passage for question in runs.reading_lessons(4000, 0, shelf)}
    assert read and not read & set(shelf)


def test_within_a_round_no_two_passages_answer_one_question():
    pairs = runs.finding_lessons(2, batch=20)
    assert len(pairs) == 40
    for first in (0, 20):
        assert len({question for question, _ in pairs[first : first + 20]}) == 20


def test_the_assistant_learns_by_the_mask_and_the_loss_it_is_given():
    model, masked, scored = small(), [], []
    vocab = grow_vocabulary(model, World().vocab, CHAT_TOKENS)

    def mask(ids, lengths, pad_id):
        masked.append((ids.shape, lengths.tolist(), pad_id))
        return mask_prompt(ids, lengths, pad_id)

    def loss(logits, labels):
        scored.append((labels != -100).sum(dim=1).tolist())
        return next_token_loss(logits, labels)

    lessons = [lesson("say two times : dog .", "dog dog .")] * 4
    history = runs.tune_assistant(model, [lessons], vocab, 120, mask, loss, batch=2)
    assert masked == [((4, 13), [9] * 4, 0)]
    assert scored[0] == [4, 4] and len(scored) == 120
    assert history.losses[-1] < 0.2 < history.losses[0]
    assert runs.ask(model, [lessons[0][0]] * 2, vocab) == ["dog dog ."] * 2


def test_lessons_are_taken_in_turn():
    model, seen = small(), []
    vocab = grow_vocabulary(model, World().vocab, CHAT_TOKENS)

    def loss(logits, labels):
        seen.append(labels.shape[1])
        return next_token_loss(logits, labels)

    short, long = [lesson("dog .", "cat .")] * 2, [lesson("dog dog dog .", "cat .")] * 2
    runs.tune_assistant(model, [short, short, long], vocab, 6, loss=loss, batch=2)
    assert seen == [8, 8, 10, 8, 8, 10]


def test_an_answer_without_an_end_is_cut():
    model = small()
    vocab = grow_vocabulary(model, World().vocab, CHAT_TOKENS)
    said = runs.ask(model, ["[USER] dog .", "[USER] dog cat ."], vocab, max_new_tokens=3)
    assert all(len(text.split()) <= 3 for text in said)


def test_the_memory_that_is_measured_is_the_memory_that_is_predicted():
    model = small()
    model.position.requires_grad_(False)
    total = sum(weight.numel() for weight in model.parameters())
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    before = model.token.weight.clone()
    assert runs.bytes_in_training(model) == training_memory(total, trained)
    assert torch.equal(model.token.weight, before)


def test_the_reader_is_tuned_by_the_parts_it_is_given():
    calls = {"last": 0, "combine": 0}

    def last(hidden, real):
        calls["last"] += 1
        return hidden[torch.arange(len(hidden)), real.sum(dim=1) - 1]

    def combine(task, language, weight):
        calls["combine"] += 1
        assert weight == 0.5
        return two_objective_loss(task, language, weight)

    run = tune_reader(small(), 0.5, steps=3, last=last, combine=combine)
    assert calls == {"last": 4, "combine": 3} and len(run.losses) == 3
    assert 0 <= run.accuracy <= 1


def test_without_the_second_objective_the_reader_does_not_learn_to_write():
    with_language = tune_reader(small(), 1.0, steps=30)
    without = tune_reader(small(), 0.0, steps=30)
    assert with_language.review_loss < without.review_loss - 0.5


@pytest.mark.slow
def test_the_finder_reaches_the_recall_that_the_chapter_shows():
    shelf, questions = runs.shelf_of_facts(200)
    encode, losses = tune_finder(runs.finding_lessons(30, batch=64), steps=30)
    asked = embed_passages(encode, [question.question for question in questions])
    places, _ = search(asked, embed_passages(encode, shelf), 1)
    right = torch.arange(200).repeat_interleave(2)
    assert recall_at_k(places, right, 1) >= 0.95 and losses[-1] < losses[0] / 10


def test_fewer_pairs_than_a_batch_are_refused():
    with pytest.raises(ValueError, match=r"batch must lie in 1\.\.4 \(the pairs\), got 5"):
        tune_finder(runs.finding_lessons(1, batch=4), steps=1, batch=5)


def test_an_encoder_pools_with_the_function_it_is_given():
    encode, _ = tune_finder(runs.finding_lessons(1, batch=4), steps=1, batch=4)
    assert encode(["mia saw the dog", "dog"]).shape == (2, 64)
    sizes = dict(max_seq=9, d_model=6, num_heads=2, num_layers=1)
    bert = Bert(BertConfig(vocab_size=len(World().vocab), **sizes)).eval()
    first = encoder_of(bert, lambda hidden, real: real.double())
    assert first(["dog", "dog cat"]).tolist() == [[1, 1, 1, 0], [1, 1, 1, 1]]
