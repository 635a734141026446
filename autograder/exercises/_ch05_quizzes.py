"""Chapter 5's quiz questions: one main idea each, every choice answered with why."""

from autograder.spec import Choice, Quiz

QUIZZES = (
    Quiz(
        "why-pieces",
        "GPT reads pieces of words. What does it gain over a list of whole words?",
        (
            Choice(
                "Any text can be written, new words and typing errors included, and frequent words "
                "still cost one token.",
                "A word that training never saw falls into smaller known pieces, in the worst case "
                "into its letters. Nothing becomes [UNK].",
                right=True,
            ),
            Choice(
                "The texts become shorter than with whole words.",
                "They become longer: no piece is longer than a word. They are shorter than with "
                "single letters.",
            ),
            Choice(
                "The pieces are syllables and endings, so the model knows grammar from the start.",
                "BPE knows no grammar; it counts. Pieces such as ing come out where they are "
                "frequent, and others that no linguist would cut.",
            ),
            Choice(
                "The pieces have vectors that are already trained.",
                "Merges are learned by counting alone. The vectors of the pieces begin at random.",
            ),
        ),
    ),
    Quiz(
        "bert-or-gpt",
        "BERT and GPT are stacks of nearly the same block. What parts them?",
        (
            Choice(
                "GPT has a decoder block with cross-attention, BERT an encoder block.",
                "GPT has nothing to cross-attend to: its block is the encoder block with a causal "
                "mask. Cross-attention comes in chapter 7.",
            ),
            Choice(
                "BERT sees both sides of a word and fills gaps; GPT sees what came before and "
                "predicts what comes next, so it can write.",
                "The causal mask and the loss are what differ. Whoever sees both sides "
                "understands a finished text better; whoever looks back only can go on writing it.",
                right=True,
            ),
            Choice(
                "GPT is larger.",
                "They come in all sizes. The first GPT and BERT-base have the same number of "
                "blocks and the same width.",
            ),
            Choice(
                "BERT uses subwords and GPT whole words.",
                "Both use subwords: BERT WordPiece, GPT byte-pair encoding.",
            ),
        ),
    ),
    Quiz(
        "one-text-many-lessons",
        "A text of 64 tokens goes once through GPT in training. How many predictions is it "
        "taught by?",
        (
            Choice(
                "1: the token after the text.",
                "That is so when it writes. In training every place predicts its own next token, "
                "in the same pass.",
            ),
            Choice(
                "About 10: one in seven, as in BERT.",
                "BERT hides 15 % and learns from these. GPT hides the future, which is there at "
                "every place.",
            ),
            Choice(
                "63: each place predicts the next token, and the causal mask keeps it from "
                "looking.",
                "All of them at once, in one pass. Without the mask place 5 could read token 6 off "
                "the input, and nothing would be learned.",
                right=True,
            ),
        ),
    ),
    Quiz(
        "what-perplexity-is",
        "A model has perplexity 8 on a text. What does that say?",
        (
            Choice(
                "It gets one word in eight right.",
                "Perplexity counts probabilities, not hits. A model may name the right word most "
                "of the time and still be surprised by the others.",
            ),
            Choice(
                "On average it is as unsure as if it had to choose between 8 equally probable "
                "tokens.",
                "It is the exponential of the mean loss: e to the 2.08 is 8. A model that always "
                "hesitates between 8 equal tokens has exactly this perplexity.",
                right=True,
            ),
            Choice(
                "It is 8 times worse than the best possible model.",
                "Perplexity knows nothing of the best possible model. Even that one has a "
                "perplexity above 1, where the text itself is uncertain.",
            ),
            Choice(
                "It can be compared with any other model's perplexity on this text.",
                "Only if both cut the text into the same tokens. With smaller pieces each token is "
                "easier, and there are more of them.",
            ),
        ),
    ),
    Quiz(
        "top-k-or-top-p",
        "After “the opposite of hot is” one token is nearly certain; after “I like” hundreds fit. "
        "How do top-k and top-p differ here?",
        (
            Choice(
                "Top-k keeps the same number of tokens in both places; top-p keeps few where the "
                "model is sure and many where it is not.",
                "That is why Holtzman and others proposed the nucleus in 2020.",
                right=True,
            ),
            Choice(
                "Top-p keeps the same number of tokens, top-k the same probability.",
                "It is the other way round: k is a number of tokens, p a probability.",
            ),
            Choice(
                "They differ in speed alone.",
                "Both need a sort at most. They keep different tokens.",
            ),
        ),
    ),
    Quiz(
        "what-the-cache-keeps",
        "Why can keys and values of earlier tokens be kept, when a new token is written?",
        (
            Choice(
                "They change so little that the difference does not matter.",
                "They do not change at all. The cached model gives the same logits.",
            ),
            Choice(
                "Because nothing that comes later can reach them: the causal mask lets a token see "
                "only what came before it.",
                "So its vector in every layer is final once it is read. In BERT, where every token "
                "sees every other, no such cache is possible.",
                right=True,
            ),
            Choice(
                "Because they are the same for every text.",
                "They are made from this text's tokens, and belong to it.",
            ),
            Choice(
                "Because the new token does not look at them.",
                "It looks at all of them, with its own query. That is why they are kept, and why "
                "the queries are not.",
            ),
        ),
    ),
    Quiz(
        "why-transformers-scale",
        "Why do transformers suit large language models better than the recurrent networks before "
        "them?",
        (
            Choice(
                "They need fewer parameters for the same vocabulary.",
                "The vocabulary's table is as large in both.",
            ),
            Choice(
                "Their work grows more slowly with the length of the text.",
                "It grows faster: with the square of the length, where a recurrent network's grows "
                "with the length.",
            ),
            Choice(
                "In training all places of a text are computed at once, so large machines are kept "
                "busy; any two words are one step apart; and blocks can be stacked deep.",
                "A recurrent network must finish one word before it begins the next. This freedom, "
                "more than any single formula, made it worth while to train on very much text.",
                right=True,
            ),
            Choice(
                "They write faster: all words of the answer at once.",
                "They write token by token, as a recurrent network does. It is reading and "
                "training that happen all at once.",
            ),
        ),
    ),
)
