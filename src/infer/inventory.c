#include "infer/inventory.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "infer/catalogue.h"

static const char *const state_names[] = {
    [MODEL_MISSING] = "missing", [MODEL_THERE] = "there", [MODEL_RIGHT] = "right", [MODEL_WRONG] = "wrong"};

const char *model_state_name(ModelState state)
{
    return state_names[state];
}

void inventory_find(const KnownModel *model, const char *models_dir, InventoryEntry *entry)
{
    *entry = (InventoryEntry){.model = model};
    if (known_model_path(model, models_dir, &entry->path, &entry->error) == STATUS_OK) {
        entry->state = MODEL_THERE;
        entry->bytes = file_size(entry->path);
    }
}

void inventory_entry_free(InventoryEntry *entry)
{
    memory_free(entry->path);
    *entry = (InventoryEntry){0};
}

static Status load(const KnownModel *model, const char *path, Error *err)
{
    Session *session = NULL;
    Status status =
        session_open(&session, &(SessionConfig){.path = path, .provider = PROVIDER_CPU, .threads = 1}, err);
    if (status == STATUS_OK) {
        status = session_fit_ports(session, model->inputs, model->input_count, model->outputs,
                                   model->output_count, err);
    }
    session_free(&session);
    return status;
}

static Status check_sum(const InventoryEntry *entry, Error *err)
{
    if (strcmp(entry->model->sha256, entry->sha256) == 0) {
        return STATUS_OK;
    }
    (void)error_set(err, ERROR_MODEL, "cannot use the model", entry->path,
                    "it is damaged, or another version: its content is not what is known");
    error_advise(err, "remove it and run scripts/setup.sh, which gets it anew");
    return STATUS_FAILED;
}

void inventory_verify(InventoryEntry *entry)
{
    if (entry->state == MODEL_MISSING) {
        return;
    }
    error_clear(&entry->error);
    /* A sum that is known says more than that the file cannot be loaded; without one, a huge file that is no
     * model is told without reading it. */
    const bool known_sum = entry->model->sha256 != NULL;
    Status status = known_sum ? STATUS_OK : load(entry->model, entry->path, &entry->error);
    if (status == STATUS_OK) {
        status = hash_file_sha256(entry->path, ERROR_MODEL, entry->sha256, &entry->error);
    }
    if (status == STATUS_OK && known_sum) {
        status = check_sum(entry, &entry->error);
        status = status == STATUS_OK ? load(entry->model, entry->path, &entry->error) : status;
    }
    entry->state = status == STATUS_OK ? MODEL_RIGHT : MODEL_WRONG;
}

/* ---- adding ---- */

static Status copy_bytes(int from, int to, const char *target, Error *err)
{
    enum { PIECE = 1 << 20 };
    uint8_t *buffer = memory_alloc(1, PIECE);
    ssize_t got = 0;
    Status status = STATUS_OK;
    while (status == STATUS_OK && (got = read(from, buffer, PIECE)) > 0) {
        for (ssize_t done = 0; done < got && status == STATUS_OK;) {
            const ssize_t written = write(to, buffer + done, (size_t)(got - done));
            if (written < 0 && errno != EINTR) {
                status = error_set_errno(err, ERROR_ENVIRONMENT, "cannot add the model", target, errno);
            }
            done += written > 0 ? written : 0;
        }
    }
    if (status == STATUS_OK && got < 0) {
        status = error_set_errno(err, ERROR_ENVIRONMENT, "cannot read the model", target, errno);
    }
    memory_free(buffer);
    return status;
}

static Status copy_file(const char *file, const char *target, Error *err)
{
    char *part = text_format("%s.part", target);
    const int from = open(file, O_RDONLY | O_CLOEXEC);
    const int to = from >= 0 ? open(part, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0644) : -1;
    Status status = STATUS_OK;
    if (from < 0 || to < 0) {
        status =
            error_set_errno(err, ERROR_ENVIRONMENT, "cannot add the model", from < 0 ? file : part, errno);
    } else {
        status = copy_bytes(from, to, part, err);
    }
    if (from >= 0) {
        (void)close(from);
    }
    if (to >= 0) {
        (void)close(to);
    }
    if (status == STATUS_OK) {
        status = file_publish(part, target, err);
    }
    if (status != STATUS_OK && to >= 0) {
        (void)unlink(part);
    }
    memory_free(part);
    return status;
}

static Status check_new(const char *file, const KnownModel **model, Error *err)
{
    static const char what[] = "cannot add the model";
    if (file_size(file) < 0) {
        return error_set(err, ERROR_MODEL, what, file, "there is no such file");
    }
    *model = known_model_of_file(path_name(file));
    if (*model == NULL) {
        (void)error_set(err, ERROR_MODEL, what, file, "no model is known by this name");
        error_advise(err,
                     "runbatch models list --verbose tells the names; rename the file if it is one of them");
        return STATUS_FAILED;
    }
    InventoryEntry entry = {
        .model = *model, .state = MODEL_THERE, .path = text_duplicate(file), .bytes = file_size(file)};
    inventory_verify(&entry);
    const bool right = entry.state == MODEL_RIGHT;
    if (!right) {
        *err = entry.error;
    }
    inventory_entry_free(&entry);
    return right ? STATUS_OK : STATUS_FAILED;
}

Status inventory_add(const char *file, const KnownModel **model, char **path, Error *err)
{
    *path = NULL;
    Status status = check_new(file, model, err);
    char *folder = status == STATUS_OK ? catalogue_user_folder() : NULL;
    if (status == STATUS_OK && folder == NULL) {
        status = error_set(err, ERROR_ENVIRONMENT, "cannot add the model", file,
                           "there is no folder of the user's: neither XDG_DATA_HOME nor HOME is set");
    }
    if (status == STATUS_OK) {
        status = folder_make(folder, err);
    }
    if (status == STATUS_OK) {
        char *target = path_join(folder, path_name(file));
        status = copy_file(file, target, err);
        *path = status == STATUS_OK ? target : NULL;
        if (status != STATUS_OK) {
            memory_free(target);
        }
    }
    memory_free(folder);
    return status;
}
