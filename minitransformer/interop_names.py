"""Which tensor of Hugging Face's GPT-2 and BERT is which of ours: names and layouts, no numbers.

Imports only ``config``.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from torch import Tensor

from minitransformer.config import BertConfig, GPTConfig

GPT_BLOCK = {
    "ln_1": ("around_attention.norm",),
    "attn.c_attn": ("attention.query", "attention.key", "attention.value"),
    "attn.c_proj": ("attention.output",),
    "ln_2": ("around_feed_forward.norm",),
    "mlp.c_fc": ("feed_forward.inner",),
    "mlp.c_proj": ("feed_forward.outer",),
}
"""A layer of theirs to ours that it holds, side by side along the outputs."""

BERT_BLOCK = {
    "attention.self.query": ("attention.query",),
    "attention.self.key": ("attention.key",),
    "attention.self.value": ("attention.value",),
    "attention.output.dense": ("attention.output",),
    "attention.output.LayerNorm": ("around_attention.norm",),
    "intermediate.dense": ("feed_forward.inner",),
    "output.dense": ("feed_forward.outer",),
    "output.LayerNorm": ("around_feed_forward.norm",),
}

BERT_OUTSIDE = {
    "bert.embeddings.LayerNorm": ("bert.embeddings.norm",),
    "bert.pooler.dense": ("bert.pooler.dense",),
    "cls.predictions.transform.dense": ("mlm.dense",),
    "cls.predictions.transform.LayerNorm": ("mlm.norm",),
    "cls.seq_relationship": ("nsp.dense",),
}

BERT_TABLES = {
    "bert.embeddings.word_embeddings.weight": ("bert.embeddings.token.weight",),
    "bert.embeddings.position_embeddings.weight": ("bert.embeddings.position.weight",),
    "bert.embeddings.token_type_embeddings.weight": ("bert.embeddings.segment.weight",),
    "cls.predictions.bias": ("mlm.bias",),
}

TIED = {
    "lm_head.weight": "transformer.wte.weight",
    "cls.predictions.decoder.weight": "bert.embeddings.word_embeddings.weight",
    "cls.predictions.decoder.bias": "cls.predictions.bias",
}
"""Second names of theirs for the same tensor; their files leave them out."""

BUFFERS = re.compile(r"h\.\d+\.attn\.(masked_)?bias|embeddings\.position_ids")
"""What older files carry besides weights: masks and counters, always the same."""


@dataclass(frozen=True)
class Place:
    """Where a tensor of theirs belongs.

    Args:
        theirs: its name.
        ours: the tensors that it holds, side by side along the outputs.
        transposed: whether a matrix is stored ``(d_in, d_out)``, as their Conv1D does.
    """

    theirs: str
    ours: tuple[str, ...]
    transposed: bool = False


def places(config: GPTConfig | BertConfig) -> Iterator[Place]:
    """Every tensor of theirs, with ours that it holds."""
    layers = range(config.num_layers)
    if isinstance(config, GPTConfig):
        yield Place("transformer.wte.weight", ("token.weight",))
        yield Place("transformer.wpe.weight", ("position.weight",))
        for layer in layers:
            yield from _pairs(
                GPT_BLOCK, f"transformer.h.{layer}.", f"decoder.blocks.{layer}.", True
            )
        yield from _pairs({"transformer.ln_f": ("decoder.norm",)})
    else:
        for theirs, ours in BERT_TABLES.items():
            yield Place(theirs, ours)
        for layer in layers:
            before = f"bert.encoder.layer.{layer}.", f"bert.encoder.blocks.{layer}."
            yield from _pairs(BERT_BLOCK, *before)
        yield from _pairs(BERT_OUTSIDE)


def turned(tensor: Tensor, place: Place) -> Tensor:
    """A tensor of ours as theirs is laid out, or the other way."""
    return tensor.T if place.transposed and tensor.dim() == 2 else tensor


def _pairs(
    table: dict[str, tuple[str, ...]],
    theirs_before: str = "",
    ours_before: str = "",
    transposed: bool = False,
) -> Iterator[Place]:
    """Weight and bias of each layer in a table; a norm of ours calls them gamma and beta."""
    for theirs, ours in table.items():
        own = ("gamma", "beta") if ours[0].endswith("norm") else ("weight", "bias")
        for leaf, own_leaf in zip(("weight", "bias"), own, strict=True):
            names = tuple(f"{ours_before}{name}.{own_leaf}" for name in ours)
            yield Place(f"{theirs_before}{theirs}.{leaf}", names, transposed)
