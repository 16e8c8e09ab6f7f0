"""The layering rule: lower never imports higher, and what is heavy has one place that knows it."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

LAYERS = {
    0: "errors losses mesh noise plugins reduction privacy rng worker",
    1: "stages models",
    2: "embedding optimizers metrics",
    3: "data checkpoint",
    4: "train task phase networks frozen fit_reduction inference embedded embedding_files cloud attacks "
    "evaluators audit hosts metric_log progress results paper tradeoff selection signals report choice "
    "figures collect experiment sweep attacked upload_loss",
    5: "launch export configs",
}
LAYER = {name: layer for layer, names in LAYERS.items() for name in names.split()}

# A library, and the only places that may import it.
KNOWN_BY = {
    "flax.linen": {"stages", "models"},
    "tensorflow": {"data", "export"},
    "tensorflow_datasets": {"data"},
    "grain": {"data"},
    "orbax": {"checkpoint"},
    "ml_collections": {"experiment", "sweep", "configs", "launch"},
    "coremltools": {"export"},
    "dp_accounting": {"privacy"},
    "altair": {"report"},
    "vl_convert": {"report"},
    "jinja2": {"report"},
}
# Layer 0 is arrays in, arrays out.
NOT_IN_LAYER_0 = ("flax", "orbax", "absl", "ml_collections", "rich", "matplotlib", "tensorboardX")

FOLDERS = ("hybrid_jax", "configs", "export", "benchmarks", "tests")
MAX_LINES = 250


def sources(*folders):
    """Every Python file in these folders, and the ones at the top."""
    return sorted([*ROOT.glob("*.py"), *(p for f in folders for p in (ROOT / f).rglob("*.py"))])


def module_name(path):
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def part(module):
    """The name in LAYER that a module of ours belongs to; the bare package has none."""
    names = module.split(".")
    return (names[1] if len(names) > 1 else None) if names[0] == "hybrid_jax" else names[0]


def imported(source, package):
    """(line, dotted name) of every import at any depth; `from a import b` counts as `a.b`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base] if base else above)
            yield from ((node.lineno, f"{base}.{alias.name}") for alias in node.names)


def within(name, library):
    return name == library or name.startswith(library + ".")


def violations(source, module, *, is_package=False):
    """What this source breaks if it is the file of `module`, a sentence each."""
    here = part(module)
    if here is None:
        return [f"{module} imports {name}" for _, name in imported(source, module)]
    if here not in LAYER:
        return [f"{module} has no layer: give it one in tests/test_layers.py"]
    package = module if is_package else module.rpartition(".")[0]
    found = []
    for line, name in imported(source, package):
        at = f"{module}:{line} (layer {LAYER[here]})"
        there = part(name)
        if name.split(".")[0] in ("hybrid_jax", "configs", "export", "launch"):
            # `from hybrid_jax import __version__` is a name of the bare package, not a module.
            if there in LAYER and LAYER[there] > LAYER[here]:
                found.append(f"{at} imports {name} (layer {LAYER[there]})")
            continue
        for library, places in KNOWN_BY.items():
            # `import flax` alone puts flax.linen within reach
            if (within(name, library) or within(library, name)) and here not in places:
                found.append(f"{at} imports {name}: only {', '.join(sorted(places))} may")
        if LAYER[here] == 0 and any(within(name, library) for library in NOT_IN_LAYER_0):
            found.append(f"{at} imports {name}: layer 0 is arrays in, arrays out")
    return found


OURS = sources("hybrid_jax", "configs", "export")


@pytest.mark.parametrize("path", OURS, ids=module_name)
def test_every_file_keeps_to_its_layer(path):
    is_package = path.name == "__init__.py"
    assert violations(path.read_text(), module_name(path), is_package=is_package) == []


