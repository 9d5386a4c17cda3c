// Registers functions of a context as activities:
//
//   const AddActivities add(registry, context);
//   add("storage.check_space", check_space);
#pragma once

#include "core/base/json.h"
#include "flow/activity.h"

namespace holdfast::activities {

// The registry and the context outlive the activities.
template <class Context>
class AddActivities {
 public:
  AddActivities(flow::ActivityRegistry& registry, const Context& context)
      : registry_(registry), context_(context) {}

  // One that says how far it is, or may be stopped on its way.
  void operator()(const char* name,
                  Result<Json> (*run)(const Context&, flow::ActivityContext&, const Json&)) const {
    registry_.add(name,
                  [&context = context_, run](flow::ActivityContext& activity, const Json& input) {
                    return run(context, activity, input);
                  });
  }
  // One that is over at once.
  void operator()(const char* name, Result<Json> (*run)(const Context&, const Json&)) const {
    registry_.add(name, [&context = context_, run](flow::ActivityContext&, const Json& input) {
      return run(context, input);
    });
  }

 private:
  flow::ActivityRegistry& registry_;
  const Context& context_;
};

}  // namespace holdfast::activities
