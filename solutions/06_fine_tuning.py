# %% [markdown]
# # Chapter 6 · Putting BERT to work
#
# > *The soup was **not** bad but the cake was stale.*
# >
# > *The soup was bad but the cake was **not** stale.*
#
# The same words, and the same number of each. One is a complaint, the other is praise. Whoever
# only counts words cannot tell which; whoever *reads* can. In chapter 4 you built a reader and
# taught it to fill gaps. Nobody ever asked it for an opinion, though. In this chapter you put it
# to work: it tells praise from complaint, sorts sentences by what they are about, and answers
# questions.
#
# **Where you stand.** 1 embeddings → 2 attention → 3 the transformer block → 4 BERT → 5 GPT →
# **6 fine-tuning** → 7 translation → 8 assistant. Chapter 4 gave you a BERT that has read much and
# does nothing yet. What you learn here to do with it, chapter 8 does with a GPT.
#
# **What you will build.** Eleven functions and layers. The picture below shows most of them: one
# BERT, and three small things on top of it.
#
# **What you need.** Chapters 2 to 4, or the same knowledge: attention, cross-entropy, and what
# `[CLS]`, `[SEP]` and segments are. No GPU, no internet.
#
# **How long.** The exercises take about two hours, with reading and playing three and a half. The
# notebook itself runs in about a minute.
#
# **What you can do at the end.** Say what the best possible accuracy of a task is before you train
# anything. Put a head on a pre-trained model, and choose what to freeze. Compare sentences by their
# meaning and group them. Find the answer to a question in a passage.

# %%
import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from autograder import check, hint, progress, quiz, use

cross_entropy = use("cross_entropy")  # from chapter 2

# %% tags=["demonstration"]
# Pictures. Nothing to learn in this cell: run it and read on.
import copy
import time

import matplotlib.pyplot as plt

from minitransformer.sketches import BLUE, GREY, ORANGE, RED, STYLE, show

torch.set_num_threads(1)  # everything here is small, and one core does small things fastest
plt.rcParams.update(STYLE)
COLOURS = [BLUE, ORANGE, "#4aa564", RED, "#8a6fd1", "#b59a2e"]


def box(ax, x, y, width, text, colour, height=0.5):
    """A box with writing in it."""
    ax.add_patch(plt.Rectangle((x, y), width, height, fc="none", ec=colour, lw=1.6))
    ax.text(x + width / 2, y + height / 2, text, ha="center", va="center", color=colour)


def arrow(ax, x, low, high):
    """From low to high."""
    style = {"arrowstyle": "->", "color": GREY}
    ax.annotate("", (x, high), (x, low), arrowprops=style)


figure, ax = plt.subplots(figsize=(8.4, 3))
heads = {"ClassificationHead": "praise or complaint?", "mean_pooling": "what is it about?",
         "SpanHead": "where is the answer?"}
for place, (name, question) in enumerate(heads.items()):
    box(ax, 3 * place + 0.1, 1.5, 2.6, name, ORANGE)
    ax.text(3 * place + 1.4, 2.45, question, ha="center", style="italic")
    arrow(ax, 3 * place + 1.4, 2.0, 2.35)
    arrow(ax, 3 * place + 1.4, 1.0, 1.45)
for place, text in enumerate(("the vector of [CLS]", "the mean of all vectors", "every vector")):
    ax.text(3 * place + 1.5, 1.2, text, fontsize=8, va="center")
box(ax, 0.1, 0.5, 8.6, "BERT: pre-trained once, on text without labels", BLUE)
arrow(ax, 4.4, 0.1, 0.45)
ax.text(4.4, 0, "[CLS] leo says the soup was not bad . [SEP]", ha="center", va="top")
ax.set(xlim=(0, 8.8), ylim=(-0.3, 2.7))
ax.axis("off")
show(figure, "one BERT at the bottom, which was pre-trained once. On top of it a "
     "ClassificationHead that reads the vector of [CLS], mean_pooling that takes the mean of all "
     "vectors, and a SpanHead that looks at every vector. Each answers a question of its own.")

# %% [markdown]
# ### The way there
#
# | Step | You build | With it you can |
# |---|---|---|
# | 1 Count the words | `bag_of_words` | turn a text into numbers, as was done before |
# | 2 What nobody can beat | `best_possible_accuracy` | know the best result before training |
# | 3 Learning from labels | `logistic_step` | train the simplest of all classifiers |
# | 4 One vector for a text | `mean_pooling` | use BERT as it is |
# | 5 A head on [CLS] | `ClassificationHead`, `BertForClassification` | fine-tune all of BERT |
# | 6 Few labels, and ice | `freeze_layers` | fine-tune part of it |
# | 7 A map of sentences | `k_means` | group sentences by what they say |
# | 8 The answer is in the passage | `SpanHead`, `span_loss`, `best_span` | answer questions |
#
# **Our reviews.** The small world writes reviews of food, with a label: 1 for praise, 0 for
# complaint. What counts is what stands after *but*, and before *although*. And three labels in a
# hundred are wrong, as in every collection that people have made. (All figures in this notebook
# are measured when you run it, on reviews that no model has learned from.)

# %% tags=["demonstration"]
from minitransformer.data import World
from minitransformer.data.packed import packed_reviews

world = World()
for review in world.reviews(6, seed=12):
    print("praise   " if review.label else "complaint", "|", review.text)

known = packed_reviews(world, 40_000, seed=1)  # ids (n, seq): [CLS] review [SEP], and labels
asked = packed_reviews(world, 10_000, seed=2)  # to measure on

# %% [markdown]
# ## 1 Count the words
#
# Before there were networks that read, a text was a **bag of words**: how often does each word of
# the vocabulary occur in it? With the vocabulary `[PAD]` = 0, *bad* = 1, *not* = 2, *soup* = 3:
#
# | text | ids | `[PAD]` | bad | not | soup |
# |---|---|---|---|---|---|
# | soup not bad `[PAD]` | 3, 2, 1, 0 | 0 | 1 | 1 | 1 |
# | bad bad bad soup | 1, 1, 1, 3 | 0 | 3 | 0 | 1 |
#
# The order is lost: a bag is what remains when you cut a page into words and shake them. What is
# left is a row of `vocab` numbers, the same length for every text, and that is what the classifiers
# of the time needed.
#
# **Useful tools.** `F.one_hot(ids, vocab_size)` turns ids `(batch, seq)` into ones and zeros
# `(batch, seq, vocab)`. Or count in a loop over the tokens: slow, and right.

