"""The corpus: a small world that is generated, with exact probabilities. See ``world``."""

from minitransformer.data.world import (
    PronounSentence,
    QuestionSentence,
    SenseSentence,
    Sentence,
    World,
)

__all__ = ["PronounSentence", "QuestionSentence", "SenseSentence", "Sentence", "World"]
