"""ONTAP volumes end to end: the real program, and the simulator as the storage behind it.

API -> workflow -> driver -> cluster -> status back; then loss, recovery and proof. The simulator's volumes are folders
on this machine, so what comes back is compared byte by byte.
"""

import base64
import json
import os
import shutil
import signal
import ssl
import subprocess
import time
import unittest
import urllib.request
from pathlib import Path

from house import PROGRAM, HouseTest, die_with_the_test, fill, picture

SIMULATOR = os.environ.get("HOLDFAST_ONTAP_SIM") or str(Path(PROGRAM).parent / "ontap-sim")
START_SECONDS = 30


class Simulator:
    """An ontap-sim of its own in `folder`."""

    def __init__(self, folder, owner, arguments=()):
        self.folder = folder
        self.owner = owner  # the test
        self.endpoints = {}
        with open(str(folder) + ".log", "ab") as log:
            self.process = subprocess.Popen([SIMULATOR, "--data", str(folder), "--listen", "127.0.0.1:0", *arguments], stdin=subprocess.DEVNULL,
                                            stdout=log, stderr=log, preexec_fn=die_with_the_test)
        limit = time.monotonic() + START_SECONDS
        described = folder / "endpoints.json"
        while not described.is_file():
            if self.process.poll() is not None or time.monotonic() > limit:
                raise AssertionError("the simulator does not start:\n" + Path(str(folder) + ".log").read_text())
            time.sleep(0.02)
        self.endpoints = json.loads(described.read_text())

    def stop(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            self.process.wait(30)
            kept = os.environ.get("HOLDFAST_ONTAP_CALLS")  # for tools/ontap_calls.py
            if kept:
                shutil.copyfile(self.folder / "calls.jsonl", Path(kept) / f"{self.owner}.jsonl")

    def ctl(self, *words):
        return subprocess.run([SIMULATOR, "ctl", *words, "--data", str(self.folder)], check=True, capture_output=True, text=True).stdout

    def svm_folder(self, number):
        cluster = self.endpoints["clusters"][number]["name"]
        return self.folder / cluster / f"svm{number + 1}"

    def mounts(self):
        """The roots of all SVMs: whatever is mounted below them is seen."""
        rows = enumerate(self.endpoints["clusters"])
        return {f"{cluster['name']}/svm{number + 1}:/": str(self.svm_folder(number)) for number, cluster in rows}


def contents(volume):
    """The picture of a volume without its directory of snapshots."""
    return {path: what for path, what in picture(volume).items() if path.split("/")[0] != ".snapshot"}


class OntapTest(HouseTest):
    def setUp(self):
        super().setUp()
        if not os.access(SIMULATOR, os.X_OK):
            reason = f"{SIMULATOR} is no program; build ontap-sim first"
            self.fail(reason) if "netapp" in os.environ.get("HOLDFAST_REQUIRE", "").split(",") else self.skipTest(reason)
        self.simulator = self.simulate()
        self.addCleanup(self.simulator.stop)
        self.volume = self.simulator.svm_folder(0) / "data1"

    def simulate(self):
        return Simulator(self.folder / "ontap", self.id())

    def cluster(self, number, path, body, method="POST"):
        """One call on a cluster itself, as its administrator."""
        described = self.simulator.endpoints["clusters"][number]
        login = base64.b64encode(f"{described['user']}:{described['password']}".encode()).decode()
        separator = "&" if "?" in path else "?"
        request = urllib.request.Request(f"{described['base_url']}/api{path}{separator}return_timeout=30",
                                         None if body is None else json.dumps(body).encode(),
                                         {"Authorization": f"Basic {login}", "Content-Type": "application/json"}, method=method)
        trusted = ssl.create_default_context(cafile=described["ca_file"])
        with urllib.request.urlopen(request, context=trusted) as answer:
            return json.load(answer)

    def login(self, described):
        secret = self.folder / "password"
        secret.write_text(described["password"] + "\n")
        mounts = [word for junction, path in self.simulator.mounts().items() for word in ("--mount", f"{junction}={path}")]
        return ["--address", described["base_url"], "--user", described["user"], "--password-file", secret, "--ca-file",
                described["ca_file"], *mounts]

    def add_cluster(self, number, code=None):
        described = self.simulator.endpoints["clusters"][number]
        return self.house.run("system", "add", "ontap", described["name"], *self.login(described), code=code)

    def wait_for(self, what, happened):
        limit = time.monotonic() + 120
        while not happened():
            self.assertLess(time.monotonic(), limit, what)
            time.sleep(0.2)


class Systems(OntapTest):
    def test_a_system_is_added_tested_listed_and_removed(self):
        added = self.add_cluster(0).stdout
        self.assertIn("ok  connection: cluster cluster1", added)
        self.assertIn("ok  version: NetApp Release 9.16.1", added)
        listed = self.house.json("system", "list")
        self.assertEqual([(row["name"], row["type"], row["login"]) for row in listed], [("cluster1", "ontap", "basic")])
        shown = self.house.run("system", "show", "cluster1", "-o", "json").stdout
        self.assertNotIn(self.simulator.endpoints["clusters"][0]["password"], shown)
        self.house.protect("orders", self.volume)
        refused = self.house.run("system", "remove", "cluster1", code=None)
        self.assertNotEqual(refused.returncode, 0)
        self.assertIn("orders", refused.stderr)
        self.house.run("resource", "remove", "orders")
        self.house.run("system", "remove", "cluster1")
        self.assertEqual(self.house.json("system", "list"), [])

    def test_the_test_says_what_is_wrong(self):
        described = dict(self.simulator.endpoints["clusters"][0], password="wrong")
        failed = self.house.run("system", "add", "ontap", "east", *self.login(described), code=None)
        self.assertNotEqual(failed.returncode, 0)
        self.assertIn("check user and password", failed.stdout)

    def test_a_system_is_a_document_too(self):
        described = self.simulator.endpoints["clusters"][0]
        secret = self.folder / "secret"
        secret.write_text(described["password"])
        document = {"kind": "system", "name": "east", "type": "ontap", "address": described["base_url"], "user": described["user"],
                    "password_file": str(secret), "tls": {"ca_file": described["ca_file"]}}
        apply = {"document": document, "dry_run": True}
        self.assertEqual(self.house.client.post("/v1/documents", apply)["action"], "created")
        self.assertEqual(self.house.client.systems(), [])
        apply["dry_run"] = False
        self.assertEqual(self.house.client.post("/v1/documents", apply)["action"], "created")
        self.assertEqual(self.house.client.post("/v1/documents", apply)["action"], "unchanged")
        report = self.house.client.test_system("east")
        self.assertTrue({"connection", "version"} <= {check["name"] for check in report["checks"] if check["good"]}, report)

    def test_doctor_names_a_system_that_does_not_answer(self):
        described = dict(self.simulator.endpoints["clusters"][0], base_url="https://127.0.0.1:1")
        self.house.run("system", "add", "ontap", "gone", *self.login(described), code=None)
        self.wait_for("doctor notices", lambda: any(row["where"] == "storage system gone"
                                                    for row in self.house.client.get("/v1/doctor")["items"]))
        self.assertIn("connect", self.house.client.system("gone")["problem"])

    def test_an_attack_reaches_doctor_and_the_channels(self):
        heard = self.folder / "heard.jsonl"
        self.house.client.post("/v1/documents", {"document": {"kind": "channel", "name": "ops", "type": "log", "file": str(heard)}})
        self.simulator.ctl("attack", "cluster=cluster1", "svm=svm1", "volume=data1", "probability=high")
        self.add_cluster(0)
        self.wait_for("the channel hears", lambda: heard.is_file() and "anti_ransomware.attack" in heard.read_text())
        told = [json.loads(line) for line in heard.read_text().splitlines()]
        self.assertEqual({row["event"] for row in told}, {"storage.alert"})
        self.assertTrue(any("svm1:data1" in row["where"] for row in self.house.client.get("/v1/doctor")["items"]))

    def test_systems_survive_a_restart_of_the_server(self):
        self.add_cluster(0)
        self.house.stop()
        self.house.start()
        self.assertEqual(self.house.protect("orders", self.volume)["driver"], "ontap")


class Thread(OntapTest):
    def setUp(self):
        super().setUp()
        self.add_cluster(0)
        fill(self.volume)
        self.house.protect("orders", self.volume)

    def test_a_volume_is_backed_up_lost_recovered_and_proven(self):
        before = contents(self.volume)
        result = self.house.finish("scheduled_backup", resource="orders")
        point = self.house.client.get(f"/v1/points/{result.point}")
        self.assertEqual(point["consistency"], "crash")
        self.assertEqual(sorted((copy["level"], copy["method"]) for copy in point["copies"]),
                         [("local_replica", "restic"), ("local_snapshot", "ontap_snapshot")])
        self.assertTrue((self.volume / ".snapshot" / result.point).is_dir())
        (self.volume / "text.txt").unlink()
        for level in ("local_snapshot", "local_replica"):
            target = self.folder / level
            self.house.finish("data_recovery", recovery_type="volume", source_backup=result.point, target_location=str(target),
                              copy=level, validate_integrity=True, notify_completion=False)
            self.assertEqual(picture(target), before)
            proof = self.house.finish("recovery_proof", resource="orders", copy=level, level="L2")
            self.assertEqual(proof.level, "L2")
        self.assertEqual(self.house.client.get(f"/v1/points/{result.point}")["state"], "proven")

    def test_levels_that_the_volume_cannot_have_are_refused_with_the_reason(self):
        replica = {"kind": "policy", "name": "far", "levels": [{"level": "remote_replica"}]}
        self.house.client.post("/v1/documents", {"document": replica})
        (self.folder / "plain").mkdir()
        with self.assertRaisesRegex(Exception, "no replication of its own"):
            self.house.protect("plain", self.folder / "plain", policy="far")
        self.house.run("resource", "remove", "orders")
        self.house.protect("orders", self.volume, policy="far")
        with self.assertRaisesRegex(Exception, "give the level a destination"):
            self.house.finish("scheduled_backup", resource="orders")


class ThreeLevels(OntapTest):
    """Through Unified Manager: a snapshot, a replica on the second cluster, a copy in an object store."""

    def setUp(self):
        super().setUp()
        manager = self.simulator.endpoints["unified_manager"]
        self.house.run("system", "add", "active-iq", "um", *self.login(manager))
        self.cluster(0, "/cloud/targets", {"name": "vault", "owner": "snapmirror", "provider_type": "SGWS", "server": "127.0.0.1",
                                           "container": "vault", "access_key": "key", "secret_password": "secret",
                                           "svm": {"name": "svm1"}})
        policy = {"kind": "policy", "name": "gold", "levels": [
            {"level": "local_snapshot"},
            {"level": "remote_replica", "destination": "cluster2/svm2:orders_copy"},
            {"level": "cloud_backup", "destination": "vault:/objstore"}]}
        self.house.client.post("/v1/documents", {"document": policy})
        fill(self.volume)
        self.before = contents(self.volume)
        self.house.protect("orders", self.volume, policy="gold")

    def test_a_volume_is_lost_recovered_and_proven_from_every_level(self):
        result = self.house.finish("scheduled_backup", resource="orders")
        point = self.house.client.get(f"/v1/points/{result.point}")
        self.assertEqual(sorted((copy["level"], copy["method"]) for copy in point["copies"]),
                         [("cloud_backup", "snapmirror_cloud"), ("local_snapshot", "ontap_snapshot"),
                          ("remote_replica", "snapmirror")])
        for path in self.volume.iterdir():
            if path.name != ".snapshot":
                shutil.rmtree(path) if path.is_dir() else path.unlink()
        for level in ("local_snapshot", "remote_replica", "cloud_backup"):
            target = self.folder / level
            self.house.finish("data_recovery", recovery_type="volume", source_backup=result.point, target_location=str(target),
                              copy=level, validate_integrity=True, notify_completion=False)
            self.assertEqual(picture(target), self.before)
            self.assertEqual(self.house.finish("recovery_proof", resource="orders", copy=level, level="L2").level, "L2")
        files = self.folder / "files"
        self.house.finish("data_recovery", recovery_type="file", source_backup=result.point, target_location=str(files),
                          copy="remote_replica", paths=["d0"], validate_integrity=True, notify_completion=False)
        self.assertEqual(picture(files / "d0"), {path[3:]: what for path, what in self.before.items() if path.startswith("d0/")})
        second = self.house.finish("scheduled_backup", resource="orders")
        steps = {step["name"]: step for step in self.house.client.run(second.run_id)["steps"]}
        self.assertEqual(steps["validate_snapmirror"]["status"], "done")
        self.assertIn("snapmirrored", steps["validate_snapmirror"]["detail"])
        kinds = {row["kind"] for row in self.house.client.system_findings("um")}
        self.assertNotIn("leaked_clone", kinds)
        names = {volume["name"] for cluster in self.house.client.system_inventory("um") for volume in cluster["volumes"]}
        self.assertEqual({name for name in names if name.startswith("holdfast_")}, set())


if __name__ == "__main__":
    unittest.main()
