/* The models, the runtime that runs them, and what that can run them on. */
#include <string.h>

#include "base/alloc.h"
#include "base/files.h"
#include "base/hash.h"
#include "doctor/checks.h"
#include "face/face.h"
#include "report/i18n.h"
#include "report/json_text.h"
#include "worker/needed_models.h"

/* ---- models ---- */

/* "right", "wrong", "unreadable" (`err` tells why). */
static const char *judge(const KnownModel *model, const char *path, char sum[HASH_SHA256_SIZE], Error *err)
{
    sum[0] = '\0';
    if (file_size(path) != model->bytes) {
        return "wrong"; /* so that no huge file is read to learn that */
    }
    if (hash_file_sha256(path, ERROR_MODEL, sum, err) != STATUS_OK) {
        return "unreadable";
    }
    return strcmp(sum, model->sha256) == 0 ? "right" : "wrong";
}

static void check_model(const DoctorConfig *config, const KnownModel *model, bool needed, Checkup *found)
{
    Error err = {0};
    char *path = NULL;
    char sum[HASH_SHA256_SIZE] = "";
    const char *state = "missing";
    if (known_model_path(model, config->settings->models_dir, &path, &err) == STATUS_OK) {
        state = judge(model, path, sum, &err);
    }
    const CheckLevel level = strcmp(state, "right") == 0 ? CHECK_OK : needed ? CHECK_ERROR : CHECK_WARNING;
    const char *role = model_role_name(model->role);
    json_t *figures =
        json_pack("{s:s,s:s,s:s,s:o,s:s,s:b,s:s,s:o}", "model", model->name, "role", role, "file",
                  model->files[0], "path", json_text(path), "state", state, "needed", needed, "wanted_sha256",
                  model->sha256, "sha256", sum[0] != '\0' ? json_string(sum) : json_null());
    Check *check = NULL;
    if (strcmp(state, "right") == 0) {
        check = checkup_add(found, CHECK_MODELS, "model", level, figures, _("%s (%s): as it should be"), path,
                            role);
    } else if (strcmp(state, "wrong") == 0) {
        check = checkup_add(found, CHECK_MODELS, "model", level, figures,
                            _("%s (%s): damaged, or another version: its content is not what is known"), path,
                            role);
        check_advise(check, _("remove it and run scripts/setup.sh, which gets it anew"));
    } else {
        check = checkup_add_failure(found, CHECK_MODELS, "model", level, figures, &err);
    }
    if (level == CHECK_WARNING) {
        Text advice = {0};
        text_appendf(&advice, "%s%s%s", check->advice != NULL ? check->advice : "",
                     check->advice != NULL ? "; " : "", _("with these settings it is not used"));
        check_advise(check, "%s", advice.data);
        text_free(&advice);
    }
    memory_free(path);
}

/* One that the user brings: any content may be right. */
static void check_own_model(const DoctorConfig *config, const KnownModel *model, Checkup *found)
{
    Error err = {0};
    char *path = NULL;
    const bool there = known_model_path(model, config->settings->models_dir, &path, &err) == STATUS_OK;
    const char *role = model_role_name(model->role);
    json_t *figures = json_pack("{s:s,s:s,s:o,s:s,s:b}", "model", model->name, "role", role, "path",
                                json_text(path), "state", there ? "own" : "missing", "needed", 1);
    if (there) {
        (void)checkup_add(found, CHECK_MODELS, "model", CHECK_OK, figures, _("%s (%s): there"), path, role);
    } else {
        (void)checkup_add_failure(found, CHECK_MODELS, "model", CHECK_ERROR, figures, &err);
    }
    memory_free(path);
}

void check_models(const DoctorConfig *config, Checkup *found)
{
    Error err = {0};
    NeededModels needed;
    if (needed_models(config->settings, &needed, &err) != STATUS_OK) {
        (void)checkup_add_failure(found, CHECK_MODELS, "model", CHECK_ERROR, json_object(), &err);
    }
    for (size_t i = 0; i < known_model_count; i++) {
        if (known_models[i].package != NULL) {
            check_model(config, &known_models[i], needed_models_has(&needed, &known_models[i]), found);
        } else if (needed_models_has(&needed, &known_models[i])) {
            check_own_model(config, &known_models[i], found);
        }
    }
}

