// The error value of Holdfast: what failed, where, whether trying again can help, and what to do.
//
// Policy. A function that can fail returns `Result<T>` (result.h). The adapter that saw the failure
// chooses the code and the retry class; callers above attach context with `with()` and never
// rewrite the code. A code exists only where some caller reacts to it; everything else is context.
// One table (error.cc) maps each code to its HTTP status, gRPC status, CLI exit code and log level.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace holdfast {

enum class Code {
  kInvalidArgument,     // the request or document is wrong; fix it
  kNotFound,            // the named thing does not exist
  kAlreadyExists,       // the name is taken, or the idempotency key was used for something else
  kConflict,            // locked, busy, or changed meanwhile
  kUnauthenticated,     // no valid credential
  kPermissionDenied,    // a valid credential without the right
  kApprovalPending,     // waits for a person
  kFailedPrecondition,  // the state does not allow it (capability, space, version)
  kDeadlineExceeded,    // took longer than allowed
  kTargetMissed,        // done, but RPO, RTO or proof level was missed
  kUnavailable,         // the other side cannot be reached now
  kResourceExhausted,   // disk full, quota or rate limit
  kPartial,             // done except for the listed items
  kCancelled,           // somebody asked to stop
  kWrongPassword,       // a repository key does not open
  kDataLoss,            // stored bytes are damaged or missing
  kInternal,            // a defect in Holdfast
};
inline constexpr int kCodeCount = static_cast<int>(Code::kInternal) + 1;

// Whether repeating the same call can succeed without anybody changing anything.
enum class Retry { kPermanent, kTransient, kUnknown };

// How a code looks from outside; one row per code, tested for totality.
struct CodeInfo {
  Code code;
  std::string_view name;  // stable, snake_case: used in JSON and in metrics
  int http_status;
  int grpc_status;
  int exit_code;
  std::string_view log_level;
};
const CodeInfo& describe(Code code);
// The code with this stable name, or kInternal for a name that is unknown.
Code code_from_name(std::string_view name);

class [[nodiscard]] Error {
 public:
  using Context = std::vector<std::pair<std::string, std::string>>;

  // `message` is one sentence without context values: what failed and, where it is known, what to
  // do.
  Error(Code code, std::string message, Retry retry = Retry::kPermanent)
      : code_(code), retry_(retry), message_(std::move(message)) {}

  Code code() const { return code_; }
  Retry retry() const { return retry_; }
  const std::string& message() const { return message_; }
  const Context& context() const { return context_; }
  const Error* cause() const { return cause_.get(); }

  // Attaches a fact on the way up; the innermost comes first.
  Error with(std::string key, std::string value) && {
    context_.emplace_back(std::move(key), std::move(value));
    return std::move(*this);
  }
  Error caused_by(Error cause) && {
    cause_ = std::make_shared<const Error>(std::move(cause));
    return std::move(*this);
  }

  // The one sentence that a person reads: message, then (key: value, ...), then the cause.
  std::string to_string() const;

 private:
  Code code_;
  Retry retry_;
  std::string message_;
  Context context_;
  std::shared_ptr<const Error> cause_;
};

// Error from an errno value of an operating-system call, e.g. io_error(errno, "open", path).
// ENOSPC and EDQUOT become kResourceExhausted, ENOENT kNotFound, EACCES and EPERM
// kPermissionDenied, EEXIST kAlreadyExists, EINTR/EAGAIN/EBUSY transient kUnavailable.
Error io_error(int errno_value, std::string_view operation, std::string_view path);

}  // namespace holdfast
