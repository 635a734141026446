"""Chapter 5, third part: from logits to the next token, and on."""

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.chances import improbable
from autograder.exercises import _ch05_mistakes_sampling as m
from autograder.exercises._ch05_model import tables
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import generation, sampling

Inputs = dict[str, Any]

SPREAD = 0.005
"""How far p stays from every sum of probabilities, so that rounding decides nothing."""


def _clear(logits: Tensor, p: float) -> bool:
    """Whether no token stands so near the threshold that rounding could decide."""
    sums = logits.double().softmax(-1).sort(dim=-1, descending=True).values.cumsum(-1)
    return float((sums - p).abs().min()) > SPREAD


def _chances(draw: Draw, *shape: int) -> Tensor:
    """Logits whose probabilities are far apart, in no order."""
    vocab, rows = shape[-1], (*shape[:-1], 1)
    steps = draw.uniform(*rows, low=0.4, high=0.9)  # some rows are surer than others
    ladder = torch.arange(vocab) * steps + draw.uniform(*shape, high=0.3) * steps
    order = draw.uniform(*shape).argsort(dim=-1)
    return ladder.gather(-1, order) + draw.uniform(*rows, low=-4, high=4)


# top_p_filter


def _nucleus(
    draw: Draw, shape: Iterable[int], ps: tuple[float, ...] = (0.3, 0.45, 0.6, 0.75, 0.85)
) -> Inputs:
    shape = tuple(shape)
    while True:
        logits, p = _chances(draw, *shape), draw.choice(ps)
        kept = (sampling.top_p_filter(logits, p) > -math.inf).sum(-1).flatten()
        if _clear(logits, p) and (len(kept) == 1 or len(kept.unique()) > 1):
            return {"logits": logits, "p": p}


def _crossing(draw: Draw) -> Inputs:
    """The best token alone is more than p."""
    logits = _chances(draw, draw.size(4, 7))
    best = logits.argmax()
    logits[best] += 3
    return {"logits": logits, "p": draw.choice((0.2, 0.4, 0.5))}


