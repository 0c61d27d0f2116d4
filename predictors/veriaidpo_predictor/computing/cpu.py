"""The class of this machine's processor: what decides which int8 graph is made, and its last bits."""

import platform
from pathlib import Path

_X86 = (
    ("avx2", {"avx2", "fma"}),
    ("avx512", {"avx512f", "avx512bw", "avx512dq", "avx512vl"}),
    ("vnni", {"avx512_vnni"}),
    ("avxvnni", {"avx_vnni"}),
    ("amx", {"amx_int8"}),
)
"""What ONNX Runtime chooses its kernels by, and the flags of /proc/cpuinfo that stand for it."""


def class_of(machine: str, flags: set[str]) -> str:
    """Name the class, such as `x86-64-avx2` or `aarch64`."""
    if machine not in {"x86_64", "AMD64"}:
        return machine or "unknown"
    return "-".join(["x86-64", *(name for name, needs in _X86 if needs <= flags)])


def saturates(cpu_class: str) -> bool:
    """Tell whether products of uint8 and int8 are added up in 16 bits, where two large ones do not fit."""
    return cpu_class.startswith("x86-64") and not {"vnni", "avxvnni", "amx"} & set(cpu_class.split("-"))


def this() -> str:
    """Give the class of this machine."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    flags = next((line.partition(":")[2] for line in lines if line.startswith("flags")), "")
    return class_of(platform.machine(), set(flags.split()))
