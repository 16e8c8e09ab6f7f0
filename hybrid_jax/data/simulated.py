"""A gait simulator with MotionSense's schema: data to try everything on, without a download.

A phone sits in the front pocket of a walking subject, and what its motion sensors would read at
50 Hz follows from three smooth signals:

- the trunk's acceleration in the walking frame (forward, left, up), a sum of harmonics of the
  stride: the body is left-right symmetric, so forward and up repeat twice a stride (even harmonics
  dominate) and sideways once (odd ones do);
- the phone's attitude (roll, pitch, yaw): the pocket's tilt, plus the thigh's swing once a stride,
  plus a slowly turning heading;
- from both, by rigid-body kinematics: gravity and the user's acceleration turned into the phone's
  frame, and the rotation rate from the derivative of the attitude.

Who and what leaves which trace:

- activity: cadence, amplitude, the mix of harmonics, thigh swing. Effort and cadence wander within
  a recording and differ between trials, so dws, ups and wlk overlap, as they do for real people;
- gender: cadence (also through height), sideways sway and pelvic roll, the tilt of the pocket;
- subject: cadence for the height, gain and phase of every harmonic, tilt and yaw of the phone;
- every channel carries sensor noise.
"""

from collections.abc import Mapping
from types import MappingProxyType

import numpy as np

from hybrid_jax.data.samples import TEST, TRAIN, VALIDATION
from hybrid_jax.data.windows import Recording, Windows, make_windows
from hybrid_jax.errors import UserError

RATE = 50.0  # rows a second
ACTIVITIES = ("dws", "ups", "wlk", "jog")
GENDERS = ("female", "male")
HARMONICS = 4
TEST_TRIAL = 11  # as in MotionSense, trials above 10 are the test set

# Per activity, in the order of ACTIVITIES: strides a second, gain of the acceleration (g), swing
# of the thigh (rad), and how the gain is shared among the harmonics of the stride.
STRIDES = np.array([0.93, 0.84, 0.90, 1.28])
GAIN = np.array([0.34, 0.24, 0.28, 0.80])
SWING = np.array([0.28, 0.44, 0.36, 0.50])
FORWARD = np.array([
    [0.2, 0.7, 0.1, 0.5], [0.2, 0.9, 0.1, 0.1], [0.2, 0.9, 0.1, 0.3], [0.2, 0.8, 0.1, 0.4]
])  # fmt: skip
SIDEWAYS = np.array([
    [0.6, 0.1, 0.5, 0.1], [0.7, 0.1, 0.1, 0.1], [0.6, 0.1, 0.3, 0.1], [0.7, 0.1, 0.3, 0.1]
])  # fmt: skip
UP = np.array([
    [0.1, 1.0, 0.2, 0.8], [0.1, 0.9, 0.2, 0.2], [0.1, 1.0, 0.2, 0.4], [0.1, 1.4, 0.1, 0.4]
])  # fmt: skip
NOISE = np.repeat([0.01, 0.01, 0.08, 0.03], 3)  # rad, g, rad/s, g: attitude ... acceleration
"""Standard deviation of the sensor noise on each channel."""

Traits = Mapping[str, np.ndarray]


def load(
    *,
    num_subjects: int = 24,
    trials_per_activity: int = 3,
    seconds: float = 20.0,
    seed: int = 0,
    split_kind: str = "trial",
    window: int = 50,
    step: int = 10,
) -> Windows:
    """Simulated recordings, windowed: every subject does every activity in every trial.

    Args:
        num_subjects: even (half are women), at least 2; at least 6 for the subject split.
        trials_per_activity: 2 to 11; the last one is numbered 11, so it is the trial split's test.
        seconds: length of a recording.
        seed: decides everything that is random.
        split_kind: "trial" (the last trial is the test set) or "subject" (the last sixth of the
            subjects is, the sixth before it is the validation set; both hold as many women as men).

    Raises:
        UserError: a size outside its range.
    """
    held = 2 * max(1, round(num_subjects / 12))
    fewest = 6 if split_kind == "subject" else 2
    if num_subjects < fewest or num_subjects % 2:
        raise UserError(
            f"num_subjects {num_subjects}: must be even and at least {fewest} "
            f"for the {split_kind} split"
        )
    if not 2 <= trials_per_activity <= TEST_TRIAL:
        raise UserError(f"trials_per_activity {trials_per_activity}: must be 2 to {TEST_TRIAL}")
    if not 1 <= seconds <= 3600:
        raise UserError(f"seconds {seconds}: a recording lasts 1 to 3600 seconds")
    if seed < 0:
        raise UserError(f"data seed {seed}: must be 0 or more")

    def split_of(recording: Recording) -> int:
        if split_kind == "trial":
            return TEST if recording.trial == TEST_TRIAL else TRAIN
        from_last = num_subjects - recording.identity  # 1 for the last subject
        return TEST if from_last <= held else VALIDATION if from_last <= 2 * held else TRAIN

    return make_windows(
        simulate(num_subjects, trials_per_activity, seconds, seed),
        dataset="simulated",
        classes={
            "activity": ACTIVITIES,
            "gender": GENDERS,
            "identity": tuple(str(i + 1) for i in range(num_subjects)),
        },
        split_kind=split_kind,
        split_of=split_of,
        window=window,
        step=step,
    )


