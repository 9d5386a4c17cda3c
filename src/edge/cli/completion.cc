#include "edge/cli/completion.h"

#include <fmt/core.h>

#include <map>
#include <set>

#include "edge/cli/command.h"

namespace holdfast::cli {
namespace {

std::string option_names(const Command& command) {
  std::string names = "--help --output";
  for (const Option& option : command.options) {
    names += " " + std::string(option.name.substr(0, option.name.find(',')));
  }
  return names;
}

// What may follow each sequence of words: "" -> first words, "run" -> second words, "run list" ->
// options.
std::map<std::string, std::string> continuations() {
  std::map<std::string, std::set<std::string>> words;
  std::map<std::string, std::string> found;
  words[""] = {"serve", "repo"};
  words["agent"] = {"run"};
  found["agent run"] =
      "--help --server --token-file --data --ca-file --places --repository --config";
  for (const Command& command : commands()) {
    const std::string all(command.words);
    const size_t space = all.find(' ');
    words[""].insert(all.substr(0, space));
    if (space != std::string::npos) {
      words[all.substr(0, space)].insert(all.substr(space + 1));
    }
    found[all] = option_names(command);
  }
  for (const auto& [prefix, nexts] : words) {
    std::string text;
    for (const std::string& next : nexts) {
      text += (text.empty() ? "" : " ") + next;
    }
    found[prefix] = text;
  }
  return found;
}

std::string bash_script() {
  std::string script =
      "_holdfast() {\n  local current=${COMP_WORDS[COMP_CWORD]} words=\"\" i word\n"
      "  for ((i = 1; i < COMP_CWORD; i++)); do\n    word=${COMP_WORDS[i]}\n"
      "    [[ $word == -* ]] && continue\n    words=\"$words${words:+ }$word\"\n  done\n"
      "  case \"$words\" in\n";
  for (const auto& [prefix, next] : continuations()) {
    script += fmt::format("    \"{}\") COMPREPLY=($(compgen -W \"{}\" -- \"$current\")) ;;\n",
                          prefix, next);
  }
  return script + "  esac\n}\ncomplete -o default -F _holdfast holdfast\n";
}

std::string fish_script() {
  std::string script = "complete -c holdfast -f\n";
  for (const Command& command : commands()) {
    const std::string all(command.words);
    const size_t space = all.find(' ');
    const std::string first = all.substr(0, space);
    if (space == std::string::npos) {
      script += fmt::format("complete -c holdfast -n __fish_use_subcommand -a {} -d '{}'\n", first,
                            command.help);
    } else {
      script += fmt::format("complete -c holdfast -n __fish_use_subcommand -a {}\n", first);
      script +=
          fmt::format("complete -c holdfast -n '__fish_seen_subcommand_from {}' -a {} -d '{}'\n",
                      first, all.substr(space + 1), command.help);
    }
    for (const Option& option : command.options) {
      script +=
          fmt::format("complete -c holdfast -n '__fish_seen_subcommand_from {}' -l {} -d '{}'\n",
                      first, option.name.substr(2, option.name.find(',') - 2), option.help);
    }
  }
  return script;
}

}  // namespace

Result<std::string> completion_script(const std::string& shell) {
  if (shell == "bash") {
    return bash_script();
  }
  if (shell == "zsh") {
    return "autoload -U +X bashcompinit && bashcompinit\n" + bash_script();
  }
  if (shell == "fish") {
    return fish_script();
  }
  return Error(Code::kInvalidArgument,
               fmt::format("there is no completion for '{}': use bash, zsh or fish", shell));
}

}  // namespace holdfast::cli
