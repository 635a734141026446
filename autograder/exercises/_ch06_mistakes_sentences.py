"""Chapter 6's mistakes with pooling and clustering, and other right ways to write them.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import torch
from torch import Tensor

# mean_pooling


def pool_with_padding(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden.mean(1)


def pool_masked_after_mean(hidden: Tensor, real: Tensor) -> Tensor:
    means = hidden.mean(1, keepdim=True) * real.unsqueeze(-1)
    return means.sum(1) / real.sum(1, keepdim=True)


def pool_padding_in_the_sum(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden.sum(1) / real.sum(1, keepdim=True)


def pool_divided_by_seq(hidden: Tensor, real: Tensor) -> Tensor:
    return (hidden * real.unsqueeze(-1)).mean(1)


def pool_divided_by_whole_batch(hidden: Tensor, real: Tensor) -> Tensor:
    return (hidden * real.unsqueeze(-1)).sum(1) / real.sum()


def pool_without_division(hidden: Tensor, real: Tensor) -> Tensor:
    return (hidden * real.unsqueeze(-1)).sum(1)


def pool_inverted(hidden: Tensor, real: Tensor) -> Tensor:
    return (hidden * ~real.unsqueeze(-1)).sum(1) / (~real).sum(1, keepdim=True)


def pool_inverted_with_right_count(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden.masked_fill(real.unsqueeze(-1), 0).sum(1) / real.sum(1, keepdim=True)


def pool_over_texts(hidden: Tensor, real: Tensor) -> Tensor:
    return (hidden * real.unsqueeze(-1)).sum(0) / real.sum(0).clamp_min(1).unsqueeze(-1)


def pool_all_texts_together(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden[real].mean(0)


def pool_over_numbers(hidden: Tensor, real: Tensor) -> Tensor:
    return (hidden * real.unsqueeze(-1)).mean(2)


def pool_over_numbers_with_padding(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden.mean(2)


def pool_one_mean_for_all(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden[real].mean(0).expand(len(hidden), -1)


def pool_mask_without_axis(hidden: Tensor, real: Tensor) -> Tensor:
    return (hidden * real).sum(1) / real.sum(1, keepdim=True)


def pool_mask_and_count_without_axis(hidden: Tensor, real: Tensor) -> Tensor:
    return (hidden * real).sum(1) / real.sum(1)


def pool_count_without_axis(hidden: Tensor, real: Tensor) -> Tensor:
    return (hidden * real.unsqueeze(-1)).sum(1) / real.sum(1)


def pool_first_ones(hidden: Tensor, real: Tensor) -> Tensor:
    return torch.stack([h[:n].mean(0) for h, n in zip(hidden, real.sum(1).tolist(), strict=True)])


def pool_from_first_to_last(hidden: Tensor, real: Tensor) -> Tensor:
    begun = real.long().cumsum(1) > 0
    to_come = real.long().flip(1).cumsum(1).flip(1) > 0
    inside = (begun & to_come).unsqueeze(-1)
    return (hidden * inside).sum(1) / inside.sum(1)


def pool_with_the_batch_squeezed(hidden: Tensor, real: Tensor) -> Tensor:
    shares = real / real.sum(dim=1, keepdim=True)
    return (shares.to(hidden.dtype).unsqueeze(1) @ hidden).squeeze()


def pool_with_infinity(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden.masked_fill(~real.unsqueeze(-1), -torch.inf).mean(1)


def pool_with_infinity_by_count(hidden: Tensor, real: Tensor) -> Tensor:
    filled = hidden.masked_fill(~real.unsqueeze(-1), -torch.inf)
    return filled.sum(1) / real.sum(1, keepdim=True)


def pool_first_token(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden[:, 0]


def pool_largest(hidden: Tensor, real: Tensor) -> Tensor:
    return hidden.masked_fill(~real.unsqueeze(-1), -torch.inf).amax(1)


def pool_in_place(hidden: Tensor, real: Tensor) -> Tensor:
    hidden[~real] = 0
    return hidden.sum(1) / real.sum(1, keepdim=True)


def pool_by_products(hidden: Tensor, real: Tensor) -> Tensor:
    share = real.to(hidden) / real.sum(1, keepdim=True)
    return (share.unsqueeze(1) @ hidden).squeeze(1)


def pool_text_by_text(hidden: Tensor, real: Tensor) -> Tensor:
    return torch.stack([h[r].mean(0) for h, r in zip(hidden, real, strict=True)])


# k_means


def _distances(vectors: Tensor, centroids: Tensor) -> Tensor:
    return (vectors.unsqueeze(1) - centroids).square().sum(-1)  # (n, k)


def _assign(vectors: Tensor, centroids: Tensor) -> Tensor:
    return _distances(vectors, centroids).argmin(1)


def _move(vectors: Tensor, centroids: Tensor, clusters: Tensor) -> Tensor:
    moved = centroids.clone()
    for j in range(len(centroids)):
        if (clusters == j).any():
            moved[j] = vectors[clusters == j].mean(0)
    return moved


def means_of_the_farthest(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    for _ in range(steps):
        centroids = _move(vectors, centroids, _distances(vectors, centroids).argmax(1))
    return centroids, _distances(vectors, centroids).argmax(1)


def means_by_dot_product(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    for _ in range(steps):
        centroids = _move(vectors, centroids, (vectors @ centroids.T).argmax(1))
    return centroids, (vectors @ centroids.T).argmax(1)


def means_dividing_by_zero(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    for _ in range(steps):
        clusters = _assign(vectors, centroids)
        centroids = torch.stack([vectors[clusters == j].mean(0) for j in range(len(centroids))])
    return centroids, _assign(vectors, centroids)


def means_with_empty_at_zero(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    for _ in range(steps):
        clusters = _assign(vectors, centroids)
        centroids = torch.stack(
            [
                vectors[clusters == j].sum(0) / max(1, int((clusters == j).sum()))
                for j in range(len(centroids))
            ]
        )
    return centroids, _assign(vectors, centroids)


def means_moved_once(vectors: Tensor, centroids: Tensor, steps: int = 10) -> tuple[Tensor, Tensor]:
    moved = _move(vectors, centroids, _assign(vectors, centroids))
    return moved, _assign(vectors, moved)


def means_once_too_often(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    for _ in range(steps + 1):
        centroids = _move(vectors, centroids, _assign(vectors, centroids))
    return centroids, _assign(vectors, centroids)


def means_always_of_the_first_groups(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    clusters = _assign(vectors, centroids)
    for _ in range(steps):
        centroids = _move(vectors, centroids, clusters)
    return centroids, _assign(vectors, centroids)


def means_with_old_groups(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    clusters = _assign(vectors, centroids)
    for _ in range(steps):
        clusters = _assign(vectors, centroids)
        centroids = _move(vectors, centroids, clusters)
    return centroids, clusters


def means_with_groups_of_the_loop(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    for _ in range(steps):
        clusters = _assign(vectors, centroids)
        centroids = _move(vectors, centroids, clusters)
    return centroids, clusters


def means_once_too_often_with_old_groups(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    for _ in range(steps + 1):
        clusters = _assign(vectors, centroids)
        centroids = _move(vectors, centroids, clusters)
    return centroids, clusters


def means_by_absolute_differences(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    def nearest(centres: Tensor) -> Tensor:
        return (vectors.unsqueeze(1) - centres).abs().sum(-1).argmin(1)

    for _ in range(steps):
        centroids = _move(vectors, centroids, nearest(centroids))
    return centroids, nearest(centroids)


def means_by_signed_differences(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    def nearest(centres: Tensor) -> Tensor:
        return (vectors.unsqueeze(1) - centres).sum(-1).argmin(1)

    for _ in range(steps):
        centroids = _move(vectors, centroids, nearest(centroids))
    return centroids, nearest(centroids)


def means_assigned_after_each_centre(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    centroids = centroids.clone()
    for _ in range(steps):
        for j in range(len(centroids)):
            own = vectors[_assign(vectors, centroids) == j]
            if len(own):
                centroids[j] = own.mean(0)
    return centroids, _assign(vectors, centroids)


def means_without_empty_ones(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    for _ in range(steps):
        clusters = _assign(vectors, centroids)
        centroids = torch.stack([vectors[clusters == j].mean(0) for j in clusters.unique()])
    return centroids, _assign(vectors, centroids)


def means_of_vectors_nearest_to_each_centre(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    for _ in range(steps):
        centroids = _move(vectors, centroids, _distances(vectors, centroids).argmin(0))
    return centroids, _distances(vectors, centroids).argmin(0)


def means_as_sums(vectors: Tensor, centroids: Tensor, steps: int = 10) -> tuple[Tensor, Tensor]:
    for _ in range(steps):
        clusters, moved = _assign(vectors, centroids), centroids.clone()
        for j in range(len(centroids)):
            if (clusters == j).any():
                moved[j] = vectors[clusters == j].sum(0)
        centroids = moved
    return centroids, _assign(vectors, centroids)


def means_divided_by_all(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    for _ in range(steps):
        clusters, moved = _assign(vectors, centroids), centroids.clone()
        for j in range(len(centroids)):
            if (clusters == j).any():
                moved[j] = vectors[clusters == j].sum(0) / len(vectors)
        centroids = moved
    return centroids, _assign(vectors, centroids)


def means_nearest_vector_of_each_centre(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    for _ in range(steps):
        centroids = vectors[_distances(vectors, centroids).argmin(0)]
    return centroids, _distances(vectors, centroids).argmin(0)


def means_in_other_order(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    for _ in range(steps):
        centroids = _move(vectors, centroids, _assign(vectors, centroids))
    return _assign(vectors, centroids), centroids


def means_in_place(vectors: Tensor, centroids: Tensor, steps: int = 10) -> tuple[Tensor, Tensor]:
    for _ in range(steps):
        clusters = _assign(vectors, centroids)
        for j in range(len(centroids)):
            if (clusters == j).any():
                centroids[j] = vectors[clusters == j].mean(0)
    return centroids, _assign(vectors, centroids)


def means_squeezed(vectors: Tensor, centroids: Tensor, steps: int = 10) -> tuple[Tensor, Tensor]:
    centres = centroids.clone()
    for step in range(steps + 1):
        between = (vectors.unsqueeze(1) - centres).squeeze()
        clusters = between.square().sum(dim=-1).argmin(dim=-1)
        for j in range(len(centres) * (step < steps)):
            if (clusters == j).any():
                centres[j] = vectors[clusters == j].mean(0)
    return centres, clusters


def means_by_cdist(vectors: Tensor, centroids: Tensor, steps: int = 10) -> tuple[Tensor, Tensor]:
    for _ in range(steps):
        clusters = torch.cdist(vectors, centroids).argmin(dim=1)
        member = torch.nn.functional.one_hot(clusters, len(centroids)).to(vectors)  # (n, k)
        sizes = member.sum(0).unsqueeze(1)
        moved = (member.T @ vectors) / sizes.clamp(min=1)
        centroids = torch.where(sizes > 0, moved, centroids)
    return centroids, torch.cdist(vectors, centroids).argmin(dim=1)


def means_vector_by_vector(
    vectors: Tensor, centroids: Tensor, steps: int = 10
) -> tuple[Tensor, Tensor]:
    def nearest(centres: list[Tensor]) -> list[int]:
        return [min(range(len(centres)), key=lambda j: float((v - centres[j]).norm()))
                for v in vectors]  # fmt: skip

    centres = list(centroids)
    for _ in range(steps):
        clusters = nearest(centres)
        for j in range(len(centres)):
            own = [v for v, c in zip(vectors, clusters, strict=True) if c == j]
            centres[j] = sum(own) / len(own) if own else centres[j]
    return torch.stack(centres), torch.tensor(nearest(centres))
