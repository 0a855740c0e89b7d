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
                                        N_("damaged")};
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

void removable_append(Text *page, const CleanList *list, const char *output, size_t indent)
{
    for (size_t i = 0; i < list->count; i++) {
        char size[32];
        const CleanItem *item = &list->items[i];
        if (belongs_to(item, output)) {
            page_append_blanks(page, indent);
            text_appendf(page, "%10s  ", format_bytes(item->bytes, size, sizeof size));
            (void)cell_append(page, item->path, SIZE_MAX, CELL_CUT_END); /* paths are there to be copied */
            text_appendf(page, " (%s)%s\n",
                         item->kind == CLEAN_PARTS ? _("unfinished; whole chunks stay") : why_word(item->why),
                         item->foreign ? _("; what is not ours in it stays") : "");
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
