"""What a config tells a report."""

from collections.abc import Mapping

from hybrid_jax.report.about import NOTHING, About


def of_config(config: Mapping) -> About:
    """What the page and the tables have to know of a config.

    Args:
        config: plain dicts, of a run or of several (`collect`), whose seeds are a list; a field that an older version
            did not write has the value of `About`.
    """
    seed = config.get("seed")
    several = seed if isinstance(seed, (list, tuple)) else () if seed is None else (seed,)
    return About(
        seeds=tuple(several),
        primary=config.get("primary") or NOTHING.primary,
        sensitive=tuple(config.get("sensitive") or NOTHING.sensitive),
        tolerance=(config.get("noise") or {}).get("tolerance", NOTHING.tolerance),
        clip_norm=(config.get("reduction") or {}).get("clip_norm") or NOTHING.clip_norm,
    )
