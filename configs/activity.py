"""Activity from motion sensors without gender or identity (paper, sections 5.1.2 and 5.2).

    python launch.py --config=configs/activity.py --workdir=runs/activity-0            # MotionSense
    python launch.py --config=configs/activity.py:fast --workdir=runs/fast             # the same, small budget
    python launch.py --config=configs/activity.py:simulated --workdir=runs/simulated   # built-in data, no download

MotionSense is read from `$HYBRID_JAX_DATA/motionsense` or `--config.data.dir`, and downloaded when neither is given.
On 2 cores a seed takes an hour, `:fast` and `:simulated` some minutes; `:smoke` takes seconds and is for tests.
Expected, test accuracy in percent over three seeds:

                       Conv-4      FC-1        FC-2
    simple             95.4 +- .2  95.4 +- .2  95.4 +- .2
    reduced            68.1 +- 1   92.9 +- .5  95.3 +- .3
    siamese            94.0 +- .3  95.4 +- .1  95.8 +- .2
    reduced_siamese    84.0 +- 1   94.9 +- .1  95.8 +- .2

Keys: `split=trial|subject`, as in `configs/activity.py:fast,split=subject`.

    python launch.py --config=configs/activity.py --mode=sweep --workdir=runs/sweep                # `sweep()` below
"""

from typing import Any

import ml_collections

from configs import common

