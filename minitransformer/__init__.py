"""minitransformer: the transformer in readable PyTorch.

What the course's learners rebuild, one function at a time. Modules are named for the concept:

    tokenizers     text to token ids and back: words, characters
    wordpiece      BERT's subwords (with normalization and unicode_classes)
    bpe            GPT's subwords (with pair_merging)
    embeddings     token ids to vectors: tables, word2vec, positions
    attention      softmax, scores, masks, attention, one self-attention head
    multi_head     several heads, rotary positions, the KV cache
    blocks         layer norm, feed-forward, dropout, residuals, encoder and decoder block
    stacks         blocks on top of each other
    bert gpt seq2seq    the three models
    config         their sizes
    parts          the seam: which of a model's parts are your own
    kernels        GPT-2's GELU for training on a CPU, with its gradient written out
    heads fine_tuning lora    putting a pre-trained model to work
    baselines clustering    bags of words, logistic regression, the best possible; k-means
    losses masking metrics    what is minimised, hidden, counted
    sampling generation beams    the next token, and the ones after it
    training       the loop, optimisers, schedules, batches, checkpoints
    retrieval chat    passages found by meaning and prompts made of them; conversations as text
    interop        weights from and to Hugging Face (with interop_config and interop_names)
    checks         what is refused before anything is computed
    presets sources tasks    a run by name; its texts; its batches and its measure
    runs saving    a run in a folder; a model on disk
    prompts cli    text from a saved model; what the command line does
    pretrained     models that ship with the package
    plots model_plots sketches    pictures with a text alternative
    answer_finder  a small model around one head, which finds what *it* stands for
    world_scores   models beside what can be known of the small world
    gap_exam senses    hidden words and words of two senses, and what can be known of them
    data           the small world whose exact probabilities are known; files; public data sets

Shapes use one vocabulary everywhere: batch seq d_model num_heads d_head d_ff vocab. Masks are
boolean, and True means "may be attended to".

The names below can be taken from the package itself; a module is loaded when the first of its
names is asked for. ``python -m minitransformer --help`` trains, evaluates and writes.
"""

import importlib
from typing import Any

_PLACES = {
    "attention": """
        SelfAttention attention_weights causal_mask contextual_similarity masked_softmax
        padding_mask scaled_dot_product_attention score_variance similarity_scores softmax
    """,
    "baselines": "bag_of_words best_possible_accuracy logistic_step",
    "beams": "beam_decode beam_generate simple_beam_search",
    "bert": "Bert BertEmbeddings BertForPreTraining MlmHead NspHead Pooler",
    "blocks": """
        DecoderBlock EncoderBlock FeedForward LayerNorm Residual count_parameters dropout gelu
        layer_norm
    """,
    "bpe": "BPETokenizer",
    "chat": "chat_template grow_vocabulary",
    "clustering": "k_means",
    "config": "BertConfig GPTConfig Seq2SeqConfig",
    "embeddings": """
        EmbeddingLayer LearnedPositions TokenEmbedding cosine_similarity_matrix
        count_skip_gram_pairs lookup negative_sampling_loss noise_distribution one_hot
        sample_negatives sinusoidal_positions skip_gram_pairs
    """,
    "fine_tuning": """
        BertForClassification BertForQuestionAnswering GPTForClassification SentenceEncoder
        last_vector
    """,
    "generation": """
        fill_mask generate greedy_decode perplexity perplexity_of text_log_probability
    """,
    "gpt": "GPT read_on",
    "heads": "ClassificationHead SpanHead best_span freeze freeze_layers mean_pooling span_loss",
    "interop": "from_hugging_face load_hugging_face save_hugging_face to_hugging_face",
    "lora": "LoRALinear add_lora merge_lora merged_weight training_memory",
    "losses": """
        cross_entropy label_smoothing_loss masked_lm_loss next_token_loss pretraining_loss
        smoothed_probability two_objective_loss
    """,
    "masking": """
        choose_positions corrupt mask_prompt mask_tokens next_sentence_pairs pack_pair
        wrong_word_share
    """,
    "metrics": "accuracy bleu exact_match sequence_accuracy",
    "multi_head": "CrossAttention KVCache MultiHeadAttention merge_heads rotate split_heads",
    "parts": "Parts readable_parts",
    "presets": "PRESETS",
    "pretrained": "load_pretrained",
    "retrieval": "Retriever build_prompt embed_passages recall_at_k search",
    "sampling": "apply_temperature next_token_distribution top_k_filter top_p_filter",
    "saving": "load_model save_model",
    "seq2seq": "Seq2Seq shift_right target_mask",
    "stacks": "Decoder Encoder encoder_parameters",
    "tokenizers": """
        CharTokenizer SPECIAL_TOKENS WordTokenizer build_vocab decode encode pad_batch tokenize
    """,
    "training": "History TrainingConfig train",
    "wordpiece": "WordPieceTokenizer",
}
_MODULE_OF = {name: module for module, names in _PLACES.items() for name in names.split()}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_MODULE_OF[name]}"), name)


def __dir__() -> list[str]:
    return [*globals(), *__all__]
