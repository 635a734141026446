"""Groups of vectors that lie close together, found without labels. Imports nothing of ours."""

import torch
from torch import Tensor


def k_means(vectors: Tensor, centroids: Tensor, steps: int = 10) -> tuple[Tensor, Tensor]:
    """Move k centres until each is the mean of the vectors nearest to it.

        assign:  a_i = argmin_j |v_i - c_j|        move:  c_j = mean of the v_i with a_i = j

    A centre that no vector is nearest to stays where it is.

    Args:
        vectors: ``(n, d_model)``.
        centroids: where the centres start, ``(k, d_model)``; some of the vectors, as a rule.
        steps: how often to assign and move.

    Returns:
        ``(centroids, clusters)``: the centres ``(k, d_model)``, and for each vector the number of
        its nearest centre, ``(n,)``, assigned once more at the end.

    Source: Lloyd, Least Squares Quantization in PCM (1957, published 1982).
    """
    if vectors.shape[1:] != centroids.shape[1:] or not len(vectors) or not len(centroids):
        raise ValueError(
            "vectors (n, d_model) and centroids (k, d_model) must be of one width and not empty, "
            f"got {tuple(vectors.shape)} and {tuple(centroids.shape)}"
        )
    for _ in range(steps):
        member = _nearest(vectors, centroids).unsqueeze(0) == torch.arange(
            len(centroids), device=vectors.device
        ).unsqueeze(1)  # (k, n)
        sizes = member.sum(dim=1, keepdim=True)  # (k, 1)
        means = member.to(vectors) @ vectors / sizes.clamp_min(1)
        centroids = torch.where(sizes > 0, means, centroids)
    return centroids, _nearest(vectors, centroids)


def _nearest(vectors: Tensor, centroids: Tensor) -> Tensor:
    """The number of each vector's nearest centre, ``(n,)``."""
    between = vectors.unsqueeze(1) - centroids.unsqueeze(0)  # (n, k, d_model)
    return between.square().sum(dim=-1).argmin(dim=1)
