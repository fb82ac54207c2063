// Sections of keys as lines of text, so that one program can tell another what it understands; and what a
// configuration file says of each key.
//
// A line is SECTION, KEY, TYPE, DEFAULT, LEAST, MOST, CHOICES, FLAGS and HELP, with a tab between two. `of-X
// --describe-config` prints them. Pure; not for the data path.
#pragma once

#include <deque>
#include <optional>

#include "proto/settings.hpp"

namespace of::settings {

std::string to_lines(std::span<const Section> sections);

/// Sections that another program has told. Owns what they point to; stays where it is.
class ToldSections {
  public:
    /// What is no such line is left out.
    explicit ToldSections(std::string_view lines);
    ToldSections(const ToldSections&) = delete;

    std::span<const Section> sections() const { return sections_; }

  private:
    std::deque<std::string> texts_;
    std::deque<std::vector<Key>> keys_;
    std::vector<Section> sections_;
};

/// A key's value, as it would stand in the file, and where it comes from.
struct Standing {
    std::string value;
    uint32_t line = 0;  ///< 0: the file leaves it out, the value is the default
};
/// Of `key` in [section] of a text; nothing is checked.
class Standings {
  public:
    explicit Standings(std::string_view toml);
    Standing of(const Section& section, const Key& key) const;

  private:
    std::map<std::string, Standing, std::less<>> found_;
};

/// "a whole number from 1 to 9".
std::string expected_text(const Key& key);
/// The sections as a JSON Schema (draft 2020-12) of the file.
std::string json_schema(std::span<const Section> sections);
std::string_view name_of(Kind kind);

}  // namespace of::settings