/* ---- the runtime ---- */

static bool is_offered(const char *provider)
{
    return strstr(session_provider_list(), provider) != NULL;
}

/* Whether a model can be loaded with it. TensorRT would build an engine first, for minutes. */
static Status try_provider(const DoctorConfig *config, Provider provider, Error *err)
{
    char *path = NULL;
    Session *session = NULL;
    const KnownModel *list[FACE_MODELS_MOST];
    int count = 0;
    Status status = face_models_list(&(FaceModelsConfig){0}, list, &count, err);
    if (status == STATUS_OK) {
        status = known_model_path(list[0], config->settings->models_dir, &path, err);
    }
    if (status == STATUS_OK) {
        status = session_open(&session, &(SessionConfig){.path = path, .provider = provider}, err);
    }
    session_free(&session);
    memory_free(path);
    return status;
}

static void check_provider(const DoctorConfig *config, const char *name, bool card, Checkup *found)
{
    Error err = {0};
    const Provider provider = provider_from_name(name);
    const bool offered = is_offered(name);
    const bool tried = offered && (provider == PROVIDER_CPU || (provider == PROVIDER_CUDA && card));
    const bool works = tried && try_provider(config, provider, &err) == STATUS_OK;
    const bool wanted = strcmp(config->settings->execution_provider, name) == 0;
    json_t *figures = json_pack("{s:s,s:b,s:o}", "provider", name, "offered", offered, "works",
                                tried ? json_boolean(works) : json_null());
    if (tried && !works) {
        const bool own_fault = err.class_ == ERROR_MODEL; /* told among the models */
        (void)checkup_add_failure(found, CHECK_RUNTIME, "provider",
                                  own_fault || !wanted ? CHECK_WARNING : CHECK_ERROR, figures, &err);
    } else if (offered) {
        (void)checkup_add(found, CHECK_RUNTIME, "provider", CHECK_OK, figures,
                          works  ? _("execution provider %s: works")
                          : card ? _("execution provider %s: there")
                                 : _("execution provider %s: there, but no card for it"),
                          name);
    } else {
        Check *check = checkup_add(found, CHECK_RUNTIME, "provider", wanted ? CHECK_ERROR : CHECK_OK, figures,
                                   _("execution provider %s: not in this ONNX Runtime"), name);
        if (wanted) {
            check_advise(check, "%s", _("use --execution-provider cpu, or an ONNX Runtime that has it"));
        }
    }
}

void check_runtime(const DoctorConfig *config, Checkup *found)
{
    const char *version = session_runtime_version();
    const bool works = session_provider_list()[0] != '\0';
    const bool card = check_has_card(config);
    char *folder = session_library_folder();
    Check *check = checkup_add(found, CHECK_RUNTIME, "runtime", works ? CHECK_OK : CHECK_ERROR,
                               json_pack("{s:s,s:o}", "version", version, "folder", json_text(folder)),
                               works ? _("ONNX Runtime %s in %s") : _("ONNX Runtime %s in %s does not work"),
                               version, folder != NULL ? folder : "?");
    if (!works) {
        check_advise(check, "%s", _("scripts/setup.sh gets one that does"));
    }
    memory_free(folder);
    const Option *option = option_find("execution-provider");
    for (const char *const *name = option->choices; works && *name != NULL; name++) {
        check_provider(config, *name, card, found);
    }
    if (works && card && !is_offered("cuda") && !is_offered("tensorrt")) {
        check = checkup_add(found, CHECK_RUNTIME, "idle_card", CHECK_WARNING, NULL, "%s",
                            _("there is a graphics card, but this ONNX Runtime cannot use it"));
        check_advise(check, "%s",
                     _("install an ONNX Runtime with CUDA and build again; it works without, but slower"));
    }
}
