"""Prepared sets in the cache: they come back as they were, and are never half there."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from hybrid_jax.data import Images, Windows, prepared, simulated, simulated_faces
from hybrid_jax.errors import UserError

MADE = {
    Windows: simulated.load(num_subjects=2, trials_per_activity=2, seconds=4.0),
    Images: simulated_faces.load(num_people=14, images_per_person=2, side=20),
}
KINDS = pytest.mark.parametrize("kind", MADE)


@KINDS
def test_a_saved_set_comes_back(kind, tmp_path):
    made = MADE[kind]
    path = tmp_path / "new" / "set.npz"
    prepared.save(made, path)
    assert [p.name for p in path.parent.iterdir()] == ["set.npz"]
    back = prepared.load(kind, path)
    for field in dataclasses.fields(made):
        old, new = getattr(made, field.name), getattr(back, field.name)
        if field.name == "columns":
            assert old.keys() == new.keys()
            for name in old:
                np.testing.assert_array_equal(old[name], new[name])
                assert old[name].dtype == new[name].dtype
        elif isinstance(old, np.ndarray):
            np.testing.assert_array_equal(old, new)
            assert old.dtype == new.dtype
        else:
            assert old == new and type(old) is type(new)


def test_what_cannot_be_read_is_as_if_it_were_not_there(tmp_path, monkeypatch):
    path = tmp_path / "set.npz"
    assert prepared.load(Windows, path) is None
    prepared.save(MADE[Windows], path)
    whole = path.read_bytes()
    for damaged in (b"", b"not a zip", whole[: len(whole) // 2], whole[:-30]):
        path.write_bytes(damaged)
        assert prepared.load(Windows, path) is None
    path.write_bytes(whole)
    assert prepared.load(Windows, path) is not None
    monkeypatch.setattr(prepared, "FORMAT", prepared.FORMAT + 1)
    assert prepared.load(Windows, path) is None


def test_a_failed_save_leaves_what_was_there(tmp_path, monkeypatch):
    path = tmp_path / "set.npz"
    prepared.save(MADE[Windows], path)
    before = path.read_bytes()

    def full_disk(file, **arrays):
        file.write(b"half")
        raise OSError("disk full")

    monkeypatch.setattr(np, "savez", full_disk)
    with pytest.raises(OSError, match="disk full"):
        prepared.save(MADE[Images], path)
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


def test_a_set_is_made_once(tmp_path):
    calls = []

    def make():
        calls.append(1)
        return MADE[Images]

    for _ in range(2):
        found = prepared.prepared(Images, "faces", make, tmp_path)
        np.testing.assert_array_equal(found.images, MADE[Images].images)
    assert calls == [1]
    # Another kind's file is none of this kind's.
    assert prepared.load(Windows, next(tmp_path.iterdir())) is None


def test_a_cache_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write the prepared data .* set HYBRID_JAX_CACHE"):
        prepared.prepared(Images, "faces", lambda: MADE[Images], tmp_path / "file" / "below")


def test_where_the_cache_is(monkeypatch, tmp_path):
    monkeypatch.setenv("HYBRID_JAX_CACHE", str(tmp_path / "a"))
    assert prepared.default_cache() == tmp_path / "a"
    monkeypatch.delenv("HYBRID_JAX_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "b"))
    assert prepared.default_cache() == tmp_path / "b" / "hybrid-jax"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert prepared.default_cache() == Path.home() / ".cache" / "hybrid-jax"


def test_where_a_source_is(monkeypatch, tmp_path):
    (tmp_path / "lfw").mkdir()
    monkeypatch.setenv("HYBRID_JAX_DATA", str(tmp_path))
    assert prepared.source("LFW", "lfw", None, "name it") == tmp_path / "lfw"
    assert prepared.source("LFW", "lfw", "/elsewhere", "name it") == Path("/elsewhere")
    with pytest.raises(
        UserError, match="FRLL: set HYBRID_JAX_DATA to the folder above frll/, or name it"
    ):
        prepared.source("FRLL", "frll", None, "name it")
    monkeypatch.setenv("HYBRID_JAX_DATA", str(tmp_path / "typo"))
    with pytest.raises(UserError, match="typo: no such folder; it is the one above lfw/"):
        prepared.source("LFW", "lfw", None, "name it")
