"""NetApp's published clients as judges of the simulator: the Python client, and Ansible's collection.

They run in a virtual environment that is made once (netapp_clients.py). Skipped, with a line, where that cannot be had;
HOLDFAST_REQUIRE=netapp makes that a failure.
"""

import json
import os
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import netapp_clients  # noqa: E402
import simulator  # noqa: E402
from simulator import Simulator, require  # noqa: E402


class Judge(unittest.TestCase):
    def setUp(self):
        require(self, "binary", os.access(simulator.PROGRAM, os.X_OK), "HF_ONTAP_SIM names no program; ctest sets it")
        self.python, problem = netapp_clients.environment()
        require(self, "netapp", self.python is not None, f"{netapp_clients.CLIENT} and Ansible from PyPI cannot be had: {problem}")
        self.sim = Simulator()
        self.addCleanup(self.sim.__exit__)
        self.sim.start()

    def counts(self):
        return json.loads(self.sim.ctl("count"))["total"]


class PythonClient(Judge):
    def peer(self, *words):
        done = subprocess.run([self.python, "-B", str(HERE / "netapp_peer.py"), *words, str(self.sim.data / "endpoints.json")], text=True,
                              capture_output=True, timeout=300, env={**os.environ, "REQUESTS_CA_BUNDLE": str(self.sim.data / "ca.pem")})
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_a_volume_lives_its_whole_life_and_leaves_nothing(self):
        self.assertIn("lived", self.peer("life"))
        total = self.counts()
        self.assertEqual((total["volumes"], total["clones"], total["relationships"], total["destinations"], total["consistency_groups"]),
                         (4, 0, 0, 0, 0), total)

    def test_what_compression_saves_agrees_with_what_is_used(self):
        self.assertRegex(self.peer("savings"), r"^saved \d+ bytes")

    def test_every_list_fits_the_schemas_of_the_client(self):
        printed = self.peer("read")
        print(printed.strip(), file=sys.stderr)
        self.assertGreater(int(printed.split()[1]), 20)


class Ansible(Judge):
    def login(self, number):
        access = self.sim.cluster(number)
        return {"hostname": "127.0.0.1", "http_port": int(access.url.rsplit(":", 1)[1]), "username": access.user, "password": access.password,
                "https": True, "validate_certs": False, "use_rest": "always"}

    def task(self, module, arguments, number=1, **more):
        return {"name": module, "netapp.ontap." + module: {**self.login(number), **arguments}, **more}

    def play(self, *tasks):
        """Runs the tasks; gives (ok, changed) of the recap."""
        book = self.sim.folder / "play.json"
        book.write_text(json.dumps([{"hosts": "localhost", "gather_facts": False, "tasks": tasks}]))
        environment = {**os.environ, "ANSIBLE_NOCOLOR": "1", "ANSIBLE_LOCALHOST_WARNING": "False", "PYTHONWARNINGS": "ignore",
                       "ANSIBLE_LOCAL_TEMP": str(self.sim.folder / "ansible"), "ANSIBLE_REMOTE_TEMP": str(self.sim.folder / "ansible")}
        done = subprocess.run([self.python, "-m", "ansible", "playbook", "-i", "localhost,", "-c", "local", "-e",
                               f"ansible_python_interpreter={self.python}", str(book)], text=True, capture_output=True, timeout=500, env=environment)
        self.assertEqual(done.returncode, 0, done.stdout[-3000:] + done.stderr[-1000:])
        recap = dict(word.split("=") for word in done.stdout.rsplit("localhost", 1)[1].split() if "=" in word)
        return int(recap["ok"]), int(recap["changed"])

    def test_volumes_snapshots_and_clones(self):
        volume = {"state": "present", "name": "an1", "vserver": "svm1", "aggregate_name": "aggr1", "size": 100, "size_unit": "mb",
                  "junction_path": "/an1", "wait_for_completion": True}
        clone = {"state": "present", "parent_volume": "an1", "name": "anclone", "vserver": "svm1", "parent_snapshot": "as1"}
        ok, changed = self.play(
            self.task("na_ontap_rest_info", {"gather_subset": ["cluster", "storage/volumes"]}),
            self.task("na_ontap_volume", volume),
            self.task("na_ontap_volume", volume),  # the second time nothing is to do
            self.task("na_ontap_volume", {**volume, "size": 200}),
            self.task("na_ontap_snapshot", {"state": "present", "snapshot": "as1", "volume": "an1", "vserver": "svm1", "snapmirror_label": "daily"}),
            self.task("na_ontap_volume_clone", clone),
            self.task("na_ontap_volume_clone", {**clone, "split": True}),
            self.task("na_ontap_snapshot_policy", {"state": "present", "name": "ansp", "schedule": ["hourly"], "count": [3], "enabled": True}),
            self.task("na_ontap_volume", {"state": "present", "name": "an1", "vserver": "svm1", "snapshot_restore": "as1"}),
            self.task("na_ontap_rest_cli", {"command": "volume", "verb": "GET", "params": {"fields": "size"}}),
            self.task("na_ontap_volume", {"state": "absent", "name": "anclone", "vserver": "svm1", "wait_for_completion": True}),
            self.task("na_ontap_volume", {"state": "absent", "name": "an1", "vserver": "svm1", "wait_for_completion": True}))
        self.assertEqual((ok, changed), (12, 9))  # all but two questions and one that was done
        self.assertEqual((self.counts()["volumes"], self.counts()["clones"]), (4, 0))

    def test_replication_and_a_group(self):
        ends = {"source_endpoint": {"path": "svm1:data1"}, "destination_endpoint": {"path": "svm2:data1_dst"}}
        members = [{"name": "data1", "provisioning_options": {"action": "add"}}, {"name": "data2", "provisioning_options": {"action": "add"}}]
        cluster = self.sim.cluster(1)
        cluster.wait(cluster.call("POST", "/api/application/consistency-groups", {"name": "ancg", "svm": {"name": "svm1"}, "volumes": members}))
        snapshot = {"vserver": "svm1", "consistency_group": "ancg", "snapshot": "cgs1"}
        ok, _ = self.play(
            self.task("na_ontap_cg_snapshot", {"state": "present", **snapshot}),
            self.task("na_ontap_cg_snapshot", {"state": "absent", **snapshot}),
            self.task("na_ontap_snapmirror_policy", {"state": "present", "policy_name": "anpol", "policy_type": "vault", "snapmirror_label": ["daily"],
                                                     "keep": [3], "vserver": "svm2"}, 2),
            self.task("na_ontap_snapmirror", {"state": "present", **ends, "create_destination": {"enabled": True}, "policy": "MirrorAllSnapshots",
                                              "initialize": True}, 2),
            self.task("na_ontap_snapmirror", {"state": "present", **ends, "relationship_state": "broken"}, 2),
            self.task("na_ontap_snapmirror", {"state": "present", **ends, "relationship_state": "active"}, 2),
            self.task("na_ontap_snapmirror", {"state": "absent", **ends}, 2))
        self.assertEqual(ok, 7)
        total = self.counts()
        self.assertEqual((total["relationships"], total["destinations"], total["consistency_group_snapshots"]), (0, 0, 0), total)


if __name__ == "__main__":
    unittest.main()
