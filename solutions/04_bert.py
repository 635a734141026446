# %% [markdown]
# # Chapter 4 · Reading in both directions
#
# > *squatch **[MASK]** his pizza **in** the oven.*
# >
# > *squatch **[MASK]** his pizza **into** the oven.*
#
# A word is missing. In the small world of this course it is *cooks* in the first sentence and
# *puts* in the second, and you know which by a word that stands to the *right* of the hole. Whoever
# reads from left to right has not been there yet. In this chapter you build **BERT**, a model that
# looks both ways, and teach it with nothing but plain text: some words are hidden, and it has to
# name them.
#
# **Where you stand.** 1 embeddings → 2 attention → 3 the transformer block → **4 BERT** → 5 GPT →
# 6 fine-tuning → 7 translation → 8 assistant. Chapter 3 gave you the encoder. Here it gets
# something to learn from; chapter 6 puts what it has learned to work.
#
# **What you will build.** Twelve functions and layers: everything between a line of text and a
# trained BERT. The picture below shows where the parts belong.
#
# **What you need.** Chapters 1 to 3, or the same knowledge: embeddings, attention, cross-entropy,
# layer norm, an encoder. No GPU, no internet.
#
# **How long.** The exercises take about two hours, with reading and playing four. The notebook
# itself runs in about a minute.
#
# **What you can do at the end.** Cut words into pieces as BERT does. Make a text with holes, and
# say why some of the words under question are not holes at all. Write BERT's two heads and its
# loss. Fill gaps. Say how near a model has come to what can be known, and what reading one way can
# never know.

# %%
import math

import torch
from torch import Tensor, nn

from autograder import check, hint, progress, quiz, use
from minitransformer.config import BertConfig

# %% tags=["demonstration"]
# Pictures. Nothing to learn in this cell: run it and read on.
import matplotlib.pyplot as plt

from minitransformer.sketches import BLUE, GREY, ORANGE, RED, STYLE, show

torch.set_num_threads(1)  # everything here is tiny, and one core does tiny things fastest
plt.rcParams.update(STYLE)


def box(ax, left, bottom, width, text, colour=GREY):
    """A box with a word in it."""
    edge = dict(facecolor="none", edgecolor=colour, lw=1.5)
    ax.add_patch(plt.Rectangle((left, bottom), width, 0.6, **edge))
    ax.text(left + width / 2, bottom + 0.3, text, ha="center", va="center", color=colour)


tokens = "[CLS] squatch [MASK] his pizza … [SEP] it smells good … [SEP]".split()
figure, ax = plt.subplots(figsize=(9.5, 3.9))
for place, token in enumerate(tokens):
    hidden = token == "[MASK]"
    weight = "bold" if hidden else "normal"
    ax.text(place + 0.5, 0, token, ha="center", weight=weight, fontsize=9)
    ax.text(place + 0.5, -0.42, "0" if place < 7 else "1", ha="center", fontsize=8)
    for low in (0.35, 1.5, 2.65):
        colour = BLUE if low > 2 and place in (0, 2) else GREY
        arrow = dict(arrowstyle="->", color=colour)
        if low < 2 or place in (0, 2):
            ax.annotate("", (place + 0.5, low + 0.45), (place + 0.5, low), arrowprops=arrow)
ax.text(-0.15, -0.42, "segment", ha="right", fontsize=8)
box(ax, 0, 0.85, 12, "BertEmbeddings: word + place + segment, normed", BLUE)
box(ax, 0, 2.0, 12, "encoder (chapter 3): every token looks at every other, on both sides", ORANGE)
box(ax, -0.4, 3.15, 1.8, "Pooler", BLUE)
box(ax, 1.6, 3.15, 1.8, "MlmHead", BLUE)
ax.text(0.5, 3.95, "does the second\nfollow? 0.86", ha="center", va="bottom", fontsize=9)
ax.text(2.5, 3.95, "cooks 0.99\nputs 0.01", ha="center", va="bottom", fontsize=9)
ax.set(xlim=(-1, 12.2), ylim=(-0.6, 4.9))
ax.axis("off")
show(figure, "from bottom to top: a row of tokens with two sentences, each token with its segment; "
     "the embeddings; the encoder; and two heads. The one above [CLS] says whether the second "
     "sentence follows the first, the one above [MASK] names the hidden word. The numbers are "
     "made up; at the end you get them from your own model.")

# %% [markdown]
# ### The way there
#
# | Step | You build | With it you can |
# |---|---|---|
# | 1 Pieces of words | `wordpiece` | write any word with a short list |
# | 2 Two sentences in a row | `pack_pair`, `next_sentence_pairs` | ask if they belong together |
# | 3 A text with holes | `choose_positions`, `corrupt`, `wrong_word_share` | make holes to fill |
# | 4 Count what was asked | `masked_lm_loss` | score the answers |
# | 5 The model | `BertEmbeddings`, `Pooler`, `MlmHead`, `pretraining_loss` | have a BERT |
# | 6 Training | the whole, from your parts | see both losses fall to what can be known |
# | 7 Filling gaps | `fill_mask` | ask it |
# | 8 Two meanings of one word | nothing more | see the two bats part |
#
# **How it works.** Write your code where an exercise says `raise NotImplementedError()`, run the
# cell, run the `check(...)` below it. Stuck? The `hint(...)` cell gives three hints, one at a time.
# You can also read on: wherever your own code is not right yet, the notebook continues with the
# course's, and says so. Calling your own functions of earlier exercises is what they are for.
#
# **Words for sizes.** `batch` rows of `seq` tokens; each token is a vector of `d_model` numbers,
# one of `vocab` words. A shape such as `(batch, seq)` lists the sizes in that order, and `...`
# stands for any axes in front.
#
# From the chapters before you need three functions, and the layer norm with the two vectors it
# learns.

# %%
cross_entropy, layer_norm, gelu = use("cross_entropy"), use("layer_norm"), use("gelu")


class LayerNorm(nn.Module):
    """Chapter 3's layer_norm with the two vectors it learns."""

    def __init__(self, d_model: int, eps: float = 1e-5):
        super().__init__()
        self.gamma = nn.Parameter(torch.ones(d_model))
        self.beta = nn.Parameter(torch.zeros(d_model))
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        return layer_norm(x, self.gamma, self.beta, self.eps)


# %% [markdown]
# ## 1 Pieces of words
#
# Chapter 1 numbered whole words, and whatever was not in the list became `[UNK]`. A real text has
# hundreds of thousands of words, most of them rare. Must *unhappily* have a number of its own, when
# *un*, *happi* and *ly* are known from so many other words?
#
# BERT's list has about 30,000 entries: frequent words whole, and **pieces** for the rest. A piece
# that continues a word is written with `##` in front, because *art* alone and *##art* in *smart*
# are different things. The method is called **WordPiece** (Schuster and Nakajima 2012).
#
# Cutting is **greedy**: from the left, always take the longest piece that the list holds, then go
# on behind it. By hand, with the list `un`, `unh`, `##happi`, `##appi`, `##ly`:
#
# | start | tried, longest first | taken |
# |---|---|---|
# | **unhappily** | unhappily, unhappil, … unha, **unh** | `unh` |
# | unh**appily** | ##appily, ##appil, **##appi** | `##appi` |
# | unhappi**ly** | **##ly** | `##ly` |
#
# Greedy means that nothing is ever taken back. `un ##happi ##ly` would have looked nicer, but *unh*
# is longer than *un*, so it came first. And if at some place no piece fits at all, the **whole**
# word becomes `[UNK]`, not only the part that could not be written: half a word would mislead.

