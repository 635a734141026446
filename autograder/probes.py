"""Our few lines that run beside the learner's code and hand back named values.

A probe takes the learner's function or class and a case's inputs, and returns a dict from names
that a learner understands to values. It never compares and never scores: the judge does. The
worker imports this module, so it holds no expected value, no secret and no reference.
"""

from types import SimpleNamespace
from typing import Any

import torch
from torch import nn

Inputs = dict[str, Any]


def call(target: Any, inputs: Inputs) -> Inputs:
    """Call it with the inputs in order: {"result": …}."""
    return {"result": target(*inputs.values())}


def named(target: Any, inputs: Inputs) -> Inputs:
    """Call a function that returns several things, and name them.

    Args:
        inputs: {"arguments": {name: value}, "names": list of names for the results}.

    Returns:
        One entry a name; {"result": …} where the function did not return that many.
    """
    result = target(*inputs["arguments"].values())
    if isinstance(result, tuple | list) and len(result) == len(inputs["names"]):
        return dict(zip(inputs["names"], result, strict=True))
    return {"result": result}


def untouched(target: Any, inputs: Inputs) -> Inputs:
    """Call it, and hand back the inputs as they are afterwards."""
    target(*inputs.values())
    return {f"{name} after the call": value for name, value in inputs.items()}


def gradients(target: Any, inputs: Inputs) -> Inputs:
    """A random vector–Jacobian product: {"gradient of query": …} for each float input.

    Args:
        inputs: {"arguments": {name: value}, "cotangent_seed": int}.
    """
    arguments = _with_gradients(inputs["arguments"])
    _backward(target(*arguments.values()), inputs["cotangent_seed"])
    return _gradients_of(arguments)


def module(target: Any, inputs: Inputs) -> Inputs:
    """Construct it, load weights by name, run forward and backward.

    Args:
        inputs: {"sizes": {name: value}, "weights": {"query.weight": tensor},
            "arguments": {name: value}} and, when gradients are wanted, "cotangent_seed"; when
            the results have names, "names"; "train": True runs it in training mode. "options" are
            sizes handed over by name; a "config" in place of the sizes is handed over whole.

    Returns:
        {"output": …} or one entry a name, then "gradient of …" for inputs and parameters.
    """
    built = _build(target, inputs)
    _load(built, inputs["weights"])
    built.train(inputs.get("train", False))
    wants_gradients = "cotangent_seed" in inputs
    arguments = inputs["arguments"]
    if wants_gradients:
        arguments = _with_gradients(arguments)
    result = built(*arguments.values())
    names = inputs.get("names", ())
    if isinstance(result, tuple | list) and len(result) == len(names):
        values = dict(zip(names, result, strict=True))
    else:
        values = {"output": result}
    if wants_gradients:
        _backward(result, inputs["cotangent_seed"])
        parameters = {name: dict(built.named_parameters())[name] for name in inputs["weights"]}
        values |= _gradients_of(arguments) | _gradients_of(parameters)
    return values


def parameters(target: Any, inputs: Inputs) -> Inputs:
    """Construct it: {"parameters": {name: shape}}.

    Args:
        inputs: {"sizes": {name: value}}, or as for `module`.
    """
    built = _build(target, inputs)
    shapes = {name: tuple(value.shape) for name, value in built.named_parameters()}
    return {"parameters": dict(sorted(shapes.items()))}


def initial(target: Any, inputs: Inputs) -> Inputs:
    """Construct it under a seed: {"mean of token.weight": …, "std of token.weight": …} a parameter.

    Args:
        inputs: {"sizes": {name: value}, "seed": int}.
    """
    torch.manual_seed(inputs["seed"])
    built = _build(target, inputs)
    values: Inputs = {}
    for name, value in sorted(built.named_parameters()):
        values[f"mean of {name}"] = float(value.detach().double().mean())
        values[f"std of {name}"] = float(value.detach().double().std(unbiased=False))
    return values


def draws(target: Any, inputs: Inputs) -> Inputs:
    """Draw twice under one seed and once under another.

    Args:
        inputs: {"arguments": {name: value}, "seed": int, "other_seed": int}; the function takes a
            `torch.Generator` after its arguments.

    Returns:
        "draws", "draws again, same seed" and "draws, another seed".
    """

    def draw(seed: int) -> Any:
        generator = torch.Generator().manual_seed(seed)
        return target(*inputs["arguments"].values(), generator)

    return {
        "draws": draw(inputs["seed"]),
        "draws again, same seed": draw(inputs["seed"]),
        "draws, another seed": draw(inputs["other_seed"]),
    }


