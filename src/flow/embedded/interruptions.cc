#include "flow/embedded/interruptions.h"

namespace holdfast::flow::embedded {

Result<std::map<AttemptKey, Interrupted>> begin_engine(db::Connection& sql, UtcTime now) {
  std::map<AttemptKey, Interrupted> open;
  HF_TRY(const auto running, sql.one("SELECT since FROM flow_engine WHERE name = 'engine'"));
  if (!running) {
    HF_TRY_VOID(sql.post("INSERT INTO flow_engine(name, since) VALUES ('engine', ?1)", now));
    return open;
  }
  HF_TRY(const auto rows,
         sql.all("SELECT run_id, scheduled_event_id, attempt, interrupted FROM flow_activities "
                 "WHERE lease IS NULL"));
  for (const db::Row& row : rows) {
    open[{RunId(row.text(0)), row.integer(1)}] = {static_cast<int>(row.integer(2)),
                                                  static_cast<int>(row.integer(3))};
  }
  return open;
}

Status end_engine(db::Connection& sql) {
  HF_TRY_VOID(sql.post("DELETE FROM flow_engine WHERE name = 'engine'"));
  return status_of(sql.exec("UPDATE flow_activities SET interrupted = 0 WHERE interrupted > 0"));
}

Status count_interruption(db::Connection& sql, const AttemptKey& key, int attempt) {
  return status_of(
      sql.exec("UPDATE flow_activities SET interrupted = interrupted + 1 WHERE run_id = ?1 AND "
               "scheduled_event_id = ?2 AND attempt = ?3",
               key.run_id.text(), key.scheduled_event_id, attempt));
}

}  // namespace holdfast::flow::embedded
