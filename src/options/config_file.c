#include "options/config_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "options/names.h"
#include "options/parse.h"

static const char file_name[] = "runbatch.ini";

/* ---- sections ---- */

static void free_section(ConfigSection *section)
{
    for (size_t i = 0; i < section->count; i++) {
        memory_free(section->lines[i].value);
    }
    memory_free(section->lines);
    memory_free(section->preset);
    memory_free(section->file);
    *section = (ConfigSection){0};
}

static void cut(Config *config, size_t count)
{
    while (config->count > count) {
        free_section(&config->sections[--config->count]);
    }
}

void config_free(Config *config)
{
    cut(config, 0);
    memory_free(config->sections);
    *config = (Config){0};
}

static bool same_preset(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

const ConfigSection *config_preset(const Config *config, const char *name)
{
    for (size_t i = config->count; i > 0; i--) {
        const ConfigSection *section = &config->sections[i - 1];
        if (section->preset != NULL && strcmp(section->preset, name) == 0) {
            return section;
        }
    }
    return NULL;
}

bool config_may_set(const Option *option)
{
    static const char *const others[] = {"preset", "target", "output", "sandbox"};
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        if (strcmp(option->name, others[i]) == 0) {
            return false;
        }
    }
    return option->type < OPTION_POSITIONAL && option->group != OPTION_GROUP_TALK &&
           option_is_of(option, "run");
}

/* ---- one file ---- */

typedef struct Reading {
    const char *name; /* of the file */
    Config *config;
    size_t first; /* its first section */
    int line;
    Error *err;
} Reading;

/* Says where it is. Always STATUS_FAILED. */
static Status refuse(const Reading *reading, const char *what, const char *why)
{
    char shown[96];
    char place[sizeof reading->err->file];
    text_copy(shown, sizeof shown, what);
    text_strip_control(shown);
    (void)snprintf(place, sizeof place, "%.480s:%d", reading->name, reading->line);
    return error_set(reading->err, ERROR_USAGE, shown, place, why);
}

static char *trim(char *text)
{
    static const char blanks[] = " \t\r";
    text += strspn(text, blanks);
    size_t length = strlen(text);
    while (length > 0 && strchr(blanks, text[length - 1]) != NULL) {
        length--;
    }
    text[length] = '\0';
    return text;
}

static bool is_preset_name(const char *name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";
    const size_t length = strlen(name);
    return length > 0 && length <= CONFIG_PRESET_NAME && strspn(name, letters) == length;
}

static Status begin_section(const Reading *reading, char *word)
{
    static const char preset_word[] = "preset";
    enum { PRESET_WORD = sizeof preset_word - 1 };
    const size_t length = strlen(word);
    if (word[length - 1] != ']') {
        return refuse(reading, word, "a section's name ends with ]");
    }
    word[length - 1] = '\0';
    char *name = trim(word + 1);
    const char *preset = NULL;
    if (text_starts_with(name, preset_word) &&
        (name[PRESET_WORD] == '\0' || name[PRESET_WORD] == ' ' || name[PRESET_WORD] == '\t')) {
        preset = trim(name + PRESET_WORD);
        if (!is_preset_name(preset)) {
            return refuse(reading, name, "a preset's name is made of letters, digits, - and _, 32 at most");
        }
    } else if (strcmp(name, "defaults") != 0) {
        return refuse(reading, name, "there are the sections [defaults] and [preset NAME]");
    }
    Config *config = reading->config;
    for (size_t i = reading->first; i < config->count; i++) {
        if (same_preset(config->sections[i].preset, preset)) {
            return refuse(reading, name, "this section is there already");
        }
    }
    config->sections = memory_resize(config->sections, config->count + 1, sizeof *config->sections);
    config->sections[config->count++] =
        (ConfigSection){.preset = preset != NULL ? text_duplicate(preset) : NULL,
                        .file = text_duplicate(reading->name),
                        .line = reading->line};
    return STATUS_OK;
}

/* The whole name, and no --no-x. */
static Status find_option(const Reading *reading, const char *key, const Option **option)
{
    Error why = {0};
    OptionMatch match = {0};
    *option = option_find(key);
    if (*option != NULL && config_may_set(*option)) {
        return STATUS_OK;
    }
    if (*option != NULL) {
        return refuse(reading, key, "is an option of the command line only");
    }
    (void)refuse(reading, key, "there is no such option");
    if (option_match("run", key, &match, &why) == STATUS_OK) {
        error_advise(reading->err, match.negated ? "%s = off" : "did you mean %s?", match.option->name);
    } else if (why.todo[0] != '\0') {
        error_advise(reading->err, "%s", why.todo);
    }
    return STATUS_FAILED;
}

