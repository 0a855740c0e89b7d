#include "options/value.h"

#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/alloc.h"
#include "options/decimal.h"

enum { SHOWN_BYTES = 81 };

void *option_field(const Option *option, Settings *settings)
{
    return (char *)settings + option->offset;
}

const void *option_field_const(const Option *option, const Settings *settings)
{
    return (const char *)settings + option->offset;
}

static Status refuse(const Option *option, const char *text, const char *why, Error *err)
{
    char what[64];
    char shown[SHOWN_BYTES];
    (void)snprintf(what, sizeof what, "--%s", option->name);
    text_copy(shown, sizeof shown, text);
    return error_setf(err, ERROR_USAGE, what, NULL, "'%s' %s", shown, why);
}

static void append_number(Text *text, double number)
{
    if (number == floor(number) && fabs(number) < 1e15) {
        text_appendf(text, "%lld", (long long)number);
        return;
    }
    /* tenths are all the table needs; printf's decimal point would follow the locale */
    const long long tenths = (long long)llround(number * 10);
    text_appendf(text, "%lld.%lld", tenths / 10, tenths % 10);
}

static void append_size(Text *text, double bytes)
{
    static const char *const units[] = {"", " KiB", " MiB", " GiB", " TiB"};
    size_t unit = 0;
    while (unit < 4 && bytes >= 1024 && fmod(bytes, 1024) == 0) {
        bytes /= 1024;
        unit++;
    }
    append_number(text, bytes);
    text_append(text, units[unit]);
}

void option_append_range(const Option *option, Text *text)
{
    if (option->zero != NULL) {
        text_appendf(text, "%s, or ", option->zero);
    }
    switch (option->type) {
    case OPTION_INTEGER:
    case OPTION_REAL:
    case OPTION_RATE:
        append_number(text, option->minimum);
        text_append(text, " to ");
        append_number(text, option->maximum);
        break;
    case OPTION_SIZE:
    case OPTION_SHARE:
        append_size(text, option->minimum);
        text_append(text, " to ");
        append_size(text, option->maximum);
        break;
    default:
        break;
    }
}

static Status refuse_range(const Option *option, const char *text, Error *err)
{
    Text why = {0};
    text_append(&why, "is out of range: ");
    option_append_range(option, &why);
    const Status status = refuse(option, text, why.data, err);
    text_free(&why);
    return status;
}

static Status refuse_long(const Option *option, const char *text, Error *err)
{
    return strchr(text, '.') == NULL ? refuse_range(option, text, err)
                                     : refuse(option, text, "has too many digits", err);
}

Status option_assign_integer(const Option *option, int64_t number, Settings *settings, Error *err)
{
    const bool is_word = number == 0 && option->zero != NULL;
    if (!is_word && ((double)number < option->minimum || (double)number > option->maximum)) {
        char *text = text_format("%lld", (long long)number);
        (void)refuse_range(option, text, err);
        memory_free(text);
        return STATUS_FAILED;
    }
    *(int64_t *)option_field(option, settings) = number;
    return STATUS_OK;
}

Status option_assign_real(const Option *option, double number, Settings *settings, Error *err)
{
    if (!(number >= option->minimum && number <= option->maximum)) {
        char *text = text_format("%g", number);
        (void)refuse_range(option, text, err);
        memory_free(text);
        return STATUS_FAILED;
    }
    *(double *)option_field(option, settings) = number;
    return STATUS_OK;
}

static Status assign_bool(const Option *option, const char *text, Settings *settings, Error *err)
{
    static const char *const on[] = {"on", "yes", "true", "1"};
    static const char *const off[] = {"off", "no", "false", "0"};
    bool *field = option_field(option, settings);
    for (size_t i = 0; i < sizeof on / sizeof on[0]; i++) {
        if (strcmp(text, on[i]) == 0 || strcmp(text, off[i]) == 0) {
            *field = strcmp(text, on[i]) == 0;
            return STATUS_OK;
        }
    }
    return refuse(option, text, "is neither on nor off", err);
}

/* Reads a number that fills the text; reports what is wrong with it. */
static Status read_number(const Option *option, const char *text, Decimal *number, Error *err)
{
    const char *end = text;
    switch (decimal_read(text, number, &end)) {
    case DECIMAL_TOO_LONG:
        return refuse_long(option, text, err);
    case DECIMAL_NOT_A_NUMBER:
        return refuse(option, text, "is not a number", err);
    default:
        break;
    }
    if (*end == ',') {
        return refuse(option, text, "is not a number: it is written with a point", err);
    }
    return *end == '\0' ? STATUS_OK : refuse(option, text, "is not a number", err);
}

