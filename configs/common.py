"""What configs share: the `ARG,key=value` string after the file's name, and default settings."""

import itertools
from collections.abc import Iterable, Mapping
from typing import Any

import ml_collections

from hybrid_jax import errors

# Interface: no noise, and ten levels in a geometric row from .01 to 2, relative to the feature's rms.
NOISE_GRID = (0.0, *(round(0.01 * 200 ** (i / 9), 6) for i in range(10)))
METHODS = (
    "simple",
    "reduced",
    "siamese",
    "reduced_siamese",
    "noisy",
    "noisy_reduced",
    "advanced",
)  # the paper's


def parse(arg: str | None, presets: tuple[str, ...], keys: Mapping[str, Any]) -> tuple[str, dict]:
    """Splits `ARG,key=value,...` into the preset and the keys.

    Args:
        arg: what follows the colon of `--config=file.py:`; `None` when there is none.
        presets: valid presets; the first is what no preset means.
        keys: defaults by key; a value is read as its default's type.

    Returns:
        The preset's name, and every key's value.

    Raises:
        errors.UserError: an unknown preset or key, or a value of another type.
    """
    preset, values = presets[0], dict(keys)
    for number, part in enumerate(filter(None, (arg or "").split(","))):
        name, equals, text = part.partition("=")
        if not equals:
            if number or name not in presets[1:]:
                raise errors.unknown(
                    "config argument", name, [*presets[1:], *(f"{k}=..." for k in keys)]
                )
            preset = name
        elif name not in keys:
            raise errors.unknown("config key", name, keys)
        else:
            try:
                values[name] = type(keys[name])(text)
            except ValueError:
                kind = type(keys[name]).__name__
                raise errors.UserError(
                    f"config key {name}={text!r}: expected a value of type {kind}"
                ) from None
    return preset, values


def one_of(key: str, value: str, known: Iterable[str]) -> None:
    """Raises `errors.UserError` unless a key's value is among `known`."""
    if value not in known:
        raise errors.unknown(f"config key {key}", value, known)


def budget(
    epochs: float,
    learning_rate: float,
    schedule: str,
    batch_size: int,
    average: bool = False,
    optimizer: str = "adam",
    faster: tuple[str, ...] = (),
) -> ml_collections.ConfigDict:
    """Length and speed of one training (`phase.Budget`)."""
    return ml_collections.ConfigDict(
        {
            "epochs": float(epochs),
            "learning_rate": learning_rate,
            "schedule": schedule,
            "batch_size": batch_size,
            "average": average,  # keep the mean of the parameters over the steps, not the last
            "optimizer": optimizer,
            "faster": faster,  # stages that learn ten times as fast
        }
    )


def privacy(max_queries: int, max_gallery: int, num_draws: int) -> ml_collections.ConfigDict:
    """How the rank privacy (Eq. 2-7) is measured; 0 for all queries or gallery rows."""
    return ml_collections.ConfigDict(
        {
            "max_queries": max_queries,
            "max_gallery": max_gallery,
            "num_draws": num_draws,
            # On validation `leave_group_out` alone: to choose an operating point by, not to report.
            "splits": ("test", "validation"),
            "unplanned": ("height", "weight", "age"),
            "galleries": ("self", "leave_group_out", "held_out"),
            "attacker_data": ("network_train", "unseen"),
            "uploads": (1, 2, 4, 8, 16, 32),  # that the adversary combines
            "instance": False,  # whether each sample is ranked among all too, as in the authors' code
            "prior": "uniform",
            "ties": "average",
        }
    )


def attack(max_windows: int, epochs: float) -> ml_collections.ConfigDict:
    """How the feature is attacked; `max_windows` 0 for all that an adversary holds."""
    return ml_collections.ConfigDict(
        {
            "attackers": ("transfer", "logistic", "mlp", "knn", "boosting", "bayes"),
            "only": {},  # target -> those of them that attack it, where not all do
            "attacker_data": ("network_train", "unseen", "both"),
            "max_windows": max_windows,
            "unlimited": (),  # `layer/method` where they are fitted on all windows too, of the first kind of data
            "freeze": "through_split",  # of transfer learning, or a stage of the cloud half
            "budget": budget(epochs, 2e-3, "constant", 128, average=True),  # of transfer and mlp
            # On people of whom the attacker holds nothing; and, at every noise, to choose an operating point by.
            "disjoint": ("logistic", "mlp"),
            "disjoint_data": ("unseen",),
            "folds": 4,
            "on_validation": ("logistic", "mlp"),
            "uploads": (
                1,
                2,
                4,
                8,
                16,
                32,
            ),  # windows of one person that the best attacker combines
        }
    )


def reconstruction(max_windows: int, epochs: float, matcher: float) -> ml_collections.ConfigDict:
    """How inputs are rebuilt from the feature, by decoders of so many epochs, and people re-identified in them."""
    return ml_collections.ConfigDict(
        {
            "max_windows": max_windows,
            "budget": budget(epochs, 1e-3, "cosine", 128),
            "matcher": budget(matcher, 1e-3, "constant", 64, average=True),
        }
    )


def grid(**axes: Iterable[Any]) -> list[dict[str, Any]]:
    """Every combination of the axes' values, for a `sweep()`; the first axis varies slowest.

    An axis is `layer`, `method`, `contrastive_weight`, `margin`, `reduced_dim`, or any field of the config by its path:
    `grid(method=("reduced", "advanced"), **{"finetune.learning_rate": (1e-3, 1e-4)})`.
    """
    return [dict(zip(axes, values, strict=True)) for values in itertools.product(*axes.values())]
