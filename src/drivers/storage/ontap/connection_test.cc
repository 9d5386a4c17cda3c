// Whether a system can be used, and what the test says is missing.
#include "drivers/storage/ontap/connection_check.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "core/async/run.h"
#include "core/env/posix/system_clock.h"
#include "drivers/storage/ontap/testing/simulator.h"

namespace holdfast::storage::ontap {
namespace {

using testing::Simulator;

class OntapConnectionTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string& why = Simulator::instance().unavailable(); !why.empty()) {
      GTEST_SKIP() << why;
    }
    endpoint_ = Simulator::instance().cluster(0);
    endpoint_.mounts.clear();
  }
  ConnectionReport report() {
    auto system = System::create(clock_, endpoint_);
    EXPECT_TRUE(system) << system.error().to_string();
    return async::block_on(loop_.executor(), test_connection(*system, &pool_));
  }
  // The one thing that is wrong.
  Check failure() {
    for (const Check& check : report().checks) {
      if (!check.good) {
        return check;
      }
    }
    ADD_FAILURE() << "everything is good";
    return {};
  }

  env::SystemClock clock_;
  async::Pool pool_{"storage", 1};
  async::Pool loop_{"loop", 1};
  Endpoint endpoint_;
};

TEST_F(OntapConnectionTest, IsGoodForASystemThatIsReady) {
  const auto found = report();
  EXPECT_TRUE(found.good()) << to_pretty_text(to_json(found));
  EXPECT_GT(found.checks.size(), 5u);
}

TEST_F(OntapConnectionTest, SaysWhenThePasswordIsWrong) {
  endpoint_.password = SecretString("wrong");
  const Check check = failure();
  EXPECT_EQ(check.name, "connection");
  EXPECT_NE(check.advice.find("user and password"), std::string::npos);
}

TEST_F(OntapConnectionTest, SaysWhenTheCertificateIsNotTrustedAndWhichItIs) {
  endpoint_.tls = {};
  EXPECT_NE(failure().advice.find("tls.ca_file"), std::string::npos);
  endpoint_.tls.pin = std::string(64, '0');
  const std::string advice = failure().advice;
  EXPECT_NE(advice.find("set tls.pin"), std::string::npos) << advice;
  endpoint_.tls.pin = advice.substr(std::string("compare ").size(), 64);
  EXPECT_TRUE(report().good());
}

TEST_F(OntapConnectionTest, SaysWhatAUserWhoMayOnlyReadLacks) {
  endpoint_ = Simulator::as_reader(endpoint_);
  const Check check = failure();
  EXPECT_EQ(check.name, "right to change: /storage/volumes");
  EXPECT_NE(check.advice.find("'all' to /api/storage/volumes"), std::string::npos) << check.advice;
}

TEST_F(OntapConnectionTest, SaysWhenNobodyAnswers) {
  endpoint_.base_url = "https://127.0.0.1:1";
  EXPECT_NE(failure().advice.find("address"), std::string::npos);
}

TEST_F(OntapConnectionTest, SaysWhenAMountIsNotWhatItShouldBe) {
  endpoint_.mounts["svm1:/nowhere"] = "/proc";
  EXPECT_EQ(failure().name, "mount: svm1:/nowhere");
}

TEST_F(OntapConnectionTest, SaysWhenTheGatewayIsOff) {
  endpoint_ = Simulator::instance().unified_manager();
  Simulator::instance().control("gateway off");
  const ConnectionReport found = report();
  Simulator::instance().control("gateway on");
  ASSERT_FALSE(found.good());
  EXPECT_EQ(found.checks.back().name, "gateway");
  EXPECT_NE(found.checks.back().advice.find("switch the API gateway on"), std::string::npos);
}

TEST_F(OntapConnectionTest, LogsInWithAClientCertificate) {
  endpoint_.login = Login::kCertificate;
  endpoint_.user.clear();
  endpoint_.password = SecretString();
  endpoint_.tls.certificate_file = Simulator::instance().client_certificate();
  endpoint_.tls.private_key_file = Simulator::instance().client_key();
  const ConnectionReport found = report();
  EXPECT_TRUE(found.good()) << to_pretty_text(to_json(found));
}

TEST_F(OntapConnectionTest, LogsInWithATokenOfAnAuthorizationServer) {
  endpoint_.login = Login::kOAuth2;
  endpoint_.user.clear();
  endpoint_.password = SecretString();
  endpoint_.oauth2 = Simulator::instance().oauth2();
  const ConnectionReport found = report();
  EXPECT_TRUE(found.good()) << to_pretty_text(to_json(found));
  endpoint_.oauth2.scope = "ontap:*:reader:readonly:*:*";
  EXPECT_EQ(failure().name, "right to change: /storage/volumes");
  endpoint_.oauth2.client_secret = SecretString("wrong");
  const Check check = failure();
  EXPECT_EQ(check.name, "connection");
  EXPECT_NE(check.detail.find("gives no token"), std::string::npos) << check.detail;
}

TEST_F(OntapConnectionTest, SaysWhichPathsARoleLacks) {
  endpoint_.user = "narrow";
  endpoint_.password = SecretString("narrow");
  std::vector<std::string> lacking;
  for (const Check& check : report().checks) {
    if (!check.good) {
      lacking.push_back(check.name);
      EXPECT_NE(check.advice.find("/api/s"), std::string::npos) << check.advice;
    }
  }
  EXPECT_EQ(lacking, (std::vector<std::string>{"right: /snapmirror/relationships",
                                               "right: /snapmirror/policies",
                                               "right to change: /storage/volumes",
                                               "right to change: /snapmirror/relationships"}));
}

TEST_F(OntapConnectionTest, LooksAtNodesAndPeersByBothWays) {
  for (Endpoint endpoint :
       {Simulator::instance().cluster(0), Simulator::instance().unified_manager()}) {
    endpoint_ = endpoint;
    endpoint_.mounts.clear();
    const ConnectionReport found = report();
    EXPECT_TRUE(found.good()) << to_pretty_text(to_json(found));
    for (const std::string what : {"nodes", "replication peers"}) {
      EXPECT_TRUE(std::any_of(found.checks.begin(), found.checks.end(), [&](const Check& check) {
        return check.name.ends_with(what) && !check.detail.empty();
      })) << what;
    }
  }
}

TEST_F(OntapConnectionTest, SaysWhenAPeerClusterIsDead) {
  const std::string west = Simulator::instance().cluster_name(1);
  Simulator::instance().control("faults add down cluster=" + west);
  const Check check = failure();
  Simulator::instance().control("faults clear");
  EXPECT_EQ(check.name, "replication peers");
  EXPECT_NE(check.detail.find(west + " is unavailable"), std::string::npos) << check.detail;
}

}  // namespace
}  // namespace holdfast::storage::ontap
