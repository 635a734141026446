"""Chapter 8's mistakes and alternatives, third part: conversations, and what is learned of them.

Every definition is lifted out of this file and run in place of a learner's, so its body uses only
torch, math and its neighbours here. The names say what is wrong, or how it is done otherwise.
"""

import torch
from torch import Tensor


def _token(role: str) -> str:
    return "[USER]" if role == "user" else "[BOT]"


def _swapped(role: str) -> str:
    return "[BOT]" if role == "user" else "[USER]"


# chat_template


def chat_without_end(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_token(each['role'])} {each['content']}" for each in messages]
    return " ".join(parts + ["[BOT]"] * add_generation_prompt)


def chat_with_one_end(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_token(each['role'])} {each['content']}" for each in messages]
    return " ".join([*parts, "[END]"] + ["[BOT]"] * add_generation_prompt)


def chat_end_of_the_assistant_alone(
    messages: list[dict], add_generation_prompt: bool = False
) -> str:
    parts = []
    for message in messages:
        parts += [_token(message["role"]), message["content"]]
        if message["role"] == "assistant":
            parts.append("[END]")
    return " ".join(parts + ["[BOT]"] * add_generation_prompt)


def chat_end_of_the_user_alone(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = []
    for message in messages:
        parts += [_token(message["role"]), message["content"]]
        if message["role"] == "user":
            parts.append("[END]")
    return " ".join(parts + ["[BOT]"] * add_generation_prompt)


def chat_with_roles_swapped(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_swapped(each['role'])} {each['content']} [END]" for each in messages]
    return " ".join(parts + ["[BOT]"] * add_generation_prompt)


def chat_with_all_roles_swapped(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_swapped(each['role'])} {each['content']} [END]" for each in messages]
    return " ".join(parts + ["[USER]"] * add_generation_prompt)


def chat_always_in_turn(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [
        f"{'[BOT]' if number % 2 else '[USER]'} {each['content']} [END]"
        for number, each in enumerate(messages)
    ]
    return " ".join(parts + ["[BOT]"] * add_generation_prompt)


def chat_never_prompts(messages: list[dict], add_generation_prompt: bool = False) -> str:
    return " ".join(f"{_token(each['role'])} {each['content']} [END]" for each in messages)


def chat_always_prompts(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_token(each['role'])} {each['content']} [END]" for each in messages]
    return " ".join([*parts, "[BOT]"])


def chat_prompt_closed(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_token(each['role'])} {each['content']} [END]" for each in messages]
    return " ".join(parts + ["[BOT] [END]"] * add_generation_prompt)


def chat_prompt_for_the_user(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_token(each['role'])} {each['content']} [END]" for each in messages]
    return " ".join(parts + ["[USER]"] * add_generation_prompt)


def chat_last_message_only(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_token(each['role'])} {each['content']} [END]" for each in messages[-1:]]
    return " ".join(parts + ["[BOT]"] * add_generation_prompt)


def chat_without_spaces(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_token(each['role'])}{each['content']}[END]" for each in messages]
    return "".join(parts + ["[BOT]"] * add_generation_prompt)


def chat_on_lines(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_token(each['role'])} {each['content']} [END]" for each in messages]
    return "\n".join(parts + ["[BOT]"] * add_generation_prompt)


def chat_with_a_space_behind(messages: list[dict], add_generation_prompt: bool = False) -> str:
    text = "".join(f"{_token(each['role'])} {each['content']} [END] " for each in messages)
    return text + "[BOT]" if add_generation_prompt else text


def chat_with_a_space_behind_everything(
    messages: list[dict], add_generation_prompt: bool = False
) -> str:
    text = "".join(f"{_token(each['role'])} {each['content']} [END] " for each in messages)
    return text + "[BOT] " if add_generation_prompt else text


def chat_with_role_names(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"[{each['role'].upper()}] {each['content']} [END]" for each in messages]
    return " ".join(parts + ["[BOT]"] * add_generation_prompt)


def chat_with_role_names_throughout(
    messages: list[dict], add_generation_prompt: bool = False
) -> str:
    parts = [f"[{each['role'].upper()}] {each['content']} [END]" for each in messages]
    return " ".join(parts + ["[ASSISTANT]"] * add_generation_prompt)


def chat_as_a_list(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = []
    for message in messages:
        parts += [_token(message["role"]), message["content"], "[END]"]
    return parts + ["[BOT]"] * add_generation_prompt


def chat_as_a_list_of_turns(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_token(each['role'])} {each['content']} [END]" for each in messages]
    return parts + ["[BOT]"] * add_generation_prompt


def chat_that_returns_in_the_loop(messages: list[dict], add_generation_prompt: bool = False) -> str:
    for message in messages:
        text = f"{_token(message['role'])} {message['content']} [END]"
        return text + " [BOT]" * add_generation_prompt


def chat_that_prompts_in_the_loop(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = []
    for message in messages:
        parts += [_token(message["role"]), message["content"], "[END]"]
        if add_generation_prompt:
            parts.append("[BOT]")
    return " ".join(parts)


def chat_that_prompts_after_each_question(
    messages: list[dict], add_generation_prompt: bool = False
) -> str:
    parts = []
    for message in messages:
        parts += [_token(message["role"]), message["content"], "[END]"]
        if add_generation_prompt and message["role"] == "user":
            parts.append("[BOT]")
    return " ".join(parts)


def chat_with_an_empty_message(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_token(each['role'])} {each['content']} [END]" for each in messages]
    return " ".join(parts + ["[BOT]  [END]"] * add_generation_prompt)


def chat_prompts_after_users_alone(
    messages: list[dict], add_generation_prompt: bool = False
) -> str:
    parts = [f"{_token(each['role'])} {each['content']} [END]" for each in messages]
    asked = add_generation_prompt and (not messages or messages[-1]["role"] == "user")
    return " ".join(parts + ["[BOT]"] * asked)


def chat_with_a_space_before_any_prompt(
    messages: list[dict], add_generation_prompt: bool = False
) -> str:
    text = " ".join(f"{_token(each['role'])} {each['content']} [END]" for each in messages)
    return text + " [BOT]" * add_generation_prompt


def chat_that_tidies_up(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_token(each['role'])} {each['content']} [END]" for each in messages]
    return " ".join(" ".join(parts + ["[BOT]"] * add_generation_prompt).split())


def chat_in_small_letters(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_token(each['role'])} {each['content'].lower()} [END]" for each in messages]
    return " ".join(parts + ["[BOT]"] * add_generation_prompt)


def chat_prompt_in_front(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{_token(each['role'])} {each['content']} [END]" for each in messages]
    return " ".join(["[BOT]"] * add_generation_prompt + parts)


def chat_without_roles(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"{each['content']} [END]" for each in messages]
    return " ".join(parts + ["[BOT]"] * add_generation_prompt)


def chat_all_by_the_user(messages: list[dict], add_generation_prompt: bool = False) -> str:
    parts = [f"[USER] {each['content']} [END]" for each in messages]
    return " ".join(parts + ["[BOT]"] * add_generation_prompt)


def chat_without_a_space_in_between(
    messages: list[dict], add_generation_prompt: bool = False
) -> str:
    text = "".join(f"{_token(each['role'])} {each['content']} [END]" for each in messages)
    return text + " [BOT]" * add_generation_prompt


def chat_without_a_space_before_the_prompt(
    messages: list[dict], add_generation_prompt: bool = False
) -> str:
    text = " ".join(f"{_token(each['role'])} {each['content']} [END]" for each in messages)
    return text + "[BOT]" * add_generation_prompt


def chat_with_a_space_in_front(messages: list[dict], add_generation_prompt: bool = False) -> str:
    text = "".join(f" {_token(each['role'])} {each['content']} [END]" for each in messages)
    return text + " [BOT]" * add_generation_prompt


def chat_by_growing(messages: list[dict], add_generation_prompt: bool = False) -> str:
    text = ""
    for message in messages:
        role = "[USER]" if message["role"] == "user" else "[BOT]"
        text += f"{role} {message['content']} [END] "
    if add_generation_prompt:
        text += "[BOT]"
    return text.strip()


def chat_with_an_open_turn(messages: list[dict], add_generation_prompt: bool = False) -> str:
    turns = [(_token(each["role"]), each["content"], "[END]") for each in messages]
    if add_generation_prompt:
        turns.append(("[BOT]",))
    return " ".join(" ".join(turn) for turn in turns)


# mask_prompt


def _silent(ids: Tensor, prompt_length: Tensor, more: int = 0) -> Tensor:
    return torch.arange(ids.shape[1], device=ids.device) < prompt_length[:, None] + more


def prompt_left_in(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ids.masked_fill(ids == pad_id, -100)


def everything_left_in(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ids.clone()


def padding_left_in(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ids.masked_fill(_silent(ids, prompt_length), -100)


def padding_always_zero_left_in(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ids.masked_fill(_silent(ids, prompt_length) | (ids == 0), -100)


def first_word_of_the_answer_masked(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ids.masked_fill(_silent(ids, prompt_length, 1) | (ids == pad_id), -100)


def last_word_of_the_prompt_left(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ids.masked_fill(_silent(ids, prompt_length, -1) | (ids == pad_id), -100)


def answer_masked(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ids.masked_fill(~_silent(ids, prompt_length) | (ids == pad_id), -100)


def prompt_masked_with_padding(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ids.masked_fill(_silent(ids, prompt_length), pad_id)


def prompt_masked_with_zero(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ids.masked_fill(_silent(ids, prompt_length) | (ids == pad_id), 0)


def prompt_masked_with_minus_one(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ids.masked_fill(_silent(ids, prompt_length) | (ids == pad_id), -1)


def prompt_of_the_first_row(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    labels = ids.masked_fill(ids == pad_id, -100)
    labels[:, : int(prompt_length[0])] = -100
    return labels


def prompt_of_the_longest_row(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    labels = ids.masked_fill(ids == pad_id, -100)
    labels[:, : int(prompt_length.max())] = -100
    return labels


def labels_shifted_already(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    labels = ids.masked_fill(_silent(ids, prompt_length) | (ids == pad_id), -100)
    return torch.cat([labels[:, 1:], torch.full_like(labels[:, :1], -100)], dim=1)


def labels_shifted_and_cut(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ids.masked_fill(_silent(ids, prompt_length) | (ids == pad_id), -100)[:, 1:]


def labels_in_place(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ids.masked_fill_(_silent(ids, prompt_length) | (ids == pad_id), -100)


def labels_as_truth(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return _silent(ids, prompt_length) | (ids == pad_id)


def labels_as_truth_of_the_answer(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ~(_silent(ids, prompt_length) | (ids == pad_id))


def end_of_the_answer_masked(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    places = torch.arange(ids.shape[1], device=ids.device)
    last = places.masked_fill(ids == pad_id, 0).amax(dim=1, keepdim=True)
    return ids.masked_fill(_silent(ids, prompt_length) | (ids == pad_id) | (places == last), -100)


def answers_cut_out(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ids[~(_silent(ids, prompt_length) | (ids == pad_id))]


def first_padding_left_in(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    labels = ids.masked_fill(_silent(ids, prompt_length), -100)
    padding = ids == pad_id
    return labels.masked_fill(padding & (padding.cumsum(dim=1) > 1), -100)


def labels_in_place_row_by_row(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    labels = ids
    for row, length in zip(labels, prompt_length.tolist(), strict=True):
        row[:length] = -100
    labels[labels == pad_id] = -100
    return labels


def prompt_masked_with_plus_hundred(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    return ids.masked_fill(_silent(ids, prompt_length) | (ids == pad_id), 100)


def labels_row_by_row(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    labels = ids.clone()
    for row, length in zip(labels, prompt_length.tolist(), strict=True):
        row[:length] = -100
    labels[ids == pad_id] = -100
    return labels


def labels_by_where(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    place = torch.ones_like(ids).cumsum(dim=1)  # 1 for the first token
    learned = (place > prompt_length.unsqueeze(1)) & (ids != pad_id)
    return torch.where(learned, ids, torch.full_like(ids, -100))


def labels_from_lists(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    rows = []
    for row, length in zip(ids.tolist(), prompt_length.tolist(), strict=True):
        rows.append([-100 if i < length or t == pad_id else t for i, t in enumerate(row)])
    return torch.tensor(rows, device=ids.device)
