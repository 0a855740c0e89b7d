#include "ui/removable.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "report/format.h"
#include "report/i18n.h"
#include "report/json_text.h"
#include "ui/cells.h"
#include "ui/page.h"

static bool belongs_to(const CleanItem *item, const char *output)
{
    return output == NULL ? item->output == NULL : item->output != NULL && strcmp(item->output, output) == 0;
}

/* Why an item goes. */
static const char *why_word(const char *why)
{
    static const char *const words[] = {N_("finished"),  N_("cancelled"),  N_("cannot be made"),
                                        N_("abandoned"), N_("unfinished"), N_("old"),
                                        N_("damaged"),   N_("refused")};
    for (size_t i = 0; why != NULL && i < sizeof words / sizeof words[0]; i++) {
        if (strcmp(words[i], why) == 0) {
            return _(words[i]);
        }
    }
    return why != NULL ? why : "";
}

size_t removable_count(const CleanList *list, const char *output, int64_t *bytes)
{
    size_t count = 0;
    *bytes = 0;
    for (size_t i = 0; i < list->count; i++) {
        if (belongs_to(&list->items[i], output)) {
            count++;
            *bytes += list->items[i].bytes;
        }
    }
    return count;
}

/* The reason has a line of its own where it does not fit behind the path. */
static void append_item(Text *page, const CleanItem *item, const RemovableFrame *frame)
{
    enum { SIZE_COLUMNS = 12 };
    char size[32];
    Text why = {0};
    text_appendf(&why, "(%s)%s",
                 item->kind == CLEAN_PARTS ? _("unfinished; whole chunks stay") : why_word(item->why),
                 item->foreign ? _("; what is not ours in it stays") : "");
    page_append_blanks(page, frame->indent);
    text_appendf(page, "%10s  ", format_bytes(item->bytes, size, sizeof size));
    /* paths are there to be copied */
    const size_t taken = frame->indent + SIZE_COLUMNS + cell_append(page, item->path, SIZE_MAX, CELL_CUT_END);
    if (frame->columns > 0 && taken + 1 + cell_width(why.data) > frame->columns) {
        text_append(page, "\n");
        page_append_wrapped(page, why.data, frame->columns, frame->indent);
    } else {
        text_appendf(page, " %s\n", why.data);
    }
    text_free(&why);
}

void removable_append(Text *page, const CleanList *list, const char *output, const RemovableFrame *frame)
{
    for (size_t i = 0; i < list->count; i++) {
        if (belongs_to(&list->items[i], output)) {
            append_item(page, &list->items[i], frame);
        }
    }
}

static json_t *item_to_json(const CleanItem *item)
{
    json_t *object = json_object();
    (void)json_object_set_new(object, "kind", json_string(clean_kind_name(item->kind)));
    (void)json_object_set_new(object, "path", json_text(item->path));
    (void)json_object_set_new(object, "output", json_text(item->output));
    (void)json_object_set_new(object, "bytes", json_integer(item->bytes));
    (void)json_object_set_new(object, "files", json_integer(item->files));
    (void)json_object_set_new(object, "foreign", json_boolean(item->foreign));
    (void)json_object_set_new(object, "why", json_text(item->why));
    return object;
}

json_t *removable_to_json(const CleanList *list, const char *output)
{
    json_t *items = json_array();
    for (size_t i = 0; i < list->count; i++) {
        if (belongs_to(&list->items[i], output)) {
            (void)json_array_append_new(items, item_to_json(&list->items[i]));
        }
    }
    return items;
}

json_t *removable_all_to_json(const CleanList *list)
{
    json_t *items = json_array();
    for (size_t i = 0; i < list->count; i++) {
        (void)json_array_append_new(items, item_to_json(&list->items[i]));
    }
    return items;
}
