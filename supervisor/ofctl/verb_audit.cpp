// ofctl events --audit: commands with who asked, and what came of them, from the supervisor's audit file.
#include <fmt/format.h>
#include <poll.h>

#include "supervisor/ofctl/audit_reader.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {

int audit(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    if (!options.worker.empty() && !view->worker(options.worker))
        return refuse(options, {ErrorKind::missing, fmt::format("instance {} has no worker called {}",
                                                                options.source.instance, options.worker)});
    const auto since_ns = wall_now() - static_cast<int64_t>(options.since_s * 1e9);
    AuditFilter filter(options.since_s > 0 ? wall_text(since_ns) : "", options.worker);
    AuditReader reader(fmt::format("{}/audit.log", shm::text_of(view->control().instance.state_dir)));
    auto newest = options.lines;
    for (;;) {
        auto lines = reader.take_new();
        std::erase_if(lines, [&](const std::string& line) { return !filter.takes(line); });
        const auto first = newest == 0 || newest >= lines.size() ? 0 : lines.size() - newest;
        for (size_t i = first; i < lines.size(); ++i) put_line(lines[i]);
        newest = 0;
        flush_output();
        if (!options.follow) return code(ExitCode::ok);
        poll(nullptr, 0, look_period_ms);
    }
}

}  // namespace of::ofctl
