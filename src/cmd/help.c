#include "options/help.h"

#include <string.h>

#include "cmd/command.h"
#include "cmd/terminal.h"

static const char intro[] =
    "Works on the faces in the videos of a folder: every video of inputVideos/, with the face of the picture "
    "in "
    "source/, becomes one of outputVideos/. What is complete is skipped, so a batch that was stopped goes on "
    "where it was.";

static const struct {
    const char *code;
    const char *meaning;
} exit_codes[] = {
    {"0", "every video is done, or was before"},
    {"1", "some videos failed; the statistics tell which and why"},
    {"2", "the command line cannot be"},
    {"3", "a folder, a permission, space, a model or an encoder is missing"},
    {"130", "interrupted; what is finished stays"},
};
enum { EXIT_CODES = sizeof exit_codes / sizeof exit_codes[0] };

static const struct {
    const char *line;
    const char *meaning;
} examples[] = {
    {"runbatch", "all videos of inputVideos/"},
    {"runbatch 1-30", "the first thirty"},
    {"runbatch run -s face.png -t clip.mp4 -o out.mp4", "one video"},
};
enum { EXAMPLES = sizeof examples / sizeof examples[0] };

static void append_entry(Text *page, const char *left, const char *right, size_t column, size_t columns)
{
    text_appendf(page, "  %-*s  ", (int)column, left);
    help_wrap(page, right, column + 4, column + 4, columns);
}

int print_help(void)
{
    const size_t columns = terminal_columns();
    Text page = {0};
    text_append(&page, "Usage: runbatch [COMMAND] [RANGE]... [OPTION]...\n\n");
    help_wrap(&page, intro, 0, 0, columns);
    text_append(&page, "\nCommands:\n");
    for (size_t i = 0; i < command_count; i++) {
        if (!command_table[i].hidden) {
            append_entry(&page, command_table[i].name, command_table[i].help, 8, columns);
        }
    }
    options_help(&page, columns);
    text_append(&page, "\nExamples:\n");
    for (size_t i = 0; i < EXAMPLES; i++) {
        append_entry(&page, examples[i].line, examples[i].meaning, 48, columns);
    }
    text_append(&page, "\nExit codes:\n");
    for (size_t i = 0; i < EXIT_CODES; i++) {
        append_entry(&page, exit_codes[i].code, exit_codes[i].meaning, 3, columns);
    }
    const int code = print_page(&page, EXIT_CODE_DONE);
    text_free(&page);
    return code;
}

static void append_tagged(Text *page, const char *tag, const char *meaning)
{
    text_append(page, ".TP\n.B ");
    roff_append(page, tag);
    text_append(page, "\n");
    roff_append(page, meaning);
    text_append(page, "\n");
}

static int print_manual(void)
{
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
    roff_append(&page, intro);
    text_append(&page, "\n.SH OPTIONS\n");
    options_roff(&page);
    text_append(&page, ".SH EXIT STATUS\n");
    for (size_t i = 0; i < EXIT_CODES; i++) {
        append_tagged(&page, exit_codes[i].code, exit_codes[i].meaning);
    }
    text_append(&page, ".SH EXAMPLES\n");
    for (size_t i = 0; i < EXAMPLES; i++) {
        append_tagged(&page, examples[i].line, examples[i].meaning);
    }
    const int code = print_page(&page, EXIT_CODE_DONE);
    text_free(&page);
    return code;
}

int cmd_help(int argc, char **argv)
{
    if (argc <= 1) {
        return print_help();
    }
    if (argc == 2 && strcmp(argv[1], "--man") == 0) {
        return print_manual();
    }
    Error err = {0};
    (void)error_set(&err, ERROR_USAGE, "help", NULL, "takes nothing but --man");
    return print_error(&err);
}