# %% exercise="wordpiece"
def wordpiece(word: str, vocab: dict[str, int] | set[str], unknown: str = "[UNK]") -> list[str]:
    """Cut a word into pieces: from the left, always the longest that the vocabulary holds.

    Args:
        word: one word, not empty.
        vocab: holds the pieces (ask with "in"); those that continue a word begin with "##".
        unknown: what stands for a word that cannot be written.

    Returns:
        The pieces, as they stand in the vocabulary; or [unknown].

    Example: wordpiece("unhappy", {"un", "##h", "##happy"}) is ["un", "##happy"], and
    wordpiece("unhappy", {"un", "##h"}) is ["[UNK]"].
    """
    ### BEGIN SOLUTION
    pieces = []
    start = 0
    while start < len(word):
        prefix = "##" if start > 0 else ""
        for end in range(len(word), start, -1):
            if prefix + word[start:end] in vocab:
                break
        else:
            return [unknown]
        pieces.append(prefix + word[start:end])
        start = end
    return pieces
    ### END SOLUTION


# %% [markdown]
# Where does the list come from? One starts with all letters, and joins again and again the two
# neighbours that stand side by side most often. (Chapter 5 builds that.) Here are three lists of
# different lengths, learned from the same sentences, and what your function makes of four words.
# The last two do not occur in the sentences at all.

# %% tags=["demonstration"]
from minitransformer.data import World
from minitransformer.wordpiece import train_wordpiece

cut = use(wordpiece)
world = World()
texts = world.sentences(2000, seed=0)
examples = ["pizza", "library", "catnap", "rainbow"]
table = [["list of", *examples]]
for size in (60, 120, 200):
    pieces = train_wordpiece(texts, size)
    table.append([f"{len(pieces)} pieces", *(" ".join(cut(word, pieces)) for word in examples)])
for column in zip(*table, strict=True):
    print("".join(f"{cell:26}" for cell in column).rstrip())

# %% [markdown]
# With a longer list, frequent words become whole, and new words fall into larger pieces. Every word
# can be written as long as its letters are in the list. The small world itself has fewer than 200
# words, so from here on its tokens are whole words.

# %%
quiz("why-wordpiece")
# quiz("why-wordpiece", "a")  # remove the first "#", choose a letter, run

# %% [markdown]
# ## 2 Two sentences in a row
#
# BERT reads one or two sentences at a time, packed into one row:
#
# | | | | | | | | | |
# |---|---|---|---|---|---|---|---|---|
# | token | `[CLS]` | mia | cooks | `[SEP]` | she | eats | `[SEP]` | `[PAD]` |
# | segment | 0 | 0 | 0 | 0 | 1 | 1 | 1 | 0 |
# | real | True | True | True | True | True | True | True | False |
#
# - `[CLS]` begins every row. It is not a word, so its vector is free to hold what is to be said
#   about the row as a *whole*: it will answer questions such as *do the two belong together?*
# - `[SEP]` closes each sentence, and belongs to the sentence that it closes.
# - The **segment** says which sentence a token is from.
# - **real** is True where a token of the text stands, also a special one, and False at the padding,
#   which is only there to make all rows equally long. Attention must not look at padding. In
#   chapter 2 your `padding_mask` found it by the id of `[PAD]`; whoever packs a row knows it anyway
#   and can hand it on.

# %% exercise="pack_pair"
def pack_pair(
    first: list[int], second: list[int] | None, vocab: dict[str, int], max_seq: int
) -> tuple[Tensor, Tensor, Tensor]:
    """Put one or two sentences into one row, as BERT reads them.

    Args:
        first: token ids of the first sentence, at least one.
        second: those of the second, at least one; None for a single sentence, [CLS] first [SEP].
        vocab: token to id, with [CLS], [SEP] and [PAD].
        max_seq: the length of the row; it is long enough.

    Returns:
        The ids, the segments and what is real, each of shape (max_seq,): two tensors of int64,
        torch's usual whole numbers, and one of True and False. Padding has segment 0.

    Example: with [PAD] 0, [CLS] 2 and [SEP] 3, pack_pair([7, 8], [9], vocab, 7) gives the ids
    [2, 7, 8, 3, 9, 3, 0], the segments [0, 0, 0, 0, 1, 1, 0], and six times True, then False.
    """
    ### BEGIN SOLUTION
    ids = [vocab["[CLS]"], *first, vocab["[SEP]"]]
    segments = [0] * len(ids)
    if second is not None:
        ids = [*ids, *second, vocab["[SEP]"]]
        segments += [1] * (len(ids) - len(segments))
    padding = max_seq - len(ids)
    real = [True] * len(ids) + [False] * padding
    ids = ids + [vocab["[PAD]"]] * padding
    return torch.tensor(ids), torch.tensor(segments + [0] * padding), torch.tensor(real)
    ### END SOLUTION


# %% [markdown]
# **Why two sentences?** BERT was to answer questions about texts, and to say whether one sentence
# follows from another. So it was given a second task beside the hidden words, **next-sentence
# prediction**: here are two sentences; did the second follow the first in the text, or is it from
# somewhere else? Any text is full of such exercises, and nobody has to write an answer.
#
# For each sentence that has a next one, flip a coin. Heads: take that next sentence, and the answer
# is True. Tails: take a random sentence of *another* document, and the answer is False. Why another
# document? From the same one you might draw the true next sentence by chance, and call it wrong.
#
# By hand, with the documents *a b c* and *x y*: the sentences that have a next one are *a*, *b* and
# *x*. Coins heads, tails, heads could give (a, b, True), (b, x, False), (x, y, True).
#
# **Chance that can be repeated.** A `torch.Generator` is a source of random numbers; started with
# the same seed it gives the same ones. Hand it to every function that draws:
# `torch.rand(1, generator=generator)` draws a number from 0 to 1, and `torch.randint(n, (1,),
# generator=generator)` a whole number from 0 to n - 1. `.item()` makes a plain number of either.

