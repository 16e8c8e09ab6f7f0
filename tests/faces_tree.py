"""A small set of faces in LFW's official layout: blocks of colour that differ by person and by image."""

import numpy as np
from PIL import Image

SIDE = 250
PEOPLE = {
    "Ann_Lee": 6,
    "Bea_Ray": 1,
    "Cy_Oz": 7,
    "Dan_Wu": 2,
    "Eva_Ek": 5,
    "Flo_Io": 1,
    "Gus_Al": 5,
    "Hal_Bo": 1,
} | {f"{sex}_{number:02d}": 1 + number % 3 for sex in ("Mrs", "Mr") for number in range(10)}
WOMEN = (
    "Ann_Lee",
    "Bea_Ray",
    "Eva_Ek",
    "Flo_Io",
    *(name for name in PEOPLE if name.startswith("Mrs")),
)


def files_of(person):
    return [f"{person}_{number:04d}.jpg" for number in range(1, PEOPLE[person] + 1)]


def picture(person, number):
    """A centre of one grey in a frame of another."""
    pixels = np.full((SIDE, SIDE, 3), 10, np.uint8)
    pixels[20:-20, 20:-20] = 60 + (7 * list(PEOPLE).index(person) + 3 * number) % 150
    return Image.fromarray(pixels)


def write_faces(root):
    """The folder of images and the gender lists; two images are in neither list, one in both."""
    for person in PEOPLE:
        folder = root / "lfw-deepfunneled" / person
        folder.mkdir(parents=True)
        for number, file in enumerate(files_of(person)):
            picture(person, number).save(folder / file, quality=95)
    women = [file for person in WOMEN for file in files_of(person)]
    men = [file for person in PEOPLE if person not in WOMEN for file in files_of(person)]
    (root / "female_names.txt").write_text("\n".join(women[1:]) + "\n")
    (root / "male_names.txt").write_text("\r\n".join([*men[1:], women[-1], ""]))
    return root
