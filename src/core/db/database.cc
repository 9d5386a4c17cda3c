// The writer's thread, the readers, and the bridges from coroutines and threads to both.
//
// The writer takes all closures that are queued (up to a limit), begins one transaction, runs each
// closure in a savepoint of its own, commits, and only then calls their `done`. While the commit
// waits for the disk the next group gathers by itself; nobody waits on purpose.
//
// Invariants: `done` is called exactly once per closure, with success only after the commit
// returned success; a failed closure leaves nothing; when the disk ends the transaction in the
// middle (SQLite rolls back on some errors), every closure of the group that ran is told so.
#include "core/db/database.h"

#include <pthread.h>

#include <boost/asio/associated_executor.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <condition_variable>
#include <deque>
#include <future>
#include <mutex>
#include <thread>

#include "core/db/postgres_session.h"
#include "core/db/session.h"
#include "core/db/sqlite_backend.h"

namespace holdfast::db {
namespace {

namespace asio = boost::asio;

constexpr std::chrono::seconds kWatchEvery{1};  // how soon an idle writer notices a lost server

struct Job {
  Database::Closure closure;
  Database::Done done;
  Status outcome;
};

Status run_guarded(Database::Closure& closure, Connection& connection) {
  try {
    return closure(connection);
  } catch (const std::exception& thrown) {
    return Error(Code::kInternal, "a database closure threw an exception")
        .with("what", thrown.what());
  }
}

// One closure in a savepoint of its own. The error is the closure's, or that of a statement of it,
// also when the closure passed over it.
Status run_in_savepoint(Connection& connection, Job& job) {
  Session& session = connection.session();
  HF_TRY_VOID(session.savepoint());
  connection.forget_failure();
  Status outcome = run_guarded(job.closure, connection);
  if (outcome && connection.failure()) {
    outcome = *connection.failure();
  }
  if (outcome) {
    outcome = session.release();
  }
  if (!outcome && session.in_transaction()) {
    HF_TRY_VOID(session.undo());
  }
  return outcome;
}

// Calls begin(done) and suspends until `done` was called, on whatever thread; goes on where it was.
template <class Begin>
Co<Status> completion(Begin& begin) {
  co_return co_await asio::async_initiate<const asio::use_awaitable_t<>&, void(Status)>(
      [&begin](auto handler) {
        auto executor = asio::get_associated_executor(handler);
        begin([executor, taken = std::move(handler)](Status outcome) mutable {
          asio::post(executor, [done = std::move(taken), status = std::move(outcome)]() mutable {
            std::move(done)(std::move(status));
          });
        });
      },
      asio::use_awaitable);
}

}  // namespace

struct Database::State {
  std::unique_ptr<Backend> backend;
  std::unique_ptr<Connection> writer;
  std::size_t largest_group = 1;

  std::mutex mutex;
  std::condition_variable wake;
  std::deque<Job> queue;
  bool closing = false;
  Stats stats;

  std::mutex readers_mutex;
  std::condition_variable reader_free;
  std::vector<std::unique_ptr<Connection>> readers;  // the free ones

  std::condition_variable read_wake;
  std::deque<std::move_only_function<void()>> read_queue;  // under readers_mutex
  bool read_closing = false;
  std::vector<std::thread> read_threads;
  std::thread writer_thread;

  void read_loop() {
    pthread_setname_np(pthread_self(), "db-read");
    while (true) {
      std::move_only_function<void()> job;
      {
        std::unique_lock lock(readers_mutex);
        read_wake.wait(lock, [this] { return read_closing || !read_queue.empty(); });
        if (read_queue.empty()) {
          return;
        }
        job = std::move(read_queue.front());
        read_queue.pop_front();
      }
      job();
    }
  }

  void write_loop() {
    pthread_setname_np(pthread_self(), "db-writer");
    while (true) {
      std::vector<Job> group = next_group();
      if (group.empty()) {
        return;
      }
      commit_group(group);
      for (Job& job : group) {
        job.closure = nullptr;
        job.done(std::move(job.outcome));
      }
    }
  }

  // What is queued, once something is; empty: closing.
  std::vector<Job> next_group() {
    const auto ready = [this] { return closing || !queue.empty(); };
    std::unique_lock lock(mutex);
    while (backend->wants_watch() && !wake.wait_for(lock, kWatchEvery, ready)) {
      lock.unlock();
      writer->session().watch();
      lock.lock();
    }
    wake.wait(lock, ready);
    std::vector<Job> group;
    while (!queue.empty() && group.size() < largest_group) {
      group.push_back(std::move(queue.front()));
      queue.pop_front();
    }
    return group;
  }

  void commit_group(std::vector<Job>& group) {
    Session& session = writer->session();
    Status commit = session.begin();
    for (Job& job : group) {
      if (commit) {
        job.outcome = run_in_savepoint(*writer, job);
        if (!session.in_transaction()) {
          commit = job.outcome ? Error(Code::kUnavailable,
                                       "the disk ended a transaction of the state database",
                                       Retry::kTransient)
                               : job.outcome.error();
        }
      }
    }
    if (commit) {
      commit = session.commit();
    }
    if (!commit) {
      session.rollback();
      for (Job& job : group) {
        if (job.outcome) {
          job.outcome = commit.error();
        }
      }
    }
    const std::lock_guard lock(mutex);
    ++stats.commits;
    stats.closures += group.size();
  }

