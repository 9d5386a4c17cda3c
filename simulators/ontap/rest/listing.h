// A collection as it is answered: filtered, ordered, cut into pages, projected, linked.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "simulators/ontap/rest/query.h"
#include "simulators/ontap/rest/selection.h"

namespace holdfast::ontap_sim {

struct ListingOptions {
  std::string base;                    // "/api"; behind a gateway, its own
  std::string path;                    // "/storage/volumes", without the base
  std::string key = "uuid";            // the field that names a record
  bool hal = true;                     // each record carries its links
  bool next_on_last_page = false;      // a page more than there is, as the real one does at times
  std::int64_t default_page = 10'000;  // records, where max_records is not given
};

// Fills the fields of a record that are computed; called only for records that pass the cheap part.
using Decorate = std::function<void(JsonObject& record, const Selection& selection)>;

struct Listing {
  JsonObject body;        // records, num_records, _links
  std::string next_link;  // empty on the last page
};

Outcome<Listing> list_records(const Schema& schema, std::vector<JsonObject> records,
                              const Query& query, const ListingOptions& options,
                              const Decorate& decorate);
// The records that the filters leave, all of them and unprojected: for writes on a collection.
std::vector<JsonObject> matching(std::vector<JsonObject> records, const Query& query);

// Adds _links.self to a record and to the objects in it that other endpoints serve.
void add_links(JsonObject& record, const std::string& base, const std::string& self);
// The record's address below its collection: percent-encoded.
std::string record_href(const ListingOptions& options, const JsonObject& record);

}  // namespace holdfast::ontap_sim
