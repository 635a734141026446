"""Chapter 8's mistakes and alternatives, second part: finding passages and using them.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import torch
import torch.nn.functional as F
from torch import Tensor

TEMPLATE = "{passages}\nQuestion: {question}\nAnswer:"


# embed_passages


def embedding_drops_the_rest(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    batches = len(passages) // batch_size
    with torch.no_grad():
        starts = [number * batch_size for number in range(batches)]
        parts = [encode(passages[start : start + batch_size]) for start in starts]
    return torch.cat(parts)


def embedding_with_gradients(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    starts = range(0, len(passages), batch_size)
    return torch.cat([encode(passages[start : start + batch_size]) for start in starts])


def embedding_all_at_once(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    with torch.no_grad():
        return encode(passages)


def embedding_all_at_once_with_gradients(
    encode, passages: list[str], batch_size: int = 32
) -> Tensor:
    return encode(passages)


def embedding_one_by_one(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    with torch.no_grad():
        return torch.cat([encode([passage]) for passage in passages])


def embedding_first_batch(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    with torch.no_grad():
        return encode(passages[:batch_size])


def embedding_overlapping(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    with torch.no_grad():
        starts = range(len(passages))
        return torch.cat([encode(passages[start : start + batch_size]) for start in starts])


def embedding_as_list(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    starts = range(0, len(passages), batch_size)
    with torch.no_grad():
        return [encode(passages[start : start + batch_size]) for start in starts]


def embedding_of_the_shelf_sorted(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    ordered = sorted(passages, key=len)
    starts = range(0, len(passages), batch_size)
    with torch.no_grad():
        return torch.cat([encode(ordered[start : start + batch_size]) for start in starts])


def embedding_into_a_list(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    rows = []
    with torch.no_grad():
        for start in range(0, len(passages), batch_size):
            rows.extend(encode(passages[start : start + batch_size]))
    return torch.stack(rows)


def embedding_while_some_are_left(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    waiting, parts = list(passages), []
    with torch.inference_mode():
        while waiting:
            parts.append(encode(waiting[:batch_size]))
            waiting = waiting[batch_size:]
        return torch.cat(parts, dim=0)


def embedding_and_then_detached(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    starts = range(0, len(passages), batch_size)
    return torch.cat([encode(passages[start : start + batch_size]).detach() for start in starts])


# search


def _checked(passages: Tensor, k: int) -> None:
    if not 1 <= k <= len(passages):
        raise ValueError(f"k must lie in 1..{len(passages)}, got {k}")


def _unit(vectors: Tensor) -> Tensor:
    return vectors / vectors.norm(dim=-1, keepdim=True)


def _best(scores: Tensor, k: int, largest: bool = True) -> tuple[Tensor, Tensor]:
    found = scores.topk(k, dim=-1, largest=largest)
    return found.indices, found.values


def search_by_dot_product(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    return _best(query_vectors @ passage_vectors.T, k)


def search_with_queries_normalised(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    return _best(_unit(query_vectors) @ passage_vectors.T, k)


def search_with_passages_normalised(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    return _best(query_vectors @ _unit(passage_vectors).T, k)


def search_normalised_over_the_shelf(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    queries = query_vectors / query_vectors.norm(dim=0, keepdim=True)
    passages = passage_vectors / passage_vectors.norm(dim=0, keepdim=True)
    return _best(queries @ passages.T, k)


def search_for_the_farthest(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    return _best(_unit(query_vectors) @ _unit(passage_vectors).T, k, largest=False)


def search_by_argsort_upwards(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    cosines = _unit(query_vectors) @ _unit(passage_vectors).T
    places = cosines.argsort(dim=-1)[..., -k:]
    return places, cosines.gather(-1, places)


def search_by_distance(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    return _best(torch.cdist(query_vectors, passage_vectors), k, largest=False)


def search_with_scores_first(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    found = (_unit(query_vectors) @ _unit(passage_vectors).T).topk(k, dim=-1)
    return found.values, found.indices


def search_for_queries(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    return _best((_unit(query_vectors) @ _unit(passage_vectors).T).T, min(k, len(query_vectors)))


def search_without_a_word_about_k(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    return _best(_unit(query_vectors) @ _unit(passage_vectors).T, k)


def search_with_as_many_as_there_are(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    return _best(_unit(query_vectors) @ _unit(passage_vectors).T, min(k, len(passage_vectors)))


def search_by_slicing_a_sort(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    cosines = _unit(query_vectors) @ _unit(passage_vectors).T
    found = cosines.sort(dim=-1, descending=True)
    return found.indices[..., :k], found.values[..., :k]


def search_by_sorting(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    if k < 1 or k > passage_vectors.shape[0]:
        raise ValueError("k is out of range")
    queries, passages = F.normalize(query_vectors, dim=-1), F.normalize(passage_vectors, dim=-1)
    cosines = torch.einsum("qd,pd->qp", queries, passages)
    order = cosines.argsort(dim=-1, descending=True)[:, :k]
    return order, cosines.gather(-1, order)


def search_by_similarity(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    pairs = query_vectors.unsqueeze(1), passage_vectors.unsqueeze(0)
    return _best(F.cosine_similarity(*pairs, dim=-1), k)


def search_query_by_query(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    places, scores = [], []
    for query in query_vectors:
        cosines = [
            float(query @ passage) / float(query.norm() * passage.norm())
            for passage in passage_vectors
        ]
        best = sorted(range(len(cosines)), key=lambda place: -cosines[place])[:k]
        places.append(best)
        scores.append([cosines[place] for place in best])
    where = query_vectors.device
    return torch.tensor(places, device=where), query_vectors.new_tensor(scores)


# recall_at_k


def recall_as_precision(places: Tensor, right: Tensor, k: int) -> float:
    hits = places[:, :k] == right.unsqueeze(1)
    return hits.double().mean().item()


def recall_of_all_that_was_found(places: Tensor, right: Tensor, k: int) -> float:
    return (places == right.unsqueeze(1)).any(dim=1).double().mean().item()


def recall_at_one_more(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:, : k + 1] == right.unsqueeze(1)).any(dim=1).double().mean().item()


def recall_at_exactly_k(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:, k - 1] == right).double().mean().item()


def recall_at_the_first(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:, 0] == right).double().mean().item()


def recall_as_a_count(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:, :k] == right.unsqueeze(1)).any(dim=1).sum().item()


def recall_in_per_cent(places: Tensor, right: Tensor, k: int) -> float:
    return 100 * (places[:, :k] == right.unsqueeze(1)).any(dim=1).double().mean().item()


def recall_of_all_queries(places: Tensor, right: Tensor, k: int) -> float:
    return (places[:, :k] == right.unsqueeze(1)).all(dim=1).double().mean().item()


def recall_of_any_query(places: Tensor, right: Tensor, k: int) -> float:
    return float((places[:, :k] == right.unsqueeze(1)).any().item())


def recall_by_sum(places: Tensor, right: Tensor, k: int) -> float:
    hits = (places[:, :k] == right[:, None]).sum(dim=1)
    return (hits.sum() / len(right)).item()


def recall_by_loop(places: Tensor, right: Tensor, k: int) -> float:
    found = [int(one) in row[:k].tolist() for row, one in zip(places, right, strict=True)]
    return sum(found) / len(found)


# build_prompt


def prompt_with_passages_behind(
    question: str, passages: list[str], template: str = TEMPLATE
) -> str:
    return template.format(passages=question, question="\n".join(passages))


def prompt_with_its_own_words(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return TEMPLATE.format(passages="\n".join(passages), question=question)


def prompt_question_first(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return "\n".join([question, *passages])


def prompt_with_spaces(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return template.format(passages=" ".join(passages), question=question)


def prompt_with_empty_lines(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return template.format(passages="\n\n".join(passages), question=question)


def prompt_run_together(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return template.format(passages="".join(passages), question=question)


def prompt_with_a_line_end_too_many(
    question: str, passages: list[str], template: str = TEMPLATE
) -> str:
    return template.format(passages="".join(f"{each}\n" for each in passages), question=question)


def prompt_with_a_list(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return template.format(passages=passages, question=question)


def prompt_with_the_best_only(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return template.format(passages=passages[0], question=question)


def prompt_with_the_best_last(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    return template.format(passages="\n".join(reversed(passages)), question=question)


def prompt_with_passages_sorted(
    question: str, passages: list[str], template: str = TEMPLATE
) -> str:
    return template.format(passages="\n".join(sorted(passages)), question=question)


def prompt_replaced_twice(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    text = template.replace("{passages}", "\n".join(passages))
    return text.replace("{question}", question)


def prompt_formatted_twice(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    text = template.replace("{passages}", "\n".join(passages))
    return text.format(question=question)


def prompt_by_format_map(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    fields = {"question": question, "passages": "\n".join(passages)}
    return template.format_map(fields)


def prompt_by_growing(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    lines = ""
    for number, passage in enumerate(passages):
        lines += ("\n" if number else "") + passage
    return template.format(passages=lines, question=question)


def prompt_by_cutting(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    pieces = []
    for part in template.split("{passages}"):
        pieces.append(question.join(part.split("{question}")))
    return "\n".join(passages).join(pieces)
