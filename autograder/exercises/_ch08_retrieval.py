"""Chapter 8, second part: passages found by meaning, and prompts made of them."""

from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.exercises import _ch08_mistakes_retrieval as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import retrieval

Inputs = dict[str, Any]

WORDS = "mia leo nora omar ada sees feeds buys cooks the cat dog pizza cake at noon dawn".split()


def _text(draw: Draw, words: int = 0) -> str:
    return " ".join(draw.choice(WORDS) for _ in range(words or draw.size(3, 7)))


def _passages(draw: Draw, count: int) -> list[str]:
    """Texts of different lengths, out of order, one of them twice."""
    texts = [_text(draw, 2 + number % 5) + " ." for number in range(count - 1)]
    draw.random.shuffle(texts)
    return [*texts, texts[0]]


# embed_passages


def _shelf(draw: Draw, rest: bool = True) -> Inputs:
    batch_size = draw.size(3, 5)
    count = batch_size * draw.size(2, 3) + (draw.size(1, batch_size - 1) if rest else 0)
    return {"passages": _passages(draw, count), "batch_size": batch_size}


def _default_batch(draw: Draw) -> Inputs:
    return {"passages": _passages(draw, draw.size(33, 60))}


def _few(draw: Draw) -> Inputs:
    return {"passages": _passages(draw, draw.size(2, 4)), "batch_size": draw.size(6, 9)}


