# %% [markdown]
# # Chapter 8 · From model to assistant
#
# > **You:** where did nora lose the hammer ?
# >
# > **The model:** in the park .
# >
# > **You:** Who told you that?
#
# Nobody did. Chapter 5's GPT has read stories, and it goes on with whatever it is given. It has no
# idea that a question wants an answer, nor that some answers are true and others are not. This
# chapter makes an assistant of it: it learns to answer, to stop, and to look up what it cannot
# know. That is the way from GPT to the assistants people talk to every day, with every step small
# enough to build yourself.
#
# **Where you stand.** 1 embeddings → 2 attention → 3 the transformer block → 4 BERT → 5 GPT →
# 6 fine-tuning → 7 translation → **8 assistant**. Chapter 5 gave you a GPT, chapter 6 showed how a
# pre-trained BERT is put to work. This is the last chapter: after it you have built all of it.
#
# **What you will build.** Ten functions and one layer. The picture below shows how they work
# together once you have them.
#
# **What you need.** Chapter 5, or the same knowledge: a GPT, its loss, and how it writes. Cosine
# similarity from chapter 1. No GPU, no internet.
#
# **How long.** The exercises take about an hour and forty minutes, with reading and playing three
# hours. The notebook itself runs in about a minute.
#
# **What you can do at the end.** Tune a language model on conversations and say which tokens count.
# Find passages by meaning and put them before a question. Say what looking things up cures and what
# it does not. Train a small share of a model's numbers and know what that saves. Explain how a
# model that has read the web becomes one that people can talk to, and what that costs.

# %%
import math

import torch
from torch import Tensor, nn

from autograder import check, hint, progress, quiz, use

# %% tags=["demonstration"]
# Pictures. Nothing to learn in this cell: run it and read on.
import copy

import matplotlib.pyplot as plt
from matplotlib.patches import FancyBboxPatch

from minitransformer.sketches import BLUE, GREY, ORANGE, STYLE, show

torch.set_num_threads(1)  # everything here is tiny, and one core does tiny things fastest
plt.rcParams.update(STYLE)


def box(ax, left, bottom, words, colour=GREY, width=2.6, height=0.8):
    """A rounded box with words in it."""
    style = dict(boxstyle="round,pad=0.02,rounding_size=0.12", facecolor="none", lw=1.8)
    ax.add_patch(FancyBboxPatch((left, bottom), width, height, edgecolor=colour, **style))
    ax.text(left + width / 2, bottom + height / 2, words, ha="center", va="center",
            color=colour, fontsize=9)


def arrow(ax, start, end):
    ax.annotate("", end, start, arrowprops=dict(arrowstyle="->", color=GREY, lw=1.4))


figure, ax = plt.subplots(figsize=(10.5, 3.3))
box(ax, 0, 2.2, "where did nora\nlose the hammer ?")
box(ax, 0, 0.2, "a shelf of\n200 passages")
box(ax, 3.5, 1.2, "search\nthe nearest passage", BLUE)
box(ax, 7.0, 1.2, "build_prompt\npassage + question", BLUE)
box(ax, 10.9, 1.2, "GPT, tuned with\nmask_prompt", BLUE)
box(ax, 10.9, -0.6, "LoRALinear\na few numbers more", ORANGE)
box(ax, 10.9, 3.0, "at the bank .")
arrow(ax, (2.65, 2.6), (3.45, 1.75))
arrow(ax, (2.65, 0.6), (3.45, 1.45))
arrow(ax, (6.15, 1.6), (6.95, 1.6))
arrow(ax, (9.65, 1.6), (10.85, 1.6))
arrow(ax, (12.2, 2.05), (12.2, 2.95))
arrow(ax, (12.2, 0.25), (12.2, 1.15))
ax.text(10.25, 2.12, "chat_template", ha="center", fontsize=9, color=BLUE)
ax.set(xlim=(-0.2, 13.7), ylim=(-0.8, 4))
ax.axis("off")
show(figure, "the question and a shelf of passages go into search, which finds the nearest "
     "passage; build_prompt puts it before the question; the tuned GPT answers. LoRA adds a few "
     "numbers to the GPT for a new task.")

# %% [markdown]
# ### The way there
#
# | Step | You build | With it you can |
# |---|---|---|
# | 1 One model, two objectives | `last_vector`, `two_objective_loss` | tune a GPT for a task |
# | 2 Conversations | `chat_template`, `mask_prompt` | make it answer |
# | 3 Looking things up | `embed_passages`, `search`, `recall_at_k` | find a passage |
# | 4 Reading before answering | `build_prompt` | answer what it never learned |
# | 5 Few numbers | `training_memory`, `LoRALinear`, `merged_weight` | teach it one thing more |
# | 6 What it takes | (to read) | say how the large ones are made |
#
# **How it works.** Write your code where an exercise says `raise NotImplementedError()`, run the
# cell, run the `check(...)` below it. Stuck? The `hint(...)` cell gives three hints, one at a time.
# You can also read on: wherever your own code is not right yet, the notebook continues with the
# course's, and says so.
#
# **Words for sizes.** `batch` texts of `seq` tokens; each token is a vector of `d_model` numbers,
# and there are `vocab` different tokens.

# %% [markdown]
# ## 1 One model, two objectives
#
# The first GPT (Radford and others 2018) was built to be *tuned*. It was pre-trained on books to
# predict the next word, and then taught a task with labels: does this review praise, or complain?
#
# **Where to read the answer.** BERT reads a class off its first token, `[CLS]`, because there every
# token has seen every other. A GPT looks back only: its first token has seen itself and nothing
# else. The one that has seen the whole text is the *last*. So a linear layer on the last token's
# vector names the class.
#
# Texts have different lengths, though, and are filled up with padding. `real` is True where a token
# stands:
#
# | text | place 0 | 1 | 2 | 3 | last real place |
# |---|---|---|---|---|---|
# | *good soup .* | True | True | True | False | 2 |
# | *the soup was good* | True | True | True | True | 3 |
#
# Padding may also stand in front; then the places of a short text begin later, and counting its
# tokens does not tell where it ends.
#
# **Useful tools.** `torch.arange(seq)` numbers the places. `masked_fill(~real, 0)` puts a 0 where
# nothing stands, and `amax(dim=1)` takes the largest of each row. With one place per row,
# `hidden[torch.arange(batch), places]` picks one vector from each. One thing more, for the day when
# your tensors lie on a GPU: a new tensor is made on the CPU unless you say where. So write
# `torch.arange(seq, device=real.device)`, and the numbers lie beside the tensors they belong to.
# The check looks whether yours do.

# %% exercise="last_vector"
def last_vector(hidden: Tensor, real: Tensor) -> Tensor:
    """The vector of each text's last real token.

    Args:
        hidden: contextual vectors (batch, seq, d_model).
        real: bool (batch, seq), False where padding stands, behind the text or in front of it.

    Returns:
        (batch, d_model).

    Example: for hidden [[[1.0], [2.0], [3.0]]] and real [[True, True, False]] it is [[2.0]].
    """
    ### BEGIN SOLUTION
    batch, seq = real.shape
    numbers = torch.arange(seq, device=real.device)
    places = numbers.masked_fill(~real, 0).amax(dim=1)  # (batch,)
    return hidden[torch.arange(batch, device=real.device), places]
    ### END SOLUTION


