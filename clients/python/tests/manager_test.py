"""The requirements' own class BackupRecoveryManager, taken from their text and run unmodified against a server."""

import asyncio
import os
import re
import sys
import unittest
import warnings
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3] / "tests" / "e2e"))
from house import ROOT, HouseTest, fill, picture  # noqa: E402

REQUIREMENTS = ROOT.parent / "shared" / "requirements" / "backup-recovery.md"


def manager_source():
    """The first Python block of the document that defines the class, character by character."""
    text = REQUIREMENTS.read_text(encoding="utf-8")
    blocks = re.findall(r"^```python\n(.*?)^```", text, re.M | re.S)
    return next(block for block in blocks if "class BackupRecoveryManager" in block)


class ExampleTest(unittest.TestCase):
    def test_the_shipped_document_is_the_requirements_one(self):
        if not REQUIREMENTS.is_file():
            self.skipTest("the requirements' document is not beside this checkout (../shared)")
        blocks = re.findall(r"^```yaml\n(.*?)^```", REQUIREMENTS.read_text(encoding="utf-8"), re.M | re.S)
        printed = next(block for block in blocks if block.startswith("workflow_name: scheduled_backup\n"))
        self.assertEqual((ROOT / "examples" / "scheduled_backup.yaml").read_text(encoding="utf-8"), printed)


class ManagerTest(HouseTest):
    def setUp(self):
        if not REQUIREMENTS.is_file():
            self.skipTest("the requirements' document is not beside this checkout (../shared)")
        super().setUp()
        os.environ["HOLDFAST_SERVER"] = self.house.client.address
        os.environ["HOLDFAST_TOKEN_FILE"] = str(self.house.data / "admin.token")
        self.addCleanup(os.environ.pop, "HOLDFAST_SERVER")
        self.addCleanup(os.environ.pop, "HOLDFAST_TOKEN_FILE")
        namespace = {}
        exec(compile(manager_source(), str(REQUIREMENTS), "exec"), namespace)
        self.manager = namespace["BackupRecoveryManager"]()
        self.tree = fill(self.folder / "source")
        self.house.protect("orders", self.tree)

    def test_schedules_a_backup_that_the_server_lists(self):
        asked = {"type": "snapshot", "retention": "12_weeks", "schedule": "weekly"}
        schedule = asyncio.run(self.manager.schedule_backup("orders", asked))
        self.assertEqual(schedule["resource"], "orders")
        listed = [row for row in self.house.client.items("/v1/schedules") if row["resource"] == "orders"]
        self.assertIn(schedule["label"], [row["label"] for row in listed])
        self.assertIn(schedule["next_runs"][0], [row["next"] for row in listed])

    def test_recovers_files_to_the_target(self):
        point = self.house.finish("scheduled_backup", resource="orders").point
        target = self.folder / "back"
        answer = asyncio.run(self.manager.initiate_recovery({"type": "volume", "backup_id": point, "target": str(target)}))
        self.assertEqual(answer.status, "completed")
        self.assertEqual(picture(target), picture(self.tree))

    def test_reports_what_the_run_list_shows(self):
        for _ in range(3):
            self.house.finish("scheduled_backup", resource="orders")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # utcnow() in the document's text
            report = asyncio.run(self.manager.get_backup_status("local", 1))
        rows = [row for row in self.house.json("run", "list") if row["workflow"] == "scheduled_backup"]
        self.assertEqual(len(rows), 3)
        for status, count in report["runs"].items():
            self.assertEqual(count, sum(row["status"] == status for row in rows), status)


if __name__ == "__main__":
    unittest.main()
