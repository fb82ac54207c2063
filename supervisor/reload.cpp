// Reload: the file is read once, checked by a process of its own, compared with what is in force, and taken over as a
// whole or not at all. Workers whose sections changed are restarted one after the other; if one of them does not come
// to run with the new text, all go back to the old one.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <unistd.h>
#include <algorithm>

#include "supervisor/reload_plan.hpp"
#include "supervisor/supervisor.hpp"

namespace of::supervisor {
void Supervisor::begin_reload(CorrelationId cause, ControlServer::Reply reply) {
    if (reload_ || asking_) return reply(refusal(ExitCode::failed, "another reload or upgrade is on its way"));
    reload_.emplace();
    reload_->cause = cause;
    reload_->reply = std::move(reply);
    reload_->text = ConfigText(config().path);
    if (reload_->text.descriptor() < 0) return fail_reload(fmt::format("{} cannot be read", config().path));
    notify_.reloading(now_ns());
    asking_.emplace(io_);
    const auto asked = asking_->begin(
        {.path = "/proc/self/exe",
         .argv = {"check", "--config", config().path, "--config-fd", std::to_string(reload_->text.descriptor())},
         .inherited = {reload_->text.descriptor()},
         .joins_output = true,
         .resources = {}},
        [this](int exit_code, const std::string& output) { checked(exit_code, output); });
    if (!asked) fail_reload(asked.error().message);
}

void Supervisor::checked(int exit_code, const std::string& output) {
    asking_.reset();
    if (exit_code == code(ExitCode::ok)) return accept_reload();
    fail_reload(output.empty() ? "it could not be checked" : output.substr(0, output.find_last_not_of('\n') + 1));
}

void Supervisor::accept_reload() {
    reload_->checked = read_config(config().path, reload_->text.descriptor());
    const auto changed = settings::changed_sections(text_.text(), reload_->text.text());
    const auto before = config();
    const auto plan = plan_reload(changed, before, reload_->checked.config);
    if (!plan.fixed.empty())
        return fail_reload(fmt::format("[{}] cannot change while the instance runs; stop and start it", plan.fixed));
    text_generation_ = config_generation_ + 1;
    take_config(reload_->checked.config, std::move(reload_->text));
    reload_->checked.config = before;  // what to go back to
    reload_->to_restart = touched_by(plan);
    step_reload();
}

/// The old text goes where the new one came from.
void Supervisor::take_config(Config next, ConfigText text) {
    checked_.config = std::move(next);
    std::swap(text_, text);
    post_mortem_.change(config().post_mortem);
    if (reload_) reload_->text = std::move(text);
    for (size_t i = 0; i < workers_.size(); ++i) {
        workers_[i]->successor.dismiss();  // it has the text before
        static_cast<void>(equip(*workers_[i]));
        crew_.change(i, config().workers.at(workers_[i]->process.kind).member);
    }
    text_.publish(config().state_dir);
    apply_limits();
}

/// The workers that have to start anew for this, and a line of the report for each worker.
std::vector<size_t> Supervisor::touched_by(const ReloadPlan& plan) {
    std::vector<size_t> touched;
    if (plan.at_once) reload_->report.emplace_back("supervisor applied");
    for (size_t i = 0; i < workers_.size(); ++i) {
        const auto process = workers_[i]->process;
        const bool runs = crew_[i].exists;
        const bool restarts = plan.restarts_kind(process.kind);
        if (restarts && runs) touched.push_back(i);
        reload_->report.push_back(fmt::format("{} {}", name_of(process),
                                              !restarts ? "unchanged"
                                              : runs    ? "restarted"
                                                        : "takes it at its next start"));
    }
    return touched;
}

/// One worker after the other: the next one when the last one runs.
void Supervisor::step_reload() {
    auto& reload = *reload_;
    if (asking_) return;
    while (!reload.to_restart.empty()) {
        const auto index = reload.to_restart.front();
        const auto& desk = workers_[index]->slot->desk;
        if (!reload.awaited) {
            reload.awaited = desk.incarnation.load(std::memory_order_relaxed) + 1;
            reload.restarted.push_back(index);
            crew_.restart(index, now_ns());
            return arm();
        }
        const bool came =
            desk.incarnation.load(std::memory_order_relaxed) >= *reload.awaited && crew_[index].state == State::running;
        if (!came) return;
        reload.awaited.reset();
        reload.to_restart.erase(reload.to_restart.begin());
    }
    end_reload(!reload.rolling_back);
}

void Supervisor::fail_reload(const std::string& why) {
    if (!reload_ || reload_->rolling_back) return;
    asking_.reset();
    reload_->failure = why;
    if (reload_->restarted.empty()) return end_reload(false);
    // Whoever has the new text is given the old one again.
    reload_->rolling_back = true;
    text_generation_ = config_generation_;
    take_config(std::move(reload_->checked.config), std::move(reload_->text));
    reload_->to_restart = std::move(reload_->restarted);
    reload_->restarted.clear();
    reload_->awaited.reset();
    step_reload();
}

void Supervisor::end_reload(bool well) {
    auto reload = std::move(*reload_);
    reload_.reset();
    if (!crew_.stopping()) notify_.ready();
    if (!well) {
        if (reload.failure.empty()) reload.failure = "the instance stops";
        journal_->write(log_event::config_refused, reload.cause, reload.failure);
        return reload.reply(refusal(ExitCode::failed, "the old configuration stays in force: " + reload.failure));
    }
    config_generation_ = text_generation_;
    keep_config();
    instance_.control().instance.config_generation.store(config_generation_, std::memory_order_release);
    const auto report = fmt::format("{}", fmt::join(reload.report, ", "));
    journal_->write(log_event::config_reloaded, reload.cause, config_generation_, report);
    reload.reply(fmt::format("ok {} generation {}: {}", to_string(reload.cause), config_generation_, report));
}

}  // namespace of::supervisor
