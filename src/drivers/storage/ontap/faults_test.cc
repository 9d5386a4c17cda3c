// The driver against a simulator that misbehaves on purpose: every operation ends in the right
// state or in an error that says what happened, and nothing of it is left behind.
#include <fmt/core.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <functional>
#include <optional>
#include <random>
#include <sstream>

#include "drivers/storage/native_restore.h"
#include "drivers/storage/ontap/clones.h"
#include "drivers/storage/ontap/errors.h"
#include "drivers/storage/ontap/findings.h"
#include "drivers/storage/ontap/snapshots.h"
#include "drivers/storage/ontap/testing/bed.h"
#include "drivers/storage/replication.h"

namespace holdfast::storage::ontap {
namespace {

using testing::OntapBed;
using testing::Simulator;
using testing::Way;

std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

const std::vector<std::string> kFaultKinds{"throttle retry_after=0",
                                           "error status=500 code=65541",
                                           "error status=503 code=7",
                                           "cut bytes=5",
                                           "slow milliseconds=20",
                                           "job_failure code=460770 message=no",
                                           "transfer_failure",
                                           "next_loop",
                                           "partial_list"};

class OntapFaults : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    if (const std::string why = OntapBed::unavailable(); !why.empty()) {
      GTEST_SKIP() << why;
    }
    bed_.emplace(GetParam());
    const auto volume = run(driver().resolve(bed_->path()));
    ASSERT_TRUE(volume) << volume.error().to_string();
    volume_ = *volume;
  }
  void TearDown() override {
    if (bed_) {
      simulator().control("faults clear");
    }
  }

  static Simulator& simulator() { return Simulator::instance(); }
  static void fault(const std::string& words) {
    const std::string answer = simulator().control("faults add " + words);
    ASSERT_NE(answer.find("id"), std::string::npos) << answer;
  }
  template <class T>
  T run(async::Co<T> co) {
    return bed_->run(std::move(co));
  }
  Driver& driver() { return bed_->driver(); }
  Replication& replication() { return *driver().replication(); }
  VolumeOn on() { return {bed_->cluster(), volume_.id.substr(volume_.id.find('/') + 1)}; }
  Result<Snapshot> snapshot(const std::string& name) {
    return run(driver().create_snapshot(volume_, {.name = name, .comment = ""}));
  }
  size_t snapshots() {
    const auto list = run(driver().list_snapshots(volume_));
    EXPECT_TRUE(list) << list.error().to_string();
    return list ? list->size() : 0;
  }
  // A mirror on the second cluster that holds pt_1 with file a = "first".
  Relation mirror() {
    std::ofstream(bed_->path() + "/a") << "first";
    const std::string west = simulator().cluster_name(1);
    EXPECT_TRUE(run(replication().put_policy(west, {"holdfast", {{"holdfast", 10, ""}}})));
    const auto made = run(replication().create(
        volume_, {.destination = simulator().svm(1) + ":" + bed_->name() + "_copy",
                  .destination_cluster = west,
                  .policy = "holdfast",
                  .schedule = ""}));
    EXPECT_TRUE(made) << made.error().to_string();
    EXPECT_TRUE(snapshot("pt_1"));
    EXPECT_TRUE(made && run(replication().update(made->id, "pt_1")));
    return made ? *made : Relation();
  }

  Json count() {
    const auto counted = parse_json(simulator().control("count"));
    EXPECT_TRUE(counted);
    const Json* total = counted ? find(*counted, "total") : nullptr;
    return total == nullptr ? Json(JsonObject{}) : *total;
  }

  void live_under_faults(int runs, bool with_mirror);
  void live_as_clone(const std::string& point);
  void live_as_mirror(const std::string& point);
  bool persist(const std::string& what, const std::function<Status()>& attempt);
  void remove_destination(const std::string& name);

  std::optional<OntapBed> bed_;
  Volume volume_;
};
using SlowOntapFaultTest = OntapFaults;
using NightlyOntapFaultTest = OntapFaults;
INSTANTIATE_TEST_SUITE_P(SlowBothWays, SlowOntapFaultTest,
                         ::testing::Values(Way::kDirect, Way::kGateway), testing::way_name);
INSTANTIATE_TEST_SUITE_P(NightlyBothWays, NightlyOntapFaultTest,
                         ::testing::Values(Way::kDirect, Way::kGateway), testing::way_name);

TEST_P(SlowOntapFaultTest, TakesNoteThatASnapshotWasMadeThoughTheAnswerWasCut) {
  fault("cut method=POST path=*/snapshots bytes=3 times=1");
  const auto made = snapshot("pt_1");
  EXPECT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(snapshots(), 1u);
}

