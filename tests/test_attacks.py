"""Attackers: each finds a planted leak, none finds what is not there, and none beats a bound that is known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from hybrid_jax.attacks import ATTACKERS, Knowledge, attempt, axes
from hybrid_jax.embedding import embed
from hybrid_jax.errors import UserError
from hybrid_jax.metrics import balanced_accuracy
from hybrid_jax.models.dense import DenseStage, Heads
from hybrid_jax.phase import Budget
from hybrid_jax.stages import Network, Stage

DIM, CLASSES = 4, 3
BUDGET = Budget(30.0, 3e-3, "constant", 64, average=True)
NETWORK = Network(
    (
        Stage("device", DenseStage(DIM, flatten=True)),
        Stage("upper", DenseStage(32)),
        Stage("middle", DenseStage(16)),
        Stage("output", Heads((("activity", 4),))),
    )
)
EMBEDDING = embed(NETWORK, "device", "simple", input_shape=(2, 3))
VARIABLES = EMBEDDING.bind(NETWORK.init(jax.random.key(0), np.zeros((1, 2, 3), np.float32)))


def draw(seed, n, leak, classes=CLASSES):
    """Features that are noise but for `leak` times a class's own direction, and labels."""
    generator = np.random.default_rng(seed)
    labels = generator.integers(0, classes, n)
    features = generator.normal(size=(n, DIM))
    features[np.arange(n), labels] += leak
    return features.astype(np.float32), labels


def knowledge(noise_std=0.0, classes=CLASSES, leak=5.0, **more):
    settings = {"embedding": EMBEDDING, "variables": VARIABLES, "budget": BUDGET} | more
    validation = draw(1, 200, leak, classes)
    return Knowledge(noise_std, classes, validation, jax.random.key(2), **settings)


def tried(name, known, leak, fitted_on=600, tried_on=400):
    """Balanced accuracy of an attacker on uploads."""
    features, labels = draw(3, fitted_on, leak, known.num_classes)
    asked, truth = draw(4, tried_on, leak, known.num_classes)
    uploads = known.noisy(asked, "test")
    found = attempt.attempt(ATTACKERS[name], known, features, labels, uploads)
    assert found.shape == (tried_on, known.num_classes)
    np.testing.assert_allclose(found.sum(axis=1), 1, rtol=1e-5)
    return balanced_accuracy(found.argmax(axis=1), truth)


def test_transfer_needs_the_network():
    with pytest.raises(UserError, match="give Knowledge its embedding"):
        tried("transfer", knowledge(embedding=None), 5.0)


@pytest.mark.parametrize("name", ATTACKERS)
@pytest.mark.parametrize("noise_std", [0.0, 0.5])
def test_a_planted_leak_is_found(name, noise_std):
    assert tried(name, knowledge(noise_std), 5.0) > 0.9


@pytest.mark.parametrize("name", ATTACKERS)
def test_what_is_not_there_is_not_found(name):
    """Within four standard errors of a guess."""
    found = tried(name, knowledge(0.5, leak=0.0), 0.0)
    assert abs(found - 1 / CLASSES) < 4 * np.sqrt(2 / 9 / 400)


@pytest.mark.parametrize("name", ATTACKERS)
@pytest.mark.parametrize("noise_std", [0.5, 2.0])
def test_no_attack_beats_a_bound_that_is_known(name, noise_std):
    """Two Gaussian classes: the best guess is right with probability Phi(half their distance over the deviation)."""
    step = 2.0
    known = knowledge(noise_std, 2, leak=step)
    spread = np.sqrt(1 + noise_std**2)
    bound = norm.cdf(step * np.sqrt(2) / 2 / spread)
    found = tried(name, known, step, tried_on=4000)
    deviation = np.sqrt(bound * (1 - bound) / 4000)
    assert found < bound + 3 * deviation
    assert found > bound - 0.1


