"""Exact figures against brute force: every text of a tiny world, every way to corrupt it."""

import itertools
import math
from collections import Counter, defaultdict

import pytest
import torch

from minitransformer.data import World, exact
from minitransformer.data.automaton import Arc, Automaton, State
from minitransformer.data.combine import endless, forget_at, union, with_marks
from minitransformer.data.forward_backward import BATCH
from minitransformer.data.patterns import Plan, compile_plans
from minitransformer.data.process import Process, numbered
from minitransformer.data.views import bag, best_accuracy, label_shares, text

WORDS = "leo mia cat cats saw he she".split()
VOCAB = {token: index for index, token in enumerate(["[PAD]", "[SEP]", "[MASK]", *WORDS])}
MASK, SEP, SIZE = VOCAB["[MASK]"], VOCAB["[SEP]"], len(VOCAB)
PLANS = [
    Plan(
        "a",
        ({"{person:who} saw": 3, "{animal/animals:who}": 1}, {"{who.he/she}": 1, "": 1}),
        weight=2,
        marks=frozenset({"yes"}),
    ),
    Plan("b", ({"{person} [SEP] {person}": 1, "{person} saw": 1},), weight=1),
]
CATEGORIES = {"person": "leo mia", "animal": "cat", "animals": "cats"}
CLOSE = dict(rel=1e-12, abs=1e-12)


def every_text():
    """All texts, with the probability of each together with its label, by hand."""
    texts = Counter()
    for name, form in (("leo", "he"), ("mia", "she")):
        texts[(name, "saw"), True] += 2 / 3 * 3 / 4 / 2 / 2
        texts[(name, "saw", form), True] += 2 / 3 * 3 / 4 / 2 / 2
        texts[(name, "saw"), False] += 1 / 3 / 2 / 2
        for other in ("leo", "mia"):
            texts[(name, "[SEP]", other), False] += 1 / 3 / 2 / 4
    for name, form in (("cat", "he"), ("cats", "she")):
        texts[(name,), True] += 2 / 3 / 4 / 2 / 2
        texts[(name, form), True] += 2 / 3 / 4 / 2 / 2
    return texts


def every_corruption(tokens):
    """All pairs of what is seen and which places were chosen, with their probabilities."""
    options = []
    for token in tokens:
        places = Counter({(token, False): 1.0} if token == "[SEP]" else {(token, False): 0.85})
        if token != "[SEP]":
            places["[MASK]", True] += 0.15 * 0.8
            places[token, True] += 0.15 * 0.1
            for word in WORDS:
                places[word, True] += 0.15 * 0.1 / len(WORDS)
        options.append(places.items())
    for combination in itertools.product(*options):
        (seen, chosen) = zip(*(place for place, _ in combination), strict=True)
        yield seen, chosen, math.prod(share for _, share in combination)


def automaton():
    return compile_plans(PLANS, CATEGORIES, frozenset({"mia", "cats"}))


def process():
    return Process(automaton(), VOCAB)


def channel(rate=0.15):
    words = [VOCAB[word] for word in WORDS]
    return exact.corruption_channel(SIZE, MASK, words, rate, never=[0, SEP, MASK])


def ids_of(texts):
    longest = max(map(len, texts))
    rows = [[VOCAB[token] for token in tokens] for tokens in texts]
    return torch.tensor([row + [0] * (longest - len(row)) for row in rows])


@pytest.fixture(scope="module")
def corrupted():
    """Seen text to its probability, jointly with the label, and with each chosen true token."""
    seen_label = defaultdict(Counter)
    seen_token = defaultdict(Counter)
    for (tokens, label), probability in every_text().items():
        for seen, chosen, share in every_corruption(tokens):
            seen_label[seen][label] += probability * share
            for place, (token, is_chosen) in enumerate(zip(tokens, chosen, strict=True)):
                if is_chosen:
                    seen_token[seen, place][token] += probability * share
    return seen_label, seen_token


