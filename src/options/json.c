#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "options/json_text.h"
#include "options/settings.h"
#include "options/table.h"
#include "options/value.h"

static json_t *json_from_list(const TextList *list)
{
    json_t *array = json_array();
    for (size_t i = 0; i < list->count; i++) {
        (void)json_array_append_new(array, json_from_text(list->items[i]));
    }
    return array;
}

static json_t *json_from_rate(FrameRate rate)
{
    return rate.den == 1 ? json_sprintf("%d", rate.num) : json_sprintf("%d/%d", rate.num, rate.den);
}

static json_t *json_from_share(Share share)
{
    enum { DIGITS = 15 }; /* of the shortest text that reads back as the same number, nearly always */
    return share.percent > 0 ? json_sprintf("%.*g%%", DIGITS, share.percent)
                             : json_sprintf("%lldB", (long long)share.bytes);
}

static json_t *json_from_field(const Option *option, const Settings *settings)
{
    const void *field = option_field_const(option, settings);
    switch (option->type) {
    case OPTION_BOOL:
        return json_boolean(*(const bool *)field);
    case OPTION_INTEGER:
    case OPTION_SIZE:
        return json_integer(*(const int64_t *)field);
    case OPTION_REAL:
        return json_real(*(const double *)field);
    case OPTION_SHARE:
        return json_from_share(*(const Share *)field);
    case OPTION_RATE:
        return json_from_rate(*(const FrameRate *)field);
    case OPTION_LIST:
    case OPTION_FILES:
    case OPTION_POSITIONAL:
        return json_from_list(field);
    case OPTION_TEXT:
    case OPTION_FILE:
    case OPTION_FOLDER:
    case OPTION_CHOICE:
    case OPTION_FIRST:
        return json_from_text(*(char *const *)field);
    default:
        return NULL;
    }
}

json_t *settings_to_json(const Settings *settings)
{
    json_t *object = json_object();
    for (size_t i = 0; i < option_count; i++) {
        json_t *value = json_from_field(&option_table[i], settings);
        if (value != NULL) {
            (void)json_object_set_new(object, option_table[i].name, value);
        }
    }
    return object;
}

static json_t *json_from_path(const char *path)
{
    char *absolute = path_absolute(path);
    json_t *json = json_from_text(absolute);
    memory_free(absolute);
    return json;
}

json_t *settings_to_json_anywhere(const Settings *settings)
{
    json_t *object = settings_to_json(settings);
    for (size_t i = 0; i < option_count; i++) {
        const Option *option = &option_table[i];
        const bool is_path = option->type == OPTION_FILE || option->type == OPTION_FOLDER;
        const char *path = is_path ? *(char *const *)option_field_const(option, settings) : NULL;
        if (path != NULL) {
            (void)json_object_set_new(object, option->name, json_from_path(path));
        } else if (option->type == OPTION_FILES) {
            const TextList *list = option_field_const(option, settings);
            json_t *paths = json_array();
            for (size_t k = 0; k < list->count; k++) {
                (void)json_array_append_new(paths, json_from_path(list->items[k]));
            }
            (void)json_object_set_new(object, option->name, paths);
        } else if (option->paths) {
            const TextList *list = option_field_const(option, settings);
            json_t *names = json_array();
            for (size_t k = 0; k < list->count; k++) {
                const char *name = list->items[k];
                (void)json_array_append_new(names, strchr(name, '/') != NULL ? json_from_path(name)
                                                                             : json_from_text(name));
            }
            (void)json_object_set_new(object, option->name, names);
        }
    }
    return object;
}

static Status refuse_kind(const Option *option, const char *wanted, Error *err)
{
    char what[64];
    (void)snprintf(what, sizeof what, "--%s", option->name);
    return error_setf(err, ERROR_USAGE, what, NULL, "its value in JSON is not %s", wanted);
}

static Status assign_json_text(const Option *option, const json_t *value, Settings *settings, Error *err)
{
    char *text = json_to_text(value);
    if (text == NULL) {
        return refuse_kind(option, "text", err);
    }
    const Status status = option_assign(option, text, settings, err);
    memory_free(text);
    return status;
}

static Status assign_json_list(const Option *option, const json_t *value, Settings *settings, Error *err)
{
    if (!json_is_array(value)) {
        return refuse_kind(option, "a list", err);
    }
    option_clear(option, settings);
    for (size_t i = 0; i < json_array_size(value); i++) {
        if (assign_json_text(option, json_array_get(value, i), settings, err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    return STATUS_OK;
}

/* An earlier version took one where several are taken now. */
static Status assign_json_files(const Option *option, const json_t *value, Settings *settings, Error *err)
{
    if (!json_is_string(value)) {
        return json_is_null(value) ? STATUS_OK : assign_json_list(option, value, settings, err);
    }
    json_t *list = json_array();
    (void)json_array_append(list, (json_t *)(uintptr_t)value);
    const Status status = assign_json_list(option, list, settings, err);
    json_decref(list);
    return status;
}

static Status assign_json(const Option *option, const json_t *value, Settings *settings, Error *err)
{
    switch (option->type) {
    case OPTION_BOOL:
        if (!json_is_boolean(value)) {
            return refuse_kind(option, "true or false", err);
        }
        *(bool *)option_field(option, settings) = json_is_true(value);
        return STATUS_OK;
    case OPTION_INTEGER:
    case OPTION_SIZE:
        if (!json_is_integer(value)) {
            return refuse_kind(option, "a whole number", err);
        }
        return option_assign_integer(option, json_integer_value(value), settings, err);
    case OPTION_REAL:
        if (!json_is_number(value)) {
            return refuse_kind(option, "a number", err);
        }
        return option_assign_real(option, json_number_value(value), settings, err);
    case OPTION_FILES:
        return assign_json_files(option, value, settings, err);
    case OPTION_LIST:
    case OPTION_POSITIONAL:
        return assign_json_list(option, value, settings, err);
    default:
        if (json_is_null(value)) {
            option_clear(option, settings);
            return STATUS_OK;
        }
        return assign_json_text(option, value, settings, err);
    }
}

/* By key, the positional ones too; NULL when no value is kept under it. */
static const Option *find_key(const char *key)
{
    for (size_t i = 0; i < option_count; i++) {
        const Option *option = &option_table[i];
        if (strcmp(option->name, key) == 0) {
            return option->type != OPTION_HELP && option->type != OPTION_VERSION ? option : NULL;
        }
    }
    return NULL;
}

Status settings_from_json(const json_t *object, Settings *settings, Error *err)
{
    settings_defaults(settings);
    if (!json_is_object(object)) {
        settings_free(settings);
        return error_set(err, ERROR_USAGE, "cannot read the settings", NULL, "not a JSON object");
    }
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)object, key, value)
    {
        const Option *option = find_key(key);
        if (option == NULL) {
            (void)error_setf(err, ERROR_USAGE, "cannot read the settings", NULL, "unknown key '%.60s'", key);
            settings_free(settings);
            return STATUS_FAILED;
        }
        if (assign_json(option, value, settings, err) != STATUS_OK) {
            settings_free(settings);
            return STATUS_FAILED;
        }
    }
    settings_settle(settings);
    return STATUS_OK;
}