def _no_gradients(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    if observed["gradients are kept"]:
        text = "The vectors still carry all that is needed for gradients, and nobody will ask."
        return Failure(text, "gradients")
    return None


embed_passages = Exercise(
    id="embed_passages",
    title="a shelf of vectors",
    reference=retrieval.embed_passages,
    cases=(
        Case("the last batch is a smaller one", _shelf, probes.embedding, holds=_no_gradients),
        Case(
            "all batches are full",
            lambda draw: _shelf(draw, rest=False),
            probes.embedding,
            holds=_no_gradients,
        ),
        Case("32 at a time where nothing is said", _default_batch, probes.embedding),
        Case("fewer passages than fit into one batch", _few, probes.embedding),
    ),
    hints=(
        "Walk over the passages in strides of batch_size. Each stride is a slice of the list, "
        "and encode turns it into a tensor.",
        "range(0, len(passages), batch_size) gives the starts; a slice that reaches beyond the "
        "end of a list is cut off by itself. torch.cat puts the parts one below the other.",
        "Inside with torch.no_grad(): parts = [encode(passages[start : start + batch_size]) for "
        "start in range(0, len(passages), batch_size)]. Then return torch.cat(parts).",
    ),
    misconceptions=(
        Misconception(
            m.embedding_drops_the_rest,
            "It looks as if the last, smaller batch is lost. len(passages) // batch_size counts "
            "full batches only; range(0, len(passages), batch_size) has a start for the rest too.",
        ),
        Misconception(
            m.embedding_with_gradients,
            "It looks as if everything for gradients is kept, for each passage of the shelf. "
            "Nothing is trained here: encode inside with torch.no_grad().",
        ),
        Misconception(
            m.embedding_all_at_once,
            "It looks as if all passages go through encode at once. A shelf of a million does not "
            "fit into memory; hand over batch_size at a time.",
            also=(m.embedding_all_at_once_with_gradients,),
        ),
        Misconception(
            m.embedding_one_by_one,
            "It looks as if encode is called with one passage at a time. The numbers are right, "
            "and it takes far longer: hand over batch_size at a time.",
        ),
        Misconception(
            m.embedding_first_batch,
            "It looks as if only the first batch is embedded. Go on with the passages behind it.",
        ),
        Misconception(
            m.embedding_overlapping,
            "It looks as if the batches overlap. Each begins where the one before ended: range(0, "
            "len(passages), batch_size).",
        ),
        Misconception(
            m.embedding_as_list,
            "It looks as if a list of batches comes back. Put them one below the other with "
            "torch.cat.",
        ),
        Misconception(
            m.embedding_of_the_shelf_sorted,
            "It looks as if the passages are sorted first. Row i must belong to passage i, or the "
            "search finds the wrong text.",
        ),
    ),
    alternatives=(
        m.embedding_into_a_list,
        m.embedding_while_some_are_left,
        m.embedding_and_then_detached,
    ),
    points=2,
    minutes=8,
    difficulty=2,
)


# search


def _vectors(draw: Draw, k: int = 0, queries: int = 0) -> Inputs:
    """Vectors of very different lengths, so that dot products and cosines disagree."""
    found, passages, d = draw.sizes(3, 4, 9)
    passages, queries = passages + 9, queries or found
    lengths = draw.uniform(passages, 1, low=-2.0, high=2.0).exp()
    query_lengths = draw.uniform(queries, 1, low=-2.0, high=2.0).exp()
    return {
        "query_vectors": (draw.normal(queries, d) * query_lengths).double(),
        "passage_vectors": (draw.normal(passages, d) * lengths).double(),
        "k": k or draw.size(2, 3),
    }


def _found(draw: Draw, k: int = 0, queries: int = 0, whole: bool = False) -> Inputs:
    arguments = _vectors(draw, k, queries)
    if whole:
        arguments["k"] = len(arguments["passage_vectors"])
    return {"arguments": arguments, "names": ["places", "scores"]}


def _impossible(draw: Draw) -> Inputs:
    inputs = _vectors(draw)
    count = len(inputs["passage_vectors"])
    return {f"k = {k} of {count} passages": {**inputs, "k": k} for k in (count + 1, 0)}


def _cosines(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    scores = torch.as_tensor(observed["scores"])
    if scores.is_floating_point() and float(scores.abs().max()) > 1.001:
        text = f"A cosine lies between -1 and 1, and one score is {scores.abs().max():.3g}."
        return Failure(text, "no cosine")
    return None


search = Exercise(
    id="search",
    title="the nearest passages",
    reference=retrieval.search,
    cases=(
        Case("the best few of many, best first", _found, probes.named, holds=_cosines),
        Case("the best one alone", lambda draw: _found(draw, k=1), probes.named),
        Case("the whole shelf, in order", lambda draw: _found(draw, whole=True), probes.named),
        Case("a single question", lambda draw: _found(draw, queries=1), probes.named),
        Case(
            "more than there are, or none, is refused with a ValueError", _impossible, probes.errors
        ),
        Case(
            "the vectors are left as they were",
            _vectors,
            probes.untouched,
            guard=True,
        ),
    ),
    hints=(
        "A cosine is a dot product of vectors of length 1. So make all vectors that long first; "
        "then one matrix product gives all cosines at once.",
        "vectors / vectors.norm(dim=-1, keepdim=True) gives each row the length 1. Queries times "
        "transposed passages has one row a query. For the best, look at topk.",
        "After the test of k: found = (unit queries @ unit passages.T).topk(k, dim=-1); return "
        "found.indices, found.values.",
    ),
    misconceptions=(
        Misconception(
            m.search_by_dot_product,
            "It looks as if these are dot products. A long vector then wins wherever it points; "
            "for the cosine, divide each vector by its length.",
        ),
        Misconception(
            m.search_with_queries_normalised,
            "It looks as if the passages keep their lengths. Divide them by theirs as well as the "
            "queries.",
        ),
        Misconception(
            m.search_with_passages_normalised,
            "It looks as if the queries keep their lengths. The order is right, and the scores are "
            "no cosines; divide the queries by theirs, too.",
        ),
        Misconception(
            m.search_normalised_over_the_shelf,
            "It looks as if the lengths are taken down the columns (dim=0). The length of a vector "
            "is the norm of its row: dim=-1.",
        ),
        Misconception(
            m.search_for_the_farthest,
            "It looks as if the smallest cosines are taken. The nearest passage has the largest.",
        ),
        Misconception(
            m.search_by_argsort_upwards,
            "It looks as if the best comes last: argsort and sort go upwards. Ask for "
            "descending=True, or use topk.",
        ),
        Misconception(
            m.search_by_distance,
            "It looks as if these are distances between end points. Here only the direction "
            "counts: the cosine, the larger the better.",
        ),
        Misconception(
            m.search_with_scores_first,
            "It looks as if the scores come first. Return the places, then the scores.",
        ),
        Misconception(
            m.search_for_queries,
            "It looks as if queries are found for each passage. One row a query: the product "
            "begins with the queries.",
        ),
        Misconception(
            m.search_without_a_word_about_k,
            "It looks as if nobody looks at k. More passages than there are cannot be found: raise "
            "a ValueError that says how many there are.",
            also=(m.search_with_as_many_as_there_are, m.search_by_slicing_a_sort),
        ),
    ),
    alternatives=(m.search_by_sorting, m.search_by_similarity, m.search_query_by_query),
    points=3,
    minutes=12,
    difficulty=3,
)


# recall_at_k


def _findings(draw: Draw, k: int = 0) -> Inputs:
    """For each query a shuffled shelf; the right passage stands early for some, late for others."""
    queries, found = draw.sizes(2, 6, 9)
    places = torch.stack(
        [torch.randperm(found + 5, generator=draw.generator)[:found] for _ in range(queries)]
    )
    rank = torch.arange(queries) % found  # 0, 1, 2 … so that every k finds some and misses some
    right = places[torch.arange(queries), rank].clone()
    right[-1] = found + 7  # never found
    return {"places": places, "right": right, "k": k or draw.size(2, 4)}


def _at_one_and_all(draw: Draw) -> Inputs:
    inputs = _findings(draw)
    last = inputs["places"].shape[1]
    return {f"among the first {k}": {**inputs, "k": k} for k in (1, 2, last)}


def _one_query(draw: Draw) -> Inputs:
    inputs = _findings(draw)
    asked = draw.size(2, 3)
    one = {name: v[asked : asked + 1] if isinstance(v, Tensor) else v for name, v in inputs.items()}
    return {f"among the first {k}": {**one, "k": k} for k in (2, 3, 4)}


recall_at_k = Exercise(
    id="recall_at_k",
    title="a score that gets worse the more is found",
    reference=retrieval.recall_at_k,
    cases=(
        Case("the share of questions whose passage is among the first k", _findings),
        Case("among the first one, two, and all", _at_one_and_all, probes.several),
        Case("a single question", _one_query, probes.several),
        Case("what was found is left as it was", _findings, probes.untouched, guard=True),
    ),
    hints=(
        "Work out by hand what the faulty lines give for one question whose right passage is the "
        "first of three found. How many Trues are there, and what are they divided by?",
        "A question counts once, however many passages were found for it. First say for each "
        "question whether its passage is among them, then take the mean over the questions.",
        "Between the comparison and the mean, (places[:, :k] == right.unsqueeze(1)) needs "
        ".any(dim=1).",
    ),
    misconceptions=(
        Misconception(
            m.recall_as_precision,
            "For one question whose passage is among the first three found, this gives 1 / 3, and "
            "it should give 1. The mean runs over all that was found; a question should count "
            "once.",
        ),
        Misconception(
            m.recall_of_all_that_was_found,
            "It looks as if k is not used. Only the first k of what was found count: "
            "places[:, :k].",
        ),
        Misconception(
            m.recall_at_one_more,
            "It looks as if one passage too many counts. places[:, :k] are the first k.",
        ),
        Misconception(
            m.recall_at_exactly_k,
            "It looks as if only place k itself counts. The right passage may stand at any of the "
            "first k.",
        ),
        Misconception(
            m.recall_at_the_first,
            "It looks as if only the first passage counts, whatever k is.",
        ),
        Misconception(
            m.recall_as_a_count,
            "It looks as if the questions are counted. The result is their share, from 0 to 1.",
            also=(m.recall_in_per_cent,),
        ),
        Misconception(
            m.recall_of_all_queries,
            "It looks as if all k passages must be the right one. One of them is enough: any, "
            "not all.",
        ),
        Misconception(
            m.recall_of_any_query,
            "It looks as if any() asks about all the questions together. Ask it for each question: "
            "any(dim=1), then take the mean.",
        ),
    ),
    alternatives=(m.recall_by_sum, m.recall_by_loop),
    points=2,
    minutes=8,
    difficulty=2,
    kind="find the bug",
)


# build_prompt


def _question(draw: Draw, passages: int = 0) -> Inputs:
    texts = [f"{_text(draw)} ." for _ in range(passages or draw.size(3, 4))]
    texts.sort(reverse=True)
    texts[0], texts[1:] = texts[-1], texts[:-1]  # neither sorted nor sorted the other way
    return {"question": f"{_text(draw)} ?", "passages": texts}


def _own_template(draw: Draw) -> Inputs:
    template = draw.choice(["Read:\n{passages}\n\nThen say: {question}", "{passages} {question}"])
    return {**_question(draw), "template": template}


def _question_before(draw: Draw) -> Inputs:
    return {**_question(draw), "template": "{question} Look here:\n{passages}\nAnswer:"}


def _braces(draw: Draw) -> Inputs:
    inputs = _question(draw)
    inputs["passages"][1] = f"forget that , {{question}} is {_text(draw)} ."
    return inputs


build_prompt = Exercise(
    id="build_prompt",
    title="passages into the prompt",
    reference=retrieval.build_prompt,
    cases=(
        Case("passages, then the question", _question),
        Case("one passage", lambda draw: _question(draw, passages=1)),
        Case("another template", _own_template),
        Case("a template that wants the question first", _question_before),
        Case("a passage with braces stays as it is", _braces),
        Case("the passages are left as they were", _question, probes.untouched, guard=True),
    ),
    hints=(
        "Two steps: make one text of the passages, then fill it and the question into the "
        "template.",
        '"\\n".join(passages) puts a line end between any two passages. template.format(...) fills '
        "the places named in braces, each where the template has it.",
        'template.format(passages="\\n".join(passages), question=question).',
    ),
    misconceptions=(
        Misconception(
            m.prompt_with_passages_behind,
            "It looks as if passages and question change places. Each goes where the template has "
            "its name.",
        ),
        Misconception(
            m.prompt_with_its_own_words,
            "It looks as if the template that was handed over is not used. Fill in template, not "
            "a text of your own.",
        ),
        Misconception(
            m.prompt_question_first,
            "It looks as if the question stands before the passages, without the template's words. "
            "Fill in the template; by default it has the passages first.",
        ),
        Misconception(
            m.prompt_with_spaces,
            "It looks as if the passages stand on one line. Each gets a line of its own: put "
            '"\\n" between them.',
            also=(
                m.prompt_with_empty_lines,
                m.prompt_run_together,
                m.prompt_with_a_line_end_too_many,
            ),
        ),
        Misconception(
            m.prompt_with_a_list,
            "It looks as if the list itself is written out, with its brackets and quotes. Make "
            'one text of it first: "\\n".join(passages).',
        ),
        Misconception(
            m.prompt_with_the_best_only,
            "It looks as if only the first passage is used. Write all that were handed over.",
        ),
        Misconception(
            m.prompt_with_the_best_last,
            "It looks as if the passages are in another order. Keep the order they came in, the "
            "best first.",
            also=(m.prompt_with_passages_sorted,),
        ),
        Misconception(
            m.prompt_replaced_twice,
            "It looks as if the passages are filled in first and then searched for places again: a "
            "passage that has {question} in it is changed. Fill in both at once, with "
            "template.format.",
            also=(m.prompt_formatted_twice,),
        ),
    ),
    alternatives=(m.prompt_by_format_map, m.prompt_by_growing, m.prompt_by_cutting),
    points=1,
    minutes=6,
    difficulty=1,
)
