"""Chapter 7, first and third part: cross-attention, the decoder block, and the model around it."""

from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.exercises import _ch07_mistakes_blocks as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import blocks, multi_head, seq2seq

Inputs = dict[str, Any]

_LAYERS = ("query", "key", "value", "output")


def _padding(draw: Draw, batch: int, seq: int) -> Tensor:
    """Bool (batch, 1, seq): sentences of several lengths, at least one word of padding in all."""
    return torch.arange(seq) < draw.integers(1, seq, batch, 1, 1)


# CrossAttention


def _cross(
    draw: Draw, mask: bool = False, equal: bool = False, num_heads: int = 0, same: bool = False
) -> Inputs:
    batch, seq, seq_k, heads = draw.sizes(4, 2, 7)
    num_heads = num_heads or heads
    batch = num_heads if same else batch
    seq_k = seq if equal else seq_k
    d_model = num_heads * draw.size(2, 4)
    weights = {f"{name}.weight": draw.normal(d_model, d_model, scale=0.5) for name in _LAYERS}
    weights |= {f"{name}.bias": draw.normal(d_model) for name in _LAYERS}
    arguments = {
        "x": draw.normal(batch, seq, d_model),
        "memory": draw.normal(batch, seq_k, d_model),
    }
    if mask:
        arguments["mask"] = _padding(draw, batch, seq_k)
    return {
        "sizes": {"d_model": d_model, "num_heads": num_heads},
        "weights": weights,
        "arguments": arguments,
        "names": ["context", "weights"],
    }


def _another_source(draw: Draw) -> Inputs:
    inputs = _cross(draw)
    x, memory = inputs["arguments"].values()
    return inputs | {"earlier": {"x": x, "memory": draw.normal(*memory.shape)}}


