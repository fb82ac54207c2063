#include "supervisor/post_mortem.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "shm/black_box.hpp"

namespace of::supervisor {
namespace {

/// The successor's start comes first.
constexpr auto successors_time = std::chrono::milliseconds(50);
constexpr int nice_of_autopsy = 5;

/// OOM kills on this host since its start; 0 where the kernel does not count them or we may not see it.
uint64_t count_host_oom_kills() {
    std::ifstream file("/proc/vmstat");
    std::string key;
    for (uint64_t value = 0; file >> key >> value;)
        if (key == "oom_kill") return value;
    return 0;
}

int file_of(const std::string& text) {
    const int file = memfd_create("facts", MFD_CLOEXEC);
    if (file >= 0 && ::write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size())) return file;
    if (file >= 0) close(file);
    return -1;
}

}  // namespace

bool Pace::take(const std::string& name, int64_t now_ns) {
    const auto last = last_ns_.find(name);
    if (last != last_ns_.end() && now_ns - last->second < gap_ns) {
        skip(name);
        return false;
    }
    last_ns_[name] = now_ns;
    return true;
}

int make_black_box() {
    const int box = memfd_create("black-box", MFD_CLOEXEC | MFD_ALLOW_SEALING);
    if (box < 0) return -1;
    if (ftruncate(box, shm::BlackBox::total_bytes) == 0 &&
        fcntl(box, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) == 0)
        return box;
    close(box);
    return -1;
}

PostMortem::PostMortem(boost::asio::io_context& io, Programs::Program program, Told told)
    : program_(std::move(program)),
      told_(std::move(told)),
      host_oom_kills_(count_host_oom_kills()),
      bundles_(io),
      stacks_(io) {}

void PostMortem::write(autopsy::Facts facts, int black_box, const std::string& live_stack, int64_t now_ns) {
    const std::string worker(facts.get("worker"));
    if (!settings_.enabled || !available()) {
        if (black_box >= 0) close(black_box);
        return;
    }
    if (!pace_.take(worker, now_ns)) {
        if (black_box >= 0) close(black_box);
        return told_.failed(worker, "the one before it is less than a second old");
    }
    facts.add("skipped_before", pace_.take_skipped(worker));
    facts.add("host_oom_kills_before", host_oom_kills_);
    const int file = file_of(facts.text() + "\n" + live_stack);
    Errand errand{
        .spec = {.program = program_.descriptor,
                 .path = program_.path,
                 .argv = {"bundle", "--facts", std::to_string(file), "--black-box", std::to_string(black_box), "--keep",
                          std::to_string(settings_.keep), "--total-mb", std::to_string(settings_.total_mb),
                          "--bundle-mb", std::to_string(settings_.bundle_mb)},
                 .inherited = {},
                 .joins_output = true,
                 .resources = {.nice = nice_of_autopsy}},
        .files = {},
        .wait = successors_time,
        .answer = [this, worker](int exit_code, const std::string& output) { answered(worker, exit_code, output); }};
    for (const int each : {file, black_box})
        if (each >= 0) errand.files.push_back(each);
    errand.spec.inherited = errand.files;
    if (file >= 0 && bundles_.add(std::move(errand))) return;
    pace_.skip(worker);
    told_.failed(worker, "too many are waiting to be written");
}

/// "ID BYTES OOM-KILLS", or why not.
void PostMortem::answered(const std::string& worker, int exit_code, const std::string& output) {
    std::istringstream words(output);
    std::string id;
    uint64_t bytes = 0;
    if (exit_code == 0 && words >> id >> bytes >> host_oom_kills_) return told_.written(worker, id, bytes);
    pace_.skip(worker);
    told_.failed(worker, output.empty() ? "of-autopsy ended without a word" : output.substr(0, output.find('\n')));
}

void PostMortem::stack_of(pid_t pid, uint64_t start_time, int seconds_max,
                          std::function<void(const std::string&)> then) {
    if (!settings_.enabled || !available()) return then("");
    const auto added = stacks_.add(
        {.spec = {.program = program_.descriptor,
                  .path = program_.path,
                  .argv = {"stack", "--pid", std::to_string(pid), "--start", std::to_string(start_time), "--seconds",
                           std::to_string(seconds_max)},
                  .inherited = {},
                  .joins_output = true,
                  .resources = {}},
         .files = {},
         .answer = [then](int exit_code, const std::string& output) { then(exit_code == 0 ? output : ""); }});
    if (!added) then("");
}

}  // namespace of::supervisor
