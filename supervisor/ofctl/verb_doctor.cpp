// ofctl doctor: looks the host and the instance over, and says what is to be mended.
#include <fmt/format.h>

#include <array>

#include "supervisor/ofctl/doctor.hpp"
#include "supervisor/ofctl/json.hpp"
#include "supervisor/ofctl/print.hpp"
#include "supervisor/ofctl/verbs.hpp"

namespace of::ofctl {
namespace {

struct Diagnosis {
    std::string_view check;
    Finding finding;
};
using Counts = std::array<uint64_t, 3>;

constexpr Tone tones[] = {Tone::good, Tone::warn, Tone::bad};

uint64_t count_of(const Counts& counts, Grade grade) { return counts[static_cast<size_t>(grade)]; }

void print_diagnoses(const std::vector<Diagnosis>& diagnoses, const Counts& counts, const Options& options) {
    Table table({{"CHECK"}, {"GRADE"}, {"FOUND"}});
    for (const auto& [check, finding] : diagnoses)
        table.add({std::string(check),
                   {std::string(name_of(finding.grade)), tones[static_cast<size_t>(finding.grade)]},
                   finding.found});
    table.print(options.headers);
    if (options.fix_hints) {
        put_line("");
        for (const auto& [check, finding] : diagnoses)
            if (!finding.fix.empty()) {
                put_line(fmt::format("{}:", check));
                put_line(fmt::format("  {}", finding.fix));
            }
    }
    put_line("");
    put_line(fmt::format(
        "{} checks: {} warn, {} fail{}", diagnoses.size(), count_of(counts, Grade::warn), count_of(counts, Grade::fail),
        options.fix_hints || count_of(counts, Grade::ok) == diagnoses.size() ? ""
                                                                             : "; --fix-hints says what mends it"));
}

void print_diagnoses_as_json(const std::vector<Diagnosis>& diagnoses, const Counts& counts, const Options& options) {
    Json json;
    json.open_document("doctor").open_rows("checks");
    for (const auto& [check, finding] : diagnoses)
        json.open_row(check)
            .field("check", check)
            .field("grade", name_of(finding.grade))
            .field("found", std::string_view(finding.found))
            .field("fix", std::string_view(finding.fix))
            .close_row();
    json.close_array();
    json.field("ok", count_of(counts, Grade::ok))
        .field("warn", count_of(counts, Grade::warn))
        .field("fail", count_of(counts, Grade::fail))
        .close_object();
    put_json(options, json);
}

}  // namespace

int doctor(const Options& options) {
    if (options.source.copied())
        return refuse(options, {ErrorKind::invalid, "doctor looks at this host: --from is not for it"});
    const auto patient = examine(options.source.instance);
    std::vector<Diagnosis> diagnoses;
    Counts counts{};
    for (const auto& check : all_checks()) {
        diagnoses.push_back({check.name, check.look(patient)});
        ++counts[static_cast<size_t>(diagnoses.back().finding.grade)];
    }
    if (options.json) {
        print_diagnoses_as_json(diagnoses, counts, options);
    } else {
        print_diagnoses(diagnoses, counts, options);
    }
    return code(count_of(counts, Grade::fail) == 0 ? ExitCode::ok : ExitCode::degraded);
}

}  // namespace of::ofctl
