"""What a process holds while it runs: memory, threads, open files."""

import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np


@dataclass(frozen=True)
class Held:
    """At one moment (seconds); memory (MB, 10^6 bytes) is its own, without what is mapped of a model."""

    moment: float
    own: float
    threads: int
    files: int


def look(pid: int) -> Held:
    process = Path("/proc") / str(pid)
    fields = dict(
        line.split(":", 1) for line in (process / "smaps_rollup").read_text().splitlines()[1:] if ":" in line
    )
    own = sum(int(fields[name].split()[0]) for name in ("Private_Clean", "Private_Dirty")) * 1024 / 1e6
    return Held(
        time.monotonic(),
        own,
        len(list((process / "task").iterdir())),
        len(list((process / "fd").iterdir())),
    )


def growth(samples: list[Held]) -> float:
    """Return by how many MB the last fifth holds more than the first: a peak or two do not count."""
    fifth = max(1, len(samples) // 5)
    return median(one.own for one in samples[-fifth:]) - median(one.own for one in samples[:fifth])


def slope(samples: list[Held]) -> float:
    """Return the slope of the line through all samples, in MB an hour."""
    moments = [one.moment - samples[0].moment for one in samples]
    return float(np.polyfit(moments, [one.own for one in samples], 1)[0] * 3600)
