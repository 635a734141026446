"""Our few lines that run beside the learner's code and hand back named values.

A probe takes the learner's function or class and a case's inputs, and returns a dict from names
that a learner understands to values. It never compares and never scores: the judge does. The
worker imports this module, so it holds no expected value, no secret and no reference.
"""

from autograder.probes.calls import (
    beside,
    call,
    draws,
    draws_in_places,
    draws_on,
    embedding,
    embedding_untouched,
    errors,
    gradients,
    named,
    rows_of_words,
    searched,
    several,
    untouched,
)
from autograder.probes.modules import (
    decoded,
    initial,
    low_rank,
    low_rank_draws,
    low_rank_parameters,
    low_rank_start,
    methods,
    methods_untouched,
    module,
    module_untouched,
    parameters,
)
from autograder.probes.toys import (
    TableModel,
    freezing,
    on_toy_bert,
    read_in_pieces,
    translation,
    with_gap_model,
    with_model,
)

__all__ = [
    "TableModel",
    "beside",
    "call",
    "decoded",
    "draws",
    "draws_in_places",
    "draws_on",
    "embedding",
    "embedding_untouched",
    "errors",
    "freezing",
    "gradients",
    "initial",
    "low_rank",
    "low_rank_draws",
    "low_rank_parameters",
    "low_rank_start",
    "methods",
    "methods_untouched",
    "module",
    "module_untouched",
    "named",
    "on_toy_bert",
    "parameters",
    "read_in_pieces",
    "rows_of_words",
    "searched",
    "several",
    "translation",
    "untouched",
    "with_gap_model",
    "with_model",
]
