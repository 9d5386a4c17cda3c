"""The state in PostgreSQL: the thread once more, a second server that stands by, and a database server that fails.

The PostgreSQL server is one of this test's own, on a socket in a temporary folder.
"""

import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
import unittest
import urllib.error
import urllib.request
from pathlib import Path

import thread_test
from house import START_SECONDS, House, die_with_the_test, fill, picture, require_program

from holdfast import HoldfastError

NOBODY = 65534
WAIT_SECONDS = 240


def find_programs():
    """The folder with initdb and postgres, or None."""
    folders = [os.environ.get("HOLDFAST_POSTGRES_BIN", ""), *sorted(map(str, Path("/usr/lib/postgresql").glob("*/bin"))), "/usr/local/bin"]
    return next((Path(folder) for folder in folders if folder and all(os.access(f"{folder}/{name}", os.X_OK) for name in ("initdb", "postgres"))), None)


PROGRAMS = find_programs()


class Postgres:
    """One server; `nobody` runs it, because it refuses root."""

    def __init__(self):
        self.user = NOBODY if os.geteuid() == 0 else None
        self.folder = Path(tempfile.mkdtemp(prefix="holdfast-pg-", dir="/tmp"))
        self.process = None
        self.databases = 0

    def spawn(self, *words):
        with open(self.folder / "log", "ab") as log:
            return subprocess.Popen([*map(str, words)], stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_the_test,
                                    cwd="/", user=self.user, group=self.user, extra_groups=None if self.user is None else [])

    def make(self):
        if self.user is not None:
            os.chown(self.folder, self.user, self.user)
        words = ["-N", "-A", "trust", "-U", "holdfast", "-E", "UTF8", "--locale=C.UTF-8", "-D", self.folder / "data"]
        if self.spawn(PROGRAMS / "initdb", *words).wait() != 0:
            raise AssertionError((self.folder / "log").read_text())
        self.start()

    def start(self):
        self.process = self.spawn(PROGRAMS / "postgres", "-D", self.folder / "data", "-k", self.folder, "-c", "listen_addresses=")
        while self.ask("SELECT 1", check=False).returncode != 0:
            if self.process.poll() is not None:
                raise AssertionError((self.folder / "log").read_text())
            time.sleep(0.02)

    def crash(self):
        """As `pg_ctl stop -m immediate`: no goodbye, no checkpoint."""
        if self.process:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait()
            self.process = None

    def remove(self):
        self.crash()
        shutil.rmtree(self.folder, ignore_errors=True)

    def ask(self, sql, database="postgres", check=True):
        return subprocess.run(["psql", "-h", self.folder, "-U", "holdfast", "-d", database, "-AtXqc", sql], capture_output=True, text=True, check=check)

    def new_database(self):
        self.databases += 1
        name = f"state{self.databases}"
        self.ask(f"CREATE DATABASE {name}")
        return name

    def dsn(self, database):
        return f"host={self.folder} user=holdfast dbname={database}"

    def holders(self, database):
        """How many sessions hold the lock of the active server."""
        return int(self.ask("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted", database).stdout)

    def cut(self, database):
        """Ends every session on a database but this one."""
        self.ask("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()", database)


SERVER = Postgres() if PROGRAMS else None


def setUpModule():
    if SERVER:
        SERVER.make()


def tearDownModule():
    if SERVER:
        SERVER.remove()


def require_postgres(case):
    require_program(case)
    if not SERVER:
        reason = "no PostgreSQL server programs here (package postgresql)"
        if "postgres" in os.environ.get("HOLDFAST_REQUIRE", "").split(","):
            case.fail(reason)
        case.skipTest(reason)


def use_postgres(house, database):
    house.database = database
    file = house.folder / "holdfast.yaml"
    file.write_text(f"state:\n  postgres: {SERVER.dsn(database)}\n")
    house.arguments = ["--config", str(file)]


