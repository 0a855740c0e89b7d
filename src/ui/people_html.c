#include <libavutil/base64.h>

#include "base/alloc.h"
#include "base/files.h"
#include "report/i18n.h"
#include "ui/cells.h"
#include "ui/people_page.h"

static const char style[] =
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:72rem;padding:0 1rem;color:#1b1b1f;"
    "background:#f6f6f8}h1{font-size:1.4rem}section{background:#fff;border:1px solid #dcdce2;"
    "border-radius:.6rem;padding:1rem 1.25rem;margin:1rem 0}h2{font-size:1.1rem;margin:0 0 .75rem}"
    ".views{display:flex;flex-wrap:wrap;gap:.75rem}figure{margin:0;width:112px}img{display:block;width:112px;"
    "height:112px;border-radius:.4rem;background:#ddd}figcaption{font-size:.75rem;color:#5a5a66;"
    "overflow-wrap:anywhere;line-height:1.3;margin-top:.25rem}table{border-collapse:collapse;margin-top:1rem;"
    "font-size:.9rem}td,th{text-align:left;padding:.15rem 1.25rem .15rem 0}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}small{color:#5a5a66}"
    "@media(prefers-color-scheme:dark){body{background:#17171a;color:#e8e8ec}section{background:#212126;"
    "border-color:#36363e}figcaption,small{color:#a5a5b0}}";

/* Text that anybody may have written. */
static void append_text(Text *page, const char *text)
{
    Text clean = {0};
    (void)cell_append(&clean, text, SIZE_MAX, CELL_CUT_END);
    for (const char *c = clean.data != NULL ? clean.data : ""; *c != '\0'; c++) {
        const char *entity = *c == '&'   ? "&amp;"
                             : *c == '<' ? "&lt;"
                             : *c == '>' ? "&gt;"
                             : *c == '"' ? "&quot;"
                                         : NULL;
        if (entity != NULL) {
            text_append(page, entity);
        } else {
            text_append_bytes(page, c, 1);
        }
    }
    text_free(&clean);
}

static const char *video_name(const PeopleView *view, size_t video)
{
    return path_name(view->plan->items[video].input);
}

static void append_view(const PeopleView *view, const PersonView *best, Text *page)
{
    char at[32];
    const size_t size = (size_t)AV_BASE64_SIZE(best->picture_bytes);
    char *picture = memory_alloc(size + 1, 1);
    (void)av_base64_encode(picture, (int)size, best->picture, best->picture_bytes);
    text_append(page, "<figure><img alt=\"\" src=\"data:image/jpeg;base64,");
    text_append(page, picture);
    text_append(page, "\"><figcaption>");
    append_text(page, video_name(view, best->video));
    text_appendf(page, "<br>%s</figcaption></figure>\n", people_time(best->at_s, at, sizeof at));
    memory_free(picture);
}

static void append_person(const PeopleView *view, const Person *person, Text *page)
{
    char from[32];
    char to[32];
    text_append(page, "<section><h2>");
    text_appendf(page, "%d", person->who.number);
    if (person->who.name[0] != '\0') {
        text_append(page, " · ");
        append_text(page, person->who.name);
    }
    text_append(page, "</h2>\n<div class=\"views\">\n");
    for (int i = 0; i < person->view_count; i++) {
        append_view(view, &person->views[i], page);
    }
    text_appendf(page,
                 "</div>\n<table><tr><th>%s</th><th class=\"n\">%s</th><th class=\"n\">%s</th>"
                 "<th class=\"n\">%s</th></tr>\n",
                 _("video"), _("from"), _("to"), _("frames"));
    for (size_t i = 0; i < person->video_count; i++) {
        const PersonVideo *in = &person->videos[i];
        text_append(page, "<tr><td>");
        append_text(page, video_name(view, in->video));
        text_appendf(page,
                     "</td><td class=\"n\">%s</td><td class=\"n\">%s</td><td class=\"n\">%lld</td></tr>\n",
                     people_time(in->first_s, from, sizeof from), people_time(in->last_s, to, sizeof to),
                     (long long)in->frames);
    }
    text_append(page, "</table></section>\n");
}

void people_html(const PeopleView *view, Text *page)
{
    const People *people = view->people;
    const char *title = _("The people in these videos");
    size_t seen = 0;
    while (seen < people->count && people->items[seen].seen) {
        seen++;
    }
    text_append(page, "<!doctype html>\n<html><head><meta charset=\"utf-8\">"
                      "<meta name=\"viewport\" content=\"width=device-width\">\n<title>");
    append_text(page, title);
    text_appendf(page, "</title>\n<style>%s</style></head>\n<body><h1>", style);
    append_text(page, title);
    text_append(page, "</h1>\n<p><small>");
    text_appendf(page, _("people: %zu, videos: %zu"), seen, view->plan->count);
    text_append(page, "</small></p>\n");
    for (size_t i = 0; i < seen; i++) {
        append_person(view, &people->items[i], page);
    }
    text_append(page, "</body></html>\n");
}
