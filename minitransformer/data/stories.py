"""The stories of the small world: two or three short sentences that belong together.

Each plan is a table that reads from top to bottom: one way to say the first sentence, one for the
second, one for the third. Names tie the sentences together (see ``patterns`` for the notation):
*who* decides between he and she, *pet* between sleeps and sleep, and *what* comes back.
"""

from minitransformer.data.automaton import Automaton
from minitransformer.data.combine import forget_at, union, with_marks
from minitransformer.data.grammar import CATEGORIES
from minitransformer.data.patterns import Plan, compile_plans
from minitransformer.data.process import Process, numbered

SECOND_FORMS = frozenset("mia nora ada cats dogs horses rabbits birds bats mice".split())
"""The words that ask for the second of two forms: she instead of he, sleep instead of sleeps."""

PLURALS = {"animals": "cats dogs horses rabbits birds bats mice"}

STORIES = {
    "cooking": (
        {
            "{person:who} cooks {who.his/her} {food:what} in the {container} .": 2,
            "{person:who} puts {who.his/her} {food:what} into the {container} .": 1,
        },
        {
            "it smells {taste} and {person} waits .": 3,
            "{person:guest} brings {guest.his/her} {container} at {time} .": 1,
            "{who.he/she} takes it out at {time} .": 1,
        },
        {"the {what} tastes {taste} .": 1, "then {who.he/she} eats the {what} .": 1, "": 1},
    ),
    "shopping": (
        {
            "{person:who} walks {who.his/her} dog to the {building} .": 2,
            "{person:who} waits for {who.his/her} friend at the {building} .": 1,
        },
        {
            "someone sells the {colour} {tool:what} there .": 3,
            "there {person:friend} drops {friend.his/her} {tool:what} .": 1,
            "{who.he/she} buys the {colour} {tool:what} .": 1,
        },
        {"the {what} is {condition} .": 1, "{who.he/she} likes the {what} .": 1, "": 1},
    ),
    "feeding": (
        {"{person:who} feeds {who.his/her} {animal/animals:pet} in the {nature} .": 1},
        {
            "then {person:friend} comes with {friend.his/her} {food} .": 4,
            "{pet.it/they} {pet.eats/eat} the {food} .": 1,
        },
        {
            "{who.he/she} likes the {pet} .": 1,
            "at {time} the {pet} {pet.sleeps/sleep} there .": 1,
            "": 1,
        },
    ),
    "chasing": (
        {
            "the {animal/animals:pet} near the {animal/animals} {pet.runs/run} home .": 1,
            "the {animal/animals:pet} {pet.chases/chase} the {animal/animals} .": 1,
        },
        {
            "the {animal/animals:other} {other.hides/hide} behind the {tool} .": 4,
            "at {time} {pet.it/they} {pet.sleeps/sleep} in the {nature} .": 1,
        },
        {"{person} finds the {pet} at {time} .": 1, "{person} feeds {pet.it/them} .": 1, "": 1},
    ),
    "camping": (
        {"{person:who} camps in the {nature} with {who.his/her} {tool:what} .": 1},
        {
            "it falls and breaks at {time} .": 3,
            "the {animal/animals:pet} {pet.takes/take} it .": 1,
            "{who.he/she} drops it near the {animal/animals} .": 1,
        },
        {"the {what} was {colour} .": 1, "{who.he/she} takes the {what} home .": 1, "": 1},
    ),
    "painting": (
        {"{person:who} paints {who.his/her} {tool:what} at {time} .": 1},
        {
            "soon it looks {colour} and {condition} .": 4,
            "{who.he/she} likes it .": 1,
        },
        {"{who.he/she} shows the {what} to {person} .": 1, "{person} buys the {what} .": 1, "": 1},
    ),
}
"""Plan to its sentences: pattern to weight. The pattern "" leaves the sentence out."""


def story_plans() -> list[Plan]:
    """The plans of the small world's stories."""
    return [Plan(name, sentences) for name, sentences in STORIES.items()]


def story_automaton() -> Automaton:
    """The process that writes the stories."""
    return compile_plans(story_plans(), CATEGORIES | PLURALS, SECOND_FORMS)


def pair_plans() -> list[Plan]:
    """The first two sentences of each story, packed for a model: [CLS] A [SEP] B [SEP]."""
    return [
        Plan(
            name,
            (
                {f"[CLS] {pattern}": weight for pattern, weight in first.items()},
                {"[SEP]": 1},
                {f"{pattern} [SEP]": weight for pattern, weight in second.items()},
            ),
        )
        for name, (first, second, _) in STORIES.items()
    ]


def pair_automaton() -> Automaton:
    """Packed pairs, half of them consecutive, half with a second sentence drawn on its own.

    The half that belongs together carries the mark ``"next"``. In the other half the state after
    the first sentence is forgotten, so the second sentence is a second sentence of any story.
    """
    together = compile_plans(pair_plans(), CATEGORIES | PLURALS, SECOND_FORMS)
    visits = Process(together, numbered(together)).visits()
    apart = forget_at(together, "sentence 2", visits)
    return union([(0.5, with_marks(together, {"next"})), (0.5, apart)])
