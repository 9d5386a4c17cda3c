// yaml-cpp behind the façade. Its history has stack overflows and hangs on hostile text, so size,
// nesting and the number of produced values are bounded before and while it is walked.
#include "core/base/yaml.h"

#include <fmt/core.h>
#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/yaml.h>

#include <charconv>
#include <cmath>
#include <sstream>

namespace holdfast {
namespace {

constexpr size_t kMaxBytes = 1u << 20;
constexpr int kMaxDepth = 64;
constexpr size_t kMaxValues = 10'000;
constexpr size_t kMaxDocuments = 1'000;

Error bad_yaml(const YAML::Mark& mark, std::string_view why) {
  return Error(Code::kInvalidArgument, fmt::format("not valid YAML at line {}, column {}: {}",
                                                   mark.line + 1, mark.column + 1, why));
}

// Refuses flow nesting and indentation beyond the limit, before the recursive parser sees the text.
Status check_nesting(std::string_view text) {
  int flow = 0;
  int line = 1;
  size_t line_start = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '\n') {
      ++line;
      line_start = i + 1;
    }
    flow += c == '[' || c == '{' ? 1 : (c == ']' || c == '}') && flow > 0 ? -1 : 0;
    const bool leading_dashes =
        c == '-' && i - line_start > 4 * kMaxDepth &&
        text.substr(line_start, i - line_start).find_first_not_of("- ") == std::string_view::npos;
    if (flow > kMaxDepth || leading_dashes) {
      return Error(
          Code::kInvalidArgument,
          fmt::format("not valid YAML at line {}: nested deeper than {}", line, kMaxDepth));
    }
  }
  return {};
}

Json plain_scalar(const std::string& text) {
  if (text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL") {
    return nullptr;
  }
  if (text == "true" || text == "True" || text == "TRUE") {
    return true;
  }
  if (text == "false" || text == "False" || text == "FALSE") {
    return false;
  }
  const char* const end = text.data() + text.size();
  std::int64_t integer = 0;
  if (auto [at, failure] = std::from_chars(text.data(), end, integer);
      failure == std::errc() && at == end) {
    return integer;
  }
  double number = 0;
  const bool numeric = text.find_first_not_of("+-.0123456789eE") == std::string::npos;
  if (auto [at, failure] = std::from_chars(text.data(), end, number);
      numeric && failure == std::errc() && at == end && std::isfinite(number)) {
    return number;
  }
  return Json(text);
}

class Converter {
 public:
  explicit Converter(YamlDocument& document) : document_(document) {}

  Result<Json> convert(const YAML::Node& node, const std::string& pointer, int depth) {
    const YAML::Mark mark = node.Mark();
    if (depth > kMaxDepth || ++values_ > kMaxValues) {
      return bad_yaml(mark, depth > kMaxDepth ? "nested too deeply" : "too many values");
    }
    document_.positions[pointer] = {mark.line + 1, mark.column + 1};
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        HF_TRY_VOID(check_text(node.Scalar(), mark));
        return node.Tag() == "!" ? Json(node.Scalar()) : plain_scalar(node.Scalar());
      case YAML::NodeType::Sequence:
        return sequence(node, pointer, depth);
      case YAML::NodeType::Map:
        return map(node, pointer, depth);
      default:
        return Json(nullptr);
    }
  }

 private:
  // The bytes of a text, and of escapes like "\ud800", may be no UTF-8; JSON cannot hold them.
  static Status check_text(const std::string& text, const YAML::Mark& mark) {
    const bool fine = parse_json(to_text(Json(text)), 8 * kMaxBytes).has_value();
    return fine ? Status() : Status(bad_yaml(mark, "the text is not UTF-8"));
  }

  Result<Json> sequence(const YAML::Node& node, const std::string& pointer, int depth) {
    JsonArray array;
    for (const YAML::Node& item : node) {
      HF_TRY(Json value, convert(item, pointer + "/" + std::to_string(array.size()), depth + 1));
      array.push_back(std::move(value));
    }
    return Json(std::move(array));
  }

  Result<Json> map(const YAML::Node& node, const std::string& pointer, int depth) {
    JsonObject object;
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        return bad_yaml(entry.first.Mark(), "a key must be a text");
      }
      const std::string& key = entry.first.Scalar();
      HF_TRY_VOID(check_text(key, entry.first.Mark()));
      if (object.contains(key)) {
        return bad_yaml(entry.first.Mark(), fmt::format("the key '{}' appears twice", key));
      }
      HF_TRY(Json value, convert(entry.second, pointer + "/" + key, depth + 1));
      object[key] = std::move(value);
    }
    return Json(std::move(object));
  }

  YamlDocument& document_;
  size_t values_ = 0;
};

