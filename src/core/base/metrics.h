// Metrics façade over prometheus-cpp's core (metrics.cc only).
//
// Look a metric up once and keep the reference; add() and set() are lock-free and thread-safe.
// Label values must be bounded: names of what is configured, never ids, paths or texts of users.
// Names are listed in docs/metrics.md.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace holdfast {

using Labels = std::map<std::string, std::string>;

class Counter {
 public:
  explicit Counter(void* implementation) : implementation_(implementation) {}
  void add(double value = 1);

 private:
  void* implementation_;
};

class Gauge {
 public:
  explicit Gauge(void* implementation) : implementation_(implementation) {}
  void set(double value);
  void* implementation() const { return implementation_; }  // for metrics.cc

 private:
  void* implementation_;
};

// The metric of this name and label set in the process's one registry; made at first use.
Counter& counter(std::string_view name, std::string_view help, const Labels& labels = {});
Gauge& gauge(std::string_view name, std::string_view help, const Labels& labels = {});

// Takes every gauge away that has all of these labels, because what it measured is gone; references
// to it are no longer valid.
void remove_gauges(const Labels& labels);

// Prometheus text format 0.0.4 of all metrics.
std::string metrics_text();

}  // namespace holdfast
