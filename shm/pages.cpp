// Which page struct lies in which kind of page segment.
#include "shm/book_page.hpp"
#include "shm/breaker_page.hpp"
#include "shm/control_page.hpp"
#include "shm/error_page.hpp"
#include "shm/governor_page.hpp"
#include "shm/metrics_page.hpp"
#include "shm/segment.hpp"

namespace of::shm {
namespace {

struct PageLayout {
    std::string_view page;
    std::string_view layout;
    uint64_t bytes;
};
constexpr std::array page_layouts{
    PageLayout{"control", ControlPage::layout, sizeof(ControlPage)},
    PageLayout{"book", BookPage::layout, sizeof(BookPage)},
    PageLayout{"breaker", BreakerPage::layout, sizeof(BreakerPage)},
    PageLayout{"error", ErrorPage::layout, sizeof(ErrorPage)},
    PageLayout{"governor", GovernorPage::layout, sizeof(GovernorPage)},
    PageLayout{"metrics", MetricsPage::layout, sizeof(MetricsPage)},
};

}  // namespace

SegmentSpec make_spec(std::string_view instance, std::string_view channel, SegmentKind kind, std::string_view page,
                      uint32_t slot_bytes, uint64_t slots, std::string schema) {
    SegmentSpec spec{.instance = std::string(instance),
                     .channel = std::string(channel),
                     .kind = kind,
                     .slots = slots,
                     .slot_bytes = slot_bytes,
                     .schema = std::move(schema),
                     .layout = "ring 1"};
    if (kind != SegmentKind::page) return spec;
    const auto found = std::ranges::find(page_layouts, page, &PageLayout::page);
    OF_ASSERT(found != page_layouts.end());
    spec.layout = found->layout;
    spec.page_bytes = found->bytes;
    return spec;
}

std::optional<SegmentSpec> page_spec(std::string_view page) {
    if (std::ranges::find(page_layouts, page, &PageLayout::page) == page_layouts.end()) return {};
    return make_spec("", page, SegmentKind::page, page, 0, 0, "");
}

}  // namespace of::shm
