#include "options/table.h"

#include <string.h>

#include "options/settings.h"

#define FIELD(name) offsetof(Settings, name)
/* Which commands take an option (Option.commands). */
#define RUNS "run resume"
#define SHOWS "status report"
#define ASKS "pause continue cancel"
#define ALL RUNS " " SHOWS " " ASKS " clean"
#define TIB (1024.0 * 1024.0 * 1024.0 * 1024.0)
#define GB 1000000000

static const char *const processors[] = {"face_swapper", NULL};
static const char *const encoders[] = {"libx264", "libx265", "libvpx-vp9", "h264_nvenc", "hevc_nvenc", NULL};
static const char *const verifications[] = {"normal", "full", NULL};
static const char *const sandboxes[] = {"strict", "auto", "off", NULL};
static const char *const frame_stores[] = {"memory", "disk", NULL};
static const char *const frame_formats[] = {"png", "jpg", NULL};
static const char *const providers[] = {"cpu", "cuda", "tensorrt", NULL};

const Option option_table[] = {
    {.name = "ranges",
     .type = OPTION_POSITIONAL,
     .group = OPTION_GROUP_INPUT,
     .offset = FIELD(ranges),
     .value = "RANGE",
     .help = "Videos by their position in the sorted folder: 5, 1-30, 31-, 1-3,7,20-; several are joined"},
    {.name = "videos",
     .type = OPTION_POSITIONAL,
     .group = OPTION_GROUP_INPUT,
     .offset = FIELD(videos),
     .value = "VIDEO",
     .commands = SHOWS " " ASKS,
     .help = "Videos by the name of their output or input, with or without extension, by their position, or "
             "by a range of positions: clip7.mp4, clip7, 7, 7-9"},
    {.name = "source",
     .short_name = 's',
     .type = OPTION_FILE,
     .group = OPTION_GROUP_INPUT,
     .offset = FIELD(source),
     .value = "IMAGE",
     .fallback_help = "the first jpg, jpeg, png or bmp in --source-dir",
     .help = "Picture of the face to put in"},
    {.name = "target",
     .short_name = 't',
     .type = OPTION_FILE,
     .group = OPTION_GROUP_INPUT,
     .offset = FIELD(target),
     .value = "VIDEO|DIR",
     .fallback_help = "the videos of --input-dir",
     .help = "One video, or a folder of videos, to work on"},
    {.name = "output",
     .short_name = 'o',
     .type = OPTION_FILE,
     .group = OPTION_GROUP_INPUT,
     .offset = FIELD(output),
     .value = "FILE|DIR",
     .fallback_help = "a name by --output-name in --output-dir",
     .help = "Where what comes of --target goes: a file (mp4, m4v, mov, mkv, webm) or a folder"},
    {.name = "source-dir",
     .type = OPTION_FOLDER,
     .group = OPTION_GROUP_INPUT,
     .offset = FIELD(source_dir),
     .value = "DIR",
     .fallback = "source",
     .help = "Folder with the source picture"},
    {.name = "input-dir",
     .type = OPTION_FOLDER,
     .group = OPTION_GROUP_INPUT,
     .offset = FIELD(input_dir),
     .value = "DIR",
     .fallback = "inputVideos",
     .help = "Folder with the videos (mp4, avi, mov, mkv, wmv, webm, m4v), taken in natural order"},
    {.name = "output-dir",
     .type = OPTION_FOLDER,
     .group = OPTION_GROUP_INPUT,
     .offset = FIELD(output_dir),
     .value = "DIR",
     .fallback = "outputVideos",
     .commands = ALL,
     .help = "Folder for the finished videos; made where it is missing"},
    {.name = "output-name",
     .type = OPTION_TEXT,
     .group = OPTION_GROUP_INPUT,
     .offset = FIELD(output_name),
     .value = "TEMPLATE",
     .fallback = "{source}_{number}",
     .help =
         "Names of the outputs: {source} is the source picture's name without its extension, {number} the "
         "last number in the video's name (the whole name where it has none), {stem} the video's name, "
         "{index} its position. Ends in .mp4 unless it names another container (.mkv, .mov, .m4v, .webm)"},

    {.name = "frame-processor",
     .picture = true,
     .type = OPTION_LIST,
     .group = OPTION_GROUP_FACES,
     .offset = FIELD(frame_processors),
     .value = "NAME...",
     .fallback = "face_swapper",
     .choices = processors,
     .help = "What is done to the faces, in this order"},
    {.name = "many-faces",
     .picture = true,
     .type = OPTION_BOOL,
     .group = OPTION_GROUP_FACES,
     .offset = FIELD(many_faces),
     .fallback = "on",
     .help = "Change every face; with --no-many-faces only the one that is like the reference face"},
    {.name = "reference-face-position",
     .picture = true,
     .type = OPTION_INTEGER,
     .group = OPTION_GROUP_FACES,
     .offset = FIELD(reference_face_position),
     .value = "N",
     .maximum = 1000,
     .fallback = "0",
     .help = "Which face of the reference frame is the reference, counted from the left, the first being 0"},
    {.name = "reference-frame-number",
     .picture = true,
     .type = OPTION_INTEGER,
     .group = OPTION_GROUP_FACES,
     .offset = FIELD(reference_frame_number),
     .value = "N",
     .maximum = 1e12,
     .fallback = "0",
     .help = "The frame in which the reference face is looked for, the first being 0"},
    {.name = "similar-face-distance",
     .picture = true,
     .type = OPTION_REAL,
     .group = OPTION_GROUP_FACES,
     .offset = FIELD(similar_face_distance),
     .value = "X",
     .maximum = 4,
     .fallback = "0.85",
     .help = "How far from the reference a face may be and still count as the same person"},

    {.name = "keep-fps",
     .picture = true,
     .type = OPTION_BOOL,
     .group = OPTION_GROUP_OUTPUT,
     .offset = FIELD(keep_fps),
     .fallback = "on",
     .help = "Every frame keeps its own time; --no-keep-fps makes it 30 frames per second"},
    {.name = "output-fps",
     .picture = true,
     .type = OPTION_RATE,
     .group = OPTION_GROUP_OUTPUT,
     .offset = FIELD(output_fps),
     .value = "FPS",
     .minimum = 0.1,
     .maximum = 1000,
     .unit = "frames per second",
     .fallback_help = "as the input",
     .help = "Constant frame rate, by leaving out and repeating frames: 25, 29.97, 30000/1001"},
    {.name = "skip-audio",
     .picture = true,
     .type = OPTION_BOOL,
     .group = OPTION_GROUP_OUTPUT,
     .offset = FIELD(skip_audio),
     .fallback = "off",
     .help = "Leave the sound out"},
    {.name = "output-video-encoder",
     .picture = true,
     .type = OPTION_CHOICE,
     .group = OPTION_GROUP_OUTPUT,
     .check = OPTION_CHECK_ENCODER,
     .offset = FIELD(output_video_encoder),
     .value = "NAME",
     .fallback = "libx264",
     .choices = encoders,
     .help = "Encoder of the video"},
    {.name = "output-video-quality",
     .picture = true,
     .type = OPTION_INTEGER,
     .group = OPTION_GROUP_OUTPUT,
     .offset = FIELD(output_video_quality),
     .value = "N",
     .maximum = 100,
     .fallback = "18",
     .help = "Quality of the video: 0 is the best and the largest, 100 the smallest"},
    {.name = "output-video-preset",
     .picture = true,
     .type = OPTION_TEXT,
     .group = OPTION_GROUP_OUTPUT,
     .offset = FIELD(output_video_preset),
     .value = "NAME",
     .fallback_help = "the encoder's own",
     .help =
         "The encoder's trade of speed for size: ultrafast to placebo; for vp9 also 0 (slow) to 8; p1 (fast) "
         "to p7 for nvenc"},
    {.name = "provenance",
     .picture = true,
     .type = OPTION_BOOL,
     .group = OPTION_GROUP_OUTPUT,
     .offset = FIELD(provenance),
     .fallback = "on",
     .help = "Say in the output's metadata that its faces were changed by a trained algorithm"},

    {.name = "verify",
     .type = OPTION_CHOICE,
     .group = OPTION_GROUP_OUTPUT,
     .offset = FIELD(verify),
     .value = "HOW",
     .fallback = "normal",
     .choices = verifications,
     .help =
         "Check of a finished video before it gets its name: normal (streams, frames, duration, trailer, its "
         "end decodes) or full (all of it decodes)"},

    {.name = "restart",
     .type = OPTION_BOOL,
     .group = OPTION_GROUP_SAFETY,
     .offset = FIELD(restart),
     .fallback = "off",
     .commands = "run",
     .help = "Begin anew: neither finished outputs nor chunks of earlier runs are used"},
    {.name = "chunk-seconds",
     .picture = true,
     .type = OPTION_REAL,
     .group = OPTION_GROUP_SAFETY,
     .offset = FIELD(chunk_seconds),
     .value = "S",
     .minimum = 0.5,
     .maximum = 3600,
     .unit = "seconds",
     .fallback = "10",
     .help = "Video in one chunk: what is kept on disk, and lost at most, when a run is cut off"},
    {.name = "stop-grace",
     .type = OPTION_REAL,
     .group = OPTION_GROUP_SAFETY,
     .offset = FIELD(stop_grace_s),
     .value = "S",
     .maximum = 3600,
     .unit = "seconds",
     .fallback = "2",
     .help = "On Ctrl+C or SIGTERM: the current chunk is finished if that takes no longer"},
    {.name = "stall-timeout",
     .type = OPTION_REAL,
     .group = OPTION_GROUP_SAFETY,
     .offset = FIELD(stall_timeout_s),
     .value = "S",
     .maximum = 86400,
     .unit = "seconds",
     .fallback = "120",
     .fallback_help = "120; 0 is never",
     .help = "A worker from which no frame came for so long is ended, and its video tried again"},
    {.name = "disk-reserve",
     .type = OPTION_SHARE,
     .group = OPTION_GROUP_SAFETY,
     .offset = FIELD(disk_reserve),
     .value = "SIZE|PERCENT",
     .maximum = TIB * 1024,
     .fallback = "0",
     .fallback_help = "the smaller of 1 GB and 2 % of the volume",
     .help =
         "Space that stays free on the volumes written to: under it the batch pauses until there is more"},
    {.name = "disk-timeout",
     .type = OPTION_REAL,
     .group = OPTION_GROUP_SAFETY,
     .offset = FIELD(disk_timeout_s),
     .value = "S",
     .maximum = 31536000,
     .unit = "seconds",
     .fallback = "0",
     .fallback_help = "0, as long as it takes",
     .help = "How long a video waits for space before it fails"},
    {.name = "sandbox",
     .type = OPTION_CHOICE,
     .group = OPTION_GROUP_SAFETY,
     .offset = FIELD(sandbox),
     .value = "HOW",
     .fallback = "auto",
     .choices = sandboxes,
     .help = "What a worker may do: strict (nothing but its own video; refuses where the kernel cannot see "
             "to it), "
             "auto (as much of that as the kernel can), off"},
    {.name = "frame-store",
     .type = OPTION_CHOICE,
     .group = OPTION_GROUP_SAFETY,
     .offset = FIELD(frame_store),
     .value = "WHERE",
     .fallback = "memory",
     .choices = frame_stores,
     .picture = true,
     .help = "Where frames wait: memory, or disk (files of one chunk at a time, as the old way; slow)"},
    {.name = "temp-frame-format",
     .type = OPTION_CHOICE,
     .group = OPTION_GROUP_SAFETY,
     .offset = FIELD(temp_frame_format),
     .value = "NAME",
     .fallback = "png",
     .choices = frame_formats,
     .picture = true,
     .help = "Kind of frame files of --frame-store disk"},
    {.name = "temp-frame-quality",
     .type = OPTION_INTEGER,
     .group = OPTION_GROUP_SAFETY,
     .offset = FIELD(temp_frame_quality),
     .value = "N",
     .maximum = 100,
     .fallback = "0",
     .picture = true,
     .help = "Quality of frame files in jpg: 0 is the best and the largest, 100 the smallest"},
    {.name = "temp-dir",
     .type = OPTION_FOLDER,
     .group = OPTION_GROUP_SAFETY,
     .offset = FIELD(temp_dir),
     .value = "DIR",
     .fallback_help = "the video's work folder",
     .help = "Folder for frame files"},
    {.name = "keep-frames",
     .type = OPTION_BOOL,
     .group = OPTION_GROUP_SAFETY,
     .offset = FIELD(keep_frames),
     .fallback = "off",
     .help =
         "Keep the frame files, in a folder beside the output or in --temp-dir; means --frame-store disk"},

    {.name = "execution-provider",
     .type = OPTION_FIRST,
     .group = OPTION_GROUP_MACHINE,
     .check = OPTION_CHECK_PROVIDER,
     .offset = FIELD(execution_provider),
     .value = "NAME...",
     .fallback = "cpu",
     .choices = providers,
     .help = "What runs the models; of several the first that is available here"},
    {.name = "execution-threads",
     .type = OPTION_INTEGER,
     .group = OPTION_GROUP_MACHINE,
     .offset = FIELD(execution_threads),
     .value = "N",
     .minimum = 1,
     .maximum = 256,
     .fallback = "4",
     .help = "Frames of one video worked on at the same time"},
    {.name = "encoder-threads",
     .type = OPTION_INTEGER,
     .group = OPTION_GROUP_MACHINE,
     .offset = FIELD(encoder_threads),
     .value = "N",
     .maximum = 256,
     .fallback = "0",
     .help = "Threads of the encoder; 0 is one per core"},
    {.name = "frame-budget",
     .type = OPTION_SIZE,
     .group = OPTION_GROUP_MACHINE,
     .offset = FIELD(frame_budget_bytes),
     .value = "SIZE",
     .maximum = TIB,
     .fallback = "0",
     .fallback_help = "0, worked out from the video's size",
     .help = "Memory for the frames of one video that are under way at the same time (kB, MB, GB; KiB, MiB, "
             "GiB)"},
    {.name = "max-memory",
     .type = OPTION_SIZE,
     .group = OPTION_GROUP_MACHINE,
     .offset = FIELD(max_memory_bytes),
     .value = "SIZE",
     .maximum = TIB * 1024,
     .plain_bytes = GB,
     .fallback = "0",
     .fallback_help = "0, no limit",
     .help =
         "Most memory of one video's worker; one that needs more is ended, and its video tried again with "
         "less (a plain number is in GB; kB, MB, GB; KiB, MiB, GiB)"},
    {.name = "max-total-memory",
     .type = OPTION_SHARE,
     .group = OPTION_GROUP_MACHINE,
     .offset = FIELD(max_total_memory),
     .value = "SIZE|PERCENT",
     .maximum = TIB * 1024,
     .plain_bytes = GB,
     .fallback = "0",
     .fallback_help = "0, what this machine or its container has",
     .help = "Most memory of the whole batch, as a size (a plain number is in GB) or as a share of what "
             "there is"},
    {.name = "max-video-memory",
     .type = OPTION_SIZE,
     .group = OPTION_GROUP_MACHINE,
     .offset = FIELD(max_video_memory_bytes),
     .value = "SIZE",
     .maximum = TIB * 1024,
     .plain_bytes = GB,
     .fallback = "10.24",
     .help = "Most memory used on a graphics card (a plain number is in GB)"},
    {.name = "jobs",
     .short_name = 'j',
     .type = OPTION_INTEGER,
     .group = OPTION_GROUP_MACHINE,
     .offset = FIELD(jobs),
     .value = "N",
     .minimum = 1,
     .maximum = 64,
     .fallback = "1",
     .help = "Videos worked on at the same time"},
    {.name = "models-dir",
     .type = OPTION_FOLDER,
     .group = OPTION_GROUP_MACHINE,
     .offset = FIELD(models_dir),
     .value = "DIR",
     .fallback_help = "$RUNBATCH_MODELS, then the standard folders",
     .help = "Folder with the models"},

    {.name = "dry-run",
     .short_name = 'n',
     .type = OPTION_BOOL,
     .group = OPTION_GROUP_TALK,
     .offset = FIELD(dry_run),
     .fallback = "off",
     .commands = RUNS " clean",
     .help = "Print what would be done, video by video, and do nothing"},
    {.name = "watch",
     .type = OPTION_BOOL,
     .group = OPTION_GROUP_TALK,
     .offset = FIELD(watch),
     .fallback = "off",
     .commands = "status",
     .help = "Show the state again and again until the batch is over or you press Ctrl+C"},
    {.name = "quiet",
     .short_name = 'q',
     .type = OPTION_BOOL,
     .group = OPTION_GROUP_TALK,
     .offset = FIELD(quiet),
     .fallback = "off",
     .help = "Print errors only"},
    {.name = "verbose",
     .short_name = 'v',
     .type = OPTION_BOOL,
     .group = OPTION_GROUP_TALK,
     .offset = FIELD(verbose),
     .fallback = "off",
     .commands = RUNS " " SHOWS,
     .help = "Print more: about each step, and every video"},
    {.name = "json",
     .type = OPTION_BOOL,
     .group = OPTION_GROUP_TALK,
     .offset = FIELD(json),
     .fallback = "off",
     .commands = ALL,
     .help = "Write JSON on standard output: an object per event and line, or one for what is asked"},
    {.name = "help",
     .short_name = 'h',
     .type = OPTION_HELP,
     .group = OPTION_GROUP_TALK,
     .commands = ALL,
     .help = "Print this help and end"},
    {.name = "version",
     .short_name = 'V',
     .type = OPTION_VERSION,
     .group = OPTION_GROUP_TALK,
     .commands = ALL,
     .help = "Print the versions of runbatch and of the libraries it uses, and end"},
};

