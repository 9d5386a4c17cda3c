"""Agents: another process, and where namespaces can be made another host over TLS, runs the data activities of its resources.

Every scenario runs on loopback and across two network namespaces, and where there are Temporal or
PostgreSQL once more on those. HOLDFAST_REQUIRE=netns,temporal,postgres turns skips into failures.
"""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
import unittest
from pathlib import Path
from unittest import mock

import postgres_test
import temporal_test
from agent_host import Agent, FarHouse, Network, can_make_namespaces, until, work_tree
from holdfast import HoldfastError, RunFailed
from house import PROGRAM, House, fill, picture, require_program

BIG = tempfile.TemporaryDirectory(prefix="holdfast-agent-")
MEGABYTES = int(os.environ.get("HOLDFAST_AGENT_TREE_MB", "400"))


def setUpModule():
    if os.access(PROGRAM, os.X_OK):
        work_tree(f"{BIG.name}/tree", MEGABYTES)


def tearDownModule():
    BIG.cleanup()


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


class Scenarios:
    """What holds wherever the agent is: `self.house` runs, `self.new_agent(name)` makes one."""

    def setUp(self):
        require_program(self)
        self.require()
        self.house = self.make_house()
        self.prepare(self.house)
        self.enterContext(self.house)
        self.client = self.house.client
        self.agent = self.new_agent("db1").add(site="north")
        self.addCleanup(self.agent.stop, signal.SIGKILL)
        self.big = Path(BIG.name) / "tree"

    def require(self):
        """Skips where something is missing."""

    def prepare(self, house):
        """Before the server starts."""

    def protect(self, name, path, agent="db1", **more):
        return self.client.post("/v1/resources", {"name": name, "path": str(path), "agent": agent, **more})

    def backup(self, name):
        return self.client.start("scheduled_backup", {"resource": name})

    def end(self, run):
        return self.client.wait(self.client.run(run["id"]), time.monotonic() + 300)

    def in_the_middle(self, name="big"):
        """A backup whose data the agent reads right now."""
        self.protect(name, self.big)
        run = self.backup(name)
        self.agent.wait_for("agent.task_started", activity="engine.backup", run=run["id"])
        return run

    def started(self, run, activity="engine.backup"):
        return self.agent.events("agent.task_started", run=run["id"], activity=activity)

    def test_backup_recovery_and_proof_run_where_the_data_is(self):
        self.agent.start()
        tree = fill(self.house.folder / "source")
        self.protect("orders", tree)
        self.assertEqual(self.house.json("resource", "show", "orders")["agent"], "db1")
        run = self.end(self.backup("orders"))
        self.assertEqual(self.agent.activities(run=run.run_id), ["storage.check_space", "storage.verify_connectivity",
                                                                 "storage.replica_state", "storage.snapshot", "engine.backup"])
        self.assertEqual([copy["level"] for copy in run.copies], ["local_snapshot", "local_replica"])
        trace = self.client.run(run.run_id)["traceparent"]
        self.assertEqual({row["traceparent"] for row in self.agent.events("agent.task_ended", run=run.run_id)}, {trace})
        listed = subprocess.run([PROGRAM, "repo", "snapshots", "--json", "-r", f"{self.house.data}/repositories/default",
                                 "--password-file", f"{self.house.data}/keys/default.key"], capture_output=True, text=True, check=True)
        self.assertIn("agent=db1", listed.stdout)
        self.assertIn(str(tree), listed.stdout)

        beside = self.house.folder / "beside"
        restored = self.house.finish("data_recovery", recovery_type="volume", source_backup=run.point, target_location=str(beside),
                                     validate_integrity=True, notify_completion=False)
        self.assertEqual(restored.validation["different"], 0)
        self.assertEqual(picture(beside), picture(tree))
        self.assertEqual(self.agent.activities(run=restored.run_id), ["engine.plan_restore", "engine.restore",
                                                                      "engine.compare_restored"])

        proof = self.house.finish("recovery_proof", resource="orders", level="L4")
        self.assertEqual(proof.level, "L4")
        self.assertEqual(self.agent.activities(run=proof.run_id), ["proof.run"])
        until(lambda: not list((self.agent.data / "scratch").iterdir()), "the end of what the proof restored")
        shown = self.agent.shown()
        self.assertEqual((shown["state"], shown["labels"], shown["resources"], shown["repositories"]),
                         ("online", {"site": "north"}, ["orders"], ["default"]))

    def test_a_run_waits_for_its_agent_and_says_so(self):
        document = self.house.folder / "orders.yaml"
        document.write_text(f"kind: resource\nname: orders\npath: {fill(self.house.folder / 'source')}\nagent: db1\n")
        self.house.run("apply", "-f", document)
        document.write_text(document.read_text().replace("db1", "nobody"))
        refused = self.house.run("apply", "-f", document, code=4)
        self.assertIn(f"{document}:4:", refused.stderr)
        run = self.backup("orders")
        until(lambda: 'no agent "db1" asks for tasks (never seen' in (self.client.run(run["id"])["waiting_for"] or ""), "the reason")
        findings = {row["where"]: row for row in self.client.items("/v1/doctor") if "agent" in row["what"]}
        self.assertIn("was never seen", findings["resource orders"]["what"])
        self.assertEqual(self.client.get("/v1/status")["agents_online"], 0)
        self.agent.start()
        self.assertEqual(self.end(run).status, "completed")
        self.assertIsNone(self.client.run(run["id"])["waiting_for"])

    def test_a_repository_that_the_agent_does_not_have_is_one_sentence(self):
        self.agent.start(*self.agent.repository("replica"))
        self.protect("orders", fill(self.house.folder / "source"))
        with self.assertRaisesRegex(RunFailed, "this agent has no repository 'default': name it in its configuration"):
            self.end(self.backup("orders"))

    def test_a_killed_agent_gives_its_task_back_when_it_starts_again(self):
        self.agent.start()
        run = self.in_the_middle()
        self.agent.stop(signal.SIGKILL)
        self.agent.start(wait=False)
        self.assertEqual(self.end(run).status, "completed")
        self.assertEqual([row["attempt"] for row in self.started(run)], [1, 2])

    def test_a_stopped_agent_lets_go_and_ends_with_success(self):
        self.agent.start()
        run = self.in_the_middle()
        self.assertEqual(self.agent.stop(signal.SIGTERM), 0)
        self.assertEqual(self.agent.events("agent.task_ended", run=run["id"], activity="engine.backup")[0]["outcome"], "taken")
        self.agent.start(wait=False)
        self.assertEqual(self.end(run).status, "completed")

    def test_a_killed_server_takes_the_outcome_of_what_went_on_without_it(self):
        self.agent.start()
        run = self.in_the_middle()
        self.house.stop(signal.SIGKILL)
        self.assertTrue(self.house.start_again())
        self.client = self.house.client
        self.assertEqual(self.end(run).status, "completed")
        self.assertEqual([row["attempt"] for row in self.started(run)], [1])

    def test_a_cancelled_run_stops_its_agent(self):
        self.agent.start()
        run = self.in_the_middle()
        self.client.cancel(run["id"])
        with self.assertRaises(RunFailed):
            self.end(run)
        ended = self.agent.wait_for("agent.task_ended", run=run["id"], activity="engine.backup")
        self.assertTrue(ended["error"], ended)
        self.assertEqual(self.client.run(run["id"])["status"], "cancelled")

    def test_a_removed_agent_stops_with_a_clear_sentence(self):
        self.agent.start()
        run = self.in_the_middle()
        self.client.remove_agent("db1")
        self.assertEqual(self.agent.process.wait(60), 6)
        # The second sentence, when it was removed between the look at its key and the look at itself.
        self.assertRegex(self.agent.log.read_text(), "holdfast agent: (the API key is not valid|this key is no agent's)")
        with self.assertRaises(HoldfastError):
            self.client.agent("db1")
        self.agent.token.write_text("hfk_wrong\n")
        self.agent.start(wait=False)
        self.assertEqual(self.agent.process.wait(60), 6)
        self.agent.add().start()  # its name is free again, and its resources are bound by name
        self.client.cancel(run["id"])
        actions = [row["action"] for row in self.client.items("/v1/audit")]
        self.assertIn("agent.created", actions)
        self.assertIn("agent.removed", actions)

    def test_an_agent_sees_nothing_of_another_one(self):
        other = self.new_agent("db2").add()
        self.addCleanup(other.stop, signal.SIGKILL)
        other.start()
        tree = fill(self.house.folder / "source")
        self.protect("orders", tree)
        run = self.backup("orders")
        until(lambda: self.client.run(run["id"])["waiting_for"], "waiting")
        self.agent.start()
        self.assertEqual(self.end(run).status, "completed")
        self.assertEqual(other.activities(), [])
        key = other.token.read_text().strip()
        with mock.patch.dict(os.environ, {"HOLDFAST_TOKEN": key}):
            for path in ("/v1/runs", "/v1/agents", "/v1/resources"):
                with self.assertRaises(HoldfastError) as caught:
                    type(self.client)(self.client.address, key).get(path)
                self.assertEqual(caught.exception.status, 403)


