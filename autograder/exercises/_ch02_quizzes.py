"""Chapter 2's quiz questions: one main idea each, every choice answered with why."""

from autograder.spec import Choice, Quiz

QUIZZES = (
    Quiz(
        "one-step",
        "What did self-attention bring that reading with a recurrent network (RNN, LSTM) did not?",
        (
            Choice(
                "It needs no training, because similar words attend to each other by themselves.",
                "Attention learns as much as any layer does: W_Q, W_K and W_V start at random, and "
                "so does what the head looks at.",
            ),
            Choice(
                "Any two words are one step apart, and all words are worked on at the same time.",
                "An RNN carries the first word through every later step before the last word can "
                "use it, one step after the other. Here one matrix product joins every pair.",
                right=True,
            ),
            Choice(
                "It is cheaper: the work grows more slowly with the length of the text.",
                "The other way round. Every word meets every word, so the work grows with the "
                "square of the length; an RNN's grows in proportion to it.",
            ),
            Choice(
                "It knows the order of the words, which an RNN does not.",
                "An RNN reads in order. Attention by itself sees a bag of words; that is why "
                "positions are added to the embeddings, in chapter 1.",
            ),
        ),
    ),
    Quiz(
        "why-scale",
        "Why are the dot products divided by √d_k before the softmax?",
        (
            Choice(
                "So that each row of the weights sums to 1.",
                "The softmax sees to that by itself, whatever the scores are.",
            ),
            Choice(
                "Because d_k numbers are added, and this turns the sum into a mean.",
                "A mean would divide by d_k. Then long vectors would give scores close to 0 and "
                "nearly equal weights: too soft, where the undivided ones are too hard.",
            ),
            Choice(
                "Their variance grows with d_k; large scores make the softmax pick one key, and "
                "then hardly any gradient comes back.",
                "Divided by √d_k the variance is 1 whatever the size, so a fresh head starts with "
                "soft attention, and can learn.",
                right=True,
            ),
            Choice(
                "To keep exp from overflowing.",
                "Subtracting the maximum does that already, and changes nothing else. The scaling "
                "changes the weights.",
            ),
        ),
    ),
    Quiz(
        "why-minus-infinity",
        "Why does a hidden key get the score minus infinity, and not the score 0?",
        (
            Choice(
                "exp(0) = 1, so a key with score 0 still takes part; exp(-∞) = 0 takes it out of "
                "the sum as well.",
                "Yes. And the weights of the other keys are as if the hidden one had never been "
                "there.",
                right=True,
            ),
            Choice(
                "Because a score of 0 would be divided by √d_k.",
                "0 divided by anything is still 0, and the mask comes after the division anyway.",
            ),
            Choice(
                "It makes no difference after the softmax; it is a convention.",
                "Try it: scores 2 and 0 give the weights 0.88 and 0.12. A word that should be "
                "hidden gets 12 per cent.",
            ),
            Choice(
                "So that the model can learn to open the mask again if that helps.",
                "The gradient through a hidden key is exactly 0. A mask is a rule and is not "
                "learned.",
            ),
        ),
    ),
    Quiz(
        "which-mask",
        "A model reads the whole review, padded to 16 tokens, and says whether it is kind. Which "
        "mask does it need?",
        (
            Choice(
                "Causal and padding.",
                "Nothing here has to be predicted from the left alone. A causal mask would keep "
                "early words from ever seeing how the review ends.",
            ),
            Choice(
                "Causal only.",
                "Padding would be looked at as if it were words, and the whole text is known: no "
                "word needs to be kept from a later one.",
            ),
            Choice(
                "Padding only.",
                "The text is there from start to end, so every word may look both ways. [PAD] is "
                "not a word, and is hidden.",
                right=True,
            ),
            Choice(
                "None, the model will learn to ignore [PAD].",
                "It might, at the price of learning it. Until then the same review with more "
                "padding gets another answer.",
            ),
        ),
    ),
    Quiz(
        "roles",
        "The pizza came out of the oven and it tasted good: the word “it” looks for what it stands "
        "for. Who plays which role?",
        (
            Choice(
                "The query comes from “it”; keys come from all words; a value is what a word hands "
                "over once it is found.",
                "The query says what is sought, the keys what each word offers to be found by, and "
                "the values are what gets mixed.",
                right=True,
            ),
            Choice(
                "The query comes from “pizza”, because “pizza” is the answer.",
                "“Pizza” is found, and it does so by its key. The one who asks is “it”.",
            ),
            Choice(
                "Query, key and value are three different words of the sentence.",
                "Every word has all three: three projections of one vector, for asking, for being "
                "found, and for telling.",
            ),
            Choice(
                "The value says how well the words fit together.",
                "Query and key decide that, by their dot product. The value has no part in the "
                "weights.",
            ),
        ),
    ),
    Quiz(
        "static-contextual",
        "“Bat” in a sentence about an animal, and “bat” in a sentence about a tool. What is true?",
        (
            Choice(
                "Word2vec gives them different vectors, because their neighbours differ.",
                "Neighbours shape the vector in training, but there is one row per word in the "
                "table, and so one vector for both senses.",
            ),
            Choice(
                "Their context vectors differ, because each is mixed from its own sentence.",
                "The static vector that goes in is the same. What comes out of attention depends "
                "on the words around it.",
                right=True,
            ),
            Choice(
                "Once positions are added the static vectors differ, and that parts the senses.",
                "Positions do change the vectors, but by where the word stands, not by what it "
                "means.",
            ),
            Choice(
                "Attention looks the right sense up in a dictionary with one vector per sense.",
                "Nobody lists senses anywhere. A context vector is a mixture of the words at hand.",
            ),
        ),
    ),
)
