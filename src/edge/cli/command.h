// The table of commands: words, options, and the function that runs. args.cc turns it into a
// parser, completion.cc into completions; nothing else knows the shape of a command line.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/json.h"
#include "core/base/result.h"

namespace holdfast::cli {

class Session;

// The values of one parsed command line, by option ("--path") or positional ("NAME").
class Arguments {
 public:
  void add(const std::string& name, std::string value) {
    values_[name].push_back(std::move(value));
  }
  bool has(std::string_view name) const { return values_.contains(name); }
  // The last value, or an empty text.
  std::string get(std::string_view name) const;
  std::vector<std::string> all(std::string_view name) const;

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

// The values of --label NAME=VALUE.
Result<JsonObject> labels_of(const Arguments& arguments);

struct Option {
  std::string_view name;   // --path
  std::string_view value;  // DIR; empty: a flag
  std::string_view help;
  bool repeated = false;
  bool required = false;
};

struct Positional {
  std::string_view name;  // NAME
  std::string_view help;
  bool required = true;
};

struct Command {
  std::string_view words;  // "run list"
  std::string_view help;
  std::vector<Positional> positionals;
  std::vector<Option> options;
  // Answers the exit code, or the error that main prints.
  Result<int> (*run)(Session&, const Arguments&);
};

// Every command but serve, agent run and repo, in the order of --help.
const std::vector<Command>& commands();

// The tables of commands by noun.
std::vector<Command> protection_commands();
std::vector<Command> point_commands();
std::vector<Command> run_commands();
std::vector<Command> schedule_commands();
std::vector<Command> agent_commands();
std::vector<Command> system_commands();
std::vector<Command> server_commands();

}  // namespace holdfast::cli
