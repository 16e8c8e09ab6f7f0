"""Figures of faces: reconstructions row by row, and people too many for colours."""

import numpy as np
from matplotlib import image

from hybrid_jax import figures
from hybrid_jax.experiment import rebuilt
from hybrid_jax.figures.feature_space import MOST_NAMES, OTHERS, few


def test_a_grid_shows_every_method_s_images(tmp_path):
    rng = np.random.default_rng(0)
    rows = {name: rng.uniform(size=(3, 16, 16, 1)) for name in ("original", "simple", "advanced")}
    path = figures.reconstruction(tmp_path / "r.png", "block_4", rows)
    small = image.imread(path).shape
    more = rows | {"reduced": np.zeros((3, 16, 16, 1)), "noisy": np.ones((3, 16, 16, 1))}
    taller = image.imread(figures.reconstruction(tmp_path / "m.png", "block_4", more)).shape
    assert taller[0] > small[0] and taller[1] == small[1]
    colour = {name: np.repeat(images, 3, axis=3) for name, images in rows.items()}
    assert figures.reconstruction(tmp_path / "c.png", "conv5_3", colour).exists()
    assert figures.reconstruction(tmp_path / "none.png", "block_4", {}) is None


def test_rows_are_the_methods_in_order_at_their_strongest_noise(tmp_path):
    def left(method, **arrays):
        folder = tmp_path / "block_4" / method
        folder.mkdir(parents=True)
        np.savez(folder / rebuilt.FILE, originals=np.zeros(2), **arrays)

    left(
        "advanced",
        **{"rebuilt-0": np.ones(2), "rebuilt-0.5": np.full(2, 5), "rebuilt-0.06": np.full(2, 6)},
    )
    left("simple", **{"rebuilt-0": np.full(2, 2)})
    (tmp_path / "block_4" / "reduced").mkdir()  # measured, but not rebuilt
    rows = rebuilt.read(tmp_path)["block_4"]
    assert list(rows) == ["original", "simple", "advanced"]
    assert [rows[name][0] for name in rows] == [0, 2, 5]


def test_of_many_names_the_most_frequent_keep_theirs():
    names = np.repeat([f"p{i:02d}" for i in range(20)], np.arange(20, 0, -1))
    kept = few(names)
    assert len(np.unique(kept)) == MOST_NAMES
    assert set(kept) == {OTHERS, *(f"p{i:02d}" for i in range(MOST_NAMES - 1))}
    np.testing.assert_array_equal(kept[kept != OTHERS], names[kept != OTHERS])
    some = np.array(["a", "b", "a"])
    assert few(some) is some
