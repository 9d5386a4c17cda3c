#include "drivers/storage/ontap/endpoint.h"

#include <gtest/gtest.h>

namespace holdfast::storage::ontap {
namespace {

Result<SecretString> read(const std::string& file) {
  if (file == "/gone") {
    return Error(Code::kNotFound, "no such file");
  }
  return SecretString("secret of " + file);
}

Result<Endpoint> decode(const std::string& text) {
  return decode_endpoint(*parse_json(text), read);
}

TEST(OntapEndpoint, TakesAClusterWithUserAndPassword) {
  const auto east = decode(R"({"kind":"system","name":"east","type":"ontap",
    "address":"cluster.example.com","user":"u","password_file":"/p",
    "tls":{"ca_file":"/ca"},"mounts":{"svm1:/vol1":"/mnt/vol1/","c1/svm1:/":"/mnt"}})");
  ASSERT_TRUE(east) << east.error().to_string();
  EXPECT_EQ(east->base_url, "https://cluster.example.com:443");
  EXPECT_EQ(east->password.expose(), "secret of /p");
  EXPECT_EQ(east->mounts.at("svm1:/vol1"), "/mnt/vol1");
  EXPECT_EQ(east->mounts.size(), 2u);
}

TEST(OntapEndpoint, TakesTheOtherWaysToLogIn) {
  const auto token = decode(R"({"name":"a","type":"ontap","address":"https://c",
    "oauth2":{"token_url":"https://idp/token","client_id":"i","client_secret_file":"/s"}})");
  ASSERT_TRUE(token) << token.error().to_string();
  EXPECT_EQ(token->login, Login::kOAuth2);
  const auto certificate = decode(R"({"name":"a","type":"ontap","address":"https://c",
    "certificate":{"cert_file":"/c","key_file":"/k"}})");
  ASSERT_TRUE(certificate) << certificate.error().to_string();
  EXPECT_EQ(certificate->tls.certificate_file, "/c");
}

TEST(OntapEndpoint, NamesEverythingThatIsWrongAtOnce) {
  const auto wrong = decode(R"({"name":"a","type":"nas","address":"http://c.example.com/x",
    "user":"u","password_file":"/gone","certificate":{"cert_file":"/c","key_file":"/k"},
    "mounts":{"vol1":"/mnt"},"max_requests":0,"colour":"red"})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code(), Code::kInvalidArgument);
  std::string pointers;
  for (const auto& [pointer, message] : wrong.error().context()) {
    pointers += pointer + " ";
  }
  for (const char* pointer :
       {"/type", "/address", "/oauth2", "/mounts", "/max_requests", "/colour"}) {
    EXPECT_NE(pointers.find(pointer), std::string::npos) << pointer << " in " << pointers;
  }
}

TEST(OntapEndpoint, SaysWhenASecretCannotBeRead) {
  const auto wrong = decode(
      R"({"name":"a","type":"ontap","address":"https://c","user":"u","password_file":"/gone"})");
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().context().front().first, "/password_file");
}

TEST(OntapEndpoint, KeepsUnifiedManagerToUserAndPassword) {
  EXPECT_FALSE(decode(R"({"name":"a","type":"active-iq","address":"https://c",
    "certificate":{"cert_file":"/c","key_file":"/k"}})"));
}

}  // namespace
}  // namespace holdfast::storage::ontap
