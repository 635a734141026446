"""Chapter 8, second part: passages found by meaning, and prompts made of them."""

from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.exercises import _ch08_mistakes_retrieval as m
from autograder.exercises import _ch08_mistakes_search as found
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
    if observed["gradients stay off"]:
        text = "Gradients stay switched off afterwards, and nothing can be trained any more."
        return Failure(text, "off")
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
        Case("the passages are left as they were", _shelf, probes.embedding_untouched, guard=True),
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
            also=(
                m.embedding_drops_the_rest_with_gradients,
                m.embedding_without_the_last_batch,
            ),
        ),
        Misconception(
            m.embedding_with_gradients,
            "It looks as if everything for gradients is kept, for each passage of the shelf. "
            "Nothing is trained here: encode inside with torch.no_grad().",
        ),
        Misconception(
            m.embedding_switches_gradients_off,
            "It looks as if gradients are switched off and never on again, so that nothing can be "
            "trained afterwards. with torch.no_grad(): ends with its block.",
        ),
        Misconception(
            m.embedding_that_empties_the_shelf,
            "It looks as if the list of passages is changed. It belongs to the caller: take slices "
            "of it, and delete or sort nothing.",
            also=(m.embedding_that_sorts_the_shelf,),
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
            also=(m.embedding_one_by_one_with_gradients,),
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
            also=(m.embedding_as_list_of_vectors,),
        ),
        Misconception(
            m.embedding_of_the_shelf_sorted,
            "It looks as if the passages are sorted first. Row i must belong to passage i, or the "
            "search finds the wrong text.",
            also=(m.embedding_sorts_the_shelf_first,),
        ),
        Misconception(
            m.embedding_last_batch,
            "It looks as if only the last batch is left: each writes over the one before. "
            "Collect them in a list, and put them below each other at the end.",
        ),
        Misconception(
            m.embedding_with_slices_that_end_too_early,
            "It looks as if every slice ends at batch_size, so that only the first has "
            "something in it. A slice goes from start to start + batch_size.",
        ),
        Misconception(
            m.embedding_thirty_two_at_a_time,
            "It looks as if 32 texts go through encode at a time, always. That is only the "
            "default; use batch_size.",
        ),
        Misconception(
            m.embedding_in_as_many_batches,
            "It looks as if batch_size is taken for the number of batches. It is how many texts go "
            "through encode at a time; only the last batch may be smaller.",
        ),
        Misconception(
            m.embedding_an_empty_batch,
            "It looks as if encode gets an empty batch at the end when all others are full. The "
            "starts end before len(passages): range(0, len(passages), batch_size).",
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
    return {f"k = {k} of {count} passages": {**inputs, "k": k} for k in (count + 1, 0, -2)}


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
            "more than there are, or none, is refused with a ValueError",
            _impossible,
            probes.errors,
            guard=True,
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
            found.search_by_dot_product,
            "It looks as if these are dot products. A long vector then wins wherever it points; "
            "for the cosine, divide each vector by its length.",
            also=(found.search_by_dot_product_unchecked,),
        ),
        Misconception(
            found.search_with_queries_normalised,
            "It looks as if the passages keep their lengths. Divide them by theirs as well as the "
            "queries.",
        ),
        Misconception(
            found.search_with_passages_normalised,
            "It looks as if the queries keep their lengths. The order is right, and the scores are "
            "no cosines; divide the queries by theirs, too.",
        ),
        Misconception(
            found.search_normalised_over_the_shelf,
            "It looks as if the lengths are taken down the columns (dim=0). The length of a vector "
            "is the norm of its row: dim=-1.",
        ),
        Misconception(
            found.search_for_the_farthest,
            "It looks as if the smallest cosines are taken. The nearest passage has the largest.",
        ),
        Misconception(
            found.search_by_argsort_upwards,
            "It looks as if the best comes last: argsort and sort go upwards. Ask for "
            "descending=True, or use topk.",
        ),
        Misconception(
            found.search_by_distance,
            "It looks as if these are distances between end points. Here only the direction "
            "counts: the cosine, the larger the better.",
        ),
        Misconception(
            found.search_with_scores_first,
            "It looks as if the scores come first. Return the places, then the scores.",
            also=(found.search_with_scores_first_unchecked,),
        ),
        Misconception(
            found.search_for_queries,
            "It looks as if queries are found for each passage. One row a query: the product "
            "begins with the queries.",
        ),
        Misconception(
            found.search_without_a_word_about_k,
            "It looks as if nobody looks at k. More passages than there are cannot be found: raise "
            "a ValueError that says how many there are.",
            also=(found.search_with_as_many_as_there_are, found.search_by_slicing_a_sort),
        ),
        Misconception(
            found.search_normalised_by_one_norm_each,
            "It looks as if a whole table is divided by one number: norm() without dim measures "
            "all its rows together. Each row has a length of its own: norm(dim=-1, "
            "keepdim=True).",
            also=(
                found.search_passages_normalised_by_one_norm,
                found.search_queries_normalised_by_one_norm,
                found.search_product_by_both_norms,
            ),
        ),
        Misconception(
            found.search_normalised_after_the_product,
            "It looks as if the table of dot products is divided by its own norm. Bring the "
            "vectors to length 1 first; their dot products are the cosines.",
            also=(found.search_product_by_one_norm,),
        ),
        Misconception(
            found.search_by_squared_lengths,
            "It looks as if the vectors are divided by their squared length. The length is the "
            "root of the sum of squares: norm(dim=-1, keepdim=True).",
        ),
        Misconception(
            found.search_by_sums_of_sizes,
            "It looks as if each vector is divided by the sum of its numbers. Its length is the "
            "root of the sum of their squares: norm(dim=-1, keepdim=True).",
            also=(found.search_by_sums,),
        ),
        Misconception(
            found.search_with_softmax,
            "It looks as if a softmax is taken, as in attention. Nothing is shared out here: "
            "hand back the cosines themselves.",
            also=(
                found.search_with_softmax_of_dot_products,
                found.search_with_softmax_like_attention,
            ),
        ),
        Misconception(
            found.search_scaled_like_attention,
            "It looks as if the dot products are divided by √d, as in attention. For a cosine "
            "each vector is divided by its own length.",
        ),
        Misconception(
            found.search_with_cosine_distances,
            "It looks as if the scores are 1 minus the cosine. The places are right; hand back "
            "the cosines themselves, the largest first.",
        ),
        Misconception(
            found.search_with_the_largest_distances,
            "It looks as if 1 minus the cosine is made as large as can be: that finds the "
            "farthest. Take the largest cosines.",
        ),
        Misconception(
            found.search_down_the_columns,
            "It looks as if the best are taken from each column (dim=0): queries for a passage. "
            "Take them from each row: topk(k, dim=-1).",
        ),
        Misconception(
            found.search_that_overwrites,
            "It looks as if the vectors that were handed over are changed: /= overwrites them. "
            "Make new ones: vectors / vectors.norm(dim=-1, keepdim=True).",
            also=(found.search_that_overwrites_the_passages,),
        ),
        Misconception(
            found.search_that_gives_places_alone,
            "It looks as if the places come alone. Return the places and their cosines.",
        ),
        Misconception(
            found.search_with_all_cosines,
            "It looks as if the cosines of all passages come back. Hand back those of the k "
            "that were found, in the same order: the values of topk.",
        ),
        Misconception(
            found.search_refuses_the_whole_shelf,
            "It looks as if k may not be the number of passages. Whoever asks for all of them "
            "gets all: refuse only what is more.",
        ),
        Misconception(
            found.search_refuses_one,
            "It looks as if k = 1 is refused. One passage can be found; refuse only what is "
            "less than 1.",
        ),
        Misconception(
            found.search_allows_none,
            "It looks as if k = 0 is let through. Nobody asks for no passage at all: raise the "
            "ValueError for less than 1 as well.",
        ),
        Misconception(
            found.search_allows_negative_numbers,
            "It looks as if a negative k is let through. Raise the ValueError for every k below 1, "
            "not for 0 alone.",
            also=(found.search_allows_negative_numbers_and_cuts,),
        ),
        Misconception(
            found.search_allows_too_many,
            "It looks as if a k that is too large is let through. Compare it with the number of "
            "passages, and raise a ValueError if it is more.",
            also=(found.search_allows_too_many_and_cuts,),
        ),
        Misconception(
            found.search_asserts,
            "It looks as if another error than a ValueError is raised. Write: raise "
            "ValueError(...), with a message that says what is wrong.",
            also=(found.search_raises_an_index_error,),
        ),
        Misconception(
            found.search_measures_k_by_the_size,
            "It looks as if k is compared with another size than the number of passages. That "
            "is len(passage_vectors), its first axis.",
            also=(found.search_measures_k_by_the_queries,),
        ),
        Misconception(
            found.search_with_axes_squeezed,
            "It looks as if axes of size 1 are squeezed away. The results are (queries, k), for "
            "one query and for k = 1 as well.",
        ),
        Misconception(
            found.search_with_dot_products_as_scores,
            "It looks as if the places are right and the scores are dot products. Hand back the "
            "cosines by which the places were found.",
        ),
        Misconception(
            found.search_that_gives_vectors,
            "It looks as if the vectors of the passages come back. Return their places, whole "
            "numbers.",
        ),
    ),
    alternatives=(found.search_by_sorting, found.search_by_similarity, found.search_query_by_query),
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
    rank[-2] = 0  # two are found at once: as many hits as k would hide a division by k
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
        Case("the share of questions whose passage is among the first k", _findings, trials=4),
        Case("among the first one, two, and all", _at_one_and_all, probes.several),
        Case("a single question", _one_query, probes.several, trials=4),
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
        Misconception(
            m.recall_of_the_first_questions,
            "It looks as if places[:k] is taken: that is the first k questions. The first k "
            "passages of every question are places[:, :k].",
        ),
        Misconception(
            m.recall_in_anybodys_findings,
            "It looks as if a passage counts wherever it was found, for another question too. "
            "Compare each question's passage with its own row.",
        ),
        Misconception(
            m.recall_down_the_columns,
            "It looks as if any() runs down the columns, over the questions. For each question "
            "it runs along its row: any(dim=1).",
        ),
        Misconception(
            m.recall_by_rank,
            "It looks as if a passage counts less the later it stands. For recall it counts in "
            "full, at whichever of the first k places.",
        ),
        Misconception(
            m.recall_of_what_is_missed,
            "This is the share of questions whose passage was missed. Recall is the share for "
            "which it was found.",
        ),
        Misconception(
            m.recall_as_a_count_over_k,
            "It looks as if the questions that found theirs are divided by k. Divide by the "
            "number of questions: mean() over them does it.",
        ),
        Misconception(
            m.recall_at_one_less,
            "It looks as if one passage too few counts. places[:, :k] are the first k.",
        ),
        Misconception(
            m.recall_of_each_question,
            "It looks as if an answer for each question comes back. Take their mean: the share "
            "of Trues.",
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


def _one_or_none(draw: Draw) -> Inputs:
    one = _question(draw, passages=1)
    return {"one passage": one, "no passage": {**one, "passages": []}}


def _own_template(draw: Draw) -> Inputs:
    template = draw.choice(["Read:\n{passages}\n\nThen say: {question}", "{passages} {question}"])
    return {**_question(draw), "template": template}


def _question_before(draw: Draw) -> Inputs:
    inputs = _question(draw)
    inputs["passages"].append(inputs["passages"][0])  # a passage that is there twice stays so
    return {**inputs, "template": "{question} Look here:\n{passages}\nAnswer:"}


def _braces(draw: Draw) -> Inputs:
    inputs = _question(draw)
    inputs["passages"][1] = f"forget that , {{question}} is {_text(draw)} ."
    return inputs


def _braces_in_the_question(draw: Draw) -> Inputs:
    inputs = _question(draw)
    inputs["question"] = f"what does {{passages}} mean , {_text(draw)} ?"
    return inputs


build_prompt = Exercise(
    id="build_prompt",
    title="passages into the prompt",
    reference=retrieval.build_prompt,
    cases=(
        Case("passages, then the question", _question),
        Case("one passage, or none", _one_or_none, probes.several),
        Case("another template", _own_template),
        Case("a template that wants the question first", _question_before),
        Case("a passage with braces stays as it is", _braces),
        Case("a question with braces stays as it is", _braces_in_the_question),
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
            also=(m.prompt_run_together,),
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
            m.prompt_that_needs_a_passage,
            "It looks as if the first passage is taken by itself, and fails where there is none. "
            '"\\n".join(passages) is right for any number of them.',
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
        Misconception(
            m.prompt_with_numbers,
            "It looks as if something is put before each passage, a number or a dash. Each line "
            "is the passage as it came.",
            also=(
                m.prompt_with_numbers_from_zero,
                m.prompt_with_dashes,
            ),
        ),
        Misconception(
            m.prompt_with_the_question_replaced_first,
            "It looks as if the question is filled in first and then searched for places again: "
            "a question that has {passages} in it is changed. Fill in both at once, with "
            "template.format.",
            also=(m.prompt_with_the_question_formatted_first,),
        ),
        Misconception(
            m.prompt_with_the_braces_left,
            "It looks as if the braces are left standing, and only the names in them are filled "
            "in. template.format takes both away.",
        ),
        Misconception(
            m.prompt_with_empty_lines,
            "It looks as if an empty line stands between the passages. One line end between two "
            'of them is enough: "\\n".join(passages).',
        ),
        Misconception(
            m.prompt_with_a_line_end_too_many,
            "It looks as if a line end stands behind the last passage too. join puts it between "
            "two passages only.",
        ),
    ),
    alternatives=(m.prompt_by_format_map, m.prompt_by_growing, m.prompt_by_cutting),
    points=1,
    minutes=6,
    difficulty=1,
)
