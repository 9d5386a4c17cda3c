#include "flow/temporal/grpc_wire.h"

#include <gtest/gtest.h>

#include "core/base/bytes.h"
#include "core/net/http2_session.h"
#include "flow/temporal/proto/errordetails.pb.h"
#include "flow/temporal/proto/status.pb.h"

namespace holdfast::flow::temporal {
namespace {

GrpcAnswer headed() {
  GrpcAnswer answer;
  answer.header(":status", "200");
  answer.header("content-type", "application/grpc+proto");
  return answer;
}

TEST(GrpcWire, FramesAMessageWithItsLength) {
  EXPECT_EQ(grpc_frame(""), std::string(5, '\0'));
  EXPECT_EQ(grpc_frame("abc"), std::string("\0\0\0\0\3abc", 8));
  EXPECT_EQ(grpc_frame(std::string(70'000, 'x')).substr(0, 5), std::string("\0\0\1\x11\x70", 5));
}

TEST(GrpcWire, SaysTimesWithAtMostEightDigits) {
  EXPECT_EQ(grpc_timeout(std::chrono::seconds(10)), "10000m");
  EXPECT_EQ(grpc_timeout(Nanoseconds(1)), "1m");
  EXPECT_EQ(grpc_timeout(Nanoseconds(-5)), "1m");
  EXPECT_EQ(grpc_timeout(std::chrono::hours(24 * 30)), "2592000S");
}

TEST(GrpcAnswer, IsItsMessageHoweverTheBytesCome) {
  const std::string frame = grpc_frame("an answer");
  for (std::size_t cut = 0; cut <= frame.size(); ++cut) {
    GrpcAnswer answer = headed();
    EXPECT_TRUE(answer.data(std::string_view(frame).substr(0, cut)));
    EXPECT_TRUE(answer.data(std::string_view(frame).substr(cut)));
    answer.header("grpc-status", "0");
    EXPECT_EQ(answer.finish(0).value_or("?"), "an answer") << cut;
  }
}

TEST(GrpcAnswer, SaysWhenItIsCutOffOrTooLong) {
  for (const std::string& body : {std::string(), std::string("\0\0", 2), grpc_frame("abc") + "d",
                                  grpc_frame("abc").substr(0, 7)}) {
    GrpcAnswer answer = headed();
    EXPECT_TRUE(answer.data(body));
    answer.header("grpc-status", "0");
    const auto finished = answer.finish(0);
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().code(), Code::kDataLoss);
  }
}

TEST(GrpcAnswer, IsRefusedWhenItIsCompressedOrLargerThanTheLimit) {
  GrpcAnswer compressed = headed();
  EXPECT_FALSE(compressed.data(std::string("\1\0\0\0\1x", 6)));
  EXPECT_EQ(compressed.finish(net::Http2Session::kCancel).error().code(), Code::kDataLoss);
  GrpcAnswer large = headed();
  EXPECT_FALSE(large.data(std::string("\0\x08\0\0\1", 5)));  // 128 MiB and a byte
  EXPECT_EQ(large.finish(net::Http2Session::kCancel).error().code(), Code::kResourceExhausted);
  GrpcAnswer just_fits = headed();
  EXPECT_TRUE(just_fits.data(std::string("\0\x08\0\0\0", 5)));
}

TEST(GrpcAnswer, CarriesStatusSentenceAndDetails) {
  ::temporal::api::errordetails::v1::WorkflowExecutionAlreadyStartedFailure taken;
  taken.set_run_id("run-7");
  google::rpc::Status status;
  status.add_details()->PackFrom(taken);
  const std::string bytes = status.SerializeAsString();
  std::string header = to_base64(as_bytes(bytes));
  while (header.ends_with('=')) {
    header.pop_back();  // servers leave the padding away
  }
  GrpcAnswer answer = headed();
  answer.header("grpc-status", "6");
  answer.header("grpc-message", "taken%3A by%20somebody");
  answer.header("grpc-status-details-bin", header);
  const auto finished = answer.finish(0);
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().code(), Code::kAlreadyExists);
  EXPECT_NE(finished.error().to_string().find("taken: by somebody"), std::string::npos);
  EXPECT_NE(finished.error().to_string().find("run_id: run-7"), std::string::npos);
}

TEST(GrpcAnswer, OfAProxyIsWhatItsHttpStatusMeans) {
  const std::pair<std::string_view, Code> meanings[] = {{"401", Code::kUnauthenticated},
                                                        {"403", Code::kPermissionDenied},
                                                        {"404", Code::kFailedPrecondition},
                                                        {"503", Code::kUnavailable},
                                                        {"200", Code::kUnavailable}};
  for (const auto& [status, code] : meanings) {
    GrpcAnswer answer;
    answer.header(":status", status);
    answer.header("content-type", "text/html");
    EXPECT_TRUE(answer.data("<html>"));
    const auto finished = answer.finish(0);
    ASSERT_FALSE(finished);
    EXPECT_EQ(finished.error().code(), code) << status;
    EXPECT_NE(finished.error().to_string().find(status), std::string::npos);
  }
}

TEST(GrpcAnswer, OfAStreamThatWasResetIsWhatTheResetMeans) {
  const std::pair<std::uint32_t, Code> meanings[] = {
      {net::Http2Session::kRefusedStream, Code::kUnavailable},
      {net::Http2Session::kCancel, Code::kCancelled},
      {net::Http2Session::kEnhanceYourCalm, Code::kResourceExhausted},
      {net::Http2Session::kInadequateSecurity, Code::kPermissionDenied},
      {2, Code::kUnavailable},
      {0, Code::kUnavailable}};
  for (const auto& [error, code] : meanings) {
    EXPECT_EQ(GrpcAnswer().finish(error).error().code(), code) << error;
  }
}

}  // namespace
}  // namespace holdfast::flow::temporal
