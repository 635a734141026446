"""Models that ship with the package, each with the command that made it.

    writer = load_pretrained("world-gpt")      # a SavedModel: model, tokenizer, notes

``make weights`` makes them all again. A test trains none of them, but proves that each command is
understood and that each model reaches the figure it claims.
"""

from dataclasses import dataclass
from pathlib import Path

from minitransformer.parts import Parts
from minitransformer.saving import SavedModel, load_model

FOLDER = Path(__file__).parent / "weights"


@dataclass(frozen=True)
class Recipe:
    """How a model was made and what it can do.

    Args:
        about: in a few words.
        command: what follows ``python -m minitransformer``, but for ``--out``.
        figure: what it is measured by, a key of what ``world_scores`` returns.
        reaches: what that figure is at least.
    """

    about: str
    command: str
    figure: str
    reaches: float


RECIPES = {
    "world-bert": Recipe(
        about="fills gaps in stories of the small world, and tells whether two sentences belong "
        "together",
        command="train bert --preset world-bert --steps 4000",
        figure="closed",
        reaches=0.99,
    ),
    "world-texts": Recipe(
        about="has read all kinds of texts of the small world, reviews and questions included, "
        "and no label",
        command="train bert --preset world-bert --data world-texts --steps 2400 --evaluate-every 0",
        figure="closed",
        reaches=0.95,
    ),
    "world-reader": Recipe(
        about="has learned to answer questions about passages of the small world by a span; needs "
        "a new SpanHead",
        command="train bert --preset world-bert --data world-questions --num-layers 3 "
        "--d-model 96 --batch-size 48 --steps 6000 --learning-rate 0.002 "
        "--muon-learning-rate 0.008 --evaluate-every 500",
        figure="exact match",
        reaches=0.95,
    ),
    "world-gpt": Recipe(
        about="writes stories of the small world",
        command="train gpt --preset world-gpt",
        figure="closed",
        reaches=0.97,
    ),
}
"""Name to recipe; the weights are in the folder ``weights``, under the same name."""


def load_pretrained(name: str, parts: Parts | None = None) -> SavedModel:
    """A model that ships with the package, in evaluation mode.

    Args:
        name: one of :data:`RECIPES`.
        parts: what to build it from; see ``parts.Parts``.

    Raises:
        ValueError: there is no such model; the message lists those that there are.
    """
    if name not in RECIPES:
        raise ValueError(f"there is no pre-trained model {name!r}, only {', '.join(RECIPES)}")
    return load_model(FOLDER / name, parts)


def commands() -> list[str]:
    """The shell commands that make all of them again, from the root of the repository."""
    return [
        f"python -m minitransformer {recipe.command} --out minitransformer/weights/{name}"
        for name, recipe in RECIPES.items()
    ]
