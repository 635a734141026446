"""Probes that hand over a small model of ours, made of tables, and the models themselves."""

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

from autograder.probes.calls import draws, named
from autograder.probes.weights import Inputs, load


def with_model(target: Any, inputs: Inputs) -> Inputs:
    """Call it with a small causal model whose logits are looked up in tables.

    Args:
        inputs: {"tables": the arguments of `TableModel`, "arguments": {name: value}} and, for
            draws, "seed" and "other_seed": then it is handed a `torch.Generator` by name.

    Returns:
        {"result": …}, or the three entries of `draws`.
    """

    def run(**options: Any) -> Any:
        return target(TableModel(**inputs["tables"]), *inputs["arguments"].values(), **options)

    if "seed" not in inputs:
        return {"result": run()}
    seeded = {"arguments": {}, "seed": inputs["seed"], "other_seed": inputs["other_seed"]}
    return draws(lambda generator: run(generator=generator), seeded)


class TableModel(nn.Module):
    """Logits at place i: last[token i] + before[token i - 1] + place[i], within its context.

    Args:
        last, before: (vocab, vocab).
        place: (max_seq, vocab); a longer text begins again at place 0.
    """

    def __init__(self, last: torch.Tensor, before: torch.Tensor, place: torch.Tensor) -> None:
        super().__init__()
        self.last, self.before, self.place = last, before, place
        self.config = SimpleNamespace(vocab_size=len(last), max_seq=len(place))

    def forward(self, ids: torch.Tensor, real: Any = None) -> torch.Tensor:
        logits = self.last[ids] + self.place[torch.arange(ids.shape[1]) % len(self.place)]
        earlier = self.before[ids[:, :-1]]
        return logits + torch.cat([torch.zeros_like(logits[:, :1]), earlier], dim=1)

    def hidden(self, ids: torch.Tensor, real: Any = None, cache: Any = None) -> Any:
        return self(ids), []

    def scores(self, hidden: torch.Tensor) -> torch.Tensor:
        return hidden

    def new_cache(self) -> None:
        return None


def read_in_pieces(target: Any, inputs: Inputs) -> Inputs:
    """Let a small GPT with a cache read one text, piece by piece.

    Args:
        inputs: {"config": sizes, "weights": {name: tensor}, "pieces": ids of each piece}; it is
            called with the model, the piece and a list of caches.

    Returns:
        The logits at each piece, and how many tokens the cache holds after it.
    """
    from minitransformer.multi_head import KVCache
    from minitransformer.stacks import Encoder

    config = SimpleNamespace(**inputs["config"])
    model = nn.Module()
    model.token = nn.Embedding(config.vocab_size, config.d_model)
    model.position = nn.Embedding(config.max_seq, config.d_model)
    model.decoder = Encoder(config)  # type: ignore[arg-type]
    load(model, inputs["weights"])
    model.eval()
    cache = [KVCache() for _ in range(config.num_layers)]
    values: Inputs = {}
    for number, piece in enumerate(inputs["pieces"], 1):
        values[f"logits of piece {number}"] = target(model, piece, cache)
        values[f"tokens in the cache after piece {number}"] = len(cache[0])
    return values


def on_toy_bert(target: Any, inputs: Inputs) -> Inputs:
    """Construct a model on top of a `ToyBert`, load its head, run it; with labels, its loss too.

    Args:
        inputs: {"bert": {"d_model", "num_layers", "seed"}, "sizes": {name: value}, "weights":
            {"head.dense.weight": tensor}, "arguments": {"ids", "segments", "real"}} and, for the
            loss and its gradients, "labels"; "train": True runs it in training mode.

    Returns:
        {"logits": …}, and with labels "loss" and "gradient of …" for head and encoder, and
        whether the encoder's weights are among the model's own, where an optimizer finds them.
    """
    bert = ToyBert(**inputs["bert"])
    built = target(bert, *inputs["sizes"].values())
    if not isinstance(built, nn.Module):
        raise TypeError(f"it must be a subclass of nn.Module, and made a {type(built).__name__}")
    load(built, inputs["weights"])
    built.train(inputs.get("train", False))
    arguments = dict(inputs["arguments"])
    values: Inputs = {"logits": built(*arguments.values())}
    if "labels" in inputs:
        ids = arguments.pop("ids")
        values["loss"] = built.loss(ids, inputs["labels"], *arguments.values())
        values["loss"].backward()
        own = dict(built.named_parameters())
        values |= {f"gradient of {name}": own[name].grad for name in inputs["weights"]}
        values["gradient of the pooler"] = bert.pooler.weight.grad
        values["gradient of the token vectors"] = bert.embeddings["token"].weight.grad
        known = {id(weight) for weight in built.parameters()}
        values["BERT's weights are the model's"] = all(id(w) in known for w in bert.parameters())
    return values


def freezing(target: Any, inputs: Inputs) -> Inputs:
    """Freeze parts of a `ToyBert` and say what can still learn.

    Args:
        inputs: {"bert": as for `on_toy_bert`, "num_layers": int}.

    Returns:
        The names of the weights that can still learn, and of the modules that were given an
        attribute requires_grad, which does nothing; whether the model itself came back.
    """
    bert = ToyBert(**inputs["bert"])
    bert.hidden(torch.tensor([[1, 2, 3]]))[0].sum().backward()
    returned = target(bert, inputs["num_layers"])
    marked = [name for name, part in bert.named_modules() if "requires_grad" in vars(part)]
    return {
        "weights that can still learn": [n for n, w in bert.named_parameters() if w.requires_grad],
        "modules with an attribute requires_grad": marked,
        "it returns": "the model" if returned is bert else str(type(returned).__name__),
    }


