// For tests: the ONTAP simulator as a process of its own, one for the whole test program.
#pragma once

#include <sys/types.h>

#include <functional>
#include <memory>
#include <string>

#include "core/base/json.h"
#include "drivers/storage/ontap/client.h"
#include "drivers/storage/ontap/endpoint.h"

namespace holdfast::storage::ontap::testing {

// Starts the program at first use; stops it, and removes its data, when the test program ends.
class Simulator {
 public:
  static Simulator& instance();

  // Why there is none: no program was built. A failure instead of a skip where HOLDFAST_REQUIRE
  // names `netapp`.
  const std::string& unavailable() const { return unavailable_; }

  // Its volumes lie on a btrfs of this process, so that it can fence writes.
  bool on_btrfs() const { return on_btrfs_; }

  int clusters() const;
  // Number 0 is the first cluster. Each names the roots of all SVMs as mounts.
  Endpoint cluster(int number) const;
  Endpoint unified_manager() const;
  // A client that says it is a test, to the cluster itself.
  std::unique_ptr<Client> admin(env::Clock& clock, int number) const;
  // The same system as somebody who may only read.
  static Endpoint as_reader(Endpoint endpoint) {
    endpoint.user = "reader";
    endpoint.password = SecretString("reading");
    return endpoint;
  }
  std::string cluster_name(int number) const;
  std::string svm(int number) const;
  std::string data_dir() const { return data_; }
  // Through the simulator's authorization server.
  OAuth2 oauth2() const;
  std::string client_certificate() const;
  std::string client_key() const;
  // Runs `ontap-sim ctl WORDS --data DIR`; its output.
  std::string control(const std::string& words) const;

 private:
  Simulator();
  ~Simulator();
  Endpoint endpoint_of(const Json& described, SystemKind kind) const;

  std::string unavailable_;
  bool on_btrfs_ = false;
  std::string program_;
  std::string data_;
  pid_t process_ = -1;
  Json endpoints_;
};

}  // namespace holdfast::storage::ontap::testing
