# %% [markdown]
# # Chapter 7 · Encoder meets decoder
#
# > *the red cats see the big dog in the park .*
# >
# > *tan miran velan ta parka lu to bako goro sevin .*
#
# The second line is a language of the small world. Its verbs come last, its adjectives stand
# behind their nouns, and articles and adjectives change with the noun they belong to. Nobody gives
# you a grammar or a dictionary. You get sentences in pairs, and build a machine that learns the
# rest: it **reads** one sentence in both directions, **writes** the other word by word, and at each
# word looks back at what it has read.
#
# **Where you stand.** 1 embeddings → 2 attention → 3 the transformer block → 4 BERT → 5 GPT →
# 6 fine-tuning → **7 translation** → 8 assistant. Chapter 3 gave you an encoder, chapter 4 trained
# one, chapter 5 trained a decoder. Here the two work together, as they did in the paper of 2017.
#
# **What you will build.** Eleven functions and layers: cross-attention and the decoder block, the
# model around them, its loss, two ways to write a translation down, and two ways to judge it. At
# the end your model translates sentences that it has never seen, and you draw what it looked at.
#
# **What you need.** Chapters 2 and 3: attention, masks, heads, the encoder block. Chapter 5 helps.
# No GPU, no internet.
#
# **How long.** The exercises take about two and a half hours, with reading and playing four. The
# notebook itself runs in a minute or two.
#
# **What you can do at the end.** Write a decoder block from memory, and say which mask belongs
# where. Train a translator and search it for its best translation. Compute BLEU by hand, and say
# what it misses. Explain when an encoder–decoder is the right tool.

# %%
import math
from collections import Counter

import torch
from torch import Tensor, nn

from autograder import check, hint, progress, quiz, use
from minitransformer.config import Seq2SeqConfig

# %% tags=["demonstration"]
# Pictures. Nothing to learn in this cell: run it and read on.
import matplotlib.pyplot as plt

from minitransformer.data.translation import translate
from minitransformer.sketches import BLUE, GREY, ORANGE, STYLE, show

torch.set_num_threads(1)  # everything here is small, and one core does small things fastest
plt.rcParams.update(STYLE)


def heat_map(ax, table, rows, columns, title=""):
    """A table of weights from 0 to 1: queries down, keys across."""
    ax.imshow(torch.as_tensor(table).detach(), cmap="Blues", vmin=0, vmax=1, aspect="auto")
    ax.set_xticks(range(len(columns)), columns, rotation=45, ha="right")
    ax.set_yticks(range(len(rows)), rows)
    ax.tick_params(length=0)
    ax.spines[:].set(visible=True, lw=0.6)
    ax.set_title(title, loc="left", fontsize=10)


def links(ax, above, below, pairs):
    """Two sentences, and a line from each word below to the word above that it renders."""
    width = max(len(above), len(below))
    places = [[(i + 0.5) * width / len(words) for i in range(len(words))]
              for words in (above, below)]
    for words, row, height in ((above, places[0], 1.0), (below, places[1], 0.0)):
        for word, place in zip(words, row, strict=True):
            ax.text(place, height, word, ha="center", va="center")
    for target, source in enumerate(pairs):
        straight = abs(places[1][target] - places[0][source]) < 0.9
        ax.plot([places[1][target], places[0][source]], [0.12, 0.88], lw=1.5,
                color=GREY if straight else ORANGE)
    ax.set(xlim=(0, width), ylim=(-0.15, 1.15))
    ax.axis("off")


pair = translate("the red cats see the big dog in the park .")
figure, ax = plt.subplots(figsize=(8.5, 2))
links(ax, pair.source.split(), pair.target.split(), pair.alignment)
show(figure, f"“{pair.source}” above, “{pair.target}” below, and lines that join what belongs "
     "together. Grey stays about where it was, orange has moved: the verb goes to the end, the "
     "adjective behind its noun, the place before the object.")

# %% [markdown]
# ### The way there
#
# | Step | You build | With it you can |
# |---|---|---|
# | 1 One sentence looks at another | `CrossAttention` | ask the source for what is needed |
# | 2 Remember, read, think | `DecoderBlock` | write with the source at hand |
# | 3 What the decoder may know | `shift_right`, `target_mask` | learn all words at once |
# | 4 The model | `Seq2Seq` | join encoder and decoder |
# | 5 Nearly sure | `smoothed_probability`, `label_smoothing_loss` | teach without overdoing it |
# | 6 Writing it down | `greedy_decode`, `simple_beam_search` | find a good translation |
# | 7 How good is it? | `sequence_accuracy`, `bleu` | judge, and compare |
#
# **How it works.** Write your code where an exercise says `raise NotImplementedError()`, run the
# cell, run the `check(...)` below it. Stuck? The `hint(...)` cell gives three hints, one at a time.
# You can also read on: wherever your own code is not right yet, the notebook continues with the
# course's, and says so.
#
# **Words for sizes.** `seq` words of the **target**, the sentence that is written; `seq_k` words of
# the **source**, the sentence that is read. As always `batch` sentences, vectors of `d_model`
# numbers, `num_heads` heads of `d_head` numbers each, `vocab` words.
#
# What earlier chapters gave you comes in here. Where your own is in `mytransformer`, it is yours
# that runs. The comments say how each is called and what it returns.

# %%
# Functions. The first: (query, key, value, mask) -> (context, weights)
scaled_dot_product_attention = use("scaled_dot_product_attention")
causal_mask = use("causal_mask")  # (seq) -> bool (seq, seq)
padding_mask = use("padding_mask")  # (ids, pad_id) -> bool (batch, 1, seq)
sinusoidal_positions = use("sinusoidal_positions")  # (seq, d_model) -> (seq, d_model)
split_heads = use("split_heads")  # (x, num_heads) -> (batch, num_heads, seq, d_head)
merge_heads = use("merge_heads")  # (x) -> (batch, seq, d_model)
# Layers: how each is made; how it is called
MultiHeadAttention = use("MultiHeadAttention")  # (d_model, num_heads); (x, mask) -> a pair:
#                                                 (context, weights)
FeedForward = use("FeedForward")  # (d_model, d_ff); (x) -> (batch, seq, d_model)
Residual = use("Residual")  # (d_model, norm=norm); .enter(x) and .leave(x, change) -> like x
Encoder = use("Encoder")  # (config); (x, mask) -> (x, list of weights)

