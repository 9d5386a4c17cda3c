#include "edge/cli/args.h"

#include <fmt/core.h>
#include <CLI/CLI.hpp>

#include <array>
#include <charconv>
#include <filesystem>
#include <list>

#include "edge/cli/display.h"

namespace holdfast::cli {
namespace {

constexpr int kUsage = 2;

// CLI11 keeps references to where values go: stable storage for one command line.
struct Slot {
  std::string name;
  std::vector<std::string> values;
  bool flag = false;
};

struct Attached {
  const Command* command = nullptr;
  CLI::App* app = nullptr;
  std::list<Slot> slots;
};

// What the nouns are, for the list of commands.
constexpr std::array<std::pair<std::string_view, std::string_view>, 12> kNouns{{
    {"resource", "What is protected"},
    {"repository", "Where copies are kept"},
    {"policy", "What is promised"},
    {"channel", "Who is told"},
    {"notify", "Try a channel"},
    {"point", "Recovery points: what can be brought back"},
    {"catalog", "The list of all points"},
    {"run", "Backups, recoveries and proofs: running and past"},
    {"approval", "Decisions that a recovery waits for"},
    {"schedule", "When runs are due"},
    {"key", "API keys"},
    {"agent", "Workers on other hosts"},
}};

std::string_view noun_help(std::string_view word) {
  for (const auto& [noun, help] : kNouns) {
    if (noun == word) {
      return help;
    }
  }
  return word == "audit" ? "Who changed what" : "";
}

// The subcommand for "run list", made with its parents.
CLI::App* subcommand_for(CLI::App& root, std::string_view words) {
  CLI::App* app = &root;
  while (!words.empty()) {
    const std::string word(words.substr(0, words.find(' ')));
    words.remove_prefix(std::min(words.size(), word.size() + 1));
    CLI::App* next = nullptr;
    for (CLI::App* known : app->get_subcommands([](CLI::App*) { return true; })) {
      next = known->get_name() == word ? known : next;
    }
    app = next != nullptr ? next : app->add_subcommand(word, std::string(noun_help(word)));
  }
  return app;
}

void attach(CLI::App& root, const Command& command, Attached& attached) {
  attached.command = &command;
  attached.app = subcommand_for(root, command.words);
  attached.app->description(std::string(command.help));
  for (const Positional& positional : command.positionals) {
    Slot& slot = attached.slots.emplace_back(Slot{std::string(positional.name), {}, false});
    CLI::Option* option =
        attached.app->add_option(slot.name, slot.values, std::string(positional.help));
    option->expected(1)->allow_extra_args(false)->required(positional.required);
  }
  for (const Option& wanted : command.options) {
    // "--file,-f" is found again by its first name.
    const std::string names(wanted.name);
    Slot& slot = attached.slots.emplace_back(
        Slot{names.substr(0, names.find(',')), {}, wanted.value.empty()});
    if (slot.flag) {
      attached.app->add_flag_function(names, [](std::int64_t) {}, std::string(wanted.help));
      continue;
    }
    CLI::Option* option = attached.app->add_option(names, slot.values, std::string(wanted.help));
    option->type_name(std::string(wanted.value))->expected(1)->take_all();
    option->required(wanted.required);
    if (!wanted.repeated) {
      option->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    }
  }
}

Arguments arguments_of(const Attached& attached) {
  Arguments arguments;
  for (const Slot& slot : attached.slots) {
    if (slot.flag && attached.app->count(slot.name) > 0) {
      arguments.add(slot.name, "true");
    }
    for (const std::string& value : slot.values) {
      arguments.add(slot.name, value);
    }
  }
  return arguments;
}

// A directory that is named from here: paths in it go into documents, which are read elsewhere.
std::string from_root(const std::string& path) {
  std::error_code failed;  // of the working directory: the path stays as it is
  const auto absolute = std::filesystem::absolute(path, failed);
  return failed || path.empty() ? path : absolute.lexically_normal().string();
}

struct ServeSlots {
  ServeOptions options;
  std::string listen = "127.0.0.1:7420";
};

CLI::App* attach_serve(CLI::App& root, ServeSlots& slots) {
  CLI::App* app = root.add_subcommand("serve", "Run the server");
  app->add_option("--data", slots.options.data_dir, "The server's directory")
      ->type_name("DIR")
      ->transform(from_root)
      ->required();
  app->add_option("--listen", slots.listen, "Where to listen")
      ->type_name("ADDRESS:PORT")
      ->capture_default_str();
  app->add_flag("--reset-admin", slots.options.reset_admin,
                "Revoke the owner's key and make a new one");
  app->add_option("--tls-cert", slots.options.certificate_file, "Certificate chain (PEM)")
      ->type_name("FILE");
  app->add_option("--tls-key", slots.options.private_key_file, "Private key (PEM)")
      ->type_name("FILE");
  app->add_option("--config", slots.options.config_file,
                  "Settings (YAML): workflow engine, state database")
      ->type_name("FILE");
  return app;
}

CLI::App* attach_agent(CLI::App& root, AgentOptions& options) {
  CLI::App* app = subcommand_for(root, "agent run");
  app->description("Run the agent of this host; docs/agents.md");
  app->add_option("--server", options.server, "The server's address (HOLDFAST_SERVER)")
      ->type_name("URL");
  app->add_option("--token-file", options.token_file, "Its key (HOLDFAST_TOKEN_FILE)")
      ->type_name("FILE");
  app->add_option("--data", options.data_dir, "The agent's directory")
      ->type_name("DIR")
      ->transform(from_root);
  app->add_option("--ca-file", options.ca_file,
                  "Authority of the server's certificate (HOLDFAST_CA_FILE)")
      ->type_name("FILE");
  app->add_option("--places", options.places, "Tasks at once (2)")
      ->type_name("N")
      ->check(CLI::Range(1, 64));
  app->add_option("--repository", options.repositories,
                  "A repository of this host, by the server's name for it; may be repeated")
      ->type_name("NAME=LOCATION,PASSWORD_FILE")
      ->expected(1)
      ->take_all();
  app->add_option("--config", options.config_file, "The same as a file (YAML)")->type_name("FILE");
  return app;
}

// The words of the innermost command that was named: "holdfast run list".
std::string command_words(const CLI::App& root, const CLI::App*& innermost) {
  innermost = &root;
  std::string words = root.get_name();
  while (!innermost->get_subcommands().empty()) {
    innermost = innermost->get_subcommands().front();
    words += " " + innermost->get_name();
  }
  return words;
}

std::string names_of_subcommands(const CLI::App& app) {
  std::string names;
  for (const CLI::App* known : app.get_subcommands([](const CLI::App*) { return true; })) {
    names += (names.empty() ? "" : ", ") + known->get_name();
  }
  return names;
}

int usage_error(std::string_view what, const std::string& words) {
  fmt::print(stderr, "holdfast: {}; see '{} --help'\n", printable(what), words);
  return kUsage;
}

// 127.0.0.1:7420 or [::1]:7420.
ParseOutcome finish_serve(ServeSlots& slots) {
  const std::string& text = slots.listen;
  const size_t colon = std::min(text.rfind(':'), text.size());
  const std::string port = colon == text.size() ? "" : text.substr(colon + 1);
  std::string address = text.substr(0, colon);
  const bool v6 = address.starts_with('[') && address.ends_with(']');
  if (v6) {
    address = address.substr(1, address.size() - 2);
  }
  const auto [end, failure] =
      std::from_chars(port.data(), port.data() + port.size(), slots.options.port);
  if (port.empty() || failure != std::errc() || end != port.data() + port.size() ||
      address.empty() || v6 != address.contains(':')) {
    return usage_error(
        fmt::format("--listen '{}' is no ADDRESS:PORT such as 127.0.0.1:7420 or [::1]:7420", text),
        "holdfast serve");
  }
  slots.options.listen_address = address;
  return slots.options;
}

// What CLI11 found, in one sentence.
int usage_error(const CLI::App& root, const CLI::ParseError& problem) {
  const CLI::App* innermost = nullptr;
  const std::string words = command_words(root, innermost);
  const std::vector<std::string> extras = root.remaining(true);
  if (dynamic_cast<const CLI::ExtrasError*>(&problem) != nullptr && !extras.empty()) {
    const std::string& extra = extras.front();
    const bool option = extra.starts_with('-');
    if (!option && !names_of_subcommands(*innermost).empty()) {
      return usage_error(fmt::format("'{}' has no command '{}'", words, extra), words);
    }
    return usage_error(
        fmt::format("'{}' takes no {} '{}'", words, option ? "option" : "more words:", extra),
        words);
  }
  const std::string what = problem.what();
  const std::string name = what.substr(0, what.find(':'));
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&problem) != nullptr) {
    return usage_error(name.starts_with('-') ? fmt::format("'{}' needs a value", name)
                                             : fmt::format("'{}' takes one {}", words, name),
                       words);
  }
  return usage_error(what, words);
}

