"""`--mode=audit`: the leakage of features that somebody brings, as arrays."""

import os
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import numpy as np

from hybrid_jax import mesh, results
from hybrid_jax.errors import UserError, unknown
from hybrid_jax.evaluators.privacy import records as leakage_records
from hybrid_jax.privacy import Leakage, leakage
from hybrid_jax.privacy.gallery import GALLERIES
from hybrid_jax.privacy.ranking import PRIORS
from hybrid_jax.privacy.request import MODES
from hybrid_jax.progress import bar, within
from hybrid_jax.report import leakage as tables

REQUIRED = ("features", "labels")
COLUMNS = ("groups", "recording", "start")
SEEN = ("primary", "prediction")
OPTIONAL = (
    *COLUMNS, *SEEN, "window", "prior", "gallery_features", "gallery_labels",
    *(f"gallery_{name}" for name in (*COLUMNS, *SEEN)),
)  # fmt: skip
MEANING = (
    "rank/K is the paper's privacy (Eq. 7); [95 % interval] of a bootstrap over groups. The index is 0 where"
    " the true class is always first and 1 at chance. These are the figures of one adversary, who knows the"
    " gallery and the noise; another may do better. None of them is differential privacy. Outside gallery"
    " self, H(S given Z) is this adversary's cross-entropy: where it is certain and wrong, it learns less than"
    " nothing (I below 0; – for infinity)."
)


@mesh.over_all_devices()
def audit(
    features: str | os.PathLike,
    workdir: str | os.PathLike,
    command: str,
    *,
    noise_std: Sequence[float] = (0.0,),
    galleries: Sequence[str] = (),
    priors: Sequence[str] = ("uniform",),
    modes: Sequence[str] = ("classes",),
    num_draws: int = 10,
    seed: int = 0,
) -> list[Path]:
    """Measures the leakage of the features in an npz file; writes audit.md and results.json.

    Args:
        features: the file: `features` [N, D] and `labels` [N], and what else of `OPTIONAL` there is.
        workdir: the folder to write.
        command: the command line to record.
        noise_std: standard deviations of the noise, in the features' units.
        galleries: of `privacy.rank_privacy`; none: every one for which the file has the columns.
        priors: `uniform`, `empirical`, or `given` by the file's array `prior`.
        modes: `classes`, `instance`.
        num_draws: noise draws.
        seed: of the noise.

    Returns:
        The files written.

    Raises:
        UserError: a file, an array or a setting that does not fit.
    """
    workdir = Path(workdir)
    if (workdir / "config.json").exists():
        raise UserError(f"workdir {workdir} holds a run: audit into a folder of its own")
    arrays = read(features)
    for kind, names, known in (
        ("gallery", galleries, GALLERIES), ("prior", priors, PRIORS), ("privacy_mode", modes, MODES)
    ):  # fmt: skip
        for name in names:
            if name not in known:
                raise unknown(kind, name, known)
    if "given" in priors and "prior" not in arrays:
        raise UserError(f"prior 'given': {features} has no array prior with the K probabilities")
    galleries = galleries or possible(arrays)
    found, parts = measure(
        arrays,
        {"dataset": Path(features).name, "target": "labels"},
        noise_std=noise_std,
        galleries=galleries,
        priors=priors,
        modes=modes,
        num_draws=num_draws,
        seed=seed,
    )
    config = {
        "features": str(features), "noise_std": list(map(float, noise_std)), "seed": seed,
        "galleries": list(galleries), "priors": list(priors), "modes": list(modes),
        "num_draws": num_draws,
    }  # fmt: skip
    text = "\n\n".join([f"# Leakage of {Path(features).name}", f"`{command}`", MEANING, *parts])
    return [
        results.write_text(workdir / "audit.md", text + "\n"),
        results.write(workdir / "results.json", command, config, found),
    ]


