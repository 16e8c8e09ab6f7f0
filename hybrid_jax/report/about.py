"""What a report has to know of a run that the run's records do not tell."""

from dataclasses import dataclass


@dataclass(frozen=True)
class About:
    """Plain facts, taken from a config by those who may read one; each has a value for where it is not known.

    Attributes:
        seeds: of the runs; empty: those that the records name.
        primary: the variable that the service is for; "": the one whose accuracy was measured.
        sensitive: the variables that the feature should not tell; empty: all that were measured.
        tolerance: accuracy, a share, that the operating noise may cost.
        clip_norm: what the exclusive feature's L2 norm is clipped to, 0 for not at all.
    """

    seeds: tuple[int, ...] = ()
    primary: str = ""
    sensitive: tuple[str, ...] = ()
    tolerance: float = 0.02
    clip_norm: float = 0.0


NOTHING = About()
