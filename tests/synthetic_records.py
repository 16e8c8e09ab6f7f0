"""Records of a made-up run in which every law is known: for the tests of what reads records."""

import numpy as np

from hybrid_jax import results

LAYERS = ("conv_4", "fc_1", "fc_2")
GRID = (0.0, *np.geomspace(0.01, 2.0, 10).tolist())
GALLERIES = (
    ("self", None),
    ("leave_group_out", None),
    ("held_out", "network_train"),
    ("held_out", "unseen"),
)
CLEAN = {
    ("simple", "none"): (0.953, 0.953, 0.954),
    ("siamese", "none"): (0.944, 0.953, 0.956),
    ("reduced", "pca"): (0.664, 0.928, 0.953),
    ("reduced_siamese", "pca"): (0.861, 0.946, 0.956),
    ("reduced", "autoencoder"): (0.905,),
    ("reduced_siamese", "autoencoder"): (0.931,),
    ("noisy", "none"): (0.953, 0.953, 0.954),
    ("noisy_reduced", "pca"): (0.664, 0.928, 0.953),
    ("advanced", "pca"): (0.861, 0.946, 0.956),
    ("noisy_reduced", "autoencoder"): (0.905,),
    ("advanced", "autoencoder"): (0.931,),
}


def run(seed=0, layers=LAYERS, dataset="motionsense", noise_scale=0.004):
    """Records of one seed; `noise_scale` is the spread of the values over seeds."""
    rng = np.random.default_rng(seed)
    records = []
    for (method, reduction), clean in CLEAN.items():
        for depth, (layer, best) in enumerate(zip(layers, clean, strict=False)):
            siamese = method in ("siamese", "reduced_siamese", "advanced")
            noisy = method in ("noisy", "noisy_reduced", "advanced")
            about = {
                "dataset": dataset,
                "split_kind": "trial",
                "method": method,
                "layer": layer,
                "reduction": reduction,
                "reduced_dim": None if reduction == "none" else 8,
                "contrastive_weight": 0.3 if siamese else 0.0,
                "margin": 10.0 if siamese else None,
                "seed": seed,
                "draws": 10 if noisy else 1,
            }
            best = best + noise_scale * rng.standard_normal()
            for noise in GRID if noisy else (0.0,):
                records += _point(rng, about, best, depth, noise, siamese, noisy, noise_scale)
    return records


def _point(rng, about, best, depth, noise, siamese, noisy, noise_scale):
    tolerated = (0.55 + 0.25 * depth) * (1.7 if siamese else 1.0)
    tolerated *= 2.5 if about["method"] == "noisy" else 1.0
    made = []
    at = about | {"noise_relative": noise, "noise_std": noise * (5.3 + 0.1 * about["seed"])}
    for cloud in ("original", "retrained") if noisy else ("original",):
        drop = (noise / (tolerated * (1.0 if cloud == "original" else 1.25))) ** 2
        value = 0.3 + (best - 0.3) * np.exp(-drop) + 0.3 * noise_scale * rng.standard_normal()
        for split in ("test", "validation"):
            for metric in ("accuracy", "balanced_accuracy"):
                made.append(
                    results.record(
                        evaluator="accuracy",
                        metric=metric,
                        value=value - 0.005 * (split == "validation"),
                        target="activity",
                        split=split,
                        cloud=cloud,
                        n=14139,
                        classes=4,
                        unit="fraction",
                        chance=0.448 if metric == "accuracy" else 0.25,
                        stderr=0.001 if noise else None,
                        **at,
                    )
                )
    for target, classes in (("gender", 2), ("identity", 24)):
        for offset, (gallery, attacker_data) in enumerate(GALLERIES):
            chance = (classes + 1) / (2 * classes)
            start = (0.0, 0.25, 0.15, 0.1)[offset] + (
                0.04 * depth + 0.1 * siamese if offset else 0.0
            )
            reach = 0.6 if about["method"] == "noisy" else 1.0
            index = start + (reach - start) * (1 - np.exp(-((3 * noise) ** 1.3)))
            index += 0.3 * noise_scale * rng.standard_normal() * (noise > 0)
            rank = 1 + index * (chance * classes - 1)
            values = {"privacy": (rank / classes, chance), "rank": (rank, chance * classes)}
            values |= {"privacy_index": (index, 1.0), "top1": (1.0 - index / 2, 1 / classes)}
            made += [
                results.record(
                    evaluator="privacy",
                    metric=metric,
                    value=value,
                    chance=by_chance,
                    target=target,
                    gallery=gallery,
                    split="test",
                    n=4096,
                    n_excluded=0,
                    classes=classes,
                    mode="classes",
                    prior="uniform",
                    ties="average",
                    attacker_data=attacker_data,
                    stderr=0.002,
                    unit="fraction",
                    **at,
                )
                for metric, (value, by_chance) in values.items()
            ]
    return made
