"""What every evaluator is told."""

from collections.abc import Mapping
from dataclasses import dataclass

from hybrid_jax.attacks.matcher import Matcher
from hybrid_jax.phase import Budget


@dataclass(frozen=True)
class AttackSettings:
    """Settings of the attacks.

    Attributes:
        attackers: names in `attacks.ATTACKERS`.
        only: by target, those of `attackers` that attack it, where not all do.
        attacker_data: what they hold, each in turn: `network_train`, `unseen`, `both`.
        max_windows: that they are fitted on at most; 0 for all.
        unlimited: `layer/method` where they are fitted on all windows of the first kind of data too, to see what the
            limit costs them.
        freeze: of `transfer`: `through_split`, or a stage.
        budget: of the attackers that are networks.
        disjoint: attackers that are also asked about people of whom they hold nothing.
        disjoint_data: what those hold, of `attacker_data`.
        folds: into how many parts people are cut for that.
        on_validation: attackers that are asked about validation windows too, at every noise.
        uploads: how many windows of one person the best attacker combines, each in turn.
    """

    attackers: tuple[str, ...]
    only: Mapping[str, tuple[str, ...]]
    attacker_data: tuple[str, ...]
    max_windows: int
    unlimited: tuple[str, ...]
    freeze: str
    budget: Budget
    disjoint: tuple[str, ...]
    disjoint_data: tuple[str, ...]
    folds: int
    on_validation: tuple[str, ...]
    uploads: tuple[int, ...]


@dataclass(frozen=True)
class ReconstructionSettings:
    """Settings of reconstruction.

    Attributes:
        max_windows: that a decoder is trained on at most; 0 for all.
        budget: of a decoder.
        matcher: of the classifier that re-identifies people in what was rebuilt.
    """

    max_windows: int
    budget: Budget
    matcher: Budget


@dataclass(frozen=True)
class Settings:
    """Settings of the evaluators of one run.

    Attributes:
        seed: of the run.
        noise_relative: the noise grid, in units of the exclusive feature's rms; of a run it begins with 0, of a file
            that is exported it is the shipped noise alone.
        num_draws: noise draws at each noise above 0.
        splits: on which privacy and attacks are measured: `test`, `validation` or both.
        sensitive: targets of privacy.
        unplanned: further targets of privacy, of which nobody thought in training (`data.attributes`).
        galleries: what the adversary of the rank privacy holds (`privacy.leakage`).
        attacker_data: for the gallery `held_out`: `network_train`, `unseen` or `both`.
        instance: whether each test sample is also ranked among all, as a class of its own, as in the authors' code.
        max_queries: queries at most, 0 for all.
        max_gallery: gallery rows at most, 0 for all.
        prior: of the sensitive classes.
        ties: tie rule of ranks.
        tolerance: validation accuracy that the operating noise may cost.
        uploads: how many uploads the adversary combines, each in turn; those that no session reaches are left out.
        retrain: how the cloud half is re-trained on noisy features; `None`: it is not.
        attack: of the attacks.
        reconstruction: of reconstruction.
        matcher: what re-identifies people in rebuilt inputs; `None` where nobody is asked about whom it could know.
    """

    seed: int
    noise_relative: tuple[float, ...]
    num_draws: int
    splits: tuple[str, ...]
    sensitive: tuple[str, ...]
    unplanned: tuple[str, ...]
    galleries: tuple[str, ...]
    attacker_data: tuple[str, ...]
    instance: bool
    max_queries: int
    max_gallery: int
    prior: str
    ties: str
    tolerance: float
    uploads: tuple[int, ...]
    retrain: Budget | None
    attack: AttackSettings
    reconstruction: ReconstructionSettings
    matcher: Matcher | None = None
