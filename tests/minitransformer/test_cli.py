"""The command line, as a person or a script sees it."""

import copy
import json
import math
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import fields

import pytest
import torch
import torch.nn.functional as F

from minitransformer import cli
from minitransformer.__main__ import main, make_parser
from minitransformer.config import BertConfig, GPTConfig, Seq2SeqConfig
from minitransformer.presets import PRESETS, Preset
from minitransformer.saving import load_model, new_model, save_model
from minitransformer.seq2seq import Seq2Seq
from minitransformer.tokenizers import CharTokenizer, WordTokenizer
from minitransformer.training.checkpoint import load_tensors

SMALL = "--num-layers 1 --num-heads 3 --d-model 6 --max-seq 7 --batch-size 3 --steps 12".split()
QUICK = ["--evaluate-every", "4", "--checkpoint-every", "5", "--dropout", "0.2"]
COMMAND = [sys.executable, "-m", "minitransformer"]


@pytest.fixture(scope="module")
def text(tmp_path_factory):
    path = tmp_path_factory.mktemp("text") / "play.txt"
    path.write_text("".join(f"mia eats {n} figs; leo eats {n * 7 % 10}.\n" for n in range(90)))
    return path


@pytest.fixture(scope="module")
def trained(text, tmp_path_factory):
    """A folder with a finished run, and the arguments that made it."""
    folder = tmp_path_factory.mktemp("runs") / "run"
    arguments = ["train", "gpt", "--data", str(text), *SMALL, *QUICK, "--out", str(folder)]
    assert main(arguments) == 0
    return folder, arguments


def lines_of(folder):
    return [json.loads(line) for line in (folder / "log.jsonl").read_text().splitlines()]


def without_seconds(records):
    return [{name: each[name] for name in each if name != "seconds"} for each in records]


def test_a_run_leaves_a_log_a_checkpoint_and_a_model(trained):
    folder, _ = trained
    names = ["checkpoint.safetensors", "config.json", "log.jsonl", "model.safetensors"]
    assert sorted(path.name for path in folder.iterdir()) == names
    header, *records = lines_of(folder)
    assert header["settings"]["d_model"] == 6 and header["settings"]["optimizer"] == "muon"
    assert header["parameters"] == sum(p.numel() for p in load_model(folder).model.parameters())
    assert [record["step"] for record in records] == [4, 8, 10, 12]
    assert [record["step"] for record in records if "validation_loss" in record] == [4, 8, 12]
    assert all({"loss", "seconds"} <= record.keys() for record in records)


def test_every_setting_of_a_preset_has_an_option():
    said = {"kind", "about"}  # the kind is the first argument
    options = vars(make_parser().parse_args(["train", "gpt"]))
    assert {field.name for field in fields(Preset)} - said <= options.keys()


def test_options_override_the_preset_and_the_rest_is_the_presets(trained):
    settings = lines_of(trained[0])[0]["settings"]
    preset = PRESETS["shakespeare-cpu"]
    assert (settings["steps"], settings["num_heads"], settings["dropout"]) == (12, 3, 0.2)
    for name in ("learning_rate", "muon_learning_rate", "tokenizer", "warmup", "shape"):
        assert settings[name] == getattr(preset, name)


def test_the_result_is_on_standard_output_and_progress_on_the_other(text, capsys):
    assert main(["train", "gpt", "--data", str(text), *SMALL, *QUICK]) == 0
    out, err = capsys.readouterr()
    assert re.search(r"^steps +12$", out, re.M)
    assert re.search(r"^validation loss +\d\.\d{4}$", out, re.M)
    assert "step 4 of 12: loss" in err and "validation loss" in err
    assert "gpt: " in err and "width 6, context 7" in err
    assert "nothing will be kept; name a folder with --out" in err


