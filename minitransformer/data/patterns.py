"""From patterns with memory to a finite-state process.

A pattern is written as it reads, and a word may be remembered under a name and come back:

    {food}             any word of this category, each equally likely
    {food:what}        the same, remembered as *what*
    {dog/dogs:pet}     two categories in one (here singular and plural), remembered as *pet*
    {what}             the remembered word again
    {who.he/she}       one of two forms, as the remembered word asks: *he* for leo, *she* for mia
    {pet.sleeps/sleep} likewise: *sleeps* for the dog, *sleep* for the dogs

A plan lines up sentences that share their names. Compiling a plan makes one state per place and
per thing that is still worth remembering there, so the process stays small: after the last use of
a name its word is forgotten, and where only its form is asked for, only its form is kept.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from minitransformer.data.automaton import END, START, Arc, Automaton, State

PRONOUNS = frozenset("he she it they him her his them".split())

_SLOT = re.compile(r"\{([\w/]+)(?::(\w+))?\}|\{(\w+)\.(\w+)/(\w+)\}")


@dataclass(frozen=True)
class Plan:
    """A kind of story: for each sentence, the ways to say it.

    Args:
        name: for the reader, e.g. ``"cooking"``.
        sentences: for each place in the story a table from pattern to weight; the pattern ``""``
            leaves the sentence out.
        weight: how often this plan is drawn, against the others.
        marks: put on every state of the plan, e.g. the label of a review.
    """

    name: str
    sentences: tuple[Mapping[str, float], ...]
    weight: float = 1.0
    marks: frozenset[str] = frozenset()


@dataclass(frozen=True)
class _Slot:
    """One word of a pattern, taken apart: exactly one of word, category, again, form is set."""

    word: str = ""
    category: str = ""
    name: str = ""  # remembered as
    again: str = ""  # the name whose word returns
    form: str = ""  # the name that decides between the forms
    forms: tuple[str, ...] = ()
    marks: frozenset[str] = frozenset()


Memory = tuple[tuple[str, str], ...]
"""What is remembered at some place: sorted pairs of a name and its word (or its form)."""


def compile_plans(
    plans: Sequence[Plan], categories: Mapping[str, str], second_forms: frozenset[str]
) -> Automaton:
    """One process that draws a plan, then its sentences, then their words.

    Args:
        plans: the plans, drawn in proportion to their weights.
        categories: category to its words, separated by spaces.
        second_forms: the words that ask for the second form (``mia``, ``dogs``).

    Returns:
        The process. Each state carries the mark ``"sentence k"`` (k from 1) and, where it applies,
        ``"pronoun"``, ``"agreement"`` (a form that an earlier word decides), ``"repeated"``,
        ``"answer"`` and ``"asking"`` (written ``*`` and ``^`` in a pattern), and its plan's marks.
    """
    total = sum(plan.weight for plan in plans)
    if total <= 0:
        raise ValueError("at least one plan with a positive weight is needed")
    compiler = _Compiler(categories, second_forms)
    entries: dict[int, float] = defaultdict(float)
    for plan in plans:
        compiler.open(plan)
        for index, share in compiler.next_sentence(0, ()).items():
            entries[index] += share * plan.weight / total
    compiler.arcs += [Arc(START, index, share) for index, share in entries.items()]
    return Automaton(compiler.states, compiler.arcs)


@dataclass
class _Compiler:
    """Builds states and arcs, each state once. ``open`` a plan, then ask for its entries."""

    categories: Mapping[str, str]
    second_forms: frozenset[str]
    states: list[State] = field(default_factory=lambda: [State("start", {}), State("end", {})])
    arcs: list[Arc] = field(default_factory=list)
    known: dict[tuple, int] = field(default_factory=dict)

    def open(self, plan: Plan) -> None:
        self.plan = plan
        self.known.clear()
        self.sentences = [
            [(self._parse(text), weight) for text, weight in table.items()]
            for table in plan.sentences
        ]

    def next_sentence(self, place: int, memory: Memory) -> dict[int, float]:
        """The states that may begin the sentence at this place (or END), with probabilities."""
        if place == len(self.sentences):
            return {END: 1.0}
        entries: dict[int, float] = defaultdict(float)
        total = sum(weight for _, weight in self.sentences[place])
        for choice, (slots, weight) in enumerate(self.sentences[place]):
            if slots:
                found = self.next_word(place, choice, 0, memory)
            else:
                found = self.next_sentence(place + 1, memory)
            for index, share in found.items():
                entries[index] += share * weight / total
        return entries

    def next_word(self, place: int, choice: int, at: int, memory: Memory) -> dict[int, float]:
        """The states that may write word ``at`` of a sentence, with their probabilities."""
        slots = self.sentences[place][choice][0]
        if at == len(slots):
            return self.next_sentence(place + 1, memory)
        needed = self._needed(slots[at + 1 :], place + 1)
        groups: dict[Memory, list[str]] = defaultdict(list)
        words = self._words(slots[at], dict(memory))
        for word in words:
            remembered = dict(memory) | ({slots[at].name: word} if slots[at].name else {})
            groups[self._keep(remembered, needed)].append(word)
        return {
            self._state(place, choice, at, kept, tuple(group)): len(group) / len(words)
            for kept, group in groups.items()
        }

    def _state(self, place: int, choice: int, at: int, kept: Memory, words: tuple[str, ...]) -> int:
        key = (place, choice, at, kept, words)
        if key not in self.known:
            slot = self.sentences[place][choice][0][at]
            name = f"{self.plan.name}, sentence {place + 1}.{choice + 1}, word {at + 1}"
            name += "".join(f", {what}={value}" for what, value in kept)
            marks = slot.marks | self.plan.marks | {f"sentence {place + 1}"}
            marks |= {"pronoun"} if set(words) <= PRONOUNS else set()
            emissions = {word: words.count(word) / len(words) for word in words}
            index = self.known[key] = len(self.states)
            self.states.append(State(name, emissions, slot.category, marks))
            following = self.next_word(place, choice, at + 1, kept)
            self.arcs += [Arc(index, target, share) for target, share in following.items()]
        return self.known[key]

    def _words(self, slot: _Slot, memory: dict[str, str]) -> list[str]:
        """The words a slot may write, each equally likely."""
        if slot.category:
            return [
                word
                for category in slot.category.split("/")
                for word in self.categories[category].split()
            ]
        if slot.again:
            return [memory[slot.again]]
        if slot.form:
            return [slot.forms[self._form(memory[slot.form]) == "second"]]
        return [slot.word]

    def _form(self, word: str) -> str:
        if word in ("first", "second"):
            return word
        return "second" if word in self.second_forms else "first"

    def _needed(self, rest: Sequence[_Slot], place: int) -> tuple[set[str], set[str]]:
        """The names whose words, and the names whose forms, are still asked for."""
        later = [slots for table in self.sentences[place:] for slots, _ in table]
        slots = [*rest, *(slot for sentence in later for slot in sentence)]
        return {slot.again for slot in slots}, {slot.form for slot in slots}

    def _keep(self, memory: dict[str, str], needed: tuple[set[str], set[str]]) -> Memory:
        words, forms = needed
        kept = {name: word for name, word in memory.items() if name in words}
        for name in forms & memory.keys() - words:
            kept[name] = self._form(memory[name])
        return tuple(sorted(kept.items()))

    def _parse(self, text: str) -> list[_Slot]:
        return [self._parse_word(word, text) for word in text.split()]

    def _parse_word(self, word: str, text: str) -> _Slot:
        marks = {"asking"} if word.startswith("^") else set()
        marks |= {"answer"} if word.endswith("*") else set()
        word = word.removeprefix("^").removesuffix("*")
        found = _SLOT.fullmatch(word)
        if found is None:
            return _Slot(word=word, marks=frozenset(marks))
        inside, name, form, first, second = found.groups()
        if form:
            forms = (first, second)
            marks |= {"agreement"}
            return _Slot(form=form, forms=forms, marks=frozenset(marks))
        if all(category in self.categories for category in inside.split("/")):
            return _Slot(category=inside, name=name or "", marks=frozenset(marks))
        if name or f":{inside}}}" not in str(self.plan.sentences):
            raise ValueError(
                f"{{{inside}}} in {text!r} is neither a category ({', '.join(self.categories)}) "
                "nor a name that an earlier slot remembers"
            )
        return _Slot(again=inside, marks=frozenset(marks | {"repeated"}))
