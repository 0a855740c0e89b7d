#include "options/parse.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "options/face_map.h"
#include "options/names.h"
#include "options/preset.h"
#include "options/scenario.h"
#include "options/value.h"

typedef struct Parser {
    const CommandLine *line;
    int next; /* the word to look at next */
    Settings *settings;
    OptionsAction *action;
    bool given[OPTION_MOST]; /* by row of the table */
    bool again;              /* the option at hand was given before */
    Error *err;
} Parser;

static const char *peek(const Parser *parser)
{
    return parser->next < parser->line->argc ? parser->line->argv[parser->next] : NULL;
}

/* `as_typed` is "--output" or "-o". */
static Status refuse(const Parser *parser, const char *as_typed, const char *why)
{
    char what[128];
    text_copy(what, sizeof what, as_typed);
    return error_set(parser->err, ERROR_USAGE, what, NULL, why);
}

/* Splits at commas, except the names of files; empty pieces are the user's mistake and are told as such. */
static Status assign_pieces(const Parser *parser, const Option *option, const char *values, TextList *pieces)
{
    if (option->type == OPTION_FILES) {
        text_list_add(pieces, values);
        return STATUS_OK;
    }
    for (const char *start = values;; start++) {
        const size_t length = strcspn(start, ",");
        Text piece = {0};
        text_append_bytes(&piece, start, length);
        Status status = STATUS_OK;
        if (!option_has_choice(option, piece.data) && !(option->paths && strchr(piece.data, '/') != NULL)) {
            status = option_assign(option, piece.data, parser->settings, parser->err);
        } else {
            text_list_add(pieces, piece.data);
        }
        text_free(&piece);
        start += length;
        if (status != STATUS_OK || *start == '\0') {
            return status;
        }
    }
}

static const char *first_available(const Parser *parser, const Option *option, const TextList *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (parser->line->available == NULL || parser->line->available(option->check, names->items[i])) {
            return names->items[i];
        }
    }
    return names->count > 0 ? names->items[0] : option->fallback;
}

static Status assign_collected(const Parser *parser, const Option *option, const TextList *pieces)
{
    if (option->type == OPTION_FIRST) {
        return option_assign(option, first_available(parser, option, pieces), parser->settings, parser->err);
    }
    if (option->type != OPTION_FILES || !parser->again) {
        option_clear(option, parser->settings);
    }
    for (size_t i = 0; i < pieces->count; i++) {
        if (option_assign(option, pieces->items[i], parser->settings, parser->err) != STATUS_OK) {
            return STATUS_FAILED;
        }
    }
    return STATUS_OK;
}

/* A word behind a list of values belongs to it unless it is an option or begins as a range does. */
static bool continues_list(const char *word)
{
    return word != NULL && word[0] != '\0' && word[0] != '-' && !(word[0] >= '0' && word[0] <= '9');
}

/* With --name=value nothing more belongs to it (`more` is false). */
static Status assign_several(Parser *parser, const Option *option, const char *first, bool more)
{
    TextList pieces = {0};
    Status status = assign_pieces(parser, option, first, &pieces);
    while (status == STATUS_OK && more && continues_list(peek(parser))) {
        status = assign_pieces(parser, option, parser->line->argv[parser->next++], &pieces);
    }
    if (status == STATUS_OK) {
        status = assign_collected(parser, option, &pieces);
    }
    text_list_free(&pieces);
    return status;
}

/* `value` is what was attached with '=' or behind a short name; NULL when nothing was. */
static Status take_option(Parser *parser, const Option *option, const char *as_typed, const char *value)
{
    parser->again = parser->given[option - option_table];
    parser->given[option - option_table] = true;
    if (!option_takes_value(option)) {
        if (option->type == OPTION_HELP || option->type == OPTION_VERSION) {
            *parser->action = option->type == OPTION_HELP ? OPTIONS_HELP : OPTIONS_VERSION;
            return value == NULL ? STATUS_OK : refuse(parser, as_typed, "takes no value");
        }
        return option_assign(option, value != NULL ? value : "on", parser->settings, parser->err);
    }
    const bool attached = value != NULL;
    if (!attached) {
        value = peek(parser);
        if (value == NULL || option_is_one(value)) {
            (void)refuse(parser, as_typed, "needs a value");
            error_advise(parser->err, "--%s=%s", option->name, option->value);
            return STATUS_FAILED;
        }
        parser->next++;
    }
    return option_takes_several(option) ? assign_several(parser, option, value, !attached && !option->single)
                                        : option_assign(option, value, parser->settings, parser->err);
}