# %% exercise="bag_of_words"
def bag_of_words(ids: Tensor, vocab_size: int, pad_id: int = 0) -> Tensor:
    """How often each word occurs in each text; padding is no word.

    Args:
        ids: token ids (batch, seq).
        vocab_size: how many words there are.
        pad_id: the id of [PAD].

    Returns:
        Float counts (batch, vocab). The column pad_id is there, and holds zeros.

    Example: bag_of_words(torch.tensor([[3, 2, 1, 0], [1, 1, 1, 3]]), 4) is
    [[0., 1., 1., 1.], [0., 3., 0., 1.]].
    """
    ### BEGIN SOLUTION
    ones = F.one_hot(ids, vocab_size) * (ids != pad_id).unsqueeze(-1)  # (batch, seq, vocab)
    return ones.sum(dim=1).float()
    ### END SOLUTION


# %% tags=["demonstration"]
count = use(bag_of_words)
pair = ["the soup was not bad but the cake was stale",
        "the soup was bad but the cake was not stale"]
first, second = count(world.encode(pair), len(world.vocab))
words = list(world.vocab)
print({words[i]: int(first[i]) for i in first.nonzero().flatten()})
print("the two bags are the same:", bool((first == second).all()))

# %% [markdown]
# ## 2 What nobody can beat
#
# Two reviews with the same bag get the same answer, whatever the classifier, however long it is
# trained. So a bag has a best possible accuracy, and we can know it *before* we train anything.
#
# Suppose 10 reviews fall into three bags:
#
# | bag | complaints | praise | best answer | right |
# |---|---|---|---|---|
# | A | 3 | 1 | complaint | 3 |
# | B | 0 | 2 | praise | 2 |
# | C | 2 | 2 | either | 2 |
#
# Seven of ten can be right, and no more: the best possible accuracy is 0.7. Write this as a
# formula for any such table. It needs no training and no random numbers.
#
# The idea goes further than bags. Let each row be a whole *text* instead, and the same formula says
# what the best reader can do, with nothing lost. That is the **Bayes** accuracy. It is below 1 only
# because labels are noisy.

# %% exercise="best_possible_accuracy"
def best_possible_accuracy(shares: Tensor) -> float:
    """Your prediction: the accuracy that nobody can beat who sees only this much of each text.

    Args:
        shares: (views, classes): how often each view (a bag, say) comes with each class. Counts
            or probabilities; they need not sum to 1.

    Returns:
        The accuracy of the best answers, a number from 0 to 1.

    Example: for torch.tensor([[3.0, 1.0], [0.0, 2.0], [2.0, 2.0]]) it is 0.7.
    """
    ### BEGIN SOLUTION
    return float(shares.amax(dim=1).sum() / shares.sum())
    ### END SOLUTION


# %% [markdown]
# The small world is made so that its texts can be listed, each with its probability. So your
# formula gives the exact figures, for bags and for texts. **Before you run the cell:** six reviews
# in ten contrast two foods (*but*, *although*). What would you guess for the bags, from 0.5 (a
# coin) to 1?

# %% tags=["demonstration"]
from minitransformer.data.views import bag, label_shares, text

best = use(best_possible_accuracy)
process = world.process("reviews").automaton
bag_shares = label_shares(process, "praise", bag)  # of each bag: complaint, praise
bags = torch.tensor(list(bag_shares.values()))  # (bags, 2)
texts = torch.tensor(list(label_shares(process, "praise", text).values()))  # (texts, 2)
bag_bound, bayes = best(bags), best(texts)
print(f"{len(bags):>7,} bags:  best possible accuracy {bag_bound:.3f}")
print(f"{len(texts):>7,} texts: best possible accuracy {bayes:.3f}")
contrast = torch.tensor([not {"but", "although"}.isdisjoint(one) for one in bag_shares])
print(f"bags with a contrast {best(bags[contrast]):.3f}, without {best(bags[~contrast]):.3f}")

# %%
quiz("why-negation")
# quiz("why-negation", "a")  # remove the first "#", choose a letter, run

# %% [markdown]
# On a contrast the bag is a coin, exactly: let the two halves change places, and the same words get
# the other label. Without a contrast there is *and*, and it is not always clear either. *Not good
# and bad* is a complaint, *good and not bad* is praise, and both are the same bag.

# %% [markdown]
# ## 3 Learning from labels
#
# **Logistic regression** (Cox 1958) has one weight per feature, and a bias. It adds up, and bends
# the sum into a probability with the sigmoid, $\sigma(z) = 1 / (1 + e^{-z})$:
#
# $$p = \sigma(x \cdot w + b)$$
#
# Here $x$ is the bag, and $p$ the probability of praise. *Delicious* will get a positive weight,
# *stale* a negative one. The loss is the cross-entropy, and its gradient is as simple as can be:
# the **error** $p - y$, times the feature. For $n$ texts, one step down the slope is
#
# $$w \leftarrow w - \eta\, \frac{1}{n} X^\top (p - y) \qquad b \leftarrow b - \eta\, \frac{1}{n}
# \sum_i (p_i - y_i)$$
#
# with the learning rate $\eta$. Do you miss the derivative of the sigmoid? It is there: the
# logarithm of the cross-entropy cancels it.
#
# By hand: one text, $x = (1, 2)$, label 1, all weights 0, $\eta = 1$. Then $p = \sigma(0) = 0.5$,
# the error is $-0.5$, and the step gives $w = (0.5, 1)$ and $b = 0.5$. The probability is now
# $\sigma(3) = 0.95$.
#
# **Shapes.** Features `(n, num_features)`, labels `(n,)`, weight `(num_features,)`, bias a tensor
# without dimensions. `features.T @ error` adds up over the texts.

