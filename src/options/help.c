#include "options/help.h"

#include <string.h>

#include "options/table.h"
#include "options/value.h"

enum { LEAST_COLUMNS = 40, MOST_COLUMNS = 120, WIDE_COLUMNS = 60, HELP_COLUMN = 30, SMALL_HELP_COLUMN = 8 };

static void append_blanks(Text *text, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        text_append(text, " ");
    }
}

void help_wrap(Text *text, const char *words, size_t at, size_t indent, size_t columns)
{
    bool first_in_line = true;
    for (const char *word = words; *word != '\0';) {
        const size_t length = strcspn(word, " ");
        Text piece = {0};
        text_append_bytes(&piece, word, length);
        const size_t width = text_width(piece.data);
        if (!first_in_line && at + 1 + width > columns) {
            text_append(text, "\n");
            append_blanks(text, indent);
            at = indent;
            first_in_line = true;
        }
        text_appendf(text, "%s%s", first_in_line ? "" : " ", piece.data);
        at += width + !first_in_line;
        first_in_line = false;
        text_free(&piece);
        word += length;
        word += strspn(word, " ");
    }
    text_append(text, "\n");
}

/* "-s, --source=IMAGE"; for the man page without the blanks that stand for a missing short name. */
static void append_names(Text *text, const Option *option, bool aligned)
{
    if (option->type == OPTION_POSITIONAL) {
        text_appendf(text, "%s...", option->value);
        return;
    }
    if (option->short_name != '\0') {
        text_appendf(text, "-%c, ", option->short_name);
    } else if (aligned) {
        text_append(text, "    ");
    }
    text_appendf(text, "--%s%s", option->type == OPTION_BOOL ? "[no-]" : "", option->name);
    if (option_takes_value(option)) {
        text_appendf(text, "=%s", option->value);
    }
}

static void append_choices(Text *text, const Option *option)
{
    for (const char *const *choice = option->choices; choice != NULL && *choice != NULL; choice++) {
        text_appendf(text, "%s%s", choice == option->choices ? ": " : ", ", *choice);
    }
}

/* "Quality of the video: … (0 to 100; default 18)" */
static void append_description(Text *text, const Option *option)
{
    text_append(text, option->help);
    append_choices(text, option);
    Text facts = {0};
    option_append_range(option, &facts);
    if (facts.length > 0 && option->unit != NULL) {
        text_appendf(&facts, " %s", option->unit);
    }
    const char *fallback = option->fallback_help != NULL ? option->fallback_help : option->fallback;
    if (fallback != NULL) {
        text_appendf(&facts, "%sdefault: %s", facts.length > 0 ? "; " : "", fallback);
    }
    if (facts.length > 0) {
        text_appendf(text, " (%s)", facts.data);
    }
    text_free(&facts);
}

static void append_option(Text *text, const Option *option, size_t columns)
{
    const size_t column = columns >= WIDE_COLUMNS ? HELP_COLUMN : SMALL_HELP_COLUMN;
    Text names = {0};
    Text description = {0};
    append_names(&names, option, true);
    append_description(&description, option);
    text_appendf(text, "  %s", names.data);
    size_t at = 2 + text_width(names.data);
    if (at + 2 > column) {
        text_append(text, "\n");
        at = 0;
    }
    append_blanks(text, column - at);
    help_wrap(text, description.data, column, column, columns);
    text_free(&names);
    text_free(&description);
}

/* The group's next option that the command takes, from row `from` on; option_count: none. */
static size_t next_of(const char *command, OptionGroup group, size_t from)
{
    size_t i = from;
    while (i < option_count && (option_table[i].group != group || !option_is_of(&option_table[i], command))) {
        i++;
    }
    return i;
}

void options_help(Text *text, const char *command, size_t columns)
{
    columns = columns < LEAST_COLUMNS ? LEAST_COLUMNS : columns;
    columns = columns > MOST_COLUMNS ? MOST_COLUMNS : columns;
    for (int group = 0; group < OPTION_GROUP_COUNT; group++) {
        size_t i = next_of(command, (OptionGroup)group, 0);
        if (i < option_count) {
            text_appendf(text, "\n%s:\n", option_group_title((OptionGroup)group));
        }
        for (; i < option_count; i = next_of(command, (OptionGroup)group, i + 1)) {
            append_option(text, &option_table[i], columns);
        }
    }
}

void roff_append(Text *text, const char *words)
{
    for (const char *c = words; *c != '\0'; c++) {
        const bool line_start = c == words || c[-1] == '\n';
        if (line_start && (*c == '.' || *c == '\'')) {
            text_append(text, "\\&");
        }
        if (*c == '-') {
            text_append(text, "\\-");
        } else if (*c == '\\') {
            text_append(text, "\\e");
        } else {
            text_append_bytes(text, c, 1);
        }
    }
}

static void append_option_roff(Text *text, const Option *option)
{
    Text names = {0};
    Text description = {0};
    append_names(&names, option, false);
    append_description(&description, option);
    text_append(text, ".TP\n.B ");
    roff_append(text, names.data);
    text_append(text, "\n");
    roff_append(text, description.data);
    text_append(text, "\n");
    text_free(&names);
    text_free(&description);
}

void options_roff(Text *text, const char *command)
{
    for (int group = 0; group < OPTION_GROUP_COUNT; group++) {
        size_t i = next_of(command, (OptionGroup)group, 0);
        if (i < option_count) {
            text_appendf(text, ".SS %s\n", option_group_title((OptionGroup)group));
        }
        for (; i < option_count; i = next_of(command, (OptionGroup)group, i + 1)) {
            append_option_roff(text, &option_table[i]);
        }
    }
}
