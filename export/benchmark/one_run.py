"""One run of a .tflite file in a process of its own: its times and its memory, as one line of JSON.

    python -P export/benchmark/one_run.py FILE STEADY THREADS

It is run as a file and imports LiteRT and NumPy alone, so that what it measures is what an app on a phone would load.
"""

import json
import resource
import statistics
import sys
import time

import numpy as np
from ai_edge_litert.interpreter import Interpreter


def measure(path: str, steady: int, threads: int) -> dict[str, float | list[str]]:
    """Loads a file and runs it on one random input, 1 + `steady` times.

    Returns:
        `load_ms`: opening the file and making it ready; `first_ms`: the first inference; `median_ms` and `p90_ms`
        of the `steady` ones after it; `peak_mb`: by how much the process's peak of resident memory (MB of
        1e6 bytes, the file's mapped pages among it) is above that of the interpreter without a model; `packages`: what
        was imported beside Python's own.
    """
    rng = np.random.default_rng(0)  # first, as NumPy loads this part of itself only now
    bare = _peak()
    began = time.perf_counter()
    interpreter = Interpreter(model_path=path, num_threads=threads)
    interpreter.allocate_tensors()
    load = time.perf_counter() - began
    for detail in interpreter.get_input_details():
        values = rng.standard_normal(detail["shape"]).astype(detail["dtype"])
        interpreter.set_tensor(detail["index"], values)
    times = [_timed(interpreter) for _ in range(1 + steady)]
    peak = _peak()
    return {
        "load_ms": 1e3 * load,
        "first_ms": times[0],
        "median_ms": statistics.median(times[1:]),
        "p90_ms": float(np.percentile(times[1:], 90)),
        "peak_mb": (peak - bare) / 1e6,
        "packages": sorted({n.partition(".")[0] for n in sys.modules} - sys.stdlib_module_names),
    }


def _timed(interpreter: Interpreter) -> float:
    began = time.perf_counter()
    interpreter.invoke()
    return 1e3 * (time.perf_counter() - began)


def _peak() -> int:
    """The peak of this process's resident memory so far, in bytes."""
    try:
        # Not getrusage's: that begins, on Linux, with what the process that started this one had.
        with open("/proc/self/status") as status:
            (line,) = (line for line in status if line.startswith("VmHWM"))
        return 1024 * int(line.split()[1])
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss  # macOS: bytes


if __name__ == "__main__":
    file, steady, threads = sys.argv[1:]
    print(json.dumps(measure(file, int(steady), int(threads))))