# %% exercise="logistic_step"
def logistic_step(
    features: Tensor, labels: Tensor, weight: Tensor, bias: Tensor, learning_rate: float
) -> tuple[Tensor, Tensor]:
    """One step of logistic regression, down the slope of the mean cross-entropy.

    Args:
        features: (n, num_features).
        labels: (n,), integers 0 or 1.
        weight: (num_features,).
        bias: a tensor without dimensions.
        learning_rate: how far to go.

    Returns:
        The new weight and the new bias. Those passed in stay as they were.

    Example: features [[1., 2.]], labels [1], weight [0., 0.], bias 0 and learning rate 1 give
    the weight [0.5, 1.0] and the bias 0.5.
    """
    ### BEGIN SOLUTION
    error = (features @ weight + bias).sigmoid() - labels  # (n,)
    gradient = features.T @ error / len(labels)  # (num_features,)
    return weight - learning_rate * gradient, bias - learning_rate * error.mean()
    ### END SOLUTION


# %% [markdown]
# First on the counts as they are. Then with a helping hand: the counts are written into one of
# three sets of columns, for reviews with no *not*, with one and with two. So *bad* can weigh one
# way in a review without *not*, and the other way in one with it. That is about all that a bag can
# know of negation.

# %% tags=["demonstration"]
from minitransformer.training.fine_tuning_runs import logistic_accuracy

step, count = use(logistic_step), use(bag_of_words)


def with_a_hand(counts):
    """The counts in the first, second or third set of columns, by how often “not” occurs."""
    nots = counts[:, world.vocab["not"]].long().clamp_max(2)
    return (F.one_hot(nots, 3).unsqueeze(-1) * counts.unsqueeze(1)).flatten(1)  # (n, 3 * vocab)


learned_from, measured_on = (
    (count(part["ids"], len(world.vocab)), part["labels"]) for part in (known, asked)
)
results = {"bag of words": logistic_accuracy(step, learned_from, measured_on)}
learned_from, measured_on = (
    (with_a_hand(counts), labels) for counts, labels in (learned_from, measured_on)
)
results["bag, with a hand"] = logistic_accuracy(step, learned_from, measured_on)
for name, accuracy in results.items():
    print(f"{name + ':':<18} {accuracy:.3f}   (a bag's own bound: {bag_bound:.3f})")

# %% [markdown]
# Forty thousand labelled reviews, and the bag is where it must be: with help it comes up to its
# bound, and no further. (A measured accuracy can lie a little above or below, since it comes from
# 10,000 reviews.) The words are there. What is missing is which word stands beside which.

# %% [markdown]
# ## 4 One vector for a text
#
# A BERT knows which word stands beside which; filling gaps has taught it. Ours is chapter 4's
# model, of the same size, pre-trained on all kinds of text that the small world writes: stories,
# reviews, passages with questions. It has seen reviews, but **never a label**. It ships with the
# course; `minitransformer/pretrained.py` has the command that made it (`--data world-texts`).
#
# This is the idea of **foundation models**: pre-train once, at great cost, on text of which there
# is no end; reuse many times, cheaply, on tasks for which there are few labels. For text, ULMFiT
# (Howard and Ruder 2018), GPT (Radford and others 2018) and BERT (Devlin and others 2019) made it
# the usual way of working within a year.
#
# **From many vectors to one.** BERT gives one vector per token. The plainest way to one vector for
# the text is the mean. Padding must stay out of it, or the same text would get another vector in
# another batch:
#
# $$\text{pooled} = \frac{\sum_{i\ \text{real}} h_i}{\text{number of real } i}$$
#
# By hand: vectors $(2, 0)$, $(4, 6)$ and, at a `[PAD]`, $(9, 9)$. The mean of the real ones is
# $(3, 3)$. With the padding inside it would be $(5, 5)$.

# %% exercise="mean_pooling"
def mean_pooling(hidden: Tensor, real: Tensor) -> Tensor:
    """One vector for each text: the mean of its real tokens' vectors.

    Args:
        hidden: (batch, seq, d_model).
        real: bool (batch, seq), False at padding; each text has at least one real token.

    Returns:
        (batch, d_model). hidden stays as it was.

    Example: hidden [[[2., 0.], [4., 6.], [9., 9.]]] with real [[True, True, False]] gives
    [[3., 3.]].
    """
    ### BEGIN SOLUTION
    kept = hidden * real.unsqueeze(-1)  # (batch, seq, d_model), 0 at padding
    return kept.sum(dim=1) / real.sum(dim=1, keepdim=True)
    ### END SOLUTION


# %%
quiz("pool-padding")
# quiz("pool-padding", "a")

# %% [markdown]
# See for yourself: one sentence, read alone, and read with padding behind it, as it would be beside
# a longer one.

# %% tags=["demonstration"]
from minitransformer import load_pretrained
from minitransformer.training.fine_tuning_runs import text_vectors

pretrained = load_pretrained("world-texts").model.bert
pool = use(mean_pooling)
alone = world.encode(["[CLS] leo says the soup was bad . [SEP]"])
padded = F.pad(alone, (0, 6), value=world.vocab["[PAD]"])
ways = {"mean_pooling": pool, "padding in the mean": lambda hidden, real: hidden.mean(dim=1)}
for name, way in ways.items():
    one, other = (text_vectors(pretrained, ids, way) for ids in (alone, padded))
    print(f"{name + ':':<20} the cosine of the two vectors is "
          f"{F.cosine_similarity(one, other).item():.2f}")

# %% [markdown]
# Now the same logistic regression, your own, on BERT's vectors. BERT itself stays as it is. Such
# vectors are called **frozen features**: they depend on the whole sentence, but nobody has told
# them what they are for.

# %% tags=["demonstration"]
step = use(logistic_step)
few = {name: column[:6_000] for name, column in known.items()}
fewer = {name: column[:3_000] for name, column in asked.items()}  # reading takes its time


def frozen_accuracy(way):
    """The accuracy of logistic regression on the vectors that a way of pooling makes."""
    return logistic_accuracy(
        step,
        *((text_vectors(pretrained, part["ids"], way), part["labels"]) for part in (few, fewer)),
    )


results["frozen BERT"] = frozen_accuracy(pool)
print(f"frozen BERT, {len(few['ids']):,} labels: {results['frozen BERT']:.3f}   "
      f"(a bag's bound: {bag_bound:.3f}, Bayes: {bayes:.3f})")
only_first = frozen_accuracy(lambda hidden, real: hidden[:, 0])
print(f"the vector of [CLS] alone: {only_first:.3f}")

# %% [markdown]
# Better than any bag can ever be: the order of the words has left its traces in the vectors. And
# far from the best: what the label asks for, who counts after *but*, nobody has asked of them. (Nor
# has anybody asked `[CLS]` yet; its vector alone does no better than the mean.)