def test_the_texts_of_a_plan_have_the_probabilities_worked_out_by_hand():
    texts = Counter()
    for (tokens, _), probability in every_text().items():
        texts[tokens] += probability
    assert math.fsum(texts.values()) == pytest.approx(1, **CLOSE)
    found = exact.text_log_probability(process(), ids_of(list(texts))).exp()
    assert found.tolist() == pytest.approx(list(texts.values()), **CLOSE)


def test_texts_that_cannot_occur_have_no_probability():
    ids = ids_of([("leo", "saw", "she"), ("he",), ("cat", "she"), ("leo", "leo"), ("mia",)])
    assert exact.text_log_probability(process(), ids).tolist() == [-math.inf] * 5


def test_next_token_distributions_equal_enumeration():
    texts = every_text()
    rows = sorted({tokens for tokens, _ in texts})
    found = exact.next_token_distribution(process(), ids_of(rows), end_id=SEP)
    assert found.shape == (len(rows), 4, SIZE)
    for tokens, distribution in zip(rows, found, strict=True):
        for cut in range(4):
            following = torch.zeros(SIZE, dtype=torch.float64)
            if cut <= len(tokens):
                for (other, _), probability in texts.items():
                    if other[:cut] == tokens[:cut]:
                        following[VOCAB[(*other, "[SEP]")[cut]]] += probability
                following /= following.sum()
            assert distribution[cut].tolist() == pytest.approx(following.tolist(), **CLOSE)


def test_rows_without_end_are_stories_parted_by_the_separator():
    loop = endless(automaton(), "[SEP]")
    row = ids_of([("[SEP]", "cats", "she", "[SEP]", "leo", "saw")])
    found = exact.next_token_distribution(Process(loop, VOCAB), row, end_id=SEP)[0]
    alone = exact.next_token_distribution(
        process(), ids_of([("cats", "she"), ("leo", "saw")]), end_id=SEP
    )
    assert found[0, SEP] == pytest.approx(1, **CLOSE)
    torch.testing.assert_close(found[1:4], alone[0], rtol=0, atol=1e-12)
    torch.testing.assert_close(found[4:7], alone[1], rtol=0, atol=1e-12)


def test_the_corruption_channel_is_80_10_10_and_spares_the_special_tokens():
    table = channel()
    assert table.sum(1).tolist() == pytest.approx([1.0] * SIZE, **CLOSE)
    row = table[VOCAB["cat"]]
    assert row[MASK] == pytest.approx(0.12, **CLOSE)
    assert row[VOCAB["leo"]] == pytest.approx(0.015 / 7, **CLOSE)
    assert row[VOCAB["cat"]] == pytest.approx(0.85 + 0.015 + 0.015 / 7, **CLOSE)
    assert row[SEP] == row[0] == 0
    assert table[SEP].tolist() == [float(index == SEP) for index in range(SIZE)]


def test_probabilities_of_corrupted_texts_equal_enumeration(corrupted):
    seen_label, _ = corrupted
    rows = list(seen_label)
    found = exact.text_log_probability(process(), ids_of(rows), channel()).exp()
    expected = [seen_label[seen].total() for seen in rows]
    assert found.tolist() == pytest.approx(expected, **CLOSE)
    assert float(found.sum()) == pytest.approx(1, **CLOSE)


def test_posteriors_of_masked_tokens_equal_enumeration_of_every_corruption(corrupted):
    seen_label, seen_token = corrupted
    rows = list(seen_label)
    found = exact.token_posterior(process(), ids_of(rows), channel(), channel(rate=1.0))
    checked = 0
    for seen, posterior in zip(rows, found, strict=True):
        for place in range(len(seen)):
            truths = seen_token[seen, place]
            if not truths:
                continue  # [SEP] is never chosen
            expected = [truths[token] / truths.total() for token in VOCAB]
            assert posterior[place].tolist() == pytest.approx(expected, **CLOSE)
            checked += 1
    assert checked > 1000


