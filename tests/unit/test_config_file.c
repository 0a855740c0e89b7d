/* runbatch.ini, presets, and what counts before what. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/files.h"
#include "options/config_file.h"
#include "options/explain.h"
#include "options/parse.h"
#include "options/scenario.h"

enum { MOST_WORDS = 8 };

static Status read_text(const char *text, Config *config, Error *err)
{
    return config_parse(text, strlen(text), "runbatch.ini", config, err);
}

static Config config_of(const char *text)
{
    Config config = {0};
    Error err = {0};
    if (read_text(text, &config, &err) != STATUS_OK) {
        fail_msg("%s: %s: %s", err.what, err.file, err.why);
    }
    return config;
}

static Status parse(const char *command, const Config *config, const char *const *words, Settings *settings,
                    Error *err)
{
    const char *argv[MOST_WORDS + 1] = {command};
    int count = 0;
    while (count < MOST_WORDS && words[count] != NULL) {
        argv[count + 1] = words[count];
        count++;
    }
    const CommandLine line = {.command = command, .argc = count + 1, .argv = argv, .config = config};
    OptionsAction action;
    return options_parse(&line, settings, &action, err);
}

static Settings settings_of(const Config *config, const char *const *words)
{
    Settings settings;
    Error err = {0};
    if (parse("run", config, words, &settings, &err) != STATUS_OK) {
        fail_msg("%s: %s", err.what, err.why);
    }
    return settings;
}

#define WORDS(...) ((const char *const[MOST_WORDS]){__VA_ARGS__})

/* ---- the file ---- */

static void sections_are_read(void **state)
{
    (void)state;
    Config config = config_of("\xef\xbb\xbf# mine\r\n\r\n [ defaults ] \r\n  jobs =  3 \r\n; more\n"
                              "source = a = b # c\nexecution-provider = "
                              "cuda,\tcpu\n[preset\tnight_2]\nmany-faces = off\n[preset x]\n");
    assert_int_equal(config.count, 3);
    assert_null(config.sections[0].preset);
    assert_int_equal(config.sections[0].count, 3);
    assert_string_equal(config.sections[0].lines[0].option->name, "jobs");
    assert_string_equal(config.sections[0].lines[0].value, "3");
    assert_int_equal(config.sections[0].lines[0].line, 4);
    assert_string_equal(config.sections[0].lines[1].value, "a = b # c");
    assert_string_equal(config.sections[0].lines[2].value, "cuda,cpu");
    assert_ptr_equal(config_preset(&config, "night_2"), &config.sections[1]);
    assert_int_equal(config_preset(&config, "x")->count, 0);
    assert_null(config_preset(&config, "y"));
    config_free(&config);
    config_free(&config);
    config = config_of("");
    assert_int_equal(config.count, 0);
}

