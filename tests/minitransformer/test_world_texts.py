"""Stories, pairs, reviews and tasks of the small world: what each promises, on what is drawn."""

import random
from collections import Counter

import pytest
import torch

from minitransformer.data import TOKEN_CLASSES, World, commands, exact, questions, translation
from minitransformer.data.reviews import review_automaton
from minitransformer.data.views import bag, best_accuracy, text

PERSONS = {"squatch": "he", "leo": "he", "omar": "he", "mia": "she", "nora": "she", "ada": "she"}
FORMS = {"his": "he", "her": "she"}
AGREEING = "runs run hides hide sleeps sleep eat chases chase takes take".split()


@pytest.fixture(scope="module")
def world():
    return World()


@pytest.fixture(scope="module")
def stories(world):
    return world.story_records(3000, seed=0)


def test_the_same_seed_gives_the_same_texts_on_every_machine(world):
    random.seed(99)
    torch.manual_seed(99)
    assert world.stories(3, seed=0) == World().stories(3, seed=0) == STORIES_OF_SEED_0
    assert world.pairs(3, seed=0) == World().pairs(3, seed=0)
    for draw in (world.stories, world.pairs, world.reviews, world.questions, world.commands):
        assert draw(5, seed=1) == draw(5, seed=1) != draw(5, seed=2)
    assert world.translations(5, seed=1) == world.translations(5, seed=1)


STORIES_OF_SEED_0 = [
    "the mouse near the rabbits runs home . the bird hides behind the hammer .",
    "omar camps in the meadow with his hammer . it falls and breaks at night .",
    "the mice chase the cats . at dawn they sleep in the bank . squatch feeds them .",
]


def test_the_vocabulary_has_a_fixed_order_and_every_word(world):
    words = list(world.vocab)
    assert words[:5] == ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    assert words[5:] == sorted(words[5:]) and list(world.vocab.values()) == list(range(len(words)))
    assert set(world.words) < set(words)
    said = [*world.stories(99, 0), *(review.text for review in world.reviews(99, 0))]
    said += [f"{pair.first} {pair.second}" for pair in world.pairs(99, 0)]
    said += [f"{one.passage} {one.question} {one.answer}" for one in world.questions(999, 0)]
    said += [f"{one.instruction} {one.answer}" for one in world.commands(999, 0)]
    said += [one.source for one in world.translations(999, 0)]
    assert (world.encode(said) != 1).all()
    tokenizer = world.translation_tokenizer()
    targets = [one.target for one in world.translations(999, 0)]
    assert (tokenizer.encode_batch(targets) != 1).all()


def test_encoding_and_decoding_are_inverse_and_unknown_words_are_refused(world):
    said = ["[CLS] mia waits . [SEP]", "leo waits ."]
    ids = world.encode(said)
    assert ids.shape == (2, 5) and ids[1, 3:].tolist() == [0, 0]
    assert [world.decode(row) for row in ids] == said
    with pytest.raises(ValueError, match="no 'Mia', 'waits.'"):
        world.encode(["Mia waits."])
    with pytest.raises(TypeError, match="write \\[text\\]"):
        world.encode("mia waits .")


def test_stories_have_two_or_three_short_sentences(stories):
    lengths = Counter(len(story.sentences) for story in stories)
    assert set(lengths) == {2, 3} and min(lengths.values()) > 500
    for story in stories:
        assert " ".join(story.sentences) == story.text
        assert all(len(sentence.split()) <= 16 for sentence in story.sentences)
        assert len(story.classes) == len(story.text.split())


def test_he_and_she_agree_with_the_first_person_his_and_her_with_the_nearest(stories):
    seen = Counter()
    for story in stories:
        persons = []
        for token in story.text.split():
            if token in PERSONS:
                persons.append(token)
            elif token in FORMS.values():
                assert PERSONS[persons[0]] == token, story.text
                seen[persons[0], token] += 1
            elif token in FORMS:
                assert PERSONS[persons[-1]] == FORMS[token], story.text
                seen[persons[-1], token] += 1
    assert len(seen) == 2 * len(PERSONS)


def test_verbs_and_pronouns_agree_with_one_or_many_across_words_in_between(stories, world):
    one = set(world.words_by_category["animal"])
    many = {f"{word}s" for word in one - {"mouse"}} | {"mice"}
    seen, across = Counter(), 0
    for story in stories:
        for sentence in story.sentences:
            tokens = sentence.split()
            across += tokens[2] == "near" and (tokens[1] in one) != (tokens[4] in one)
            subjects = [token for token in tokens if token in one | many | {"it", "they"}]
            for token in tokens:
                if token in AGREEING and PERSONS.keys().isdisjoint(tokens) and subjects:
                    single = subjects[0] in one | {"it"}
                    assert token.endswith("s") == single or "takes" in tokens, story.text
                seen[token] += token in AGREEING
    assert set(AGREEING) <= {token for token, count in seen.items() if count}
    assert across > 50  # the noun right before the verb would mislead


