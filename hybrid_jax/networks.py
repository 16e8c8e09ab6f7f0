"""The trained networks of an experiment: pre-trained, then fine-tuned with and without the contrastive term."""

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jax

from hybrid_jax import frozen, phase, rng
from hybrid_jax.attacks.matcher import Matcher
from hybrid_jax.losses import Convention, Pairs
from hybrid_jax.phase import Budget
from hybrid_jax.stages import retargeted
from hybrid_jax.task import Task, TaskLoss


@dataclass(frozen=True)
class Training:
    """A task, and how its networks are trained: in phases that all lie in one work folder.

    Each method returns a network's variables, those with the best validation score (`phase.run`), and raises
    `errors.UserError` where training diverges. A phase that is there already is not trained again.

    Attributes:
        task: network and data.
        workdir: where the phases' checkpoints lie.
        key: root of all randomness; a phase branches off by its name.
        pretrain_budget: of the network from scratch.
        finetune_budget: of the baseline and of every Siamese network alike.
        matcher_budget: of what re-identifies people.
        convention: of the contrastive loss (`losses.contrastive`).
        pairs: which it is of (`losses.multi_objective`).
        start: pre-trained variables; `None`: fresh ones.
        complete: whether `start` is a whole network that others have trained for the primary task.
        frozen: the stage through which training leaves `start` as it is; "": none.
        shared: whether Siamese networks of several weights and margins lie there, each then in a folder of its own.
    """

    task: Task
    workdir: Path
    key: jax.Array
    pretrain_budget: Budget
    finetune_budget: Budget
    matcher_budget: Budget
    convention: Convention
    pairs: Pairs = "all"
    start: dict[str, Any] | None = None
    complete: bool = False
    frozen: str = ""
    shared: bool = False

    def pretrained(self) -> dict[str, Any]:
        """The network trained for the primary task: by others, or here from `start` or from scratch."""
        if self.complete and self.start is not None:
            return self.start
        start = self.start or self.task.init(rng.named(self.key, "init"))
        return self._run("pretrain", start, self.pretrain_budget, pairs="all")

    def simple(self, pretrained: dict[str, Any]) -> dict[str, Any]:
        """The baseline: fine-tuned with the schedule of the Siamese networks, without their term (reference, (i) 1)."""
        return self._run("simple", pretrained, self.finetune_budget)

    def siamese(
        self, pretrained: dict[str, Any], layer: str, weight: float, margin: float, name: str = ""
    ) -> dict[str, Any]:
        """Fine-tuned with the contrastive term on `layer`'s output (paper, section 3.2).

        Args:
            pretrained: where to start.
            layer: whose output the pairs are of.
            weight: of the contrastive term, >= 0.
            margin: in units of the feature, >= 0.
            name: of the phase, below `siamese/`; by default the layer.
        """
        # The phase keeps its name, which branches off its randomness: a network is the same one, shared or not.
        own = f"{layer}-weight-{weight!r}-margin-{margin!r}" if self.shared else ""
        return self._run(
            f"siamese/{name or layer}",
            pretrained,
            self.finetune_budget,
            layer=layer,
            workdir=self.workdir / own,
            contrastive_weight=weight,
            margin=margin,
        )

    def matcher(self) -> Matcher | None:
        """The same network trained to name people, on raw inputs; `None` where there is nothing to learn it from."""
        samples = self.task.samples.matched
        if samples is None:
            return None
        network = retargeted(self.task.network, len(samples.classes["identity"]))
        task = replace(self.task, network=network, samples=samples, primary="identity")
        start = task.init(rng.named(self.key, "init", "matcher"))
        if self.start is not None:
            *below, _ = network.layers
            kept = {
                n: {k: v for k, v in tree.items() if k in below} for n, tree in self.start.items()
            }
            start = frozen.whole(start, kept)
        loss, budget = TaskLoss(network, task.inputs), self.matcher_budget
        variables = phase.run("matcher", task, loss, start, budget, self.key, workdir=self.workdir)
        return Matcher(network, variables)

    @cached_property
    def _learning(self) -> Task:
        """What learns: above frozen stages, of which all phases begin with the same."""
        if not self.frozen:
            return self.task
        assert self.start is not None  # stages that never learn need weights: `experiment.check`
        features = frozen.features(self.task, self.frozen, self.start)
        return frozen.above(self.task, self.frozen, features)

    def _run(
        self,
        name: str,
        variables: dict[str, Any],
        budget: Budget,
        layer: str | None = None,
        pairs: Pairs | None = None,
        **more: Any,
    ) -> dict[str, Any]:
        task = self._learning
        kept: dict[str, Any] = {}
        if self.frozen:
            kept, variables = frozen.halves(self.task, self.frozen, variables)
        loss = TaskLoss(task.network, task.inputs, layer, self.convention, pairs or self.pairs)
        where = {"workdir": self.workdir} | more
        learned = phase.run(name, task, loss, variables, budget, self.key, **where)
        return frozen.whole(kept, learned)
