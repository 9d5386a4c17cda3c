#include "drivers/storage/ontap/errors.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace holdfast::storage::ontap {
namespace {

constexpr std::string_view kCodeKey = "ontap_code";

struct Row {
  std::int64_t code;
  Code ours;
  Retry retry;
  std::string_view advice;  // what to do; empty: the message says it
};

constexpr auto kNo = Retry::kPermanent;
constexpr auto kLater = Retry::kTransient;

// In order of the codes. Sources: ONTAP REST reference, error tables of each endpoint.
constexpr auto kRows = std::to_array<Row>({
    {1, Code::kAlreadyExists, kNo, ""},
    {2, Code::kInvalidArgument, kNo, ""},
    {3, Code::kFailedPrecondition, kNo, "this release of ONTAP does not support it"},
    {4, Code::kNotFound, kNo, ""},
    {6, Code::kPermissionDenied, kNo, "give the role of this user the right to it"},
    {7, Code::kResourceExhausted, kLater, ""},
    {8, Code::kConflict, kLater, ""},
    {65541, Code::kUnavailable, kLater, ""},
    {65552, Code::kUnavailable, kLater, ""},
    {65562, Code::kUnavailable, kLater, ""},
    {262160, Code::kResourceExhausted, kLater, "the cluster limits requests"},
    {262179, Code::kInvalidArgument, kNo, "this release of ONTAP does not know the field"},
    {262210, Code::kUnavailable, kLater, ""},
    {262224, Code::kUnavailable, kLater, "the peer cluster does not answer"},
    {393271, Code::kUnavailable, kLater, "a node is out of quorum"},
    {524479, Code::kFailedPrecondition, kNo, "the volume is offline or has no space"},
    {524481, Code::kConflict, kLater, ""},
    {524486, Code::kConflict, kLater, ""},
    {524511, Code::kFailedPrecondition, kNo, ""},
    {524615, Code::kConflict, kNo, "delete the volume's clones first"},
    {525059, Code::kAlreadyExists, kNo, ""},
    {525062, Code::kResourceExhausted, kNo, "delete snapshots: a volume has 1023 at most"},
    {787036, Code::kUnavailable, kLater, "the object store does not answer"},
    {787037, Code::kUnavailable, kLater, "the object store does not answer"},
    {917526, Code::kAlreadyExists, kNo, ""},
    {917752, Code::kFailedPrecondition, kNo, "bring the volume online"},
    {917775, Code::kFailedPrecondition, kNo, "bring the volume online"},
    {918235, Code::kNotFound, kNo, ""},
    {918636, Code::kFailedPrecondition, kNo,
     "snapshot locking cannot be switched on for a member of a consistency group: lock the "
     "replicated copy"},
    {1245212, Code::kResourceExhausted, kNo, "make room on the aggregate"},
    {1260882, Code::kNotFound, kNo, "the SVM does not exist"},
    {1638455, Code::kConflict, kLater, ""},
    {1638461, Code::kFailedPrecondition, kNo, "snapshots are made on read-write volumes only"},
    {1638480, Code::kFailedPrecondition, kNo,
     "a newer snapshot is the reference of a replication: release it or restore to a new volume"},
    {1638532, Code::kConflict, kLater, ""},
    {1638537, Code::kFailedPrecondition, kNo, "snapshots of a FlexGroup have no expiry"},
    {1638543, Code::kConflict, kNo, "something uses the snapshot: a clone or a replication"},
    {1638555, Code::kFailedPrecondition, kNo, "the snapshot is kept or locked until its time"},
    {1638574, Code::kFailedPrecondition, kNo, "snapshots of a FlexGroup have no expiry"},
    {1638590, Code::kFailedPrecondition, kNo, ""},
    {1638600, Code::kNotFound, kNo, ""},
    {2621462, Code::kNotFound, kNo, "the SVM does not exist"},
    {2621706, Code::kInvalidArgument, kNo, ""},
    {2621707, Code::kInvalidArgument, kNo, ""},
    {6488118, Code::kAlreadyExists, kNo, ""},
    {6619546, Code::kFailedPrecondition, kNo, "the destination must be empty and of type dp"},
    {6619637, Code::kAlreadyExists, kNo, ""},
    {6619699, Code::kNotFound, kNo, "the schedule does not exist"},
    {6619715, Code::kConflict, kLater, "the relationship is busy"},
    {6619720, Code::kConflict, kLater, "the relationship is busy"},
    {6621060, Code::kAlreadyExists, kNo, ""},
    {6684674, Code::kNotFound, kNo, ""},
    {6691623, Code::kPermissionDenied, kNo, "give the role of this user the right to it"},
    {7012365, Code::kFailedPrecondition, kNo, "files are copied inside one cluster only"},
    {8586226, Code::kNotFound, kNo, ""},
    {9437885, Code::kFailedPrecondition, kNo, "bring the volume online"},
    {9437886, Code::kFailedPrecondition, kNo,
     "a newer snapshot is locked: restore to a new volume"},
    {9896086, Code::kAlreadyExists, kNo, ""},
    {13107405, Code::kConflict, kLater, ""},
    {13303808, Code::kConflict, kLater, "a transfer may be in progress"},
    {13303809, Code::kConflict, kLater, ""},
    {13303812, Code::kConflict, kLater, "a transfer may be in progress"},
    {13303816, Code::kUnavailable, kLater, ""},
    {13303818, Code::kFailedPrecondition, kNo, "the relationship's state does not allow it"},
    {13303821, Code::kNotFound, kNo, "the SnapMirror policy does not exist"},
    {13303822, Code::kConflict, kLater, ""},
    {13303823, Code::kConflict, kLater, ""},
    {13303824, Code::kConflict, kLater, ""},
    {13303829, Code::kConflict, kLater, ""},
    {13303830, Code::kConflict, kLater, ""},
    {13303831, Code::kFailedPrecondition, kNo, "the relationship's state does not allow it"},
    {13303832, Code::kAlreadyExists, kNo, ""},
    {13303833, Code::kFailedPrecondition, kNo, "the relationship's state does not allow it"},
    {13303844, Code::kUnavailable, Retry::kUnknown, ""},
    {13303845, Code::kUnavailable, Retry::kUnknown, ""},
    {13304108, Code::kNotFound, kNo, "the schedule does not exist"},
    {13304159, Code::kUnavailable, kLater, ""},
    {39387137, Code::kInvalidArgument, kNo, ""},
    {53411842, Code::kNotFound, kNo, ""},
    {53411852, Code::kAlreadyExists, kNo, ""},
    {53411860, Code::kAlreadyExists, kNo, ""},
    {53411918, Code::kConflict, kLater, ""},
    {53411921, Code::kConflict, kLater, "a group snapshot failed or is under way"},
    {53411925, Code::kDeadlineExceeded, kLater, "the write fence ended before the commit"},
    {53411959, Code::kFailedPrecondition, kNo,
     "a volume with snapshot locking cannot join a consistency group: lock the replicated copy"},
    {53412007, Code::kFailedPrecondition, kNo, "the snapshot is locked until its time"},
    {53412008, Code::kConflict, kNo, "a replication uses the consistency group"},
});
static_assert(std::is_sorted(kRows.begin(), kRows.end(),
                             [](const Row& a, const Row& b) { return a.code < b.code; }));

const Row* row_of(std::int64_t code) {
  const auto found = std::lower_bound(kRows.begin(), kRows.end(), code,
                                      [](const Row& row, std::int64_t c) { return row.code < c; });
  return found != kRows.end() && found->code == code ? &*found : nullptr;
}

// By the status alone.
Row row_of_status(int status) {
  switch (status) {
    case 401:
      return {0, Code::kUnauthenticated, kNo, "check user and password, or the token"};
    case 403:
      return {0, Code::kPermissionDenied, kNo, "give the role of this user the right to it"};
    case 404:
      return {0, Code::kNotFound, kNo, ""};
    case 405:
      return {0, Code::kFailedPrecondition, kNo, "this release does not support it"};
    case 409:
      return {0, Code::kConflict, kLater, ""};
    case 429:
      return {0, Code::kResourceExhausted, kLater, "the cluster limits requests"};
    default:
      break;
  }
  if (status >= 500) {
    return {0, Code::kUnavailable, status == 500 ? Retry::kUnknown : kLater, ""};
  }
  return {0, Code::kInvalidArgument, kNo, ""};
}

// A code is a text in errors and a number in jobs.
std::int64_t code_of(const Json* value) {
  std::int64_t code = 0;
  if (value == nullptr) {
    return 0;
  }
  if (const auto* text = value->if_string()) {
    std::from_chars(text->data(), text->data() + text->size(), code);
  } else if (value->is_number()) {
    code = value->to_number<std::int64_t>();
  }
  return code;
}

Error make(const Row& row, std::int64_t code, std::string_view what, std::string_view said,
           std::string_view target) {
  Error error(row.ours,
              fmt::format("cannot {}: {}{}{}", what, said.empty() ? "no reason was given" : said,
                          row.advice.empty() ? "" : "; ", row.advice),
              row.retry);
  if (code != 0) {
    error = std::move(error).with(std::string(kCodeKey), std::to_string(code));
  }
  if (!target.empty()) {
    error = std::move(error).with("field", std::string(target));
  }
  return error;
}

}  // namespace

