/* The command line into Settings.
 *
 * GNU conventions: --name=value, --name value, -s value, -svalue, -qv, -- ends the options, options and other
 * words in any order, names cut short as long as they are unique, --no-x for what is on or off. Several
 * values may follow --frame-processor and --execution-provider, or one with commas. Every value is checked
 * here or in settings_check; all errors of the user's making are ERROR_USAGE. Pure, except for what `checks`
 * asks.
 */
#ifndef RUNBATCH_OPTIONS_PARSE_H
#define RUNBATCH_OPTIONS_PARSE_H

#include "options/config_file.h"
#include "options/settings.h"
#include "options/table.h"

/* What only the machine knows. May be NULL: then everything is taken to be there. */
typedef bool (*OptionAvailable)(OptionCheck check, const char *value);

typedef enum OptionsAction {
    OPTIONS_RUN = 0,
    OPTIONS_HELP,    /* --help came first: the rest was not looked at */
    OPTIONS_VERSION, /* likewise */
} OptionsAction;

typedef struct CommandLine {
    const char *command; /* "run": what it does not take is refused */
    int argc;
    const char *const *argv;   /* [0] is the program's or command's name and is skipped */
    OptionAvailable available; /* may be NULL */
    const Config *config;      /* the user's defaults and presets; may be NULL: none */
} CommandLine;

/* What is not on the line comes from --preset (of `config`, else of the scenario table), what is not there
 * from [defaults] of `config`, and then from the option table. `settings` owns nothing before; on success the
 * caller frees it, on failure it owns nothing. */
Status options_parse(const CommandLine *line, Settings *settings, OptionsAction *action, Error *err);

/* The same, but what the line leaves out is not the default but what `before` says, the settings of an
 * earlier run as settings_to_json gave them; without those of how to talk, and those that the command does
 * not take; [defaults] do not count, a --preset on the line does. --input-dir takes the place of an earlier
 * --target, --source-dir that of a --source. */
Status options_parse_over(const CommandLine *line, const json_t *before, Settings *settings,
                          OptionsAction *action, Error *err);

/* Whether `value` could stand behind --name= on a command line. */
Status option_check_value(const Option *option, const char *value, Error *err);

/* Asks `available` for every value that needs it. What is not there is ERROR_ENVIRONMENT and lists what is.
 */
Status settings_check(const Settings *settings, OptionAvailable available, Error *err);

#endif
