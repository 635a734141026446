"""How near models come to what can be known of the small world, three seeds each.

    python -m bench world            all five
    python -m bench world.gpt world.reviews

GPT on stories, BERT on pairs (hidden words, and whether the second sentence follows), sentiment of
reviews, translation: each trained by its preset, and measured on the same held-out texts as the
exact figures. These runs take their time, so ``make bench`` leaves them out.
"""

import dataclasses
import statistics
import time

import torch

from bench.rows import Row
from minitransformer.bert import Bert
from minitransformer.data import World, exact
from minitransformer.fine_tuning import BertForClassification
from minitransformer.generation import evaluation_mode
from minitransformer.presets import PRESETS
from minitransformer.runs import Run, execute, prepare
from minitransformer.training import train
from minitransformer.training.batches import table_rows
from minitransformer.world_scores import pair_scores, story_scores, translation_scores

SEEDS = (0, 1, 2)


def by_preset(name: str, seed: int) -> tuple[Run, float]:
    """A run of a preset, trained; and the seconds it took, data included."""
    begin = time.perf_counter()
    preset = dataclasses.replace(PRESETS[name], seed=seed, evaluate_every=0)
    run = prepare(preset)
    execute(run)
    return run, time.perf_counter() - begin


def gpt(seed: int) -> dict[str, float]:
    """Stories."""
    run, seconds = by_preset("world-gpt", seed)
    return story_scores(run.model) | {"seconds": seconds}


def bert(seed: int) -> dict[str, float]:
    """Hidden words, and pairs."""
    run, seconds = by_preset("world-bert", seed)
    return pair_scores(run.model) | {"seconds": seconds}


def translation(seed: int) -> dict[str, float]:
    """Sentences in the second language."""
    run, seconds = by_preset("world-translation", seed)
    scores = translation_scores(run.model, run.task.tokenizer, run.task.target_tokenizer)
    return scores | {"seconds": seconds}


def reviews(seed: int, held_out: int = 20_000) -> dict[str, float]:
    """Sentiment, by a BERT that starts from nothing."""
    begin = time.perf_counter()
    preset = dataclasses.replace(PRESETS["world-bert"], seed=seed, steps=400)
    world = World()
    seen, asked = world.draw("reviews", 25_600, seed + 1), world.draw("reviews", held_out, 0)
    torch.manual_seed(seed)
    config = preset.model(vocab_size=len(world.vocab))
    model = BertForClassification(Bert(config), 2)
    table = {"ids": seen.ids, "labels": seen.labels}
    train(model, table_rows(table, preset.batch_size, seed), preset.training())
    seconds = time.perf_counter() - begin
    with evaluation_mode(model):
        said = torch.cat([model(part).argmax(dim=1) for part in asked.ids.split(500)])
    posterior = exact.label_posterior(world.process("reviews"), asked.ids, "praise")
    best = (posterior > 0.5).long()
    return {
        "right": (said == asked.labels).double().mean().item(),
        "right, Bayes": (best == asked.labels).double().mean().item(),
        "seconds": seconds,
    }


TASKS = {"gpt": gpt, "bert": bert, "reviews": reviews, "translation": translation}


def measure(names: tuple[str, ...] = tuple(TASKS)) -> list[Row]:
    """A row for each figure: the median over the seeds, and all three."""
    rows = []
    for name in names:
        found = [TASKS[name](seed) for seed in SEEDS]
        for figure in found[0]:
            values = [scores[figure] for scores in found]
            rows.append(
                Row(
                    f"small world, {name}: {figure}",
                    f"{statistics.median(values):.4g}",
                    ", ".join(f"{value:.4g}" for value in values),
                )
            )
    return rows
