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
#include "supervisor/kept.hpp"
#include "supervisor/launcher.hpp"

namespace of::supervisor {

struct Beginning {
    CheckedConfig checked;
    ConfigText text;
    std::unique_ptr<Instance> instance;
    Launcher launcher;
    std::vector<Newcomer> newcomers;   ///< in the order of their start
    std::optional<Handover> handover;  ///< of workers that run
    bool taken_over = false;           ///< from a supervisor that died; else from the program that this process was
    std::string not_taken_over;        ///< why workers that had outlived their supervisor were ended; empty if none had
};

/// What a supervisor that died has left with the service manager (`orphans = "keep"`), else everything anew, from the
/// file at `path`. Each worker checks its own sections on its way to its gate, while the segments are made; if one
/// finds a mistake, the whole file is checked, and `problems` are all of its mistakes.
Expected<Beginning> begin(const std::string& path, std::vector<settings::Problem>& problems);

/// Everything as the program before this one has left it, described in the memfd `handover`.
Expected<Beginning> go_on(const std::string& path, int handover);

/// As a supervisor that died has left it. `busy`: another one lives; any other error: it does not fit, and nothing has
/// been changed.
Expected<Beginning> take_over(const std::string& path, Kept& kept);

}  // namespace of::supervisor
