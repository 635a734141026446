"""Hugging Face's config.json to our sizes, and back.

Their files hold many options; ours hold what our models can be. An option that changes what is
computed, and that we do not have, is refused with its name and value. Imports only ``config``.
"""

from collections.abc import Mapping
from typing import Any

from minitransformer.config import BertConfig, GPTConfig

NEEDED = object()
"""The mark of an option that has no default."""

OPTIONS = {
    "gpt2": {
        "vocab_size": ("vocab_size", NEEDED),
        "n_positions": ("max_seq", NEEDED),
        "n_embd": ("d_model", NEEDED),
        "n_head": ("num_heads", NEEDED),
        "n_layer": ("num_layers", NEEDED),
        "n_inner": ("d_ff", None),
        "resid_pdrop": ("dropout", 0.1),
        "attn_pdrop": ("attention_dropout", 0.1),
        "activation_function": ("activation", "gelu_new"),
        "layer_norm_epsilon": ("norm_eps", 1e-5),
    },
    "bert": {
        "vocab_size": ("vocab_size", NEEDED),
        "max_position_embeddings": ("max_seq", NEEDED),
        "hidden_size": ("d_model", NEEDED),
        "num_attention_heads": ("num_heads", NEEDED),
        "num_hidden_layers": ("num_layers", NEEDED),
        "intermediate_size": ("d_ff", NEEDED),
        "hidden_dropout_prob": ("dropout", 0.1),
        "attention_probs_dropout_prob": ("attention_dropout", 0.1),
        "hidden_act": ("activation", "gelu"),
        "layer_norm_eps": ("norm_eps", 1e-12),
        "type_vocab_size": ("num_segments", 2),
        "pad_token_id": ("pad_id", 0),
    },
}
"""For each kind of theirs: an option, what we call it, and what it is where it is left out."""

FIXED = {
    "gpt2": {
        "scale_attn_weights": True,
        "scale_attn_by_inverse_layer_idx": False,
        "reorder_and_upcast_attn": False,
        "add_cross_attention": False,
        "tie_word_embeddings": True,
    },
    "bert": {
        "is_decoder": False,
        "add_cross_attention": False,
        "position_embedding_type": "absolute",
        "tie_word_embeddings": True,
    },
}
"""Options that our models have one value for; left out, they have it in theirs too."""

EMPTY = ("pruned_heads", "quantization_config")
"""Options that change what the weights mean, in either kind."""

ACTIVATIONS = {
    "gelu": "gelu",
    "gelu_new": "gelu_tanh",
    "gelu_pytorch_tanh": "gelu_tanh",
    "relu": "relu",
}
"""Their names of activations to ours; of two for the same formula, the first is written."""

CONFIGS = {"gpt2": GPTConfig, "bert": BertConfig}
NORMS = {"gpt2": "pre", "bert": "post"}
CLASSES = {"gpt2": "GPT2LMHeadModel", "bert": "BertForPreTraining"}


def config_from_hugging_face(settings: Mapping[str, Any]) -> GPTConfig | BertConfig:
    """Our sizes from their ``config.json``.

    Args:
        settings: the file as a dict; ``model_type`` is ``"gpt2"`` or ``"bert"``.

    Raises:
        TypeError: not a dict, or a size that is not a number.
        ValueError: another kind of model, a size that is missing or impossible, or an option
            that our models do not have.
    """
    if not isinstance(settings, Mapping):
        raise TypeError(f"config.json must hold a dict of options, got {settings!r}")
    kind = settings.get("model_type")
    if kind not in tuple(CONFIGS):
        raise ValueError(
            f"model_type must be one of {', '.join(CONFIGS)}, got {kind!r}; "
            "other kinds of model have no counterpart here"
        )
    _check_options(settings, kind)
    sizes = {}
    for theirs, (ours, default) in OPTIONS[kind].items():
        value = settings.get(theirs, default)
        if value is NEEDED:
            raise ValueError(f"config.json of a {kind} needs {theirs}, and it is missing")
        sizes[ours] = value
    if sizes["activation"] not in tuple(ACTIVATIONS):
        raise ValueError(
            f"the activation must be one of {', '.join(ACTIVATIONS)}, got {sizes['activation']!r}; "
            "a model with another one cannot give the same results here"
        )
    return CONFIGS[kind](**{**sizes, "activation": ACTIVATIONS[sizes["activation"]]})


def config_to_hugging_face(config: GPTConfig | BertConfig) -> dict[str, Any]:
    """Their ``config.json``, as a dict, from our sizes.

    Raises:
        TypeError: another kind of configuration.
        ValueError: a post-norm GPT, a rotary one, or a pre-norm BERT, which theirs cannot be.
    """
    kind = next((kind for kind, made in CONFIGS.items() if isinstance(config, made)), None)
    if kind is None:
        raise TypeError(
            f"config must be a GPTConfig or a BertConfig, got {type(config).__name__}; "
            "other kinds of model have no counterpart there"
        )
    if config.norm != NORMS[kind]:
        raise ValueError(
            f"norm of a {kind} must be {NORMS[kind]!r} to be written for Hugging Face, got "
            f"{config.norm!r}; keep this model in the package's own format"
        )
    if getattr(config, "positions", "learned") != "learned":
        raise ValueError(
            f"positions of a {kind} must be 'learned' to be written for Hugging Face, got "
            f"{config.positions!r}; keep this model in the package's own format"
        )
    settings = {theirs: getattr(config, ours) for theirs, (ours, _) in OPTIONS[kind].items()}
    activation = next(name for name, ours in ACTIVATIONS.items() if ours == config.activation)
    settings |= {"model_type": kind, "architectures": [CLASSES[kind]], **FIXED[kind]}
    if kind == "gpt2":  # their defaults for the ends of a text lie outside a small vocabulary
        ends = {"bos_token_id": None, "eos_token_id": None}
        return settings | ends | {"activation_function": activation, "embd_pdrop": config.dropout}
    return settings | {"hidden_act": activation}


def _check_options(settings: Mapping[str, Any], kind: str) -> None:
    """Refuse what would change the results."""
    for option, fixed in FIXED[kind].items():
        if settings.get(option, fixed) != fixed:
            raise ValueError(
                f"{option} of a {kind} must be {fixed!r} here, got {settings[option]!r}; "
                "a model with this option cannot give the same results"
            )
    for option in EMPTY:
        if settings.get(option):
            raise ValueError(
                f"{option} must be empty, got {settings[option]!r}; save the model whole and "
                "with plain weights first"
            )
    if kind == "bert" and settings.get("pad_token_id", 0) is None:
        raise ValueError("pad_token_id must be the id of [PAD], got None; add it to config.json")
    after, between = settings.get("embd_pdrop", 0.1), settings.get("resid_pdrop", 0.1)
    if kind == "gpt2" and after != between:
        raise ValueError(
            f"embd_pdrop and resid_pdrop must be the same here, got {after} and {between}; "
            "set both to one value in config.json (without training neither matters)"
        )
