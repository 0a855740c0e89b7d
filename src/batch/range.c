#include "batch/range.h"

#include <stdio.h>
#include <string.h>

#include "base/alloc.h"

/* What a number that does not fit is taken for; it lies behind any list. */
static const int64_t TOO_LARGE = INT64_MAX - 1;

static const char how[] = "positions count from 1: 5, 1-30, 31-, 1-3,7,20-";

static const char *skip_blanks(const char *text)
{
    return text + strspn(text, " ");
}

/* Reads digits; a number too large for int64_t becomes the largest, which lies behind any list. */
static bool read_position(const char **text, int64_t *position)
{
    const char *c = *text;
    int64_t number = 0;
    if (*c < '0' || *c > '9') {
        return false;
    }
    for (; *c >= '0' && *c <= '9'; c++) {
        const int digit = *c - '0';
        number = number > (TOO_LARGE - digit) / 10 ? TOO_LARGE : number * 10 + digit;
    }
    *text = c;
    *position = number;
    return true;
}

static Status refuse(const char *text, const char *why, Error *err)
{
    char shown[81];
    text_copy(shown, sizeof shown, text);
    (void)error_setf(err, ERROR_USAGE, "range", NULL, "'%s' %s", shown, why);
    error_advise(err, "%s", how);
    return STATUS_FAILED;
}

/* Reads "5", "1-30" or "31-" and leaves `*text` behind it. */
static Status read_part(const char **text, const char *whole, Range *range, Error *err)
{
    const char *c = skip_blanks(*text);
    if (!read_position(&c, &range->first)) {
        return refuse(whole, "is not a range", err);
    }
    range->last = range->first;
    c = skip_blanks(c);
    if (*c == '-') {
        c = skip_blanks(c + 1);
        if (!read_position(&c, &range->last)) {
            range->last = INT64_MAX;
        }
        c = skip_blanks(c);
    }
    if (*c != ',' && *c != '\0') {
        return refuse(whole, "is not a range", err);
    }
    if (range->first < 1 || range->last < 1) {
        return refuse(whole, "has a position 0", err);
    }
    if (range->last < range->first) {
        return refuse(whole, "ends before it starts", err);
    }
    if (range->first >= TOO_LARGE) {
        return refuse(whole, "starts behind any list", err);
    }
    *text = c;
    return STATUS_OK;
}

Status range_parse(RangeSet *set, const char *text, Error *err)
{
    for (const char *c = text;; c++) {
        Range range = {0};
        if (read_part(&c, text, &range, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
        set->items = memory_resize(set->items, set->count + 1, sizeof *set->items);
        set->items[set->count++] = range;
        if (*c == '\0') {
            return STATUS_OK;
        }
    }
}

void range_set_free(RangeSet *set)
{
    memory_free(set->items);
    *set = (RangeSet){0};
}

Status range_check(const RangeSet *set, size_t found, TextList *notes, Error *err)
{
    for (size_t i = 0; i < set->count; i++) {
        const Range *range = &set->items[i];
        if (range->first > (int64_t)found) {
            return error_setf(err, ERROR_USAGE, "range", NULL,
                              "nothing at position %lld: there %s %zu video%s", (long long)range->first,
                              found == 1 ? "is" : "are", found, found == 1 ? "" : "s");
        }
        if (range->last > (int64_t)found && range->last != INT64_MAX) {
            char last[24] = "";
            if (range->last < TOO_LARGE) {
                (void)snprintf(last, sizeof last, "%lld", (long long)range->last);
            }
            char *note = text_format("range %lld-%s ends at %zu: there are no more videos",
                                     (long long)range->first, last, found);
            text_list_add(notes, note);
            memory_free(note);
        }
    }
    return STATUS_OK;
}

bool range_contains(const RangeSet *set, int64_t position)
{
    for (size_t i = 0; i < set->count; i++) {
        if (position >= set->items[i].first && position <= set->items[i].last) {
            return true;
        }
    }
    return set->count == 0;
}