def _hides(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    weights, mask = observed["weights"], inputs["arguments"]["mask"]
    hidden = weights[~mask.unsqueeze(-3).expand_as(weights)]
    if hidden.abs().max() > 0:
        return Failure(f"A hidden word has weight {hidden.abs().max():.3g}, not 0.", "leak")
    return None


def _cross_sizes(draw: Draw) -> Inputs:
    num_heads, d_head = draw.sizes(2, 2, 6)
    return {"sizes": {"d_model": num_heads * d_head, "num_heads": num_heads}}


cross_attention = Exercise(
    id="CrossAttention",
    title="one sentence looks at another",
    reference=multi_head.CrossAttention,
    cases=(
        Case("every target word looks at every source word", _cross, probes.module, tolerance=3),
        Case(
            "both sentences of the same length",
            lambda draw: _cross(draw, equal=True),
            probes.module,
            tolerance=3,
        ),
        Case("another source after the first", _another_source, probes.module, tolerance=3),
        Case("one head", lambda draw: _cross(draw, num_heads=1), probes.module, tolerance=3),
        Case(
            "the source's padding is hidden, from every head",
            lambda draw: _cross(draw, mask=True),
            probes.module,
            holds=_hides,
            tolerance=3,
        ),
        Case(
            "as many sentences as heads, each with its own mask",
            lambda draw: _cross(draw, mask=True, equal=True, same=True),
            probes.module,
            holds=_hides,
            tolerance=3,
        ),
        Case(
            "in training, gradients reach both sentences and all four layers",
            lambda draw: _cross(draw, mask=True) | {"cotangent_seed": draw.seed(), "train": True},
            probes.module,
            tolerance=5,
        ),
        Case(
            "four layers with bias, and nothing else", _cross_sizes, probes.parameters, guard=True
        ),
        Case(
            "both sentences and the mask are left as they were",
            lambda draw: _cross(draw, mask=True),
            probes.module_untouched,
            guard=True,
        ),
    ),
    hints=(
        "It is chapter 3's MultiHeadAttention with one change: two of the three projections read "
        "the memory instead of x. Who asks, and who is asked?",
        "Queries come from x: self.query(x). Keys and values come from the memory: "
        "self.key(memory), self.value(memory). Split all three into heads; a mask needs one axis "
        "more, mask.unsqueeze(-3).",
        "context, weights = scaled_dot_product_attention(query, key, value, mask), all three split "
        "by split_heads(…, self.num_heads); return self.output(merge_heads(context)), weights.",
    ),
    misconceptions=(
        Misconception(
            m.CrossLooksAtItself,
            "It looks as if keys and values are made from x, so that the target looks at itself. "
            "They come from the memory: self.key(memory) and self.value(memory).",
            also=(m.CrossLooksAtItselfWithoutMask, m.CrossLooksAtItselfRefused),
        ),
        Misconception(
            m.CrossAsksTheMemory,
            "It looks as if the roles are exchanged: the memory asks. The queries come from x, the "
            "keys and values from the memory.",
            also=(
                m.CrossAsksTheMemoryWithoutMask,
                m.CrossAsksTheMemoryRefused,
                m.CrossMemoryAsksItself,
            ),
        ),
        Misconception(
            m.CrossValuesFromTheTarget,
            "It looks as if only one of keys and values is made from the memory. Both are: a "
            "source word is found by its key, and hands over its value.",
            also=(
                m.CrossValuesFromTheTargetRefused,
                m.CrossKeysFromTheTarget,
                m.CrossKeysFromTheTargetRefused,
            ),
        ),
        Misconception(
            m.CrossMaskIgnored,
            "It looks as if the mask is not used, so that the source's padding is looked at. Hand "
            "it on to scaled_dot_product_attention.",
        ),
        Misconception(
            m.CrossMaskWithoutAxis,
            "It looks as if the mask has no axis for the heads, so that a sentence's mask falls on "
            "a head. Put one in where there is a mask: mask.unsqueeze(-3).",
            also=(m.CrossMaskWithoutAxisRefused,),
        ),
        Misconception(
            m.CrossWithoutOutput,
            "It looks as if W_O is missing. After merging, send the vectors through self.output.",
        ),
        Misconception(
            m.CrossScaledByTheWholeSize,
            "It looks as if the scores are divided by √d_model. Each head has vectors of d_head "
            "numbers: divide by √d_head, or leave it to scaled_dot_product_attention.",
            also=(m.CrossNotScaled,),
        ),
        Misconception(
            m.CrossMergedWithoutTranspose,
            "It looks as if the heads are merged by a reshape alone, which mixes words and heads. "
            "Bring the axes back first: merge_heads does both.",
        ),
        Misconception(
            m.CrossRemembersTheSource,
            "It looks as if keys and values of the first source are kept for the next one. Make "
            "them anew from each memory.",
        ),
        Misconception(
            m.CrossNotSplit,
            "It looks as if there is one large head. Split queries, keys and values with "
            "split_heads before the attention.",
        ),
        Misconception(
            m.CrossWithoutWeights,
            "It looks as if forward returns the context alone. Return the pair context, weights: "
            "the weights are the alignment that we want to see.",
        ),
    ),
    alternatives=(m.CrossByEinsum, m.CrossOneHeadAfterTheOther),
    forbidden=("scaled_dot_product", "multi_head_attention"),
    points=2,
    minutes=12,
    difficulty=2,
)


# DecoderBlock

_ATTENTIONS = ("attention", "cross_attention")
_AROUND = ("around_attention", "around_cross_attention", "around_feed_forward")


def _block_weights(
    draw: Draw, d_model: int, d_ff: int, attentions: tuple[str, ...], around: tuple[str, ...]
) -> dict[str, Tensor]:
    shapes = {f"{part}.{name}": (d_model, d_model) for part in attentions for name in _LAYERS}
    shapes |= {"feed_forward.inner": (d_ff, d_model), "feed_forward.outer": (d_model, d_ff)}
    weights = {}
    for name, shape in shapes.items():
        weights[f"{name}.weight"] = draw.normal(*shape, scale=shape[1] ** -0.5)
        weights[f"{name}.bias"] = draw.normal(shape[0], scale=0.5)
    for name in around:
        weights[f"{name}.norm.gamma"] = draw.normal(d_model, scale=0.3) + 1
        weights[f"{name}.norm.beta"] = draw.normal(d_model, scale=0.5)
    return weights


def _block(draw: Draw, norm: str = "post", masks: bool = False, equal: bool = False) -> Inputs:
    batch, seq, seq_k, num_heads, d_ff = draw.sizes(5, 2, 8)
    seq_k = seq if equal else seq_k
    d_model = num_heads * draw.size(5, 7)
    arguments = {
        "x": draw.normal(batch, seq, d_model),
        "memory": draw.normal(batch, seq_k, d_model),
    }
    if masks:
        seen = draw.uniform(batch, 1, seq) < 0.7  # the target may have padding too
        seen = seen | torch.eye(seq, dtype=torch.bool)
        past = torch.ones(seq, seq, dtype=torch.bool).tril() & seen
        arguments |= {"mask": past, "memory_mask": _padding(draw, batch, seq_k)}
    return {
        "sizes": {"d_model": d_model, "num_heads": num_heads, "d_ff": d_ff},
        "options": {"norm": norm} if norm else {},
        "weights": _block_weights(draw, d_model, d_ff, _ATTENTIONS, _AROUND),
        "arguments": arguments,
        "names": ["x", "self weights", "cross weights"],
    }


def _only_memory_mask(draw: Draw) -> Inputs:
    inputs = _block(draw, "post", masks=True, equal=True)
    inputs["arguments"]["mask"] = None
    return inputs


def _block_sizes(draw: Draw) -> Inputs:
    num_heads, d_head, d_ff = draw.sizes(3, 2, 9)
    return {"sizes": {"d_model": num_heads * d_head, "num_heads": num_heads, "d_ff": d_ff}}


decoder_block = Exercise(
    id="DecoderBlock",
    title="remember, read, think",
    reference=blocks.DecoderBlock,
    cases=(
        Case("post-norm: three layers, each with its residual", _block, probes.module, tolerance=5),
        Case(
            "pre-norm: three layers, each with its residual",
            lambda draw: _block(draw, "pre"),
            probes.module,
            tolerance=5,
        ),
        Case(
            "post-norm when nothing is said",
            lambda draw: _block(draw, ""),
            probes.module,
            tolerance=5,
        ),
        Case(
            "both sentences of the same length",
            lambda draw: _block(draw, "post", equal=True),
            probes.module,
            tolerance=5,
        ),
        Case(
            "each mask hides what it should",
            lambda draw: _block(draw, "post", masks=True, equal=True),
            probes.module,
            tolerance=5,
        ),
        Case("a mask for the memory alone", _only_memory_mask, probes.module, tolerance=5),
        Case(
            "pre-norm, with masks, lengths of all kinds",
            lambda draw: _block(draw, "pre", masks=True),
            probes.module,
            tolerance=5,
        ),
        Case(
            "in training, gradients reach target, memory and every parameter",
            lambda draw: (
                _block(draw, draw.choice(("post", "pre")), masks=True)
                | {"cotangent_seed": draw.seed(), "train": True}
            ),
            probes.module,
            tolerance=20,
        ),
        Case(
            "two attentions, feed-forward, three norms",
            _block_sizes,
            probes.parameters,
            guard=True,
        ),
        Case(
            "inputs and masks are left as they were",
            lambda draw: _block(draw, "post", masks=True),
            probes.module_untouched,
            guard=True,
        ),
    ),
    hints=(
        "Three times the same three steps: what the sublayer reads (enter), the sublayer, the sum "
        "(leave). Chapter 3's encoder block has two of the three; cross-attention comes between "
        "them.",
        "Six parts in __init__: MultiHeadAttention and CrossAttention(d_model, num_heads), "
        "FeedForward(d_model, d_ff), and three Residual(d_model, norm=norm). self.attention gets "
        "mask, self.cross_attention gets memory and memory_mask.",
        "change, own = self.attention(self.around_attention.enter(x), mask); x = "
        "self.around_attention.leave(x, change). Then change, cross = self.cross_attention("
        "self.around_cross_attention.enter(x), memory, memory_mask) with its own leave, then the "
        "feed-forward layer; return x, own, cross.",
    ),
    misconceptions=(
        Misconception(
            m.DecodesFromItself,
            "It looks as if cross-attention takes its keys and values from the decoder. They come "
            "from the encoder: self.cross_attention(…, memory, memory_mask).",
            also=(m.DecodesFromItselfWithoutMask, m.DecodesFromItselfRefused),
        ),
        Misconception(
            m.DecodesWithQueriesOfTheEncoder,
            "It looks as if the memory asks and the target answers. The query of cross-attention "
            "is the target, its first argument; the memory comes second.",
            also=(m.DecodesWithQueriesOfTheEncoderRefused,),
        ),
        Misconception(
            m.DecodesPaddingToo,
            "It looks as if memory_mask is forgotten, so that the source's padding is read. Hand "
            "it on to self.cross_attention.",
        ),
        Misconception(
            m.DecodesTheFutureToo,
            "It looks as if the target's mask is forgotten, so that words see the future. Hand "
            "mask on to self.attention.",
        ),
        Misconception(
            m.DecodesWithMasksExchanged,
            "It looks as if a mask falls on the wrong sentence. mask belongs to the target and to "
            "self.attention, memory_mask to the source and to self.cross_attention.",
            also=(
                m.DecodesWithMasksExchangedRefused,
                m.DecodesWithMemoryMaskTwice,
                m.DecodesWithMemoryMaskTwiceRefused,
                m.DecodesWithTargetMaskTwice,
                m.DecodesWithTargetMaskTwiceRefused,
            ),
        ),
        Misconception(
            m.DecodesMemoryFirst,
            "It looks as if cross-attention comes first. First the target looks at itself, then at "
            "the memory, then it thinks.",
        ),
        Misconception(
            m.DecodesSideBySide,
            "It looks as if both attentions read the block's input. Cross-attention starts from "
            "what self-attention has made.",
        ),
        Misconception(
            m.DecodesWithoutThinking,
            "It looks as if the feed-forward layer is missing. It comes last, with a residual of "
            "its own.",
        ),
        Misconception(
            m.DecodesWithoutSecondResidual,
            "It looks as if a residual is missing: after each of the three sublayers, leave adds "
            "its change to what came in.",
            also=(m.DecodesWithoutResiduals,),
        ),
        Misconception(
            m.DecodesWithOneResidual,
            "It looks as if two sublayers share one residual, and so one norm. Each has its own.",
        ),
        Misconception(
            m.DecodesWithoutEntering,
            "It looks as if a sublayer reads x itself. It reads what enter gives, which in "
            "pre-norm is normalised.",
            also=(m.DecodesWithoutEnteringAnything,),
        ),
        Misconception(
            m.DecodesANormedMemory,
            "It looks as if the memory goes through enter as well. Only the target does; the "
            "memory is read as the encoder left it.",
        ),
        Misconception(
            m.DecodesAlwaysPost,
            "It looks as if norm is not handed on. All three residuals need it: "
            "Residual(d_model, norm=norm).",
            also=(m.DecodesAlwaysPre,),
        ),
        Misconception(
            m.DecodesWithWeightsExchanged,
            "It looks as if the two kinds of weights are exchanged. Return x, the weights of "
            "self-attention, then those of cross-attention.",
        ),
        Misconception(
            m.DecodesWithoutWeights,
            "It looks as if weights are missing from the result. Return three things: x, the "
            "weights of self-attention, the weights of cross-attention.",
            also=(m.DecodesWithOneKindOfWeights,),
        ),
    ),
    alternatives=(m.DecodesInALoop, m.DecodesWithAQuestionAtTheTop),
    stands_on=("CrossAttention",),
    forbidden=("transformer_decoder", "multi_head_attention"),
    points=3,
    minutes=15,
    difficulty=3,
)


# Seq2Seq


def _config(draw: Draw, d_model: int, num_heads: int, d_ff: int, pad_id: int = 0) -> Inputs:
    vocab_size, target_vocab_size = draw.sizes(2, 9, 16)
    return {
        "vocab_size": vocab_size,
        "target_vocab_size": target_vocab_size,
        "max_seq": 12,
        "d_model": d_model,
        "num_heads": num_heads,
        "num_layers": draw.size(1, 2),
        "d_ff": d_ff,
        "dropout": 0.0,
        "attention_dropout": 0.0,
        "activation": "gelu",
        "norm": "post",
        "norm_eps": 1e-5,
        "pad_id": pad_id,
        "start_id": 2,
        "end_id": 3,
    }


def _model(draw: Draw, equal: bool = False, padded: bool = True, pad_id: int = 0) -> Inputs:
    batch, seq, seq_k, d_ff = draw.sizes(4, 3, 9)
    seq_k = seq if equal else seq_k
    num_heads = draw.size(2, 3)
    config = _config(draw, num_heads * 6, num_heads, d_ff, pad_id)
    d_model = config["d_model"]
    weights = {
        "source_token.weight": draw.normal(config["vocab_size"], d_model, scale=0.3),
        "target_token.weight": draw.normal(config["target_vocab_size"], d_model, scale=0.3),
    }
    for layer in range(config["num_layers"]):
        reads = _block_weights(draw, d_model, d_ff, _ATTENTIONS[:1], (_AROUND[0], _AROUND[2]))
        writes = _block_weights(draw, d_model, d_ff, _ATTENTIONS, _AROUND)
        weights |= {f"encoder.blocks.{layer}.{name}": value for name, value in reads.items()}
        weights |= {f"decoder.blocks.{layer}.{name}": value for name, value in writes.items()}
    source = draw.integers(4, config["vocab_size"], batch, seq_k)
    target = draw.integers(4, config["target_vocab_size"], batch, seq)
    if pad_id:  # words are other numbers
        source, target = (torch.where(ids == pad_id, 4, ids) for ids in (source, target))
    if padded:
        source = source.masked_fill(~_padding(draw, batch, seq_k).squeeze(1), pad_id)
    target[:, 0] = config["start_id"]
    return {
        "config": config,
        "weights": weights,
        "arguments": {"source": source, "target": target},
    }


def _encoded(draw: Draw) -> Inputs:
    inputs = _model(draw)
    del inputs["arguments"]["target"]
    return inputs | {"calls": {"encode": ["source"]}}


def _decoded(draw: Draw) -> Inputs:
    inputs = _model(draw)
    source = inputs["arguments"].pop("source")
    inputs["arguments"] |= {
        "memory": draw.normal(*source.shape, inputs["config"]["d_model"]),
        "memory_mask": (source != 0).unsqueeze(1),
    }
    return inputs


def _read_before(draw: Draw) -> Inputs:
    inputs = _model(draw)
    source, target = inputs["arguments"].values()
    others = draw.integers(4, inputs["config"]["vocab_size"], *source.shape)
    return inputs | {"earlier": {"source": others, "target": target}}


def _gap_in_target(draw: Draw, pad_id: int = 0) -> Inputs:
    """Padding as the target's second place, so that there are words behind it."""
    inputs = _model(draw, pad_id=pad_id)
    inputs["arguments"]["target"][:, 1] = pad_id
    return inputs


def _same_at_words(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    words = inputs["arguments"]["target"] != inputs["config"]["pad_id"]
    seen, right = observed["output"][words], expected["output"][words]
    if not torch.allclose(seen, right, 1e-3, 1e-4):
        most = (seen - right).abs().max()
        return Failure(f"Scores after real words are wrong by up to {most:.3g}.", "padding")
    return None


def _last_word_changed(draw: Draw) -> Inputs:
    """The same source twice; the second target differs in its last word alone."""
    inputs = _model(draw, padded=False)
    source, target = (value[:1].repeat(2, 1) for value in inputs["arguments"].values())
    last = int(target[0, -1])
    target[1, -1] = 4 + (last - 3) % (inputs["config"]["target_vocab_size"] - 4)
    return inputs | {"arguments": {"source": source, "target": target}}


def _earlier_scores_stay(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    one, other = observed["output"]
    if not torch.allclose(one[:-1], other[:-1], 1e-4, 1e-5):
        return Failure("Another last word changes the scores of earlier words.", "future")
    return None


seq2seq_model = Exercise(
    id="Seq2Seq",
    title="encoder meets decoder",
    reference=seq2seq.Seq2Seq,
    cases=(
        Case(
            "scores of the next word, at every place",
            lambda draw: _model(draw, padded=False),
            probes.module,
            tolerance=5,
        ),
        Case("a source with padding", _model, probes.module, tolerance=5),
        Case(
            "both sentences of the same length",
            lambda d: _model(d, equal=True),
            probes.module,
            tolerance=5,
        ),
        Case("encode gives the memory and its mask", _encoded, probes.methods, tolerance=5),
        Case("decode gives scores, and all blocks' weights", _decoded, probes.decoded, tolerance=5),
        Case("another source after the first", _read_before, probes.module, tolerance=5),
        Case(
            "padding within the target is not looked at",
            _gap_in_target,
            probes.module,
            holds=_same_at_words,
            values=False,
        ),
        Case(
            "padding is what config.pad_id says",
            lambda draw: _gap_in_target(draw, pad_id=draw.size(5, 7)),
            probes.module,
            holds=_same_at_words,
            values=False,
        ),
        Case(
            "a later word leaves earlier scores as they are",
            _last_word_changed,
            probes.module,
            holds=_earlier_scores_stay,
            tolerance=5,
        ),
        Case(
            "gradients reach every parameter",
            lambda draw: _model(draw) | {"cotangent_seed": draw.seed()},
            probes.module,
            tolerance=30,
        ),
        Case(
            "source and target are left as they were", _model, probes.module_untouched, guard=True
        ),
    ),
    hints=(
        "Three small methods. encode: embed the source, send it through the encoder. decode: embed "
        "the target, send it through the decoder together with the memory, score all words. "
        "forward calls the two.",
        "To embed: table(ids) * math.sqrt(self.config.d_model) + self.positions[:ids.shape[1]]. "
        "The encoder needs padding_mask(source, pad_id); the decoder needs target_mask of the "
        "target and the mask that encode returned.",
        "In decode: hidden, weights = self.decoder(x, memory, target_mask(target, "
        "self.config.pad_id), memory_mask), and return hidden @ self.target_token.weight.T, "
        "weights. self.encoder returns a pair, and the memory is its first part.",
    ),
    misconceptions=(
        Misconception(
            m.TranslatesFromEmbeddings,
            "It looks as if the decoder reads the embedded source. The memory is what the encoder "
            "makes of it.",
            also=(m.TranslatesFromEmbeddingsInForward,),
        ),
        Misconception(
            m.TranslatesWithoutSourceMask,
            "It looks as if the encoder sees the source's padding. Hand it the padding mask.",
        ),
        Misconception(
            m.TranslatesWithoutMemoryMask,
            "It looks as if the decoder gets no memory mask and reads the source's padding. Hand "
            "memory_mask on to self.decoder.",
        ),
        Misconception(
            m.TranslatesWithMasksExchanged,
            "It looks as if the decoder's two masks are exchanged. First the target's, then the "
            "memory's.",
            also=(m.TranslatesWithMasksExchangedRefused,),
        ),
        Misconception(
            m.TranslatesWithPadding0,
            "It looks as if 0 is always taken for padding. Its number is self.config.pad_id: hand "
            "it to padding_mask and to target_mask.",
            also=(m.TranslatesWithSourcePadding0, m.TranslatesWithTargetPadding0),
        ),
        Misconception(
            m.TranslatesWithoutTargetPadding,
            "It looks as if the target's mask is causal and no more. It hides padding as well: "
            "target_mask(target, self.config.pad_id).",
        ),
        Misconception(
            m.TranslatesSeeingTheFuture,
            "It looks as if the target sees its own future. Its mask is target_mask(target, "
            "pad_id), which is causal as well.",
        ),
        Misconception(
            m.TranslatesReadingFromLeftToRight,
            "It looks as if the encoder has a causal mask. The source is known from start to end: "
            "hide its padding, and nothing else.",
        ),
        Misconception(
            m.TranslatesWithoutScale,
            "It looks as if the token vectors are not multiplied by √d_model before the positions "
            "are added.",
        ),
        Misconception(
            m.TranslatesScalingTheSum,
            "It looks as if the positions are multiplied by √d_model as well. Only the token "
            "vectors are; the positions are added after that.",
        ),
        Misconception(
            m.TranslatesWithoutPositions,
            "It looks as if positions are missing. Add self.positions[:seq] to the vectors of "
            "source and target.",
            also=(m.TranslatesWithoutTargetPositions,),
        ),
        Misconception(
            m.TranslatesWithProbabilities,
            "It looks as if there is a softmax at the end. Return the scores as they are (logits); "
            "the loss takes the softmax.",
            also=(m.TranslatesWithLogProbabilities,),
        ),
        Misconception(
            m.TranslatesToHiddenVectors,
            "It looks as if the last step is missing: the scores of all words, hidden @ "
            "self.target_token.weight.T.",
        ),
        Misconception(
            m.TranslatesWithPairs,
            "It looks as if forward returns the weights as well. decode returns a pair; forward "
            "returns the logits alone.",
        ),
        Misconception(
            m.TranslatesWithoutDecoderWeights,
            "It looks as if decode does not return what the decoder returns. Return a pair: the "
            "logits, and the decoder's list with the weights of all its blocks.",
            also=(m.TranslatesWithTheLastWeights,),
        ),
        Misconception(
            m.TranslatesTheFirstSource,
            "It looks as if the memory of the first source is kept for the next. Encode each "
            "source anew.",
        ),
        Misconception(
            m.TranslatesWithoutReturningTheMask,
            "It looks as if encode returns the memory alone. Return the pair memory, mask: "
            "whoever decodes needs both.",
        ),
    ),
    alternatives=(m.TranslatesByLinear, m.TranslatesByEinsum),
    stands_on=("CrossAttention", "DecoderBlock", "target_mask"),
    forbidden=("transformer", "multi_head_attention"),
    points=3,
    minutes=20,
    difficulty=3,
)
