"""The short run of a translator: seeded, with one's own parts, tested on what it has not seen."""

import torch

from minitransformer.blocks import DecoderBlock, EncoderBlock
from minitransformer.losses import label_smoothing_loss
from minitransformer.parts import Parts
from minitransformer.seq2seq import shift_right, target_mask
from minitransformer.training.translation_runs import encode_targets, train_translator


def short(**changed):
    settings = {"steps": 2, "d_model": 16, "num_heads": 2, "batch": 5, "held_out": 7}
    return train_translator(**settings | changed)


def test_the_same_seed_gives_the_same_losses_and_leaves_the_global_state_alone():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    assert short().losses == short().losses
    assert torch.equal(torch.get_rng_state(), before)
    assert short(seed=1).losses != short().losses


def test_every_part_of_ones_own_is_called():
    called = set()

    def spy(name, function):
        def spied(*arguments):
            called.add(name)
            return function(*arguments)

        return spied

    parts = Parts(
        EncoderBlock=spy("encoder", EncoderBlock),
        DecoderBlock=spy("decoder", DecoderBlock),
        target_mask=spy("mask", target_mask),
    )
    run = short(
        parts=parts, shift=spy("shift", shift_right), loss=spy("loss", label_smoothing_loss)
    )
    assert called == {"encoder", "decoder", "mask", "shift", "loss"}
    assert not run.model.training


def test_the_loss_of_a_step_is_the_smoothed_one_without_padding():
    def counted(logits, targets, smoothing, pad_id):
        assert (smoothing, pad_id) == (0.25, 0) and (targets == 0).any()
        return label_smoothing_loss(logits, targets, smoothing, pad_id)

    assert len(short(loss=counted, smoothing=0.25).losses) == 2


def test_words_end_at_the_end_token():
    run = short()
    end = run.model.config.end_id
    targets = run.targets(["mia amu .", "tan miran sevin ."])
    assert targets.tolist()[0][-2:] == [end, 0]
    assert run.words(targets) == [["mia", "amu", "."], ["tan", "miran", "sevin", "."]]
    assert run.words(torch.tensor([[*targets[1].tolist()[:2], end, 9, 9]])) == [["tan", "miran"]]
    assert torch.equal(
        targets, encode_targets(run.target_tokenizer, ["mia amu .", "tan miran sevin ."], end)
    )


def test_sources_are_read_with_the_english_vocabulary():
    run = short()
    ids = run.source(["the cat sees mia .", "mia likes ada ."])
    assert ids.shape == (2, 5) and ids[1, -1] == 0
    assert run.tokenizer.decode(ids[0].tolist()) == "the cat sees mia ."


def test_no_sentence_kept_apart_is_learned():
    seen = []

    def remember(targets, start_id):
        seen.extend(map(tuple, targets.tolist()))
        return shift_right(targets, start_id)

    run = short(shift=remember, held_out=400, steps=30, batch=20)
    apart = {
        tuple(ids for ids in row if ids)
        for row in run.targets([each.target for each in run.held_out]).tolist()
    }
    assert len(seen) == 600
    assert not apart & {tuple(ids for ids in row if ids) for row in seen}
