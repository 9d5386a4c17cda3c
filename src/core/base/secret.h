// A value that must not reach a log, an error text or a JSON answer: it has no formatter.
#pragma once

#include <string>
#include <utility>

namespace holdfast {

class SecretString {
 public:
  SecretString() = default;
  explicit SecretString(std::string value) : value_(std::move(value)) {}
  // The only way to the value; search for `expose` to see every use.
  const std::string& expose() const { return value_; }
  bool empty() const { return value_.empty(); }

 private:
  std::string value_;
};

}  // namespace holdfast
