"""Debian's restic and `holdfast repo` on the same repositories, in turn.

Each reads, extends, checks and prunes what the other wrote. Trees come out with the same ids (TZ=UTC),
files are cut at the same places, keys, locks and exit codes are understood.
"""

import json
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import unittest

HOLDFAST = os.environ.get("HOLDFAST_BIN", "build/dev/holdfast")


def make_tree(folder, seed=1):
    """A tree with what both programs can keep (0.14 mangles link targets that are not UTF-8)."""
    rng = random.Random(seed)
    (folder / "deep/er").mkdir(parents=True)
    (folder / "empty folder").mkdir()
    (folder / "empty").touch()
    (folder / "plain").write_text("hello\n")
    (folder / "deep/er/file").write_text("x" * 5000)
    (folder / "large").write_bytes(rng.randbytes(12_000_000))
    (folder / "zeros").write_bytes(bytes(2_000_000))
    pathlib.Path(os.fsdecode(os.fsencode(folder) + b"/name \xff \\ \" <&> \n\x01")).write_text("odd")
    (folder / "übung\u00a0\u2028").write_text("runes")
    os.link(folder / "plain", folder / "deep/hard link")
    os.symlink("deep/er", folder / "link")
    os.mkfifo(folder / "fifo", 0o640)
    os.chmod(folder / "large", 0o4711)
    os.chmod(folder / "empty folder", 0o1755)
    os.utime(folder / "empty", ns=(10**18, 10**18 + 123_456_789))
    os.setxattr(folder / "plain", "user.colour", b"red")
    os.setxattr(folder / "deep", "user.empty", b"")


def describe(folder):
    """Everything about a tree that has to come back, as comparable values."""
    found = {}
    links = {}
    base = os.fsencode(folder)
    for top, folders, files in os.walk(base):
        for name in folders + files:
            path = os.path.join(top, name)
            info = os.lstat(path)
            attributes = {a: os.getxattr(path, a, follow_symlinks=False)
                          for a in os.listxattr(path, follow_symlinks=False)}
            content = None
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path):
                content = pathlib.Path(os.fsdecode(path)).read_bytes()
            group = links.setdefault(info.st_ino, os.path.relpath(path, base))
            found[os.path.relpath(path, base)] = (
                info.st_mode, info.st_uid, info.st_gid, info.st_mtime_ns, attributes, content, group)
    return found


