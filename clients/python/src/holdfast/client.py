"""The gateway's API in Python: plain calls that block. `apim_client` is the asynchronous face."""

import time
import urllib.parse

from .connection import Connection
from .errors import RunFailed
from .result import RunResult

ENDED = ("completed", "failed", "cancelled")


def quote(part):
    return urllib.parse.quote(str(part), safe="")


class Client:
    """`server` and `token` fall back to the environment (see README). `headers` go with every request, for
    example a W3C `traceparent`. Safe to use from several threads."""

    def __init__(self, server=None, token=None, timeout=60.0, headers=None):
        self._connection = Connection(server, token, timeout, headers)

    @property
    def address(self):
        """Where the server is, like http://127.0.0.1:7420."""
        return self._connection.url.geturl()

    def get(self, path, **query):
        """The answer to GET path, decoded."""
        return self._connection.request("GET", path, query)

    def post(self, path, body=None, key=None):
        """The answer to POST path; the same `key` with the same body is done once only."""
        return self._connection.request("POST", path, body=body, key=key)

    def delete(self, path):
        """The answer to DELETE path."""
        return self._connection.request("DELETE", path)

    def items(self, path, **query):
        """Every row of a list, page by page."""
        while True:
            page = self.get(path, **query)
            yield from page["items"]
            if not page.get("next_cursor"):
                return
            query["cursor"] = page["next_cursor"]

    def start(self, workflow, parameters=None, key=None):
        """Starts a workflow and gives the run as it stands."""
        return self.post(f"/v1/workflows/{quote(workflow)}", {"parameters": parameters or {}}, key)

    def run(self, run_id):
        return self.get(f"/v1/runs/{quote(run_id)}")

    def wait(self, run, deadline=None):
        """Waits until `run` has ended, or waits for an approval; `deadline` in seconds of time.monotonic().

        Raises RunFailed when it failed or was cancelled, TimeoutError when the deadline passes."""
        pause = 0.05
        while True:
            if run["status"] == "waiting" and (run.get("approval") or {}).get("status") == "pending":
                return RunResult(run)
            if run["status"] in ENDED:
                return outcome(run)
            if deadline is not None and time.monotonic() > deadline:
                raise TimeoutError(f"run {run['id']} is still {run['status']}")
            time.sleep(pause)
            pause = min(pause * 1.5, 1.0)
            run = self.run(run["id"])

    def cancel(self, run_id):
        """Asks a run to stop and clean up."""
        return self.post(f"/v1/runs/{quote(run_id)}/cancel")

    def terminate(self, run_id, reason=""):
        """Ends a run at once, without its clean-up."""
        return self.post(f"/v1/runs/{quote(run_id)}/terminate", {"reason": reason})

    def retry(self, run_id, key=None):
        """Starts a run that failed or was stopped again, with the same input, and gives the new run."""
        return self.post(f"/v1/runs/{quote(run_id)}/retry", key=key)

    def reset(self, run_id, event_id=0, reason="", key=None):
        """Does the last workflow task completed at or before event_id (0: the first) again; answers the run."""
        return self.post(f"/v1/runs/{quote(run_id)}/reset", {"event_id": event_id, "reason": reason}, key)

    def runs(self, **query):
        """Runs, newest first; filters: status, workflow, resource, since, until, filter."""
        return self.items("/v1/runs", **query)

    def count_runs(self, **query):
        """How many runs `runs` with the same filters would give."""
        return self.get("/v1/runs/count", **query)["count"]

    def signal(self, run_id, name, payload=None, key=None):
        return self.post(f"/v1/runs/{quote(run_id)}/signals/{quote(name)}", payload, key)

    def query(self, run_id, name, args=None):
        """What the run answers; it is not changed."""
        return self.post(f"/v1/runs/{quote(run_id)}/queries/{quote(name)}", args)["answer"]

    def history(self, run_id):
        """The run's history as Temporal's JSON."""
        return self.get(f"/v1/runs/{quote(run_id)}/history")

    def schedules(self):
        return list(self.items("/v1/schedules"))

    def schedule(self, resource, label):
        return self.get(f"/v1/schedules/{quote(resource)}/{quote(label)}")

    def next_runs(self, count=10, resource=None):
        return self.get("/v1/schedules/next", count=count, resource=resource)["items"]

    def expected_runs(self, **query):
        """Rows of the ledger, newest first; filters: status, resource."""
        return self.items("/v1/expected-runs", **query)

    def pause(self, resource, label, reason):
        """Nothing starts by itself until `resume`; what comes due is recorded as skipped."""
        return self.post(f"/v1/schedules/{quote(resource)}/{quote(label)}/pause", {"reason": reason})

    def resume(self, resource, label):
        return self.post(f"/v1/schedules/{quote(resource)}/{quote(label)}/resume")

    def trigger(self, resource, label, key=None):
        """One run now; gives its row of the ledger, whose `id` is the run's."""
        return self.post(f"/v1/schedules/{quote(resource)}/{quote(label)}/trigger", key=key)

    def backfill(self, resource, label, since, until, key=None):
        """Runs what was due in [since, until) (RFC 3339) and has no run; gives the rows of the ledger."""
        return self.post(f"/v1/schedules/{quote(resource)}/{quote(label)}/backfill", {"from": since, "to": until}, key)["items"]

    def agents(self):
        """Workers on other hosts, each with `state` (online, silent, never_seen) and `resources`."""
        return list(self.items("/v1/agents"))

    def agent(self, name):
        return self.get(f"/v1/agents/{quote(name)}")

    def add_agent(self, name, labels=None, key=None):
        """Makes an agent; its `key` is in this answer only."""
        return self.post("/v1/agents", {"name": name, "labels": labels or {}}, key)

    def remove_agent(self, name):
        """Revokes the agent's key: it stops by itself."""
        return self.delete(f"/v1/agents/{quote(name)}")

    def systems(self):
        """Storage systems: ONTAP clusters and Unified Managers."""
        return list(self.items("/v1/systems"))

    def system(self, name):
        return self.get(f"/v1/systems/{quote(name)}")

    def add_system(self, name, type, address, key=None, **fields):
        """Adds or changes a system; `fields` as in its document, with `password` instead of a file where you like."""
        return self.post("/v1/systems", {"name": name, "type": type, "address": address, **fields}, key)

    def remove_system(self, name):
        return self.delete(f"/v1/systems/{quote(name)}")

    def test_system(self, name):
        """{"good", "checks"}: each check has `name`, `good`, `detail` and the advice."""
        return self.post(f"/v1/systems/{quote(name)}/test")

    def system_inventory(self, name):
        """One row a cluster, with its volumes, groups, relationships and policies."""
        return list(self.items(f"/v1/systems/{quote(name)}/inventory"))

    def system_events(self, name):
        return list(self.items(f"/v1/systems/{quote(name)}/storage-events"))

    def acknowledge_event(self, name, event):
        return self.post(f"/v1/systems/{quote(name)}/storage-events/{quote(event)}/acknowledge")

    def annotate_event(self, name, event, text):
        """Writes a note at an event of Unified Manager."""
        return self.post(f"/v1/systems/{quote(name)}/storage-events/{quote(event)}/annotate", {"annotation": text})

    def system_capacity(self, name):
        """One row a cluster: its aggregates, and the protected volumes and groups with their use in the last day."""
        return list(self.items(f"/v1/systems/{quote(name)}/capacity"))

    def adopt(self, name, found, cluster=""):
        """Takes what others made into care; `found` as findings name it: svm:volume/snapshot, or SOURCE -> DESTINATION."""
        return self.post(f"/v1/systems/{quote(name)}/adopt", {"object": found, "cluster": cluster})

    def clean_system(self, name):
        """Removes clones of Holdfast that no run uses, and starts failed splits of recovered volumes again;
        {"removed", "items", "splits_started"}."""
        return self.post(f"/v1/systems/{quote(name)}/clean")

    def system_findings(self, name):
        """What others made on it, or was left behind."""
        return list(self.items(f"/v1/systems/{quote(name)}/findings"))

    def approve(self, approval_id, comment=""):
        return self.post(f"/v1/approvals/{quote(approval_id)}/approve", {"comment": comment})

    def deny(self, approval_id, comment=""):
        return self.post(f"/v1/approvals/{quote(approval_id)}/deny", {"comment": comment})


def outcome(run):
    if run["status"] == "completed":
        return RunResult(run)
    error = run.get("error") or {}
    raise RunFailed(error.get("message") or f"run {run['id']} was {run['status']}", error.get("code", run["status"]), run)
