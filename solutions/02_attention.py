# %% [markdown]
# # Chapter 2 · Which words should look at which
#
# > *The pizza came out of the oven and **it** tasted good.*
# >
# > *The pizza came out of the oven and **it** was empty.*
#
# What is *it*? In the first sentence the pizza, in the second the oven. You knew at once, because
# you looked back, from *it* to the word that fits what is said about it. In this chapter you teach
# a machine to look back. What you build is called **attention**, and it is the part that gave the
# transformer its power.
#
# **Where you stand.** 1 embeddings → **2 attention** → 3 the transformer block → 4 BERT → 5 GPT → 6
# fine-tuning → 7 translation → 8 assistant. Chapter 1 gave each word a vector of its own. Here it
# learns from its neighbours; chapter 3 puts many heads into a block.
#
# **What you will build.** Eleven small functions, from the softmax to a layer that learns. The
# last but one is a whole attention head. You train it on sentences like these two, with your own
# code in every step, and then you draw where *it* looks.
#
# **What you need.** Chapter 1, or the same knowledge: a sentence is a table of numbers with one
# row per word. Some Python, matrix products, the logarithm. No GPU, no internet.
#
# **How long.** The exercises take about 105 minutes, with reading and playing three hours. The
# notebook itself runs in less than a minute.
#
# **What you can do at the end.** Write scaled dot-product attention from memory and say why each
# part is there. Read an attention map. Hide padding and the future with a mask. Explain what
# transformers do otherwise than the networks before them, and how one word can have two meanings
# and two vectors.

# %%
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check, hint, progress, quiz, use

# %% tags=["demonstration"]
# Pictures. Nothing to learn in this cell: run it and read on.
import matplotlib.pyplot as plt

from minitransformer.sketches import BLUE, GREY, ORANGE, STYLE, show

torch.set_num_threads(1)  # everything here is tiny, and one core does tiny things fastest
plt.rcParams.update(STYLE)


def arcs(ax, words, weights, asking, title=""):
    """Words in a line, and from the asking word an arc to each other, as thick as its weight."""
    for place, word in enumerate(words):
        strong = place == asking or weights[place] > 0.2
        ax.text(place, 0, word, ha="center", va="top", weight="bold" if strong else "normal")
    for place, weight in enumerate(weights):
        if place != asking and weight > 0.005:
            bend = f"arc3,rad={0.35 if place < asking else -0.35}"
            line = dict(arrowstyle="-", lw=0.5 + 5 * weight, color=BLUE, connectionstyle=bend)
            ax.annotate("", (place, 0.02), (asking, 0.02), arrowprops=line)
    ax.set(xlim=(-0.6, len(words) - 0.4), ylim=(-0.25, 1.4))
    ax.set_title(title, loc="left", fontsize=10, y=0.45)
    ax.axis("off")