@pytest.mark.parametrize(
    ("module", "source", "complaint"),
    [
        ("hybrid_jax.losses", "import hybrid_jax.train", "layer 4"),
        ("hybrid_jax.losses", "from hybrid_jax import train", "layer 4"),
        ("hybrid_jax.losses", "from hybrid_jax.train import fit", "layer 4"),
        ("hybrid_jax.losses", "from . import train", "layer 4"),
        ("hybrid_jax.losses", "from .train import fit", "layer 4"),
        ("hybrid_jax.privacy.rank", "from ..stages import split_at", "layer 1"),
        ("hybrid_jax.losses", "def f():\n    from hybrid_jax.data import batches", "layer 3"),
        ("hybrid_jax.train", "import launch", "layer 5"),
        ("hybrid_jax.data.windows", "from configs.common import parse", "layer 5"),
        ("hybrid_jax.helpers", "", "has no layer"),
        ("helpers", "", "has no layer"),
        ("hybrid_jax", "import jax", "imports jax"),
        ("hybrid_jax.embedding", "import flax.linen as nn", "only models, stages may"),
        ("hybrid_jax.embedding", "from flax import linen as nn", "only models, stages may"),
        ("hybrid_jax.embedding", "import flax", "only models, stages may"),
        ("hybrid_jax.train", "import tensorflow as tf", "only data, export may"),
        ("hybrid_jax.train", "def f():\n    import tensorflow_datasets", "only data may"),
        ("hybrid_jax.train", "from orbax import checkpoint", "only checkpoint may"),
        ("hybrid_jax.train", "import ml_collections", "only configs, experiment"),
        ("hybrid_jax.losses", "from flax import struct", "arrays in, arrays out"),
        ("hybrid_jax.noise", "import matplotlib.pyplot as plt", "arrays in, arrays out"),
    ],
)
def test_a_planted_violation_is_found(module, source, complaint):
    assert any(complaint in found for found in violations(source, module))


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("hybrid_jax", '"""Nothing."""'),
        ("hybrid_jax.train", "from hybrid_jax import __version__, losses"),
        ("hybrid_jax.train", "from flax import struct\nimport flax.struct\nimport tensorboardX"),
        ("hybrid_jax.models.mtcnn", "from flax import linen as nn\nfrom ..stages import Stage"),
        ("hybrid_jax.data.motionsense", "def f():\n    import tensorflow_datasets as tfds"),
        ("hybrid_jax.checkpoint", "import orbax.checkpoint as ocp"),
        ("launch", "from hybrid_jax import experiment\nimport ml_collections"),
        ("configs.activity", "from configs import common\nimport ml_collections"),
    ],
)
def test_what_the_rule_allows_is_allowed(module, source):
    assert violations(source, module) == []


def test_a_relative_import_in_a_package_starts_at_the_package():
    source = "from .rank import rank_privacy\nfrom .. import train"
    (found,) = violations(source, "hybrid_jax.privacy", is_package=True)
    assert "imports hybrid_jax.train" in found


def test_importing_everything_loads_no_tensorflow_grain_or_coremltools():
    """TensorFlow alone takes seconds, Grain two, and none is needed to train.

    Builders are TFDS classes: each is a file of its own, imported by the function that prepares.
    """
    modules = [module_name(path) for path in sources("hybrid_jax") if path.parent != ROOT]
    modules = [module for module in modules if not module.endswith("_tfds")]
    heavy = ["tensorflow", "tensorflow_datasets", "grain", "coremltools"]
    program = (
        "import importlib, json, sys\n"
        f"for module in {modules!r}: importlib.import_module(module)\n"
        f"print(json.dumps([name for name in {heavy!r} if name in sys.modules]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []


@pytest.mark.parametrize("module", ["hybrid_jax.choice.choose", "hybrid_jax.report.page"])
def test_what_draws_no_figures_loads_no_matplotlib(module):
    program = f"import sys, {module}\nprint([n for n in ('matplotlib',) if n in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_help_is_there_at_once():
    """It and mistakes in flags are what is seen before anything heavy is imported."""
    heavy = ["jax", "flax", "matplotlib", "scipy", "sklearn", "tensorflow"]
    program = (
        "import json, runpy, sys, time\n"
        "sys.argv = ['launch.py', '--help']\n"
        "try: runpy.run_path('launch.py', run_name='__main__')\n"
        "except SystemExit: pass\n"
        f"found = [name for name in {heavy!r} if name in sys.modules]\n"
        "print(json.dumps([found, time.process_time()]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    *told, last = done.stdout.splitlines()
    found, seconds = json.loads(last)
    assert "--workdir" in "\n".join(told) and found == []
    assert seconds < 2  # of a core: other tests run beside this one


@pytest.mark.parametrize("path", sources(*FOLDERS), ids=module_name)
def test_a_file_is_one_noun(path):
    assert len(path.read_text().splitlines()) <= MAX_LINES