# %% [markdown]
# ## 5 A head on [CLS]
#
# Now we do ask. A small **head** goes on top, and everything is trained together, head and BERT:
# that is **fine-tuning**. The head reads one vector, that of `[CLS]`. This token stands in front of
# every text and means nothing by itself, so its vector is free to collect whatever the task needs.
# BERT's *pooler* (chapter 4) bends it once more:
#
# $$c = \tanh(W_p h_{[CLS]} + b_p) \qquad \text{logits} = W\, \text{dropout}(c) + b$$
#
# The head is the second formula. Dropout (chapter 3) sets some numbers of $c$ to 0 in training, and
# leaves everything as it is otherwise: `F.dropout(x, rate, self.training)`.
#
# **Shapes.** $c$ is `(batch, d_model)`, the logits are `(batch, num_classes)`. No softmax: the
# cross-entropy takes it itself. Call the layer `dense`: the check finds it by that name.

# %% exercise="ClassificationHead"
class ClassificationHead(nn.Module):
    """Scores for the classes of a whole text.

    Args:
        d_model: the size of the vectors.
        num_classes: how many classes there are.
        dropout: the share of the vector's numbers that is set to 0 in training.

    The layer is self.dense, with a bias.
    """

    def __init__(self, d_model: int, num_classes: int, dropout: float = 0.1):
        super().__init__()
        ### BEGIN SOLUTION
        self.dense = nn.Linear(d_model, num_classes)
        self.dropout = dropout
        ### END SOLUTION

    def forward(self, pooled: Tensor) -> Tensor:
        """One vector a text to one score a class.

        Args:
            pooled: (batch, d_model).

        Returns:
            Logits (batch, num_classes).

        Example: ClassificationHead(128, 2) takes vectors (32, 128) to logits (32, 2).
        """
        ### BEGIN SOLUTION
        return self.dense(F.dropout(pooled, self.dropout, self.training))
        ### END SOLUTION


# %% [markdown]
# And the whole model. It is given a BERT, which it calls with `ids`, `segments` and `real` (the
# last two may be `None`), and which returns two things: the vectors of all tokens, and the pooled
# vector of `[CLS]`.
#
# | `bert(ids, segments, real)` returns | shape | what it is |
# |---|---|---|
# | first | `(batch, seq, d_model)` | the contextual vector of every token |
# | second | `(batch, d_model)` | the pooled vector of `[CLS]` |
#
# Its size is in `bert.config.d_model`. The `loss` is the mean cross-entropy of the right classes;
# `cross_entropy(logits, labels)` is your own, from chapter 2. Call the parts `bert` and `head`.

# %% exercise="BertForClassification"
class BertForClassification(nn.Module):
    """BERT with a ClassificationHead on top.

    Args:
        bert: the model below.
        num_classes: how many classes there are.
        dropout: of the head.

    The parts are self.bert and self.head.
    """

    def __init__(self, bert: nn.Module, num_classes: int, dropout: float = 0.1):
        super().__init__()
        ### BEGIN SOLUTION
        self.bert = bert
        self.head = ClassificationHead(bert.config.d_model, num_classes, dropout)
        ### END SOLUTION

    def forward(
        self, ids: Tensor, segments: Tensor | None = None, real: Tensor | None = None
    ) -> Tensor:
        """The head reads the pooled vector of [CLS].

        Args:
            ids: (batch, seq).
            segments: None, or (batch, seq).
            real: None, or bool (batch, seq), False for tokens that are not to be read.

        Returns:
            Logits (batch, num_classes).
        """
        ### BEGIN SOLUTION
        hidden, pooled = self.bert(ids, segments, real)
        return self.head(pooled)
        ### END SOLUTION

    def loss(
        self,
        ids: Tensor,
        labels: Tensor,
        segments: Tensor | None = None,
        real: Tensor | None = None,
    ) -> Tensor:
        """The mean cross-entropy of the right classes.

        Args:
            labels: the right classes, integers (batch,).

        Returns:
            One number, as a tensor without dimensions.
        """
        ### BEGIN SOLUTION
        return cross_entropy(self(ids, segments, real), labels)
        ### END SOLUTION


# %%
quiz("why-cls")
# quiz("why-cls", "a")

# %% [markdown]
# One pass over 5,120 reviews, with your head and your loss, on a copy of the pre-trained BERT.

# %% tags=["demonstration"]
from minitransformer.training.fine_tuning_runs import class_accuracy, fine_tune

Classifier = use(BertForClassification)
torch.manual_seed(0)
model = Classifier(copy.deepcopy(pretrained), 2)
history = fine_tune(model, {name: column[:5_120] for name, column in known.items()}, steps=160)
results["fine-tuned BERT"] = class_accuracy(model, asked)
print(f"loss {history.losses[0]:.2f} at first, {sum(history.losses[-20:]) / 20:.2f} at the end; "
      f"accuracy {results['fine-tuned BERT']:.3f} (Bayes: {bayes:.3f})")
with torch.no_grad():
    ids = world.encode([f"[CLS] leo says {one} . [SEP]" for one in pair])
    for one, chances in zip(pair, model.eval()(ids).softmax(dim=-1), strict=True):
        print(f"  P(praise) = {chances[1]:.2f}   {one}")

# %% tags=["demonstration"]
figure, ax = plt.subplots(figsize=(8, 2.8))
places = range(len(results))
bars = ax.barh(list(places), list(results.values()), color=[GREY, GREY, ORANGE, BLUE], height=0.6)
for place, value in enumerate(results.values()):
    ax.text(0.51, place, f"{value:.3f}", color="white", va="center", weight="bold")
ax.set_yticks(list(places), list(results))
ax.invert_yaxis()
for value, name in ((bag_bound, "a bag's bound"), (bayes, "Bayes")):
    ax.axvline(value, color=RED, lw=1, ls="--")
    ax.text(value, -0.75, name, ha="center", color=RED)
ax.set(xlim=(0.5, 1.05), xlabel="accuracy (0.5 is a coin)")
show(figure, "; ".join(f"{name} {value:.3f}" for name, value in results.items())
     + f". The dashed lines are a bag's bound, {bag_bound:.3f}, and Bayes, {bayes:.3f}.")

# %% [markdown]
# Fine-tuned, the same BERT that looked so poor when frozen does all that can be done. What it was
# missing was a question.

