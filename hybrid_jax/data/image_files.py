"""Folders and zips of images, one folder a person or a class, decoded to one size."""

import hashlib
import io
import sys
import zipfile
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.progress import track

from hybrid_jax.errors import UserError

ENDINGS = (".jpg", ".jpeg", ".png")
MODES = {1: "L", 3: "RGB"}
MOST_BAD = 0.01  # share of images that may be unreadable; more is a damaged set


class ImageFiles:
    """Images where the user has them.

    Args:
        path: a zip, or a folder at any depth of which they lie.

    Attributes:
        names: `folder/file` of each, sorted: its last folder and its own name.

    Raises:
        errors.UserError: nothing there, no image in it, two images of one name, or not a whole zip.
    """

    def __init__(self, path: str | Path):
        self.root = Path(path).expanduser()
        self._zip = None
        if self.root.is_dir():
            members = [str(p.relative_to(self.root)) for p in sorted(self.root.rglob("*"))]
        elif self.root.is_file():
            try:
                self._zip = zipfile.ZipFile(self.root)
            except (zipfile.BadZipFile, OSError) as error:
                raise UserError(
                    f"{self.root}: not a whole zip file ({error}); get it again"
                ) from None
            members = self._zip.namelist()
        else:
            raise UserError(f"{self.root} does not exist: name a folder of images, or a zip of one")
        self._members: dict[str, str] = {}
        for member in members:
            *folders, file = Path(member).parts
            if not folders or Path(file).suffix.lower() not in ENDINGS or file.startswith("."):
                continue
            name = f"{folders[-1]}/{file}"
            if name in self._members:
                raise UserError(
                    f"{self.root}: {self._members[name]} and {member} are both called {name}: keep one"
                )
            self._members[name] = member
        if not self._members:
            raise UserError(f"{self.root} holds no folders with images ({', '.join(ENDINGS)})")
        self.names = sorted(self._members)

    def label(self, name: str) -> str:
        """How errors name an image's file."""
        return f"{self.root}{':' if self._zip else '/'}{self._members[name]}"

    def read(self, name: str) -> bytes:
        """Contents of an image's file.

        Raises:
            OSError, zipfile.BadZipFile, zlib.error: it cannot be read.
        """
        if self._zip is None:
            return (self.root / self._members[name]).read_bytes()
        try:
            return self._zip.read(self._members[name])
        except RuntimeError as error:  # encrypted, or packed in a way that is unknown here
            raise OSError(str(error)) from None

    def digest(self, *others: Path) -> str:
        """Names the contents, and those of other files: equal for a zip and its extracted folder, wherever they lie."""
        hasher = hashlib.sha256()
        for path in others:
            hasher.update(path.read_bytes() if path.is_file() else b"")
        for name in self.names:
            hasher.update(f"{name} {self._checksum(name):08x}\n".encode())
        return hasher.hexdigest()[:16]

    def listing(self) -> str:
        """Names the files by their names and sizes: quicker than `digest`."""
        hasher = hashlib.sha256()
        for name in self.names:
            hasher.update(f"{name} {self._size(name)}\n".encode())
        return hasher.hexdigest()[:16]

    def _size(self, name: str) -> int:
        member = self._members[name]
        if self._zip:
            return self._zip.getinfo(member).file_size
        try:
            return (self.root / member).stat().st_size
        except OSError:
            return -1  # `decode` reports it

    def _checksum(self, name: str) -> int:
        if self._zip:
            return self._zip.getinfo(self._members[name]).CRC
        try:
            return zlib.crc32(self.read(name))
        except OSError:
            return 0  # `decode` reports it


@dataclass(frozen=True)
class Decoding:
    """What is made of every image.

    Attributes:
        side: of the square that comes out, in pixels.
        channels: 1 for grey, 3 for RGB.
        crop: side of the central square that is kept of larger images; 0 keeps all of it.
    """

    side: int
    channels: int
    crop: int = 0

    def __post_init__(self):
        if self.channels not in MODES:
            raise UserError(
                f"channels {self.channels}: an image has 1 (grey) or 3 (red, green, blue)"
            )
        if self.side < 1:
            raise UserError(f"side {self.side}: an image has at least 1 pixel a side")

    def __call__(self, contents: bytes) -> np.ndarray:
        """The image in a file's contents, uint8 [side, side, channels].

        Raises:
            OSError: the contents are no whole image.
        """
        from PIL import Image

        try:
            image = Image.open(io.BytesIO(contents)).convert(MODES[self.channels])
        except Image.DecompressionBombError as error:  # a small file of a huge image
            raise OSError(str(error)) from None
        if self.crop and min(image.size) > self.crop:
            left, top = ((side - self.crop) // 2 for side in image.size)
            image = image.crop((left, top, left + self.crop, top + self.crop))
        if image.size != (self.side, self.side):
            image = image.resize((self.side, self.side), Image.Resampling.BILINEAR)
        return np.asarray(image).reshape(self.side, self.side, self.channels)


def decode(
    files: ImageFiles, names: Iterable[str], decoding: Decoding
) -> tuple[np.ndarray, Sequence[str]]:
    """Images by name, with a progress bar on a terminal; those that cannot be read are reported and left out.

    Returns:
        uint8 [N, side, side, channels], and the N names that could be read.

    Raises:
        errors.UserError: more than `MOST_BAD` of them cannot be read; names the first.
    """
    names, console = list(names), Console(stderr=True)
    images, kept, bad = [], [], []
    for name in track(
        names, "images", console=console, transient=True, disable=not console.is_terminal
    ):
        try:
            images.append(decoding(files.read(name)))
            kept.append(name)
        except (OSError, ValueError, SyntaxError, zipfile.BadZipFile, zlib.error) as error:
            bad.append(f"{files.label(name)}: {error}")
    if bad and len(bad) > MOST_BAD * len(names):
        raise UserError(
            f"{len(bad)} of {len(names)} images cannot be read, the first is {bad[0]}: get the set again"
        )
    if bad:
        print(
            f"{len(bad)} of {len(names)} images cannot be read and are left out: {'; '.join(bad)}",
            file=sys.stderr,
        )
    return np.stack(images), kept
