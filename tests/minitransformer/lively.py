"""Small models whose answers vary: freshly initialised ones say the same at every place."""

import torch

from minitransformer.bert import BertForPreTraining
from minitransformer.config import BertConfig, GPTConfig, Seq2SeqConfig
from minitransformer.gpt import GPT
from minitransformer.seq2seq import Seq2Seq

SIZES = {"d_model": 14, "num_heads": 2, "num_layers": 3, "dropout": 0.3, "attention_dropout": 0.2}


def lively(model, seed=0):
    """Weights large enough that the next token depends on all that came before; float64."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if not name.endswith("gamma"):
                size = 1.0 if parameter.dim() == 2 else 0.1
                parameter.copy_(size * torch.randn(parameter.shape, generator=generator))
    return model.double()


def lively_gpt(**sizes):
    """A GPT of 11 tokens with a context of 13, in training mode."""
    return lively(GPT(GPTConfig(**{"vocab_size": 11, "max_seq": 13, **SIZES, **sizes})))


def lively_bert():
    """A BERT of 11 tokens with a context of 7, in training mode."""
    return lively(BertForPreTraining(BertConfig(vocab_size=11, max_seq=7, **SIZES)))


def lively_translator(target_vocab_size=11):
    """An encoder-decoder from 7 tokens to 11, with a context of 13, in training mode."""
    sizes = {**SIZES, "vocab_size": 7, "target_vocab_size": target_vocab_size, "max_seq": 13}
    model = lively(Seq2Seq(Seq2SeqConfig(**sizes, norm="pre")), seed=9)
    with torch.no_grad():
        model.target_token.weight *= 0.35  # else each token is most like itself, and repeats
    return model


def ids_of(*shape, vocab=11, seed=1, low=0):
    """Random token ids."""
    return torch.randint(low, vocab, shape, generator=torch.Generator().manual_seed(seed))


def sources():
    """Five sources for the translator, one with padding."""
    source = ids_of(5, 4, vocab=7, low=1)
    source[2, 2:] = 0
    return source


def ragged():
    """Texts of 5, 2 and 3 tokens: each alone, and as one batch with its padding on the left."""
    alone = [ids_of(1, n, seed=n) for n in (5, 2, 3)]
    batch, real = torch.zeros(3, 5, dtype=torch.int64), torch.zeros(3, 5, dtype=torch.bool)
    for row, text in enumerate(alone):
        batch[row, -text.shape[1] :], real[row, -text.shape[1] :] = text, True
    return alone, batch, real
