// Ends a server at an exact durable operation, from outside: preloaded into the unchanged program,
// it counts what the program does to files under HOLDFAST_KILL_UNDER (write, sync, rename, remove)
// and raises SIGKILL just before the operation whose number is HOLDFAST_KILL_AT. A write that is
// hit is done by half first. HOLDFAST_KILL_LOG gets a line an operation: number, nanoseconds since
// 1970, name, path.
//
// Database commits need no hook of their own: SQLite's are writes and syncs of its log. Children of
// the server run without this library.
#include <dlfcn.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <atomic>

namespace {

std::atomic<long> g_count{0};
long g_kill_at = 0;
int g_log = -1;
const char* g_under = nullptr;

__attribute__((constructor)) void start() {
  const char* at = getenv("HOLDFAST_KILL_AT");
  const char* log = getenv("HOLDFAST_KILL_LOG");
  g_kill_at = at != nullptr ? atol(at) : 0;
  g_log = log != nullptr ? open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600) : -1;
  const char* under = getenv("HOLDFAST_KILL_UNDER");
  g_under = under != nullptr ? strdup(under) : nullptr;
  unsetenv("LD_PRELOAD");
}

// Files of the server that outlive it; SQLite's shared memory does not.
bool below(const char* path) {
  if (g_under == nullptr || path == nullptr || strncmp(path, g_under, strlen(g_under)) != 0) {
    return false;
  }
  const size_t length = strlen(path);
  return length < 4 || strcmp(path + length - 4, "-shm") != 0;
}

// Whether the operation that comes now is the one to die at.
bool due(const char* name, const char* path) {
  if (!below(path)) {
    return false;
  }
  const long number = g_count.fetch_add(1) + 1;
  if (g_log >= 0) {
    timespec now{};
    clock_gettime(CLOCK_REALTIME, &now);
    char line[PATH_MAX + 80];
    const int length = snprintf(line, sizeof line, "%ld %lld%09ld %s %s\n", number,
                                static_cast<long long>(now.tv_sec), now.tv_nsec, name, path);
    syscall(SYS_write, g_log, line, static_cast<size_t>(length));
  }
  return number == g_kill_at;
}

[[noreturn]] void die() {
  syscall(SYS_kill, getpid(), SIGKILL);
  for (;;) {
    pause();
  }
}

bool due_file(const char* name, int file) {
  if (g_under == nullptr) {
    return false;
  }
  char link[64];
  char path[PATH_MAX];
  snprintf(link, sizeof link, "/proc/self/fd/%d", file);
  const ssize_t length = readlink(link, path, sizeof path - 1);
  if (length <= 0) {
    return false;
  }
  path[length] = '\0';
  return due(name, path);
}

template <class Function>
Function next(const char* name) {
  return reinterpret_cast<Function>(dlsym(RTLD_NEXT, name));
}

}  // namespace

extern "C" {

int fsync(int file) {
  static const auto real = next<int (*)(int)>("fsync");
  if (due_file("sync", file)) {
    die();
  }
  return real(file);
}

int fdatasync(int file) {
  static const auto real = next<int (*)(int)>("fdatasync");
  if (due_file("sync", file)) {
    die();
  }
  return real(file);
}

int rename(const char* from, const char* to) {
  static const auto real = next<int (*)(const char*, const char*)>("rename");
  if (due("rename", to)) {
    die();
  }
  return real(from, to);
}

int unlink(const char* path) {
  static const auto real = next<int (*)(const char*)>("unlink");
  if (due("remove", path)) {
    die();
  }
  return real(path);
}

ssize_t write(int file, const void* data, size_t size) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t)>("write");
  if (due_file("write", file)) {
    real(file, data, size / 2);
    die();
  }
  return real(file, data, size);
}

ssize_t pwrite64(int file, const void* data, size_t size, off64_t at) {
  static const auto real = next<ssize_t (*)(int, const void*, size_t, off64_t)>("pwrite64");
  if (due_file("write", file)) {
    real(file, data, size / 2, at);
    die();
  }
  return real(file, data, size, at);
}

ssize_t pwrite(int file, const void* data, size_t size, off_t at) {
  return pwrite64(file, data, size, at);
}

}  // extern "C"
