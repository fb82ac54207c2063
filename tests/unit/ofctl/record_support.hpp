// Recordings for tests: made by the real ofctl, or piece by piece, and ofctl beside the test.
#pragma once

#include <sys/wait.h>

#include <csignal>
#include <cstring>
#include <utility>

#include "supervisor/ofctl/recording.hpp"
#include "tests/support/wait.hpp"
#include "tests/unit/ofctl/support.hpp"

namespace of::test {

inline std::string recording_in(const Instance& instance) { return instance.folder() + "/market.rec"; }

inline Output record(const Instance& instance, const std::string& options) {
    return run_ofctl(
        fmt::format("--instance {} shm record market.0 {} {}", instance.name(), recording_in(instance), options));
}

/// What a verb prints of the same messages, without what it says on stderr.
inline std::string printed(const std::string& arguments) {
    const auto output = run_ofctl(arguments + " 2>/dev/null");
    INFO(output.text);
    REQUIRE(output.exit_code == 0);
    return output.text;
}

inline uint64_t size_of(const std::string& path) { return std::filesystem::file_size(path); }

inline uint64_t lines_of(const std::string& text) { return static_cast<uint64_t>(std::ranges::count(text, '\n')); }

/// ofctl beside the test; `ignored` is a signal that it is told to ignore, as nohup does.
class Beside {
  public:
    explicit Beside(std::vector<std::string> arguments, int ignored = 0) : pid_(fork()) {
        if (pid_ != 0) return;
        if (ignored != 0) std::signal(ignored, SIG_IGN);
        arguments.insert(arguments.begin(), {program("supervisor/ofctl/ofctl"), "--quiet"});
        std::vector<char*> words;
        for (auto& argument : arguments) words.push_back(argument.data());
        words.push_back(nullptr);
        execv(words[0], words.data());
        _exit(127);
    }
    ~Beside() {
        if (pid_ != 0) end(SIGKILL);
    }
    Beside(const Beside&) = delete;
    void send(int signal) const { ::kill(pid_, signal); }
    /// Back when all of it stands still.
    void freeze() const {
        int status = 0;
        send(SIGSTOP);
        REQUIRE(waitpid(pid_, &status, WUNTRACED) == pid_);
        REQUIRE(WIFSTOPPED(status));
    }
    int end(int signal) {
        int status = 0;
        ::kill(pid_, signal);
        waitpid(std::exchange(pid_, 0), &status, 0);
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    int wait() { return end(0); }

  private:
    pid_t pid_;
};

/// The position of the last message in a file that may still be written, or nothing.
inline std::optional<uint64_t> last_position(const std::string& path) {
    auto reader = ofctl::RecordingReader::open(path);
    std::optional<uint64_t> last;
    if (!reader) return last;
    for (auto message = must(reader->next()); message; message = must(reader->next())) last = message->position;
    return last;
}

/// What a recording is made of, to make others of it.
struct Parts {
    explicit Parts(const std::string& path) : Parts(must(ofctl::RecordingReader::open(path))) {}
    explicit Parts(ofctl::RecordingReader reader)
        : page(reader.pages().back().bytes().begin(), reader.pages().back().bytes().end()),
          ring(reader.ring().bytes().begin(), reader.ring().bytes().end()),
          message(must(reader.next())->bytes) {}
    /// The field at `offset` of a segment's header, as another value.
    template <typename T>
    static std::vector<std::byte> changed(std::vector<std::byte> segment, size_t offset, const T& value) {
        std::memcpy(segment.data() + offset, &value, sizeof value);
        return segment;
    }
    std::vector<std::byte> page;  ///< the control page, without which there is no instance
    std::vector<std::byte> ring;
    std::vector<std::byte> message;
};

inline void done(const Expected<void>& result) {
    INFO((result ? "" : result.error().message));
    REQUIRE(result.has_value());
}

inline void put_end(ofctl::RecordingWriter& writer, uint64_t messages) {
    const ofctl::RecordingEnd end{messages, 0, 0, ofctl::EndedBy::count, 0};
    done(writer.add(ofctl::ChunkKind::end, std::as_bytes(std::span(&end, 1))));
}

/// A recording of messages at these positions, published at these times.
inline void make_recording(const std::string& path, const Parts& parts, const std::vector<uint64_t>& positions,
                           const std::vector<uint64_t>& times = {}) {
    std::filesystem::remove(path);
    auto writer = must(ofctl::RecordingWriter::create(path));
    done(writer.add(ofctl::ChunkKind::page, parts.page));
    done(writer.add(ofctl::ChunkKind::ring, parts.ring));
    for (size_t i = 0; i < positions.size(); ++i) {
        const auto time = times.empty() ? i : times[i];
        done(writer.add(ofctl::ChunkKind::message, Parts::changed(parts.message, offsetof(Header, publish_ns), time),
                        positions[i]));
    }
    put_end(writer, positions.size());
    done(writer.flush());
}

/// What a recording of the market ring is made of.
inline Parts market_parts(const Instance& instance) {
    publish_trades(instance, 1);
    REQUIRE(record(instance, "--backlog --count 1").exit_code == 0);
    return Parts(recording_in(instance));
}

}  // namespace of::test