class Compat(unittest.TestCase):
    def setUp(self):
        self.assertIsNotNone(shutil.which("restic"), "restic is not installed; it is the judge")
        keep = tempfile.TemporaryDirectory()
        self.addCleanup(keep.cleanup)
        self.folder = pathlib.Path(keep.name)
        self.source = self.folder / "src"
        self.source.mkdir()
        make_tree(self.source)
        self.repo = str(self.folder / "repo")

    def run_program(self, program, *arguments, code=0, password="geheim"):
        environment = os.environ | {"RESTIC_PASSWORD": password, "RESTIC_REPOSITORY": self.repo,
                                    "RESTIC_CACHE_DIR": str(self.folder / "cache"), "TZ": "UTC"}
        result = subprocess.run([*program, *arguments], cwd=self.folder, env=environment,
                                stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.assertEqual(result.returncode, code, f"{program} {arguments}: {result.stderr}")
        return result.stdout

    def holdfast(self, *arguments, **options):
        return self.run_program([HOLDFAST, "repo"], *arguments, **options)

    def restic(self, *arguments, **options):
        return self.run_program(["restic"], *arguments, **options)

    def summary(self, program, *arguments):
        lines = program("backup", "--json", *arguments).splitlines()
        return next(line for line in map(json.loads, lines) if line["message_type"] == "summary")

    def snapshots(self):
        return json.loads(self.restic("snapshots", "--json"))

    def expect_sound(self):
        self.assertIn("no errors were found", self.restic("check", "--read-data"))
        self.assertIn("no errors", self.holdfast("check", "--read-data"))

    def expect_restored(self, folder):
        self.assertEqual(describe(folder), describe(self.source))

    def test_restic_reads_what_holdfast_wrote(self):
        self.holdfast("init")
        self.holdfast("backup", str(self.source))
        self.expect_sound()
        self.restic("restore", "latest", "--target", "back")
        back = self.folder / "back" / str(self.source).lstrip("/")
        # restic 0.14 sets no attributes on fifos and links; nothing else may differ.
        self.expect_restored(back)

    def test_a_newer_restic_restores_what_the_old_one_mangles(self):
        """Link targets that are not UTF-8, and holes that stay holes."""
        newer = os.environ.get("HOLDFAST_RESTIC_0_19", "")
        if not os.access(newer, os.X_OK):
            self.skipTest("restic 0.19 is not there; ./dev test builds it where Go 1.24 or newer is")
        os.symlink(b"to \xff\xfe", os.fsencode(self.source) + b"/odd link")
        with open(self.source / "sparse", "wb") as sparse:
            sparse.seek(64_000_000)
            sparse.write(b"end")
        self.holdfast("init")
        self.holdfast("backup", str(self.source))
        self.assertIn("no errors were found", self.run_program([newer], "check", "--read-data"))
        self.run_program([newer], "restore", "latest", "--target", "back", "--sparse")
        back = self.folder / "back" / str(self.source).lstrip("/")
        self.expect_restored(back)
        self.assertLess((back / "sparse").stat().st_blocks * 512, 8_000_000)

    def test_holdfast_reads_what_restic_wrote(self):
        self.restic("init")
        self.restic("backup", str(self.source))
        self.holdfast("restore", f"latest:{self.source}", "--target", "back", "--verify")
        self.expect_restored(self.folder / "back")
        self.expect_sound()

    def test_both_write_the_same_trees(self):
        for first, second in ((self.restic, self.holdfast), (self.holdfast, self.restic)):
            with self.subTest(first=first.__name__):
                shutil.rmtree(self.repo, ignore_errors=True)
                first("init")
                first("backup", "src")
                second("backup", "--force", "src")
                trees = {snapshot["tree"] for snapshot in self.snapshots()}
                self.assertEqual(len(trees), 1, "the same tree has two ids")

    def test_both_cut_files_at_the_same_places(self):
        self.restic("init")
        self.restic("backup", "src")
        again = self.summary(self.holdfast, "--force", "src")
        self.assertEqual((again["data_blobs"], again["tree_blobs"]), (0, 0))
        self.assertGreater(again["files_new"], 5)

    def test_each_finds_the_parent_of_the_other(self):
        self.holdfast("init")
        self.holdfast("backup", str(self.source))
        theirs = self.summary(self.restic, str(self.source))
        ours = self.summary(self.holdfast, str(self.source))
        for summary in (theirs, ours):
            self.assertEqual((summary["files_new"], summary["files_changed"]), (0, 0))

    def test_each_prunes_what_the_other_wrote(self):
        self.restic("init")
        for seed, program in enumerate((self.restic, self.holdfast, self.restic, self.holdfast)):
            (self.source / "large").write_bytes(random.Random(seed).randbytes(6_000_000))
            program("backup", str(self.source))
        ids = [snapshot["id"] for snapshot in self.snapshots()]
        before = self.size()
        self.holdfast("forget", ids[0], "--prune", "--max-unused", "0")
        self.assertLess(self.size(), before - 5_000_000)
        self.expect_sound()
        self.restic("forget", ids[1], "--prune", "--max-unused", "0")
        self.expect_sound()
        self.holdfast("restore", f"latest:{self.source}", "--target", "back")
        self.expect_restored(self.folder / "back")

    def size(self):
        return sum(path.stat().st_size for path in pathlib.Path(self.repo, "data").rglob("*"))

    def test_a_copy_is_a_repository_of_its_own(self):
        self.holdfast("init")
        self.holdfast("backup", str(self.source))
        (self.folder / "password").write_text("geheim\n")
        first, self.repo = self.repo, str(self.folder / "second")
        source = ("--from-repo", first, "--from-password-file", "password")
        self.holdfast("init", "--copy-chunker-params", *source, password="other")
        self.holdfast("copy", *source, password="other")
        self.assertIn("no errors", self.restic("check", "--read-data", password="other"))
        shutil.rmtree(first)
        self.holdfast("restore", f"latest:{self.source}", "--target", "back", password="other")
        self.expect_restored(self.folder / "back")

    def test_keys_made_by_one_open_with_the_other(self):
        self.holdfast("init")
        (self.folder / "new").write_text("zweites\n")
        self.restic("key", "add", "--new-password-file", "new")
        self.holdfast("snapshots", password="zweites")
        (self.folder / "new").write_text("drittes\n")
        self.holdfast("key", "add", "--new-password-file", "new")
        self.restic("snapshots", password="drittes")

    def test_json_of_a_backup_is_what_parsers_of_restic_read(self):
        self.holdfast("init")
        lines = [json.loads(line) for line in self.holdfast("backup", "--json", "src").splitlines()]
        self.assertEqual([line["message_type"] for line in lines][-1], "summary")
        states = lines[:-1]
        self.assertGreater(len(states), 0)
        theirs = [json.loads(line) for line in self.restic("backup", "--json", "src").splitlines()]
        self.assertGreaterEqual(set(lines[-1]), set(theirs[-1]))
        for state in states:
            self.assertEqual(state["message_type"], "status")
            self.assertTrue(0 <= state["percent_done"] <= 1)
        self.assertEqual(len(self.holdfast("backup", "--json", "--quiet", "src").splitlines()), 1)

    def test_exit_codes_are_restics(self):
        self.holdfast("snapshots", code=10)
        self.holdfast("init")
        self.holdfast("snapshots", code=12, password="wrong")
        self.holdfast("backup", "absent", code=1)
        self.holdfast("backup", "src", "absent", code=3)
        self.holdfast("frobnicate", code=1)
        self.holdfast("backup", "--no-such-option", "src", code=1)

    def test_a_lock_of_restic_is_respected(self):
        self.holdfast("init")
        reader, writer = os.pipe()
        environment = os.environ | {"RESTIC_PASSWORD": "geheim",
                                    "RESTIC_CACHE_DIR": str(self.folder / "cache")}
        holder = subprocess.Popen(["restic", "-r", self.repo, "backup", "--stdin"], stdin=reader,
                                  env=environment, stdout=subprocess.DEVNULL)
        locks = pathlib.Path(self.repo, "locks")
        while not any(path.stat().st_size for path in locks.iterdir()):
            self.assertIsNone(holder.poll())
            os.sched_yield()
        self.holdfast("prune", code=11)
        self.holdfast("backup", "src")  # shared beside shared
        os.close(writer)
        os.close(reader)
        holder.wait()
        self.holdfast("prune")
        self.expect_sound()


if __name__ == "__main__":
    unittest.main()
