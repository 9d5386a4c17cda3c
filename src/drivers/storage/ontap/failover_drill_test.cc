// A fail-over as it happens: the source's cluster dies while somebody writes; the copy is promoted,
// serves, and later everything goes back. The writer keeps a ledger outside of the storage, so what
// was lost is counted and not believed.
#include <fcntl.h>
#include <fmt/core.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <optional>

#include "drivers/storage/ontap/testing/bed.h"
#include "drivers/storage/replication.h"

namespace holdfast::storage::ontap {
namespace {

using testing::OntapBed;
using testing::Simulator;
using testing::Way;

struct Row {
  long number = 0;
  double written = 0;  // seconds since 1970

  bool operator==(const Row&) const = default;
};

std::vector<Row> rows_of(const std::string& file) {
  std::vector<Row> rows;
  std::ifstream stream(file);
  for (Row row; stream >> row.number >> row.written;) {
    rows.push_back(row);
  }
  return rows;
}

double now() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration<double>(since).count();
}

// A process that appends numbered rows to a file until it is killed. A row goes into the ledger
// when it is durable in the file: that is when a user was told so.
class Writer {
 public:
  Writer(const std::string& file, const std::string& ledger, long first) {
    process_ = ::fork();
    if (process_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      write_on(file, ledger, first);
    }
  }
  ~Writer() { kill(); }
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void kill() {
    if (process_ > 0) {
      ::kill(process_, SIGKILL);
      ::waitpid(std::exchange(process_, -1), nullptr, 0);
    }
  }

