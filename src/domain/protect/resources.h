// Resources as services make them: resolved by the storage driver and held against the policy.
#pragma once

#include "domain/protect/services.h"

namespace holdfast::protect {

// Finds the driver for the path and the real path of the directory; new id and time. Errors: the
// name, the path, two resources for one path are allowed.
async::Co<Result<inventory::Resource>> resolve_resource(const Services& services,
                                                        NewResource wanted);

// kFailedPrecondition with the reason when the policy demands what the resource's storage cannot
// give.
Status check_capabilities(const inventory::Resource& resource, const Policy& policy);

}  // namespace holdfast::protect
