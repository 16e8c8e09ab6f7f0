"""Attackers of the user's own: those that would fail after hours of training fail before it, by their names."""

import numpy as np
import pytest
from small_network import small_network

from configs import activity
from hybrid_jax import models
from hybrid_jax.attacks import ATTACKERS
from hybrid_jax.attacks.transfer import Transfer
from hybrid_jax.errors import UserError
from hybrid_jax.experiment import check, setup, trial


class Even:
    """Knows nothing: all classes alike."""

    def __init__(self, knowledge):
        self.classes = knowledge.num_classes

    def fit(self, features, labels):
        assert set(labels) == set(range(self.classes)) and np.isfinite(features).all()

    def predict_proba(self, uploads):
        return np.full((len(uploads), self.classes), 1 / self.classes)


class ByTheNetwork(Transfer):
    """Trains what the network has."""


class NoFit:
    """Forgot to learn."""

    def __init__(self, knowledge):
        pass


class Fails(Even):
    """Raises."""

    def fit(self, features, labels):
        raise RuntimeError("no licence")


class OneColumn(Even):
    """Gives probabilities of one class."""

    def predict_proba(self, uploads):
        return np.ones(len(uploads))


class NoNumber(Even):
    """Divided by zero."""

    def predict_proba(self, uploads):
        return super().predict_proba(uploads) * np.nan


WRONG = {
    "attacker 'mine': AttributeError: 'NoFit' object has no attribute 'fit'": NoFit,
    "attacker 'mine': RuntimeError: no licence (test_trial.py, line ": Fails,
    "attacker 'mine': the attacker gave probabilities of shape (8,): it needs (8, 2)": OneColumn,
    "attacker 'mine': the attacker gave probabilities that are negative or not finite": NoNumber,
    "attacker 'mine': TypeError: ": lambda: None,
}


@pytest.fixture(scope="module")
def task():
    with pytest.MonkeyPatch.context() as patched:
        patched.setitem(models.MODELS, "mtcnn", lambda tasks, **_: small_network(*tasks.values()))
        return setup.load_task(activity.get_config("smoke"))


def config(monkeypatch, make, name="mine"):
    monkeypatch.setitem(ATTACKERS, name, make)
    made = activity.get_config("smoke")
    made.attack.attackers, made.layers = ("logistic", name), ("fc_2",)
    return made


@pytest.mark.parametrize("message", WRONG)
def test_what_fails_is_named_before_training(message, monkeypatch, task):
    with pytest.raises(UserError) as caught:
        trial.attackers(config(monkeypatch, WRONG[message]), task)
    assert message in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("make", [Even, ByTheNetwork])
def test_what_works_is_let_through(make, monkeypatch, task):
    made = config(monkeypatch, make)
    made.sensitive = ("gender", "identity")
    trial.attackers(made, task)


def test_who_is_not_asked_is_not_tried(monkeypatch, task):
    made = config(monkeypatch, Fails)
    made.attack.only = {"gender": ("logistic",)}
    trial.attackers(made, task)
    made = config(monkeypatch, Fails)
    made.evaluators = ("accuracy",)
    trial.attackers(made, task)


def test_no_attacker_is_called_as_the_best_of_all(monkeypatch, task):
    with pytest.raises(UserError, match="attacker 'best': that is what results call the best"):
        trial.attackers(config(monkeypatch, Even, "best"), task)


def test_a_run_and_a_sweep_try_them(monkeypatch, task, tmp_path):
    made = config(monkeypatch, Fails)
    monkeypatch.setattr(setup, "load_task", lambda config: task)
    monkeypatch.setattr(check, "with_task", lambda config, task: None)
    for begin in (lambda: setup.training(made, tmp_path / "run"), lambda: setup.check_all([made])):
        with pytest.raises(UserError, match="attacker 'mine': RuntimeError: no licence"):
            begin()
    assert not (tmp_path / "run").exists()
