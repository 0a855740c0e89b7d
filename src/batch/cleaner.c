#include "batch/cleaner.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "batch/cleaner_internal.h"
#include "face/record.h"
#include "worker/doubt_notes.h"
#include "worker/gate_pass.h"
#include "worker/provenance.h"

/* ---- names ---- */

static bool is_numbered(const char *name, const char *prefix, size_t digits_least,
                        const char *const *extensions)
{
    if (!text_starts_with(name, prefix)) {
        return false;
    }
    const char *digits = name + strlen(prefix);
    const size_t count = strspn(digits, "0123456789");
    bool known = false;
    for (; *extensions != NULL; extensions++) {
        known = known || strcmp(digits + count, *extensions) == 0;
    }
    return known && count >= digits_least;
}

static bool is_dots(const char *name)
{
    return strcmp(name, ".") == 0 || strcmp(name, "..") == 0;
}

static bool is_ours(const char *name, bool in_frames)
{
    static const char *const chunk[] = {".rbc", ".part", NULL};
    static const char *const frame[] = {".png", ".jpg", ".png.part", ".jpg.part", NULL};
    if (in_frames) {
        return is_numbered(name, "frame-", 8, frame);
    }
    return is_numbered(name, "chunk-", 6, chunk) || strcmp(name, "recipe.json") == 0 ||
           strcmp(name, "recipe.json.part") == 0 || strcmp(name, FACE_RECORD_NAME) == 0 ||
           strcmp(name, FACE_RECORD_NAME ".part") == 0 || strcmp(name, GATE_NOTE_NAME) == 0 ||
           strcmp(name, DOUBT_NOTES_NAME) == 0 || strcmp(name, PROVENANCE_PART_NAME) == 0;
}

/* ---- folders by descriptor ---- */

