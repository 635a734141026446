"""Training on other devices and in several processes: the same losses, within rounding."""

import json
import os
import subprocess
import sys
import time
from dataclasses import replace

import far
import pytest
import torch

from minitransformer.blocks import count_parameters
from minitransformer.config import GPTConfig
from minitransformer.gpt import GPT
from minitransformer.training.batches import text_loss, text_windows
from minitransformer.training.devices import Team, training_device
from minitransformer.training.loop import TrainingConfig, train

TEXT = torch.arange(200) * 7 % 11
BATCHES = text_windows(TEXT[:150], batch_size=6, seq=5, seed=2)
EVALUATE = text_loss(TEXT[150:], seq=5)
CONFIG = TrainingConfig(steps=7, warmup=2, learning_rate=0.02, evaluate_every=3)
SIZES = {"vocab_size": 11, "max_seq": 5, "d_model": 6, "num_heads": 3, "num_layers": 2}

needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


def make_model(seed=0):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPT(GPTConfig(**SIZES))


PROGRAM = """
import json, os, sys
import torch
torch.set_num_threads(1)
sys.path.insert(0, sys.argv[2])
sys.path.append(os.path.dirname(sys.argv[2]))
import test_train_devices as here
rank = int(os.environ["RANK"])
records = []
model = here.make_model(seed=rank)  # they begin apart; the first one's weights count
found = here.train(model, here.BATCHES, here.CONFIG, here.EVALUATE, records.append)
total = sum(float(parameter.detach().double().sum()) for parameter in model.parameters())
with open(f"{sys.argv[1]}/{rank}.json", "w") as file:
    json.dump([found.losses, found.evaluations, total, len(records)], file)
"""


@pytest.mark.slow
def test_two_processes_train_as_one_does(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    here = os.path.dirname(os.path.abspath(__file__))
    launcher = "torch.distributed.run --standalone --nproc-per-node 2".split()
    command = [sys.executable, "-m", *launcher, str(program), str(tmp_path), here]
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=240)
    assert done.returncode == 0, done.stderr
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert first[:3] == second[:3]
    assert first[3] > 0 and second[3] == 0  # the first process alone keeps the log
    expected = train(make_model(), BATCHES, CONFIG, EVALUATE)
    assert first[0] == pytest.approx(expected.losses, rel=1e-4)
    assert [step for step, _ in first[1]] == [step for step, _ in expected.evaluations]
    for (_, found), (_, loss) in zip(first[1], expected.evaluations, strict=True):
        assert found == pytest.approx(loss, rel=1e-4)


def test_the_shares_of_a_batch_are_all_of_it(monkeypatch):
    team, shares = Team(torch.device("cpu")), []
    team.size = 3
    for team.rank in range(3):
        shares.append(team.share(BATCHES(0))["ids"])
    together = torch.cat(shares).tolist()
    assert sorted(together) == sorted(BATCHES(0)["ids"].tolist())
    assert [len(share) for share in shares] == [2, 2, 2]


def test_a_batch_that_cannot_be_shared_evenly_is_refused():
    team = Team(torch.device("cpu"))
    team.size = 4
    with pytest.raises(ValueError, match="6 rows cannot be shared by 4 processes; choose"):
        team.share(BATCHES(0))


def test_the_device_is_the_cpu_unless_another_is_named(monkeypatch):
    monkeypatch.delenv("MINITRANSFORMER_DEVICE", raising=False)
    assert training_device() == torch.device("cpu")
    monkeypatch.setenv("MINITRANSFORMER_DEVICE", "meta")
    assert training_device() == torch.device("meta")