# %% [markdown]
# ## 6 Few labels, and ice
#
# Labels are made by people, and are dear. How many does it take? And what if not all of BERT is
# trained? What early layers have learned (which words are alike, what belongs together) serves most
# tasks, so one can **freeze** them: their weights get no gradient and stay as they are. It saves
# work in training, and with few examples there is less that can be learned by heart. Howard and
# Ruder (2018) thawed one layer after the other, from the top.
#
# Somebody has written `freeze_layers` for us. It freezes the embeddings and the first `num_layers`
# blocks. It runs, and says nothing. And then everything trains as before. A *weight* is frozen when
# its `requires_grad` is False. What does the line in the loop really set?

# %% exercise="freeze_layers"
def freeze_layers(model: nn.Module, num_layers: int) -> nn.Module:
    """Freeze a BERT's embeddings and its first blocks, counted from the input.

    Args:
        model: a BERT with the parts model.embeddings, model.encoder.blocks (a list of blocks)
            and model.pooler.
        num_layers: how many blocks to freeze; with 0, the embeddings only.

    Returns:
        The same model. All other weights go on learning.
    """
    frozen = [model.embeddings, *model.encoder.blocks[:num_layers]]
    ### BEGIN SOLUTION
    for module in frozen:
        module.requires_grad_(False)
    ### END SOLUTION
    ### BEGIN BUG
    # for module in frozen:
    #     module.requires_grad = False
    ### END BUG
    return model


# %% [markdown]
# Now we measure. Three ways to begin: from scratch (random weights), pre-trained, and pre-trained
# with your ice on the embeddings and the first block. Each with 32, 96 and 288 labels, in 60
# steps.

# %% tags=["demonstration", "nbval-ignore-output"]
from minitransformer.bert import Bert

Classifier, freeze = use(BertForClassification), use(freeze_layers)
sizes = [32, 96, 288]


def scratch():
    torch.manual_seed(1)
    return Bert(pretrained.config)


ways = {
    "from scratch": scratch,
    "pre-trained": lambda: copy.deepcopy(pretrained),
    "pre-trained, frozen below": lambda: freeze(copy.deepcopy(pretrained), 1),
}
reached = {}
for way, start in ways.items():
    reached[way], began = [], time.perf_counter()
    for size in sizes:
        torch.manual_seed(0)
        model = Classifier(start(), 2)
        fine_tune(model, {name: column[:size] for name, column in known.items()}, steps=60)
        reached[way].append(class_accuracy(model, fewer))
    learning = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    print(f"{way:<26} {learning:>8,} weights learn, {time.perf_counter() - began:4.1f} s, accuracy",
          *(f"{value:.3f}" for value in reached[way]))
torch.manual_seed(0)
model = Classifier(ways["pre-trained, frozen below"](), 2)
fine_tune(model, {name: column[:288] for name, column in known.items()}, steps=180)
print(f"frozen below, 288 labels, three times as many steps: {class_accuracy(model, fewer):.3f}")

# %% tags=["demonstration"]
figure, ax = plt.subplots(figsize=(7.5, 3))
styles = {"from scratch": (GREY, "^-"), "pre-trained": (BLUE, "o-"),
          "pre-trained, frozen below": (ORANGE, "s-")}
for way, values in reached.items():
    ax.plot(sizes, values, styles[way][1], color=styles[way][0], label=way)
ax.axhline(bayes, color=RED, lw=1, ls="--")
ax.text(sizes[0], bayes + 0.012, "Bayes", color=RED)
ax.set(xscale="log", xlabel="labelled reviews", ylabel="accuracy", ylim=(0.45, 1.03))
ax.set_xticks(sizes, sizes)
ax.minorticks_off()
ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
said = "; ".join(f"{way}: {', '.join(f'{v:.2f}' for v in vs)}" for way, vs in reached.items())
show(figure, f"accuracy with 32, 96 and 288 labels. {said}. Bayes is {bayes:.2f}.")

# %% [markdown]
# With pre-training, a few hundred labels do what takes many more from scratch: what a sentence is
# like need not be learned again. The ice saves a good part of the weights and some of the time.
# With the fewest labels it helps as well: fewer weights can learn them by heart. With more labels
# it falls behind, and the last line printed above says why. In a BERT of two blocks half of the
# reader is frozen, made for filling gaps, and the other half needs more steps to make up for it. In
# a BERT of twelve or twenty-four blocks the first few are a smaller part of the whole. (Each point
# is a single run; differences of a few hundredths are chance.)

# %%
quiz("pretrain-once")
# quiz("pretrain-once", "a")

# %%
quiz("when-to-freeze")
# quiz("when-to-freeze", "a")

# %% [markdown]
# ## 7 A map of sentences
#
# A vector for a sentence can do more than feed a classifier: sentences that say similar things have
# vectors that point the same way. Take nine first sentences of stories, pool BERT's vectors with
# your function, and compare by the cosine of chapter 1. All sentences have much in common (they
# are sentences), so the mean over many is subtracted first.
#
# A BERT that has only filled gaps was never trained to be compared. Sentence-BERT (Reimers and
# Gurevych 2019) goes on training it on pairs of sentences, for just this purpose. In the small
# world it works well enough as it is.

# %% tags=["demonstration"]
TOPICS = {"cooks": "cooking", "puts": "cooking", "walks": "in town", "waits": "in town",
          "feeds": "feeding", "run": "chasing", "runs": "chasing", "chase": "chasing",
          "chases": "chasing", "camps": "camping", "paints": "painting"}
names = sorted(set(TOPICS.values()))
pool, compare = use(mean_pooling), use("cosine_similarity_matrix")
stories = world.story_records(300, seed=5)
topics = torch.tensor([  # what a story is about; used to colour the map, never shown to BERT
    names.index(next(TOPICS[word] for word in story.sentences[0].split() if word in TOPICS))
    for story in stories
])


def vectors_of(texts):
    """One vector a text, what all of them share taken away: (n, d_model)."""
    ids = world.encode([f"[CLS] {one} [SEP]" for one in texts])
    vectors = text_vectors(pretrained, ids, pool)
    return vectors - vectors.mean(dim=0)