// A noun alone, or nothing at all.
int incomplete(const CLI::App& root) {
  const CLI::App* innermost = nullptr;
  const std::string words = command_words(root, innermost);
  if (innermost == &root) {
    fmt::print(stderr, "{}", root.help());
    return kUsage;
  }
  if (innermost->get_name() == "repo") {
    return usage_error("'repo' is the first word: holdfast repo VERB [--json]", words);
  }
  return usage_error(fmt::format("'{}' needs one of {}", words, names_of_subcommands(*innermost)),
                     words);
}

}  // namespace

ParseOutcome parse_command_line(int argc, const char* const* argv) {
  CLI::App root("Backup and recovery with proof.", "holdfast");
  root.require_subcommand(0, 1);
  root.set_version_flag("--version", std::string("holdfast ") + HOLDFAST_VERSION);
  root.fallthrough();
  std::string output = "table";
  root.add_option("-o,--output", output, "Output: table, json or yaml")
      ->check(CLI::IsMember({"table", "json", "yaml"}));
  ServeSlots serve;
  CLI::App* serve_app = attach_serve(root, serve);
  AgentOptions agent;
  CLI::App* agent_app = attach_agent(root, agent);
  root.add_subcommand("repo", "Work on a repository without a server: holdfast repo --help")
      ->prefix_command();
  std::list<Attached> attached;
  for (const Command& command : commands()) {
    attach(root, command, attached.emplace_back());
  }
  agent_app->fallthrough();
  for (Attached& item : attached) {
    item.app->fallthrough();
  }
  try {
    root.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    return problem.get_exit_code() == 0 ? root.exit(problem) : usage_error(root, problem);
  }
  if (serve_app->parsed()) {
    return finish_serve(serve);
  }
  if (agent_app->parsed()) {
    return agent;
  }
  Parsed parsed;
  parsed.format = output == "json"   ? OutputFormat::kJson
                  : output == "yaml" ? OutputFormat::kYaml
                                     : OutputFormat::kTable;
  for (const Attached& item : attached) {
    if (item.app->parsed() && item.app->get_subcommands().empty()) {
      parsed.command = item.command;
      parsed.arguments = arguments_of(item);
    }
  }
  if (parsed.command == nullptr) {
    return incomplete(root);
  }
  return parsed;
}

}  // namespace holdfast::cli