/* "a, b" as "a,b". */
static void drop_blanks(char *text)
{
    char *to = text;
    for (const char *from = text; *from != '\0'; from++) {
        if (*from != ' ' && *from != '\t') {
            *to++ = *from;
        }
    }
    *to = '\0';
}

static Status add_line(const Reading *reading, const Option *option, char *value)
{
    ConfigSection *section = &reading->config->sections[reading->config->count - 1];
    Error why = {0};
    for (size_t i = 0; i < section->count; i++) {
        if (section->lines[i].option == option) {
            return refuse(reading, option->name, "is set already in this section");
        }
    }
    if (option_takes_several(option) && !option->single) {
        drop_blanks(value);
    }
    if (option_check_value(option, value, &why) != STATUS_OK) {
        return refuse(reading, option->name, why.why);
    }
    section->lines = memory_resize(section->lines, section->count + 1, sizeof *section->lines);
    section->lines[section->count++] =
        (ConfigLine){.option = option, .value = text_duplicate(value), .line = reading->line};
    return STATUS_OK;
}

static Status take_line(const Reading *reading, char *line)
{
    char *word = trim(line);
    const Option *option = NULL;
    if (word[0] == '\0' || word[0] == '#' || word[0] == ';') {
        return STATUS_OK;
    }
    if (word[0] == '[') {
        return begin_section(reading, word);
    }
    char *equals = strchr(word, '=');
    if (equals == NULL) {
        return refuse(reading, word, "is neither a [section] nor option = value");
    }
    *equals = '\0';
    const char *key = trim(word);
    if (reading->config->count == reading->first) {
        return refuse(reading, key, "stands before the first section: [defaults] or [preset NAME]");
    }
    return find_option(reading, key, &option) == STATUS_OK ? add_line(reading, option, trim(equals + 1))
                                                           : STATUS_FAILED;
}

Status config_parse(const char *text, size_t size, const char *name, Config *config, Error *err)
{
    static const char mark[] = "\xef\xbb\xbf"; /* of UTF-8, as some editors write it */
    Reading reading = {.name = name, .config = config, .first = config->count, .err = err};
    Text copy = {0};
    text_append(&copy, "");
    text_append_bytes(&copy, text, size);
    Status status = STATUS_OK;
    char *rest = text_starts_with(copy.data, mark) ? copy.data + strlen(mark) : copy.data;
    if (size > CONFIG_BYTES) {
        status = refuse(&reading, "the file", "is larger than 64 KiB");
    } else if (strlen(copy.data) != size) {
        status = refuse(&reading, "the file", "has a zero byte in it: it is no text");
    }
    for (char *line = NULL; status == STATUS_OK && (line = strsep(&rest, "\n")) != NULL;) {
        reading.line++;
        status = take_line(&reading, line);
    }
    text_free(&copy);
    if (status != STATUS_OK) {
        cut(config, reading.first);
    }
    return status;
}

/* ---- where they lie ---- */

Status config_read(const char *path, Config *config, Error *err)
{
    struct stat file;
    char *text = NULL;
    int64_t size = 0;
    if (stat(path, &file) != 0) {
        return errno == ENOENT || errno == ENOTDIR
                   ? STATUS_OK
                   : error_set_errno(err, ERROR_ENVIRONMENT, "cannot read the configuration", path, errno);
    }
    if (!S_ISREG(file.st_mode)) {
        return error_set(err, ERROR_ENVIRONMENT, "cannot read the configuration", path,
                         "it is no regular file");
    }
    if (file.st_uid != geteuid() && file.st_uid != 0 && geteuid() != 0) {
        (void)error_set(err, ERROR_ENVIRONMENT, "cannot take the configuration", path,
                        "it is somebody else's");
        error_advise(err, "run in a folder without it, or make it your own");
        return STATUS_FAILED;
    }
    Status status = file_read(path, CONFIG_BYTES, &text, &size, err);
    if (status == STATUS_OK) {
        status = config_parse(text, (size_t)size, path, config, err);
    }
    memory_free(text);
    return status;
}

/* New memory; NULL where there is none. A relative XDG path is to be ignored (XDG base directory
 * specification). */
static char *users_file(void)
{
    const char *config = getenv("XDG_CONFIG_HOME");
    const char *home = getenv("HOME");
    if (config != NULL && config[0] == '/') {
        return text_format("%s/runbatch/%s", config, file_name);
    }
    return home != NULL && home[0] != '\0' ? text_format("%s/.config/runbatch/%s", home, file_name) : NULL;
}

Status config_read_standard(Config *config, Error *err)
{
    char *users = users_file();
    Status status = users != NULL ? config_read(users, config, err) : STATUS_OK;
    if (status == STATUS_OK) {
        status = config_read(file_name, config, err);
    }
    if (status != STATUS_OK) {
        config_free(config);
    }
    memory_free(users);
    return status;
}
