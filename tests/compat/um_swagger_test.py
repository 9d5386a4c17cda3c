"""Every answer of the simulator's Unified Manager, held against NetApp's own swagger document.

The document lies beside the repository (../shared/data) and is not ours to ship; without it, or without PyYAML, the
test is skipped with a line, and HOLDFAST_REQUIRE=swagger makes that a failure.
"""

import os
import sys
import unittest
import urllib.parse
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
import simulator  # noqa: E402
from simulator import ROOT, Simulator, require  # noqa: E402

try:
    import yaml
except ImportError:
    yaml = None

DOCUMENT = Path(os.environ.get("HOLDFAST_SHARED", ROOT.parent / "shared")) / "data/active-iq-unified-manager-v2.swagger.yaml"
KINDS = {"string": str, "boolean": bool, "integer": int, "number": (int, float), "object": dict, "array": list}
# Types that the document misspells.
MISSPELT = {"String": "string", "strring": "string"}


class Swagger:
    def __init__(self, document):
        self.paths, self.definitions = document["paths"], document["definitions"]

    def problems(self, value, schema, where):
        """What is wrong with a value: wrong types, values outside an enum, fields that the schema does not know."""
        if "$ref" in schema:
            return self.problems(value, self.definitions[schema["$ref"].split("/")[-1]], where)
        kind = schema.get("type") or ("object" if "properties" in schema else None)
        kind = MISSPELT.get(kind, kind)
        found = []
        if kind and (not isinstance(value, KINDS[kind]) or (kind in ("integer", "number") and isinstance(value, bool))):
            return [f"{where}: {value!r} is no {kind}"]
        if "enum" in schema and value not in [str(one) for one in schema["enum"]] and not (value == "off" and False in schema["enum"]):
            found.append(f"{where}: {value!r} is none of {schema['enum']}")
        if kind == "array":
            for i, element in enumerate(value):
                found += self.problems(element, schema["items"], f"{where}[{i}]")
        if kind == "object":
            for key, inner in value.items():
                if key not in schema.get("properties", {}):
                    found.append(f"{where}.{key}: the document has no such field")
                else:
                    found += self.problems(inner, schema["properties"][key], f"{where}.{key}")
        return found

    def schema(self, path, method, status):
        responses = self.paths[path][method]["responses"]
        return (responses.get(str(status)) or responses.get("default") or {}).get("schema")


