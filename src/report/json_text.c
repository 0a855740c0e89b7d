#include "report/json_text.h"

#include <math.h>
#include <string.h>

#include "base/alloc.h"
#include "base/text.h"
#include "base/utf8.h"

json_t *json_text(const char *text)
{
    if (text == NULL) {
        return json_null();
    }
    Text clean = {0};
    utf8_append_clean(&clean, text);
    json_t *value = json_stringn(clean.data, clean.length);
    text_free(&clean);
    return value;
}

json_t *json_rounded(double value)
{
    return isfinite(value) ? json_real(round(value * 1000.0) / 1000.0) : json_null();
}

json_t *json_error(const Error *error)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "class", json_string(error_class_name(error->class_)));
    (void)json_object_set_new(object, "what", json_text(error->what));
    (void)json_object_set_new(object, "file", json_text(error->file));
    (void)json_object_set_new(object, "why", json_text(error->why));
    (void)json_object_set_new(object, "todo", json_text(error->todo));
    return object;
}

bool json_get_text(const json_t *object, const char *key, char *target, size_t size)
{
    const char *value = json_string_value(json_object_get(object, key));
    if (value == NULL) {
        return false;
    }
    text_copy(target, size, value);
    text_strip_control(target);
    return true;
}

bool json_to_error(const json_t *object, Error *error)
{
    const char *class_ = json_string_value(json_object_get(object, "class"));
    if (class_ == NULL) {
        return false;
    }
    error->class_ = error_class_from_name(class_);
    if (error->class_ == ERROR_NONE) {
        error->class_ = ERROR_INTERNAL;
    }
    return json_get_text(object, "what", error->what, sizeof error->what) &&
           json_get_text(object, "file", error->file, sizeof error->file) &&
           json_get_text(object, "why", error->why, sizeof error->why) &&
           json_get_text(object, "todo", error->todo, sizeof error->todo);
}
