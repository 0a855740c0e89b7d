#include "batch/select.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/range.h"

/* So many names an error lists. */
enum { LISTED_MOST = 5, SHOWN_BYTES = 81 };

/* How surely a word means a video; the surest way in which it means one counts. */
typedef enum Likeness {
    LIKE_NOT = 0,
    LIKE_STEM_OR_POSITION,
    LIKE_NAME,
} Likeness;

static bool is_stem_of(const char *word, const char *path)
{
    char *stem = path_stem(path);
    const bool same = strcmp(word, stem) == 0;
    memory_free(stem);
    return same;
}

static bool is_position(const char *word, int position)
{
    char text[16];
    (void)snprintf(text, sizeof text, "%d", position);
    return position > 0 && strcmp(word, text) == 0;
}

static Likeness likeness_of(const Snapshot *snapshot, const char *word, const VideoRow *row)
{
    char *output = path_join(snapshot->output_dir, row->output);
    char *path = path_absolute(word);
    const char *input = row->input != NULL ? row->input : "";
    Likeness likeness = LIKE_NOT;
    if (strcmp(word, row->output) == 0 || strcmp(word, path_name(input)) == 0 || strcmp(path, input) == 0 ||
        strcmp(word, output) == 0) {
        likeness = LIKE_NAME;
    } else if (is_stem_of(word, row->output) || is_stem_of(word, input) || is_position(word, row->position)) {
        likeness = LIKE_STEM_OR_POSITION;
    }
    memory_free(path);
    memory_free(output);
    return likeness;
}

/* "7 clip9.mp4 (joconde_9.mp4)" */
static void list_video(Text *list, const VideoRow *row)
{
    text_appendf(list, "%s%d %s (%s)", list->length > 0 ? ", " : "", row->position,
                 row->input != NULL ? path_name(row->input) : "-", row->output);
}

static Status refuse(const char *word, const char *why, const Text *list, Error *err)
{
    char shown[SHOWN_BYTES];
    text_copy(shown, sizeof shown, word);
    (void)error_set(err, ERROR_USAGE, "which video?", shown, why);
    if (list->length > 0) {
        error_advise(err, "%s", list->data);
    } else {
        error_advise(err, "runbatch status --verbose lists the videos");
    }
    return STATUS_FAILED;
}

static bool is_near(const char *word, const char *name)
{
    char *stem = path_stem(name);
    const size_t length = strlen(word);
    const size_t most = 1 + length / 5;
    const bool near = text_distance(word, name) <= most || text_distance(word, stem) <= most ||
                      (length >= 3 && strstr(name, word) != NULL);
    memory_free(stem);
    return near;
}

static Status refuse_unknown(const Snapshot *snapshot, const char *word, Error *err)
{
    Text list = {0};
    int listed = 0;
    for (size_t i = 0; i < snapshot->count && listed < LISTED_MOST; i++) {
        const VideoRow *row = &snapshot->videos[i].row;
        if (is_near(word, row->output) || (row->input != NULL && is_near(word, path_name(row->input)))) {
            list_video(&list, row);
            listed++;
        }
    }
    Text advice = {0};
    if (listed > 0) {
        text_appendf(&advice, "did you mean %s?", list.data);
    }
    const Status status = refuse(word, "there is none of that name or position", &advice, err);
    text_free(&advice);
    text_free(&list);
    return status;
}

static Status refuse_ambiguous(const Snapshot *snapshot, const char *word, Likeness likeness, Error *err)
{
    Text list = {0};
    int listed = 0;
    for (size_t i = 0; i < snapshot->count && listed < LISTED_MOST; i++) {
        const VideoRow *row = &snapshot->videos[i].row;
        if (likeness_of(snapshot, word, row) == likeness) {
            list_video(&list, row);
            listed++;
        }
    }
    Text advice = {0};
    text_appendf(&advice, "name the output: %s", list.data);
    const Status status = refuse(word, "it can be several", &advice, err);
    text_free(&advice);
    text_free(&list);
    return status;
}

/* A range of positions, "3-7": all that are there. False when the word is none, or means none. */
static bool choose_range(const Snapshot *snapshot, const char *word, bool *chosen)
{
    RangeSet set = {0};
    bool any = false;
    if (strspn(word, "0123456789,-") == strlen(word) && strpbrk(word, ",-") != NULL &&
        range_parse(&set, word, NULL) == STATUS_OK) {
        for (size_t i = 0; i < snapshot->count; i++) {
            if (range_contains(&set, snapshot->videos[i].row.position)) {
                chosen[i] = true;
                any = true;
            }
        }
    }
    range_set_free(&set);
    return any;
}

static Status choose(const Snapshot *snapshot, const char *word, bool *chosen, Error *err)
{
    size_t found[LIKE_NAME + 1] = {0};
    size_t last[LIKE_NAME + 1] = {0};
    for (size_t i = 0; i < snapshot->count; i++) {
        const Likeness likeness = likeness_of(snapshot, word, &snapshot->videos[i].row);
        found[likeness]++;
        last[likeness] = i;
    }
    const Likeness surest = found[LIKE_NAME] > 0 ? LIKE_NAME : LIKE_STEM_OR_POSITION;
    if (found[surest] == 1) {
        chosen[last[surest]] = true;
        return STATUS_OK;
    }
    if (found[surest] > 1) {
        return refuse_ambiguous(snapshot, word, surest, err);
    }
    return choose_range(snapshot, word, chosen) ? STATUS_OK : refuse_unknown(snapshot, word, err);
}

Status select_videos(const Snapshot *snapshot, const TextList *words, bool *chosen, Error *err)
{
    for (size_t i = 0; i < snapshot->count && words->count == 0; i++) {
        chosen[i] = true;
    }
    for (size_t i = 0; i < words->count; i++) {
        if (choose(snapshot, words->items[i], chosen, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    return STATUS_OK;
}
