"""Short training runs that take the learner's own parts as arguments.

Two things are trained here: word vectors (word2vec), and one attention head that finds the word
an asking word stands for. Every part that the course has the learner write is an argument, so
that "train this with my attention" is one word in a call. (The defaults are looked up when a run
starts, not when this module is imported: a grader may have taken those references out.)
Runs are seeded and do not touch torch's global random state. They run on the CPU, or on the
device that the environment variable MINITRANSFORMER_DEVICE names; every random number is drawn on
the CPU and every result comes back to it, so that a GPU sees the same batches.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minitransformer.answer_finder import AnswerFinder
from minitransformer.data.world import PronounSentence, QuestionSentence, Sentence
from minitransformer.embeddings import (
    lookup,
    negative_sampling_loss,
    noise_distribution,
    sample_negatives,
)
from minitransformer.losses import cross_entropy
from minitransformer.tokenizers import WordTokenizer
from minitransformer.training.devices import training_device


def train_word_vectors(
    pairs: Sequence[tuple[int, int]],
    vocab_size: int,
    d_model: int,
    counts: Tensor,
    loss: Callable[[Tensor, Tensor, Tensor], Tensor] | None = None,
    steps: int = 2000,
    seed: int = 0,
    batch: int = 256,
    negatives: int = 5,
    learning_rate: float = 0.02,
) -> tuple[Tensor, list[float]]:
    """Learn one vector per word from (center, context) pairs: word2vec, skip-gram.

    Each step draws ``batch`` pairs, and for each pair ``negatives`` words of noise, and moves the
    vectors a little down the slope of the loss (Adam). A word has two vectors, one as a center
    and one as a context; the first is what we keep.

    Args:
        pairs: ``(center id, context id)``, see ``skip_gram_pairs``.
        vocab_size: the number of tokens.
        d_model: the size of the vectors.
        counts: ``(vocab,)``, how often each token occurs, for the noise.
        loss: takes center ``(batch, d_model)``, context ``(batch, d_model)`` and negatives
            ``(batch, k, d_model)``; the reference, ``negative_sampling_loss``, if left out.
        steps: how many batches.
        seed: the same seed gives the same vectors.

    Returns:
        ``(vectors, losses)``: the vectors ``(vocab, d_model)``, and the loss of every step.

    Source: Mikolov et al., Distributed Representations of Words and Phrases (2013).
    """
    if len(pairs) == 0:
        raise ValueError("there are no pairs to learn from; make some with skip_gram_pairs")
    loss = loss or negative_sampling_loss
    generator = torch.Generator().manual_seed(seed)
    all_pairs = torch.tensor(pairs)  # (n, 2)
    noise = noise_distribution(counts)
    start = torch.randn(2, vocab_size, d_model, generator=generator) / d_model**0.5
    device = training_device()
    center_table, context_table = (nn.Parameter(table.to(device)) for table in start)
    optimizer = torch.optim.Adam([center_table, context_table], lr=learning_rate)
    losses = []
    for _ in range(steps):
        drawn = torch.randint(len(all_pairs), (batch,), generator=generator)
        center_ids, context_ids = all_pairs[drawn].unbind(dim=1)
        noise_ids = sample_negatives(noise, (batch, negatives), generator)
        step_loss = loss(
            lookup(center_ids.to(device), center_table),
            lookup(context_ids.to(device), context_table),
            lookup(noise_ids.to(device), context_table),
        )
        optimizer.zero_grad()
        step_loss.backward()
        optimizer.step()
        losses.append(step_loss.item())
    return center_table.detach().cpu(), losses


@dataclass(frozen=True)
class TrainedHead:
    """What came out of :func:`train_attention_head`.

    Args:
        model: the trained model.
        tokenizer: its vocabulary.
        losses: the loss of every step.
        accuracy: the share of right answers on held-out sentences, whose pair of nouns was never
            seen together in training.
        weight_on_answer: the mean attention weight from the asking word to the answer, there.
        held_out: these sentences.
    """

    model: AnswerFinder
    tokenizer: WordTokenizer
    losses: list[float]
    accuracy: float
    weight_on_answer: float
    held_out: list[Sentence]

    def attend(self, record: PronounSentence | QuestionSentence) -> tuple[str, Tensor]:
        """Read one sentence: the word the model names, and all weights ``(seq, seq)``.

        Row ``asking`` of the weights is what the asking word looked at; the other rows were
        never trained to answer anything.
        """
        ids, asking, _ = _batch([record], self.tokenizer)
        with torch.no_grad():
            logits, weights = self.model(ids, asking)
        return self.tokenizer.decode(logits.argmax(dim=-1)), weights[0]


def train_attention_head(
    records: Sequence[PronounSentence | QuestionSentence],
    embedding: Callable[..., nn.Module] | None = None,
    attention: Callable[..., nn.Module] | None = None,
    loss: Callable[[Tensor, Tensor], Tensor] | None = None,
    steps: int = 400,
    seed: int = 0,
    d_model: int = 64,
    d_head: int = 64,
    batch: int = 128,
    learning_rate: float = 0.003,
    hide: float = 0.7,
) -> TrainedHead:
    """Train an :class:`AnswerFinder`, and measure it on combinations of nouns it never saw.

    A quarter of the combinations (pizza with oven, say) is held out: all their sentences are left
    out of the training and used to measure. So the head cannot have learned sentences by heart.

    In training, words are hidden from the head at random: seven in ten at first, fewer with
    every step, none in the last fifth. A head that settles early on a useless word ("of") would
    get no gradient to leave it, because its softmax is flat there; when that word is hidden, it
    has to look elsewhere. While words are hidden, so are some answers, and the loss is high.

    Args:
        records: pronoun or question sentences of the world, at least a few hundred.
        embedding, attention, loss: the parts to train with, e.g. the learner's own; those left out
            are the references ``EmbeddingLayer``, ``SelfAttention`` and ``cross_entropy``.
        steps: how many batches.
        seed: decides the first weights, the batches and what is held out.
        hide: the share of words hidden at first; with 0 nothing ever is, and then some seeds
            end with a head that looks at the wrong word for some of the nouns.

    Returns:
        The trained model with its measurements.
    """
    loss = loss or cross_entropy
    train, held_out = _split(records, seed)
    tokenizer = WordTokenizer.from_texts([record.text for record in records])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AnswerFinder(
            len(tokenizer), d_model, d_head, embedding=embedding, attention=attention
        )
    device = training_device()
    model.to(device)
    ids, asking, answers = (tensor.to(device) for tensor in _batch(train, tokenizer))
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for step in range(steps):
        drawn = torch.randint(len(train), (batch,), generator=generator).to(device)
        share = hide * max(0.0, 1 - step / (0.8 * steps))
        hidden = None
        if share:
            hidden = (torch.rand(batch, ids.shape[1], generator=generator) < share).to(device)
        logits, _ = model(ids[drawn], asking[drawn], hidden)
        step_loss = loss(logits, ids[drawn, answers[drawn]])
        optimizer.zero_grad()
        step_loss.backward()
        optimizer.step()
        losses.append(step_loss.item())
    accuracy, weight = _measure(model.cpu(), held_out, tokenizer)
    return TrainedHead(model, tokenizer, losses, accuracy, weight, held_out)


def _places(record: Sentence) -> tuple[int, int]:
    """Where a record asks, and where its answer stands."""
    if isinstance(record, PronounSentence):
        return record.pronoun, record.referent
    if isinstance(record, QuestionSentence):
        return record.question, record.answer
    raise TypeError(
        f"a head learns from PronounSentence or QuestionSentence, got {type(record).__name__}; "
        "draw them with World().pronoun_sentences or World().question_sentences"
    )


def _batch(records: Sequence[Sentence], tokenizer: WordTokenizer) -> tuple[Tensor, Tensor, Tensor]:
    """Ids ``(batch, seq)``, and the positions ``(batch,)`` of the asking words and the answers."""
    asking, answers = torch.tensor([_places(record) for record in records]).unbind(dim=1)
    return tokenizer.encode_batch([record.text for record in records]), asking, answers


def _nouns(record: Sentence) -> tuple[str, ...]:
    """What may not be seen together: the food and the container, or the animal and its place."""
    kinds = {"food", "container", "animal", "nature"}
    pairs = zip(record.categories, record.tokens, strict=True)
    return tuple(sorted(token for category, token in pairs if category in kinds))


def _split(records: Sequence[Sentence], seed: int) -> tuple[list[Sentence], list[Sentence]]:
    """Hold out all sentences of a quarter of the noun combinations."""
    combinations = sorted({_nouns(record) for record in records})
    if len(combinations) < 4:
        raise ValueError(
            f"only {len(combinations)} combinations of nouns in the records, too few to hold some "
            "out; draw a few hundred sentences"
        )
    random.Random(seed).shuffle(combinations)
    secret = set(combinations[: len(combinations) // 4])
    train = [record for record in records if _nouns(record) not in secret]
    return train, [record for record in records if _nouns(record) in secret]


def _measure(
    model: AnswerFinder, records: Sequence[Sentence], tokenizer: WordTokenizer
) -> tuple[float, float]:
    """Accuracy, and the mean weight from the asking word to the answer."""
    ids, asking, answers = _batch(records, tokenizer)
    row = torch.arange(len(records))
    with torch.no_grad():
        logits, weights = model(ids, asking)
    right = logits.argmax(dim=-1) == ids[row, answers]
    return right.double().mean().item(), weights[row, asking, answers].double().mean().item()
