"""What users meet when something is wrong: one clear sentence, the right exit code or status, nothing half done."""

import os
import shutil
import signal
import sqlite3
import subprocess
import unittest
import urllib.error
import urllib.request

import house
from holdfast import Client, HoldfastError, RunFailed
from house import House, HouseTest, fill, picture, require_program


class Errors(HouseTest):
    def sentence(self, done):
        """The one line on stderr that says what is wrong; indented ones below it may say where in the input."""
        lines = [line for line in done.stderr.splitlines() if line.strip() and not line.startswith("  ")]
        self.assertEqual(len(lines), 1, f"not one sentence: {done.stderr!r}")
        return lines[0]

    def says(self, done, *parts):
        text = self.sentence(done)
        for part in parts:
            self.assertIn(part, text)

    def test_a_wrong_key_is_denied(self):
        done = self.house.run("resource", "list", code=6, HOLDFAST_TOKEN="hf_wrong")
        self.says(done, "key")
        with self.assertRaises(HoldfastError) as caught:
            Client(self.house.client.address, "hf_wrong").get("/v1/resources")
        self.assertEqual((caught.exception.status, caught.exception.code), (401, "unauthenticated"))

    def test_no_server_is_unreachable(self):
        address = self.house.client.address
        self.house.stop()
        done = self.house.run("resource", "list", code=11, HOLDFAST_SERVER=address)
        self.says(done, address.split("//")[1])

    def test_the_key_is_not_sent_to_another_machine_in_the_clear(self):
        for address in ("http://backup.example:7420", "backup.example:7420"):
            done = self.house.run("resource", "list", code=2, HOLDFAST_SERVER=address, HOLDFAST_TOKEN_FILE="/nowhere/token")
            self.says(done, "backup.example", "use https://")
            self.assertNotIn("/nowhere", done.stderr)

    def test_the_server_and_its_clients_speak_ipv6(self):
        self.house.stop()
        self.house.listen = "[::1]:0"
        self.assertTrue(self.house.start_again(), self.house.log_end())
        address = self.house.client.address
        self.assertRegex(address, r"^http://\[::1\]:[0-9]+$")
        for server in (address, address.split("//")[1]):
            self.assertIn("resources", self.house.run("status", HOLDFAST_SERVER=server).stdout)
            self.assertEqual(Client(server, (self.house.data / "admin.token").read_text().strip()).get("/v1/health")["status"], "ok")

    def test_what_the_api_document_promises_of_a_backup_is_there(self):
        folder = self.folder / "zeros"
        folder.mkdir()
        (folder / "zeros").write_bytes(bytes(range(250)) * 40000)  # 10 MB that compress well
        self.house.protect("zeros", folder)
        result = self.house.finish("scheduled_backup", resource="zeros")
        self.assertIn(result.seconds, range(300))
        copies = self.house.points("zeros")[-1]["copies"]
        self.assertEqual(len(copies), 2, copies)
        for copy in copies:
            self.assertIn(copy["added_bytes"], range(1, 5_000_000), copy)
        self.assertTrue(all(run["partial"] is False for run in self.house.client.items("/v1/runs", resource="zeros")))
        stored = list(self.house.client.items("/v1/repositories"))
        self.assertGreater(len(stored), 0)
        for repository in stored:
            self.assertEqual(repository, self.house.client.get("/v1/repositories/" + repository["id"]))
            self.assertGreaterEqual(repository["snapshots"], 0)
        self.assertGreater(sum(repository["size_bytes"] for repository in stored), 0)
        self.assertGreater(sum(repository["snapshots"] for repository in stored), 0)

    def test_a_file_name_cannot_drive_the_terminal(self):
        folder = self.folder / "evil"
        folder.mkdir()
        (folder / "a\x1b[2J\n\u202etxt").write_text("x")
        shown = "a\\x1b[2J\\n\\u202etxt"
        self.house.protect("evil", folder)
        self.house.finish("scheduled_backup", resource="evil")
        point = self.house.points("evil")[-1]["id"]
        self.assertIn(shown, self.house.run("point", "files", point, "--path", "/").stdout)
        self.assertEqual(self.house.json("point", "files", point)[0]["name"], "a\x1b[2J\n\u202etxt")
        own = {"RESTIC_REPOSITORY": str(self.folder / "own"), "RESTIC_PASSWORD": "p"}
        self.house.run("repo", "init", **own)
        self.house.run("repo", "backup", folder, **own)
        self.assertIn(shown + "\n", self.house.run("repo", "ls", "latest", **own).stdout)

    def test_what_is_not_there_is_named(self):
        self.says(self.house.run("resource", "show", "nobody", code=4), "nobody")
        self.says(self.house.run("backup", "nobody", "--wait", code=4), "nobody")
        self.says(self.house.run("run", "show", "run_nothing", code=4), "run_nothing")
        self.says(self.house.run("resource", "add", "gone", "--path", self.folder / "gone", code=None), str(self.folder / "gone"))

    def test_an_unknown_workflow_is_refused_with_its_name(self):
        with self.assertRaises(HoldfastError) as caught:
            self.house.client.start("make_coffee")
        self.assertEqual((caught.exception.status, caught.exception.code), (404, "not_found"))
        self.assertIn("make_coffee", str(caught.exception))

    def test_a_malformed_document_is_refused_by_line_and_column(self):
        wrong = self.folder / "wrong.yaml"
        wrong.write_text("workflow_name: scheduled_backup\ntrigger: cron_schedule\nschedules:\n  - daily_backup:\n      time: \"25:99\"\n")
        done = self.house.run("apply", "-f", wrong, code=2)
        self.assertRegex(done.stderr, r"wrong\.yaml:5:\d+|line 5, column \d+")
        broken = self.folder / "broken.yaml"
        broken.write_text("workflow_name: [unclosed\nschedules: {\n")
        done = self.house.run("apply", "-f", broken, code=2)
        self.assertRegex(done.stderr, r"broken\.yaml:\d+:\d+|line \d+, column \d+")
        self.assertEqual(self.house.json("policy", "list"), [row for row in self.house.json("policy", "list") if "scheduled" not in row["name"]])

    def test_a_dry_run_changes_nothing(self):
        document = house.ROOT / "examples" / "scheduled_backup.yaml"
        before = self.house.json("policy", "list")
        self.house.run("apply", "-f", document, "--dry-run")
        self.assertEqual(self.house.json("policy", "list"), before)
        self.house.run("apply", "-f", document)
        self.assertIn("scheduled_backup", [row["name"] for row in self.house.json("policy", "list")])

    def test_a_second_server_on_the_same_folder_is_refused(self):
        done = subprocess.run([house.PROGRAM, "serve", "--data", str(self.house.data), "--listen", "127.0.0.1:0"],
                              capture_output=True, text=True, timeout=60)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn(str(self.house.data), done.stderr)
        self.assertEqual(self.house.client.get("/v1/health")["status"], "ok")

    def test_a_source_that_is_gone_fails_the_run_and_makes_no_point(self):
        tree = fill(self.folder / "source")
        self.house.protect("orders", tree)
        shutil.rmtree(tree)
        with self.assertRaises(RunFailed) as caught:
            self.house.finish("scheduled_backup", resource="orders")
        self.assertIn(str(tree), str(caught.exception))
        self.assertEqual(self.house.points("orders"), [])

    def test_a_wrong_password_has_restics_code(self):
        tree = fill(self.folder / "source")
        self.house.protect("orders", tree)
        self.house.finish("scheduled_backup", resource="orders")
        repository = next(self.house.client.items("/v1/repositories"))
        opened = self.house.json("repository", "password", repository["id"])
        words = ("repo", "snapshots", "-r", opened["location"])
        self.house.run(*words, RESTIC_PASSWORD=opened["password"])
        self.house.run(*words, code=12, RESTIC_PASSWORD="wrong")
        self.house.run("repo", "snapshots", "-r", self.folder / "none", code=10, RESTIC_PASSWORD="x")

    def test_a_damaged_pack_is_found_by_a_proof(self):
        tree = fill(self.folder / "source")
        self.house.protect("orders", tree)
        self.house.finish("scheduled_backup", resource="orders")
        packs = [path for path in self.house.data.glob("repositories/*/data/*/*") if path.is_file()]
        self.assertTrue(packs)
        largest = max(packs, key=lambda path: path.stat().st_size)
        os.chmod(largest, 0o600)
        content = bytearray(largest.read_bytes())
        content[len(content) // 3] ^= 1
        largest.write_bytes(content)
        with self.assertRaises(RunFailed) as caught:
            self.house.finish("recovery_proof", resource="orders", level="L2")
        self.assertEqual(caught.exception.code, "data_loss")

    def test_a_body_that_is_no_json_is_refused(self):
        request = urllib.request.Request(f"{self.house.client.address}/v1/resources", data=b"{\"name\": ", method="POST",
                                         headers={"Authorization": f"Bearer {(self.house.data / 'admin.token').read_text().strip()}",
                                                  "Content-Type": "application/json", "Idempotency-Key": "x"})
        with self.assertRaises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(request, timeout=30)
        with caught.exception as answer:
            self.assertEqual(answer.code, 400)
            self.assertEqual(answer.headers["Content-Type"].split(";")[0], "application/problem+json")

    def test_the_same_key_with_another_body_is_a_conflict(self):
        tree = fill(self.folder / "source")
        self.house.protect("orders", tree)
        self.house.client.wait(self.house.client.start("scheduled_backup", {"resource": "orders"}, key="k"))
        with self.assertRaises(HoldfastError) as caught:
            self.house.client.start("scheduled_backup", {"resource": "orders", "label": "other"}, key="k")
        self.assertEqual(caught.exception.status, 409)

    def test_a_newer_state_schema_is_refused(self):
        self.house.stop()
        with sqlite3.connect(self.house.data / "state.db") as database:
            columns = [row[1] for row in database.execute("PRAGMA table_info(schema_steps)")]
            values = {"room": "future", "version": 999, "checksum": "0"}
            database.execute(f"INSERT INTO schema_steps({', '.join(columns)}) VALUES ({', '.join('?' * len(columns))})",
                             [values.get(column, "") for column in columns])
        database.close()
        self.assertFalse(self.house.start_again())
        self.assertEqual(self.house.process.returncode, 8, self.house.log_end())
        self.assertIn("newer version of Holdfast", self.house.log_end())


class Unreadable(unittest.TestCase):
    """Root reads everything, so this server runs as somebody else."""

    def test_an_unreadable_file_makes_the_run_partial_and_is_named(self):
        require_program(self)
        home = House()
        self.addCleanup(home.__exit__)
        tree = fill(home.folder / "source")
        (tree / "secret").write_text("nobody may read this\n")
        (tree / "secret").chmod(0)
        if os.geteuid() == 0:
            program = home.folder / "holdfast"
            shutil.copy2(house.PROGRAM, program)
            home.program, home.user = str(program), 65534
            os.chmod(home.folder, 0o777)
            for folder, _, files in os.walk(tree):
                for name in (folder, *(os.path.join(folder, file) for file in files)):
                    os.lchown(name, 65534, 65534)
            os.lchown(tree / "secret", 0, 0)
        home.start()
        home.protect("orders", tree)
        done = home.run("backup", "orders", "--wait", code=3)
        self.assertIn("secret", done.stdout + done.stderr)
        run = home.client.run(next(home.client.items("/v1/runs", workflow="scheduled_backup"))["id"])
        self.assertTrue(run["partial"])
        point = home.points("orders")[0]
        self.assertTrue(point["partial"])
        back = home.folder / "back"
        home.finish("data_recovery", recovery_type="volume", source_backup=point["id"], target_location=str(back))
        (tree / "secret").unlink()
        left, right = picture(back), picture(tree)
        self.assertEqual(left, right)


class FullDisk(unittest.TestCase):
    """The folder of the server on a file system of 72 MB."""

    def packs(self, home):
        return sorted(str(path) for path in (home.data / "repositories").glob("*/data/*/*"))

    def test_a_full_disk_fails_the_run_and_keeps_the_earlier_point(self):
        require_program(self)
        if os.geteuid() != 0:
            self.skipTest("mounting a small file system needs root")
        home = House()
        self.addCleanup(home.__exit__)
        home.data.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=72m", "none", str(home.data)], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", str(home.data)], check=False)
        self.addCleanup(home.stop, signal.SIGKILL)
        tree = fill(home.folder / "source")
        home.start()
        home.protect("orders", tree)
        first, before = home.finish("scheduled_backup", resource="orders").point, picture(tree)
        packs = self.packs(home)
        (tree / "huge").write_bytes(os.urandom(120_000_000))
        for _ in range(2):  # the first failure leaves the room that it found
            with self.assertRaises(RunFailed) as caught:
                home.finish("scheduled_backup", resource="orders")
            self.assertEqual(caught.exception.code, "resource_exhausted")
            self.assertIn("make room", str(caught.exception))
            self.assertEqual(self.packs(home), packs)
        self.assertEqual([point["id"] for point in home.points("orders")], [first])
        back = home.folder / "back"
        home.finish("data_recovery", recovery_type="volume", source_backup=first, target_location=str(back))
        self.assertEqual(picture(back), before)


if __name__ == "__main__":
    unittest.main()
