"""./dev bench ontap: 1,000 volumes in 4 simulated clusters behind one Unified Manager, by the product itself.

    inventory       `GET /v1/systems/NAME/inventory`: every cluster, volume, group and relationship, by the gateway
    snapshots       backups to local_snapshot alone, 16 at once over all clusters; a second, and calls each
    proofs          of these points, on clones: calls each
    looks           at the manager and its clusters: calls, of those each hour and those each five minutes
    steady state    calls a volume and hour when each is backed up hourly, proven weekly, and the manager is watched

The simulator's jobs take no time and it runs on the same machine, so the figures are those of the driver, the workflows
and the simulator together. BENCH_QUICK=1 takes a tenth of the volumes
and leaves the last two out, which wait five minutes.
"""

import collections
import json
import os
import re
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "clients" / "python" / "src")]
from house import House  # noqa: E402
from ontap_test import Simulator  # noqa: E402

QUICK = bool(os.environ.get("BENCH_QUICK"))
CLUSTERS = 4
VOLUMES = 25 if QUICK else 250  # of each
PROTECTED = 5 if QUICK else 25  # of each
AT = 16
WATCHED_EVERY = 300  # seconds
PROOFS_START = 60  # seconds until the scheduler has seen what was never proven
PROVEN_EVERY = 7 * 24  # hours, a policy's default


def row(name, value, note=""):
    print(f"{name:<34}{value:>14}  {note}", flush=True)


def configuration(folder):
    """Jobs that take no time; all volumes mounted below their SVM's root."""
    clusters = [{"name": f"cluster{number}", "svms": [{"name": f"svm{number}", "volumes": [
        {"name": f"v{volume}", "size": "1GiB", "junction": f"/v{volume}"} for volume in range(VOLUMES)]}]}
        for number in range(1, CLUSTERS + 1)]
    file = folder / "simulator.json"
    file.write_text(json.dumps({"job_time": "0ms", "transfer_time": "0ms", "clusters": clusters}))
    return file


def shape(call):
    """A call without what differs from one to the next."""
    path = re.sub(r"[0-9a-f]{8}-[0-9a-f-]{27}", "{}", call["path"].partition("?")[0])
    return f"{call['method']} {path}"


class Calls:
    """The simulator's log since the last look, without what others than the product asked."""

    def __init__(self, file):
        self.file = file
        self.seen = 0

    def fresh(self):
        lines = self.file.read_text().splitlines()
        new, self.seen = lines[self.seen:], len(lines)
        rows = [json.loads(line) for line in new]
        return [call for call in rows if call["client"].startswith("Holdfast")]


def protect(house, simulator):
    names = []
    for number in range(CLUSTERS):
        for volume in range(PROTECTED):
            path = simulator.svm_folder(number) / f"v{volume}"
            (path / "file").write_text("content")
            names.append(f"c{number}-v{volume}")
            house.protect(names[-1], path, policy="snapshots")
    return names


def main():
    with House() as house:
        simulator = Simulator(house.folder / "ontap", "bench", ["--config", str(configuration(house.folder))])
        try:
            measure(house, simulator)
        finally:
            simulator.stop()


def settled(calls, quiet=5, first=5):
    """The calls until nothing has been asked for some seconds; `first` is how long the first of them may take."""
    made, silent = [], time.monotonic()
    while time.monotonic() - silent < (quiet if made else first):
        time.sleep(0.2)
        if fresh := calls.fresh():
            made += fresh
            silent = time.monotonic()
    return made


def of_runs(made, asked_by_runs=True):
    """A run's calls carry its id; those of the watch have none."""
    return [call for call in made if ("request" in call) == asked_by_runs]


def kinds(made, of):
    return "; ".join(f"{count / of:.3g} {call}" for call, count in collections.Counter(map(shape, made)).most_common())


def add_manager(house, simulator):
    secret = house.folder / "password"
    manager = simulator.endpoints["unified_manager"]
    secret.write_text(manager["password"] + "\n")
    mounts = [word for junction, path in simulator.mounts().items() for word in ("--mount", f"{junction}={path}")]
    house.run("system", "add", "active-iq", "um", "--address", manager["base_url"], "--user", manager["user"], "--password-file", secret,
              "--ca-file", manager["ca_file"], *mounts)


def measure_inventory(house, calls):
    started = time.monotonic()
    inventory = house.client.system_inventory("um")
    took = time.monotonic() - started
    made = calls.fresh()
    volumes = sum(len(cluster["volumes"]) for cluster in inventory)
    row("inventory", f"{took:.2f} s", f"{volumes} volumes of {len(inventory)} clusters in {len(made)} calls: {kinds(made, 1)}")


def measure_backups(house, calls, names):
    """Calls a backup, and calls a proof: each new point is proven once without being asked for."""
    started = time.monotonic()
    with ThreadPoolExecutor(AT) as pool:
        runs = set(pool.map(lambda name: house.finish("scheduled_backup", resource=name).run_id, names))
    took = time.monotonic() - started
    made = of_runs(calls.fresh() + settled(calls, PROOFS_START + 5, PROOFS_START + 5))
    backups = [call for call in made if call["request"].partition("/")[0] in runs]
    proofs = [call for call in made if call["request"].partition("/")[0] not in runs]
    proven = len({call["request"].partition("/")[0] for call in proofs})
    row("snapshots a second", f"{len(names) / took:.1f}", f"{len(names)} backups, {AT} at once")
    row("calls a backup", f"{len(backups) / len(names):.1f}", kinds(backups, len(names)))
    row("calls a proof", f"{len(proofs) / proven:.1f}", f"{proven} proofs on clones: {kinds(proofs, proven)}")
    return len(backups) / len(names), len(proofs) / proven


def measure_watch(house, calls):
    """Calls of the look at all systems that comes each hour (and at a start), and of the one each five minutes."""
    house.stop()
    calls.fresh()
    house.start()
    hourly = of_runs(settled(calls, first=60), asked_by_runs=False)
    row("calls of the hourly look", len(hourly), kinds(hourly, 1))
    short = of_runs(settled(calls, first=WATCHED_EVERY + 60), asked_by_runs=False)
    row("calls of a look", len(short), f"at all systems, every {WATCHED_EVERY // 60} minutes: {kinds(short, 1)}")
    return len(hourly) + len(short) * (3600 // WATCHED_EVERY - 1)


def measure(house, simulator):
    calls = Calls(simulator.folder / "calls.jsonl")
    add_manager(house, simulator)
    settled(calls, first=60)
    measure_inventory(house, calls)
    house.client.post("/v1/documents", {"document": {"kind": "policy", "name": "snapshots", "levels": [{"level": "local_snapshot"}]}})
    names = protect(house, simulator)
    settled(calls)
    backup, proof = measure_backups(house, calls, names)
    if not QUICK:
        watch = measure_watch(house, calls) / (VOLUMES * CLUSTERS)
        proofs = proof / PROVEN_EVERY
        row("calls a volume and hour", f"{backup + proofs + watch:.2f}",
            f"{backup:.2f} an hourly backup, {proofs:.2f} a proof each week, {watch:.2f} the looks at {VOLUMES * CLUSTERS} volumes")


if __name__ == "__main__":
    main()
