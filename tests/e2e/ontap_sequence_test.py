"""The requirements' sequence of a backup and a recovery, whole: API -> workflow -> Unified Manager's gateway -> storage ->
status back, on the embedded engine and on a Temporal server. Every byte is compared after each recovery.
"""

import json
import time
import unittest

import temporal_test
from house import require_program
from ontap_native_test import GroupTest
from ontap_test import contents
from temporal_test import setUpModule, tearDownModule  # noqa: F401


class Sequence(GroupTest):
    """Two volumes in one consistency group; who asks has nothing but the API."""

    def setUp(self):
        super().setUp()
        self.heard = self.folder / "heard.jsonl"
        self.house.client.post("/v1/documents", {"document": {"kind": "channel", "name": "ops", "type": "log", "file": str(self.heard)}})
        self.policy("snapshots", [{"level": "local_snapshot"}], channels=["ops"])
        self.protect_both()
        self.marked = len(self.calls())

    def ask(self, workflow, **parameters):
        """What the API answers at once, and the run when it has ended; an approval on the way is given."""
        accepted = self.house.client.post(f"/v1/workflows/{workflow}", {"parameters": parameters})
        self.assertIn(accepted["status"], ("running", "waiting", "completed"))
        self.approved = None
        limit = time.monotonic() + 300
        while (run := self.house.client.run(accepted["id"]))["status"] in ("running", "waiting"):
            self.assertLess(time.monotonic(), limit, run)
            if run.get("approval") and not self.approved:
                self.approved = run["approval"]["id"]
                self.house.client.approve(self.approved, "sequence")
            time.sleep(0.05)
        self.assertEqual(run["status"], "completed", run.get("error"))
        return run

    def on_the_way(self):
        """The storage calls since the last question: all of them came through Unified Manager."""
        calls = [call for call in self.calls()[self.marked:] if call["client"].startswith("Holdfast")]
        self.marked = len(self.calls())
        self.assertEqual({call["route"] for call in calls} - {"manager"}, {"gateway"}, calls)
        return [f"{call['method']} {call['path']}" for call in calls if call["method"] != "GET"]

    def recover_and_compare(self, means, **parameters):
        run = self.ask("data_recovery", source_backup=self.points["orders"], target_location="in-place", validate_integrity=True,
                       notify_completion=True, **parameters)
        self.assertEqual(run["result"]["means"], means, run["result"])
        self.assertTrue(self.approved)
        steps = {step["name"]: step for step in run["steps"]}
        self.assertTrue(steps["restore"]["detail"].startswith(means), steps["restore"])
        self.assertEqual([steps[name]["status"] for name in ("propose", "approval", "restore", "validate", "manifest", "notify")], ["done"] * 6)
        return self.on_the_way()

    def test_every_arrow_of_the_diagram(self):
        backup = self.ask("scheduled_backup", resource="orders")
        writes = self.on_the_way()
        self.assertTrue(writes[0].startswith("POST /application/consistency-groups/"), writes)
        self.assertTrue(writes[1].startswith("PATCH /application/consistency-groups/"), writes)
        self.assertEqual(len(writes), 2, "one group snapshot in two phases is all that a backup writes")
        self.points = {name: self.house.points(name)[-1]["id"] for name in ("orders", "logs")}
        self.assertEqual(backup["result"]["point"], self.points["orders"])
        self.assertEqual([member["point"] for member in backup["result"]["members"]], [self.points["logs"]])

        (self.volume / "text.txt").write_text("overwritten by mistake\n")
        writes = self.recover_and_compare("file_restore", recovery_type="file", paths=["text.txt"])
        self.assertEqual((len(writes), "restore_to.path" in writes[0]), (1, True), writes)
        self.assertEqual(contents(self.volume), {**contents(self.volume), "text.txt": self.before["text.txt"]})

        self.damage()
        writes = self.recover_and_compare("snapshot_restore", recovery_type="volume")
        self.assertEqual((len(writes), "restore_to.snapshot.name" in writes[0]), (1, True), writes)
        self.assertEqual(contents(self.volume), self.before)

        for volume in (self.volume, self.logs):
            self.damage(volume)
        writes = self.recover_and_compare("snapshot_restore", recovery_type="group")
        self.assertEqual((len(writes), writes[0].startswith("PATCH /application/consistency-groups/")), (1, True), writes)
        self.assertEqual((contents(self.volume), contents(self.logs)), (self.before, self.logs_before))

        told = [json.loads(line)["event"] for line in self.heard.read_text().splitlines()]
        self.assertEqual(told, ["backup.completed"] + ["recovery.completed"] * 3)


class SequenceOnTemporal(Sequence):
    def setUp(self):
        require_program(self)
        temporal_test.require_temporal(self)
        super().setUp()

    def prepare(self, house):
        temporal_test.use_temporal(house)


if __name__ == "__main__":
    unittest.main()
