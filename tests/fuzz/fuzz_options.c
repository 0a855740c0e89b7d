/* Command lines, one word a line: what is accepted survives JSON, and names outputs or says why not. */
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "batch/naming.h"
#include "fuzz.h"
#include "options/parse.h"

enum { MOST_WORDS = 64 };

static const char *const commands[] = {"run", "resume", "status", "pause", "clean", "version"};

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_json(const Settings *settings)
{
    json_t *object = settings_to_json(settings);
    char *text = json_dumps(object, JSON_COMPACT);
    require(text != NULL);
    json_t *read = json_loads(text, 0, NULL);
    Settings again;
    require(settings_from_json(read, &again, NULL) == STATUS_OK);
    json_t *written = settings_to_json(&again);
    require(json_equal(object, written) == 1);
    json_decref(written);
    settings_free(&again);
    json_decref(read);
    free(text);
    json_decref(object);
}

static void check_name(const Settings *settings)
{
    const NameParts parts = {settings->sources.count > 0 ? settings->sources.items[0] : NULL,
                             settings->target != NULL ? settings->target : "clip7.mp4", 3};
    char *name = NULL;
    Error err = {0};
    if (naming_expand(settings->output_name, &parts, &name, &err) == STATUS_OK) {
        require(name[0] != '\0' && name[0] != '.' && strchr(name, '/') == NULL);
    } else {
        require(name == NULL && error_is_set(&err));
    }
    memory_free(name);
}

static void check_line(const CommandLine *line)
{
    Settings settings;
    OptionsAction action;
    Error err = {0};
    const Status status = options_parse(line, &settings, &action, &err);
    require(error_is_set(&err) == (status != STATUS_OK));
    if (status != STATUS_OK) {
        return;
    }
    check_json(&settings);
    check_name(&settings);
    json_t *before = settings_to_json(&settings);
    Settings again;
    if (options_parse_over(line, before, &again, &action, &err) == STATUS_OK) {
        settings_free(&again);
    }
    json_decref(before);
    settings_free(&settings);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    const char *argv[MOST_WORDS] = {"runbatch"};
    int argc = 1;
    for (char *rest = text, *word = NULL; argc < MOST_WORDS && (word = strsep(&rest, "\n")) != NULL;) {
        argv[argc++] = word;
    }
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const CommandLine line = {.command = commands[i], .argc = argc, .argv = argv};
        check_line(&line);
    }
    free(text);
    return 0;
}
