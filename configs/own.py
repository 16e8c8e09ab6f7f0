"""The experiment on data and with a network of your own, with small budgets: a first look in a minute.

    from configs import own

    def get_config(arg=None):
        config = own.experiment(
            data={"name": "npz", "file": "mine.npz", "labels": ("gesture", "hand")},
            primary="gesture",
            sensitive=("hand", "identity"),
        )
        config.pretrain.epochs = 20.0  # every field can be changed, here or on the command line
        return config

`docs/own_data.md` and `docs/own_network.md` tell of both. What is measured is what `configs/activity.py` measures.
"""

from collections.abc import Sequence
from typing import Any

import ml_collections

from configs import common


def experiment(
    *,
    data: dict[str, Any],
    primary: str,
    sensitive: Sequence[str],
    model: dict[str, Any] | None = None,
    layers: Sequence[str] = ("fc_1",),
) -> ml_collections.ConfigDict:
    """A config whose fields can be changed; a name that is none is an error where it is set.

    Args:
        data: its name, and what that takes (`hybrid_jax.data.DATASETS`).
        primary: the label that the cloud is to find.
        sensitive: those that are to stay private; `identity` is whose a sample is.
        model: its name, and what that takes (`hybrid_jax.models.MODELS`); by default the MTCNN, which takes windows.
        layers: where it is split.
    """
    config = ml_collections.ConfigDict()
    config.seed = 0
    config.plugins = ()  # where what it names is defined; `launch.py` adds the config's own file
    config.primary, config.sensitive = primary, tuple(sensitive)
    config.data = data
    config.input = {"scale": "symmetric", "crop": 0, "mirror": False}  # of images
    config.stream = {"when": "auto", "workers": 2}
    config.model = {"pretrained": "", "fresh": (), "frozen": "", **(model or {"name": "mtcnn"})}
    config.layers = tuple(layers)
    config.methods = ("simple", "noisy_reduced", "advanced")
    config.pretrain = common.budget(5, 1e-3, "constant", 64, average=True)
    config.finetune = common.budget(2, 1e-3, "constant", 64, average=True)
    config.refit = False
    config.siamese = {
        "convention": "caffe",
        "pairs": "all",
        "contrastive_weight": dict.fromkeys(layers, 0.3),
        "margin": dict.fromkeys(layers, 10.0),
    }
    config.reduction = {
        "dim": 8,
        "dim_at": {},
        "dims": (2, 4, 8, 16),
        "autoencoder_layers": (),
        "autoencoder": common.budget(10, 3e-3, "cosine", 64),
        "clip_norm": 0.0,
    }
    config.noise = {"relative": (0.0, 0.3, 1.0), "tolerance": 0.02}
    config.retrain = common.budget(1, 1e-3, "cosine", 64)
    config.evaluators = ("accuracy", "privacy", "attack")
    config.privacy = common.privacy(512, 2048, 2)
    config.privacy.update(
        splits=("test",),
        unplanned=(),
        galleries=("held_out",),
        attacker_data=("unseen",),
        uploads=(1, 4),
    )
    config.attack = common.attack(512, 8.0)
    config.attack.update(
        attackers=("transfer", "logistic"),
        attacker_data=("unseen",),
        disjoint=(),
        on_validation=(),
        uploads=(1, 4),
    )
    config.reconstruction = common.reconstruction(1024, 10.0, 5.0)
    config.tune = {
        "weights": (0.1, 0.3, 1.0),
        "margins": (10.0,),
        "tolerance": 0.01,
        "tolerance_at": {},
        "epochs": 2.0,
    }
    config.lock()
    # What data sets, networks, layers and targets there are, this file does not know.
    siamese, tune = config.siamese, config.tune
    for open_ in (config.data, config.model, config.reduction.dim_at, config.attack.only):
        open_.unlock()
    for open_ in (siamese.contrastive_weight, siamese.margin, tune.tolerance_at):
        open_.unlock()
    return config
