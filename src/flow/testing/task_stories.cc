// Stories about attempts in the hands of somebody outside: agents, and activities left open.
#include "flow/testing/story.h"

namespace holdfast::flow::stories {

std::vector<Story> task_stories() { return {}; }

}  // namespace holdfast::flow::stories
