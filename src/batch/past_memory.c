#include "batch/past_memory.h"

#include <string.h>

#include "base/text.h"
#include "batch/tries.h"

int past_memory_kind(PastMemory *past, const char *codec, int width, int height)
{
    const int size_class = memory_size_class(width, height);
    for (int i = 0; i < past->count; i++) {
        if (past->kinds[i].size_class == size_class && strcmp(past->kinds[i].codec, codec) == 0) {
            return i + 1;
        }
    }
    if (past->count == PAST_MEMORY_KINDS) {
        return 0;
    }
    PastKind *kind = &past->kinds[past->count++];
    text_copy(kind->codec, sizeof kind->codec, codec);
    kind->size_class = size_class;
    return past->count;
}

void past_memory_add(PastMemory *past, int number, double began_s, int64_t estimate_bytes, int64_t peak_bytes)
{
    if (number < 1 || number > past->count || estimate_bytes <= 0 || peak_bytes <= 0) {
        return;
    }
    PastKind *kind = &past->kinds[number - 1];
    const bool full = kind->count == MEMORY_PAST_MOST;
    if (full && began_s <= kind->tries[0].began_s) {
        return; /* older than all that are kept */
    }
    if (full) {
        memmove(&kind->tries[0], &kind->tries[1], (MEMORY_PAST_MOST - 1) * sizeof kind->tries[0]);
        kind->count--;
    }
    int place = kind->count++;
    for (; place > 0 && kind->tries[place - 1].began_s > began_s; place--) {
        kind->tries[place] = kind->tries[place - 1];
    }
    kind->tries[place].began_s = began_s;
    kind->tries[place].past = (MemoryPast){estimate_bytes, peak_bytes};
}

double past_memory_factor(const PastMemory *past, int number)
{
    MemoryPast tries[MEMORY_PAST_MOST];
    if (number < 1 || number > past->count) {
        return 1.0;
    }
    const PastKind *kind = &past->kinds[number - 1];
    for (int i = 0; i < kind->count; i++) {
        tries[i] = kind->tries[i].past;
    }
    return memory_correction(tries, kind->count);
}

static void add_try(void *context, const MediaLook *look, const AttemptRow *attempt)
{
    PastMemory *past = context;
    if (strcmp(attempt->ended, "done") == 0) {
        past_memory_add(past, past_memory_kind(past, look->codec, look->width, look->height),
                        attempt->began_s, attempt->estimate_bytes, attempt->peak_rss_bytes);
    }
}

Status past_memory_learn(PastMemory *past, Store *store, const Settings *settings, Error *err)
{
    return tries_each(store, settings, add_try, past, err);
}