def test_token_classes_are_those_of_the_words(stories, world):
    counts = Counter()
    for story in stories:
        for token, kind in zip(story.text.split(), story.classes, strict=True):
            counts[kind] += 1
            assert (kind == "pronoun") == (token in "he she it they him her his them".split())
            assert (kind == "two-sense") == (token in world.two_sense_words)
            assert kind != "agreement" or token in [*AGREEING, "eats"]
    assert set(counts) == set(TOKEN_CLASSES) and min(counts.values()) > 500


def test_rows_begin_with_a_separator_and_hold_whole_stories(world, stories):
    rows = world.draw("rows", 200, seed=3, length=65)
    assert rows.ids.shape == rows.classes.shape == (200, 65)
    assert (rows.ids[:, 0] == 3).all()
    process = world.process("stories")
    first = [world.decode(row).split("[SEP]")[1].strip() for row in rows.ids]
    assert (exact.text_log_probability(process, world.encode(first)) > -50).all()


def test_context_matters_the_exact_loss_is_well_below_the_best_bigrams(world):
    rows = world.draw("rows", 100, seed=5, length=65).ids
    inputs, targets = rows[:, :-1], rows[:, 1:]
    found = exact.next_token_distribution(world.process("rows"), rows, end_id=3)[:, 1:-1]
    best = -found.gather(2, targets[..., None]).log().mean()
    bigram = torch.from_numpy(world.process("stories").bigram(end_id=3))
    table = -bigram[inputs, targets].log().mean()
    assert 0.3 * table < best < 0.58 * table


def test_half_of_the_pairs_belong_together_and_the_rest_is_often_given_away(world):
    pairs = world.pairs(4000, seed=0)
    assert 0.46 < sum(pair.is_next for pair in pairs) / len(pairs) < 0.54
    assert max(len(f"{pair.first} {pair.second}".split()) for pair in pairs) <= 29
    drawn = world.draw("pairs", 4000, seed=0)
    assert drawn.labels.tolist() == [int(pair.is_next) for pair in pairs]
    posterior = exact.label_posterior(world.process("pairs"), drawn.ids, "next")
    assert 0.90 < exact.bayes_accuracy(posterior) < 0.97


def test_the_second_sentences_of_both_kinds_of_pairs_are_equally_frequent(world):
    # Nothing in the second sentence alone may tell the label.
    pairs = world.pairs(20_000, seed=1)
    counts = {True: Counter(), False: Counter()}
    for pair in pairs:
        counts[pair.is_next].update([tuple(pair.second.split()[:2])])
    for opening, number in (counts[True] + counts[False]).items():
        difference = counts[True][opening] - counts[False][opening]
        assert abs(difference) < 5 * number**0.5 + 5, opening


def test_true_pairs_begin_stories(world):
    process = world.process("stories")
    true = [f"{pair.first} {pair.second}" for pair in world.pairs(400, seed=2) if pair.is_next]
    ids = world.encode(true)
    steps = exact.next_token_distribution(process, ids, end_id=3)
    chances = steps[:, :-1].gather(2, ids[..., None]).squeeze(2)
    assert (chances[ids > 0] > 0).all()


def test_reviews_are_judged_by_their_main_clause_and_negation(world):
    nice, wrong = set("good sweet fresh delicious".split()), 0
    reviews = world.reviews(4000, seed=0)
    for review in reviews:
        tokens = review.text.split()
        if "although" in tokens:
            tokens = tokens[: tokens.index("although")]
        elif "but" in tokens:
            tokens = tokens[tokens.index("but") :]
        clause = tokens[len(tokens) - tokens[::-1].index("was") :]
        praise = (clause[-1 - (clause[-1] == ".")] in nice) != ("not" in clause)
        wrong += praise != review.label
    assert abs(wrong - 0.03 * len(reviews)) < 5 * (0.03 * len(reviews)) ** 0.5


def test_a_full_reading_of_reviews_beats_every_bag_of_words(world):
    process = review_automaton()
    reading = best_accuracy(process, "praise", text)
    counting = best_accuracy(process, "praise", bag)
    assert reading == pytest.approx(0.97, abs=1e-9)
    assert 0.55 < counting < 0.75
    drawn = world.draw("reviews", 500, seed=4)
    posterior = exact.label_posterior(world.process("reviews"), drawn.ids, "praise")
    assert exact.bayes_accuracy(posterior) == pytest.approx(reading, abs=1e-9)


