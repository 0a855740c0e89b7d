/* The table as text for people: --help and the man page's list of options. Pure. */
#ifndef RUNBATCH_OPTIONS_HELP_H
#define RUNBATCH_OPTIONS_HELP_H

#include "base/text.h"

/* Appends the options of the command by group, wrapped at `columns` (40 at least). */
void options_help(Text *text, const char *command, size_t columns);

/* Appends the same as roff (man macros): a .SS a group, a .TP an option. */
void options_roff(Text *text, const char *command);

/* Appends `words` wrapped at `columns`; every line but the first starts with `indent` blanks, and the first
 * is taken to start at column `at`. Ends with a newline. */
void help_wrap(Text *text, const char *words, size_t at, size_t indent, size_t columns);

/* Appends with what roff would take for its own made harmless. */
void roff_append(Text *text, const char *words);

#endif
