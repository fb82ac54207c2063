#include "supervisor/ofctl/screen_line.hpp"

#include <algorithm>

namespace of::ofctl {
namespace {

std::string_view code_of(Ink ink) {
    switch (ink) {
        case Ink::good:
            return "\x1b[32m";
        case Ink::warn:
            return "\x1b[33m";
        case Ink::bad:
            return "\x1b[31m";
        case Ink::title:
            return "\x1b[1m";
        case Ink::chosen:
            return "\x1b[7m";
        case Ink::faint:
            return "\x1b[2m";
        case Ink::plain:
            break;
    }
    return "";
}

bool begins_character(char byte) { return (static_cast<unsigned char>(byte) & 0xc0) != 0x80; }

/// The bytes of the first `columns` characters.
std::string_view head_of(std::string_view text, size_t columns) {
    size_t seen = 0;
    for (size_t i = 0; i < text.size(); ++i) {
        if (begins_character(text[i]) && seen++ == columns) return text.substr(0, i);
    }
    return text;
}

}  // namespace

Ink ink_of(Tone tone) {
    if (tone == Tone::good) return Ink::good;
    if (tone == Tone::warn) return Ink::warn;
    return tone == Tone::bad ? Ink::bad : Ink::plain;
}

size_t columns_of(std::string_view text) { return static_cast<size_t>(std::ranges::count_if(text, begins_character)); }

ScreenLine& ScreenLine::add(std::string_view text, Ink ink) {
    if (!text.empty()) pieces_.push_back({printable_text(text), ink});
    return *this;
}

ScreenLine& ScreenLine::fill_to(size_t column) {
    const auto now = width();
    if (now < column) pieces_.push_back({std::string(column - now, ' '), Ink::plain});
    return *this;
}

ScreenLine& ScreenLine::in(Ink ink) {
    for (auto& piece : pieces_) piece.ink = ink;
    return *this;
}

ScreenLine& ScreenLine::note(std::string_view text) {
    if (pieces_.empty()) return add(text);
    if (pieces_.size() > 1) {
        auto& space = pieces_[1].text;
        space.erase(0, std::min(space.size() - std::min<size_t>(space.size(), 1), text.size()));
    }
    pieces_.insert(pieces_.begin() + 1, {std::string(text), Ink::faint});
    return *this;
}

size_t ScreenLine::width() const {
    size_t columns = 0;
    for (const auto& piece : pieces_) columns += columns_of(piece.text);
    return columns;
}

std::string ScreenLine::fit(size_t width, bool colour) const {
    std::string text;
    auto left = width;
    for (const auto& piece : pieces_) {
        const auto shown = head_of(piece.text, left);
        left -= columns_of(shown);
        const auto code = colour ? code_of(piece.ink) : std::string_view();
        if (!shown.empty()) text.append(code).append(shown).append(code.empty() ? "" : "\x1b[0m");
    }
    return text;
}

std::vector<ScreenLine> Grid::lines() const {
    std::vector<size_t> widths;
    for (const auto& column : columns_) widths.push_back(column.title.size());
    for (const auto& row : rows_) {
        for (size_t i = 0; i < row.size(); ++i)
            widths[i] = std::max(widths[i], columns_of(printable_text(row[i].text)));
    }
    const auto line_of = [&](const auto& piece_at) {
        ScreenLine line;
        size_t begin = 0;
        for (size_t i = 0; i < columns_.size(); ++i) {
            const Piece piece = piece_at(i);
            const auto size = columns_of(printable_text(piece.text));
            line.fill_to(begin + (columns_[i].align == Align::right ? widths[i] - std::min(size, widths[i]) : 0));
            line.add(piece.text, piece.ink);
            begin += widths[i] + gap_;
        }
        return line;
    };
    std::vector<ScreenLine> lines;
    lines.push_back(line_of([&](size_t i) { return Piece{std::string(columns_[i].title), Ink::title}; }));
    for (const auto& row : rows_) lines.push_back(line_of([&](size_t i) { return i < row.size() ? row[i] : Piece{}; }));
    return lines;
}

}  // namespace of::ofctl
