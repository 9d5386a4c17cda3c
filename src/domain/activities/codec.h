// JSON codecs for plain values that list their fields once:
//
//   struct VolumeRef {
//     std::string driver;
//     std::string path;
//     static void fields(auto& v, auto&& visit) { visit("driver", v.driver); visit("path", v.path);
//     }
//   };
//
// encode() writes every field; decode() gives a missing or differently typed field its default, so
// that values of an earlier version can still be read from a history.
#pragma once

#include <concepts>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

#include <boost/json.hpp>

#include "core/base/json.h"
#include "core/base/time.h"

namespace holdfast::activities {

template <class T>
concept Described = requires(T& value) { T::fields(value, [](const char*, auto&) {}); };

template <Described T>
Json encode(const T& value);
template <Described T>
T decode(const Json& value);

namespace detail {

inline Json encode_field(const std::string& field) { return Json(field); }
inline Json encode_field(bool field) { return Json(field); }
inline Json encode_field(std::uint64_t field) { return Json(field); }
inline Json encode_field(std::int64_t field) { return Json(field); }
inline Json encode_field(UtcTime field) { return Json(to_rfc3339(field)); }
template <Described T>
Json encode_field(const T& field) {
  return encode(field);
}
template <class T>
Json encode_field(const std::vector<T>& field) {
  JsonArray list;
  for (const T& item : field) {
    list.push_back(encode_field(item));
  }
  return list;
}

inline void decode_field(const Json& value, std::string& field) {
  if (value.is_string()) {
    field = std::string(value.get_string());
  }
}
inline void decode_field(const Json& value, bool& field) {
  field = value.is_bool() ? value.get_bool() : field;
}
inline void decode_field(const Json& value, std::int64_t& field) {
  field = value.is_int64()    ? value.get_int64()
          : value.is_uint64() ? static_cast<std::int64_t>(value.get_uint64())
                              : field;
}
inline void decode_field(const Json& value, std::uint64_t& field) {
  auto number = static_cast<std::int64_t>(field);
  decode_field(value, number);
  field = static_cast<std::uint64_t>(number);
}
inline void decode_field(const Json& value, UtcTime& field) {
  if (value.is_string()) {
    field = parse_rfc3339(std::string_view(value.get_string())).value_or(field);
  }
}
template <Described T>
void decode_field(const Json& value, T& field) {
  field = decode<T>(value);
}
template <class T>
void decode_field(const Json& value, std::vector<T>& field) {
  if (value.is_array()) {
    for (const Json& item : value.get_array()) {
      decode_field(item, field.emplace_back());
    }
  }
}

}  // namespace detail

template <Described T>
Json encode(const T& value) {
  JsonObject object;
  T::fields(value, [&](const char* name, const auto& field) {
    object[name] = detail::encode_field(field);
  });
  return object;
}

template <Described T>
T decode(const Json& value) {
  T result;
  T::fields(result, [&](const char* name, auto& field) {
    if (const Json* found = find(value, name)) {
      detail::decode_field(*found, field);
    }
  });
  return result;
}

}  // namespace holdfast::activities
