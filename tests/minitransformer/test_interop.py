"""The border to Hugging Face: exact round trips, folders read on both sides, clear refusals."""

import inspect
import json
import re

import pytest
import torch
from parity import Draw, quiet
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import BertConfig as TheirBertConfig
from transformers import BertForPreTraining as TheirBert
from transformers import GPT2Config, GPT2LMHeadModel

from minitransformer import interop, interop_config, interop_names
from minitransformer.bert import Bert, BertForPreTraining
from minitransformer.config import BertConfig, GPTConfig
from minitransformer.gpt import GPT
from minitransformer.interop import (
    from_hugging_face,
    load_hugging_face,
    save_hugging_face,
    to_hugging_face,
)
from minitransformer.interop_config import config_from_hugging_face, config_to_hugging_face
from minitransformer.parts import Parts

quiet = quiet
IDS = torch.tensor([[1, 7, 3], [12, 5, 9]])
GPT_SIZES = GPTConfig(
    vocab_size=13, max_seq=5, d_model=6, num_heads=3, num_layers=2, d_ff=7, dropout=0.2
)
BERT_SIZES = BertConfig(
    vocab_size=13,
    max_seq=5,
    d_model=6,
    num_heads=2,
    num_layers=2,
    d_ff=11,
    num_segments=3,
    pad_id=4,
)
KINDS = pytest.mark.parametrize("kind", ["gpt", "bert"])
DTYPES = pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16], ids=str)


def theirs(kind, dtype=torch.float32, seed=0):
    """A model of theirs with random weights."""
    if kind == "gpt":
        sizes = {"n_positions": 5, "n_embd": 6, "n_head": 3, "n_layer": 2, "n_inner": 7}
        ends = {"bos_token_id": None, "eos_token_id": None}
        model = GPT2LMHeadModel(GPT2Config(vocab_size=13, **sizes, **ends))
    else:
        sizes = {"max_position_embeddings": 5, "hidden_size": 6, "num_attention_heads": 2}
        sizes |= {"num_hidden_layers": 2, "intermediate_size": 11, "type_vocab_size": 3}
        model = TheirBert(TheirBertConfig(vocab_size=13, pad_token_id=4, **sizes))
    Draw(seed, dtype).fill(model)
    return model.eval()


def ours(kind, dtype=torch.float32, seed=0):
    """A model of ours with random weights."""
    model = GPT(GPT_SIZES) if kind == "gpt" else BertForPreTraining(BERT_SIZES)
    Draw(seed, dtype).fill(model)
    return model.eval()


def settings(kind, **changed):
    """A config.json of theirs, with some options changed."""
    return {**config_to_hugging_face(GPT_SIZES if kind == "gpt" else BERT_SIZES), **changed}


@torch.no_grad()
def logits(model):
    """Of either side, as a list."""
    answer = model(IDS)
    if hasattr(answer, "prediction_logits"):
        return [answer.prediction_logits, answer.seq_relationship_logits]
    answer = getattr(answer, "logits", answer)
    return list(answer) if isinstance(answer, tuple) else [answer]


def assert_identical(found, expected):
    """The same names, and the same bits."""
    assert found.keys() == expected.keys()
    for name, tensor in expected.items():
        assert found[name].dtype == tensor.dtype, name
        assert torch.equal(found[name], tensor), name


@KINDS
@DTYPES
def test_their_weights_come_back_bit_for_bit(kind, dtype):
    state = theirs(kind, dtype).state_dict()
    assert_identical(to_hugging_face(from_hugging_face(state, settings(kind))), state)


@KINDS
@DTYPES
def test_our_weights_come_back_bit_for_bit(kind, dtype):
    model = ours(kind, dtype)
    found = from_hugging_face(to_hugging_face(model), settings(kind))
    assert_identical(found.state_dict(), model.state_dict())
    assert found.config == model.config and not found.training


@KINDS
def test_their_model_takes_our_weights_with_nothing_missing_and_nothing_left(kind):
    model, other = ours(kind), theirs(kind, seed=1)
    other.load_state_dict(to_hugging_face(model), strict=True)
    for found, expected in zip(logits(model), logits(other), strict=True):
        torch.testing.assert_close(found, expected)


@KINDS
@DTYPES
def test_their_folder_loads_here(kind, dtype, tmp_path):
    model = theirs(kind, dtype)
    model.save_pretrained(tmp_path)
    found = load_hugging_face(str(tmp_path))
    assert not found.training
    assert_identical(to_hugging_face(found), model.state_dict())
    if dtype != torch.bfloat16:
        for got, expected in zip(logits(found), logits(model), strict=True):
            torch.testing.assert_close(got, expected)