def _at_least_one(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    if not torch.as_tensor(observed["result"]).isfinite().any():
        return Failure("No token is left; at least the most probable one stays.", "none left")
    return None


def _reaches_p(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    chances = inputs["logits"].softmax(-1)
    kept = torch.where(observed["result"] == -math.inf, 0.0, chances).sum(-1)
    if kept.min() < inputs["p"]:
        text = f"The tokens that stay have probability {kept.min():.2f} together, and p is "
        return Failure(f"{text}{inputs['p']}.", "too few")
    return None


def _p_is_1(draw: Draw) -> Inputs:
    return {"logits": _chances(draw, 2, draw.size(4, 7)), "p": 1.0}


def _nucleus_in_float64(draw: Draw) -> Inputs:
    inputs = _nucleus(draw, draw.sizes(3, 2, 5))
    return {**inputs, "logits": inputs["logits"].double()}


def _large(draw: Draw) -> Inputs:
    """exp of these is too large for a float."""
    inputs = _nucleus(draw, (2, draw.size(5, 8)))
    return {**inputs, "logits": inputs["logits"] + 128}


top_p_filter = Exercise(
    id="top_p_filter",
    title="only what is likely enough",
    reference=sampling.top_p_filter,
    cases=(
        Case(
            "the most probable tokens that reach p together stay",
            lambda draw: _nucleus(draw, (draw.size(5, 8),)),
            holds=_reaches_p,
            trials=3,
        ),
        Case("the token that crosses the threshold stays", _crossing, holds=_at_least_one),
        Case(
            "each row is filtered by itself",
            lambda draw: _nucleus(draw, draw.sizes(2, 4, 7)),
            holds=_reaches_p,
            trials=3,
        ),
        Case("any axes in front, in float64", _nucleus_in_float64),
        Case("where p is 1 every token stays", _p_is_1, guard=True),
        Case("large logits", _large),
        Case(
            "the logits are left as they were",
            lambda draw: _nucleus(draw, (2, draw.size(5, 8))),
            probes.untouched,
            guard=True,
        ),
    ),
    hints=(
        "Sort the tokens by probability, the largest first, and walk down the list with a running "
        "sum. A token goes when those before it have reached p already.",
        "ordered, order = logits.sort(dim=-1, descending=True); cumsum of ordered.softmax(-1), "
        "minus the token's own probability, is the sum before it.",
        "Fill ordered with -math.inf where the sum before is >= p. Back to their places: "
        "torch.empty_like(logits).scatter(-1, order, ordered).",
    ),
    misconceptions=(
        Misconception(
            m.top_p_drops_the_crossing,
            "It looks as if the token that crosses the threshold is dropped, so what stays has "
            "less than p together. Look at the sum before a token, not at the sum with it.",
            also=(
                m.top_p_drops_the_crossing_but_one,
                m.top_p_drops_what_reaches_p,
                m.top_p_drops_what_reaches_p_but_one,
            ),
        ),
        Misconception(
            m.top_p_one_too_many,
            "It looks as if one token too many stays. When those before a token have reached p, it "
            "goes.",
        ),
        Misconception(
            m.top_p_left_in_order,
            "It looks as if the result is still sorted. Bring every logit back to its own place, "
            "with scatter and the order that sort gives.",
            also=(m.top_p_mask_left_in_order,),
        ),
        Misconception(
            m.top_p_from_the_rarest,
            "It looks as if the sorting begins with the least probable token. Use descending=True.",
        ),
        Misconception(
            m.top_p_without_sorting,
            "It looks as if the sum runs in the order of the ids. Sort by probability first.",
        ),
        Misconception(
            m.top_p_as_a_least_probability,
            "It looks as if each token alone must have probability p. It is the tokens that stay "
            "which must reach p, together.",
            also=(m.top_p_as_a_share_of_the_best,),
        ),
        Misconception(
            m.top_p_keeps_the_rest,
            "It looks as if p is taken for what goes. It is what stays.",
        ),
        Misconception(
            m.top_p_fills_with_zero,
            "It looks as if tokens that are out get the logit 0. That is not small: exp(0) is 1. "
            "Use -math.inf.",
        ),
        Misconception(
            m.top_p_as_probabilities,
            "It looks as if probabilities are returned. Return logits: those that stay as they "
            "were, the others -inf.",
        ),
        Misconception(
            m.top_p_sums_logits,
            "It looks as if logits are summed. Sum probabilities: a softmax comes first.",
        ),
        Misconception(
            m.top_p_over_the_batch,
            "It looks as if the sum runs over the batch (dim=0). Sort, softmax and sum along the "
            "vocabulary, dim=-1.",
        ),
    ),
    alternatives=(m.top_p_by_comparing, m.top_p_from_the_other_end, m.top_p_row_by_row),
    points=2,
    minutes=12,
    difficulty=3,
)


# next_token_distribution


def _settings(draw: Draw, top_k: bool = False, top_p: bool = False, seq: bool = False) -> Inputs:
    """A batch, and settings that make a difference wherever they come."""
    shape = draw.sizes(3 if seq else 2, 5, 8)
    temperature = draw.choice((0.4, 0.6, 1.7, 2.5))
    k = draw.size(2, 3) if top_k else None
    while True:
        logits, p = _chances(draw, *shape), draw.choice((0.35, 0.5, 0.65, 0.8)) if top_p else None
        scaled = logits / temperature
        if k is not None:
            scaled = sampling.top_k_filter(scaled, k)
        if p is None or _clear(scaled, p) and _clear(logits, p) and _clear(logits / temperature, p):
            return {"logits": logits, "temperature": temperature, "top_k": k, "top_p": p}


def _order_matters(draw: Draw) -> Inputs:
    """Settings under which top-p before top-k, or without the temperature, is something else."""
    while True:
        inputs = _settings(draw, top_k=True, top_p=True)
        logits, t, k, p = inputs.values()
        right = sampling.next_token_distribution(logits, t, k, p)
        other = sampling.top_k_filter(sampling.top_p_filter(logits / t, p), k).softmax(-1)
        late = sampling.next_token_distribution(logits, 1.0, k, p)
        k_alone = sampling.next_token_distribution(logits, t, k)
        pairs = ((right, other), (right, late), (other, k_alone))
        if all(((one > 0) != (two > 0)).any() for one, two in pairs):
            return inputs


def _one_is_a_probability(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    result = observed["result"]
    sums = result.sum(-1)
    if not (sums - 1).abs().max() < 1e-4:
        return Failure(f"Each row should sum to 1, and one sums to {sums.flatten()[0]:.3g}.", "sum")
    return None


def _tied(draw: Draw) -> Inputs:
    """Several tokens are exactly as probable as the last one that stays."""
    vocab = draw.size(6, 8)
    logits = torch.tensor([3.0, 2.0, 1.0, 1.0, 1.0, *[0.0] * (vocab - 5)])
    rows = [logits[draw.uniform(vocab).argsort()] for _ in range(3)]
    return {"logits": torch.stack(rows), "temperature": 1.0, "top_k": draw.size(3, 4)}


def _greedy(draw: Draw) -> Inputs:
    """In one row the second best is nearly as good."""
    logits = _chances(draw, *draw.sizes(2, 4, 8))
    first, second = logits[0].topk(2).indices
    logits[0, second] = logits[0, first] - 0.002
    return {"logits": logits, "temperature": 0.0}


def _low_temperature(draw: Draw) -> Inputs:
    """Logits of which exp, at this temperature, is too large for a float."""
    return {"logits": _chances(draw, *draw.sizes(2, 4, 8)) + 64, "temperature": 0.5, "top_k": 3}


def _several_temperatures(draw: Draw) -> Inputs:
    logits = _chances(draw, *draw.sizes(2, 3, 8))
    return {f"temperature {t}": {"logits": logits, "temperature": t} for t in (0.5, 1.0, 2.0)}


def _large_k(draw: Draw) -> Inputs:
    return {"logits": _chances(draw, 3, 5), "temperature": 1.5, "top_k": draw.size(6, 50)}


next_token_distribution = Exercise(
    id="next_token_distribution",
    title="what may come next, and how likely",
    reference=sampling.next_token_distribution,
    cases=(
        Case(
            "a low temperature sharpens, a high one flattens", _several_temperatures, probes.several
        ),
        Case("temperature 0: all on the most probable token", _greedy),
        Case("large logits at a low temperature", _low_temperature, holds=_one_is_a_probability),
        Case("top_k alone", lambda draw: _settings(draw, top_k=True), holds=_one_is_a_probability),
        Case("tokens as probable as the k-th stay too", _tied),
        Case("a k larger than the vocabulary keeps everything", _large_k),
        Case("top_p alone", lambda draw: _settings(draw, top_p=True), holds=_one_is_a_probability),
        Case(
            "first the temperature, then top_k, then top_p",
            _order_matters,
            holds=_one_is_a_probability,
            trials=3,
        ),
        Case("any axes in front", lambda draw: _settings(draw, top_k=True, seq=True)),
        Case(
            "the logits are left as they were",
            lambda draw: _settings(draw, top_k=True, top_p=True),
            probes.untouched,
            guard=True,
        ),
    ),
    hints=(
        "The formula from the inside out: divide by the temperature, filter by k, filter by p, and "
        "one softmax at the very end. Temperature 0 is a case of its own.",
        "For top_k: the k-th largest logit of each row is logits.topk(k).values[..., -1:]; what is "
        "smaller becomes -math.inf. Mind a k larger than the vocabulary.",
        "if temperature == 0: torch.zeros_like(logits).scatter(-1, logits.argmax(dim=-1, "
        "keepdim=True), 1.0). Else logits / temperature, then masked_fill(logits < kth, "
        "-math.inf), then top_p_filter, then softmax.",
    ),
    misconceptions=(
        Misconception(
            m.next_temperature_multiplied,
            "It looks as if the logits are multiplied by the temperature. Divide by it: a high "
            "temperature flattens.",
        ),
        Misconception(
            m.next_temperature_ignored,
            "It looks as if the temperature has no effect. Divide the logits by it, before the "
            "softmax.",
        ),
        Misconception(
            m.next_temperature_of_probabilities,
            "It looks as if probabilities are divided by the temperature. Divide the logits, "
            "before the softmax.",
        ),
        Misconception(
            m.next_temperature_last,
            "It looks as if the temperature comes after the filters. It comes first: top_p counts "
            "the probabilities at this temperature.",
        ),
        Misconception(
            m.next_top_p_first,
            "It looks as if top_p comes before top_k. First top_k; then top_p counts what is left.",
        ),
        Misconception(
            m.next_either_filter,
            "It looks as if top_p is left out where top_k is given. Both may be: first top_k, then "
            "top_p on what is left. An “if” for each, and no “else” between them.",
        ),
        Misconception(
            m.next_one_kth_for_all,
            "It looks as if all rows are compared with one and the same k-th logit. Each row has "
            "its own: keep the axes in front, and the last one with length 1, [..., -1:].",
        ),
        Misconception(
            m.next_by_exp,
            "It looks as if exp is taken of the logits as they are: of large ones it is infinite. "
            "Your softmax of chapter 2 subtracts the largest first.",
        ),
        Misconception(
            m.next_nearly_greedy,
            "It looks as if temperature 0 is taken for a small temperature. Where two tokens are "
            "nearly as probable, both get a share; at 0 the best one gets all.",
        ),
        Misconception(
            m.next_loses_the_kth,
            "It looks as if the k-th token goes too. Out is what is smaller than the k-th logit: < "
            "and not <=.",
        ),
        Misconception(
            m.next_cuts_ties,
            "It looks as if exactly k tokens stay, and the order decides between tokens that are "
            "equally probable. Compare with the k-th logit: whoever is as probable stays.",
            also=(m.next_cuts_ties_by_sorting,),
        ),
        Misconception(
            m.next_fills_with_zero,
            "It looks as if tokens that are out get the logit 0. exp(0) is 1: use -math.inf.",
        ),
        Misconception(
            m.next_not_renormalised,
            "It looks as if probabilities are set to 0 after the softmax, so a row no longer sums "
            "to 1. Filter the logits; the softmax comes last.",
        ),
        Misconception(
            m.next_over_the_batch,
            "It looks as if the softmax runs over the batch (dim=0). Each row is a distribution "
            "over the vocabulary: dim=-1.",
        ),
        Misconception(
            m.next_divides_by_zero,
            "It looks as if the logits are divided by temperature 0. Its limit is a case of its "
            "own: all probability on the most probable token.",
        ),
        Misconception(
            m.next_returns_logits,
            "It looks as if logits are returned. The last step is a softmax.",
        ),
        Misconception(
            m.next_without_top_k,
            "It looks as if top_k has no effect. Set what is smaller than the k-th logit to "
            "-math.inf.",
        ),
    ),
    alternatives=(m.next_by_probabilities, m.next_by_sorting),
    stands_on=("top_p_filter",),
    points=3,
    minutes=15,
    difficulty=3,
)


# generate

ROWS = 2000
"""Beginnings in a batch whose continuations are counted."""


def _to_continue(
    draw: Draw, new: int, seq: int = 0, max_seq: int = 30, temperature: float = 0.0
) -> Inputs:
    batch, vocab = draw.size(2, 4), draw.size(6, 9)
    ids = draw.integers(0, vocab, batch, seq or draw.size(2, 5))
    arguments = {"ids": ids, "max_new_tokens": new, "temperature": temperature}
    return {"tables": tables(draw, vocab, max_seq), "arguments": arguments}


def _outgrows(draw: Draw) -> Inputs:
    return _to_continue(draw, draw.size(6, 8), seq=4, max_seq=5)


def _many_draws(draw: Draw, **settings: Any) -> Inputs:
    """One beginning many times over, and one new token."""
    vocab, max_seq = draw.size(5, 6), 9
    while True:
        table = tables(draw, vocab, max_seq, scale=0.9)
        ids = draw.integers(0, vocab, 1, 3)
        logits = probes.TableModel(**table)(ids)[0]
        if _distinct(_suspects(logits, settings)) and _sharp(logits[-1], **settings):
            break
    arguments = {"ids": ids.repeat(ROWS, 1), "max_new_tokens": 1, **settings}
    seed = draw.seed()
    return {"tables": table, "arguments": arguments, "seed": seed, "other_seed": seed + 1}


def _suspects(logits: Tensor, settings: Inputs) -> dict[str, Tensor]:
    """The right distribution first, then those that are drawn from by mistake."""
    last = logits[-1]
    right = sampling.next_token_distribution(last, **settings)
    unfiltered = {"temperature": settings["temperature"]}
    less = {f"no {name}": {**settings, name: None} for name in settings if name != "temperature"}
    found = {
        name: sampling.next_token_distribution(last, **others) for name, others in less.items()
    }
    return {
        "right": right,
        "always the best": torch.zeros_like(right).scatter(0, right.argmax().reshape(1), 1.0),
        "no filters": sampling.next_token_distribution(last, **unfiltered),
        "no settings": last.softmax(-1),
        "the first place": sampling.next_token_distribution(logits[0], **settings),
        **found,
    }


def _distinct(suspects: dict[str, Tensor]) -> bool:
    """Far enough from the right one to be told from it (or the same by the settings)."""
    right, *others = suspects.values()
    clear = (right > 0.02) | (right == 0)
    gaps = [float((right - other).abs().max()) for other in others]
    if "no top_k" not in suspects:
        return bool(clear.all()) and all(gap > 0.12 or gap < 1e-6 for gap in gaps)
    gaps += [float((suspects["no top_k"] - suspects["no top_p"]).abs().max())]
    return bool(clear.all()) and all(gap > 0.12 for gap in gaps)


def _sharp(
    logits: Tensor, temperature: float, top_k: int | None = None, top_p: float | None = None
) -> bool:
    """Whether no token stands so near top_p that rounding could decide."""
    scaled = logits / temperature
    filtered = scaled if top_k is None else sampling.top_k_filter(scaled, top_k)
    return top_p is None or _clear(scaled, top_p) and _clear(filtered, top_p)


def _drawn_well(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    tokens = observed["draws"][:, -1]
    arguments = dict(inputs["arguments"])
    ids, _ = arguments.pop("ids"), arguments.pop("max_new_tokens")
    if not torch.equal(observed["draws"][:, :-1], ids):
        return Failure("The beginnings should come back in front of what is added.", "beginning")
    suspects = _suspects(probes.TableModel(**inputs["tables"])(ids[:1])[0], arguments)
    wrong = _unfitting(tokens, suspects["right"])
    if wrong is None:
        return None
    share = float((tokens == wrong).double().mean())
    text = f"The token {wrong} makes up {share:.3f} of the draws, and should be "
    text += f"{suspects['right'][wrong]:.3f}."
    names = [name for name, p in suspects.items() if _unfitting(tokens, p) is None]
    return Failure(text, f"frequency of {', '.join(names) or 'something else'}")


def _unfitting(tokens: Tensor, chances: Tensor) -> int | None:
    chances = chances.double() / chances.double().sum()
    counts = torch.bincount(tokens, minlength=len(chances)).tolist()
    if len(counts) > len(chances):
        return len(chances)
    wrong = (i for i, n in enumerate(counts) if improbable(n, len(tokens), float(chances[i])))
    return next(wrong, None)


def _repeatable(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    if not torch.equal(observed["draws"], observed["draws again, same seed"]):
        return Failure("The same seed gave another text.", "seed")
    if torch.equal(observed["draws"], observed["draws, another seed"]):
        return Failure("Another seed gave the same text.", "another seed")
    return None


def _two_draws(draw: Draw) -> Inputs:
    """A model that always says the same, so that two tokens in a row have nothing in common."""
    vocab = draw.size(4, 6)
    nothing = torch.zeros(vocab, vocab)
    table = {"last": nothing, "before": nothing, "place": draw.normal(1, vocab).repeat(9, 1)}
    arguments = {"ids": draw.integers(0, vocab, 500, 2), "max_new_tokens": 2}
    seed = draw.seed()
    return {"tables": table, "arguments": arguments, "seed": seed, "other_seed": seed + 1}


def _as_if_alone(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    first, second = observed["draws"][:, -2:].T
    agree = float(inputs["tables"]["place"][0].double().softmax(-1).square().sum())
    count = int((first == second).sum())
    if improbable(count, len(first), agree):
        text = f"In {count} of {len(first)} texts the second new token is the first once more, "
        return Failure(f"{text}and by chance it would be {agree * len(first):.0f}.", "same dice")
    return None


def _zero_first(draw: Draw) -> Inputs:
    """The first new token of every text is 0."""
    inputs = _to_continue(draw, 5)
    inputs["tables"]["place"][inputs["arguments"]["ids"].shape[1] - 1, 0] += 50
    return inputs


def _long_draws(draw: Draw) -> Inputs:
    inputs = _to_continue(draw, 12)
    del inputs["arguments"]["temperature"]  # 1, when nothing is said
    inputs["tables"] = {name: table * 0.3 for name, table in inputs["tables"].items()}
    seed = draw.seed()
    return inputs | {"seed": seed, "other_seed": seed + 1}


generate = Exercise(
    id="generate",
    title="write, token by token",
    reference=generation.generate,
    cases=(
        Case(
            "temperature 0 takes the best token each time",
            lambda draw: _to_continue(draw, 1),
            probes.with_model,
        ),
        Case(
            "each new token is read before the next",
            lambda draw: _to_continue(draw, 7),
            probes.with_model,
            trials=3,
        ),
        Case(
            "a text longer than the context is read from its last tokens",
            _outgrows,
            probes.with_model,
        ),
        Case(
            "nothing to add",
            lambda draw: _to_continue(draw, 0),
            probes.with_model,
            guard=True,
        ),
        Case("no token ends a text", _zero_first, probes.with_model),
        Case(
            "each token comes as often as its probability says",
            lambda draw: _many_draws(draw, temperature=draw.choice((0.5, 2.5))),
            probes.with_model,
            holds=_drawn_well,
            values=False,
        ),
        Case(
            "top_k and top_p are obeyed",
            lambda draw: _many_draws(draw, temperature=1.6, top_k=3, top_p=draw.choice((0.7, 0.8))),
            probes.with_model,
            holds=_drawn_well,
            values=False,
        ),
        Case(
            "each token is drawn anew",
            _two_draws,
            probes.with_model,
            holds=_as_if_alone,
            values=False,
        ),
        Case(
            "the same seed writes the same text, another seed another",
            _long_draws,
            probes.with_model,
            holds=_repeatable,
            values=False,
        ),
    ),
    hints=(
        "Four steps in a loop: read the text so far, take the logits of its last place, draw a "
        "token, append it.",
        "model(ids[:, -model.config.max_seq:])[:, -1] are the logits (batch, vocab) that count. "
        "torch.multinomial(probabilities, 1, generator=generator) draws one token a row, as a "
        "column.",
        "probabilities = next_token_distribution(logits, temperature, top_k, top_p); new = "
        "torch.multinomial(probabilities, 1, generator=generator); ids = torch.cat([ids, new], "
        "dim=1).",
    ),
    misconceptions=(
        Misconception(
            m.generate_the_best,
            "It looks as if the best token is taken, whatever the temperature. Draw from the "
            "probabilities: torch.multinomial.",
        ),
        Misconception(
            m.generate_from_the_first_place,
            "It looks as if the logits of the first place are used. The last place predicts what "
            "comes next: [:, -1].",
        ),
        Misconception(
            m.generate_from_the_beginning_alone,
            "It looks as if the model is asked once, before the loop. It has to read each new "
            "token before it can name the one after it.",
        ),
        Misconception(
            m.generate_only_the_new,
            "It looks as if only the new tokens are returned. Return the beginnings with them.",
        ),
        Misconception(
            m.generate_from_the_last_token,
            "It looks as if the model is shown the last token alone. Without what came before it "
            "is no better than a bigram.",
        ),
        Misconception(
            m.generate_beyond_the_context,
            "It looks as if the whole text is read, even where it is longer than the context. Show "
            "the model the last max_seq tokens.",
        ),
        Misconception(
            m.generate_from_the_first_tokens,
            "It looks as if a text that is too long is cut at its end. The last max_seq tokens "
            "matter: [:, -max_seq:].",
        ),
        Misconception(
            m.generate_loses_the_beginning,
            "It looks as if the text that is returned is cut to the context too. Cut only what the "
            "model is shown, and keep the whole text in ids.",
            also=(m.generate_ends_cut_to_the_context,),
        ),
        Misconception(
            m.generate_without_generator,
            "It looks as if the generator is not used, so no seed can repeat a text. Hand it on: "
            "generator=generator.",
        ),
        Misconception(
            m.generate_with_fixed_seed,
            "It looks as if the seed is fixed inside the function. Draw from the generator that "
            "the caller hands over.",
        ),
        Misconception(
            m.generate_without_settings,
            "It looks as if temperature, top_k and top_p are not handed on to "
            "next_token_distribution.",
        ),
        Misconception(
            m.generate_without_filters,
            "It looks as if top_k and top_p are not handed on to next_token_distribution.",
        ),
        Misconception(
            m.generate_without_top_p,
            "It looks as if top_p is not handed on to next_token_distribution.",
        ),
        Misconception(
            m.generate_without_top_k,
            "It looks as if top_k is not handed on to next_token_distribution.",
        ),
        Misconception(
            m.generate_stops_at_0,
            "It looks as if the token 0 ends the text. Nothing here says so: add max_new_tokens "
            "tokens, whichever they are.",
            also=(m.generate_stops_texts_at_0,),
        ),
        Misconception(
            m.generate_one_too_many,
            "It looks as if there is one token too many. Add exactly max_new_tokens.",
        ),
        Misconception(
            m.generate_up_to,
            "It looks as if max_new_tokens is taken for the length of the whole text. It counts "
            "the new tokens only.",
        ),
    ),
    alternatives=(m.generate_by_recursion, m.generate_by_inverse),
    stands_on=("next_token_distribution",),
    points=2,
    minutes=12,
    difficulty=3,
)