sentences = vectors_of([story.sentences[0] for story in stories])
chosen = [int((topics == topic).nonzero()[place]) for topic in (1, 4, 5) for place in (0, 1, 2)]
alike = compare(sentences[chosen])
figure, ax = plt.subplots(figsize=(9, 4.2))
ax.imshow(alike, cmap="RdBu_r", vmin=-1, vmax=1)
ax.set_yticks(range(9), [stories[i].sentences[0] for i in chosen], fontsize=9)
ax.set_xticks([])
ax.spines[:].set_visible(False)
for row in range(9):
    for column in range(9):
        value = float(alike[row, column])
        ink = "white" if abs(value) > 0.65 else "#303030"
        number = f"{value:.1f}".replace("-0.0", "0.0")
        ax.text(column, row, number, ha="center", va="center", fontsize=8, color=ink)
groups = [alike[k : k + 3, k : k + 3] for k in (0, 3, 6)]
inside = sum(float(group.sum() - 3) for group in groups) / 18
outside = (float(alike.sum()) - sum(float(group.sum()) for group in groups)) / 54
show(figure, "nine sentences, three on each of three topics, and the cosines of their vectors. Two "
     f"sentences on the same topic have {inside:.2f} on average, two on different topics "
     f"{outside:.2f}.")

# %% [markdown]
# Each topic lights up as a square. One sentence stands apart from its own: to walk a dog and to
# wait for a friend are the same topic to us, who know how these stories go on (something is bought,
# sold or dropped in town). The vector knows this one sentence.

# %% [markdown]
# **Groups without labels.** Vectors that lie together can be found without anybody saying what the
# groups are. **K-means** (Lloyd 1957) starts from $k$ centres, and does two things by turns:
#
# 1. *assign*: each vector goes to its nearest centre;
# 2. *move*: each centre goes to the mean of its vectors.
#
# By hand, with numbers on a line: vectors 0, 1, 4, 8, centres 0 and 4. Assign: 0 and 1 go to the
# first centre, 4 and 8 to the second. Move: the centres become 0.5 and 6. Assign again: nothing
# changes, and we are done.
#
# Two traps. A centre that no vector is nearest to has no mean (0 divided by 0): it stays where it
# is. And after the last move the vectors have to be assigned once more, for the centres have moved.
#
# **Useful tools.** `vectors.unsqueeze(1) - centroids` has the shape `(n, k, d_model)`: every vector
# minus every centre. `argmin(dim=...)` gives the place of the smallest number along an axis.

# %% exercise="k_means"
def k_means(vectors: Tensor, centroids: Tensor, steps: int = 10) -> tuple[Tensor, Tensor]:
    """Move the centres until each is the mean of the vectors nearest to it.

    Args:
        vectors: (n, d_model).
        centroids: where the centres start, (k, d_model). They stay as they were.
        steps: how often to assign and move; it may be 0.

    Returns:
        The centres (k, d_model), and for each vector the number of its nearest centre, (n,),
        assigned once more after the last move.

    Example: vectors [[0.], [1.], [4.], [8.]] and centroids [[0.], [4.]] give the centres
    [[0.5], [6.0]] and the clusters [0, 0, 1, 1].
    """
    ### BEGIN SOLUTION

    def nearest(centres: Tensor) -> Tensor:
        between = vectors.unsqueeze(1) - centres  # (n, k, d_model)
        return between.square().sum(dim=-1).argmin(dim=1)

    centres = centroids.clone()
    for _ in range(steps):
        clusters = nearest(centres)
        for number in range(len(centres)):
            own = vectors[clusters == number]
            if len(own) > 0:
                centres[number] = own.mean(dim=0)
    return centres, nearest(centres)
    ### END SOLUTION


# %% [markdown]
# Two maps: on the left first sentences, on the right whole stories, both as 300 vectors, drawn in
# the two directions in which they spread most (PCA). The colour says what a story is about, which
# your `k_means` does not know; the shape says into which group it put it. K-means depends on where
# it starts, so it runs from twenty random starts, and the tightest grouping wins.

# %% tags=["demonstration"]
group = use(k_means)


def tightest(vectors, k, starts=20):
    """The grouping with the smallest squared distances, and these."""
    found = []
    for seed in range(starts):
        order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(seed))
        centres, clusters = group(vectors, vectors[order[:k]], 15)
        found.append((float((vectors - centres[clusters]).square().sum()), clusters))
    return min(found, key=lambda one: one[0])[1]


figure, axes = plt.subplots(1, 2, figsize=(9.5, 3.8))
maps = {"first sentences": sentences, "whole stories": vectors_of([s.text for s in stories])}
said = []
for ax, (title, vectors) in zip(axes, maps.items(), strict=True):
    vectors = F.normalize(vectors, dim=-1)
    clusters = tightest(vectors, 6)
    flat = vectors @ torch.linalg.svd(vectors, full_matrices=False)[2][:2].T
    for topic, name in enumerate(names):
        for cluster, marker in enumerate("osD^vX"):
            here = (topics == topic) & (clusters == cluster)
            ax.scatter(*flat[here].T, s=22, color=COLOURS[topic], marker=marker, alpha=0.75, lw=0)
        ax.scatter([], [], s=22, color=COLOURS[topic], label=name)
    largest = [int(torch.bincount(topics[clusters == c]).max()) for c in clusters.unique()]
    said.append(f"{title}: {sum(largest) / len(stories):.0%} lie in a group where most are about "
                "the same as they are")
    ax.set_title(title, loc="left", fontsize=10)
    ax.set(xlabel="first direction", ylabel="second direction", xticks=[], yticks=[])
axes[1].legend(loc="center left", bbox_to_anchor=(1, 0.5))
show(figure, "clouds of points, one or two for each topic. " + "; ".join(said) + ".")

# %% [markdown]
# Topics are islands, and `k_means` finds most of them without having seen a colour. Some topics are
# two islands, because their stories begin in two ways: in town somebody walks a dog, or waits for a
# friend. Six centres cannot serve more than six islands, so some of them share one, and
# not always with their own topic.

