# %% [markdown]
# # Chapter 3 · The transformer block
#
# > *mia omar squatch ada leo nora*
#
# Six friends queue for pizza. Ask *squatch* who stands before him, and who behind. For each answer
# somebody has to be looked at, and one head of attention looks at both at once: it comes back with
# a mixture, and cannot say who was who. Two heads can. In this chapter you let several heads look
# side by side, and build around them everything else that a transformer is made of: the **block**,
# which BERT and GPT repeat a dozen times and more.
#
# **Where you stand.** 1 embeddings → 2 attention → **3 the transformer block** → 4 BERT → 5 GPT →
# 6 fine-tuning → 7 translation → 8 assistant. Chapter 2 gave you one head. After this chapter you
# have a whole encoder; chapters 4 and 5 make BERT and GPT of it.
#
# **What you will build.** Eleven functions and layers. The picture below shows where they belong.
# At the end your own encoder turns every queue round without a mistake.
#
# **What you need.** Chapters 1 and 2, or the same knowledge: embeddings and scaled dot-product
# attention. Some Python classes. No GPU, no internet.
#
# **How long.** The exercises take about two hours, with reading and playing three and a half. The
# notebook itself runs in about a minute.
#
# **What you can do at the end.** Write a transformer block from memory and say why each part is
# there. Split vectors into heads without mixing words up. Tell post-norm from pre-norm. Say what
# residuals do for the gradient, and count the parameters of a model before it is built.

# %%
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check, hint, progress, quiz, use
from minitransformer.config import ModelConfig

# %% tags=["demonstration"]
# Pictures. Nothing to learn in this cell: run it and read on.
import matplotlib.pyplot as plt

from minitransformer.sketches import BLUE, GREY, ORANGE, RED, STYLE, show

torch.set_num_threads(1)  # everything here is tiny, and one core does tiny things fastest
plt.rcParams.update(STYLE)


