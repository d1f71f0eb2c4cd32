"""What a benchmark runs on."""

import platform
from pathlib import Path


def processor():
    """Return the processor's name, where the system tells; else what kind it is."""
    try:
        lines = Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return (names or [platform.processor() or platform.machine()])[0].strip()
