// ofctl shm verify: every promise that a segment makes, checked; a line for each segment, and one for each finding.
#include <fmt/format.h>

#include <algorithm>

#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/verbs.hpp"
#include "supervisor/ofctl/verify.hpp"

namespace of::ofctl {
namespace {

int exit_code_of(const std::vector<SegmentReport>& reports) {
    const auto any = [&](Verdict verdict) {
        return std::ranges::find(reports, verdict, &SegmentReport::verdict) != reports.end();
    };
    if (any(Verdict::corrupt) || any(Verdict::missing) || any(Verdict::surplus)) return code(ExitCode::corrupt);
    if (any(Verdict::mismatch)) return code(ExitCode::mismatch);
    return code(any(Verdict::denied) ? ExitCode::denied : ExitCode::ok);
}

void print_findings(const SegmentReport& report) {
    for (const auto& finding : report.findings.kept())
        put_line(fmt::format("{} at {}: {}: found {}, expected {}", report.channel, finding.offset, finding.what,
                             finding.found, finding.expected));
    if (report.findings.total() > report.findings.kept().size())
        put_line(fmt::format("{}: and {} findings more", report.channel,
                             report.findings.total() - report.findings.kept().size()));
}

void print_reports(const Options& options, const std::vector<SegmentReport>& reports) {
    Table table({{"SEGMENT"}, {"VERDICT"}, {"CONTENT"}});
    size_t well = 0;
    for (const auto& report : reports) {
        const bool fine = report.verdict == Verdict::ok;
        well += fine ? 1 : 0;
        table.add(
            {report.channel, {std::string(name_of(report.verdict)), fine ? Tone::good : Tone::bad}, report.content});
    }
    table.print(options.headers);
    for (const auto& report : reports) print_findings(report);
    put_line(fmt::format("instance {}: {} of {} segments are well{}", options.source.instance, well, reports.size(),
                         options.quick ? "; not each slot of the rings was looked at" : ""));
}

void print_reports_as_json(const Options& options, const std::vector<SegmentReport>& reports) {
    Json json;
    json.open_document("verify")
        .field("instance", std::string_view(options.source.instance))
        .field("quick", options.quick)
        .field("exit_code", exit_code_of(reports))
        .open_rows("segments");
    for (const auto& report : reports) {
        json.open_row(report.channel)
            .field("name", std::string_view(report.channel))
            .field("verdict", name_of(report.verdict))
            .field("total", report.findings.total())
            .key("findings")
            .open_array();
        for (const auto& finding : report.findings.kept()) {
            json.open_object()
                .field("offset", finding.offset)
                .field("what", std::string_view(finding.what))
                .field("found", std::string_view(finding.found))
                .field("expected", std::string_view(finding.expected))
                .close_object();
        }
        json.close_array().close_row();
    }
    put_json(options, json.close_array().close_object());
}

}  // namespace

int shm_verify(const Options& options) {
    const auto reports =
        verify_instance(options.source, options.names, options.quick ? shm::Depth::quick : shm::Depth::each_slot);
    if (!reports) return refuse(options, reports.error());
    if (options.json) {
        print_reports_as_json(options, *reports);
    } else {
        print_reports(options, *reports);
    }
    return exit_code_of(*reports);
}

}  // namespace of::ofctl
