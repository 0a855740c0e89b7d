#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/alloc.h"
#include "base/text.h"
#include "options/help.h"
#include "options/json_text.h"
#include "options/names.h"
#include "options/parse.h"
#include "options/value.h"

#define PROCESSORS "face_swapper, face_enhancer, face_anonymizer, frame_enhancer, face_debugger"

enum { MOST_WORDS = 8 };

static int count_words(const char *const *words)
{
    int count = 0;
    while (count < MOST_WORDS && words[count] != NULL) {
        count++;
    }
    return count;
}

/* Parses "runbatch" and the words. */
static Status parse(const char *const *words, OptionAvailable available, Settings *settings,
                    OptionsAction *action, Error *err)
{
    const char *argv[MOST_WORDS + 1] = {"runbatch"};
    const int count = count_words(words);
    for (int i = 0; i < count; i++) {
        argv[i + 1] = words[i];
    }
    const CommandLine line = {.command = "run", .argc = count + 1, .argv = argv, .available = available};
    return options_parse(&line, settings, action, err);
}

static char *dumped(const Settings *settings)
{
    json_t *object = settings_to_json(settings);
    char *text = json_dumps(object, JSON_COMPACT | JSON_SORT_KEYS);
    json_decref(object);
    return text;
}

/* One key of the settings as JSON text. */
static char *dumped_key(const Settings *settings, const char *key)
{
    json_t *object = settings_to_json(settings);
    char *text =
        json_dumps(json_object_get(object, key), JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12));
    json_decref(object);
    assert_non_null(text);
    return text;
}

static void defaults_are_the_old_scripts(void **state)
{
    (void)state;
    Settings settings;
    settings_defaults(&settings);
    assert_string_equal(settings.source_dir, "source");
    assert_string_equal(settings.input_dir, "inputVideos");
    assert_string_equal(settings.output_dir, "outputVideos");
    assert_string_equal(settings.output_name, "{source}_{number}");
    assert_int_equal(settings.sources.count, 0);
    assert_null(settings.target);
    assert_null(settings.output);
    assert_int_equal(settings.ranges.count, 0);
    assert_int_equal(settings.frame_processors.count, 2);
    assert_string_equal(settings.frame_processors.items[0], "face_swapper");
    assert_string_equal(settings.frame_processors.items[1], "face_enhancer");
    assert_true(settings.many_faces);
    assert_true(settings.keep_fps);
    assert_true(settings.provenance);
    assert_false(settings.skip_audio || settings.dry_run || settings.quiet || settings.verbose ||
                 settings.json);
    assert_true(settings.similar_face_distance > 0.8499 && settings.similar_face_distance < 0.8501);
    assert_string_equal(settings.output_video_encoder, "libx264");
    assert_int_equal(settings.output_video_quality, 18);
    assert_null(settings.output_video_preset);
    assert_string_equal(settings.execution_provider, "cpu");
    assert_int_equal(settings.execution_threads, 4);
    assert_int_equal(settings.encoder_threads, 0);
    assert_int_equal(settings.frame_budget_bytes, 0);
    assert_int_equal(settings.jobs, 1);
    assert_true(settings.memory_high == 85 && settings.memory_resume == 50);
    assert_true(settings.memory_timeout_s == 120 && settings.memory_poll_s == 5);
    assert_string_equal(settings.on_memory_timeout, "continue");
    assert_string_equal(settings.order, "natural");
    assert_int_equal(settings.lot_size, 0);
    assert_null(settings.models_dir);
    assert_true(settings_needs_source(&settings));
    settings_free(&settings);
    assert_null(settings.source_dir);
    settings_free(&settings); /* twice is fine */
}

/* Every row is whole: its default passes its own check, and its field is its own. */
static void the_table_is_sound(void **state)
{
    (void)state;
    for (size_t i = 0; i < option_count; i++) {
        const Option *option = &option_table[i];
        assert_true(option->help != NULL && option->help[0] != '\0');
        assert_true(option->help[strlen(option->help) - 1] != '.');
        Settings settings = {0};
        assert_int_equal(option_assign_fallback(option, &settings, NULL), STATUS_OK);
        option_clear(option, &settings);
        for (size_t j = i + 1; j < option_count; j++) {
            const Option *other = &option_table[j];
            assert_string_not_equal(option->name, other->name);
            assert_false(option->short_name != '\0' && option->short_name == other->short_name);
            if (option->type < OPTION_HELP && other->type < OPTION_HELP) {
                assert_int_not_equal(option->offset, other->offset);
            }
        }
        if (option->type == OPTION_CHOICE || option->type == OPTION_LIST || option->type == OPTION_FIRST) {
            assert_non_null(option->choices);
        }
        if (option->type != OPTION_POSITIONAL) {
            assert_ptr_equal(option_find(option->name), option);
        }
    }
}

