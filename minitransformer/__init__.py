"""minitransformer: the transformer in readable PyTorch.

What the course's learners rebuild, one function at a time. Modules are named for the concept:

    tokenizers     text to token ids and back
    embeddings     token ids to vectors: tables, word2vec, positions
    attention      softmax, scores, masks, attention, one self-attention head
    losses         cross-entropy
    answer_finder  a small model around one head, which finds what *it* stands for
    training       short training runs that take the learner's parts as arguments
    plots          pictures with a text alternative, for light and dark pages
    sketches       the style of the notebooks' own drawings
    data           the small world: a corpus whose exact probabilities are known

Shapes use one vocabulary everywhere: batch seq d_model d_head vocab. Masks are boolean, and True
means "may be attended to". ``plots`` (which needs matplotlib) is imported only by who asks for it.
"""

from minitransformer.attention import (
    SelfAttention,
    attention_weights,
    causal_mask,
    contextual_similarity,
    masked_softmax,
    padding_mask,
    scaled_dot_product_attention,
    score_variance,
    similarity_scores,
    softmax,
)
from minitransformer.embeddings import (
    EmbeddingLayer,
    LearnedPositions,
    TokenEmbedding,
    cosine_similarity_matrix,
    count_skip_gram_pairs,
    lookup,
    negative_sampling_loss,
    noise_distribution,
    one_hot,
    sample_negatives,
    sinusoidal_positions,
    skip_gram_pairs,
)
from minitransformer.losses import cross_entropy
from minitransformer.tokenizers import (
    SPECIAL_TOKENS,
    WordTokenizer,
    build_vocab,
    decode,
    encode,
    pad_batch,
    tokenize,
)

__all__ = [
    "SPECIAL_TOKENS",
    "EmbeddingLayer",
    "LearnedPositions",
    "SelfAttention",
    "TokenEmbedding",
    "WordTokenizer",
    "attention_weights",
    "build_vocab",
    "causal_mask",
    "contextual_similarity",
    "cosine_similarity_matrix",
    "count_skip_gram_pairs",
    "cross_entropy",
    "decode",
    "encode",
    "lookup",
    "masked_softmax",
    "negative_sampling_loss",
    "noise_distribution",
    "one_hot",
    "pad_batch",
    "padding_mask",
    "sample_negatives",
    "scaled_dot_product_attention",
    "score_variance",
    "similarity_scores",
    "sinusoidal_positions",
    "skip_gram_pairs",
    "softmax",
    "tokenize",
]
