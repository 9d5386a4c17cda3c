// For tests: the driver on a fresh volume of the simulator's first cluster.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "core/async/run.h"
#include "core/env/posix/system_clock.h"
#include "drivers/storage/ontap/ontap_driver.h"
#include "drivers/storage/ontap/testing/simulator.h"

namespace holdfast::storage::ontap::testing {

// Which systems a bed connects.
enum class Way { kDirect, kGateway };
inline std::string way_name(const ::testing::TestParamInfo<Way>& info) {
  return info.param == Way::kDirect ? "Direct" : "Gateway";
}

// A fresh volume on the simulator's first cluster, mounted by its SVM's root.
class OntapBed {
 public:
  static std::string unavailable() { return Simulator::instance().unavailable(); }

  // Of which clusters the SVM's root is mounted here.
  enum class Mounted { kBoth, kFirst };

  // `return_timeout` in seconds: how long a write waits for its job, before it is polled.
  explicit OntapBed(Way way, int return_timeout = Endpoint().return_timeout,
                    Mounted mounted = Mounted::kBoth) {
    const Simulator& simulator = Simulator::instance();
    for (int i = 0; i < (way == Way::kGateway ? 1 : simulator.clusters()); ++i) {
      Endpoint endpoint = way == Way::kGateway ? simulator.unified_manager() : simulator.cluster(i);
      endpoint.return_timeout = return_timeout;
      if (mounted == Mounted::kFirst) {
        std::erase_if(endpoint.mounts, [](const auto& one) { return one.second != svm_root(); });
      }
      const Status added = systems_.put(std::move(endpoint));
      EXPECT_TRUE(added) << added.error().to_string();
    }
    static int count = 0;
    name_ = "vol" + std::to_string(++count);
    EXPECT_TRUE(std::filesystem::exists(svm_root())) << svm_root();
    make_volume();
  }

  Driver& driver() { return *driver_; }
  Systems& systems() { return systems_; }
  std::string path() const { return svm_root() + "/" + name_; }
  std::string outside() const { return svm_root() + "/nowhere"; }
  const std::string& name() const { return name_; }

  static std::string svm_root(int number = 0) {
    const Simulator& simulator = Simulator::instance();
    return simulator.data_dir() + "/" + simulator.cluster_name(number) + "/" +
           simulator.svm(number);
  }

  // A cluster itself, for what a test prepares: the simulator's log then tells these calls from the
  // driver's own.
  Client& admin(int number = 0) {
    auto& client = admins_[number];
    if (!client) {
      client = Simulator::instance().admin(clock_, number);
    }
    return *client;
  }
  Written prepare(Write write, int number = 0) {
    const auto done = run(admin(number).write(std::move(write)));
    EXPECT_TRUE(done) << done.error().to_string();
    return done ? *done : Written();
  }

  ClusterPtr cluster(int number = 0) {
    std::vector<std::string> problems;
    const auto all = run(systems_.all_clusters(&problems));
    EXPECT_TRUE(problems.empty()) << problems.front();
    for (const auto& one : all) {
      if (one->name == Simulator::instance().cluster_name(number)) {
        return one;
      }
    }
    return nullptr;
  }

  template <class T>
  T run(async::Co<T> co) {
    return async::block_on(loop_.executor(), std::move(co));
  }

 private:
  void make_volume() {
    prepare({.method = "POST",
             .path = "/storage/volumes",
             .query = {},
             .body = JsonObject{{"name", name_},
                                {"svm", JsonObject{{"name", Simulator::instance().svm(0)}}},
                                {"aggregates", JsonArray{JsonObject{{"name", aggregate()}}}},
                                {"size", 1u << 30},
                                {"nas", JsonObject{{"path", "/" + name_}}}},
             .what = "make a volume"});
  }

  std::string aggregate() {
    const auto list = run(admin().list("/storage/aggregates", {}, "list aggregates"));
    EXPECT_TRUE(list) << list.error().to_string();
    return list && !list->empty() ? get_string(list->front(), "name") : "";
  }

  env::SystemClock clock_;
  async::Pool pool_{"storage", 1};
  async::Pool loop_{"loop", 1};
  Systems systems_{clock_};
  std::map<int, std::unique_ptr<Client>> admins_;
  std::unique_ptr<Driver> driver_ = make_ontap_driver(systems_, pool_);
  std::string name_;
};

}  // namespace holdfast::storage::ontap::testing
