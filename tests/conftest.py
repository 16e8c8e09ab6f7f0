"""What every test runs under: the strict JAX, on the CPU, with a cache folder of its own."""

import os
import shutil
import tempfile
import zipfile
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")  # before JAX; also for the processes tests start

import jax
import optax
import pytest
from motionsense_tree import write_tree

from hybrid_jax.data import motionsense_files as files

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")


def _with_standard_promotion(make):
    """Optax mixes floats and integer steps in its arithmetic, which strict promotion refuses."""

    def made(*args, **kwargs):
        transformation = make(*args, **kwargs)

        def update(*args, **kwargs):
            with jax.numpy_dtype_promotion("standard"):
                return transformation.update(*args, **kwargs)

        return optax.GradientTransformationExtraArgs(transformation.init, update)

    return made


optax.adam = _with_standard_promotion(optax.adam)


def pytest_configure(config):
    """Keeps the user's cache folder out: one for this session, which pytest's workers share."""
    if not hasattr(config, "workerinput"):
        os.environ["HYBRID_JAX_CACHE"] = tempfile.mkdtemp(prefix="hybrid-jax-tests-")
        config.add_cleanup(_remove_cache)
    # What is compiled is kept for the processes that tests start. One folder a worker: JAX writes files in place.
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    for name, value in {
        "jax_compilation_cache_dir": f"{os.environ['HYBRID_JAX_CACHE']}/compiled-{worker}",
        "jax_persistent_cache_min_compile_time_secs": 0.0,
        "jax_persistent_cache_min_entry_size_bytes": -1,
    }.items():
        os.environ[name.upper()] = str(value)
        jax.config.update(name, value)


def _remove_cache():
    shutil.rmtree(os.environ.pop("HYBRID_JAX_CACHE"), ignore_errors=True)


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder that holds motionsense/, lfw/, ...; the test is skipped where there is none."""
    root = os.environ.get("HYBRID_JAX_DATA")
    if not root:
        pytest.skip("needs real data: set HYBRID_JAX_DATA to the folder that holds motionsense/")
    if not Path(root).is_dir():
        pytest.fail(f"HYBRID_JAX_DATA={root!r} is not a folder")
    return Path(root)


@pytest.fixture(scope="module")
def tree(tmp_path_factory):
    """A whole set in the official layout, with 120 made-up rows a recording. Not to be changed."""
    return write_tree(tmp_path_factory.mktemp("motionsense"))


@pytest.fixture(scope="module")
def archive(tree, tmp_path_factory):
    """The folder that holds the same, zipped; as macOS makes them."""
    root = tmp_path_factory.mktemp("zipped")
    with zipfile.ZipFile(root / files.ARCHIVE, "w") as zipped:
        for path in sorted((tree / files.FOLDER).rglob("*.csv")):
            zipped.write(path, path.relative_to(tree))
        zipped.writestr(f"__MACOSX/{files.FOLDER}/dws_1/._sub_1.csv", "junk")
        zipped.writestr(f"{files.FOLDER}/sit_5/sub_1.csv", "nobody reads this")
    shutil.copy(tree / files.SUBJECTS_FILE, root)
    return root


@pytest.fixture
def damaged(tree, tmp_path):
    """A copy of the tree to damage."""
    return Path(shutil.copytree(tree, tmp_path / "damaged"))


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(autouse=True)
def no_environment(request, monkeypatch):
    if "data_root" not in request.fixturenames:
        monkeypatch.delenv("HYBRID_JAX_DATA", raising=False)
