"""The Bayes adversary of the privacy measure, held against labels: likelihoods summed over what the adversary holds."""

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import mesh
from hybrid_jax.attacks.axes import principal
from hybrid_jax.attacks.knowledge import Knowledge
from hybrid_jax.privacy import blocks, log_ratios
from hybrid_jax.privacy.gallery import Samples

BANDWIDTHS = (0.0, 0.1, 0.2, 0.4)  # relative to the features' rms, chosen between on validation
QUERIES = 256  # at once
GALLERY = 2048  # samples of a block


class Bayes:
    """The class whose features make an upload most likely (Eq. 2-4), each feature a Gaussian of the noise's width.

    With a finite gallery that is a kernel density estimate, and the noise is not always the best width for one: it is
    widened by a bandwidth, variances adding up. A width of 0, without noise and bandwidth, is left out: it is the
    nearest neighbour.
    """

    def __init__(self, knowledge: Knowledge):
        self._knowledge = knowledge

    def fit(self, features: np.ndarray, labels: np.ndarray) -> None:
        """See `Attacker.fit`; what is held stays free of noise, which is in the likelihood."""
        self._axes = principal(features)
        held = self._axes.transform(features).astype(np.float32)
        # As in the privacy measure: float32 keeps all its digits whatever the unit is.
        self._scale = float(2.0 ** np.ceil(np.log2(np.abs(held).max())))
        samples = _samples(held / np.float32(self._scale), labels)
        chunk = blocks.chunk_length(samples.labels)
        self._gallery = blocks.cut(samples, self._knowledge.num_classes, chunk, GALLERY)
        rms = np.sqrt(np.mean(np.square(held)) * held.shape[1] / features.shape[1])
        widths = np.hypot(self._knowledge.noise_std, np.array(BANDWIDTHS) * rms)
        self._widths = widths[widths > 0]
        found = self._posteriors(self._knowledge.validation_uploads)
        self._widths = self._widths[[np.argmax([self._knowledge.score(p) for p in found])]]

    def predict_proba(self, uploads: np.ndarray) -> np.ndarray:
        """See `Attacker.predict_proba`."""
        return self._posteriors(uploads)[0]

    def _posteriors(self, uploads: np.ndarray) -> np.ndarray:
        """[G, n, K] for every width that is left."""
        z = (self._axes.transform(uploads) / self._scale).astype(np.float32)
        widths = jnp.asarray(self._widths / self._scale, jnp.float32)
        starts = range(0, len(z), QUERIES)
        rows = [np.minimum(np.arange(at, at + QUERIES), len(z) - 1) for at in starts]  # one shape
        found = [np.asarray(_posterior(z[at], 0 * z[at], self._gallery, widths)) for at in rows]
        return np.concatenate(found, axis=1)[:, : len(z)]


@jax.jit
def _posterior(
    z: jax.Array, no_noise: jax.Array, gallery: blocks.Blocks, widths: jax.Array
) -> jax.Array:
    # Of an upload, not of a feature to which noise is yet to be added: the noise it has already is the difference.
    # Its zeros are an argument: as a constant, XLA:CPU makes of their product, in a loop, what lies in memory.
    queries = _samples(z, jnp.zeros(len(z), jnp.int32))
    ratios = log_ratios(no_noise, queries, gallery, None, widths)
    return mesh.whole(jax.nn.softmax(ratios, axis=-1))


def _samples(features, labels) -> Samples:
    nowhere = np.zeros(len(features), np.int32)
    return Samples(features, labels, nowhere, nowhere)