# %% [markdown]
# **What to learn.** With only the task's loss, nothing asks the model to write such texts, and it
# has one label per text to learn from. The paper adds a second objective:
# while it learns the task, the model also predicts every next word of the same texts, as it always
# did:
#
# $$L = L_{task} + \lambda \, L_{language}$$
#
# Here $\lambda$ (lambda) says how much the language counts; the paper takes 0.5. By hand: with a
# task loss of 0.7, a language loss of 2.0 and $\lambda = 0.5$, the sum is $0.7 + 0.5 \cdot 2.0 =
# 1.7$. In code it is called `weight`, since `lambda` is a word of Python.

# %% exercise="two_objective_loss"
def two_objective_loss(task: Tensor, language: Tensor, weight: float = 0.5) -> Tensor:
    """Learn a task, and go on learning the language.

    Args:
        task: the loss of the task, one number as a tensor.
        language: the language model's loss on the same texts, likewise.
        weight: λ, how much the language counts.

    Returns:
        One number, as a tensor through which gradients flow back to both.

    Example: a task loss of 0.7 and a language loss of 2.0 with weight 0.5 give 1.7.
    """
    ### BEGIN SOLUTION
    return task + weight * language
    ### END SOLUTION


# %% [markdown]
# Now tune a GPT that has read the world's stories (chapter 5 trained one like it; its weights come
# with the course) on reviews, once without the second objective and once with it. The GPT has never
# seen a review. Two figures on reviews that were held out: how often it names the right class, and
# how well it could *write* one, as its loss per token. And a third: how well it still writes
# stories, for which it was made. What do you expect of that one, with $\lambda$ and without?
#
# What can be reached is known exactly: 3 of 100 labels in this world are wrong, and nobody can
# guess which, so the best accuracy there is, the *Bayes line*, is 97 %. (On 2,000 reviews, luck
# moves it by some tenths of a per cent.)

# %% tags=["demonstration"]
from minitransformer import load_pretrained
from minitransformer.training.tuning_runs import tune_reader

parts = {"last": use(last_vector), "combine": use(two_objective_loss)}
runs = [
    ("before tuning", tune_reader(load_pretrained("world-gpt").model, 0.0, steps=0, **parts)),
    ("tuned, λ = 0", tune_reader(load_pretrained("world-gpt").model, 0.0, steps=120, **parts)),
    ("tuned, λ = 0.5", tune_reader(load_pretrained("world-gpt").model, 0.5, steps=120, **parts)),
]
print(f"{'':16}  class right   loss as a writer (nats a token)")
print(f"{'':16}               of reviews   of stories")
for name, run in runs:
    print(f"{name:16}  {run.accuracy:11.1%}   {run.review_loss:10.2f}   {run.story_loss:10.2f}")

# %% [markdown]
# Both learn the class. But the model that was tuned for the class alone cannot write a review: it
# knows what to say *about* one. With λ the same weights do both. The authors found that the second
# objective helps most where there are many labelled texts, and not where there are few (Radford and
# others 2018, section 5).
#
# **Forgetting.** The last column is the price. While it is tuned the model reads reviews and no
# story, and it gets worse at stories; worst where it learned to write reviews, with a label at
# every token. The second objective makes a model a writer of the texts that it is tuned on. It does
# not keep what the model has read before; whoever wants that as well lays some of the old texts
# among the new ones (you will do so in step 5).
#
# Note what has happened to the way of working. One model was trained once, at great cost, on plain
# text; for each task it is only tuned. Models that are used like this are called **foundation
# models** (Bommasani and others 2021), and GPT and BERT were the first of them in language.

# %%
quiz("why-two-objectives")
# quiz("why-two-objectives", "a")

# %% [markdown]
# ## 2 Conversations
#
# A head for every task was the way of 2018. The large models that followed need none: everything is
# written as text, question and answer alike, and the model simply goes on. Let us ask ours.

# %% tags=["demonstration"]
from minitransformer.chat import CHAT_TOKENS, grow_vocabulary
from minitransformer.training.assistant_runs import ask, command_lessons

writer = load_pretrained("world-gpt")
commands = command_lessons()
print("It goes on with a story:")
for start in ("mia puts her pie into", "omar camps in the"):
    story = ask(writer.model, [f"[SEP] {start}"], writer.tokenizer.vocab, "[SEP]", 30)[0]
    print(f"  {start} … {story}")
print("It is given a command:")
for command in ("say backwards : dog cat .", "tell who : mia eats the pie ."):
    said = ask(writer.model, [f"[SEP] {command}"], writer.tokenizer.vocab, end="[PAD]")[0]
    print(f"  {command} … {said}")

# %% [markdown]
# It ends the text (`[SEP]`) and begins a story, whatever it is given. Why should it do otherwise?
# Nothing it has read was ever an answer.
#
# A model that has read the web is in the same place, only larger. The web has questions, but what
# follows one may be an answer, or another question, or an advertisement; the model goes on with
# whatever is likely. Raw web pages make a model that knows much and answers badly. What makes an
# assistant are examples of what answering *is*: an instruction, and behind it a good answer,
# written or chosen by people. There need not be many, but they must be good. InstructGPT (Ouyang
# and others 2022) began with about 13,000; Zhou and others (2023) came far with 1,000 that were
# picked with great care.
#
# Our world can make such pairs by the thousand. Each is a command and its one right answer:

# %% tags=["demonstration"]
shown = {}
for command in commands.learned:
    shown.setdefault(command.kind, command)
for command in shown.values():
    print(f"{command.instruction:48} →  {command.answer}")
print(f"\n{len(commands.learned):,} to learn from; {len(commands.unseen):,} others are "
      "kept for the test.")

# %%
quiz("raw-web")
# quiz("raw-web", "a")

# %% [markdown]
# **A template.** The model reads one line of tokens. Who is speaking, and where a turn ends, has to
# be written into the line. We take three tokens that no story has: `[USER]` opens a turn of the
# user, `[BOT]` one of the assistant, and `[END]` closes each turn.
#
# | role | content | in the text |
# |---|---|---|
# | user | *say backwards : cat soup .* | `[USER] say backwards : cat soup . [END]` |
# | assistant | *soup cat .* | `[BOT] soup cat . [END]` |
#
# - The model is tuned on whole conversations, which end with `[END]`. From these it learns to write
#   `[END]` itself, and that is how we know that it has finished.
# - When it is to answer, the text must stop where the assistant's turn has just begun, at `[BOT]`.
#   This last token is called the **generation prompt**.
#
# Every assistant has such a template. OpenAI's ChatML and the templates of Llama differ from ours
# in the spelling of the tokens. A model knows the template it was tuned on and no other, as you
# will see in a moment.
#
# **Messages.** A conversation is a list of dictionaries, `{"role": "user", "content": "…"}`; that
# is how you would send it to an assistant over the internet as well. Put single spaces between the
# parts: collect them in a list, and `" ".join(parts)` does it.

