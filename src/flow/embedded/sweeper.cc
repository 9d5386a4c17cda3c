#include "flow/embedded/sweeper.h"

#include <array>
#include <string>

#include "core/base/log.h"

namespace holdfast::flow::embedded {
namespace {

constexpr int kRunsAtOnce = 100;

constexpr std::array kTables = {"flow_history",  "flow_activities", "flow_timers",  "flow_children",
                                "flow_requests", "flow_attributes", "flow_updates", "flow_runs"};

}  // namespace

Result<std::int64_t> delete_closed_runs(db::Connection& sql, UtcTime before, int limit) {
  HF_TRY(const auto rows,
         sql.all("SELECT run_id FROM flow_runs WHERE closed IS NOT NULL AND closed < ?1 "
                 "AND NOT EXISTS (SELECT 1 FROM flow_children c WHERE c.run_id = flow_runs.run_id) "
                 "AND NOT EXISTS (SELECT 1 FROM flow_children c "
                 "WHERE c.run_id = flow_runs.parent_run_id "
                 "AND c.initiated_event_id = flow_runs.parent_event_id) "
                 "ORDER BY closed LIMIT ?2",
                 before, limit));
  for (const db::Row& row : rows) {
    for (const char* table : kTables) {
      HF_TRY_VOID(
          sql.exec(std::string("DELETE FROM ") + table + " WHERE run_id = ?1", row.text(0)));
    }
  }
  return static_cast<std::int64_t>(rows.size());
}

void Sweeper::start() { sweep(); }

void Sweeper::arm_locked() {
  timer_ = clock_.call_at(clock_.mono() + pause_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->sweep();
    }
  });
}

void Sweeper::sweep() {
  {
    const std::lock_guard lock(mutex_);
    if (stopped_ || sweeping_) {
      return;
    }
    sweeping_ = true;
  }
  auto deleted = std::make_shared<Result<std::int64_t>>(0);
  database_.submit_write(
      [deleted, before = clock_.now() - retention_](db::Connection& sql) -> Status {
        *deleted = delete_closed_runs(sql, before, kRunsAtOnce);
        return status_of(*deleted);
      },
      [self = shared_from_this(), deleted](Status committed) {
        self->swept(committed ? *deleted : Result<std::int64_t>(committed.error()));
      });
}

void Sweeper::swept(Result<std::int64_t> deleted) {
  if (!deleted) {
    log_warn("flow.sweep_failed", {{"error", deleted.error().to_string()}});
  } else if (*deleted > 0) {
    log_info("flow.swept", {{"runs", *deleted}});
  }
  bool more = false;
  {
    const std::lock_guard lock(mutex_);
    sweeping_ = false;
    more = !stopped_ && deleted && *deleted == kRunsAtOnce;
    if (!stopped_ && !more) {
      arm_locked();
    }
    quiet_.notify_all();
  }
  if (more) {
    sweep();
  }
}

void Sweeper::stop() {
  std::unique_lock lock(mutex_);
  stopped_ = true;
  clock_.cancel(timer_);
  quiet_.wait(lock, [this] { return !sweeping_; });
}

}  // namespace holdfast::flow::embedded
