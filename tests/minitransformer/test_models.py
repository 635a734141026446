"""GPT, BERT and the encoder-decoder: what must hold whatever the weights are."""

import dataclasses

import far
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from parity import Draw, distance

from minitransformer.bert import Bert, BertForPreTraining
from minitransformer.blocks import count_parameters
from minitransformer.config import BertConfig, GPTConfig, Seq2SeqConfig
from minitransformer.gpt import GPT
from minitransformer.parts import Parts, readable_parts
from minitransformer.seq2seq import Seq2Seq, shift_right, target_mask

SIZES = {"max_seq": 7, "d_model": 6, "num_heads": 3, "num_layers": 2, "d_ff": 5}
GPT_SIZES = GPTConfig(vocab_size=13, **SIZES)
ROTARY = dataclasses.replace(GPT_SIZES, positions="rotary")
BERT_SIZES = BertConfig(vocab_size=13, num_segments=2, **SIZES)
SEQ2SEQ_SIZES = Seq2SeqConfig(vocab_size=13, target_vocab_size=11, **SIZES)
CONFIGS = [GPT_SIZES, ROTARY, BERT_SIZES, SEQ2SEQ_SIZES]
CONFIGS += [dataclasses.replace(c, norm="post" if c.norm == "pre" else "pre") for c in CONFIGS]
EVERY = pytest.mark.parametrize("config", CONFIGS, ids=lambda c: f"{c.kind}-{c.norm}")
GPTS = pytest.mark.parametrize("config", [GPT_SIZES, ROTARY], ids=["learned", "rotary"])
MODELS = {"gpt": GPT, "bert": BertForPreTraining, "seq2seq": Seq2Seq}
IDS = torch.tensor([[1, 7, 3, 9, 2], [5, 5, 10, 8, 4], [6, 1, 9, 9, 3]])


def made(config, parts=None, seed=0):
    """A model in float64 whose weights are all random."""
    model = MODELS[config.kind](config, parts)
    Draw(seed, torch.float64).fill(model)
    if config.kind == "seq2seq":
        model.positions = model.positions.double()
    return model.eval()


def outputs(model, ids=IDS):
    """All logits of a model, flat; an encoder-decoder reads and writes the same ids."""
    if isinstance(model, Seq2Seq):
        return model(ids, ids.clamp(max=10)).flatten()
    found = model(ids)
    return torch.cat([t.flatten() for t in found]) if isinstance(found, tuple) else found.flatten()


def loss(model):
    """The training loss on IDS."""
    if isinstance(model, GPT):
        return model.loss(IDS[:, :-1], IDS[:, 1:])
    if isinstance(model, Seq2Seq):
        return model.loss(IDS, IDS.clamp(max=10))
    labels = IDS.masked_fill(IDS % 2 == 0, -100)
    segments = (torch.arange(5) > 2).long().expand(3, 5)
    return model.loss(IDS, labels, segments, torch.tensor([True, False, True]))


# Sequences


@GPTS
@given(seed=st.integers(0, 999), cut=st.integers(1, 4))
def test_a_future_token_leaves_the_past_of_a_gpt_unchanged(config, seed, cut):
    model = made(config, seed=seed)
    changed = IDS.clone()
    changed[:, cut:] = (changed[:, cut:] + 1 + seed % 11) % 13
    before, after = model(IDS), model(changed)
    torch.testing.assert_close(after[:, :cut], before[:, :cut], rtol=1e-12, atol=1e-12)
    assert not torch.allclose(after[:, cut:], before[:, cut:])


@given(seed=st.integers(0, 999), cut=st.integers(1, 4))
def test_a_future_token_leaves_the_past_of_a_target_unchanged(seed, cut):
    model, target = made(SEQ2SEQ_SIZES, seed=seed), IDS.clamp(max=10)
    changed = target.clone()
    changed[:, cut:] = (changed[:, cut:] + 1 + seed % 9) % 11
    before, after = model(IDS, target), model(IDS, changed)
    torch.testing.assert_close(after[:, :cut], before[:, :cut], rtol=1e-12, atol=1e-12)
    assert not torch.allclose(after[:, cut:], before[:, cut:])


