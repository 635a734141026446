# %% [markdown]
# # Chapter 5 · Writing the next word
#
# > *mia cooks her pizza in the …*
#
# You know how this may go on: *oven*, perhaps *pot*, hardly *library*. In 1951 Claude Shannon let
# people guess a hidden text letter by letter, and measured in this way how much of English is news
# and how much you could have known. A **language model** plays the same game. It says, for every
# word of its vocabulary, how probable it is as the next one. Whoever can do that can write: draw a
# word, append it, ask again. In this chapter you build such a model, a **GPT**, and everything it
# needs to learn and to write.
#
# **Where you stand.** 1 embeddings → 2 attention → 3 the transformer block → 4 BERT → **5 GPT** →
# 6 fine-tuning → 7 translation → 8 assistant. The stack comes from chapter 3. BERT reads in both
# directions; GPT reads in one, and in return it can go on.
#
# **What you will build.** Fourteen functions and one model: from the letters of a text to a story
# that nobody has written before. The picture below is what happens at every word.
#
# **What you need.** Chapters 2 and 3, or the same knowledge: cross-entropy, the causal mask, a
# stack of transformer blocks. No GPU, no internet.
#
# **How long.** The exercises take about three hours; with reading and playing plan four and a half,
# in two or three sittings. Steps 1 to 4 make a model, steps 5 to 8 put it to work. The notebook
# itself runs in about a minute.
#
# **What you can do at the end.** Cut any text into pieces by byte-pair encoding. Build GPT and
# train it with your own optimiser. Say what perplexity is. Sample with temperature, top-k and
# top-p, and say what each does. Explain why writing needs a cache of keys and values. Say what
# parts BERT from GPT.

# %%
import math
from collections import Counter
from itertools import pairwise

import torch
from torch import Tensor, nn

from autograder import check, hint, progress, quiz, use
from minitransformer.config import GPTConfig
from minitransformer.gpt import initialize
from minitransformer.multi_head import KVCache

# %% tags=["demonstration"]
# Pictures. Nothing to learn in this cell: run it and read on.
import matplotlib.pyplot as plt

from minitransformer.sketches import BLUE, GREY, ORANGE, RED, STYLE, show

torch.set_num_threads(1)  # everything here is tiny, and one core does tiny things fastest
plt.rcParams.update(STYLE)

guesses = {
    "mia cooks her …": {"pizza": 0.3, "soup": 0.3, "cake": 0.25, "library": 0.01},
    "mia cooks her pizza in the …": {"oven": 0.7, "pot": 0.2, "pizza": 0.02, "noon": 0.01},
    "… in the oven . it smells …": {"good": 0.55, "sweet": 0.3, "the": 0.02, "mia": 0.01},
}
drawn = ["pizza", "oven", "sweet"]
figure, axes = plt.subplots(1, 3, figsize=(9, 2.3))
for ax, (text, words), word in zip(axes, guesses.items(), drawn, strict=True):
    colours = [ORANGE if name == word else BLUE for name in words]
    ax.barh(list(words), list(words.values()), color=colours, height=0.6)
    ax.invert_yaxis()
    ax.set(xlim=(0, 0.8), xticks=[], title=text, xlabel="probability")
    ax.title.set_fontsize(9)
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
figure.tight_layout()
show(figure, "three steps of writing. Each time the model gives every word a probability (bars), "
     "one word is drawn (orange: pizza, oven, sweet) and appended, and the model is asked again. "
     "The numbers are made up.")

# %% [markdown]
# ### The way there
#
# | Step | You build | With it you can |
# |---|---|---|
# | 1 Pieces of words | `count_pairs`, `merge_pair`, `learn_merges`, `apply_merges` | cut any text |
# | 2 The model | `GPT` | ask for the next token, at every place |
# | 3 What it is taught | `next_token_loss` | learn from every place at once |
# | 4 The training step | `adamw_step`, `clip_gradients`, `learning_rate_at` | train it by hand |
# | 5 How probable is a text? | `text_log_probability`, `perplexity_of` | measure it |
# | 6 Choosing a word | `top_p_filter`, `next_token_distribution`, `generate` | write stories |
# | 7 Not twice | `read_on` | write faster |
# | 8 Your own text | | do all of it with a file of yours |
#
# **How it works.** Write your code where an exercise says `raise NotImplementedError()`, run the
# cell, run the `check(...)` below it. Stuck? The `hint(...)` cell gives three hints, one at a time.
# You can also read on: wherever your own code is not right yet, the notebook continues with the
# course's, and says so. Calling your own functions of earlier exercises is what they are for.
#
# **Words for sizes.** `batch` texts of `seq` tokens; the vocabulary has `vocab` tokens; each token
# is a vector of `d_model` numbers. All sizes of a model together are its `config`, which
# `GPTConfig` makes.
#
# From the chapters before you need four things. Those that are in `mytransformer` are yours.

# %%
softmax, cross_entropy, causal_mask = use("softmax"), use("cross_entropy"), use("causal_mask")
Encoder = use("Encoder")

# %% [markdown]
# ## 1 Pieces of words
#
# What is a token? If it is a **word**, the vocabulary never ends, and a word that was not in
# training is `[UNK]`, a hole. If it is a **letter**, nothing is ever unknown, but texts become
# very long, and the model has to learn spelling before it learns anything else.
#
# **Byte-pair encoding** (BPE) lies between. It began as a way to compress files (Gage 1994);
# Sennrich, Haddow and Birch (2016) used it for translation, and GPT took it up (2018, and down to
# single bytes in 2019). Begin with letters. Find the two neighbours that meet most often, and make
# them one symbol. Repeat. Frequent words end up as one token, rare ones as a few pieces, and a
# word nobody has seen falls back into letters.
#
# The corpus is a dict from words to counts. A word is a tuple of symbols, at first its letters.
# Here is one with three words:
#
# | word | count | pairs of neighbours |
# |---|---|---|
# | h o t | 5 | (h, o), (o, t) |
# | h o p | 4 | (h, o), (o, p) |
# | p o t | 3 | (p, o), (o, t) |
#
# The pair (h, o) occurs $5 + 4 = 9$ times, (o, t) $5 + 3 = 8$ times, (o, p) 4 and (p, o) 3 times.
# Pairs may overlap: in *h m m m* the pair (m, m) occurs twice.
# A pair lies inside one word: the *t* at the end of one and the *h* of the next are no neighbours.
# Useful: `pairwise(word)` goes through the neighbours of a word, each pair as a tuple; and a
# `Counter` is a dict in which every key begins at 0.

# %% exercise="count_pairs"
def count_pairs(words: dict[tuple[str, ...], int]) -> dict[tuple[str, str], int]:
    """How often each pair of neighbouring symbols occurs in a corpus.

    Args:
        words: word to how often it occurs; a word is a tuple of symbols.

    Returns:
        Pair to count, as a dict or a Counter. A pair is a tuple of two symbols.

    Example: count_pairs({("l", "o", "w"): 5, ("l", "o"): 2}) is
    {("l", "o"): 7, ("o", "w"): 5}.
    """
    ### BEGIN SOLUTION
    counts = Counter()
    for word, count in words.items():
        for pair in pairwise(word):
            counts[pair] += count
    return counts
    ### END SOLUTION


# %% [markdown]
# **Merging.** The winner (h, o) becomes one symbol, *ho*, wherever it stands: h o t becomes ho t.
#
# The function below does this, and for most words it is right. There is one kind of word for which
# it is not. Take the word a a a and the pair (a, a). Read from left to right: the first two letters
# become *aa*, and the third has no partner left.
#
# | | a a a becomes |
# |---|---|
# | it should give | aa a |
# | it gives | aa aa |
#
# A word of three letters has become one of four. Where does the fourth come from?

# %% exercise="merge_pair"
def merge_pair(word: tuple[str, ...], pair: tuple[str, str]) -> tuple[str, ...]:
    """Replace every occurrence of a pair in a word, from left to right, by one symbol.

    Args:
        word: the symbols of a word.
        pair: two symbols.

    Returns:
        The word with fewer symbols; the new symbol is the two joined.

    Example: merge_pair(("b", "a", "n", "a", "n", "a"), ("a", "n")) is ("b", "an", "an", "a").
    """
    ### BEGIN SOLUTION
    merged = []
    place = 0
    while place < len(word):
        if word[place : place + 2] == pair:
            merged.append(pair[0] + pair[1])
            place += 2
        else:
            merged.append(word[place])
            place += 1
    return tuple(merged)
    ### END SOLUTION
    ### BEGIN BUG
    # merged = []
    # for place in range(len(word)):
    #     if word[place : place + 2] == pair:
    #         merged.append(pair[0] + pair[1])
    #     elif place == 0 or word[place - 1 : place + 1] != pair:
    #         merged.append(word[place])
    # return tuple(merged)
    ### END BUG