@pytest.mark.parametrize("name", ATTACKERS)
def test_the_same_key_gives_the_same_attack(name):
    features, labels = draw(3, 200, 2.0)
    uploads, _ = draw(4, 50, 2.0)
    found = [
        attempt.attempt(ATTACKERS[name], knowledge(0.3), features, labels, uploads)
        for _ in range(2)
    ]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("name", ATTACKERS)
def test_classes_weigh_alike_however_many_of_each_there_are(name):
    """One in ten is of class 0: the best guess under a uniform prior finds 84 % of it, under its own prior 45 %."""
    features, labels = draw(3, 3000, 1.5, 2)
    kept = (labels == 1) | (np.arange(3000) % 10 == 0)
    known = knowledge(0.3, 2, leak=1.5)
    asked, truth = draw(4, 2000, 1.5, 2)
    found = attempt.attempt(
        ATTACKERS[name], known, features[kept], labels[kept], known.noisy(asked, "test")
    )
    recalls = [np.mean(found.argmax(axis=1)[truth == k] == k) for k in range(2)]
    assert min(recalls) > 0.7


def test_freezing_more_stages_leaves_less_to_learn():
    """Stages that stay are those of the network, and what is frozen before the split is the device's anyway."""
    from hybrid_jax.attacks.transfer import cut_after

    split = EMBEDDING.split
    cuts = [cut_after(split, name) for name in ("through_split", "device", "upper", "middle")]
    assert cuts == [0, 0, 1, 2]
    with pytest.raises(UserError, match=r"unknown stage to freeze 'output'.*middle"):
        cut_after(split, "output")
    # The network's stage `upper` gives nothing: kept it hides all, and what is trained does not begin with it.
    variables = jax.tree.map(jnp.asarray, VARIABLES)
    variables["classifier"]["params"]["upper"] = jax.tree.map(
        jnp.zeros_like, variables["classifier"]["params"]["upper"]
    )
    found = {
        freeze: tried("transfer", knowledge(freeze=freeze, variables=variables), 5.0)
        for freeze in ("through_split", "upper", "middle")
    }
    assert found["through_split"] > 0.9
    assert found["upper"] == found["middle"] == pytest.approx(1 / CLASSES)
    assert tried("transfer", knowledge(freeze="middle"), 5.0) > 0.4


def test_of_wide_features_the_components_are_those_of_the_covariance():
    """Beyond `WIDE` they come from an approximation, the same each time."""
    generator = np.random.default_rng(0)
    scales = np.r_[np.linspace(30, 10, 40), np.full(axes.WIDE - 39, 0.1)]
    features = (generator.normal(size=(300, axes.WIDE + 1)) * scales).astype(np.float32)
    found = axes.principal(features)
    assert found.n_components_ == axes.COMPONENTS
    exact = np.linalg.svd(features - features.mean(axis=0), compute_uv=False)[: axes.COMPONENTS]
    np.testing.assert_allclose(found.singular_values_, exact, rtol=0.01)
    np.testing.assert_array_equal(axes.principal(features).components_, found.components_)


def asking(features, labels, make=ATTACKERS["logistic"], classes=CLASSES):
    return attempt.attempt(make, knowledge(0.3, classes), features, labels, features[:5])


def test_mistakes_are_named():
    features, labels = draw(3, 60, 2.0)
    with pytest.raises(UserError, match="class 1 of 3 is absent from the 60 samples"):
        asking(features, np.where(labels == 1, 0, labels))
    with pytest.raises(UserError, match="there is one class only"):
        asking(features, np.zeros_like(labels), classes=1)
    with pytest.raises(UserError, match="features are the same for all 60 samples"):
        asking(np.ones_like(features), labels)
    broken = features.copy()
    broken[7, 1] = np.nan
    with pytest.raises(UserError, match="features hold values that are not finite"):
        asking(broken, labels)


class Silent:
    """An attacker of one's own that answers with what it is told to."""

    answer = np.full((5, CLASSES), 1 / CLASSES)

    def __init__(self, known):
        pass

    def fit(self, features, labels):
        pass

    def predict_proba(self, uploads):
        return self.answer