def heat_map(ax, table, rows, columns, title="", numbers=True):
    """A table of weights from 0 to 1: queries down, keys across."""
    table = torch.as_tensor(table).detach().tolist()
    ax.imshow(table, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    ax.spines[:].set(visible=True, lw=0.6)
    ax.set_title(title, loc="left", fontsize=10)
    for row, values in enumerate(table if numbers else []):
        for column, value in enumerate(values):
            ink = "white" if value > 0.55 else "#404040"
            ax.text(column, row, f"{value:.2f}", ha="center", va="center", fontsize=8, color=ink)


opening = "the pizza came out of the oven and it".split()
figure, axes = plt.subplots(2, 1, figsize=(8, 3.4))
arcs(axes[0], [*opening, "tasted", "good"], [0, 0.97, 0, 0, 0, 0, 0.03, 0, 0, 0, 0], 8)
arcs(axes[1], [*opening, "was", "empty"], [0, 0.03, 0, 0, 0, 0, 0.97, 0, 0, 0, 0], 8)
show(figure, "from “it” a thick arc leads back to “pizza” when it tasted good, and to “oven” when "
     "it was empty. This one is a sketch; at the end you draw it from your own head.")

# %% [markdown]
# ### The way there
#
# | Step | You build | With it you can |
# |---|---|---|
# | 1 Scores to weights | `softmax` | turn any numbers into shares of a whole |
# | 2 Learning from a wrong word | `cross_entropy` | tell a model how wrong it is |
# | 3 Asking and answering | `score_variance`, `similarity_scores` | tell how well two words fit |
# | 4 What may be seen | `padding_mask`, `causal_mask`, `masked_softmax` | hide some of the words |
# | 5 Attention | `attention_weights`, `scaled_dot_product_attention` | ask who, what, where, when |
# | 6 A head that learns | `SelfAttention` | find out what *it* is |
# | 7 Two meanings of one word | `contextual_similarity` | part a *bat* from a *bat* |
#
# **How it works.** Write your code where an exercise says `raise NotImplementedError()`, run the
# cell, run the `check(...)` below it. The check tells you which properties hold, and often which
# mistake it sees. Stuck? The `hint(...)` cell gives three hints, one at a time. You can also read
# on: wherever your own function is not right yet, the notebook continues with the course's, and
# says so. Each exercise builds on earlier ones, and calling your own functions is what they are
# for.
#
# **Words for sizes.** `batch` sentences of `seq` words; each word is a vector of `d_model`
# numbers. A shape such as `(batch, seq, d_model)` lists the sizes in that order, and `...` stands
# for any axes in front.

# %% [markdown]
# ## 1 Scores to weights
#
# Suppose *it* has given each earlier word a score for how well the word fits: 2 for *pizza*, 1 for
# *oven*, 0 for *came*. Scores can be any numbers. To *share out* attention we need weights:
# positive, and summing to 1. The **softmax** makes them. It first makes every score positive with
# exp, then divides by the sum:
#
# $$\text{softmax}(s)_j = \frac{e^{s_j}}{\sum_k e^{s_k}}$$
#
# By hand, for the scores 2, 1, 0:
#
# | | pizza | oven | came | sum |
# |---|---|---|---|---|
# | score $s$ | 2 | 1 | 0 | |
# | $e^s$ | 7.39 | 2.72 | 1.00 | 11.11 |
# | weight | 0.67 | 0.24 | 0.09 | 1 |
#
# Why exp, and not simply score divided by sum? Scores may be negative, and a sum of scores may be
# zero. And exp has a good property: adding the same number to all scores multiplies all
# exponentials by the same factor, which the fraction cancels. Only *differences* between scores
# count.
#
# **One trap.** In float32, $e^{89}$ is already too large, and becomes infinity. Infinity divided
# by infinity is not a number. The cure uses the property above: subtract the largest score first.
# The largest exponential is then $e^0 = 1$, nothing can overflow, and the weights are the same.
#
# **Which axis?** A table of scores has one row per query and one column per key. Each *row* should
# sum to 1, so the softmax runs along the last axis, `dim=-1`. Torch's `amax` and `sum` take `dim`
# too, and `keepdim=True` keeps the axis with size 1, so that the result still lines up with the
# table. Here both the largest score and the sum need it.
#
# **Two words in the checks.** The *dtype* is the kind of number in a tensor: float32 as a rule,
# float64 for more precision. The *gradient* says for each number how the loss changes when that
# number grows a little, and so which way it should move; PyTorch computes it for us.

# %% exercise="softmax"
def softmax(scores: Tensor, dim: int = -1) -> Tensor:
    """Scores to weights: positive, and summing to 1 along dim.

    Args:
        scores: any shape, such as (seq_q, seq_k). They may be huge, or minus infinity.
        dim: the axis along which the weights sum to 1.

    Returns:
        Weights, same shape and dtype as scores. The scores themselves stay as they were.

    Example: softmax(torch.tensor([2.0, 1.0, 0.0])) is about [0.67, 0.24, 0.09].
    """
    ### BEGIN SOLUTION
    shifted = scores - scores.amax(dim=dim, keepdim=True)
    exponentials = shifted.exp()
    return exponentials / exponentials.sum(dim=dim, keepdim=True)
    ### END SOLUTION


# %% [markdown]
# The softmax is a *soft* maximum: the largest score gets the largest share, and how much larger
# depends on how far it stands out. Here are the scores 2, 1, 0, multiplied by different factors.
# Multiplied by 8 the first word takes everything. Keep this picture in mind for step 3.

# %% tags=["demonstration"]
my_softmax = use(softmax)
factors = [0.1, 1, 8]
figure, axes = plt.subplots(1, 3, figsize=(8, 2), sharey=True)
for ax, factor in zip(axes, factors, strict=True):
    weights = my_softmax(factor * torch.tensor([2.0, 1.0, 0.0]))
    bars = ax.bar(["pizza", "oven", "came"], weights, color=BLUE, width=0.6)
    ax.bar_label(bars, fmt="%.2f", color=GREY)
    ax.set(ylim=(0, 1.15))
    ax.set_title(f"scores × {factor}", fontsize=10)
axes[0].set_ylabel("weight")
show(figure, "with small scores all three words get about a third; with large ones the first gets "
     "nearly all.")

# %% [markdown]
# ## 2 Learning from a wrong word
#
# A head learns by being told how wrong it was. Our head will name the word that *it* stands for:
# it gives every word of the vocabulary a score (such scores are called **logits**), the softmax
# turns them into probabilities, and we look at one of these, the probability of the right word.
# The **cross-entropy** is minus its logarithm:
#
# $$\text{loss} = -\log\, \text{softmax}(z)_t$$
#
# with the logits $z$ and the right word's number $t$. If the right word had probability 1, the loss
# is 0. With probability 0.245 it is 1.41. With 0.01 it is 4.6. Being surely wrong costs most.
#
# By hand: logits 2, 1, 0, and the right word is number 1. Its probability is 0.245 (0.24 in the
# table above), the loss 1.41. For several words the loss is the **mean**.
#
# **The same trap, in another place.** A very unlikely word has a probability that rounds to 0, and
# $\log 0$ is minus infinity. So do not compute the probability at all. Simplify on paper first:
#
# $$-\log \frac{e^{z_t}}{\sum_j e^{z_j}} \;=\; \log \sum_j e^{z_j} \;-\; z_t$$
#
# and, as before, subtract the largest logit from all of them, also from $z_t$, before taking exp.
# This is the *log-sum-exp trick*. The largest logits need `keepdim=True` to line up with the rows;
# the sums do not, since one number per row is what you want.
#
# **Picking one number per row.** `logits.gather(-1, index)` takes from each row the entry whose
# number stands in `index`. The index needs as many axes as the logits: `targets.unsqueeze(-1)`
# adds the missing one, and `.squeeze(-1)` removes it from the result.

# %% exercise="cross_entropy"
def cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """The mean of minus the log-probability of the right words, straight from logits.

    Args:
        logits: (..., vocab), one score per word of the vocabulary; may be huge.
        targets: integers (...), the numbers of the right words.

    Returns:
        One number, as a tensor without dimensions: the mean over all the targets.

    Example: cross_entropy(torch.tensor([[2.0, 1.0, 0.0]]), torch.tensor([1])) is about 1.41.
    """
    ### BEGIN SOLUTION
    shifted = logits - logits.amax(dim=-1, keepdim=True)
    log_sum = shifted.exp().sum(dim=-1).log()
    right = shifted.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    return (log_sum - right).mean()
    ### END SOLUTION


# %% tags=["demonstration"]
loss_of = use(cross_entropy)
right_word = torch.tensor([1])
guesses = {
    "sure, and right": [[0.0, 9.0, 0.0]],
    "no idea": [[0.0, 0.0, 0.0]],
    "sure, and wrong": [[9.0, 0.0, 0.0]],
}
for how, logits in guesses.items():
    print(f"{how:>16}: loss {float(loss_of(torch.tensor(logits), right_word)):.2f}")
print(f"no idea among three words costs log(3) = {math.log(3):.2f}")

# %% [markdown]
# ## 3 Asking and answering
#
# **How it was done before.** A recurrent network (RNN, and its better sister the LSTM, Hochreiter
# and Schmidhuber 1997) reads a sentence word by word and keeps one vector as its memory:
#
# ```
#   the → pizza → came → out → of → the → oven → and → it        7 steps from pizza to it
#          └────────────────────────────────────────┘
#                          attention                              1 step
# ```
#
# What *it* knows of *pizza* has gone through seven steps, each of which may blur it, and no step
# can start before the one before it has ended. Early translators built this way (Sutskever and
# others, 2014) pressed a whole sentence through one vector. Bahdanau, Cho and Bengio (2014) let
# the translator *look back* at all the words and choose. Three years later Vaswani and others
# (2017) threw the recurrence away and kept the looking: *Attention Is All You Need*. That paper is
# the transformer, and its equation 1 is what you build now.
#
# **The idea.** Think of a library. You come with a question (a **query**). Each book has a label
# on its spine (a **key**) and pages inside (a **value**). You compare your question with all
# labels, and read most in the books that fit best. Attention does the same with vectors:
#
# 1. compare the query with every key: that gives scores,
# 2. softmax: that gives weights,
# 3. mix the values by these weights: that gives the answer, the **context vector**.
#
# **Comparing.** Two vectors that point the same way have a large dot product. For query $q = (1,
# 2)$ and keys $k_1 = (3, 1)$, $k_2 = (0, -1)$:
#
# $$q \cdot k_1 = 1 \cdot 3 + 2 \cdot 1 = 5 \qquad q \cdot k_2 = 1 \cdot 0 + 2 \cdot (-1) = -2$$
#
# So $k_1$ fits, and $k_2$ does not. With all queries as rows of $Q$ and all keys as rows of $K$,
# one matrix product $QK^\top$ gives all scores at once.
#
# **A problem of size.** A dot product adds up $d_k$ products, where $d_k$ is the length of the
# vectors. The more of them, the further the sums spread; you have seen what the softmax does with
# large scores. How far exactly? Predict it before you measure it.
#
# Take two random vectors whose numbers are independent, each with mean 0 and variance 1. (The
# *variance* says how far numbers spread: the mean of their squared distances from their mean.) What
# is the variance of their dot product? And what is it after every dot product has been divided by
# some number? You need three facts: the product of two such numbers has variance 1; variances of
# independent things add up; the variance is a mean of *squares*.

# %% exercise="score_variance"
def score_variance(d_k: int, divisor: float = 1.0) -> float:
    """Your prediction: the variance of (q · k) / divisor for random vectors q and k.

    Args:
        d_k: how many numbers q and k have, all independent, with mean 0 and variance 1.
        divisor: what each dot product is divided by.

    Returns:
        The variance, a formula in d_k and divisor. No random numbers are needed.

    Example: for d_k = 1 and divisor 1 it is 1. You find the rest.
    """
    ### BEGIN SOLUTION
    return d_k / divisor**2
    ### END SOLUTION


# %% [markdown]
# If you were right you also know which divisor brings the variance back to 1, whatever $d_k$ is:
# the square root $\sqrt{d_k}$. That is the *scaled* in scaled dot-product attention:
#
# $$\text{scores} = \frac{Q K^\top}{\sqrt{d_k}}$$
#
# With the numbers from above, $d_k = 2$: the score for $k_1$ is $5 / 1.41 = 3.54$, and for $k_2$
# it is $-2 / 1.41 = -1.41$.
#
# **Shapes.** Queries `(..., seq_q, d_k)`, keys `(..., seq_k, d_k)`, scores `(..., seq_q, seq_k)`:
# one row per query. There may be a batch axis in front, so only the *last two* axes of the keys
# change places: `key.transpose(-2, -1)`.

# %% exercise="similarity_scores"
def similarity_scores(query: Tensor, key: Tensor) -> Tensor:
    """Scaled dot products of every query with every key.

    Args:
        query: (..., seq_q, d_k), one query per row.
        key: (..., seq_k, d_k), one key per row.

    Returns:
        Scores (..., seq_q, seq_k); row i belongs to query i.

    Example: for query [[1.0, 2.0]] and key [[3.0, 1.0], [0.0, -1.0]] the scores are about
    [[3.54, -1.41]].
    """
    ### BEGIN SOLUTION
    d_k = query.shape[-1]
    return query @ key.transpose(-2, -1) / math.sqrt(d_k)
    ### END SOLUTION


# %% [markdown]
# Now measure. For each $d_k$ we draw 500 random queries and 500 random keys and take the variance
# of their 250,000 dot products, once as they are and once scaled by your function. The lines are
# your prediction. On the right is what this does to the softmax: the largest of eight weights, on
# average.

# %% tags=["demonstration"]
scores_of, predict, my_softmax = use(similarity_scores), use(score_variance), use(softmax)
generator = torch.Generator().manual_seed(2)
sizes = [1, 4, 16, 64, 256]
measured = {"unscaled": [], "scaled": []}
largest = {"unscaled": [], "scaled": []}
for d_k in sizes:
    query, key = torch.randn(2, 500, d_k, generator=generator)
    scaled = scores_of(query, key)
    for name, scores in (("unscaled", scaled * math.sqrt(d_k)), ("scaled", scaled)):
        measured[name].append(float(scores.var()))
        largest[name].append(float(my_softmax(scores[:, :8]).amax(dim=-1).mean()))

figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 3))
left.plot(sizes, [predict(d) for d in sizes], color=ORANGE, lw=1)
left.plot(sizes, [predict(d, math.sqrt(d)) for d in sizes], color=BLUE, lw=1)
left.plot(sizes, measured["unscaled"], "o", color=ORANGE, label="q · k, measured")
left.plot(sizes, measured["scaled"], "s", color=BLUE, label="q · k / √d_k, measured")
left.set(xscale="log", yscale="log", xlabel="d_k", ylabel="variance of the scores")
left.set_title("lines: your prediction", loc="left", fontsize=10)
left.legend()
right.plot(sizes, largest["unscaled"], "o-", color=ORANGE, label="unscaled")
right.plot(sizes, largest["scaled"], "s-", color=BLUE, label="scaled")
right.set(xscale="log", ylim=(0, 1), xlabel="d_k", ylabel="largest weight of eight")
right.set_title("what the softmax makes of it", loc="left", fontsize=10)
right.legend()
figure.tight_layout()
show(figure, "unscaled, the variance is about $d_k$ "
     f"({measured['unscaled'][-1]:.0f} where $d_k$ is 256) and the largest weight climbs to "
     f"{largest['unscaled'][-1]:.2f}; scaled, the variance stays near 1 "
     f"({measured['scaled'][-1]:.2f}) and the largest weight near {largest['scaled'][-1]:.2f}.")