static Status take_long(Parser *parser, const char *word)
{
    const size_t length = strcspn(word, "=");
    const char *value = word[length] == '=' ? word + length + 1 : NULL;
    Text name = {0};
    text_append_bytes(&name, word, length);
    OptionMatch match = {0};
    Status status = option_match(parser->line->command, name.data + 2, &match, parser->err);
    if (status == STATUS_OK && match.negated) {
        parser->given[match.option - option_table] = true;
        status = value == NULL ? option_assign(match.option, "off", parser->settings, parser->err)
                               : refuse(parser, name.data, "takes no value");
    } else if (status == STATUS_OK) {
        status = take_option(parser, match.option, name.data, value);
    }
    text_free(&name);
    return status;
}

static Status take_short(Parser *parser, const char *word)
{
    for (const char *letter = word + 1; *letter != '\0'; letter++) {
        const Option *option = option_find_short(*letter);
        if (option == NULL) {
            (void)error_setf(parser->err, ERROR_USAGE, "unknown option", NULL, "%.80s", word);
            error_advise(parser->err, word[1] >= '0' && word[1] <= '9'
                                          ? "a range begins with its first position: 1-5"
                                          : "runbatch --help lists the options");
            return STATUS_FAILED;
        }
        const char as_typed[] = {'-', *letter, '\0'};
        if (!option_is_of(option, parser->line->command)) {
            return option_refuse_for(parser->line->command, as_typed, parser->err);
        }
        const bool valued = option_takes_value(option);
        const char *value = valued && letter[1] != '\0' ? letter + 1 : NULL;
        if (take_option(parser, option, as_typed, value) != STATUS_OK) {
            return STATUS_FAILED;
        }
        if (valued || *parser->action != OPTIONS_RUN) {
            break;
        }
    }
    return STATUS_OK;
}

static Status take_positional(Parser *parser, const char *word)
{
    const Option *option = option_positional(parser->line->command);
    if (option == NULL) {
        char what[64];
        (void)snprintf(what, sizeof what, "runbatch %s", parser->line->command);
        return error_setf(parser->err, ERROR_USAGE, what, NULL, "takes options only, not '%.80s'", word);
    }
    bool *given = &parser->given[option - option_table];
    if (!*given) {
        option_clear(option, parser->settings);
        *given = true;
    }
    return option_assign(option, word, parser->settings, parser->err);
}

static Status take_word(Parser *parser, bool *options_ended)
{
    const char *word = parser->line->argv[parser->next++];
    if (*options_ended || word[0] != '-' || word[1] == '\0') {
        return take_positional(parser, word);
    }
    if (strcmp(word, "--") == 0) {
        *options_ended = true;
        return STATUS_OK;
    }
    return word[1] == '-' ? take_long(parser, word) : take_short(parser, word);
}

static bool was_given(const Parser *parser, const char *name)
{
    return parser->given[option_find(name) - option_table];
}

/* A folder that is named now takes the place of the one file that an earlier run was about. */
static void replace_earlier(const Parser *parser)
{
    static const char *const places[][2] = {{"input-dir", "target"}, {"source-dir", "source"}};
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (was_given(parser, places[i][0]) && !was_given(parser, places[i][1])) {
            option_clear(option_find(places[i][1]), parser->settings);
        }
    }
}

static Status check_combinations(const Parser *parser)
{
    static const char *const exclusive[][2] = {
        {"target", "input-dir"},
        {"output", "output-dir"},
        {"quiet", "verbose"},
    };
    for (size_t i = 0; i < sizeof exclusive / sizeof exclusive[0]; i++) {
        if (was_given(parser, exclusive[i][0]) && was_given(parser, exclusive[i][1])) {
            return error_setf(parser->err, ERROR_USAGE, "options that exclude each other", NULL,
                              "--%s and --%s", exclusive[i][0], exclusive[i][1]);
        }
    }
    if (was_given(parser, "frame-store") && parser->settings->keep_frames &&
        !settings_frames_on_disk(parser->settings)) {
        return error_set(parser->err, ERROR_USAGE, "options that exclude each other", NULL,
                         "--frame-store memory and --keep-frames");
    }
    const bool is_preview = strcmp(parser->line->command, "preview") == 0;
    if (was_given(parser, "output") && parser->settings->target == NULL && !is_preview) {
        (void)refuse(parser, "--output", "says where one --target goes, and there is none");
        error_advise(parser->err, "for the outputs of a folder: --output-dir");
        return STATUS_FAILED;
    }
    return STATUS_OK;
}