def test_each_of_several_processes_takes_a_gpu_of_its_own(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setenv("MINITRANSFORMER_DEVICE", "cuda")
    monkeypatch.delenv("LOCAL_RANK", raising=False)
    assert training_device() == torch.device("cuda")
    monkeypatch.setenv("LOCAL_RANK", "3")
    assert training_device() == torch.device("cuda:3")


def test_a_gpu_that_is_not_there_is_said(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("MINITRANSFORMER_DEVICE", "cuda")
    with pytest.raises(RuntimeError, match="'cuda', but torch finds no GPU; unset it"):
        training_device()


@pytest.mark.far
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_another_device_trains_to_the_losses_of_the_cpu(monkeypatch, tmp_path, optimizer):
    """No GPU needed: on a device that refuses what a GPU does; see `far`."""
    config = replace(CONFIG, optimizer=optimizer, precision="float32")
    expected = train(make_model(), BATCHES, config, EVALUATE)
    monkeypatch.setenv("MINITRANSFORMER_DEVICE", far.DEVICE)
    model, path, places = make_model(), tmp_path / "run.safetensors", []

    def evaluate(model):
        places.extend(parameter.device for parameter in model.parameters())
        return EVALUATE(model)

    with far.away():
        found = train(model, BATCHES, config, evaluate, checkpoint=path)
        again = train(make_model(seed=1), BATCHES, config, EVALUATE, checkpoint=path)
    assert set(places) == {torch.device(far.DEVICE)}
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}  # back again
    assert found.losses == pytest.approx(expected.losses, rel=1e-4)
    assert again.losses == found.losses


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_gpu_trains_to_the_losses_of_the_cpu(monkeypatch, tmp_path, optimizer):
    config = replace(CONFIG, optimizer=optimizer)
    expected = train(make_model(), BATCHES, config, EVALUATE)
    monkeypatch.setenv("MINITRANSFORMER_DEVICE", "cuda")
    model, path = make_model(), tmp_path / "run.safetensors"
    found = train(model, BATCHES, config, EVALUATE, checkpoint=path)
    assert {parameter.device.type for parameter in model.parameters()} == {"cpu"}  # back again
    # torch.optim.Muon, which runs there, orthogonalises in bfloat16
    tolerance = 1e-4 if optimizer == "adamw" else 2e-2
    assert found.losses == pytest.approx(expected.losses, rel=tolerance)
    again = train(make_model(seed=1), BATCHES, config, EVALUATE, checkpoint=path)
    assert again.losses == found.losses


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_a_run_on_a_gpu_goes_on_to_the_same_losses(monkeypatch, tmp_path, optimizer):
    monkeypatch.setenv("MINITRANSFORMER_DEVICE", "cuda")
    config = replace(CONFIG, optimizer=optimizer, checkpoint_every=2)
    expected, path = train(make_model(), BATCHES, config), tmp_path / "run.safetensors"

    def breaking(step):
        if step == 5:
            raise KeyboardInterrupt
        return BATCHES(step)

    with pytest.raises(KeyboardInterrupt):
        train(make_model(), breaking, config, checkpoint=path)
    assert train(make_model(), BATCHES, config, checkpoint=path).losses == expected.losses


@pytest.mark.gpu
@needs_gpu
@pytest.mark.parametrize("optimizer", ["adamw", "muon"])
def test_mixed_precision_trains_on_a_gpu(monkeypatch, optimizer):
    monkeypatch.setenv("MINITRANSFORMER_DEVICE", "cuda")
    before = torch.get_rng_state(), torch.cuda.get_rng_state()
    model = make_model()
    config = replace(CONFIG, steps=60, precision="bfloat16", optimizer=optimizer)
    found = train(model, BATCHES, config, EVALUATE)
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    assert found.evaluations[-1][1] < 0.5 * found.losses[0]
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.equal(torch.cuda.get_rng_state(), before[1])


PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12, "L40S": 362e12, "L4": 121e12}
"""Dense bfloat16 operations a second that the makers state, by a part of the device's name."""


@pytest.mark.gpu
@pytest.mark.slow
@needs_gpu
def test_a_gpu_of_gpt2s_size_trains_and_its_utilisation_is_printed(monkeypatch, capsys):
    """Operations a token: 6 for each weight, and 12 layers width seq for the attention itself.

    Source: Chowdhery et al., PaLM (2022), appendix B.
    """
    monkeypatch.setenv("MINITRANSFORMER_DEVICE", "cuda")
    seq, rows, steps = 1024, 16, 12
    with torch.device("cuda"):
        model = GPT(
            GPTConfig(vocab_size=50304, max_seq=seq, d_model=768, num_heads=12, num_layers=12)
        )
    batches = text_windows(torch.arange(40_000) * 31 % 50257, rows, seq, seed=0)
    config = TrainingConfig(steps=steps, optimizer="adamw", warmup=0, precision="bfloat16")
    train(model, batches, config)  # warms up
    torch.cuda.synchronize()
    began = time.perf_counter()
    found = train(model, batches, config)
    torch.cuda.synchronize()
    tokens = steps * rows * seq / (time.perf_counter() - began)
    weights = count_parameters(model) - model.position.weight.numel()
    operations = tokens * (6 * weights + 12 * 12 * 768 * seq)
    name = torch.cuda.get_device_name()
    peak = next((peak for part, peak in PEAKS.items() if part in name), None)
    share = "peak unknown" if peak is None else f"{operations / peak:.1%} of its peak"
    with capsys.disabled():
        print(f"\n{name}: {tokens:,.0f} tokens/s, {operations / 1e12:.0f} TFLOP/s, {share}")
    assert found.losses[-1] < 9