def test_quiet_leaves_the_result_alone(text, capsys):
    assert main(["train", "gpt", "--data", str(text), *SMALL, "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert "validation loss" in out and err == ""


def test_a_finished_run_says_so_and_is_left_as_it_is(trained, capsys):
    folder, arguments = trained
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert main(arguments) == 0
    out, err = capsys.readouterr()
    assert "finished: there is nothing left to train" in err and "validation loss" in out
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_target_that_is_reached_stops_the_run(text, capsys):
    easy = ["train", "gpt", "--data", str(text), *SMALL, *QUICK, "--target-loss", "99"]
    assert main(easy) == 0
    assert re.search(r"^steps +4$", capsys.readouterr().out, re.M)


def test_a_target_that_is_missed_is_said_with_exit_code_1(trained, capsys):
    _, arguments = trained
    assert main([*arguments, "--target-loss", "0.001"]) == 1
    err = capsys.readouterr().err
    assert re.search(r"target was not reached: the validation loss is \d\.\d{4} after 12", err)


def test_a_target_without_a_step_is_missed(text, capsys):
    arguments = ["train", "gpt", "--data", str(text), *SMALL, "--steps", "0", "--target-loss", "1"]
    assert main(arguments) == 1
    err = capsys.readouterr().err
    assert "target was not reached: no step was trained" in err and "None" not in err


def test_a_later_target_may_be_lower(text, tmp_path, capsys):
    arguments = ["train", "gpt", "--data", str(text), *SMALL, *QUICK, "--out", str(tmp_path)]
    assert main([*arguments, "--target-loss", "99"]) == 0
    assert len(lines_of(tmp_path)) == 2
    assert main(arguments) == 0
    assert [record["step"] for record in lines_of(tmp_path)[1:]] == [4, 8, 10, 12]
    assert "going on after step 4" in capsys.readouterr().err


def test_a_killed_run_goes_on_to_the_same_losses_to_the_last_bit(trained, tmp_path):
    folder, arguments = trained
    arguments = [*arguments[:-1], str(tmp_path / "killed"), "--checkpoint-every", "1"]
    log = tmp_path / "killed" / "log.jsonl"
    arguments[arguments.index("--steps") + 1] = "80"
    environment = os.environ | {"OMP_NUM_THREADS": "1"}
    process = subprocess.Popen([*COMMAND, *arguments], env=environment, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not log.exists() or log.read_text().count("\n") < 5:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not (log.parent / "model.safetensors").exists()
    header, first, *rest = log.read_text().splitlines(keepends=True)
    with open(log, "w") as file:
        file.write(header + "".join(rest))  # a record is lost, and ends are added
        file.write('{"step": 399, "loss": 7.0, "seconds": 9.9}\n{"step": 4')  # as if cut off
    whole = arguments.copy()
    whole[whole.index(str(log.parent))] = str(tmp_path / "whole")
    assert main([*arguments, "--quiet"]) == main([*whole, "--quiet"]) == 0
    killed, unbroken = (
        load_tensors(tmp_path / name / "checkpoint.safetensors") for name in ("killed", "whole")
    )
    for name in ("losses", "evaluations"):
        assert killed[1]["history"][name] == unbroken[1]["history"][name]
    assert all(torch.equal(killed[0][name], tensor) for name, tensor in unbroken[0].items())
    records = without_seconds(lines_of(log.parent)), without_seconds(lines_of(tmp_path / "whole"))
    assert records[0] == records[1]


def test_a_run_killed_before_its_model_was_saved_saves_it(trained, capsys):
    folder, arguments = trained
    (folder / "config.json").unlink()
    before = lines_of(folder)
    assert main(arguments) == 0
    assert load_model(folder).notes["data"] == arguments[3]
    assert lines_of(folder) == before


def test_a_run_killed_before_its_later_model_was_saved_saves_that(trained, tmp_path, capsys):
    folder, arguments = trained
    arguments = [*arguments[:-1], str(tmp_path)]
    assert main([*arguments, "--target-loss", "99"]) == 0  # ends after 4 steps
    early = {name: (tmp_path / name).read_bytes() for name in ("config.json", "model.safetensors")}
    assert main(arguments) == 0
    late = copy.deepcopy(load_model(tmp_path).model.state_dict())
    assert load_model(tmp_path).notes["steps"] == 12
    for lost in (["model.safetensors"], ["config.json"], ["config.json", "model.safetensors"]):
        for name in lost:  # what a kill leaves between the last checkpoint and the two files
            (tmp_path / name).write_bytes(early[name])
        assert main(arguments) == 0
        found = load_model(tmp_path).model.state_dict()
        assert all(torch.equal(found[name], tensor) for name, tensor in late.items())
    (tmp_path / "model.safetensors").unlink()
    assert main(arguments) == 0
    assert load_model(tmp_path).notes["steps"] == 12


def test_a_model_whose_checkpoint_is_gone_is_not_replaced(trained, tmp_path, capsys):
    folder, arguments = trained
    kept = tmp_path / "kept"
    shutil.copytree(folder, kept)
    (kept / "checkpoint.safetensors").unlink()
    before = {path.name: path.read_bytes() for path in kept.iterdir()}
    for change in ([], ["--seed", "5"]):
        assert main([*arguments[:-1], str(kept), *change]) == 1
        err = capsys.readouterr().err
        assert "holds a model, and the checkpoint of its run is gone" in err
        assert "name another folder" in err
    assert {path.name: path.read_bytes() for path in kept.iterdir()} == before


def test_the_log_of_another_run_or_of_something_else_is_not_replaced(trained, tmp_path, capsys):
    folder, arguments = trained
    arguments, log = [*arguments[:-1], str(tmp_path)], tmp_path / "log.jsonl"
    for content, said in (
        ((folder / "log.jsonl").read_bytes(), "a run with seed = 0, this one has 5"),
        (b"what I did today\n", "does not say with which settings"),
        (b"\xff\xfe", "does not say with which settings"),
    ):
        log.write_bytes(content)
        assert main([*arguments, "--seed", "5"]) == 1
        err = capsys.readouterr().err
        assert said in err and "name another folder" in err
        assert log.read_bytes() == content
    log.write_bytes((folder / "log.jsonl").read_bytes())
    assert main(arguments) == 0, "its own log is no obstacle: it was killed before a checkpoint"


def test_where_no_folder_can_be_is_said_before_the_data_are_read(trained, tmp_path, capsys):
    _, arguments = trained
    file = tmp_path / "file"
    file.write_text("mine")
    for wrong in (file, file / "run"):
        assert main([*arguments[:-1], str(wrong)]) == 1
        err = capsys.readouterr().err
        assert re.search(r"file is a file, but .* needs a folder; name another with --out", err)
    assert file.read_text() == "mine"
    assert main([*arguments[:-1], ""]) == 2
    assert "--out is empty; name a folder" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (["--steps", "13"], "a run with steps = 12, this one has 13"),
        (["--d-model", "12"], "a run with d_model = 6, this one has 12"),
        (["--batch-size", "4"], "a run with batch_size = 3, this one has 4"),
        (["--dropout", "0"], "a run with dropout = 0.2, this one has 0.0"),
        (["--seed", "1"], "a run with seed = 0, this one has 1"),
        (["--data", "OTHER"], "a run with data_sha256 = "),
    ],
)
def test_a_folder_with_another_run_is_refused(trained, tmp_path, capsys, change, said):
    folder, arguments = trained
    other = tmp_path / "other.txt"
    other.write_text("mia eats 01234567890 figs; leo.\n" * 20)
    change = [str(other) if each == "OTHER" else each for each in change]
    before = (folder / "log.jsonl").read_bytes()
    assert main([*arguments, *change]) == 1
    err = capsys.readouterr().err
    assert said in err and "name another folder" in err
    assert (folder / "log.jsonl").read_bytes() == before


def test_a_checkpoint_without_its_log_or_a_foreign_model_is_refused(trained, tmp_path, capsys):
    folder, arguments = trained
    arguments = [*arguments[:-1], str(tmp_path)]
    checkpoint = tmp_path / "checkpoint.safetensors"
    checkpoint.write_bytes((folder / "checkpoint.safetensors").read_bytes())
    assert main(arguments) == 1
    assert "does not say with which settings" in capsys.readouterr().err
    checkpoint.rename(tmp_path / "model.safetensors")
    assert main(arguments) == 1
    assert "holds a model that no run in it has made" in capsys.readouterr().err
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "config.json").write_text('{"model_type": "gpt2"}')
    assert main(arguments) == 1
    assert "holds a model that no run in it has made" in capsys.readouterr().err
    assert (tmp_path / "config.json").read_text() == '{"model_type": "gpt2"}'


