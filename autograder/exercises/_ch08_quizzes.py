"""Chapter 8's quiz questions: one main idea each, every choice answered with why."""

from autograder.spec import Choice, Quiz

QUIZZES = (
    Quiz(
        "why-two-objectives",
        "Why is the language model's loss added while a GPT is tuned for a task?",
        (
            Choice(
                "Because the task's labels do not give a gradient to all the weights.",
                "They do: the class is read off the last vector, and its gradient reaches every "
                "weight below.",
            ),
            Choice(
                "It gives something to learn at every token, and keeps the model a writer of such "
                "texts.",
                "One label a text is little to learn from, and nothing in it asks for good "
                "sentences. The second loss asks for them at every token.",
                right=True,
            ),
            Choice(
                "So that the loss is larger, and the steps with it.",
                "AdamW divides by the size of the gradients; a larger loss alone makes no larger "
                "steps.",
            ),
            Choice(
                "To make the training shorter.",
                "A step takes a little longer with it, since every token is scored over the whole "
                "vocabulary.",
            ),
        ),
    ),
    Quiz(
        "raw-web",
        "A model was trained on a large part of the web. You type: What is the capital of Peru? "
        "Why may it go on with: What is the capital of Chile?",
        (
            Choice(
                "It does not know the answer.",
                "It may know it well: given 'The capital of Peru is' it might go on with Lima. "
                "Whether it knows and whether it answers are two things.",
            ),
            Choice(
                "Its temperature is too high.",
                "A lower temperature makes the likeliest text likelier, and on the web a question "
                "is often followed by the next question of a quiz.",
            ),
            Choice(
                "It learned to go on as the web goes on, and a list of questions is a likely text. "
                "That someone wants an answer is in no line of it.",
                "Hand-made pairs of an instruction and a good answer show what the text after a "
                "question is meant to be. A few thousand careful ones do more than millions of "
                "pages.",
                right=True,
            ),
            Choice(
                "The web has too few questions in it.",
                "It has a great many, with good answers, bad answers, jokes and advertisements "
                "behind them. All of these were learned.",
            ),
        ),
    ),
    Quiz(
        "why-mask-the-prompt",
        "Why are the tokens of the prompt left out of the loss when an assistant is tuned?",
        (
            Choice(
                "The model must not see the prompt, or it would copy it.",
                "It sees the prompt, and has to: the answer depends on it. It is only not asked to "
                "predict it.",
            ),
            Choice(
                "The user writes the prompt. Every step should go into writing answers, and none "
                "into guessing what users ask.",
                "Which words a user picks can hardly be guessed. The loss of a prompt stays large, "
                "and its gradient would pull beside the answer's in every step.",
                right=True,
            ),
            Choice(
                "A label of -100 hides the prompt from attention.",
                "That would be a mask in attention. Labels decide what is asked, and change "
                "nothing about what is seen.",
            ),
            Choice(
                "Because the prompts of a batch have different lengths.",
                "Padding takes care of lengths. It is left out of the loss as well, for another "
                "reason: there is nothing there.",
            ),
        ),
    ),
    Quiz(
        "what-retrieval-cures",
        "A model answers with passages that were looked up for it. What does that not cure?",
        (
            Choice(
                "That it knows nothing of what was written after its training.",
                "That is cured: new passages are put on the shelf, and no weight changes.",
            ),
            Choice(
                "That nobody can say where an answer comes from.",
                "That is largely cured: the passage can be shown beside the answer.",
            ),
            Choice(
                "That it can misread a passage, or answer just as surely when the passage found "
                "is the wrong one.",
                "Retrieval brings the page to the desk. Reading it well, and noticing that it is "
                "the wrong page, is still up to the model.",
                right=True,
            ),
            Choice(
                "That facts which few texts mention are not in its weights.",
                "That is cured: one passage that has the fact is enough, if the search finds it.",
            ),
        ),
    ),
    Quiz(
        "why-lora-saves",
        "Where does LoRA save memory during training?",
        (
            Choice(
                "The model's weights need not be loaded, only A and B.",
                "All of them are needed: every layer still computes W x, and adds its change.",
            ),
            Choice(
                "Frozen weights need no gradient and no running means of AdamW; only A and B do.",
                "For each trained number there are three more beside it. With LoRA nearly all "
                "numbers are frozen, and what is stored of a tuned model is A and B alone.",
                right=True,
            ),
            Choice(
                "The weights are rounded to fewer bits.",
                "That is quantization, and it can be used together with LoRA (QLoRA, Dettmers and "
                "others 2023). LoRA itself rounds nothing.",
            ),
            Choice(
                "The backward pass stops above the frozen layers.",
                "It goes through them, down to the A and B of the lowest layer. The weights rest; "
                "the gradient of what flows through them is still computed.",
            ),
        ),
    ),
    Quiz(
        "what-rlhf-adds",
        "What does reinforcement learning from human feedback add to tuning on hand-made answers?",
        (
            Choice(
                "It teaches the model facts that were missing from its training.",
                "People compare answers; they hardly add facts. A model may even learn to sound "
                "sure where it is not, if that is what they prefer.",
            ),
            Choice(
                "It makes the model smaller and faster.",
                "Its size stays as it is. While it is trained there are even more models in "
                "memory: one that gives rewards, one to stay close to.",
            ),
            Choice(
                "People need only say which of two answers is better. A reward model learns that "
                "from them, and the assistant is trained towards answers it rates highly.",
                "Judging is easier than writing, and says what is bad as well as what is good. "
                "InstructGPT (Ouyang and others 2022) did both steps, one after the other.",
                right=True,
            ),
            Choice(
                "It replaces the pre-training.",
                "It comes last, and changes comparatively little. What the model knows it has from "
                "pre-training.",
            ),
        ),
    ),
)