/* A pause that begins at a use at which it ends would never be one. */
static Status check_marks(const Parser *parser)
{
    const Settings *settings = parser->settings;
    if (settings->memory_resume < settings->memory_high) {
        return STATUS_OK;
    }
    (void)error_setf(parser->err, ERROR_USAGE, "--memory-resume", NULL,
                     "%g is not less than --memory-high %g", settings->memory_resume, settings->memory_high);
    error_advise(parser->err, "memory is waited for from the high mark down to the lower one");
    return STATUS_FAILED;
}

static const char *check_label(OptionCheck check)
{
    return check == OPTION_CHECK_ENCODER ? "there is no such encoder here" : "there is no such provider here";
}

Status settings_check(const Settings *settings, OptionAvailable available, Error *err)
{
    for (size_t i = 0; available != NULL && i < option_count; i++) {
        const Option *option = &option_table[i];
        if (option->check == OPTION_CHECK_NONE) {
            continue;
        }
        const char *value = *(char *const *)option_field_const(option, settings);
        if (value == NULL || available(option->check, value)) {
            continue;
        }
        char what[128];
        (void)snprintf(what, sizeof what, "--%s %s", option->name, value);
        Text there = {0};
        for (const char *const *choice = option->choices; *choice != NULL; choice++) {
            if (available(option->check, *choice)) {
                text_appendf(&there, "%s%s", there.length > 0 ? ", " : "", *choice);
            }
        }
        (void)error_set(err, ERROR_ENVIRONMENT, what, NULL, check_label(option->check));
        error_advise(err, "available here: %s", there.length > 0 ? there.data : "none");
        text_free(&there);
        return STATUS_FAILED;
    }
    return STATUS_OK;
}

static Status take_words(Parser *parser)
{
    *parser->action = OPTIONS_RUN;
    bool options_ended = false;
    Status status = STATUS_OK;
    while (status == STATUS_OK && *parser->action == OPTIONS_RUN && peek(parser) != NULL) {
        status = take_word(parser, &options_ended);
    }
    for (size_t i = 0; i < option_count; i++) {
        if (parser->given[i]) {
            parser->settings->from[i] = SETTINGS_FROM_LINE;
        }
    }
    return status;
}

/* ---- what the line leaves out ---- */

/* As if --name=value stood on the line. */
static Status apply(Parser *parser, const Option *option, const char *value, SettingsFrom from)
{
    if (!option_is_of(option, parser->line->command)) {
        return STATUS_OK;
    }
    parser->settings->from[option - option_table] = (unsigned char)from;
    return option_takes_several(option) ? assign_several(parser, option, value, false)
                                        : option_assign(option, value, parser->settings, parser->err);
}

static Status apply_section(Parser *parser, const ConfigSection *section, SettingsFrom from)
{
    Status status = STATUS_OK;
    for (size_t i = 0; i < section->count && status == STATUS_OK; i++) {
        status = apply(parser, section->lines[i].option, section->lines[i].value, from);
    }
    return status;
}

static Status apply_defaults(Parser *parser)
{
    const Config *config = parser->line->config;
    Status status = STATUS_OK;
    for (size_t i = 0; config != NULL && i < config->count && status == STATUS_OK; i++) {
        if (config->sections[i].preset == NULL) {
            status = apply_section(parser, &config->sections[i], SETTINGS_FROM_CONFIG);
        }
    }
    return status;
}

static Status refuse_preset(const Parser *parser, const char *name)
{
    const Config *config = parser->line->config;
    char shown[81];
    Text known = {0};
    text_copy(shown, sizeof shown, name);
    for (size_t i = 0; i < scenario_count; i++) {
        text_appendf(&known, "%s%s", i > 0 ? ", " : "", scenario_table[i].name);
    }
    for (size_t i = 0; config != NULL && i < config->count; i++) {
        if (config->sections[i].preset != NULL) {
            text_appendf(&known, ", %s", config->sections[i].preset);
        }
    }
    (void)error_setf(parser->err, ERROR_USAGE, "--preset", NULL, "'%s' is not known; known: %.400s", shown,
                     known.data);
    text_free(&known);
    return STATUS_FAILED;
}

