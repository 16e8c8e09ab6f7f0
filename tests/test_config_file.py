"""A config file of the user's own: whatever it does is answered in one line, with its file and line."""

import json
import sys

import pytest

from hybrid_jax.errors import UserError, told
from hybrid_jax.experiment import config_file

GOOD = """
from configs import own
def get_config(arg=None):
    config = own.experiment(data={"name": "npz"}, primary="gesture", sensitive=("hand",))
"""
WRONG = {
    "get_config() and what follows the colon do not go together (too many positional": (
        "def get_config(): return None",
        ":foo",
    ),
    "get_config() and what follows the colon do not go together (missing a required": (
        "def get_config(arg): return None",
        "",
    ),
    "get_config() returns NoneType: return a ConfigDict": (GOOD, ""),
    "mine.py: NameError: name 'y' is not defined (mine.py, line 2)": ("\nx = y", ""),
    "mine.py: SyntaxError: invalid syntax (mine.py, line 1)": ("def :", ""),
    "mine.py: ModuleNotFoundError: No module named 'nothing_here' (mine.py, line 1)": (
        "import nothing_here",
        "",
    ),
    "unknown config field 'layer': did you mean 'layers'? known: seed, ": (
        GOOD + "    config.layer = ('fc',)",
        "",
    ),
    "unknown config field 'draws': did you mean 'num_draws'? known: max_queries, max_gallery, num_draws, ": (
        GOOD + "    config.privacy.update(draws=3)",
        "",
    ),
    "field 'margins': did you mean 'margin'? known: convention, pairs, contrastive_weight, margin": (
        GOOD + "    config.siamese.margins = {'conv_4': 3.0}",
        "",
    ),
    "unknown config field 'pretrian': did you mean 'pretrain'? (mine.py, line 5)": (
        GOOD + "    config.pretrian.epochs = 3.0",
        "",
    ),
    "KeyError: width (mine.py, line 2)": ("def get_config():\n    return {}['width']", ""),
}


@pytest.fixture
def path(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "path", list(sys.path))
    return tmp_path / "mine.py"


@pytest.mark.parametrize("message", WRONG)
def test_what_is_wrong_in_it_is_one_line(message, path):
    text, arg = WRONG[message]
    path.write_text(text)
    with pytest.raises(UserError) as caught:
        config_file.check(f"{path}{arg}", ())
    assert message in str(caught.value) and "\n" not in str(caught.value)


def test_what_layers_targets_models_and_data_there_are_is_open(path):
    changes = (
        "    config.siamese.margin.conv_4, config.reduction.dim_at.conv_4 = 3.0, 4",
        "    config.siamese.contrastive_weight.conv_4, config.tune.tolerance_at.fc = 0.3, 0.1",
        "    config.attack.only.gender = ('mlp',)",
        "    config.model.width, config.data.file = 32, 'windows.npz'",
        "    config.plugins, config.pretrain.epochs = ('mine.py',), 20",
        "    return config.lock()",
    )
    path.write_text(GOOD + "\n".join(changes))
    config_file.check(str(path), ["model.width", "pretrain.epochs"])


def test_the_line_is_the_last_of_the_users_own():
    """Not that of the library which it called, nor of who caught it."""

    def theirs():
        json.loads("no json")

    said = "JSONDecodeError: Expecting value: line 1 column 1 (char 0)"
    for call, line in ((json.loads, ""), (lambda _: theirs(), theirs.__code__.co_firstlineno + 1)):
        try:
            call("no json")
        except ValueError as error:
            found = told(error)
        assert found == said + (f" (test_config_file.py, line {line})" if line else "")
