#include "domain/recover/choose.h"

#include <gtest/gtest.h>

#include "core/db/testing/temp_database.h"
#include "domain/inventory/catalog.h"
#include "domain/recover/measured.h"

namespace holdfast::recover {
namespace {

using std::chrono::hours;

const UtcTime kNow = parse_rfc3339("2026-11-24T12:00:00Z").value();

db::Migrations schema() {
  db::Migrations all = inventory::migrations();
  for (const db::Migration& step : measured_migrations()) {
    all.push_back(step);
  }
  return all;
}

class Choose : public testing::Test {
 protected:
  void SetUp() override {
    resource_.id = inventory::ResourceId("res_a");
    resource_.name = "a";
    resource_.path = "/srv/a";
    resource_.driver = "directory";
    other_ = resource_;
    other_.id = inventory::ResourceId("res_b");
    other_.name = "b";
    other_.path = "/srv/b";
    ASSERT_TRUE(database_.write([&](db::Connection& sql) -> Status {
      HF_TRY_VOID(inventory::put_resource(sql, resource_));
      return inventory::put_resource(sql, other_);
    }));
    put("old", kNow - hours(48), "available");
    put("mid", kNow - hours(24), "available");
    put("gone", kNow - hours(1), "expired");
  }
  void put(const std::string& id, UtcTime time, const std::string& state) {
    inventory::Point point;
    point.id = inventory::PointId("pt_" + id);
    point.resource = resource_.id;
    point.resource_name = "a";
    point.time = time;
    for (const char* level : {"local_replica", "local_snapshot"}) {
      inventory::Copy copy;
      copy.id = inventory::CopyId("copy_" + id + level);
      copy.level = level;
      copy.method = std::string(level) == "local_snapshot" ? "btrfs_snapshot" : "restic";
      copy.state = state;
      point.copies.push_back(copy);
    }
    ASSERT_TRUE(
        database_.write([&](db::Connection& sql) { return inventory::put_point(sql, point); }));
  }
  Result<ChosenPoint> choose(const std::string& source, std::optional<std::string> time) {
    return database_.write([&](db::Connection& sql) { return choose_point(sql, source, time); });
  }
  Result<Target> target(const std::string& text) {
    return database_.write(
        [&](db::Connection& sql) { return resolve_target(sql, resource_, text, "/var/holdfast"); });
  }

  db::TempDatabase database_{schema()};
  inventory::Resource resource_;
  inventory::Resource other_;
};

TEST_F(Choose, NoTimeMeansTheNewestUsablePoint) {
  EXPECT_EQ(choose("a", std::nullopt)->point.id.text(), "pt_mid");
  EXPECT_EQ(choose("res_a", "")->point.id.text(), "pt_mid");
}

TEST_F(Choose, ATimeMeansTheNewestAtOrBeforeIt) {
  EXPECT_EQ(choose("a", "2026-11-23T11:59:59Z")->point.id.text(), "pt_old");
  EXPECT_EQ(choose("a", "2026-11-23T12:00:00")->point.id.text(), "pt_mid");
  EXPECT_EQ(choose("a", "2026-01-01T00:00:00Z").error().code(), Code::kNotFound);
  EXPECT_EQ(choose("a", "yesterday").error().code(), Code::kInvalidArgument);
}

TEST_F(Choose, ATimeThatContradictsThePointIsRefused) {
  EXPECT_EQ(choose("pt_old", "2026-11-24T00:00:00Z").error().code(), Code::kInvalidArgument);
  EXPECT_EQ(choose("pt_mid", "2026-11-24T00:00:00Z")->point.id.text(), "pt_mid");
  EXPECT_EQ(choose("pt_gone", std::nullopt).error().code(), Code::kNotFound);
  EXPECT_EQ(choose("pt_none", std::nullopt).error().code(), Code::kNotFound);
}

TEST_F(Choose, RepositoriesAreReadBeforeStorageSnapshots) {
  const inventory::Point point = choose("a", std::nullopt)->point;
  EXPECT_EQ(choose_copy(point, "")->method, "restic");
  EXPECT_EQ(choose_copy(point, "local_snapshot")->method, "btrfs_snapshot");
  EXPECT_EQ(choose_copy(point, "cloud").error().code(), Code::kNotFound);
}

// Only the clock that took a storage snapshot can say which files it holds untouched.
TEST_F(Choose, OnlyAStorageSnapshotIsReadByItsTime) {
  const inventory::Point point = choose("a", std::nullopt)->point;
  ASSERT_TRUE(database_.write([&](db::Connection& sql) -> Status {
    inventory::Copy copy = choose_copy(point, "local_snapshot").value();
    EXPECT_EQ(read_request(sql, resource_, point, copy)->point_time, point.time);
    copy.method = "snapmirror";
    EXPECT_EQ(read_request(sql, resource_, point, copy)->point_time, UtcTime());
    return {};
  }));
}

TEST_F(Choose, TargetsAreInPlaceAPathOrAnotherResource) {
  EXPECT_TRUE(target("in-place")->in_place);
  EXPECT_EQ(target("in-place")->path, "/srv/a");
  EXPECT_TRUE(target("/srv/a")->in_place);
  EXPECT_EQ(target("b:sub/dir")->path, "/srv/b/sub/dir");
  EXPECT_EQ(target("/tmp/x/")->path, "/tmp/x/");
  for (const char* text :
       {"relative/path", "/srv/../etc", "/var/holdfast/keys", "", "b:../../etc"}) {
    EXPECT_EQ(target(text).error().code(), Code::kInvalidArgument) << text;
  }
  EXPECT_EQ(target("nobody:x").error().code(), Code::kNotFound);
}

TEST_F(Choose, PathsStayInsideTheResource) {
  EXPECT_EQ(relative_paths(resource_, {"/srv/a/x/y", "z"}).value(),
            (std::vector<std::string>{"x/y", "z"}));
  EXPECT_FALSE(relative_paths(resource_, {"/srv/b/x"}));
  EXPECT_FALSE(relative_paths(resource_, {"../b"}));
  EXPECT_FALSE(relative_paths(resource_, {""}));
}

TEST_F(Choose, EstimatesSayNothingWithoutSamplesAndScaleWithBytes) {
  const auto estimate = [&](std::uint64_t bytes) {
    return database_.write([&](db::Connection& sql) { return estimate_recovery(sql, bytes); })
        .value();
  };
  EXPECT_EQ(estimate(1 << 20).samples, 0);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(database_.write([&](db::Connection& sql) {
      return record_measured(sql, {"run_" + std::to_string(i), 1u << 20, 10 + i, kNow});
    }));
  }
  EXPECT_EQ(estimate(1 << 20).samples, 10);
  EXPECT_EQ(estimate(1 << 20).p50_seconds, 14);
  EXPECT_EQ(estimate(1 << 20).p90_seconds, 18);
  EXPECT_GT(estimate(4 << 20).p50_seconds, 50);
}

}  // namespace
}  // namespace holdfast::recover
