"""How well the input can be rebuilt from uploads, and what is still in what was rebuilt: the person, the label."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from hybrid_jax import inference, rng
from hybrid_jax.attacks import decoder
from hybrid_jax.attacks.matcher import Matcher
from hybrid_jax.attacks.scores import scores
from hybrid_jax.data.samples import TEST, Inputs
from hybrid_jax.embedded import Embedded
from hybrid_jax.evaluators import closeness
from hybrid_jax.evaluators.sampling import stratified
from hybrid_jax.evaluators.scenario import Holdings
from hybrid_jax.evaluators.sequences import operating_level
from hybrid_jax.evaluators.settings import Settings
from hybrid_jax.models.decoder import vector_decoder, window_decoder
from hybrid_jax.models.image_decoder import decoder_for
from hybrid_jax.progress import bar

DATA = "both"  # what the adversary trains its decoder on: all that it may hold
ON_ORIGINALS = "original"  # the route of what is found in the inputs themselves
SHOWN = 8  # images of a figure
DECODERS = {1: vector_decoder, 2: window_decoder, 3: decoder_for}  # by axes of an input


@dataclass(frozen=True)
class _Chosen:
    """A `decoder.Inputs`: the inputs of the samples that the decoder is fitted on."""

    inputs: Inputs

    def __call__(self, data: Mapping, indices: jax.Array) -> jax.Array:
        return self.inputs(data, data["chosen"][indices])


def evaluate(embedded: Embedded, settings: Settings) -> Iterator[dict[str, Any]]:
    """Closeness, re-identification and the primary label, without noise and at the operating noise.

    The decoder is trained on samples of all that an attacker may hold, and tried on the second halves of test
    recordings. What is found without noise is kept, as in `attack.evaluate`. Some rebuilt images are left in
    `embedded.shown`.
    """
    levels = list(dict.fromkeys((0.0, operating_level(embedded, settings))))
    name = f"reconstruction, {embedded.embedding.layer} {embedded.embedding.method}"
    with bar(name, len(levels)) as advance:
        for done, level in enumerate(levels, 1):
            kept = embedded.noise_free_records if level == 0 else {}
            if "reconstruction" not in kept:
                rebuilt = Rebuilt.by_decoder(embedded, settings, level)
                kept["reconstruction"] = list(rebuilt.records(settings.matcher)), rebuilt.shown()
            records, shown = kept["reconstruction"]
            embedded.shown.update(shown)
            yield from records
            advance(done)


@dataclass(frozen=True, eq=False)
class Rebuilt:
    """Inputs rebuilt from uploads.

    Attributes:
        embedded: what was attacked.
        about: fields of every record.
        held: numbers of the test samples that the decoder knows, in the order of the data set.
        asked: [n] numbers of the samples that were rebuilt.
        originals: [n, ...].
        rebuilt: the same shape.
    """

    embedded: Embedded
    about: dict[str, Any]
    held: np.ndarray
    asked: np.ndarray
    originals: np.ndarray
    rebuilt: np.ndarray

    @classmethod
    def by_decoder(cls, embedded: Embedded, settings: Settings, level: float) -> "Rebuilt":
        """By a decoder that is trained on noisy uploads."""
        task, holdings = embedded.task, Holdings(embedded, settings.seed)
        inputs, data, std = task.samples.inputs, task.samples.data(), level * embedded.rms
        fit, _ = holdings.rows(DATA, settings.reconstruction.max_windows)
        at = np.concatenate([embedded.index[split][places] for split, places in fit])
        make = DECODERS[len(task.input_shape)]
        trained = decoder.fit(
            make(task.input_shape),
            _Chosen(inputs),
            data | {"chosen": jnp.asarray(at)},
            jnp.concatenate([embedded.z[split][places] for split, places in fit]),
            std,
            settings.reconstruction.budget,
            rng.named(embedded.key, "reconstruction"),
        )
        asked = embedded.index[TEST][holdings.queries]
        about = {
            "split": "test",
            "attacker_data": DATA,
            "max_windows": settings.reconstruction.max_windows,
            "n_fit": len(at),
            "noise_std": float(std),
            "noise_relative": level,
            "draws": 1,
            "n": len(asked),
        }
        rebuilt = trained(embedded.uploads(TEST, holdings.queries, std))
        held = np.intersect1d(at, embedded.index[TEST])
        return cls(embedded, about, held, asked, _inputs(task, asked), np.asarray(rebuilt))

    def records(self, matcher: Matcher | None) -> Iterator[dict[str, Any]]:
        """All that is measured."""
        images = self.originals.ndim == 4
        measure = closeness.of_images if images else closeness.of_signals
        pair = (self._pixels(x) if images else x for x in (self.originals, self.rebuilt))
        for record in measure(*pair):
            yield self.about | record
        for route, x in (("reconstruction", self.rebuilt), (ON_ORIGINALS, self.originals)):
            about = self.about | {"route": route}
            if images:
                yield about | self._primary(x)
            if matcher is not None:
                for found in self._people(matcher, x):
                    yield about | found

    def shown(self) -> dict[str, np.ndarray]:
        """Pictures of some people, one each: what was rebuilt, by the noise; and the originals."""
        if self.originals.ndim != 4:
            return {}
        task = self.embedded.task
        people = task.labels("identity")[self.asked]
        known = task.samples.known("identity")[self.asked]
        _, first = np.unique(np.where(known, people, -1), return_index=True)
        first = first[known[first]]
        labels = task.labels(task.primary)[self.asked[first]]
        chosen = first[stratified([labels], SHOWN, seed=0)]
        name = f"rebuilt-{self.about['noise_relative']:g}"
        return {
            "originals": self._pixels(self.originals[chosen]),
            name: np.clip(self._pixels(self.rebuilt[chosen]), 0.0, 1.0),
        }

    def _pixels(self, x: np.ndarray) -> np.ndarray:
        """In [0, 1]."""
        mean, std = self.embedded.task.samples.normalisation
        return (x * std + mean) / 255.0

    def _primary(self, x: np.ndarray) -> dict[str, Any]:
        """Whether the whole network still finds the primary label."""
        task, variables = self.embedded.task, self.embedded.network_variables
        logits = inference.outputs(task.network, variables, jnp.asarray(x))
        labels = task.labels(task.primary)[self.asked]
        people = task.labels("identity")[self.asked]
        found = scores(np.asarray(jax.nn.softmax(logits)), labels, people)["accuracy"]
        return {
            "metric": "accuracy",
            **found._asdict(),
            "unit": "fraction",
            "target": task.primary,
            "classes": task.num_classes(task.primary),
        }

    def _people(self, matcher: Matcher, x: np.ndarray) -> Iterator[dict[str, Any]]:
        task = self.embedded.task
        people = task.labels("identity")
        if not task.samples.people_apart:
            asked = people[self.asked]
            found = scores(matcher.probabilities(jnp.asarray(x)), asked, asked)["accuracy"]
            yield _reidentification("identity", found._asdict(), task.num_classes("identity"))
            return
        # The matcher has never met them: it compares. With each original, for which image it is; with the other images
        # of the people, for who it is.
        known = task.samples.known("identity")
        rows = np.flatnonzero(known[self.asked])
        originals = matcher.vectors(self.originals[rows])
        queries = originals if x is self.originals else matcher.vectors(x[rows])
        nearest = np.argmax(queries @ originals.T, axis=1)
        own = people[self.asked[rows]]
        yield _matched("instance", nearest == np.arange(len(rows)), own, len(rows))
        held = self.held[known[self.held]]
        gallery = matcher.vectors(_inputs(task, held))
        named = people[held][np.argmax(queries @ gallery.T, axis=1)]
        yield _matched("identity", named == own, own, len(np.unique(own)))


def _inputs(task, numbers: np.ndarray) -> np.ndarray:
    return np.asarray(task.samples.inputs(task.samples.data(), jnp.asarray(numbers)))


def _matched(target: str, right: np.ndarray, people: np.ndarray, classes: int) -> dict[str, Any]:
    # Scored as an attack on whether it is found, so that intervals are over people.
    certain = np.stack([~right, right], axis=1).astype(float)
    found = scores(certain, np.ones(len(right), int), people)["accuracy"]
    return _reidentification(target, found._asdict() | {"chance": 1 / classes}, classes)


def _reidentification(target: str, found: dict[str, Any], classes: int) -> dict[str, Any]:
    return {
        "metric": "reidentification",
        **found,
        "unit": "fraction",
        "target": target,
        "classes": classes,
    }
