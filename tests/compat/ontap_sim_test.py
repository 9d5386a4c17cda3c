"""The simulator as a process: its command line, scripted faults, the log of calls, restarts, other ways to log in."""

import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import tempfile
import threading
import unittest
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import simulator  # noqa: E402
from simulator import Simulator, require  # noqa: E402


class Process(unittest.TestCase):
    def setUp(self):
        require(self, "binary", os.access(simulator.PROGRAM, os.X_OK), "HF_ONTAP_SIM names no program; ctest sets it")
        self.sim = Simulator()
        self.addCleanup(self.sim.__exit__)
        self.sim.start()
        self.cluster = self.sim.cluster(1)

    def volume(self, name="data1"):
        return self.cluster.records(f"/api/storage/volumes?name={name}")[0]["uuid"]

    def snapshot(self, name):
        return self.cluster.call("POST", f"/api/storage/volumes/{self.volume()}/snapshots", {"name": name})

    def test_it_says_where_everything_is(self):
        ends = self.sim.endpoints
        self.assertEqual([one["name"] for one in ends["clusters"]], ["cluster1", "cluster2"])
        self.assertTrue(Path(ends["mounts"]["svm1:/data1"]).is_dir())
        self.assertEqual(ends["mounts"]["svm2:/archive1"], ends["mounts"]["cluster2/svm2:/archive1"])
        self.assertEqual((self.sim.data / "endpoints.json").stat().st_mode & 0o777, 0o600)
        self.cluster.wait(self.cluster.call("PATCH", f"/api/storage/volumes/{self.volume()}", {"nas": {"path": ""}}))
        self.assertNotIn("svm1:/data1", self.sim.read()["mounts"])

    def test_wrong_credentials_are_refused(self):
        self.cluster.password = "wrong"
        status, body, _ = self.cluster.get("/api/cluster")
        self.assertEqual((status, body["error"]["message"]), (401, "User is not authorized."))

    def test_the_managers_inventory_is_as_old_as_its_last_poll(self):
        config = self.sim.folder / "config.json"
        config.write_text('{"um_poll": "15m"}')
        self.sim.stop()
        self.sim.arguments = ("--config", str(config))
        self.sim.start()
        self.cluster = self.sim.cluster(1)

        def named():
            return {row["name"] for row in self.sim.manager.records("/api/datacenter/storage/volumes")}

        def through_the_gateway():
            return {row["name"] for row in self.sim.manager.records(f"/api/gateways/{self.cluster.uuid}/storage/volumes")}

        self.assertIn("data1", named())
        aggregate = self.cluster.records("/api/storage/aggregates")[0]["name"]
        made = self.cluster.call("POST", "/api/storage/volumes", {"name": "young", "svm": {"name": "svm1"}, "aggregates": [{"name": aggregate}],
                                                                  "size": 1 << 30})
        self.assertEqual(self.cluster.wait(made)["state"], "success")
        self.assertIn("young", through_the_gateway())
        self.assertNotIn("young", named())
        self.sim.ctl("poll")
        self.assertIn("young", named())

    def test_a_client_gets_a_token_for_its_secret(self):
        about = self.sim.endpoints["oauth2"]

        def ask(secret, **fields):
            form = urllib.parse.urlencode({"grant_type": "client_credentials", "client_id": about["client_id"], "client_secret": secret,
                                           **fields}).encode()
            request = urllib.request.Request(about["token_url"], form, {"Content-Type": "application/x-www-form-urlencoded"})
            try:
                with urllib.request.urlopen(request, context=ssl.create_default_context(cafile=about["ca_file"])) as answer:
                    return answer.status, json.load(answer)
            except urllib.error.HTTPError as error:
                return error.code, json.load(error)

        status, granted = ask(about["client_secret"])
        self.assertEqual((status, granted["token_type"]), (200, "Bearer"))
        bearer = {"Authorization": "Bearer " + granted["access_token"]}
        self.assertEqual(self.cluster.get("/api/cluster", headers=bearer)[0], 200)
        self.assertEqual(ask("wrong"), (401, {"error": "invalid_client"}))
        self.assertEqual(ask(about["client_secret"], grant_type="password")[0], 400)

    def test_everything_acknowledged_survives_a_kill(self):
        (self.sim.mount("svm1:/data1") / "a").write_text("one")
        self.assertEqual(self.cluster.wait(self.snapshot("s1"))["state"], "success")
        url = self.cluster.url
        running = self.snapshot("s2")  # acknowledged with a job that is not over
        self.sim.stop(signal.SIGKILL)
        self.sim.start()
        self.cluster = self.sim.cluster(1)
        self.assertEqual(self.cluster.url, url)  # the same port
        self.assertEqual((self.sim.mount("svm1:/data1") / ".snapshot/s1/a").read_text(), "one")
        self.assertIn(self.cluster.wait(running)["state"], ("success", "failure"))

    def test_faults_bite_where_and_as_often_as_they_say(self):
        self.sim.ctl("faults", "add", "throttle", "cluster=cluster1", "path=/cluster", "times=2", "retry_after=3")
        self.assertEqual(self.sim.cluster(2).get("/api/cluster")[0], 200)
        status, body, headers = self.cluster.get("/api/cluster")
        self.assertEqual((status, body["error"]["code"], headers["retry-after"]), (429, "262160", "3"))
        self.assertEqual([self.cluster.get("/api/cluster")[0] for _ in range(2)], [429, 200])
        self.sim.ctl("faults", "add", "error", "status=503", "code=7", "method=GET", "skip=1", "times=1")
        self.assertEqual([self.cluster.get("/api/cluster")[0] for _ in range(3)], [200, 503, 200])
        self.sim.ctl("faults", "add", "unauthorized", "times=1")
        self.assertEqual(self.cluster.get("/api/cluster")[0], 401)
        self.sim.ctl("faults", "add", "cut", "bytes=5", "times=1")
        with self.assertRaises(Exception):
            self.cluster.get("/api/cluster")
        self.assertEqual(self.cluster.get("/api/cluster")[0], 200)

    def test_lists_that_lie_about_their_end(self):
        self.sim.ctl("faults", "add", "partial_list", "path=/storage/volumes", "times=1")
        page = self.cluster.get("/api/storage/volumes?fields=size")[1]
        self.assertEqual(page["num_records"], 1)
        self.assertEqual(len(self.cluster.records(page["_links"]["next"]["href"])), 1)
        self.sim.ctl("faults", "add", "next_loop", "path=/storage/volumes", "times=1")
        page = self.cluster.get("/api/storage/volumes?fields=size")[1]
        self.assertEqual(page["_links"]["next"]["href"], "/api/storage/volumes?fields=size")

    def test_jobs_fail_or_hang_when_scripted(self):
        self.sim.ctl("faults", "add", "job_failure", "code=1245212", "message=no space left", "path=POST*snapshots*", "times=1")
        job = self.cluster.wait(self.snapshot("s1"))
        self.assertEqual((job["state"], job["code"], job["error"]["message"]), ("failure", 1245212, "no space left"))
        self.assertEqual(self.cluster.records(f"/api/storage/volumes/{self.volume()}/snapshots"), [])
        self.sim.ctl("faults", "add", "stuck_job", "times=1")
        stuck = self.snapshot("s2")[1]["job"]["uuid"]
        self.assertEqual(self.cluster.get(f"/api/cluster/jobs/{stuck}")[1]["state"], "running")

    def test_a_cluster_that_is_down_refuses_connections_and_comes_back(self):
        self.sim.ctl("faults", "add", "down", "cluster=cluster1")
        with self.assertRaises(Exception):
            self.cluster.get("/api/cluster")
        gateway = f"/api/gateways/{self.cluster.uuid}/cluster"
        self.assertEqual(self.sim.manager.get(gateway)[0], 503)
        names = [one["name"] for one in self.sim.manager.records("/api/management-server/events?current_state=new")]
        self.assertEqual(names, ["Cluster Not Reachable"])
        peer = self.sim.cluster(2).records("/api/cluster/peers?fields=status")[0]
        self.assertEqual(peer["status"]["state"], "unavailable")
        self.sim.ctl("faults", "clear")
        for _ in range(1000):
            try:
                self.assertEqual(self.cluster.get("/api/cluster")[0], 200)
                break
            except (OSError, urllib.error.URLError):
                pass
        self.assertEqual(self.sim.manager.get(gateway)[0], 200)

    def test_the_log_knows_every_call_and_its_route(self):
        self.cluster.get("/api/cluster?fields=version", headers={"X-Dot-Client-App": "Tester/1"})
        self.sim.manager.get(f"/api/gateways/{self.cluster.uuid}/storage/volumes/no")
        lines = [json.loads(line) for line in self.sim.ctl("log").splitlines()]
        self.assertEqual([(one["route"], one["method"], one["path"], one["status"]) for one in lines[-2:]],
                         [("direct", "GET", "/cluster?fields=version", 200), ("gateway", "GET", "/storage/volumes/no", 404)])
        self.assertEqual((lines[-2]["client"], lines[-1]["code"]), ("Tester/1", "4"))
        self.assertEqual(len((self.sim.data / "calls.jsonl").read_text().splitlines()), len(lines))

    def test_it_counts_what_it_holds(self):
        self.cluster.wait(self.snapshot("s1"))
        total = json.loads(self.sim.ctl("count"))["clusters"]["cluster1"]
        self.assertEqual((total["volumes"], total["snapshots"], total["clones"], total["relationships"]), (2, 1, 0, 0))

    def test_the_gateway_can_be_switched_off(self):
        self.sim.ctl("gateway", "off")
        self.assertEqual(self.sim.manager.get("/api/gateways")[0], 403)
        self.sim.ctl("gateway", "on")
        self.assertEqual(self.sim.manager.get("/api/gateways")[0], 200)

    def test_a_changed_password_and_a_changed_certificate(self):
        self.sim.ctl("password", "cluster1", "another-word")
        self.assertEqual(self.cluster.get("/api/cluster")[0], 401)
        self.sim.read()
        self.cluster = self.sim.cluster(1)
        self.assertEqual(self.cluster.get("/api/cluster")[0], 200)
        before = (self.sim.data / "ca.pem").read_text()
        pinned = self.sim.folder / "old.pem"
        pinned.write_text(before)
        self.sim.ctl("certificate")
        while (self.sim.data / "ca.pem").read_text() == before:
            pass
        for _ in range(1000):
            try:
                self.assertEqual(self.cluster.get("/api/cluster")[0], 200)
                break
            except (OSError, urllib.error.URLError):
                pass
        self.cluster.ca_file = str(pinned)
        with self.assertRaises(urllib.error.URLError):
            self.cluster.get("/api/cluster")

    def request(self, context, headers):
        call = urllib.request.Request(self.cluster.url + "/api/cluster", headers=headers)
        try:
            with urllib.request.urlopen(call, context=context) as answer:
                return answer.status
        except urllib.error.HTTPError as error:
            return error.code

    def test_a_bearer_token_and_a_client_certificate_log_in(self):
        context = ssl.create_default_context(cafile=self.cluster.ca_file)
        token = self.sim.ctl("token").strip()
        self.assertEqual(self.request(context, {"Authorization": "Bearer " + token}), 200)
        self.assertEqual(self.request(context, {"Authorization": "Bearer " + token[:-2]}), 401)
        other = self.sim.ctl("token", f"scope=ontap:{self.sim.cluster(2).uuid}").strip()
        self.assertEqual(self.request(context, {"Authorization": "Bearer " + other}), 401)
        self.assertEqual(self.request(context, {}), 401)
        context.load_cert_chain(self.sim.endpoints["client_certificate"], self.sim.endpoints["client_key"])
        self.assertEqual(self.request(context, {}), 200)

    def test_many_clients_at_once(self):
        problems = []

        def one(number):
            try:
                access = self.sim.cluster(1 + number % 2)
                volume = access.records("/api/storage/volumes?max_records=1")[0]["uuid"]
                for i in range(5):
                    job = access.wait(access.call("POST", f"/api/storage/volumes/{volume}/snapshots", {"name": f"s{number}.{i}"}))
                    assert job["state"] == "success", job
                    assert access.get("/api/storage/volumes?fields=**")[0] == 200
            except Exception as error:  # noqa: BLE001
                problems.append(repr(error))

        threads = [threading.Thread(target=one, args=(number,)) for number in range(12)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual(problems, [])
        self.assertEqual(json.loads(self.sim.ctl("count"))["total"]["snapshots"], 60)


class OnBtrfs(unittest.TestCase):
    """A fence that holds for every program: the volumes lie on btrfs, in a file of their own."""

    def setUp(self):
        require(self, "binary", os.access(simulator.PROGRAM, os.X_OK), "HF_ONTAP_SIM names no program; ctest sets it")
        self.folder = Path(tempfile.mkdtemp(prefix="holdfast-sim-btrfs-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        image, mount = self.folder / "image", self.folder / "mount"
        mount.mkdir()
        image.touch()
        os.truncate(image, 512 << 20)
        done = os.geteuid() == 0 and shutil.which("mkfs.btrfs") and subprocess.run(
            f"mkfs.btrfs -q {image} && mount -o loop {image} {mount}", shell=True, capture_output=True, text=True)
        require(self, "btrfs", done and done.returncode == 0, "btrfs cannot be mounted here (it needs root, mkfs.btrfs and loop devices)")
        self.addCleanup(subprocess.run, ["umount", "-l", str(mount)])
        self.sim = Simulator()
        shutil.rmtree(self.sim.folder)
        self.sim.folder, self.sim.data, self.sim.log = mount, mount / "data", self.folder / "log"
        self.addCleanup(self.sim.stop, signal.SIGKILL)
        self.sim.start()

    def test_a_started_snapshot_keeps_every_writer_out_until_it_is_committed(self):
        cluster = self.sim.cluster(1)
        members = [{"name": name, "provisioning_options": {"action": "add"}} for name in ("data1", "data2")]
        cluster.wait(cluster.call("POST", "/api/application/consistency-groups", {"name": "g", "svm.name": "svm1", "volumes": members}))
        group = f"/api/application/consistency-groups/{cluster.records('/api/application/consistency-groups')[0]['uuid']}/snapshots"
        file = self.sim.mount("svm1:/data1") / "a"
        file.write_text("one")
        status, body, _ = cluster.call("POST", f"{group}?action=start&action_timeout=60&return_records=true", {"name": "s1", "write_fence": True})
        self.assertEqual((status, body["records"][0]["write_fence"]), (201, True))
        with self.assertRaises(OSError):
            file.write_text("two")
        job = cluster.wait(cluster.call("PATCH", f"{group}/{body['records'][0]['uuid']}?action=commit"))
        self.assertEqual(job["state"], "success", job)
        file.write_text("two")
        self.assertEqual((file.parent / ".snapshot/s1/a").read_text(), "one")
        status, body, _ = cluster.call("POST", f"{group}?action=start&action_timeout=60&return_records=true", {"name": "s2"})
        self.sim.stop(signal.SIGKILL)
        self.sim.start()  # a fence does not outlive the process for long
        file.write_text("three")
        volume = self.sim.cluster(1).records("/api/storage/volumes?name=data1")[0]["uuid"]
        cluster = self.sim.cluster(1)
        self.assertEqual(cluster.wait(cluster.call("PATCH", f"/api/storage/volumes/{volume}?restore_to.snapshot.name=s1"))["state"], "success")
        self.assertEqual(file.read_text(), "one")


class Configured(unittest.TestCase):
    def test_a_configuration_says_otherwise(self):
        require(self, "binary", os.access(simulator.PROGRAM, os.X_OK), "HF_ONTAP_SIM names no program; ctest sets it")
        sim = Simulator()
        self.addCleanup(sim.__exit__)
        config = sim.folder / "config.yaml"
        config.write_text("password: known-word\nusers:\n  - {name: reader, password: word}\nclusters:\n  - name: east\n    version: 9.14.1\n    svms:\n"
                          "      - name: prod\n        volumes:\n          - {name: db, size: 2GiB, junction: /db}\n")
        sim.arguments = ("--config", str(config))
        sim.start()
        self.assertEqual(sim.cluster(1).password, "known-word")
        self.assertEqual(sim.cluster(1).get("/api/cluster")[1]["version"]["major"], 14)
        self.assertEqual(sim.cluster(1).records("/api/storage/volumes?fields=size")[0]["size"], 2 << 30)
        reader = sim.cluster(1)
        reader.user, reader.password = "reader", "word"
        self.assertEqual(reader.get("/api/cluster")[0], 200)
        status, body, _ = reader.call("POST", "/api/cluster/schedules", {"name": "x", "interval": "PT1H"})
        self.assertEqual((status, body["error"]), (403, {"message": "not authorized for that command", "code": "6"}))
        sim.manager.user, sim.manager.password = "reader", "word"
        gateway = f"/api/gateways/{reader.uuid}/storage/volumes"
        self.assertEqual((sim.manager.get(gateway)[0], sim.manager.call("DELETE", gateway + "?name=db")[0]), (200, 403))
        config.write_text("clusterz: []\n")
        sim.stop()
        with self.assertRaisesRegex(AssertionError, "clusterz"):
            sim.start()


if __name__ == "__main__":
    unittest.main()