 private:
  [[noreturn]] static void write_on(const std::string& file, const std::string& ledger, long row) {
    const int rows = ::open(file.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    const int told = ::open(ledger.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    for (;; ++row) {
      const std::string line = fmt::format("{} {:.6f}\n", row, now());
      const auto size = static_cast<ssize_t>(line.size());
      if (::write(rows, line.data(), line.size()) != size || ::fsync(rows) != 0 ||
          ::write(told, line.data(), line.size()) != size) {
        ::_exit(1);
      }
      ::poll(nullptr, 0, 10);  // the clock's thread did not come along
    }
  }

  pid_t process_ = -1;
};

class SlowFailoverDrill : public ::testing::Test {
 protected:
  void SetUp() override {
    if (const std::string why = OntapBed::unavailable(); !why.empty()) {
      GTEST_SKIP() << why;
    }
    bed_.emplace(Way::kDirect);
    const auto volume = bed_->run(bed_->driver().resolve(bed_->path()));
    ASSERT_TRUE(volume) << volume.error().to_string();
    volume_ = *volume;
    copy_ = bed_->name() + "_copy";
    near_ = bed_->path() + "/rows";
    far_ = OntapBed::svm_root(1) + "/" + copy_ + "/rows";
    ledger_ = Simulator::instance().data_dir() + ".ledger";
    std::filesystem::remove(ledger_);
  }
  void TearDown() override { Simulator::instance().control("faults clear"); }

  template <class T>
  T run(async::Co<T> co) {
    return bed_->run(std::move(co));
  }
  Replication& replication() { return *bed_->driver().replication(); }

  Relation mirror() {
    const std::string west = Simulator::instance().cluster_name(1);
    EXPECT_TRUE(run(replication().put_policy(west, {"drill", {{"holdfast", 10, ""}}})));
    const auto made = run(
        replication().create(volume_, {.destination = Simulator::instance().svm(1) + ":" + copy_,
                                       .destination_cluster = west,
                                       .policy = "drill",
                                       .schedule = ""}));
    EXPECT_TRUE(made) << made.error().to_string();
    return made ? *made : Relation();
  }
  void carry_over(const Relation& relation, const std::string& point) {
    const auto made = run(bed_->driver().create_snapshot(volume_, {.name = point, .comment = ""}));
    ASSERT_TRUE(made) << made.error().to_string();
    const auto updated = run(replication().update(relation.id, point));
    ASSERT_TRUE(updated) << updated.error().to_string();
  }
  void wait_for_rows(std::size_t more) {
    const std::size_t enough = rows_of(ledger_).size() + more;
    while (rows_of(ledger_).size() < enough) {
      async::wait_blocking(clock_, std::chrono::milliseconds(5), {});
    }
  }
  // What is served are the first rows of the ledger, and the lag that was reported when the source
  // was given up tells how many of the last ones are missing. ONTAP's lag has whole seconds.
  void check_loss(const std::vector<Row>& ledger, const std::vector<Row>& served, double reported) {
    ASSERT_LT(served.size(), ledger.size());
    EXPECT_TRUE(std::equal(served.begin(), served.end(), ledger.begin()));
    const auto newer_than = [&](double moment) {
      return std::count_if(ledger.begin(), ledger.end(),
                           [&](const Row& row) { return row.written > moment; });
    };
    const auto lost = static_cast<std::ptrdiff_t>(ledger.size() - served.size());
    EXPECT_GE(lost, newer_than(reported + 1.0));
    EXPECT_LE(lost, newer_than(reported - 1.0));
    std::printf("failover drill: %zu rows told, %zu served, %td lost; the report said %td\n",
                ledger.size(), served.size(), lost, newer_than(reported));
  }

  env::SystemClock clock_;
  std::optional<OntapBed> bed_;
  Volume volume_;
  std::string copy_;
  std::string near_;
  std::string far_;
  std::string ledger_;
};

TEST_F(SlowFailoverDrill, LosesWhatItReportsAndBringsEverythingBack) {
  const Relation relation = mirror();
  std::optional<Writer> writer(std::in_place, near_, ledger_, 1);
  wait_for_rows(50);
  carry_over(relation, "pt_1");
  wait_for_rows(150);
  carry_over(relation, "pt_2");
  wait_for_rows(150);

  // The source dies in the middle of a write.
  Simulator::instance().control("faults add down cluster=" + Simulator::instance().cluster_name(0));
  writer->kill();
  const double asked = now();
  const auto before = run(replication().break_off(relation.id, /*unplanned=*/true));
  ASSERT_TRUE(before) << before.error().to_string();
  ASSERT_TRUE(before->lag.has_value());
  const double reported = asked - std::chrono::duration<double>(*before->lag).count();
  ASSERT_TRUE(run(replication().serve(relation.id, "/" + copy_)));
  const std::vector<Row> served = rows_of(far_);
  check_loss(rows_of(ledger_), served, reported);

  // The second cluster serves: a new ledger, since the lost rows are lost.
  std::filesystem::remove(ledger_);
  writer.emplace(far_, ledger_, served.back().number + 1);
  wait_for_rows(50);

  // The source is back: its newer rows give way, then the other direction is kept up to date.
  Simulator::instance().control("faults clear");
  const auto reversed = run(replication().reverse(relation.id, /*discard_source_changes=*/true));
  ASSERT_TRUE(reversed) << reversed.error().to_string();
  wait_for_rows(50);
  writer->kill();
  const std::vector<Row> all = rows_of(far_);
  ASSERT_GE(all.size(), served.size() + rows_of(ledger_).size());
  ASSERT_TRUE(run(replication().update(reversed->id, "")));
  const auto back = run(replication().break_off(reversed->id, /*unplanned=*/false));
  ASSERT_TRUE(back) << back.error().to_string();
  EXPECT_EQ(rows_of(near_), all) << "a planned way back loses nothing";
  const auto again = run(replication().resync(relation.id, /*discard_destination_changes=*/true));
  ASSERT_TRUE(again) << again.error().to_string();
  EXPECT_EQ(again->state, "snapmirrored");
  EXPECT_TRUE(run(replication().release(reversed->id)));
}

}  // namespace
}  // namespace holdfast::storage::ontap
