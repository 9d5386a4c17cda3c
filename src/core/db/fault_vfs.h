// Faults under SQLite, for tests: a VFS that counts durable operations and fails chosen ones.
//
// Counted are writes, truncations, syncs and deletions of the files opened through it, in the order
// in which SQLite issues them; the n-th of an undisturbed run is the same n in a disturbed one as
// long as the work is the same. Syncs are counted but not done: power does not fail in tests, and a
// real sync costs milliseconds. Register one, name it in db::Options::vfs, close every database
// that uses it before it goes. Thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

namespace holdfast::db {

enum class Fault {
  kError,       // the operation fails with an I/O error and does nothing; later ones succeed
  kFull,        // as kError, but "disk full"
  kStaysFull,   // as kFull, and later ones fail too, until disarm
  kKill,        // this operation and all later ones fail: nothing reaches the disk any more, as if
                // the process had ended here
  kTornKill,    // as kKill, but the first half of this write reaches the disk
  kEndProcess,  // the process ends here by SIGKILL, really
};

class FaultVfs {
 public:
  FaultVfs();
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  const std::string& name() const;
  // Arms one fault at the n-th counted operation from now (1 = the next). Replaces an armed one.
  void arm(std::uint64_t n, Fault fault);
  // No fault armed, a kill undone.
  void disarm();
  // Whether the armed fault has struck.
  bool struck() const;
  // Counted operations since construction.
  std::uint64_t count() const;

  struct State;  // defined and used in sqlite_fault_vfs.cc only

 private:
  std::unique_ptr<State> state_;
};

}  // namespace holdfast::db
