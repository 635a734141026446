# %% [markdown]
# # Chapter 1 · From words to vectors that know where they stand
#
# > *Squatch eats pizza.*
# >
# > *Pizza eats Squatch.*
#
# A computer sees neither Squatch nor pizza. It sees numbers. So before a machine can read, each
# word has to become numbers, and the numbers should carry something of what you know about the
# word: that *pizza* and *cake* are alike, that *pizza* and *library* are not, and that it matters
# very much who stands before *eats*. In this chapter you build the whole way, from a line of text
# to the vectors that every transformer starts from.
#
# **Where you stand.** **1 embeddings** → 2 attention → 3 the transformer block → 4 BERT → 5 GPT → 6
# fine-tuning → 7 translation → 8 assistant. Everything starts from the vectors of this chapter.
# Chapter 2 lets them look at each other.
#
# **What you will build.** Sixteen small functions and layers. The picture below shows where they
# lead. In the middle of the chapter you train word vectors with your own loss function and see
# foods, animals and people gather in groups, although nobody told the machine what a food is.
#
# **What you need.** Basic Python (lists, dicts, functions, a class) and a little linear algebra
# (vectors, the dot product, a matrix times a matrix). What you need of PyTorch is explained on the
# way. No GPU, no internet.
#
# **How long.** The exercises take about two hours and forty minutes; with reading and playing,
# plan four hours, in two or three sittings. The notebook itself runs in less than a minute.
#
# **What you can do at the end.** Turn text into ids and back. Say why a table of vectors beats
# one-hot rows. Train word vectors from plain text, and draw a map of them. Explain why one vector
# a word is not enough for a word of two senses. Tell a model where each word stands, and build
# the embedding layer that BERT begins with.

# %%
import math
import re
from collections import Counter

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check, hint, progress, quiz, use

# %% tags=["demonstration"]
# Pictures. Nothing to learn in this cell: run it and read on.
import matplotlib.pyplot as plt

from minitransformer.sketches import BLUE, GREY, ORANGE, RED, STYLE, show

torch.set_num_threads(1)  # everything here is tiny, and one core does tiny things fastest
plt.rcParams.update(STYLE)


def strip(ax, left, top, values, size=0.2, height=0.3):
    """A vector as a row of squares: blue below zero, red above."""
    colours = plt.get_cmap("RdBu_r")((torch.as_tensor(values).detach().clamp(-2, 2) / 2 + 1) / 2)
    for place, colour in enumerate(colours):
        corner = (left + place * size, top - height)
        ax.add_patch(plt.Rectangle(corner, size, height, facecolor=colour, edgecolor=GREY, lw=0.4))


def heat_map(ax, table, rows, columns, title="", numbers=True):
    """A table of numbers from -1 to 1 in colours."""
    table = torch.as_tensor(table).detach()
    ax.imshow(table, cmap="RdBu_r", vmin=-1, vmax=1, aspect="auto")
    ax.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    ax.spines[:].set(visible=True, lw=0.6)
    for row in range(len(rows) if numbers else 0):
        for column in range(len(columns)):
            value = float(table[row, column])
            colour = "white" if abs(value) > 0.65 else "#303030"
            text = f"{value:.1f}".replace("-0.0", "0.0")
            ax.text(column, row, text, ha="center", va="center", fontsize=8, color=colour)
    ax.set_title(title, loc="left", fontsize=10)


wave = torch.tensor([
    [0.0, 1, 0, 1, 0, 1], [0.84, 0.54, 0.05, 1, 0, 1], [0.91, -0.42, 0.1, 1, 0, 1],
])
word = torch.randn(3, 6, generator=torch.Generator().manual_seed(4))
figure, ax = plt.subplots(figsize=(8.4, 3.4))
stages = ["text", "tokens", "ids", "token vectors", "+ place vectors", "= what goes in"]
for row, stage in enumerate(stages):
    ax.text(0, -row * 0.62 - 0.15, stage, va="center", weight="bold")
ax.text(3.4, -0.15, "Squatch eats pizza", va="center", ha="center", style="italic", fontsize=12)
for place, (token, number) in enumerate((("squatch", 17), ("eats", 9), ("pizza", 23))):
    middle = 2.0 + 1.4 * place
    ax.text(middle, -0.77, token, ha="center", va="center")
    ax.text(middle, -1.39, str(number), ha="center", va="center")
    for row, vector in ((3, word[place]), (4, wave[place]), (5, word[place] + wave[place])):
        strip(ax, middle - 0.6, -row * 0.62, vector)
for row, name in enumerate(("", "tokenize", "encode", "TokenEmbedding", "LearnedPositions", "")):
    ax.text(5.75, -row * 0.62 - 0.15, name, va="center", family="monospace", fontsize=9)
ax.text(5.75, -5 * 0.62 - 0.15, "EmbeddingLayer", va="center", family="monospace", fontsize=9)
ax.set(xlim=(-0.1, 7.2), ylim=(-3.6, 0.15))
ax.axis("off")
show(figure, "the text is cut into the tokens squatch, eats and pizza. Each token gets a number, "
     "each number a vector. A second vector, which tells the place, is added. On the right stand "
     "the names of the parts that you will build. The numbers are made up.")

# %% [markdown]
# ### The way there
#
# 1. **Words to numbers.** `tokenize`, `build_vocab`, `encode` and `decode` turn text into ids, and
#    back.
# 2. **Numbers to vectors.** `one_hot` and `lookup` give each word a vector,
#    `cosine_similarity_matrix` compares two words.
# 3. **Vectors that mean something.** `skip_gram_pairs`, `count_skip_gram_pairs`,
#    `noise_distribution`, `sample_negatives` and `negative_sampling_loss` are word2vec: vectors
#    learned from plain text.
# 4. **Where a word stands.** `sinusoidal_positions` tell who eats whom.
# 5. **Layers that learn.** `TokenEmbedding`, `LearnedPositions` and `EmbeddingLayer` are the first
#    layer of BERT.
#
# **How it works.** Where an exercise says `raise NotImplementedError()`, write your code instead.
# Run the cell, then run the `check(...)` below it. The check tells you which properties hold, and
# often which mistake it sees. Stuck? The `hint(...)` cell has three hints, from a nudge to nearly
# the answer. You can also read on and come back: wherever your own function is not right yet, the
# notebook goes on with the course's, and says so. Later exercises may call your earlier functions,
# and should.
#
# **Words for sizes.** `batch` sentences of `seq` words; `vocab` different words; each vector has
# `d_model` numbers. A shape such as `(batch, seq, d_model)` lists the sizes in that order, and
# `...` stands for any axes in front.

# %% [markdown]
# ## 1 Words to numbers
#
# All texts in this course come from a small world. It has people, animals, foods, tools and places,
# and sentences about them. It is generated by a few rules, so there is as much text as you like,
# and later we will know exactly how well a perfect model could do. Here are some of its sentences:

# %% tags=["demonstration"]
from minitransformer.data import World

world = World()
texts = world.sentences(3000, seed=1)
for text in texts[:6]:
    print(text)

