"""The race: character-level Shakespeare to a validation loss of 1.898, on a CPU.

4 layers, 4 heads, width 128, context 64. nanoGPT's recipe for a CPU (AdamW, batch 12, 2,000
steps) against the preset ``shakespeare-cpu``, both through the same command, one after the other.
The text is the registry's; MINITRANSFORMER_SHAKESPEARE may name a file that is at hand.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from bench.rows import Row
from minitransformer.sources import open_source

TARGET = 1.898
DATA = os.environ.get("MINITRANSFORMER_SHAKESPEARE", "tinyshakespeare")


def run(folder: Path, *options: str) -> dict:
    """Train by the command line; the last record of its log."""
    command = [sys.executable, "-m", "minitransformer", "train", "gpt", "--data", DATA]
    subprocess.run([*command, *options, "--out", str(folder)], check=True, capture_output=True)
    return json.loads((folder / "log.jsonl").read_text().splitlines()[-1])


def measure() -> list[Row]:
    """Two rows: the time to the target, and the loss after the recipe's full time."""
    try:
        open_source(DATA)
    except (ConnectionError, ValueError) as error:
        return [Row("the race on characters of Shakespeare", "not run", str(error))]
    with tempfile.TemporaryDirectory() as folder:
        recipe = run(Path(folder) / "recipe", "--preset", "nanogpt-cpu")
        ours = run(
            Path(folder) / "ours", "--preset", "shakespeare-cpu", "--target-loss", str(TARGET)
        )
        pace = ours["seconds"] / ours["step"]
        steps = int(recipe["seconds"] / pace)
        longer = run(
            Path(folder) / "longer", "--preset", "shakespeare-cpu", "--steps", str(steps),
            "--evaluate-every", "0",
        )  # fmt: skip
    return [
        Row(
            f"characters of Shakespeare to a validation loss of {TARGET}, against nanoGPT's recipe"
            " in full",
            f"{recipe['seconds'] / ours['seconds']:.1f} times faster",
            f"{ours['seconds']:.1f} s to {ours['validation_loss']:.3f}, and "
            f"{recipe['seconds']:.1f} s to {recipe['validation_loss']:.3f}",
        ),
        Row(
            "the same preset for as long as the recipe takes",
            f"loss {longer['validation_loss']:.3f}",
            f"{steps} steps in {longer['seconds']:.1f} s",
        ),
    ]
