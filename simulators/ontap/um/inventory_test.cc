#include <gtest/gtest.h>

#include "simulators/ontap/testing/simulated.h"
#include "simulators/ontap/um/manager.h"

namespace holdfast::ontap_sim {
namespace {

class ManagerInventory : public Simulated {
 protected:
  std::vector<std::string> volumes() {
    net::HttpRequest request;
    request.method = "GET";
    net::set_target(request, "/api/datacenter/storage/volumes");
    Locked lock(*world_);
    const net::HttpReply reply =
        um_answer(*world_, request, {"datacenter", "storage", "volumes"}, "admin", true);
    std::vector<std::string> names;
    const auto body = parse_json(reply.body);
    EXPECT_TRUE(body) << reply.body;
    for (const JsonObject& record : objects_at(body->as_object(), "records")) {
      names.push_back(text_at(record, "name"));
    }
    return names;
  }
  void make_volume(const std::string& name) {
    const Reply made = write("POST", "/storage/volumes",
                             {{"name", name},
                              {"svm", {{"name", "svm1"}}},
                              {"aggregates", JsonArray{{{"name", "aggr1"}}}},
                              {"size", 1 << 30}});
    EXPECT_LT(made.status, 300) << made.raw;
  }
};

TEST_F(ManagerInventory, ShowsAtOnceWhatThereIs) {
  const auto before = volumes().size();
  make_volume("fresh");
  EXPECT_EQ(volumes().size(), before + 1);
}

TEST_F(ManagerInventory, IsAsOldAsItsLastPoll) {
  config_.manager_poll = std::chrono::hours(1);
  open();
  const auto before = volumes();
  make_volume("fresh");
  EXPECT_EQ(volumes(), before);
  EXPECT_NE(uuid_of("fresh"), "");  // the cluster itself knows it
  open();                           // a restart polls
  EXPECT_EQ(volumes().size(), before.size() + 1);
}

}  // namespace
}  // namespace holdfast::ontap_sim
