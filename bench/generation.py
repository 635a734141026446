"""What the cache of keys and values brings when a model writes."""

import time

import torch

from bench.rows import Row
from minitransformer.generation import generate
from minitransformer.gpt import GPT
from minitransformer.presets import PRESETS

NEW_TOKENS = 512


def measure() -> list[Row]:
    """One row: 512 new tokens with and without the cache, GPT-2's width, 6 layers."""
    torch.manual_seed(0)
    model = GPT(PRESETS["gpt2-6-layers"].model())
    model.eval()
    prompt = torch.zeros(1, 8, dtype=torch.long)
    seconds, texts = {}, {}
    for use_cache in (True, False):
        generate(model, prompt, 4, temperature=0, use_cache=use_cache)
        begin = time.perf_counter()
        texts[use_cache] = generate(model, prompt, NEW_TOKENS, 0, use_cache=use_cache)
        seconds[use_cache] = time.perf_counter() - begin
    if not torch.equal(texts[True], texts[False]):
        raise RuntimeError("the texts with and without the cache differ")
    return [
        Row(
            f"{NEW_TOKENS} new tokens with the KV cache, against without (6 layers of width 768)",
            f"{seconds[False] / seconds[True]:.1f} times",
            f"{seconds[True]:.1f} s and {seconds[False]:.1f} s; the same tokens",
        )
    ]
