"""The fields of a config: those that it has to have, and no others."""

import pytest

from configs import activity, emotion, gender, own
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import check, fields, setup

ALL = {
    "activity": activity.get_config,
    "gender": gender.get_config,
    "gender, VGG-16": lambda: gender.get_config("model=vgg16,data=wiki"),
    "emotion": emotion.get_config,
    "own": lambda: own.experiment(data={"name": "npz"}, primary="a", sensitive=("b",)),
}
WRONG = {
    "field of config 'layer': did you mean 'layers'?": ("", {"layer": ("fc",)}),
    "field of config.noise 'relatives': did you mean 'relative'?": ("noise", {"relatives": (0.0,)}),
    "field of config.siamese 'margins': did you mean 'margin'?": ("siamese", {"margins": {}}),
    "field of config.pretrain 'epoch': did you mean 'epochs'?": ("pretrain", {"epoch": 20.0}),
    "field of config.privacy 'draws': did you mean 'num_draws'?": ("privacy", {"draws": 3}),
    "field of config.attack.budget 'epoch'": ("attack.budget", {"epoch": 3.0}),
}


@pytest.mark.parametrize("name", ALL)
def test_every_config_of_the_package_has_them(name):
    config = ALL[name]()
    fields.check(config)
    setup.evaluator_settings(config)


@pytest.mark.parametrize("message", WRONG)
def test_an_unlocked_config_may_have_no_others(message):
    config = activity.get_config("smoke").unlock()
    section, more = WRONG[message]
    (check.at(config, section) if section else config).update(more)
    with pytest.raises(UserError) as caught:
        check.alone(config)
    assert message in str(caught.value)


def test_what_is_missing_is_named():
    config = own.experiment(data={"name": "npz"}, primary="a", sensitive=("b",))
    config.finetune = {"epochs": 3.0}
    with pytest.raises(UserError, match=r"config.finetune has no learning_rate, schedule, batch"):
        check.alone(config)
    config.noise = {"relative": (0.0,)}
    with pytest.raises(UserError, match=r"config.noise has no tolerance: add it"):
        check.alone(config)
