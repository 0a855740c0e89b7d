#include "ui/models_page.h"

#include <stdio.h>
#include <string.h>

#include "report/format.h"
#include "report/i18n.h"
#include "report/json_text.h"

#include "ui/table.h"

static const char *state_word(ModelState state)
{
    static const char *const words[] = {[MODEL_MISSING] = N_("missing"),
                                        [MODEL_THERE] = N_("there"),
                                        [MODEL_RIGHT] = N_("right"),
                                        [MODEL_WRONG] = N_("wrong")};
    return _(words[state]);
}

static const char *colour_of(ModelState state)
{
    return state == MODEL_WRONG ? COLOUR_BAD : state == MODEL_RIGHT ? COLOUR_GOOD : NULL;
}

static void add_row(Table *table, const InventoryEntry *entry)
{
    char size[32] = "";
    char note[1600];
    const bool wrong = entry->state == MODEL_WRONG;
    if (entry->state != MODEL_MISSING) {
        (void)format_bytes(entry->bytes, size, sizeof size);
    }
    const char *place = entry->path != NULL            ? entry->path
                        : entry->model->origin != NULL ? entry->model->origin
                                                       : "scripts/setup.sh";
    const char *const cells[] = {
        entry->model->name, model_role_name(entry->model->role), state_word(entry->state), size, place,
    };
    table_add(table, cells, wrong ? format_reason(&entry->error, entry->path, note, sizeof note) : NULL,
              colour_of(entry->state));
}

static void append_rest(const InventoryEntry *entries, size_t count, const PageFrame *frame, Text *page)
{
    Text line = {0};
    int missing = 0;
    for (int role = 0; role < MODEL_ROLE_COUNT; role++) {
        int known = 0;
        for (size_t i = 0; i < count; i++) {
            known += entries[i].model->role == (ModelRole)role && entries[i].state == MODEL_MISSING;
        }
        if (known > 0) {
            text_appendf(&line, "%s%s %d", missing > 0 ? ", " : "", model_role_name((ModelRole)role), known);
        }
        missing += known;
    }
    if (missing > 0) {
        Text told = {0};
        text_appendf(&told,
                     _("Known and not here: %s. runbatch models list --verbose tells where to get them."),
                     line.data);
        text_append(page, "\n");
        page_append_wrapped(page, told.data, frame->columns, 0);
        text_free(&told);
    }
    text_free(&line);
}

void models_page(const InventoryEntry *entries, size_t count, bool all, const PageFrame *frame, Text *page)
{
    enum { LEAST = 14 };
    const TableColumn columns[] = {
        {.title = _("model"), .least = LEAST, .cut = CELL_CUT_END},
        {.title = _("role")},
        {.title = _("state")},
        {.title = _("size"), .right = true, .leaves = 2},
        {.title = all ? _("where it is, or comes from") : _("where"),
         .least = LEAST,
         .cut = CELL_CUT_MIDDLE,
         .leaves = 1},
    };
    Table table = {
        .columns = columns, .column_count = sizeof columns / sizeof columns[0], .whole_notes = true};
    for (size_t i = 0; i < count; i++) {
        if (all || entries[i].state != MODEL_MISSING) {
            add_row(&table, &entries[i]);
        }
    }
    table_append(&table, page, frame->columns, frame->colour);
    table_free(&table);
    if (!all) {
        append_rest(entries, count, frame, page);
    }
}

/* ---- one ---- */

static void append_fact(Text *page, const PageFrame *frame, const char *name, const char *value)
{
    Text line = {0};
    if (value != NULL && value[0] != '\0') {
        text_appendf(&line, "%s: %s", name, value);
        page_append_wrapped(page, line.data, frame->columns, 2);
    }
    text_free(&line);
}

static void append_ports(Text *text, const Port *ports, int count)
{
    for (int i = 0; i < count; i++) {
        text_appendf(text, "%s%s%s", i > 0 ? ", " : "", ports[i].name, ports[i].name[0] != '\0' ? " " : "");
        text_append_shape(text, ports[i].rank, ports[i].shape);
    }
}

static const char *align_name(AlignTemplate align)
{
    static const char *const names[ALIGN_TEMPLATE_COUNT] = {
        [ALIGN_NONE] = "",
        [ALIGN_ARCFACE_112_V1] = "arcface_112_v1",
        [ALIGN_ARCFACE_112_V2] = "arcface_112_v2",
        [ALIGN_ARCFACE_128] = "arcface_128",
        [ALIGN_FFHQ_512] = "ffhq_512",
        [ALIGN_MTCNN_512] = "mtcnn_512",
    };
    return names[align];
}

