"""Chapter 5, second part: GPT, its loss, and how probable a text is."""

import math
from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.exercises import _ch05_mistakes_model as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import generation, gpt, losses

Inputs = dict[str, Any]


# GPT


def writer_config(draw: Draw, layers: int = 0, max_seq: int = 0) -> Inputs:
    num_heads, d_head, num_layers, d_ff = draw.sizes(4, 2, 6)
    return {
        "vocab_size": draw.size(11, 15),
        "max_seq": max_seq or draw.size(8, 10),
        "d_model": num_heads * (d_head + 3),
        "num_heads": num_heads,
        "num_layers": layers or min(num_layers, 3),
        "d_ff": d_ff + 3,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "activation": "gelu",
        "norm": "pre",
        "norm_eps": 1e-5,
        "positions": "learned",
    }


def writer_weights(draw: Draw, config: Inputs) -> dict[str, Tensor]:
    d_model, d_ff = config["d_model"], config["d_ff"]
    weights = {
        "token.weight": draw.normal(config["vocab_size"], d_model),
        "position.weight": draw.normal(config["max_seq"], d_model),
        "decoder.norm.gamma": draw.normal(d_model, scale=0.3) + 1,
        "decoder.norm.beta": draw.normal(d_model, scale=0.5),
    }
    shapes = {f"attention.{name}": (d_model, d_model) for name in ("query", "key", "value")}
    shapes |= {"attention.output": (d_model, d_model)}
    shapes |= {"feed_forward.inner": (d_ff, d_model), "feed_forward.outer": (d_model, d_ff)}
    for layer in range(config["num_layers"]):
        before = f"decoder.blocks.{layer}."
        for name, shape in shapes.items():
            weights[f"{before}{name}.weight"] = draw.normal(*shape, scale=1.2 * shape[1] ** -0.5)
            weights[f"{before}{name}.bias"] = draw.normal(shape[0], scale=0.4)
        for name in ("around_attention", "around_feed_forward"):
            weights[f"{before}{name}.norm.gamma"] = draw.normal(d_model, scale=0.3) + 1
            weights[f"{before}{name}.norm.beta"] = draw.normal(d_model, scale=0.4)
    return weights


def _writer(draw: Draw, layers: int = 0, seq: int = 0, whole: bool = False) -> Inputs:
    config = writer_config(draw, layers)
    batch = draw.size(2, 4)
    seq = config["max_seq"] if whole else seq or draw.size(4, 7)
    ids = draw.integers(0, config["vocab_size"], batch, seq)
    return {"config": config, "weights": writer_weights(draw, config), "arguments": {"ids": ids}}


def _with_gradients(draw: Draw) -> Inputs:
    return _writer(draw) | {"cotangent_seed": draw.seed()}


def _last_token_changed(draw: Draw) -> Inputs:
    """Two texts that differ in their last token alone."""
    inputs = _writer(draw)
    ids = inputs["arguments"]["ids"][:1].repeat(2, 1)
    ids[1, -1] = (ids[1, -1] + 1) % inputs["config"]["vocab_size"]
    return {**inputs, "arguments": {"ids": ids}}


