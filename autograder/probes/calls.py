"""Probes that call a function: once, several times, twice under one seed, with its gradients."""

from typing import Any

import torch

from autograder.probes.weights import Inputs, backward, gradients_of, with_gradients


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


def several(target: Any, inputs: Inputs) -> Inputs:
    """Call it once for each set of arguments: {"before": …, "after": …}.

    Args:
        inputs: {"name of the result": {argument name: value}}; for properties of several results
            together, such as "a hidden key changes nothing".
    """
    return {name: target(*arguments.values()) for name, arguments in inputs.items()}


def untouched(target: Any, inputs: Inputs) -> Inputs:
    """Call it, and hand back the inputs as they are afterwards."""
    target(*inputs.values())
    return {f"{name} after the call": value for name, value in inputs.items()}


def beside(target: Any, inputs: Inputs) -> Inputs:
    """Call it while new tensors are made on another device, unless a device is named.

    Returns:
        {"it lies where the inputs lie": bool}.
    """
    first = next(value for value in inputs.values() if isinstance(value, torch.Tensor))
    with torch.device("meta"):  # every machine has it, and it holds no numbers
        result = target(*inputs.values())
    lies = isinstance(result, torch.Tensor) and result.device == first.device
    return {"it lies where the inputs lie": lies}


def gradients(target: Any, inputs: Inputs) -> Inputs:
    """A random vector–Jacobian product: {"gradient of query": …} for each float input.

    Args:
        inputs: {"arguments": {name: value}, "cotangent_seed": int}.
    """
    arguments = with_gradients(inputs["arguments"])
    backward(target(*arguments.values()), inputs["cotangent_seed"])
    return gradients_of(arguments)


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


def draws_on(target: Any, inputs: Inputs) -> Inputs:
    """Draw twice from one generator, and twice from torch's own.

    Args:
        inputs: as for `draws`.

    Returns:
        "draws", "the next draws", "draws of its own" and "the next of its own".
    """
    arguments = tuple(inputs["arguments"].values())
    generator = torch.Generator().manual_seed(inputs["seed"])
    return {
        "draws": target(*arguments, generator),
        "the next draws": target(*arguments, generator),
        "draws of its own": target(*arguments),
        "the next of its own": target(*arguments),
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


def embedding(target: Any, inputs: Inputs) -> Inputs:
    """Hand it a small encoder of ours, and note how that was called.

    Args:
        inputs: {"passages": list of texts, "batch_size": int}, without the latter for the default.

    Returns:
        {"vectors": …, "texts at a time": how many in each call, "gradients are kept": bool,
        "gradients stay off": whether nothing that comes later could be trained}.
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
    return {
        "vectors": vectors,
        "texts at a time": at_a_time,
        "gradients are kept": kept,
        "gradients stay off": not torch.is_grad_enabled(),
    }


def embedding_untouched(target: Any, inputs: Inputs) -> Inputs:
    """As `embedding`, and hand back the passages as they are afterwards."""
    embedding(target, inputs)
    return {"passages after the call": inputs["passages"]}


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
