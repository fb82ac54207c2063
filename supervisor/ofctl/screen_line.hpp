// Lines of a text screen: pieces with an ink each, cut to a width, and grids of columns. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {

enum class Ink : uint8_t { plain, good, warn, bad, title, chosen, faint };
Ink ink_of(Tone tone);

struct Piece {
    std::string text;
    Ink ink = Ink::plain;
};

class ScreenLine {
  public:
    ScreenLine() = default;
    ScreenLine(std::string text, Ink ink = Ink::plain) { add(std::move(text), ink); }
    /// What a segment holds cannot command the terminal: control characters become "\x1b".
    ScreenLine& add(std::string_view text, Ink ink = Ink::plain);
    /// Spaces up to this column; nothing when it is there already.
    ScreenLine& fill_to(size_t column);
    ScreenLine& in(Ink ink);
    /// Puts `text` behind the first piece, into the spaces that follow it: what comes next keeps its column if it can.
    ScreenLine& note(std::string_view text);
    size_t width() const;
    /// At most `width` columns of it; the escape sequences of the inks do not count.
    std::string fit(size_t width, bool colour) const;

  private:
    std::vector<Piece> pieces_;
};

/// Characters of a text; each is taken to be one column wide.
size_t columns_of(std::string_view text);

/// Rows of cells in columns as wide as their widest cell.
class Grid {
  public:
    using Align = Table::Align;
    explicit Grid(std::vector<Table::Column> columns, size_t gap = 2) : columns_(std::move(columns)), gap_(gap) {}
    void add(std::vector<Piece> row) { rows_.push_back(std::move(row)); }
    /// The title first, then a line for each row.
    std::vector<ScreenLine> lines() const;

  private:
    std::vector<Table::Column> columns_;
    size_t gap_;  ///< between two columns
    std::vector<std::vector<Piece>> rows_;
};

}  // namespace of::ofctl