TEST_P(SlowOntapFaultTest, ComesThroughThrottlingErrorsAndCutsOfReads) {
  fault("throttle times=1 retry_after=1");
  fault("error method=GET status=500 code=65541 times=1");
  fault("cut method=GET bytes=7 times=1");
  const auto made = snapshot("pt_1");
  EXPECT_TRUE(made) << made.error().to_string();
  EXPECT_EQ(snapshots(), 1u);
}

TEST_P(SlowOntapFaultTest, SaysWhyAJobFailedAndSucceedsWhenAskedAgain) {
  fault("job_failure path=*/snapshots* code=524479 message=full times=1");
  const auto failed = snapshot("pt_1");
  ASSERT_FALSE(failed);
  EXPECT_EQ(ontap_code(failed.error()), 524479);
  EXPECT_EQ(snapshots(), 0u);
  EXPECT_TRUE(snapshot("pt_1"));
}

TEST_P(SlowOntapFaultTest, AsksForAJobThatOutlastsTheCall) {
  OntapBed hasty(GetParam(), /*return_timeout=*/1);
  const auto volume = hasty.run(hasty.driver().resolve(hasty.path()));
  ASSERT_TRUE(volume) << volume.error().to_string();
  fault("slow_job path=*/snapshots* milliseconds=1500 times=1");
  const auto made =
      hasty.run(hasty.driver().create_snapshot(*volume, {.name = "pt_slow", .comment = ""}));
  ASSERT_TRUE(made) << made.error().to_string();
  fault("slow_job path=*/snapshots* milliseconds=1500 times=1");
  fault("job_failure path=*/snapshots* code=524479 message=full times=1");
  const auto failed =
      hasty.run(hasty.driver().create_snapshot(*volume, {.name = "pt_full", .comment = ""}));
  ASSERT_FALSE(failed);
  EXPECT_EQ(ontap_code(failed.error()), 524479) << "the job's state decides, not the HTTP status";
}

TEST_P(SlowOntapFaultTest, ThrowsAStuckTransferAwayWhenItFailsOver) {
  const Relation relation = mirror();
  std::ofstream(bed_->path() + "/big") << std::string(1 << 20, 'x');
  ASSERT_TRUE(snapshot("pt_2"));
  Write write{.method = "POST",
              .path = "/snapmirror/relationships/" + relation.id.substr(relation.id.find('/') + 1) +
                      "/transfers",
              .query = {},
              .body = JsonObject{{"throttle", 1}},
              .what = "begin a transfer of a quarter of an hour"};
  bed_->prepare(std::move(write), 1);
  const auto before = run(replication().break_off(relation.id, /*unplanned=*/true));
  ASSERT_TRUE(before) << before.error().to_string();
  EXPECT_EQ(before->transfer_state, "transferring");
  EXPECT_EQ(run(replication().find(relation.id))->state, "broken_off");
  const Status served = run(replication().serve(relation.id, "/" + bed_->name() + "_copy"));
  ASSERT_TRUE(served) << served.error().to_string();
  EXPECT_EQ(read_file(OntapBed::svm_root(1) + "/" + bed_->name() + "_copy/a"), "first");
}

TEST_P(SlowOntapFaultTest, MakesAMirrorAlsoWhereAFailedAttemptLeftItsVolume) {
  const RelationSpec spec{.destination = simulator().svm(1) + ":" + bed_->name() + "_copy",
                          .destination_cluster = simulator().cluster_name(1),
                          .policy = "",
                          .schedule = ""};
  fault("job_failure path=*snapmirror/relationships* code=460770 message=no times=1");
  EXPECT_FALSE(run(replication().create(volume_, spec)));
  const auto made = run(replication().create(volume_, spec));
  EXPECT_TRUE(made) << made.error().to_string();
  OntapBed other(GetParam());
  const RelationSpec taken{.destination = simulator().svm(0) + ":" + other.name(),
                           .destination_cluster = "",
                           .policy = "",
                           .schedule = ""};
  EXPECT_EQ(run(replication().create(volume_, taken)).error().code(), Code::kAlreadyExists)
      << "a volume of somebody is no leftover";
}

TEST_P(SlowOntapFaultTest, ReleasesAtTheSourceAlsoWhenTheFirstAttemptEndedInBetween) {
  const Json before = count();
  const Relation relation = mirror();
  fault("error method=DELETE path=*/relationships/* status=500 code=65541 skip=1 times=1");
  EXPECT_FALSE(run(replication().release(relation.id)));
  EXPECT_EQ(get_int(count(), "relationships"), get_int(before, "relationships"));
  EXPECT_EQ(get_int(count(), "destinations"), get_int(before, "destinations") + 1);
  const Status released = run(replication().release(relation.id));
  EXPECT_TRUE(released) << released.error().to_string();
  EXPECT_EQ(get_int(count(), "destinations"), get_int(before, "destinations"));
}