# %% exercise="chat_template"
def chat_template(messages: list[dict], add_generation_prompt: bool = False) -> str:
    """Write a conversation as one text.

    Args:
        messages: dictionaries with "role" ("user" or "assistant") and "content", in order.
        add_generation_prompt: whether to open a turn of the assistant at the end.

    Returns:
        For each message [USER] or [BOT], its content, [END]; then [BOT] where it is asked for.
        Single spaces between all parts, none in front and none behind.

    Example: chat_template([{"role": "user", "content": "hello"}], True) is
    "[USER] hello [END] [BOT]".
    """
    ### BEGIN SOLUTION
    parts = []
    for message in messages:
        token = "[USER]" if message["role"] == "user" else "[BOT]"
        parts += [token, message["content"], "[END]"]
    if add_generation_prompt:
        parts.append("[BOT]")
    return " ".join(parts)
    ### END SOLUTION


# %% [markdown]
# **What is learned.** Tuning is chapter 5's training once more: read a text, predict each next
# token, take a step. With one difference. The prompt comes from the user. We do not want a model
# that is good at guessing what users ask; we want one that answers. So the tokens of the prompt are
# *read*, but not *learned*: they get the label −100, which the loss leaves out, as in chapter 4.
#
# | | | | | | | | | |
# |---|---|---|---|---|---|---|---|---|
# | **id of** | `[USER]` | *hello* | `[END]` | `[BOT]` | *hi* | *.* | `[END]` | `[PAD]` |
# | **label** | −100 | −100 | −100 | −100 | *hi* | *.* | `[END]` | −100 |
#
# The prompt has 4 tokens here, from `[USER]` to `[BOT]`, at the places 0 to 3. The answer begins at
# place 4, and its `[END]` is learned like any word. Padding is not.
#
# **No shift here.** Labels stand where their ids stand. Chapter 5's `next_token_loss` compares the
# logits at each place with the label one place later, so at `[BOT]` the model is asked for *hi*.
# Whoever shifts here as well asks for the wrong word.
#
# **Tools.** The places `torch.arange(seq)` and a column of lengths, `prompt_length[:, None]`,
# compare to a table `(batch, seq)`. `|` means *or*. `masked_fill(where, -100)` makes a new tensor.

# %% exercise="mask_prompt"
def mask_prompt(ids: Tensor, prompt_length: Tensor, pad_id: int = 0) -> Tensor:
    """Labels for tuning on answers: the prompt is read, and not learned.

    Args:
        ids: token ids (batch, seq): prompt, answer, then padding.
        prompt_length: how many tokens the prompt of each row has, integers (batch,).
        pad_id: the id of padding.

    Returns:
        Labels (batch, seq): the ids where the answer stands, -100 on prompt and padding.

    Example: ids [[7, 8, 9, 0]] with prompt_length [1] give [[-100, 8, 9, -100]].
    """
    ### BEGIN SOLUTION
    places = torch.arange(ids.shape[1], device=ids.device)
    silent = (places < prompt_length[:, None]) | (ids == pad_id)
    return ids.masked_fill(silent, -100)
    ### END SOLUTION


# %% tags=["demonstration"]
template, mask = use(chat_template), use(mask_prompt)


def turn(role, content):
    return {"role": role, "content": content}


def lesson(instruction, answer):
    """(prompt, whole conversation), both written with your template."""
    asked = [turn("user", instruction)]
    whole = [*asked, turn("assistant", answer)]
    return template(asked, add_generation_prompt=True), template(whole)


vocab = grow_vocabulary(writer.model, writer.tokenizer.vocab, CHAT_TOKENS)
three = next(c for c in commands.learned if c.kind == "reverse" and len(c.answer.split()) == 4)
examples = [three, shown["name"], shown["repeat"]]
texts = [lesson(command.instruction, command.answer) for command in examples]
rows = [[vocab[token] for token in whole.split()] for _, whole in texts]
seq = max(map(len, rows))
ids = torch.tensor([row + [0] * (seq - len(row)) for row in rows])
labels = mask(ids, torch.tensor([len(prompt.split()) for prompt, _ in texts]), 0)
token_of = {index: token for token, index in vocab.items()}

words = [[token_of[int(index)] for index in row] for row in ids]
widths = [0.7 + 0.2 * max(map(len, column)) for column in zip(*words, strict=True)]
figure, ax = plt.subplots(figsize=(11, 1.9))
for row in range(len(rows)):
    for place, width in enumerate(widths):
        left, learned = sum(widths[:place]), int(labels[row, place]) != -100
        ax.add_patch(plt.Rectangle((left, -row), width - 0.08, 0.8, lw=0.8,
                                   facecolor=BLUE if learned else "none",
                                   edgecolor=BLUE if learned else GREY))
        ax.text(left + width / 2 - 0.04, 0.4 - row, words[row][place], ha="center", va="center",
                fontsize=10, color="white" if learned else GREY)
ax.set(xlim=(-0.1, sum(widths)), ylim=(-len(rows) + 0.9, 0.9))
ax.axis("off")
show(figure, f"three conversations of {seq} places. Blue tokens are learned, "
     f"{int((labels != -100).sum())} of {labels.numel()}; the others are the prompts, which are "
     "only read, and padding.")

# %%
quiz("why-mask-the-prompt")
# quiz("why-mask-the-prompt", "a")

# %% [markdown]
# **Three new tokens.** The story-writer has never met `[USER]`, `[BOT]` and `[END]`. The cell above
# gave its table three new rows; since the head is tied to the table, it can now write them too.
# What they mean it has to learn.
#
# **The lessons.** Two batches in three are commands. In the third it learns to read: a sentence,
# and a question about it. (One reading question in eight comes without its sentence. Nobody can
# know the answer then, and the model learns to say something all the same. Keep that in mind.) Your
# template writes every text, your mask decides what is learned, and the loss is chapter 5's.

# %% tags=["demonstration"]
import random

from minitransformer.training.assistant_runs import reading_lessons, shelf_of_facts, tune_assistant
from minitransformer.training.tuning_runs import story_loss

shelf, questions = shelf_of_facts(200)  # kept for later: nothing on the shelf is ever learned
doing = [lesson(command.instruction, command.answer) for command in commands.learned]
reading = []
for number, one in enumerate(reading_lessons(8000, seed=0, shelf=shelf)):
    read = one.question if number % 8 == 0 else f"{one.passage} {one.question}"
    reading.append(lesson(read, f"{one.answer} ."))
before = copy.deepcopy(writer.model)
assistant = writer.model
history = tune_assistant(
    assistant, [doing, doing, reading], vocab, steps=640, mask=mask,
    loss=use("next_token_loss"), seed=2,
)

# %% tags=["demonstration", "nbval-ignore-output"]
means = [sum(history.losses[i : i + 20]) / 20 for i in range(0, len(history.losses), 20)]
figure, ax = plt.subplots(figsize=(7, 2.4))
ax.plot([20 * i + 10 for i in range(len(means))], means, color=BLUE)
ax.set(xlabel="step", ylabel="loss of the answers", yscale="log")
show(figure, f"the loss of the answers, in nats a token, falls from {means[0]:.1f} to "
     f"{means[-1]:.2f} in {len(history.losses)} steps.")

# %% [markdown]
# **Before and after.** The same commands, none of which it was tuned on, to the same model before
# and after tuning.

# %% tags=["demonstration"]
exam = [command for kind in sorted(shown) for command in
        [unseen for unseen in commands.unseen if unseen.kind == kind][:150]]
