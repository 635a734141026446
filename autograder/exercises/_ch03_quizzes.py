"""Chapter 3's quiz questions: one main idea each, every choice answered with why."""

from autograder.spec import Choice, Quiz

QUIZZES = (
    Quiz(
        "why-several-heads",
        "Why several small heads, and not one head as wide as all of them together?",
        (
            Choice(
                "Because several heads have more weights to learn.",
                "They have just as many. The four layers are d_model by d_model, into however "
                "many heads they are cut.",
            ),
            Choice(
                "Each head has its own softmax, so a word can look at several places for several "
                "reasons, and keep the answers apart.",
                "One softmax gives one set of weights that sum to 1. Whoever looks at two places "
                "with it gets a mixture of the two, and cannot say which came from where.",
                right=True,
            ),
            Choice(
                "Each head reads a part of the sentence, so the work is shared out.",
                "Every head reads the whole sentence. What is shared out is the numbers of each "
                "vector.",
            ),
            Choice(
                "So that the heads can vote, and the majority decides.",
                "Nobody votes. The heads' findings stand side by side, and W_O mixes them.",
            ),
        ),
    ),
    Quiz(
        "what-output-does",
        "What would be lost without the last layer of attention, W_O?",
        (
            Choice(
                "The shape would be wrong: only W_O brings the vectors back to d_model numbers.",
                "Merging does that. num_heads times d_head is d_model already.",
            ),
            Choice(
                "The weights of a row would no longer sum to 1.",
                "The softmax sees to that, before the values are mixed.",
            ),
            Choice(
                "Each head could write only into its own part of the vector; nothing would mix "
                "what the heads found.",
                "What head 0 found would stay in the first d_head numbers for good. W_O lets every "
                "head write everywhere.",
                right=True,
            ),
        ),
    ),
    Quiz(
        "norm-over-what",
        "A batch of 8 sentences, 10 words each, vectors of 64 numbers. How many means does layer "
        "norm compute?",
        (
            Choice(
                "64: one for each place in the vectors, over all words.",
                "That is batch norm. A word's vector would then depend on the other sentences of "
                "the batch, and in use there may be only one.",
            ),
            Choice(
                "80: one for each word, over the 64 numbers of its vector.",
                "Each vector is brought to mean 0 and variance 1 by itself, so it does not matter "
                "who else is in the batch, or how long the sentences are.",
                right=True,
            ),
            Choice(
                "8: one for each sentence.",
                "Then a word's vector would depend on how long the sentence is, padding included. "
                "The mean runs over one vector.",
            ),
            Choice(
                "1: one for the whole batch.",
                "Then large vectors would stay large beside small ones, and that is what the norm "
                "is there to prevent.",
            ),
        ),
    ),
    Quiz(
        "who-does-what",
        "In an encoder block, where does news travel from one word to another?",
        (
            Choice(
                "In attention alone.",
                "Feed-forward, norm, dropout and residual work on each word by itself. Without "
                "attention no word would know of another.",
                right=True,
            ),
            Choice(
                "In attention and in the feed-forward layer.",
                "The feed-forward layer is applied to each word's vector alone. Put the words in "
                "another order, and its results come in that order.",
            ),
            Choice(
                "In the layer norm, which brings all words to one size.",
                "It brings each vector to one size, with that vector's own mean and variance.",
            ),
        ),
    ),
    Quiz(
        "dropout-scale",
        "Dropout at rate 0.2 in training: why is what stays multiplied by 1.25?",
        (
            Choice(
                "So that the expected value of every number is the same with and without dropout.",
                "A number x is 0 with probability 0.2 and 1.25 x with probability 0.8; the mean is "
                "x. When dropout is switched off nothing else needs to change.",
                right=True,
            ),
            Choice(
                "So that the vector has variance 1 again.",
                "It does not even keep the variance: that grows. It is the mean that is kept.",
            ),
            Choice(
                "To make up for it, numbers are multiplied by 1.25 outside training as well.",
                "Outside training nothing is dropped and nothing multiplied.",
            ),
        ),
    ),
    Quiz(
        "why-residual",
        "Why does a stack of many blocks learn with residuals, and hardly without?",
        (
            Choice(
                "Residuals make the gradients larger by a constant factor in every block.",
                "Then they would explode in a deep stack. What matters is a way on which they are "
                "not multiplied at all.",
            ),
            Choice(
                "The sum lets each word, and the gradient, pass a block unchanged, beside whatever "
                "comes through the layers.",
                "x + f(x) keeps x, so words stay apart; and its derivative, 1 + f'(x), keeps the "
                "gradient, where without the 1 there is a product of many f'. A norm mends the "
                "second and not the first, as the two pictures above show.",
                right=True,
            ),
            Choice(
                "They add parameters that help the gradient along.",
                "A sum has no parameters.",
            ),
            Choice(
                "They drop blocks that are not needed.",
                "Every block stays. But a block that adds nothing useful can learn to add nothing, "
                "which is easy, where copying x through its layers is hard.",
            ),
        ),
    ),
)
