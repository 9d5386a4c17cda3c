"""./dev bench ontap: 1,000 volumes in 4 simulated clusters behind one Unified Manager, by the product itself.

    inventory       `GET /v1/systems/NAME/inventory`: every cluster, volume, group and relationship, by the gateway
    snapshots       backups to local_snapshot alone, 16 at once over all clusters; a second, and calls each
    steady state    calls a volume and hour when each is backed up hourly and the manager is watched

The simulator's jobs take no time and it runs on the same machine, so the figures are those of the driver, the workflows
and the simulator together. BENCH_QUICK=1 takes a tenth of the volumes
and leaves the last out, which waits five minutes.
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


def measure(house, simulator):
    calls = Calls(simulator.folder / "calls.jsonl")
    secret = house.folder / "password"
    manager = simulator.endpoints["unified_manager"]
    secret.write_text(manager["password"] + "\n")
    mounts = [word for junction, path in simulator.mounts().items() for word in ("--mount", f"{junction}={path}")]
    house.run("system", "add", "active-iq", "um", "--address", manager["base_url"], "--user", manager["user"], "--password-file", secret,
              "--ca-file", manager["ca_file"], *mounts)
    calls.fresh()
    started = time.monotonic()
    inventory = house.client.system_inventory("um")
    took = time.monotonic() - started
    made = calls.fresh()
    volumes = sum(len(cluster["volumes"]) for cluster in inventory)
    row("inventory", f"{took:.2f} s", f"{volumes} volumes of {len(inventory)} clusters in {len(made)} calls")

    house.client.post("/v1/documents", {"document": {"kind": "policy", "name": "snapshots", "levels": [{"level": "local_snapshot"}]}})
    names = protect(house, simulator)
    house.finish("scheduled_backup", resource=names[0])  # what is learnt once is learnt
    calls.fresh()
    started = time.monotonic()
    with ThreadPoolExecutor(AT) as pool:
        list(pool.map(lambda name: house.finish("scheduled_backup", resource=name), names))
    took = time.monotonic() - started
    made = calls.fresh()
    row("snapshots a second", f"{len(names) / took:.1f}", f"{len(names)} backups, {AT} at once")
    row("calls a backup", f"{len(made) / len(names):.1f}", "; ".join(
        f"{count / len(names):.1f} {call}" for call, count in collections.Counter(map(shape, made)).most_common()))

    if not QUICK:
        time.sleep(WATCHED_EVERY + 5)
        idle = calls.fresh()
        hourly = len(made) / len(names) + len(idle) * 3600 / WATCHED_EVERY / (VOLUMES * CLUSTERS)
        row("calls a volume and hour", f"{hourly:.1f}", f"one backup an hour; {len(idle)} calls a look at all systems, every five minutes")


if __name__ == "__main__":
    main()
