// Stories about resets: a run begins again at an earlier task.
#include "flow/testing/story.h"

namespace holdfast::flow::stories {

std::vector<Story> reset_stories() { return {}; }

}  // namespace holdfast::flow::stories
