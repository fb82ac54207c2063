// ofctl postmortem: the bundles that deaths have left, of a running, dead or removed instance.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "supervisor/autopsy/bundle.hpp"
#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/tar.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {
namespace {

namespace fs = std::filesystem;
using autopsy::Facts;

constexpr size_t columns = 80;
constexpr size_t log_lines_shown = 12;
/// Where the configuration puts state_dir when it says nothing.
constexpr std::string_view usual_state_dir = "/run/orderflow";

/// The bundles' folder: as told, or as the control page says, or the usual one of an instance that left no page.
std::string folder_of(const Options& options) {
    if (!options.state_dir.empty()) return autopsy::bundles_folder(options.state_dir);
    const auto view = View::open(options.source);
    const auto told = view ? shm::text_of(view->control().instance.state_dir) : usual_state_dir;
    return autopsy::bundles_folder(std::string(told));
}

/// The bundle that the user means: by its ID, by an unambiguous part of it, or the last.
Expected<std::string> choose(const Options& options, const std::string& folder) {
    const auto bundles = autopsy::list_bundles(folder);
    if (bundles.empty()) return fail(ErrorKind::missing, fmt::format("there is no bundle in {}", folder));
    if (options.last) return bundles.back().id;
    if (options.names.empty()) return fail(ErrorKind::invalid, "say which: an ID of ofctl postmortem ls, or --last");
    const auto& wanted = options.names.front();
    std::vector<std::string> fitting;
    for (const auto& bundle : bundles) {
        if (bundle.id == wanted) return wanted;
        if (bundle.id.find(wanted) != std::string::npos) fitting.push_back(bundle.id);
    }
    if (fitting.size() == 1) return fitting.front();
    if (fitting.empty()) return fail(ErrorKind::missing, fmt::format("there is no bundle {} in {}", wanted, folder));
    return fail(ErrorKind::invalid, fmt::format("{} fits {} bundles; give more of the ID", wanted, fitting.size()));
}

/// In lines of the width of a terminal; what goes on is set in.
void put_wrapped(std::string_view text, size_t indent) {
    for (size_t set_in = 0; !text.empty(); set_in = indent) {
        auto room = columns - set_in;
        if (text.size() > room) {
            const auto space = text.rfind(' ', room);
            if (space != std::string_view::npos && space > room / 2) room = space;
        }
        put_line(std::string(set_in, ' ') + std::string(text.substr(0, room)));
        text.remove_prefix(std::min(text.size(), room));
        text.remove_prefix(std::min(text.size(), text.find_first_not_of(' ')));
    }
}

void put_row(std::string_view key, std::string_view value) {
    if (!value.empty() && value != "-") put_wrapped(fmt::format("{:<11} {}", key, value), 12);
}

void put_text(std::string_view title, const std::string& text, size_t lines_max) {
    if (text.empty()) return;
    put_line("");
    put_line(title);
    std::vector<std::string_view> lines;
    for (std::string_view rest = text; !rest.empty();) {
        lines.push_back(rest.substr(0, rest.find('\n')));
        rest.remove_prefix(std::min(rest.size(), lines.back().size() + 1));
    }
    for (size_t i = lines.size() - std::min(lines.size(), lines_max); i < lines.size(); ++i) put_wrapped(lines[i], 4);
}

std::string seconds_ago(const Facts& facts, std::string_view key) { return span_text(facts.number(key) * 1'000'000); }

void put_death(const Facts& facts) {
    const auto get = [&](std::string_view key) { return std::string(facts.get(key)); };
    put_row("bundle", get("id"));
    put_row("worker", fmt::format("{}, incarnation {}, pid {}", get("worker"), get("incarnation"), get("pid")));
    put_row("cause", get("cause") + (get("death").empty() ? "" : ": " + get("death")));
    put_row("oom", get("oom_evidence"));
    put_row("system call", get("system_call"));
    if (!get("fault_address").empty())
        put_row("fault", fmt::format("address {}, instruction {}", get("fault_address"), get("instruction")));
    if (get("signal_from") == "a process") put_row("signal", "sent by a process");
    put_row("assertion", get("assertion"));
    put_row("last words", get("last_words"));
    if (!get("core_file").empty()) put_row("core", fmt::format("{} ({} bytes)", get("core_file"), get("core_bytes")));
    put_row("died", fmt::format("{}, after {}", get("died"), seconds_ago(facts, "lived_ms")));
    put_row("was",
            fmt::format("{} (the supervisor: {}); then: {}", get("last_state"), get("supervisor_saw_it"), get("then")));
    put_row("heartbeat", fmt::format("{} before its death was seen", seconds_ago(facts, "heartbeat_age_ms")));
    put_row("work", fmt::format("{} messages, {} turns, the longest {} ms, {} overruns", get("messages"), get("turns"),
                                get("longest_turn_ms"), get("overruns")));
    put_row("before", fmt::format("{} restarts, {} failures in a row, {} deaths without a bundle",
                                  get("restarts_before"), get("failures"), get("skipped_before")));
    put_row("config", fmt::format("generation {}, hash {}", get("config_generation"), get("config_hash")));
    for (const auto key : {"cursor", "ring", "left_out"})
        for (const auto value : facts.all(key)) put_row(key == std::string_view("left_out") ? "left out" : key, value);
}

void put_bundle(const Options& options, const Facts& facts, const std::string& path) {
    Json json;
    json.open_document("postmortem");
    std::vector<std::string> many;
    for (const auto& [key, value] : facts.rows()) {
        if (facts.all(key).size() == 1)
            json.field(key == "folder" ? "working_folder" : std::string_view(key), std::string_view(value));
        else if (std::ranges::find(many, key) == many.end())
            many.push_back(key);
    }
    for (const auto& key : many) {
        json.key(key).open_array();
        for (const auto value : facts.all(key)) json.value(value);
        json.close_array();
    }
    json.field("stack_text", std::string_view(autopsy::read_text(path + "/" + std::string(autopsy::stack_file))));
    json.field("folder", std::string_view(path)).key("files").open_array();
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(path, error))
        json.value(std::string_view(entry.path().filename().string()));
    put_json(options, json.close_array().close_object());
}

}  // namespace

