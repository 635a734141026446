"""The small world: exact probabilities against brute force, records against what they promise."""

import itertools
import math
import random
from collections import Counter

import pytest

from minitransformer.data import World
from minitransformer.data.automaton import Arc, Automaton, State
from minitransformer.data.grammar import PRONOUN_ENDINGS, Pattern

TINY = {"thing": "cat bat", "tool": "bat rope axe"}
TINY_GRAMMAR = [
    Pattern("plain", "{thing} runs", 1),
    Pattern("plain", "{tool}", 2),
    Pattern("plain", "{thing} {tool}* ^it", 3),
    Pattern("plain", "bat", 1),
]


def tiny():
    return World(TINY_GRAMMAR, TINY)


def every_text():
    """All texts of the tiny world with their probabilities, worked out without any automaton."""
    texts = Counter()
    for thing in ("cat", "bat"):
        texts[thing, "runs"] += 1 / 7 / 2
        for tool in ("bat", "rope", "axe"):
            texts[thing, tool, "it"] += 3 / 7 / 6
    for tool in ("bat", "rope", "axe"):
        texts[tool,] += 2 / 7 / 3
    texts["bat",] += 1 / 7
    return texts


@pytest.fixture(scope="module")
def world():
    return World()


def test_text_probabilities_equal_brute_force():
    world, texts = tiny(), every_text()
    assert math.fsum(texts.values()) == pytest.approx(1)
    for tokens, probability in texts.items():
        assert math.exp(world.log_probability(" ".join(tokens))) == pytest.approx(probability)


def test_texts_the_world_cannot_say_have_no_probability():
    for text in ("", "cat", "runs cat", "cat runs runs", "cat rope", "dog"):
        assert tiny().log_probability(text) == -math.inf


def test_next_token_distributions_equal_brute_force():
    world, texts = tiny(), every_text()
    prefixes = {tokens[:cut] for tokens in texts for cut in range(len(tokens) + 1)}
    for prefix in prefixes:
        following = Counter()
        for tokens, probability in texts.items():
            if tokens[: len(prefix)] == prefix:
                following[(*tokens, "[SEP]")[len(prefix)]] += probability
        total = math.fsum(following.values())
        expected = {token: share / total for token, share in following.items()}
        assert world.next_token_distribution(list(prefix)) == pytest.approx(expected)


def test_a_prefix_that_begins_no_text_is_refused(world):
    with pytest.raises(ValueError, match="begins with 'pizza eats'"):
        world.next_token_distribution(["pizza", "eats"])
    with pytest.raises(TypeError, match="list of tokens"):
        world.next_token_distribution("squatch")


def test_a_process_with_loops_agrees_with_enumerated_walks():
    # A hidden Markov model with cycles: two states that may follow each other in any order.
    chances = {(0, 2): 0.3, (0, 3): 0.7, (2, 2): 0.1, (2, 3): 0.5, (2, 1): 0.4}
    chances |= {(3, 2): 0.6, (3, 3): 0.2, (3, 1): 0.2}
    words = {2: {"a": 0.9, "b": 0.1}, 3: {"a": 0.25, "b": 0.75}}
    states = [State("start", {}), State("end", {}), State("x", words[2]), State("y", words[3])]
    automaton = Automaton(states, [Arc(*ends, chance) for ends, chance in chances.items()])
    for tokens in itertools.product("ab", repeat=4):
        expected = 0.0
        for walk in itertools.product((2, 3), repeat=4):
            steps = itertools.pairwise((0, *walk, 1))
            said = (words[state][token] for state, token in zip(walk, tokens, strict=True))
            expected += math.prod(chances[step] for step in steps) * math.prod(said)
        assert math.exp(automaton.log_probability(tokens)) == pytest.approx(expected)


def test_long_texts_do_not_underflow():
    states = [State("start", {}), State("end", {}), State("x", {"a": 0.01, "b": 0.99})]
    automaton = Automaton(states, [Arc(0, 2, 1.0), Arc(2, 2, 0.5), Arc(2, 1, 0.5)])
    expected = 500 * (math.log(0.01) + math.log(0.5))
    assert automaton.log_probability(["a"] * 500) == pytest.approx(expected)


def test_probabilities_that_do_not_sum_to_one_are_refused():
    states = [State("start", {}), State("end", {}), State("x", {"a": 0.5})]
    with pytest.raises(ValueError, match=r"state 2 \(x\): .* emissions to 0.5; both must be 1"):
        Automaton(states, [Arc(0, 2, 1.0), Arc(2, 1, 1.0)])


def test_a_pattern_with_an_unknown_category_is_refused():
    with pytest.raises(ValueError, match="no category 'planet'; there are thing, tool"):
        World([Pattern("plain", "{planet}", 1)], TINY)


