#include "flow/workflow.h"

#include <array>

#include "core/base/ids.h"
#include "flow/replay/runtime.h"

namespace holdfast::flow {

const Json& WorkflowContext::input() const { return runtime_->input(); }
const RunInfo& WorkflowContext::info() const { return runtime_->info(); }
UtcTime WorkflowContext::now() const { return runtime_->now(); }
std::uint64_t WorkflowContext::random() const { return runtime_->random(); }

std::string WorkflowContext::uuid() const {
  std::array<std::uint8_t, 16> bytes{};
  for (std::size_t i = 0; i < bytes.size(); i += 8) {
    const std::uint64_t word = random();
    for (std::size_t j = 0; j < 8; ++j) {
      bytes[i + j] = static_cast<std::uint8_t>(word >> (8 * j));
    }
  }
  return uuid_v4(bytes);
}

Result<Json> WorkflowContext::side_effect(const std::function<Json()>& function) const {
  return runtime_->side_effect(function);
}
Result<Json> WorkflowContext::continue_as_new(Json input, std::string type) const {
  return runtime_->continue_as_new(std::move(input), std::move(type));
}
void WorkflowContext::set_update(std::string name, UpdateHandler handler,
                                 UpdateValidator validator) const {
  runtime_->set_update(std::move(name), std::move(handler), std::move(validator));
}
bool WorkflowContext::patched(const std::string& id) const { return runtime_->patched(id); }
void WorkflowContext::deprecate_patch(const std::string& id) const {
  runtime_->deprecate_patch(id);
}

Future<Result<Json>> WorkflowContext::activity(std::string name, Json input,
                                               ActivityOptions options) const {
  return runtime_->activity(scope_, std::move(name), std::move(input), std::move(options));
}

Future<Status> WorkflowContext::timer(Nanoseconds duration) const {
  return runtime_->timer(scope_, duration);
}

Child WorkflowContext::child(std::string type, Json input, ChildOptions options) const {
  return runtime_->child(scope_, std::move(type), std::move(input), std::move(options));
}

Future<Result<Json>> WorkflowContext::wait_signal(std::string name) const {
  return runtime_->wait_signal(scope_, std::move(name));
}

namespace {

Result<std::optional<Json>> received(const Future<Result<Json>>& signal) {
  HF_TRY(Json payload, Result<Json>(signal.get()));
  return std::optional<Json>(std::move(payload));
}

Task<Result<std::optional<Json>>> signal_or_timeout(WorkflowContext ctx, std::string name,
                                                    Nanoseconds timeout) {
  const auto signal = ctx.wait_signal(std::move(name));
  if (signal.ready()) {
    co_return received(signal);
  }
  const auto timer = ctx.timer(timeout);
  const Result<std::size_t> first = co_await wait_any(ctx, signal, timer);
  if (signal.ready()) {
    timer.cancel();
    co_return received(signal);
  }
  signal.cancel();
  if (!first) {
    co_return first.error();
  }
  if (!timer.get()) {
    co_return timer.get().error();
  }
  co_return std::optional<Json>();
}

Task<Result<bool>> condition_or_timeout(WorkflowContext ctx, std::function<bool()> condition,
                                        Nanoseconds timeout) {
  const auto holds = ctx.wait_condition(std::move(condition));
  if (!holds.ready()) {
    const auto timer = ctx.timer(timeout);
    const Result<std::size_t> first = co_await wait_any(ctx, holds, timer);
    if (!holds.ready()) {
      holds.cancel();
      if (!first) {
        co_return first.error();
      }
      if (!timer.get()) {
        co_return timer.get().error();
      }
      co_return false;
    }
    timer.cancel();
  }
  if (!holds.get()) {
    co_return holds.get().error();
  }
  co_return true;
}

}  // namespace

Task<Result<std::optional<Json>>> WorkflowContext::wait_signal(std::string name,
                                                               Nanoseconds timeout) const {
  return signal_or_timeout(*this, std::move(name), timeout);
}

std::optional<Json> WorkflowContext::poll_signal(std::string_view name) const {
  return runtime_->poll_signal(name);
}

void WorkflowContext::on_signal(std::string name, std::function<void(const Json&)> handler) const {
  runtime_->on_signal(std::move(name), std::move(handler));
}

Future<Status> WorkflowContext::wait_condition(std::function<bool()> condition) const {
  return runtime_->wait_condition(scope_, std::move(condition));
}

Task<Result<bool>> WorkflowContext::wait_condition(std::function<bool()> condition,
                                                   Nanoseconds timeout) const {
  return condition_or_timeout(*this, std::move(condition), timeout);
}

void WorkflowContext::set_query(std::string name,
                                std::function<Result<Json>(const Json&)> handler) const {
  runtime_->set_query(std::move(name), std::move(handler));
}

void WorkflowContext::set_progress(Json progress) const {
  runtime_->set_progress(std::move(progress));
}

WorkflowContext WorkflowContext::scope() const {
  return WorkflowContext(*runtime_, runtime_->new_scope(*scope_));
}

WorkflowContext WorkflowContext::shielded() const {
  return WorkflowContext(*runtime_, std::make_shared<detail::Scope>());
}

void WorkflowContext::cancel_scope() const { runtime_->cancel_scope(*scope_); }
bool WorkflowContext::cancelled() const { return scope_->cancelled; }
bool WorkflowContext::cancel_requested() const { return runtime_->cancel_requested(); }

Future<Status> WorkflowContext::wait_cancelled() const {
  auto scope = scope_;
  return runtime_->wait_condition(std::make_shared<detail::Scope>(),
                                  [scope] { return scope->cancelled; });
}

void WorkflowContext::upsert_memo(JsonObject memo) const { runtime_->upsert_memo(std::move(memo)); }

void WorkflowContext::upsert_search_attributes(JsonObject attributes) const {
  runtime_->upsert_search_attributes(std::move(attributes));
}

bool WorkflowContext::replaying() const { return runtime_->replaying(); }

namespace {

void log_unless_replaying(const WorkflowContext& ctx, LogLevel level, std::string_view event,
                          std::initializer_list<LogField> fields) {
  if (ctx.replaying()) {
    return;
  }
  const RunInfo& info = ctx.info();
  const LogField workflow("workflow_id", info.workflow_id.text());
  const LogField run("run_id", info.run_id.text());
  // An initializer list has a fixed length: the fields of the caller, up to four, and who says it.
  const auto at = [&fields](std::size_t i) { return *(fields.begin() + i); };
  switch (fields.size()) {
    case 0:
      return log_event(level, event, {workflow, run});
    case 1:
      return log_event(level, event, {at(0), workflow, run});
    case 2:
      return log_event(level, event, {at(0), at(1), workflow, run});
    case 3:
      return log_event(level, event, {at(0), at(1), at(2), workflow, run});
    default:
      return log_event(level, event, {at(0), at(1), at(2), at(3), workflow, run});
  }
}

}  // namespace

void WorkflowContext::log_info(std::string_view event,
                               std::initializer_list<LogField> fields) const {
  log_unless_replaying(*this, LogLevel::kInfo, event, fields);
}

void WorkflowContext::log_warn(std::string_view event,
                               std::initializer_list<LogField> fields) const {
  log_unless_replaying(*this, LogLevel::kWarn, event, fields);
}

detail::ReadyQueue& WorkflowContext::ready_queue() const { return *runtime_; }
void WorkflowContext::adopt(Task<void> task) const { runtime_->adopt(std::move(task)); }

}  // namespace holdfast::flow
