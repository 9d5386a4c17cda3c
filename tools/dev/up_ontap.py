"""The main job of ./dev up --ontap: a volume of a simulated cluster is protected on three levels through Unified
Manager, lost, recovered from the copy on the second cluster, and every level is proven."""

import base64
import hashlib
import json
import shutil
import ssl
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

from up import APPROVAL_WANTED, Holdfast, newest_point, newest_run, say, size

POLICY = Path(__file__).resolve().parents[2] / "examples" / "ontap_three_levels.yaml"
NAME = "data1"


class Array:
    """The simulator's two clusters and their Unified Manager, as its endpoints.json describes them."""

    def __init__(self, folder):
        self.folder = folder
        described = json.loads((folder / "endpoints.json").read_text())
        self.clusters = described["clusters"]
        self.manager = described["unified_manager"]
        self.volume = folder / self.clusters[0]["name"] / "svm1" / NAME

    def mounts(self):
        return [f"{cluster['name']}/svm{number}:/={self.folder / cluster['name'] / f'svm{number}'}"
                for number, cluster in enumerate(self.clusters, 1)]

    def post(self, cluster, path, body):
        """What a storage administrator prepares on a cluster; that it exists already is well."""
        login = base64.b64encode(f"{cluster['user']}:{cluster['password']}".encode()).decode()
        request = urllib.request.Request(f"{cluster['base_url']}/api{path}?return_timeout=30", json.dumps(body).encode(),
                                         {"Authorization": f"Basic {login}", "Content-Type": "application/json"})
        print(f"\n$ curl -u {cluster['user']} -X POST {request.full_url} -d '{{\"name\": \"{body['name']}\", ...}}'", flush=True)
        try:
            urllib.request.urlopen(request, context=ssl.create_default_context(cafile=cluster["ca_file"])).close()
        except urllib.error.HTTPError as refused:
            if refused.code != 409:
                sys.exit(f"up: {refused.read().decode()}")


def contents(volume):
    """Path -> sum of the content, without the directory of snapshots."""
    return {str(path.relative_to(volume)): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(volume.rglob("*"))
            if path.is_file() and not path.is_symlink() and path.relative_to(volume).parts[0] != ".snapshot"}


def fill(volume, paths):
    for path in paths:
        target = volume / path.name
        print(f"\n$ cp -r {path} {target}", flush=True)
        if path.is_dir():
            shutil.copytree(path, target, symlinks=True, dirs_exist_ok=True)
        else:
            shutil.copy2(path, target)


def empty(volume):
    print(f"\n$ rm -r {volume}/*", flush=True)
    for path in volume.iterdir():
        if path.name == ".snapshot":
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def connect(holdfast, array, secret):
    secret.touch(mode=0o600)
    secret.write_text(array.manager["password"] + "\n")
    if "um" not in {system["name"] for system in holdfast.json("system", "list")}:
        mounts = [word for mount in array.mounts() for word in ("--mount", mount)]
        holdfast.show("system", "add", "active-iq", "um", "--address", array.manager["base_url"], "--user",
                      array.manager["user"], "--password-file", str(secret), "--ca-file", array.manager["ca_file"], *mounts)
    array.post(array.clusters[0], "/cloud/targets",
               {"name": "vault", "owner": "snapmirror", "provider_type": "SGWS", "server": "127.0.0.1", "container": "vault",
                "access_key": "key", "secret_password": "secret", "svm": {"name": "svm1"}})


def recover(holdfast, array, point):
    before = contents(array.volume)
    empty(array.volume)
    if holdfast.show("restore", point["id"], "--copy", "remote_replica", "--in-place", "--wait",
                     allowed=(0, APPROVAL_WANTED)) == APPROVAL_WANTED:
        run = newest_run(holdfast, "data_recovery", NAME)
        holdfast.show("approval", "approve", run["waiting_for"], "--comment", "the volume of ./dev up --ontap")
        holdfast.show("run", "watch", run["id"])
    if contents(array.volume) != before:
        sys.exit("up: the volume came back with other contents")
    print(f"\n{len(before)} files are back in {array.volume}, byte for byte", flush=True)


def summary(holdfast, array, point, seconds):
    rule = "-" * 78
    point = holdfast.json("point", "show", point["id"])
    files = contents(array.volume)
    print(f"\n{rule}\nprotected   {array.volume}: {len(files)} files, "
          f"{size(sum((array.volume / name).stat().st_size for name in files))}, through Unified Manager at {array.manager['base_url']}")
    for copy in point["copies"]:
        proof = copy.get("proof")
        print(f"copy        {copy['level']} by {copy['method']} in {copy['location']}"
              + (f": proven {proof['level']} at {proof['at'][:19]}Z" if proof else ": not proven"))
    print(f"point       {point['id']} is {point['state']}")
    print(f"{rule}\nthe main job took {seconds:.0f} s; ./dev down stops both servers, every call of the storage is in\n"
          f"'build/release/ontap-sim ctl log --data {array.folder}'", flush=True)
    if point["state"] != "proven":
        sys.exit("up: the point is not proven")


def main():
    program, data, array = sys.argv[1], Path(sys.argv[2]), Array(Path(sys.argv[3]))
    started = time.monotonic()
    holdfast = Holdfast(program)
    say("main job: a volume on three levels through Unified Manager: protect, lose, recover, prove")
    connect(holdfast, array, data / "unified-manager.password")
    fill(array.volume, [Path(word) for word in sys.argv[4:]])
    holdfast.show("apply", "-f", str(POLICY))
    if NAME not in {resource["name"] for resource in holdfast.json("resource", "list")}:
        holdfast.show("resource", "add", NAME, "--path", str(array.volume), "--policy", "ontap_three_levels")
    holdfast.show("backup", NAME, "--wait")
    point = newest_point(holdfast, NAME)
    recover(holdfast, array, point)
    for level in ("local_snapshot", "remote_replica", "cloud_backup"):
        holdfast.show("prove", point["id"], "--copy", level, "--level", "2", "--wait")
    summary(holdfast, array, point, time.monotonic() - started)


if __name__ == "__main__":
    main()
