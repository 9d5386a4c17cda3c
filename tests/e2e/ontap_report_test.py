"""What storage systems measure of themselves and report: in status reports, in metrics, as alerts."""

import urllib.request

from house import fill
from ontap_test import OntapTest


class Reports(OntapTest):
    def report(self, cluster):
        return self.house.finish("backup_status_report", cluster_id=cluster).backup_status

    def metrics(self):
        asked = urllib.request.Request(self.house.client.address + "/metrics")
        asked.add_header("authorization", "Bearer " + (self.house.data / "admin.token").read_text().strip())
        with urllib.request.urlopen(asked, timeout=30) as answer:
            lines = answer.read().decode().splitlines()
        return {line.rsplit(" ", 1)[0]: float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith("holdfast_storage_")}

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


if __name__ == "__main__":
    import unittest

    unittest.main()