static void errors_name_file_and_line(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *line; /* as error_text tells it */
    } cases[] = {
        {"[defaults]\njobs = 99\n", "jobs: runbatch.ini:2: '99' is out of range: auto, or 1 to 64"},
        {"[defaults]\n\n\njobs: 2\n", "jobs: 2: runbatch.ini:4: is neither a [section] nor option = value"},
        {"jobs = 2", "jobs: runbatch.ini:1: stands before the first section: [defaults] or [preset NAME]"},
        {"[defaults]\nthreads = 2", "threads: runbatch.ini:2: there is no such option (did you mean "
                                    "--execution-threads, --decoder-threads, --encoder-threads?)"},
        {"[defaults]\nexecution-thr = 2",
         "execution-thr: runbatch.ini:2: there is no such option (did you mean execution-threads?)"},
        {"[defaults]\nno-many-faces = on",
         "no-many-faces: runbatch.ini:2: there is no such option (many-faces = off)"},
        {"[defaults]\nJOBS = 2",
         "JOBS: runbatch.ini:2: there is no such option (runbatch --help lists the options)"},
        {"[defaults]\nranges = 2",
         "ranges: runbatch.ini:2: there is no such option (runbatch --help lists the options)"},
        {"[preset a]\nsandbox = off", "sandbox: runbatch.ini:2: is an option of the command line only"},
        {"[preset a]\ntarget = x", "target: runbatch.ini:2: is an option of the command line only"},
        {"[preset a]\npreset = b", "preset: runbatch.ini:2: is an option of the command line only"},
        {"[preset a]\ndry-run = on", "dry-run: runbatch.ini:2: is an option of the command line only"},
        {"[preset a]\nhelp = on", "help: runbatch.ini:2: is an option of the command line only"},
        {"[preset a]\nwatch = on", "watch: runbatch.ini:2: is an option of the command line only"},
        {"[preset a]\njobs = 1\njobs = 1", "jobs: runbatch.ini:3: is set already in this section"},
        {"[preset a]\n[preset a]", "preset a: runbatch.ini:2: this section is there already"},
        {"[defaults]\n[defaults]", "defaults: runbatch.ini:2: this section is there already"},
        {"[default]", "default: runbatch.ini:1: there are the sections [defaults] and [preset NAME]"},
        {"[]", ": runbatch.ini:1: there are the sections [defaults] and [preset NAME]"},
        {"[", "[: runbatch.ini:1: a section's name ends with ]"},
        {"[presets]", "presets: runbatch.ini:1: there are the sections [defaults] and [preset NAME]"},
        {"[preset a b]",
         "preset a b: runbatch.ini:1: a preset's name is made of letters, digits, - and _, 32 at most"},
        {"[preset ]",
         "preset: runbatch.ini:1: a preset's name is made of letters, digits, - and _, 32 at most"},
        {"[defaults]\nsource =", "source: runbatch.ini:2: '' is empty"},
        {"[defaults]\nmany-faces = maybe", "many-faces: runbatch.ini:2: 'maybe' is neither on nor off"},
        {"[defaults]\nframe-processor = face_swapper, x",
         "frame-processor: runbatch.ini:2: 'x' is not known; known: face_swapper, face_enhancer, "
         "face_anonymizer, frame_enhancer, face_debugger"},
        {"[defaults]\nmany-faces\x1b = on",
         "many-faces?: runbatch.ini:2: there is no such option (did you mean --many-faces?)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Config config = {0};
        Error err = {0};
        char told[2048];
        assert_int_equal(read_text(cases[i].text, &config, &err), STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_USAGE);
        assert_int_equal(config.count, 0);
        assert_string_equal(error_text(&err, told, sizeof told), cases[i].line);
        config_free(&config);
    }
}

static void it_is_bounded_and_text(void **state)
{
    (void)state;
    Config config = {0};
    Error err = {0};
    char *large = memory_alloc(CONFIG_BYTES + 2, 1);
    memset(large, '#', CONFIG_BYTES + 1);
    assert_int_equal(config_parse(large, CONFIG_BYTES, "x", &config, &err), STATUS_OK);
    assert_int_equal(config_parse(large, CONFIG_BYTES + 1, "x", &config, &err), STATUS_FAILED);
    assert_string_equal(err.why, "is larger than 64 KiB");
    error_clear(&err);
    assert_int_equal(config_parse("[defaults]\n\0", 12, "x", &config, &err), STATUS_FAILED);
    assert_string_equal(err.why, "has a zero byte in it: it is no text");
    memory_free(large);
    config_free(&config);
}

/* What was read before stays when a later file is refused. */
static void a_file_that_is_refused_adds_nothing(void **state)
{
    (void)state;
    Config config = config_of("[defaults]\njobs = 2\n");
    assert_int_equal(read_text("[preset a]\njobs = 3\n[preset b]\nx\n", &config, NULL), STATUS_FAILED);
    assert_int_equal(config.count, 1);
    assert_string_equal(config.sections[0].lines[0].value, "2");
    config_free(&config);
}

/* ---- where files lie ---- */

static char *folder;

static int make_folder(void **state)
{
    (void)state;
    char template[] = "/tmp/runbatch-test-XXXXXX";
    folder = text_duplicate(mkdtemp(template));
    return chdir(folder);
}

