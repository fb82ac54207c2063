// ofctl events --audit: the supervisor's audit file (supervisor/audit_file.hpp has its lines), the older one first.
#include <fmt/format.h>

#include <fstream>

#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {

int audit(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    const std::string path = fmt::format("{}/audit.log", shm::text_of(view->control().instance.state_dir));
    std::vector<std::string> lines;
    for (const auto& file : {path + ".1", path}) {
        std::ifstream stream(file);
        for (std::string line; std::getline(stream, line);) lines.push_back(line);
    }
    const auto first = options.lines == 0 || options.lines >= lines.size() ? 0 : lines.size() - options.lines;
    for (size_t i = first; i < lines.size(); ++i) put_line(lines[i]);
    return code(ExitCode::ok);
}

}  // namespace of::ofctl
