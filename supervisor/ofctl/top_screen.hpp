// The screen of ofctl top: what was seen of an instance, drawn into lines. A pure function of what it is given.
#pragma once

#include "supervisor/ofctl/screen_line.hpp"
#include "supervisor/ofctl/top_view.hpp"

namespace of::ofctl {

struct ScreenSize {
    size_t width = 80;
    size_t height = 24;
};

/// What is open, chosen and asked at the moment.
struct TopUi {
    enum class Panel : uint8_t { overview, logs, breakers, help };
    Panel panel = Panel::overview;
    size_t chosen = 0;  ///< which worker
    bool paused = false;
    std::string question;  ///< "restart storage?": waits for y or n
    std::string notice;    ///< what came of the last one
    double interval_s = 1;
    bool colour = false;
};

/// Exactly `size.height` lines of at most `size.width` columns. What has no room is left out, the most quiet first, and
/// the title of each list says how much of it is shown.
std::vector<std::string> draw_top(const TopView& view, const TopUi& ui, ScreenSize size);

/// The same as plain tables for a file or a pipe: everything, nothing cut.
std::vector<std::string> list_top(const TopView& view, bool colour);

}  // namespace of::ofctl
