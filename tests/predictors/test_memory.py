"""What runs are through with stays for the next one, and goes back when nobody asks."""

import json
import subprocess
import sys

import pytest

_PROGRAM = """
import json, resource, sys, threading
import numpy as np
from veriaidpo_predictor.computing import memory

if sys.argv[1] == "kept":
    memory.keep()

def run():
    held = [np.ones(3_000_000, dtype=np.uint8) for _ in range(20)]

def in_threads():
    threads = [threading.Thread(target=run) for _ in range(2)]
    for one in threads: one.start()
    for one in threads: one.join()

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize() >> 20

in_threads()
before = faults()
for _ in range(5):
    in_threads()
again, busy = faults() - before, resident_mb()
memory.give_back()
print(json.dumps({"faults": again, "busy_mb": busy, "rested_mb": resident_mb()}))
"""


def program(how: str) -> dict[str, int]:
    made = subprocess.run([sys.executable, "-c", _PROGRAM, how], stdout=subprocess.PIPE, check=True)
    found: dict[str, int] = json.loads(made.stdout)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="glibc")
def test_pages_are_kept_for_the_next_run_and_given_back_in_the_end() -> None:
    kept, as_it_comes = program("kept"), program("as it comes")
    assert kept["faults"] < as_it_comes["faults"] / 4
    assert kept["busy_mb"] - kept["rested_mb"] > 50
