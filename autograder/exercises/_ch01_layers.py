"""Chapter 1, last part: positions, and the layers that hold what is learned."""

from collections.abc import Callable
from typing import Any

import torch

from autograder import probes
from autograder.exercises import _ch01_mistakes as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception
from minitransformer import embeddings

Values = dict[str, Any]


# sinusoidal_positions


def _wave_sizes(draw: Draw) -> Values:
    return {"seq": draw.choice((5, 7, 9, 11, 13)), "d_model": draw.choice((4, 6, 8, 12, 16))}


def _starts_at_zero(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    first = observed["result"][0]
    if not torch.allclose(first, torch.tensor([0.0, 1.0]).repeat(len(first) // 2), atol=1e-4):
        shown = ", ".join(f"{value:.2f}" for value in first[:4].tolist())
        text = f"Row 0 begins {shown}. At position 0 each sine is 0 and each cosine is 1."
        return Failure(text, "row 0")
    return None


def _same_length(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    squares = observed["result"].pow(2).sum(-1)
    if not torch.allclose(squares, torch.full_like(squares, inputs["d_model"] / 2), atol=1e-3):
        text = "Not every row has the same length. sin² + cos² is 1 for each pair of one frequency."
        return Failure(text, "length")
    return None


def _edge_waves(draw: Draw) -> Values:
    return {
        "table of one position": {"seq": 1, "d_model": 2 * draw.size(2, 5)},
        "table of two columns": {"seq": draw.size(3, 9), "d_model": 2},
        "table of one pair": {"seq": 2, "d_model": 2},
    }


sinusoidal_positions = Exercise(
    id="sinusoidal_positions",
    title="waves that tell the place",
    reference=embeddings.sinusoidal_positions,
    cases=(
        Case("position 0 is 0, 1, 0, 1, …", _wave_sizes, holds=_starts_at_zero, tolerance=3.0),
        Case("all rows have the same length", _wave_sizes, holds=_same_length, tolerance=3.0),
        Case(
            "any number of positions and columns",
            lambda draw: {"seq": draw.size(14, 30), "d_model": 2 * draw.size(9, 16)},
            tolerance=5.0,
            trials=3,
        ),
        Case("one position, two columns", _edge_waves, probe=probes.several, tolerance=3.0),
        Case(
            "far positions",
            lambda draw: {"seq": draw.size(200, 260), "d_model": 2 * draw.size(3, 7)},
            tolerance=30.0,  # float32 knows the angle 250 to about 3e-5
            trials=1,
        ),
    ),
    hints=(
        "Build the angles first, one for each position and each pair of columns: "
        "(seq, d_model / 2). Then take the sine and the cosine of the same angles.",
        "position = torch.arange(seq).unsqueeze(1) is a column, and torch.arange(0, d_model, 2) is "
        "the row of the even numbers 2i. The angle is position / 10000 ** (2i / d_model).",
        "Make an empty table of shape (seq, d_model). table[:, 0::2] are its even columns and take "
        "the sines, table[:, 1::2] are the odd ones and take the cosines.",
    ),
    misconceptions=(
        Misconception(
            m.sines_then_cosines,
            "It looks as if all sines come first and all cosines after them. They alternate: "
            "sine in column 0, cosine in column 1, and so on.",
        ),
        Misconception(
            m.cosines_come_first,
            "It looks as if sine and cosine have changed places. Even columns are sines.",
        ),
        Misconception(
            m.half_the_exponent,
            "It looks as if the exponent is i / d_model, where it should be 2i / d_model. Count "
            "the even numbers 0, 2, 4, …",
        ),
        Misconception(
            m.own_wave_per_column,
            "It looks as if every column has a frequency of its own. A sine and the cosine next to "
            "it share one angle.",
            also=(m.own_fast_wave_per_column,),
        ),
        Misconception(
            m.twice_the_exponent,
            "It looks as if the exponent is doubled. The even numbers 0, 2, 4, … are 2i already.",
        ),
        Misconception(
            m.only_sines,
            "It looks as if all columns are sines. The odd ones are cosines of the same angles.",
        ),
        Misconception(
            m.waves_in_float64,
            "It looks as if the table is float64. Return float32, torch's usual dtype: .float().",
        ),
        Misconception(
            m.first_place_is_one,
            "It looks as if positions are counted from 1. The first position is 0.",
        ),
        Misconception(
            m.faster_and_faster,
            "It looks as if the waves get faster from pair to pair. Divide the position by the "
            "power of 10000, so that they get slower.",
        ),
        Misconception(
            m.positions_in_columns,
            "It looks as if positions and columns are swapped. A position is a row: the shape is "
            "(seq, d_model).",
        ),
    ),
    alternatives=(m.waves_by_loops, m.waves_by_rotation),
    points=3,
    minutes=15,
    difficulty=3,
)


# TokenEmbedding, LearnedPositions, EmbeddingLayer


def _token_weights(draw: Draw, batch: int = 0, seq: int = 0) -> Values:
    vocab, d_model, some, more = draw.sizes(4, 3, 11)
    return {
        "sizes": {"vocab_size": vocab, "d_model": d_model},
        "weights": {"weight": draw.normal(vocab, d_model)},
        "arguments": {"ids": draw.integers(0, vocab, batch or some, seq or more)},
    }


def _starts_spread(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    """Means near 0, and standard deviations within a tenth: over six sigma with 2000 numbers.

    The codes say the size, coarsely: two tables start alike when both say the same.
    """
    if observed["another one starts alike"]:
        return Failure("Two layers, made one after the other, start with the same numbers.", "seed")
    for name, wanted in STARTING_STD.items():
        if f"std of {name}" not in expected:
            continue
        std, mean = observed[f"std of {name}"], observed[f"mean of {name}"]
        target = wanted or inputs["sizes"]["d_model"] ** -0.5
        if abs(mean) > 0.15 * max(std, target):
            text = f"The mean of {name} starts at {mean:.3g}, not near 0."
            return Failure(text, f"mean of {name} is {mean:.1g}")
        if abs(std - target) > 0.1 * target:
            text = f"{name} starts with standard deviation {std:.3g}, and not {target:.3g}."
            return Failure(text, f"std of {name} is {std:.1g}")
    return None


STARTING_STD = {"weight": 0.0, "token.weight": 0.0, "position.weight": 0.02, "segment": 0.02}
"""What the entries start with; 0 stands for 1 / sqrt(d_model)."""


def _large_positions(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    renamed = [
        {name.replace("weight", "position.weight"): value for name, value in values.items()}
        for values in (observed, expected)
    ]
    return _starts_spread(*renamed, inputs)


def _cotangent(make: Callable[[Draw], Values]) -> Callable[[Draw], Values]:
    """In training mode, where a dropout that nobody asked for would show."""
    return lambda draw: {**make(draw), "cotangent_seed": draw.seed(), "train": True}


TokenEmbedding = Exercise(
    id="TokenEmbedding",
    title="a learned vector for every token",
    reference=embeddings.TokenEmbedding,
    cases=(
        Case(
            "its one parameter is weight, of shape (vocab_size, d_model)",
            lambda draw: {
                "sizes": dict(zip(("vocab_size", "d_model"), draw.sizes(2, 3, 20), strict=True))
            },
            probe=probes.parameters,
            guard=True,
        ),
        Case("each token gets its row, times √d_model", _token_weights, probe=probes.module),
        Case(
            "one sentence, or one token",
            lambda draw: _token_weights(draw, 1, draw.choice((1, 6))),
            probe=probes.module,
        ),
        Case("gradients reach the rows", _cotangent(_token_weights), probe=probes.module),
        Case(
            "the entries start with standard deviation 1 / √d_model",
            lambda draw: {
                "sizes": {"vocab_size": draw.size(150, 200), "d_model": draw.size(20, 36)},
                "seed": draw.seed(),
            },
            probe=probes.initial,
            holds=_starts_spread,
            values=False,
            guard=True,
        ),
    ),
    hints=(
        "In __init__, make the table: random numbers in an nn.Parameter called self.weight. In "
        "forward, look the ids up in it.",
        "torch.randn gives numbers with standard deviation 1. To get 1 / √d_model, divide them by "
        "math.sqrt(d_model) before they go into nn.Parameter.",
        "forward returns lookup(ids, self.weight) times the square root of d_model, and d_model is "
        "self.weight.shape[1].",
    ),
    misconceptions=(
        Misconception(
            m.NoScale,
            "It looks as if the factor √d_model is missing. Multiply the rows by it in forward, or "
            "the positions will drown the words.",
        ),
        Misconception(
            m.DividedByScale,
            "It looks as if the rows are divided by √d_model. In forward they are multiplied.",
        ),
        Misconception(
            m.ScaledByWidth,
            "It looks as if the rows are multiplied by d_model. Multiply by its square root.",
        ),
        Misconception(
            m.ScaledByVocab,
            "It looks as if the factor is the root of the vocabulary's size. It is the root of the "
            "vectors' size: self.weight.shape[1].",
        ),
        Misconception(
            m.NoParameter,
            "It looks as if weight is a plain tensor, which no optimiser would ever find. Wrap it: "
            "nn.Parameter(...).",
            also=(m.BufferTable,),
        ),
        Misconception(
            m.SeededTable,
            "It looks as if a seed is set in __init__, so all tables start with the same numbers. "
            "Seeds are for whoever makes the layer.",
        ),
        Misconception(
            m.TableAsForPlaces,
            "It looks as if the entries start with standard deviation 0.02. Here it is 1 / "
            "√d_model, so that they have size 1 after the scaling.",
        ),
        Misconception(
            m.StandardNormalTable,
            "It looks as if the entries start with standard deviation 1. Divide them by √d_model, "
            "so that they have size 1 after the scaling.",
        ),
        Misconception(
            m.NormalTableNoScale,
            "It looks as if √d_model is missing twice. Divide the first random numbers by it in "
            "__init__, and multiply the rows by it in forward.",
        ),
        Misconception(
            m.UniformTable,
            "It looks as if all entries start above 0, as torch.rand makes them. torch.randn makes "
            "numbers of mean 0; divide them by √d_model.",
            also=(m.SmallUniformTable,),
        ),
        Misconception(
            m.ZeroTable,
            "It looks as if all entries start at 0, so all words start alike. Start with "
            "torch.randn, divided by √d_model.",
        ),
        Misconception(
            m.TableTimesRoot,
            "It looks as if the first random numbers are multiplied by √d_model. In __init__ they "
            "are divided by it.",
        ),
        Misconception(
            m.TableOverWidth,
            "It looks as if the first random numbers are divided by d_model. Divide them by its "
            "square root.",
        ),
    ),
    alternatives=(m.TokenByProduct, m.TokenByIndexSelect),
    stands_on=("lookup",),
    forbidden=("embedding",),
    points=2,
    minutes=12,
    difficulty=2,
)


def _placed(draw: Draw, batch: int = 0, seq: int = 0, spare: int = 0) -> Values:
    some, more, d_model = draw.sizes(3, 2, 7)
    batch, seq = batch or some, seq or more
    max_seq = max(seq + spare, batch)
    return {
        "sizes": {"max_seq": max_seq, "d_model": d_model},
        "weights": {"weight": draw.normal(max_seq, d_model)},
        "arguments": {"x": draw.normal(batch, seq, d_model)},
    }


def _short_sentences(draw: Draw) -> Values:
    return _placed(draw, spare=draw.size(2, 5))


def _one_word(draw: Draw) -> Values:
    """The sizes differ, so that each wrong slice of the table gives another shape."""
    batch, d_model, more = draw.random.sample(range(2, 8), 3)
    max_seq = 7 + more
    return {
        "sizes": {"max_seq": max_seq, "d_model": d_model},
        "weights": {"weight": draw.normal(max_seq, d_model)},
        "arguments": {"x": draw.normal(batch, 1, d_model)},
    }


LearnedPositions = Exercise(
    id="LearnedPositions",
    title="a learned vector for every place",
    reference=embeddings.LearnedPositions,
    cases=(
        Case(
            "its one parameter is weight, of shape (max_seq, d_model)",
            lambda draw: {
                "sizes": dict(zip(("max_seq", "d_model"), draw.sizes(2, 3, 20), strict=True))
            },
            probe=probes.parameters,
            guard=True,
        ),
        Case(
            "each token gets the vector of its place added",
            lambda draw: _placed(draw, batch=2, seq=draw.size(3, 7)),
            probe=probes.module,
        ),
        Case("a short sentence takes the first places", _short_sentences, probe=probes.module),
        Case("sentences of one word take the first place", _one_word, probe=probes.module),
        Case(
            "a batch of one sentence",
            lambda draw: _placed(draw, batch=1, seq=draw.size(2, 6), spare=2),
            probe=probes.module,
        ),
        Case(
            "gradients reach the tokens and the places",
            _cotangent(_short_sentences),
            probe=probes.module,
        ),
        Case(
            "the entries start with standard deviation 0.02",
            lambda draw: {
                "sizes": {"max_seq": draw.size(150, 200), "d_model": draw.size(20, 40)},
                "seed": draw.seed(),
            },
            probe=probes.initial,
            holds=_large_positions,
            values=False,
            guard=True,
        ),
        Case(
            "the vectors that come in are left as they were",
            _short_sentences,
            probe=probes.module_untouched,
            guard=True,
        ),
    ),
    hints=(
        "In __init__, one row for each place. In forward, the first seq rows are added to x; the "
        "number seq is the size of one of the axes of x.",
        "x has shape (batch, seq, d_model), so seq is x.shape[1]. A slice of shape (seq, d_model) "
        "added to x broadcasts over the batch by itself.",
        "self.weight = nn.Parameter(torch.randn(max_seq, d_model) * 0.02), and forward returns x "
        "plus the slice of self.weight up to x.shape[1].",
    ),
    misconceptions=(
        Misconception(
            m.PositionOnly,
            "It looks as if the positions replace the tokens. Add them to x, and return the sum.",
        ),
        Misconception(
            m.PositionTwice,
            "It looks as if the positions are added twice. Once is enough.",
        ),
        Misconception(
            m.PositionOfBatch,
            "It looks as if the position is added along the batch, so all words of a sentence get "
            "the same vector. The places are axis 1 of x: seq = x.shape[1].",
        ),
        Misconception(
            m.PositionFromTheEnd,
            "It looks as if the last rows of the table are used. A sentence begins at place 0: "
            "take the first seq rows.",
        ),
        Misconception(
            m.PositionInPlace,
            "It looks as if x itself is changed (+= works in place). Return a new tensor: x + ….",
        ),
        Misconception(
            m.PositionsTooLarge,
            "It looks as if the entries start with standard deviation 1. Start small, times 0.02, "
            "so that the word counts most at first.",
        ),
        Misconception(
            m.PositionsUniform,
            "It looks as if all entries start above 0, as torch.rand makes them. torch.randn makes "
            "numbers of mean 0; multiply them by 0.02.",
            also=(m.PositionsSmallUniform,),
        ),
        Misconception(
            m.PositionsZero,
            "It looks as if all entries start at 0, so all places start alike. Start with "
            "torch.randn times 0.02.",
        ),
        Misconception(
            m.PositionsNoParameter,
            "It looks as if weight is a plain tensor, which no optimiser would ever find. Wrap it: "
            "nn.Parameter(...).",
            also=(m.PositionsInABuffer,),
        ),
        Misconception(
            m.SeededPositions,
            "It looks as if a seed is set in __init__, so all tables start with the same numbers. "
            "Seeds are for whoever makes the layer.",
        ),
        Misconception(
            m.WholePositionTable,
            "It looks as if the whole table is added, which only fits the longest sentence. Take "
            "its first x.shape[1] rows.",
        ),
        Misconception(
            m.PositionRowsOfBatch,
            "It looks as if as many rows are taken as there are sentences (x.shape[0]). The places "
            "are axis 1 of x: seq = x.shape[1].",
        ),
        Misconception(
            m.PositionRowsOfWidth,
            "It looks as if d_model rows are taken (x.shape[-1]). The places are axis 1 of x: "
            "seq = x.shape[1].",
        ),
        Misconception(
            m.ScalesTheTokens,
            "It looks as if x is multiplied by √d_model here. TokenEmbedding has done so already; "
            "only add the places.",
        ),
    ),
    alternatives=(m.PositionsByLoop, m.PositionsByProduct),
    stands_on=("lookup",),
    forbidden=("embedding",),
    points=2,
    minutes=10,
    difficulty=2,
)


def _layer(draw: Draw, segments: int = 2, spare: int = 2, given: bool = True) -> Values:
    vocab, d_model, batch, seq = draw.sizes(4, 3, 9)
    max_seq = max(seq + spare, batch)
    sizes = {"vocab_size": vocab, "d_model": d_model, "max_seq": max_seq}
    if segments != 2:
        sizes["num_segments"] = segments
    arguments = {"ids": draw.integers(0, vocab, batch, seq)}
    if given:
        arguments["segments"] = draw.integers(0, segments, batch, seq)
        arguments["segments"][0, :2] = torch.tensor([0, segments - 1])
    return {
        "sizes": sizes,
        "weights": {
            "token.weight": draw.normal(vocab, d_model),
            "position.weight": draw.normal(max_seq, d_model),
            "segment": draw.normal(segments, d_model),
        },
        "arguments": arguments,
    }


def _forward_and_back(draw: Draw) -> Values:
    """A sentence of different words, and the same words from the end."""
    inputs = _layer(draw, given=False)
    vocab = inputs["sizes"]["vocab_size"]
    seq = min(vocab, inputs["sizes"]["max_seq"])
    ids = torch.tensor(draw.random.sample(range(vocab), seq))
    inputs["arguments"] = {"ids": torch.stack([ids, ids.flip(0)])}
    return inputs


def _order_matters(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    first, second = observed["output"]
    if torch.allclose(first, second.flip(0), atol=1e-4):
        text = "The sentence and its reverse are the same bag of vectors: the order is lost."
        return Failure(text, "order")
    return None


EmbeddingLayer = Exercise(
    id="EmbeddingLayer",
    title="token, place and segment together",
    reference=embeddings.EmbeddingLayer,
    cases=(
        Case(
            "its parameters are token.weight, position.weight and segment",
            lambda draw: {
                "sizes": dict(
                    zip(
                        ("vocab_size", "d_model", "max_seq", "num_segments"),
                        draw.sizes(4, 2, 20),
                        strict=True,
                    )
                )
            },
            probe=probes.parameters,
            guard=True,
        ),
        Case("the three vectors are added", _layer, probe=probes.module),
        Case(
            "without segments, every token is in segment 0",
            lambda draw: _layer(draw, given=False),
            probe=probes.module,
        ),
        Case(
            "there may be more than two segments",
            lambda draw: _layer(draw, segments=draw.size(3, 5), spare=0),
            probe=probes.module,
        ),
        Case(
            "the same words in another order get other vectors",
            _forward_and_back,
            probe=probes.module,
            holds=_order_matters,
        ),
        Case("gradients reach all three tables", _cotangent(_layer), probe=probes.module),
        Case(
            "the tables start with the right spread",
            lambda draw: {
                "sizes": {
                    "vocab_size": draw.size(150, 200),
                    "d_model": draw.size(20, 40),
                    "max_seq": draw.size(150, 200),
                    "num_segments": draw.size(150, 200),
                },
                "seed": draw.seed(),
            },
            probe=probes.initial,
            holds=_starts_spread,
            values=False,
            guard=True,
        ),
    ),
    hints=(
        "In __init__, make self.token and self.position from the classes you have built, and "
        "self.segment as an nn.Parameter, just as in LearnedPositions.",
        "Remember that your LearnedPositions already adds its input: self.position(x) is x plus "
        "the places. When segments is None, make it zeros of the shape of ids: torch.zeros_like.",
        "forward: embed the ids with self.token, hand that to self.position, and add "
        "lookup(segments, self.segment).",
    ),
    misconceptions=(
        Misconception(
            m.NoSegmentNoVector,
            "It looks as if no segment vector is added when segments is left out. Then every token "
            "is in segment 0, and gets its vector.",
        ),
        Misconception(
            m.ForgetsPosition,
            "It looks as if the positions are missing, so the order of the words is lost. Send the "
            "tokens through self.position.",
        ),
        Misconception(
            m.ForgetsSegment,
            "It looks as if the segment vectors are missing. Look the segments up in self.segment "
            "and add them.",
        ),
        Misconception(
            m.AddsTokenTwice,
            "It looks as if the token vectors are added twice. self.position(x) already gives x "
            "plus the positions.",
        ),
        Misconception(
            m.AddsPositionTwice,
            "It looks as if the positions are added twice. Send the tokens through self.position "
            "once; it adds them.",
        ),
        Misconception(
            m.AlwaysSegmentZero,
            "It looks as if every token gets the vector of segment 0. When segments are given, "
            "look each one up.",
        ),
        Misconception(
            m.TwoSegmentsOnly,
            "It looks as if there are always two segments. Use the parameter num_segments for the "
            "rows of self.segment.",
        ),
        Misconception(
            m.SegmentsTooLarge,
            "It looks as if self.segment starts with standard deviation 1. Start small: times "
            "0.02.",
        ),
        Misconception(
            m.SegmentsZero,
            "It looks as if self.segment starts with nothing but 0. Start with torch.randn times "
            "0.02.",
        ),
        Misconception(
            m.ScalesTheSegments,
            "It looks as if the segment vectors are multiplied by √d_model. Only the token vectors "
            "are.",
        ),
        Misconception(
            m.ScalesEverything,
            "It looks as if the whole sum is multiplied by √d_model. Only the token vectors are.",
        ),
        Misconception(
            m.LayerWithoutScale,
            "It looks as if the factor √d_model is missing. Call self.token(ids), which scales, "
            "rather than looking into its weight.",
        ),
    ),
    alternatives=(m.LayerFromDicts, m.LayerByProducts),
    stands_on=("TokenEmbedding", "LearnedPositions", "lookup"),
    forbidden=("embedding",),
    points=3,
    minutes=15,
    difficulty=3,
)