# %% [markdown]
# The first step is to cut a text into **tokens**: the units that get a number. Here a token is a
# word or a punctuation mark. Capitals are dropped, because *Pizza* at the start of a sentence is
# the same food as *pizza* in the middle.
#
# By hand: `"Mia eats, Leo cooks."` becomes `["mia", "eats", ",", "leo", "cooks", "."]`.
#
# Cutting at spaces is not enough: it would leave `"eats,"` with its comma, and make it another word
# than `"eats"`. A *regular expression* does it well. It is a pattern, and `re.findall(pattern,
# text)` returns all the pieces of the text that fit it, left to right. The parts you need:
#
# | Pattern | fits |
# |---|---|
# | `\w` | one letter (of any language), digit or underscore |
# | `\s` | one space, tab or new line |
# | `x+` | one or more times `x` |
# | `[^xy]` | one character that is neither `x` nor `y` |
# | `a\|b` | what fits `a`, or else what fits `b` |
#
# Write patterns as raw strings, `r"\w+"`, so that Python leaves the backslash alone.

# %% exercise="tokenize"
def tokenize(text: str) -> list[str]:
    """Cut a text into lower-case words and single punctuation marks.

    Args:
        text: any string. A word is a run of letters, digits and underscores; every other
            character that is not white space is a token of its own.

    Returns:
        The tokens in reading order; an empty list for an empty text.

    Example: tokenize("Mia eats, Leo cooks.") is ["mia", "eats", ",", "leo", "cooks", "."].
    """
    ### BEGIN SOLUTION
    return re.findall(r"\w+|[^\w\s]", text.lower())
    ### END SOLUTION


# %% [markdown]
# Next, each token that we know gets a number, its **id**. The list of all tokens with their ids is
# the **vocabulary**. The first five ids are taken by tokens that are not words:
#
# | Token | id | stands for |
# |---|---|---|
# | `[PAD]` | 0 | nothing: fills short sentences up to the length of the longest |
# | `[UNK]` | 1 | a word that is not in the vocabulary |
# | `[CLS]` | 2 | the start, and later the sentence as a whole |
# | `[SEP]` | 3 | the end of a sentence |
# | `[MASK]` | 4 | a word that is hidden, for BERT to guess |
#
# After them come the words, the most frequent first. When two words occur equally often, the
# alphabet decides. Why such care? A model that was trained with one vocabulary is useless with
# another: its table of vectors is in the order of the ids. With a fixed rule, the same texts give
# the same vocabulary, whatever order they come in.
#
# By hand: the texts `["b a", "b c"]` have the counts b 2, a 1, c 1. So the vocabulary is the five
# special tokens, then `b` with id 5, `a` with id 6, `c` with id 7.
#
# **Useful tools.** `Counter(list)` counts: `Counter(["b", "a", "b"])` is `{"b": 2, "a": 1}`.
# `sorted(words, key=f)` sorts by `f(word)`; where `f` gives a pair, its second entry decides among
# equal first entries. `sorted` goes from small to large, so sort by *minus* the count.

# %%
SPECIAL_TOKENS = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")


# %% exercise="build_vocab"
def build_vocab(texts: list[str], min_count: int = 1) -> dict[str, int]:
    """Number every token that occurs in the texts.

    Args:
        texts: a list of strings; cut them with your tokenize.
        min_count: tokens that occur less often, in all texts together, are left out.

    Returns:
        A dict from token to id. First the SPECIAL_TOKENS, then the others from the most to the
        least frequent, and in alphabetical order where the counts are equal.

    Example: build_vocab(["b a", "b c"]) is {"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3,
    "[MASK]": 4, "b": 5, "a": 6, "c": 7}. With min_count=2 it ends with "b": 5.
    """
    ### BEGIN SOLUTION
    counts = Counter(token for text in texts for token in tokenize(text))
    frequent = [token for token, count in counts.items() if count >= min_count]
    frequent.sort(key=lambda token: (-counts[token], token))
    return {token: index for index, token in enumerate([*SPECIAL_TOKENS, *frequent])}
    ### END SOLUTION


# %% [markdown]
# With a vocabulary, a text becomes a list of ids: cut it, look each token up. A token that the
# vocabulary lacks becomes `[UNK]`, so that the sentence keeps its length and the model knows that
# *something* stood there.
#
# By hand, with the vocabulary from above: `"b d a"` becomes `[5, 1, 6]`, because `d` is unknown.

# %% exercise="encode"
def encode(text: str, vocab: dict[str, int]) -> list[int]:
    """Translate a text into ids.

    Args:
        text: any string; cut it with your tokenize.
        vocab: token to id. It has an entry "[UNK]", and stays as it is.

    Returns:
        One id per token, the id of "[UNK]" for a token that is not in the vocabulary.

    Example: with {"[PAD]": 0, "[UNK]": 1, "b": 2}, encode("B d b", vocab) is [2, 1, 2].
    """
    ### BEGIN SOLUTION
    return [vocab.get(token, vocab["[UNK]"]) for token in tokenize(text)]
    ### END SOLUTION


# %% [markdown]
# And back, to read what a model has to say. `[PAD]` only fills up space, so it is left out,
# wherever it stands. The other special tokens are shown: they tell something. Capitals and the
# original spaces are gone for good.
#
# Ids often come in a tensor. An element of a tensor is itself a small tensor, not a number, and no
# key of a dict equals it. `int(element)` makes a plain number of it.

# %% exercise="decode"
def decode(ids, vocab: dict[str, int]) -> str:
    """Translate ids back into a text.

    Args:
        ids: a list of ids, or a tensor of shape (seq,).
        vocab: token to id; its entries may stand in any order.

    Returns:
        The tokens, joined with single spaces, without "[PAD]", wherever it stands.

    Example: with {"[PAD]": 0, "[UNK]": 1, "b": 2}, decode([2, 0, 1, 0], vocab) is "b [UNK]".
    """
    ### BEGIN SOLUTION
    token_of = {index: token for token, index in vocab.items()}
    tokens = [token_of[int(index)] for index in ids]
    return " ".join(token for token in tokens if token != "[PAD]")
    ### END SOLUTION


# %% tags=["demonstration"]
vocab = use(build_vocab)(texts)
to_ids, to_text = use(encode), use(decode)
print(f"{len(texts)} sentences, {len(vocab)} entries in the vocabulary")
for text in ("Squatch eats pizza", "Squatch eats Pythagoras"):
    ids = to_ids(text, vocab)
    print(f"{text}  ->  {ids}  ->  {to_text(ids, vocab)}")

# %% [markdown]
# *Pythagoras* does not occur in the small world, so he is lost on the way. With whole words as
# tokens there is no cure. Chapters 4 and 5 cut words into pieces, and then hardly any word is
# unknown.

# %% [markdown]
# ## 2 Numbers to vectors
#
# Ids are numbers, but not numbers to calculate with. A word with a larger id is not more of
# anything, and two words with neighbouring ids need not be alike. The honest way to hand an id to a
# model is a row of zeros with a single 1 at the id's place, a **one-hot** row:
#
# | id | with a vocabulary of 4 |
# |---|---|
# | 2 | `[0, 0, 1, 0]` |
# | 0 | `[1, 0, 0, 0]` |
#
# **Tensors in one minute.** PyTorch's `Tensor` is a table with any number of axes; `.shape` lists
# their sizes. `tensor.unsqueeze(-1)` adds an axis of size 1 at the end. When two tensors meet in a
# calculation or a comparison, axes of size 1 are stretched to fit. This is **broadcasting**: shape
# `(3, 1)` compared with shape `(4,)` gives `(3, 4)`, every row with every column.
#
# The kind of number in a tensor is its **dtype**: ids are int64, float32 is the usual floating
# point, float64 the more precise one, and a comparison gives bool, True and False. `.float()` makes
# float32 of any of them, `.to(other.dtype)` whatever `other` holds. One-hot rows will be
# multiplied, so make yours float32. `F.one_hot` is out of bounds here, since it *is* the
# exercise.

