"""Runs inside the environment of netapp_clients.py: NetApp's own Python client against the simulator.

    netapp_peer.py life ENDPOINTS     one volume's life: create, snapshot, clone, group, mirror, delete
    netapp_peer.py savings ENDPOINTS  what compression saves, and how it agrees with what is used
    netapp_peer.py read ENDPOINTS     every list that the client knows, read through the client's own schemas
"""

import json
import os
import sys
import time

import netapp_ontap.resources as resources
from netapp_ontap import HostConnection, config
from netapp_ontap.error import NetAppRestError
from netapp_ontap.resources import (Cluster, ConsistencyGroup, ConsistencyGroupSnapshot, EmsEvent, Snapshot, SnapmirrorPolicy,
                                    SnapmirrorRelationship, SnapmirrorTransfer, Volume)

ENDPOINTS = json.load(open(sys.argv[2]))


def connection(number):
    where = ENDPOINTS["clusters"][number - 1]
    host, port = where["base_url"].split("//")[1].split(":")
    return HostConnection(host, port=int(port), username=where["user"], password=where["password"], verify=True, poll_timeout=60, poll_interval=1)


def until(what, seconds=60):
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it does not come"
        time.sleep(0.1)


def refused(action, text):
    try:
        action()
    except NetAppRestError as error:
        assert text in str(error), error
        return
    raise AssertionError(f"expected: {text}")


def write(place, name, text):
    with open(ENDPOINTS["mounts"][place] + "/" + name, "w") as file:
        file.write(text)


def volume_life():
    cluster = Cluster()
    cluster.get()
    assert cluster.version.generation == 9
    volume = Volume(name="py1", svm={"name": "svm1"}, aggregates=[{"name": "aggr1"}], size=100 << 20, nas={"path": "/py1"})
    volume.post(hydrate=True)
    resized = Volume(uuid=volume.uuid)
    resized.size = 200 << 20
    resized.patch()
    volume.get(fields="*,nas.path")
    assert (volume.size, volume.nas.path) == (200 << 20, "/py1"), volume
    snapshot = Snapshot(volume.uuid, name="s1", snapmirror_label="daily", comment="by the client")
    snapshot.post(hydrate=True)
    clone = Volume(name="pyclone", svm={"name": "svm1"}, clone={"is_flexclone": True, "parent_volume": {"name": "py1"}, "parent_snapshot": {"name": "s1"}})
    clone.post(hydrate=True)
    assert clone.clone.parent_snapshot.name == "s1"
    refused(snapshot.delete, "in use")
    clone.delete(force=True)
    restored = Volume(uuid=volume.uuid)
    restored.restore_to = {"snapshot": {"name": "s1"}}
    restored.patch()
    snapshot.delete()
    assert list(Snapshot.get_collection(volume.uuid)) == []
    return volume


def group():
    write("svm1:/data1", "a", "one")
    members = [{"name": name, "provisioning_options": {"action": "add"}} for name in ("data1", "data2")]
    made = ConsistencyGroup(name="pycg", svm={"name": "svm1"}, volumes=members)
    made.post(hydrate=True)
    snapshot = ConsistencyGroupSnapshot(made.uuid, name="g1", consistency_type="application")
    snapshot.post(hydrate=True, action="start", action_timeout=30)
    snapshot.patch(action="commit")
    snapshot.get(fields="*")
    assert not snapshot.is_partial and len(snapshot.snapshot_volumes) == 2, snapshot
    write("svm1:/data1", "a", "two")
    back = ConsistencyGroup(uuid=made.uuid)
    back.restore_to = {"snapshot": {"name": "g1"}}
    back.patch()
    with open(ENDPOINTS["mounts"]["svm1:/data1"] + "/a") as file:
        assert file.read() == "one"
    snapshot.delete()
    made.delete()


def mirror():
    policy = SnapmirrorPolicy(name="pypolicy", type="async", retention=[{"label": "daily", "count": "5"}])
    policy.post(hydrate=True)
    relation = SnapmirrorRelationship(source={"path": "svm1:py1"}, destination={"path": "svm2:py1_dst"}, create_destination={"enabled": True},
                                      policy={"name": "pypolicy"}, state="snapmirrored")
    relation.post(hydrate=True)

    def settled():
        relation.get(fields="*")
        return relation.state == "snapmirrored" and relation.transfer.state == "success"

    until(settled)
    SnapmirrorTransfer(relation.uuid).post()
    until(settled)
    for state in ("paused", "broken_off", "snapmirrored"):
        change = SnapmirrorRelationship(uuid=relation.uuid)
        change.state = state
        change.patch()
        change.get(fields="*")
        assert change.state == state, change
    relation.delete()
    destination = Volume.find(name="py1_dst")
    destination.delete()


def life():
    with connection(1):
        volume = volume_life()
        group()
    with connection(2):
        mirror()
    with connection(1):
        unmounted = Volume(uuid=volume.uuid)
        unmounted.nas = {"path": ""}
        unmounted.patch()
        volume.delete()
        assert [one.name for one in Volume.get_collection(order_by="name", max_records=1)] == ["data1", "data2"]
        assert all(one.message.name for one in EmsEvent.get_collection(fields="*"))
    print("lived")


def savings():
    """Text compresses, noise does not; and the figures say the same thing in all places."""
    write("svm1:/data1", "text", "".join(f"row {number} of a table with much the same in each\n" for number in range(4000)))
    with open(ENDPOINTS["mounts"]["svm1:/data1"] + "/noise", "wb") as file:
        file.write(os.urandom(200_000))
    with connection(1):
        volume = Volume.find(name="data1")
        seen = []
        for compression in ("none", "inline"):
            change = Volume(uuid=volume.uuid)
            change.efficiency = {"compression": compression}
            change.patch()
            volume.get(fields="efficiency,space")
            saved, space = volume.efficiency.space_savings, volume.space
            assert saved.total == saved.dedupe + saved.compression, saved
            assert space.used == space.logical_space.used - saved.total, space
            assert abs(volume.efficiency.ratio - space.logical_space.used / space.used) < 0.001, volume.efficiency
            seen.append(saved.compression)
    assert seen[0] == 0 and 50_000 < seen[1] < 200_000, seen
    print(f"saved {seen[1]} bytes")


def read():
    """Everything that this program has no API for answers 404; anything else wrong is told."""
    lists = records = 0
    problems = []
    with connection(1):
        for name in sorted(dir(resources)):
            kind = getattr(resources, name)
            path = str(getattr(kind, "_path", "{"))
            if not isinstance(kind, type) or "{" in path or not hasattr(kind, "get_collection"):
                continue
            try:
                found = list(kind.get_collection(fields="**", max_records=20))
            except NotImplementedError:
                continue
            except NetAppRestError as error:
                if error.status_code != 404:
                    problems.append(f"{name}: {error}")
                continue
            lists += 1
            records += len(found)
        volume = Volume.find(name="data1")
        Snapshot(volume.uuid, name="s1").post()
        records += len(list(Snapshot.get_collection(volume.uuid, fields="**")))
    assert not problems, "\n".join(problems)
    print(f"read {lists} lists with {records} records")


config.RAISE_API_ERRORS = True
{"life": life, "savings": savings, "read": read}[sys.argv[1]]()
