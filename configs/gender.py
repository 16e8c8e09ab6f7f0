"""Gender from faces without identity (paper, sections 5.1.1 and 5.2).

    python launch.py --config=configs/gender.py --workdir=runs/gender-0               # LFW, mini_XCEPTION
    python launch.py --config=configs/gender.py:fast --workdir=runs/fast              # the same, small budget
    python launch.py --config=configs/gender.py:simulated --workdir=runs/simulated    # drawn faces, no download
    python launch.py --config=configs/gender.py:model=vgg16,data=wiki --workdir=runs/vgg    # the paper's, on a GPU

LFW is read from `$HYBRID_JAX_DATA/lfw` or `--config.data.dir`. mini_XCEPTION begins with weights that its authors
trained on IMDB, VGG-16 with those of DEX: `--config.model.pretrained=FILE` names them, by default
`pretrained/gender_mini_XCEPTION.21-0.95.hdf5` and `pretrained/gender.caffemodel` under `$HYBRID_JAX_DATA`.

Keys: `model=mini_xception|vgg16`, `data=lfw|wiki`.
"""

from typing import Any

import ml_collections

from configs import common

PRESETS = ("full", "fast", "simulated", "smoke")
KEYS = {"model": "mini_xception", "data": "lfw"}
LAYERS = {
    "mini_xception": ("block_2", "block_3", "block_4"),
    "vgg16": ("conv5_1", "conv5_2", "conv5_3"),
}
DIMS = (8, 6, 4)  # the paper's, of the three layers


def get_config(arg: str | None = None) -> ml_collections.ConfigDict:
    """The config of a preset: none (LFW, full), `fast`, `simulated` or `smoke`."""
    preset, keys = common.parse(arg, PRESETS, KEYS)
    common.one_of("model", keys["model"], LAYERS)
    common.one_of("data", keys["data"], ("lfw", "wiki"))
    vgg16 = keys["model"] == "vgg16"
    layers = LAYERS[keys["model"]]
    config = ml_collections.ConfigDict()
    config.seed = 0
    config.primary = "gender"
    config.sensitive = ("identity",)
    config.data = {
        "name": keys["data"],
        "dir": "",
        "side": 256 if vgg16 else 64,
        "channels": 3 if vgg16 else 1,
        "crop": 210 if keys["data"] == "lfw" else 0,
        "seed": 0,  # who is in which split
        "least_images": 5,  # of a person whose identity is attacked
    }
    # How many, and which (`data/wiki.py`); without scores all that have a gender.
    if keys["data"] == "wiki":
        config.data.num_train = 45_000
        config.data.least_score = ml_collections.config_dict.placeholder(float)
        config.data.most_second_score = ml_collections.config_dict.placeholder(float)
    # What the network is given of an image; parts and mirror images while it is trained, where there are any.
    config.input = {"scale": "symmetric", "crop": 0, "mirror": False}
    config.stream = {"when": "auto", "workers": 2}
    config.model = {
        "name": "mini_xception",
        "pretrained": "pretrained/gender_mini_XCEPTION.21-0.95.hdf5",
        "fresh": (),  # stages that are not of that file
        "frozen": "block_1",  # through this stage it stays as it is
        "running": True,
    }
    config.layers = layers
    config.methods = common.METHODS
    config.pretrain = common.budget(20, 1e-3, "cosine", 64)
    config.finetune = common.budget(6, 1e-3, "cosine", 64, average=True)
    config.refit = False
    config.siamese = {
        "convention": "caffe",
        "pairs": "all",
        # Chosen on validation by `--mode=tune`, per layer: the best of 1e-5 to 1e-2 at each.
        "contrastive_weight": dict.fromkeys(layers, 1e-4),
        "margin": dict.fromkeys(layers, 10.0),
    }
    config.reduction = {
        "dim": 8,
        "dim_at": dict(zip(layers, DIMS, strict=True)),
        "dims": (2, 4, 6, 8, 16),
        "autoencoder_layers": (),
        "autoencoder": common.budget(20, 3e-3, "cosine", 256),
        "clip_norm": 0.0,
    }
    config.noise = {"relative": common.NOISE_GRID, "tolerance": 0.02}
    config.retrain = common.budget(1, 1e-3, "cosine", 256)
    config.evaluators = ("accuracy", "privacy", "attack", "reconstruction")
    config.privacy = common.privacy(4096, 16384, 10)
    # Nobody is in two splits: who a test person is only test images tell.
    config.privacy.update(
        unplanned=(),
        galleries=("self", "leave_one_out", "held_out"),
        attacker_data=("unseen",),
        uploads=(1, 2, 4, 8),
        instance=True,
    )
    config.attack = common.attack(8192, 30.0)
    config.attack.update(
        attacker_data=("unseen",), disjoint=(), on_validation=(), uploads=(1, 2, 4, 8)
    )
    config.attack.budget.update(epochs=60.0, batch_size=32)  # of 592 images: 1,080 steps
    config.reconstruction = common.reconstruction(4096, 15.0, 20.0)
    config.tune = {
        "weights": (1e-5, 1e-4, 1e-3, 1e-2),
        "margins": (10.0,),
        "tolerance": 0.01,
        "tolerance_at": {},
        "epochs": 3.0,
    }
    if vgg16:
        _as_published(config)
    if preset == "fast":
        config.pretrain.epochs, config.finetune.epochs, config.retrain.epochs = 2.0, 1.0, 0.5
        config.privacy.update(max_queries=2048, max_gallery=8192, num_draws=3)
        config.attack.update(attackers=("transfer", "logistic", "knn"))
        config.attack.budget.epochs = 10.0
        config.reconstruction.update(max_windows=2048)
        config.reconstruction.budget.epochs, config.reconstruction.matcher.epochs = 5.0, 5.0
        config.tune.epochs = 1.0
    if preset in ("simulated", "smoke"):
        config.data = {
            "name": "simulated_faces",
            "side": 64,
            "channels": 3 if vgg16 else 1,
            "num_people": 60,
            "images_per_person": 8,
            "seed": 0,
        }
        # Around 0 and of size 1, as fresh weights take it; values less a mean image are for those of DEX.
        config.input = {"scale": "symmetric", "crop": 0, "mirror": False}
        config.model.pretrained = ""
        if not vgg16:
            config.model.update(frozen="", running=False)
            # In batches of 64 an epoch is 4 steps: too few for the means of batch normalisation to settle.
            config.pretrain.batch_size = config.finetune.batch_size = 16
        config.privacy.update(max_queries=512, max_gallery=1024, num_draws=3)
        config.attack.update(attackers=("logistic", "knn"))
        config.evaluators = ("accuracy", "privacy", "attack")
    if preset == "smoke":
        config.data.update(num_people=24, images_per_person=8, side=48 if vgg16 else 32)
        config.layers = layers[-1:]
        budget = {"epochs": 1.0, "batch_size": 16}
        if vgg16:  # on a CPU every step takes a second, and as long to save
            config.data.num_people = 14
            budget = {"epochs": 0.25, "batch_size": 4}
        for phase in (config.pretrain, config.finetune, config.retrain):
            phase.update(budget)
        config.reduction.autoencoder.batch_size = 16
        config.noise.relative = (0.0, 0.1, 1.0)
        config.privacy.update(max_queries=64, max_gallery=128, num_draws=2, uploads=(1, 2))
        config.privacy.splits = ("test",)
        config.attack.update(attackers=("knn",), uploads=(1, 2))
        config.reconstruction.budget.epochs = 1.0
        config.reconstruction.matcher.update(epochs=1.0, batch_size=16)
        config.tune.update(weights=(1e-4,), margins=(10.0,), epochs=1.0)
    return config.lock()


