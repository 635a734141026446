"""A training run in a folder: it logs, it can be killed, and it goes on when asked again.

    log.jsonl               the settings in the first line, then a record for every report
    checkpoint.safetensors  weights, optimisers' state and history, as of the latest checkpoint
    config.json, model.safetensors   the finished model; see ``saving``

The log never claims more than the checkpoint can continue: when a run goes on, the records after
the checkpoint are dropped, and written again as they happen again.
"""

import dataclasses
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from minitransformer.blocks import count_parameters
from minitransformer.presets import Preset
from minitransformer.saving import CONFIG, WEIGHTS, new_model, read_config, save_model
from minitransformer.sources import make_tokenizer, open_source
from minitransformer.tasks import Task, make_task
from minitransformer.training.checkpoint import load_tensors
from minitransformer.training.loop import History, train

LOG, CHECKPOINT = "log.jsonl", "checkpoint.safetensors"

FREE = ("about", "data", "evaluate_every", "target_loss", "checkpoint_every")
"""Settings that may change when a run goes on: they decide nothing about the weights."""


@dataclass
class Run:
    """A run that is ready to train.

    Args:
        preset: its settings.
        task: its data.
        model: its model, with the first weights.
        header: the first line of its log.
        folder: where it is kept; None for nowhere.
        done: how many steps the checkpoint has.
        history: of these.
    """

    preset: Preset
    task: Task
    model: nn.Module
    header: dict[str, Any]
    folder: Path | None
    done: int = 0
    history: History = dataclasses.field(default_factory=History)

    @property
    def finished(self) -> bool:
        """Whether there is nothing left to train."""
        return self.done >= self.preset.steps or self.history.reached


def prepare(preset: Preset, folder: Path | None = None) -> Run:
    """Read the data, make tokenizer and model, and look for a checkpoint to go on from.

    Raises:
        ValueError: the settings contradict each other or the data, or the folder holds another
            run.
    """
    if folder is not None:
        _check_folder(folder)
    source = open_source(preset.data)
    tokenizer = None
    if preset.kind != "seq2seq":
        tokenizer = make_tokenizer(preset.tokenizer, source, preset.vocab_size)
    task = make_task(preset.kind, source, preset.max_seq, tokenizer)
    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(preset.seed)
        model = new_model(preset.model(**task.sizes))
    header = {
        "settings": json.loads(json.dumps(dataclasses.asdict(preset))),
        "data_sha256": source.sha256,
        "parameters": count_parameters(model),
        "torch": torch.__version__,
    }
    run = Run(preset, task, model, header, folder)
    if folder is not None:
        _look_for_checkpoint(run)
    return run


def execute(run: Run, progress: bool = False, report=None) -> History:
    """Train, from the start or the checkpoint on, and save the model at the end.

    A run that is finished and saved is left as it is.

    Args:
        run: from :func:`prepare`.
        progress: show a progress bar.
        report: called with every record of the log.
    """
    if run.finished and run.folder is not None and _is_saved(run):
        return run.history
    log_path = None if run.folder is None else run.folder / LOG
    first = int(os.environ.get("RANK", "0")) == 0  # of the processes that train together
    if log_path is not None and first:
        _write_log(log_path, [run.header, *_records_so_far(run)])

    def log(record: dict[str, Any]) -> None:
        if log_path is not None:
            with open(log_path, "a", encoding="utf-8") as file:
                file.write(json.dumps(record) + "\n")
        if report is not None:
            report(record)

    preset, trained = run.preset, run.model
    if run.task.trainee is not None:
        with torch.random.fork_rng(devices=[]):
            torch.default_generator.manual_seed(preset.seed)
            trained = run.task.trainee(run.model)
    history = train(
        trained,
        run.task.batches(preset.batch_size, preset.seed, preset.steps),
        preset.training(),
        evaluate=run.task.evaluate,
        log=log,
        checkpoint=None if run.folder is None else run.folder / CHECKPOINT,
        progress=progress,
    )
    if run.folder is not None and first:
        notes = {
            "data": preset.data,
            "start_id": run.task.start_id,
            "settings": run.header,
            "steps": len(history.losses),
        }
        save_model(run.folder, run.model, run.task.tokenizer, run.task.target_tokenizer, notes)
        for name in (LOG, CHECKPOINT, CONFIG, WEIGHTS):
            for half_written in run.folder.glob(f"{name}.*.part"):  # where a process was killed
                half_written.unlink()
    return history


