"""The sequences of calls that clients make (Trident, Terraform, Harvest, netapp-ontap), as they send them.

Their sources tell what they send and what they take for an answer; whoever changes the simulator keeps these.
"""

import os
import sys
import time
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import simulator  # noqa: E402
from simulator import Simulator, require  # noqa: E402


class Sequences(unittest.TestCase):
    def setUp(self):
        require(self, "binary", os.access(simulator.PROGRAM, os.X_OK), "HF_ONTAP_SIM names no program; ctest sets it")
        self.sim = Simulator()
        self.addCleanup(self.sim.__exit__)
        self.sim.start()
        self.source, self.target = self.sim.cluster(1), self.sim.cluster(2)

    def accepted(self, access, method, path, body=None):
        """202 with a job, as Trident takes nothing else; the job must succeed."""
        answer = access.call(method, path, body)
        self.assertEqual(answer[0], 202, answer)
        job = access.wait(answer)
        self.assertEqual(job["state"], "success", job)
        return answer[1]

    def refused(self, access, method, path, body=None):
        """The error code, of the answer or of the job."""
        answer = access.call(method, path, body)
        if answer[0] != 202:
            return answer[1]["error"]["code"]
        job = access.wait(answer)
        self.assertEqual(job["state"], "failure", job)
        return str(job["code"])

    def uuid(self, access, name):
        return access.get(f"/api/storage/volumes?name={name}")[1]["records"][0]["uuid"]


class Trident(Sequences):
    def test_connects(self):
        get = self.source.get
        version = get("/api/cluster?fields=**")[1]["version"]
        self.assertTrue(all(isinstance(version[field], int) for field in ("generation", "major", "minor")))
        self.assertEqual(get("/api/cluster?fields=san_optimized,disaggregated&ignore_unknown_fields=true")[1]["disaggregated"], False)
        svms = get("/api/svm/svms?name=svm1&fields=")[1]
        self.assertEqual(svms["num_records"], 1)
        self.assertTrue(get("/api/svm/svms/" + svms["records"][0]["uuid"])[1]["aggregates"][0]["name"])
        self.assertEqual(get("/api/cluster/nodes?name=*&fields=serial_number")[1]["num_records"], 2)
        self.assertEqual(get("/api/network/ip/interfaces?fields=ip.address,state")[1]["records"][0]["state"], "up")
        body = {"computer_name": "node1", "event_source": "trident", "event_id": 1, "category": "trident", "event_description": "heartbeat", "autosupport_required": False}
        self.assertEqual(self.source.call("POST", "/api/support/ems/application-logs?return_records=true", body)[0], 201)

    def test_snapshots_clones_and_restores(self):
        volume = self.uuid(self.source, "data1")
        svm = self.source.get("/api/svm/svms?name=svm1")[1]["records"][0]["uuid"]
        snapshots = f"/api/storage/volumes/{volume}/snapshots"
        self.accepted(self.source, "POST", snapshots, {"name": "s1"})
        found = self.source.get(f"{snapshots}?svm.uuid={svm}&fields=name,create_time&name=s1")[1]
        self.assertEqual(found["num_records"], 1)
        body = {"name": "c1", "svm": {"uuid": svm}, "clone": {"is_flexclone": True, "parent_volume": {"name": "data1"}, "parent_snapshot": {"name": "s1"}}}
        made = self.accepted(self.source, "POST", "/api/storage/volumes?return_records=true", body)
        self.assertEqual(made["records"][0]["name"], "c1")
        users = self.source.get(f"/api/storage/volumes?svm.uuid={svm}&fields=name&clone.parent_volume.name=data1&clone.parent_snapshot.name=s1")[1]["records"]
        self.assertEqual([(one["clone"]["parent_volume"]["name"], one["clone"]["parent_snapshot"]["name"]) for one in users], [("data1", "s1")])
        self.assertEqual(self.refused(self.source, "DELETE", f"{snapshots}/{found['records'][0]['uuid']}"), "1638543")
        self.accepted(self.source, "PATCH", f"/api/storage/volumes/{volume}?restore_to.snapshot.name=s1")
        clone = made["records"][0]["uuid"]
        self.accepted(self.source, "PATCH", f"/api/storage/volumes/{clone}", {"nas": {"path": ""}})
        self.accepted(self.source, "PATCH", f"/api/storage/volumes/{clone}", {"name": "c1_deleted"})
        self.accepted(self.source, "DELETE", f"/api/storage/volumes/{clone}?force=true")
        self.accepted(self.source, "DELETE", f"{snapshots}/{found['records'][0]['uuid']}")

    def test_mirrors_promotes_and_cleans_up(self):
        relations = "/api/snapmirror/relationships"
        svm = self.target.get("/api/svm/svms?name=svm2")[1]["records"][0]["uuid"]
        body = {"name": "dst", "svm": {"uuid": svm}, "aggregates": [{"name": "aggr1"}], "size": 10 << 30, "type": "dp"}
        self.accepted(self.target, "POST", "/api/storage/volumes?return_records=true", body)
        (self.sim.mount("svm1:/data1") / "a").write_text("one")
        body = {"source": {"path": "svm1:data1"}, "destination": {"path": "svm2:dst"}, "policy": {"name": "MirrorAllSnapshots"}}
        self.accepted(self.target, "POST", relations, body)
        self.assertEqual(self.refused(self.target, "POST", relations, body), "6619637")
        relation = self.target.get(f"{relations}?destination.path=svm2:dst&fields=state")[1]["records"][0]
        path = f"{relations}/{relation['uuid']}"
        self.assertEqual(relation["state"], "uninitialized")
        self.assertEqual(self.target.call("POST", path + "/transfers", {})[0], 201)
        self.settle(path)
        self.accepted(self.target, "PATCH", path, {"state": "paused"})
        self.assertEqual(self.target.get(path)[1]["state"], "paused")
        self.accepted(self.target, "PATCH", path, {"state": "broken_off"})
        volume = self.target.get("/api/storage/volumes?name=dst&fields=type")[1]["records"][0]
        self.assertEqual(volume["type"], "rw")
        self.accepted(self.target, "PATCH", f"/api/storage/volumes/{volume['uuid']}", {"nas": {"path": "/dst"}})
        self.assertEqual((self.sim.mount("svm2:/dst") / "a").read_text(), "one")
        self.accepted(self.target, "PATCH", path, {"state": "snapmirrored"})
        self.accepted(self.target, "DELETE", path + "?destination_only=true")
        self.assertEqual(self.target.call("DELETE", path + "?destination_only=true")[1]["error"]["code"], "4")
        self.assertEqual(self.target.call("DELETE", path + "?source_info_only=true")[1]["error"]["code"], "4")
        left = self.source.get(f"{relations}?list_destinations_only=true")[1]["records"]
        self.accepted(self.source, "DELETE", f"{relations}/{left[0]['uuid']}?source_only=true")

    def settle(self, path):
        end = time.monotonic() + 60
        while time.monotonic() < end:
            relation = self.target.get(path + "?fields=state,transfer,healthy")[1]
            if relation["transfer"]["state"] != "transferring":
                self.assertEqual((relation["state"], relation["transfer"]["state"]), ("snapmirrored", "success"))
                return
        self.fail("the transfer does not end")


