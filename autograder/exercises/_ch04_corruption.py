"""Chapter 4, third part: the text with holes.

What is random (which places are chosen) is judged by what must hold of every draw and by exact
tests; what is done with the draw is judged value by value.
"""

from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.chances import improbable
from autograder.exercises import _ch04_mistakes_draws as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import masking

Inputs = dict[str, Any]

# choose_positions

RATES = (0.12, 0.25, 0.32)


def badly_chosen(
    chosen: Tensor, ids: Tensor, special_ids: list[int], rate: float
) -> Failure | None:
    """What says that this is not each ordinary token with this probability, on its own."""
    special = torch.isin(ids, torch.tensor(special_ids))
    if chosen[special].any():
        kinds = sorted({int(index) for index in ids[special & chosen]})
        every = "all" if len(kinds) == len(set(special_ids)) else "some"
        return Failure(f"The special token {kinds[0]} was chosen.", f"special: {every}")
    n, count = int((~special).sum()), int(chosen.sum())
    if improbable(count, n, rate):
        text = f"{count} of {n} ordinary tokens were chosen, and the rate is {rate}."
        known = {"the rest": 1 - rate, "none": 0.0, "all": 1.0, "15 %": 0.15}
        known["bell"] = float(torch.special.ndtr(torch.tensor(rate)))
        fits = [name for name, share in known.items() if not improbable(count, n, share)]
        return Failure(text, f"share: {', '.join(fits) or 'other'}")
    return _dependent(chosen, ~special, rate)


def _dependent(chosen: Tensor, ordinary: Tensor, rate: float) -> Failure | None:
    """Whether neighbours in a row or in a column share their fate too often or too rarely."""
    agree = rate**2 + (1 - rate) ** 2
    for axis, name in ((1, "row"), (0, "column")):
        size = chosen.shape[axis] // 2 * 2
        both = ordinary.narrow(axis, 0, size).unflatten(axis, (-1, 2)).all(axis + 1)
        pairs = chosen.narrow(axis, 0, size).unflatten(axis, (-1, 2))
        same = (pairs.select(axis + 1, 0) == pairs.select(axis + 1, 1))[both]
        if improbable(int(same.sum()), same.numel(), agree):
            return Failure(f"Tokens in one {name} share one fate.", f"dependent {name}")
    return None


def _batch(draw: Draw, special_ids: list[int], rows: int = 0) -> Tensor:
    """Rows of one length that begin and end with special tokens, padded to one length."""
    rows, seq = rows or draw.size(70, 80), draw.size(30, 36)
    ordinary = torch.tensor([index for index in range(90) if index not in special_ids])
    ids = ordinary[draw.integers(0, len(ordinary), rows, seq)]
    ids[:, 0], ids[:, -4], ids[:, -3:] = special_ids[0], special_ids[1], special_ids[2]
    middle = draw.size(8, 16)
    ids[:, middle] = special_ids[1]
    return ids


def _choice(draw: Draw, rate: float | None = None) -> Inputs:
    special_ids = draw.random.sample(range(2, 88), 3)  # some ordinary ids below, some above
    arguments = {"ids": _batch(draw, special_ids), "special_ids": special_ids}
    arguments["rate"] = rate or draw.choice(RATES)
    return arguments


def _draws(draw: Draw) -> Inputs:
    seed = draw.seed()
    return {"arguments": _choice(draw), "seed": seed, "other_seed": seed + draw.size(1, 99)}