// Goes through the text once before it is loaded: on some texts (", 2") yaml-cpp 0.7 finds
// documents for ever without moving on, and takes memory for each.
class Progress final : public YAML::EventHandler {
 public:
  void OnDocumentStart(const YAML::Mark& mark) override {
    if (++documents_ > kMaxDocuments) {
      throw YAML::ParserException(mark, fmt::format("more than {} documents", kMaxDocuments));
    }
    events_ = 0;  // the limit is one document's
    count(mark);
  }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override { count(mark); }
  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override { count(mark); }
  void OnScalar(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                const std::string&) override {
    count(mark);
  }
  void OnSequenceStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    count(mark);
  }
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark& mark, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    count(mark);
  }
  void OnMapEnd() override {}

 private:
  // Keys count here and values only in the converter, so the limit is wider.
  void count(const YAML::Mark& mark) {
    if (++events_ > 4 * kMaxValues) {
      throw YAML::ParserException(mark, "too many values");
    }
  }
  size_t documents_ = 0;
  size_t events_ = 0;
};

void check_progress(const std::string& text) {
  std::istringstream in(text);
  YAML::Parser parser(in);
  Progress progress;
  while (parser.HandleNextDocument(progress)) {
  }
}

void emit(const Json& value, YAML::Emitter& out) {
  if (const JsonObject* object = value.if_object()) {
    out << YAML::BeginMap;
    for (const auto& field : *object) {
      out << YAML::Key << std::string(field.key()) << YAML::Value;
      emit(field.value(), out);
    }
    out << YAML::EndMap;
  } else if (const JsonArray* array = value.if_array()) {
    out << YAML::BeginSeq;
    for (const Json& item : *array) {
      emit(item, out);
    }
    out << YAML::EndSeq;
  } else if (const boost::json::string* text = value.if_string()) {
    // Quote what would be read back as something else than this text.
    const std::string plain(*text);
    out << (plain_scalar(plain).is_string() ? YAML::Auto : YAML::DoubleQuoted) << plain;
  } else if (value.is_null()) {
    out << YAML::Null;
  } else {
    out << to_text(value);
  }
}

}  // namespace

SourcePosition YamlDocument::position_of(std::string_view pointer) const {
  std::string at(pointer);
  while (true) {
    if (const auto found = positions.find(at); found != positions.end()) {
      return found->second;
    }
    const size_t slash = at.rfind('/');
    if (slash == std::string::npos) {
      return {1, 1};
    }
    at.resize(slash);
  }
}

Result<std::vector<YamlDocument>> parse_yaml(std::string_view text) {
  if (text.size() > kMaxBytes) {
    return Error(Code::kInvalidArgument, "the YAML text is longer than 1 MiB");
  }
  HF_TRY_VOID(check_nesting(text));
  try {
    std::vector<YamlDocument> documents;
    const std::string copy(text);
    check_progress(copy);
    for (const YAML::Node& node : YAML::LoadAll(copy)) {
      YamlDocument document;
      HF_TRY(document.value, Converter(document).convert(node, "", 0));
      documents.push_back(std::move(document));
    }
    return documents;
  } catch (const YAML::Exception& failure) {
    return bad_yaml(failure.mark, failure.msg);
  }
}

std::string to_yaml(const Json& value) {
  YAML::Emitter out;
  emit(value, out);
  return std::string(out.c_str()) + "\n";
}

}  // namespace holdfast