def test_one_way_posteriors_of_masked_tokens_equal_enumeration_of_what_stands_before(corrupted):
    _, seen_token = corrupted
    before = defaultdict(Counter)  # what was seen before a [MASK] → its true tokens
    for (seen, place), truths in seen_token.items():
        if seen[place] == "[MASK]":
            before[seen[:place]] += truths
    rows = [(*start, "[MASK]") for start in before]
    channels = channel(), channel(rate=1.0)
    found = exact.token_posterior(process(), ids_of(rows), *channels, both_ways=False)
    for row, posterior in zip(rows, found, strict=True):
        truths = before[row[:-1]]
        expected = [truths[token] / truths.total() for token in VOCAB]
        assert posterior[len(row) - 1].tolist() == pytest.approx(expected, **CLOSE)
    assert len(rows) > 10


def test_posteriors_of_the_label_equal_enumeration_with_clean_and_corrupted_input(corrupted):
    seen_label, _ = corrupted
    clean = defaultdict(Counter)
    for (tokens, label), probability in every_text().items():
        clean[tokens][label] += probability
    for table, seen_through in ((clean, None), (seen_label, channel())):
        rows = list(table)
        expected = [table[row][True] / table[row].total() for row in rows]
        found = exact.label_posterior(process(), ids_of(rows), "yes", seen_through)
        assert found.tolist() == pytest.approx(expected, **CLOSE)


def test_bayes_accuracy_is_the_mean_of_the_better_guess():
    posterior = torch.tensor([0.9, 0.2, 0.5], dtype=torch.float64)
    assert exact.bayes_accuracy(posterior) == pytest.approx((0.9 + 0.8 + 0.5) / 3, **CLOSE)


def test_marks_of_single_places_are_known():
    ids = ids_of([("mia", "saw", "she"), ("cat",)])
    found = exact.mark_posterior(process(), ids, "pronoun")
    assert found.flatten().tolist() == pytest.approx([0, 0, 1, 0, 0, 0], **CLOSE)


def test_unigram_and_bigram_equal_enumeration():
    ones, twos = torch.zeros(SIZE, dtype=torch.float64), torch.zeros(SIZE, SIZE).double()
    for (tokens, _), probability in every_text().items():
        ids = [VOCAB[token] for token in tokens]
        for token in ids:
            ones[token] += probability
        for pair in itertools.pairwise([SEP, *ids, SEP]):
            twos[pair] += probability
    found = torch.from_numpy(process().unigram())
    torch.testing.assert_close(found, ones / ones.sum(), rtol=0, atol=1e-12)
    ones[SEP] = 0
    found = torch.from_numpy(process().unigram(excluded=frozenset({SEP})))
    torch.testing.assert_close(found, ones / ones.sum(), rtol=0, atol=1e-12)
    found = torch.from_numpy(process().bigram(SEP))
    expected = twos / twos.sum(1, keepdim=True).clamp(min=1e-300)
    torch.testing.assert_close(found, expected, rtol=0, atol=1e-12)


def test_what_a_bag_of_words_can_reach_equals_enumeration():
    bags, texts = defaultdict(Counter), defaultdict(Counter)
    for (tokens, label), probability in every_text().items():
        bags[tuple(sorted(tokens))][label] += probability
        texts[tokens][label] += probability
    for view, table in ((bag, bags), (text, texts)):
        expected = {key: (shares[False], shares[True]) for key, shares in table.items()}
        found = label_shares(automaton(), "yes", view)
        assert found.keys() == expected.keys()
        for key in expected:
            assert found[key] == pytest.approx(expected[key], **CLOSE)
        best = math.fsum(max(shares) for shares in expected.values())
        assert best_accuracy(automaton(), "yes", view) == pytest.approx(best, **CLOSE)


