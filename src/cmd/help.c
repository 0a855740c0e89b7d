#include "options/help.h"

#include <string.h>

#include "cmd/command.h"
#include "cmd/terminal.h"
#include "options/table.h"

/* At most so wide is the left column of a table. */
enum { LEFT_MOST = 48 };

static void append_lines(Text *page, const char *title, const HelpLine *lines, size_t columns)
{
    size_t left = 0;
    for (const HelpLine *line = lines; line->left != NULL; line++) {
        const size_t width = strlen(line->left);
        left = width > left && width <= LEFT_MOST ? width : left;
    }
    text_appendf(page, "\n%s:\n", title);
    for (const HelpLine *line = lines; line->left != NULL; line++) {
        text_appendf(page, "  %-*s  ", (int)left, line->left);
        help_wrap(page, line->right, left + 4, left + 4, columns);
    }
}

/* Those that users call. */
static size_t list_commands(HelpLine *lines)
{
    size_t count = 0;
    for (size_t i = 0; i < command_count; i++) {
        if (!command_table[i].hidden) {
            lines[count++] = (HelpLine){command_table[i].name, command_table[i].help};
        }
    }
    lines[count] = (HelpLine){0};
    return count;
}

static void append_program(Text *page, size_t columns)
{
    enum { MOST = 32 };
    HelpLine commands[MOST];
    const Command *run = &command_table[0];
    text_append(page, "Usage: runbatch [COMMAND] [RANGE]... [OPTION]...\n\n");
    help_wrap(page, run->about, 0, 0, columns);
    (void)list_commands(commands);
    append_lines(page, "Commands (runbatch help COMMAND tells more)", commands, columns);
    options_help(page, run->name, columns);
    append_lines(page, "Examples", run->examples, columns);
    append_lines(page, "Exit codes", run->exit_codes, columns);
}

static void append_command(Text *page, const Command *command, size_t columns)
{
    text_appendf(page, "Usage: runbatch %s %s\n\n", command->name, command->usage);
    help_wrap(page, command->about != NULL ? command->about : command->help, 0, 0, columns);
    options_help(page, command->name, columns);
    if (command->examples != NULL) {
        append_lines(page, "Examples", command->examples, columns);
    }
    if (command->exit_codes != NULL) {
        append_lines(page, "Exit codes", command->exit_codes, columns);
    }
}

int print_help(const Command *command)
{
    const size_t columns = terminal_columns();
    Text page = {0};
    if (command == NULL) {
        append_program(&page, columns);
    } else {
        append_command(&page, command, columns);
    }
    const int code = print_page(&page, EXIT_CODE_DONE);
    text_free(&page);
    return code;
}

static void append_tagged(Text *page, const HelpLine *lines)
{
    for (const HelpLine *line = lines; line->left != NULL; line++) {
        text_append(page, ".TP\n.B ");
        roff_append(page, line->left);
        text_append(page, "\n");
        roff_append(page, line->right);
        text_append(page, "\n");
    }
}

/* A command that is not the first: what it does, and what of it is its own. */
static void append_command_roff(Text *page, const Command *command)
{
    text_appendf(page, ".SH COMMAND %s\n", command->name);
    roff_append(page, command->about != NULL ? command->about : command->help);
    text_append(page, "\n");
    options_roff(page, command->name);
    if (command->examples != NULL) {
        text_append(page, ".SS Examples\n");
        append_tagged(page, command->examples);
    }
    if (command->exit_codes != NULL) {
        text_append(page, ".SS Exit status\n");
        append_tagged(page, command->exit_codes);
    }
}

static int print_manual(void)
{
    const Command *run = &command_table[0];
    Text page = {0};
    text_append(&page, ".TH RUNBATCH 1 \"\" \"runbatch " RUNBATCH_VERSION "\" \"User Commands\"\n"
                       ".SH NAME\nrunbatch \\- face processing for folders of videos\n.SH SYNOPSIS\n");
    for (size_t i = 0; i < command_count; i++) {
        if (!command_table[i].hidden) {
            text_appendf(&page, ".B runbatch %s\n", command_table[i].name);
            roff_append(&page, command_table[i].usage);
            text_append(&page, "\n.br\n");
        }
    }
    text_append(&page, ".SH DESCRIPTION\n");
    roff_append(&page, run->about);
    text_append(&page, "\n.SH OPTIONS\n");
    options_roff(&page, run->name);
    text_append(&page, ".SH EXIT STATUS\n");
    append_tagged(&page, run->exit_codes);
    text_append(&page, ".SH EXAMPLES\n");
    append_tagged(&page, run->examples);
    for (size_t i = 1; i < command_count; i++) {
        if (!command_table[i].hidden) {
            append_command_roff(&page, &command_table[i]);
        }
    }
    const int code = print_page(&page, EXIT_CODE_DONE);
    text_free(&page);
    return code;
}

int cmd_help(int argc, char **argv)
{
    if (argc <= 1) {
        return print_help(NULL);
    }
    if (argc == 2 && strcmp(argv[1], "--man") == 0) {
        return print_manual();
    }
    if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
        return print_help(command_find("help"));
    }
    Error err = {0};
    const Command *command = NULL;
    int words_before = 0;
    if (argc != 2 || argv[1][0] == '-') {
        (void)error_set(&err, ERROR_USAGE, "help", NULL, "takes one command, or --man");
    } else if (command_choose(argc, argv, &command, &words_before, &err) == STATUS_OK) {
        return print_help(command);
    }
    return print_error(&err);
}
