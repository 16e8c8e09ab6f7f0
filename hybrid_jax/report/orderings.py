"""Which embedding leaks less than which: the orderings of the paper's Fig. 9(b), pair by pair."""

import itertools
from collections.abc import Iterable, Mapping

from hybrid_jax import paper, results
from hybrid_jax.attacked import MEASURE, headline, measured, shown_data
from hybrid_jax.report.markdown import percent

# Fig. 9(b): the first leaks less than the second.
LESS = (
    ("siamese", "simple"),
    ("reduced_siamese", "reduced"),
    ("reduced", "simple"),
    ("reduced_siamese", "siamese"),
)


def orderings(records: Iterable[Mapping], target: str) -> str:
    """Which of the orderings of the paper's Fig. 9(b) hold, and by how much the others do not, in points.

    Higher layers leak less, Siamese less than simple, reduced less than what it reduces: by transfer learning, which
    the paper tried, by the best attacker, and by the best of those who hold nothing of the people they are asked about.
    """
    records = list(records)
    own, data = headline(records, target), shown_data(records, target)
    strangers = measured(records, target, gallery="leave_group_out", attacker_data=data, mode=None)
    tried_by = {
        "transfer": results.select(own, attacker="transfer"),
        "best": results.select(own, attacker="best"),
        "best, strangers": results.select(strangers, attacker="best"),
    }
    lines = []
    for attacker, records_of in tried_by.items():
        found = {
            (r["layer"], r["method"]): r["value"]
            for r in records_of
            if r["metric"] == MEASURE and r["reduction"] != "autoencoder" and r["value"] is not None
        }
        layers = list(dict.fromkeys(layer for layer, _ in found))
        methods = list(dict.fromkeys(method for _, method in found))
        pairs = [
            (
                f"{paper.layer_name(higher)} above {paper.layer_name(lower)}, {paper.method_words(m)}",
                (higher, m),
                (lower, m),
            )
            for m in methods
            for lower, higher in itertools.pairwise(layers)
        ]
        pairs += [
            (
                f"{paper.layer_name(layer)}, {paper.method_words(less)} above {paper.method_words(more)}",
                (layer, less),
                (layer, more),
            )
            for layer in layers
            for less, more in LESS
        ]
        tried = [(text, found[a] - found[b]) for text, a, b in pairs if a in found and b in found]
        broken = [f"{text}: {percent(gap, sign='+')}" for text, gap in tried if gap > 0]
        if tried:
            held = f"{attacker}: {len(tried) - len(broken)} of {len(tried)} hold"
            lines.append("; ".join([held, *broken]) + ".")
    return "\n\n".join(lines)