# %% [markdown]
# ## 8 The answer is in the passage
#
# | | |
# |---|---|
# | passage | ada fed the red horse in the park at noon . leo saw the cat near the box at night . |
# | question | where did leo see the cat ? |
# | answer | near the box |
#
# The answer stands in the passage, as a run of words: a **span**. That is *extractive* question
# answering. SQuAD (Rajpurkar and others 2016) made a race of it, with a hundred thousand such
# questions on Wikipedia, and BERT won it two years later. BERT reads both at once:
#
# ```
# ids        [CLS] where did leo see the cat ? [SEP] ada fed ... at night . [SEP]
# segments     0     0    0   0   0   0   0  0   0    1   1  ...  1   1   1   1
# ```
#
# The head gives *every* token two scores: how well it fits as the answer's first word, and as its
# last. One linear layer with two rows, $s$ and $e$:
#
# $$\text{start}_i = s \cdot h_i + b_s \qquad \text{end}_i = e \cdot h_i + b_e$$
#
# An answer cannot lie in the question or in the padding. There the scores are minus infinity, as
# for a hidden key in chapter 2. `allowed` is True where an answer may lie.

# %% exercise="SpanHead"
class SpanHead(nn.Module):
    """How well each token fits as the first of the answer, and as the last.

    Args:
        d_model: the size of the vectors.

    The layer is self.dense, with a bias; row 0 is for the start, row 1 for the end.
    """

    def __init__(self, d_model: int):
        super().__init__()
        ### BEGIN SOLUTION
        self.dense = nn.Linear(d_model, 2)
        ### END SOLUTION

    def forward(self, hidden: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Score every token.

        Args:
            hidden: (batch, seq, d_model).
            allowed: None, or bool (batch, seq), True where an answer may lie.

        Returns:
            The start logits and the end logits, (batch, seq) each; minus infinity where no
            answer may lie.
        """
        ### BEGIN SOLUTION
        logits = self.dense(hidden)  # (batch, seq, 2)
        if allowed is not None:
            logits = logits.masked_fill(~allowed.unsqueeze(-1), -math.inf)
        return logits[..., 0], logits[..., 1]
        ### END SOLUTION


# %% [markdown]
# **The loss.** To find the start is to choose one of `seq` places: a classification whose classes
# are the places. So is the end. The loss is the mean of the two cross-entropies:
#
# $$\text{loss} = \tfrac{1}{2}\left(-\log \text{softmax}(\text{start})_s - \log
# \text{softmax}(\text{end})_e\right)$$
#
# By hand, two places: start logits 0 and 0, so the right start has probability 0.5 and costs
# $0.69$. End logits $\log 3 = 1.10$ and 0, the right end is the first: probability 0.75, cost
# $0.29$. The loss is $(0.69 + 0.29) / 2 = 0.49$. Over a batch, the mean; `cross_entropy` takes it
# already.

# %% exercise="span_loss"
def span_loss(start_logits: Tensor, end_logits: Tensor, starts: Tensor, ends: Tensor) -> Tensor:
    """The mean of two cross-entropies: where the answer starts, and where it ends.

    Args:
        start_logits, end_logits: (batch, seq); minus infinity where no answer may lie.
        starts, ends: the right places, integers (batch,).

    Returns:
        One number, as a tensor without dimensions.

    Example: start logits [[0., 0.]], end logits [[1.0986, 0.]], starts [0], ends [0]: 0.49.
    """
    ### BEGIN SOLUTION
    return (cross_entropy(start_logits, starts) + cross_entropy(end_logits, ends)) / 2
    ### END SOLUTION


# %% [markdown]
# **The best answer.** Take the best start and the best end, and you may get an answer that ends
# before it starts. Three words, *in the park*:
#
# | | in | the | park |
# |---|---|---|---|
# | start | 0 | 1 | **5** |
# | end | **4** | 0 | 1 |
#
# Each alone: start at *park*, end at *in*. What has to be chosen is the *pair*, among those that
# are legal, and its score is the sum of the two:
#
# | start ↓ · end → | in | the | park |
# |---|---|---|---|
# | **in** | 4 | 0 | 1 |
# | **the** | – | 1 | 2 |
# | **park** | – | – | **6** |
#
# The best legal answer is *park* alone, with 6. (Why the sum? Logits are logarithms, up to a
# constant; adding them multiplies the probabilities.) Often one also knows that answers are short:
# with `max_length`, an answer has at most so many tokens, start and end included.
#
# **Useful tools.** `start_logits.unsqueeze(-1) + end_logits.unsqueeze(-2)` is the table of sums.
# Chapter 2's triangles mark what is legal: `triu()` keeps a triangle's upper part, diagonal
# included, and `tril(k)` what lies at most `k` places right of the diagonal. A table that is
# flattened, row after row, keeps its place in one number: row `number // seq`, column
# `number % seq`.

# %% exercise="best_span"
def best_span(
    start_logits: Tensor, end_logits: Tensor, max_length: int | None = None
) -> tuple[Tensor, Tensor]:
    """The legal span with the largest start + end.

    Args:
        start_logits, end_logits: (batch, seq); some may be minus infinity.
        max_length: the most tokens that an answer may have, at least 1; None for any number.

    Returns:
        The start and the end of each answer, integers (batch,) each. The end is the answer's
        last token, and never stands before the start.

    Example: start logits [[0., 1., 5.]] and end logits [[4., 0., 1.]] give [2] and [2].
    """
    ### BEGIN SOLUTION
    seq = start_logits.shape[-1]
    scores = start_logits.unsqueeze(-1) + end_logits.unsqueeze(-2)  # (batch, start, end)
    longest = seq if max_length is None else max_length
    square = torch.ones_like(scores, dtype=torch.bool)
    legal = square.triu() & square.tril(longest - 1)
    best = scores.masked_fill(~legal, -math.inf).flatten(-2).argmax(dim=-1)
    return best // seq, best % seq
    ### END SOLUTION


# %%
quiz("span-or-write")
# quiz("span-or-write", "a")

# %% [markdown]
# ### Ask
#
# Your head on the pre-trained BERT, your loss, your search for the best span. We fine-tune on 4,800
# questions and then ask 1,000 that it has never seen. How often is the answer right, word for word
# (**exact match**)? The passages tell one, two or three facts, and that makes a difference. Where
# there is one sentence, a *where* is answered by the only place in it; where there are three, the
# place has to come from the right one.

# %% tags=["demonstration"]
from minitransformer.data.packed import packed_questions
from minitransformer.training.fine_tuning_runs import SpanReader

parts = use(SpanHead), use(span_loss), use(best_span)
lessons, exam = packed_questions(world, 4_800, seed=1), packed_questions(world, 1_000, seed=2)
questions = world.questions(1_000, seed=2)  # the same, as texts
torch.manual_seed(0)
reader = SpanReader(copy.deepcopy(pretrained), *parts)
history = fine_tune(reader, lessons, steps=150)
first, last = reader.answer(exam["ids"], exam["segments"])
right = (first == exam["starts"]) & (last == exam["ends"])
facts = (exam["ids"] == world.vocab["."]).sum(dim=1)
print(f"loss {history.losses[0]:.2f} at first, {sum(history.losses[-20:]) / 20:.2f} at the end")
for number in (1, 2, 3):
    here = right[facts == number]
    print(f"exact match, {number} {'fact: ' if number == 1 else 'facts:'} "
          f"{here.double().mean():6.1%} of {len(here)}")
print(f"exact match, all:     {right.double().mean():6.1%}")

# %% tags=["demonstration"]
shown = next(i for i in range(1_000) if right[i] and facts[i] == 2 and questions[i].kind == "where")
ids, segments = exam["ids"][shown : shown + 1], exam["segments"][shown : shown + 1]
with torch.no_grad():
    chances = [logits[0].softmax(dim=-1) for logits in reader(ids, segments)]
places = segments[0].nonzero().flatten()[:-1]  # the passage, without its [SEP]
figure, axes = plt.subplots(2, 1, figsize=(8.4, 3.2), sharex=True, sharey=True)
for ax, values, name, colour in zip(axes, chances, ("start", "end"), (BLUE, ORANGE), strict=True):
    ax.bar(range(len(places)), values[places], color=colour, width=0.7)
    ax.set(ylabel=f"P({name})", ylim=(0, 1.08))
axes[1].set_xticks(range(len(places)), questions[shown].passage.split(), rotation=45, ha="right")
axes[0].set_title(questions[shown].question, loc="left", fontsize=10)
figure.tight_layout()
said = world.decode(ids[0, first[shown] : last[shown] + 1])
show(figure, f"to the question “{questions[shown].question}” the start is most likely at "
     f"“{said.split()[0]}” and the end at “{said.split()[-1]}”. The answer: {said}.")

# %% tags=["demonstration"]
starts, ends = ([], [])
with torch.no_grad():
    for rows in torch.arange(1_000).split(250):
        logits = reader(exam["ids"][rows], exam["segments"][rows])
        starts.append(logits[0].argmax(dim=-1))
        ends.append(logits[1].argmax(dim=-1))
starts, ends = torch.cat(starts), torch.cat(ends)
print(f"start and end chosen each alone: {int((ends < starts).sum())} of 1,000 answers end before "
      f"they start, and {int((ends - starts > 3).sum())} are longer than 4 words")
print(f"chosen as a legal pair:          {int((last < first).sum())} and "
      f"{int((last - first > 3).sum())}")
for place in [int(i) for i in (~right).nonzero().flatten()[:2]]:
    span = exam["ids"][place, first[place] : last[place] + 1]
    print(f"\n{questions[place].passage}\n  {questions[place].question}")
    print(f"  it says: {world.decode(span)}   right: {questions[place].answer}")

# %% [markdown]
# Look at what it gets wrong. A *where* is answered with a place, a *when* with a time: the kind of
# answer is right. Where several sentences offer such an answer, it must also find the sentence that
# the question is about: who it was, and who did what. This second step takes longer to learn than
# the first.
#
# So here is the end of a longer run: a BERT with three blocks in place of two, trained for
# thousands of steps with this same loss on questions. It ships with the course (see
# `--data world-questions` in `minitransformer/pretrained.py`) **without its head**: that is for you
# to put on. Freeze the whole of it, train your `SpanHead` for a moment, and take the exam again.

# %% tags=["demonstration"]
from minitransformer.heads import freeze

torch.manual_seed(0)
expert = SpanReader(freeze(load_pretrained("world-reader").model.bert), *parts)
history = fine_tune(expert, lessons, steps=100)
first, last = expert.answer(exam["ids"], exam["segments"])
right = (first == exam["starts"]) & (last == exam["ends"])
for number in (1, 2, 3):
    here = right[facts == number]
    print(f"exact match, {number} {'fact: ' if number == 1 else 'facts:'} "
          f"{here.double().mean():6.1%} of {len(here)}")
print(f"exact match, all:     {right.double().mean():6.1%}")

# %% [markdown]
# ## What you have built
#
# - **Bags of words**, and the line that no classifier on them can pass.
# - **Logistic regression**, step by step: the error times the feature.
# - **Mean pooling**: one vector for a text, padding left out.
# - **A head on [CLS]** and **fine-tuning**: few labels, and accuracy at the line of Bayes.
# - **Freezing**: which layers go on learning.
# - **K-means** and a map: what sentences are about, without a label.
# - **Extractive question answering**: two scores a token, the best legal span.

# %% tags=["demonstration", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## Where to read on
#
# - Cox, *The Regression Analysis of Binary Sequences* (1958): logistic regression.
# - Lloyd, *Least Squares Quantization in PCM* (written 1957, published 1982): k-means.
# - Rajpurkar, Zhang, Lopyrev and Liang, *SQuAD: 100,000+ Questions for Machine Comprehension of
#   Text* (2016).
# - Howard and Ruder, *Universal Language Model Fine-tuning for Text Classification* (2018): ULMFiT,
#   and thawing layer by layer.
# - Devlin, Chang, Lee and Toutanova, *BERT: Pre-training of Deep Bidirectional Transformers for
#   Language Understanding* (2019): section 4 is this chapter.
# - Reimers and Gurevych, *Sentence-BERT: Sentence Embeddings using Siamese BERT-Networks* (2019).
# - Bommasani and others, *On the Opportunities and Risks of Foundation Models* (2021): where the
#   word comes from.
#
# ## A challenge, not graded
#
# Some questions have no answer in their passage: *who fed the cow?*, where nobody fed a cow. SQuAD
# 2.0 (2018) has many of them. How would you let your reader say *I cannot tell*? One way lets the
# span point at `[CLS]` when there is nothing to point at. Make such questions by putting a question
# beside somebody else's passage, change `allowed` and the right places, fine-tune, and measure two
# things apart: how often it is silent when it should be, and how often when it should not.
#
# **Next:** so far the model has read. Chapter 7 gives it a second half that writes, and lets the
# two talk to each other by cross-attention: a translator.
