// Order of work: what is extra goes, folders are made (mode 0700), files are filled from packs in
// the order in which these are first needed, links and special files follow, folders get their
// metadata last and from the inside out. Each chunk is read and opened once and written wherever it
// belongs. An existing file is replaced by a finished one under its name; what fails is listed, the
// rest done.
#include "engine/backup/restore.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <mutex>
#include <thread>
#include <unordered_map>

#include "core/env/posix/atomic_file.h"
#include "engine/backup/local_tree.h"
#include "engine/backup/restore_plan.h"
#include "engine/backup/restore_writer.h"

namespace holdfast::backup {
namespace {

using repo::ChunkKind;
using repo::NodeType;

constexpr std::uint64_t kMaxRead = 8u << 20;
constexpr std::uint64_t kMaxGap = 128u << 10;

struct Use {
  std::size_t item = 0;
  std::uint64_t offset = 0;
};

struct Piece {
  repo::ChunkId id;
  repo::ChunkLocation location;
  std::vector<Use> uses;
};

class Restorer {
 public:
  Restorer(repo::Repository& repository, const RestoreOptions& options, RestoreWork work)
      : repository_(repository),
        options_(options),
        work_(std::move(work)),
        open_pieces_(work_.items.size()),
        broken_(work_.items.size()) {}

  Result<RestoreSummary> run() {
    HF_TRY_VOID(env::make_directories(options_.target, 0700));
    delete_extra();
    make_folders();
    collect_pieces();
    HF_TRY_VOID(write_files());
    make_links();
    finish_folders();
    if (options_.verify) {
      verify();
    }
    HF_TRY_VOID(flush());
    if (options_.stop.stop_requested()) {
      return Error(Code::kCancelled, "the restore was stopped");
    }
    return std::move(summary_);
  }

 private:
  Status flush() const {
    const Descriptor target(::open(options_.target.c_str(), O_RDONLY | O_CLOEXEC));
    return target.valid() && ::syncfs(target.get()) == 0
               ? Status()
               : io_error(errno, "flush", options_.target);
  }
  std::string final_path(const RestoreItem& item) const {
    return item.path.empty() ? options_.target : join_path(options_.target, item.path);
  }
  // Where an item is made before it takes its name.
  std::string work_path(const RestoreItem& item) const {
    if (item.action != Action::kReplace) {
      return final_path(item);
    }
    const std::size_t slash = item.path.find_last_of('/');
    const std::string folder = slash == std::string::npos ? "" : item.path.substr(0, slash);
    return join_path(join_path(options_.target, folder),
                     fmt::format(".holdfast-restore-{:016x}", stable_device_id(item.path)));
  }
  static bool written(const RestoreItem& item) {
    return item.action == Action::kCreate || item.action == Action::kReplace;
  }
  bool is_leader(std::size_t index) const {
    const RestoreItem& item = work_.items[index];
    return item.leader == SIZE_MAX || item.leader == index;
  }

  void problem(const std::string& path, const Error& error) {
    const std::lock_guard lock(mutex_);
    ++summary_.problem_count;
    if (options_.progress != nullptr) {
      ++options_.progress->errors;
    }
    if (summary_.problems.size() < kMaxProblems) {
      summary_.problems.push_back({Problem::Kind::kUnreadable, path, error.to_string()});
    }
  }
  void note(const std::string& path, const Status& status) {
    if (!status) {
      problem(path, status.error());
    }
  }

  void delete_extra() {
    for (const std::string& path : work_.deletes) {
      const Status removed = remove_tree(join_path(options_.target, path));
      note(path, removed);
      summary_.files_deleted += removed ? 1 : 0;
    }
  }

  void make_folders() {
    for (const RestoreItem& item : work_.items) {
      if (item.node.type != NodeType::kDir) {
        continue;
      }
      ++summary_.directories;
      if (!written(item) || item.path.empty()) {
        continue;
      }
      const std::string path = final_path(item);
      if (item.action == Action::kReplace) {
        note(item.path, remove_tree(path));
      }
      if (::mkdir(path.c_str(), 0700) != 0) {
        problem(item.path, io_error(errno, "make directory", path));
      }
    }
  }