asked = [lesson(command.instruction, "")[0] for command in exam]
answers = {"before": ask(before, asked, vocab), "after": ask(assistant, asked, vocab)}
kinds = sorted({command.kind for command in exam})


def share_right(said, kind=None):
    """The share of commands that were answered word for word."""
    marks = [a == c.answer for a, c in zip(said, exam, strict=True) if kind in (None, c.kind)]
    return sum(marks) / len(marks)


for kind in kinds:
    place = next(i for i, command in enumerate(exam) if command.kind == kind)
    print(f"YOU     {exam[place].instruction}")
    print(f"before  {answers['before'][place]}")
    print(f"after   {answers['after'][place]}\n")

figure, ax = plt.subplots(figsize=(8, 2.6))
for shift, (name, colour) in zip((-0.2, 0.2), (("before", ORANGE), ("after", BLUE)), strict=True):
    shares = [share_right(answers[name], kind) for kind in kinds]
    bars = ax.bar([i + shift for i in range(len(kinds))], shares, 0.38, color=colour, label=name)
    ax.bar_label(bars, fmt=lambda share: f"{share:.0%}", color=GREY, fontsize=9)
counts = [sum(command.kind == kind for command in exam) for kind in kinds]
names = [f"{kind}\n{n} asked" for kind, n in zip(kinds, counts, strict=True)]
ax.set_xticks(range(len(kinds)), names)
ax.set(ylabel="share right", ylim=(0, 1.15))
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
shares = [f"{kind} ({n} asked) {share_right(answers['before'], kind):.0%} and "
          f"{share_right(answers['after'], kind):.0%}"
          for kind, n in zip(kinds, counts, strict=True)]
show(figure, "the share of unseen commands that were answered word for word, before and after "
     f"tuning: {'; '.join(shares)}.")
print(f"{len(exam)} unseen commands, answered word for word: before "
      f"{share_right(answers['before']):.1%}, after {share_right(answers['after']):.1%}")
plain = [f"[SEP] {command.instruction}" for command in exam]
print(f"the same commands, after tuning, but without the template: "
      f"{share_right(ask(assistant, plain, vocab)):.1%}")
print(f"loss on stories, in nats a token: before {story_loss(before):.2f}, "
      f"after {story_loss(assistant):.2f}")

# %% [markdown]
# It has not learned a list: it was never shown these commands. It has learned what *backwards* is.
# (Of some kinds there are few different commands in this world, and few were asked: a share of ten
# says less than one of a hundred and fifty.) And it hardly answers who does not speak to it in its
# own template; nothing warns those who do not.
#
# The last line shows the price again. No lesson was a story, and the story-writer has lost its
# trade: on its way to one thing a model loses another. InstructGPT got worse at some older tasks in
# the same way. Its authors called that the *alignment tax*, and mixed text of the pre-training into
# the last step of the tuning (Ouyang and others 2022).
#
# A poem, a summary, a program: for a large model all these are commands of the same form, with
# examples of the same form. Codex (Chen and others 2021) is a GPT that was trained further on
# programs; asked for a function by its description, it goes on with the code. Nothing else about it
# is different from what you have here.

# %% [markdown]
# ## 3 Looking things up
#
# Now ask it for a fact. In a folder lie 200 sentences that no model here has ever seen:

# %% tags=["demonstration"]
for number in range(3):
    print(f"on the shelf: {shelf[number]}")
print()
closed_book = ask(assistant, [lesson(one.question, "")[0] for one in questions], vocab)
for number in (0, 1, 4):
    print(f"YOU        {questions[number].question}")
    print(f"assistant  {closed_book[number]}")
    print(f"the truth  {questions[number].answer} .\n")
unaided = sum(a == f"{q.answer} ." for a, q in zip(closed_book, questions, strict=True))
print(f"right without looking anything up: {unaided / len(questions):.0%} of {len(questions)}")

# %% [markdown]
# It answers at once, in good style, and most of the time it is wrong. It cannot know, and it was
# tuned to answer. People call this a *hallucination*. More training on commands cannot help, since
# the facts are in none of them, and training on the facts themselves would have to be done again
# whenever a fact changes.
#
# You would do something else: look it up. Lewis and others (2020) let a model do just that and
# called it **retrieval-augmented generation**, RAG:
#
# 1. *once*: turn every passage on the shelf into a vector,
# 2. turn the question into a vector, and find the nearest passages,
# 3. put them into the prompt, and let the model read before it answers.
#
# **Step one.** `encode` takes a list of texts and gives one vector each, `(n, d)`; any model will
# do. A shelf can be large, so the passages go through it `batch_size` at a time. And nothing is
# trained here: inside a block that begins with `with` and `torch.no_grad()`, PyTorch keeps nothing
# for gradients.
#
# By hand: 7 passages with a batch size of 3 make the batches 0–2, 3–5 and 6 alone. The last one is
# smaller, and must not be lost. `range(0, 7, 3)` gives 0, 3, 6; a slice that reaches beyond the end
# of a list simply ends there; `torch.cat` puts the parts below each other.

# %% exercise="embed_passages"
def embed_passages(encode, passages: list[str], batch_size: int = 32) -> Tensor:
    """The vectors of many passages, computed batch by batch and without gradients.

    Args:
        encode: a function from a list of n texts to their vectors (n, d).
        passages: the texts.
        batch_size: how many texts go through encode at a time.

    Returns:
        (len(passages), d), in the order of the passages.

    Example: 7 passages with batch_size 3 call encode three times, with 3, 3 and 1 texts.
    """
    ### BEGIN SOLUTION
    with torch.no_grad():
        starts = range(0, len(passages), batch_size)
        parts = [encode(passages[start : start + batch_size]) for start in starts]
    return torch.cat(parts)
    ### END SOLUTION


# %% [markdown]
# **Step two.** Which passage is nearest? As in chapter 1, what counts is the direction of a vector,
# not its length. The cosine is the dot product of vectors brought to length 1:
#
# $$\cos(q, p) = \frac{q \cdot p}{\lvert q \rvert\, \lvert p \rvert}$$
#
# By hand: $q = (1, 0)$, $p_1 = (3, 4)$ and $p_2 = (0.8, 0.6)$. The dot products are 3 and 0.8, so
# $p_1$ seems to win. The lengths of the passages are 5 and 1, so the cosines are $3 / 5 = 0.6$ and
# $0.8$. It is $p_2$ that points the way $q$ points; $p_1$ is only longer.
#
# **Shapes.** Queries `(queries, d)` and passages `(passages, d)` give a table of cosines `(queries,
# passages)`, one row a query. From each row take the `k` best: `table.topk(k, dim=-1)` has their
# `.values` and their places, `.indices`.
#
# **More than there are.** With 3 passages on the shelf nobody can find 5. Some functions fail with
# a message about dimensions, others quietly return fewer. Yours should say what is wrong: `raise
# ValueError(...)` if `k` is less than 1 or more than the number of passages.