def test_a_damaged_checkpoint_is_refused(trained, capsys):
    folder, arguments = trained
    path = folder / "checkpoint.safetensors"
    whole = path.read_bytes()
    path.write_bytes(whole[:-9])
    assert main(arguments) == 1
    assert "checkpoint.safetensors is damaged" in capsys.readouterr().err
    path.write_bytes(whole)


def test_evaluate_gives_the_loss_that_the_run_ended_with(trained, text, capsys):
    folder, _ = trained
    assert main(["evaluate", "--from", str(folder)]) == 0
    out = capsys.readouterr().out
    found = float(re.search(r"^validation loss +(\S+)$", out, re.M)[1])
    saved = load_model(folder)
    held_out = text.read_text()[int(0.9 * len(text.read_text())) :]
    ids = torch.tensor(saved.tokenizer.encode(held_out))
    rows = (len(ids) - 1) // 7
    logits = saved.model(ids[: 7 * rows].view(rows, 7))
    expected = F.cross_entropy(logits.flatten(0, 1), ids[1 : 7 * rows + 1]).item()
    assert found == pytest.approx(expected, abs=1e-4)
    assert found == pytest.approx(lines_of(folder)[-1]["validation_loss"], abs=1e-4)
    assert float(re.search(r"^perplexity +(\S+)$", out, re.M)[1]) == pytest.approx(
        math.exp(found), rel=1e-4
    )


