"""Chapter 8's mistakes and alternatives, second part continued: the nearest passages.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import torch
import torch.nn.functional as F
from torch import Tensor


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


def search_normalised_by_one_norm_each(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    queries, passages = (
        query_vectors / query_vectors.norm(),
        passage_vectors / passage_vectors.norm(),
    )
    return _best(queries @ passages.T, k)


def search_passages_normalised_by_one_norm(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    return _best(_unit(query_vectors) @ (passage_vectors / passage_vectors.norm()).T, k)


def search_queries_normalised_by_one_norm(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    return _best((query_vectors / query_vectors.norm()) @ _unit(passage_vectors).T, k)


def search_normalised_after_the_product(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    table = query_vectors @ passage_vectors.T
    return _best(table / table.norm(dim=-1, keepdim=True), k)


def search_product_by_one_norm(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    table = query_vectors @ passage_vectors.T
    return _best(table / table.norm(), k)


def search_product_by_both_norms(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    table = query_vectors @ passage_vectors.T
    return _best(table / (query_vectors.norm() * passage_vectors.norm()), k)


def search_by_squared_lengths(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    queries = query_vectors / query_vectors.square().sum(dim=-1, keepdim=True)
    passages = passage_vectors / passage_vectors.square().sum(dim=-1, keepdim=True)
    return _best(queries @ passages.T, k)


def search_by_sums_of_sizes(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    queries = query_vectors / query_vectors.abs().sum(dim=-1, keepdim=True)
    passages = passage_vectors / passage_vectors.abs().sum(dim=-1, keepdim=True)
    return _best(queries @ passages.T, k)


def search_by_sums(query_vectors: Tensor, passage_vectors: Tensor, k: int) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    queries = query_vectors / query_vectors.sum(dim=-1, keepdim=True)
    passages = passage_vectors / passage_vectors.sum(dim=-1, keepdim=True)
    return _best(queries @ passages.T, k)


def search_with_softmax(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    return _best((_unit(query_vectors) @ _unit(passage_vectors).T).softmax(dim=-1), k)


def search_with_softmax_of_dot_products(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    return _best((query_vectors @ passage_vectors.T).softmax(dim=-1), k)


def search_with_softmax_like_attention(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    scale = query_vectors.shape[-1] ** 0.5
    return _best((query_vectors @ passage_vectors.T / scale).softmax(dim=-1), k)


def search_scaled_like_attention(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    return _best(query_vectors @ passage_vectors.T / query_vectors.shape[-1] ** 0.5, k)


def search_with_cosine_distances(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    distances = 1 - _unit(query_vectors) @ _unit(passage_vectors).T
    return _best(distances, k, largest=False)


def search_with_the_largest_distances(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    return _best(1 - _unit(query_vectors) @ _unit(passage_vectors).T, k)


def search_down_the_columns(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    found = (_unit(query_vectors) @ _unit(passage_vectors).T).topk(
        min(k, len(query_vectors)), dim=0
    )
    return found.indices, found.values


def search_that_overwrites(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    query_vectors /= query_vectors.norm(dim=-1, keepdim=True)
    passage_vectors /= passage_vectors.norm(dim=-1, keepdim=True)
    return _best(query_vectors @ passage_vectors.T, k)


def search_that_overwrites_the_passages(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    passage_vectors /= passage_vectors.norm(dim=-1, keepdim=True)
    return _best(_unit(query_vectors) @ passage_vectors.T, k)


def search_that_gives_places_alone(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    return _best(_unit(query_vectors) @ _unit(passage_vectors).T, k)[0]


def search_with_all_cosines(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    cosines = _unit(query_vectors) @ _unit(passage_vectors).T
    return cosines.topk(k, dim=-1).indices, cosines


def search_refuses_the_whole_shelf(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    if not 1 <= k < len(passage_vectors):
        raise ValueError("k is too large")
    return _best(_unit(query_vectors) @ _unit(passage_vectors).T, k)


def search_refuses_one(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    if not 1 < k <= len(passage_vectors):
        raise ValueError("k is too small")
    return _best(_unit(query_vectors) @ _unit(passage_vectors).T, k)


def search_allows_none(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    if k > len(passage_vectors):
        raise ValueError("k is too large")
    return _best(_unit(query_vectors) @ _unit(passage_vectors).T, k)


def search_allows_negative_numbers(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    if k == 0 or k > len(passage_vectors):
        raise ValueError("k must be from 1 to the number of passages")
    return _best(_unit(query_vectors) @ _unit(passage_vectors).T, k)


def search_allows_negative_numbers_and_cuts(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    if k == 0 or k > len(passage_vectors):
        raise ValueError("k must be from 1 to the number of passages")
    found = (_unit(query_vectors) @ _unit(passage_vectors).T).sort(dim=-1, descending=True)
    return found.indices[:, :k], found.values[:, :k]


def search_allows_too_many(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    if k < 1:
        raise ValueError("k is too small")
    return _best(_unit(query_vectors) @ _unit(passage_vectors).T, k)


def search_allows_too_many_and_cuts(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    if k < 1:
        raise ValueError("k is too small")
    return _best(_unit(query_vectors) @ _unit(passage_vectors).T, min(k, len(passage_vectors)))


def search_asserts(query_vectors: Tensor, passage_vectors: Tensor, k: int) -> tuple[Tensor, Tensor]:
    assert 1 <= k <= len(passage_vectors), "k is out of range"
    return _best(_unit(query_vectors) @ _unit(passage_vectors).T, k)


def search_raises_an_index_error(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    if not 1 <= k <= len(passage_vectors):
        raise IndexError("k is out of range")
    return _best(_unit(query_vectors) @ _unit(passage_vectors).T, k)


def search_measures_k_by_the_size(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    if not 1 <= k <= passage_vectors.shape[-1]:
        raise ValueError("k is out of range")
    return _best(_unit(query_vectors) @ _unit(passage_vectors).T, k)


def search_measures_k_by_the_queries(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    if not 1 <= k <= len(query_vectors):
        raise ValueError("k is out of range")
    return _best(_unit(query_vectors) @ _unit(passage_vectors).T, k)


def search_by_dot_product_unchecked(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    return _best(query_vectors @ passage_vectors.T, k)


def search_with_scores_first_unchecked(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    found = (_unit(query_vectors) @ _unit(passage_vectors).T).topk(k, dim=-1)
    return found.values, found.indices


def search_with_axes_squeezed(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    places, cosines = _best(_unit(query_vectors) @ _unit(passage_vectors).T, k)
    return places.squeeze(), cosines.squeeze()


def search_with_dot_products_as_scores(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    places = _best(_unit(query_vectors) @ _unit(passage_vectors).T, k)[0]
    return places, (query_vectors @ passage_vectors.T).gather(-1, places)


def search_that_gives_vectors(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    _checked(passage_vectors, k)
    places, cosines = _best(_unit(query_vectors) @ _unit(passage_vectors).T, k)
    return passage_vectors[places], cosines


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
