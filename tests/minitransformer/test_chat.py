"""Conversations as text, worked by hand; and a vocabulary that grows."""

import pytest
import torch

from minitransformer.chat import CHAT_TOKENS, chat_template, grow_vocabulary
from minitransformer.config import GPTConfig
from minitransformer.gpt import GPT

ASKED = {"role": "user", "content": "what is red ?"}
SAID = {"role": "assistant", "content": "the rose ."}


def gpt(vocab_size=7):
    torch.manual_seed(0)
    sizes = dict(max_seq=5, d_model=6, num_heads=2, num_layers=2)
    return GPT(GPTConfig(vocab_size=vocab_size, **sizes)).eval()


def test_every_turn_is_opened_by_its_role_and_closed():
    assert chat_template([ASKED, SAID]) == "[USER] what is red ? [END] [BOT] the rose . [END]"


def test_a_generation_prompt_opens_a_turn_and_leaves_it_open():
    assert chat_template([ASKED], True) == "[USER] what is red ? [END] [BOT]"
    assert chat_template([], True) == "[BOT]" and chat_template([]) == ""


def test_what_the_model_answers_is_the_rest_of_the_whole_conversation():
    prompt, whole = chat_template([ASKED], True), chat_template([ASKED, SAID])
    assert whole == f"{prompt} the rose . [END]"


def test_a_role_that_does_not_exist_is_named():
    with pytest.raises(ValueError, match="user or assistant, got 'system'"):
        chat_template([{"role": "system", "content": "be kind"}])


def test_new_tokens_change_nothing_about_the_old_ones():
    model, ids = gpt(), torch.tensor([[1, 6, 3]])
    before = model(ids)
    vocab = grow_vocabulary(model, {f"w{i}": i for i in range(7)}, CHAT_TOKENS)
    after = model(ids)
    assert after.shape == (1, 3, 10) and model.config.vocab_size == 10
    torch.testing.assert_close(after[..., :7], before)
    assert [vocab[token] for token in CHAT_TOKENS] == [7, 8, 9]


def test_new_tokens_can_be_read_written_and_learned():
    model = gpt()
    grow_vocabulary(model, {}, CHAT_TOKENS)
    model.loss(torch.tensor([[7, 2, 8]]), torch.tensor([[2, 8, 9]])).backward()
    assert (model.token.weight.grad[7:].abs().amax(dim=1) > 0).all()


def test_a_token_that_is_known_already_is_refused():
    with pytest.raises(ValueError, match="new and different"):
        grow_vocabulary(gpt(), {"[END]": 3}, CHAT_TOKENS)
    with pytest.raises(ValueError, match="new and different"):
        grow_vocabulary(gpt(), {}, ["[END]", "[END]"])
