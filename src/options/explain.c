#include "options/explain.h"

#include <stdio.h>

#include "base/alloc.h"
#include "options/value.h"

/* In the largest unit that says it exactly, so that it reads back as the same number. */
static void append_bytes(Text *text, int64_t bytes)
{
    static const struct {
        const char *name;
        int64_t bytes;
    } units[] = {{"TB", 1000000000000}, {"GB", 1000000000}, {"MB", 1000000}, {"kB", 1000}, {"B", 1}};
    enum { LAST = sizeof units / sizeof units[0] - 1 };
    size_t unit = bytes == 0 ? LAST : 0;
    while (bytes % units[unit].bytes != 0) {
        unit++;
    }
    text_appendf(text, "%lld%s", (long long)(bytes / units[unit].bytes), units[unit].name);
}

static void append_value(Text *text, const Option *option, const Settings *settings)
{
    const void *field = option_field_const(option, settings);
    const TextList *list = field;
    const Share *share = field;
    const FrameRate *rate = field;
    switch (option->type) {
    case OPTION_BOOL:
        text_append(text, *(const bool *)field ? "on" : "off");
        break;
    case OPTION_INTEGER:
        if (*(const int64_t *)field == 0 && option->zero != NULL) {
            text_append(text, option->zero);
        } else {
            text_appendf(text, "%lld", (long long)*(const int64_t *)field);
        }
        break;
    case OPTION_REAL:
        text_appendf(text, "%.15g", *(const double *)field);
        break;
    case OPTION_SIZE:
        append_bytes(text, *(const int64_t *)field);
        break;
    case OPTION_SHARE:
        if (share->percent > 0) {
            text_appendf(text, "%.15g%%", share->percent);
        } else {
            append_bytes(text, share->bytes);
        }
        break;
    case OPTION_RATE:
        text_appendf(text, rate->den == 1 ? "%d" : "%d/%d", rate->num, rate->den);
        break;
    case OPTION_LIST:
    case OPTION_FILES:
    case OPTION_POSITIONAL:
        for (size_t i = 0; i < list->count; i++) {
            text_appendf(text, "%s%s", i > 0 ? "," : "", list->items[i]);
        }
        break;
    default:
        text_append(text, *(char *const *)field != NULL ? *(char *const *)field : "");
        break;
    }
}

size_t options_explain(const Settings *settings, OptionLine lines[OPTION_MOST])
{
    const Option *preset = option_find("preset");
    size_t count = 0;
    for (size_t i = 0; i < option_count; i++) {
        const Option *option = &option_table[i];
        if (settings->from[i] == SETTINGS_FROM_TABLE || option->group == OPTION_GROUP_TALK ||
            option == preset) {
            continue;
        }
        Text value = {0};
        text_append(&value, "");
        append_value(&value, option, settings);
        lines[count++] = (OptionLine){option, value.data, (SettingsFrom)settings->from[i]};
    }
    return count;
}

void option_lines_free(OptionLine *lines, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        memory_free(lines[i].value);
        lines[i] = (OptionLine){0};
    }
}

const char *settings_from_name(SettingsFrom from)
{
    static const char *const names[] = {"default", "config", "earlier", "preset", "command-line"};
    return names[from];
}