# %% [markdown]
# Unscaled, long vectors make one key take nearly all the weight from the start, by chance. A
# softmax in that state hardly moves when the scores move. So hardly any gradient comes back to say
# which way the head should change, and it cannot unlearn its first guess.

# %%
quiz("why-scale")
# quiz("why-scale", "a")  # remove the first "#", choose a letter, run

# %% [markdown]
# ## 4 What may be seen
#
# Sometimes a word must not be looked at. There are two reasons, and each has its mask. A **mask**
# is a table of True and False; in this course, **True means: may be attended to**.
#
# **Padding.** To put sentences of different lengths into one tensor, the short ones are filled up
# with `[PAD]`, whose id is 0 in chapter 1's vocabulary. Padding says nothing, and nobody should
# look at it:
#
# | squatch | eats | pizza | `[PAD]` | `[PAD]` |
# |---|---|---|---|---|
# | True | True | True | False | False |
#
# The scores of a batch have the shape `(batch, seq_q, seq_k)`. The mask of a sentence is the same
# for all its queries, so it gets an axis of size 1 in their place, `(batch, 1, seq)`, and torch
# repeats it as needed (this is called broadcasting).

# %% exercise="padding_mask"
def padding_mask(ids: Tensor, pad_id: int = 0) -> Tensor:
    """Which tokens are real, and not padding.

    Args:
        ids: token ids (batch, seq).
        pad_id: the id of [PAD].

    Returns:
        A bool tensor (batch, 1, seq), True where a token is real.

    Example: padding_mask(torch.tensor([[7, 3, 0]])) is [[[True, True, False]]].
    """
    ### BEGIN SOLUTION
    return (ids != pad_id).unsqueeze(1)
    ### END SOLUTION


