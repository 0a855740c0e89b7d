/* What the estimate of a worker's memory (memory/estimate.h) counts for a video, as JSON: for each constant
 * its name, part and value, and what it is multiplied by. For bench/calibrate.py.
 *
 * usage: memory_amounts VIDEO [options of runbatch run]
 */
#include <libavutil/cpu.h>
#include <stdio.h>

#include "media/reader.h"
#include "options/parse.h"
#include "worker/job_shape.h"

static json_t *amounts_of(const MemoryTask *task, const WorkerShape *shape)
{
    double amounts[MEMORY_CONSTANTS];
    MemoryPart part = MEMORY_PROGRAM;
    double bytes = 0;
    const char *name = NULL;
    json_t *list = json_array();
    memory_amounts(task, shape, amounts);
    for (int i = 0; (name = memory_constant(i, &part, &bytes)) != NULL; i++) {
        (void)json_array_append_new(list,
                                    json_pack("{s:s,s:s,s:f,s:f}", "name", name, "part",
                                              memory_part_name(part), "bytes", bytes, "amount", amounts[i]));
    }
    return list;
}

int main(int argc, char **argv)
{
    Settings settings = {0};
    OptionsAction action = OPTIONS_RUN;
    Error err = {0};
    Reader *reader = NULL;
    const CommandLine line = {.command = "run", .argc = argc - 1, .argv = (const char *const *)argv + 1};
    if (argc < 2 || options_parse(&line, &settings, &action, &err) != STATUS_OK || action != OPTIONS_RUN ||
        reader_open(&reader, &(ReaderConfig){.path = argv[1], .threads = 1}, &err) != STATUS_OK) {
        char text[1600];
        (void)fprintf(stderr, "memory_amounts: %s\n", error_text(&err, text, sizeof text));
        settings_free(&settings);
        return 1;
    }
    MediaLook look;
    media_look_from(&look, reader_info(reader));
    const MemoryTask task = job_memory_task(&settings, &look);
    const WorkerShape shape = job_shape_asked(&settings, &task, av_cpu_count());
    json_t *list = amounts_of(&task, &shape);
    (void)json_dumpf(list, stdout, JSON_INDENT(1));
    (void)fputc('\n', stdout);
    json_decref(list);
    reader_free(&reader);
    settings_free(&settings);
    return 0;
}
