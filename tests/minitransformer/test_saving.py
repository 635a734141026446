"""A model in a folder: everything comes back, and what is not whole is refused."""

import json

import pytest
import torch
from torch import nn

from minitransformer import saving
from minitransformer.attention import scaled_dot_product_attention
from minitransformer.bert import BertForPreTraining
from minitransformer.bpe import BPETokenizer
from minitransformer.config import BertConfig, GPTConfig, Seq2SeqConfig
from minitransformer.gpt import GPT
from minitransformer.interop import save_hugging_face
from minitransformer.lora import add_lora, merge_lora
from minitransformer.parts import Parts
from minitransformer.saving import load_model, read_config, save_model
from minitransformer.seq2seq import Seq2Seq
from minitransformer.tokenizers import CharTokenizer, WordTokenizer
from minitransformer.training.checkpoint import load_tensors, save_tensors
from minitransformer.wordpiece import WordPieceTokenizer

SIZES = {"vocab_size": 11, "max_seq": 7, "d_model": 6, "num_heads": 3, "num_layers": 2}
IDS = torch.tensor([[4, 1, 7, 10, 2], [5, 6, 8, 9, 3]])
TEXT = "Mia eats, Leo cooks.\nÄtna glüht: 山 \u202e «é»"


def make(kind, seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return {
            "gpt": lambda: GPT(GPTConfig(**SIZES, dropout=0.1)),
            "bert": lambda: BertForPreTraining(BertConfig(**SIZES)),
            "seq2seq": lambda: Seq2Seq(Seq2SeqConfig(**SIZES, target_vocab_size=13)),
        }[kind]()


def outputs(model):
    with torch.no_grad():
        return model.eval()(IDS, IDS) if isinstance(model, Seq2Seq) else model.eval()(IDS)


@pytest.fixture
def folder(tmp_path):
    save_model(tmp_path / "model", make("gpt"), CharTokenizer.from_text(TEXT))
    return tmp_path / "model"


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("kind", ["gpt", "bert", "seq2seq"])
def test_a_model_comes_back_to_the_last_bit(tmp_path, kind, dtype):
    model = make(kind).to(dtype)
    save_model(tmp_path, model)
    found = load_model(tmp_path)
    assert found.model.config == model.config and not found.model.training
    assert found.tokenizer is None and found.target_tokenizer is None and found.notes == {}
    expected, got = outputs(model), outputs(found.model)
    if kind != "bert":
        expected, got = (expected,), (got,)
    for one, other in zip(expected, got, strict=True):
        assert one.dtype == other.dtype == dtype and torch.equal(one, other)


@pytest.mark.parametrize(
    "tokenizer",
    [
        CharTokenizer.from_text(TEXT),
        WordTokenizer.from_texts([TEXT]),
        WordPieceTokenizer.train([TEXT], 60, lower=False),
        WordPieceTokenizer.train([TEXT], 60, strip=False),
        BPETokenizer.train(TEXT * 3, 280),
    ],
    ids=["characters", "words", "wordpiece, cased", "wordpiece, accents", "bpe"],
)
def test_a_tokenizer_comes_back_with_its_ids(tmp_path, tokenizer):
    save_model(tmp_path, make("gpt"), tokenizer)
    found = load_model(tmp_path).tokenizer
    assert type(found) is type(tokenizer) and found.vocab == tokenizer.vocab
    assert list(found.vocab) == list(tokenizer.vocab)
    assert getattr(found, "merges", None) == getattr(tokenizer, "merges", None)
    ids = tokenizer.encode(TEXT)
    assert found.encode(TEXT) == ids and found.decode(ids) == tokenizer.decode(ids)


def test_an_encoder_decoder_keeps_two_tokenizers_and_its_notes(tmp_path):
    one, other = WordTokenizer.from_texts(["mia eats"]), WordTokenizer.from_texts(["mia mangia"])
    save_model(tmp_path, make("seq2seq"), one, other, {"data": "ünïcode", "steps": [1, 2]})
    found = load_model(tmp_path)
    assert found.tokenizer.vocab == one.vocab and found.target_tokenizer.vocab == other.vocab
    assert found.notes == {"data": "ünïcode", "steps": [1, 2]}


def test_a_model_is_loaded_around_your_own_parts(folder):
    calls = []

    def mine(*arguments, **options):
        calls.append(1)
        return scaled_dot_product_attention(*arguments, **options)

    outputs(load_model(folder, Parts(scaled_dot_product_attention=mine)).model)
    assert len(calls) == 2


def test_loading_leaves_the_global_random_state_alone(folder):
    before = torch.get_rng_state()
    load_model(folder)
    assert torch.equal(torch.get_rng_state(), before)


def test_saving_again_replaces_the_model_and_leaves_no_other_files(folder):
    save_model(folder, make("bert", seed=1))
    assert isinstance(load_model(folder).model, BertForPreTraining)
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]


