#include "cmd/command.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/text.h"
#include "cmd/available.h"
#include "cmd/terminal.h"
#include "options/parse.h"
#include "report/i18n.h"
#include "worker/worker.h"

static const HelpLine run_examples[] = {
    {"runbatch", "all videos of inputVideos/"},
    {"runbatch 1-30", "the first thirty"},
    {"runbatch run -s face.png -t clip.mp4 -o out.mp4", "one video"},
    {0},
};
static const HelpLine run_codes[] = {
    {"0", "every video is done, or was before"},
    {"1", "some videos failed; the statistics tell which and why"},
    {"2", "the command line cannot be"},
    {"3", "a folder, a permission, space, a model or an encoder is missing"},
    {"130", "interrupted; what is finished stays"},
    {0},
};

static const HelpLine plan_examples[] = {
    {"runbatch plan", "what all videos of inputVideos/ would take"},
    {"runbatch plan 1-30 --json", "the first thirty, as JSON (docs/json.md)"},
    {0},
};
static const HelpLine plan_codes[] = {
    {"0", "all will go, or is done"},
    {"1", "some videos cannot be read or clash, or there is not enough space; it tells which and why"},
    {"2", "the command line cannot be"},
    {"3", "a folder, a permission or the source picture is missing, or the store cannot be read"},
    {0},
};

static const HelpLine status_examples[] = {
    {"runbatch status", "how the batch of outputVideos/ stands"},
    {"runbatch status --watch", "the same, once a second"},
    {"runbatch status 7-9 --json", "three videos, as JSON (docs/json.md)"},
    {0},
};
static const HelpLine status_codes[] = {
    {"0", "told, also that there is no batch"},
    {"2", "the command line cannot be, or names no video of the batch"},
    {"3", "the store cannot be read"},
    {"130", "--watch was interrupted"},
    {0},
};

static const HelpLine clean_codes[] = {
    {"0", "removed, or nothing to remove"},
    {"2", "the command line cannot be"},
    {"3", "something could not be removed, or the store cannot be read"},
    {0},
};
static const HelpLine control_codes[] = {
    {"0", "asked"},
    {"2", "the command line cannot be, or names no video that this can be done to"},
    {"3", "no batch runs here"},
    {0},
};

static const HelpLine doctor_examples[] = {
    {"runbatch doctor", "everything, for the folder that you are in"},
    {"runbatch doctor --quiet", "only what is not as it should be"},
    {"runbatch doctor --json", "for programs (docs/json.md)"},
    {0},
};
static const HelpLine doctor_codes[] = {
    {"0", "all is well, or there are warnings only"},
    {"1", "there are errors: a batch would not begin here, or its videos would fail"},
    {"2", "the command line cannot be"},
    {"3", "what was found cannot be written"},
    {0},
};

static const HelpLine models_examples[] = {
    {"runbatch models", "what is there"},
    {"runbatch models list --verbose", "all that are known, and where to get them"},
    {"runbatch models add inswapper_128.onnx", "one of yours"},
    {0},
};
static const HelpLine models_codes[] = {
    {"0", "told, or added"},
    {"1", "a model is wrong, or one of runbatch's own is missing"},
    {"2", "the command line cannot be"},
    {"3", "the file is no model that is known, or cannot be read or copied"},
    {0},
};

static const HelpLine info_codes[] = {
    {"0", "told"},
    {"2", "the command line cannot be"},
    {"3", "the file cannot be read"},
    {0},
};

static const HelpLine faces_examples[] = {
    {"runbatch faces", "who is to be seen in the videos of inputVideos/"},
    {"runbatch faces 1-30 --html people.html", "those of the first thirty, with pictures"},
    {"runbatch faces --name 1=anna,2=ben", "names for two of them"},
    {0},
};
static const HelpLine faces_codes[] = {
    {"0", "told"},
    {"1", "some videos could not be looked at; it tells which and why"},
    {"2", "the command line cannot be"},
    {"3", "a folder, a permission or a model is missing, or a file cannot be written"},
    {0},
};

static const HelpLine preview_examples[] = {
    {"runbatch preview inputVideos/clip.mp4 --at 1:30", "before and after, at that moment, in preview.png"},
    {"runbatch preview clip.mp4 --sheet 8 -o clip.jpg", "eight moments of it"},
    {"runbatch preview clip.mp4 --compare 'as it is' face-enhancer-model=gfpgan_1.4",
     "two settings side by side"},
    {0},
};
static const HelpLine preview_codes[] = {
    {"0", "the picture is made"},
    {"2", "the command line cannot be"},
    {"3", "the video, a picture or a model cannot be read, or the picture cannot be written"},
    {"130", "interrupted"},
    {0},
};

