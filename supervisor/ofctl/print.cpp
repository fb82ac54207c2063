#include "supervisor/ofctl/print.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace of::ofctl {
namespace {

bool colour = false;
bool quiet = false;

std::string scaled(double value, double step, std::string_view plain) {
    constexpr std::string_view units = "kMGT";
    if (value < step) return std::string(plain);
    size_t unit = 0;
    for (value /= step; value >= step && unit + 1 < units.size(); ++unit) value /= step;
    return fmt::format("{:.1f}{}", value, units[unit]);
}

/// The length of a sequence of toned() that begins `text`, or 0.
size_t tone_length(std::string_view text) {
    if (!colour) return 0;
    for (const std::string_view tone : {"\x1b[31m", "\x1b[32m", "\x1b[33m", "\x1b[0m"}) {
        if (text.starts_with(tone)) return tone.size();
    }
    return 0;
}

std::string shown(std::string_view text) {
    std::string line;
    while (!text.empty()) {
        const auto own = tone_length(text);
        const auto end = own != 0 ? own : std::min(text.find('\x1b', 1), text.size());
        line += own != 0 ? std::string(text.substr(0, own)) : printable_text(text.substr(0, end));
        text.remove_prefix(end);
    }
    return line;
}

[[noreturn]] void end_without_output(int error) {
    if (error == EPIPE) std::_Exit(code(ExitCode::ok));
    complain(fmt::format("what was asked for cannot be written: {}", std::strerror(error)));
    std::_Exit(code(ExitCode::failed));
}

}  // namespace

void put(std::string_view text) {
    if (quiet) return;
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size()) end_without_output(errno);
}
void put_line(std::string_view text) {
    put(shown(text));
    put("\n");
}
void put_json(const Options& options, const Json& document) {
    if (options.format == Format::json || (options.format == Format::ndjson && !document.tabular()))
        return put_line(document.text());
    for (const auto& row : document.rows())
        put_line(options.format == Format::name ? std::string_view(row.name) : document.text_of(row));
}
void flush_output() {
    if (std::fflush(stdout) != 0) end_without_output(errno);
}
/// Where even this cannot be written, the exit code has to do.
void complain(std::string_view sentence) {
    std::fputs(fmt::format("ofctl: {}\n", printable_text(sentence)).c_str(), stderr);
}

void set_colour(std::string_view mode) {
    const char* term = std::getenv("TERM");
    const bool dumb = term == nullptr || std::string_view(term) == "dumb";
    const char* refused = std::getenv("NO_COLOR");
    const char* forced = std::getenv("CLICOLOR_FORCE");
    const bool terminal = isatty(STDOUT_FILENO) == 1 && !dumb;
    const bool asked_for = forced != nullptr && *forced != 0 && std::string_view(forced) != "0";
    const bool wanted = (terminal || asked_for) && (refused == nullptr || *refused == 0);
    colour = mode == "always" || (mode == "auto" && wanted);
}

void set_quiet(bool wanted) { quiet = wanted; }

std::string toned(std::string_view text, Tone tone) {
    if (!colour || tone == Tone::plain) return std::string(text);
    const auto code = tone == Tone::good ? 32 : tone == Tone::warn ? 33 : 31;
    return fmt::format("\x1b[{}m{}\x1b[0m", code, text);
}

void Table::add(std::vector<Cell> row) {
    for (auto& cell : row) cell.text = printable_text(cell.text);
    rows_.push_back(std::move(row));
}

void Table::print(bool with_headers) const {
    std::vector<size_t> widths;
    for (const auto& column : columns_) widths.push_back(with_headers ? column.title.size() : 0);
    for (const auto& row : rows_) {
        for (size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].text.size());
    }
    const auto print_cell = [&](size_t i, std::string_view text, Tone tone) {
        const std::string pad(widths[i] - std::min(widths[i], text.size()), ' ');
        const bool last = i + 1 == columns_.size();
        if (columns_[i].align == Align::right) put(pad);
        put(toned(text, tone));
        if (columns_[i].align == Align::left && !last) put(pad);
        put(last ? "\n" : "  ");
    };
    if (with_headers) {
        for (size_t i = 0; i < columns_.size(); ++i) print_cell(i, columns_[i].title, Tone::plain);
    }
    for (const auto& row : rows_) {
        for (size_t i = 0; i < row.size(); ++i) print_cell(i, row[i].text, row[i].tone);
    }
}

std::string span_text(int64_t ns) {
    const auto seconds = ns / 1'000'000'000;
    if (ns < 0) return "-";
    if (ns < 1'000'000) return fmt::format("{}us", ns / 1000);
    if (seconds < 1) return fmt::format("{}ms", ns / 1'000'000);
    if (seconds < 60) return fmt::format("{}.{}s", seconds, ns / 100'000'000 % 10);
    if (seconds < 3600) return fmt::format("{}m{:02}s", seconds / 60, seconds % 60);
    if (seconds < 86'400) return fmt::format("{}h{:02}m", seconds / 3600, seconds / 60 % 60);
    return fmt::format("{}d{:02}h", seconds / 86'400, seconds / 3600 % 24);
}
std::string count_text(uint64_t count) { return scaled(static_cast<double>(count), 1000.0, std::to_string(count)); }
std::string bytes_text(uint64_t bytes) { return scaled(static_cast<double>(bytes), 1024.0, std::to_string(bytes)); }

}  // namespace of::ofctl