Error answer_error(int status, const Json& body, std::string_view what) {
  const Json* error = find(body, "error");
  const Json nothing;
  const Json& details = error == nullptr ? nothing : *error;
  const std::int64_t code = code_of(find(details, "code"));
  const Row* row = status == 401 ? nullptr : row_of(code);  // whatever the code: who are you?
  // The same small codes come with the statuses of a full queue.
  const bool busy = status == 429 || status == 503;
  const std::string said = get_string(details, "message", fmt::format("HTTP status {}", status));
  return make(row == nullptr || (busy && row->retry == kNo) ? row_of_status(status) : *row, code,
              what, said, get_string(details, "target"));
}

Error job_error(const Json& job, std::string_view what) {
  const Json* error = find(job, "error");
  const Json nothing;
  const Json& details = error == nullptr ? nothing : *error;
  std::int64_t code = code_of(find(details, "code"));
  code = code == 0 ? code_of(find(job, "code")) : code;
  const std::string said = get_string(details, "message", get_string(job, "message"));
  const Row* row = row_of(code);
  return make(row == nullptr ? Row{0, Code::kUnavailable, Retry::kUnknown, ""} : *row, code, what,
              said, "");
}

std::int64_t ontap_code(const Error& error) {
  for (const auto& [key, value] : error.context()) {
    if (key == kCodeKey) {
      const Json text(value);
      return code_of(&text);
    }
  }
  return 0;
}

}  // namespace holdfast::storage::ontap