const Command command_table[] = {
    {.name = "run",
     .usage = "[RANGE]... [OPTION]...",
     .help = "Work on the videos of a folder, or on one --target; the word itself may be left out",
     .about =
         "Works on the faces in the videos of a folder: every video of inputVideos/, with the face of the "
         "picture in source/, becomes one of outputVideos/. What is complete is skipped, so a batch that "
         "was stopped goes on where it was.",
     .examples = run_examples,
     .exit_codes = run_codes,
     .run = cmd_run},
    {.name = "plan",
     .usage = "[RANGE]... [OPTION]...",
     .help = "Tell before anything runs what each video and the batch will take, and what will fail",
     .about = "Looks at every video's header and tells its state, and about how much memory, disk and time "
              "it will take; how many go at once and why; what cannot be read and why. Makes no video. What "
              "it found out is kept in outputVideos/.runbatch, unless a batch works there.",
     .examples = plan_examples,
     .exit_codes = plan_codes,
     .run = cmd_plan},
    {.name = "status",
     .usage = "[VIDEO]... [OPTION]...",
     .help = "Show how the batch stands: while it runs, after it was killed, when it is over",
     .about = "Shows who works on the output folder and since when, how far the batch is, and a table of its "
              "videos, those that are not finished first. Needs no running batch and disturbs none. On a "
              "terminal as many videos are shown as there is room for; --verbose shows all.",
     .examples = status_examples,
     .exit_codes = status_codes,
     .run = cmd_status},
    {.name = "report",
     .usage = "[VIDEO]... [OPTION]...",
     .help = "Tell of every video what was tried, why it failed, what is kept, and how to go on",
     .about =
         "Lists every try at every video with its reason and what was decided then, the chunks and bytes "
         "that are kept on disk, what would be removed, and how to go on. While a batch runs, after it "
         "was killed, and when it is over.",
     .exit_codes = status_codes,
     .run = cmd_report},
    {.name = "resume",
     .usage = "[RANGE]... [OPTION]...",
     .help = "Go on with the options of the last run in this folder; those given here count before them",
     .about = "Finished videos are skipped, begun ones go on behind their last whole chunk, failed ones are "
              "tried again.",
     .exit_codes = run_codes,
     .run = cmd_resume},
    {.name = "pause",
     .usage = "[VIDEO]...",
     .help = "Let the running batch, or some videos of it, pause at the end of a chunk",
     .about = "The worker of a paused video ends once its chunk is on disk, so that all its memory is given "
              "back. runbatch continue lets it go on from there.",
     .exit_codes = control_codes,
     .run = cmd_pause},
    {.name = "continue",
     .usage = "[VIDEO]...",
     .help = "Let what was paused go on",
     .about = "All videos, or those that are named: by output or input, or by position.",
     .exit_codes = control_codes,
     .run = cmd_continue},
    {.name = "cancel",
     .usage = "[VIDEO]...",
     .help = "Give up the unfinished videos, or some of them; what there is of them is removed",
     .about = "Finished outputs stay. A video that is named can be cancelled where no batch runs, too.",
     .exit_codes = control_codes,
     .run = cmd_cancel},
    {.name = "clean",
     .usage = "[--dry-run] [OPTION]...",
     .help = "Remove what earlier runs left and nobody needs: work folders, frame files, unfinished outputs, "
             "old logs, damaged stores",
     .about = "Shows path by path what goes, with its size and why; --dry-run only shows. Never an output, "
              "never a file that is not runbatch's own. While a batch runs only old logs and damaged stores "
              "go: it "
              "removes the rest by itself.",
     .exit_codes = clean_codes,
     .run = cmd_clean},
    {.name = "doctor",
     .usage = "[OPTION]...",
     .help = "Check the machine, models, libraries, folders and what earlier runs left, and say what to do",
     .about = "Tells line by line what is well, what could be better and what would keep a batch with these "
              "options from working: memory and whose limit counts, who holds it, graphics cards, models and "
              "their sums, codecs, the sandbox, folders and their space, leftovers of earlier runs. Changes "
              "nothing.",
     .examples = doctor_examples,
     .exit_codes = doctor_codes,
     .run = cmd_doctor},
    {.name = "faces",
     .usage = "[RANGE]... [OPTION]...",
     .help = "Find the people who are to be seen in the videos, and tell in which and when",
     .about =
         "Looks at every frame of every video, and puts the faces together to people, each with a number "
         "that stays and a name that can be given. What was seen of a video is kept in "
         "outputVideos/.runbatch, so that a second call is quick. Makes no video (docs/faces.md).",
     .examples = faces_examples,
     .exit_codes = faces_codes,
     .run = cmd_faces},
    {.name = "preview",
     .usage = "VIDEO [--at TIME | --sheet N] [--compare A B] [-o PICTURE] [OPTION]...",
     .help = "Show moments of a video before and after, without making it",
     .about =
         "Takes the same options as a run, and does the same to the frames. Each moment is looked at by "
         "itself, from a "
         "second before it on. What has to know the whole video first (face_anonymizer) looks at all of it.",
     .examples = preview_examples,
     .exit_codes = preview_codes,
     .run = cmd_preview},
    {.name = "models",
     .usage = "[list | verify | add FILE | info NAME] [OPTION]...",
     .help = "Tell which models are there, check them, add one of yours",
     .about = "list (or nothing) tells which models are there and where; verify reads them all: sums, and "
              "inputs and outputs of your own; add checks a file and copies it to your folder of models; "
              "info tells all that is known of one.",
     .examples = models_examples,
     .exit_codes = models_codes,
     .run = cmd_models},
    {.name = "info",
     .usage = "FILE [OPTION]...",
     .help = "Tell what a video says of itself: streams, tags, whether runbatch changed its faces",
     .about = "Reads the file's header in a sandbox of its own. Works on any video, not only on runbatch's.",
     .exit_codes = info_codes,
     .run = cmd_info},
    {.name = "help",
     .usage = "[COMMAND] [--man]",
     .help = "Print this help, or that of one command; with --man the manual page's source",
     .run = cmd_help},
    {.name = "version",
     .usage = "",
     .help = "Print the versions of runbatch and of the libraries it uses",
     .run = cmd_version},
    {.name = "worker",
     .usage = "",
     .help = "One video; started by runbatch itself",
     .hidden = true,
     .run = worker_main},
};

