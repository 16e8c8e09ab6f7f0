"""Folders of images: what is in them, and what is made of those that cannot be read."""

import zipfile

import pytest
from PIL import Image

from hybrid_jax.data.image_files import Decoding, ImageFiles, decode
from hybrid_jax.errors import UserError


def test_one_bad_image_in_a_hundred_is_left_out_and_one_in_99_is_refused(tmp_path, capsys):
    (tmp_path / "a").mkdir()
    for number in range(100):
        Image.new("L", (4, 4), number).save(tmp_path / "a" / f"{number:03d}.png")
    (tmp_path / "a" / "007.png").write_bytes(b"no image")
    files, to_grey = ImageFiles(tmp_path), Decoding(4, 1)
    images, names = decode(files, files.names, to_grey)
    assert len(images) == len(names) == 99 and "a/007.png" not in names
    assert "1 of 100 images cannot be read and are left out" in capsys.readouterr().err
    with pytest.raises(UserError, match=r"1 of 99 images cannot be read, the first is .*007.png"):
        decode(files, files.names[:99], to_grey)


def test_a_listing_tells_sizes_in_a_folder_as_in_a_zip(tmp_path):
    (tmp_path / "set" / "a").mkdir(parents=True)
    image = tmp_path / "set" / "a" / "1.png"
    Image.new("L", (4, 4)).save(image)
    with zipfile.ZipFile(tmp_path / "set.zip", "w") as archive:
        archive.write(image, "a/1.png")
    listing = ImageFiles(tmp_path / "set").listing()
    assert ImageFiles(tmp_path / "set.zip").listing() == listing
    Image.new("L", (9, 9)).save(image)
    assert ImageFiles(tmp_path / "set").listing() != listing


def test_folders_without_images_and_two_of_one_name_are_refused(tmp_path):
    with pytest.raises(UserError, match="holds no folders with images"):
        ImageFiles(tmp_path)
    for folder in ("a/x", "b/x"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "1.png").touch()
    with pytest.raises(UserError, match=r"a/x/1.png and b/x/1.png are both called x/1.png"):
        ImageFiles(tmp_path)
