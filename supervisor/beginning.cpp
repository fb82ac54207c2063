#include "supervisor/beginning.hpp"

#include <fmt/format.h>

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
        auto equipped = launcher.equip(processes[i], checked.config, text, first_generation);
        if (equipped && equipped->start()) newcomers[i - 1] = std::move(*equipped);
    }
    return newcomers;
}

/// Nobody must find out that workers end with their supervisor after all when it has died. `stored` of a supervisor
/// before this one lie there still, and will make room.
Expected<void> check_store(const Config& config, size_t stored) {
    if (!config.keep_orphans) return {};
    const auto count = stored_descriptors_max(processes_of(feeds_default).size());
    auto keeps = DescriptorStore::from_environment().check(count, stored);
    if (keeps) return {};
    return fail(keeps.error().kind,
                fmt::format("[supervisor] orphans = \"keep\" cannot be: {}", keeps.error().message));
}

Expected<Beginning> begin_anew(const std::string& path, std::vector<settings::Problem>& problems, size_t stored = 0) {
    ConfigText text(path);
    auto checked = read_config(path, text.descriptor());
    if (!checked.problems.empty())
        if (auto right = check(checked, text, problems); !right) return tl::make_unexpected(right.error());
    if (auto keeps = check_store(checked.config, stored); !keeps) return tl::make_unexpected(keeps.error());
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
    return Beginning{.checked = std::move(checked),
                     .text = std::move(text),
                     .instance = std::move(*instance),
                     .launcher = std::move(*launcher),
                     .newcomers = std::move(newcomers)};
}

}  // namespace

Expected<Beginning> begin(const std::string& path, std::vector<settings::Problem>& problems) {
    if (auto enough = check_open_files(); !enough) return tl::make_unexpected(enough.error());
    Kept kept(take_stored_descriptors());
    if (!kept.any()) return begin_anew(path, problems);
    auto taken = take_over(path, kept);
    if (taken || taken.error().kind == ErrorKind::busy) return taken;
    auto begun = begin_anew(path, problems, kept.size());
    if (!begun) return begun;
    // Only now: without their lifeline all of them would have drained at once.
    auto store = DescriptorStore::from_environment();
    kept.forget_all(store);
    begun->not_taken_over = taken.error().message;
    return begun;
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
    return Beginning{.checked = std::move(checked),
                     .text = std::move(text),
                     .instance = std::move(*instance),
                     .launcher = std::move(*launcher),
                     .newcomers = {},
                     .handover = std::move(*left)};
}

}  // namespace of::supervisor