# %% [markdown]
# **The future.** A model that *writes* (chapter 5 builds one) predicts each word from the words
# before it. In training the whole sentence lies on the table, and a model that can see the next
# word learns nothing but to copy it. So word $i$ may look at the words $0$ to $i$, itself
# included, and at none that comes later. Causes lie in the past, hence **causal mask**:
#
# | query ↓ · key → | squatch | eats | pizza |
# |---|---|---|---|
# | **squatch** | True | False | False |
# | **eats** | True | True | False |
# | **pizza** | True | True | True |
#
# **Useful tools.** `torch.arange(seq)` compared as a column with itself as a row gives a table of
# True and False (`unsqueeze(1)` makes the column). Or start from a table of True, `torch.ones` with
# `dtype=torch.bool`; `.tril()` keeps the lower triangle.

# %% exercise="causal_mask"
def causal_mask(seq: int) -> Tensor:
    """Which keys lie in the past: query i may see the keys 0 to i.

    Args:
        seq: how many words the sentence has, at least 1.

    Returns:
        A bool tensor (seq, seq): row i is what query i may see.

    Example: causal_mask(2) is [[True, False], [True, True]].
    """
    ### BEGIN SOLUTION
    return torch.ones(seq, seq, dtype=torch.bool).tril()
    ### END SOLUTION


# %% [markdown]
# Where both masks hold, both must say True: `padding & causal`. Torch lines the shapes up,
# `(batch, 1, seq)` and `(seq, seq)`, and gives `(batch, seq, seq)`.

# %% tags=["demonstration"]
words = ["squatch", "eats", "pizza", "[PAD]", "[PAD]"]
padding = use(padding_mask)(torch.tensor([[5, 9, 12, 0, 0]]))[0]  # (1, 5)
causal = use(causal_mask)(5)  # (5, 5)
masks = {"padding": padding.expand(5, 5), "causal": causal, "both": padding & causal}
figure, axes = plt.subplots(1, 3, figsize=(9, 2.9), sharey=True)
for ax, (title, mask) in zip(axes, masks.items(), strict=True):
    heat_map(ax, mask.float() * 0.7, words, words, f"{title}: {int(mask.sum())} of 25", False)
    ax.set_xlabel("keys")
axes[0].set_ylabel("queries")
figure.tight_layout()
show(figure, "blue means “may be attended to”. The padding mask keeps three columns, the causal "
     f"mask the lower triangle, and both together {int(masks['both'].sum())} places.")

# %% [markdown]
# **Using a mask.** A hidden key should get weight 0, and the keys that may be seen should share
# the whole 1 among them. Someone has written `masked_softmax` for us. It runs, its hidden weights
# are 0, and it is wrong. Take the scores 2, 1, 0 and hide the last:
#
# | | pizza | oven | came (hidden) | sum |
# |---|---|---|---|---|
# | it should give | 0.73 | 0.27 | 0 | 1 |
# | it gives | 0.67 | 0.24 | 0 | 0.91 |
#
# Nine per cent are gone. There is worse: raise the *hidden* score, and the weights of the two words
# that may be seen shrink. Whatever is hidden still shines through. Which line does it, and what has
# to happen instead? Two things you know will help: $e^{-\infty} = 0$, so there is a score that
# makes a key vanish from the sum as well; in Python it is `-math.inf`. And
# `tensor.masked_fill(where, value)` gives a new tensor in which the places where `where` is True
# hold `value`; `~mask` turns True and False round.

