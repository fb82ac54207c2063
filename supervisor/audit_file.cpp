#include "supervisor/audit_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/text.hpp"
#include "supervisor/wire.hpp"

namespace of::supervisor {

void AuditFile::asked(const std::string& correlation, const Peer& peer, const std::string& request) const {
    append(fmt::format(R"({{"ts":"{}","correlation":"{}","uid":{},"pid":{},"program":{},"request":{}}})",
                       wall_text(now_ns(CLOCK_REALTIME)), correlation, peer.uid, peer.pid, json_text(peer.program),
                       json_text(request)));
}

void AuditFile::answered(const std::string& correlation, const std::string& answer) const {
    append(fmt::format(R"({{"ts":"{}","correlation":"{}","answer":{}}})", wall_text(now_ns(CLOCK_REALTIME)),
                       correlation, json_text(answer)));
}

void AuditFile::append(const std::string& line) const {
    struct stat about {};
    if (stat(path_.c_str(), &about) == 0 && about.st_size >= audit_bytes_max)
        rename(path_.c_str(), (path_ + ".1").c_str());
    const int descriptor = open(path_.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (descriptor < 0) return;
    const auto text = line + "\n";
    [[maybe_unused]] const auto written = ::write(descriptor, text.data(), text.size());
    close(descriptor);
}

}  // namespace of::supervisor
