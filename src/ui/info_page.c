#include "ui/info_page.h"

#include <stdio.h>

#include "base/clock.h"
#include "report/format.h"
#include "report/i18n.h"

static const char *text_at(const json_t *object, const char *name)
{
    const char *text = json_string_value(json_object_get(object, name));
    return text != NULL ? text : "";
}

static void append_line(Text *page, const PageFrame *frame, const char *line, size_t indent)
{
    page_append_wrapped(page, line, frame->columns, indent);
}

static void append_stream(const json_t *stream, const PageFrame *frame, Text *page)
{
    Text line = {0};
    const json_int_t width = json_integer_value(json_object_get(stream, "width"));
    const json_int_t rate = json_integer_value(json_object_get(stream, "sample_rate"));
    text_appendf(&line, "%s: %s", text_at(stream, "kind"), text_at(stream, "codec"));
    if (width > 0) {
        text_appendf(&line, ", %lldx%lld", (long long)width,
                     (long long)json_integer_value(json_object_get(stream, "height")));
        const double frames = json_number_value(json_object_get(stream, "frame_rate"));
        if (frames > 0) {
            text_appendf(&line, _(", %.2f frames per second"), frames);
        }
    } else if (rate > 0) {
        text_appendf(&line, ", %lld Hz", (long long)rate);
    }
    append_line(page, frame, line.data, 2);
    text_free(&line);
}

static void append_tags(const json_t *tags, const PageFrame *frame, Text *page)
{
    const char *name = NULL;
    json_t *value = NULL;
    json_object_foreach((json_t *)(uintptr_t)tags, name, value)
    {
        Text line = {0};
        const char *text = json_string_value(value);
        text_appendf(&line, "%s: %s", name, text != NULL ? text : "");
        append_line(page, frame, line.data, 2);
        text_free(&line);
    }
}

static void append_provenance(const json_t *provenance, const PageFrame *frame, Text *page)
{
    Text line = {0};
    if (!json_is_true(json_object_get(provenance, "marked"))) {
        append_line(page, frame, _("It does not say that it was changed by runbatch."), 0);
        return;
    }
    text_appendf(&line, _("Its faces were changed by runbatch %s: %s."), text_at(provenance, "version"),
                 text_at(provenance, "processors"));
    append_line(page, frame, line.data, 0);
    text_free(&line);
    text_appendf(&line, _("Digital source type: %s"), text_at(provenance, "digital_source_type"));
    append_line(page, frame, line.data, 2);
    append_line(page, frame,
                json_is_true(json_object_get(provenance, "xmp")) ? _("said in its tags, and in an XMP packet")
                                                                 : _("said in its tags"),
                2);
    text_free(&line);
}

void info_page(const json_t *object, const PageFrame *frame, Text *page)
{
    char size[32];
    char length[32] = "";
    Text line = {0};
    const json_t *stream = NULL;
    size_t index = 0;
    (void)format_bytes(json_integer_value(json_object_get(object, "bytes")), size, sizeof size);
    clock_format_duration(json_number_value(json_object_get(object, "duration_s")), length, sizeof length);
    text_appendf(&line, "%s: %s, %s, %s", text_at(object, "file"), text_at(object, "container"), length,
                 size);
    append_line(page, frame, line.data, 0);
    text_free(&line);
    json_array_foreach(json_object_get(object, "streams"), index, stream)
    {
        append_stream(stream, frame, page);
    }
    append_tags(json_object_get(object, "tags"), frame, page);
    append_provenance(json_object_get(object, "provenance"), frame, page);
}