# %% exercise="search"
def search(
    query_vectors: Tensor, passage_vectors: Tensor, k: int
) -> tuple[Tensor, Tensor]:
    """The k passages whose directions are nearest to each query's.

    Args:
        query_vectors: (queries, d), of any lengths.
        passage_vectors: (passages, d), of any lengths.
        k: how many to find, from 1 to the number of passages; else a ValueError.

    Returns:
        Two tensors (queries, k), best first: the places of the passages, and their cosines.

    Example: for query [[1.0, 0.0]], passages [[3.0, 4.0], [0.8, 0.6]] and k = 2 the places are
    [[1, 0]] and the cosines [[0.8, 0.6]].
    """
    ### BEGIN SOLUTION
    if not 1 <= k <= len(passage_vectors):
        raise ValueError(f"k must lie in 1..{len(passage_vectors)} (the passages), got {k}")
    queries = query_vectors / query_vectors.norm(dim=-1, keepdim=True)
    passages = passage_vectors / passage_vectors.norm(dim=-1, keepdim=True)
    found = (queries @ passages.T).topk(k, dim=-1)
    return found.indices, found.values
    ### END SOLUTION


# %% [markdown]
# **How good is a search?** Ask many questions whose right passage is known, and count for how many
# of them it is among the first $k$ found: **recall at k**.
#
# $$\text{recall@}k = \frac{\text{questions whose passage is among the first } k}
# {\text{questions}}$$
#
# By hand: three questions, $k = 2$.
#
# | question | found, best first | right | among the first two? |
# |---|---|---|---|
# | 0 | 4, 1 | 4 | yes |
# | 1 | 0, 2 | 2 | yes |
# | 2 | 3, 5 | 1 | no |
#
# Recall@2 is $2 / 3$. Someone has written `recall_at_k` for us, and with $k = 1$ it is right. But
# the larger $k$ is, the worse it says the search is, and that cannot be: who looks at more passages
# misses fewer. For the table above it gives $2 / 6$. Which line is it, and what does that line
# measure?

# %% exercise="recall_at_k"
def recall_at_k(places: Tensor, right: Tensor, k: int) -> float:
    """The share of questions whose right passage is among the first k found.

    Args:
        places: what was found, best first, integers (queries, n) with n at least k.
        right: the one right passage of each question, integers (queries,).
        k: how many of the found ones count.

    Returns:
        A number from 0 to 1.

    Example: places [[4, 1], [0, 2], [3, 5]] with right [4, 2, 1] and k = 2 give 2 / 3.
    """
    ### BEGIN SOLUTION
    found = (places[:, :k] == right.unsqueeze(1)).any(dim=1)  # (queries,)
    return found.double().mean().item()
    ### END SOLUTION
    ### BEGIN BUG
    # hits = places[:, :k] == right.unsqueeze(1)  # (queries, k)
    # return hits.double().mean().item()
    ### END BUG


# %% [markdown]
# **Who encodes?** Three candidates, judged on 400 questions about the 200 sentences:
#
# - *Counted words*: a text is the list of its words, rare ones counting more (TF-IDF; Spärck Jones
#   1972). No learning, no meaning: *lose* in a question and *lost* in a passage are strangers.
# - *BERT as it is*: the mean of the contextual vectors, as in chapter 6.
# - *An encoder tuned to find*: a small one, fresh, that is shown questions with their passages. In
#   each batch every question should be nearest to its own passage, and all other passages of the
#   batch serve as wrong answers. The cosines are the logits and the cross-entropy is the loss. This
#   is how Karpukhin and others (2020) trained the retrievers that RAG was built on.

# %% tags=["demonstration"]
from minitransformer.retrieval import TfIdf
from minitransformer.training.assistant_runs import finding_lessons
from minitransformer.training.tuning_runs import encoder_of, tune_finder

embed, find, recall = use(embed_passages), use(search), use(recall_at_k)
pool = use("mean_pooling")
encode, losses = tune_finder(finding_lessons(30, batch=64), steps=30, pool=pool)
encoders = {
    "counted words": TfIdf(shelf),
    "BERT as it is": encoder_of(load_pretrained("world-bert").model.bert, pool),
    "tuned to find": encode,
}
right = torch.arange(len(shelf)).repeat_interleave(2)  # two questions a passage
recalls = {}
for name, encoder in encoders.items():
    vectors = embed(encoder, shelf)
    places, _ = find(embed(encoder, [one.question for one in questions]), vectors, 5)
    recalls[name] = [recall(places, right, k) for k in (1, 2, 5)]

figure, ax = plt.subplots(figsize=(8.5, 2.8))
colours = (GREY, ORANGE, BLUE)
for number, (name, values) in enumerate(recalls.items()):
    at = [place + 0.27 * (number - 1) for place in range(3)]
    bars = ax.bar(at, values, 0.25, color=colours[number], label=name)
    ax.bar_label(bars, fmt=lambda share: f"{share:.1%}", color=GREY, fontsize=8.5)
ax.set_xticks(range(3), ["recall@1", "recall@2", "recall@5"])
ax.set(ylim=(0, 1.15), ylabel="right passage found")
ax.legend(loc="upper left", bbox_to_anchor=(1, 1))
show(figure, "; ".join(f"{name} finds {values[0]:.1%} at the first try"
                       for name, values in recalls.items()) + ".")

# %% [markdown]
# BERT, which knows more about sentences than the other two, is last by far. It was trained to fill
# gaps in stories; it has hardly met a question, and nobody asked it to bring a question and its
# answer to one place. Reimers and Gurevych
# (2019) noticed the same with the real BERT, whose plain mean vectors lost even to averaged word
# vectors. What a vector is good for is decided by what it was trained for.

# %% tags=["demonstration"]
few = [questions[2 * number] for number in range(6)]
one, other = embed(encode, [each.question for each in few]), embed(encode, shelf[:6])
cosines = nn.functional.normalize(one, dim=-1) @ nn.functional.normalize(other, dim=-1).T
figure, ax = plt.subplots(figsize=(8, 3.4))
ax.imshow(cosines, cmap="Blues", vmin=0, vmax=1, aspect="auto")
ax.set_yticks(range(6), [each.question for each in few], fontsize=9)
ax.set_xticks(range(6), [text.split(" at ")[0].split(" in ")[0].split(" near ")[0] + " …"
                         for text in shelf[:6]], rotation=25, ha="right", fontsize=9)
ax.tick_params(length=0)
ax.spines[:].set_visible(False)
for row in range(6):
    for column in range(6):
        value = float(cosines[row, column])
        words = f"{value:.2f}".replace("-0.00", "0.00")
        ax.text(column, row, words, ha="center", va="center", fontsize=9,
                color="white" if value > 0.55 else "#404040")
ax.set_xlabel("passages")
ax.set_ylabel("questions", labelpad=12)
own = int((cosines.argmax(dim=1) == torch.arange(6)).sum())
show(figure, f"the cosines of six questions and six passages. In {own} of six rows the largest "
     "stands on the diagonal, where question and passage belong together.")

# %% [markdown]
# ## 4 Reading before answering
#
# The passage is found. Now it goes into the prompt, and for that there is a template again:
#
# ```
# {passages}
# Question: {question}
# Answer:
# ```
#
# The passages come first, each on a line of its own, the best at the top; then the question. A
# string with names in braces is filled in by `template.format(passages=…, question=…)`, both at
# once, and `"\n".join(list_of_texts)` puts line ends between texts.
#
# Both *at once* matters. A passage is text that somebody else wrote. If the passages are filled in
# first and the result is searched for `{question}` again, then whoever writes `{question}` into a
# passage has got into your prompt. (A question may hold braces just as well.)
#
# The three lines above are the usual form for a large model. They become the default of your
# function, `TEMPLATE`; another form may be handed over in its place.

