"""Storage systems end to end: what is on them, what others made, what was left behind, what they report."""

import base64
import json
import ssl
import unittest
import urllib.request

from house import fill
from ontap_test import OntapTest, Simulator, contents


class SystemsTest(OntapTest):
    def call(self, number, method, path, body=None):
        """One call on a cluster itself, as its administrator: not the product's."""
        described = self.simulator.endpoints["clusters"][number]
        login = base64.b64encode(f"{described['user']}:{described['password']}".encode()).decode()
        wait = "" if method == "GET" else "?return_timeout=30"
        request = urllib.request.Request(f"{described['base_url']}/api{path}{wait}", None if body is None else json.dumps(body).encode(),
                                         {"Authorization": f"Basic {login}", "Content-Type": "application/json"}, method=method)
        with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=described["ca_file"])) as answer:
            return json.load(answer)

    def volume_uuid(self, number, name):
        return self.call(number, "GET", f"/storage/volumes?name={name}")["records"][0]["uuid"]

    def foreign_snapshot(self, name):
        self.call(0, "POST", f"/storage/volumes/{self.volume_uuid(0, 'data1')}/snapshots", {"name": name})

    def findings(self, system, kind):
        return [row for row in self.house.client.system_findings(system) if row["kind"] == kind]


class ThroughUnifiedManager(SystemsTest):
    def setUp(self):
        super().setUp()
        manager = self.simulator.endpoints["unified_manager"]
        self.house.run("system", "add", "active-iq", "um", *self.login(manager))

    def test_inventory_and_capacity_have_both_views(self):
        fill(self.volume)
        self.house.protect("orders", self.volume)
        inventory = {row["name"]: row for row in self.house.client.system_inventory("um")}
        first = inventory["cluster1"]
        self.assertEqual({node["state"] for node in first["nodes"]}, {"up"})
        self.assertEqual([peer["cluster"] for peer in first["peers"]["clusters"]], ["cluster2"])
        self.assertTrue(first["snapshot_policies"])
        self.assertGreater(first["active_iq"]["total"], 0)
        self.assertEqual(first["active_iq"]["svms"], 1)
        capacity = {row["cluster"]: row for row in self.house.client.system_capacity("um")}
        self.assertEqual(capacity["cluster1"]["from"], "active-iq")
        self.assertTrue(all(row["size"] > 0 for row in capacity["cluster1"]["aggregates"]))
        (volume,) = capacity["cluster1"]["volumes"]
        self.assertEqual((volume["volume"], volume["resource"]), ("svm1:data1", "orders"))
        self.assertEqual(volume["usage"]["samples"], 288)
        self.assertTrue(0 < volume["usage"]["latency_microseconds"] < 10_000, volume["usage"])
        self.assertTrue(all(row["load"]["hours"] == 72 for row in capacity["cluster1"]["aggregates"]))
        self.add_cluster(0)
        (direct,) = self.house.client.system_capacity("cluster1")
        self.assertEqual(direct["from"], "cluster")
        self.assertTrue(0 < direct["volumes"][0]["usage"]["latency_microseconds"] < 10_000)
        self.assertEqual(capacity["cluster2"]["volumes"], [])
        self.assertIn("svm1:data1", self.house.run("system", "capacity", "um").stdout)

    def test_an_event_is_annotated_and_acknowledged(self):
        self.simulator.ctl("attack", "cluster=cluster1", "svm=svm1", "volume=data1", "probability=high")
        (event,) = [row for row in self.house.client.system_events("um") if row["source"] == "active-iq"]
        self.house.run("system", "annotate", "um", event["id"], "looked at by the storage team")
        self.house.run("system", "acknowledge", "um", event["id"])
        (event,) = [row for row in self.house.client.system_events("um") if row["source"] == "active-iq"]
        self.assertEqual((event["state"], event["annotation"]), ("acknowledged", "looked at by the storage team"))
        refused = self.house.run("system", "annotate", "um", "00000000-0000-0000-0000-000000000000", "x", code=None)
        self.assertNotEqual(refused.returncode, 0)