# %% [markdown]
# **Training** is these two, again and again: count, take the best pair, merge it in every word,
# count anew. In the corpus above (h, o) goes first. Then the words are ho t (5), ho p (4) and p o t
# (3); now (ho, t) occurs 5 times, (ho, p) 4, (p, o) and (o, t) 3 times, and (ho, t) is next.
#
# The vocabulary grows by one symbol a merge. A symbol's **id** is its place in the vocabulary: the
# letters first, in the order in which they are given, then the merged symbols as they come. It
# stops when the vocabulary has `vocab_size` symbols, or when no word has two symbols left. (Two
# merges can give one symbol: a + bc and ab + c. Both are listed as merges; the symbol stands in the
# vocabulary once and keeps its first id. It is rare, and the check leaves it out.)
#
# **Ties.** Two pairs may be equally frequent. So that everybody gets the same merges, the one with
# the *lower ids* wins: the first symbols are compared, and where these are the same, the second
# ones. With the letters given as h, o, t, p, the pair (o, t) has the ids (1, 2) and comes before
# (p, o) with the ids (3, 1). Tuples compare in just this way in Python: `(1, 2) < (3, 1)`. And
# `max(pairs, key=f)` is the pair for which `f(pair)` is largest; `f` may return a tuple.

# %% exercise="learn_merges"
def learn_merges(
    words: dict[tuple[str, ...], int], symbols: list[str], vocab_size: int
) -> list[tuple[str, str]]:
    """Merge the most frequent pair, until there are vocab_size symbols or no pair is left.

    Args:
        words: word to how often it occurs; a word is a tuple of symbols.
        symbols: the symbols to begin with; their places are their ids.
        vocab_size: how many symbols there may be in the end.

    Returns:
        The merged pairs, in order.

    Of equally frequent pairs the one with the lower ids is merged. Example: with
    words {("h", "o", "t"): 5, ("h", "o", "p"): 4, ("p", "o", "t"): 3}, symbols
    ["h", "o", "t", "p"] and vocab_size 6 the merges are [("h", "o"), ("ho", "t")].
    """
    ### BEGIN SOLUTION
    vocab, merges = list(symbols), []

    def merit(pair):
        return counts[pair], -vocab.index(pair[0]), -vocab.index(pair[1])

    while len(vocab) < vocab_size:
        counts = count_pairs(words)
        if not counts:
            break
        best = max(counts, key=merit)
        merges.append(best)
        if best[0] + best[1] not in vocab:
            vocab.append(best[0] + best[1])
        words = {merge_pair(word, best): count for word, count in words.items()}
    return merges
    ### END SOLUTION


# %% [markdown]
# **Encoding** a new word repeats what training did, in the same order. Each merge has a **rank**:
# 0 for the one that was learned first. As long as the word holds a pair that has a rank, merge the
# pair with the lowest one.
#
# By hand, with the ranks (b, c): 0, (a, b): 1 and the word a b c. From the left, (a, b) comes
# first; but (b, c) has the lower rank. It is merged: a bc. The pair (a, bc) has no rank, so that is
# the end. Who merges from left to right gets ab c, which training would never have made: the model
# would see tokens that it has not learned from.

# %% exercise="apply_merges"
def apply_merges(
    word: tuple[str, ...], ranks: dict[tuple[str, str], int]
) -> tuple[str, ...]:
    """Merge the pairs in a word as training did: always the pair that was learned first.

    Args:
        word: the symbols of a word, at first its letters.
        ranks: pair to rank; the lower, the earlier it was learned. The dict itself may be in any
            order.

    Returns:
        The tokens of the word.

    Example: apply_merges(("a", "b", "c"), {("b", "c"): 0, ("a", "b"): 1}) is ("a", "bc").
    """
    ### BEGIN SOLUTION
    while True:
        known = [pair for pair in pairwise(word) if pair in ranks]
        if not known:
            return word
        word = merge_pair(word, min(known, key=lambda pair: ranks[pair]))
    ### END SOLUTION


# %% [markdown]
# Now let your functions loose on the stories of the small world. As in GPT-2, a word begins with a
# sign for the space before it, here an underscore, so that the tokens can be put together again.
# The world has few words, so we let the merging go on until no pair is left: then every word is one
# token. (GPT-2 stops at 50,257, long before that.)

# %% tags=["demonstration"]
from minitransformer.data import World

world = World()
stories = world.stories(2000, seed=1)
print(stories[0], "", stories[1], "", sep="\n")

word_counts = Counter(word for story in stories for word in story.split())
spelled = {("_", *word): count for word, count in word_counts.items()}
letters = sorted({symbol for word in spelled for symbol in word})
learn, cut = use(learn_merges), use(apply_merges)
merges = learn(spelled, letters, vocab_size=10_000)
print(f"{len(spelled)} words of {len(letters)} different letters: {len(merges)} merges until no "
      "pair is left")
print("the first ten:", ", ".join("".join(pair) for pair in merges[:10]), "\n")

ranks = {pair: rank for rank, pair in enumerate(merges)}
print(f"{'merges':>8}")
for number in (0, 20, 100, len(merges)):
    known = {pair: rank for pair, rank in ranks.items() if rank < number}
    pieces = [" ".join(cut(("_", *word), known)) for word in ("squatch", "library", "pizzas")]
    print(f"{number:8}  " + "   ".join(f"{text:18}" for text in pieces))

# %% [markdown]
# The last word, *pizzas*, stands in no story. It is not unknown: it falls into pieces that are. And
# here is what merging buys. The more merges, the fewer tokens a story has, so the more of it fits
# into the model's context:

# %% tags=["demonstration"]
numbers = [0, 10, 20, 40, 60, 100, 150, 200, 250, 300, 400, len(merges)]
numbers = sorted({number for number in numbers if number <= len(merges)})
total = sum(spelled.values())
tokens_a_word = []
for number in numbers:
    known = {pair: rank for pair, rank in ranks.items() if rank < number}
    used = sum(len(cut(word, known)) * count for word, count in spelled.items())
    tokens_a_word.append(used / total)
figure, ax = plt.subplots(figsize=(7, 2.6))
ax.plot(numbers, tokens_a_word, "o-", color=BLUE, ms=4)
ax.axhline(1, color=GREY, lw=1, ls="--")
ax.text(0, 1.08, "one token a word")
ax.set(xlabel="merges", ylabel="tokens a word", ylim=(0.7, None))
show(figure, f"without merges a word has {tokens_a_word[0]:.1f} tokens on average, its letters and "
     f"the sign for the space. The first {numbers[5]} merges bring it down to "
     f"{tokens_a_word[5]:.1f}, all {len(merges)} to {tokens_a_word[-1]:.1f}.")

# %%
quiz("why-pieces")
# quiz("why-pieces", "a")  # remove the first "#", choose a letter, run

# %% [markdown]
# ## 2 The model
#
# You have had all its parts since chapter 3. Radford and others (2018) took the transformer's
# stack, let every token look back only, and trained it on one task, to name the next token:
#
# $$x_i = E[\text{ids}_i] + P[i] \qquad h = \text{stack}(x, \text{causal mask}) \qquad
# \text{logits} = h E^\top$$
#
# - $E$ is the table of token vectors `(vocab, d_model)`, and $P$ that of positions `(max_seq,
#   d_model)`, as in chapter 1. They are added as they are.
# - The stack is chapter 3's encoder, pre-norm, with the causal mask of chapter 2. It ends with the
#   last norm.
# - The **head** compares each resulting vector with every token's vector: their dot product is the
#   token's logit. It is the table $E$ once more. The weights are **tied** (Press and Wolf 2017): a
#   token that is similar to another on the way in is similar on the way out, and the largest table
#   of a small model is needed only once.
#
# **What parts it from BERT** is one mask and one loss. BERT's tokens see both sides, so it cannot
# be asked for the next word: it would have seen it. GPT's tokens see what came before. That makes
# it a poorer reader of a finished text, and a writer.
#
# **First weights.** `nn.Embedding` begins with numbers around 1. With a tied head every logit would
# then be a sum of `d_model` such products, far too large, and the first loss enormous. GPT-2 draws
# all weights small, with a spread of 0.02. The given function `initialize(model, num_layers)` does
# that to a model whose parts are made already: call it for `self`, as the last thing in `__init__`.
#
# **Shapes.** `ids` are `(batch, seq)`, the logits `(batch, seq, vocab)`: at every place one score
# for each token as the next. Use the names `token`, `position` and `decoder` for the three parts:
# the check, and the shipped weights below, find them by name. `Encoder(config)` returns two things
# when called, the vectors and the attention weights.

