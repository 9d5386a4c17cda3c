"""./dev bench flow: what durable workflows cost on the embedded engine, and the same work on its peers in the same run.

    sequence    runs of five no-op activities one after the other: runs/s, state transitions/s, start to first activity
    waiting     resident memory of 10,000 runs that wait for a signal
    recovery    a start with those 10,000 open runs, until all of them are looked after
    replay      history events/s, from memory and from rows

Peers, where they can be had: DBOS (PyPI, its SQLite mode), the Temporal dev server with its file database and a worker
of Temporal's Go SDK (bench/temporal_go). BENCH_QUICK=1 takes a tenth of the repetitions.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = Path(os.environ.get("HOLDFAST_FLOW_BENCH") or ROOT / "build" / "release" / "bin" / "flow_bench")
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "holdfast"
DBOS = "3.4.0"
SHARE = 0.1 if os.environ.get("BENCH_QUICK") else 1.0


def times(count):
    return max(10, int(count * SHARE))


def row(name, value, note=""):
    print(f"{name:<46}{value:>14}  {note}", flush=True)


def last_line(words, **more):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, **more)
    if done.returncode != 0:
        raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1:] or ["no reason given"])
    return json.loads(done.stdout.strip().splitlines()[-1])


def ours(*words):
    return last_line([PROGRAM, *words])


def show(name, figures):
    row(f"{name}: runs/s", f"{figures['runs_per_s']:,.1f}", f"a run p50 {figures['run_p50_ms']:.1f} ms")
    row(f"{name}: start to first activity p50", f"{figures['first_p50_ms']:.2f} ms", f"p99 {figures['first_p99_ms']:.2f} ms")


def sequence(folder, durability, runs, at_once):
    directory = folder / f"{durability}-{at_once}"
    directory.mkdir()
    figures = ours("sequence", directory, durability, runs, at_once)
    show(f"holdfast, SQLite {durability.upper()}, {at_once} at once", figures)
    row("    state transitions/s", f"{figures['transitions_per_s']:,.0f}",
        f"{figures['transitions_per_run']:.1f} a run, {figures['commits_per_s']:,.0f} commits/s")
    return figures


def engine(folder):
    found = {"one": sequence(folder, "full", times(200), 1), "many": sequence(folder, "full", times(5000), 100)}
    sequence(folder, "normal", times(1000), 1)
    sequence(folder, "normal", times(5000), 100)
    directory = folder / "waiting"
    directory.mkdir()
    waiting = ours("waiting", directory, 10000)
    row("10,000 waiting runs: resident", f"{waiting['resident_bytes_per_run'] / 1024:.2f} KiB", "a run")
    recovery = ours("recovery", directory)
    row("start with open runs", f"{recovery['seconds']:.2f} s", f"{recovery['open_runs']:,} of them")
    replay = ours("replay", 3000)
    row("replay, events/s", f"{replay['events_per_s']:,.0f}", f"{replay['events_per_s_from_rows']:,.0f} decoded from rows")
    return found


def dbos_python():
    """The Python of an environment with DBOS, made once."""
    home = CACHE / f"dbos-{DBOS}"
    if not (home / "ready").exists():
        home.parent.mkdir(parents=True, exist_ok=True)
        for words in ([sys.executable, "-m", "venv", "--clear", home],
                      [home / "bin" / "python", "-m", "pip", "install", "-q", "--disable-pip-version-check", f"dbos=={DBOS}"]):
            done = subprocess.run([str(word) for word in words], capture_output=True, text=True)
            if done.returncode != 0:
                raise RuntimeError((done.stderr or done.stdout).strip().splitlines()[-1])
        (home / "ready").touch()
    return home / "bin" / "python"


def dbos(folder):
    script = ROOT / "bench" / "peers" / "dbos_five.py"

    def measured(name, runs, at_once):
        return last_line([dbos_python(), script, f"sqlite:///{folder / name}.db", times(runs), at_once], cwd=folder)

    one = measured("dbos-one", 100, 1)
    many = measured("dbos-many", 200, 50)
    show("DBOS, SQLite, 1 at once", one)
    show("DBOS, SQLite, 50 at once", many)
    return {"one": one, "many": many}


def temporal(folder):
    from peers import temporal_peer

    found = temporal_peer.measure(folder, times(20), times(200))
    show("Temporal dev server, file, 1 at once", found["one"])
    show("Temporal dev server, file, 100 at once", found["many"])
    return found


def main():
    peers = {}
    with tempfile.TemporaryDirectory(prefix="holdfast-flow-", dir=os.environ.get("BENCH_DIR", "/var/tmp")) as name:
        folder = Path(name)
        found = engine(folder)
        for peer, measure in (("DBOS", dbos), ("Temporal", temporal)):
            try:
                peers[peer] = measure(folder)
            except (RuntimeError, OSError, ImportError) as problem:
                print(f"{peer} is left out: {problem}", flush=True)
    for peer, figures in peers.items():
        row(f"ratio to {peer}: runs/s, many at once", f"{found['many']['runs_per_s'] / figures['many']['runs_per_s']:.0f} x")
        row(f"ratio to {peer}: first activity, idle", f"{found['one']['first_p50_ms'] / figures['one']['first_p50_ms']:.3f} x")


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "bench"))
    if not shutil.which(str(PROGRAM)):
        sys.exit(f"bench: {PROGRAM} is missing; run ./dev bench flow")
    main()
