#include "domain/inventory/catalog.h"

#include <gtest/gtest.h>

#include "core/db/testing/temp_database.h"

namespace holdfast::inventory {
namespace {

using std::chrono::hours;

const UtcTime kNow{std::chrono::seconds(1'000'000'000)};

Resource resource(const std::string& name) {
  Resource made;
  made.id = ResourceId("res_" + name);
  made.name = name;
  made.path = "/srv/" + name;
  made.driver = "directory";
  made.labels = {{"tier", "gold"}};
  made.created_at = kNow;
  return made;
}

Point point(const std::string& id, UtcTime time, const std::string& state = "available") {
  Point made;
  made.id = PointId("pt_" + id);
  made.resource = ResourceId("res_a");
  made.resource_name = "a";
  made.time = time;
  made.consistency = "none";
  made.timezone = "UTC";
  made.schedules = {{"daily", "30_days"}};
  Copy copy;
  copy.id = CopyId("copy_" + id);
  copy.level = "local_snapshot";
  copy.method = "restic";
  copy.repository = "default";
  copy.snapshot_id = "snap_" + id;
  copy.state = state;
  made.copies = {copy};
  return made;
}

class Catalog : public testing::Test {
 protected:
  template <class F>
  auto sql(F fn) {
    return database_.write(std::move(fn));
  }
  void put(const Point& made) {
    ASSERT_TRUE(sql([&](db::Connection& c) { return put_point(c, made); }));
  }
  db::TempDatabase database_{migrations()};
};

TEST_F(Catalog, FindsResourcesByIdAndName) {
  ASSERT_TRUE(sql([](db::Connection& c) { return put_resource(c, resource("a")); }));
  const auto by_name = sql([](db::Connection& c) { return find_resource(c, "a"); });
  ASSERT_TRUE(by_name);
  EXPECT_EQ(by_name->labels.at("tier"), "gold");
  EXPECT_TRUE(sql([](db::Connection& c) { return find_resource(c, "res_a"); }));
  const auto missing = sql([](db::Connection& c) { return find_resource(c, "b"); });
  EXPECT_EQ(missing.error().code(), Code::kNotFound);
  EXPECT_NE(missing.error().message().find("'b'"), std::string::npos);
}

TEST_F(Catalog, ARemovedResourceFreesItsName) {
  ASSERT_TRUE(sql([](db::Connection& c) { return put_resource(c, resource("a")); }));
  ASSERT_TRUE(sql([](db::Connection& c) { return remove_resource(c, ResourceId("res_a"), kNow); }));
  Resource again = resource("a");
  again.agent = "db1";
  again.id = ResourceId("res_new");
  EXPECT_TRUE(sql([&](db::Connection& c) { return put_resource(c, again); }));
  EXPECT_EQ(sql([](db::Connection& c) { return find_resource(c, "a"); })->id.text(), "res_new");
  EXPECT_EQ(sql([](db::Connection& c) { return find_resource(c, "a"); })->agent, "db1");
}

TEST_F(Catalog, ListsPointsNewestFirstInPages) {
  for (int i = 0; i < 5; ++i) {
    put(point(std::to_string(i), kNow + hours(i)));
  }
  PointQuery query;
  query.limit = 2;
  std::vector<std::string> seen;
  while (true) {
    const auto page = sql([&](db::Connection& c) { return list_points(c, query); });
    ASSERT_TRUE(page);
    for (const Point& item : *page) {
      seen.push_back(item.id.text());
    }
    if (page->size() < 2) {
      break;
    }
    query.after_id = page->back().id.text();
  }
  EXPECT_EQ(seen, (std::vector<std::string>{"pt_4", "pt_3", "pt_2", "pt_1", "pt_0"}));
}

TEST_F(Catalog, AtOrBeforeIncludesTheInstant) {
  put(point("1", kNow));
  put(point("2", kNow + hours(1)));
  PointQuery query;
  query.at_or_before = kNow;
  const auto found = sql([&](db::Connection& c) { return list_points(c, query); });
  ASSERT_EQ(found->size(), 1u);
  EXPECT_EQ(found->front().id.text(), "pt_1");
}

TEST_F(Catalog, RecordingAPointTwiceChangesNothing) {
  put(point("1", kNow));
  put(point("1", kNow));
  const auto found = sql([](db::Connection& c) { return find_point(c, "pt_1"); });
  ASSERT_TRUE(found);
  EXPECT_EQ(found->copies.size(), 1u);
  EXPECT_EQ(found->schedules.front().retention, "30_days");
}

TEST_F(Catalog, TheBestProofWinsAndTheNewestAmongEquals) {
  put(point("1", kNow));
  const auto prove = [&](ProofLevel level, const std::string& run, UtcTime at) {
    ASSERT_TRUE(sql(
        [&](db::Connection& c) { return add_proof(c, CopyId("copy_1"), {level, at, run, ""}); }));
  };
  prove(ProofLevel::kL1, "run_1", kNow);
  prove(ProofLevel::kL2, "run_2", kNow + hours(1));
  prove(ProofLevel::kL2, "run_3", kNow + hours(2));
  prove(ProofLevel::kL1, "run_4", kNow + hours(3));
  prove(ProofLevel::kL2, "run_3", kNow + hours(9));  // the same proof again
  const auto found = sql([](db::Connection& c) { return find_point(c, "pt_1"); });
  EXPECT_EQ(found->copies.front().proof.run_id, "run_3");
  EXPECT_EQ(found->copies.front().proof.at, kNow + hours(2));
  const auto records =
      sql([](db::Connection& c) { return newest_proofs(c, ResourceId("res_a"), ProofLevel::kL2); });
  ASSERT_EQ(records->size(), 1u);
  EXPECT_EQ(records->front().proof.run_id, "run_3");
}

TEST_F(Catalog, TheParentIsTheNewestCopyThatCanBeRead) {
  put(point("1", kNow));
  put(point("2", kNow + hours(1), "expired"));
  EXPECT_EQ(sql([](db::Connection& c) {
              return newest_snapshot(c, ResourceId("res_a"), "default");
            }).value(),
            "snap_1");
  EXPECT_EQ(sql([](db::Connection& c) {
              return newest_snapshot(c, ResourceId("res_a"), "other");
            }).value(),
            "");
}

}  // namespace
}  // namespace holdfast::inventory
