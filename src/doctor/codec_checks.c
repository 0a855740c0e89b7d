/* FFmpeg's libraries: what they read and write; and whether workers can be locked in. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/text.h"
#include "doctor/checks.h"
#include "media/codecs.h"
#include "media/writer.h"
#include "report/i18n.h"
#include "report/json_text.h"
#include "worker/sandbox.h"

/* ---- FFmpeg ---- */

static void check_libraries(Checkup *found)
{
    Text list = {0};
    json_t *libraries = json_object();
    for (int i = 0; i < CODECS_LIBRARIES; i++) {
        const CodecsLibrary library = codecs_library(i);
        char version[64];
        (void)snprintf(version, sizeof version, "%d.%d.%d", library.major, library.minor, library.micro);
        (void)json_object_set_new(libraries, library.name, json_string(version));
        text_appendf(&list, "%s%s %s", i > 0 ? ", " : "", library.name, version);
    }
    (void)checkup_add(found, CHECK_CODECS, "ffmpeg", CHECK_OK,
                      json_pack("{s:s,s:o}", "version", codecs_release(), "libraries", libraries),
                      "FFmpeg %s: %s", codecs_release(), list.data);
    text_free(&list);
}

typedef struct Lists {
    Text there;
    Text missing;
    json_t *there_names;
    json_t *missing_names;
} Lists;

static Lists list_all(bool (*ask)(int index, char name[CODECS_NAME_BYTES], bool *there))
{
    Lists lists = {.there_names = json_array(), .missing_names = json_array()};
    char name[CODECS_NAME_BYTES];
    bool there = false;
    text_append(&lists.there, "");
    for (int i = 0; ask(i, name, &there); i++) {
        Text *list = there ? &lists.there : &lists.missing;
        text_appendf(list, "%s%s", list->length > 0 ? ", " : "", name);
        (void)json_array_append_new(there ? lists.there_names : lists.missing_names, json_string(name));
    }
    return lists;
}

static void check_reading(Checkup *found, const char *name, const char *english,
                          bool (*ask)(int index, char name[CODECS_NAME_BYTES], bool *there))
{
    Lists lists = list_all(ask);
    json_t *figures = json_pack("{s:o,s:o}", "there", lists.there_names, "missing", lists.missing_names);
    Check *check =
        checkup_add(found, CHECK_CODECS, name, CHECK_OK, figures, "%s: %s", _(english), lists.there.data);
    if (lists.missing.length > 0) {
        check->level = CHECK_WARNING;
        check_advise(check, _("this FFmpeg lacks %s: such videos cannot be read"), lists.missing.data);
    }
    text_free(&lists.there);
    text_free(&lists.missing);
}

static void check_encoder(const DoctorConfig *config, const char *name, bool card, Checkup *found)
{
    Error err = {0};
    const bool nvenc = strstr(name, "_nvenc") != NULL;
    const bool wanted = strcmp(config->settings->output_video_encoder, name) == 0;
    const bool there = writer_has_encoder(name);
    const bool opens = there && codecs_try_encoder(name, &err) == STATUS_OK;
    json_t *figures = json_pack("{s:s,s:b,s:b}", "encoder", name, "there", there, "opens", opens);
    if (opens) {
        (void)checkup_add(found, CHECK_CODECS, "encoder", CHECK_OK, figures, _("encoder %s: works"), name);
        return;
    }
    const CheckLevel level = wanted ? CHECK_ERROR : nvenc && !card ? CHECK_OK : CHECK_WARNING;
    if (nvenc && !card && there) {
        Check *check = checkup_add(found, CHECK_CODECS, "encoder", level, figures,
                                   _("encoder %s: there, but no card for it"), name);
        check_advise(check, "%s", wanted ? _("choose another --output-video-encoder") : "");
    } else if (!there) {
        Check *check = checkup_add(found, CHECK_CODECS, "encoder", level, figures,
                                   _("encoder %s: not in this FFmpeg"), name);
        check_advise(check, "%s", level != CHECK_OK ? _("choose another --output-video-encoder") : "");
    } else {
        (void)checkup_add_failure(found, CHECK_CODECS, "encoder", level, figures, &err);
    }
}

