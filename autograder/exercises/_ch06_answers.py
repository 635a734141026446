"""Chapter 6, last part: the answer to a question as a span of a passage."""

import math
from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.exercises import _ch06_mistakes_answers as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import heads

Inputs = dict[str, Any]


def _passages(draw: Draw, batch: int, seq: int) -> Tensor:
    """Bool (batch, seq): a question in front, then a passage of at least two words, padding."""
    first = draw.integers(1, seq - 3, batch, 1)
    last = first + 1 + (draw.uniform(batch, 1) * (seq - 2 - first)).long()
    places = torch.arange(seq)
    return (places >= first) & (places <= last)


# SpanHead


def _head(draw: Draw, allowed: bool = False, gradients: bool = False) -> Inputs:
    batch, seq, d_model = draw.sizes(3, 5, 9)
    inputs: Inputs = {
        "sizes": {"d_model": d_model},
        "weights": {"dense.weight": draw.normal(2, d_model), "dense.bias": draw.normal(2)},
        "arguments": {"hidden": draw.normal(batch, seq, d_model)},
        "names": ["start_logits", "end_logits"],
    }
    if allowed:
        inputs["arguments"]["allowed"] = _passages(draw, batch, seq)
    return inputs | {"cotangent_seed": draw.seed()} if gradients else inputs


def _head_of_one_text(draw: Draw) -> Inputs:
    inputs = _head(draw)
    return inputs | {"arguments": {"hidden": inputs["arguments"]["hidden"][:1]}}


def _square_head(draw: Draw) -> Inputs:
    """seq and d_model are 2 as well, like the two scores."""
    inputs = _head(draw)
    inputs["sizes"] = {"d_model": 2}
    inputs["weights"] = {"dense.weight": draw.normal(2, 2), "dense.bias": draw.normal(2)}
    inputs["arguments"] = {"hidden": draw.normal(2, 2, 2)}
    return inputs


