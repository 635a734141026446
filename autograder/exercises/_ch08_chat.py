"""Chapter 8, third part: conversations, and which of their tokens are learned."""

from typing import Any

import torch

from autograder import probes
from autograder.exercises import _ch08_mistakes_chat as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import chat, masking

Inputs = dict[str, Any]

WORDS = "mia leo nora omar ada sees feeds buys cooks the cat dog pizza cake at noon dawn".split()


def _turns(draw: Draw, *roles: str) -> list[dict[str, str]]:
    return [
        {"role": role, "content": " ".join(draw.choice(WORDS) for _ in range(draw.size(2, 5)))}
        for role in roles
    ]


# chat_template


def _asked_and_answered(draw: Draw) -> Inputs:
    return {"messages": _turns(draw, "user", "assistant")}


def _ready_to_answer(draw: Draw) -> Inputs:
    return {"messages": _turns(draw, "user"), "add_generation_prompt": True}


def _several_turns(draw: Draw) -> Inputs:
    roles = ("user", "assistant") * draw.size(1, 2) + ("user",)
    return {"messages": _turns(draw, *roles), "add_generation_prompt": True}


def _out_of_turn(draw: Draw) -> Inputs:
    greeting = ("assistant", "user") if draw.size(0, 1) else ("assistant", "user", "user")
    return {"messages": _turns(draw, *greeting), "add_generation_prompt": False}


def _asked_for_anywhere(draw: Draw) -> Inputs:
    ended = _turns(draw, "user", "assistant")
    return {
        "after an answer": {"messages": ended, "add_generation_prompt": True},
        "before any message": {"messages": [], "add_generation_prompt": True},
    }


def _contents(draw: Draw) -> Inputs:
    messages = _turns(draw, "user", "assistant", "user")
    messages[0]["content"] += f" -  {draw.size(10, 99)}%\nOK ?"
    messages[1]["content"] = f"{messages[1]['content'].title()} , I think ."
    return {"messages": messages}