void check_codecs(const DoctorConfig *config, Checkup *found)
{
    const bool card = check_has_card(config);
    const Option *option = option_find("output-video-encoder");
    check_libraries(found);
    check_reading(found, "containers", N_("containers that can be read"), codecs_demuxer);
    check_reading(found, "decoders", N_("kinds of video that can be read"), codecs_decoder);
    for (const char *const *name = option->choices; *name != NULL; name++) {
        check_encoder(config, *name, card, found);
    }
}

/* ---- the sandbox ---- */

/* Inside: whether a file that was not named and the network are out of reach. */
static bool is_locked_in(void)
{
    const int file = open("/etc/passwd", O_RDONLY | O_CLOEXEC);
    const int network = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (file >= 0) {
        (void)close(file);
    }
    if (network >= 0) {
        (void)close(network);
    }
    return file < 0 && network < 0;
}

static void check_layer(const SandboxFeatures *features, SandboxPart part, bool strict, Checkup *found)
{
    static const char *const names[] = {[SANDBOX_LANDLOCK] = "landlock", [SANDBOX_SECCOMP] = "seccomp"};
    char line[256];
    const bool there = sandbox_describe(features, part, line, sizeof line);
    json_t *figures =
        json_pack("{s:b,s:o,s:o}", "available", there, "version",
                  part == SANDBOX_LANDLOCK && there ? json_integer(features->landlock_abi) : json_null(),
                  "errno", there ? json_null() : json_integer(features->error[part]));
    Check *check = checkup_add(found, CHECK_SANDBOX, names[part],
                               there    ? CHECK_OK
                               : strict ? CHECK_ERROR
                                        : CHECK_WARNING,
                               figures, "%s", line);
    if (!there) {
        check_advise(check, "%s",
                     strict ? _("use --sandbox auto to go on without it, or a kernel that has it")
                            : _("for videos from strangers use a kernel, or a container, that has it"));
    }
}

void check_sandbox(const DoctorConfig *config, Checkup *found)
{
    const SandboxFeatures features = sandbox_features();
    const bool strict = strcmp(config->settings->sandbox, "strict") == 0;
    Error err = {0};
    if (strcmp(config->settings->sandbox, "off") == 0) {
        Check *check = checkup_add(found, CHECK_SANDBOX, "sandbox_off", CHECK_WARNING, NULL, "%s",
                                   _("the sandbox is switched off"));
        check_advise(check, "%s", _("leave out --sandbox off for videos from strangers"));
    }
    for (int part = 0; part < SANDBOX_PART_COUNT; part++) {
        check_layer(&features, (SandboxPart)part, strict, found);
    }
    const bool entered = sandbox_enter(&(SandboxConfig){.strict = true}, &err) == STATUS_OK;
    const bool works = entered && is_locked_in();
    json_t *figures = json_pack("{s:b}", "works", works);
    if (works) {
        (void)checkup_add(found, CHECK_SANDBOX, "sandbox_strict", CHECK_OK, figures, "%s",
                          _("--sandbox strict works: a process in it could open neither a file that it was "
                            "not given nor a socket"));
    } else if (entered) {
        Check *check = checkup_add(found, CHECK_SANDBOX, "sandbox_strict", CHECK_ERROR, figures, "%s",
                                   _("a process in the sandbox could open what it was not given"));
        check_advise(check, "%s", _("do not work on videos from strangers on this kernel"));
    } else {
        (void)checkup_add(found, CHECK_SANDBOX, "sandbox_strict", strict ? CHECK_ERROR : CHECK_OK, figures,
                          "%s", _("--sandbox strict would be refused here"));
    }
}