def _as_published(config: ml_collections.ConfigDict) -> None:
    """VGG-16 as the authors trained it (reference (c)): nothing frozen, aligned pairs, augmentation, SGD."""
    config.model = {
        "name": "vgg16",
        "pretrained": "pretrained/gender.caffemodel",
        "fresh": (),
        "frozen": "",
    }
    config.input = {"scale": "mean_image", "crop": 224, "mirror": True}
    dense = ("fc6", "fc7", "fc8")
    # 20 images are their 10 pairs; on Wiki's 45,000 it is their 45,000 steps.
    config.finetune = common.budget(20, 1e-4, "constant", 20, optimizer="sgd", faster=dense)
    config.retrain.update(config.finetune.to_dict() | {"epochs": config.retrain.epochs})
    # What begins afresh learns by the Adam that reference (i) 5 names; the rate of small networks is too high for it.
    for other in (config.pretrain, config.attack.budget, config.reconstruction.matcher):
        other.learning_rate = 1e-4
    config.siamese.update(
        pairs="aligned",
        contrastive_weight={"conv5_1": 0.001, "conv5_2": 0.01, "conv5_3": 0.01},
    )


def sweep(arg: str | None = None) -> list[dict[str, Any]]:
    """The points of `--mode=sweep`: layer, method, weight and seed."""
    preset, keys = common.parse(arg, PRESETS, KEYS)
    layers = LAYERS[keys["model"]]
    small = preset == "smoke"
    return common.grid(
        seed=range(1 if small else 3),
        layer=layers[-1:] if small else layers,
        method=("reduced", "noisy_reduced", "reduced_siamese", "advanced"),
        contrastive_weight=(1e-4,) if small else (1e-5, 1e-4, 1e-3),
    )
