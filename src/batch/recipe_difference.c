#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "batch/recipe.h"
#include "options/table.h"
#include "report/i18n.h"

enum { TOLD_MOST = 3, VALUE_SIZE = 64 };

typedef struct Telling {
    Text text;
    int count;
} Telling;

static void tell(Telling *telling, const char *difference)
{
    telling->count++;
    if (telling->count <= TOLD_MOST) {
        text_appendf(&telling->text, "%s%s", telling->count > 1 ? "; " : "", difference);
    }
}

/* As the user would write it. */
static void write_value(const json_t *value, bool unset, char text[VALUE_SIZE])
{
    char *json = NULL;
    if (unset || json_is_null(value)) {
        text_copy(text, VALUE_SIZE, _("its default"));
    } else if (json_is_string(value)) {
        text_copy(text, VALUE_SIZE, json_string_value(value));
    } else if (json_is_boolean(value)) {
        text_copy(text, VALUE_SIZE, json_is_true(value) ? _("on") : _("off"));
    } else if (json_is_real(value)) {
        (void)snprintf(text, VALUE_SIZE, "%.15g", json_real_value(value));
    } else {
        json = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
        text_copy(text, VALUE_SIZE, json != NULL ? json : "?");
    }
    memory_free(json);
    text_strip_control(text);
}

static bool is_same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) {
        return json_number_value(a) == json_number_value(b);
    }
    return json_equal(a, b) == 1;
}

/* What an option is that was not given and has no value to show for it: a rate of 0, a name of NULL. */
static bool is_unset(const char *name, const json_t *value, const json_t *usual)
{
    const Option *option = option_find(name);
    return option != NULL && option->fallback == NULL && is_same(value, json_object_get(usual, name));
}

/* `usual`: the defaults of all options. */
static void tell_option(Telling *telling, const char *name, const json_t *before, const json_t *now,
                        const json_t *usual)
{
    char from[VALUE_SIZE];
    char to[VALUE_SIZE];
    char shown[VALUE_SIZE];
    char line[4 * VALUE_SIZE];
    write_value(before, is_unset(name, before, usual), from);
    text_copy(shown, sizeof shown, name);
    text_strip_control(shown);
    if (now == NULL) {
        (void)snprintf(line, sizeof line, _("%s was %s, which this version does not know"), shown, from);
    } else {
        write_value(now, is_unset(name, now, usual), to);
        (void)snprintf(line, sizeof line, _("%s changed from %s to %s"), shown, from, to);
    }
    tell(telling, line);
}

static void compare_options(Telling *telling, const json_t *before, const json_t *now)
{
    Settings defaults;
    settings_defaults(&defaults);
    json_t *usual = settings_to_json(&defaults);
    for (size_t i = 0; i < option_count; i++) {
        const char *name = option_table[i].name;
        const json_t *value = json_object_get(now, name);
        const json_t *old = json_object_get(before, name);
        /* Of a version that did not have it yet: what it did then is the default. */
        old = old != NULL ? old : json_object_get(usual, name);
        if (value != NULL && !is_same(old, value)) {
            tell_option(telling, name, old, value, usual);
        }
    }
    const char *name = NULL;
    json_t *old = NULL;
    json_object_foreach((json_t *)(uintptr_t)before, name, old)
    {
        if (json_object_get(now, name) == NULL) {
            tell_option(telling, name, old, NULL, usual);
        }
    }
    json_decref(usual);
    settings_free(&defaults);
}

static bool same_member(const json_t *a, const json_t *b, const char *name)
{
    return json_equal(json_object_get(a, name), json_object_get(b, name)) == 1;
}

static void compare_file(Telling *telling, const json_t *before, const json_t *now, const char *changed,
                         const char *touched)
{
    if (json_equal(before, now) == 1) {
        return;
    }
    const bool same = same_member(before, now, "size") && same_member(before, now, "parts");
    tell(telling, same ? touched : changed);
}

static void compare_models(Telling *telling, const json_t *before, const json_t *now)
{
    const char *name = NULL;
    json_t *model = NULL;
    json_object_foreach((json_t *)(uintptr_t)now, name, model)
    {
        /* What uses another set of models was asked for by an option, which is told. */
        const json_t *old = json_object_get(before, name);
        if (old != NULL && json_equal(old, model) != 1) {
            char line[128];
            (void)snprintf(line, sizeof line, _("the model %.64s changed"), name);
            tell(telling, line);
        }
    }
}

/* The files that options name. */
static void compare_files(Telling *telling, const json_t *before, const json_t *now)
{
    for (size_t i = 0; i < option_count; i++) {
        const json_t *old = json_object_get(before, option_table[i].name);
        const json_t *new = json_object_get(now, option_table[i].name);
        if (old != new &&json_equal(old, new) != 1) {
            char line[128];
            (void)snprintf(line, sizeof line, _("the files of %.64s changed"), option_table[i].name);
            tell(telling, line);
        }
    }
}

/* Those whom a face map names; who is named by another map is told by its file. */
static void compare_people(Telling *telling, const json_t *before, const json_t *now)
{
    const char *name = NULL;
    json_t *number = NULL;
    json_object_foreach((json_t *)(uintptr_t)now, name, number)
    {
        const json_t *old = json_object_get(before, name);
        if (old != NULL && json_equal(old, number) != 1) {
            char line[192];
            (void)snprintf(line, sizeof line, _("%.64s is another person"), name);
            tell(telling, line);
        }
    }
}

static json_t *load(const char *text)
{
    json_t *object = text != NULL ? json_loads(text, JSON_REJECT_DUPLICATES, NULL) : NULL;
    if (json_is_object(json_object_get(object, "input")) &&
        json_is_object(json_object_get(object, "options")) &&
        json_is_object(json_object_get(object, "models"))) {
        return object;
    }
    json_decref(object);
    return NULL;
}

int recipe_difference(const char *before, const char *now, char *buffer, size_t size)
{
    json_t *old = load(before);
    json_t *new = load(now);
    Telling telling = {0};
    text_append(&telling.text, "");
    if (old == NULL || new == NULL) {
        telling.count = -1;
        text_append(&telling.text, _("it is not known what it was made from"));
    } else {
        compare_file(&telling, json_object_get(old, "input"), json_object_get(new, "input"),
                     _("the input changed"), _("the input's time changed"));
        compare_file(&telling, json_object_get(old, "source"), json_object_get(new, "source"),
                     _("the source picture changed"), _("the source picture's time changed"));
        compare_options(&telling, json_object_get(old, "options"), json_object_get(new, "options"));
        compare_files(&telling, json_object_get(old, "files"), json_object_get(new, "files"));
        compare_people(&telling, json_object_get(old, "people"), json_object_get(new, "people"));
        compare_models(&telling, json_object_get(old, "models"), json_object_get(new, "models"));
    }
    if (telling.count > TOLD_MOST) {
        text_append(&telling.text, "; ");
        text_appendf(&telling.text, _("and %d more"), telling.count - TOLD_MOST);
    }
    text_copy(buffer, size, telling.text.data);
    text_free(&telling.text);
    json_decref(old);
    json_decref(new);
    return telling.count;
}
