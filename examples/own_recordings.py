"""Writes data as one has it: recordings/ with a CSV each and index.csv, and the same cut, as windows.npz.

python own_recordings.py
"""

import csv
from pathlib import Path

import numpy as np

RATE, SECONDS, PEOPLE, WINDOW, STEP = 20, 30, 8, 40, 5
GESTURES = {"wave": 1.2, "knock": 2.6, "circle": 0.7}  # turns of the hand a second


def recorded(generator, gesture, left, person):
    """Acceleration in three axes [time, 3]: the gesture, the hand, the person's way, noise."""
    time = np.arange(RATE * SECONDS) / RATE
    phase = 2 * np.pi * GESTURES[gesture] * (1 + 0.02 * (person % 4)) * time
    x = np.sin(phase + generator.uniform(0, 6.3))
    y = 0.5 * np.cos(2 * phase if gesture == "knock" else phase) + 0.1 * person
    z = (0.4 if left else -0.4) + 0.3 * np.sin(phase)
    return np.stack([x, y, z], axis=1) + generator.normal(0, 0.8, (len(time), 3))


generator, index, cut = np.random.default_rng(0), [], []
Path("recordings").mkdir(exist_ok=True)
for person in range(PEOPLE):
    for gesture in GESTURES:
        about = gesture, "left" if person % 2 else "right", f"p{person}"
        rows, name = recorded(generator, gesture, person % 2, person), f"{person}_{gesture}.csv"
        np.savetxt(f"recordings/{name}", rows, "%.4f", ",", header="x,y,z", comments="")
        index.append((name, *about))
        for start in range(0, len(rows) - WINDOW + 1, STEP):
            cut.append((rows[start : start + WINDOW].T, *about, name, start))
with open("recordings/index.csv", "w", newline="") as file:
    csv.writer(file).writerows([("file", "gesture", "hand", "subject"), *index])
columns = "inputs", "gesture", "hand", "subject", "recording", "start"
np.savez("windows.npz", **dict(zip(columns, map(np.array, zip(*cut, strict=True)), strict=True)))