  std::unique_ptr<Connection> take_reader() {
    std::unique_lock lock(readers_mutex);
    reader_free.wait(lock, [this] { return !readers.empty(); });
    auto reader = std::move(readers.back());
    readers.pop_back();
    return reader;
  }

  void give_reader(std::unique_ptr<Connection> reader) {
    const std::lock_guard lock(readers_mutex);
    readers.push_back(std::move(reader));
    reader_free.notify_one();
  }
};

Database::Database(std::unique_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<Database>> Database::open(const std::string& path,
                                                 const Migrations& migrations, Options options) {
  if (path.empty() || path.starts_with(":") || path.starts_with("file:")) {
    return Error(Code::kInvalidArgument, "the state database needs a file").with("path", path);
  }
  return open_on(sqlite_backend(path, options), migrations, options);
}

Result<std::unique_ptr<Database>> Database::open(const PostgresOptions& server,
                                                 const Migrations& migrations, Options options) {
  HF_TRY(PostgresAddress address, PostgresAddress::parse(server.dsn, server.password));
  auto link = std::make_shared<PostgresLink>(std::move(address), server, options);
  return open_on(postgres_backend(std::move(link)), migrations, options);
}

Result<std::unique_ptr<Database>> Database::open_on(std::unique_ptr<Backend> backend,
                                                    const Migrations& migrations,
                                                    const Options& options) {
  auto state = std::make_unique<State>();
  state->backend = std::move(backend);
  state->largest_group = static_cast<std::size_t>(std::max(1, options.largest_group));
  HF_TRY(auto session, state->backend->open(Role::kWriter));
  state->writer = std::make_unique<Connection>(std::move(session));
  if (Status migrated = migrate(*state->writer, migrations); !migrated) {
    return std::move(migrated).error().with("database", state->backend->where());
  }
  const int readers = std::max(1, options.readers);
  for (int i = 0; i < readers; ++i) {
    HF_TRY(auto reader, state->backend->open(Role::kReader));
    state->readers.push_back(std::make_unique<Connection>(std::move(reader)));
  }
  for (int i = 0; i < readers; ++i) {
    state->read_threads.emplace_back([running = state.get()] { running->read_loop(); });
  }
  state->writer_thread = std::thread([running = state.get()] { running->write_loop(); });
  return std::unique_ptr<Database>(new Database(std::move(state)));
}

Database::~Database() {
  {
    const std::lock_guard lock(state_->mutex);
    state_->closing = true;
    state_->wake.notify_all();
  }
  state_->writer_thread.join();
  {
    const std::lock_guard lock(state_->readers_mutex);
    state_->read_closing = true;
    state_->read_wake.notify_all();
  }
  for (std::thread& reader : state_->read_threads) {
    reader.join();
  }
  state_->readers.clear();  // before the writer, which checkpoints when it closes
  state_->writer.reset();   // before the back end that it uses
}

void Database::submit_write(Closure closure, Done done) {
  const std::lock_guard lock(state_->mutex);
  state_->queue.push_back({std::move(closure), std::move(done), {}});
  state_->wake.notify_one();
}

Co<Status> Database::write_erased(Closure closure) {
  auto begin = [this, &closure](Done done) { submit_write(std::move(closure), std::move(done)); };
  co_return co_await completion(begin);
}

Status Database::write_erased_blocking(Closure closure) {
  std::promise<Status> outcome;
  auto committed = outcome.get_future();
  submit_write(std::move(closure),
               [&outcome](Status status) { outcome.set_value(std::move(status)); });
  return committed.get();
}

Co<Status> Database::read_erased(Closure closure) {
  auto begin = [this, &closure](Done done) {
    const std::lock_guard lock(state_->readers_mutex);
    state_->read_queue.emplace_back(
        [this, work = std::move(closure), told = std::move(done)]() mutable {
          told(read_erased_blocking(std::move(work)));
        });
    state_->read_wake.notify_one();
  };
  co_return co_await completion(begin);
}

Status Database::read_erased_blocking(Closure closure) {
  auto reader = state_->take_reader();
  Session& session = reader->session();
  reader->forget_failure();
  Status outcome = session.begin();
  if (outcome) {
    outcome = run_guarded(closure, *reader);
    if (outcome && reader->failure()) {
      outcome = *reader->failure();
    }
    session.rollback();
  }
  closure = nullptr;
  state_->give_reader(std::move(reader));
  return outcome;
}

Status Database::checkpoint() {
  std::promise<Status> outcome;
  auto finished = outcome.get_future();
  State* state = state_.get();
  // A checkpoint cannot run inside a transaction: it goes behind the group that carries this note.
  submit_write([](Connection&) -> Status { return {}; },
               [state, &outcome](Status status) {
                 if (status) {
                   status = state->writer->session().checkpoint();
                 }
                 outcome.set_value(std::move(status));
               });
  return finished.get();
}

Database::Stats Database::stats() const {
  const std::lock_guard lock(state_->mutex);
  return state_->stats;
}

}  // namespace holdfast::db
