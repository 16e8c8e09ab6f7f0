"""What the pages say exists: their links, the functions and files they name, the flags of their commands."""

import doctest
import importlib
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
import test_layers

from configs import activity, emotion, gender

ROOT = Path(__file__).parents[1]
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *sorted((ROOT / "docs").glob("*.md")),
    ROOT / "export/README.md",
    ROOT / "benchmarks/README.md",
]
NOTEBOOK = ROOT / "docs/tradeoff.ipynb"
NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
every_page = pytest.mark.parametrize("page", PAGES, ids=NAMES)

LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
MODULE = re.compile(r"`(hybrid_jax(?:\.\w+)+)`")
FILE = re.compile(
    r"(?<![\w./])((?:hybrid_jax|configs|export|benchmarks|tests|examples)/[\w/]+\.py)"
)
FLAG = re.compile(r"(?<![\w-])--([a-z][\w.-]*)")
COMMAND = re.compile(
    r"launch\.py|-m (export(?:\.\w+)?|benchmarks\.\w+|pytest|pip)|benchmark_model|ruff|adb"
)
# Of other people's tools: Android's benchmark_model, XLA.
FOREIGN = re.compile(r"warmup|min_secs|num_runs|num_threads|use_gpu|graph|xla_")


def slug(heading):
    """The anchor that GitHub gives a heading."""
    words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading).replace("`", "").lower()
    return re.sub(r"[^\w\- ]", "", words).strip().replace(" ", "-")


def anchors(text):
    found = {}
    for heading in re.findall(
        r"^#+ (.*)$", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S), re.M
    ):
        name = slug(heading)
        found[name] = found.get(name, -1) + 1
    return {
        name if n == 0 else f"{name}-{n}" for name, most in found.items() for n in range(most + 1)
    }


def broken_links(page, text):
    """Relative links of a page to files or headings that there are not."""
    found = []
    for link in LINK.findall(text):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        there = page.parent / path if path else page
        if not there.exists() or (anchor and anchor not in anchors(there.read_text())):
            found.append(link)
    return found


@pytest.mark.parametrize("page", [*PAGES, NOTEBOOK], ids=[*NAMES, NOTEBOOK.name])
def test_every_link_leads_somewhere(page):
    assert broken_links(page, page.read_text()) == []


def test_broken_links_are_seen():
    page = ROOT / "docs/method.md"
    text = "[a](nowhere.md) [b](results.md#no-such-heading) [c](results.md#speed) [d](#x) [e](https://e.org/x)"
    assert broken_links(page, text) == ["nowhere.md", "results.md#no-such-heading", "#x"]


def missing(text):
    """Names of modules, classes and functions that cannot be imported, and files that are not there."""
    found = [name for name in FILE.findall(text) if not (ROOT / name).exists()]
    return found + [name for name in MODULE.findall(text) if not exists(name)]


def exists(name):
    parts = name.split(".")
    for cut in range(len(parts), 0, -1):
        try:
            thing = importlib.import_module(".".join(parts[:cut]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[cut:]:
            thing = getattr(thing, attribute, None)
        return thing is not None
    return False


@every_page
def test_every_function_and_file_that_is_named_exists(page):
    assert missing(page.read_text()) == []


def test_missing_names_are_seen():
    names = "`hybrid_jax.losses.contrastive` `hybrid_jax.losses.gone` `hybrid_jax.gone` hybrid_jax/gone.py"
    assert missing(names) == ["hybrid_jax/gone.py", "hybrid_jax.losses.gone", "hybrid_jax.gone"]


def test_the_method_page_names_a_function_for_every_equation():
    text = (ROOT / "docs/method.md").read_text()
    for number in range(1, 8):
        row = next(line for line in text.splitlines() if re.match(rf"\| Eq\. .*\b{number}\b", line))
        assert MODULE.search(row)


def test_the_table_of_layers_is_that_of_the_layers_test():
    rows = re.findall(r"^\| (\d) \| (.*?) \|", (ROOT / "CONTRIBUTING.md").read_text(), re.M)
    told = {int(layer): set(re.findall(r"\w+", names)) for layer, names in rows}
    assert told == {layer: set(names.split()) for layer, names in test_layers.LAYERS.items()}


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text().splitlines()) <= 200


@cache
def flags_of(program):
    """The names of a program's flags: launch.py's by its --help, those that argparse reads by their source."""
    if program == "launch":
        command = [sys.executable, "launch.py", "--help"]
        shown = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        return set(FLAG.findall(shown.stdout))
    path = ROOT / program.replace(".", "/")
    source = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    return set(re.findall(r'"--([\w-]+)"', source.read_text()))


def known(flag, programs):
    if flag.startswith("config."):
        return any(
            has_field(module.get_config(), flag.split(".")[1:])
            for module in (activity, gender, emotion)
        )
    return any(flag in flags_of(program) for program in programs)


def has_field(config, path):
    for name in path:
        if not hasattr(config, "keys") or name not in config:
            return False
        config = config[name]
    return True


OURS = ("launch", "export", "export.audit", "export.benchmark", "benchmarks.privacy")


def unknown_flags(text):
    """Flags of our programs that they do not have. A flag without a program may be any of ours."""
    text = re.sub(r"\\\n|\n(?= +\[?--)", " ", text)  # a command goes on in the next line
    fenced = re.findall(r"^```\w*\n(.*?)^```", text, re.M | re.S)
    fenced += re.findall(r"(?:^    .*\n)+", text, re.M)
    inline = re.findall(r"`([^`]+)`", re.sub(r"^```.*?^```", "", text, flags=re.M | re.S))
    commands = [(line, False) for block in fenced for line in block.splitlines()]
    commands += [(code.replace("\n", " "), True) for code in inline]
    found = []
    for command, is_inline in commands:
        program = COMMAND.search(command)
        if program is None and not (is_inline and command.startswith("--")):
            continue
        if program is None:
            programs = OURS
        elif program[0] == "launch.py":
            programs = ("launch",)
        elif program[1] and program[1] not in ("pytest", "pip"):
            programs = (program[1],)
        else:
            continue
        rest = command[program.end() :] if program else command
        for flag in FLAG.findall(rest.split(" # ")[0]):
            if not FOREIGN.search(flag) and not known(flag.rstrip(".-"), programs):
                found.append(flag)
    return found


@every_page
def test_every_flag_exists(page):
    assert unknown_flags(page.read_text()) == []


def test_unknown_flags_are_seen():
    text = """`--mode=tune` `--mood` `--config.reduction.dim=4` `--config.reduction.width=4`
`python launch.py --config=C --bundle=B`

```
python -m export.audit --bundle=B --data=x \\
    --layer=y
```
"""
    assert sorted(unknown_flags(text)) == ["bundle", "config.reduction.width", "layer", "mood"]


@pytest.mark.parametrize("page", ["docs/privacy_measures.md"])
def test_examples_give_what_is_printed(page):
    failed, tried = doctest.testfile(str(ROOT / page), module_relative=False)
    assert tried > 0
    assert failed == 0
