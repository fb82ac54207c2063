// What outlives this supervisor where workers do (`orphans = "keep"`): all that its successor needs lies in the service
// manager's store before it is used (kept.hpp has the names). Without `keep` nothing of this does anything.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "supervisor/announce.hpp"
#include "supervisor/kept.hpp"
#include "supervisor/supervisor.hpp"

namespace of::supervisor {

void Supervisor::keep(const std::string& name, int descriptor) {
    if (!store_ || descriptor < 0) return;
    if (const auto put = store_->put(name, descriptor); !put)
        journal_->write(log_event::descriptor_not_kept, next_correlation(), name, put.error().message);
}

/// Before the first worker is let in.
void Supervisor::keep_instance() {
    if (!store_) return;
    keep_state();
    keep_config();
    keep_governor();
    for (size_t end = 0; end < 2; ++end) keep(std::string(stored_name::lifeline[end]), launcher_.lifeline()[end]);
    for (size_t slot = 0; slot < launcher_.bells().size(); ++slot)
        keep(stored_name::bell(slot), launcher_.bells()[slot]);
}

/// Also when its page was made anew.
void Supervisor::keep_governor() {
    if (!store_) return;
    store_->remove(std::string(stored_name::governor));
    keep(std::string(stored_name::governor), instance_.governor_descriptor());
}

/// Also when segments were made anew. Between the two messages the next supervisor would begin anew.
void Supervisor::keep_state() {
    if (!store_) return;
    const int state = kept_state(config(), instance_).write();
    const auto why = std::string_view(state < 0 ? std::strerror(errno) : "");
    store_->remove(std::string(stored_name::state));
    if (state < 0) return journal_->write(log_event::descriptor_not_kept, next_correlation(), stored_name::state, why);
    keep(std::string(stored_name::state), state);
    close(state);
}

/// The one before is removed when this one is there: the higher generation counts.
void Supervisor::keep_config() {
    if (!store_) return;
    const auto name = [](uint32_t generation) { return fmt::format("{}{}", stored_name::config, generation); };
    keep(name(config_generation_), text_.descriptor());
    store_->remove(name(config_generation_ - 1));
}

void Supervisor::keep_worker(const Worker& worker, uint32_t incarnation) {
    if (!store_) return;
    const auto& newcomer = worker.successor;
    const std::array descriptors{newcomer.pidfd(), newcomer.errors(), newcomer.black_box()};
    for (size_t i = 0; i < descriptors.size(); ++i)
        keep(stored_name::of_worker(worker.process, incarnation, stored_name::worker_parts[i]), descriptors[i]);
}

void Supervisor::forget_worker(const Worker& worker, uint32_t incarnation) {
    if (!store_) return;
    for (const auto part : stored_name::worker_parts)
        store_->remove(stored_name::of_worker(worker.process, incarnation, part));
}

/// After an orderly stop, when no worker is left. The manager's copy of the governor's lock is gone before we ask who
/// else holds one.
void Supervisor::forget_all() {
    if (!store_) return;
    for (const auto name :
         {stored_name::state, stored_name::governor, stored_name::lifeline[0], stored_name::lifeline[1]})
        store_->remove(std::string(name));
    store_->remove(fmt::format("{}{}", stored_name::config, config_generation_));
    for (size_t slot = 0; slot < launcher_.bells().size(); ++slot) store_->remove(stored_name::bell(slot));
    store_->settle();
}

/// What the log says first when workers have outlived the supervisor before us. To the manager we are as ready as it
/// was.
void Supervisor::introduce_kept() {
    std::vector<std::string> words;
    for (const auto& worker : handover_->workers)
        words.push_back(fmt::format("{} {}", worker.name,
                                    worker.pidfd >= 0 ? fmt::format("pid {}", worker.pid)
                                    : worker.pid != 0 ? std::string("died unseen")
                                                      : std::string(name_of(static_cast<State>(worker.state)))));
    const auto text = fmt::format("{}", fmt::join(words, ", "));
    journal_->write(log_event::workers_kept, next_correlation(), config().instance, instance_.adopted_pid(), text);
    announce("instance {} goes on after supervisor pid {}: {}", config().instance, instance_.adopted_pid(), text);
    examine_former();
    notify_.ready();
}

/// A reload that its supervisor did not live to end has not taken place: who has its text begins anew with the one in
/// force.
void Supervisor::restart_those_ahead() {
    if (reload_ || crew_.stopping()) return;
    for (size_t i = 0; i < workers_.size(); ++i) {
        const auto runs_by = workers_[i]->slot->own.config_generation.load(std::memory_order_relaxed);
        if (crew_[i].state == State::running && runs_by > config_generation_) crew_.restart(i, now_ns());
    }
}

}  // namespace of::supervisor