# %% exercise="GPT"
class GPT(nn.Module):
    """Reads from left to right, and says at every place what could come next.

    Args:
        config: has vocab_size, max_seq, d_model and num_layers; Encoder(config) takes what else
            it needs from it.

    The parts: self.token and self.position (two nn.Embedding) and self.decoder (an Encoder, called
    as self.decoder(x, mask), with causal_mask(seq) for the mask).
    """

    def __init__(self, config):
        super().__init__()
        self.config = config
        ### BEGIN SOLUTION
        self.token = nn.Embedding(config.vocab_size, config.d_model)
        self.position = nn.Embedding(config.max_seq, config.d_model)
        self.decoder = Encoder(config)
        initialize(self, config.num_layers)
        ### END SOLUTION

    def forward(self, ids: Tensor) -> Tensor:
        """The scores of every token as the next one, at every place.

        Args:
            ids: token ids (batch, seq), seq at most config.max_seq.

        Returns:
            Logits (batch, seq, vocab).

        Example: ids of shape (2, 5) and a vocabulary of 11 give logits of shape (2, 5, 11).
        """
        ### BEGIN SOLUTION
        seq = ids.shape[1]
        x = self.token(ids) + self.position(torch.arange(seq, device=ids.device))
        hidden, _ = self.decoder(x, causal_mask(seq).to(ids.device))
        return hidden @ self.token.weight.T
        ### END SOLUTION


# %%
quiz("bert-or-gpt")
# quiz("bert-or-gpt", "a")

# %% [markdown]
# ## 3 What it is taught
#
# Lay one text twice on the table, the second time **shifted by one**:
#
# | the model has read … | mia | mia cooks | mia cooks her | mia cooks her pizza |
# |---|---|---|---|---|
# | and should name | cooks | her | pizza | in |
#
# Every place is a lesson, and the causal mask keeps each from looking at its answer. So one pass
# through the model teaches `seq - 1` things at once. That is the heart of it: no labels, no
# annotators, only text (Radford and others 2018 call it generative pre-training).
#
# $$\text{loss} = \text{mean over } t \text{ of } -\log P(\text{ids}_{t+1} \mid \text{ids}_1 \dots
# \text{ids}_t)$$
#
# By hand, a text of three tokens with the ids 5, 2, 7. The logits at place 0 are compared with
# token 2, those at place 1 with token 7. The logits at place 2 have nothing to be compared with,
# and token 5 is predicted by nobody. Shift once, and only here: the model gets its ids unshifted.
#
# As in chapter 4, **-100** in place of an id says: nothing is to be learned here. (In chapter 8 the
# assistant learns its answers, and not the questions.) Such a place is left out, and the mean runs
# over those that are left. With `kept = wanted != -100`, a table of True and False, `wanted[kept]`
# picks what is True from a tensor of ids, and `predicted[kept]` the rows of logits that belong to
# it.

# %% exercise="next_token_loss"
def next_token_loss(logits: Tensor, ids: Tensor) -> Tensor:
    """The cross-entropy of each token, predicted from those before it.

    Args:
        logits: (batch, seq, vocab), as the model gave them for ids.
        ids: the targets (batch, seq), one for each token the model read, not shifted yet; -100
            where a token is not to be learned. At least one place must be left.

    Returns:
        One number, as a tensor without dimensions: the mean over all predicted tokens that are
        not -100.

    Example: with two tokens and logits [[[2.0, 1.0, 0.0], [9.0, 9.0, 9.0]]], ids [[0, 1]], only
    the first logits count, and token 1 is right: the loss is about 1.41. cross_entropy is chapter
    2's.
    """
    ### BEGIN SOLUTION
    predicted, wanted = logits[:, :-1], ids[:, 1:]
    to_learn = wanted != -100
    return cross_entropy(predicted[to_learn], wanted[to_learn])
    ### END SOLUTION


# %% [markdown]
# The loss of a model that has learned nothing should be the logarithm of the vocabulary's size: all
# tokens equally likely. Here is the first loss of a fresh model, with the small first weights and
# with torch's own:

# %% tags=["demonstration"]
sizes = GPTConfig(vocab_size=300, max_seq=32, d_model=64, num_heads=4, num_layers=2)
torch.manual_seed(0)
fresh, loss_of = use(GPT)(sizes), use(next_token_loss)
some_ids = torch.randint(300, (8, 32))
with torch.no_grad():
    small = float(loss_of(fresh(some_ids), some_ids))
    fresh.token.weight.normal_()  # what nn.Embedding begins with
    large = float(loss_of(fresh(some_ids), some_ids))
print(f"log(300) = {math.log(300):.2f}; small first weights: {small:.2f}; torch's own: {large:.2f}")

# %%
quiz("one-text-many-lessons")
# quiz("one-text-many-lessons", "a")

# %% [markdown]
# ## 4 The training step
#
# So far an optimiser of torch has moved the weights for you. Now you write one. It is the one that
# nearly all language models are trained with: **AdamW**.
#
# Plain gradient descent moves each weight by its gradient times the learning rate. Two things are
# wrong with it. A batch is a small sample, so its gradient is noisy. And gradients differ in size
# by orders of magnitude from layer to layer, so no one rate fits all. Adam (Kingma and Ba 2015)
# keeps two running averages for each single weight: of the gradient, $m$, and of its square, $v$.
#
# $$m \leftarrow \beta_1 m + (1 - \beta_1) g \qquad v \leftarrow \beta_2 v + (1 - \beta_2) g^2$$
#
# The direction is $m / \sqrt{v}$: the mean gradient, measured by the usual size of the gradients. A
# weight with tiny gradients moves as fast as one with large ones.
#
# **Bias correction.** Both averages begin at 0, so after $t$ steps they are too small by the
# factors $1 - \beta_1^t$ and $1 - \beta_2^t$. Divide by these:
#
# $$\hat m = \frac{m}{1 - \beta_1^t} \qquad \hat v = \frac{v}{1 - \beta_2^t}$$
#
# **Weight decay** pulls each weight a little towards 0, so that none grows without need. The W in
# AdamW (Loshchilov and Hutter 2019) stands for how it does that: not by adding $\lambda w$ to the
# gradient, where the division by $\sqrt{v}$ would distort it, but beside it:
#
# $$w \leftarrow w - \eta \left( \lambda w + \frac{\hat m}{\sqrt{\hat v} + \epsilon} \right)$$
#
# By hand, the first step: $w = 1$, $g = 0.5$, $\eta = 0.1$, $\lambda = 0.1$, and the usual betas,
# $\beta_1 = 0.9$ and $\beta_2 = 0.999$. Then $m = 0.1 \cdot 0.5 = 0.05$ and $v = 0.001 \cdot 0.25 =
# 0.00025$; corrected $\hat m = 0.5$ and $\hat v = 0.25$. The direction is $0.5 / \sqrt{0.25} = 1$,
# and $w$ becomes $1 - 0.1 \cdot (0.1 \cdot 1 + 1) = 0.89$. Without the correction the direction
# would be $0.05 / \sqrt{0.00025} = 3.16$.

# %% exercise="adamw_step"
def adamw_step(
    parameter: Tensor,
    gradient: Tensor,
    mean: Tensor,
    square: Tensor,
    step: int,
    learning_rate: float,
    betas: tuple[float, float] = (0.9, 0.999),
    eps: float = 1e-8,
    weight_decay: float = 0.01,
) -> tuple[Tensor, Tensor, Tensor]:
    """One update of AdamW.

    Args:
        parameter, gradient: w and g, any shape.
        mean, square: the running averages m and v, the same shape; zeros before the first step.
        step: t, counted from 1.
        learning_rate, betas, eps, weight_decay: the letters eta, beta 1 and 2, epsilon, lambda.

    Returns:
        Three new tensors: the parameter, the mean and the square after the step. Mean and square
        are returned without the bias correction. The arguments stay as they were.

    Example: parameter [1.0], gradient [0.5], mean and square [0.0], step 1, learning rate 0.1 and
    weight decay 0.1 give the parameter [0.89], the mean [0.05] and the square [0.00025].
    """
    ### BEGIN SOLUTION
    mean = betas[0] * mean + (1 - betas[0]) * gradient
    square = betas[1] * square + (1 - betas[1]) * gradient**2
    corrected_mean = mean / (1 - betas[0] ** step)
    corrected_square = square / (1 - betas[1] ** step)
    change = weight_decay * parameter + corrected_mean / (corrected_square.sqrt() + eps)
    return parameter - learning_rate * change, mean, square
    ### END SOLUTION