@given(seed=st.integers(0, 999))
def test_every_token_of_a_source_matters_to_every_place_of_the_target(seed):
    model, target = made(SEQ2SEQ_SIZES, seed=seed), IDS.clamp(max=10)
    for place in range(5):
        changed = IDS.clone()
        changed[:, place] = 11 + (IDS[:, place] == 11)
        differs = (model(changed, target) - model(IDS, target)).abs().amax(dim=-1)
        assert (differs > 0).all()


@given(seed=st.integers(0, 999))
def test_a_bert_reads_in_both_directions(seed):
    model = made(BERT_SIZES, seed=seed)
    for place in range(5):
        changed = IDS.clone()
        changed[:, place] = 11
        assert ((model(changed)[0] - model(IDS)[0]).abs().amax(dim=-1) > 0).all()


@GPTS
@pytest.mark.parametrize("side", ["left", "right"])
@given(seed=st.integers(0, 999))
def test_padding_does_not_matter_to_a_gpt(config, side, seed):
    model, draw = made(config, seed=seed), Draw(seed, torch.float64)
    rows = [draw.ids(1, length, size=13) for length in (2, 5, 3)]
    batch, real = draw.ids(3, 5, size=13), torch.zeros(3, 5, dtype=torch.bool)  # any ids as padding
    for row, text in enumerate(rows):
        length = text.shape[1]
        places = slice(5 - length, 5) if side == "left" else slice(length)
        batch[row, places], real[row, places] = text, True
    found = model(batch, real)
    for row, text in enumerate(rows):
        torch.testing.assert_close(found[row][real[row]], model(text)[0])


@given(seed=st.integers(0, 999))
def test_padding_does_not_matter_to_a_bert(seed):
    model, draw = made(BERT_SIZES, seed=seed), Draw(seed, torch.float64)
    short = draw.ids(2, 3) % 12 + 1  # without the id of [PAD]
    padded = torch.cat([short, torch.zeros(2, 2, dtype=torch.long)], dim=1)
    words, pairs = model(padded)
    torch.testing.assert_close(words[:, :3], model(short)[0])
    torch.testing.assert_close(pairs, model(short)[1])
    real = padded != 0
    other = padded.masked_fill(~real, 7)
    torch.testing.assert_close(model(other, real=real)[0][:, :3], words[:, :3])


@given(seed=st.integers(0, 999))
def test_padding_does_not_matter_to_an_encoder_decoder(seed):
    model, draw = made(SEQ2SEQ_SIZES, seed=seed), Draw(seed, torch.float64)
    source, target = draw.ids(2, 3) % 12 + 1, draw.ids(2, 4) % 10 + 1
    zeros = torch.zeros(2, 2, dtype=torch.long)
    found = model(torch.cat([source, zeros], 1), torch.cat([target, zeros], 1))
    torch.testing.assert_close(found[:, :4], model(source, target))
    padded = torch.cat([target, zeros], 1)
    torch.testing.assert_close(model.loss(source, padded), model.loss(source, target))


@given(order=st.permutations(range(5)))
def test_without_positions_a_permutation_of_tokens_permutes_what_a_bert_says(order):
    model = made(BERT_SIZES)
    torch.nn.init.zeros_(model.bert.embeddings.position.weight)
    found = model.bert(IDS[:, order])[0]
    torch.testing.assert_close(found, model.bert(IDS)[0][:, order])


@EVERY
@given(order=st.permutations(range(3)))
def test_the_rows_of_a_batch_know_nothing_of_each_other(config, order):
    model = made(config)
    rows = torch.stack([outputs(model, IDS[row : row + 1]) for row in order])
    joined = outputs(model, IDS[list(order)])
    logits = 13 * 5 if config.kind != "seq2seq" else 11 * 5
    torch.testing.assert_close(joined[: 3 * logits].view(3, -1), rows[:, :logits])


# Caches


@GPTS
@given(
    seed=st.integers(0, 999),
    cuts=st.sets(st.integers(1, 4)),
    empty=st.lists(st.integers(0, 4), min_size=3, max_size=3),
)
def test_a_cache_changes_nothing_left_padding_or_not(config, seed, cuts, empty):
    model = made(config, seed=seed)
    real = torch.arange(5) >= torch.tensor(empty).unsqueeze(1)
    for told in (None, real):
        cache, start, pieces = model.new_cache(), 0, []
        for end in [*sorted(cuts), 5]:
            seen = None if told is None else told[:, :end]
            pieces.append(model(IDS[:, start:end], seen, cache))
            start = end
        kept = torch.ones_like(real) if told is None else real
        torch.testing.assert_close(torch.cat(pieces, 1)[kept], model(IDS, told)[kept])


