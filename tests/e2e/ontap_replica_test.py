"""What comes back from another cluster or an object store, end to end and through Unified Manager: over the original, into
a new volume, and file by file, with nothing of it left afterwards."""

import unittest

import temporal_test
from house import fill, picture, require_program
from ontap_native_test import NativeTest
from ontap_test import contents
from temporal_test import setUpModule, tearDownModule  # noqa: F401


class ReplicaTest(NativeTest):
    """A volume with snapshots, a replica on the second cluster and a copy in an object store."""

    def setUp(self):
        super().setUp()
        self.cluster(0, "/cloud/targets", {"name": "vault", "owner": "snapmirror", "provider_type": "SGWS", "server": "127.0.0.1",
                                           "container": "vault", "access_key": "key", "secret_password": "secret",
                                           "svm": {"name": "svm1"}})
        self.policy("gold", [{"level": "local_snapshot"}, {"level": "remote_replica", "destination": "cluster2/svm2:orders_copy"},
                             {"level": "cloud_backup", "destination": "vault:/objstore"}])
        self.house.protect("orders", self.volume, policy="gold")
        self.point = self.backup()
        self.addCleanup(self.nothing_is_left)

    def nothing_is_left(self):
        for number in (0, 1):
            self.assertEqual([name for name in self.volumes(number) if name.startswith("holdfast_")], [])
            relations = self.cluster(number, "/snapmirror/relationships?fields=restore,destination", None, "GET")["records"]
            self.assertEqual([row for row in relations if row.get("restore")], [])

    def detail(self, run, step="restore"):
        return self.steps(run)[step]["detail"]


class OnEitherEngine(ReplicaTest):
    def test_the_volume_goes_back_from_the_second_cluster_and_keeps_its_snapshots(self):
        self.damage()
        newer = self.backup()
        run = self.recover(self.point, copy="remote_replica")
        self.assertEqual(run.means, "replica_restore", self.detail(run))
        proposal = self.asked["proposal"]
        self.assertEqual((proposal["means"], proposal["delete_sample"], proposal["loses_snapshots"]), ("replica_restore", ["new"], 0))
        self.assertIn("read on a clone beside it", self.detail(run, "fetch"))
        self.assertEqual(contents(self.volume), self.before)
        self.assertIn("replica at svm2:orders_copy updated", self.detail(run))
        back = self.recover(newer, copy="local_snapshot")
        self.assertTrue((self.volume / "new" / "file").is_file(), self.detail(back))
        self.assertEqual(self.house.client.get(f"/v1/points/{newer}")["copies"][0]["state"], "available")


class OnTemporal(OnEitherEngine):
    def setUp(self):
        require_program(self)
        temporal_test.require_temporal(self)
        super().setUp()

    def prepare(self, house):
        temporal_test.use_temporal(house)


class Replicas(ReplicaTest):
    def test_files_come_back_from_the_second_cluster(self):
        self.damage()
        run = self.recover(self.point, copy="remote_replica", recovery_type="file", paths=["text.txt", "d1/f1.bin"])
        self.assertEqual(run.means, "replica_restore", self.detail(run))
        now = contents(self.volume)
        self.assertEqual([now[path] for path in ("text.txt", "d1/f1.bin")], [self.before[path] for path in ("text.txt", "d1/f1.bin")])
        self.assertIn("new/file", now)
        self.assertNotIn("d1/f4.bin", now)
        run = self.recover(self.point, copy="remote_replica", recovery_type="file", paths=["d1"])
        self.assertEqual(run.means, "files_copied")
        self.assertIn("d1 is no single file", self.detail(run))
        self.assertEqual(contents(self.volume)["d1/f4.bin"], self.before["d1/f4.bin"])

    def test_a_new_volume_on_the_first_cluster_is_filled_from_the_second(self):
        place = self.volume.parent / "orders_back"
        run = self.recover(self.point, place, copy="remote_replica")
        self.assertEqual((run.means, self.asked), ("replica_restore", None), self.detail(run))
        self.assertEqual(contents(place), self.before)
        self.assertFalse(self.volumes()["orders_back"]["clone"].get("is_flexclone"))
        elsewhere = self.folder / "elsewhere"
        run = self.recover(self.point, elsewhere, copy="remote_replica")
        self.assertEqual(run.means, "files_copied")
        self.assertIn("in no mount of SVM svm1", self.detail(run))
        self.assertEqual(picture(elsewhere), self.before)

    def test_an_object_store_fills_new_volumes_and_the_original_gets_its_files(self):
        self.damage()
        run = self.recover(self.point, copy="cloud_backup")
        self.assertEqual(run.means, "files_copied")
        self.assertEqual((self.volume / "text.txt").read_text(), "what is protected here\n")
        with self.assertRaisesRegex(Exception, "replica_restore was asked for and cannot be"):
            self.recover(self.point, copy="cloud_backup", means="replica_restore")
        place = self.volume.parent / "orders_back"
        run = self.recover(self.point, place, copy="cloud_backup", means="replica_restore")
        self.assertEqual(run.means, "replica_restore", self.detail(run))
        self.assertEqual(contents(place), self.before)

    def test_a_restore_that_the_array_refuses_is_copied_and_told(self):
        self.damage()
        self.simulator.ctl("faults", "add", "error", "cluster=cluster1", "method=POST", "path=*transfers", "times=1", "status=403",
                           "code=6", "message=not authorized for that command")
        run = self.recover(self.point, copy="remote_replica")
        self.assertEqual(run.means, "files_copied", self.detail(run))
        self.assertIn("the storage system refused replica_restore", self.detail(run))
        self.assertEqual((self.volume / "text.txt").read_text(), "what is protected here\n")


class Directories(NativeTest):
    def test_a_directory_of_a_volume_comes_back_by_its_files(self):
        inside = self.volume / "inside"
        inside.mkdir()
        fill(inside, seed=3)
        before = picture(inside)
        self.policy("mirrored", [{"level": "local_snapshot"}, {"level": "remote_replica", "destination": "cluster2/svm2:orders_copy"}])
        self.house.protect("orders", inside, policy="mirrored")
        point = self.backup()
        (inside / "text.txt").write_text("broken\n")
        run = self.recover(point, copy="remote_replica")
        self.assertEqual(run.means, "files_copied")
        self.assertIn("is a part of its volume", self.steps(run)["restore"]["detail"])
        self.assertEqual(picture(inside), before)


if __name__ == "__main__":
    unittest.main()