# %% [markdown]
# **Clipping.** Now and then a batch gives a gradient many times longer than usual, and a single
# step throws the model off. So a gradient that is too long is shortened (Pascanu, Mikolov and
# Bengio 2013). *Too long* is said of all the gradients together, as if they were one long vector:
#
# $$g \leftarrow g \cdot \min\!\left(1, \frac{c}{\lvert g \rvert}\right) \qquad
# \lvert g \rvert = \sqrt{\sum g_i^2} \text{ over all numbers in all tensors}$$
#
# By hand: two tensors with one number each, 3 and 4. Together they have the length
# $\sqrt{9 + 16} = 5$. With $c = 1$ they become 0.6 and 0.8: shorter, in the same direction. With
# $c = 10$ they stay 3 and 4.

# %% exercise="clip_gradients"
def clip_gradients(gradients: list[Tensor], max_norm: float) -> list[Tensor]:
    """Shorten all gradients together where they are longer than max_norm, and only there.

    Args:
        gradients: tensors of any shapes.
        max_norm: the longest that they may be, all together.

    Returns:
        New tensors: the gradients times one common factor. Gradients of nothing but zeros stay
        zeros.

    Example: clip_gradients([torch.tensor([3.0]), torch.tensor([4.0])], 1.0) is about
    [tensor([0.6]), tensor([0.8])].
    """
    ### BEGIN SOLUTION
    norm = torch.stack([gradient.norm() for gradient in gradients]).norm()
    factor = (max_norm / norm).clamp(max=1.0)  # norm 0: the fraction is infinite, the factor 1
    return [gradient * factor for gradient in gradients]
    ### END SOLUTION


# %% [markdown]
# **The learning rate** is not the same all the time. At the start $v$ has seen only a few
# gradients, and large steps would be taken on thin evidence: so it **warms up**, in a straight
# line. Towards the end small steps settle what large ones have found: it falls along half a
# **cosine** wave (Loshchilov and Hutter 2017), which is flat at both ends.
#
# $$\text{step} < \text{warmup}: \quad \eta = \text{peak} \cdot \frac{\text{step} +
# 1}{\text{warmup}}$$
#
# $$\text{else}: \quad \eta = \text{final} + (\text{peak} - \text{final}) \cdot \frac{1 + \cos(\pi
# r)}{2} \qquad r = \frac{\text{step} - \text{warmup}}{\text{steps} - \text{warmup}}$$
#
# Steps count from 0, so the first already gets a share, and after the end $r$ stays 1. By hand,
# with peak 1, warm-up 4, 12 steps and final 0: step 0 has the rate 0.25, step 3 has 1, and so has
# step 4, where $r = 0$. Step 8 has $r = 4/8$, and its rate is 0.5. Step 12 has 0.

# %% exercise="learning_rate_at"
def learning_rate_at(
    step: int, steps: int, peak: float, warmup: int = 0, final: float = 0.0
) -> float:
    """The learning rate of one step: a straight climb, then half a cosine wave down.

    Args:
        step: counted from 0.
        steps: the length of the run, more than warmup.
        peak: the highest rate.
        warmup: how many steps to climb; 0 for none.
        final: where the descent ends, at step = steps and ever after.

    Example: learning_rate_at(8, 12, peak=1.0, warmup=4) is 0.5.
    """
    ### BEGIN SOLUTION
    if step < warmup:
        return peak * (step + 1) / warmup
    r = min(1.0, (step - warmup) / (steps - warmup))
    return final + (peak - final) * (1 + math.cos(math.pi * r)) / 2
    ### END SOLUTION


# %% [markdown]
# ### Train it
#
# What is right so far is yours in the next cell: the tokens, the model with its blocks, the loss,
# the clipping, the rate, the update. `train_writer` is nothing but the loop around them:
#
# ```
# for each step:   logits = model(ids)        loss = next_token_loss(logits, ids)
#                  gradients of the loss      clip_gradients(gradients, 1.0)
#                  learning_rate_at(step …)   adamw_step for each weight
# ```
#
# Its settings: 16 rows a batch; the rate has the peak 0.003, a warm-up of 20 steps, and ends at a
# tenth of the peak; gradients are clipped to length 1. The betas are 0.9 and 0.99, as 250 steps are
# few for an average over a thousand; the weight decay is 0.1.
#
# The stories stand one behind the other, with `[SEP]` before each, cut into rows of 64 tokens.
#
# How good can it become? Not as good as you like: which food Mia cooks is drawn at random, and
# nobody can know it. But the small world is made by known rules, so the smallest loss that *any*
# model can reach can be computed exactly (Shannon called it the **entropy**). It is the lower line
# in the plot. The upper one is the best that can be done by looking at one word back, a **bigram**
# table. Each word is one token here, so loss per token and loss per word are the same, and the
# lines hold for your model as they are.

# %% tags=["demonstration"]
from minitransformer.training.writer_runs import mean_loss, train_writer
from minitransformer.world_scores import story_limits

symbols = dict.fromkeys(["[SEP]", *letters, *map("".join, merges)])  # each symbol once
vocab = {symbol: i for i, symbol in enumerate(symbols)}
tokens_of = {"[SEP]": ("[SEP]",)}


def to_ids(text: str) -> list[int]:
    """Your tokens: every word spelled, merged, and looked up."""
    for word in set(text.split()) - tokens_of.keys():
        tokens_of[word] = cut(("_", *word), ranks)
    return [vocab[token] for word in text.split() for token in tokens_of[word]]


drawn, unseen = world.draw("rows", 4000, seed=1, length=64), world.draw("rows", 64, 0, 64)
rows = torch.tensor([to_ids(world.decode(ids)) for ids in drawn.ids])  # (4000, 64)
held_out = torch.tensor([to_ids(world.decode(ids)) for ids in unseen.ids])
bigram, exact_loss = (float(loss.mean()) for loss in story_limits(unseen.ids))

config = GPTConfig(vocab_size=len(vocab), max_seq=64, d_model=128, num_heads=4, num_layers=2)
torch.manual_seed(0)
writer = use(GPT)(config)
run = train_writer(
    writer, rows, steps=250, held_out=held_out, loss=use(next_token_loss), update=use(adamw_step),
    clip=use(clip_gradients), rate=use(learning_rate_at),
)
share = (bigram - run.evaluations[-1][1]) / (bigram - exact_loss)
print(f"loss on stories it has not seen: {run.evaluations[-1][1]:.2f}; bigram {bigram:.2f}, the "
      f"best possible {exact_loss:.2f}")
print(f"In 250 steps it has gone {share:.0%} of the way from the bigram to the best possible.")

# %% tags=["demonstration"]
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3), width_ratios=(2, 1))
left.plot(run.losses, color=BLUE, lw=0.8, alpha=0.5)
left.plot(*zip(*run.evaluations, strict=True), "o-", color=BLUE, ms=4)
for line, shift, name in ((bigram, 0.08, "bigram: one word back"),
                          (exact_loss, -0.42, "exact: nobody can do better")):
    left.axhline(line, color=GREY, lw=1, ls="--")
    left.text(250, line + shift, name, ha="right")
left.set(xlabel="step", ylabel="loss a word", ylim=(0, None))
left.set_title("points: on stories not seen", loc="left", fontsize=10)
right.plot(run.rates, color=ORANGE)
right.set(xlabel="step", ylabel="learning rate", ylim=(0, None))
right.set_title("warm-up and cosine", loc="left", fontsize=10)
figure.tight_layout()
below = next((step for step, loss in run.evaluations if loss < bigram), None)
crosses = "stays above the bigram line" if below is None else (
    f"is below the bigram line when it is measured at step {below}")
show(figure, f"the loss starts at {run.evaluations[0][1]:.1f}, the logarithm of the vocabulary's "
     f"size, {crosses}, and comes down to {run.evaluations[-1][1]:.2f}; the exact line is at "
     f"{exact_loss:.2f}. On the right the learning rate: a short climb, then half a cosine wave.")