class Calls(SystemsTest):
    def calls(self):
        rows = [json.loads(line) for line in (self.simulator.folder / "calls.jsonl").read_text().splitlines()]
        return [row for row in rows if row["client"].startswith("Holdfast")]

    def test_the_calls_of_a_run_can_be_found_and_are_few(self):
        self.add_cluster(0)
        fill(self.volume)
        self.house.client.post("/v1/documents", {"document": {"kind": "policy", "name": "snapshots", "levels": [{"level": "local_snapshot"}]}})
        self.house.protect("orders", self.volume, policy="snapshots")
        before = len(self.calls())
        result = self.house.finish("scheduled_backup", resource="orders")
        made = [row for row in self.calls()[before:] if row.get("request", "").startswith(result.run_id + "/")]
        shapes = [(row["method"], row["path"].partition("?")[0].rpartition("/")[2]) for row in made]
        self.assertEqual(shapes.count(("GET", "volumes")), 1, shapes)
        self.assertLessEqual(len(made), 4, shapes)
        trace = self.house.client.run(result.run_id)["traceparent"]
        self.assertEqual({row["trace"] for row in made}, {trace})


class Watching(SystemsTest):
    def setUp(self):
        super().setUp()
        manager = self.simulator.endpoints["unified_manager"]
        fill(self.volume)
        self.foreign_snapshot("base")
        self.call(0, "POST", "/storage/volumes", {
            "name": "holdfast_run_of_yesterday", "svm": {"name": "svm1"},
            "clone": {"is_flexclone": True, "parent_volume": {"name": "data1"}, "parent_snapshot": {"name": "base"}}})
        self.simulator.ctl("attack", "cluster=cluster2", "svm=svm2", "volume=archive1", "probability=high")
        self.house.run("system", "add", "active-iq", "um", *self.login(manager))
        self.wait_for("the first look", lambda: self.house.client.system("um")["asked_at"])

    def test_reports_metrics_and_doctor_know_what_systems_report(self):
        self.house.protect("orders", self.volume)
        self.house.finish("scheduled_backup", resource="orders")
        status = self.house.finish("backup_status_report").backup_status
        (storage,) = status["storage"]
        self.assertEqual((storage["system"], storage["problem"]), ("um", None))
        self.assertGreater(storage["size_bytes"], storage["used_bytes"])
        self.assertGreaterEqual(storage["open_events"]["critical"], 1)
        self.assertEqual(storage["open_events"]["warning"], 1, "the clone that was left behind")
        self.assertEqual(status["runs"]["completed"], 1)
        for asked, runs in (("cluster1", 1), ("cluster2", 0), ("um", 1)):
            part = self.house.finish("backup_status_report", cluster_id=asked).backup_status
            self.assertEqual((asked, part["workflows"].get("scheduled_backup", {}).get("completed", 0)), (asked, runs))
        with self.assertRaisesRegex(Exception, "no storage system or cluster 'nowhere'"):
            self.house.finish("backup_status_report", cluster_id="nowhere")
        request = urllib.request.Request(self.house.client.address + "/metrics", headers={
            "Authorization": "Bearer " + (self.house.data / "admin.token").read_text().strip()})
        metrics = urllib.request.urlopen(request).read().decode()
        self.assertIn('holdfast_storage_system_up{system="um"} 1', metrics)
        self.assertRegex(metrics, r'holdfast_storage_bytes\{cluster="cluster1",kind="size",system="um"\} [1-9]')
        self.assertRegex(metrics, r'holdfast_storage_events_open\{system="um"\} [1-9]')
        what = [(row["where"], row["what"]) for row in self.house.client.get("/v1/doctor")["items"]]
        self.assertTrue(any("holdfast_run_of_yesterday" in where and "system clean um" in text for where, text in what), what)
        self.assertTrue(any("attack" in text.lower() for _, text in what), what)