# %% exercise="next_sentence_pairs"
def next_sentence_pairs(
    documents: list[list[str]], generator: torch.Generator | None = None
) -> list[tuple[str, str, bool]]:
    """Pairs of sentences, half of which follow each other.

    Args:
        documents: each a list of sentences. There are at least two.
        generator: the source of randomness; None means torch's own.

    Returns:
        One triple (first, second, is_next) for each sentence that has a next one, in the order of
        the text. With probability 1/2 the second is that next sentence, and is_next is True; else
        it is a sentence from another document, every one of them possible, and is_next is False.

    Example: next_sentence_pairs([["a", "b"], ["c"]]) is [("a", "b", True)] or [("a", "c", False)].
    """
    ### BEGIN SOLUTION
    pairs = []
    for number, document in enumerate(documents):
        others = [s for k, other in enumerate(documents) if k != number for s in other]
        for place in range(len(document) - 1):
            if torch.rand(1, generator=generator).item() < 0.5:
                pairs.append((document[place], document[place + 1], True))
            else:
                drawn = torch.randint(len(others), (1,), generator=generator).item()
                pairs.append((document[place], others[drawn], False))
    return pairs
    ### END SOLUTION


# %% tags=["demonstration"]
make_pairs, pack = use(next_sentence_pairs), use(pack_pair)
stories = [list(story.sentences) for story in world.story_records(40, seed=5)]
pairs = make_pairs(stories, torch.Generator().manual_seed(1))
for first, second, is_next in pairs[:5]:
    print(f"{is_next!s:5}  {first}  |  {second}")
print(f"{sum(is_next for *_, is_next in pairs)} of {len(pairs)} are true")

vocab = world.vocab
words = list(vocab)
first, second = (world.encode([sentence])[0].tolist() for sentence in pairs[0][:2])
ids, segments, real = pack(first, second, vocab, 22)
for index, segment, there in zip(ids.tolist(), segments.tolist(), real.tolist(), strict=True):
    print(f"{words[index]}/{segment}" if there else ".", end=" ")

# %% [markdown]
# ## 3 A text with holes
#
# Now the main task, the **masked language model**: hide some words, and let the model name them. It
# is as old as language lessons (Taylor 1953 called it *cloze*). To fill a hole well one has to know
# grammar, who is *he* and who is *she*, and what is cooked in an oven. All this can be learned from
# holes, and holes cost nothing.
#
# **Which words?** Each ordinary token is chosen with probability 0.15, on its own. Fewer, and there
# is little to learn from a text; more, and there is too little left to guess from. Special tokens
# are never chosen: nobody learns anything by guessing `[SEP]`.
#
# **Useful tool.** `torch.isin(ids, torch.tensor([2, 3]))` is a table of True and False: where is
# the id one of these?

