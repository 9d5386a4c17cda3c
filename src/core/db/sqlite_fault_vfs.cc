// A VFS over SQLite's default one that counts durable operations and fails chosen ones.
//
// Every file it opens is a small record of our own followed in memory by the real file; each method
// forwards, and write, truncate, sync and delete ask `strike` first. The shared-memory file of the
// write-ahead log is not counted: it is no durable state, SQLite rebuilds it.
#include <sqlite3.h>

#include <signal.h>

#include <atomic>
#include <cstring>
#include <mutex>
#include <optional>

#include <fmt/core.h>

#include "core/db/fault_vfs.h"

namespace holdfast::db {

struct FaultVfs::State {
  std::string name;
  sqlite3_vfs vfs{};
  sqlite3_vfs* real = nullptr;

  std::mutex mutex;
  std::uint64_t count = 0;
  std::uint64_t strike_at = 0;  // 0: nothing armed
  Fault fault = Fault::kError;
  bool struck = false;

  // What to do with the operation that is about to happen; nullopt: let it pass.
  std::optional<Fault> strike() {
    const std::lock_guard lock(mutex);
    ++count;
    if (strike_at == 0 || count < strike_at) {
      return std::nullopt;
    }
    if (struck) {
      const bool kills = fault == Fault::kKill || fault == Fault::kTornKill;
      return kills                        ? std::optional(Fault::kKill)
             : fault == Fault::kStaysFull ? std::optional(fault)
                                          : std::nullopt;
    }
    if (fault == Fault::kEndProcess) {
      ::raise(SIGKILL);
    }
    struck = true;
    return fault;
  }
};

namespace {

using State = FaultVfs::State;

struct File {
  sqlite3_file base;
  State* state;
  sqlite3_file* real;
};

File* ours(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
sqlite3_file* real(sqlite3_file* file) { return ours(file)->real; }
State* state_of(sqlite3_vfs* vfs) { return static_cast<State*>(vfs->pAppData); }

int close_file(sqlite3_file* file) {
  return real(file)->pMethods ? real(file)->pMethods->xClose(real(file)) : SQLITE_OK;
}
int read_file(sqlite3_file* file, void* into, int size, sqlite3_int64 offset) {
  return real(file)->pMethods->xRead(real(file), into, size, offset);
}
int write_file(sqlite3_file* file, const void* from, int size, sqlite3_int64 offset) {
  const auto fault = ours(file)->state->strike();
  if (fault == Fault::kTornKill) {
    (void)real(file)->pMethods->xWrite(real(file), from, size / 2, offset);
  }
  if (fault) {
    const bool full = fault == Fault::kFull || fault == Fault::kStaysFull;
    return full ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  }
  return real(file)->pMethods->xWrite(real(file), from, size, offset);
}
int truncate_file(sqlite3_file* file, sqlite3_int64 size) {
  return ours(file)->state->strike() ? SQLITE_IOERR_TRUNCATE
                                     : real(file)->pMethods->xTruncate(real(file), size);
}
// Counted but not done: tests end processes, not the power, and a real sync costs milliseconds.
int sync_file(sqlite3_file* file, int) {
  return ours(file)->state->strike() ? SQLITE_IOERR_FSYNC : SQLITE_OK;
}
int file_size(sqlite3_file* file, sqlite3_int64* size) {
  return real(file)->pMethods->xFileSize(real(file), size);
}
int lock_file(sqlite3_file* file, int level) {
  return real(file)->pMethods->xLock(real(file), level);
}
int unlock_file(sqlite3_file* file, int level) {
  return real(file)->pMethods->xUnlock(real(file), level);
}
int check_reserved_lock(sqlite3_file* file, int* held) {
  return real(file)->pMethods->xCheckReservedLock(real(file), held);
}
int file_control(sqlite3_file* file, int verb, void* argument) {
  return real(file)->pMethods->xFileControl(real(file), verb, argument);
}
int sector_size(sqlite3_file* file) { return real(file)->pMethods->xSectorSize(real(file)); }
int device_characteristics(sqlite3_file* file) {
  return real(file)->pMethods->xDeviceCharacteristics(real(file));
}
int shm_map(sqlite3_file* file, int page, int size, int extend, void volatile** memory) {
  return real(file)->pMethods->xShmMap(real(file), page, size, extend, memory);
}
int shm_lock(sqlite3_file* file, int offset, int count, int flags) {
  return real(file)->pMethods->xShmLock(real(file), offset, count, flags);
}
void shm_barrier(sqlite3_file* file) { real(file)->pMethods->xShmBarrier(real(file)); }
int shm_unmap(sqlite3_file* file, int remove) {
  return real(file)->pMethods->xShmUnmap(real(file), remove);
}

const sqlite3_io_methods kMethods = {
    2,
    close_file,
    read_file,
    write_file,
    truncate_file,
    sync_file,
    file_size,
    lock_file,
    unlock_file,
    check_reserved_lock,
    file_control,
    sector_size,
    device_characteristics,
    shm_map,
    shm_lock,
    shm_barrier,
    shm_unmap,
    nullptr,
    nullptr,
};

int open_file(sqlite3_vfs* vfs, const char* path, sqlite3_file* file, int flags, int* out_flags) {
  State* state = state_of(vfs);
  File* record = ours(file);
  record->state = state;
  record->real = reinterpret_cast<sqlite3_file*>(record + 1);
  std::memset(record->real, 0, static_cast<std::size_t>(state->real->szOsFile));
  const int status = state->real->xOpen(state->real, path, record->real, flags, out_flags);
  record->base.pMethods = record->real->pMethods ? &kMethods : nullptr;
  return status;
}

int delete_file(sqlite3_vfs* vfs, const char* path, int sync_directory) {
  State* state = state_of(vfs);
  return state->strike() ? SQLITE_IOERR_DELETE
                         : state->real->xDelete(state->real, path, sync_directory);
}

std::atomic<int> next_number{1};

}  // namespace

FaultVfs::FaultVfs() : state_(std::make_unique<State>()) {
  state_->name = fmt::format("holdfast-fault-{}", next_number++);
  state_->real = sqlite3_vfs_find(nullptr);
  state_->vfs = *state_->real;
  state_->vfs.pNext = nullptr;
  state_->vfs.zName = state_->name.c_str();
  state_->vfs.pAppData = state_.get();
  state_->vfs.szOsFile = static_cast<int>(sizeof(File)) + state_->real->szOsFile;
  state_->vfs.xOpen = open_file;
  state_->vfs.xDelete = delete_file;
  sqlite3_vfs_register(&state_->vfs, 0);
}

FaultVfs::~FaultVfs() { sqlite3_vfs_unregister(&state_->vfs); }

const std::string& FaultVfs::name() const { return state_->name; }

void FaultVfs::arm(std::uint64_t n, Fault fault) {
  const std::lock_guard lock(state_->mutex);
  state_->strike_at = state_->count + n;
  state_->fault = fault;
  state_->struck = false;
}

void FaultVfs::disarm() {
  const std::lock_guard lock(state_->mutex);
  state_->strike_at = 0;
}

bool FaultVfs::struck() const {
  const std::lock_guard lock(state_->mutex);
  return state_->struck;
}

std::uint64_t FaultVfs::count() const {
  const std::lock_guard lock(state_->mutex);
  return state_->count;
}

}  // namespace holdfast::db
