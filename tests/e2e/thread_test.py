"""The requirements' sequence diagram in small, on the real program over HTTP:

client -> gateway -> workflow -> driver -> storage -> status back; then loss, recovery and proof.
One trace id, chosen by the client, is found in the gateway's log, the run's history and the driver's log.
"""

import base64
import json
import os
import subprocess
import unittest
import urllib.request

from holdfast import Client, RunFailed
from house import HouseTest, fill, picture

TRACE = "0af7651916cd43dd8448eb211c80319c"


class Thread(HouseTest):
    def setUp(self):
        super().setUp()
        self.tree = fill(self.folder / "source")
        self.house.protect("orders", self.tree)

    def events(self):
        """The server's log as objects."""
        whole = self.house.log.read_text().rpartition("\n")[0]  # the server may be writing the next line
        rows = [line for line in whole.splitlines() if line.startswith("{")]
        return [json.loads(line) for line in rows]

    def test_one_trace_leads_from_the_gateway_to_the_driver(self):
        traced = Client(self.house.client.address, (self.house.data / "admin.token").read_text().strip(),
                        headers={"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"})
        result = traced.wait(traced.start("scheduled_backup", {"resource": "orders"}))
        history = self.house.client.get(f"/v1/runs/{result.run_id}/history")
        header = history["events"][0]["workflowExecutionStartedEventAttributes"]["header"]["fields"]
        self.assertIn(TRACE, base64.b64decode(header["traceparent"]["data"]).decode())
        traced_events = {row["event"] for row in self.events() if TRACE in json.dumps(row)}
        self.assertTrue([name for name in traced_events if name.startswith(("gateway.", "api.", "http."))], traced_events)
        self.assertTrue([name for name in traced_events if name.startswith(("storage.", "driver.", "directory."))], traced_events)

    def test_status_comes_back_with_every_step(self):
        result = self.house.finish("scheduled_backup", resource="orders")
        run = self.house.client.run(result.run_id)
        self.assertEqual(run["status"], "completed")
        self.assertFalse(run["partial"])
        steps = {step["name"]: step["status"] for step in run["steps"]}
        self.assertGreaterEqual(len(steps), 8, steps)
        self.assertEqual(steps["validate_snapmirror"], "not_applicable")
        self.assertEqual({steps[name] for name in ("check_space", "verify_integrity", "update_catalog")}, {"done"})
        point = self.house.client.get(f"/v1/points/{result.point}")
        self.assertEqual(point["label"], "not point-in-time")
        self.assertEqual(point["resource"], "orders")

    def test_what_was_lost_is_recovered_and_proven(self):
        before = picture(self.tree)
        point = self.house.finish("scheduled_backup", resource="orders").point
        (self.tree / "text.txt").unlink()
        target = self.folder / "beside"
        recovery = self.house.finish("data_recovery", recovery_type="volume", source_backup=point, target_location=str(target),
                                     recovery_point=None, validate_integrity=True, notify_completion=True)
        self.assertEqual(picture(target), before)
        self.assertGreaterEqual(recovery.rpo_achieved_seconds, 0)
        proof = self.house.finish("recovery_proof", resource="orders", level="L2")
        self.assertEqual(proof.level, "L2")
        self.assertEqual(self.house.client.get(f"/v1/points/{point}")["state"], "proven")

    def test_an_unchanged_tree_is_compared_byte_by_byte(self):
        self.house.finish("scheduled_backup", resource="orders")
        self.assertEqual(self.house.finish("recovery_proof", resource="orders", level="L4").level, "L4")

    def test_recovery_in_place_waits_for_a_decision_and_then_mends(self):
        before = picture(self.tree)
        point = self.house.finish("scheduled_backup", resource="orders").point
        (self.tree / "text.txt").write_text("overwritten by mistake\n")
        waiting = self.house.finish("data_recovery", recovery_type="volume", source_backup=point, target_location="in-place",
                                    validate_integrity=True, notify_completion=False)
        self.assertEqual(waiting.status, "waiting")
        self.assertEqual((self.tree / "text.txt").read_text(), "overwritten by mistake\n")
        self.house.client.approve(waiting.approval["id"], "mend it")
        ended = self.house.client.wait(self.house.client.run(waiting.run_id))
        self.assertEqual(ended.status, "completed")
        self.assertEqual(picture(self.tree), before)
        approval = self.house.client.get(f"/v1/approvals/{waiting.approval['id']}")
        self.assertTrue(approval["self_approval"])

    def test_a_denied_recovery_changes_nothing(self):
        point = self.house.finish("scheduled_backup", resource="orders").point
        (self.tree / "text.txt").write_text("stays\n")
        waiting = self.house.finish("data_recovery", recovery_type="volume", source_backup=point, target_location="in-place",
                                    validate_integrity=True, notify_completion=False)
        self.house.client.deny(waiting.approval["id"], "no")
        with self.assertRaises(RunFailed):
            self.house.client.wait(self.house.client.run(waiting.run_id))
        self.assertEqual((self.tree / "text.txt").read_text(), "stays\n")

    def test_events_of_a_run_are_streamed_until_its_end(self):
        run = self.house.client.start("scheduled_backup", {"resource": "orders"})
        request = urllib.request.Request(f"{self.house.client.address}/v1/runs/{run['id']}/events",
                                         headers={"Authorization": f"Bearer {(self.house.data / 'admin.token').read_text().strip()}"})
        with urllib.request.urlopen(request) as stream:
            self.assertTrue(stream.headers["Content-Type"].startswith("text/event-stream"))
            text = stream.read().decode()
        self.assertIn("event: end", text)
        last = [line[6:] for line in text.splitlines() if line.startswith("data: ")][-1]
        self.assertEqual(json.loads(last)["status"], "completed")

    def test_restic_reads_what_was_written(self):
        self.house.finish("scheduled_backup", resource="orders")
        opened = {row["id"]: self.house.client.post(f"/v1/repositories/{row['id']}/password")
                  for row in self.house.client.items("/v1/repositories")}
        self.house.stop()  # its proof of the point, due after a minute, would hold a lock that `restic check` does not share
        for name, repository in opened.items():
            environment = {**os.environ, "RESTIC_PASSWORD": repository["password"], "RESTIC_CACHE_DIR": str(self.folder / "cache")}
            back = self.folder / name
            for words in (["check", "--read-data"], ["restore", "latest", "--target", str(back)]):
                done = subprocess.run(["restic", "-r", repository["location"], *words], env=environment, capture_output=True, text=True)
                self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
            self.assertEqual(picture(self.restored_root(back)), picture(self.tree))

    def restored_root(self, folder):
        """Where restic put the tree: under its whole old path."""
        return folder / str(self.tree).lstrip("/")

    def test_the_same_key_starts_one_run(self):
        first = self.house.client.start("scheduled_backup", {"resource": "orders"}, key="one")
        again = self.house.client.start("scheduled_backup", {"resource": "orders"}, key="one")
        self.assertEqual(first["id"], again["id"])
        self.house.client.wait(first)
        self.assertEqual(len(list(self.house.client.items("/v1/runs", workflow="scheduled_backup"))), 1)

    def test_losing_the_state_database_loses_no_point(self):
        point = self.house.finish("scheduled_backup", resource="orders").point
        self.house.stop()
        for name in self.house.data.glob("state.db*"):
            name.unlink()
        self.assertTrue(self.house.start_again())
        runs = [run for run in self.house.client.items("/v1/runs") if run["workflow"] == "catalog_rebuild"]
        self.house.client.wait(runs[0] if runs else self.house.client.start("catalog_rebuild"))
        self.assertIn(point, [row["id"] for row in self.house.client.items("/v1/points")])
        target = self.folder / "after"
        self.house.finish("data_recovery", recovery_type="volume", source_backup=point, target_location=str(target))
        self.assertEqual(picture(target), picture(self.tree))


if __name__ == "__main__":
    unittest.main()
