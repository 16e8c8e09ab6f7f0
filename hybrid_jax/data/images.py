"""A data set of images of people."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import dm_pix
import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax.data.samples import TRAIN, VALIDATION, Samples
from hybrid_jax.errors import UserError, unknown

MANY = 5  # images that a person has at least whose identity is attacked
SCALES = ("symmetric", "mean_image")
CHOOSING = 4  # of so many images of a person that an attacker holds, one is kept to choose by


def half_range() -> np.ndarray:
    """Mean and deviation that make -1 to 1 of pixels."""
    return np.array([127.5], np.float32)


@dataclass(frozen=True)
class ImageInputs:
    """The images' `samples.Inputs`.

    Attributes:
        crop: side of the square that the network is given.
        mirror: whether every second image is mirrored when it is augmented.
    """

    crop: int
    mirror: bool

    def __call__(
        self, data: Mapping, indices: jax.Array, key: jax.Array | None = None
    ) -> jax.Array:
        """[B, crop, crop, C]: the middle of the images; with a key a random part of each (reference (c))."""
        x = data["images"][indices].astype(jnp.float32)
        mean, std = (
            jnp.expand_dims(data[n], range(x.ndim - data[n].ndim)) for n in ("mean", "std")
        )
        x = (x - mean) / std
        size = (self.crop, self.crop, x.shape[-1])
        if key is None:
            return middle(x, self.crop)

        def augmented(key: jax.Array, image: jax.Array) -> jax.Array:
            crop_key, mirror_key = jax.random.split(key)
            image = dm_pix.random_crop(crop_key, image, size)
            return dm_pix.random_flip_left_right(mirror_key, image) if self.mirror else image

        return jax.vmap(augmented)(jax.random.split(key, len(x)), x)


@dataclass(frozen=True, eq=False, kw_only=True)
class Images(Samples):
    """A prepared data set of N images.

    Attributes:
        split_kind: "identity": nobody is in two splits; "image": everybody is in each.
        images: uint8 [N, H, W, C].
        columns: the labels; recording (the person) with start (which of the person's images it is, from 0): a person's
            images stand in them as a recording's windows do.
        classes: of identity every person.
        mean: float32, [H, W, C] or what broadcasts over it, in units of a pixel.
        std: float32, likewise.
        crop: side of the network's input; 0 for all of the image.
        mirror: whether training mirrors every second image.
        least: images that a person has at least whose identity is attacked.
    """

    images: np.ndarray
    mean: np.ndarray = field(default_factory=half_range)
    std: np.ndarray = field(default_factory=half_range)
    crop: int = 0
    mirror: bool = False
    least: int = MANY

    def presented(self, scale: str, crop: int = 0, mirror: bool = False) -> "Images":
        """The same images as a network takes them.

        Args:
            scale: `symmetric`, from -1 to 1; `mean_image`, less the mean of the training images, pixel by pixel, and in
                units of a pixel (reference (g)).
            crop: side of the square that it is given, the middle one when it is not trained; 0 for all.
            mirror: whether it is trained on mirrored images too.

        Raises:
            errors.UserError: an unknown scale, or a square that is larger than the images.
        """
        if scale not in SCALES:
            raise unknown("scale (config.input.scale)", scale, SCALES)
        side = min(self.images.shape[1:3])
        if not 0 <= crop <= side:
            raise UserError(
                f"config.input.crop {crop}: the images of {self.dataset} have {side} pixels a side"
            )
        mean, std = half_range(), half_range()
        if scale == "mean_image":
            training = self.images[self.split == TRAIN]
            mean, std = (
                training.mean(axis=0, dtype=np.float64).astype(np.float32),
                np.array([1.0], np.float32),
            )
        return replace(self, mean=mean, std=std, crop=crop, mirror=mirror)

    @property
    def augmented(self) -> bool:
        """Whether training sees other images than evaluation does."""
        return self.mirror or self.inputs.crop < min(self.images.shape[1:3])

    def known(self, target: str) -> np.ndarray:
        """Everybody; for the identity those of whom there are `least` images."""
        if target != "identity":
            return super().known(target)
        return np.bincount(self.columns["identity"])[self.columns["identity"]] >= self.least

    @property
    def input_shape(self) -> tuple[int, int, int]:
        """Rows, columns and channels of one input."""
        side = self.inputs.crop
        return side, side, self.images.shape[-1]

    @property
    def inputs(self) -> ImageInputs:
        """See `ImageInputs`."""
        return ImageInputs(self.crop or min(self.images.shape[1:3]), self.mirror)

    @property
    def shared(self) -> dict[str, np.ndarray]:
        """What images are normalised with."""
        return {"mean": self.mean, "std": self.std}

    @property
    def arrays(self) -> dict[str, np.ndarray]:
        """The images."""
        return {"images": self.images}

    def take(self, numbers: np.ndarray) -> dict[str, np.ndarray]:
        """`images` [B, H, W, C]."""
        return {"images": self.images[numbers]}

    @property
    def span(self) -> int:
        """One: no two images have anything in common."""
        return 1

    @property
    def gap(self) -> int:
        """None: see `span`."""
        return 0

    @property
    def normalisation(self) -> tuple[np.ndarray, np.ndarray]:
        """See `Samples.normalisation`: of a mean image the middle."""
        mean, std = (
            a if a.ndim == 1 else middle(a[None], self.inputs.crop)[0]
            for a in (self.mean, self.std)
        )
        return mean, std

    def by_image(self, split: int) -> "Images":
        """The people of a split of whom there are `least` images, some of each for training and for validation."""
        at = np.flatnonzero((self.split == split) & self.known("identity"))
        people, identity = np.unique(self.columns["identity"][at], return_inverse=True)
        identity, parts = identity.astype(np.int32), np.empty(len(at), np.int8)
        for person in range(len(people)):
            mine = np.flatnonzero(identity == person)
            parts[mine] = self.tail(len(mine))
        columns = {name: values[at] for name, values in self.columns.items()}
        names = tuple(self.classes["identity"][person] for person in people)
        return replace(
            self,
            split_kind="image",
            images=self.images[at],
            split=parts,
            columns=columns | {"identity": identity, "recording": identity},
            classes={**self.classes, "identity": names},
        )

    @property
    def matched(self) -> "Images | None":
        """See `Samples.matched`; `None` where nobody has enough images for both."""
        found = self.by_image(TRAIN) if self.people_apart else self
        return found if VALIDATION in found.split else None

    def tail(self, number: int) -> np.ndarray:
        """See `tail`."""
        return tail(number)


def tail(number: int) -> np.ndarray:
    """See `Samples.tail`: the last quarter of a person's images is to choose by; a tenth, as of windows, were none."""
    split = np.full(number, TRAIN, np.int8)
    split[number - number // CHOOSING :] = VALIDATION
    return split


def middle(images: Any, side: int) -> Any:
    """The middle square of [B, H, W, C]."""
    top, left = ((size - side) // 2 for size in images.shape[1:3])
    return images[:, top : top + side, left : left + side]
