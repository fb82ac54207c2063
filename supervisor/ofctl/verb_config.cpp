// ofctl config show, diff, schema, explain: the configuration of a running or dead instance, or of a file. Which keys
// there are is known to the programs that read them; the supervisor's asks them.
#include <fcntl.h>
#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "shm/layout.hpp"
#include "supervisor/ofctl/supervisor_program.hpp"

namespace of::ofctl {
namespace {

std::string config_path_of(const View& view) { return std::string(shm::text_of(view.control().instance.config_path)); }

/// The text in force, as the supervisor keeps it in its state directory. The descriptor is for the program that we
/// become.
Expected<int> open_running_text(const View& view) {
    const auto path = fmt::format("{}/config.running", shm::text_of(view.control().instance.state_dir));
    const int descriptor = ::open(path.c_str(), O_RDONLY);
    if (descriptor >= 0) return descriptor;
    return fail(errno == EACCES ? ErrorKind::denied : ErrorKind::missing,
                fmt::format("the configuration in force cannot be read: {}: {}", path, std::strerror(errno)));
}

int show_running(const Options& options, const char* verb, std::vector<std::string> more) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    const auto text = open_running_text(*view);
    if (!text) return refuse(options, text.error());
    std::vector<std::string> arguments{verb, "--config", config_path_of(*view), "--config-fd", std::to_string(*text)};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return become_supervisor(options, std::move(arguments));
}

/// Keys do not depend on an instance; one that is there says where the worker programs are.
std::vector<std::string> with_file(const Options& options, std::vector<std::string> arguments) {
    auto chosen = choose_instance(options.source.instance, options.source.folder);
    const auto view = chosen ? View::open({options.source.folder, *chosen}) : tl::make_unexpected(chosen.error());
    std::error_code none;
    if (view && std::filesystem::exists(config_path_of(*view), none))
        arguments.insert(arguments.end(), {"--config", config_path_of(*view)});
    return arguments;
}

}  // namespace

int config_show(const Options& options) {
    std::vector<std::string> more;
    if (options.only_set) more.emplace_back("--only-set");
    if (options.names.empty()) return show_running(options, "show", std::move(more));
    more.insert(more.begin(), {"show", "--config", options.names.front()});
    return become_supervisor(options, std::move(more));
}

int config_diff(const Options& options) { return show_running(options, "diff", {}); }

int config_schema(const Options& options) { return become_supervisor(options, with_file(options, {"schema"})); }

int config_explain(const Options& options) {
    return become_supervisor(options, with_file(options, {"explain", options.names.front()}));
}

}  // namespace of::ofctl