def health(house):
    """What a server says about itself; None when it does not answer."""
    try:
        address = json.loads((house.data / "endpoint.json").read_text())["address"]
        with urllib.request.urlopen(f"{address}/v1/health", timeout=10) as reply:
            return json.load(reply)["status"]
    except urllib.error.HTTPError as refused:
        return json.load(refused)["status"]
    except (OSError, ValueError):
        return None


def wait_for(house, status):
    """Returns the seconds that it took."""
    began = time.monotonic()
    while health(house) != status:
        if house.process.poll() is not None or time.monotonic() > began + START_SECONDS:
            raise AssertionError(f"the server does not get to '{status}'; its log ends:\n{house.log_end()}")
        time.sleep(0.02)
    return time.monotonic() - began


class ThreadOnPostgres(thread_test.Thread):
    def setUp(self):
        require_postgres(self)
        super().setUp()

    def prepare(self, house):
        use_postgres(house, SERVER.new_database())

    def test_losing_the_state_database_loses_no_point(self):
        point = self.house.finish("scheduled_backup", resource="orders").point
        self.house.stop()
        SERVER.ask(f"DROP DATABASE {self.house.database} WITH (FORCE)")
        SERVER.ask(f"CREATE DATABASE {self.house.database}")
        self.assertTrue(self.house.start_again())
        runs = [run for run in self.house.client.items("/v1/runs") if run["workflow"] == "catalog_rebuild"]
        self.house.client.wait(runs[0] if runs else self.house.client.start("catalog_rebuild"))
        self.assertIn(point, [row["id"] for row in self.house.client.items("/v1/points")])

    def test_nothing_lies_in_a_file(self):
        self.assertEqual(list(self.house.data.glob("state.db*")), [])

    def test_runs_go_on_when_the_database_server_crashes(self):
        runs = [self.house.client.start("scheduled_backup", {"resource": "orders"}) for _ in range(3)]
        SERVER.crash()
        SERVER.start()
        for run in runs:
            self.assertEqual(end_of(self.house, run["id"])["status"], "completed")
        self.assertEqual(len(self.house.points("orders")), 3)

    def test_runs_go_on_when_connections_are_cut_again_and_again(self):
        runs = [self.house.client.start("scheduled_backup", {"resource": "orders"}) for _ in range(3)]
        cuts = 0
        while not all(end_of(self.house, run["id"], wait=False) for run in runs):
            SERVER.cut(self.house.database)
            cuts += 1
        for run in runs:
            self.assertEqual(end_of(self.house, run["id"])["status"], "completed")
        self.assertEqual(len(self.house.points("orders")), 3)
        print(f"\n{cuts} cuts while 3 backups ran")


def end_of(house, run_id, wait=True):
    """The run once it has ended; without `wait`, None while it has not. Outages are sat out."""
    limit = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < limit:
        try:
            run = house.client.run(run_id)
            if run["status"] not in ("running", "waiting"):
                return run
        except (HoldfastError, OSError):
            house.wait_ready()  # one that lost its database for long began anew, on another port
        if not wait:
            return None
        time.sleep(0.05)
    raise AssertionError(f"run {run_id} has not ended after {WAIT_SECONDS} s; the server's log ends:\n{house.log_end()}")