def _check_folder(folder: Path) -> None:
    """A folder can be made here: nothing on the way to it is a file."""
    for place in (folder, *folder.parents):
        if place.exists() and not place.is_dir():
            raise ValueError(
                f"{place} is a file, but a run needs a folder; name another with --out"
            )


def _is_saved(run: Run) -> bool:
    """Whether the folder holds the model that the run ended with, not an earlier one or half."""
    try:
        config, (_, inside) = read_config(run.folder), load_tensors(run.folder / WEIGHTS)
    except (OSError, ValueError):
        return False
    return inside.get("config") == config and config["notes"].get("steps") == run.done


def _look_for_checkpoint(run: Run) -> None:
    """Take up the history of the folder's checkpoint, if it is of the same run.

    Whatever else the folder holds is never replaced: a model without a checkpoint, or another
    run's log.
    """
    path, log_path = run.folder / CHECKPOINT, run.folder / LOG
    if not path.exists() and any((run.folder / name).exists() for name in (CONFIG, WEIGHTS)):
        if log_path.exists():
            raise ValueError(
                f"{run.folder} holds a model, and the checkpoint of its run is gone, so that the "
                "run cannot go on; name another folder, or move the model away"
            )
        raise ValueError(
            f"{run.folder} holds a model that no run in it has made; name another folder"
        )
    if path.exists() or log_path.exists():
        _check_header(run, _read_header(log_path))
    if not path.exists():
        return
    _, notes = load_tensors(path)
    if "training" not in notes:
        raise ValueError(f"{path} is not the checkpoint of a run; name another folder")
    run.done, run.history = notes["step"], History(**notes["history"])
    target, losses = run.preset.target_loss, [loss for _, loss in run.history.evaluations]
    run.history.reached = target is not None and bool(losses) and losses[-1] <= target


def _check_header(run: Run, theirs: dict[str, Any]) -> None:
    """The folder's log is of the same run."""
    ours = run.header
    pairs = [
        (name, theirs["settings"].get(name), value)
        for name, value in ours["settings"].items()
        if name not in FREE
    ]
    pairs += [(name, theirs.get(name), ours[name]) for name in ("data_sha256", "parameters")]
    for name, before, now in pairs:
        if before != now:
            raise ValueError(
                f"{run.folder} holds a run with {name} = {before}, this one has {now}; "
                "repeat its settings to go on with it, or name another folder"
            )


def _read_header(path: Path) -> dict[str, Any]:
    try:
        header = json.loads(path.read_text(encoding="utf-8").split("\n", 1)[0])
        header["settings"].items()
        return header
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{path.parent} holds a run, but the first line of {path.name} does not say with "
            "which settings; name another folder, or bring the log back"
        ) from error


def _records_so_far(run: Run) -> list[dict[str, Any]]:
    """The records up to the checkpoint, from its history; the times from the log where it has them.

    Which steps have a record is what ``train`` decides: every 10th, those with an evaluation, and
    the last.
    """
    seconds = _logged_seconds(run.folder / LOG)
    evaluations = dict(run.history.evaluations)
    records = []
    for step in range(1, run.done + 1):
        if step % 10 and step not in evaluations and step != run.preset.steps:
            continue
        record = {"step": step, "loss": run.history.losses[step - 1]}
        if step in seconds:
            record["seconds"] = seconds[step]
        if step in evaluations:
            record["validation_loss"] = evaluations[step]
        records.append(record)
    return records


def _logged_seconds(path: Path) -> dict[int, float]:
    found = {}
    lines = path.read_text(encoding="utf-8").splitlines()[1:] if path.exists() else []
    for line in lines:
        try:
            record = json.loads(line)
            found[record["step"]] = record["seconds"]
        except (ValueError, KeyError, TypeError):
            continue  # cut off when the run was killed
    return found


def _write_log(path: Path, records: list[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    beside = path.with_name(f"{path.name}.{os.getpid()}.part")
    beside.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    os.replace(beside, path)
