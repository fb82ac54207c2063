// A recorded tape in memory: one line a frame, `<receive ns> {"stream":...}` or `<receive ns>
// {"rest":...,"body":...}`.
//
// Loaded whole, plain or gzip, before the program listens; read only afterwards. A line that is neither form
// is an error that names its number. Lines keep the order of the file; a receive time that goes back is
// played at once.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tests/exchange/error.hpp"

namespace of::exchange {

struct TapeLine {
    int64_t due_ns = 0;       // since the first line
    std::string_view stream;  // empty for a REST line
    std::string_view text;    // the frame, byte exact, or the REST object
    size_t data_at = 0;       // where the payload begins in `text`
};

struct Tape {
    std::string bytes;  // the whole file, padded for simdjson; what the views point into
    std::vector<TapeLine> lines;
    int64_t first_ns = 0;

    Tape() = default;
    Tape(Tape&&) = delete;  // the views point into `bytes`
};

/// Reads FILE into `tape`.
Result<void> load_tape(const std::string& path, Tape& tape);

}  // namespace of::exchange
