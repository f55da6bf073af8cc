"""What a number depends on beside its settings: the machine and the versions."""

from __future__ import annotations

import platform
from pathlib import Path

import diffusers
import numpy
import torch
import transformers

from pandiff import __version__


def machine() -> str:
    """The processor, its widest instructions and threads, and the accelerator if there is one."""
    known = torch.backends.cpu.get_cpu_capability()
    parts = [f"{processor()} with {known}", f"{torch.get_num_threads()} threads"]
    if torch.cuda.is_available():
        parts.append(torch.cuda.get_device_name())
    return ", ".join(parts)


def processor() -> str:
    """The processor's name, where the system tells it."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":")[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()


def versions() -> dict[str, str]:
    """Of this library and those that compute."""
    return {
        "pandiff": __version__,
        "torch": torch.__version__,
        "diffusers": diffusers.__version__,
        "transformers": transformers.__version__,
        "numpy": numpy.__version__,
        "python": platform.python_version(),
    }