@KINDS
@DTYPES
def test_our_folder_loads_there(kind, dtype, tmp_path):
    model = ours(kind, dtype)
    save_hugging_face(model, tmp_path / "new" / "folder")
    made = GPT2LMHeadModel if kind == "gpt" else TheirBert
    found, report = made.from_pretrained(
        tmp_path / "new" / "folder", local_files_only=True, output_loading_info=True
    )
    assert not any(report.values()), report
    assert_identical(found.state_dict(), to_hugging_face(model))
    if dtype != torch.bfloat16:
        for got, expected in zip(logits(found), logits(model), strict=True):
            torch.testing.assert_close(got, expected)


@KINDS
def test_our_folder_loads_here_and_names_each_tensor_once(kind, tmp_path):
    model = ours(kind)
    save_hugging_face(model, tmp_path)
    save_hugging_face(model, tmp_path)  # over what is there
    found = load_hugging_face(tmp_path)
    assert found.config == model.config
    assert_identical(found.state_dict(), model.state_dict())
    stored = load_file(tmp_path / "model.safetensors")
    assert sum(t.numel() for t in stored.values()) == sum(p.numel() for p in model.parameters())


@KINDS
@DTYPES
def test_our_folder_says_what_other_readers_ask_for(kind, dtype, tmp_path):
    """Older versions refuse weights without a format, and load another dtype than the stored."""
    save_hugging_face(ours(kind, dtype), tmp_path)
    with safe_open(tmp_path / "model.safetensors", "pt") as stored:
        assert stored.metadata() == {"format": "pt"}
    written = json.loads((tmp_path / "config.json").read_text())
    assert "torch." + written["dtype"] == str(dtype)


@KINDS
def test_the_copies_share_no_memory(kind):
    model = theirs(kind)
    found = from_hugging_face(model.state_dict(), settings(kind))
    before, again = to_hugging_face(found), to_hugging_face(found)
    with torch.no_grad():
        for parameter in (*model.parameters(), *found.parameters()):
            parameter.zero_()
    assert_identical(again, before)
    assert all(tensor.any() for tensor in before.values())


@KINDS
def test_loading_leaves_the_global_generator_alone(kind):
    state = theirs(kind).state_dict()
    before = torch.get_rng_state()
    from_hugging_face(state, settings(kind))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_loaded_model_runs_with_parts_of_ones_own(tmp_path):
    save_hugging_face(ours("gpt"), tmp_path)
    calls = []

    def attention(query, key, value, mask=None):
        calls.append(query.shape)
        return torch.zeros_like(query), None

    load_hugging_face(tmp_path, Parts(scaled_dot_product_attention=attention))(IDS)
    assert calls == [(2, 3, 3, 2)] * 2


def test_parts_with_other_weights_are_refused():
    parts = Parts(FeedForward=lambda d_model, d_ff: torch.nn.Linear(d_model, d_model))
    state = theirs("gpt").state_dict()
    with pytest.raises(ValueError, match="8 tensors are missing in the model: .*own parts"):
        from_hugging_face(state, GPT_SIZES, parts)
    with pytest.raises(ValueError, match="8 tensors are missing in the model: .*own parts"):
        to_hugging_face(GPT(GPT_SIZES, parts))


def test_old_gpt2_files_are_read_without_prefix_and_with_their_masks():
    state = theirs("gpt").state_dict()
    old = {name.removeprefix("transformer."): tensor for name, tensor in state.items()}
    del old["lm_head.weight"]
    for layer in range(2):
        old[f"h.{layer}.attn.bias"] = torch.ones(1, 1, 5, 5).tril()
        old[f"h.{layer}.attn.masked_bias"] = torch.tensor(-1e4)
    assert_identical(to_hugging_face(from_hugging_face(old, GPT_SIZES)), state)


def test_old_bert_files_are_read_with_gamma_and_beta():
    state, old = theirs("bert").state_dict(), {}
    for name, tensor in state.items():
        norm = "LayerNorm" in name
        old[name.replace("weight", "gamma").replace("bias", "beta") if norm else name] = tensor
    for tied in ("cls.predictions.decoder.weight", "cls.predictions.decoder.bias"):
        del old[tied]
    old["bert.embeddings.position_ids"] = torch.arange(5).unsqueeze(0)
    assert_identical(to_hugging_face(from_hugging_face(old, BERT_SIZES)), state)


