"""Every measure of `leakage` as loops in float64, on naive_rank's posteriors."""

import math

import naive_rank
import numpy as np

NO_NOISE, FLOOD = 1e-6, 1e9  # as good as 0 and infinity, among float64 features of about 1
NEVER = 1e6  # bits of surprise that only NO_NOISE reaches: without noise it cannot be


def scores(features, normal, noise_std, gallery, gallery_labels, keep, prior):
    """log P(z|s) + log P(s), up to a constant of the query [S][Q][K]."""
    if not 0 < noise_std < math.inf:
        normal = np.zeros((len(normal), *features.shape))
    std = min(max(noise_std, NO_NOISE), FLOOD)
    return [
        [
            naive_rank.log_posteriors(f + std * n, gallery, gallery_labels, kept, std, prior)
            for f, n, kept in zip(features, draw, keep, strict=True)
        ]
        for draw in normal
    ]


def log_prior(prior):
    return [math.log(p) if p > 0 else -math.inf for p in prior]


def surprise(scores, true):
    """-log2 of the true class's posterior."""
    if scores[true] == -math.inf:
        return math.inf
    top = max(scores)
    bits = (top + math.log(sum(math.exp(s - top) for s in scores)) - scores[true]) / math.log(2)
    return bits if bits < NEVER else math.inf


def among(scores, true, count):
    """The share of the true class's tied places that are among the first `count`."""
    least, most = (int(naive_rank.rank_of(scores, true, ties)) for ties in ("min", "max"))
    places = range(least, most + 1)
    return sum(place <= count for place in places) / len(places)


def means(scores, labels, prior, ties):
    """What is averaged over the queries of one draw, of scores [Q][K]."""

    def alike(values):
        return math.fsum(values) / len(values)

    def weighted(values):
        present = [s for s in sorted(set(labels)) if prior[s] > 0]
        of = {s: [v for v, c in zip(values, labels, strict=True) if c == s] for s in present}
        return sum(prior[s] * alike(of[s]) for s in present) / sum(prior[s] for s in present)

    pairs = list(zip(scores, labels, strict=True))
    ranks = [naive_rank.rank_of(s, c, ties) for s, c in pairs]
    first = [among(s, c, 1) for s, c in pairs]
    return {
        "rank": alike(ranks),
        "log_rank": alike([math.log2(rank) for rank in ranks]),
        "top1": alike(first),
        "top5": alike([among(s, c, 5) for s, c in pairs]),
        "bayes_vulnerability": weighted(first),
        "conditional_entropy": weighted([surprise(s, c) for s, c in pairs]),
    }


def derived(mean, chance, num_classes):
    """All measures, of the means and of what they are by the prior alone."""
    right, guess = mean["bayes_vulnerability"], chance["bayes_vulnerability"]
    index = (mean["rank"] - 1) / (chance["rank"] - 1) if chance["rank"] > 1 else math.inf
    return mean | {
        "privacy": mean["rank"] / num_classes,
        "privacy_index": 1.0 if mean["rank"] == chance["rank"] == 1 else index,
        "bayes_security": (1 - right) / (1 - guess) if guess < 1 else 1.0,
        "min_entropy_leakage": math.log2(right / guess) if right > 0 else -math.inf,
        "mutual_information": chance["conditional_entropy"] - mean["conditional_entropy"],
    }


def measures(scores, labels, prior, ties="average"):
    """(values over all draws, values of each draw [S], chance), each by measure."""
    chance = means([log_prior(prior)] * len(labels), labels, prior, ties)
    draws = [means(draw, labels, prior, ties) for draw in scores]
    whole = {name: sum(draw[name] for draw in draws) / len(draws) for name in chance}
    everything = [derived(mean, chance, len(prior)) for mean in (whole, *draws, chance)]
    return everything[0], everything[1:-1], everything[-1]


def of_channel(prior, channel):
    """Measures of a finite channel P(z|s) [K, Z], by the definitions of g-leakage.

    Source: Alvim et al., "The science of quantitative information flow", 2020, chapters 2, 3 and 5.
    """
    joint = np.asarray(prior)[:, None] * channel
    joint = joint[:, joint.sum(axis=0) > 0]
    posterior = joint / joint.sum(axis=0)
    logs = np.log2(posterior, out=np.zeros_like(posterior), where=posterior > 0)
    return {
        "rank": float(np.arange(1, len(joint) + 1) @ -np.sort(-joint, axis=0).sum(axis=1)),
        "bayes_vulnerability": float(joint.max(axis=0).sum()),
        "conditional_entropy": float(-(joint * logs).sum()),
    }