@given(seed=st.integers(0, 999), cuts=st.sets(st.integers(1, 4)))
def test_a_target_can_be_read_piece_by_piece(seed, cuts):
    model, target = made(SEQ2SEQ_SIZES, seed=seed), IDS.clamp(max=10)
    source = IDS.clone()
    source[1, 3:] = 0
    memory, mask = model.encode(source)
    cache, start, pieces = model.new_cache(), 0, []
    for end in [*sorted(cuts), 5]:
        pieces.append(model.decode(target[:, start:end], memory, mask, cache)[0])
        start = end
    torch.testing.assert_close(torch.cat(pieces, 1), model(source, target))


@given(seed=st.integers(0, 999), rows=st.lists(st.integers(0, 2), min_size=1, max_size=5))
def test_a_reordered_cache_goes_on_from_the_rows_that_were_kept(seed, rows):
    model, cache = made(GPT_SIZES, seed=seed), None
    cache, rows = model.new_cache(), torch.tensor(rows)
    model(IDS[:, :3], cache=cache)
    for layer in cache:
        layer.reorder(rows)
    found = model(IDS[rows, 3:], cache=cache)
    torch.testing.assert_close(found, model(IDS)[rows, 3:])


# Losses


def test_the_loss_of_a_gpt_is_that_of_the_targets_that_count():
    model, targets = made(GPT_SIZES), IDS.clone()
    everything = F.cross_entropy(model(IDS).flatten(0, 1), targets.flatten())
    torch.testing.assert_close(model.loss(IDS, targets), everything)
    targets[0, 2:], targets[1, 0] = -100, -100
    some = F.cross_entropy(model(IDS).flatten(0, 1), targets.flatten(), ignore_index=-100)
    torch.testing.assert_close(model.loss(IDS, targets), some)
    readable = made(GPT_SIZES, readable_parts())
    torch.testing.assert_close(readable.loss(IDS, targets), some)


def test_the_loss_of_a_bert_scores_chosen_words_and_pairs():
    model, is_next = made(BERT_SIZES), torch.tensor([True, False, True])
    labels = IDS.masked_fill(IDS % 2 == 0, -100)
    words, pairs = model(IDS)
    expected = F.cross_entropy(words.flatten(0, 1), labels.flatten(), ignore_index=-100)
    torch.testing.assert_close(model.loss(IDS, labels), expected)
    expected = expected + F.cross_entropy(pairs, torch.tensor([0, 1, 0]))
    torch.testing.assert_close(model.loss(IDS, labels, is_next=is_next), expected)


@pytest.mark.parametrize("parts", [None, readable_parts], ids=["fused", "readable"])
def test_where_no_word_was_chosen_the_loss_of_a_bert_is_0_and_so_are_its_gradients(parts):
    model = made(BERT_SIZES, parts and parts())
    found = model.loss(IDS, torch.full_like(IDS, -100))
    assert found.item() == 0
    found.backward()
    assert not any(p.grad is not None and p.grad.any() for p in model.parameters())


def test_the_loss_of_an_encoder_decoder_leaves_padding_out_and_can_be_smoothed():
    model, targets = made(SEQ2SEQ_SIZES), IDS.clamp(max=10)
    targets[1, 3:] = 0
    logits = model(IDS, shift_right(targets, SEQ2SEQ_SIZES.start_id)).flatten(0, 1)
    for smoothing in (0.0, 0.3):
        expected = F.cross_entropy(
            logits, targets.flatten(), ignore_index=0, label_smoothing=smoothing
        )
        torch.testing.assert_close(model.loss(IDS, targets, smoothing), expected)


def test_shift_right_begins_with_the_start_token_and_drops_the_last():
    targets = torch.tensor([[4, 5, 3], [6, 3, 0]])
    assert shift_right(targets, 2).tolist() == [[2, 4, 5], [2, 6, 3]]
    assert targets.tolist() == [[4, 5, 3], [6, 3, 0]]


