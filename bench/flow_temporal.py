"""./dev bench flow_temporal: our worker beside Temporal's own Go worker, on one dev server, in one table.

    worker CPU      user and system seconds of the worker's process a run: 5 no-op activities in sequence
    runs            a second, at AT in flight: the server (a process of its own) is the bottleneck
    replay          events a second of one such history, out of memory

The Go program (bench/temporal_go) is built from the module proxy and starts the runs for both. BENCH_QUICK=1 takes a
tenth of the runs, once, to see that it works.
"""

import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "clients" / "python" / "src"), str(ROOT / "bench")]
import temporal_test as e2e  # noqa: E402
from house import die_with_the_test  # noqa: E402
from peers.temporal_peer import go_program  # noqa: E402

QUICK = bool(os.environ.get("BENCH_QUICK"))
RUNS = 20 if QUICK else 200
AT = 10 if QUICK else 100
ROUNDS = 1 if QUICK else 3
REPLAYS = 200 if QUICK else 5000
OURS = os.environ.get("HF_TEMPORAL_TEST") or str(ROOT / "build/release/src/temporal_test")
PEER_NAME = "Go SDK 1.37"
PEER = ["--gtest_also_run_disabled_tests"]


def cpu_seconds(pid):
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def start(words, environment=None):
    return subprocess.Popen(words, env={**os.environ, **(environment or {})}, stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_the_test)


def measure(worker, go, address, queue):
    """(CPU seconds a run, runs a second), after some runs to warm up."""
    def load(name, runs, at):
        printed = subprocess.run([go, "load", address, name, str(runs), str(at)], capture_output=True, text=True, check=True)
        return float(printed.stdout)

    load(queue, max(5, RUNS // 10), 5)
    before = cpu_seconds(worker.pid)
    took = load(queue, RUNS, AT)
    spent = cpu_seconds(worker.pid) - before
    return spent / RUNS, RUNS / took


def ours_replays(file):
    done = subprocess.run([OURS, "--gtest_filter=TemporalPeer.DISABLED_Replay", *PEER], capture_output=True, text=True, check=True,
                          env={**os.environ, "HF_PEER_HISTORY": file, "HF_PEER_TIMES": str(REPLAYS)})
    return float(re.search(r"events a second: (\d+)", done.stdout).group(1))


def worker_of(name, go, address, queue):
    if name == PEER_NAME:
        return start([go, "worker", address, queue])
    return start([OURS, "--gtest_filter=TemporalPeer.DISABLED_Worker", *PEER],
                 {"HF_PEER_ADDRESS": address, "HF_PEER_QUEUE": queue})


def one_round(name, go, file):
    """(CPU seconds a run, runs a second, replayed events a second), on a server of its own."""
    server = e2e.DevServer()
    server.start()
    queue = str(uuid.uuid4())
    worker = worker_of(name, go, server.address, queue)
    try:
        cpu, rate = measure(worker, go, server.address, queue)
        Path(file).write_text(subprocess.run([go, "history", server.address, queue], capture_output=True, text=True, check=True).stdout)
        replays = (float(subprocess.run([go, "replay", file, str(REPLAYS)], capture_output=True, text=True, check=True).stdout)
                   if name == PEER_NAME else ours_replays(file))
        return cpu, rate, replays
    finally:
        worker.kill()
        worker.wait()
        server.stop()
        time.sleep(0.5)


def main():
    for needed, path in (("the Temporal server", e2e.PROGRAM), ("our worker", OURS), ("go", shutil.which("go") or "")):
        if not os.access(path, os.X_OK):
            sys.exit(f"bench: {needed} is missing ({path or 'not in PATH'}); './dev deps --temporal' builds the server")
    rounds = {PEER_NAME: [], "Holdfast": []}
    with tempfile.TemporaryDirectory() as folder:
        go = str(go_program())
        for _ in range(ROUNDS):
            for name, taken in rounds.items():
                taken.append(one_round(name, go, str(Path(folder) / "history.json")))
    rows = {name: [statistics.median(column) for column in zip(*taken)] for name, taken in rounds.items()}
    print(f"{RUNS} runs of 5 no-op activities, {AT} in flight; server {Path(e2e.PROGRAM).name}, database in a file; "
          f"medians of {ROUNDS} rounds, one worker after the other")
    print(f"{'worker':<14}{'CPU ms a run':>14}{'runs/s':>10}{'replay events/s':>18}")
    for name, (cpu, rate, replays) in rows.items():
        print(f"{name:<14}{cpu * 1000:>14.2f}{rate:>10.1f}{replays:>18,.0f}")
    theirs, ours = rows.values()
    print(f"{'ratio':<14}{ours[0] / theirs[0]:>14.2f}{ours[1] / theirs[1]:>10.2f}{ours[2] / theirs[2]:>18.2f}")


if __name__ == "__main__":
    main()
