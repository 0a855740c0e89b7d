#include "cmd/available.h"

#include <dlfcn.h>
#include <string.h>

#include "infer/session.h"
#include "media/writer.h"

/* Whether a list like "cpu, cuda" has the name. */
static bool list_has(const char *list, const char *name)
{
    static const char separators[] = ", ";
    const size_t length = strlen(name);
    for (const char *word = list + strspn(list, separators); *word != '\0';) {
        const size_t word_length = strcspn(word, separators);
        if (word_length == length && strncmp(word, name, length) == 0) {
            return true;
        }
        word += word_length;
        word += strspn(word, separators);
    }
    return false;
}

/* FFmpeg's nvenc encoders load this at run time; it comes with the device's driver. */
static bool has_nvenc_driver(void)
{
    void *library = dlopen("libnvidia-encode.so.1", RTLD_LAZY | RTLD_LOCAL);
    if (library == NULL) {
        return false;
    }
    (void)dlclose(library);
    return true;
}

bool available_here(OptionCheck check, const char *value)
{
    if (check == OPTION_CHECK_PROVIDER) {
        if (strcmp(value, "cpu") == 0) {
            return true; /* asking the runtime costs the supervisor its memory and a thread */
        }
        return list_has(session_provider_list(), value);
    }
    return writer_has_encoder(value) && (strstr(value, "_nvenc") == NULL || has_nvenc_driver());
}
