// A clone of a storage snapshot for one proof: isolated, writable, and gone afterwards.
#pragma once

#include <memory>
#include <string>
#include <utility>

#include "domain/activities/storage_work.h"

namespace holdfast::activities {

class ProofClone {
 public:
  // Named by the run, so that what an earlier attempt left (and wrote into) is found and removed
  // first. Errors are the driver's.
  static Result<std::unique_ptr<ProofClone>> make(const DataContext& context, OpenVolume open,
                                                  const std::string& snapshot,
                                                  const std::string& run_id) {
    HF_TRY_VOID(wait(context, open.driver->delete_clone(open.volume, run_id)));
    HF_TRY(storage::Clone made,
           wait(context, open.driver->create_clone(open.volume, snapshot, run_id)));
    return std::unique_ptr<ProofClone>(new ProofClone(context, std::move(open), std::move(made)));
  }
  // What cannot be removed now is removed by the workflow.
  ~ProofClone() {
    const Status gone = wait(context_, open_.driver->delete_clone(open_.volume, clone_.name));
    if (!gone) {
      log_warn("proof.clone_left", {{"clone", clone_.name}, {"error", gone.error().to_string()}});
    }
  }
  ProofClone(const ProofClone&) = delete;
  ProofClone& operator=(const ProofClone&) = delete;

  const std::string& path() const { return clone_.path; }

 private:
  ProofClone(const DataContext& context, OpenVolume open, storage::Clone clone)
      : context_(context), open_(std::move(open)), clone_(std::move(clone)) {}

  const DataContext& context_;
  const OpenVolume open_;
  const storage::Clone clone_;
};

}  // namespace holdfast::activities
