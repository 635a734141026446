"""The models that ship with the package: their commands, their size, what they can do."""

import re
import shlex

import pytest
import torch

from minitransformer import load_pretrained
from minitransformer.__main__ import make_parser
from minitransformer.presets import PRESETS
from minitransformer.pretrained import FOLDER, RECIPES, commands
from minitransformer.saving import read_config
from minitransformer.world_scores import pair_scores, question_scores, story_scores

SCORES = {"bert": pair_scores, "gpt": story_scores}
SCORES_BY_DATA = {"world-questions": question_scores}
LIMIT = 2_000_000


@pytest.mark.parametrize("name", RECIPES)
def test_the_command_that_made_it_is_understood_and_names_its_settings(name):
    (command,) = [line for line in commands() if line.endswith(f"/{name}")]
    words = shlex.split(command)
    assert words[:3] == ["python", "-m", "minitransformer"]
    options = make_parser().parse_args(words[3:])
    settings = read_config(FOLDER / name)["notes"]["settings"]["settings"]
    assert options.preset in PRESETS and settings["kind"] == options.kind
    for option, value in re.findall(r"--([a-z-]+) (\S+)", RECIPES[name].command):
        if option != "preset":
            assert str(settings[option.replace("-", "_")]) == value


@pytest.mark.parametrize("name", RECIPES)
def test_it_is_small_and_nothing_of_the_run_ships_with_it(name):
    files = {path.name: path.stat().st_size for path in (FOLDER / name).iterdir()}
    assert files["model.safetensors"] <= LIMIT
    assert {"config.json", "model.safetensors"} <= set(files)


@pytest.mark.parametrize("name", RECIPES)
def test_it_reaches_the_figure_it_claims(name):
    torch.manual_seed(0)
    saved, recipe = load_pretrained(name), RECIPES[name]
    score = SCORES_BY_DATA.get(saved.notes["data"], SCORES[saved.model.config.kind])
    assert score(saved.model)[recipe.figure] >= recipe.reaches


def test_a_name_that_does_not_exist_is_answered_with_those_that_do():
    with pytest.raises(ValueError, match="no pre-trained model 'gpt-5', only world-bert"):
        load_pretrained("gpt-5")