def _past_stays(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    one, other = observed["output"]
    gap = (one[:-1] - other[:-1]).abs().amax(-1)
    if not gap.max() <= 1e-4:
        place = int((~(gap <= 1e-4)).nonzero()[0])
        return Failure(
            f"Another last token changes the logits at place {place}, which lies before it.",
            "future seen",
        )
    return None


def _repeated_token(draw: Draw) -> Inputs:
    """One token over and over: only the positions tell the places apart."""
    inputs = _writer(draw)
    ids = inputs["arguments"]["ids"]
    return {**inputs, "arguments": {"ids": ids[:, :1].expand_as(ids).contiguous()}}


def _fresh(draw: Draw) -> Inputs:
    config = writer_config(draw, 2, 40) | {"num_heads": 2, "d_model": 64, "d_ff": 256}
    return {"config": config | {"vocab_size": 90}, "seed": draw.seed()}


def _small(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    for name in ("token", "position", "decoder.blocks.0.attention.query"):
        std = observed[f"std of {name}.weight"]
        if not 0.017 < std < 0.023:
            return Failure(f"The numbers in {name}.weight spread by {std:.3f}, not 0.02.", "std")
    for name, value in expected.items():  # means and spreads: seven times what chance moves them
        if abs(observed[name] - value) > 0.003 + 0.1 * abs(value):
            text = f"The {name} is {observed[name]:.3f}, and initialize makes it {value:.3f}."
            return Failure(text, "other weights")
    return None


def _same_weights(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    """Other names are said before this; so a head of one's own is known whatever it is called."""
    if observed["parameters"] != expected["parameters"]:
        return Failure("The weights have other shapes than GPT's.", "shapes")
    return None


GPT = Exercise(
    id="GPT",
    title="the whole model",
    reference=gpt.GPT,
    cases=(
        Case("one block", lambda draw: _writer(draw, layers=1), probes.module, tolerance=10),
        Case(
            "several blocks, one after the other",
            lambda draw: _writer(draw, layers=2),
            probes.module,
            tolerance=10,
        ),
        Case(
            "no place sees a later token",
            _last_token_changed,
            probes.module,
            holds=_past_stays,
            tolerance=10,
        ),
        Case("the place of a token counts", _repeated_token, probes.module, tolerance=10),
        Case(
            "a text of one token",
            lambda d: _writer(d, seq=1),
            probes.module,
            trials=1,
            tolerance=10,
        ),
        Case(
            "a text as long as the context",
            lambda draw: _writer(draw, whole=True),
            probes.module,
            trials=1,
            tolerance=10,
        ),
        Case("gradients reach every parameter", _with_gradients, probes.module, tolerance=80),
        Case(
            "nothing is dropped in training",
            lambda draw: _writer(draw, layers=1) | {"train": True},
            probes.module,
            tolerance=10,
        ),
        Case("the first weights are small", _fresh, probes.initial, holds=_small, values=False),
        Case(
            "two tables and a stack, and nothing else",
            lambda draw: {"config": writer_config(draw)},
            probes.parameters,
            guard=True,
            holds=_same_weights,
            values=False,
        ),
        Case("the ids are left as they were", _writer, probes.module_untouched, guard=True),
    ),
    hints=(
        "Follow the formula: two tables of vectors, added; a stack that looks back only; and at "
        "the end every vector compared with every token's vector.",
        "The places are torch.arange(seq). Encoder returns two things, the vectors and the "
        "weights. The tied head is a matrix product with self.token.weight, which is (vocab, "
        "d_model): transpose it.",
        "x = self.token(ids) + self.position(torch.arange(seq)); hidden, _ = self.decoder(x, "
        "causal_mask(seq)); return hidden @ self.token.weight.T. And initialize(self, "
        "config.num_layers) at the end of __init__.",
    ),
    misconceptions=(
        Misconception(
            m.WriterWithoutMask,
            "It looks as if the stack gets no mask, so every token sees the future. Hand it "
            "causal_mask(seq).",
        ),
        Misconception(
            m.WriterSeesTheNext,
            "It looks as if the causal mask is off by one: each token sees the one after it, which "
            "is the answer. Row i allows the keys 0 to i.",
        ),
        Misconception(
            m.WriterLooksAhead,
            "It looks as if the mask is transposed, so each token sees the future and not the "
            "past.",
        ),
        Misconception(
            m.WriterWithOwnHead,
            "It looks as if the head has weights of its own. Tied means that the head is the token "
            "table once more: self.token.weight.",
            also=(
                m.WriterWithOwnHeadAndBias,
                m.WriterWithOwnHeadFromTheStart,
                m.WriterWithOwnHeadAndBiasFromTheStart,
            ),
        ),
        Misconception(
            m.WriterWithTiedLayerAndBias,
            "It looks as if the head is tied, and has a bias of its own. An nn.Linear has one "
            "unless it is made with bias=False; the head is the token table and nothing more.",
        ),
        Misconception(
            m.WriterWithoutPositions,
            "It looks as if the positions are not added. Without them a token knows which others "
            "came before it, and not in which order.",
        ),
        Misconception(
            m.WriterWithoutLastNorm,
            "It looks as if the last norm is missing before the head. Call the stack as a whole: "
            "self.decoder(x, mask) ends with it.",
        ),
        Misconception(
            m.WriterNormsTwice,
            "It looks as if there is a second last norm. The stack ends with one already.",
        ),
        Misconception(
            m.WriterReturnsVectors,
            "It looks as if the vectors are returned. Compare them with every token's vector: that "
            "gives one logit a token.",
        ),
        Misconception(
            m.WriterReturnsProbabilities,
            "It looks as if there is a softmax at the end. Return the logits; the loss and the "
            "sampling have a softmax of their own.",
        ),
        Misconception(
            m.WriterScalesEmbeddings,
            "It looks as if the token vectors are multiplied by √d_model. The transformer of 2017 "
            "does so; GPT adds token and position as they are.",
        ),
        Misconception(
            m.WriterLastPlaceOnly,
            "It looks as if only the last place's logits are returned. In training every place "
            "predicts its next token: return all of them.",
        ),
        Misconception(
            m.WriterWithDropout,
            "It looks as if numbers are dropped in training. The stack sees to that where config "
            "asks for it; add nothing of your own.",
        ),
        Misconception(
            m.WriterNotInitialized,
            "It looks as if the weights are torch's first ones. The head shares the token table, "
            "and with numbers around 1 its logits are far too large: call initialize(self, "
            "config.num_layers) at the end of __init__.",
        ),
    ),
    alternatives=(m.WriterWithTiedLayer, m.WriterByEinsum),
    forbidden=("transformer_encoder", "multi_head_attention"),
    points=4,
    minutes=20,
    difficulty=4,
)


# next_token_loss


def _to_learn(draw: Draw, seq: int = 0) -> Inputs:
    batch, words, vocab = draw.sizes(3, 3, 9)
    seq = seq or words
    logits = draw.normal(batch, seq, vocab, scale=2)
    return {"logits": logits, "ids": draw.integers(0, vocab, batch, seq)}


def _in_float64(draw: Draw) -> Inputs:
    inputs = _to_learn(draw)
    return {**inputs, "logits": inputs["logits"].double()}


def _ends_changed(draw: Draw) -> Inputs:
    inputs = _to_learn(draw)
    logits, ids = inputs["logits"].clone(), inputs["ids"].clone()
    logits[:, -1] += draw.normal(*logits[:, -1].shape, scale=3)
    ids[:, 0] = (ids[:, 0] + 1) % logits.shape[-1]
    return {
        "the texts": inputs,
        "with other last logits": {**inputs, "logits": logits},
        "with another first token": {**inputs, "ids": ids},
    }


def _ends_are_free(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    first, *others = observed.items()
    for name, value in others:
        if not torch.allclose(torch.as_tensor(first[1]), torch.as_tensor(value), atol=1e-5):
            return Failure(f"The loss should stay the same {name}, and changes.", "ends count")
    return None


def _marked(draw: Draw) -> Inputs:
    """The beginnings of texts, of several lengths, are not to be learned."""
    inputs = _to_learn(draw, draw.size(6, 9))
    ids = inputs["ids"]
    for row in range(1, len(ids)):  # the first text is learned whole
        ids[row, : draw.size(2, ids.shape[1] - 2)] = -100
    return inputs


def _perfect(draw: Draw) -> Inputs:
    """Logits that are sure of each next token."""
    inputs = _to_learn(draw)
    logits, ids = inputs["logits"], inputs["ids"]
    sure = torch.nn.functional.one_hot(ids[:, 1:], logits.shape[-1]) * 20.0
    return {**inputs, "logits": torch.cat([sure, logits[:, -1:]], dim=1)}


def _sure_and_wrong(draw: Draw) -> Inputs:
    inputs = _to_learn(draw)
    return {**inputs, "logits": inputs["logits"] * 30}


def _learning_gradient(draw: Draw) -> Inputs:
    return {"arguments": _to_learn(draw), "cotangent_seed": draw.seed()}


next_token_loss = Exercise(
    id="next_token_loss",
    title="each token predicts the next",
    reference=losses.next_token_loss,
    cases=(
        Case("each place is compared with the token after it", _to_learn),
        Case("a model that is sure and right pays nothing", _perfect, guard=True),
        Case(
            "the last logits and the first token count for nothing",
            _ends_changed,
            probes.several,
            holds=_ends_are_free,
        ),
        Case("texts of two tokens", lambda draw: _to_learn(draw, 2)),
        Case("the mean over all predicted tokens, in float64", _in_float64),
        Case("what is marked -100 counts for nothing", _marked),
        Case("a model that is sure and wrong pays much", _sure_and_wrong),
        Case("gradients flow back to the logits", _learning_gradient, probes.gradients),
        Case("logits and ids are left as they were", _marked, probes.untouched, guard=True),
    ),
    hints=(
        "Write one text of four tokens on paper, and under each token the token that its logits "
        "should name. Which logits have nothing to name? Which token is never named?",
        "Cut the logits at the end and the ids at the start, so that both have seq - 1 places and "
        "belong together place for place. Then keep those whose wanted token is not -100.",
        "predicted, wanted = logits[:, :-1], ids[:, 1:]; kept = wanted != -100; return "
        "cross_entropy(predicted[kept], wanted[kept]), which takes the mean.",
    ),
    misconceptions=(
        Misconception(
            m.loss_not_shifted,
            "It looks as if nothing is shifted: each place is asked for the token that it has just "
            "read. The logits at place t are compared with the token at t + 1.",
        ),
        Misconception(
            m.loss_shifted_twice,
            "It looks as if there are two shifts, so each place is asked for the token after the "
            "next. One place is enough.",
        ),
        Misconception(
            m.loss_shifted_backwards,
            "It looks as if the shift goes the wrong way: each place is asked for the token before "
            "it. Drop the last logits and the first token.",
        ),
        Misconception(
            m.loss_by_rolling,
            "It looks as if the ids are rolled round, so the last place is asked for the first "
            "token. Nothing comes after the last place: drop its logits.",
        ),
        Misconception(
            m.loss_summed,
            "It looks as if the losses are summed. Take the mean over all predicted tokens.",
        ),
        Misconception(
            m.loss_mean_over_texts,
            "It looks as if the losses of a text are summed. The mean runs over the tokens of all "
            "texts.",
        ),
        Misconception(
            m.loss_mean_of_means,
            "It looks as if the mean is taken text by text, and then the mean of these. A text of "
            "few tokens then weighs as much as a long one; take one mean over all tokens.",
        ),
        Misconception(
            m.loss_mean_over_all_places,
            "It looks as if tokens marked -100 cost 0 and are counted all the same, which makes "
            "the mean too small. Take them out before the mean.",
        ),
        Misconception(
            m.loss_counts_marked_as_token_0,
            "It looks as if -100 is taken for token 0. It means: nothing is to be learned here.",
        ),
        Misconception(
            m.loss_drops_marks_at_the_wrong_place,
            "It looks as if -100 is looked for before the shift. A place drops out where the token "
            "that it should name is -100.",
        ),
        Misconception(
            m.loss_shifted_over_batch,
            "It looks as if the shift runs over the texts of the batch. Shift along seq: [:, :-1] "
            "and [:, 1:].",
        ),
        Misconception(
            m.loss_flattened_first,
            "It looks as if the texts are laid end to end before the shift, so the last place of "
            "one text is asked for the first token of the next. Shift first, text by text.",
        ),
        Misconception(
            m.loss_drops_one_end,
            "It looks as if logits and ids lose the same end, which leaves them unshifted. Drop "
            "the last logits and the first token.",
            also=(m.loss_drops_the_first,),
        ),
        Misconception(
            m.loss_log_of_softmax,
            "With large logits your loss is infinite or not a number: an exp of them is too large "
            "for a float, and a tiny probability is rounded to 0. Call cross_entropy, which takes "
            "care of both.",
            also=(m.loss_by_exp,),
        ),
        Misconception(
            m.loss_without_minus,
            "It looks as if the sign is wrong: a loss is minus a log-probability, and never "
            "negative.",
        ),
    ),
    alternatives=(m.loss_place_by_place, m.loss_by_torch, m.loss_by_a_weight),
    points=2,
    minutes=10,
    difficulty=2,
)


# text_log_probability


def tables(draw: Draw, vocab: int, max_seq: int, scale: float = 1.5) -> dict[str, Tensor]:
    return {
        "last": draw.normal(vocab, vocab, scale=scale),
        "before": draw.normal(vocab, vocab, scale=scale),
        "place": draw.normal(max_seq, vocab, scale=scale / 2),
    }


def _texts(draw: Draw, seq: int = 0, scale: float = 1.5, batch: int = 0) -> Inputs:
    texts, words, vocab = draw.sizes(3, 4, 9)
    batch, seq = batch or texts, seq or words
    ids = draw.integers(0, vocab, batch, seq)
    return {"tables": tables(draw, vocab, seq, scale), "arguments": {"ids": ids}}


text_log_probability = Exercise(
    id="text_log_probability",
    title="how probable is a whole text?",
    reference=generation.text_log_probability,
    cases=(
        Case("the logarithms of all next tokens, summed", _texts, probes.with_model, trials=3),
        Case("one number a text, whatever the batch", lambda d: _texts(d, 3), probes.with_model),
        Case("a single text", lambda draw: _texts(draw, batch=1), probes.with_model),
        Case("texts of two tokens", lambda draw: _texts(draw, 2), probes.with_model),
        Case("a single token costs nothing", lambda draw: _texts(draw, 1), probes.with_model),
        Case(
            "a text of many tokens, too improbable for a float",
            lambda draw: _texts(draw, draw.size(150, 200)),
            probes.with_model,
            tolerance=10,
        ),
        Case(
            "a token that the model is sure will not come",
            lambda draw: _texts(draw, scale=90),
            probes.with_model,
            tolerance=10,
        ),
    ),
    hints=(
        "A product of probabilities becomes a sum of logarithms. Which logits say how probable the "
        "token at place t is?",
        "log_softmax(dim=-1) turns logits into log-probabilities without overflow. gather picks "
        "one of them a place, as in chapter 2's cross_entropy; here nothing is averaged.",
        "log_probabilities = model(ids)[:, :-1].log_softmax(dim=-1); then gather(-1, ids[:, "
        "1:].unsqueeze(-1)).squeeze(-1), and sum(dim=1).",
    ),
    misconceptions=(
        Misconception(
            m.text_mean,
            "It looks as if the mean is taken. The probability of a text is the product of all its "
            "conditionals, so its logarithm is their sum.",
            also=(m.text_mean_over_all_tokens, m.text_mean_of_nothing),
        ),
        Misconception(
            m.text_not_shifted,
            "It looks as if nothing is shifted: the logits at place t tell of the token at t + 1.",
        ),
        Misconception(
            m.text_last_token_twice,
            "It looks as if the ids are rolled round, so the first token is counted after the "
            "last. Drop the last logits.",
        ),
        Misconception(
            m.text_over_the_batch,
            "It looks as if all texts of the batch are summed into one. Sum along each text: "
            "dim=1.",
        ),
        Misconception(
            m.text_as_a_loss,
            "It looks as if the sign is turned round, as in a loss. A log-probability is at most "
            "0.",
        ),
        Misconception(
            m.text_as_a_product,
            "It looks as if the probabilities are multiplied and the logarithm is taken after. The "
            "product of many becomes 0. Add logarithms.",
        ),
        Misconception(
            m.text_as_a_probability,
            "It looks as if the probability is returned. Return its logarithm, which does not "
            "become 0 for long texts.",
        ),
        Misconception(
            m.text_in_bits,
            "It looks as if the logarithm is to the base 2. Use the natural one, as in the loss.",
        ),
        Misconception(
            m.text_of_the_best_tokens,
            "It looks as if the model's favourite tokens are counted. Count the tokens that are in "
            "the text.",
        ),
        Misconception(
            m.text_sums_logits,
            "It looks as if raw logits are summed. Send them through log_softmax first.",
        ),
        Misconception(
            m.text_sums_probabilities,
            "It looks as if probabilities are added. Probabilities are multiplied; their "
            "logarithms are added.",
        ),
        Misconception(
            m.text_log_of_softmax,
            "It looks as if the softmax is taken first and the logarithm after. A tiny probability "
            "is rounded to 0, and log 0 is minus infinity. Use log_softmax.",
        ),
    ),
    alternatives=(m.text_prefix_by_prefix, m.text_row_by_row),
    points=2,
    minutes=10,
    difficulty=2,
)


# perplexity_of


def _equally_likely(draw: Draw) -> Inputs:
    """Words that are each one of n, in a short text and in a long one."""
    choices = draw.size(3, 40)
    counts = (1, draw.size(4, 9), draw.size(20, 40))
    return {
        f"{count} words, each one of {choices}": {
            "log_probability": -count * math.log(choices),
            "count": count,
        }
        for count in counts
    }


def _measured(draw: Draw) -> Inputs:
    count = draw.size(4, 12)
    return {
        "log_probability": -count * float(draw.uniform(1, low=0.5, high=3.0)),
        "count": count,
    }


def _very_long(draw: Draw) -> Inputs:
    count = draw.size(3000, 5000)
    return {"log_probability": -count * float(draw.uniform(1, low=1, high=3)), "count": count}


perplexity_of = Exercise(
    id="perplexity_of",
    title="between how many words does it hesitate?",
    reference=generation.perplexity_of,
    cases=(
        Case("as many as are equally likely, however long", _equally_likely, probes.several),
        Case("a text of a few words", _measured),
        Case(
            "a sure model hesitates between one",
            lambda draw: {"log_probability": 0.0, "count": draw.size(2, 9)},
            guard=True,
        ),
        Case("a text of thousands of words", _very_long),
    ),
    hints=(
        "Work it out for equally likely words first: n words, each one of V, have probability V "
        "to the power -n together. What has to happen to its logarithm so that V comes out?",
        "The logarithm is -n log V. Two steps undo it: one takes care of n and of the sign, the "
        "other of the logarithm.",
        "Divide by count, turn the sign round, and only then take exp.",
    ),
    misconceptions=(
        Misconception(
            m.perplexity_of_the_sum,
            "It looks as if exp is taken of the whole sum. Then long texts are punished for being "
            "long. Divide by the number of tokens first.",
        ),
        Misconception(
            m.perplexity_without_minus,
            "It looks as if the minus is missing. Perplexity is a number of choices, at least 1.",
        ),
        Misconception(
            m.perplexity_as_a_loss,
            "It looks as if this is the loss per token. Perplexity is its exponential.",
        ),
        Misconception(
            m.perplexity_to_base_2,
            "It looks as if the base is 2. The logarithm is the natural one, so exp undoes it.",
        ),
        Misconception(
            m.perplexity_divided_after,
            "It looks as if exp comes before the division. Take the mean of the logarithms first.",
        ),
    ),
    alternatives=(m.perplexity_by_power, m.perplexity_by_fraction),
    points=1,
    minutes=6,
    difficulty=2,
    kind="predict",
)


# read_on


def _in_pieces(draw: Draw, *lengths: int) -> Inputs:
    config = writer_config(draw, 2, max_seq=sum(lengths) + draw.size(1, 3))
    batch, vocab = draw.size(2, 3), config["vocab_size"]
    pieces = [draw.integers(0, vocab, batch, length) for length in lengths]
    return {"config": config, "weights": writer_weights(draw, config), "pieces": pieces}


read_on = Exercise(
    id="read_on",
    title="read only what is new",
    reference=gpt.read_on,
    cases=(
        Case(
            "a whole text at once",
            lambda draw: _in_pieces(draw, 6),
            probes.read_in_pieces,
            tolerance=5,
        ),
        Case(
            "token by token",
            lambda draw: _in_pieces(draw, 1, 1, 1, 1),
            probes.read_in_pieces,
            tolerance=5,
        ),
        Case(
            "a beginning, then token by token",
            lambda draw: _in_pieces(draw, 4, 1, 1),
            probes.read_in_pieces,
            tolerance=5,
        ),
        Case(
            "in pieces of several tokens",
            lambda draw: _in_pieces(draw, 3, 2, 4),
            probes.read_in_pieces,
            tolerance=5,
        ),
    ),
    hints=(
        "The first new token stands behind all that was read. len(cache[0]) says how many that "
        "are. Where does this number matter? In two places.",
        "The positions run from past to past + new - 1. Of the causal mask over all past + new "
        "tokens only the rows of the new ones are needed: the last ones.",
        "place = torch.arange(past, past + new); mask = causal_mask(past + new)[past:]; hidden, _ "
        "= model.decoder(x, mask, cache); the head as in your GPT.",
    ),
    misconceptions=(
        Misconception(
            m.read_without_offset,
            "It looks as if the positions begin at 0 again with every piece. With a cache the new "
            "tokens stand behind the old ones: count from len(cache[0]).",
        ),
        Misconception(
            m.read_one_place_late,
            "It looks as if the positions are one too high. The first new token stands at place "
            "past, since places count from 0.",
        ),
        Misconception(
            m.read_one_place_early,
            "It looks as if the positions are one too low. After past tokens, numbered from 0, the "
            "next is number past.",
        ),
        Misconception(
            m.read_all_at_one_place,
            "It looks as if all new tokens get the same position. They stand one behind the other: "
            "torch.arange(past, past + new).",
        ),
        Misconception(
            m.read_without_mask,
            "It looks as if there is no mask. For a single token none is needed; of several new "
            "tokens, each must not see those after it.",
        ),
        Misconception(
            m.read_with_the_first_rows,
            "It looks as if the mask's first rows are taken. The new tokens come last, so theirs "
            "are the last rows: [past:].",
        ),
        Misconception(
            m.read_without_cache,
            "It looks as if the cache is not handed to the stack, so each piece is read as if "
            "nothing stood before it.",
        ),
        Misconception(
            m.read_last_logits,
            "It looks as if only the last place's logits are returned. Return those of all new "
            "tokens.",
        ),
    ),
    alternatives=(m.read_by_comparing_places, m.read_one_by_one),
    points=3,
    minutes=15,
    difficulty=4,
)
