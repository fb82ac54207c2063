// What a supervisor begins with: the configuration read and found right, the segments made or taken over, and each
// worker's first process at its gate. Nothing of it has run in the instance yet.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "supervisor/config.hpp"
#include "supervisor/handover.hpp"
#include "supervisor/instance.hpp"
#include "supervisor/launcher.hpp"

namespace of::supervisor {

struct Beginning {
    CheckedConfig checked;
    ConfigText text;
    std::unique_ptr<Instance> instance;
    Launcher launcher;
    std::vector<Newcomer> newcomers;   ///< in the order of their start
    std::optional<Handover> handover;  ///< from the program that this process was before `ofctl upgrade`
};

/// Everything anew, from the file at `path`. Each worker checks its own sections on its way to its gate, while the
/// segments are made; if one finds a mistake, the whole file is checked, and `problems` are all of its mistakes.
Expected<Beginning> begin(const std::string& path, std::vector<settings::Problem>& problems);

/// Everything as the program before this one has left it, described in the memfd `handover`.
Expected<Beginning> go_on(const std::string& path, int handover);

}  // namespace of::supervisor