# %% tags=["demonstration"]
ids = torch.tensor([2, 0, 3])
print("ids               ", tuple(ids.shape), ids.tolist())
print("ids.unsqueeze(-1) ", tuple(ids.unsqueeze(-1).shape), ids.unsqueeze(-1).tolist())
print("torch.arange(4)   ", tuple(torch.arange(4).shape), torch.arange(4).tolist())
larger = ids.unsqueeze(-1) > torch.arange(4)
print("is id > number?   ", tuple(larger.shape), larger.tolist())


# %% exercise="one_hot"
def one_hot(ids: Tensor, vocab_size: int) -> Tensor:
    """Each id as a row of zeros with a single 1 at the id's place.

    Args:
        ids: integers of any shape (...), such as (seq,) or (batch, seq); from 0 to vocab_size - 1.
        vocab_size: the length of the rows.

    Returns:
        (..., vocab_size), float32. The vocabulary is the last axis.

    Example: one_hot(torch.tensor([2, 0]), 4) is [[0.0, 0.0, 1.0, 0.0], [1.0, 0.0, 0.0, 0.0]].
    """
    ### BEGIN SOLUTION
    return (ids.unsqueeze(-1) == torch.arange(vocab_size, device=ids.device)).float()
    ### END SOLUTION


# %%
quiz("why-not-one-hot")
# quiz("why-not-one-hot", "a")

# %% [markdown]
# The cure for waste: give each word a short vector of `d_model` numbers, and keep the vectors in a
# table with one row per word, of shape `(vocab, d_model)`. The table is called an **embedding**.
#
# What has it to do with one-hot rows? A one-hot row times a matrix picks out one row of the matrix.
# By hand, for the id 2 and a table $E$ of three vectors of size 2:
#
# $$\begin{pmatrix} 0 & 0 & 1 \end{pmatrix}
# \begin{pmatrix} 1 & 2 \\ 3 & 4 \\ 5 & 6 \end{pmatrix} = \begin{pmatrix} 5 & 6 \end{pmatrix}$$
#
# All those multiplications by zero can be saved: simply *take* row 2. So looking a word up in a
# table and multiplying its one-hot row by a matrix are the same thing,
#
# $$\text{lookup}(\text{ids}, E) = \text{one\_hot}(\text{ids})\, E$$
#
# and, because a matrix can be learned, so can the table. Only one way of computing it is cheaper.
# You may write either; torch's own embedding is out of bounds here, since it *is* the exercise.
# Both sides of a matrix product need the same dtype, so one-hot rows must first get that of the
# table, with `.to(table.dtype)`.
#
# How is a table learned? A number, the *loss*, says how wrong a model is. The **gradient** says for
# each entry of the table how the loss changes when that entry grows a little, and so in which
# direction the entry should move for the loss to fall. PyTorch computes it for us, by following
# back how the result was calculated. Many checks ask whether gradients arrive; calculate with
# torch, as you do anyway, and they do.

# %% exercise="lookup"
def lookup(ids: Tensor, table: Tensor) -> Tensor:
    """The rows of a table that the ids name.

    Args:
        ids: integers of any shape (...), from 0 to vocab - 1.
        table: (vocab, d_model), one vector per word.

    Returns:
        (..., d_model), in the dtype of the table.

    Example: with the table [[1.0, 2.0], [3.0, 4.0], [5.0, 6.0]], the ids [2, 0] give
    [[5.0, 6.0], [1.0, 2.0]].
    """
    ### BEGIN SOLUTION
    return table[ids.long()]
    ### END SOLUTION


# %% [markdown]
# When do two vectors stand for similar words? A good measure is the angle between them, or rather
# its cosine:
#
# $$\cos(a, b) = \frac{a \cdot b}{\lvert a \rvert\, \lvert b \rvert}$$
#
# with the dot product $a \cdot b$ and the lengths $\lvert a \rvert$ and $\lvert b \rvert$. It is 1
# when the two point the same way, 0 when they stand at a right angle, and −1 when they point in
# opposite directions. How long they are does not matter.
#
# By hand: $a = (3, 4)$ and $b = (4, 3)$ have the dot product $12 + 12 = 24$ and both have length 5,
# so the cosine is $24 / 25 = 0.96$.
#
# For $n$ vectors at once, first divide each by its own length. Then one matrix product, `unit @
# unit.T`, gives all $n \times n$ cosines; `.T` makes rows into columns. A vector of zeros has no
# direction; dividing by its length would give 0/0. `clamp_min(1e-8)` keeps the lengths above zero,
# and the cosines of a zero vector become 0.
#
# **Along which axis?** `table.norm(dim=d)` takes lengths along the axis `d` (0 is the first, −1 the
# last), and that axis is gone: shape `(3, 4)` becomes `(4,)` or `(3,)`. With `keepdim=True` it
# stays, with size 1: `(1, 4)` or `(3, 1)`. So the lengths still line up with the table.
#
# **The function below runs, and gives wrong numbers.** It holds one real mistake, of a kind that
# everyone who writes PyTorch makes sooner or later. Run the check, read which properties do not
# hold, and repair it. The two vectors above are a good test: what does it say about $a$ and $a$?

# %% exercise="cosine_similarity_matrix"
def cosine_similarity_matrix(vectors: Tensor) -> Tensor:
    """How alike the directions of any two vectors are, from -1 to 1.

    Args:
        vectors: (n, d_model), one vector in each row; they stay as they are.

    Returns:
        (n, n), in the dtype of the vectors; entry [i, j] is the cosine of the vectors i and j. A
        vector of zeros has the similarity 0 with everything.

    Example: the vectors [[3.0, 4.0], [4.0, 3.0]] give [[1.0, 0.96], [0.96, 1.0]].
    """
    ### BEGIN SOLUTION
    lengths = vectors.norm(dim=-1, keepdim=True).clamp_min(1e-8)
    unit = vectors / lengths
    return unit @ unit.T
    ### END SOLUTION
    ### BEGIN BUG
    # lengths = vectors.norm(dim=0, keepdim=True).clamp_min(1e-8)
    # unit = vectors / lengths
    # return unit @ unit.T
    ### END BUG


# %% [markdown]
# ## 3 Vectors that mean something
#
# Which numbers should stand in the table? At first, random ones. Here are the similarities of six
# words with random vectors. Every word is like itself, and beyond that there is no pattern.

# %% tags=["demonstration"]
similarity_of, vectors_of = use(cosine_similarity_matrix), use(lookup)
six = ["pizza", "cake", "soup", "cat", "dog", "horse"]
six_ids = torch.tensor([vocab[token] for token in six])
random_table = torch.randn(len(vocab), 16, generator=torch.Generator().manual_seed(0))
before = similarity_of(vectors_of(six_ids, random_table))
figure, ax = plt.subplots(figsize=(4.2, 3))
heat_map(ax, before, six, six, "cosine similarity, before training")
apart = before[~torch.eye(6, dtype=torch.bool)]
show(figure, f"1.0 on the diagonal. Elsewhere the numbers lie between {apart.min():.1f} and "
     f"{apart.max():.1f}, and two foods are no more alike than a food and an animal.")

