// One call as a handler sees it, what it answers, and the table of resources and routes.
//
// A handler runs under the world's lock, which `Call::lock` can give back for work on files. A
// resource gets its listing, its single record, filters on writes and arrays of records for
// nothing; it brings a schema and the verbs that change something.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "core/net/server.h"
#include "simulators/ontap/model/world.h"
#include "simulators/ontap/rest/listing.h"

namespace holdfast::ontap_sim {

struct Call {
  World& world;
  Cluster& cluster;
  Locked& lock;
  const net::HttpRequest& http;
  std::string method;
  std::string path;               // decoded, without /api
  std::vector<std::string> keys;  // what the pattern's {} matched, decoded
  std::string base = "/api";      // what links begin with
  bool gateway = false;
  bool hal = true;
  Query query;
  JsonObject body;

  const std::string& key(size_t i = 0) const { return keys.at(i); }
};

struct Answer {
  int status = 0;  // 0: by the verb, 200 or 201
  JsonObject body;
  net::HeaderMap headers;
  std::string raw;           // instead of the body
  std::string content_type;  // of `raw`
  // Of a write.
  std::string created;              // key of the new record: its Location
  std::vector<std::string> jobs;    // that carry it out; without one it is done
  std::vector<JsonObject> records;  // of return_records
  bool forbid_wait = false;         // answers 202 whatever return_timeout says
};

using Handler = Outcome<Answer> (*)(Call&);

struct Resource {
  std::string_view path;  // "/storage/volumes/{volume.uuid}/snapshots": names bind parents
  std::string_view kind;
  const Schema* schema = nullptr;
  std::string_view key = "uuid";
  OptionNames options = {};
  // Computed fields.
  void (*decorate)(Call&, JsonObject&, const Selection&) = nullptr;
  // Instead of the rows of `kind`.
  std::vector<JsonObject> (*rows)(Call&) = nullptr;
  // Whether the parent exists; its fault is answered where there is nothing below it.
  Done (*parent)(Call&) = nullptr;
  Outcome<Answer> (*create)(Call&, JsonObject body) = nullptr;
  Outcome<Answer> (*modify)(Call&, const JsonObject& record, JsonObject body) = nullptr;
  Outcome<Answer> (*remove)(Call&, const JsonObject& record) = nullptr;
  // A collection's PATCH and DELETE may take filters.
  bool bulk = true;
  // POST and PATCH bodies are checked by the handler, not against the schema.
  bool own_body = false;
  // A GET that shows one record reaches its fields without HAL on a collection (the cluster).
  bool singleton = false;
};

struct Route {
  std::string_view method;
  std::string_view pattern;  // {x} is one segment, {x...} the rest
  Handler handler;
  const Schema* schema = nullptr;
  OptionNames options = {};
  bool lenient = false;  // any parameter is an option
};

class Table {
 public:
  void add(Resource resource) { resources_.push_back(resource); }
  void add(Route route) { routes_.push_back(route); }
  const std::vector<Resource>& resources() const { return resources_; }
  const std::vector<Route>& routes() const { return routes_; }

 private:
  std::vector<Resource> resources_;
  std::vector<Route> routes_;
};

// The whole table of an ONTAP cluster.
const Table& ontap_table();

// The segments of a raw path: "//" counts as "/", dot segments are resolved, then each is decoded.
std::vector<std::string> split_path(std::string_view raw);
// Matches decoded segments against a pattern; the values of its {}.
std::optional<std::vector<std::string>> match_path(std::string_view pattern,
                                                   const std::vector<std::string>& segments);

// A write that is done.
Answer done();
Answer done_with(std::string created, JsonObject record);
// A write that a job carries out.
Answer by_job(std::string job, std::string created = {}, JsonObject record = {});
// "POST /api/storage/volumes/<uuid>", as jobs describe themselves.
std::string describe_call(const Call& call, std::string_view key = {});

}  // namespace holdfast::ontap_sim
