#include "tests/exchange/tape.hpp"

#include <fmt/format.h>
#include <simdjson.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <memory>

namespace of::exchange {

namespace {

constexpr std::string_view stream_head = "{\"stream\":\"";
constexpr std::string_view data_head = "\",\"data\":";
constexpr std::string_view rest_head = "{\"rest\":\"";
constexpr size_t read_bytes = 1 << 20;

struct GzClose {
    void operator()(gzFile_s* file) const { gzclose(file); }
};

Result<void> read_file(const std::string& path, std::string& bytes) {
    const std::unique_ptr<gzFile_s, GzClose> file(gzopen(path.c_str(), "rb"));
    if (!file) return fail(fmt::format("cannot open the tape {}: {}", path, std::strerror(errno)));
    gzbuffer(file.get(), read_bytes);
    for (;;) {
        const size_t at = bytes.size();
        bytes.resize(at + read_bytes);
        const int got = gzread(file.get(), bytes.data() + at, read_bytes);
        bytes.resize(at + static_cast<size_t>(std::max(got, 0)));
        int code = Z_OK;
        const char* const reason = gzerror(file.get(), &code);
        if (got < 0 || (got == 0 && code != Z_OK)) {
            return fail(fmt::format("cannot read the tape {}: {}", path, reason));
        }
        if (got == 0) break;
    }
    bytes.reserve(bytes.size() + simdjson::SIMDJSON_PADDING);
    return {};
}

/// The parts of one line; false when it has neither form.
bool cut(std::string_view line, int64_t& at_ns, TapeLine& out) {
    const size_t space = line.find(' ');
    if (space == std::string_view::npos || !line.ends_with('}')) return false;
    const auto [end, error] = std::from_chars(line.data(), line.data() + space, at_ns);
    if (error != std::errc{} || end != line.data() + space) return false;
    out.text = line.substr(space + 1);
    if (out.text.starts_with(rest_head)) return true;
    if (!out.text.starts_with(stream_head)) return false;
    const size_t name_end = out.text.find(data_head, stream_head.size());
    if (name_end == std::string_view::npos) return false;
    out.stream = out.text.substr(stream_head.size(), name_end - stream_head.size());
    out.data_at = name_end + data_head.size();
    return out.data_at + 1 < out.text.size();
}

}  // namespace

Result<void> load_tape(const std::string& path, Tape& tape) {
    if (auto read = read_file(path, tape.bytes); !read) return read;
    const std::string_view all = tape.bytes;
    int64_t latest_ns = 0;
    for (size_t at = 0; at < all.size();) {
        const size_t end = std::min(all.find('\n', at), all.size());
        TapeLine line;
        int64_t at_ns = 0;
        if (!cut(all.substr(at, end - at), at_ns, line)) {
            return fail(fmt::format("the tape {} has a line {} that is neither a frame nor a REST answer", path,
                                    tape.lines.size() + 1));
        }
        if (tape.lines.empty()) tape.first_ns = at_ns;
        latest_ns = std::max(latest_ns, at_ns - tape.first_ns);
        line.due_ns = latest_ns;
        tape.lines.push_back(line);
        at = end + 1;
    }
    if (tape.lines.empty()) return fail(fmt::format("the tape {} is empty", path));
    return {};
}

}  // namespace of::exchange