def broken(kind, **changed):
    """Their state dict with some tensors replaced, or (None) taken out."""
    state = {**theirs(kind).state_dict(), **changed}
    return {name: tensor for name, tensor in state.items() if tensor is not None}


@KINDS
def test_missing_unexpected_and_misshapen_tensors_are_named(kind):
    first = {"gpt": "transformer.h.1.mlp.c_fc.bias", "bert": "cls.seq_relationship.weight"}[kind]
    shape = {"gpt": r"\(7,\)", "bert": r"\(2, 6\)"}[kind]
    with pytest.raises(ValueError, match=f"1 tensors are missing: {first}; .*whole"):
        from_hugging_face(broken(kind, **{first: None}), settings(kind))
    with pytest.raises(ValueError, match=r"1 tensors are not expected: .*extra; .*another kind"):
        name = {"gpt": "transformer.extra", "bert": "extra"}[kind]
        from_hugging_face(broken(kind, **{name: torch.ones(2)}), settings(kind))
    with pytest.raises(ValueError, match=rf"{first} must have shape {shape} .*got \(5, 3\); use"):
        from_hugging_face(broken(kind, **{first: torch.ones(5, 3)}), settings(kind))


def test_a_long_list_of_missing_tensors_is_cut():
    with pytest.raises(ValueError, match=r"28 tensors are missing: ([\w.]+, ){3}\.\.\.; load"):
        from_hugging_face({}, settings("gpt"))


@KINDS
def test_mixed_and_whole_number_dtypes_are_refused(kind):
    name = {"gpt": "transformer.h.0.ln_1.bias", "bert": "bert.pooler.dense.bias"}[kind]
    with pytest.raises(ValueError, match=r"one floating-point dtype, got .*float16.*float32"):
        from_hugging_face(broken(kind, **{name: torch.ones(6).half()}), settings(kind))
    whole = {key: tensor.int() for key, tensor in theirs(kind).state_dict().items()}
    with pytest.raises(ValueError, match=r"one floating-point dtype, got torch.int32"):
        from_hugging_face(whole, settings(kind))


@KINDS
def test_untied_weights_are_refused(kind):
    name = {"gpt": "lm_head.weight", "bert": "cls.predictions.decoder.weight"}[kind]
    with pytest.raises(ValueError, match=rf"{name} must equal .*\(tied\)"):
        from_hugging_face(broken(kind, **{name: torch.ones(13, 6)}), settings(kind))


@KINDS
@pytest.mark.parametrize(
    "option, value, expected",
    [
        ("tie_word_embeddings", False, "True"),
        ("add_cross_attention", True, "False"),
        ("pruned_heads", {"0": [1]}, "empty"),
        ("quantization_config", {"bits": 4}, "empty"),
    ],
)
def test_an_option_that_neither_kind_has_is_refused(kind, option, value, expected):
    with pytest.raises(ValueError, match=f"{option} .*must be {expected}.*got .*; "):
        config_from_hugging_face(settings(kind, **{option: value}))


@pytest.mark.parametrize(
    "kind, option, value, expected",
    [
        ("gpt", "scale_attn_weights", False, "True"),
        ("gpt", "scale_attn_by_inverse_layer_idx", True, "False"),
        ("gpt", "reorder_and_upcast_attn", True, "False"),
        ("gpt", "embd_pdrop", 0.3, "same here, got 0.3 and 0.2"),
        ("bert", "is_decoder", True, "False"),
        ("bert", "position_embedding_type", "relative_key", "'absolute'"),
        ("bert", "pad_token_id", None, r"the id of \[PAD\]"),
    ],
)
def test_an_option_of_one_kind_is_refused(kind, option, value, expected):
    with pytest.raises(ValueError, match=f"{option}.* must be .*{expected}.*; "):
        config_from_hugging_face(settings(kind, **{option: value}))


@KINDS
def test_another_activation_is_refused_and_the_known_ones_are_translated(kind):
    option = {"gpt": "activation_function", "bert": "hidden_act"}[kind]
    for name in ("silu", "gelu_fast", None, {}):
        with pytest.raises(ValueError, match=f"must be one of gelu, .*got {name!r}"):
            config_from_hugging_face(settings(kind, **{option: name}))
    names = {"gelu": "gelu", "gelu_new": "gelu_tanh", "relu": "relu"}
    for name, own in {**names, "gelu_pytorch_tanh": "gelu_tanh"}.items():
        config = config_from_hugging_face(settings(kind, **{option: name}))
        assert config.activation == own
        assert config_to_hugging_face(config)[option] == {v: k for k, v in names.items()}[own]


