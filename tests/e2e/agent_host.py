"""One agent as a process of its own, and hosts of their own for it: network namespaces with a cable between them."""

import json
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from house import PROGRAM, House, die_with_the_test

WAIT_SECONDS = 240


def until(look, what="it"):
    """What `look` gives as soon as it gives something."""
    limit = time.monotonic() + WAIT_SECONDS
    while time.monotonic() < limit:
        found = look()
        if found:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what} did not happen in {WAIT_SECONDS} s")


class Agent:
    """`holdfast agent run` with a directory, a key and a log of its own."""

    def __init__(self, house, name="db1", prefix=(), ca=None):
        self.house = house
        self.name = name
        self.folder = house.folder / f"agent-{name}"
        self.folder.mkdir(exist_ok=True)
        self.token = self.folder / "token"
        self.log = self.folder / "agent.log"
        self.data = self.folder / "data"
        self.prefix = list(prefix)
        self.ca = ca
        self.server = None  # the address that it uses; None: the test's own
        self.process = None

    def add(self, **labels):
        """Makes the agent on the server and keeps its key."""
        self.token.write_text(self.house.client.add_agent(self.name, labels)["key"] + "\n")
        return self

    def repository(self, name="default"):
        """The words that give it a repository of the server, by a directory that both reach."""
        return ["--repository", f"{name}={self.house.data}/repositories/{name},{self.house.data}/keys/{name}.key"]

    def start(self, *more, wait=True):
        words = [PROGRAM, "agent", "run", "--server", self.server or self.house.client.address, "--token-file", str(self.token),
                 "--data", str(self.data), *(more or self.repository())]
        if self.ca:
            words += ["--ca-file", str(self.ca)]
        known = {name: value for name, value in os.environ.items() if not name.startswith("HOLDFAST_")}
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen([*self.prefix, *words], stdin=subprocess.DEVNULL, stdout=log, stderr=log,
                                            preexec_fn=die_with_the_test, env=known)
        if wait:
            until(lambda: self.shown()["state"] == "online" or self.process.poll() is not None, "the agent's first question")
        return self

    def shown(self):
        return self.house.client.agent(self.name)

    def stop(self, how=signal.SIGTERM):
        if self.process and self.process.poll() is None:
            self.process.send_signal(how)
        return self.process.wait(120) if self.process else None

    def events(self, event, **wanted):
        """Its log lines of this event whose fields are as wanted."""
        lines = self.log.read_text(errors="replace").splitlines() if self.log.exists() else []
        rows = [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]
        return [row for row in rows if row.get("event") == event and all(row.get(name) == value for name, value in wanted.items())]

    def wait_for(self, event, **wanted):
        return until(lambda: self.events(event, **wanted), f"{event} {wanted} in the agent's log")[-1]

    def activities(self, **wanted):
        """What it ran, in order."""
        return [row["activity"] for row in self.events("agent.task_started", **wanted)]


def certificate(folder, addresses):
    """A self-signed server certificate for these addresses: (certificate, key)."""
    cert, key = folder / "server.pem", folder / "server.key"
    names = ",".join(f"IP:{address}" for address in addresses)
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-keyout", key, "-out", cert, "-subj", "/CN=holdfast-test", "-addext", f"subjectAltName={names}"],
                   check=True, capture_output=True)
    return cert, key


def can_make_namespaces():
    """Why not, or None."""
    if os.geteuid() != 0 or not shutil.which("ip") or not shutil.which("openssl"):
        return "network namespaces need root, iproute2 and openssl"
    name = f"hf{os.getpid()}t"
    made = subprocess.run(["ip", "netns", "add", name], capture_output=True, text=True)
    subprocess.run(["ip", "netns", "del", name], capture_output=True)
    return None if made.returncode == 0 else f"no network namespace can be made: {made.stderr.strip()}"


class Network:
    """Two hosts: `server` with a cable to this one and one to `agent`. The cable between them can be pulled."""

    def __init__(self):
        self.tag = f"hf{os.getpid()}"
        net = f"10.{100 + os.getpid() % 100}.{os.getpid() // 100 % 250}"
        self.here, self.server_from_here = f"{net}.1", f"{net}.2"
        self.server_from_agent, self.agent = f"{net}.5", f"{net}.6"

    def ip(self, *words, check=True):
        subprocess.run(["ip", *words], check=check, capture_output=True)

    def __enter__(self):
        for host in ("s", "a"):
            self.ip("netns", "add", self.tag + host)
            self.ip("-n", self.tag + host, "link", "set", "lo", "up")
        self.cable(None, self.here, "s", self.server_from_here, "x")
        self.cable("s", self.server_from_agent, "a", self.agent, "y")
        return self

    def cable(self, one, one_address, two, two_address, tag):
        names = f"{self.tag}{tag}1", f"{self.tag}{tag}2"
        self.ip("link", "add", names[0], "type", "veth", "peer", "name", names[1])
        for host, name, address in ((one, names[0], one_address), (two, names[1], two_address)):
            where = []
            if host:
                self.ip("link", "set", name, "netns", self.tag + host)
                where = ["-n", self.tag + host]
            self.ip(*where, "addr", "add", f"{address}/30", "dev", name)
            self.ip(*where, "link", "set", name, "up")

    def pull(self):
        self.ip("-n", self.tag + "a", "link", "set", f"{self.tag}y2", "down")

    def plug(self):
        self.ip("-n", self.tag + "a", "link", "set", f"{self.tag}y2", "up")

    def on(self, host):
        return ["ip", "netns", "exec", self.tag + host]

    def __exit__(self, *_):
        self.ip("link", "del", f"{self.tag}x1", check=False)
        for host in ("s", "a"):
            self.ip("netns", "del", self.tag + host, check=False)


class FarHouse(House):
    """A server on TLS in a network namespace."""

    def __init__(self, network, **environment):
        super().__init__(**environment)
        self.network = network
        self.cert, key = certificate(self.folder, [network.server_from_here, network.server_from_agent])
        self.program = self.folder / "holdfast"
        self.program.write_text(f'#!/bin/sh\nexec {" ".join(network.on("s"))} {PROGRAM} "$@"\n')
        self.program.chmod(0o755)
        self.listen = "0.0.0.0:0"
        self.arguments = ["--tls-cert", str(self.cert), "--tls-key", str(key)]

    def reach(self, address):
        return address.replace("0.0.0.0", self.network.server_from_here)

    def address_for_agent(self):
        return self.client.address.replace(self.network.server_from_here, self.network.server_from_agent)

    def start(self, wait=True, **environment):
        if self.client:  # the same port again: agents know it
            self.listen = "0.0.0.0:" + self.client.address.rsplit(":", 1)[1]
        super().start(wait, **environment)

    def cli_environment(self):
        return {**super().cli_environment(), "HOLDFAST_CA_FILE": str(self.cert)}


def work_tree(folder, megabytes):
    """Files that take a backup some seconds: nothing in them repeats."""
    import random

    dice = random.Random(5)
    Path(folder).mkdir()
    for number in range(megabytes // 8):
        (Path(folder) / f"f{number}.bin").write_bytes(dice.randbytes(8 << 20))
    return Path(folder)
