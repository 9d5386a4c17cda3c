// `Result<T>`: a value or an Error. Dropping one does not compile.
//
// An own class over std::expected, because libstdc++ 12 has no and_then and transform, and because
// [[nodiscard]] on the class reaches `co_await` expressions too.
#pragma once

#include <expected>
#include <type_traits>
#include <utility>

#include "core/base/error.h"

namespace holdfast {

template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
  Result(Error error) : std::expected<T, Error>(std::unexpected(std::move(error))) {}  // NOLINT

  // f(T) -> Result<U>: runs f on the value, passes the error on.
  template <class F>
  auto and_then(F&& f) && {
    using Next = std::invoke_result_t<F, T&&>;
    return this->has_value() ? std::forward<F>(f)(std::move(**this))
                             : Next(std::move(this->error()));
  }

  // f(T) -> U: maps the value, passes the error on.
  template <class F>
  auto transform(F&& f) && {
    using Next = Result<std::invoke_result_t<F, T&&>>;
    return this->has_value() ? Next(std::forward<F>(f)(std::move(**this)))
                             : Next(std::move(this->error()));
  }
};

template <>
class [[nodiscard]] Result<void> : public std::expected<void, Error> {
 public:
  using std::expected<void, Error>::expected;
  Result(Error error) : std::expected<void, Error>(std::unexpected(std::move(error))) {}  // NOLINT
};

using Status = Result<void>;

// Whether it went well, without the value.
template <class T>
Status status_of(const Result<T>& result) {
  return result ? Status() : Status(result.error());
}

}  // namespace holdfast

#define HF_CONCAT_INNER(a, b) a##b
#define HF_CONCAT(a, b) HF_CONCAT_INNER(a, b)
#define HF_TRY_IMPL(tmp, ret, declaration, ...) \
  auto tmp = (__VA_ARGS__);                     \
  if (!tmp) {                                   \
    ret std::move(tmp).error();                 \
  }                                             \
  declaration = *std::move(tmp)
#define HF_TRY_VOID_IMPL(tmp, ret, ...) \
  if (auto tmp = (__VA_ARGS__); !tmp) { \
    ret std::move(tmp).error();         \
  }

// HF_TRY(auto x, f());  declares x from the value of f(), or returns f()'s error.
#define HF_TRY(declaration, ...) \
  HF_TRY_IMPL(HF_CONCAT(hf_try_, __COUNTER__), return, declaration, __VA_ARGS__)
// HF_TRY_VOID(f());  returns f()'s error; for Status.
#define HF_TRY_VOID(...) HF_TRY_VOID_IMPL(HF_CONCAT(hf_try_, __COUNTER__), return, __VA_ARGS__)
// The same in coroutines: HF_CO_TRY(auto x, co_await f());
#define HF_CO_TRY(declaration, ...) \
  HF_TRY_IMPL(HF_CONCAT(hf_try_, __COUNTER__), co_return, declaration, __VA_ARGS__)
#define HF_CO_TRY_VOID(...) \
  HF_TRY_VOID_IMPL(HF_CONCAT(hf_try_, __COUNTER__), co_return, __VA_ARGS__)
