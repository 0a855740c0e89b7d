#include "cmd/exit_code.h"

ExitCode exit_code_of(ErrorClass class_)
{
    switch (class_) {
    case ERROR_NONE:
        return EXIT_CODE_DONE;
    case ERROR_USAGE:
        return EXIT_CODE_USAGE;
    case ERROR_INTERRUPTED:
        return EXIT_CODE_INTERRUPTED;
    default:
        return EXIT_CODE_ENVIRONMENT;
    }
}
