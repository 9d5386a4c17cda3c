"""Writes docs/ontap-calls.md: which of the calls that an operation on ONTAP is made of are driven by which test.

    python3 tools/ontap_calls.py [build/release]

Runs every test that talks to the simulator, one by one, and reads the simulator's own log of calls. A call that no test
drives is shown as such.
"""

import json
import os
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "ontap-calls.md"
TESTS = "*Ontap*:SlowFailover*-Nightly*:OntapClient*:OntapBreaker*:OntapGate*:OntapErrors*:OntapText*:OntapEndpoint*:OntapEvent*:OntapValues*"
ANY = "[^/?]+"

# (operation, method, path of ONTAP without /api, where {} is a part of the path and {...} the rest of it; a query that must be there)
CALLS = [
    ("Discover inventory", "GET", "/cluster", ""),
    ("Discover inventory", "GET", "/cluster/nodes", ""),
    ("Discover inventory", "GET", "/svm/svms", ""),
    ("Discover inventory", "GET", "/storage/aggregates", ""),
    ("Discover inventory", "GET", "/storage/volumes", ""),
    ("Discover inventory", "GET", "/application/consistency-groups", ""),
    ("Discover inventory", "GET", "/snapmirror/relationships", ""),
    ("Discover inventory", "GET", "/snapmirror/relationships", "list_destinations_only"),
    ("Discover inventory", "GET", "/cluster/peers", ""),
    ("Discover inventory", "GET", "/svm/peers", ""),
    ("Consistency-group snapshot", "POST", "/application/consistency-groups/{}/snapshots", "action=start"),
    ("Consistency-group snapshot", "PATCH", "/application/consistency-groups/{}/snapshots/{}", "action=commit"),
    ("Consistency-group snapshot", "GET", "/application/consistency-groups/{}/snapshots/{}", ""),
    ("Consistency-group snapshot", "POST", "/application/consistency-groups/{}/snapshots", "!action"),
    ("List recovery points", "GET", "/application/consistency-groups/{}/snapshots", ""),
    ("List recovery points", "GET", "/storage/volumes/{}/snapshots", ""),
    ("Snapshot of a volume", "POST", "/storage/volumes/{}/snapshots", ""),
    ("Snapshot of a volume", "DELETE", "/storage/volumes/{}/snapshots/{}", ""),
    ("Restore file", "GET", "/storage/volumes/{}/files/{...}", ""),
    ("Restore file", "POST", "/storage/file/clone", ""),
    ("Restore file", "PATCH", "/storage/volumes/{}", "restore_to.path"),
    ("Restore file", "POST", "/storage/directory-restore", ""),
    ("Restore file", "POST", "/storage/file/copy", ""),
    ("Restore volume in place", "PATCH", "/storage/volumes/{}", "restore_to.snapshot"),
    ("Restore volume in place", "PATCH", "/application/consistency-groups/{}", ""),
    ("Clone for a test, and its removal", "POST", "/storage/volumes", ""),
    ("Clone for a test, and its removal", "PATCH", "/storage/volumes/{}", ""),
    ("Clone for a test, and its removal", "DELETE", "/storage/volumes/{}", "force"),
    ("Clone for a test, and its removal", "POST", "/application/consistency-groups", ""),
    ("Set up replication", "POST", "/snapmirror/policies", ""),
    ("Set up replication", "POST", "/cluster/schedules", ""),
    ("Set up replication", "POST", "/snapmirror/relationships", ""),
    ("Set up replication", "POST", "/svm/peers", ""),
    ("Set up replication", "PATCH", "/svm/peers/{}", ""),
    ("Update and wait", "POST", "/snapmirror/relationships/{}/transfers", ""),
    ("Update and wait", "GET", "/snapmirror/relationships/{}", ""),
    ("Fail-over and failback", "PATCH", "/snapmirror/relationships/{}", ""),
    ("Fail-over and failback", "PATCH", "/snapmirror/relationships/{}", "force"),
    ("Fail-over and failback", "PATCH", "/snapmirror/relationships/{}/transfers/{}", ""),
    ("Fail-over and failback", "DELETE", "/snapmirror/relationships/{}", ""),
    ("Fail-over and failback", "GET", "/snapmirror/relationships/{}/transfers", ""),
    ("Retention and lock", "PATCH", "/storage/volumes/{}/snapshots/{}", ""),
    ("Retention and lock", "PATCH", "/storage/volumes/{}", "snapshot_locking_enabled"),
    ("Retention and lock", "GET", "/storage/snapshot-policies", ""),
    ("Retention and lock", "PATCH", "/snapmirror/policies/{}", ""),
    ("Capacity and efficiency", "GET", "/storage/volumes/{}/metrics", ""),
    ("Capacity and efficiency", "GET", "/application/consistency-groups/{}/metrics", ""),
    ("Health events", "GET", "/support/ems/events", ""),
    ("Jobs", "GET", "/cluster/jobs/{}", ""),
]
MANAGER = [
    ("Discover inventory", "GET", "/gateways", ""),
    ("Discover inventory", "GET", "/datacenter/cluster/clusters", ""),
    ("Discover inventory", "GET", "/datacenter/svm/svms", ""),
    ("Discover inventory", "GET", "/datacenter/storage/aggregates", ""),
    ("Discover inventory", "GET", "/datacenter/storage/volumes", ""),
    ("Capacity and efficiency", "GET", "/datacenter/storage/volumes/{}/metrics", ""),
    ("Capacity and efficiency", "GET", "/datacenter/storage/aggregates/analytics", ""),
    ("Health events", "GET", "/management-server/events", ""),
    ("Health events", "PATCH", "/management-server/events/{}", ""),
    ("Health events", "GET", "/management-server/system", ""),
    ("Health events", "GET", "/management-server/alerts", ""),
]
# Calls that Holdfast does not make, and why.
NOT_MADE = {
    ("/storage/volumes/{}", "snapshot_locking_enabled"): "not made: it cannot be taken back, so the volume's administrator switches it on; "
                                                         "a lock that is refused says so",
    ("/management-server/alerts", ""): "not made: mails of Unified Manager stay as they are set up there; Holdfast tells its own channels",
}