def test_a_folder_that_was_written_halfway_is_refused(folder, monkeypatch):
    def fail(*arguments):
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(saving.os, "replace", fail)
        with pytest.raises(OSError, match="the disk is full"):
            save_model(folder, make("gpt", seed=1))
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    torch.testing.assert_close(outputs(load_model(folder).model), outputs(make("gpt")))
    replace = saving.os.replace

    def fail_late(source, target):
        fail() if target.name == "config.json" else replace(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(saving.os, "replace", fail_late)
        with pytest.raises(OSError, match="the disk is full"):
            save_model(folder, make("gpt"))
    assert sorted(path.name for path in folder.iterdir()) == ["config.json", "model.safetensors"]
    # killed between its two files: the weights are new, the configuration is not
    config = (folder / "config.json").read_bytes()
    save_model(folder, make("gpt", seed=1))
    (folder / "config.json").write_bytes(config)
    with pytest.raises(ValueError, match="were not saved together; take both files from one"):
        load_model(folder)


@pytest.mark.parametrize("name", ["config.json", "model.safetensors"])
def test_a_missing_file_is_said_by_name(folder, name):
    (folder / name).unlink()
    with pytest.raises(FileNotFoundError, match=f"{name} is missing, though .*copied halfway"):
        load_model(folder)


def test_an_empty_and_an_absent_folder_are_told_apart(tmp_path):
    with pytest.raises(FileNotFoundError, match="no saved model in .*are missing"):
        load_model(tmp_path)
    with pytest.raises(FileNotFoundError, match="there is no folder .*nothing; name one"):
        load_model(tmp_path / "nothing")


def test_weights_that_are_cut_off_are_refused(folder):
    path = folder / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match="model.safetensors is damaged.*train the model anew"):
        load_model(folder)


def test_a_configuration_that_is_cut_off_is_refused(folder):
    path = folder / "config.json"
    path.write_bytes(path.read_bytes()[:-5])
    with pytest.raises(ValueError, match="config.json is damaged .*copy it again"):
        load_model(folder)
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(ValueError, match="config.json is damaged"):
        load_model(folder)


@pytest.mark.parametrize("kind", ["gpt", "bert"])
def test_a_folder_of_hugging_face_is_refused_with_a_pointer(tmp_path, kind):
    save_hugging_face(make(kind), tmp_path)
    with pytest.raises(ValueError, match="model_type '(gpt2|bert)'.*interop.load_hugging_face"):
        load_model(tmp_path)


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": "minitransformer model 99"}'])
def test_a_configuration_of_others_is_refused(folder, content):
    (folder / "config.json").write_text(content)
    with pytest.raises(ValueError, match="was not written by minitransformer: its format is"):
        read_config(folder)


def change(path, *keys, value):
    config = json.loads(path.read_text())
    inner = config
    for key in keys[:-1]:
        inner = inner[key]
    if value is None:
        del inner[keys[-1]]
    else:
        inner[keys[-1]] = value
    path.write_text(json.dumps(config))


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        (("model",), None, "'model' is missing"),
        (("notes",), None, "'notes' is missing"),
        (("tokenizer",), None, "'tokenizer' is missing"),
        (("model", "kind"), "rnn", "kind must be one of bert, gpt, seq2seq, got 'rnn'"),
        (("model", "d_model"), 7, "d_model must be a multiple of num_heads, got 7 and 3"),
        (("model", "width"), 3, "not the sizes of a gpt"),
        (("model", "d_model"), "six", "d_model of GPTConfig must be an integer, got 'six'"),
        (("tokenizer", "kind"), "letters", "tokenizer must be one of characters.*'letters'"),
        (("tokenizer", "vocab"), {"ab": 0}, "every key of vocab must be one character"),
        (("tokenizer", "vocab"), {"a": "0"}, "must have a whole number"),
        (("tokenizer", "vocab"), ["a"], "does not describe a model"),
    ],
)
def test_a_configuration_that_cannot_be_is_refused_with_the_reason(folder, keys, value, said):
    change(folder / "config.json", *keys, value=value)
    with pytest.raises(ValueError, match=f"does not describe a model|{said}") as caught:
        load_model(folder)
    assert "save the model anew" in str(caught.value)
    caught.match(said)


def test_weights_of_another_size_are_refused(folder):
    config = read_config(folder)
    tensors = make("gpt").state_dict()
    tensors["token.weight"] = torch.ones(12, 6)
    save_tensors(folder / "model.safetensors", tensors, {"config": config})
    with pytest.raises(ValueError, match=r"shape \(12, 6\), the model needs \(11, 6\)"):
        load_model(folder)


def test_what_is_no_model_or_no_tokenizer_of_ours_is_refused(tmp_path):
    with pytest.raises(TypeError, match="a GPT, BertForPreTraining, Seq2Seq, got Linear"):
        save_model(tmp_path, nn.Linear(2, 3))
    with pytest.raises(TypeError, match="a tokenizer must be a CharTokenizer, .*, got str"):
        save_model(tmp_path, make("gpt"), "characters")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "change, told",
    [
        (lambda tensors: {}, "got none"),
        (lambda tensors: {name: t.int() for name, t in tensors.items()}, "got torch.int32"),
        (
            lambda tensors: tensors | {"token.weight": tensors["token.weight"].double()},
            "got torch.float32, torch.float64; convert",
        ),
    ],
)
def test_weights_of_no_or_of_several_number_types_are_refused(folder, change, told):
    tensors, notes = load_tensors(folder / "model.safetensors")
    save_tensors(folder / "model.safetensors", change(tensors), notes)
    with pytest.raises(ValueError, match=f"weights of one floating-point dtype, {told}"):
        load_model(folder)


def test_a_model_of_two_number_types_is_not_saved_as_one(tmp_path):
    model = make("gpt")
    model.token.double()
    with pytest.raises(ValueError, match="the model must have weights of one floating-point"):
        save_model(tmp_path / "new", model)
    assert not (tmp_path / "new").exists()


def test_a_model_with_lora_is_refused_and_the_saved_one_stays(folder):
    tuned = add_lora(make("gpt", seed=1), rank=2, alpha=4)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(ValueError, match="LoRA .* decoder.blocks.0.attention.query.*merge_lora"):
        save_model(folder, tuned)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    save_model(folder, merge_lora(tuned))
    assert torch.equal(outputs(load_model(folder).model), outputs(tuned))
