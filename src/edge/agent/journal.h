// The tasks in this agent's hands, on its disk: a process that was killed leaves them behind, and
// the next one gives them back at once instead of letting the server wait for their heartbeats.
//
// One file a task, named by the hash of its token. An agent without it (or with a full disk) works
// as well, only slower after a kill.
#pragma once

#include <string>
#include <vector>

#include "core/base/result.h"

namespace holdfast::agent {

// Used by the threads of one process, each for its own task.
class Journal {
 public:
  // An empty directory name: nothing is kept.
  explicit Journal(std::string directory);

  void add(const std::string& token) const;
  void remove(const std::string& token) const;
  // Tokens that an earlier process left.
  std::vector<std::string> left_over() const;

 private:
  std::string path_of(const std::string& token) const;

  const std::string directory_;
};

}  // namespace holdfast::agent
