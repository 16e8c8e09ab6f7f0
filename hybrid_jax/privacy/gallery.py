"""Queries and the gallery: what the adversary holds, and what of it each query may not use."""

from typing import NamedTuple

import numpy as np

from hybrid_jax.errors import UserError, unknown

GALLERIES = ("self", "leave_one_out", "leave_group_out", "held_out")


class Samples(NamedTuple):
    """Features with their sensitive classes, and where they come from.

    A gallery sample is dropped for a query of the same `unit` that starts nearer than the window:
    the one exclusion rule, of which every gallery is a case.
    """

    features: np.ndarray  # float32 [n, D]
    labels: np.ndarray  # int32 [n]
    unit: np.ndarray  # int32 [n]
    start: np.ndarray  # int32 [n]


def prepare(
    features,
    labels,
    *,
    gallery,
    gallery_features=None,
    gallery_labels=None,
    groups=None,
    gallery_groups=None,
    recording=None,
    start=None,
    window=None,
    gallery_recording=None,
    gallery_start=None,
    num_classes=None,
) -> tuple[Samples, Samples, int, int, float]:
    """Checks what the user gave and brings it to the one exclusion rule.

    Features are centred in their own dtype, then divided by a power of two so that all lie in
    (-2, 2): ranks do not change, and float32 keeps all its digits whatever offset and unit were.

    Returns:
        queries, gallery, window (0: nothing is dropped), K, and the scale that divided the
        features, by which noise_std has to be divided too.

    Raises:
        UserError: an unknown gallery; shapes that do not agree; features that are not finite;
            labels that are not classes 0..K-1 or leave a class without a sample in the gallery;
            a column which the gallery's rule needs and is missing.
    """
    if gallery not in GALLERIES:
        raise unknown("gallery", gallery, GALLERIES)
    features, labels = _features("features", features), _labels("labels", labels)
    separate = gallery_features is not None
    if separate:
        if gallery_labels is None:
            raise UserError("gallery_features come without gallery_labels: give both")
        held = _features("gallery_features", gallery_features)
        held_labels = _labels("gallery_labels", gallery_labels)
        if held.shape[1] != features.shape[1]:
            raise UserError(
                f"gallery_features have width {held.shape[1]}, features "
                f"{features.shape[1]}: both must come from the same embedding"
            )
    elif gallery == "held_out":
        raise UserError(
            "gallery 'held_out' needs gallery_features and gallery_labels: the other "
            "data which the adversary holds"
        )
    else:
        held, held_labels = features, labels
    columns = {"labels": labels, "groups": groups, "recording": recording, "start": start}
    held_columns = {
        "gallery_labels": held_labels,
        "gallery_groups": gallery_groups,
        "gallery_recording": gallery_recording,
        "gallery_start": gallery_start,
    }
    for n, of, group in (
        (len(features), "features", columns),
        (len(held), "gallery_features", held_columns),
    ):
        for name, column in group.items():
            if column is not None and np.shape(column) != (n,):
                raise UserError(
                    f"{name} has shape {np.shape(column)}: it needs one value for "
                    f"each of the {n} rows of {of}"
                )
    if not separate:
        held_columns = {f"gallery_{name}": column for name, column in columns.items()}
    num_classes = _check_classes(labels, held_labels, num_classes)
    (unit, start), (held_unit, held_start), window = _exclusion(
        gallery, separate, columns, held_columns, window
    )
    features, held, scale = _normalise(features, held)
    queries = Samples(features, labels, unit, start)
    return queries, Samples(held, held_labels, held_unit, held_start), window, num_classes, scale