static int remove_folder(void **state)
{
    (void)state;
    static const char *const names[] = {"runbatch.ini", "xdg/runbatch/runbatch.ini", "xdg/runbatch", "xdg",
                                        ""};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        char *path = path_join(folder, names[i]);
        (void)remove(path);
        memory_free(path);
    }
    memory_free(folder);
    return chdir("/");
}

static void put(const char *name, const char *content)
{
    char *path = path_join(folder, name);
    char *parent = path_folder(path);
    assert_int_equal(folder_make(parent, NULL), STATUS_OK);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    fputs(content, file);
    fclose(file);
    memory_free(parent);
    memory_free(path);
}

static void the_current_folder_counts_before_the_users_own(void **state)
{
    (void)state;
    Config config = {0};
    Error err = {0};
    char *xdg = path_join(folder, "xdg");
    assert_int_equal(setenv("XDG_CONFIG_HOME", xdg, 1), 0);
    assert_int_equal(config_read_standard(&config, &err), STATUS_OK); /* there is none */
    assert_int_equal(config.count, 0);
    put("xdg/runbatch/runbatch.ini",
        "[defaults]\njobs = 2\nexecution-threads = 3\n[preset a]\njobs = 5\nlot-size = 4\n");
    put("runbatch.ini", "[defaults]\njobs = 7\n[preset a]\njobs = 6\n");
    assert_int_equal(config_read_standard(&config, &err), STATUS_OK);
    Settings settings = settings_of(&config, WORDS(NULL));
    assert_int_equal(settings.jobs, 7);
    assert_int_equal(settings.execution_threads, 3);
    settings_free(&settings);
    settings = settings_of(&config, WORDS("--preset=a"));
    assert_int_equal(settings.jobs, 6);
    assert_int_equal(settings.lot_size, 0); /* the other one's preset does not count at all */
    settings_free(&settings);
    config_free(&config);
    put("runbatch.ini", "[defaults]\njobs = x\n");
    assert_int_equal(config_read_standard(&config, &err), STATUS_FAILED);
    assert_string_equal(err.file, "runbatch.ini:2");
    assert_int_equal(config.count, 0);
    memory_free(xdg);
}

static void only_files_of_ones_own_are_taken(void **state)
{
    (void)state;
    Config config = {0};
    Error err = {0};
    assert_int_equal(config_read(folder, &config, &err), STATUS_FAILED);
    assert_string_equal(err.why, "it is no regular file");
    error_clear(&err);
    put("runbatch.ini", "[defaults]\njobs = 2\n");
    if (geteuid() != 0) {
        skip();
    }
    assert_int_equal(chmod(folder, 0755), 0);
    assert_int_equal(chown("runbatch.ini", 12345, 12345), 0);
    assert_int_equal(config_read("runbatch.ini", &config, &err), STATUS_OK); /* root takes any */
    config_free(&config);
    assert_int_equal(seteuid(54321), 0);
    const Status others = config_read("runbatch.ini", &config, &err);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(others, STATUS_FAILED);
    assert_string_equal(err.why, "it is somebody else's");
    error_clear(&err);
    assert_int_equal(seteuid(12345), 0);
    const Status own = config_read("runbatch.ini", &config, &err);
    assert_int_equal(seteuid(0), 0);
    assert_int_equal(own, STATUS_OK);
    config_free(&config);
}

/* ---- what counts before what ---- */

static void the_line_counts_before_the_preset_before_the_defaults(void **state)
{
    (void)state;
    Config config = config_of("[defaults]\njobs = 2\nexecution-threads = 3\nencoder-threads = 4\n"
                              "[preset a]\njobs = 5\nexecution-threads = 6\n");
    Settings settings = settings_of(&config, WORDS("--jobs=7", "--preset", "a"));
    assert_int_equal(settings.jobs, 7);
    assert_int_equal(settings.execution_threads, 6);
    assert_int_equal(settings.encoder_threads, 4);
    assert_string_equal(settings.preset, "a");
    settings_free(&settings);
    config_free(&config);
}

