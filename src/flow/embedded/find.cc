// Finding runs: by reference, by request, to recover, and lists page by page.
#include <charconv>

#include "flow/embedded/filter_sql.h"
#include "flow/embedded/store.h"

namespace holdfast::flow::embedded {
namespace {

// A page key is "start in ns,run id" of the last run of the page before.
Status add_page_key(Conditions& where, const std::string& key) {
  if (key.empty()) {
    return {};
  }
  const auto comma = key.find(',');
  std::int64_t started = 0;
  const char* begin = key.data();
  const auto parsed = std::from_chars(begin, begin + std::min(comma, key.size()), started);
  if (comma == std::string::npos || parsed.ec != std::errc()) {
    return Error(Code::kInvalidArgument, "the page key is not one that a list returned");
  }
  const std::string at = where.next(started);
  where.text += " AND (started < " + at + " OR (started = " + at + " AND run_id < " +
                where.next(key.substr(comma + 1)) + "))";
  return {};
}

}  // namespace

Result<RunId> resolve(db::Connection& sql, const RunRef& ref) {
  HF_TRY(const auto row,
         ref.run_id.empty()
             ? sql.one("SELECT run_id FROM flow_runs WHERE workflow_id = ?1 "
                       "ORDER BY open DESC, started DESC, run_id DESC LIMIT 1",
                       ref.workflow_id.text())
             : sql.one("SELECT run_id FROM flow_runs WHERE run_id = ?1", ref.run_id.text()));
  if (!row) {
    return Error(Code::kNotFound, "there is no such run")
        .with("run", ref.run_id.empty() ? ref.workflow_id.text() : ref.run_id.text());
  }
  return RunId(row->text(0));
}

Result<std::optional<RunId>> run_of_child(db::Connection& sql, const RunId& parent,
                                          std::int64_t initiated_event_id) {
  HF_TRY(const auto row,
         sql.one("SELECT run_id FROM flow_runs WHERE parent_run_id = ?1 AND parent_event_id = ?2 "
                 "ORDER BY open DESC, started DESC, run_id DESC LIMIT 1",
                 parent.text(), initiated_event_id));
  return row ? std::optional(RunId(row->text(0))) : std::nullopt;
}

Result<std::vector<RunId>> runs_to_recover(db::Connection& sql) {
  HF_TRY(const auto rows, sql.all("SELECT run_id FROM flow_runs WHERE open = 1 UNION "
                                  "SELECT run_id FROM flow_children WHERE stage = 2"));
  std::vector<RunId> runs;
  for (const db::Row& row : rows) {
    runs.emplace_back(row.text(0));
  }
  return runs;
}

Result<BaseOfReset> load_base(db::Connection& sql, const RunRef& run, const std::string& request) {
  BaseOfReset base;
  HF_TRY(const RunId id, resolve(sql, run));
  HF_TRY(base.state, load_run(sql, id));
  HF_TRY(base.history, load_history(sql, id, 0));
  HF_TRY(const auto made,
         sql.one("SELECT run_id FROM flow_runs WHERE workflow_id = ?1 AND request_id = ?2",
                 base.state.summary.workflow_id.text(), request));
  if (made) {
    base.made = RunId(made->text(0));
  }
  return base;
}

Result<std::optional<KnownUpdate>> find_update(db::Connection& sql, const RunId& run,
                                               const std::string& update_id) {
  HF_TRY(const auto row,
         sql.one("SELECT outcome FROM flow_updates WHERE run_id = ?1 AND update_id = ?2",
                 run.text(), update_id));
  if (!row) {
    return std::optional<KnownUpdate>();
  }
  KnownUpdate known;
  if (const auto text = row->optional_text(0)) {
    HF_TRY(known.outcome, parse_json(*text));
  }
  return std::optional(std::move(known));
}

Result<bool> has_request(db::Connection& sql, const RunId& run, const std::string& request_id) {
  HF_TRY(const auto row,
         sql.one("SELECT 1 FROM flow_requests WHERE run_id = ?1 AND request_id = ?2", run.text(),
                 request_id));
  return row.has_value();
}

Result<RunPage> list_runs(db::Connection& sql, const ListQuery& query) {
  if (query.limit < 1 || query.limit > 1000) {
    return Error(Code::kInvalidArgument, "a page has 1 to 1000 runs");
  }
  Conditions where;
  HF_TRY_VOID(add_query(where, query));
  HF_TRY_VOID(add_page_key(where, query.page_key));
  const std::string text = "SELECT " + std::string(run_columns()) + " FROM flow_runs WHERE 1 = 1" +
                           where.text + " ORDER BY started DESC, run_id DESC LIMIT " +
                           std::to_string(query.limit + 1);
  HF_TRY(const auto rows, sql.all_values(text, where.values));
  RunPage page;
  for (const db::Row& row : rows) {
    if (page.runs.size() == static_cast<std::size_t>(query.limit)) {
      const RunSummary& last = page.runs.back();
      page.next_page_key =
          std::to_string(last.started.time_since_epoch().count()) + "," + last.run_id.text();
      break;
    }
    HF_TRY(RunSummary summary, summary_of(row));
    page.runs.push_back(std::move(summary));
  }
  return page;
}

Result<std::int64_t> count_runs(db::Connection& sql, const ListQuery& query) {
  Conditions where;
  HF_TRY_VOID(add_query(where, query));
  HF_TRY(const auto row,
         sql.one_values("SELECT count(*) FROM flow_runs WHERE 1 = 1" + where.text, where.values));
  return row->integer(0);
}

}  // namespace holdfast::flow::embedded