class OldRelease(OntapTest):
    CLUSTERS = [{"name": "cluster1", "version": "9.11.1", "svms": [{"name": "svm1", "volumes": [{"name": "data1", "size": "1GiB"}]}]}]

    def setUp(self):
        super().setUp()
        self.simulator.stop()
        config = self.folder / "old.json"
        config.write_text(json.dumps({"clusters": self.CLUSTERS}))
        self.simulator = Simulator(self.folder / "old", self.id(), ["--config", str(config)])
        self.addCleanup(self.simulator.stop)

    def test_it_is_refused_with_what_is_needed(self):
        added = self.add_cluster(0)
        self.assertNotEqual(added.returncode, 0)
        self.assertIn("Holdfast needs ONTAP 9.12 or newer", added.stdout)
        with self.assertRaisesRegex(Exception, "needs ONTAP 9.12 or newer: update it"):
            self.house.protect("orders", self.simulator.svm_folder(0) / "data1")


class Reconciliation(SystemsTest):
    def setUp(self):
        super().setUp()
        for number in range(2):
            self.add_cluster(number)
        fill(self.volume)

    def test_a_snapshot_of_others_becomes_a_point(self):
        self.foreign_snapshot("before-upgrade")
        refused = self.house.run("system", "adopt", "cluster1", "svm1:data1/before-upgrade", code=None)
        self.assertIn("holdfast protect", refused.stderr)
        self.house.protect("orders", self.volume)
        (found,) = self.findings("cluster1", "foreign_snapshots")
        self.assertIn("before-upgrade", found["names"])
        adopted = self.house.client.adopt("cluster1", "svm1:data1/before-upgrade")
        point = self.house.client.get(f"/v1/points/{adopted['point']}")
        self.assertEqual((point["resource"], [copy["level"] for copy in point["copies"]]), ("orders", ["local_snapshot"]))
        self.assertTrue((self.volume / ".snapshot" / adopted["point"]).is_dir())
        self.assertFalse(any("before-upgrade" in row["names"] for row in self.house.client.system_findings("cluster1")))
        target = self.folder / "back"
        self.house.finish("data_recovery", recovery_type="volume", source_backup=adopted["point"], target_location=str(target),
                          validate_integrity=True, notify_completion=False)
        self.assertTrue(any(target.iterdir()))
        again = self.house.run("system", "adopt", "cluster1", "svm1:data1/before-upgrade", code=None)
        self.assertNotEqual(again.returncode, 0)

    def test_a_relationship_of_others_carries_points(self):
        self.call(1, "POST", "/snapmirror/policies", {"name": "theirs", "type": "async", "retention": [{"label": "daily", "count": "7"}]})
        self.call(1, "POST", "/snapmirror/relationships", {
            "source": {"path": "svm1:data1", "cluster": {"name": "cluster1"}}, "destination": {"path": "svm2:theirs"},
            "policy": {"name": "theirs"}, "create_destination": {"enabled": True}, "state": "snapmirrored"})
        # A first transfer that is under way goes by the rules that it began with.
        self.wait_for("the mirror is there", lambda: self.call(1, "GET", "/snapmirror/relationships?fields=state,transfer")["records"][0]
                      .get("transfer", {}).get("state") == "success")
        (found,) = self.findings("cluster2", "foreign_relation")
        policy = {"kind": "policy", "name": "far", "levels": [{"level": "local_snapshot"},
                                                              {"level": "remote_replica", "destination": "cluster2/svm2:theirs"}]}
        self.house.client.post("/v1/documents", {"document": policy})
        self.house.protect("orders", self.volume, policy="far")
        self.house.run("system", "adopt", "cluster2", found["object"])
        rules = self.call(1, "GET", "/snapmirror/policies?name=theirs&fields=retention")["records"][0]["retention"]
        self.assertEqual([rule["label"] for rule in rules], ["daily", "holdfast"])
        result = self.house.finish("scheduled_backup", resource="orders")
        point = self.house.client.get(f"/v1/points/{result.point}")
        self.assertEqual({copy["method"] for copy in point["copies"]}, {"ontap_snapshot", "snapmirror"})
        self.assertEqual(self.findings("cluster2", "foreign_relation"), [])

    def test_a_recovered_volume_whose_split_failed_is_told_and_split_again(self):
        heard = self.folder / "heard.jsonl"
        self.house.client.post("/v1/documents", {"document": {"kind": "channel", "name": "ops", "type": "log", "file": str(heard)}})
        self.house.protect("orders", self.volume)
        point = self.house.finish("scheduled_backup", resource="orders").point
        self.simulator.ctl("faults", "add", "split_failure", "times=1", "path=svm1:orders_back", "code=1245212", "message=No space left.")
        back = self.volume.parent / "orders_back"
        recovery = self.house.finish("data_recovery", recovery_type="volume", source_backup=point, target_location=str(back), means="clone",
                                     validate_integrity=True, notify_completion=False)
        self.assertEqual((recovery.status, recovery.means), ("completed", "clone"))
        self.wait_for("the split has failed", lambda: self.findings("cluster1", "unsplit_volume"))
        (found,) = self.findings("cluster1", "unsplit_volume")
        self.assertEqual((found["object"], found["names"]), ("svm1:orders_back", [point]))
        self.assertIn(f"keeps snapshot svm1:data1/{point} busy", found["detail"])
        # What is known is looked at each hour; what is new, at once.
        self.house.run("system", "add", "active-iq", "um", *self.login(self.simulator.endpoints["unified_manager"]))
        self.wait_for("the channel hears", lambda: heard.is_file() and "unsplit_volume" in heard.read_text())
        what = [row["what"] for row in self.house.client.get("/v1/doctor")["items"]]
        self.assertTrue(any(f"svm1:data1/{point}" in text and "system clean um" in text for text in what), what)
        cleaned = self.house.run("system", "clean", "cluster1").stdout
        self.assertIn("cluster1/svm1:orders_back", cleaned.split("1 splits started again")[1])
        self.wait_for("the volume is independent", lambda: not self.call(
            0, "GET", "/storage/volumes?name=orders_back&fields=clone")["records"][0]["clone"].get("is_flexclone"))
        self.assertEqual(self.findings("cluster1", "unsplit_volume"), [])
        self.assertEqual(self.house.client.clean_system("cluster1")["splits_started"], [])
        self.assertEqual(contents(back), contents(self.volume))

    def test_a_clone_that_no_run_uses_is_found_and_removed(self):
        self.house.protect("orders", self.volume)
        self.foreign_snapshot("base")
        self.call(0, "POST", "/storage/volumes", {
            "name": "holdfast_run_of_yesterday", "svm": {"name": "svm1"},
            "clone": {"is_flexclone": True, "parent_volume": {"name": "data1"}, "parent_snapshot": {"name": "base"}}})
        self.call(0, "POST", "/storage/volumes", {"name": "holdfast_by_name_only", "svm": {"name": "svm1"}, "aggregates": [
            {"name": self.call(0, "GET", "/storage/aggregates")["records"][0]["name"]}], "size": 1 << 30})
        (found,) = self.findings("cluster1", "leaked_clone")
        self.assertEqual(found["object"], "svm1:holdfast_run_of_yesterday")
        self.assertIn("holdfast_run_of_yesterday", self.house.run("system", "clean", "cluster1").stdout)
        self.assertEqual(self.findings("cluster1", "leaked_clone"), [])
        left = {row["name"] for row in self.call(0, "GET", "/storage/volumes?name=holdfast_*")["records"]}
        self.assertEqual(left, {"holdfast_by_name_only"}, "a volume that only looks like one of ours stays")
        self.assertEqual(self.house.client.clean_system("cluster1")["removed"], 0)


if __name__ == "__main__":
    unittest.main()
