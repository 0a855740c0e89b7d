#include "doctor/checkup.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "report/json_text.h"

const char *check_level_name(CheckLevel level)
{
    static const char *const names[CHECK_LEVEL_COUNT] = {"ok", "warning", "error"};
    return names[level];
}

const char *check_group_name(CheckGroup group)
{
    static const char *const names[CHECK_GROUP_COUNT] = {
        [CHECK_MEMORY] = "memory",   [CHECK_LIMITS] = "limits",       [CHECK_PROCESSES] = "processes",
        [CHECK_GPU] = "gpu",         [CHECK_MODELS] = "models",       [CHECK_RUNTIME] = "runtime",
        [CHECK_CODECS] = "codecs",   [CHECK_SANDBOX] = "sandbox",     [CHECK_SPACE] = "space",
        [CHECK_FOLDERS] = "folders", [CHECK_LEFTOVERS] = "leftovers", [CHECK_SYSTEM] = "system",
    };
    return names[group];
}

void checkup_free(Checkup *checkup)
{
    for (size_t i = 0; i < checkup->count; i++) {
        memory_free(checkup->items[i].text);
        memory_free(checkup->items[i].advice);
        json_decref(checkup->items[i].figures);
    }
    memory_free(checkup->items);
    *checkup = (Checkup){0};
}

static char *format_text(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0) {
        text = NULL;
    }
    return memory_check(text);
}

static Check *add(Checkup *checkup, CheckGroup group, const char *name, CheckLevel level, json_t *figures)
{
    checkup->items = memory_resize(checkup->items, checkup->count + 1, sizeof *checkup->items);
    Check *check = &checkup->items[checkup->count++];
    *check = (Check){.group = group, .level = level, .figures = figures != NULL ? figures : json_object()};
    text_copy(check->name, sizeof check->name, name);
    return check;
}

Check *checkup_add(Checkup *checkup, CheckGroup group, const char *name, CheckLevel level, json_t *figures,
                   const char *format, ...)
{
    va_list arguments;
    Check *check = add(checkup, group, name, level, figures);
    va_start(arguments, format);
    check->text = format_text(format, arguments);
    va_end(arguments);
    return check;
}

void check_advise(Check *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    memory_free(check->advice);
    check->advice = format_text(format, arguments);
    va_end(arguments);
    if (check->advice[0] == '\0') {
        memory_free(check->advice);
        check->advice = NULL;
    }
}

Check *checkup_add_failure(Checkup *checkup, CheckGroup group, const char *name, CheckLevel level,
                           json_t *figures, const Error *err)
{
    char text[sizeof *err];
    Error without_todo = *err;
    without_todo.todo[0] = '\0';
    Check *check =
        checkup_add(checkup, group, name, level, figures, "%s", error_text(&without_todo, text, sizeof text));
    check_advise(check, "%s", err->todo);
    return check;
}

size_t checkup_count(const Checkup *checkup, CheckLevel level)
{
    size_t count = 0;
    for (size_t i = 0; i < checkup->count; i++) {
        count += checkup->items[i].level == level;
    }
    return count;
}

json_t *check_to_json(const Check *check)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "group", json_string(check_group_name(check->group)));
    (void)json_object_set_new(object, "name", json_string(check->name));
    (void)json_object_set_new(object, "level", json_string(check_level_name(check->level)));
    (void)json_object_set_new(object, "text", json_text(check->text));
    (void)json_object_set_new(object, "advice", json_text(check->advice));
    (void)json_object_set(object, "figures", check->figures);
    return object;
}

/* The place of a name in a list; `count` when it is not in it. */
static int find(const json_t *value, const char *(*name_of)(int number), int count)
{
    const char *name = json_string_value(value);
    int number = 0;
    while (number < count && (name == NULL || strcmp(name, name_of(number)) != 0)) {
        number++;
    }
    return number;
}

static const char *level_of(int number)
{
    return check_level_name((CheckLevel)number);
}

static const char *group_of(int number)
{
    return check_group_name((CheckGroup)number);
}

bool checkup_add_json(Checkup *checkup, const json_t *object)
{
    const int group = find(json_object_get(object, "group"), group_of, CHECK_GROUP_COUNT);
    const int level = find(json_object_get(object, "level"), level_of, CHECK_LEVEL_COUNT);
    const char *name = json_string_value(json_object_get(object, "name"));
    const char *text = json_string_value(json_object_get(object, "text"));
    const char *advice = json_string_value(json_object_get(object, "advice"));
    json_t *figures = json_object_get(object, "figures");
    if (group == CHECK_GROUP_COUNT || level == CHECK_LEVEL_COUNT || name == NULL || text == NULL ||
        !json_is_object(figures)) {
        return false;
    }
    Check *check =
        checkup_add(checkup, (CheckGroup)group, name, (CheckLevel)level, json_incref(figures), "%s", text);
    check_advise(check, "%s", advice != NULL ? advice : "");
    return true;
}
