/* What a run's options are and where each is from: the command line, a preset, runbatch.ini, an earlier run.
 * For --dry-run and `plan`, so that nobody has to guess what a preset sets. Pure.
 */
#ifndef RUNBATCH_OPTIONS_EXPLAIN_H
#define RUNBATCH_OPTIONS_EXPLAIN_H

#include "options/settings.h"
#include "options/table.h"

typedef struct OptionLine {
    const Option *option;
    char *value; /* as the user would write it; lists with commas; "" where it is unset */
    SettingsFrom from;
} OptionLine;

/* The options that are not left to the table, in its order, without how to talk and --preset itself. Returns
 * how many of `lines` were filled; free them with option_lines_free. */
size_t options_explain(const Settings *settings, OptionLine lines[OPTION_MOST]);
void option_lines_free(OptionLine *lines, size_t count);

/* "default", "config", "earlier", "preset", "command-line": for JSON. */
const char *settings_from_name(SettingsFrom from);

#endif
