"""Expression from faces without gender or identity: the second image task of the paper's first version.

    python launch.py --config=configs/emotion.py --workdir=runs/emotion-0 --config.seed=0
    python launch.py --config=configs/emotion.py:simulated --workdir=runs/simulated      # drawn faces, no download

The London set (`data/frll.py`) is read from `$HYBRID_JAX_DATA/frll` or `--config.data.dir`. It is small, 204 images of
102 people, of whom 31 are for test: the seed also says who, so take the mean over some and its deviation. The network
begins with the stem and first block of `configs/gender.py`'s. Who a test person is can only be matched: the adversary
holds everybody's neutral image and is asked about the smiling one. Expected, test accuracy in percent over seeds 0 to
4 (one image is 1.6):

                       block_2     block_3     block_4
    simple             93.5 +- 1   93.5 +- 1   93.5 +- 1
    reduced            94.8 +- 3   95.2 +- 2   93.5 +- 3
    siamese            93.9 +- 2   95.8 +- 1   94.5 +- 2
    reduced_siamese    93.9 +- 3   95.5 +- 3   94.5 +- 2
"""

from typing import Any

import ml_collections

from configs import common, gender

PRESETS = ("full", "simulated", "smoke")


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    """The config of a preset: none (the London set), `simulated` or `smoke`."""
    preset, _ = common.parse(arg, PRESETS, {})
    config = gender.get_config(None if preset == "full" else preset)
    config.unlock()
    config.primary = "expression"
    config.sensitive = ("gender", "identity")
    if preset == "full":
        # No seed of its own: that of the run also says who is in which split.
        config.data = {
            "name": "frll",
            "dir": "",
            "side": 64,
            "channels": 1,
            "crop": 176,
        }
        config.model.fresh = ("output",)
        # Of 122 images an epoch is 12 steps.
        for budget, epochs in (
            (config.pretrain, 20.0),
            (config.finetune, 20.0),
            (config.retrain, 5.0),
        ):
            budget.update(epochs=epochs, batch_size=10)
        config.reduction.autoencoder.batch_size = 32
        config.reconstruction.matcher.update(batch_size=10)
        # Of so few samples the usual epochs are too few steps: decoders would answer with less than the mean image.
        config.reconstruction.budget.update(epochs=30.0, batch_size=16)
        config.attack.budget.update(epochs=120.0, batch_size=8)
    config.attack.update(
        attackers=("transfer", "logistic", "mlp", "knn"),
        only={"identity": ("knn",)},
        attacker_data=("network_train", "unseen"),
        uploads=(1,),
    )
    config.privacy.update(attacker_data=("network_train", "unseen"), uploads=(1,))
    if preset == "smoke":
        config.attack.attackers, config.attack.attacker_data = ("knn",), ("unseen",)
        config.privacy.attacker_data = ("unseen",)
    return config.lock()


def sweep(arg: str | None = None) -> list[dict[str, Any]]:
    """The points of `--mode=sweep`: `configs/gender.py`'s."""
    return gender.sweep(arg)
