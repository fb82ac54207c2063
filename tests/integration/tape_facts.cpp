#include "tests/integration/tape_facts.hpp"

#include <fmt/format.h>
#include <zlib.h>

#include <charconv>
#include <memory>
#include <string_view>
#include <vector>

namespace of::integration {
namespace {

constexpr size_t line_bytes_max = 4 << 20;

struct Clock {
    int64_t first_ns = 0;
    int64_t last_ns = 0;
};

/// `<receive ns> <frame>`; false for any other line.
bool take_line(std::string_view line, TapeFacts& facts, Clock& clock) {
    int64_t at_ns = 0;
    const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), at_ns);
    if (error != std::errc{} || end == line.data() + line.size() || *end != ' ') return false;
    if (clock.first_ns == 0) clock.first_ns = at_ns;
    clock.last_ns = at_ns;
    line.remove_prefix(static_cast<size_t>(end - line.data()) + 1);
    if (!line.starts_with("{\"rest\"")) ++facts.frames;
    return true;
}

}  // namespace

Expected<TapeFacts> read_tape_facts(const std::string& path) {
    const std::unique_ptr<gzFile_s, decltype(&gzclose)> file(gzopen(path.c_str(), "rb"), gzclose);
    if (!file) return fail(ErrorKind::missing, fmt::format("tape {} cannot be opened", path));
    std::vector<char> buffer(line_bytes_max);
    TapeFacts facts;
    Clock clock;
    uint64_t number = 0;
    while (gzgets(file.get(), buffer.data(), static_cast<int>(buffer.size())) != nullptr) {
        ++number;
        if (!take_line(buffer.data(), facts, clock))
            return fail(ErrorKind::invalid,
                        fmt::format("{}:{}: not a tape's line (a receive time in ns, a space, a frame)", path, number));
    }
    if (facts.frames == 0) return fail(ErrorKind::invalid, fmt::format("tape {} holds no frames", path));
    facts.seconds = static_cast<double>(clock.last_ns - clock.first_ns) / 1e9;
    return facts;
}

}  // namespace of::integration