TEST_P(SlowOntapFaultTest, EndsAListThatGoesInACircle) {
  fault("next_loop method=GET path=*/snapshots");
  const auto list = run(driver().list_snapshots(volume_));
  ASSERT_FALSE(list);
  EXPECT_NE(list.error().message().find("circle"), std::string::npos) << list.error().message();
}

TEST_P(SlowOntapFaultTest, MissesNothingOfAListThatComesInParts) {
  ASSERT_TRUE(snapshot("pt_1"));
  ASSERT_TRUE(snapshot("pt_2"));
  fault("partial_list method=GET path=*/snapshots times=3");
  EXPECT_EQ(snapshots(), 2u);
}

TEST_P(SlowOntapFaultTest, SaysThatThePasswordIsNotAcceptedAnyMore) {
  fault("unauthorized cluster=" + simulator().cluster_name(0));
  const Status ready = run(driver().verify_connectivity(volume_));
  ASSERT_FALSE(ready);
  EXPECT_EQ(ready.error().code(), Code::kUnauthenticated);
}

TEST_P(SlowOntapFaultTest, FailsOverWhileTheSourceIsDead) {
  const Relation relation = mirror();
  std::ofstream(bed_->path() + "/a") << "lost with the source";
  fault("down cluster=" + simulator().cluster_name(0));
  const auto before = run(replication().break_off(relation.id, /*unplanned=*/true));
  ASSERT_TRUE(before) << before.error().to_string();
  EXPECT_TRUE(before->lag.has_value()) << "what is lost";
  const Status served = run(replication().serve(relation.id, "/" + bed_->name() + "_copy"));
  ASSERT_TRUE(served) << served.error().to_string();
  EXPECT_EQ(read_file(OntapBed::svm_root(1) + "/" + bed_->name() + "_copy/a"), "first");
}

TEST_P(SlowOntapFaultTest, FailsOverAlsoAfterARestartBesideADeadSource) {
  const Relation relation = mirror();
  fault("down cluster=" + simulator().cluster_name(0));
  env::SystemClock clock;
  async::Pool pool("storage", 1);
  Systems fresh(clock);
  if (GetParam() == Way::kGateway) {
    ASSERT_TRUE(fresh.put(simulator().unified_manager()));
  } else {
    ASSERT_TRUE(fresh.put(simulator().cluster(0)));
    ASSERT_TRUE(fresh.put(simulator().cluster(1)));
  }
  const auto driver = make_ontap_driver(fresh, pool);
  const auto before = run(driver->replication()->break_off(relation.id, /*unplanned=*/true));
  ASSERT_TRUE(before) << before.error().to_string();
  const auto after = run(driver->replication()->find(relation.id));
  ASSERT_TRUE(after) << after.error().to_string();
  EXPECT_EQ(after->state, "broken_off");
}

TEST_P(SlowOntapFaultTest, ShowsAReplicaWhoseClusterIsSilentAsUnhealthy) {
  mirror();
  fault("down cluster=" + simulator().cluster_name(1));
  const auto replicas = run(driver().replicas(volume_));
  ASSERT_TRUE(replicas) << replicas.error().to_string();
  ASSERT_EQ(replicas->size(), 1u);
  EXPECT_FALSE(replicas->front().healthy);
  EXPECT_EQ(replicas->front().state.find("unreachable"), 0u);
}

// Lives of points, clones and relationships under faults. Each step may fail with an error that
// says what happened; asked again often enough it succeeds, and then it is true.
void OntapFaults::live_under_faults(int runs, bool with_mirror) {
  const char* given = std::getenv("HOLDFAST_SEED");
  const auto seed = given == nullptr ? std::random_device{}()
                                     : static_cast<unsigned>(std::strtoul(given, nullptr, 10));
  SCOPED_TRACE(fmt::format("HOLDFAST_SEED={}", seed));
  std::mt19937 dice(seed);
  constexpr int kFaults = 3;
  constexpr unsigned kMostSkipped = 12;
  const std::string west = simulator().cluster_name(1);
  if (with_mirror) {
    ASSERT_TRUE(run(replication().put_policy(west, {"holdfast", {{"holdfast", 10, ""}}})));
  }
  const Json before = count();
  for (int number = 0; number < runs; ++number) {
    SCOPED_TRACE(fmt::format("life {}", number));
    for (int i = 0; i < kFaults; ++i) {
      fault(fmt::format("{} skip={} times={}", kFaultKinds[dice() % kFaultKinds.size()],
                        dice() % (with_mirror ? 3 * kMostSkipped : kMostSkipped), 1 + dice() % 2));
    }
    const std::string point = fmt::format("pt_{}", number);
    std::ofstream(bed_->path() + "/a") << point;
    ASSERT_TRUE(persist("create", [&] { return status_of(snapshot(point)); }));
    if (with_mirror) {
      ASSERT_NO_FATAL_FAILURE(live_as_mirror(point));
    } else {
      ASSERT_NO_FATAL_FAILURE(live_as_clone(point));
    }
    ASSERT_TRUE(persist("delete", [&] { return run(driver().delete_snapshot(volume_, point)); }));
    simulator().control("faults clear");
    if (with_mirror) {
      remove_destination(bed_->name() + "_" + point);
    }
  }
  EXPECT_EQ(snapshots(), 0u);
  const Json after = count();
  for (const std::string what :
       {"volumes", "clones", "queued_volumes", "snapshots", "snapmirror_snapshots",
        "owned_snapshots", "relationships", "destinations", "transfers", "consistency_groups"}) {
    EXPECT_EQ(get_int(after, what), get_int(before, what)) << what << " leaked";
  }
}

