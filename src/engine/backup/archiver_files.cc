// The readers: open, cut into chunks, hand the chunks on, and look whether the file changed under
// their hands. A file of one chunk is finished on the reader's own thread.
#include <fmt/core.h>

#include "engine/backup/archiver_parts.h"

namespace holdfast::backup {
namespace {

constexpr int kReadAttempts = 4;  // the first and 3 more

bool same_version(const struct stat& a, const struct stat& b) {
  return a.st_size == b.st_size && time_of(a.st_mtim) == time_of(b.st_mtim) &&
         time_of(a.st_ctim) == time_of(b.st_ctim);
}

Result<struct stat> stat_open(int fd, const std::string& path) {
  struct stat info{};
  if (::fstat(fd, &info) != 0) {
    return io_error(errno, "stat", path);
  }
  return info;
}

}  // namespace

void Archiver::read_files() {
  Buffer scratch;
  while (auto job = files_.pop()) {
    if (!failed_) {
      read_file(*job, scratch);
    }
  }
}

void Archiver::read_file(const std::shared_ptr<FileJob>& job, Buffer& scratch) {
  for (int attempt = 1; attempt <= kReadAttempts; ++attempt) {
    const auto settled = read_once(job, scratch, /*last_try=*/attempt == kReadAttempts);
    if (!settled) {
      const Code code = settled.error().code();
      if (failed_ || code == Code::kCancelled) {
        fail(settled.error());
        return;
      }
      if (code != Code::kNotFound) {  // vanished since it was listed: as if it had not been there
        problem(Problem::Kind::kUnreadable, job->live_path, settled.error().to_string());
      }
      complete(job->directory, job->slot, std::nullopt);
      return;
    }
    if (*settled) {
      return;
    }
  }
}

// Reads the file once; true when its node is complete or will be by the last of its chunks, false
// when it changed and has to be read again.
Result<bool> Archiver::read_once(const std::shared_ptr<FileJob>& job, Buffer& scratch,
                                 bool last_try) {
  HF_TRY(const Descriptor file, open_for_reading(job->read_path));
  HF_TRY(const struct stat before, stat_open(file.get(), job->live_path));
  if (!S_ISREG(before.st_mode)) {
    return Error(Code::kConflict, "it is no regular file any more").with("path", job->live_path);
  }
  repo::Node fresh = node_from_stat(job->node.name, before, names_);
  fresh.extended_attributes = job->node.extended_attributes;
  fresh.atime = options_.with_atime ? time_of(before.st_atim) : fresh.mtime;
  job->node = std::move(fresh);

  const auto attempt = std::make_shared<Attempt>();
  attempt->job = job;
  std::uint64_t offset = 0;
  repo::Chunker chunker(
      tables_,
      [&](MutableByteSpan out) -> Result<std::size_t> {
        auto count = read_at(file.get(), offset, out, job->live_path);
        offset += count ? *count : 0;
        return count;
      },
      static_cast<std::uint64_t>(before.st_size), scratch);
  HF_TRY_VOID(cut_file(attempt, chunker));

  HF_TRY(const struct stat after, stat_open(file.get(), job->live_path));
  const bool stable =
      same_version(before, after) && offset == static_cast<std::uint64_t>(before.st_size);
  if (!stable && !last_try) {
    const std::lock_guard lock(attempt->mutex);
    attempt->discarded = true;
    return false;
  }
  if (!stable) {
    problem(Problem::Kind::kChangedWhileRead, job->live_path,
            fmt::format("it changed during each of {} readings", kReadAttempts));
  }
  job->node.size = offset;
  release(attempt);
  return true;
}

Status Archiver::cut_file(const std::shared_ptr<Attempt>& attempt, repo::Chunker& chunker) {
  for (std::size_t place = 0;; ++place) {
    HF_TRY(Buffer chunk, chunker.next());
    if (chunk.empty()) {
      return {};
    }
    if (options_.stop.stop_requested()) {
      return Error(Code::kCancelled, "the backup was stopped");
    }
    if (options_.progress != nullptr) {
      options_.progress->bytes_done += chunk.size();
    }
    {
      const std::lock_guard lock(attempt->mutex);
      attempt->ids.emplace_back();
      ++attempt->pending;
    }
    if (place == 0 && chunker.at_end()) {
      chunk_done(attempt, place, writer_.save(repo::ChunkKind::kData, chunk));
    } else {
      writer_.save_later(repo::ChunkKind::kData, std::move(chunk),
                         [this, attempt, place](Result<repo::SavedChunk> saved) {
                           chunk_done(attempt, place, std::move(saved));
                         });
    }
    HF_TRY_VOID(failure());
  }
}

void Archiver::chunk_done(const std::shared_ptr<Attempt>& attempt, std::size_t place,
                          Result<repo::SavedChunk> saved) {
  if (!saved) {
    fail(saved.error());
    return;
  }
  {
    const std::lock_guard lock(attempt->mutex);
    attempt->ids[place] = saved->id;
  }
  release(attempt);
}

// One share of an attempt is done; with the last one the file's node is complete.
void Archiver::release(const std::shared_ptr<Attempt>& attempt) {
  {
    const std::lock_guard lock(attempt->mutex);
    if (--attempt->pending != 0 || attempt->discarded) {
      return;
    }
  }
  FileJob& job = *attempt->job;
  job.node.content = std::move(attempt->ids);
  apply_device(job.node);
  count_file(job.node, job.known, /*unmodified=*/false);
  complete(job.directory, job.slot, std::move(job.node));
}

}  // namespace holdfast::backup
