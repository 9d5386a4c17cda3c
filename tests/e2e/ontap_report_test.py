"""What storage systems measure of themselves and report: in status reports, in metrics, as alerts."""

import json
import time
import urllib.request

from house import fill
from ontap_test import OntapTest, Simulator


class Reports(OntapTest):
    def report(self, cluster):
        return self.house.finish("backup_status_report", cluster_id=cluster).backup_status

    def metrics(self):
        asked = urllib.request.Request(self.house.client.address + "/metrics")
        asked.add_header("authorization", "Bearer " + (self.house.data / "admin.token").read_text().strip())
        with urllib.request.urlopen(asked, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("holdfast_storage_")}

    def wait_for(self, what, happened):
        limit = time.monotonic() + 120
        while not happened():
            self.assertLess(time.monotonic(), limit, what)
            time.sleep(0.2)

    def test_a_report_of_a_cluster_has_its_runs_and_its_points_only(self):
        self.add_cluster(0)
        fill(self.volume)
        self.house.protect("orders", self.volume)
        elsewhere = self.folder / "elsewhere"
        elsewhere.mkdir()
        fill(elsewhere)
        self.house.protect("local-files", elsewhere)
        self.house.finish("scheduled_backup", resource="orders")
        self.house.finish("scheduled_backup", resource="local-files")
        self.wait_for("the system is measured", lambda: self.report("local")["storage"][0]["size_bytes"])
        whole, of_cluster = self.report("local"), self.report("cluster1")
        self.assertEqual(whole["workflows"]["scheduled_backup"]["completed"], 2)
        self.assertEqual(of_cluster["workflows"]["scheduled_backup"]["completed"], 1)
        self.assertEqual((whole["metrics"]["points"], of_cluster["metrics"]["points"]), (2, 1))
        refused = self.house.run("run", "start", "backup_status_report", "--param", "cluster_id=atlantis", "--wait", code=None)
        self.assertIn("atlantis", refused.stdout + refused.stderr)

    def test_metrics_follow_a_system_until_it_is_removed(self):
        self.add_cluster(0)
        up = 'holdfast_storage_system_up{system="cluster1"}'
        self.wait_for("the system is measured", lambda: self.metrics().get(up) == 1)
        self.house.run("system", "remove", "cluster1")
        self.wait_for("its metrics go", lambda: not self.metrics())

    def test_an_attack_stands_in_the_report(self):
        self.simulator.ctl("attack", "cluster=cluster1", "svm=svm1", "volume=data1", "probability=high")
        self.add_cluster(0)
        self.wait_for("the attack is seen", lambda: any("attack" in event["name"] for event in self.report("local")["storage"][0]["events"]))
        (storage,) = self.report("cluster1")["storage"]
        self.assertIn("svm1:data1", [event["resource"] for event in storage["events"]])


class Access(OntapTest):
    """What a least-privileged user and an OAuth 2.0 client may, judged by the simulator."""

    CONFIG = {"users": [{"name": "backup", "password": "word", "privileges": [
        {"path": "/api", "access": "readonly"}, {"path": "/api/storage/volumes", "access": "all"}, {"path": "/api/snapmirror", "access": "none"}]}]}

    def setUp(self):
        super().setUp()
        self.simulator.stop()
        config = self.folder / "simulator.json"
        config.write_text(json.dumps(self.CONFIG))
        self.simulator = Simulator(self.folder / "strict", self.id(), ["--config", str(config)])
        self.addCleanup(self.simulator.stop)
        self.volume = self.simulator.svm_folder(0) / "data1"

    def test_the_test_names_the_right_that_is_missing(self):
        described = dict(self.simulator.endpoints["clusters"][0], user="backup", password="word")
        tried = self.house.run("system", "add", "ontap", "cluster1", *self.login(described), code=None)
        self.assertNotEqual(tried.returncode, 0)
        self.assertIn("/snapmirror", tried.stdout)

    def test_a_client_with_a_token_backs_up(self):
        described, oauth = self.simulator.endpoints["clusters"][0], self.simulator.endpoints["oauth2"]
        secret = self.folder / "client-secret"
        secret.write_text(oauth["client_secret"])
        document = {"kind": "system", "name": "cluster1", "type": "ontap", "address": described["base_url"], "mounts": self.simulator.mounts(),
                    "tls": {"ca_file": described["ca_file"]},
                    "oauth2": {"token_url": oauth["token_url"], "client_id": oauth["client_id"], "client_secret_file": str(secret),
                               "ca_file": described["ca_file"]}}
        self.house.client.post("/v1/documents", {"document": document})
        fill(self.volume)
        self.house.protect("orders", self.volume)
        point = self.house.finish("scheduled_backup", resource="orders").point
        self.assertTrue(self.house.client.get(f"/v1/points/{point}")["copies"])
        secret.write_text("wrong")
        self.house.stop()
        self.house.start()
        report = self.house.client.test_system("cluster1")
        self.assertFalse(all(check["good"] for check in report["checks"]), report)
        self.assertIn("invalid_client", json.dumps(report))


if __name__ == "__main__":
    import unittest

    unittest.main()
