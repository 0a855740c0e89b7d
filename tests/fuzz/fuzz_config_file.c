/* runbatch.ini: any bytes give sections whose values can be set, or an error that names the line. */
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "options/config_file.h"
#include "options/parse.h"

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void check_section(const Config *config, const ConfigSection *section)
{
    const char *words[] = {"run", "--preset", section->preset};
    const CommandLine line = {
        .command = "run", .argc = section->preset != NULL ? 3 : 1, .argv = words, .config = config};
    Settings settings;
    OptionsAction action;
    Error err = {0};
    for (size_t i = 0; i < section->count; i++) {
        require(config_may_set(section->lines[i].option) && section->lines[i].line > 0);
        require(option_check_value(section->lines[i].option, section->lines[i].value, NULL) == STATUS_OK);
    }
    /* alone they are right; together they may contradict each other */
    const Status status = options_parse(&line, &settings, &action, &err);
    require(error_is_set(&err) == (status != STATUS_OK));
    if (status == STATUS_OK) {
        settings_free(&settings);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    enum { SECTIONS_MOST = 16 };
    Config config = {0};
    Error err = {0};
    const Status status = config_parse((const char *)data, size, "runbatch.ini", &config, &err);
    require(error_is_set(&err) == (status != STATUS_OK));
    require(status == STATUS_OK || (config.count == 0 && strncmp(err.file, "runbatch.ini:", 13) == 0));
    for (size_t i = 0; i < config.count && i < SECTIONS_MOST; i++) {
        check_section(&config, &config.sections[i]);
        require(config.sections[i].preset == NULL ||
                config_preset(&config, config.sections[i].preset) == &config.sections[i]);
    }
    config_free(&config);
    return 0;
}
