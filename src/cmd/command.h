/* The commands of runbatch, in one table. One file per command. */
#ifndef RUNBATCH_CMD_COMMAND_H
#define RUNBATCH_CMD_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "options/settings.h"

/* A line of a table of --help: an example or an exit code, and what it means. Tables end with zeros. */
typedef struct HelpLine {
    const char *left;
    const char *right;
} HelpLine;

typedef struct Command {
    const char *name;
    const char *usage; /* what follows the name */
    const char *help;  /* one line */
    const char *about; /* a paragraph; NULL: `help` says all */
    const HelpLine *examples;
    const HelpLine *exit_codes;
    bool hidden;
    int (*run)(int argc, char **argv); /* argv[0] is the command's name; gives the exit code */
} Command;

extern const Command command_table[];
extern const size_t command_count;

/* NULL when there is none of that name. */
const Command *command_find(const char *name);

/* Which command a line is for. The first word names it; where it is an option or begins as a range does, or
 * there is none, it is the first command of the table, and *words_before (argv's words up to and including
 * the name) is 1. ERROR_USAGE for another first word, with what may have been meant. */
Status command_choose(int argc, char *const *argv, const Command **command, int *words_before, Error *err);

/* Parses the line of the command `name`. False: it is to end with *code, because --help or --version was
 * answered or the line was refused; `settings` then owns nothing. */
bool command_begin(const char *name, int argc, char **argv, Settings *settings, int *code);

int cmd_run(int argc, char **argv);
int cmd_resume(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_report(int argc, char **argv);
int cmd_pause(int argc, char **argv);
int cmd_continue(int argc, char **argv);
int cmd_cancel(int argc, char **argv);
int cmd_clean(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_models(int argc, char **argv);
int cmd_info(int argc, char **argv);
int cmd_faces(int argc, char **argv);
int cmd_preview(int argc, char **argv);
int cmd_help(int argc, char **argv);
int cmd_version(int argc, char **argv);

/* What --help prints: of one command, or with NULL of the whole program. */
int print_help(const Command *command);

#endif
