"""./dev bench thread: what the thread costs, in one table; restic is measured in the same run.

    orchestration   a scheduled backup of an unchanged small tree, request to end: p50 and p99
    transitions     events written to histories per second, by 8 clients
    API reads       GET /v1/resources per second, by 8 clients that keep their connection
    backup          first and unchanged backup of a tree (/usr/include, or BENCH_TREE) by `holdfast repo` and by restic

Where perf is installed, each part is followed by the five functions that took most of the server's time.
BENCH_QUICK=1 takes a tenth of the repetitions, to see that it works.
"""

import http.client
import json
import os
import shutil
import statistics
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "e2e"), str(ROOT / "clients" / "python" / "src")]
from house import PROGRAM, House, fill  # noqa: E402

SHARE = 0.1 if os.environ.get("BENCH_QUICK") else 1.0
CLIENTS = 8
TREE = Path(os.environ.get("BENCH_TREE", "/usr/include"))


def times(count):
    return max(3, int(count * SHARE))


def row(name, value, note=""):
    print(f"{name:<38}{value:>16}  {note}", flush=True)


def milliseconds(seconds):
    return f"{seconds * 1000:.1f} ms"


def until_end(house, run, key):
    """Follows a run's events until the stream ends: no polling, so no rounding up to a pause."""
    request = urllib.request.Request(f"{house.client.address}/v1/runs/{run['id']}/events", headers={"Authorization": f"Bearer {key}"})
    with urllib.request.urlopen(request, timeout=120) as stream:
        last = [line for line in stream.read().decode().splitlines() if line.startswith("data: ")][-1]
    ended = json.loads(last[6:])
    if ended["status"] != "completed":
        sys.exit(f"bench: run {ended['id']} ended as {ended['status']}: {ended.get('error')}")


@contextmanager
def profiled(house, name):
    """Prints the five hottest functions of the server over this block, where perf is there."""
    perf, data = shutil.which("perf"), house.folder / f"{name}.perf"
    recorder = subprocess.Popen([perf, "record", "-q", "-F", "499", "-p", str(house.process.pid), "-o", str(data)],
                                stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) if perf else None
    while recorder and recorder.poll() is None and not data.exists():
        time.sleep(0.05)
    time.sleep(0.3 if recorder else 0)  # it counts from a moment after its file is there
    try:
        yield
    finally:
        if recorder:
            recorder.send_signal(2)
            recorder.wait()
            report = subprocess.run([perf, "report", "-i", str(data), "--stdio", "--no-children", "-g", "none", "--percent-limit", "0.5"],
                                    capture_output=True, text=True).stdout
            for line in [line for line in report.splitlines() if "%" in line and not line.startswith("#")][:5]:
                print(f"    {line.strip()[:110]}")


def orchestration(house, key):
    house.protect("small", fill(house.folder / "small"))
    house.finish("scheduled_backup", resource="small")
    taken = []
    with profiled(house, "orchestration"):
        for _ in range(times(100)):
            started = time.perf_counter()
            until_end(house, house.client.start("scheduled_backup", {"resource": "small"}), key)
            taken.append(time.perf_counter() - started)
        taken.sort()
        row("unchanged scheduled backup, p50", milliseconds(statistics.median(taken)), f"{len(taken)} runs, request to end")
        row("unchanged scheduled backup, p99", milliseconds(taken[min(len(taken) - 1, int(0.99 * len(taken)))]))


def transitions(house, key):
    parameters = {"cluster_id": "local", "start_date": "2020-01-01T00:00:00Z", "end_date": "2020-01-02T00:00:00Z", "include_metrics": False, "include_failures": False}

    def one(_):
        run = house.client.start("backup_status_report", parameters)
        until_end(house, run, key)
        return run["id"]

    with profiled(house, "transitions"), ThreadPoolExecutor(CLIENTS) as pool:
        started = time.perf_counter()
        runs = list(pool.map(one, range(times(400))))
        seconds = time.perf_counter() - started
        history = house.client.get(f"/v1/runs/{runs[0]}/history")
        events = len(history["events"]) * len(runs)
        row("durable state transitions", f"{events / seconds:.0f} /s", f"{len(runs)} runs of {len(history['events'])} events, {CLIENTS} clients")


def api_reads(house, key):
    host = house.client.address.split("//")[1]
    count = times(1000)

    def reader(_):
        link = http.client.HTTPConnection(host, timeout=30)
        for _ in range(count):
            link.request("GET", "/v1/resources", headers={"Authorization": f"Bearer {key}"})
            answer = link.getresponse()
            answer.read()
            if answer.status != 200:
                sys.exit(f"bench: GET /v1/resources answered {answer.status}")
        link.close()

    with profiled(house, "reads"), ThreadPoolExecutor(CLIENTS) as pool:
        started = time.perf_counter()
        list(pool.map(reader, range(CLIENTS)))
        seconds = time.perf_counter() - started
        row("API reads", f"{count * CLIENTS / seconds:.0f} /s", f"{CLIENTS} Python clients on the same cores")


def engines(house):
    """Seconds of a first and of an unchanged backup, each the median of three."""
    taken = {}
    for turn in range(3):
        for name, program in (("holdfast", [PROGRAM, "repo"]), ("restic", ["restic", "--no-cache"])):
            if name == "restic" and not shutil.which("restic"):
                continue
            place = house.folder / f"{name}-{turn}"
            environment = {**os.environ, "RESTIC_REPOSITORY": str(place), "RESTIC_PASSWORD": "bench"}
            subprocess.run([*program, "init"], env=environment, check=True, capture_output=True)
            for which in ("first", "unchanged"):
                started = time.perf_counter()
                subprocess.run([*program, "backup", str(TREE)], env=environment, check=True, capture_output=True)
                taken.setdefault((name, which), []).append(time.perf_counter() - started)
            size = sum(path.stat().st_size for path in place.rglob("*") if path.is_file())
            taken.setdefault((name, "size"), []).append(size)
            shutil.rmtree(place)
    for which in ("first", "unchanged", "size"):
        ours = statistics.median(taken[("holdfast", which)])
        theirs = statistics.median(taken[("restic", which)]) if ("restic", which) in taken else None
        show = (lambda value: f"{value / 1e6:.1f} MB") if which == "size" else (lambda value: f"{value:.2f} s")
        note = f"restic {show(theirs)}; ratio {ours / theirs:.2f}" if theirs else "restic is not installed"
        row({"first": f"first backup of {TREE}", "unchanged": "unchanged backup of it", "size": "size of the repository"}[which], show(ours), note)


def main():
    if not PROGRAM:
        sys.exit("bench: HOLDFAST_BIN names no program; use ./dev bench thread")
    with House() as house:
        key = (house.data / "admin.token").read_text().strip()
        print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} before")
        orchestration(house, key)
        transitions(house, key)
        api_reads(house, key)
        engines(house)


if __name__ == "__main__":
    main()