def _well_chosen(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    arguments = inputs.get("arguments", inputs)
    return badly_chosen(observed.get("draws", observed.get("result")), *arguments.values())


def _repeatable(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    if not torch.equal(observed["draws"], observed["draws again, same seed"]):
        return Failure("The same seed gave other draws.", "seed")
    if torch.equal(observed["draws"], observed["draws, another seed"]):
        return Failure("Another seed gave the same draws.", "another seed")
    return _well_chosen(observed, expected, inputs)


def _several(draw: Draw) -> Inputs:
    return {f"choice in text {number}": _choice(draw) for number in range(1, 7)}


def _varies(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    """Each on its own: how many are chosen differs from row to row and from text to text."""
    exact = 0
    for name, arguments in inputs.items():
        chosen = observed[name]
        failure = badly_chosen(chosen, *arguments.values())
        if failure:
            return Failure(f"{name}: {failure.text}", failure.code)
        if len(set(chosen.sum(1).tolist())) == 1:
            text = "Every row has as many chosen tokens as the others."
            return Failure(f"{text} Draw each token on its own.", "fixed in each row")
        special = torch.isin(arguments["ids"], torch.tensor(arguments["special_ids"]))
        n, count = int((~special).sum()), int(chosen.sum())
        exact += abs(count - arguments["rate"] * n) <= 1
    if exact == len(inputs):  # by chance: less than 1e-7
        text = "Each text has exactly its share of chosen tokens."
        return Failure(f"{text} Draw each token on its own.", "fixed in all")
    return None


def _one_row(draw: Draw) -> Inputs:
    """Neither a batch nor a rate that leaves a doubt."""
    inputs = _choice(draw, 1.0)
    return {**inputs, "ids": inputs["ids"][0]}


def _none_chosen(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    count = int(observed["result"].sum())
    return Failure(f"The rate is 0, and {count} tokens were chosen.", "at 0") if count else None


choose_positions = Exercise(
    id="choose_positions",
    title="draw what will be asked",
    reference=masking.choose_positions,
    cases=(
        Case(
            "special tokens are never chosen",
            _draws,
            probes.draws,
            holds=_well_chosen,
            values=False,
        ),
        Case(
            "each ordinary token is chosen with probability rate, on its own",
            _several,
            probes.several,
            holds=_varies,
            values=False,
        ),
        Case(
            "the same seed gives the same draws, another seed others",
            _draws,
            probes.draws,
            holds=_repeatable,
            values=False,
        ),
        Case("at rate 1, every ordinary token of one row", _one_row),
        Case(
            "at rate 0, none",
            lambda draw: _choice(draw) | {"rate": 0.0},
            holds=_none_chosen,
            values=False,
            guard=True,
        ),
        Case("the ids are left as they were", _choice, probes.untouched, guard=True),
    ),
    hints=(
        "One random number from 0 to 1 for each token. With what probability is it below rate?",
        "torch.rand(ids.shape, generator=generator) < rate chooses among all tokens. Then take out "
        "the special ones: a table of True and False says where they stand.",
        "special = torch.isin(ids, torch.tensor(list(special_ids))); return the tokens that were "
        "drawn and are not special: (… < rate) & ~special.",
    ),
    misconceptions=(
        Misconception(
            m.choose_among_all,
            "It looks as if special tokens can be chosen. [CLS], [SEP] and [PAD] say nothing that "
            "could be guessed: leave special_ids out.",
            also=(m.choose_all_but_the_first_kind, m.choose_all_but_padding),
        ),
        Misconception(
            m.choose_above_the_special,
            "It looks as if all low ids are taken for special, up to a certain one. Special ids "
            "may stand anywhere in the vocabulary: ask for each token whether it is one of "
            "special_ids.",
            also=(m.choose_above_4,),
        ),
        Misconception(
            m.choose_at_least_one,
            "It looks as if a row in which nothing was drawn gets a chosen token all the same. "
            "Each token is chosen with probability rate, and by chance it may be none.",
        ),
        Misconception(
            m.choose_always_15,
            "It looks as if the rate is always 0.15. Use the parameter rate.",
        ),
        Misconception(
            m.choose_the_rest,
            "It looks as if rate is the share that is left alone. A token is chosen where its "
            "random number lies below rate.",
        ),
        Misconception(
            m.choose_whole_rows,
            "It looks as if whole rows or columns are chosen together. Draw one number for every "
            "token: torch.rand(ids.shape, …).",
            also=(m.choose_whole_columns,),
        ),
        Misconception(
            m.choose_a_share_of_each_row,
            "It looks as if each row, or the whole text, gets exactly its share. Draw each token "
            "on its own; the number will vary.",
            also=(m.choose_a_share_of_all,),
        ),
        Misconception(
            m.choose_only_special,
            "It looks as if only special tokens are chosen. Turn the table round: ~special.",
        ),
        Misconception(
            m.choose_without_generator,
            "It looks as if the generator is not used, so no seed can repeat the draws. Hand it on "
            "with generator=generator.",
        ),
        Misconception(
            m.choose_with_fixed_seed,
            "It looks as if the seed is fixed inside the function. Draw from the generator that "
            "the caller hands over.",
        ),
        Misconception(
            m.choose_by_bell_curve,
            "It looks as if the random numbers come from a bell curve (randn). torch.rand draws "
            "from 0 to 1, so that rate is a probability.",
        ),
        Misconception(
            m.choose_as_numbers,
            "It looks as if the result holds 1 and 0. It is a mask, of True and False: what a "
            "comparison gives is one already, and & joins two of them.",
        ),
    ),
    alternatives=(m.choose_by_bernoulli, m.choose_token_by_token, m.choose_by_filling),
    points=2,
    minutes=8,
    difficulty=2,
)


# corrupt


def _lots(draw: Draw, *shape: int, edges: tuple[float, ...] = (0.8, 0.9)) -> Tensor:
    """From 0 to 1, a little away from the edges, so that rounding decides nothing."""
    lot = draw.uniform(*shape)
    for edge in edges:
        lot = torch.where((lot - edge).abs() < 1e-3, lot - 2e-3, lot)
    return lot


def _corrupted(draw: Draw, fate: str = "", chosen: float = 0.5) -> Inputs:
    """About half of the tokens are chosen; with a fate, all lots lie in its part."""
    batch, seq = draw.size(5, 8), draw.size(20, 29)
    ids = draw.integers(20, 90, batch, seq)
    lot = _lots(draw, batch, seq)
    low, high = {"masked": (0.0, 0.79), "random": (0.81, 0.89), "kept": (0.91, 1.0), "": (0, 1)}[
        fate
    ]
    lot = lot if not fate else draw.uniform(batch, seq, low=low, high=high)
    if not fate:  # enough of each fate, whatever is drawn
        lot[:, 1::4] = draw.uniform(*lot[:, 1::4].shape, low=0.81, high=0.89)
        lot[:, 2::4] = draw.uniform(*lot[:, 2::4].shape, low=0.91, high=1.0)
    return {
        "ids": ids,
        "chosen": draw.uniform(batch, seq) < chosen,
        "lot": lot,
        "replacements": draw.integers(100, 160, batch, seq),
        "mask_id": draw.size(1, 19),
    }


def _other_shares(draw: Draw) -> Inputs:
    mask_share, random_share = draw.choice(((0.25, 0.45), (0.1, 0.2), (0.3, 0.4)))
    inputs = _corrupted(draw)
    edges = (mask_share, mask_share + random_share)
    lot = _lots(draw, *inputs["ids"].shape, edges=edges)
    return {**inputs, "lot": lot, "mask_share": mask_share, "random_share": random_share}


def _on_the_edge(draw: Draw) -> Inputs:
    """Some lots are just mask_share; a half and a quarter are exact in every dtype."""
    inputs = _corrupted(draw)
    inputs["lot"][:, ::3] = 0.5
    lot = torch.where(inputs["lot"] == 0.75, 0.7, inputs["lot"])
    return {**inputs, "lot": lot, "mask_share": 0.5, "random_share": 0.25}


def _one_sentence(draw: Draw) -> Inputs:
    inputs = _corrupted(draw)
    return {name: v[0] if isinstance(v, Tensor) else v for name, v in inputs.items()}


def _named(make: Any) -> Any:
    return lambda draw: {"arguments": make(draw), "names": ["corrupted", "labels"]}


def _asked_at_the_chosen(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    arguments = inputs["arguments"]
    if (observed["labels"][~arguments["chosen"]] != -100).any():
        return Failure("Where a token was not chosen its label should be -100.", "labels elsewhere")
    return None


corrupt = Exercise(
    id="corrupt",
    title="80 hidden, 10 wrong, 10 left",
    reference=masking.corrupt,
    cases=(
        Case(
            "80-10-10 among the chosen tokens",
            _named(_corrupted),
            probes.named,
            holds=_asked_at_the_chosen,
        ),
        Case(
            "a lot below 0.8 gives [MASK]",
            _named(lambda draw: _corrupted(draw, "masked")),
            probes.named,
        ),
        Case(
            "a lot from 0.8 to 0.9 gives the replacement",
            _named(lambda draw: _corrupted(draw, "random")),
            probes.named,
        ),
        Case(
            "a lot from 0.9 leaves the token, and asks for it",
            _named(lambda draw: _corrupted(draw, "kept")),
            probes.named,
        ),
        Case("other shares", _named(_other_shares), probes.named),
        Case("a lot of just mask_share gives the replacement", _named(_on_the_edge), probes.named),
        Case(
            "where nothing is chosen nothing happens",
            _named(lambda draw: _corrupted(draw, chosen=0.0)),
            probes.named,
        ),
        Case("one sentence without a batch", _named(_one_sentence), probes.named),
        Case("the inputs are left as they were", _corrupted, probes.untouched, guard=True),
    ),
    hints=(
        "First make two tables of True and False: which tokens become [MASK], and which become "
        "their replacement. Both are among the chosen ones.",
        "masked = chosen & (lot < mask_share). Replaced are the chosen ones whose lot lies from "
        "mask_share up to mask_share + random_share. The rest stays by itself.",
        "ids.masked_fill(masked, mask_id), then torch.where(replaced, replacements, …). The labels "
        "come from the true ids: ids.masked_fill(~chosen, -100).",
    ),
    misconceptions=(
        Misconception(
            m.corrupt_always_mask,
            "It looks as if every chosen token becomes [MASK]. Then the model learns nothing about "
            "words that it sees: 80 % [MASK], 10 % another word, 10 % left as they are.",
        ),
        Misconception(
            m.corrupt_never_keeps,
            "It looks as if every chosen token is changed. Where the lot is at least mask_share + "
            "random_share, the token stays.",
        ),
        Misconception(
            m.corrupt_random_and_kept_exchanged,
            "It looks as if the last two parts are exchanged: from 0.8 to 0.9 comes the "
            "replacement, from 0.9 on the token stays.",
            also=(m.corrupt_random_at_the_end,),
        ),
        Misconception(
            m.corrupt_loses_the_masks,
            "No [MASK] is left in the text: where the lot is small the true word stands. Does your "
            "second step begin with ids again, and forget what the first one made?",
        ),
        Misconception(
            m.corrupt_loses_the_replacements,
            "No token becomes its replacement. Either a later step begins with ids again and "
            "forgets it, or the condition for it is never true.",
        ),
        Misconception(
            m.corrupt_overwrites_the_masks,
            "Where [MASK] should stand, the replacement does. A small lot fulfils your second "
            "condition as well, so that the second step writes over the first.",
        ),
        Misconception(
            m.corrupt_replaces_first,
            "It looks as if the replacements come first. The lowest lots are for [MASK]; the "
            "replacements begin at mask_share.",
        ),
        Misconception(
            m.corrupt_compares_with_the_share,
            "It looks as if the second edge is random_share. The parts lie one behind the other: "
            "it is mask_share + random_share.",
            also=(m.corrupt_replaces_below_the_share,),
        ),
        Misconception(
            m.corrupt_masks_on_the_edge,
            "It looks as if a lot that is just mask_share does not become its replacement. Below "
            "mask_share comes [MASK]; from mask_share on, mask_share itself included, the "
            "replacement.",
            also=(m.corrupt_leaves_the_edge,),
        ),
        Misconception(
            m.corrupt_everything,
            "It looks as if tokens are changed that were not chosen. Put chosen & before both "
            "conditions.",
            also=(m.corrupt_masks_everything, m.corrupt_replaces_everything),
        ),
        Misconception(
            m.corrupt_labels_everywhere,
            "It looks as if every token has a label. Where nothing was chosen the label is -100, "
            "which says: do not ask.",
        ),
        Misconception(
            m.corrupt_labels_zero,
            "It looks as if the label is 0 where nothing was chosen. 0 is the id of a token; the "
            "label that means “do not ask” is -100.",
            also=(m.corrupt_labels_minus_one,),
        ),
        Misconception(
            m.corrupt_labels_corrupted,
            "It looks as if the labels are taken from the corrupted text. They are the true ids: "
            "take them from ids.",
        ),
        Misconception(
            m.corrupt_labels_at_masks_only,
            "It looks as if only [MASK] has a label. All chosen tokens are asked for, also those "
            "that were replaced or kept.",
            also=(m.corrupt_labels_where_changed,),
        ),
        Misconception(
            m.corrupt_labels_inverted,
            "It looks as if the labels stand where nothing was chosen. Fill in -100 where chosen "
            "is False: ~chosen.",
        ),
        Misconception(
            m.corrupt_shares_fixed,
            "It looks as if 0.8 and 0.1 are written into the function. Use mask_share and "
            "random_share.",
        ),
        Misconception(
            m.corrupt_without_labels,
            "It looks as if the corrupted text is returned alone. Return two tensors: the text, "
            "and the labels.",
        ),
        Misconception(
            m.corrupt_results_exchanged,
            "It looks as if the two results are exchanged. First comes what the model reads, then "
            "the labels.",
        ),
        Misconception(
            m.corrupt_in_place,
            "It looks as if ids itself is changed. Make a new tensor: ids.masked_fill(…) without "
            "an underscore at the end, or ids.clone() first.",
            also=(m.corrupt_in_place_before_the_labels, m.corrupt_labels_in_place),
        ),
    ),
    alternatives=(m.corrupt_on_a_clone, m.corrupt_token_by_token, m.corrupt_by_arithmetic),
    points=3,
    minutes=12,
    difficulty=3,
)


# wrong_word_share


def _shares(draw: Draw, **given: float) -> Inputs:
    rate = round(float(draw.uniform(1, low=0.1, high=0.6)), 2)
    mask_share = draw.choice((0.4, 0.5, 0.6, 0.7))
    random_share = draw.choice((0.12, 0.2, 0.25))
    inputs = {"rate": rate, "mask_share": mask_share, "random_share": random_share}
    return inputs | {"num_words": draw.size(20, 200)} | given


wrong_word_share = Exercise(
    id="wrong_word_share",
    title="can you believe a visible word",
    reference=masking.wrong_word_share,
    cases=(
        Case("any shares", _shares),
        Case(
            "BERT's own: 15 %, and 80-10-10",
            lambda draw: _shares(draw, rate=0.15, mask_share=0.8, random_share=0.1),
        ),
        Case("every word is chosen", lambda draw: _shares(draw, rate=1.0)),
        Case(
            "a random word may be the true one",
            lambda draw: _shares(draw, num_words=draw.size(2, 5)),
        ),
        Case("nothing becomes [MASK]", lambda draw: _shares(draw, mask_share=0.0)),
        Case("no random words", lambda draw: _shares(draw, random_share=0.0), guard=True),
    ),
    hints=(
        "Take 1000 words in your head. How many of them become [MASK]? How many stay visible? How "
        "many of the visible ones are another word than before?",
        "Chosen are 1000 · rate. Of these mask_share disappears behind [MASK], and random_share "
        "gets a random word, which is the true one in 1 of num_words cases.",
        "wrong = rate * random_share * (1 - 1 / num_words), visible = 1 - rate * mask_share. The "
        "answer is the one divided by the other.",
    ),
    misconceptions=(
        Misconception(
            m.share_of_all_words,
            "It looks as if the wrong words are counted rightly, and then compared with all words "
            "of the text. Which of these can you see?",
        ),
        Misconception(
            m.share_without_luck,
            "Imagine a list with a single word, num_words = 1. What does a random word become "
            "then, and what does your formula say?",
        ),
        Misconception(
            m.share_of_all_words_without_luck,
            "Two things are missing. You compare with all words of the text: which can you see? "
            "And with num_words = 1, could any word be wrong?",
        ),
        Misconception(
            m.share_of_the_chosen,
            "Your share does not depend on rate. But at a rate near 0 hardly any word is touched, "
            "so hardly any can be wrong. Who else is visible?",
            also=(m.share_of_the_chosen_without_luck,),
        ),
        Misconception(
            m.share_with_all_masked,
            "It looks as if mask_share is taken as a share of all words. At a small rate, can it "
            "be that most of the text is behind a [MASK]?",
            also=(m.share_with_all_masked_without_luck,),
        ),
        Misconception(
            m.share_without_rate,
            "As the rate goes to 0, nothing is touched, and your share of wrong words does not go "
            "to 0. Which words can become random ones?",
            also=(m.share_without_rate_and_luck, m.share_of_random_words),
        ),
        Misconception(
            m.share_with_too_much_luck,
            "With two words to draw from, your formula says that a random word is always the true "
            "one. How often is it, if the true one is among the num_words?",
        ),
        Misconception(
            m.share_of_lucky_words,
            "It looks as if the random words are counted that happen to be true. Asked is how many "
            "are not.",
        ),
        Misconception(
            m.share_with_the_kept,
            "With random_share = 0 no visible word is wrong, and your formula says otherwise. "
            "Which words do you count?",
            also=(m.share_of_changed_and_kept,),
        ),
        Misconception(
            m.share_visible_is_not_chosen,
            "At rate 1 your formula divides by 0, though some words can still be seen. Is every "
            "chosen word out of sight?",
            also=(m.share_visible_is_not_chosen_without_luck,),
        ),
        Misconception(
            m.share_of_right_words,
            "It looks as if this is the share of right words. Asked is the share of wrong ones.",
            also=(m.share_of_right_words_without_luck,),
        ),
    ),
    alternatives=(m.share_by_counting, m.share_by_table),
    points=1,
    minutes=8,
    difficulty=2,
    kind="predict",
)