def simulate(
    num_subjects: int, trials_per_activity: int, seconds: float, seed: int
) -> list[Recording]:
    """All recordings, subjects outermost, then activities, then trials; each seconds * 50 rows."""
    rng = np.random.Generator(np.random.PCG64(seed))
    subjects = draw_subjects(rng, num_subjects)
    trials = [*range(1, trials_per_activity), TEST_TRIAL]
    who, what, trial = (
        axis.ravel()
        for axis in np.meshgrid(
            np.arange(num_subjects), np.arange(len(ACTIVITIES)), trials, indexing="ij"
        )
    )
    rows = sense(rng, {name: trait[who] for name, trait in subjects.items()}, what,
                 round(seconds * RATE))  # fmt: skip
    return [
        Recording(rows[n], int(what[n]), int(subjects["gender"][i]), int(i), int(trial[n]),
                  *(float(subjects[name][i]) for name in ("height", "weight", "age")))
        for n, i in enumerate(who)
    ]  # fmt: skip


def draw_subjects(rng: np.random.Generator, num: int) -> Traits:
    """Traits of `num` subjects, women and men in turn: each [num] or [num, ...]."""
    gender = np.arange(num) % 2
    male = gender.astype(float)
    height = 165 + 13 * male + rng.normal(0, 6, num)
    return MappingProxyType({
        "gender": gender,
        "height": height.round(),
        "weight": (22.5 * (height / 100) ** 2 + 3 * male + rng.normal(0, 6, num)).round(),
        "age": rng.integers(18, 47, num).astype(float),
        # A pendulum as long as the leg swings at a rate that goes with 1 / sqrt(height).
        "cadence": np.sqrt(171 / height) * (1.02 - 0.04 * male) * rng.normal(1, 0.03, num),
        "gain": rng.normal(1, 0.1, num),
        "sway": (1.45 - 0.8 * male) * rng.normal(1, 0.1, num),
        "harmonic_gain": rng.lognormal(0, 0.3, (num, 3, HARMONICS)),
        "harmonic_phase": rng.normal(0, 0.5, (num, 3, HARMONICS)),
        "swing_phase": rng.normal(0, 0.4, num),
        # Roll, pitch of the phone in the pocket, and its yaw against the walking direction.
        "tilt": np.stack([0.3 * (2 * male - 1), -1.1 + 0.2 * male, 0 * male], axis=-1)
        + rng.normal(0, [0.25, 0.22, 0.4], (num, 3)),
    })  # fmt: skip