chat_template = Exercise(
    id="chat_template",
    title="a conversation as one text",
    reference=chat.chat_template,
    cases=(
        Case("a question and its answer", _asked_and_answered),
        Case("a question, ready to be answered", _ready_to_answer),
        Case("several turns", _several_turns),
        Case("the roles decide, not the order", _out_of_turn),
        Case("ready to answer wherever it is asked for", _asked_for_anywhere, probes.several),
        Case("contents are copied letter by letter", _contents),
        Case("the messages are left as they were", _several_turns, probes.untouched, guard=True),
    ),
    hints=(
        "Collect the pieces in a list and join them with single spaces at the end: then no space "
        "is missing, and none is too many.",
        "Each message gives three pieces: [USER] or [BOT], whichever its role asks for; its "
        "content; [END]. The generation prompt is one piece more, [BOT] alone.",
        'For each message: parts += [token, message["content"], "[END]"], with token "[USER]" if '
        'message["role"] == "user" else "[BOT]". Then "[BOT]" if asked, and " ".join(parts).',
    ),
    misconceptions=(
        Misconception(
            m.chat_without_end,
            "It looks as if [END] is missing. It is the only way for the model to say that it has "
            "finished: without it, an answer never stops.",
            also=(
                m.chat_with_one_end,
                m.chat_end_of_the_assistant_alone,
                m.chat_end_of_the_user_alone,
            ),
        ),
        Misconception(
            m.chat_with_roles_swapped,
            "It looks as if the roles are exchanged. [USER] opens what the user says, [BOT] what "
            "the assistant says.",
            also=(m.chat_with_all_roles_swapped,),
        ),
        Misconception(
            m.chat_always_in_turn,
            "It looks as if [USER] and [BOT] simply take turns. Look at each message's role: an "
            "assistant may speak first, and a user twice.",
        ),
        Misconception(
            m.chat_never_prompts,
            "It looks as if add_generation_prompt does nothing. Where it is True, open the "
            "assistant's turn with [BOT] at the end; else the model does not know it is to answer.",
        ),
        Misconception(
            m.chat_always_prompts,
            "It looks as if [BOT] always stands at the end. A conversation that is complete, as in "
            "training, ends with [END].",
        ),
        Misconception(
            m.chat_prompt_closed,
            "It looks as if the assistant's turn is opened and closed at once. The generation "
            "prompt is [BOT] alone: the model writes what follows, and [END] itself.",
            also=(m.chat_with_an_empty_message,),
        ),
        Misconception(
            m.chat_prompt_for_the_user,
            "It looks as if the generation prompt opens a turn of the user. Then the model goes on "
            "asking; open a turn of the assistant, [BOT].",
        ),
        Misconception(
            m.chat_last_message_only,
            "It looks as if only the last message is written. The model remembers nothing: what "
            "was said before must stand in the text.",
        ),
        Misconception(
            m.chat_without_spaces,
            "It looks as if the parts are not joined by single spaces. The tokenizer cuts at "
            "spaces, and a model reads no other template than the one it was tuned on.",
            also=(
                m.chat_on_lines,
                m.chat_with_a_space_behind,
                m.chat_with_a_space_behind_everything,
                m.chat_without_a_space_in_between,
                m.chat_without_a_space_before_the_prompt,
                m.chat_with_a_space_in_front,
            ),
        ),
        Misconception(
            m.chat_with_role_names,
            "It looks as if [ASSISTANT] is written, made of the role's name. The token of the "
            "assistant is [BOT]; the model knows no other.",
            also=(m.chat_with_role_names_throughout,),
        ),
        Misconception(
            m.chat_as_a_list,
            'It looks as if a list comes back. Make one text of it: " ".join(parts).',
            also=(m.chat_as_a_list_of_turns,),
        ),
        Misconception(
            m.chat_that_returns_in_the_loop,
            "It looks as if only the first message is written: a return inside the loop ends it "
            "at once. Return behind the loop.",
        ),
        Misconception(
            m.chat_that_prompts_in_the_loop,
            "It looks as if the generation prompt is added inside the loop, more than once. It "
            "stands at the very end: add [BOT] behind the loop.",
            also=(m.chat_that_prompts_after_each_question,),
        ),
        Misconception(
            m.chat_prompts_after_users_alone,
            "It looks as if [BOT] is opened only behind a turn of the user. It is opened wherever "
            "add_generation_prompt asks for it.",
        ),
        Misconception(
            m.chat_with_a_space_before_any_prompt,
            "It looks as if a space stands before [BOT] even where nothing stands in front of it. "
            "Collect the parts in a list, and join them.",
        ),
        Misconception(
            m.chat_that_tidies_up,
            "It looks as if the contents are changed on their way, in their letters or their "
            "spaces. Copy them as they are.",
            also=(m.chat_in_small_letters,),
        ),
        Misconception(
            m.chat_prompt_in_front,
            "It looks as if [BOT] is put in front. The model goes on where the text ends, so "
            "the assistant's turn is opened at the end.",
        ),
        Misconception(
            m.chat_without_roles,
            "It looks as if the roles are missing. Each message begins with [USER] or [BOT], or "
            "nobody knows who is speaking.",
        ),
        Misconception(
            m.chat_all_by_the_user,
            "It looks as if every message is the user's. Look at its role: [BOT] opens what the "
            "assistant says.",
        ),
    ),
    alternatives=(m.chat_by_growing, m.chat_with_an_open_turn),
    points=2,
    minutes=10,
    difficulty=2,
)


# mask_prompt


def _conversations(draw: Draw, pad_id: int = 0, full: bool = False) -> Inputs:
    """Rows of a prompt and an answer, padded behind; 0 is a word where padding is another id."""
    batch, seq = draw.sizes(2, 3, 6)
    seq += 8
    prompts = draw.integers(2, seq - 5, batch)
    prompts[0], prompts[1] = 2, seq - 5
    answers = draw.integers(2, 5, batch)
    ids = draw.integers(1, 40, batch, seq)
    ids = torch.where(ids == pad_id, 41, ids)
    if not full:
        ids = torch.where(torch.arange(seq) < (prompts + answers)[:, None], ids, pad_id)
    if pad_id:
        ids[:, seq - 5 - 1] = torch.where(ids[:, seq - 5 - 1] == pad_id, pad_id, 0)
        ids[1, seq - 5] = 0  # the word with id 0 is the first of an answer
    return {"ids": ids, "prompt_length": prompts, "pad_id": pad_id}


def _no_prompt(draw: Draw) -> Inputs:
    inputs = _conversations(draw)
    inputs["prompt_length"][0] = 0
    return inputs


def _one_row(draw: Draw) -> Inputs:
    inputs = _conversations(draw)
    row = draw.size(0, 1)
    inputs["ids"] = inputs["ids"][row : row + 1]
    inputs["prompt_length"] = inputs["prompt_length"][row : row + 1]
    return inputs


