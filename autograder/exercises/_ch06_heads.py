"""Chapter 6, second part: a head on [CLS], and which layers go on learning."""

from typing import Any

import torch

from autograder import probes
from autograder.chances import improbable
from autograder.exercises import _ch06_mistakes_heads as m
from autograder.spec import Case, Draw, Exercise, Failure, Misconception, Observed
from minitransformer import fine_tuning, heads

Inputs = dict[str, Any]


# ClassificationHead


def _head(draw: Draw, rate: float = 0.0, gradients: bool = False) -> Inputs:
    batch, d_model, num_classes = draw.sizes(3, 2, 9)
    inputs: Inputs = {
        "sizes": {"d_model": d_model, "num_classes": num_classes, "dropout": rate},
        "weights": {
            "dense.weight": draw.normal(num_classes, d_model),
            "dense.bias": draw.normal(num_classes),
        },
        "arguments": {"pooled": draw.normal(batch, d_model)},
    }
    return inputs | {"cotangent_seed": draw.seed()} if gradients else inputs


def _head_of_one_size(draw: Draw) -> Inputs:
    inputs, size = _head(draw), draw.size(3, 6)
    inputs["sizes"] = {"d_model": size, "num_classes": size, "dropout": 0.0}
    inputs["weights"] = {"dense.weight": draw.normal(size, size), "dense.bias": draw.normal(size)}
    inputs["arguments"] = {"pooled": draw.normal(size, size)}
    return inputs


def _head_of_one_text(draw: Draw) -> Inputs:
    inputs = _head(draw)
    pooled = inputs["arguments"]["pooled"]
    return inputs | {"arguments": {"pooled": pooled[:1]}}


def _head_in_training(draw: Draw) -> Inputs:
    """Class j reads number j of the vector alone, so that what was dropped can be read off."""
    batch, size = draw.size(50, 60), draw.size(45, 55)
    rate = draw.choice((0.3, 0.65))
    return {
        "sizes": {"d_model": size, "num_classes": size, "dropout": rate},
        "weights": {"dense.weight": torch.eye(size), "dense.bias": torch.ones(size)},
        "arguments": {"pooled": draw.uniform(batch, size, low=1.0, high=3.0)},
        "train": True,
    }