# %%
TEMPLATE = "{passages}\nQuestion: {question}\nAnswer:"

# %% exercise="build_prompt"
def build_prompt(question: str, passages: list[str], template: str = TEMPLATE) -> str:
    """Write passages and question into one text.

    Args:
        question: what is asked.
        passages: what may help, the best first; each becomes a line of its own.
        template: has {passages} and {question} in it, where these go.

    Returns:
        The template, filled in.

    Example: build_prompt("who ?", ["mia .", "leo ."], "{passages} | {question}") is
    "mia .\\nleo . | who ?".
    """
    ### BEGIN SOLUTION
    return template.format(passages="\n".join(passages), question=question)
    ### END SOLUTION


# %% [markdown]
# All parts are there. First the prompt as a large model would get it: the two nearest passages and
# a question, in `TEMPLATE`.

# %% tags=["demonstration"]
build = use(build_prompt)
vectors = embed(encode, shelf)


def look_up(question, k=1):
    """The k nearest passages of the shelf."""
    places, _ = find(embed(encode, [question]), vectors, k)
    return [shelf[place] for place in places[0].tolist()]


print(build(questions[0].question, look_up(questions[0].question, k=2)))

# %% [markdown]
# Ours knows neither line ends nor the word *Question:*. It was tuned on a sentence with a question
# behind it, so it gets the template `"{passages} {question}"`, and one passage. Now the questions
# from above once more, to the same assistant; but this time your `search` looks on the shelf first.

# %% tags=["demonstration"]
prompts = [build(one.question, look_up(one.question), "{passages} {question}")
           for one in questions]
open_book = ask(assistant, [lesson(prompt, "")[0] for prompt in prompts], vocab)
for number in (0, 1, 4):
    print(f"YOU                {questions[number].question}")
    print(f"without retrieval  {closed_book[number]}")
    print(f"with retrieval     {open_book[number]}")
    print(f"  it had read: {look_up(questions[number].question)[0]}\n")
aided = sum(a == f"{q.answer} ." for a, q in zip(open_book, questions, strict=True))
print(f"right of {len(questions)}: without retrieval {unaided / len(questions):.1%}, with "
      f"retrieval {aided / len(questions):.1%}; recall@1 was {recalls['tuned to find'][0]:.1%}")

# %% [markdown]
# No weight has changed between the two. A new sentence on the shelf is known at once, a sentence
# taken away is forgotten, and the passage can be shown beside the answer. Now lay the *wrong*
# sentence before it:

# %% tags=["demonstration"]
about, wrong = questions[0].question, shelf[7]
misled = ask(assistant, [lesson(build(about, [wrong], "{passages} {question}"), "")[0]], vocab)[0]
print(f"passage    {wrong}")
print(f"YOU        {about}")
print(f"assistant  {misled}")

# %% [markdown]
# It answers all the same. It was never shown that a passage may be of no use, nor how to say *I do
# not know*.

# %%
quiz("what-retrieval-cures")
# quiz("what-retrieval-cures", "a")

# %% [markdown]
# ## 5 Few numbers
#
# Suppose the assistant is to learn one thing more. Tuning it again in full is easy here, with less
# than half a million numbers. Real models have billions, and training needs far more room than
# using. How much more?
#
# Think of one number $w$ that is trained with AdamW (chapter 5). Besides $w$ itself, what has to be
# kept? Its gradient. A running mean of its gradients, and one of their squares. Now think of a
# number that is **frozen**, as in chapter 6: it is used, but never moved.
#
# Write the formula before you see a measurement: how many bytes does a model of `total` numbers
# take while `trained` of them are trained? (We leave out the activations, which depend on the
# batch.)

# %% exercise="training_memory"
def training_memory(total: int, trained: int, bytes_per_number: int = 4) -> int:
    """Your prediction: the bytes for weights, gradients and AdamW's running means.

    Args:
        total: how many numbers the model has.
        trained: how many of these are trained; the others are frozen.
        bytes_per_number: 4 for float32.

    Returns:
        The bytes, a formula in the three.

    Example: of a single number that is frozen, 4 bytes are kept. You find the rest.
    """
    ### BEGIN SOLUTION
    frozen = total - trained
    return bytes_per_number * (frozen + 4 * trained)
    ### END SOLUTION


# %% [markdown]
# Now the measurement: one step of AdamW on the assistant, and then every number that PyTorch holds
# is counted. Once with all weights trained, once with the lower block frozen. The first line says
# whose `training_memory` predicts here; while yours is not right yet, it is the course's.

# %% tags=["demonstration"]
from minitransformer.training.assistant_runs import bytes_in_training

predict = use(training_memory)
for name, frozen in (("everything trained", ()), ("first block frozen", ("decoder.blocks.0.",))):
    model = copy.deepcopy(assistant)
    for label, weight in model.named_parameters():
        weight.requires_grad_(not label.startswith(frozen))
    total = sum(weight.numel() for weight in model.parameters())
    trained = sum(weight.numel() for weight in model.parameters() if weight.requires_grad)
    print(f"{name}: {trained:,} of {total:,} numbers are trained")
    print(f"  training_memory says {predict(total, trained):,} bytes, measured "
          f"{bytes_in_training(model):,} bytes")
print(f"GPT-3, all 175 billion numbers in float32: {predict(175 * 10**9, 175 * 10**9) / 1e12:.1f} "
      "terabytes")

# %% [markdown]
# **The idea of LoRA.** Tuning moves a weight matrix $W$ by some difference $\Delta W$. Hu and
# others (2021) guessed that this difference need not be an arbitrary matrix: a product of two thin
# ones may be enough.
#
# $$y = W x + \frac{\alpha}{r}\, B A\, x$$
#
# $W$ `(d_out, d_in)` stays frozen. $A$ `(r, d_in)` brings the vector down to $r$ numbers, $B$
# `(d_out, r)` brings it up again. A matrix made in this way has at most *rank* $r$, hence the name:
# **Lo**w-**R**ank **A**daptation. For $d = 128$ and $r = 4$: $W$ has $128 \cdot 128 = 16{,}384$
# numbers, $A$ and $B$ together $4 \cdot (128 + 128) = 1{,}024$.
#
# - **$B$ starts at 0**, and $A$ at random. So $BA = 0$ at first, and the model is exactly what it
#   was. If both were random, it would be damaged before it had learned anything; if both were 0,
#   neither would ever move, because the gradient of each is a product with the other.
# - **$\alpha / r$** keeps the size of the change about the same when another $r$ is tried.
#
# By hand: $W$ is the identity matrix of two rows, $A = (1 \;\; 2)$, $B = (3, 0)^\top$, $\alpha =
# 2$, $r = 1$. For $x = (1, 1)$: $A x = 3$, $B A x = (9, 0)$, times $\alpha / r = 2$ that is $(18,
# 0)$. So $y = (1, 1) + (18, 0) = (19, 1)$.
#
# **In code** vectors are rows, the features in the last axis: `x @ A.T` brings them down, `@ B.T`
# up. `layer` is an ordinary `nn.Linear`, which you keep as `self.layer`; it has
# `layer.in_features` and `layer.out_features`, and `layer.requires_grad_(False)` freezes it. A
# tensor that is to be trained is wrapped in `nn.Parameter(...)`. Call the two `self.A` and
# `self.B`.

