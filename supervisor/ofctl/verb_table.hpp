// The one table of ofctl's verbs. From it come the parser, the help, the completion and the man pages.
//
// To add a verb: a function in verbs.hpp, its fields in Options, an entry in the list it belongs to (verbs_reading.cpp,
// verbs_postmortem.cpp, verbs_shm.cpp, verbs_changing.cpp or verbs_itself.cpp), and a row in OFCTL.md. Nothing else names it; the test
// of the table fails while one of these is missing. A verb's JSON begins with Json::open_document(), each row of its
// table with Json::open_row(), and goes out through put_json(): then ndjson and name need nothing more.
#pragma once

#include <initializer_list>
#include <span>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/types.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {

/// What a word names, for the completion.
enum class Names : uint8_t { nothing, worker, segment, breaker, instance, file, folder, verb };
enum class Count : uint8_t { any, one, at_most_one, at_least_one };

using Target = std::variant<bool Options::*, std::string Options::*, std::vector<std::string> Options::*,
                            uint64_t Options::*, int64_t Options::*, double Options::*>;

/// An option, a flag, or what a verb is about (a name in capitals without dashes).
struct OptionRow {
    const char* names;  ///< "-n,--lines"; "!--no-wait": the flag clears its target
    const char* help;
    Target target;
    const char* value = "";  ///< what stands for the value in help: "SEC"
    std::initializer_list<const char*> one_of{};
    double least = 0;  ///< of a number
    double most = 0;   ///< 0: any
    Names completes = Names::nothing;
    Count count = Count::any;

    bool positional() const { return *names != '-' && *names != '!'; }
    bool flag() const { return std::holds_alternative<bool Options::*>(target); }
    /// "--lines", without a dash before it; of a positional its name.
    std::string_view long_name() const;
};

struct Example {
    const char* command;
    const char* about = "";
};

enum class Kind : uint8_t {
    reads,    ///< works beside a stopped or dead supervisor
    changes,  ///< asks the supervisor, or removes something; is written to the log
    itself,   ///< about ofctl and the host
};
/// What must be known before the verb runs.
enum class Needs : uint8_t {
    instance,
    instance_unless_named,
    instance_if_clear,  ///< "" where several are there and none is chosen
    nothing
};
/// Which workers a verb is for.
enum class Workers : uint8_t { not_asked, named_or_all, named_all_or_none };

/// Sets of formats and of shared options, as bits.
inline constexpr uint32_t with_wide = 1 << static_cast<int>(Format::wide);
inline constexpr uint32_t with_json = 1 << static_cast<int>(Format::json) | 1 << static_cast<int>(Format::ndjson);
inline constexpr uint32_t with_name = 1 << static_cast<int>(Format::name);
inline constexpr uint32_t with_prom = 1 << static_cast<int>(Format::prom);
inline constexpr uint32_t with_reason = 1;
inline constexpr uint32_t with_no_wait = 2;
inline constexpr uint32_t with_timeout = 4;
inline constexpr uint32_t with_dry_run = 8;  ///< of all that change something

struct Verb {
    const char* name;  ///< "status", "shm ls"
    const char* help;  ///< one line
    const char* text;  ///< what a reader of the man page wants to know; paragraphs are parted by an empty line
    int (*run)(const Options&);
    Kind kind = Kind::reads;
    uint32_t formats = with_json;  ///< besides the table
    uint32_t shared = 0;           ///< with_reason and so on
    Workers workers = Workers::not_asked;
    std::initializer_list<OptionRow> options{};
    std::initializer_list<ExitCode> ends{};  ///< besides ok, failed, usage, and what its kind brings
    std::initializer_list<Example> examples{};
    Needs needs = Needs::instance;
    bool hidden = false;

    bool has(Format format) const { return format == Format::table || (formats >> static_cast<int>(format) & 1) != 0; }
    /// "shm" of "shm ls"; "" for a verb without a group.
    std::string_view group() const;
};

struct ExitRow {
    ExitCode exit_code;
    const char* meaning;
};

/// Verbs as they stand in the help.
const std::vector<const Verb*>& all_verbs();
/// By its whole name.
const Verb* find_verb(std::string_view name);
bool is_group(std::string_view name);

/// Options of every verb.
std::span<const OptionRow> everywhere();
/// All options of a verb but those of every verb; what it is about comes first.
std::vector<const OptionRow*> rows_of(const Verb& verb);
/// The exit codes of the program, and those that a verb can end with.
std::span<const ExitRow> exit_rows();
std::vector<ExitRow> exit_rows_of(const Verb& verb);
/// "table, json, ndjson".
std::string formats_of(const Verb& verb);

/// A part of the table, as the help shows it.
struct VerbPart {
    const char* title;
    std::span<const Verb> verbs;
};
std::span<const VerbPart> verb_parts();

/// Of verbs_NAME.cpp each.
std::span<const Verb> reading_verbs();
std::span<const Verb> postmortem_verbs();
std::span<const Verb> shm_verbs();
std::span<const Verb> changing_verbs();
std::span<const Verb> view_verbs();
std::span<const Verb> own_verbs();

}  // namespace of::ofctl