const size_t option_count = sizeof option_table / sizeof option_table[0];
_Static_assert(sizeof option_table / sizeof option_table[0] <= OPTION_MOST, "more rows than OPTION_MOST");

const char *option_group_title(OptionGroup group)
{
    static const char *const titles[OPTION_GROUP_COUNT] = {
        [OPTION_GROUP_INPUT] = "What to work on", [OPTION_GROUP_FACES] = "Faces",
        [OPTION_GROUP_OUTPUT] = "Output",         [OPTION_GROUP_SAFETY] = "Safety",
        [OPTION_GROUP_MACHINE] = "Machine",       [OPTION_GROUP_TALK] = "Messages",
    };
    return titles[group];
}

const Option *option_find(const char *name)
{
    for (size_t i = 0; i < option_count; i++) {
        if (option_table[i].type != OPTION_POSITIONAL && strcmp(option_table[i].name, name) == 0) {
            return &option_table[i];
        }
    }
    return NULL;
}

const Option *option_find_short(char short_name)
{
    for (size_t i = 0; i < option_count; i++) {
        if (short_name != '\0' && option_table[i].short_name == short_name) {
            return &option_table[i];
        }
    }
    return NULL;
}

const Option *option_positional(const char *command)
{
    for (size_t i = 0; i < option_count; i++) {
        if (option_table[i].type == OPTION_POSITIONAL && option_is_of(&option_table[i], command)) {
            return &option_table[i];
        }
    }
    return NULL;
}

bool option_is_of(const Option *option, const char *command)
{
    const size_t length = strlen(command);
    for (const char *word = option->commands != NULL ? option->commands : RUNS; *word != '\0';) {
        const size_t word_length = strcspn(word, " ");
        if (word_length == length && strncmp(word, command, length) == 0) {
            return true;
        }
        word += word_length;
        word += strspn(word, " ");
    }
    return false;
}

bool option_takes_value(const Option *option)
{
    return option->value != NULL && option->type != OPTION_POSITIONAL;
}

bool option_takes_several(const Option *option)
{
    return option->type == OPTION_LIST || option->type == OPTION_FIRST;
}
