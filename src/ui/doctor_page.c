#include "ui/doctor_page.h"

#include "base/clock.h"
#include "report/i18n.h"
#include "ui/cells.h"

#define BOLD "\033[1m"

static const char *level_word(CheckLevel level)
{
    static const char *const words[CHECK_LEVEL_COUNT] = {N_("ok"), N_("warning"), N_("error")};
    return _(words[level]);
}

static const char *level_colour(CheckLevel level)
{
    static const char *const colours[CHECK_LEVEL_COUNT] = {"\033[32m", "\033[33m", "\033[31m"};
    return colours[level];
}

static const char *group_title(CheckGroup group)
{
    static const char *const titles[CHECK_GROUP_COUNT] = {
        [CHECK_MEMORY] = N_("Memory"),
        [CHECK_LIMITS] = N_("Memory limits of workers"),
        [CHECK_PROCESSES] = N_("Who holds the memory"),
        [CHECK_GPU] = N_("Graphics cards"),
        [CHECK_MODELS] = N_("Models"),
        [CHECK_RUNTIME] = N_("Model runtime"),
        [CHECK_CODECS] = N_("Video formats"),
        [CHECK_SANDBOX] = N_("Sandbox"),
        [CHECK_SPACE] = N_("Disk space"),
        [CHECK_FOLDERS] = N_("Folders"),
        [CHECK_LEFTOVERS] = N_("Leftovers of earlier runs"),
        [CHECK_SYSTEM] = N_("System"),
    };
    return _(titles[group]);
}

/* The columns of the longest word, and of what stands around it. */
static size_t word_columns(void)
{
    enum { AROUND = 4 };
    size_t most = 0;
    for (int level = 0; level < CHECK_LEVEL_COUNT; level++) {
        const size_t width = cell_width(level_word((CheckLevel)level));
        most = width > most ? width : most;
    }
    return most + AROUND;
}

/* "  warning  text", where what follows stands below the text. */
static void append_check(const Check *check, const PageFrame *frame, size_t indent, Text *page)
{
    enum { BEFORE = 2 };
    Text lines = {0};
    const char *word = level_word(check->level);
    const size_t width = cell_width(word);
    page_append_wrapped(&lines, check->text, frame->columns, indent);
    page_append_blanks(page, BEFORE);
    text_appendf(page, "%s%s%s", frame->colour ? level_colour(check->level) : "", word,
                 frame->colour ? COLOUR_OFF : "");
    text_append(page, lines.data + BEFORE + width);
    text_free(&lines);
    if (check->advice != NULL) {
        Text advice = {0};
        text_appendf(&advice, "→ %s", check->advice);
        page_append_wrapped(page, advice.data, frame->columns, indent);
        text_free(&advice);
    }
}

static void append_group(const Checkup *checkup, CheckGroup group, const PageFrame *frame, bool trouble_only,
                         Text *page)
{
    bool begun = false;
    const size_t indent = word_columns();
    for (size_t i = 0; i < checkup->count; i++) {
        const Check *check = &checkup->items[i];
        if (check->group != group || (trouble_only && check->level == CHECK_OK)) {
            continue;
        }
        if (!begun) {
            text_appendf(page, "%s%s%s%s\n", page->length > 0 ? "\n" : "", frame->colour ? BOLD : "",
                         group_title(group), frame->colour ? COLOUR_OFF : "");
            begun = true;
        }
        append_check(check, frame, indent, page);
    }
}

static void append_sum(const Checkup *checkup, const PageFrame *frame, Text *page)
{
    const size_t warnings = checkup_count(checkup, CHECK_WARNING);
    const size_t errors = checkup_count(checkup, CHECK_ERROR);
    Text line = {0};
    if (warnings + errors == 0) {
        text_append(&line, _("All is well."));
    } else {
        text_appendf(&line, dngettext(I18N_DOMAIN, "%zu error", "%zu errors", errors), errors);
        text_append(&line, ", ");
        text_appendf(&line, dngettext(I18N_DOMAIN, "%zu warning", "%zu warnings", warnings), warnings);
        text_appendf(&line, ": %s",
                     errors > 0 ? _("a batch would not begin here, or its videos would fail.")
                                : _("a batch would run."));
    }
    text_append(page, page->length > 0 ? "\n" : "");
    page_append_wrapped(page, line.data, frame->columns, 0);
    text_free(&line);
}

void doctor_page(const Checkup *checkup, const PageFrame *frame, bool trouble_only, Text *page)
{
    for (int group = 0; group < CHECK_GROUP_COUNT; group++) {
        append_group(checkup, (CheckGroup)group, frame, trouble_only, page);
    }
    append_sum(checkup, frame, page);
}

json_t *doctor_to_json(const Checkup *checkup, double wall_s)
{
    char time[32];
    json_t *counts = json_object();
    json_t *checks = json_array();
    CheckLevel worst = CHECK_OK;
    for (int level = 0; level < CHECK_LEVEL_COUNT; level++) {
        const size_t count = checkup_count(checkup, (CheckLevel)level);
        worst = count > 0 ? (CheckLevel)level : worst;
        (void)json_object_set_new(counts, check_level_name((CheckLevel)level),
                                  json_integer((json_int_t)count));
    }
    for (size_t i = 0; i < checkup->count; i++) {
        (void)json_array_append_new(checks, check_to_json(&checkup->items[i]));
    }
    clock_format_utc(wall_s, time, sizeof time);
    return json_pack("{s:s,s:s,s:s,s:o,s:o}", "time", time, "version", RUNBATCH_VERSION, "level",
                     check_level_name(worst), "counts", counts, "checks", checks);
}
