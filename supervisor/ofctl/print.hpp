// What a verb prints: a table for people, JSON for programs, and how to end when the reader has gone away.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "proto/text.hpp"
#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {

/// Writes to stdout. When its reader is gone (`ofctl logs | head -1`) the process ends quietly, with 0; where it cannot
/// be written otherwise (a full disk) with 1 and a sentence.
void put(std::string_view text);
/// One line. What a segment holds cannot command the terminal: only the colours of toned() pass as they are. The same
/// holds for the cells of a table, and for complain().
void put_line(std::string_view text);
/// A document as it was asked for: whole, one row a line, or only the rows' names, one a line.
void put_json(const Options& options, const Json& document);
/// Pushes what was put to the reader now.
void flush_output();
/// A sentence on stderr: "ofctl: ...".
void complain(std::string_view sentence);

enum class Tone : uint8_t { plain, good, warn, bad };

/// Whether stdout takes colour: --color, NO_COLOR, TERM=dumb, and a terminal.
void set_colour(std::string_view mode);
/// From now on nothing is put.
void set_quiet(bool quiet);
std::string toned(std::string_view text, Tone tone);

/// Columns as wide as their widest cell; numbers are to be right-aligned. The last column is not padded.
class Table {
  public:
    enum class Align : uint8_t { left, right };
    struct Column {
        std::string_view title;
        Align align = Align::left;
    };
    explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
    struct Cell {
        Cell(std::string content, Tone tone_of = Tone::plain) : text(std::move(content)), tone(tone_of) {}
        Cell(const char* content) : text(content) {}
        std::string text;
        Tone tone = Tone::plain;
    };
    void add(std::vector<Cell> row);
    void print(bool with_headers) const;

  private:
    std::vector<Column> columns_;
    std::vector<std::vector<Cell>> rows_;
};

/// "12ms", "3.4s", "5m12s", "2h03m", "4d01h".
std::string span_text(int64_t ns);
/// "512", "1.5k", "12.3M".
std::string count_text(uint64_t count);
/// "64.0M", "8.0k" bytes.
std::string bytes_text(uint64_t bytes);

}  // namespace of::ofctl