# %% exercise="masked_softmax"
def masked_softmax(scores: Tensor, mask: Tensor) -> Tensor:
    """A softmax over the keys that may be seen; the hidden ones get weight 0.

    Args:
        scores: (..., seq_q, seq_k).
        mask: bool, broadcasts to the scores; True = may be attended to. In each row at least
            one key may be seen.

    Returns:
        Weights (..., seq_q, seq_k); each row sums to 1.

    Example: scores [[2.0, 1.0, 0.0]] with mask [[True, True, False]] give about
    [[0.73, 0.27, 0.0]].
    """
    ### BEGIN SOLUTION
    visible_scores = scores.masked_fill(~mask, -math.inf)
    return softmax(visible_scores, dim=-1)
    ### END SOLUTION
    ### BEGIN BUG
    # weights = softmax(scores, dim=-1)
    # return weights.masked_fill(~mask, 0.0)
    ### END BUG


# %%
quiz("why-minus-infinity")
# quiz("why-minus-infinity", "a")

# %%
quiz("which-mask")
# quiz("which-mask", "a")

# %% [markdown]
# ## 5 Attention
#
# Now put your parts together. First the weights: scores, then a softmax over the keys, masked if
# there is a mask.
#
# $$\text{weights} = \text{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}}\right)$$
#
# Everything in it you have written. `mask` may be `None`, and then nothing is hidden. Ask with
# `is None` or `is not None`: `if mask:` does not work for a tensor, which is not one True or False
# but many.

# %% exercise="attention_weights"
def attention_weights(query: Tensor, key: Tensor, mask: Tensor | None = None) -> Tensor:
    """How much each query attends to each key. Call your own functions.

    Args:
        query: (..., seq_q, d_k).
        key: (..., seq_k, d_k).
        mask: None, or bool and broadcasting to (..., seq_q, seq_k); True = may be attended to.

    Returns:
        Weights (..., seq_q, seq_k); each row sums to 1, hidden keys have weight 0.

    Example: query [[1.0, 2.0]] and key [[3.0, 1.0], [0.0, -1.0]] have the scores 3.54 and -1.41,
    so the weights are about [[0.99, 0.01]].
    """
    ### BEGIN SOLUTION
    scores = similarity_scores(query, key)
    if mask is None:
        return softmax(scores, dim=-1)
    return masked_softmax(scores, mask)
    ### END SOLUTION


# %% [markdown]
# And the last step: each query takes the mean of all the values, weighted by how well their keys
# fit.
#
# $$\text{Attention}(Q, K, V) = \text{softmax}\!\left(\frac{QK^\top}{\sqrt{d_k}}\right) V$$
#
# By hand: weights 0.75 and 0.25, values $(4, 0)$ and $(0, 8)$. The context vector is $0.75 \cdot
# (4, 0) + 0.25 \cdot (0, 8) = (3, 2)$. With one row of weights per query this is, again, a matrix
# product.
#
# Keys say where a word is found, values say what it hands over. They need not be the same, nor of
# the same length: values have $d_v$ numbers.

