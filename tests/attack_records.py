"""Records of attacks, made up."""

from hybrid_jax import results

LAYERS = ("fc_1", "fc_2")
VALUES = {"simple": 0.9, "reduced": 0.85, "noisy_reduced": 0.7}


def one(value, metric="balanced_accuracy", **fields):
    about = {
        "evaluator": "attack", "target": "gender", "dataset": "motionsense", "split": "test",
        "split_kind": "trial", "gallery": "held_out", "attacker_data": "unseen", "max_windows": 64,
        "n_fit": 64, "n": 100, "classes": 2, "unit": "fraction", "chance": 0.5, "draws": 1,
        "ci_low": value - 0.05, "ci_high": value + 0.05, "seed": 0, "contrastive_weight": 0.0,
    }  # fmt: skip
    return results.record(metric=metric, value=value, **{**about, **fields})


def run(seed=0, noise=0.5, bound=0.95, shift=0.0):
    """What one seed measured: two attackers, the best, floors, sessions, strangers and all windows."""
    found = []
    for layer in LAYERS:
        for method, value in VALUES.items():
            value += shift
            for level in (0.0, noise) if method == "noisy_reduced" else (0.0,):
                about = {
                    "layer": layer, "method": method, "reduction": "none" if method == "simple" else "pca",
                    "noise_relative": level, "noise_std": 3 * level, "seed": seed,
                }  # fmt: skip
                scored = value if level or method != "noisy_reduced" else VALUES["reduced"] + shift
                found += [
                    one(scored - 0.1, attacker="logistic", route="exclusive", **about),
                    one(scored, attacker="mlp", route="exclusive", **about),
                    one(scored, attacker="best", winner="mlp", **about),
                    one(0.5, "balanced_accuracy_label_floor", **about),
                    one(0.6, "balanced_accuracy_prediction_floor", **about),
                    one(scored - 0.2, attacker="best", winner="mlp", gallery="leave_group_out")
                    | about,
                    one(scored + 0.02, attacker="best", winner="mlp", max_windows=0) | about,
                ]
                found += [
                    one(
                        scored + 0.01 * n,
                        attacker="best",
                        winner="mlp",
                        mode="session",
                        queries=n,
                        **about,
                    )
                    for n in (1, 4)
                ]
                if level:
                    found.append(one(bound, "bayes_bound", **about))
            for level in (0.0, 0.3, 0.5):
                about |= {"noise_relative": level, "noise_std": 3 * level}
                found.append(
                    one(
                        0.3 + level,
                        "privacy_index",
                        **(
                            about | {"evaluator": "privacy", "mode": "classes", "max_windows": None}
                        ),
                    )
                )
    return found
