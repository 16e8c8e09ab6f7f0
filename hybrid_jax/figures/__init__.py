"""The figures of a work folder: each function draws one PNG from plain records or arrays.

A figure is written whole or not at all, and the same numbers give the same bytes. Nothing global
is touched: no pyplot, and styles hold only while a figure is drawn.
"""

from hybrid_jax.figures.attacks import attack_privacy, attacks
from hybrid_jax.figures.device import device
from hybrid_jax.figures.feature_space import feature_space
from hybrid_jax.figures.reconstruction import reconstruction
from hybrid_jax.figures.sessions import attack_sessions, sessions
from hybrid_jax.figures.tradeoff import tradeoff_layer, tradeoff_method
from hybrid_jax.figures.tune import tune

__all__ = [
    "attack_privacy",
    "attack_sessions",
    "attacks",
    "device",
    "feature_space",
    "reconstruction",
    "sessions",
    "tradeoff_layer",
    "tradeoff_method",
    "tune",
]