static void built_in_presets_set_what_they_say(void **state)
{
    (void)state;
    for (size_t i = 0; i < scenario_count; i++) {
        const char *name = scenario_table[i].name;
        for (const ScenarioValue *value = scenario_table[i].values; value->option != NULL; value++) {
            const Option *option = option_find(value->option);
            assert_non_null(option);
            assert_true(config_may_set(option));
            assert_int_equal(option_check_value(option, value->value, NULL), STATUS_OK);
        }
        Settings settings = settings_of(NULL, WORDS("--preset", name));
        assert_string_equal(settings.preset, name);
        settings_free(&settings);
        assert_non_null(strstr(option_find("preset")->help, name));
    }
    Settings settings = settings_of(NULL, WORDS("--preset=stable"));
    assert_int_equal(settings.execution_threads, 2);
    assert_int_equal(settings.max_memory_bytes, 4000000000);
    settings_free(&settings);
    settings = settings_of(NULL, WORDS("--preset=lots"));
    assert_int_equal(settings.lot_size, 30);
    settings_free(&settings);
    settings = settings_of(NULL, WORDS("--preset=fast"));
    assert_int_equal(settings.jobs, 0);
    settings_free(&settings);
    settings = settings_of(NULL, WORDS("--preset=light", "--frame-store=disk"));
    assert_int_equal(settings.output_video_quality, 25);
    assert_string_equal(settings.temp_frame_format, "jpg");
    assert_int_equal(settings.temp_frame_quality, 75);
    settings_free(&settings);
}

static void ones_own_preset_takes_a_built_in_ones_place(void **state)
{
    (void)state;
    Config config = config_of("[preset stable]\nexecution-threads = 1\n");
    Settings settings = settings_of(&config, WORDS("--preset=stable"));
    assert_int_equal(settings.execution_threads, 1);
    assert_int_equal(settings.max_memory_bytes, 8000000000);
    settings_free(&settings);
    Error err = {0};
    assert_int_equal(parse("run", &config, WORDS("--preset=none"), &settings, &err), STATUS_FAILED);
    assert_string_equal(err.why, "'none' is not known; known: fast, stable, lots, light, stable");
    config_free(&config);
}

static void values_that_contradict_each_other_are_refused(void **state)
{
    (void)state;
    Config config = config_of("[preset a]\nmemory-high = 40\n[defaults]\noutput-video-preset = p5\n");
    Settings settings;
    Error err = {0};
    assert_int_equal(
        parse("run", &config, WORDS("--output-video-preset=fast", "--preset=a"), &settings, &err),
        STATUS_FAILED);
    assert_string_equal(err.what, "--memory-resume");
    error_clear(&err);
    assert_int_equal(parse("run", &config, WORDS(NULL), &settings, &err), STATUS_FAILED);
    assert_string_equal(err.what, "--output-video-preset");
    config_free(&config);
}

/* A command takes of the defaults what it takes of options. */
static void each_command_takes_its_own(void **state)
{
    (void)state;
    Config config = config_of("[defaults]\njobs = 2\noutput-dir = big\n");
    Settings settings;
    Error err = {0};
    assert_int_equal(parse("status", &config, WORDS(NULL), &settings, &err), STATUS_OK);
    assert_string_equal(settings.output_dir, "big");
    assert_int_equal(settings.jobs, 1);
    settings_free(&settings);
    assert_int_equal(parse("status", &config, WORDS("--preset=fast"), &settings, &err), STATUS_FAILED);
    assert_string_equal(err.what, "--preset is no option of runbatch status");
    config_free(&config);
}

/* Goes on with `before`; `words` are on its line. */
static Settings resumed(const char *before, const Config *config, const char *const *words)
{
    const char *argv[MOST_WORDS + 1] = {"resume"};
    int count = 0;
    while (count < MOST_WORDS && words[count] != NULL) {
        argv[count + 1] = words[count];
        count++;
    }
    const CommandLine line = {.command = "resume", .argc = count + 1, .argv = argv, .config = config};
    json_t *json = json_loads(before, 0, NULL);
    Settings settings;
    OptionsAction action;
    assert_int_equal(options_parse_over(&line, json, &settings, &action, NULL), STATUS_OK);
    json_decref(json);
    return settings;
}

