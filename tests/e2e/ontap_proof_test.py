"""Proofs of ONTAP snapshots on clones, which are gone afterwards whatever happened."""

import time
import unittest

from ontap_native_test import NativeTest
from ontap_test import contents


class Proofs(NativeTest):
    def clones(self):
        return {name for name in self.volumes() if name.startswith("holdfast_")}

    def protect(self, **more):
        self.house.client.post("/v1/resources", {"name": "orders", "path": str(self.volume), "policy": "snapshots", **more})

    def test_a_snapshot_is_proven_on_a_clone_that_goes_again(self):
        self.protect(probe_command='test -f text.txt && touch written && test "$HOLDFAST_RESTORED" = "$PWD"')
        point = self.backup()
        for level in ("L2", "L3", "L4"):
            proof = self.house.finish("recovery_proof", resource="orders", level=level)
            self.assertEqual(proof.level, level)
        made = [call for call in self.calls() if call["method"] == "POST" and call["path"].startswith("/storage/volumes?")]
        self.assertEqual(len(made), 3)
        self.assertEqual(self.clones(), set())
        self.assertEqual(contents(self.volume), self.before)
        proofs = self.house.client.get(f"/v1/points/{point}")["copies"][0]["proof"]
        self.assertEqual(proofs["level"], "L4")

    def test_a_killed_server_leaves_no_clone(self):
        marker, pid = self.folder / "probed", self.folder / "pid"
        self.protect(probe_command=f"test -e {marker} || {{ touch {marker} half; kill -9 $(cat {pid}); sleep 60; }}; test ! -e half")
        self.backup()
        pid.write_text(str(self.house.process.pid))
        run = self.house.client.start("recovery_proof", {"resource": "orders", "level": "L3"})
        self.house.process.wait(60)
        self.assertEqual(len(self.clones()), 1)
        self.assertTrue(self.house.start_again())
        proof = self.house.client.wait(self.house.client.run(run["id"]), time.monotonic() + 300)
        self.assertEqual(proof.level, "L3")
        self.assertEqual(self.clones(), set())

    def test_a_cancelled_proof_leaves_no_clone(self):
        marker = self.folder / "probing"
        self.protect(probe_command=f"touch {marker}; sleep 600")
        self.backup()
        run = self.house.client.start("recovery_proof", {"resource": "orders", "level": "L3"})
        limit = time.monotonic() + 60
        while not marker.exists():
            self.assertLess(time.monotonic(), limit, "the probe runs")
            time.sleep(0.02)
        self.assertEqual(len(self.clones()), 1)
        self.assertNotIn("leaked_clone", {row["kind"] for row in self.house.client.system_findings("um")})
        self.house.client.cancel(run["id"])
        with self.assertRaises(Exception):
            self.house.client.wait(self.house.client.run(run["id"]), time.monotonic() + 120)
        self.assertEqual(self.house.client.run(run["id"])["status"], "cancelled")
        self.assertEqual(self.clones(), set())

    def test_a_leaked_clone_is_a_finding(self):
        self.protect()
        self.backup()
        self.cluster(0, "/storage/volumes", {"name": "holdfast_left", "svm": {"name": "svm1"},
                                             "clone": {"is_flexclone": True, "parent_volume": {"name": "data1"}}})
        found = [row for row in self.house.client.system_findings("um") if row["kind"] == "leaked_clone"]
        self.assertEqual([row["object"] for row in found], ["svm1:holdfast_left"])


if __name__ == "__main__":
    unittest.main()