int postmortem_ls(const Options& options) {
    using enum Table::Align;
    const auto folder = folder_of(options);
    Table table({{"ID"}, {"TIME"}, {"WORKER"}, {"CAUSE"}, {"SIGNAL"}, {"SIZE", right}});
    Json json;
    json.open_document("postmortems").field("folder", std::string_view(folder)).open_rows("bundles");
    const auto bundles = autopsy::list_bundles(folder);
    for (const auto& bundle : bundles) {
        const auto facts = autopsy::read_facts(folder, bundle.id).value_or(Facts());
        const auto get = [&](std::string_view key) { return facts.get(key); };
        const auto ended = get("signal").empty() && !get("exit_code").empty() ? fmt::format("exit {}", get("exit_code"))
                                                                              : std::string(get("signal"));
        // The ID has the day and the milliseconds.
        const auto time = get("died").size() > 19 ? get("died").substr(11, 8) : get("died");
        table.add({bundle.id, std::string(time), std::string(get("worker")), std::string(get("cause")),
                   ended.empty() ? "-" : ended, bytes_text(bundle.bytes)});
        json.open_row(bundle.id).field("id", std::string_view(bundle.id)).field("died", get("died"));
        json.field("worker", get("worker")).field("cause", get("cause")).field("signal", get("signal"));
        json.field("exit_code", get("exit_code")).field("bytes", bundle.bytes).close_row();
    }
    if (options.json) {
        put_json(options, json.close_array().close_object());
    } else if (bundles.empty()) {
        put_line(fmt::format("no bundles in {}", folder));
    } else {
        table.print(options.headers);
    }
    return code(ExitCode::ok);
}

int postmortem_show(const Options& options) {
    const auto folder = folder_of(options);
    const auto id = choose(options, folder);
    if (!id) return refuse(options, id.error());
    const auto facts = autopsy::read_facts(folder, *id);
    if (!facts) return refuse(options, facts.error());
    const auto path = folder + "/" + *id;
    if (options.json) {
        put_bundle(options, *facts, path);
        return code(ExitCode::ok);
    }
    put_death(*facts);
    put_text("STACK", autopsy::read_text(fmt::format("{}/{}", path, autopsy::stack_file)), 80);
    put_text("LOG", autopsy::read_text(fmt::format("{}/{}", path, autopsy::log_file)),
             options.lines == 0 ? log_lines_shown : options.lines);
    put_line("");
    put_line("FILES, and their rings and pages by these commands");
    put_line("  " + path);
    for (const auto* command : {"shm ls", "shm tail log", "metrics", "breaker", "errors", "logs"}) {
        const auto own = std::string_view(command) == "shm tail log"
                             ? fmt::format("{}.{}", command, facts->get("worker"))
                             : std::string(command);
        put_line(fmt::format("  ofctl --from DIR --instance {} {}", facts->get("instance"), own));
    }
    return code(ExitCode::ok);
}

int postmortem_export(const Options& options) {
    const auto folder = folder_of(options);
    const auto id = choose(options, folder);
    if (!id) return refuse(options, id.error());
    const auto target = options.tar.empty() ? *id + ".tar" : options.tar;
    const bool to_stdout = target == "-";
    const int file = to_stdout ? STDOUT_FILENO : open(target.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (file < 0) return refuse(options, {ErrorKind::denied, fmt::format("{}: {}", target, std::strerror(errno))});
    TarWriter tar(file);
    const auto facts = autopsy::read_facts(folder, *id).value_or(Facts());
    bool well = true;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder + "/" + *id, error)) {
        const auto name = entry.path().filename().string();
        well = well && tar.add(fmt::format("{}/{}", *id, name), autopsy::read_text(entry.path()),
                               facts.number("died_wall_ns") / 1'000'000'000);
    }
    well = well && tar.finish();
    const int reason = errno;
    if (!to_stdout) close(file);
    if (!well || error)
        return refuse(options, {ErrorKind::failed, fmt::format("{}: {}", target, std::strerror(reason))});
    if (to_stdout) return code(ExitCode::ok);
    Json json;
    json.open_document("postmortem export").field("id", std::string_view(*id)).field("file", std::string_view(target));
    json.close_object();
    if (options.json) put_json(options, json);
    if (!options.json) put_line(fmt::format("{} written to {}", *id, target));
    return code(ExitCode::ok);
}

int postmortem_rm(const Options& options) {
    const auto folder = folder_of(options);
    Json json;
    json.open_document("postmortem rm").key("removed").open_array();
    for (const auto& name : options.names) {
        if (auto removed = autopsy::remove_bundle(folder, name); !removed) return refuse(options, removed.error());
        if (!options.json) put_line(fmt::format("removed {}", name));
        json.value(std::string_view(name));
    }
    if (options.json) put_json(options, json.close_array().close_object());
    return code(ExitCode::ok);
}

}  // namespace of::ofctl
