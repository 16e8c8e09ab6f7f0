"""An embedding on disk gives what it gave in memory, bit for bit, and says all that export and audit need."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from hybrid_jax import embedding_files
from hybrid_jax.data import simulated
from hybrid_jax.data.samples import TEST, TRAIN, VALIDATION
from hybrid_jax.data.windows import gather
from hybrid_jax.embedded import LayerFeatures
from hybrid_jax.embedding import METHODS
from hybrid_jax.errors import UserError
from hybrid_jax.models import MODELS
from hybrid_jax.phase import Budget
from hybrid_jax.reduction import KINDS
from hybrid_jax.task import Task

MODEL = {"name": "mtcnn", "fc_2": 6}
LAYER, DIM = "fc_2", 4
OPERATING_NOISE = 0.37


@pytest.fixture(scope="module")
def layer_features():
    """Of an untrained network on a few simulated windows."""
    windows = simulated.load(num_subjects=2, trials_per_activity=2, seconds=4)
    network = MODELS["mtcnn"]({"activity": 4}, fc_2=MODEL["fc_2"])
    task = Task(network, windows, "activity")
    rng = np.random.default_rng(0)
    x = jax.ShapeDtypeStruct((1, *task.input_shape), jnp.float32)
    variables = jax.tree.map(
        lambda a: (rng.normal(size=a.shape) / np.sqrt(np.prod(a.shape[:-1]))).astype(np.float32),
        jax.eval_shape(network.init, jax.random.key(0), x),
    )
    return LayerFeatures.extract(task, LAYER, variables, 0.3, 10.0)


@pytest.fixture(scope="module")
def reductions(layer_features):
    budget = Budget(epochs=0.1, learning_rate=1e-2, schedule="cosine", batch_size=16)
    return {kind: layer_features.reduce(kind, DIM, jax.random.key(0), budget) for kind in KINDS}


@pytest.fixture
def embed(layer_features, reductions):
    def embed(method, kind="pca", clip_norm=None):
        reduction = reductions[kind] if METHODS[method].reduced else None
        return layer_features.embed(method, kind, reduction, jax.random.key(1), clip_norm)

    return embed


CASES = [(method, "pca", None) for method in METHODS] + [
    ("advanced", "autoencoder", None),
    ("advanced", "pca", 1.5),
    ("noisy", "pca", 1.5),
]


@pytest.mark.parametrize(("method", "kind", "clip_norm"), CASES)
def test_what_is_loaded_gives_the_same_outputs_bit_for_bit(
    tmp_path, embed, method, kind, clip_norm
):
    saved = embed(method, kind, clip_norm)
    noise = OPERATING_NOISE if METHODS[method].noisy else 0.0
    path = embedding_files.save(tmp_path, saved, MODEL, noise)
    embedding, variables, about = embedding_files.load(path)
    assert embedding == saved.embedding

    windows = saved.task.samples
    x = gather(windows.rows, windows.starts[:5], windows.window)
    at_noise = saved.variables | {"noise_std": jnp.float32(noise * saved.rms)}
    draws = jax.random.normal(jax.random.key(2), (5, about["reduced_dim"]))
    z = embedding.extractor(variables, x, draws)
    np.testing.assert_array_equal(z, saved.embedding.extractor(at_noise, x, draws))
    np.testing.assert_array_equal(
        embedding.classifier(variables, z), saved.embedding.classifier(at_noise, z)
    )
    assert (z != saved.embedding.extractor(saved.variables, x, draws)).any() == METHODS[
        method
    ].noisy


@pytest.mark.parametrize(("method", "kind", "clip_norm"), CASES)
def test_the_json_says_how_it_was_made(tmp_path, embed, method, kind, clip_norm):
    saved = embed(method, kind, clip_norm)
    path = embedding_files.save(tmp_path, saved, MODEL, OPERATING_NOISE)
    about, windows = json.loads((path / "embedding.json").read_text()), saved.task.samples
    reduced = METHODS[method].reduced
    assert about == {
        "schema": 1,
        "dataset": "simulated",
        "split_kind": "trial",
        "method": method,
        "layer": LAYER,
        "reduction": kind if reduced else "none",
        "reduced_dim": DIM if reduced else 6,
        "contrastive_weight": 0.3,
        "margin": 10.0,
        "primary": "activity",
        "classes": {name: list(names) for name, names in windows.classes.items()},
        "model": MODEL,
        "input_shape": [12, 50],
        "clip_norm": clip_norm,
        "rms": saved.rms,
        "operating_noise_relative": OPERATING_NOISE,
        "operating_noise_std": OPERATING_NOISE * saved.rms,
    }
    assert embedding_files.load(path)[2] == about


def test_the_folder_is_that_of_the_interface(tmp_path, embed):
    paths = [
        embedding_files.save(tmp_path, embed(*case), MODEL, 0.0)
        for case in (("advanced", "pca"), ("advanced", "autoencoder"), ("simple", "autoencoder"))
    ]
    assert [p.relative_to(tmp_path).as_posix() for p in paths] == [
        "embeddings/fc_2/advanced",
        "embeddings/fc_2/advanced-autoencoder",
        "embeddings/fc_2/simple",  # nothing is reduced
    ]
    for path in paths:
        assert sorted(p.name for p in path.iterdir()) == ["arrays.npz", "embedding.json"]


def test_the_arrays_are_the_parameters_the_reduction_and_the_normalisation(tmp_path, embed):
    saved = embed("advanced")
    path = embedding_files.save(tmp_path, saved, MODEL, 0.0)
    with np.load(path / "arrays.npz", allow_pickle=False) as arrays:
        names = set(arrays.files)
        assert arrays["extractor/params/conv_1/conv/kernel"].shape == (1, 5, 1, 50)
    roots = {"extractor", "classifier", "reduction", "normalisation", "noise_std"}
    assert {name.split("/")[0] for name in names} == roots
    _, variables, _ = embedding_files.load(path)
    windows = saved.task.samples
    np.testing.assert_array_equal(variables["normalisation"]["mean"], windows.mean)
    np.testing.assert_array_equal(variables["normalisation"]["std"], windows.std)
    for name in ("extractor", "classifier", "reduction"):
        jax.tree.map(np.testing.assert_array_equal, variables[name], saved.variables[name])


def test_rms_is_the_spread_of_the_training_features(embed):
    """Per coordinate, about their mean: the unit of noise_relative."""
    saved = embed("simple")
    z = np.float64(saved.z[TRAIN])
    squares = [(a - m) ** 2 for row in z for a, m in zip(row, z.mean(axis=0), strict=True)]
    assert saved.rms == pytest.approx(np.sqrt(np.mean(squares)), rel=1e-9)
    windows = saved.task.samples
    for split in (TRAIN, VALIDATION, TEST):
        assert len(saved.z[split]) == len(windows.indices(split)) > 0
        np.testing.assert_array_equal(
            saved.labels("gender", split), windows.columns["gender"][windows.split == split]
        )


def test_saving_again_replaces(tmp_path, embed):
    first = embedding_files.save(tmp_path, embed("advanced"), MODEL, 0.1)
    second = embedding_files.save(tmp_path, embed("advanced"), MODEL, 0.2)
    assert first == second
    assert embedding_files.load(first)[2]["operating_noise_relative"] == 0.2


@pytest.mark.parametrize("name", ["", "embeddings", "embeddings/fc_2", "embeddings/fc_2/simple"])
def test_a_folder_without_an_embedding_is_refused_with_where_one_is(tmp_path, embed, name):
    embedding_files.save(tmp_path, embed("advanced"), MODEL, 0.0)
    with pytest.raises(UserError, match=r"holds no embedding: it lies in WORKDIR/embeddings/"):
        embedding_files.load(tmp_path / name)


def test_a_save_killed_before_its_end_is_no_embedding(tmp_path, embed, monkeypatch):
    """embedding.json comes last."""

    def killed(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(embedding_files, "write_json", killed)
    with pytest.raises(KeyboardInterrupt):
        embedding_files.save(tmp_path, embed("advanced"), MODEL, 0.0)
    path = embedding_files.folder(tmp_path, LAYER, "advanced", "pca")
    assert path.is_dir()
    with pytest.raises(UserError, match="holds no embedding"):
        embedding_files.load(path)