# %% [markdown]
# Where should meaning come from, if nobody tells the machine what a pizza is? The answer is older
# than the computers that could use it: *you shall know a word by the company it keeps* (Firth,
# 1957). Pizza is eaten, baked, and tastes good. So is cake. Dogs sleep in the park and chase cats.
# If words that keep the same company get similar vectors, then similar vectors will mean similar
# words.
#
# **Word2vec** (Mikolov and others, 2013) turns this into a game. Take a word, the **center**. Take
# a word near it, its **context**. Make their vectors fit together. Take a few random words, the
# **noise**, and make their vectors not fit. Repeat a few hundred thousand times. You will now build
# the four parts of the game: the pairs, the noise, the draw, and the rule that says how well things
# fit.
#
# ### Pairs
#
# Each word of a sentence is the center once. Its contexts are the words at most `window` places
# away, to the left and to the right. By hand, for the window 1:
#
# | center | contexts | pairs |
# |---|---|---|
# | **squatch** eats pizza | eats | (squatch, eats) |
# | squatch **eats** pizza | squatch, pizza | (eats, squatch), (eats, pizza) |
# | squatch eats **pizza** | eats | (pizza, eats) |
#
# Mind the ends of the sentence: there the window is cut off. Python does not warn you: `ids[-1]` is
# no error, it is the *last* word.

# %% exercise="skip_gram_pairs"
def skip_gram_pairs(ids, window: int) -> list[tuple[int, int]]:
    """All pairs of a word and a neighbour.

    Args:
        ids: the token ids of one sentence, a list or a tensor of shape (seq,).
        window: how many places to each side, at least 1.

    Returns:
        (center, context) pairs of ids, by the place of the center, then by the place of the
        context, both from left to right. No place is paired with itself; two places may hold the
        same word.

    Example: skip_gram_pairs([7, 8, 9], 1) is [(7, 8), (8, 7), (8, 9), (9, 8)].
    """
    ### BEGIN SOLUTION
    ids = [int(index) for index in ids]
    pairs = []
    for place, center in enumerate(ids):
        for other in range(max(0, place - window), min(len(ids), place + window + 1)):
            if other != place:
                pairs.append((center, ids[other]))
    return pairs
    ### END SOLUTION


# %% [markdown]
# ### How much is there to learn from?
#
# Before you run it on three thousand sentences, *predict*. Write your guesses into the cell below
# before you read on: how many pairs does a sentence of `seq` words give with this `window`?

# %%
guesses = {  # (seq, window): your guess
    (3, 1): 4,  # counted in the table above
    (5, 1): None,
    (5, 2): None,
    (3, 9): None,
}

# %% [markdown]
# Now find the rule. A way that works: count by distance. In a sentence of 5 words, 4 pairs of
# places lie one apart, 3 lie two apart, and so on. Each pair of places counts twice, since either
# word can be the center. And no two words are further apart than the sentence is long.
#
# Write a function that only calculates, without making the pairs: so it can tell at once what a
# whole book would give. (A loop over distances is fine. A formula is shorter.)

# %% exercise="count_skip_gram_pairs"
def count_skip_gram_pairs(seq: int, window: int) -> int:
    """How many pairs skip_gram_pairs makes from a sentence of this length.

    Args:
        seq: the number of words, at least 1.
        window: how many places to each side, at least 1; it may be wider than the sentence.

    Returns:
        The number of pairs.

    Example: count_skip_gram_pairs(3, 1) is 4.
    """
    ### BEGIN SOLUTION
    reach = min(window, seq - 1)
    return reach * (2 * seq - reach - 1)
    ### END SOLUTION


# %% tags=["demonstration"]
pairs_of, count_of = use(skip_gram_pairs), use(count_skip_gram_pairs)
print("seq  window  your guess  your rule  counted")
for (seq, window), guess in guesses.items():
    counted = len(pairs_of(list(range(seq)), window))
    shown = "-" if guess is None else guess
    print(f"{seq:3}  {window:6}  {shown:>10}  {count_of(seq, window):9}  {counted:7}")

sentences = [to_ids(text, vocab) for text in texts]
pairs = [pair for ids in sentences for pair in pairs_of(ids, 3)]
predicted = sum(count_of(len(ids), 3) for ids in sentences)
print(f"\nAll {len(texts)} sentences, window 3: {predicted} pairs predicted, {len(pairs)} counted")

# %% [markdown]
# ### Noise
#
# True pairs alone are not enough: a model that gives all words the same long vector would make
# every pair fit. It also needs words that do *not* belong. They are drawn at random from the whole
# vocabulary.
#
# With what probability? Drawn by their counts, one noise word in five would be *the*. Drawn all
# alike, rare words would come far too often. Word2vec goes between: it raises the counts to a power
# of 3/4 before sharing out.
#
# $$P(w) = \frac{\text{count}(w)^{0.75}}{\sum_v \text{count}(v)^{0.75}}$$
#
# By hand: *the* occurs 16 times and *oven* once. By counts their shares are 16/17 = 0.94 and 0.06.
# But $16^{0.75} = 8$ and $1^{0.75} = 1$, so the shares become $8/9 = 0.89$ and $1/9 = 0.11$. The
# rare word gains. (Why 3/4? It worked best when they tried; no better reason is known.)

# %% exercise="noise_distribution"
def noise_distribution(counts: Tensor, power: float = 0.75) -> Tensor:
    """The probability of each word to be drawn as noise.

    Args:
        counts: (vocab,), how often each word occurs; integers or floating point.
        power: 1 keeps the shares of the counts, 0 would make all words alike.

    Returns:
        Probabilities (vocab,) that sum to 1: in the dtype of the counts where that is floating
        point, float32 where the counts are integers.

    Example: noise_distribution(torch.tensor([16.0, 1.0])) is about [0.89, 0.11].
    """
    ### BEGIN SOLUTION
    weights = counts**power
    return weights / weights.sum()
    ### END SOLUTION


# %% [markdown]
# ### The draw
#
# Now draw words with these probabilities, each draw by itself: the same word may come twice. For
# training we need a table of them, such as 5 noise words for each of 256 pairs, shape `(256, 5)`.
#
# **Useful tools.** `torch.multinomial(probabilities, n, replacement=True)` draws `n` ids in a row.
# `math.prod(shape)` says how many a shape needs, and `.view(shape)` lays a row out in that shape.
#
# **Chance that can be repeated.** Random numbers in a computer come from a *generator*, started
# with a number, its *seed*. The same seed gives the same numbers, so an experiment can be repeated
# exactly. Functions of torch that draw take `generator=...`; if you forget to hand it on, they use
# a generator that everybody shares, and nothing can be repeated. The check looks at this too: it
# draws thousands of times and compares the shares, and fails a right answer less than once in a
# million.