static void good_command_lines(void **state)
{
    (void)state;
    static const struct {
        const char *words[MOST_WORDS];
        const char *key;
        const char *value;
    } cases[] = {
        /* spelling */
        {{"--output-video-quality=25"}, "output-video-quality", "25"},
        {{"--output-video-quality", "25"}, "output-video-quality", "25"},
        {{"--output-video-q", "25"}, "output-video-quality", "25"},
        {{"--output-video-quality=0"}, "output-video-quality", "0"},
        {{"--output-video-quality=100"}, "output-video-quality", "100"},
        {{"--jobs=1", "--jobs=3"}, "jobs", "3"},
        {{"-j3"}, "jobs", "3"},
        {{"-j", "3"}, "jobs", "3"},
        {{"-s", "a b.png"}, "source", "[\"a b.png\"]"},
        {{"-sa.png"}, "source", "[\"a.png\"]"},
        {{"--source=a=b.png"}, "source", "[\"a=b.png\"]"},
        {{"--source=-x.png"}, "source", "[\"-x.png\"]"},
        {{"--source=--target"}, "source", "[\"--target\"]"},
        {{"--source", "-x.png"}, "source", "[\"-x.png\"]"},
        {{"--source", "\xc3\xb1.png"}, "source", "[\"\xc3\xb1.png\"]"},
        {{"-s", "-"}, "source", "[\"-\"]"},
        {{"-qn"}, "quiet", "true"},
        {{"-qn"}, "dry-run", "true"},
        {{"-qsx.png"}, "source", "[\"x.png\"]"},
        {{"-s", "a.png", "--source=b.png", "5"}, "source", "[\"a.png\",\"b.png\"]"},
        {{"-qj", "2"}, "jobs", "2"},
        {{"--jobs=auto"}, "jobs", "0"},
        {{"--jobs=0"}, "jobs", "0"},
        {{"--order=largest-memory-last"}, "order", "\"largest-memory-last\""},
        {{"--lot-size=30"}, "lot-size", "30"},
        {{"--memory-high=49.5", "--memory-resume=49"}, "memory-high", "49.5"},
        {{"--memory-timeout=0"}, "memory-timeout", "0.0"},
        {{"--on-memory-timeout=fail"}, "on-memory-timeout", "\"fail\""},
        /* on or off */
        {{"--no-many-faces"}, "many-faces", "false"},
        {{"--many-faces"}, "many-faces", "true"},
        {{"--no-many-faces", "--many-faces"}, "many-faces", "true"},
        {{"--many-faces=off"}, "many-faces", "false"},
        {{"--many-faces=0"}, "many-faces", "false"},
        {{"--no-many"}, "many-faces", "false"},
        {{"--skip-audio=yes"}, "skip-audio", "true"},
        {{"--no-provenance"}, "provenance", "false"},
        /* what is no option */
        {{"5"}, "ranges", "[\"5\"]"},
        {{"1-30", "-q", "31-,40"}, "ranges", "[\"1-30\",\"31-,40\"]"},
        {{"-q", "--", "-5", "--help"}, "ranges", "[\"-5\",\"--help\"]"},
        {{"--many-faces", "5"}, "ranges", "[\"5\"]"},
        {{"-"}, "ranges", "[\"-\"]"},
        /* lists */
        {{"--frame-processor", "face_swapper"}, "frame-processor", "[\"face_swapper\"]"},
        {{"--frame-processor=face_swapper"}, "frame-processor", "[\"face_swapper\"]"},
        {{"--frame-processor", "face_swapper", "face_swapper"}, "frame-processor", "[\"face_swapper\"]"},
        {{"--frame-processor", "face_swapper", "1-3"}, "ranges", "[\"1-3\"]"},
        {{"--frame-processor=face_swapper", "7"}, "ranges", "[\"7\"]"},
        {{"--execution-provider=cuda", "cpu"}, "ranges", "[\"cpu\"]"},
        {{"--frame-processor", "face_swapper", "-q"}, "quiet", "true"},
        {{"--execution-provider", "cuda", "cpu"}, "execution-provider", "\"cuda\""},
        {{"--execution-provider=tensorrt,cpu"}, "execution-provider", "\"tensorrt\""},
        /* numbers */
        {{"--similar-face-distance", "0.6"}, "similar-face-distance", "0.6"},
        {{"--similar-face-distance=1"}, "similar-face-distance", "1.0"},
        {{"--similar-face-distance=4"}, "similar-face-distance", "4.0"},
        {{"--reference-frame-number=1000000"}, "reference-frame-number", "1000000"},
        {{"--execution-threads=007"}, "execution-threads", "7"},
        {{"--execution-threads=+7"}, "execution-threads", "7"},
        /* sizes */
        {{"--frame-budget=512MiB"}, "frame-budget", "536870912"},
        {{"--frame-budget=512 mib"}, "frame-budget", "536870912"},
        {{"--frame-budget=1.5GB"}, "frame-budget", "1500000000"},
        {{"--frame-budget=0.5KiB"}, "frame-budget", "512"},
        {{"--frame-budget=4096"}, "frame-budget", "4096"},
        {{"--frame-budget=1TiB"}, "frame-budget", "1099511627776"},
        {{"--frame-budget=0"}, "frame-budget", "0"},
        {{"--max-memory=8"}, "max-memory", "8000000000"},
        {{"--max-memory=0.3"}, "max-memory", "300000000"},
        {{"--max-memory=512MiB"}, "max-memory", "536870912"},
        {{"--max-memory=700kB"}, "max-memory", "700000"},
        {{"--max-memory=64B"}, "max-memory", "64"},
        {{"--max-memory=0"}, "max-memory", "0"},
        {{"--max-total-memory=12.5"}, "max-total-memory", "\"12500000000B\""},
        {{"--max-total-memory=80%"}, "max-total-memory", "\"80%\""},
        {{"--max-total-memory=2GiB"}, "max-total-memory", "\"2147483648B\""},
        {{"--disk-reserve=4096"}, "disk-reserve", "\"4096B\""},
        {{"--max-video-memory=2.5"}, "max-video-memory", "2500000000"},
        {{"-q"}, "max-video-memory", "10240000000"},
        {{"-q"}, "max-memory", "8000000000"},
        /* presets */
        {{"--output-video-preset=veryslow"}, "output-video-preset", "\"veryslow\""},
        {{"--output-video-preset=5", "--output-video-encoder=libvpx-vp9"}, "output-video-preset", "\"5\""},
        {{"--output-video-preset=fast", "--output-video-encoder=libvpx-vp9"},
         "output-video-preset",
         "\"fast\""},
        {{"--output-video-preset=p7", "--output-video-encoder=hevc_nvenc"}, "output-video-preset", "\"p7\""},
        /* frame rates */
        {{"--output-fps=25"}, "output-fps", "\"25\""},
        {{"--output-fps=29.97"}, "output-fps", "\"2997/100\""},
        {{"--output-fps=30000/1001"}, "output-fps", "\"30000/1001\""},
        {{"--output-fps=24000:1001"}, "output-fps", "\"24000/1001\""},
        {{"--output-fps=60/2"}, "output-fps", "\"30\""},
        {{"--output-fps=0.5"}, "output-fps", "\"1/2\""},
        {{"--output-fps=0"}, "output-fps", "\"0\""},
        {{"--output-fps=1000"}, "output-fps", "\"1000\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Settings settings;
        OptionsAction action;
        Error err = {0};
        if (parse(cases[i].words, NULL, &settings, &action, &err) != STATUS_OK) {
            fail_msg("case %zu (%s): %s: %s", i, cases[i].words[0], err.what, err.why);
        }
        assert_int_equal(action, OPTIONS_RUN);
        char *value = dumped_key(&settings, cases[i].key);
        assert_string_equal(value, cases[i].value);
        free(value);
        settings_free(&settings);
    }
}

static void bad_command_lines(void **state)
{
    (void)state;
    static const struct {
        const char *words[MOST_WORDS];
        const char *line; /* as error_text tells it */
    } cases[] = {
        /* names */
        {{"--qiet"}, "unknown option --qiet (did you mean --quiet?)"},
        {{"--output-video-qualtiy=3"},
         "unknown option --output-video-qualtiy (did you mean --output-video-quality?)"},
        {{"--no-many-face5"}, "unknown option --no-many-face5 (did you mean --no-many-faces?)"},
        {{"--threads=3"},
         "unknown option --threads (did you mean --execution-threads, --decoder-threads, "
         "--encoder-threads?)"},
        {{"--xyzzy"}, "unknown option --xyzzy (runbatch --help lists the options)"},
        {{"--=3"}, "unknown option -- (runbatch --help lists the options)"},
        {{"--output-video"},
         "--output-video: fits several options: --output-video-encoder, "
         "--output-video-quality, --output-video-preset"},
        {{"--no-jobs"}, "unknown option --no-jobs (runbatch --help lists the options)"},
        {{"--ranges=5"}, "unknown option --ranges (runbatch --help lists the options)"},
        {{"-x"}, "unknown option: -x (runbatch --help lists the options)"},
        {{"-qx"}, "unknown option: -qx (runbatch --help lists the options)"},
        {{"-5"}, "unknown option: -5 (a range begins with its first position: 1-5)"},
        {{"--frame-processor", "face_improver"},
         "--frame-processor: 'face_improver' is not known; known: " PROCESSORS},
        {{"--frame-processor", "face_swapper", "face_improver"},
         "--frame-processor: 'face_improver' is not known; known: " PROCESSORS},
        {{"--frame-processor=face_swapper,"}, "--frame-processor: '' is not known; known: " PROCESSORS},
        /* values */
        {{"--jobs"}, "--jobs: needs a value (--jobs=N)"},
        {{"-j"}, "-j: needs a value (--jobs=N)"},
        {{"--source", "--target", "x"}, "--source: needs a value (--source=IMAGE)"},
        {{"-s", "-t", "x"}, "-s: needs a value (--source=IMAGE)"},
        {{"-s", "--", "x"}, "-s: needs a value (--source=IMAGE)"},
        {{"--source="}, "--source: '' is empty"},
        {{"--quiet=maybe"}, "--quiet: 'maybe' is neither on nor off"},
        {{"--no-quiet=on"}, "--no-quiet: takes no value"},
        {{"--help=x"}, "--help: takes no value"},
        {{"--output-video-quality=101"}, "--output-video-quality: '101' is out of range: 0 to 100"},
        {{"--output-video-quality", "-1"}, "--output-video-quality: '-1' is out of range: 0 to 100"},
        {{"--output-video-quality=99999999999999999999999"},
         "--output-video-quality: '99999999999999999999999' is out of range: 0 to 100"},
        {{"--output-video-quality=1.5"}, "--output-video-quality: '1.5' is not a whole number"},
        {{"--output-video-quality=12x"}, "--output-video-quality: '12x' is not a number"},
        {{"--output-video-quality= 12"}, "--output-video-quality: ' 12' is not a number"},
        {{"--output-video-quality="}, "--output-video-quality: '' is not a number"},
        {{"--execution-threads=0"}, "--execution-threads: '0' is out of range: 1 to 256"},
        {{"--jobs=65"}, "--jobs: '65' is out of range: auto, or 1 to 64"},
        {{"--jobs=-1"}, "--jobs: '-1' is out of range: auto, or 1 to 64"},
        {{"--jobs=Auto"}, "--jobs: 'Auto' is not a number"},
        {{"--execution-threads=auto"}, "--execution-threads: 'auto' is not a number"},
        {{"--order=random"},
         "--order: 'random' is not known; known: natural, shortest, longest, largest-memory-last"},
        {{"--memory-high=100"}, "--memory-high: '100' is out of range: 10 to 99"},
        {{"--memory-high=50"},
         "--memory-resume: 50 is not less than --memory-high 50 (memory is waited for from the high mark "
         "down "
         "to the lower one)"},
        {{"--memory-resume=90.5"},
         "--memory-resume: 90.5 is not less than --memory-high 85 (memory is waited for from the high mark "
         "down to the lower one)"},
        {{"--memory-poll=0"}, "--memory-poll: '0' is out of range: 0.1 to 3600"},
        {{"--on-memory-timeout=wait"}, "--on-memory-timeout: 'wait' is not known; known: continue, fail"},
        {{"--similar-face-distance=0,85"},
         "--similar-face-distance: '0,85' is not a number: it is written with a point"},
        {{"--similar-face-distance=4.01"}, "--similar-face-distance: '4.01' is out of range: 0 to 4"},
        {{"--similar-face-distance=1e-1"}, "--similar-face-distance: '1e-1' is not a number"},
        {{"--similar-face-distance=nan"}, "--similar-face-distance: 'nan' is not a number"},
        {{"--similar-face-distance=0.12345678901234567890"},
         "--similar-face-distance: '0.12345678901234567890' has too many digits"},
        {{"--similar-face-distance=."}, "--similar-face-distance: '.' is not a number"},
        {{"--frame-budget=2G"},
         "--frame-budget: '2G' is not a size: a number and B, kB, MB, GB, KiB, MiB or GiB"},
        {{"--frame-budget=GB"},
         "--frame-budget: 'GB' is not a size: a number and B, kB, MB, GB, KiB, MiB or GiB"},
        {{"--frame-budget=-1MB"}, "--frame-budget: '-1MB' is out of range: 0 to 1 TiB"},
        {{"--frame-budget=999999999999999999TiB"},
         "--frame-budget: '999999999999999999TiB' is out of range: 0 to 1 TiB"},
        {{"--max-memory=-1"}, "--max-memory: '-1' is out of range: 0 to 1024 TiB"},
        {{"--max-memory=2000000"}, "--max-memory: '2000000' is out of range: 0 to 1024 TiB"},
        {{"--max-memory=8,5"},
         "--max-memory: '8,5' is not a size: a number and B, kB, MB, GB, KiB, MiB or GiB"},
        {{"--max-memory=80%"},
         "--max-memory: '80%' is not a size: a number and B, kB, MB, GB, KiB, MiB or GiB"},
        {{"--max-total-memory=x"}, "--max-total-memory: 'x' is neither a size (1.5GB) nor a share (2%)"},
        {{"--disk-reserve=2x"}, "--disk-reserve: '2x' is neither a size (1.5GB) nor a share (2%)"},
        {{"--disk-reserve=101%"}, "--disk-reserve: '101%' is out of range: 0 % to 100 %"},
        {{"--disk-reserve=-1MB"}, "--disk-reserve: '-1MB' is out of range: 0 to 1024 TiB"},
        {{"--chunk-seconds=0.4"}, "--chunk-seconds: '0.4' is out of range: 0.5 to 3600"},
        {{"--output-fps=-25"}, "--output-fps: '-25' is out of range: 0.1 to 1000"},
        {{"--output-fps=1001"}, "--output-fps: '1001' is out of range: 0.1 to 1000"},
        {{"--output-fps=0.01"}, "--output-fps: '0.01' is out of range: 0.1 to 1000"},
        {{"--output-fps=25/0"},
         "--output-fps: '25/0' is not a frame rate: a number or a fraction, as 25, "
         "29.97, 30000/1001"},
        {{"--output-fps=25/"},
         "--output-fps: '25/' is not a frame rate: a number or a fraction, as 25, "
         "29.97, 30000/1001"},
        {{"--output-fps=1.5/2"},
         "--output-fps: '1.5/2' is not a frame rate: a number or a fraction, as 25, "
         "29.97, 30000/1001"},
        {{"--output-fps=3000000000000001/100000000000003"},
         "--output-fps: '3000000000000001/100000000000003' has too many digits"},
        {{"--output-video-encoder=mpeg2"},
         "--output-video-encoder: 'mpeg2' is not known; known: libx264, libx265, libvpx-vp9, h264_nvenc, "
         "hevc_nvenc"},
        {{"--execution-provider=rocm"},
         "--execution-provider: 'rocm' is not known; known: cpu, cuda, tensorrt"},
        {{"--output-video-preset=p4"},
         "--output-video-preset: 'p4' is not known to libx264; known: ultrafast, superfast, veryfast, "
         "faster, "
         "fast, medium, slow, slower, veryslow, placebo"},
        {{"--output-video-preset=8", "--output-video-encoder=libx265"},
         "--output-video-preset: '8' is not known to libx265; known: ultrafast, superfast, veryfast, faster, "
         "fast, medium, slow, slower, veryslow, placebo"},
        /* what does not go together */
        {{"-q", "-v"}, "options that exclude each other: --quiet and --verbose"},
        {{"-tx", "--input-dir=y"}, "options that exclude each other: --target and --input-dir"},
        {{"--keep-frames", "--frame-store=memory"},
         "options that exclude each other: --frame-store memory and --keep-frames"},
        {{"-tx", "-oy", "--output-dir=z"}, "options that exclude each other: --output and --output-dir"},
        {{"-oy"},
         "--output: says where one --target goes, and there is none (for the outputs of a folder: "
         "--output-dir)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Settings settings;
        OptionsAction action;
        Error err = {0};
        char line[1600];
        assert_int_equal(parse(cases[i].words, NULL, &settings, &action, &err), STATUS_FAILED);
        assert_string_equal(error_text(&err, line, sizeof line), cases[i].line);
        assert_int_equal(err.class_, ERROR_USAGE);
        assert_null(settings.source_dir); /* owns nothing */
    }
}

static void help_and_version_come_first(void **state)
{
    (void)state;
    static const struct {
        const char *words[MOST_WORDS];
        OptionsAction action;
    } cases[] = {
        {{"--help", "--nonsense"}, OPTIONS_HELP},    {{"-h"}, OPTIONS_HELP},    {{"-qh"}, OPTIONS_HELP},
        {{"5", "--version", "-x"}, OPTIONS_VERSION}, {{"-V"}, OPTIONS_VERSION}, {{"-oy", "-h"}, OPTIONS_HELP},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Settings settings;
        OptionsAction action;
        assert_int_equal(parse(cases[i].words, NULL, &settings, &action, NULL), STATUS_OK);
        assert_int_equal(action, cases[i].action);
        settings_free(&settings);
    }
}

static bool only_cpu_and_x265(OptionCheck check, const char *value)
{
    return strcmp(value, check == OPTION_CHECK_ENCODER ? "libx265" : "cpu") == 0;
}

static bool nothing_there(OptionCheck check, const char *value)
{
    (void)check;
    (void)value;
    return false;
}

static void what_is_not_here_is_told(void **state)
{
    (void)state;
    static const struct {
        const char *words[MOST_WORDS];
        OptionAvailable available;
        const char *line; /* NULL: fine */
    } cases[] = {
        {{"--output-video-encoder=libx265"}, only_cpu_and_x265, NULL},
        {{"--output-video-encoder=libx265", "--execution-provider", "tensorrt", "cuda", "cpu"},
         only_cpu_and_x265,
         NULL},
        {{"-q"},
         only_cpu_and_x265,
         "--output-video-encoder libx264: there is no such encoder here (available here: libx265)"},
        {{"--output-video-encoder=libx265", "--execution-provider=cuda"},
         only_cpu_and_x265,
         "--execution-provider cuda: there is no such provider here (available here: cpu)"},
        {{"-q"},
         nothing_there,
         "--output-video-encoder libx264: there is no such encoder here (available here: none)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Settings settings;
        OptionsAction action;
        Error err = {0};
        char line[1600];
        const Status status = parse(cases[i].words, cases[i].available, &settings, &action, &err);
        assert_int_equal(status, cases[i].line == NULL ? STATUS_OK : STATUS_FAILED);
        if (cases[i].line != NULL) {
            assert_string_equal(error_text(&err, line, sizeof line), cases[i].line);
            assert_int_equal(err.class_, ERROR_ENVIRONMENT);
        } else {
            assert_string_equal(settings.execution_provider, "cpu");
        }
        settings_free(&settings);
    }
}

static void the_frame_rate_that_holds(void **state)
{
    (void)state;
    static const struct {
        const char *words[MOST_WORDS];
        FrameRate rate;
    } cases[] = {
        {{"-q"}, {0, 1}},
        {{"--no-keep-fps"}, {30, 1}},
        {{"--no-keep-fps", "--output-fps=25"}, {25, 1}},
        {{"--output-fps=30000/1001"}, {30000, 1001}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Settings settings;
        OptionsAction action;
        assert_int_equal(parse(cases[i].words, NULL, &settings, &action, NULL), STATUS_OK);
        const FrameRate rate = settings_frame_rate(&settings);
        assert_int_equal(rate.num, cases[i].rate.num);
        assert_int_equal(rate.den, cases[i].rate.den);
        settings_free(&settings);
    }
}

static void larger_pictures_are_for_swappers_models_only(void **state)
{
    (void)state;
    static const struct {
        const char *words[MOST_WORDS];
        const char *model;
        const char *boost;
    } cases[] = {
        {{"--pixel-boost=512"}, "mesh", "off"},
        {{"--pixel-boost=512", "--face-swapper-model=inswapper_128"}, "inswapper_128", "512"},
        {{"--face-swapper-model=inswapper_128"}, "inswapper_128", "off"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Settings settings;
        OptionsAction action;
        assert_int_equal(parse(cases[i].words, NULL, &settings, &action, NULL), STATUS_OK);
        assert_string_equal(settings.face_swapper_model, cases[i].model);
        assert_string_equal(settings.pixel_boost, cases[i].boost);
        settings_free(&settings);
    }
}

/* Options without effect must not make an output anew. */
static void values_agree_with_each_other(void **state)
{
    (void)state;
    static const struct {
        const char *words[MOST_WORDS];
        const char *store;
        const char *format;
        int64_t quality;
    } cases[] = {
        {{"-q"}, "memory", "png", 0},
        {{"--keep-frames"}, "disk", "png", 0},
        {{"--keep-frames", "--no-keep-frames"}, "memory", "png", 0},
        {{"--no-keep-frames", "--frame-store=memory"}, "memory", "png", 0},
        {{"--temp-frame-format=jpg", "--temp-frame-quality=20"}, "memory", "png", 0},
        {{"--temp-frame-format=jpg", "--temp-frame-quality=20", "--keep-frames"}, "disk", "jpg", 20},
        {{"--frame-store=disk", "--temp-frame-format=jpg", "--temp-frame-quality=20"}, "disk", "jpg", 20},
        {{"--frame-store=disk", "--temp-frame-quality=20"}, "disk", "png", 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Settings settings;
        OptionsAction action;
        assert_int_equal(parse(cases[i].words, NULL, &settings, &action, NULL), STATUS_OK);
        assert_string_equal(settings.frame_store, cases[i].store);
        assert_string_equal(settings.temp_frame_format, cases[i].format);
        assert_int_equal(settings.temp_frame_quality, cases[i].quality);
        assert_int_equal(settings_frames_on_disk(&settings), strcmp(cases[i].store, "disk") == 0);
        settings_free(&settings);
    }
    json_t *object = json_loads("{\"keep-frames\": true, \"temp-frame-format\": null}", 0, NULL);
    Settings settings;
    assert_int_equal(settings_from_json(object, &settings, NULL), STATUS_OK);
    assert_true(settings_frames_on_disk(&settings));
    settings_free(&settings);
    json_decref(object);
}

static void json_gives_back_what_it_got(void **state)
{
    (void)state;
    static const char *const lines[][MOST_WORDS] = {
        {"-q"},
        {"-s", "\xff\xfe not utf8 \x01.png", "-t",
         "d\xc3\xad"
         "a \"1\".mp4",
         "-o", "x/"},
        {"1-3", "7-", "--output-fps=30000/1001", "--similar-face-distance=0.123456789", "--no-many-faces"},
        {"--disk-reserve=2.5%", "--chunk-seconds=2.5", "--stop-grace=0", "--sandbox=strict", "--restart"},
        {"--max-memory=1.5", "--max-total-memory=24", "--max-video-memory=4", "--disk-reserve=7"},
        {"--disk-reserve=1.5GB", "--frame-store=disk", "--temp-frame-format=jpg", "--temp-dir=x"},
        {"--frame-budget=1TiB", "--reference-frame-number=1000000000000", "--output-name={stem}", "--json"},
        {"--models-dir=/m", "--output-video-preset=slow", "--no-provenance", "-v", "-n", "-j64"},
        {"-jauto", "--order=longest", "--lot-size=5", "--memory-high=70.5", "--memory-resume=30",
         "--memory-poll=1"},
    };
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        Settings settings;
        Settings again;
        OptionsAction action;
        Error err = {0};
        assert_int_equal(parse(lines[i], NULL, &settings, &action, &err), STATUS_OK);
        char *text = dumped(&settings);
        assert_non_null(text);
        json_t *object = json_loads(text, 0, NULL);
        assert_int_equal(settings_from_json(object, &again, &err), STATUS_OK);
        char *text_again = dumped(&again);
        assert_string_equal(text, text_again);
        assert_int_equal(again.sources.count, settings.sources.count);
        for (size_t k = 0; k < settings.sources.count; k++) {
            assert_string_equal(again.sources.items[k], settings.sources.items[k]);
        }
        json_decref(object);
        free(text);
        free(text_again);
        settings_free(&settings);
        settings_free(&again);
    }
}

static void bad_json_is_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *why;
    } cases[] = {
        {"[]", "not a JSON object"},
        {"{\"nonsense\": 1}", "unknown key 'nonsense'"},
        {"{\"help\": true}", "unknown key 'help'"},
        {"{\"jobs\": 65}", "'65' is out of range: auto, or 1 to 64"},
        {"{\"jobs\": 9223372036854775807}", "'9223372036854775807' is out of range: auto, or 1 to 64"},
        {"{\"jobs\": \"2\"}", "its value in JSON is not a whole number"},
        {"{\"jobs\": 2.0}", "its value in JSON is not a whole number"},
        {"{\"jobs\": null}", "its value in JSON is not a whole number"},
        {"{\"quiet\": 1}", "its value in JSON is not true or false"},
        {"{\"similar-face-distance\": 4.5}", "'4.5' is out of range: 0 to 4"},
        {"{\"similar-face-distance\": \"x\"}", "its value in JSON is not a number"},
        {"{\"source\": 7}", "its value in JSON is not a list"},
        {"{\"target\": 7}", "its value in JSON is not text"},
        {"{\"target\": \"a\\u0000b\"}", "its value in JSON is not text"},
        {"{\"target\": {\"hex\": \"6\"}}", "its value in JSON is not text"},
        {"{\"target\": {\"hex\": \"00\"}}", "its value in JSON is not text"},
        {"{\"target\": {\"hex\": \"6x\"}}", "its value in JSON is not text"},
        {"{\"source\": \"\"}", "'' is empty"},
        {"{\"frame-processor\": \"face_swapper\"}", "its value in JSON is not a list"},
        {"{\"frame-processor\": [\"gone\"]}", "'gone' is not known; known: " PROCESSORS},
        {"{\"output-video-encoder\": \"gone\"}",
         "'gone' is not known; known: libx264, libx265, libvpx-vp9, h264_nvenc, hevc_nvenc"},
        {"{\"output-fps\": \"fast\"}",
         "'fast' is not a frame rate: a number or a fraction, as 25, 29.97, 30000/1001"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *object = json_loads(cases[i].json, JSON_ALLOW_NUL, NULL);
        assert_non_null(object);
        Settings settings;
        Error err = {0};
        assert_int_equal(settings_from_json(object, &settings, &err), STATUS_FAILED);
        assert_string_equal(err.why, cases[i].why);
        assert_int_equal(err.class_, ERROR_USAGE);
        assert_null(settings.source_dir);
        json_decref(object);
    }
}

static void json_keeps_defaults_for_what_is_left_out(void **state)
{
    (void)state;
    json_t *object = json_loads("{\"jobs\": 2, \"similar-face-distance\": 1, \"models-dir\": null}", 0, NULL);
    Settings settings;
    assert_int_equal(settings_from_json(object, &settings, NULL), STATUS_OK);
    assert_int_equal(settings.jobs, 2);
    assert_int_equal(settings.execution_threads, 4);
    assert_string_equal(settings.frame_processors.items[0], "face_swapper");
    settings_free(&settings);
    json_decref(object);
}

static void help_fits_the_width_and_tells_everything(void **state)
{
    (void)state;
    static const size_t widths[] = {0, 40, 59, 60, 80, 100, 200};
    for (size_t i = 0; i < sizeof widths / sizeof widths[0]; i++) {
        Text text = {0};
        options_help(&text, "run", widths[i]);
        const size_t width = widths[i] < 40 ? 40 : widths[i] > 120 ? 120 : widths[i];
        for (const char *line = text.data; *line != '\0';) {
            const size_t length = strcspn(line, "\n");
            if (length > width) {
                fail_msg("at %zu columns: '%.*s'", width, (int)length, line);
            }
            assert_true(length == 0 || line[length - 1] != ' ');
            line += length + (line[length] == '\n');
        }
        for (size_t j = 0; j < option_count; j++) {
            const Option *option = &option_table[j];
            if (option_is_of(option, "run")) {
                assert_non_null(
                    strstr(text.data, option->type == OPTION_POSITIONAL ? option->value : option->name));
            }
        }
        text_free(&text);
    }
    Text text = {0};
    options_help(&text, "run", 120);
    assert_non_null(strstr(text.data, "--[no-]many-faces"));
    assert_non_null(strstr(text.data, "-s, --source=IMAGE"));
    text_free(&text);
}

static Status parse_for(const char *command, const char *const *words, Settings *settings, Error *err)
{
    const char *argv[MOST_WORDS + 1] = {command};
    const int count = count_words(words);
    for (int i = 0; i < count; i++) {
        argv[i + 1] = words[i];
    }
    const CommandLine line = {.command = command, .argc = count + 1, .argv = argv};
    OptionsAction action;
    return options_parse(&line, settings, &action, err);
}

static void each_command_takes_its_own_options(void **state)
{
    (void)state;
    static const struct {
        const char *command;
        const char *words[MOST_WORDS];
        const char *what; /* NULL: taken */
        const char *todo;
    } cases[] = {
        {"status", {"--watch", "--output-dir=x", "clip7", "3-5"}, NULL, NULL},
        {"status", {"--out=x"}, NULL, NULL}, /* cut short: unique among its own */
        {"status", {"--jobs=2"}, "--jobs is no option of runbatch status", "runbatch help status lists"},
        {"status", {"-j2"}, "-j is no option of runbatch status", "runbatch help status lists"},
        {"status", {"--no-many-f"}, "--no-many-faces is no option of runbatch status", "help status"},
        {"status", {"--wach"}, "unknown option --wach", "did you mean --watch?"},
        {"status", {"--xyzzy"}, "unknown option --xyzzy", "runbatch help status lists"},
        {"run", {"--watch"}, "--watch is no option of runbatch run", "runbatch --help lists"},
        {"resume", {"--restart"}, "--restart is no option of runbatch resume", "runbatch help resume"},
        {"resume", {"--jobs=2", "1-3"}, NULL, NULL},
        {"clean", {"--dry-run", "--json"}, NULL, NULL},
        {"clean", {"x"}, "runbatch clean", ""},
        {"pause", {"--dry-run"}, "--dry-run is no option of runbatch pause", "help pause"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        Settings settings;
        Error err = {0};
        const Status status = parse_for(cases[i].command, cases[i].words, &settings, &err);
        if (cases[i].what == NULL) {
            assert_int_equal(status, STATUS_OK);
            settings_free(&settings);
            continue;
        }
        assert_int_equal(status, STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_USAGE);
        assert_string_equal(err.what, cases[i].what);
        assert_non_null(strstr(err.todo, cases[i].todo));
    }
}

/* What an earlier run was given, and a later line over it. */
static void parse_over(const char *const *before, const char *const *words, Settings *settings)
{
    Settings earlier;
    OptionsAction action;
    const char *argv[MOST_WORDS + 1] = {"resume"};
    const int count = count_words(words);
    for (int i = 0; i < count; i++) {
        argv[i + 1] = words[i];
    }
    const CommandLine line = {.command = "resume", .argc = count + 1, .argv = argv};
    assert_int_equal(parse(before, NULL, &earlier, &action, NULL), STATUS_OK);
    json_t *json = settings_to_json(&earlier);
    assert_int_equal(options_parse_over(&line, json, settings, &action, NULL), STATUS_OK);
    json_decref(json);
    settings_free(&earlier);
}

static void a_line_over_an_earlier_run(void **state)
{
    (void)state;
    static const char *const before[MOST_WORDS] = {"1-30",     "--jobs=3", "--source=a.png", "--restart",
                                                   "--target", "folder",   "--json",         "--dry-run"};
    Settings settings;
    parse_over(before, (const char *const[MOST_WORDS]){NULL}, &settings);
    assert_int_equal(settings.jobs, 3);
    assert_string_equal(settings.ranges.items[0], "1-30");
    assert_string_equal(settings.sources.items[0], "a.png");
    assert_string_equal(settings.target, "folder");
    assert_false(settings.restart || settings.json || settings.dry_run);
    settings_free(&settings);
    parse_over(before,
               (const char *const[MOST_WORDS]){"5", "7", "--jobs=1", "--input-dir=videos", "--source-dir=s"},
               &settings);
    assert_int_equal(settings.jobs, 1);
    assert_int_equal(settings.ranges.count, 2);
    assert_string_equal(settings.ranges.items[0], "5");
    assert_null(settings.target);
    assert_int_equal(settings.sources.count, 0);
    assert_string_equal(settings.input_dir, "videos");
    settings_free(&settings);
}

static void paths_hold_in_any_folder(void **state)
{
    (void)state;
    Settings settings;
    settings_defaults(&settings);
    text_list_add(&settings.sources, "face.png");
    settings.target = text_duplicate("/videos/clip.mp4");
    char *folder = getcwd(NULL, 0);
    json_t *here = settings_to_json(&settings);
    json_t *anywhere = settings_to_json_anywhere(&settings);
    const struct {
        const char *name;
        char *value;
    } paths[] = {
        {"source", text_format("%s/face.png", folder)},
        {"target", text_duplicate("/videos/clip.mp4")},
        {"source-dir", text_format("%s/source", folder)},
        {"input-dir", text_format("%s/inputVideos", folder)},
        {"output-dir", text_format("%s/outputVideos", folder)},
    };
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const json_t *value = json_object_get(anywhere, paths[i].name);
        value = json_is_array(value) ? json_array_get(value, 0) : value;
        assert_string_equal(json_string_value(value), paths[i].value);
        (void)json_object_del(here, paths[i].name);
        (void)json_object_del(anywhere, paths[i].name);
        memory_free(paths[i].value);
    }
    assert_true(json_equal(here, anywhere)); /* what is no path, or not given, is as it was */
    assert_true(json_is_null(json_object_get(anywhere, "temp-dir")));
    json_decref(here);
    json_decref(anywhere);
    free(folder);
    settings_free(&settings);
}

static void an_earlier_run_that_cannot_be_is_refused(void **state)
{
    (void)state;
    static const char *const wrong[] = {"[]", "{\"jobs\": 1000}", "{\"no-such-option\": 1}"};
    static const char *const argv[] = {"resume"};
    const CommandLine line = {.command = "resume", .argc = 1, .argv = argv};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        json_t *before = json_loads(wrong[i], 0, NULL);
        Settings settings;
        OptionsAction action;
        Error err = {0};
        assert_int_equal(options_parse_over(&line, before, &settings, &action, &err), STATUS_FAILED);
        assert_int_equal(err.class_, ERROR_USAGE);
        json_decref(before);
    }
}

static void roff_is_escaped(void **state)
{
    (void)state;
    Text text = {0};
    roff_append(&text, ".a-b\\c\n'd");
    assert_string_equal(text.data, "\\&.a\\-b\\ec\n\\&'d");
    text_free(&text);
    options_roff(&text, "run");
    assert_non_null(strstr(text.data, ".B \\-s, \\-\\-source=IMAGE\n"));
    assert_non_null(strstr(text.data, "(0 to 100; default: 18)"));
    assert_non_null(strstr(text.data, ": libx264, libx265, libvpx\\-vp9, h264_nvenc, hevc_nvenc"));
    text_free(&text);
}

static void words_that_are_options(void **state)
{
    (void)state;
    static const struct {
        const char *word;
        bool is_one;
    } cases[] = {
        {"--source", true}, {"--source=x", true}, {"--qui", true}, {"-s", true},         {"--", true},
        {"-x.png", false},  {"-1", false},        {"-", false},    {"--no", false},      {"s", false},
        {"", false},        {"--xyz", false},     {"-sx", false},  {"--no-quiet", true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        if (option_is_one(cases[i].word) != cases[i].is_one) {
            fail_msg("'%s'", cases[i].word);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(defaults_are_the_old_scripts),
        cmocka_unit_test(the_table_is_sound),
        cmocka_unit_test(good_command_lines),
        cmocka_unit_test(bad_command_lines),
        cmocka_unit_test(help_and_version_come_first),
        cmocka_unit_test(what_is_not_here_is_told),
        cmocka_unit_test(the_frame_rate_that_holds),
        cmocka_unit_test(larger_pictures_are_for_swappers_models_only),
        cmocka_unit_test(values_agree_with_each_other),
        cmocka_unit_test(json_gives_back_what_it_got),
        cmocka_unit_test(bad_json_is_refused),
        cmocka_unit_test(json_keeps_defaults_for_what_is_left_out),
        cmocka_unit_test(help_fits_the_width_and_tells_everything),
        cmocka_unit_test(each_command_takes_its_own_options),
        cmocka_unit_test(a_line_over_an_earlier_run),
        cmocka_unit_test(paths_hold_in_any_folder),
        cmocka_unit_test(an_earlier_run_that_cannot_be_is_refused),
        cmocka_unit_test(roff_is_escaped),
        cmocka_unit_test(words_that_are_options),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
