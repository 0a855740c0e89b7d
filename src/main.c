#include "cmd/command.h"
#include "cmd/terminal.h"
#include "infer/session.h"
#include "report/i18n.h"

int main(int argc, char **argv)
{
    session_forbid_telemetry();
    i18n_setup();
    const Command *command = NULL;
    int words_before = 1;
    Error err = {0};
    if (command_choose(argc, argv, &command, &words_before, &err) != STATUS_OK) {
        return print_error(&err);
    }
    return command->run(argc - (words_before - 1), argv + (words_before - 1));
}
