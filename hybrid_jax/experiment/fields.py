"""The fields of a config: a misspelt one would be left unread, or stop a run whose networks are trained."""

import dataclasses

import ml_collections

from hybrid_jax.errors import UserError, unknown
from hybrid_jax.evaluators import AttackSettings, ReconstructionSettings
from hybrid_jax.phase import Budget

# Sections become one of these whole; data sets and models say themselves what they take.
KINDS = {
    "pretrain": Budget,
    "finetune": Budget,
    "retrain": Budget,
    "reduction.autoencoder": Budget,
    "attack": AttackSettings,
    "attack.budget": Budget,
    "reconstruction": ReconstructionSettings,
    "reconstruction.budget": Budget,
    "reconstruction.matcher": Budget,
}
# The rest as `setup` and what it calls read it.
NEEDED = {
    "": "seed primary sensitive data stream model layers methods pretrain finetune refit siamese reduction noise"
    " retrain evaluators privacy attack reconstruction tune",
    "stream": "when workers",
    "siamese": "convention",
    "reduction": "dim dim_at dims autoencoder_layers autoencoder clip_norm",
    "noise": "relative tolerance",
    "tune": "weights margins tolerance tolerance_at epochs",
    "privacy": "num_draws splits unplanned galleries attacker_data instance max_queries max_gallery prior ties uploads",
}
# What a layer needs of `siamese` is told with its name (`check.with_task`).
OPTIONAL = {"": "input plugins", "siamese": "pairs contrastive_weight margin"}


def check(config: ml_collections.ConfigDict) -> None:
    """Raises `UserError` unless a config has the fields that one has, and no others."""
    for name, needed in NEEDED.items():
        _check(config, name, needed.split(), OPTIONAL.get(name, "").split())
    for name, kind in KINDS.items():
        of = dataclasses.fields(kind)
        without_default = [f.name for f in of if f.default is dataclasses.MISSING]
        _check(config, name, without_default, [f.name for f in of])


def _check(
    config: ml_collections.ConfigDict, name: str, needed: list[str], optional: list[str]
) -> None:
    section = config
    for part in filter(None, name.split(".")):
        section = section[part]
    place = f"config.{name}" if name else "config"
    if not isinstance(section, ml_collections.ConfigDict):
        raise UserError(f"{place} {section!r}: it is a section, with {', '.join(needed)}")
    for field in section:
        if field not in (*needed, *optional):
            raise unknown(f"field of {place}", field, dict.fromkeys((*needed, *optional)))
    if missing := [field for field in needed if field not in section]:
        raise UserError(f"{place} has no {', '.join(missing)}: add it")