void OntapFaults::live_as_clone(const std::string& point) {
  const std::string clone = "proof_" + point;
  ASSERT_TRUE(persist("clone", [&] {
    const auto made = run(driver().create_clone(volume_, point, clone));
    if (made) {
      EXPECT_EQ(read_file(made->path + "/a"), point);
    }
    return status_of(made);
  }));
  ASSERT_TRUE(persist("drop", [&] { return run(driver().delete_clone(volume_, clone)); }));
}

// Made and initialised, updated, broken off, a mirror again, released.
void OntapFaults::live_as_mirror(const std::string& point) {
  const std::string copy = bed_->name() + "_" + point;
  const RelationSpec spec{.destination = simulator().svm(1) + ":" + copy,
                          .destination_cluster = simulator().cluster_name(1),
                          .policy = "holdfast",
                          .schedule = ""};
  std::string id;
  ASSERT_TRUE(persist("mirror", [&] {
    const auto made = run(replication().create(volume_, spec));
    id = made ? made->id : id;
    return status_of(made);
  }));
  const std::string later = point + "_later";
  std::ofstream(bed_->path() + "/a") << later;
  ASSERT_TRUE(persist("later", [&] { return status_of(snapshot(later)); }));
  ASSERT_TRUE(persist("update", [&] { return status_of(run(replication().update(id, later))); }));
  ASSERT_TRUE(persist(
      "break", [&] { return status_of(run(replication().break_off(id, /*unplanned=*/false))); }));
  const std::string file = OntapBed::svm_root(1) + "/" + copy + "/a";
  EXPECT_EQ(read_file(file), later);
  std::ofstream(file) << "written while broken";
  ASSERT_TRUE(persist("resync", [&] {
    return status_of(run(replication().resync(id, /*discard_destination_changes=*/true)));
  }));
  EXPECT_EQ(read_file(file), later) << "a resync brings the source's state back";
  ASSERT_TRUE(persist("release", [&] { return run(replication().release(id)); }));
  ASSERT_TRUE(persist("forget", [&] { return run(driver().delete_snapshot(volume_, later)); }));
}

// Asks until it succeeds. An error has a sentence and names what it is about.
bool OntapFaults::persist(const std::string& what, const std::function<Status()>& attempt) {
  constexpr int kAttempts = 12;
  std::string last;
  for (int i = 0; i < kAttempts; ++i) {
    const Status outcome = attempt();
    if (outcome) {
      return true;
    }
    last = outcome.error().to_string();
    EXPECT_GT(outcome.error().message().size(), 10u) << what << ": " << last;
    EXPECT_FALSE(outcome.error().context().empty()) << what << ": " << last;
  }
  ADD_FAILURE() << what << " never succeeded: " << last;
  return false;
}

// The volume that a mirror went to is the test's own: nobody else removes it.
void OntapFaults::remove_destination(const std::string& name) {
  const auto found = run(bed_->admin(1).find_one("/storage/volumes", {{"name", name}}, "look"));
  ASSERT_TRUE(found && *found) << name;
  bed_->prepare({.method = "DELETE",
                 .path = "/storage/volumes/" + get_string(**found, "uuid"),
                 .query = {{"force", "true"}},
                 .body = nullptr,
                 .what = "delete the destination"},
                1);
}

TEST_P(SlowOntapFaultTest, KeepsItsPromisesUnderRandomFaults) { live_under_faults(10, false); }
TEST_P(SlowOntapFaultTest, KeepsMirrorsUnderRandomFaults) { live_under_faults(5, true); }
TEST_P(NightlyOntapFaultTest, KeepsItsPromisesUnderRandomFaults) { live_under_faults(100, false); }
TEST_P(NightlyOntapFaultTest, KeepsMirrorsUnderRandomFaults) { live_under_faults(100, true); }

}  // namespace
}  // namespace holdfast::storage::ontap
