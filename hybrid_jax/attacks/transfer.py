"""Transfer learning: the network's own upper stages, trained anew for the sensitive label (paper, section 4.2)."""

import numpy as np

from hybrid_jax.attacks import network
from hybrid_jax.attacks.knowledge import Finder
from hybrid_jax.errors import UserError, unknown
from hybrid_jax.stages import Network, Split, from_scratch, own_variables, retargeted
from hybrid_jax.upload_loss import Reader, Reconstructed

THROUGH_SPLIT = "through_split"


class Transfer(Finder):
    """The cloud half with what comes after the split, or after a later stage, re-initialised and trained.

    A reduced feature goes through its reconstruction into the same stages; the other route, a fresh network on the
    exclusive feature itself, is `MLP`.
    """

    def fit(self, features: np.ndarray, labels: np.ndarray) -> None:
        """See `Attacker.fit`.

        Raises:
            errors.UserError: `freeze` names no stage that another one follows, or the network is not known.
        """
        embedding = self.knowledge.embedding
        if embedding is None:
            raise UserError(
                "the transfer attack retrains the network: give Knowledge its embedding"
            )
        cut = cut_after(embedding.split, self.knowledge.freeze)
        stages = embedding.split.classifier.stages
        kept = Network(stages[:cut]) if cut else None
        fresh = from_scratch(retargeted(Network(stages[cut:]), self.knowledge.num_classes))
        of = Reader(Reconstructed(embedding, kept), fresh)
        variables = self.knowledge.variables
        frozen = {"reduction": variables["reduction"]}
        if kept is not None:
            frozen["classifier"] = own_variables(kept, variables["classifier"])
        self.found = network.fit(of, frozen, features, labels, self.knowledge)


def cut_after(split: Split, freeze: str) -> int:
    """How many stages of the cloud half stay as they are.

    Args:
        split: the two halves.
        freeze: `through_split`, or a stage that another follows; where it comes before the split, that is the same,
            as the device's half is never retrained.

    Raises:
        errors.UserError: any other name.
    """
    on_device, in_cloud = split.extractor.layers, split.classifier.layers[:-1]
    if freeze in (THROUGH_SPLIT, *on_device):
        return 0
    if freeze not in in_cloud:
        raise unknown("stage to freeze", freeze, (THROUGH_SPLIT, *on_device, *in_cloud))
    return in_cloud.index(freeze) + 1