# %% exercise="sample_negatives"
def sample_negatives(
    probabilities: Tensor, shape: tuple[int, ...], generator: torch.Generator | None = None
) -> Tensor:
    """Draw ids at random, each with its probability, independently of the others.

    Args:
        probabilities: (vocab,), summing to 1.
        shape: the shape of the result, such as (batch, k).
        generator: where the random numbers come from; the same seed gives the same draws.

    Returns:
        Ids of that shape, int64.

    Example: sample_negatives(torch.tensor([0.0, 1.0]), (2, 3)) is [[1, 1, 1], [1, 1, 1]].
    """
    ### BEGIN SOLUTION
    n = math.prod(shape)
    draws = torch.multinomial(probabilities, n, replacement=True, generator=generator)
    return draws.view(shape)
    ### END SOLUTION


# %% tags=["demonstration"]
counts = torch.bincount(
    torch.tensor([index for ids in sentences for index in ids]), minlength=len(vocab)
)
shares, noise = counts / counts.sum(), use(noise_distribution)(counts)
drawn = use(sample_negatives)(noise, (20_000,), torch.Generator().manual_seed(0))
ranked = counts.argsort(descending=True, stable=True)[:90].tolist()
some = [ranked[place] for place in (0, 1, 4, 12, 30, 60, 85)]
names = [to_text([index], vocab) for index in some]
places = torch.arange(len(some))
figure, ax = plt.subplots(figsize=(7.4, 2.6))
ax.bar(places - 0.27, shares[some], 0.26, color=GREY, label="by counts")
ax.bar(places, noise[some], 0.26, color=BLUE, label="power 3/4")
frequency = torch.bincount(drawn, minlength=len(vocab))[some] / len(drawn)
ax.bar(places + 0.27, frequency, 0.26, color=ORANGE, label="20 000 draws")
ax.set_xticks(places, names)
ax.set(yscale="log", ylabel="probability (log scale)")
ax.legend(ncols=3, loc="upper right")
show(figure, f"“{names[0]}” falls from {shares[some[0]]:.3f} by counts to {noise[some[0]]:.3f} "
     f"with the power, “{names[-1]}” rises from {shares[some[-1]]:.4f} to {noise[some[-1]]:.4f}. "
     "The draws follow the power.")

# %% [markdown]
# ### The rule
#
# Two vectors fit when their dot product is large. The **sigmoid** $\sigma(s) = 1 / (1 + e^{-s})$
# turns this score into a probability between 0 and 1: *do these two words belong together?* Scores
# far above 0 mean yes, far below 0 no, and $\sigma(0) = 1/2$ means no idea.
#
# With the center's vector $c$, its true context $o$ and $k$ noise words $n_1, \dots, n_k$, we want
# $\sigma(c \cdot o)$ near 1 and every $\sigma(c \cdot n_k)$ near 0. Since $1 - \sigma(s) =
# \sigma(-s)$, the second wish is $\sigma(-c \cdot n_k)$ near 1. Now take logarithms (a wish that is
# granted costs $-\log 1 = 0$, one that fails costs much), add them up for each pair, and take the
# mean over the batch:
#
# $$\text{loss} = -\,\text{mean over the batch}\,\Big[\log \sigma(c \cdot o) + \sum_{k} \log
# \sigma(-c \cdot n_k)\Big]$$
#
# By hand, for one pair and one noise word: $c = (1, 0)$, $o = (2, 5)$, $n = (-2, 1)$. The scores
# are $c \cdot o = 2$ and $c \cdot n = -2$. Both wishes are granted with $\sigma(2) = 0.881$, and
# the loss is $-(\log 0.881 + \log 0.881) = 0.25$. If all vectors were zero, it would be $2 \log 2 =
# 1.39$.
#
# **A trap.** $\sigma(-200)$ is so small that it becomes 0, and $\log 0$ is minus infinity.
# `F.logsigmoid(s)` takes both steps at once, and stays finite.
#
# **Shapes.** `(center * context).sum(dim=-1)` multiplies number by number and adds up each row: one
# dot product per pair. The noise has an axis more, `(batch, k, d_model)`; give `center` one too, in
# the middle. `unsqueeze(1)` makes it `(batch, 1, d_model)`.

# %% exercise="negative_sampling_loss"
def negative_sampling_loss(center: Tensor, context: Tensor, negatives: Tensor) -> Tensor:
    """Pull true neighbours together, push random words away.

    Args:
        center: (batch, d_model), the vectors of the center words.
        context: (batch, d_model), the vectors of their true neighbours.
        negatives: (batch, k, d_model), the vectors of k noise words for each pair.

    Returns:
        The loss of the formula above, a tensor without dimensions: a sum over the k noise words,
        a mean over the batch.

    Example: center [[1.0, 0.0]], context [[2.0, 5.0]], negatives [[[-2.0, 1.0]]] give about 0.25.
    """
    ### BEGIN SOLUTION
    true_score = (center * context).sum(dim=-1)  # (batch,)
    noise_score = (center.unsqueeze(1) * negatives).sum(dim=-1)  # (batch, k)
    wishes = F.logsigmoid(true_score) + F.logsigmoid(-noise_score).sum(dim=-1)
    return -wishes.mean()
    ### END SOLUTION


# %%
quiz("why-negatives")
# quiz("why-negatives", "a")

# %% [markdown]
# ### Train word vectors
#
# Everything is there. `train_word_vectors` starts with random vectors, 16 numbers a word, and takes
# 1000 small steps. In each it draws 256 pairs and 5 noise words a pair, asks the loss how well they
# fit, and moves all their vectors a little in the direction that makes the loss smaller. Inside the
# training only the loss is yours (the line that the cell prints says whether it is); noise and draw
# are the course's. (How the direction is found: PyTorch keeps track of every calculation, and works
# backwards through it, to the gradient. Your function needs no extra line for this.)

# %% tags=["demonstration"]
from minitransformer.training import train_word_vectors

table, losses = train_word_vectors(
    pairs, len(vocab), 16, counts.float(), loss=use(negative_sampling_loss), steps=1000
)

# %% tags=["demonstration", "nbval-ignore-output"]
figure, axes = plt.subplots(1, 2, figsize=(9, 3))
axes[0].plot(losses, color=BLUE, lw=1)
axes[0].axhline(6 * math.log(2), color=GREY, lw=1, ls="--")
axes[0].text(995, 6 * math.log(2) + 0.08, "6 log 2: no idea", ha="right")
axes[0].set(xlabel="step", ylabel="loss")
heat_map(axes[1], similarity_of(vectors_of(six_ids, table)), six, six,
         "cosine similarity, after training")
figure.tight_layout()
show(figure, f"the loss falls from {losses[0]:.1f} to {sum(losses[-50:]) / 50:.1f}, and foods are "
     "now like foods, animals like animals.")

# %% [markdown]
# Two groups have formed. And the whole vocabulary? Sixteen numbers a word cannot be drawn, but two
# can. **Principal component analysis** (PCA) looks for the flat picture that keeps most of the
# differences, as you would turn a chair before you take its photograph. Each point is a word; near
# means alike.

# %% tags=["demonstration", "nbval-ignore-output"]
from IPython.display import Markdown, display

from minitransformer import plots

doubles = world.two_sense_words
groups = ("person", "animal", "food", "tool")
plain = {group: [w for w in world.words_by_category[group] if w not in doubles] for group in groups}
shown = [token for tokens in plain.values() for token in tokens]
kinds = [group for group, tokens in plain.items() for _ in tokens]