# %% exercise="LoRALinear"
class LoRALinear(nn.Module):
    """A frozen linear layer, and beside it a change of low rank that is learned.

    Args:
        layer: the layer to build on, an nn.Linear; its weight and its bias are frozen.
        rank: r, the size in the middle.
        alpha: α, how strongly the change counts.
        generator: the source of randomness for A; hand it on to torch.randn.

    self.A is (rank, d_in), random, about 1 / √d_in in size; self.B is (d_out, rank), all zeros.
    """

    def __init__(self, layer: nn.Linear, rank: int, alpha: float, generator=None):
        super().__init__()
        ### BEGIN SOLUTION
        self.layer = layer.requires_grad_(False)
        self.scale = alpha / rank
        d_in, d_out = layer.in_features, layer.out_features
        self.A = nn.Parameter(torch.randn(rank, d_in, generator=generator) / math.sqrt(d_in))
        self.B = nn.Parameter(torch.zeros(d_out, rank))
        ### END SOLUTION

    def forward(self, x: Tensor) -> Tensor:
        """What the layer gives, plus (alpha / rank) times the change.

        Args:
            x: (..., d_in).

        Returns:
            (..., d_out).

        Example: see the numbers above; x = [1.0, 1.0] gives [19.0, 1.0].
        """
        ### BEGIN SOLUTION
        change = x @ self.A.T @ self.B.T
        return self.layer(x) + self.scale * change
        ### END SOLUTION


# %% [markdown]
# **Moving in.** A layer with a change beside it has two more products to compute. When the tuning
# is done they can be spared: $BA$ has the shape of $W$, so it can be added to $W$ once and for all,
#
# $$W' = W + \frac{\alpha}{r}\, B A$$
#
# and an ordinary layer with $W'$ computes the same. With the numbers from above: $BA$ has the rows
# $(3, 6)$ and $(0, 0)$; twice that, plus the identity, gives $(7, 12)$ and $(0, 1)$; and $(1, 1)$
# becomes $(19, 1)$, as before.

# %% exercise="merged_weight"
def merged_weight(weight: Tensor, A: Tensor, B: Tensor, alpha: float) -> Tensor:
    """One matrix that does what the frozen one and its change do together.

    Args:
        weight: the frozen weight (d_out, d_in).
        A: (rank, d_in).
        B: (d_out, rank).
        alpha: α, as in the layer.

    Returns:
        (d_out, d_in), a new tensor; the weight itself stays as it is.

    Example: the identity with A = [[1.0, 2.0]], B = [[3.0], [0.0]] and alpha = 2 gives
    [[7.0, 12.0], [0.0, 1.0]].
    """
    ### BEGIN SOLUTION
    rank = A.shape[0]
    return weight + alpha / rank * (B @ A)
    ### END SOLUTION


# %% [markdown]
# **One thing more.** Here is a command that the assistant was never tuned on: *say the last word
# three times*. It knows *the last word*, and it knows *three times*; but not one after the other.
# Your `LoRALinear` goes around the linear layers of its blocks. Every third batch is made of
# old commands, so that it does not forget them.

# %% tags=["demonstration"]
from minitransformer.lora import add_lora, count_trainable
from minitransformer.training.assistant_runs import new_command_lessons

rank, alpha = 8, 32
around = ("query", "key", "value", "output", "inner", "outer")
new = new_command_lessons()
adapted = add_lora(copy.deepcopy(assistant), rank, alpha, around,
                   torch.Generator().manual_seed(0), layer=use(LoRALinear))
lessons = [lesson(command.instruction, command.answer) for command in new.learned]
tune_assistant(
    adapted, [lessons, lessons, doing], vocab, steps=300, mask=mask, loss=use("next_token_loss"),
    optimizer="adamw", learning_rate=0.005, weight_decay=0.0,
)

new_exam = random.Random(1).sample(new.unseen, 200)
new_asked = [lesson(command.instruction, "")[0] for command in new_exam]


def new_right(model):
    """The share of new commands, none of them tuned on, answered word for word."""
    said = ask(model, new_asked, vocab)
    return sum(a == command.answer for a, command in zip(said, new_exam, strict=True)) / 200


total = sum(weight.numel() for weight in assistant.parameters())
few = count_trainable(adapted)
print(f"{'':18}  numbers trained     bytes in training   new command   old commands")
print(f"{'the assistant':18}  {total:7,} of {total:,}   {predict(total, total):11,}"
      f"{new_right(assistant):18.1%}{share_right(answers['after']):15.1%}")
print(f"{'with LoRA':18}  {few:7,} of {total + few:,}   {predict(total + few, few):11,}"
      f"{new_right(adapted):18.1%}{share_right(ask(adapted, asked, vocab)):15.1%}")

# %% tags=["demonstration"]
merge = use(merged_weight)
merged = copy.deepcopy(assistant)
for name, part in adapted.named_modules():
    if hasattr(part, "A") and hasattr(part, "B"):
        new_weight = merge(part.layer.weight, part.A, part.B, alpha)
        merged.get_submodule(name).weight.data.copy_(new_weight)
sample = torch.tensor([[vocab[token] for token in new_asked[0].split()]])
gap = (merged(sample) - adapted(sample)).abs().max().item()
print(f"YOU        {new_exam[0].instruction}")
print(f"before     {ask(assistant, new_asked[:1], vocab)[0]}")
print(f"with LoRA  {ask(adapted, new_asked[:1], vocab)[0]}")
print(f"merged     {ask(merged, new_asked[:1], vocab)[0]}")
print(f"largest difference of a logit, merged and not: {'none to speak of' if gap < 1e-3 else gap}")
print(f"linear layers: {sum(isinstance(p, nn.Linear) for p in merged.modules())} in the merged "
      "model, as many as before")

# %% [markdown]
# What is stored of the tuned model is $A$ and $B$ alone; the rest is the assistant everybody has.
# A company can keep one large model and a thousand small changes, and put in the one that a
# customer needs. For GPT-3 the authors report ten thousand times fewer trained numbers and a third
# of the memory (Hu and others 2021). QLoRA (Dettmers and others 2023) keeps the frozen weights in 4
# bits besides.
#
# How much so few numbers can do depends on what the model nearly knows. Here it had to join two
# things that it could do already. Luck has a share in it as well: change the seed with which the
# assistant was tuned in step 2, and the figure of the new command moves. And try what happens when
# the story-writer, `before`, is tuned on all the commands by LoRA alone, in as many steps.

# %%
quiz("why-lora-saves")
# quiz("why-lora-saves", "a")

# %% [markdown]
# ## 6 What it takes
#
# ### What training costs
#
# One token costs about $6N$ operations in training, where $N$ is the number of weights: two for the
# forward pass (a multiplication and an addition for each weight), four for the backward pass
# (Kaplan and others 2020). Brown and others (2020) trained GPT-3, 175 billion weights, on 300
# billion tokens, and give the cost as $3.14 \cdot 10^{23}$ operations. The rule of thumb agrees:

