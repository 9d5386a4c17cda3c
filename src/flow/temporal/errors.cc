#include "flow/temporal/errors.h"

#include <array>

#include "flow/temporal/convert.h"
#include "flow/temporal/proto/errordetails.pb.h"
#include "flow/temporal/proto/status.pb.h"
#include "flow/types.h"

namespace holdfast::flow::temporal {
namespace {

struct Meaning {
  int grpc_code;
  Code code;
  Retry retry;
  std::string_view sentence;
};

constexpr std::array<Meaning, 15> kMeanings = {{
    {1, Code::kCancelled, Retry::kUnknown, "the call to Temporal was cancelled"},
    {2, Code::kUnavailable, Retry::kTransient, "Temporal answered with an unknown error"},
    {3, Code::kInvalidArgument, Retry::kPermanent, "Temporal refuses the request"},
    {4, Code::kDeadlineExceeded, Retry::kUnknown, "Temporal did not answer in time"},
    {5, Code::kNotFound, Retry::kPermanent, "Temporal does not know what the call names"},
    {6, Code::kAlreadyExists, Retry::kPermanent, "a run with this workflow id exists"},
    {7, Code::kPermissionDenied, Retry::kPermanent,
     "Temporal denies this; look at the rights of the API key or the certificate"},
    {8, Code::kResourceExhausted, Retry::kTransient, "Temporal is at a limit"},
    {9, Code::kFailedPrecondition, Retry::kPermanent, "the state of the run does not allow this"},
    {10, Code::kConflict, Retry::kTransient, "Temporal aborted the call"},
    {11, Code::kUnavailable, Retry::kTransient, "Temporal is not ready"},
    {12, Code::kFailedPrecondition, Retry::kPermanent,
     "the Temporal server does not know this call; a newer server is needed"},
    {13, Code::kUnavailable, Retry::kTransient, "Temporal has an internal error"},
    {14, Code::kUnavailable, Retry::kTransient, "Temporal cannot be reached"},
    {16, Code::kUnauthenticated, Retry::kPermanent,
     "Temporal does not accept the credentials; check the API key or the certificate"},
}};

Error with_details(Error error, const std::string& details) {
  google::rpc::Status status;
  if (!status.ParseFromString(details)) {
    return error;
  }
  for (const google::protobuf::Any& detail : status.details()) {
    ::temporal::api::errordetails::v1::WorkflowExecutionAlreadyStartedFailure taken;
    if (detail.UnpackTo(&taken)) {
      error = std::move(error).with("run_id", taken.run_id());
    }
    ::temporal::api::errordetails::v1::QueryFailedFailure failed;
    if (detail.UnpackTo(&failed) && failed.has_failure()) {
      error = from_failure(to_json(failed.failure()));
    }
  }
  return error;
}

}  // namespace

Error call_error(int grpc_code, const std::string& message, const std::string& details) {
  for (const Meaning& meaning : kMeanings) {
    if (meaning.grpc_code == grpc_code) {
      const bool closed = grpc_code == 5 && message.contains("already completed");
      const bool too_large = message.contains("message larger than max");
      Error error = closed ? Error(Code::kFailedPrecondition, "the run is closed")
                           : Error(meaning.code, std::string(meaning.sentence),
                                   too_large ? Retry::kPermanent : meaning.retry);
      return with_details(std::move(error).with("answer", message), details);
    }
  }
  return Error(Code::kInternal, "Temporal answered with an unknown status").with("answer", message);
}

}  // namespace holdfast::flow::temporal
