"""Records with something for every section of report.html, and a config that would do harm if it were not escaped."""

import attack_records
import numpy as np
import synthetic_records

from hybrid_jax import results, selection, tradeoff

HOSTILE = "</script><script>window.harmed=1</script><img src=x onerror=window.harmed=1>`|\"'&"
COMMAND = f"python launch.py --config=configs/activity.py --workdir={HOSTILE}"
CONFIG = {
    "seed": 3,
    "noise": {"tolerance": 0.02},
    "reduction": {"clip_norm": 0.0},
    "data": {"dir": HOSTILE},
}
VERSIONS = {"jax": "0.0", HOSTILE: HOSTILE}


def curves(layers=("fc_1", "fc_2")):
    """Accuracy and privacy over noise, with floors and sessions."""
    made = synthetic_records.run(3, layers=layers)
    made += tradeoff.tradeoff_area_records(made)
    made += [
        {**r, "metric": f"{r['metric']}_label_floor", "value": 0.9 * r["chance"]}
        for r in results.select(made, metric=("privacy", "privacy_index"), noise_relative=0.0)
    ]
    for layer in layers:
        for queries, value in ((1, 0.7), (2, 0.65), (8, 0.6)):
            about = results.select(
                made, layer=layer, metric="privacy", method="advanced", target="gender"
            )[0]
            made.append({**about, "mode": "session", "queries": queries, "value": value, "ci_low": value - 0.02,
                         "ci_high": value + 0.02, "attacker_data": "unseen", "gallery": "held_out"})  # fmt: skip
    return made


def attacks(seed=3):
    """What attackers got, of the advanced embedding too."""
    made = attack_records.run(seed)
    # The best of several draws is a little above the attacker it names.
    made = [{**r, "value": r["value"] + 0.001 * (r["attacker"] == "best")} for r in made]
    shown = [r for r in made if r["method"] == "noisy_reduced" and r["evaluator"] == "attack"]
    other = {"method": "advanced", "contrastive_weight": 0.3}
    return made + [
        {**r, **other, "value": r["value"] - 0.1234567 * (r["attacker"] is not None)} for r in shown
    ]


def device():
    """Three configurations on one device, one of them by the autoencoder too."""
    about = {
        "evaluator": "device",
        "host": "a phone",
        "format": "tflite float32",
        "n": 5,
        "std": 0.25,
    }
    return [
        results.record(
            metric=metric,
            value=value,
            unit=unit,
            method=method,
            layer=layer,
            reduction=reduction,
            **about,
        )
        for method, layer, reduction in (
            ("on_premise", None, "none"),
            ("reduced", "fc_1", "pca"),
            ("reduced", "fc_1", "autoencoder"),
        )
        for metric, value, unit in (("median_ms", 1.2345678, "ms"), ("uplink_bytes", 32, "bytes"))
    ]


def rebuilt():
    """How close a decoder comes."""
    about = {
        "evaluator": "reconstruction",
        "target": None,
        "split": "test",
        "layer": "fc_1",
        "seed": 3,
    }
    about |= {"method": "simple", "dataset": "motionsense", "split_kind": "trial"}
    return [results.record(metric="psnr", value=18.5, chance=12.5, unit="dB", **about)]


def images():
    """What `report.write` takes of rebuilt images."""
    grey = np.linspace(0, 1, 64, dtype=np.float32).reshape(1, 8, 8, 1)
    return {"fc_1": {"original": grey, "simple": 1 - grey}}


def everything():
    """All of it; attacks' own privacy records would clash with those of curves."""
    made = curves()
    # One setting for each embedding, as in a run; more would be a sweep.
    setting = {(r["layer"], r["method"], r["reduction"]): selection.setting(r) for r in made}
    others = results.select(attacks(), evaluator="attack") + rebuilt()
    return (
        made
        + [
            {
                **r,
                **dict(
                    zip(
                        selection.SETTING,
                        setting[r["layer"], r["method"], r["reduction"]],
                        strict=True,
                    )
                ),
            }
            for r in others
        ]
        + device()
    )