class UnifiedManager(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.sim = None

    def setUp(self):
        require(self, "binary", os.access(simulator.PROGRAM, os.X_OK), "HF_ONTAP_SIM names no program; ctest sets it")
        require(self, "swagger", yaml is not None and DOCUMENT.is_file(), f"{DOCUMENT} or PyYAML is missing")
        self.swagger = Swagger(yaml.safe_load(DOCUMENT.read_text()))
        self.sim = Simulator()
        self.addCleanup(self.sim.__exit__)
        self.sim.start()

    def check(self, path, answer, method="get"):
        status, body, _ = answer
        schema = self.swagger.schema(path, method, status)
        if schema is not None:
            self.assertEqual(self.swagger.problems(body, schema, f"{method} {path}"), [])
        return status, body

    def test_every_list_and_every_record_has_the_shape_of_the_document(self):
        cluster = self.sim.cluster(1)
        volume = cluster.records("/api/storage/volumes?name=data1")[0]["uuid"]
        cluster.wait(cluster.call("PATCH", f"/api/storage/volumes/{volume}", {"state": "offline"}))  # so that an event exists
        seen = 0
        for path in self.swagger.paths:
            if "{" in path or "get" not in self.swagger.paths[path] or path in ("/admin/backup-file-info", "/admin/datasource-certificate",
                                                                                "/storage-provider/workloads-summary"):
                continue
            status, body = self.check(path, self.sim.manager.get("/api" + path))
            self.assertEqual(status, 200, path)
            seen += 1
            for record in body.get("records", [])[:2]:
                self.records_of(path, record)
        self.assertGreater(seen, 30)

    def records_of(self, path, record):
        key = record.get("key")
        one = path + "/{key}"
        if key is None or one not in self.swagger.paths:
            return
        address = "/api" + path + "/" + urllib.parse.quote(key, safe="")
        self.assertEqual(self.check(one, self.sim.manager.get(address))[0], 200)
        if one + "/metrics" in self.swagger.paths:
            for interval in ("1h", "1w"):
                status, body = self.check(one + "/metrics", self.sim.manager.get(f"{address}/metrics?interval={interval}"))
                self.assertEqual((status, body["duration"]), (200, "PT5M" if interval == "1h" else "PT1H"))
                self.assertEqual(body["num_samples"], len(body["samples"]))

    def test_errors_have_the_shape_of_the_document(self):
        for method, path, real in (("get", "/datacenter/storage/volumes/{key}", "/api/datacenter/storage/volumes/no"),
                                   ("get", "/management-server/jobs/{key}", "/api/management-server/jobs/no")):
            self.assertEqual(self.check(path, self.sim.manager.get(real), method)[0], 404)

    def test_an_event_is_acknowledged_and_goes_with_its_cause(self):
        cluster, manager = self.sim.cluster(1), self.sim.manager
        volume = cluster.records("/api/storage/volumes?name=data1")[0]["uuid"]
        cluster.wait(cluster.call("PATCH", f"/api/storage/volumes/{volume}", {"state": "offline"}))
        event = manager.records("/api/management-server/events?current_state=new")[0]
        self.assertEqual(event["impact"]["resource_uuid"], volume)
        path = f"/api/management-server/events/{event['key']}"
        status, body = self.check("/management-server/events/{key}", manager.call("PATCH", path, {
            "current_state": "acknowledged", "acknowledged_username": "admin"}), "patch")
        self.assertEqual((status, body["current_state"]), (200, "acknowledged"))
        self.assertEqual(manager.call("PATCH", path, {"annotation": "looked at"})[1]["annotation"], "looked at")
        self.assertEqual(manager.call("PATCH", path, {"severity": "normal"})[0], 400)
        cluster.wait(cluster.call("PATCH", f"/api/storage/volumes/{volume}", {"state": "online"}))
        self.assertEqual(manager.get(path)[1]["current_state"], "obsolete")

    def test_the_list_of_volumes_pages_filters_and_sorts(self):
        manager = self.sim.manager
        status, body, _ = manager.get("/api/v2/datacenter/storage/volumes?max_records=3&order_by=name%20desc")
        self.assertEqual((status, body["num_records"], body["total_records"]), (200, 3, 4))
        self.assertEqual([one["name"] for one in body["records"]], ["data2", "data1", "archive2"])
        self.assertEqual(len(manager.records("/api/datacenter/storage/volumes?max_records=1")), 4)
        self.assertEqual(len(manager.records("/api/datacenter/storage/volumes?cluster.name=cluster1")), 2)
        self.assertEqual(len(manager.records("/api/datacenter/storage/volumes?svm.name=svm2&name=archive1")), 1)

    def test_alerts_and_users_come_and_go(self):
        manager = self.sim.manager
        status, alert = self.check("/management-server/alerts", manager.call("POST", "/api/management-server/alerts", {
            "name": "full", "enabled": True, "event": {"severities": ["critical"]}, "action": {"notification": {"emails": ["a@example.org"]}}}), "post")
        self.assertEqual(status, 201)
        self.assertEqual(manager.call("DELETE", f"/api/management-server/alerts/{alert['key']}")[0], 200)
        self.assertEqual(manager.call("POST", "/api/security/users", {"name": "op", "password": "secret123", "role": "operator"})[0], 201)
        manager.user, manager.password = "op", "secret123"
        gateway = f"/api/gateways/{self.sim.cluster(1).uuid}/storage/volumes"
        self.assertEqual(manager.get(gateway)[0], 200)
        self.assertEqual(manager.call("DELETE", gateway + "?name=data1")[0], 403)

    def test_the_gateway_leads_to_the_cluster_and_rewrites_links(self):
        manager, cluster = self.sim.manager, self.sim.cluster(1)
        prefix = f"/api/gateways/{cluster.uuid}"
        self.assertEqual({one["name"] for one in manager.records("/api/gateways")}, {"cluster1", "cluster2"})
        volume = manager.records(f"{prefix}/storage/volumes?name=data1")[0]
        self.assertEqual(volume["_links"]["self"]["href"], f"{prefix}/storage/volumes/{volume['uuid']}")
        answer = manager.call("POST", f"{prefix}/storage/volumes/{volume['uuid']}/snapshots", {"name": "s1"})
        self.assertTrue(answer[2]["location"].startswith(prefix), answer)
        self.assertTrue(answer[1]["job"]["_links"]["self"]["href"].startswith(f"{prefix}/cluster/jobs/"))
        self.assertEqual(manager.wait(answer, prefix)["state"], "success")
        page, _, headers = manager.get(f"{prefix}/storage/volumes?max_records=1")
        self.assertIn(f"<{prefix}/storage/volumes?", headers["link"])
        self.assertEqual(len(manager.records(f"{prefix}/storage/volumes?max_records=1")), 2)
        self.assertEqual(manager.get("/api/gateways/no/cluster")[0], 404)

    def test_a_data_source_is_taken_away_and_added_again(self):
        manager, cluster = self.sim.manager, self.sim.cluster(2)
        key = urllib.parse.quote(f"{cluster.uuid}:type=cluster,uuid={cluster.uuid}", safe="")
        self.assertEqual(manager.call("DELETE", f"/api/admin/datasources/clusters/{key}")[0], 200)
        self.assertEqual(len(manager.records("/api/datacenter/cluster/clusters")), 1)
        self.assertEqual(manager.get(f"/api/gateways/{cluster.uuid}/cluster")[0], 404)
        port = int(cluster.url.rsplit(":", 1)[1])
        status, body = self.check("/admin/datasources/clusters", manager.call("POST", "/api/admin/datasources/clusters", {
            "address": "127.0.0.1", "port": port, "username": cluster.user, "password": cluster.password, "protocol": "https"}), "post")
        self.assertEqual((status, body["name"]), (201, "cluster2"))
        self.assertEqual(len(manager.records("/api/datacenter/cluster/clusters")), 2)


if __name__ == "__main__":
    unittest.main()
