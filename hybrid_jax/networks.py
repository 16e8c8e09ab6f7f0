"""The trained networks of an experiment: pre-trained, then fine-tuned with and without the contrastive term."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import jax

from hybrid_jax import phase, rng
from hybrid_jax.attacks.matcher import Matcher
from hybrid_jax.phase import Budget
from hybrid_jax.stages import retargeted
from hybrid_jax.task import Task, WindowLoss


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
        shared: whether Siamese networks of several weights and margins lie there, each then in a folder of its own.
    """

    task: Task
    workdir: Path
    key: jax.Array
    pretrain_budget: Budget
    finetune_budget: Budget
    matcher_budget: Budget
    convention: str
    shared: bool = False

    def pretrained(self) -> dict[str, Any]:
        """The network trained for the primary task from scratch."""
        loss = WindowLoss(self.task.network, self.task.windows.window)
        variables = self.task.init(rng.named(self.key, "init"))
        return self._run("pretrain", loss, variables, self.pretrain_budget)

    def simple(self, pretrained: dict[str, Any]) -> dict[str, Any]:
        """The baseline: fine-tuned with the schedule of the Siamese networks, without their term (reference, (i) 1)."""
        loss = WindowLoss(self.task.network, self.task.windows.window)
        return self._run("simple", loss, pretrained, self.finetune_budget)

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
        loss = WindowLoss(self.task.network, self.task.windows.window, layer, self.convention)
        phase_name = f"siamese/{name or layer}"
        # The phase keeps its name, which branches off its randomness: a network is the same one, shared or not.
        own = f"{layer}-weight-{weight!r}-margin-{margin!r}" if self.shared else ""
        return self._run(
            phase_name,
            loss,
            pretrained,
            self.finetune_budget,
            workdir=self.workdir / own,
            contrastive_weight=weight,
            margin=margin,
        )

    def matcher(self) -> Matcher:
        """The same network trained from scratch to name the person, on raw windows."""
        network = retargeted(self.task.network, self.task.num_classes("identity"))
        task = replace(self.task, network=network, primary="identity")
        loss = WindowLoss(network, task.windows.window)
        start = task.init(rng.named(self.key, "init", "matcher"))
        where = {"workdir": self.workdir}
        variables = phase.run("matcher", task, loss, start, self.matcher_budget, self.key, **where)
        return Matcher(network, variables)

    def _run(
        self, name: str, loss: WindowLoss, variables: dict, budget: Budget, **more: Any
    ) -> dict[str, Any]:
        where = {"workdir": self.workdir} | more
        return phase.run(name, self.task, loss, variables, budget, self.key, **where)
