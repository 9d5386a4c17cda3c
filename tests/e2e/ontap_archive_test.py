"""Copies on ONTAP that stay for long: locked archives, copies in an object store, two replicas of one level."""

import sqlite3
import unittest
import urllib.error

from ontap_native_test import NativeTest
from ontap_test import contents


class Archives(NativeTest):
    """A locked copy in a vault volume of the second cluster."""

    def archive(self, lock="1d", **more):
        self.policy("kept", [{"level": "local_snapshot"}, {"level": "archive", "destination": "cluster2/svm2:orders_vault", "lock": lock}], **more)

    def vault(self):
        uuid = self.volumes(1)["orders_vault"]["uuid"]
        return f"/storage/volumes/{uuid}/snapshots", {
            row["name"]: row for row in self.cluster(1, f"/storage/volumes/{uuid}/snapshots?fields=snaplock_expiry_time", None, "GET")["records"]}

    def age(self, point, days):
        """As if the point had been made so long ago."""
        self.house.stop()
        with sqlite3.connect(self.house.data / "state.db") as state:
            state.execute("UPDATE points SET time = time - ? WHERE id = ?", (days * 86_400_000_000_000, point))
        self.assertTrue(self.house.start_again())

    def test_a_locked_copy_cannot_be_deleted_early_and_the_run_says_why(self):
        self.archive(schedules=[{"daily": {"time": "02:00", "frequency": "daily", "retention": "30_days"}}])
        self.house.protect("orders", self.volume, policy="kept")
        first = self.house.finish("scheduled_backup", resource="orders", label="daily", manual=False)
        self.assertRegex(self.steps(first)["archive"]["detail"], r"at cluster2/svm2:orders_vault, .*, locked until 2")
        snapshots, rows = self.vault()
        self.assertIn("snaplock_expiry_time", rows[first.point])
        with self.assertRaises(urllib.error.HTTPError) as refused:
            self.cluster(1, f"{snapshots}/{rows[first.point]['uuid']}", None, "DELETE")
        self.assertIn("1638555", refused.exception.read().decode())
        self.house.finish("scheduled_backup", resource="orders", label="daily", manual=False)
        self.age(first.point, 40)
        third = self.house.finish("scheduled_backup", resource="orders", label="daily", manual=False)
        detail = self.steps(third)["retention"]["detail"]
        self.assertRegex(detail, r"1 copies at cluster2/svm2:orders_vault are locked, the last until \d{4}-.* and stay")
        copies = {copy["level"]: copy["state"] for copy in self.house.client.get(f"/v1/points/{first.point}")["copies"]}
        self.assertEqual(copies, {"local_snapshot": "expired", "archive": "available"})
        self.assertIn(first.point, self.vault()[1])
        target = self.folder / "from-archive"
        self.recover(first.point, target, copy="archive")
        self.assertEqual(contents(target), self.before)

    def test_a_locked_snapshot_stays_and_keeps_its_volume_from_going_back(self):
        self.cluster(0, f"/storage/volumes/{self.volumes()['data1']['uuid']}", {"snapshot_locking_enabled": True}, "PATCH")
        self.policy("locked", [{"level": "local_snapshot", "lock": "1d"}],
                    schedules=[{"daily": {"time": "02:00", "frequency": "daily", "retention": "30_days"}}])
        self.house.protect("orders", self.volume, policy="locked")
        first = self.house.finish("scheduled_backup", resource="orders", label="daily", manual=False).point
        self.house.finish("scheduled_backup", resource="orders", label="daily", manual=False)
        self.damage()
        run = self.recover(first, means="snapshot_restore")
        detail = self.steps(run)["restore"]["detail"]
        self.assertIn("the storage system refused snapshot_restore", detail)
        self.assertIn("9437886", detail)
        self.assertEqual((self.volume / "text.txt").read_text(), "what is protected here\n")
        self.age(first, 40)
        third = self.house.finish("scheduled_backup", resource="orders", label="daily", manual=False)
        self.assertRegex(self.steps(third)["retention"]["detail"], r"1 copies at .*data1 are locked, the last until \d{4}-.* and stay")
        self.assertEqual(self.house.client.get(f"/v1/points/{first}")["copies"][0]["state"], "available")

    def test_what_cannot_be_locked_is_refused_when_it_is_saved(self):
        with self.assertRaises(Exception) as refused:
            self.policy("kept", ["archive"])
        self.assertEqual({problem["pointer"] for problem in refused.exception.problems}, {"/levels/0/lock", "/levels/0/destination"})
        self.archive("60d", schedules=[{"daily": {"time": "02:00", "frequency": "daily", "retention": "30_days"}}])
        with self.assertRaisesRegex(Exception, "it is locked for .* and schedule 'daily' lets it go after 30_days"):
            self.house.protect("orders", self.volume, policy="kept")
        with self.assertRaises(Exception) as refused:
            self.archive("30d", schedules=[{"hourly": {"cron": "0 * * * *", "retention": "30_days"}}])
        (problem,) = refused.exception.problems
        self.assertEqual(problem["pointer"], "/levels/1/lock")
        self.assertIn("level archive would keep 721 copies and its relationship keeps at most 250", str(problem))
        self.policy("many", ["local_snapshot"], schedules=[{"hourly": {"cron": "0 * * * *", "retention": "2_years"}}])
        with self.assertRaisesRegex(Exception, "would keep 17544 copies and an ONTAP volume holds at most 1023"):
            self.house.protect("orders", self.volume, policy="many")
        self.archive("1d")
        (self.folder / "plain").mkdir()
        with self.assertRaisesRegex(Exception, "has no copies that nobody can delete"):
            self.house.protect("plain", self.folder / "plain", policy="kept")

    def test_a_copy_that_was_not_locked_fails_the_level(self):
        """The relationship of another policy was there before: its copies have no lock."""
        self.policy("plain", [{"level": "local_snapshot"}, {"level": "remote_replica", "destination": "cluster2/svm2:orders_vault"}])
        self.house.protect("orders", self.volume, policy="plain")
        self.backup()
        self.house.run("resource", "remove", "orders")
        self.archive()
        self.house.protect("orders", self.volume, policy="kept")
        with self.assertRaisesRegex(Exception, "orders_vault is not locked: switch snapshot locking on"):
            self.backup()

    def test_two_replicas_of_one_level_are_two_copies(self):
        places = ["cluster2/svm2:orders_a", "cluster2/svm2:orders_b"]
        self.policy("twice", [{"level": "remote_replica", "destination": place} for place in places])
        self.house.protect("orders", self.volume, policy="twice")
        point = self.house.client.get(f"/v1/points/{self.backup()}")
        self.assertEqual(sorted(copy["location"] for copy in point["copies"]), places)
        self.assertEqual(len({copy["id"] for copy in point["copies"]}), 2)
        for number, place in enumerate(places):
            target = self.folder / f"from-{number}"
            self.recover(point["id"], target, copy=place)
            self.assertEqual(contents(target), self.before)

    def test_a_cloud_copy_is_available_as_long_as_the_array_keeps_it(self):
        self.cluster(0, "/cloud/targets", {"name": "vault", "owner": "snapmirror", "provider_type": "SGWS", "server": "127.0.0.1",
                                           "container": "vault", "access_key": "key", "secret_password": "secret", "svm": {"name": "svm1"}})
        self.policy("cloud", [{"level": "local_snapshot"}, {"level": "cloud_backup", "destination": "vault:/objstore"}],
                    schedules=[{"daily": {"time": "02:00", "frequency": "daily", "retention": "30_days"}}])
        self.house.protect("orders", self.volume, policy="cloud")
        first = self.house.finish("scheduled_backup", resource="orders", label="daily", manual=False).point
        self.house.finish("scheduled_backup", resource="orders", label="daily", manual=False)
        self.age(first, 40)
        third = self.house.finish("scheduled_backup", resource="orders", label="daily", manual=False)
        self.assertIn("1 copies stay in vault:/objstore, of which SnapMirror policy holdfast keeps the newest 250",
                      self.steps(third)["retention"]["detail"])
        copies = {copy["level"]: copy["state"] for copy in self.house.client.get(f"/v1/points/{first}")["copies"]}
        self.assertEqual(copies, {"local_snapshot": "expired", "cloud_backup": "available"})
        policy = self.cluster(0, "/snapmirror/policies?name=holdfast", None, "GET")["records"][0]["uuid"]
        self.cluster(0, f"/snapmirror/policies/{policy}", {"retention": [{"label": "holdfast", "count": "3"}]}, "PATCH")
        self.house.finish("scheduled_backup", resource="orders", label="daily", manual=False)
        copies = {copy["level"]: copy["state"] for copy in self.house.client.get(f"/v1/points/{first}")["copies"]}
        self.assertEqual(copies["cloud_backup"], "expired")


if __name__ == "__main__":
    unittest.main()
