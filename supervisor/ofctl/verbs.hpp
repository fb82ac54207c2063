// The verbs of ofctl. Each takes the options of the command line and returns the exit code (OFCTL.md has the table).
#pragma once

#include <string>
#include <vector>

#include "supervisor/ofctl/attach.hpp"

namespace of::ofctl {

/// How a verb prints what it found.
enum class Format : uint8_t { table, wide, json, ndjson, name, prom };

/// What the command line said; verb_table.hpp has the rows that fill it.
struct Options {
    Source source;
    Format format = Format::table;
    bool json = false;  ///< build JSON: for json, ndjson and name
    bool wide = false;
    bool headers = true;
    std::vector<std::string> names;  ///< workers, a segment, an ID, or a file: what the verb is about
    bool follow = false;
    uint64_t lines = 0;
    int64_t watch_s = 0;
    uint64_t count = 0;
    std::string level = "debug";
    std::string worker;
    std::string grep;
    double since_s = 0;
    std::string reason;
    bool wait = true;
    int64_t timeout_s = 30;
    bool hex = false;
    std::string slots;  ///< "A:B"
    std::string symbol;
    std::string type;
    bool prometheus = false;
    double interval_s = 1;
    std::string action;  ///< of ofctl breaker
    std::string trace_format;
    std::string span;      ///< "30s"
    bool yes = false;      ///< do it, instead of telling what would be done
    bool all = false;      ///< all workers instead of named ones
    bool dry_run = false;  ///< say what would be asked of whom
    std::string wait_for = "ready";
    std::string then = "stop";  ///< of ofctl drain
    bool only_events = false;   ///< of the log, what concerns the life of the instance
    bool audit = false;
    bool layout = false;
    std::string to;          ///< of ofctl man and shm replay: a folder; of shm record: a file
    std::string segment;     ///< of ofctl shm record, which is about two things
    double seconds_max = 0;  ///< of ofctl shm record; 0: any
    uint64_t bytes_max = 0;  ///< of its file; 0: the default
    bool backlog = false;    ///< also what is in the ring already
    double speed = 0;        ///< of ofctl shm replay, against the recorded pace; 0: as fast as it goes
    bool live = false;
    bool ready = false;
    bool deep = false;
    int64_t age_max_ms = 0;
    bool schedule = false;
    bool fix_hints = false;  ///< of ofctl doctor
    std::string signal = "KILL";
    bool quick = false;     ///< of ofctl shm verify: not each slot
    bool only_set = false;  ///< of ofctl config show: without defaults
    bool batch = false;     ///< tables even on a terminal
    bool previous = false;  ///< of ofctl logs: the incarnation before this one
    // As typed; the parser makes of them what stands above.
    std::string instance;
    std::string folder = "/dev/shm";
    std::string output;
    std::string colour = "auto";
    bool as_json = false;
    bool no_headers = false;
    bool quiet = false;
    bool last = false;      ///< the newest bundle
    std::string tar;        ///< where to export to
    std::string state_dir;  ///< of an instance that left no control page

    /// Whether also what went wrong is told as JSON.
    bool tells_json() const { return format == Format::json || format == Format::ndjson; }
};

int status(const Options& options);
int health(const Options& options);
int schedule(const Options& options);
int start(const Options& options);
int restart(const Options& options);
int stop(const Options& options);  ///< workers, or without names the instance
int stop_instance(const Options& options);
int drain(const Options& options);
int wait(const Options& options);
int events(const Options& options);
int audit(const Options& options);  ///< of ofctl events
int version(const Options& options);
int completion(const Options& options);
int complete(const Options& options);  ///< what the completion scripts ask
int man(const Options& options);
int pause(const Options& options);
int resume(const Options& options);
int kill(const Options& options);
int upgrade(const Options& options);
int config_reload(const Options& options);
int logs(const Options& options);
int shm_ls(const Options& options);
int shm_dump(const Options& options);
int shm_tail(const Options& options);
int shm_verify(const Options& options);
int shm_record(const Options& options);
int shm_replay(const Options& options);
int shm_hz(const Options& options);
int shm_gc(const Options& options);
int top(const Options& options);
int trace(const Options& options);
int metrics(const Options& options);
int breaker(const Options& options);
int errors(const Options& options);
int limits(const Options& options);
int postmortem_ls(const Options& options);
int postmortem_show(const Options& options);
int postmortem_export(const Options& options);
int postmortem_rm(const Options& options);
int config_show(const Options& options);
int config_diff(const Options& options);
int config_schema(const Options& options);
int config_explain(const Options& options);
int config_check(const Options& options);
int doctor(const Options& options);
int help(const Options& options);

/// Says what went wrong, as a sentence or as {"error":...}; returns the exit code of the error's kind.
int refuse(const Options& options, const Error& error);

}  // namespace of::ofctl
