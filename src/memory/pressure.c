#include "memory/pressure.h"

#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "memory/sensor_file.h"

/* The kernel writes "%lu.%02lu" whatever the locale's decimal point is, so strtod is no use. */
static bool parse_percent(const char *line, const char *key, double *percent)
{
    unsigned whole = 0;
    unsigned hundredths = 0;
    const char *at = strstr(line, key);
    if (at == NULL || sscanf(at + strlen(key), "%4u.%2u", &whole, &hundredths) != 2) {
        return false;
    }
    *percent = whole + hundredths / 100.0;
    return *percent <= 100.0;
}

static bool parse_line(const char *text, const char *name, PressureLine *line)
{
    char copy[256];
    const char *at = text;
    while (at != NULL && !text_starts_with(at, name)) {
        at = strchr(at, '\n');
        at = at != NULL ? at + 1 : NULL;
    }
    if (at == NULL) {
        return false;
    }
    (void)snprintf(copy, sizeof copy, "%.*s", (int)strcspn(at, "\n"), at);
    const char *total = strstr(copy, " total=");
    line->total_us = total != NULL ? sensor_first_number(total + strlen(" total=")) : -1;
    return parse_percent(copy, " avg10=", &line->avg10) && parse_percent(copy, " avg60=", &line->avg60) &&
           line->total_us >= 0;
}

void pressure_read_file(const char *path, Pressure *pressure)
{
    char text[SENSOR_TEXT_BYTES];
    *pressure = (Pressure){0};
    if (sensor_read(path, text) != 0) {
        return;
    }
    if (!parse_line(text, "some ", &pressure->some) || !parse_line(text, "full ", &pressure->full)) {
        *pressure = (Pressure){0};
        return;
    }
    pressure->known = true;
}

void pressure_read_machine(const char *root, Pressure *pressure)
{
    char path[SENSOR_PATH_BYTES];
    *pressure = (Pressure){0};
    if (sensor_path(path, root, "/proc/pressure/memory")) {
        pressure_read_file(path, pressure);
    }
}
