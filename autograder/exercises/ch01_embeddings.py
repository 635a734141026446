"""Chapter 1: from words to vectors that know where they stand.

The exercises stand in the `_ch01_…` files beside this one, part by part; the wrong
implementations and the alternatives in `_ch01_mistakes`.
"""

from autograder.exercises._ch01_layers import (
    EmbeddingLayer,
    LearnedPositions,
    TokenEmbedding,
    sinusoidal_positions,
)
from autograder.exercises._ch01_quizzes import QUIZZES
from autograder.exercises._ch01_tables import cosine_similarity_matrix, lookup, one_hot
from autograder.exercises._ch01_tokens import build_vocab, decode, encode, tokenize
from autograder.exercises._ch01_word2vec import (
    count_skip_gram_pairs,
    negative_sampling_loss,
    noise_distribution,
    sample_negatives,
    skip_gram_pairs,
)
from autograder.spec import Chapter

CHAPTER = Chapter(
    "01_embeddings",
    "From words to vectors that know where they stand",
    (
        tokenize,
        build_vocab,
        encode,
        decode,
        one_hot,
        lookup,
        cosine_similarity_matrix,
        skip_gram_pairs,
        count_skip_gram_pairs,
        noise_distribution,
        sample_negatives,
        negative_sampling_loss,
        sinusoidal_positions,
        TokenEmbedding,
        LearnedPositions,
        EmbeddingLayer,
    ),
    QUIZZES,
)
