"""The peers of the privacy benchmark do the same work as what they are compared with."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks import privacy
from benchmarks.privacy_peers import Case

CASE = Case.simulated(samples=256, dim=8, classes=10, noise_std=0.5)
PAIRS = 1000  # several blocks, the last of them shorter
MODE_OF = {name: mode for mode, of_mode in privacy.MODES.items() for name in of_mode}


@pytest.fixture(scope="module")
def ours():
    """Rank / K of each query, by mode; of instances only the mean."""
    firsts = {mode: next(iter(of_mode.values())) for mode, of_mode in privacy.MODES.items()}
    return {mode: peer.run(CASE, PAIRS) for mode, peer in firsts.items()}


# What torch.compile imports is full of what PyTorch deprecates.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:torch")
@pytest.mark.parametrize(
    "name",
    [pytest.param(n, marks=[pytest.mark.slow] * n.endswith("compiled")) for n in privacy.PEERS],
)
def test_a_peer_finds_our_mean_rank(name, ours):
    peer = privacy.PEERS[name]
    if missing := peer.missing(CASE.asked):
        pytest.skip(missing)
    np.testing.assert_allclose(peer.run(CASE, PAIRS).mean(), ours[MODE_OF[name]].mean(), rtol=1e-6)


def test_the_ranks_are_neither_all_first_nor_at_chance(ours):
    assert 1 / 10 < ours["classes"].mean() < 0.4
    assert 1 / 256 < ours["instance"].mean() < 0.4


@pytest.mark.parametrize("name", [name for name, peer in privacy.PEERS.items() if peer.slow])
def test_fewer_queries_are_the_first_ones(name, ours):
    peer = privacy.PEERS[name]
    if missing := peer.missing(CASE.asked):
        pytest.skip(missing)
    found = peer.run(replace(CASE, asked=10), PAIRS)
    np.testing.assert_allclose(found, ours["classes"][:10], rtol=1e-6)


@pytest.mark.slow
def test_what_it_prints(monkeypatch, capsys):
    monkeypatch.setattr(privacy, "SCALING", (64, 128))
    arguments = ["privacy", "--samples=256", "--rounds=1", "--only=numpy"]
    for mode in ([], ["--scaling"], ["--memory"]):
        monkeypatch.setattr("sys.argv", [*arguments, *mode])
        privacy.main()
    printed = capsys.readouterr().out
    for expected in (
        "classes, N = 256:",
        "numpy ",
        "exponentials that XLA alone",
        "ours, N = 128: ",
        "numpy, N = 256: ",
    ):
        assert expected in printed
    assert "torch" not in printed and "instance" not in printed


def test_a_peer_that_is_not_installed_says_so(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    assert "it needs pykeops: pip install" in privacy.PEERS["keops"].missing(256)
