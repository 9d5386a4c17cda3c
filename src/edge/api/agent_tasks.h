// What agents ask for: tasks of their own queue, handed from the engine's TaskClient to the agent
// that waits for them (docs/design/agents.md).
//
// A waiting poll is a suspended coroutine and an open connection; it holds no thread. An engine's
// token reaches an agent wrapped with a keyed hash over the agent's id, so an agent can speak only
// for what it was given; nothing is remembered, so that this holds after a restart too.
#pragma once

#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "core/base/bytes.h"
#include "domain/access/agents.h"
#include "domain/protect/server_context.h"
#include "edge/wire/agent_tasks.h"
#include "flow/tasks.h"

namespace holdfast::api {

// An agent that said nothing for this long is not there.
inline constexpr Nanoseconds kAgentSilent = std::chrono::minutes(2);

class AgentTasks {
 public:
  // Everything given outlives it. `key` signs the tokens: the same in every process that serves
  // this state database.
  AgentTasks(const protect::ServerContext& server, flow::TaskClient& tasks, Buffer key);
  ~AgentTasks();
  AgentTasks(const AgentTasks&) = delete;
  AgentTasks& operator=(const AgentTasks&) = delete;

  // The next task of the agent's queue; nullopt: none came in time. A task whose agent has gone
  // meanwhile (`connected` is asked) is given back. kConflict: another process asks with this
  // agent's key, the later one has it. kUnavailable: the server stops.
  async::Co<Result<std::optional<wire::TaskOffer>>> poll(access::Agent agent,
                                                         wire::PollRequest request,
                                                         std::string address,
                                                         std::function<bool()> connected);
  // Whether to go on. kNotFound: the task is over, or was never this agent's.
  async::Co<Result<flow::StopReason>> heartbeat(access::Agent agent, std::string token,
                                                Json details);
  async::Co<Status> complete(access::Agent agent, wire::Outcome outcome);

  // Whether a poll of this agent waits now.
  bool asks_now(const std::string& agent_id) const;
  // Ends every poll at once and refuses new ones.
  void stop();

 private:
  struct OpenPoll;
  using Position = std::list<std::shared_ptr<OpenPoll>>::iterator;

  Result<Position> enter(const std::shared_ptr<OpenPoll>& poll);
  async::Co<Status> note_seen(std::string agent_id, access::AgentFacts facts);
  std::string wrap(const access::Agent& agent, const std::string& token) const;
  Result<std::string> unwrap(const access::Agent& agent, const std::string& wrapped) const;
  std::string seal(const std::string& agent_id, const std::string& token) const;

  struct Seen {
    MonoTime at;
    access::AgentFacts facts;
  };

  const protect::ServerContext& server_;
  flow::TaskClient& tasks_;
  const Buffer key_;
  mutable std::mutex mutex_;
  bool stopping_ = false;
  std::list<std::shared_ptr<OpenPoll>> open_;
  std::map<std::string, Seen> seen_;  // by agent id: what was last written
};

}  // namespace holdfast::api