def test_draws_have_the_exact_frequencies_and_come_from_their_states():
    n, texts = 30_000, Counter()
    for (tokens, _), probability in every_text().items():
        texts[tokens] += probability
    machine = process()
    ids, states = machine.sample(n, seed=5)
    names = list(VOCAB)
    drawn = Counter(tuple(names[token] for token in row if token) for row in ids)
    assert set(drawn) == set(texts)
    for tokens, probability in texts.items():
        assert abs(drawn[tokens] - n * probability) < 5 * math.sqrt(n * probability)
    written = torch.from_numpy(machine.emission)[torch.from_numpy(states), torch.from_numpy(ids)]
    assert (written[torch.from_numpy(ids) > 0] > 0).all()


def test_draws_repeat_under_a_seed_and_can_be_cut():
    assert (process().sample(50, seed=3)[0] == process().sample(50, seed=3)[0]).all()
    assert (process().sample(50, seed=3)[0] != process().sample(50, seed=4)[0]).any()
    rows, _ = Process(endless(automaton(), "[SEP]"), VOCAB).sample(7, seed=0, length=11)
    assert rows.shape == (7, 11) and (rows > 0).all() and (rows[:, 0] == SEP).all()


def test_a_union_draws_one_part_and_forgetting_cuts_the_tie():
    plans = [
        Plan("tied", ({"{person:who}": 1}, {"[SEP]": 1}, {"{who}": 1})),
        Plan("leo", ({"leo": 1}, {"[SEP]": 1}, {"leo": 1})),
    ]
    tied = compile_plans(plans, CATEGORIES, frozenset())
    visits = Process(tied, numbered(tied)).visits()
    loose = forget_at(tied, "sentence 2", visits)
    both = union([(0.5, with_marks(tied, {"yes"})), (1.5, loose)])
    chance = {"leo": 3 / 4, "mia": 1 / 4}
    rows = [(one, "[SEP]", two) for one in chance for two in chance]
    together = [(one == two) * chance[one] / 4 for one, _, two in rows]
    apart = [chance[one] * chance[two] * 3 / 4 for one, _, two in rows]
    expected = [sum(shares) for shares in zip(together, apart, strict=True)]
    found = exact.text_log_probability(Process(both, VOCAB), ids_of(rows)).exp()
    assert found.tolist() == pytest.approx(expected, **CLOSE)
    label = exact.label_posterior(Process(both, VOCAB), ids_of(rows), "yes")
    expected = [yes / share for yes, share in zip(together, expected, strict=True)]
    assert label.tolist() == pytest.approx(expected, **CLOSE)


def test_long_texts_and_loops_do_not_underflow():
    states = [State("start", {}), State("end", {}), State("x", {"leo": 0.01, "mia": 0.99})]
    walk = Automaton(states, [Arc(0, 2, 1.0), Arc(2, 2, 0.5), Arc(2, 1, 0.5)])
    machine, ids = Process(walk, VOCAB), torch.full((1, 500), VOCAB["leo"])
    expected = 500 * (math.log(0.01) + math.log(0.5))
    assert float(exact.text_log_probability(machine, ids)) == pytest.approx(expected, rel=1e-12)
    ids[0, 250] = MASK
    posterior = exact.token_posterior(machine, ids, channel(), channel(1.0))[0, 250]
    assert float(posterior[VOCAB["mia"]]) == pytest.approx(0.99, rel=1e-12)
    assert machine.visits()[2] == pytest.approx(2, rel=1e-12)


def test_batches_larger_than_one_reading_are_put_together():
    ids = ids_of([("cats", "she"), ("leo", "saw", "he")]).repeat(BATCH, 1)
    found = exact.text_log_probability(process(), ids)
    assert len(found.unique()) == 2 and torch.equal(found[:2], found[-2:])


def test_rows_may_be_wider_than_any_text_can_be():
    texts = [("cats", "she"), ("leo", "[MASK]", "he")]
    narrow, wide = ids_of(texts), torch.zeros(2, 7, dtype=torch.int64)
    wide[:, :3] = narrow
    channels = channel(), channel(rate=1.0)
    expected = exact.token_posterior(process(), narrow, *channels)
    found = exact.token_posterior(process(), wide, *channels)
    assert torch.equal(found[:, :3], expected) and not found[:, 3:].any()
    labels = exact.label_posterior(process(), wide, "yes", channel())
    assert torch.equal(labels, exact.label_posterior(process(), narrow, "yes", channel()))


