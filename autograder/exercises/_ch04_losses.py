"""Chapter 4, fourth part: what BERT is trained to make small."""

from typing import Any

import torch

from autograder import probes
from autograder.exercises import _ch04_mistakes_losses as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import losses

Inputs = dict[str, Any]


def _with_gradients(arguments: Inputs, draw: Draw) -> Inputs:
    return {"arguments": arguments, "cotangent_seed": draw.seed()}


# masked_lm_loss


def _gaps(draw: Draw, chosen: float = 0.4, scale: float = 2.0) -> Inputs:
    """Rows with different numbers of chosen words; among the labels is the id 0."""
    batch, seq, vocab = draw.size(3, 4), draw.size(7, 9), draw.size(10, 13)
    labels = draw.integers(0, vocab, batch, seq)
    labels[0, 1] = 0
    kept = draw.uniform(batch, seq) < chosen
    kept[0, :3], kept[1] = True, False
    kept[1, 2] = True
    kept[-1, -1] = False
    return {
        "logits": draw.normal(batch, seq, vocab, scale=scale),
        "labels": labels.masked_fill(~kept, -100),
    }


def _all_chosen(draw: Draw) -> Inputs:
    inputs = _gaps(draw)
    return {**inputs, "labels": inputs["labels"].clamp_min(0)}


def _one_chosen(draw: Draw) -> Inputs:
    inputs = _gaps(draw)
    labels = torch.full_like(inputs["labels"], -100)
    labels[1, 2] = inputs["labels"][1, 2]
    return {**inputs, "labels": labels}


def _none_chosen(draw: Draw) -> Inputs:
    inputs = _gaps(draw)
    return {**inputs, "labels": torch.full_like(inputs["labels"], -100)}


def _flat(draw: Draw) -> Inputs:
    inputs = _gaps(draw)
    return {name: value.flatten(0, 1).clone() for name, value in inputs.items()}


def _others_changed(draw: Draw) -> Inputs:
    inputs = _gaps(draw)
    elsewhere = (inputs["labels"] == -100).unsqueeze(-1)
    other = inputs["logits"] + elsewhere * draw.normal(*inputs["logits"].shape, scale=3)
    return {"loss": inputs, "loss with other logits elsewhere": {**inputs, "logits": other}}