  // Which chunk goes where, by the order of first use; files without content are done here.
  void collect_pieces() {
    std::unordered_map<repo::ChunkId, std::size_t> known;
    for (std::size_t i = 0; i < work_.items.size(); ++i) {
      const RestoreItem& item = work_.items[i];
      if (item.node.type != NodeType::kFile) {
        continue;
      }
      ++summary_.total_files;
      summary_.total_bytes += is_leader(i) ? item.node.size : 0;
      if (!written(item)) {
        ++summary_.files_skipped;
        continue;
      }
      if (!is_leader(i)) {
        continue;
      }
      if (item.action == Action::kReplace) {
        note(item.path, remove_tree(work_path(item)));  // of a run that was killed
      }
      std::uint64_t offset = 0;
      for (const repo::ChunkId& id : *item.node.content) {
        const auto location = repository_.find_chunk(ChunkKind::kData, id);
        if (!location) {
          broken_[i] = true;
          problem(item.path, Error(Code::kDataLoss, "a chunk is in no pack").with("id", id.hex()));
          break;
        }
        const auto [place, fresh] = known.emplace(id, pieces_.size());
        if (fresh) {
          pieces_.push_back({id, *location, {}});
        }
        pieces_[place->second].uses.push_back({i, offset});
        offset += location->size();
        ++open_pieces_[i];
      }
      if (item.node.content->empty()) {
        finish_file(i);
      }
    }
  }

  Status write_files() {
    std::unordered_map<repo::PackId, std::size_t> order;
    std::vector<std::vector<const Piece*>> packs;
    for (const Piece& piece : pieces_) {
      const auto [place, fresh] = order.emplace(piece.location.pack, packs.size());
      if (fresh) {
        packs.emplace_back();
      }
      packs[place->second].push_back(&piece);
    }
    std::atomic<std::size_t> next{0};
    std::vector<std::thread> workers;
    for (int i = 0; i < options_.workers; ++i) {
      workers.emplace_back([&] {
        for (std::size_t k = next++; k < packs.size() && !stopped(); k = next++) {
          restore_pack(packs[k]);
        }
      });
    }
    for (std::thread& worker : workers) {
      worker.join();
    }
    const std::lock_guard lock(mutex_);
    return fatal_ ? Status(*fatal_) : Status();
  }

  bool stopped() {
    const std::lock_guard lock(mutex_);
    return fatal_.has_value() || options_.stop.stop_requested();
  }

  // Reads what is needed of one pack in few large ranges.
  void restore_pack(std::vector<const Piece*>& pieces) {
    std::sort(pieces.begin(), pieces.end(), [](const Piece* a, const Piece* b) {
      return a->location.offset < b->location.offset;
    });
    for (std::size_t first = 0; first < pieces.size() && !stopped();) {
      const std::uint64_t start = pieces[first]->location.offset;
      std::uint64_t end = start + pieces[first]->location.length;
      std::size_t last = first + 1;
      while (last < pieces.size()) {
        const repo::ChunkLocation& location = pieces[last]->location;
        const std::uint64_t new_end = std::uint64_t{location.offset} + location.length;
        if (location.offset > end + kMaxGap || new_end - start > kMaxRead) {
          break;
        }
        end = std::max(end, new_end);
        ++last;
      }
      const blob::ObjectKey key{blob::ObjectType::kPack, pieces[first]->location.pack.hex()};
      const auto bytes = repository_.get(key, blob::ByteRange{start, end - start});
      for (; first < last; ++first) {
        restore_piece(*pieces[first], bytes, start);
      }
    }
  }

  void restore_piece(const Piece& piece, const Result<Buffer>& bytes, std::uint64_t start) {
    const repo::ChunkLocation& at = piece.location;
    const auto plain =
        bytes ? repository_.open_chunk(ByteSpan(*bytes).subspan(at.offset - start, at.length),
                                       piece.id, at.plain_length)
              : bytes;
    for (const Use& use : piece.uses) {
      Status done = status_of(plain);
      if (done && !broken_[use.item]) {
        done = write_piece(work_path(work_.items[use.item]), use.offset, *plain, options_.sparse);
        if (options_.progress != nullptr) {
          options_.progress->bytes_done += plain->size();
        }
      }
      piece_done(use.item, done);
    }
  }

  void piece_done(std::size_t index, const Status& done) {
    if (!done) {
      if (!broken_[index].exchange(true)) {
        problem(work_.items[index].path, done.error());
      }
      if (done.error().code() == Code::kResourceExhausted) {
        const std::lock_guard lock(mutex_);
        fatal_ = done.error();
      }
    }
    if (--open_pieces_[index] == 0) {
      finish_file(index);
    }
  }

