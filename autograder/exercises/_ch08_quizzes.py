"""Chapter 8's quiz questions: one main idea each, every choice answered with why."""

from autograder.spec import Choice, Quiz

QUIZZES = (
    Quiz(
        "why-two-objectives",
        "Why is the language model's loss added while a GPT is tuned for a task?",
        (
            Choice(
                "The labels alone give no gradient to the lower blocks; the language loss reaches "
                "them.",
                "The labels reach them as well: the class is read off the last vector, and its "
                "gradient goes through every block below.",
            ),
            Choice(
                "It makes the loss larger and the steps with it, so fewer steps of tuning are "
                "needed.",
                "AdamW divides by the size of the gradients, so a larger loss alone makes no "
                "larger steps.",
            ),
            Choice(
                "Every token gives something to learn, and the model can write the texts of the "
                "task.",
                "One label a text is little to learn from, and nothing in it asks for good "
                "sentences. The second loss asks for them at every token.",
                right=True,
            ),
            Choice(
                "It repeats what the model has read, so that the stories of its past are not "
                "forgotten.",
                "It is computed on the texts of the task, and there is no story among them. Look "
                "at the last column of the table: stories are forgotten all the same.",
            ),
        ),
    ),
    Quiz(
        "raw-web",
        "A model was trained on a large part of the web. You type: What is the capital of Peru? "
        "Why may it go on with: What is the capital of Chile?",
        (
            Choice(
                "A list of questions is a likely text, and nothing says that an answer is wanted.",
                "It goes on as the web goes on. Hand-made pairs of an instruction and a good "
                "answer show what the text after a question is meant to be.",
                right=True,
            ),
            Choice(
                "It does not know the answer, and a question that is like yours is all it has.",
                "It may know it well: given 'The capital of Peru is' it might go on with Lima. "
                "Whether it knows and whether it answers are two things.",
            ),
            Choice(
                "Its temperature is too high; at a lower one the likeliest text is the answer.",
                "A lower temperature makes the likeliest text likelier, and on the web a question "
                "is often followed by the next question of a quiz.",
            ),
            Choice(
                "The web has too few questions with answers for it to learn what an answer is.",
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
                "The model must not see the prompt in training, or it would learn to copy it.",
                "It sees the prompt, and has to: the answer depends on it. It is only not asked to "
                "predict it.",
            ),
            Choice(
                "Prompts differ in length, and the loss needs as many tokens from every text.",
                "The loss is a mean over the tokens that have a label, and it does not matter how "
                "many of these a text has. Answers differ in length as well.",
            ),
            Choice(
                "The label -100 keeps the answer from attending to the words of the prompt.",
                "That would be a mask in attention. Labels decide what is asked, and change "
                "nothing about what is seen.",
            ),
            Choice(
                "Users write prompts; no step should go into guessing what they will ask.",
                "Which words a user picks can hardly be guessed. The loss of a prompt stays large, "
                "and its gradient would pull beside the answer's in every step.",
                right=True,
            ),
        ),
    ),
    Quiz(
        "what-retrieval-cures",
        "A model answers with passages that were looked up for it. What does that not cure?",
        (
            Choice(
                "It knows nothing of what was written after it had been trained.",
                "That is cured: new passages are put on the shelf, and no weight changes.",
            ),
            Choice(
                "It answers just as surely when the passage is the wrong one.",
                "Retrieval brings the page to the desk. Reading it well, and noticing that it is "
                "the wrong page, is still up to the model.",
                right=True,
            ),
            Choice(
                "Nobody who reads an answer can tell where it may come from.",
                "That is largely cured: the passage can be shown beside the answer.",
            ),
            Choice(
                "Facts that few texts mention are not to be found in its weights.",
                "They need not be there: one passage that has the fact is enough, if the search "
                "finds it.",
            ),
        ),
    ),
    Quiz(
        "why-lora-saves",
        "Where does LoRA save memory during training?",
        (
            Choice(
                "The model's weights need not be loaded: the layers compute with A and B alone.",
                "All of them are needed: every layer still computes W x, and adds its change.",
            ),
            Choice(
                "The frozen weights are rounded to 4 bits, and so take an eighth of the room.",
                "That is quantization, and it can be used together with LoRA (QLoRA, Dettmers and "
                "others 2023). LoRA itself rounds nothing.",
            ),
            Choice(
                "The backward pass ends at the first frozen layer and keeps nothing below it.",
                "It goes through them, down to the A and B of the lowest layer. The weights rest; "
                "the gradient of what flows through them is still computed.",
            ),
            Choice(
                "The frozen weights need no gradients, and no running means of AdamW either.",
                "For each trained number there are three more beside it. With LoRA nearly all "
                "numbers are frozen, and what is stored of a tuned model is A and B alone.",
                right=True,
            ),
        ),
    ),
    Quiz(
        "what-rlhf-adds",
        "What does reinforcement learning from human feedback add to tuning on hand-made answers?",
        (
            Choice(
                "People compare answers, and the model is trained towards what they prefer.",
                "Judging is easier than writing, and says what is bad as well as what is good. "
                "InstructGPT (Ouyang and others 2022) did both steps, one after the other.",
                right=True,
            ),
            Choice(
                "People correct wrong facts, and the model is trained on their corrections.",
                "People rank answers; they hardly add facts. A model may even learn to sound sure "
                "where it is not, if that is what they prefer.",
            ),
            Choice(
                "A small reward model answers in place of the large one, which saves time.",
                "The reward model only marks answers. The assistant keeps its size, and while it "
                "is trained there are even more models in memory.",
            ),
            Choice(
                "Rewards take the place of the text, so the model needs no pre-training.",
                "The rewards come last, and change comparatively little. What the model knows it "
                "has from pre-training.",
            ),
        ),
    ),
)