def sense(
    rng: np.random.Generator, traits: Traits, activity: np.ndarray, num_rows: int
) -> np.ndarray:
    """Sensor readings float32 [N, num_rows, 12] of N recordings, in MotionSense's channel order.

    Attitude roll, pitch, yaw (rad); gravity x, y, z (g); rotation rate x, y, z (rad/s); user
    acceleration x, y, z (g).

    Args:
        traits: of the subject of each recording, [N] or [N, ...].
        activity: labels [N].
    """
    n = len(activity)
    effort = rng.normal(1, 0.07, (n, 1)) * (1 + 0.12 * wander(rng, n, num_rows, 3.0))
    strides = (STRIDES[activity] * traits["cadence"] * rng.normal(1, 0.02, n))[:, None]
    strides = strides * (1 + 0.05 * wander(rng, n, num_rows, 4.0))
    phase = rng.uniform(0, 2 * np.pi, (n, 1)) + 2 * np.pi * np.cumsum(strides, axis=1) / RATE

    shares = np.stack([FORWARD, SIDEWAYS, UP], axis=1)[activity] * traits["harmonic_gain"]
    shares *= rng.lognormal(0, 0.08, shares.shape)
    order = np.arange(1, HARMONICS + 1)
    # [N, 3, HARMONICS, T]
    waves = np.sin(order[:, None] * phase[:, None, None, :] + traits["harmonic_phase"][..., None])
    walking = np.einsum("nah,naht->nta", shares, waves)
    walking *= (GAIN[activity] * traits["gain"])[:, None, None] * effort[..., None]
    walking[..., 1] *= traits["sway"][:, None]

    heading = rng.uniform(-np.pi, np.pi, (n, 1)) + 0.6 * wander(rng, n, num_rows, 5.0)
    angle = phase + traits["swing_phase"][:, None]
    swing = SWING[activity][:, None] * effort * np.sin(angle)
    tilt = traits["tilt"] + rng.normal(0, 0.05, (n, 3))
    roll = tilt[:, :1] + 0.12 * traits["sway"][:, None] * effort * np.cos(angle)
    roll = roll + 0.05 * wander(rng, n, num_rows, 2.0)
    pitch = tilt[:, 1:2] + swing + 0.05 * wander(rng, n, num_rows, 2.0)
    pitch = np.clip(pitch, -1.5, 1.5)  # Euler angles: a pocketed phone never turns over
    yaw = heading + tilt[:, 2:] + 0.1 * traits["sway"][:, None] * np.sin(angle + 0.7)

    acceleration = to_phone(turn(walking, heading), roll, pitch, yaw)
    gravity = to_phone(np.broadcast_to([0.0, 0.0, -1.0], walking.shape), roll, pitch, yaw)
    droll, dpitch, dyaw = (np.gradient(a, 1 / RATE, axis=1) for a in (roll, pitch, yaw))
    # Rates of the angles to rates about the phone's axes, for the order yaw, pitch (x), roll (y).
    rotation = np.stack([
        dpitch * np.cos(roll) - dyaw * np.cos(pitch) * np.sin(roll),
        droll + dyaw * np.sin(pitch),
        dpitch * np.sin(roll) + dyaw * np.cos(pitch) * np.cos(roll),
    ], axis=-1)  # fmt: skip
    attitude = np.stack([roll, pitch, (yaw + np.pi) % (2 * np.pi) - np.pi], axis=-1)
    readings = np.concatenate([attitude, gravity, rotation, acceleration], axis=-1)
    return (readings + NOISE * rng.standard_normal(readings.shape)).astype(np.float32)


def turn(vectors: np.ndarray, yaw: np.ndarray) -> np.ndarray:
    """`vectors` [..., 3] turned by `yaw` [...] about the vertical: walking frame to world."""
    x, y, z = np.moveaxis(vectors, -1, 0)
    cos, sin = np.cos(yaw), np.sin(yaw)
    return np.stack([cos * x - sin * y, sin * x + cos * y, z], axis=-1)


def to_phone(
    vectors: np.ndarray, roll: np.ndarray, pitch: np.ndarray, yaw: np.ndarray
) -> np.ndarray:
    """World `vectors` [..., 3] as a phone at that attitude sees them: about z, x, y."""
    x, y, z = np.moveaxis(turn(vectors, -yaw), -1, 0)
    y, z = np.cos(pitch) * y + np.sin(pitch) * z, np.cos(pitch) * z - np.sin(pitch) * y
    x, z = np.cos(roll) * x - np.sin(roll) * z, np.cos(roll) * z + np.sin(roll) * x
    return np.stack([x, y, z], axis=-1)


def wander(rng: np.random.Generator, n: int, num_rows: int, seconds: float) -> np.ndarray:
    """n smooth random signals [n, num_rows], mean 0, variance 1, that vary over `seconds`."""
    time = np.arange(num_rows) / RATE
    cycles = rng.uniform(0.3, 1.0, (n, 3, 1)) / seconds
    phases = rng.uniform(0, 2 * np.pi, (n, 3, 1))
    return np.sqrt(2 / 3) * np.sin(2 * np.pi * cycles * time + phases).sum(axis=1)
