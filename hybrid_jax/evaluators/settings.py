"""What every evaluator is told."""

from dataclasses import dataclass

from hybrid_jax.phase import Budget


@dataclass(frozen=True)
class Settings:
    """Settings of the evaluators of one run.

    Attributes:
        seed: of the run.
        noise_relative: the noise grid, in units of the exclusive feature's rms; begins with 0.
        num_draws: noise draws at each noise above 0.
        splits: of the rank privacy: `test`, `validation` or both.
        sensitive: targets of privacy.
        unplanned: further targets of privacy, of which nobody thought in training (`data.attributes`).
        galleries: what the adversary of the rank privacy holds (`privacy.leakage`).
        attacker_data: for the gallery `held_out`: `network_train`, `unseen` or `both`.
        max_queries: queries at most, 0 for all.
        max_gallery: gallery rows at most, 0 for all.
        prior: of the sensitive classes.
        ties: tie rule of ranks.
        tolerance: validation accuracy that the operating noise may cost.
        uploads: how many uploads the adversary combines, each in turn; those that no session reaches are left out.
        retrain: how the cloud half is re-trained on noisy features.
    """

    seed: int
    noise_relative: tuple[float, ...]
    num_draws: int
    splits: tuple[str, ...]
    sensitive: tuple[str, ...]
    unplanned: tuple[str, ...]
    galleries: tuple[str, ...]
    attacker_data: tuple[str, ...]
    max_queries: int
    max_gallery: int
    prior: str
    ties: str
    tolerance: float
    uploads: tuple[int, ...]
    retrain: Budget
