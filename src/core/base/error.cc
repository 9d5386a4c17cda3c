#include "core/base/error.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <fmt/core.h>

#include "core/base/check.h"

namespace holdfast {
namespace {

// HTTP, gRPC (google.rpc.Code), CLI exit code (docs/exit-codes.md), log level.
constexpr std::array<CodeInfo, kCodeCount> kTable{{
    {Code::kInvalidArgument, "invalid_argument", 400, 3, 2, "warn"},
    {Code::kNotFound, "not_found", 404, 5, 4, "warn"},
    {Code::kAlreadyExists, "already_exists", 409, 6, 5, "warn"},
    {Code::kConflict, "conflict", 409, 10, 5, "warn"},
    {Code::kUnauthenticated, "unauthenticated", 401, 16, 6, "warn"},
    {Code::kPermissionDenied, "permission_denied", 403, 7, 6, "warn"},
    {Code::kApprovalPending, "approval_pending", 202, 9, 7, "info"},
    {Code::kFailedPrecondition, "failed_precondition", 422, 9, 8, "warn"},
    {Code::kDeadlineExceeded, "deadline_exceeded", 504, 4, 9, "error"},
    {Code::kTargetMissed, "target_missed", 200, 0, 10, "error"},
    {Code::kUnavailable, "unavailable", 503, 14, 11, "error"},
    {Code::kResourceExhausted, "resource_exhausted", 507, 8, 1, "error"},
    {Code::kPartial, "partial", 200, 0, 3, "warn"},
    {Code::kCancelled, "cancelled", 409, 1, 130, "info"},
    {Code::kWrongPassword, "wrong_password", 422, 9, 12, "error"},
    {Code::kDataLoss, "data_loss", 500, 15, 1, "error"},
    {Code::kInternal, "internal", 500, 13, 1, "error"},
}};

struct Mapping {
  Code code;
  Retry retry;
};

Mapping from_errno(int value) {
  switch (value) {
    case ENOENT:
    case ENOTDIR:
      return {Code::kNotFound, Retry::kPermanent};
    case EEXIST:
      return {Code::kAlreadyExists, Retry::kPermanent};
    case EACCES:
    case EPERM:
    case EROFS:
      return {Code::kPermissionDenied, Retry::kPermanent};
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
      return {Code::kResourceExhausted, Retry::kUnknown};
    case EINTR:
    case EAGAIN:
    case EBUSY:
    case EMFILE:
    case ENFILE:
      return {Code::kUnavailable, Retry::kTransient};
    case EINVAL:
    case ENAMETOOLONG:
      return {Code::kInvalidArgument, Retry::kPermanent};
    default:
      return {Code::kUnavailable, Retry::kUnknown};
  }
}

}  // namespace

const CodeInfo& describe(Code code) {
  const CodeInfo& info = kTable.at(static_cast<size_t>(code));
  HF_CHECK(info.code == code, "the table lists the codes in order");
  return info;
}

Code code_from_name(std::string_view name) {
  for (const CodeInfo& info : kTable) {
    if (info.name == name) {
      return info.code;
    }
  }
  return Code::kInternal;
}

std::string Error::to_string() const {
  std::string text = message_;
  if (!context_.empty()) {
    text += " (";
    for (size_t i = 0; i < context_.size(); ++i) {
      text += (i == 0 ? "" : ", ") + context_[i].first + ": " + context_[i].second;
    }
    text += ")";
  }
  if (cause_) {
    text += ": " + cause_->to_string();
  }
  return text;
}

Error io_error(int errno_value, std::string_view operation, std::string_view path) {
  const Mapping mapping = from_errno(errno_value);
  return Error(mapping.code,
               fmt::format("cannot {} {}: {}", operation, path, std::strerror(errno_value)),
               mapping.retry);
}

}  // namespace holdfast
