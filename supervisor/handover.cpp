#include "supervisor/handover.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <fstream>
#include <sstream>

#include "supervisor/sealed_text.hpp"

namespace of::supervisor {
namespace {

constexpr std::string_view title = "orderflow-handover 1";

Handover::Worker* find(std::vector<Handover::Worker>& workers, const std::string& name) {
    for (auto& worker : workers)
        if (worker.name == name) return &worker;
    return nullptr;
}

/// Lines of their own: a version that does not know them passes them over.
void read_addition(const std::string& kind, std::istringstream& words, std::vector<Handover::Worker>& workers) {
    std::string name;
    int box = -1;
    words >> name;
    if (kind == "box") words >> box;
    auto* worker = find(workers, name);
    if (worker == nullptr) return;
    if (kind == "box") worker->black_box = box;
    if (kind == "foreign") worker->is_child = false;
}

}  // namespace

std::vector<int> Handover::descriptors() const {
    std::vector<int> all{lock, governor, config, control, lifeline[0], lifeline[1]};
    all.insert(all.end(), bells.begin(), bells.end());
    for (const auto& worker : workers) all.insert(all.end(), {worker.pidfd, worker.errors, worker.black_box});
    std::erase_if(all, [](int descriptor) { return descriptor < 0; });
    return all;
}

int Handover::write() const {
    auto text = fmt::format("{}\nsupervisor {} {} {} {} {} {} {}\nbells", title, lock, governor, config, control,
                            lifeline[0], lifeline[1], config_generation);
    for (const int bell : bells) text += fmt::format(" {}", bell);
    for (const auto& worker : workers)
        text += fmt::format("\nworker {} {} {} {} {} {} {}", worker.name, worker.state, worker.pid, worker.pidfd,
                            worker.errors, worker.failures, worker.ready_ns);
    for (const auto& worker : workers) text += fmt::format("\nbox {} {}", worker.name, worker.black_box);
    for (const auto& worker : workers)
        if (!worker.is_child) text += fmt::format("\nforeign {}", worker.name);
    text += "\nend\n";
    return sealed_text("handover", text);
}

Expected<Handover> Handover::read(int descriptor) {
    std::ifstream file(fmt::format("/proc/self/fd/{}", descriptor));
    std::string line;
    Handover handover;
    if (!std::getline(file, line) || line != title)
        return fail(ErrorKind::mismatch, fmt::format("the handover begins with \"{}\", not with \"{}\"", line, title));
    bool complete = false;
    while (!complete && std::getline(file, line)) {
        std::istringstream words(line);
        std::string kind;
        words >> kind;
        if (kind == "supervisor")
            words >> handover.lock >> handover.governor >> handover.config >> handover.control >>
                handover.lifeline[0] >> handover.lifeline[1] >> handover.config_generation;
        for (int bell = 0; kind == "bells" && words >> bell;) handover.bells.push_back(bell);
        if (kind == "worker") {
            auto& worker = handover.workers.emplace_back();
            words >> worker.name >> worker.state >> worker.pid >> worker.pidfd >> worker.errors >> worker.failures >>
                worker.ready_ns;
        }
        if (kind == "box" || kind == "foreign") read_addition(kind, words, handover.workers);
        complete = kind == "end";
        if (words.fail() && kind != "bells") return fail(ErrorKind::mismatch, "a line of the handover is cut: " + line);
    }
    if (!complete || handover.config < 0) return fail(ErrorKind::mismatch, "the handover is cut");
    close(descriptor);
    return handover;
}

}  // namespace of::supervisor