static void join_files(const KnownModel *model, Text *text)
{
    for (const char *const *file = model->files; *file != NULL; file++) {
        text_appendf(text, "%s%s", file != model->files ? ", " : "", *file);
    }
}

void models_page_one(const InventoryEntry *entry, const PageFrame *frame, Text *page)
{
    const KnownModel *model = entry->model;
    char size[32] = "";
    char reason[1600];
    Text files = {0};
    Text inputs = {0};
    Text outputs = {0};
    join_files(model, &files);
    append_ports(&inputs, model->inputs, model->input_count);
    append_ports(&outputs, model->outputs, model->output_count);
    if (entry->state != MODEL_MISSING) {
        (void)format_bytes(entry->bytes, size, sizeof size);
    }
    text_appendf(page, "%s: %s\n", model->name, state_word(entry->state));
    append_fact(page, frame, _("role"), model_role_name(model->role));
    append_fact(page, frame, _("kind"), model->kind);
    append_fact(page, frame, _("known by the names"), files.data);
    append_fact(page, frame, _("file"), entry->path);
    append_fact(page, frame, _("size"), size);
    append_fact(page, frame, "SHA-256", entry->sha256);
    append_fact(page, frame, _("inputs"), inputs.data);
    append_fact(page, frame, _("outputs"), outputs.data);
    append_fact(page, frame, _("order of colours"), model->bgr ? "bgr" : "rgb");
    append_fact(page, frame, _("alignment template"), align_name(model->align));
    append_fact(page, frame, _("licence"), model->licence);
    append_fact(page, frame, _("comes from"), model->package != NULL ? model->package : model->origin);
    if (entry->state == MODEL_WRONG) {
        append_fact(page, frame, _("what is wrong"),
                    format_reason(&entry->error, entry->path, reason, sizeof reason));
    }
    text_free(&files);
    text_free(&inputs);
    text_free(&outputs);
}

/* ---- JSON ---- */

static json_t *ports_to_json(const Port *ports, int count)
{
    json_t *list = json_array();
    for (int i = 0; i < count; i++) {
        json_t *shape = json_array();
        for (int k = 0; k < ports[i].rank; k++) {
            (void)json_array_append_new(shape, ports[i].shape[k] >= 0 ? json_integer(ports[i].shape[k])
                                                                      : json_null());
        }
        (void)json_array_append_new(list, json_pack("{s:s, s:o}", "name", ports[i].name, "shape", shape));
    }
    return list;
}

static json_t *text_or_null(const char *text)
{
    return text != NULL && text[0] != '\0' ? json_text(text) : json_null();
}

json_t *model_to_json(const InventoryEntry *entry)
{
    const KnownModel *model = entry->model;
    json_t *files = json_array();
    for (const char *const *file = model->files; *file != NULL; file++) {
        (void)json_array_append_new(files, json_string(*file));
    }
    json_t *object = json_object();
    (void)json_object_set_new(object, "model", json_string(model->name));
    (void)json_object_set_new(object, "role", json_string(model_role_name(model->role)));
    (void)json_object_set_new(object, "kind", json_string(model->kind));
    (void)json_object_set_new(object, "state", json_string(model_state_name(entry->state)));
    (void)json_object_set_new(object, "path", text_or_null(entry->path));
    (void)json_object_set_new(object, "bytes",
                              entry->state != MODEL_MISSING ? json_integer(entry->bytes) : json_null());
    (void)json_object_set_new(object, "sha256", text_or_null(entry->sha256));
    (void)json_object_set_new(object, "wanted_sha256", text_or_null(model->sha256));
    (void)json_object_set_new(object, "files", files);
    (void)json_object_set_new(object, "inputs", ports_to_json(model->inputs, model->input_count));
    (void)json_object_set_new(object, "outputs", ports_to_json(model->outputs, model->output_count));
    (void)json_object_set_new(object, "colour", json_string(model->bgr ? "bgr" : "rgb"));
    (void)json_object_set_new(object, "align", text_or_null(align_name(model->align)));
    (void)json_object_set_new(object, "licence", text_or_null(model->licence));
    (void)json_object_set_new(object, "package", text_or_null(model->package));
    (void)json_object_set_new(object, "origin", text_or_null(model->origin));
    (void)json_object_set_new(object, "error",
                              entry->state == MODEL_WRONG ? json_error(&entry->error) : json_null());
    return object;
}

json_t *models_to_json(const InventoryEntry *entries, size_t count)
{
    json_t *list = json_array();
    for (size_t i = 0; i < count; i++) {
        (void)json_array_append_new(list, model_to_json(&entries[i]));
    }
    return json_pack("{s:o}", "models", list);
}