def test_evaluate_takes_other_data(trained, tmp_path, capsys):
    other = tmp_path / "other.txt"
    other.write_text("leo eats 3 figs; mia eats 3 figs.\n" * 30)
    assert main(["evaluate", "--from", str(trained[0]), "--data", str(other)]) == 0
    assert "validation loss" in capsys.readouterr().out


def test_a_model_of_other_words_is_not_measured_on_the_world(trained, tmp_path, text, capsys):
    said = r"the model's vocabulary of \d+ tokens lacks words of world, .*--data FILE"
    assert main(["evaluate", "--from", str(trained[0]), "--data", "world"]) == 1
    assert re.search(said, capsys.readouterr().err)
    bert = ["train", "bert", "--data", str(text), *SMALL, "--out", str(tmp_path / "b"), "--quiet"]
    assert main(bert) == 0
    pairs = tmp_path / "pairs.tsv"
    pairs.write_text("one two\ttwo one\n" * 30)
    arguments = ["train", "seq2seq", "--data", str(pairs), *SMALL, "--out", str(tmp_path / "s")]
    assert main([*arguments, "--quiet"]) == 0
    for name in "bs":
        capsys.readouterr()
        assert main(["evaluate", "--from", str(tmp_path / name), "--data", "world"]) == 1
        assert re.search(said, capsys.readouterr().err)


def test_a_model_without_a_tokenizer_cannot_be_measured(trained, text, tmp_path, capsys):
    save_model(tmp_path, load_model(trained[0]).model)
    assert main(["evaluate", "--from", str(tmp_path), "--data", str(text)]) == 1
    assert "was saved without a tokenizer; save it with one" in capsys.readouterr().err


def test_a_translator_of_one_vocabulary_is_measured_with_it(tmp_path, capsys):
    words = WordTokenizer.from_texts(["one two three four"])
    sizes = {"d_model": 6, "num_heads": 3, "num_layers": 1}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = Seq2Seq(Seq2SeqConfig(vocab_size=len(words), max_seq=7, **sizes))
    path = tmp_path / "pairs.tsv"
    path.write_text("three two\ttwo three\n" * 30)
    found = []
    for name, target in (("same", None), ("named", words)):
        save_model(tmp_path / name, model, words, target)
        assert main(["evaluate", "--from", str(tmp_path / name), "--data", str(path)]) == 0
        found.append(capsys.readouterr().out)
    assert found[0] == found[1]


