#include "domain/activities/data_context.h"

#include <fmt/core.h>

#include "core/async/run.h"
#include "core/env/posix/atomic_file.h"
#include "domain/activities/run_looks.h"
#include "drivers/storage/ontap/ontap_driver.h"
#include "drivers/storage/registry.h"
#include "engine/blob/open_store.h"

namespace holdfast::activities {

DataContext::DataContext(env::Clock& clock, env::Random& random, env::FileSystem& files,
                         async::Pool& blocking, std::optional<OwnPlaces> own)
    : clock_(clock),
      random_(random),
      files_(files),
      blocking_(blocking),
      own_(std::move(own)),
      systems_(std::make_unique<storage::ontap::Systems>(clock, &random)),
      looks_(std::make_unique<RunLooks>()) {
  drivers_["ontap"] = storage::make_ontap_driver(*systems_, blocking_);
  for (const std::string& kind : storage::driver_kinds()) {
    if (auto driver = storage::make_driver(kind, blocking_)) {
      drivers_[kind] = *std::move(driver);
    }
  }
}

DataContext::~DataContext() = default;

Result<storage::Driver*> DataContext::driver(const std::string& kind) const {
  const auto found = drivers_.find(kind);
  if (found == drivers_.end()) {
    return Error(Code::kInvalidArgument, fmt::format("there is no storage driver '{}'", kind));
  }
  return found->second.get();
}

Result<storage::Volume> DataContext::look(storage::Driver& driver, const std::string& path,
                                          const flow::ActivityInfo& step) const {
  const std::string key = std::string(driver.kind()) + "/" + path;
  const bool first = step.attempt == 1;  // a repeated step has a reason to look again
  if (auto seen =
          first ? looks_->find(step.workflow_id.text(), key, clock_.mono()) : std::nullopt) {
    return *std::move(seen);
  }
  HF_TRY(storage::Volume volume, async::block_on(executor(), driver.look(path)));
  if (volume.seen) {  // of a system that has to be asked; what lies here is looked at each time
    looks_->keep(step.workflow_id.text(), key, volume, clock_.mono());
  }
  return volume;
}

Result<SecretString> DataContext::password_of(const RepositoryRef& repository) const {
  auto text = env::read_small_file(repository.password_file);
  if (!text) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("the key of repository '{}' cannot be read: put it back at {}",
                             repository.name, repository.password_file))
        .caused_by(text.error());
  }
  while (text->ends_with('\n') || text->ends_with('\r')) {
    text->pop_back();
  }
  return SecretString(*std::move(text));
}

repo::Environment DataContext::environment() const {
  repo::Environment environment = repo::this_process(clock_, random_);
  environment.opened_keys = opened_keys_;
  return environment;
}

Result<RepositoryRef> DataContext::here(const RepositoryRef& repository) const {
  if (!own_) {
    return repository;
  }
  const auto found = own_->repositories.find(repository.name);
  if (found == own_->repositories.end()) {
    return Error(Code::kFailedPrecondition,
                 fmt::format("this agent has no repository '{0}': name it in its configuration, or "
                             "start it with --repository {0}=LOCATION,PASSWORD_FILE",
                             repository.name));
  }
  return found->second;
}

Result<std::string> DataContext::scratch(const std::string& planned) const {
  if (!own_) {
    return planned;
  }
  const std::string name = planned.substr(planned.rfind('/') + 1);
  if (name.empty() || name.starts_with('.')) {
    return Error(Code::kInvalidArgument, "the plan names no scratch directory");
  }
  return own_->scratch_dir + "/" + name;
}

Result<std::unique_ptr<repo::Repository>> DataContext::open(const RepositoryRef& named) const {
  HF_TRY(const RepositoryRef repository, here(named));
  HF_TRY(const SecretString password, password_of(repository));
  HF_TRY(auto store, blob::open_store(repository.location, files_, random_));
  auto opened = repo::Repository::open(std::move(store), password, environment());
  if (!opened) {
    return std::move(opened).error().with("repository", repository.name);
  }
  return opened;
}

Status DataContext::reachable(const RepositoryRef& named) const {
  HF_TRY(const RepositoryRef repository, here(named));
  HF_TRY(auto store, blob::open_store(repository.location, files_, random_));
  const blob::ObjectKey config{blob::ObjectType::kConfig, ""};
  auto found = async::block_on(blocking_.executor(), store->stat(config));
  if (!found) {
    return Error(Code::kUnavailable,
                 fmt::format("repository '{}' does not answer at {}", repository.name,
                             repository.location),
                 Retry::kTransient)
        .caused_by(found.error());
  }
  return {};
}

Status DataContext::init(const RepositoryRef& named, const RepositoryRef* like) const {
  HF_TRY(const RepositoryRef repository, here(named));
  HF_TRY(const SecretString password, password_of(repository));
  HF_TRY(auto store, blob::open_store(repository.location, files_, random_));
  repo::InitOptions options;
  if (like != nullptr) {
    HF_TRY(const auto source, open(*like));
    options.polynomial = source->config().polynomial;
  }
  return status_of(repo::Repository::init(std::move(store), password, environment(), options));
}

}  // namespace holdfast::activities
