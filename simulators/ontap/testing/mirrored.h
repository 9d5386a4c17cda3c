// For tests: a simulated world with mirrors from its first cluster to its second.
#pragma once

#include <string>

#include "simulators/ontap/testing/simulated.h"

namespace holdfast::ontap_sim {

class Mirrored : public Simulated {
 protected:
  // svm1:data1 on cluster1 to svm2:copy1 on cluster2, initialized.
  std::string mirror(const JsonObject& more = {}) {
    JsonObject body{{"source", {{"path", "svm1:data1"}}},
                    {"destination", {{"path", "svm2:copy1"}}},
                    {"create_destination", {{"enabled", true}}},
                    {"state", "snapmirrored"}};
    for (const auto& [key, value] : more) {
      body[key] = value;
    }
    const Reply made = write("POST", "/snapmirror/relationships?return_records=true", body, 2);
    EXPECT_EQ(made.status, 201) << made.raw;
    const std::string id = made.records().empty() ? "" : text_at(made.records().front(), "uuid");
    EXPECT_EQ(settled(id), "success");
    return "/snapmirror/relationships/" + id;
  }
  // Waits for the running transfer; how it ended. A restore that went well is "gone", with its
  // relationship.
  std::string settled(const std::string& id, int number = 2) {
    while (true) {
      const Reply row = get("/snapmirror/relationships/" + id + "?fields=transfer,state", number);
      const std::string state = row.text("transfer.state");
      if (state != "transferring" && state != "queued") {
        return row.status == 404 ? "gone" : state;
      }
      world_->wait(std::chrono::milliseconds(1));
    }
  }
  std::string id_of(const std::string& path) { return path.substr(path.rfind('/') + 1); }
  std::string update(const std::string& path, const JsonObject& body = {}, int number = 2) {
    const Reply started = call(number, "POST", path + "/transfers", body);
    EXPECT_EQ(started.status, 201) << started.raw;
    return settled(id_of(path), number);
  }
  std::string state(const std::string& path, int number = 2) {
    return get(path + "?fields=state", number).text("state");
  }
  int change(const std::string& path, const std::string& to, int number = 2) {
    return write("PATCH", path, {{"state", to}}, number).status;
  }
  void set_down(const std::string& name) {
    FaultRule rule;
    rule.kind = "down";
    rule.cluster = name;
    world_->faults().add(std::move(rule));
  }
};

}  // namespace holdfast::ontap_sim
