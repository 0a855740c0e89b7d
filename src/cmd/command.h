/* The commands of runbatch, in one table. One file per command. */
#ifndef RUNBATCH_CMD_COMMAND_H
#define RUNBATCH_CMD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

typedef struct Command {
    const char *name;
    const char *usage; /* what follows the name */
    const char *help;
    bool hidden;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; gives the exit code */
} Command;

extern const Command command_table[];
extern const size_t command_count;

/* Which command a line is for. The first word names it; where it is an option or begins as a range does, or
 * there is none, it is the first command of the table, and *words_before (argv's words up to and including
 * the name) is 1. ERROR_USAGE for another first word, with what may have been meant. */
Status command_choose(int argc, char *const *argv, const Command **command, int *words_before, Error *err);

int cmd_run(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* What `help` and --help print. */
int print_help(void);

#endif
