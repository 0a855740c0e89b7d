#include "base/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

static const char *const class_names[ERROR_CLASS_COUNT] = {
    [ERROR_NONE] = "none",
    [ERROR_USAGE] = "usage",
    [ERROR_INPUT] = "input",
    [ERROR_MODEL] = "model",
    [ERROR_ENVIRONMENT] = "environment",
    [ERROR_SPACE] = "space",
    [ERROR_DISK] = "disk",
    [ERROR_MEMORY] = "memory",
    [ERROR_VIDEO_MEMORY] = "video_memory",
    [ERROR_ENCODER] = "encoder",
    [ERROR_VERIFY] = "verify",
    [ERROR_REFUSED] = "refused",
    [ERROR_CRASH] = "crash",
    [ERROR_KILLED] = "killed",
    [ERROR_TIMEOUT] = "timeout",
    [ERROR_INTERRUPTED] = "interrupted",
    [ERROR_INTERNAL] = "internal",
};

Status error_set(Error *err, ErrorClass class_, const char *what, const char *file, const char *why)
{
    if (err == NULL || err->class_ != ERROR_NONE) {
        return STATUS_FAILED;
    }
    err->class_ = class_;
    text_copy(err->what, sizeof err->what, what);
    text_copy(err->file, sizeof err->file, file != NULL ? file : "");
    text_copy(err->why, sizeof err->why, why);
    err->todo[0] = '\0';
    return STATUS_FAILED;
}

Status error_setf(Error *err, ErrorClass class_, const char *what, const char *file, const char *why_format,
                  ...)
{
    char why[sizeof err->why];
    va_list args;
    va_start(args, why_format);
    (void)vsnprintf(why, sizeof why, why_format, args);
    va_end(args);
    return error_set(err, class_, what, file, why);
}

Status error_set_errno(Error *err, ErrorClass class_, const char *what, const char *file, int errno_value)
{
    switch (errno_value) {
    case ENOSPC:
    case EDQUOT:
        class_ = ERROR_SPACE;
        break;
    case ENOMEM:
        class_ = ERROR_MEMORY;
        break;
    case EIO:
        class_ = ERROR_DISK;
        break;
    case EACCES:
    case EPERM:
    case EROFS:
        class_ = class_ == ERROR_INPUT ? ERROR_INPUT : ERROR_ENVIRONMENT;
        break;
    default:
        break;
    }
    return error_set(err, class_, what, file, strerror(errno_value));
}

void error_advise(Error *err, const char *todo_format, ...)
{
    if (err == NULL || err->todo[0] != '\0') {
        return;
    }
    va_list args;
    va_start(args, todo_format);
    (void)vsnprintf(err->todo, sizeof err->todo, todo_format, args);
    va_end(args);
}

bool error_is_set(const Error *err)
{
    return err != NULL && err->class_ != ERROR_NONE;
}

void error_clear(Error *err)
{
    if (err != NULL) {
        *err = (Error){0};
    }
}

const char *error_text(const Error *err, char *buffer, size_t size)
{
    (void)snprintf(buffer, size, "%s%s%s%s%s%s%s%s", err->what, err->file[0] != '\0' ? ": " : "", err->file,
                   err->why[0] != '\0' ? ": " : "", err->why, err->todo[0] != '\0' ? " (" : "", err->todo,
                   err->todo[0] != '\0' ? ")" : "");
    text_strip_control(buffer);
    return buffer;
}

const char *error_class_name(ErrorClass class_)
{
    return class_ >= ERROR_NONE && class_ < ERROR_CLASS_COUNT ? class_names[class_] : "internal";
}

ErrorClass error_class_from_name(const char *name)
{
    for (int i = 0; i < ERROR_CLASS_COUNT; i++) {
        if (strcmp(name, class_names[i]) == 0) {
            return (ErrorClass)i;
        }
    }
    return ERROR_INTERNAL;
}
