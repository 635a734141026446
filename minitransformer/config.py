"""The sizes of a model: frozen, checked when made, and stored beside the weights.

One class for each kind of model. A size that cannot work is refused here, before any weight is
made. Imports nothing from the package.
"""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any, ClassVar

ACTIVATIONS = ("gelu", "gelu_tanh", "relu")
NORMS = ("pre", "post")
POSITIONS = ("learned", "rotary")


@dataclass(frozen=True, kw_only=True)
class ModelConfig:
    """What every transformer has.

    Args:
        vocab_size: the number of tokens.
        max_seq: the context, the longest sequence the model can read.
        d_model: the size of the vectors between the blocks; a multiple of ``num_heads``.
        num_heads: attention heads in each block.
        num_layers: blocks, one on top of the other.
        d_ff: the inner size of the feed-forward layers; 4 d_model if left out.
        dropout: the share of values set to 0 in training, after embeddings and sublayers.
        attention_dropout: the same for attention weights.
        activation: ``"gelu"``, ``"gelu_tanh"`` (GPT-2's approximation) or ``"relu"``.
        norm: ``"post"`` normalises after each residual sum (2017), ``"pre"`` before each sublayer.
        norm_eps: the number inside the root of layer norm.
    """

    kind: ClassVar[str] = ""

    vocab_size: int
    max_seq: int
    d_model: int
    num_heads: int
    num_layers: int
    d_ff: int | None = None
    dropout: float = 0.0
    attention_dropout: float = 0.0
    activation: str = "gelu"
    norm: str = "post"
    norm_eps: float = 1e-5

    def __post_init__(self):
        if self.d_ff is None:
            object.__setattr__(self, "d_ff", 4 * self.d_model)
        for field in dataclasses.fields(self):
            value = getattr(self, field.name)
            if field.type in ("int", int, "int | None", int | None):
                least = 0 if field.name.endswith("_id") else 1
                _check_size(type(self).__name__, field.name, value, least)
        if self.d_model % self.num_heads:
            raise ValueError(
                f"d_model must be a multiple of num_heads, got {self.d_model} and "
                f"{self.num_heads}; each head gets d_model / num_heads numbers"
            )
        for name in ("dropout", "attention_dropout", "norm_eps"):
            if not isinstance(getattr(self, name), int | float):
                raise TypeError(f"{name} must be a number, got {getattr(self, name)!r}")
        for name in ("dropout", "attention_dropout"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), got {getattr(self, name)}")
        if not 0 < self.norm_eps < math.inf:
            raise ValueError(f"norm_eps must be positive and finite, got {self.norm_eps}")
        check_choice("activation", self.activation, ACTIVATIONS)
        check_choice("norm", self.norm, NORMS)

    def to_dict(self) -> dict[str, Any]:
        """The sizes as plain JSON values, with the kind of model."""
        return {"kind": self.kind, **dataclasses.asdict(self)}


@dataclass(frozen=True, kw_only=True)
class BertConfig(ModelConfig):
    """The sizes of a BERT: reads in both directions.

    Args:
        num_segments: how many kinds of passage there are (sentence A and sentence B).
        pad_id: the id of ``[PAD]``, whose vector starts at 0.

    Source: Devlin et al., BERT (2019), section 3; post-norm, exact GELU, epsilon 1e-12.
    """

    kind: ClassVar[str] = "bert"

    num_segments: int = 2
    pad_id: int = 0
    norm_eps: float = 1e-12

    def __post_init__(self):
        super().__post_init__()
        if self.pad_id >= self.vocab_size:
            raise ValueError(
                f"pad_id must lie in 0..{self.vocab_size - 1} (the vocabulary), got {self.pad_id}"
            )


@dataclass(frozen=True, kw_only=True)
class GPTConfig(ModelConfig):
    """The sizes of a GPT: reads left to right, and writes.

    Args:
        positions: ``"learned"``, a table of vectors as in GPT-2, or ``"rotary"``, which turns
            queries and keys by their positions; learns from less text.

    Source: Radford et al., Language Models are Unsupervised Multitask Learners (2019), section
    2.3: pre-norm; GELU by its tanh approximation is in its code.
    """

    kind: ClassVar[str] = "gpt"

    activation: str = "gelu_tanh"
    norm: str = "pre"
    positions: str = "learned"

    def __post_init__(self):
        super().__post_init__()
        check_choice("positions", self.positions, POSITIONS)
        if self.positions == "rotary" and self.d_model // self.num_heads % 2:
            raise ValueError(
                "rotary positions turn pairs of numbers, so d_model / num_heads must be even, "
                f"got {self.d_model} / {self.num_heads}"
            )


@dataclass(frozen=True, kw_only=True)
class Seq2SeqConfig(ModelConfig):
    """The sizes of an encoder-decoder: reads one sequence, writes another.

    Args:
        vocab_size: the number of tokens of the source.
        target_vocab_size: those of the target; the same vocabulary if left out.
        num_layers: blocks in the encoder, and as many in the decoder.
        pad_id, start_id, end_id: the tokens that fill, begin and end a target.

    Source: Vaswani et al., Attention Is All You Need (2017), section 3.
    """

    kind: ClassVar[str] = "seq2seq"

    target_vocab_size: int | None = None
    pad_id: int = 0
    start_id: int = 2
    end_id: int = 3
    activation: str = "relu"

    def __post_init__(self):
        if self.target_vocab_size is None:
            object.__setattr__(self, "target_vocab_size", self.vocab_size)
        super().__post_init__()
        if self.d_model % 2:
            raise ValueError(
                "d_model of an encoder-decoder must be even (in its positions each sine has a "
                f"cosine), got {self.d_model}"
            )
        for name in ("pad_id", "start_id", "end_id"):
            if getattr(self, name) >= self.target_vocab_size:
                raise ValueError(
                    f"{name} must lie in 0..{self.target_vocab_size - 1} (the target's "
                    f"vocabulary), got {getattr(self, name)}"
                )


CONFIGS = {config.kind: config for config in (BertConfig, GPTConfig, Seq2SeqConfig)}
"""The kind that a stored configuration names, to its class."""


def config_from_dict(values: dict[str, Any]) -> ModelConfig:
    """The configuration that :meth:`ModelConfig.to_dict` wrote.

    Raises:
        ValueError: the kind is unknown, or a size is missing, unknown or impossible.
    """
    if not isinstance(values, dict):
        raise ValueError(f"a configuration must be a dict of sizes, got {values!r}")
    values = dict(values)
    kind = values.pop("kind", None)
    if kind not in tuple(CONFIGS):
        raise ValueError(f"kind must be one of {', '.join(CONFIGS)}, got {kind!r}")
    try:
        return CONFIGS[kind](**values)
    except TypeError as error:
        raise ValueError(f"not the sizes of a {kind}: {error}") from error


def _check_size(owner: str, name: str, value: Any, least: int) -> None:
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(f"{name} of {owner} must be an integer, got {value!r}")
    if value < least:
        raise ValueError(f"{name} of {owner} must be at least {least}, got {value}")


def check_choice(name: str, value: Any, choices: tuple[str, ...]) -> None:
    """A setting is one of those that there are."""
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)}, got {value!r}")
