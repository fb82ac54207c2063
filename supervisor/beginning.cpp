#include "supervisor/beginning.hpp"

#include "supervisor/resources.hpp"

namespace of::supervisor {
namespace {

/// Who has not come to its gate by then may still come; the file is then checked in the other way.
constexpr int reception_patience_ms = 1000;
constexpr uint32_t first_generation = 1;

/// Fails, with `problems` filled, if there are any.
Expected<void> check(const CheckedConfig& checked, const ConfigText& text, std::vector<settings::Problem>& problems) {
    auto found = check_whole_file(checked, text.descriptor());
    if (!found) return tl::make_unexpected(found.error());
    problems = std::move(*found);
    if (!problems.empty()) return fail(ErrorKind::invalid, "the configuration has mistakes");
    return {};
}

/// One that cannot be launched is launched again, and told about, when its turn has come. The last are launched first:
/// a feed takes the longest to its gate.
std::vector<Newcomer> launch_all(const Launcher& launcher, const CheckedConfig& checked, const ConfigText& text) {
    const auto processes = processes_of(feeds_default);
    std::vector<Newcomer> newcomers(processes.size() - 1);
    for (size_t i = processes.size(); i-- > 1;) {
        if (auto launched = launcher.launch(processes[i], checked.config, text, first_generation))
            newcomers[i - 1] = std::move(*launched);
    }
    return newcomers;
}

}  // namespace

Expected<Beginning> begin(const std::string& path, std::vector<settings::Problem>& problems) {
    if (auto enough = check_open_files(); !enough) return tl::make_unexpected(enough.error());
    ConfigText text(path);
    auto checked = read_config(path, text.descriptor());
    if (!checked.problems.empty())
        if (auto right = check(checked, text, problems); !right) return tl::make_unexpected(right.error());
    auto launcher = Launcher::open(checked.config);
    if (!launcher) return tl::make_unexpected(launcher.error());
    auto newcomers = launch_all(*launcher, checked, text);
    auto instance = Instance::open(checked.config);
    if (!instance) return tl::make_unexpected(instance.error());
    if (receive(newcomers, reception_patience_ms) != Reception::all_there) {
        if (auto right = check(checked, text, problems); !right) {
            (*instance)->abandon();
            return tl::make_unexpected(right.error());
        }
    }
    return Beginning{std::move(checked),   std::move(text),      std::move(*instance),
                     std::move(*launcher), std::move(newcomers), std::nullopt};
}

Expected<Beginning> go_on(const std::string& path, int handover) {
    auto left = Handover::read(handover);
    if (!left) return tl::make_unexpected(left.error());
    auto text = ConfigText::adopt(left->config);
    auto checked = read_config(path, text.descriptor());
    auto launcher = Launcher::open(checked.config, *left);
    if (!launcher) return tl::make_unexpected(launcher.error());
    auto instance = Instance::resume(checked.config, left->lock, left->governor);
    if (!instance) return tl::make_unexpected(instance.error());
    return Beginning{
        std::move(checked), std::move(text), std::move(*instance), std::move(*launcher), {}, std::move(*left)};
}

}  // namespace of::supervisor