def test_the_target_mask_shows_the_real_past_and_oneself():
    mask = target_mask(torch.tensor([[4, 7, 4], [7, 4, 4]]), pad_id=7)
    assert mask.dtype == torch.bool
    assert mask.int().tolist() == [
        [[1, 0, 0], [1, 1, 0], [1, 0, 1]],
        [[1, 0, 0], [0, 1, 0], [0, 1, 1]],
    ]


# Weights


def block_numbers(config, attentions):
    """How many numbers a block has: four linear layers an attention, two more, and norms."""
    d_model, d_ff = config.d_model, config.d_ff
    linear = attentions * 4 * (d_model * d_model + d_model)
    linear += d_model * d_ff + d_ff + d_ff * d_model + d_model
    return linear + (attentions + 1) * 2 * d_model


@EVERY
def test_the_number_of_parameters_follows_from_the_sizes(config):
    vocab, d_model = config.vocab_size, config.d_model
    top = 2 * d_model * (config.norm == "pre")
    layers = config.num_layers
    expected = vocab * d_model + layers * block_numbers(config, 1) + top
    if config.kind == "gpt":
        expected += config.max_seq * d_model * (config.positions == "learned")
    elif config.kind == "bert":
        expected += (config.max_seq + config.num_segments) * d_model + 2 * d_model
        expected += 2 * (d_model * d_model + d_model) + 2 * d_model + vocab + 2 * d_model + 2
    else:
        expected += config.target_vocab_size * d_model + layers * block_numbers(config, 2) + top
    assert count_parameters(MODELS[config.kind](config)) == expected


def test_known_models_have_their_known_sizes():
    with torch.device("meta"):
        sizes = {"d_model": 768, "num_heads": 12, "num_layers": 12}
        gpt2 = GPT(GPTConfig(vocab_size=50257, max_seq=1024, **sizes))
        bert = Bert(BertConfig(vocab_size=30522, max_seq=512, **sizes))
    assert count_parameters(gpt2) == 124_439_808
    assert count_parameters(bert) == 109_482_240


@EVERY
def test_a_gradient_reaches_every_parameter(config):
    model = made(config)
    loss(model).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        if not name.endswith("key.bias"):  # moves all scores of a query alike: softmax is deaf
            assert parameter.grad.abs().max() > 1e-12, name


def test_the_weights_have_the_documented_names():
    attention = [f"{part}.{leaf}" for part in ("query", "key", "value", "output")
                 for leaf in ("weight", "bias")]  # fmt: skip
    forward = [
        f"feed_forward.{p}.{leaf}" for p in ("inner", "outer") for leaf in ("weight", "bias")
    ]
    norm = ["norm.gamma", "norm.beta"]
    plain = {f"attention.{name}" for name in attention} | set(forward)
    plain |= {
        f"{around}.{n}" for around in ("around_attention", "around_feed_forward") for n in norm
    }
    crossed = plain | {f"cross_attention.{name}" for name in attention}
    crossed |= {f"around_cross_attention.{n}" for n in norm}

    def stack(name, blocks, top):
        inside = {f"{name}.blocks.{layer}.{block}" for layer in range(2) for block in blocks}
        return inside | {f"{name}.{n}" for n in norm if top}

    gpt = {"token.weight", "position.weight"} | stack("decoder", plain, True)
    assert set(GPT(GPT_SIZES).state_dict()) == gpt
    bert = {f"bert.embeddings.{p}.weight" for p in ("token", "position", "segment")}
    bert |= {f"bert.embeddings.{n}" for n in norm} | {f"mlm.{n}" for n in norm} | {"mlm.bias"}
    bert |= {f"{d}.dense.{w}" for d in ("bert.pooler", "mlm", "nsp") for w in ("weight", "bias")}
    bert = {n.replace("mlm.dense.dense", "mlm.dense") for n in bert}
    assert set(BertForPreTraining(BERT_SIZES).state_dict()) == bert | stack(
        "bert.encoder", plain, False
    )
    both = {"source_token.weight", "target_token.weight"}
    both |= stack("encoder", plain, False) | stack("decoder", crossed, False)
    assert set(Seq2Seq(SEQ2SEQ_SIZES).state_dict()) == both