def test_frequencies_of_drawn_sentences_agree_with_the_exact_probabilities():
    world, texts, n = tiny(), every_text(), 20_000
    drawn = Counter(world.sentences(n, seed=0))
    assert set(drawn) == {" ".join(tokens) for tokens in texts}
    for tokens, probability in texts.items():
        spread = math.sqrt(n * probability * (1 - probability))
        assert abs(drawn[" ".join(tokens)] - n * probability) < 5 * spread


def test_next_token_frequencies_of_the_small_world_agree_with_the_exact_ones(world):
    n, prefix = 20_000, ("squatch",)
    texts = [tuple(text.split()) for text in world.sentences(n, seed=3)]
    found = Counter(tokens[1] for tokens in texts if tokens[:1] == prefix)
    total = found.total()
    for token, share in world.next_token_distribution(list(prefix)).items():
        assert abs(found[token] - total * share) < 5 * math.sqrt(total * share)


def test_the_log_probability_is_the_sum_of_the_next_token_ones(world):
    for text in world.sentences(50, seed=5):
        tokens = [*text.split(), "[SEP]"]
        steps = (world.next_token_distribution(tokens[:t])[tokens[t]] for t in range(len(tokens)))
        assert math.fsum(map(math.log, steps)) == pytest.approx(world.log_probability(text))


def test_next_token_distributions_sum_to_one(world):
    for text in world.sentences(50, seed=6):
        tokens = text.split()
        for cut in range(len(tokens) + 1):
            shares = world.next_token_distribution(tokens[:cut])
            assert math.fsum(shares.values()) == pytest.approx(1)


def test_the_same_seed_gives_the_same_sentences_on_every_machine(world):
    random.seed(99)
    assert (
        world.sentences(3, seed=0)
        == World().sentences(3, seed=0)
        == [
            "the pan held the pie and it felt empty",
            "mia filled the pot with the cake and it felt hot",
            "the basket held the bread and it was heavy",
        ]
    )
    assert world.sentences(30, seed=0) != world.sentences(30, seed=1)


def test_the_world_is_small_and_its_sentences_are_short(world):
    assert 60 <= len(world.words) <= 120
    assert max(len(text.split()) for text in world.sentences(3000, seed=0)) <= 16
    assert {word for text in world.sentences(5000, seed=0) for word in text.split()} == (
        set(world.words)
    )


def test_the_course_examples_are_sentences_of_the_world(world):
    said = ["squatch eats pizza", "mia sees the cat in the park"]
    said += ["the pizza came out of the oven and it tasted good"]
    said += ["the pizza came out of the oven and it was hot"]
    assert all(world.log_probability(text) > -math.inf for text in said)
    assert world.log_probability("Squatch eats pizza") > -math.inf
    assert world.log_probability("pizza eats squatch") == -math.inf


def test_the_ending_alone_decides_what_a_pronoun_stands_for(world):
    records = world.pronoun_sentences(1000, seed=0)
    for record in records:
        assert record.tokens[record.pronoun] == "it"
        referent, ending = record.categories[record.referent], record.categories[-1]
        assert {"taste": "food", "condition": "container"}[ending] == referent
        assert {"food", "container"} <= set(record.categories[: record.pronoun])
    assert {record.categories[record.referent] for record in records} == set(PRONOUN_ENDINGS)
    firsts = {record.tokens[:2] for record in records}
    assert len(firsts) > 10  # either noun may come first


def test_the_order_of_the_nouns_does_not_give_the_referent_away(world):
    records = world.pronoun_sentences(2000, seed=1)
    nearer = sum(
        all(category not in ("food", "container") for category in
            record.categories[record.referent + 1 : record.pronoun])
        for record in records
    )  # fmt: skip
    assert 0.45 < nearer / len(records) < 0.55


def test_questions_point_at_the_word_that_answers_them(world):
    records = world.question_sentences(500, seed=0)
    kinds = {"who": "person", "what": "animal", "where": "nature", "when": "time"}
    for record in records:
        assert record.categories[record.answer] == kinds[record.tokens[record.question]]
        assert record.answer < record.question
    assert {record.tokens[record.question] for record in records} == set(kinds)


def test_two_sense_words_are_met_in_both_senses(world):
    records = world.two_sense_sentences(500, seed=0)
    assert set(world.two_sense_words) == {"bank", "bat", "mouse", "orange"}
    met = {}
    for record in records:
        assert record.tokens[record.position] == record.word
        assert record.word in world.words_by_category[record.sense]
        met.setdefault(record.word, set()).add(record.sense)
    assert met == {word: set(senses) for word, senses in world.two_sense_words.items()}


def test_records_agree_with_their_text_and_are_in_the_world(world):
    records = [*world.pronoun_sentences(20, 0), *world.question_sentences(20, 0)]
    for record in [*records, *world.two_sense_sentences(20, 0)]:
        assert tuple(record.text.split()) == record.tokens
        assert len(record.categories) == len(record.tokens)
        assert world.log_probability(record.text) > -math.inf


def test_a_world_without_such_sentences_says_so():
    with pytest.raises(ValueError, match="no sentences of the kind 'pronoun'"):
        tiny().pronoun_sentences(1, seed=0)
