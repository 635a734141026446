"""From data to batches: what is read, what is held out, and what the batches hold."""

import dataclasses

import pytest
import torch

from minitransformer.data import World
from minitransformer.data.translation import draw_translations, translate
from minitransformer.presets import PRESETS
from minitransformer.runs import execute, prepare
from minitransformer.saving import load_model
from minitransformer.sources import Source, make_tokenizer, open_source
from minitransformer.tasks import make_task
from minitransformer.tokenizers import pad_batch

WORDS = "mia leo ada omar nora squatch eats sees likes finds figs cake soup pizza".split()
TEXT = " ".join(WORDS[n * n % 14] for n in range(400)) + " zebra"


def source(text=TEXT):
    return Source("a text", text, "")


def test_a_source_is_the_world_or_a_file_and_changes_with_its_content(tmp_path):
    path = tmp_path / "world"  # what is a name stays a name
    path.write_text("mia eats")
    assert open_source("world").text is None
    first = open_source(str(path))
    assert first.text == "mia eats"
    path.write_text("mia sees")
    assert open_source(str(path)).sha256 != first.sha256
    with pytest.raises(ValueError, match="no file 'shakespear'.*only world, tinyshakespeare"):
        open_source("shakespear")


def test_a_data_set_of_the_registry_is_read_by_its_name(monkeypatch):
    monkeypatch.setattr("minitransformer.sources.load_text", lambda name: f"the text of {name}")
    assert open_source("tinyshakespeare").text == "the text of tinyshakespeare"


def test_characters_are_of_the_whole_text_and_words_of_the_part_to_learn_from():
    assert "z" in make_tokenizer("characters", source(), 0).vocab
    words = make_tokenizer("words", source(), 0)
    assert "zebra" not in words.vocab and words.vocab["mia"] > 4
    assert len(make_tokenizer("bpe", source(), 270)) == 270


def test_a_text_is_divided_90_to_10():
    tokenizer = make_tokenizer("characters", source(), 0)
    task = make_task("gpt", source(), 7, tokenizer)
    learned = TEXT[: int(0.9 * len(TEXT))]
    batches = task.batches(50, 1, 9)
    for step in range(9):
        for row in batches(step)["ids"]:
            assert tokenizer.decode(row) in learned
    assert task.sizes == {"vocab_size": len(tokenizer)}


def test_gaps_are_drawn_anew_at_every_step_and_never_at_special_tokens():
    tokenizer = make_tokenizer("words", source(), 0)
    task = make_task("bert", source(), 9, tokenizer)
    batches, vocab = task.batches(5, 1, 9), tokenizer.vocab
    batch, later = batches(0), batches(20)["ids"]
    assert torch.equal(batches(0)["ids"], batch["ids"]) and not torch.equal(batch["ids"], later)
    ids, labels = batch["ids"], batch["labels"]
    assert ids.shape == (5, 9)
    assert (ids[:, 0] == vocab["[CLS]"]).all() and (ids[:, -1] == vocab["[SEP]"]).all()
    assert (labels != -100).any() and (labels[:, [0, -1]] == -100).all()
    assert ((labels == -100) | (labels > 4)).all()


def test_a_batch_of_one_row_always_has_a_gap():
    task = make_task("bert", source(), 4, make_tokenizer("words", source(), 0))
    batches = task.batches(1, 1, 30)
    assert all((batches(step)["labels"] != -100).any() for step in range(30))


@pytest.mark.parametrize("kind", ["gpt", "bert", "seq2seq"])
def test_the_world_holds_out_other_texts_than_it_trains_on(kind):
    task = make_task(
        kind, open_source("world"), 32, World().tokenizer() if kind != "seq2seq" else None
    )
    one, other = task.batches(4, 0, 3)(0), task.batches(4, 1, 3)(0)
    assert not all(torch.equal(one[name], other[name]) for name in one)
    again = task.batches(4, 0, 3)(0)
    assert all(torch.equal(one[name], again[name]) for name in one)


def test_rows_of_the_world_are_stories_and_their_next_tokens():
    task = make_task("gpt", open_source("world"), 32, World().tokenizer())
    batch = task.batches(4, 0, 3)(1)
    assert (batch["ids"][:, 0] == 3).all() and batch["ids"].shape == (4, 32)
    assert torch.equal(batch["ids"][:, 1:], batch["targets"][:, :-1])


def test_pairs_of_the_world_have_two_segments_and_a_label():
    task = make_task("bert", open_source("world"), 48, World().tokenizer())
    batch = task.batches(50, 0, 1)(0)
    true = torch.where(batch["labels"] == -100, batch["ids"], batch["labels"])
    for ids, segments in zip(true.tolist(), batch["segments"].tolist(), strict=True):
        first = ids.index(3)
        last = ids.index(3, first + 1)
        assert segments == [int(first < place <= last) for place in range(len(ids))]
    assert 0 < batch["is_next"].float().mean() < 1


def test_translations_are_right_and_no_held_out_sentence_is_trained_on():
    task = make_task("seq2seq", open_source("world"), 32)
    batches, seen = task.batches(40, 0, 30), set()
    for step in range(30):
        batch = batches(step)
        for row, target in zip(batch["source"], batch["targets"], strict=True):
            text = task.tokenizer.decode(row)
            seen.add(text)
            expected = [*task.target_tokenizer.encode(translate(text).target), 3]
            assert target.tolist() == pad_batch([expected, target])[0].tolist()
    assert not seen & {each.source for each in draw_translations(2000, 0)}
    assert task.sizes["target_vocab_size"] == len(task.target_tokenizer)


def test_the_worlds_texts_have_gaps_and_all_kinds_of_texts():
    task = make_task("bert", open_source("world-texts"), 48, World().tokenizer())
    batch = task.batches(9, 0, 2)(0)
    assert set(batch) == {"ids", "segments", "labels"}
    assert ((batch["labels"] != -100).sum(dim=1) > 0).any()


def test_the_worlds_questions_train_a_span_head_that_is_not_kept(tmp_path):
    sizes = {"num_layers": 1, "num_heads": 2, "d_model": 8, "batch_size": 4}
    preset = dataclasses.replace(
        PRESETS["world-bert"], data="world-questions", steps=2, evaluate_every=0, **sizes
    )
    run = prepare(preset, tmp_path)
    before = {name: weight.clone() for name, weight in run.model.named_parameters()}
    execute(run)
    after = dict(load_model(tmp_path).model.named_parameters())
    moved = {name for name, weight in after.items() if not weight.equal(before[name])}
    assert any("encoder" in name for name in moved)
    assert not any(name.startswith(("mlm", "nsp")) for name in moved)