# %% tags=["demonstration"]
ours = 6 * total * 800 * 32 * 64
gpt3 = 6 * 175e9 * 300e9
print(f"the story-writer of this course: about {ours:.1e} operations")
print(f"GPT-3 by the rule of thumb:      about {gpt3:.2e} operations, {gpt3 / ours:.0e} times that")
years = 3.14e23 / 1e11 / (365 * 24 * 3600)
print(f"a laptop that does 100 billion a second would need {years:,.0f} years for GPT-3")

# Weights as their authors give them, see "Where to read on".
sizes = [("GPT", 2018.45, 117e6), ("BERT", 2018.8, 340e6), ("GPT-2", 2019.1, 1.5e9),
         ("GPT-3", 2020.4, 175e9), ("PaLM", 2022.3, 540e9), ("LLaMA", 2023.15, 65e9),
         ("Llama 3", 2024.55, 405e9)]
figure, ax = plt.subplots(figsize=(8, 3))
ax.plot([year for _, year, _ in sizes], [count for _, _, count in sizes], "o", color=BLUE)
for name, year, count in sizes:
    beside = (7, -9) if name in ("GPT", "BERT") else (6, 4)
    ax.annotate(name, (year, count), beside, textcoords="offset points", fontsize=9)
ax.axhline(total, color=ORANGE, lw=1.2)
ax.text(2024.9, total * 1.4, "yours", color=ORANGE, ha="right")
ax.set(yscale="log", xlabel="year", ylabel="weights", xlim=(2018, 2025.3), ylim=(1e5, 3e12))
show(figure, "the number of weights of well-known models by year, on a scale that grows tenfold at "
     "each step: from 117 million (GPT, 2018) to 405 billion (Llama 3, 2024); yours, a line far "
     f"below, has {total:,}.")

# %% [markdown]
# Larger was not the whole story. Hoffmann and others (2022) showed that the models of their day had
# read too little for their size: with the cost of a model of 280 billion weights they trained one
# of 70 billion on four times as many tokens, and it was better. LLaMA (Touvron and others 2023)
# went on that way, with up to 65 billion weights and 1.4 trillion tokens; Llama 3 (2024) has 405
# billion weights and read more than 15 trillion tokens.
#
# ### Human labels
#
# You gave your assistant right answers by the thousand, because the world makes them. For *explain
# photosynthesis to a child* somebody has to write the answer. InstructGPT (Ouyang and others 2022)
# went in three steps:
#
# 1. **Write.** Some 40 people wrote good answers to instructions; GPT-3 was tuned on them. This is
#    what you did in step 2.
# 2. **Compare.** For other instructions the model wrote several answers, and people only ranked
#    them. From these rankings a *reward model* learned to give an answer $y$ to a prompt $x$ a
#    number $r(x, y)$: of each pair the preferred answer should get the larger one,
#
# $$L = -\log \sigma\big(r(x, y_{better}) - r(x, y_{worse})\big)$$
#
# 3. **Reinforce.** The assistant writes, the reward model marks, and the assistant's weights move
#    towards what is marked well, but not far from where they were after step 1. This is
#    **reinforcement learning from human feedback**, RLHF.
#
# People preferred the answers of the result, with 1.3 billion weights, to those of GPT-3 with 175
# billion. Rafailov and others (2023) found a way to learn from the comparisons directly, without a
# reward model and without reinforcement (DPO).
#
# What people reward is what they get: answers that please. Whether an answer is true is another
# question, and whoever cannot tell will not mark it down. And behind every label stands a person
# with an opinion, a culture and a wage.

# %%
quiz("what-rlhf-adds")
# quiz("what-rlhf-adds", "a")

# %% [markdown]
# ### The large ones that came after
#
# - **GPT-2** (2019) and **GPT-3** (2020): no tuning at all; the task is written into the prompt,
#   with a few examples.
# - **ChatGPT** (2022): a model tuned as above, with a window to type into.
# - **PaLM** (2022), **LLaMA** (2023), **GPT-4** (2023; its size has not been published), **Llama
#   3** (2024).
#
# All of them are what you have built: tokens, embeddings, causal attention, blocks, a tied or
# untied head, next-token loss, a template, a mask over the prompt. What is new in them are norms,
# activations and positions of a slightly other make, far more data, and a great deal of
# engineering.

# %% [markdown]
# ## What you have built
#
# - **Two objectives**: a task and the language, from one model.
# - **A template and a mask**: conversations as text, and a loss that counts answers only.
# - **A search by meaning**: passages as vectors, cosines, recall.
# - **Retrieval-augmented generation**: look it up, lay it before the question, answer.
# - **LoRA**: a change of low rank beside frozen weights, and its merging.
#
# And over eight chapters: a tokenizer, embeddings, attention, the block, BERT, GPT, a translator,
# and an assistant. It all lies in `work/mytransformer/`, and it is yours.

# %% tags=["demonstration", "nbval-ignore-output"]
progress()

# %% [markdown]
# ## Where to read on
#
# - Spärck Jones, *A Statistical Interpretation of Term Specificity* (1972): rare words count more.
# - Radford and others, *Improving Language Understanding by Generative Pre-Training* (2018): GPT,
#   with the two objectives in section 3.2.
# - Reimers and Gurevych, *Sentence-BERT* (2019): vectors of sentences that can be compared.
# - Radford and others, *Language Models are Unsupervised Multitask Learners* (2019): GPT-2.
# - Brown and others, *Language Models are Few-Shot Learners* (2020): GPT-3; its cost is in appendix
#   D.
# - Kaplan and others, *Scaling Laws for Neural Language Models* (2020).
# - Karpukhin and others, *Dense Passage Retrieval* (2020), and Lewis and others,
#   *Retrieval-Augmented Generation for Knowledge-Intensive NLP Tasks* (2020).
# - Bommasani and others, *On the Opportunities and Risks of Foundation Models* (2021).
# - Chen and others, *Evaluating Large Language Models Trained on Code* (2021).
# - Hu and others, *LoRA: Low-Rank Adaptation of Large Language Models* (2021), and Dettmers and
#   others, *QLoRA* (2023).
# - Ouyang and others, *Training Language Models to Follow Instructions with Human Feedback* (2022).
# - Hoffmann and others, *Training Compute-Optimal Large Language Models* (2022).
# - Chowdhery and others, *PaLM* (2022); Touvron and others, *LLaMA* (2023); Grattafiori and others,
#   *The Llama 3 Herd of Models* (2024).
# - Rafailov and others, *Direct Preference Optimization* (2023), and Zhou and others, *LIMA: Less
#   Is More for Alignment* (2023).
#
# ## A challenge, not graded
#
# Teach your assistant to say *i do not know*. (Which words would you give it? Its vocabulary has to
# grow.) Lay the wrong passage before it in some of the lessons, and let the right answer be that it
# cannot tell. Then measure two things: how often it admits it where it should, and how often it
# says so although the answer lies before it. Plot one against the other for different shares of
# such lessons. Which point on that curve would you choose for a doctor's assistant, and which for a
# story-teller?
#
# **This was the last chapter.** Open `work/mytransformer/` and look at what you have written. Then
# open `minitransformer/` beside it, and compare.
