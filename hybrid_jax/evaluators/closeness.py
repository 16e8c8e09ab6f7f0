"""How near rebuilt inputs are to the originals."""

from collections.abc import Iterator
from typing import Any

import dm_pix
import jax
import numpy as np


def of_signals(originals: np.ndarray, rebuilt: np.ndarray) -> Iterator[dict[str, Any]]:
    """NRMSE and correlation by channel.

    NRMSE: the root of the squared error over that of each channel's deviation from its mean: 1 for who always answers
    with the mean. Correlation: Pearson's, channel by channel, over all samples and moments; of a channel in which
    either is constant 0, as nothing is told.

    Args:
        originals: [n, channels, time]; or vectors [n, channels].
        rebuilt: the same shape.
    """
    if originals.ndim == 2:
        originals, rebuilt = originals[..., None], rebuilt[..., None]
    axes = (0, 2)
    deviation = originals - originals.mean(axis=axes, keepdims=True)
    error = np.square(rebuilt - originals).sum(dtype=np.float64)
    total = np.square(deviation).sum(dtype=np.float64)
    yield {
        "metric": "nrmse",
        "value": np.sqrt(error / total) if total else None,
        "unit": "of the deviation",
        "chance": 1.0,
    }
    other = rebuilt - rebuilt.mean(axis=axes, keepdims=True)
    product = (deviation * other).sum(axis=axes, dtype=np.float64)
    power = np.square(deviation).sum(axis=axes, dtype=np.float64) * np.square(other).sum(
        axis=axes, dtype=np.float64
    )
    found = np.divide(product, np.sqrt(power), out=np.zeros(len(power)), where=power > 0)
    yield {"metric": "correlation", "value": found.mean(), "unit": "correlation", "chance": 0.0}
    for channel, value in enumerate(found):
        yield {
            "metric": "correlation",
            "value": value,
            "unit": "correlation",
            "chance": 0.0,
            "target": f"channel_{channel}",
        }


def of_images(originals: np.ndarray, rebuilt: np.ndarray) -> Iterator[dict[str, Any]]:
    """PSNR and SSIM (Wang et al. 2004, Gaussian window of 11 pixels), means over the images.

    Chance is their value for who always answers with the mean of the originals.

    Args:
        originals: [n, H, W, C] in [0, 1].
        rebuilt: the same shape; what is outside is clipped, as a display would.
    """
    rebuilt = np.clip(rebuilt, 0.0, 1.0)
    mean = np.broadcast_to(originals.mean(axis=0, dtype=np.float64), originals.shape)
    for name, unit, measure in (("psnr", "dB", dm_pix.psnr), ("ssim", "ssim", _ssim)):
        with jax.numpy_dtype_promotion("standard"):  # which the library needs
            value, chance = (
                np.asarray(jax.jit(measure)(originals, np.asarray(x, np.float32)))
                for x in (rebuilt, mean)
            )
        yield {"metric": name, "value": value.mean(), "unit": unit, "chance": chance.mean()}


def _ssim(a: jax.Array, b: jax.Array) -> jax.Array:
    return jax.lax.map(lambda pair: dm_pix.ssim(*pair), (a, b))
