"""The command line: ``python -m minitransformer train | evaluate | generate | info``.

Only the options are here; what the commands do is in ``cli``. Exit codes: 0 all went well, 1 the
run failed or missed its target, 2 wrong usage. An error is one line on standard error.
"""

import argparse
import sys
import textwrap
from collections.abc import Sequence

import torch

from minitransformer import cli
from minitransformer.presets import DEFAULTS, LEARNED_VOCAB_SIZE, PRESETS, TOKENIZERS

SIZES = {
    "num_layers": (int, "blocks, one on top of the other"),
    "num_heads": (int, "attention heads in each block"),
    "d_model": (int, "the width: size of the vectors between the blocks; a multiple of num-heads"),
    "d_ff": (int, "inner width of the feed-forward layers (default: 4 times d-model)"),
    "max_seq": (int, "the context, in tokens"),
    "dropout": (float, "share of values set to 0 in training"),
    "positions": (("learned", "rotary"), "of a gpt: a table, or queries and keys that turn"),
}
TRAINING = {
    "steps": (int, "how many batches"),
    "batch_size": (int, "rows in a batch"),
    "optimizer": (("muon", "adamw"), "what moves the weights"),
    "learning_rate": (float, "AdamW's peak rate"),
    "muon_learning_rate": (float, "Muon's peak rate"),
    "muon_momentum": (float, "how long Muon remembers gradients, from 0 to 1"),
    "weight_decay": (float, "pull of the matrices towards 0"),
    "warmup": (int, "steps in which the rate climbs"),
    "final": (float, "rate at the end, as a share of the peak"),
    "shape": (("cosine", "linear", "constant"), "of the rate's descent"),
    "clip_norm": (float, "the longest that all gradients together may be; 0 for no limit"),
    "precision": (("float32", "bfloat16"), "bfloat16 is mixed precision"),
    "seed": (int, "of the first weights, the batches and dropout"),
    "target_loss": (
        float,
        "stop at a validation loss this low; exit 1 if it never is",
    ),
    "evaluate_every": (int, "steps between evaluations; 0 for one at the end"),
    "checkpoint_every": (int, "steps between checkpoints; 0 for one at the end"),
}

TRAIN = """\
Train a model and keep it in a folder.

The preset gives the defaults, and every option overrides one of them. Of a text file the first
90 % are for training and the last 10 % for validation; for seq2seq each line is a source, a tab,
and its target. The small world ("world") is generated and needs no file.

A run that was stopped, however it was, goes on when the same command is given again: to the same
losses, to the last bit."""

TRAIN_USAGE = "python -m minitransformer train [-h] {gpt,bert,seq2seq} [options]"

TRAIN_EXAMPLES = """\
examples:
  python -m minitransformer train gpt --data play.txt --preset shakespeare-cpu --out runs/play
  python -m minitransformer train gpt --preset world-gpt --out runs/stories
  python -m minitransformer train bert --data world --steps 300 --d-model 64 --out runs/gaps

"""

GENERATE = """\
Text from a saved model. A gpt goes on from the prompt; a bert fills each [MASK] in it and lists
the likeliest words; a seq2seq translates it."""

NO_MEMORY = "there is not enough memory; take a smaller batch, a shorter context or a smaller model"

EXITS = "exit codes: 0 all went well, 1 the run failed or missed its target, 2 wrong usage"


def make_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = argparse.ArgumentParser(
        prog="python -m minitransformer",
        description="Train small transformers, judge them, and let them write.",
        epilog=EXITS,
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="command")
    _add_train(_command(commands, "train", "train a model and keep it", TRAIN, TRAIN_EXAMPLES))
    about = "A saved model's loss on the held-out part of its data, or of other data; on the small \
world also the exact figures that no model can beat."
    evaluate = _command(commands, "evaluate", "measure a saved model", about)
    _add_folder(evaluate, required=True)
    _add_data(evaluate, "what to measure on (default: what it was trained on)")
    _add_generate(_command(commands, "generate", "let a saved model write", GENERATE))
    about = "Sizes, parameters and memory of a saved model or of a preset. With neither: versions, \
device, and the list of presets."
    info = _command(commands, "info", "show sizes, versions, and the presets", about)
    which = info.add_mutually_exclusive_group()
    _add_folder(which, required=False)
    which.add_argument("--preset", choices=PRESETS, metavar="NAME", help="a preset")
    return parser