class ToyBert(nn.Module):
    """A tiny encoder with the parts, the names and the calls of a BERT; its weights from a seed."""

    def __init__(self, d_model: int, num_layers: int, seed: int) -> None:
        super().__init__()
        self.config = SimpleNamespace(d_model=d_model, num_layers=num_layers, pad_id=0)
        self.parts = SimpleNamespace(cross_entropy=nn.functional.cross_entropy)
        tables = {"token": nn.Embedding(12, d_model), "segment": nn.Embedding(2, d_model)}
        self.embeddings = nn.ModuleDict(tables)
        self.encoder = nn.Module()
        blocks = [nn.Linear(d_model, d_model) for _ in range(num_layers)]
        self.encoder.blocks = nn.ModuleList(blocks)
        self.pooler = nn.Linear(d_model, d_model)
        generator = torch.Generator().manual_seed(seed)
        for weight in self.parameters():
            drawn = torch.randn(weight.shape, generator=generator, dtype=torch.float32)
            weight.data.copy_(0.5 * drawn)

    def hidden(self, ids: Any, segments: Any = None, real: Any = None) -> tuple[Any, list[Any]]:
        """Each vector takes up the mean of the real ones, block by block."""
        real = ids != self.config.pad_id if real is None else real
        segments = torch.zeros_like(ids) if segments is None else segments
        x = self.embeddings["token"](ids) + self.embeddings["segment"](segments)
        share = (real / real.sum(dim=1, keepdim=True)).unsqueeze(1)  # (batch, 1, seq)
        for block in self.encoder.blocks:  # type: ignore[union-attr]
            x = block(x + share @ x).tanh()
        return x, []

    def forward(self, ids: Any, segments: Any = None, real: Any = None) -> tuple[Any, Any]:
        """The contextual vectors, and the pooled one of the first token."""
        hidden, _ = self.hidden(ids, segments, real)
        return hidden, self.pooler(hidden[:, 0]).tanh()


def with_gap_model(target: Any, inputs: Inputs) -> Inputs:
    """Call it with a `GapModel`: {"filled": …, "probabilities": …}.

    Args:
        inputs: {"vocab": int, "seed": int, "arguments": {"ids", "mask_id", "segments"}}; with
            "untouched": True it hands back the arguments as they are afterwards.
    """
    model, arguments = GapModel(inputs["vocab"], inputs["seed"]).eval(), inputs["arguments"]
    names = ["filled", "probabilities"]
    after = named(lambda *given: target(model, *given), {"arguments": arguments, "names": names})
    if inputs.get("untouched"):
        return {f"{name} after the call": value for name, value in arguments.items()}
    return after


class GapModel(nn.Module):
    """Called as a BERT for pre-training is: logits for words and for pairs, from random tables.

    The words' logits at a place depend on the token, the place, the segment and the whole row.
    """

    def __init__(self, vocab: int, seed: int) -> None:
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        size = (4, max(vocab, 32), vocab)
        tables = torch.randn(size, generator=generator, dtype=torch.float32).to(torch.empty(0))
        self.token, self.around, self.place, self.segment = tables * 1.5

    def forward(self, ids: Any, segments: Any = None, real: Any = None) -> tuple[Any, Any]:
        segments = torch.zeros_like(ids) if segments is None else segments
        logits = self.token[ids] + self.place[torch.arange(ids.shape[1])] + self.segment[segments]
        logits = logits + self.around[ids].sum(dim=1, keepdim=True)
        return logits, logits[:, 0, :2]


def translation(target: Any, inputs: Inputs) -> Inputs:
    """Let it write with a `ToyTranslator`: {"result": …}.

    Args:
        inputs: {"tables": of the toy, "source": ids, "max_new_tokens": int} and, where they are
            not 0, 1 and 2, the "special" ids of padding, start and end.
    """
    toy = ToyTranslator(inputs["tables"], inputs.get("special", (0, 1, 2))).eval()
    return {"result": target(toy, inputs["source"], inputs["max_new_tokens"])}


class ToyTranslator(nn.Module):
    """An encoder-decoder made of tables: the scores of the next word from all words before it.

    Args:
        inputs: {"source table": (source words, vocab), "next table", "past table": (vocab, vocab),
            "ends": where each target ends, by its source's first word}.
        special: the ids of padding, start and end.
    """

    def __init__(self, inputs: Inputs, special: Any) -> None:
        super().__init__()
        self.inputs = inputs
        pad_id, start_id, end_id = special
        self.config = SimpleNamespace(pad_id=pad_id, start_id=start_id, end_id=end_id, max_seq=64)

    def encode(self, source: torch.Tensor) -> Any:
        """The memory and its mask."""
        memory = torch.cat([self.inputs["source table"][source], self.inputs["ends"][source]], -1)
        return memory, (source != self.config.pad_id).unsqueeze(1)

    def decode(self, target: Any, memory: Any, memory_mask: Any, cache: Any = None) -> Any:
        """(logits, weights)."""
        real = memory * memory_mask.mT
        logits = self.inputs["next table"][target] + real[..., :-1].sum(1, keepdim=True)
        logits = logits + self.inputs["past table"][target].cumsum(1)
        ends = real[:, 0, -1:] == torch.arange(1, target.shape[1] + 1)
        logits[..., [self.config.pad_id, self.config.start_id]] = -1e4
        logits[..., self.config.end_id] = torch.where(ends, 1e4, -1e3)
        return logits, []

    def new_cache(self) -> list[Any]:
        """Nothing is kept, so everything is read each time."""
        return [()]
