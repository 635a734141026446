"""Chapter 1: the questions on its main ideas."""

from autograder.spec import Choice, Quiz

QUIZZES = (
    Quiz(
        "why-not-one-hot",
        "Why is a one-hot row a wasteful way to feed words to a model?",
        (
            Choice(
                "Two words can get the same row.",
                "No: each id has its own place for the 1, so the rows are all different. The "
                "trouble is that they are all equally different.",
            ),
            Choice(
                "It is as long as the vocabulary, almost all zeros, and says nothing about which "
                "words are alike.",
                "Yes. With 50,000 words, 49,999 of the numbers are zero, and any two words are at "
                "a right angle: pizza is as far from cake as from library.",
                right=True,
            ),
            Choice(
                "A model cannot multiply a one-hot row by a matrix.",
                "It can, and the result is one row of the matrix. That is why a table with a "
                "lookup does the same work for less.",
            ),
        ),
    ),
    Quiz(
        "where-meaning-comes-from",
        "Nobody tells word2vec that pizza and cake are foods. Why do their vectors end up close?",
        (
            Choice(
                "They stand next to each other in many sentences.",
                "Not needed: in our world they never share a sentence of the kind someone eats. "
                "What they share is their company.",
            ),
            Choice(
                "They occur about equally often.",
                "The count decides how often a word is drawn as noise. It does not decide where "
                "the word goes.",
            ),
            Choice(
                "They stand among the same neighbours, such as eats, bakes and tasted.",
                "Yes. Both are pulled towards the same context vectors, so they arrive in the same "
                "region. Words that keep the same company get similar vectors.",
                right=True,
            ),
        ),
    ),
    Quiz(
        "why-negatives",
        "What would happen if the loss had no noise words at all?",
        (
            Choice(
                "Every word could move to the same place, and the loss would still fall to 0.",
                "Yes. If all vectors are long and point the same way, every true score is large. "
                "The noise words are what keeps the others apart.",
                right=True,
            ),
            Choice(
                "Training would be slower, and end in the same place.",
                "It would be faster: fewer dot products. But it would end somewhere useless.",
            ),
            Choice(
                "Rare words would get no vector.",
                "They would: a rare word is still a center when it occurs. Noise words matter for "
                "another reason.",
            ),
        ),
    ),
    Quiz(
        "two-senses",
        "A bat may fly, or hit a ball. What does word2vec do with a word of two senses?",
        (
            Choice(
                "It gives it two vectors and picks by the sentence.",
                "No. The table has one row a word. Picking by the sentence is what attention "
                "will do, in the next chapter.",
            ),
            Choice(
                "It gives it one vector, pulled towards the company of both senses.",
                "Yes. Sentences about animals pull it one way, sentences about tools the other, "
                "and it comes to rest between the two.",
                right=True,
            ),
            Choice(
                "It gives it the vector of the sense that comes first in the text.",
                "No. Every sentence with the word moves its one row a little, in whatever order "
                "they come.",
            ),
        ),
    ),
    Quiz(
        "why-positions",
        "Why must a transformer be told where each word stands?",
        (
            Choice(
                "Because sentences have different lengths.",
                "Different lengths are taken care of by padding. A sentence of any length needs "
                "to know its order.",
            ),
            Choice(
                "Because it reads the words from left to right and would lose count.",
                "That is what a recurrent network does, and there the order comes by itself. A "
                "transformer reads all words at once.",
            ),
            Choice(
                'Because it reads all words at once: without positions, "Squatch eats pizza" and '
                '"pizza eats Squatch" are the same bag of vectors.',
                "Yes. Attention, as you will see, treats every word the same wherever it stands. "
                "Adding the vector of its place to each word makes the two bags differ.",
                right=True,
            ),
        ),
    ),
    Quiz(
        "why-scale-embeddings",
        "Entries of a token's row start with standard deviation 1 / √d_model. Why does forward "
        "multiply them by √d_model?",
        (
            Choice(
                "So that they are about as large as the sines and cosines that are added to them.",
                "Yes. After the scaling they have standard deviation 1. Left small, the words "
                "would be drowned by the positions.",
                right=True,
            ),
            Choice(
                "So that every vector has length exactly 1.",
                "No. After the scaling a vector has length about √d_model, as the vectors of the "
                "positions do (theirs is √(d_model / 2)).",
            ),
            Choice(
                "So that the model has more parameters.",
                "A constant factor adds none: the table has vocab × d_model entries either way.",
            ),
        ),
    ),
    Quiz(
        "fasttext",
        "FastText (Bojanowski et al., 2017) builds a word's vector from its pieces: pizzas = <pi + "
        "piz + izz + …. What can it do that word2vec (Mikolov et al., 2013) cannot?",
        (
            Choice(
                "Give a different vector to bat the animal and bat the tool.",
                "No. It still has one vector for one spelling, whatever the sentence says.",
            ),
            Choice(
                "Give a sensible vector to a word it has never seen.",
                "Yes. pizzas shares most pieces with pizza, so it lands nearby even if it never "
                "occurred. word2vec would have to read it as [UNK].",
                right=True,
            ),
            Choice(
                "Know the order of the words in a sentence.",
                "No. It looks inside words, not at their order. For that we need positions.",
            ),
        ),
    ),
)
