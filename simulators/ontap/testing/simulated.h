// For tests: a simulated world in a folder of its own, called without a network.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>

#include "core/env/posix/system_clock.h"
#include "core/env/posix/system_random.h"
#include "simulators/ontap/model/job.h"
#include "simulators/ontap/model/volume.h"
#include "simulators/ontap/rest/dispatch.h"

namespace holdfast::ontap_sim {

// What a call answered.
struct Reply {
  int status = 0;
  JsonObject body;
  net::HeaderMap headers;
  std::string raw;

  std::string text(std::string_view path) const { return text_at(body, path); }
  std::string code() const { return text_at(body, "error.code"); }
  std::vector<JsonObject> records() const { return objects_at(body, "records"); }
};

class Simulated : public ::testing::Test {
 protected:
  Simulated() {
    std::string pattern = ::testing::TempDir() + "holdfast-sim-XXXXXX";
    folder_ = ::mkdtemp(pattern.data());
    config_ = default_config();
    config_.job_time = Nanoseconds(0);
    config_.transfer_time = Nanoseconds(0);
    config_.dead_peer_time = Nanoseconds(0);
    config_.scheduler = false;
    open();
  }
  ~Simulated() override {
    world_.reset();
    std::filesystem::remove_all(folder_);
  }

  void open() {
    world_.reset();
    auto opened = World::open(folder_, config_, clock_, random_);
    ASSERT_TRUE(opened) << opened.error().to_string();
    world_ = *std::move(opened);
  }
  Cluster& cluster(int number = 1) {
    return *world_->cluster_by_name("cluster" + std::to_string(number));
  }

  // One call; waits for its jobs as return_timeout asks.
  Reply call(int number, const std::string& method, const std::string& target,
             const JsonObject& body = {}, net::HeaderMap headers = {}) {
    auto request = std::make_shared<net::HttpRequest>();
    request->method = method;
    request->target = "/api" + target;
    net::set_target(*request, request->target);
    request->headers = std::move(headers);
    request->body = body.empty() ? "" : to_text(Json(body));
    Dispatch what{request, split_path(request->target)};
    what.segments.erase(what.segments.begin());
    Prepared ready = dispatch(*world_, cluster(number), what);
    const bool waits = !ready.jobs.empty();
    while (!ready.jobs.empty() && !jobs_ended(*world_, cluster(number), ready)) {
      world_->wait(std::chrono::milliseconds(1));
    }
    const net::HttpReply reply = waits ? finish(*world_, cluster(number), ready) : ready.reply;
    Reply out{reply.status, {}, reply.headers, reply.body};
    if (const auto parsed = parse_json(reply.body); parsed && parsed->is_object()) {
      out.body = parsed->as_object();
    }
    return out;
  }
  Reply get(const std::string& target, int number = 1) { return call(number, "GET", target); }
  // A write that is over when this returns.
  Reply write(const std::string& method, const std::string& target, const JsonObject& body = {},
              int number = 1) {
    const char sign = target.find('?') == std::string::npos ? '?' : '&';
    return call(number, method, target + sign + "return_timeout=60", body);
  }

  std::string uuid_of(const std::string& volume, int number = 1) {
    const auto records = get("/storage/volumes?name=" + volume, number).records();
    return records.empty() ? "" : text_at(records.front(), "uuid");
  }
  std::string path_to(const std::string& volume, const std::string& file, int number = 1) {
    Locked lock(*world_);
    const JsonObject* found = volume_by_name(cluster(number), "", volume);
    return found == nullptr ? "" : volume_folder(cluster(number), *found) + "/" + file;
  }
  void put(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
  }
  std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  Reply snapshot(const std::string& volume, const std::string& name, JsonObject more = {}) {
    more["name"] = name;
    return write("POST", "/storage/volumes/" + uuid_of(volume) + "/snapshots?return_records=true",
                 more);
  }
  std::string snapshot_uuid(const std::string& volume, const std::string& name, int number = 1) {
    const auto found =
        get("/storage/volumes/" + uuid_of(volume, number) + "/snapshots?name=" + name, number)
            .records();
    return found.empty() ? "" : text_at(found.front(), "uuid");
  }

  std::string folder_;
  Config config_;
  env::SystemClock clock_;
  env::SystemRandom random_;
  std::unique_ptr<World> world_;
};

}  // namespace holdfast::ontap_sim