def _exclusion(gallery, separate, columns, held_columns, window):
    """(unit, start) of the queries and of the gallery, and the window."""
    n, m = len(columns["labels"]), len(held_columns["gallery_labels"])
    zeros = (np.zeros(n, np.int32), np.zeros(m, np.int32))
    if gallery in ("self", "held_out"):
        return (zeros[0], zeros[0]), (zeros[1], zeros[1]), 0
    if gallery == "leave_group_out":
        name = "recording" if columns["groups"] is None else "groups"
        unit = _units(name, columns, held_columns, gallery)
        return (unit[0], zeros[0]), (unit[1], zeros[1]), 1
    if columns["recording"] is None and not separate:
        own = np.arange(n, dtype=np.int32)
        return (own, zeros[0]), (own, zeros[1]), 1
    if window is None or int(window) != window or window < 1:
        raise UserError(
            f"window {window}: gallery 'leave_one_out' with recordings needs the "
            "window's length, a whole number from 1, to know what overlaps the query"
        )
    unit = _units("recording", columns, held_columns, gallery)
    start = _pair("start", columns, held_columns, gallery)
    if not all(s.dtype.kind in "iu" for s in start):
        raise UserError(
            "start holds values that are not whole numbers: give the first row of each window"
        )
    first = min(int(s.min()) for s in start)
    if max(int(s.max()) for s in start) - first >= 2**31:
        raise UserError("start spans more than 2^31 rows: count rows within each recording")
    low = np.uint64(first % 2**64)  # modulo 2^64, for a narrow type may not hold the difference
    start = [(s.astype(np.uint64) - low).astype(np.int32) for s in start]
    return (unit[0], start[0]), (unit[1], start[1]), min(int(window), 2**31 - 1)


def _pair(name, columns, held_columns, gallery):
    pair = columns[name], held_columns[f"gallery_{name}"]
    for column, called in zip(pair, (name, f"gallery_{name}"), strict=True):
        if column is None:
            raise UserError(f"gallery {gallery!r} needs {called}, to know what to leave out")
    return [np.asarray(column) for column in pair]


def _units(name, columns, held_columns, gallery):
    """One column's values as codes which queries and gallery share."""
    pair = _pair(name, columns, held_columns, gallery)
    codes = np.unique(np.concatenate(pair), return_inverse=True)[1].astype(np.int32)
    return codes[: len(pair[0])], codes[len(pair[0]) :]


def _features(name, features):
    features = np.asarray(features)
    if features.ndim != 2 or 0 in features.shape:
        raise UserError(f"{name} has shape {features.shape}: it needs [samples, width]")
    if features.dtype.kind not in "fiub":
        features = features.astype(np.float32)  # bfloat16 and its kin have no NumPy kind
    if features.dtype.kind != "f":
        return features.astype(np.float64)
    bad = ~np.isfinite(features).all(axis=1)
    if bad.any():
        raise UserError(
            f"{name} row {int(np.argmax(bad))} holds NaN or infinity ({int(bad.sum())} "
            "such rows): features must be finite"
        )
    return features if features.dtype.itemsize >= 4 else features.astype(np.float32)


def _labels(name, labels):
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iub":
        raise UserError(f"{name} are {labels.dtype}: they need to be classes 0..K-1")
    for extreme in (labels.min(initial=0), labels.max(initial=0)):
        if not 0 <= extreme < 2**31:
            raise UserError(f"{name} hold {extreme}: they need to be classes 0..K-1")
    return labels.astype(np.int32)


def _check_classes(labels, held_labels, num_classes):
    largest = int(max(labels.max(), held_labels.max()))
    if num_classes is None:
        num_classes = largest + 1
    elif largest >= num_classes:
        raise UserError(
            f"label {largest} is outside the {num_classes} classes 0..{num_classes - 1}"
        )
    present = np.zeros(num_classes, bool)
    present[held_labels] = True
    if not present.all():
        missing = int(np.argmin(present))
        raise UserError(
            f"class {missing} of {num_classes} has no sample in the "
            "gallery: number the classes that occur 0..K-1"
        )
    return int(num_classes)


def _normalise(features, held):
    mean = held.mean(axis=0, dtype=np.float64)
    centred = [f - mean.astype(f.dtype) for f in (features, held)]
    largest = float(max(np.abs(c).max() for c in centred))
    if not np.isfinite(largest):
        raise UserError("features span more than their floating-point type can hold: rescale them")
    scale = 2.0 ** np.floor(np.log2(largest)) if largest > 0 else 1.0
    queries, held = ((c / c.dtype.type(scale)).astype(np.float32) for c in centred)
    return queries, held, float(scale)