def heat_map(ax, table, rows, columns, title=""):
    """A table of weights from 0 to 1: queries down, keys across."""
    ax.imshow(torch.as_tensor(table).detach(), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    ax.spines[:].set(visible=True, lw=0.6)
    ax.set_title(title, loc="left", fontsize=10)


def tower(ax, left, parts, ways, title):
    """A block from bottom to top: its parts as boxes, and the ways around them as arrows."""
    for place, (name, colour) in enumerate(parts):
        edge = dict(facecolor="none", edgecolor=colour, lw=2)
        ax.add_patch(plt.Rectangle((left, place + 0.2), 2.4, 0.6, **edge))
        ax.text(left + 1.2, place + 0.5, name, ha="center", va="center", color=colour)
    for place in range(len(parts) + 1):
        arrow = dict(arrowstyle="->", color=GREY)
        ax.annotate("", (left + 1.2, place + 0.2), (left + 1.2, place - 0.2), arrowprops=arrow)
    for start, end in ways:
        side = left + 2.8
        ax.plot([left + 1.2, side, side], [start, start, end + 0.5], color=ORANGE, lw=2)
        arrow = dict(arrowstyle="->", color=ORANGE, lw=2)
        ax.annotate("", (left + 2.4, end + 0.5), (side + 0.03, end + 0.5), arrowprops=arrow)
    ax.text(left + 1.2, -0.4, "x", ha="center")
    ax.set_title("")
    ax.text(left + 1.2, len(parts) + 0.4, title, ha="center", weight="bold")


look, think = ("multi-head attention", BLUE), ("feed-forward", BLUE)
plus, level = ("+", ORANGE), ("layer norm", RED)
figure, ax = plt.subplots(figsize=(7, 4))
tower(ax, 0, [look, plus, level, think, plus, level], [(0, 1), (3, 4)], "post-norm (2017)")
tower(ax, 4.5, [level, look, plus, level, think, plus], [(0, 2), (3, 5)], "pre-norm (GPT-2)")
ax.set(xlim=(-0.3, 7.8), ylim=(-0.6, 6.8))
ax.axis("off")
show(figure, "the two kinds of block, read from bottom to top. In both, attention and a "
     "feed-forward layer, each with a way around it (orange) that ends in a sum. Post-norm "
     "normalises after the sum, pre-norm before the layer.")

# %% [markdown]
# ### The way there
#
# | Step | You build | With it you can |
# |---|---|---|
# | 1 Many heads | `split_heads`, `merge_heads`, `MultiHeadAttention` | look at several things |
# | 2 Keep numbers in bounds | `layer_norm` | stack layer on layer |
# | 3 Think alone | `gelu`, `FeedForward` | compute what no mixing can |
# | 4 Forget a little | `dropout` | keep a model from learning by heart |
# | 5 Keep what came in | `Residual` | train deep stacks |
# | 6 The block, and the stack | `EncoderBlock`, `Encoder` | turn a queue round |
# | 7 How large is it? | `encoder_parameters` | count before you build |
#
# **How it works.** Write your code where an exercise says `raise NotImplementedError()`, run the
# cell, run the `check(...)` below it. Stuck? The `hint(...)` cell gives three hints, one at a time.
# You can also read on: wherever your own code is not right yet, the notebook continues with the
# course's, and says so. Calling your own functions of earlier exercises is what they are for.
#
# **Words for sizes.** `batch` sentences of `seq` words; each word is a vector of `d_model`
# numbers. There are `num_heads` heads, and each works with `d_head` numbers.
#
# From chapter 2 you need attention itself. If your own is in `mytransformer`, it is yours that runs
# here.

# %%
scaled_dot_product_attention = use("scaled_dot_product_attention")

# %% [markdown]
# ## 1 Many heads
#
# One head has one softmax, and so one set of weights that sum to 1. But words stand in several
# relations at once. In *mia feeds the old cat*, the word *feeds* has somebody who feeds and
# somebody who is fed. A head that looks at both, half and half, gets the mean of the two, and in a
# mean nobody has a role.
#
# The cure of Vaswani and others (2017) is to have several heads, each with its own queries, keys
# and values, so that each can look for something else. To keep the price down, each head is small:
# it works with $d_{head} = d_{model} / h$ numbers, where $h$ is the number of heads. All heads
# together then cost about as much as one large one.
#
# **How to make them.** One matrix product gives the queries of all heads at once, as vectors of
# `d_model` numbers; the first `d_head` of these belong to head 0, the next to head 1, and so on.
# They only have to be cut apart. And since attention works on the last two axes and leaves all the
# others alone, the heads should come *before* the words:
#
# $$(\text{batch}, \text{seq}, d_{model}) \;\to\; (\text{batch}, h, \text{seq}, d_{head})$$
#
# By hand, with two words of six numbers and three heads:
#
# | | head 0 | head 1 | head 2 |
# |---|---|---|---|
# | word 0: 0 1 2 3 4 5 | 0 1 | 2 3 | 4 5 |
# | word 1: 6 7 8 9 10 11 | 6 7 | 8 9 | 10 11 |
#
# So head 0 should get the table with the rows `[0, 1]` and `[6, 7]`.
#
# **Two tools.** `x.view(…)` reads the numbers of a tensor in their order, as in a book, and lays
# them into another shape. It can cut an axis in two, or join two neighbours, and it never moves a
# number past another. `x.transpose(1, 2)` lets two axes change places. You need both. (After a
# transpose the numbers no longer lie in their order; `x.reshape(…)` is a `view` that copies them
# where it must.)

# %% exercise="split_heads"
def split_heads(x: Tensor, num_heads: int) -> Tensor:
    """Cut each vector into num_heads pieces, one for each head.

    Args:
        x: (batch, seq, d_model).
        num_heads: how many heads; d_model is a multiple of it.

    Returns:
        (batch, num_heads, seq, d_head), where d_head is d_model // num_heads.

    Example: [[[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]], of shape (1, 2, 6), cut for 3 heads, is
    [[[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]]]], of shape (1, 3, 2, 2).
    """
    ### BEGIN SOLUTION
    batch, seq, d_model = x.shape
    return x.view(batch, seq, num_heads, d_model // num_heads).transpose(1, 2)
    ### END SOLUTION


# %% [markdown]
# Why not lay the numbers into the final shape in one step? Here is what that would do. Each row of
# boxes is one word; colours are heads.

# %% tags=["demonstration"]
split = use(split_heads)
numbers = torch.arange(18).view(1, 3, 6)  # three words of six numbers
figure, axes = plt.subplots(1, 2, figsize=(8, 2.2))
cuts = {"split_heads": split(numbers, 3), "one plain reshape": numbers.reshape(1, 3, 3, 2)}
for ax, (title, heads) in zip(axes, cuts.items(), strict=True):
    for head, colour in enumerate((BLUE, ORANGE, RED)):
        for number in heads[0, head].flatten().tolist():
            row, column = divmod(number, 6)
            box = plt.Rectangle((column, 2 - row), 0.9, 0.8, facecolor=colour)
            ax.add_patch(box)
            ax.text(column + 0.45, 2.4 - row, number, ha="center", va="center", color="#111111")
    for row in range(3):
        ax.text(-0.2, 2.4 - row, f"word {row}", ha="right", va="center")
    ax.set(xlim=(-1.3, 6), ylim=(-0.1, 3))
    ax.set_title(title, fontsize=10)
    ax.axis("off")
show(figure, "split as it should be, each head (one colour) has two numbers of every word. After "
     "one plain reshape, each head has one word whole, and nothing of the others.")

# %% [markdown]
# Both have the same shape, so no error would ever tell you. A model with the mistake on the right
# even learns something. It is one of the most frequent mistakes in transformers written by hand.
#
# **And back.** After the attention, each head has found a piece for every word, and the pieces of
# a word go side by side again: `(batch, num_heads, seq, d_head)` to `(batch, seq, d_model)`.
# Someone has written `merge_heads` for us. It runs, the shape is right, and it is wrong. Take the
# three heads from above, `[[0, 1], [6, 7]]`, `[[2, 3], [8, 9]]` and `[[4, 5], [10, 11]]`:
#
# | | it should give | it gives |
# |---|---|---|
# | word 0 | 0 1 2 3 4 5 | 0 1 6 7 2 3 |
# | word 1 | 6 7 8 9 10 11 | 8 9 4 5 10 11 |
#
# Word 0 has got the 6 and the 7 of word 1. In a model that may not see the future, the future leaks
# in here, past every mask: the training loss looks wonderful, and the model is worth nothing.
# Find out what is missing.

# %% exercise="merge_heads"
def merge_heads(x: Tensor) -> Tensor:
    """Put the heads' pieces of each word side by side: the inverse of split_heads.

    Args:
        x: (batch, num_heads, seq, d_head).

    Returns:
        (batch, seq, num_heads * d_head).

    Example: [[[[0, 1], [6, 7]], [[2, 3], [8, 9]], [[4, 5], [10, 11]]]] becomes
    [[[0, 1, 2, 3, 4, 5], [6, 7, 8, 9, 10, 11]]].
    """
    ### BEGIN SOLUTION
    batch, num_heads, seq, d_head = x.shape
    return x.transpose(1, 2).reshape(batch, seq, num_heads * d_head)
    ### END SOLUTION
    ### BEGIN BUG
    # batch, num_heads, seq, d_head = x.shape
    # return x.reshape(batch, seq, num_heads * d_head)
    ### END BUG


# %% [markdown]
# ### All together
#
# Multi-head attention, whole:
#
# $$\text{head}_i = \text{Attention}(Q_i, K_i, V_i) \qquad
# \text{MultiHead}(X) = [\text{head}_1 \dots \text{head}_h]\, W_O$$
#
# where $Q_i$ is head $i$'s piece of $X W_Q$, and likewise for $K$ and $V$. The last matrix, $W_O$,
# is new. After merging, head 0's findings fill the first `d_head` numbers of each vector, head 1's
# the next. $W_O$ mixes them, so that what any head has found can go anywhere.
#
# - Four layers, `nn.Linear(d_model, d_model)`, called `query`, `key`, `value` and `output`. In
#   BERT and in GPT they have a bias, and so they do here (`nn.Linear` makes one by itself).
# - Your `scaled_dot_product_attention` takes `(batch, num_heads, seq, d_head)` as it is: it works
#   on the last two axes.
# - A mask for a batch has the shape `(batch, 1, seq)` or `(batch, seq, seq)`, and the scores have
#   an axis more, `(batch, num_heads, seq, seq)`. Torch lines shapes up from the right, so without
#   help the batch of the mask would meet the heads of the scores. Where there is a mask (it may be
#   None), `mask.unsqueeze(-3)` puts an axis of size 1 third from the right, in the place of the
#   heads. For a causal mask `(seq, seq)` it does no harm.

# %% exercise="MultiHeadAttention"
class MultiHeadAttention(nn.Module):
    """num_heads small attentions side by side, then one mix of them.

    Args:
        d_model: the size of the vectors; a multiple of num_heads.
        num_heads: how many heads.

    The four layers are self.query, self.key, self.value and self.output, each with bias.
    """

    def __init__(self, d_model: int, num_heads: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.num_heads = num_heads
        self.query = nn.Linear(d_model, d_model)
        self.key = nn.Linear(d_model, d_model)
        self.value = nn.Linear(d_model, d_model)
        self.output = nn.Linear(d_model, d_model)
        ### END SOLUTION

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Let every word look at every word that the mask allows, in every head.

        Args:
            x: (batch, seq, d_model).
            mask: None, or bool of shape (seq, seq), (batch, 1, seq) or (batch, seq, seq);
                True = may be attended to, the same for all heads.

        Returns:
            The context vectors (batch, seq, d_model), and the weights of all heads
            (batch, num_heads, seq, seq).

        Example: x of shape (2, 5, 8) through MultiHeadAttention(8, 4) gives a context of shape
        (2, 5, 8) and weights of shape (2, 4, 5, 5).
        """
        ### BEGIN SOLUTION
        if mask is not None:
            mask = mask.unsqueeze(-3)
        query = split_heads(self.query(x), self.num_heads)
        key = split_heads(self.key(x), self.num_heads)
        value = split_heads(self.value(x), self.num_heads)
        context, weights = scaled_dot_product_attention(query, key, value, mask)
        return self.output(merge_heads(context)), weights
        ### END SOLUTION


# %% [markdown]
# ### Different heads find different relations
#
# Back to the queue. Eight names stand in a row, in any order, between the *door* and the *end*.
# Every name is asked two things: who stands before you, and who behind you? The model is as small
# as can be: chapter 1's embedding layer, **one** multi-head attention, and two linear layers that
# read the two answers off the context vector.
#
# We train it twice, with one head and with two. Nothing else differs, and both have the same
# number of parameters. Before you run the cell: what will one head get right?

# %% tags=["demonstration", "nbval-ignore-output"]
from minitransformer.data.world import World

world = World()
friends = [*world.words_by_category["person"], *world.words_by_category["animal"][:6]]
words = ["door", "end", *friends]  # a queue is written as numbers of this list
make_attention, loss_of = use(MultiHeadAttention), use("cross_entropy")
make_embedding = use("EmbeddingLayer")


def queues(count: int, generator: torch.Generator) -> Tensor:
    """Random queues of eight between door and end, (count, 10)."""
    names = torch.randint(2, len(words), (count, 8), generator=generator)
    doors, ends = torch.zeros(count, 1).long(), torch.ones(count, 1).long()
    return torch.cat([doors, names, ends], dim=1)


class Neighbours(nn.Module):
    """Who stands before each name, and who behind it."""

    def __init__(self, num_heads: int):
        super().__init__()
        self.embedding = make_embedding(len(words), 32, max_seq=10)
        self.attention = make_attention(32, num_heads)
        self.before, self.behind = nn.Linear(32, len(words)), nn.Linear(32, len(words))

    def forward(self, ids: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        context, weights = self.attention(self.embedding(ids))
        names = context[:, 1:-1]  # door and end are not asked
        return self.before(names), self.behind(names), weights


def train_neighbours(num_heads: int) -> Neighbours:
    torch.manual_seed(0)
    model, generator = Neighbours(num_heads), torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    for _ in range(600):
        ids = queues(64, generator)
        before, behind, _ = model(ids)
        loss = loss_of(before, ids[:, :-2]) + loss_of(behind, ids[:, 2:])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


unseen = queues(500, torch.Generator().manual_seed(1))
trained = {}
for num_heads in (1, 2):
    model = trained[num_heads] = train_neighbours(num_heads)
    with torch.no_grad():
        before, behind, _ = model(unseen)
    first = before.argmax(dim=-1) == unseen[:, :-2]
    second = behind.argmax(dim=-1) == unseen[:, 2:]
    numbers = sum(parameter.numel() for parameter in model.parameters())
    print(f"{num_heads} head{'s' * (num_heads > 1):1} ({numbers} parameters): before "
          f"{first.float().mean():4.0%}, behind {second.float().mean():4.0%}, "
          f"both {(first & second).float().mean():4.0%}")

# %% [markdown]
# One head sees both neighbours, but gets them as one mixture. From a mixture of equal shares nobody
# can tell which is which; so the head leans to one side, and the larger share settles one answer at
# the cost of the other. With two heads both answers are there at once. What do they look at?

# %% tags=["demonstration", "nbval-ignore-output"]
example = "mia omar squatch ada leo nora cat dog".split()
queue = torch.tensor([[0, *(words.index(name) for name in example), 1]])
with torch.no_grad():
    alone, pair = trained[1](queue)[2][0], trained[2](queue)[2][0]
names = [words[i] for i in queue[0]]
figure, axes = plt.subplots(1, 3, figsize=(10.5, 3.4), sharey=True)
maps = [(alone[0], "the only head of one"), (pair[0], "head 0 of two"), (pair[1], "head 1 of two")]
for ax, (table, title) in zip(axes, maps, strict=True):
    heat_map(ax, table[1:-1], names[1:-1], names, title)
    ax.set_xlabel("keys")
axes[0].set_ylabel("queries")
figure.tight_layout()
place = torch.arange(1, 9)
said = []
for name, table in (("the only head", alone[0]), ("of two, head 0", pair[0]),
                    ("head 1", pair[1])):
    said.append(f"{name} gives {table[place, place - 1].mean():.2f} of its weight to the name "
                f"before and {table[place, place + 1].mean():.2f} to the name behind")
show(figure, "; ".join(said) + ", on average. At the two edges the place alone tells one of the "
     "answers, so the weights there need not follow the rule.")

# %% [markdown]
# Nobody told the two heads to share the work. Each was drawn at random, one leaned a little more to
# the left and one to the right, and training did the rest. In large models, people have found heads
# that look at the word before, at the verb's object, at the noun a pronoun stands for (Clark and
# others 2019), and many that can be taken out without harm (Michel and others 2019).

# %%
quiz("why-several-heads")
# quiz("why-several-heads", "a")  # remove the first "#", choose a letter, run

# %%
quiz("what-output-does")
# quiz("what-output-does", "a")

# %% [markdown]
# ## 2 Keep numbers in bounds
#
# We want to stack many layers. Each multiplies its vectors by matrices, and a vector that grows by
# a tenth in every layer is a hundred times as long after fifty. So before or after each layer,
# every vector is brought back to one size. **Layer norm** (Ba, Kiros and Hinton 2016) gives the
# numbers of a vector mean 0 and variance 1, and then lets the model choose another scale and shift:
#
# $$y = \gamma \, \frac{x - \mu}{\sqrt{\sigma^2 + \varepsilon}} + \beta
# \qquad \mu = \frac{1}{d} \sum_j x_j \qquad \sigma^2 = \frac{1}{d} \sum_j (x_j - \mu)^2$$
#
# By hand, for the vector $(1, 1, 5, 5)$ with $\gamma = 2$ and $\beta = 1$ everywhere:
#
# | | | | | | |
# |---|---|---|---|---|---|
# | $x$ | 1 | 1 | 5 | 5 | mean $\mu = 3$ |
# | $x - \mu$ | -2 | -2 | 2 | 2 | variance $\sigma^2 = 4$, root 2 |
# | divided by the root | -1 | -1 | 1 | 1 | |
# | times 2, plus 1 | -1 | -1 | 3 | 3 | |
#
# Four things people get wrong:
#
# - **Which axis.** The mean is that of *one word's vector*: `dim=-1`. Other words have no part in
#   it, nor do other sentences.
# - **Which variance.** Divide by $d$, the number of numbers. `x.var()` divides by $d - 1$ unless
#   it is told otherwise; statisticians have a good reason for that, and none of it applies here.
# - **Where $\varepsilon$ stands.** Inside the root. It is tiny and keeps a vector of equal numbers
#   from being divided by 0.
# - **What $\gamma$ and $\beta$ are.** Vectors of `d_model` learned numbers, one scale and one shift
#   for each place in the vector.

# %% exercise="layer_norm"
def layer_norm(x: Tensor, gamma: Tensor, beta: Tensor, eps: float = 1e-5) -> Tensor:
    """Each vector with mean 0 and variance 1, then scaled and shifted.

    Args:
        x: (..., d_model).
        gamma: (d_model,), the scale.
        beta: (d_model,), the shift.
        eps: added to the variance, under the root.

    Returns:
        The same shape and dtype as x; x itself stays as it was.

    Example: [1.0, 1.0, 5.0, 5.0] with gamma 2 and beta 1 everywhere is about [-1, -1, 3, 3].
    """
    ### BEGIN SOLUTION
    centered = x - x.mean(dim=-1, keepdim=True)
    variance = centered.square().mean(dim=-1, keepdim=True)
    return gamma * centered / (variance + eps).sqrt() + beta
    ### END SOLUTION


# %% [markdown]
# A layer that others can use keeps its own $\gamma$ and $\beta$. They start at 1 and 0, so that at
# first nothing is changed. You have written such a layer in chapter 1, so this one is given; it
# calls your function.

# %%
class LayerNorm(nn.Module):
    """layer_norm with the two vectors it learns."""

    def __init__(self, d_model: int, eps: float = 1e-5):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(d_model))
        self.beta = nn.Parameter(torch.zeros(d_model))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return layer_norm(x, self.gamma, self.beta, self.eps)


# %%
quiz("norm-over-what")
# quiz("norm-over-what", "a")

# %% [markdown]
# ## 3 Think alone
#
# Attention mixes: each context vector is a weighted mean of values, and the values are a linear
# function of what came in. Means and linear functions can do a lot, and some very simple things
# they cannot. Take the size of a number without its sign, $|x|$. No linear function gives it. But
# two layers with a **bend** between them do: the first makes $x$ and $-x$, the bend sets whatever
# is negative to 0, and the second adds the two up.
#
# The bend is called the activation. The oldest one in use is **ReLU**, $\max(x, 0)$; in torch,
# `x.clamp(min=0)`. BERT and GPT take a softer one, the **GELU** (Hendrycks and Gimpel 2016):
#
# $$\text{gelu}(x) = x \, \Phi(x)$$
#
# where $\Phi(x)$ is the share of a bell curve (mean 0, variance 1) that lies to the left of $x$.
# Far to the right $\Phi$ is 1 and the number passes, far to the left it is 0 and the number is
# stopped, and in between it passes in part:
#
# | $x$ | -2 | -1 | 0 | 1 | 2 |
# |---|---|---|---|---|---|
# | $\Phi(x)$ | 0.023 | 0.159 | 0.5 | 0.841 | 0.977 |
# | gelu | -0.046 | -0.159 | 0 | 0.841 | 1.954 |
#
# $\Phi$ itself is not in torch's everyday functions, but its twin is, the error function
# `torch.erf`, which runs from -1 to 1 and is a little narrower:
#
# $$\Phi(x) = \tfrac{1}{2}\left(1 + \text{erf}\!\left(x / \sqrt{2}\right)\right)$$
#
# You will also meet two approximations of the GELU, one by tanh and one by a sigmoid, from days
# when erf was slow. They are close, and not the same. Here we want the real one.

# %% exercise="gelu"
def gelu(x: Tensor) -> Tensor:
    """The Gaussian error linear unit: each number times the share of a bell curve to its left.

    Args:
        x: any shape.

    Returns:
        The same shape and dtype; x itself stays as it was.

    Example: gelu(torch.tensor([-1.0, 0.0, 1.0])) is about [-0.159, 0.0, 0.841].
    """
    ### BEGIN SOLUTION
    return 0.5 * x * (1 + torch.erf(x / math.sqrt(2)))
    ### END SOLUTION


# %% tags=["demonstration"]
bend = use(gelu)
x = torch.linspace(-3.5, 3.5, 141)
slope_at = x.clone().requires_grad_()
bend(slope_at).sum().backward()
figure, (left, right) = plt.subplots(1, 2, figsize=(8.5, 2.8))
left.plot(x, x.clamp(min=0), color=ORANGE, label="ReLU")
left.plot(x, bend(x), color=BLUE, label="GELU")
left.set(xlabel="x", ylabel="activation")
left.legend()
right.plot(x, (x > 0).float(), color=ORANGE, label="ReLU", drawstyle="steps-pre")
right.plot(x, slope_at.grad, color=BLUE, label="GELU")
right.set(xlabel="x", ylabel="slope")
right.legend()
figure.tight_layout()
lowest = bend(x).argmin()
show(figure, "ReLU has a corner at 0, where its slope jumps from 0 to 1. The GELU follows it "
     f"softly: it dips to {bend(x)[lowest]:.2f} at x = {x[lowest]:.2f}, and its slope has no jump.")

# %% [markdown]
# ### The feed-forward layer
#
# $$\text{FFN}(x) = \text{activation}(x W_1 + b_1)\, W_2 + b_2$$
#
# Two linear layers: `inner`, from `d_model` to a larger size `d_ff` (four times as large in most
# models), and `outer` back. Between them the bend. It is applied to each word by itself, which is
# why the paper calls it *position-wise*; a linear layer works on the last axis, so that needs no
# work from you. In attention the words talk; here each of them thinks over what it has heard. Two
# thirds of a block's weights are here, and much of what a language model knows seems to be kept in
# them (Geva and others 2021).
#
# By hand, our $|x|$: inner weights $1$ and $-1$, outer weights $1$ and $1$, no biases, ReLU. For $x
# = -3$: inner $(-3, 3)$, bent $(0, 3)$, outer $3$.

# %% exercise="FeedForward"
class FeedForward(nn.Module):
    """Two linear layers with a bend between them, applied to each word alone.

    Args:
        d_model: the size of the vectors, in and out.
        d_ff: the inner size.
        activation: "gelu" or "relu".

    The layers are self.inner and self.outer, each with bias.
    """

    def __init__(self, d_model: int, d_ff: int, activation: str = "gelu"):
        super().__init__()
        ### BEGIN SOLUTION
        self.inner = nn.Linear(d_model, d_ff)
        self.outer = nn.Linear(d_ff, d_model)
        self.activation = activation
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Think about each word.

        Args:
            x: (batch, seq, d_model).

        Returns:
            (batch, seq, d_model).

        Example: FeedForward(8, 32) takes x of shape (2, 5, 8), is 32 wide inside, and returns
        (2, 5, 8).
        """
        ### BEGIN SOLUTION
        hidden = self.inner(x)
        bent = hidden.clamp(min=0) if self.activation == "relu" else gelu(hidden)
        return self.outer(bent)
        ### END SOLUTION


# %%
quiz("who-does-what")
# quiz("who-does-what", "a")

# %% [markdown]
# ## 4 Forget a little
#
# A large model on a small text learns it by heart: it finds some chance sign for every sentence and
# leans on it. **Dropout** (Srivastava and others 2014) makes leaning risky. In training, each
# number is set to 0 with probability $p$, anew at every step, so that none can be relied on.
#
# What stays is multiplied by $1 / (1 - p)$:
#
# $$y_j = \begin{cases} 0 & \text{with probability } p \\ x_j / (1 - p) & \text{otherwise}
# \end{cases}$$
#
# Why? The mean of $y_j$ is then $p \cdot 0 + (1 - p) \cdot x_j / (1 - p) = x_j$, as if nothing had
# been dropped. So when training is over, dropout is simply switched off, and the next layer finds
# its numbers as large as it is used to. By hand, with $p = 0.5$: from $(1, 2, 3, 4)$, the second
# and third dropped, comes $(2, 0, 0, 8)$.
#
# **Drawing.** `torch.rand(x.shape, generator=generator)` gives numbers evenly spread from 0 to 1,
# one for each number of `x`. Such a number is below $p$ with probability $p$. The generator is
# where chance comes from: whoever hands over one with a seed gets the same draws again.

# %% exercise="dropout"
def dropout(
    x: Tensor, rate: float, training: bool, generator: torch.Generator | None = None
) -> Tensor:
    """In training, set each number to 0 with probability rate, and scale up the others.

    Args:
        x: any shape.
        rate: the probability, from 0 up to, not including, 1.
        training: outside training, x comes back as it is.
        generator: where the random numbers come from; None is torch's own.

    Returns:
        The same shape and dtype as x; x itself stays as it was.

    Example: dropout(torch.tensor([1.0, 2.0, 3.0, 4.0]), 0.5, True) may be [2.0, 0.0, 0.0, 8.0];
    each of the four numbers is dropped or doubled.
    """
    ### BEGIN SOLUTION
    if not training:
        return x
    kept = torch.rand(x.shape, generator=generator, device=x.device) >= rate
    return x * kept / (1 - rate)
    ### END SOLUTION


# %% tags=["demonstration"]
drop = use(dropout)
generator = torch.Generator().manual_seed(0)
x = torch.tensor([1.0, 2.0, 3.0, 4.0])
print("outside training:", drop(x, 0.5, False).tolist())
for _ in range(3):
    print("in training:     ", drop(x, 0.5, True, generator).tolist())
mean = torch.stack([drop(x, 0.5, True, generator) for _ in range(10000)]).mean(dim=0)
print("mean of 10,000:  ", [round(number, 2) for number in mean.tolist()])

# %%
quiz("dropout-scale")
# quiz("dropout-scale", "a")

# %% [markdown]
# ## 5 Keep what came in
#
# Now the part without which nobody could train deep networks. A layer does not *replace* its
# input; it computes a **change**, which is added:
#
# $$y = x + \text{sublayer}(x)$$
#
# This is a **residual** connection (He and others 2016), and *sublayer* is attention or the
# feed-forward layer. The sum gives the gradient a way past the layer on which nothing is
# multiplied, and it lets a layer that has nothing to say leave the vector as it is.
#
# Where does the norm go? There are two answers, and both are in use:
#
# $$\text{post-norm:} \quad y = \text{LayerNorm}(x + \text{dropout}(\text{sublayer}(x)))$$
#
# $$\text{pre-norm:} \quad y = x + \text{dropout}(\text{sublayer}(\text{LayerNorm}(x)))$$
#
# Post-norm is the transformer of 2017, and BERT. Pre-norm is GPT-2 and nearly everything since: the
# way around the layers has nothing at all on it, so deep stacks train more easily (Xiong and others
# 2020). Dropout falls on the change only, before it is added.
#
# **What you write.** The sublayer stands in the middle, so our class has two methods, one for each
# side of it:
#
# ```
#   entered = around.enter(x)         what the sublayer reads
#   change = sublayer(entered)
#   y = around.leave(x, change)       the sum
# ```
#
# By hand, for $x = (1, 3)$ and a change of $(2, 4)$, without dropout, $\gamma = 1$, $\beta = 0$:
#
# | | enter | leave |
# |---|---|---|
# | post-norm | (1, 3) | LayerNorm of (3, 7), so (-1, 1) |
# | pre-norm | LayerNorm of (1, 3), so (-1, 1) | (3, 7) |
#
# A module knows whether it is being trained: `self.training` is True after `model.train()` and
# False after `model.eval()`.

# %% exercise="Residual"
class Residual(nn.Module):
    """The sum around a sublayer, with its norm and dropout.

    Args:
        d_model: the size of the vectors.
        rate: the dropout rate of the change.
        norm: "post" or "pre".

    Its one part is self.norm, a LayerNorm(d_model). Keep the word norm under another name, such as
    self.pre: an attribute cannot be both a word and a layer.
    """

    def __init__(self, d_model: int, rate: float = 0.0, norm: str = "post"):
        super().__init__()
        ### BEGIN SOLUTION
        self.norm = LayerNorm(d_model)
        self.rate = rate
        self.pre = norm == "pre"
        ### END SOLUTION

    def enter(self, x: Tensor) -> Tensor:
        """What the sublayer reads.

        Args:
            x: (batch, seq, d_model).

        Returns:
            The same shape. Example: for "post", x itself.
        """
        ### BEGIN SOLUTION
        return self.norm(x) if self.pre else x
        ### END SOLUTION

    def leave(self, x: Tensor, change: Tensor) -> Tensor:
        """The sum of what came in and the sublayer's change, of which dropout takes a part.

        Args:
            x: (batch, seq, d_model), what came in (not what enter made of it).
            change: the same shape, what the sublayer made.

        Returns:
            The same shape. Example: for "pre" without dropout, x [1, 3] and change [2, 4] give
            [3, 7].
        """
        ### BEGIN SOLUTION
        total = x + dropout(change, self.rate, self.training)
        return total if self.pre else self.norm(total)
        ### END SOLUTION


# %% [markdown]
# ### What residuals are good for
#
# Measure it. We stack 24 blocks, fresh from the random generator, send a sentence of random vectors
# up and a random gradient down, and ask two things at every height:
#
# - How large is the gradient? If it vanishes, the lower blocks learn nothing.
# - How alike have the words become? We take the cosine of two different words, on average. If it is
#   1, all words have the same vector, and there is nothing left to tell them apart by.
#
# Four kinds of stack: without sum and norm; with norm but no sum; and the two kinds of residual.

# %% tags=["demonstration"]
make_attention, make_thinking = use(MultiHeadAttention), use(FeedForward)
make_around = use(Residual)
make_tokens, waves = use("TokenEmbedding"), use("sinusoidal_positions")
KINDS = {"no sum, no norm": GREY, "norm, no sum": RED, "post-norm": ORANGE, "pre-norm": BLUE}


class TrialBlock(nn.Module):
    """Attention and feed-forward, with or without what stands around them."""

    def __init__(self, kind: str, d_model: int):
        super().__init__()
        place = "pre" if kind == "pre-norm" else "post"
        self.kind, self.attention = kind, make_attention(d_model, 4)
        self.thinking = make_thinking(d_model, 4 * d_model)
        self.around = nn.ModuleList(make_around(d_model, 0.0, place) for _ in range(2))

    def forward(self, x: Tensor) -> Tensor:
        sublayers = (lambda entered: self.attention(entered)[0], self.thinking)
        for around, sublayer in zip(self.around, sublayers, strict=True):
            if self.kind == "no sum, no norm":
                x = sublayer(x)
            elif self.kind == "norm, no sum":
                x = around.norm(sublayer(x))
            else:
                x = around.leave(x, sublayer(around.enter(x)))
        return x


def cosine(x: Tensor) -> float:
    """The mean cosine of two different words of a sentence; x is (batch, seq, d_model)."""
    directions = x / x.norm(dim=-1, keepdim=True).clamp(min=1e-30)
    apart = ~torch.eye(x.shape[1], dtype=torch.bool)
    return float((directions @ directions.transpose(-2, -1))[:, apart].mean())


def climb(kind: str, depth: int = 24) -> tuple[list[float], list[float]]:
    """Gradient norm and likeness of words at every height, 0 to depth."""
    torch.manual_seed(0)
    heights = [torch.randn(4, 10, 32).requires_grad_()]
    for _ in range(depth):
        heights.append(TrialBlock(kind, 32)(heights[-1]))
        heights[-1].retain_grad()
    torch.manual_seed(1)
    (heights[-1] * torch.randn(4, 10, 32)).sum().backward()
    return [float(x.grad.norm()) for x in heights], [cosine(x.detach()) for x in heights]


figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 3.2))
found = {}
for kind, colour in KINDS.items():
    gradients, likeness = found[kind] = climb(kind)
    left.plot([g or math.nan for g in gradients], color=colour, label=kind)
    right.plot(likeness, color=colour, label=kind, ls="--" if kind == "norm, no sum" else "-")
left.set(yscale="log", xlabel="height in the stack (blocks)", ylabel="norm of the gradient")
left.legend()
right.set(xlabel="height in the stack (blocks)", ylabel="cosine of two words")
figure.tight_layout()
bare, normed = found["no sum, no norm"][0], found["norm, no sum"][1]
least = next(height for height, gradient in enumerate(bare) if gradient)
show(figure, "from the top of the stack down, the gradient without sum and norm shrinks from "
     f"{bare[-1]:.0f} to {bare[least]:.0e} at height {least}, and below that float32 has no number "
     "small enough for it; with a norm or a sum it keeps its size. But without a sum all words are "
     f"alike after two blocks (cosine {normed[2]:.2f}); with one they stay apart, at the top with "
     f"cosine {found['post-norm'][1][-1]:.2f} in post-norm and {found['pre-norm'][1][-1]:.2f} in "
     "pre-norm.")

# %% [markdown]
# So norms keep the gradient alive, and it does not help: without the sum, attention averages the
# words until they are all the same, within a few blocks (Dong and others 2021 prove it). With the
# sum every word carries itself along; the norm's part is to keep sizes in bounds when stacks are
# deep and training is long. Who can learn? Six blocks of each kind get the task of the next
# section, to turn a queue round.

# %% tags=["demonstration", "nbval-ignore-output"]
def turn_with(kind: str, steps: int = 250) -> list[float]:
    """The losses of a stack of six trial blocks that learns to turn queues round."""
    torch.manual_seed(0)
    tokens, read = make_tokens(len(friends), 32), nn.Linear(32, len(friends))
    stack = nn.Sequential(*(TrialBlock(kind, 32) for _ in range(6)))
    places, generator = waves(8, 32), torch.Generator().manual_seed(0)
    parameters = [*tokens.parameters(), *stack.parameters(), *read.parameters()]
    optimizer = torch.optim.Adam(parameters, lr=0.001)
    losses = []
    for _ in range(steps):
        ids = torch.randint(len(friends), (32, 8), generator=generator)
        loss = loss_of(read(stack(tokens(ids) + places)), ids.flip(1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


figure, ax = plt.subplots(figsize=(7, 2.8))
last = {}
for kind, colour in KINDS.items():
    losses = turn_with(kind)
    last[kind] = sum(losses[-10:]) / 10
    ax.plot(losses, color=colour, label=kind)
ax.axhline(math.log(len(friends)), color=GREY, lw=1, ls=":")
ax.text(250, math.log(len(friends)) + 0.08, f"log {len(friends)}: a blind guess", ha="right")
ax.set(xlabel="step", ylabel="loss", ylim=(-0.1, 3.1))
ax.legend(loc="center right", bbox_to_anchor=(1, 0.45))
show(figure, "the two stacks without sums hardly get below a blind guess (loss "
     f"{last['no sum, no norm']:.2f} and {last['norm, no sum']:.2f} at the end); those with a sum "
     f"learn the task ({last['post-norm']:.2f} with post-norm, {last['pre-norm']:.2f} with "
     "pre-norm).")

# %%
quiz("why-residual")
# quiz("why-residual", "a")

# %% [markdown]
# ## 6 The block, and the stack
#
# Everything is there. An **encoder block** is attention and then feed-forward, each with its
# residual around it: *look around, then think*. It is the picture at the top of this chapter, and
# section 3.1 of the paper.
#
# Use the names `attention`, `feed_forward`, `around_attention` and `around_feed_forward`. Each
# sublayer needs a `Residual` of its own, since each has its own norm to learn.

# %% exercise="EncoderBlock"
class EncoderBlock(nn.Module):
    """Self-attention, then a feed-forward layer, each with its residual.

    Args:
        d_model: the size of the vectors; a multiple of num_heads.
        num_heads: how many heads.
        d_ff: the inner size of the feed-forward layer, whose activation is GELU.
        dropout: the dropout rate of both residuals.
        norm: "post" or "pre", for both residuals.

    The parts are self.attention, self.feed_forward, self.around_attention and
    self.around_feed_forward.
    """

    def __init__(
        self, d_model: int, num_heads: int, d_ff: int, dropout: float = 0.0, norm: str = "post"
    ):
        super().__init__()
        ### BEGIN SOLUTION
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.around_attention = Residual(d_model, dropout, norm)
        self.around_feed_forward = Residual(d_model, dropout, norm)
        ### END SOLUTION

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Let the words look at each other, then let each think.

        Args:
            x: (batch, seq, d_model).
            mask: as for MultiHeadAttention.

        Returns:
            The new vectors (batch, seq, d_model), and the attention weights
            (batch, num_heads, seq, seq).

        Example: x of shape (2, 5, 8) through EncoderBlock(8, 4, 32) gives vectors of shape
        (2, 5, 8) and weights of shape (2, 4, 5, 5).
        """
        ### BEGIN SOLUTION
        change, weights = self.attention(self.around_attention.enter(x), mask)
        x = self.around_attention.leave(x, change)
        change = self.feed_forward(self.around_feed_forward.enter(x))
        return self.around_feed_forward.leave(x, change), weights
        ### END SOLUTION


# %% [markdown]
# **The stack.** What goes into a block and what comes out have the same shape, so blocks can stand
# on top of each other. The first ones find simple things, the later ones combine them.
#
# So many sizes would make a long list of arguments. The models of this course take one **config**
# instead, an object that holds all of them: `config.num_layers`, `config.d_model`,
# `config.num_heads`, `config.d_ff`, `config.dropout`, `config.norm`.
#
# Two details:
#
# - Torch finds the parameters of modules that are attributes of a module. In a plain list it does
#   not look. `nn.ModuleList([...])` is a list in which it does.
# - In post-norm, what leaves a block has been normalised. In pre-norm it has not: it is a sum that
#   has grown with every block. So a pre-norm stack ends with one more `LayerNorm`; a post-norm
#   stack has `nn.Identity()` in its place, a module that returns what it gets.

# %% exercise="Encoder"
class Encoder(nn.Module):
    """config.num_layers encoder blocks, one on top of the other.

    Args:
        config: holds num_layers, d_model, num_heads, d_ff, dropout and norm.

    The parts are self.blocks, an nn.ModuleList of blocks, and self.norm: a LayerNorm where
    config.norm is "pre", else nn.Identity().
    """

    def __init__(self, config: ModelConfig):
        super().__init__()
        ### BEGIN SOLUTION
        sizes = (config.d_model, config.num_heads, config.d_ff)
        self.blocks = nn.ModuleList(
            EncoderBlock(*sizes, dropout=config.dropout, norm=config.norm)
            for _ in range(config.num_layers)
        )
        self.norm = LayerNorm(config.d_model) if config.norm == "pre" else nn.Identity()
        ### END SOLUTION

    def forward(self, x: Tensor, mask: Tensor | None = None) -> tuple[Tensor, list[Tensor]]:
        """Send the vectors through all blocks.

        Args:
            x: (batch, seq, d_model).
            mask: as for MultiHeadAttention, for every block.

        Returns:
            The new vectors (batch, seq, d_model), and a list of the attention weights of every
            block, from bottom to top.

        Example: with num_layers 3, the list holds 3 tensors (batch, num_heads, seq, seq).
        """
        ### BEGIN SOLUTION
        weights = []
        for block in self.blocks:
            x, seen = block(x, mask)
            weights.append(seen)
        return self.norm(x), weights
        ### END SOLUTION


# %% [markdown]
# ### Turn the queue round
#
# The pizza shop opens its back door, and the queue has to turn round: the last becomes the first.
# A model that reads eight names should write them in reverse.
#
# Words from chapter 1, waves from chapter 1, loss from chapter 2, and your encoder of two pre-norm
# blocks. At each place one linear layer reads off the name that will stand there. There are $12^8$
# queues, more than four hundred million. The model sees fewer than twenty thousand of them, and is
# then asked for a thousand others.

# %% tags=["demonstration", "nbval-ignore-output"]
config = ModelConfig(vocab_size=len(friends), max_seq=8, d_model=32, num_heads=2, num_layers=2,
                     d_ff=64, norm="pre")
make_encoder = use(Encoder)


class Turner(nn.Module):
    """Reads a queue, and names who stands at each place when it has turned round."""

    def __init__(self, config: ModelConfig):
        super().__init__()
        self.tokens = make_tokens(config.vocab_size, config.d_model)
        self.encoder = make_encoder(config)
        self.read = nn.Linear(config.d_model, config.vocab_size)

    def forward(self, ids: Tensor) -> tuple[Tensor, list[Tensor]]:
        x = self.tokens(ids)
        x, weights = self.encoder(x + waves(ids.shape[1], x.shape[-1]))
        return self.read(x), weights


torch.manual_seed(0)
turner, generator = Turner(config), torch.Generator().manual_seed(0)
unseen = torch.randint(len(friends), (1000, 8), generator=torch.Generator().manual_seed(1))
optimizer = torch.optim.Adam(turner.parameters(), lr=0.003)
for step in range(301):
    ids = torch.randint(len(friends), (64, 8), generator=generator)
    loss = loss_of(turner(ids)[0], ids.flip(1))
    if step % 50 == 0:
        with torch.no_grad():
            right = (turner(unseen)[0].argmax(dim=-1) == unseen.flip(1)).all(dim=-1)
        share = right.float().mean()
        print(f"step {step:3}: loss {loss.item():.3f}, whole queues right {share:6.1%}")
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()

# %% tags=["demonstration", "nbval-ignore-output"]
queue = torch.tensor([[friends.index(w) for w in "mia omar squatch ada leo nora cat dog".split()]])
with torch.no_grad():
    logits, seen = turner(queue)
before, after = ([friends[i] for i in ids] for ids in (queue[0], logits.argmax(dim=-1)[0]))
print("in: ", *before)
print("out:", *after)
figure, axes = plt.subplots(1, 4, figsize=(11, 2.9), sharey=True)
maps = [(f"block {b}, head {h}", seen[b][0, h]) for b in range(2) for h in range(2)]
for ax, (title, table) in zip(axes, maps, strict=True):
    heat_map(ax, table, before, before, title)
    ax.set_xlabel("keys")
axes[0].set_ylabel("queries")
figure.tight_layout()
mirrored = {title: float(table.flip(1).diagonal().mean()) for title, table in maps}
show(figure, "each place has to look at its mirror image, the rising diagonal. On average the "
     "weight there is " + ", ".join(f"{share:.2f} in {title}" for title, share in mirrored.items())
     + ".")

# %% [markdown]
# The rising diagonal is the whole trick: the name that comes first looks at the place that comes
# last. One block is enough for it, and here the upper one does most of the work; nothing forces the
# lower one to take part. It was learned from examples alone, and it holds for queues that nobody
# has ever seen.
#
# ### Your block in a real BERT
#
# A model of this course takes the parts it is made of as an argument, so your block can stand in
# the course's BERT; `Parts` names what is to be replaced. If both are the same transformer, then
# with the same weights both must give the same numbers. (The course's BERT has another ε in its
# norms unless it is told; `norm_eps` tells it yours.)

# %% tags=["demonstration"]
from minitransformer import Bert, BertConfig, Parts

sizes = BertConfig(vocab_size=60, max_seq=16, d_model=48, num_heads=4, num_layers=3, norm_eps=1e-5)
torch.manual_seed(0)
theirs = Bert(sizes).eval()
yours = Bert(sizes, Parts(EncoderBlock=use(EncoderBlock))).eval()
yours.load_state_dict(theirs.state_dict())  # by name: that is why the names had to be these
ids = torch.randint(60, (2, 16), generator=torch.Generator().manual_seed(0))
with torch.no_grad():
    ours, other = (model(ids)[0] for model in (yours, theirs))
same = torch.allclose(ours, other, atol=1e-4)
print(f"vectors of shape {tuple(ours.shape)}: {'the same' if same else 'not the same'}")

# %% [markdown]
# ## 7 How large is it?
#
# Models are compared by their number of parameters, the numbers they learn. You can tell it before
# anything is built. Predict it: how many does a stack of **post-norm** encoder blocks have, all
# layers with bias as you have built them, without the embeddings?
#
# One fact: `nn.Linear(a, b)` learns a weight of $a \cdot b$ numbers and a bias of $b$. The rest is
# in your own classes; go through them part by part. And one question to think about first: of
# `d_model`, `num_heads`, `d_ff` and `num_layers`, which one can you double without any change in
# the count?

# %% exercise="encoder_parameters"
def encoder_parameters(d_model: int, num_heads: int, d_ff: int, num_layers: int) -> int:
    """Your prediction: how many numbers a stack of post-norm encoder blocks learns.

    Args:
        d_model: the size of the vectors.
        num_heads: heads in each block.
        d_ff: the inner size of the feed-forward layers.
        num_layers: how many blocks.

    Returns:
        The count, by a formula. Nothing needs to be built.

    Example: for d_model 4, num_heads 2, d_ff 8 and num_layers 1 it is 172.
    """
    ### BEGIN SOLUTION
    attention = 4 * (d_model * d_model + d_model)
    feed_forward = d_model * d_ff + d_ff + d_ff * d_model + d_model
    norms = 2 * 2 * d_model
    return num_layers * (attention + feed_forward + norms)
    ### END SOLUTION


# %% [markdown]
# Now build some and count.

# %% tags=["demonstration"]
from minitransformer import count_parameters

predict, make_encoder = use(encoder_parameters), use(Encoder)
print(f"{'d_model':>8}{'heads':>6}{'d_ff':>6}{'layers':>7}{'predicted':>12}{'counted':>12}")
for d_model, num_heads, d_ff, num_layers in ((4, 2, 8, 1), (64, 4, 256, 2), (64, 16, 256, 2),
                                            (128, 8, 512, 4)):
    built = make_encoder(ModelConfig(vocab_size=10, max_seq=10, d_model=d_model, d_ff=d_ff,
                                     num_heads=num_heads, num_layers=num_layers))
    sizes = f"{d_model:8}{num_heads:6}{d_ff:6}{num_layers:7}"
    counts = predict(d_model, num_heads, d_ff, num_layers), count_parameters(built)
    print(f"{sizes}{counts[0]:12,}{counts[1]:12,}")
print(f"The encoder of BERT (768, 12 heads, 3072, 12 layers) has {predict(768, 12, 3072, 12):,}.")

# %% [markdown]
# ## What you have built
#
# - **Multi-head attention**: the vectors cut into heads, an attention in each, put side by side,
#   mixed by $W_O$. Different heads find different relations.
# - **Layer norm**: every vector brought to one size, by its own mean and variance.
# - **Feed-forward with GELU**: each word thinks by itself, with a bend that makes it more than a
#   mixture.
# - **Dropout**: forgetting in training, scaled so that nothing shifts when it is switched off.
# - **Residuals**: what came in is kept, and a layer adds its change; post-norm and pre-norm.
# - **The encoder**: look around, think, and again. It turns every queue round.
#
# Everything that passed its check is in `work/mytransformer/`, in the modules `multi_head`,
# `blocks` and `stacks`.

# %% tags=["demonstration", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## Where to read on
#
# - Srivastava and others, *Dropout: A Simple Way to Prevent Neural Networks from Overfitting*
#   (2014): section 10 scales in training, as you do.
# - He and others, *Deep Residual Learning for Image Recognition* (2016): sums around layers, and
#   networks of 152 of them.
# - Ba, Kiros and Hinton, *Layer Normalization* (2016).
# - Hendrycks and Gimpel, *Gaussian Error Linear Units* (2016).
# - Vaswani and others, *Attention Is All You Need* (2017): sections 3.1, 3.2.2 and 3.3, and figure
#   1, are this chapter.
# - Clark and others, *What Does BERT Look At?* (2019), and Michel, Levy and Neubig, *Are Sixteen
#   Heads Really Better than One?* (2019): what heads do, and how many could be spared.
# - Xiong and others, *On Layer Normalization in the Transformer Architecture* (2020): post-norm and
#   pre-norm, and why the first needs a warm-up.
# - Dong, Cordonnier and Loukas, *Attention Is Not All You Need* (2021): without residuals all words
#   become one.
# - Geva and others, *Transformer Feed-Forward Layers Are Key-Value Memories* (2021).
#
# ## A challenge, not graded
#
# Your encoder turns queues of eight. Give it a harder job: sort the queue by the alphabet. Predict
# first what a head must look at when the answer depends on *who* stands in the queue and not only
# on *where*. Then try: how many blocks and heads does it take? Does one block do? What happens when
# a name stands in the queue twice? Draw the weights and find out how it counts.
#
# **Next:** an encoder that reads in both directions, trained on nothing but text with holes in it.
# Chapter 4 builds BERT.
