"""What attackers get, in the shape of Fig. 9(b), and beside what the privacy measure says."""

import itertools
from collections.abc import Iterable, Mapping
from pathlib import Path

from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from hybrid_jax import attacked, paper, results
from hybrid_jax.figures import style

COLOURS = {
    "simple": "#9a9a9a",
    "reduced": "#c9c9c9",
    "siamese": "#56B4E9",
    "reduced_siamese": "#a9d7f2",
    "noisy": "#E69F00",
    "noisy_reduced": "#D55E00",
    "advanced": "#0072B2",
}
OTHER = "#CC79A7"  # of methods that are not the paper's
MARKERS = "osD^vP"


def attacks(path, records: Iterable[Mapping]) -> Path | None:
    """Bars of the best attack, a group for each layer and a bar for each method; a dot for transfer learning.

    Args:
        path: the PNG to write.
        records: of one run, or collected.

    Returns:
        the path, or None where nothing was attacked.
    """
    records = list(records)
    targets = attacked.targets(records)
    if not targets:
        return None
    layers = results.distinct(results.select(records, evaluator="attack"), "layer")
    held = paper.adversary_name("held_out", attacked.shown_data(records, targets[0]))
    note = (
        f"Balanced accuracy on the second half of each recording or person's images, of attackers who hold {held};"
        " noisy methods at their operating noise. Bars: the best attacker, with its 95 % interval over people. Dots:"
        " transfer learning (the paper's attack). Dotted: chance. Dashes: what the classifier's own prediction tells."
    )
    size = max(6.4, 2.4 + 2.0 * len(layers)), 1.5 + 2.4 * len(targets)
    with style.drawn(
        path, *size, "What an attacker learns from the exclusive feature", note
    ) as figure:
        grid = figure.subplots(len(targets), 1, squeeze=False, sharex=True)[:, 0]
        for axes, target in zip(grid, targets, strict=True):
            found = attacked.headline(records, target)
            _panel(axes, found, layers)
            axes.set_title(target.capitalize())
            axes.set_ylabel("balanced accuracy, %")
        methods = paper.in_order(results.distinct(found, "method"))
        handles = [Patch(color=_colour(m), label=paper.method_name(m)) for m in methods]
        style.legend(grid[0], handles)
    return Path(path)


def _panel(axes, found: list[Mapping], layers: list[str]) -> None:
    methods = paper.in_order(results.distinct(found, "method"))
    width = 0.84 / len(methods)
    plain = [r for r in found if r["reduction"] != "autoencoder"]
    for r in plain:
        x = layers.index(r["layer"]) + (methods.index(r["method"]) - (len(methods) - 1) / 2) * width
        if r["metric"] == f"{attacked.MEASURE}_prediction_floor":
            axes.hlines(
                100 * r["value"],
                x - width / 2,
                x + width / 2,
                style.INK,
                linewidth=1,
                linestyles=(0, (3, 1)),
            )
        if r["metric"] != attacked.MEASURE:
            continue
        if r["attacker"] == "best":
            axes.bar(x, 100 * r["value"], 0.9 * width, color=_colour(r["method"]))
            if r["ci_low"] is not None:
                axes.vlines(x, 100 * r["ci_low"], 100 * r["ci_high"], style.INK, linewidth=0.8)
            axes.axhline(100 * r["chance"], color=style.MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
        elif r["attacker"] == "transfer":
            axes.plot(
                x, 100 * r["value"], "o", color="white", markeredgecolor=style.INK, markersize=3.5
            )
    axes.set_xticks(range(len(layers)), [paper.layer_name(layer) for layer in layers])
    axes.set_ylim(0, 102)


def _colour(method: str) -> str:
    return COLOURS.get(method, OTHER)


def attack_privacy(path, records: Iterable[Mapping]) -> Path | None:
    """Best attack against the privacy index, a panel for each target, a point for each layer and method.

    Args:
        path: the PNG to write.
        records: of one run, or collected.

    Returns:
        the path, or None where one of the two was not measured.
    """
    records = list(records)
    pairs = attacked.for_each_target(records, _pairs)
    if not pairs:
        return None
    layers = results.distinct(records, "layer")
    note = (
        "Each point is a method at a layer, noisy ones at their operating noise, for an adversary of unseen data."
        " Privacy index: 0 when the true class is always ranked first, 1 at chance. Attack: the best, whatever data of"
        " these people the attacker holds. The measure is one attack; what lies above and to the right is more than it"
        " lets expect."
    )
    size = max(6.4, 2.2 + 3.4 * len(pairs)), 4.6
    with style.drawn(path, *size, "The privacy measure beside the best attack", note) as figure:
        for axes, (target, found) in zip(
            figure.subplots(1, len(pairs), squeeze=False)[0], pairs.items(), strict=True
        ):
            for (layer, method, reduction), (index, best) in found.items():
                filled = reduction != "autoencoder"
                axes.plot(
                    index, 100 * best["value"], MARKERS[layers.index(layer) % len(MARKERS)],
                    color=_colour(method) if filled else "none", markeredgecolor=_colour(method), markersize=6,
                )  # fmt: skip
            axes.axhline(
                100 * best["chance"], color=style.MUTED, linewidth=0.8, linestyle=(0, (1, 2))
            )
            axes.axvline(1, color=style.MUTED, linewidth=0.8, linestyle=(0, (1, 2)))
            axes.set_title(target.capitalize())
            axes.set_xlabel("privacy index")
            axes.set_ylabel("best attack, balanced accuracy %")
        methods = paper.in_order(method for found in pairs.values() for _, method, _ in found)
        key = [
            Line2D([], [], marker="s", linestyle="", color=_colour(m), label=paper.method_name(m))
            for m in methods
        ]
        key += [
            Line2D(
                [], [], marker=mark, linestyle="", color=style.INK, label=paper.layer_name(layer)
            )
            for layer, mark in zip(layers, itertools.cycle(MARKERS), strict=False)
        ]
        style.legend(axes, key)
    return Path(path)


def _pairs(records: list[Mapping], target: str) -> dict[attacked.Name, tuple[float, Mapping]]:
    """Privacy index and best attack of each embedding, at the noise of the grid that is nearest to the attack's."""
    measured: dict[attacked.Name, list[Mapping]] = {}
    for r in results.select(
        records, evaluator="privacy", metric="privacy_index", target=target, split="test",
        gallery="held_out", attacker_data="unseen", mode="classes", queries=1,
    ):  # fmt: skip
        measured.setdefault(attacked.embedding_of(r), []).append(r)
    found = {}
    for name, r in attacked.strongest(records, target).items():
        if name in measured:
            noise = r["noise_relative"]
            near = min(measured[name], key=lambda one: abs(one["noise_relative"] - noise))
            found[name] = near["value"], r
    return found
