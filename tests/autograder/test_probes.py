"""What probes hand back where a module has methods, options or a configuration."""

import torch
from torch import nn

from autograder import probes
from minitransformer.lora import LoRALinear


class Around(nn.Module):
    """x goes in as it is, and comes out with scale times the change added."""

    def __init__(self, size, norm="post"):
        super().__init__()
        self.scale = nn.Parameter(torch.ones(size))
        self.norm = norm

    def enter(self, x):
        return x if self.norm == "post" else -x

    def leave(self, x, change):
        return x + self.scale * change if self.training else x


class FromConfig(nn.Module):
    def __init__(self, config):
        super().__init__()
        self.layer = nn.Linear(config.d_model, config.d_ff)


def inputs(**more):
    return {
        "sizes": {"size": 3},
        "weights": {"scale": torch.tensor([1.0, 2.0, 3.0])},
        "arguments": {"x": torch.ones(3), "change": torch.ones(3)},
        "calls": {"enter": ["x"], "leave": ["x", "change"]},
        "train": True,
        **more,
    }


def test_every_method_named_is_called_on_one_object_with_its_weights():
    seen = probes.methods(Around, inputs())
    assert {name: value.tolist() for name, value in seen.items()} == {
        "enter": [1.0, 1.0, 1.0],
        "leave": [2.0, 3.0, 4.0],
    }
    assert probes.methods(Around, inputs(train=False))["leave"].tolist() == [1.0, 1.0, 1.0]


def test_options_are_handed_over_by_name():
    seen = probes.methods(Around, inputs(options={"norm": "pre"}))
    assert seen["enter"].tolist() == [-1.0, -1.0, -1.0]


def test_gradients_of_methods_reach_arguments_and_parameters():
    seen = probes.methods(Around, inputs(cotangent_seed=0))
    generator = torch.Generator().manual_seed(0)
    first, second = torch.randn(3, generator=generator), torch.randn(3, generator=generator)
    torch.testing.assert_close(seen["gradient of x"], first + second)
    torch.testing.assert_close(seen["gradient of scale"], second)
    torch.testing.assert_close(seen["gradient of change"], torch.tensor([1.0, 2.0, 3.0]) * second)


def test_an_argument_that_a_method_changes_is_handed_back_changed():
    class InPlace(Around):
        def leave(self, x, change):
            x += change
            return x

    seen = probes.methods_untouched(InPlace, inputs())
    assert seen["x after the call"].tolist() == [2.0, 2.0, 2.0]
    assert seen["change after the call"].tolist() == [1.0, 1.0, 1.0]


def test_a_configuration_is_handed_over_whole():
    seen = probes.parameters(FromConfig, {"config": {"d_model": 2, "d_ff": 5}})
    assert seen == {"parameters": {"layer.bias": (5,), "layer.weight": (5, 2)}}


def test_how_a_function_refuses_is_said_for_each_call():
    def half(n):
        if n % 2:
            raise ValueError("odd")
        return n // 2

    seen = probes.errors(half, {"n = 3": {"n": 3}, "n = 4": {"n": 4}})
    assert seen == {"n = 3": "ValueError", "n = 4": "nothing is raised"}


def test_an_encoder_is_lent_out_and_its_calls_are_counted():
    def one_by_one(encode, texts):
        return torch.cat([encode([text]) for text in texts])

    seen = probes.embedding(one_by_one, {"passages": ["a cat", "dog"]})
    assert seen["texts at a time"] == [1, 1] and seen["gradients are kept"]
    assert not seen["gradients stay off"]
    assert seen["vectors"][:, 0].tolist() == [5, 3]


def test_a_low_rank_layer_is_watched_before_it_has_learned_anything():
    inputs = {
        "layer": {"weight": torch.ones(3, 2), "bias": torch.zeros(3)},
        "sizes": {"rank": 1, "alpha": 2.0},
        "x": torch.ones(4, 2),
    }
    seen = probes.low_rank_start(LoRALinear, inputs)
    assert seen["change of the output"] == 0 and seen["B can learn"]
    assert seen["largest number of B"] == 0 < seen["largest number of A"]
    assert probes.low_rank_parameters(LoRALinear, inputs) == {
        "trained": {"A": (1, 2), "B": (3, 1)},
        "frozen": {"layer.bias": (3,), "layer.weight": (3, 2)},
    }
    drawn = probes.low_rank_draws(LoRALinear, inputs | {"seed": 1, "other_seed": 2})
    assert all(drawn.values()) and len(drawn) == 2
    weights = {"A": torch.tensor([[1.0, 0.0]]), "B": torch.ones(3, 1)}
    assert (probes.low_rank(LoRALinear, inputs | {"weights": weights})["output"] == 4).all()


def test_a_tensor_made_without_a_device_is_seen_on_any_machine():
    x = {"x": torch.ones(3)}
    lies = "it lies where the inputs lie"
    assert probes.beside(lambda x: torch.zeros(3, device=x.device) + x, x) == {lies: True}
    assert probes.beside(lambda x: torch.zeros_like(x), x) == {lies: True}
    assert probes.beside(lambda x: torch.zeros(3), x) == {lies: False}
    assert probes.beside(lambda x: None, x) == {lies: False}
    assert torch.zeros(1).device == x["x"].device  # and it is over


def test_draws_from_one_generator_go_on_where_the_last_ones_ended():
    def begins_again(n, generator=None):
        return torch.rand(n, generator=torch.Generator().manual_seed(0))

    def goes_on(n, generator=None):
        return torch.rand(n, generator=generator)

    inputs = {"arguments": {"n": 3}, "seed": 1, "other_seed": 2}
    for function, alike in ((begins_again, True), (goes_on, False)):
        seen = probes.draws_on(function, inputs)
        assert torch.equal(seen["draws"], seen["the next draws"]) is alike
        assert torch.equal(seen["draws of its own"], seen["the next of its own"]) is alike


def test_a_seed_set_while_a_layer_is_made_shows_in_the_next_one():
    class Seeded(nn.Linear):
        def __init__(self, size):
            torch.manual_seed(0)
            super().__init__(size, size)

    inputs = {"sizes": {"size": 3}, "seed": 1}
    assert probes.initial(Seeded, inputs)["another one starts alike"]
    fair = probes.initial(lambda size: nn.Linear(size, size), inputs)
    assert not fair["another one starts alike"]


def test_a_module_that_is_asked_twice_shows_what_it_keeps():
    class Keeps(nn.Module):
        def __init__(self, size):
            super().__init__()
            self.seen = []

        def forward(self, x):
            self.seen.append(x)
            return len(self.seen)

    inputs = {"sizes": {"size": 1}, "weights": {}, "arguments": {"x": torch.zeros(1)}}
    assert probes.module(Keeps, inputs) == {"output": 1}
    assert probes.module(Keeps, inputs | {"twice": True}) == {"output": 2}