class OnLoopback(Scenarios, unittest.TestCase):
    """The agent is another process of this host."""

    def make_house(self):
        house = House()
        house.listen = f"127.0.0.1:{free_port()}"  # the same after a restart
        return house

    def new_agent(self, name):
        return Agent(self.house, name)

    def test_a_dead_host_is_noticed_by_its_silence(self):
        self.agent.start()
        run = self.in_the_middle()
        self.agent.stop(signal.SIGKILL)
        shutil.rmtree(self.agent.data / "tasks")  # another host knows nothing of them
        self.agent.start(wait=False)
        self.assertEqual(self.end(run).status, "completed")
        self.assertEqual([row["attempt"] for row in self.started(run)], [1, 2])

    def test_agents_are_made_looked_at_and_removed_by_hand(self):
        made = self.house.run("agent", "add", "web1", "--label", "site=south")
        self.assertTrue(made.stdout.startswith("hfk_"))
        self.assertIn("the only time the key is shown", made.stderr)
        self.assertEqual(self.house.run("agent", "add", "web1", code=5).returncode, 5)
        self.assertEqual(self.house.run("agent", "add", "a b", code=2).returncode, 2)
        self.protect("site", "/srv/site", agent="web1")
        rows = {row["name"]: row for row in self.house.json("agent", "list")}
        self.assertEqual((rows["web1"]["state"], rows["web1"]["resources"], rows["web1"]["labels"]), ("never_seen", ["site"], {"site": "south"}))
        self.assertNotIn("key", rows["web1"])
        self.assertIn("0 of 2 agents online", self.house.run("status").stdout)
        gone = self.house.run("agent", "remove", "web1")
        self.assertIn("cannot be backed up until they have another agent: site", gone.stderr)
        self.assertEqual(self.house.run("agent", "show", "web1", code=4).returncode, 4)
        findings = {row["where"]: row["what"] for row in self.client.items("/v1/doctor") if "agent" in row["what"]}
        self.assertEqual(findings["resource site"], "there is no agent 'web1' any more")
        refused = self.house.run("resource", "add", "x", "--path", "srv", "--agent", "db1", code=2)
        self.assertIn("from the root", refused.stderr)

    def test_two_agents_do_not_share_a_directory(self):
        self.agent.start()
        second = self.new_agent("db2").add()
        second.data = self.agent.data
        second.start(wait=False)
        self.assertEqual(second.process.wait(60), 5)
        self.assertIn("another agent uses", second.log.read_text())

    def test_wrong_use_is_one_sentence(self):
        for words, sentence in ((["--server", "http://backup.example:1"], "use https://"), ([], "--server URL"),
                                (["--repository", "x"], "is no NAME=LOCATION,PASSWORD_FILE"),
                                (["--server", "https://x", "--token-file", "/nowhere", "--data", str(self.house.folder / "d")], "/nowhere")):
            known = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
            if "--server" in words and "/nowhere" not in words:
                words = [*words, "--token-file", "/t", "--data", "/d"]
            done = subprocess.run([PROGRAM, "agent", "run", *words], capture_output=True, text=True, env=known)
            self.assertEqual(done.returncode, 6 if "/nowhere" in words else 2, done.stderr)
            self.assertIn(sentence, done.stderr)