static Status assign_integer(const Option *option, const char *text, Settings *settings, Error *err)
{
    Decimal number;
    if (option->zero != NULL && strcmp(text, option->zero) == 0) {
        return option_assign_integer(option, 0, settings, err);
    }
    if (read_number(option, text, &number, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (number.divisor != 1) {
        return refuse(option, text, "is not a whole number", err);
    }
    return option_assign_integer(option, number.mantissa, settings, err);
}

static Status assign_real(const Option *option, const char *text, Settings *settings, Error *err)
{
    Decimal number;
    if (read_number(option, text, &number, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    const double value = decimal_value(number);
    if (value < option->minimum || value > option->maximum) {
        return refuse_range(option, text, err);
    }
    *(double *)option_field(option, settings) = value;
    return STATUS_OK;
}

/* "1.5 GB" in bytes; a plain number in the option's own unit. */
static Status read_size(const Option *option, const char *text, const char *wrong, int64_t *size, Error *err)
{
    const struct {
        const char *name;
        int64_t bytes;
    } units[] = {
        {"", option->plain_bytes > 0 ? option->plain_bytes : 1},
        {"B", 1},
        {"kB", 1000},
        {"MB", 1000000},
        {"GB", 1000000000},
        {"TB", 1000000000000},
        {"KiB", INT64_C(1) << 10},
        {"MiB", INT64_C(1) << 20},
        {"GiB", INT64_C(1) << 30},
        {"TiB", INT64_C(1) << 40},
    };
    Decimal number;
    const char *end = text;
    const DecimalResult result = decimal_read(text, &number, &end);
    if (result == DECIMAL_TOO_LONG) {
        return refuse_long(option, text, err);
    }
    while (result == DECIMAL_OK && *end == ' ') {
        end++;
    }
    for (size_t i = 0; result == DECIMAL_OK && i < sizeof units / sizeof units[0]; i++) {
        if (strcasecmp(end, units[i].name) != 0) {
            continue;
        }
        const long double bytes =
            (long double)number.mantissa / (long double)number.divisor * (long double)units[i].bytes;
        if (bytes < (long double)option->minimum || bytes > (long double)option->maximum) {
            return refuse_range(option, text, err);
        }
        *size = (int64_t)bytes;
        return STATUS_OK;
    }
    return refuse(option, text, wrong, err);
}

static Status assign_size(const Option *option, const char *text, Settings *settings, Error *err)
{
    return read_size(option, text, "is not a size: a number and B, kB, MB, GB, KiB, MiB or GiB",
                     option_field(option, settings), err);
}

static Status assign_share(const Option *option, const char *text, Settings *settings, Error *err)
{
    Share *field = option_field(option, settings);
    Decimal number;
    const char *end = text;
    if (decimal_read(text, &number, &end) == DECIMAL_OK) {
        end += strspn(end, " ");
        if (strcmp(end, "%") == 0) {
            const double percent = decimal_value(number);
            if (percent > 100) {
                return refuse(option, text, "is out of range: 0 % to 100 %", err);
            }
            *field = (Share){.percent = percent};
            return STATUS_OK;
        }
    }
    int64_t bytes = 0;
    const Status status = read_size(option, text, "is neither a size (1.5GB) nor a share (2%)", &bytes, err);
    if (status == STATUS_OK) {
        *field = (Share){.bytes = bytes};
    }
    return status;
}

static int64_t common_divisor(int64_t a, int64_t b)
{
    while (b != 0) {
        const int64_t rest = a % b;
        a = b;
        b = rest;
    }
    return a;
}

static Status assign_rate(const Option *option, const char *text, Settings *settings, Error *err)
{
    static const char wrong[] = "is not a frame rate: a number or a fraction, as 25, 29.97, 30000/1001";
    FrameRate *field = option_field(option, settings);
    Decimal over;
    Decimal under = {1, 1};
    const char *end = text;
    DecimalResult result = decimal_read(text, &over, &end);
    if (result == DECIMAL_OK && (*end == '/' || *end == ':')) {
        result = decimal_read(end + 1, &under, &end);
        if (over.divisor != 1 || under.divisor != 1 || under.mantissa <= 0) {
            result = result == DECIMAL_OK ? DECIMAL_NOT_A_NUMBER : result;
        }
    }
    if (result == DECIMAL_TOO_LONG) {
        return refuse_long(option, text, err);
    }
    if (result != DECIMAL_OK || *end != '\0') {
        return refuse(option, text, wrong, err);
    }
    if (over.mantissa == 0) {
        *field = (FrameRate){0, 1};
        return STATUS_OK;
    }
    const int64_t below = under.mantissa * over.divisor; /* one of the factors is 1 */
    const double value = (double)over.mantissa / (double)below;
    if (value < option->minimum || value > option->maximum) {
        return refuse_range(option, text, err);
    }
    const int64_t divisor = common_divisor(over.mantissa, below);
    if (over.mantissa / divisor > INT32_MAX || below / divisor > INT32_MAX) {
        return refuse(option, text, "has too many digits", err);
    }
    *field = (FrameRate){(int)(over.mantissa / divisor), (int)(below / divisor)};
    return STATUS_OK;
}

bool option_has_choice(const Option *option, const char *text)
{
    for (const char *const *choice = option->choices; choice != NULL && *choice != NULL; choice++) {
        if (strcmp(*choice, text) == 0) {
            return true;
        }
    }
    return false;
}

static Status check_choice(const Option *option, const char *text, Error *err)
{
    if (option_has_choice(option, text)) {
        return STATUS_OK;
    }
    Text why = {0};
    text_append(&why, "is not known; known: ");
    for (const char *const *choice = option->choices; *choice != NULL; choice++) {
        text_appendf(&why, "%s%s", choice == option->choices ? "" : ", ", *choice);
    }
    (void)refuse(option, text, why.data, err);
    text_free(&why);
    return STATUS_FAILED;
}

static Status assign_list(const Option *option, const char *text, Settings *settings, Error *err)
{
    TextList *field = option_field(option, settings);
    if (option->type == OPTION_FILES && text[0] == '\0') {
        return refuse(option, text, "is empty", err);
    }
    const bool path = option->paths && strchr(text, '/') != NULL;
    if (option->type == OPTION_LIST && !path && check_choice(option, text, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    if (option->type != OPTION_POSITIONAL) {
        for (size_t i = 0; i < field->count; i++) {
            if (strcmp(field->items[i], text) == 0) {
                return STATUS_OK;
            }
        }
    }
    text_list_add(field, text);
    return STATUS_OK;
}

static Status assign_text(const Option *option, const char *text, Settings *settings, Error *err)
{
    char **field = option_field(option, settings);
    if (text[0] == '\0') {
        return refuse(option, text, "is empty", err);
    }
    if (option->choices != NULL && check_choice(option, text, err) != STATUS_OK) {
        return STATUS_FAILED;
    }
    char *copy = text_duplicate(text);
    memory_free(*field);
    *field = copy;
    return STATUS_OK;
}

Status option_assign(const Option *option, const char *text, Settings *settings, Error *err)
{
    switch (option->type) {
    case OPTION_BOOL:
        return assign_bool(option, text, settings, err);
    case OPTION_INTEGER:
        return assign_integer(option, text, settings, err);
    case OPTION_REAL:
        return assign_real(option, text, settings, err);
    case OPTION_SIZE:
        return assign_size(option, text, settings, err);
    case OPTION_SHARE:
        return assign_share(option, text, settings, err);
    case OPTION_RATE:
        return assign_rate(option, text, settings, err);
    case OPTION_LIST:
    case OPTION_FILES:
    case OPTION_POSITIONAL:
        return assign_list(option, text, settings, err);
    case OPTION_TEXT:
    case OPTION_FILE:
    case OPTION_FOLDER:
    case OPTION_CHOICE:
    case OPTION_FIRST:
        return assign_text(option, text, settings, err);
    default:
        return refuse(option, text, "takes no value", err);
    }
}

Status option_assign_fallback(const Option *option, Settings *settings, Error *err)
{
    Status status = STATUS_OK;
    if (option->type != OPTION_LIST || option->fallback == NULL) {
        return option->fallback != NULL ? option_assign(option, option->fallback, settings, err) : STATUS_OK;
    }
    char *words = text_duplicate(option->fallback);
    char *rest = NULL;
    for (char *word = strtok_r(words, " ", &rest); word != NULL && status == STATUS_OK;
         word = strtok_r(NULL, " ", &rest)) {
        status = option_assign(option, word, settings, err);
    }
    memory_free(words);
    return status;
}

void option_clear(const Option *option, Settings *settings)
{
    void *field = option_field(option, settings);
    switch (option->type) {
    case OPTION_BOOL:
        *(bool *)field = false;
        break;
    case OPTION_INTEGER:
    case OPTION_SIZE:
        *(int64_t *)field = 0;
        break;
    case OPTION_REAL:
        *(double *)field = 0;
        break;
    case OPTION_SHARE:
        *(Share *)field = (Share){0};
        break;
    case OPTION_RATE:
        *(FrameRate *)field = (FrameRate){0, 1};
        break;
    case OPTION_LIST:
    case OPTION_FILES:
    case OPTION_POSITIONAL:
        text_list_free(field);
        break;
    case OPTION_HELP:
    case OPTION_VERSION:
    case OPTION_NONE:
        break;
    default:
        memory_free(*(char **)field);
        *(char **)field = NULL;
        break;
    }
}
