"""The main job of ./dev up, by the commands a user would type: each is printed before it runs."""

import datetime
import json
import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

APPROVAL_WANTED = 7  # docs/exit-codes.md
EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "scheduled_backup.yaml"


def say(text):
    print(f"==> {text}", flush=True)


def size(count):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if count < 1024 or unit == "GiB":
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024


class Holdfast:
    """The command line of one server."""

    def __init__(self, program):
        self.program = program

    def show(self, *words, allowed=(0, 3)):
        """Runs a command as a user sees it and returns its code; ends this program with any code that is
        not allowed (3: partial, its own words say which files)."""
        print(f"\n$ holdfast {shlex.join(words)}", flush=True)
        code = subprocess.run([self.program, *words]).returncode
        if code not in allowed:
            sys.exit(code)
        return code

    def json(self, *words):
        run = subprocess.run([self.program, *words, "-o", "json"], capture_output=True, text=True)
        if run.returncode != 0:
            sys.stderr.write(run.stderr)
            sys.exit(run.returncode)
        return json.loads(run.stdout)


def name_for(path):
    return re.sub(r"[^a-z0-9]+", "-", str(path).lower()).strip("-")[:60] or "root"


def newest_point(holdfast, resource):
    return max(holdfast.json("point", "list", "--resource", resource), key=lambda point: point["time"])


def newest_run(holdfast, workflow, resource):
    rows = holdfast.json("run", "list", "--workflow", workflow, "--resource", resource)
    return holdfast.json("run", "show", rows[0]["id"])


def seconds_of(run, step_name):
    """How long a step of a run took, else the run."""
    step = next((step for step in run["steps"] if step["name"] == step_name and step["ended_at"]), run)
    first, last = (datetime.datetime.fromisoformat(step[key][:19] + step[key][19:].rstrip("Z")[:7] + "+00:00") for key in ("started_at", "ended_at"))
    return max((last - first).total_seconds(), 0.001)


def victim(tree):
    """A file whose loss shows: the first of middle size in a restored tree."""
    for folder, _, files in sorted(os.walk(tree)):
        for name in sorted(files):
            path = Path(folder) / name
            if path.is_file() and not path.is_symlink() and 100 < path.stat().st_size < 1_000_000:
                return path
    return None


def recover_one(holdfast, point, name, tree):
    """Deletes a file of the restored tree and gets it back; returns the run's id and the file."""
    lost = victim(tree)
    if lost is None:
        return None, None
    before = lost.read_bytes()
    inside = lost.relative_to(tree)
    print(f"\n$ rm {lost}", flush=True)
    lost.unlink()
    holdfast.show("restore", point["id"], "--path", str(inside), "--to", str(tree), "--wait")
    if lost.read_bytes() != before:
        sys.exit(f"up: {lost} came back with other bytes")
    return newest_run(holdfast, "data_recovery", name)["id"], inside


def restore_whole(holdfast, point, name, tree):
    """Brings the restored tree of an earlier time up to this point; what it would overwrite there is
    approved, since the tree is this program's own."""
    code = holdfast.show("restore", point["id"], "--to", str(tree), "--wait", allowed=(0, 3, APPROVAL_WANTED))
    if code == APPROVAL_WANTED:
        run = newest_run(holdfast, "data_recovery", name)
        holdfast.show("approval", "approve", run["waiting_for"], "--comment", "the restored tree of ./dev up")
        holdfast.show("run", "watch", run["id"])


def protect(holdfast, path, scratch):
    """The whole way of one path; returns what the summary tells of it."""
    name = name_for(path)
    if name not in {resource["name"] for resource in holdfast.json("resource", "list")}:
        holdfast.show("resource", "add", name, "--path", str(path), "--policy", "scheduled_backup")
    holdfast.show("backup", name, "--wait")
    point = newest_point(holdfast, name)
    backup = holdfast.json("run", "show", point["run_id"])
    tree = scratch / name
    restore_whole(holdfast, point, name, tree)
    recovery, lost = recover_one(holdfast, point, name, tree)
    holdfast.show("prove", name, "--level", "4", "--wait")
    return {"name": name, "path": path, "backup": backup, "recovery": recovery, "lost": lost, "tree": tree,
            "point": holdfast.json("point", "show", point["id"])}


def summary(holdfast, done, data, seconds):
    rule = "-" * 78
    disks = {repository["name"]: repository["same_disk_as"] for repository in holdfast.json("repository", "list")}
    print(f"\n{rule}")
    for one in done:
        point, result, took = one["point"], one["backup"]["result"], seconds_of(one["backup"], "local_snapshot")
        print(f"protected   {one['path']} as '{one['name']}': {point['files']} files, {size(point['size_bytes'])}")
        for copy in point["copies"]:
            beside = disks.get(copy["repository"])
            note = f" (same disk as {beside}: not another medium)" if beside else ""
            print(f"copy        {copy['level']} by {copy['method']} in {copy['location']}{note}")
        print(f"fast        {size(result['bytes'] / took)}/s: {size(result['bytes'])} in {took:.1f} s")
        print(f"small       {size(result['added_bytes'])} added for {size(result['bytes'])}")
        if one["recovery"]:
            print(f"recovered   {one['lost']} by {one['recovery']}")
        proof = next((copy["proof"] for copy in point["copies"] if copy.get("proof")), None)
        if proof:
            print(f"proof       {proof['level']} at {proof['at'][:19]}Z: {proof.get('detail') or point['state']}")
        if point.get("label"):
            print(f"note        the point is labelled: {point['label']}")
        print(f"restored    {one['tree']}")
    upcoming = holdfast.json("schedule", "next", "--count", "3")
    for entry in upcoming[:3]:
        print(f"next        {entry.get('local') or entry['due_at']} {entry.get('timezone', '')}  {entry['resource']}  {entry['label']}")
    print(f"address     {os.environ['HOLDFAST_SERVER']}   (the key lies in {data}/admin.token)")
    print(f"{rule}\nthe main job took {seconds:.0f} s; ./dev down stops the server, a second ./dev up is incremental", flush=True)


def scratch_folder(data):
    """Where trees are restored to: beside the server's folder, which refuses to be a target. Kept from one
    time to the next, so that only what changed is written again."""
    scratch = data.with_name(data.name + "-restored")
    if scratch.exists() and not (scratch / ".holdfast-up").is_file():
        sys.exit(f"up: {scratch} was not made by ./dev up; move it away")
    scratch.mkdir(parents=True, exist_ok=True)
    (scratch / ".holdfast-up").touch()
    return scratch


def main():
    program, data, paths = sys.argv[1], Path(sys.argv[2]), [Path(word) for word in sys.argv[3:]]
    started = time.monotonic()
    holdfast = Holdfast(program)
    scratch = scratch_folder(data)
    say("main job: protect, back up, restore, lose a file, recover it, prove")
    holdfast.show("apply", "-f", str(EXAMPLE))
    done = [protect(holdfast, path, scratch) for path in paths]
    summary(holdfast, done, data, time.monotonic() - started)


if __name__ == "__main__":
    main()
