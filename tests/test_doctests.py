"""The examples in docstrings say what is so."""

import doctest
import importlib

import pytest
from test_layers import module_name, sources

WITH_EXAMPLES = [
    module_name(path)
    for path in sources("hybrid_jax", "export", "configs")
    if ">>> " in path.read_text()
]


@pytest.mark.parametrize("name", WITH_EXAMPLES)
def test_examples(name):
    found = doctest.testmod(importlib.import_module(name))
    assert found.attempted and not found.failed
