#include "edge/api/agent_tasks.h"

#include <fmt/core.h>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>

#include <algorithm>

#include "core/async/run.h"
#include "core/base/log.h"
#include "core/base/metrics.h"
#include "core/crypto/hmac.h"

namespace holdfast::api {
namespace {

namespace asio = boost::asio;

// How often the time of an agent's last word is written.
constexpr Nanoseconds kNoteEvery = std::chrono::seconds(15);
constexpr size_t kSealBytes = 16;

wire::TaskOffer offer_of(const flow::ActivityTask& task, UtcTime now) {
  const flow::ActivityInfo& info = task.info;
  wire::TaskOffer offer;
  offer.type = info.type;
  offer.input = task.input;
  offer.details = task.details;
  offer.activity_id = info.activity_id;
  offer.run_id = info.run_id.text();
  offer.workflow_id = info.workflow_id.text();
  offer.workflow_type = info.workflow_type;
  offer.queue = info.queue;
  offer.attempt = info.attempt;
  offer.priority = info.priority;
  offer.scheduled = info.scheduled;
  if (info.deadline) {
    offer.remaining = std::max(*info.deadline - now, Nanoseconds(0));
  }
  offer.heartbeat_timeout = info.heartbeat_timeout;
  offer.header = info.header;
  return offer;
}

void show_waiting(size_t polls) {
  gauge("holdfast_agent_polls_waiting", "Agents that wait for a task now")
      .set(static_cast<double>(polls));
}

Error not_yours(const std::string& agent) {
  return Error(Code::kNotFound, fmt::format("this task is not in the hands of agent '{}': it is "
                                            "over, or was given to another one",
                                            agent));
}

}  // namespace

struct AgentTasks::OpenPoll {
  enum class End { kNone, kReplaced, kStopped };

  std::string agent_id;
  std::string instance;
  async::Executor executor;  // one at a time: what is below belongs to it
  asio::cancellation_signal signal;
  End end = End::kNone;

