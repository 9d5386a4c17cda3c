"""SIGKILL of the server at drawn durable operations of a backup, its retention, a recovery and a proof.

An undisturbed run is counted first (tests/crash/kill_points.cc numbers every write, sync, rename and
remove). Then, for each drawn number, a fresh server dies just there, is started again, and the same
requests are sent again under the same keys. Afterwards: every run ended exactly once, the point from
before restores, every listed point restores, restic finds every repository whole.

HOLDFAST_KILLS: how many kill points (10); HOLDFAST_SEED: which ones.
"""

import os
import random
import shutil
import subprocess
import sys
import time
import unittest
from datetime import datetime
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "e2e"))
from house import House, fill, picture, require_program  # noqa: E402

from holdfast import HoldfastError  # noqa: E402

KILLS = int(os.environ.get("HOLDFAST_KILLS", "10"))
SEED = int(os.environ.get("HOLDFAST_SEED", "0")) or random.SystemRandom().randrange(1, 1 << 31)
LIBRARY = os.environ.get("HOLDFAST_KILL_LIBRARY", "")
PHASES = ("backup", "retention", "recovery", "proof")
WAIT_SECONDS = 240


class Scenario:
    """One server, a point from before, and the requests that are disturbed."""

    def __init__(self, case):
        self.case = case
        self.house = case.enterContext(House())
        self.tree = fill(self.house.folder / "source")
        self.target = self.house.folder / "back"
        self.first = picture(self.tree)
        self.house.protect("orders", self.tree)
        self.before = self.house.finish("scheduled_backup", resource="orders").point
        (self.tree / "d1" / "late.bin").write_bytes(random.Random(7).randbytes(90_000))
        (self.tree / "text.txt").write_text("second edition\n")
        self.second = picture(self.tree)
        self.runs = {}
        self.house.stop()

    def arm(self, **how):
        """Starts the server anew; it dies at the operation HOLDFAST_KILL_AT."""
        self.house.start(wait=False, LD_PRELOAD=LIBRARY, HOLDFAST_KILL_UNDER=str(self.house.folder / ""), **how)

    def request(self, name, workflow, **parameters):
        """Starts a workflow and waits for its end, over any number of deaths of the server."""
        limit = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < limit:
            try:
                run = self.house.client.start(workflow, parameters, key=f"kill-{name}")
                result = self.house.client.wait(run, limit)
                self.runs[name] = result.run
                return result
            except HoldfastError as error:
                if error.code != "unavailable":
                    raise
            self.revive()
        self.case.fail(f"{workflow} did not end in {WAIT_SECONDS} s; the server's log ends:\n{self.house.log_end()}")

    def revive(self):
        """Starts the server again, undisturbed, when it has died."""
        try:
            self.house.process.wait(5)
        except subprocess.TimeoutExpired:
            return  # it lives and was only slow to answer
        self.case.assertTrue(self.house.start_again(), f"the server does not start after its death:\n{self.house.log_end()}")

    def play(self):
        if not self.house.wait_ready():  # died while starting
            self.revive()
        backup = self.request("backup", "scheduled_backup", resource="orders")
        self.request("recovery", "data_recovery", recovery_type="volume", source_backup=backup.point,
                     target_location=str(self.target), validate_integrity=True, notify_completion=False)
        self.request("proof", "recovery_proof", resource="orders", level="L4")

    def judge(self):
        """Everything that must hold, whatever happened."""
        case, client = self.case, self.house.client
        for name, workflow, count in (("backup", "scheduled_backup", 2), ("recovery", "data_recovery", 1)):
            rows = list(client.items("/v1/runs", workflow=workflow))
            case.assertEqual(len(rows), count, f"{name}: {[(row['id'], row['status']) for row in rows]}")
            case.assertEqual({row["status"] for row in rows}, {"completed"})
        case.assertEqual(picture(self.target), self.second)
        points = self.house.points("orders")
        case.assertIn(self.before, [point["id"] for point in points])
        case.assertEqual(len(points), 2, [point["id"] for point in points])
        for point in points:
            back = self.house.folder / f"judge-{point['id']}"
            self.house.finish("data_recovery", recovery_type="volume", source_backup=point["id"], target_location=str(back),
                              validate_integrity=True, notify_completion=False)
            case.assertEqual(picture(back), self.first if point["id"] == self.before else self.second)
        self.judge_by_restic()

    def judge_by_restic(self):
        if not shutil.which("restic"):
            self.case.fail("restic is not installed; it is the judge of what was written (./dev deps)")
        for repository in self.house.client.items("/v1/repositories"):
            opened = self.house.client.post(f"/v1/repositories/{repository['id']}/password")
            done = subprocess.run(["restic", "-r", opened["location"], "--no-cache", "--no-lock", "check", "--read-data"],
                                  capture_output=True, text=True, env={**os.environ, "RESTIC_PASSWORD": opened["password"]})
            self.case.assertEqual(done.returncode, 0, done.stdout + done.stderr)


def nanoseconds(text):
    return datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1e9


def phase_numbers(log, runs):
    """{phase: numbers of the operations in it}, from the clock times of the runs and of the retention step."""
    windows = {name: [(nanoseconds(runs[name]["started_at"]), nanoseconds(runs[name]["ended_at"]))] for name in ("backup", "recovery", "proof")}
    retention = [step for step in runs["backup"]["steps"] if "retention" in step["name"] and step["started_at"]]
    windows["retention"] = [(nanoseconds(step["started_at"]), nanoseconds(step["ended_at"])) for step in retention]
    found = {phase: [] for phase in PHASES}
    for line in log.read_text().splitlines():
        number, at = line.split()[:2]
        for phase in ("retention", "backup", "recovery", "proof"):
            if any(first <= int(at) <= last for first, last in windows[phase]):
                found[phase].append(int(number))
                break
    return found


class Kill(unittest.TestCase):
    def setUp(self):
        require_program(self)
        self.assertTrue(os.path.isfile(LIBRARY), f"HOLDFAST_KILL_LIBRARY ({LIBRARY or 'not set'}) is not there")

    def count(self):
        scenario = Scenario(self)
        log = scenario.house.folder / "operations"
        scenario.arm(HOLDFAST_KILL_LOG=str(log))
        scenario.play()
        scenario.judge()
        scenario.house.stop()
        return phase_numbers(log, scenario.runs)

    def test_every_run_ends_once_and_every_point_restores(self):
        numbers = self.count()
        print(f"\nHOLDFAST_SEED={SEED}; operations: " + ", ".join(f"{phase} {len(numbers[phase])}" for phase in PHASES))
        for phase in PHASES:
            self.assertTrue(numbers[phase], f"no durable operation falls into {phase}")
        dice, hits = random.Random(SEED), dict.fromkeys(PHASES, 0)
        for turn in range(KILLS):
            phase = PHASES[turn % len(PHASES)]
            number = dice.choice(numbers[phase])
            with self.subTest(phase=phase, operation=number, seed=SEED):
                scenario = Scenario(self)
                scenario.arm(HOLDFAST_KILL_AT=str(number))
                armed = scenario.house.process
                scenario.play()
                hits[phase] += armed.poll() == -9
                scenario.judge()
                scenario.house.__exit__()
        print("killed in: " + ", ".join(f"{phase} {hits[phase]}" for phase in PHASES))
        if KILLS >= len(PHASES):
            self.assertNotIn(0, hits.values(), "a phase was never hit")


if __name__ == "__main__":
    unittest.main()
