// Parameters travel as text, bytes in binary; answers come as text and are read by their column's
// type. Sums are NUMERIC in PostgreSQL and integers here, as in SQLite.
#include "core/db/postgres_values.h"

#include <fmt/core.h>

#include <array>
#include <charconv>
#include <cstdlib>

namespace holdfast::db {
namespace {

// Type ids from PostgreSQL's pg_type.dat; they never change.
constexpr Oid kBool = 16;
constexpr Oid kBytes = 17;
constexpr Oid kInt8 = 20;
constexpr Oid kInt2 = 21;
constexpr Oid kInt4 = 23;
constexpr Oid kText = 25;
constexpr Oid kOid = 26;
constexpr Oid kFloat4 = 700;
constexpr Oid kFloat8 = 701;
constexpr Oid kNumeric = 1700;

Buffer bytes_of(const char* text) {
  std::size_t size = 0;
  unsigned char* raw = PQunescapeBytea(reinterpret_cast<const unsigned char*>(text), &size);
  Buffer bytes(raw, raw + size);
  PQfreemem(raw);
  return bytes;
}

Value number_of(std::string_view text) {
  std::int64_t integer = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), integer);
  if (problem == std::errc() && end == text.data() + text.size()) {
    return integer;
  }
  return std::strtod(std::string(text).c_str(), nullptr);
}

Value value_of(const PGresult* result, int row, int column) {
  if (PQgetisnull(result, row, column) != 0) {
    return nullptr;
  }
  const char* data = PQgetvalue(result, row, column);
  const std::string_view text(data, static_cast<std::size_t>(PQgetlength(result, row, column)));
  switch (PQftype(result, column)) {
    case kBool:
      return std::int64_t{text == "t"};
    case kInt2:
    case kInt4:
    case kInt8:
    case kOid:
    case kNumeric:
      return number_of(text);
    case kFloat4:
    case kFloat8:
      return std::strtod(data, nullptr);
    case kBytes:
      return bytes_of(data);
    default:
      return std::string(text);
  }
}

struct Meaning {
  std::string_view state;  // a SQLSTATE, or its class
  Code code;
  Retry retry;
  std::string_view what;
};

constexpr std::string_view kRule = "a row contradicts a rule of the state database";
constexpr std::string_view kEnded = "the database server ended the connection";
constexpr std::string_view kNoText = "a text is not valid UTF-8, which PostgreSQL cannot hold";
constexpr std::string_view kRights = "the database server does not allow this to its user";
constexpr std::string_view kDamaged = "the state database is damaged";

// The first line that fits; https://www.postgresql.org/docs/15/errcodes-appendix.html.
constexpr std::array kMeanings = {
    Meaning{"23505", Code::kAlreadyExists, Retry::kPermanent, kRule},
    Meaning{"23", Code::kInvalidArgument, Retry::kPermanent, kRule},
    Meaning{"53100", Code::kResourceExhausted, Retry::kTransient,
            "the disk of the state database is full; free space and try again"},
    Meaning{"53300", Code::kUnavailable, Retry::kTransient,
            "the database server has no free connection; raise its max_connections"},
    Meaning{"53", Code::kUnavailable, Retry::kTransient,
            "the database server is short of memory or another resource"},
    Meaning{"08", Code::kUnavailable, Retry::kTransient, kEnded},
    Meaning{"57014", Code::kUnavailable, Retry::kTransient,
            "somebody cancelled a statement on the database server"},
    Meaning{"57", Code::kUnavailable, Retry::kTransient, kEnded},
    Meaning{"58", Code::kUnavailable, Retry::kTransient,
            "the database server cannot read or write its files; check its disk"},
    Meaning{"40", Code::kUnavailable, Retry::kTransient,
            "the database server gave this transaction up for another one"},
    Meaning{"55P03", Code::kUnavailable, Retry::kTransient,
            "the state database is locked by another program"},
    Meaning{"25006", Code::kFailedPrecondition, Retry::kPermanent,
            "the state database can only be read here"},
    Meaning{"22021", Code::kInvalidArgument, Retry::kPermanent, kNoText},
    Meaning{"22P05", Code::kInvalidArgument, Retry::kPermanent, kNoText},
    Meaning{"42501", Code::kPermissionDenied, Retry::kPermanent, kRights},
    Meaning{"28", Code::kPermissionDenied, Retry::kPermanent, kRights},
    Meaning{"XX001", Code::kDataLoss, Retry::kPermanent, kDamaged},
    Meaning{"XX002", Code::kDataLoss, Retry::kPermanent, kDamaged},
    Meaning{"", Code::kInternal, Retry::kPermanent, "the state database refused a statement"},
};