class Others(Sequences):
    def test_terraform_waits_in_the_call(self):
        body = {"name": "tf", "svm": {"name": "svm1"}, "aggregates": [{"name": "aggr1"}], "size": 1 << 30}
        status, made, headers = self.source.call("POST", "/api/storage/volumes?return_records=true&return_timeout=60", body)
        self.assertEqual((status, made["num_records"]), (201, 1))
        volume = made["records"][0]["uuid"]
        status, made, _ = self.source.call("POST", f"/api/storage/volumes/{volume}/snapshots?return_records=true&return_timeout=60", {"name": "s1"})
        self.assertEqual((status, made["records"][0]["name"]), (201, "s1"))
        fields = "name,svm.name,create_time,expiry_time,state,size,comment,volume,volume.uuid,snapmirror_label"
        self.assertEqual(self.source.get(f"/api/storage/volumes/{volume}/snapshots?fields={fields}")[1]["records"][0]["volume"]["uuid"], volume)
        self.assertEqual(self.source.call("POST", "/api/storage/volumes?return_timeout=121", body)[1]["error"], {
            "message": 'The value "121" is invalid for field "return_timeout" (<0..120>)', "code": "262197", "target": "return_timeout"})

    def test_harvest_polls(self):
        json_only = {"Accept": "application/json"}
        status, body, _ = self.source.get("/api/cluster?return_records=true&fields=*", headers=json_only)
        self.assertEqual((status, "_links" in body), (200, False))
        self.assertEqual(self.source.get("/api/cluster/counter/tables?return_records=false")[0], 200)
        page = self.source.get("/api/storage/volumes?return_records=true&ignore_unknown_fields=true&max_records=1&fields=bogus,space", headers=json_only)[1]
        self.assertNotIn("_links", page["records"][0])
        self.assertIn("next", page["_links"])
        self.assertEqual(self.source.get("/api/storage/aggregates?fields=volume_count&ignore_unknown_fields=true")[0], 200)
        self.assertEqual(self.source.get("/api/private/cli/snapmirror?expand=true&fields=lag_time,healthy&return_records=true&max_records=500&ignore_unknown_fields=true")[0], 200)
        for path in ("volume/efficiency/stat", "qtree", "system/controller/fru", "network/port"):
            self.assertEqual(self.source.get(f"/api/private/cli/{path}?fields=x&privilege_level=diagnostic")[1]["records"], [], path)
        for path in ("cluster/licensing/licenses", "cluster/ntp/servers", "storage/disks", "storage/shelves", "security/accounts", "support/autosupport", "cluster/mediators"):
            self.assertEqual(self.source.get(f"/api/{path}?fields=x&return_records=true&ignore_unknown_fields=true")[1]["num_records"], 0, path)
        events = self.source.get("/api/support/ems/events?message.name=sms.status.in.sync,LUN.offline&order_by=index%20asc&time=%3E2020-01-01T00:00:00Z")
        self.assertEqual((events[0], events[1]["num_records"]), (200, 0))

    def test_ansible_writes_as_it_does(self):
        groups = self.source.get("/api//application/consistency-groups?fields=name,uuid,")
        self.assertEqual(groups[0], 200)
        volume = self.uuid(self.source, "data1")
        self.accepted(self.source, "POST", f"/api/storage/volumes/{volume}/snapshots", {"name": "s1"})
        self.accepted(self.source, "PATCH", f"/api/storage/volumes/{volume}", {"restore_to.snapshot.name": "s1"})
        snapshot = self.source.get(f"/api/storage/volumes/{volume}/snapshots")[1]["records"][0]["uuid"]
        self.accepted(self.source, "DELETE", f"/api/storage/volumes/{volume}/snapshots/{snapshot}", {})  # a body on DELETE
        self.assertEqual(self.source.call("OPTIONS", "/api/storage/volumes")[2]["allow"], "DELETE, GET, HEAD, OPTIONS, PATCH, POST")


if __name__ == "__main__":
    unittest.main()