def generated(capsys, *arguments):
    assert main(["generate", *map(str, arguments)]) == 0
    return capsys.readouterr().out.removesuffix("\n")


def test_generate_goes_on_from_the_prompt(trained, capsys):
    found = generated(capsys, "--from", trained[0], "--prompt", "mia eats", "--max-new-tokens", 11)
    assert found.startswith("mia eats") and len(found) == len("mia eats") + 11


def test_generate_repeats_itself_with_the_same_seed_only(trained, capsys):
    common = ["--from", trained[0], "--max-new-tokens", 30]
    drawn = [generated(capsys, *common, "--seed", seed) for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]


def test_generate_takes_the_likeliest_in_three_ways(trained, capsys):
    common = ["--from", trained[0], "--max-new-tokens", 20]
    greedy = generated(capsys, *common, "--greedy")
    assert generated(capsys, *common, "--top-k", 1, "--seed", 3) == greedy
    assert generated(capsys, *common, "--top-p", 1e-6, "--seed", 4) == greedy
    assert generated(capsys, *common, "--temperature", 0) == greedy


@pytest.mark.parametrize("tokenizer", ["words", "wordpiece", "bpe"])
def test_every_tokenizer_is_stored_with_its_model(text, tmp_path, capsys, tokenizer):
    learned = ["--tokenizer", tokenizer, "--vocab-size", "280"]
    copy = tmp_path / "copy.txt"
    copy.write_bytes(text.read_bytes())
    out = ["--out", str(tmp_path / "run")]
    assert main(["train", "gpt", "--data", str(copy), *SMALL, *learned, *out, "--quiet"]) == 0
    copy.unlink()
    capsys.readouterr()
    arguments = ["--from", tmp_path / "run", "--prompt", "mia eats", "--max-new-tokens", 3]
    assert generated(capsys, *arguments).startswith("mia eats")


def test_a_bert_learns_from_a_file_and_fills_gaps(text, tmp_path, capsys):
    arguments = ["train", "bert", "--data", str(text), *SMALL, "--out", str(tmp_path), "--quiet"]
    assert main(arguments) == 0
    capsys.readouterr()
    prompt = "mia [MASK] [SEP] [MASK]"
    filled, *gaps = generated(capsys, "--from", tmp_path, "--prompt", prompt).split("\n")
    assert re.fullmatch(r"mia \S+ \[SEP\] \S+", filled)
    best = [gap.split()[2] for gap in gaps]  # "gap 1: WORD 12%, ..."
    assert filled == f"mia {best[0]} [SEP] {best[1]}"
    assert len(gaps) == 2 and re.fullmatch(r"gap 1: (\S+ \d+%(, )?){5}", gaps[0])


def test_an_encoder_decoder_learns_from_lines_of_pairs(tmp_path, capsys):
    path = tmp_path / "pairs.tsv"
    numbers = "one two three four five six seven".split()
    path.write_text("".join(f"{one} {two}\t{two} {one} !\n" for one in numbers for two in numbers))
    arguments = ["train", "seq2seq", "--data", str(path), *SMALL, "--out", str(tmp_path), "--quiet"]
    assert main([*arguments, "--d-model", "36", "--steps", "150"]) == 0
    assert main(["evaluate", "--from", str(tmp_path)]) == 0
    capsys.readouterr()
    found = generated(capsys, "--from", tmp_path, "--prompt", "two five")
    assert found == "five two !"


@pytest.mark.parametrize("kind", ["gpt", "bert", "seq2seq"])
def test_every_kind_trains_on_the_small_world(tmp_path, capsys, kind):
    sizes = ["--d-model", "4", "--num-heads", "1", "--num-layers", "1", "--batch-size", "5"]
    arguments = ["train", kind, "--data", "world", *sizes, "--steps", "2", "--out", str(tmp_path)]
    assert main([*arguments, "--quiet"]) == 0
    capsys.readouterr()
    prompt = "mia [MASK] ." if kind == "bert" else "mia"
    assert generated(capsys, "--from", tmp_path, "--prompt", prompt, "--max-new-tokens", 2)