# %% [markdown]
# ## 1 One sentence looks at another
#
# Sutskever, Vinyals and Le (2014) translated with two recurrent networks: one read the source and
# ended with *one vector*, the other wrote the target from it. A long sentence does not fit into one
# vector. Bahdanau, Cho and Bengio (2014) let the writer look back at all source words, and at each
# step choose what to look at; that was the first attention. Vaswani and others (2017) kept the
# looking and dropped the recurrence.
#
# You know the looking. In self-attention queries, keys and values are made from the same words. In
# **cross-attention** there are two sentences. The words of the target ask. The words of the source
# answer: what the encoder made of them is called the **memory**.
#
# $$Q = X W_Q + b_Q \qquad K = M W_K + b_K \qquad V = M W_V + b_V$$
#
# with the target's vectors $X$, `(batch, seq, d_model)`, and the memory $M$, `(batch, seq_k,
# d_model)`. The two lengths need not be equal. Everything after that is chapter 3's multi-head
# attention: split into heads, attend, merge, and one more layer, $W_O$. The weights have the shape
# `(batch, num_heads, seq, seq_k)`: for each target word a row over the source words.
#
# By hand, one head and two source words: *tan* has been written, and its query fits *the* with
# weight 0.25 and *cats* with 0.75. The values are $(2, 0)$ and $(0, 4)$. The context vector is
# $0.25 \cdot (2, 0) + 0.75 \cdot (0, 4) = (0.5, 3)$: mostly *cats*, as it should be, since a noun
# comes next.
#
# **One mask.** The source may be filled up with padding, and padding is not looked at. The mask has
# the shape `(batch, 1, seq_k)`: the same for all target words. It has no axis for the heads yet. No
# causal mask is needed: the whole source is known before the first word is written.

# %% exercise="CrossAttention"
class CrossAttention(nn.Module):
    """Several heads in which the words of a target look at the words of a source.

    Args:
        d_model: the size of the vectors; a multiple of num_heads.
        num_heads: how many heads.

    The four layers are self.query, self.key, self.value and self.output, each
    nn.Linear(d_model, d_model).
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

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Let every target word look at every source word that the mask allows.

        Args:
            x: the target, (batch, seq, d_model): who asks.
            memory: the source, (batch, seq_k, d_model): who is asked.
            mask: None, or bool (batch, 1, seq_k); True = may be attended to.

        Returns:
            The context vectors (batch, seq, d_model), and the weights
            (batch, num_heads, seq, seq_k).

        Example: CrossAttention(8, 2) with x (3, 5, 8) and memory (3, 7, 8) gives a context of shape
        (3, 5, 8) and weights of shape (3, 2, 5, 7).
        """
        ### BEGIN SOLUTION
        query = split_heads(self.query(x), self.num_heads)
        key = split_heads(self.key(memory), self.num_heads)
        value = split_heads(self.value(memory), self.num_heads)
        if mask is not None:
            mask = mask.unsqueeze(-3)
        context, weights = scaled_dot_product_attention(query, key, value, mask)
        return self.output(merge_heads(context)), weights
        ### END SOLUTION


# %%
quiz("who-asks")
# quiz("who-asks", "a")  # remove the first "#", choose a letter, run

# %% [markdown]
# ## 2 Remember, read, think
#
# A decoder block is chapter 3's encoder block with one sublayer more:
#
# 1. **Remember.** Masked self-attention: each target word looks at the target words before it.
# 2. **Read.** Cross-attention: it looks at the source.
# 3. **Think.** The feed-forward layer, each word by itself.
#
# ```
#   x ──► self-attention ──► + ──► cross-attention ──► + ──► feed-forward ──► + ──►
#     └─────────────────────┘  └─────────▲────────────┘  └─────────────────┘
#                                     memory
# ```
#
# Around each of the three is a residual with a norm of its own, your `Residual`: `enter` gives what
# the sublayer reads, `leave` adds its change to what came in. The order of the first two makes
# sense: what to look for in the source depends on what has been written already.
#
# Keys and values of step 2 come from the encoder in every block, and are read as they are. The
# target changes from block to block; the memory stays.
#
# Dropout stays out of it here, so small a language needs none. `Residual(d_model, norm=norm)` makes
# one without.

