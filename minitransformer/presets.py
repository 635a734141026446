"""Presets: everything that decides a run, under a name, in one table.

A preset holds the sizes of a model, how its text is cut into tokens, and how it is trained. On the
command line every field is an option: ``--preset`` gives the defaults, and options override them.
"""

import math
from dataclasses import dataclass, fields, replace
from typing import Any

from minitransformer.config import CONFIGS, ModelConfig
from minitransformer.training.loop import TrainingConfig

TOKENIZERS = ("characters", "words", "wordpiece", "bpe")

LEARNED = ("wordpiece", "bpe")
"""Those of them that learn a vocabulary of a size that one chooses."""

LEARNED_VOCAB_SIZE = 1024
"""That size, where a preset cuts its text otherwise and so has none to go by."""


@dataclass(frozen=True, kw_only=True)
class Preset:
    """All that decides a run, apart from the data itself.

    Args:
        about: what the preset is for, in a few words.
        kind: of model: ``"gpt"``, ``"bert"`` or ``"seq2seq"``.
        num_layers, num_heads, d_model, d_ff: as in ``config.ModelConfig``.
        max_seq: the context, in tokens; also the length of the rows it is trained on.
        dropout: the share of values set to 0 in training, attention weights included.
        positions: of a GPT, ``"learned"`` or ``"rotary"``.
        data: what to train on where nothing else is named; None if it must be named.
        tokenizer: ``"characters"``, ``"words"``, ``"wordpiece"`` or ``"bpe"``.
        vocab_size: the most tokens that a learned vocabulary (wordpiece, bpe) may have. Of
            characters and words there are as many as the text has; then this is only an example,
            by which ``info`` counts.
        batch_size: rows in a batch.

        All others are those of ``training.TrainingConfig``.
    """

    about: str
    kind: str
    num_layers: int
    num_heads: int
    d_model: int
    d_ff: int | None = None
    max_seq: int
    dropout: float = 0.0
    positions: str = "learned"
    data: str | None = None
    tokenizer: str = "characters"
    vocab_size: int = 65
    batch_size: int
    steps: int
    optimizer: str = "muon"
    learning_rate: float = 0.01
    muon_learning_rate: float = 0.01
    muon_momentum: float = 0.95
    weight_decay: float = 0.1
    betas: tuple[float, float] = (0.9, 0.99)
    warmup: int = 20
    final: float = 0.0
    shape: str = "linear"
    clip_norm: float | None = 1.0
    precision: str = "float32"
    seed: int = 0
    evaluate_every: int = 50
    target_loss: float | None = None
    checkpoint_every: int = 100

    def __post_init__(self):
        for name, choices in (("kind", tuple(CONFIGS)), ("tokenizer", TOKENIZERS)):
            if getattr(self, name) not in choices:
                raise ValueError(
                    f"{name} must be one of {', '.join(choices)}, got {getattr(self, name)!r}"
                )
        if self.kind != "gpt" and self.positions != "learned":
            raise ValueError(
                f"positions of a {self.kind} must be 'learned', got {self.positions!r}; only a gpt "
                "has others"
            )
        for name in ("batch_size", "vocab_size"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if self.target_loss is not None and not 0 < self.target_loss < math.inf:
            raise ValueError(
                "target_loss must be positive, as no model's mean loss is 0 or less, and finite, "
                f"got {self.target_loss}"
            )

    def training(self) -> TrainingConfig:
        """The settings of the training loop."""
        return TrainingConfig(**_shared(self, TrainingConfig))

    def model(self, **sizes: Any) -> ModelConfig:
        """The sizes of the model.

        Args:
            sizes: what the data decides: ``vocab_size``, ``pad_id`` and the like.
        """
        chosen = _shared(self, CONFIGS[self.kind])
        return CONFIGS[self.kind](**chosen | {"attention_dropout": self.dropout} | sizes)


def _shared(preset: Preset, other: type) -> dict[str, Any]:
    """The fields that a preset has in common with another dataclass."""
    names = {field.name for field in fields(preset)} & {field.name for field in fields(other)}
    return {name: getattr(preset, name) for name in names}


# The rates of GPT-2 are not published; these are those of GPT-3's smallest model: Brown et al.
# (2020), table 2.1 and appendix B.
GPT2 = Preset(
    about="GPT-2, the smallest of the published four",
    kind="gpt",
    num_layers=12,
    num_heads=12,
    d_model=768,
    max_seq=1024,
    tokenizer="bpe",
    vocab_size=50257,
    batch_size=32,
    steps=100_000,
    optimizer="adamw",
    learning_rate=6e-4,
    betas=(0.9, 0.95),
    warmup=1000,
    final=0.1,
    shape="cosine",
    precision="bfloat16",
    evaluate_every=1000,
    checkpoint_every=1000,
)

PRESETS = {
    # Characters of a text file, on a laptop without a GPU.
    "shakespeare-cpu": Preset(
        about="characters of a play in a minute on a laptop: a small GPT with Muon",
        kind="gpt",
        num_layers=4,
        num_heads=4,
        d_model=128,
        max_seq=64,
        positions="rotary",
        batch_size=12,
        steps=270,
        learning_rate=0.015,
        muon_learning_rate=0.02,
        muon_momentum=0.9,
        warmup=5,
        evaluate_every=0,
    ),
    "nanogpt-cpu": Preset(
        about="the same GPT by nanoGPT's published recipe for a CPU: the one to beat",
        kind="gpt",
        num_layers=4,
        num_heads=4,
        d_model=128,
        max_seq=64,
        batch_size=12,
        steps=2000,
        optimizer="adamw",
        learning_rate=1e-3,
        warmup=100,
        final=0.1,
        shape="cosine",
        evaluate_every=0,
    ),
    # Sizes of published models, for a GPU.
    "gpt2": GPT2,
    "gpt2-6-layers": replace(GPT2, about="half of GPT-2: the same width, 6 layers", num_layers=6),
    "bert-base": Preset(  # Devlin et al. (2019), appendix A.2
        about="BERT-base, uncased",
        kind="bert",
        num_layers=12,
        num_heads=12,
        d_model=768,
        max_seq=512,
        dropout=0.1,
        tokenizer="wordpiece",
        vocab_size=30522,
        batch_size=256,
        steps=1_000_000,
        optimizer="adamw",
        learning_rate=1e-4,
        weight_decay=0.01,
        betas=(0.9, 0.999),
        warmup=10_000,
        precision="bfloat16",
        evaluate_every=10_000,
        checkpoint_every=10_000,
    ),
    # The small world, whose best possible loss is known.
    "world-gpt": Preset(
        about="continues stories of the small world",
        kind="gpt",
        num_layers=2,
        num_heads=4,
        d_model=128,
        max_seq=64,
        data="world",
        tokenizer="words",
        vocab_size=191,
        batch_size=32,
        steps=800,
        learning_rate=0.003,
        muon_learning_rate=0.02,
        evaluate_every=200,
    ),
    "world-bert": Preset(
        about="fills gaps in the small world, and tells whether two sentences belong together",
        kind="bert",
        num_layers=2,
        num_heads=4,
        d_model=128,
        max_seq=48,
        data="world",
        tokenizer="words",
        vocab_size=191,
        batch_size=64,
        steps=2200,
        learning_rate=0.003,
        muon_learning_rate=0.02,
        evaluate_every=550,
    ),
    "world-translation": Preset(
        about="translates sentences of the small world",
        kind="seq2seq",
        num_layers=2,
        num_heads=4,
        d_model=128,
        max_seq=32,
        data="world",
        tokenizer="words",
        vocab_size=191,
        batch_size=64,
        steps=600,
        learning_rate=0.003,
        muon_learning_rate=0.02,
        evaluate_every=200,
    ),
}
"""Name to preset."""

DEFAULTS = {"gpt": "shakespeare-cpu", "bert": "world-bert", "seq2seq": "world-translation"}
"""Kind of model to the preset that is taken where none is named."""


def find_preset(name: str) -> Preset:
    """The preset of that name.

    Raises:
        ValueError: there is none; the message lists those that there are.
    """
    if name not in PRESETS:
        raise ValueError(f"there is no preset {name!r}, only {', '.join(PRESETS)}")
    return PRESETS[name]