def _outside(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    allowed = inputs["arguments"]["allowed"]
    for name, logits in observed.items():
        outside = logits[~allowed]
        if not (outside == -math.inf).all():
            worst = outside.amax()
            return Failure(f"Outside the passage there is {worst:.3g} in the {name}.", "outside")
    return None


span_head = Exercise(
    id="SpanHead",
    title="where does the answer start, and end?",
    reference=heads.SpanHead,
    cases=(
        Case("two scores for each token", _head, probes.module, trials=3),
        Case(
            "outside the passage the scores are minus infinity",
            lambda draw: _head(draw, allowed=True),
            probes.module,
            holds=_outside,
            trials=3,
        ),
        Case("two texts of two tokens", _square_head, probes.module),
        Case("a single text", _head_of_one_text, probes.module),
        Case(
            "in training, gradients reach the vectors and the layer",
            lambda draw: _head(draw, gradients=True) | {"train": True},
            probes.module,
        ),
        Case(
            "one layer, dense, with two rows",
            lambda draw: {"sizes": {"d_model": draw.size(3, 9)}},
            probes.parameters,
            guard=True,
        ),
        Case(
            "vectors and mask are left as they were",
            lambda draw: _head(draw, allowed=True),
            probes.module_untouched,
            guard=True,
        ),
    ),
    hints=(
        "The same layer looks at every token and gives it two numbers. What remains is to take the "
        "two apart, and to rule out what lies outside the passage.",
        "nn.Linear(d_model, 2) gives (batch, seq, 2). The first of the last axis is the start, the "
        "second the end: logits[..., 0] and logits[..., 1], or logits.unbind(dim=-1).",
        "When allowed is not None: logits = logits.masked_fill(~allowed.unsqueeze(-1), -math.inf). "
        "Then return start, end.",
    ),
    misconceptions=(
        Misconception(
            m.SpanHeadInverted,
            "It looks as if the passage is ruled out, and the rest allowed. True means that an "
            "answer may lie there: fill where it is False, ~allowed.",
        ),
        Misconception(
            m.SpanHeadAnywhere,
            "It looks as if allowed is not used, so that an answer may lie in the question or in "
            "the padding. Give these places the score minus infinity.",
        ),
        Misconception(
            m.SpanHeadMultiplied,
            "It looks as if the mask is multiplied. A score of 0 can still be the best, when all "
            "others are negative; it has to be minus infinity.",
        ),
        Misconception(
            m.SpanHeadMaskedBefore,
            "It looks as if the vectors are masked, before the layer. It then makes some other "
            "score of them, its bias or nan: mask the scores.",
            also=(m.SpanHeadMaskedBeforeByInfinity,),
        ),
        Misconception(
            m.SpanHeadTimesInfinity,
            "It looks as if minus infinity is multiplied by a mask. 0 times infinity is nan: put "
            "it in its places with masked_fill.",
        ),
        Misconception(
            m.SpanHeadWithABillion,
            "It looks as if a very negative number stands for minus infinity. Take -math.inf: then "
            "the probability is exactly 0, whatever the other scores are.",
            also=(m.SpanHeadWithTenThousand, m.SpanHeadWithTheSmallest),
        ),
        Misconception(
            m.SpanHeadMasksStartOnly,
            "It looks as if only one of the two ends is ruled out outside the passage. Mask both.",
            also=(m.SpanHeadMasksEndOnly,),
        ),
        Misconception(
            m.SpanHeadExchanged,
            "It looks as if start and end are exchanged. Row 0 of the layer is the start, row 1 "
            "the end.",
        ),
        Misconception(
            m.SpanHeadCutWrongly,
            "It looks as if a reshape takes the scores apart, and mixes the tokens up. The two "
            "scores of a token stand side by side on the last axis: unbind(dim=-1).",
        ),
        Misconception(
            m.SpanHeadWithSoftmax,
            "It looks as if there is a softmax. The head gives logits; the loss takes the softmax "
            "itself, over the places.",
            also=(m.SpanHeadWithSoftmaxOfTwo,),
        ),
        Misconception(
            m.SpanHeadUnparted,
            "It looks as if one tensor is returned. Return two, start and end, (batch, seq) each.",
        ),
        Misconception(
            m.SpanHeadKeepsAnAxis,
            "It looks as if the two scores keep an axis of length 1. Each is (batch, seq): take "
            "logits[..., 0] and logits[..., 1].",
            also=(m.SpanHeadKeepsAnAxisOfBoth,),
        ),
        Misconception(
            m.SpanHeadSqueezed,
            "It looks as if squeeze() takes away the axis of a single text as well. Say which axis "
            "goes, squeeze(-1), or take logits[..., 0] and logits[..., 1].",
            also=(m.SpanHeadSqueezedBeforeTheMask,),
        ),
        Misconception(
            m.SpanHeadOfTwoTexts,
            "It looks as if the scores of the first two texts are returned. Start and end stand on "
            "the last axis: logits[..., 0] and logits[..., 1].",
        ),
        Misconception(
            m.SpanHeadOfTwoLayers,
            "It looks as if there are two layers. Make one with two rows, self.dense = "
            "nn.Linear(d_model, 2): the check loads its weights by that name.",
        ),
    ),
    alternatives=(m.SpanHeadByWhere, m.SpanHeadByHand),
    points=2,
    minutes=10,
    difficulty=2,
)


# span_loss


def _answers(draw: Draw, passages: bool = False, same: bool = False, scale: float = 1.5) -> Inputs:
    batch, seq = draw.sizes(2, 4, 9)
    if same:
        batch = seq = draw.size(5, 8)
    start, end = draw.normal(batch, seq, scale=scale), draw.normal(batch, seq, scale=scale)
    starts = draw.integers(0, seq - 1, batch)
    ends = starts + 1
    if passages:
        allowed = _passages(draw, batch, max(seq, 5))[:, :seq]
        allowed[:, :2] |= ~allowed.any(1, keepdim=True)
        start, end = (part.masked_fill(~allowed, -math.inf) for part in (start, end))
        starts = allowed.long().argmax(1)
        ends = seq - 1 - allowed.flip(1).long().argmax(1)
    return {"start_logits": start, "end_logits": end, "starts": starts, "ends": ends}


def _sure_and_wrong(draw: Draw) -> Inputs:
    return _answers(draw, scale=200.0)


def _in_float64(draw: Draw) -> Inputs:
    inputs = _answers(draw)
    return {
        name: value.double() if value.is_floating_point() else value
        for name, value in inputs.items()
    }


span_loss = Exercise(
    id="span_loss",
    title="two right places at once",
    reference=heads.span_loss,
    cases=(
        Case("the mean of two cross-entropies", _answers, trials=3),
        Case(
            "with places that are ruled out", lambda draw: _answers(draw, passages=True), trials=3
        ),
        Case("as many texts as places", lambda draw: _answers(draw, same=True)),
        Case("huge logits", _sure_and_wrong),
        Case("in float64", _in_float64),
        Case(
            "gradients flow back to both",
            lambda draw: {"arguments": _answers(draw), "cotangent_seed": draw.seed()},
            probes.gradients,
        ),
        Case("logits are left as they were", _answers, probes.untouched, guard=True),
    ),
    hints=(
        "To find the start is to choose one of seq places: a classification, with the places as "
        "classes. So is the end.",
        "cross_entropy(start_logits, starts) is the loss of the starts, averaged over the texts "
        "already. There is another one like it.",
        "Add the two losses and divide by 2.",
    ),
    misconceptions=(
        Misconception(
            m.span_loss_summed,
            "It looks as if the two losses are added. Take their mean: divide by 2.",
        ),
        Misconception(
            m.span_loss_of_starts,
            "It looks as if only one end of the answer counts. Both do: the loss of the starts and "
            "the loss of the ends.",
            also=(m.span_loss_of_ends, m.span_loss_of_half_the_starts),
        ),
        Misconception(
            m.span_loss_of_starts_twice,
            "It looks as if the end logits are compared with starts. They belong with ends.",
        ),
        Misconception(
            m.span_loss_exchanged,
            "It looks as if starts and ends are exchanged.",
        ),
        Misconception(
            m.span_loss_by_starts_alone,
            "It looks as if the ends are looked for in start_logits. They have logits of their "
            "own, end_logits.",
        ),
        Misconception(
            m.span_loss_half_of_the_ends,
            "It looks as if only one of the two losses is halved. Put their sum in brackets, then "
            "divide it by 2.",
            also=(m.span_loss_half_of_the_starts,),
        ),
        Misconception(
            m.span_loss_of_all_places,
            "It looks as if every text is asked for the places of all texts: [:, starts] is "
            "(batch, batch). Each text has its own: [torch.arange(batch), starts].",
        ),
        Misconception(
            m.span_loss_of_probabilities,
            "It looks as if the logarithm is missing: probabilities are averaged. Their logarithms "
            "are, with a minus.",
            also=(m.span_loss_of_what_is_missing,),
        ),
        Misconception(
            m.span_loss_after_softmax,
            "It looks as if there is a softmax before the cross-entropy, which takes one itself. "
            "Give it the logits.",
        ),
        Misconception(
            m.span_loss_after_log_softmax_over_batch,
            "It looks as if the softmax runs over the texts of the batch. The places of one text "
            "compete with each other: the last axis.",
        ),
        Misconception(
            m.span_loss_over_the_batch,
            "It looks as if the losses of the texts are added. Take the mean over the batch.",
        ),
        Misconception(
            m.span_loss_per_text,
            "It looks as if there is one loss per text. Take the mean over the batch: one number.",
        ),
        Misconception(
            m.span_loss_without_minus,
            "It looks as if the sign is wrong: the loss falls when the answer gets worse.",
        ),
        Misconception(
            m.span_loss_zero_times_infinity,
            "It looks as if log-probabilities are multiplied by ones and zeros. Outside the "
            "passage that is 0 times infinity, which is nan. Pick the right places with gather, "
            "or use cross_entropy.",
            also=(m.span_loss_zero_times_log_of_zero,),
        ),
        Misconception(
            m.span_loss_of_the_pair_of_logits,
            "It looks as if start and end logits are added before the loss. Each has its own: the "
            "starts by start_logits, the ends by end_logits.",
        ),
    ),
    alternatives=(m.span_loss_by_gathering, m.span_loss_in_one_batch),
    points=2,
    minutes=8,
    difficulty=2,
)


# best_span


def _logits(draw: Draw, limit: bool = False, below: bool = False) -> Inputs:
    batch, seq = draw.size(14, 18), draw.size(6, 9)
    start, end = draw.normal(batch, seq, scale=2), draw.normal(batch, seq, scale=2)
    if below:
        start, end = start - 20, end - 20
    inputs: Inputs = {"start_logits": start, "end_logits": end}
    return inputs | {"max_length": draw.size(2, 3)} if limit else inputs


def _crossed(draw: Draw, height: float = 7.0) -> Inputs:
    """In every text, the best end stands before the best start."""
    inputs = _logits(draw)
    rows = torch.arange(len(inputs["start_logits"]))
    seq = inputs["start_logits"].shape[1]
    first = draw.integers(0, seq - 2, len(rows))
    inputs["end_logits"][rows, first] = height + draw.uniform(len(rows))
    inputs["start_logits"][rows, first + 2] = height + draw.uniform(len(rows))
    return inputs


def _in_passages(draw: Draw) -> Inputs:
    inputs = _logits(draw, limit=True)
    allowed = _passages(draw, *inputs["start_logits"].shape)
    for name in ("start_logits", "end_logits"):
        inputs[name] = inputs[name].masked_fill(~allowed, -math.inf)
    return inputs


def _one_token(draw: Draw) -> Inputs:
    return _logits(draw) | {"max_length": 1}


def _single(draw: Draw) -> Inputs:
    return {name: logits[:1] for name, logits in _logits(draw).items()}


def _limits(draw: Draw) -> Inputs:
    """The best answer is the whole text, which only the first of the limits forbids."""
    inputs = _logits(draw)
    seq = inputs["start_logits"].shape[1]
    inputs["start_logits"][:, 0] += 20
    inputs["end_logits"][:, -1] += 20
    limits = {"one less than": seq - 1, "as long as": seq, "more than": seq + 3}
    return {f"{words} the text": inputs | {"max_length": n} for words, n in limits.items()}


def _long_passage(draw: Draw) -> Inputs:
    """Ever better starts, ever worse ends: the twenty best of each do not meet."""
    batch, seq = draw.size(3, 5), draw.size(50, 60)
    slope = torch.arange(seq)
    start, end = draw.normal(batch, seq) + slope, draw.normal(batch, seq) - slope
    start[torch.arange(batch), draw.integers(2, 12, batch)] += 9  # no other comes near
    return {"start_logits": start, "end_logits": end}


def _ends_before_start(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    arguments = inputs["arguments"]
    start, end = observed["start"], observed["end"]
    if (end < start).any():
        row = int((end < start).nonzero()[0])
        text = f"One answer starts at {int(start[row])} and ends at {int(end[row])}."
        return Failure(text, "crossed")
    longest = arguments.get("max_length")
    if longest is not None and (end - start >= longest).any():
        length = int((end - start).amax()) + 1
        return Failure(f"One answer has {length} tokens, and {longest} are allowed.", "long")
    return None


def _span(make: Any) -> Any:
    return lambda draw: {"arguments": make(draw), "names": ["start", "end"]}


best_span = Exercise(
    id="best_span",
    title="the best answer that can be one",
    reference=heads.best_span,
    cases=(
        Case("the best pair of a start and an end", _span(_logits), probes.named),
        Case(
            "where the best end stands before the best start",
            _span(_crossed),
            probes.named,
            holds=_ends_before_start,
        ),
        Case(
            "no answer is longer than max_length",
            _span(lambda draw: _logits(draw, limit=True)),
            probes.named,
            holds=_ends_before_start,
        ),
        Case("answers of one token", _span(_one_token), probes.named, holds=_ends_before_start),
        Case("answers inside their passages", _span(_in_passages), probes.named),
        Case(
            "where all scores are negative",
            _span(lambda draw: _logits(draw, limit=True, below=True)),
            probes.named,
        ),
        Case("a single text", _span(_single), probes.named),
        Case("a limit near the length of the text", _limits, probes.several),
        Case("a long passage", _span(_long_passage), probes.named),
        Case("huge logits", _span(lambda draw: _crossed(draw, height=300.0)), probes.named),
        Case("logits are left as they were", _in_passages, probes.untouched, guard=True),
    ),
    hints=(
        "Write the sums start + end of one text as a table, starts down and ends across. Which "
        "corner of the table holds the pairs that end before they start?",
        "start_logits.unsqueeze(-1) + end_logits.unsqueeze(-2) is that table, (batch, seq, seq). "
        "Legal is end >= start (triu) and end - start < max_length (tril(max_length - 1)).",
        "Fill what is not legal with -math.inf, flatten(-2) the table, argmax(dim=-1): best // seq "
        "is the start, best % seq the end.",
    ),
    misconceptions=(
        Misconception(
            m.span_of_both_alone,
            "It looks as if start and end are chosen each alone, and so an answer may end before "
            "it starts. Choose the pair: the largest start + end of all pairs with start <= end.",
            also=(m.span_limit_without_order,),
        ),
        Misconception(
            m.span_put_in_order,
            "It looks as if start and end are exchanged when they come in the wrong order. That "
            "is another pair of scores, which nobody has compared. Look at all legal pairs.",
        ),
        Misconception(
            m.span_start_first,
            "It looks as if the best start is taken first, and then the best end after it. A "
            "slightly worse start may have a far better end: compare the sums of all legal pairs.",
            also=(m.span_end_first, m.span_end_cut_back),
        ),
        Misconception(
            m.span_of_any_length,
            "It looks as if max_length is not used. An answer has at most that many tokens: end - "
            "start < max_length.",
        ),
        Misconception(
            m.span_one_token_longer,
            "It looks as if answers may have one token too many. From start to end there are end - "
            "start + 1 tokens.",
        ),
        Misconception(
            m.span_one_token_shorter,
            "It looks as if answers have to be shorter than max_length. They may have just as many "
            "tokens: end - start + 1 of them.",
        ),
        Misconception(
            m.span_of_the_lower_triangle,
            "It looks as if the pairs below the diagonal are kept, which end before they start. "
            "The legal ones lie above it and on it.",
        ),
        Misconception(
            m.span_with_rows_for_columns,
            "It looks as if row and column are exchanged when the number is taken apart. Starts go "
            "down the table: number // seq is the start, number % seq the end.",
        ),
        Misconception(
            m.span_divided_as_floats,
            "It looks as if / is at work, which gives a float. The row is a whole number: //.",
        ),
        Misconception(
            m.span_better_than_zero,
            "It looks as if a pair has to beat the score 0 to be chosen. All scores may be "
            "negative: begin with -math.inf.",
        ),
        Misconception(
            m.span_of_two_or_more,
            "It looks as if an answer needs at least two tokens. It may start and end at the same "
            "one.",
        ),
        Misconception(
            m.span_end_outside,
            "It looks as if the end is the place after the answer. Here it is the answer's last "
            "token.",
        ),
        Misconception(
            m.span_of_products,
            "It looks as if the scores are multiplied. Probabilities would be; logits are added, "
            "as logarithms are.",
        ),
        Misconception(
            m.span_of_probabilities,
            "It looks as if probabilities are multiplied. Where logits are far apart these round "
            "to 0, and cannot be compared any more: add the logits.",
            also=(m.span_of_exponentials,),
        ),
        Misconception(
            m.span_of_the_best_few,
            "It looks as if only the few best starts and ends are tried. They need not form a "
            "legal pair: all starts and ends take part.",
        ),
        Misconception(
            m.span_with_texts_squeezed,
            "It looks as if squeeze() takes away the axis of a single text. Start and end are "
            "always (batch,).",
        ),
        Misconception(
            m.span_masked_by_zero,
            "It looks as if illegal pairs get the score 0. That beats every negative score; it has "
            "to be minus infinity.",
        ),
        Misconception(
            m.span_of_reversed_pairs,
            "It looks as if start and end logits are exchanged. Starts go down the table "
            "(unsqueeze(-1)), ends across (unsqueeze(-2)).",
        ),
        Misconception(
            m.span_of_the_whole_batch,
            "It looks as if one answer is found for the whole batch. Each text has its own: "
            "flatten the last two axes only, and argmax over dim=-1.",
            also=(m.span_of_the_whole_batch_as_one,),
        ),
    ),
    alternatives=(m.span_pair_by_pair, m.span_for_each_start),
    points=3,
    minutes=15,
    difficulty=3,
)
