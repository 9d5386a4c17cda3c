#include "domain/recover/measured.h"

#include <algorithm>
#include <cmath>
#include <vector>

namespace holdfast::recover {
namespace {

constexpr std::string_view kSchema = R"sql(
CREATE TABLE measured_recoveries(
  run_id TEXT PRIMARY KEY, bytes INTEGER NOT NULL, seconds INTEGER NOT NULL, at INTEGER NOT NULL) STRICT;
CREATE INDEX measured_recoveries_by_time ON measured_recoveries(at);
)sql";

double quantile(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto index = static_cast<size_t>(std::ceil(share * static_cast<double>(values.size()))) - 1;
  return values[std::min(index, values.size() - 1)];
}

}  // namespace

db::Migrations measured_migrations() { return {{"measured", 1, std::string(kSchema)}}; }

Status record_measured(db::Connection& sql, const Measured& measured) {
  HF_TRY_VOID(
      sql.exec("INSERT INTO measured_recoveries(run_id, bytes, seconds, at) VALUES (?1,?2,?3,?4) "
               "ON CONFLICT(run_id) DO NOTHING",
               measured.run_id, measured.bytes, measured.seconds, measured.at));
  return {};
}

Result<Estimate> estimate_recovery(db::Connection& sql, std::uint64_t bytes) {
  HF_TRY(const auto rows,
         sql.all("SELECT bytes, seconds FROM measured_recoveries ORDER BY at DESC LIMIT 100"));
  Estimate estimate;
  if (rows.empty()) {
    return estimate;
  }
  std::vector<double> seconds;
  std::vector<double> scaled;
  for (const db::Row& row : rows) {
    const double took = std::max(1.0, static_cast<double>(row.integer(1)));
    seconds.push_back(took);
    scaled.push_back(took / std::max(1.0, static_cast<double>(row.integer(0))) *
                     static_cast<double>(bytes));
  }
  // Small recoveries are ruled by fixed costs, large ones by their bytes; a rate measured on a
  // small recovery would make a large one look endless, so it counts at most with the largest seen.
  std::vector<double> expected;
  for (size_t i = 0; i < seconds.size(); ++i) {
    const bool comparable =
        static_cast<double>(rows[i].integer(0)) * 10 >= static_cast<double>(bytes);
    expected.push_back(comparable ? std::max(1.0, scaled[i]) : seconds[i]);
  }
  estimate.p50_seconds = static_cast<std::int64_t>(std::ceil(quantile(expected, 0.5)));
  estimate.p90_seconds = static_cast<std::int64_t>(std::ceil(quantile(expected, 0.9)));
  estimate.samples = static_cast<std::int64_t>(rows.size());
  return estimate;
}

}  // namespace holdfast::recover
