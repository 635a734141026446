"""Chapter 6's quiz questions: one main idea each, every choice answered with why."""

from autograder.spec import Choice, Quiz

QUIZZES = (
    Quiz(
        "why-negation",
        "“The soup was not bad but the cake was stale” and “the cake was not bad but the soup was "
        "stale”; “the soup was bad but the cake was not stale”. Why does a bag of words fail on "
        "such reviews?",
        (
            Choice(
                "It does not know the word “not”.",
                "It counts “not” like any other word, and may give it a weight. What it cannot "
                "know is which word the “not” stands beside.",
            ),
            Choice(
                "All three have the same counts, and not all of them say the same. Whoever sees "
                "only the counts must give them one answer.",
                "The first two complain, the third praises. No weights and no amount of training "
                "change that: it is a bound on what can be seen.",
                right=True,
            ),
            Choice(
                "Logistic regression is too weak; a deeper network on the same counts would do it.",
                "The deepest network on the counts gets the same input for all three, and so gives "
                "the same answer for all three.",
            ),
            Choice(
                "There were too few reviews to learn from.",
                "More reviews bring it closer to its own bound, and never past it.",
            ),
        ),
    ),
    Quiz(
        "pretrain-once",
        "Models such as BERT are called foundation models: pre-trained once, and reused many "
        "times. What makes that possible?",
        (
            Choice(
                "Pre-training has seen the labels of all the tasks that may come.",
                "It has seen no label at all. It filled gaps in plain text, and plain text there "
                "is without end.",
            ),
            Choice(
                "To fill gaps well a model must learn how words depend on each other, and nearly "
                "every task on language needs that. A small head and few labels do the rest.",
                "The expensive part is done once, on text without labels; each task adds a head "
                "and a short training.",
                right=True,
            ),
            Choice(
                "The weights no longer change after pre-training.",
                "Fine-tuning may change every one of them. It only starts from a better place than "
                "chance.",
            ),
            Choice(
                "One large head answers all tasks at once.",
                "Here each task has a head of its own: two classes for sentiment, two scores a "
                "token for answers. What they share is below the head.",
            ),
        ),
    ),
    Quiz(
        "when-to-freeze",
        "When is it a good idea to freeze the early layers?",
        (
            Choice(
                "Always: what was learned in pre-training must not be lost.",
                "With enough labels full fine-tuning is usually more accurate. Some of what was "
                "learned may be exchanged for what the task needs.",
            ),
            Choice(
                "When the task is far from what the model was pre-trained on.",
                "The other way round: then its early layers are the least likely to fit, and "
                "should be free to change.",
            ),
            Choice(
                "When time, memory or labels are short: fewer weights to move, and fewer that can "
                "learn the few examples by heart.",
                "No gradient has to go down into the frozen layers. What it costs is what these "
                "layers could have learned for the task.",
                right=True,
            ),
            Choice(
                "When the model shall answer faster once it is trained.",
                "The frozen layers still compute, for every text. Freezing saves work in training "
                "only.",
            ),
        ),
    ),
    Quiz(
        "why-cls",
        "The head reads one vector, that of [CLS]. How can it know of all the other words?",
        (
            Choice(
                "By self-attention [CLS] has looked at every word, in every layer; fine-tuning "
                "teaches it what to take along.",
                "[CLS] means nothing by itself, so its vector is free to hold what the task asks "
                "of the whole text.",
                right=True,
            ),
            Choice(
                "[CLS] is a word of the text that happens to come first.",
                "It is a token of its own, the same in front of every text.",
            ),
            Choice(
                "Because it stands first, and first words count most.",
                "Where it stands hardly matters: every token can attend to every other one.",
            ),
            Choice(
                "It does not: that is why mean pooling is always better.",
                "After fine-tuning it does. Without fine-tuning the mean is often the better "
                "choice, since nobody has asked [CLS] about the text yet.",
            ),
        ),
    ),
    Quiz(
        "pool-padding",
        "Somebody pools with hidden.mean(dim=1), padding included. What happens?",
        (
            Choice(
                "Nothing, for the vectors of padding are zero.",
                "In the embedding table that of [PAD] is. But positions are added, then come norms "
                "and biases, and after the blocks the vectors at padding are anything but zero.",
            ),
            Choice(
                "The vector of a sentence depends on how long the longest sentence of its batch "
                "is.",
                "The same sentence, in another batch, gets another vector, and two sentences seem "
                "alike because both are short.",
                right=True,
            ),
            Choice(
                "An error, because the shapes do not fit.",
                "The shapes fit, and that is what makes the mistake hard to see.",
            ),
            Choice(
                "The model learns to ignore it.",
                "Where nothing is trained nothing learns, and even in training it would have to "
                "undo something that changes with every batch.",
            ),
        ),
    ),
    Quiz(
        "span-or-write",
        "What can a model that answers by a span of the passage not do?",
        (
            Choice(
                "Answer a question whose words are not in the passage.",
                "It can: “who” is not in the passage, and Mia is found all the same. The words of "
                "the answer have to be there.",
            ),
            Choice(
                "Answer yes or no, count, or say something in words of its own.",
                "It points and does not write. SQuAD (2016) was made so that every answer is a "
                "span; other questions need a head of another kind, or a model that writes.",
                right=True,
            ),
            Choice(
                "Answer with more than one word.",
                "A span runs from its start to its end, as many words as lie between.",
            ),
            Choice(
                "Learn from examples in which the place of the answer is known.",
                "That is exactly what it learns from: the start and the end are its two classes.",
            ),
        ),
    ),
)