LAYERS = ("conv_1", "conv_2", "dense_1", "conv_3", "dense_2", "conv_4", "fc_1", "fc_2")


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    """The config of a preset: none (MotionSense, full), `fast`, `simulated` or `smoke`."""
    preset, keys = common.parse(arg, ("full", "fast", "simulated", "smoke"), {"split": "trial"})
    config = ml_collections.ConfigDict()
    config.seed = 0
    config.primary = "activity"
    config.sensitive = ("gender", "identity")
    config.data = {
        "name": "motionsense",
        "dir": "",
        "split_kind": keys["split"],
        "strict": True,
        "window": 50,
        "step": 10,
    }
    # Whether training takes its windows from worker processes (0: threads) instead of the device's memory: `always`,
    # `never`, or `auto`, when they would fill more than half of it.
    config.stream = {"when": "auto", "workers": 2}
    config.model = {"name": "mtcnn", "fc_2": 64}
    config.layers = ("conv_4", "fc_1", "fc_2")
    config.methods = common.METHODS

    config.pretrain = common.budget(8, 1e-3, "constant", 64, average=True)
    # Of simple and of Siamese alike.
    config.finetune = common.budget(3, 1e-3, "constant", 64, average=True)
    # True: when all is chosen, the networks learn from validation windows too, as in the published notebook, and the
    # last checkpoint is used. Validation figures then say nothing.
    config.refit = False
    # The paper is silent for this network. Chosen on validation by `--mode=tune`, per layer.
    config.siamese = {
        "convention": "caffe",
        "pairs": "all",  # of a batch
        "contrastive_weight": {**dict.fromkeys(LAYERS, 0.3), "conv_4": 1.0},
        "margin": dict.fromkeys(LAYERS, 10.0),
    }
    config.reduction = {
        # The paper's, for every layer; 0: the smallest of `dims` within tune.tolerance of the best, on validation.
        "dim": 8,
        "dim_at": {},  # layer -> its own, where that is another
        "dims": (2, 4, 8, 16, 32),
        "autoencoder_layers": ("conv_4",),  # where the autoencoder is measured beside PCA
        "autoencoder": common.budget(20, 3e-3, "cosine", 256),
        "clip_norm": 0.0,  # bound on the exclusive feature's L2 norm; 0: none
    }
    config.noise = {"relative": common.NOISE_GRID, "tolerance": 0.02}
    config.retrain = common.budget(1, 1e-3, "cosine", 256)  # of the cloud half, on noisy features
    config.evaluators = ("accuracy", "privacy", "attack", "reconstruction")
    config.privacy = common.privacy(4096, 16384, 10)
    config.attack = common.attack(8192, 15.0)
    config.attack.unlimited = ("fc_2/advanced",)
    if keys["split"] == "subject":
        config.attack.folds = 2  # of the four test people
    config.reconstruction = common.reconstruction(16384, 5.0, 2.0)
    config.tune = {
        "weights": (0.1, 0.3, 1.0),
        "margins": (3.0, 10.0),
        "tolerance": 0.01,  # accuracy that siamese may lose to simple
        "tolerance_at": {"conv_4": 0.02},
        "epochs": 3.0,
    }

    if preset == "fast":
        config.pretrain.epochs, config.finetune.epochs = 1.0, 0.5
        config.retrain.epochs, config.reduction.autoencoder.epochs = 0.25, 5.0
        config.privacy.update(max_queries=2048, max_gallery=8192, num_draws=3)
        config.attack.update(max_windows=2048, unlimited=(), disjoint=(), attacker_data=("unseen",))
        config.reconstruction.max_windows = 4096
        config.reconstruction.matcher.epochs = 1.0
        config.tune.epochs = 0.5
    if preset in ("simulated", "smoke"):
        config.data = {
            "name": "simulated",
            "split_kind": keys["split"],
            "window": 50,
            "step": 10,
            "seed": 0,
            "num_subjects": 24,
            "trials_per_activity": 3,
            "seconds": 20.0,
        }
    if preset == "simulated":
        config.pretrain.epochs, config.finetune.epochs = 1.5, 0.75
        config.privacy.update(max_queries=1024, max_gallery=4096, num_draws=3, splits=("test",))
        config.privacy.update(
            galleries=("self", "held_out"),
            attacker_data=("unseen",),
            unplanned=(),
            uploads=(1, 2, 4),
        )
        config.retrain.epochs, config.reduction.autoencoder.epochs = 0.5, 10.0
        config.attack.update(max_windows=1024, unlimited=(), disjoint=(), attacker_data=("unseen",))
        config.attack.update(on_validation=(), uploads=(1, 2, 4))
        # What compiles fastest: this is for a first look.
        config.evaluators = ("accuracy", "privacy", "attack")
        config.attack.update(attackers=("transfer", "logistic", "knn"))
        config.attack.budget.epochs = 5.0
    if preset == "smoke":
        # Most of its time is compilation: few layers, targets and galleries.
        config.data.update(num_subjects=4, seconds=8.0)
        config.sensitive = ("gender",)
        config.layers = ("fc_2",)
        config.pretrain.epochs, config.finetune.epochs = 2.0, 1.0
        config.reduction.autoencoder_layers = ("fc_2",)
        config.reduction.autoencoder.epochs, config.reduction.autoencoder.batch_size = 5.0, 32
        config.retrain.batch_size = 32
        config.noise.relative = (0.0, 0.1, 1.0)
        config.privacy.update(max_queries=128, max_gallery=256, num_draws=2)
        config.privacy.update(
            galleries=("self", "held_out"),
            attacker_data=("unseen",),
            splits=("test",),
            unplanned=(),
            uploads=(1, 2),
        )
        config.evaluators = ("accuracy", "privacy", "attack")
        config.attack.update(attackers=("logistic",), attacker_data=("unseen",))
        config.attack.update(
            max_windows=64, unlimited=(), disjoint=(), on_validation=(), uploads=(1, 2)
        )
        config.attack.budget.epochs = 2.0
        config.reconstruction.max_windows = 64
        config.reconstruction.budget.epochs, config.reconstruction.matcher.epochs = 2.0, 1.0
        config.tune.update(weights=(0.1, 1.0), margins=(10.0,), epochs=1.0)
    return config.lock()


def sweep(arg: str | None = None) -> list[dict[str, Any]]:
    """The points of `--mode=sweep`: layer, method, weight, margin, dimension and seed.

    360 of them, from 5 pre-trainings and 50 fine-tunings; with `smoke` 26, from 2 and 6.
    """
    preset, _ = common.parse(arg, ("full", "fast", "simulated", "smoke"), {"split": "trial"})
    if preset == "smoke":
        return common.grid(
            seed=(0, 1),
            layer=("fc_2",),
            method=("simple", "reduced", "noisy_reduced", "reduced_siamese", "advanced"),
            contrastive_weight=(0.1, 1.0),
            margin=(10.0,),
            reduced_dim=(4, 8),
        )
    return common.grid(
        seed=range(5),
        layer=("conv_4", "fc_1", "fc_2"),
        method=("reduced", "noisy_reduced", "reduced_siamese", "advanced"),
        contrastive_weight=(0.1, 0.3, 1.0),
        margin=(10.0,),
        reduced_dim=(2, 8, 16),
    )