def draws_in_places(target: Any, inputs: Inputs) -> Inputs:
    """As `draws`, each list as the set of its (place, item): one of another length can be judged.

    Args:
        inputs: as for `draws`; the function returns a list of tuples.
    """
    drawn = draws(target, inputs)
    return {
        name: frozenset((place, *item) for place, item in enumerate(items))
        if isinstance(items, list | tuple)
        else items
        for name, items in drawn.items()
    }


def several(target: Any, inputs: Inputs) -> Inputs:
    """Call it once for each set of arguments: {"before": …, "after": …}.

    Args:
        inputs: {"name of the result": {argument name: value}}; for properties of several results
            together, such as "a hidden key changes nothing".
    """
    return {name: target(*arguments.values()) for name, arguments in inputs.items()}


def module_untouched(target: Any, inputs: Inputs) -> Inputs:
    """Construct it, load weights, run forward, and hand back the arguments as they are afterwards.

    Args:
        inputs: as for `module`.
    """
    module(target, inputs)
    return {f"{name} after the call": value for name, value in inputs["arguments"].items()}


def methods(target: Any, inputs: Inputs) -> Inputs:
    """Construct it, load weights, call several of its methods: {"enter": …, "leave": …}.

    Args:
        inputs: as for `module`, and {"calls": {method: names of its arguments}}.
    """
    built = _build(target, inputs)
    _load(built, inputs["weights"])
    built.train(inputs.get("train", False))
    wants_gradients = "cotangent_seed" in inputs
    arguments = inputs["arguments"]
    if wants_gradients:
        arguments = _with_gradients(arguments)
    values = {
        method: getattr(built, method)(*(arguments[name] for name in names))
        for method, names in inputs["calls"].items()
    }
    if wants_gradients:
        _backward(tuple(values.values()), inputs["cotangent_seed"])
        parameters = {name: dict(built.named_parameters())[name] for name in inputs["weights"]}
        values |= _gradients_of(arguments) | _gradients_of(parameters)
    return values