# %% exercise="DecoderBlock"
class DecoderBlock(nn.Module):
    """Self-attention, cross-attention, feed-forward, each with its residual.

    Args:
        d_model, num_heads: sizes of the two attentions.
        d_ff: the inner size of the feed-forward layer.
        norm: "post" or "pre", for all three residuals.

    The parts are self.attention (your MultiHeadAttention), self.cross_attention (your
    CrossAttention), self.feed_forward (your FeedForward), and three of your Residual:
    self.around_attention, self.around_cross_attention and self.around_feed_forward.
    """

    def __init__(self, d_model: int, num_heads: int, d_ff: int, norm: str = "post"):
        super().__init__()
        ### BEGIN SOLUTION
        self.attention = MultiHeadAttention(d_model, num_heads)
        self.cross_attention = CrossAttention(d_model, num_heads)
        self.feed_forward = FeedForward(d_model, d_ff)
        self.around_attention = Residual(d_model, norm=norm)
        self.around_cross_attention = Residual(d_model, norm=norm)
        self.around_feed_forward = Residual(d_model, norm=norm)
        ### END SOLUTION

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        mask: Tensor | None = None,
        memory_mask: Tensor | None = None,
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Read the target so far, and the memory.

        Args:
            x: the target, (batch, seq, d_model).
            memory: what the encoder made of the source, (batch, seq_k, d_model).
            mask: None, or bool: which target words a target word may see.
            memory_mask: None, or bool: which source words it may see.

        Returns:
            Three tensors: x, changed, (batch, seq, d_model); the weights of self-attention
            (batch, num_heads, seq, seq); the weights of cross-attention
            (batch, num_heads, seq, seq_k).

        MultiHeadAttention is called (x, mask) and returns (context, weights), as in chapter 3.
        """
        ### BEGIN SOLUTION
        change, own = self.attention(self.around_attention.enter(x), mask)
        x = self.around_attention.leave(x, change)
        asking = self.around_cross_attention.enter(x)
        change, cross = self.cross_attention(asking, memory, memory_mask)
        x = self.around_cross_attention.leave(x, change)
        change = self.feed_forward(self.around_feed_forward.enter(x))
        return self.around_feed_forward.leave(x, change), own, cross
        ### END SOLUTION


# %% [markdown]
# ## 3 What the decoder may know
#
# Writing goes word by word, from left to right: each word depends on the source and on the words
# before it.
#
# $$P(y_1 \dots y_n \mid \text{source}) = \prod_t P(y_t \mid y_1 \dots y_{t-1}, \text{source})$$
#
# Two words are special. Before anything is written there must be something to read: the **start
# token** (`[CLS]` here). And a sentence has to know when it is over: its last word is the **end
# token** (`[SEP]` here).
#
# In training the right translation is known, and the decoder reads *that*, not what it would have
# written itself. This is called **teacher forcing**. So that it does not read the very word it
# should predict, the words move one place to the right:
#
# | place | 0 | 1 | 2 | 3 | 4 |
# |---|---|---|---|---|---|
# | it reads | `[CLS]` | tan | miran | sevin | . |
# | it should predict | tan | miran | sevin | . | `[SEP]` |
#
# The lower row is the targets, the upper row the targets shifted right: the start token comes in at
# the left, the last word falls out at the right.

# %% exercise="shift_right"
def shift_right(targets: Tensor, start_id: int) -> Tensor:
    """What the decoder reads while it learns to write the targets.

    Args:
        targets: ids (batch, seq): words, the end token, perhaps padding.
        start_id: the id of the start token.

    Returns:
        ids (batch, seq), one place later. The targets themselves stay as they were.

    Example: shift_right(torch.tensor([[7, 8, 3]]), 2) is [[2, 7, 8]].
    """
    ### BEGIN SOLUTION
    start = torch.full_like(targets[:, :1], start_id)
    return torch.cat([start, targets[:, :-1]], dim=1)
    ### END SOLUTION


# %%
quiz("teacher-forcing")
# quiz("teacher-forcing", "a")

# %% [markdown]
# ### Two masks become one
#
# All places of the target are learned in one pass. So place $i$ must be kept from looking at later
# places: that is the **causal mask**. And no place should look at padding: that is the **padding
# mask**. Both are yours, from chapter 2.
#
# Someone has joined them into `target_mask` for us, and something is wrong. For the ids `[2, 7, 0]`
# (start, a word, padding) the mask should be the table on the left, and it is the one on the right:
#
# | should be | key 0 | key 1 | key 2 | | is | key 0 | key 1 | key 2 |
# |---|---|---|---|---|---|---|---|---|
# | **place 0** | True | False | False | | **place 0** | True | True | False |
# | **place 1** | True | True | False | | **place 1** | True | True | False |
# | **place 2** | – | – | – | | **place 2** | – | – | – |
#
# Place 0 sees the word that it should predict. A model trained so has a loss of nearly nothing, and
# cannot write a single sentence: in use, there is no next word to look at.
#
# Place 2 is padding, and what stands in its row does not matter: nobody reads what comes out there.
# Yours may say what it likes, as long as the row is not empty, since attention needs something to
# look at. (The course's own lets every place see itself, padding too, so that no row is ever
# empty.)

# %% exercise="target_mask"
def target_mask(ids: Tensor, pad_id: int = 0) -> Tensor:
    """Which target words each place may see: those up to its own, and no padding.

    Args:
        ids: what the decoder reads, (batch, seq).
        pad_id: the id of [PAD].

    Returns:
        A bool tensor (batch, seq, seq), True = may be attended to; rows of padding do not matter.
        causal_mask(seq) and padding_mask(ids, pad_id) are yours; the first makes its mask on the
        CPU, and .to(ids.device) takes it to where the ids are.

    Example: for ids [[2, 7, 0]] the first two rows are [True, False, False] and
    [True, True, False].
    """
    ### BEGIN SOLUTION
    past = causal_mask(ids.shape[1]).to(ids.device)
    real = padding_mask(ids, pad_id)
    return past & real
    ### END SOLUTION
    ### BEGIN BUG
    # past = causal_mask(ids.shape[1]).to(ids.device)
    # real = padding_mask(ids, pad_id)
    # return past | real
    ### END BUG


# %% tags=["demonstration"]
mask_of, shift = use(target_mask), use(shift_right)
targets = torch.tensor([[7, 8, 9, 6, 3, 0, 0]])
reads = shift(targets, 2)
names = {0: "[PAD]", 2: "[CLS]", 3: "[SEP]", 6: ".", 7: "tan", 8: "miran", 9: "sevin"}
told = [f"{names[a]} → {names[b]}" for a, b in zip(reads[0].tolist(), targets[0].tolist(),
                                                   strict=True)]
figure, ax = plt.subplots(figsize=(4.6, 3.2))
allowed = mask_of(reads)[0].float() * 0.7
padding = reads[0] == 0
allowed[padding] = 0
heat_map(ax, allowed, told, [names[i] for i in reads[0].tolist()])
for row in padding.nonzero()[:, 0].tolist():
    ax.axhspan(row - 0.5, row + 0.5, color=GREY, alpha=0.5, lw=0)
ax.set(xlabel="may be seen", ylabel="reads → predicts")
show(figure, "the target mask of one sentence, blue where a place may look: a triangle over the "
     "words that are read. The grey row is padding; what it may see does not matter.")

# %% [markdown]
# Look at the picture once more: padding stands at the end, where the causal mask hides it from all
# real words already. So while padding stands at the end, the padding mask changes nothing that
# anybody reads. It costs nothing either, and says what is meant: wherever padding stands, no word
# looks at it. The check tries it with padding between words.

# %% [markdown]
# ## 4 The model
#
# The decoder is a stack of your blocks. Each gets the same memory and the same two masks. This one
# is given, since it holds nothing new:

# %%
class Decoder(nn.Module):
    """num_layers of your decoder blocks, one on top of the other."""

    def __init__(self, config: Seq2SeqConfig):
        super().__init__()
        sizes = config.d_model, config.num_heads, config.d_ff
        self.blocks = nn.ModuleList(
            DecoderBlock(*sizes, norm=config.norm) for _ in range(config.num_layers)
        )

    def forward(
        self, x: Tensor, memory: Tensor, mask: Tensor | None, memory_mask: Tensor | None
    ) -> tuple[Tensor, list[Tensor]]:
        """x after all blocks, and the cross-attention weights of each."""
        seen = []
        for block in self.blocks:
            x, _, weights = block(x, memory, mask, memory_mask)
            seen.append(weights)
        return x, seen


# %% [markdown]
# Now join the halves. Three steps, three methods:
#
# - **encode** the source, once: embed, then the encoder, with the source's padding hidden. It may
#   look both ways.
# - **decode** the target: embed, then the decoder, with the target's own mask, the memory, and the
#   mask of the memory. At last the **scores of all words** as the next one: the dot product of each
#   vector with the vector of every target word. The table that embeds the target words serves a
#   second time here (the *tied* head of chapters 4 and 5), so there is no new layer.
# - **forward** does one after the other.
#
# To **embed** ids: look up their vectors, multiply by $\sqrt{d_{model}}$, add the positions.
#
# $$x = \sqrt{d_{model}}\; E[\text{ids}] + \text{positions}_{0 \dots seq - 1}$$
#
# Why the factor? The head uses the same table, and there it should be small; next to the positions,
# whose waves reach from -1 to 1, it should not (Vaswani and others 2017, section 3.4).
#
# `Encoder` is yours from chapter 3, called `(x, mask)`; it returns a pair, the vectors and a list
# of weights. What belongs into `__init__` is there already.

# %% exercise="Seq2Seq"
class Seq2Seq(nn.Module):
    """An encoder–decoder: reads one sentence, scores the words of another.

    Args:
        config: the sizes; you need config.d_model and config.pad_id.
    """

    def __init__(self, config: Seq2SeqConfig):
        super().__init__()
        self.config = config
        self.source_token = nn.Embedding(config.vocab_size, config.d_model)
        self.target_token = nn.Embedding(config.target_vocab_size, config.d_model)
        self.encoder = Encoder(config)
        self.decoder = Decoder(config)
        positions = sinusoidal_positions(config.max_seq, config.d_model)  # (max_seq, d_model)
        self.register_buffer("positions", positions, persistent=False)

    def encode(self, source: Tensor) -> tuple[Tensor, Tensor]:
        """Read the source.

        Args:
            source: ids (batch, seq_k), filled up with config.pad_id.

        Returns:
            The memory (batch, seq_k, d_model), and its padding mask (batch, 1, seq_k).
        """
        ### BEGIN SOLUTION
        mask = padding_mask(source, self.config.pad_id)
        scale = math.sqrt(self.config.d_model)
        x = self.source_token(source) * scale + self.positions[: source.shape[1]]
        memory, _ = self.encoder(x, mask)
        return memory, mask
        ### END SOLUTION

    def decode(
        self, target: Tensor, memory: Tensor, memory_mask: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """Score every word as the next one, at every place of the target.

        Args:
            target: what the decoder reads, ids (batch, seq).
            memory, memory_mask: what encode returned.

        Returns:
            Logits (batch, seq, target_vocab), and the decoder's list of weights.
        """
        ### BEGIN SOLUTION
        scale = math.sqrt(self.config.d_model)
        x = self.target_token(target) * scale + self.positions[: target.shape[1]]
        mask = target_mask(target, self.config.pad_id)
        hidden, weights = self.decoder(x, memory, mask, memory_mask)
        return hidden @ self.target_token.weight.T, weights
        ### END SOLUTION

    def forward(self, source: Tensor, target: Tensor) -> Tensor:
        """Logits (batch, seq, target_vocab), for a source and what the decoder reads.

        Example: a source of shape (2, 7) and a target of shape (2, 5) give (2, 5, target_vocab).
        """
        ### BEGIN SOLUTION
        memory, memory_mask = self.encode(source)
        logits, _ = self.decode(target, memory, memory_mask)
        return logits
        ### END SOLUTION


# %%
quiz("encoder-decoder-when")
# quiz("encoder-decoder-when", "a")

# %% [markdown]
# ## 5 Nearly sure
#
# The cross-entropy wants the right word to have probability 1. A softmax reaches 1 only with
# infinitely large logits, so training pulls them apart for ever. Szegedy and others (2016) ask for
# a little less. **Label smoothing** takes a share $s$ of the belief away from the right word and
# spreads it evenly over **all** words of the vocabulary, the right one among them. Vaswani and
# others (2017) used $s = 0.1$.
#
# The model is at its best when it believes exactly what it is told.
# Which probability does the best model give the right word?

# %% exercise="smoothed_probability"
def smoothed_probability(vocab: int, smoothing: float) -> float:
    """Your prediction: what the best model gives the right word.

    Args:
        vocab: how many words there are.
        smoothing: the share s that is spread over all of them, from 0 to 1.

    Returns:
        A probability, by a formula. Nothing needs to be trained.

    Example: without smoothing it is 1. You find the rest.
    """
    ### BEGIN SOLUTION
    return 1 - smoothing + smoothing / vocab
    ### END SOLUTION


# %% [markdown]
# Now measure. Five logits, as free numbers, are moved down the slope of torch's own smoothed loss
# for 3000 steps; word 2 is the right one. The line is your prediction.

# %% tags=["demonstration"]
predict = use(smoothed_probability)
figure, axes = plt.subplots(1, 3, figsize=(8, 2.4), sharey=True)
found, largest = [], {}
for ax, share in zip(axes, (0.0, 0.1, 0.4), strict=True):
    logits = torch.zeros(1, 5, requires_grad=True)
    for step in range(3000):
        if step in (1500, 2999):
            largest[share, step] = float(logits.detach().max())
        loss = nn.functional.cross_entropy(logits, torch.tensor([2]), label_smoothing=share)
        (slope,) = torch.autograd.grad(loss, logits)
        logits = (logits - slope).detach().requires_grad_()
    belief = logits.softmax(dim=-1)[0].detach()
    found.append(f"{belief[2]:.3f} for s = {share}")
    ax.bar(range(5), belief, color=[ORANGE if word == 2 else BLUE for word in range(5)])
    ax.axhline(predict(5, share), color=GREY, ls="--", lw=1)
    ax.set(xlabel="word", ylim=(0, 1.1), xticks=range(5))
    ax.set_title(f"s = {share}; largest logit {logits.detach().max():.1f}", fontsize=9)
axes[0].set_ylabel("probability")
figure.tight_layout()
show(figure, f"after training, the right word has probability {', '.join(found)}; the dashed line "
     "is your prediction. Halfway and at the end the largest logit was "
     f"{largest[0.0, 1500]:.2f} and {largest[0.0, 2999]:.2f} without smoothing, where it grows on; "
     f"for s = 0.1 it was {largest[0.1, 1500]:.2f} and {largest[0.1, 2999]:.2f}.")

# %% [markdown]
# As a loss: the cross-entropy between what the model is told, $q$, and what it says, $p$. At one
# place, with the right word $t$,
#
# $$\text{loss} = -\sum_j q_j \log p_j = (1 - s) \cdot (-\log p_t) \;+\; s \cdot
# \frac{1}{V} \sum_j (-\log p_j)$$
#
# with $V$ words in the vocabulary. In words: mostly the usual loss of the right word, and a little
# of the mean loss of all words. The result is the **mean over all places** that are not padding.
#
# By hand: four words, $s = 0.2$, and a model that gives the right word 0.7 and the others 0.1 each.
# $-\log 0.7 = 0.357$ and $-\log 0.1 = 2.303$. The mean over all four is $(0.357 + 3 \cdot 2.303)
# / 4 = 1.816$. The loss is $0.8 \cdot 0.357 + 0.2 \cdot 1.816 = 0.649$.
#
# As in chapter 2, compute log-probabilities straight from the logits, so that large logits do no
# harm: $\log p_j = z_j - \log \sum_k e^{z_k}$. Torch's `logsumexp` is safe, and it takes
# `keepdim=True`.

# %% exercise="label_smoothing_loss"
def label_smoothing_loss(
    logits: Tensor, targets: Tensor, smoothing: float = 0.1, pad_id: int | None = None
) -> Tensor:
    """The cross-entropy against a target that is nearly sure.

    Args:
        logits: (..., vocab), may be huge.
        targets: the right words, ids (...).
        smoothing: s, the share spread evenly over all vocab words.
        pad_id: places with this target do not count at all; None counts every place.

    Returns:
        One number, as a tensor without dimensions: the mean over the places that count.

    Example: logits that are the logarithms of [0.7, 0.1, 0.1, 0.1], target 0 and smoothing 0.2 give
    about 0.649.
    """
    ### BEGIN SOLUTION
    if pad_id is not None:
        kept = targets != pad_id
        logits, targets = logits[kept], targets[kept]
    log_probabilities = logits - logits.logsumexp(dim=-1, keepdim=True)
    of_right = log_probabilities.gather(-1, targets.unsqueeze(-1)).squeeze(-1)
    of_all = log_probabilities.mean(dim=-1)
    return -((1 - smoothing) * of_right + smoothing * of_all).mean()
    ### END SOLUTION


# %%
quiz("why-smooth")
# quiz("why-smooth", "a")

# %% [markdown]
# ### Train it
#
# The real model is the package's encoder–decoder, made from your parts: your decoder block, your
# masks, your encoder block of chapter 3. Your `shift_right` makes what it reads, your loss tells it
# how wrong it is. It is small: one block on each side, one head, so that there is one picture to
# look at later.
#
# Two thousand sentences are kept apart. Their words are known from others, the sentences are not.
#
# The second language follows rules without exception: each sentence has exactly one translation. So
# the best possible loss is known exactly. It is what smoothing itself costs, with probabilities as
# you predicted them:
#
# $$-q_t \log q_t - (V - 1)\, q' \log q' \qquad q' = \frac{s}{V}$$

# %% tags=["demonstration", "nbval-ignore-output"]
from minitransformer.parts import Parts
from minitransformer.training.translation_runs import train_translator

lesson = {
    "parts": Parts(EncoderBlock=use("EncoderBlock"), DecoderBlock=use(DecoderBlock),
                   target_mask=use(target_mask), padding_mask=padding_mask),
    "shift": use(shift_right),
    "loss": use(label_smoothing_loss),
    "num_heads": 1,
}
run = train_translator(steps=500, **lesson)

# %% tags=["demonstration", "nbval-ignore-output"]
words = len(run.target_tokenizer)
sure, other = use(smoothed_probability)(words, 0.1), 0.1 / words
best = -sure * math.log(sure) - (words - 1) * other * math.log(other)
figure, ax = plt.subplots(figsize=(7, 2.6))
ax.plot(run.losses, color=BLUE, lw=1)
ax.axhline(best, color=GREY, lw=1, ls="--")
ax.text(500, best - 0.02, f"the best possible: {best:.3f}", ha="right", va="top")
ax.set(xlabel="step", ylabel="smoothed loss (nats a word)", ylim=(0.6, 1.6))
last = sum(run.losses[-20:]) / 20
show(figure, f"the loss begins at {run.losses[0]:.1f}, far above this picture, which shows what is "
     f"below 1.6. It comes down to the best possible, {best:.3f}; the mean of the last 20 steps is "
     f"{last:.3f}.")

# %% [markdown]
# ## 6 Writing it down
#
# The model scores next words. A translation is a whole sentence. The simplest way from one to the
# other is **greedy**: take the likeliest word, append it, ask again.
#
# 1. Read the source, once.
# 2. Begin every text with the start token.
# 3. Score the next word after what is written so far; only the **last** place counts.
# 4. Append the word with the highest score.
# 5. A sentence that has written its end token is over: from then on it gets padding. When all are
#    over, or `max_new_tokens` are written, stop.
#
# For a batch of two:
#
# | step | 1 | 2 | 3 | 4 |
# |---|---|---|---|---|
# | first | mia | amu | `[SEP]` | `[PAD]` |
# | second | tan | miran | sevin | `[SEP]` |

# %% exercise="greedy_decode"
def greedy_decode(model: nn.Module, source: Tensor, max_new_tokens: int) -> Tensor:
    """Write a target for each source, always with the likeliest next word.

    Args:
        model: has encode(source) and decode(target, memory, memory_mask), as your Seq2Seq; and
            model.config.start_id, end_id and pad_id.
        source: ids (batch, seq_k).
        max_new_tokens: how many words to write at most.

    Returns:
        ids (batch, new), without the start token; each row with its end token (unless cut), then
        filled up with pad_id. new is the length of the longest, end token included.

    Example: one row writes mia, amu, end, and another tan, miran, sevin, end; the result has the
    shape (2, 4), and the first row ends with pad_id.
    """
    ### BEGIN SOLUTION
    config = model.config
    memory, memory_mask = model.encode(source)
    text = torch.full((len(source), 1), config.start_id, device=source.device)
    ended = torch.zeros(len(source), dtype=torch.bool, device=source.device)
    for _ in range(max_new_tokens):
        logits, _ = model.decode(text, memory, memory_mask)
        new = logits[:, -1].argmax(dim=-1)
        new = new.masked_fill(ended, config.pad_id)
        text = torch.cat([text, new.unsqueeze(1)], dim=1)
        ended = ended | (new == config.end_id)
        if ended.all():
            break
    return text[:, 1:]
    ### END SOLUTION


# %% [markdown]
# Time to read what it writes. The trained weights go into *your* `Seq2Seq`, and your
# `greedy_decode` writes. The names of all weights are the same, so nothing else is needed.

# %% tags=["demonstration"]
write = use(greedy_decode)
mine = use(Seq2Seq)(run.model.config).eval()
mine.load_state_dict(run.model.state_dict())
asked = ["the red cats see the big dog in the park .", "squatch likes the old pizza .",
         "the birds find the small lamps behind the school .", "mia draws the green horses ."]
with torch.no_grad():
    written = run.words(write(mine, run.source(asked), 16))
for sentence, target in zip(asked, written, strict=True):
    right = "right" if " ".join(target) == translate(sentence).target else "wrong"
    print(f"{sentence}\n    {' '.join(target)}   ({right})")

# %% [markdown]
# ### A step back
#
# Greedy never takes a word back. Here is a tiny language where that goes wrong: the numbers are the
# probabilities of the next word.

# %% tags=["demonstration"]
tree = {"": {"the": 0.55, "a": 0.45}, "the": {"cat": 0.4, "dog": 0.35, "bird": 0.25},
        "a": {"horse": 0.9, "cow": 0.1}}
spots = {"": (0, 2.6), "the": (1, 4), "a": (1, 1), "cat": (2, 5), "dog": (2, 4), "bird": (2, 3),
         "horse": (2, 1.5), "cow": (2, 0.5)}
figure, ax = plt.subplots(figsize=(7, 3.6))
for word, after in tree.items():
    for follower, chance in after.items():
        (x, y), (end_x, end_y) = spots[word], spots[follower]
        colour = {"the": ORANGE, "cat": ORANGE, "a": BLUE, "horse": BLUE}.get(follower, GREY)
        ax.plot([x + 0.22, end_x - 0.22], [y, end_y], color=colour, lw=0.6 + 5 * chance)
        beside, over = (-0.13 if end_y != y else 0.0), (-0.3 if end_y < y else 0.27)
        ax.text(0.3 * x + 0.7 * end_x + beside, 0.25 * y + 0.75 * end_y + over, f"{chance:.2f}",
                ha="center", va="center", color=colour, fontsize=9)
for word, (x, y) in spots.items():
    ax.text(x, y, word or "start", ha="center", va="center", weight="bold")
for first, word in (("the", "cat"), ("the", "dog"), ("the", "bird"), ("a", "horse"), ("a", "cow")):
    total = tree[""][first] * tree[first][word]
    ax.text(2.4, spots[word][1], f"P = {total:.3f}", va="center", fontsize=9)
ax.set(xlim=(-0.3, 3), ylim=(0, 5.5))
ax.axis("off")
show(figure, "a tree of five texts. Greedy takes “the”, the likelier first word, and ends with "
     "“the cat” (orange, probability 0.220). The likeliest text of all is “a horse” (blue, 0.405).")

# %% [markdown]
# To look at all texts is out of the question: with 60 words and ten places there are more than
# $10^{17}$. **Beam search** is the middle way: keep the `num_beams` best texts so far, continue
# each of them with every word, and keep the best `num_beams` of **all** these.
#
# **Add, do not multiply.** The probability of a text is a product of many numbers below 1; after a
# few hundred words it rounds to 0. Logarithms turn the product into a sum, which stays in bounds.
#
# **Length.** Each further word makes a text less probable, so short texts look good. To be fair, a
# text with the sum of log-probabilities $\log P(Y)$ and $|Y|$ words, the end token included and the
# start token not, gets the score
#
# $$\text{score}(Y) = \frac{\log P(Y)}{|Y|^{a}}$$
#
# With $a = 0$ length does not count; with $a = 1$ it is the mean log-probability of a word. By
# hand: two words with $P = 0.4$ and four words with $P = 0.3$. For $a = 0$ the scores are $-0.92$
# and $-1.20$, and the short text wins. For $a = 1$ they are $-0.46$ and $-0.30$, and the long one
# does.
#
# **The rules, exactly.** In every round each text that has not ended is continued with every word
# of the vocabulary. A text that has ended stays among the candidates as it is. From all candidates
# together the `num_beams` with the highest **scores** stay. The search stops when all of these have
# ended, or after `max_new_tokens` rounds.
#
# Yours works on one sentence, with lists: a text is a list of ids, and the beam a list of pairs.
# Keep the written words alone, and put the start token in front when you ask.

# %% exercise="simple_beam_search"
def simple_beam_search(
    next_log_probabilities,
    num_beams: int,
    max_new_tokens: int,
    start_id: int,
    end_id: int,
    length_penalty: float = 1.0,
) -> list[tuple[list[int], float]]:
    """Keep the best num_beams texts in the race.

    Args:
        next_log_probabilities: a function: for a list of ids, which begins with start_id, the
            log-probabilities of the next word, a tensor (vocab,).
        num_beams: how many texts to keep.
        max_new_tokens: how many words to write at most.
        start_id, end_id: the ids of the start and the end token.
        length_penalty: a in the formula.

    Returns:
        A list of at most num_beams pairs (ids, score), best first. The ids are a list without the
        start token, and with the end token where the text has ended.

    Example: in the tree above, with an end after the second word, two beams find "a horse" first
    and "the cat" second.
    """
    ### BEGIN SOLUTION
    def score(text):
        ids, total = text
        return total / len(ids) ** length_penalty

    beam = [([], 0.0)]
    for _ in range(max_new_tokens):
        candidates = []
        for ids, total in beam:
            if ids and ids[-1] == end_id:
                candidates.append((ids, total))
                continue
            step = next_log_probabilities([start_id] + ids).tolist()
            candidates.extend((ids + [word], total + value) for word, value in enumerate(step))
        candidates.sort(key=score, reverse=True)
        beam = candidates[:num_beams]
        if all(ids[-1] == end_id for ids, _ in beam):
            break
    return [(ids, score((ids, total))) for ids, total in beam]
    ### END SOLUTION


# %% tags=["demonstration"]
search = use(simple_beam_search)
listed = ["start", "end", "the", "a", "cat", "dog", "bird", "horse", "cow"]


def next_in_tree(ids):
    """The log-probabilities of the tree; after two words the text ends."""
    last = listed[ids[-1]].replace("start", "")
    after = tree.get(last, {"end": 1.0})
    return torch.tensor([math.log(after[word]) if word in after else -99.0 for word in listed])


for beams in (1, 2, 3):
    found = search(next_in_tree, beams, 3, start_id=0, end_id=1)
    texts = [f"{' '.join(listed[i] for i in ids[:-1])} (P {math.exp(score * len(ids)):.3f})"
             for ids, score in found]
    print(f"{beams} beam{'s' * (beams > 1)}: {', '.join(texts)}")

# %%
quiz("what-the-beam-buys")
# quiz("what-the-beam-buys", "a")

# %% [markdown]
# ## 7 How good is it?
#
# Our language allows one translation for each sentence, so a hard question can be asked: which
# share of the sentences is right **from the first word to the last**? A word too many is a fault,
# and so is a missing end.
#
# Two tables of ids, each filled up with padding, and not always equally wide: when the longest text
# written has 9 words and the longest target 10, one table has a column more.

# %% exercise="sequence_accuracy"
def sequence_accuracy(predictions: Tensor, targets: Tensor, pad_id: int = 0) -> float:
    """The share of sentences without a single fault.

    Args:
        predictions: ids (batch, seq_p), filled up with pad_id.
        targets: ids (batch, seq_t), filled up with pad_id; seq_t may differ from seq_p.
        pad_id: the id of [PAD].

    Returns:
        A number from 0 to 1.

    Example: predictions [[7, 3], [7, 3]] and targets [[7, 3, 0], [7, 8, 3]] give 0.5.
    """
    ### BEGIN SOLUTION
    width = max(predictions.shape[1], targets.shape[1])
    tables = []
    for ids in (predictions, targets):
        room = ids.new_full((len(ids), width - ids.shape[1]), pad_id)
        tables.append(torch.cat([ids, room], dim=1))
    without_fault = (tables[0] == tables[1]).all(dim=1)
    return float(without_fault.double().mean())
    ### END SOLUTION


# %% [markdown]
# ### BLEU
#
# In a real language a sentence has many good translations, and nearly right is better than wrong.
# Papineni and others (2002) count **runs of words** that a translation (the *candidate*) shares
# with good translations made by people (the *references*). A run of $n$ words is an *n-gram*.
#
# **Share.** $p_n$ is the share of the candidate's runs of $n$ words that a reference has too.
#
# **Clipping.** *the the the the* should not score: each run counts **at most as often as a
# reference has it**. With several references, as often as the one that has it most.
#
# **Together.** The geometric mean of $p_1$ to $p_N$, $N = 4$ as a rule: the mean of the logarithms,
# then exp. When one share is 0, so is the whole.
#
# **Brevity.** A candidate of one sure word would have perfect shares. So short ones pay:
#
# $$\text{BLEU} = \min(1,\; e^{1 - r/c}) \cdot \exp\Big(\frac{1}{N} \sum_{n=1}^{N} \log p_n\Big)$$
#
# with the length $c$ of the candidates and $r$ of the references.
#
# **A corpus at a time.** Counts and lengths are added up over all sentences, and only then divided.
# Where a sentence has several references, $r$ takes the one nearest in length to the candidate (of
# two equally near, the shorter).
#
# By hand, $N = 2$: the candidate *tan miran to to*, the reference *tan miran velan to*. Single
# words: *tan*, *miran*, and *to* once, since the reference has it once: $p_1 = 3/4$. Pairs: *tan
# miran* is shared, *miran to* and *to to* are not: $p_2 = 1/3$. Both have four words, so nothing is
# paid. $\text{BLEU} = \sqrt{3/4 \cdot 1/3} = 0.5$. And *tan miran* alone? $p_1 = p_2 = 1$, but $c =
# 2$ and $r = 4$: $e^{1 - 4/2} = 0.37$.
#
# Counting is done with Python's `Counter`, a dictionary of counts. `a & b` takes the smaller count
# of each, `a | b` the larger, and `.total()` adds all up.

# %%
def count_ngrams(words: list[str], n: int) -> Counter:
    """How often each run of n words occurs."""
    return Counter(tuple(words[i : i + n]) for i in range(len(words) - n + 1))


both = count_ngrams("tan miran to to".split(), 1) & count_ngrams("tan miran velan to".split(), 1)
print(both, "in all", both.total())

# %% exercise="bleu"
def bleu(
    candidates: list[list[str]], references: list[list[list[str]]], max_order: int = 4
) -> float:
    """BLEU of a corpus.

    Args:
        candidates: translations, each a list of words.
        references: for each candidate a list of good translations, each a list of words.
        max_order: N, the longest runs that count.

    Returns:
        A number from 0 to 1; 0.0 where no run of some order is shared. count_ngrams is there.

    Example: bleu([["tan", "miran", "to", "to"]], [[["tan", "miran", "velan", "to"]]], max_order=2)
    is 0.5.
    """
    ### BEGIN SOLUTION
    logarithms = []
    for order in range(1, max_order + 1):
        shared = number = 0
        for candidate, rights in zip(candidates, references, strict=True):
            runs, allowed = count_ngrams(candidate, order), Counter()
            for right in rights:
                allowed = allowed | count_ngrams(right, order)
            shared += (runs & allowed).total()
            number += runs.total()
        if shared == 0:
            return 0.0
        logarithms.append(math.log(shared / number))
    c = r = 0
    for candidate, rights in zip(candidates, references, strict=True):
        c += len(candidate)
        lengths = [len(right) for right in rights]
        r += min(lengths, key=lambda length: (abs(length - len(candidate)), length))
    return math.exp(sum(logarithms) / max_order + min(0.0, 1 - r / c))
    ### END SOLUTION


# %% [markdown]
# ### The result
#
# Your model on all the sentences kept apart, beside one that was stopped early, after 40 steps. The
# beam of 4 is slower, so it gets the first hundred sentences.

# %% tags=["demonstration", "nbval-ignore-output"]
exact, score_bleu = use(sequence_accuracy), use(bleu)
early = train_translator(steps=40, **lesson)
sources = run.source([each.source for each in run.held_out])
targets = run.targets([each.target for each in run.held_out])
references = [[each.target.split()] for each in run.held_out]


def by_beam(trained, sources, beams=4):
    """The best text of a beam for each source, (batch, new)."""
    config, rows = trained.model.config, []
    for source in sources:
        memory, mask = trained.model.encode(source.unsqueeze(0))

        def next_log_probabilities(ids, memory=memory, mask=mask):
            logits, _ = trained.model.decode(torch.tensor([ids]), memory, mask)
            return logits[0, -1].log_softmax(dim=-1)

        best, _ = search(next_log_probabilities, beams, 14, config.start_id, config.end_id)[0]
        rows.append(torch.tensor(best))
    return nn.utils.rnn.pad_sequence(rows, batch_first=True)


results = {}
with torch.no_grad():
    for name, trained in (("40 steps", early), ("500 steps", run)):
        texts = write(trained.model, sources, 16)
        results[name, "greedy"] = exact(texts, targets), score_bleu(run.words(texts), references)
        few = write(trained.model, sources[:100], 16)
        results[name, "greedy, first 100"] = (
            exact(few, targets[:100]), score_bleu(run.words(few), references[:100]))
        few = by_beam(trained, sources[:100])
        results[name, "beam of 4, first 100"] = (
            exact(few, targets[:100]), score_bleu(run.words(few), references[:100]))
print(f"{'':12}{'':22}{'without a fault':>16}{'BLEU':>8}")
for (name, how), (share, value) in results.items():
    print(f"{name:12}{how:22}{share:16.1%}{value:8.3f}")

# %% [markdown]
# Compare the two columns in the first rows. The model that was stopped early makes a mistake in
# about every second sentence, and its BLEU is much higher than that sounds: one wrong ending in ten
# words costs a whole sentence in the first column, and a few runs in the second. Which of the two
# you want to know depends on what the translation is for.
#
# And the beam? On the same hundred sentences it gains little, even where there is much to gain. A
# beam helps where several beginnings are nearly equal; it cannot repair what the model does not
# know. And where the model is sure, greedy and beam write the same.

# %%
quiz("what-bleu-misses")
# quiz("what-bleu-misses", "a")

# %% [markdown]
# ### What it looked at
#
# Now the picture that this chapter began with, drawn by your model. While it wrote, each word's
# query went over the source; here are the weights. A row carries the name of the word being
# written; its query was made at the place that reads the word before. The rings mark the true
# alignment, which the world knows and the model was never told.

# %% tags=["demonstration", "nbval-ignore-output"]
shown = ["the red cats see the big dog in the park .", "mia finds the old lamps near the shop ."]
figure, axes = plt.subplots(1, 2, figsize=(10.5, 4.4))
said, shift = [], use(shift_right)
for ax, sentence in zip(axes, shown, strict=True):
    truth = translate(sentence)
    target = run.targets([truth.target])
    reads = shift(target, run.model.config.start_id)
    with torch.no_grad():
        _, weights = run.model.decode(reads, *run.model.encode(run.source([sentence])))
    rows, columns = truth.target.split(), sentence.split()
    seen = weights[0][0, 0, : len(rows)]  # one layer, one sentence, one head
    heat_map(ax, seen, rows, columns)
    ax.plot(truth.alignment, range(len(rows)), "o", mfc="none", mec=ORANGE, ms=13, mew=1.5)
    ax.set(xlabel="source: what is looked at")
    verb = rows[-2]
    looked = columns[int(seen[-2].argmax())]
    said.append(f"while it writes “{verb}”, the last word before the full stop, it looks at "
                f"“{looked}”")
axes[0].set_ylabel("target: what is written")
figure.tight_layout()
show(figure, f"{'; and '.join(said)}. Blue is where the model looks, rings are the true alignment: "
     "they leave the diagonal wherever the order changes.")

# %% tags=["demonstration", "nbval-ignore-output"]
with torch.no_grad():
    memory, memory_mask = run.model.encode(sources)
    reads = shift(targets, run.model.config.start_id)
    _, weights = run.model.decode(reads, memory, memory_mask)
looked = weights[0][:, 0].argmax(dim=-1)  # (sentences, seq)
counts, agrees, on_noun = Counter(), Counter(), 0
for row, each in zip(looked.tolist(), run.held_out, strict=True):
    for place, (word, true) in enumerate(zip(each.target.split(), each.alignment, strict=True)):
        kind = {".": "full stops", "ta": "articles", "to": "articles", "tan": "articles",
                "ton": "articles"}.get(word, "all other words")
        counts[kind] += 1
        agrees[kind] += row[place] == true
        if kind == "articles":  # its noun is written next
            on_noun += row[place] == each.alignment[place + 1]
print("the largest weight lies on the word that they render:")
for kind, count in counts.most_common():
    print(f"  {kind}: in {agrees[kind] / count:.1%} of {count} cases")
print(f"and for articles on their noun: in {on_noun / counts['articles']:.1%}")

# %% [markdown]
# Verbs, adjectives, nouns and places are found, nearly always, wherever they stand. With the
# articles our rings are the ones to doubt. *The* is the same for cats, dogs and pizzas, and says
# nothing about whether to write *ta*, *to*, *tan* or *ton*. The noun does, so a model that wants to
# be right has to find out about the noun.
#
# Sometimes it looks somewhere else for that, even at the source's full stop. Remember what the
# memory is: each of its vectors has looked around in the whole source already, and may carry what
# stands elsewhere. And a full stop that is to be *written* can be foreseen from what has been
# written, since it follows the verb; it needs nothing from the source, so its row may look
# anywhere. An alignment shows where the information was picked up. That is not always the word that
# a dictionary would name.

# %% [markdown]
# ## What you have built
#
# - **Cross-attention**: queries from what is written, keys and values from what was read.
# - **The decoder block**: remember, read, think, each with its residual.
# - **Shift and target mask**: all words are learned at once, and none sees itself coming.
# - **The encoder–decoder**: a table of words for reading, one for writing, the memory between.
# - **Label smoothing**: nearly sure, and a loss whose best value is known.
# - **Greedy and beam search**: from scores of words to a sentence.
# - **Sequence accuracy and BLEU**: the hard question, and the lenient one.
#
# What passed its check is in `work/mytransformer/`. Translators were the first transformers; T5
# (2020), BART (2020) and the speech recogniser Whisper (2022) are built this way. The large
# language models of today are mostly decoders alone: they read the question as the beginning of the
# text that they write.

# %% tags=["demonstration", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## Where to read on
#
# - Papineni and others, *BLEU: a Method for Automatic Evaluation of Machine Translation* (2002).
# - Sutskever, Vinyals and Le, *Sequence to Sequence Learning with Neural Networks* (2014).
# - Bahdanau, Cho and Bengio, *Neural Machine Translation by Jointly Learning to Align and
#   Translate* (2014): figure 3 is our last picture, for English and French.
# - Szegedy and others, *Rethinking the Inception Architecture for Computer Vision* (2016): section
#   7 is label smoothing.
# - Wu and others, *Google's Neural Machine Translation System* (2016): section 7, beams and length.
# - Vaswani and others, *Attention Is All You Need* (2017): sections 3.1 and 5.4.
# - Post, *A Call for Clarity in Reporting BLEU Scores* (2018): how to make BLEU comparable.
# - Stahlberg and Byrne, *On NMT Search Errors and Model Errors: Cat Got Your Tongue?* (2019): the
#   most probable translation of all is often the empty one.
# - Raffel and others, *Exploring the Limits of Transfer Learning with a Unified Text-to-Text
#   Transformer* (2020): T5.
#
# ## A challenge, not graded
#
# Turn the translator round: from the second language into English. Some things get easier, since
# *tan*, *ton*, *ta* and *to* all become *the*. Does anything get harder? Predict first which
# target words will look at which source words, then train it, draw it, and find out where you were
# wrong. And if you like: how few pairs of sentences are enough for 99 per cent?
#
# **Next:** a model that answers. Chapter 8 turns the writer of chapter 5 into an assistant.
