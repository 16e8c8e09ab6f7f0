"""Drawn faces in LFW's schema, with an expression: images to try everything on, without a download.

A face is a stack of soft shapes (shoulders, hair, neck, head, eyes, brows, nose, mouth), each a signed distance turned
into a cover of 0 to 1 over about a pixel. The shapes are given in units of half an image, so a face is the same at any
side and in grey, which is the luma of its colours.

Who and what leaves which trace:

- expression: a smile bends and widens the mouth, opens it over the teeth, and narrows the eyes, now more and now less;
  a neutral mouth is not quite straight either;
- gender: length of the hair, height of the hairline, brows, jaw, lips, lashes, nose, stubble. Each of them overlaps:
  there are women with short hair, and men with long;
- identity: all of those, and width and height of the head, place and size of the eyes, tones of skin, hair and eyes,
  glasses;
- an image: shift, size and tilt of the head, what is behind it and what it wears, a gradient and gain of the light;
- every pixel carries sensor noise.
"""

from types import MappingProxyType

import numpy as np

from hybrid_jax.data.face_drawing import Traits, draw
from hybrid_jax.data.images import Images
from hybrid_jax.data.lfw_lists import GENDERS
from hybrid_jax.data.people import make_images, split_people
from hybrid_jax.errors import UserError

EXPRESSIONS = ("neutral", "smiling")
FEWEST_PEOPLE = 14  # of whom `split_people` gives each split a woman and a man, as of any more
SMALLEST = 20  # pixels a side, in which a smile can be seen
NOISE = 0.02  # standard deviation of the sensor noise, of a full range of 1
CHUNK = 16  # images that are drawn at once: what a processor's cache holds

# Of a person: mean of women, mean of men, standard deviation; lengths in half images, v counts downwards.
TRAITS = {
    "head_width": (0.455, 0.480, 0.028),
    "head_height": (0.640, 0.655, 0.030),
    "taper": (0.42, 0.24, 0.09),  # of the jaw: how much narrower the chin is
    "hair_length": (0.72, -0.02, 0.13),  # where it ends
    "hair_width": (0.13, 0.07, 0.035),  # beside the head
    "hairline": (-0.36, -0.43, 0.06),
    "temples": (1.1, 0.6, 0.3),  # how far hair comes down the sides of the forehead
    "parting": (0.0, 0.0, 0.08),
    "eye_distance": (0.195, 0.195, 0.018),
    "eye_height": (-0.07, -0.07, 0.025),
    "eye_size": (0.092, 0.084, 0.007),
    "lashes": (0.020, 0.011, 0.005),
    "brow_gap": (0.145, 0.122, 0.018),
    "brow_thickness": (0.017, 0.030, 0.006),
    "brow_tilt": (-0.08, -0.02, 0.09),
    "nose_length": (0.235, 0.262, 0.028),
    "nose_width": (0.072, 0.088, 0.012),
    "mouth_height": (0.345, 0.355, 0.018),
    "mouth_width": (0.165, 0.175, 0.016),
    "lips": (0.048, 0.034, 0.009),
    "mouth_bend": (0.010, 0.010, 0.009),  # of a face at rest
    "stubble": (-0.25, 0.25, 0.25),  # none below 0
}
LONG_HAIR = (0.80, 0.10)  # share of women and of men who have women's mean length
GLASSES = 0.2  # share of people
# Tones from 0 to 1, as red, green and blue.
SKIN = ((0.0, 0.97, 0.83, 0.74), (0.5, 0.82, 0.62, 0.48), (1.0, 0.42, 0.28, 0.21))
HAIR = (
    (0.0, 0.07, 0.05, 0.05),
    (0.4, 0.36, 0.22, 0.13),
    (0.75, 0.86, 0.70, 0.42),
    (1.0, 0.8, 0.8, 0.8),
)
IRIS = ((0.0, 0.20, 0.12, 0.08), (0.6, 0.40, 0.34, 0.20), (1.0, 0.35, 0.50, 0.62))


