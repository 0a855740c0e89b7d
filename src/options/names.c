#include "options/names.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

enum { NAME_BYTES = 64 };

/* The option's name, or its opposite's; false when it has none. */
static bool spell(const Option *option, bool negated, char name[NAME_BYTES])
{
    if (option->type == OPTION_POSITIONAL || (negated && option->type != OPTION_BOOL)) {
        return false;
    }
    (void)snprintf(name, NAME_BYTES, "%s%s", negated ? "no-" : "", option->name);
    return true;
}

typedef struct Search {
    const char *command; /* NULL: any */
    const char *typed;
    OptionMatch exact;
    OptionMatch prefix;
    int prefixes;
    Text prefix_names;
    size_t nearest;
    char nearest_name[NAME_BYTES];
    int containing;
    Text containing_names;
} Search;

/* Calls `look` for every spelling of the command's options. */
static void each_spelling(void (*look)(Search *search, const char *name, OptionMatch match), Search *search)
{
    for (size_t i = 0; i < option_count; i++) {
        if (search->command != NULL && !option_is_of(&option_table[i], search->command)) {
            continue;
        }
        for (int negated = 0; negated < 2; negated++) {
            char name[NAME_BYTES];
            if (spell(&option_table[i], negated == 1, name)) {
                look(search, name, (OptionMatch){&option_table[i], negated == 1});
            }
        }
    }
}

static void list_name(Text *names, const char *name)
{
    text_appendf(names, "%s--%s", names->length > 0 ? ", " : "", name);
}

static void look_at(Search *search, const char *name, OptionMatch match)
{
    if (strcmp(name, search->typed) == 0) {
        search->exact = match;
    }
    if (text_starts_with(name, search->typed)) {
        search->prefix = match;
        search->prefixes++;
        list_name(&search->prefix_names, name);
    } else if (strstr(name, search->typed) != NULL && !match.negated) {
        search->containing++;
        list_name(&search->containing_names, name);
    }
}

static void look_how_near(Search *search, const char *name, OptionMatch match)
{
    (void)match;
    const size_t distance = text_distance(name, search->typed);
    if (distance < search->nearest) {
        search->nearest = distance;
        text_copy(search->nearest_name, sizeof search->nearest_name, name);
    }
}

/* "runbatch help status lists its options" */
static void advise_help(const char *command, Error *err)
{
    if (command != NULL && strcmp(command, "run") != 0) {
        error_advise(err, "runbatch help %s lists its options", command);
    } else {
        error_advise(err, "runbatch --help lists the options");
    }
}

Status option_refuse_for(const char *command, const char *as_typed, Error *err)
{
    char what[128];
    char shown[81];
    text_copy(shown, sizeof shown, as_typed);
    (void)snprintf(what, sizeof what, "%s is no option of runbatch %s", shown, command);
    (void)error_set(err, ERROR_USAGE, what, NULL, "");
    advise_help(command, err);
    return STATUS_FAILED;
}

static Status refuse_unknown(Search *search, Error *err)
{
    enum { LEAST_PART = 3, MOST_PARTS = 3 };
    OptionMatch elsewhere = {0};
    if (search->command != NULL && option_match(NULL, search->typed, &elsewhere, NULL) == STATUS_OK &&
        elsewhere.option != NULL) {
        char as_typed[NAME_BYTES];
        (void)snprintf(as_typed, sizeof as_typed, "--%s%s", elsewhere.negated ? "no-" : "",
                       elsewhere.option->name);
        return option_refuse_for(search->command, as_typed, err);
    }
    char what[128];
    char shown[81];
    text_copy(shown, sizeof shown, search->typed);
    (void)snprintf(what, sizeof what, "unknown option --%s", shown);
    (void)error_set(err, ERROR_USAGE, what, NULL, "");
    const size_t length = strlen(search->typed);
    if (err != NULL) {
        each_spelling(look_how_near, search);
    }
    if (search->nearest <= 1 + length / 5 && search->nearest < length) {
        error_advise(err, "did you mean --%s?", search->nearest_name);
    } else if (length >= LEAST_PART && search->containing > 0 && search->containing <= MOST_PARTS) {
        error_advise(err, "did you mean %s?", search->containing_names.data);
    } else {
        advise_help(search->command, err);
    }
    return STATUS_FAILED;
}

Status option_match(const char *command, const char *typed, OptionMatch *match, Error *err)
{
    Search search = {.command = command, .typed = typed, .nearest = SIZE_MAX};
    each_spelling(look_at, &search);
    Status status = STATUS_OK;
    if (search.exact.option != NULL) {
        *match = search.exact;
    } else if (search.prefixes == 1 && typed[0] != '\0') {
        *match = search.prefix;
    } else if (search.prefixes > 1 && typed[0] != '\0') {
        char what[128];
        (void)snprintf(what, sizeof what, "--%.80s", typed);
        status =
            error_setf(err, ERROR_USAGE, what, NULL, "fits several options: %s", search.prefix_names.data);
    } else {
        status = refuse_unknown(&search, err);
    }
    text_free(&search.prefix_names);
    text_free(&search.containing_names);
    return status;
}

bool option_is_one(const char *word)
{
    if (word[0] != '-' || word[1] == '\0') {
        return false;
    }
    if (word[1] != '-') {
        return word[2] == '\0' && option_find_short(word[1]) != NULL;
    }
    char name[NAME_BYTES];
    const size_t length = strcspn(word + 2, "=");
    if (length == 0 || length >= sizeof name) {
        return word[2] == '\0';
    }
    memcpy(name, word + 2, length);
    name[length] = '\0';
    OptionMatch match;
    return option_match(NULL, name, &match, NULL) == STATUS_OK;
}