# %% [markdown]
# ### The long run
#
# The rest of the way takes a few minutes more, so it ships with the course: `world-gpt` is the
# same model, trained for 800 larger batches. (By `python -m minitransformer train gpt --preset
# world-gpt`, which uses a newer optimiser for the matrices, Muon; and its words have other ids.)
# Its weights fit into *your* model, since the parts have the same names: what runs from here on is
# your code with these weights.

# %% tags=["demonstration"]
from minitransformer import Parts, load_pretrained
from minitransformer.world_scores import story_scores

shipped = load_pretrained("world-gpt")
storyteller = use(GPT)(shipped.model.config)
storyteller.load_state_dict(shipped.model.state_dict(), strict=False)
storyteller.eval()
scores = story_scores(storyteller)
print("On 20,000 words it has not seen, in nats a word:")
print(f"  bigram {scores['bigram']:.3f}   the model {scores['model']:.3f}   "
      f"the best possible {scores['exact']:.3f}")
print(f"It has gone {scores['closed']:.1%} of the way.")

# %% [markdown]
# (The best possible differs a little from the figure above, because these are other stories.)
#
# A model that predicts stories word by word nearly as well as anybody can must know a good deal of
# what is in them: whether Mia cooks *her* pizza or *his*, and in what order words may stand. Nobody
# told it any of that. The next section puts it to the test.
#
# ## 5 How probable is a text?
#
# A language model gives every *text* a probability, and not only every next token. Whatever the
# text, its probability is the product of its conditionals (the chain rule):
#
# $$P(x_1 \dots x_n) = P(x_1) \cdot P(x_2 \mid x_1) \cdots P(x_n \mid x_1 \dots x_{n-1})$$
#
# A product of many small numbers soon becomes 0 in a float, so we add logarithms:
#
# $$\log P(x_2 \dots x_n \mid x_1) = \sum_{t=2}^{n} \log P(x_t \mid x_1 \dots x_{t-1})$$
#
# The first token is given; all texts here begin with `[SEP]`. By hand: if the three tokens after it
# have the probabilities 0.5, 0.25 and 0.8, the text has $0.5 \cdot 0.25 \cdot 0.8 = 0.1$, and its
# log-probability is $-0.69 - 1.39 - 0.22 = -2.30$.
#
# Torch's `logits.log_softmax(dim=-1)` takes the logarithm of the softmax without the detour over
# tiny probabilities.

# %% exercise="text_log_probability"
def text_log_probability(model: nn.Module, ids: Tensor) -> Tensor:
    """How probable the model finds each text, given its first token.

    Args:
        model: takes ids (batch, seq) to logits (batch, seq, vocab).
        ids: token ids (batch, seq).

    Returns:
        Natural logarithms (batch,): one number a text, at most 0. A text of one token has 0.

    Example: where the three tokens after the first have the probabilities 0.5, 0.25 and 0.8, it
    is about -2.30.
    """
    ### BEGIN SOLUTION
    log_probabilities = model(ids)[:, :-1].log_softmax(dim=-1)
    found = log_probabilities.gather(-1, ids[:, 1:].unsqueeze(-1)).squeeze(-1)
    return found.sum(dim=1)
    ### END SOLUTION


# %% tags=["demonstration"]
from minitransformer.data import exact

log_probability = use(text_log_probability)
texts = [
    "mia cooks her pizza in the oven . it smells good and leo waits .",
    "mia cooks her pizza in the oven . it smells good and leo waits . the pizza tastes good .",
    "mia cooks his pizza in the oven . it smells good and leo waits . the pizza tastes good .",
    "pizza the in oven her cooks mia . it smells good and leo waits . the pizza tastes good .",
]
process = world.process("stories")
print("log-probability by the model, and exactly:")
for text in texts:
    ids = world.encode([text])
    whole = world.encode([f"[SEP] {text} [SEP]"])
    with torch.no_grad():
        said = float(log_probability(storyteller, whole))
    known = float(exact.text_log_probability(process, ids))
    print(f"{said:8.1f} {known:8.1f}   {text}")

# %% [markdown]
# Where the world itself says minus infinity, such a text is never told. The model cannot say never,
# for a softmax leaves something to everybody, but it says *hardly*: a difference of 5 in the
# logarithm is a factor of 150.
#
# **Perplexity.** Long texts are less probable than short ones, as every token costs something. To
# compare models we want a number that does not depend on the length. Suppose a text of $n$ tokens
# has the log-probability $\log P$, and someone asks: *between how many equally probable tokens has
# the model hesitated, on average, at each token?* That number is the **perplexity**.
#
# Predict how it is computed. Start from the easy case: if at every one of $n$ tokens there were $V$
# choices, all equally probable, then $P = (1/V)^n$, and the answer has to be $V$, whatever $n$ is.

# %% exercise="perplexity_of"
def perplexity_of(log_probability: float, count: int) -> float:
    """Your prediction: between how many equally probable tokens did the model hesitate?

    Args:
        log_probability: the natural logarithm of the probability of all predicted tokens together.
        count: how many tokens were predicted.

    Returns:
        The perplexity, at least 1.

    Example: one token of probability 0.25 has log-probability -1.386; its perplexity is 4.
    """
    ### BEGIN SOLUTION
    return math.exp(-log_probability / count)
    ### END SOLUTION


# %% [markdown]
# Is it what you thought? The mean loss and perplexity are the same thing on two scales: the
# perplexity is the exponential of the loss. Here are the models of this chapter, and two that bound
# them:

# %% tags=["demonstration"]
perplex = use(perplexity_of)
count = 63 * len(held_out)  # predicted words
losses = {
    "every token equally likely": math.log(len(vocab)),
    "bigram": bigram,
    "250 steps": run.evaluations[-1][1],
    "with the shipped weights": mean_loss(storyteller, unseen.ids, use(next_token_loss)),
    "the best possible": exact_loss,
}
for name, loss in losses.items():
    print(f"{name:>28}: loss {loss:.2f}, perplexity {perplex(-loss * count, count):6.1f}")

# %%
quiz("what-perplexity-is")
# quiz("what-perplexity-is", "a")

# %% [markdown]
# ## 6 Choosing a word
#
# The model gives a distribution. What to write? Always the most probable word? Then every story is
# the same one, and often a dull or circular one. Draw from the distribution? Then the many
# improbable words, each of which is nearly wrong, get their turn now and then, and one bad word
# spoils the rest. So the distribution is shaped first, and then a word is drawn.
#
# **Temperature** divides the logits before the softmax (a word from physics):
#
# $$p = \text{softmax}(z / T)$$
#
# | logits 2, 1, 0 | | | |
# |---|---|---|---|
# | $T = 0.5$ | 0.87 | 0.12 | 0.02 |
# | $T = 1$ | 0.67 | 0.24 | 0.09 |
# | $T = 2$ | 0.51 | 0.31 | 0.19 |
#
# Below 1 the likely becomes likelier, above 1 everything becomes more alike. Here is what the model
# thinks after *mia cooks her pizza in the oven .*, at three temperatures:

# %% tags=["demonstration"]
from minitransformer.model_plots import temperature_picture

names = [world.decode([i]) or "[PAD]" for i in range(len(world.vocab))]
prompt = world.encode(["[SEP] mia cooks her pizza in the oven ."])
with torch.no_grad():
    scores_next = storyteller(prompt)[0, -1]
temperature_picture(
    scores_next, names, (0.5, 1, 2), "The next word after “mia cooks her pizza in the oven .”",
    "three panels of bars for the eight likeliest words. At temperature 0.5 nearly all of the "
    "probability lies on the first word; at 1 it is shared by a few; at 2 the bars are lower and "
    "more alike.",
)