def test_info_shows_versions_presets_and_sizes(trained, capsys):
    assert main(["info"]) == 0
    out = capsys.readouterr().out
    assert torch.__version__ in out and all(name in out for name in PRESETS)
    assert main(["info", "--preset", "gpt2"]) == 0
    assert "124,439,808" in capsys.readouterr().out
    assert main(["info", "--from", str(trained[0])]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^width +6$", out, re.M) and re.search(r"^context +7$", out, re.M)
    assert f"{lines_of(trained[0])[0]['parameters']:,}" in out and "(characters)" in out


USAGE = [
    ("", "required: command"),
    ("fly", "invalid choice: 'fly'"),
    ("train", "required: kind"),
    ("train rnn", "invalid choice: 'rnn'"),
    ("train gpt", "needs a text to learn from: --data FILE"),
    ("train gpt --data world --steps many", "invalid int value: 'many'"),
    ("train gpt --preset gpt9", "invalid choice: 'gpt9'"),
    ("train gpt --preset world-bert", "the preset world-bert is a bert, not a gpt"),
    ("train gpt --data world --d-model 7", "d_model must be a multiple of num_heads, got 7 and 4"),
    ("train gpt --data world --steps -1", "steps must not be negative, got -1"),
    ("train gpt --data world --batch-size 0", "batch_size must be at least 1, got 0"),
    ("train gpt --data world --dropout 1.5", r"dropout must be in \[0, 1\), got 1.5"),
    ("train gpt --data world --betas 2 3", r"betas must be two numbers in \[0, 1\), got \(2.0, 3"),
    ("train gpt --data world --evaluate-every -3", "evaluate_every must not be negative, got -3"),
    ("train gpt --data world --seed 99999999999999999999", "seed must lie in .*; take a smaller"),
    ("train gpt --data world --target-loss nan", "target_loss must be positive, .*got nan"),
    ("train gpt --data world --target-loss -3", "target_loss must be positive, .*got -3.0"),
    ("train gpt --data world --target-loss inf", "target_loss must be .*got inf"),
    ("train gpt --data world --dat x", "unrecognized arguments: --dat"),
    ("generate", "required: --from"),
    ("info --preset gpt2 --from x", "not allowed with"),
]


@pytest.mark.parametrize(("line", "said"), USAGE, ids=[line for line, _ in USAGE])
def test_wrong_usage_ends_with_2_and_says_what_is_wrong(capsys, line, said):
    try:
        code = main(line.split())
    except SystemExit as exit:
        code = exit.code
    out, err = capsys.readouterr()
    assert code == 2 and out == ""
    assert re.search(said, err) and "Traceback" not in err


FAILURES = [
    ("train gpt --data EMPTY", "is empty"),
    (
        "train gpt --data nothing.txt",
        "there is no file 'nothing.txt'.*only world, tinyshakespeare, .*; check",
    ),
    (
        "train gpt --data SHORT",
        "a held-out text of 1 tokens has no window of 64 .*; use a longer text",
    ),
    ("train bert --data TEXT --tokenizer characters", "choose the tokenizer words or wordpiece"),
    ("train bert --data SHORT", "use a longer text, or a shorter context"),
    ("train bert --data TEXT --max-seq 2", "a row of 2 tokens has no room .* of at least 3"),
    ("train seq2seq --data TEXT", "line 1 of .* must be source, a tab, and target"),
    ("train gpt --data TEXT --tokenizer bpe --vocab-size 9", "vocab_size must be at least 257"),
    ("evaluate --from FOLDER", "there is no saved model in"),
    ("generate --from nowhere", "there is no folder nowhere"),
    ("generate --from RUN --prompt ä", "character 'ä' is not in the vocabulary"),
]


@pytest.mark.parametrize(("line", "said"), FAILURES, ids=[line for line, _ in FAILURES])
def test_a_failure_ends_with_1_and_one_clear_line(trained, text, tmp_path, capsys, line, said):
    files = {"EMPTY": "", "SHORT": "mia eats\n"}
    for name, content in files.items():
        (tmp_path / name).write_text(content)
    places = {name: tmp_path / name for name in files}
    places |= {"TEXT": text, "FOLDER": tmp_path, "RUN": trained[0]}
    assert main([str(places.get(word, word)) for word in line.split()]) == 1
    err = capsys.readouterr().err
    assert re.search(said, err) and "Traceback" not in err
    assert err.splitlines()[-1].startswith("minitransformer: ")


SETTINGS = [
    ("--temperature -1", "temperature must be more than 0, got -1.0"),
    ("--temperature 1e-45", "temperature must be more than 0, got 1e-45"),
    ("--top-k 0", "k must be at least 1, got 0"),
    ("--top-p 1.5", "p must be more than 0 and at most 1, got 1.5"),
    ("--max-new-tokens -1", "max_new_tokens must be at least 0, got -1"),
    ("--seed 99999999999999999999", "seed must lie in .*; take a smaller one"),
]


@pytest.mark.parametrize(("options", "said"), SETTINGS, ids=[line for line, _ in SETTINGS])
def test_settings_that_no_model_can_write_with_are_wrong_usage(trained, capsys, options, said):
    assert main(["generate", "--from", str(trained[0]), *options.split()]) == 2
    out, err = capsys.readouterr()
    assert out == "" and re.search(said, err) and len(err.splitlines()) == 1


@pytest.mark.parametrize("name", ["BERT", "seq2seq"])
def test_a_model_says_what_prompt_it_needs(tmp_path, capsys, name):
    kind = name.lower()
    sizes = ["--d-model", "4", "--num-heads", "1", "--num-layers", "1", "--batch-size", "5"]
    arguments = ["train", kind, "--data", "world", *sizes, "--steps", "1", "--out", str(tmp_path)]
    assert main([*arguments, "--quiet"]) == 0
    assert main(["generate", "--from", str(tmp_path)]) == 2
    assert "--prompt" in capsys.readouterr().err


def test_a_diverging_run_says_so(text, capsys):
    rates = ["--learning-rate", "1e30", "--optimizer", "adamw", "--shape", "constant"]
    assert main(["train", "gpt", "--data", str(text), *SMALL, *rates, "--clip-norm", "0"]) == 1
    err = capsys.readouterr().err
    assert re.search(r"minitransformer: the loss of step \d+ is (nan|inf); lower the learning", err)


@pytest.mark.parametrize("command", [[], ["train"], ["evaluate"], ["generate"], ["info"]])
def test_every_command_explains_itself(capsys, command):
    with pytest.raises(SystemExit) as exit:
        main([*command, "--help"])
    assert exit.value.code == 0
    out = capsys.readouterr().out
    assert "exit codes" in out and max(map(len, out.splitlines())) <= 100


@pytest.mark.parametrize("kind", ["bert", "seq2seq"])
def test_positions_that_only_a_gpt_has_are_refused_elsewhere(kind, text, capsys):
    assert main(["train", kind, "--data", str(text), "--positions", "rotary", *SMALL]) == 2
    said = f"positions of a {kind} must be 'learned', got 'rotary'; only a gpt has others"
    assert said in capsys.readouterr().err


@pytest.mark.parametrize("tokenizer", ["bpe", "wordpiece"])
def test_a_learned_vocabulary_needs_no_size_on_the_command_line(tokenizer):
    line = ["train", "gpt", "--data", "play.txt", "--tokenizer", tokenizer]
    assert cli.chosen_preset(make_parser().parse_args(line)).vocab_size == 1024
    asked = make_parser().parse_args([*line, "--vocab-size", "300"])
    assert cli.chosen_preset(asked).vocab_size == 300
    gpt2 = make_parser().parse_args([*line, "--preset", "gpt2"])
    assert cli.chosen_preset(gpt2).vocab_size == 50257


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("x.cpp: can't allocate memory"), torch.OutOfMemoryError("x")],
)
def test_too_little_memory_is_said_with_a_remedy(error, monkeypatch, capsys):
    def fail(options):
        raise error

    monkeypatch.setattr(cli, "info_command", fail)
    assert main(["info"]) == 1
    assert "there is not enough memory; take a smaller batch" in capsys.readouterr().err


