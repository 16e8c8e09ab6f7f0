"""What every test runs under: the strict JAX, on the CPU, with a cache folder of its own."""

import os
import shutil
import tempfile
from pathlib import Path

os.environ.setdefault("JAX_PLATFORMS", "cpu")  # before JAX; also for the processes tests start

import jax
import optax
import pytest

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
    if "HYBRID_JAX_CACHE" not in os.environ:
        os.environ["HYBRID_JAX_CACHE"] = tempfile.mkdtemp(prefix="hybrid-jax-tests-")
        config.add_cleanup(_remove_cache)


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
