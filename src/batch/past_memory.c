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

/* One that only made the end of a video may not have come to its peak. */
static bool tells(const AttemptRow *attempt)
{
    return strcmp(attempt->ended, "done") == 0 && attempt->chunks_reused == 0 &&
           attempt->estimate_bytes > 0 && attempt->peak_rss_bytes > 0;
}

void past_memory_add(PastMemory *past, int number, const AttemptRow *attempt)
{
    const double ended_s = attempt->ended_s;
    if (number < 1 || number > past->count || !tells(attempt)) {
        return;
    }
    PastKind *kind = &past->kinds[number - 1];
    const bool full = kind->count == MEMORY_PAST_MOST;
    if (full && ended_s <= kind->tries[0].ended_s) {
        return; /* older than all that are kept */
    }
    if (full) {
        memmove(&kind->tries[0], &kind->tries[1], (MEMORY_PAST_MOST - 1) * sizeof kind->tries[0]);
        kind->count--;
    }
    int place = kind->count++;
    for (; place > 0 && kind->tries[place - 1].ended_s > ended_s; place--) {
        kind->tries[place] = kind->tries[place - 1];
    }
    kind->tries[place].ended_s = ended_s;
    kind->tries[place].past = (MemoryPast){attempt->estimate_bytes, attempt->peak_rss_bytes};
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
    if (tells(attempt)) {
        past_memory_add(past, past_memory_kind(past, look->codec, look->width, look->height), attempt);
    }
}

Status past_memory_learn(PastMemory *past, Store *store, const Settings *settings, Error *err)
{
    return tries_each(store, settings, add_try, past, err);
}
