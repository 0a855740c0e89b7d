/* One option's value: from text into Settings and back, checked against its row of the table.
 *
 * Numbers are written with a point and read without the locale. Errors are ERROR_USAGE and name the option,
 * the value, and what would be right.
 */
#ifndef RUNBATCH_OPTIONS_VALUE_H
#define RUNBATCH_OPTIONS_VALUE_H

#include "options/settings.h"
#include "options/table.h"

/* Sets the option's field; what it owned is freed. A LIST or POSITIONAL gets the text added (a LIST skips
 * what it has already). On failure the field is as it was. */
Status option_assign(const Option *option, const char *text, Settings *settings, Error *err);

/* Its default, if it has one; of a LIST that is words. */
Status option_assign_fallback(const Option *option, Settings *settings, Error *err);

/* The same for values that are numbers already. */
Status option_assign_integer(const Option *option, int64_t number, Settings *settings, Error *err);
Status option_assign_real(const Option *option, double number, Settings *settings, Error *err);

/* Empties the field: frees what it owns and zeroes it. */
void option_clear(const Option *option, Settings *settings);

/* Whether `text` is one of the option's choices. */
bool option_has_choice(const Option *option, const char *text);

/* "0 to 100", "0.1 to 1000"; appends nothing for types without a range. */
void option_append_range(const Option *option, Text *text);

/* The field itself. */
void *option_field(const Option *option, Settings *settings);
const void *option_field_const(const Option *option, const Settings *settings);

#endif
