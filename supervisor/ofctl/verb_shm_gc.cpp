// ofctl shm gc: lists what dead instances left in /dev/shm, and removes it when told to.
#include <fmt/format.h>

#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/leftovers.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {
namespace {

struct Sum {
    size_t segments = 0;
    size_t removed = 0;
    uint64_t bytes = 0;
};

void print_leftovers(const Options& options, const std::vector<InstanceSegments>& instances, const Sum& sum,
                     size_t living) {
    using enum Table::Align;
    Table table({{"SEGMENT"}, {"SIZE", right}, {"MADE BY", right}});
    for (const auto& instance : instances) {
        if (instance.lives) continue;
        for (const auto& segment : instance.segments)
            table.add({segment.name, bytes_text(segment.bytes), fmt::format("pid {}", segment.creator_pid)});
    }
    if (sum.segments > 0) table.print(options.headers);
    const auto aside = living == 0 ? std::string() : fmt::format("; {} living instances left alone", living);
    if (sum.segments == 0) {
        put_line(fmt::format("no segments of dead instances{}", aside));
    } else if (!options.yes) {
        put_line(fmt::format("{} segments, {}: nothing was removed, --yes removes them{}", sum.segments,
                             bytes_text(sum.bytes), aside));
    } else {
        put_line(
            fmt::format("{} of {} segments removed, {}{}", sum.removed, sum.segments, bytes_text(sum.bytes), aside));
    }
}

void print_leftovers_as_json(const Options& options, const std::vector<InstanceSegments>& instances, const Sum& sum) {
    Json json;
    json.open_document("gc").field("segments", uint64_t{sum.segments}).field("bytes", sum.bytes);
    json.field("removed", uint64_t{sum.removed}).field("dry_run", !options.yes).open_rows("instances");
    for (const auto& instance : instances) {
        json.open_row(instance.name)
            .field("name", std::string_view(instance.name))
            .field("lives", instance.lives)
            .field("bytes", instance.bytes())
            .key("segments")
            .open_array();
        for (const auto& segment : instance.segments) json.value(std::string_view(segment.name));
        json.close_array().close_row();
    }
    put_json(options, json.close_array().close_object());
}

}  // namespace

int shm_gc(const Options& given) {
    auto options = given;
    options.yes = given.yes && !given.dry_run;
    if (options.source.copied())
        return refuse(options, {ErrorKind::invalid, "gc looks into /dev/shm: --from is not for it"});
    const auto instances = find_instances(options.source.instance);
    if (instances.empty() && !options.source.instance.empty())
        return refuse(options, {ErrorKind::missing, fmt::format("instance {} has no segments of this user in /dev/shm",
                                                                options.source.instance)});
    Sum sum;
    size_t living = 0;
    for (const auto& instance : instances) {
        living += instance.lives ? 1 : 0;
        if (instance.lives) continue;
        sum.segments += instance.segments.size();
        sum.bytes += instance.bytes();
        if (options.yes) sum.removed += remove_leftovers(instance);
    }
    if (options.json) {
        print_leftovers_as_json(options, instances, sum);
    } else {
        print_leftovers(options, instances, sum, living);
    }
    return code(options.yes && sum.removed < sum.segments ? ExitCode::failed : ExitCode::ok);
}

}  // namespace of::ofctl
