"""What an ONTAP array does by itself, end to end and through Unified Manager: one snapshot of a group under a write
fence, volumes, groups and files that go back without a byte through Holdfast, proofs on clones.

The simulator's volumes lie on a btrfs of their own where this user may mount one: there a write fence is a real one.
"""

import json
import re
import shutil
import subprocess
import threading
import time
import unittest

from house import fill
from ontap_test import OntapTest, Simulator, contents


def mount_btrfs(case, folder):
    """A btrfs of the test's own at `folder`; False where there is none."""
    image = folder.with_suffix(".img")
    with open(image, "wb") as file:
        file.truncate(600 << 20)
    folder.mkdir()
    try:
        subprocess.run(["mkfs.btrfs", "-q", image], check=True, capture_output=True)
        subprocess.run(["mount", "-o", "loop", image, folder], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        folder.rmdir()
        image.unlink()
        return False
    case.addCleanup(subprocess.run, ["umount", "-l", folder], capture_output=True)
    return True


class NativeTest(OntapTest):
    """A volume of the first cluster, through Unified Manager, with its snapshots as the only level."""

    arguments = ()

    def simulate(self):
        self.fences = mount_btrfs(self, self.folder / "array")
        if not self.fences:
            (self.folder / "array").mkdir()
        settings = self.folder / "sim.yaml"
        settings.write_text(f"job_time: 30ms\ntransfer_time: 60ms\ndata_port: {'false' if self.fences else 'true'}\n")
        return Simulator(self.folder / "array" / "ontap", self.id(), ["--config", str(settings)])

    def setUp(self):
        super().setUp()
        manager = self.simulator.endpoints["unified_manager"]
        self.house.run("system", "add", "active-iq", "um", *self.login(manager))
        self.policy("snapshots", [{"level": "local_snapshot"}])
        fill(self.volume)
        self.before = contents(self.volume)

    def policy(self, name, levels, **more):
        return self.house.client.post("/v1/documents", {"document": {"kind": "policy", "name": name, "levels": levels, **more}})

    def backup(self, resource="orders"):
        return self.house.finish("scheduled_backup", resource=resource).point

    def recover(self, source, target="in-place", approve=True, **more):
        """The result of a recovery; what it asks is kept in self.asked."""
        parameters = {"recovery_type": "volume", "source_backup": source, "target_location": str(target), "notify_completion": False,
                      "validate_integrity": True, **more}
        run = self.house.finish("data_recovery", **parameters)
        self.asked = run.approval
        if approve and run.status == "waiting":
            self.house.client.approve(run.approval["id"], "a test")
            run = self.house.client.wait(self.house.client.run(run.run_id), time.monotonic() + 300)
        return run

    def steps(self, run):
        return {step["name"]: step for step in self.house.client.run(run.run_id)["steps"]}

    def calls(self):
        return [json.loads(line) for line in (self.simulator.folder / "calls.jsonl").read_text().splitlines()]

    def volumes(self, number=0):
        return {row["name"]: row for row in self.cluster(number, "/storage/volumes?fields=clone,nas.path", None, "GET")["records"]}

    def damage(self, volume=None):
        volume = volume or self.volume
        (volume / "text.txt").write_text("overwritten by mistake\n")
        shutil.rmtree(volume / "d1")
        (volume / "new").mkdir(exist_ok=True)
        (volume / "new" / "file").write_text("younger than the point\n")


class Volumes(NativeTest):
    def setUp(self):
        super().setUp()
        self.house.protect("orders", self.volume, policy="snapshots")

    def test_a_volume_goes_back_in_place_after_an_approval_that_says_what_goes(self):
        point = self.backup()
        self.damage()
        run = self.recover(point)
        self.assertEqual(self.asked["proposal"]["means"], "snapshot_restore")
        self.assertEqual((self.asked["proposal"]["deletes"], self.asked["proposal"]["delete_sample"]), (1, ["new"]))
        self.assertIn("deletes 1", self.asked["summary"])
        self.assertEqual(contents(self.volume), self.before)
        steps = self.steps(run)
        self.assertRegex(steps["restore"]["detail"], r"^snapshot_restore: \d+ entries, .* by the storage system itself")
        self.assertEqual((steps["validate"]["status"], run.means), ("done", "snapshot_restore"))
        restored = [call for call in self.calls() if call["method"] == "PATCH" and "restore_to" in call["path"]]
        self.assertEqual([call["route"] for call in restored], ["gateway"])

    def test_newer_points_are_lost_only_when_somebody_insists(self):
        old = self.backup()
        (self.volume / "text.txt").write_text("second\n")
        new = self.backup()
        self.damage()
        run = self.recover(old)
        self.assertEqual(run.means, "files_copied")
        self.assertIn("would throw away 1 newer snapshots", self.steps(run)["restore"]["detail"])
        self.assertEqual((self.volume / "text.txt").read_text(), "what is protected here\n")
        self.assertTrue((self.volume / "new").is_dir(), "copying deletes nothing")
        (self.volume / "text.txt").write_text("again\n")
        run = self.recover(old, means="snapshot_restore")
        self.assertEqual(self.asked["proposal"]["lost_snapshot_sample"], [new])
        self.assertIn("throws away 1 newer snapshots", self.asked["summary"])
        self.assertEqual(contents(self.volume), self.before)
        self.assertEqual(self.house.client.get(f"/v1/points/{new}")["copies"][0]["state"], "missing")
        self.assertEqual(self.house.client.get(f"/v1/points/{old}")["copies"][0]["state"], "available")

    def test_files_come_back_inside_the_volume(self):
        point = self.backup()
        self.damage()
        run = self.recover(point, recovery_type="file", paths=["text.txt", "d1/f1.bin"])
        self.assertEqual(run.means, "file_restore")
        now = contents(self.volume)
        for path in ("text.txt", "d1/f1.bin"):
            self.assertEqual(now[path], self.before[path])
        self.assertIn("new/file", now)
        self.assertNotIn("d1/f4.bin", now)
        run = self.recover(point, "orders:beside", recovery_type="file", paths=["d1/f4.bin"])
        self.assertEqual((run.means, self.asked), ("clone", None))
        self.assertEqual(contents(self.volume)["beside/d1/f4.bin"], self.before["d1/f4.bin"])
        run = self.recover(point, recovery_type="file", paths=["d1"])
        self.assertEqual(run.means, "files_copied")
        self.assertIn("d1 is no single file", self.steps(run)["restore"]["detail"])

    def test_a_volume_comes_to_a_new_place_as_a_clone_that_is_split(self):
        point = self.backup()
        place = self.volume.parent / "orders_back"
        run = self.recover(point, place)
        self.assertEqual((run.means, self.asked), ("clone", None), self.steps(run)["restore"]["detail"])
        self.assertEqual(contents(place), self.before)
        limit = time.monotonic() + 60
        while self.volumes()["orders_back"]["clone"].get("is_flexclone"):
            self.assertLess(time.monotonic(), limit, "the clone is split from its parent")
            time.sleep(0.1)
        elsewhere = self.folder / "elsewhere"
        run = self.recover(point, elsewhere)
        self.assertEqual(run.means, "files_copied")
        self.assertIn("in no mount of SVM svm1", self.steps(run)["restore"]["detail"])
        self.assertEqual(contents(elsewhere), self.before)

    def test_what_the_array_refuses_is_copied_and_told(self):
        point = self.backup()
        self.damage()
        self.simulator.ctl("faults", "add", "job_failure", "cluster=cluster1", "path=PATCH*storage/volumes/*", "times=1",
                           "code=524511", "message=The snapshot cannot be restored.")
        run = self.recover(point)
        detail = self.steps(run)["restore"]["detail"]
        self.assertEqual(run.means, "files_copied", detail)
        self.assertIn("the storage system refused snapshot_restore", detail)
        self.assertEqual((self.volume / "text.txt").read_text(), "what is protected here\n")

    def test_a_means_that_cannot_be_is_refused(self):
        point = self.backup()
        with self.assertRaisesRegex(Exception, "clone was asked for and cannot be"):
            self.recover(point, means="clone")
        with self.assertRaises(Exception) as refused:
            self.recover(point, means="magic")
        self.assertIn("must be one of", str(refused.exception.problems))


class References(NativeTest):
    def test_a_newer_replication_reference_keeps_the_volume_and_files_are_copied(self):
        self.policy("mirrored", [{"level": "local_snapshot"}, {"level": "remote_replica", "destination": "cluster2/svm2:orders_copy"}])
        self.house.protect("orders", self.volume, policy="mirrored")
        old = self.backup()
        self.backup()
        self.damage()
        run = self.recover(old, copy="local_snapshot", means="snapshot_restore")
        detail = self.steps(run)["restore"]["detail"]
        self.assertEqual(run.means, "files_copied", detail)
        self.assertIn("1638480", detail)
        self.assertEqual((self.volume / "text.txt").read_text(), "what is protected here\n")
        self.assertTrue(all(copy["state"] == "available" for point in self.house.points("orders") for copy in point["copies"]))
        # The newest point is the reference itself: nothing newer is in the way, and the replica follows.
        self.damage()
        run = self.recover("orders", copy="local_snapshot")
        self.assertEqual(run.means, "snapshot_restore", self.steps(run)["restore"]["detail"])
        self.assertIn("replica at svm2:orders_copy updated", self.steps(run)["restore"]["detail"])
        self.assertNotIn("new/file", contents(self.volume))


class GroupTest(NativeTest):
    """Volumes data1 and data2 of svm1 in one consistency group."""

    def setUp(self):
        super().setUp()
        self.logs = self.volume.parent / "data2"
        fill(self.logs, seed=2)
        self.logs_before = contents(self.logs)

    def group(self, name="shop"):
        members = [{"name": volume, "provisioning_options": {"action": "add"}} for volume in ("data1", "data2")]
        self.cluster(0, "/application/consistency-groups", {"name": name, "svm": {"name": "svm1"}, "volumes": members})

    def protect(self, name, path, group="shop", **more):
        return self.house.client.post("/v1/resources", {"name": name, "path": str(path), "policy": "snapshots", "consistency_group": group, **more})

    def protect_both(self):
        self.group()
        self.protect("orders", self.volume)
        self.protect("logs", self.logs)


class Groups(GroupTest):
    def test_one_run_protects_the_group_and_a_recovery_brings_all_of_it_back(self):
        self.protect_both()
        run = self.house.finish("scheduled_backup", resource="logs")
        steps = self.steps(run)
        self.assertEqual(steps["consistency_group"]["status"], "done")
        self.assertIn("one snapshot of 2 volumes under a write fence", steps["consistency_group"]["detail"])
        self.assertEqual(steps["orders/local_snapshot"]["status"], "done")
        points = {name: self.house.points(name)[-1] for name in ("orders", "logs")}
        self.assertEqual({point["run_id"] for point in points.values()}, {run.run_id})
        self.assertEqual(points["orders"]["time"], points["logs"]["time"])
        self.assertNotEqual(points["orders"]["id"], points["logs"]["id"])
        self.house.finish("catalog_rebuild")
        self.assertEqual({name: self.house.points(name)[-1] for name in points}, points, "the snapshots tell whose they are")
        sent = [(call["route"], call["method"], re.sub("[0-9a-f-]{36}", "U", call["path"]).split("&")[0]) for call in self.calls()
                if "consistency-groups" in call["path"] and call["method"] in ("POST", "PATCH") and call["route"] == "gateway"
                and call["status"] != 404]  # of the connection test
        self.assertEqual([(method, path) for _, method, path in sent],
                         [("POST", "/application/consistency-groups/U/snapshots?action=start"),
                          ("PATCH", "/application/consistency-groups/U/snapshots/U?action=commit")])
        for volume in (self.volume, self.logs):
            self.damage(volume)
        back = self.recover(points["orders"]["id"], recovery_type="group")
        self.assertEqual((back.means, self.asked["proposal"]["group"]), ("snapshot_restore", "shop"))
        self.assertEqual(contents(self.volume), self.before)
        self.assertEqual(contents(self.logs), self.logs_before)
        proof = self.house.finish("recovery_proof", resource="logs", level="L2")
        self.assertEqual(proof.level, "L2")

    def test_writers_find_both_volumes_at_one_instant(self):
        """One writer numbers both volumes in turn: in any one instant the first is at most one ahead."""
        if not self.fences:
            self.skipTest("no btrfs for volumes that a write fence holds")
        self.protect_both()
        stop = threading.Event()

        def write():
            number = 0
            while not stop.is_set():
                number += 1
                for volume in (self.volume, self.logs):
                    while not stop.is_set():
                        try:
                            (volume / "number").write_text(f"{number}\n")
                            break
                        except OSError:  # fenced
                            time.sleep(0.001)

        writer = threading.Thread(target=write)
        writer.start()
        try:
            point = self.backup()
        finally:
            stop.set()
            writer.join()
        run = self.recover(point, recovery_type="group", means="snapshot_restore")
        self.assertEqual(run.means, "snapshot_restore")
        first, second = (int((volume / "number").read_text()) for volume in (self.volume, self.logs))
        self.assertIn(first - second, (0, 1))
        self.assertGreater(second, 0)

    def test_a_snapshot_that_fails_leaves_nothing_half_done(self):
        self.protect_both()
        self.simulator.ctl("faults", "add", "job_failure", "path=PATCH*consistency-groups*snapshots*", "code=53411921", "message=one volume failed")
        with self.assertRaisesRegex(Exception, "one volume failed"):
            self.backup()
        counted = json.loads(self.simulator.ctl("count"))["clusters"]["cluster1"]
        self.assertEqual((counted["snapshots"], counted["consistency_group_snapshots"]), (0, 0))
        self.assertEqual(self.house.points("orders") + self.house.points("logs"), [])
        self.simulator.ctl("faults", "clear")
        self.backup()
        counted = json.loads(self.simulator.ctl("count"))["clusters"]["cluster1"]
        self.assertEqual((counted["snapshots"], counted["consistency_group_snapshots"]), (2, 1))

    def test_one_volume_of_the_group_goes_back_alone(self):
        self.protect_both()
        self.backup()
        for volume in (self.volume, self.logs):
            self.damage(volume)
        damaged = contents(self.logs)
        run = self.recover("orders")
        self.assertEqual(run.means, "snapshot_restore")
        self.assertEqual(contents(self.volume), self.before)
        self.assertEqual(contents(self.logs), damaged)

    def test_what_is_no_group_is_refused_when_it_is_saved(self):
        with self.assertRaisesRegex(Exception, "is in no consistency group: put it into 'shop'"):
            self.protect("orders", self.volume)
        self.group("other")
        with self.assertRaisesRegex(Exception, "is in consistency group 'other', not 'shop'"):
            self.protect("orders", self.volume)
        self.protect("orders", self.volume, group="other")
        self.policy("weekly", [{"level": "local_snapshot"}], schedules=[{"w": {"time": "02:00", "day": "sunday"}}])
        with self.assertRaisesRegex(Exception, "the same schedules"):
            self.protect("logs", self.logs, group="other", policy="weekly")
        self.policy("twin", [{"level": "local_snapshot"}])
        self.protect("logs", self.logs, group="other", policy="twin")
        with self.assertRaisesRegex(Exception, "the same schedules"):
            self.policy("twin", [{"level": "local_snapshot"}], schedules=[{"w": {"time": "02:00", "day": "sunday"}}])
        self.house.run("resource", "remove", "logs")
        self.policy("locked", [{"level": "local_snapshot", "lock": "1d"}])
        with self.assertRaisesRegex(Exception, "53411959"):
            self.protect("logs", self.logs, group="other", policy="locked")

    def test_a_volume_that_left_the_group_fails_the_run_and_leaves_nothing(self):
        self.protect_both()
        groups = self.cluster(0, "/application/consistency-groups", None, "GET")["records"]
        self.cluster(0, f"/application/consistency-groups/{groups[0]['uuid']}",
                     {"volumes": [{"name": "data2", "provisioning_options": {"action": "remove"}}]}, "PATCH")
        with self.assertRaisesRegex(Exception, "no consistency group"):
            self.backup()
        self.assertEqual(self.house.points("orders") + self.house.points("logs"), [])
        for volume in (self.volume, self.logs):
            self.assertEqual([path.name for path in (volume / ".snapshot").iterdir() if path.name.startswith("pt_")], [])


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

    def test_a_leaked_clone_is_a_finding(self):
        self.protect()
        self.backup()
        self.cluster(0, "/storage/volumes", {"name": "holdfast_left", "svm": {"name": "svm1"},
                                             "clone": {"is_flexclone": True, "parent_volume": {"name": "data1"}}})
        found = [row for row in self.house.client.system_findings("um") if row["kind"] == "leaked_clone"]
        self.assertEqual([row["object"] for row in found], ["svm1:holdfast_left"])


if __name__ == "__main__":
    unittest.main()