def unit(tokens):
    """The directions of some words, (n, 16)."""
    found = vectors_of(torch.tensor([vocab[token] for token in tokens]), table)
    return found / found.norm(dim=-1, keepdim=True)


closest = similarity_of(unit(shown)).fill_diagonal_(-1).argmax(dim=1).tolist()
same = sum(kinds[place] == kinds[near] for place, near in enumerate(closest))
words = ("four groups, far apart: people, animals, foods and tools. For "
         f"{same} of the {len(shown)} words the nearest other word is one of their own group.")
display(plots.embedding_map(unit(shown), shown, kinds, "The words of four groups, by PCA", words))
display(Markdown(f"*In words:* {words}"))

# %% [markdown]
# Nobody told it what a food is. It has found out from the company the words keep, with a loss of a
# few lines.

# %%
quiz("where-meaning-comes-from")
# quiz("where-meaning-comes-from", "a")

# %% [markdown]
# ### A word with two senses
#
# In the small world, as in English, a *bat* is an animal and a tool, and so is a *mouse*: Mia feeds
# the mouse, and Leo buys the mouse at the shop. But the table has one row for *mouse*. Where does
# it go?
#
# Draw a line from the middle of the animals to the middle of the tools, and ask for each word how
# far along this line it lies: 0 is with the animals, 1 is with the tools.

# %% tags=["demonstration", "nbval-ignore-output"]
start, end = unit(plain["animal"]).mean(dim=0), unit(plain["tool"]).mean(dim=0)


def along(tokens):
    """0 for the animals, 1 for the tools, and what lies between."""
    return (unit(tokens) - start) @ (end - start) / (end - start).square().sum()


figure, ax = plt.subplots(figsize=(8, 2.3))
ax.axhline(0, color=GREY, lw=0.8)
rows = (("animal", ORANGE, "o", plain["animal"]), ("both", RED, "*", ["bat", "mouse"]),
        ("tool", BLUE, "^", plain["tool"]))
for name, colour, marker, tokens in rows:
    points = along(tokens)
    ax.scatter(points, torch.zeros(len(tokens)), color=colour, marker=marker, zorder=3,
               s=120 if name == "both" else 36, label=", ".join(tokens))
    if name == "both":
        for token, point in zip(tokens, points, strict=True):
            ax.annotate(token, (point, 0), (point, 0.25 if token == "bat" else -0.42), ha="center",
                        color=colour, weight="bold")
ax.set(ylim=(-0.8, 0.9), yticks=[], xlabel="from the animals (0) to the tools (1)")
ax.spines["left"].set_visible(False)
ax.legend(ncols=3, loc="upper center", fontsize=8, bbox_to_anchor=(0.5, 1.2))
bat, mouse = along(["bat", "mouse"])
show(figure, f"animals lie near 0, tools near 1. The bat lies at {bat:.1f} and the mouse at "
     f"{mouse:.1f}: in between, and at home in neither group.")

# %% [markdown]
# Sentences about animals pull the row one way, sentences about tools the other, and it comes to
# rest between them. More training does not help: the table has no place for two meanings. One
# vector a word is not enough. The word's vector would have to depend on its sentence, and this is
# what chapter 2 will do with attention.

# %%
quiz("two-senses")
# quiz("two-senses", "a")

# %% [markdown]
# ### Where this stands in history
#
# - **Word2vec** (Mikolov and others, 2013) made word vectors from a hundred billion words of news,
#   fast enough for everyone. Suddenly one could calculate with words: the vector of *king*, minus
#   *man*, plus *woman*, lies near *queen*. What you have built is its skip-gram model.
# - **FastText** (Bojanowski and others, 2017) noticed that word2vec knows nothing of spelling:
#   *pizza* and *pizzas* are as foreign to it as *pizza* and *library*. FastText gives a vector to
#   each piece of three to six letters, such as `<pi`, `piz`, `izz`, and adds up the pieces. So it
#   has a vector for words that it has never seen, which helps most in languages with many endings.
# - Both give **one vector a word**. Networks that read step by step (RNNs, and since 1997 LSTMs)
#   could put such vectors to use. Transformers, from 2017 on, read all words at once, and make a
#   vector for each word *in its sentence*. They still start from a table like yours.

# %%
quiz("fasttext")
# quiz("fasttext", "a")

# %% [markdown]
# ## 4 Where a word stands
#
# Back to Squatch and his pizza. Let us take both sentences as what we have so far, a handful of
# vectors, and ask of each vector in the first how far the nearest vector in the second is.

# %% tags=["demonstration"]
def nearest(first, second):
    """For each row of the first, the distance to the nearest row of the second."""
    return torch.cdist(first, second).min(dim=1).values


one, other = "Squatch eats pizza", "pizza eats Squatch"
first = vectors_of(torch.tensor(to_ids(one, vocab)), table)
second = vectors_of(torch.tensor(to_ids(other, vocab)), table)
print(f"{one} | {other}")
print("distance to the nearest vector in the other sentence:")
for token, distance in zip(one.split(), nearest(first, second), strict=True):
    print(f"  {token:8} {distance:.2f}")
print(f"the sums of the two sentences differ by {(first.sum(0) - second.sum(0)).abs().max():.2f}")

# %% [markdown]
# All zeros: the two sentences are the **same bag of vectors**. A network that reads step by step
# gets the order for free, because it reads one word after the other. A transformer looks at all
# words at once, so it sees only the bag, and for it these two sentences are one. It has to be
# *told* where each word stands.
#
# The plan: make a vector for every position, and **add** it to the word's vector. Pizza at the end
# is then another vector than pizza at the start.
#
# Which vectors? The number of the position alone would not do: at position 500 it would drown the
# word. Think of a clock instead. One hand runs fast and tells the seconds, the next tells the
# minutes, the last the hours. Three hands, each of them never leaving its circle, tell apart
# thousands of moments. The positions of a transformer (Vaswani and others, 2017) are such a clock
# with $d_\text{model} / 2$ hands, and each hand is given by the two coordinates of its tip, a sine
# and a cosine:
#
# $$PE[\text{pos}, 2i] = \sin\!\Big(\frac{\text{pos}}{10000^{2i / d_\text{model}}}\Big) \qquad
# PE[\text{pos}, 2i+1] = \cos\!\Big(\frac{\text{pos}}{10000^{2i / d_\text{model}}}\Big)$$
#
# Here $i$ is the number of the hand, from 0. Its sine stands in column $2i$, its cosine right
# beside it in column $2i + 1$. The first hand ($i = 0$) turns by one radian a position, the later
# ones slower and slower.
#
# By hand, for $d_\text{model} = 4$. There are two hands; the divisors are $10000^{0} = 1$ and
# $10000^{2/4} = 100$:
#
# | pos | angles | $\sin$ | $\cos$ | $\sin$ | $\cos$ |
# |---|---|---|---|---|---|
# | 0 | 0, 0 | 0 | 1 | 0 | 1 |
# | 1 | 1, 0.01 | 0.84 | 0.54 | 0.01 | 1.00 |
# | 2 | 2, 0.02 | 0.91 | −0.42 | 0.02 | 1.00 |
#
# **Useful tools.** `torch.arange(seq)` counts 0, 1, 2, … up to `seq - 1`;
# `torch.arange(0, d_model, 2)` is 0, 2, 4, …: the numbers $2i$. `torch.zeros(rows, columns)` makes
# a table to fill; `table[:, 0::2]` are its even columns, `table[:, 1::2]` the odd ones, and both
# can be assigned to. `torch.sin` and `torch.cos` work on whole tensors.

