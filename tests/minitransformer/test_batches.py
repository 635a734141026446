"""Batches by number: complete, repeatable, and shifted by one."""

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from minitransformer.training.batches import table_loss, table_rows, text_loss, text_windows

TEXT = torch.arange(50) * 3 % 47  # each number at most twice, and no two windows alike


def test_targets_are_the_next_tokens_of_a_window_of_the_text():
    batch = text_windows(TEXT, batch_size=5, seq=7, seed=1)(0)
    assert batch["ids"].shape == batch["targets"].shape == (5, 7)
    everywhere = [TEXT[start : start + 8].tolist() for start in range(43)]
    for ids, targets in zip(batch["ids"], batch["targets"], strict=True):
        assert [*ids.tolist(), int(targets[-1])] in everywhere
        assert torch.equal(ids[1:], targets[:-1])


def test_windows_begin_anywhere_and_end_with_the_last_token():
    seen = [text_windows(TEXT[:10], 5, 7, seed=1)(step)["ids"][:, 0] for step in range(40)]
    assert set(torch.cat(seen).tolist()) == set(TEXT[:3].tolist())


def test_a_batch_depends_on_seed_and_step_alone():
    def both(seed):
        table = {"ids": torch.arange(11)}
        return text_windows(TEXT, 5, 7, seed), table_rows(table, 3, seed)

    for fresh, used in zip(both(4), both(4), strict=True):
        later = [used(step)["ids"] for step in (9, 0, 5, 2)]  # out of order, epochs mixed
        assert torch.equal(fresh(2)["ids"], later[3])
        assert torch.equal(fresh(9)["ids"], later[0])
    for one, other in zip(both(4), both(5), strict=True):
        assert not torch.equal(one(2)["ids"], other(2)["ids"])
        assert not torch.equal(one(2)["ids"], one(7)["ids"])


def test_every_row_comes_once_before_any_returns():
    rows = table_rows({"ids": torch.arange(15), "half": torch.arange(15) / 2}, 5, seed=3)
    epochs = [[rows(step) for step in range(first, first + 3)] for first in (0, 3)]
    orders = [torch.cat([batch["ids"] for batch in epoch]) for epoch in epochs]
    for order in orders:
        assert sorted(order.tolist()) == list(range(15))
    assert not torch.equal(*orders)
    assert torch.equal(epochs[0][1]["half"], epochs[0][1]["ids"] / 2)


def test_rows_that_fill_no_batch_wait_for_another_epoch():
    rows = table_rows({"ids": torch.arange(7)}, 3, seed=0)
    for epoch in range(3):
        seen = torch.cat([rows(2 * epoch)["ids"], rows(2 * epoch + 1)["ids"]])
        assert len(set(seen.tolist())) == 6


def test_a_change_has_randomness_of_its_own_that_the_step_decides():
    def change(rows, generator):
        return rows | {"noise": torch.rand(len(rows["ids"]), generator=generator)}

    make = [table_rows({"ids": torch.arange(11)}, 3, 2, change) for _ in range(2)]
    make[1](8)
    assert torch.equal(make[0](4)["noise"], make[1](4)["noise"])
    assert not torch.equal(make[0](4)["noise"], make[0](5)["noise"])


@pytest.mark.parametrize(("table", "size"), [({"a": torch.ones(3)}, 4), ({"a": torch.ones(3)}, 0)])
def test_a_batch_size_that_cannot_be_is_refused(table, size):
    with pytest.raises(ValueError, match=rf"batch_size = {size}; got \[3\] rows"):
        table_rows(table, size, seed=0)


def test_columns_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match=r"same number of rows.*got \[2, 3\] rows"):
        table_rows({"a": torch.ones(3), "b": torch.ones(2)}, 2, seed=0)


def test_a_text_shorter_than_a_window_is_refused():
    with pytest.raises(ValueError, match=r"at least 8 tokens, got shape \(7,\)"):
        text_windows(TEXT[:7], 5, 7, seed=0)
    with pytest.raises(ValueError, match="a held-out text of 7 tokens has no window of 7"):
        text_loss(TEXT[:7], 7)


class Table(nn.Module):
    """Knows only which token often follows which; its loss can be worked out by hand."""

    def __init__(self):
        super().__init__()
        generator = torch.Generator().manual_seed(0)
        self.scores = nn.Parameter(torch.randn(47, 47, generator=generator))

    def loss(self, ids, targets):
        return F.cross_entropy(self.scores[ids].flatten(0, 1), targets.flatten(), ignore_index=-100)


@pytest.mark.parametrize("batch_size", [1, 2, 128])
def test_the_loss_of_a_text_is_the_mean_over_all_windows_that_do_not_overlap(batch_size):
    model = Table()
    # 49 tokens have a next one: 7 windows of 7. Of 48, 6 windows; the rest is not scored.
    for length, scored in ((50, 49), (49, 42)):
        each = F.cross_entropy(model.scores[TEXT[:scored]], TEXT[1 : scored + 1])
        found = text_loss(TEXT[:length], 7, batch_size)(model)
        assert found == pytest.approx(each.item(), rel=1e-6)


@pytest.mark.parametrize("ignored", [-100, 0])
def test_a_weighed_loss_is_the_mean_over_the_entries_that_count(ignored):
    model = Table()
    ids, targets = TEXT[:15].view(5, 3), TEXT[1:16].view(5, 3).clone()
    counted = torch.rand(5, 3, generator=torch.Generator().manual_seed(1)) < 0.5
    counted[1] = False  # a row without any, alone in its batch
    expected = F.cross_entropy(model.scores[ids[counted]], targets[counted]).item()
    targets[~counted] = ignored
    if ignored == 0:
        model.loss = lambda ids, targets: F.cross_entropy(
            model.scores[ids].flatten(0, 1), targets.flatten(), ignore_index=0
        )
    table = {"ids": ids, "targets": targets}
    found = table_loss(table, 1, weigh="targets", ignored=ignored)(model)
    assert found == pytest.approx(expected, rel=1e-6)


def test_a_weighed_loss_of_nothing_is_refused():
    table = {"ids": TEXT[:6].view(2, 3), "targets": torch.full((2, 3), -100)}
    with pytest.raises(ValueError, match="no entry of targets counts: all are -100"):
        table_loss(table, weigh="targets")(Table())
