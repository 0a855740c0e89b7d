#include "report/doubts.h"

#include <math.h>

#include "base/clock.h"
#include "report/i18n.h"

static const double near_s = 0.5;
static const double least_s = 0.2;

static int shortest(const Doubts *doubts)
{
    int found = 0;
    for (int i = 1; i < doubts->count; i++) {
        const double length = doubts->to_s[i] - doubts->from_s[i];
        found = length < doubts->to_s[found] - doubts->from_s[found] ? i : found;
    }
    return found;
}

static void remove_at(Doubts *doubts, int index)
{
    doubts->count--;
    for (int i = index; i < doubts->count; i++) {
        doubts->from_s[i] = doubts->from_s[i + 1];
        doubts->to_s[i] = doubts->to_s[i + 1];
    }
}

void doubts_add(Doubts *doubts, double from_s, double to_s)
{
    const int last = doubts->count - 1;
    if (last >= 0 && from_s - doubts->to_s[last] < near_s) {
        doubts->to_s[last] = fmax(to_s, doubts->to_s[last]);
        return;
    }
    if (to_s - from_s < least_s) {
        return;
    }
    if (doubts->count == DOUBTS_MOST) {
        const int least = shortest(doubts);
        doubts->left_out++;
        if (to_s - from_s <= doubts->to_s[least] - doubts->from_s[least]) {
            return;
        }
        remove_at(doubts, least);
    }
    doubts->from_s[doubts->count] = from_s;
    doubts->to_s[doubts->count] = to_s;
    doubts->count++;
}

void doubts_cut(Doubts *doubts, double time_s)
{
    while (doubts->count > 0 && doubts->from_s[doubts->count - 1] >= time_s) {
        doubts->count--;
    }
    if (doubts->count > 0) {
        doubts->to_s[doubts->count - 1] = fmin(doubts->to_s[doubts->count - 1], time_s);
    }
}

static double rounded(double seconds)
{
    return round(seconds * 1000) / 1000;
}

json_t *doubts_to_json(const Doubts *doubts)
{
    json_t *stretches = json_array();
    for (int i = 0; i < doubts->count; i++) {
        (void)json_array_append_new(
            stretches, json_pack("[f, f]", rounded(doubts->from_s[i]), rounded(doubts->to_s[i])));
    }
    return json_pack("{s:o, s:i}", "stretches", stretches, "left_out", doubts->left_out);
}

static bool read_stretch(const json_t *stretch, Doubts *doubts)
{
    const json_t *from = json_array_get(stretch, 0);
    const json_t *to = json_array_get(stretch, 1);
    const double from_s = json_number_value(from);
    const double to_s = json_number_value(to);
    const double before_s = doubts->count > 0 ? doubts->to_s[doubts->count - 1] : 0;
    if (!json_is_number(from) || !json_is_number(to) || !isfinite(to_s) || !(from_s >= before_s) ||
        !(to_s >= from_s)) {
        return false;
    }
    doubts->from_s[doubts->count] = from_s;
    doubts->to_s[doubts->count] = to_s;
    doubts->count++;
    return true;
}

bool doubts_from_json(const json_t *object, Doubts *doubts)
{
    const json_t *stretches = json_object_get(object, "stretches");
    const json_t *left_out = json_object_get(object, "left_out");
    const json_int_t number = json_integer_value(left_out);
    const size_t count = json_array_size(stretches);
    bool good = json_is_array(stretches) && json_is_integer(left_out) && number >= 0 && number <= INT32_MAX &&
                count <= DOUBTS_MOST;
    *doubts = (Doubts){.left_out = good ? (int)number : 0};
    for (size_t i = 0; good && i < count; i++) {
        good = read_stretch(json_array_get(stretches, i), doubts);
    }
    if (!good) {
        *doubts = (Doubts){0};
    }
    return good;
}

void doubts_to_text(const Doubts *doubts, int most, Text *text)
{
    const int shown = doubts->count < most ? doubts->count : most;
    const int more = doubts->count - shown + doubts->left_out;
    for (int i = 0; i < shown; i++) {
        char from[16];
        char to[16];
        clock_format_duration(floor(doubts->from_s[i]), from, sizeof from);
        clock_format_duration(ceil(doubts->to_s[i]), to, sizeof to);
        text_append(text, i > 0 ? ", " : "");
        text_appendf(text, _("%s to %s"), from, to);
    }
    if (more > 0) {
        text_appendf(text, _(", and %d more"), more);
    }
}