# %% exercise="sinusoidal_positions"
def sinusoidal_positions(seq: int, d_model: int) -> Tensor:
    """A fixed vector for every position, made of waves from fast to slow.

    Args:
        seq: the number of positions.
        d_model: the size of the vectors, an even number.

    Returns:
        (seq, d_model), float32. Even columns hold sines, odd columns cosines.

    Example: sinusoidal_positions(2, 4) is about [[0.0, 1.0, 0.0, 1.0], [0.84, 0.54, 0.01, 1.0]].
    """
    ### BEGIN SOLUTION
    position = torch.arange(seq).unsqueeze(1)  # (seq, 1)
    angle = position / 10000 ** (torch.arange(0, d_model, 2) / d_model)  # (seq, d_model / 2)
    table = torch.empty(seq, d_model)
    table[:, 0::2] = angle.sin()
    table[:, 1::2] = angle.cos()
    return table
    ### END SOLUTION


# %% tags=["demonstration"]
positions_of = use(sinusoidal_positions)
waves = positions_of(64, 32)
figure, axes = plt.subplots(1, 2, figsize=(9.5, 3))
heat_map(axes[0], waves.T, [], [], "the positions, side by side", numbers=False)
axes[0].set(xlabel="position", ylabel="column of the table")
axes[0].set_xticks([0, 16, 32, 48, 63], [0, 16, 32, 48, 63])
axes[0].set_yticks([0, 8, 16, 24, 31], [0, 8, 16, 24, 31])
for place, colour in ((10, BLUE), (40, ORANGE)):
    axes[1].plot(waves @ waves[place], color=colour)
    axes[1].annotate(f"with position {place}", (place, 16.4), ha="center", color=colour)
axes[1].set(xlabel="position", ylabel="dot product", ylim=(None, 18))
axes[1].set_title("how alike two positions are", loc="left", fontsize=10)
figure.tight_layout()
show(figure, "on the left, waves, fast in the first columns (at the top) and hardly moving in the "
     f"last. On the right, a position is most like itself ({waves[10] @ waves[10]:.0f}), and less "
     "like positions far away. Both curves have the same shape: only the distance counts.")

# %% [markdown]
# The second picture shows why this is more than a number plate. The dot product of two positions
# depends on their *distance* alone, because a step along the sentence turns each hand by the same
# angle wherever it starts. So a model can learn something like "the word just before the verb"
# once, for all places.
#
# And the cure for our two sentences:

# %% tags=["demonstration"]
three = positions_of(3, 16)
print("with positions, distance to the nearest vector in the other sentence:")
for token, distance in zip(one.split(), nearest(first + three, second + three), strict=True):
    print(f"  {token:8} {'0.00' if distance < 0.005 else 'more than 0'}")

# %% [markdown]
# *eats* stands in the middle both times and is the same vector. *squatch* and *pizza* are not: who
# stands first now shows. The bags differ, and whatever works on the single vectors, as a
# transformer does, can tell who eats whom. (If we merely added up all the vectors again, the
# positions would add up to the same sum as well. Information that is there can still be thrown
# away.)

# %%
quiz("why-positions")
# quiz("why-positions", "a")

# %% [markdown]
# ## 5 Layers that learn
#
# In word2vec the table was the goal. In a transformer it is the first layer, and learns together
# with everything that comes after it. So we pack it into a **module**, PyTorch's word for a part
# with things to learn:
#
# ```python
# class Scale(nn.Module):
#     def __init__(self, size: int):
#         super().__init__()                            # always first
#         self.factor = nn.Parameter(torch.ones(size))  # something to learn, with its first value
#
#     def forward(self, x: Tensor) -> Tensor:           # what happens when it is called
#         return x * self.factor
# ```
#
# `layer = Scale(3)` makes one, `layer(x)` calls its `forward`. A plain tensor in `self` would stay
# what it is for ever; wrapped in `nn.Parameter` it is found by the *optimiser*, the part of PyTorch
# that moves the numbers step by step, and changed in training. The *name* counts: saved weights are
# loaded by name, and the check does so too.
#
# ### Tokens
#
# How large should the first random numbers be? The sum "word + position" should let both be heard.
# Sines and cosines have a size of about 1. But the table of words is used a second time in many
# models, at the very end, to turn vectors back into words, and there entries of size $1 /
# \sqrt{d_\text{model}}$ work best (long vectors of large numbers would give huge dot products). So
# the table starts small, and the layer multiplies by $\sqrt{d_\text{model}}$ on the way in:
#
# $$\text{embedding}(t) = \sqrt{d_\text{model}}\; E[t], \qquad
# E \text{ random with standard deviation } \frac{1}{\sqrt{d_\text{model}}}$$
#
# By hand: with $d_\text{model} = 4$ and the row $E[t] = (0.5, -0.5, 1, 0)$, the layer gives $(1,
# -1, 2, 0)$. The *standard deviation* says how far numbers typically lie from their mean.
# `torch.randn(rows, columns)` makes random numbers with mean 0 and standard deviation 1; divide
# them to make them smaller.

