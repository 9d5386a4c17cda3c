// Text of others on a terminal: names and sentences that come from files and servers.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace holdfast::cli {

// `text` without anything that a terminal obeys: control characters (C0, DEL, C1), direction
// overrides (U+202A..202E, U+2066..2069) and bytes that are not UTF-8 become \n, \x1b or \u202e.
// For people only: a backslash stays one, so the way back is not unique; JSON output is exact.
std::string printable(std::string_view text);
// The same for text of several lines: line ends and tabs stay.
std::string printable_lines(std::string_view text);

// Columns on a screen: two for East Asian wide characters and emoji, none for combining marks and
// zero-width characters, else one. Blocks are taken as a whole, and a sequence of emoji that is
// drawn as one counts each of them, as most terminals do.
size_t display_width(std::string_view text);
// `text` in at most `width` columns, with … where something is left out; 0: as it is.
std::string cut(std::string text, size_t width);

}  // namespace holdfast::cli
