// Settings: the one TOML file, checked section by section.
//
// Each program states the sections that it owns as tables of Key rows; `load` reads the file, checks those sections,
// and gives back every problem at once with line and column. Sections of other programs are only named, so nobody
// knows another's keys. Values that the file leaves out come from the row's fallback. Called once while starting;
// not for the data path. toml++ is used in settings*.cpp only, by toml.hpp.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace of::settings {

enum class Kind : uint8_t { text, integer, number, boolean, text_list };

/// One key of a section: its type, its bounds, and the sentence that `--help` and error messages show.
struct Key {
    std::string_view name;  ///< with its unit last: "batch_age_ms"
    Kind kind = Kind::text;
    std::string_view fallback;  ///< as it would stand in the file: `"sleep"`, `1000`, `true`, `["trade"]`
    std::string_view help;      ///< one sentence, no full stop
    int64_t min = std::numeric_limits<int64_t>::min();  ///< for integer and number; for text and lists: of the length
    int64_t max = std::numeric_limits<int64_t>::max();
    std::string_view choices;  ///< "sleep|yield|spin": the only texts allowed; empty for any
    bool required = false;     ///< must stand in the file; fallback is then unused
    /// A further check of each text (of each element of a list): says what was expected, or "" when it is right.
    std::string (*expects)(std::string_view value) = nullptr;
    bool power_of_two = false;   ///< for integer
    std::string_view not_below;  ///< for integer: another key of the section whose value this one must reach
};

/// A TOML table, "storage" or dotted "supervisor.restart". Owned by exactly one program.
struct Section {
    std::string_view name;
    std::span<const Key> keys;
};

/// Something wrong in the file; prints as `FILE:LINE:COLUMN: message`.
struct Problem {
    uint32_t line = 0;  ///< from 1; 0 when it belongs to no line (file unreadable, required section absent)
    uint32_t column = 0;
    std::string message;  ///< what was found, what was expected, and a suggestion where one is near
};

/// The checked values of one section. Asking for a key that is not in its table aborts: that is a programmer's error.
class Values {
  public:
    std::string_view text(std::string_view key) const;
    int64_t integer(std::string_view key) const;
    double number(std::string_view key) const;
    bool boolean(std::string_view key) const;
    const std::vector<std::string>& text_list(std::string_view key) const;

  private:
    friend struct Loader;
    using Value = std::variant<std::string, int64_t, double, bool, std::vector<std::string>>;
    std::map<std::string, Value, std::less<>> values_;
};

struct Loaded {
    std::vector<Problem> problems;  ///< in order of line and column; empty when all is well
    std::map<std::string, Values, std::less<>>
        sections;  ///< one for each owned section, complete even if problems exist

    const Values& operator[](std::string_view section) const { return sections.find(section)->second; }
};

/// Reads `path` and checks the sections in `owned`. A top-level name that is neither owned (or the parent of an owned
/// one) nor in `foreign` is a problem with a suggestion; pass what other programs own there. Never throws.
Loaded load(const std::string& path, std::span<const Section> owned, std::span<const std::string_view> foreign);

/// The same for the text that `descriptor` holds (a memfd); `path` only names it in messages. -1: reads `path`.
Loaded load(int descriptor, const std::string& path, std::span<const Section> owned,
            std::span<const std::string_view> foreign);

/// The same for text in memory; `path` only names it in messages.
Loaded parse(std::string_view toml, const std::string& path, std::span<const Section> owned,
             std::span<const std::string_view> foreign);

/// The text of a configuration file, as load() reads it, or why it cannot be read.
std::variant<std::string, Problem> read_text(const std::string& path);

/// Dotted names of the tables whose values differ between two texts that parse; sorted. A table's own keys count, not
/// those of the tables in it.
std::vector<std::string> changed_sections(std::string_view before, std::string_view after);

/// `FILE:LINE:COLUMN: message`, one line each, with a newline at the end.
std::string render(const std::string& path, std::span<const Problem> problems);

/// The table of a section as documentation: key, type, default, bounds and help, ready for `--help` and pages.
std::string describe(const Section& section);

/// The candidate within edit distance 2 (3 for words of 8 letters and more) nearest to `word`, or "".
std::string_view suggest(std::string_view word, std::span<const std::string_view> candidates);

}  // namespace of::settings