static Status apply_preset(Parser *parser, const char *name)
{
    const ConfigSection *section =
        parser->line->config != NULL ? config_preset(parser->line->config, name) : NULL;
    const Scenario *scenario = scenario_find(name);
    Status status = STATUS_OK;
    if (section != NULL) {
        return apply_section(parser, section, SETTINGS_FROM_PRESET);
    }
    if (scenario == NULL) {
        return refuse_preset(parser, name);
    }
    for (const ScenarioValue *value = scenario->values; status == STATUS_OK && value->option != NULL;
         value++) {
        status = apply(parser, option_find(value->option), value->value, SETTINGS_FROM_PRESET);
    }
    return status;
}

/* The preset counts less than anything on the line, wherever it stands there: so the line is read once for it
 * alone. */
static Status take_preset(Parser *parser)
{
    Settings settings;
    OptionsAction action;
    Parser scout = {
        .line = parser->line, .next = 1, .settings = &settings, .action = &action, .err = parser->err};
    settings_defaults(&settings);
    Status status = take_words(&scout);
    if (status == STATUS_OK && action == OPTIONS_RUN && settings.preset != NULL) {
        status = apply_preset(parser, settings.preset);
    }
    settings_free(&settings);
    return status;
}

/* Fills the parser's settings, which hold what the line leaves out; on failure they own nothing. */
static Status parse(Parser *parser)
{
    Status status = take_preset(parser);
    if (status == STATUS_OK) {
        status = take_words(parser);
    }
    if (status == STATUS_OK && *parser->action == OPTIONS_RUN) {
        replace_earlier(parser);
        status = check_combinations(parser);
    }
    if (status == STATUS_OK && *parser->action == OPTIONS_RUN) {
        settings_settle(parser->settings);
        status = preset_check(parser->settings, parser->err);
    }
    if (status == STATUS_OK && *parser->action == OPTIONS_RUN) {
        status = face_map_settle(parser->settings, parser->err);
    }
    if (status == STATUS_OK && *parser->action == OPTIONS_RUN) {
        status = check_marks(parser);
    }
    if (status == STATUS_OK && *parser->action == OPTIONS_RUN) {
        status = settings_check(parser->settings, parser->line->available, parser->err);
    }
    if (status != STATUS_OK) {
        settings_free(parser->settings);
    }
    return status;
}

Status options_parse(const CommandLine *line, Settings *settings, OptionsAction *action, Error *err)
{
    Parser parser = {.line = line, .next = 1, .settings = settings, .action = action, .err = err};
    settings_defaults(settings);
    if (apply_defaults(&parser) != STATUS_OK) {
        settings_free(settings);
        return STATUS_FAILED;
    }
    return parse(&parser);
}

Status option_check_value(const Option *option, const char *value, Error *err)
{
    const CommandLine line = {.command = "run"};
    Settings settings = {0};
    Parser parser = {.line = &line, .settings = &settings, .err = err};
    const Status status = option_takes_several(option) ? assign_several(&parser, option, value, false)
                                                       : option_assign(option, value, &settings, err);
    option_clear(option, &settings);
    return status;
}

/* What of an earlier run's settings holds for this one. */
static json_t *carried(const CommandLine *line, const json_t *before)
{
    json_t *object = json_copy((json_t *)(uintptr_t)before);
    for (size_t i = 0; i < option_count; i++) {
        if (option_table[i].group == OPTION_GROUP_TALK || !option_is_of(&option_table[i], line->command)) {
            (void)json_object_del(object, option_table[i].name);
        }
    }
    return object;
}

/* Notes what is not as in the table. */
static void note_earlier(Settings *settings)
{
    Settings defaults;
    settings_defaults(&defaults);
    json_t *usual = settings_to_json(&defaults);
    json_t *earlier = settings_to_json(settings);
    for (size_t i = 0; i < option_count; i++) {
        const char *name = option_table[i].name;
        if (json_equal(json_object_get(usual, name), json_object_get(earlier, name)) == 0) {
            settings->from[i] = SETTINGS_FROM_EARLIER;
        }
    }
    json_decref(earlier);
    json_decref(usual);
    settings_free(&defaults);
}

Status options_parse_over(const CommandLine *line, const json_t *before, Settings *settings,
                          OptionsAction *action, Error *err)
{
    Parser parser = {.line = line, .next = 1, .settings = settings, .action = action, .err = err};
    json_t *object = carried(line, before);
    const Status status = settings_from_json(object, settings, err);
    json_decref(object);
    if (status != STATUS_OK) {
        return status;
    }
    note_earlier(settings);
    return parse(&parser);
}