def test_what_a_killed_process_left_half_written_is_cleared_at_the_end(trained, tmp_path):
    _, arguments = trained
    folder = tmp_path / "run"
    folder.mkdir()
    left = [f"{name}.123.part" for name in ("checkpoint.safetensors", "config.json", "log.jsonl")]
    for name in [*left, "mine.123.part"]:
        (folder / name).write_text("half")
    assert main([*arguments[:-1], str(folder)]) == 0
    assert [path.name for path in folder.glob("*.part")] == ["mine.123.part"]


def saved_with(folder, config, tokenizer, notes=None):
    with torch.random.fork_rng(devices=[]):
        save_model(folder, new_model(config), tokenizer, notes=notes)
    return ["--from", str(folder)]


def test_notes_that_name_no_data_are_no_surprise(tmp_path, capsys):
    words = WordTokenizer.from_texts(["mia eats"])
    config = GPTConfig(vocab_size=len(words), max_seq=7, d_model=6, num_heads=3, num_layers=1)
    assert main(["evaluate", *saved_with(tmp_path, config, words, {"data": 7})]) == 2
    assert "does not say what it was trained on; name it: --data" in capsys.readouterr().err


def test_a_bert_whose_tokenizer_has_no_special_tokens_says_so(tmp_path, capsys):
    letters = CharTokenizer.from_text("mia [MASK]")
    config = BertConfig(vocab_size=len(letters), max_seq=7, d_model=6, num_heads=3, num_layers=1)
    line = ["generate", *saved_with(tmp_path, config, letters), "--prompt", "a [MASK]"]
    assert main(line) == 1
    assert re.search(r"a BERT needs \[PAD\], .* lacks", capsys.readouterr().err)