def _vector_dropped(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    pooled, rate = inputs["arguments"]["pooled"], inputs["sizes"]["dropout"]
    read = observed["output"] - 1  # without the bias
    if torch.allclose(read, pooled, atol=1e-4):
        return Failure("In training nothing is dropped.", "nothing dropped")
    if (read.abs() < 1e-4).logical_or((read + 1).abs() < 1e-4).all():
        return Failure("Everything is dropped.", "all dropped")
    if ((read + 1).abs() < 1e-5).any():
        return Failure("Logits are dropped, bias included, not the vector.", "logits dropped")
    kept = read.abs() > 1e-4
    share = float(kept.float().mean())
    if improbable(int(kept.sum()), kept.numel(), 1 - rate):
        text = f"{share:.2f} of the vector's numbers are kept, and should be {1 - rate:.2f}."
        return Failure(text, f"share {share:.1f}")
    if (kept == kept[:1]).all():
        return Failure("The same numbers are dropped in every text.", "same for all")
    if not torch.allclose(read[kept], (pooled / (1 - rate))[kept], rtol=1e-3, atol=1e-3):
        return Failure("What is kept is not scaled by 1 / (1 - dropout).", "scale")
    return None


def _head_sizes(draw: Draw) -> Inputs:
    d_model, num_classes = draw.sizes(2, 2, 9)
    return {"sizes": {"d_model": d_model, "num_classes": num_classes}}


classification_head = Exercise(
    id="ClassificationHead",
    title="one vector, a score for each class",
    reference=heads.ClassificationHead,
    cases=(
        Case("a score for each class", _head, probes.module, trials=3),
        Case("as many classes as numbers in the vector", _head_of_one_size, probes.module),
        Case("a single text", _head_of_one_text, probes.module),
        Case(
            "outside training nothing is dropped",
            lambda draw: _head(draw, rate=0.6),
            probes.module,
        ),
        Case(
            "in training part of the vector is dropped",
            _head_in_training,
            probes.module,
            holds=_vector_dropped,
            values=False,
        ),
        Case(
            "gradients reach the vector, the weights and the bias",
            lambda draw: _head(draw, gradients=True),
            probes.module,
        ),
        Case("one layer, dense, with a bias", _head_sizes, probes.parameters, guard=True),
        Case(
            "the vectors are left as they were, in training too",
            _head_in_training,
            probes.module_untouched,
            guard=True,
        ),
    ),
    hints=(
        "__init__ makes one nn.Linear, self.dense, and remembers dropout. forward drops parts of "
        "the vector and sends it through the layer.",
        "nn.Linear(d_model, num_classes) has the right shape, bias included. F.dropout(x, rate, "
        "training) needs to be told whether the module is in training: self.training.",
        "return self.dense(F.dropout(pooled, self.dropout, self.training)), and nothing after it: "
        "the result is logits.",
    ),
    misconceptions=(
        Misconception(
            m.HeadWithSoftmax,
            "It looks as if there is a softmax (or a sigmoid) at the end. The head gives logits; "
            "the cross-entropy takes the softmax itself.",
            also=(m.HeadWithSigmoid, m.HeadWithLogSoftmax, m.HeadWithSoftmaxOverTexts),
        ),
        Misconception(
            m.HeadThatBendsAgain,
            "It looks as if the vector is bent by tanh or ReLU before the layer. The pooler has "
            "done that already: one linear layer, and no more.",
            also=(m.HeadThatBendsByRelu,),
        ),
        Misconception(
            m.HeadThatDropsLogits,
            "It looks as if dropout falls on the logits. Drop parts of the vector, before the "
            "layer.",
        ),
        Misconception(
            m.HeadThatAlwaysDrops,
            "It looks as if dropout is at work outside training too. Tell F.dropout: "
            "self.training is its third argument.",
        ),
        Misconception(
            m.HeadThatNeverDrops,
            "It looks as if nothing is dropped in training. Send the vector through F.dropout "
            "first.",
        ),
        Misconception(
            m.HeadThatDropsWhatShouldStay,
            "It looks as if another share is dropped than dropout says. It is the share that goes: "
            "F.dropout(pooled, self.dropout, self.training).",
            also=(m.HeadThatDropsATenth, m.HeadThatDropsHalf),
        ),
        Misconception(
            m.HeadThatDropsInPlace,
            "It looks as if dropout overwrites the vectors that came in (inplace=True). They "
            "belong to BERT, whose gradients still need them: leave it out.",
        ),
        Misconception(
            m.HeadThatDropsAlike,
            "It looks as if the same numbers are dropped in every text. Draw for each text anew: "
            "one random number for each number of pooled, as F.dropout does.",
        ),
        Misconception(
            m.HeadWithTextsSqueezed,
            "It looks as if squeeze() takes away the axis of a single text. The logits are always "
            "(batch, num_classes).",
        ),
        Misconception(
            m.HeadWithoutBias,
            "It looks as if the layer has no bias. nn.Linear has one unless you say bias=False.",
        ),
        Misconception(
            m.HeadOfTwoLayers,
            "It looks as if there are two layers. One is enough, self.dense: the pooler, with its "
            "tanh, belongs to BERT, and what comes in has been through it.",
            also=(m.HeadWithAPooler, m.HeadWithAPool),
        ),
    ),
    alternatives=(m.HeadByModules, m.HeadByHand),
    points=2,
    minutes=8,
    difficulty=1,
)


# BertForClassification


def _classifier(
    draw: Draw, segments: bool = False, real: bool = False, labels: bool = False, rate: float = 0.0
) -> Inputs:
    batch, seq, d_model, num_classes = draw.sizes(4, 3, 8)
    ids = draw.integers(1, 12, batch, seq)
    ids[:, -1] = ids[:, -1].masked_fill(torch.arange(batch) > 0, 0)  # some padding
    hidden_places = torch.arange(seq) >= draw.integers(2, seq, batch, 1)
    parts = draw.integers(0, 2, batch, seq)
    inputs: Inputs = {
        "bert": {"d_model": d_model, "num_layers": draw.size(1, 3), "seed": draw.seed()},
        "sizes": {"num_classes": num_classes, "dropout": rate},
        "weights": {
            "head.dense.weight": draw.normal(num_classes, d_model),
            "head.dense.bias": draw.normal(num_classes),
        },
        "arguments": {
            "ids": ids,
            "segments": parts if segments else None,
            "real": ~hidden_places if real else None,
        },
    }
    if labels:
        inputs["labels"] = draw.integers(0, num_classes, batch)
    return inputs


def _classifier_in_training(draw: Draw) -> Inputs:
    """Class j reads number j of the pooled vector alone: what was dropped is 0 there."""
    inputs, size = _classifier(draw), draw.size(45, 55)
    inputs["bert"] = {"d_model": size, "num_layers": 1, "seed": draw.seed()}
    inputs["sizes"] = {"num_classes": size, "dropout": draw.choice((0.35, 0.65))}
    inputs["weights"] = {
        "head.dense.weight": torch.eye(size),
        "head.dense.bias": torch.zeros(size),
    }
    inputs["arguments"]["ids"] = draw.integers(1, 12, draw.size(50, 60), draw.size(4, 6))
    return inputs | {"train": True}


def _share_dropped(observed: Observed, expected: Observed, inputs: Inputs) -> Failure | None:
    dropped, rate = observed["logits"] == 0, inputs["sizes"]["dropout"]
    share = float(dropped.float().mean())
    if improbable(int(dropped.sum()), dropped.numel(), rate):
        text = f"{share:.2f} of the pooled vector's numbers are dropped, and should be {rate:.2f}."
        return Failure(text, f"share {share:.1f}")
    return None


bert_for_classification = Exercise(
    id="BertForClassification",
    title="a head on top of BERT",
    reference=fine_tuning.BertForClassification,
    cases=(
        Case("the head reads the vector of [CLS]", _classifier, probes.on_toy_bert, trials=3),
        Case(
            "pairs: segments are handed on",
            lambda draw: _classifier(draw, segments=True),
            probes.on_toy_bert,
        ),
        Case(
            "hidden tokens: real is handed on",
            lambda draw: _classifier(draw, segments=True, real=True),
            probes.on_toy_bert,
        ),
        Case(
            "outside training nothing is dropped",
            lambda draw: _classifier(draw, rate=0.6),
            probes.on_toy_bert,
        ),
        Case(
            "in training the head drops as much as dropout says",
            _classifier_in_training,
            probes.on_toy_bert,
            holds=_share_dropped,
            values=False,
        ),
        Case(
            "the loss, and its gradients in head and BERT",
            lambda draw: _classifier(draw, labels=True),
            probes.on_toy_bert,
            tolerance=3,
        ),
        Case(
            "the loss of pairs with hidden tokens",
            lambda draw: _classifier(draw, segments=True, real=True, labels=True),
            probes.on_toy_bert,
            tolerance=3,
        ),
    ),
    hints=(
        "BERT gives back two things: all contextual vectors, and one vector for the whole text, "
        "made from that of [CLS]. Which of the two does a class for the whole text need?",
        "In __init__: self.bert = bert, and self.head = ClassificationHead(bert.config.d_model, "
        "num_classes, dropout). In forward: hidden, pooled = self.bert(ids, segments, real).",
        "forward returns self.head(pooled). loss returns cross_entropy(self(ids, segments, real), "
        "labels): logits first, and no softmax.",
    ),
    misconceptions=(
        Misconception(
            m.BertReadsMean,
            "It looks as if the head reads the mean of all vectors. Here it reads one, that of "
            "[CLS]: the second thing that self.bert returns.",
            also=(m.BertReadsMeanOfReal, m.BertReadsMeanOfRealOrAll),
        ),
        Misconception(
            m.BertReadsLast,
            "It looks as if the head reads the last token, which may be padding. [CLS] comes "
            "first, and self.bert returns its pooled vector as the second thing.",
            also=(m.BertReadsLastPooled,),
        ),
        Misconception(
            m.BertReadsUnpooled,
            "It looks as if the head reads hidden[:, 0], past the pooler. The pooled vector is "
            "the second thing that self.bert returns.",
        ),
        Misconception(
            m.BertReadsEveryToken,
            "It looks as if every token gets logits. A text has one class: give the head the "
            "pooled vector, (batch, d_model).",
            also=(m.BertReadsEveryTokenInTheLoss, m.BertReadsEveryTokenByOwnLoss),
        ),
        Misconception(
            m.BertWithoutSegments,
            "It looks as if segments are not handed on to self.bert.",
        ),
        Misconception(
            m.BertWithoutReal,
            "It looks as if real is not handed on to self.bert, so that hidden tokens are read.",
        ),
        Misconception(
            m.BertOfIdsAlone,
            "It looks as if self.bert is given the ids alone. Hand segments and real on.",
        ),
        Misconception(
            m.BertExchangesSegmentsAndReal,
            "It looks as if segments and real are exchanged on their way to self.bert: it takes "
            "ids, segments, real.",
        ),
        Misconception(
            m.BertLossOfIdsAlone,
            "It looks as if the loss reads the ids alone. Hand segments and real on: self(ids, "
            "segments, real).",
        ),
        Misconception(
            m.BertLossAfterSoftmax,
            "It looks as if there is a softmax before the cross-entropy, which takes one itself. "
            "Give it the logits.",
        ),
        Misconception(
            m.BertLossSummed,
            "It looks as if the losses of the texts are added. Take their mean, or large batches "
            "make larger steps.",
        ),
        Misconception(
            m.BertOutsideTheModel,
            "It looks as if the model does not know that the BERT below belongs to it, so that "
            "the optimizer never sees its weights. Keep it as self.bert, not in a list or tuple.",
        ),
        Misconception(
            m.BertFrozenByNoGrad,
            "It looks as if no gradient reaches the BERT that was handed in, so that only the head "
            "learns. Fine-tuning moves all its weights: no no_grad, no detach, no copy of it here.",
            also=(m.BertFrozenByDetach, m.BertOfACopy),
        ),
        Misconception(
            m.BertKeepsDropout,
            "It looks as if the head drops what it likes. Hand dropout on to ClassificationHead, "
            "as its third argument.",
            also=(m.BertNeverDrops,),
        ),
        Misconception(
            m.BertAlwaysDrops,
            "It looks as if dropout is at work outside training too. ClassificationHead sees to "
            "that: call self.head.",
        ),
    ),
    alternatives=(m.BertStepByStep, m.BertByKeywords),
    stands_on=("ClassificationHead",),
    points=3,
    minutes=12,
    difficulty=3,
)


# freeze_layers


def _frozen(num_layers: int | None = None, all_of_them: bool = False, blocks: int = 0) -> Any:
    def make(draw: Draw) -> Inputs:
        depth = blocks or draw.size(4, 6)
        few = draw.size(2, depth - 2) if num_layers is None else num_layers
        bert = {"d_model": draw.size(2, 5), "num_layers": depth, "seed": draw.seed()}
        return {"bert": bert, "num_layers": depth if all_of_them else few}

    return make


freeze_layers = Exercise(
    id="freeze_layers",
    title="ice that does not freeze",
    reference=heads.freeze_layers,
    cases=(
        Case("the embeddings and the first blocks", _frozen(), probes.freezing, trials=3),
        Case("the first block alone", _frozen(1), probes.freezing),
        Case("no block: the embeddings only", _frozen(0), probes.freezing),
        Case("two of thirteen blocks", _frozen(2, blocks=13), probes.freezing),
        Case("eleven of thirteen blocks", _frozen(11, blocks=13), probes.freezing),
        Case(
            "all blocks: the pooler still learns",
            _frozen(all_of_them=True),
            probes.freezing,
            guard=True,
        ),
    ),
    hints=(
        "Run it, then ask the model: [w.requires_grad for w in block.parameters()]. What does "
        "block.requires_grad = False really change?",
        "requires_grad belongs to each weight. A module has no such switch, and Python quietly "
        "gives it a new attribute of that name, which nobody reads.",
        "The method with the underscore goes through all the weights of a module: "
        "module.requires_grad_(False).",
    ),
    misconceptions=(
        Misconception(
            m.freeze_by_attribute,
            "The weights of a module whose requires_grad was set learn on. Ask one of them, say "
            "next(model.embeddings.parameters()).requires_grad: it was never told.",
            also=(m.freeze_blocks_by_attribute, m.freeze_embeddings_by_attribute),
        ),
        Misconception(
            m.freeze_by_no_gradient,
            "It looks as if every weight can still learn. Setting grad to None forgets one "
            "gradient, and the next step makes a new one; eval() only stops dropout. Set "
            "requires_grad of the weights.",
        ),
        Misconception(
            m.freeze_everything,
            "It looks as if everything is frozen, the late blocks and the pooler included. Then "
            "only the head on top could learn. Freeze the embeddings and the first num_layers "
            "blocks.",
        ),
        Misconception(
            m.freeze_blocks_only,
            "It looks as if the embeddings still learn. They lie below the first block, and are "
            "frozen with it.",
        ),
        Misconception(
            m.freeze_embeddings_only,
            "It looks as if the blocks still learn. Freeze the first num_layers of "
            "model.encoder.blocks too.",
        ),
        Misconception(
            m.freeze_one_more,
            "It looks as if one block too many is frozen. blocks[:num_layers] are num_layers "
            "blocks.",
        ),
        Misconception(
            m.freeze_one_less,
            "It looks as if one block too few is frozen. blocks[:num_layers] are num_layers "
            "blocks.",
        ),
        Misconception(
            m.freeze_one_block,
            "It looks as if a single block is frozen. Freeze all of the first num_layers.",
        ),
        Misconception(
            m.freeze_all_blocks,
            "It looks as if all blocks are frozen, whatever num_layers says.",
        ),
        Misconception(
            m.freeze_by_part_of_a_name,
            "It looks as if blocks are found by a part of their names: blocks.1 is also in "
            "blocks.10 and blocks.11. Take model.encoder.blocks[:num_layers].",
            also=(m.freeze_by_first_digit,),
        ),
        Misconception(
            m.freeze_late_blocks,
            "It looks as if the late blocks are frozen. What early layers learned serves most "
            "tasks; the late ones must be free to change.",
            also=(m.freeze_from_the_end, m.freeze_what_comes_after),
        ),
        Misconception(
            m.freeze_a_copy,
            "It looks as if a copy of the model is frozen and returned. Freeze the model that was "
            "handed in, and return the same one.",
        ),
        Misconception(
            m.freeze_pooler_too,
            "It looks as if the pooler is frozen too. It lies above the blocks, and goes on "
            "learning.",
        ),
        Misconception(
            m.freeze_weights_not_biases,
            "It looks as if the biases still learn. Freeze all the weights of a block.",
        ),
        Misconception(
            m.freeze_the_wrong_way_round,
            "It looks as if it is the wrong way round: the early layers learn, and the rest is "
            "frozen.",
        ),
        Misconception(
            m.freeze_without_return,
            "It looks as if nothing is returned. Return the model.",
        ),
    ),
    alternatives=(m.freeze_weight_by_weight, m.freeze_by_name),
    points=2,
    minutes=10,
    difficulty=2,
    kind="find the bug",
)
