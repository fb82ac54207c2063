// ofctl metrics: what every process counts and measures; of a live, dead or copied instance.
#include <fmt/format.h>
#include <poll.h>

#include <algorithm>

#include "shm/prometheus_text.hpp"
#include "supervisor/ofctl/metrics_print.hpp"
#include "supervisor/ofctl/print.hpp"

namespace of::ofctl {
namespace {

using MetricsPages = std::vector<PageOf<shm::MetricsPage>>;

/// A second look after the interval gives rates; a dead or copied instance gets one look.
std::vector<MetricsView> look(const View& view, const MetricsPages& pages, double interval_s) {
    std::vector<MetricsView> views;
    for (const auto& page : pages) views.push_back({page.process, shm::snapshot(page.content()), {}, 0});
    if (interval_s <= 0 || view.source().copied() || !view.supervisor_alive()) return views;
    const auto begun_ns = mono_now();
    poll(nullptr, 0, static_cast<int>(interval_s * 1000));
    for (size_t i = 0; i < pages.size(); ++i) {
        views[i].before = std::move(views[i].now);
        views[i].now = shm::snapshot(pages[i].content());
        views[i].seconds = static_cast<double>(mono_now() - begun_ns) / 1e9;
    }
    return views;
}

std::string prometheus(const std::vector<MetricsView>& views) {
    shm::PrometheusText text;
    for (const auto& view : views) text.page(view.process, view.now);
    return text.text();
}

Json json_of(const std::vector<MetricsView>& views, std::string_view filter) {
    Json json;
    json.open_document("metrics").open_rows("processes");
    for (const auto& view : views) {
        json.open_row(view.process);
        append_metrics(json, view, filter);
        json.close_row();
    }
    return json.close_array().close_object();
}

}  // namespace

int metrics(const Options& options) {
    const auto view = View::open(options.source);
    if (!view) return refuse(options, view.error());
    const auto pages = open_pages<shm::MetricsPage>(*view, "metrics", options.worker);
    if (!pages) return refuse(options, pages.error());
    const std::string filter = options.names.empty() ? "" : options.names.front();
    const auto views = look(*view, *pages, options.prometheus ? 0 : options.interval_s);
    if (options.prometheus) {
        put(prometheus(views));
    } else if (options.json) {
        put_json(options, json_of(views, filter));
    } else {
        const auto published = [](const MetricsView& found) { return found.now.batch != 0; };
        if (std::ranges::none_of(views, published)) put_line("nobody has published a metric yet");
        for (const auto& found : views) {
            if (published(found)) print_metrics(options, found, filter);
        }
    }
    return code(ExitCode::ok);
}

}  // namespace of::ofctl
