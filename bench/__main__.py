"""`make bench`: run the measurements and write the table."""

import importlib
import platform
import sys
from importlib.metadata import version
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from bench.rows import Row

PARTS = ("throughput", "generation", "race", "grading")
LONG = ("world", "world.gpt", "world.bert", "world.reviews", "world.translation")
PAGE = Path(__file__).parent.parent / "docs" / "benchmarks.md"


def machine() -> str:
    """What it ran on, in a line."""
    libraries = ", ".join(f"{name} {version(name)}" for name in ("transformers", "nbgrader"))
    gpu = f", {torch.cuda.get_device_name()}" if torch.cuda.is_available() else ", no GPU"
    return (
        f"{platform.machine()}, {torch.get_num_threads()} CPU cores{gpu}, "
        f"Python {platform.python_version()}, torch {torch.__version__}, {libraries}"
    )


def page(rows: list[Row]) -> str:
    """The table as Markdown."""
    lines = [
        "<!-- Written by: make bench -->",
        "# Benchmarks",
        "",
        "Ratios, both sides measured in one run; the figures behind them depend on the",
        "machine, the ratios less so.",
        "",
        f"Machine: {machine()}.",
        "",
        "| what | result | details |",
        "| --- | --- | --- |",
        *(f"| {row.what} | {row.figure} | {row.details} |" for row in rows),
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Measure the parts named, or the short ones; those are also written to the page."""
    chosen = sys.argv[1:] or list(PARTS)
    unknown = sorted(set(chosen) - {*PARTS, *LONG})
    if unknown:
        sys.exit(f"no part {', '.join(unknown)}; there are {', '.join((*PARTS, *LONG))}")
    console, rows = Console(), []
    table = Table("what", "result", "details", title=machine())
    for name in chosen:
        console.print(f"measuring {name} ...")
        module, _, only = name.partition(".")
        measure = importlib.import_module(f"bench.{module}").measure
        rows += measure((only,)) if only else measure()
    for row in rows:
        table.add_row(row.what, row.figure, row.details)
    console.print(table)
    if chosen == list(PARTS):
        PAGE.write_text(page(rows), encoding="utf-8")
        console.print(f"written to {PAGE}")


if __name__ == "__main__":
    main()