def load(
    *,
    num_people: int = 60,
    images_per_person: int = 8,
    side: int = 64,
    channels: int = 1,
    seed: int = 0,
) -> Images:
    """Drawn images of as many women as men, neutral and smiling in turn; nobody is in two splits.

    More people or images leave those that there are as they were, but for who is in which split.

    Args:
        num_people: even, at least 14.
        images_per_person: at least 2.
        side: of an image, in pixels, at least 20.
        channels: 1 for grey, 3 for RGB.
        seed: decides everything that is random.

    Returns:
        Images whose columns are gender, expression and identity; people are called by their number, from 1.

    Raises:
        errors.UserError: a size outside its range.
    """
    if num_people < FEWEST_PEOPLE or num_people % 2:
        raise UserError(
            f"num_people {num_people}: must be even and at least {FEWEST_PEOPLE}, "
            "for a woman and a man in each split"
        )
    if images_per_person < 2:
        raise UserError(
            f"images_per_person {images_per_person}: must be 2 or more, neutral and smiling"
        )
    if side < SMALLEST:
        raise UserError(f"side {side}: must be {SMALLEST} pixels or more")
    if channels not in (1, 3):
        raise UserError(f"channels {channels}: an image has 1 (grey) or 3 (red, green, blue)")
    if seed < 0:
        raise UserError(f"data seed {seed}: must be 0 or more")
    people = draw_people(num_people, seed)
    who = np.repeat(np.arange(num_people), images_per_person)
    views = draw_views(num_people, images_per_person, seed)
    images = np.empty((len(who), side, side, channels), np.uint8)
    for at in range(0, len(who), CHUNK):
        here = slice(at, at + CHUNK)
        face = {name: trait[who[here]] for name, trait in people.items()}
        light = draw(face | {name: v[here] for name, v in views.items()}, side, channels)
        for number, image in enumerate(light, at):
            rng = np.random.default_rng([seed, 10, *divmod(number, images_per_person)])
            image += NOISE * rng.standard_normal(image.shape, np.float32)
        images[here] = np.rint(255 * np.clip(light, 0, 1))
    gender, digits = people["gender"][who], len(str(num_people))
    return make_images(
        images,
        people=[f"{number + 1:0{digits}d}" for number in who],
        labels={"gender": gender, "expression": views["expression"]},
        classes={"gender": GENDERS, "expression": EXPRESSIONS},
        dataset="simulated_faces",
        split_of=lambda counts, first: split_people(gender[first], counts, seed),
        least=2,
    )


def draw_people(num: int, seed: int) -> Traits:
    """Traits of `num` people, women and men in turn: each [num], or [num, 3] for a colour."""
    gender = np.arange(num) % 2
    rngs = [np.random.default_rng([seed, 8, person]) for person in range(num)]
    normal = np.stack([rng.standard_normal(len(TRAITS)) for rng in rngs]).clip(-2.2, 2.2)
    long, glasses, skin, hair, iris = np.stack([rng.uniform(size=5) for rng in rngs], axis=1)
    means = np.array([row[:2] for row in TRAITS.values()]).T
    which = np.repeat(gender[:, None], len(TRAITS), axis=1)
    which[:, list(TRAITS).index("hair_length")] = long > np.array(LONG_HAIR)[gender]
    values = np.take_along_axis(means, which, axis=0)
    values += np.array([row[2] for row in TRAITS.values()]) * normal
    return MappingProxyType({
        **dict(zip(TRAITS, values.T, strict=True)),
        "gender": gender,
        "glasses": (glasses < GLASSES).astype(float),
        "skin": _tone(SKIN, skin),
        # Dark skin goes with dark hair.
        "hair": _tone(HAIR, hair * (1 - 0.8 * skin)),
        "iris": _tone(IRIS, iris),
    })  # fmt: skip


def draw_views(num_people: int, images_per_person: int, seed: int) -> Traits:
    """How each image is taken, a person's one after another: each [N], or [N, 3] for a colour."""
    rngs = [
        np.random.default_rng([seed, 9, person, image])
        for person in range(num_people)
        for image in range(images_per_person)
    ]
    normal = np.stack([rng.standard_normal(9) for rng in rngs], axis=1).clip(-2.2, 2.2)
    uniform = np.stack([rng.uniform(size=(3, 3)) for rng in rngs], axis=1)
    expression = np.tile(np.arange(images_per_person) % 2, num_people)
    smile = np.where(expression, 1 + 0.22 * normal[0], 0.08 * normal[0])
    return MappingProxyType({
        "expression": expression,
        "smile": smile,
        "shift_x": 0.022 * normal[1],
        "shift_y": 0.022 * normal[2],
        "scale": 1.08 + 0.03 * normal[3],
        "angle": 0.035 * normal[4],
        "gain": 1 + 0.10 * normal[5],
        "gradient_x": 0.15 * normal[6],
        "gradient_y": 0.10 * normal[7],
        "turn": 0.02 * normal[8],
        "open": np.clip(smile, 0, None) * uniform[0, :, 0],
        "background": 0.25 + 0.55 * uniform[1, :, :1] + 0.15 * uniform[2],
        "clothes": 0.1 + 0.8 * uniform[1, :, 1:2] + 0.1 * uniform[2],
    })  # fmt: skip


def _tone(scale: tuple[tuple[float, ...], ...], tone: np.ndarray) -> np.ndarray:
    """Colours [N, 3] of tones [N] on a scale of (tone, red, green, blue)."""
    at, *colours = np.array(scale).T
    return np.stack([np.interp(tone, at, colour) for colour in colours], axis=1)
