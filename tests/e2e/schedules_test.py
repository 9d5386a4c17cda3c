"""Schedules and runs by hand, on the real program: pause, resume, trigger, backfill; signal, query, terminate, retry."""

import datetime
import json
import subprocess
import time
import unittest
from pathlib import Path

from holdfast import HoldfastError
from house import PROGRAM, HouseTest, fill

DAY = datetime.timedelta(days=1)


def text_of(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


class Schedules(HouseTest):
    def setUp(self):
        super().setUp()
        self.tree = fill(self.folder / "source")
        policy = self.folder / "policy.yaml"
        policy.write_text("kind: policy\nname: often\ntimezone: UTC\noverlap: queue\njitter: 5m\ncatch_up: 24h\nschedules:\n"
                          "  - daily: {time: '02:00', frequency: daily, retention: 30_days}\n"
                          "  - quick: {cron: '* * * * *', jitter: 0s, overlap: skip}\n")
        self.house.run("apply", "-f", policy)
        self.house.protect("orders", self.tree, "often")
        self.client = self.house.client

    def rows(self, **wanted):
        return [row for row in self.client.expected_runs(resource="orders")
                if all(row[name] == value for name, value in wanted.items())]

    def until(self, look):
        """What `look` gives as soon as it gives something."""
        while True:
            found = look()
            if found:
                return found
            time.sleep(0.1)

    def test_a_schedule_shows_how_it_fires(self):
        shown = self.house.json("schedule", "show", "orders", "daily")
        self.assertEqual((shown["overlap"], shown["jitter_seconds"], shown["catch_up_seconds"], shown["paused"]),
                         ("queue", 300, 86400, None))
        self.assertGreaterEqual(shown["next_start"], shown["next"])
        by_label = {row["label"]: row for row in self.client.get("/v1/policies/often")["schedules"]}
        self.assertEqual((by_label["quick"]["overlap"], by_label["quick"]["jitter_seconds"]), ("skip", 0))
        missing = self.house.run("schedule", "show", "orders", "yearly", code=None)
        self.assertNotEqual(missing.returncode, 0)
        self.assertIn("its policy 'often' has daily, quick", missing.stderr)

    def test_a_paused_schedule_skips_and_says_who_and_why(self):
        self.assertEqual(self.house.run("schedule", "pause", "orders", "quick", code=None).returncode, 2)
        self.house.run("schedule", "pause", "orders", "quick", "--reason", "the disk is being changed")
        paused = self.client.schedule("orders", "quick")["paused"]
        self.assertEqual((paused["by"], paused["reason"]), ("owner", "the disk is being changed"))
        self.assertIn("schedule orders quick", [row["where"] for row in self.client.items("/v1/doctor")])
        self.assertNotIn("quick", [row["label"] for row in self.client.next_runs(resource="orders")])
        skipped = self.until(lambda: self.rows(label="quick", status="skipped", reason="paused"))
        self.assertIn("the disk is being changed", skipped[0]["detail"])
        self.house.stop()
        self.assertTrue(self.house.start_again())  # a pause survives
        self.client = self.house.client
        self.assertTrue(self.client.schedule("orders", "quick")["paused"])
        resumed = self.house.json("schedule", "resume", "orders", "quick")
        self.assertIsNone(resumed["paused"])
        actions = [row["action"] for row in self.client.items("/v1/audit")]
        self.assertIn("schedule.paused", actions)
        self.assertIn("schedule.resumed", actions)

    def test_a_trigger_starts_one_run_also_while_paused(self):
        self.client.pause("orders", "daily", "holidays")
        row = self.client.trigger("orders", "daily", key="once")
        self.assertEqual(row["id"], self.client.trigger("orders", "daily", key="once")["id"])
        self.assertEqual(row["origin"], "trigger")
        self.until(lambda: self.rows(id=row["id"], status="completed"))
        run = self.client.run(row["id"])
        self.assertEqual((run["trigger"], run["status"]), ("trigger", "completed"))
        self.assertEqual(self.house.points("orders")[-1]["schedules"], ["daily"])
        done = self.house.json("schedule", "trigger", "orders", "daily", "--wait")
        self.assertEqual(done["status"], "completed")

    def test_a_backfill_runs_what_has_no_run(self):
        today = datetime.datetime.now(datetime.UTC).replace(hour=0, minute=0, second=0, microsecond=0)
        span = ("--from", text_of(today - 3 * DAY), "--to", text_of(today))
        rows = self.house.json("schedule", "backfill", "orders", "daily", *span)
        self.assertEqual([row["origin"] for row in rows], ["backfill"] * 3)
        self.assertEqual(rows[0]["due_at"], text_of(today - 3 * DAY + datetime.timedelta(hours=2)))
        done = self.until(lambda: [row for row in [self.rows(origin="backfill", status="completed")] if len(row) == 3])[0]
        self.assertEqual({row["id"] for row in done}, {row["id"] for row in rows})
        self.assertEqual(self.house.json("schedule", "backfill", "orders", "daily", *span), [])  # each has its run
        with self.assertRaises(HoldfastError) as refused:
            self.client.backfill("orders", "daily", text_of(today), text_of(today + 30 * DAY))
        self.assertEqual(refused.exception.problems[0]["pointer"], "/to")


class Runs(HouseTest):
    """A recovery in place waits for a decision: a run that can be looked at and stopped in peace."""

    def setUp(self):
        super().setUp()
        self.tree = fill(self.folder / "source")
        self.house.protect("orders", self.tree)
        self.client = self.house.client
        self.point = self.house.finish("scheduled_backup", resource="orders").point
        (self.tree / "text.txt").write_text("changed\n")

    def waiting(self):
        return self.house.finish("data_recovery", recovery_type="volume", source_backup=self.point, target_location="in-place")

    def test_a_run_is_asked_and_signalled(self):
        run = self.waiting().run_id
        self.assertTrue(self.client.query(run, "progress")["steps"])
        self.assertEqual(self.house.json("run", "query", run, "progress")["answer"], self.client.query(run, "progress"))
        self.house.run("run", "signal", run, "hello", "--input", '{"from": "a test"}')
        history = self.house.json("run", "history", run)
        signals = [event["workflowExecutionSignaledEventAttributes"] for event in history["events"]
                   if event["eventType"] == "EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED"]
        self.assertEqual(signals[0]["signalName"], "hello")
        self.assertEqual(history["events"][0]["eventId"], "1")
        for words in (("query", run, "weather"), ("signal", run, "decision"), ("signal", "run_none", "hello"),
                      ("signal", run, "hello", "--input", "no JSON")):
            failed = self.house.run("run", *words, code=None)
            self.assertNotEqual(failed.returncode, 0, words)
            self.assertEqual(len(failed.stderr.strip().splitlines()), 1, failed.stderr)

    def test_a_terminated_run_is_retried_as_a_new_one(self):
        waiting = self.waiting()
        refused = self.house.run("run", "retry", waiting.run_id, code=None)
        self.assertIn("has not ended", refused.stderr)
        ended = self.house.json("run", "terminate", waiting.run_id, "--reason", "wrong target")
        self.assertEqual(ended["status"], "cancelled")
        self.assertEqual(ended["approval"]["status"], "withdrawn")
        again = self.client.retry(waiting.run_id, key="again")
        self.assertEqual(again["id"], self.client.retry(waiting.run_id, key="again")["id"])
        self.assertEqual((again["retry_of"], again["trigger"], again["resource"]), (waiting.run_id, "retry", "orders"))
        new = self.client.wait(again)
        self.assertEqual(new.status, "waiting")
        self.client.approve(new.approval["id"])
        self.assertEqual(self.client.wait(self.client.run(again["id"])).status, "completed")
        self.assertEqual((self.tree / "text.txt").read_text(), "what is protected here\n")
        self.assertIn("has completed", self.house.run("run", "retry", again["id"], code=None).stderr)
        actions = [row["action"] for row in self.client.items("/v1/audit")]
        self.assertEqual((actions.count("run.terminated"), actions.count("run.retried")), (1, 1))

    def test_a_run_is_done_again_from_an_earlier_task(self):
        done = self.house.finish("scheduled_backup", resource="orders")
        again = self.house.run("run", "reset", done.run_id, "--event", "0", "--reason", "once more", "--wait", code=0)
        self.assertIn(done.run_id, again.stdout)
        history = self.client.history(done.run_id)["events"]
        failed = [event["workflowTaskFailedEventAttributes"] for event in history if "workflowTaskFailedEventAttributes" in event]
        self.assertEqual([event["cause"] for event in failed], ["WORKFLOW_TASK_FAILED_CAUSE_RESET_WORKFLOW"])
        self.assertEqual(self.client.run(done.run_id)["status"], "completed")
        self.assertEqual(len(list(self.client.items("/v1/points", resource="orders"))), 2)
        for words, sentence in ((("--event", "999999"), "no such event"), (("--event", "x"), "is no event number")):
            refused = self.house.run("run", "reset", done.run_id, *words, code=None)
            self.assertIn(sentence, refused.stderr)
            self.assertEqual(len(refused.stderr.strip().splitlines()), 1)
        self.assertIn("run.reset", [row["action"] for row in self.client.items("/v1/audit")])

    def test_histories_replay_against_the_program(self):
        replay = Path(PROGRAM).with_name("holdfast-replay")
        files = []
        for run in self.client.runs():
            files.append(self.folder / f"{run['id']}.json")
            files[-1].write_text(self.house.run("run", "history", run["id"], "--json").stdout)
        done = subprocess.run([replay, *files], capture_output=True, text=True)
        self.assertEqual(done.returncode, 0, done.stdout)
        self.assertEqual(done.stdout.count(": replays (scheduled_backup, "), 1, done.stdout)
        other = json.loads(files[0].read_text())
        scheduled = [event for event in other["events"] if event["eventType"] == "EVENT_TYPE_ACTIVITY_TASK_SCHEDULED"][1]
        scheduled["activityTaskScheduledEventAttributes"]["activityType"]["name"] = "storage.other"
        files[0].write_text(json.dumps(other))
        (self.folder / "no.json").write_text("{}")
        done = subprocess.run([replay, files[0], self.folder / "no.json"], capture_output=True, text=True)
        self.assertEqual(done.returncode, 1)
        self.assertIn(f"event {scheduled['eventId']} is ActivityTaskScheduled (storage.other", done.stdout)
        self.assertIn("there is no list of events", done.stdout)

    def test_runs_are_found_and_counted_by_a_filter(self):
        condition = "WorkflowType = 'scheduled_backup' AND resource = 'orders' AND ExecutionStatus = 'Completed'"
        self.assertEqual(len(list(self.client.runs(filter=condition))), 1)
        self.assertEqual(self.client.count_runs(filter=condition), 1)
        self.assertEqual(self.house.run("run", "list", "--filter", condition, "--count", code=0).stdout.strip(), "1")
        self.assertEqual(self.house.json("run", "list", "--filter", "resource = 'nobody'"), [])
        refused = self.house.run("run", "list", "--filter", "resource =", code=2)
        self.assertIn("the filter is wrong at character 11", refused.stderr)

    def test_who_may_operate_may_not_retry_a_recovery(self):
        run = self.waiting().run_id
        self.client.terminate(run)
        key = self.house.json("key", "add", "operator", "--scope", "operate", "--scope", "read")["key"]
        refused = self.house.run("run", "retry", run, code=None, HOLDFAST_TOKEN=key)
        self.assertIn("does not have the scope 'recover'", refused.stderr)


if __name__ == "__main__":
    unittest.main()
