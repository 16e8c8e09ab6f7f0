"""The benchmark of the device's half compares files that compute the same."""

import numpy as np
import pytest

from benchmarks import device


@pytest.mark.slow
@pytest.mark.parametrize("name", device.CASES)
def test_ours_and_keras_are_one_network(name):
    rounds = device.peers(name, 1)
    ours, theirs = (next(own) for own in rounds.values())
    np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-4 * np.abs(ours).max())
    assert ours.std() > 0 and list(rounds) == [device.OURS, device.KERAS]
