"""Training steps a second against Hugging Face's GPT-2 and BERT of the same sizes, in eager mode.

The race's shape: 4 layers, 4 heads, width 128, context 64, batch 12, 65 characters. Forward,
backward and AdamW step; each side with the AdamW its users get: PyTorch's default for theirs,
PyTorch's fused one, which our loop takes, for ours. The same for the explicit formulas.
"""

import os
import statistics

import torch

from bench.rows import Row, in_turns, ratio
from minitransformer.bert import BertForPreTraining
from minitransformer.config import BertConfig, GPTConfig
from minitransformer.gpt import GPT
from minitransformer.parts import readable_parts

VOCAB, BATCH, SEQ = 65, 12, 64
SIZES = {"vocab_size": VOCAB, "max_seq": SEQ, "d_model": 128, "num_heads": 4, "num_layers": 4}


def trainer(model, loss, fused: bool):
    """One step of training, as a function to time."""
    optimizer = torch.optim.AdamW(model.parameters(), 1e-4, fused=fused or None)

    def step():
        value = loss(model)
        optimizer.zero_grad()
        value.backward()
        optimizer.step()

    return step


def gpt_sides():
    """GPT: ours, ours by the explicit formulas, theirs."""
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    from transformers import GPT2Config, GPT2LMHeadModel, logging

    logging.set_verbosity_error()
    generator = torch.Generator().manual_seed(0)
    text = torch.randint(VOCAB, (BATCH, SEQ + 1), generator=generator)
    ids, targets = text[:, :-1].contiguous(), text[:, 1:].contiguous()
    theirs = GPT2LMHeadModel(
        GPT2Config(
            vocab_size=VOCAB, n_positions=SEQ, n_embd=128, n_layer=4, n_head=4, resid_pdrop=0.0,
            embd_pdrop=0.0, attn_pdrop=0.0, use_cache=False, bos_token_id=0, eos_token_id=0,
        )
    )  # fmt: skip
    config = GPTConfig(**SIZES)
    return {
        "ours": trainer(GPT(config), lambda model: model.loss(ids, targets), True),
        "explicit": trainer(
            GPT(config, readable_parts()), lambda model: model.loss(ids, targets), True
        ),
        "theirs": trainer(theirs, lambda model: model(ids, labels=ids).loss, False),
    }


def bert_sides():
    """BERT: ours and theirs, with 15 % of the tokens to name and pairs to judge."""
    from transformers import BertConfig as TheirConfig
    from transformers import BertForPreTraining as Theirs

    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(1, VOCAB, (BATCH, SEQ), generator=generator)
    chosen = torch.rand(ids.shape, generator=generator) < 0.15
    labels = torch.where(chosen, ids, -100)
    segments = (torch.arange(SEQ) > SEQ // 2).long().expand(BATCH, SEQ).contiguous()
    is_next = torch.rand(BATCH, generator=generator) < 0.5
    theirs = Theirs(
        TheirConfig(
            vocab_size=VOCAB, hidden_size=128, num_hidden_layers=4, num_attention_heads=4,
            intermediate_size=512, max_position_embeddings=SEQ, hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
        )
    )  # fmt: skip
    real = torch.ones_like(ids)
    return {
        "ours": trainer(
            BertForPreTraining(BertConfig(**SIZES)),
            lambda model: model.loss(ids, labels, segments, is_next),
            True,
        ),
        "theirs": trainer(
            theirs,
            lambda model: model(
                ids, attention_mask=real, token_type_ids=segments, labels=labels,
                next_sentence_label=(~is_next).long(),
            ).loss,
            False,
        ),
    }  # fmt: skip


def measure() -> list[Row]:
    """Three rows: GPT and BERT against Hugging Face, and what the fused kernels bring."""
    torch.manual_seed(0)
    # Short turns: a noisy second of the machine falls on all sides alike.
    gpt, bert = (in_turns(sides(), rounds=60, each=2) for sides in (gpt_sides, bert_sides))

    def tokens(seconds: list[float]) -> str:
        return f"{BATCH * SEQ / statistics.median(seconds):,.0f}"

    return [
        Row(
            "GPT training step, tokens a second, against Hugging Face's GPT-2",
            f"{ratio(gpt['theirs'], gpt['ours']):.2f} times",
            f"{tokens(gpt['ours'])} and {tokens(gpt['theirs'])}",
        ),
        Row(
            "BERT training step, tokens a second, against Hugging Face's BERT",
            f"{ratio(bert['theirs'], bert['ours']):.2f} times",
            f"{tokens(bert['ours'])} and {tokens(bert['theirs'])}",
        ),
        Row(
            "GPT training step, fused kernels against the explicit formulas",
            f"{ratio(gpt['explicit'], gpt['ours']):.2f} times",
            f"{tokens(gpt['ours'])} and {tokens(gpt['explicit'])}",
        ),
    ]