  void finish_file(std::size_t index) {
    const RestoreItem& item = work_.items[index];
    const std::string path = work_path(item);
    if (broken_[index]) {
      ::unlink(path.c_str());  // half a file is worse than none
      return;
    }
    Status done = set_length(path, item.node.size);
    if (done) {
      note(item.path, apply_metadata(path, item.node, options_.owners));
      done = take_name(item);
    }
    if (!done) {
      broken_[index] = true;
      problem(item.path, done.error());
      return;
    }
    const std::lock_guard lock(mutex_);
    ++summary_.files_restored;
    summary_.bytes_restored += item.node.size;
    if (options_.progress != nullptr) {
      ++options_.progress->files_done;
    }
  }

  Status take_name(const RestoreItem& item) {
    if (item.action != Action::kReplace) {
      return {};
    }
    const std::string path = final_path(item);
    if (const auto info = stat_entry(path); info && S_ISDIR(info->st_mode)) {
      HF_TRY_VOID(remove_tree(path));
    }
    return ::rename(work_path(item).c_str(), path.c_str()) == 0 ? Status()
                                                                : io_error(errno, "rename", path);
  }

  // Symbolic links, special files, and the further names of hard-link groups.
  void make_links() {
    for (std::size_t i = 0; i < work_.items.size() && !stopped(); ++i) {
      const RestoreItem& item = work_.items[i];
      const bool first_name = is_leader(i);
      if (item.node.type == NodeType::kDir || (item.node.type == NodeType::kFile && first_name)) {
        continue;
      }
      const Status done = first_name ? make_one(item) : link_one(item);
      note(item.path, done);
      summary_.total_files += item.node.type == NodeType::kFile ? 0 : 1;
      summary_.files_restored += done && written(item) ? 1 : 0;
    }
  }

  Status make_one(const RestoreItem& item) {
    if (!written(item)) {
      return {};
    }
    const std::string path = work_path(item);
    HF_TRY_VOID(remove_tree(path));
    HF_TRY_VOID(make_special(path, item.node));
    note(item.path, apply_metadata(path, item.node, options_.owners));
    return take_name(item);
  }

  Status link_one(const RestoreItem& item) {
    if (broken_[item.leader]) {
      return Error(Code::kDataLoss, "the first name of this hard link could not be restored");
    }
    const std::string leader = final_path(work_.items[item.leader]);
    const auto there = stat_entry(final_path(item));
    const auto wanted = stat_entry(leader);
    const bool linked =
        there && wanted && there->st_ino == wanted->st_ino && there->st_dev == wanted->st_dev;
    if (linked || (there && options_.overwrite == Overwrite::kNever)) {
      return {};
    }
    RestoreItem replaced = item;
    replaced.action = there ? Action::kReplace : Action::kCreate;
    const std::string path = work_path(replaced);
    if (there) {
      HF_TRY_VOID(remove_tree(path));
    }
    if (::link(leader.c_str(), path.c_str()) != 0) {
      return io_error(errno, "link", path);
    }
    return take_name(replaced);
  }

  void finish_folders() {
    for (auto item = work_.items.rbegin(); item != work_.items.rend(); ++item) {
      if (item->node.type == NodeType::kDir && item->action != Action::kTraverse) {
        note(item->path, apply_metadata(final_path(*item), item->node, options_.owners));
      }
    }
  }

  void verify() {
    for (std::size_t i = 0; i < work_.items.size() && !options_.stop.stop_requested(); ++i) {
      const RestoreItem& item = work_.items[i];
      if (item.node.type != NodeType::kFile || !written(item) || broken_[i]) {
        continue;
      }
      const Status same = verify_bytes(repository_, item.node, final_path(item));
      note(item.path, same);
      summary_.files_verified += same ? 1 : 0;
    }
  }

  repo::Repository& repository_;
  const RestoreOptions& options_;
  const RestoreWork work_;
  std::vector<Piece> pieces_;
  std::vector<std::atomic<std::uint64_t>> open_pieces_;  // per item: chunks not yet written
  std::vector<std::atomic<bool>> broken_;
  std::mutex mutex_;
  RestoreSummary summary_;
  std::optional<Error> fatal_;
};

}  // namespace

Result<RestoreSummary> restore(repo::Repository& repository, const RestoreOptions& options) {
  HF_TRY(RestoreWork work, plan_work(repository, options));
  return Restorer(repository, options, std::move(work)).run();
}

}  // namespace holdfast::backup
