// Shell completions, made from the table of commands.
#pragma once

#include <string>

#include "core/base/result.h"

namespace holdfast::cli {

// kInvalidArgument for another shell than bash, zsh or fish.
Result<std::string> completion_script(const std::string& shell);

}  // namespace holdfast::cli
