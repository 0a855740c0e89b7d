/* Settings as JSON from another process: untrusted; taken whole or refused whole. */
#include <stdlib.h>

#include "fuzz.h"
#include "options/settings.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    json_t *object = json_loadb((const char *)data, size, JSON_ALLOW_NUL, NULL);
    Settings settings;
    Error err = {0};
    if (settings_from_json(object, &settings, &err) == STATUS_OK) {
        json_t *written = settings_to_json(&settings);
        Settings again;
        if (settings_from_json(written, &again, NULL) != STATUS_OK) {
            abort();
        }
        settings_free(&again);
        json_decref(written);
    } else if (!error_is_set(&err)) {
        abort();
    }
    settings_free(&settings);
    json_decref(object);
    return 0;
}
