"""Holdfast and an official Temporal SDK (Python's `temporalio`) as peers, and as readers of one another's histories.

The SDK runs in a virtual environment that is made once (descriptors.py); the server is Temporal's own. Skipped,
with a line, where one of them cannot be had; HOLDFAST_REQUIRE=temporalio or temporal makes that a failure.
"""

import os
import subprocess
import sys
import tempfile
import unittest
import uuid
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent / "e2e")]
import descriptors  # noqa: E402
import history_files  # noqa: E402
import temporal_test as e2e  # noqa: E402
from house import die_with_the_test  # noqa: E402


def python_with_the_sdk(case):
    python, problem = descriptors.environment()
    if python is None:
        reason = f"temporalio {descriptors.VERSION} from PyPI cannot be had: {problem}"
        if "temporalio" in os.environ.get("HOLDFAST_REQUIRE", "").split(","):
            case.fail(reason)
        case.skipTest(reason)
    return python


def program(case, name):
    path = os.environ.get(name, "")
    if not os.access(path, os.X_OK):
        case.skipTest(f"{name} names no program; ctest sets it")
    return path


def peer(python, *words):
    """Runs sdk_peer.py inside the environment; gives what it printed."""
    done = subprocess.run([python, "-B", str(HERE / "sdk_peer.py"), *map(str, words)], capture_output=True, text=True, timeout=300)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    return done.stdout


class Peers(unittest.TestCase):
    def test_a_python_client_and_a_python_activity_meet_a_cpp_workflow(self):
        python = python_with_the_sdk(self)
        e2e.require_temporal(self)
        worker_program = program(self, "HF_TEMPORAL_TEST")
        server = e2e.DevServer()
        self.addCleanup(server.stop)
        server.start()
        queue = str(uuid.uuid4())
        worker = subprocess.Popen(
            [worker_program, "--gtest_filter=TemporalPeer.DISABLED_Worker", "--gtest_also_run_disabled_tests"],
            env={**os.environ, "HF_PEER_ADDRESS": server.address, "HF_PEER_QUEUE": queue},
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, preexec_fn=die_with_the_test)
        self.addCleanup(worker.wait)
        self.addCleanup(worker.kill)
        self.assertIn("heard, asked, answered and shouted", peer(python, "talk", server.address, queue))


class Histories(unittest.TestCase):
    """What the embedded engine recorded, read by the SDK."""

    def test_the_sdk_reads_every_story_and_replays_its_twin(self):
        python = python_with_the_sdk(self)
        stories = program(self, "HF_FLOW_TEST")
        with tempfile.TemporaryDirectory() as folder:
            told = subprocess.run([stories, "--gtest_filter=All/StoryTest.*", "--gtest_brief=1"], capture_output=True, text=True,
                                  env={**os.environ, "HF_STORY_HISTORIES": folder}, timeout=600)
            self.assertEqual(told.returncode, 0, told.stdout[-2000:])
            printed = peer(python, "read", folder)
        print(printed.strip(), file=sys.stderr)
        self.assertIn("replayed", printed)


class HistoryFiles(unittest.TestCase):
    """Histories that packages carry, cut into windows by our replayer's rules."""

    def test_our_reader_takes_them_all(self):
        program_path = program(self, "HF_FLOW_TEST")
        folder, problem = history_files.folder()
        if folder is None:
            self.skipTest(f"no history files from packages: {problem}")
        told = subprocess.run([program_path, "--gtest_filter=HistoryFiles.*"], capture_output=True, text=True,
                              env={**os.environ, "HF_HISTORY_FILES": str(folder)}, timeout=300)
        self.assertEqual(told.returncode, 0, told.stdout[-4000:])
        counted = [line for line in told.stdout.splitlines() if line.startswith("history files:")]
        print("\n".join(counted), file=sys.stderr)
        self.assertTrue(counted)


if __name__ == "__main__":
    unittest.main()