const size_t command_count = sizeof command_table / sizeof command_table[0];

const Command *command_find(const char *name)
{
    for (size_t i = 0; i < command_count; i++) {
        if (strcmp(command_table[i].name, name) == 0) {
            return &command_table[i];
        }
    }
    return NULL;
}

static Status refuse_unknown(const char *word, Error *err)
{
    const Command *nearest = NULL;
    size_t least = SIZE_MAX;
    for (size_t i = 0; i < command_count; i++) {
        const size_t distance = text_distance(word, command_table[i].name);
        if (!command_table[i].hidden && distance < least) {
            nearest = &command_table[i];
            least = distance;
        }
    }
    char shown[81];
    text_copy(shown, sizeof shown, word);
    (void)error_set(err, ERROR_USAGE, "unknown command", NULL, shown);
    if (file_exists(word)) {
        error_advise(err, "for one video: runbatch run -s IMAGE -t VIDEO -o OUTPUT");
    } else if (nearest != NULL && least <= 2 && least < strlen(word)) {
        error_advise(err, "did you mean %s?", nearest->name);
    } else {
        error_advise(err, "runbatch --help lists the commands");
    }
    return STATUS_FAILED;
}

Status command_choose(int argc, char *const *argv, const Command **command, int *words_before, Error *err)
{
    *command = &command_table[0];
    *words_before = 1;
    const char *word = argc > 1 ? argv[1] : "-";
    if (word[0] == '-' || (word[0] >= '0' && word[0] <= '9')) {
        return STATUS_OK;
    }
    const Command *named = command_find(word);
    if (named == NULL) {
        return refuse_unknown(word, err);
    }
    *command = named;
    *words_before = 2;
    return STATUS_OK;
}

/* The user should know that more counts than the command line. */
static void tell_config(const Config *config, const Settings *settings)
{
    for (size_t i = 0; i < config->count && !settings->quiet && !settings->json; i++) {
        if (config->sections[i].preset == NULL && config->sections[i].count > 0) {
            char *note = text_format(_("defaults are taken from %s"), config->sections[i].file);
            print_note(note);
            memory_free(note);
        }
    }
}

bool command_begin(const char *name, int argc, char **argv, Settings *settings, int *code)
{
    OptionsAction action;
    Error err = {0};
    Config config = {0};
    Status status = config_read_standard(&config, &err);
    if (status == STATUS_OK) {
        const CommandLine line = {.command = name,
                                  .argc = argc,
                                  .argv = (const char *const *)argv,
                                  .available = available_here,
                                  .config = &config};
        status = options_parse(&line, settings, &action, &err);
    }
    if (status != STATUS_OK) {
        config_free(&config);
        *code = print_error(&err);
        return false;
    }
    if (action == OPTIONS_RUN && strcmp(name, "run") == 0) {
        tell_config(&config, settings);
    }
    config_free(&config);
    if (action != OPTIONS_RUN) {
        settings_free(settings);
        const bool named = strcmp(argv[0], name) == 0;
        *code =
            action == OPTIONS_VERSION ? cmd_version(0, NULL) : print_help(named ? command_find(name) : NULL);
        return false;
    }
    return true;
}