def test_answers_are_spans_of_their_passage(world):
    found = world.questions(2000, seed=0)
    for one in found:
        assert one.passage.split()[one.start : one.end + 1] == one.answer.split()
        assert one.question.split()[0] == one.kind and one.question.endswith(" ?")
        assert one.passage.count(" .") in (1, 2, 3)
        assert one.passage.count(f"{one.answer} ") >= 1
    assert {one.kind for one in found} == {"who", "what", "where", "when"}
    assert {len(one.answer.split()) for one in found} == {1, 2, 3}
    assert max(len(one.passage.split()) for one in found) <= 36


def test_a_question_has_one_answer_in_its_passage(world):
    # Worked out from the text alone: the sentences that hold every word the question names.
    asking = {"who", "what", "where", "when", "did", "?"}
    plain = {verb.split()[1]: verb.split()[0] for verb in questions.VERBS}
    for one in world.questions(1000, seed=3):
        named = {plain.get(word, word) for word in one.question.split()} - asking
        sentences = [part.split() for part in one.passage.split(" .") if part.strip()]
        fitting = [tokens for tokens in sentences if named <= set(tokens)]
        assert any(set(one.answer.split()) <= set(tokens) for tokens in fitting)
        assert len(fitting) == 1, one


def test_each_question_of_a_collection_is_answered_by_one_document(world):
    documents = world.documents(120, seed=0)
    assert len({document.text for document in documents}) == 120
    asked = Counter(one.question for document in documents for one in document.questions)
    assert len(asked) == 480 and set(asked.values()) == {1}
    for document in documents:
        for one in document.questions:
            assert one.passage == document.text
            assert document.text.split()[one.start : one.end + 1] == one.answer.split()
    with pytest.raises(ValueError, match="ask for at most"):
        world.documents(10_000, seed=0)


def test_a_command_has_one_answer_and_most_are_unseen(world):
    seen = world.commands(4000, seed=0)
    answers = {}
    for one in seen:
        assert answers.setdefault(one.instruction, one.answer) == one.answer
    assert {one.kind for one in seen} == set(commands.COMMANDS)
    fresh = [one for one in world.commands(1000, seed=1) if one.instruction not in answers]
    assert len(fresh) > 250


def test_answers_to_commands_are_right(world):
    checked = Counter()
    for one in world.commands(1000, seed=2):
        before, _, after = one.instruction.removesuffix(" .").partition(" : ")
        words, answer = after.split(), one.answer.removesuffix(" .").split()
        if before == "say backwards":
            assert answer == words[::-1]
        elif before.startswith("say the"):
            assert answer == [words[0] if "first" in before else words[-1]]
        elif before.endswith("times"):
            assert answer == words * {"two": 2, "three": 3, "four": 4}[before.split()[1]]
        elif before.startswith("name the"):
            assert set(words) & set(world.words_by_category[before.split()[2]]) == set(answer)
        elif before.startswith("tell"):
            assert answer == [words[0] if before.endswith("who") else words[-1]]
        else:
            continue
        checked[one.kind] += 1
    assert len(checked) == 5 and min(checked.values()) > 100


def test_a_translation_worked_out_by_hand():
    said = "the red cats see the big dog in the park ."
    told = translation.translate(said)
    assert told.target == "tan miran velan ta parka lu to bako goro sevin ."
    assert told.alignment == (0, 2, 1, 8, 9, 7, 4, 6, 5, 3, 10)
    assert translation.translate("mia likes leo .").target == "mia leo amu ."


def test_translations_keep_to_the_grammar_of_the_second_language(world):
    found = world.translations(2000, seed=0)
    for one in found:
        source, target = one.source.split(), one.target.split()
        assert translation.translate(one.source) == one
        assert sorted(one.alignment) == list(range(len(source)))
        assert len(source) == len(target) <= 12
        assert target[-2].removesuffix("n") in translation.VERBS.values()  # the verb comes last
        subject_many = source[0] == "the" and target[0].endswith("n")
        assert target[-2].endswith("n") == subject_many
        for article, noun in zip(target, target[1:], strict=False):
            if article in ("ta", "to", "tan", "ton"):
                assert noun.endswith(article[1:])
    assert len({one.source for one in found}) > 1900


def test_no_two_sentences_have_the_same_translation(world):
    by_target = {}
    for one in world.translations(5000, seed=1):
        assert by_target.setdefault(one.target, one.source) == one.source


def test_sentences_that_cannot_be_translated_are_refused():
    with pytest.raises(ValueError, match="must end with ' .'"):
        translation.translate("mia likes leo")
    with pytest.raises(ValueError, match="no noun 'soup'"):
        translation.translate("mia likes the soup .")
    with pytest.raises(ValueError, match="no verb 'eats'"):
        translation.translate("mia eats leo .")


def test_a_process_without_end_has_no_counts(world):
    with pytest.raises(ValueError, match="never ends"):
        world.process("rows").bigram(end_id=3)


def test_an_unknown_process_is_refused(world):
    with pytest.raises(ValueError, match="no process 'poems'; there are sentences, stories"):
        world.draw("poems", 1, seed=0)