def _command(commands, name: str, short: str, about: str, after: str = ""):
    return commands.add_parser(
        name,
        help=short,
        description="\n\n".join(textwrap.fill(part, 96) for part in about.split("\n\n")),
        epilog=after + EXITS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.usage = TRAIN_USAGE
    parser.add_argument("kind", choices=DEFAULTS, help="what kind of model")
    defaults = ", ".join(f"{name} for {kind}" for kind, name in DEFAULTS.items())
    parser.add_argument(
        "--preset",
        choices=PRESETS,
        metavar="NAME",
        help=f"{', '.join(PRESETS)} (default: {defaults})",
    )
    parser.add_argument("--out", metavar="DIR", help="folder for log, checkpoint and model")
    parser.add_argument("--quiet", action="store_true", help="no progress, only the result")
    text = parser.add_argument_group("text")
    _add_data(text, "what to train on (default: the preset's)")
    text.add_argument(
        "--tokenizer",
        choices=TOKENIZERS,
        help="how a file is cut (default: the preset's; world and seq2seq are cut into words)",
    )
    text.add_argument(
        "--vocab-size",
        type=int,
        metavar="N",
        help=f"most tokens of wordpiece and bpe (default: the preset's, or {LEARNED_VOCAB_SIZE})",
    )
    for title, table in (("sizes", SIZES), ("training", TRAINING)):
        group = parser.add_argument_group(title)
        for name, (kind, about) in table.items():
            option = f"--{name.replace('_', '-')}"
            if isinstance(kind, tuple):
                group.add_argument(option, choices=kind, help=about)
            else:
                metavar = "N" if kind is int else "X"
                group.add_argument(option, type=kind, metavar=metavar, help=about)
    group.add_argument(
        "--betas", type=float, nargs=2, metavar="X", help="AdamW's two memories, such as 0.9 0.99"
    )


def _add_generate(parser: argparse.ArgumentParser) -> None:
    _add_folder(parser, required=True)
    parser.add_argument("--prompt", metavar="TEXT", help="what to begin from, fill or translate")
    parser.add_argument(
        "--max-new-tokens", type=int, default=200, metavar="N", help="tokens to add (default: 200)"
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=1.0,
        metavar="X",
        help="below 1 safer, above 1 more daring (default: 1)",
    )
    parser.add_argument("--top-k", type=int, metavar="N", help="draw from the N likeliest tokens")
    parser.add_argument(
        "--top-p", type=float, metavar="X", help="draw from the likeliest that make up this share"
    )
    parser.add_argument("--greedy", action="store_true", help="always take the likeliest token")
    parser.add_argument(
        "--seed", type=int, default=0, metavar="N", help="of the draws (default: 0)"
    )


def _add_folder(parser, required: bool) -> None:
    options = {"required": True} if required else {}
    about = "folder of a saved model"
    parser.add_argument("--from", dest="folder", metavar="DIR", help=about, **options)


def _add_data(parser, about: str) -> None:
    about = f"{about}: a text file, world, or a data set's name"
    parser.add_argument("--data", metavar="DATA", help=about)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; the exit code."""
    parser = make_parser()
    options = parser.parse_args(arguments)
    command = getattr(cli, f"{options.command}_command")
    try:
        return command(options)
    except cli.UsageError as error:
        return _fail(f"{error} (python -m minitransformer {options.command} --help)", 2)
    except PermissionError as error:
        remedy = "change its permissions, or name another"
        return _fail(f"{error.filename} may not be used ({error.strerror}); {remedy}", 1)
    except (ValueError, OSError, ArithmeticError, RuntimeError, MemoryError) as error:
        return _fail(f"{NO_MEMORY} ({error})" if _lacks_memory(error) else error, 1)
    except KeyboardInterrupt:
        kept = getattr(options, "out", None)
        return _fail("stopped" + ("; the same command goes on from here" if kept else ""), 1)


def _lacks_memory(error: Exception) -> bool:
    """Python, a GPU and PyTorch's CPU part say it in three ways, the last by its text alone."""
    kinds = (MemoryError, torch.OutOfMemoryError)
    return isinstance(error, kinds) or "can't allocate memory" in str(error)


def _fail(message: object, code: int) -> int:
    print(f"minitransformer: {' '.join(str(message).split())}", file=sys.stderr)
    return code


if __name__ == "__main__":
    sys.exit(main())
