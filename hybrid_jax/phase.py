"""A phase of training that survives being killed: fit, validate, checkpoint, log."""

import math
import signal
import sys
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import optax

from hybrid_jax import hosts, mesh, optimizers, rng, train
from hybrid_jax.checkpoint import Checkpoints
from hybrid_jax.data.samples import VALIDATION
from hybrid_jax.errors import UserError
from hybrid_jax.metric_log import MetricLog
from hybrid_jax.progress import bar
from hybrid_jax.signals import between
from hybrid_jax.task import Task, TaskLoss, validate, validate_stream

CALLS_PER_EPOCH = 8  # stops in an epoch, each with a checkpoint: what a kill can lose


@dataclass(frozen=True)
class Budget:
    """How long and how fast a phase trains.

    Attributes:
        epochs: passes over the training samples, > 0; may be a fraction.
        learning_rate: initial step size, > 0.
        schedule: one of `optimizers.SCHEDULES`.
        batch_size: samples a step.
        average: whether the mean of the parameters over the steps is kept, instead of the last
            (`optimizers.averaged`).
        optimizer: one of `optimizers.OPTIMIZERS`.
        faster: stages that learn at a higher rate (`optimizers.FASTER`).
    """

    epochs: float
    learning_rate: float
    schedule: str
    batch_size: int
    average: bool = False
    optimizer: str = "adam"
    faster: tuple[str, ...] = ()

    def steps(self, size: int) -> tuple[int, int]:
        """Steps in all, and steps between two stops, for `size` training samples.

        Raises:
            errors.UserError: a batch is larger than that, or the devices cannot share it evenly.
        """
        if self.batch_size > size:
            raise UserError(f"batch_size {self.batch_size}: there are only {size} training samples")
        if self.batch_size % mesh.size():
            raise UserError(
                f"batch_size {self.batch_size}: {mesh.size()} devices share a batch; give a multiple of {mesh.size()}"
            )
        epoch = size // self.batch_size
        return max(1, round(self.epochs * epoch)), -(-epoch // CALLS_PER_EPOCH)

    def transformation(self, num_steps: int) -> optax.GradientTransformation:
        """What takes these steps."""
        return optimizers.OPTIMIZERS[self.optimizer](
            self.learning_rate,
            schedule=self.schedule,
            num_steps=num_steps,
            average=self.average,
            faster=self.faster,
        )


def run(
    name: str,
    task: Task,
    loss: TaskLoss,
    variables: Mapping[str, Any],
    budget: Budget,
    key: jax.Array,
    *,
    workdir: Path,
    contrastive_weight: float = 0.0,
    margin: float = 0.0,
) -> dict[str, Any]:
    """Trains `task` from `variables`, or from where a killed run of the same name stopped.

    Args:
        name: of the phase; its checkpoints lie in `checkpoints/<name>`, its lines in metrics.jsonl carry it.
        task: network and data.
        loss: what to minimise.
        variables: where to start.
        budget: steps and learning rate.
        key: the run's root key; the phase branches off by its name.
        workdir: the work folder.
        contrastive_weight: handed to the loss.
        margin: handed to the loss.

    Raises:
        errors.UserError: the loss is no longer finite, a batch is larger than the training set, or there is no pair to
            validate a loss of pairs on.

    Returns:
        The variables with the best validation score: accuracy - contrastive_weight * contrastive loss. It is the
        objective with the error rate for the cross-entropy, which rises again long before accuracy falls; accuracy
        alone would favour early steps of Siamese fine-tuning, before the features have drawn together. With
        `task.refit`, those of the last step.
    """
    train_indices = jnp.asarray(task.train_indices)
    validation = jnp.asarray(task.samples.indices(VALIDATION))
    if not loss.in_whole_pairs(len(validation)):
        raise UserError(
            f"{name}: validation samples: {len(validation)}; pairs to validate its loss on need two or more"
        )
    # Validation samples lie recording by recording; pairs need batches in which classes mix.
    validation = jax.random.permutation(jax.random.key(0), validation)
    num_steps, steps_per_call = budget.steps(len(train_indices))
    optimizer = budget.transformation(num_steps)
    state = train.begin(variables, optimizer)
    data = task.device_data(contrastive_weight, margin)

    checkpoints = Checkpoints(workdir / "checkpoints" / name)
    if (step := checkpoints.last_step()) is not None:
        state = jax.tree.map(jnp.asarray, checkpoints.last(state))
    # Of a phase that is done nothing is written: a sweep's points read it side by side.
    log = MetricLog(workdir, name, step or 0) if step != num_steps else None
    how = {"optimizer": optimizer, "num_steps": num_steps, "steps_per_call": steps_per_call}
    own_key, stream = rng.named(key, name), None
    if task.workers is None:
        steps = train.fit(
            loss, state, data, train_indices, own_key, batch_size=budget.batch_size, **how
        )
        check = partial(validate, loss, data=data, indices=validation)
    else:
        stream = task.stream(budget.batch_size)
        steps = train.fit_stream(loss, state, data, stream, own_key, **how)
        check = partial(validate_stream, loss, data=data, load=task.load, indices=validation)
    # SIGTERM waits for the checkpoint of the call that it falls in. Of several processes all end when one was told to.
    rounds = between(signal.SIGTERM, steps, hosts.anywhere)
    with bar(f"train {name}", num_steps) as advance, closing(steps), closing(rounds):
        advance(step or 0)
        for state, terms in rounds:
            step = int(state.step)
            if not math.isfinite(terms["loss"]):
                raise UserError(
                    f"{name} diverged: its loss is {float(terms['loss'])} at step {step}; "
                    "lower the learning rate or the contrastive weight"
                )
            score = None
            if step == num_steps or step % (steps_per_call * CALLS_PER_EPOCH) == 0:
                batch_size = min(budget.batch_size, loss.in_whole_pairs(len(validation)))
                measured = check(state.variables, batch_size=batch_size)
                terms |= {f"validation_{term}": value for term, value in measured.items()}
                score = float(
                    measured["accuracy"] - contrastive_weight * measured.get("contrastive", 0.0)
                )
            assert log is not None  # there are rounds, so the phase is not done
            log.write(step, terms)
            if step == num_steps:
                log.close()  # before the checkpoint that says that all is done
            checkpoints.save(step, state, score)
            advance(step)
    if stream is not None and stream.seconds and hosts.is_first():
        print(f"{name}: {stream.told()}", file=sys.stderr, flush=True)
    best = checkpoints.last(state) if task.refit else checkpoints.best(state)
    checkpoints.close()
    return best.variables