# %% exercise="scaled_dot_product_attention"
def scaled_dot_product_attention(
    query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Attention, whole: equation 1 of "Attention Is All You Need" (2017).

    Args:
        query: (..., seq_q, d_k).
        key: (..., seq_k, d_k).
        value: (..., seq_k, d_v), one value per key.
        mask: as for attention_weights, which you may call.

    Returns:
        Two tensors: the context vectors (..., seq_q, d_v), and the weights (..., seq_q, seq_k)
        with which they were mixed.

    Example: where the weights are [[0.75, 0.25]] and the values [[4.0, 0.0], [0.0, 8.0]], the
    context is [[3.0, 2.0]].
    """
    ### BEGIN SOLUTION
    weights = attention_weights(query, key, mask)
    return weights @ value, weights
    ### END SOLUTION


# %% [markdown]
# ### Ask a sentence: who, what, where, when
#
# Time to see your function read. The small world of this course has scenes like *squatch saw the
# cat in the park at noon*. We want four queries that find the answers to *who?*, *what?*, *where?*
# and *when?* in any such scene.
#
# - **Keys** are made from the words: chapter 1's word vectors, times a matrix.
# - **Queries** are four vectors, one for each question word.
# - Both start at random. We show the model scenes together with the places of the four answers,
#   and the cross-entropy of *your* scores tells it how to change.
#
# One test makes it interesting. The words *squatch*, *cat*, *park* and *noon* never occur in the
# scenes used for training. The model knows them only by their word vectors, which word2vec made
# from plain sentences. If *who* finds *squatch* all the same, it has learned what a person is
# like, and has not learned a list of names.

# %% tags=["demonstration"]
from minitransformer import WordTokenizer, skip_gram_pairs
from minitransformer.data.world import World
from minitransformer.training import train_word_vectors

world = World()
texts = world.sentences(2000, seed=0)
tokenizer = WordTokenizer.from_texts(texts)
sentences = [tokenizer.encode(text) for text in texts]
pairs = [pair for ids in sentences for pair in skip_gram_pairs(ids, window=4)]
counts = torch.bincount(torch.tensor([i for ids in sentences for i in ids])).float()
vectors, _ = train_word_vectors(pairs, len(tokenizer), 24, counts, steps=1000)
vectors = vectors - vectors[5:].mean(dim=0)  # what all words have in common says nothing
vectors = vectors / vectors.norm(dim=-1, keepdim=True)  # (vocab, 24), each of length 1


def static(text: str) -> Tensor:
    """One word vector per word, (seq, 24): the same whatever stands around the word."""
    return vectors[torch.tensor(tokenizer.encode(text))]


unseen = {"squatch", "cat", "park", "noon"}
questions = ["who", "what", "where", "when"]
scenes = [record.tokens[:9] for record in world.question_sentences(600, seed=1)]
scenes = [" ".join(tokens) for tokens in scenes if not unseen & set(tokens)]
inputs = torch.stack([static(scene) for scene in scenes])  # (scenes, 9, 24)
answers = torch.tensor([0, 3, 6, 8]).expand(len(scenes), 4)  # where they stand

scores_of, loss_of = use(similarity_scores), use(cross_entropy)
torch.manual_seed(0)
ask = nn.Parameter(torch.randn(4, 16))  # one query per question
to_keys = nn.Linear(24, 16, bias=False)
optimizer = torch.optim.Adam([ask, *to_keys.parameters()], lr=0.02)
for _ in range(100):
    loss = loss_of(scores_of(ask, to_keys(inputs)), answers)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
print(f"{len(scenes)} scenes, 100 steps: the loss fell from {math.log(9):.2f} (no idea) to "
      f"{loss.item():.2f}")

# %% tags=["demonstration"]
attend = use(scaled_dot_product_attention)
scene = "squatch saw the cat in the park at noon"
with torch.no_grad():
    answer, found = attend(ask, to_keys(static(scene)), static(scene))  # (4, 24), (4, 9)
figure, ax = plt.subplots(figsize=(7.5, 2.4))
heat_map(ax, found, [f"{word}?" for word in questions], scene.split())
ax.set(xlabel="keys", ylabel="queries")
looked = [f"{question} looks at “{scene.split()[int(row.argmax())]}”"
          for question, row in zip(questions, found, strict=True)]
show(figure, "; ".join(looked) + ", each with nearly all its weight.")
for question, vector in zip(questions, answer, strict=True):
    nearest = int((vectors[5:] @ vector).argmax()) + 5  # 0 to 4 are special tokens
    word = tokenizer.decode([nearest])
    print(f"{question + '?':>6} its context vector is nearest to the vector of {word}")

# %% [markdown]
# Each query found a word it had never been asked about. And look at what the *values* did: the
# context vector of *who?* is nearly the vector of *squatch*, because it is a weighted mean in
# which nearly all the weight lies there. The answer was read off the sentence. Chapter 6 answers
# questions about real passages in much the same way.
#
# To be fair: here the model was *told* where the answers stand. In the next step it is told only
# the answer, and has to find out by itself where to look.

# %% [markdown]
# ## 6 A head that learns
#
# In **self-attention** there is no separate list of questions: every word of the sentence asks,
# every word answers. All three roles are played by the same vectors $X$ (one row per word), seen
# through three matrices that are learned:
#
# $$Q = X W_Q \qquad K = X W_K \qquad V = X W_V$$
#
# - $W_Q$ brings out what a word is *looking for* (*it* looks for a noun),
# - $W_K$ what a word can be *found by* (*pizza* is a noun, a food),
# - $W_V$ what it *hands over* once found.
#
# Why not simply $Q = K = V = X$? Then every word would fit itself best, since nothing has a larger
# dot product with a vector than that vector itself, at equal length. And *it* would look for other
# pronouns, while it ought to look for nouns.
#
# **Shapes.** `x` is `(batch, seq, d_model)`, and each matrix takes `d_model` numbers to `d_head`.
# In torch a matrix that is learned is `nn.Linear(in_size, out_size, bias=False)`; calling it
# multiplies. Use the names `query`, `key` and `value` for the three: the check, and the training
# below, find them by name.

# %% exercise="SelfAttention"
class SelfAttention(nn.Module):
    """One attention head: the words of a sentence look at each other.

    Args:
        d_model: the size of the vectors that come in.
        d_head: the size of queries, keys and values.

    The three layers are self.query, self.key and self.value, each without bias.
    """

    def __init__(self, d_model: int, d_head: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.query = nn.Linear(d_model, d_head, bias=False)
        self.key = nn.Linear(d_model, d_head, bias=False)
        self.value = nn.Linear(d_model, d_head, bias=False)
        ### END SOLUTION

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Let every word look at every word that the mask allows.

        Args:
            x: (batch, seq, d_model).
            mask: None, or bool and broadcasting to (batch, seq, seq); True = may be attended to.

        Returns:
            The context vectors (batch, seq, d_head), and the weights (batch, seq, seq).

        Example: x of shape (2, 5, 8) through SelfAttention(8, 3) gives a context of shape
        (2, 5, 3) and weights of shape (2, 5, 5).
        """
        ### BEGIN SOLUTION
        return scaled_dot_product_attention(self.query(x), self.key(x), self.value(x), mask)
        ### END SOLUTION


# %%
quiz("roles")
# quiz("roles", "a")

# %% [markdown]
# ### What is *it*?
#
# Here is what this chapter was for. The model around your head is as small as can be:
#
# 1. Chapter 1's embedding layer turns words into vectors. The vector of *it* also takes up the mean
#    of the words that follow it (*tasted good*, *was empty*), so that its query can depend on them.
#    In a deeper model, an earlier layer of attention would do that.
# 2. **Your head.** Words *before* the pronoun may be looked at, and no others.
# 3. The context vector at *it* goes through one linear layer, which names a word of the
#    vocabulary.
#
# In training the model sees a sentence and is told one word, *pizza* or *oven* or whatever is
# right. Nobody tells it where to look. At first many words are hidden at random, fewer with every
# step, so that the head has to try them all and does not settle on the first word that seems to
# help. And a quarter of the pairs of nouns is kept out of the training, among them *pizza* with
# *oven*: the head meets our two sentences for the first time when we draw them.

# %% tags=["demonstration"]
from minitransformer.training import train_attention_head

parts = {
    "embedding": use("EmbeddingLayer"),
    "attention": use(SelfAttention),
    "loss": use(cross_entropy),
}
records = world.pronoun_sentences(1500, seed=1)
fresh = train_attention_head(records, steps=0, seed=3, **parts)
head = train_attention_head(records, steps=400, seed=3, **parts)

# %% tags=["demonstration", "nbval-ignore-output"]
nouns = len(world.words_by_category["food"]) + len(world.words_by_category["container"])
figure, ax = plt.subplots(figsize=(7, 2.4))
ax.plot(head.losses, color=BLUE, lw=1)
ax.axhline(math.log(nouns), color=GREY, lw=1, ls="--")
blind_guess = f"log {nouns}: any of {nouns} nouns, a blind guess"
ax.text(400, math.log(nouns) + 0.08, blind_guess, ha="right")
ax.set(xlabel="step", ylabel="loss", ylim=(-0.1, None))
show(figure, f"the loss starts far above log {nouns}, is below it after a few steps, and falls to "
     "nearly 0 as fewer and fewer words are hidden.")
print(f"On {len(head.held_out)} sentences with pairs of nouns it never saw together:")
print(f"  untrained: right in {fresh.accuracy:4.0%}, weight on the right word "
      f"{fresh.weight_on_answer:.2f}")
print(f"  trained:   right in {head.accuracy:4.0%}, weight on the right word "
      f"{head.weight_on_answer:.2f}")

# %% tags=["demonstration"]
from dataclasses import replace


def ending(*words):
    """The pizza-and-oven sentence with this ending, as the world would write it."""
    tokens = tuple("the pizza came out of the oven and it".split()) + words
    model = next(r for r in head.held_out if {"pizza", "oven", "came"} <= set(r.tokens))
    return replace(model, text=" ".join(tokens), tokens=tokens, pronoun=8)


good, empty = ending("tasted", "good"), ending("was", "empty")
figure, axes = plt.subplots(2, 1, figsize=(8, 3.6))
said = []
for ax, record in zip(axes, (good, empty), strict=True):
    name, weights = head.attend(record)
    row = weights[record.pronoun]
    arcs(ax, record.tokens, row.tolist(), record.pronoun, f"it = {name}")
    word = record.tokens[int(row.argmax())]
    said.append(f"where “{' '.join(record.tokens[-3:])}”, it looks at “{word}” (weight "
                f"{row.max():.1f}), and the model says {name}")
show(figure, "; ".join(said) + ".")

# %% [markdown]
# Your head has found out by itself where to look. The same, as heat maps, before and after
# training, for four endings. Each row is one sentence: what its *it* looks at. (Could a pizza not
# feel hot? In the small world it cannot: there, taste is said of foods alone, and hot, cold, heavy
# and empty of containers alone.)

# %% tags=["demonstration"]
endings = [ending(*words) for words in (("tasted", "good"), ("was", "sweet"), ("was", "empty"),
                                        ("felt", "hot"))]
figure, axes = plt.subplots(2, 1, figsize=(7.5, 4.6), sharex=True)
for ax, trained, title in ((axes[0], fresh, "before training"), (axes[1], head, "after training")):
    rows = torch.stack([trained.attend(record)[1][8, :8] for record in endings])
    heat_map(ax, rows, ["… " + " ".join(r.tokens[-3:]) for r in endings], good.tokens[:8], title)
axes[1].set_xlabel("keys")
figure.tight_layout()
show(figure, "before training the weights are spread over all words; after it, nearly all the "
     "weight is on “pizza” for the two endings about taste, and on “oven” for the other two.")

# %% [markdown]
# ### Do not believe a heat map too quickly
#
# Here is the same head once more, trained without hiding any words. It is just as often right.
# Does it look at the right word? Before you run the cell: can a head answer *pizza* without
# looking at *pizza*?

# %% tags=["demonstration", "nbval-ignore-output"]
careless = train_attention_head(records, steps=400, seed=3, hide=0.0, **parts)


def weight_by_noun(trained):
    """Noun → the mean weight on it, over the held-out sentences where it is the answer."""
    seen = {}
    for record in trained.held_out:
        weight = trained.attend(record)[1][record.pronoun, record.referent]
        seen.setdefault(record.tokens[record.referent], []).append(float(weight))
    return {noun: sum(weights) / len(weights) for noun, weights in sorted(seen.items())}


careful, found = weight_by_noun(head), weight_by_noun(careless)
figure, ax = plt.subplots(figsize=(8, 2.4))
place = torch.arange(len(found))
ax.bar(place - 0.2, list(careful.values()), 0.38, color=BLUE, label="words hidden in training")
ax.bar(place + 0.2, list(found.values()), 0.38, color=ORANGE, label="never hidden")
ax.set_xticks(place, list(found), rotation=45, ha="right")
ax.set(ylabel="weight on it", ylim=(0, 1.05))
ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
blind = [noun for noun, weight in found.items() if weight < 0.5]
show(figure, f"the first head looks at every noun it names. The other one is right in "
     f"{careless.accuracy:.0%} of the held-out sentences as well, but hardly looks at "
     f"{' and '.join(f'“{noun}”' for noun in blind) or 'some of them'}.")

# %% [markdown]
# Where that noun is the answer, the second head looks at a filler such as *and*, and names the
# noun all the same. It has found a trick: when none of the *other* nouns catches its eye, the
# answer must be the one that is left. It is right, and its weights do not show why. So a weight
# tells you where a model looked; it does not tell you why it answered as it did (Jain and Wallace
# 2019).

# %% [markdown]
# ## 7 Two meanings of one word
#
# Chapter 1 met a word with one vector and two senses: a *bat* flies, and a *bat* hits balls.
# Word2vec, and FastText too, which builds vectors from pieces of words, give one **static** vector
# per word, whatever stands around it. The context vector that comes out of attention is different:
# it is mixed from the sentence at hand. It is a **contextual** embedding.
#
# How different? Let both sentences attend to themselves in the plainest way, with $Q = K = V = X$
# and no matrices at all, and compare the two context vectors of the word by their cosine:
#
# $$\cos(a, b) = \frac{a \cdot b}{\lvert a \rvert\, \lvert b \rvert}$$
#
# which is 1 when they point the same way. The static vectors of a word have cosine 1 with
# themselves, of course. By hand: $a = (3, 4)$ and $b = (4, 3)$ have the dot product 24 and the
# lengths 5 and 5, so the cosine is $24 / 25 = 0.96$. Return the cosine as the tensor that it is:
# `float(...)` would cut off the gradient.

# %% exercise="contextual_similarity"
def contextual_similarity(
    sentence_a: Tensor, sentence_b: Tensor, position_a: int, position_b: int
) -> Tensor:
    """The cosine of two words' context vectors, each mixed from its own sentence.

    Args:
        sentence_a: static vectors of one sentence, (seq_a, d_model).
        sentence_b: static vectors of the other, (seq_b, d_model).
        position_a, position_b: where the two words stand.

    Returns:
        One number from -1 to 1, as a tensor without dimensions.

    Each sentence attends to itself, with query = key = value; scaled_dot_product_attention is
    yours. Example: a sentence compared with itself, at the same position, gives 1.
    """
    ### BEGIN SOLUTION
    context_a, _ = scaled_dot_product_attention(sentence_a, sentence_a, sentence_a)
    context_b, _ = scaled_dot_product_attention(sentence_b, sentence_b, sentence_b)
    a, b = context_a[position_a], context_b[position_b]
    return a @ b / (a.norm() * b.norm())
    ### END SOLUTION


# %% [markdown]
# Eight sentences with *bat*, four of each sense. On the left the static vectors are compared, on
# the right your context vectors.

# %% tags=["demonstration"]
similarity = use(contextual_similarity)
animal = ["mia feeds the bat", "the bat sleeps in the park", "squatch feeds the bat",
          "the bat sleeps in the meadow"]
tool = ["nora drops the bat", "omar buys the bat at the shop", "ada drops the bat",
        "leo buys the bat at the school"]
both = animal + tool
bats = [(static(text), text.split().index("bat")) for text in both]
before = torch.tensor([[float(a[i] @ b[j]) for b, j in bats] for a, i in bats])
after = torch.tensor([[float(similarity(a, b, i, j)) for b, j in bats] for a, i in bats])
figure, axes = plt.subplots(1, 2, figsize=(9.5, 4), sharey=True)
for ax, table, title in ((axes[0], before, "static: one vector for both"),
                         (axes[1], after, "contextual: two senses")):
    heat_map(ax, table, both, [""] * 8, title)
    ax.axhline(3.5, color=ORANGE)
    ax.axvline(3.5, color=ORANGE)
figure.tight_layout()
apart = ~torch.eye(4, dtype=torch.bool)
alike = (after[:4, :4][apart].mean() + after[4:, 4:][apart].mean()) / 2
show(figure, "the static vectors are all alike (1.00). The context vectors of two bats of the same "
     f"sense have cosine {alike:.2f} on average, those of bats of different senses "
     f"{after[:4, 4:].mean():.2f}.")

# %% [markdown]
# Attention without a single learned matrix has parted the two bats a little: each has taken on
# something of the words beside it, *feeds* and *sleeps* here, *drops* and *buys* there. A trained
# model of several layers does this far better; in chapter 4 you pre-train one and see the senses
# come apart.

# %%
quiz("static-contextual")
# quiz("static-contextual", "a")

# %% [markdown]
# ## What you have built
#
# - **Softmax and cross-entropy**: scores to weights, wrongness to a number, both without overflow.
# - **Scaled dot products**: how well a query fits a key, with a variance of 1 whatever the size.
# - **Masks**: a score of minus infinity takes a key out of the softmax; padding and the future are
#   hidden that way.
# - **Attention**: a weighted mean of values, equation 1 of the paper.
# - **Self-attention**: three learned matrices, and *it* finds its noun.
# - **Contextual embeddings**: a word's vector depends on its sentence.
#
# **The price.** Every word meets every word, so the work grows with the square of the length: a
# text ten times as long needs a hundred times as many scores. In return all of it happens at once,
# in one matrix product, which is what GPUs are good at. This trade made large language models
# possible.

# %%
quiz("one-step")
# quiz("one-step", "a")

# %% tags=["demonstration", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## Where to read on
#
# - Hochreiter and Schmidhuber, *Long Short-Term Memory* (1997): reading step by step, with a
#   memory.
# - Sutskever, Vinyals and Le, *Sequence to Sequence Learning with Neural Networks* (2014): a
#   sentence through one vector.
# - Bahdanau, Cho and Bengio, *Neural Machine Translation by Jointly Learning to Align and
#   Translate* (2014): attention, for translation.
# - Luong, Pham and Manning, *Effective Approaches to Attention-based Neural Machine Translation*
#   (2015): dot products for the scores, in place of Bahdanau's small network.
# - Vaswani and others, *Attention Is All You Need* (2017): sections 3.2.1 and 3.2.3 are this
#   chapter.
# - Peters and others, *Deep Contextualized Word Representations* (2018): vectors that depend on
#   the sentence, made by LSTMs.
# - Jain and Wallace, *Attention Is Not Explanation* (2019), with the answer by Wiegreffe and
#   Pinter, *Attention Is Not Not Explanation* (2019).
#
# ## A challenge, not graded
#
# Your head looks at one word at a time. What if *it* had two candidates that fit, in a sentence
# such as *the cake and the pie came out of the oven and it tasted good*? Write five sentences that
# you find hard, with words of the small world, and predict what the head will do with each before
# you draw it. Then find out what would have to change so that it could answer *both of them*, or
# *I cannot tell*: the weights, the values, the question, or what it was trained on?
#
# **Next:** one head looks for one thing. Chapter 3 lets several look at once, and builds the whole
# transformer block around them.
