#include "proto/log_catalog.hpp"

#include <algorithm>

namespace of {
namespace {

using namespace log_type;

template <typename... Types>
struct Letters {
    static constexpr char text[] = {Types::letter..., '\0'};
};

constexpr LogSentence sentences[] = {
    {"none", LogLevel::error, "unknown log record", ""},
#define OF_LOG(entry, severity, words, ...) {#entry, LogLevel::severity, words, Letters<__VA_ARGS__>::text},
#include "proto/log_catalog.def"
#undef OF_LOG
};
static_assert(std::size(sentences) == static_cast<size_t>(LogId::count));

/// Reads arguments back in the order in which LogEncoder wrote them.
class LogDecoder {
  public:
    explicit LogDecoder(const LogRecord& record)
        : at_(record.arguments.data()), end_(at_ + std::min<size_t>(record.size, record.arguments.size())) {}

    std::string number(char letter) {
        uint64_t value = 0;
        if (end_ - at_ < static_cast<ptrdiff_t>(sizeof value)) return "?";
        std::memcpy(&value, at_, sizeof value);
        at_ += sizeof value;
        if (letter == 'i') return std::to_string(static_cast<int64_t>(value));
        if (letter == 'd') return format_e8(static_cast<e8_t>(value));
        return std::to_string(value);
    }
    std::string text() {
        if (at_ == end_) return "?";
        const auto size = static_cast<size_t>(static_cast<unsigned char>(*at_++));
        if (static_cast<size_t>(end_ - at_) < size) return "?";
        const std::string value(at_, size);
        at_ += size;
        return value;
    }

  private:
    const char* at_;
    const char* end_;
};

}  // namespace

const LogSentence& sentence(uint16_t id) { return sentences[id < std::size(sentences) ? id : 0]; }

uint64_t error_key(const LogRecord& record) {
    const auto numbers = std::ranges::count_if(sentence(record.id).types, [](char type) { return type != 't'; });
    const auto texts_at = std::min<size_t>(static_cast<size_t>(numbers) * sizeof(uint64_t), record.size);
    uint64_t hash = 0xcbf2'9ce4'8422'2325 ^ record.id;
    for (size_t i = texts_at; i < std::min<size_t>(record.size, record.arguments.size()); ++i) {
        hash ^= static_cast<unsigned char>(record.arguments[i]);
        hash *= 0x0000'0100'0000'01b3;
    }
    return hash;
}

std::string render(const LogRecord& record) {
    const auto& known = sentence(record.id);
    std::array<std::string, 8> arguments;
    LogDecoder decoder(record);
    for (size_t i = 0; i < known.types.size(); ++i) {
        if (known.types[i] != 't') arguments[i] = decoder.number(known.types[i]);
    }
    for (size_t i = 0; i < known.types.size(); ++i) {
        if (known.types[i] == 't') arguments[i] = decoder.text();
    }
    std::string line;
    size_t from = 0;
    for (size_t i = 0; i < known.types.size(); ++i) {
        const auto at = known.text.find("{}", from);
        line.append(known.text.substr(from, at - from)).append(arguments[i]);
        from = at + 2;
    }
    return line.append(known.text.substr(from));
}

}  // namespace of
