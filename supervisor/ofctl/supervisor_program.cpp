#include "supervisor/ofctl/supervisor_program.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>

#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {

int become_supervisor(const Options& options, std::vector<std::string> arguments) {
    if (options.json) arguments.emplace_back("--json");
    const auto own_folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
    for (const auto& program : {own_folder / "ofsupervisor", own_folder / ".." / "ofsupervisor"}) {
        if (access(program.c_str(), X_OK) != 0) continue;
        flush_output();
        auto name = program.string();
        std::vector<char*> argv{name.data()};
        for (auto& argument : arguments) argv.push_back(argument.data());
        argv.push_back(nullptr);
        execv(name.c_str(), argv.data());
    }
    return refuse(options,
                  {ErrorKind::missing, fmt::format("ofsupervisor is not beside ofctl in {}", own_folder.string())});
}

}  // namespace of::ofctl