# %% exercise="TokenEmbedding"
class TokenEmbedding(nn.Module):
    """A learned vector for every token, scaled by the square root of d_model.

    Args:
        vocab_size: the number of tokens.
        d_model: the size of the vectors.

    Its one parameter is self.weight, (vocab_size, d_model). It starts with random numbers of mean
    0 and standard deviation 1 / sqrt(d_model).
    """

    def __init__(self, vocab_size: int, d_model: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.weight = nn.Parameter(torch.randn(vocab_size, d_model) / math.sqrt(d_model))
        ### END SOLUTION

    def forward(self, ids: Tensor) -> Tensor:
        """Ids (batch, seq) to vectors (batch, seq, d_model).

        Example: where row 3 of the weight is [0.5, -0.5, 1.0, 0.0], the id 3 becomes
        [1.0, -1.0, 2.0, 0.0].
        """
        ### BEGIN SOLUTION
        return lookup(ids, self.weight) * math.sqrt(self.weight.shape[1])
        ### END SOLUTION


# %%
quiz("why-scale-embeddings")
# quiz("why-scale-embeddings", "a")

# %% [markdown]
# ### Places
#
# The waves are not learned. They cost nothing, and there is one for every position, however far.
# BERT and GPT-2 went another way: a second table, one row per *position*, learned like the first.
# Simple, and about as good; but a table has an end, and a sentence with more words than rows cannot
# be read.
#
# By hand: let the rows of the table be $(1, 0)$, $(0, 1)$ and $(5, 5)$. For a sentence of two
# words, both with the vector $(2, 2)$, the layer gives $(3, 2)$ and $(2, 3)$. The third row waits
# for longer sentences.
#
# Let the layer add: vectors in, vectors plus positions out. In a batch, all sentences get the
# *same* positions: a tensor of shape `(seq, d_model)` added to one of shape `(batch, seq, d_model)`
# is broadcast over the batch. And make a new tensor: `x += ...` would change the caller's vectors
# behind their back.

# %% exercise="LearnedPositions"
class LearnedPositions(nn.Module):
    """A learned vector for every place, added to the token that stands there.

    Args:
        max_seq: the longest sentence.
        d_model: the size of the vectors.

    Its one parameter is self.weight, (max_seq, d_model). It starts with random numbers of mean 0
    and standard deviation 0.02.
    """

    def __init__(self, max_seq: int, d_model: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.weight = nn.Parameter(torch.randn(max_seq, d_model) * 0.02)
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """Add the first seq rows of the weight to x.

        Args:
            x: (batch, seq, d_model), with seq no larger than max_seq; it stays as it is.

        Returns:
            A new tensor of the same shape.

        Example: where the weight is [[1.0, 0.0], [0.0, 1.0], [5.0, 5.0]], the input
        [[[2.0, 2.0], [2.0, 2.0]]] becomes [[[3.0, 2.0], [2.0, 3.0]]].
        """
        ### BEGIN SOLUTION
        return x + self.weight[: x.shape[1]]
        ### END SOLUTION


# %% [markdown]
# ### The whole layer
#
# One more thing goes in. BERT often reads two passages at once, a question and a text, or two
# sentences. Each token then carries a third vector that says which **segment** it is from: 0 for
# the first passage, 1 for the second.
#
# $$X[b, i] = \sqrt{d_\text{model}}\; E[\text{ids}[b, i]] + P[i] + S[\text{segments}[b, i]]$$
#
# | | [CLS] | who | eats | [SEP] | squatch | eats | [SEP] |
# |---|---|---|---|---|---|---|---|
# | token | E[2] | E[who] | E[eats] | E[3] | E[squatch] | E[eats] | E[3] |
# | position | P[0] | P[1] | P[2] | P[3] | P[4] | P[5] | P[6] |
# | segment | S[0] | S[0] | S[0] | S[0] | S[1] | S[1] | S[1] |
#
# Read the two columns with *eats*: the same word, and yet two different vectors, because place and
# segment differ. When nobody says which segment a token is from, it is segment 0, and that has a
# vector too. (BERT leaves out the factor $\sqrt{d_\text{model}}$, and normalises the sum and adds
# dropout; chapter 3 shows how.)
#
# Put it together from the parts that you have. Mind what your `LearnedPositions` returns: it has
# already added its input. And segments are ids, so they must be integers: `torch.zeros_like(ids)`
# gives integer zeros in the shape of `ids`, `torch.zeros` gives floating point.

# %% exercise="EmbeddingLayer"
class EmbeddingLayer(nn.Module):
    """What goes into a transformer: token + position + segment.

    Args:
        vocab_size: the number of tokens.
        d_model: the size of the vectors.
        max_seq: the longest sentence.
        num_segments: how many kinds of passage there are.

    Its parts are self.token, a TokenEmbedding; self.position, a LearnedPositions; and the
    parameter self.segment, (num_segments, d_model), which starts with standard deviation 0.02.
    """

    def __init__(self, vocab_size: int, d_model: int, max_seq: int, num_segments: int = 2):
        super().__init__()
        ### BEGIN SOLUTION
        self.token = TokenEmbedding(vocab_size, d_model)
        self.position = LearnedPositions(max_seq, d_model)
        self.segment = nn.Parameter(torch.randn(num_segments, d_model) * 0.02)
        ### END SOLUTION

    def forward(self, ids: Tensor, segments: Tensor | None = None) -> Tensor:
        """Ids to vectors.

        Args:
            ids: (batch, seq).
            segments: (batch, seq), the segment of each token; None means all are in segment 0.

        Returns:
            (batch, seq, d_model).

        Example: with d_model 1, token.weight [[4.0], [7.0]], position.weight [[0.1], [0.2]] and
        segment [[10.0], [20.0]], the ids [[1, 0]] give [[[17.1], [14.2]]].
        """
        ### BEGIN SOLUTION
        if segments is None:
            segments = torch.zeros_like(ids)
        return self.position(self.token(ids)) + lookup(segments, self.segment)
        ### END SOLUTION


# %% [markdown]
# Here is your layer, with the numbers of a small BERT and its first random weights. The two
# sentences go through it as one batch. They are no longer the same bag, and every parameter waits
# to be trained.

# %% tags=["demonstration"]
make_layer = use(EmbeddingLayer)
torch.manual_seed(0)
layer = make_layer(len(vocab), 64, 16)
batch = torch.tensor([to_ids(one, vocab), to_ids(other, vocab)])
with torch.no_grad():
    out = layer(batch)
print(f"ids {tuple(batch.shape)} -> vectors {tuple(out.shape)}")
for name, parameter in layer.named_parameters():
    print(f"  {name:16} {str(tuple(parameter.shape)):10} {parameter.numel():5} numbers to learn")
differ = ["the same" if d < 1e-5 else "other" for d in nearest(out[0], out[1]).tolist()]
print("vectors of the first sentence, looked for in the second:")
for token, found in zip(one.split(), differ, strict=True):
    print(f"  {token:8} {found}")

# %% [markdown]
# ## What you have built
#
# - **Tokens and ids**: text to numbers and back, with a place for what is unknown.
# - **A table of vectors**: one row per word, and a lookup that equals a one-hot product.
# - **Word2vec**: pairs, noise, a draw, and a loss; words that keep the same company come to lie
#   together.
# - **Its limit**: one vector a word, which is too little for a *bat* that flies and a *bat* that
#   hits.
# - **Positions**: waves or a learned table, added to the words, so that order counts.
# - **The embedding layer**: token + position + segment, the first layer of BERT.
#
# Each function that passed its check has been saved to `work/mytransformer/`, a package of your
# own. The next chapters build on it. In a notebook or a script in a folder next to it, you can use
# it yourself:
#
# ```python
# import sys
# sys.path.insert(0, "..")  # the folder that holds mytransformer
# from mytransformer.embeddings import EmbeddingLayer
# ```

# %% tags=["demonstration", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## Where to read on
#
# - Firth, *A Synopsis of Linguistic Theory* (1957): a word and the company it keeps.
# - Bengio and others, *A Neural Probabilistic Language Model* (2003): word vectors, learned by a
#   network.
# - Mikolov and others, *Efficient Estimation of Word Representations in Vector Space* (2013):
#   skip-gram.
# - Mikolov and others, *Distributed Representations of Words and Phrases and their
#   Compositionality* (2013): the loss you have built is its equation 4, the power 3/4 its section
#   2.2.
# - Pennington, Socher and Manning, *GloVe: Global Vectors for Word Representation* (2014): the same
#   idea from counts.
# - Bojanowski and others, *Enriching Word Vectors with Subword Information* (2017): FastText.
# - Vaswani and others, *Attention Is All You Need* (2017): sections 3.4 and 3.5 are the scale and
#   the waves.
# - Devlin and others, *BERT* (2019): figure 2 is your embedding layer.
#
# ## A challenge, not graded
#
# Build a small FastText. Give a vector to every piece of three letters (`<pi`, `piz`, `izz`, `zza`,
# `za>`), let a word's vector be the mean of its pieces, and train with your own loss. Then make up
# words that the small world has never seen: *pizzas*, *catdog*, *breadbird*. Predict where each
# will lie on the map before you draw it. Which do you get wrong, and what does that say about
# spelling as a guide to meaning?
#
# **Next:** a word's vector should depend on its sentence. Chapter 2 lets the words look at each
# other.