static void resume_keeps_what_the_earlier_run_had(void **state)
{
    (void)state;
    static const char before[] = "{\"preset\": \"gone\", \"jobs\": 4, \"execution-threads\": 9}";
    Config config = config_of("[defaults]\njobs = 2\nlot-size = 3\n[preset a]\nexecution-threads = 5\n");
    Settings settings = resumed(before, &config, WORDS(NULL));
    assert_int_equal(settings.jobs, 4);
    assert_int_equal(settings.lot_size, 0);
    assert_int_equal(settings.execution_threads, 9);
    settings_free(&settings);
    settings = resumed(before, &config, WORDS("--preset=a"));
    assert_int_equal(settings.jobs, 4);
    assert_int_equal(settings.execution_threads, 5);
    assert_string_equal(settings.preset, "a");
    settings_free(&settings);
    config_free(&config);
}

/* ---- what is told ---- */

static void expect_lines(const Settings *settings, const char *expected)
{
    OptionLine lines[OPTION_MOST];
    Text told = {0};
    text_append(&told, "");
    const size_t count = options_explain(settings, lines);
    for (size_t i = 0; i < count; i++) {
        text_appendf(&told, "%s=%s %s\n", lines[i].option->name, lines[i].value,
                     settings_from_name(lines[i].from));
        if (lines[i].option->type < OPTION_POSITIONAL) { /* it reads back */
            assert_int_equal(option_check_value(lines[i].option, lines[i].value, NULL), STATUS_OK);
        }
    }
    assert_string_equal(told.data, expected);
    text_free(&told);
    option_lines_free(lines, count);
}

static void it_is_told_where_values_are_from(void **state)
{
    (void)state;
    Config config = config_of("[defaults]\njobs = auto\nframe-budget = 1536MB\nmax-total-memory = 80%\n");
    Settings settings =
        settings_of(&config, WORDS("1-3", "--preset=stable", "--execution-threads=3", "--no-many-faces",
                                   "--output-fps=30000/1001", "--quiet", "7"));
    expect_lines(&settings, "ranges=1-3,7 command-line\n"
                            "many-faces=off command-line\n"
                            "output-fps=30000/1001 command-line\n"
                            "execution-threads=3 command-line\n"
                            "frame-budget=1536MB config\n"
                            "max-memory=4GB preset\n"
                            "max-total-memory=80% config\n"
                            "jobs=auto config\n");
    settings_free(&settings);
    config_free(&config);
}

static void what_has_no_effect_is_not_told(void **state)
{
    (void)state;
    Settings settings = settings_of(NULL, WORDS("--preset=light"));
    expect_lines(&settings, "frame-processor=face_swapper preset\noutput-video-quality=25 preset\n");
    settings_free(&settings);
    settings = resumed("{\"jobs\": 4, \"execution-threads\": 4}", NULL, WORDS("--lot-size=2"));
    expect_lines(&settings, "jobs=4 earlier\nlot-size=2 command-line\n");
    settings_free(&settings);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sections_are_read),
        cmocka_unit_test(errors_name_file_and_line),
        cmocka_unit_test(it_is_bounded_and_text),
        cmocka_unit_test(a_file_that_is_refused_adds_nothing),
        cmocka_unit_test_setup_teardown(the_current_folder_counts_before_the_users_own, make_folder,
                                        remove_folder),
        cmocka_unit_test_setup_teardown(only_files_of_ones_own_are_taken, make_folder, remove_folder),
        cmocka_unit_test(the_line_counts_before_the_preset_before_the_defaults),
        cmocka_unit_test(built_in_presets_set_what_they_say),
        cmocka_unit_test(ones_own_preset_takes_a_built_in_ones_place),
        cmocka_unit_test(values_that_contradict_each_other_are_refused),
        cmocka_unit_test(each_command_takes_its_own),
        cmocka_unit_test(resume_keeps_what_the_earlier_run_had),
        cmocka_unit_test(it_is_told_where_values_are_from),
        cmocka_unit_test(what_has_no_effect_is_not_told),
    };
    return cmocka_run_group_tests_name("config_file", tests, NULL, NULL);
}