def test_gpt_and_bert_begin_with_small_normal_weights():
    sizes = {"vocab_size": 211, "max_seq": 97, "d_model": 70, "num_heads": 5, "num_layers": 8}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        models = GPT(GPTConfig(**sizes)), BertForPreTraining(BertConfig(**sizes, pad_id=3))
    for model in models:
        for name, values in model.state_dict().items():
            if name.endswith("gamma"):
                assert (values == 1).all(), name
            elif name.endswith(("bias", "beta")):
                assert (values == 0).all(), name
            elif values.numel() > 4000:
                shrunk = isinstance(model, GPT) and name.endswith(("output.weight", "outer.weight"))
                assert values.std().item() == pytest.approx(0.005 if shrunk else 0.02, rel=0.05)
                assert abs(values.mean().item()) < 0.001, name
    token = models[1].bert.embeddings.token.weight
    assert not token[3].any() and token[2].any()


# Paths and devices


@EVERY
@given(seed=st.integers(0, 999))
def test_the_fused_and_the_readable_path_agree_in_values_and_gradients(config, seed):
    fast, slow = made(config, seed=seed), made(config, readable_parts(), seed)
    assert distance(outputs(fast), outputs(slow)) < 1e-12
    loss(fast).backward()
    loss(slow).backward()
    expected = dict(slow.named_parameters())
    largest = max(p.grad.abs().max() for p in expected.values())
    for name, parameter in fast.named_parameters():
        assert (parameter.grad - expected[name].grad).abs().max() < 1e-12 * largest, name


@EVERY
def test_dropout_works_in_training_only(config):
    config = dataclasses.replace(config, dropout=0.5, attention_dropout=0.5)
    for parts in (Parts(), readable_parts()):
        model = made(config, parts)
        torch.testing.assert_close(outputs(model), outputs(model), rtol=0, atol=0)
        torch.testing.assert_close(outputs(model), outputs(made(config)))
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            first, second = outputs(model.train()), outputs(model)
            assert torch.isfinite(first).all() and not torch.allclose(first, second)
            loss(model).backward()


@pytest.mark.far
@EVERY
@pytest.mark.parametrize("make", [Parts, readable_parts])
def test_another_device_gives_the_logits_of_the_cpu(config, make):
    """No GPU needed: on a device that refuses what a GPU does; see `far`."""
    model = made(config, make())
    expected = outputs(model)
    with far.away():
        found = outputs(model.to(far.DEVICE), IDS.to(far.DEVICE))
        assert found.device == torch.device(far.DEVICE)
        torch.testing.assert_close(found.cpu(), expected)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@EVERY
def test_a_gpu_gives_the_logits_of_the_cpu(config):
    model = made(config)
    expected = outputs(model)
    found = outputs(model.cuda(), IDS.cuda())
    assert found.device.type == "cuda"
    torch.testing.assert_close(found.cpu(), expected)


@EVERY
@pytest.mark.parametrize("make", [Parts, readable_parts])
def test_every_tensor_is_made_on_the_device_of_the_inputs(config, make):
    """No GPU needed: with another default device, one made without a device would not fit."""

    def causal_mask(seq):  # the package's own is made on the default device, and then moved
        return torch.ones(seq, seq, dtype=torch.bool, device="cpu").tril()

    model = made(config, dataclasses.replace(make(), causal_mask=causal_mask))
    real = IDS != 5
    asked = (IDS,) if config.kind != "seq2seq" else (IDS, IDS.clamp(max=10))
    more = {"real": real} if config.kind != "seq2seq" else {}
    expected = outputs(model), loss(model), model(*asked, **more)
    with torch.device("meta"):
        answer = model(*asked, **more)
        targets = IDS.clamp(max=10)
        found = outputs(model), model_loss(model, targets), answer
    torch.testing.assert_close(found[0], expected[0])
    torch.testing.assert_close(found[1], model_loss(model, targets))
    torch.testing.assert_close(found[2], expected[2])


def model_loss(model, targets):
    """A loss that makes no tensor of the test's own."""
    if isinstance(model, BertForPreTraining):
        return model.loss(IDS, targets, is_next=IDS[:, 0] > 4)
    return model.loss(IDS, targets)
