"""Files that are whole or not there: what is read back, and what is refused."""

import json
import stat
from pathlib import Path

import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn

from minitransformer.training import checkpoint
from minitransformer.training.checkpoint import (
    load_tensors,
    load_weights,
    pack_optimizers,
    save_tensors,
    unpack_optimizers,
)
from minitransformer.training.optimizers import Muon


@pytest.fixture
def saved(tmp_path):
    path = tmp_path / "folder" / "state.safetensors"
    tensors = {"a": torch.arange(6.0).view(2, 3).T, "b": torch.tensor(5)}
    save_tensors(path, tensors, {"step": 3, "loss": 0.1 + 0.2})
    return path


def test_tensors_and_notes_come_back_to_the_last_bit(saved):
    tensors, notes = load_tensors(saved)
    assert torch.equal(tensors["a"], torch.arange(6.0).view(2, 3).T)
    assert tensors["b"].dtype == torch.int64 and int(tensors["b"]) == 5
    assert notes == {"step": 3, "loss": 0.1 + 0.2}


def test_a_write_that_fails_leaves_the_old_file_and_no_other(saved, monkeypatch):
    before = saved.read_bytes()

    def fail(tensors, path, metadata):
        path.write_bytes(b"half")
        raise OSError("the disk is full")

    monkeypatch.setattr(checkpoint, "save_file", fail)
    with pytest.raises(OSError, match="the disk is full"):
        save_tensors(saved, {"a": torch.ones(2)}, {})
    assert saved.read_bytes() == before
    assert [path.name for path in saved.parent.iterdir()] == [saved.name]


def test_the_file_has_the_permissions_that_files_get_here(saved):
    plain = saved.with_name("plain")
    plain.touch()
    assert stat.S_IMODE(saved.stat().st_mode) == stat.S_IMODE(plain.stat().st_mode)


def test_a_file_cut_off_anywhere_is_refused(saved):
    whole = saved.read_bytes()
    for length in (0, 7, 8, 9, 100, len(whole) - 8, len(whole) - 1):
        saved.write_bytes(whole[:length])
        with pytest.raises(ValueError, match="state.safetensors is damaged"):
            load_tensors(saved)


def test_a_file_of_another_kind_is_refused(tmp_path):
    path = tmp_path / "weights.pt"
    torch.save({"a": torch.ones(2)}, path)
    with pytest.raises(ValueError, match="damaged or not a safetensors file.*train the model anew"):
        load_tensors(path)


def test_weights_of_others_are_refused_with_a_pointer(tmp_path):
    path = tmp_path / "model.safetensors"
    for metadata, format in ((None, None), ({"format": "pt"}, "pt")):
        save_file({"a": torch.ones(2)}, path, metadata)
        with pytest.raises(ValueError, match=f"its format is {format!r}.*minitransformer.interop"):
            load_tensors(path)


@pytest.mark.parametrize("notes", [{}, {"notes": "{"}, {"notes": "3"}])
def test_damaged_notes_are_refused(tmp_path, notes):
    path = tmp_path / "state.safetensors"
    save_file({"a": torch.ones(2)}, path, {"format": checkpoint.FORMAT, **notes})
    with pytest.raises(ValueError, match="notes inside .* are damaged"):
        load_tensors(path)


def test_a_missing_file_is_said(tmp_path):
    with pytest.raises(FileNotFoundError, match="there is no checkpoint at .*nothing; check"):
        load_tensors(tmp_path / "nothing")


def test_weights_must_fit_the_model():
    model = nn.Linear(3, 5)
    weights = {"weight": torch.ones(5, 3), "bias": torch.ones(5)}
    load_weights(model, weights, "the file")
    assert torch.equal(model.weight, torch.ones(5, 3))
    with pytest.raises(ValueError, match="the file has no tensor 'bias'; it belongs to another"):
        load_weights(model, {"weight": weights["weight"]}, "the file")
    with pytest.raises(
        ValueError, match=r"'weight' of the file has shape \(3, 5\).*needs \(5, 3\)"
    ):
        load_weights(model, weights | {"weight": torch.ones(3, 5)}, "the file")
    with pytest.raises(ValueError, match="the file has tensors that the model lacks: more"):
        load_weights(model, weights | {"more": torch.ones(1)}, "the file")


def two_optimizers():
    generator = torch.Generator().manual_seed(0)
    weights = [nn.Parameter(torch.randn(3, 5, generator=generator)) for _ in range(12)]
    return weights, [torch.optim.AdamW(weights[:11], lr=0.1), Muon(weights[11:], lr=0.1)]


def move(weights, optimizers, seed):
    generator = torch.Generator().manual_seed(seed)
    for weight in weights:
        weight.grad = torch.randn(3, 5, generator=generator)
    for optimizer in optimizers:
        optimizer.step()


def test_optimizers_go_on_from_their_packed_state_to_the_last_bit():
    weights, optimizers = two_optimizers()
    move(weights, optimizers, seed=1)
    optimizers[0].state[weights[10]]["note"] = 3
    tensors, rest = pack_optimizers(optimizers)
    copies, others = two_optimizers()
    for copy, weight in zip(copies, weights, strict=True):
        copy.data = weight.detach().clone()
    tensors = {name: tensor.clone() for name, tensor in tensors.items()}
    unpack_optimizers(others, tensors, json.loads(json.dumps(rest)))
    assert others[0].state[copies[10]]["note"] == 3  # an optimiser of another kind may keep such
    for seed in (2, 3):
        move(weights, optimizers, seed)
        move(copies, others, seed)
    for copy, weight in zip(copies, weights, strict=True):
        assert torch.equal(copy, weight)


def test_a_full_disk_is_an_error_of_the_disk_and_the_old_file_stays(tmp_path, monkeypatch):
    path = tmp_path / "some.safetensors"
    save_tensors(path, {"a": torch.ones(2)}, {"n": 1})

    def no_room(tensors, file, metadata):
        Path(file).write_bytes(b"half")
        raise SafetensorError("I/O error: No space left on device (os error 28)")

    monkeypatch.setattr(checkpoint, "save_file", no_room)
    said = r"some.safetensors cannot be written \(I/O error: No space left.*\); make room"
    with pytest.raises(OSError, match=said):
        save_tensors(path, {"a": torch.zeros(2)}, {"n": 2})
    assert load_tensors(path)[1] == {"n": 1} and list(tmp_path.iterdir()) == [path]
