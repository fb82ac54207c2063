// The [storage] section of the configuration.
#pragma once

#include "proto/settings.hpp"

namespace of::storage {

inline constexpr settings::Key setting_keys[] = {
    {.name = "batch_rows_max",
     .kind = settings::Kind::integer,
     .fallback = "1000",
     .help = "rows of one transaction",
     .min = 1,
     .max = 100'000},
    {.name = "batch_age_ms",
     .kind = settings::Kind::integer,
     .fallback = "50",
     .help = "a row waits no longer than this for its transaction",
     .min = 1,
     .max = 10'000},
    {.name = "synchronous",
     .fallback = R"("normal")",
     .help = "normal: a power cut may cost the last commits; full: it costs none, each commit waits for the disk",
     .choices = "normal|full"},
    {.name = "retention_days",
     .kind = settings::Kind::integer,
     .fallback = "0",
     .help = "days that are kept, counted back from the newest stored; 0 for all",
     .min = 0,
     .max = 36'500},
};
inline constexpr settings::Section setting_sections[] = {{"storage", setting_keys}};

}  // namespace of::storage
