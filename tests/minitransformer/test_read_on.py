"""Reading on with a cache, written out: the same logits as the whole text at once."""

import pytest
import torch
from lively import ids_of, lively_gpt

from minitransformer.gpt import read_on


@pytest.fixture(scope="module")
def gpt():
    return lively_gpt().eval()


@pytest.mark.parametrize("lengths", [(9,), (1,) * 9, (4, 2, 3)])
def test_pieces_give_the_logits_of_the_whole_text(gpt, lengths):
    ids = ids_of(2, 9)
    with torch.no_grad():
        cache = gpt.new_cache()
        found = [read_on(gpt, piece, cache) for piece in ids.split(list(lengths), dim=1)]
        torch.testing.assert_close(torch.cat(found, dim=1), gpt(ids))
    assert len(cache[0]) == len(cache[-1]) == 9


def test_it_is_what_the_model_does_with_a_cache(gpt):
    ids = ids_of(3, 7)
    with torch.no_grad():
        own, theirs = gpt.new_cache(), gpt.new_cache()
        for piece in ids.split([5, 2], dim=1):
            torch.testing.assert_close(read_on(gpt, piece, own), gpt(piece, cache=theirs))
