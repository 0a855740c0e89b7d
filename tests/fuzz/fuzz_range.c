/* Range arguments: any text gives a set whose parts are in order, or an error. The first byte is the number
 * of videos. */
#include <stdint.h>
#include <stdlib.h>

#include "batch/range.h"
#include "fuzz.h"

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    const size_t found = data[0];
    char *text = fuzz_text(data + 1, size - 1);
    RangeSet set = {0};
    TextList notes = {0};
    Error err = {0};
    const Status parsed = range_parse(&set, text, &err);
    require(error_is_set(&err) == (parsed != STATUS_OK));
    for (size_t i = 0; i < set.count; i++) {
        require(set.items[i].first >= 1 && set.items[i].last >= set.items[i].first);
    }
    if (parsed == STATUS_OK && range_check(&set, found, &notes, &err) == STATUS_OK) {
        size_t selected = 0;
        for (size_t position = 1; position <= found; position++) {
            selected += range_contains(&set, (int64_t)position);
        }
        require(selected > 0 && !range_contains(&set, 0));
    }
    text_list_free(&notes);
    range_set_free(&set);
    free(text);
    return 0;
}
