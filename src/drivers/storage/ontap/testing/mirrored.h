// For tests: a volume of the simulator's first cluster with a mirror on its second.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <optional>
#include <sstream>
#include <string>

#include "drivers/storage/native_restore.h"
#include "drivers/storage/ontap/testing/bed.h"
#include "drivers/storage/replication.h"

namespace holdfast::storage::ontap::testing {

inline void write_file(const std::string& path, const std::string& text) {
  std::ofstream(path, std::ios::binary) << text;
}

inline std::string read_file(const std::string& path) {
  std::ostringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

// A volume on the first cluster, and a mirror of it to the second when a test asks for one.
class Mirrored : public ::testing::TestWithParam<Way> {
 protected:
  void SetUp() override {
    if (const std::string why = OntapBed::unavailable(); !why.empty()) {
      GTEST_SKIP() << why;
    }
    bed_.emplace(GetParam(), Endpoint().return_timeout, mounted_);
    const auto volume = run(driver().resolve(bed_->path()));
    ASSERT_TRUE(volume) << volume.error().to_string();
    volume_ = *volume;
    west_ = Simulator::instance().cluster_name(1);
    copy_ = bed_->name() + "_copy";
  }

  template <class T>
  T run(async::Co<T> co) {
    return bed_->run(std::move(co));
  }
  Driver& driver() { return bed_->driver(); }
  Replication& replication() { return *driver().replication(); }
  NativeRestore& restore() { return *driver().native_restore(); }
  std::string file(const std::string& name) { return bed_->path() + "/" + name; }
  // In the destination volume.
  std::string far_file(const std::string& name) {
    return OntapBed::svm_root(1) + "/" + copy_ + "/" + name;
  }
  void snapshot(const std::string& name) {
    const auto made = run(driver().create_snapshot(volume_, {.name = name, .comment = ""}));
    ASSERT_TRUE(made) << made.error().to_string();
  }

  Relation mirror(const std::string& label = "holdfast") {
    const std::string policy = "p_" + bed_->name();
    const Status saved = run(replication().put_policy(west_, {policy, {{label, 10, ""}}}));
    EXPECT_TRUE(saved) << saved.error().to_string();
    const auto made = run(
        replication().create(volume_, {.destination = Simulator::instance().svm(1) + ":" + copy_,
                                       .destination_cluster = west_,
                                       .policy = policy,
                                       .schedule = ""}));
    EXPECT_TRUE(made) << made.error().to_string();
    return made ? *made : Relation();
  }
  // A mirror that holds pt_1 with file a = "first".
  Relation mirror_with_point() {
    write_file(file("a"), "first");
    const Relation relation = mirror();
    snapshot("pt_1");
    const auto updated = run(replication().update(relation.id, "pt_1"));
    EXPECT_TRUE(updated) << updated.error().to_string();
    return relation;
  }
  std::string state_of(const std::string& id) {
    const auto found = run(replication().find(id));
    EXPECT_TRUE(found) << found.error().to_string();
    return found ? found->state : "";
  }

  OntapBed::Mounted mounted_ = OntapBed::Mounted::kBoth;
  std::optional<OntapBed> bed_;
  Volume volume_;
  std::string west_;
  std::string copy_;
};

}  // namespace holdfast::storage::ontap::testing
