"""What every test runs under: the strict JAX, on the CPU, with a cache folder of its own."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

# By environment and before JAX is imported, so that it also holds in the processes which tests start.
os.environ.setdefault("JAX_PLATFORMS", "cpu")
os.environ["JAX_NUMPY_DTYPE_PROMOTION"] = "strict"
os.environ["JAX_NUMPY_RANK_PROMOTION"] = "raise"


def pytest_configure(config):
    """Keeps the user's cache folder out of the tests: one for the session, shared by its workers."""
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
