/* With what the program ends. Documented in --help and the man page. */
#ifndef RUNBATCH_CMD_EXIT_CODE_H
#define RUNBATCH_CMD_EXIT_CODE_H

#include "base/error.h"

typedef enum ExitCode {
    EXIT_CODE_DONE = 0,          /* every video is done, or was before */
    EXIT_CODE_SOME_FAILED = 1,   /* some videos failed */
    EXIT_CODE_USAGE = 2,         /* the command line, or what it asks for, cannot be */
    EXIT_CODE_ENVIRONMENT = 3,   /* a folder, a permission, space, a model, an encoder is missing */
    EXIT_CODE_INTERRUPTED = 130, /* the user asked to stop */
} ExitCode;

/* Of an error that kept the batch from running. */
ExitCode exit_code_of(ErrorClass class_);

#endif