def test_an_encoder_decoder_whose_target_has_no_end_says_so(tmp_path, capsys):
    letters = CharTokenizer.from_text("mia eats")
    sizes = {"max_seq": 7, "d_model": 6, "num_heads": 3, "num_layers": 1}
    folder = saved_with(tmp_path, Seq2SeqConfig(vocab_size=len(letters), **sizes), letters)
    pairs = tmp_path / "pairs.txt"
    pairs.write_text("mia\teats\n" * 20)
    assert main(["evaluate", *folder, "--data", str(pairs)]) == 1
    said = r"an encoder-decoder's target needs \[CLS\], \[SEP\] in its vocabulary"
    assert re.search(said, capsys.readouterr().err)


def test_a_translation_of_nothing_and_one_of_no_length(tmp_path, capsys):
    words = WordTokenizer.from_texts(["mia eats"])
    sizes = {"max_seq": 7, "d_model": 6, "num_heads": 3, "num_layers": 1}
    folder = saved_with(tmp_path, Seq2SeqConfig(vocab_size=len(words), **sizes), words)
    assert main(["generate", *folder, "--prompt", " \n"]) == 2
    assert "there is nothing to translate: --prompt TEXT" in capsys.readouterr().err
    assert main(["generate", *folder, "--prompt", "mia", "--max-new-tokens", "0"]) == 0
    assert capsys.readouterr().out == "\n"


def test_a_file_that_may_not_be_read_is_said_with_a_remedy_and_is_not_called_damaged(
    trained, monkeypatch, capsys
):
    true_open = open

    def guarded(file, *rest, **named):
        if str(file).endswith("model.safetensors"):
            raise PermissionError(13, "Permission denied", str(file))
        return true_open(file, *rest, **named)

    monkeypatch.setattr("builtins.open", guarded)
    assert main(["generate", "--from", str(trained[0]), "--prompt", "mia"]) == 1
    said = "model.safetensors may not be used (Permission denied); change its permissions"
    assert said in capsys.readouterr().err