# %% exercise="choose_positions"
def choose_positions(
    ids: Tensor,
    special_ids: list[int],
    rate: float = 0.15,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Draw which tokens the model will be asked about.

    Args:
        ids: token ids, any shape.
        special_ids: ids that are never chosen.
        rate: the probability with which each other token is chosen, on its own.
        generator: the source of randomness; None means torch's own.

    Returns:
        A bool tensor of the shape of ids, True where a token was chosen.

    Example: at rate 1, the ids [[2, 7, 8, 3]] with special_ids [2, 3] give
    [[False, True, True, False]].
    """
    ### BEGIN SOLUTION
    special = torch.isin(ids, torch.tensor(list(special_ids)))
    return (torch.rand(ids.shape, generator=generator) < rate) & ~special
    ### END SOLUTION


# %% [markdown]
# **What happens to them?** One would think: they all become `[MASK]`. But then the model would only
# ever be asked at a `[MASK]`, and could treat every word that it sees as a fact that needs no
# thought. When it is put to work, no text has a `[MASK]` in it. So Devlin and others did this with
# the chosen tokens:
#
# - 80 % become `[MASK]`,
# - 10 % become a random word,
# - 10 % stay what they are,
#
# and *all* of them are asked for. Now any visible word may be wrong, or be asked for, and the model
# has to think about each.
#
# Each token has drawn a **lot**, a number from 0 to 1, which decides. By hand, with the replacement
# 50 for all:
#
# | ids | 10 | 11 | 12 | 13 | 14 |
# |---|---|---|---|---|---|
# | chosen | True | True | True | False | False |
# | lot | 0.30 | 0.85 | 0.95 | 0.30 | 0.85 |
# | the model reads | `[MASK]` | 50 | 12 | 13 | 14 |
# | label | 10 | 11 | 12 | -100 | -100 |
#
# The **labels** hold the answers: the true id where a token was chosen. Elsewhere they hold -100,
# which is no token's id and by custom means *do not ask here*.
#
# Useful: `ids.masked_fill(where, value)` and `torch.where(where, a, b)`, which takes `a` where
# `where` is True and `b` elsewhere. Both make new tensors. `&` is *and*, `~` is *not*; put every
# comparison beside them in parentheses, `a & (b < c)`, for `&` is worked out before `<`.

# %% exercise="corrupt"
def corrupt(
    ids: Tensor,
    chosen: Tensor,
    lot: Tensor,
    replacements: Tensor,
    mask_id: int,
    mask_share: float = 0.8,
    random_share: float = 0.1,
) -> tuple[Tensor, Tensor]:
    """Hide the chosen tokens, each in the way that its lot says. Nothing here is random.

    A lot below mask_share gives [MASK]; from there, a stretch of length random_share gives the
    replacement; a lot beyond that leaves the token.

    Args:
        ids: token ids, any shape.
        chosen: bool, the tokens that will be asked for.
        lot: numbers from 0 to 1.
        replacements: token ids.
        mask_id: the id of [MASK].
        mask_share, random_share: the two shares.

        All tensors have the shape of ids.

    Returns:
        Two tensors: what the model reads, and the labels, -100 where nothing was chosen.

    Example: see the table above.
    """
    ### BEGIN SOLUTION
    masked = chosen & (lot < mask_share)
    replaced = chosen & (lot >= mask_share) & (lot < mask_share + random_share)
    corrupted = torch.where(replaced, replacements, ids.masked_fill(masked, mask_id))
    return corrupted, ids.masked_fill(~chosen, -100)
    ### END SOLUTION


# %% [markdown]
# ### Predict before you run
#
# You read a corrupted text, and a word stands there: not `[MASK]`, an ordinary word. With what
# probability is it *not* the true one?
#
# Think of 1000 words. Some are behind a `[MASK]` and are out of the question. Of those you can see,
# some are random. And a random word is drawn from `num_words` words, all equally likely, the true
# one among them.

# %% exercise="wrong_word_share"
def wrong_word_share(
    rate: float, mask_share: float, random_share: float, num_words: int
) -> float:
    """Your prediction: how often a visible word of a corrupted text is not the true one.

    Args:
        rate: the share of the words that are chosen.
        mask_share: the share of the chosen that become [MASK].
        random_share: the share of the chosen that become a random word.
        num_words: how many words a random one is drawn from, the true one among them.

    Returns:
        A probability, by a formula.

    Example: wrong_word_share(1.0, 0.5, 0.5, 2) is 0.5.
    """
    ### BEGIN SOLUTION
    wrong = rate * random_share * (1 - 1 / num_words)
    visible = 1 - rate * mask_share
    return wrong / visible
    ### END SOLUTION


# %% [markdown]
# Now measure. The text of the next cell is corrupted by your own two functions, and the words that
# are visible and wrong are counted. This cell also makes the function that will feed the training.

# %% tags=["demonstration"]
from minitransformer import SPECIAL_TOKENS

choose, hide, predict = use(choose_positions), use(corrupt), use(wrong_word_share)
special = [vocab[token] for token in SPECIAL_TOKENS]  # 0 to 4; the words follow
mask_id, num_words = vocab["[MASK]"], len(vocab) - len(special)


def make_holes(rows: dict, generator: torch.Generator) -> dict:
    """A batch with some of its words hidden, and the labels."""
    true = rows["ids"]
    chosen = choose(true, special, 0.15, generator)
    lot = torch.rand(true.shape, generator=generator)
    others = torch.randint(len(special), len(vocab), true.shape, generator=generator)
    ids, labels = hide(true, chosen, lot, others, mask_id)
    return {**rows, "ids": ids, "labels": labels}


text = {"ids": world.draw("pairs", 20_000, seed=7).ids}
holes = make_holes(text, torch.Generator().manual_seed(0))
ordinary = ~torch.isin(text["ids"], torch.tensor(special))
visible = ordinary & (holes["ids"] != mask_id)
wrong = visible & (holes["ids"] != text["ids"])
asked = holes["labels"] != -100
row = int((wrong.any(dim=1) & (holes["ids"] == mask_id).any(dim=1)).nonzero()[0])
print("true:    ", world.decode(text["ids"][row]))
print("read:    ", world.decode(holes["ids"][row]))
print(f"chosen:   {float(asked.sum() / ordinary.sum()):.3f} of the words")
print(f"wrong:    {float(wrong.sum() / visible.sum()):.4f} of the visible words")
print(f"predicted {predict(0.15, 0.8, 0.1, num_words):.4f}")

# %% [markdown]
# Fewer than two visible words in a hundred are wrong. But any of them may be.

# %%
quiz("why-80-10-10")
# quiz("why-80-10-10", "a")

# %% [markdown]
# ## 4 Count what was asked
#
# The model gives logits for every place. The loss should be the mean of the cross-entropy over the
# set $M$ of chosen places, and over no others:
#
# $$L_\text{MLM} = \frac{1}{|M|} \sum_{i \in M} -\log P(\text{labels}_i \mid \text{the text with
# holes})$$
#
# By hand: ten words, two of them chosen. The model gives the right words there the probabilities
# 0.5 and 0.25. The losses are 0.69 and 1.39, so the mean is 1.04. What it says in the other eight
# places does not matter.
#
# **Useful tool.** A table of True and False may stand in brackets, and takes out what stands where
# it is True, in reading order. With `a` of shape `(2, 3)` and `where` of the same shape, True in
# four places, `a[where]` is a row of 4 numbers. If `a` has one axis more, whole vectors are taken:
# `a` of shape `(2, 3, 5)` gives `(4, 5)`.
#
# Someone has written `masked_lm_loss` for us. It runs, and it is wrong. It even multiplies by
# `chosen` and divides by the number of chosen places, just as the formula seems to say. Go through
# it line by line: what is `loss` before it is multiplied?

# %% exercise="masked_lm_loss"
def masked_lm_loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of the chosen words: the mean over these places only.

    Args:
        logits: (..., vocab).
        labels: integers (...): the true ids where a word was chosen, -100 elsewhere.

    Returns:
        One number, as a tensor without dimensions. Where no word was chosen it is 0.

    Example: logits [[0.0, 0.0], [9.0, 0.0]] with labels [1, -100] give log 2, about 0.69.
    """
    ### BEGIN SOLUTION
    chosen = labels != -100
    if not chosen.any():
        return logits[chosen].sum()  # a sum of no numbers: 0
    return cross_entropy(logits[chosen], labels[chosen])
    ### END SOLUTION
    ### BEGIN BUG
    # chosen = labels != -100
    # if not chosen.any():
    #     return logits.sum() * 0  # nothing was asked
    # targets = labels.masked_fill(~chosen, 0)  # -100 cannot be looked up
    # loss = cross_entropy(logits, targets)
    # return (loss * chosen).sum() / chosen.sum()
    ### END BUG


# %%
quiz("why-minus-100")
# quiz("why-minus-100", "a")

# %% [markdown]
# ## 5 The model
#
# **What goes in.** Token, place and segment, as in chapter 1, each looked up in a table and added.
# BERT leaves out the factor $\sqrt{d_\text{model}}$ and norms the sum instead:
#
# $$x_i = \text{LayerNorm}(E[\text{ids}_i] + P[i] + S[\text{segments}_i])$$
#
# By hand, with two numbers a vector: token $(1, 2)$, place $(0, 1)$, segment $(1, 1)$. The sum is
# $(2, 4)$; normed it is $(-1, 1)$. (BERT then applies dropout. Your model will be trained without.)
#
# A table with a lookup, which you built in chapter 1, is `nn.Embedding(rows, d_model)` in torch.
# Call it with ids and it returns their rows. The sizes come in one **config**, as for your
# `Encoder`; new in it are `vocab_size`, `max_seq`, `num_segments`, and `norm_eps`, the small number
# inside the root of the layer norm. Take the `LayerNorm` from the top of this notebook: torch has
# one as well, `nn.LayerNorm`, but it calls its two vectors otherwise than the weights that you will
# load. And a trap: `segments` may be None, and a table cannot look up None.

# %% exercise="BertEmbeddings"
class BertEmbeddings(nn.Module):
    """What goes into BERT: token + position + segment, normed.

    Args:
        config: holds vocab_size, max_seq, num_segments, d_model and norm_eps.

    Its parts are three nn.Embedding, self.token (vocab_size rows), self.position (max_seq rows)
    and self.segment (num_segments rows), and self.norm, a LayerNorm(d_model, norm_eps).
    """

    def __init__(self, config: BertConfig):
        super().__init__()
        ### BEGIN SOLUTION
        self.token = nn.Embedding(config.vocab_size, config.d_model)
        self.position = nn.Embedding(config.max_seq, config.d_model)
        self.segment = nn.Embedding(config.num_segments, config.d_model)
        self.norm = LayerNorm(config.d_model, config.norm_eps)
        ### END SOLUTION

    def forward(self, ids: Tensor, segments: Tensor | None = None) -> Tensor:
        """Ids to vectors.

        Args:
            ids: (batch, seq).
            segments: (batch, seq), the segment of each token; None means all are in segment 0.

        Returns:
            (batch, seq, d_model).

        Example: with token.weight [[1.0, 2.0]], position.weight [[0.0, 1.0]] and segment.weight
        [[1.0, 1.0]], the ids [[0]] give about [[[-1.0, 1.0]]].
        """
        ### BEGIN SOLUTION
        if segments is None:
            segments = torch.zeros_like(ids)
        places = torch.arange(ids.shape[1], device=ids.device)
        return self.norm(self.token(ids) + self.position(places) + self.segment(segments))
        ### END SOLUTION


# %% [markdown]
# **The middle** is the encoder of chapter 3, with a padding mask and nothing else. There is no
# causal mask: this is where BERT looks both ways. GPT, which you build in chapter 5, is the same
# stack *with* a causal mask. It looks back only, and is asked for the next word in place of hidden
# ones.
#
# **One vector for the whole row.** Attention lets `[CLS]` collect from all tokens whatever is
# needed to judge the row. Its vector goes through one more layer and a bend:
#
# $$\text{pooled} = \tanh(W h_{[\text{CLS}]} + b)$$
#
# The hyperbolic tangent, `.tanh()`, brings every number into -1 … 1. This is BERT's **pooler**.

# %% exercise="Pooler"
class Pooler(nn.Module):
    """One vector for the whole row: the first token's, through a layer and a tanh.

    Args:
        d_model: the size of the vectors.

    Its one layer is self.dense, an nn.Linear with bias, from d_model to d_model.
    """

    def __init__(self, d_model: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.dense = nn.Linear(d_model, d_model)
        ### END SOLUTION

    def forward(self, hidden: Tensor) -> Tensor:
        """The encoder's vectors (batch, seq, d_model) to one a row, (batch, d_model).

        Example: where dense changes nothing (weight [[1.0, 0.0], [0.0, 1.0]], bias 0), the row
        [[1.0, -2.0], [5.0, 5.0]] becomes about [0.76, -0.96].
        """
        ### BEGIN SOLUTION
        return self.dense(hidden[:, 0]).tanh()
        ### END SOLUTION


# %% [markdown]
# **Naming the hidden word.** The vector $h$ at a `[MASK]` has gathered what its neighbours know. It
# goes through a layer, a GELU and a norm, and is then compared with the vector of *every* word, by
# dot products. The word that fits best gets the highest logit:
#
# $$\text{logits} = \text{LayerNorm}(\text{gelu}(W h + b))\, E^\top + c$$
#
# $E$ is the table of token vectors, `(vocab, d_model)`, the *same* one through which the words
# came in. The head has no table of its own; it is handed the embeddings' table when it is called.
# This is called **tying** (Press and Wolf 2017). What a word means when it is read and when it is
# written is learned once, and with a list of 30,522 pieces and vectors of 768 numbers it saves
# 23 million parameters. $c$ is one number for each word. It can learn that *the* is frequent and
# *hammer* is not.
#
# Shapes: $h$ is `(..., d_model)`, the logits are `(..., vocab)`. `table.T` is the table with rows
# and columns exchanged, and `nn.Parameter(torch.zeros(n))` makes n numbers that are learned.

# %% exercise="MlmHead"
class MlmHead(nn.Module):
    """Names the word that should stand at a place, by comparing with every token's vector.

    Args:
        config: holds d_model, vocab_size and norm_eps.

    Its parts are self.dense, an nn.Linear with bias from d_model to d_model; self.norm, a
    LayerNorm(d_model, norm_eps); and self.bias, a parameter (vocab_size,) that starts at 0.
    """

    def __init__(self, config: BertConfig):
        super().__init__()
        ### BEGIN SOLUTION
        self.dense = nn.Linear(config.d_model, config.d_model)
        self.norm = LayerNorm(config.d_model, config.norm_eps)
        self.bias = nn.Parameter(torch.zeros(config.vocab_size))
        ### END SOLUTION

    def forward(self, hidden: Tensor, table: Tensor) -> Tensor:
        """Vectors to logits.

        Args:
            hidden: (..., d_model), from the encoder.
            table: (vocab, d_model), the token vectors of the embeddings.

        Returns:
            Logits (..., vocab).

        Example: hidden of shape (2, 5, 8) and a table of shape (60, 8) give logits of shape
        (2, 5, 60).
        """
        ### BEGIN SOLUTION
        transformed = self.norm(gelu(self.dense(hidden)))
        return transformed @ table.T + self.bias
        ### END SOLUTION


# %% [markdown]
# **Judging the pair.** The second head is one layer on top of the pooler, with two logits: class 0
# is *is next*, class 1 is *is not next*. (It may look upside down; it is what the first BERT had,
# and its weights still go by it.)
#
# **One loss for both.** The two tasks are learned together, by the sum of their losses:
#
# $$L = L_\text{MLM} + L_\text{NSP}$$
#
# By hand: one hidden word, four words in the vocabulary, all logits 0. The model has no idea, which
# costs $\log 4 = 1.39$. The pair's logits are 0 and 0 as well: $\log 2 = 0.69$. The sum is 2.08.
#
# You have both losses already. Only the classes need care: `is_next` is True and False, and
# `tensor.long()` makes 1 and 0 of that.

# %% exercise="pretraining_loss"
def pretraining_loss(
    mlm_logits: Tensor, labels: Tensor, nsp_logits: Tensor, is_next: Tensor
) -> Tensor:
    """BERT's two tasks together.

    Args:
        mlm_logits: (batch, seq, vocab).
        labels: (batch, seq), as for masked_lm_loss, which you may call.
        nsp_logits: (batch, 2): class 0 is "is next", class 1 is "is not next".
        is_next: bool (batch,).

    Returns:
        One number, as a tensor without dimensions: the mean loss of the chosen words plus the mean
        loss of the pairs.

    Example: see above.
    """
    ### BEGIN SOLUTION
    words = masked_lm_loss(mlm_logits, labels)
    pairs = cross_entropy(nsp_logits, (~is_next).long())
    return words + pairs
    ### END SOLUTION


# %%
quiz("what-parts-bert-from-gpt")
# quiz("what-parts-bert-from-gpt", "a")

# %% [markdown]
# ### The whole
#
# All parts are there. Below is BERT for pre-training: your embeddings, a stack of your blocks, your
# pooler, your head, your loss. (The stack is the course's, because its training loop looks for it;
# by `Parts` it is handed what to stack, your `EncoderBlock` of chapter 3 with your attention
# inside.)

# %% tags=["demonstration"]
from minitransformer import Parts
from minitransformer.bert import initialize
from minitransformer.stacks import Encoder

make_embeddings, make_pooler, make_head = use(BertEmbeddings), use(Pooler), use(MlmHead)
parts, padding = Parts(EncoderBlock=use("EncoderBlock")), use("padding_mask")
joint_loss = use(pretraining_loss)


class Bert(nn.Module):
    """Reads a row: one vector for each token, and one for the whole."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.embeddings = make_embeddings(config)
        self.encoder = Encoder(config, parts)
        self.pooler = make_pooler(config.d_model)

    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        # without real, [PAD] tells where the padding is; the mask is (batch, 1, seq)
        mask = padding(ids) if real is None else real.unsqueeze(1)
        hidden, _ = self.encoder(self.embeddings(ids, segments), mask)
        return hidden, self.pooler(hidden)


class NspHead(nn.Module):
    """Class 0: the second sentence follows. Class 1: it does not."""

    def __init__(self, d_model: int):
        super().__init__()
        self.dense = nn.Linear(d_model, 2)

    def forward(self, pooled: Tensor) -> Tensor:
        return self.dense(pooled)


class BertForPreTraining(nn.Module):
    """BERT with its two heads."""

    def __init__(self, config: BertConfig):
        super().__init__()
        self.bert, self.mlm = Bert(config), make_head(config)
        self.nsp = NspHead(config.d_model)
        initialize(self)  # all matrices small and random, all biases 0

    def forward(self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None):
        hidden, pooled = self.bert(ids, segments, real)
        return self.mlm(hidden, self.bert.embeddings.token.weight), self.nsp(pooled)

    def loss(self, ids: Tensor, labels: Tensor, segments: Tensor, is_next: Tensor) -> Tensor:
        mlm_logits, nsp_logits = self(ids, segments)
        return joint_loss(mlm_logits, labels, nsp_logits, is_next)


config = BertConfig(vocab_size=len(vocab), max_seq=48, d_model=128, num_heads=4, num_layers=2)
torch.manual_seed(0)
model = BertForPreTraining(config)
print(f"{sum(weight.numel() for weight in model.parameters()):,} numbers to learn")

# %% [markdown]
# ## 6 Training
#
# ### What can be known
#
# How good can a model become at this? In most courses nobody can say. The small world is made by
# known rules, so for each hole the *exact* probability of every word can be computed, given all the
# rest of the row. No model can have a lower loss than these probabilities, on average. We draw that
# line, and three others beside it, all on the same held-out pairs:
#
# - **unigram**: knows how frequent each word is, and does not look at the text;
# - **bigram**: a table of which word follows which, one token back;
# - **one way**: the best possible for whoever sees all *before* the hole, and nothing behind;
# - **exact**: the best possible for whoever reads both sides.
#
# No network is trained for these. The bigram table is counted in texts; *one way* and *exact* are
# computed from the rules by which the world was made. They are floors: no reader of the kind can
# get below them on average, whatever it is built of and however long it is trained.
#
# For the pairs there is such a line, too. It does not lie at 0: now and then a random second
# sentence fits by chance, and then nobody can know.

# %% tags=["demonstration"]
from minitransformer.gap_exam import OneWayReader, draw_exam

exam = draw_exam(world, pairs=1500)
print(f"{int(exam.gaps.sum())} holes in {len(exam.ids)} pairs that no training has seen")
for name in ("unigram", "bigram", "one way", "exact"):
    print(f"{name:>8}: loss {exam.known[name]:.3f}")
print(f"   pairs: loss {exam.known['pairs']:.3f}, right at best {exam.bayes:.1%}")

# %% [markdown]
# ### Two readers
#
# The world writes the pairs itself, half true and half random as yours; only so are their exact
# probabilities known. Your `pack_pair` packs them, your `corrupt` makes the holes. Beside your BERT
# we train a **GRU** (Cho and others 2014), a recurrent network as they were in use before the
# transformer. It reads the same rows one token after the other and carries a memory along. When it
# comes to a hole, it has to name the word from that memory.
#
# BERT gets 240 steps here. The GRU gets 480, each row twice with other holes, so that nobody can
# say it was stopped too soon.
#
# Before you run the cell: which of the lines can the GRU not cross, however long it is trained?

# %% tags=["demonstration", "nbval-ignore-output"]
from dataclasses import replace

from minitransformer import train
from minitransformer.presets import PRESETS
from minitransformer.training.batches import table_rows


def as_ids(sentence: str) -> list[int]:
    """A sentence of the world as ids."""
    return [vocab[word] for word in sentence.split()]


records = world.pairs(64 * 240, seed=1)
packed = [pack(as_ids(one.first), as_ids(one.second), vocab, 20) for one in records]
ids, segments, _ = (torch.stack(column) for column in zip(*packed, strict=True))
is_next = torch.tensor([one.is_next for one in records])
rows = {"ids": ids, "segments": segments, "is_next": is_next}
batches = table_rows(rows, 64, 0, make_holes)


def follow(reader: nn.Module, steps: int, every: int, **settings) -> list[tuple[int, dict]]:
    """Train, and sit the exam on the way: (steps done, grades) again and again."""
    grades = [(1, exam.grade(reader))]

    def sit(reader: nn.Module) -> float:
        grades.append((len(grades) * every, exam.grade(reader)))
        return grades[-1][1]["words"]

    # the course's settings for this world: learning rate, schedule and the like
    changed = replace(PRESETS["world-bert"], steps=steps, evaluate_every=every, **settings)
    train(reader, batches, changed.training(), sit)
    return grades


torch.manual_seed(0)
gru = OneWayReader(len(vocab))
curves = {"BERT": follow(model, 240, 30), "GRU": follow(gru, 480, 40, optimizer="adamw")}
for name, curve in curves.items():
    steps, last = curve[-1]
    more = f"; pairs right {last['right']:.1%}" if "right" in last else ""
    print(f"{name}, {steps} steps: loss at the holes {last['words']:.3f}, "
          f"{exam.closed(last['words']):.1%} of the way from unigram to exact{more}")

# %% [markdown]
# With more steps it comes nearer still. That run has been made, of the same sizes and with the same
# kind of rows, and its weights come with the course (the command is in
# `minitransformer/pretrained.py`). They are loaded into *your* classes. The names you gave the
# parts decide where each number goes, and if one of your functions differed from the one that the
# weights were trained with, the grades would show it.

# %% tags=["demonstration"]
from minitransformer import load_pretrained

trained = BertForPreTraining(config).eval()
trained.load_state_dict(load_pretrained("world-bert").model.state_dict())
grades = exam.grade(trained)
print("After 4000 steps:")
print(f"  words: loss {grades['words']:.3f}, exact {exam.known['exact']:.3f}; "
      f"{exam.closed(grades['words']):.1%} of the way from unigram to exact")
print(f"  pairs: {grades['right']:.1%} right, the best possible {exam.bayes:.1%}")

# %% tags=["demonstration", "nbval-ignore-output"]
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.6), width_ratios=(1.5, 1))
looks = {"BERT": dict(color=BLUE, marker="o", ms=4),
         "GRU": dict(color=ORANGE, marker="s", ms=4)}
for name, curve in curves.items():
    left.plot(*zip(*((step, one["words"]) for step, one in curve), strict=True), label=name,
              **looks[name])
curve = curves["BERT"]
right.plot(*zip(*((step, one["pairs"]) for step, one in curve), strict=True), **looks["BERT"])
star = dict(color=BLUE, marker="*", ms=13, ls="none", label="BERT, 4000 steps")
left.plot(4000, grades["words"], **star)
right.plot(4000, grades["pairs"], **star)
for name, dash in (("unigram", ":"), ("bigram", "-."), ("one way", "--"), ("exact", "-")):
    left.axhline(exam.known[name], color=RED if name == "exact" else GREY, lw=1, ls=dash)
    left.text(2600, exam.known[name] + 0.06, name, fontsize=9, ha="right")
right.axhline(exam.known["pairs"], color=RED, lw=1)
right.text(24, exam.known["pairs"] - 0.035, "exact", fontsize=9)
right.axhline(math.log(2), color=GREY, lw=1, ls=":")
right.text(5900, math.log(2) + 0.015, "a coin", fontsize=9, ha="right")
for ax, title in ((left, "hidden words"), (right, "does the second follow?")):
    ax.set(xscale="log", xlim=(22, 6500), xlabel="step", ylabel="loss")
    ax.set_xticks([30, 100, 300, 1000, 4000], ["30", "100", "300", "1000", "4000"])
    ax.minorticks_off()
    ax.set_title(title, loc="left", fontsize=10)
left.set_ylim(0, 4.6)
right.set_ylim(0, 0.85)
left.legend(loc="upper right", bbox_to_anchor=(1, 0.87))
figure.tight_layout()
short, gru_end = curve[-1][1], curves["GRU"][-1][1]["words"]
show(figure, f"on the left the loss at the holes. The GRU ends at {gru_end:.2f}, above the best "
     f"that is possible one way ({exam.known['one way']:.2f}). BERT ends its short run at "
     f"{short['words']:.2f}, and after 4000 steps the loss is {grades['words']:.2f}, beside an "
     f"exact {exam.known['exact']:.2f}. On the right the loss on the pairs: {short['pairs']:.2f} "
     f"after the short run, {grades['pairs']:.2f} after the long one, exact "
     f"{exam.known['pairs']:.2f}.")

# %% [markdown]
# Look at the GRU first. It soon passes the bigram table, which forgets everything but one token.
# But there is a floor under it that no training can break: what stands behind the hole has not been
# read. The floor is the dashed line, *one way*. It was computed from the world's rules and is no
# result of the GRU, which stays above it after twice as many steps as BERT. Between the dashed line
# and the solid one lies what the right side knows.
#
# Two GRUs, one from each side, would help, and that was tried. ELMo (Peters and others 2018) made
# its vectors with two LSTMs, one each way. But each of them still reads step by step, so nothing
# can be done at once, and the two never meet before the end. In BERT every layer looks at both
# sides. That became possible when attention took the place of recurrence.
#
# One more thing is to be seen on the right. For a while the pairs' loss stays where a coin would
# be, and then it falls. A likely reason: before the words have good vectors, `[CLS]` has nothing to
# go by.
#
# **And after BERT?** Devlin and others (2019) pre-trained on books and the English Wikipedia, for
# four days on many chips. RoBERTa (Liu and others 2019) did the same with more text and found that
# next-sentence prediction could be left out without loss. A likely reason is that a random sentence
# is mostly on another topic, which is easy to see (Lan and others 2020).

# %%
quiz("one-way")
# quiz("one-way", "a")

# %% [markdown]
# ## 7 Filling gaps
#
# Time to ask it. `fill_mask` takes a model and rows with gaps, and puts the most probable word into
# each. Ask the model once for all gaps, and fill each on its own, without regard to the others.
#
# The model is called as `model(ids, segments)` and returns two things: the words' logits
# `(batch, seq, vocab)` and the pairs' logits. Take them apart, `first, second = …`; you need the
# first. If `gaps` is a table of True and False `(batch, seq)`, then `logits[gaps]` has one row for
# each gap, as in step 4, and `filled[gaps] = words` writes a word into each. The ids you were
# handed are not yours to write into: take a copy first, `ids.clone()`.

# %% exercise="fill_mask"
def fill_mask(
    model: nn.Module, ids: Tensor, mask_id: int, segments: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    """Put the most probable token in place of each [MASK].

    Args:
        model: called as model(ids, segments), it returns the words' logits (batch, seq, vocab)
            and the pairs' logits.
        ids: token ids (batch, seq), with at least one gap.
        mask_id: the id of [MASK].
        segments: (batch, seq), or None.

    Returns:
        Two tensors: the ids with their gaps filled, (batch, seq), and the probabilities of all
        words at each of the n gaps, (n, vocab), in reading order. ids itself stays as it was.

    Example: at a gap where the logits are [1.0, 3.0, 2.0], the token 1 is put in, and the
    probabilities are about [0.09, 0.67, 0.24].
    """
    ### BEGIN SOLUTION
    gaps = ids == mask_id
    logits, _ = model(ids, segments)
    probabilities = logits[gaps].softmax(dim=-1)
    filled = ids.clone()
    filled[gaps] = probabilities.argmax(dim=-1)
    return filled, probabilities
    ### END SOLUTION


# %% [markdown]
# Here are the two sentences from the top, some others, and what your function finds in them. Try
# your own: any words of the world (`print(*words)` lists them), but keep to the kind of sentences
# that it tells.

# %% tags=["demonstration"]
fill = use(fill_mask)


def ask(first: str, second: str = "it smells good and leo waits .") -> None:
    """Fill the gaps of a pair, and print the three most probable words for each."""
    ids, segments, _ = pack(as_ids(first), as_ids(second), vocab, 24)
    with torch.no_grad():
        _, chances = fill(trained, ids.unsqueeze(0), mask_id, segments.unsqueeze(0))
        follows = trained(ids.unsqueeze(0), segments.unsqueeze(0))[1].softmax(dim=-1)[0, 0].item()
    print(f"{first} {second}")
    for row in chances:
        best = row.topk(3)
        found = zip(best.indices.tolist(), best.values.tolist(), strict=True)
        print("    ", ", ".join(f"{words[index]} {chance:.2f}" for index, chance in found))
    print(f"      the second follows the first: {follows:.2f}")


ask("squatch [MASK] his pizza in the oven .")
ask("squatch [MASK] his pizza into the oven .")
ask("mia cooks [MASK] pizza in the oven .")
ask("[MASK] cooks his pizza in the oven .")
ask("the cat near the dogs [MASK] home .", "the birds hide behind the lamp .")
ask("leo feeds his [MASK] in the park .", "they eat the bread .")
ask("nora paints her lamp at noon .", "soon it looks [MASK] and [MASK] .")

# %% [markdown]
# It has learned that *his* goes with some names and *her* with others; that a cat near dogs *runs*,
# and does not *run*; that what is painted looks of some colour. And it knows when it cannot know:
# for the colour it gives each of several about the same chance. Nobody told it any of this. It was
# only ever asked to fill holes and to judge pairs.
#
# And one thing it has not learned. Look at what *leo feeds* before *they eat the bread*: *they*
# tells that there are several, and the model does not use it. Agreement inside a sentence it has,
# across the two sentences it has not; that is most of what parts its judgement of pairs from the
# best possible one.

# %% [markdown]
# ## 8 Two meanings of one word
#
# Chapters 1 and 2 left a debt. Word2vec and FastText give a word one vector, so the *bat* that
# flies and the *bat* that hits have the same one. What does your BERT make of them?
#
# For each of the world's four words with two senses we take two hundred pairs of sentences, half
# with each sense, and collect what the encoder gives at that word: its **contextual embedding**.
# Then the vectors are parted into two groups by 2-means, which is told nothing but the vectors, and
# we count how many are in the right group. For comparison, the same with word2vec.

# %% tags=["demonstration"]
from minitransformer import skip_gram_pairs
from minitransformer.plots import principal_components
from minitransformer.senses import cluster_accuracy, draw_senses, two_clusters
from minitransformer.tasks import pair_segments
from minitransformer.training import train_word_vectors

lines = [as_ids(f"{one.first} {one.second}") for one in records[:2000]]
neighbours = [pair for line in lines for pair in skip_gram_pairs(line, window=3)]
counts = torch.bincount(torch.tensor([index for line in lines for index in line]),
                        minlength=len(vocab)).float()
static, _ = train_word_vectors(neighbours, len(vocab), 24, counts, steps=600)

clouds, shares = {}, {"word2vec": [], "BERT": []}
for word in world.two_sense_words:
    seen = draw_senses(world, word)
    at = torch.arange(len(seen.ids)), seen.places
    with torch.no_grad():
        hidden, _ = trained.bert(seen.ids, pair_segments(seen.ids, vocab))
    clouds[word] = principal_components(hidden[at]), seen
    for name, vectors in (("word2vec", static[seen.ids[at]]), ("BERT", hidden[at])):
        shares[name].append(cluster_accuracy(two_clusters(vectors), seen.senses))
    print(f"{word:>6}: {seen.names[0]} or {seen.names[1]}? in the right group: "
          f"word2vec {shares['word2vec'][-1]:.0%}, BERT {shares['BERT'][-1]:.0%}")
means = {name: sum(found) / len(found) for name, found in shares.items()}
print(f"   all: word2vec {means['word2vec']:.1%}, BERT {means['BERT']:.1%}")

# %% tags=["demonstration"]
figure, axes = plt.subplots(2, 2, figsize=(10, 7.2))
for ax, (word, (points, seen)) in zip(axes.flat, clouds.items(), strict=True):
    for sense, colour, marker in ((0, BLUE, "o"), (1, ORANGE, "^")):
        own = (seen.senses == sense).nonzero().flatten()
        x, y = points[own].T
        ax.scatter(x, y, s=45, color=colour, marker=marker, alpha=0.35, lw=0)
        name = seen.names[sense]
        ax.text(x.mean(), 9.2, name, color=colour, ha="center", weight="bold", fontsize=11)
        # beside the highest point what stands around the word there; if far, the lowest as well
        ends = [int(y.argmax()), int(y.argmin())] if y.max() - y.min() > 4 else [int(y.argmax())]
        for end in ends:
            place, near = int(seen.places[own[end]]), x[(y - y[end]).abs() < 1]
            inwards = (near.max() + 0.6, "left") if x.mean() < 0 else (near.min() - 0.6, "right")
            around = seen.ids[own[end], max(place - 3, 1) : place + 2].tolist()
            ax.text(inwards[0], y[end], " ".join(words[index] for index in around), color=colour,
                    fontsize=9, ha=inwards[1], va="center")
    ax.set(xlim=(-11, 11), ylim=(-9, 11), xticks=[], yticks=[])
    ax.set_title(word, loc="left")
for below, beside in zip(axes[1], axes[:, 0], strict=True):
    below.set_xlabel("first direction")
    beside.set_ylabel("second direction")
figure.tight_layout()
show(figure, "each point is one occurrence of the word in a sentence, as BERT sees it, drawn in "
     "the two directions in which the vectors differ most; where many lie on each other the colour "
     "is stronger. For each of the four words the two senses lie on different sides. Within a "
     "sense there are smaller clouds, of different uses; beside some stand the words around the "
     "word. With word2vec all points of a word would lie on one spot.")

# %% [markdown]
# One vector a word leaves no choice: all occurrences fall into one group, and half of them are
# wrong. BERT's vectors part by themselves. It was never told that *bat* has two senses. But whoever
# knows which one is meant fills the holes around it better.
#
# This is why models like BERT changed the field. The vectors of a trained encoder carry meaning in
# context, and they can be used for tasks they were never trained for, with a small head on top. One
# long pre-training, many uses: such a model was later called a **foundation model**.

# %%
quiz("bert-before")
# quiz("bert-before", "a")

# %% [markdown]
# ## What you have built
#
# - **WordPiece**: any word from a list of pieces, greedily, from the left.
# - **Packing and pairs**: `[CLS]`, `[SEP]`, segments; sentences that follow each other and others
#   that do not.
# - **Holes**: 15 % chosen, of these 80-10-10, and labels of -100 where nothing is asked.
# - **The loss of what was asked**: choose first, then take the mean.
# - **BERT**: embeddings, your encoder, a pooler, a head tied to the table of words, and one loss
#   for two tasks.
# - **A measure**: unigram, bigram, one way, exact. You know what your model has learned, and how
#   much was left to learn.
# - **Contextual embeddings**: the two senses of a word come apart.
#
# Everything that passed its check is in `work/mytransformer/`.

# %% tags=["demonstration", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## Where to read on
#
# - Taylor, *Cloze Procedure: A New Tool for Measuring Readability* (1953): texts with holes, for
#   people.
# - Schuster and Nakajima, *Japanese and Korean Voice Search* (2012): WordPiece.
# - Mikolov and others, *Distributed Representations of Words and Phrases* (2013), and Bojanowski
#   and others, *Enriching Word Vectors with Subword Information* (2017): one vector a word.
# - Cho and others, *Learning Phrase Representations using RNN Encoder-Decoder* (2014): the GRU.
# - Press and Wolf, *Using the Output Embedding to Improve Language Models* (2017): tying.
# - Peters and others, *Deep Contextualized Word Representations* (2018): ELMo, two LSTMs.
# - Devlin, Chang, Lee and Toutanova, *BERT: Pre-training of Deep Bidirectional Transformers for
#   Language Understanding* (2019): section 3 and appendix A are this chapter.
# - Liu and others, *RoBERTa: A Robustly Optimized BERT Pretraining Approach* (2019): without
#   next-sentence prediction, and longer. Lan and others, *ALBERT* (2020): with a harder task in its
#   place.
# - Rogers, Kovaleva and Rumshisky, *A Primer in BERTology* (2020): what is known about what it
#   knows.
#
# ## A challenge, not graded
#
# Why 15 %? Wettig and others asked in 2023, and found that large models may do better with more.
# Train the small BERT for the same number of steps at rates of 5, 15, 40 and 70 per cent, and sit
# the exam with each. Predict first: which will win after 240 steps, and why might another win after
# 4000? Then change the shares. What do you lose, at the holes and at the visible words, when every
# chosen token becomes `[MASK]`? (The exam asks at the holes only. You will have to write a second
# one.)
#
# **Next:** BERT can fill a hole, and cannot write a story. Chapter 5 turns the encoder into a model
# that looks back only, and writes.
