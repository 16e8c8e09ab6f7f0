"""Files tried on another data set than the run's own: of the same shape and classes, and told in the manifest."""

from dataclasses import replace

import export_workdir
import numpy as np
import pytest
from export_workdir import LAYER

from export import __main__, command, datasets, description, source
from hybrid_jax.errors import UserError


@pytest.fixture(scope="module")
def advanced(tmp_path_factory):
    place = tmp_path_factory.mktemp("workdir")
    export_workdir.write(place)
    return source.load(place, "advanced", LAYER)


def test_another_set_has_the_shape_of_the_input():
    windows = {"name": "simulated", "window": 40, "seconds": datasets.SECONDS}
    assert datasets.settings("simulated", (12, 40)) == windows
    faces = {"name": "simulated_faces", "side": 48, "channels": 3}
    assert datasets.settings("simulated", (48, 48, 3)) == faces
    with pytest.raises(UserError, match=r"data set \(--data\) 'motionsens': did you mean 'motion"):
        datasets.settings("motionsens", (12, 50))


def test_files_are_tried_on_it_and_the_manifest_says_so(advanced, tmp_path):
    other = replace(advanced, data="simulated")
    # The run's own set is a smaller one: configs/activity.py:smoke.
    assert len(other.task.samples.indices(0)) > len(advanced.task.samples.indices(0))
    tried = other.tried(50)
    assert tried.shape == (50, 12, 50) and not np.array_equal(tried, advanced.tried(50))
    assert other.config.seed == advanced.config.seed
    told, own = (description.of(s, tmp_path) for s in (other, advanced))
    assert told == own and own["tried_on"] == "simulated"


def test_of_another_shape_or_other_classes_it_is_refused(advanced, monkeypatch, capsys, tmp_path):
    monkeypatch.setitem(advanced.about["classes"], "activity", ["dws", "ups", "wlk"])
    with pytest.raises(
        UserError, match=r"--data=simulated: has inputs .* classes dws, ups, wlk, j"
    ):
        _ = replace(advanced, data="simulated").task
    line = (f"--workdir={advanced.workdir}", "--method=advanced", f"--layer={LAYER}")
    out = tmp_path / "out"
    assert command.run("export", __main__.main, [*line, "--data=frll", f"--out={out}"]) == 2
    told = capsys.readouterr().err
    assert told.count("\n") == 1 and not out.exists()
