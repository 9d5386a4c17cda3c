// Deciding an approval: the row and the signal to the run that waits for it.
#pragma once

#include <string>

#include "domain/approve/approvals.h"
#include "domain/protect/services.h"

namespace holdfast::recover {

// Records the decision with its audit row, then signals the run. Repeating a decision that was
// recorded but not signalled (a crash between) signals again. Errors as approve::decide.
async::Co<Result<approve::Approval>> decide_approval(const protect::Services& services,
                                                     protect::Caller caller, std::string id,
                                                     approve::Decision decision);

}  // namespace holdfast::recover