def measure(
    arrays: Mapping[str, np.ndarray],
    about: Mapping[str, str],
    *,
    noise_std: Sequence[float],
    galleries: Sequence[str],
    priors: Sequence[str] = ("uniform",),
    modes: Sequence[str] = ("classes",),
    num_draws: int = 10,
    seed: int = 0,
) -> tuple[list[results.Record], list[str]]:
    """The leakage of arrays, by every adversary that is asked for.

    Args:
        arrays: as `read` gives them.
        about: fields of the records.
        noise_std, galleries, priors, modes, num_draws, seed: see `audit`.

    Returns:
        The records, and of each adversary a section of a report.

    Raises:
        UserError: an array or a setting that does not fit.
    """
    asked = [("classes", g, p) for g in galleries for p in priors] if "classes" in modes else []
    asked += [("instance", "self", "uniform")] if "instance" in modes else []
    found, parts = [], []
    with bar(f"leakage of {about['target']}", len(asked)) as advance:
        for done, (mode, gallery, prior) in enumerate(asked):
            measured = leakage(
                **_arguments(arrays, gallery),
                noise_std=np.asarray(noise_std, np.float64),
                key=jax.random.key(seed),
                num_draws=num_draws,
                mode=mode,
                gallery=gallery,
                prior=arrays["prior"] if prior == "given" else prior,
                on_progress=within(advance, done),
            )
            levels = (None,) * len(measured.noise_std)
            own = {"evaluator": "privacy", "seed": seed, **about}
            records = [results.record(**r) for r in leakage_records(measured, levels, own)]
            found += records
            parts.append(_section(measured, records))
    return found, parts


def read(
    path: str | os.PathLike,
    called: str = "features",
    required: Sequence[str] = REQUIRED,
    optional: Sequence[str] = OPTIONAL,
) -> dict[str, np.ndarray]:
    """The arrays of an npz file for an audit.

    Args:
        path: the file.
        called: how messages call it.
        required, optional: names of the arrays that it holds, and may hold.

    Raises:
        UserError: no such file, no npz, an array missing or unknown.
    """
    try:
        with open(path, "rb") as opened, np.load(opened) as file:
            arrays = dict(file)
    except FileNotFoundError:
        raise UserError(f"{called} {path}: there is no such file") from None
    except (OSError, EOFError, ValueError, TypeError, AttributeError, zipfile.BadZipFile):
        raise UserError(
            f"{called} {path}: not an npz file of arrays; write it with numpy.savez"
        ) from None
    for name in required:
        if name not in arrays:
            raise UserError(
                f"{called} {path}: it has no array {name!r}; it needs {' and '.join(required)}"
            )
    for name in arrays:
        if name not in (*required, *optional):
            raise unknown(f"array in {path}:", name, (*required, *optional))
    return arrays


def possible(arrays: Mapping) -> list[str]:
    """The galleries for which there are columns; what the paper does, and the honest ones."""
    grouped = {"groups", "recording"} & arrays.keys()
    if "gallery_features" in arrays:
        return ["held_out"]
    return ["self", "leave_one_out", *(["leave_group_out"] if grouped else [])]


def _arguments(arrays: Mapping, gallery: str) -> dict:
    """What `leakage` takes; without the other data where the gallery is the queries."""
    own = {name: values for name, values in arrays.items() if name != "prior"}
    if gallery == "self":
        own = {name: values for name, values in own.items() if not name.startswith("gallery_")}
    if "window" in own:
        own["window"] = int(own["window"])
    return own


def _section(measured: Leakage, records: Sequence[Mapping]) -> str:
    kind = "every sample its own class" if measured.mode == "instance" else "classes"
    excluded = f", {measured.n_excluded} left out" if measured.n_excluded else ""
    draws = f"{measured.num_draws} draw{'s'[: measured.num_draws != 1]}"
    parts = [
        f"## {kind.capitalize()}, gallery {measured.gallery}, prior {measured.prior}",
        f"{measured.n} queries{excluded}, {measured.num_classes} classes, {draws}.",
        tables.measures_table(records),
    ]
    for suffix, seen in tables.FLOORS.items():
        if floor := tables.measures_table(records, suffix):
            parts += [f"An adversary who sees the primary {seen} alone:", floor]
    return "\n\n".join(parts)
