// The workers of a supervisor that died go on: the next one takes what the service manager has kept (kept.hpp), looks
// whether it fits this program, this file and these segments, and goes on as after an upgrade.
#include <fmt/format.h>

#include <algorithm>

#include "supervisor/beginning.hpp"
#include "supervisor/layouts.hpp"
#include "supervisor/reload_plan.hpp"

namespace of::supervisor {
namespace {

std::string layouts_hash() { return fmt::format("{:016x}", shm::fnv1a(layouts_text())); }

tl::unexpected<Error> misfit(std::string why) { return fail(ErrorKind::mismatch, std::move(why)); }

/// The text in force stays in force, whatever has become of the file: a death is no reload. Where the file asks for
/// what a reload would refuse, somebody wants a new beginning.
Expected<void> compare_files(const CheckedConfig& running, const std::string& text, const std::string& path) {
    const ConfigText now(path);
    const auto checked = read_config(path, now.descriptor());
    if (!checked.problems.empty()) return {};
    const auto plan = plan_reload(settings::changed_sections(text, now.text()), running.config, checked.config);
    if (plan.fixed.empty()) return {};
    return misfit(fmt::format("[{}] was changed in {}", plan.fixed, path));
}

std::vector<std::string> common_names() {
    std::vector<std::string> names(std::begin(stored_name::lifeline), std::end(stored_name::lifeline));
    for (size_t slot = 0; slot < processes_of(feeds_default).size(); ++slot) names.push_back(stored_name::bell(slot));
    return names;
}

/// What the launcher goes on with: from then on it owns that.
Handover take_common(Kept& kept, uint32_t generation) {
    Handover handover{.config_generation = generation};
    const auto names = common_names();
    handover.lifeline = {kept.take(names[0]), kept.take(names[1])};
    for (size_t i = 2; i < names.size(); ++i) handover.bells.push_back(kept.take(names[i]));
    return handover;
}

}  // namespace

KeptState kept_state(const Config& config, const Instance& instance) {
    return {config.path, layouts_hash(), instance.generations()};
}

Expected<Beginning> take_over(const std::string& path, Kept& kept) {
    const auto state = KeptState::read(kept.take(std::string(stored_name::state)));
    if (!state) return tl::make_unexpected(state.error());
    if (state->layouts != layouts_hash()) return misfit("this program has other layouts");
    const auto [generation, config] = kept.take_config();
    auto text = ConfigText::adopt(config);
    const bool complete = std::ranges::all_of(common_names(), [&](const auto& name) { return kept.has(name); });
    if (config < 0 || !complete) return misfit("the service manager has not kept all descriptors");
    auto checked = read_config(path, text.descriptor());
    if (checked.config.path != state->config_path)
        return misfit(fmt::format("they run by {}, not by {}", state->config_path, checked.config.path));
    if (auto same = compare_files(checked, text.text(), path); !same) return tl::make_unexpected(same.error());
    auto handover = take_common(kept, generation);
    auto launcher = Launcher::open(checked.config, handover);
    if (!launcher) return tl::make_unexpected(launcher.error());
    const int governor = kept.take(std::string(stored_name::governor));
    auto instance = Instance::take_over(checked.config, state->generations, governor);
    if (!instance) return tl::make_unexpected(instance.error());
    for (size_t i = 1; i < (*instance)->processes().size(); ++i) {
        const auto process = (*instance)->processes()[i];
        handover.workers.push_back(kept.take_worker(process, (*instance)->slot(process)));
    }
    auto store = DescriptorStore::from_environment();
    kept.forget_rest(store);
    return Beginning{.checked = std::move(checked),
                     .text = std::move(text),
                     .instance = std::move(*instance),
                     .launcher = std::move(*launcher),
                     .newcomers = {},
                     .handover = std::move(handover),
                     .taken_over = true};
}

}  // namespace of::supervisor