@KINDS
def test_a_missing_or_impossible_size_is_refused(kind):
    name = {"gpt": "n_layer", "bert": "num_hidden_layers"}[kind]
    without = {key: value for key, value in settings(kind).items() if key != name}
    with pytest.raises(ValueError, match=f"needs {name}, and it is missing"):
        config_from_hugging_face(without)
    with pytest.raises(TypeError, match="num_layers .*must be an integer, got 'two'"):
        config_from_hugging_face(settings(kind, **{name: "two"}))
    with pytest.raises(ValueError, match="num_layers .*must be at least 1, got 0"):
        config_from_hugging_face(settings(kind, **{name: 0}))


@KINDS
def test_options_left_out_have_their_defaults(kind, tmp_path):
    """Read by both sides from one file with the sizes alone."""
    needed = {
        "gpt": ["vocab_size", "n_positions", "n_embd", "n_head", "n_layer"],
        "bert": [
            *("vocab_size", "max_position_embeddings", "hidden_size"),
            *("num_attention_heads", "num_hidden_layers", "intermediate_size"),
        ],
    }[kind]
    short = {key: settings(kind)[key] for key in ["model_type", *needed]}
    (tmp_path / "config.json").write_text(json.dumps(short))
    made = GPT2Config if kind == "gpt" else TheirBertConfig
    full = made.from_pretrained(tmp_path).to_dict()
    assert config_from_hugging_face(short) == config_from_hugging_face(full)
    assert config_from_hugging_face(short).dropout == 0.1


@pytest.mark.parametrize("kind", ["llama", None, ["bert"], 7])
def test_another_kind_of_model_is_refused(kind):
    with pytest.raises(ValueError, match="model_type must be one of gpt2, bert, got"):
        config_from_hugging_face({"model_type": kind})


def test_a_file_that_is_not_an_object_is_refused():
    with pytest.raises(TypeError, match=r"must hold a dict of options, got \[1\]"):
        config_from_hugging_face([1])


def test_what_they_cannot_be_is_not_written(tmp_path):
    sizes = {"vocab_size": 7, "max_seq": 3, "d_model": 2, "num_heads": 1, "num_layers": 1}
    with pytest.raises(ValueError, match="norm of a gpt2 must be 'pre' .*got 'post'"):
        save_hugging_face(GPT(GPTConfig(**sizes, norm="post")), tmp_path / "new")
    with pytest.raises(ValueError, match="positions of a gpt2 must be 'learned' .*got 'rotary'"):
        to_hugging_face(GPT(GPTConfig(**sizes, positions="rotary")))
    with pytest.raises(ValueError, match="norm of a bert must be 'post' .*got 'pre'"):
        to_hugging_face(BertForPreTraining(BertConfig(**sizes, norm="pre")))
    with pytest.raises(TypeError, match="only a GPT or a BertForPreTraining .*got Bert; wrap"):
        to_hugging_face(Bert(BertConfig(**sizes)))
    with pytest.raises(TypeError, match="must be a GPTConfig or a BertConfig, got dict"):
        config_to_hugging_face(sizes)
    assert not (tmp_path / "new").exists()


def test_a_missing_file_is_named_with_the_remedy(tmp_path):
    with pytest.raises(FileNotFoundError, match="config.json is missing; .*save_pretrained"):
        load_hugging_face(tmp_path)
    (tmp_path / "config.json").write_text(json.dumps(settings("gpt")))
    with pytest.raises(FileNotFoundError, match="model.safetensors is missing; .*Pickled"):
        load_hugging_face(tmp_path)


def test_damaged_files_are_named(tmp_path):
    save_hugging_face(ours("gpt"), tmp_path)
    weights = (tmp_path / "model.safetensors").read_bytes()
    for damaged in (b"", b"not weights at all", weights[:-5]):
        (tmp_path / "model.safetensors").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"model.safetensors is damaged \("):
            load_hugging_face(tmp_path)
    for damaged in (b'{"model_type": ', b"\xff\xfe\x00"):
        (tmp_path / "config.json").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"config.json is not JSON \("):
            load_hugging_face(tmp_path)


def test_weights_of_another_model_in_the_folder_are_refused(tmp_path):
    save_hugging_face(ours("gpt"), tmp_path)
    save_file({"weight": torch.ones(2)}, tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="28 tensors are missing"):
        load_hugging_face(tmp_path)


def test_their_package_is_not_needed():
    for module in (interop, interop_config, interop_names):
        assert not re.search(r"(import|from) transformers", inspect.getsource(module))