def _answer_alone(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    got, prompts = observed["result"], inputs["prompt_length"]
    inside = torch.arange(got.shape[1]) < prompts[:, None]
    if bool((got[inside] >= 0).any()):
        row, place = (inside & (got >= 0)).nonzero()[0].tolist()
        return Failure(f"In row {row}, place {place} of the prompt would be learned.", "prompt")
    return None


mask_prompt = Exercise(
    id="mask_prompt",
    title="learn the answer, not the question",
    reference=masking.mask_prompt,
    cases=(
        Case("prompts of different lengths", _conversations, holds=_answer_alone),
        Case("padding that has another id", lambda draw: _conversations(draw, draw.size(5, 12))),
        Case("no padding", lambda draw: _conversations(draw, full=True)),
        Case("a row without a prompt", _no_prompt),
        Case("a batch of one", _one_row),
        Case("the ids are left as they were", _conversations, probes.untouched, guard=True),
    ),
    hints=(
        "Make one table of True and False, (batch, seq): True where nothing is to be learned. Then "
        "fill -100 in where it is True.",
        "torch.arange(seq) < prompt_length[:, None] is True on the first prompt_length places of "
        "each row. Padding is where ids == pad_id. | joins the two.",
        "silent = (torch.arange(ids.shape[1]) < prompt_length[:, None]) | (ids == pad_id); return "
        "ids.masked_fill(silent, -100).",
    ),
    misconceptions=(
        Misconception(
            m.prompt_left_in,
            "It looks as if the prompt is left in the loss. The model then learns to write "
            "questions as well; put -100 on the first prompt_length places of each row.",
            also=(m.everything_left_in,),
        ),
        Misconception(
            m.padding_left_in,
            "It looks as if padding is left in the loss. The model then learns to write [PAD]; "
            "put -100 wherever ids == pad_id.",
        ),
        Misconception(
            m.padding_always_zero_left_in,
            "It looks as if padding is taken to be 0, always. Compare with pad_id: elsewhere 0 may "
            "be a word of the answer.",
        ),
        Misconception(
            m.first_word_of_the_answer_masked,
            "It looks as if the first word of the answer is hidden too. Places are counted from 0: "
            "a prompt of 3 tokens has the places 0, 1 and 2, so compare with <.",
        ),
        Misconception(
            m.last_word_of_the_prompt_left,
            "It looks as if the last token of the prompt is learned. The labels stand where the "
            "ids stand, and the loss shifts them; do not shift here as well.",
        ),
        Misconception(
            m.answer_masked,
            "It looks as if the answer is hidden and the prompt is learned. -100 marks what is not "
            "to be learned.",
        ),
        Misconception(
            m.prompt_masked_with_padding,
            "It looks as if hidden places get another number. The mark for not to be learned is "
            "-100; other numbers are ids, or no mark at all.",
            also=(
                m.prompt_masked_with_zero,
                m.prompt_masked_with_minus_one,
                m.prompt_masked_with_plus_hundred,
            ),
        ),
        Misconception(
            m.prompt_of_the_first_row,
            "It looks as if one length is used for all rows. Each row has its own prompt_length; "
            "prompt_length[:, None] stands as a column beside the places.",
            also=(m.prompt_of_the_longest_row,),
        ),
        Misconception(
            m.labels_shifted_already,
            "It looks as if the labels are shifted here. next_token_loss shifts them, and twice is "
            "once too often; leave each label where its id stands.",
            also=(m.labels_shifted_and_cut,),
        ),
        Misconception(
            m.labels_in_place,
            "It looks as if the ids themselves are changed. The model still has to read them: "
            "masked_fill makes a new tensor, masked_fill_ overwrites.",
            also=(m.labels_in_place_row_by_row,),
        ),
        Misconception(
            m.labels_as_truth,
            "It looks as if the table of True and False itself comes back. Use it to fill: "
            "ids.masked_fill(where, -100).",
            also=(m.labels_as_truth_of_the_answer,),
        ),
        Misconception(
            m.end_of_the_answer_masked,
            "It looks as if the last token of the answer is hidden. It is [END], and the model "
            "has to learn it like any word, or it never stops.",
        ),
        Misconception(
            m.answers_cut_out,
            "It looks as if the answers are cut out, into one row. The labels have the shape of "
            "the ids, with -100 where nothing is learned.",
        ),
        Misconception(
            m.first_padding_left_in,
            "It looks as if the first padding of each row is learned. The answer has its own "
            "[END]; put -100 wherever ids == pad_id.",
        ),
    ),
    alternatives=(m.labels_row_by_row, m.labels_by_where, m.labels_from_lists),
    points=3,
    minutes=12,
    difficulty=3,
)