# %% [markdown]
# **Top-k** keeps the $k$ most probable tokens and gives the others a logit of minus infinity (Fan,
# Lewis and Dauphin 2018). But how large should $k$ be? In one place only one word fits, in another
# a hundred do.
#
# **Top-p** (Holtzman and others 2020) adapts: it keeps the smallest set of most probable tokens
# that *together* have at least probability $p$, the **nucleus**. Sort the tokens, walk down with a
# running sum, stop when $p$ is reached. By hand with $p = 0.7$:
#
# | token | a | b | c | d |
# |---|---|---|---|---|
# | probability | 0.5 | 0.3 | 0.15 | 0.05 |
# | sum *before* it | 0 | 0.5 | 0.8 | 0.95 |
# | stays? | yes | yes | no | no |
#
# The token b *crosses* the threshold: 0.5 is not enough, $0.5 + 0.3$ is. It belongs to the set.
# Without it only 0.5 would be kept; and if the first token alone had 0.9, nothing at all. So: a
# token goes when the sum of those **before** it is at least $p$.
#
# Two lines of small print. With $p = 1$ nothing is meant to go, but sums of floats are rounded:
# after a token that is all but certain the sum may be 1 already, and then tokens that hardly ever
# come do go. That does no harm. And of tokens that are equally probable, the sort decides which
# comes first, so at the threshold one may stay and its equal go. Any such choice is right here.
#
# **Useful.** `logits.sort(dim=-1, descending=True)` gives two tensors: the sorted logits, and for
# each the place it came from. `cumsum(dim=-1)` is the running sum, each token's own probability
# included. And `torch.empty_like(logits).scatter(-1, places, values)` puts sorted values back: each
# goes to the place that stands in `places`.

# %% exercise="top_p_filter"
def top_p_filter(logits: Tensor, p: float) -> Tensor:
    """Leave only the most probable tokens that together have probability p.

    Args:
        logits: (..., vocab).
        p: the probability to keep, more than 0 and at most 1.

    Returns:
        The logits, each in its place, with -inf for the tokens that are out. The token that
        crosses the threshold stays, so at least one does. Where p is 1 all stay, but for tokens
        so improbable that the sum before them is rounded to 1.

    Example: for probabilities 0.15, 0.5, 0.05, 0.3 (as logits: their logarithms) and p = 0.7 the
    second and the fourth stay.
    """
    ### BEGIN SOLUTION
    ordered, places = logits.sort(dim=-1, descending=True)
    probabilities = ordered.softmax(dim=-1)
    before = probabilities.cumsum(dim=-1) - probabilities
    ordered = ordered.masked_fill(before >= p, -math.inf)
    return torch.empty_like(logits).scatter(-1, places, ordered)
    ### END SOLUTION


# %% [markdown]
# Now all three together, in the order in which most libraries apply them: the temperature first,
# then top-k, then top-p on what is left, and one softmax at the end.
#
# $$p = \text{softmax}(\text{top-}p(\text{top-}k(z / T)))$$
#
# Two things need care. At temperature 0 one cannot divide; its limit is meant, all probability on
# the most probable token (**greedy**). And several tokens may be exactly as probable as the $k$-th:
# they all stay, since nothing but their order could decide between them. So compare with the $k$-th
# largest logit, `logits.topk(k).values[..., -1:]`. By hand: logits 2, 1, 0 with $T = 1$ and $k = 2$
# lose the last, and the softmax of 2 and 1 is 0.73 and 0.27.
#
# This function is exact: no dice yet. They come in the next one. It is good practice to keep the
# two apart; what is not random can be tested.

# %% exercise="next_token_distribution"
def next_token_distribution(
    logits: Tensor, temperature: float = 1.0, top_k: int | None = None, top_p: float | None = None
) -> Tensor:
    """The probabilities that the next token is drawn with.

    Args:
        logits: (..., vocab).
        temperature: what the logits are divided by; 0 means all probability on the best token.
        top_k: how many tokens stay; None, or a number that may be larger than the vocabulary.
        top_p: see top_p_filter; None keeps all.

    Returns:
        Probabilities (..., vocab); each row sums to 1.

    Example: next_token_distribution(torch.tensor([2.0, 1.0, 0.0]), top_k=2) is about
    [0.73, 0.27, 0.0].
    """
    ### BEGIN SOLUTION
    if temperature == 0:
        best = logits.argmax(dim=-1, keepdim=True)
        return torch.zeros_like(logits).scatter(-1, best, 1.0)
    logits = logits / temperature
    if top_k is not None:
        kth = logits.topk(min(top_k, logits.shape[-1]), dim=-1).values[..., -1:]
        logits = logits.masked_fill(logits < kth, -math.inf)
    if top_p is not None:
        logits = top_p_filter(logits, top_p)
    return softmax(logits, dim=-1)
    ### END SOLUTION


# %% [markdown]
# Two places in a story: after *mia cooks her* any food may follow; after *… in the oven .* a few
# words may. Look at which words survive.

# %% tags=["demonstration"]
from IPython.display import display

from minitransformer.model_plots import distributions

distribution = use(next_token_distribution)
settings = {"all": {}, "top_k = 3": {"top_k": 3}, "top_p = 0.75": {"top_p": 0.75}}
kept = {}
for start in ("mia cooks her", "mia cooks her pizza in the oven ."):
    with torch.no_grad():
        logits = storyteller(world.encode([f"[SEP] {start}"]))[0, -1]
    best = logits.argsort(descending=True)[:10]
    rows_shown = {name: distribution(logits, **s)[best] for name, s in settings.items()}
    kept[start] = {name: int((distribution(logits, **s) > 0).sum()) for name, s in settings.items()}
    display(distributions(
        rows_shown, [names[i] for i in best], f"after “{start}”",
        f"after “{start}” top_k = 3 keeps {kept[start]['top_k = 3']} words and top_p = 0.75 keeps "
        f"{kept[start]['top_p = 0.75']}; the ten likeliest are shown.",
    ))
for start, numbers in kept.items():
    print(f"after “{start}”: top_k = 3 keeps {numbers['top_k = 3']} words, top_p = 0.75 keeps "
          f"{numbers['top_p = 0.75']}")

# %%
quiz("top-k-or-top-p")
# quiz("top-k-or-top-p", "a")

# %% [markdown]
# **The loop.** Read what there is, take the logits of the *last* place, shape, draw, append, read
# again. This is called **autoregressive**: the model reads what it has written itself.
#
# A model has read no position beyond `model.config.max_seq`, so of a text that has become longer it
# is shown the last `max_seq` tokens only: `ids[:, -max_seq:]`. Whatever was before is forgotten.
#
# `torch.multinomial(probabilities, 1, generator=generator)` draws one token for each row, as a
# column `(batch, 1)`, just right for `torch.cat([ids, new], dim=1)`. The generator is the source of
# the dice; the same seed gives the same text. It may be `None`: then torch takes its own.

