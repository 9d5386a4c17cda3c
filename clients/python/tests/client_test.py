"""The client against a scripted peer: what goes over the wire, and what comes back as which exception."""

import asyncio
import http.server
import json
import os
import socket
import tempfile
import threading
import unittest
from pathlib import Path
from unittest import mock

from apim_client import APIMClient, HoldfastError, RunFailed
from holdfast import Client
from holdfast.connection import find_token
from netapp_mcp_client import MCPNotConfigured, NetAppMCPClient


class Peer(http.server.BaseHTTPRequestHandler):
    """Answers from a list of (status, JSON); None closes the connection without an answer."""

    def answer(self):
        length = int(self.headers.get("Content-Length") or 0)
        self.server.seen.append((self.command, self.path, dict(self.headers), self.rfile.read(length)))
        said = self.server.answers.pop(0)
        if said is None:
            self.close_connection = True
            return
        content = json.dumps(said[1]).encode()
        self.send_response(said[0])
        self.send_header("Content-Type", "application/json" if said[0] < 400 else "application/problem+json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    do_GET = do_POST = do_DELETE = answer

    def log_message(self, *_):
        pass


def run(status, **more):
    return {"id": "run_1", "workflow": "data_recovery", "status": status, **more}


class ClientTest(unittest.TestCase):
    def setUp(self):
        self.peer = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Peer)
        self.peer.answers, self.peer.seen = [], []
        thread = threading.Thread(target=self.peer.serve_forever, args=(0.01,))
        thread.start()
        self.addCleanup(thread.join)
        self.addCleanup(self.peer.server_close)
        self.addCleanup(self.peer.shutdown)
        address = f"http://127.0.0.1:{self.peer.server_port}"
        self.client = Client(address, "secret")
        self.apim = APIMClient(address, "secret")

    def execute(self, *answers):
        self.peer.answers = list(answers)
        return asyncio.run(self.apim.execute_temporal_workflow({"workflow": "data_recovery", "parameters": {"a": None}}))

    def test_waits_for_the_end_and_gives_fields_as_attributes(self):
        result = self.execute((202, run("running")), (200, run("running")), (200, run("completed", result={"restored": {"files": 3}})))
        self.assertEqual((result.run_id, result.status, result.restored), ("run_1", "completed", {"files": 3}))
        with self.assertRaisesRegex(AttributeError, "no result field 'other' .it has: restored"):
            _ = result.other
        method, path, headers, body = self.peer.seen[0]
        self.assertEqual((method, path, json.loads(body)), ("POST", "/v1/workflows/data_recovery", {"parameters": {"a": None}}))
        self.assertEqual(headers["Authorization"], "Bearer secret")
        self.assertTrue(headers["Idempotency-Key"])

    def test_comes_back_at_once_when_the_run_waits_for_approval(self):
        result = self.execute((202, run("waiting", approval={"id": "ap_1", "status": "pending"})))
        self.assertEqual((result.status, result.approval["id"]), ("waiting", "ap_1"))

    def test_raises_when_the_run_fails(self):
        with self.assertRaises(RunFailed) as caught:
            self.execute((202, run("failed", error={"code": "not_found", "message": "no such point"})))
        self.assertEqual((str(caught.exception), caught.exception.code, caught.exception.run_id), ("no such point", "not_found", "run_1"))

    def test_turns_a_problem_into_an_error_with_its_code(self):
        with self.assertRaises(HoldfastError) as caught:
            self.execute((404, {"code": "not_found", "detail": "there is no workflow 'x'", "problems": [{"pointer": "/a"}]}))
        self.assertEqual((caught.exception.code, caught.exception.status, caught.exception.problems), ("not_found", 404, [{"pointer": "/a"}]))

    def test_sends_again_under_the_same_key_when_the_answer_is_lost(self):
        result = self.execute(None, (202, run("completed", result={})))
        self.assertEqual(result.status, "completed")
        keys = [headers["Idempotency-Key"] for _, _, headers, _ in self.peer.seen]
        self.assertEqual(len(keys), 2)
        self.assertEqual(keys[0], keys[1])

    def test_reads_every_page_of_a_list(self):
        self.peer.answers = [(200, {"items": [1, 2], "next_cursor": "x y"}), (200, {"items": [3], "next_cursor": None})]
        self.assertEqual(list(self.client.items("/v1/runs", status="failed")), [1, 2, 3])
        self.assertIn("cursor=x+y", self.peer.seen[1][1])

    def test_speaks_of_schedules_runs_and_agents_by_their_names(self):
        calls = [
            (lambda: self.client.schedule("a b", "daily"), "GET /v1/schedules/a%20b/daily", None),
            (lambda: self.client.pause("a", "daily", "why"), "POST /v1/schedules/a/daily/pause", {"reason": "why"}),
            (lambda: self.client.resume("a", "daily"), "POST /v1/schedules/a/daily/resume", {}),
            (lambda: self.client.trigger("a", "daily"), "POST /v1/schedules/a/daily/trigger", {}),
            (lambda: self.client.backfill("a", "daily", "t1", "t2"), "POST /v1/schedules/a/daily/backfill", {"from": "t1", "to": "t2"}),
            (lambda: self.client.cancel("run_1"), "POST /v1/runs/run_1/cancel", {}),
            (lambda: self.client.terminate("run_1", "why"), "POST /v1/runs/run_1/terminate", {"reason": "why"}),
            (lambda: self.client.retry("run_1"), "POST /v1/runs/run_1/retry", {}),
            (lambda: self.client.reset("run_1", 7, "why"), "POST /v1/runs/run_1/reset", {"event_id": 7, "reason": "why"}),
            (lambda: self.client.signal("run_1", "go", {"a": 1}), "POST /v1/runs/run_1/signals/go", {"a": 1}),
            (lambda: self.client.query("run_1", "view"), "POST /v1/runs/run_1/queries/view", {}),
            (lambda: self.client.agents(), "GET /v1/agents", None),
            (lambda: self.client.agent("db1"), "GET /v1/agents/db1", None),
            (lambda: self.client.add_agent("db1", {"site": "north"}), "POST /v1/agents", {"name": "db1", "labels": {"site": "north"}}),
            (lambda: self.client.remove_agent("db1"), "DELETE /v1/agents/db1", None),
        ]
        for call, target, body in calls:
            self.peer.answers = [(200, {"items": [], "answer": 1})]
            call()
            method, path, _, sent = self.peer.seen[-1]
            self.assertEqual(f"{method} {path}", target)
            self.assertEqual(json.loads(sent) if sent else None, body, target)

    def test_refuses_plain_http_to_another_machine(self):
        with self.assertRaisesRegex(HoldfastError, "use https://"):
            Client("http://backup.example:7420")

    def test_says_where_the_key_was_looked_for(self):
        with mock.patch.dict(os.environ, {"HOLDFAST_DATA": "/nowhere"}, clear=True):
            with self.assertRaisesRegex(HoldfastError, "/nowhere/admin.token"):
                Client(f"127.0.0.1:{self.peer.server_port}").get("/v1/status")

    def test_finds_the_key_of_a_server_that_was_started_without_settings(self):
        with tempfile.TemporaryDirectory() as home:
            key = Path(home) / ".local" / "share" / "holdfast" / "admin.token"
            key.parent.mkdir(parents=True)
            key.write_text("hf_default\n")
            with mock.patch.dict(os.environ, {"HOME": home}, clear=True):
                self.assertEqual(find_token(), "hf_default")

    def test_says_that_nobody_answers(self):
        with socket.socket() as nobody:  # bound and never listening
            nobody.bind(("127.0.0.1", 0))
            with self.assertRaises(HoldfastError) as caught:
                Client(f"http://127.0.0.1:{nobody.getsockname()[1]}", "k").get("/v1/health")
        self.assertEqual(caught.exception.code, "unavailable")

    def test_the_mcp_client_constructs_and_says_what_is_missing(self):
        client = NetAppMCPClient()
        for call in (client.list_tools, lambda: client.call_tool("x"), lambda: client.read_resource("y")):
            with self.assertRaisesRegex(MCPNotConfigured, "no MCP server is configured"):
                asyncio.run(call())


if __name__ == "__main__":
    unittest.main()
