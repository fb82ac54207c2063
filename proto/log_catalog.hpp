// Every sentence that the system can say. A log record carries the id of its sentence and the arguments; the logger (or
// ofctl, on the rings of a dead system) makes the text.
//
// To add a sentence, add a line to log_catalog.def. A call with a wrong number or type of arguments does not compile,
// and neither does a sentence whose placeholders do not match its types. Texts that exceed the record's 208 bytes of
// arguments are cut at a UTF-8 border; numbers never are, since they come first in the encoding.
#pragma once

#include <algorithm>
#include <cstring>
#include <string>

#include "proto/decimal.hpp"
#include "proto/message.hpp"

namespace of {

enum class LogLevel : uint8_t { debug, info, warn, error };

constexpr std::string_view name_of(LogLevel level) {
    constexpr std::array names{"debug", "info", "warn", "error"};
    const auto index = static_cast<size_t>(level);
    return index < names.size() ? names[index] : "unknown";
}

/// A record on `log.P`: slots of 256 bytes. The wall time is taken by the caller; records are merged by it.
struct LogRecord {
    Header header;
    int64_t wall_ns;  ///< CLOCK_REALTIME
    uint16_t id;      ///< LogId
    LogLevel level;
    uint8_t size;  ///< bytes used in `arguments`
    uint32_t reserved;
    std::array<char, 208> arguments;
};
static_assert(fits<LogRecord, body_256> && sizeof(LogRecord) == 248);

namespace log_type {  // what a sentence can be about; the letter is its kind in the catalogue's type string
struct Text {
    static constexpr char letter = 't';
    using Argument = std::string_view;
};
struct U64 {
    static constexpr char letter = 'u';
    using Argument = uint64_t;
};
struct I64 {
    static constexpr char letter = 'i';
    using Argument = int64_t;
};
struct E8 {
    static constexpr char letter = 'd';
    using Argument = e8_t;
};
}  // namespace log_type

enum class LogId : uint16_t {
    none = 0,
#define OF_LOG(entry, severity, words, ...) entry,
#include "proto/log_catalog.def"
#undef OF_LOG
    count
};

/// What the catalogue knows of one sentence.
struct LogSentence {
    std::string_view name;
    LogLevel level;
    std::string_view text;   ///< with {} for each argument
    std::string_view types;  ///< a letter of log_type for each argument
};

/// The sentence with this id; one that says "unknown" for an id of another version.
const LogSentence& sentence(uint16_t id);

/// What makes two records the same error: the sentence and its texts, whatever the numbers.
uint64_t error_key(const LogRecord& record);

/// The text of a record, with its arguments in place. Damaged arguments print as "?"; never fails.
std::string render(const LogRecord& record);

/// Numbers first, so that only texts can be cut.
class LogEncoder {
  public:
    explicit LogEncoder(LogRecord& record) : record_(record) { record_.size = 0; }
    void number(uint64_t value) {
        std::memcpy(record_.arguments.data() + record_.size, &value, sizeof value);
        record_.size = static_cast<uint8_t>(record_.size + sizeof value);
    }
    void text(std::string_view value) {
        const size_t room = record_.arguments.size() - record_.size;
        if (room == 0) return;
        size_t size = std::min({value.size(), room - 1, size_t{255}});
        while (size < value.size() && size > 0 && (static_cast<unsigned char>(value[size]) & 0xc0) == 0x80) --size;
        record_.arguments[record_.size] = static_cast<char>(size);
        if (size != 0) std::memcpy(record_.arguments.data() + record_.size + 1, value.data(), size);
        record_.size = static_cast<uint8_t>(record_.size + 1 + size);
    }

  private:
    LogRecord& record_;
};

/// A typed constant of the catalogue: `log_event::book_gap(record, "BTCUSDT", 5, 7)` fills a record.
template <LogId log_id, LogLevel log_level, typename... Types>
struct LogEvent {
    static constexpr LogId id = log_id;
    static constexpr LogLevel level = log_level;
    static_assert(sizeof...(Types) <= 8, "a sentence has at most 8 arguments");

    void operator()(LogRecord& record, typename Types::Argument... arguments) const {
        record.id = static_cast<uint16_t>(id);
        record.level = level;
        LogEncoder encoder(record);
        (number<Types>(encoder, arguments), ...);
        (text<Types>(encoder, arguments), ...);
    }

  private:
    template <typename Type>
    static void number(LogEncoder& encoder, typename Type::Argument argument) {
        if constexpr (Type::letter != 't') encoder.number(static_cast<uint64_t>(argument));
    }
    template <typename Type>
    static void text(LogEncoder& encoder, typename Type::Argument argument) {
        if constexpr (Type::letter == 't') encoder.text(argument);
    }
};

constexpr size_t placeholders(std::string_view text) {
    size_t count = 0;
    for (size_t at = text.find("{}"); at != std::string_view::npos; at = text.find("{}", at + 2)) ++count;
    return count;
}

template <typename... Types>
inline constexpr size_t type_count = sizeof...(Types);

namespace log_event {
using namespace log_type;
#define OF_LOG(entry, severity, words, ...)                                                         \
    inline constexpr LogEvent<LogId::entry, LogLevel::severity __VA_OPT__(, ) __VA_ARGS__> entry{}; \
    static_assert(placeholders(words) == type_count<__VA_ARGS__>, "placeholders of " #entry         \
                                                                  " do not match its "              \
                                                                  "types");
#include "proto/log_catalog.def"
#undef OF_LOG
}  // namespace log_event

}  // namespace of
