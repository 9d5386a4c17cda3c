"""A simulated ONTAP of its own for one test: the real program on free ports, in a folder of its own.

    with Simulator() as sim:
        status, body, headers = sim.cluster(1).get("/api/cluster")
        sim.manager.get("/api/gateways")

Only the standard library. The folder is kept when HOLDFAST_KEEP is set.
"""

import base64
import ctypes
import json
import os
import shutil
import signal
import ssl
import subprocess
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = os.environ.get("HF_ONTAP_SIM", "")
START_SECONDS = 60
JOB_SECONDS = 60
LIBC = ctypes.CDLL(None)
PR_SET_PDEATHSIG = 1


def die_with_the_test():
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def require(case, name, present, reason):
    """Skips a test with one line; HOLDFAST_REQUIRE=NAME makes that a failure."""
    if present:
        return
    if name in os.environ.get("HOLDFAST_REQUIRE", "").split(","):
        case.fail(reason)
    case.skipTest(reason)


class Access:
    """One HTTPS API with its user. Every verb gives (status, body, headers); a body that is no JSON stays bytes."""

    def __init__(self, where):
        self.url, self.user, self.password = where["base_url"], where["user"], where["password"]
        self.ca_file = where["ca_file"]
        self.name, self.uuid = where.get("name"), where.get("uuid")

    def call(self, method, path, body=None, headers=None, raw=None):
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, method=method, data=data)
        token = base64.b64encode(f"{self.user}:{self.password}".encode()).decode()
        request.add_header("Authorization", f"Basic {token}")
        if body is not None:
            request.add_header("Content-Type", "application/json")
        for name, value in (headers or {}).items():
            request.add_header(name, value)
        context = ssl.create_default_context(cafile=self.ca_file)
        try:
            with urllib.request.urlopen(request, context=context, timeout=120) as answer:
                status, text, found = answer.status, answer.read(), dict(answer.headers)
        except urllib.error.HTTPError as error:
            status, text, found = error.code, error.read(), dict(error.headers)
        try:
            return status, json.loads(text) if text else {}, found
        except ValueError:
            return status, text, found

    def get(self, path, **more):
        return self.call("GET", path, **more)

    def records(self, path):
        """All pages of a list."""
        out = []
        while path:
            status, body, _ = self.get(path)
            if status != 200:
                raise AssertionError(f"GET {path}: {status} {body}")
            out += body["records"]
            path = body.get("_links", {}).get("next", {}).get("href")
        return out

    def wait(self, answer, prefix="/api"):
        """Follows the job of a 202 to its end; gives the job."""
        status, body, _ = answer
        if status != 202:
            raise AssertionError(f"no job: {status} {body}")
        end = time.monotonic() + JOB_SECONDS
        while time.monotonic() < end:
            job = self.get(f"{prefix}/cluster/jobs/{body['job']['uuid']}?fields=state,message,code,error")[1]
            if job["state"] in ("success", "failure"):
                return job
            time.sleep(0.02)
        raise AssertionError("the job does not end")


class Simulator:
    def __init__(self, *arguments):
        self.folder = Path(tempfile.mkdtemp(prefix="holdfast-sim-"))
        self.data = self.folder / "data"
        self.log = self.folder / "log"
        self.arguments = arguments
        self.process = None

    def __enter__(self):
        try:
            self.start()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.stop(signal.SIGKILL)
        if not os.environ.get("HOLDFAST_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)

    def start(self):
        (self.data / "endpoints.json").unlink(missing_ok=True)
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([PROGRAM, "--data", str(self.data), "--listen", "127.0.0.1:0", *self.arguments],
                                            stdin=subprocess.DEVNULL, stdout=log, stderr=log, preexec_fn=die_with_the_test)
        end = time.monotonic() + START_SECONDS
        while not (self.data / "endpoints.json").exists():
            if self.process.poll() is not None or time.monotonic() > end:
                raise AssertionError("the simulator does not start: " + self.log.read_text())
            time.sleep(0.02)
        self.read()

    def read(self):
        self.endpoints = json.loads((self.data / "endpoints.json").read_text())
        self.manager = Access(self.endpoints["unified_manager"])
        return self.endpoints

    def stop(self, sign=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(sign)
            self.process.wait()

    def cluster(self, number):
        return Access(self.endpoints["clusters"][number - 1])

    def mount(self, place):
        return Path(self.read()["mounts"][place])

    def ctl(self, *words):
        done = subprocess.run([PROGRAM, "ctl", *map(str, words), "--data", str(self.data)], capture_output=True, text=True, timeout=60)
        if done.returncode != 0:
            raise AssertionError(done.stdout + done.stderr)
        return done.stdout