int cleaner_open_folder(int parent, const char *name)
{
    return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

int cleaner_open_work(const char *state_dir)
{
    const int state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const int work = state >= 0 ? cleaner_open_folder(state, "work") : -1;
    if (state >= 0) {
        (void)close(state);
    }
    return work;
}

/* A listing of its own, so that it begins at the beginning. */
static DIR *list_folder(int folder)
{
    const int fd = cleaner_open_folder(folder, ".");
    DIR *listing = fd >= 0 ? fdopendir(fd) : NULL;
    if (listing == NULL && fd >= 0) {
        (void)close(fd);
    }
    return listing;
}

static void walk_entry(int folder, const char *name, bool in_frames, CleanWalk *walk);

static void walk_folder(int folder, bool in_frames, CleanWalk *walk)
{
    DIR *listing = list_folder(folder);
    if (listing == NULL) {
        walk->foreign++;
        return;
    }
    const struct dirent *entry = NULL;
    while (walk->budget > 0 && (entry = readdir(listing)) != NULL) {
        if (!is_dots(entry->d_name)) {
            walk_entry(folder, entry->d_name, in_frames, walk);
        }
    }
    (void)closedir(listing);
}

/* `frames` is the folder `name` in `parent`; takes it over. */
static void walk_frames(int parent, const char *name, int frames, CleanWalk *walk)
{
    const int before = walk->foreign;
    if (frames < 0) {
        walk->foreign++;
        return;
    }
    walk_folder(frames, true, walk);
    (void)close(frames);
    if (walk->remove && walk->scope != CLEAN_SCOPE_PARTS && walk->budget > 0 && walk->foreign == before &&
        unlinkat(parent, name, AT_REMOVEDIR) != 0) {
        walk->foreign++;
    }
}

static void walk_entry(int folder, const char *name, bool in_frames, CleanWalk *walk)
{
    struct stat status;
    if (fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return;
    }
    if (!in_frames && S_ISDIR(status.st_mode) && strcmp(name, "frames") == 0) {
        walk_frames(folder, name, cleaner_open_folder(folder, name), walk);
        return;
    }
    const bool wanted = walk->scope == CLEAN_SCOPE_ALL || text_ends_with_nocase(name, ".part") ||
                        (in_frames && walk->scope == CLEAN_SCOPE_LOST);
    if (!S_ISREG(status.st_mode) || !is_ours(name, in_frames)) {
        walk->foreign++;
    } else if (walk->remove && wanted) {
        walk->budget--;
        if (unlinkat(folder, name, 0) != 0 && errno != ENOENT) {
            walk->failure = errno;
            walk->foreign++;
        }
    } else {
        walk->chunks += !in_frames && text_ends_with_nocase(name, ".rbc");
        walk->files += wanted;
        walk->bytes += wanted ? status.st_size : 0;
    }
}

bool cleaner_walk(int work, const char *name, CleanWalk *walk)
{
    enum { ROUNDS = 3 }; /* some file systems leave entries out of a listing while others are removed */
    const int folder = work >= 0 ? cleaner_open_folder(work, name) : -1;
    const bool whole = walk->remove && walk->scope == CLEAN_SCOPE_ALL;
    if (folder < 0) {
        return false;
    }
    for (int round = 0; round < ROUNDS; round++) {
        walk_folder(folder, false, walk);
        if (!whole || walk->budget <= 0 || walk->foreign > 0 || unlinkat(work, name, AT_REMOVEDIR) == 0) {
            break;
        }
        if (errno != ENOTEMPTY || round + 1 == ROUNDS) {
            walk->failure = errno;
            walk->foreign++;
        }
    }
    (void)close(folder);
    return true;
}

bool cleaner_walk_frames(const char *path, CleanWalk *walk)
{
    char *parent_path = path_folder(path);
    const int parent = open(parent_path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int frames = parent >= 0 ? cleaner_open_folder(parent, path_name(path)) : -1;
    struct stat status;
    if (frames >= 0 && (fstat(frames, &status) != 0 || status.st_uid != geteuid())) {
        (void)close(frames);
        frames = -1;
    }
    const bool found = frames >= 0;
    if (found) {
        walk_frames(parent, path_name(path), frames, walk);
    }
    if (parent >= 0) {
        (void)close(parent);
    }
    memory_free(parent_path);
    return found;
}

void cleaner_each_work(const char *state_dir, void (*visit)(void *context, const char *output), void *context)
{
    const int work = cleaner_open_work(state_dir);
    DIR *listing = work >= 0 ? list_folder(work) : NULL;
    for (const struct dirent *entry = NULL; listing != NULL && (entry = readdir(listing)) != NULL;) {
        if (!is_dots(entry->d_name)) {
            visit(context, entry->d_name);
        }
    }
    if (listing != NULL) {
        (void)closedir(listing);
    }
    if (work >= 0) {
        (void)close(work);
    }
}

void cleaner_drop_parts(const char *state_dir, const char *output)
{
    CleanWalk walk = {.remove = true, .scope = CLEAN_SCOPE_PARTS, .budget = CLEAN_NO_LIMIT};
    const int work = cleaner_open_work(state_dir);
    (void)cleaner_walk(work, output, &walk);
    if (work >= 0) {
        (void)close(work);
    }
}

/* ---- the queue ---- */

void cleaner_open(Cleaner *cleaner, const char *state_dir)
{
    *cleaner = (Cleaner){.state_dir = state_dir};
}

void cleaner_drop_empty(const char *state_dir)
{
    const int state = open(state_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (state >= 0) {
        (void)unlinkat(state, "work", AT_REMOVEDIR);
        (void)close(state);
    }
}

void cleaner_close(Cleaner *cleaner)
{
    cleaner_drop_empty(cleaner->state_dir);
    text_list_free(&cleaner->work);
    text_list_free(&cleaner->logs);
    *cleaner = (Cleaner){0};
}

static void forget_when_done(TextList *list, size_t *done)
{
    if (*done == list->count) {
        text_list_free(list);
        *done = 0;
    }
}

void cleaner_add_work(Cleaner *cleaner, const char *output)
{
    forget_when_done(&cleaner->work, &cleaner->work_done);
    text_list_add(&cleaner->work, output);
}

bool cleaner_waits_for(const Cleaner *cleaner, const char *output)
{
    for (size_t i = cleaner->work_done; i < cleaner->work.count; i++) {
        if (strcmp(cleaner->work.items[i], output) == 0) {
            return true;
        }
    }
    return false;
}

bool cleaner_is_idle(const Cleaner *cleaner)
{
    return cleaner->work_done == cleaner->work.count && cleaner->logs_done == cleaner->logs.count;
}

static void step_logs(Cleaner *cleaner)
{
    char *path = path_join(cleaner->state_dir, "logs");
    const int logs = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    for (int i = 0; i < CLEANER_STEP && cleaner->logs_done < cleaner->logs.count; i++) {
        const char *name = cleaner->logs.items[cleaner->logs_done++];
        if (logs >= 0) {
            (void)unlinkat(logs, name, 0);
        }
    }
    if (logs >= 0) {
        (void)close(logs);
    }
    memory_free(path);
}

const char *cleaner_step(Cleaner *cleaner, bool *stays)
{
    *stays = false;
    if (cleaner->work_done == cleaner->work.count) {
        if (cleaner->logs_done < cleaner->logs.count) {
            step_logs(cleaner);
        }
        return NULL;
    }
    const char *name = cleaner->work.items[cleaner->work_done];
    CleanWalk walk = {.remove = true, .budget = CLEANER_STEP};
    const int work = cleaner_open_work(cleaner->state_dir);
    (void)cleaner_walk(work, name, &walk);
    if (work >= 0) {
        (void)close(work);
    }
    if (walk.budget <= 0) {
        return NULL; /* there may be more */
    }
    *stays = walk.foreign > 0;
    cleaner->work_done++;
    return name;
}
