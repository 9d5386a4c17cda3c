"""The judge: `restic check --read-data` on every repository that the tests registered.

HOLDFAST_JUDGE_DIR/registry has a line a repository: path, tab, password. No registry, an empty one, a
repository that is gone or restic missing is a failure, never a pass.
"""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

FEWEST = 15  # repositories; fewer mean that tests stopped registering


def registered():
    registry = pathlib.Path(os.environ["HOLDFAST_JUDGE_DIR"]) / "registry"
    lines = registry.read_text().splitlines() if registry.exists() else []
    return dict(line.split("\t") for line in lines)


class Judge(unittest.TestCase):
    def test_restic_finds_nothing_wrong(self):
        self.assertIsNotNone(shutil.which("restic"), "restic is not installed; it is the judge")
        found = registered()
        self.assertGreaterEqual(len(found), FEWEST, "repositories were written but not registered")
        for path, password in found.items():
            with self.subTest(repository=path), tempfile.TemporaryDirectory() as cache:
                result = subprocess.run(
                    ["restic", "-r", path, "--cache-dir", cache, "check", "--read-data"],
                    env=os.environ | {"RESTIC_PASSWORD": password},
                    stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
                self.assertEqual(result.returncode, 0, result.stdout)
                self.assertIn("no errors were found", result.stdout)


if __name__ == "__main__":
    unittest.main()
