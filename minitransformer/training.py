"""Short training runs that take the learner's own parts as arguments.

Two things are trained here: word vectors (word2vec), and one attention head that finds the word
an asking word stands for. Every part that the course has the learner write is an argument, with
the reference as its default, so that "train this with my attention" is one word in a call.
Runs are seeded, on the CPU, and do not touch torch's global random state.
"""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from minitransformer.attention import SelfAttention
from minitransformer.data.world import PronounSentence, QuestionSentence, Sentence
from minitransformer.embeddings import (
    EmbeddingLayer,
    lookup,
    negative_sampling_loss,
    noise_distribution,
    sample_negatives,
)
from minitransformer.losses import cross_entropy
from minitransformer.tokenizers import WordTokenizer


def train_word_vectors(
    pairs: Sequence[tuple[int, int]],
    vocab_size: int,
    d_model: int,
    counts: Tensor,
    loss: Callable[[Tensor, Tensor, Tensor], Tensor] = negative_sampling_loss,
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
            ``(batch, k, d_model)``.
        steps: how many batches.
        seed: the same seed gives the same vectors.

    Returns:
        ``(vectors, losses)``: the vectors ``(vocab, d_model)``, and the loss of every step.

    Source: Mikolov et al., Distributed Representations of Words and Phrases (2013).
    """
    if len(pairs) == 0:
        raise ValueError("there are no pairs to learn from; make some with skip_gram_pairs")
    generator = torch.Generator().manual_seed(seed)
    all_pairs = torch.tensor(pairs)  # (n, 2)
    noise = noise_distribution(counts)
    start = torch.randn(2, vocab_size, d_model, generator=generator) / d_model**0.5
    center_table, context_table = (nn.Parameter(table) for table in start)
    optimizer = torch.optim.Adam([center_table, context_table], lr=learning_rate)
    losses = []
    for _ in range(steps):
        drawn = torch.randint(len(all_pairs), (batch,), generator=generator)
        center_ids, context_ids = all_pairs[drawn].unbind(dim=1)
        noise_ids = sample_negatives(noise, (batch, negatives), generator)
        step_loss = loss(
            lookup(center_ids, center_table),
            lookup(context_ids, context_table),
            lookup(noise_ids, context_table),
        )
        optimizer.zero_grad()
        step_loss.backward()
        optimizer.step()
        losses.append(step_loss.item())
    return center_table.detach(), losses


class AnswerFinder(nn.Module):
    """One attention head that finds the word an asking word stands for.

    The asking word is *it* ("the pizza came out of the oven and it tasted good"), or a question
    word ("mia saw the cat in the park at noon . where ?"). Three steps:

    1. Embed the tokens, and let the asking word take up the words that follow it: add their mean
       to its vector. (The query of *it* is made from the vector at *it*; without this step it
       could not depend on "tasted good". In a deeper model, an earlier layer does this.)
    2. One head of self-attention. A word may look only at words *before* the asking word, so
       that the answer has to be found in the sentence and cannot be guessed from its ending.
    3. A linear classifier reads the context vector at the asking word and names a word of the
       vocabulary.

    The model is told only the answer, never where to look.

    Args:
        vocab_size, d_model, d_head, max_seq: the sizes of the parts.
        embedding: called as ``embedding(vocab_size, d_model, max_seq)``, ids to vectors.
        attention: called as ``attention(d_model, d_head)``; a module that maps
            ``(x, mask)`` to ``(context, weights)``.
    """

    def __init__(
        self,
        vocab_size: int,
        d_model: int,
        d_head: int,
        max_seq: int = 16,
        embedding: Callable[..., nn.Module] = EmbeddingLayer,
        attention: Callable[..., nn.Module] = SelfAttention,
    ):
        super().__init__()
        self.embedding = embedding(vocab_size, d_model, max_seq)
        self.attention = attention(d_model, d_head)
        self.classifier = nn.Linear(d_head, vocab_size)

    def forward(
        self, ids: Tensor, asking: Tensor, hidden: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """Name the answers.

        Args:
            ids: ``(batch, seq)``, padded with 0.
            asking: ``(batch,)``, the position of each sentence's asking word; not the first.
            hidden: bool ``(batch, seq)``, words that may not be looked at (in training).

        Returns:
            ``(logits, weights)`` with shapes ``(batch, vocab)`` and ``(batch, seq, seq)``.
        """
        batch, seq = ids.shape
        position = torch.arange(seq, device=ids.device)
        asks = position == asking.unsqueeze(1)  # (batch, seq)
        visible = position < asking.unsqueeze(1)
        if hidden is not None:
            shown = visible & ~hidden
            visible = torch.where(shown.any(dim=1, keepdim=True), shown, visible)  # never none
        after = (position > asking.unsqueeze(1)) & (ids != 0)

        x = self.embedding(ids)  # (batch, seq, d_model)
        total = (x * after.unsqueeze(-1)).sum(dim=1, keepdim=True)  # (batch, 1, d_model)
        mean_after = total / after.sum(dim=1).clamp_min(1).view(batch, 1, 1)
        x = x + mean_after * asks.unsqueeze(-1)

        context, weights = self.attention(x, visible.unsqueeze(1))
        return self.classifier(context[asks]), weights


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
    embedding: Callable[..., nn.Module] = EmbeddingLayer,
    attention: Callable[..., nn.Module] = SelfAttention,
    loss: Callable[[Tensor, Tensor], Tensor] = cross_entropy,
    steps: int = 800,
    seed: int = 0,
    d_model: int = 64,
    d_head: int = 64,
    batch: int = 128,
    learning_rate: float = 0.002,
) -> TrainedHead:
    """Train an :class:`AnswerFinder`, and measure it on combinations of nouns it never saw.

    A quarter of the combinations (pizza with oven, say) is held out: all their sentences are left
    out of the training and used to measure. So the head cannot have learned sentences by heart.

    In training each word is hidden from the head now and then: seven in ten at first,
    fewer with every step, none in the last fifth. A head that settles early on a useless word ("of")
    would get no gradient to leave it, because its softmax is flat there; when that word is hidden,
    it has to look elsewhere. The loss is high while words, and sometimes answers, are hidden.

    Args:
        records: pronoun or question sentences of the world, at least a few hundred.
        embedding, attention, loss: the parts to train with, e.g. the learner's own.
        steps: how many batches.
        seed: decides the first weights, the batches and what is held out.

    Returns:
        The trained model with its measurements.
    """
    train, held_out = _split(records, seed)
    tokenizer = WordTokenizer.from_texts([record.text for record in records])
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = AnswerFinder(
            len(tokenizer), d_model, d_head, embedding=embedding, attention=attention
        )
    ids, asking, answers = _batch(train, tokenizer)
    optimizer = torch.optim.Adam(model.parameters(), lr=learning_rate)
    generator = torch.Generator().manual_seed(seed)
    losses = []
    for step in range(steps):
        drawn = torch.randint(len(train), (batch,), generator=generator)
        hidden = torch.rand(batch, ids.shape[1], generator=generator) < _hidden_share(step, steps)
        logits, _ = model(ids[drawn], asking[drawn], hidden)
        step_loss = loss(logits, ids[drawn, answers[drawn]])
        optimizer.zero_grad()
        step_loss.backward()
        optimizer.step()
        losses.append(step_loss.item())
    accuracy, weight = _measure(model, held_out, tokenizer)
    return TrainedHead(model, tokenizer, losses, accuracy, weight, held_out)


def _hidden_share(step: int, steps: int) -> float:
    """From 0.7 down in a straight line, to 0 after four fifths of the training."""
    return 0.7 * max(0.0, 1 - step / (0.8 * steps))


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