class InNamespaces(Scenarios, unittest.TestCase):
    """Server and agent on hosts of their own, TLS between them."""

    def require(self):
        reason = can_make_namespaces()
        if reason and "netns" in os.environ.get("HOLDFAST_REQUIRE", "").split(","):
            self.fail(reason)
        if reason:
            self.skipTest(reason)
        self.network = self.enterContext(Network())

    def make_house(self):
        house = FarHouse(self.network)
        self.enterContext(mock.patch.dict(os.environ, {"HOLDFAST_CA_FILE": str(house.cert)}))
        return house

    def new_agent(self, name):
        agent = Agent(self.house, name, self.network.on("a"), self.house.cert)
        agent.server = self.house.address_for_agent()
        return agent

    def test_a_cut_of_some_seconds_costs_nothing(self):
        self.agent.start()
        run = self.in_the_middle()
        self.network.pull()
        self.agent.wait_for("agent.heartbeat_failed", run=run["id"])
        self.network.plug()
        self.assertEqual(self.end(run).status, "completed")
        self.assertEqual([row["attempt"] for row in self.started(run)], [1])

    def test_a_server_whose_certificate_does_not_verify_gets_no_key(self):
        self.agent.ca = None
        self.agent.start(wait=False)
        failed = self.agent.wait_for("agent.poll_failed")
        self.assertIn("certificate", failed["error"])
        self.assertEqual(self.agent.shown()["state"], "never_seen")


class OnTemporal(OnLoopback):
    """The server completes the activities of a Temporal cluster for its agents."""

    @classmethod
    def setUpClass(cls):
        temporal_test.setUpModule()
        cls.addClassCleanup(temporal_test.tearDownModule)

    def require(self):
        temporal_test.require_temporal(self)

    def prepare(self, house):
        temporal_test.use_temporal(house)


class OnPostgres(OnLoopback):
    """The tasks and their tokens lie in PostgreSQL."""

    test_a_dead_host_is_noticed_by_its_silence = None  # two minutes that the other engines spend

    @classmethod
    def setUpClass(cls):
        postgres_test.setUpModule()
        cls.addClassCleanup(postgres_test.tearDownModule)

    def require(self):
        postgres_test.require_postgres(self)

    def prepare(self, house):
        postgres_test.use_postgres(house, postgres_test.SERVER.new_database())


if __name__ == "__main__":
    unittest.main()
