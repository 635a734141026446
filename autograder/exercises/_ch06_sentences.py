"""Chapter 6, third part: one vector a sentence, and groups of sentences."""

from typing import Any

import torch
from torch import Tensor

from autograder import probes
from autograder.exercises import _ch06_mistakes_sentences as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import clustering, heads

Inputs = dict[str, Any]


# mean_pooling


def _real(draw: Draw, batch: int, seq: int) -> Tensor:
    """Sentences of several lengths, each with a real token and one of padding."""
    lengths = draw.integers(1, seq, batch, 1)
    lengths[:2, 0] = torch.tensor([seq - 1, max(1, seq - 3)])
    return torch.arange(seq) < lengths


def _padded(draw: Draw) -> Inputs:
    batch, seq, d_model = draw.sizes(3, 4, 9)
    return {"hidden": draw.normal(batch, seq, d_model) + 1, "real": _real(draw, batch, seq)}


def _unpadded(draw: Draw) -> Inputs:
    inputs = _padded(draw)
    return {**inputs, "real": torch.ones_like(inputs["real"])}


def _cube(draw: Draw) -> Inputs:
    size = draw.size(4, 7)
    return {"hidden": draw.normal(size, size, size).double(), "real": _real(draw, size, size)}


def _padding_in_front(draw: Draw) -> Inputs:
    inputs = _padded(draw)
    return {**inputs, "real": inputs["real"].flip(1)}


def _one_with_gaps(draw: Draw) -> Inputs:
    """A batch of one, with padding between its tokens."""
    seq, d_model = draw.sizes(2, 6, 9)
    real = torch.arange(seq).unsqueeze(0) % 3 != 1
    return {"hidden": draw.normal(1, seq, d_model) + 1, "real": real}


def _other_padding(draw: Draw) -> Inputs:
    inputs = _padded(draw)
    noise = draw.normal(*inputs["hidden"].shape, scale=5) * ~inputs["real"].unsqueeze(-1)
    other = {**inputs, "hidden": inputs["hidden"] + noise}
    return {"the sentences": inputs, "other padding": other}


