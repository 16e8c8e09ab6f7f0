"""The points of a sweep: what each sets in the config, where it lies, and which trainings it shares."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import ml_collections

from hybrid_jax.embedding import METHODS
from hybrid_jax.errors import UserError, unknown
from hybrid_jax.results import flat

LONGEST = 200  # bytes of a point's name; file systems take 255
# Axes by the names that results.json gives them. A point may set any other field of the config by its path.
AXES = ("layer", "method", "contrastive_weight", "margin", "reduced_dim")
# Sections of a config that no network depends on.
AFTER_TRAINING = ("attack", "evaluators", "noise", "privacy", "reduction", "retrain")


@dataclass(frozen=True)
class Point:
    """One run of a sweep.

    Attributes:
        settings: (axis, value) pairs, in the order of the config's `sweep()`.
    """

    settings: tuple[tuple[str, Any], ...]

    @classmethod
    def of(cls, settings: Mapping[str, Any]) -> "Point":
        """The point without what its method does not read: a weight and margin, or a reduced dimension.

        Raises:
            errors.UserError: an unknown method.
        """
        unread = set()
        if (name := settings.get("method")) is not None:
            if name not in METHODS:
                raise unknown("method", name, METHODS)
            method = METHODS[name]
            unread |= set() if method.siamese else {"contrastive_weight", "margin"}
            unread |= set() if method.reduced else {"reduced_dim"}
        return cls(tuple((axis, value) for axis, value in settings.items() if axis not in unread))

    @property
    def name(self) -> str:
        """Its folder's: `layer=fc_2+method=advanced+seed=0`."""
        return _name(self.settings)

    @property
    def group(self) -> str:
        """Of what shares its pre-training and baseline: all that differs in what comes later only.

        Those are the layer, the method, a Siamese network's weight and margin (each is a network of its own, trained
        once), the reduced dimension and the noise.
        """
        return _name(self.trained) or "all"

    @property
    def trained(self) -> tuple[tuple[str, Any], ...]:
        """The settings that its group is named by."""
        return tuple(
            (axis, value)
            for axis, value in self.settings
            if axis not in AXES and axis.partition(".")[0] not in AFTER_TRAINING
        )

    def config(self, base: ml_collections.ConfigDict) -> ml_collections.ConfigDict:
        """`base` with the point's settings.

        Raises:
            errors.UserError: an axis that is no field of the config, or a value of another type.
        """
        config = base.copy_and_resolve_references()
        given = dict(self.settings)
        for axis, field in (("layer", "layers"), ("method", "methods")):
            if axis in given:
                config[field] = (given.pop(axis),)
        if "reduced_dim" in given:
            given["reduction.dim"] = dim = given.pop("reduced_dim")
            given |= {f"reduction.dim_at.{layer}": dim for layer in config.reduction.dim_at}
        for axis in ("contrastive_weight", "margin"):
            if axis in given:
                value = float(given.pop(axis))
                given |= {f"siamese.{axis}.{layer}": value for layer in config.layers}
        fields = flat(config.to_dict())
        for field, value in given.items():
            if field not in fields:
                raise unknown("sweep axis", field, [*AXES, *fields])
            try:
                config.update_from_flattened_dict({field: value})
            except (TypeError, ValueError) as error:
                raise UserError(f"sweep axis {field}={value!r}: {error}") from None
        return config.lock()


def points(settings: Iterable[Mapping[str, Any]]) -> list[Point]:
    """The points of a config's `sweep()`, each once, those of a group together.

    Points that come to the same (`simple` at two weights) are one.

    Raises:
        errors.UserError: there is none, or two whose names are the same though their values are not, or a name that is
            too long for a folder.
    """
    found = list(dict.fromkeys(Point.of(each) for each in settings))
    if not found:
        raise UserError("sweep() gives no point: return a list of dicts, as common.grid makes")
    by_name: dict[str, Point] = {}
    by_group: dict[str, tuple] = {}
    for point in found:
        if by_name.setdefault(point.name, point) != point:
            raise UserError(f"sweep() gives two points that are both called {point.name}")
        if by_group.setdefault(point.group, point.trained) != point.trained:
            raise UserError(f"sweep() gives two trainings that are both called {point.group}")
        if len(point.name.encode()) > LONGEST:
            raise UserError(
                f"sweep() gives a point called {point.name}, which is too long for a folder: "
                f"vary fewer fields at once, or shorter values; {LONGEST} bytes are the most"
            )
    groups = list(dict.fromkeys(point.group for point in found))
    return sorted(found, key=lambda point: groups.index(point.group))


def shard(found: list[Point], index: int, count: int) -> list[Point]:
    """The points of shard `index` (1 to `count`): whole groups, dealt out in turn."""
    groups = list(dict.fromkeys(point.group for point in found))
    mine = set(groups[index - 1 :: count])
    return [point for point in found if point.group in mine]


def _name(settings: Iterable[tuple[str, Any]]) -> str:
    return "+".join(f"{axis}={_text(value)}" for axis, value in settings)


def _text(value: Any) -> str:
    if isinstance(value, tuple | list):
        return "-".join(map(_text, value))
    # Slashes would make folders of a name; .3 and 0.3, 10 and 10.0 are one value.
    return (f"{value:.12g}" if isinstance(value, float) else str(value)).replace("/", "_")
