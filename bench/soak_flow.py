"""./dev soak flow [SECONDS]: the workflow engine under a mixed load; its memory and its database must stop growing.

Prints the curve in sixteen steps. Fails when the median of the last quarter lies more than a tenth above that of the
second one: the first quarter fills caches, and the time until closed runs are deleted.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = ROOT / "build" / "release" / "bin" / "flow_soak"
ALLOWED = 1.1


def growth(samples, field):
    quarter = len(samples) // 4
    second, last = samples[quarter:2 * quarter], samples[3 * quarter:]
    median = [statistics.median(sample[field] for sample in part) for part in (second, last)]
    return median[1] / median[0]


def main():
    seconds = int(sys.argv[1]) if len(sys.argv) > 1 else 600
    with tempfile.TemporaryDirectory(prefix="holdfast-soak-", dir=os.environ.get("BENCH_DIR", "/var/tmp")) as folder:
        done = subprocess.run([PROGRAM, folder, str(seconds)], stdout=subprocess.PIPE, text=True)
    if done.returncode != 0:
        sys.exit(f"soak: the load ended with code {done.returncode}")
    samples = [json.loads(line) for line in done.stdout.splitlines()]
    print(f"{'second':>8} {'runs':>10} {'resident MiB':>14} {'database MiB':>14}")
    for sample in samples[::max(1, len(samples) // 16)]:
        print(f"{sample['second']:>8} {sample['runs']:>10,} {sample['resident_bytes'] / 2**20:>14.1f} {sample['database_bytes'] / 2**20:>14.1f}")
    grown = {field: growth(samples, field) for field in ("resident_bytes", "database_bytes")}
    for field, ratio in grown.items():
        print(f"{field}: last quarter {ratio:.3f} x the second quarter")
    if max(grown.values()) > ALLOWED:
        sys.exit("soak: something grows")


if __name__ == "__main__":
    main()
