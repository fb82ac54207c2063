// of-autopsy: sent out by ofsupervisor when a worker has died, or hangs. Not for people: see `ofctl postmortem`.
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>

#include "proto/types.hpp"
#include "shm/segment.hpp"
#include "supervisor/autopsy/autopsy.hpp"
#include "supervisor/autopsy/bundle.hpp"
#include "supervisor/autopsy/host_facts.hpp"
#include "supervisor/autopsy/stacks.hpp"

namespace {

using namespace of;
using namespace of::autopsy;

constexpr uint64_t megabyte = 1 << 20;

struct Options {
    int facts = -1;
    int black_box = -1;
    size_t keep = 20;
    uint64_t total_mb = 1024;
    uint64_t bundle_mb = 64;
    int64_t pid = 0;
    uint64_t start = 0;
    unsigned seconds = 1;
};

int bundle(const Options& options) {
    auto examined = read_case(read_text(options.facts));
    examined.black_box = options.black_box;
    examined.keep = options.keep;
    examined.total_bytes_max = options.total_mb * megabyte;
    examined.bundle_bytes_max = options.bundle_mb * megabyte;
    const auto written = write_bundle(std::move(examined));
    if (!written) {
        fmt::print("{}\n", written.error().message);
        return code(ExitCode::failed);
    }
    fmt::print("{} {} {}\n", written->id, written->bytes, host_oom_kills());
    return code(ExitCode::ok);
}

int stack(const Options& options) {
    alarm(options.seconds);  // whose end lets go of the process that it holds
    if (shm::process_start(static_cast<uint64_t>(options.pid)) != options.start) return code(ExitCode::not_found);
    fmt::print("{}", stack_of_process(static_cast<pid_t>(options.pid)));
    return code(ExitCode::ok);
}

}  // namespace

int main(int argc, char** argv) {
    umask(0077);
    unsetenv("DEBUGINFOD_URLS");  // libdw would ask the network for symbols
    CLI::App app("Looks at what a dead worker left behind. Started by ofsupervisor.", "of-autopsy");
    app.set_version_flag("--version", OF_VERSION);
    app.require_subcommand(1);
    Options options;
    auto* bundle_verb = app.add_subcommand("bundle", "Write the bundle of a death, and remove the oldest");
    bundle_verb->add_option("--facts", options.facts, "Descriptor of what the supervisor knows")->required();
    bundle_verb->add_option("--black-box", options.black_box, "Descriptor of the worker's black box; -1 for none");
    bundle_verb->add_option("--keep", options.keep, "Keep N bundles");
    bundle_verb->add_option("--total-mb", options.total_mb, "Of N MiB in all");
    bundle_verb->add_option("--bundle-mb", options.bundle_mb, "The largest bundle");
    auto* stack_verb = app.add_subcommand("stack", "Print the stacks of a process that lives");
    stack_verb->add_option("--pid", options.pid, "Which")->required();
    stack_verb->add_option("--start", options.start, "Its start time, field 22 of /proc/PID/stat")->required();
    stack_verb->add_option("--seconds", options.seconds, "Give up after N seconds");
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? code(ExitCode::ok) : code(ExitCode::usage);
    }
    return bundle_verb->parsed() ? bundle(options) : stack(options);
}
