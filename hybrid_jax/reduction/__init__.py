"""Dimensionality reduction of the feature (paper, section 3.1): `pca` and `autoencoder`.

A reduction is a dict of arrays; `project` runs on the device, `reconstruct` in the cloud. Both are dense layers.
"""

from hybrid_jax.reduction import autoencoder, pca

PROJECT = {"pca": pca.project, "autoencoder": autoencoder.project}
RECONSTRUCT = {"pca": pca.reconstruct, "autoencoder": autoencoder.reconstruct}
KINDS = tuple(PROJECT)