def matches(row, call):
    _, method, shape, query = row
    path, _, asked = call["path"].partition("?")
    pattern = re.escape(shape).replace(r"\{\.\.\.\}", "[^?]+").replace(r"\{\}", ANY)
    if call["method"] != method or not re.fullmatch(pattern, path.replace("//", "/")):
        return False
    return query[1:] not in asked if query.startswith("!") else query in asked


def unit_tests(program):
    suite, names = "", []
    printed = subprocess.run([program, "--gtest_list_tests", f"--gtest_filter={TESTS}"], capture_output=True, text=True, check=True)
    for line in printed.stdout.splitlines():
        if line.startswith("  "):
            names.append(suite + line.split("#")[0].strip())
        elif line.split("#")[0].strip().endswith("."):
            suite = line.split("#")[0].strip()
    return names


def run_all(build, folder):
    """Runs each test for itself; {test: its calls}."""
    calls = {}
    program = str(build / "src" / "storage_test")
    environment = {**os.environ, "HOLDFAST_REQUIRE": "netapp"}
    for name in unit_tests(program):
        kept = folder / "calls.jsonl"
        kept.unlink(missing_ok=True)
        done = subprocess.run([program, "--gtest_brief=1", f"--gtest_filter={name}"], capture_output=True, text=True,
                              env={**environment, "HOLDFAST_ONTAP_CALLS": str(kept)})
        if done.returncode != 0:
            sys.exit(f"ontap_calls: {name} fails:\n{done.stdout[-2000:]}")
        calls[name] = lines_of(kept)
    e2e = folder / "e2e"
    e2e.mkdir()
    done = subprocess.run([sys.executable, "-B", "-m", "unittest", "-q", "ontap_test", "ontap_systems_test"], cwd=ROOT / "tests" / "e2e",
                          capture_output=True, text=True,
                          env={**environment, "HOLDFAST_BIN": str(build / "holdfast"), "HOLDFAST_ONTAP_CALLS": str(e2e),
                               "PYTHONPATH": str(ROOT / "clients" / "python" / "src")})
    if done.returncode != 0:
        sys.exit(f"ontap_calls: the end-to-end tests fail:\n{done.stderr[-2000:]}")
    for kept in sorted(e2e.glob("*.jsonl")):
        calls["e2e " + re.sub(r"^ontap(_systems)?_test\.", "", kept.stem)] = lines_of(kept)
    return calls


def lines_of(file):
    """The calls of the product: not those by which a test prepares something."""
    rows = [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []
    return [row for row in rows if row["client"].lower().startswith("holdfast") and row["status"] < 400]


def table(rows, routes, calls):
    driven = defaultdict(list)
    for test, made in calls.items():
        for number, row in enumerate(rows):
            for route in routes:
                if any(call["route"] == route and matches(row, call) for call in made):
                    driven[number, route].append(test)
    yield "| operation | call | " + " | ".join(routes) + " |"
    yield "|---" * (2 + len(routes)) + "|"
    for number, (operation, method, path, query) in enumerate(rows):
        asked = f" without `{query[1:]}`" if query.startswith("!") else f" with `{query}`" if query else ""
        cells = [cell(driven[number, route]) if driven[number, route] else NOT_MADE.get((path, query), "none") for route in routes]
        yield f"| {operation} | `{method} {path}`{asked} | " + " | ".join(cells) + " |"


def cell(tests):
    return f"`{min(tests, key=len)}`" + (f" and {len(tests) - 1} more" if len(tests) > 1 else "")


def main():
    build = Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "build" / "release").resolve()
    with tempfile.TemporaryDirectory() as folder:
        calls = run_all(build, Path(folder))
    text = ["# Calls to ONTAP and Unified Manager, and the tests that drive them", "",
            "Made by `python3 tools/ontap_calls.py` from the simulator's log of calls: only what the product itself sends counts. `direct` is",
            "the cluster's own API, `gateway` the same call through Unified Manager. `none`: no test drives it. What tests prepare by themselves",
            "says so to the simulator and does not count.", "", *table(CALLS, ["direct", "gateway"], calls), "", "Unified Manager's own API:", "",
            *table(MANAGER, ["manager"], calls), ""]
    PAGE.write_text("\n".join(text))
    print(f"{PAGE.relative_to(ROOT)}: {sum(len(made) for made in calls.values())} calls of {len(calls)} tests")


if __name__ == "__main__":
    main()
