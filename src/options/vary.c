#include "options/vary.h"

#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "options/face_map.h"
#include "options/scenario.h"
#include "options/table.h"
#include "options/value.h"

static Status refuse(const char *change, const char *why, Error *err)
{
    (void)error_setf(err, ERROR_USAGE, "--compare", NULL, "'%.80s' %s", change, why);
    error_advise(
        err, "it takes 'as it is', a built-in preset, or option=value of options that change the picture");
    return STATUS_FAILED;
}

/* Of a list each of the values between commas. */
static Status assign(const Option *option, char *value, Settings *settings, Error *err)
{
    char *rest = NULL;
    Status status = STATUS_OK;
    if (option_takes_several(option)) {
        option_clear(option, settings);
    }
    if (option->type != OPTION_LIST) {
        return option_assign(option, value, settings, err);
    }
    for (char *word = strtok_r(value, ",", &rest); word != NULL && status == STATUS_OK;
         word = strtok_r(NULL, ",", &rest)) {
        status = option_assign(option, word, settings, err);
    }
    return status;
}

static Status change(Settings *settings, char *word, Error *err)
{
    char *value = strchr(word, '=');
    if (value == NULL) {
        return refuse(word, "is neither a preset nor option=value", err);
    }
    *value++ = '\0';
    const Option *option = option_find(word);
    if (option == NULL || (!option->picture && strcmp(option->name, "source") != 0)) {
        return refuse(word, "is no option that changes the picture", err);
    }
    return assign(option, value, settings, err);
}

static Status apply_preset(Settings *settings, const Scenario *preset, Error *err)
{
    Status status = STATUS_OK;
    for (size_t i = 0; status == STATUS_OK && i < SCENARIO_VALUES && preset->values[i].option != NULL; i++) {
        const Option *option = option_find(preset->values[i].option);
        if (option != NULL && option->picture) {
            char *value = text_duplicate(preset->values[i].value);
            status = assign(option, value, settings, err);
            memory_free(value);
        }
    }
    return status;
}

Status settings_vary(const Settings *base, const char *changes, Settings *out, Error *err)
{
    json_t *json = settings_to_json(base);
    Status status = settings_from_json(json, out, err);
    json_decref(json);
    if (status != STATUS_OK || strcmp(changes, "as it is") == 0) {
        return status;
    }
    const Scenario *preset = scenario_find(changes);
    char *words = text_duplicate(changes);
    char *rest = NULL;
    if (preset != NULL) {
        status = apply_preset(out, preset, err);
    } else {
        for (char *word = strtok_r(words, " ", &rest); word != NULL && status == STATUS_OK;
             word = strtok_r(NULL, " ", &rest)) {
            status = change(out, word, err);
        }
    }
    memory_free(words);
    if (status == STATUS_OK) {
        settings_settle(out);
        status = face_map_settle(out, err);
    }
    if (status != STATUS_OK) {
        settings_free(out);
    }
    return status;
}