def methods_untouched(target: Any, inputs: Inputs) -> Inputs:
    """Construct it, load weights, call methods, and hand back the arguments as they are then.

    Args:
        inputs: as for `methods`.
    """
    methods(target, inputs)
    return {f"{name} after the call": value for name, value in inputs["arguments"].items()}


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
    _load(model, inputs["weights"])
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
        {"logits": …}, and with labels "loss" and "gradient of …" for head and encoder.
    """
    bert = ToyBert(**inputs["bert"])
    built = target(bert, *inputs["sizes"].values())
    if not isinstance(built, nn.Module):
        raise TypeError(f"it must be a subclass of nn.Module, and made a {type(built).__name__}")
    _load(built, inputs["weights"])
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
    return values


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
        tables = torch.randn(4, max(vocab, 32), vocab, generator=generator)
        self.token, self.around, self.place, self.segment = tables * 1.5

    def forward(self, ids: Any, segments: Any = None, real: Any = None) -> tuple[Any, Any]:
        segments = torch.zeros_like(ids) if segments is None else segments
        logits = self.token[ids] + self.place[torch.arange(ids.shape[1])] + self.segment[segments]
        logits = logits + self.around[ids].sum(dim=1, keepdim=True)
        return logits, logits[:, 0, :2]


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
            weight.data.normal_(0, 0.5, generator=generator)

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


def rows_of_words(target: Any, inputs: Inputs) -> Inputs:
    """Call it for a mask (batch, seq, seq); what padding sees is blanked out, as it never counts.

    Returns:
        {"mask": …, "every row sees something": bool}.
    """
    mask, real = target(*inputs.values()), inputs["ids"] != inputs.get("pad_id", 0)
    if not isinstance(mask, torch.Tensor) or mask.shape != (*real.shape, real.shape[1]):
        return {"mask": mask, "every row sees something": True}
    seen = bool(mask.bool().any(dim=-1).all())
    return {"mask": mask * real.unsqueeze(-1), "every row sees something": seen}


class ToyTranslator(nn.Module):
    """An encoder-decoder made of tables: the scores of the next word from all words before it.

    Args:
        inputs: {"source table": (source words, vocab), "next table", "past table": (vocab, vocab),
            "ends": where each target ends, by its source's first word; 0, 1, 2 are padding, start
            and end}.
    """

    def __init__(self, inputs: Inputs) -> None:
        super().__init__()
        self.inputs = inputs
        self.config = SimpleNamespace(pad_id=0, start_id=1, end_id=2, max_seq=64)

    def encode(self, source: torch.Tensor) -> Any:
        """The memory and its mask."""
        memory = torch.cat([self.inputs["source table"][source], self.inputs["ends"][source]], -1)
        return memory, (source != 0).unsqueeze(1)

    def decode(self, target: Any, memory: Any, memory_mask: Any, cache: Any = None) -> Any:
        """(logits, weights)."""
        real = memory * memory_mask.mT
        logits = self.inputs["next table"][target] + real[..., :-1].sum(1, keepdim=True)
        logits = logits + self.inputs["past table"][target].cumsum(1)
        ends = real[:, 0, -1:] == torch.arange(1, target.shape[1] + 1)
        logits[..., :2] = -1e4
        logits[..., 2] = torch.where(ends, 1e4, -1e3)
        return logits, []

    def new_cache(self) -> list[Any]:
        """Nothing is kept, so everything is read each time."""
        return [()]


def translation(target: Any, inputs: Inputs) -> Inputs:
    """Let it write with a `ToyTranslator`: {"result": …}.

    Args:
        inputs: {"tables": of the toy, "source": ids, "max_new_tokens": int}.
    """
    toy = ToyTranslator(inputs["tables"]).eval()
    return {"result": target(toy, inputs["source"], inputs["max_new_tokens"])}


def searched(target: Any, inputs: Inputs) -> Inputs:
    """Let it search among texts whose log-probabilities come from tables.

    Args:
        inputs: {"next table", "past table": (vocab, vocab), "place table": (places, vocab),
            "arguments": what comes after the function}.

    Returns:
        {"texts": …, "scores": …}; {"result": …} where it returned no list of pairs.
    """

    def next_log_probabilities(ids: Any) -> torch.Tensor:
        ids = torch.as_tensor(ids).flatten()
        logits = inputs["next table"][ids[-1]] + inputs["past table"][ids].sum(0)
        return (logits + inputs["place table"][len(ids) - 1]).log_softmax(-1)

    found = target(next_log_probabilities, *inputs["arguments"].values())
    if isinstance(found, list | tuple) and all(
        isinstance(pair, list | tuple) and len(pair) == 2 for pair in found
    ):
        return {"texts": [text for text, _ in found], "scores": [score for _, score in found]}
    return {"result": found}


def errors(target: Any, inputs: Inputs) -> Inputs:
    """Call it once for each set of arguments, and say how it refuses: {"k = 7": "ValueError"}.

    Args:
        inputs: as for `several`; where nothing is raised, the value is "nothing is raised".
    """
    values: Inputs = {}
    for name, arguments in inputs.items():
        values[name] = "nothing is raised"
        try:
            target(*arguments.values())
        except NotImplementedError:
            raise
        except Exception as error:
            values[name] = type(error).__name__
    return values


def embedding(target: Any, inputs: Inputs) -> Inputs:
    """Hand it a small encoder of ours, and note how that was called.

    Args:
        inputs: {"passages": list of texts, "batch_size": int}, without the latter for the default.

    Returns:
        {"vectors": …, "texts at a time": how many in each call, "gradients are kept": bool}.
    """
    at_a_time: list[int] = []
    scale = torch.ones(3, requires_grad=True)

    def encode(texts: Any) -> torch.Tensor:
        if isinstance(texts, str):
            raise TypeError("encode takes a list of texts, got one text")
        at_a_time.append(len(texts))
        rows = [[len(text), text.count("a"), sum(map(ord, text)) % 97] for text in texts]
        return torch.tensor(rows, dtype=torch.float32).reshape(len(texts), 3) * scale

    vectors = target(encode, *inputs.values())
    kept = isinstance(vectors, torch.Tensor) and vectors.requires_grad
    return {"vectors": vectors, "texts at a time": at_a_time, "gradients are kept": kept}


def low_rank(target: Any, inputs: Inputs) -> Inputs:
    """Construct a low-rank layer on a linear layer of ours, load A and B, forward and backward.

    Args:
        inputs: {"layer": {"weight": tensor, "bias": tensor, if any}, "sizes": {"rank", "alpha"},
            "weights": {"A", "B"}, "x": tensor} and, when gradients are wanted, "cotangent_seed".

    Returns:
        {"output": …}, then "gradient of …" for x, A and B.
    """
    built = _low_rank(target, inputs)
    _load(built, inputs["weights"])
    if "cotangent_seed" not in inputs:
        return {"output": built(inputs["x"])}
    arguments = _with_gradients({"x": inputs["x"]})
    output = built(arguments["x"])
    _backward(output, inputs["cotangent_seed"])
    own = {name: dict(built.named_parameters())[name] for name in inputs["weights"]}
    return {"output": output} | _gradients_of(arguments) | _gradients_of(own)


def low_rank_start(target: Any, inputs: Inputs) -> Inputs:
    """Construct a low-rank layer as for `low_rank`, and look at it before anything is learned.

    Returns:
        "change of the output", "largest number of A", "largest number of B", and "B can learn":
        whether a first backward gives B a gradient other than 0.
    """
    built = _low_rank(target, inputs)
    layer = {name: value.clone() for name, value in inputs["layer"].items()}
    expected = nn.functional.linear(inputs["x"], layer["weight"], layer.get("bias"))
    output = built(inputs["x"])
    output.square().sum().backward()
    own = dict(built.named_parameters())
    return {
        "change of the output": (output - expected).abs().max().item(),
        "largest number of A": own["A"].abs().max().item(),
        "largest number of B": own["B"].abs().max().item(),
        "B can learn": own["B"].grad is not None and bool(own["B"].grad.abs().max() > 0),
    }


def low_rank_parameters(target: Any, inputs: Inputs) -> Inputs:
    """Construct a low-rank layer as for `low_rank`: the shapes of what is trained, by name."""
    built = _low_rank(target, inputs)
    found = sorted((n, tuple(p.shape)) for n, p in built.named_parameters() if p.requires_grad)
    return {"trained": dict(found)}


def _low_rank(target: Any, inputs: Inputs) -> nn.Module:
    weight, bias = inputs["layer"]["weight"], inputs["layer"].get("bias")
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    built = target(layer, *inputs["sizes"].values())
    if not isinstance(built, nn.Module):
        raise TypeError(f"it must be a subclass of nn.Module, and made a {type(built).__name__}")
    return built


def _build(target: Any, inputs: Inputs) -> nn.Module:
    if "config" in inputs:
        built = target(SimpleNamespace(**inputs["config"]))
    else:
        built = target(*inputs["sizes"].values(), **inputs.get("options", {}))
    if not isinstance(built, nn.Module):
        raise TypeError(f"it must be a subclass of nn.Module, and made a {type(built).__name__}")
    return built


def _load(built: nn.Module, weights: Inputs) -> None:
    own = dict(built.named_parameters())
    for name, value in weights.items():
        if name not in own:
            has = ", ".join(sorted(own)) or "none"
            raise AttributeError(f"there is no parameter named {name!r}; your class has: {has}")
        if own[name].shape != value.shape:
            expected, got = tuple(value.shape), tuple(own[name].shape)
            raise ValueError(f"parameter {name!r} must have shape {expected}, yours has {got}")
        own[name].data.copy_(value)


def _with_gradients(arguments: Inputs) -> Inputs:
    return {
        name: value.clone().requires_grad_()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
        else value
        for name, value in arguments.items()
    }


def _backward(result: Any, seed: int) -> None:
    results = result if isinstance(result, tuple | list) else (result,)
    generator = torch.Generator().manual_seed(seed)
    total: Any = 0.0
    for value in results:
        if isinstance(value, torch.Tensor) and value.is_floating_point():
            cotangent = torch.randn(value.shape, generator=generator, dtype=torch.float32)
            total = total + (value * cotangent.to(value)).sum()
    if not isinstance(total, torch.Tensor) or not total.requires_grad:
        raise RuntimeError("no gradient flows from the result back to the inputs or parameters")
    total.backward()


def _gradients_of(values: Inputs) -> Inputs:
    return {
        f"gradient of {name}": value.grad
        for name, value in values.items()
        if isinstance(value, torch.Tensor) and value.is_floating_point()
    }
