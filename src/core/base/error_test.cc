#include "core/base/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

#include "core/base/result.h"

namespace holdfast {
namespace {

TEST(ErrorTable, HasARowForEveryCode) {
  std::set<std::string_view> names;
  for (int i = 0; i < kCodeCount; ++i) {
    const CodeInfo& info = describe(static_cast<Code>(i));
    EXPECT_EQ(info.code, static_cast<Code>(i));
    EXPECT_TRUE(names.insert(info.name).second);
    EXPECT_EQ(code_from_name(info.name), info.code);
    EXPECT_GT(info.http_status, 0);
    EXPECT_GT(info.exit_code, 0);
  }
}

TEST(Error, ReadsAsOneSentenceWithContextAndCause) {
  const Error error = Error(Code::kNotFound, "no such snapshot")
                          .with("id", "abcd")
                          .with("repository", "main")
                          .caused_by(Error(Code::kUnavailable, "disk gone"));
  EXPECT_EQ(error.to_string(), "no such snapshot (id: abcd, repository: main): disk gone");
}

TEST(Error, FromErrnoChoosesCodeAndRetry) {
  EXPECT_EQ(io_error(ENOENT, "open", "/x").code(), Code::kNotFound);
  EXPECT_EQ(io_error(ENOSPC, "write", "/x").code(), Code::kResourceExhausted);
  EXPECT_EQ(io_error(EAGAIN, "read", "/x").retry(), Retry::kTransient);
  EXPECT_EQ(io_error(ENOENT, "open", "/x").message(), "cannot open /x: No such file or directory");
}

Result<int> half(int value) {
  if (value % 2 != 0) {
    return Error(Code::kInvalidArgument, "odd");
  }
  return value / 2;
}

Result<int> quarter(int value) {
  HF_TRY(const int halved, half(value));
  return half(halved);
}

TEST(Result, TryPassesTheErrorOn) {
  EXPECT_EQ(*quarter(8), 2);
  EXPECT_EQ(quarter(6).error().message(), "odd");
}

TEST(Result, AndThenAndTransformCarryValueOrError) {
  EXPECT_EQ(*half(8).and_then(half), 2);
  EXPECT_EQ(half(3).and_then(half).error().code(), Code::kInvalidArgument);
  EXPECT_EQ(*half(8).transform([](int value) { return std::to_string(value); }), "4");
}

}  // namespace
}  // namespace holdfast