def test_what_an_attacker_answers_is_checked(monkeypatch):
    features, labels = draw(3, 60, 2.0)
    np.testing.assert_array_equal(asking(features, labels, Silent), Silent.answer)
    for answer, message in (
        (np.ones((5, 2)), r"of shape \(5, 2\): it needs \(5, 3\)"),
        (np.full((5, 3), np.nan), "negative or not finite"),
        (np.full((5, 3), -1.0), "negative or not finite"),
        (np.full((5, 3), 0.5), "do not add up to 1 for each upload"),
    ):
        monkeypatch.setattr(Silent, "answer", answer)
        with pytest.raises(UserError, match=message):
            asking(features, labels, Silent)


@pytest.mark.parametrize("name", ATTACKERS)
def test_a_coordinate_that_never_changes_breaks_nothing(name):
    features, labels = draw(3, 200, 5.0)
    features[:, -1] = 7.0
    known = knowledge(0.0)
    known.validation[0][:, -1] = 7.0
    found = attempt.attempt(ATTACKERS[name], known, features, labels, features)
    assert np.isfinite(found).all()
    assert balanced_accuracy(found.argmax(axis=1), labels) > 0.9


def test_noise_is_of_the_width_that_is_known_and_anew_for_each_purpose():
    known = knowledge(0.7)
    zeros = np.zeros((4000, 5), np.float32)
    one, other = (known.noisy(zeros, purpose) for purpose in ("fit", "test"))
    assert one.dtype == np.float32
    assert one.std() == pytest.approx(0.7, rel=0.02)
    assert abs(np.corrcoef(one.ravel(), other.ravel())[0, 1]) < 0.02
    np.testing.assert_array_equal(one, known.noisy(zeros, "fit"))
    np.testing.assert_array_equal(knowledge(0.0).noisy(zeros, "fit"), zeros)


def test_several_uploads_add_their_logarithms():
    p = np.array([[0.6, 0.4], [0.3, 0.7], [0.9, 0.1], [1.0, 0.0]])
    runs = np.array([[0, 1], [2, 3]])
    found = attempt.combined(p, runs)
    product = np.array([[0.18, 0.28], [0.9, 0.1 * attempt.LEAST]])
    np.testing.assert_allclose(found, product / product.sum(axis=1, keepdims=True), rtol=1e-6)
    np.testing.assert_allclose(attempt.combined(p, np.arange(4)[:, None])[:3], p[:3], rtol=1e-6)


@pytest.mark.parametrize("noise_std", [0.0, 0.5])
def test_the_bayes_attacker_sums_likelihoods_of_wide_features_too(noise_std):
    """Against a loop in float64: with constant zeros for its noise, XLA:CPU gave whatever lay in memory."""
    rng, classes = np.random.default_rng(0), 40

    def held(n):
        labels = np.append(np.arange(classes), rng.integers(classes, size=n - classes))
        centres = np.random.default_rng(1).normal(size=(classes, 500))
        return (centres[labels] + rng.normal(size=(n, 500))).astype(np.float32), labels

    known = Knowledge(noise_std, classes, held(100), jax.random.key(0))
    (features, labels), (uploads, _) = held(300), held(200)
    attacker = ATTACKERS["bayes"](known)
    attacker.fit(features, labels)
    gallery, asked = (attacker._axes.transform(a).astype(float) for a in (features, uploads))
    squares = np.square(asked[:, None] - gallery).sum(axis=-1)
    exponents = -squares / (2 * attacker._widths[0] ** 2)
    exponents -= exponents.max(axis=1, keepdims=True)
    means = [np.exp(exponents[:, labels == k]).mean(axis=1) for k in range(classes)]
    expected = np.stack(means, axis=1) / np.sum(means, axis=0)[:, None]
    np.testing.assert_allclose(attacker.predict_proba(uploads), expected, atol=1e-3)