class StandBy(unittest.TestCase):
    def setUp(self):
        require_postgres(self)
        self.database = SERVER.new_database()
        self.active = self.server()
        self.active.start()
        self.second = self.server()
        self.second.start(wait=False)
        self.assertLess(wait_for(self.second, "standby"), START_SECONDS)
        self.tree = fill(self.active.folder / "source")
        self.active.protect("orders", self.tree)

    def server(self):
        house = House()
        use_postgres(house, self.database)
        self.addCleanup(house.__exit__)
        return house

    def take_over(self):
        """The second one's way to being active."""
        seconds = wait_for(self.second, "ok")
        self.second.wait_ready()
        return seconds

    def test_it_takes_over_from_one_that_dies_and_every_run_ends(self):
        before = picture(self.tree)
        point = self.active.finish("scheduled_backup", resource="orders").point
        (self.tree / "text.txt").write_text("overwritten by mistake\n")
        waiting = self.active.finish("data_recovery", recovery_type="volume", source_backup=point, target_location="in-place",
                                     validate_integrity=True, notify_completion=False)
        runs = [self.active.client.start("scheduled_backup", {"resource": "orders"}) for _ in range(3)]
        self.active.stop(signal.SIGKILL)
        print(f"\ntook over from a killed server after {self.take_over():.1f} s")
        for run in runs:
            self.assertEqual(end_of(self.second, run["id"])["status"], "completed")
        self.assertEqual(len(self.second.points("orders")), 4)
        self.second.client.approve(waiting.approval["id"], "mend it")
        self.assertEqual(end_of(self.second, waiting.run_id)["status"], "completed")
        self.assertEqual(picture(self.tree), before)
        self.assertEqual(self.second.finish("recovery_proof", resource="orders", level="L2").level, "L2")

    def test_it_takes_over_at_once_from_one_that_stops(self):
        self.active.stop()
        print(f"\ntook over from a stopped server after {self.take_over():.1f} s")
        self.assertEqual([row["name"] for row in self.second.client.items("/v1/resources")], ["orders"])

    def test_a_server_that_was_frozen_finds_itself_deposed_and_writes_no_more(self):
        run = self.active.client.start("scheduled_backup", {"resource": "orders"})
        self.active.process.send_signal(signal.SIGSTOP)
        SERVER.cut(self.database)  # as when the network to it is gone: its lock is free
        print(f"\ntook over from a frozen server after {self.take_over():.1f} s")
        self.active.process.send_signal(signal.SIGCONT)
        with self.assertRaises((HoldfastError, OSError)):
            self.active.client.start("scheduled_backup", {"resource": "orders"})
        wait_for(self.active, "standby")
        self.assertIn("server.lost_its_database", self.active.log.read_text())
        self.assertEqual(health(self.second), "ok")
        self.assertEqual(end_of(self.second, run["id"])["status"], "completed")
        self.assertEqual(len(list(self.second.client.items("/v1/runs", workflow="scheduled_backup"))), 1)

    def test_one_is_active_at_a_time_whatever_is_cut(self):
        for _ in range(20):
            SERVER.cut(self.database)
            self.assertLessEqual(SERVER.holders(self.database), 1)
            states = [health(self.active), health(self.second)]
            self.assertLessEqual(states.count("ok"), 1, states)
            time.sleep(0.05)
        self.assertEqual(int(SERVER.ask("SELECT count(*) FROM holdfast_server", self.database).stdout), 1)


class WrongSettings(unittest.TestCase):
    def refused(self, text, code):
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "holdfast.yaml"
            file.write_text(text)
            done = subprocess.run([os.environ["HOLDFAST_BIN"], "serve", "--data", f"{folder}/data", "--listen", "127.0.0.1:0",
                                   "--config", str(file)], capture_output=True, text=True, timeout=60)
            self.assertEqual(done.returncode, code, done.stderr)
            self.assertNotIn("secret", done.stdout + done.stderr)
            return done.stderr

    def setUp(self):
        require_program(self)

    def test_a_wrong_connection_string_is_named_with_its_line(self):
        self.assertIn("holdfast.yaml, line 2, state.postgres: is no connection string", self.refused("state:\n  postgres: secret words\n", 2))

    def test_a_server_that_is_not_there_is_named(self):
        said = self.refused("state:\n  postgres: postgresql://hf:secret@127.0.0.1:1/backups\n", 11)
        self.assertIn("hf@127.0.0.1:1/backups", said)

    def test_a_password_file_that_is_missing_is_named(self):
        said = self.refused("state: {postgres: {dsn: host=127.0.0.1, password_file: /nowhere/password}}\n", 4)
        self.assertIn("/nowhere/password", said)


if __name__ == "__main__":
    unittest.main()