std::string_view field(const PGresult* result, int which) {
  const char* text = PQresultErrorField(result, which);
  return text == nullptr ? "" : text;
}

std::string_view without_newline(std::string_view text) { return text.substr(0, text.find('\n')); }

}  // namespace

PostgresParameters::PostgresParameters(const Values& values) {
  texts.reserve(values.size());  // data points into them
  for (const Value& value : values) {
    Oid type = 0;
    const char* at = nullptr;
    int length = 0;
    int format = 0;
    if (const auto* number = std::get_if<std::int64_t>(&value)) {
      type = kInt8;
      at = texts.emplace_back(fmt::format("{}", *number)).c_str();
    } else if (const auto* real = std::get_if<double>(&value)) {
      type = kFloat8;
      at = texts.emplace_back(fmt::format("{}", *real)).c_str();
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      type = kText;
      at = text->c_str();
    } else if (const auto* bytes = std::get_if<Buffer>(&value)) {
      type = kBytes;
      at = bytes->empty() ? "" : reinterpret_cast<const char*>(bytes->data());
      length = static_cast<int>(bytes->size());
      format = 1;
    }
    types.push_back(type);
    data.push_back(at);
    lengths.push_back(length);
    formats.push_back(format);
  }
}

Status check_texts(const Values& values) {
  for (const Value& value : values) {
    const auto* text = std::get_if<std::string>(&value);
    if (text != nullptr && text->find('\0') != std::string::npos) {
      return Error(Code::kInvalidArgument,
                   "a text with a NUL byte cannot be kept in PostgreSQL; store it as bytes");
    }
  }
  return {};
}

PostgresAnswer answer_of(PGresult* result) {
  PostgresAnswer answer;
  answer.tag = PQcmdStatus(result);
  const bool changes = answer.tag.starts_with("INSERT") || answer.tag.starts_with("UPDATE") ||
                       answer.tag.starts_with("DELETE");
  if (changes) {
    answer.changed = std::strtoll(PQcmdTuples(result), nullptr, 10);
  }
  const int columns = PQnfields(result);
  for (int row = 0; row < PQntuples(result); ++row) {
    std::vector<Value> values;
    values.reserve(static_cast<std::size_t>(columns));
    for (int column = 0; column < columns; ++column) {
      values.push_back(value_of(result, row, column));
    }
    answer.rows.emplace_back(std::move(values));
  }
  return answer;
}

Error postgres_error(const PGresult* result, std::string_view sql) {
  const std::string_view state = field(result, PG_DIAG_SQLSTATE);
  const Meaning& meaning = *std::ranges::find_if(
      kMeanings, [state](const Meaning& line) { return state.starts_with(line.state); });
  Error error =
      Error(meaning.code, std::string(meaning.what), meaning.retry)
          .with("postgres", fmt::format("{} {}", state, field(result, PG_DIAG_MESSAGE_PRIMARY)));
  return sql.empty() ? error : std::move(error).with("statement", std::string(sql.substr(0, 80)));
}

bool ends_connection(const PGresult* result) {
  return field(result, PG_DIAG_SQLSTATE).starts_with("57P") ||
         field(result, PG_DIAG_SQLSTATE).starts_with("08");
}

Error postgres_lost(std::string_view why) {
  return Error(Code::kUnavailable, "the connection to the database server was lost",
               Retry::kTransient)
      .with("postgres", std::string(without_newline(why)));
}

}  // namespace holdfast::db
