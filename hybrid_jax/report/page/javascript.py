"""Vega, Vega-Lite and Vega-Embed as one script, which vl-convert holds: nothing is downloaded."""

import contextlib
import functools
import importlib.metadata

from hybrid_jax import results
from hybrid_jax.data.prepared import default_cache


@functools.cache
def bundle() -> str:
    """The script, the same for one version of vl-convert-python.

    It takes vl-convert seconds to put together, so it is kept in the cache folder of prepared data sets; where that
    cannot be written it is made anew by each process.
    """
    kept = default_cache() / f"vega-{importlib.metadata.version('vl-convert-python')}.js"
    try:
        return kept.read_text()
    except (OSError, UnicodeDecodeError):
        pass
    import vl_convert

    script = vl_convert.javascript_bundle()  # type: ignore[call-arg]  # its stub knows no default
    with contextlib.suppress(OSError):
        results.write_text(kept, script)
    return script
