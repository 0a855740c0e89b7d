/* From what the user typed as an option's name to the option. Pure. */
#ifndef RUNBATCH_OPTIONS_NAMES_H
#define RUNBATCH_OPTIONS_NAMES_H

#include <stdbool.h>

#include "base/error.h"
#include "options/table.h"

typedef struct OptionMatch {
    const Option *option;
    bool negated; /* --no-x */
} OptionMatch;

/* `typed` has no dashes in front and no value behind; looked for among the options that `command` takes
 * (NULL: among all). Unknown: an error that suggests what may have been meant; cut short in a way that fits
 * several: one that lists them. */
Status option_match(const char *command, const char *typed, OptionMatch *match, Error *err);

/* Always STATUS_FAILED: the option ("--jobs", "-j") is known, but `command` does not take it. */
Status option_refuse_for(const char *command, const char *as_typed, Error *err);

/* Whether `word` is an option as it stands on a command line ("--source", "-s", "--source=x"), so that it is
 * not taken for another option's value. */
bool option_is_one(const char *word);

#endif
