"""Whether the attacks of a config can be tried on its data: found before training, not after it."""

import numpy as np

from hybrid_jax.attacks import CHOOSERS
from hybrid_jax.embedded import DividedTask
from hybrid_jax.errors import UserError
from hybrid_jax.evaluators.scenario import scenarios
from hybrid_jax.evaluators.settings import Settings


def check(of: DividedTask, settings: Settings) -> None:
    """Finds before training what attackers would say after it.

    Raises:
        errors.UserError: a target of which those who are asked about have one class, or of which an attacker would see
            no sample of a class, or have nothing to choose its settings by.
    """
    name = of.task.samples.dataset
    for scenario in scenarios(of, settings):
        for fold in scenario.folds:
            at = f"{name}: attacks on {scenario.target} with {scenario.attacker_data} data"
            known = of.classes(scenario.target, {scenario.split, *(part for part, _ in fold.fit)})
            held = [of.labels(scenario.target, part)[rows] for part, rows in fold.fit]
            names = of.task.samples.classes.get(scenario.target, ())
            if len(known) < 2:
                raise UserError(
                    f"{at}: all samples are of one class, so there is nothing to tell apart"
                )
            if (absent := np.setdiff1d(known, np.concatenate(held))).size:
                which = names[absent[0]] if len(names) > absent[0] else absent[0]
                raise UserError(
                    f"{at}: of class {which} there is no sample among the {sum(map(len, held))} to learn from: give it"
                    " more, or raise config.attack.max_windows"
                )
            if not fold.choose and (needy := [a for a in scenario.attackers if a in CHOOSERS]):
                alone = {scenario.target: ("knn",)}
                raise UserError(
                    f"{at}: too few samples of each person or recording to leave some by which {needy[0]} could choose"
                    f" its settings: give more, or set config.attack.only = {alone}"
                )