  static void finish(const std::shared_ptr<OpenPoll>& poll, End why) {
    asio::post(poll->executor, [poll, why] {
      poll->end = poll->end == End::kNone ? why : poll->end;
      poll->signal.emit(asio::cancellation_type::terminal);
    });
  }
};

AgentTasks::AgentTasks(const protect::ServerContext& server, flow::TaskClient& tasks, Buffer key)
    : server_(server), tasks_(tasks), key_(std::move(key)) {}
AgentTasks::~AgentTasks() = default;

std::string AgentTasks::seal(const std::string& agent_id, const std::string& token) const {
  const std::string sealed = agent_id + '\0' + token;
  const auto mac = crypto::hmac_sha256(key_, as_bytes(sealed));
  return to_base64url(ByteSpan(mac).first(kSealBytes));
}

std::string AgentTasks::wrap(const access::Agent& agent, const std::string& token) const {
  return seal(agent.id, token) + "." + to_base64(as_bytes(token));
}

Result<std::string> AgentTasks::unwrap(const access::Agent& agent,
                                       const std::string& wrapped) const {
  const size_t dot = wrapped.find('.');
  const auto bytes =
      from_base64(dot == std::string::npos ? std::string_view() : wrapped.substr(dot + 1));
  if (!bytes || dot == std::string::npos) {
    return Error(Code::kInvalidArgument, "this is no token of a task")
        .with("/token", "is malformed");
  }
  std::string token(as_text(*bytes));
  const std::string wanted = seal(agent.id, token);
  unsigned differs = wanted.size() == dot ? 0 : 1;
  for (size_t i = 0; i < std::min(wanted.size(), dot); ++i) {  // in the same time whatever differs
    differs |= static_cast<unsigned>(wanted[i] ^ wrapped[i]);
  }
  if (differs != 0) {
    return not_yours(agent.name);
  }
  return token;
}

Result<AgentTasks::Position> AgentTasks::enter(const std::shared_ptr<OpenPoll>& poll) {
  const std::lock_guard lock(mutex_);
  if (stopping_) {
    return Error(Code::kUnavailable, "the server stops: ask again soon", Retry::kTransient);
  }
  for (const auto& other : open_) {
    if (other->agent_id == poll->agent_id && other->instance != poll->instance) {
      OpenPoll::finish(other, OpenPoll::End::kReplaced);
    }
  }
  const Position position = open_.insert(open_.end(), poll);
  show_waiting(open_.size());
  return position;
}

async::Co<Status> AgentTasks::note_seen(std::string agent_id, access::AgentFacts facts) {
  {
    const std::lock_guard lock(mutex_);
    const MonoTime now = server_.clock.mono();
    const auto found = seen_.find(agent_id);
    if (found != seen_.end() && found->second.facts == facts &&
        now - found->second.at < kNoteEvery) {
      co_return Status();
    }
    seen_[agent_id] = {now, facts};
  }
  const UtcTime now = server_.clock.now();
  co_return co_await server_.db.write([agent_id, facts, now](db::Connection& sql) {
    return access::note_agent_seen(sql, agent_id, facts, now);
  });
}

async::Co<Result<std::optional<wire::TaskOffer>>> AgentTasks::poll(
    access::Agent agent, wire::PollRequest request, std::string address,
    std::function<bool()> connected) {
  HF_CO_TRY_VOID(co_await note_seen(
      agent.id, {request.version, request.host, std::move(address), request.repositories}));
  const auto open = std::make_shared<OpenPoll>();
  open->agent_id = agent.id;
  open->instance = request.instance;
  open->executor = co_await asio::this_coro::executor;
  HF_CO_TRY(const Position position, enter(open));
  auto [thrown, taken] = co_await asio::co_spawn(
      open->executor, tasks_.poll(agent.queue(), agent.name + "@" + request.host, request.patience),
      asio::bind_cancellation_slot(open->signal.slot(), asio::as_tuple(asio::use_awaitable)));
  {
    const std::lock_guard lock(mutex_);
    open_.erase(position);
    show_waiting(open_.size());
  }
  const bool task_came = !thrown && taken && *taken;
  const bool replaced = open->end == OpenPoll::End::kReplaced;
  if (task_came && (replaced || !connected())) {
    // Whoever asked is gone: better a failed attempt now than one that times out later.
    const Error undelivered(Code::kUnavailable, "the agent went away before it got the task",
                            Retry::kTransient);
    const Status given_back = co_await tasks_.complete((*taken)->token, undelivered);
    log_info("agent.task_given_back",
             {{"agent", agent.name},
              {"run", (*taken)->info.workflow_id.text()},
              {"error", given_back ? "" : given_back.error().to_string()}});
  } else if (task_came) {
    wire::TaskOffer offer = offer_of(**taken, server_.clock.now());
    offer.token = wrap(agent, (*taken)->token);
    co_return std::optional(std::move(offer));
  }
  if (replaced) {
    co_return Error(
        Code::kConflict,
        fmt::format("another process asks with the key of agent '{}': run one, and give "
                    "other hosts agents of their own",
                    agent.name),
        Retry::kTransient);
  }
  if (open->end == OpenPoll::End::kStopped) {
    co_return Error(Code::kUnavailable, "the server stops: ask again soon", Retry::kTransient);
  }
  if (!thrown && !taken) {
    co_return taken.error();
  }
  co_return std::optional<wire::TaskOffer>();
}

async::Co<Result<flow::StopReason>> AgentTasks::heartbeat(access::Agent agent, std::string token,
                                                          Json details) {
  HF_CO_TRY(std::string inner, unwrap(agent, token));
  HF_CO_TRY_VOID(co_await note_seen(agent.id, agent.facts));
  HF_CO_TRY(const flow::HeartbeatAnswer answer,
            co_await tasks_.heartbeat(std::move(inner), std::move(details)));
  co_return answer.stop;
}

async::Co<Status> AgentTasks::complete(access::Agent agent, wire::Outcome outcome) {
  HF_CO_TRY(std::string inner, unwrap(agent, outcome.token));
  HF_CO_TRY_VOID(co_await note_seen(agent.id, agent.facts));
  co_return co_await tasks_.complete(std::move(inner), std::move(outcome.value));
}

bool AgentTasks::asks_now(const std::string& agent_id) const {
  const std::lock_guard lock(mutex_);
  return std::any_of(open_.begin(), open_.end(),
                     [&](const auto& poll) { return poll->agent_id == agent_id; });
}

void AgentTasks::stop() {
  const std::lock_guard lock(mutex_);
  stopping_ = true;
  for (const auto& poll : open_) {
    OpenPoll::finish(poll, OpenPoll::End::kStopped);
  }
}

}  // namespace holdfast::api
