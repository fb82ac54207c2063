// The last words in the log rings of an instance, merged by time: what all processes said before one of them died.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "shm/segment.hpp"

namespace of::autopsy {

class LogTail {
  public:
    static constexpr size_t lines_before_max = 200;
    static constexpr size_t lines_after_max = 20;

    /// Its newest records.
    void take(const shm::Segment& ring);
    /// The lines before `died_wall_ns`, and some after it.
    std::string text(int64_t died_wall_ns) const;
    /// What a process said of a failed assertion since `since_wall_ns`; "" for nothing.
    std::string assertion_of(std::string_view process, int64_t since_wall_ns) const;

  private:
    struct Line {
        int64_t wall_ns;
        uint16_t sentence;
        std::string process;
        std::string message;
        std::string text;
    };
    std::vector<Line> lines_;
};

}  // namespace of::autopsy
