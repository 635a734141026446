"""Chapter 1, second part: tables of vectors, and how alike vectors are."""

from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.exercises import _ch01_mistakes as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception
from minitransformer import embeddings

Values = dict[str, Any]


# one_hot


def _row_ids(draw: Draw) -> Values:
    seq, vocab = draw.sizes(2, 3, 9)
    ids = draw.integers(0, vocab - 1, seq)  # the last word does not occur
    return {"ids": ids, "vocab_size": vocab}


def _batch_ids(draw: Draw) -> Values:
    batch, seq, vocab = draw.sizes(3, 2, 7)
    return {"ids": draw.integers(0, vocab, batch, seq), "vocab_size": vocab}


def _single_one(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    if not bool((observed["result"].sum(-1) == 1).all()):
        return Failure("Not every row has exactly one 1.", "ones")
    return None


def _edge_one_hots(draw: Draw) -> Values:
    vocab = draw.size(4, 8)
    return {
        "a single id": {"ids": draw.integers(0, vocab, 1)[0], "vocab_size": vocab},
        "the first and the last word": {"ids": torch.tensor([0, vocab - 1]), "vocab_size": vocab},
        "a vocabulary of one word": {"ids": torch.tensor([0, 0, 0]), "vocab_size": 1},
        "int32 ids": {"ids": draw.integers(0, vocab, 3).int(), "vocab_size": vocab},
    }


one_hot = Exercise(
    id="one_hot",
    title="a row of zeros with a single 1",
    reference=embeddings.one_hot,
    cases=(
        Case("each id becomes a row with its 1 in the right place", _row_ids, holds=_single_one),
        Case("a batch of sentences gives (batch, seq, vocab)", _batch_ids, holds=_single_one),
        Case("one id, the last word, a vocabulary of one", _edge_one_hots, probe=probes.several),
        Case("the ids are left as they were", _batch_ids, probe=probes.untouched, guard=True),
    ),
    hints=(
        "Put every id next to the numbers 0, 1, …, vocab_size - 1. Where they are equal stands "
        "the 1.",
        "ids.unsqueeze(-1) gives the ids a last axis of size 1. Compared with "
        "torch.arange(vocab_size), it broadcasts to (..., vocab).",
        "The comparison ids.unsqueeze(-1) == torch.arange(vocab_size) gives True and False. Turn "
        "them into 1.0 and 0.0 with .float().",
    ),
    misconceptions=(
        Misconception(
            m.whole_numbers,
            "It looks as if the rows hold whole numbers (int64). They will be multiplied with "
            "vectors, so make them floating point: .float().",
        ),
        Misconception(
            m.true_and_false,
            "It looks as if the rows hold True and False. Turn the comparison into numbers with "
            ".float().",
        ),
        Misconception(
            m.as_wide_as_largest,
            "It looks as if the rows end at the largest id that occurs. They are vocab_size long, "
            "whatever the sentence.",
        ),
        Misconception(
            m.words_as_columns,
            "It looks as if the vocabulary is the first axis. It comes last: one row for each id.",
        ),
        Misconception(
            m.one_long_column,
            "It looks as if the batch is lost: all ids stand in one long list. Keep the axes of "
            "ids and add one at the end.",
        ),
        Misconception(
            m.one_row_for_all,
            "It looks as if all ids share one row, with a 1 for each of them. Every id gets a row "
            "of its own.",
        ),
    ),
    alternatives=(m.one_hot_from_eye, m.one_hot_by_scatter),
    forbidden=("one_hot",),
    points=2,
    minutes=8,
    difficulty=2,
)


# lookup


def _table(draw: Draw) -> tuple[int, Tensor]:
    """Wider than long, so that columns can be taken for rows without an error."""
    vocab, d_model = draw.size(3, 6), draw.size(7, 11)
    return vocab, draw.normal(vocab, d_model)


def _sentence(draw: Draw) -> Values:
    vocab, table = _table(draw)
    return {"ids": draw.integers(0, vocab, draw.size(2, 6)), "table": table}


def _sentences(draw: Draw) -> Values:
    vocab, table = _table(draw)
    batch, seq = draw.sizes(2, 2, 5)
    return {"ids": draw.integers(0, vocab, batch, seq), "table": table}


def _double_table(draw: Draw) -> Values:
    inputs = _sentences(draw)
    return {"ids": inputs["ids"], "table": inputs["table"].double()}


def _edge_lookups(draw: Draw) -> Values:
    vocab, table = _table(draw)
    return {
        "vector of one id": {"ids": torch.tensor(vocab - 1), "table": table},
        "vectors from a table of one row": {"ids": torch.zeros(3).long(), "table": table[:1]},
        "vectors of size one": {"ids": draw.integers(0, vocab, 4), "table": table[:, :1]},
    }


def _one_hot_product(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    rows = inputs["ids"].unsqueeze(-1) == torch.arange(len(inputs["table"]))
    if not torch.allclose(observed["result"], rows.float() @ inputs["table"], atol=1e-5):
        return Failure("This is not the product of the one-hot rows and the table.", "product")
    return None


def _repeated(draw: Draw) -> Values:
    inputs = _sentence(draw)
    ids = torch.cat([inputs["ids"], inputs["ids"][:1], inputs["ids"][:1]])
    return {"arguments": {"ids": ids, "table": inputs["table"]}, "cotangent_seed": draw.seed()}


lookup = Exercise(
    id="lookup",
    title="take rows out of a table",
    reference=embeddings.lookup,
    cases=(
        Case("each id brings its row", _sentence),
        Case("a batch of sentences gives (batch, seq, d_model)", _sentences),
        Case("it equals one-hot rows times the table", _sentence, holds=_one_hot_product),
        Case("one id, one row, one column", _edge_lookups, probe=probes.several),
        Case("a float64 table gives float64 vectors", _double_table),
        Case(
            "the gradients of a repeated word add up in its row",
            _repeated,
            probe=probes.gradients,
        ),
        Case("the inputs are left as they were", _sentences, probe=probes.untouched, guard=True),
    ),
    hints=(
        "A tensor can be indexed with a tensor. What does table[3] give, and what could "
        "table[ids] give?",
        "Indexing the first axis of the table with ids of shape (batch, seq) gives one row for "
        "each id: (batch, seq, d_model).",
        "The whole body is one line: index the table with the ids inside square brackets, and "
        "return it. (If you came with one-hot rows: multiply them with the table, in its dtype.)",
    ),
    misconceptions=(
        Misconception(
            m.counts_from_one,
            "It looks as if the ids are counted from 1. The first row of the table has the id 0.",
        ),
        Misconception(
            m.table_columns,
            "It looks as if columns are taken. A word's vector is a row: index the first axis.",
            also=(m.table_turned,),
        ),
        Misconception(
            m.always_single,
            "It looks as if the vectors always become float32. Leave them in the table's dtype.",
        ),
        Misconception(
            m.batch_flattened,
            "It looks as if the batch is flattened. Keep the shape of ids; d_model comes after it.",
        ),
        Misconception(
            m.through_lists,
            "It looks as if the numbers are copied into a new tensor. That loses the dtype, and "
            "no gradient reaches the table: index it instead.",
        ),
        Misconception(
            m.sums_the_rows,
            "It looks as if the rows of a sentence are added up. Each word keeps its own vector.",
        ),
        Misconception(
            m.cut_off_from_table,
            "The numbers are right, but the result is cut off from the table (by detach, .data, "
            "no_grad or a new tensor), so it could never be learned. Index the table itself.",
        ),
    ),
    alternatives=(m.lookup_by_product, m.lookup_by_index_select, m.lookup_by_gather),
    stands_on=("one_hot",),
    forbidden=("embedding",),
    points=1,
    minutes=6,
    difficulty=1,
)


# cosine_similarity_matrix


def _vectors(draw: Draw) -> Values:
    count, d_model = draw.sizes(2, 3, 8)
    return {"vectors": draw.normal(count, d_model)}


def _long_and_short(draw: Draw) -> Values:
    vectors = _vectors(draw)["vectors"]
    lengths = 10 ** draw.uniform(len(vectors), 1, low=-2, high=2)
    return {"vectors": vectors * lengths}


def _with_a_zero(draw: Draw) -> Values:
    vectors = _vectors(draw)["vectors"]
    vectors[draw.size(0, len(vectors) - 1)] = 0
    return {"vectors": vectors}


def _edge_vectors(draw: Draw) -> Values:
    return {
        "similarity of two numbers": {"vectors": torch.tensor([[2.0], [-3.0]])},
        "similarity of one vector": {"vectors": draw.normal(1, 5)},
        "similarity at a right angle": {"vectors": torch.tensor([[3.0, 4.0], [-8.0, 6.0]])},
    }


def _like_itself(observed: Values, expected: Values, inputs: Values) -> Failure | None:
    diagonal = observed["result"].diagonal()
    if bool(((diagonal - 1).abs() > 1e-4).any()):
        worst = float(diagonal[(diagonal - 1).abs().argmax()])
        text = f"On the diagonal, where each vector meets itself, stands {worst:.3g} and not 1."
        return Failure(text, "diagonal")
    return None


cosine_similarity_matrix = Exercise(
    id="cosine_similarity_matrix",
    title="how alike are two directions",
    reference=embeddings.cosine_similarity_matrix,
    cases=(
        Case("every vector has similarity 1 with itself", _vectors, holds=_like_itself),
        Case("only the direction counts, not the length", _long_and_short),
        Case("a vector of zeros has similarity 0 to everything", _with_a_zero),
        Case(
            "one vector, one dimension, a right angle",
            _edge_vectors,
            probe=probes.several,
            guard=True,
        ),
        Case(
            "float64 vectors give a float64 matrix",
            lambda draw: {"vectors": _vectors(draw)["vectors"].double()},
        ),
        Case(
            "gradients flow to the vectors",
            lambda draw: {"arguments": _vectors(draw), "cotangent_seed": draw.seed()},
            probe=probes.gradients,
            tolerance=3.0,
        ),
        Case("the vectors are left as they were", _vectors, probe=probes.untouched, guard=True),
    ),
    hints=(
        "Run the function on two vectors whose answer you know, such as [3, 4] and [6, 8]: they "
        "point the same way. Which number on the diagonal is not 1?",
        "A vector is a row. Its length is the root of the sum of its squares, and that sum runs "
        "along the row. Which axis does the given code sum over?",
        "In vectors of shape (n, d_model) the lengths need shape (n, 1): one for each row. Look "
        "at the dim that is handed to norm.",
    ),
    misconceptions=(
        Misconception(
            m.lengths_of_columns,
            "It looks as if the columns are divided by their lengths, and not the rows. Look at "
            "the axis over which the norm is taken.",
        ),
        Misconception(
            m.plain_dot_products,
            "It looks as if these are plain dot products. Divide every vector by its length first.",
        ),
        Misconception(
            m.one_side_divided,
            "It looks as if only one of the two vectors is divided by its length. Both must be, "
            "and then the matrix is symmetric.",
        ),
        Misconception(
            m.squared_lengths,
            "It looks as if the vectors are divided by their squared length. The length is the "
            "square root of the sum of squares.",
        ),
        Misconception(
            m.one_length_for_all,
            "It looks as if every vector is divided by one and the same number, the length of the "
            "whole table. Each row has a length of its own.",
        ),
        Misconception(
            m.zero_over_zero,
            "It looks as if a vector of zeros is divided by its length 0. Keep the lengths above "
            "zero with clamp_min(1e-8).",
        ),
        Misconception(
            m.divides_in_place,
            "It looks as if the caller's vectors are changed (/= works in place). Write the unit "
            "vectors into a new tensor.",
        ),
    ),
    alternatives=(m.cosine_by_einsum, m.cosine_by_loops, m.cosine_with_normalize),
    forbidden=("cosine_similarity", "corrcoef"),
    points=2,
    minutes=10,
    difficulty=2,
    kind="find the bug",
)
