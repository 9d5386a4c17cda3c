#include "simulators/ontap/model/cron.h"

#include <gtest/gtest.h>

#include "simulators/ontap/testing/simulated.h"

namespace holdfast::ontap_sim {
namespace {

class Scheduled : public Simulated {
 protected:
  // Waits for the running transfer of a relationship; gives its state then.
  std::string settled(const std::string& path) {
    while (true) {
      const Reply row = get(path + "?fields=transfer,state", 2);
      const std::string transfer = row.text("transfer.state");
      if (transfer != "transferring" && transfer != "queued") {
        return row.text("state");
      }
      world_->wait(std::chrono::milliseconds(1));
    }
  }
};

TEST_F(Scheduled, ASynchronousMirrorFollowsWithoutBeingAsked) {
  put(path_to("data1", "a"), "one");
  const Reply made = write("POST", "/snapmirror/relationships?return_records=true",
                           {{"source", {{"path", "svm1:data1"}}},
                            {"destination", {{"path", "svm2:copy1"}}},
                            {"create_destination", {{"enabled", true}}},
                            {"policy", {{"name", "Sync"}}},
                            {"state", "in_sync"}},
                           2);
  ASSERT_EQ(made.status, 201) << made.raw;
  const std::string path = "/snapmirror/relationships/" + text_at(made.records().front(), "uuid");
  EXPECT_EQ(settled(path), "in_sync");
  EXPECT_EQ(content(path_to("copy1", "a", 2)), "one");
  put(path_to("data1", "a"), "two");
  run_synchronous(*world_);
  EXPECT_EQ(settled(path), "in_sync");
  EXPECT_EQ(content(path_to("copy1", "a", 2)), "two");
  EXPECT_EQ(write("PATCH", path, {{"state", "paused"}}, 2).status, 200);
  put(path_to("data1", "a"), "three");
  run_synchronous(*world_);
  EXPECT_EQ(settled(path), "paused");
  EXPECT_EQ(content(path_to("copy1", "a", 2)), "two");
}

}  // namespace
}  // namespace holdfast::ontap_sim
