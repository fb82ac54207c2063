#include <atomic>
#include <memory>
#include <random>
#include <thread>

#include "shm/book_page.hpp"
#include "shm/metrics_page.hpp"
#include "tests/unit/shm/support.hpp"

using namespace of;
using namespace of::shm;

TEST_CASE("a histogram's bucket is never more than one part in 128 from the value") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 100'000; ++i) {
        const uint64_t value = random() >> (24 + random() % 40);
        const auto middle = HistogramLayout::value_of(HistogramLayout::bucket_of(value));
        const auto error = middle > value ? middle - value : value - middle;
        REQUIRE(error * 100 <= value);
    }
    REQUIRE(HistogramLayout::bucket_of(UINT64_MAX) == HistogramLayout::buckets - 1);
    REQUIRE(HistogramLayout::bucket_of(0) == 0);
}

TEST_CASE("metrics appear as a whole batch and go on after a restart of their process") {
    const auto page = std::make_unique<MetricsPage>();
    {
        MetricsWriter writer(*page);
        const auto counter = writer.add(MetricKind::counter, "rows_total", "table=\"trades\"", "", "rows");
        const auto gauge = writer.add(MetricKind::gauge, "depth", "", "", "a gauge");
        writer.count(counter, 41);
        writer.set(gauge, 7);
        REQUIRE(snapshot(*page).values.empty());
        writer.publish(1, 0);
    }
    MetricsWriter successor(*page);
    const auto counter = successor.add(MetricKind::counter, "rows_total", "table=\"trades\"", "", "rows");
    successor.count(counter, 1);
    successor.publish(2, 0);
    const auto copied = snapshot(*page);
    REQUIRE(copied.batch == 2);
    REQUIRE(copied.updates == 3);
    REQUIRE(copied.find("rows_total", "table=\"trades\"")->scalar() == 42);
    REQUIRE(copied.find("depth")->scalar() == 7);
    REQUIRE(copied.find("absent") == nullptr);
}

TEST_CASE("every batch carries all values, though it copies only what changed") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const auto page = std::make_unique<MetricsPage>();
    std::array<uint64_t, 8> counted{};
    std::array<uint64_t, 8> recorded{};
    for (int life = 0; life < 5; ++life) {
        MetricsWriter writer(*page);
        std::array<uint32_t, 8> counters{}, histograms{};
        for (size_t i = 0; i < 8; ++i) {
            counters[i] = writer.add(MetricKind::counter, "count_" + std::to_string(i), "", "", "");
            histograms[i] = writer.add(MetricKind::histogram, "wait_" + std::to_string(i), "", "ns", "");
        }
        for (uint64_t batch = 1; batch <= 40; ++batch) {
            for (auto updates = random() % 40; updates-- > 0 && !writer.full();) {
                const auto i = random() % 8;
                writer.count(counters[i], 3);
                counted[i] += 3;
                if (writer.full()) break;
                writer.record(histograms[i], random() % 1'000'000);
                ++recorded[i];
            }
            writer.count(counters[0], 1);
            ++counted[0];
            writer.publish(batch, batch);
            const auto copied = snapshot(*page);
            for (size_t i = 0; i < 8; ++i) {
                REQUIRE(copied.find("count_" + std::to_string(i))->scalar() == counted[i]);
                REQUIRE(copied.find("wait_" + std::to_string(i))->count() == recorded[i]);
            }
        }
        // Killed in the middle of a batch: what was not published is lost, the bank being written is not believed.
        page->banks[(page->batch.load() + 1) % 2].words[0].store(random());
    }
}

TEST_CASE("readers beside a writer see whole batches only") {
    const auto page = std::make_unique<MetricsPage>();
    MetricsWriter writer(*page);
    const auto one = writer.add(MetricKind::counter, "one", "", "", "");
    const auto two = writer.add(MetricKind::counter, "two", "", "", "");
    std::atomic<bool> stop{false};
    std::atomic<uint64_t> looked{0}, torn{0};
    std::thread reader([&] {
        while (!stop.load()) {
            const auto copied = snapshot(*page);
            if (copied.batch == 0) continue;
            ++looked;
            torn += copied.find("one")->scalar() != copied.find("two")->scalar();
        }
    });
    for (uint64_t batch = 1; batch <= 20'000 || looked.load() < 100; ++batch) {
        writer.count(one, 1);
        writer.count(two, 1);
        writer.publish(batch, 0);
    }
    stop.store(true);
    reader.join();
    CHECK(torn.load() == 0);
}

TEST_CASE("a batch without updates is not published") {
    const auto page = std::make_unique<MetricsPage>();
    MetricsWriter writer(*page);
    writer.add(MetricKind::counter, "rows_total", "", "", "rows");
    writer.publish(1, 0);
    REQUIRE(snapshot(*page).batch == 0);
}

TEST_CASE("a metrics page of random bytes yields a snapshot and no crash") {
    const auto seed = std::random_device{}();
    INFO("seed " << seed);
    std::mt19937_64 random(seed);
    const auto page = std::make_unique<MetricsPage>();
    auto* words = reinterpret_cast<uint64_t*>(page->entries.data());
    for (int round = 0; round < 20; ++round) {
        for (size_t i = 0; i < sizeof page->entries / sizeof *words; ++i) words[i] = random();
        page->entries_used.store(static_cast<uint32_t>(random()));
        page->batch.store(random() | 1);
        REQUIRE(snapshot(*page).values.size() <= metrics_max);
    }
}

TEST_CASE("a quote is read whole or not at all, and a dead writer holds nobody up") {
    auto page = std::make_unique<BookPage>();
    const auto index = page->add("BTCUSDT");
    REQUIRE(index == uint16_t{0});
    REQUIRE(page->add("BTCUSDT") == uint16_t{0});
    REQUIRE(page->add("ETHUSDT") == uint16_t{1});
    REQUIRE(page->symbol(1) == "ETHUSDT");
    REQUIRE(page->symbol(2).empty());
    REQUIRE_FALSE(page->add("").has_value());
    REQUIRE_FALSE(page->add(std::string(32, 'x')).has_value());
    auto& entry = page->entries[0];
    REQUIRE_FALSE(entry.load().has_value());
    entry.store({1, 2, 3, 4, 5, 6});
    REQUIRE(entry.load()->ask_quantity == 5);
    entry.sequence.store(entry.sequence.load() | 1);  // killed in the middle of a store
    REQUIRE_FALSE(entry.load().has_value());
    entry.store({7, 8, 9, 10, 11, 12});
    REQUIRE(entry.load()->update_id == 7);
}

TEST_CASE("a full symbol directory refuses") {
    auto page = std::make_unique<BookPage>();
    for (size_t i = 0; i < symbols_max; ++i) REQUIRE(page->add("S" + std::to_string(i)).has_value());
    REQUIRE_FALSE(page->add("ONEMORE").has_value());
}
