"""Reviews: praise and complaint, with negation and with two minds.

"leo says the soup was not good but the cake was fresh": what counts is what comes after *but*, and
what stands before *although*; and *not* turns a word into its opposite. Who only counts the words
cannot tell "the soup was good but the cake was stale" from "the soup was stale but the cake was
good". A few labels are wrong, as in every real collection, so nobody can be right every time.
"""

from minitransformer.data.automaton import Automaton
from minitransformer.data.grammar import CATEGORIES
from minitransformer.data.patterns import Plan, compile_plans

OPINIONS = {"nice": "good sweet fresh delicious", "nasty": "bad sour stale burnt"}
"""Category to its words: what food can be."""

CLAUSES = {
    "praise": {"the {food} was {nice}": 2, "the {food} was not {nasty}": 1},
    "complaint": {"the {food} was {nasty}": 2, "the {food} was not {nice}": 1},
}
"""How to say something nice, or something nasty, about a food."""

REVIEWS = {
    "{person} says THIS .": 2,
    "{person} says THIS and THIS .": 2,
    "{person} says THAT but THIS .": 3,
    "{person} says THIS although THAT .": 3,
}
"""Pattern to weight. THIS is a clause of the review's own opinion, THAT one of the opposite."""

LABEL_NOISE = 0.03
"""The share of reviews whose label is wrong."""


def review_plans(noise: float = LABEL_NOISE) -> list[Plan]:
    """One plan for each opinion and label; the mark ``"praise"`` is the label 1."""
    plans = []
    for opinion, opposite in (("praise", "complaint"), ("complaint", "praise")):
        sentences = (_reviews(opinion, opposite),)
        for label, share in ((opinion, 1 - noise), (opposite, noise)):
            if share > 0:
                plans.append(Plan(f"{opinion} as {label}", sentences, share, frozenset({label})))
    return plans


def review_automaton(noise: float = LABEL_NOISE) -> Automaton:
    """The process that writes the reviews."""
    return compile_plans(review_plans(noise), CATEGORIES | OPINIONS, frozenset())


def _reviews(this: str, that: str) -> dict[str, float]:
    """All patterns of one opinion, with a clause in each place."""
    found = {pattern: float(weight) for pattern, weight in REVIEWS.items()}
    for place, opinion in (("THAT", that), ("THIS", this), ("THIS", this)):
        total = sum(CLAUSES[opinion].values())
        found = {
            pattern.replace(place, clause, 1): found[pattern] * (share / total)
            for pattern in found
            for clause, share in (CLAUSES[opinion].items() if place in pattern else [("", total)])
        }
    return found
