#include "options/scenario.h"

#include <string.h>

/* The old guide's scenarios (brief, row 9). "lighter" says no enhancer, and quality 25. */
const Scenario scenario_table[] = {
    {"fast", {{"jobs", "auto"}}},
    {"stable", {{"max-memory", "4GB"}, {"execution-threads", "2"}}},
    {"lots", {{"lot-size", "30"}}},
    {"light",
     {{"frame-processor", "face_swapper"},
      {"output-video-quality", "25"},
      {"temp-frame-format", "jpg"},
      {"temp-frame-quality", "75"}}},
};
const size_t scenario_count = sizeof scenario_table / sizeof scenario_table[0];

const Scenario *scenario_find(const char *name)
{
    for (size_t i = 0; i < scenario_count; i++) {
        if (strcmp(scenario_table[i].name, name) == 0) {
            return &scenario_table[i];
        }
    }
    return NULL;
}