def test_ids_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r"ids must be integers \(batch, seq\)"):
        exact.text_log_probability(process(), torch.tensor([3, 4]))
    with pytest.raises(ValueError, match=r"ids must lie in 0\.\.9, got 3\.\.10"):
        exact.text_log_probability(process(), torch.tensor([[3, 10]]))
    with pytest.raises(ValueError, match="writes 'cat', which the vocabulary lacks"):
        Process(automaton(), {word: index for word, index in VOCAB.items() if word != "cat"})


def test_a_name_that_nothing_remembers_is_refused():
    with pytest.raises(ValueError, match="{them} .* neither a category .* nor a name"):
        compile_plans([Plan("x", ({"{them} saw": 1},))], CATEGORIES, frozenset())


@pytest.fixture(scope="module")
def pairs():
    world = World()
    drawn = world.draw("pairs", 2000, seed=11)
    generator = torch.Generator().manual_seed(7)
    size, words = len(world.vocab), range(5, len(world.vocab))
    table = exact.corruption_channel(size, 4, words, never=range(5))
    rows = table[drawn.ids]  # (batch, seq, vocab): how each true token is seen
    seen = torch.multinomial(rows.flatten(0, 1), 1, generator=generator).view(drawn.ids.shape)
    return world, drawn, seen, table, exact.corruption_channel(size, 4, words, 1.0, range(5))


def test_on_the_real_world_masked_tokens_are_as_likely_as_the_posterior_says(pairs):
    world, drawn, seen, table, chosen = pairs
    posterior = exact.token_posterior(world.process("pairs"), seen, table, chosen)
    masked = seen == 4
    shares = posterior[masked]  # (masked, vocab)
    truth = shares.gather(1, drawn.ids[masked][:, None]).squeeze(1)
    # If p is the posterior, -log p(truth) is on average the entropy of p, and the best guess is
    # right as often as p says; p also tells the exact variance of both, so the bound is exact.
    logs = shares.masked_fill(shares == 0, 1.0).log()
    entropy = -(shares * logs).sum(1)
    surprise = (-truth.log() - entropy).sum()
    assert abs(surprise) < 5 * ((shares * logs**2).sum(1) - entropy**2).sum().sqrt()
    best, guess = shares.max(1)
    hits = ((guess == drawn.ids[masked]).double() - best).sum()
    assert abs(hits) < 5 * (best * (1 - best)).sum().sqrt()
    assert 3000 < masked.sum() < 5000


def test_on_the_real_world_labels_are_as_frequent_as_their_posterior_says(pairs):
    world, drawn, seen, table, _ = pairs
    for rows, through in ((drawn.ids, None), (seen, table)):
        posterior = exact.label_posterior(world.process("pairs"), rows, "next", through)
        spread = (posterior * (1 - posterior)).sum().sqrt()  # exact, given the texts
        assert abs((drawn.labels - posterior).sum()) < 5 * spread
        hits = ((posterior > 0.5) == drawn.labels.bool()).double().sum()
        assert abs(hits - exact.bayes_accuracy(posterior) * len(rows)) < 5 * spread


def test_on_the_real_world_both_ways_to_the_probability_of_a_story_agree():
    world = World()
    drawn, process = world.draw("stories", 40, seed=2), world.process("stories")
    found = exact.text_log_probability(process, drawn.ids)
    slow = [process.automaton.log_probability(world.decode(row).split()) for row in drawn.ids]
    assert found.tolist() == pytest.approx(slow, rel=1e-12)
    steps = exact.next_token_distribution(process, drawn.ids, end_id=3)
    for row, distribution, total in zip(drawn.ids, steps, found, strict=True):
        tokens = [*row[row > 0].tolist(), 3]
        chain = distribution[range(len(tokens)), tokens].log().sum()
        assert float(chain) == pytest.approx(float(total), rel=1e-12)
