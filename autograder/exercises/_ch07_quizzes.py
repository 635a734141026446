"""Chapter 7's quiz questions: one main idea each, every choice answered with why."""

from autograder.spec import Choice, Quiz

QUIZZES = (
    Quiz(
        "who-asks",
        "In cross-attention, where do queries, keys and values come from?",
        (
            Choice(
                "Queries from the source, keys and values from what has been written.",
                "Then the source would ask, and there would be one answer for each source word. It "
                "is the next target word that is needed.",
            ),
            Choice(
                "All three from the encoder's output; the decoder only mixes them.",
                "That would be self-attention of the source, and the same whatever has been "
                "written so far.",
            ),
            Choice(
                "Queries from what has been written, keys and values from the encoder's output.",
                "Each target place asks what it needs next, and the source words answer. So there "
                "is one row of weights for each target word: the alignment.",
                right=True,
            ),
            Choice(
                "Queries and keys from the target, values from the source.",
                "Queries and keys of the target decide which target words fit each other. To find "
                "a source word its own key is needed.",
            ),
        ),
    ),
    Quiz(
        "teacher-forcing",
        "In training the decoder reads the right translation so far, even where it would have "
        "written something else. Why?",
        (
            Choice(
                "So that the model sees the words it has to predict, which makes them easier.",
                "It must not see them: the shift and the causal mask see to that. It sees the "
                "words before each one.",
            ),
            Choice(
                "All places can then be learned at once, and each from a sensible beginning.",
                "What the decoder reads is known beforehand, so one pass scores every place. And "
                "an early mistake does not spoil the lesson of all later words.",
                right=True,
            ),
            Choice(
                "Because in use, too, it reads the right translation so far.",
                "In use there is no right translation: it reads what it has written itself. That "
                "difference is the price of teacher forcing.",
            ),
            Choice(
                "Because the loss could not be computed otherwise.",
                "It could: write word by word, and compare. That is slow, and after a first wrong "
                "word it is not clear what the right next one would be.",
            ),
        ),
    ),
    Quiz(
        "why-smooth",
        "What is gained by telling the model to be nearly sure instead of quite sure?",
        (
            Choice(
                "The loss becomes smaller.",
                "It becomes larger: even the best model cannot reach 0. Only losses of the same "
                "kind can be compared.",
            ),
            Choice(
                "Padding can be ignored.",
                "That is a matter of which places are counted, with smoothing or without.",
            ),
            Choice(
                "Rare words get a better chance, since they are all equally likely.",
                "Every wrong word gets the same small share, at every place. Which words are "
                "likely is still learned from the text.",
            ),
            Choice(
                "Probability 1 needs infinitely large logits; a target below 1 can be reached, "
                "and the model stays modest.",
                "The best logits are finite, so nothing pulls them apart for ever. Translations "
                "got better by it, though the perplexity got worse (Vaswani and others 2017).",
                right=True,
            ),
        ),
    ),
    Quiz(
        "what-the-beam-buys",
        "What does a beam of 4 give that greedy writing does not?",
        (
            Choice(
                "It always finds the most probable translation.",
                "Only a beam as wide as there are texts would. With 4 the best may be dropped "
                "early.",
            ),
            Choice(
                "A text that begins less well can still win, as long as it stays among the best "
                "four.",
                "Greedy cannot take back its first word. The beam keeps a few beginnings and "
                "decides later; it costs about four times the work.",
                right=True,
            ),
            Choice(
                "More varied texts, because four are written.",
                "The four often differ in a word or two. Variety comes from sampling, chapter 5.",
            ),
            Choice(
                "A better model.",
                "The model is the same, and so are its probabilities. A beam only searches better "
                "among the texts that it finds probable.",
            ),
        ),
    ),
    Quiz(
        "encoder-decoder-when",
        "When is an encoder–decoder the better choice than a decoder alone (GPT)?",
        (
            Choice(
                "When one given text is turned into another one, and all of it is known before "
                "writing begins.",
                "The encoder reads it in both directions, once, and every written word can look at "
                "all of it: translation, summaries, speech to text.",
                right=True,
            ),
            Choice(
                "Always: it has both halves, so it can do more.",
                "A decoder alone is simpler, and there is only one kind of text to learn from. For "
                "going on with a text, or a conversation, nothing is missing.",
            ),
            Choice(
                "When there is no text to read, only one to write.",
                "Then the encoder has nothing to do. That is what GPT is for.",
            ),
            Choice(
                "When a decoder alone could not do the task at all.",
                "It could: put the source before the target and let it go on. With enough text and "
                "size this works well. It reads the source from left to right only.",
            ),
        ),
    ),
    Quiz(
        "what-bleu-misses",
        "Two translations have the same BLEU. What may still differ between them?",
        (
            Choice(
                "How many words they share with the references.",
                "That, and runs of two to four words, is exactly what BLEU counts.",
            ),
            Choice(
                "Whether they are too short.",
                "The brevity penalty is part of the score.",
            ),
            Choice(
                "Whether they mean the same: a lost “not” costs as little as a lost “the”.",
                "BLEU compares runs of words with the references, and knows nothing of meaning. A "
                "good translation in other words scores badly.",
                right=True,
            ),
            Choice(
                "Nothing: equal BLEU means equal quality.",
                "It is a count. It goes together with human judgement over a whole corpus, and "
                "much less so for a single sentence.",
            ),
        ),
    ),
)
