#include "supervisor/programs.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

namespace of::supervisor {

Expected<Programs> Programs::open(const Config& config) {
    constexpr std::array kinds{ProcessKind::logger, ProcessKind::storage, ProcessKind::communication,
                               ProcessKind::binance};
    Programs programs;
    for (const auto kind : kinds) {
        auto path = worker_program(config, kind);
        if (!path) return tl::make_unexpected(path.error());
        const int descriptor = ::open(path->c_str(), O_RDONLY | O_CLOEXEC);
        if (descriptor < 0)
            return fail(ErrorKind::missing, fmt::format("worker program {}: {}", *path, std::strerror(errno)));
        programs.programs_[kind] = {std::move(*path), descriptor};
    }
    if (const auto path = autopsy_program(config); !path.empty())
        programs.autopsy_ = {path, ::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
    return programs;
}

Programs::~Programs() {
    for (const auto& [kind, program] : programs_) close(program.descriptor);
    if (autopsy_.descriptor >= 0) close(autopsy_.descriptor);
}

}  // namespace of::supervisor
