"""The thread once more, with `flow.engine: temporal` on a real server: nothing else may change."""

import base64
import json
import os
import signal
import socket
import subprocess
import tempfile
import time
import unittest
import uuid
from pathlib import Path

import thread_test
from house import die_with_the_test, require_program

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
PROGRAM = os.environ.get("HOLDFAST_TEMPORAL_CLI") or str(CACHE / "holdfast/bin/temporal-v1.5.1")


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class DevServer:
    """`temporal server start-dev` on a database of its own."""

    def __init__(self):
        self.folder = None
        self.address = f"127.0.0.1:{free_port()}"
        self.process = None

    def start(self):
        if self.folder is None:  # else what was killed goes on with its database
            self.folder = tempfile.TemporaryDirectory(prefix="holdfast-temporal-")
        with open(Path(self.folder.name) / "log", "ab") as log:
            self.process = subprocess.Popen([PROGRAM, "server", "start-dev", "--headless", "--port", self.address.split(":")[1],
                                             "--db-filename", f"{self.folder.name}/temporal.db", "--log-level", "error"],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_the_test)
        while subprocess.run([PROGRAM, "operator", "namespace", "describe", "default", "--address", self.address],
                             capture_output=True).returncode != 0:
            if self.process.poll() is not None:
                raise AssertionError((Path(self.folder.name) / "log").read_text())
            time.sleep(0.1)

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None
            self.folder.cleanup()
            self.folder = None


SERVER = DevServer()


def setUpModule():
    if os.access(PROGRAM, os.X_OK):
        SERVER.start()


def tearDownModule():
    SERVER.stop()


def require_temporal(case):
    if not os.access(PROGRAM, os.X_OK):
        reason = f"no Temporal server at {PROGRAM}; './dev test' builds it where Go 1.25 is"
        if "temporal" in os.environ.get("HOLDFAST_REQUIRE", "").split(","):
            case.fail(reason)
        case.skipTest(reason)


def use_temporal(house):
    house.task_queue = str(uuid.uuid4())
    file = house.folder / "holdfast.yaml"
    file.write_text(f"flow:\n  engine: temporal\n  temporal:\n    address: {SERVER.address}\n    task_queue: {house.task_queue}\n")
    house.arguments = ["--config", str(file)]


def temporal(*words):
    return subprocess.run([PROGRAM, *words, "--address", SERVER.address], capture_output=True, text=True, check=True).stdout


class ThreadOnTemporal(thread_test.Thread):
    def setUp(self):
        require_program(self)
        require_temporal(self)
        super().setUp()

    def prepare(self, house):
        use_temporal(house)

    def test_an_operator_finds_the_run_with_readable_values(self):
        result = self.house.finish("scheduled_backup", resource="orders")
        self.assertTrue(result.run_id.startswith("run_"), result.run_id)
        described = json.loads(temporal("workflow", "describe", "--workflow-id", result.run_id, "--output", "json"))
        info = described["workflowExecutionInfo"]
        self.assertEqual((info["type"]["name"], info["status"]), ("scheduled_backup", "WORKFLOW_EXECUTION_STATUS_COMPLETED"))
        self.assertIn("scheduled_backup (", described["executionConfig"]["userMetadata"]["summary"])
        self.assertIn("resource: orders", described["executionConfig"]["userMetadata"]["summary"])
        attributes = {name: json.loads(base64.b64decode(value["data"])) for name, value in info["searchAttributes"]["indexedFields"].items()}
        self.assertEqual((attributes["resource"], attributes["trigger"]), ("orders", "manual"))
        self.assertTrue(info["memo"])
        shown = json.loads(temporal("workflow", "show", "--workflow-id", result.run_id, "--output", "json"))
        given = shown["events"][0]["workflowExecutionStartedEventAttributes"]["input"]["payloads"][0]["data"]
        self.assertEqual(json.loads(base64.b64decode(given))["resource"], "orders")
        found = temporal("workflow", "list", "--query", f"resource = 'orders' AND TaskQueue = '{self.house.task_queue}'")
        self.assertIn(result.run_id, found)

    def test_an_outage_of_temporal_delays_a_run_and_loses_nothing(self):
        point = self.house.finish("scheduled_backup", resource="orders").point
        (self.tree / "text.txt").write_text("overwritten by mistake\n")
        waiting = self.house.finish("data_recovery", recovery_type="volume", source_backup=point, target_location="in-place",
                                    validate_integrity=True, notify_completion=False)
        SERVER.process.kill()
        SERVER.process.wait()
        self.assertEqual(self.house.client.get("/v1/health")["status"], "ok")
        SERVER.start()
        self.house.client.approve(waiting.approval["id"], "mend it")
        ended = self.house.client.wait(self.house.client.run(waiting.run_id), time.monotonic() + 300)
        self.assertEqual(ended.status, "completed")
        self.assertEqual((self.tree / "text.txt").read_text(), "what is protected here\n")

    def test_a_killed_server_goes_on_with_the_run(self):
        run = self.house.client.start("scheduled_backup", {"resource": "orders"})
        self.house.stop(signal.SIGKILL)
        self.assertTrue(self.house.start_again())
        self.assertEqual(self.house.client.wait(self.house.client.run(run["id"]), time.monotonic() + 300).status, "completed")


class WrongSettings(unittest.TestCase):
    def setUp(self):
        require_program(self)

    def refused(self, text):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "holdfast.yaml"
            file.write_text(text)
            done = subprocess.run([os.environ["HOLDFAST_BIN"], "serve", "--data", f"{folder}/data", "--listen", "127.0.0.1:0",
                                   "--config", str(file)], capture_output=True, text=True, timeout=60)
            self.assertNotEqual(done.returncode, 0)
            return done.stderr

    def test_a_wrong_field_is_named_with_its_line(self):
        self.assertIn("holdfast.yaml, line 2, flow.engine: must be embedded or temporal", self.refused("flow:\n  engine: other\n"))

    def test_a_server_that_is_not_there_is_named(self):
        self.assertIn("127.0.0.1:1", self.refused("flow:\n  engine: temporal\n  temporal:\n    address: 127.0.0.1:1\n"))


if __name__ == "__main__":
    unittest.main()
