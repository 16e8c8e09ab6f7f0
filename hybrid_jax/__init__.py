"""Private features for hybrid inference: a network split between a device and the cloud.

The device uploads an exclusive feature, reduced and noisy, instead of its data; the cloud finishes
the inference. Import what you use (`from hybrid_jax.privacy import rank_privacy`): this file itself
imports nothing.
"""

__version__ = "0.1.0"
