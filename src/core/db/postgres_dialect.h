// From the common SQL of this project to PostgreSQL's. Pure functions.
#pragma once

#include <string>
#include <string_view>

namespace holdfast::db {

// ?1 becomes $1; what stands in quotes stays.
std::string to_postgres_parameters(std::string_view sql);

// Also the names of column types, as database.h lists them, and without STRICT.
std::string to_postgres_schema(std::string_view sql);

}  // namespace holdfast::db