def _same(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    one, other = observed.values()
    if not torch.allclose(one, other, 1e-4, 1e-5):
        text = "What the model says where nothing was asked changes the loss."
        return Failure(text, "elsewhere")
    return None


masked_lm_loss = Exercise(
    id="masked_lm_loss",
    title="a loss that counts the wrong words",
    reference=losses.masked_lm_loss,
    cases=(
        Case("the mean over the chosen words, and no others", _gaps),
        Case(
            "what is said elsewhere does not matter", _others_changed, probes.several, holds=_same
        ),
        Case("one chosen word", _one_chosen),
        Case("all words chosen", _all_chosen),
        Case("no word chosen: 0", _none_chosen, guard=True),
        Case("a row without a batch", _flat),
        Case("large logits", lambda draw: _gaps(draw, scale=60.0)),
        Case(
            "float64 logits give a float64 loss",
            lambda draw: {n: v.double() if n == "logits" else v for n, v in _gaps(draw).items()},
        ),
        Case(
            "gradients reach the chosen words only",
            lambda draw: _with_gradients(_gaps(draw), draw),
            probes.gradients,
        ),
        Case("logits and labels are left as they were", _gaps, probes.untouched, guard=True),
    ),
    hints=(
        "cross_entropy returns one number, the mean over everything it was given. What good does "
        "it do to look at chosen after that?",
        "A mean cannot be undone by multiplying. Choose before you take it: give cross_entropy the "
        "chosen positions only. A table of True and False can stand in brackets: logits[chosen].",
        "return cross_entropy(logits[chosen], labels[chosen]). The line for the case that nothing "
        "was chosen may stay.",
    ),
    misconceptions=(
        Misconception(
            m.loss_multiplied_after_the_mean,
            "What the model says in places that were not asked still moves the loss. Take two "
            "words, one of them chosen, and work out on paper what loss is before it is "
            "multiplied, and what after.",
            also=(m.loss_multiplied_by_the_share, m.loss_multiplied_and_divided),
        ),
        Misconception(
            m.loss_of_logits_set_to_0,
            "It looks as if the logits are set to 0 where nothing was asked. Logits of 0 are an "
            "answer, too: every word alike, which costs log(vocab). Leave these places out.",
            also=(m.loss_of_logits_set_to_0_and_divided,),
        ),
        Misconception(
            m.loss_divided_twice,
            "It looks as if the loss is divided by the number of chosen words twice. The mean that "
            "cross_entropy returns has been divided already.",
        ),
        Misconception(
            m.loss_of_the_others,
            "It looks as if the words are counted that were not chosen. Turn the table round.",
        ),
        Misconception(
            m.loss_divided_by_all,
            "It looks as if the losses of the chosen words are added, and divided by the number of "
            "all words. Divide by the number of chosen ones.",
        ),
        Misconception(
            m.loss_with_elsewhere_as_word_0,
            "It looks as if the label -100 is turned into the word 0, and that word is asked for "
            "everywhere else. Leave these places out of the mean.",
        ),
        Misconception(
            m.loss_summed,
            "It looks as if the losses are added up. Take their mean, or a text with more holes "
            "counts more.",
        ),
        Misconception(
            m.loss_mean_of_rows,
            "It looks as if each row's mean is taken first. All chosen words of the batch count "
            "alike: one mean over all of them.",
        ),
        Misconception(
            m.loss_without_word_0,
            "It looks as if the label 0 is taken for “nothing chosen”. Only -100 is: chosen = "
            "labels != -100.",
        ),
        Misconception(
            m.loss_log_of_softmax,
            "With large logits your loss is infinite or not a number: an exp of them is too large "
            "for a float, and a tiny probability is rounded to 0. Call your cross_entropy, which "
            "takes care of both.",
            also=(m.loss_by_exp,),
        ),
        Misconception(
            m.loss_not_a_number,
            "It looks as if there is no answer when no word was chosen: the mean of nothing is not "
            "a number. Return 0 then.",
        ),
    ),
    alternatives=(m.loss_by_ignore_index, m.loss_by_weights, m.loss_word_by_word),
    points=2,
    minutes=8,
    difficulty=2,
    kind="find the bug",
)


# pretraining_loss


def _both(draw: Draw, pairs: str = "mixed") -> Inputs:
    words = _gaps(draw)
    batch = len(words["labels"])
    is_next = {
        "mixed": torch.arange(batch) % 3 == draw.size(0, 1),
        "all": torch.ones(batch, dtype=torch.bool),
        "none": torch.zeros(batch, dtype=torch.bool),
    }[pairs]
    return {
        "mlm_logits": words["logits"],
        "labels": words["labels"],
        "nsp_logits": draw.normal(batch, 2, scale=2),
        "is_next": is_next,
    }


def _sure(draw: Draw) -> Inputs:
    """The words are known for certain, so that what is left is the pairs' loss."""
    inputs = _both(draw)
    logits = torch.zeros_like(inputs["mlm_logits"])
    logits.scatter_(-1, inputs["labels"].clamp_min(0).unsqueeze(-1), 60.0)
    return {**inputs, "mlm_logits": logits}


def _only_pairs(draw: Draw) -> Inputs:
    inputs = _both(draw)
    return {**inputs, "labels": torch.full_like(inputs["labels"], -100)}


pretraining_loss = Exercise(
    id="pretraining_loss",
    title="two tasks, one loss",
    reference=losses.pretraining_loss,
    cases=(
        Case("the words' loss plus the pairs' loss", _both),
        Case("the words are known: the pairs' loss is left", _sure),
        Case("all second sentences follow", lambda draw: _both(draw, "all")),
        Case("no second sentence follows", lambda draw: _both(draw, "none")),
        Case("no word was chosen", _only_pairs),
        Case(
            "gradients reach both heads",
            lambda draw: _with_gradients(_both(draw), draw),
            probes.gradients,
        ),
        Case("the inputs are left as they were", _both, probes.untouched, guard=True),
    ),
    hints=(
        "Two losses you have already, added up. The pairs are a choice between two classes.",
        "The words: masked_lm_loss(mlm_logits, labels). The pairs: cross_entropy(nsp_logits, "
        "classes), with a whole number for each pair: 0 where it is next, 1 where it is not.",
        "is_next is True and False, and True has to become 0: (~is_next).long() does it.",
    ),
    misconceptions=(
        Misconception(
            m.joint_label_0_ignored,
            "It looks as if pairs of class 0 do not count. 0 is a class here, and not the sign for "
            "“do not ask”.",
            also=(m.joint_label_0_multiplied_away,),
        ),
        Misconception(
            m.joint_classes_exchanged,
            "The pairs' loss is large where the model is right, and small where it is wrong. Which "
            "class is “is next”, and what do you make of True?",
        ),
        Misconception(
            m.joint_always_next,
            "Your loss does not depend on is_next. It looks as if every pair is asked for class 0.",
        ),
        Misconception(
            m.joint_by_one_logit,
            "It looks as if one of the two logits of a pair is not looked at. There are two "
            "classes with a logit each, as there are many words with a logit each.",
            also=(m.joint_by_the_other_logit,),
        ),
        Misconception(
            m.joint_mean,
            "Your result is half of what it should be. What does the formula do with the two "
            "losses?",
        ),
        Misconception(
            m.joint_multiplied,
            "Where one of the two losses is 0, yours is 0, whatever the other is. What does the "
            "formula do with the two?",
        ),
        Misconception(
            m.joint_not_added,
            "It looks as if the two losses are returned side by side. Asked is one number.",
        ),
        Misconception(
            m.joint_words_only,
            "It looks as if only the words count. If they were all known, your loss would be 0, "
            "however wrong the pairs are.",
        ),
        Misconception(
            m.joint_pairs_only,
            "It looks as if only the pairs count. If they were all judged rightly, your loss would "
            "be 0, however wrong the words are.",
        ),
        Misconception(
            m.joint_softmax_first,
            "However sure and right the pairs' logits are, their loss does not come near 0. What "
            "do you hand to cross_entropy, and what does it expect?",
        ),
        Misconception(
            m.joint_over_all_words,
            "What the model says where no word was chosen changes your loss. Which function of "
            "yours leaves these places out?",
        ),
        Misconception(
            m.joint_not_a_number,
            "Where no word was chosen your result is not a number: a mean of nothing. One of your "
            "functions knows what to do then.",
        ),
        Misconception(
            m.joint_pairs_summed,
            "The more pairs there are, the larger is your loss. The words' loss does not grow with "
            "their number; the pairs' should not either.",
        ),
    ),
    alternatives=(m.joint_by_torch, m.joint_by_where),
    stands_on=("masked_lm_loss",),
    points=2,
    minutes=8,
    difficulty=2,
)
