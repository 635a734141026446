"""Chapter 4's quiz questions: one main idea each, every choice answered with why."""

from autograder.spec import Choice, Quiz

QUIZZES = (
    Quiz(
        "why-wordpiece",
        "Why does BERT cut rare words into pieces, where it could have a longer list of words?",
        (
            Choice(
                "Every word that its letters allow can be written, with a list of fixed length.",
                "A list of words is never complete, and each rare word would be a row that is "
                "hardly ever trained. Pieces are shared by many words.",
                right=True,
            ),
            Choice(
                "So that texts become shorter.",
                "They become longer: a rare word is several tokens, and attention pays for each.",
            ),
            Choice(
                "Because pieces are the syllables, or the stems and endings, of grammar.",
                "Sometimes they look like it. But they are what occurred together often; nobody "
                "told the machine what a syllable is.",
            ),
            Choice(
                "So that [UNK] is never needed.",
                "Nearly never. A word with a letter that no piece holds is still [UNK], as you saw "
                "in the exercise.",
            ),
        ),
    ),
    Quiz(
        "what-parts-bert-from-gpt",
        "What parts BERT from GPT?",
        (
            Choice(
                "BERT uses attention, and GPT reads step by step like an RNN.",
                "Both are stacks of the same transformer block. GPT writes step by step, but in "
                "training it reads a whole text at once.",
            ),
            Choice(
                "BERT looks both ways and guesses hidden words; GPT looks back only and guesses "
                "the next word.",
                "So BERT is good at understanding a text that is there, and GPT at continuing one. "
                "In the code it is the causal mask, and what is asked.",
                right=True,
            ),
            Choice(
                "BERT needs labels made by people; GPT learns from plain text.",
                "Both learn from plain text. The word that was hidden is the label, and so is the "
                "next word.",
            ),
            Choice(
                "BERT is small and GPT is large.",
                "Either can be any size. The first GPT and BERT-base were of about the same.",
            ),
        ),
    ),
    Quiz(
        "why-80-10-10",
        "Of the chosen words 10 % become another word, and 10 % stay what they are. What for?",
        (
            Choice(
                "So that fewer words are hidden, and the text is easier to read.",
                "For that one would simply choose fewer. These words are asked for like the "
                "others.",
            ),
            Choice(
                "So that the model learns what typing errors look like.",
                "A nice side effect, no more. The random word is any word, not a misspelt one.",
            ),
            Choice(
                "To make the loss smaller, since a word that was kept is easy.",
                "The loss is a means to an end. A task made easier for its own sake teaches "
                "nothing.",
            ),
            Choice(
                "So that the model makes good vectors for visible words as well: any of them might "
                "be asked for, or be wrong.",
                "In use there is no [MASK]. If only [MASK] were ever asked, the vectors of all "
                "other words would not have to know their context.",
                right=True,
            ),
        ),
    ),
    Quiz(
        "why-minus-100",
        "A row has 20 words, 3 were chosen. You take the loss over all 20 places, label 0 for "
        "the 17 others. What happens?",
        (
            Choice(
                "Nothing, because those 17 have the label 0.",
                "0 is the id of a token. The model is taught to say that token at 17 of 20 places.",
            ),
            Choice(
                "The model learns above all to say the token 0, and the 3 words hardly count.",
                "17 of 20 terms of the mean ask for it. -100 is no token's id, so it can say: do "
                "not ask here.",
                right=True,
            ),
            Choice(
                "The loss is larger by 17/3, and otherwise the same.",
                "A constant factor would do little harm. But these terms have gradients, and they "
                "pull towards the token 0.",
            ),
            Choice(
                "It works, if the mean is multiplied by the mask afterwards.",
                "After the mean there is one number left, in which all 20 terms are mixed. No "
                "product can take 17 of them out again.",
            ),
        ),
    ),
    Quiz(
        "one-way",
        "Why could the GRU not reach the line that BERT came near, however long it is trained?",
        (
            Choice(
                "It has too few parameters.",
                "With more of them it comes nearer to what can be known from the left, and no "
                "further. The words on the right are not there for it.",
            ),
            Choice(
                "Its memory is too short for sentences of this length.",
                "That hurts with long texts. Here most of what it lacks stands to the right of the "
                "hole, where it has not been yet.",
            ),
            Choice(
                "When it comes to a hole it has read only what stands before it, and what comes "
                "after often tells the word.",
                "What can be known from one side is a bound that no amount of training moves. ELMo "
                "(2018) ran one LSTM each way; BERT lets every layer look both ways.",
                right=True,
            ),
            Choice(
                "Step-by-step networks cannot be trained on masked words.",
                "They can, and here one was. The task is the same, only the view is narrower.",
            ),
        ),
    ),
    Quiz(
        "bert-before",
        "What did the transformer make possible that BERT could not have had with LSTMs?",
        (
            Choice(
                "Every layer looks at both sides at once, and all words of a text are worked on at "
                "the same time, so that far more text can be read.",
                "Two LSTMs, one a direction, are joined only at the end, and each goes step by "
                "step. Attention has no direction, and no waiting.",
                right=True,
            ),
            Choice(
                "Vectors that depend on the sentence.",
                "ELMo had them in 2018, made by LSTMs. BERT has better ones, but was not the "
                "first.",
            ),
            Choice(
                "Learning from plain text, without labels.",
                "Word2vec did that in 2013, and language models long before.",
            ),
            Choice(
                "Fewer operations for a long text.",
                "The other way round: every word meets every word. It is more work, but work that "
                "can be done at once.",
            ),
        ),
    ),
)
