"""Words for records: in which method the first page speaks, and how it writes a number."""

from collections.abc import Iterable, Mapping

from hybrid_jax import tradeoff
from hybrid_jax.report.markdown import percent

# Which method is told about: the first of these that was measured; and what it is compared with.
PROTECTED = ("advanced", "noisy_reduced", "reduced_siamese", "reduced", "siamese", "noisy")
UNPROTECTED = "simple"


def protected(methods: Iterable[str]) -> str:
    """The method of these that protects most by design; the first of them where none does.

    Raises:
        IndexError: there are none.
    """
    there = list(methods)
    return next((m for m in PROTECTED if m in there), there[0])


def noise_words(r: Mapping) -> str:
    """At which noise a record was measured; "" of a method without noise."""
    if r["method"] not in tradeoff.NOISY:
        return ""
    return " at operating noise" if r["noise_relative"] else " without noise"


def count(n: float) -> str:
    """A number of things; after collecting it is a mean over seeds, and need not be whole."""
    return f"{n:,.0f}" if float(n).is_integer() else f"about {n:,.0f}"


def listed(words: Iterable[str], last: str = "and") -> str:
    """Words in a sentence; "" of none.

    >>> listed(["gender", "identity", "age"])
    'gender, identity and age'
    """
    *others, end = list(words) or [""]
    return f"{', '.join(others)} {last} {end}" if others else end


def share(r: Mapping, short: bool = False, of: str = "samples") -> str:
    """A share in percent, with its spread, its interval over people and on how much it was tried, as far as known.

    Args:
        r: a record of a share in [0, 1].
        short: without what is not a spread over seeds.
        of: what its `n` counts, plural.
    """
    about = []
    if r["std"] is not None:
        about.append(f"± {percent(r['std'])} over {r['n_seeds']} seeds")
    elif r["n_seeds"] is not None and not short:
        about.append("one seed alone")  # the others had no such noise
    elif r["stderr"] is not None and not short:
        # Attacks are tried with one draw of the noise: theirs is of the bootstrap.
        over = "people" if r["evaluator"] == "attack" else "noise draws"
        about.append(f"standard error over {over} {percent(r['stderr'])}")
    if r["ci_low"] is not None and not short:
        about.append(f"95 % interval {percent(r['ci_low'])} to {percent(r['ci_high'])} %")
    if r["n"] is not None and not short:
        about.append(f"{count(r['n'])} {of}")
    text = f"{percent(r['value'])} %"
    return f"{text} ({', '.join(about)})" if about else text
