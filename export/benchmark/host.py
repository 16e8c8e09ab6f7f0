"""The machine that this runs on, in words."""

import importlib.metadata
import os
import platform
import re
from pathlib import Path


def name() -> str:
    """Processor, number of cores, system, and LiteRT's version: what times and memory depend on."""
    system = f"{platform.system()} {platform.machine()}"
    version = importlib.metadata.version("ai-edge-litert")
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return f"{_processor()}, {cores} cores, {system}, LiteRT {version}"


def _processor() -> str:
    try:
        found = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    except OSError:
        found = None
    return found[1].strip() if found else platform.processor() or "unknown processor"
