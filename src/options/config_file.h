/* runbatch.ini: the user's own defaults and presets.
 *
 *   # a comment
 *   [defaults]                 options for every command that takes them
 *   output-dir = /big/videos
 *   [preset night]             options for --preset night
 *   jobs = 2
 *   frame-processor = face_swapper
 *   many-faces = off
 *
 * Keys are names of options, values are what stands behind --name= on the command line, without the blanks
 * around them (and around the commas of a list); of what is on or off: on, off. Not to be set here: how to
 * talk (--quiet, --json, …), what is about one video (--target, --output), --preset itself, and --sandbox, so
 * that a file that lies in a folder of videos from anywhere cannot open the sandbox.
 *
 * What is read is untrusted: at most CONFIG_BYTES, every value is checked here, and every error names file
 * and line. One thread.
 */
#ifndef RUNBATCH_OPTIONS_CONFIG_FILE_H
#define RUNBATCH_OPTIONS_CONFIG_FILE_H

#include <stddef.h>

#include "base/error.h"
#include "options/table.h"

enum {
    CONFIG_BYTES = 65536,    /* of a file, at most */
    CONFIG_PRESET_NAME = 32, /* bytes of a preset's name, at most: letters, digits, '-', '_' */
};

typedef struct ConfigLine {
    const Option *option;
    char *value;
    int line;
} ConfigLine;

typedef struct ConfigSection {
    char *preset; /* NULL: [defaults] */
    char *file;
    int line;
    ConfigLine *lines;
    size_t count;
} ConfigSection;

/* Sections in the order in which they were read; of two alike of different files the later one counts before
 * the earlier one, line by line in [defaults], as a whole for a preset. Zero-initialise. */
typedef struct Config {
    ConfigSection *sections;
    size_t count;
} Config;

/* Adds what the text of a file says. `name` is the file's, for errors. On failure `config` is as it was. */
Status config_parse(const char *text, size_t size, const char *name, Config *config, Error *err);

/* Adds what the file says; one that is not there says nothing. It must be the user's own or root's (root
 * takes any), so that nobody else can decide in a shared folder. */
Status config_read(const char *path, Config *config, Error *err);

/* Reads $XDG_CONFIG_HOME/runbatch/runbatch.ini (else ~/.config/…), then ./runbatch.ini over it. On failure
 * `config` owns nothing. */
Status config_read_standard(Config *config, Error *err);

/* The last preset of that name; NULL when there is none. */
const ConfigSection *config_preset(const Config *config, const char *name);

/* Whether the option may stand in such a file. */
bool config_may_set(const Option *option);

void config_free(Config *config);

#endif
