"""Finding the passages that a question needs, and writing them into the prompt.

A model knows what it was trained on. What it should know beyond that is looked up: passages
become vectors once, a question becomes a vector, the nearest passages are put before the question
(retrieval-augmented generation). Any function from texts to vectors will do; :class:`TfIdf` is a
plain one that counts words, against which others can be measured.
"""

import string
from collections import Counter
from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from minitransformer.heads import normalize
from minitransformer.tokenizers import tokenize

TEMPLATE = "{passages}\nQuestion: {question}\nAnswer:"
"""What :func:`build_prompt` fills in when it is given no other."""


def embed_passages(
    encode: Callable[[list[str]], Tensor], passages: Sequence[str], batch_size: int = 32
) -> Tensor:
    """The vectors of passages, computed batch by batch and without gradients.

    Args:
        encode: ``(list of n texts) -> (n, d)``.
        passages: the texts.
        batch_size: how many go through ``encode`` at a time.

    Returns:
        ``(n, d)``, in the order of the passages.
    """
    if isinstance(passages, str):
        raise TypeError("passages must be a list of strings, got one string; write [text]")
    if not passages:
        raise ValueError("there are no passages to embed; pass at least one")
    if batch_size < 1:
        raise ValueError(f"batch_size must be at least 1, got {batch_size}")
    starts = range(0, len(passages), batch_size)
    with torch.no_grad():
        parts = [encode(list(passages[start : start + batch_size])) for start in starts]
    vectors = torch.cat(parts)
    if vectors.dim() != 2 or len(vectors) != len(passages):
        raise ValueError(
            f"encode must give one vector a text, ({len(passages)}, d) in all, got "
            f"{tuple(vectors.shape)}"
        )
    return vectors


def search(query_vectors: Tensor, passage_vectors: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k passages whose directions are nearest to the query's.

        score_j = cos(q, p_j) = q . p_j / (|q| |p_j|)

    Args:
        query_vectors: one query ``(d,)``, or several ``(queries, d)``.
        passage_vectors: ``(passages, d)``.
        k: how many to find, from 1 to the number of passages.

    Returns:
        ``(places, scores)``, ``(..., k)`` each: rows of ``passage_vectors``, best first, and
        their cosines. Of equally good passages (to 9 digits) the earlier comes first. A vector
        of zeros has the cosine 0 to everything.

    Source: Karpukhin et al., Dense Passage Retrieval (2020), section 3.1; they compare by dot
    product.
    """
    if passage_vectors.dim() != 2 or query_vectors.shape[-1] != passage_vectors.shape[1]:
        raise ValueError(
            "queries (..., d) and passages (n, d) must have vectors of one size, got "
            f"{tuple(query_vectors.shape)} and {tuple(passage_vectors.shape)}"
        )
    if not 1 <= k <= len(passage_vectors):
        raise ValueError(f"k must lie in 1..{len(passage_vectors)} (the passages), got {k}")
    cosines = normalize(query_vectors.double()) @ normalize(passage_vectors.double()).T
    # Rounded, because two equal passages can differ in the last bit of a matrix product.
    order = cosines.round(decimals=9).sort(dim=-1, descending=True, stable=True).indices[..., :k]
    return order, cosines.gather(-1, order)


def recall_at_k(places: Tensor, right: Tensor, k: int) -> float:
    """The share of queries whose right passage is among the first k found.

    Args:
        places: what was found, best first, integers ``(queries, n)`` with n at least k.
        right: the one right passage of each query, integers ``(queries,)``.
        k: how many of the found ones count.
    """
    if places.dim() != 2 or right.shape != places.shape[:1] or not len(right):
        raise ValueError(
            "places (queries, n) need one right passage a query, (queries,), and at least one "
            f"query, got {tuple(places.shape)} and {tuple(right.shape)}"
        )
    if not 1 <= k <= places.shape[1]:
        raise ValueError(f"k must lie in 1..{places.shape[1]} (what was found), got {k}")
    return (places[:, :k] == right.unsqueeze(1)).any(dim=1).double().mean().item()


def build_prompt(question: str, passages: Sequence[str], template: str | None = None) -> str:
    """Write passages and question into one text, for a model to go on with.

    Args:
        question: what is asked.
        passages: what may help, the best first; each becomes a line of its own.
        template: has ``{passages}`` and ``{question}`` where they go (a brace to be kept is
            doubled). :data:`TEMPLATE` if left out.

    Source: Lewis et al., Retrieval-Augmented Generation (2020), section 2.3, where a passage is
    put before the input.
    """
    if isinstance(passages, str):
        raise TypeError("passages must be a list of strings, got one string; write [text]")
    template = TEMPLATE if template is None else template
    fields = {name for _, name, _, _ in string.Formatter().parse(template) if name is not None}
    if fields != {"passages", "question"}:
        raise ValueError(
            "template must have {passages} and {question} and no other field, got "
            f"{sorted(fields)}; double a brace that is to stand in the text"
        )
    return template.format(passages="\n".join(passages), question=question)


class Retriever:
    """A shelf of passages that can be asked.

    Args:
        encode: ``(list of n texts) -> (n, d)``, used for passages and questions alike.
        passages: the texts.
        batch_size: how many go through ``encode`` at a time.
    """

    def __init__(
        self,
        encode: Callable[[list[str]], Tensor],
        passages: Sequence[str],
        batch_size: int = 32,
    ):
        self.encode = encode
        self.vectors = embed_passages(encode, passages, batch_size)
        self.passages = list(passages)

    def __len__(self) -> int:
        return len(self.passages)

    def find(self, question: str, k: int = 1) -> list[str]:
        """The k passages nearest to the question, best first."""
        places, _ = search(embed_passages(self.encode, [question])[0], self.vectors, k)
        return [self.passages[place] for place in places.tolist()]

    def prompt(self, question: str, k: int = 1, template: str | None = None) -> str:
        """The question with its k nearest passages; see :func:`build_prompt`."""
        return build_prompt(question, self.find(question, k), template)


class TfIdf:
    """Texts as counts of their words, where rare words count more. Nothing is learned.

        v_w = count of w in the text * idf_w,   idf_w = 1 + ln((1 + n) / (1 + n_w))

    with n texts, and n_w of them that have the word w. A word that no text had counts nothing.

    Args:
        texts: where the words, and how many texts have each, are taken from.

    Called with texts, it gives their vectors: it is an ``encode``.

    Source: Sparck Jones, A Statistical Interpretation of Term Specificity (1972); smoothed, as
    if one more text had every word.
    """

    def __init__(self, texts: Sequence[str]):
        if isinstance(texts, str):
            raise TypeError("texts must be a list of strings, got one string; write [text]")
        counts = Counter(word for text in texts for word in set(tokenize(text)))
        if not counts:
            raise ValueError("the texts have no words to count; pass at least one that has")
        self.places = {word: place for place, word in enumerate(sorted(counts))}
        having = torch.tensor([counts[word] for word in self.places], dtype=torch.float64)
        self.idf = 1 + ((1 + len(texts)) / (1 + having)).log()  # (vocab,)

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """The vectors of texts, ``(n, vocab)`` in float64."""
        vectors = torch.zeros(len(texts), len(self.places), dtype=torch.float64)
        for row, text in enumerate(texts):
            for word in tokenize(text):
                if word in self.places:
                    vectors[row, self.places[word]] += 1
        return vectors * self.idf
