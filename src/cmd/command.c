#include "cmd/command.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/files.h"
#include "base/text.h"
#include "worker/worker.h"

const Command command_table[] = {
    {.name = "run",
     .usage = "[RANGE]... [OPTION]...",
     .help = "Work on the videos of a folder, or on one --target; the word itself may be left out",
     .run = cmd_run},
    {.name = "help",
     .usage = "[--man]",
     .help = "Print this help; with --man the manual page's source",
     .run = cmd_help},
    {.name = "version",
     .usage = "",
     .help = "Print the versions of runbatch and of the libraries it uses",
     .run = cmd_version},
    {.name = "worker",
     .usage = "",
     .help = "One video; started by runbatch itself",
     .hidden = true,
     .run = worker_main},
};

const size_t command_count = sizeof command_table / sizeof command_table[0];

static Status refuse_unknown(const char *word, Error *err)
{
    const Command *nearest = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < command_count; i++) {
        const size_t distance = text_distance(word, command_table[i].name);
        if (!command_table[i].hidden && distance < least) {
            nearest = &command_table[i];
            least = distance;
        }
    }
    char shown[81];
    text_copy(shown, sizeof shown, word);
    (void)error_set(err, ERROR_USAGE, "unknown command", NULL, shown);
    if (file_exists(word)) {
        error_advise(err, "for one video: runbatch run -s IMAGE -t VIDEO -o OUTPUT");
    } else if (nearest != NULL && least <= 2 && least < strlen(word)) {
        error_advise(err, "did you mean %s?", nearest->name);
    } else {
        error_advise(err, "runbatch --help lists the commands");
    }
    return STATUS_FAILED;
}

Status command_choose(int argc, char *const *argv, const Command **command, int *words_before, Error *err)
{
    *command = &command_table[0];
    *words_before = 1;
    const char *word = argc > 1 ? argv[1] : "-";
    if (word[0] == '-' || (word[0] >= '0' && word[0] <= '9')) {
        return STATUS_OK;
    }
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(command_table[i].name, word) == 0) {
            *command = &command_table[i];
            *words_before = 2;
            return STATUS_OK;
        }
    }
    return refuse_unknown(word, err);
}