# %% exercise="generate"
def generate(
    model: nn.Module,
    ids: Tensor,
    max_new_tokens: int,
    temperature: float = 1.0,
    top_k: int | None = None,
    top_p: float | None = None,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Continue each text, token by token.

    Args:
        model: takes ids (batch, seq) to logits (batch, seq, vocab), and reads at most
            model.config.max_seq tokens.
        ids: the beginnings (batch, seq).
        max_new_tokens: how many tokens to add.
        temperature, top_k, top_p: as for next_token_distribution, which you may call.
        generator: the source of randomness.

    Returns:
        Token ids (batch, seq + max_new_tokens): the beginnings, and what was added to them.

    Example: ids of shape (2, 3) with max_new_tokens 4 give ids of shape (2, 7).
    """
    ### BEGIN SOLUTION
    for _ in range(max_new_tokens):
        logits = model(ids[:, -model.config.max_seq :])[:, -1]
        probabilities = next_token_distribution(logits, temperature, top_k, top_p)
        new = torch.multinomial(probabilities, 1, generator=generator)
        ids = torch.cat([ids, new], dim=1)
    return ids
    ### END SOLUTION


# %% [markdown]
# ### A story
#
# Now write. Your model with the shipped weights begins with nothing but `[SEP]`, and draws every
# word by your function at temperature 1. The bar above each word says how probable the model found
# it; the orange mark says how probable it *really* was, by the rules of the world.

# %% tags=["demonstration"]
write = use(generate)
end = world.vocab["[SEP]"]


def until_the_end(ids) -> list[int]:
    """The words of one story: what stands between the first [SEP] and the second."""
    words = ids.tolist()[1:]
    return words[: words.index(end)] if end in words else words


with torch.no_grad():
    told = write(storyteller, torch.tensor([[end]]), 40, generator=torch.Generator().manual_seed(3))
story = until_the_end(told[0])
print(world.decode(story))

ids = torch.tensor([[end, *story, end]])
with torch.no_grad():
    sure = distribution(storyteller(ids))[0, :-1]
truth = exact.next_token_distribution(process, ids[:, 1:-1], end_id=end)[0]
places = torch.arange(len(story) + 1)
by_model = sure[places, ids[0, 1:]]
by_rules = truth[places, ids[0, 1:]]
figure, ax = plt.subplots(figsize=(9, 2.8))
ax.bar(places, by_model, color=BLUE, width=0.7, label="by the model")
ax.plot(places, by_rules, "_", color=ORANGE, ms=13, mew=2.5, label="by the rules of the world")
ax.set_xticks(places, [names[i] for i in ids[0, 1:]], rotation=60, ha="right")
ax.set(ylabel="probability", ylim=(0, 1.05))
ax.legend(loc="lower right", bbox_to_anchor=(1, 1), ncols=2)
gap = (by_model - by_rules).abs()
show(figure, "each word of the story with its probability. Names, foods and places are open and "
     "have low bars, what grammar and the story demand has high ones. The bars end near the exact "
     f"marks, {gap.mean():.2f} away on average; the largest difference is {gap.max():.2f}, at "
     f"“{names[ids[0, 1:][gap.argmax()]]}”.")

# %% [markdown]
# Nearly as well as anybody can, then, and not quite: where a mark stands clear of its bar, the
# rules know something that the model has not learned.
#
# ### Temperature, seen in many stories
#
# Sixty-four stories at each of five temperatures. For each story two questions: *could the world
# have told it* (its exact probability is more than 0), and *is it another one than those before*?
#
# An impossible story shows that a temperature is too high. What shows that it is too low? What is
# frequent would be told more often than it should be. So, on the right, a third question: at each
# place of 64 stories of the world, how much of the probability lies on other words than by the
# rules? (Half the sum of all differences: 0 where both distributions are the same, 1 where they
# share no word.)

# %% tags=["demonstration"]
temperatures = [0, 0.5, 1, 1.5, 2]
possible, different, samples = [], [], {}
for temperature in temperatures:
    dice = torch.Generator().manual_seed(0)
    with torch.no_grad():
        told = write(storyteller, torch.full((64, 1), end), 40, temperature, generator=dice)
    found = [until_the_end(row) for row in told]
    width = max(map(len, found))
    padded = torch.tensor([words + [0] * (width - len(words)) for words in found])
    could = exact.text_log_probability(process, padded) > -math.inf
    possible.append(float(could.double().mean()))
    different.append(len(set(map(tuple, found))) / len(found))
    samples[temperature] = world.decode(found[0])

true = world.draw("stories", 64, seed=0).ids  # filled up with 0
place_is_real = nn.functional.pad(true > 0, (1, 0), value=True)
with torch.no_grad():
    all_logits = storyteller(nn.functional.pad(true, (1, 0), value=end))
by_the_rules = exact.next_token_distribution(process, true, end_id=end)
finer, astray = [0.25, 0.5, 0.75, 1, 1.25, 1.5, 2], []
for temperature in finer:
    gap = (distribution(all_logits, temperature) - by_the_rules).abs().sum(dim=-1) / 2
    astray.append(float(gap[place_is_real].mean()))
nearest = finer[astray.index(min(astray))]

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2))
left.plot(temperatures, possible, "o-", color=BLUE, label="the world could have told it")
left.plot(temperatures, different, "s--", color=ORANGE, label="different from the others")
left.set(xlabel="temperature", ylabel="share of stories", ylim=(-0.03, 1.05))
left.set_xticks(temperatures)
left.legend(loc="lower center", bbox_to_anchor=(0.5, 1))
right.plot(finer, astray, "o-", color=BLUE)
right.set(xlabel="temperature", ylabel="probability on other words", ylim=(0, None))
right.set_xticks(temperatures)
right.set_title("how far from the rules", loc="left", fontsize=10)
figure.tight_layout()
show(figure, f"at temperature 0 all stories are the same one. At 1 {possible[2]:.0%} could be the "
     f"world's own, and {different[2]:.0%} are different. At 2 it is {different[4]:.0%} that are "
     f"different, and {possible[4]:.0%} that are possible. On the right the model comes nearest "
     f"to the rules at temperature {nearest}, where on average {min(astray):.1%} of the "
     f"probability lies on other words; at 0.25 it is {astray[0]:.1%}, at 2 {astray[-1]:.1%}.")
for temperature, text in samples.items():
    print(f"{temperature:>4}: {text}")

# %% [markdown]
# The printed stories above temperature 0 share their beginnings, because they share their dice:
# every temperature starts from the same seed.
#
# At temperature 0 it is always the same story, and at high temperatures most are wrong. For a
# model that has come near the entropy, 1 is right: there its distribution is nearest to the
# world's. Below 1 hardly anything impossible is told, but what is frequent is told more often than
# it should be. Models of real text are further from the entropy, and sound better a little below
# 1, or with top-p (Holtzman and others 2020).

# %% [markdown]
# ## 7 Not twice
#
# To write token 100, `generate` reads tokens 1 to 99 again, which it has read for token 99 before.
# Nearly all of that is wasted. In attention, a token needs from the earlier ones only their
# **keys** and **values**, and these never change: the causal mask sees to it that nothing later
# can reach back. So keep them, in a **KV cache**, and compute for each new token its own query,
# key and value only.
#
# The cache itself is given: each layer has a `KVCache`, whose `append(key, value)` adds the new
# keys and values and returns all of them, and whose `len(...)` is the number of tokens read so
# far. The stack of the course's own GPT takes a list of them, one a layer: `model.decoder(x, mask,
# cache)`. What is left for you is to say *where the new tokens stand*. With `past` tokens in the
# cache and `new` tokens to read:
#
# - The new tokens are not at the places 0, 1, …, but at `past`, `past + 1`, ….
# - The mask has a row for each *new* token and a column for *every* token so far: the last `new`
#   rows of the causal mask over all of them.
#
# All of this goes up to `max_seq` tokens. A longer text is read from its last `max_seq` tokens, so
# with each new token every other one moves to another position, and what was kept is worth nothing:
# then everything has to be read again. Here we stay below.
#
# By hand: 3 tokens in the cache, 2 new ones. Their places are 3 and 4, and the mask is
#
# | query ↓ · key → | 0 | 1 | 2 | 3 | 4 |
# |---|---|---|---|---|---|
# | **3** | True | True | True | True | False |
# | **4** | True | True | True | True | True |

# %% exercise="read_on"
def read_on(model: nn.Module, ids: Tensor, cache: list[KVCache]) -> Tensor:
    """Read new tokens after those that the cache holds, and put them into the cache.

    Args:
        model: has token, position and decoder, like your GPT; its decoder is called with a third
            argument: decoder(x, mask, cache) returns the vectors and the weights, and fills the
            cache.
        ids: the new tokens (batch, new).
        cache: one KVCache a layer; len(cache[0]) is how many tokens were read before.

    Returns:
        The logits at the new tokens (batch, new, vocab).

    Example: with an empty cache it gives what the model gives for the whole text.
    """
    ### BEGIN SOLUTION
    past, new = len(cache[0]), ids.shape[1]
    place = torch.arange(past, past + new, device=ids.device)
    x = model.token(ids) + model.position(place)
    mask = causal_mask(past + new)[past:].to(ids.device)
    hidden, _ = model.decoder(x, mask, cache)
    return hidden @ model.token.weight.T
    ### END SOLUTION


# %% [markdown]
# The same tokens, and faster? First the trained model, built from your attention, your norm and
# your mask: `Parts` puts them in the place of the course's. Then a larger one for the clock, with
# room for 288 tokens. It is untrained, so what it writes is nonsense, but nonsense takes just as
# long.

# %% tags=["demonstration"]
def write_without_cache(model, ids, length):
    """Greedy writing in which the whole text is read again for every token."""
    for _ in range(length):
        best = model(ids)[:, -1:].argmax(dim=-1)
        ids = torch.cat([ids, best], dim=1)
    return ids


def write_with_cache(model, ids, length):
    """Greedy writing in which every token is read once."""
    cache = [KVCache() for _ in range(model.config.num_layers)]
    unread = ids
    for _ in range(length):
        unread = read(model, unread, cache)[:, -1:].argmax(dim=-1)
        ids = torch.cat([ids, unread], dim=1)
    return ids


from minitransformer import GPT as CourseGPT

read = use(read_on)
parts = Parts(
    scaled_dot_product_attention=use("scaled_dot_product_attention"),
    layer_norm=use("layer_norm"), causal_mask=use("causal_mask"),
)
teller = load_pretrained("world-gpt", parts).model
begin = torch.tensor([[end]])
with torch.no_grad():
    slow, fast = write_without_cache(teller, begin, 60), write_with_cache(teller, begin, 60)
print("the same 60 tokens:", torch.equal(slow, fast))
print(world.decode(until_the_end(fast[0])))

# %% tags=["demonstration", "nbval-ignore-output"]
import time

torch.manual_seed(0)
sizes = GPTConfig(vocab_size=200, max_seq=288, d_model=128, num_heads=4, num_layers=4)
large = CourseGPT(sizes, parts).eval()
lengths, seconds = [24, 48, 96, 160, 256], {"without": [], "with": []}
with torch.no_grad():
    for length in lengths:
        for name, way in (("without", write_without_cache), ("with", write_with_cache)):
            started = time.perf_counter()
            way(large, begin, length)
            seconds[name].append(time.perf_counter() - started)
figure, ax = plt.subplots(figsize=(7, 2.8))
ax.plot(lengths, seconds["without"], "o-", color=ORANGE, label="everything read again")
ax.plot(lengths, seconds["with"], "s-", color=BLUE, label="with a KV cache")
ax.set(xlabel="tokens written", ylabel="seconds", ylim=(0, None))
ax.legend()
ratio = seconds["without"][-1] / seconds["with"][-1]
show(figure, "with the cache the time grows nearly in a straight line, without it faster and "
     f"faster. For {lengths[-1]} tokens the cache is {ratio:.1f} times as fast here.")

# %% [markdown]
# The cache is why a large model answers as fast as it does, and why it needs so much memory for
# long texts: for every token that was read, the keys and values of every layer are kept (Pope and
# others 2022).

# %%
quiz("what-the-cache-keeps")
# quiz("what-the-cache-keeps", "a")

# %% [markdown]
# ## 8 Your own text
#
# The same code, on a real text. Write the path of a text file of yours between the quotes:
# letters, a diary, a play, of at least 2,000 characters. Without one, a short letter that comes
# with the course is taken. Your BPE cuts it, your GPT learns it, your sampling continues it.
#
# Do not expect much from a few seconds on a page of text: GPT-3 (Brown and others 2020) read some
# hundreds of billions of tokens. On so little, the model soon knows the page by heart. Watch the
# two losses: what it has read, and what it has not.

# %% tags=["demonstration"]
from pathlib import Path

from minitransformer.bpe import pre_tokenize
from minitransformer.data.letter import LETTER

PATH = ""  # for example "/home/me/letters.txt"

NEEDED = 2000  # characters

text, name = LETTER, "the letter that comes with the course"
if PATH and not Path(PATH).is_file():
    print(f"There is no file {PATH} (looked for in {Path.cwd()}).")
elif PATH:
    own = Path(PATH).read_text(encoding="utf-8", errors="replace")[:200_000]
    if len(own) < NEEDED:
        print(f"{PATH} has {len(own):,} characters, and at least {NEEDED:,} are needed.")
    else:
        text, name = own, PATH
print(f"Reading {name}: {len(text):,} characters.")
pieces = pre_tokenize(text.replace("_", " "))  # words with the space before them, and line ends


def spell(word: str) -> tuple[str, ...]:
    return tuple(word.replace(" ", "_"))


frequencies = Counter(map(spell, pieces))
alphabet = sorted({letter for word in frequencies for letter in word})
own_merges = learn(dict(frequencies), alphabet, len(alphabet) + 200)
own_ranks = {pair: rank for rank, pair in enumerate(own_merges)}
own_tokens = list(dict.fromkeys([*alphabet, *map("".join, own_merges)]))
number_of = {token: i for i, token in enumerate(own_tokens)}
cut_words = {word: cut(word, own_ranks) for word in frequencies}
stream = torch.tensor([number_of[token] for word in pieces for token in cut_words[spell(word)]])
print(f"{len(own_tokens)} tokens; the text has {len(stream):,}. Its first 20:")
print(" | ".join(own_tokens[i].replace("\n", "⏎") for i in stream[:20]))

# %% tags=["demonstration"]
border = int(0.9 * len(stream))
windows = stream[:border].unfold(0, 33, 1)  # every 33 tokens in a row
own_held_out = stream[border:].unfold(0, 33, 16)
own_config = GPTConfig(vocab_size=len(own_tokens), max_seq=32 + 1, d_model=64, num_heads=4,
                       num_layers=2)
torch.manual_seed(0)
own_writer = use(GPT)(own_config)
own_run = train_writer(
    own_writer, windows, steps=200, held_out=own_held_out, loss=use(next_token_loss),
    update=use(adamw_step), clip=use(clip_gradients), rate=use(learning_rate_at), peak=5e-3,
)
print(f"loss a token at the start {own_run.losses[0]:.2f}; at the end {own_run.losses[-1]:.2f} on "
      f"what it has read, {own_run.evaluations[-1][1]:.2f} on what it has not")

dice = torch.Generator().manual_seed(0)
with torch.no_grad():
    written = write(own_writer, stream[None, :8], 120, 0.8, top_p=0.95, generator=dice)
print("\n" + "".join(own_tokens[i] for i in written[0]).replace("_", " "))

# %% [markdown]
# On a short text such as the letter, the loss on what the model has not read ends *above* that of
# the untrained model. How can it be worse than knowing nothing? The untrained one finds all tokens
# about equally likely. The trained one knows its page by heart and is sure of how each sentence
# goes on; in a new sentence it is just as sure, and mostly wrong, and being sure of the wrong token
# costs most.

# %% [markdown]
# ## What you have built
#
# - **Byte-pair encoding**: count, merge, again; then any text is tokens, and none is unknown.
# - **GPT**: two tables, a stack that looks back only, and a head that is the token table once more.
# - **The next-token loss**: every place a lesson, one shift.
# - **AdamW, clipping, warm-up and cosine**: a training step with nothing hidden.
# - **The probability of a text and perplexity**: how surprised a model is.
# - **Temperature, top-k, top-p, and the draw**: from a distribution to a story.
# - **The KV cache**: the same tokens, without reading twice.
#
# **Where this stands in history.** Shannon guessed letters from tables of neighbours (1948), then
# let people guess (1951). Bengio and others (2003) let a neural network guess, from the last few
# words; recurrent networks (Mikolov and others 2010) from all words before, read one by one. GPT
# (2018) put a transformer in their place, and showed that whoever has learned to continue texts
# can be fine-tuned to answer questions about them. GPT-2 (2019) did some of these tasks without
# any fine-tuning, GPT-3 (2020) from a few examples in its prompt. The code hardly changed. The
# text and the machines grew, and a model that is trained once on nearly everything is now the
# foundation for very many uses.

# %%
quiz("why-transformers-scale")
# quiz("why-transformers-scale", "a")

# %% tags=["demonstration", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## Where to read on
#
# - Shannon, *Prediction and Entropy of Printed English* (1951): the guessing game.
# - Bengio and others, *A Neural Probabilistic Language Model* (2003).
# - Pascanu, Mikolov and Bengio, *On the Difficulty of Training Recurrent Neural Networks* (2013):
#   clipping.
# - Kingma and Ba, *Adam: A Method for Stochastic Optimization* (2015).
# - Sennrich, Haddow and Birch, *Neural Machine Translation of Rare Words with Subword Units*
#   (2016): byte-pair encoding.
# - Press and Wolf, *Using the Output Embedding to Improve Language Models* (2017): tied weights.
# - Radford and others, *Improving Language Understanding by Generative Pre-Training* (2018), and
#   *Language Models are Unsupervised Multitask Learners* (2019): GPT and GPT-2.
# - Fan, Lewis and Dauphin, *Hierarchical Neural Story Generation* (2018): top-k.
# - Loshchilov and Hutter, *SGDR* (2017), the cosine, and *Decoupled Weight Decay Regularization*
#   (2019), AdamW.
# - Brown and others, *Language Models are Few-Shot Learners* (2020): GPT-3.
# - Holtzman and others, *The Curious Case of Neural Text Degeneration* (2020): top-p.
# - Pope and others, *Efficiently Scaling Transformer Inference* (2022): the cache.
#
# ## A challenge, not graded
#
# Play Shannon's game against your model. Take a story it has not seen, cover it, and guess it word
# by word; write down how many guesses each word took you. Let the model do the same with its sorted
# distribution. Where are you better, where is it? Shannon turned such numbers into bounds for the
# entropy of English: find out how in his paper, and compute yours for the small world,
# whose entropy you know exactly. How close do you come?
#
# **Next:** models that can read and write have learned a language, and no task yet. Chapter 6 puts
# BERT to work.
