"""The cloud half re-trained on noisy features: the baseline that a gain from Siamese fine-tuning must beat."""

from typing import Any

import jax
import jax.numpy as jnp

from hybrid_jax import train
from hybrid_jax.data.samples import TRAIN
from hybrid_jax.embedded import Embedded
from hybrid_jax.phase import Budget
from hybrid_jax.upload_loss import Reader, Reconstructed, UploadLoss


def retrain(embedded: Embedded, noise_std: float, budget: Budget, key: jax.Array) -> dict[str, Any]:
    """Trains the classifier on from its own parameters, on training features with noise drawn anew at each step.

    Args:
        embedded: what to re-train; the extractor and the reduction stay.
        noise_std: of the noise, in the exclusive feature's units, >= 0.
        budget: steps and learning rate.
        key: of batches, noise and dropout.

    Returns:
        The classifier's new variables.
    """
    classifier = embedded.variables["classifier"]
    z = embedded.z[TRAIN]
    num_steps, _ = budget.steps(z.shape[0])
    optimizer = budget.transformation(num_steps)
    data = {
        "z": z,
        "labels": jnp.asarray(embedded.labels(embedded.task.primary, TRAIN)),
        "noise_std": jnp.float32(noise_std),
        "weights": jnp.ones(z.shape[0], jnp.float32),
        "frozen": {k: v for k, v in embedded.variables.items() if k != "classifier"},
    }
    indices = jnp.arange(z.shape[0], dtype=jnp.int32)
    embedding = embedded.embedding.noise_free
    *_, (state, _) = train.fit(
        UploadLoss(Reader(Reconstructed(embedding), embedding.split.classifier)),
        train.begin(classifier, optimizer),
        data,
        indices,
        key,
        optimizer=optimizer,
        batch_size=budget.batch_size,
        num_steps=num_steps,
        steps_per_call=num_steps,
    )
    return state.variables