def _same(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    if not torch.allclose(*observed.values(), rtol=1e-4, atol=1e-5):
        return Failure("The vectors of the padding change the result.", "padding counts")
    return None


mean_pooling = Exercise(
    id="mean_pooling",
    title="one vector for a sentence",
    reference=heads.mean_pooling,
    cases=(
        Case("the mean of the real tokens", _padded, trials=3),
        Case("a sentence without padding", _unpadded),
        Case("what stands in the padding changes nothing", _other_padding, probes.several, _same),
        Case("padding in front", _padding_in_front),
        Case("a single sentence, with padding between its tokens", _one_with_gaps),
        Case("all sizes the same, in float64", _cube),
        Case(
            "gradients flow back to the real tokens alone",
            lambda draw: {"arguments": _padded(draw), "cotangent_seed": draw.seed()},
            probes.gradients,
        ),
        Case("vectors and mask are left as they were", _padded, probes.untouched, guard=True),
    ),
    hints=(
        "A mean is a sum divided by a count. Which vectors belong in the sum, and how many are "
        "they? Both answers are in real.",
        "real is (batch, seq) and hidden (batch, seq, d_model): real.unsqueeze(-1) lines up with "
        "it, and hidden * real.unsqueeze(-1) is 0 at the padding.",
        "Sum over dim=1 and divide by real.sum(dim=1, keepdim=True), the number of real tokens of "
        "each sentence.",
    ),
    misconceptions=(
        Misconception(
            m.pool_with_padding,
            "It looks as if padding is in the mean, so that the same sentence with more padding "
            "gets another vector. Leave it out before anything is added up, and divide by the "
            "number of real tokens.",
            also=(m.pool_masked_after_mean,),
        ),
        Misconception(
            m.pool_padding_in_the_sum,
            "It looks as if you divide by the number of real tokens, but the sum still has the "
            "padding in it. Set its vectors to 0 before you sum.",
        ),
        Misconception(
            m.pool_divided_by_seq,
            "It looks as if the sum is divided by seq, padding included. Divide by the number of "
            "real tokens, real.sum(dim=1, keepdim=True).",
        ),
        Misconception(
            m.pool_divided_by_whole_batch,
            "It looks as if you divide by the real tokens of the whole batch. Each sentence has "
            "its own count: real.sum(dim=1, keepdim=True).",
        ),
        Misconception(
            m.pool_without_division,
            "It looks as if this is the sum. Divide by the number of real tokens, or long "
            "sentences get long vectors.",
        ),
        Misconception(
            m.pool_inverted,
            "It looks as if the mask is the wrong way round: the padding is averaged. True means "
            "real.",
            also=(m.pool_inverted_with_right_count,),
        ),
        Misconception(
            m.pool_over_texts,
            "It looks as if the mean runs over the sentences of the batch. It runs over the tokens "
            "of one sentence, dim=1.",
            also=(m.pool_all_texts_together, m.pool_one_mean_for_all),
        ),
        Misconception(
            m.pool_over_numbers,
            "It looks as if the mean runs over the numbers of each vector. It runs over the "
            "tokens, dim=1, and d_model numbers stay.",
            also=(m.pool_over_numbers_with_padding,),
        ),
        Misconception(
            m.pool_mask_without_axis,
            "It looks as if real meets hidden as it is, and is laid along the wrong axes. It needs "
            "one more axis at the end: real.unsqueeze(-1).",
            also=(m.pool_mask_and_count_without_axis,),
        ),
        Misconception(
            m.pool_count_without_axis,
            "It looks as if the counts are laid along the numbers of a vector. There is one count "
            "a sentence: real.sum(dim=1, keepdim=True) is (batch, 1).",
        ),
        Misconception(
            m.pool_first_ones,
            "It looks as if the first tokens are taken, as many as are real. Padding may also "
            "stand in front: real says where the real ones are.",
        ),
        Misconception(
            m.pool_from_first_to_last,
            "It looks as if everything from the first real token to the last is averaged. What "
            "lies between may be padding too: real says which tokens count.",
        ),
        Misconception(
            m.pool_with_the_batch_squeezed,
            "It looks as if squeeze() takes away every axis of length 1, that of a single sentence "
            "too. The result is always (batch, d_model): say which axis goes.",
        ),
        Misconception(
            m.pool_with_infinity,
            "It looks as if the padding is filled with minus infinity, as it is before a softmax. "
            "What is to be left out of a sum has to be 0.",
            also=(m.pool_with_infinity_by_count,),
        ),
        Misconception(
            m.pool_first_token,
            "It looks as if the vector of the first token is taken. Here all real tokens have a "
            "say: their mean.",
        ),
        Misconception(
            m.pool_largest,
            "It looks as if the largest numbers are taken (max pooling). Take the mean.",
        ),
        Misconception(
            m.pool_in_place,
            "It looks as if zeros are written into hidden itself. It belongs to the caller: make a "
            "new tensor, with masked_fill or by multiplying.",
        ),
    ),
    alternatives=(m.pool_by_products, m.pool_text_by_text),
    points=2,
    minutes=10,
    difficulty=2,
)


# k_means


def _clouds(draw: Draw, steps: int | None = None, double: bool = False) -> Inputs:
    n, k, d_model = draw.size(18, 25), *draw.sizes(2, 3, 6)
    middles = draw.normal(k, d_model, scale=1.5)
    vectors = middles[draw.integers(0, k, n)] + draw.normal(n, d_model)
    centroids = draw.normal(k, d_model, scale=0.5) + vectors[:k] * 0.7
    if double:
        vectors, centroids = vectors.double(), centroids.double()
    steps = draw.size(2, 3) if steps is None else steps
    return {"vectors": vectors, "centroids": centroids, "steps": steps}


def _an_empty_cluster(draw: Draw) -> Inputs:
    inputs = _clouds(draw)
    far = inputs["centroids"].clone()
    far[draw.size(0, len(far) - 1)] += 100
    return {**inputs, "centroids": far}


def _small(draw: Draw) -> Inputs:
    """Axes of length 1, which an unnamed squeeze takes away."""
    inputs = _clouds(draw)
    line = {name: v[:, :1] if isinstance(v, Tensor) else v for name, v in inputs.items()}
    return {
        "a single centre": {**inputs, "centroids": inputs["centroids"][:1]},
        "numbers on a line": line,
    }


def _as_many(draw: Draw) -> Inputs:
    """As many centres as vectors, and as wide: axes that are mixed up do not show by shape."""
    size = draw.size(5, 7)
    vectors = draw.normal(size, size)
    return {"vectors": vectors, "centroids": draw.normal(size, size), "steps": 2}


def _grouped(make: Any) -> Any:
    return lambda draw: {"arguments": make(draw), "names": ["centroids", "clusters"]}


k_means = Exercise(
    id="k_means",
    title="sentences that belong together",
    reference=clustering.k_means,
    cases=(
        Case("assign and move, a few times", _grouped(_clouds), probes.named, trials=3),
        Case("one step", _grouped(lambda draw: _clouds(draw, steps=1)), probes.named, trials=3),
        Case("no step: only assigned", _grouped(lambda draw: _clouds(draw, steps=0)), probes.named),
        Case(
            "a centre that nobody is near stays where it is",
            _grouped(_an_empty_cluster),
            probes.named,
        ),
        Case("as many centres as vectors", _grouped(_as_many), probes.named),
        Case("a single centre, or numbers on a line", _small, probes.several),
        Case("in float64", _grouped(lambda draw: _clouds(draw, double=True)), probes.named),
        Case("vectors and centres are left as they were", _clouds, probes.untouched, guard=True),
    ),
    hints=(
        "Two things by turns: each vector finds its nearest centre; each centre moves to the mean "
        "of its vectors. At the end the vectors look once more.",
        "vectors.unsqueeze(1) - centroids has the shape (n, k, d_model). Square, sum over the last "
        "axis, and argmin(dim=1) is each vector's cluster.",
        "For each j: own = vectors[clusters == j]. If len(own) is 0 the centre stays, otherwise it "
        "becomes own.mean(dim=0). Write into centroids.clone(), not into the caller's tensor.",
    ),
    misconceptions=(
        Misconception(
            m.means_of_the_farthest,
            "It looks as if each vector goes to the farthest centre. The nearest has the smallest "
            "distance: argmin.",
        ),
        Misconception(
            m.means_by_dot_product,
            "It looks as if the largest dot product decides. A long centre then draws everything "
            "to it; take the smallest distance.",
        ),
        Misconception(
            m.means_dividing_by_zero,
            "It looks as if an empty cluster is divided by its size, 0, and becomes nan. Leave its "
            "centre where it is.",
        ),
        Misconception(
            m.means_with_empty_at_zero,
            "It looks as if the centre of an empty cluster jumps to zero. Leave it where it is.",
        ),
        Misconception(
            m.means_moved_once,
            "It looks as if the centres move only once. Assign and move as often as steps says.",
        ),
        Misconception(
            m.means_once_too_often,
            "It looks as if there is one step too many. Assign and move steps times; after that, "
            "only assign.",
            also=(m.means_once_too_often_with_old_groups,),
        ),
        Misconception(
            m.means_always_of_the_first_groups,
            "It looks as if the vectors are assigned once, before the loop. Assign again in every "
            "step: the centres have moved.",
        ),
        Misconception(
            m.means_with_old_groups,
            "It looks as if the clusters are those from before the last move. Assign once more at "
            "the end.",
            also=(m.means_with_groups_of_the_loop,),
        ),
        Misconception(
            m.means_by_absolute_differences,
            "It looks as if absolute differences are added up. Square them before you add: that is "
            "the distance in which the mean is the best centre.",
        ),
        Misconception(
            m.means_by_signed_differences,
            "It looks as if the differences are added up as they are, so that they cancel each "
            "other. Square them first.",
        ),
        Misconception(
            m.means_assigned_after_each_centre,
            "It looks as if the vectors are assigned again after every single centre. In one step, "
            "assign all vectors, then move all centres.",
        ),
        Misconception(
            m.means_without_empty_ones,
            "It looks as if a centre that no vector is nearest to disappears. It stays where it "
            "is, so that there are always k.",
        ),
        Misconception(
            m.means_as_sums,
            "It looks as if a centre becomes the sum of its vectors. Divide by their number.",
        ),
        Misconception(
            m.means_divided_by_all,
            "It looks as if every sum is divided by the number of all vectors. Divide by the "
            "number of those in the cluster.",
        ),
        Misconception(
            m.means_nearest_vector_of_each_centre,
            "It looks as if each centre looks for its nearest vector (dim=0). Each vector looks "
            "for its nearest centre: argmin over the centres, dim=1.",
            also=(m.means_of_vectors_nearest_to_each_centre,),
        ),
        Misconception(
            m.means_in_other_order,
            "It looks as if the two results are exchanged: first the centres, then the clusters.",
        ),
        Misconception(
            m.means_squeezed,
            "It looks as if squeeze() takes away an axis of length 1 that is needed, with a single "
            "centre or with numbers on a line. The distances are (n, k), always.",
        ),
        Misconception(
            m.means_in_place,
            "It looks as if the caller's centroids are overwritten. Work on a copy: "
            "centroids.clone().",
        ),
    ),
    alternatives=(m.means_by_cdist, m.means_vector_by_vector),
    points=3,
    minutes=15,
    difficulty=3,
)
