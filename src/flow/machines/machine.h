// A state machine as a table of (state, input, next state).
//
// An input that a state ignores is listed with the same state as next; what is not listed is not
// allowed. The table counts how often each line was taken, so that tests print what nobody reached.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace holdfast::flow::machines {

template <class State, class Input>
struct Line {
  State from;
  Input on;
  State to;
};

template <class State, class Input, std::size_t N>
class Machine {
 public:
  constexpr Machine(std::string_view name, std::array<Line<State, Input>, N> lines)
      : name_(name), lines_(lines) {}

  // nullopt: this input is not allowed in this state.
  std::optional<State> next(State state, Input input) const {
    for (std::size_t i = 0; i < N; ++i) {
      if (lines_[i].from == state && lines_[i].on == input) {
        taken_[i].fetch_add(1, std::memory_order_relaxed);
        return lines_[i].to;
      }
    }
    return std::nullopt;
  }

  std::string_view name() const { return name_; }
  static constexpr std::size_t size() { return N; }
  const Line<State, Input>& line(std::size_t i) const { return lines_[i]; }
  std::uint64_t taken(std::size_t i) const { return taken_[i].load(std::memory_order_relaxed); }

 private:
  std::string_view name_;
  std::array<Line<State, Input>, N> lines_;
  mutable std::array<std::atomic<std::uint64_t>, N> taken_{};
};

}  // namespace holdfast::flow::machines
